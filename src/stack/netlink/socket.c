/* AF_NETLINK: the socket calls, the queue and the options. A request is served while it is sent; its answer waits in the queue. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include "stack/inet/inet.h"
#include "stack/netlink/private.h"
#include "stack/socket/ancillary.h"
#include "stack/socket/family.h"

static struct netlink_sock *netlink_of(struct sock *sk) { return (struct netlink_sock *)sk; }

int netlink_new(struct stack *s)
{
	s->netlink = calloc(1, sizeof *s->netlink);
	if (!s->netlink) return -ENOMEM;
	list_init(&s->netlink->socks);
	return 0;
}

void netlink_free(struct stack *s)
{
	free(s->netlink);
	s->netlink = NULL;
}

int netlink_choose(struct stack *s, int type, int *protocol, const struct sock_ops **ret)
{
	(void)s;
	if (type != SOCK_RAW && type != SOCK_DGRAM) return -ESOCKTNOSUPPORT;
	if (*protocol != NETLINK_ROUTE) return -EPROTONOSUPPORT;
	*ret = &netlink_ops;
	return 0;
}

static int netlink_init(struct sock *sk)
{
	struct netlink_sock *ns = netlink_of(sk);

	list_init(&ns->queue);
	list_append(&sk->stack->netlink->socks, &ns->node);
	return 0;
}

/* ---- the queue ---- */

bool netlink_has_room(const struct netlink_sock *ns)
{
	return (uint64_t)ns->queued + ns->sk.lent <= ns->sk.rcvbuf;
}

void netlink_enqueue(struct netlink_sock *ns, const void *data, size_t len, bool dump)
{
	struct nl_datagram *d = dump || netlink_has_room(ns) ? malloc(sizeof *d + len) : NULL;

	if (!d) {
		if (!ns->no_enobufs) sock_set_error(&ns->sk, ENOBUFS);
		return;
	}
	d->len = (uint32_t)len;
	d->dump = dump;
	memcpy(d->data, data, len);
	ns->queued += sock_charge(&ns->sk, d->len);
	list_append(&ns->queue, &d->node);
	sock_ready(&ns->sk);
}

static void dequeue(struct netlink_sock *ns, struct nl_datagram *d)
{
	ns->queued -= sock_charge(&ns->sk, d->len);
	list_remove(&d->node);
	free(d);
}

static void netlink_close(struct sock *sk)
{
	struct netlink_sock *ns = netlink_of(sk);

	while (!list_empty(&ns->queue))
		dequeue(ns, list_first(&ns->queue, struct nl_datagram, node));
	list_remove(&ns->node);
	sock_free(sk);
}

/* ---- names ---- */

static bool pid_taken(const struct netlink_sock *ns, uint32_t pid)
{
	list_each(struct netlink_sock, other, &ns->sk.stack->netlink->socks, node)
		if (other != ns && other->bound && other->pid == pid) return true;
	return false;
}

static int pid_take(struct netlink_sock *ns, uint32_t pid)
{
	if (pid_taken(ns, pid)) return -EADDRINUSE;
	ns->pid = pid;
	ns->bound = true;
	return 0;
}

/* Linux offers the process's id first, which means nothing here: any number does that nobody else has. */
static void autobind(struct netlink_sock *ns)
{
	uint32_t pid = (uint32_t)ns->sk.cookie & 0x7fffffff;

	while (pid == 0 || pid_take(ns, pid) < 0)
		pid = stack_random32(ns->sk.stack) | 0x80000000;
}

static int name_read(const void *a, socklen_t len, struct sockaddr_nl *ret)
{
	if (len < sizeof *ret) return -EINVAL;
	memcpy(ret, a, sizeof *ret);
	return ret->nl_family == AF_NETLINK ? 0 : -EINVAL;
}

static int netlink_bind(struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct netlink_sock *ns = netlink_of(sk);
	struct sockaddr_nl name;
	int r = name_read(a, len, &name);

	if (r < 0) return r;
	if (ns->bound && name.nl_pid != ns->pid) return -EINVAL;
	if (!ns->bound && name.nl_pid) {
		r = pid_take(ns, name.nl_pid);
		if (r < 0) return r;
	}
	if (!ns->bound) autobind(ns);
	ns->groups = (ns->groups & ~(uint64_t)UINT32_MAX) | name.nl_groups;
	return 0;
}

