/*
 * CoDel: a queue is bad when frames have waited longer than `target` for a whole `interval`; then one is dropped (or marked), and another after
 * interval / sqrt(how many), until the wait is short again. A queue of at most one full frame is never bad.
 *
 *     wait  ─────╮ above target        ╭── first drop: interval after that
 *                first_above ──────────┴─ dropping: drop_next, drop_next + interval/√2, + interval/√3 …
 *
 * Read first: RFC 8289 §5.
 */
#include "link/queue.h"

#define FULL_FRAME 1514

/* The largest whole number whose square is not above v. */
static uint64_t square_root(uint64_t v)
{
	uint64_t root = 0;
	for (uint64_t bit = 1ull << 31; bit; bit >>= 1)
		if ((root + bit) * (root + bit) <= v) root += bit;
	return root;
}

/* RFC 8289 §5.3: t + interval / sqrt(count) */
static time_ns control_law(const struct codel *c, const struct queue *q, time_ns t)
{
	uint64_t interval = (uint64_t)q->how.interval_ns;
	return t + (time_ns)square_root(interval * interval / c->count);
}

/* f has left the flow, or it was empty. */
static bool is_above(struct codel *c, const struct queue *q, const struct fifo *flow, const struct transit *f, time_ns now)
{
	if (!f || now - f->since < q->how.target_ns || flow->octets <= FULL_FRAME) {
		c->first_above = 0;
		return false;
	}
	if (c->first_above == 0) {
		c->first_above = now + q->how.interval_ns;
		return false;
	}
	return now >= c->first_above;
}

/* Drops f, or marks it; what is to leave then, and whether a queue is still bad behind it. */
static struct transit *drop_one(struct codel *c, struct queue *q, struct fifo *flow, struct transit *f, time_ns now, bool *ret_above)
{
	if (q->how.ecn && transit_mark(f)) return f;
	queue_drop(q, f, DROP_LINK_AQM, now);
	f = fifo_pop(flow);
	*ret_above = is_above(c, q, flow, f, now);
	return f;
}

/* RFC 8289 §5.5: while dropping, as many as are due by now. */
static struct transit *go_on(struct codel *c, struct queue *q, struct fifo *flow, struct transit *f, time_ns now)
{
	while (c->dropping && now >= c->drop_next) {
		const struct transit *before = f;
		bool above = true;
		c->count++;
		f = drop_one(c, q, flow, f, now, &above);
		if (above) c->drop_next = control_law(c, q, c->drop_next);
		else c->dropping = false;
		if (f == before) break;                 /* marked: one that leaves says it once */
	}
	return f;
}

/* Begins with the rate that was right a short time ago. */
static struct transit *begin(struct codel *c, struct queue *q, struct fifo *flow, struct transit *f, time_ns now)
{
	uint32_t since_last = c->count - c->last_count;
	bool above;
	f = drop_one(c, q, flow, f, now, &above);
	c->dropping = true;
	c->count = since_last > 1 && now - c->drop_next < 16 * q->how.interval_ns ? since_last : 1;
	c->last_count = c->count;
	c->drop_next = control_law(c, q, now);
	return f;
}

struct transit *codel_dequeue(struct codel *c, struct queue *q, struct fifo *flow, time_ns now)
{
	struct transit *f = fifo_pop(flow);
	bool above = is_above(c, q, flow, f, now);
	if (!f || (c->dropping && !above)) c->dropping = false;
	else if (c->dropping) f = go_on(c, q, flow, f, now);
	else if (above) f = begin(c, q, flow, f, now);
	return f;
}

/* ---- as a discipline: one flow ---- */

struct codel_one { struct queue q; struct codel state; struct fifo frames; };

static struct codel_one *one_of(struct queue *q) { return container_of(q, struct codel_one, q); }

static int start(struct queue *q)
{
	fifo_init(&one_of(q)->frames);
	return 0;
}

static enum drop_reason enqueue(struct queue *q, struct transit *f, time_ns now)
{
	(void)now;
	if (q->count > q->limit) return DROP_LINK_QUEUE;
	fifo_push(&one_of(q)->frames, f);
	return DROP_NONE;
}

static struct transit *dequeue(struct queue *q, time_ns now) { return codel_dequeue(&one_of(q)->state, q, &one_of(q)->frames, now); }
static struct transit *take(struct queue *q) { return fifo_pop(&one_of(q)->frames); }

const struct queue_ops codel_queue = {sizeof(struct codel_one), start, enqueue, dequeue, take, NULL, NULL};
