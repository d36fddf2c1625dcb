/* Networks of stacks that only remember: who gets which frame and when, on pairs, switches and loopback, and across cuts. */
#include "unit.h"
#include "fake_stack.h"
#include "link/net.h"
#include "wire/wire.h"

#define MTU 1500
#define HOSTS 4

static const struct net_ops no_ops;

struct lab {
	struct net *net;
	struct net_host *host[HOSTS];
	struct netif *nif[HOSTS];
	struct net_link *link;
};

static void add_host(struct lab *lab, size_t i)
{
	char name[8];
	snprintf(name, sizeof name, "h%zu", i + 1);
	assert_int_equal(net_add_host(lab->net, name, &lab->host[i]), 0);
}

static void plug(struct lab *lab, struct net_link *l, size_t i)
{
	assert_int_equal(net_attach(lab->net, l, lab->host[i], "eth0", MTU, &lab->nif[i]), 0);
}

static struct lab lab_new(uint64_t seed)
{
	struct lab lab = {.net = net_new(seed, &no_ops, NULL, 0)};
	assert_non_null(lab.net);
	for (size_t i = 0; i < HOSTS; i++)
		add_host(&lab, i);
	return lab;
}

static struct lab lab_pair(uint64_t seed)
{
	struct lab lab = lab_new(seed);
	assert_int_equal(net_add_pair(lab.net, "wire", &lab.link), 0);
	plug(&lab, lab.link, 0);
	plug(&lab, lab.link, 1);
	return lab;
}

static struct lab lab_switch(uint64_t seed)
{
	struct lab lab = lab_new(seed);
	assert_int_equal(net_add_switch(lab.net, "s1", &lab.link), 0);
	for (size_t i = 0; i < HOSTS; i++)
		plug(&lab, lab.link, i);
	return lab;
}

static void send(struct lab *lab, size_t from, const struct mac *to, size_t len, uint16_t mark)
{
	struct stack *s = net_stack(lab->host[from]);
	s->ops->transmit(s->host, lab->nif[from], fake_frame(to, &lab->nif[from]->mac, len, mark));
}

static struct inet *log_of(const struct lab *lab, size_t i) { return net_stack(lab->host[i])->inet; }
static size_t seen_by(const struct lab *lab, size_t i) { return log_of(lab, i)->n_seen; }
static uint64_t drops(const struct lab *lab, size_t i, enum drop_reason why) { return net_stack(lab->host[i])->drops[why]; }

/* ---- pair and loopback ---- */

static void pair_delivers_when_due_and_never_inside_transmit(void **state)
{
	(void)state;
	struct lab lab = lab_pair(1);
	assert_int_equal(net_impair(lab.link, lab.nif[0], &(struct impairment){.delay_ns = 40}), 0);
	send(&lab, 0, &lab.nif[1]->mac, 60, 7);
	send(&lab, 1, &lab.nif[0]->mac, 60, 8);
	assert_int_equal(seen_by(&lab, 0) + seen_by(&lab, 1), 0);
	assert_int_equal(net_deadline(lab.net), 0);
	assert_false(net_advance(lab.net, 39, 0));
	assert_int_equal(seen_by(&lab, 0), 1);     /* the other direction has no delay */
	assert_int_equal(seen_by(&lab, 1), 0);
	assert_int_equal(net_deadline(lab.net), 40);
	net_advance(lab.net, 1000, 0);
	assert_int_equal(seen_by(&lab, 1), 1);
	assert_int_equal(log_of(&lab, 1)->seen[0].when, 40);
	assert_int_equal(fake_mark(&log_of(&lab, 1)->seen[0]), 7);
	assert_true(net_deadline(lab.net) == TIME_NEVER);
	net_free(lab.net);
}

static void loopback_comes_back_at_once_but_not_inside_transmit(void **state)
{
	(void)state;
	struct lab lab = lab_new(1);
	struct stack *s = net_stack(lab.host[0]);
	struct netif *lo = list_first(&s->netifs, struct netif, node);
	assert_string_equal(lo->name, "lo");
	assert_int_equal(lo->mtu_bytes, 65536);
	s->ops->transmit(s->host, lo, packet_new(PACKET_HEADROOM, 65535));
	assert_int_equal(seen_by(&lab, 0), 0);
	net_advance(lab.net, 0, 0);
	assert_int_equal(seen_by(&lab, 0), 1);
	assert_int_equal(log_of(&lab, 0)->seen[0].when, 0);
	struct netif *nif;
	assert_int_equal(net_attach(lab.net, net_find_link(lab.net, "h1:lo"), lab.host[1], "eth9", MTU, &nif), -EBUSY);
	net_free(lab.net);
}

