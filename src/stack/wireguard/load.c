/*
 * Load: a handshake message costs two multiplications on the curve, which strangers could have us do all day. So once more than a few hundred have come
 * in a second, from whomever, each has to show a cookie; and who has one is listened to twenty times a second, five at once.
 *
 * What is remembered of senders has a fixed place each, by a keyed hash of the address, as with ICMP's errors: nobody makes it grow. Two that share one
 * share its rate.
 */
#include "stack/wireguard/private.h"

#define LOAD_LEAST 512               /* in a second: an eighth of the queue that Linux has for them */
#define LOAD_LASTS NS_PER_S
#define INTERVAL (NS_PER_S / 20)
#define BURST 5

bool wg_is_loaded(struct wg_device *w)
{
	time_ns now = wg_stack(w)->now;

	if (now - w->load_since >= NS_PER_S) {
		w->load_since = now;
		w->handshakes = 0;
	}
	if (++w->handshakes > LOAD_LEAST) w->loaded_until = now + LOAD_LASTS;
	return now < w->loaded_until;
}

bool wg_within_limit(struct wg_device *w, const struct addr *from)
{
	/* Of IPv6 a whole network is one sender. */
	struct { struct addr a; char use[4]; } key = {addr_is_v4(from) ? *from : addr_mask(from, 64), "wg"};
	const struct stack *s = wg_stack(w);
	struct wg_limit *l = &w->limits[stack_hash(s, &key, sizeof key) % LIMITS];

	l->credit = l->when ? MIN(l->credit + s->now - l->when, BURST * INTERVAL) : BURST * INTERVAL;
	l->when = MAX(s->now, 1);
	if (l->credit < INTERVAL) return false;
	l->credit -= INTERVAL;
	return true;
}
