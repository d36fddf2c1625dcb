/*
 * Waiting for children, and for the members of an epoll set: tried at once, then in a thread. An epoll set with sockets of ours in it is no descriptor that
 * could be waited for with others (epoll.c), so polls of one come here, too.
 */
#include <sys/wait.h>
#include "shim/uring/uring.h"

#define LOOK_AGAIN_MS 50   /* the wait is the shim's own: a word to end it that came just before it began is seen then */

/* ---- children ---- */

int prepare_waitid(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	return e->addr || e->buf_index || e->addr3 || e->rw_flags ? -EINVAL : 0;
}

/* The child that was there may be somebody else's by now: then it is waited for again. */
static bool child_take(struct request *r, long *ret)
{
	const struct io_uring_sqe *e = &r->sqe;
	siginfo_t info = {.si_pid = 0}, *to = (siginfo_t *)(uintptr_t)e->addr2;
	int options = (int)e->file_index;
	*ret = do_waitid((int)e->len, e->fd, &info, options | WNOHANG, NULL);
	if (*ret == 0 && info.si_pid == 0 && !(options & WNOHANG)) return false;
	if (*ret == 0 && to) *ret = user_put(&to->si_signo, info.si_signo) | user_put(&to->si_errno, info.si_errno) | user_put(&to->si_code, info.si_code) |
				    user_put(&to->si_pid, info.si_pid) | user_put(&to->si_uid, info.si_uid) | user_put(&to->si_status, info.si_status);
	return true;
}

long issue_waitid(struct request *r)
{
	long n;
	return child_take(r, &n) ? n : request_block(r);
}

long block_waitid(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	const long call[7] = {SYS_waitid, e->len, e->fd, 0, e->file_index | WNOWAIT};
	for (;;) {
		long n = request_sleep(r, call);
		if (n < 0 || child_take(r, &n)) return n;
	}
}

/* ---- epoll sets ---- */

int prepare_epoll_wait(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	return e->off || e->rw_flags || e->buf_index || e->splice_fd_in ? -EINVAL : 0;
}

static long set_look(struct request *r, int timeout_ms)
{
	return do_epoll_wait(r->file.number, (struct epoll_event *)(uintptr_t)r->sqe.addr, (int)r->sqe.len, timeout_ms);
}

long issue_epoll_wait(struct request *r)
{
	long n = set_look(r, 0);
	return n != 0 ? n : request_block(r);
}

static long poll_look(struct request *r, int timeout_ms)
{
	struct pollfd p = {r->file.number, (short)r->events, 0};
	long n = do_poll(&p, 1, timeout_ms);
	return n > 0 ? p.revents & POLLNVAL ? -EBADF : p.revents : n;
}

static long look_until(struct request *r, long (*look)(struct request *, int))
{
	long n = 0;
	atomic_store(&r->sleeper, (int)sys(SYS_gettid));
	while (!atomic_load(&r->roused) && ((n = look(r, LOOK_AGAIN_MS)) == 0 || n == -EINTR)) {}
	atomic_store(&r->sleeper, 0);
	return n == 0 || n == -EINTR ? -ECANCELED : n;
}

long block_epoll_wait(struct request *r) { return look_until(r, set_look); }
long block_poll_add(struct request *r) { return look_until(r, poll_look); }
