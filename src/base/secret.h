/* Memory that holds secrets. */
#pragma once
#include "base/types.h"

/* Secrets do not stay in memory; the compiler is told that somebody looks. */
static inline void secret_wipe(void *at, size_t len)
{
	memset(at, 0, len);
	__asm__ volatile("" : : "r"(at) : "memory");
}

/* The time does not tell where they differ. */
static inline bool secret_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint8_t differ = 0;

	for (size_t i = 0; i < len; i++) differ |= a[i] ^ b[i];
	return differ == 0;
}
