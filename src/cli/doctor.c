/*
 * What this machine allows. Each check does the thing itself, in a child of its own, so that a filter that kills instead of refusing is seen as
 * well, and nothing of it stays. A row says what is tried and what rests on it.
 */
#include "cli/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <unistd.h>

#include "channel/arena.h"
#include "cli/cli.h"
#include "cli/filter.h"
#include "cli/launch.h"
#include "cli/records.h"
#include "cli/rendezvous.h"
#include "host/process.h"
#include "shim/gate.h"

/* 0 or a positive errno, in the child. */
static int result(long r)
{
	return r < 0 ? errno : 0;
}

static int try_pair(void)
{
	int pair[2];

	return result(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) ?: result(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

static int try_memory(void)
{
	int fd = memfd_create("sockland", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)ARENA_SIZE) < 0) return errno;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) return errno;
	return mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? errno : 0;
}

static int try_gate(void)
{
	void *at = (void *)GATE_ADDR;

	return mmap(at, GATE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED ? errno : 0;
}

static int try_text(void)
{
	long page = sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : result(mprotect(p, (size_t)page, PROT_READ | PROT_EXEC));
}

static int try_events(void)
{
	return result(eventfd(0, EFD_CLOEXEC)) ?: result(epoll_create1(EPOLL_CLOEXEC));
}

static int try_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0) return errno;
	return r.rlim_max < 1024 ? EMFILE : 0;
}

static int try_shim(void)
{
	return launch_shim_found() ? 0 : ENOENT;
}

static int try_filter(void)
{
	return -filter_install();
}

static int try_listen(void)
{
	char name[20];
	int fd;

	snprintf(name, sizeof name, "doctor-%d", (int)getpid());
	fd = rendezvous_listen(name);
	if (fd < 0) return -fd;
	close(fd);
	rendezvous_forget(name);
	return 0;
}

static int try_inet(void) { return result(socket(AF_INET, SOCK_STREAM, 0)); }
static int try_ptrace(void) { return result(ptrace(PTRACE_TRACEME, 0, 0, 0)); }
static int try_namespace(void) { return result(unshare(CLONE_NEWUSER | CLONE_NEWNET)); }
static int try_tun(void) { return result(open("/dev/net/tun", O_RDWR | O_CLOEXEC)); }

enum need { NEEDED, USEFUL, NOT_NEEDED };
static const struct check { const char *name; enum need need; int (*try)(void); const char *without; } checks[] = {
	{"socketpair", NEEDED, try_pair, "nothing works: everything is passed over pairs"},
	{"shared memory", NEEDED, try_memory, "nothing works: see ulimit -v and ulimit -f"},
	{"eventfd, epoll", NEEDED, try_events, "nothing works: programs could not be woken"},
	{"libsockland.so", NEEDED, try_shim, "nothing works: it stands beside sockland, or where make install puts it"},
	{"changing text pages", NEEDED, try_text, "calls from inside libc are not caught"},
	{"gate page", USEFUL, try_gate, "see vm.mmap_min_addr: socket calls that bypass libc are not caught"},
	{"seccomp filter", USEFUL, try_filter, "socket calls that bypass libc reach the kernel"},
	{"descriptors", USEFUL, try_descriptors, "few sockets can be open at once: see ulimit -Hn"},
	{"listening for shells", USEFUL, try_listen, "up -d, exec, set, cut, show from another shell; up FILE -- COMMAND works without"},
	{"AF_INET sockets", NOT_NEEDED, try_inet, "nothing: sockland opens none"},
	{"user namespaces", NOT_NEEDED, try_namespace, "nothing: sockland makes none"},
	{"ptrace", NOT_NEEDED, try_ptrace, "nothing but gdb and strace"},
	{"/dev/net/tun", NOT_NEEDED, try_tun, "nothing: sockland opens none"},
};

/* The errno of a check, 0 when all is well, or -1 when it was killed. */
static int check_run(const struct check *k)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		process_quiet();
		_exit(k->try());
	}
	if (pid < 0) return errno;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR) return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void nets_add(struct records *r)
{
	char **names = NULL;
	int n = rendezvous_names(&names);

	for (int i = 0; i < n; i++) {
		records_add(r, "up\tname=%s", names[i]);
		free(names[i]);
	}
	free(names);
	if (rendezvous_inside()) records_add(r, "inside\tanswer?1");
}

static void print_check(const struct records *r, const struct item *d)
{
	const char *need = item_text(r, d, "need"), *error = item_text(r, d, "error");
	bool allowed = item_number(r, d, "allowed");

	printf("%-7s %-21s", allowed ? "yes" : "denied", item_text(r, d, "name"));
	if (allowed) printf(" %s\n", strcmp(need, "not needed") == 0 ? "not needed" : "");
	else printf(" %s; %s %s\n", error, strcmp(need, "not needed") == 0 ? "lost:" : "without it:", item_text(r, d, "without"));
}

static void print_all(const struct records *r, bool works)
{
	bool any = false;

	for (size_t i = 0; i < r->n; i++)
		if (item_is(&r->at[i], "check")) print_check(r, &r->at[i]);
	puts(works ? "sockland works here." : "sockland cannot work here.");
	for (size_t i = 0; i < r->n; i++) {
		if (item_is(&r->at[i], "inside")) puts("This shell runs on a host of a net.");
		if (!item_is(&r->at[i], "up")) continue;
		printf("%s%s", any ? ", " : "Nets that are up: ", item_text(r, &r->at[i], "name"));
		any = true;
	}
	if (any) putchar('\n');
	else puts("No net of yours is up.");
}

int doctor(bool json)
{
	static const char *const needs[] = {"needed", "useful", "not needed"};
	struct records r = {0};
	bool works = true;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		const struct check *k = &checks[i];
		int err = check_run(k);

		works &= err == 0 || k->need != NEEDED;
		records_add(&r, "check\tname=%s\tneed=%s\tallowed?%d\terror=%s\twithout=%s", k->name, needs[k->need], err == 0,
			    err == 0 ? "" : err < 0 ? "the process was killed" : strerror(err), k->without);
	}
	nets_add(&r);
	if (json) records_json(&r, stdout);
	else print_all(&r, works);
	records_free(&r);
	return works ? 0 : EXIT_OWN_FAILURE;
}
