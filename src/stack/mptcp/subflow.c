/* Subflows: their birth, their end, and what each remembers of which octets of the stream are where in it. */
#include <errno.h>
#include <stdlib.h>
#include "stack/mptcp/msk.h"
#include "stack/socket/family.h"

/* ---- maps: in the order of the subflow's octets ---- */

void maps_free(struct maps *m)
{
	free(m->at);
	*m = (struct maps){0};
}

static bool make_room(struct maps *m)
{
	uint32_t cap = m->cap ? 2 * m->cap : 8;
	struct map *grown;

	if (m->first + m->n < m->cap) return true;
	if (m->first > m->cap / 2) {
		memmove(m->at, m->at + m->first, m->n * sizeof *m->at);
		m->first = 0;
		return true;
	}
	grown = realloc(m->at, cap * sizeof *grown);
	if (!grown) return false;
	m->at = grown;
	m->cap = cap;
	return true;
}

/* A segment that came before its turn has a map that goes between those of others. */
bool maps_add(struct maps *m, const struct map *add)
{
	struct map *all;
	uint32_t i = m->n;

	if (!make_room(m)) return false;
	all = m->at + m->first;
	for (; i && seq_gt(all[i - 1].seq, add->seq); i--)
		all[i] = all[i - 1];
	all[i] = *add;
	m->n++;
	return true;
}

void maps_drop(struct maps *m, seq32 to)
{
	while (m->n && seq_le(m->at[m->first].seq + m->at[m->first].len, to)) {
		m->first++;
		m->n--;
	}
	if (!m->n) maps_free(m);
}

const struct map *maps_find(const struct maps *m, seq32 seq)
{
	for (uint32_t i = 0; i < m->n; i++) {
		const struct map *at = &m->at[m->first + i];
		if (seq_le(at->seq, seq) && seq_lt(seq, at->seq + at->len)) return at;
	}
	return NULL;
}

/* ---- birth ---- */

struct subflow *subflow_new(struct tcp_sock *conn)
{
	struct subflow *sub = calloc(1, sizeof *sub);

	if (!sub) return NULL;
	list_init(&sub->node);
	sub->conn = conn;
	conn->mptcp = sub;
	return sub;
}

void subflow_attach(struct subflow *sub, struct mptcp_sock *msk)
{
	sub->msk = msk;
	list_append(&msk->subflows, &sub->node);
	if (!msk->first) msk->first = sub;
}

int subflow_make(struct mptcp_sock *msk, struct subflow **ret)
{
	struct sock *own = &msk->inet.sk, *sk;
	struct subflow *sub;
	int r = sock_alloc(own->stack, &tcp_ops, own->domain, own->type, IPPROTO_TCP, &sk);

	if (r < 0) return r;
	sub = subflow_new(tcp_of(sk));
	if (!sub) {
		sock_close(sk);
		return -ENOBUFS;
	}
	if (msk->first) options_inherit(sub->conn, msk->first->conn);
	subflow_attach(sub, msk);
	sk->uid = own->uid;
	*ret = sub;
	return 0;
}

/* ---- the end ---- */

void subflow_reset(struct subflow *sub, uint8_t reason)
{
	struct tcp_sock *conn = sub->conn;

	sub->rst_reason = reason;
	sub->doomed = false;
	if (IN_STATES(conn, STATES_SYNCED | S_(SYN_RECEIVED))) segment_send_reset(conn);
	if (conn->state != TCPS_CLOSED) conn_done(conn);
}

void subflow_leave(struct subflow *sub)
{
	struct mptcp_sock *msk = sub->msk;

	list_remove(&sub->node);
	if (msk->first == sub) msk->first = NULL;
	sub->msk = NULL;
	sock_close(&sub->conn->inet.sk);
}

void mptcp_conn_done(struct tcp_sock *conn)
{
	if (conn->mptcp->msk) msk_schedule(conn->mptcp->msk);
}

void mptcp_conn_freed(struct tcp_sock *conn)
{
	struct subflow *sub = conn->mptcp;
	struct mptcp_sock *msk = sub->msk;

	conn->mptcp = NULL;
	list_remove(&sub->node);
	maps_free(&sub->in);
	maps_free(&sub->out);
	if (msk && msk->first == sub) msk->first = NULL;
	free(sub);
	/* Nobody has accepted it, and nobody will. */
	if (msk && !msk->accepted && !msk->first) msk_free(msk);
}
