/* The Internet checksum, RFC 1071. Sums are kept unfolded in 32 bits so that parts can be added; parts must start at even offsets. */
#pragma once
#include "base/addr.h"
#include "base/types.h"

uint32_t csum_add(uint32_t sum, const void *data, size_t len);
uint16_t csum_fold(uint32_t sum);   /* the complement, ready for the wire */
/* Pseudo-header of IPv4 or IPv6 (chosen by the addresses: both v4-mapped means IPv4), to be passed on to csum_add. */
uint32_t csum_pseudo(const struct addr *src, const struct addr *dst, uint8_t proto, uint32_t len);
