/*
 * When a peer is to hear of us again.
 *
 *     resend      an initiation has no answer: another one, for 90 s; then what waits is given up
 *     keepalive   something came, and for 10 s there was nothing to send: an empty message says that it came
 *     rekey       something was sent, and for 15 s nothing came at all: a new handshake
 *     wipe        540 s after the last session began: its keys go
 *     persistent  as the user has it: a keep-alive after so much silence of ours, for what forgets (NAT) between us
 *
 * Read first: the paper, §6.
 */
#include "stack/wireguard/private.h"

static void set_in(struct wg_peer *peer, struct timer *t, time_ns delay)
{
	struct stack *s = wg_stack(peer->device);

	timer_set(s, t, s->now + delay);
}

static void clear(struct wg_peer *peer, struct timer *t) { timer_clear(wg_stack(peer->device), t); }

/* Up to a third of a second: so that two ends do not begin at once again and again. */
static time_ns jitter(struct wg_peer *peer) { return (time_ns)((uint64_t)REKEY_JITTER * stack_random32(wg_stack(peer->device)) >> 32); }

/* ---- what they do ---- */

static void resend_fire(struct timer *t)
{
	struct wg_peer *peer = container_of(t, struct wg_peer, resend);

	if (peer->attempts > HANDSHAKE_ATTEMPTS) {
		clear(peer, &peer->keepalive);
		wg_staged_drop(peer);
		/* What is left of a handshake goes as the keys do. */
		if (!timer_is_set(&peer->wipe)) set_in(peer, &peer->wipe, 3 * REJECT_AFTER_TIME);
		return;
	}
	peer->attempts++;
	wg_forget_source(peer);
	wg_initiate(peer, true);
}

static void keepalive_fire(struct timer *t)
{
	struct wg_peer *peer = container_of(t, struct wg_peer, keepalive);

	wg_send_keepalive(peer);
	if (!peer->keepalive_again) return;
	peer->keepalive_again = false;
	set_in(peer, t, KEEPALIVE_TIMEOUT);
}

static void rekey_fire(struct timer *t)
{
	struct wg_peer *peer = container_of(t, struct wg_peer, rekey);

	wg_forget_source(peer);
	wg_initiate(peer, false);
}

static void wipe_fire(struct timer *t)
{
	struct wg_peer *peer = container_of(t, struct wg_peer, wipe);

	wg_handshake_clear(peer);
	wg_sessions_clear(peer);
}

static void persistent_fire(struct timer *t)
{
	struct wg_peer *peer = container_of(t, struct wg_peer, persistent);

	if (peer->keepalive_s) wg_send_keepalive(peer);
}

void wg_timers_init(struct wg_peer *peer)
{
	peer->resend.fire = resend_fire;
	peer->keepalive.fire = keepalive_fire;
	peer->rekey.fire = rekey_fire;
	peer->wipe.fire = wipe_fire;
	peer->persistent.fire = persistent_fire;
}

void wg_timers_stop(struct wg_peer *peer)
{
	clear(peer, &peer->resend);
	clear(peer, &peer->keepalive);
	clear(peer, &peer->rekey);
	clear(peer, &peer->wipe);
	clear(peer, &peer->persistent);
}

/* ---- what sets them ---- */

void wg_timer_data_sent(struct wg_peer *peer)
{
	if (!timer_is_set(&peer->rekey)) set_in(peer, &peer->rekey, KEEPALIVE_TIMEOUT + REKEY_TIMEOUT + jitter(peer));
}

void wg_timer_data_received(struct wg_peer *peer)
{
	if (timer_is_set(&peer->keepalive))
		peer->keepalive_again = true;
	else
		set_in(peer, &peer->keepalive, KEEPALIVE_TIMEOUT);
}

/* Whatever passes, either way, keeps alive what lies between. */
static void passed(struct wg_peer *peer)
{
	if (peer->keepalive_s) set_in(peer, &peer->persistent, peer->keepalive_s * NS_PER_S);
}

void wg_timer_sent(struct wg_peer *peer)
{
	clear(peer, &peer->keepalive);
	passed(peer);
}

void wg_timer_received(struct wg_peer *peer)
{
	clear(peer, &peer->rekey);
	passed(peer);
}

void wg_timer_initiated(struct wg_peer *peer) { set_in(peer, &peer->resend, REKEY_TIMEOUT + jitter(peer)); }

void wg_timer_session(struct wg_peer *peer) { set_in(peer, &peer->wipe, 3 * REJECT_AFTER_TIME); }

void wg_timer_complete(struct wg_peer *peer)
{
	const struct stack *s = wg_stack(peer->device);

	clear(peer, &peer->resend);
	peer->attempts = 0;
	peer->last_minute = false;
	peer->handshake_ns = s->now + s->realtime_offset;
}
