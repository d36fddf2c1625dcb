/*
 * What programs ask about files that tell of the network without opening them: stat, access, readlink. The engine knows which there are, and of what kind.
 */
#include "shim/netpath.h"
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/sysmacros.h>
#include "shim/setting.h"
#include "shim/shim.h"

#define SYSFS_SIZE 4096               /* as every file there says, whatever is in it */
#define PROC_NET "/proc/net"
#define DEVICE makedev(0, 0x5c)

long netfile_look(const char *path, void *out, size_t size, size_t *ret_len)
{
	struct call c = {.op = RPC_LOOK, .in = {{(void *)path, strlen(path)}}, .out = out, .out_cap = size};
	int64_t mode = control(&c);
	if (mode < 0) return mode;
	*ret_len = MIN(c.out_len, size);
	return (long)mode;
}

/* FNV-1a: the same path has the same number every time. */
static ino_t inode_of(const char *path)
{
	uint32_t h = 2166136261u;
	for (; *path != 0; path++) h = (h ^ (uint8_t)*path) * 16777619u;
	return h;
}

void netfile_stat(const char *path, mode_t mode, struct stat *ret)
{
	struct timespec now;
	bool sysfs = strncmp(path, "/sys/", 5) == 0;
	clock_gettime(CLOCK_REALTIME, &now);
	*ret = (struct stat){.st_dev = DEVICE, .st_ino = inode_of(path), .st_mode = mode, .st_nlink = S_ISDIR(mode) ? 2 : 1, .st_blksize = sysfs ? 4096 : 1024,
			     .st_size = sysfs && S_ISREG(mode) ? SYSFS_SIZE : 0, .st_atim = now, .st_mtim = now, .st_ctim = now};
	if (strcmp(path, PROC_NET) != 0) return;
	ret->st_uid = (uid_t)sys(SYS_geteuid);       /* a process's own, as all of its directories */
	ret->st_gid = (gid_t)sys(SYS_getegid);
}

/* /proc/net itself is a link, but by no other of its names. */
static bool is_proc_link(const char *path)
{
	char name[sizeof PROC_NET];
	return user_copy(name, path, sizeof name) == 0 && memcmp(name, PROC_NET, sizeof name) == 0;
}

/* What a call that names a file means: a mode; 0: none of ours. -ENOENT */
static long named(int dir, const char *path, int flags, char ret[NET_PATH_MAX])
{
	char first = 0;
	size_t len;
	if (!shim.active || spawned()) return 0;
	bool of_dir = flags & AT_EMPTY_PATH && (!path || (user_copy(&first, path, 1) == 0 && first == 0));
	enum net_name kind = of_dir ? (netdir_of(dir, ret) ? NET_ANY : NET_NONE) : path ? net_path(dir, path, !(flags & AT_SYMLINK_NOFOLLOW), ret) : NET_NONE;
	if (kind == NET_NONE) return 0;
	if (flags & AT_SYMLINK_NOFOLLOW && !of_dir && is_proc_link(path)) return 0;
	char *listing = (char *)scratch_take();
	long r = listing ? netfile_look(ret, listing, SCRATCH_SIZE, &len) : -ENOMEM;
	scratch_give((uint8_t *)listing);
	return r >= 0 && kind == NET_DIRECTORY && !S_ISDIR(r) ? -ENOTDIR : r;
}

long netfile_fstat(int fd, struct stat *ret)
{
	char net[NET_PATH_MAX];
	struct stat st;
	long mode = named(fd, NULL, AT_EMPTY_PATH, net);
	if (mode <= 0) return sys(SYS_fstat, fd, ret);
	netfile_stat(net, (mode_t)mode, &st);
	return user_put(ret, st);
}

long do_newfstatat(int dir, const char *path, struct stat *ret, int flags)
{
	char net[NET_PATH_MAX];
	struct stat st;
	long mode = named(dir, path, flags, net);
	if (mode == 0) return sys(SYS_newfstatat, dir, path, ret, flags);
	if (mode < 0) return mode;
	netfile_stat(net, (mode_t)mode, &st);
	return user_put(ret, st);
}

static struct statx_timestamp statx_time(struct timespec t) { return (struct statx_timestamp){.tv_sec = t.tv_sec, .tv_nsec = (uint32_t)t.tv_nsec}; }

long do_statx(int dir, const char *path, int flags, unsigned mask, struct statx *ret)
{
	char net[NET_PATH_MAX];
	struct stat st;
	long mode = named(dir, path, flags, net);
	if (mode == 0) return sys(SYS_statx, dir, path, flags, mask, ret);
	if (mode < 0) return mode;
	netfile_stat(net, (mode_t)mode, &st);
	struct statx x = {.stx_mask = STATX_BASIC_STATS, .stx_blksize = (uint32_t)st.st_blksize, .stx_nlink = (uint32_t)st.st_nlink,
			  .stx_mode = (uint16_t)st.st_mode, .stx_ino = st.st_ino, .stx_size = (uint64_t)st.st_size, .stx_atime = statx_time(st.st_atim),
			  .stx_mtime = statx_time(st.st_mtim), .stx_ctime = statx_time(st.st_ctim), .stx_dev_major = major(st.st_dev),
			  .stx_dev_minor = minor(st.st_dev)};
	return user_put(ret, x);
}

/* What the kernel that has no faccessat2 would say of those whose two ids are the same, as here nobody changes them. */
static long kernel_access(int dir, const char *path, int mode, int flags)
{
	long r = flags ? sys(SYS_faccessat2, dir, path, mode, flags) : sys(SYS_faccessat, dir, path, mode);
	return r == -ENOSYS && (flags & ~AT_EACCESS) == 0 ? sys(SYS_faccessat, dir, path, mode) : r;
}

/* They belong to root, and who is not may read. */
long do_faccessat2(int dir, const char *path, int wanted, int flags)
{
	char net[NET_PATH_MAX];
	long mode = named(dir, path, flags, net);
	if (mode == 0) return kernel_access(dir, path, wanted, flags);
	if (mode < 0) return mode;
	unsigned owner = sys(SYS_geteuid) == 0 ? 6 : setting_may(net) ? (unsigned)mode >> 6 : 0;
	return wanted & ~((mode | owner) & 7) ? -EACCES : 0;
}

long do_faccessat(int dir, const char *path, int wanted) { return do_faccessat2(dir, path, wanted, 0); }

long do_readlinkat(int dir, const char *path, char *to, size_t size)
{
	char net[NET_PATH_MAX], target[NET_PATH_MAX];
	size_t len = 0;
	long mode = named(dir, path, AT_SYMLINK_NOFOLLOW, net);
	if (mode == 0) return sys(SYS_readlinkat, dir, path, to, size);
	if (mode < 0) return mode;
	if (!S_ISLNK(mode) || size == 0) return -EINVAL;
	mode = netfile_look(net, target, sizeof target, &len);
	if (mode < 0) return mode;
	len = MIN(len, size);
	return user_copy(to, target, len) != 0 ? -EFAULT : (long)len;
}
