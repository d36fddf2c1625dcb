/*
 * Fast Open's server: a SYN with a valid cookie is a connection at once. The program accepts it, reads the SYN's data and
 * answers, while the client's ACK, which proves that the SYN was its own, is still to come.
 *
 *     SYN, cookie, data ──► unproven, in the accept queue ──ACK──► as any other
 *                                   └──RST──► gone, but its place is taken for a minute
 *
 * A listener has room for so many unproven ones (TCP_FASTOPEN); a SYN beyond them opens in the ordinary way. A reset says
 * that somebody else sent the SYN with a cookie that he had seen, so it does not make room at once.
 *
 * Read first: RFC 7413 §4.2.2 and §5.1.
 */
#include <stdlib.h>
#include "stack/tcp/conn.h"

#define RESET_COUNTS (60 * NS_PER_S)

struct reset_note { struct list node; time_ns until; };

/* net.ipv4.tcp_fastopen 0x400: without TCP_FASTOPEN as well. */
void fastopen_listen(struct tcp_sock *conn, uint32_t backlog)
{
	int on = conn_sysctl(conn)->tcp_fastopen;

	if (!(on & FASTOPEN_SERVER) || !(on & FASTOPEN_EVERY_LISTENER) || conn->set.fastopen_qlen) return;
	conn->set.fastopen_qlen = (uint16_t)MIN(backlog, (uint32_t)UINT16_MAX);
	fastopen_keys_need(conn_stack(conn));
}

void fastopen_listen_free(struct tcp_listener *l)
{
	while (!list_empty(&l->resets))
		free(list_entry(list_pop(&l->resets), struct reset_note, node));
}

/* RFC 7413 §5.1: the number of pending connections is limited. */
static bool has_room(struct tcp_sock *conn)
{
	struct tcp_listener *l = conn->listener;
	struct reset_note *oldest = list_first(&l->resets, struct reset_note, node);

	if (l->n_unproven < conn->set.fastopen_qlen) return true;
	if (!conn->set.fastopen_qlen) return false;
	if (list_empty(&l->resets) || oldest->until > conn_now(conn)) {
		conn_mib(conn, TCPEXT_TCPFastOpenListenOverflow);
		return false;
	}
	list_remove(&oldest->node);
	free(oldest);
	l->n_unproven--;
	return true;
}

const struct tcp_cookie *fastopen_judge(struct tcp_sock *conn, struct tcp_sock *child, const struct segment *g, struct tcp_cookie *buf, bool *ret_open)
{
	const struct tcp_opts *o = &g->h.opts;
	int on = conn_sysctl(conn)->tcp_fastopen, proven;

	*ret_open = false;
	if (o->has_cookie && !o->cookie.len) conn_mib(conn, TCPEXT_TCPFastOpenCookieReqd);
	if (!(on & FASTOPEN_SERVER) || !(g->len || o->has_cookie || o->bad_cookie) || !has_room(conn)) return NULL;
	if ((on & FASTOPEN_SERVER_NO_COOKIE) || conn->set.fastopen_no_cookie || conn_metric(child, RTAX_FASTOPEN_NO_COOKIE)) {
		*ret_open = true;
		return NULL;
	}
	if (!o->has_cookie) return NULL;
	proven = fastopen_prove(conn, &g->p->src, &g->p->dst, &o->cookie, buf);
	buf->experimental = o->cookie.experimental;
	*ret_open = proven != 0;
	if (proven == 2) conn_mib(conn, TCPEXT_TCPFastOpenPassiveAltKey);
	if (!proven && o->cookie.len) conn_mib(conn, TCPEXT_TCPFastOpenPassiveFail);
	/* RFC 7413 §4.2.2: asked for, or wrong: a cookie comes with the SYN and ACK; a new one for one of the key that goes. */
	return proven == 1 || !buf->len ? NULL : buf;
}

void fastopen_open(struct tcp_sock *child, struct segment *g)
{
	conn_mib(child, TCPEXT_TCPFastOpenPassive);
	conn_ready_to_send(child);
	child->fastopen.unproven = child->fastopen.server = true;
	child->wait.parent->listener->n_unproven++;
	child->fastopen.data_acked = g->len != 0;
	child->count.data_segs_in += g->len != 0;
	input_syn_text(child, g);
}

/* It counts no more: out of the listener's books, unless it still waits to be accepted. */
static void settle(struct tcp_sock *child)
{
	child->fastopen.unproven = false;
	if (!child->wait.parent) return;
	child->wait.parent->listener->n_unproven--;
	if (!child->accepted) return;
	list_remove(&child->wait.node);
	child->wait.parent = NULL;
	child->accepted = false;
}

void fastopen_proven(struct tcp_sock *child)
{
	settle(child);
	child->cc.delivered++;        /* the SYN and ACK */
	child->when.heard = conn_now(child);
	child->trouble.retries = 0;
	child->trouble.since = 0;
	rtt_established(child);
	/* A program that closed early is in FIN-WAIT-1 by now; one that shut its half down is not. */
	if (child->state == TCPS_SYN_RECEIVED) conn_enter(child, child->snd.fin ? TCPS_FIN_WAIT_1 : TCPS_ESTABLISHED);
	timers_keepalive(child);
	/* As Linux: until now only the SYN and ACK was sent again. */
	timers_rearm(child);
}

void fastopen_reset(struct tcp_sock *child)
{
	struct tcp_listener *l = child->wait.parent && child->accepted ? child->wait.parent->listener : NULL;
	struct reset_note *note = l ? calloc(1, sizeof *note) : NULL;

	settle(child);
	if (!note) return;
	note->until = conn_now(child) + RESET_COUNTS;
	list_append(&l->resets, &note->node);
	l->n_unproven++;
}
