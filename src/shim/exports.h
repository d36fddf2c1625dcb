/* The wrappers of exports.c, by name, for patch.c. */
#pragma once

struct export { const char *name; void (*wrapper)(void); };
extern const struct export exports[];
