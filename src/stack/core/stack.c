/*
 * One virtual host: its birth and end, its timers, and the way in for frames.
 *
 *     stack_receive -> Ethernet type or IP version -> arp_receive, ip4_receive, ip6_receive
 *     stack_advance -> timers in order of due time; those due together in the order they were set
 *
 * Everything else hangs off struct stack and is made here, in the order in which parts need each other.
 */
#include "stack/core/stack.h"
#include <net/if.h>
#include <stdlib.h>
#include "stack/core/netif.h"
#include "stack/core/rule.h"
#include "stack/core/sysctl.h"
#include "stack/inet/inet.h"
#include "stack/inet/ip.h"
#include "stack/inet/mib.h"
#include "stack/inet/neigh.h"
#include "stack/mroute/mroute.h"
#include "stack/netlink/netlink.h"
#include "stack/packet/tap.h"
#include "stack/mptcp/mptcp.h"
#include "stack/sctp/sctp.h"
#include "stack/socket/sock.h"
#include "stack/tcp/tcp.h"
#include "stack/unix/unix.h"
#include "wire/wire.h"

struct stack *stack_new(const char *name, const struct host_ops *ops, void *host, time_ns now)
{
	struct stack *s = calloc(1, sizeof *s);

	if (!s) return NULL;
	s->ops = ops;
	s->host = host;
	s->now = now;
	strncpy(s->name, name, sizeof s->name - 1);
	heap_init(&s->timers);
	list_init(&s->netifs);
	list_init(&s->netifs_gone);
	list_init(&s->socks);
	list_init(&s->taps);
	s->next_ifindex = 1;
	ops->random(host, &s->secret, sizeof s->secret);
	s->sysctl = sysctl_new();
	if (s->sysctl) s->sysctl->stack = s;
	s->mib = calloc(1, sizeof *s->mib);
	if (!s->sysctl || !s->mib || route_table_new(s) < 0 || route_memos_new(s) < 0 || rules_new(s) < 0 || inet_new(s) < 0 || mroute_new(s) < 0 ||
	    tcp_new(s) < 0 || mptcp_new(s) < 0 || sctp_new(s) < 0 || netlink_new(s) < 0 || unix_new(s) < 0) {
		stack_free(s);
		return NULL;
	}
	return s;
}

static void mute_transmit(void *host, struct netif *nif, struct packet *p)
{
	(void)host, (void)nif;
	packet_free(p);
}

static void mute_ready(void *host, struct sock *sk)
{
	(void)host, (void)sk;
}

static void mute_random(void *host, void *buf, size_t len)
{
	(void)host;
	memset(buf, 0, len);
}

/* What the parts of a stack that ends talk to: the world hears nothing of it. */
static const struct host_ops mute_ops = {.transmit = mute_transmit, .ready = mute_ready, .random = mute_random};

static void close_sockets(struct stack *s)
{
	list_each(struct sock, sk, &s->socks, node)
		sk->linger = (struct linger){.l_onoff = 1};
	for (;;) {
		struct sock *open = NULL;
		list_each(struct sock, sk, &s->socks, node) {
			if (sk->closed) continue;
			open = sk;
			break;
		}
		if (!open) return;
		sock_close(open);
	}
}

void stack_free(struct stack *s)
{
	if (!s) return;
	netif_devices_end(s);
	s->ops = &mute_ops;
	close_sockets(s);
	if (s->netlink) netlink_free(s);
	if (s->unix_stack) unix_free(s);
	if (s->sctp) sctp_free(s);
	if (s->mptcp) mptcp_free(s);
	if (s->tcp) tcp_free(s);          /* what lingers: TIME-WAIT and the like */
	while (!list_empty(&s->socks))
		sock_free(list_first(&s->socks, struct sock, node));
	while (!list_empty(&s->netifs))
		netif_remove(list_first(&s->netifs, struct netif, node));
	if (s->mroute) mroute_free(s);
	if (s->inet) inet_free(s);
	netif_free_gone(s);
	if (s->routes) route_table_free(s);
	route_memos_free(s);
	if (s->rules) rules_free(s);
	free(s->sysctl);
	free(s->mib);
	heap_free(&s->timers);
	free(s);
}

/* ---- frames ---- */

static void receive_ip(struct stack *s, struct packet *p, unsigned version)
{
	if (version == 4)
		ip4_receive(s, p);
	else if (version == 6)
		ip6_receive(s, p);
	else
		stack_drop(s, p, DROP_IP_BAD);
}

