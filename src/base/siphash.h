/* SipHash-2-4 (Aumasson, Bernstein): the keyed hash behind tables, ISNs, ports and IDs. 64-bit result. */
#pragma once
#include "base/types.h"

struct siphash_key { uint64_t k0, k1; };
uint64_t siphash(const struct siphash_key *key, const void *data, size_t len);
