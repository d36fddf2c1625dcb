/*
 * Which stream's message is next, of those that have no TSN yet (SCTP_STREAM_SCHEDULER). Once begun a message goes to its end, and a stream's own messages
 * stay in order; a stream may be held (reconfig.h).
 *
 *     first come, first served     as they were sent
 *     priority                     the stream with the smallest value; of several one after the other
 *     round robin                  one stream after the other
 *     fair capacity                the stream that has sent the fewest octets; weighted: in relation to its value. A stream that was idle has no
 *                                  more to claim than those that were not: virtual time is where the last one began
 *
 * Read first: RFC 8260 §3.
 */
#include <errno.h>
#include "stack/sctp/assoc.h"

#define VIRTUAL 16                     /* fraction bits of virtual time: octets for a weight of one */

static uint64_t start_of(const struct assoc *a, const struct out_stream *st) { return MAX(st->served, a->snd.virtual_now); }

/* Less is sooner; of equals the next in turn. */
static uint64_t rank(const struct assoc *a, uint16_t stream)
{
	const struct out_stream *st = &a->snd.streams[stream];

	switch (a->set.scheduler) {
	case SCTP_SS_PRIO: return st->value;
	case SCHEDULE_FAIR:
	case SCHEDULE_WEIGHTED: return start_of(a, st);
	default: return 0;
	}
}

static uint16_t turn(const struct assoc *a, uint16_t stream) { return (uint16_t)(stream - a->snd.last_stream - 1); }

static bool is_sooner(const struct assoc *a, uint16_t x, uint16_t y)
{
	uint64_t rx = rank(a, x), ry = rank(a, y);

	return rx != ry ? rx < ry : turn(a, x) < turn(a, y);
}

struct out_piece *schedule_next(const struct assoc *a)
{
	struct out_piece *best = NULL;

	list_each(struct out_piece, q, &a->snd.queue, node) {
		if (a->snd.streams[q->msg->stream].held) continue;
		if (q->msg->begun || a->set.scheduler == SCTP_SS_FCFS) return q;
		if (!best || is_sooner(a, q->msg->stream, best->msg->stream)) best = q;
	}
	return best;
}

void schedule_sent(struct assoc *a, const struct out_piece *q)
{
	struct out_stream *st = &a->snd.streams[q->msg->stream];
	uint32_t weight = a->set.scheduler == SCHEDULE_WEIGHTED && st->value ? st->value : 1;

	if (q->flags & CHUNK_DATA_B) {
		a->snd.virtual_now = st->served = start_of(a, st);
		a->snd.last_stream = q->msg->stream;
	}
	st->served += ((uint64_t)q->len << VIRTUAL) / weight;
}

void schedule_set(struct assoc *a, uint8_t scheduler)
{
	a->set.scheduler = scheduler;
	a->snd.virtual_now = 0;
	for (uint32_t i = 0; i < a->out_streams; i++) a->snd.streams[i].value = 0, a->snd.streams[i].served = 0;
}

int schedule_value_set(struct assoc *a, uint16_t stream, uint16_t value)
{
	if (stream >= a->out_streams || (a->set.scheduler == SCHEDULE_WEIGHTED && value == 0)) return -EINVAL;
	/* As Linux: to the others it means nothing. */
	if (a->set.scheduler == SCTP_SS_PRIO || a->set.scheduler == SCHEDULE_WEIGHTED) a->snd.streams[stream].value = value;
	return 0;
}

int schedule_value(const struct assoc *a, uint16_t stream)
{
	if (stream >= a->out_streams) return -EINVAL;
	return a->set.scheduler == SCHEDULE_WEIGHTED ? MAX(a->snd.streams[stream].value, 1) : a->snd.streams[stream].value;
}
