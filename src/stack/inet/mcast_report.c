/*
 * What an interface tells routers about its groups: IGMPv3 and MLDv2, which say the same with addresses of different length, and the older versions
 * where routers speak those.
 *
 *     report:  type | 0 | checksum | 0 | number of records, then of each:  type | 0 | number of sources | group | source …
 *
 * A change is told at once and again within a second (robustness 2). Read first: RFC 3376 §4.2, §5; RFC 3810 §5.2, §6; RFC 2236; RFC 2710.
 */
#include "stack/inet/mcast.h"
#include <net/if.h>
#include "stack/inet/inet_private.h"

#define ROBUSTNESS 2
#define AGAIN_WITHIN NS_PER_S               /* RFC 3376 §8.11: Unsolicited Report Interval */
#define AGAIN_WITHIN_OLD (10 * NS_PER_S)    /* RFC 2236 §8.10, RFC 2710 §7.10 */
#define IGMP_REPORT1 0x12
#define IGMP_REPORT2 0x16
#define IGMP_LEAVE 0x17
#define IGMP_REPORT3 0x22
#define MLD_REPORT1 131
#define MLD_DONE 132
#define MLD_REPORT2 143
#define HEAD_LEN 8
#define TOS_INTERNETCONTROL 0xc0

enum record { IS_INCLUDE = 1, IS_EXCLUDE, TO_INCLUDE, TO_EXCLUDE, ALLOW, BLOCK };

static const struct addr igmp_routers = {{[10] = 0xff, 0xff, 224, 0, 0, 22}}, all_routers4 = {{[10] = 0xff, 0xff, 224, 0, 0, 2}};
static const struct addr mld_routers = {{0xff, 2, [15] = 0x16}}, all_routers6 = {{0xff, 2, [15] = 2}};

/* ---- sending ---- */

/* RFC 2113, RFC 2711: "routers, look at this though it is not for you". */
static const uint8_t alert4[4] = {148, 4, 0, 0};
static const uint8_t alert6[8] = {0, 0, 5, 2, 0, 0, 1, 0};

/* RFC 3810 §5.2.13: from a link-local address, or from none while there is none. */
static struct addr source_of(const struct netif *nif, bool v4)
{
	list_each(const struct netif_addr, ia, &nif->addrs, node)
		if (addr_is_v4(&ia->addr) == v4 && (v4 || (addr_is_linklocal(&ia->addr) && !netif_addr_is_tentative(ia)))) return ia->addr;
	return v4 ? addr_any4 : addr_any6;
}

static void message_send(struct netif *nif, struct packet *p, const struct addr *dst, bool alert)
{
	bool v4 = addr_is_v4(dst);
	struct ip_out out = {.src = source_of(nif, v4), .dst = *dst, .proto = v4 ? IP_PROTO_IGMP : IP_PROTO_ICMP6, .ttl = 1};
	struct route_hop hop = {.netif = nif, .nexthop = *dst, .src = out.src, .mtu_bytes = nif->mtu_bytes};
	uint32_t pseudo = v4 ? 0 : csum_pseudo(&out.src, dst, IP_PROTO_ICMP6, p->len);

	write16(p->data + 2, 0);
	write16(p->data + 2, csum_fold(csum_add(pseudo, p->data, p->len)));
	if (v4) out.tos = TOS_INTERNETCONTROL;
	if (alert && v4) {
		out.opt = alert4;
		out.opt_len = sizeof alert4;
	}
	if (alert && !v4) out.ext[IP_EXT_HOP] = (struct ip_ext){alert6, sizeof alert6};
	ip_output_via(nif->stack, p, &out, &hop);
}

/* A report under construction: full ones go out as they are. */
struct report { struct netif *netif; bool v4; struct packet *p; size_t room, used; uint16_t records; };

static size_t addr_len(const struct report *r) { return r->v4 ? 4 : 16; }

static void report_flush(struct report *r)
{
	struct packet *p = r->p;

	if (!p) return;
	r->p = NULL;
	p->data[0] = r->v4 ? IGMP_REPORT3 : MLD_REPORT2;
	write16(p->data + 6, r->records);
	packet_trim(p, r->used);
	/* RFC 3376 §4.2.14, RFC 3810 §5.2.14, §5: to the routers alone, over one hop, with router alert. */
	message_send(r->netif, p, r->v4 ? &igmp_routers : &mld_routers, true);
}

static bool report_room(struct report *r, size_t want)
{
	if (r->p && r->used + want > r->room) report_flush(r);
	if (r->p) return true;
	r->room = MAX(MIN(r->netif->mtu_bytes, 1500u), 576u) - IP6_HDR_LEN - sizeof alert6;
	r->p = packet_new(PACKET_HEADROOM, r->room);
	if (!r->p) return false;
	memset(r->p->data, 0, HEAD_LEN);
	r->used = HEAD_LEN;
	r->records = 0;
	return true;
}

