/* Finding a program, as execvp would. */
#pragma once
#include "base/types.h"

/* The file that execvp would take for name: 0, -ENOENT, -EACCES, -ENAMETOOLONG. */
int program_find(const char *name, char *path, size_t size);
