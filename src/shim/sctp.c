/*
 * SCTP sockets. Messages, their notifications and what comes with them are the stack's: each send and receive is a control call. Two options are more
 * than that: one connects, and waits as connect() does; the other makes a descriptor.
 */
#include <netinet/in.h>
#include <linux/sctp.h>
#include "shim/shim.h"

bool is_sctp(const struct sock *s)
{
	const struct channel *c = s->c;
	return c->protocol == IPPROTO_SCTP && c->type != SOCK_RAW && (c->domain == AF_INET || c->domain == AF_INET6);
}

/* Nothing is there: may a call that waits go on? As Linux, it ends where nothing can come. */
static long may_wait(const struct sock *s)
{
	long r = (long)control_simple(RPC_NOTHING, s, 0, 0, 0);
	return r == -EAGAIN ? 0 : r;
}

long sctp_socket_recv(const struct sock *s, struct message *m)
{
	struct wait w;
	size_t control_room = m->control_len;
	socklen_t name_room = m->name_len;
	bool looked = false;
	wait_begin_as_set(&w, &s->c->rcvtimeo_ms);
	closes_settle();
	for (;;) {
		uint32_t seq = shared_get32(&s->c->rx.seq);
		m->control_len = control_room;
		m->name_len = name_room;
		long r = (long)engine_recv_once(s, m);
		if (r != -EAGAIN) return r;
		if (m->nonblock && engine_is_late() && look_again(&looked)) continue;
		if (m->nonblock || m->flags & MSG_ERRQUEUE) return r;
		r = may_wait(s);
		if (r == 0) r = wait_on(&w, s, &s->c->rx, seq);
		if (r < 0) return r;
	}
}

bool sctp_option_connects(int level, int name)
{
	return level == IPPROTO_SCTP && (name == SCTP_SOCKOPT_CONNECTX || name == SCTP_SOCKOPT_CONNECTX_OLD);
}

/* sctp_connectx(): the answer is the association's number. */
long sctp_socket_connect(const struct sock *s, int name, const void *val, socklen_t len)
{
	struct call c = {.op = RPC_SETSOCKOPT, .sock = s, .arg = {IPPROTO_SCTP, name}, .in = {{(void *)val, len}}};
	struct wait w;
	wait_begin_as_set(&w, &s->c->sndtimeo_ms);
	for (;;) {
		uint32_t seq = shared_get32(&s->c->tx.seq);
		long r = (long)control(&c);
		if ((r != -EINPROGRESS && r != -EALREADY) || nonblocking(s, 0)) return r;
		r = shared_get32(&s->c->state) & CHS_CONNECTING ? wait_on(&w, s, &s->c->tx, seq) : 0;
		if (r == -EAGAIN) return -EINPROGRESS;   /* SO_SNDTIMEO is over */
		if (r < 0) return r;
	}
}

bool sctp_option_peels(int level, int name)
{
	return level == IPPROTO_SCTP && (name == SCTP_SOCKOPT_PEELOFF || name == SCTP_SOCKOPT_PEELOFF_FLAGS);
}

long sctp_socket_peel(const struct sock *s, int name, void *val, socklen_t *len)
{
	sctp_peeloff_flags_arg_t arg = {.flags = 0};
	socklen_t room, size = name == SCTP_SOCKOPT_PEELOFF ? sizeof arg.p_arg : sizeof arg;
	if (user_get(room, len) != 0) return -EFAULT;
	if (room < size) return -EINVAL;
	if (user_copy(&arg, val, size) != 0) return -EFAULT;
	long fd = arg.p_arg.associd == 0 ? -EINVAL : peel_off(s, arg.p_arg.associd, (int)arg.flags);
	if (fd < 0) return fd;
	arg.p_arg.sd = (int)fd;
	if (user_copy(val, &arg, size) == 0 && user_put(len, size) == 0) return fd;
	do_close((int)fd);
	return -EFAULT;
}
