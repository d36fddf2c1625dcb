/*
 * The inside of poll, select and epoll_wait:
 *
 *     ready.c        what one descriptor has to say, and who wakes those that wait for it
 *     kernel_set.c   the kernel's descriptors in a set, and what else a sleep in the kernel watches
 *     poll_sleep.c   the four ways to sleep
 *     poll.c         look, look again, sleep: poll and ppoll
 *     select.c       select and pselect, by poll
 *     select_reach.c how many descriptors they look at
 *     epoll.h        the same for epoll
 */
#pragma once
#include <limits.h>
#include "shim/shim.h"

/* A polling call under way: its end, what interrupts it, the mask it sleeps with. */
struct poll { struct wait wait; const uint64_t *mask; uint64_t mask_copy; bool looked, slept, tells_ends; };   /* looked: see look_again() */

/* timeout 0: don't wait; TIME_NEVER. mask may be NULL, or have none. 0, -EFAULT or -EINVAL */
int poll_begin(struct poll *p, time_ns timeout, const struct sigset_arg *mask);
bool poll_over(const struct poll *p);
bool poll_answers_now(const struct poll *p);
long poll_run(struct poll *p, struct pollfd *fds, nfds_t n);          /* how many are ready, 0 when the time is over, or -errno */
int select_reach(int n, const fd_set *in, const fd_set *out, const fd_set *ex);   /* how many of n descriptors Linux would look at */
int timeout_of(const struct timespec *t, time_ns *ret);               /* 0, -EFAULT or -EINVAL */
void timeout_report(struct timespec *t, const struct poll *p);        /* what is left of it; NULL allowed */
/* The time left, for the kernel; NULL: for ever. in_slices: nothing will wake us, so we look every few milliseconds. */
struct timespec *poll_left(const struct poll *p, bool in_slices, struct timespec *to);
long poll_sleep(const struct poll *p, struct pollfd *fds, uint32_t n, bool in_slices);   /* the kernel's ppoll; 0 when the time, or a slice, is over */

/* ---- one descriptor ---- */
struct ready {
	enum fd_kind kind;
	struct sock sock;                  /* of FD_CHANNEL */
	uint32_t bell;                     /* which rings when it may have become ready, other than a thread's own; 0: none */
	int waker;                         /* readable when it may have become ready; -1: none */
	bool asks_kernel;                  /* the kernel has something to say, too */
};
short ready_look(int fd, short wanted, struct ready *ret);             /* its revents, as far as they are ours */

/* ---- the kernel's part of a set: its descriptors, then what wakes us ---- */
#define KERNEL_SET_HERE 64
struct kernel_set {
	struct pollfd *fds;
	uint32_t *from, n, room;           /* from[i]: the place in the program's set, or KERNEL_SET_WAKER */
	size_t mapped;
	struct pollfd fds_here[KERNEL_SET_HERE + 4];
	uint32_t from_here[KERNEL_SET_HERE + 4];
};
#define KERNEL_SET_WAKER UINT_MAX
int kernel_set_init(struct kernel_set *k, nfds_t n);                  /* room for n of the program's; 0 or -ENOMEM */
void kernel_set_free(struct kernel_set *k);
void kernel_set_add(struct kernel_set *k, int fd, short events, uint32_t from);
uint32_t kernel_set_ask(struct kernel_set *k, struct pollfd *fds);    /* adds what the kernel has to say now; how many more are ready */

/* ---- a whole set ---- */
/* What was found on one walk over the program's set. partly: something virtual that was asked for is not there. */
struct look { uint32_t ready, virtual, nested; struct sock last; short last_events; bool partly; };
void look(struct pollfd *fds, nfds_t n, struct look *l, struct kernel_set *k);   /* fills revents of ours; with k, collects the kernel's */

/* ---- sleeping: nothing was ready. 0: look again, or -EINTR, -ENETDOWN … ---- */
long sleep_direction(struct poll *p, const struct sock *s, struct direction *d, uint32_t seq);   /* one socket, one direction: no bell is needed */
long sleep_set(struct poll *p, struct pollfd *fds, nfds_t n, const struct look *l, bool kernel);  /* any; kernel: its descriptors are among them */
