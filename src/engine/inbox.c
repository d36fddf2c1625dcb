/*
 * Datagrams past the engine (src/channel/inbox.h): who may write to whose inbox, and until when.
 *
 *     A's program ── SEND, by the stack ──► R.rx          asks for a ticket as well: R's inbox is opened, or is open
 *                 ── inbox ───────────────► R.rx          from then on
 *
 * Two things are behind a ticket. *Who gets it*: R, chosen among the sockets of its port, over a way that is clear; whatever may change that (a socket
 * of that port, R itself, the way) ends R's inbox before. *What is sent*: A's names and options; whatever may change those changes A's number.
 * Either costs the next datagram of each sender the slow way once, by which everything is asked again.
 */
#include <errno.h>
#include "channel/inbox_side.h"
#include "engine/private.h"
#include "stack/inet/udp_direct.h"

bool inbox_is_open(struct esock *es) { return !es->stream && !list_empty(&dgram_of(es)->open); }

void inbox_shut(struct engine *e, struct esock *es)
{
	uint32_t dropped;
	if (!inbox_is_open(es)) return;
	if (esock_is_unix(es)) inbox_unix_leaves(e, es);
	list_remove(&dgram_of(es)->open);
	dgram_of(es)->outgrown |= inbox_close(&e->pool, &es->rx, &dropped);
	if (esock_is_unix(es)) inbox_unix_left(e, es);
	else if (es->sk) udp_dropped(es->sk, dropped);
}

void inbox_shut_all(struct engine *e)
{
	while (!list_empty(&e->inboxes)) inbox_shut(e, &list_first(&e->inboxes, struct esock_dgram, open)->es);
}

void tickets_void(struct engine *e, struct esock *es) { shared_set32(&esock_channel(e, es)->posted.ticket, ++dgram_of(es)->ticket); }

void inbox_changed(struct engine *e, struct esock *es)
{
	if (es->stream) return;
	tickets_void(e, es);
	if (esock_is_unix(es)) inbox_unix_changed(e, es);
	if (!es->sk || esock_is_unix(es)) return;
	for (struct sock *sk = NULL; (sk = udp_sharer(es->sk, sk));)
		if (sk->user) inbox_shut(e, sk->user);
}

/* ---- tickets ---- */

static struct esock *receiver_of(struct engine *e, struct sock *sk, const struct udp_way *w)
{
	const struct route_flow f = {.dst = w->dst, .src = w->src, .oif = w->oif, .uid = sk->uid, .tos = w->tos, .proto = IPPROTO_UDP,
				     .sport = w->sport, .dport = w->dport};
	struct net_host *end = net_clear_path(e->net, sk->stack, &f);
	struct sock *to = end ? udp_way_end(net_stack(end), w) : NULL;
	return to ? to->user : NULL;
}

/* As much again as was too little: small ones serve whoever asks and is answered. */
static uint32_t ring_size(struct esock *es, uint32_t data_len)
{
	return dgram_of(es)->outgrown || data_len > SEGMENT_SMALL / 8 ? SEGMENT_LARGE : SEGMENT_SMALL;
}

bool inbox_open_with(struct engine *e, struct esock *es, struct inbox_terms *terms, uint32_t data_len)
{
	terms->size = ring_size(es, data_len);
	if (inbox_open(&e->pool, &esock_channel(e, es)->rx, &es->rx, es->channel, terms, &dgram_of(es)->inbox) < 0) return false;
	list_append(&e->inboxes, &dgram_of(es)->open);
	return true;
}

static bool open_for(struct engine *e, struct esock *es, uint32_t data_len)
{
	uint64_t unread = inbox_unread(&e->pool, &es->rx) + es->sk->lent;
	struct inbox_terms terms = {.limit = es->sk->rcvbuf, .before = (uint32_t)MIN(unread, UINT32_MAX)};
	return inbox_is_open(es) || inbox_open_with(e, es, &terms, data_len);
}

/* k is a SEND that went well and has been settled. */
void inbox_ticket(struct call *k)
{
	struct rpc_send h;
	struct sockaddr_storage name = {0};
	struct udp_way way;
	socklen_t len = sizeof name;
	if (!k->es->sk) return;
	memcpy(&h, k->in, sizeof h);
	memcpy(&name, k->in + sizeof h, h.name_len);
	engine_enter(k->e, k->es->sk);
	if (!udp_way_of(k->es->sk, h.name_len ? (struct sockaddr *)&name : NULL, h.name_len, &way)) return;
	struct esock *to = receiver_of(k->e, k->es->sk, &way);
	if (!to || to->stream || !open_for(k->e, to, h.data_len)) return;
	struct inbox_place at = dgram_of(to)->inbox;
	struct rpc_ticket t = {.segment = at.segment, .serial = at.serial, .ticket = dgram_of(k->es)->ticket, .octets_max = way.octets_max};
	udp_way_name(to->sk, &way, &name, &len);
	t.name_len = (uint32_t)MIN(len, sizeof t.name);
	memcpy(t.name, &name, t.name_len);
	call_out(k, &t, sizeof t);
}

/* ---- the engine's own datagrams ---- */

bool inbox_makes_way(struct engine *e, struct esock *es, uint32_t charge)
{
	uint64_t unread = inbox_unread(&e->pool, &es->rx), before = es->sk->lent - charge;
	if (unread > 0 && unread + before + charge > es->sk->rcvbuf) {
		udp_dropped(es->sk, 1);
		return false;
	}
	inbox_shut(e, es);
	return true;
}

/* ---- ends ---- */

struct refusal { struct engine *e; const struct esock *to; };

static void refuse_sender(void *user, const struct record *rec)
{
	struct refusal *r = user;
	struct esock *from = rec->sender < CHANNEL_MAX ? r->e->slots[rec->sender].es : NULL;
	if (!from || !from->sk || from->sk->err != 0 || !udp_talks_to(from->sk, r->to->sk)) return;
	engine_enter(r->e, from->sk);
	sock_set_error(from->sk, ECONNREFUSED);
}

/*
 * The last reference went without a word. What is unread may have been put there after that, before we could know: then a port unreachable would have
 * come back. It is taken for that, as a sender that waits for an answer must not wait for ever.
 */
void inbox_refuse(struct engine *e, struct esock *es)
{
	struct refusal r = {e, es};
	if (!es->sk || es->stream || esock_is_unix(es) || shared_get32(&esock_channel(e, es)->flags) & CHF_CLOSING) return;
	inbox_shut(e, es);
	inbox_senders(&e->pool, &es->rx, refuse_sender, &r);
}

/* A program has died: it may have been writing, or about to wake a reader. */
void inboxes_of_dead(struct engine *e, uint32_t client)
{
	inbox_release_dead(&e->pool, client);
	list_each(struct esock_dgram, d, &e->inboxes, open) {
		if (inbox_unread(&e->pool, &d->es.rx) > 0) esock_wake_reader(e, &d->es);
		inbox_unix_wake(e, &d->es);
		d->es.rung = true;
		esock_queue(e, &d->es);
	}
}

bool inbox_owes_wake(struct engine *e, struct esock *es)
{
	struct direction *d = &esock_channel(e, es)->rx;
	return !es->stream && shared_get32(&d->starved) != 0 && shared_swap32(&d->starved, 0) != 0;
}
