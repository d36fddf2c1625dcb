/* Where datagrams go, and as what: names, control messages, the way. Read first: ip(7), ipv6(7), RFC 3542. */
#include <errno.h>
#include <limits.h>
#include <netinet/udp.h>
#include "stack/inet/flowlabel.h"
#include "stack/inet/dgram.h"
#include "stack/inet/header_options.h"
#include "stack/inet/ip.h"
#include "stack/inet/mib.h"

#define IP_CONTROL_PROTOCOL 52      /* IP_PROTOCOL of <linux/in.h> */
#define IPV6_CONTROL_FLOWINFO 11    /* IPV6_FLOWINFO of <linux/in6.h> */

/* ---- names ---- */

static void parse4(const struct sockaddr *a, struct dgram_dest *ret)
{
	struct sockaddr_in in;

	memcpy(&in, a, sizeof in);
	ret->dst = addr_v4_octets((const uint8_t *)&in.sin_addr);
	ret->port = read16((const uint8_t *)&in.sin_port);
	ret->scope = 0;
}

/* Who is bound to a group, or a broadcast, sends from an address of the host's; in Linux not so an IPv6 socket that is bound to one of IPv4's. */
static bool is_no_source(const struct inet_sock *is, const struct addr *a)
{
	if (addr_is_any(a)) return true;
	if (addr_is_v4(a) && is->sk.domain == AF_INET6) return false;
	return addr_is_multicast(a) || inet_addr_is_broadcast(is->sk.stack, a);
}

/* Nobody is called "any": the address that the socket sends from is meant, or loopback. */
static void any_to_self(const struct inet_sock *is, struct addr *dst)
{
	if (!addr_is_any(dst)) return;
	if (addr_is_v4(dst))
		*dst = addr_is_v4(&is->laddr) && !is_no_source(is, &is->laddr) ? is->laddr : addr_loop4;
	else
		*dst = is->sk.domain == AF_INET6 && addr_is_v4(&is->laddr) ? addr_loop4 : addr_loop6;
}

int dgram_name_parse(const struct dgram_sock *ds, const struct sockaddr *a, socklen_t len, struct dgram_dest *ret)
{
	const struct inet_sock *is = &ds->is;
	sa_family_t family = AF_UNSPEC;
	int r;

	if (len >= sizeof family) family = a->sa_family;
	if (is->sk.domain == AF_INET6 && family == AF_INET) {
		if (len < sizeof(struct sockaddr_in)) return -EINVAL;
		parse4(a, ret);
	} else {
		r = inet_sockaddr_parse(is, a, len, &ret->dst, &ret->port, &ret->scope);
		if (r < 0) return r;
		ret->flowinfo = flowlabel_of_name(is, a);
	}
	if (is->sk.domain == AF_INET6 && is->v6only && addr_is_v4(&ret->dst)) return -ENETUNREACH;
	any_to_self(is, &ret->dst);
	return 0;
}

/*
 * sendto takes AF_UNSPEC as AF_INET on an AF_INET socket, and as no name at all on an AF_INET6 one. An IPv4 peer is an IPv6 address then, as Linux has
 * it: ::ffff:a.b.c.d, to which there is no way.
 */
int dgram_name_of(const struct dgram_sock *ds, const struct sock_msg *m, struct dgram_dest *ret)
{
	struct sockaddr_in in;
	sa_family_t family;

	ret->named = false;
	if (!m->name) return 0;
	if (m->name_len < sizeof family) return -EINVAL;
	memcpy(&family, m->name, sizeof family);
	if (ds->is.sk.domain == AF_INET6) {
		if (family == AF_UNSPEC) return ds->connected && addr_is_v4(&ds->is.raddr) ? -ENETUNREACH : 0;
		if (family != AF_INET && family != AF_INET6) return -EINVAL;
		if (family == AF_INET && ds->is.v6only) return -ENETUNREACH;
	} else if (family == AF_UNSPEC && m->name_len >= sizeof in) {
		ret->named = true;
		memcpy(&in, m->name, sizeof in);
		in.sin_family = AF_INET;
		return dgram_name_parse(ds, (const struct sockaddr *)&in, sizeof in, ret);
	}
	ret->named = true;
	return dgram_name_parse(ds, m->name, m->name_len, ret);
}

static int peer_of(const struct dgram_sock *ds, struct dgram_dest *ret)
{
	if (!ds->connected) return -EDESTADDRREQ;
	ret->dst = ds->is.raddr;
	ret->port = ds->is.rport;
	ret->scope = ds->is.scope;
	ret->flowinfo = ds->is.flowinfo6;
	return 0;
}

