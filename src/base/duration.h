#pragma once
#include "base/types.h"

time_ns duration_parse(const char *text);   /* "200ms", "5s", "1.5m"; -1 */
