/*
 * Faults that come and go while programs run: impairments and cuts, some for a time. What a direction of a link shows is its base with every timed
 * fault of it on top, in the order they were set; a permanent change alters the base. So faults may overlap and end in any order.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/duration.h"
#include "engine/private.h"

#define WORDS_MAX 64

/* One direction of a link: what leaves nif, or arrives at it; nif NULL: the link as a whole. */
struct aim { struct net_link *link; struct netif *nif; bool in; };
/* A fault of its own end (a layer or a cut), or the base of an aim. */
enum fault_kind { FAULT_BASE, FAULT_LAYER, FAULT_CUT };
struct fault {
	struct list node;                          /* engine.faults, in the order they were set */
	enum fault_kind kind;
	struct aim aim;
	struct impairment base;
	time_ns due;                               /* TIME_NEVER: stays */
	const void *owner;                         /* the flap that set it, or NULL */
	uint32_t cut;
	size_t n_words;
	char *words[WORDS_MAX];
};

/* ---- directions ---- */

static bool aim_eq(const struct aim *a, const struct aim *b) { return a->link == b->link && a->nif == b->nif && a->in == b->in; }

static const struct impairment *aim_get(const struct aim *a)
{
	return a->in ? net_impairment_in(a->link, a->nif) : net_impairment(a->link, a->nif);
}

static void aim_apply(struct engine *e, const struct aim *a)
{
	struct impairment i = {0};
	size_t wrong;
	list_each(struct fault, f, &e->faults, node) {
		if (f->kind == FAULT_CUT || !aim_eq(&f->aim, a)) continue;
		if (f->kind == FAULT_BASE) i = f->base;
		else impair_parse(&i, f->n_words, f->words, &wrong);
	}
	if (a->in) net_impair_in(a->link, a->nif, &i);
	else net_impair(a->link, a->nif, &i);
}

static struct fault *base_of(struct engine *e, const struct aim *a)
{
	list_each(struct fault, f, &e->faults, node)
		if (f->kind == FAULT_BASE && aim_eq(&f->aim, a)) return f;
	const struct impairment *now = aim_get(a);
	struct fault *f = now ? calloc(1, sizeof *f) : NULL;
	if (!f) return NULL;
	*f = (struct fault){.kind = FAULT_BASE, .aim = *a, .base = *now, .due = TIME_NEVER};
	list_append(&e->faults, &f->node);
	return f;
}

static void fault_free(struct fault *f)
{
	list_remove(&f->node);
	for (size_t i = 0; i < f->n_words; i++) free(f->words[i]);
	free(f);
}

static int layer_add(struct engine *e, const struct aim *a, const struct fault_words *c)
{
	struct fault *f = calloc(1, sizeof *f);
	if (!f) return -ENOMEM;
	*f = (struct fault){.kind = FAULT_LAYER, .aim = *a, .due = c->due, .owner = c->owner};
	list_append(&e->faults, &f->node);
	for (; f->n_words < c->n; f->n_words++) {
		f->words[f->n_words] = strdup(c->words[f->n_words]);
		if (!f->words[f->n_words]) break;
	}
	if (f->n_words == c->n) return 0;
	fault_free(f);
	return -ENOMEM;
}

static int aim_set(struct engine *e, const struct aim *a, const struct fault_words *c)
{
	size_t wrong;
	struct fault *base = base_of(e, a);
	if (!base) return -ENOMEM;
	int err = c->due == TIME_NEVER ? impair_parse(&base->base, c->n, c->words, &wrong) : layer_add(e, a, c);
	if (err == 0) aim_apply(e, a);
	return err;
}

/* ---- what a name means ---- */

/* The interface at the other end of a pair, or NULL: then what arrives is a direction of its own. */
static struct netif *pair_peer(const struct engine *e, size_t i)
{
	for (size_t j = 0; j < e->topo->n_ifs; j++)
		if (j != i && e->ports[j].link == e->ports[i].link) return e->ports[j].nif;
	return NULL;
}

static int both_set(struct engine *e, size_t i, const struct fault_words *c)
{
	const struct port *p = &e->ports[i];
	struct netif *peer = pair_peer(e, i);
	struct aim out = {p->link, p->nif, false}, in = {p->link, peer ? peer : p->nif, !peer};
	int err = aim_set(e, &out, c);
	return err < 0 ? err : aim_set(e, &in, c);
}

size_t host_find(const struct engine *e, const char *name)
{
	size_t host = 0;
	while (host < e->topo->n_hosts && strcmp(e->topo->hosts[host].name, name) != 0) host++;
	return host;
}

static bool host_is(const struct engine *e, size_t host, const char *name) { return strcmp(e->topo->hosts[host].name, name) == 0; }

/* "host:eth0" is what leaves that interface. */
static bool port_is(const struct engine *e, size_t i, const char *name)
{
	char buf[64];
	snprintf(buf, sizeof buf, "%s:%s", e->topo->hosts[e->topo->ifs[i].host].name, e->topo->ifs[i].name);
	return strcmp(buf, name) == 0;
}

/* Everything that a name stands for: a host's links both ways, one interface outwards, a link both ways, a switch or trunk as a whole. */
int fault_name_set(struct engine *e, const char *name, const struct fault_words *c)
{
	struct net_link *l = net_find_link(e->net, name);
	int err = 0;
	bool found = false;
	for (size_t i = 0; i < e->topo->n_ifs && err == 0; i++) {
		struct aim out = {e->ports[i].link, e->ports[i].nif, false};
		bool host = host_is(e, e->topo->ifs[i].host, name), port = !host && port_is(e, i, name);
		if (!host && !port && e->ports[i].link != l) continue;
		err = port ? aim_set(e, &out, c) : both_set(e, i, c);
		found = true;
		if (!host) return err;
	}
	if (found || !l) return found ? err : -ENOENT;
	return aim_set(e, &(struct aim){l, NULL, false}, c);
}

