/* What exec must know of a program before it runs. */
#pragma once
#include "base/types.h"

struct elf {
	const char *trouble;           /* NULL, or why the shim cannot be loaded: "is statically linked" */
	bool has_caps;                 /* file capabilities */
	char interpreter[128];
	char sanitizer[64];            /* runtime that insists on being loaded first, or "" */
};
void elf_look(struct elf *ret, int dir, const char *path, int flags);
