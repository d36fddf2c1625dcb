/* See asconf.h. What this end tells of its addresses. Read first: RFC 5061 §4.1, §4.2, §5.1, §5.3; Linux for what errors come to. */
#include <errno.h>
#include <stdlib.h>
#include "stack/sctp/assoc.h"

#define HEAD_LEN 4u                    /* the serial number */
#define PARAM_HDR 4u
#define TELLS_IN SCTP_S_(ESTABLISHED)

/* ---- addresses as parameters ---- */

bool asconf_read_address(const uint8_t *p, size_t len, struct addr *ret, size_t *ret_took)
{
	struct sctp_param v;
	int n = sctp_param_parse(&v, p, len);

	if (n < 0) return false;
	if (v.type == PARAM_IPV4 && v.len == 4) *ret = addr_v4_octets(v.value);
	else if (v.type == PARAM_IPV6 && v.len == 16) *ret = addr_v6_octets(v.value);
	else return false;
	*ret_took = (size_t)n;
	return true;
}

size_t asconf_write_address(const struct addr *a, uint8_t *p)
{
	bool v4 = addr_is_v4(a);

	return sctp_param_emit(&(struct sctp_param){.type = v4 ? PARAM_IPV4 : PARAM_IPV6, .len = v4 ? 4 : 16, .value = v4 ? a->b + 12 : a->b}, p);
}

/* ---- life ---- */

static void asked_free(struct assoc *a)
{
	timer_clear(assoc_stack(a), &a->asconf.timer);
	free(a->asconf.asked);
	a->asconf.asked = NULL;
}

void asconf_free(struct assoc *a)
{
	asked_free(a);
	free(a->asconf.answer);
	a->asconf.answer = NULL;
	a->asconf.n_ops = a->asconf.n_asked = 0;
}

/* RFC 5061 §5: both count from their first TSN. */
void asconf_begin(struct assoc *a)
{
	asconf_free(a);
	a->asconf.serial = a->snd.iss;
	a->asconf.peers = a->rcv.irs - 1;
}

/* ---- on its way ---- */

bool asconf_is_source(const struct assoc *a, const struct addr *mine)
{
	for (uint32_t i = 0; i < a->asconf.n_ops; i++)
		if (a->asconf.ops[i].type != PARAM_SET_PRIMARY && addr_eq(&a->asconf.ops[i].addr, mine)) return false;
	return true;
}

static void transmit(struct assoc *a, struct path *to)
{
	struct asconf *f = &a->asconf;

	f->to = to;
	out_control(a, to, CHUNK_ASCONF, 0, f->asked, f->asked_len);
	timer_set(assoc_stack(a), &f->timer, assoc_now(a) + to->rto_ns);
}

/* RFC 5061 §4.1.1: by this address the peer knows who speaks. */
static const struct addr *known_address(const struct assoc *a)
{
	for (uint32_t i = 0; i < a->local.n; i++)
		if (asconf_is_source(a, &a->local.at[i])) return &a->local.at[i];
	return &a->local.at[0];
}

static size_t write_ops(const struct assoc *a, uint8_t *p)
{
	size_t at = HEAD_LEN;

	write32(p, a->asconf.serial);
	at += asconf_write_address(known_address(a), p + at);
	for (uint32_t i = 0; i < a->asconf.n_ops; i++) {
		const struct asconf_op *op = &a->asconf.ops[i];
		size_t len = asconf_write_address(&op->addr, p + at + PARAM_HDR + 4);
		write16(p + at, op->type);
		write16(p + at + 2, (uint16_t)(PARAM_HDR + 4 + len));
		write32(p + at + PARAM_HDR, i);        /* which one an answer is about */
		at += PARAM_HDR + 4 + len;
	}
	return at;
}