/* ---- control messages ---- */

static int int_of(const struct cmsg_in *c, int min, int max, int *ret)
{
	int v;

	if (c->len != sizeof v) return -EINVAL;
	memcpy(&v, c->data, sizeof v);
	if (v < min || v > max) return -EINVAL;
	*ret = v;
	return 0;
}

static int oif_of(const struct dgram_sock *ds, int index, struct dgram_dest *d)
{
	struct netif *nif = index ? netif_by_index(ds->is.sk.stack, index) : NULL;

	if (!index) return 0;
	if (index < 0 || !nif) return -ENODEV;
	d->out.oif = nif;
	return 0;
}

static int control_pktinfo4(const struct dgram_sock *ds, const struct cmsg_in *c, struct dgram_dest *d)
{
	struct in_pktinfo info;

	if (c->len != sizeof info) return -EINVAL;
	memcpy(&info, c->data, sizeof info);
	d->out.src = addr_v4_octets((const uint8_t *)&info.ipi_spec_dst);
	return oif_of(ds, info.ipi_ifindex, d);
}

static int control_pktinfo6(const struct dgram_sock *ds, const struct cmsg_in *c, struct dgram_dest *d)
{
	struct in6_pktinfo info;
	struct addr src;
	int r;

	if (c->len < sizeof info) return -EINVAL;
	memcpy(&info, c->data, sizeof info);
	src = addr_v6_octets(info.ipi6_addr.s6_addr);
	r = oif_of(ds, (int)info.ipi6_ifindex, d);
	if (r < 0) return r;
	if (addr_is_v4(&d->dst)) {
		if (!addr_is_v4(&src)) return -EINVAL;
		d->out.src = src;
		return 0;
	}
	if (ds->is.sk.bound_if && ds->is.sk.bound_if != d->out.oif) return -EINVAL;
	if (addr_is_v4(&src)) return -EINVAL;
	if (addr_is_any(&src)) return 0;
	if (!ds->is.freebind && !netif_addr_find(ds->is.sk.stack, &src, addr_is_linklocal(&src) ? d->out.oif : NULL)) return -EINVAL;
	d->out.src = src;
	return 0;
}

static int control_tos(const struct cmsg_in *c, struct dgram_dest *d)
{
	int v, r = 0;

	if (c->len == 1)
		v = c->data[0];
	else
		r = int_of(c, 0, 255, &v);
	if (r < 0) return r;
	d->out.tos = (uint8_t)v;
	d->control.priority = inet_priority_of(d->out.tos);
	return 0;
}

/* As Linux: what is too long for a header is cut. */
static int control_options(const struct dgram_sock *ds, const struct cmsg_in *c, struct dgram_dest *d)
{
	int r = header_options_read4(&ds->is.sk, c->data, MIN(c->len, (size_t)IP4_OPTIONS_MAX), d->options);

	if (r < 0) return r;
	d->own_options = true;
	d->out.opt_len = (uint8_t)r;
	return 0;
}

static int control_ip(const struct dgram_sock *ds, const struct cmsg_in *c, struct dgram_dest *d)
{
	int v, r;

	switch (c->type) {
	case IP_PKTINFO: return control_pktinfo4(ds, c, d);
	case IP_TOS: return control_tos(c, d);
	case IP_RETOPTS: return control_options(ds, c, d);
	case IP_TTL:
		r = int_of(c, 1, 255, &v);
		if (r == 0) d->out.ttl = (uint8_t)v;
		return r;
	case IP_CONTROL_PROTOCOL: return int_of(c, 1, 255, &v);      /* Linux looks a way up by it, for raw sockets that write their own headers */
	default: return -EINVAL;
	}
}

/* RFC 3542 §8, §9: a header of options, whole. Only for this message: it points into the program's. */
static int control_ext(const struct dgram_sock *ds, const struct cmsg_in *c, struct dgram_dest *d, int which)
{
	if (c->len < 8 || c->len < 8 * ((size_t)c->data[1] + 1)) return -EINVAL;
	if (!sock_is_privileged(&ds->is.sk)) return -EPERM;
	if (which == IP_EXT_COUNT) return 0;
	d->out.ext[which] = (struct ip_ext){c->data, (uint16_t)(8 * (c->data[1] + 1))};
	return 0;
}

static int control_udp(const struct cmsg_in *c, struct dgram_dest *d)
{
	if (c->type != UDP_SEGMENT || c->len != sizeof d->segment) return -EINVAL;
	memcpy(&d->segment, c->data, sizeof d->segment);
	return 0;
}