static void a_pair_has_two_ends(void **state)
{
	(void)state;
	struct lab lab = lab_pair(1);
	struct netif *nif;
	struct net_link *l;
	struct net_host *h;
	assert_int_equal(net_attach(lab.net, lab.link, lab.host[2], "eth0", MTU, &nif), -EBUSY);
	assert_int_equal(net_add_pair(lab.net, "wire", &l), -EEXIST);
	assert_int_equal(net_add_host(lab.net, "h1", &h), -EEXIST);
	assert_ptr_equal(net_find_link(lab.net, "wire"), lab.link);
	assert_null(net_find_link(lab.net, "nope"));
	assert_ptr_equal(net_link_of(lab.nif[0]), lab.link);
	assert_int_equal(net_add_pair(lab.net, "half", &l), 0);
	plug(&lab, l, 2);
	send(&lab, 2, &mac_bcast, 60, 1);          /* nobody at the other end */
	net_advance(lab.net, 1, 0);
	assert_int_equal(drops(&lab, 2, DROP_LINK_DOWN), 1);
	net_free(lab.net);
}

static void frames_too_large_for_the_receiver_are_dropped(void **state)
{
	(void)state;
	struct lab lab = lab_pair(1);
	send(&lab, 0, &lab.nif[1]->mac, MTU + 14 + 4, 1);
	send(&lab, 0, &lab.nif[1]->mac, MTU + 14 + 5, 2);
	net_advance(lab.net, 1, 0);
	assert_int_equal(seen_by(&lab, 1), 1);
	assert_int_equal(drops(&lab, 1, DROP_LINK_MTU), 1);
	net_free(lab.net);
}

/* ---- impairment on links ---- */

static void changes_apply_to_the_next_frame(void **state)
{
	(void)state;
	struct lab lab = lab_pair(1);
	net_impair(lab.link, NULL, &(struct impairment){.delay_ns = 100});
	send(&lab, 0, &lab.nif[1]->mac, 60, 1);
	net_impair(lab.link, NULL, &(struct impairment){.delay_ns = 10});
	send(&lab, 0, &lab.nif[1]->mac, 60, 2);
	net_impair(lab.link, NULL, &(struct impairment){.down = true});
	send(&lab, 0, &lab.nif[1]->mac, 60, 3);
	net_advance(lab.net, 1000, 0);
	assert_int_equal(seen_by(&lab, 1), 2);
	assert_int_equal(fake_mark(&log_of(&lab, 1)->seen[0]), 2);
	assert_int_equal(fake_mark(&log_of(&lab, 1)->seen[1]), 1);
	assert_int_equal(drops(&lab, 0, DROP_LINK_DOWN), 1);
	net_free(lab.net);
}

static void each_direction_has_its_own(void **state)
{
	(void)state;
	struct lab lab = lab_switch(1);
	struct net_link *cable = net_find_link(lab.net, "h2--s1");
	assert_non_null(cable);
	assert_int_equal(net_impair(cable, lab.nif[1], &(struct impairment){.delay_ns = 7}), 0);
	assert_int_equal(net_impair_in(cable, lab.nif[1], &(struct impairment){.delay_ns = 5}), 0);
	assert_int_equal(net_impair(cable, lab.nif[0], &(struct impairment){.delay_ns = 5}), -EINVAL);
	assert_int_equal(net_impairment(cable, lab.nif[1])->delay_ns, 7);
	assert_int_equal(net_impairment_in(cable, lab.nif[1])->delay_ns, 5);
	assert_int_equal(net_impairment(lab.link, lab.nif[1])->delay_ns, 7);
	send(&lab, 0, &lab.nif[1]->mac, 60, 1);
	send(&lab, 1, &lab.nif[0]->mac, 60, 1);
	net_advance(lab.net, 100, 0);
	assert_int_equal(log_of(&lab, 1)->seen[0].when, 5);
	assert_int_equal(log_of(&lab, 0)->seen[0].when, 7);
	net_free(lab.net);
}

