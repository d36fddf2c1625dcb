/*
 * /proc/net has as many names as there are processes and threads, since each may have a network of its own: /proc/self/net, /proc/thread-self/net,
 * /proc/PID/net, /proc/PID/task/TID/net. All that a program sees by them is its own host. In sysfs an interface is a link in /sys/class/net to its
 * directory in /sys/devices/virtual/net.
 */
#include "shim/netpath.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "shim/shim.h"

#define CLASS "/sys/class/net"
#define DEVICES "/sys/devices/virtual/net"
#define SUBSYSTEM "/subsystem"

/* What follows a name of a process; NULL: path does not begin so. */
static const char *after_process(const char *path)
{
	static const char *const selves[] = {"self/", "thread-self/"};
	for (size_t i = 0; i < sizeof selves / sizeof *selves; i++)
		if (strncmp(path, selves[i], strlen(selves[i])) == 0) return path + strlen(selves[i]);
	size_t digits = strspn(path, "0123456789");
	return digits > 0 && path[digits] == '/' ? path + digits + 1 : NULL;
}

/* Octet by octet, for nobody knows where it ends. */
static bool path_copy(char *to, size_t room, const char *from)
{
	for (size_t i = 0; i < room; i++) {
		if (user_copy(to + i, from + i, 1) != 0) return false;
		if (to[i] == 0) return true;
	}
	return false;
}

/* Most paths are none of ours, which their beginning tells. */
static bool may_be_ours(const char *path)
{
	char first[5];
	if (user_copy(first, path, sizeof first) != 0) return false;
	return memcmp(first, "/proc", 5) == 0 || memcmp(first, "/sys/", 5) == 0;
}

/* Whole, without what means nothing in it: //, . and .. */
static void tidy(char *path)
{
	char *to = path;
	for (char *at = path; *at != 0;) {
		size_t n = strcspn(at + 1, "/");
		bool up = n == 2 && memcmp(at + 1, "..", 2) == 0, stay = n == 0 || (n == 1 && at[1] == '.');
		if (up) while (to > path && *--to != '/') {}
		else if (!stay) {
			memmove(to, at, n + 1);
			to += n + 1;
		}
		at += n + 1;
	}
	*to = 0;
}

static bool is_below(const char *path, const char *directory)
{
	size_t n = strlen(directory);
	return strncmp(path, directory, n) == 0 && (path[n] == 0 || path[n] == '/');
}

static void without_process(char *path)
{
	if (strncmp(path, "/proc/", 6) != 0) return;
	char *rest = path + 6;
	const char *after = after_process(rest);
	if (after && strncmp(after, "task/", 5) == 0 && after_process(after + 5)) after = after_process(after + 5);
	if (after && is_below(after, "net")) memmove(rest, after, strlen(after) + 1);
}

/* An interface in the class: its directory. false: nothing was followed. */
static bool follow_class(char path[NET_PATH_MAX], bool last)
{
	if (!is_below(path, CLASS) || path[strlen(CLASS)] != '/') return false;
	const char *name = path + strlen(CLASS) + 1;
	if ((!last && !strchr(name, '/')) || strlen(name) + sizeof DEVICES + 1 > NET_PATH_MAX) return false;
	memmove(path + strlen(DEVICES), path + strlen(CLASS), strlen(name) + 2);
	memcpy(path, DEVICES, strlen(DEVICES));
	return true;
}

/* And back. */
static bool follow_subsystem(char path[NET_PATH_MAX], bool last)
{
	char *link = is_below(path, DEVICES) ? strstr(path + strlen(DEVICES), SUBSYSTEM) : NULL;
	if (!link || !(link[strlen(SUBSYSTEM)] == '/' || (last && link[strlen(SUBSYSTEM)] == 0))) return false;
	const char *rest = link + strlen(SUBSYSTEM);
	memmove(path + strlen(CLASS), rest, strlen(rest) + 1);
	memcpy(path, CLASS, strlen(CLASS));
	return true;
}

/* Names that begin nowhere are many, but these lead to us from anywhere. */
static bool leads_anywhere(const char *path)
{
	static const char *const starts[] = {"..", "proc", "sys/"};
	char first[4] = "";
	for (size_t i = 0; i < sizeof first && user_copy(first + i, path + i, 1) == 0 && first[i]; i++) {}
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (strncmp(first, starts[i], strlen(starts[i])) == 0) return true;
	return false;
}