/* Linux looks at the lower half of the int. */
static int control_hops(const struct cmsg_in *c, struct dgram_dest *d)
{
	int v, r = int_of(c, INT_MIN, INT_MAX, &v);

	if (r < 0) return r;
	if ((int16_t)v < -1 || (int16_t)v > 255) return -EINVAL;
	if ((int16_t)v > 0) d->out.ttl = (uint8_t)v;
	return 0;
}

static int control_flowinfo(const struct dgram_sock *ds, const struct cmsg_in *c, struct dgram_dest *d)
{
	uint32_t v = c->len < sizeof v ? 0 : read32(c->data);

	if (c->len < sizeof v || (d->flowinfo && v & ~(IP6_CLASS_MASK | IP6_FLOW_MASK))) return -EINVAL;
	d->out.flow = v & IP6_FLOW_MASK;
	return flowlabel_may_use(&ds->is, d->out.flow) ? 0 : -EINVAL;
}

static int control_ipv6(const struct dgram_sock *ds, const struct cmsg_in *c, struct dgram_dest *d)
{
	int v, r;

	switch (c->type) {
	case IPV6_PKTINFO: return control_pktinfo6(ds, c, d);
	case IPV6_2292HOPOPTS:
	case IPV6_HOPOPTS: return control_ext(ds, c, d, IP_EXT_HOP);
	case IPV6_2292DSTOPTS:
	case IPV6_DSTOPTS: return control_ext(ds, c, d, IP_EXT_DST);
	case IPV6_RTHDRDSTOPTS: return control_ext(ds, c, d, IP_EXT_COUNT);    /* it goes before a routing header, of which there is none */
	case IPV6_2292HOPLIMIT:
	case IPV6_HOPLIMIT: return control_hops(c, d);
	case IPV6_CONTROL_FLOWINFO: return control_flowinfo(ds, c, d);
	case IPV6_TCLASS:
		r = int_of(c, -1, 255, &v);
		if (r == 0) d->out.tos = (uint8_t)(v < 0 ? 0 : v);
		return r;
	case IPV6_DONTFRAG:
		r = int_of(c, 0, 1, &v);
		if (r == 0) d->out.df = d->dontfrag = v;
		return r;
	default: return -EINVAL;
	}
}

/* UDP's own come first, whatever stands before them, and with them what is no control message at all. */
static int control_read_udp(const struct sock_msg *m, struct dgram_dest *d)
{
	size_t offset = 0;
	struct cmsg_in c;
	int r;

	while ((r = cmsg_next(m, &offset, &c)) > 0)
		if (c.level == IPPROTO_UDP && (r = control_udp(&c, d)) < 0) break;
	return r;
}

static int control_read(const struct dgram_sock *ds, const struct sock_msg *m, struct dgram_dest *d)
{
	size_t offset = 0;
	struct cmsg_in c;
	bool v4 = addr_is_v4(&d->dst), six = ds->is.sk.domain == AF_INET6;
	int r = dgram_is_udp(ds) ? control_read_udp(m, d) : 0;

	if (r < 0) return r;
	while ((r = cmsg_next(m, &offset, &c)) > 0) {
		if (c.level == SOL_SOCKET)
			r = send_control_read(&ds->is.sk, &c, &d->control);
		else if (c.level == SOL_IP && v4)
			r = control_ip(ds, &c, d);
		else if (c.level == SOL_IPV6 && (!v4 || (six && c.type == IPV6_PKTINFO)))
			r = control_ipv6(ds, &c, d);
		else
			r = 0;                  /* of other levels: Linux passes over them */
		if (r < 0) return r;
	}
	return r;
}

/* ---- the way ---- */

/* IP_TRANSPARENT: a source that is not ours has no say in the way. */
static int lookup(struct dgram_sock *ds, struct dgram_dest *d)
{
	struct stack *s = ds->is.sk.stack;
	bool foreign = ds->is.transparent && !addr_is_any(&d->out.src) && !stack_is_local(s, &d->out.src);
	struct route_flow f = {.dst = d->dst, .src = foreign ? addr_any6 : d->out.src, .oif = d->out.oif, .mark = d->out.mark, .uid = d->out.uid,
			       .tos = d->out.tos, .proto = d->out.proto, .sport = ds->is.lport, .dport = d->port};
	int r = route_find(s, &f, &d->hop);

	if (r == -ENETUNREACH && (ds->is.sk.type != SOCK_RAW || !addr_is_v4(&d->dst))) s->mib->ip[mib_family(addr_is_v4(&d->dst))].no_routes++;
	if (r == 0 && foreign) d->hop.src = d->out.src;
	return r;
}