static void addr_put(struct report *r, const struct addr *a)
{
	memcpy(r->p->data + r->used, a->b + (r->v4 ? 12 : 0), addr_len(r));
	r->used += addr_len(r);
}

/* One record. RFC 3376 §4.2.16: sources that do not fit are left out where that lets in too much, and go on in another record else. */
static void record_put(struct report *r, enum record type, const struct addr *group, const struct sources *s)
{
	uint32_t done = 0;

	do {
		size_t n;
		if (!report_room(r, 4 + addr_len(r) * (1 + MIN(s->n - done, 16u)))) return;
		n = MIN((size_t)(s->n - done), (r->room - r->used - 4) / addr_len(r) - 1);
		r->p->data[r->used] = (uint8_t)type;
		r->p->data[r->used + 1] = 0;
		write16(r->p->data + r->used + 2, (uint16_t)n);
		r->used += 4;
		addr_put(r, group);
		for (size_t i = 0; i < n; i++)
			addr_put(r, &s->at[done + i]);
		r->records++;
		done += (uint32_t)n;
	} while (done < s->n && type != IS_EXCLUDE && type != TO_EXCLUDE);
}

static struct report report_for(struct netif *nif, const struct addr *group)
{
	return (struct report){.netif = nif, .v4 = addr_is_v4(group)};
}

/* ---- the old versions: a message a group ---- */

static void old_message(struct netif *nif, const struct addr *group, uint8_t type4, uint8_t type6, const struct addr *dst)
{
	bool v4 = addr_is_v4(group);
	struct packet *p = packet_new(PACKET_HEADROOM, v4 ? 8 : 24);

	if (!p) return;
	memset(p->data, 0, p->len);
	p->data[0] = v4 ? type4 : type6;
	memcpy(p->data + (v4 ? 4 : 8), group->b + (v4 ? 12 : 0), v4 ? 4 : 16);
	message_send(nif, p, dst, type4 != IGMP_REPORT1);
}

static void old_report(struct netif_group *g)
{
	bool first = mcast_old_version(g->netif, addr_is_v4(&g->group)) == 1;

	old_message(g->netif, &g->group, first ? IGMP_REPORT1 : IGMP_REPORT2, MLD_REPORT1, &g->group);
	g->last_reporter = true;
}

static void old_leave(struct netif_group *g)
{
	bool v4 = addr_is_v4(&g->group);

	/* RFC 2236 §3: only who reported last says goodbye; version 1 knows no goodbye. */
	if (!g->last_reporter || (v4 && mcast_old_version(g->netif, true) == 1)) return;
	old_message(g->netif, &g->group, IGMP_LEAVE, MLD_DONE, v4 ? &all_routers4 : &all_routers6);
}

/* ---- changes ---- */

bool mcast_is_reported(const struct netif *nif, const struct addr *group)
{
	static const struct addr all_hosts = {{[10] = 0xff, 0xff, 224, 0, 0, 1}}, all_nodes = {{0xff, 2, [15] = 1}};

	if (nif->kind != NETIF_ETHERNET) return false;
	if (addr_is_v4(group)) return !addr_eq(group, &all_hosts);
	/* RFC 3810 §6: nor for all-nodes, nor for scopes that never leave the node. */
	return !addr_eq(group, &all_nodes) && (group->b[1] & 15) > 1;
}

static void change_send(struct netif_group *g)
{
	struct report r = report_for(g->netif, &g->group);

	if (mcast_old_version(g->netif, r.v4)) {
		if (g->exclude || g->sources.n) old_report(g);
		return;
	}
	if (g->change_mode)
		record_put(&r, g->exclude ? TO_EXCLUDE : TO_INCLUDE, &g->group, &g->sources);
	if (!g->change_mode && g->allow.n) record_put(&r, ALLOW, &g->group, &g->allow);
	if (!g->change_mode && g->block.n) record_put(&r, BLOCK, &g->group, &g->block);
	report_flush(&r);
}

static void change_over(struct netif_group *g)
{
	g->change_left = 0;
	g->change_mode = false;
	sources_free(&g->allow);
	sources_free(&g->block);
}

static void change_step(struct netif_group *g)
{
	struct stack *s = g->netif->stack;
	time_ns within = mcast_old_version(g->netif, addr_is_v4(&g->group)) ? AGAIN_WITHIN_OLD : AGAIN_WITHIN;

	change_send(g);
	if (--g->change_left == 0)
		change_over(g);
	else
		timer_set(s, &g->change_timer, s->now + 1 + (time_ns)((uint64_t)within * stack_random32(s) >> 32));
}

