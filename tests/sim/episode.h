/*
 * The segments of a stream around one loss, for a time-sequence chart: from 100 ms before the first segment of text that is lost after three seconds
 * to 400 ms after it.
 *
 *     MS KIND SEQ LEN       d text sent, r sent again, x sent and lost, a an acknowledgment that came; SEQ counts from the beginning of the episode
 */
#pragma once
#include <stdio.h>
#include "base/types.h"

enum { EPISODE_SECONDS = 10, EPISODE_EVENTS = 20000 };
#define EPISODE_SETTLE (3 * NS_PER_S)
#define EPISODE_BEFORE (100 * NS_PER_MS)
#define EPISODE_AFTER (400 * NS_PER_MS)

struct episode {
	time_ns start, lost_at;               /* 0: not yet */
	uint32_t highest;
	unsigned n;
	struct { time_ns at; char kind; uint32_t seq, len; } event[EPISODE_EVENTS];   /* the latest, round and round, until the loss */
};

static inline void episode_put(struct episode *e, time_ns at, char kind, uint32_t seq, uint32_t len)
{
	if (!e->start) e->start = at;
	if (e->lost_at && at > e->lost_at + EPISODE_AFTER) return;
	e->event[e->n % EPISODE_EVENTS].at = at;
	e->event[e->n % EPISODE_EVENTS].kind = kind;
	e->event[e->n % EPISODE_EVENTS].seq = seq;
	e->event[e->n % EPISODE_EVENTS].len = len;
	e->n++;
}

static inline void episode_data(struct episode *e, time_ns at, uint32_t seq, uint32_t len, bool lost)
{
	bool again = e->n && (int32_t)(seq - e->highest) < 0;

	if (!len) return;
	if (lost && !again && !e->lost_at && e->start && at > e->start + EPISODE_SETTLE) e->lost_at = at;
	if (!again) e->highest = seq + len;
	episode_put(e, at, lost ? 'x' : again ? 'r' : 'd', seq, len);
}

static inline void episode_ack(struct episode *e, time_ns at, uint32_t ack) { episode_put(e, at, 'a', ack, 0); }

static inline void episode_print(const struct episode *e)
{
	unsigned first = e->n > EPISODE_EVENTS ? e->n - EPISODE_EVENTS : 0;
	uint32_t base = 0;
	bool any = false;

	for (unsigned i = first; i < e->n && e->lost_at; i++) {
		time_ns at = e->event[i % EPISODE_EVENTS].at;
		if (at < e->lost_at - EPISODE_BEFORE || at > e->lost_at + EPISODE_AFTER) continue;
		if (!any) base = e->event[i % EPISODE_EVENTS].seq, any = true;
		printf("%.3f %c %d %u\n", (double)(at - e->lost_at) / 1e6, e->event[i % EPISODE_EVENTS].kind, (int)(e->event[i % EPISODE_EVENTS].seq - base),
		       e->event[i % EPISODE_EVENTS].len);
	}
}
