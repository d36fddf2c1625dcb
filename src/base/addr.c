/*
 * Addresses as values: kinds, prefixes and text.
 *
 * Read first: RFC 4291 §2 (IPv6 addresses and their text), RFC 5952 (the one recommended text).
 */
#include "base/addr.h"
#include <errno.h>
#include <stdio.h>

#define V4_PREFIX_BITS 96

const struct addr addr_any6 = {{0}};
const struct addr addr_any4 = {{[10] = 0xff, 0xff}};
const struct addr addr_loop6 = {{[15] = 1}};
const struct addr addr_loop4 = {{[10] = 0xff, 0xff, 127, 0, 0, 1}};
const struct addr addr_bcast4 = {{[10] = 0xff, 0xff, 255, 255, 255, 255}};
const struct mac mac_bcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

struct addr addr_v4(uint32_t host_order)
{
	struct addr a = addr_any4;
	write32(a.b + 12, host_order);
	return a;
}

struct addr addr_v4_octets(const uint8_t octets[4]) { return addr_v4(read32(octets)); }

struct addr addr_v6_octets(const uint8_t octets[16])
{
	struct addr a;
	memcpy(a.b, octets, sizeof a.b);
	return a;
}

uint32_t addr_to_v4(const struct addr *a) { return read32(a->b + 12); }
bool addr_is_linklocal(const struct addr *a)
{
	if (addr_is_v4(a)) return a->b[12] == 169 && a->b[13] == 254;
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

int addr_cmp(const struct addr *a, const struct addr *b) { return memcmp(a, b, sizeof *a); }

/* How many of the 128 bits a prefix of a's family covers. */
static unsigned prefix_bits(const struct addr *a, unsigned plen)
{
	return MIN(addr_is_v4(a) ? plen + V4_PREFIX_BITS : plen, 128u);
}

static uint8_t octet_mask(unsigned bits, unsigned octet)
{
	if (bits >= 8 * (octet + 1)) return 0xff;
	if (bits <= 8 * octet) return 0;
	return (uint8_t)(0xff00u >> (bits - 8 * octet));
}

static uint64_t half(const struct addr *a, unsigned i) { return (uint64_t)read32(a->b + 8 * i) << 32 | read32(a->b + 8 * i + 4); }

bool addr_in_prefix(const struct addr *a, const struct addr *prefix, unsigned plen)
{
	unsigned bits = prefix_bits(prefix, plen);
	uint64_t high = half(a, 0) ^ half(prefix, 0), low = half(a, 1) ^ half(prefix, 1);
	if (addr_is_v4(a) != addr_is_v4(prefix)) return false;
	if (bits <= 64) return bits == 0 || high >> (64 - bits) == 0;
	return high == 0 && low >> (128 - bits) == 0;
}

struct addr addr_mask(const struct addr *a, unsigned plen)
{
	unsigned bits = prefix_bits(a, plen);
	struct addr r;
	for (unsigned i = 0; i < sizeof r.b; i++)
		r.b[i] = a->b[i] & octet_mask(bits, i);
	return r;
}

struct addr addr_last(const struct addr *a, unsigned plen)
{
	unsigned bits = prefix_bits(a, plen);
	struct addr r;
	for (unsigned i = 0; i < sizeof r.b; i++)
		r.b[i] = (uint8_t)(a->b[i] | (uint8_t)~octet_mask(bits, i));
	return r;
}

struct addr addr_solicited_node(const struct addr *a)
{
	struct addr r = {{0xff, 0x02, [11] = 1, 0xff}};
	memcpy(r.b + 13, a->b + 13, 3);
	return r;
}

/* Four decimal octets without leading zeros (as inet_pton); the end of what was read, or NULL. */
static const char *parse_v4(uint8_t ret[4], const char *s)
{
	for (int i = 0; i < 4; i++) {
		unsigned v = 0, digits = 0;
		for (; *s >= '0' && *s <= '9'; s++) {
			if (digits && v == 0) return NULL;
			v = v * 10 + (unsigned)(*s - '0');
			if (++digits > 3 || v > 255) return NULL;
		}
		if (!digits || (i < 3 && *s++ != '.')) return NULL;
		ret[i] = (uint8_t)v;
	}
	return s;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One group of up to four hex digits; the end of what was read, or NULL. */
static const char *parse_group(uint8_t ret[2], const char *s)
{
	unsigned v = 0, digits = 0;
	for (; hex_digit(*s) >= 0; s++) {
		if (++digits > 4) return NULL;
		v = v << 4 | (unsigned)hex_digit(*s);
	}
	if (!digits) return NULL;
	write16(ret, (uint16_t)v);
	return s;
}

static bool looks_dotted(const char *s)
{
	size_t digits = strspn(s, "0123456789");
	return digits && s[digits] == '.';
}

/* RFC 4291 §2.2: groups left of "::" are written from the front; those right of it are moved to the back afterwards. */
static const char *parse_v6(uint8_t ret[16], const char *s)
{
	uint8_t b[16] = {0};
	size_t at = 0, gap = SIZE_MAX;
	if (s[0] == ':' && s[1] != ':') return NULL;
	if (s[0] == ':') s++;
	while (at < 16) {
		if (*s == ':') {
			if (gap != SIZE_MAX) return NULL;
			gap = at;
			if (hex_digit(*++s) < 0) break;
		}
		bool dotted = looks_dotted(s);
		if (dotted && at > 12) return NULL;
		s = dotted ? parse_v4(b + at, s) : parse_group(b + at, s);
		if (!s) return NULL;
		at += dotted ? 4 : 2;
		if (dotted || *s != ':' || at == 16) break;
		s++;
	}
	/* "::" behind the eighth group stands for nothing, which RFC 4291 does not allow. */
	if (gap == SIZE_MAX ? at != 16 : at > 14) return NULL;
	if (gap != SIZE_MAX) {
		memmove(b + 16 - (at - gap), b + gap, at - gap);
		memset(b + gap, 0, 16 - at);
	}
	memcpy(ret, b, sizeof b);
	return s;
}

/* Either family; the end of what was read, or NULL. */
static const char *parse_any(struct addr *ret, const char *text)
{
	struct addr a = addr_any4;
	const char *end = looks_dotted(text) ? parse_v4(a.b + 12, text) : parse_v6(a.b, text);
	if (end) *ret = a;
	return end;
}

int addr_parse(struct addr *ret, const char *text)
{
	struct addr a;
	const char *end = parse_any(&a, text);
	if (!end || *end) return -EINVAL;
	*ret = a;
	return 0;
}

int addr_parse_prefix(struct addr *ret, unsigned *ret_plen, const char *text)
{
	struct addr a;
	const char *end = parse_any(&a, text);
	if (!end) return -EINVAL;
	unsigned max = addr_is_v4(&a) ? 32 : 128, plen = max;
	if (*end == '/') {
		size_t digits = strspn(++end, "0123456789");
		if (digits == 0 || digits > 3) return -EINVAL;
		for (plen = 0; digits; digits--)
			plen = plen * 10 + (unsigned)(*end++ - '0');
	}
	if (*end || plen > max) return -EINVAL;
	*ret = a;
	*ret_plen = plen;
	return 0;
}

/* RFC 5952 §4.2: the longest run of two or more zero groups, the first among equals. */
static void longest_zeros(const struct addr *a, int *ret_start, int *ret_len)
{
	int best = -1, best_len = 1;
	for (int i = 0, run = 0; i < 8; i++) {
		run = read16(a->b + 2 * i) ? 0 : run + 1;
		if (run > best_len) {
			best = i - run + 1;
			best_len = run;
		}
	}
	*ret_start = best;
	*ret_len = best < 0 ? 0 : best_len;
}

const char *addr_text(char buf[ADDR_TEXT_MAX], const struct addr *a)
{
	if (addr_is_v4(a)) {
		snprintf(buf, ADDR_TEXT_MAX, "%u.%u.%u.%u", a->b[12], a->b[13], a->b[14], a->b[15]);
		return buf;
	}
	int gap, gap_len;
	longest_zeros(a, &gap, &gap_len);
	char *p = buf, *end = buf + ADDR_TEXT_MAX;
	for (int i = 0; i < 8;) {
		if (i == gap) {
			p += snprintf(p, (size_t)(end - p), "::");
			i += gap_len;
		} else {
			const char *colon = i && i != gap + gap_len ? ":" : "";
			p += snprintf(p, (size_t)(end - p), "%s%x", colon, read16(a->b + 2 * i));
			i++;
		}
	}
	return buf;
}

const char *mac_text(char buf[MAC_TEXT_MAX], const struct mac *m)
{
	snprintf(buf, MAC_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", m->b[0], m->b[1], m->b[2], m->b[3], m->b[4], m->b[5]);
	return buf;
}
