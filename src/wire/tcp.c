/*
 * The TCP header and the options we know: MSS, window scale, SACK permitted, SACK, timestamps, Fast Open cookies; those of Multipath TCP are
 * mptcp.c's. Options are laid out as Linux does, padded in front so that the 32-bit values are aligned, cookies behind, and Multipath TCP's last:
 *
 *     SYN   MSS  SACK-permitted TS  NOP WS  cookie        other   NOP NOP TS  NOP NOP SACK…
 *
 * A signature comes before all others.
 *
 * Read first: RFC 9293 §3.1-3.2, RFC 7323 §§2-3, RFC 2018 §§2-3, RFC 7413 §4.1.1, RFC 2385 §3.
 */
#include "base/md5.h"
#include "wire/wire.h"
#include <errno.h>

#define OPT_EOL 0
#define OPT_NOP 1
#define OPT_MSS 2
#define OPT_WSCALE 3
#define OPT_SACK_OK 4
#define OPT_SACK 5
#define OPT_TS 8
#define OPT_MD5 19
#define OPT_MPTCP 30
#define OPT_FAST_OPEN 34
#define OPT_EXPERIMENT 254
#define FAST_OPEN_MAGIC 0xf989         /* RFC 7413 §4.1.1: in option 254 */

#define MSS_LEN 4
#define WSCALE_LEN 3
#define SACK_OK_LEN 2
#define TS_LEN 10
#define SACK_BLOCK_LEN 8
#define MD5_OPT_LEN (2 + MD5_LEN)
#define CSUM_OFF 16

struct tcp_octets {
	be16 src, dst;
	be32 seq, ack;
	uint8_t offset, flags;
	be16 wnd, csum, urg;
};
_Static_assert(sizeof(struct tcp_octets) == TCP_HDR_MIN, "layout");

static void parse_sack(struct tcp_opts *o, const uint8_t *p, unsigned len)
{
	if (len < SACK_BLOCK_LEN || len % SACK_BLOCK_LEN) return;
	o->n_sack = (uint8_t)MIN(len / SACK_BLOCK_LEN, (unsigned)TCP_SACK_MAX);
	for (unsigned i = 0; i < o->n_sack; i++, p += SACK_BLOCK_LEN) {
		o->sack[i].start = read32(p);
		o->sack[i].end = read32(p + 4);
	}
}

/* RFC 7413 §4.1.1: 4 to 16 octets, an even number; nothing asks for one. As Linux: odd is no option, another length a cookie that is not right. */
static void parse_cookie(struct tcp_opts *o, const uint8_t *v, unsigned len, bool experimental)
{
	if (len & 1) return;
	o->has_cookie = len == 0 || (len >= TCP_COOKIE_LEAST && len <= TCP_COOKIE_MOST);
	o->bad_cookie = !o->has_cookie;
	o->cookie = (struct tcp_cookie){.experimental = experimental};
	if (!o->has_cookie) return;
	o->cookie.len = (uint8_t)len;
	memcpy(o->cookie.val, v, len);
}

/* One option; v are the len octets of its value. A known kind with a wrong length is passed over, as in Linux. */
static void parse_option(struct tcp_opts *o, uint8_t kind, const uint8_t *v, unsigned len)
{
	if (kind == OPT_MSS && len == MSS_LEN - 2) {
		/* An MSS of 0 can't be meant; Linux takes it as not sent. */
		o->mss = read16(v);
		o->has_mss = o->mss != 0;
	} else if (kind == OPT_WSCALE && len == WSCALE_LEN - 2) {
		o->wscale = v[0];
		o->has_wscale = true;
	} else if (kind == OPT_SACK_OK && len == SACK_OK_LEN - 2) {
		o->sack_ok = true;
	} else if (kind == OPT_TS && len == TS_LEN - 2) {
		o->ts_val = read32(v);
		o->ts_ecr = read32(v + 4);
		o->has_ts = true;
	} else if (kind == OPT_SACK) {
		parse_sack(o, v, len);
	} else if (kind == OPT_MD5 && len == MD5_LEN) {
		memcpy(o->md5, v, MD5_LEN);
		o->has_md5 = true;
	} else if (kind == OPT_FAST_OPEN) {
		parse_cookie(o, v, len, false);
	} else if (kind == OPT_EXPERIMENT && len >= 2 && read16(v) == FAST_OPEN_MAGIC) {
		parse_cookie(o, v + 2, len - 2, true);
	}
}

