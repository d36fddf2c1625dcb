/*
 * What the net is and does, as records for whoever formats them (the command line's `show`): a line each, a kind and its fields, separated by tabs.
 *
 *     conn ⇥ host=web ⇥ program=nginx ⇥ pid#4711 ⇥ direct?0        = a text, # a number, ? no or yes
 *
 * An answer holds as many records as fit; "more ⇥ from#N" at its end says with which one the next `show KIND N` begins. Texts have neither tabs
 * nor line ends: names of a topology can't, and what programs call themselves was cleaned when it came.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include "engine/private.h"
#include "host/process.h"

#define RECORD_MAX ((size_t)70000)   /* a cut may name every host */

bool page_takes(struct page *p)
{
	if (p->full || p->at < p->from) {
		if (!p->full) p->at++;
		return false;
	}
	p->full = p->t->len > p->t->size - RECORD_MAX;
	if (!p->full) p->at++;
	return !p->full;
}

/* ---- the topology as it is now ---- */

static const char *prefix_text(char *buf, const struct topo_addr *a)
{
	*buf = 0;
	if (a->plen == 0) return buf;
	addr_text(buf, &a->addr);
	sprintf(buf + strlen(buf), "/%u", a->plen);
	return buf;
}
#define PREFIX_TEXT_MAX (ADDR_TEXT_MAX + 8)

static void show_impairment(struct text *t, const char *key, const struct impairment *i)
{
	char buf[256];
	if (!i || impair_is_clear(i)) return;
	impair_text(i, buf, sizeof buf);
	text_add(t, "\t%s=%s", key, buf);
}

static void show_interfaces(struct engine *e, struct page *p)
{
	char v4[PREFIX_TEXT_MAX], v6[PREFIX_TEXT_MAX];
	for (size_t i = 0; i < e->topo->n_ifs; i++) {
		const struct topo_if *ti = &e->topo->ifs[i];
		const struct port *port = &e->ports[i];
		if (!page_takes(p)) continue;
		text_add(p->t, "if\thost=%s\tname=%s\tnetwork=%s\tv4=%s\tv6=%s\tmtu#%u", e->topo->hosts[ti->host].name, ti->name,
			 e->topo->networks[ti->network].name, prefix_text(v4, &ti->v4), prefix_text(v6, &ti->v6), ti->mtu_bytes);
		show_impairment(p->t, "out", net_impairment(port->link, port->nif));
		show_impairment(p->t, "in", net_impairment_in(port->link, port->nif));
		text_add(p->t, "\n");
	}
}

static void show_programs(struct engine *e, struct page *p)
{
	list_each(struct client, c, &e->clients, node) {
		uint64_t started = 0;
		if (c == p->asker || !page_takes(p)) continue;
		process_started(c->pid, &started);
		text_add(p->t, "program\thost=%s\tname=%s\tpid#%d\tstarted#%" PRIu64 "\n", e->topo->hosts[c->host].name, c->name, (int)c->pid, started);
	}
}

static void show_net(struct engine *e, struct page *p)
{
	const struct topo *topo = e->topo;
	char v4[PREFIX_TEXT_MAX], v6[PREFIX_TEXT_MAX];
	if (page_takes(p)) text_add(p->t, "net\tname=%s\tseed#%" PRIu64 "\n", topo->name, e->config->seed);
	for (size_t i = 0; i < topo->n_hosts; i++)
		if (page_takes(p))
			text_add(p->t, "host\tname=%s\trouter?%d\tretransmits#%" PRIu64 "\n", topo->hosts[i].name, topo->hosts[i].router,
				 net_stack(net_host_at(e->net, i))->tcp_retransmits);
	for (size_t i = 0; i < topo->n_networks; i++) {
		const struct topo_network *n = &topo->networks[i];
		if (!page_takes(p)) continue;
		text_add(p->t, "network\tname=%s\tswitch?%d\tv4=%s\tv6=%s\n", n->name, n->is_switch, prefix_text(v4, &n->v4), prefix_text(v6, &n->v6));
	}
	show_interfaces(e, p);
	for (size_t i = 0; i < topo->n_trunks; i++) {
		const struct topo_trunk *k = &topo->trunks[i];
		if (!page_takes(p)) continue;
		text_add(p->t, "trunk\tname=%s\ta=%s\tb=%s", k->name, topo->networks[k->a].name, topo->networks[k->b].name);
		show_impairment(p->t, "impairment", net_impairment(net_find_link(e->net, k->name), NULL));
		text_add(p->t, "\n");
	}
	faults_show(e, p);
	flaps_show(e, p);
	show_programs(e, p);
}

