/* Datagram sockets: life, connect, shutdown, readiness, errors. Read first: udp(7), ip(7), connect(2). */
#include "stack/inet/flowlabel.h"
#include "stack/inet/dgram.h"
#include <errno.h>
#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include "stack/inet/errqueue.h"
#include "stack/inet/membership.h"
#include "stack/inet/redirect.h"

int dgram_init(struct sock *sk)
{
	struct dgram_sock *ds = (struct dgram_sock *)sk;

	list_init(&ds->queue);
	return inet_sock_init(sk);
}

void dgram_close(struct sock *sk)
{
	dgram_flush((struct dgram_sock *)sk);
	inet_sock_done(sk);
	sock_free(sk);
}

int dgram_autobind(struct dgram_sock *ds)
{
	struct addr laddr = ds->is.laddr;

	if (ds->is.bound) return 0;
	return port_bind(&ds->is, &laddr, 0) < 0 ? -EAGAIN : 0;
}

/* connect to AF_UNSPEC: what bind set stays, what connect chose goes. As on Linux the interface binding goes too. */
static int dissolve(struct dgram_sock *ds)
{
	struct inet_sock *is = &ds->is;

	ds->connected = false;
	is->raddr = is->sk.domain == AF_INET6 ? addr_any6 : addr_any4;
	is->rport = 0;
	is->sk.bound_if = NULL;
	if (!is->port_bound) {
		port_release(is);
		is->lport = 0;
	}
	if (!is->addr_bound) inet_sock_reset_addr(is);
	return 0;
}

int dgram_connect(struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	int r = a->sa_family == AF_UNSPEC ? 0 : dgram_autobind((struct dgram_sock *)sk);

	return r < 0 ? r : dgram_connect_to(sk, a, len);
}

int dgram_connect_to(struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct dgram_sock *ds = (struct dgram_sock *)sk;
	struct inet_sock *is = &ds->is;
	struct dgram_dest d;
	int r;

	if (a->sa_family == AF_UNSPEC) return dissolve(ds);
	if (a->sa_family == AF_INET && sk->domain == AF_INET6 && is->v6only) return -EAFNOSUPPORT;
	r = dgram_name_parse(ds, a, len, &d);
	if (r == 0) r = inet_scope_connect(is, &d.dst, d.scope);
	if (r < 0) return r;
	inet_sock_out(is, &is->laddr, &d.dst, (uint8_t)sk->protocol, &d.out);
	r = flowlabel_may_use(is, d.flowinfo & IP6_FLOW_MASK) ? dgram_route(ds, &d) : -EINVAL;
	if (r == 0) r = inet_check_link(sk, 0, &d.dst, &d.hop);
	if (r < 0) return r;
	is->flowinfo6 = d.flowinfo;
	if (addr_is_any(&is->laddr)) is->laddr = d.out.src;
	is->raddr = d.dst;
	is->rport = d.port;
	ds->connected = true;
	return 0;
}

int dgram_shutdown(struct sock *sk, int how)
{
	/* Linux: takes effect in any case, and yet complains when there is no peer. */
	sk->shut |= (uint8_t)(how + 1);
	sock_stir(sk);
	return ((struct dgram_sock *)sk)->connected ? 0 : -ENOTCONN;
}

uint32_t dgram_poll(const struct sock *sk)
{
	const struct dgram_sock *ds = (const struct dgram_sock *)sk;
	uint32_t ev = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;

	if (sk->err || errqueue_has(&ds->is)) ev |= EPOLLERR | (sk->select_err_queue ? EPOLLPRI : 0);
	if (sk->shut & 1) ev |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (sk->shut == 3) ev |= EPOLLHUP;
	if (!list_empty(&ds->queue)) ev |= EPOLLIN | EPOLLRDNORM;
	return ev;
}

int dgram_ioctl(struct sock *sk, unsigned long request, void *arg, size_t len)
{
	const struct dgram_sock *ds = (const struct dgram_sock *)sk;
	int v = 0;

	switch (request) {
	case SIOCINQ:     /* the size of the next datagram, not of all: udp(7) */
		if (!list_empty(&ds->queue)) v = (int)list_first(&ds->queue, struct packet, node)->len;
		break;
	case SIOCOUTQ:    /* what was sent is out at once */
		break;
	default:
		return inet_ioctl(sk, request, arg, len);
	}
	if (len < sizeof v) return -EINVAL;
	memcpy(arg, &v, sizeof v);
	return 0;
}

/* Who keeps to the link's MTU learns none of the path. */
static bool learns_mtu(const struct inet_sock *is, const struct ip_error *e)
{
	return (addr_is_v4(&e->dst) ? is->pmtudisc : is->pmtudisc6) < IP_PMTUDISC_INTERFACE;
}

/* "Too big" counts for whoever discovers path MTUs; it is no error for the others. As Linux: with IPv6 it may be one for who wants all. */
static bool is_mtu_news_for_nobody(const struct inet_sock *is, const struct ip_error *e)
{
	if (!e->mtu_bytes) return false;
	return addr_is_v4(&e->dst) ? is->pmtudisc == IP_PMTUDISC_DONT : !learns_mtu(is, e);
}

static bool is_hard(const struct inet_sock *is, const struct ip_error *e)
{
	return e->hard || (e->mtu_bytes && (addr_is_v4(&e->dst) || is->pmtudisc6 != IPV6_PMTUDISC_DONT));
}

void dgram_error(struct dgram_sock *ds, const struct ip_error *e, uint16_t port, const uint8_t *payload, size_t len)
{
	struct inet_sock *is = &ds->is;
	bool wants_all = addr_is_v4(&e->dst) ? is->recverr : is->recverr6;

	if (e->redirect) {
		redirect_take(is->sk.stack, e->redirect);
		return;
	}
	if (e->mtu_bytes && learns_mtu(is, e)) ip_pmtu_learn(is->sk.stack, e);
	if (is_mtu_news_for_nobody(is, e)) return;
	/* RFC 1122 §4.1.3.3 (MUST): ICMP errors are passed up. As on Linux, those that end a conversation go to the connected
	 * socket; whoever wants the rest, or is not connected, asks for them with IP_RECVERR. */
	if (wants_all)
		errqueue_put_icmp(is, e, port, payload, len);
	else if (!is_hard(is, e) || !ds->connected)
		return;
	sock_set_error(&is->sk, e->err);
}
