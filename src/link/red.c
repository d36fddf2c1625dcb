/*
 * Random early detection: a moving average of the queue's octets decides. Below min everything passes; between min and max frames are dropped (or
 * marked) with a chance that grows to `probability`, evenly spaced rather than in runs; above max all are.
 *
 *     average += (queue - average) * 2^-shift at each frame; time without a queue counts as so many small frames that could have left
 *
 * Read first: Floyd, Jacobson: Random Early Detection Gateways for Congestion Avoidance, 1993; tc-red(8).
 */
#include "link/queue.h"
#include "link/queueing.h"

struct red {
	struct queue q;
	struct fifo frames;
	struct red_figures figures;
	double average;
	time_ns idle_since;                 /* TIME_NEVER: frames wait, or left just now */
	int64_t count;                      /* frames that passed since the last that did not; -1: the average was out of the range */
	double threshold;                   /* what count times the chance must reach, 0..1 */
};

static struct red *red_of(struct queue *q) { return container_of(q, struct red, q); }

static int start(struct queue *q)
{
	struct red *r = red_of(q);
	fifo_init(&r->frames);
	r->idle_since = TIME_NEVER;
	r->count = -1;
	return 0;
}

static void tune(struct queue *q) { red_figures(&red_of(q)->figures, &q->how, q->limit); }

static double power(double base, uint64_t n)
{
	double v = 1;
	for (; n; n /= 2, base *= base)
		if (n & 1) v *= base;
	return v;
}

static void average_update(struct red *r, time_ns now)
{
	const struct red_figures *f = &r->figures;
	double w = 1.0 / (double)(1ull << f->avg_shift);
	if (r->idle_since != TIME_NEVER) {
		double frames = (double)(now - r->idle_since) / NS_PER_S * (double)r->q.rate_bps / (8.0 * f->avpkt);
		r->average *= power(1 - w, (uint64_t)MIN(frames, 1e9));
		r->idle_since = TIME_NEVER;
	} else {
		r->average += w * ((double)r->frames.octets - r->average);
	}
}

enum verdict { PASS, EARLY, FORCED };

static enum verdict judge(struct red *r)
{
	const struct red_figures *f = &r->figures;
	if (r->average < f->min || r->average >= f->max) {
		r->count = -1;
		return r->average < f->min ? PASS : FORCED;
	}
	double chance = r->q.how.probability * (r->average - f->min) / (f->max - f->min);
	if (++r->count > 0 && (double)r->count * chance < r->threshold) return PASS;
	bool first = r->count == 0;
	r->count = 0;
	r->threshold = random_unit(r->q.random);
	return first ? PASS : EARLY;
}

static enum drop_reason enqueue(struct queue *q, struct transit *f, time_ns now)
{
	struct red *r = red_of(q);
	average_update(r, now);
	if (judge(r) != PASS && !(q->how.ecn && transit_mark(f))) return DROP_LINK_AQM;
	if (q->count > q->limit) return DROP_LINK_QUEUE;
	fifo_push(&r->frames, f);
	return DROP_NONE;
}

static struct transit *take(struct queue *q) { return fifo_pop(&red_of(q)->frames); }

static struct transit *dequeue(struct queue *q, time_ns now)
{
	struct transit *f = take(q);
	if (!f && red_of(q)->idle_since == TIME_NEVER) red_of(q)->idle_since = now;
	return f;
}

const struct queue_ops red_queue = {sizeof(struct red), start, enqueue, dequeue, take, tune, NULL};