static void a_switch_as_a_whole_impairs_each_frame_once(void **state)
{
	(void)state;
	struct lab lab = lab_switch(1);
	net_impair(lab.link, NULL, &(struct impairment){.delay_ns = 20});
	assert_int_equal(net_impairment(lab.link, NULL)->delay_ns, 20);
	send(&lab, 0, &lab.nif[1]->mac, 60, 1);
	net_advance(lab.net, 100, 0);
	assert_int_equal(log_of(&lab, 1)->seen[0].when, 20);
	net_free(lab.net);
}

/* ---- switches ---- */

static void a_switch_floods_until_it_has_learnt(void **state)
{
	(void)state;
	struct lab lab = lab_switch(1);
	send(&lab, 0, &lab.nif[1]->mac, 60, 1);
	net_advance(lab.net, 1, 0);
	assert_int_equal(seen_by(&lab, 0), 0);
	for (size_t i = 1; i < HOSTS; i++)
		assert_int_equal(seen_by(&lab, i), 1);          /* unknown: everywhere */
	send(&lab, 1, &lab.nif[0]->mac, 60, 2);
	net_advance(lab.net, 2, 0);
	assert_int_equal(seen_by(&lab, 0), 1);
	assert_int_equal(seen_by(&lab, 2), 1);                  /* known: there only */
	send(&lab, 0, &lab.nif[1]->mac, 60, 3);
	send(&lab, 0, &mac_bcast, 60, 4);
	send(&lab, 0, &(struct mac){{0x33, 0x33, 0, 0, 0, 1}}, 60, 5);
	net_advance(lab.net, 3, 0);
	assert_int_equal(seen_by(&lab, 1), 4);
	assert_int_equal(seen_by(&lab, 2), 3);
	assert_int_equal(seen_by(&lab, 0), 1);                  /* never back to where it came from */
	net_free(lab.net);
}

static void what_was_learnt_ages_and_moves(void **state)
{
	(void)state;
	struct lab lab = lab_switch(1);
	send(&lab, 1, &mac_bcast, 60, 1);
	net_advance(lab.net, 300 * NS_PER_S, 0);
	size_t before = seen_by(&lab, 2);
	send(&lab, 0, &lab.nif[1]->mac, 60, 2);
	net_advance(lab.net, 300 * NS_PER_S, 0);
	assert_int_equal(seen_by(&lab, 2), before);             /* still known */
	net_advance(lab.net, 300 * NS_PER_S + 1, 0);
	send(&lab, 0, &lab.nif[1]->mac, 60, 3);
	net_advance(lab.net, 301 * NS_PER_S, 0);
	assert_int_equal(seen_by(&lab, 2), before + 1);         /* forgotten */
	/* The address turns up behind another port. */
	struct stack *s = net_stack(lab.host[3]);
	s->ops->transmit(s->host, lab.nif[3], fake_frame(&mac_bcast, &lab.nif[1]->mac, 60, 4));
	net_advance(lab.net, 301 * NS_PER_S, 0);
	size_t there = seen_by(&lab, 3);
	send(&lab, 0, &lab.nif[1]->mac, 60, 5);
	net_advance(lab.net, 301 * NS_PER_S, 0);
	assert_int_equal(seen_by(&lab, 3), there + 1);
	net_free(lab.net);
}

static void short_frames_and_made_up_senders_do_no_harm(void **state)
{
	(void)state;
	struct lab lab = lab_switch(1);
	struct stack *s = net_stack(lab.host[0]);
	s->ops->transmit(s->host, lab.nif[0], packet_new(PACKET_HEADROOM, 13));
	s->ops->transmit(s->host, lab.nif[0], packet_new(PACKET_HEADROOM, 0));
	net_advance(lab.net, 1, 0);
	assert_int_equal(drops(&lab, 0, DROP_ETH_SHORT), 2);
	for (uint32_t i = 0; i < 20000; i++) {
		struct mac m = {{2}};
		write32(m.b + 2, i);
		s->ops->transmit(s->host, lab.nif[0], fake_frame(&mac_bcast, &m, 60, 1));
		net_advance(lab.net, 1, 0);
		for (size_t k = 0; k < HOSTS; k++)
			log_of(&lab, k)->n_seen = 0;
	}
	send(&lab, 0, &mac_bcast, 60, 1);
	send(&lab, 1, &lab.nif[0]->mac, 60, 2);
	net_advance(lab.net, 1, 0);
	assert_int_equal(seen_by(&lab, 0), 1);
	assert_int_equal(seen_by(&lab, 2), 1);
	net_free(lab.net);
}

