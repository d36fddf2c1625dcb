/*
 * ICMP errors that we send: which type and code a problem has, and when silence is the rule.
 *
 * Never about errors, never about what came by group or broadcast, never to a source that is not one host, never about
 * fragments but the first; and to each destination at Linux's rate: one a second, for IPv6 ten, six at once. There is no common
 * limit for all destinations, which strangers could measure and so count our packets (SAD DNS); the destinations share
 * 256 buckets, so the sum is bounded all the same.
 *
 * Read first: RFC 1122 §3.2.2, RFC 4443 §2.4, RFC 1812 §4.3.2.
 */
#include "stack/inet/icmp.h"
#include <net/if.h>
#include "stack/core/sysctl.h"
#include "stack/inet/inet_private.h"

#define QUOTE_MAX4 (IP4_SIZE_LEAST - IP4_HDR_MIN - ICMP_HDR_LEN)      /* RFC 1812 §4.3.2.3 */
#define QUOTE_MAX6 (IP6_MTU_LEAST - IP6_HDR_LEN - ICMP_HDR_LEN)     /* RFC 4443 §2.4 (c) */
#define RATE_BURST 6
#define MASK_TYPES 32                                      /* icmp_ratemask has a bit for each of so many */
#define TOS_INTERNETCONTROL 0xc0                           /* RFC 1812 §4.3.2.5 */
#define CODE_FRAG_NEEDED 4
#define NONE 0xff

static const struct { uint8_t type4, code4, type6, code6; } problems[] = {
	[ICMP_PROBLEM_NET] = {ICMP4_UNREACH, 0, ICMP6_UNREACH, 0},
	[ICMP_PROBLEM_HOST] = {ICMP4_UNREACH, 1, ICMP6_UNREACH, 3},
	[ICMP_PROBLEM_ADMIN] = {ICMP4_UNREACH, 13, ICMP6_UNREACH, 1},
	[ICMP_PROBLEM_SCOPE] = {NONE, 0, ICMP6_UNREACH, 2},
	[ICMP_PROBLEM_PORT] = {ICMP4_UNREACH, 3, ICMP6_UNREACH, 4},
	[ICMP_PROBLEM_PROTO] = {ICMP4_UNREACH, 2, ICMP6_PARAM_PROBLEM, 1},
	[ICMP_PROBLEM_TOO_BIG] = {ICMP4_UNREACH, 4, ICMP6_TOO_BIG, 0},
	[ICMP_PROBLEM_TTL] = {ICMP4_TIME_EXCEEDED, 0, ICMP6_TIME_EXCEEDED, 0},
	[ICMP_PROBLEM_REASSEMBLY] = {ICMP4_TIME_EXCEEDED, 1, ICMP6_TIME_EXCEEDED, 1},
	[ICMP_PROBLEM_HEADER] = {ICMP4_PARAM_PROBLEM, 0, ICMP6_PARAM_PROBLEM, 0},
	[ICMP_PROBLEM_OPTION] = {NONE, 0, ICMP6_PARAM_PROBLEM, 2},
	[ICMP_PROBLEM_OPTION_UNICAST] = {NONE, 0, ICMP6_PARAM_PROBLEM, 2},
	[ICMP_PROBLEM_CHAIN] = {NONE, 0, ICMP6_PARAM_PROBLEM, 3},
	[ICMP_PROBLEM_REDIRECT] = {ICMP4_REDIRECT, 1, NONE, 0},
};

/* ---- when to be silent ---- */

static bool is_query4(uint8_t type)
{
	switch (type) {
	case 0: case 8: case 13: case 14: case 15: case 16: case 17: case 18: return true;
	default: return false;
	}
}

/* RFC 1122 §3.2.2: not about ICMP errors, nor about fragments other than the first. Types we don't know may be errors. */
static bool answerable4(const uint8_t *h, size_t len)
{
	size_t hdr_len;

	if (len < IP4_HDR_MIN) return false;
	hdr_len = 4 * (size_t)(h[0] & 15);
	if (read16(h + 6) & IP4_FRAG_OFFSET_MASK) return false;
	return h[9] != IP_PROTO_ICMP || (len > hdr_len && is_query4(h[hdr_len]));
}

/* RFC 4443 §2.4 (e): the same; error types are those below 128, and redirects (137). */
static bool answerable6(const uint8_t *h, size_t len)
{
	struct ip6_walk w;

	if (len < IP6_HDR_LEN) return false;
	w = ip6_walk_start(h[6]);
	if (!ip6_walk_to_transport(&w, h, len)) {
		/* A chain that can't be followed may well be worth a complaint; a later fragment never is. */
		return w.next != IP_PROTO_FRAGMENT || len < w.off + IP6_FRAG_LEN || !(read16(h + w.off + 2) & 0xfff8);
	}
	if (w.next != IP_PROTO_ICMP6) return true;
	return len > w.off && h[w.off] >= 128 && h[w.off] != 137;
}

static bool speaks_for_one_host(const struct packet *p)
{
	if (addr_is_any(&p->src) || addr_is_multicast(&p->src) || addr_eq(&p->src, &addr_bcast4)) return false;
	return !addr_is_loopback(&p->src) || !p->netif || p->netif->kind == NETIF_LOOPBACK;
}

static bool may_complain(struct packet *p, enum icmp_problem problem)
{
	/* RFC 4443 §2.4 (e.3): "too big" and unknown options are worth it even for groups. */
	bool group_too = !packet_is_v4(p) && (problem == ICMP_PROBLEM_TOO_BIG || problem == ICMP_PROBLEM_OPTION);

	if ((p->broadcast || p->multicast) && !group_too) return false;
	if (!speaks_for_one_host(p)) return false;
	return packet_is_v4(p) ? answerable4(packet_at(p, p->net_off), ip_len(p)) : answerable6(packet_at(p, p->net_off), ip_len(p));
}

