/*
 * A request's life: made of an entry, issued, perhaps parked and issued again, completed. What it ends with decides about the rest of its chain: the
 * next becomes runnable, or all are cancelled. Whoever has completed one runs what has become runnable, by a list, so that no chain is a recursion.
 */
#include <sys/mman.h>
#include "shim/uring/uring.h"

/* ---- memory ---- */

struct request *request_new(struct ring *g)
{
	if (!g->free) {
		struct request *c = uring_pages(REQUEST_CHUNK * sizeof *c);
		if (!c) return NULL;
		c->next = g->chunks;
		g->chunks = c;
		for (int i = 1; i < REQUEST_CHUNK; i++) list_add(&g->free, &c[i]);
	}
	struct request *r = g->free;
	g->free = r->next;
	*r = (struct request){.ring = g};
	return r;
}

void requests_unmap(struct request *chunk) { sys(SYS_munmap, chunk, REQUEST_CHUNK * sizeof *chunk); }

/* The program may forget it when the entry has been submitted. */
int extra_take(struct request *r, const void *from, size_t size)
{
	if (!(r->extra = uring_pages(size))) return -ENOMEM;
	r->extra_size = size;
	return user_copy(r->extra, from, size);
}

void request_free(struct request *r)
{
	if (r->extra) sys(SYS_munmap, r->extra, r->extra_size);
	r->extra = NULL;
	if (r->iov_mapped) sys(SYS_munmap, r->iov, r->iov_mapped);
	r->iov_mapped = 0;
	list_add(&r->ring->free, r);
}

void list_add(struct request **list, struct request *r)
{
	r->next = *list;
	*list = r;
}

bool list_remove(struct request **list, struct request *r)
{
	while (*list && *list != r) list = &(*list)->next;
	if (!*list) return false;
	*list = r->next;
	return true;
}

static void line_add(struct request ***end, struct request *r)
{
	r->next = NULL;
	**end = r;
	*end = &r->next;
	r->where = IN_LINE;
}

static struct request *line_take(struct request **line, struct request ***end)
{
	struct request *r = *line;
	if (r && !(*line = r->next)) *end = line;
	return r;
}

/* ---- the end ---- */

static void end(struct request *r, bool silent)
{
	if (silent) request_free(r);
	else cq_end_with(r);
}

/* The rest of a chain whose end has come. Where the failed one wanted no completion, the others get none. */
static void chain_cancel(struct request *r, bool silent)
{
	while (r) {
		struct request *next = r->link;
		if (!r->invalid) r->result = -ECANCELED;
		r->ring->outstanding--;
		end(r, silent);
		r = next;
	}
}

/* The LINK_TIMEOUT of a request that has ended: it has done its duty. */
static void limit_end(struct request *r)
{
	struct request *limit = r->limit;
	r->limit = NULL;
	if (!limit) return;
	limit->limit = NULL;
	if (!timers_remove(limit)) return;   /* it fires at this moment, and finds nobody to cancel */
	limit->result = -ECANCELED;
	r->ring->outstanding--;
	end(limit, limit->sqe.flags & IOSQE_CQE_SKIP_SUCCESS);
}

static void deferred_start(struct ring *g)
{
	while (g->deferred && (!g->deferred->drains || g->outstanding == 0)) {
		struct request *r = line_take(&g->deferred, &g->deferred_end);
		for (struct request *i = r; i; i = i->link) g->outstanding++;
		line_add(&g->runnable_end, r);
	}
}

/* Under ring.lock. */
static void finish(struct request *r)
{
	struct ring *g = r->ring;
	struct request *next = r->link;
	bool failed = r->failed || (r->result < 0 && !(r->flags & IORING_CQE_F_NOTIF));
	bool goes_on = !failed || (r->sqe.flags & IOSQE_IO_HARDLINK && !r->invalid);
	bool timer = r->sqe.opcode == IORING_OP_TIMEOUT, silent = r->sqe.flags & IOSQE_CQE_SKIP_SUCCESS;
	g->outstanding--;
	park_forget(r);
	limit_end(r);
	if (next && next->sqe.opcode == IORING_OP_LINK_TIMEOUT && !next->invalid && goes_on) {   /* it had no time to start */
		struct request *limit = next;
		next = limit->link;
		limit->result = -ECANCELED;
		g->outstanding--;
		end(limit, limit->sqe.flags & IOSQE_CQE_SKIP_SUCCESS);
	}
	if (!timer && !(silent && !failed)) g->counted++;
	end(r, silent && !failed);
	if (next && goes_on) line_add(&g->runnable_end, next);
	else chain_cancel(next, silent && failed);
	timers_counted(g);
	deferred_start(g);
}