static void trunks_carry_frames_between_switches(void **state)
{
	(void)state;
	struct lab lab = lab_new(1);
	struct net_link *s1, *s2, *trunk, *none;
	assert_int_equal(net_add_switch(lab.net, "s1", &s1), 0);
	assert_int_equal(net_add_switch(lab.net, "s2", &s2), 0);
	assert_int_equal(net_join_switches(lab.net, "s1--s2", s1, s2, &trunk), 0);
	assert_int_equal(net_join_switches(lab.net, "s1--s1", s1, s1, &none), -EINVAL);
	for (size_t i = 0; i < HOSTS; i++)
		plug(&lab, i < 2 ? s1 : s2, i);
	net_impair(trunk, NULL, &(struct impairment){.delay_ns = 9});
	send(&lab, 0, &lab.nif[3]->mac, 60, 1);
	net_advance(lab.net, 100, 0);
	assert_int_equal(log_of(&lab, 1)->seen[0].when, 0);
	assert_int_equal(log_of(&lab, 3)->seen[0].when, 9);
	send(&lab, 3, &lab.nif[0]->mac, 60, 2);
	net_advance(lab.net, 200, 0);
	assert_int_equal(seen_by(&lab, 0), 1);
	assert_int_equal(seen_by(&lab, 2), 1);
	net_free(lab.net);
}

static void a_second_port_of_a_host_has_a_name_of_its_own(void **state)
{
	(void)state;
	struct lab lab = lab_switch(1);
	struct netif *nif;
	assert_int_equal(net_attach(lab.net, lab.link, lab.host[0], "eth1", MTU, &nif), 0);
	assert_ptr_equal(net_link_of(nif), net_find_link(lab.net, "h1:eth1--s1"));
	assert_ptr_equal(net_link_of(lab.nif[0]), net_find_link(lab.net, "h1--s1"));
	assert_true(net_link_is_switch(lab.link) && !net_link_is_switch(net_link_of(nif)));
	size_t n = 0;
	for (struct net_link *l = net_link_next(lab.net, NULL); l; l = net_link_next(lab.net, l))
		n++;
	assert_int_equal(n, HOSTS + 1 + HOSTS + 1);   /* loopbacks, the switch, a cable each, one more */
	assert_int_not_equal(memcmp(&nif->mac, &lab.nif[0]->mac, 6), 0);
	assert_int_equal(nif->mac.b[0] & 3, 2);
	net_free(lab.net);
}

/* ---- cuts ---- */

static void a_cut_parts_neighbours_until_healed(void **state)
{
	(void)state;
	struct lab lab = lab_switch(1);
	uint32_t id, other;
	const uint8_t sides[] = {1, 2, 0}, more[] = {0, 0, 1, 2};
	assert_int_equal(net_cut(lab.net, sides, sizeof sides, &id), 0);
	send(&lab, 0, &mac_bcast, 60, 1);
	net_advance(lab.net, 1, 0);
	assert_int_equal(seen_by(&lab, 1), 0);
	assert_int_equal(drops(&lab, 1, DROP_LINK_CUT), 1);
	assert_int_equal(seen_by(&lab, 2) + seen_by(&lab, 3), 2);   /* not part of it */
	assert_int_equal(net_cut(lab.net, more, sizeof more, &other), 0);
	assert_int_not_equal(id, other);
	send(&lab, 2, &mac_bcast, 60, 2);
	net_advance(lab.net, 2, 0);
	assert_int_equal(seen_by(&lab, 3), 1);                      /* the second adds to the first */
	assert_int_equal(seen_by(&lab, 0) + seen_by(&lab, 1), 2);
	net_heal(lab.net, id);
	send(&lab, 0, &mac_bcast, 60, 3);
	send(&lab, 2, &mac_bcast, 60, 4);
	net_advance(lab.net, 3, 0);
	assert_int_equal(seen_by(&lab, 1), 3);
	assert_int_equal(seen_by(&lab, 3), 2);
	net_heal(lab.net, 0);
	send(&lab, 2, &mac_bcast, 60, 5);
	net_advance(lab.net, 4, 0);
	assert_int_equal(seen_by(&lab, 3), 3);
	net_free(lab.net);
}

