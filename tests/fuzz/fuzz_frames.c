/*
 * Frames into a stack. The input is a list of commands, each an octet and what it takes from the input: a raw frame; or a
 * frame that would be right (a TCP segment of a conversation, chunks of an SCTP association, a datagram, an ICMP error about what was sent last, a
 * fragment, ARP, neighbour discovery), with up to three octets changed and its checksums put right again; or time; or a
 * socket call. So that the fuzzer spends its luck on what the stack does with frames, not on meeting a port.
 */
#include <stdio.h>
#include <stdlib.h>
#include "victim.h"

#define FRAME_MAX 2048
#define COMMANDS_MAX 400

struct input { const uint8_t *p; size_t left; };

static uint8_t take8(struct input *in)
{
	if (!in->left) return 0;
	in->left--;
	return *in->p++;
}

static uint32_t take32(struct input *in)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++)
		v = v << 8 | take8(in);
	return v;
}

static size_t take(struct input *in, uint8_t *to, size_t n)
{
	n = MIN(n, in->left);
	memcpy(to, in->p, n);
	in->p += n;
	in->left -= n;
	return n;
}

/* A number that is mostly small, sometimes at an edge. */
static uint32_t take_offset(struct input *in)
{
	uint8_t kind = take8(in);

	switch (kind & 7) {
	case 0: case 1: case 2: return 0;
	case 3: return take8(in);
	case 4: return (uint32_t)-(int32_t)take8(in);
	case 5: return take8(in) * 1000u;
	case 6: return 0x7fffffffu + take8(in);
	default: return take32(in);
	}
}

/* Up to three changes of one octet each, then the checksums, mostly. */
static void spoil_and_send(struct victim *v, struct input *in, uint8_t *frame, size_t len)
{
	uint8_t how = take8(in);

	for (int n = how & 3; n > 0 && len; n--) {
		size_t at = take8(in);
		uint8_t value = take8(in);
		frame[at % len] = value;
	}
	if (how & 4) len = len * take8(in) / 256;
	if (!(how & 8)) victim_fix_checksums(frame, len);
	victim_receive(v, frame, len);
}

/* ---- commands ---- */

static void raw(struct victim *v, struct input *in)
{
	uint8_t frame[FRAME_MAX];
	size_t len = take(in, frame, take8(in) * 4u);

	spoil_and_send(v, in, frame, len);
}

static void take_options(struct input *in, struct tcp_opts *o)
{
	uint8_t which = take8(in);

	if (which & 1) o->has_mss = true, o->mss = (uint16_t)(take8(in) << 4);
	if (which & 2) o->has_wscale = true, o->wscale = take8(in) & 15;
	if (which & 4) o->has_ts = true, o->ts_val = take32(in), o->ts_ecr = take32(in);
	o->sack_ok = which & 8;
	o->n_sack = which >> 6;
	for (int i = 0; i < o->n_sack; i++) {
		o->sack[i].start = take32(in);
		o->sack[i].end = o->sack[i].start + take_offset(in);
	}
}

static void segment(struct victim *v, struct input *in)
{
	const struct peer *p = &v->peers[take8(in) % N_PEERS];
	uint8_t frame[FRAME_MAX], data[1024];
	struct segment seg = {.flags = take8(in), .seq_off = take_offset(in), .ack_off = take_offset(in), .data = data};

	seg.wnd = (uint16_t)take_offset(in);
	take_options(in, &seg.opts);
	for (int i = 0; i < seg.opts.n_sack; i++) {           /* blocks near what was sent, or they mean nothing */
		seg.opts.sack[i].end += p->next - seg.opts.sack[i].start;
		seg.opts.sack[i].start = p->next - (seg.opts.sack[i].start & 0xffff);
	}
	seg.len = take(in, data, take8(in) * 4u);
	spoil_and_send(v, in, frame, victim_segment(v, p, &seg, frame));
}

