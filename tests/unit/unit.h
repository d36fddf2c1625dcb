/* What every unit test includes, in the order that cmocka wants. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/types.h"

/* An allocation of exactly n octets with the given content, so that a sanitizer sees every octet read beyond it. */
static inline uint8_t *exactly(const void *data, size_t n)
{
	uint8_t *p = malloc(n ? n : 1);
	assert_non_null(p);
	if (n) memcpy(p, data, n);
	return p;
}
