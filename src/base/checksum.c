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

static uint16_t fold64(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint32_t csum_add(uint32_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t low[SIDE_BY_SIDE] = {0}, high[SIDE_BY_SIDE] = {0}, wide = 0, word;
	for (; len >= sizeof low; p += sizeof low, len -= sizeof low) {
#pragma GCC unroll 4
		for (size_t i = 0; i < SIDE_BY_SIDE; i++) {
			memcpy(&word, p + i * sizeof word, sizeof word);
			low[i] += (uint32_t)word;
			high[i] += word >> 32;
		}
	}
	for (size_t i = 0; i < SIDE_BY_SIDE; i++)
		wide += low[i] + high[i];
	while (len) {
		/* RFC 1071 §4.1: an odd last octet is padded with zero on the right. */
		size_t n = MIN(len, sizeof word);
		word = 0;
		memcpy(&word, p, n);
		wide += (uint32_t)word + (word >> 32);
		p += n;
		len -= n;
	}
	uint16_t as_loaded = fold64(wide);
	uint8_t octets[2];
	memcpy(octets, &as_loaded, sizeof octets);
	return sum + read16(octets);
}

uint16_t csum_fold(uint32_t sum) { return (uint16_t)~fold64(sum); }

uint32_t csum_pseudo(const struct addr *src, const struct addr *dst, uint8_t proto, uint32_t len)
{
	bool v4 = addr_is_v4(src) && addr_is_v4(dst);
	size_t skip = v4 ? 12 : 0;
	uint32_t sum = csum_add(0, src->b + skip, 16 - skip);
	sum = csum_add(sum, dst->b + skip, 16 - skip);
	/* RFC 9293 §3.1 and RFC 8200 §8.1: the fields lie differently in the two families, their sum is the same. */
	return sum + proto + (len >> 16) + (len & 0xffff);
}
