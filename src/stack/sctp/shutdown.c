/*
 * The ways out.
 *
 *     we:      ESTABLISHED ─► SHUTDOWN-PENDING ─► SHUTDOWN-SENT, once all is acknowledged ─► over, when SHUTDOWN ACK comes
 *     peer:    ESTABLISHED ─► SHUTDOWN-RECEIVED ─► SHUTDOWN-ACK-SENT, once all is acknowledged ─► over, when SHUTDOWN COMPLETE comes
 *
 * T2 repeats SHUTDOWN and SHUTDOWN ACK; the guard ends what takes five times RTO.Max.
 *
 * Read first: RFC 9260 §9.
 */
#include <errno.h>
#include "stack/sctp/assoc.h"

static void t2_start(struct assoc *a, const struct path *p) { timer_set(assoc_stack(a), &a->t2, assoc_now(a) + p->rto_ns); }

static void send_shutdown(struct assoc *a)
{
	struct path *to = assoc_path_to_send(a, NULL);
	uint8_t cum[4];

	write32(cum, a->rcv.cum);
	out_control(a, to, CHUNK_SHUTDOWN, 0, cum, sizeof cum);
	t2_start(a, to);
}

static void send_shutdown_ack(struct assoc *a)
{
	struct path *to = assoc_path_to_send(a, NULL);

	out_control(a, to, CHUNK_SHUTDOWN_ACK, 0, NULL, 0);
	t2_start(a, to);
}

static bool all_arrived(const struct assoc *a) { return list_empty(&a->snd.queue) && list_empty(&a->snd.flight); }

void shutdown_when_done(struct assoc *a)
{
	if (!all_arrived(a)) return;
	if (a->state == SCTP_SHUTDOWN_PENDING) {
		a->state = SCTP_SHUTDOWN_SENT;
		timer_clear(assoc_stack(a), &a->sack_timer);
		send_shutdown(a);
		/* RFC 9260 §9.2: T5-shutdown-guard. */
		timer_set(assoc_stack(a), &a->guard, assoc_now(a) + 5 * a->set.rto_max_ms * NS_PER_MS);
	} else if (a->state == SCTP_SHUTDOWN_RECEIVED) {
		a->state = SCTP_SHUTDOWN_ACK_SENT;
		send_shutdown_ack(a);
	}
}

void shutdown_begin(struct assoc *a)
{
	if (assoc_in(a, SCTP_OPENING)) {
		/* RFC 9260 §9.2 knows no such shutdown: as Linux, the association is given up. */
		assoc_lost(a, 0, SCTP_CANT_STR_ASSOC, 0);
		return;
	}
	if (a->state != SCTP_ESTABLISHED) return;
	a->state = SCTP_SHUTDOWN_PENDING;
	timer_clear(assoc_stack(a), &a->autoclose);
	sctp_output(a);                    /* nothing waits for more any longer */
	shutdown_when_done(a);
}

/* ---- the peer's ---- */

static void told(struct assoc *a)
{
	struct sctp_sock *so = a->sock;

	notify_shutdown(a);
	if (!so->many && !so->peeled) so->inet.sk.shut |= 1;
	sock_ready(&so->inet.sk);
}

bool shutdown_receive(struct assoc *a, const struct sctp_chunk *c)
{
	if (!sack_cumulative(a, read32(c->value))) return false;
	switch (a->state) {
	case SCTP_ESTABLISHED:
	case SCTP_SHUTDOWN_PENDING:
		a->state = SCTP_SHUTDOWN_RECEIVED;
		timer_clear(assoc_stack(a), &a->autoclose);
		told(a);
		return true;                   /* the rest at the packet's end */
	case SCTP_SHUTDOWN_SENT:
		/* RFC 9260 §9.2: both at once. */
		a->state = SCTP_SHUTDOWN_ACK_SENT;
		told(a);
		send_shutdown_ack(a);
		return true;
	default:
		return true;
	}
}

bool shutdown_receive_ack(struct assoc *a, struct path *from)
{
	out_control(a, from, CHUNK_SHUTDOWN_COMPLETE, 0, NULL, 0);
	assoc_lost(a, 0, SCTP_SHUTDOWN_COMP, 0);
	return false;
}

/* ---- in time, and not ---- */

void t2_fire(struct timer *t)
{
	struct assoc *a = container_of(t, struct assoc, t2);
	struct path *to = assoc_path_to_send(a, NULL);

	path_backoff(to);
	if (!path_error(to)) return;
	if (a->state == SCTP_SHUTDOWN_SENT) send_shutdown(a);
	if (a->state == SCTP_SHUTDOWN_ACK_SENT) send_shutdown_ack(a);
}

void guard_fire(struct timer *t)
{
	struct assoc *a = container_of(t, struct assoc, guard);

	out_abort(a, 0, NULL, 0);
	assoc_lost(a, ETIMEDOUT, SCTP_COMM_LOST, 0);
}

bool assoc_violated(struct assoc *a)
{
	out_abort(a, CAUSE_PROTOCOL, NULL, 0);
	assoc_lost(a, ECONNABORTED, SCTP_COMM_LOST, CAUSE_PROTOCOL);
	return false;
}

void assoc_abort(struct assoc *a, const void *why, size_t len)
{
	out_abort(a, CAUSE_USER_ABORT, why, len);
	assoc_lost(a, 0, assoc_in(a, SCTP_OPENING) ? SCTP_CANT_STR_ASSOC : SCTP_COMM_LOST, CAUSE_USER_ABORT);
}

/* RFC 6458 §8.1.8: of one-to-many sockets. */
void autoclose_fire(struct timer *t)
{
	shutdown_begin(container_of(t, struct assoc, autoclose));
}

void autoclose_touch(struct assoc *a)
{
	if (a->sock->many && a->sock->autoclose_s && a->state == SCTP_ESTABLISHED)
		timer_set(assoc_stack(a), &a->autoclose, assoc_now(a) + a->sock->autoclose_s * NS_PER_S);
}
