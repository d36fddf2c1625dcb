/*
 * MSG_EOR: the octets of a send end a segment. Nothing of a later send goes in the same one, neither now nor when it is
 * sent again, and a segment that such an end makes short does not wait for company.
 *
 *     queue   aaaa|bbb|cccccc…         marks at the bars, until what is before them has been sent; then the record of
 *                                      rtxq.c that ends there has TAG_EOR
 *
 * Read first: send(2), MSG_EOR, and RFC 9293 §3.9.1.2.
 */
#include <stdlib.h>
#include "stack/tcp/conn.h"

struct eor_marks { uint32_t first, n, cap; seq32 at[]; };

/* What is queued ends here. Without memory there is no mark, as the mark asks for no more than a favour. */
void eor_mark(struct tcp_sock *conn)
{
	struct eor_marks *e = conn->snd.eor;

	if (!snd_unsent(conn)) return;
	if (e && e->first) {
		memmove(e->at, e->at + e->first, e->n * sizeof *e->at);
		e->first = 0;
	}
	if (!e || e->n == e->cap) {
		uint32_t cap = e ? 2 * e->cap : 8;
		struct eor_marks *grown = realloc(e, sizeof *e + cap * sizeof *e->at);
		if (!grown) return;
		if (!e) grown->first = grown->n = 0;
		grown->cap = cap;
		conn->snd.eor = e = grown;
	}
	e->at[e->n++] = snd_end(conn);
}

/* Of what is not sent, the octets before the first mark. */
uint32_t eor_unsent(const struct tcp_sock *conn)
{
	const struct eor_marks *e = conn->snd.eor;

	return e && e->n ? e->at[e->first] - conn->snd.nxt : snd_unsent(conn);
}

/* Octets before end leave: is there a mark? */
bool eor_reached(struct tcp_sock *conn, seq32 end)
{
	struct eor_marks *e = conn->snd.eor;

	if (!e || !e->n || e->at[e->first] != end) return false;
	e->first++;
	if (--e->n == 0) eor_free(conn);
	return true;
}

/* Is the latest mark right behind octet last? */
bool eor_is_after(const struct tcp_sock *conn, seq32 last)
{
	const struct eor_marks *e = conn->snd.eor;

	return e && e->n && e->at[e->first + e->n - 1] == last + 1;
}

void eor_free(struct tcp_sock *conn)
{
	free(conn->snd.eor);
	conn->snd.eor = NULL;
}
