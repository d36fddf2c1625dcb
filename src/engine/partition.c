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

struct draw { struct engine *e; size_t *hosts, n; uint8_t *sides; size_t n_cuts; };

static int one_cut(struct draw *d, size_t first, size_t second)
{
	d->sides = calloc(1, d->e->topo->n_hosts);
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
	size_t n_hosts = d->e->topo->n_hosts, reach = (d->n / 2 + 1) / 2;
	d->sides = calloc(d->n * d->n, n_hosts);
	if (!d->sides) return -ENOMEM;
	for (size_t i = 0; i < d->n; i++)
		for (size_t k = 0; k < i; k++) {
			if (MIN(i - k, d->n - (i - k)) <= reach) continue;
			uint8_t *sides = d->sides + d->n_cuts++ * n_hosts;
			sides[d->hosts[i]] = 1;
			sides[d->hosts[k]] = 2;
		}
	return 0;
}

static const struct kind { const char *name; size_t least, most; int (*part)(struct draw *); } kinds[] = {
	{"--majority", 2, 4096, part_majority}, {"--halves", 2, 4096, part_halves}, {"--node", 2, 4096, part_node}, {"--bridge", 3, 4096, part_bridge},
	{"--ring", 4, 64, part_ring},
};

/* Those named, or every host that is no router. */
static int hosts_choose(struct draw *d, size_t n, char **names, struct text *t)
{
	const struct topo *topo = d->e->topo;
	for (size_t i = 0; n == 0 && i < topo->n_hosts; i++)
		if (!topo->hosts[i].router) d->hosts[d->n++] = i;
	for (size_t i = 0; i < n; i++) {
		size_t host = host_find(d->e, names[i]), same = 0;
		while (same < d->n && d->hosts[same] != host) same++;
		if (host == topo->n_hosts || same < d->n) {
			text_add(t, host == topo->n_hosts ? "no host named %s\n" : "%s stands there twice\n", names[i]);
			return -EINVAL;
		}
		d->hosts[d->n++] = host;
	}
	return 0;
}

static void shuffle(struct draw *d)
{
	for (size_t i = d->n; i > 1; i--) {
		size_t other = random_next(&d->e->random) % i, kept = d->hosts[i - 1];
		d->hosts[i - 1] = d->hosts[other];
		d->hosts[other] = kept;
	}
}

static int draw_kind(struct draw *d, const struct kind *k, struct text *t)
{
	if (d->n < k->least || d->n > k->most) {
		text_add(t, "%s is for %zu to %zu hosts, not %zu\n", k->name, k->least, k->most, d->n);
		return -EINVAL;
	}
	shuffle(d);
	return k->part(d);
}

int partition_make(struct engine *e, const char *kind, size_t n, char **hosts, struct text *t, uint8_t **ret_sides, size_t *ret_n)
{
	struct draw d = {.e = e, .hosts = calloc(e->topo->n_hosts, sizeof *d.hosts)};
	const struct kind *k = kinds;
	while (k < kinds + ARRAY_SIZE(kinds) && strcmp(k->name, kind) != 0) k++;
	if (k == kinds + ARRAY_SIZE(kinds)) text_add(t, "no such partition: %s\n", kind);
	int err = !d.hosts ? -ENOMEM : k == kinds + ARRAY_SIZE(kinds) ? -EINVAL : hosts_choose(&d, n, hosts, t);
	if (err == 0) err = draw_kind(&d, k, t);
	free(d.hosts);
	if (err < 0) return err;
	*ret_sides = d.sides;
	*ret_n = d.n_cuts;
	return 0;
}