static void parse_options(struct tcp_opts *o, const uint8_t *p, size_t n)
{
	while (n && p[0] != OPT_EOL) {
		size_t len = p[0] == OPT_NOP ? 1 : n < 2 ? 0 : p[1];
		/* RFC 9293 §3.1 (MUST-7): must be prepared for illegal lengths. What comes after one is not read, the segment stands, as in Linux. */
		if (len == 0 || len > n || (p[0] != OPT_NOP && len < 2)) return;
		/* RFC 9293 §3.1 (MUST-6): options that we do not know are skipped by their length. */
		if (p[0] == OPT_MPTCP && !o->mptcp) {
			o->mptcp = p;
			o->mptcp_len = (uint8_t)n;
		}
		if (p[0] != OPT_NOP) parse_option(o, p[0], p + 2, (unsigned)len - 2);
		p += len;
		n -= len;
	}
}

int tcp_parse(struct tcp_hdr *ret, const uint8_t *p, size_t n)
{
	struct tcp_octets o;
	if (n < sizeof o) return -EBADMSG;
	memcpy(&o, p, sizeof o);
	size_t hdr_len = 4 * (size_t)(o.offset >> 4);
	if (hdr_len < TCP_HDR_MIN || hdr_len > n) return -EBADMSG;
	*ret = (struct tcp_hdr){
		.src = be16_get(o.src), .dst = be16_get(o.dst), .seq = be32_get(o.seq), .ack = be32_get(o.ack),
		.flags = o.flags, .wnd = be16_get(o.wnd), .urg = be16_get(o.urg),
	};
	parse_options(&ret->opts, p + TCP_HDR_MIN, hdr_len - TCP_HDR_MIN);
	return (int)hdr_len;
}

static size_t plain_opts_len(const struct tcp_opts *o)
{
	size_t len = (o->sign ? 2u + MD5_OPT_LEN : 0u) + (o->has_mss ? MSS_LEN : 0u) + (o->has_wscale ? 1u + WSCALE_LEN : 0u);
	if (o->has_ts) return len + 2 + TS_LEN;   /* SACK-permitted takes the place of its two NOPs */
	return len + (o->sack_ok ? 2u + SACK_OK_LEN : 0u);
}

/* What the cookie takes with its padding; 0: there is none, or no room for it, as with Linux. */
static size_t cookie_len(const struct tcp_opts *o)
{
	size_t len = ((o->cookie.experimental ? 4u : 2u) + o->cookie.len + 3u) & ~(size_t)3;

	return o->has_cookie && TCP_HDR_MIN + plain_opts_len(o) + len <= TCP_HDR_MAX ? len : 0;
}

/* Everything but the SACK blocks; always a multiple of 4. */
static size_t fixed_opts_len(const struct tcp_opts *o) { return plain_opts_len(o) + cookie_len(o) + o->mptcp_len; }

/* As many SACK blocks as there is room for. */
static size_t sack_blocks(const struct tcp_opts *o)
{
	size_t room = TCP_HDR_MAX - TCP_HDR_MIN - fixed_opts_len(o);
	size_t fit = room > 4 ? (room - 4) / SACK_BLOCK_LEN : 0;
	return MIN(MIN(fit, o->n_sack), (size_t)TCP_SACK_MAX);
}

size_t tcp_hdr_len(const struct tcp_hdr *h)
{
	size_t n = sack_blocks(&h->opts);
	return TCP_HDR_MIN + fixed_opts_len(&h->opts) + (n ? 4 + n * SACK_BLOCK_LEN : 0);
}

static uint8_t *emit_kind(uint8_t *p, uint8_t kind, uint8_t len)
{
	p[0] = kind;
	p[1] = len;
	return p + 2;
}

static uint8_t *emit_nops(uint8_t *p, size_t n)
{
	memset(p, OPT_NOP, n);
	return p + n;
}

static uint8_t *emit32(uint8_t *p, uint32_t v)
{
	write32(p, v);
	return p + 4;
}

static uint8_t *emit_cookie(uint8_t *p, const struct tcp_cookie *c, size_t padded)
{
	uint8_t len = (uint8_t)((c->experimental ? 4 : 2) + c->len);

	p = emit_kind(p, c->experimental ? OPT_EXPERIMENT : OPT_FAST_OPEN, len);
	if (c->experimental) {
		write16(p, FAST_OPEN_MAGIC);
		p += 2;
	}
	memcpy(p, c->val, c->len);
	return emit_nops(p + c->len, padded - len);
}

