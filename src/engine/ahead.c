/*
 * Connections accepted ahead of the program (src/channel/offer.h): one for each listener to which a spare anchor has been offered.
 *
 *     L.offer ──► the channel of C ── taken ──► C is as if accept had been called when it came
 *                                  └─ asked for by ACCEPT ──► C gets another anchor, of who asks
 *                                  └─ L ends ──► C is reset, as all that wait
 *
 * That it was taken is found at the next look at L: whoever takes says that L is dirty, and rings only where others may wait for room to connect. C without
 * its offerer keeps its place, and no anchor.
 */
#include <errno.h>
#include <sys/epoll.h>
#include "channel/atomic.h"
#include "channel/offer.h"
#include "engine/private.h"
#include "stack/sctp/sctp.h"
#include "stack/unix/unix.h"

static struct offer *offer_of(struct engine *e, const struct esock *l) { return arena_offer(e->arena, l->channel); }

/* L has none any more. */
static void settle(struct engine *e, struct esock *l)
{
	struct esock *es = e->slots[offer_spare(l->offer)].es;
	es->listener = 0;
	/* No program can have taken one without an anchor: whoever changed the word had no right to. */
	if (es->anchor < 0 && list_empty(&es->source.ready)) list_append(&e->ready[SOURCE_ANCHOR], &es->source.ready);
	l->offer = 0;
	if (!l->sk) return;
	l->sk->ahead = false;
	if (esock_is_unix(l)) unix_accepted(l->sk);
}

/* Takes it out of the program's reach, until the word is changed again. NULL: there is none, or was none any more. */
static struct esock *claim(struct engine *e, struct esock *l)
{
	if (l->offer == 0) return NULL;
	uint64_t busy = offer_word(OFFER_BUSY, offer_spare(l->offer), offer_closed(l->offer));
	if (offer_change(offer_of(e, l), l->offer, busy)) return e->slots[offer_spare(l->offer)].es;
	settle(e, l);
	return NULL;
}

/* It waits on, for whoever asks: no program has a spare with this word. */
static void put_back(struct engine *e, struct esock *l, const struct esock *es)
{
	l->offer = offer_word(OFFER_FULL, es->channel, 0);
	shared_set64(&offer_of(e, l)->word, l->offer);
}

/* ---- accepting ---- */

/* NULL: it is not there, or not yet. What can never be is taken back, so that another may be offered. */
static struct esock *spare_of(struct engine *e, struct esock *l, uint64_t word)
{
	uint32_t i = offer_spare(word);
	struct esock *es = i > 0 && i < CHANNEL_MAX ? e->slots[i].es : NULL;
	bool may_be = es && es->stream && !es->orphan && e->slots[i].generation == offer_closed(word) &&
		      es->of.client->host == esock_channel(e, l)->host;
	if (may_be && es->spare && !es->sk) return es;
	if (!may_be) offer_change(offer_of(e, l), word, 0);
	return NULL;
}

/* Where several wait for connections, whoever comes first would take what is another's, which is dearer than a call of his own. */
static bool is_alone(struct engine *e, const struct esock *l)
{
	uint32_t n = shared_get32(&esock_channel(e, l)->rx.waiters);
	list_each(struct watch, w, &l->watches, of_sock) n++;
	return n <= 1;
}

static bool may_fill(struct engine *e, const struct esock *l)
{
	/* Whoever takes the last one tells nobody, though with no backlog some may wait to connect. */
	if (!l->stream || sctp_is(l->sk) || (esock_is_unix(l) && unix_backlog(l->sk) == 0)) return false;
	if (esock_is_unix(l) && unix_outside_is_waiting(l->sk)) return false;     /* who is to have his turn */
	return sock_poll(l->sk) & EPOLLIN && is_alone(e, l);
}

static void caller_note(struct engine *e, const struct esock *l, const struct sock *child)
{
	struct offer *o = offer_of(e, l);
	struct sockaddr_storage name;
	socklen_t len = sizeof name;
	size_t n = accept_caller(child, &name, &len) == 0 ? MIN(len, sizeof o->name) : 0;
	memcpy(o->name, &name, n);
	o->name_len = (uint32_t)n;
}

static bool fill(struct engine *e, struct esock *l)
{
	struct offer *o = offer_of(e, l);
	uint64_t word = offer_look(o);
	struct sock *child;
	struct esock *es;
	int fd;
	if (offer_state(word) != OFFER_OPEN || !may_fill(e, l) || !(es = spare_of(e, l, word))) return false;
	uint32_t i = offer_spare(word), closed = offer_closed(word);
	if (!offer_change(o, word, offer_word(OFFER_BUSY, i, closed))) return false;
	if (sock_accept(l->sk, &child) < 0) {
		shared_set64(&o->word, word);
		return false;
	}
	esock_new(e, es->of.client, true, i, &fd, &es);     /* can't fail: it is the spare */
	esock_attach(e, es, child, esock_channel(e, l)->host);
	bell_inherit(e, es, bell_likely(e, l, es->of.client));
	caller_note(e, l, child);
	es->listener = l->channel;
	l->sk->ahead = true;
	l->offer = offer_word(OFFER_FULL, i, closed);
	shared_set64(&o->word, l->offer);
	return true;
}

bool ahead_update(struct engine *e, struct esock *l)
{
	shared_fence();        /* after what was published: who takes it looks there after, whether to ring */
	if (l->offer != 0 && offer_look(offer_of(e, l)) != l->offer) settle(e, l);
	return l->offer == 0 && fill(e, l);
}

const struct sock *ahead_sock(void *engine, const struct sock *listener)
{
	struct engine *e = engine;
	const struct esock *l = listener->user, *es = l && l->offer != 0 ? e->slots[offer_spare(l->offer)].es : NULL;
	return es ? es->sk : NULL;
}

/* ---- other ends ---- */

/* It waits no more. */
static void withdraw(struct engine *e, struct esock *l)
{
	settle(e, l);
	shared_set64(&offer_of(e, l)->word, 0);
}

int ahead_recall(struct call *k, struct esock **ret, int *ret_fd)
{
	struct engine *e = k->e;
	struct esock *es = claim(e, k->es);
	if (!es) return 0;
	int err = es->sk ? esock_anchor_again(e, es, k->c, ret_fd) : 0;
	if (err < 0) {
		put_back(e, k->es, es);
		return err;
	}
	withdraw(e, k->es);
	while (!list_empty(&es->watches)) watch_free(e, list_first(&es->watches, struct watch, of_sock));   /* guessed for the other */
	*ret = es;
	return es->sk != NULL;             /* otherwise it has violated something, and ends */
}

bool ahead_keeps(struct engine *e, struct esock *es)
{
	struct esock *l = es->listener != 0 && es->sk ? e->slots[es->listener].es : NULL;
	if (!l || claim(e, l) != es) return false;
	esock_anchor_close(e, es);
	put_back(e, l, es);
	return true;
}

void ahead_lost(struct engine *e, struct esock *es)
{
	struct esock *l = es->listener != 0 ? e->slots[es->listener].es : NULL;
	if (l && claim(e, l) == es) withdraw(e, l);
}

void ahead_end(struct engine *e, struct esock *l)
{
	struct esock *es = claim(e, l);
	if (!es) return;
	settle(e, l);
	if (es->sk) {
		engine_enter(e, es->sk);
		es->sk->lent++;                /* a connection that nobody accepted is reset, as one that has not been read */
	}
	if (es->anchor >= 0) esock_give_back(e, es, -1);
	else esock_free(e, es);
	/* Last: the program looks here whether the spare is its own again. */
	shared_set64(&offer_of(e, l)->word, 0);
}
