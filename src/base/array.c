/* See array.h. */
#include "base/array.h"
#include <stdlib.h>
#include <string.h>

void *array_grow(void *array, size_t *n, size_t size)
{
	void **at = array;

	if ((*n & (*n - 1)) == 0) {
		void *bigger = realloc(*at, (*n ? *n * 2 : 1) * size);

		if (!bigger) return NULL;
		*at = bigger;
	}
	return memset((char *)*at + size * (*n)++, 0, size);
}