static void a_cut_drops_what_is_under_way(void **state)
{
	(void)state;
	struct lab lab = lab_pair(1);
	const uint8_t sides[] = {1, 2};
	uint32_t id;
	net_impair(lab.link, NULL, &(struct impairment){.delay_ns = 100});
	send(&lab, 0, &lab.nif[1]->mac, 60, 1);
	net_advance(lab.net, 50, 0);
	assert_int_equal(net_cut(lab.net, sides, 2, &id), 0);
	net_advance(lab.net, 200, 0);
	assert_int_equal(seen_by(&lab, 1), 0);
	net_free(lab.net);
}

static struct packet *datagram(const struct netif *from, const struct netif *to, const char *src, const char *dst)
{
	struct packet *p = fake_frame(&to->mac, &from->mac, ETH_HDR_LEN + IP6_HDR_LEN, 0);
	struct addr s, d;
	addr_parse(&s, src);
	addr_parse(&d, dst);
	bool v4 = addr_is_v4(&s);
	write16(p->data + 12, v4 ? ETH_TYPE_IP4 : ETH_TYPE_IP6);
	if (v4) ip4_emit(&(struct ip4_hdr){.src = s, .dst = d, .total_len = IP4_HDR_MIN, .ttl = 1}, p->data + ETH_HDR_LEN);
	else ip6_emit(&(struct ip6_hdr){.src = s, .dst = d, .hops = 1}, p->data + ETH_HDR_LEN);
	return p;
}

/* h1 -- h3 (router, on no side) -- h2: the ends of the datagram decide. */
static void a_cut_reaches_across_a_router(void **state)
{
	(void)state;
	struct lab lab = lab_switch(1);
	const uint8_t sides[] = {1, 2, 0, 0};
	static const struct { const char *src, *dst; bool passes; } rows[] = {
		{"10.1.0.1", "10.2.0.1", false}, {"10.2.0.1", "10.1.0.1", false}, {"fd00:1::1", "fd00:2::1", false},
		{"10.1.0.1", "10.3.0.1", true}, {"10.9.0.9", "10.2.0.1", true}, {"10.1.0.1", "10.1.0.1", true}, {"fe80::1", "fe80::2", true},
	};
	uint32_t id;
	fake_addr_add(lab.nif[0], "10.1.0.1");
	fake_addr_add(lab.nif[0], "fd00:1::1");
	fake_addr_add(lab.nif[0], "fe80::1");
	fake_addr_add(lab.nif[1], "fe80::2");
	fake_addr_add(lab.nif[2], "10.3.0.1");
	assert_int_equal(net_cut(lab.net, sides, sizeof sides, &id), 0);
	fake_addr_add(lab.nif[1], "10.2.0.1");     /* after the cut: counts as well */
	fake_addr_add(lab.nif[1], "fd00:2::1");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct stack *s = net_stack(lab.host[3]);
		size_t before = seen_by(&lab, 2);
		s->ops->transmit(s->host, lab.nif[3], datagram(lab.nif[3], lab.nif[2], rows[i].src, rows[i].dst));
		net_advance(lab.net, 1, 0);
		assert_int_equal(seen_by(&lab, 2) - before, rows[i].passes);
	}
	net_free(lab.net);
}

/* Datagrams of side 1 to side 2 are dropped, answers are not, and what finds a neighbour's address passes both ways. */
static void a_one_way_cut_lets_the_answers_pass(void **state)
{
	(void)state;
	struct lab lab = lab_switch(1);
	const uint8_t sides[] = {1, 2, 0, 0};
	uint32_t id;
	fake_addr_add(lab.nif[0], "10.1.0.1");
	fake_addr_add(lab.nif[1], "10.1.0.2");
	assert_int_equal(net_cut_one_way(lab.net, sides, sizeof sides, &id), 0);
	for (size_t from = 0; from < 2; from++) {
		struct stack *s = net_stack(lab.host[from]);
		const char *src = from == 0 ? "10.1.0.1" : "10.1.0.2", *dst = from == 0 ? "10.1.0.2" : "10.1.0.1";
		s->ops->transmit(s->host, lab.nif[from], datagram(lab.nif[from], lab.nif[1 - from], src, dst));
		net_advance(lab.net, 1, 0);
		assert_int_equal(seen_by(&lab, 1 - from), from);
	}
	send(&lab, 0, &mac_bcast, 60, 1);          /* as ARP is */
	net_advance(lab.net, 2, 0);
	assert_int_equal(seen_by(&lab, 1), 1);
	net_heal(lab.net, id);
	send(&lab, 0, &mac_bcast, 60, 1);
	net_advance(lab.net, 3, 0);
	assert_int_equal(seen_by(&lab, 1), 2);
	net_free(lab.net);
}

