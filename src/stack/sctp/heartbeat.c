/*
 * HEARTBEAT: asks an idle path whether it still leads to the peer, and an address that the peer has named whether it is the peer's at all. What
 * it carries comes back as it is: when it was sent, and a number that nobody else knows.
 *
 * Read first: RFC 9260 §5.4, §8.3.
 */
#include "stack/sctp/assoc.h"

#define INFO_LEN 32                    /* address, time, nonce */

/* RFC 9260 §5.4, RFC 7829 §5.1: one that nobody has confirmed, or that has failed and is not given up, is asked each RTO. */
static bool is_doubtful(const struct path *p) { return p->state == SCTP_UNCONFIRMED || (p->state == SCTP_ACTIVE && p->errors > 0); }

void heartbeat_schedule(struct path *p)
{
	struct stack *s = assoc_stack(p->assoc);
	time_ns wait = p->rto_ns;

	timer_clear(s, &p->heartbeat);
	if (!p->set.hb && p->state != SCTP_UNCONFIRMED) return;
	/* RFC 9260 §8.3: HB.Interval and the RTO, half of that more or less. */
	wait += p->rto_ns / 2 - (time_ns)((uint64_t)stack_random32(s) * (uint64_t)p->rto_ns >> 32);
	if (!is_doubtful(p)) wait += p->set.hb_interval_ms * NS_PER_MS;
	timer_set(s, &p->heartbeat, s->now + MAX(wait, NS_PER_MS));
}

void heartbeat_send(struct path *p)
{
	struct stack *s = assoc_stack(p->assoc);
	uint8_t info[INFO_LEN], value[4 + INFO_LEN];
	struct sctp_param v = {.type = PARAM_HEARTBEAT_INFO, .len = INFO_LEN, .value = info};

	p->nonce = (uint64_t)stack_random32(s) << 32 | stack_random32(s);
	p->asked_at = MAX(s->now, 1);
	memcpy(info, &p->addr, 16);
	memcpy(info + 16, &p->asked_at, 8);
	memcpy(info + 24, &p->nonce, 8);
	sctp_param_emit(&v, value);
	out_control(p->assoc, p, CHUNK_HEARTBEAT, 0, value, sizeof value);
}

/* The last one was not answered: that is an error. */
static bool count_silence(struct path *p)
{
	if (p->asked_at == 0) return true;
	p->asked_at = 0;
	path_backoff(p);
	return path_error(p);
}

void heartbeat_fire(struct timer *t)
{
	struct path *p = container_of(t, struct path, heartbeat);
	struct assoc *a = p->assoc;

	if (!count_silence(p)) return;
	/* RFC 9260 §8.3: idle paths only; what is in flight asks, too. */
	if (assoc_in(a, SCTP_UP & ~SCTP_S_(SHUTDOWN_ACK_SENT)) && p->flight == 0) heartbeat_send(p);
	heartbeat_schedule(p);
}

void heartbeat_receive_ack(struct assoc *a, const struct sctp_chunk *c)
{
	struct sctp_param v;
	struct addr addr;
	struct path *p;
	uint64_t nonce;

	if (sctp_param_parse(&v, c->value, c->len) < 0 || v.type != PARAM_HEARTBEAT_INFO || v.len != INFO_LEN) return;
	memcpy(&addr, v.value, sizeof addr);
	memcpy(&nonce, v.value + 24, sizeof nonce);
	p = assoc_path(a, &addr);
	if (!p || p->asked_at == 0 || nonce != p->nonce) return;
	path_rtt_sample(p, assoc_now(a) - p->asked_at);
	p->asked_at = 0;
	if (p->state == SCTP_UNCONFIRMED) path_set_state(p, SCTP_ACTIVE, SCTP_HEARTBEAT_SUCCESS);
	path_works(p, SCTP_HEARTBEAT_SUCCESS);
	heartbeat_schedule(p);
	sctp_output(a);
}
