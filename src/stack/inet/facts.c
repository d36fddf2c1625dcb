/* The lists of sockets over IP: who is in them, and what is common to all protocols. */
#include "stack/inet/facts.h"
#include "stack/inet/dgram.h"
#include "stack/socket/family.h"
#include "stack/socket/option.h"

/* As which of TCP's states a datagram socket shows itself. */
enum { SHOWN_ESTABLISHED = 1, SHOWN_CLOSED = 7 };

static uint16_t list_of(const struct sock *sk)
{
	if (sk->ops == &raw4_ops || sk->ops == &raw6_ops) return IPPROTO_RAW;
	if (sk->ops == &ping_ops) return IPPROTO_ICMP;
	return tcp_is(sk) || sk->ops == &udp_ops || sk->ops == &udplite_ops ? sk->protocol : 0;
}

static void common(struct sock *sk, struct inet_facts *f)
{
	const struct inet_sock *is = (const struct inet_sock *)sk;

	*f = (struct inet_facts){.sk = sk, .stack = sk->stack, .domain = sk->domain, .protocol = list_of(sk), .laddr = is->laddr, .raddr = is->raddr,
				 .lport = is->lport, .rport = is->rport, .uid = sk->uid, .cookie = sk->cookie};
	if (!sk->closed) f->inode = sk->inode;
	if (sk->bound_if) f->ifindex = sk->bound_if->index;
}

/* Those with a port, which is all that they need to receive; raw sockets always. */
static bool dgram_facts(struct sock *sk, struct inet_facts *f)
{
	const struct dgram_sock *ds = (const struct dgram_sock *)sk;

	if (f->protocol == IPPROTO_RAW) {
		f->lport = sk->protocol;
		f->rport = 0;
	} else if (!ds->is.bound) {
		return false;
	}
	f->state = ds->connected ? SHOWN_ESTABLISHED : SHOWN_CLOSED;
	f->in = f->in_memory = ds->queued + sk->lent + sk->beside;
	f->drops = ds->drops;
	return true;
}

static bool facts_of(struct sock *sk, struct inet_facts *ret)
{
	if (!list_of(sk)) return false;
	common(sk, ret);
	if (!(ret->protocol == IPPROTO_TCP ? tcp_facts : dgram_facts)(sk, ret)) return false;
	if (sk->stack->ops->waiting && !sk->listening && sk->user) sk->stack->ops->waiting(sk->stack->host, sk, &ret->in, &ret->out);
	ret->in_memory = MAX(ret->in_memory, sk->listening ? 0 : ret->in);
	return true;
}

void inet_facts_walk(struct stack *s, int protocol, inet_visit *visit, void *arg)
{
	struct inet_facts f;

	list_each(struct sock, sk, &s->socks, node)
		if (list_of(sk) == protocol && facts_of(sk, &f)) visit(arg, &f);
	if (protocol == IPPROTO_TCP) tcp_facts_timewait(s, visit, arg);
}

/* In Linux's order. What has left is nobody's any more; the memory of options, and what waits while the socket is in use, there is not. */
static int get_meminfo(struct sock *sk, void *val, socklen_t *len)
{
	struct inet_facts f = {0};
	bool shown = facts_of(sk, &f);
	const uint32_t m[] = {f.in_memory, sk->rcvbuf, 0, sk->sndbuf, 0, shown && !sk->listening ? f.out : 0, 0, 0, f.drops};

	return opt_copy_out(val, len, m, sizeof m);
}

const struct sockopt facts_options[] = {
	{.level = SOL_SOCKET, .name = SO_MEMINFO, .text = "SO_MEMINFO", .type = OPT_BLOB, .access = OPT_GET, .get = get_meminfo},
	{.text = NULL},
};
