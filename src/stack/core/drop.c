/* Names of the drop reasons: the list is in drop.h. */
#include "stack/core/drop.h"
#include <stddef.h>

#define X(name, text) {#name, text},
static const struct { const char *name, *text; } reasons[DROP_COUNT] = { DROP_REASONS(X) };
#undef X

const char *drop_name(enum drop_reason r)
{
	return (unsigned)r < DROP_COUNT ? reasons[r].name : "?";
}

const char *drop_text(enum drop_reason r)
{
	return (unsigned)r < DROP_COUNT ? reasons[r].text : "?";
}
