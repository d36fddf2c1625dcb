/*
 * Taking requests back: those that are parked, timeouts, and those that sleep in a thread. A thread that is inside another call is not disturbed:
 * -EALREADY, as of the kernel's workers.
 */
#include "shim/uring/uring.h"

#define FLAGS_KNOWN \
	(IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_FD_FIXED | IORING_ASYNC_CANCEL_USERDATA | \
	 IORING_ASYNC_CANCEL_OP)

static bool same_file(const struct file *a, const struct file *b)
{
	if (a->virtual != b->virtual) return false;
	if (a->virtual) return a->sock.index == b->sock.index && a->sock.generation == b->sock.generation;
	return a->number == b->number;
}

static bool matches(const struct request *r, const void *arg)
{
	const struct cancel *c = arg;
	bool by_user_data = c->flags & IORING_ASYNC_CANCEL_USERDATA ||
			    !(c->flags & (IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_OP));
	if (c->flags & IORING_ASYNC_CANCEL_ANY) return true;
	if (c->flags & IORING_ASYNC_CANCEL_FD && (r->where == IN_TIMERS || !same_file(&r->file, &c->file))) return false;
	if (c->flags & IORING_ASYNC_CANCEL_OP && r->sqe.opcode != c->opcode) return false;
	return !by_user_data || r->sqe.user_data == c->user_data;
}

static struct request *take_timer(struct ring *g, const struct cancel *c)
{
	ring_lock(g);
	struct request *r = g->timers;
	while (r && (r->sqe.opcode != IORING_OP_TIMEOUT || !matches(r, c))) r = r->next;
	if (r) timers_remove(r);
	ring_unlock(g);
	return r;
}

static struct request *take(struct ring *g, const struct cancel *c)
{
	struct request *r = park_take(g, matches, c);
	return r ? r : take_timer(g, c);
}

/* Those in threads: woken, to end there; or, if they can't be, *ret_busy says so. *ret_counted: the answer is their number. */
static long rouse(struct ring *g, const struct cancel *c, bool all, bool *ret_busy, bool *ret_counted)
{
	long n = 0;
	ring_lock(g);
	for (struct request *r = g->asleep; r && (n == 0 || all); r = r->beside) {
		if (!matches(r, c)) continue;
		if (!request_rouse(r)) {
			*ret_busy = true;
			continue;
		}
		*ret_counted |= r->op->flags & OP_COUNTED;
		n++;
	}
	ring_unlock(g);
	return n;
}

long cancel_by(struct ring *g, const struct cancel *c)
{
	bool all = c->flags & (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY), busy = false, counted = all;
	long n = 0;
	for (struct request *r; (n == 0 || all) && (r = take(g, c)); n++) request_complete(r, -ECANCELED);
	if (n == 0 || all) n += rouse(g, c, all, &busy, &counted);
	if (counted) return n;
	return n > 0 ? 0 : busy ? -EALREADY : -ENOENT;
}

void cancel_all(struct ring *g)
{
	struct cancel any = {.flags = IORING_ASYNC_CANCEL_ANY};
	cancel_by(g, &any);
	ring_run(g);
}

/* The file that is named, for the time of the search. */
int cancel_file(struct ring *g, struct cancel *c, int fd)
{
	if (!(c->flags & IORING_ASYNC_CANCEL_FD)) return 0;
	return c->flags & IORING_ASYNC_CANCEL_FD_FIXED ? file_fixed(g, (uint32_t)fd, &c->file) : file_get(fd, &c->file);
}

int cancel_check(unsigned flags)
{
	if (flags & ~(unsigned)FLAGS_KNOWN) return -EINVAL;
	return flags & IORING_ASYNC_CANCEL_ANY && flags & (IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_OP) ? -EINVAL : 0;
}

int prepare_async_cancel(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	if (e->flags & IOSQE_BUFFER_SELECT || e->off || e->splice_fd_in) return -EINVAL;
	return cancel_check(e->cancel_flags);
}

long issue_async_cancel(struct request *r)
{
	struct cancel c = {.user_data = r->sqe.addr, .flags = r->sqe.cancel_flags, .opcode = (uint8_t)r->sqe.len};
	if (r->sqe.flags & IOSQE_FIXED_FILE) c.flags |= IORING_ASYNC_CANCEL_FD_FIXED;
	int err = cancel_file(r->ring, &c, r->sqe.fd);
	long n = err < 0 ? err : cancel_by(r->ring, &c);
	file_release(&c.file);
	return n;
}
