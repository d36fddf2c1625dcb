/* The interface: up, down, what goes in, and what of it can be set. */
#include "stack/wireguard/private.h"
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include "stack/inet/icmp.h"
#include "wire/wire.h"

#define PORT_TRIES 100
#define TUNNELS_MAX 8                /* one inside the other: Linux's XMIT_RECURSION_LIMIT */
#define TUNNELLED_MAX 256            /* datagrams that come of one, all tunnels together: pieces have pieces */

/* ---- the port ---- */

static void ports_close(struct wg_device *w)
{
	udp_tunnel_close(w->port4);
	udp_tunnel_close(w->port6);
	w->port4 = w->port6 = NULL;
}

/* The same number for both families. */
static int ports_open(struct wg_device *w, uint16_t port)
{
	struct udp_sock *four, *six;
	int err = -EADDRINUSE;

	for (int tries = port ? 1 : PORT_TRIES; tries && err == -EADDRINUSE; tries--) {
		err = udp_tunnel_open(wg_stack(w), AF_INET, port, wg_receive, w, &four);
		if (err < 0) continue;
		err = udp_tunnel_open(wg_stack(w), AF_INET6, udp_tunnel_port(four), wg_receive, w, &six);
		if (err < 0) udp_tunnel_close(four);
	}
	if (err < 0) return err;
	ports_close(w);
	w->port4 = four;
	w->port6 = six;
	w->port = udp_tunnel_port(four);
	return 0;
}

/* ---- up and down ---- */

static int open_device(struct netif *nif)
{
	struct wg_device *w = nif->device;
	int err = ports_open(w, w->port);

	if (err < 0) return err;
	list_each(struct wg_peer, peer, &w->peers, node)
		if (peer->keepalive_s) wg_send_keepalive(peer);
	return 0;
}

static void arrived_drop(struct wg_device *w)
{
	timer_clear(wg_stack(w), &w->deliver);
	while (!list_empty(&w->arrived))
		stack_drop(wg_stack(w), list_entry(list_pop(&w->arrived), struct packet, node), DROP_NETIF_DOWN);
	w->n_arrived = 0;
}

/* Nothing is left of sessions: who comes up again begins anew. */
static void stop_device(struct netif *nif)
{
	struct wg_device *w = nif->device;

	list_each(struct wg_peer, peer, &w->peers, node) {
		wg_timers_stop(peer);
		wg_staged_drop(peer);
		wg_handshake_clear(peer);
		wg_sessions_clear(peer);
		peer->initiated = 0;
	}
	arrived_drop(w);
	ports_close(w);
}

static void remove_device(struct netif *nif)
{
	struct wg_device *w = nif->device;

	stop_device(nif);
	wg_peers_remove(w);
	hash_free(&w->by_key);
	hash_free(&w->by_index);
	secret_wipe(w, sizeof *w);
	free(w);
}

/* ---- in ---- */

/* Reads where p goes and where it comes from, which nobody has, perhaps, who put it together by hand. */
static bool addresses_read(struct packet *p)
{
	if (p->len >= IP4_HDR_MIN && p->data[0] >> 4 == 4) {
		p->src = addr_v4_octets(p->data + 12);
		p->dst = addr_v4_octets(p->data + 16);
	} else if (p->len >= IP6_HDR_LEN && p->data[0] >> 4 == 6) {
		p->src = addr_v6_octets(p->data + 8);
		p->dst = addr_v6_octets(p->data + 24);
	} else {
		return false;
	}
	p->net_off = packet_off(p);
	return true;
}

/* As Linux: its sender gets the error, and who asked for it from afar an ICMP message. */
static int refuse(struct wg_device *w, struct packet *p, enum drop_reason why, int err)
{
	w->nif->tx_dropped++;
	icmp_complain(wg_stack(w), p, ICMP_PROBLEM_HOST, 0);
	stack_drop(wg_stack(w), p, why);
	return err;
}

