/*
 * Multicast routers ask which groups are wanted; we answer after a random time within what the question allows, and together where we can:
 *
 *     general query            one timer of the interface and family
 *     about a group            the group's timer; about sources of it: the same, which collects them
 *
 * A router that speaks an older version is answered in that one for as long as the RFCs want.
 *
 * Read first: RFC 3376 §4.1, §5.2, §7; RFC 3810 §5.1, §6.2, §8.
 */
#include "stack/inet/mcast.h"
#include "stack/inet/inet_private.h"

#define IGMP_QUERY 0x11
#define IGMP_REPORT1 0x12
#define IGMP_REPORT2 0x16
#define MLD_QUERY 130
#define MLD_REPORT1 131
#define OLD_FOR (260 * NS_PER_S)     /* RFC 3376 §8.12: robustness * query interval + response interval */

/* A query, whatever version and family. */
struct query { bool v4; unsigned version; struct addr group; time_ns within; const uint8_t *sources; size_t n; };

/* RFC 3376 §7.2.1: the oldest router that may still be there decides. */
unsigned mcast_old_version(const struct netif *nif, bool v4)
{
	time_ns now = nif->stack->now;

	if (!v4) return nif->mcast.mld1_until > now ? 1 : 0;
	if (nif->mcast.igmp1_until > now) return 1;
	return nif->mcast.igmp2_until > now ? 2 : 0;
}

static time_ns at_random(struct stack *s, time_ns within)
{
	return s->now + 1 + (time_ns)((uint64_t)within * (stack_random32(s) >> 12) >> 20);
}

/* ---- what is asked ---- */

/* RFC 3376 §5.2: an answer that is due sooner anyway will do. */
static void answer_by(struct stack *s, struct timer *t, time_ns due)
{
	if (timer_due(s, t) > due) timer_set(s, t, due);
}

static void ask_all(struct netif *nif, const struct query *q)
{
	struct stack *s = nif->stack;

	if (!mcast_old_version(nif, q->v4)) {
		answer_by(s, q->v4 ? &nif->mcast.general4 : &nif->mcast.general6, at_random(s, q->within));
		return;
	}
	/* In the old versions every group has its own timer, so that others' reports can stop it. */
	list_each(struct netif_group, g, &nif->groups, node)
		if (addr_is_v4(&g->group) == q->v4 && mcast_is_reported(nif, &g->group)) answer_by(s, &g->answer_timer, at_random(s, q->within));
}

static void ask_group(struct netif *nif, const struct query *q)
{
	struct stack *s = nif->stack;

	list_each(struct netif_group, g, &nif->groups, node) {
		bool due = timer_is_set(&g->answer_timer);
		if (!addr_eq(&g->group, &q->group) || !mcast_is_reported(nif, &g->group)) continue;
		/* RFC 3376 §5.2 rules 3 to 5: an answer about the group covers one about its sources; sources add up. */
		if (q->n == 0 || (due && g->answer_all)) {
			g->answer_all = true;
			sources_free(&g->asked);
		}
		for (size_t i = 0; i < q->n && !g->answer_all; i++) {
			struct addr a = q->v4 ? addr_v4_octets(q->sources + 4 * i) : addr_v6_octets(q->sources + 16 * i);
			(void)sources_add(&g->asked, &a);
		}
		answer_by(s, &g->answer_timer, at_random(s, q->within));
	}
}

void mcast_general_fire4(struct timer *t) { mcast_report_all(container_of(t, struct netif, mcast.general4), true); }
void mcast_general_fire6(struct timer *t) { mcast_report_all(container_of(t, struct netif, mcast.general6), false); }

static void query_take(struct netif *nif, const struct query *q)
{
	if (nif->kind != NETIF_ETHERNET) return;
	if (addr_is_any(&q->group))
		ask_all(nif, q);
	else
		ask_group(nif, q);
}

/* RFC 2236 §3, RFC 2710 §4: another has told the router, so we need not, and need not say goodbye. */
static void heard_report(struct netif *nif, const struct addr *group)
{
	if (!mcast_old_version(nif, addr_is_v4(group))) return;
	list_each(struct netif_group, g, &nif->groups, node) {
		if (!addr_eq(&g->group, group)) continue;
		timer_clear(nif->stack, &g->answer_timer);
		g->last_reporter = false;
	}
}

/* ---- IGMP ---- */

