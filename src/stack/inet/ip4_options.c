/*
 * IPv4 options: checked, never obeyed. A host that answers to source routes lets others aim through it, so those are
 * refused (RFC 7126 §4.3); record route and timestamp pass unchanged.
 *
 *     | type | length | ... |     End (0) and No-operation (1) are single octets
 *
 * Read first: RFC 791 §3.1, RFC 1122 §3.2.1.8.
 */
#include "stack/inet/ip.h"

#define OPT_END 0
#define OPT_NOP 1
#define OPT_RECORD_ROUTE 7
#define OPT_TIMESTAMP 68
#define OPT_LOOSE_SOURCE_ROUTE 131
#define OPT_STRICT_SOURCE_ROUTE 137
#define OPT_COPIED 0x80

/* The offset within one option of what is wrong with it, or 0. len octets are left from p on. */
static size_t fault_in(const uint8_t *p, size_t len)
{
	if (len < 2 || p[1] < 2 || p[1] > len) return 1;
	/* Both start their pointers behind the fixed part; one that points into it, or lies beyond the option by a bit, is nonsense. */
	if (p[0] == OPT_RECORD_ROUTE && (p[1] < 3 || p[2] < 4)) return p[1] < 3 ? 1 : 2;
	if (p[0] == OPT_TIMESTAMP && (p[1] < 4 || p[2] < 5)) return p[1] < 4 ? 1 : 2;
	return 0;
}

uint8_t ip4_options_check(const struct ip4_hdr *h, bool *ret_source_route)
{
	size_t at = 0, wrong;

	while (at < h->opt_len && h->opt[at] != OPT_END) {
		if (h->opt[at] == OPT_NOP) {
			at++;
			continue;
		}
		wrong = fault_in(h->opt + at, h->opt_len - at);
		if (wrong) return (uint8_t)(IP4_HDR_MIN + MIN(at + wrong, (size_t)h->opt_len - 1));
		if (h->opt[at] == OPT_LOOSE_SOURCE_ROUTE || h->opt[at] == OPT_STRICT_SOURCE_ROUTE) *ret_source_route = true;
		at += h->opt[at + 1];
	}
	return 0;
}

/* As Linux: what lies behind the end is made zero. */
void ip4_options_clear_rest(uint8_t *opt, size_t len)
{
	size_t at = 0;

	while (at < len && opt[at] != OPT_END)
		at += opt[at] == OPT_NOP ? 1 : opt[at + 1];
	if (at < len) memset(opt + at, OPT_END, len - at);
}

void ip4_options_for_fragment(uint8_t *opt, size_t len)
{
	size_t at = 0, n;

	while (at < len && opt[at] != OPT_END) {
		n = 1;
		if (opt[at] != OPT_NOP) {
			if (fault_in(opt + at, len - at)) return;
			n = opt[at + 1];
			if (!(opt[at] & OPT_COPIED)) memset(opt + at, OPT_NOP, n);
		}
		at += n;
	}
}
