/*
 * Messages. They are received from rx, where each is one record (arena.h), and sent by RPC_SEND: its errors (no route, message too long, an
 * ICMP error that came back) belong to the very call. Where there can be none they go straight to the receiver: ticket.c.
 */
#include <netinet/in.h>
#include "shim/shim.h"

#define PIECES_MAX 64   /* of data, in one control call */

/* The data goes to one place: the program's only buffer, or scratch memory when it has several. */
struct landing { uint8_t *at; size_t cap; bool spread; };

static int landing_of(const struct message *m, struct landing *ret)
{
	*ret = (struct landing){m->count == 1 ? m->iov[0].iov_base : NULL, m->count == 1 ? m->iov[0].iov_len : 0, m->count > 1};
	if (!ret->spread) return 0;
	ret->at = scratch_take();
	ret->cap = MIN(m->total, SCRATCH_SIZE);
	return ret->at ? 0 : -ENOMEM;
}

static int spread(const struct message *m, const uint8_t *from, size_t len)
{
	for (int i = 0; i < m->count && len > 0; i++) {
		size_t n = MIN(len, m->iov[i].iov_len);
		if (user_copy(m->iov[i].iov_base, from, n) != 0) return -EFAULT;
		from += n;
		len -= n;
	}
	return 0;
}

#define CONTROL_MAX 2048

/*
 * Hands out control messages as the kernel does: the last one is cut when there is no room, and padding that has none is left out. Where one can't be
 * written none is told, which is no error.
 */
void control_put(struct message *m, const uint8_t *block, size_t len)
{
	size_t used = 0;
	for (size_t at = 0; len - at >= sizeof(struct cmsghdr);) {
		struct cmsghdr h;
		memcpy(&h, block + at, sizeof h);
		size_t whole = MIN((size_t)h.cmsg_len, len - at), room = m->control_len - used;
		if (whole < sizeof h) break;
		if (room < whole) m->ret_flags |= MSG_CTRUNC;
		if (room < sizeof h) break;
		h.cmsg_len = MIN(whole, room);
		if (user_copy((uint8_t *)m->control + used, &h, sizeof h) != 0) break;
		if (user_copy((uint8_t *)m->control + used + sizeof h, block + at + sizeof h, h.cmsg_len - sizeof h) != 0) break;
		used += MIN(CMSG_ALIGN(whole), room);
		at += MIN(CMSG_ALIGN(whole), len - at);
	}
	m->control_len = used;
}

/* What the call answers and reports about a message with these lengths. */
static long message_result(struct message *m, size_t name_len, size_t data_len, size_t skip)
{
	size_t rest = data_len - skip;
	if (rest > m->total || (skip > 0 && rest == m->total)) m->ret_flags |= MSG_TRUNC;   /* the latter as Linux */
	m->name_len = (socklen_t)name_len;
	return m->flags & MSG_TRUNC ? (long)data_len : (long)MIN(rest, m->total);
}

struct taking {
	const struct sock *s;
	const struct message *m;
	const struct landing *to;
	struct record r;
	bool peek;
	uint32_t skip;                       /* what a peek leaves out */
	struct handover h;
	uint8_t control[CONTROL_MAX];
};

static long record_copy(void *arg)
{
	struct taking *t = arg;
	const struct message *m = t->m;
	if (t->s->c->domain == AF_UNIX)
		return chan_read_posted(shim.arena, t->s->c, &t->r, m->name, m->name ? m->name_len : 0, t->to->at, t->to->cap, t->peek, &t->h);
	if (t->skip > 0)
		return chan_peek_record_at(shim.arena, t->s->c, &t->r, &t->skip, m->name, m->name ? m->name_len : 0, t->control, sizeof t->control,
					   t->to->at, t->to->cap);
	return chan_read_record(shim.arena, t->s->c, &t->r, m->name, m->name ? m->name_len : 0, t->control, sizeof t->control, t->to->at, t->to->cap,
				t->peek);
}

/* A message that can't be put where the program wants it is lost, as in Linux. */
static void record_drop(struct taking *t)
{
	if (t->s->c->domain == AF_UNIX) chan_read_posted(shim.arena, t->s->c, &t->r, NULL, 0, NULL, 0, false, &t->h);
	else chan_read_record(shim.arena, t->s->c, &t->r, NULL, 0, NULL, 0, NULL, 0, false);
}

