/*
 * What goes to a peer: messages of the handshake, and datagrams, sealed, as soon as there is a session; until then the newest of them wait.
 *
 * Read first: the paper, §5.4.6, §6.1, §6.4; RFC 6040 for what the outer datagram says of congestion.
 */
#include <errno.h>
#include "stack/core/route.h"
#include "stack/wireguard/private.h"

#define TOS_HANDSHAKE 0x88           /* AF41, as Linux: before what is only data */
#define PADDING 16                   /* of datagrams, so that their lengths tell less */

/* ---- to the port ---- */

/* Where it goes is looked up each time; the source that the peer last spoke to is kept as long as it is ours and the way leads there. */
static int find_way(struct wg_peer *peer, struct udp_sock *port, struct udp_tunnel_to *to, struct route_hop *ret)
{
	struct wg_endpoint *e = &peer->endpoint;
	struct stack *s = wg_stack(peer->device);
	int err;

	if (!addr_is_any(&e->src) && !stack_is_local(s, &e->src)) wg_forget_source(peer);
	to->src = addr_is_any(&e->src) ? (addr_is_v4(&e->addr) ? addr_any4 : addr_any6) : e->src;
	err = udp_tunnel_way(port, to, ret);
	if (e->src_index && (err == -EINVAL || (err == 0 && ret->netif->index != e->src_index))) {
		wg_forget_source(peer);
		to->src = addr_is_v4(&e->addr) ? addr_any4 : addr_any6;
		err = udp_tunnel_way(port, to, ret);
	}
	return err;
}

/* Takes p. */
static int send_to_peer(struct wg_peer *peer, struct packet *p, uint8_t tos)
{
	struct wg_device *w = peer->device;
	const struct wg_endpoint *e = &peer->endpoint;
	struct udp_sock *port = addr_is_v4(&e->addr) ? w->port4 : w->port6;
	struct udp_tunnel_to to = {.dst = e->addr, .port = e->port, .tos = tos, .mark = w->mark,
				  .oif = e->scope ? netif_by_index(wg_stack(w), e->scope) : NULL};
	uint32_t len = p->len;
	struct route_hop hop;
	int err = !port ? -EAFNOSUPPORT : !e->port ? -EDESTADDRREQ : find_way(peer, port, &to, &hop);

	/* A tunnel whose end lies behind itself has none. */
	if (err == 0 && hop.netif == w->nif) err = -ELOOP;
	if (err < 0) {
		stack_drop(wg_stack(w), p, DROP_WG_NO_WAY);
		return err;
	}
	to.hop = &hop;
	err = udp_tunnel_send(port, &to, p);
	if (err < 0) return err;
	peer->tx_bytes += len;
	w->nif->tx_packets++;
	w->nif->tx_bytes += len;
	return 0;
}

static void send_octets(struct wg_peer *peer, const void *data, size_t len)
{
	struct packet *p = packet_new(PACKET_HEADROOM, len);

	if (!p) return;
	memcpy(p->data, data, len);
	(void)send_to_peer(peer, p, TOS_HANDSHAKE);
}

/* ---- the handshake ---- */

void wg_initiate(struct wg_peer *peer, bool again)
{
	struct stack *s = wg_stack(peer->device);
	struct wg_initiation m;

	if (!again) peer->attempts = 0;
	if (peer->initiated && !wg_is_past(s, peer->initiated, REKEY_TIMEOUT)) return;
	peer->initiated = s->now;
	if (!wg_initiation_make(peer, &m) || !wg_macs_put(peer, &m, sizeof m)) return;
	wg_timer_sent(peer);
	send_octets(peer, &m, sizeof m);
	wg_timer_initiated(peer);
}

void wg_respond(struct wg_peer *peer)
{
	struct wg_response m;

	peer->initiated = wg_stack(peer->device)->now;
	if (!wg_response_make(peer, &m) || !wg_macs_put(peer, &m, sizeof m) || !wg_session_begin(peer)) return;
	wg_timer_session(peer);
	wg_timer_sent(peer);
	send_octets(peer, &m, sizeof m);
}

/* To who has sent p, whoever that is. */
void wg_send_cookie(struct wg_device *w, const struct packet *p, uint16_t sport, uint32_t receiver)
{
	struct udp_sock *port = addr_is_v4(&p->src) ? w->port4 : w->port6;
	struct udp_tunnel_to to = {.src = p->dst, .dst = p->src, .port = sport, .tos = TOS_HANDSHAKE, .mark = w->mark,
				  .oif = addr_is_linklocal(&p->src) ? p->netif : NULL};
	struct wg_cookie_reply m;
	struct packet *reply;
	struct route_hop hop;

	if (!wg_cookie_make(w, p, sport, receiver, &m) || udp_tunnel_way(port, &to, &hop) < 0 || hop.netif == w->nif) return;
	reply = packet_new(PACKET_HEADROOM, sizeof m);
	if (!reply) return;
	memcpy(reply->data, &m, sizeof m);
	to.hop = &hop;
	(void)udp_tunnel_send(port, &to, reply);
}

