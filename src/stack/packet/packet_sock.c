/* Packet sockets: life and names. */
#include "stack/packet/fanout.h"
#include <errno.h>
#include <net/if.h>
#include <sys/epoll.h>
#include "stack/core/sysctl.h"
#include "stack/inet/inet_private.h"
#include "stack/inet/raw.h"
#include "stack/socket/family.h"

#define ADDR_LEN 6                     /* of Ethernet, and of loopback */
#define LL_LEN_MIN offsetof(struct sockaddr_ll, sll_addr)

/* The kernel's protocol is a big-endian number from the first, so that socket(2) asks for htons(ETH_P_ALL). */
int packet_init(struct sock *sk)
{
	struct packet_sock *ps = packet_of(sk);
	uint16_t be = sk->protocol;

	ps->protocol = read16((const uint8_t *)&be);
	sk->protocol = 0;
	list_init(&ps->queue);
	list_init(&ps->memberships);
	list_init(&ps->fanout_node);
	list_append(&sk->stack->taps, &ps->node);
	return 0;
}

void packet_close(struct sock *sk)
{
	struct packet_sock *ps = packet_of(sk);

	fanout_leave(ps);
	pring_free(&ps->rx);
	pring_free(&ps->tx);
	packet_flush(ps);
	packet_memberships_free(ps);
	list_remove(&ps->node);
	sock_free(sk);
}

static int packet_bind(struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct packet_sock *ps = packet_of(sk);
	struct netif *nif = NULL;
	struct sockaddr_ll ll;

	if (len < sizeof ll) return -EINVAL;
	memcpy(&ll, a, sizeof ll);
	if (ll.sll_family != AF_PACKET || ps->fanout) return -EINVAL;
	if (ll.sll_ifindex && !(nif = netif_by_index(sk->stack, ll.sll_ifindex))) return -ENODEV;
	ps->ifindex = ll.sll_ifindex;
	if (ll.sll_protocol) ps->protocol = read16((const uint8_t *)&ll.sll_protocol);
	if (nif && !(nif->flags & IFF_UP)) sock_set_error(sk, ENETDOWN);
	return 0;
}

void packet_netif_down(const struct netif *nif, bool gone)
{
	list_each(struct packet_sock, ps, &nif->stack->taps, node) {
		if (ps->ifindex != nif->index) continue;
		if (gone) ps->ifindex = -1;
		sock_set_error(&ps->sk, ENETDOWN);
	}
}

static int packet_name_of(const struct sock *sk, bool peer, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	const struct packet_sock *ps = (const struct packet_sock *)sk;
	const struct netif *nif = ps->ifindex ? netif_by_index(sk->stack, ps->ifindex) : NULL;
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_ifindex = ps->ifindex};

	if (peer) return -EOPNOTSUPP;
	write16((uint8_t *)&ll.sll_protocol, ps->protocol);
	if (nif) {
		ll.sll_hatype = netif_hatype(nif);
		ll.sll_halen = nif->kind == NETIF_RAW_IP ? 0 : ADDR_LEN;
		memcpy(ll.sll_addr, &nif->mac, ll.sll_halen);
	}
	memcpy(ret, &ll, sizeof ll);
	*ret_len = (socklen_t)(LL_LEN_MIN + ll.sll_halen);
	return 0;
}

uint32_t packet_poll(const struct sock *sk)
{
	const struct packet_sock *ps = (const struct packet_sock *)sk;
	uint32_t ev = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;

	if (sk->err) ev |= EPOLLERR;
	if (!list_empty(&ps->queue) || pring_is_readable(ps)) ev |= EPOLLIN | EPOLLRDNORM;
	return ev;
}

/* ---- the family ---- */

static const struct sockopt *const option_tables[] = {packet_options, NULL};

const struct sock_ops packet_ops = {
	.name = "PACKET",
	.size = sizeof(struct packet_sock),
	.datagram = true,
	.init = packet_init,
	.close = packet_close,
	.bind = packet_bind,
	.send = packet_send,
	.recv = packet_recv,
	.poll = packet_poll,
	.name_of = packet_name_of,
	.ioctl = packet_ioctl,
	.options = option_tables,
};

/* packet(7): CAP_NET_RAW, before type and protocol are looked at. */
int packet_choose(struct stack *s, int type, int *protocol, const struct sock_ops **ret)
{
	(void)protocol;
	if (!s->sysctl->privileged) return -EPERM;
	if (type != SOCK_RAW && type != SOCK_DGRAM && type != SOCK_PACKET) return -ESOCKTNOSUPPORT;
	*ret = type == SOCK_PACKET ? &packet_old_ops : &packet_ops;
	return 0;
}

bool stack_is_watched(const struct stack *s)
{
	if (!list_empty(&s->taps)) return true;
	list_each(const struct raw_sock, rs, &s->inet->raws, node)
		if (rs->ds.is.sk.protocol == IPPROTO_TCP || rs->ds.is.sk.protocol == IPPROTO_UDP) return true;
	return false;
}
