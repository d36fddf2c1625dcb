/*
 * The impairment of one direction, as tc-netem does it. A frame that enters is judged in this order:
 *
 *     down -> duplicate? -> lost? -> corrupt? -> queue limit -> reordered: due now, or delayed
 *
 * A frame is given the time at which it arrives when it enters; the queue is ordered by that time, so frames overtake each other when jitter says so.
 *
 *     no rate:  due = now + delay ± jitter
 *     rate:     due = last + max(0, delay ± jitter - (last - now)) + octets / rate
 *
 * With a discipline in front of the wire (queue.h) that decides when a frame leaves, and the delay comes after it.
 *
 * Above, last is when the frame at the queue's end arrives (now when it is empty): frames leave one after the other, and
 * time that a frame waited behind others counts towards its delay. Numbers are drawn only for words that are set, in the
 * order above, so that a word more does not change what a seed means without it.
 *
 * Loss with a memory is a chain of states, one step a frame:
 *
 *     gemodel   good <-p, r-> bad; lost with 1-k while good, with 1-h while bad
 *     state     1 received   -p13-> 3, -p14-> 4        3 lost in a burst    -p31-> 1, -p32-> 2
 *               2 received in a burst   -p23-> 3       4 lost alone         -> 1
 *
 * Read first: tc-netem(8); Salsano, Ludovici, Ordine, Giannuzzi: Definition of a general and intuitive loss model for packet networks, 2012.
 */
#include "link/private.h"
#include "link/quantiles.h"
#include "link/queueing.h"

#define WIRE_OCTETS_MAX ((int64_t)1 << 30)      /* with all overheads: what a time has room for at 1 bit a second */

/* Between 0 and 1; with a correlation, between a number of its own and the draw before (so that extremes become rarer, as netem's do). */
static double draw(struct direction *d, double corr, struct draws *before)
{
	double v = random_unit(&d->random);
	if (!(corr > 0)) return v;
	if (before->any) v = v * (1 - corr) + before->last * corr;
	*before = (struct draws){.any = true, .last = v};
	return v;
}

static bool happens(struct direction *d, double share, double corr, struct draws *before)
{
	return share > 0 && draw(d, corr, before) < share;
}

/* ---- loss ---- */

static bool gemodel_loses(struct direction *d)
{
	const double *c = d->impairment.chain;
	bool bad = d->chain_state;
	if (random_unit(&d->random) < c[bad ? GEMODEL_R : GEMODEL_P]) d->chain_state = !bad;
	return random_unit(&d->random) < c[bad ? GEMODEL_1_H : GEMODEL_1_K];
}

/* The states count from 0 here. */
static bool state_loses(struct direction *d)
{
	const double *c = d->impairment.chain;
	const struct { double share[2]; uint8_t to[2], rest; } steps[] = {
		{{c[STATE_P14], c[STATE_P13]}, {3, 2}, 0},
		{{c[STATE_P23], 0}, {2, 1}, 1},
		{{c[STATE_P32], c[STATE_P31]}, {1, 0}, 2},
		{{0, 0}, {0, 0}, 0},
	}, *step = &steps[d->chain_state];
	double v = random_unit(&d->random);
	d->chain_state = v < step->share[0] ? step->to[0] : v < step->share[0] + step->share[1] ? step->to[1] : step->rest;
	return d->chain_state >= 2;
}

static bool is_lost(struct direction *d)
{
	const struct impairment *i = &d->impairment;
	if (i->loss_model == IMPAIR_LOSS_GEMODEL) return gemodel_loses(d);
	if (i->loss_model == IMPAIR_LOSS_STATE) return state_loses(d);
	return happens(d, i->loss, i->loss_corr, &d->of_loss);
}

/* ---- delay ---- */

