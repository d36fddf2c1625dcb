/*
 * Files that tell of the network: /etc/hosts and its like. The engine has this host's view of them; it comes as a memory file, opened in place
 * of the real one. Settings of the network (/proc/sys/net) are the host's, too; reading and writing them is setting.c's business. Everything else is
 * opened as asked. And the host's name, which uname and gethostname tell.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include "shim/shim.h"
#include "shim/netpath.h"
#include "shim/setting.h"
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

/* Open as the program wants it, under the same number. Without /proc it stays as it was made, for reading and writing. */
static void reopen(int fd, int flags)
{
	char link[32];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	long now = sys(SYS_openat, AT_FDCWD, link, (flags & (O_ACCMODE | O_PATH | O_NONBLOCK)) | O_CLOEXEC, 0);
	if (now < 0) return;
	sys(SYS_dup3, now, fd, flags & O_CLOEXEC);
	sys(SYS_close, now);
}

/* Sealed: whoever writes past us is refused. A value that can't be read has no text: a read says why (setting.c). */
int file_open(const char *path, int flags)
{
	uint8_t *text = scratch_take();
	if (!text) return -ENOMEM;
	int fd = (int)sys(SYS_memfd_create, path, MFD_ALLOW_SEALING | (flags & O_CLOEXEC ? MFD_CLOEXEC : 0u));
	int64_t r = fd < 0 ? fd : file_write(fd, path, text);
	scratch_give(text);
	if (r == -EINVAL && setting_named(path)) r = 0;
	if (fd >= 0 && r < 0) sys(SYS_close, fd);
	if (r < 0) return (int)r;
	sys(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK);
	reopen(fd, flags);
	sys(SYS_fchmod, fd, FILE_MODE);
	return fd;
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
	if (flags & O_DIRECTORY) return -ENOTDIR;
	return writes ? setting_open(net, (mode_t)mode, flags) : -EACCES;
}

static long kernel_open(int dir, const char *path, int flags, mode_t mode)
{
	long fd;
	do fd = cancellable(sys_wait(SYS_openat, dir, path, flags, mode));
	while (spares_give_way(fd));
	return fd;
}

/* Did a link, or another name that nobody could know by its look, lead to one of ours? What of the machine's can't be opened for writing is looked at. */
static bool led_to_ours(long fd, int dir, const char *path, int flags, char ret[NET_PATH_MAX])
{
	if (fd >= 0) return net_path_of((int)fd, ret);
	long probe = fd == -EACCES ? sys(SYS_openat, dir, path, O_PATH | O_CLOEXEC | (flags & O_NOFOLLOW), 0) : -1;
	bool ours = probe >= 0 && net_path_of((int)probe, ret);
	if (probe >= 0) sys(SYS_close, probe);
	return ours;
}

/*
 * Linux writes a table of /proc/net when it is read from its start. Ours was written when it was opened: whoever comes back to its start gets another
 * memory file under the same number. Duplicates keep what they have.
 */
void nettable_read(int fd, off_t at)
{
	char path[NET_PATH_MAX];
	bool again;
	if (!table_reads_nettable(fd, &again) || !again) return;
	off_t here = sys(SYS_lseek, fd, 0, SEEK_CUR);
	if ((at == SETTING_HERE ? here : at) != 0 || !netfile_of(fd, path)) return;
	bool cloexec = sys(SYS_fcntl, fd, F_GETFD) & FD_CLOEXEC;
	long fresh = net_open(path, NET_ANY, (int)sys(SYS_fcntl, fd, F_GETFL) | O_CLOEXEC);
	if (fresh < 0) return;
	sys(SYS_lseek, fresh, here, SEEK_SET);
	sys(SYS_dup3, fresh, fd, cloexec ? O_CLOEXEC : 0);
	sys(SYS_close, fresh);
}

long do_openat(int dir, const char *path, int flags, mode_t mode)
{
	char net[NET_PATH_MAX], directory[NET_PATH_MAX];
	if (!shim.active || spawned()) return cancellable(sys_wait(SYS_openat, dir, path, flags, mode));
	if (path && (flags & (O_ACCMODE | O_PATH | O_CREAT)) == O_RDONLY && is_virtual(path)) {
		int fd = file_open(path, flags);
		if (fd >= 0) table_set_kernel(fd);
		if (fd != -ENOENT) return fd;
	}
	enum net_name ours = path ? net_path(dir, path, !(flags & O_NOFOLLOW), net) : NET_NONE;
	long fd = ours == NET_NONE ? kernel_open(dir, path, flags, mode) : 0;
	if (ours == NET_NONE && led_to_ours(fd, dir, path, flags, net)) {
		ours = NET_ANY;
		if (fd >= 0) sys(SYS_close, fd);
	}
	if (ours != NET_NONE)
		do fd = net_open(net, ours, flags);
		while (spares_give_way(fd));
	if (fd < 0) return fd;
	bool file = ours != NET_NONE && !netdir_of((int)fd, directory);
	if (file && setting_named(net)) table_set_setting((int)fd);
	else if (file) table_set_nettable((int)fd);
	else table_set_kernel((int)fd);
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
