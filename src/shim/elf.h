/* What exec must know of a program before it runs. */
#pragma once
#include "base/types.h"

struct elf {
	const char *trouble;           /* NULL, or why the shim cannot be preloaded: "is statically linked" */
	bool foreign;                  /* instead the shim loads it: foreign/ */
	bool has_caps;                 /* file capabilities */
	char interpreter[128];
	char script_by[128], script_argument[128];   /* a script's first line, or "" */
	char sanitizer[64];            /* runtime that insists on being loaded first, or "" */
};
void elf_look(struct elf *ret, int dir, const char *path, int flags);