/* Only the kernel, pid 0, may be spoken to: user to user asks for CAP_NET_ADMIN in NETLINK_ROUTE. */
static int netlink_connect(struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct sockaddr_nl name;
	int r;

	if (a->sa_family == AF_UNSPEC) return 0;
	r = name_read(a, len, &name);
	if (r < 0) return r;
	if (name.nl_pid || name.nl_groups) return -EPERM;
	if (!netlink_of(sk)->bound) autobind(netlink_of(sk));
	return 0;
}

static int netlink_name_of(const struct sock *sk, bool peer, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	const struct netlink_sock *ns = (const struct netlink_sock *)sk;
	struct sockaddr_nl name = {.nl_family = AF_NETLINK};

	if (!peer) {
		name.nl_pid = ns->pid;
		name.nl_groups = (uint32_t)ns->groups;
	}
	memcpy(ret, &name, sizeof name);
	*ret_len = sizeof name;
	return 0;
}

/* ---- data ---- */

static ssize_t netlink_send(struct sock *sk, const struct sock_msg *m)
{
	struct netlink_sock *ns = netlink_of(sk);
	struct sockaddr_nl to;
	int r = m->name ? name_read(m->name, m->name_len, &to) : 0;

	if (m->flags & MSG_OOB) return -EOPNOTSUPP;
	if (m->len == 0) return -ENODATA;
	if (r < 0) return r;
	if (m->name && (to.nl_pid || to.nl_groups)) return -EPERM;
	if (!ns->bound) autobind(ns);
	if (sk->sndbuf < 32 || m->len > sk->sndbuf - 32) return -EMSGSIZE;
	netlink_serve(ns, m->data, m->len);
	return (ssize_t)m->len;
}

static void give_name_and_control(const struct netlink_sock *ns, struct sock_msg *m)
{
	static const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct cmsg_out o = cmsg_out_begin(m);

	if (m->name) {
		memcpy(m->name, &kernel, MIN(m->name_len, sizeof kernel));
		m->name_len = sizeof kernel;
	}
	if (ns->pktinfo) cmsg_put(&o, SOL_NETLINK, NETLINK_PKTINFO, &(struct nl_pktinfo){0}, sizeof(struct nl_pktinfo));
	if (ns->passcred) cmsg_put(&o, SOL_SOCKET, SCM_CREDENTIALS, &(struct ucred){0}, sizeof(struct ucred));
	cmsg_out_end(&o, m);
}

static ssize_t netlink_recv(struct sock *sk, struct sock_msg *m)
{
	struct netlink_sock *ns = netlink_of(sk);
	int flags = m->flags, err;
	struct nl_datagram *d;
	size_t full, n;

	if (flags & MSG_OOB) return -EOPNOTSUPP;
	err = sock_take_error(sk);
	if (err) return -err;
	if (list_empty(&ns->queue)) return -EAGAIN;
	d = list_first(&ns->queue, struct nl_datagram, node);
	full = d->len;
	n = MIN(full, m->len);
	if (n) memcpy(m->data, d->data, n);
	m->flags = n < full ? MSG_TRUNC : 0;
	give_name_and_control(ns, m);
	if (!(flags & MSG_PEEK)) {
		if (flags & MSG_LEND) sk->lent += sock_charge(sk, d->len);
		dequeue(ns, d);
	}
	return (ssize_t)(flags & MSG_TRUNC ? full : n);
}

static uint32_t netlink_poll(const struct sock *sk)
{
	const struct netlink_sock *ns = (const struct netlink_sock *)sk;
	uint32_t ev = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;

	if (sk->err) ev |= EPOLLERR;
	if (!list_empty(&ns->queue)) ev |= EPOLLIN | EPOLLRDNORM;
	return ev;
}

static const struct sockopt *const option_tables[] = {netlink_options, NULL};

const struct sock_ops netlink_ops = {
	.name = "NETLINK",
	.size = sizeof(struct netlink_sock),
	.datagram = true,
	.init = netlink_init,
	.close = netlink_close,
	.bind = netlink_bind,
	.connect = netlink_connect,
	.send = netlink_send,
	.recv = netlink_recv,
	.poll = netlink_poll,
	.name_of = netlink_name_of,
	.ioctl = inet_ioctl,          /* SIOCGIF* work on any socket */
	.options = option_tables,
};