/* ---- the verbs ---- */

time_ns fault_ending(const struct engine *e, size_t *n, char **words, struct text *t)
{
	if (*n < 2 || strcmp(words[*n - 2], "for") != 0) return TIME_NEVER;
	time_ns d = duration_parse(words[*n - 1]);
	if (d < 0) {
		text_add(t, "no such duration: %s (as 200ms, 5s, 1m)\n", words[*n - 1]);
		return -EINVAL;
	}
	*n -= 2;
	return e->now + d;
}

int fault_set(struct engine *e, size_t n, char **words, struct text *t)
{
	struct impairment trial = {0};
	size_t wrong = 0;
	time_ns due = fault_ending(e, &n, words, t);
	if (due < 0) return -EINVAL;
	if (n < 2 || n > WORDS_MAX) {
		text_add(t, "set LINK|HOST WORDS… [for DURATION]\n");
		return -EINVAL;
	}
	if (impair_parse(&trial, n - 1, words + 1, &wrong) < 0) {
		text_add(t, "not understood: %s\n", wrong + 1 < n ? words[wrong + 1] : "the end");
		return -EINVAL;
	}
	int err = fault_name_set(e, words[0], &(struct fault_words){n - 1, words + 1, due, NULL});
	direct_look_again(e);
	if (err == -ENOENT) text_add(t, "no link or host named %s\n", words[0]);
	return err;
}

static int heal(struct engine *e)
{
	net_heal(e->net, 0);
	flaps_free(e);
	list_each(struct fault, f, &e->faults, node)
		if (f->kind == FAULT_CUT) fault_free(f);
	direct_look_again(e);
	return 0;
}

/* The sides in words again, "a b / c", for show. NULL: no memory */
static char *sides_text(const struct engine *e, const uint8_t *sides, bool one_way)
{
	const struct topo *topo = e->topo;
	size_t size = 16 + topo->n_hosts * (TOPO_NAME_MAX + 3);
	struct text t = {malloc(size), size, 0};
	if (!t.at) return NULL;
	*t.at = 0;
	if (one_way) text_add(&t, "--one-way");
	for (uint8_t side = 1, last = 0; side < UINT8_MAX; side++)
		for (size_t i = 0; i < topo->n_hosts; i++) {
			if (sides[i] != side) continue;
			if (last != 0 && last != side) text_add(&t, " /");
			text_add(&t, "%s%s", t.len > 0 ? " " : "", topo->hosts[i].name);
			last = side;
		}
	return t.at;
}

static int cut_one(struct engine *e, const uint8_t *sides, bool one_way, time_ns due)
{
	struct fault *f = calloc(1, sizeof *f);
	if (!f) return -ENOMEM;
	*f = (struct fault){.kind = FAULT_CUT, .due = due, .n_words = 1, .words = {sides_text(e, sides, one_way)}};
	list_append(&e->faults, &f->node);
	int err = !f->words[0] ? -ENOMEM : (one_way ? net_cut_one_way : net_cut)(e->net, sides, e->topo->n_hosts, &f->cut);
	if (err < 0) fault_free(f);
	return err;
}

int fault_cut(struct engine *e, size_t n, char **words, struct text *t)
{
	struct cut_words c;
	char why[200] = "";
	size_t n_cuts = 1;
	time_ns due = fault_ending(e, &n, words, t);
	if (due < 0) return -EINVAL;
	int err = cut_read(&c, e->topo, n, words, due != TIME_NEVER, why, sizeof why);
	if (*why) text_add(t, "%s\n", why);
	if (err == 0 && c.heal) return heal(e);
	if (err == 0 && c.partition != PARTITION_NONE) err = partition_make(e, &c, &n_cuts);
	for (size_t i = 0; i < n_cuts && err == 0; i++) err = cut_one(e, c.sides + i * e->topo->n_hosts, c.one_way, due);
	cut_free(&c);
	direct_look_again(e);
	return err;
}

/* ---- time ---- */

time_ns faults_deadline(const struct engine *e)
{
	time_ns due = TIME_NEVER;
	list_each(struct fault, f, &e->faults, node) due = MIN(due, f->due);
	return due;
}

void faults_end_of(struct engine *e, const void *owner)
{
	list_each(struct fault, f, &e->faults, node)
		if (f->owner == owner) f->due = e->now;
	faults_expire(e);
}

void faults_expire(struct engine *e)
{
	list_each(struct fault, f, &e->faults, node) {
		struct aim a = f->aim;
		enum fault_kind kind = f->kind;
		if (f->due > e->now) continue;
		if (kind == FAULT_CUT) net_heal(e->net, f->cut);
		fault_free(f);
		if (kind == FAULT_LAYER) aim_apply(e, &a);
		direct_look_again(e);
	}
}

void faults_show(struct engine *e, struct page *p)
{
	list_each(struct fault, f, &e->faults, node) {
		if (f->kind != FAULT_CUT || !page_takes(p)) continue;
		text_add(p->t, "cut\tid#%u\tsides=%s", f->cut, f->words[0]);
		if (f->due != TIME_NEVER) text_add(p->t, "\tends_in_ms#%lld", (long long)(MAX(f->due - e->now, 0) / NS_PER_MS));
		text_add(p->t, "\n");
	}
}

void faults_free(struct engine *e) { list_each(struct fault, f, &e->faults, node) fault_free(f); }
