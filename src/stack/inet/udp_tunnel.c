/* UDP ports of the stack's own: see udp_tunnel.h. */
#include "stack/inet/udp_tunnel.h"
#include <errno.h>
#include "stack/inet/ip.h"
#include "stack/inet/udp.h"

int udp_tunnel_open(struct stack *s, int domain, uint16_t port, udp_tunnel_receive *receive, void *owner, struct udp_sock **ret)
{
	struct udp_sock *us;
	struct sock *sk;
	int err = sock_create(s, domain, SOCK_DGRAM, IPPROTO_UDP, &sk);

	if (err < 0) return err;
	us = (struct udp_sock *)sk;
	us->ds.is.v6only = domain == AF_INET6;
	us->tunnel = receive;
	us->tunnel_owner = owner;
	err = port_bind(&us->ds.is, domain == AF_INET6 ? &addr_any6 : &addr_any4, port);
	if (err < 0)
		sock_close(sk);
	else
		*ret = us;
	return err;
}

void udp_tunnel_close(struct udp_sock *us)
{
	if (us) sock_close(&us->ds.is.sk);
}

uint16_t udp_tunnel_port(const struct udp_sock *us) { return us->ds.is.lport; }

int udp_tunnel_way(const struct udp_sock *us, const struct udp_tunnel_to *to, struct route_hop *ret)
{
	struct route_flow f = {.dst = to->dst, .src = to->src, .oif = to->oif, .mark = to->mark, .tos = to->tos, .proto = IP_PROTO_UDP,
			       .sport = us->ds.is.lport, .dport = to->port};

	return route_find(us->ds.is.sk.stack, &f, ret);
}

int udp_tunnel_send(struct udp_sock *us, const struct udp_tunnel_to *to, struct packet *p)
{
	struct stack *s = us->ds.is.sk.stack;
	struct ip_out out = {.src = addr_is_any(&to->src) ? to->hop->src : to->src, .dst = to->dst, .proto = IP_PROTO_UDP, .tos = to->tos, .oif = to->oif,
			     .mark = to->mark};
	struct udp_hdr h = {.src = us->ds.is.lport, .dst = to->port, .len = (uint16_t)(p->len + UDP_HDR_LEN)};

	if (p->len > UINT16_MAX - UDP_HDR_LEN) {
		stack_drop(s, p, DROP_IP_TOO_BIG);
		return -EMSGSIZE;
	}
	p = packet_with_headroom(p, UDP_HDR_LEN);
	if (!p) return -ENOBUFS;
	udp_emit(&h, packet_push(p, UDP_HDR_LEN), &out.src, &out.dst);
	return ip_output_via(s, p, &out, to->hop);
}
