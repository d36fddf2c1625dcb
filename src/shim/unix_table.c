/*
 * /proc/net/unix as this host sees it: the kernel's, without the abstract names of others, and with our own as programs know them. A line is
 *
 *     Num: RefCount Protocol Flags Type St Inode[ Path]
 *
 * where Path begins with '@' for an abstract name, whose NULs are '@', too. The kernel's sockets that stand for ours, anchors and those that the
 * outside finds, are not in it; Unix sockets of the engine's are. What the engine says of both (src/engine/proc/unix.c) lies mapped while the table is made.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include "shim/shim.h"
#include "shim/unix.h"

#define NAME_MAX_LEN sizeof(((struct sockaddr_un *)0)->sun_path)

/* ---- what the engine says ---- */

#define INODE_DIGITS 20
#define RECORD (INODE_DIGITS + 1)
#define COLON_AT 16                   /* of a line of the table; an inode has a digit there */

struct known { const char *at; size_t len, n; };   /* n inodes, then lines */

static struct known known_load(void)
{
	struct known k = {NULL, 0, 0};
	struct stat st;
	int fd = file_open(UNIX_TABLE, O_CLOEXEC);
	if (fd < 0) return k;
	if (sys(SYS_fstat, fd, &st) == 0 && st.st_size > 0) {
		void *at = (void *)sys(SYS_mmap, NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if ((unsigned long)at < -4095UL) k = (struct known){at, (size_t)st.st_size, 0};
	}
	sys(SYS_close, fd);
	while ((k.n + 1) * RECORD <= k.len && k.at[k.n * RECORD + COLON_AT] != ':') k.n++;
	return k;
}

static void known_drop(const struct known *k)
{
	if (k->at) sys(SYS_munmap, k->at, k->len);
}

/* An inode, as its line's column tells it. */
static bool is_ours(const struct known *k, const char *digits, size_t n)
{
	char key[INODE_DIGITS];
	size_t low = 0, high = k->n;
	if (n > sizeof key) return false;
	memset(key, '0', sizeof key);
	memcpy(key + sizeof key - n, digits, n);
	while (low < high) {
		size_t middle = (low + high) / 2;
		int c = memcmp(key, k->at + middle * RECORD, sizeof key);
		if (c == 0) return true;
		if (c < 0) high = middle;
		else low = middle + 1;
	}
	return false;
}

/* ---- lines ---- */

/* Where the path of a line of n octets begins: n when it has none. The column before it is the inode. */
static size_t path_at(const char *line, size_t n, size_t *ret_inode, size_t *ret_inode_len)
{
	size_t i = 0;
	for (int column = 0; column < 7; column++) {
		while (i < n && line[i] == ' ') i++;
		*ret_inode = i;
		while (i < n && line[i] != ' ') i++;
		*ret_inode_len = i - *ret_inode;
	}
	return i < n ? i + 1 : n;
}

static long line_write(int to, const char *line, size_t n, const struct known *k)
{
	char path[NAME_MAX_LEN];
	size_t inode, inode_len, at = path_at(line, n, &inode, &inode_len), len = n - at;
	if (is_ours(k, line + inode, inode_len)) return 0;
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
static long lines_copy(int from, int to, char *buf, size_t size, const struct known *k)
{
	size_t have = 0;
	for (;;) {
		long n = sys(SYS_read, from, buf + have, size - have);
		if (n <= 0) return n;
		have += (size_t)n;
		char *line = buf, *end;
		while ((end = memchr(line, '\n', have - (size_t)(line - buf)))) {
			long r = line_write(to, line, (size_t)(end - line), k);
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
	struct known k = known_load();
	long r = to < 0 ? to : buf ? lines_copy(from, to, buf, SCRATCH_SIZE, &k) : -ENOMEM;
	if (r >= 0 && k.len > k.n * RECORD) r = sys(SYS_write, to, k.at + k.n * RECORD, k.len - k.n * RECORD);
	known_drop(&k);
	if (r >= 0) r = sys(SYS_lseek, to, 0, SEEK_SET);
	scratch_give((uint8_t *)buf);
	sys(SYS_close, from);
	if (r >= 0) return to;
	if (to >= 0) sys(SYS_close, to);
	return r;
}