static bool record_take(const struct sock *s, struct message *m, struct landing *to, long *ret)
{
	struct taking t;
	t.s = s, t.m = m, t.to = to, t.peek = m->flags & MSG_PEEK, t.skip = peek_skip(s, m), t.h = (struct handover){0};
	critical_enter();
	chan_lock(&s->c->rx.lock, lock_name(), futex_shared);
	owe(s, &s->c->rx);
	uint32_t before = chan_rx_used(shim.arena, s->c);
	long got = before > 0 ? guarded(record_copy, &t) : 0;
	if (got < 0 && !t.peek) record_drop(&t);
	chan_unlock(&s->c->rx.lock, futex_shared);
	if (t.h.peer != 0) direct_read(s, t.h.peer);
	if (t.h.inbox) direct_made_room(t.h.inbox);
	if (t.h.relieved != 0) direct_relieved(t.h.relieved);
	if (t.h.left) handed_over(s);
	owe_no_more(s, &s->c->rx);
	critical_leave();
	if (got == 0) return false;
	if (got > 0 && to->spread) got = spread(m, to->at, MIN(t.r.data_len - t.skip, to->cap));
	if (got >= 0) control_put(m, t.control, MIN(t.r.control_len, sizeof t.control));
	if (!t.peek && t.r.charge == 0) consumed(s, t.r.data_len + 64);   /* a message costs the buffer more than its data */
	if (got < 0) {
		*ret = got;
		return true;
	}
	m->ret_flags |= (int)t.r.flags;
	m->named = t.r.sender != 0;
	*ret = message_result(m, t.r.name_len, t.r.data_len, t.skip);
	peek_moves(s, m, (size_t)*ret);
	return true;
}

static long recv_into(const struct sock *s, struct message *m, struct landing *to)
{
	struct wait w;
	bool looked = false;
	long r = 0;
	wait_begin_as_set(&w, &s->c->rcvtimeo_ms);
	for (;;) {
		uint32_t seq = shared_get32(&s->c->rx.seq), state = shared_get32(&s->c->state);
		if (state & CHS_GONE || engine_dead()) return -ENETDOWN;
		if (state & CHS_ERROR) {   /* as Linux: before the messages that wait */
			int64_t err = control_simple(RPC_TAKE_ERROR, s, 0, 0, 0);
			if (err != 0) return err > 0 ? -(long)err : (long)err;
		}
		if (record_take(s, m, to, &r)) return r;
		if (state & CHS_EOF && !m->nonblock) return control_put(m, NULL, 0), message_result(m, 0, 0, 0);
		if (m->nonblock && look_again(&looked)) continue;
		if (m->nonblock) return -EAGAIN;
		r = wait_on(&w, s, &s->c->rx, seq);
		if (r < 0) return r;
	}
}

long dgram_take(const struct sock *s, struct message *m)
{
	struct landing to;
	long r = landing_of(m, &to);
	if (r == 0 && !record_take(s, m, &to, &r)) r = -EAGAIN;
	if (to.spread) scratch_give(to.at);
	return r;
}

bool is_udp(const struct sock *s)
{
	return s->c->type == SOCK_DGRAM && (s->c->protocol == IPPROTO_UDP || s->c->protocol == IPPROTO_UDPLITE);
}

long dgram_recv(const struct sock *s, struct message *m)
{
	struct landing to;
	if ((m->flags & MSG_OOB && !is_udp(s)) || m->flags & MSG_ERRQUEUE) return (long)engine_recv_once(s, m);
	long r = landing_of(m, &to);
	if (r == 0) r = recv_into(s, m, &to);
	if (to.spread) scratch_give(to.at);
	return r;
}

int64_t engine_send_unread(const struct sock *s, const struct message *m)
{
	struct rpc_send q = {m->name_len, (uint32_t)m->control_len, 0, m->flags};
	struct call c = {.op = RPC_SEND, .sock = s, .arg = {0, 0, 1 + (int64_t)m->total}, .in = {{&q, sizeof q}},
			 .rights = m->rights, .n_rights = m->n_rights};
	int used = 1;
	if (m->name_len) c.in[used++] = (struct iovec){m->name, m->name_len};
	if (m->control_len) c.in[used++] = (struct iovec){m->control, m->control_len};
	return control(&c);
}

/* Something else may be wrong with it, too, and is said first. */
static int64_t too_long(const struct sock *s, const struct message *m)
{
	int64_t r = engine_send_unread(s, m);
	return r == -EFAULT ? -EMSGSIZE : r;
}

