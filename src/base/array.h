/* Arrays that grow at their end. There is no capacity to keep: one is full at every power of two. */
#pragma once
#include <stddef.h>

/* *array, which begins as NULL, has *n items of `size` octets. A zeroed new last one, or NULL without memory, and nothing has changed. */
void *array_grow(void *array, size_t *n, size_t size);