/* ---- time ---- */

static void timers_and_frames_happen_in_order_of_time(void **state)
{
	(void)state;
	struct lab lab = lab_pair(1);
	struct stack *s = net_stack(lab.host[0]);
	s->inet->deadline = 50;
	net_touch(lab.net, s);
	net_impair(lab.link, NULL, &(struct impairment){.delay_ns = 60});
	send(&lab, 1, &lab.nif[0]->mac, 60, 1);
	assert_int_equal(net_deadline(lab.net), 50);
	assert_true(net_advance(lab.net, 100, 1));              /* one event at a time */
	assert_int_equal(s->inet->fired, 1);
	assert_int_equal(s->inet->fired_at, 50);
	assert_int_equal(seen_by(&lab, 0), 0);
	assert_false(net_advance(lab.net, 100, 1));
	assert_int_equal(log_of(&lab, 0)->seen[0].when, 60);
	s->inet->deadline = 500;
	net_touch(lab.net, s);
	s->inet->deadline = TIME_NEVER;
	net_touch(lab.net, s);
	assert_true(net_deadline(lab.net) == TIME_NEVER);
	net_free(lab.net);
}

static void a_call_ahead_of_the_events_counts_from_its_own_time(void **state)
{
	(void)state;
	struct lab lab = lab_pair(1);
	net_impair(lab.link, NULL, &(struct impairment){.delay_ns = 10});
	stack_set_now(net_stack(lab.host[0]), 1000);
	send(&lab, 0, &lab.nif[1]->mac, 60, 1);
	assert_int_equal(net_deadline(lab.net), 1010);
	net_free(lab.net);
}

static void answer(struct stack *s, struct netif *nif, const struct packet *p)
{
	uint16_t mark = read16(p->data + ETH_HDR_LEN);
	struct mac from;
	memcpy(&from, p->data + 6, sizeof from);
	if (mark) s->ops->transmit(s->host, nif, fake_frame(&from, &nif->mac, 60, (uint16_t)(mark - 1)));
}

/* A digest of everything that everybody saw. */
static uint64_t run_of(uint64_t seed)
{
	struct lab lab = lab_switch(seed);
	uint64_t digest = 0;
	net_impair(lab.link, NULL, &(struct impairment){.delay_ns = 1000, .jitter_ns = 900, .loss = 0.2, .rate_bps = 1000000000});
	for (size_t i = 0; i < HOSTS; i++)
		log_of(&lab, i)->on_receive = answer;
	for (uint16_t k = 0; k < 40; k++)
		send(&lab, k % HOSTS, &mac_bcast, 60 + k, 12);
	net_advance(lab.net, NS_PER_S, 0);
	for (size_t i = 0; i < HOSTS; i++) {
		const struct siphash_key key = {digest, i};
		digest = siphash(&key, &log_of(&lab, i)->n_seen, sizeof(size_t));
		for (size_t k = 0; k < seen_by(&lab, i); k++) {
			const struct seen *seen = &log_of(&lab, i)->seen[k];
			uint64_t of_frame = siphash(&key, seen->octets, sizeof seen->octets) ^ (uint64_t)seen->when;
			digest = digest * 31 + of_frame;
		}
	}
	net_free(lab.net);
	return digest;
}

static void a_run_is_a_function_of_the_seed(void **state)
{
	(void)state;
	assert_true(run_of(1) == run_of(1));
	assert_true(run_of(2) == run_of(2));
	assert_true(run_of(1) != run_of(2));
}

/* ---- tap ---- */

struct tapped { unsigned sent, received, lost, at_switch, did; };

