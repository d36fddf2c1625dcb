/*
 * /proc/net/unix as this host sees it: the kernel's, without the abstract names of others, and with our own as programs know them. A line is
 *
 *     Num: RefCount Protocol Flags Type St Inode[ Path]
 *
 * where Path begins with '@' for an abstract name, whose NULs are '@', too.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include "shim/shim.h"
#include "shim/unix.h"

#define NAME_MAX_LEN sizeof(((struct sockaddr_un *)0)->sun_path)

/* Where the path of a line of n octets begins: n when it has none. */
static size_t path_at(const char *line, size_t n)
{
	size_t i = 0;
	for (int column = 0; column < 7; column++) {
		while (i < n && line[i] == ' ') i++;
		while (i < n && line[i] != ' ') i++;
	}
	return i < n ? i + 1 : n;
}

static long line_write(int to, const char *line, size_t n)
{
	char path[NAME_MAX_LEN];
	size_t at = path_at(line, n), len = n - at;
	if (len == 0 || line[at] != '@' || len > sizeof path) return sys(SYS_write, to, line, n + 1);
	memcpy(path, line + at, len);
	path[0] = 0;
	if (unix_name_is_outside(path, len)) return 0;
	len = unix_path_in(path, len);
	for (size_t i = 0; i < len; i++)
		if (path[i] == 0) path[i] = '@';
	struct iovec iov[] = {{(void *)line, at}, {path, len}, {"\n", 1}};
	return sys(SYS_writev, to, iov, 3);
}

/* All lines of `from`, as they are to be, to `to`. */
static long lines_copy(int from, int to, char *buf, size_t size)
{
	size_t have = 0;
	for (;;) {
		long n = sys(SYS_read, from, buf + have, size - have);
		if (n <= 0) return n;
		have += (size_t)n;
		char *line = buf, *end;
		while ((end = memchr(line, '\n', have - (size_t)(line - buf)))) {
			long r = line_write(to, line, (size_t)(end - line));
			if (r < 0) return r;
			line = end + 1;
		}
		have -= (size_t)(line - buf);
		memmove(buf, line, have);
		if (have == size) return -EIO;
	}
}

long unix_table_open(int flags)
{
	int from = (int)sys(SYS_openat, AT_FDCWD, UNIX_TABLE, flags | O_CLOEXEC, 0);
	if (from < 0) return from;
	int to = (int)sys(SYS_memfd_create, UNIX_TABLE, flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
	char *buf = (char *)scratch_take();
	long r = to < 0 ? to : buf ? lines_copy(from, to, buf, SCRATCH_SIZE) : -ENOMEM;
	if (r >= 0) r = sys(SYS_lseek, to, 0, SEEK_SET);
	scratch_give((uint8_t *)buf);
	sys(SYS_close, from);
	if (r >= 0) return to;
	if (to >= 0) sys(SYS_close, to);
	return r;
}
