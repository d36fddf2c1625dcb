/* Values of settings as texts: numbers side by side, and keys of 16 octets. */
#include "stack/core/sysctl_text.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 21            /* characters */

/* As the kernel: a number in any of C's notations, of so many characters. What follows it, or NULL. */
static const char *read_number(const char *text, long *ret)
{
	bool negative = *text == '-';
	char *end;

	if (text[negative] < '0' || text[negative] > '9') return NULL;
	*ret = strtol(text, &end, 0);
	if (end - text > NUMBER_MAX || *ret < INT_MIN || *ret > UINT_MAX) return NULL;
	return end;
}

/* Reads up to max numbers, parted by blanks, of len octets: how many, with whatever follows them, or -EINVAL. Those before a mistake are in *ret_good. */
int sysctl_read_longs(const char *text, size_t len, long *ret, int max, int *ret_good)
{
	const char *end = text + len;

	for (*ret_good = 0; *ret_good < max; ++*ret_good) {
		text += strspn(text, " \t\n\v\f\r");
		if (text == end) return *ret_good;
		text = read_number(text, &ret[*ret_good]);
		if (!text || (text < end && (*text == 0 || !strchr(" \t\n", *text)))) return -EINVAL;
	}
	return max;
}

/* Four words of up to eight digits. They are little-endian: the first is the low half of k0. What follows, or NULL. */
static const char *read_key(const char *text, struct siphash_key *ret)
{
	uint64_t w[4];

	for (int i = 0; i < 4; i++) {
		size_t digits = strspn(text, "0123456789abcdefABCDEF");
		if (digits == 0 || digits > 8 || (i < 3 && text[digits] != '-')) return NULL;
		w[i] = (uint64_t)strtol(text, NULL, 16);
		text += digits + (i < 3);
	}
	*ret = (struct siphash_key){w[0] | w[1] << 32, w[2] | w[3] << 32};
	return text;
}

int sysctl_read_keys(const char *text, struct fastopen_keys *ret)
{
	struct fastopen_keys k = {0};

	do {
		text = k.n < ARRAY_SIZE(k.key) ? read_key(text + (k.n != 0), &k.key[k.n]) : NULL;
		if (!text) return -EINVAL;
		k.n++;
	} while (*text == ',');
	if (text[strspn(text, " \t\n")]) return -EINVAL;
	*ret = k;
	return 0;
}

int sysctl_write_keys(const struct fastopen_keys *keys, char *buf, size_t size)
{
	int len = 0;

	for (uint32_t i = 0; i < MAX(keys->n, 1u); i++) {
		const struct siphash_key *k = &keys->key[i];
		size_t used = MIN((size_t)len, size);
		len += snprintf(buf + used, size - used, "%s%08x-%08x-%08x-%08x", i ? "," : "", (unsigned)k->k0, (unsigned)(k->k0 >> 32), (unsigned)k->k1,
				(unsigned)(k->k1 >> 32));
	}
	return len;
}
