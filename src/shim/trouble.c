/*
 * Calls that fail because somebody wants them to (`sockland fault`). One word of the arena says which calls have faults; while its bit is clear, looking at it
 * is all that happens here. Else the engine is asked before the call what is to become of it, and told afterwards how many octets it moved where that counts.
 */
#include "shim/shim.h"

#define PIECES_MAX 64                       /* of a message that is cut short */
#define ASK_AGAIN_US 1000
#define ASKS_MAX 1000                       /* a peer that takes nothing is not waited for for ever */

static int rest(int64_t us)
{
	static _Atomic uint32_t never;
	struct wait w;
	int r;
	wait_begin(&w, us);
	do r = wait_on_word(&w, &never, 0); while (r == 0);
	return r == -EAGAIN ? 0 : r;
}

static int ask(enum fault_call call, const struct sock *s, const struct sockaddr *addr, socklen_t len, size_t total, struct rpc_fault *ret)
{
	struct call c = {.op = RPC_FAULT, .sock = s, .arg = {call, (int64_t)total}, .out = ret, .out_cap = sizeof *ret};
	c.in[0] = (struct iovec){(void *)addr, addr ? MIN(len, (socklen_t)sizeof(struct sockaddr_storage)) : 0};
	int64_t r = control(&c);
	if (r < 0 || c.out_len < sizeof *ret) {
		*ret = (struct rpc_fault){.limit = UINT64_MAX};
		return 0;                   /* the call itself will find what is wrong */
	}
	return ret->delay_ns > 0 ? rest(MAX(ret->delay_ns / NS_PER_US, 1)) : 0;
}

int trouble(enum fault_call call, const struct sock *s, const struct sockaddr *addr, socklen_t len)
{
	struct rpc_fault f;
	int r = ask(call, s, addr, len, 0, &f);
	return r < 0 ? r : -f.err;
}

/* The first octets of m, in a copy. */
static void cut(const struct message *m, uint64_t octets, struct message *ret, struct iovec pieces[PIECES_MAX])
{
	*ret = *m;
	ret->iov = pieces;
	ret->total = 0;
	for (ret->count = 0; ret->count < MIN(m->count, PIECES_MAX) && octets > 0; ret->count++) {
		struct iovec *v = &pieces[ret->count];
		*v = m->iov[ret->count];
		v->iov_len = MIN(v->iov_len, octets);
		octets -= v->iov_len;
		ret->total += v->iov_len;
	}
}

/* Until the engine has done what comes of it: a connection that is to be reset is reset when the other end has all octets. */
static void tell(enum fault_call call, const struct sock *s, uint64_t allowed, long moved)
{
	int64_t r = control_simple(RPC_FAULT_DONE, s, call, (int64_t)allowed, MAX(moved, 0));
	for (int i = 0; r == -EAGAIN && i < ASKS_MAX && rest(ASK_AGAIN_US) == 0; i++) r = control_simple(RPC_FAULT_DONE, s, call, 0, 0);
}

long troubled(enum fault_call call, const struct sock *s, struct message *m, long (*move)(const struct sock *, struct message *))
{
	struct iovec pieces[PIECES_MAX];
	struct message part;
	struct rpc_fault f;
	bool peeks = call == FAULT_RECV && m->flags & MSG_PEEK;
	int r = ask(call, s, NULL, 0, peeks ? 0 : m->total, &f);
	if (r == 0) r = -f.err;
	if (r < 0) return r;
	if (peeks || f.limit >= m->total) {
		long moved = move(s, m);
		if (f.counts && !peeks) tell(call, s, f.limit, moved);
		return moved;
	}
	cut(m, f.limit, &part, pieces);
	long moved = move(s, &part);
	m->name_len = part.name_len;
	m->control_len = part.control_len;
	m->ret_flags = part.ret_flags;
	if (f.counts) tell(call, s, f.limit, moved);
	return moved;
}
