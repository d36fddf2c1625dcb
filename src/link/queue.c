/* Queues in general, and the plainest one: first in, first out, and no more than the limit. */
#include "link/queue.h"
#include <errno.h>
#include <stdlib.h>
#include "link/queueing.h"

void fifo_init(struct fifo *q)
{
	*q = (struct fifo){0};
	list_init(&q->frames);
}

void fifo_push(struct fifo *q, struct transit *f)
{
	list_append(&q->frames, &f->node);
	q->count++;
	q->octets += f->p->len;
}

struct transit *fifo_pop(struct fifo *q)
{
	if (list_empty(&q->frames)) return NULL;
	struct transit *f = list_entry(list_pop(&q->frames), struct transit, node);
	q->count--;
	q->octets -= f->p->len;
	return f;
}

static const struct queue_ops *const disciplines[QUEUE_KINDS] = {NULL, &pfifo_queue, &codel_queue, &fq_codel_queue, &red_queue};

int queue_new(const struct impairment *i, struct random *random, struct queue **ret)
{
	const struct queue_ops *ops = disciplines[i->queueing.kind];
	struct queue *q = ops ? calloc(1, ops->size) : NULL;
	if (ops && !q) return -ENOMEM;
	if (q) {
		*q = (struct queue){.ops = ops, .random = random};
		queue_tune(q, i);
		if (ops->start(q) < 0) {
			free(q);
			return -ENOMEM;
		}
	}
	*ret = q;
	return 0;
}

void queue_tune(struct queue *q, const struct impairment *i)
{
	q->how = i->queueing;
	q->limit = queueing_limit(i);
	q->rate_bps = i->rate_bps;
	if (q->ops->tune) q->ops->tune(q);
}

bool queue_serves(const struct queue *q, const struct impairment *i)
{
	const struct queue_ops *ops = disciplines[i->queueing.kind];
	if (!q || !ops) return !q && !ops;
	return q->ops == ops && q->how.flows == i->queueing.flows;
}

void queue_free(struct queue *q)
{
	if (!q) return;
	for (struct transit *f; (f = queue_take(q));) transit_free(f);
	if (q->ops->end) q->ops->end(q);
	free(q);
}

enum drop_reason queue_put(struct queue *q, struct transit *f, time_ns now)
{
	f->since = now;
	q->count++;
	enum drop_reason why = q->ops->enqueue(q, f, now);
	if (why != DROP_NONE) q->count--;
	return why;
}

struct transit *queue_next(struct queue *q, time_ns now)
{
	struct transit *f = q->ops->dequeue(q, now);
	q->count -= f != NULL;
	return f;
}

struct transit *queue_take(struct queue *q)
{
	struct transit *f = q->ops->take(q);
	q->count -= f != NULL;
	return f;
}

void queue_drop(struct queue *q, struct transit *f, enum drop_reason why, time_ns now)
{
	q->count--;
	transit_drop(f, why, now);
}

/* ---- pfifo ---- */

struct pfifo { struct queue q; struct fifo frames; };

static struct fifo *frames_of(struct queue *q) { return &container_of(q, struct pfifo, q)->frames; }

static int pfifo_start(struct queue *q)
{
	fifo_init(frames_of(q));
	return 0;
}

static enum drop_reason pfifo_enqueue(struct queue *q, struct transit *f, time_ns now)
{
	(void)now;
	if (q->count > q->limit) return DROP_LINK_QUEUE;
	fifo_push(frames_of(q), f);
	return DROP_NONE;
}

static struct transit *pfifo_take(struct queue *q) { return fifo_pop(frames_of(q)); }

static struct transit *pfifo_dequeue(struct queue *q, time_ns now)
{
	(void)now;
	return pfifo_take(q);
}

const struct queue_ops pfifo_queue = {sizeof(struct pfifo), pfifo_start, pfifo_enqueue, pfifo_dequeue, pfifo_take, NULL, NULL};