int64_t engine_send_once(const struct sock *s, struct message *m, size_t skip)
{
	struct rpc_send q = {m->name_len, (uint32_t)m->control_len, 0, m->flags};
	bool whole = s->c->type != SOCK_STREAM || is_sctp(s);
	size_t most = whole ? rpc_rows[RPC_SEND].in_max : RPC_TEXT_MAX, room = most - sizeof q - m->name_len - m->control_len;
	size_t left = m->total - skip, len = left;
	struct iovec data[PIECES_MAX];
	int n = 0;
	if (m->control_len > 65536) return -ENOBUFS;
	if (len > room && whole) return too_long(s, m);
	len = MIN(len, room);
	for (int i = 0; i < m->count && len > 0 && n < PIECES_MAX; i++) {
		struct iovec v = m->iov[i];
		size_t over = MIN(skip, v.iov_len);
		skip -= over;
		v = (struct iovec){(char *)v.iov_base + over, MIN(v.iov_len - over, len)};
		if (v.iov_len == 0) continue;
		data[n++] = v;
		len -= v.iov_len;
		q.data_len += (uint32_t)v.iov_len;
	}
	if (len > 0 && whole) return -EMSGSIZE;
	/* A part of a call, or all there is of one that would wait for room: the stack is to know where the call ends. */
	bool goes_on = !whole && (!m->nonblock || q.data_len < left);
	struct call c = {.op = RPC_SEND, .sock = s, .arg = {m->ticket != NULL, goes_on ? (int64_t)left : 0}, .in = {{&q, sizeof q}}, .more = data,
			 .more_count = n, .rights = m->rights, .n_rights = m->n_rights, .out = m->ticket, .out_cap = sizeof *m->ticket};
	int used = 1;
	if (m->name_len) c.in[used++] = (struct iovec){m->name, m->name_len};
	if (m->control_len) c.in[used++] = (struct iovec){m->control, m->control_len};
	int64_t r = control(&c);
	return r == -EMSGSIZE && whole && q.data_len > RPC_TEXT_MAX ? too_long(s, m) : r;     /* it may be our pair that takes no more */
}

/* A message of more pieces than a control call carries is put together first. */
int message_gather(struct message *m, struct iovec *one)
{
	if (m->count <= PIECES_MAX) return 0;
	if (m->total > SCRATCH_SIZE) return -EMSGSIZE;
	*one = (struct iovec){scratch_take(), 0};
	uint8_t *at = one->iov_base;
	if (!at) return -ENOMEM;
	for (int i = 0; i < m->count; i++) {
		if (user_copy(at + one->iov_len, m->iov[i].iov_base, m->iov[i].iov_len) != 0) return -EFAULT;
		one->iov_len += m->iov[i].iov_len;
	}
	m->iov = one;
	m->count = 1;
	return 0;
}

long engine_send(const struct sock *s, struct message *m)
{
	struct wait w;
	struct iovec one = {NULL, 0};
	long r = message_gather(m, &one);
	wait_begin_as_set(&w, &s->c->sndtimeo_ms);
	while (r == 0) {
		uint32_t seq = shared_get32(&s->c->tx.seq);
		r = (long)engine_send_once(s, m, 0);
		if (r != -EAGAIN || m->nonblock) break;
		r = wait_on(&w, s, &s->c->tx, seq);
	}
	scratch_give(one.iov_base);
	return r;
}

static int64_t recv_by(uint8_t *at, const struct sock *s, struct message *m)
{
	struct rpc_recv h;
	size_t cap = MIN(m->total, RPC_OUT_MAX);
	int64_t how = (int64_t)(uint32_t)m->flags | (m->go_on ? RPC_RECV_GO_ON : 0) | (m->past_peek_off ? RPC_RECV_PAST_PEEK_OFF : 0);
	struct call c = {.op = RPC_RECV, .sock = s, .arg = {how, (int64_t)cap, (int64_t)m->control_len}, .out = at, .out_cap = SCRATCH_SIZE,
			 .in = {{&m->peek, m->peek.room ? sizeof m->peek : 0}}, .want_fd = m->rights, .cloexec = m->cloexec,
			 .rights = m->rights, .n_rights = m->n_rights};
	int64_t r = control(&c);
	m->n_rights = r < 0 ? 0 : c.n_rights;
	if (r < 0 || c.out_len < sizeof h) return r;
	memcpy(&h, at, sizeof h);
	if ((uint64_t)h.name_len + h.control_len + h.data_len > c.out_len - sizeof h) return -EPROTO;
	const uint8_t *name = at + sizeof h, *control_at = name + h.name_len, *data = control_at + h.control_len;
	if (m->name && user_copy(m->name, name, MIN(m->name_len, h.name_len)) != 0) return -EFAULT;
	control_put(m, control_at, h.control_len);
	if (spread(m, data, h.data_len) != 0) return -EFAULT;
	m->ret_flags |= h.flags | (c.fds_lost ? MSG_CTRUNC : 0);
	m->name_len = h.name_len;
	m->pidfd_of = h.pidfd_of;
	return r;
}

int64_t engine_recv_once(const struct sock *s, struct message *m)
{
	uint8_t *at = scratch_take();
	int64_t r = at ? recv_by(at, s, m) : -ENOMEM;
	scratch_give(at);
	return r;
}
