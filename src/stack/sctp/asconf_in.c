/*
 * See asconf.h. What the peer tells of its addresses: it comes authenticated, once, and in the order of its serial numbers; the last one is answered again
 * as before. An address that another association of ours has is nobody's to add.
 *
 * Read first: RFC 5061 §4.2, §5.2, §5.3.
 */
#include <stdlib.h>
#include "stack/sctp/assoc.h"

#define HEAD_LEN 4u
#define PARAM_HDR 4u
#define REQUESTS_MOST 32u              /* of a chunk */
#define REPORT_MOST 48u                /* octets of an answer to one of them: its number, the cause, and the request itself */

struct work {
	struct assoc *a;
	const struct addr *from;       /* of the packet */
	uint8_t answer[HEAD_LEN + REQUESTS_MOST * REPORT_MOST];
	size_t len;
	bool refused;                  /* one of them: from then on each is told */
};

/* ---- one request: 0, or the cause why not ---- */

static uint16_t add(struct work *w, const struct addr *addr)
{
	struct path *p;

	if (assoc_path(w->a, addr)) return 0;
	p = assoc_add_path(w->a, addr, SCTP_UNCONFIRMED);
	if (!p) return CAUSE_ADDRESS_RESOURCE;
	notify_path(p, SCTP_ADDR_ADDED, 0);
	/* RFC 9260 §5.4: asked before it is used. */
	heartbeat_send(p);
	heartbeat_schedule(p);
	return 0;
}

static void remove_all_but(struct assoc *a, const struct path *keep)
{
	list_each(struct path, p, &a->paths, node)
		if (p != keep) assoc_remove_path(a, p);
}

static uint16_t delete(struct work *w, const struct addr *addr)
{
	struct path *from = assoc_path(w->a, w->from), *p;

	/* RFC 5061 §5.3 (D7), (D8) */
	if (w->a->n_paths == 1) return CAUSE_LAST_ADDRESS;
	if (addr_eq(addr, w->from)) return CAUSE_SOURCE_ADDRESS;
	/* RFC 9260 §5.4: what is left must have a path that was shown to be the peer's. */
	if (!from || from->state == SCTP_UNCONFIRMED) return CAUSE_SOURCE_ADDRESS;
	if (addr_is_any(addr)) {
		/* RFC 5061 §4.2.2: all but where it comes from. */
		path_make_primary(from);
		remove_all_but(w->a, from);
		return 0;
	}
	p = assoc_path(w->a, addr);
	if (!p) return CAUSE_ADDRESS;
	assoc_remove_path(w->a, p);
	return 0;
}

static uint16_t prefer(struct work *w, const struct addr *addr)
{
	struct path *p = assoc_path(w->a, addr);

	if (!p) return CAUSE_ADDRESS;
	path_make_primary(p);
	return 0;
}

static uint16_t carry_out(struct work *w, const struct sctp_param *v)
{
	struct addr addr;
	size_t took;

	if (v->type != PARAM_ADD_IP && v->type != PARAM_DEL_IP && v->type != PARAM_SET_PRIMARY) return CAUSE_PARAMETERS;
	if (!asconf_read_address(v->value + 4, v->len - 4u, &addr, &took)) return CAUSE_ADDRESS;
	/* RFC 5061 §4.2.1: any address stands for where the packet comes from. */
	if (addr_is_any(&addr) && v->type != PARAM_DEL_IP) addr = *w->from;
	if (!addr_is_any(&addr) && !sctp_addr_can_be_peer(w->a->sock, &addr)) return CAUSE_ADDRESS;
	if (addr_is_loopback(&addr) && !addr_is_loopback(w->from)) return CAUSE_ADDRESS;
	if (v->type == PARAM_ADD_IP) return add(w, &addr);
	return v->type == PARAM_DEL_IP ? delete(w, &addr) : prefer(w, &addr);
}

/* ---- its answer ---- */

/* number, or number and cause with the request */
static void report(struct work *w, const struct sctp_param *v, uint16_t cause)
{
	uint8_t body[REPORT_MOST];
	struct sctp_param about = {.type = cause, .len = (uint16_t)MIN(v->len + PARAM_HDR, REPORT_MOST - 16), .value = v->value - PARAM_HDR};
	struct sctp_param r = {.type = cause ? PARAM_ASCONF_ERROR : PARAM_ASCONF_DONE, .len = 4, .value = body};

	w->refused |= cause != 0;
	if (!w->refused) return;               /* RFC 5061 §4.1.2: silence means that all was done */
	memcpy(body, v->value, 4);
	if (cause) r.len = (uint16_t)(r.len + sctp_param_emit(&about, body + 4));
	w->len += sctp_param_emit(&r, w->answer + w->len);
}

static bool is_well_made(const struct sctp_chunk *c, size_t *ret_at)
{
	struct addr addr;
	unsigned requests = 0;
	size_t at;

	if (!asconf_read_address(c->value + HEAD_LEN, c->len - HEAD_LEN, &addr, &at)) return false;
	at += HEAD_LEN;
	*ret_at = at;
	while (at < c->len) {
		struct sctp_param v;
		int n = sctp_param_parse(&v, c->value + at, c->len - at);
		if (n < 0 || v.len < 4 || requests++ == REQUESTS_MOST) return false;
		at += (size_t)n;
	}
	return true;
}

static void send_answer(struct work *w)
{
	struct path *back = assoc_path(w->a, w->from);

	/* RFC 5061 §5.2 (E6): to where it came from. */
	if (back && w->a->asconf.answer) out_control(w->a, back, CHUNK_ASCONF_ACK, 0, w->a->asconf.answer, w->a->asconf.answer_len);
}

bool asconf_receive(struct assoc *a, const struct addr *from, const struct sctp_chunk *c)
{
	struct asconf *f = &a->asconf;
	struct work w = {.a = a, .from = from, .len = HEAD_LEN};
	seq32 serial = read32(c->value);
	uint16_t cause = 0;
	uint8_t *answer;
	size_t at;

	if (!is_well_made(c, &at)) return assoc_violated(a);
	if (serial == f->peers) send_answer(&w);       /* RFC 5061 §5.2 (E2) */
	if (serial != f->peers + 1) return true;
	f->peers = serial;
	write32(w.answer, serial);
	/* (D11): where there is no room for one, nothing behind it is done. */
	for (int n; at < c->len && cause != CAUSE_ADDRESS_RESOURCE; at += (size_t)n) {
		struct sctp_param v;
		n = sctp_param_parse(&v, c->value + at, c->len - at);
		cause = carry_out(&w, &v);
		report(&w, &v, cause);
	}
	answer = realloc(f->answer, w.len);
	if (!answer) return true;
	f->answer = memcpy(answer, w.answer, w.len);
	f->answer_len = w.len;
	send_answer(&w);
	return true;
}
