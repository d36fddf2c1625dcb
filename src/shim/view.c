/*
 * What a program sees of its own descriptors. Ours are there for the kernel, so where it tells of all that are open we take them out again: fstat, and
 * the directory /proc/self/fd, which programs read before they close what they don't know.
 */
#include <dirent.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include "shim/netpath.h"
#include "shim/shim.h"

long do_fstat(int fd, struct stat *ret) { return shim.active && table_peek(fd) == FD_HIDDEN ? -EBADF : netfile_fstat(fd, ret); }

/* /proc/PID/fd, or the same of a thread, and we are that process. */
static bool lists_our_descriptors(int dir)
{
	struct statfs fs;
	char path[32], target[64], *end;
	if (sys(SYS_fstatfs, dir, &fs) != 0 || fs.f_type != PROC_SUPER_MAGIC) return false;
	snprintf(path, sizeof path, "/proc/self/fd/%d", dir);
	long n = sys(SYS_readlink, path, target, sizeof target - 1);
	if (n < 10) return false;
	target[n] = 0;
	return strncmp(target, "/proc/", 6) == 0 && strtol(target + 6, &end, 10) == shim.pid && strcmp(target + n - 3, "/fd") == 0;
}

static bool names_hidden(const struct dirent64 *d)
{
	char *end;
	long fd = strtol(d->d_name, &end, 10);
	return *end == 0 && end != d->d_name && table_peek((int)fd) == FD_HIDDEN;
}

/* What is left of n octets of entries. */
static long entries_strip(uint8_t *at, long n)
{
	long kept = 0;
	for (long i = 0, len; i < n; i += len) {
		struct dirent64 *d = (struct dirent64 *)(at + i);
		len = d->d_reclen;
		if (names_hidden(d)) continue;
		memmove(at + kept, d, (size_t)len);
		kept += len;
	}
	return kept;
}

/* Nothing left of one part is not the end. */
long do_getdents64(int dir, void *to, size_t size)
{
	char net[NET_PATH_MAX];
	long n;
	if (shim.active && !spawned() && netdir_of(dir, net)) return netdir_read(dir, net, to, size);
	do {
		n = sys(SYS_getdents64, dir, to, size);
		if (n <= 0 || !shim.active || shim.sandboxed || !lists_our_descriptors(dir)) return n;
		n = entries_strip(to, n);
	} while (n == 0);
	return n;
}
