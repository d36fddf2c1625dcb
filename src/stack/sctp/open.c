/*
 * The way into an association, for who begins it.
 *
 *     CLOSED ──INIT──► COOKIE-WAIT ──INIT ACK: COOKIE ECHO──► COOKIE-ECHOED ──COOKIE ACK──► ESTABLISHED
 *
 * T1 repeats what was sent last, until Max.Init.Retransmits. The other side is in listen.c.
 *
 * Read first: RFC 9260 §5.1.
 */
#include <errno.h>
#include <stdlib.h>
#include "stack/sctp/assoc.h"

#define PRESERVE_STEP_MS 1000u

/* As many paths as the program has named take turns. */
static struct path *path_to_try(const struct assoc *a)
{
	uint32_t n = a->open.attempts % a->n_paths, i = 0;

	list_each(struct path, p, &a->paths, node)
		if (i++ == n) return p;
	return a->primary;
}

static void send_init(struct assoc *a)
{
	struct path *to = a->open.attempts ? path_to_try(a) : a->primary;
	const struct sctp_initmsg *set = &a->set.init;
	struct sctp_init h = {a->my_tag, assoc_rwnd(a), set->sinit_num_ostreams, set->sinit_max_instreams, a->snd.iss};
	uint8_t value[SCTP_INIT_FIXED + SCTP_ADDRS_MAX * 20 + 128 + AUTH_VECTOR_MOST], ms[4];
	size_t len = init_write(value, sizeof value - 16, &h, &a->local, a->sock, &a->auth.mine);

	write32(ms, a->open.preserve_ms);
	if (a->open.preserve_ms) len += sctp_param_emit(&(struct sctp_param){.type = PARAM_PRESERVATIVE, .len = 4, .value = ms}, value + len);
	a->rcv.rwnd_told = h.rwnd;
	out_control(a, to, CHUNK_INIT, 0, value, len);
}

/* RFC 9260 §5.1 (C): the cookie as it came, and first in its packet. What of INIT ACK was not understood follows. */
static void send_cookie(struct assoc *a)
{
	struct path *to = path_to_try(a);
	struct sctp_out o;
	uint8_t *at;

	if (!out_begin(&o, (uint32_t)(SCTP_HDR_LEN + SCTP_CHUNK_HDR + sctp_padded(a->open.cookie_len) + SCTP_CHUNK_HDR + sizeof a->open.errors))) return;
	at = out_chunk(&o, CHUNK_COOKIE_ECHO, 0, a->open.cookie_len);
	memcpy(at, a->open.cookie, a->open.cookie_len);
	if (a->open.errors_len) {
		at = out_chunk(&o, CHUNK_ERROR, 0, a->open.errors_len);
		memcpy(at, a->open.errors, a->open.errors_len);
	}
	a->stats.octrlchunks++;
	out_send(&o, a, to);
}

static void t1_start(struct assoc *a)
{
	timer_set(assoc_stack(a), &a->t1, assoc_now(a) + a->open.rto_ms * NS_PER_MS);
}

int open_begin(struct assoc *a)
{
	a->state = SCTP_COOKIE_WAIT;
	a->open.rto_ms = a->set.rto_initial_ms;
	a->rcv.rwnd_told = assoc_rwnd(a);
	auth_vector_begin(assoc_stack(a), &a->set.auth, &a->auth.mine);
	send_init(a);
	t1_start(a);
	return 0;
}

/* INIT or COOKIE ECHO once more, or the end. */
static void again(struct assoc *a)
{
	uint32_t most = a->set.init.sinit_max_init_timeo ? a->set.init.sinit_max_init_timeo : a->set.rto_max_ms;

	/* RFC 9260 §4 note 2, §5.1.6: Max.Init.Retransmits. */
	if (++a->open.attempts > a->set.init.sinit_max_attempts) {
		assoc_lost(a, ETIMEDOUT, SCTP_CANT_STR_ASSOC, 0);
		return;
	}
	a->open.rto_ms = MIN(2 * a->open.rto_ms, most);
	(a->state == SCTP_COOKIE_WAIT ? send_init : send_cookie)(a);
	t1_start(a);
}