/* Without a distribution uniform in delay ± jitter. */
static time_ns draw_delay(struct direction *d)
{
	static const int16_t *const tables[IMPAIR_SPREADS] = {NULL, normal, pareto, paretonormal};
	const struct impairment *i = &d->impairment;
	const int16_t *table = tables[i->spread];
	double jitter = (double)i->jitter_ns;
	time_ns off;
	if (i->jitter_ns == 0) return i->delay_ns;
	if (table) off = (time_ns)(jitter * table[(size_t)(draw(d, i->delay_corr, &d->of_delay) * QUANTILES)] / QUANTILE_SCALE);
	else if (i->delay_corr > 0) off = (time_ns)(jitter * (2 * draw(d, i->delay_corr, &d->of_delay) - 1));
	else off = (time_ns)(random_next(&d->random) % (2 * (uint64_t)i->jitter_ns)) - i->jitter_ns;
	return MAX(i->delay_ns + off, 0);
}

time_ns netem_wire_time(const struct direction *d, uint32_t len)
{
	const struct impairment *i = &d->impairment;
	if (!i->rate_bps) return 0;
	int64_t octets = (int64_t)len + i->packet_overhead;
	if (i->cell_size && octets > 0) octets = (octets + i->cell_size - 1) / i->cell_size * ((int64_t)i->cell_size + i->cell_overhead);
	return (time_ns)((uint64_t)MIN(MAX(octets, 0), WIRE_OCTETS_MAX) * 8 * NS_PER_S / i->rate_bps);
}

/* One in gap frames may leave at once; the others count towards it. */
static bool is_reordered(struct direction *d)
{
	const struct impairment *i = &d->impairment;
	if (!(i->reorder > 0)) return false;
	if (d->since_reorder + 1 >= i->gap && happens(d, i->reorder, i->reorder_corr, &d->of_reorder)) {
		d->since_reorder = 0;
		return true;
	}
	d->since_reorder++;
	return false;
}

time_ns netem_due(struct direction *d, time_ns now, uint32_t len, bool *ret_reordered)
{
	*ret_reordered = is_reordered(d);
	if (*ret_reordered) return now;
	time_ns delay = draw_delay(d), start = now;
	if (d->impairment.rate_bps) {
		start = MAX(now, d->last_due);
		delay = MAX(delay - (start - now), 0) + netem_wire_time(d, len);
	}
	d->last_due = MAX(d->last_due, start + delay);
	return start + delay;
}

time_ns netem_arrival(struct direction *d, time_ns sent, bool *ret_reordered)
{
	*ret_reordered = is_reordered(d);
	time_ns due = sent + (*ret_reordered ? 0 : draw_delay(d));
	d->last_due = MAX(d->last_due, due);
	return due;
}

/* ---- all of it ---- */

enum drop_reason netem_enqueue(struct direction *d, time_ns now, uint32_t len, bool is_copy, struct fate *ret)
{
	const struct impairment *i = &d->impairment;
	struct fate f = {.due = now};
	if (i->down) return DROP_LINK_DOWN;
	f.duplicate = !is_copy && happens(d, i->duplicate, i->duplicate_corr, &d->of_duplicate);
	if (is_lost(d)) {
		/* Of a frame and its copy one is left. */
		if (!f.duplicate) return DROP_LINK_LOSS;
		f.duplicate = false;
	}
	f.corrupt = len > 0 && happens(d, i->corrupt, i->corrupt_corr, &d->of_corrupt);
	if (f.corrupt) f.bit = (uint32_t)(random_next(&d->random) % ((uint64_t)len * 8));
	f.waits = i->queueing.kind != QUEUE_NETEM;
	bool queues = !f.waits && (i->delay_ns || i->jitter_ns || i->rate_bps);
	/* Without delay or rate a frame does not wait: what is queued then is work not done yet, not a queue of the link. */
	if (queues && d->queued >= queueing_limit(i)) return DROP_LINK_QUEUE;
	if (queues) f.due = netem_due(d, now, len, &f.reordered);
	else if (!f.waits) d->last_due = MAX(d->last_due, now);
	*ret = f;
	return DROP_NONE;
}

void direction_set(struct direction *d, const struct impairment *i)
{
	d->impairment = *i;
	d->chain_state = 0;
	d->since_reorder = 0;
	d->of_delay = d->of_loss = d->of_duplicate = d->of_corrupt = d->of_reorder = (struct draws){0};
}
