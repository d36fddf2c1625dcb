/*
 * The Internet checksum: the one's complement sum of 16-bit words. That sum does not care about byte order as long as the
 * result is stored as it was loaded (RFC 1071 §2 (B)), so eight octets are added at a time as the machine loads them, and
 * only the folded result is turned into host order.
 *
 * Read first: RFC 1071 §§1-2.
 */
#include "base/checksum.h"

static uint64_t add_carry(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

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
	uint64_t wide = 0, word;
	for (; len >= sizeof word; p += sizeof word, len -= sizeof word) {
		memcpy(&word, p, sizeof word);
		wide = add_carry(wide, word);
	}
	if (len) {
		/* RFC 1071 §4.1: an odd last octet is padded with zero on the right. */
		word = 0;
		memcpy(&word, p, len);
		wide = add_carry(wide, word);
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