/* Timeouts whose count is full: the end of each may fill that of the next. */
static void expired_finish(struct ring *g)
{
	while (g->expired) {
		struct request *r = g->expired;
		g->expired = r->next;
		finish(r);
	}
}

void request_complete(struct request *r, long result)
{
	struct ring *g = r->ring;
	struct epoll_event none = {0};
	if (r->in_kernel_set) sys(SYS_epoll_ctl, g->kernel_set, EPOLL_CTL_DEL, r->file.fd, &none);
	struct request *tags[] = {r->file.tag, r->buffer_tag};   /* told after the completion of the last one on them */
	r->file.tag = NULL;
	file_release(&r->file);
	r->result = (int)result;
	ring_lock(g);
	finish(r);
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) tag_drop(tags[i]);
	expired_finish(g);
	ring_unlock(g);
}

bool request_more(struct request *r, long result, unsigned flags)
{
	ring_lock(r->ring);
	bool posted = cq_post_if_room(r->ring, r->sqe.user_data, (int)result, flags | IORING_CQE_F_MORE);
	if (posted) {
		timers_counted(r->ring);
		expired_finish(r->ring);
	}
	ring_unlock(r->ring);
	return posted;
}

/* ---- the beginning ---- */

/* Its time starts when what it limits has not ended at once. */
void limit_start(struct request *r)
{
	struct request *limit = r->link;
	if (!limit || limit->sqe.opcode != IORING_OP_LINK_TIMEOUT || limit->invalid) return;
	r->link = limit->link;
	limit->link = NULL;
	r->limit = limit;
	limit->limit = r;
	limit->op->issue(limit);
}

static long issue_as(struct request *r)
{
	struct personality before;
	int err = personality_take_up(r, &before);
	if (err < 0) return err;
	long result = r->op->issue(r);
	personality_lay_down(&before);
	return result;
}

/* One attempt. PARKED: it belongs to others now, or has ended already. */
static long attempt(struct request *r)
{
	struct ring *g = r->ring;
	int err = r->op->flags & OP_FILE && !r->file.held ? file_of_request(r) : 0;
	ring_lock(g);
	r->where = AT_WORK;
	bool ended = g->ended;
	ring_unlock(g);
	if (err < 0) return err;
	if (r->file.virtual) r->seen = readiness_seen(&r->file.sock);
	return ended ? -ECANCELED : r->as.id ? issue_as(r) : r->op->issue(r);
}

void request_issue(struct request *r)
{
	for (;;) {
		long result = r->invalid ? r->result : attempt(r);
		if (result == PARKED) return;
		if (result != -EAGAIN || r->nowait || r->events == 0) {
			request_complete(r, result);
			return;
		}
		if (!request_park(r)) return;
	}
}

void ring_run(struct ring *g)
{
	for (;;) {
		ring_lock(g);
		struct request *r = line_take(&g->runnable, &g->runnable_end);
		ring_unlock(g);
		if (!r) return;
		request_issue(r);
	}
}

/* A chain that is not to start yet, or that starts. */
void request_start(struct request *r)
{
	struct ring *g = r->ring;
	ring_lock(g);
	bool drains = r->drains;
	r->drains |= g->drains_next;
	g->drains_next = drains;
	bool waits = g->deferred || (r->drains && g->outstanding > 0);
	if (waits) line_add(&g->deferred_end, r);
	else
		for (struct request *i = r; i; i = i->link) g->outstanding++;
	ring_unlock(g);
	if (!waits) request_issue(r);
	ring_run(g);
}
