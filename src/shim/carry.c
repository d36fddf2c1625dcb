/*
 * One message goes the way of its kind of socket, out or in; and what all kinds have in common: the memory that Linux looks at first, SO_PEEK_OFF,
 * SIGPIPE, what the engine is told of room that a reader has made.
 */
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include "shim/shim.h"
#include "shim/unix.h"

#define PIECE 32768u   /* what Linux's TCP copies at a time */

struct touch { const struct message *m; size_t len; bool writing; };

static void touch_octet(volatile char *at, bool writing)
{
	if (writing) __asm__ volatile("lock orb $0, %0" : "+m"(*at));
	else (void)*at;
}

static long touch(void *arg)
{
	const struct touch *t = arg;
	size_t done = 0;
	for (int i = 0; i < t->m->count && done < t->len; i++) {
		const struct iovec *v = &t->m->iov[i];
		if (v->iov_len == 0) continue;
		touch_octet(v->iov_base, t->writing);
		touch_octet((char *)v->iov_base + MIN(v->iov_len, t->len - done) - 1, t->writing);
		done += v->iov_len;
	}
	return 0;
}

/*
 * Memory of which a later part isn't there: Linux copies some 32 KB at a time, and what it could not copy whole has not been sent, or read. Here
 * each piece goes by itself, and what a segment of the ring takes, so they are looked at first.
 */
int message_there(const struct message *m, size_t len, bool writing)
{
	struct touch t = {m, MIN(len, PIECE), writing};
	return m->count > 1 || MIN(m->total, len) > SEGMENT_SMALL ? (int)guarded(touch, &t) : 0;
}

bool message_writable(const struct message *m)
{
	struct touch t = {m, m->total, true};
	return guarded(touch, &t) == 0;
}

bool nonblocking(const struct sock *s, int flags)
{
	return flags & MSG_DONTWAIT || shared_get32(&s->c->flags) & CHF_NONBLOCK;
}

/*
 * The engine advertises a window by what it knows to have been read, and looks at each arrival. In between it is told when the reader has made
 * room worth telling: a good part of a small segment, or of the receive buffer when that is smaller (rx.limit).
 */
void consumed(const struct sock *s, uint32_t octets)
{
	uint32_t worth = shared_get32(&s->c->rx.limit);
	if (worth == 0) worth = SEGMENT_SMALL / 8;
	if (table_consumed(s->index, octets) < worth) return;
	table_consumed(s->index, UINT32_MAX);
	handed_over(s);
}

uint32_t peek_skip(const struct sock *s, const struct message *m)
{
	return m->flags & MSG_PEEK && !m->past_peek_off ? (uint32_t)MAX(atomic_load_explicit(&s->c->peek_off, memory_order_relaxed), 0) : 0;
}

void peek_moves(const struct sock *s, const struct message *m, size_t n)
{
	int32_t off = atomic_load_explicit(&s->c->peek_off, memory_order_relaxed), by = (int32_t)MIN(n, INT_MAX / 2);
	if (off < 0 || m->past_peek_off) return;
	if (m->flags & MSG_PEEK) off = (int32_t)((uint32_t)off + (uint32_t)by);
	else off = MAX(off - by, 0);
	atomic_store_explicit(&s->c->peek_off, off, memory_order_relaxed);
}

static long broken_pipe(const struct sock *s, const struct message *m, long r)
{
	if (r == -EPIPE && s->c->type == SOCK_STREAM && !(m->flags & MSG_NOSIGNAL))
		sys(SYS_tgkill, sys(SYS_getpid), sys(SYS_gettid), SIGPIPE);
	return r;
}

/*
 * Linux looks at the data last: what is wrong with the socket, the name or the flags is said first. A stream that can be sent to has nothing wrong, but
 * with Fast Open, and the wait of a call for its turn is not made here.
 */
static long send_unread(const struct sock *s, const struct message *m)
{
	uint32_t state = shared_get32(&s->c->state);
	bool well = s->c->type == SOCK_STREAM && state & CHS_SENDABLE && !(state & CHS_ERROR) && !(m->flags & MSG_FASTOPEN);
	if (well || s->c->domain == AF_UNIX) return -EFAULT;      /* unix_send has asked */
	long r = (long)engine_send_unread(s, m);
	return r == -EAGAIN && !m->nonblock ? -EFAULT : r;
}

static long send_there(const struct sock *s, struct message *m)
{
	bool octets = s->c->type == SOCK_STREAM && s->c->domain != AF_UNIX && !is_sctp(s);
	if (octets && message_there(m, m->total, false) != 0) return -EFAULT;
	if (s->c->domain == AF_UNIX) return unix_send(s, m);
	if (is_sctp(s)) return engine_send(s, m);
	return octets ? stream_send(s, m) : dgram_send(s, m);
}

