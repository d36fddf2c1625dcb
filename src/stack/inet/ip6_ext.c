/*
 * IPv6's chain of extension headers, without its meaning: where a chain leads, and what its options demand. The chain
 * is bounded, so are the options of one header; padding carries nothing (RFC 4942 §2.1.9.5).
 *
 * Read first: RFC 8200 §4.
 */
#include "stack/inet/ip.h"

#define OPT_PAD1 0
#define OPT_PADN 1
#define OPT_ROUTER_ALERT 5
#define OPTIONS_MAX 8             /* Linux's max_hbh_opts_number, max_dst_opts_number */
#define PADDING_MAX 7

bool ip6_walk_to_transport(struct ip6_walk *w, const uint8_t *dgram, size_t len)
{
	for (; w->count <= IP6_EXT_MAX; w->count++) {
		struct ip6_ext ext;
		struct ip6_frag frag;
		int n;
		switch (w->next) {
		case IP_PROTO_HOPOPTS:
		case IP_PROTO_ROUTING:
		case IP_PROTO_DSTOPTS:
			n = ip6_ext_parse(&ext, dgram + w->off, len - w->off);
			if (n < 0) return false;
			w->next = ext.next;
			break;
		case IP_PROTO_FRAGMENT:
			n = ip6_frag_parse(&frag, dgram + w->off, len - w->off);
			if (n < 0 || frag.offset) return false;
			w->next = frag.next;
			break;
		case IP_PROTO_NONE:
			return false;
		default:
			return true;
		}
		w->next_at = w->off;
		w->off += (size_t)n;
	}
	return false;
}

/* RFC 8200 §4.2: the two highest bits of an unknown option say what to do about it. */
static enum ip6_opt_verdict unknown(uint8_t type)
{
	static const enum ip6_opt_verdict verdicts[] = {IP6_OPT_PASS, IP6_OPT_DROP, IP6_OPT_COMPLAIN, IP6_OPT_COMPLAIN_UNICAST};

	return verdicts[type >> 6];
}

static bool all_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i]) return false;
	return true;
}

enum ip6_opt_verdict ip6_options_check(const struct ip6_ext *ext, size_t *ret_at)
{
	size_t at = 0, padding = 0, n_options = 0, n;

	while (at < ext->len) {
		const uint8_t *opt = ext->body + at;
		enum ip6_opt_verdict v = IP6_OPT_PASS;
		n = 1;
		if (opt[0] != OPT_PAD1) {
			if (at + 2 > ext->len || at + 2 + opt[1] > ext->len) return IP6_OPT_DROP;
			n = 2 + (size_t)opt[1];
		}
		if (opt[0] == OPT_PAD1 || opt[0] == OPT_PADN) {
			padding += n;
			if (padding > PADDING_MAX || (n > 2 && !all_zero(opt + 2, n - 2))) return IP6_OPT_DROP;
		} else {
			padding = 0;
			if (++n_options > OPTIONS_MAX) return IP6_OPT_DROP;
			if (opt[0] != OPT_ROUTER_ALERT) v = unknown(opt[0]);
		}
		if (v != IP6_OPT_PASS) {
			*ret_at = at;
			return v;
		}
		at += n;
	}
	return IP6_OPT_PASS;
}
