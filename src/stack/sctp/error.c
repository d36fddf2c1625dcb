/*
 * What ICMP says about packets of ours. It is believed when the tag it quotes is the one we send: nobody on the side can know that. Only "too big",
 * and that the peer has no SCTP, mean something; the rest is told with the end of an association that finds none.
 *
 * Read first: RFC 9260 §10.
 */
#include "stack/inet/redirect.h"
#include "stack/sctp/assoc.h"

#define ICMP4_CODE_PROTO 2
#define QUOTED_TAG_AT (SCTP_HDR_LEN + SCTP_CHUNK_HDR)

/* RFC 9260 §10 (ICMP5), (ICMP6): an INIT has no tag but the one in it. */
static bool is_ours(const struct assoc *a, const struct ip_error *e)
{
	uint32_t vtag = read32(e->quote + 4);

	if (vtag) return vtag == a->peer_tag;
	if (e->quote_len < QUOTED_TAG_AT + 4 || e->quote[SCTP_HDR_LEN] != CHUNK_INIT) return false;
	return read32(e->quote + QUOTED_TAG_AT) == a->my_tag;
}

static bool says_no_sctp(const struct ip_error *e)
{
	if (addr_is_v4(&e->dst)) return e->icmp_type == ICMP4_UNREACH && e->icmp_code == ICMP4_CODE_PROTO;
	return e->icmp_type == ICMP6_PARAM_PROBLEM && e->icmp_code == 1;
}

void sctp_error(struct stack *s, const struct ip_error *e)
{
	struct path *p;
	struct assoc *a;

	if (e->quote_len < 8) return;
	p = sctp_flow_find(s, &e->src, read16(e->quote), &e->dst, read16(e->quote + 2));
	a = p ? p->assoc : NULL;
	if (!a || !is_ours(a, e)) return;
	if (e->redirect) {
		redirect_take(s, e->redirect);
	} else if (e->mtu_bytes) {
		ip_pmtu_learn(s, e);
		path_mtu_shrank(p, e->mtu_bytes);
	} else if (says_no_sctp(e) && assoc_in(a, SCTP_OPENING)) {
		assoc_lost(a, e->err, SCTP_CANT_STR_ASSOC, 0);
	}
}