/* ---- the rate ---- */

bool icmp_within_rate(struct stack *s, const struct addr *dst, time_ns interval)
{
	struct { struct addr a; char use[4]; } key = {*dst, "icm"};
	struct icmp_limits *l = &s->inet->icmp_limits;
	uint64_t h = stack_hash(s, &key, sizeof key) >> 56;
	time_ns idle = s->now - l->bucket[h].when, credit = MIN(l->bucket[h].credit_ns + idle, RATE_BURST * interval);

	/* when and credit start at zero; the clock may as well: a fresh bucket is full. */
	if (!l->bucket[h].when && !l->bucket[h].credit_ns) credit = RATE_BURST * interval;
	l->bucket[h].when = s->now;
	l->bucket[h].credit_ns = MAX(credit >= interval ? credit - interval : credit, 1);
	return credit >= interval;
}

/* RFC 4443 §2.4 (f), RFC 1812 §4.3.2.8; as Linux: "too big" is never held back, nor anything on loopback, nor what IPv4's mask does not name. */
static bool may_leave(struct stack *s, const struct icmp_hdr *h, const struct addr *dst, const struct netif *by)
{
	const struct sysctl *c = s->sysctl;
	bool v4 = addr_is_v4(dst), too_big = v4 ? h->type == ICMP4_UNREACH && h->code == CODE_FRAG_NEEDED : h->type == ICMP6_TOO_BIG;

	if (too_big || by->flags & IFF_LOOPBACK) return true;
	if (v4 && (h->type >= MASK_TYPES || !((unsigned)c->icmp_ratemask >> h->type & 1))) return true;
	return icmp_within_rate(s, dst, (v4 ? c->icmp_ratelimit_ms : c->icmp6_ratelimit_ms) * NS_PER_MS);
}

/* ---- sending ---- */

/* RFC 4443 §2.2, RFC 1122 §3.2.2.6: the address that the datagram was for, if it is ours: programs expect the answer from there. */
static struct addr answer_source(const struct stack *s, const struct packet *p)
{
	if (!addr_is_multicast(&p->dst) && stack_is_local(s, &p->dst)) return p->dst;
	return addr_is_v4(&p->dst) ? addr_any4 : addr_any6;
}

static bool find_way(struct stack *s, const struct packet *p, struct ip_out *out, struct route_hop *hop)
{
	/* A link-local asker is found on the link it asked on; for our own datagrams there is none. */
	if (!addr_is_v4(&out->dst) && addr_is_linklocal(&out->dst) && p->netif && p->netif->kind != NETIF_LOOPBACK) out->oif = p->netif;
	if (route_lookup(s, &out->dst, &out->src, out->oif, hop) < 0) return false;
	out->src = hop->src;
	return !addr_is_any(&out->src);
}

void icmp_complain(struct stack *s, struct packet *p, enum icmp_problem problem, uint32_t rest)
{
	bool v4 = packet_is_v4(p);
	struct icmp_hdr h = {.type = v4 ? problems[problem].type4 : problems[problem].type6, .code = v4 ? problems[problem].code4 : problems[problem].code6,
			     .rest = rest};
	struct ip_out out = {.src = answer_source(s, p), .dst = p->src, .proto = v4 ? IP_PROTO_ICMP : IP_PROTO_ICMP6, .tos = v4 ? TOS_INTERNETCONTROL : 0};
	size_t quote_len = MIN(ip_len(p), (size_t)(v4 ? QUOTE_MAX4 : QUOTE_MAX6));
	struct route_hop hop;
	struct packet *e;

	if (h.type == NONE || !may_complain(p, problem) || !find_way(s, p, &out, &hop)) return;
	if (!may_leave(s, &h, &out.dst, hop.netif)) return;
	if (v4 && h.type == ICMP4_PARAM_PROBLEM) h.rest <<= 24;
	e = packet_new(PACKET_HEADROOM, ICMP_HDR_LEN + quote_len);
	if (!e) return;
	memcpy(e->data + ICMP_HDR_LEN, packet_at(p, p->net_off), quote_len);
	icmp_emit(&h, e->data, e->len, v4 ? NULL : &out.src, v4 ? NULL : &out.dst);
	ip_output_via(s, e, &out, &hop);
}

void icmp_send_port_unreachable(struct stack *s, const struct packet *p)
{
	/* Only read: the packet is the caller's, its headers still there in front of the message. */
	icmp_complain(s, (struct packet *)p, ICMP_PROBLEM_PORT, 0);
}

void icmp_answer_echo(struct stack *s, const struct packet *p, uint8_t reply_type)
{
	bool v4 = addr_is_v4(&p->dst);
	struct icmp_hdr h = {.type = reply_type, .rest = read32(p->data + 4)};
	struct ip_out out = {.src = answer_source(s, p), .dst = p->src, .proto = v4 ? IP_PROTO_ICMP : IP_PROTO_ICMP6, .tos = p->tos};
	struct route_hop hop;
	struct packet *e;

	if (!speaks_for_one_host(p) || !find_way(s, p, &out, &hop) || (v4 && !may_leave(s, &h, &out.dst, hop.netif))) return;
	e = packet_new(PACKET_HEADROOM, p->len);
	if (!e) return;
	memcpy(e->data, p->data, p->len);
	icmp_emit(&h, e->data, e->len, v4 ? NULL : &out.src, v4 ? NULL : &out.dst);
	ip_output_via(s, e, &out, &hop);
}
