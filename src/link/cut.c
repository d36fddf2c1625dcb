/*
 * Cuts: a cut puts some hosts on sides, and nothing passes between hosts of different sides until it is healed.
 *
 * A frame is judged where it would enter a host, twice. By its hop: the host that put it on the wire and the one that is
 * about to get it; that covers neighbours on a pair or behind switches, and all protocols. And by the owners of its IP
 * source and destination, which covers sides that are joined by a router that stands on neither:
 *
 *     A ──── router ──── B        `cut A / B`: neither hop joins two sides, the datagram's ends do
 *
 * A one-way cut goes by the datagram's ends alone: ARP and neighbour discovery pass, or nobody could send the other way either.
 *
 * Addresses are asked of the hosts' interfaces at that moment, so that one added after the cut counts as well; only the
 * cut's own hosts are asked. Frames already under way when a cut begins do not arrive either.
 */
#include "link/private.h"
#include "wire/wire.h"
#include <errno.h>
#include <stdlib.h>

struct cut { struct list node; uint32_t id; bool one_way; size_t n_hosts; uint8_t sides[]; };

static int cut_add(struct net *n, const uint8_t *sides, size_t n_hosts, bool one_way, uint32_t *ret_id)
{
	struct cut *c = malloc(sizeof *c + n_hosts);
	if (!c) return -ENOMEM;
	c->id = ++n->last_cut;
	c->one_way = one_way;
	c->n_hosts = n_hosts;
	memcpy(c->sides, sides, n_hosts);
	list_append(&n->cuts, &c->node);
	*ret_id = c->id;
	return 0;
}

int net_cut(struct net *n, const uint8_t *sides, size_t n_hosts, uint32_t *ret_id) { return cut_add(n, sides, n_hosts, false, ret_id); }
int net_cut_one_way(struct net *n, const uint8_t *sides, size_t n_hosts, uint32_t *ret_id) { return cut_add(n, sides, n_hosts, true, ret_id); }

void net_heal(struct net *n, uint32_t id)
{
	list_each (struct cut, c, &n->cuts, node) {
		if (id != 0 && c->id != id) continue;
		list_remove(&c->node);
		free(c);
	}
}

static uint8_t side_of_host(const struct cut *c, const struct net_host *h) { return h->index < c->n_hosts ? c->sides[h->index] : 0; }

static uint8_t side_of_addr(const struct net *n, const struct cut *c, const struct addr *a)
{
	for (size_t i = 0; i < c->n_hosts && i < n->n_hosts; i++)
		if (c->sides[i] && netif_addr_find(n->hosts[i]->stack, a, NULL)) return c->sides[i];
	return 0;
}

static bool apart(const struct cut *c, uint8_t from, uint8_t to) { return from && to && (c->one_way ? from < to : from != to); }

/* RFC 4861 §7.1: hop limit 255, so that it cannot have come through a router. */
static bool is_neighbour_talk(const struct ip6_hdr *h, const uint8_t *body, size_t n)
{
	return h->next == IP_PROTO_ICMP6 && h->hops == 255 && n > 0 && body[0] >= ICMP6_RS && body[0] <= ICMP6_NA;
}

/* The ends of the datagram in a frame; false when there is none, or when it is of a kind that no router forwards. */
static bool datagram_ends(const struct packet *p, struct addr *ret_src, struct addr *ret_dst)
{
	struct eth_hdr eth;
	struct ip4_hdr h4;
	struct ip6_hdr h6;
	if (eth_parse(&eth, p->data, p->len) < 0) return false;
	const uint8_t *ip = p->data + ETH_HDR_LEN;
	size_t n = p->len - ETH_HDR_LEN;
	if (eth.type == ETH_TYPE_IP4 && ip4_parse(&h4, ip, n) >= 0) {
		*ret_src = h4.src;
		*ret_dst = h4.dst;
	} else if (eth.type == ETH_TYPE_IP6 && ip6_parse(&h6, ip, n) >= 0) {
		if (is_neighbour_talk(&h6, ip + IP6_HDR_LEN, n - IP6_HDR_LEN)) return false;
		*ret_src = h6.src;
		*ret_dst = h6.dst;
	} else {
		return false;
	}
	return !addr_is_linklocal(ret_src) && !addr_is_linklocal(ret_dst) && !addr_is_multicast(ret_dst);
}

static bool cut_is_between(const struct net *n, const struct cut *c, const struct net_host *sender, const struct net_host *receiver, const struct addr *src,
		      const struct addr *dst)
{
	if (!c->one_way && apart(c, side_of_host(c, sender), side_of_host(c, receiver))) return true;
	return src && apart(c, side_of_addr(n, c, src), side_of_addr(n, c, dst));
}

bool cut_parts(const struct net *n, const struct net_host *sender, const struct net_host *receiver, const struct addr *src, const struct addr *dst)
{
	list_each (const struct cut, c, &n->cuts, node)
		if (cut_is_between(n, c, sender, receiver, src, dst)) return true;
	return false;
}

bool cut_blocks(const struct net *n, const struct net_host *sender, const struct net_host *receiver, const struct packet *p)
{
	if (list_empty(&n->cuts) || sender == receiver) return false;
	struct addr src, dst;
	bool routed = datagram_ends(p, &src, &dst);
	return cut_parts(n, sender, receiver, routed ? &src : NULL, &dst);
}
