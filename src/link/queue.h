/*
 * The queue in front of a direction's wire: frames that wait because the rate lets one out at a time. A discipline is a row of functions and what it
 * keeps behind struct queue; it owns the frames that it took until they leave it, or are dropped (transit_drop).
 */
#pragma once
#include "base/siphash.h"
#include "link/private.h"

struct fifo { struct list frames; uint32_t count; uint64_t octets; };   /* transit.node */

void fifo_init(struct fifo *q);
void fifo_push(struct fifo *q, struct transit *f);
struct transit *fifo_pop(struct fifo *q);                                /* NULL: empty */

struct queue;
struct queue_ops {
	size_t size;                                                        /* of the struct that begins with a struct queue */
	int (*start)(struct queue *q);                                      /* -ENOMEM */
	enum drop_reason (*enqueue)(struct queue *q, struct transit *f, time_ns now);   /* takes f, unless it says why not */
	struct transit *(*dequeue)(struct queue *q, time_ns now);           /* what leaves next, after dropping what is to be; NULL: empty */
	struct transit *(*take)(struct queue *q);                           /* any, as it is; NULL: empty */
	void (*tune)(struct queue *q);                                      /* q->how, limit or rate_bps are new. NULL allowed, as here: */
	void (*end)(struct queue *q);                                       /* it is empty */
};
struct queue {
	const struct queue_ops *ops;
	struct queueing how;
	uint32_t limit;                                                     /* packets */
	uint64_t rate_bps;
	struct random *random;                                              /* the direction's */
	uint32_t count;                                                     /* frames that wait */
};
extern const struct queue_ops pfifo_queue, codel_queue, fq_codel_queue, red_queue;

/* For impairment i, of which the queue keeps what it needs. *ret is NULL for netem's own, which needs none. -ENOMEM */
int queue_new(const struct impairment *i, struct random *random, struct queue **ret);
void queue_tune(struct queue *q, const struct impairment *i);           /* other figures for the same discipline */
bool queue_serves(const struct queue *q, const struct impairment *i);   /* could queue_tune do? q may be NULL */
void queue_free(struct queue *q);                                       /* and what waits in it. NULL is fine */
enum drop_reason queue_put(struct queue *q, struct transit *f, time_ns now);
struct transit *queue_next(struct queue *q, time_ns now);
struct transit *queue_take(struct queue *q);
/* A discipline drops a frame that it has taken before. */
void queue_drop(struct queue *q, struct transit *f, enum drop_reason why, time_ns now);

/* codel.c: one flow's state, and the next frame of it. waiting: octets in the queue, which may be of more flows than this. */
struct codel { bool dropping; uint32_t count, last_count; time_ns first_above, drop_next; };
struct transit *codel_dequeue(struct codel *c, struct queue *q, struct fifo *flow, time_ns now);

/* mark.c: sets CE in an IP packet that is ECN-capable and counts it (RFC 3168 §5); false: it is not. */
bool transit_mark(struct transit *f);
