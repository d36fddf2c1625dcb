/*
 * A connection that is to be asked for each message, by an upper protocol (TCP_ULP), for stamps or in repair: from then on what it sends and receives is
 * the stack's, and nothing may be in its rings. What the program has written goes to the stack, to be sent as it is. What came and was not read, by the
 * stack or past it, the stack gets back: keys that are set next are for it as well, as the peer's first records may be there already, and in repair the
 * program looks for it there. When repair is over the rings are used again.
 *
 * A thread that is in the middle of reading holds the ring's lock, and so keeps what is there, as if it had read that a moment before.
 */
#include <stdlib.h>
#include "channel/channel.h"
#include "engine/private.h"
#include "stack/tcp/tcp.h"

struct kept { uint8_t *at; size_t len, room; };

static bool keep(void *user, const struct recalled *what)
{
	const struct iovec *data = what->data;
	struct kept *k = user;
	for (int i = 0; i < 2; i++) {
		if (data[i].iov_len > k->room - k->len) return false;
		memcpy(k->at + k->len, data[i].iov_base, data[i].iov_len);
		k->len += data[i].iov_len;
	}
	return true;
}

/* The reader's lock is ours. */
static void give_back(struct engine *e, struct esock *es)
{
	struct direction *rx = &esock_channel(e, es)->rx;
	struct kept k = {.room = rx_used(&e->pool, &es->rx)};
	const struct recall how = {.keep = keep, .user = &k};
	if (k.room == 0) return;
	k.at = malloc(k.room);
	if (k.at) rx_recall(&e->pool, rx, &es->rx, &how);
	int64_t lent = rx_progress(&e->pool, rx, &es->rx);
	if (lent < 0) esock_violate(e, es, "the words of a receive ring can't be");
	else if (!k.at || tcp_take_back(es->sk, k.at, k.len, (size_t)lent) < 0) {
		engine_log(e, "a connection was reset: there is no memory for what it has not read");
		tcp_break(es->sk);
	}
	free(k.at);
}

void esock_unread(struct engine *e, struct esock *es)
{
	struct direction *rx = &esock_channel(e, es)->rx;
	direct_reconsider(e, es);
	es->mark = false;
	esock_flush(e, es);
	if (!es->sk || !chan_trylock(&rx->lock, LOCK_ENGINE)) return;
	if (pump_consumed(e, es)) give_back(e, es);
	engine_unlock(&rx->lock);
}

void esock_ask(struct engine *e, struct esock *es)
{
	esock_unread(e, es);
	if (es->sk) tcp_ask(es->sk);
}

/* What is in the stack's queue goes into the ring again, and the direct path may be taken. */
void esock_ask_no_more(struct engine *e, struct esock *es)
{
	if (!tcp_ask_no_more(es->sk)) return;
	es->path_epoch = 0;
	esock_queue(e, es);
}
