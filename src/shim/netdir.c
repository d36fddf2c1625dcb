/*
 * Directories that tell of the network. A program that opens one gets a directory of the kernel's, whose entries nobody sees: getdents64 tells ours, and
 * counts them by the position of that open file, which the kernel keeps over dup and fork. Which descriptor is which directory is remembered here, until
 * it is closed; over exec it is forgotten.
 */
#include "shim/netpath.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include "shim/shim.h"

#define STAND_IN "/proc/self/fdinfo"
#define OPEN_MAX_HERE 32
#define NOBODY (-1)
#define TAKEN (-2)

struct netdir { _Atomic int fd; ino_t inode; char path[NET_PATH_MAX]; };
static struct netdir dirs[OPEN_MAX_HERE] = {[0 ... OPEN_MAX_HERE - 1] = {.fd = NOBODY}};
static _Atomic uint32_t n_open;

static ino_t inode_of(int fd)
{
	struct stat st;
	return sys(SYS_fstat, fd, &st) == 0 && S_ISDIR(st.st_mode) ? st.st_ino : 0;
}

static bool remember(int fd, const char *path)
{
	netdir_closed(fd);                /* who had the number before has been closed past us */
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		int nobody = NOBODY;
		if (!atomic_compare_exchange_strong(&dirs[i].fd, &nobody, TAKEN)) continue;
		strcpy(dirs[i].path, path);
		dirs[i].inode = inode_of(fd);
		atomic_fetch_add(&n_open, 1);
		atomic_store(&dirs[i].fd, fd);
		return true;
	}
	return false;
}

/* Gives up those that were closed past us. */
static void sweep(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		int fd = atomic_load(&dirs[i].fd);
		if (fd >= 0 && inode_of(fd) != dirs[i].inode && atomic_compare_exchange_strong(&dirs[i].fd, &fd, NOBODY)) atomic_fetch_sub(&n_open, 1);
	}
}

int netdir_open(const char *path, int flags)
{
	int fd = (int)sys(SYS_openat, AT_FDCWD, STAND_IN, O_RDONLY | O_DIRECTORY | (flags & O_CLOEXEC), 0);
	if (fd < 0 || remember(fd, path)) return fd;
	sweep();
	if (remember(fd, path)) return fd;
	sys(SYS_close, fd);
	return -EMFILE;
}

static struct netdir *find(int fd)
{
	if (atomic_load_explicit(&n_open, memory_order_relaxed) == 0) return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (atomic_load(&dirs[i].fd) == fd) return &dirs[i];
	return NULL;
}

/* A number that was closed past us may be another file's by now. */
bool netdir_of(int fd, char ret[NET_PATH_MAX])
{
	const struct netdir *d = fd >= 0 ? find(fd) : NULL;
	if (!d || inode_of(fd) != d->inode) return false;
	strcpy(ret, d->path);
	return true;
}

void netdir_closed(int fd)
{
	struct netdir *d = fd >= 0 ? find(fd) : NULL;
	if (d && atomic_compare_exchange_strong(&d->fd, &fd, NOBODY)) atomic_fetch_sub(&n_open, 1);
}

/* If there is no place for it, the copy shows what the stand-in has. */
void netdir_copied(int from, int to)
{
	char path[NET_PATH_MAX];
	if (atomic_load_explicit(&n_open, memory_order_relaxed) == 0) return;
	netdir_closed(to);
	if (netdir_of(from, path)) remember(to, path);
}

/* ---- entries ---- */

struct out { uint8_t *at; size_t size, used; long position; };

/* false: it does not fit. */
static bool put(struct out *o, const char *directory, char kind, const char *name)
{
	struct { struct dirent64 d; } e;
	char path[NET_PATH_MAX + 256];
	struct stat st;
	size_t n = strlen(name), len = (offsetof(struct dirent64, d_name) + n + 1 + 7) & ~(size_t)7;
	if (len > sizeof e || o->used + len > o->size) return false;
	snprintf(path, sizeof path, "%s/%s", directory, name);
	netfile_stat(kind == 0 ? directory : path, 0, &st);
	memset(&e, 0, sizeof e);
	e.d.d_ino = st.st_ino;
	e.d.d_off = o->position + 1;
	e.d.d_reclen = (unsigned short)len;
	e.d.d_type = kind == 0 ? DT_DIR : (unsigned char)(kind - '0');
	memcpy(e.d.d_name, name, n + 1);
	if (user_copy(o->at + o->used, &e.d, len) != 0) return false;
	o->used += len;
	o->position++;
	return true;
}

/* The entries from the position on, of a listing of len octets. */
static bool put_all(struct out *o, const char *directory, const char *listing, size_t len)
{
	static const char *const own[] = {".", ".."};
	long n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(own); i++, n++)
		if (n == o->position && !put(o, directory, 0, own[i])) return false;
	for (size_t i = 0; i + 2 < len; i += strlen(listing + i) + 1, n++)
		if (n == o->position && !put(o, directory, listing[i], listing + i + 1)) return false;
	return true;
}

long netdir_read(int fd, const char *path, void *to, size_t size)
{
	struct out o = {to, size, 0, sys(SYS_lseek, fd, 0, SEEK_CUR)};
	char *listing = (char *)scratch_take();
	size_t len = 0;
	long r = listing ? netfile_look(path, listing, SCRATCH_SIZE, &len) : -ENOMEM;
	bool whole = r >= 0 && put_all(&o, path, listing, len);
	scratch_give((uint8_t *)listing);
	if (r < 0) return r;
	if (!whole && o.used == 0) return -EINVAL;
	sys(SYS_lseek, fd, o.position, SEEK_SET);
	return (long)o.used;
}
