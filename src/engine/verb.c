/* The words of the command line: set, cut, show, down and what they answer. */
#include <errno.h>
#include <stdio.h>
#include "engine/private.h"

#define WORDS_MAX 64

struct verb { const char *name; int (*serve)(struct call *k, size_t n, char **words, struct text *t); };

static int verb_set(struct call *k, size_t n, char **words, struct text *t) { return fault_set(k->e, n, words, t); }
static int verb_cut(struct call *k, size_t n, char **words, struct text *t) { return fault_cut(k->e, n, words, t); }

static int verb_hosts(struct call *k, size_t n, char **words, struct text *t)
{
	(void)n, (void)words;
	for (size_t i = 0; i < k->e->topo->n_hosts; i++) text_add(t, "%s\n", k->e->topo->hosts[i].name);
	return 0;
}

static int verb_refused(struct call *k, size_t n, char **words, struct text *t)
{
	(void)n, (void)words;
	refused_print(k->e, t);
	return 0;
}

static int verb_log(struct call *k, size_t n, char **words, struct text *t)
{
	(void)n, (void)words;
	engine_log_print(k->e, t);
	return 0;
}

static int verb_report(struct call *k, size_t n, char **words, struct text *t)
{
	verb_log(k, n, words, t);
	return verb_refused(k, n, words, t);
}

static void show_host(struct engine *e, size_t host, struct text *t)
{
	char v4[ADDR_TEXT_MAX], v6[ADDR_TEXT_MAX];
	text_add(t, "%s%s\n", e->topo->hosts[host].name, e->topo->hosts[host].router ? " (router)" : "");
	for (size_t i = 0; i < e->topo->n_ifs; i++) {
		const struct topo_if *ti = &e->topo->ifs[i];
		if (ti->host != host) continue;
		text_add(t, "    %s on %s", ti->name, e->topo->networks[ti->network].name);
		if (ti->v4.plen != 0) text_add(t, "  %s/%u", addr_text(v4, &ti->v4.addr), ti->v4.plen);
		if (ti->v6.plen != 0) text_add(t, "  %s/%u", addr_text(v6, &ti->v6.addr), ti->v6.plen);
		text_add(t, "\n");
	}
	list_each(struct client, c, &e->clients, node)
		if (c->host == host) text_add(t, "    runs %s (%d)\n", c->name, (int)c->pid);
}

static void show_impairment(struct text *t, const char *what, const struct impairment *i)
{
	char buf[256];
	if (!i || impair_is_clear(i)) return;
	impair_text(i, buf, sizeof buf);
	text_add(t, "%s  %s\n", what, buf);
}

static size_t list_count(const struct list *l)
{
	size_t n = 0;
	for (const struct list *at = l->next; at != l; at = at->next) n++;
	return n;
}

/* What is in use: after everything that used it has gone, the figures are those of before. */
static int show_counts(struct engine *e, struct text *t)
{
	size_t bells = 0, stack_socks = 0;
	for (size_t i = 1; i < BELL_MAX; i++) bells += e->bells[i] != NULL;
	for (size_t i = 0; i < net_host_count(e->net); i++) stack_socks += list_count(&net_stack(net_host_at(e->net, i))->socks);
	text_add(t, "clients %zu\nsockets %zu\nstack sockets %zu\nsegments %u\nbells %zu\n", list_count(&e->clients), list_count(&e->socks), stack_socks,
		 e->pool.in_use, bells);
	return 0;
}

static int verb_show(struct call *k, size_t n, char **words, struct text *t)
{
	struct engine *e = k->e;
	char what[96];
	if (n > 0 && strcmp(words[0], "counts") == 0) return show_counts(e, t);
	if (n > 0 && strcmp(words[0], "net") != 0) {
		text_add(t, "show [net | counts]\n");
		return -EINVAL;
	}
	for (size_t i = 0; i < e->topo->n_hosts; i++) show_host(e, i, t);
	for (size_t i = 0; i < e->topo->n_ifs; i++) {
		const char *host = e->topo->hosts[e->topo->ifs[i].host].name;
		snprintf(what, sizeof what, "%s:%s out", host, e->topo->ifs[i].name);
		show_impairment(t, what, net_impairment(e->ports[i].link, e->ports[i].nif));
		snprintf(what, sizeof what, "%s:%s in ", host, e->topo->ifs[i].name);
		show_impairment(t, what, net_impairment_in(e->ports[i].link, e->ports[i].nif));
	}
	for (size_t i = 0; i < e->topo->n_trunks; i++)
		show_impairment(t, e->topo->trunks[i].name, net_impairment(net_find_link(e->net, e->topo->trunks[i].name), NULL));
	return 0;
}

/* Names what still runs, each program once; the reply still leaves, then the engine ends. */
static int verb_down(struct call *k, size_t n, char **words, struct text *t)
{
	(void)n, (void)words;
	list_each(struct client, c, &k->e->clients, node)
		if (c->pid != k->c->pid) text_add(t, "%s: %s (%d)\n", k->e->topo->hosts[c->host].name, c->name, (int)c->pid);
	k->e->ending = true;
	return 0;
}

static const struct verb verbs[] = {
	{"set", verb_set}, {"cut", verb_cut}, {"show", verb_show}, {"down", verb_down}, {"hosts", verb_hosts},
	{"report", verb_report}, {"refused", verb_refused}, {"log", verb_log},
};

/* Cuts in into its words; the last one is ended here, whatever the sender did. */
static size_t words_read(struct call *k, char *words[WORDS_MAX])
{
	char *at = (char *)k->in, *end = at + k->q->in_len;
	size_t n = 0;
	end[-1] = 0;
	for (; at < end && n < WORDS_MAX; at += strlen(at) + 1) words[n++] = at;
	return n;
}

int64_t serve_verb(struct call *k)
{
	char *words[WORDS_MAX];
	size_t n = words_read(k, words);
	struct text t = {(char *)k->out, RPC_OUT_MAX, 0};
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(verbs[i].name, words[0]) != 0) continue;
		int result = verbs[i].serve(k, n - 1, words + 1, &t);
		k->reply.out_len = (uint32_t)t.len;
		return result;
	}
	text_add(&t, "no such verb: %s\n", words[0]);
	k->reply.out_len = (uint32_t)t.len;
	return -EINVAL;
}