/* A chunk that means something where its numbers count: near what was sent and acknowledged, or the cookie. */
static size_t take_chunk(struct victim *v, struct input *in, uint8_t *to)
{
	struct sctp_chunk c = {.type = take8(in), .flags = take8(in)};
	uint8_t *value = to + SCTP_CHUNK_HDR;
	uint32_t off = take_offset(in);

	if (c.type & 0x10) c.type &= 0xcf;                    /* more of those there are */
	c.len = (uint16_t)take(in, value, take8(in));
	if (c.type == CHUNK_COOKIE_ECHO && c.flags & 1) {
		c.len = v->partner.cookie_len;
		memcpy(value, v->partner.cookie, c.len);
	}
	if ((c.type == CHUNK_DATA || c.type == CHUNK_FORWARD_TSN) && c.len >= 4) write32(value, PARTNER_TSN + off);
	if (c.type == CHUNK_RECONFIG && c.len >= 8) {         /* a request with the number that is next, or near it */
		write16(value, (uint16_t)(PARAM_RESET_OUT + value[0] % 6));
		if (value[2] & 1) write16(value + 2, c.len);
		write32(value + 4, PARTNER_TSN + off);
	}
	if ((c.type == CHUNK_SACK || c.type == CHUNK_SHUTDOWN) && c.len >= 4) write32(value, v->partner.last + off);
	sctp_chunk_emit(&c, to);
	memset(value + c.len, 0, 3);
	return sctp_padded(SCTP_CHUNK_HDR + (size_t)c.len);
}

static void chunks(struct victim *v, struct input *in)
{
	uint8_t frame[FRAME_MAX], msg[1500], how = take8(in);
	uint32_t vtag = how & 8 ? take32(in) : how & 4 ? 0 : v->partner.tag;
	size_t n = 0;

	for (int i = how & 3; i >= 0 && n < 200; i--) n += take_chunk(v, in, msg + n);
	spoil_and_send(v, in, frame, victim_chunks(v, vtag, msg, n, frame));
}

static const struct peer *take_peer(struct victim *v, struct input *in)
{
	return &v->peers[take8(in) & 1];
}

static void datagram(struct victim *v, struct input *in)
{
	static const uint16_t ports[] = {53, 5000, 80, 9};
	const struct peer *p = take_peer(v, in);
	uint8_t frame[FRAME_MAX], msg[1100];
	struct udp_hdr h = {.src = 7, .dst = ports[take8(in) % ARRAY_SIZE(ports)]};
	size_t n = take(in, msg + UDP_HDR_LEN, take8(in) * 4u);

	h.len = (uint16_t)(UDP_HDR_LEN + n);
	udp_emit(&h, msg, &p->them, &p->us);
	spoil_and_send(v, in, frame, victim_datagram(v, &p->them, &p->us, IP_PROTO_UDP, msg, h.len, frame));
}

static void icmp(struct victim *v, struct input *in)
{
	const struct peer *p = take_peer(v, in);
	bool v4 = addr_is_v4(&p->us);
	uint8_t frame[FRAME_MAX], msg[400];
	struct icmp_hdr h = {.type = take8(in), .code = take8(in)};
	size_t n;

	h.rest = take_offset(in);
	if (take8(in) & 1) {
		n = take(in, msg + ICMP_HDR_LEN, take8(in));
	} else {
		n = v->last_len;
		memcpy(msg + ICMP_HDR_LEN, v->last, n);
	}
	icmp_emit(&h, msg, ICMP_HDR_LEN + n, v4 ? NULL : &p->them, v4 ? NULL : &p->us);
	spoil_and_send(v, in, frame, victim_datagram(v, &p->them, &p->us, v4 ? IP_PROTO_ICMP : IP_PROTO_ICMP6, msg, ICMP_HDR_LEN + n, frame));
}

static void fragment(struct victim *v, struct input *in)
{
	const struct peer *p = take_peer(v, in);
	bool v4 = addr_is_v4(&p->us);
	uint8_t frame[FRAME_MAX], body[IP6_FRAG_LEN + 1024];
	uint8_t flags = take8(in), at = take8(in), id = take8(in) & 3;
	size_t n = take(in, body + IP6_FRAG_LEN, (take8(in) & 31) * 8u), len;

	if (v4) {
		len = victim_datagram(v, &p->them, &p->us, IP_PROTO_UDP, body + IP6_FRAG_LEN, n, frame);
		write16(frame + ETH_HDR_LEN + 4, id);
		write16(frame + ETH_HDR_LEN + 6, (uint16_t)((flags & 1) << 13 | (flags & 2 ? at << 5 : at & 31)));
	} else {
		struct ip6_frag f = {.next = flags & 4 ? IP_PROTO_DSTOPTS : IP_PROTO_UDP, .more = flags & 1, .id = id};
		f.offset = (uint16_t)(8 * (flags & 2 ? at << 5 : at & 31));
		ip6_frag_emit(&f, body);
		len = victim_datagram(v, &p->them, &p->us, IP_PROTO_FRAGMENT, body, IP6_FRAG_LEN + n, frame);
	}
	spoil_and_send(v, in, frame, len);
}

