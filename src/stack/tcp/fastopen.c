/*
 * Fast Open's client: connections that a send opens, by sendto with MSG_FASTOPEN, or after a connect of a socket with
 * TCP_FASTOPEN_CONNECT, which says yes without a word to the peer if a cookie is known.
 *
 *     with a cookie, or where none is needed      SYN, cookie, as much data as fits; the rest is for a send later
 *     without                                     SYN that asks for one; no data is taken
 *
 * Data in the SYN is queued as any other, and recorded as in flight. What the SYN and ACK does not acknowledge of it goes
 * again at once as a plain segment; repeated SYNs carry neither data nor option.
 *
 * Read first: RFC 7413 §4.1.3 and §4.2.1.
 */
#include "stack/tcp/conn.h"
#include <errno.h>

#define SYN_OPTIONS_MAX 40u         /* as Linux: whatever options others may add, the segment fits */

static bool is_on(const struct tcp_sock *conn) { return conn_sysctl(conn)->tcp_fastopen & FASTOPEN_CLIENT; }

bool fastopen_wanted(const struct tcp_sock *conn, int flags) { return (flags & MSG_FASTOPEN) || conn->fastopen.deferred; }

/* ---- the SYN ---- */

/* What the SYN says of cookies (NULL: nothing), and how much data it may carry. */
static const struct tcp_cookie *plan(struct tcp_sock *conn, struct tcp_cookie *buf, uint32_t *ret_room)
{
	uint16_t mss = conn->rcv.adv_mss;
	bool by_setting = conn_sysctl(conn)->tcp_fastopen & FASTOPEN_CLIENT_NO_COOKIE;
	bool no_cookie = by_setting || conn->set.fastopen_no_cookie || conn_metric(conn, RTAX_FASTOPEN_NO_COOKIE);

	*ret_room = 0;
	fastopen_recall(conn, buf, &mss);
	if (fastopen_is_paused(conn)) return NULL;
	/* RFC 7413 §4.2.1: no more than the cached MSS and the path take. */
	if (no_cookie || buf->len) *ret_room = MAX((uint32_t)MIN(mss, conn->snd.mss), SYN_OPTIONS_MAX) - SYN_OPTIONS_MAX;
	if (!no_cookie && !buf->len) conn->fastopen.fail = FASTOPEN_NO_COOKIE_YET;
	return no_cookie ? NULL : buf;
}

/* The SYN with as much of the data as it takes: octets, or a negative errno when they can't be kept. */
static ssize_t send_syn(struct tcp_sock *conn, const void *data, size_t len)
{
	struct tcp_cookie buf;
	uint32_t room;
	const struct tcp_cookie *c = plan(conn, &buf, &room);
	uint32_t n = (uint32_t)MIN(len, (size_t)room);
	int r = n ? ring_append(&conn->snd.queue, data, n) : 0;

	if (r < 0) return r;
	conn->fastopen.asked = c != NULL;
	conn->fastopen.experimental = c && c->experimental;
	if (n && output_syn_data(conn, n, c))
		conn->fastopen.data = true;
	else
		segment_send_syn_with(conn, 0, c);
	timers_syn_sent(conn);
	return (ssize_t)n;
}

int fastopen_send_syn(struct tcp_sock *conn)
{
	send_syn(conn, NULL, 0);
	return -EINPROGRESS;
}

/* ---- what the program asks ---- */

/* As Linux: with a cookie at hand connect() promises what the first send will do. */
bool fastopen_defers(struct tcp_sock *conn)
{
	struct tcp_cookie buf;
	uint32_t room;

	plan(conn, &buf, &room);
	conn->fastopen.deferred = room > 0;
	return conn->fastopen.deferred;
}

static ssize_t open_with(struct tcp_sock *conn, const struct sock_msg *m)
{
	ssize_t n = send_syn(conn, m->data, m->unread ? 0 : m->len);

	return n ? n : -EINPROGRESS;
}

ssize_t fastopen_send(struct tcp_sock *conn, const struct sock_msg *m)
{
	const struct sockaddr *to = m->name;
	int r;

	if (!is_on(conn) || (to && m->name_len >= sizeof to->sa_family && to->sa_family == AF_UNSPEC)) return -EOPNOTSUPP;
	if (conn->fastopen.deferred) {
		conn->fastopen.deferred = false;
		return open_with(conn, m);
	}
	r = conn_connect(conn, to, m->name_len, true);
	return r == -EINPROGRESS ? open_with(conn, m) : r;
}

/* ---- the answer ---- */

/* RFC 7413 §4.2.1: what was not acknowledged of the SYN's data is sent again, which takes the place of the ACK. */
static bool resend_data(struct tcp_sock *conn)
{
	if (!conn->rtxq.n) return false;
	conn->fastopen.fail = conn->count.total_retrans ? FASTOPEN_SYN_REPEATED : FASTOPEN_DATA_NOT_ACKED;
	recovery_resend_all(conn);
	return true;
}

bool fastopen_answered(struct tcp_sock *conn, struct segment *g)
{
	struct fastopen *f = &conn->fastopen;
	const struct tcp_cookie *c = f->asked && g->h.opts.has_cookie && g->h.opts.cookie.len ? &g->h.opts.cookie : NULL;
	int try_experimental = 0;

	if (!f->asked && !f->data) return false;
	/* A server that knows only the option of the drafts is asked that way next time; and then the standard's way again. */
	if (f->asked && !c && !f->data && !conn->count.total_retrans) try_experimental = f->experimental ? 2 : 1;
	fastopen_learn(conn, g->h.opts.has_mss ? g->h.opts.mss : 0, c, try_experimental);
	if (resend_data(conn)) {
		conn_mib(conn, TCPEXT_TCPFastOpenActiveFail);
		return true;
	}
	f->data_acked = f->data || g->len;
	if (f->data) conn_mib(conn, TCPEXT_TCPFastOpenActive);
	input_syn_text(conn, g);
	return false;
}

/* ---- black holes ---- */

void fastopen_syn_timeout(struct tcp_sock *conn, bool expired)
{
	bool tried = conn->fastopen.asked || conn->fastopen.data;

	/* As Linux: the third in a row, or the last. */
	if (tried && (conn->trouble.retries == 2 || (conn->trouble.retries < 2 && expired))) fastopen_pause(conn);
}

/* RFC 7413 §7.1: a reset or a FIN behind a hole, and never an octet: somebody in between does not know of data in SYNs. */
void fastopen_reset_astray(struct tcp_sock *conn)
{
	if (conn->fastopen.asked && !conn->count.data_segs_in && conn->state == TCPS_ESTABLISHED) fastopen_pause(conn);
}

void fastopen_end(struct tcp_sock *conn)
{
	if (!conn->fastopen.asked) return;
	if (conn->count.data_segs_in)
		fastopen_trial_passed(conn);
	else if (conn->rcv.fin && !conn->rcv.done)
		fastopen_pause(conn);
}
