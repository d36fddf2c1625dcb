/*
 * Networks that need no file. The three shapes and their names are Mininet's (`mn --topo`): hosts h1, h2 …, switches s1, s2 … numbered on the way
 * down, links h1--s1 and s1--s2; all hosts on one subnet, 10.0.0.0/8 and fd00::/64, so that h1 is 10.0.0.1 and fd00::1.
 *
 *     single,3      s1           linear,3   s1──s2──s3        tree,2,2        s1
 *                 ┌─┼─┐                     │   │   │                    s2 ──┴── s3
 *                h1 h2 h3                   h1  h2  h3                 h1  h2   h3  h4
 */
#include "topo/build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SHAPE_HOSTS_MAX 1024u

struct shape {
	struct topo *t;
	struct topo_err e;
	unsigned hosts, switches;
};

static int add_switch(struct shape *s)
{
	char name[TOPO_NAME_MAX];
	int r;

	snprintf(name, sizeof name, "s%u", ++s->switches);
	r = topo_add_network(s->t, name, true, &s->e);
	if (r == 0) {                  /* the first: the others share its subnet */
		s->t->networks[0].v4 = (struct topo_addr){addr_v4(0x0a000000), 8};
		s->t->networks[0].v6 = (struct topo_addr){addr_v6_octets((const uint8_t[16]){0xfd}), 64};
	}
	return r;
}

static int add_host(struct shape *s, int network)
{
	char name[TOPO_NAME_MAX];
	int host;

	snprintf(name, sizeof name, "h%u", ++s->hosts);
	host = topo_add_host(s->t, name, false, &s->e);
	return host < 0 ? host : topo_add_if(s->t, (size_t)host, "eth0", (size_t)network, &s->e);
}

static int shape_single(struct shape *s, const unsigned *arg)
{
	int r = add_switch(s);

	for (unsigned i = 0; i < arg[0] && r >= 0; i++) r = add_host(s, 0);
	return r;
}

static int shape_linear(struct shape *s, const unsigned *arg)
{
	int r = 0;

	for (unsigned i = 0; i < arg[0] && r >= 0; i++) {
		r = add_switch(s);
		if (r >= 0 && i > 0) r = topo_add_trunk(s->t, i - 1, i, &s->e);
		if (r >= 0) r = add_host(s, (int)i);
	}
	return r;
}

static int tree_below(struct shape *s, int parent, unsigned depth, unsigned fanout)
{
	int r = 0;

	for (unsigned i = 0; i < fanout && r >= 0; i++) {
		int child = depth > 1 ? add_switch(s) : add_host(s, parent);

		r = child;
		if (depth == 1 || child < 0) continue;
		r = topo_add_trunk(s->t, (size_t)parent, (size_t)child, &s->e);
		if (r >= 0) r = tree_below(s, child, depth - 1, fanout);
	}
	return r;
}

static int shape_tree(struct shape *s, const unsigned *arg)
{
	uint64_t leaves = 1;
	int r;

	if (arg[0] > 16) return topo_fail(&s->e, "a tree has at most %u hosts", SHAPE_HOSTS_MAX);
	for (unsigned i = 0; i < arg[0]; i++) leaves *= arg[1];
	if (leaves > SHAPE_HOSTS_MAX) return topo_fail(&s->e, "a tree has at most %u hosts", SHAPE_HOSTS_MAX);
	r = add_switch(s);
	return r < 0 ? r : tree_below(s, r, arg[0], arg[1]);
}

static const struct shape_row {
	const char *name, *usage;
	unsigned n_args;
	int (*build)(struct shape *, const unsigned *arg);
} shapes[] = {
	{"single", "single,HOSTS", 1, shape_single},
	{"linear", "linear,SWITCHES", 1, shape_linear},
	{"tree", "tree,DEPTH,FANOUT", 2, shape_tree},
};

/* ",3,2" into numbers of 1 to SHAPE_HOSTS_MAX; how many, or -1. */
static int args_parse(const char *text, unsigned arg[2])
{
	int n = 0;

	while (*text == ',' && n < 2) {
		char *end;
		unsigned long v = strtoul(text + 1, &end, 10);

		if (text[1] < '0' || text[1] > '9' || v < 1 || v > SHAPE_HOSTS_MAX) return -1;
		arg[n++] = (unsigned)v;
		text = end;
	}
	return *text ? -1 : n;
}

int topo_shape(struct topo *t, const char *shape, char *err, size_t err_size)
{
	struct shape s = {.t = t, .e = {err, err_size}};
	size_t len = strcspn(shape, ",");
	unsigned arg[2];
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		if (strlen(shapes[i].name) != len || memcmp(shapes[i].name, shape, len) != 0) continue;
		if (args_parse(shape + len, arg) != (int)shapes[i].n_args)
			return topo_fail(&s.e, "%s: the shape is written %s, each from 1 to %u", shape, shapes[i].usage, SHAPE_HOSTS_MAX);
		topo_init(t, shapes[i].name);
		r = shapes[i].build(&s, arg);
		if (r >= 0) r = topo_plan(t, err, err_size);
		if (r < 0) topo_free(t);
		return r;
	}
	return topo_fail(&s.e, "%s: shapes are single,N linear,N and tree,D,F", shape);
}

int topo_one_host(struct topo *t, const char *name)
{
	char text[128];
	struct topo_err e = {text, sizeof text};
	int r;

	topo_init(t, name);
	r = topo_add_host(t, name, false, &e);
	if (r >= 0) r = topo_add_network(t, "lan", true, &e);
	if (r >= 0) r = topo_add_if(t, 0, "eth0", 0, &e);
	if (r >= 0) r = topo_plan(t, text, sizeof text);
	if (r < 0) topo_free(t);
	return r;
}
