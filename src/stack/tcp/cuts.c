/*
 * Where packets end in what is queued and not sent.
 *
 *     queue   aaaa|bbbbbbbb|bbbb…      a cut: nothing behind it goes with what is before, neither now nor when it is sent again,
 *                                      and what it makes short does not wait for company
 *
 * MSG_EOR cuts: the octets of a send end a segment; the record of rtxq.c that ends there has TAG_EOR. Where the device segments, Linux hands it packets of
 * up to so many whole segments, filled one after the other as the program sends: they end in cuts too, of which those are pushed by which half the
 * peer's largest window was queued since the last.
 *
 * Read first: send(2), MSG_EOR, and RFC 9293 §3.9.1.2.
 */
#include <stdlib.h>
#include "stack/tcp/conn.h"

struct tcp_cuts { uint32_t first, n, cap; struct tcp_cut at[]; };

static const struct tcp_cut *last(const struct tcp_sock *conn)
{
	const struct tcp_cuts *c = conn->snd.cuts;

	return c && c->n ? &c->at[c->first + c->n - 1] : NULL;
}

/* Without memory there is none: it asks for no more than a favour. */
static void add(struct tcp_sock *conn, struct tcp_cut cut)
{
	struct tcp_cuts *c = conn->snd.cuts;
	struct tcp_cut *same = c && c->n ? &c->at[c->first + c->n - 1] : NULL;

	if (same && same->at == cut.at) {
		same->eor |= cut.eor;
		same->push |= cut.push;
		return;
	}
	if (c && c->first + c->n == c->cap && c->first >= c->n) {
		memmove(c->at, c->at + c->first, c->n * sizeof *c->at);
		c->first = 0;
	}
	if (!c || c->first + c->n == c->cap) {
		uint32_t cap = c ? 2 * c->cap : 8;
		struct tcp_cuts *grown = realloc(c, sizeof *c + cap * sizeof *c->at);
		if (!grown) return;
		if (!c) grown->first = grown->n = 0;
		grown->cap = cap;
		conn->snd.cuts = c = grown;
	}
	c->at[c->first + c->n++] = cut;
}

void cuts_eor(struct tcp_sock *conn)
{
	if (snd_unsent(conn)) add(conn, (struct tcp_cut){.at = snd_end(conn), .eor = true, .push = true});
}

/* Octets in the last packet of the queue. */
static uint32_t tail(const struct tcp_sock *conn) { return snd_end(conn) - (last(conn) ? last(conn)->at : conn->snd.nxt); }

uint32_t cuts_tail_room(const struct tcp_sock *conn, bool urgent)
{
	uint32_t goal = tso_goal(conn, urgent), filled = snd_unsent(conn) ? tail(conn) : 0;

	return filled && filled < goal ? goal - filled : 0;
}

uint32_t cuts_packets(const struct tcp_sock *conn)
{
	const struct tcp_cuts *c = conn->snd.cuts;

	return (c ? c->n : 0) + (snd_unsent(conn) && tail(conn));
}

/* How many octets fit in the last packet of the queue; where it is full another begins. */
uint32_t cuts_room(struct tcp_sock *conn, bool urgent)
{
	uint32_t goal = tso_goal(conn, urgent), filled = tail(conn);

	if (!goal) return UINT32_MAX;
	if (filled < goal) return goal - filled;
	if (filled) add(conn, (struct tcp_cut){.at = snd_end(conn), .push = seq_le(snd_end(conn), conn->snd.pushed)});
	return goal;
}

/* As Linux: the first packet takes octets of the second, when more could leave than it holds; so it does at each attempt to send. */
void cuts_grow(struct tcp_sock *conn, uint32_t by)
{
	struct tcp_cuts *c = conn->snd.cuts;
	struct tcp_cut *cut = c && c->n ? &c->at[c->first] : NULL;
	seq32 next = c && c->n > 1 ? cut[1].at : snd_end(conn);
	bool push;

	if (!cut || cut->eor || next == cut->at) return;
	if (by < next - cut->at) {
		cut->at += by;
		return;
	}
	push = cut->push;
	cuts_reached(conn, cut->at);
	if (!push) return;
	if (conn->snd.cuts) conn->snd.cuts->at[conn->snd.cuts->first].push = true;
	else conn->snd.pushed = next;
}

/* Of what is not sent, the octets before the first cut. */
uint32_t cuts_unsent(const struct tcp_sock *conn)
{
	const struct tcp_cuts *c = conn->snd.cuts;

	return c && c->n ? c->at[c->first].at - conn->snd.nxt : snd_unsent(conn);
}

/* The cut at end, if there is one, else nothing in it. */
struct tcp_cut cuts_at(const struct tcp_sock *conn, seq32 end)
{
	const struct tcp_cuts *c = conn->snd.cuts;

	return c && c->n && c->at[c->first].at == end ? c->at[c->first] : (struct tcp_cut){.at = end};
}

/* Octets before end leave. */
void cuts_reached(struct tcp_sock *conn, seq32 end)
{
	struct tcp_cuts *c = conn->snd.cuts;

	if (!c || !c->n || c->at[c->first].at != end) return;
	c->first++;
	if (--c->n == 0) cuts_free(conn);
}

/* Is the latest cut of MSG_EOR, and right behind octet seq? */
bool cuts_eor_is_after(const struct tcp_sock *conn, seq32 seq)
{
	return last(conn) && last(conn)->eor && last(conn)->at == seq + 1;
}

void cuts_free(struct tcp_sock *conn)
{
	free(conn->snd.cuts);
	conn->snd.cuts = NULL;
}
