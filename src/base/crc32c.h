/* CRC32c (RFC 9260 Appendix A): begin with CRC32C_START, add what there is, and take crc32c_end() of it. */
#pragma once
#include "base/types.h"

#define CRC32C_START UINT32_MAX
uint32_t crc32c_add(uint32_t crc, const uint8_t *p, size_t n);
static inline uint32_t crc32c_end(uint32_t crc) { return ~crc; }
