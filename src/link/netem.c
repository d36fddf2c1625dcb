/*
 * The impairment of one direction, as tc-netem does it. A frame is given the time at which it arrives when it enters;
 * the queue is ordered by that time, so frames overtake each other when jitter says so.
 *
 *     no rate:  due = now + delay ± jitter
 *     rate:     due = last + max(0, delay ± jitter - (last - now)) + octets / rate
 *
 * where last is when the frame at the queue's end arrives (now when it is empty): frames leave one after the other, and
 * time that a frame waited behind others counts towards its delay.
 *
 * Read first: tc-netem(8).
 */
#include "link/private.h"

#define LIMIT_DEFAULT 1000

/* Uniform in delay ± jitter, as netem without a distribution table. */
static time_ns draw_delay(struct direction *d)
{
	const struct impairment *i = &d->impairment;
	if (i->jitter_ns == 0) return i->delay_ns;
	time_ns delay = i->delay_ns - i->jitter_ns + (time_ns)(random_next(&d->random) % (2 * (uint64_t)i->jitter_ns));
	return MAX(delay, 0);
}

static time_ns serialisation(const struct impairment *i, uint32_t len)
{
	return (time_ns)((uint64_t)len * 8 * NS_PER_S / i->rate_bps);
}

enum drop_reason netem_enqueue(struct direction *d, time_ns now, uint32_t len, time_ns *ret_due)
{
	const struct impairment *i = &d->impairment;
	if (i->down) return DROP_LINK_DOWN;
	if (i->loss > 0 && random_unit(&d->random) < i->loss) return DROP_LINK_LOSS;
	bool queues = i->delay_ns || i->jitter_ns || i->rate_bps;
	/* Without delay or rate a frame does not wait: what is queued then is work not done yet, not a queue of the link. */
	if (queues && d->queued >= (i->limit_packets ? i->limit_packets : LIMIT_DEFAULT)) return DROP_LINK_QUEUE;
	time_ns delay = queues ? draw_delay(d) : 0, start = now;
	if (i->rate_bps) {
		start = MAX(now, d->last_due);
		delay = MAX(delay - (start - now), 0) + serialisation(i, len);
	}
	d->last_due = MAX(d->last_due, start + delay);
	*ret_due = start + delay;
	return DROP_NONE;
}