static void show_direction(const struct net_link *l, unsigned end, struct text *t)
{
	const struct link_counts *c = net_link_counts(l, end);
	uint64_t dropped = 0;
	char from[64];
	for (int why = 0; why < DROP_COUNT; why++) dropped += c->dropped[why];
	net_link_end_text(l, end, from, sizeof from);
	text_add(t, "link\tname=%s\tfrom=%s\tpackets#%" PRIu64 "\toctets#%" PRIu64 "\tdelivered#%" PRIu64 "\tduplicated#%" PRIu64
		 "\tcorrupted#%" PRIu64 "\treordered#%" PRIu64 "\tmarked#%" PRIu64 "\twaiting#%" PRIu32 "\tdropped#%" PRIu64,
		 net_link_name(l), from, c->packets, c->octets, c->delivered, c->duplicated, c->corrupted, c->reordered, c->marked,
		 net_link_waiting(l, end), dropped);
	for (int why = 0; why < DROP_COUNT; why++)
		if (c->dropped[why]) text_add(t, "\t%s#%" PRIu64, drop_name(why), c->dropped[why]);
	text_add(t, "\n");
}

/* What each direction of a cable did; loopbacks and switches' own entries are left out. */
static void show_links(struct engine *e, struct page *p)
{
	for (struct net_link *l = NULL; (l = net_link_next(e->net, l));) {
		if (net_link_ends(l) != 2) continue;
		for (unsigned i = 0; i < 2; i++)
			if (page_takes(p)) show_direction(l, i, p->t);
	}
}

/* ---- sockets ---- */

static const char *end_text(char *buf, size_t size, const struct sock *sk, int (*get)(const struct sock *, struct sockaddr_storage *, socklen_t *))
{
	struct sockaddr_storage a = {0};
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a;
	socklen_t len = sizeof a;
	char host[INET6_ADDRSTRLEN] = "";
	*buf = 0;
	if (get(sk, &a, &len) < 0) return buf;
	if (a.ss_family == AF_INET) inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host), snprintf(buf, size, "%s:%u", host, ntohs(v4->sin_port));
	if (a.ss_family == AF_INET6) inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host), snprintf(buf, size, "[%s]:%u", host, ntohs(v6->sin6_port));
	return buf;
}

/* Octets received and not read, sent and not acknowledged, wherever they wait: as `ss` shows them. */
static void show_queues(struct engine *e, struct sock *sk, struct text *t)
{
	struct esock *es = sk->user;
	int in = 0, out = 0;
	sock_ioctl(sk, SIOCINQ, &in, sizeof in);
	sock_ioctl(sk, SIOCOUTQ, &out, sizeof out);
	if (es && es->stream) {
		in += (int)rx_used(&e->pool, &es->rx);
		out += (int)(tx_pending(&e->pool, &es->tx) + direct_ahead(e, es));
	}
	text_add(t, "\trecvq#%d\tsendq#%d", in, out);
}

static void show_tcp(struct engine *e, struct sock *sk, struct text *t)
{
	static const char *const states[] = {"", "ESTABLISHED", "SYN-SENT", "SYN-RECEIVED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSED",
					     "CLOSE-WAIT", "LAST-ACK", "LISTEN", "CLOSING"};
	const struct esock *es = sk->user;
	bool direct = es && es->peer && es->flow == FLOW_DIRECT && es->peer->flow == FLOW_DIRECT;
	struct tcp_info i = {0};
	socklen_t len = sizeof i;
	sock_getsockopt(sk, IPPROTO_TCP, TCP_INFO, &i, &len);
	if (es && es->stream) direct_info(e, es, &i);
	text_add(t, "\tstate=%s", i.tcpi_state < ARRAY_SIZE(states) ? states[i.tcpi_state] : "?");
	if (sk->listening) {
		text_add(t, "\trecvq#%u\tsendq#%u", i.tcpi_unacked, i.tcpi_sacked);   /* connections that wait, and how many may */
		return;
	}
	show_queues(e, sk, t);
	text_add(t, "\tdirect?%d\trtt_us#%u\trttvar_us#%u\tcwnd#%u\tretransmits#%u", direct, i.tcpi_rtt, i.tcpi_rttvar, i.tcpi_snd_cwnd,
		 i.tcpi_total_retrans);
	text_add(t, "\tsent#%" PRIu64 "\treceived#%" PRIu64, (uint64_t)i.tcpi_bytes_sent, (uint64_t)i.tcpi_bytes_received);
}

