/*
 * Packets on their way out: chunks are laid into a buffer as long as there is room, then comes the header, and IP takes it.
 *
 * Read first: RFC 9260 §6.10 (bundling), §8.5 (tags).
 */
#include <errno.h>
#include "stack/sctp/assoc.h"

#define CONTROL_MOST 2048u

bool out_begin(struct sctp_out *o, uint32_t room)
{
	*o = (struct sctp_out){.p = packet_new(PACKET_HEADROOM + AUTH_ROOM, room), .room = room};
	if (o->p) o->p->len = SCTP_HDR_LEN;
	return o->p;
}

uint8_t *out_chunk(struct sctp_out *o, uint8_t type, uint8_t flags, size_t len)
{
	struct sctp_chunk c = {.type = type, .flags = flags, .len = (uint16_t)len};
	size_t whole = sctp_padded(SCTP_CHUNK_HDR + len);
	uint8_t *at;

	if (whole > o->room - o->p->len) return NULL;
	at = o->p->data + o->p->len;
	memset(at, 0, whole);
	sctp_chunk_emit(&c, at);
	o->p->len += (uint32_t)whole;
	return at + SCTP_CHUNK_HDR;
}

static int send_tagged(struct sctp_out *o, struct assoc *a, struct path *to, uint32_t vtag)
{
	struct sctp_hdr h = {a->lport, a->rport, vtag};
	struct ip_out out;
	bool larger;
	int r;

	if (!auth_sign(a, o)) {
		packet_free(o->p);
		return -ENOMEM;
	}
	larger = o->p->len > path_packet_room(to);
	sctp_emit(&h, o->p->data, o->p->len);
	inet_sock_out(&a->sock->inet, &to->src, &to->addr, IP_PROTO_SCTP, &out);
	if (to->set.has_dscp) out.tos = to->set.dscp;
	if (o->has_data) out.tos = ecn_tos(a, out.tos);
	/* What was cut for a larger path can't be cut again: IP does it (RFC 9260 §6.9). */
	if (larger) out.df = false;
	else if (!addr_is_v4(&to->addr)) out.df = true;
	a->stats.opackets++;
	r = ip_output(assoc_stack(a), o->p, &out);
	if (r == -EMSGSIZE) path_route(to);
	return r;
}

int out_send(struct sctp_out *o, struct assoc *a, struct path *to) { return send_tagged(o, a, to, a->peer_tag); }

void out_answer(struct stack *s, struct sctp_out *o, const struct packet *in, const struct sctp_hdr *h, uint32_t vtag)
{
	struct sctp_hdr back = {h->dst, h->src, vtag};
	struct ip_out out = {.src = in->dst, .dst = in->src, .proto = IP_PROTO_SCTP, .tos = in->tos & 0xfc, .mark = in->mark, .df = true};

	/* A link-local peer is reached where it was heard. */
	if (addr_is_linklocal(&in->src)) out.oif = in->netif;
	sctp_emit(&back, o->p->data, o->p->len);
	ip_output(s, o->p, &out);
}

void out_control(struct assoc *a, struct path *to, uint8_t type, uint8_t flags, const void *value, size_t len)
{
	struct sctp_out o;
	uint8_t *at;

	if (!out_begin(&o, (uint32_t)MAX(sctp_padded(SCTP_HDR_LEN + SCTP_CHUNK_HDR + len), SCTP_HDR_LEN + SCTP_CHUNK_HDR))) return;
	at = out_chunk(&o, type, flags, len);
	if (len) memcpy(at, value, len);
	a->stats.octrlchunks++;
	out_send(&o, a, to);
}

void out_error(struct assoc *a, struct path *to, uint16_t cause, const void *info, size_t len)
{
	uint8_t value[CONTROL_MOST];
	struct sctp_param v = {.type = cause, .len = (uint16_t)MIN(len, CONTROL_MOST - 8), .value = info};

	out_control(a, to, CHUNK_ERROR, 0, value, sctp_param_emit(&v, value));
}

void out_abort(struct assoc *a, uint16_t cause, const void *info, size_t len)
{
	uint8_t value[CONTROL_MOST];
	struct sctp_param v = {.type = cause, .len = (uint16_t)MIN(len, CONTROL_MOST - 8), .value = info};
	struct path *to = assoc_path_to_send(a, NULL);

	/* RFC 9260 §9.1: while the peer's tag is not known there is nobody to tell. */
	if (!to || a->peer_tag == 0) return;
	out_control(a, to, CHUNK_ABORT, 0, value, cause ? sctp_param_emit(&v, value) : 0);
}
