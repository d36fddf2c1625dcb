/*
 * What the port gets. A stranger hears nothing from us: a message that is not well made, not for our key, not of a session that there is, is dropped
 * without an answer and before anything is kept for it.
 *
 * Read first: the paper, §5.1, §5.4, §6.5; RFC 6040 §4.2.
 */
#include "stack/wireguard/private.h"
#include "wire/wire.h"

/* ---- the handshake ---- */

static void heard(struct wg_peer *peer, const struct packet *p, uint16_t sport)
{
	peer->endpoint = (struct wg_endpoint){.addr = p->src, .src = p->dst, .port = sport, .src_index = p->netif->index,
					      .scope = addr_is_linklocal(&p->src) && !addr_is_v4(&p->src) ? p->netif->index : 0};
}

/* Is the message to be looked at? Under load only with a cookie, which else is given, to who sent it: `sender` names the message to him. */
static enum drop_reason admit(struct wg_device *w, const struct packet *p, uint16_t sport, uint32_t sender)
{
	if (wg_macs_check(w, p, sport, false) == WG_MAC_WRONG) return DROP_WG_MAC;
	if (!wg_is_loaded(w)) return DROP_NONE;
	if (wg_macs_check(w, p, sport, true) != WG_MAC_BOTH) {
		wg_send_cookie(w, p, sport, sender);
		return DROP_WG_LOAD;
	}
	return wg_within_limit(w, &p->src) ? DROP_NONE : DROP_WG_LOAD;
}

static void count(struct wg_peer *peer, size_t len)
{
	struct netif *nif = peer->device->nif;

	nif->rx_packets++;
	nif->rx_bytes += len;
	peer->rx_bytes += len;
}

/* A message of the handshake was the peer's own. */
static void proven(struct wg_peer *peer, const struct packet *p, uint16_t sport)
{
	heard(peer, p, sport);
	count(peer, p->len);
	wg_timer_received(peer);
}

static enum drop_reason receive_initiation(struct wg_device *w, const struct packet *p, uint16_t sport)
{
	struct wg_initiation m;
	struct wg_peer *peer;
	enum drop_reason why;

	memcpy(&m, p->data, sizeof m);
	why = admit(w, p, sport, le32_get(m.sender));
	if (why != DROP_NONE) return why;
	peer = wg_initiation_take(w, &m);
	if (!peer) return DROP_WG_HANDSHAKE;
	proven(peer, p, sport);
	wg_respond(peer);
	return DROP_NONE;
}

static enum drop_reason receive_response(struct wg_device *w, const struct packet *p, uint16_t sport)
{
	struct wg_response m;
	struct wg_peer *peer;
	enum drop_reason why;

	memcpy(&m, p->data, sizeof m);
	why = admit(w, p, sport, le32_get(m.sender));
	if (why != DROP_NONE) return why;
	peer = wg_response_take(w, &m);
	if (!peer || !wg_session_begin(peer)) return DROP_WG_HANDSHAKE;
	proven(peer, p, sport);
	wg_timer_session(peer);
	wg_timer_complete(peer);
	/* The first message proves the session to the other side, which may not use it before: an empty one, if there is nothing to say. */
	wg_send_keepalive(peer);
	return DROP_NONE;
}

static enum drop_reason receive_cookie(struct wg_device *w, const struct packet *p, uint16_t sport)
{
	struct wg_cookie_reply m;

	(void)sport;
	memcpy(&m, p->data, sizeof m);
	wg_cookie_take(w, &m);
	return DROP_NONE;
}

/* ---- data ---- */

/* Takes what is left of p into the queue: it is received when what brought it is done, so that tunnels in tunnels do not pile up. */
static enum drop_reason arrive(struct wg_device *w, struct packet *p)
{
	struct stack *s = wg_stack(w);

	if (w->n_arrived == ARRIVED_MAX) return DROP_WG_QUEUE;
	list_append(&w->arrived, &p->node);
	w->n_arrived++;
	if (!timer_is_set(&w->deliver)) timer_set(s, &w->deliver, s->now);
	return DROP_NONE;
}

void wg_deliver_fire(struct timer *t)
{
	struct wg_device *w = container_of(t, struct wg_device, deliver);
	struct list todo = LIST_INIT(todo);

	while (!list_empty(&w->arrived))
		list_append(&todo, list_pop(&w->arrived));
	w->n_arrived = 0;
	while (!list_empty(&todo))
		stack_receive(wg_stack(w), w->nif, list_entry(list_pop(&todo), struct packet, node));
}

/* RFC 6040 §4.2: congestion that the outer datagram has met is the inner one's. As Linux: also where its sender will not understand, it is not dropped. */
static uint8_t merged_ecn(uint8_t outer, uint8_t inner)
{
	if (inner && (outer & ECN_MASK) == ECN_CE) return ECN_CE;
	return inner == ECN_ECT0 && (outer & ECN_MASK) == ECN_ECT1 ? ECN_ECT1 : inner;
}

static void take_ecn(struct packet *p, uint8_t outer)
{
	bool v4 = p->data[0] >> 4 == 4;
	unsigned shift = v4 ? 0 : 4;
	uint16_t was = read16(p->data);
	uint32_t sum;

	p->data[1] = (uint8_t)((p->data[1] & ~(ECN_MASK << shift)) | merged_ecn(outer, p->data[1] >> shift & ECN_MASK) << shift);
	if (!v4 || read16(p->data) == was) return;
	/* RFC 1624 §3: the checksum moves with the bits. */
	sum = (uint32_t)(uint16_t)~read16(p->data + 10) + (uint16_t)~was + read16(p->data);
	sum = (sum & 0xffff) + (sum >> 16);
	write16(p->data + 10, (uint16_t)~(sum + (sum >> 16)));
}

