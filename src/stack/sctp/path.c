/*
 * A path: the round trip and the timeout that follows from it, the congestion window, errors, and which path is taken.
 *
 *     RTO  = SRTT + 4 RTTVAR, between RTO.Min and RTO.Max, doubled each time T3 expires          RFC 9260 §6.3.1
 *     cwnd begins at min(4 MTU, max(2 MTU, 4380))                                                §7.2.1
 *     errors > Path.Max.Retrans: inactive; the association's errors > Association.Max.Retrans: over     §8.1, §8.2
 *
 * A path that has failed to answer is avoided where another does answer, from the first time on unless SCTP_PEER_ADDR_THLDS says otherwise (RFC 7829).
 */
#include <errno.h>
#include "stack/sctp/assoc.h"

#define GRANULE_NS NS_PER_MS           /* RFC 9260 §6.3.1: G */
#define MTU_LEAST 512u                 /* Linux's SCTP_DEFAULT_MINSEGMENT: no "too big" makes it less */

static uint32_t ip_header_len(const struct path *p) { return addr_is_v4(&p->addr) ? IP4_HDR_MIN : IP6_HDR_LEN; }

uint32_t path_packet_room(const struct path *p) { return p->mtu_bytes - ip_header_len(p); }

uint32_t assoc_fragment_point(const struct assoc *a)
{
	uint32_t least = UINT32_MAX, point;

	list_each(struct path, p, &a->paths, node) least = MIN(least, path_packet_room(p));
	point = (least - auth_room(a) - SCTP_HDR_LEN - SCTP_DATA_HDR) & ~3u;
	return a->set.max_seg ? MIN(a->set.max_seg, point) : point;
}

/* The source is one that the peer knows, if a route to it has any such. */
static void choose_source(struct path *p, const struct addr *routed)
{
	const struct assoc *a = p->assoc;

	if (a->sock->bound.n == 0 || (sctp_addrs_have(&a->local, routed) && asconf_is_source(a, routed))) {
		p->src = *routed;
		return;
	}
	for (uint32_t i = 0; i < a->local.n; i++) {
		if (addr_is_v4(&a->local.at[i]) != addr_is_v4(&p->addr) || !asconf_is_source(a, &a->local.at[i])) continue;
		p->src = a->local.at[i];
		return;
	}
}

void path_route(struct path *p)
{
	struct stack *s = assoc_stack(p->assoc);
	struct addr any = addr_is_v4(&p->addr) ? addr_any4 : addr_any6;
	struct route_hop hop;
	uint32_t mtu = addr_is_v4(&p->addr) ? IP4_SIZE_LEAST : IP6_MTU_LEAST;

	if (addr_eq(&p->src, &(struct addr){{0}})) p->src = any;
	if (route_lookup(s, &p->addr, &any, inet_sock_oif(&p->assoc->sock->inet), &hop) == 0) {
		choose_source(p, &hop.src);
		mtu = ip_mtu(s, &p->addr, &hop);
	}
	if (!p->set.pmtud && p->set.mtu_bytes) mtu = p->set.mtu_bytes;
	p->mtu_bytes = MIN(MAX(mtu, MTU_LEAST), PACKET_MAX);
}

void path_mtu_shrank(struct path *p, uint32_t mtu)
{
	if (p->set.pmtud && mtu < p->mtu_bytes) p->mtu_bytes = MAX(mtu, MTU_LEAST);
}

void path_begin(struct path *p)
{
	p->cwnd = MIN(4 * p->mtu_bytes, MAX(2 * p->mtu_bytes, 4380u));
	p->ssthresh = MAX(p->assoc->snd.peer_rwnd, 4 * p->mtu_bytes);
	p->partial_acked = 0;
}

/* RFC 9260 §7.2.3, §7.2.4 (2) */
void path_reduce(struct path *p)
{
	p->ssthresh = MAX(p->cwnd / 2, 4 * p->mtu_bytes);
	p->cwnd = p->ssthresh;
	p->partial_acked = 0;
}

/* ---- the round trip ---- */

static time_ns bounded(const struct path *p, time_ns rto)
{
	const struct assoc_settings *set = &p->assoc->set;

	return MIN(MAX(rto, set->rto_min_ms * NS_PER_MS), set->rto_max_ms * NS_PER_MS);
}

static void rto_set(struct path *p, time_ns rto)
{
	struct assoc *a = p->assoc;

	p->rto_ns = bounded(p, rto);
	if (p->rto_ns <= a->stats.rto_most) return;
	a->stats.rto_most = p->rto_ns;
	a->stats.rto_most_of = p->addr;
}

