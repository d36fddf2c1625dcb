/*
 * Queue disciplines as words, in tc's notation:
 *
 *     netem   pfifo   codel [target TIME] [interval TIME] [ecn | noecn]
 *     fq_codel [target TIME] [interval TIME] [flows N] [quantum OCTETS] [ecn | noecn]
 *     red [min OCTETS] [max OCTETS] [avpkt OCTETS] [burst PACKETS] [probability PERCENT] [ecn]
 *
 * `limit` and `rate` are words of the whole impairment; the limit is in packets for red as well. A discipline named again begins with its defaults.
 *
 * Read first: tc-codel(8), tc-fq_codel(8), tc-red(8).
 */
#include "link/queueing.h"

#define LIMIT_DEFAULT 1000
#define FQ_LIMIT_DEFAULT 10240
#define INTERVAL_MAX_NS (4 * (double)NS_PER_S)        /* its square is a 64-bit number */
#define FLOWS_MAX 65536.0
#define OCTETS_MAX 1e9
#define RED_AVPKT 1000
#define RED_SHIFT_MAX 31

enum { TARGET = 1, INTERVAL = 2, FLOWS = 4, QUANTUM = 8, ECN = 16, NOECN = 32, MIN_ = 64, MAX_ = 128, AVPKT = 256, BURST = 512, PROBABILITY = 1024 };

#define TC_CODEL .target_ns = 5 * NS_PER_MS, .interval_ns = 100 * NS_PER_MS
static const struct kind { const char *name; unsigned takes; struct queueing defaults; } kinds[QUEUE_KINDS] = {
	[QUEUE_NETEM] = {"netem", 0, {.kind = QUEUE_NETEM}},
	[QUEUE_PFIFO] = {"pfifo", 0, {.kind = QUEUE_PFIFO}},
	[QUEUE_CODEL] = {"codel", TARGET | INTERVAL | ECN | NOECN, {.kind = QUEUE_CODEL, TC_CODEL}},
	[QUEUE_FQ_CODEL] = {"fq_codel", TARGET | INTERVAL | FLOWS | QUANTUM | ECN | NOECN,
		{.kind = QUEUE_FQ_CODEL, TC_CODEL, .ecn = true, .flows = 1024, .quantum = 1514}},
	[QUEUE_RED] = {"red", MIN_ | MAX_ | AVPKT | BURST | PROBABILITY | ECN, {.kind = QUEUE_RED, .probability = 0.02}},
};

static const struct kind *kind_find(const char *word)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		if (strcmp(kinds[k].name, word) == 0) return &kinds[k];
	return NULL;
}

bool queueing_is_word(const char *word) { return kind_find(word); }

static bool read_time(time_ns *ret, struct words *w)
{
	double v;
	if (!words_take(&v, w, time_units, INTERVAL_MAX_NS) || v < 1) return false;
	*ret = (time_ns)(v + 0.5);
	return true;
}

static bool read_number(uint32_t *ret, struct words *w, const struct unit *units, double max)
{
	double v;
	if (!words_take(&v, w, units, max) || v < 1) return false;
	*ret = (uint32_t)v;
	return true;
}

static const struct { const char *name; unsigned bit; } parameters[] = {
	{"target", TARGET}, {"interval", INTERVAL}, {"flows", FLOWS}, {"quantum", QUANTUM}, {"ecn", ECN}, {"noecn", NOECN},
	{"min", MIN_}, {"max", MAX_}, {"avpkt", AVPKT}, {"burst", BURST}, {"probability", PROBABILITY},
};

/* The parameter at w, when it is one of those; 0: none. */
static unsigned take_parameter(struct words *w, unsigned takes)
{
	for (size_t k = 0; k < ARRAY_SIZE(parameters); k++)
		if (takes & parameters[k].bit && words_take_word(w, parameters[k].name)) return parameters[k].bit;
	return 0;
}

