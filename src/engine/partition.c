/*
 * Who is parted from whom, in Jepsen's words. Who stands where is drawn from the net's seed.
 *
 *     majority   more than half on one side, the rest on the other          halves   two halves
 *     node       one alone                                                  bridge   two halves, and one that both can reach
 *     ring       each reaches a majority, its neighbours in a ring, and no two the same one: a cut for every pair that is too far apart
 */
#include <errno.h>
#include <stdlib.h>
#include "engine/private.h"

struct draw { size_t n_hosts, *hosts, n; uint8_t *sides; size_t n_cuts; };     /* n_hosts: of the net; hosts: the n that are to be parted */

static int one_cut(struct draw *d, size_t first, size_t second)
{
	d->sides = calloc(1, d->n_hosts);
	if (!d->sides) return -ENOMEM;
	for (size_t i = 0; i < first; i++) d->sides[d->hosts[i]] = 1;
	for (size_t i = 0; i < second; i++) d->sides[d->hosts[first + i]] = 2;
	d->n_cuts = 1;
	return 0;
}

static int part_majority(struct draw *d) { return one_cut(d, d->n / 2 + 1, d->n - d->n / 2 - 1); }
static int part_halves(struct draw *d) { return one_cut(d, d->n / 2, d->n - d->n / 2); }
static int part_node(struct draw *d) { return one_cut(d, 1, d->n - 1); }
static int part_bridge(struct draw *d) { return one_cut(d, (d->n - 1) / 2, d->n - 1 - (d->n - 1) / 2); }

static int part_ring(struct draw *d)
{
	size_t reach = (d->n / 2 + 1) / 2;
	d->sides = calloc(d->n * d->n, d->n_hosts);
	if (!d->sides) return -ENOMEM;
	for (size_t i = 0; i < d->n; i++)
		for (size_t k = 0; k < i; k++) {
			if (MIN(i - k, d->n - (i - k)) <= reach) continue;
			uint8_t *sides = d->sides + d->n_cuts++ * d->n_hosts;
			sides[d->hosts[i]] = 1;
			sides[d->hosts[k]] = 2;
		}
	return 0;
}

static int (*const part[])(struct draw *) = {
	[PARTITION_MAJORITY] = part_majority, [PARTITION_HALVES] = part_halves, [PARTITION_NODE] = part_node, [PARTITION_BRIDGE] = part_bridge,
	[PARTITION_RING] = part_ring,
};

static void shuffle(struct engine *e, struct draw *d)
{
	for (size_t i = d->n; i > 1; i--) {
		size_t other = random_next(&e->random) % i, kept = d->hosts[i - 1];
		d->hosts[i - 1] = d->hosts[other];
		d->hosts[other] = kept;
	}
}

int partition_make(struct engine *e, struct cut_words *c, size_t *ret_n)
{
	struct draw d = {.n_hosts = e->topo->n_hosts, .hosts = c->hosts, .n = c->n_hosts};
	shuffle(e, &d);
	int err = part[c->partition](&d);
	c->sides = d.sides;
	*ret_n = d.n_cuts;
	return err;
}
