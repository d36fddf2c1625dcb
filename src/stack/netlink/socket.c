/* AF_NETLINK: the socket calls. A request to the stack is served while it is sent; its answer waits in the queue. */
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
	if (!nl_protocol_find(*protocol)) return -EPROTONOSUPPORT;
	*ret = &netlink_ops;
	return 0;
}

static int netlink_init(struct sock *sk)
{
	struct netlink_sock *ns = netlink_of(sk);

	ns->state = NL_NEVER_CONNECTED;
	ns->protocol = nl_protocol_find(sk->protocol);
	list_init(&ns->queue);
	list_init(&ns->waiting);
	list_init(&ns->of_waited);
	list_append(&sk->stack->netlink->socks, &ns->node);
	return 0;
}

static void netlink_close(struct sock *sk)
{
	struct netlink_sock *ns = netlink_of(sk);

	while (!list_empty(&ns->queue))
		nl_queue_take(ns, list_first(&ns->queue, struct nl_datagram, node));
	list_remove(&ns->node);
	list_remove(&ns->of_waited);
	for (struct list *l; (l = list_pop(&ns->waiting));) sock_ready(&list_entry(l, struct netlink_sock, of_waited)->sk);
	sock_free(sk);
}

/* ---- names ---- */

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
	if (name.nl_groups && !nl_may_listen(ns)) return -EPERM;
	if (ns->bound && name.nl_pid != ns->pid) return -EINVAL;
	if (!ns->bound && name.nl_pid) {
		r = nl_port_take(ns, name.nl_pid);
		if (r < 0) return r;
	}
	if (!ns->bound) nl_port_choose(ns);
	ns->groups = (ns->groups & ~(uint64_t)UINT32_MAX) | name.nl_groups;
	return 0;
}

/* A name means one group: the lowest of its mask. */
static uint32_t group_of(uint32_t mask) { return (uint32_t)__builtin_ffs((int)mask); }
static uint32_t mask_of(uint32_t group) { return group ? 1u << (group - 1) : 0; }

static int netlink_connect(struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct netlink_sock *ns = netlink_of(sk);
	struct sockaddr_nl name;
	int r;

	if (a->sa_family == AF_UNSPEC) {
		ns->state = NL_UNCONNECTED;
		ns->peer_pid = ns->peer_group = 0;
		return 0;
	}
	r = name_read(a, len, &name);
	if (r < 0) return r;
	if ((name.nl_pid || name.nl_groups) && !nl_may_send(ns)) return -EPERM;
	if (!ns->bound) nl_port_choose(ns);
	ns->state = NL_CONNECTED;
	ns->peer_pid = name.nl_pid;
	ns->peer_group = group_of(name.nl_groups);
	return 0;
}

static int netlink_name_of(const struct sock *sk, bool peer, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	const struct netlink_sock *ns = (const struct netlink_sock *)sk;
	struct sockaddr_nl name = {.nl_family = AF_NETLINK};

	name.nl_pid = peer ? ns->peer_pid : ns->pid;
	name.nl_groups = peer ? mask_of(ns->peer_group) : (uint32_t)ns->groups;
	memcpy(ret, &name, sizeof name);
	*ret_len = sizeof name;
	return 0;
}

bool netlink_name(const struct sock *sk, struct netlink_name *ret)
{
	const struct netlink_sock *ns = (const struct netlink_sock *)sk;

	*ret = (struct netlink_name){.pid = ns->pid, .groups = (uint32_t)ns->groups, .waiting = ns->queued + sk->lent, .drops = ns->drops};
	return ns->bound;
}

/* ---- data ---- */

void netlink_act_as(struct sock *sk, const struct ucred *who) { netlink_of(sk)->caller = *who; }