static void count(void *user, const struct net_frame *f)
{
	struct tapped *t = user;
	assert_true(f->link && f->p && f->end < net_link_ends(f->link));
	assert_ptr_equal(f->nif, net_link_netif(f->link, f->end));
	t->did |= f->did;
	if (f->dropped != DROP_NONE) t->lost++;
	else if (!f->nif) t->at_switch++;
	else if (f->sent) t->sent++;
	else t->received++;
}

static const struct net_ops counting = {.tap = count};

static struct lab lab_tapped(struct tapped *t)
{
	struct lab lab = {.net = net_new(1, &counting, t, 0)};
	for (size_t i = 0; i < 3; i++)
		add_host(&lab, i);
	assert_int_equal(net_add_switch(lab.net, "s1", &lab.link), 0);
	for (size_t i = 0; i < 3; i++)
		plug(&lab, lab.link, i);
	return lab;
}

static void the_tap_sees_every_frame_at_both_ends(void **state)
{
	(void)state;
	struct tapped t = {0};
	struct lab lab = lab_tapped(&t);
	send(&lab, 0, &mac_bcast, 60, 1);
	net_advance(lab.net, 1, 0);
	assert_true(t.sent == 1 && t.received == 2 && t.lost == 0 && t.at_switch == 3);
	net_impair_in(net_find_link(lab.net, "h2--s1"), lab.nif[1], &(struct impairment){.down = true});
	send(&lab, 0, &mac_bcast, 60, 1);
	net_advance(lab.net, 2, 0);
	assert_true(t.sent == 2 && t.received == 3 && t.lost == 1 && t.at_switch == 5 && t.did == 0);
	assert_int_equal(drops(&lab, 1, DROP_LINK_DOWN), 1);
	net_impair(net_find_link(lab.net, "h1--s1"), lab.nif[0], &(struct impairment){.duplicate = 1, .corrupt = 1});
	send(&lab, 0, &mac_bcast, 60, 1);
	assert_true(t.sent == 4 && t.did == (FRAME_DUPLICATE | FRAME_CORRUPTED));
	net_free(lab.net);   /* with a frame still under way */
}

static void ends_are_named_after_what_is_there(void **state)
{
	(void)state;
	struct lab lab = lab_switch(1);
	struct net_link *cable = net_find_link(lab.net, "h2--s1"), *lo = net_find_link(lab.net, "h1:lo"), *half;
	char text[40];
	assert_int_equal(net_link_ends(cable), 2);
	assert_int_equal(net_link_ends(lo), 1);
	assert_int_equal(net_link_ends(lab.link), 0);
	assert_int_equal(net_link_end_text(cable, 0, text, sizeof text), 7);
	assert_string_equal(text, "h2:eth0");
	net_link_end_text(cable, 1, text, sizeof text);
	assert_string_equal(text, "s1");
	assert_ptr_equal(net_link_switch(cable, 1), lab.link);
	assert_null(net_link_switch(cable, 0));
	assert_null(net_link_netif(cable, 1));
	net_link_end_text(lo, 0, text, sizeof text);
	assert_string_equal(text, "h1:lo");
	assert_int_equal(net_add_pair(lab.net, "half", &half), 0);
	net_link_end_text(half, 1, text, sizeof text);
	assert_string_equal(text, "-");
	assert_null(net_link_counts(lab.link, 0));
	net_free(lab.net);
}

/* ---- what a link does to frames, and its counts ---- */

static void copies_arrive_and_bits_flip(void **state)
{
	(void)state;
	struct lab lab = lab_pair(1);
	net_impair(lab.link, lab.nif[0], &(struct impairment){.duplicate = 1});
	send(&lab, 0, &lab.nif[1]->mac, 60, 7);
	net_advance(lab.net, 1, 0);
	assert_int_equal(seen_by(&lab, 1), 2);
	assert_memory_equal(log_of(&lab, 1)->seen[0].octets, log_of(&lab, 1)->seen[1].octets, 60);
	net_impair(lab.link, lab.nif[0], &(struct impairment){.corrupt = 1});
	send(&lab, 0, &lab.nif[1]->mac, 60, 7);
	net_advance(lab.net, 2, 0);
	unsigned flipped = 0;
	for (size_t i = 0; i < 60; i++)
		flipped += (unsigned)__builtin_popcount(log_of(&lab, 1)->seen[0].octets[i] ^ log_of(&lab, 1)->seen[2].octets[i]);
	assert_int_equal(flipped, 1);
	net_free(lab.net);
}