/* ---- data ---- */

/* Up to the MTU; what is larger was let through whole, and is padded as its last piece would be. */
static size_t padding_of(size_t len, size_t mtu)
{
	size_t last = mtu && len > mtu ? len % mtu : len, padded = (last + PADDING - 1) & ~(size_t)(PADDING - 1);

	return (mtu ? MIN(padded, MAX(mtu, last)) : padded) - last;
}

static void nonce_put(uint8_t nonce[AEAD_NONCE], uint64_t counter)
{
	le64 v = le64_of(counter);

	memset(nonce, 0, 4);
	memcpy(nonce + 4, v.b, sizeof v.b);
}

/* RFC 6040 §4.1; as Linux, one that has met congestion already begins anew. */
static uint8_t outer_ecn(const struct packet *p)
{
	uint8_t ecn;

	if (p->len < 2) return 0;
	ecn = (p->data[0] >> 4 == 4 ? p->data[1] : (uint8_t)(p->data[1] >> 4)) & ECN_MASK;
	return ecn == ECN_CE ? ECN_ECT0 : ecn;
}

/* The message that p goes in; p stays the caller's. NULL: no memory. */
static struct packet *sealed(const struct wg_peer *peer, struct wg_session *x, const struct packet *p)
{
	size_t padded = p->len + padding_of(p->len, peer->device->nif->mtu_bytes);
	struct packet *q = packet_new(PACKET_HEADROOM, sizeof(struct wg_data) + padded + AEAD_TAG);
	struct wg_data h = {.type = le32_of(WG_DATA), .receiver = le32_of(x->remote_index), .counter = le64_of(x->sent)};
	uint8_t nonce[AEAD_NONCE], *at;

	if (!q) return NULL;
	at = q->data + sizeof h;
	memcpy(q->data, &h, sizeof h);
	memcpy(at, p->data, p->len);
	memset(at + p->len, 0, padded - p->len);
	nonce_put(nonce, x->sent++);
	if (peer->device->crypto->aead.seal(x->seal, &(struct aead_text){.nonce = nonce, .data = at, .len = padded, .tag = at + padded})) return q;
	packet_free(q);
	return NULL;
}

/* The paper, §6.2: the initiator begins anew in time, and so does who has sent so very much. */
static void keep_fresh(struct wg_peer *peer)
{
	const struct wg_session *x = peer->current;

	if (!x || !x->sends) return;
	if (x->sent > REKEY_AFTER_MESSAGES || (x->initiator && wg_is_past(wg_stack(peer->device), x->born, REKEY_AFTER_TIME))) wg_initiate(peer, false);
}

static bool may_send(const struct wg_peer *peer, struct wg_session *x)
{
	if (!x || !x->sends) return false;
	if (!wg_is_past(wg_stack(peer->device), x->born, REJECT_AFTER_TIME) && x->sent < REJECT_AFTER_MESSAGES) return true;
	x->sends = false;
	return false;
}

static void send_one(struct wg_peer *peer, struct wg_session *x, struct packet *p)
{
	bool empty = p->len == 0;
	struct packet *q = sealed(peer, x, p);
	uint8_t tos = outer_ecn(p);

	packet_free(p);
	wg_timer_sent(peer);
	if (q && send_to_peer(peer, q, tos) == 0) {
		if (!empty) wg_timer_data_sent(peer);
	} else {
		peer->device->nif->tx_dropped++;
	}
	keep_fresh(peer);
}

void wg_send_staged(struct wg_peer *peer)
{
	while (!list_empty(&peer->staged) && may_send(peer, peer->current)) {
		struct packet *p = list_entry(list_pop(&peer->staged), struct packet, node);
		peer->n_staged--;
		send_one(peer, peer->current, p);
	}
	if (!list_empty(&peer->staged)) wg_initiate(peer, false);
}

void wg_stage(struct wg_peer *peer, struct packet *p)
{
	if (peer->n_staged == STAGED_MAX) {
		struct packet *oldest = list_entry(list_pop(&peer->staged), struct packet, node);
		peer->device->nif->tx_dropped++;
		stack_drop(wg_stack(peer->device), oldest, DROP_WG_QUEUE);
		peer->n_staged--;
	}
	list_append(&peer->staged, &p->node);
	peer->n_staged++;
}

void wg_send_keepalive(struct wg_peer *peer)
{
	struct packet *p = list_empty(&peer->staged) ? packet_new(PACKET_HEADROOM, 0) : NULL;

	if (p) wg_stage(peer, p);
	wg_send_staged(peer);
}
