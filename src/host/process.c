/* The engine as a process among others: see process.h. */
#include "host/process.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void process_fill_standard(void)
{
	int fd;
	do fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < 3);
	if (fd > 2) close(fd);
}

void process_settle(const char *name)
{
	struct rlimit r;
	static const int ignored[] = {SIGPIPE, SIGXFSZ, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU};
	prctl(PR_SET_NAME, name);
	setsid();
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++) signal(ignored[i], SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

uint64_t process_descriptors(void)
{
	struct rlimit r;
	return getrlimit(RLIMIT_NOFILE, &r) == 0 ? r.rlim_cur : 1024;
}

void process_quiet(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; null >= 0 && fd < 3; fd++) dup2(null, fd);
	if (null > 2) close(null);
}

static int fd_compare(const void *a, const void *b) { return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b); }

/* Closes first … last. */
static void close_between(int first, int last)
{
	if (first > last || close_range((unsigned)first, (unsigned)last, 0) == 0) return;
	long top = sysconf(_SC_OPEN_MAX);
	for (int fd = first; fd <= last && fd < top; fd++) close(fd);
}

void process_keep_only(int *fds, size_t n)
{
	int from = 3;
	qsort(fds, n, sizeof *fds, fd_compare);
	for (size_t i = 0; i < n; i++) {
		if (fds[i] < from) continue;
		close_between(from, fds[i] - 1);
		from = fds[i] + 1;
	}
	close_between(from, INT_MAX);
}

int process_peer(int fd, uid_t *ret_uid, pid_t *ret_pid)
{
	struct ucred cred;
	socklen_t len = sizeof cred;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0) return -errno;
	*ret_uid = cred.uid;
	*ret_pid = cred.pid;
	return 0;
}

bool process_is_path(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	return flags >= 0 && flags & O_PATH;
}

bool process_socket_inode(int fd, ino_t *ret)
{
	struct stat st;
	if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode) || process_is_path(fd)) return false;
	*ret = st.st_ino;
	return true;
}

bool process_is_socket(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* The numbers behind a line's name. */
static bool ids_read(const char *text, const char *name, uint32_t ret[3])
{
	const char *at = strstr(text, name);
	return at && sscanf(at + strlen(name), "%u %u %u", &ret[0], &ret[1], &ret[2]) == 3;
}

static int text_read(const char *path, char *ret, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) return -errno;
	ssize_t n = read(fd, ret, size - 1);
	close(fd);
	ret[MAX(n, 0)] = 0;
	return 0;
}

/* user_namespaces(7): anybody has all capabilities in a user namespace of his own, where they say nothing about us. Kernels without those have no such
 * files. */
static bool has_our_ids(pid_t pid)
{
	char path[32], theirs[4096] = "", ours[4096] = "";
	snprintf(path, sizeof path, "/proc/%d/uid_map", (int)pid);
	return text_read(path, theirs, sizeof theirs) == text_read("/proc/self/uid_map", ours, sizeof ours) && strcmp(theirs, ours) == 0;
}

int process_ids(pid_t pid, struct process_ids *ret)
{
	char path[32], text[4096];
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	int n = text_read(path, text, sizeof text);
	if (n < 0) return n;
	const char *caps = strstr(text, "\nCapEff:");
	if (!caps || !ids_read(text, "\nUid:", ret->uid) || !ids_read(text, "\nGid:", ret->gid)) return -ESRCH;
	ret->caps = has_our_ids(pid) ? strtoull(caps + sizeof "\nCapEff:" - 1, NULL, 16) : 0;
	return 0;
}

bool process_has_group(pid_t pid, gid_t first, gid_t last)
{
	static const char row[] = "\nGroups:";
	char path[32], text[4096];
	uint32_t ids[3];
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	if (text_read(path, text, sizeof text) < 0) return false;
	if (ids_read(text, "\nGid:", ids) && ids[1] >= first && ids[1] <= last) return true;
	char *at = strstr(text, row), *next;
	for (at = at ? at + sizeof row - 1 : NULL; at; at = next) {
		at += strspn(at, "\t ");
		unsigned long gid = strtoul(at, &next, 10);
		if (next == at) return false;
		if (gid >= first && gid <= last) return true;
	}
	return false;
}

/* Of another user's process only CAP_SYS_RESOURCE may ask; the file is for everybody. */
uint64_t process_may_open(pid_t pid)
{
	static const char row[] = "\nMax open files";
	char path[32], text[4096];
	struct rlimit r;
	if (prlimit(pid, RLIMIT_NOFILE, NULL, &r) == 0) return r.rlim_cur;
	snprintf(path, sizeof path, "/proc/%d/limits", (int)pid);
	const char *at = text_read(path, text, sizeof text) < 0 ? NULL : strstr(text, row);
	if (!at) return UINT64_MAX;
	at += sizeof row - 1;
	at += strspn(at, " ");
	return *at >= '0' && *at <= '9' ? strtoull(at, NULL, 10) : UINT64_MAX;
}

/* proc(5): field 22 of stat, counted from behind the name, which may hold anything. */
int process_started(pid_t pid, uint64_t *ret)
{
	char path[32], text[1024], *at;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) return -errno;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	text[MAX(n, 0)] = 0;
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++) at = strchr(at + 1, ' ');
	if (!at) return -ESRCH;
	*ret = strtoull(at + 1, NULL, 10);
	return 0;
}

uint64_t process_token(void)
{
	uint64_t token, started = 0;
	if (getrandom(&token, sizeof token, GRND_NONBLOCK) == sizeof token) return token;
	process_started(getpid(), &started);
	return started << 22 ^ (uint64_t)getpid();
}
