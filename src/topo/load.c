/*
 * Topology files: YAML whose `links` are containerlab's, with the hosts and networks that they join.
 *
 *     name: lab
 *     hosts: {web: {}, client: {}, r1: {router: true}}      # or a list of names; {sysctl: {net.ipv4.tcp_ecn: 1}}
 *     networks: {lan: {subnet: 10.1.0.0/16, subnet6: "fd00:1::/64"}, wan: {}}
 *     links:
 *       - endpoints: ["web:eth0", "lan"]                    # a host's interface on a network
 *         delay: 10ms                                       # netem's words, both ways; queue: fq_codel
 *         out: {rate: 100mbit}                              # what leaves the first endpoint; in: what reaches it
 *       - endpoints: ["client:eth0", "r1:eth0"]             # two interfaces: a link with a subnet of its own
 *         name: uplink                                      # else client--r1
 *       - endpoints: ["lan", "wan"]                         # two networks: one broadcast domain
 *
 * An unknown key is an error, so that a misspelt one never silently means nothing.
 */
#include "topo/document.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "link/queueing.h"

struct load {
	struct topo *t;
	struct doc *d;
	size_t host;                   /* whose settings are read */
};

/* ---- hosts and networks ---- */

static int load_setting(void *user, yaml_node_t *name, yaml_node_t *value)
{
	struct load *l = user;

	if (!value || !doc_text(value)) return doc_fail(l->d, name, "%s wants a value", doc_text(name));
	return doc_place(l->d, value, topo_add_setting(l->t, l->host, doc_text(name), doc_text(value), &l->d->err));
}

static int load_host(void *user, yaml_node_t *name, yaml_node_t *value)
{
	static const char *const keys[] = {"router", "sysctl"};
	struct load *l = user;
	yaml_node_t *v[ARRAY_SIZE(keys)] = {0};
	bool router = false;
	int r = 0;

	if (value) r = doc_keys(l->d, value, keys, ARRAY_SIZE(keys), v);
	if (r == 0 && v[0]) r = doc_bool(l->d, v[0], &router);
	if (r == 0) r = doc_place(l->d, name, topo_add_host(l->t, doc_text(name), router, &l->d->err));
	if (r < 0 || !v[1]) return r;
	l->host = (size_t)r;
	return doc_named(l->d, v[1], "setting", load_setting, l);
}

static int load_subnet(struct load *l, yaml_node_t *n, bool v6, struct topo_addr *ret)
{
	const char *text = doc_text(n);
	char own[ADDR_TEXT_MAX];
	struct topo_addr s;
	struct addr masked;

	if (!text || !strchr(text, '/') || addr_parse_prefix(&s.addr, &s.plen, text) < 0)
		return doc_fail(l->d, n, "a subnet is expected here, such as %s", v6 ? "\"fd00:1::/64\"" : "10.1.0.0/16");
	if (addr_is_v4(&s.addr) == v6) return doc_fail(l->d, n, "%s is of the other IP version: subnet is for IPv4, subnet6 for IPv6", text);
	masked = addr_mask(&s.addr, s.plen);
	if (!addr_eq(&masked, &s.addr))
		return doc_fail(l->d, n, "%s is an address in the subnet %s/%u", text, addr_text(own, &masked), s.plen);
	if (addr_is_multicast(&masked) || addr_is_loopback(&masked) || addr_is_any(&masked) || addr_is_linklocal(&masked))
		return doc_fail(l->d, n, "%s is not for hosts", text);
	*ret = (struct topo_addr){masked, s.plen};
	return 0;
}

static int load_network(void *user, yaml_node_t *name, yaml_node_t *value)
{
	static const char *const keys[] = {"subnet", "subnet6"};
	struct load *l = user;
	yaml_node_t *v[ARRAY_SIZE(keys)] = {0};
	struct topo_addr v4 = {0}, v6 = {0};
	int r = 0;

	if (value) r = doc_keys(l->d, value, keys, ARRAY_SIZE(keys), v);
	if (r == 0 && v[0]) r = load_subnet(l, v[0], false, &v4);
	if (r == 0 && v[1]) r = load_subnet(l, v[1], true, &v6);
	if (r == 0) r = doc_place(l->d, name, topo_add_network(l->t, doc_text(name), true, &l->d->err));
	if (r < 0) return r;
	l->t->networks[r].v4 = v4;
	l->t->networks[r].v6 = v6;
	return 0;
}

/* ---- impairments ---- */

