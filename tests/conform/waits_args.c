/*
 * What select, poll and epoll_wait are given: more descriptors than there can be, memory that can't be read or written, sizes of masks. By raw calls, for
 * libc has views of its own on some.
 */
#include "say.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define BAD ((void *)8)
#define HIGH 300   /* with this one open, Linux's table of descriptors reaches to 512 */

static int udp;                /* can be written, and has nothing to read */
static void *constant;         /* a page of zeros that can't be written */

static long select_(int n, void *in, void *out, void *ex, void *time) { return syscall(SYS_select, (long)n, in, out, ex, time); }

static long pselect_(int n, void *in, void *time, const void *mask, size_t size)
{
	struct { const void *mask; size_t size; } arg = { mask, size };

	return syscall(SYS_pselect6, (long)n, in, NULL, NULL, time, &arg);
}

static void selects(void)
{
	static const struct { const char *text; int n; struct timeval time; } cases[] = {
		{ "none", 0, { 0, 0 } },
		{ "-1", -1, { 0, 0 } },
		{ "no time", 1, { -1, 0 } },
		{ "no microseconds", 1, { 0, -1 } },
		{ "two seconds of microseconds", 0, { -2, 2000000 } },
	};
	fd_set set, all;
	struct timeval now = { 0, 0 }, later = { 30, 0 };
	struct timespec moment = { 0, 1000000 };

	say_about("select");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct timeval t = cases[i].time;
		FD_ZERO(&set);
		say_rc(cases[i].text, select_(cases[i].n, &set, NULL, NULL, &t));
	}
	say_rc("bad set to read", select_(10, BAD, NULL, NULL, &now));
	say_rc("bad set to write", select_(10, NULL, BAD, NULL, &now));
	say_rc("bad set, none", select_(0, BAD, NULL, NULL, &now));
	say_rc("bad time", select_(1, NULL, NULL, NULL, BAD));
	say_rc("constant set", select_(udp + 1, constant, NULL, NULL, &now));
	FD_ZERO(&set);
	FD_SET(udp, &set);
	say_rc("constant time", select_(udp + 1, NULL, &set, NULL, constant));
	FD_ZERO(&set);
	FD_SET(udp, &set);
	say_rc("socket", select_(udp + 1, NULL, &set, NULL, &later));
	say("time left", "%s", later.tv_sec == 29 || later.tv_sec == 30 ? "most" : "not so");
	memset(&all, 0xff, sizeof(all));
	say_rc("one of a full set", select_(1, NULL, &all, NULL, &now));
	say("behind it", "%d %d", FD_ISSET(63, &all) != 0, FD_ISSET(64, &all) != 0);
	say_about("pselect");
	for (size_t size = 0; size <= 16; size += 4)
		say_rc("size of the mask", pselect_(0, NULL, &moment, &set, size));
	say_rc("bad mask", pselect_(0, NULL, &moment, BAD, 8));
	say_rc("no mask", pselect_(0, NULL, &moment, NULL, 4));
}

/* Sets that are longer than the table, or shorter than the number of descriptors says. */
static void reaches(void)
{
	struct timeval now = { 0, 0 };
	struct { fd_set set; unsigned char rest[8192]; } s;
	static const int bits[] = { 200, 500, 520, 1000 }, counts[] = { 512, 1024, 20000, 1 << 30 };

	MUST(dup2(udp, HIGH));
	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++) {
		say_about("a closed descriptor %d", bits[i]);
		FD_ZERO(&s.set);
		FD_SET(bits[i], &s.set);
		FD_SET(HIGH, &s.set);
		say_rc("result", select_(1024, NULL, &s.set, NULL, &now));
		say("sets", "%d %d", FD_ISSET(HIGH, &s.set) != 0, FD_ISSET(bits[i], &s.set) != 0);
	}
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		bool touched = false;
		say_about("%d descriptors", counts[i]);
		FD_ZERO(&s.set);
		FD_SET(HIGH, &s.set);
		memset(s.rest, 0xff, sizeof(s.rest));
		say_rc("result", select_(counts[i], NULL, &s.set, NULL, &now));
		for (size_t j = 0; j < sizeof(s.rest); j++)
			touched |= s.rest[j] != 0xff;
		say("behind the set", "%s", touched ? "changed" : "as it was");
	}
	close(HIGH);
}

