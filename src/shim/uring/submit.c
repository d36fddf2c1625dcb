/*
 * Entries of the submission queue become requests. The queue is the program's memory: an entry is copied once, the copy checked and used. An entry
 * that cannot be ends with its error, and ends the submission, unless the ring is to submit all; inside a chain it fails the whole chain instead.
 */
#include "shim/uring/uring.h"

#define FLAGS_KNOWN \
	(IOSQE_FIXED_FILE | IOSQE_IO_DRAIN | IOSQE_IO_LINK | IOSQE_IO_HARDLINK | IOSQE_ASYNC | IOSQE_BUFFER_SELECT | IOSQE_CQE_SKIP_SUCCESS)
#define LINKS (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)

struct chain { struct request *head, *last; };

/* The next entry; false: there is none. */
static bool entry_take(struct ring *g, struct io_uring_sqe *ret)
{
	uint32_t mask = g->sq_entries - 1, at = atomic_fetch_add(&g->shared->sq_taken, 1) & mask;
	if (g->sq_array) at = shared_get32(&g->sq_array[at]);
	if (at >= g->sq_entries) {
		atomic_fetch_add(g->sq_dropped, 1);
		return false;
	}
	memcpy(ret, g->sqes + (size_t)at * g->sqe_size, sizeof *ret);
	return true;
}

/* A ring that has left out completions once can't be drained any more. */
static bool drains_badly(struct ring *g, unsigned flags)
{
	if (flags & IOSQE_CQE_SKIP_SUCCESS) g->never_drains = true;
	return flags & IOSQE_IO_DRAIN && g->never_drains;
}

static int entry_check(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	if (!r->op || e->flags & ~(unsigned)FLAGS_KNOWN) return -EINVAL;
	if (drains_badly(r->ring, e->flags)) return -EOPNOTSUPP;
	if (!restrictions_allow_entry(r->ring, e)) return -EACCES;
	if (e->ioprio && !(r->op->flags & OP_PRIO)) return -EINVAL;
	if (e->flags & IOSQE_BUFFER_SELECT && !(r->op->flags & OP_SELECTS)) return -EOPNOTSUPP;
	if (r->ring->setup_flags & IORING_SETUP_IOPOLL && !(r->op->flags & OP_IOPOLL)) return -EINVAL;
	return e->personality != 0 ? personality_of(r) : 0;
}

static int request_prepare(struct request *r)
{
	int err;
	r->op = op_of(r->sqe.opcode);
	r->drains = r->sqe.flags & IOSQE_IO_DRAIN;
	err = entry_check(r);
	if (err < 0) return err;
	r->events = (r->op->flags & OP_IN ? POLLIN : 0) | (r->op->flags & OP_OUT ? POLLOUT : 0);
	return r->op->prepare(r);
}

static void chain_add(struct chain *c, struct request *r)
{
	if (c->head) {
		c->last->link = r;
		c->head->drains |= r->drains;
	} else c->head = r;
	c->last = r;
}

static void chain_start(struct chain *c)
{
	struct request *head = c->head;
	c->head = NULL;
	if (head) request_start(head);
}

static void request_fail(struct request *r, int err)
{
	r->invalid = true;
	r->result = err;
}

/* 0, or the entry's error: the submission ends there. */
static int entry_submit(struct ring *g, struct chain *c, struct request *r)
{
	int err = request_prepare(r);
	/* A LINK_TIMEOUT belongs to what stands before it. */
	bool limits = r->op && r->sqe.opcode == IORING_OP_LINK_TIMEOUT;
	if (err == 0 && limits && (!c->head || c->last->sqe.opcode == IORING_OP_LINK_TIMEOUT)) err = -EINVAL;
	if (err < 0) {
		request_fail(r, err);
		if (c->head && !c->head->invalid) request_fail(c->head, -ECANCELED);
	}
	chain_add(c, r);
	if (r->sqe.flags & LINKS) return 0;
	chain_start(c);
	return g->setup_flags & IORING_SETUP_SUBMIT_ALL ? 0 : err;
}

static struct request *entry_request(struct ring *g)
{
	ring_lock(g);
	struct request *r = request_new(g);
	ring_unlock(g);
	return r;
}

/* As many were taken, or -errno. */
static long submit(struct ring *g, uint32_t count)
{
	struct chain c = {NULL, NULL};
	uint32_t there = shared_get32(g->sq_tail) - atomic_load(&g->shared->sq_taken), done = 0;
	int err = 0;
	count = MIN(count, MIN(there, g->sq_entries));
	while (done < count && err == 0) {
		struct request *r = entry_request(g);
		if (!r) {
			err = -EAGAIN;
			break;
		}
		if (!entry_take(g, &r->sqe)) {
			ring_lock(g);
			request_free(r);
			ring_unlock(g);
			break;
		}
		/* The program may use the place again as soon as we are back, and no sooner. */
		err = entry_submit(g, &c, r);
		done++;
	}
	chain_start(&c);
	atomic_store_explicit(g->sq_head, atomic_load(&g->shared->sq_taken), memory_order_release);
	return done == 0 && err == -EAGAIN ? -EAGAIN : (long)done;
}

/* One thread at a time; its handlers wait, and so does its cancellation. */
long ring_submit(struct ring *g, uint32_t count)
{
	lock_enter(&g->submitting);
	shared_lock(&g->shared->sq_lock);
	self.nocancel++;
	long r = submit(g, count);
	self.nocancel--;
	shared_unlock(&g->shared->sq_lock);
	lock_leave(&g->submitting);
	return r;
}