static void extension(struct victim *v, struct input *in)
{
	static const uint8_t kinds[] = {IP_PROTO_HOPOPTS, IP_PROTO_ROUTING, IP_PROTO_DSTOPTS, IP_PROTO_FRAGMENT, IP_PROTO_NONE};
	uint8_t frame[FRAME_MAX], body[512];
	uint8_t first = kinds[take8(in) % ARRAY_SIZE(kinds)];
	size_t n = take(in, body, take8(in) * 2u);

	spoil_and_send(v, in, frame, victim_datagram(v, &v->peers[1].them, &v->peers[1].us, first, body, n, frame));
}

static void neighbour(struct victim *v, struct input *in)
{
	uint8_t frame[FRAME_MAX], kind = take8(in);
	struct eth_hdr eth = {.dst = mac_bcast, .src = {{2, 0, 0, 0, 0, 2}}, .type = ETH_TYPE_ARP};
	struct arp_hdr arp = {.op = 1 + (kind >> 2 & 1), .sender_mac = eth.src, .sender = v->peers[0].them, .target = v->peers[0].us};
	struct nd_msg nd = {.target = kind & 4 ? v->peers[1].them : v->peers[1].us, .has_lladdr = kind & 8, .solicited = kind & 16, .override = kind & 32};
	size_t len;

	if (kind & 1) {
		eth_emit(&eth, frame);
		arp_emit(&arp, frame + ETH_HDR_LEN);
		arp.sender.b[15] = take8(in);
		len = ETH_HDR_LEN + ARP_LEN;
	} else {
		uint8_t msg[64];
		len = nd_emit(&nd, kind & 4 ? ICMP6_NA : ICMP6_NS, msg, &v->peers[1].them, &v->peers[1].us);
		len = victim_datagram(v, &v->peers[1].them, &v->peers[1].us, IP_PROTO_ICMP6, msg, len, frame);
		frame[ETH_HDR_LEN + 7] = 255;
	}
	spoil_and_send(v, in, frame, len);
}

static void wait(struct victim *v, struct input *in)
{
	victim_pass(v, NS_PER_MS << take8(in) % 18);
}

static void receive_one(struct sock *sk)
{
	uint8_t data[3000], control[300];
	struct sockaddr_storage from;
	struct sock_msg m = {.data = data, .len = sizeof data, .name = &from, .name_len = sizeof from, .control = control, .control_len = sizeof control};

	sock_recv(sk, &m);
}

static void send_some(struct sock *sk, size_t n)
{
	static uint8_t data[255 * 64];
	struct sock_msg m = {.data = data, .len = n};

	sock_send(sk, &m);
}

static void call(struct victim *v, struct input *in)
{
	size_t at = take8(in) % N_SOCKS;
	struct sock *sk = v->socks[at];
	uint8_t what = take8(in);

	v->sent = 0;
	if (!sk) return;
	switch (what % 8) {
	case 0: case 1: receive_one(sk); break;
	case 2: case 3: send_some(sk, take8(in) * 64u); break;
	case 4: sock_shutdown(sk, take8(in) % 3); break;
	case 5:
		sock_close(sk);
		v->socks[at] = NULL;
		break;
	case 6:
		for (size_t i = 8; i < N_SOCKS; i++)
			if (!v->socks[i]) {
				sock_accept(sk, &v->socks[i]);
				break;
			}
		break;
	default: sock_take_error(sk);
	}
	victim_pass(v, 0);
}

static void (*const commands[])(struct victim *, struct input *) = {
	raw, segment, segment, segment, chunks, datagram, icmp, fragment, extension, neighbour, wait, wait, call, call,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct victim v;

	victim_open(&v);
	for (int n = 0; in.left && n < COMMANDS_MAX; n++)
		commands[take8(&in) % ARRAY_SIZE(commands)](&v, &in);
	victim_close(&v);
	return 0;
}