static void change_fire(struct timer *t)
{
	change_step(container_of(t, struct netif_group, change_timer));
}

/* Adds to `more` what `from` has and `not_in` has not, and takes it out of `less`: the newest word about a source counts. */
static void note(struct sources *more, struct sources *less, const struct sources *from, const struct sources *not_in)
{
	for (uint32_t i = 0; i < from->n; i++) {
		if (sources_has(not_in, &from->at[i])) continue;
		(void)sources_add(more, &from->at[i]);
		sources_remove(less, &from->at[i]);
	}
}

void mcast_report_change(struct netif_group *g, bool was_exclude, const struct sources *was)
{
	if (!mcast_is_reported(g->netif, &g->group) || !(g->netif->flags & IFF_UP)) return;
	/* RFC 3376 §5.1: while a change of mode is being told, another change is told by the mode as well. */
	if (g->exclude != was_exclude || g->change_mode) {
		change_over(g);
		g->change_mode = true;
	} else if (g->exclude) {
		note(&g->allow, &g->block, was, &g->sources);
		note(&g->block, &g->allow, &g->sources, was);
	} else {
		note(&g->allow, &g->block, &g->sources, was);
		note(&g->block, &g->allow, was, &g->sources);
	}
	g->change_left = ROBUSTNESS;
	change_step(g);
}

/* The group goes with its last member, so what should be said twice is said twice at once. */
void mcast_report_leave(struct netif_group *g)
{
	static const struct sources nothing = {0};
	struct report r = report_for(g->netif, &g->group);

	if (!mcast_is_reported(g->netif, &g->group) || !(g->netif->flags & IFF_UP)) return;
	if (mcast_old_version(g->netif, r.v4)) {
		old_leave(g);
		return;
	}
	for (int i = 0; i < ROBUSTNESS; i++) {
		if (g->exclude)
			record_put(&r, TO_INCLUDE, &g->group, &nothing);
		else
			record_put(&r, BLOCK, &g->group, &g->sources);
		report_flush(&r);
	}
}

/* ---- answers ---- */

static void current_put(struct report *r, const struct netif_group *g)
{
	record_put(r, g->exclude ? IS_EXCLUDE : IS_INCLUDE, &g->group, &g->sources);
}

/* RFC 4861 §7.2.1: a node listens to the solicited-node group of each of its addresses. */
static void solicited_put(struct report *r)
{
	static const struct sources nothing = {0};

	list_each(const struct netif_addr, ia, &r->netif->addrs, node) {
		struct addr group = addr_solicited_node(&ia->addr);
		bool told = false;
		if (addr_is_v4(&ia->addr)) continue;
		list_each(const struct netif_addr, before, &r->netif->addrs, node) {
			struct addr other = addr_solicited_node(&before->addr);
			if (before == ia) break;
			told |= !addr_is_v4(&before->addr) && addr_eq(&other, &group);
		}
		if (!told) record_put(r, IS_EXCLUDE, &group, &nothing);
	}
}

void mcast_report_all(struct netif *nif, bool v4)
{
	struct report r = {.netif = nif, .v4 = v4};

	list_each(struct netif_group, g, &nif->groups, node)
		if (addr_is_v4(&g->group) == v4 && mcast_is_reported(nif, &g->group)) current_put(&r, g);
	if (!v4) solicited_put(&r);
	report_flush(&r);
}

/* RFC 3376 §5.2: of the sources asked about, those that are wanted. */
static void report_group(struct netif_group *g)
{
	struct report r = report_for(g->netif, &g->group);
	struct sources wanted;

	if (mcast_old_version(g->netif, r.v4)) {
		old_report(g);
	} else if (g->answer_all) {
		current_put(&r, g);
	} else if ((g->exclude ? sources_minus : sources_intersect)(&wanted, &g->asked, &g->sources) == 0) {
		if (wanted.n) record_put(&r, IS_INCLUDE, &g->group, &wanted);
		sources_free(&wanted);
	}
	report_flush(&r);
	g->answer_all = false;
	sources_free(&g->asked);
}

static void answer_fire(struct timer *t)
{
	report_group(container_of(t, struct netif_group, answer_timer));
}

void mcast_group_init(struct netif_group *g)
{
	g->change_timer.fire = change_fire;
	g->answer_timer.fire = answer_fire;
}

void mcast_group_end(struct netif_group *g)
{
	timer_clear(g->netif->stack, &g->change_timer);
	timer_clear(g->netif->stack, &g->answer_timer);
	change_over(g);
	sources_free(&g->asked);
}