void t1_fire(struct timer *t)
{
	again(container_of(t, struct assoc, t1));
}

/* What the peer says of itself becomes the association's. */
static bool adopt(struct assoc *a, const struct init_read *r)
{
	uint8_t *cookie = malloc(r->cookie_len);

	if (!cookie || assoc_streams_set(a, (uint16_t)MIN(a->set.init.sinit_num_ostreams, r->h.in_streams),
					 (uint16_t)MIN(a->set.init.sinit_max_instreams, r->h.out_streams)) < 0) {
		free(cookie);
		return false;
	}
	free(a->open.cookie);
	a->open.cookie = memcpy(cookie, r->cookie, r->cookie_len);
	a->open.cookie_len = r->cookie_len;
	a->open.errors_len = r->errors_len;
	memcpy(a->open.errors, r->errors, r->errors_len);
	a->peer_tag = r->h.tag;
	a->peer_forwards = r->forwards;
	a->peer_adaptation = r->adaptation;
	a->has_peer_adaptation = r->has_adaptation;
	a->reconfig.able = r->reconfigures;
	a->auth.able = r->auth.len > 0 && a->auth.mine.len > 0;
	a->auth.peers = r->auth;
	a->ecn.able = r->marks;
	auth_agree(&a->auth);
	a->asconf.able = r->readdresses && a->auth.able;
	for (uint32_t i = 0; i < r->addrs.n; i++)
		if (!addr_is_loopback(&r->addrs.at[i]) || addr_is_loopback(&a->primary->addr)) assoc_add_path(a, &r->addrs.at[i], SCTP_UNCONFIRMED);
	assoc_peer_begins(a, r->h.tsn, r->h.rwnd);
	return true;
}

bool open_receive_init_ack(struct assoc *a, struct path *from, const struct sctp_chunk *c)
{
	struct init_read r;
	int cause;

	/* RFC 9260 §5.2.3 */
	if (a->state != SCTP_COOKIE_WAIT) return true;
	cause = init_read(a->sock, c, &from->addr, &r);
	if (cause == 0 && r.h.tag == 0) cause = CAUSE_MANDATORY;
	if (cause == 0 && r.cookie_len == 0) cause = CAUSE_MISSING;
	if (cause != 0 || !adopt(a, &r)) {
		/* RFC 9260 §5.1 (C), §3.3.3: it ends before it began. */
		static const uint8_t missing[] = {0, 0, 0, 1, 0, PARAM_COOKIE};
		a->peer_tag = cause ? read32(c->value) : a->peer_tag;
		if (c->len >= 4) out_abort(a, (uint16_t)(cause ? cause : CAUSE_RESOURCE), missing, cause == CAUSE_MISSING ? sizeof missing : 0);
		assoc_lost(a, ECONNREFUSED, SCTP_CANT_STR_ASSOC, (uint16_t)cause);
		return false;
	}
	path_set_state(from, SCTP_ACTIVE, SCTP_HEARTBEAT_SUCCESS);
	path_works(from, SCTP_RECEIVED_SACK);
	a->state = SCTP_COOKIE_ECHOED;
	a->open.attempts = 0;
	a->open.rto_ms = a->set.rto_initial_ms;
	send_cookie(a);
	t1_start(a);
	return true;
}

void open_receive_cookie_ack(struct assoc *a)
{
	/* RFC 9260 §5.2.5 */
	if (a->state != SCTP_COOKIE_ECHOED) return;
	assoc_established(a);
	sctp_output(a);
}

/* RFC 9260 §5.2.6: begins anew, and asks for a cookie that lives longer. */
bool open_stale_cookie(struct assoc *a, uint32_t late_us)
{
	if (a->state != SCTP_COOKIE_ECHOED) return true;
	if (++a->open.attempts > a->set.init.sinit_max_attempts) {
		assoc_lost(a, ETIMEDOUT, SCTP_CANT_STR_ASSOC, CAUSE_STALE_COOKIE);
		return false;
	}
	a->open.preserve_ms = late_us / 1000 * 2 + PRESERVE_STEP_MS;
	a->state = SCTP_COOKIE_WAIT;
	a->peer_tag = 0;
	send_init(a);
	t1_start(a);
	return true;
}
