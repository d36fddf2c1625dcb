/* Peers: how they come and go, what is known of them, and the numbers by which the other side names what we share. */
#include <errno.h>
#include <stdlib.h>
#include "stack/wireguard/private.h"

#define PEERS_MAX (1u << 14)         /* of an interface: memory of ours */

/* ---- numbers ---- */

struct wg_index *wg_index_find(const struct wg_device *w, uint32_t number)
{
	struct hash_node *n = w->by_index.count ? hash_first(&w->by_index, number) : NULL;

	return n ? container_of(n, struct wg_index, node) : NULL;
}

int wg_index_take(struct wg_peer *peer)
{
	struct wg_device *w = peer->device;
	struct wg_index *i = calloc(1, sizeof *i);
	uint32_t number;

	if (!i) return -ENOMEM;
	do number = stack_random32(wg_stack(w));
	while (wg_index_find(w, number));
	i->peer = peer;
	if (hash_insert(&w->by_index, &i->node, number) < 0) {
		free(i);
		return -ENOMEM;
	}
	wg_index_drop(&peer->handshake.index);
	peer->handshake.index = i;
	return 0;
}

void wg_index_drop(struct wg_index **index)
{
	if (!*index) return;
	hash_remove(&(*index)->peer->device->by_index, &(*index)->node);
	free(*index);
	*index = NULL;
}

/* ---- what a peer holds ---- */

/* What is known of initiations stays: else an old one might be played again. */
void wg_handshake_clear(struct wg_peer *peer)
{
	struct wg_handshake *h = &peer->handshake;

	wg_index_drop(&h->index);
	secret_wipe(h->hash, sizeof h->hash);
	secret_wipe(h->chain, sizeof h->chain);
	secret_wipe(&h->own_ephemeral, sizeof h->own_ephemeral);
	secret_wipe(&h->ephemeral, sizeof h->ephemeral);
	h->remote_index = 0;
	h->state = WG_IDLE;
}

void wg_staged_drop(struct wg_peer *peer)
{
	while (!list_empty(&peer->staged))
		stack_drop(wg_stack(peer->device), list_entry(list_pop(&peer->staged), struct packet, node), DROP_WG_NO_SESSION);
	peer->n_staged = 0;
}

bool wg_peer_product(struct wg_peer *peer)
{
	const struct wg_device *w = peer->device;

	if (peer->has_product == WG_UNTRIED)
		peer->has_product = w->has_key && w->crypto->x25519(peer->product.b, w->secret.b, peer->key.b) ? WG_THERE : WG_NONE;
	return peer->has_product == WG_THERE;
}

void wg_peer_renew(struct wg_peer *peer)
{
	peer->has_product = WG_UNTRIED;
	wg_handshake_clear(peer);
	peer->initiated = 0;
	if (peer->current) peer->current->sends = false;
	if (peer->next) peer->next->sends = false;
}

/* ---- life ---- */

static uint64_t hash_of(const struct wg_device *w, const struct wg_key *key) { return stack_hash(wg_stack(w), key->b, sizeof key->b); }

struct wg_peer *wg_peer_find(const struct wg_device *w, const struct wg_key *key)
{
	struct hash_node *n = w->by_key.count ? hash_first(&w->by_key, hash_of(w, key)) : NULL;

	for (; n; n = hash_next(n)) {
		struct wg_peer *peer = container_of(n, struct wg_peer, by_key);
		if (secret_equal(peer->key.b, key->b, sizeof key->b)) return peer;
	}
	return NULL;
}

int wg_peer_add(struct wg_device *w, const struct wg_key *key, struct wg_peer **ret)
{
	struct wg_peer *peer = w->n_peers < PEERS_MAX ? calloc(1, sizeof *peer) : NULL;

	if (!peer) return -ENOMEM;
	peer->device = w;
	peer->key = *key;
	peer->endpoint = (struct wg_endpoint){.addr = addr_any6, .src = addr_any6};
	list_init(&peer->allowed);
	list_init(&peer->staged);
	wg_timers_init(peer);
	if (!wg_cookie_keys(w, key, peer->cookie.mac1_key, peer->cookie.open_key) || hash_insert(&w->by_key, &peer->by_key, hash_of(w, key)) < 0) {
		free(peer);
		return -ENOMEM;
	}
	w->n_peers++;
	list_append(&w->peers, &peer->node);
	*ret = peer;
	return 0;
}

void wg_peer_remove(struct wg_peer *peer)
{
	struct wg_device *w = peer->device;

	wg_timers_stop(peer);
	wg_disallow_all(peer);
	wg_staged_drop(peer);
	wg_handshake_clear(peer);
	wg_sessions_clear(peer);
	hash_remove(&w->by_key, &peer->by_key);
	list_remove(&peer->node);
	w->n_peers--;
	secret_wipe(peer, sizeof *peer);
	free(peer);
}

void wg_peers_remove(struct wg_device *w)
{
	while (!list_empty(&w->peers))
		wg_peer_remove(list_first(&w->peers, struct wg_peer, node));
}

struct wg_peer *wg_peer_next(const struct wg_device *w, const struct wg_peer *after)
{
	const struct list *next = after ? after->node.next : w->peers.next;

	return next == &w->peers ? NULL : list_entry(next, struct wg_peer, node);
}

/* ---- what is asked and set ---- */

struct wg_peer_facts wg_peer_facts(const struct wg_peer *peer)
{
	return (struct wg_peer_facts){.key = peer->key, .shared = peer->shared, .endpoint = peer->endpoint, .keepalive_s = peer->keepalive_s,
				      .handshake_ns = peer->handshake_ns, .rx_bytes = peer->rx_bytes, .tx_bytes = peer->tx_bytes};
}

void wg_peer_set_shared(struct wg_peer *peer, const struct wg_key *key) { peer->shared = *key; }

void wg_peer_set_endpoint(struct wg_peer *peer, const struct wg_endpoint *e) { peer->endpoint = *e; }

void wg_peer_set_keepalive(struct wg_peer *peer, uint16_t seconds)
{
	bool begins = !peer->keepalive_s && seconds && wg_is_up(peer->device);

	peer->keepalive_s = seconds;
	if (begins) wg_send_keepalive(peer);
}

void wg_peer_poke(struct wg_peer *peer)
{
	if (wg_is_up(peer->device)) wg_send_staged(peer);
}

/* The way back that was learnt holds no longer. */
void wg_forget_source(struct wg_peer *peer)
{
	peer->endpoint.src = addr_any6;
	peer->endpoint.src_index = 0;
}
