/* What a program does to any file, done to sockets: positions, sizes, maps, and octets that go from one descriptor to another. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "calls.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define BAD ((void *)1)

static long seek(int fd) { return lseek(fd, 1, SEEK_CUR); }
static long truncate_it(int fd) { return ftruncate(fd, 0); }
static long sync_it(int fd) { return fsync(fd); }
static long sync_data(int fd) { return fdatasync(fd); }
static long sync_range(int fd) { return sync_file_range(fd, 0, 1, 0); }
static long sync_all(int fd) { return syncfs(fd); }
static long allocate(int fd) { return fallocate(fd, 0, 0, 1); }
static long advise(int fd) { return errno = posix_fadvise(fd, 0, 1, POSIX_FADV_NORMAL), errno ? -1 : 0; }
static long ahead(int fd) { return readahead(fd, 0, 1); }
static long read_at(int fd) { char c; return pread(fd, &c, 1, 0); }
static long write_at(int fd) { return pwrite(fd, "x", 1, 0); }
static long read_before(int fd) { char c; return pread(fd, &c, 1, -1); }
static long go(int fd) { return fchdir(fd); }
static long lock(int fd) { return flock(fd, LOCK_EX | LOCK_NB); }
static long list(int fd) { char b[64]; return readlinkat(fd, "", b, sizeof b); }

static long map(int fd)
{
	void *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (at != MAP_FAILED) munmap(at, 4096);
	return at == MAP_FAILED ? -1 : 0;
}

static long kind(int fd)
{
	struct stat st;
	return fstat(fd, &st) < 0 ? -1 : (long)(st.st_mode & S_IFMT) + (long)st.st_size;
}

static long links(int fd)
{
	struct stat st;
	return fstat(fd, &st) < 0 ? -1 : (long)st.st_nlink;
}

static long copy_range(int fd)
{
	int file = memfd_create("differ", MFD_CLOEXEC);
	long r = copy_file_range(file, NULL, fd, NULL, 1, 0);
	int err = errno;
	close(file);
	errno = err;
	return r;
}

static const struct { const char *text; long (*run)(int fd); } acts[] = {
	{"lseek", seek}, {"ftruncate", truncate_it}, {"fsync", sync_it}, {"fdatasync", sync_data}, {"sync_file_range", sync_range}, {"syncfs", sync_all},
	{"fallocate", allocate}, {"posix_fadvise", advise}, {"readahead", ahead}, {"pread", read_at}, {"pwrite", write_at}, {"pread before", read_before},
	{"fchdir", go}, {"flock", lock}, {"readlinkat", list}, {"mmap", map}, {"fstat", kind}, {"fstat links", links}, {"copy_file_range", copy_range},
};

void do_file(struct program *p)
{
	int slot = slot_any(p);
	size_t i = number(&p->n, COUNT(acts));
	say(p, "%s(%d)", acts[i].text, slot);
	say_result(p, acts[i].run(p->fd[slot]));
}

/* preadv2 and pwritev2: at a position, at none, and with flags that are a file's. */
void do_positioned(struct program *p)
{
	static const int flags[] = {0, 0, RWF_NOWAIT, RWF_HIPRI, RWF_APPEND, RWF_DSYNC, 0x40000000};
	static const off_t positions[] = {-1, -1, 0, 5, -2};
	uint8_t octets[50] = {0};
	struct iovec iov[2] = {{octets, number(&p->n, 25)}, {octets + 25, number(&p->n, 25)}};
	int slot = slot_any(p), flag = flags[number(&p->n, COUNT(flags))], count = (int)number(&p->n, 3);
	off_t at = positions[number(&p->n, COUNT(positions))];
	bool out = chance(&p->n, 50);
	if (!(fcntl(p->fd[slot], F_GETFL) & O_NONBLOCK)) return;
	say(p, "%s(%d, %d, at %ld, %#x)", out ? "pwritev2" : "preadv2", slot, count, (long)at, flag);
	if (out) octets_fill(p, octets, sizeof octets);
	ssize_t r = out ? pwritev2(p->fd[slot], iov, count, at, flag) : preadv2(p->fd[slot], iov, count, at, flag);
	say_result(p, r);
	if (!out) octets_say(p, octets, r < 0 ? 0 : (ssize_t)sizeof octets);
}

/* ---- from one to another ---- */

/* With the wrong end of a pipe, a position where there is none, flags and lengths that nobody gives; a socket at both ends. */
void do_splice_odd(struct program *p)
{
	static const unsigned flags[] = {0, SPLICE_F_NONBLOCK, SPLICE_F_MORE, SPLICE_F_MOVE, 0x10, ~0u};
	static const size_t lens[] = {0, 1, 50, SIZE_MAX, (size_t)1 << 31};
	int from = slot_any(p), to = slot_any(p), fd[2], which = (int)number(&p->n, 6);
	unsigned flag = flags[number(&p->n, COUNT(flags))];
	size_t len = lens[number(&p->n, COUNT(lens))];
	loff_t at = 0;
	if (pipe2(fd, O_NONBLOCK) < 0) return;
	if (which == 3 || which == 5) flag |= SPLICE_F_NONBLOCK;
	say(p, "splice kind %d(%d, %d, %zx, %#x)", which, from, to, len, flag);
	long r = which == 0   ? splice(p->fd[from], NULL, p->fd[to], NULL, len, flag)
		 : which == 1 ? splice(p->fd[from], &at, fd[1], NULL, len, flag)
		 : which == 2 ? splice(fd[0], NULL, p->fd[to], &at, len, flag)
		 : which == 3 ? splice(p->fd[from], NULL, fd[0], NULL, len, flag)
		 : which == 4 ? tee(p->fd[from], p->fd[to], len, flag)
			      : splice(fd[0], NULL, p->fd[to], NULL, len, flag);
	say_result(p, r);
	close(fd[0]);
	close(fd[1]);
}

void do_vmsplice(struct program *p)
{
	struct iovec iov = {"some octets", 11};
	int slot = slot_any(p);
	say(p, "vmsplice(%d)", slot);
	say_result(p, vmsplice(p->fd[slot], &iov, 1, SPLICE_F_NONBLOCK));
}

/* From a socket, from a pipe, and with a position that can't be written. */
void do_sendfile_odd(struct program *p)
{
	int from = slot_any(p), to = slot_any(p), which = (int)number(&p->n, 4), fd[2], file = memfd_create("differ", MFD_CLOEXEC);
	off_t at = which == 2 ? -1 : 0;
	if (pipe2(fd, O_NONBLOCK) < 0) return;
	if (write(file, "twelve octets", 12) != 12) return;
	say(p, "sendfile kind %d(%d, %d)", which, from, to);
	long r = which == 0   ? sendfile(p->fd[to], p->fd[from], NULL, 5)
		 : which == 1 ? sendfile(p->fd[to], fd[0], NULL, 5)
		 : which == 2 ? sendfile(p->fd[to], file, &at, 5)
			      : sendfile(p->fd[to], file, BAD, 5);
	say_result(p, r);
	close(fd[0]);
	close(fd[1]);
	close(file);
}
