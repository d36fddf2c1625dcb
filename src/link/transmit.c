/*
 * A direction's wire, where a discipline has its frames wait: one frame is on it for as long as the rate says, then the next one leaves the queue.
 *
 *     port_wait ──► queue ──[wire free]──► on the wire ──rate──► sent ──delay──► arrives
 */
#include "link/queue.h"
#include <errno.h>
#include "link/queueing.h"

static void leave(struct port *port, time_ns now);

static void wire_is_free(struct net *n, struct event *e)
{
	struct direction *d = container_of(e, struct direction, wire_free);
	leave(container_of(d, struct port, out), n->now);
}

/* A frame that is not in the queue any more arrives when it may. */
static void set_off(struct transit *f, time_ns due, bool reordered, time_ns now)
{
	struct direction *d = &f->from->out;
	if (reordered) {
		f->did |= FRAME_REORDERED;
		d->counts.reordered++;
	}
	enum drop_reason why = transit_start(f, due);
	if (why != DROP_NONE) transit_drop(f, why, now);
	else transit_show(f, DROP_NONE, now);
}

static void leave(struct port *port, time_ns now)
{
	struct direction *d = &port->out;
	bool reordered;
	struct transit *f = d->queue ? queue_next(d->queue, now) : NULL;
	if (!f) return;
	time_ns sent = now + netem_wire_time(d, f->p->len);
	d->wire_free.fire = wire_is_free;
	heap_insert(&port->cable->net->events, &d->wire_free.node, sent);    /* without memory the next frame that comes sets the queue going again */
	time_ns due = netem_arrival(d, sent, &reordered);
	set_off(f, due, reordered, now);
}

enum drop_reason port_wait(struct port *port, struct transit *f, time_ns now)
{
	enum drop_reason why = queue_put(port->out.queue, f, now);
	if (why == DROP_NONE && !heap_has(&port->out.wire_free.node)) leave(port, now);
	return why;
}

/* Frames of one discipline's queue are put into another's, or find their own way without one. */
static void move_over(struct port *port, struct queue *from)
{
	struct direction *d = &port->out;
	time_ns now = port->cable->net->now;
	bool reordered;
	for (struct transit *f; from && (f = queue_take(from));) {
		if (!d->queue) {
			time_ns due = netem_due(d, now, f->p->len, &reordered);
			set_off(f, due, reordered, now);
			continue;
		}
		enum drop_reason why = queue_put(d->queue, f, now);
		if (why != DROP_NONE) transit_drop(f, why, now);
	}
}

int port_impair(struct port *port, const struct impairment *i)
{
	struct direction *d = &port->out;
	struct queue *before = d->queue, *q = before;
	if (!queueing_is_sound(&i->queueing, i->limit_packets)) return -EINVAL;
	if (queue_serves(q, i)) {
		if (q) queue_tune(q, i);
		direction_set(d, i);
		port_show_carriers(port);
		return 0;
	}
	int err = queue_new(i, &d->random, &q);
	if (err < 0) return err;
	d->queue = q;
	direction_set(d, i);
	move_over(port, before);
	queue_free(before);
	port_show_carriers(port);
	return 0;
}

void port_clear(struct port *port)
{
	heap_remove(&port->cable->net->events, &port->out.wire_free.node);
	queue_free(port->out.queue);
	port->out.queue = NULL;
}
