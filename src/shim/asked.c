/*
 * Connections that rings are not enough for: an upper protocol is on it (TCP_ULP), or its program wants to know when octets came (SO_TIMESTAMP). What is sent
 * and received is the stack's business, so each attempt is a control call: sending goes the way of what no ring takes (stream.c), receiving is here. What
 * another thread was reading when this began is in the ring still, and comes first.
 */
#include <linux/tls.h>
#include "shim/shim.h"

bool is_asked(const struct sock *s) { return shared_get32(&s->c->state) & CHS_ASKED; }

/* What of a message is left behind `done` octets, in as many pieces as there is room for. */
#define PIECES 64

static void message_rest(const struct message *m, size_t done, struct iovec *pieces, int room, struct message *ret)
{
	*ret = (struct message){.iov = pieces, .flags = m->flags, .nonblock = m->nonblock};
	for (int i = 0; i < m->count && ret->count < room; i++) {
		size_t over = MIN(done, m->iov[i].iov_len), len = m->iov[i].iov_len - over;
		done -= over;
		if (len == 0) continue;
		pieces[ret->count++] = (struct iovec){(char *)m->iov[i].iov_base + over, len};
		ret->total += len;
	}
}

/* SO_PEEK_OFF: what lies before is looked at, too, and thrown away. */
static long peek_behind(const struct sock *s, struct message *m, uint32_t skip)
{
	struct iovec pieces[PIECES] = {{scratch_take(), MIN(skip, SCRATCH_SIZE)}};
	struct message all;
	if (!pieces[0].iov_base) return -ENOMEM;
	message_rest(m, 0, pieces + 1, PIECES - 1, &all);
	all.iov = pieces;
	all.count++;
	all.total += pieces[0].iov_len;
	long r = (long)engine_recv_once(s, &all);
	scratch_give(pieces[0].iov_base);
	if (r >= 0) m->control_len = 0;
	return r <= 0 ? r : r > (long)skip ? r - (long)skip : -EAGAIN;
}

/* The first attempt has room for control messages, and says what was read; those after it can only go on with the same. */
static long recv_once(const struct sock *s, struct message *m, size_t done)
{
	struct iovec pieces[PIECES];
	struct message rest;
	if (done == 0 && chan_rx_used(shim.arena, s->c) > 0) return m->control_len = 0, stream_take_some(s, m, 0);
	if (done == 0 && peek_skip(s, m) > 0) return peek_behind(s, m, peek_skip(s, m));
	m->peek.room = m->flags & MSG_PEEK ? (uint32_t)MIN(m->total, UINT32_MAX) : 0;
	if (done == 0) return (long)engine_recv_once(s, m);
	message_rest(m, done, pieces, PIECES, &rest);
	rest.peek = (struct rpc_peek){(uint32_t)done, m->peek.room};
	long r = (long)engine_recv_once(s, &rest);
	m->ret_flags |= rest.ret_flags;
	return r;
}

#define DATA 23                    /* of TLS's record types the one that is joined */

/* Records of other types are read one by one. Without a word of the type it is data, or no records. */
static bool is_alone(const struct message *m)
{
	union { struct cmsghdr h; uint8_t octets[CMSG_LEN(1)]; } c;
	if (m->control_len < sizeof c.octets || user_copy(c.octets, m->control, sizeof c.octets) != 0) return false;
	return c.h.cmsg_level == SOL_TLS && c.h.cmsg_type == TLS_GET_RECORD_TYPE && *CMSG_DATA(&c.h) != DATA;
}

/* A peek waits for nothing once it has something. */
static size_t wanted(const struct sock *s, const struct message *m)
{
	int32_t lowat = atomic_load_explicit(&s->c->rcvlowat, memory_order_relaxed);
	if (m->flags & (MSG_PEEK | MSG_ERRQUEUE | MSG_OOB)) return 1;
	return m->flags & MSG_WAITALL ? m->total : MIN(m->total, (size_t)MAX(lowat, 1));
}

/* What one control call could not carry. Of a record of an upper protocol it could. */
static bool peek_goes_on(const struct sock *s, const struct message *m, size_t done, long r)
{
	return m->flags & MSG_PEEK && r >= (long)RPC_RECV_MOST && done < m->total && peek_skip(s, m) == 0;
}

static long recv_all(const struct sock *s, struct message *m)
{
	struct wait w;
	size_t done = 0, enough = wanted(s, m), control_room = m->control_len;
	bool looked = false;
	wait_begin_as_set(&w, &s->c->rcvtimeo_ms);
	closes_settle();
	for (;;) {
		uint32_t seq = shared_get32(&s->c->rx.seq), handled = signals_handled();
		if (done == 0) m->control_len = control_room;
		long r = recv_once(s, m, done);
		if (r > 0) {
			done += (size_t)r;
			if (peek_goes_on(s, m, done, r)) continue;
			if (done >= enough || is_alone(m)) break;
			wait_partly(&w, handled);
			continue;
		}
		if (r != -EAGAIN || (done > 0 && m->flags & MSG_PEEK)) return done > 0 ? (long)done : r;
		if (m->nonblock && engine_is_late() && look_again(&looked)) continue;
		if (!m->nonblock && !(m->flags & MSG_ERRQUEUE)) r = wait_on(&w, s, &s->c->rx, seq);
		if (r < 0) return done > 0 ? (long)done : r;
	}
	return (long)done;
}

long asked_recv(const struct sock *s, struct message *m)
{
	long r = recv_all(s, m);
	if (r > 0) peek_moves(s, m, (size_t)r);
	return r;
}
