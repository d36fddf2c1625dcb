/*
 * Segments that belong to no connection: the resets that answer what nobody expects, and what a TIME-WAIT has to say.
 * Read first: RFC 9293 §3.10.7.1, RFC 793 erratum 3300 (no answer to a group address).
 */
#include "stack/tcp/conn.h"

void reset_answer_header(struct stack *s, const struct packet *in, const struct tcp_hdr *h)
{
	struct packet *p = packet_new(PACKET_HEADROOM, tcp_hdr_len(h));
	struct ip_out out = {.src = in->dst, .dst = in->src, .proto = IP_PROTO_TCP, .tos = (uint8_t)(in->tos & ~3u), .df = true};

	if (!p) return;
	/* A link-local peer is reached where it was heard. */
	if (addr_is_linklocal(&in->src)) out.oif = in->netif;
	tcp_emit(h, p->data, 0, &out.src, &out.dst);
	ip_output(s, p, &out);
}

void reset_answer(struct stack *s, const struct packet *p, const struct segment *g)
{
	struct tcp_hdr h = {.src = g->h.dst, .dst = g->h.src, .flags = TCP_RST, .opts.sign = g->sign};

	if (g->h.flags & TCP_RST) return;
	/* RFC 9293 §3.10.7.1: the reset has to be acceptable to who sent this. */
	if (g->h.flags & TCP_ACK) {
		h.seq = g->h.ack;
	} else {
		h.flags |= TCP_ACK;
		h.ack = segment_end(g);
	}
	reset_answer_header(s, p, &h);
}
