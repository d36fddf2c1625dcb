/* The words of a cut: see cut.h. */
#include "topo/cut.h"

#include <errno.h>
#include <stdlib.h>

#include "topo/build.h"

#define USAGE "cut [--one-way] HOST… / HOST… [for DURATION], cut --majority|--halves|--node|--bridge|--ring [HOST…], or cut --heal"
#define SIDES_MAX (UINT8_MAX - 1)

static const struct { const char *word; size_t least, most; } partitions[] = {
	[PARTITION_MAJORITY] = {"--majority", 2, TOPO_ITEMS_MAX}, [PARTITION_HALVES] = {"--halves", 2, TOPO_ITEMS_MAX},
	[PARTITION_NODE] = {"--node", 2, TOPO_ITEMS_MAX},         [PARTITION_BRIDGE] = {"--bridge", 3, TOPO_ITEMS_MAX},
	[PARTITION_RING] = {"--ring", 4, 64},
};

/* ---- sides ---- */

static int side_add(const struct topo *t, const char *name, uint8_t side, uint8_t *sides, const struct topo_err *e)
{
	size_t host = topo_find_host(t, name);

	if (host == TOPO_NONE) return topo_fail(e, "no host named %.60s", name);
	if (sides[host] != 0) return topo_fail(e, "%s stands there twice", name);
	sides[host] = side;
	return 0;
}

/* "a b / c" puts a and b on one side, c on the other. */
static int sides_read(const struct topo *t, size_t n, char *const *words, uint8_t *sides, uint8_t *ret_last, const struct topo_err *e)
{
	uint8_t side = 1;
	size_t on_side = 0;
	int err = 0;

	for (size_t w = 0; w < n && err == 0; w++) {
		bool next = strcmp(words[w], "/") == 0;

		if (next && (on_side == 0 || side == SIDES_MAX)) return topo_fail(e, "a side without a host, or too many sides");
		side += next;
		on_side = next ? 0 : on_side + 1;
		if (!next) err = side_add(t, words[w], side, sides, e);
	}
	*ret_last = side;
	return err < 0 || on_side > 0 ? err : topo_fail(e, "a side without a host, or too many sides");
}

/* One side alone is cut from all the rest. */
static int rest_add(const struct topo *t, uint8_t *sides, const struct topo_err *e)
{
	size_t others = 0;

	for (size_t i = 0; i < t->n_hosts; i++) {
		others += sides[i] == 0;
		sides[i] = sides[i] == 0 ? 2 : 1;
	}
	return others > 0 ? 0 : topo_fail(e, "nobody is left on the other side");
}

static int read_sides(struct cut_words *c, const struct topo *t, size_t n, char *const *words, const struct topo_err *e)
{
	uint8_t last = 0;
	int err;

	c->sides = calloc(1, t->n_hosts);
	if (!c->sides) return -ENOMEM;
	err = sides_read(t, n, words, c->sides, &last, e);
	return err == 0 && last == 1 ? rest_add(t, c->sides, e) : err;
}

/* ---- partitions ---- */

static enum partition partition_find(const char *word)
{
	for (enum partition p = PARTITION_MAJORITY; p < ARRAY_SIZE(partitions); p++)
		if (strcmp(partitions[p].word, word) == 0) return p;
	return PARTITION_NONE;
}

/* Those named, or every host that is no router. */
static int hosts_choose(struct cut_words *c, const struct topo *t, size_t n, char *const *names, const struct topo_err *e)
{
	for (size_t i = 0; n == 0 && i < t->n_hosts; i++)
		if (!t->hosts[i].router) c->hosts[c->n_hosts++] = i;
	for (size_t i = 0; i < n; i++) {
		size_t host = topo_find_host(t, names[i]), same = 0;

		while (same < c->n_hosts && c->hosts[same] != host) same++;
		if (host == TOPO_NONE) return topo_fail(e, "no host named %.60s", names[i]);
		if (same < c->n_hosts) return topo_fail(e, "%s stands there twice", names[i]);
		c->hosts[c->n_hosts++] = host;
	}
	return 0;
}

static int read_partition(struct cut_words *c, const struct topo *t, size_t n, char *const *words, const struct topo_err *e)
{
	int err;

	c->partition = partition_find(words[0]);
	if (c->partition == PARTITION_NONE) return topo_fail(e, "no such partition: %.60s", words[0]);
	c->hosts = calloc(t->n_hosts, sizeof *c->hosts);
	err = c->hosts ? hosts_choose(c, t, n - 1, words + 1, e) : -ENOMEM;
	if (err < 0 || (c->n_hosts >= partitions[c->partition].least && c->n_hosts <= partitions[c->partition].most)) return err;
	return topo_fail(e, "%s is for %zu to %zu hosts, not %zu", words[0], partitions[c->partition].least, partitions[c->partition].most, c->n_hosts);
}

/* ---- both ---- */

int cut_read(struct cut_words *ret, const struct topo *t, size_t n, char *const *words, bool lasts, char *err, size_t err_size)
{
	struct topo_err e = {err, err_size};

	*ret = (struct cut_words){.heal = n == 1 && !lasts && strcmp(words[0], "--heal") == 0, .one_way = n > 0 && strcmp(words[0], "--one-way") == 0};
	if (ret->heal) return 0;
	words += ret->one_way;
	n -= ret->one_way;
	if (n == 0) return topo_fail(&e, USAGE);
	return strncmp(words[0], "--", 2) == 0 && !ret->one_way ? read_partition(ret, t, n, words, &e) : read_sides(ret, t, n, words, &e);
}

void cut_free(struct cut_words *c)
{
	free(c->sides);
	free(c->hosts);
}