static bool read_value(struct queueing *q, unsigned parameter, struct words *w)
{
	switch (parameter) {
	case TARGET: return read_time(&q->target_ns, w);
	case INTERVAL: return read_time(&q->interval_ns, w);
	case FLOWS: return read_number(&q->flows, w, no_units, FLOWS_MAX);
	case QUANTUM: return read_number(&q->quantum, w, size_units, OCTETS_MAX);
	case MIN_: return read_number(&q->min, w, size_units, OCTETS_MAX);
	case MAX_: return read_number(&q->max, w, size_units, OCTETS_MAX);
	case AVPKT: return read_number(&q->avpkt, w, size_units, OCTETS_MAX);
	case BURST: return read_number(&q->burst, w, no_units, OCTETS_MAX);
	case PROBABILITY: return words_take(&q->probability, w, percent_units, 1);
	default: q->ecn = parameter == ECN; return true;
	}
}

bool queueing_read(struct queueing *ret, struct words *w)
{
	const struct kind *kind = kind_find(words_peek(w));
	struct queueing q = kind->defaults;
	words_skip(w);
	for (unsigned parameter; (parameter = take_parameter(w, kind->takes));)
		if (!read_value(&q, parameter, w)) return false;
	*ret = q;
	return true;
}

void queueing_put(struct line *l, const struct queueing *q)
{
	const struct kind *kind = &kinds[q->kind];
	if (q->kind == QUEUE_NETEM) return;
	line_put_word(l, kind->name);
	if (kind->takes & TARGET) line_put_time(l, "target ", q->target_ns);
	if (kind->takes & INTERVAL) line_put_time(l, "interval ", q->interval_ns);
	if (kind->takes & FLOWS) line_put(l, "flows ", q->flows, "");
	if (kind->takes & QUANTUM) line_put(l, "quantum ", q->quantum, "");
	if (q->min) line_put(l, "min ", q->min, "");
	if (q->max) line_put(l, "max ", q->max, "");
	if (q->avpkt) line_put(l, "avpkt ", q->avpkt, "");
	if (q->burst) line_put(l, "burst ", q->burst, "");
	if (kind->takes & PROBABILITY) line_put(l, "probability ", q->probability * 100, "%");
	if (q->ecn) line_put_word(l, "ecn");
	else if (kind->takes & NOECN) line_put_word(l, "noecn");
}

uint32_t queueing_limit(const struct impairment *i)
{
	if (i->limit_packets) return i->limit_packets;
	return i->queueing.kind == QUEUE_FQ_CODEL ? FQ_LIMIT_DEFAULT : LIMIT_DEFAULT;
}

/* ---- red ---- */

/* The slowest average that still reaches min within a burst, as tc chooses it: burst + 1 - min / avpkt <= (1 - (1 - w)^burst) / w. */
static bool average_shift(unsigned *ret, const struct red_figures *f, uint32_t burst)
{
	double a = burst + 1.0 - (double)f->min / f->avpkt, w = 0.5;
	if (a < 1) return false;
	for (unsigned shift = 1; shift <= RED_SHIFT_MAX; shift++, w /= 2) {
		double kept = 1, base = 1 - w;
		for (uint32_t n = burst; n; n /= 2, base *= base)
			if (n & 1) kept *= base;
		if (a > (1 - kept) / w) continue;
		*ret = shift;
		return true;
	}
	return false;
}

bool red_figures(struct red_figures *ret, const struct queueing *q, uint32_t limit_packets)
{
	struct red_figures f = {.min = q->min, .max = q->max, .avpkt = q->avpkt ? q->avpkt : RED_AVPKT};
	uint64_t octets = (uint64_t)(limit_packets ? limit_packets : LIMIT_DEFAULT) * f.avpkt;
	if (!f.max) f.max = (uint32_t)MIN(f.min ? (uint64_t)f.min * 3 : octets / 4, UINT32_MAX);
	if (!f.min) f.min = MAX(f.max / 3, 1);
	uint64_t burst = q->burst ? q->burst : (2 * (uint64_t)f.min + f.max) / (3 * (uint64_t)f.avpkt);
	if (f.max <= f.min || !average_shift(&f.avg_shift, &f, (uint32_t)burst)) return false;
	*ret = f;
	return true;
}

bool queueing_is_sound(const struct queueing *q, uint32_t limit_packets)
{
	struct red_figures f;
	return q->kind != QUEUE_RED || red_figures(&f, q, limit_packets);
}