static void polls(void)
{
	struct rlimit limit, small;
	struct pollfd many[100], one = { udp, POLLOUT, 0 };
	struct timespec now = { 0, 0 };

	say_about("poll");
	say_rc("bad", poll(BAD, 1, 0));
	say_rc("constant", poll(constant, 1, 0));
	say_rc("bad, none", poll(BAD, 0, 0));
	say_rc("too many", poll(&one, (nfds_t)-1, 0));
	for (int i = 0; i < 100; i++)
		many[i] = one;
	MUST(getrlimit(RLIMIT_NOFILE, &limit));
	small = (struct rlimit){ 64, limit.rlim_max };
	MUST(setrlimit(RLIMIT_NOFILE, &small));
	say_rc("as many as there can be", poll(many, 64, 0));
	say_rc("one more", poll(many, 65, 0));
	MUST(setrlimit(RLIMIT_NOFILE, &limit));
	for (long size = 0; size <= 16; size += 4)
		say_rc("ppoll, size of the mask", syscall(SYS_ppoll, &one, 1L, &now, &limit, size));
	say_rc("ppoll, bad mask", syscall(SYS_ppoll, &one, 1L, &now, BAD, 8L));
	say_rc("ppoll, bad time", syscall(SYS_ppoll, &one, 1L, BAD, NULL, 8L));
	say_rc("ppoll, constant time", syscall(SYS_ppoll, &one, 1L, constant, NULL, 8L));
}

/* Places for events of which only the first is there; what can't be told is not lost. */
static void epolls(bool nested)
{
	struct epoll_event ev = { .events = EPOLLOUT | EPOLLET }, *edge, got;
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int e = MUST(epoll_create1(0)), second = bound(AF_INET, SOCK_DGRAM);

	say_about("epoll, %s", nested ? "an epoll in it" : "sockets in it");
	MUST(mprotect(pages + 4096, 4096, PROT_NONE));
	edge = (struct epoll_event *)(pages + 4096) - 1;
	int inner[2] = { MUST(epoll_create1(0)), MUST(epoll_create1(0)) }, fds[2] = { udp, second };
	for (int i = 0; i < 2; i++) {
		struct epoll_event in = { .events = nested ? EPOLLIN : EPOLLOUT | EPOLLET };
		if (nested)
			MUST(epoll_ctl(inner[i], EPOLL_CTL_ADD, fds[i], &ev));
		MUST(epoll_ctl(e, EPOLL_CTL_ADD, nested ? inner[i] : fds[i], &in));
	}
	say_rc("bad", epoll_wait(e, BAD, 1, 0));
	say_rc("constant", epoll_wait(e, constant, 4, 0));
	say_rc("room for one", epoll_wait(e, edge, 4, 0));
	say_rc("the other", epoll_wait(e, &got, 1, 0));
	for (long size = 0; size <= 16; size += 4)
		say_rc("size of the mask", syscall(SYS_epoll_pwait, e, &got, 1L, 0L, constant, size));
	say_rc("pwait2, bad time", syscall(SYS_epoll_pwait2, e, &got, 1L, BAD, NULL, 8L));
	MUST(munmap(pages, 8192));
	close(second);
	close(inner[0]);
	close(inner[1]);
	close(e);
}

/* Closes the descriptor when the program's first thread has gone to sleep. */
static void *closes(void *fd)
{
	char stat[256] = "", path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)getpid());
	for (char state = 0; state != 'S'; poll(NULL, 0, 20)) {
		FILE *f = fopen(path, "r");
		char *end = f && fgets(stat, sizeof(stat), f) ? strrchr(stat, ')') : NULL;
		state = end ? end[2] : 0;
		if (f)
			fclose(f);
	}
	close(*(int *)fd);
	return NULL;
}

/* What is closed before the call is an error, and what is closed meanwhile is ready. */
static void closed_meanwhile(void)
{
	for (int set = 0; set < 3; set++) {
		struct timeval time = { 1, 0 };
		pthread_t thread;
		fd_set sets[3];
		int fd[2];
		tcp_pair(AF_INET, fd);
		for (int i = 0; i < 3; i++)
			FD_ZERO(&sets[i]);
		FD_SET(fd[0], &sets[set]);
		if (set == 1) {                     /* no room to write to */
			set_nonblocking(fd[0]);
			while (write(fd[0], constant, 4096) > 0)
				;
		}
		say_about("closed meanwhile, set %d", set);
		MUST(-pthread_create(&thread, NULL, closes, &fd[0]));
		say_rc("select", select_(fd[0] + 1, &sets[0], &sets[1], &sets[2], &time));
		say("in it", "%d", FD_ISSET(fd[0], &sets[set]) != 0);
		pthread_join(thread, NULL);
		close(fd[1]);
	}
}

int main(void)
{
	say_start();
	udp = bound(AF_INET, SOCK_DGRAM);
	constant = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	selects();
	reaches();
	closed_meanwhile();
	polls();
	epolls(false);
	epolls(true);
	return 0;
}
