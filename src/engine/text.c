/* Text for the user, cut when it is full. */
#include <stdarg.h>
#include <stdio.h>
#include "engine/private.h"

void text_add(struct text *t, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(t->at + t->len, t->size - t->len, format, ap);
	va_end(ap);
	if (n > 0) t->len = MIN(t->len + (size_t)n, t->size - 1);
}