/* The length that the datagram says it has, and its source; 0: it is none. */
static size_t inner_len(const struct packet *p, struct addr *ret_src)
{
	if (p->len >= IP4_HDR_MIN && p->data[0] >> 4 == 4) {
		*ret_src = addr_v4_octets(p->data + 12);
		return read16(p->data + 2) < IP4_HDR_MIN ? 0 : read16(p->data + 2);
	}
	if (p->len >= IP6_HDR_LEN && p->data[0] >> 4 == 6) {
		*ret_src = addr_v6_octets(p->data + 8);
		return read16(p->data + 4) + (size_t)IP6_HDR_LEN;
	}
	return 0;
}

static enum drop_reason receive_inner(struct wg_peer *peer, struct packet *p, size_t whole, uint8_t outer_tos)
{
	struct wg_device *w = peer->device;
	struct addr src;
	size_t len = inner_len(p, &src);
	enum drop_reason why;

	if (len == 0 || len > p->len) return DROP_WG_INNER;
	take_ecn(p, outer_tos);
	packet_trim(p, len);
	if (wg_tree_find(&w->tree, &src) != peer) return DROP_WG_SOURCE;
	p->mark = p->priority = 0;
	p->frag_size = 0;
	why = arrive(w, p);
	if (why == DROP_NONE) count(peer, whole);
	return why;
}

static bool opens(const struct wg_device *w, struct wg_session *x, struct packet *p, uint64_t counter)
{
	uint8_t nonce[AEAD_NONCE] = {0};
	le64 v = le64_of(counter);

	if (!x->receives || wg_is_past(wg_stack(w), x->born, REJECT_AFTER_TIME) || x->replay.above >= REJECT_AFTER_MESSAGES) {
		x->receives = false;
		return false;
	}
	memcpy(nonce + 4, v.b, sizeof v.b);
	packet_trim(p, p->len - AEAD_TAG);
	return w->crypto->aead.open(x->open, &(struct aead_text){.nonce = nonce, .data = p->data, .len = p->len, .tag = p->data + p->len});
}

/* The paper, §6.2: who began a session that is about to end renews it also for what comes, not only for what goes. */
static void keep_fresh(struct wg_peer *peer)
{
	const struct wg_session *x = peer->current;

	if (peer->last_minute || !x || !x->sends || !x->initiator) return;
	if (!wg_is_past(wg_stack(peer->device), x->born, REJECT_AFTER_TIME - KEEPALIVE_TIMEOUT - REKEY_TIMEOUT)) return;
	peer->last_minute = true;
	wg_initiate(peer, false);
}

/* Takes p where DROP_NONE. */
static enum drop_reason receive_data(struct wg_device *w, struct packet *p, uint16_t sport)
{
	struct wg_index *i;
	struct wg_peer *peer;
	struct wg_data m;
	size_t whole = p->len;
	uint8_t tos = p->tos;
	uint64_t counter;

	memcpy(&m, p->data, sizeof m);
	counter = le64_get(m.counter);
	i = wg_index_find(w, le32_get(m.receiver));
	if (!i || !i->session) return DROP_WG_NO_SESSION;
	peer = i->peer;
	packet_pull(p, sizeof m);
	if (!opens(w, i->session, p, counter)) return DROP_WG_NO_SESSION;
	if (!wg_replay_fresh(&i->session->replay, counter)) return DROP_WG_REPLAY;
	heard(peer, p, sport);
	if (wg_session_confirmed(peer, i->session)) {
		wg_timer_complete(peer);
		wg_send_staged(peer);
	}
	keep_fresh(peer);
	wg_timer_received(peer);
	if (p->len == 0) {
		count(peer, whole);
		packet_free(p);
		return DROP_NONE;
	}
	wg_timer_data_received(peer);
	return receive_inner(peer, p, whole, tos);
}

/* ---- all of them ---- */

static uint32_t type_of(const struct packet *p)
{
	le32 type = {{0}};

	memcpy(type.b, p->data, MIN((size_t)p->len, sizeof type));
	return le32_get(type);
}

static enum drop_reason receive_control(struct wg_device *w, const struct packet *p, uint16_t sport, uint32_t type)
{
	switch (type) {
	case WG_INITIATION: return p->len == sizeof(struct wg_initiation) ? receive_initiation(w, p, sport) : DROP_WG_BAD;
	case WG_RESPONSE: return p->len == sizeof(struct wg_response) ? receive_response(w, p, sport) : DROP_WG_BAD;
	case WG_COOKIE: return p->len == sizeof(struct wg_cookie_reply) ? receive_cookie(w, p, sport) : DROP_WG_BAD;
	default: return DROP_WG_BAD;
	}
}

void wg_receive(void *owner, struct packet *p, uint16_t sport)
{
	struct wg_device *w = owner;
	struct stack *s = wg_stack(w);
	uint32_t type = type_of(p);
	bool is_data = type == WG_DATA && p->len >= WG_DATA_LEN_LEAST;
	enum drop_reason why = is_data ? receive_data(w, p, sport) : receive_control(w, p, sport, type);

	if (why != DROP_NONE)
		stack_drop(s, p, why);
	else if (!is_data)
		packet_free(p);
}