static uint64_t all_dropped(const struct link_counts *c)
{
	uint64_t n = 0;
	for (size_t i = 0; i < DROP_COUNT; i++)
		n += c->dropped[i];
	return n;
}

static void every_frame_is_accounted_for(void **state)
{
	(void)state;
	struct lab lab = lab_pair(1);
	const struct link_counts *c = net_link_counts(lab.link, 0), *back = net_link_counts(lab.link, 1);
	net_impair(lab.link, lab.nif[0], &(struct impairment){.delay_ns = 1000, .loss = 0.1, .duplicate = 0.2, .corrupt = 0.3, .reorder = 0.4,
							      .limit_packets = 900});
	for (uint16_t i = 0; i < 1200; i++)
		send(&lab, 0, &lab.nif[1]->mac, i % 100 == 0 ? MTU + 14 + 5 : 60, i);
	assert_int_equal(c->packets, 1200);
	assert_int_equal(c->octets, 12 * (MTU + 19) + 1188 * 60);
	assert_int_equal(c->delivered, 0);
	assert_true(c->dropped[DROP_LINK_LOSS] > 60 && c->dropped[DROP_LINK_QUEUE] > 50);
	assert_true(c->duplicated > 150 && c->corrupted > 200 && c->reordered > 200);
	assert_int_equal(c->packets + c->duplicated - all_dropped(c), 900);         /* under way */
	net_advance(lab.net, 1, 0);
	assert_true(c->delivered > 200 && c->delivered < 600);                       /* those that overtook */
	net_advance(lab.net, 2000, 0);
	assert_int_equal(c->packets + c->duplicated, c->delivered + all_dropped(c));
	assert_int_equal(c->delivered, seen_by(&lab, 1));
	assert_true(c->dropped[DROP_LINK_MTU] > 3);
	assert_int_equal(c->delivered_octets, c->delivered * 60);
	assert_int_equal(back->packets + back->delivered, 0);
	const uint8_t sides[] = {1, 2};
	uint32_t id;
	net_impair(lab.link, NULL, &(struct impairment){0});
	net_cut(lab.net, sides, 2, &id);
	send(&lab, 1, &lab.nif[0]->mac, 60, 1);
	net_advance(lab.net, 3000, 0);
	net_impair(lab.link, NULL, &(struct impairment){.down = true});
	send(&lab, 1, &lab.nif[0]->mac, 60, 1);
	assert_int_equal(back->packets, 2);
	assert_int_equal(back->dropped[DROP_LINK_CUT], 1);
	assert_int_equal(back->dropped[DROP_LINK_DOWN], 1);
	net_free(lab.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pair_delivers_when_due_and_never_inside_transmit),
		cmocka_unit_test(loopback_comes_back_at_once_but_not_inside_transmit),
		cmocka_unit_test(a_pair_has_two_ends),
		cmocka_unit_test(frames_too_large_for_the_receiver_are_dropped),
		cmocka_unit_test(changes_apply_to_the_next_frame),
		cmocka_unit_test(each_direction_has_its_own),
		cmocka_unit_test(a_switch_as_a_whole_impairs_each_frame_once),
		cmocka_unit_test(a_switch_floods_until_it_has_learnt),
		cmocka_unit_test(what_was_learnt_ages_and_moves),
		cmocka_unit_test(short_frames_and_made_up_senders_do_no_harm),
		cmocka_unit_test(trunks_carry_frames_between_switches),
		cmocka_unit_test(a_second_port_of_a_host_has_a_name_of_its_own),
		cmocka_unit_test(a_cut_parts_neighbours_until_healed),
		cmocka_unit_test(a_cut_drops_what_is_under_way),
		cmocka_unit_test(a_cut_reaches_across_a_router), cmocka_unit_test(a_one_way_cut_lets_the_answers_pass),
		cmocka_unit_test(timers_and_frames_happen_in_order_of_time),
		cmocka_unit_test(a_call_ahead_of_the_events_counts_from_its_own_time),
		cmocka_unit_test(a_run_is_a_function_of_the_seed),
		cmocka_unit_test(the_tap_sees_every_frame_at_both_ends),
		cmocka_unit_test(ends_are_named_after_what_is_there),
		cmocka_unit_test(copies_arrive_and_bits_flip),
		cmocka_unit_test(every_frame_is_accounted_for),
	};
	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
