/* Finding a program: the launcher must look at the file before it executes it, so execvp's own search comes too late. */
#include "cli/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0 when path is a file that may be executed. */
static int executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0) return -errno;
	if (!S_ISREG(st.st_mode)) return -EACCES;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

int program_find(const char *name, char *path, size_t size)
{
	const char *dir = getenv("PATH");
	int r, result = -ENOENT;

	if (strlen(name) >= size) return -ENAMETOOLONG;
	if (strchr(name, '/')) {
		strcpy(path, name);
		return executable(path);
	}
	for (dir = dir ? dir : "/bin:/usr/bin"; *name; dir++) {
		size_t len = strcspn(dir, ":");

		/* an empty element is the current directory */
		if ((size_t)snprintf(path, size, "%.*s%s%s", (int)len, dir, len ? "/" : "./", name) < size) {
			r = executable(path);
			if (r == 0) return 0;
			if (r == -EACCES) result = r;      /* remembered, as execvp does: a later directory may have it */
		}
		dir += len;
		if (!*dir) break;
	}
	return result;
}