/* Where a descriptor leads to, by its name in /proc. */
static bool place_of(int fd, char ret[NET_PATH_MAX])
{
	char link[32];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	long n = sys(SYS_readlinkat, AT_FDCWD, link, ret, NET_PATH_MAX - 1);
	if (n <= 0) return false;
	ret[n] = 0;
	return ret[0] == '/';
}

/* Does it lie in /proc or in sysfs? */
static bool lies_there(int fd)
{
	static _Atomic uint64_t devices[2];
	static const char *const roots[2] = {"/proc/self", "/sys/class"};
	struct stat st;
	for (size_t i = 0; i < 2 && atomic_load_explicit(&devices[i], memory_order_relaxed) == 0; i++)
		atomic_store(&devices[i], sys(SYS_newfstatat, AT_FDCWD, roots[i], &st, 0) == 0 ? st.st_dev : UINT64_MAX);
	return sys(SYS_fstat, fd, &st) == 0 && (st.st_dev == atomic_load(&devices[0]) || st.st_dev == atomic_load(&devices[1]));
}

/* A directory that is none of ours, but has them below it. */
static bool dir_of(int dir, const char *path, char ret[NET_PATH_MAX])
{
	if (netdir_of(dir, ret)) return true;
	return !shim.sandboxed && (leads_anywhere(path) || lies_there(dir)) && place_of(dir, ret);
}

bool net_path_of(int fd, char ret[NET_PATH_MAX])
{
	char path[NET_PATH_MAX];
	return !shim.sandboxed && lies_there(fd) && place_of(fd, path) && net_path(AT_FDCWD, path, true, ret) != NET_NONE;
}

/* Is the working directory below one of ours? */
static _Atomic int works_here = -1;

static bool cwd_of(const char *path, char ret[NET_PATH_MAX])
{
	int here = atomic_load_explicit(&works_here, memory_order_relaxed);
	if (shim.sandboxed) return false;
	if (here == 0) return leads_anywhere(path) && sys(SYS_getcwd, ret, NET_PATH_MAX) > 0;
	bool known = sys(SYS_getcwd, ret, NET_PATH_MAX) > 0 && (may_be_ours(ret) || strcmp(ret, "/") == 0 || strcmp(ret, "/sys") == 0);
	int unknown = -1;                 /* still: another thread may have changed it meanwhile */
	atomic_compare_exchange_strong(&works_here, &unknown, known);
	return known;
}

/* What is open in place of a directory of ours is another one. */
long do_fchdir(int dir)
{
	char path[NET_PATH_MAX];
	long r = netdir_of(dir, path) ? sys(SYS_chdir, path) : sys(SYS_fchdir, dir);
	if (r == 0) atomic_store(&works_here, -1);
	return r;
}

long do_chdir(const char *path)
{
	long r = sys(SYS_chdir, path);
	if (r == 0) atomic_store(&works_here, -1);
	return r;
}

static bool whole(int dir, const char *path, char ret[NET_PATH_MAX])
{
	char first;
	if (user_copy(&first, path, 1) != 0) return false;
	if (first == '/') return may_be_ours(path) && path_copy(ret, NET_PATH_MAX, path);
	if (dir == AT_FDCWD ? !cwd_of(path, ret) : !dir_of(dir, path, ret)) return false;
	size_t n = strlen(ret);
	ret[n] = '/';
	return path_copy(ret + n + 1, NET_PATH_MAX - n - 1, path);
}

enum net_name net_path(int dir, const char *path, bool follow, char ret[NET_PATH_MAX])
{
	if (!whole(dir, path, ret)) return NET_NONE;
	size_t n = strlen(ret);
	bool directory = n > 0 && ret[n - 1] == '/', last = follow || directory;
	tidy(ret);
	without_process(ret);
	if (!is_below(ret, "/proc/net") && !is_below(ret, CLASS) && !is_below(ret, DEVICES) && !is_below(ret, "/proc/sys/net")) return NET_NONE;
	while (follow_class(ret, last) && follow_subsystem(ret, last)) {}
	return directory ? NET_DIRECTORY : NET_ANY;
}