static void emit_options(const struct tcp_opts *o, uint8_t *p)
{
	if (o->sign) p = emit_kind(emit_nops(p, 2), OPT_MD5, MD5_OPT_LEN) + MD5_LEN;
	if (o->has_mss) {
		p = emit_kind(p, OPT_MSS, MSS_LEN);
		write16(p, o->mss);
		p += 2;
	}
	if (o->sack_ok && !o->has_ts) p = emit_nops(p, 2);
	if (o->sack_ok) p = emit_kind(p, OPT_SACK_OK, SACK_OK_LEN);
	if (o->has_ts) {
		if (!o->sack_ok) p = emit_nops(p, 2);
		p = emit_kind(p, OPT_TS, TS_LEN);
		p = emit32(p, o->ts_val);
		p = emit32(p, o->ts_ecr);
	}
	if (o->has_wscale) {
		p = emit_kind(emit_nops(p, 1), OPT_WSCALE, WSCALE_LEN);
		*p++ = o->wscale;
	}
	if (cookie_len(o)) p = emit_cookie(p, &o->cookie, cookie_len(o));
	size_t n = sack_blocks(o);
	if (n) p = emit_kind(emit_nops(p, 2), OPT_SACK, (uint8_t)(2 + n * SACK_BLOCK_LEN));
	for (size_t i = 0; i < n; i++)
		p = emit32(emit32(p, o->sack[i].start), o->sack[i].end);
	if (o->mptcp_len) memcpy(p, o->mptcp, o->mptcp_len);
}

static uint16_t sum_segment(const uint8_t *p, size_t len, const struct addr *src, const struct addr *dst)
{
	return csum_fold(csum_add(csum_pseudo(src, dst, IP_PROTO_TCP, (uint32_t)len), p, len));
}

void tcp_signature(const uint8_t *p, size_t hdr_len, size_t len, const struct addr *src, const struct addr *dst, const struct tcp_secret *s, uint8_t ret[16])
{
	bool v4 = addr_is_v4(src);
	size_t width = v4 ? 4 : 16;
	uint8_t pseudo[40] = {0}, hdr[TCP_HDR_MIN];
	struct md5 m;

	memcpy(pseudo, (const uint8_t *)src + 16 - width, width);
	memcpy(pseudo + width, (const uint8_t *)dst + 16 - width, width);
	if (v4) {
		pseudo[9] = IP_PROTO_TCP;
		write16(pseudo + 10, (uint16_t)(hdr_len + len));
	} else {
		write32(pseudo + 32, (uint32_t)(hdr_len + len));
		pseudo[39] = IP_PROTO_TCP;
	}
	memcpy(hdr, p, sizeof hdr);
	write16(hdr + CSUM_OFF, 0);
	md5_begin(&m);
	md5_add(&m, pseudo, v4 ? 12 : 40);
	md5_add(&m, hdr, sizeof hdr);         /* without options */
	md5_add(&m, p + hdr_len, len);
	md5_add(&m, s->key, s->len);
	md5_end(&m, ret);
}

void tcp_emit(const struct tcp_hdr *h, uint8_t *p, size_t len, const struct addr *src, const struct addr *dst)
{
	size_t hdr_len = tcp_hdr_len(h);
	struct tcp_octets o = {
		be16_of(h->src), be16_of(h->dst), be32_of(h->seq), be32_of(h->ack),
		(uint8_t)(hdr_len / 4 << 4), h->flags, be16_of(h->wnd), be16_of(0), be16_of(h->urg),
	};
	memcpy(p, &o, sizeof o);
	emit_options(&h->opts, p + TCP_HDR_MIN);
	if (h->opts.sign) tcp_signature(p, hdr_len, len, src, dst, h->opts.sign, p + TCP_HDR_MIN + 4);
	write16(p + CSUM_OFF, sum_segment(p, hdr_len + len, src, dst));
}

/* RFC 9293 §3.1 (MUST-3): the receiver checks it. */
bool tcp_csum_ok(const uint8_t *p, size_t len, const struct addr *src, const struct addr *dst)
{
	return sum_segment(p, len, src, dst) == 0;
}