/* Only one's own credentials may be sent. */
static int control_read(const struct netlink_sock *ns, const struct sock_msg *m)
{
	struct cmsg_in c;
	struct ucred u;
	size_t offset = 0;
	int r;

	while ((r = cmsg_next(m, &offset, &c)) == 1) {
		if (c.level != SOL_SOCKET) continue;
		if (c.type != SCM_CREDENTIALS || c.len != sizeof u) return -EINVAL;
		memcpy(&u, c.data, sizeof u);
		if (u.pid != ns->caller.pid || u.uid != ns->caller.uid || u.gid != ns->caller.gid) return -EPERM;
	}
	return r;
}

static int destination(const struct netlink_sock *ns, const struct sock_msg *m, uint32_t *ret_pid, uint32_t *ret_group)
{
	struct sockaddr_nl to;
	int r = m->name ? name_read(m->name, m->name_len, &to) : 0;

	if (r < 0) return r;
	*ret_pid = m->name ? to.nl_pid : ns->peer_pid;
	*ret_group = m->name ? group_of(to.nl_groups) : ns->peer_group;
	return m->name && (*ret_pid || *ret_group) && !nl_may_send(ns) ? -EPERM : 0;
}

static ssize_t netlink_send(struct sock *sk, const struct sock_msg *m)
{
	struct netlink_sock *ns = netlink_of(sk);
	struct nl_origin from = {.cred = ns->caller};
	uint32_t pid = 0;
	int r;

	if (m->flags & MSG_OOB) return -EOPNOTSUPP;
	if (m->len == 0) return -ENODATA;
	r = control_read(ns, m);
	if (r == 0) r = destination(ns, m, &pid, &from.group);
	if (r < 0) return r;
	if (!ns->bound) nl_port_choose(ns);
	if (sk->sndbuf < 32 || m->len > sk->sndbuf - 32) return -EMSGSIZE;
	if (m->unread) return -EFAULT;
	from.pid = ns->pid;
	if (from.group) nl_broadcast(ns, pid, &from, m->data, m->len);
	return nl_unicast(ns, pid, &from, m->data, m->len);
}

static void give_name_and_control(const struct netlink_sock *ns, const struct nl_origin *from, struct sock_msg *m)
{
	struct sockaddr_nl name = {.nl_family = AF_NETLINK, .nl_pid = from->pid, .nl_groups = mask_of(from->group)};
	struct cmsg_out o = cmsg_out_begin(m);

	if (m->name) {
		memcpy(m->name, &name, MIN(m->name_len, sizeof name));
		m->name_len = sizeof name;
	}
	if (ns->pktinfo) cmsg_put(&o, SOL_NETLINK, NETLINK_PKTINFO, &(struct nl_pktinfo){from->group}, sizeof(struct nl_pktinfo));
	if (ns->passcred) cmsg_put(&o, SOL_SOCKET, SCM_CREDENTIALS, &from->cred, sizeof from->cred);
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
	give_name_and_control(ns, &d->from, m);
	if (!(flags & MSG_PEEK)) {
		if (flags & MSG_LEND) sk->lent += sock_charge(sk, d->len);
		nl_queue_take(ns, d);
	}
	return (ssize_t)(flags & MSG_TRUNC ? full : n);
}

static void netlink_consumed(struct sock *sk) { nl_queue_wake(netlink_of(sk)); }

static uint32_t netlink_poll(const struct sock *sk)
{
	const struct netlink_sock *ns = (const struct netlink_sock *)sk;
	uint32_t ev = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;

	if (sk->err) ev |= EPOLLERR;
	if (!list_empty(&ns->queue)) ev |= EPOLLIN | EPOLLRDNORM;
	return ev;
}

/* As on Linux poll says that a socket can be sent from, whatever waits in the queues of others. */
static bool netlink_has_room_again(const struct sock *sk) { return list_empty(&((const struct netlink_sock *)sk)->of_waited); }

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
	.consumed = netlink_consumed,
	.poll = netlink_poll,
	.has_room = netlink_has_room_again,
	.name_of = netlink_name_of,
	.ioctl = inet_ioctl,          /* SIOCGIF* work on any socket */
	.options = option_tables,
	.setsockopt_unread = netlink_setsockopt_unread,
};
