/* SOCK_PACKET, of Linux 2.0: interfaces are told by name, and there are no options. Frames come with their link header. */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include "stack/packet/packet_sock.h"

static struct netif *named(const struct stack *s, const void *at)
{
	char name[IFNAMSIZ] = "";

	memcpy(name, at, sizeof ((struct sockaddr_pkt *)0)->spkt_device - 1);
	return netif_by_name(s, name);
}

static int old_bind(struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct packet_sock *ps = packet_of(sk);
	struct netif *nif;

	if (len != sizeof *a) return -EINVAL;
	nif = named(sk->stack, a->sa_data);
	if (!nif) return -ENODEV;
	ps->ifindex = nif->index;
	if (!(nif->flags & IFF_UP)) sock_set_error(sk, ENETDOWN);
	return 0;
}

static int old_name_of(const struct sock *sk, bool peer, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	struct sockaddr a = {.sa_family = AF_PACKET};
	const struct netif *nif = netif_by_index(sk->stack, ((const struct packet_sock *)sk)->ifindex);

	if (peer) return -EOPNOTSUPP;
	if (nif) memcpy(a.sa_data, nif->name, sizeof a.sa_data - 1);
	memcpy(ret, &a, sizeof a);
	*ret_len = sizeof a;
	return 0;
}

/* Every send names the interface. */
static ssize_t old_send(struct sock *sk, const struct sock_msg *m)
{
	struct sockaddr_pkt to;
	struct way w = {.control = send_control_of(sk)};
	int r;

	if (!m->name) return -ENOTCONN;
	if (m->name_len < sizeof(struct sockaddr)) return -EINVAL;
	memset(&to, 0, sizeof to);
	memcpy(&to, m->name, MIN(m->name_len, sizeof to));
	w.nif = named(sk->stack, to.spkt_device);
	if (m->name_len == sizeof to) w.protocol = read16((const uint8_t *)&to.spkt_protocol);
	if (!w.nif) return -ENODEV;
	if (!(w.nif->flags & IFF_UP)) return -ENETDOWN;
	r = send_control_read_all(sk, m, &w.control);
	if (r < 0) return r;
	r = packet_frame_send(packet_of(sk), &w, m->unread ? NULL : m->data, m->len);
	return r < 0 ? r : (ssize_t)m->len;
}

const struct sock_ops packet_old_ops = {
	.name = "PACKET",
	.size = sizeof(struct packet_sock),
	.datagram = true,
	.init = packet_init,
	.close = packet_close,
	.bind = old_bind,
	.send = old_send,
	.recv = packet_recv,
	.poll = packet_poll,
	.name_of = old_name_of,
	.ioctl = packet_ioctl,
};