/* RFC 3376 §4.1.1, RFC 3810 §5.1.3: large times are floating-point numbers of few bits. */
static uint32_t floating(uint32_t code, unsigned mantissa_bits)
{
	uint32_t mantissa = code & ((1u << mantissa_bits) - 1), exponent = code >> mantissa_bits & 7;

	return (mantissa | 1u << mantissa_bits) << (exponent + 3);
}

static bool igmp_query_parse(const struct packet *p, struct query *q)
{
	const uint8_t *d = p->data;
	uint32_t tenths = d[1] < 128 ? d[1] : floating(d[1], 4);

	*q = (struct query){.v4 = true, .group = addr_v4_octets(d + 4), .version = 3};
	/* RFC 3376 §7.1: the version is told by length and code. */
	if (p->len == 8) q->version = d[1] ? 2 : 1;
	else if (p->len < 12) return false;
	q->within = (q->version == 1 ? 100 : MAX(tenths, 1u)) * (NS_PER_S / 10);
	if (q->version < 3) return true;
	q->n = read16(d + 10);
	q->sources = d + 12;
	return p->len >= 12 + 4 * q->n;
}

static enum drop_reason igmp_query(const struct packet *p)
{
	struct netif *nif = p->netif;
	struct query q;

	if (!igmp_query_parse(p, &q)) return DROP_IGMP_BAD;
	if (!addr_is_any(&q.group) && !addr_is_multicast(&q.group)) return DROP_IGMP_BAD;
	if (q.version == 1) nif->mcast.igmp1_until = p->when + OLD_FOR;
	if (q.version == 2) nif->mcast.igmp2_until = p->when + OLD_FOR;
	query_take(nif, &q);
	return DROP_NONE;
}

static enum drop_reason igmp_take(const struct packet *p)
{
	struct addr group;

	if (p->len < 8 || csum_fold(csum_add(0, p->data, p->len)) != 0) return DROP_IGMP_BAD;
	/* RFC 3376 §4: from a neighbour on the link. */
	if (p->ttl != 1) return DROP_IGMP_BAD;
	switch (p->data[0]) {
	case IGMP_QUERY: return igmp_query(p);
	case IGMP_REPORT1:
	case IGMP_REPORT2:
		group = addr_v4_octets(p->data + 4);
		heard_report(p->netif, &group);
		return DROP_NONE;
	default: return DROP_NONE;       /* other members' reports are for routers */
	}
}

static void igmp_receive(struct stack *s, struct packet *p)
{
	enum drop_reason why = igmp_take(p);

	if (why == DROP_NONE)
		packet_free(p);
	else
		stack_drop(s, p, why);
}

const struct ip_proto igmp_proto = {.proto = IP_PROTO_IGMP, .receive = igmp_receive};

/* ---- MLD ---- */

static enum drop_reason mld_query(const struct packet *p)
{
	const uint8_t *d = p->data;
	uint32_t code = read16(d + 4), ms = code < 32768 ? code : floating(code, 12);
	struct query q = {.group = addr_v6_octets(d + 8), .version = 2, .within = MAX(ms, 1u) * NS_PER_MS};

	if (!addr_is_any(&q.group) && !addr_is_multicast(&q.group)) return DROP_IGMP_BAD;
	/* RFC 3810 §8.1: told by the length. */
	if (p->len == 24) q.version = 1;
	else if (p->len < 28) return DROP_IGMP_BAD;
	if (q.version == 2) {
		q.n = read16(d + 26);
		q.sources = d + 28;
		if (p->len < 28 + 16 * q.n) return DROP_IGMP_BAD;
	} else {
		p->netif->mcast.mld1_until = p->when + OLD_FOR;
	}
	query_take(p->netif, &q);
	return DROP_NONE;
}

void mld_receive(struct stack *s, struct packet *p)
{
	enum drop_reason why = DROP_IGMP_BAD;
	struct addr group;

	/* RFC 3810 §5.1.14, §6.2: from a link-local address, one hop away. */
	if (p->len >= 24 && p->ttl == 1 && addr_is_linklocal(&p->src)) {
		group = addr_v6_octets(p->data + 8);
		why = DROP_NONE;
		if (p->data[0] == MLD_QUERY)
			why = mld_query(p);
		else if (p->data[0] == MLD_REPORT1)
			heard_report(p->netif, &group);
	}
	if (why == DROP_NONE)
		packet_free(p);
	else
		stack_drop(s, p, why);
}
