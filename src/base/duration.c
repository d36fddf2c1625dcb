/* Durations as people write them. */
#include "base/duration.h"
#include <stdlib.h>

time_ns duration_parse(const char *text)
{
	static const struct { const char *unit; time_ns ns; } units[] = {
		{"us", NS_PER_US}, {"ms", NS_PER_MS}, {"s", NS_PER_S}, {"m", 60 * NS_PER_S}, {"h", 3600 * NS_PER_S},
	};
	char *end;
	double n = strtod(text, &end);
	if (end == text || !(n >= 0 && n < 1e6)) return -1;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strcmp(end, units[i].unit) == 0) return (time_ns)(n * (double)units[i].ns);
	return -1;
}
