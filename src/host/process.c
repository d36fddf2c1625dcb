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
