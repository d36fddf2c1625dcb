/*
 * /sys/class/net and the directory /proc/net, by the calls that name files: open, stat, access, readlink, the reading of directories, and what stands behind a
 * descriptor of one. Of interfaces only lo is everywhere; of the kernel's others nothing is said.
 */
#include "say.h"
#include <dirent.h>
#include <glob.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define LO "/sys/class/net/lo"

static const char *kind_text(mode_t mode)
{
	return S_ISDIR(mode) ? "directory" : S_ISLNK(mode) ? "link" : S_ISREG(mode) ? "file" : "?";
}

static void say_stat(const char *name, int r, const struct stat *st)
{
	if (r < 0)
		say(name, "%s", say_errno(errno));
	else
		say(name, "%s %o size %d of root %d", kind_text(st->st_mode), st->st_mode & 0777, S_ISREG(st->st_mode) ? (int)st->st_size : 0, st->st_uid == 0);
}

static void say_value(const char *file)
{
	char path[128], text[256] = "";

	snprintf(path, sizeof(path), LO "/%s", file);
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0) {
		say(file, "%s", say_errno(errno));
	} else {
		text[n] = 0;
		text[strcspn(text, "\n")] = 0;
		say(file, "'%s'", text);
	}
	close(fd);
}

static void values(void)
{
	static const char *const files[] = { "addr_len", "address", "broadcast", "carrier", "dev_id", "dormant", "duplex", "flags", "ifalias",
					     "ifindex", "iflink",
					     "link_mode", "mtu", "operstate", "speed", "tx_queue_len", "type", "uevent", "statistics/tx_errors", "nothing",
					     "statistics/nothing", "mtu/more" };

	say_about("lo");
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		say_value(files[i]);
}

static void kinds(void)
{
	static const char *const paths[] = { "/sys/class/net", "/sys/class/net/", LO, LO "/", LO "/mtu", LO "/address", LO "/statistics",
					     LO "/statistics/rx_bytes",
					     LO "/subsystem", LO "/subsystem/lo/../lo/mtu", "/sys//class/./net/lo/mtu", LO "/none", "/sys/class/net/none",
					     "/sys/class/net/none/mtu", "/sys/devices/virtual/net/lo", "/proc/net", "/proc/net/",
					     "/proc/self/net", "/proc/net/tcp",
					     "/proc/self/net/udp6", "/proc/net/none", "/proc/net/tcp/" };
	struct stat st;
	struct statvfs fs;
	bool fixed = statvfs("/sys/class", &fs) < 0 || fs.f_flag & ST_RDONLY;   /* as in a container, where the kernel says so of each write */

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		say_about("%s", paths[i]);
		say_stat("stat", stat(paths[i], &st), &st);
		say_stat("lstat", lstat(paths[i], &st), &st);
		say_rc("read", access(paths[i], R_OK));
		if (!fixed)
			say_rc("write", access(paths[i], W_OK));
		say_rc("run", access(paths[i], X_OK));
		say_rc("is there", faccessat(AT_FDCWD, paths[i], F_OK, AT_EACCESS));
		close(say_fd("open", open(paths[i], O_RDONLY)));
		close(say_fd("open as a directory", open(paths[i], O_RDONLY | O_DIRECTORY)));
		if (!fixed)
			close(say_fd("open to write", open(paths[i], O_WRONLY)));
	}
}

static void say_link(const char *path, size_t size)
{
	char to[256] = "";
	ssize_t n = readlink(path, to, size);

	if (n < 0)
		say(path, "%s", say_errno(errno));
	else
		say(path, "%.*s", (int)n, to);
}

static void links(void)
{
	char to[PATH_MAX] = "";

	say_about("where leads");
	say_link(LO, 256);
	say_link(LO, 5);
	say_link(LO "/subsystem", 256);
	say_link(LO "/mtu", 256);
	say_link("/sys/class/net/none", 256);
	say_link("/proc/net", 256);
	say("realpath", "%s", realpath(LO "/mtu", to) ? to : say_errno(errno));
}

