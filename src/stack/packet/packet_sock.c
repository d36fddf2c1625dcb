/* Packet sockets: life, names, sending. */
#include "stack/packet/packet_sock.h"
#include <errno.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <sys/epoll.h>
#include "stack/core/sysctl.h"
#include "stack/inet/inet_private.h"
#include "stack/inet/raw.h"
#include "stack/socket/family.h"

#define ADDR_LEN 6                     /* of Ethernet, and of loopback */
#define LL_LEN_MIN offsetof(struct sockaddr_ll, sll_addr)

/* The kernel's protocol is a big-endian number from the first, so that socket(2) asks for htons(ETH_P_ALL). */
static int packet_init(struct sock *sk)
{
	struct packet_sock *ps = packet_of(sk);
	uint16_t be = sk->protocol;

	ps->protocol = read16((const uint8_t *)&be);
	sk->protocol = 0;
	list_init(&ps->queue);
	list_init(&ps->memberships);
	list_append(&sk->stack->taps, &ps->node);
	return 0;
}

static void packet_close(struct sock *sk)
{
	struct packet_sock *ps = packet_of(sk);

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
	if (ll.sll_family != AF_PACKET) return -EINVAL;
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

static uint32_t packet_poll(const struct sock *sk)
{
	const struct packet_sock *ps = (const struct packet_sock *)sk;
	uint32_t ev = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;

	if (sk->err) ev |= EPOLLERR;
	if (!list_empty(&ps->queue)) ev |= EPOLLIN | EPOLLRDNORM;
	return ev;
}

/* ---- sending ---- */

struct way { struct netif *nif; uint16_t protocol; const uint8_t *to; };

static int way_of(const struct packet_sock *ps, const struct sock_msg *m, struct sockaddr_ll *ll, struct way *ret)
{
	*ret = (struct way){.protocol = ps->protocol};
	*ll = (struct sockaddr_ll){.sll_ifindex = ps->ifindex};
	if (m->name) {
		if (m->name_len < sizeof *ll) return -EINVAL;
		memcpy(ll, m->name, sizeof *ll);
		if (m->name_len < LL_LEN_MIN + ll->sll_halen) return -EINVAL;
		ret->protocol = read16((const uint8_t *)&ll->sll_protocol);
	}
	ret->nif = ll->sll_ifindex ? netif_by_index(ps->sk.stack, ll->sll_ifindex) : NULL;
	if (!ret->nif) return -ENXIO;
	if (!(ret->nif->flags & IFF_UP)) return -ENETDOWN;
	/* As Linux: whatever length the name gives its address. */
	if (m->name && ps->sk.type == SOCK_DGRAM) ret->to = ll->sll_addr;
	return 0;
}

/* SOCK_DGRAM: the link header is ours. */
static int header_push(struct packet *p, const struct way *w)
{
	struct eth_hdr h = {.src = w->nif->mac, .type = w->protocol};

	if (w->nif->kind != NETIF_ETHERNET) return 0;
	if (!w->to) return -EINVAL;
	memcpy(&h.dst, w->to, sizeof h.dst);
	eth_emit(&h, packet_push(p, ETH_HDR_LEN));
	return 0;
}

static int frame_send(struct packet_sock *ps, const struct way *w, const struct sock_msg *m)
{
	bool headed = ps->sk.type == SOCK_RAW && w->nif->kind != NETIF_RAW_IP;
	size_t room = w->nif->mtu_bytes + (headed ? ETH_HDR_LEN : 0);
	struct packet *p;
	int r = 0;

	if (m->len > room) return -EMSGSIZE;
	if (headed && m->len < ETH_HDR_LEN) return -EINVAL;
	if (m->unread) return -EFAULT;
	p = packet_new(PACKET_HEADROOM, m->len);
	if (!p) return -ENOBUFS;
	if (m->len) memcpy(p->data, m->data, m->len);
	p->mark = ps->sk.mark;
	if (ps->sk.type == SOCK_DGRAM) r = header_push(p, w);
	if (headed && w->nif->kind == NETIF_LOOPBACK) packet_pull(p, ETH_HDR_LEN);
	if (r < 0)
		packet_free(p);
	else
		netif_transmit_from(w->nif, p, &ps->sk);
	return r;
}

static ssize_t packet_send(struct sock *sk, const struct sock_msg *m)
{
	struct sockaddr_ll ll;
	struct way w;
	int r, err = sock_take_error(sk);

	if (err) return -err;
	r = way_of(packet_of(sk), m, &ll, &w);
	if (r == 0) r = frame_send(packet_of(sk), &w, m);
	return r < 0 ? r : (ssize_t)m->len;
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

/* packet(7): CAP_NET_RAW, before type and protocol are looked at. SOCK_PACKET of 1995 is not there. */
int packet_choose(struct stack *s, int type, int *protocol, const struct sock_ops **ret)
{
	(void)protocol;
	if (!s->sysctl->privileged) return -EPERM;
	if (type != SOCK_RAW && type != SOCK_DGRAM) return -ESOCKTNOSUPPORT;
	*ret = &packet_ops;
	return 0;
}

bool stack_is_watched(const struct stack *s)
{
	if (!list_empty(&s->taps)) return true;
	list_each(const struct raw_sock, rs, &s->inet->raws, node)
		if (rs->ds.is.sk.protocol == IPPROTO_TCP || rs->ds.is.sk.protocol == IPPROTO_UDP) return true;
	return false;
}