static int transmit(struct netif *nif, struct packet *p)
{
	struct wg_device *w = nif->device;
	struct stack *s = nif->stack;
	struct wg_peer *peer;

	if (!addresses_read(p)) {
		stack_drop(s, p, DROP_IP_BAD);
		return -EPROTONOSUPPORT;
	}
	peer = wg_tree_find(&w->tree, &p->dst);
	if (!peer) return refuse(w, p, DROP_WG_NO_PEER, -ENOKEY);
	if (!peer->endpoint.port) return refuse(w, p, DROP_WG_NO_WAY, -EDESTADDRREQ);
	if (s->tunnels == 0) s->tunnelled = 0;
	if (s->tunnels == TUNNELS_MAX || s->tunnelled == TUNNELLED_MAX) {
		stack_drop(s, p, DROP_WG_NO_WAY);
		return -ENETDOWN;
	}
	s->tunnels++;
	s->tunnelled++;
	wg_stage(peer, p);
	wg_send_staged(peer);
	s->tunnels--;
	return 0;
}

/* ---- its making ---- */

static const struct netif_ops device_ops = {.open = open_device, .stop = stop_device, .transmit = transmit, .remove = remove_device};

int wg_device_make(struct netif *nif)
{
	struct stack *s = nif->stack;
	const struct crypto *crypto = s->ops->crypto ? s->ops->crypto(s->host) : NULL;
	struct wg_device *w;

	if (!crypto) return -EOPNOTSUPP;
	w = calloc(1, sizeof *w);
	if (!w) return -ENOMEM;
	w->nif = nif;
	w->crypto = crypto;
	list_init(&w->peers);
	hash_init(&w->by_key);
	hash_init(&w->by_index);
	list_init(&w->arrived);
	w->deliver.fire = wg_deliver_fire;
	nif->device = w;
	nif->ops = &device_ops;
	nif->flags = (nif->flags & (uint32_t)~IFF_MULTICAST) | IFF_POINTOPOINT | IFF_NOARP;
	return 0;
}

struct wg_device *wg_device_of(const struct netif *nif) { return nif->ops == &device_ops ? nif->device : NULL; }

const struct netif *wg_netif(const struct wg_device *w) { return w->nif; }

/* ---- settings ---- */

const struct wg_key *wg_private_key(const struct wg_device *w) { return w->has_key ? &w->secret : NULL; }
const struct wg_key *wg_public_key(const struct wg_device *w) { return w->has_key ? &w->key : NULL; }
uint16_t wg_port(const struct wg_device *w) { return w->port; }
uint32_t wg_mark(const struct wg_device *w) { return w->mark; }

/* RFC 7748 §5: what the curve makes of the octets, so that it is shown as it is used. */
static struct wg_key clamped(const struct wg_key *secret)
{
	struct wg_key k = *secret;

	k.b[0] &= 248;
	k.b[31] = (uint8_t)((k.b[31] & 127) | 64);
	return k;
}

int wg_set_private_key(struct wg_device *w, const struct wg_key *secret)
{
	struct wg_key own = clamped(secret), key = {{0}};
	bool none = wg_is_zero(secret);
	struct wg_peer *self;

	if (none ? !w->has_key : w->has_key && secret_equal(own.b, w->secret.b, sizeof own.b)) return 0;
	if (!none && !wg_noise_key(w, &own, &key)) return -ENOMEM;
	self = none ? NULL : wg_peer_find(w, &key);
	if (self) wg_peer_remove(self);
	w->has_key = !none;
	w->secret = none ? key : own;
	w->key = key;
	secret_wipe(&own, sizeof own);
	list_each(struct wg_peer, peer, &w->peers, node)
		wg_peer_renew(peer);
	if (none || (wg_noise_prepare(w) && wg_cookie_keys(w, &w->key, w->mac1_key, w->cookie_key))) return 0;
	w->has_key = false;
	return -ENOMEM;
}

static void forget_sources(struct wg_device *w)
{
	list_each(struct wg_peer, peer, &w->peers, node)
		wg_forget_source(peer);
}

int wg_set_port(struct wg_device *w, uint16_t port)
{
	if (port == w->port) return 0;
	forget_sources(w);
	if (wg_is_up(w)) return ports_open(w, port);
	w->port = port;
	return 0;
}

void wg_set_mark(struct wg_device *w, uint32_t mark)
{
	w->mark = mark;
	forget_sources(w);
}