/* Of a directory: whether these names are in it, and once. */
static void say_entries(const char *name, DIR *d, const char *const *names, size_t n)
{
	int found[32] = { 0 }, kinds_of[32] = { 0 };

	for (struct dirent *e; d && (e = readdir(d));)
		for (size_t i = 0; i < n; i++)
			if (strcmp(e->d_name, names[i]) == 0) {
				found[i]++;
				kinds_of[i] = e->d_type;
			}
	for (size_t i = 0; i < n; i++) {
		char what[64];
		snprintf(what, sizeof(what), "%s has %s", name, names[i]);
		say(what, "%d of kind %d", found[i], kinds_of[i]);
	}
}

static void entries(void)
{
	static const char *const class[] = { ".", "..", "lo", "none" }, *const device[] = { "mtu", "address", "statistics", "subsystem" };
	static const char *const proc[] = { "arp", "dev", "if_inet6", "igmp", "ipv6_route", "netlink", "packet", "raw", "raw6", "route", "snmp",
					    "snmp6", "sockstat", "tcp", "tcp6",
					    "udp", "udp6", "unix" };
	DIR *d = opendir("/sys/class/net");

	say_about("entries");
	say_entries("the class", d, class, 4);
	rewinddir(d);
	say_entries("the class again", d, class, 4);
	seekdir(d, 0);
	int copy = dup(dirfd(d));
	closedir(d);
	lseek(copy, 0, SEEK_SET);
	d = fdopendir(copy);
	say_entries("a copy", d, class, 4);
	closedir(d);
	d = opendir(LO);
	say_entries("the device", d, device, 4);
	closedir(d);
	d = opendir("/proc/net");
	say_entries("/proc/net", d, proc, sizeof(proc) / sizeof(*proc));
	closedir(d);
	glob_t g;
	say("glob", "%d", glob("/sys/class/net/l[o]/mt?", 0, NULL, &g) == 0 ? (int)g.gl_pathc : -1);
	globfree(&g);
}

static void by_descriptor(void)
{
	int dir = open("/sys/class/net", O_RDONLY | O_DIRECTORY), lo = openat(dir, "lo", O_RDONLY | O_DIRECTORY), fd = openat(lo, "mtu", O_RDONLY);
	char text[32] = "";
	struct stat st, same;

	say_about("by a descriptor");
	say("mtu", "%d", read(fd, text, sizeof(text) - 1) > 0 ? atoi(text) : -1);
	say_stat("fstat", fstat(lo, &st), &st);
	say_stat("stat of it", stat("/sys/devices/virtual/net/lo", &same), &same);
	say("the same file", "%d", st.st_ino == same.st_ino && st.st_dev == same.st_dev);
	say_stat("fstatat of nothing", fstatat(lo, "", &st, AT_EMPTY_PATH), &st);
	say_stat("fstatat", fstatat(lo, "type", &st, 0), &st);
	say_stat("of what is not there", fstatat(lo, "typo", &st, 0), &st);
	say_rc("access", faccessat(dir, "lo/mtu", R_OK, 0));
	say_rc("readlink", readlinkat(dir, "lo", text, 8));
	close(fd);
	close(lo);
	say_rc("fstat of a closed one", fstat(lo, &st));
	close(dir);
}

/* Closed in whatever way, there are others to be opened. */
static void many(void)
{
	int opened = 0;

	say_about("many");
	for (int i = 0; i < 200; i++) {
		int fd = open(LO, O_RDONLY | O_DIRECTORY);
		opened += fd >= 0;
		if (fd >= 0)
			close_range((unsigned)fd, (unsigned)fd, 0);
	}
	say("opened and closed", "%d", opened);
}

int main(void)
{
	say_start();
	if (access(LO "/mtu", R_OK) < 0) {
		puts("there is no sysfs here");
		return 77;
	}
	values();
	kinds();
	links();
	entries();
	by_descriptor();
	many();
	return 0;
}