static int ask(struct assoc *a)
{
	struct asconf *f = &a->asconf;

	if (f->asked || f->n_ops == 0) return 0;
	f->asked = malloc(HEAD_LEN + 20 + ASCONF_OPS_MOST * (PARAM_HDR + 4 + 20));
	if (!f->asked) return -ENOMEM;
	f->asked_len = write_ops(a, f->asked);
	f->n_asked = f->n_ops;
	transmit(a, assoc_path_to_send(a, NULL));
	return 0;
}

/* RFC 5061 §5.1.1: T-4 */
void asconf_fire(struct timer *t)
{
	struct assoc *a = container_of(t, struct assoc, asconf.timer);
	struct path *before = a->asconf.to;

	if (before) {
		path_backoff(before);
		if (!path_error(before)) return;
	}
	if (assoc_in(a, SCTP_SENDS_DATA)) transmit(a, assoc_path_to_send(a, before));
}

static void reroute(struct assoc *a)
{
	list_each(struct path, p, &a->paths, node) path_route(p);
}

int asconf_tell(struct assoc *a, uint16_t type, const struct addr *addr)
{
	struct asconf *f = &a->asconf;
	int r;

	if (f->n_ops == ASCONF_OPS_MOST) return -ENOMEM;
	f->ops[f->n_ops++] = (struct asconf_op){type, *addr};
	if (type == PARAM_ADD_IP) sctp_addrs_add(&a->local, addr);
	reroute(a);
	r = ask(a);
	if (r < 0) f->n_ops--;
	return r;
}

/* ---- what the peer says to it ---- */

enum { ANSWER_NONE, ANSWER_DONE, ANSWER_REFUSED };

/* Of the request with this number. */
static int answer_about(const struct sctp_chunk *c, uint32_t number)
{
	for (size_t at = HEAD_LEN; at < c->len;) {
		struct sctp_param v;
		int n = sctp_param_parse(&v, c->value + at, c->len - at);
		if (n < 0) break;
		if (v.len >= 4 && read32(v.value) == number && v.type == PARAM_ASCONF_DONE) return ANSWER_DONE;
		if (v.len >= 4 && read32(v.value) == number && v.type == PARAM_ASCONF_ERROR) return ANSWER_REFUSED;
		at += (size_t)n;
	}
	return ANSWER_NONE;
}

/* What is added and refused is none of ours there; nor is what it has agreed to forget. One stays, whatever the peer says. */
static void op_ends(struct assoc *a, const struct asconf_op *op, bool done)
{
	if (a->local.n > 1 && op->type == (done ? PARAM_DEL_IP : PARAM_ADD_IP)) sctp_addrs_remove(&a->local, &op->addr);
}

bool asconf_receive_ack(struct assoc *a, const struct sctp_chunk *c)
{
	struct asconf *f = &a->asconf;
	seq32 serial = read32(c->value);
	bool refused = false;

	if (!f->asked) {
		/* RFC 5061 §5.3.1 (D0) */
		if (!seq_ge(serial, f->serial)) return true;
		out_abort(a, CAUSE_ASCONF_ACK, NULL, 0);
		assoc_lost(a, ECONNABORTED, SCTP_COMM_LOST, CAUSE_ASCONF_ACK);
		return false;
	}
	if (serial != f->serial) return true;
	for (uint32_t i = 0; i < f->n_asked; i++) {
		int answer = answer_about(c, i);
		/* RFC 5061 §5.3.1 (D3): what nothing is said about is done, until one was refused. */
		refused |= answer == ANSWER_REFUSED;
		op_ends(a, &f->ops[i], answer == ANSWER_DONE || (answer == ANSWER_NONE && !refused));
	}
	memmove(f->ops, f->ops + f->n_asked, (f->n_ops - f->n_asked) * sizeof *f->ops);
	f->n_ops -= f->n_asked;
	f->n_asked = 0;
	f->serial++;
	asked_free(a);
	if (f->to) path_works(f->to, SCTP_RECEIVED_SACK);
	reroute(a);
	if (assoc_in(a, TELLS_IN)) ask(a);
	return true;
}
