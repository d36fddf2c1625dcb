/*
 * A file of one value: a setting of the network (/proc/sys/net), or what sysfs says of an interface. Linux writes its text when it is read, and so do
 * we: of the memory file that the program has (files.c) only the position counts, which all have in common who share the open file, and its own name,
 * which says what setting it is. So it is known by any number, and after exec, too. Whoever reads past us finds the text of the moment when it was
 * opened, and may not write.
 */
#include "shim/setting.h"
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "shim/shim.h"

#define SYSCTL "/proc/sys/net/"
#define DEVICES "/sys/devices/virtual/net/"
#define TABLES "/proc/net/"
#define MEMORY "/memfd:"
#define TEXT_MAX 4096            /* a page, as in Linux */

static bool begins(const char *path, const char *with) { return strncmp(path, with, strlen(with)) == 0; }
bool setting_named(const char *path) { return begins(path, SYSCTL) || begins(path, DEVICES); }
bool setting_may(const char *path) { return setting_named(path) && shim.privileged && caps_admin(); }

bool netfile_of(int fd, char ret[NET_PATH_MAX])
{
	char link[32], target[NET_PATH_MAX + 32] = "";
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	long n = sys(SYS_readlinkat, AT_FDCWD, link, target, sizeof target - 1);
	char *end = n > 0 ? strstr(target, " (deleted)") : NULL;
	const char *path = target + sizeof MEMORY - 1;
	if (!end || !begins(target, MEMORY) || end - path >= NET_PATH_MAX) return false;
	*end = 0;
	strcpy(ret, path);
	return true;
}

/* Which setting fd is, as its path. */
static bool path_of(int fd, char ret[NET_PATH_MAX]) { return netfile_of(fd, ret) && setting_named(ret); }

static bool is_memory(const struct stat *st) { return S_ISREG(st->st_mode) && st->st_nlink == 0 && (st->st_mode & 0222) == 0; }

bool setting_is(int fd, const struct stat *st)
{
	char path[NET_PATH_MAX];
	return is_memory(st) && path_of(fd, path);
}

bool nettable_is(int fd, const struct stat *st)
{
	char path[NET_PATH_MAX];
	return is_memory(st) && netfile_of(fd, path) && begins(path, TABLES);
}

int setting_open(const char *path, mode_t mode, int flags)
{
	return mode & S_IWUSR && setting_may(path) ? file_open(path, flags) : -EACCES;
}

/* 0, or why fd is not open for such a call. */
static int open_for(int fd, int not_this)
{
	long flags = sys(SYS_fcntl, fd, F_GETFL);
	if (flags < 0) return (int)flags;
	return (flags & O_ACCMODE) == not_this || flags & O_PATH ? -EBADF : 0;
}

/* Where a call begins: at `at`, or, with SETTING_HERE, where the file stands. */
static off_t position(int fd, off_t at) { return at == SETTING_HERE ? sys(SYS_lseek, fd, 0, SEEK_CUR) : at; }

static void moved(int fd, off_t at, off_t to)
{
	if (at == SETTING_HERE) sys(SYS_lseek, fd, to, SEEK_SET);
}

/* As Linux: numbers are read at the beginning or not at all. */
static bool is_numbers(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!memchr("0123456789-, \t\n", text[i], 15)) return false;
	return true;
}

/* What there is to read from a position on. */
static long text_from(const char *path, off_t from, char *to, size_t room)
{
	struct call c = {.op = RPC_FILE, .in = {{(void *)path, strlen(path)}}, .out = to, .out_cap = room};
	int64_t r = control(&c);
	if (r < 0) return r == -ENOENT ? -ENODEV : (long)r;
	size_t len = MIN(c.out_len, room);
	if ((size_t)from >= len || (from > 0 && begins(path, SYSCTL) && is_numbers(to, len))) return 0;
	memmove(to, to + from, len - (size_t)from);
	return (long)len - from;
}

long setting_read(int fd, const struct iovec *iov, int n, off_t at)
{
	char path[NET_PATH_MAX], text[TEXT_MAX];
	struct iovec v;
	int err = open_for(fd, O_WRONLY);
	off_t from = position(fd, at);
	if (err == 0 && !path_of(fd, path)) err = -EBADF;
	if (err != 0 || from < 0) return err != 0 ? err : -EINVAL;
	long len = text_from(path, from, text, sizeof text), done = 0;
	for (int i = 0; i < n && done < len; i++, done += (long)v.iov_len) {
		if (user_get(v, &iov[i]) != 0) return -EFAULT;
		v.iov_len = MIN(v.iov_len, (size_t)(len - done));
		if (user_copy(v.iov_base, text + done, v.iov_len) != 0) return -EFAULT;
	}
	if (len < 0) return len;
	moved(fd, at, from + done);
	return done;
}

/* What is written, behind the path and its NUL, n octets: how many in all, or why not. */
static long gathered(char text[RPC_SETTING_MAX], size_t n, const struct iovec *iov, int count)
{
	struct iovec v;
	for (int i = 0; i < count; i++, n += v.iov_len) {
		if (user_get(v, &iov[i]) != 0) return -EFAULT;
		if (v.iov_len > RPC_SETTING_MAX - n) return -EINVAL;
		if (user_copy(text + n, v.iov_base, v.iov_len) != 0) return -EFAULT;
	}
	return (long)n;
}

/* As Linux: of a sysctl what is not at the beginning is taken and means nothing. */
long setting_write(int fd, const struct iovec *iov, int n, off_t at)
{
	char text[RPC_SETTING_MAX];
	int err = open_for(fd, O_RDONLY);
	off_t from = position(fd, at);
	if (err == 0 && !path_of(fd, text)) err = -EBADF;
	if (err != 0 || from < 0) return err != 0 ? err : -EINVAL;
	long path = (long)strlen(text) + 1, len = gathered(text, (size_t)path, iov, n);
	if (len < 0) return len;
	if (len > path && (from == 0 || begins(text, DEVICES))) {
		struct call c = {.op = RPC_SETTING, .in = {{text, (size_t)len}}};
		int64_t r = control(&c);
		if (r < 0) return (long)r;
	}
	moved(fd, at, from + len - path);
	return len - path;
}
