/*
 * How much a program may hand over: SO_SNDBUF.
 *
 *     una |== packet ==|== packet ==| nxt |== packet ==|= pack…|          each takes its octets and a head
 *
 * Linux fills the buffer by the memory of its packets: those in flight, as they left, and those that are filled one after the other as the program
 * sends. It asks for room only when it begins another packet, which may then be filled however small the buffer is. Where the device cuts, the stack
 * has the same packets (cuts.c, TAG_HEAD) and counts as Linux does. Where it does not, the packets here are single segments, of which Linux hands over
 * dozens as one for software to cut: there octets alone count.
 *
 * Unless the program fixed a size, the buffer grows with cwnd, up to tcp_wmem[2].
 */
#include "base/charge.h"
#include "stack/tcp/conn.h"

#define HEADERS_MAX 192u                   /* Linux's MAX_TCP_HEADER, without tunnels and radio */
#define HEAD (SKB_SMALL_HEAD + SKB_TRUESIZE_OVERHEAD)

/* A packet of one segment is held until all of it is acknowledged. */
static seq32 held_from(const struct tcp_sock *conn)
{
	const struct tcp_rtxq *q = &conn->rtxq;
	const struct tcp_sent *first = q->n ? rtxq_at(q, 0) : NULL;

	if (!first || !(first->tag & TAG_HEAD) || (q->n > 1 && !(first[1].tag & TAG_HEAD))) return conn->snd.una;
	return first->seq;
}

static uint32_t packets(const struct tcp_sock *conn)
{
	const struct tcp_rtxq *q = &conn->rtxq;

	return q->heads + (q->n && !(rtxq_at(q, 0)->tag & TAG_HEAD)) + cuts_packets(conn);
}

static size_t held(const struct tcp_sock *conn)
{
	if (!conn->snd.tso_bytes || !conn->snd.queue.len) return conn->snd.queue.len;
	return (size_t)HEAD * packets(conn) + (snd_end(conn) - held_from(conn));
}

bool wmem_has_memory(const struct tcp_sock *conn)
{
	return snd_unsent(conn) < conn_notsent_lowat(conn) && held(conn) < conn->inet.sk.sndbuf;
}

size_t wmem_room(struct tcp_sock *conn, bool urgent)
{
	uint32_t tail = cuts_tail_room(conn, urgent);

	if (tail) return tail;
	if (!wmem_has_memory(conn)) return 0;
	return conn->snd.tso_bytes ? tso_goal(conn, urgent) : conn->inet.sk.sndbuf - held(conn);
}

/* As Linux's tcp_sndbuf_expand: room for two windows of segments, each with what it costs the kernel. */
void wmem_expand(struct tcp_sock *conn)
{
	struct sock *sk = &conn->inet.sk;
	uint32_t mss = MAX(conn->snd.mss, conn->snd.peer_mss), cost = 512;
	uint64_t segments = MAX(TCP_INIT_CWND, MAX(conn->cc.cwnd, (uint32_t)conn->rec.reordering + 1)), want;

	if (sk->sndbuf_locked) return;
	while (cost < mss + HEADERS_MAX + SKB_SHARED_INFO)
		cost *= 2;
	want = MIN(2 * segments * (cost + SKB_TRUESIZE_OVERHEAD), (uint64_t)conn_sysctl(conn)->tcp_wmem[2]);
	if (want > sk->sndbuf) sk->sndbuf = (uint32_t)want;
}

/* epoll's idea of writable: a third is free. */
bool wmem_writable(const struct tcp_sock *conn)
{
	size_t taken = held(conn);

	if (2 * (uint64_t)snd_unsent(conn) >= conn_notsent_lowat(conn)) return false;
	return taken + taken / 2 <= conn->inet.sk.sndbuf;
}

void wmem_freed(struct tcp_sock *conn)
{
	if (!conn->nospace && !conn->unwritable) return;
	/* As Linux: not while cwnd holds back what there is. */
	if (conn->nospace && !conn->inet.sk.sndbuf_locked && rtxq_in_flight(&conn->rtxq) < conn->cc.cwnd) {
		wmem_expand(conn);
		conn->cc.stamp = conn_now(conn);
	}
	if (!wmem_writable(conn)) return;
	conn->nospace = conn->unwritable = false;
	chrono_refused(conn, false);
	sock_ready(&conn->inet.sk);
}