void path_rtt_sample(struct path *p, time_ns rtt)
{
	if (p->srtt_ns == 0) {
		p->srtt_ns = MAX(rtt, 1);
		p->rttvar_ns = rtt / 2;
	} else {
		time_ns off = p->srtt_ns > rtt ? p->srtt_ns - rtt : rtt - p->srtt_ns;
		p->rttvar_ns = p->rttvar_ns - p->rttvar_ns / 4 + off / 4;
		p->srtt_ns = MAX(p->srtt_ns - p->srtt_ns / 8 + rtt / 8, 1);
	}
	/* RFC 9260 §6.3.1 C7 */
	if (p->rttvar_ns == 0) p->rttvar_ns = GRANULE_NS;
	rto_set(p, p->srtt_ns + 4 * p->rttvar_ns);
}

/* RFC 9260 §6.3.3 E2 */
void path_backoff(struct path *p) { rto_set(p, 2 * p->rto_ns); }

/* ---- errors ---- */

/* As Linux: below the errors that make it fail. */
bool path_may_fail(const struct path *p)
{
	return p->state == SCTP_ACTIVE && p->errors > p->set.pf_retrans && p->set.pf_retrans + 1 < p->set.max_retrans;
}

void path_set_state(struct path *p, int state, enum sctp_sn_error why)
{
	int before = p->state;

	p->state = state;
	if (before == state) return;
	if (state == SCTP_ACTIVE)
		notify_path(p, before == SCTP_UNCONFIRMED ? SCTP_ADDR_CONFIRMED : SCTP_ADDR_AVAILABLE, why);
	else if (state == SCTP_INACTIVE && before != SCTP_UNCONFIRMED)
		notify_path(p, SCTP_ADDR_UNREACHABLE, why);
}

void path_make_primary(struct path *p)
{
	p->assoc->primary = p;
	if (assoc_in(p->assoc, SCTP_UP)) notify_path(p, SCTP_ADDR_MADE_PRIM, 0);
}

bool path_error(struct path *p)
{
	struct assoc *a = p->assoc;

	bool might = path_may_fail(p);

	p->errors++;
	if (!might && path_may_fail(p) && a->set.pf_expose == PF_EXPOSE_ON) notify_path(p, SCTP_ADDR_POTENTIALLY_FAILED, SCTP_FAILED_THRESHOLD);
	/* RFC 9260 §5.4: an address that was never confirmed says nothing about the peer. */
	if (p->state != SCTP_UNCONFIRMED) a->errors++;
	if (p->errors > p->set.max_retrans) path_set_state(p, SCTP_INACTIVE, SCTP_FAILED_THRESHOLD);
	/* RFC 7829 §5: another becomes the primary. */
	if (p->errors > p->set.ps_retrans && a->primary == p && assoc_path_to_send(a, p) != p) path_make_primary(assoc_path_to_send(a, p));
	/* RFC 9260 §8.1 */
	if (a->errors <= a->set.max_retrans) return true;
	assoc_lost(a, ETIMEDOUT, SCTP_COMM_LOST, 0);
	return false;
}

void path_works(struct path *p, enum sctp_sn_error why)
{
	struct assoc *a = p->assoc;

	if (path_may_fail(p) && a->set.pf_expose == PF_EXPOSE_ON) notify_path(p, SCTP_ADDR_AVAILABLE, why);
	/* RFC 9260 §8.1, §8.2; as Linux not while it is being shut down: who answers, and takes no data, would keep it alive for ever. */
	p->errors = 0;
	if (a->state <= SCTP_ESTABLISHED) a->errors = 0;
	if (p->state == SCTP_INACTIVE) path_set_state(p, SCTP_ACTIVE, why);
}

/* ---- which one ---- */

#define RANK_ACTIVE 2u

static unsigned rank(const struct path *p)
{
	if (p->state == SCTP_ACTIVE) return path_may_fail(p) ? RANK_ACTIVE : RANK_ACTIVE + 1;
	return p->state == SCTP_INACTIVE ? 1 : 0;
}

/* RFC 9260 §6.4: the primary path, while it answers; else one that does. What is sent again goes another way, if there is an active one. */
struct path *assoc_path_to_send(const struct assoc *a, const struct path *but)
{
	struct path *best = a->primary, *other = NULL;

	list_each(struct path, p, &a->paths, node) {
		if (rank(p) > rank(best)) best = p;
		if (p != but && (!other || rank(p) > rank(other) || (p == a->primary && rank(p) == rank(other)))) other = p;
	}
	return but && other && rank(other) >= RANK_ACTIVE ? other : best;
}
