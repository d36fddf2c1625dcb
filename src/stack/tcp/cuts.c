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

	if (c && c->first) {
		memmove(c->at, c->at + c->first, c->n * sizeof *c->at);
		c->first = 0;
	}
	if (!c || c->n == c->cap) {
		uint32_t cap = c ? 2 * c->cap : 8;
		struct tcp_cuts *grown = realloc(c, sizeof *c + cap * sizeof *c->at);
		if (!grown) return;
		if (!c) grown->first = grown->n = 0;
		grown->cap = cap;
		conn->snd.cuts = c = grown;
	}
	c->at[c->n++] = cut;
}

void cuts_eor(struct tcp_sock *conn)
{
	if (snd_unsent(conn)) add(conn, (struct tcp_cut){.at = snd_end(conn), .eor = true, .push = true});
}

/* So many octets were queued just now. */
void cuts_queued(struct tcp_sock *conn, uint32_t len, bool urgent)
{
	uint32_t goal = tso_goal(conn, urgent);
	seq32 end = snd_end(conn), from = last(conn) ? last(conn)->at : conn->snd.nxt;

	if (!goal) return;
	for (seq32 at = from + goal; seq_lt(at, end); at += goal) {
		struct tcp_cut cut = {.at = seq_lt(at, end - len) ? end - len : at};
		cut.push = !urgent && cut.at - conn->snd.pushed > conn->snd.max_wnd / 2;
		if (cut.push) conn->snd.pushed = cut.at;
		add(conn, cut);
		at = cut.at;
	}
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