/* IPV6_PKTINFO names an interface that is not there. */
static bool sticky_if_is_gone(const struct inet_sock *is)
{
	return is->header && is->header->pktinfo_if6 && !netif_by_index(is->sk.stack, is->header->pktinfo_if6);
}

/* As Linux: an IPv6 address that an earlier connect() chose is no hindrance to IPv4. */
static bool wants_source(const struct inet_sock *is, const struct dgram_dest *d)
{
	const struct addr *src = &d->out.src;

	if (addr_is_any(src) || (addr_eq(src, &is->laddr) && is_no_source(is, src))) return true;
	return !is->addr_bound && !addr_is_v4(src) && addr_is_v4(&d->dst);
}

static struct addr default_source(const struct dgram_sock *ds, const struct addr *dst)
{
	if (!addr_is_v4(dst)) return addr_any6;
	return addr_v4(addr_is_multicast(dst) ? ds->mcast_addr : 0);
}

int dgram_route(struct dgram_sock *ds, struct dgram_dest *d)
{
	int r;

	if (!d->out.oif && !addr_is_v4(&d->dst) && sticky_if_is_gone(&ds->is)) return -ENETUNREACH;
	bool from_v4 = addr_is_v4(&d->out.src), to_v4 = addr_is_v4(&d->dst);
	if (wants_source(&ds->is, d)) d->out.src = default_source(ds, &d->dst);
	if (to_v4 && !addr_is_v4(&d->out.src)) return -ENETUNREACH;
	if (from_v4 && !to_v4) d->out.src = addr_any6;        /* no way from there, which is said of none that leads nowhere */
	r = lookup(ds, d);
	if (r < 0) return r;
	if (from_v4 && !to_v4) return -EAFNOSUPPORT;
	/* RFC 1122 §3.3.6: only who asked for that right. */
	if (d->hop.broadcast && !ds->is.sk.broadcast) return -EACCES;
	if (addr_is_any(&d->out.src)) d->out.src = d->hop.src;
	return 0;
}

static struct netif *unicast_if(const struct inet_sock *is, const struct addr *dst)
{
	int index = addr_is_v4(dst) ? is->unicast_if : is->unicast_if6;

	return index && !addr_is_loopback(dst) ? netif_by_index(is->sk.stack, index) : NULL;
}

int dgram_aim(const struct dgram_sock *ds, const struct sock_msg *m, struct dgram_dest *ret)
{
	int r;

	*ret = (struct dgram_dest){0};
	r = dgram_name_of(ds, m, ret);
	return r == 0 && !ret->named ? peer_of(ds, ret) : r;
}

/* A name's sin6_scope_id goes before what the socket is bound to. */
static int scope_choose(const struct dgram_sock *ds, struct dgram_dest *d)
{
	if (!d->scope || !inet_needs_scope(&d->dst)) return 0;
	d->out.oif = netif_by_index(ds->is.sk.stack, (int)d->scope);
	return d->out.oif ? 0 : -ENETUNREACH;
}

int dgram_equip(struct dgram_sock *ds, const struct sock_msg *m, uint8_t proto, struct dgram_dest *d)
{
	int r;

	inet_sock_out(&ds->is, &ds->is.laddr, &d->dst, proto, &d->out);
	r = scope_choose(ds, d);
	if (r < 0) return r;
	d->out.flow = d->flowinfo & IP6_FLOW_MASK;
	if (!flowlabel_may_use(&ds->is, d->out.flow)) return -EINVAL;
	if (d->flowinfo & IP6_CLASS_MASK) d->out.tos = (uint8_t)(d->flowinfo >> 20);
	d->control = send_control_of(&ds->is.sk);
	d->dontfrag = ds->is.dontfrag6;
	r = control_read(ds, m, d);
	d->out.mark = d->control.mark;
	d->out.priority = d->control.priority;
	if (r == 0 && !d->out.oif && !addr_is_multicast(&d->dst)) d->out.oif = unicast_if(&ds->is, &d->dst);
	return r;
}

int dgram_dest_of(struct dgram_sock *ds, const struct sock_msg *m, uint8_t proto, struct dgram_dest *ret)
{
	int r = dgram_aim(ds, m, ret);

	return r < 0 ? r : dgram_equip(ds, m, proto, ret);
}
