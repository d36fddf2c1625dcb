/*
 * Files that tell of the network: /etc/hosts and its like. The engine has this host's view of them; it comes as a memory file, opened in place
 * of the real one. Settings of the network (/proc/sys/net) can be read, and are read-only as in a container: the machine's are none of the program's
 * business. Everything else is opened as asked. And the host's name, which uname and gethostname tell.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include "shim/shim.h"
#include "shim/netpath.h"
#include "shim/unix.h"

#define FILE_MODE 0444     /* none of them is the program's to write */

static const char *const virtual_files[] = {
	"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf",
};

static bool is_virtual(const char *path)
{
	if (strncmp(path, "/etc/", 5) != 0) return false;
	for (size_t i = 0; i < ARRAY_SIZE(virtual_files); i++)
		if (strcmp(path, virtual_files[i]) == 0) return true;
	return false;
}

/* A setting of the network layers that sockland has of its own; a directory shows which ones the machine has. */
static bool is_setting(const char *path, int flags)
{
	static const char *const roots[] = {"/proc/sys/net/ipv4/", "/proc/sys/net/ipv6/", "/proc/sys/net/core/"};
	if (flags & (O_DIRECTORY | O_PATH) || strncmp(path, "/proc/sys/net/", 14) != 0) return false;
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
		if (strncmp(path, roots[i], strlen(roots[i])) == 0) return true;
	return false;
}

/* Its pieces one after the other. */
static int64_t file_write(int fd, const char *path, uint8_t *text)
{
	int64_t from = 0;
	do {
		struct call c = {.op = RPC_FILE, .arg = {from}, .in = {{(void *)path, strlen(path)}}, .out = text, .out_cap = SCRATCH_SIZE};
		from = control(&c);
		long r = from < 0 ? 0 : sys(SYS_write, fd, text, MIN(c.out_len, SCRATCH_SIZE));
		if (r < 0) return r;
	} while (from > 0);
	if (from == -ENETDOWN) return -ENOENT;
	return from < 0 ? from : sys(SYS_lseek, fd, 0, SEEK_SET);
}

int file_open(const char *path, int flags)
{
	uint8_t *text = scratch_take();
	if (!text) return -ENOMEM;
	int fd = (int)sys(SYS_memfd_create, path, flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
	int64_t r = fd < 0 ? fd : file_write(fd, path, text);
	if (fd >= 0) sys(SYS_fchmod, fd, FILE_MODE);
	scratch_give(text);
	if (fd >= 0 && r < 0) sys(SYS_close, fd);
	return r < 0 ? (int)r : fd;
}

/* What a plain name names: a file whose text the engine has, or a directory. */
static long net_open(const char *net, enum net_name kind, int flags)
{
	char listing[NET_PATH_MAX];
	size_t len;
	if (kind == NET_DIRECTORY) flags |= O_DIRECTORY;
	bool writes = (flags & O_ACCMODE) != O_RDONLY && !(flags & O_PATH);
	if (!writes && strcmp(net, UNIX_TABLE) == 0 && !(flags & O_DIRECTORY)) return unix_table_open(flags);
	int fd = writes || flags & O_DIRECTORY ? -ENOENT : file_open(net, flags);
	if (fd != -ENOENT) return fd;
	long mode = netfile_look(net, listing, sizeof listing, &len);
	if (mode < 0) return mode;
	if (S_ISLNK(mode)) return -ELOOP;
	if (S_ISDIR(mode)) return writes ? -EISDIR : netdir_open(net, flags);
	return flags & O_DIRECTORY ? -ENOTDIR : -EACCES;
}

long do_openat(int dir, const char *path, int flags, mode_t mode)
{
	char net[NET_PATH_MAX];
	if (!shim.active || spawned()) return cancellable(sys_wait(SYS_openat, dir, path, flags, mode));
	if (path && (flags & (O_ACCMODE | O_PATH | O_CREAT)) == O_RDONLY && is_virtual(path)) {
		int fd = file_open(path, flags);
		if (fd >= 0) table_set_kernel(fd);
		if (fd != -ENOENT) return fd;
	}
	if (path && is_setting(path, flags)) {
		int fd = (flags & O_ACCMODE) == O_RDONLY ? file_open(path, flags) : -EROFS;
		if (fd >= 0) table_set_kernel(fd);
		return fd;
	}
	enum net_name ours = path ? net_path(dir, path, !(flags & O_NOFOLLOW), net) : NET_NONE;
	long fd;
	do fd = ours != NET_NONE ? net_open(net, ours, flags) : cancellable(sys_wait(SYS_openat, dir, path, flags, mode));
	while (spares_give_way(fd));
	if (fd >= 0) table_set_kernel((int)fd);
	return fd;
}

long do_open(const char *path, int flags, mode_t mode) { return do_openat(AT_FDCWD, path, flags, mode); }

long do_uname(struct utsname *ret)
{
	long r = sys(SYS_uname, ret);
	if (r != 0 || !shim.active || attach() != 0) return r;
	memset(ret->nodename, 0, sizeof ret->nodename);
	strncpy(ret->nodename, shim.host_name, sizeof ret->nodename - 1);
	return 0;
}