/* What the addresses of a frame say about it: whether it is for us, and whether others got it too. */
static enum drop_reason classify_frame(const struct netif *nif, const struct eth_hdr *eth, struct packet *p)
{
	if (memcmp(&eth->dst, &mac_bcast, sizeof mac_bcast) == 0)
		p->broadcast = true;
	else if (eth->dst.b[0] & 1)
		p->multicast = true;      /* every group passes here; the IP layer knows which ones are ours */
	else if (memcmp(&eth->dst, &nif->mac, sizeof nif->mac) != 0)
		return DROP_ETH_OTHERHOST;
	return eth->src.b[0] & 1 ? DROP_ETH_SOURCE : DROP_NONE;
}

static void receive_ethernet(struct stack *s, struct netif *nif, struct packet *p)
{
	struct eth_hdr eth;
	enum drop_reason why;
	int len;

	if (p->headed) packet_push(p, ETH_HDR_LEN);
	p->headed = false;
	len = eth_parse(&eth, p->data, p->len);
	if (len < 0) {
		stack_drop(s, p, DROP_ETH_SHORT);
		return;
	}
	why = classify_frame(nif, &eth, p);
	if (why != DROP_NONE) {
		stack_drop(s, p, why);
		return;
	}
	p->mac_off = packet_off(p);
	packet_pull(p, (size_t)len);
	switch (eth.type) {
	case ETH_TYPE_IP4: receive_ip(s, p, 4); break;
	case ETH_TYPE_IP6: receive_ip(s, p, 6); break;
	case ETH_TYPE_ARP: arp_receive(s, p); break;
	default: stack_drop(s, p, DROP_ETH_TYPE);
	}
}

void stack_receive(struct stack *s, struct netif *nif, struct packet *p)
{
	p->netif = nif;
	p->when = s->now;
	p->mac_off = p->net_off = p->trans_off = 0;
	p->broadcast = p->multicast = p->forwarded = p->looped = p->anycast = false;
	p->said_protocol = 0;
	/* A device has counted what it got itself. */
	if (!nif->ops) {
		nif->rx_packets++;
		nif->rx_bytes += p->len;
	}
	if (nif->flags & IFF_UP) packet_tap_in(nif, p);
	if (!(nif->flags & IFF_UP))
		stack_drop(s, p, DROP_NETIF_DOWN);
	else if (nif->kind == NETIF_ETHERNET || p->headed)
		receive_ethernet(s, nif, p);
	else
		receive_ip(s, p, p->len ? p->data[0] >> 4 : 0);
}

void stack_drop(struct stack *s, struct packet *p, enum drop_reason why)
{
	if (!p) return;
	s->drops[why]++;
	mib_dropped(s, p, why);
	if (p->netif) p->netif->rx_dropped++;
	if (s->ops->trace) s->ops->trace(s->host, why, p);
	packet_free(p);
}

void stack_ways_changed(struct stack *s, struct netif *nif)
{
	s->ways++;
	if (s->ops->changed) s->ops->changed(s->host, nif);
}

/* ---- time ---- */

void stack_advance(struct stack *s, time_ns now)
{
	uint64_t limit = s->timers.next_order;

	stack_set_now(s, now);
	/* Timers set from here on wait for the next call, also when they are due already: so one call always ends. */
	while (heap_min_due(&s->timers) <= s->now && heap_min_order(&s->timers) < limit) {
		struct timer *t = container_of(heap_min(&s->timers), struct timer, node);
		heap_remove(&s->timers, &t->node);
		t->fire(t);
	}
}

time_ns stack_deadline(const struct stack *s) { return heap_min_due(&s->timers); }

void timer_set(struct stack *s, struct timer *t, time_ns due)
{
	/* Fails only when not even eight octets more can be had: the owner then finds its timer not set. */
	(void)heap_insert(&s->timers, &t->node, due);
}

void timer_clear(struct stack *s, struct timer *t)
{
	heap_remove(&s->timers, &t->node);
}

/* ---- chance ---- */

uint32_t stack_random32(struct stack *s)
{
	uint32_t r = 0;

	s->ops->random(s->host, &r, sizeof r);
	return r;
}

uint64_t stack_hash(const struct stack *s, const void *data, size_t len)
{
	return siphash(&s->secret, data, len);
}
