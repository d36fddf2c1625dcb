/* What a file to be executed is, as far as loading the shim into it depends on it. */
#pragma once
#include "base/types.h"

struct program {
	bool is_elf;                   /* nothing below is known otherwise (a script) */
	bool is_foreign;               /* another machine or word size */
	bool is_static;                /* no ELF interpreter: nothing loads the shim */
	bool is_other_libc;            /* the interpreter is not glibc's */
	bool has_caps;                 /* file capabilities: the kernel makes ld.so drop LD_PRELOAD */
	char interpreter[128];
	char sanitizer[64];            /* its AddressSanitizer runtime, which insists on being first; "" */
};

/* The file that execvp would take for name: 0, -ENOENT, -EACCES, -ENAMETOOLONG. */
int program_find(const char *name, char *path, size_t size);
/* Fills p; a file that cannot be read is not an ELF file for us, and execve will say what is wrong with it. */
void program_inspect(struct program *p, const char *path);
