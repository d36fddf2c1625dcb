/*
 * How far select looks. Linux looks no further than its table of descriptors reaches, which grows by doubling: a program that gives getdtablesize()
 * as its number of descriptors has sets of 1024, and what lies behind those is not looked at. Our own descriptors have made the kernel's table larger
 * than the program knows of, so its end is reckoned here from those that the program has.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include "shim/poll.h"

#define TABLE_LEAST 256   /* Linux begins with 64; but so it is in all that a shell's script has started, which bash reads by descriptor 255 */
#define TABLE_MOST (1 << 20)

struct sets { int n; const fd_set *set[3]; };

static bool is_open(int fd)
{
	enum fd_kind kind = table_peek(fd);
	return kind == FD_CHANNEL || (kind != FD_HIDDEN && sys(SYS_fcntl, fd, F_GETFD) >= 0);
}

/* Does a bit behind the smallest table mean a descriptor that is not there? */
static long strays(void *arg)
{
	const struct sets *s = arg;
	for (int first = TABLE_LEAST; first < s->n; first += 64) {
		uint64_t bits = 0;
		for (int i = 0; i < 3; i++) bits |= s->set[i] ? (uint64_t)s->set[i]->fds_bits[first / 64] : 0;
		for (; bits != 0; bits &= bits - 1)
			if (!is_open(first + __builtin_ctzll(bits))) return 1;
	}
	return 0;
}

static int highest_of(const uint8_t *entries, long n, int dir, int highest)
{
	for (long at = 0; at < n; at += ((const struct dirent64 *)(entries + at))->d_reclen) {
		const char *name = ((const struct dirent64 *)(entries + at))->d_name;
		int fd = *name == '.' ? -1 : (int)strtol(name, NULL, 10);
		if (fd != dir && fd > highest && table_peek(fd) != FD_HIDDEN) highest = fd;
	}
	return highest;
}

/* The program's highest descriptor; -1: that is not to be known. */
static int highest_open(void)
{
	_Alignas(struct dirent64) uint8_t entries[1024];
	int dir = (int)sys(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), highest = -1;
	if (dir < 0) return -1;
	for (long n; (n = sys(SYS_getdents64, dir, entries, sizeof entries)) > 0;) highest = highest_of(entries, n, dir, highest);
	sys(SYS_close, dir);
	return highest;
}

int select_reach(int n, const fd_set *in, const fd_set *out, const fd_set *ex)
{
	struct sets s = {MIN(n, TABLE_MOST), {in, out, ex}};
	if (n <= TABLE_LEAST || guarded(strays, &s) == 0) return MIN(n, TABLE_MOST);
	int highest = highest_open(), table = TABLE_LEAST;
	while (table <= highest) table *= 2;
	return highest < 0 ? s.n : MIN(s.n, table);
}
