/*
 * The Internet checksum: the one's complement sum of 16-bit words. That sum does not care about byte order as long as the
 * result is stored as it was loaded (RFC 1071 §2 (B)), so eight octets are added at a time as the machine loads them, their
 * halves into sums of 64 bits, which no packet makes overflow; only the folded result is turned into host order. Four words
 * side by side keep one addition from waiting for the last, and compilers make vectors of them.
 *
 * Read first: RFC 1071 §§1-2.
 */
#include "base/checksum.h"

#define SIDE_BY_SIDE 4
#define STRIDE (SIDE_BY_SIDE * sizeof(uint64_t))

static uint16_t fold64(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static inline uint64_t load_word(const uint8_t *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof word);
	return word;
}

/* The last octets, fewer than a word. RFC 1071 §4.1: an odd one is padded with zero on the right. */
static inline uint64_t load_rest(const uint8_t *p, size_t len)
{
	uint64_t sum = 0;
	uint32_t four;
	uint16_t two;
	if (len & 4) {
		memcpy(&four, p, sizeof four);
		sum += four;
		p += sizeof four;
	}
	if (len & 2) {
		memcpy(&two, p, sizeof two);
		sum += two;
		p += sizeof two;
	}
	if (len & 1) {
		const uint8_t padded[2] = {*p};
		memcpy(&two, padded, sizeof two);
		sum += two;
	}
	return sum;
}

/* Whole strides only. */
static uint64_t add_strides(const uint8_t *p, size_t len)
{
	uint64_t low[SIDE_BY_SIDE] = {0}, high[SIDE_BY_SIDE] = {0}, wide = 0;
	for (; len >= STRIDE; p += STRIDE, len -= STRIDE) {
#pragma GCC unroll 4
		for (size_t i = 0; i < SIDE_BY_SIDE; i++) {
			uint64_t word = load_word(p + i * sizeof word);
			low[i] += (uint32_t)word;
			high[i] += word >> 32;
		}
	}
	for (size_t i = 0; i < SIDE_BY_SIDE; i++)
		wide += low[i] + high[i];
	return wide;
}

uint32_t csum_add(uint32_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t strides = len / STRIDE * STRIDE;
	uint64_t wide = strides > 0 ? add_strides(p, strides) : 0, word;
	for (p += strides, len -= strides; len >= sizeof word; p += sizeof word, len -= sizeof word) {
		word = load_word(p);
		wide += (uint32_t)word + (word >> 32);
	}
	wide += load_rest(p, len);
	uint16_t as_loaded = fold64(wide);
	uint8_t octets[2];
	memcpy(octets, &as_loaded, sizeof octets);
	return sum + read16(octets);
}

uint16_t csum_fold(uint32_t sum) { return (uint16_t)~fold64(sum); }

uint32_t csum_pseudo(const struct addr *src, const struct addr *dst, uint8_t proto, uint32_t len)
{
	uint32_t sum;
	if (addr_is_v4(src) && addr_is_v4(dst)) sum = (uint32_t)read16(src->b + 12) + read16(src->b + 14) + read16(dst->b + 12) + read16(dst->b + 14);
	else sum = csum_add(csum_add(0, src->b, sizeof src->b), dst->b, sizeof dst->b);
	/* RFC 9293 §3.1 and RFC 8200 §8.1: the fields lie differently in the two families, their sum is the same. */
	return sum + proto + (len >> 16) + (len & 0xffff);
}
