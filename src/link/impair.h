/*
 * Impairment of one direction of a link, in tc-netem's words and units. Randomness comes from the net's seed, a stream for each direction.
 * Probabilities and correlations are 0..1. What has no effect by itself (reorder without delay, a distribution without jitter) waits for the other.
 */
#pragma once
#include "base/types.h"

enum impair_loss { IMPAIR_LOSS_RANDOM, IMPAIR_LOSS_GEMODEL, IMPAIR_LOSS_STATE };
enum impair_spread { IMPAIR_UNIFORM, IMPAIR_NORMAL, IMPAIR_PARETO, IMPAIR_PARETONORMAL, IMPAIR_SPREADS };
/* Places in impairment.chain */
enum { GEMODEL_P, GEMODEL_R, GEMODEL_1_H, GEMODEL_1_K };
enum { STATE_P13, STATE_P31, STATE_P32, STATE_P23, STATE_P14 };

/*
 * How frames wait for a rate. NETEM: all that is under way counts, delay included, and what is above the limit is dropped. The others hold only what
 * waits for the wire, in front of the delay, as tc's disciplines of the same names: what is told to none of them waits in the order it came.
 */
enum queue_kind { QUEUE_NETEM, QUEUE_PFIFO, QUEUE_CODEL, QUEUE_FQ_CODEL, QUEUE_RED, QUEUE_KINDS };
struct queueing {
	enum queue_kind kind;
	bool ecn;                               /* mark what can be marked, instead of dropping it */
	time_ns target_ns, interval_ns;         /* codel, fq_codel */
	uint32_t flows, quantum;                /* fq_codel; octets a round */
	uint32_t min, max, avpkt, burst;        /* red: octets, packets; 0: what tc makes of the rest */
	double probability;                     /* red: at max */
};

struct impairment {
	time_ns delay_ns, jitter_ns;
	double loss;                            /* the random model's */
	uint64_t rate_bps;                      /* bits a second, 0 = unlimited */
	uint32_t limit_packets;                 /* of the queue; 0 = 1000, or 10240 for fq_codel, as tc's */
	struct queueing queueing;
	bool down;
	enum impair_spread spread;              /* how jitter is distributed */
	enum impair_loss loss_model;
	double chain[5];                        /* transitions of the models with a memory */
	double delay_corr, loss_corr;           /* how much each draw resembles the one before */
	double duplicate, duplicate_corr;
	double corrupt, corrupt_corr;           /* one bit flipped */
	double reorder, reorder_corr;           /* sent at once instead of delayed … */
	uint32_t gap;                           /* … each gap-th frame, with that probability; 0 = 1 */
	int32_t packet_overhead, cell_overhead; /* what rate counts in addition, octets; may be negative */
	uint32_t cell_size;                     /* a frame fills whole cells; 0: no cells */
};

/* Reads netem words: "delay 40ms 5ms 25% distribution normal loss gemodel 1% 10% rate 10mbit limit 100 fq_codel target 5ms down up clear" …; words not
 * named keep their value, and on error all do. Units as tc: a bare time is in microseconds, a bare rate in bits a second, a bare probability in percent.
 * *ret_err_word tells which word is wrong. 0 or -EINVAL. */
int impair_parse(struct impairment *i, size_t n_words, char *const *words, size_t *ret_err_word);
size_t impair_text(const struct impairment *i, char *buf, size_t size);   /* the same words back */
bool impair_is_clear(const struct impairment *i);                         /* nothing set: fit for the direct path */