#define NETEM_KEYS "delay", "distribution", "loss", "duplicate", "corrupt", "reorder", "gap", "rate", "limit", "queue", "down", "jitter"
enum {
	NETEM_DELAY, NETEM_DISTRIBUTION, NETEM_LOSS, NETEM_DUPLICATE, NETEM_CORRUPT, NETEM_REORDER, NETEM_GAP, NETEM_RATE, NETEM_LIMIT, NETEM_QUEUE,
	NETEM_DOWN, NETEM_JITTER, NETEM_COUNT
};

/* "KEY VALUE SECOND" as on the command line; parsed key by key, so that an error has its place. */
static int load_words(struct load *l, const char *key, yaml_node_t *value, yaml_node_t *second, struct impairment *i)
{
	const char *a = doc_text(value), *b = second ? doc_text(second) : "";
	char text[160], *words[sizeof text / 2], *rest;
	size_t n = 0, wrong = 0;

	if (!a || !*a) return doc_fail(l->d, value, "%s wants a value, in netem's words", key);
	if (!b) return doc_fail(l->d, second, "jitter wants a time, such as 5ms");
	if ((size_t)snprintf(text, sizeof text, "%s %s %s", key, a, b) >= sizeof text) return doc_fail(l->d, value, "too long for %s", key);
	for (char *w = strtok_r(text, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) words[n++] = w;
	if (impair_parse(i, n, words, &wrong) == 0) return 0;
	return doc_fail(l->d, value, "%s: \"%s\" is not understood", *key ? key : "queue", wrong < n ? words[wrong] : a);
}

/* A discipline is a word of its own: "fq_codel target 10ms". */
static int load_queue(struct load *l, yaml_node_t *value, struct impairment *i)
{
	const char *text = doc_text(value);
	char name[16] = "";

	if (text) snprintf(name, sizeof name, "%.*s", (int)strcspn(text, " "), text);
	if (!queueing_is_word(name)) return doc_fail(l->d, value, "queue wants a discipline, such as fq_codel");
	return load_words(l, "", value, NULL, i);
}

static int load_netem(struct load *l, yaml_node_t *const *v, struct impairment *i)
{
	static const char *const names[] = {NETEM_KEYS};
	int r = 0;

	if (v[NETEM_JITTER] && !v[NETEM_DELAY]) return doc_fail(l->d, v[NETEM_JITTER], "jitter is about a delay: give delay too");
	for (size_t k = NETEM_DELAY; k <= NETEM_LIMIT && r == 0; k++)
		if (v[k]) r = load_words(l, names[k], v[k], k == NETEM_DELAY ? v[NETEM_JITTER] : NULL, i);
	if (r == 0 && v[NETEM_QUEUE]) r = load_queue(l, v[NETEM_QUEUE], i);
	if (r == 0 && v[NETEM_DOWN]) r = doc_bool(l->d, v[NETEM_DOWN], &i->down);
	return r;
}

/* One direction's own words, on top of what is set for both. */
static int load_direction(struct load *l, yaml_node_t *n, struct impairment *i)
{
	static const char *const keys[] = {NETEM_KEYS};
	yaml_node_t *v[NETEM_COUNT];
	int r = doc_keys(l->d, n, keys, NETEM_COUNT, v);

	return r < 0 ? r : load_netem(l, v, i);
}

/* ---- links ---- */

struct endpoint { size_t host, network; char ifname[64]; };    /* one of host and network is TOPO_NONE */

static int load_endpoint(struct load *l, yaml_node_t *n, struct endpoint *ret)
{
	const char *text = doc_text(n), *colon = text ? strchr(text, ':') : NULL;
	char host[128];

	if (!text) return doc_fail(l->d, n, "an endpoint is \"HOST:INTERFACE\" or \"NETWORK\"");
	*ret = (struct endpoint){.host = TOPO_NONE, .network = TOPO_NONE};
	if (!colon) {
		ret->network = topo_find_network(l->t, text);
		if (ret->network != TOPO_NONE && l->t->networks[ret->network].is_switch) return 0;
		if (topo_find_host(l->t, text) != TOPO_NONE) return doc_fail(l->d, n, "%s is a host: say which interface, \"%s:eth0\"", text, text);
		return doc_fail(l->d, n, "no network named %.60s", text);
	}
	snprintf(host, sizeof host, "%.*s", (int)MIN(colon - text, 100), text);
	snprintf(ret->ifname, sizeof ret->ifname, "%s", colon + 1);
	ret->host = topo_find_host(l->t, host);
	return ret->host == TOPO_NONE ? doc_fail(l->d, n, "no host named %s", host) : 0;
}

enum { LINK_ENDPOINTS = NETEM_COUNT, LINK_NAME, LINK_OUT, LINK_IN, LINK_MTU, LINK_COUNT };
struct link { yaml_node_t *at, *end_at[2], **v; struct endpoint end[2]; struct impairment out, in; };

static int link_if(struct load *l, const struct link *k, size_t end, size_t network, const struct impairment *out, const struct impairment *in)
{
	int r = topo_add_if(l->t, k->end[end].host, k->end[end].ifname, network, &l->d->err);

	if (r < 0) return doc_place(l->d, k->end_at[end], r);
	if (out) l->t->ifs[r].out = *out;
	if (in) l->t->ifs[r].in = *in;
	if (k->v[LINK_MTU]) l->t->ifs[r].mtu_bytes = (uint32_t)strtoul(doc_text(k->v[LINK_MTU]), NULL, 10);   /* link_mtu_check */
	return 0;
}

/* Two interfaces. What leaves one arrives at the other, so each end holds its own direction, in `out`. */
static int link_pair(struct load *l, const struct link *k)
{
	const struct topo_host *a = &l->t->hosts[k->end[0].host], *b = &l->t->hosts[k->end[1].host];
	const char *given = k->v[LINK_NAME] ? doc_text(k->v[LINK_NAME]) : NULL;
	const yaml_node_t *at = given ? k->v[LINK_NAME] : k->at;
	char name[TOPO_NAME_MAX];
	int r = 0, network;

	if (k->end[0].host == k->end[1].host) return doc_fail(l->d, k->end_at[1], "both ends are on %s", a->name);
	if (given && strstr(given, "--")) return doc_fail(l->d, at, "\"%.40s\": -- is for the names that links get by themselves", given);
	if (!given) r = topo_link_name(name, sizeof name, a->name, b->name, &l->d->err);
	if (r < 0) return doc_place(l->d, at, r);
	if (!given && topo_find_network(l->t, name) != TOPO_NONE)
		return doc_fail(l->d, at, "a second link between %s and %s needs a name of its own", a->name, b->name);
	network = topo_add_network(l->t, given ? given : name, false, &l->d->err);
	if (network < 0) return doc_place(l->d, at, network);
	r = link_if(l, k, 0, (size_t)network, &k->out, NULL);
	return r < 0 ? r : link_if(l, k, 1, (size_t)network, &k->in, NULL);
}

static int link_trunk(struct load *l, const struct link *k)
{
	int r = topo_add_trunk(l->t, k->end[0].network, k->end[1].network, &l->d->err);

	if (k->v[LINK_OUT] || k->v[LINK_IN] || k->v[LINK_MTU])
		return doc_fail(l->d, k->at, "between two networks a link is the same both ways, and has no mtu");
	if (r < 0) return doc_place(l->d, k->at, r);
	l->t->trunks[l->t->n_trunks - 1].impairment = k->out;
	return 0;
}

static int link_mtu_check(struct load *l, yaml_node_t *n)
{
	const char *text = doc_text(n);
	char *end;
	unsigned long v = text ? strtoul(text, &end, 10) : 0;

	/* RFC 8200 §5: IPv6 needs 1280 */
	return !text || *text == '-' || *end || v < 1280 || v > 65535 ? doc_fail(l->d, n, "mtu is a number from 1280 to 65535") : 0;
}

static int link_add(struct load *l, const struct link *k)
{
	bool host0 = k->end[0].host != TOPO_NONE, host1 = k->end[1].host != TOPO_NONE;

	if (host0 && host1) return link_pair(l, k);
	if (k->v[LINK_NAME]) return doc_fail(l->d, k->v[LINK_NAME], "a link to a network is called by its two ends: HOST--NETWORK");
	if (!host0 && !host1) return link_trunk(l, k);
	/* out is what leaves the first endpoint, which may be the network */
	return host0 ? link_if(l, k, 0, k->end[1].network, &k->out, &k->in) : link_if(l, k, 1, k->end[0].network, &k->in, &k->out);
}

static int load_link(struct load *l, yaml_node_t *n)
{
	static const char *const keys[] = {NETEM_KEYS, "endpoints", "name", "out", "in", "mtu"};
	yaml_node_t *v[LINK_COUNT];
	struct link k = {.at = n, .v = v};
	int r = doc_keys(l->d, n, keys, LINK_COUNT, v);

	if (r == 0 && (!v[LINK_ENDPOINTS] || !doc_item(l->d, v[LINK_ENDPOINTS], 1) || doc_item(l->d, v[LINK_ENDPOINTS], 2)))
		return doc_fail(l->d, v[LINK_ENDPOINTS] ? v[LINK_ENDPOINTS] : n, "a link has endpoints: [\"HOST:INTERFACE\", \"NETWORK\"]");
	for (size_t i = 0; i < 2 && r == 0; i++) {
		k.end_at[i] = doc_item(l->d, v[LINK_ENDPOINTS], i);
		r = load_endpoint(l, k.end_at[i], &k.end[i]);
	}
	if (r == 0) r = load_netem(l, v, &k.out);
	k.in = k.out;
	if (r == 0 && v[LINK_OUT]) r = load_direction(l, v[LINK_OUT], &k.out);
	if (r == 0 && v[LINK_IN]) r = load_direction(l, v[LINK_IN], &k.in);
	if (r == 0 && v[LINK_MTU]) r = link_mtu_check(l, v[LINK_MTU]);
	if (r == 0 && v[LINK_NAME] && !doc_text(v[LINK_NAME])) return doc_fail(l->d, v[LINK_NAME], "a name is expected here");
	return r < 0 ? r : link_add(l, &k);
}

/* ---- the whole ---- */

static int load_links(struct load *l, yaml_node_t *n)
{
	yaml_node_t *link;
	int r = 0;

	if (n->type != YAML_SEQUENCE_NODE) return doc_fail(l->d, n, "links is a list: - endpoints: [\"HOST:INTERFACE\", \"NETWORK\"]");
	for (size_t i = 0; r == 0 && (link = doc_item(l->d, n, i)) != NULL; i++) r = load_link(l, link);
	return r;
}

static int load_all(struct load *l, yaml_node_t *const *v)
{
	yaml_node_t *root = doc_root(l->d), *name = v[TOPO_NAME];
	int r = 0;

	if (name) {
		if (!doc_text(name) || !topo_name_ok(doc_text(name)))
			return doc_fail(l->d, name, "a name is letters, digits, - _ and ., at most %d of them", TOPO_NAME_MAX - 1);
		snprintf(l->t->name, sizeof l->t->name, "%s", doc_text(name));
	}
	if (!v[TOPO_HOSTS]) return doc_fail(l->d, root, "a topology names its hosts");
	r = doc_named(l->d, v[TOPO_HOSTS], "host", load_host, l);
	if (r == 0 && v[TOPO_NETWORKS]) r = doc_named(l->d, v[TOPO_NETWORKS], "network", load_network, l);
	if (r == 0 && v[TOPO_LINKS]) r = load_links(l, v[TOPO_LINKS]);
	if (r == 0 && l->t->n_hosts == 0) return doc_fail(l->d, v[TOPO_HOSTS], "there is no host");
	return r == 0 ? doc_place(l->d, v[TOPO_HOSTS], topo_check_settings(l->t, &l->d->err)) : r;
}

int topo_from_doc(struct topo *t, struct doc *d, yaml_node_t *const *v)
{
	struct load l = {t, d, TOPO_NONE};
	char plan_err[200] = "";
	int r;

	topo_init(t, "");
	r = load_all(&l, v);
	if (r == 0) r = topo_plan(t, plan_err, sizeof plan_err);
	if (r == -EINVAL && plan_err[0]) r = doc_fail(d, doc_root(d), "%s", plan_err);
	if (r < 0) topo_free(t);
	return r;
}

int topo_load_text(struct topo *t, const char *name, const char *text, size_t len, char *err, size_t err_size)
{
	static const char *const keys[] = {TOPO_KEYS};
	yaml_node_t *v[TOPO_KEY_COUNT];
	struct doc d;
	int r = doc_parse(&d, name, text, len, err, err_size);

	if (r < 0) return r;
	r = doc_keys(&d, doc_root(&d), keys, TOPO_KEY_COUNT, v);
	if (r == 0) r = topo_from_doc(t, &d, v);
	doc_free(&d);
	return r;
}

void topo_name_from_path(struct topo *t, const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;

	if (t->name[0]) return;
	snprintf(t->name, sizeof t->name, "%.*s", (int)strcspn(base, "."), base);
	if (!topo_name_ok(t->name)) snprintf(t->name, sizeof t->name, "net");
}

int topo_load(struct topo *t, const char *path, char *err, size_t err_size)
{
	char *text;
	size_t len;
	int r = doc_read(path, &text, &len, err, err_size);

	if (r < 0) return r;
	r = topo_load_text(t, path, text, len, err, err_size);
	if (r == 0) topo_name_from_path(t, path);
	free(text);
	return r;
}