static void show_sock(struct engine *e, size_t host, struct sock *sk, struct text *t)
{
	const struct esock *es = sk->user;
	char local[64], peer[64];
	text_add(t, "conn\thost=%s\tprotocol=%s", e->topo->hosts[host].name, sk->ops->name);
	if (es && !es->orphan) text_add(t, "\tprogram=%s\tpid#%d", es->of.client->name, (int)es->of.client->pid);
	text_add(t, "\tlocal=%s\tpeer=%s", end_text(local, sizeof local, sk, sock_getsockname), end_text(peer, sizeof peer, sk, sock_getpeername));
	if (sk->protocol == IPPROTO_TCP) {
		show_tcp(e, sk, t);
	} else {
		text_add(t, "\tstate=%s", *peer ? "CONNECTED" : "OPEN");
		show_queues(e, sk, t);
	}
	text_add(t, "\n");
}

static void show_conns(struct engine *e, struct page *p)
{
	for (size_t i = 0; i < net_host_count(e->net); i++)
		list_each(struct sock, sk, &net_stack(net_host_at(e->net, i))->socks, node) {
			if (sk->domain != AF_INET && sk->domain != AF_INET6) continue;
			const struct esock *es = sk->user;
			if ((es && es->spare) || !page_takes(p)) continue;
			engine_enter(e, sk);
			show_sock(e, i, sk, p->t);
		}
}

/* ---- the engine ---- */

static size_t list_count(const struct list *l)
{
	size_t n = 0;
	for (const struct list *at = l->next; at != l; at = at->next) n++;
	return n;
}

/* Of the engine's sockets, those that nobody uses. */
static void count_spares(struct engine *e, size_t *ret_socks, size_t *ret_stack_socks)
{
	*ret_socks = *ret_stack_socks = 0;
	each_esock(e, es) {
		*ret_socks += es->spare;
		*ret_stack_socks += es->spare && es->sk;
	}
}

/* What is in use: after everything that used it has gone, the figures are those of before. */
static void show_counts(struct engine *e, struct page *p)
{
	size_t bells = 0, stack_socks = 0, spare_socks, spare_stack_socks;
	sets_sweep(e);
	for (size_t i = 1; i < BELL_MAX; i++) bells += e->bells[i] != NULL;
	for (size_t i = 0; i < net_host_count(e->net); i++) stack_socks += list_count(&net_stack(net_host_at(e->net, i))->socks);
	count_spares(e, &spare_socks, &spare_stack_socks);
	const struct { const char *name; size_t n; } counts[] = {
		{"clients", list_count(&e->clients)}, {"sockets", e->stocks[STOCK_CHANNELS].in_use - spare_socks},
		{"stack sockets", stack_socks - spare_stack_socks},
		{"segments", e->pool.in_use}, {"bells", bells},
	};
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		if (page_takes(p)) text_add(p->t, "count\tname=%s\tvalue#%zu\n", counts[i].name, counts[i].n);
}

static const struct { const char *name; void (*show)(struct engine *, struct page *); } kinds[] = {
	{"net", show_net}, {"programs", show_programs}, {"links", show_links}, {"conns", show_conns}, {"refused", refused_show}, {"log", engine_log_show},
	{"counts", show_counts}, {"faults", call_faults_show},
};

int show(struct engine *e, const struct client *asker, size_t n, char **words, struct text *t)
{
	struct page p = {.t = t, .asker = asker, .from = n > 1 ? strtoul(words[1], NULL, 10) : 0};
	for (size_t i = 0; n > 0 && i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].name, words[0]) != 0) continue;
		kinds[i].show(e, &p);
		if (p.full) text_add(t, "more\tfrom#%zu\n", p.at);
		return 0;
	}
	text_add(t, "there is nothing called %s to show\n", n > 0 ? words[0] : "that");
	return -EINVAL;
}
