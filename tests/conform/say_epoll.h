/* What the programs about epoll share: members whose data is a small number, and reports that say which were ready, in order. */
#pragma once
#include "say.h"

static inline int ctl(int e, int op, int fd, unsigned events, unsigned data)
{
	struct epoll_event ev = { .events = events, .data.u64 = data };

	return epoll_ctl(e, op, fd, &ev);
}

static inline void say_wait_for(const char *name, int e, int max, int ms)
{
	struct epoll_event ev[16];
	char text[256] = "";
	unsigned seen[64] = { 0 };
	int n = epoll_wait(e, ev, max, ms);

	for (int i = 0; i < n; i++)
		if (ev[i].data.u64 < 64)
			seen[ev[i].data.u64] = ev[i].events;
	for (unsigned i = 0; i < 64; i++)
		if (seen[i])
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " %u:%#x", i, seen[i]);
	if (n < 0)
		say(name, "%s", say_errno(errno));
	else
		say(name, "%d%s", n, text);
}

static inline void say_wait(const char *name, int e) { say_wait_for(name, e, 16, 0); }
static inline void send_one(int fd) { MUST(send(fd, "x", 1, 0)); }
static inline void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}
#define CLOSE(...) close_all((int[]){ __VA_ARGS__ }, sizeof((int[]){ __VA_ARGS__ }) / sizeof(int))

/* ---- processes ---- */

static inline pid_t begin(void)
{
	fflush(stdout);
	return MUST(fork());
}

static inline void end(pid_t pid)
{
	int status;

	MUST(waitpid(pid, &status, 0));
	say("child", "%d", WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status));
}

static inline _Noreturn void leave(void)
{
	fflush(stdout);
	_exit(0);
}

static inline void tell(int fd) { MUST(write(fd, "1", 1)); }
static inline void hear(int fd)
{
	char c;

	MUST(read(fd, &c, 1));
}