static long send_plain(const struct sock *s, struct message *m)
{
	m->nonblock = nonblocking(s, m->flags);
	m->flags &= ~MSG_DONTWAIT;
	bool goes_by_length = s->c->type == SOCK_STREAM || s->c->domain == AF_NETLINK || s->c->domain == AF_UNIX;
	if (s->c->type == SOCK_RAW && s->c->domain == AF_INET) goes_by_length = true;
	if (m->name && m->name_len == 0 && !goes_by_length) {
		m->name = "";           /* too short a name, which the engine refuses after it has given the socket a port, as Linux does */
		m->name_len = 1;
	}
	if (s->c->type == SOCK_STREAM && m->name_len > 0 && !user_there(m->name, m->name_len)) return -EFAULT;   /* looked at, though not heeded */
	bool octets = s->c->type == SOCK_STREAM && s->c->domain != AF_UNIX && !is_sctp(s);
	if (octets && m->flags & MSG_FASTOPEN && m->name && m->name_len < sizeof(sa_family_t)) return -EINVAL;
	bool nothing = octets && m->total == 0 && m->control_len == 0 && !(m->flags & MSG_FASTOPEN);
	if (nothing) closes_settle();
	if (nothing && shared_get32(&s->c->state) & CHS_SENDABLE) return 0;
	long r = pin(s);
	if (r != 0) return r;
	int flags = m->flags;
	r = send_there(s, m);
	m->flags = flags;
	if (r == -EFAULT) r = send_unread(s, m);
	unpin();
	return r;
}

long sock_send(const struct sock *s, struct message *m)
{
	bool wanted = has_trouble(FAULT_SEND) && s->c->domain != AF_UNIX;
	return broken_pipe(s, m, wanted ? troubled(FAULT_SEND, s, m, send_plain) : send_plain(s, m));
}

/* TCP_INQ. As on Linux the end counts as an octet. */
static void inq_put(const struct sock *s, struct message *m)
{
	union { struct cmsghdr h; uint8_t octets[CMSG_SPACE(sizeof(int))]; } c = {.h = {CMSG_LEN(sizeof(int)), IPPROTO_TCP, TCP_INQ}};
	bool end = shared_get32(&s->c->state) & (is_mptcp(s) ? CHS_EOF : CHS_DONE);
	uint32_t unread = chan_rx_used(shim.arena, s->c), left = unread && is_mptcp(s) ? unread : unread + end;
	memcpy(CMSG_DATA(&c.h), &left, sizeof left);
	control_put(m, c.octets, CMSG_LEN(sizeof(int)));
}

#define PACKET_FLAGS (MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC | MSG_ERRQUEUE | MSG_CMSG_COMPAT)     /* packet sockets alone mind the others */

static long recv_plain(const struct sock *s, struct message *m)
{
	if (s->c->domain == AF_PACKET && (m->cloexec || m->flags & ~PACKET_FLAGS)) return -EINVAL;
	size_t control_room = m->control_len;
	m->nonblock = nonblocking(s, m->flags);
	if (s->c->domain == AF_NETLINK) m->flags &= ~MSG_ERRQUEUE;
	if (is_udp(s) || is_mptcp(s)) m->flags &= ~MSG_OOB;     /* not looked at there */
	long r = pin(s);
	if (r != 0) return r;
	bool asked = is_asked(s);
	if (s->c->domain == AF_UNIX) r = unix_recv(s, m);
	else if (is_sctp(s)) r = sctp_socket_recv(s, m);
	else if (asked) r = asked_recv(s, m);
	else r = s->c->type == SOCK_STREAM ? stream_recv(s, m) : dgram_recv(s, m);
	unpin();
	if (shared_get32(&s->c->flags) & (CHF_ASYNC | CHF_OWNED)) signals_drain(s);
	if (s->c->type != SOCK_STREAM || s->c->domain == AF_UNIX || is_sctp(s) || asked || m->flags & MSG_ERRQUEUE) return r;
	m->name_len = 0;
	bool tells = r >= 0 && shared_get32(&s->c->state) & CHS_INQ;
	m->control_len = tells ? control_room : 0;
	if (tells) inq_put(s, m);
	return r;
}

long sock_recv(const struct sock *s, struct message *m)
{
	return has_trouble(FAULT_RECV) && s->c->domain != AF_UNIX ? troubled(FAULT_RECV, s, m, recv_plain) : recv_plain(s, m);
}
