/* Who asks what is ready, in every way that there is: select, pselect, ppoll, epoll with each of its flags. Nobody waits. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <unistd.h>
#include "calls.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define BAD ((void *)1)

/* Up to which number: a program's descriptors are small, and the sets hold no more. */
static int sets_fill(struct program *p, fd_set set[3])
{
	int most = 0;
	for (int i = 0; i < 3; i++) FD_ZERO(&set[i]);
	for (int i = 0; i < SLOTS; i++) {
		if (p->fd[i] < 0 || p->fd[i] >= FD_SETSIZE) continue;
		for (int j = 0; j < 3; j++)
			if (chance(&p->n, 60)) FD_SET(p->fd[i], &set[j]);
		if (p->fd[i] >= most) most = p->fd[i] + 1;
	}
	return most;
}

static void sets_say(struct program *p, fd_set set[3])
{
	for (int j = 0; j < 3; j++) {
		say(p, " ");
		for (int i = 0; i < SLOTS; i++)
			if (p->fd[i] >= 0 && p->fd[i] < FD_SETSIZE && FD_ISSET(p->fd[i], &set[j])) say(p, "%d", i);
		say(p, ".");
	}
}

/* The time that was left goes into select's, not into pselect's. */
void do_select(struct program *p)
{
	fd_set set[3];
	struct timeval tv = {0};
	struct timespec ts = {0};
	sigset_t none;
	int most = sets_fill(p, set);
	uint32_t odd = number(&p->n, 20);
	bool old = chance(&p->n, 50);
	sigemptyset(&none);
	if (odd == 0) most = -1;
	if (odd == 1) tv.tv_sec = -1, ts.tv_nsec = -1;
	if (odd == 2) ts.tv_nsec = 1000000000;
	fd_set *in = odd == 3 ? NULL : odd == 4 ? BAD : &set[0];
	say(p, "%sselect(%s)", old ? "" : "p", odd == 0 ? "-1" : odd == 1 ? "before" : odd == 2 ? "long" : odd == 3 ? "none" : odd == 4 ? "bad" : "");
	int r = old ? select(most, in, &set[1], &set[2], &tv) : pselect(most, in, &set[1], &set[2], &ts, &none);
	say_result(p, r);
	if (r >= 0) sets_say(p, set);
}

void do_ppoll(struct program *p)
{
	struct pollfd at[SLOTS + 1];
	struct timespec now = {0};
	uint32_t odd = number(&p->n, 20), count = odd == 0 ? number(&p->n, SLOTS) : SLOTS + 1;
	for (int i = 0; i < SLOTS; i++) at[i] = (struct pollfd){p->fd[i], (short)(chance(&p->n, 50) ? 0x7fff : number(&p->n, 0x4000)), -1};
	at[SLOTS] = (struct pollfd){odd == 1 ? 9999 : -1, POLLIN, -1};
	if (odd == 2) now.tv_nsec = -1;
	say(p, "ppoll(%u%s)", count, odd == 2 ? ", before" : odd == 3 ? ", bad" : "");
	say_result(p, odd == 3 ? ppoll(BAD, count, &now, NULL) : ppoll(at, count, &now, NULL));
	for (int i = 0; i <= SLOTS; i++) say(p, " %#x", at[i].revents);
}

/* ---- epoll ---- */

static uint32_t events_any(struct program *p)
{
	static const uint32_t some[] = {EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP, EPOLLERR, EPOLLHUP, EPOLLRDNORM, EPOLLRDBAND, EPOLLWRNORM, EPOLLWRBAND, EPOLLMSG,
					EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE, EPOLLWAKEUP};
	uint32_t events = 0;
	for (size_t i = 0; i < COUNT(some); i++)
		if (chance(&p->n, 25)) events |= some[i];
	return chance(&p->n, 50) ? events & ~(uint32_t)EPOLLEXCLUSIVE : events;
}

/* On a set that lives for the call: added with any flags, asked, changed, asked again, taken out. */
void do_epoll_all(struct program *p)
{
	int e = epoll_create1(0), slot = slot_any(p), n = 0;
	struct epoll_event ev = {.events = events_any(p)}, got;
	say(p, "epoll_all(%d, %#x)", slot, ev.events);
	say_result(p, epoll_ctl(e, EPOLL_CTL_ADD, p->fd[slot], &ev));
	for (int i = 0; i < 2; i++) {
		n = epoll_wait(e, &got, 1, 0);
		say(p, " %#x", n == 1 ? got.events : 0);
	}
	ev.events = events_any(p);
	say(p, ", %#x", ev.events);
	say_result(p, epoll_ctl(e, EPOLL_CTL_MOD, p->fd[slot], &ev));
	n = epoll_wait(e, &got, 1, 0);
	say(p, " %#x", n == 1 ? got.events : 0);
	say_result(p, epoll_ctl(e, EPOLL_CTL_DEL, p->fd[slot], NULL));
	say(p, " %d", epoll_wait(e, &got, 1, 0));
	close(e);
}

/* A set in a set: the outer one tells whether the inner one has something. */
void do_epoll_nest(struct program *p)
{
	int inner = epoll_create1(0), outer = epoll_create1(0), slot = slot_any(p);
	struct epoll_event ev = {.events = events_any(p) & ~(uint32_t)EPOLLEXCLUSIVE}, in = {.events = EPOLLIN | (chance(&p->n, 30) ? EPOLLET : 0)}, got;
	struct pollfd at = {outer, POLLIN, 0};
	say(p, "epoll_nest(%d, %#x)", slot, ev.events);
	say_result(p, epoll_ctl(inner, EPOLL_CTL_ADD, p->fd[slot], &ev));
	say_result(p, epoll_ctl(outer, EPOLL_CTL_ADD, inner, &in));
	say(p, " %d", poll(&at, 1, 0));
	for (int i = 0; i < 2; i++) {
		say(p, " %d", epoll_wait(outer, &got, 1, 0));
		say(p, " %d", epoll_wait(inner, &got, 1, 0));
	}
	close(inner);
	close(outer);
}

/* What no set takes: itself, what is no descriptor, a number that is no set, room for nothing. */
void do_epoll_odd(struct program *p)
{
	int e = epoll_create1(0), slot = slot_any(p), which = (int)number(&p->n, 8);
	struct epoll_event ev = {.events = EPOLLIN};
	say(p, "epoll_odd(%d, %d)", which, slot);
	int r = which == 0   ? epoll_ctl(e, EPOLL_CTL_ADD, e, &ev)
		: which == 1 ? epoll_ctl(p->fd[slot], EPOLL_CTL_ADD, e, &ev)
		: which == 2 ? epoll_ctl(e, EPOLL_CTL_ADD, p->fd[slot], BAD)
		: which == 3 ? epoll_wait(e, &ev, 0, 0)
		: which == 4 ? epoll_wait(p->fd[slot], &ev, 1, 0)
		: which == 5 ? epoll_ctl(e, EPOLL_CTL_MOD, p->fd[slot], &ev)
		: which == 6 ? epoll_ctl(e, EPOLL_CTL_DEL, p->fd[slot], BAD)
			     : epoll_ctl(e, 0, p->fd[slot], &ev);
	say_result(p, r);
	close(e);
}
