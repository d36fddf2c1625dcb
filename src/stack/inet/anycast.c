/*
 * Anycast addresses: sockets join them, the interface has them as long as one does, with a local route and the solicited-node group by which neighbours ask
 * for them. A host may join what its own prefixes cover, a router anything.
 *
 * Read first: RFC 4291 §2.6, RFC 4861 §7.2.7.
 */
#include "stack/inet/anycast.h"
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include "stack/core/route.h"
#include "stack/core/sysctl.h"
#include "stack/inet/inet_private.h"
#include "stack/socket/option.h"

#define JOINS_MAX 1024                     /* of one socket */
#define ADDRS_MAX 1024                     /* of the host: each packet that is nobody's is held against all */

struct anycast_join { struct anycast_join *next; struct anycast *of; };

static struct inet_sock *inet_of(struct sock *sk) { return (struct inet_sock *)sk; }

const struct list *anycast_list(const struct stack *s) { return &s->inet->anycasts; }

static struct anycast *find(const struct stack *s, const struct netif *nif, const struct addr *a)
{
	list_each(struct anycast, c, &s->inet->anycasts, node)
		if ((!nif || c->netif == nif) && !netif_is_gone(c->netif) && addr_eq(&c->addr, a)) return c;
	return NULL;
}

bool anycast_has(const struct stack *s, const struct netif *nif, const struct addr *a) { return find(s, nif, a); }

/* ---- the interface's ---- */

static struct route route_of(const struct anycast *c)
{
	return (struct route){.dst = c->addr, .plen = 128, .netif = c->netif, .type = RTN_ANYCAST, .table = RT_TABLE_LOCAL, .protocol = RTPROT_KERNEL};
}

static int begin(struct stack *s, struct netif *nif, const struct addr *a, struct anycast **ret)
{
	struct addr group = addr_solicited_node(a);
	struct anycast *c;
	struct route r;
	uint32_t n = 0;
	int err;

	list_each(struct anycast, other, &s->inet->anycasts, node) n += other != NULL;
	c = n < ADDRS_MAX ? calloc(1, sizeof *c) : NULL;
	if (!c) return -ENOMEM;
	*c = (struct anycast){.netif = nif, .addr = *a, .member = {.exclude = true}};
	list_init(&c->member.of_group);
	err = netif_group_join(nif, &group, &c->member);
	if (err < 0) {
		free(c);
		return err;
	}
	r = route_of(c);
	route_add(s, &r, NULL);            /* where a program has made the same route, that one serves */
	list_append(&s->inet->anycasts, &c->node);
	*ret = c;
	return 0;
}

static void end_if_unused(struct stack *s, struct anycast *c)
{
	struct addr group = addr_solicited_node(&c->addr);
	struct route r = route_of(c);

	if (c->users) return;
	route_del(s, &r);
	netif_group_leave(c->netif, &group, &c->member);
	list_remove(&c->node);
	free(c);
}

/* ---- the sockets' ---- */

static bool is_covered(const struct netif *nif, const struct addr *a)
{
	list_each(const struct netif_addr, ia, &nif->addrs, node)
		if (!addr_is_v4(&ia->addr) && addr_in_prefix(a, &ia->addr, ia->plen)) return true;
	return false;
}

/* Where the program names no interface: the one by which the address is reached. */
static int choose_netif(struct stack *s, const struct addr *a, struct netif **ret)
{
	const struct anycast *there = find(s, NULL, a);
	struct route_hop hop;

	if (there) {
		*ret = there->netif;
		return 0;
	}
	if (route_lookup(s, a, NULL, NULL, &hop) == 0 && !(hop.netif->flags & IFF_LOOPBACK)) {
		*ret = hop.netif;
		return 0;
	}
	if (!s->sysctl->all.forwarding6) return -EADDRNOTAVAIL;
	list_each(struct netif, nif, &s->netifs, node)
		if (nif->flags & IFF_UP && !(nif->flags & IFF_LOOPBACK)) return *ret = nif, 0;
	return -ENODEV;
}

static int join(struct inet_sock *is, const struct addr *a, int ifindex)
{
	struct stack *s = is->sk.stack;
	struct netif *nif = ifindex ? netif_by_index(s, ifindex) : NULL;
	struct anycast_join *j;
	struct anycast *c;
	uint32_t n = 0;
	int r;

	if (!sock_is_privileged(&is->sk)) return -EPERM;
	if (addr_is_multicast(a) || addr_is_v4(a) || netif_addr_find(s, a, NULL)) return -EINVAL;
	r = ifindex ? (nif ? 0 : -ENODEV) : choose_netif(s, a, &nif);
	if (r < 0) return r;
	if (!is_covered(nif, a) && !s->sysctl->all.forwarding6) return -EADDRNOTAVAIL;
	for (j = is->anycasts; j; j = j->next) n++;
	j = n < JOINS_MAX ? malloc(sizeof *j) : NULL;
	if (!j) return -ENOMEM;
	c = find(s, nif, a);
	r = c ? 0 : begin(s, nif, a, &c);
	if (r < 0) {
		free(j);
		return r;
	}
	c->users++;
	*j = (struct anycast_join){.next = is->anycasts, .of = c};
	is->anycasts = j;
	return 0;
}

static void leave_one(struct inet_sock *is, struct anycast_join **at)
{
	struct anycast_join *j = *at;

	*at = j->next;
	j->of->users--;
	end_if_unused(is->sk.stack, j->of);
	free(j);
}

static int leave(struct inet_sock *is, const struct addr *a, int ifindex)
{
	for (struct anycast_join **at = &is->anycasts; *at; at = &(*at)->next) {
		const struct anycast *c = (*at)->of;
		if ((ifindex && c->netif->index != ifindex) || !addr_eq(&c->addr, a)) continue;
		leave_one(is, at);
		return 0;
	}
	return -ENOENT;
}

void anycast_leave_all(struct inet_sock *is)
{
	while (is->anycasts) leave_one(is, &is->anycasts);
}

/* ---- the options ---- */

static int change(struct sock *sk, const void *val, int (*how)(struct inet_sock *, const struct addr *, int ifindex))
{
	struct ipv6_mreq m;
	struct addr a;

	memcpy(&m, val, sizeof m);
	a = addr_v6_octets(m.ipv6mr_multiaddr.s6_addr);
	return how(inet_of(sk), &a, (int)m.ipv6mr_interface);
}

int anycast_set_join(struct sock *sk, const void *val, socklen_t len) { return (void)len, change(sk, val, join); }
int anycast_set_leave(struct sock *sk, const void *val, socklen_t len) { return (void)len, change(sk, val, leave); }
