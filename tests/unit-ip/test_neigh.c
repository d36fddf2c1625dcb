/* ARP and neighbour discovery: asking, answering, learning, forgetting, failing. */
#include "lab.h"
#include "stack/inet/neigh.h"

static const struct mac mac_rival = {{2, 0, 0, 0, 0, 66}};

static int output(struct lab *l, const char *dst)
{
	struct ip_out out = {.dst = lab_addr(dst), .proto = 99};
	struct packet *p = packet_new(PACKET_HEADROOM, 8);

	memset(p->data, 0, p->len);
	return ip_output(l->s, p, &out);
}

static void receive_arp(struct lab *l, uint16_t op, const char *sender, const struct mac *mac, const char *target, const struct mac *to)
{
	struct packet *p = packet_new(PACKET_HEADROOM, ETH_HDR_LEN + ARP_LEN);
	struct eth_hdr eth = {.dst = *to, .src = *mac, .type = ETH_TYPE_ARP};
	struct arp_hdr h = {.op = op, .sender_mac = *mac, .sender = lab_addr(sender), .target = lab_addr(target)};

	eth_emit(&eth, p->data);
	arp_emit(&h, p->data + ETH_HDR_LEN);
	lab_receive(l, l->eth0, p);
}

struct nd { const char *src, *dst, *target; const struct mac *mac; bool solicited, override; uint8_t type, hops; const struct mac *to; };

static void receive_nd(struct lab *l, const struct nd *n)
{
	struct nd_msg m = {.target = lab_addr(n->target), .has_lladdr = n->mac, .solicited = n->solicited, .override = n->override};
	struct addr src = lab_addr(n->src), dst = lab_addr(n->dst);
	uint8_t buf[32];
	size_t len;

	if (n->mac) m.lladdr = *n->mac;
	len = nd_emit(&m, n->type, buf, &src, &dst);
	receives(l, .src = n->src, .dst = n->dst, .proto = IP_PROTO_ICMP6, .ttl = n->hops ? n->hops : 255, .data = buf, .len = len, .to = n->to);
}
#define hears(l, ...) receive_nd(l, &(struct nd){__VA_ARGS__})

static uint8_t state_of(struct lab *l, const char *text)
{
	struct addr a = lab_addr(text);
	const struct neigh *n = neigh_find(l->eth0, &a);

	return n ? neigh_state(n) : 0;
}

/* ---- ARP ---- */

/* RFC 1122 (1122-42). */
static void arp_asks_once_and_sends_what_waited(void **state)
{
	struct lab *l = *state;

	for (int i = 0; i < 3; i++)
		assert_int_equal(output(l, "10.0.0.2"), 0);
	sends(l, .to = &mac_bcast, .arp_asks = "10.0.0.2", .by = l->eth0);
	sends_nothing(l);
	receive_arp(l, ARP_REPLY, "10.0.0.2", &mac_peer, "10.0.0.1", &mac_us);
	for (int i = 0; i < 3; i++)
		sends(l, .to = &mac_peer, .src = "10.0.0.1", .dst = "10.0.0.2", .proto = 99);
	assert_int_equal(state_of(l, "10.0.0.2"), NUD_REACHABLE);
	assert_int_equal(output(l, "10.0.0.2"), 0);
	sends(l, .to = &mac_peer, .dst = "10.0.0.2");
	sends_nothing(l);
	drops_nothing(l);
}

/* RFC 1122 (1122-43). */
static void silence_ends_in_host_unreachable(void **state)
{
	struct lab *l = *state;

	output(l, "10.0.0.2");
	output(l, "10.0.0.2");
	lab_pass(l, 2900 * NS_PER_MS);
	for (int i = 0; i < 3; i++)
		sends(l, .to = &mac_bcast, .arp_asks = "10.0.0.2");
	sends_nothing(l);
	assert_int_equal(l->s->drops[DROP_NEIGH_FAILED], 0);
	lab_pass(l, 200 * NS_PER_MS);
	assert_int_equal(l->s->drops[DROP_NEIGH_FAILED], 2);
	assert_int_equal(state_of(l, "10.0.0.2"), NUD_FAILED);
	sends_nothing(l);                          /* our own complaint stays inside, on lo */
	assert_int_equal(l->lo->rx_packets, 2);
	output(l, "10.0.0.2");
	sends(l, .arp_asks = "10.0.0.2");           /* the next datagram asks again */
}

static void probes_go_by_the_settings(void **state)
{
	struct lab *l = *state;

	l->eth0->conf.neigh4.mcast_solicit = 1;
	l->eth0->conf.neigh4.retrans_time_ms = 100;
	output(l, "10.0.0.2");
	lab_pass(l, 90 * NS_PER_MS);
	sends(l, .to = &mac_bcast, .arp_asks = "10.0.0.2");
	assert_int_equal(state_of(l, "10.0.0.2"), NUD_INCOMPLETE);
	lab_pass(l, 20 * NS_PER_MS);
	sends_nothing(l);
	assert_int_equal(state_of(l, "10.0.0.2"), NUD_FAILED);
}

/* RFC 4861 §6.3.2: between half and one and a half of 30 s, evenly. */
static void reachable_as_long_as_drawn(void **state)
{
	struct lab *l = *state;
	int left[3] = {0};                        /* of 64, after 15, 30 and 45 s */

	for (int i = 0; i < 64; i++) {
		time_ns begin = l->s->now;
		lab_acquaint(l);
		for (int j = 0; j < 3; j++) {
			lab_pass(l, begin + (j + 1) * 15 * NS_PER_S - l->s->now);
			left[j] += state_of(l, "10.0.0.2") == NUD_REACHABLE;
		}
	}
	assert_true(left[0] >= 63);
	assert_in_range(left[1], 16, 48);
	assert_int_equal(left[2], 0);
}

/* RFC 4861 (4861-11). */
static void waiting_queue_is_bounded(void **state)
{
	struct lab *l = *state;

	l->eth0->conf.neigh4.unres_qlen = 3;
	for (int i = 0; i < 5; i++)
		output(l, "10.0.0.2");
	assert_int_equal(l->s->drops[DROP_NEIGH_QUEUE], 2);
	sends(l, .arp_asks = "10.0.0.2");
	receive_arp(l, ARP_REPLY, "10.0.0.2", &mac_peer, "10.0.0.1", &mac_us);
	for (int i = 0; i < 3; i++)
		sends(l, .dst = "10.0.0.2");
	sends_nothing(l);
}

/* RFC 1122 (1122-41); RFC 4861 (4861-19, 4861-21). */
static void stale_neighbour_is_used_then_asked_alone(void **state)
{
	struct lab *l = *state;

	lab_acquaint(l);
	lab_pass(l, 46 * NS_PER_S);
	assert_int_equal(state_of(l, "10.0.0.2"), NUD_STALE);
	output(l, "10.0.0.2");
	sends(l, .to = &mac_peer, .dst = "10.0.0.2");
	assert_int_equal(state_of(l, "10.0.0.2"), NUD_DELAY);
	lab_pass(l, 4900 * NS_PER_MS);
	sends_nothing(l);
	lab_pass(l, 200 * NS_PER_MS);
	sends(l, .to = &mac_peer, .arp_asks = "10.0.0.2");
	assert_int_equal(state_of(l, "10.0.0.2"), NUD_PROBE);
	output(l, "10.0.0.2");
	sends(l, .to = &mac_peer, .dst = "10.0.0.2");
	lab_pass(l, 2500 * NS_PER_MS);
	sends(l, .to = &mac_peer, .arp_asks = "10.0.0.2");
	sends(l, .to = &mac_peer, .arp_asks = "10.0.0.2");
	sends_nothing(l);
	lab_pass(l, NS_PER_S);
	assert_int_equal(state_of(l, "10.0.0.2"), NUD_FAILED);
}

/* RFC 4861 (4861-20). */
static void confirmation_spares_the_probe(void **state)
{
	struct lab *l = *state;
	struct addr a = lab_addr("10.0.0.2");

	lab_acquaint(l);
	lab_pass(l, 46 * NS_PER_S);
	output(l, "10.0.0.2");
	sends(l, .dst = "10.0.0.2");
	neigh_confirm(l->eth0, &a);
	lab_pass(l, 10 * NS_PER_S);
	sends_nothing(l);
	assert_int_equal(state_of(l, "10.0.0.2"), NUD_REACHABLE);
}

/* RFC 826 (826-1, 826-2, 826-4); RFC 5227 (5227-1, 5227-2). */
static void arp_answers_for_every_address_of_the_host(void **state)
{
	struct lab *l = *state;

	receive_arp(l, ARP_REQUEST, "10.0.0.2", &mac_peer, "10.0.0.1", &mac_bcast);
	sends(l, .to = &mac_peer, .arp_tells = "10.0.0.1");
	assert_int_equal(state_of(l, "10.0.0.2"), NUD_STALE);
	receive_arp(l, ARP_REQUEST, "10.0.0.2", &mac_peer, "10.0.1.1", &mac_bcast);     /* Linux: arp_ignore = 0 */
	sends(l, .to = &mac_peer, .arp_tells = "10.0.1.1");
	receive_arp(l, ARP_REQUEST, "0.0.0.0", &mac_peer, "10.0.0.1", &mac_bcast);      /* RFC 5227 probe */
	sends(l, .to = &mac_peer, .arp_tells = "10.0.0.1");
	assert_int_equal(state_of(l, "0.0.0.0"), 0);
	receive_arp(l, ARP_REQUEST, "10.0.0.7", &mac_peer, "10.0.0.8", &mac_bcast);
	sends_nothing(l);
	assert_int_equal(state_of(l, "10.0.0.7"), 0);
	drops_nothing(l);
}

static void set_arp(struct lab *l, const char *name, const char *value)
{
	char full[64];

	snprintf(full, sizeof full, "net.ipv4.conf.*.%s", name);
	assert_int_equal(netconf_set(l->s->sysctl, &l->eth0->conf, full, value), 0);
}

/* net.ipv4.conf.*.arp_ignore: of another interface, to an asker from elsewhere, of the host's own scope, at all. */
static void arp_ignores_whom_it_is_told_to(void **state)
{
	struct lab *l = *state;

	set_arp(l, "arp_ignore", "1");
	receive_arp(l, ARP_REQUEST, "10.0.0.2", &mac_peer, "10.0.1.1", &mac_bcast);
	sends_nothing(l);
	receive_arp(l, ARP_REQUEST, "10.7.0.2", &mac_peer, "10.0.0.1", &mac_bcast);
	sends(l, .to = &mac_peer, .arp_tells = "10.0.0.1");
	set_arp(l, "arp_ignore", "2");
	receive_arp(l, ARP_REQUEST, "10.7.0.2", &mac_peer, "10.0.0.1", &mac_bcast);
	sends_nothing(l);
	receive_arp(l, ARP_REQUEST, "10.0.0.2", &mac_peer, "10.0.0.1", &mac_bcast);
	sends(l, .to = &mac_peer, .arp_tells = "10.0.0.1");
	receive_arp(l, ARP_REQUEST, "0.0.0.0", &mac_peer, "10.0.0.1", &mac_bcast);      /* a probe comes from nowhere else */
	sends(l, .to = &mac_peer, .arp_tells = "10.0.0.1");
	set_arp(l, "arp_ignore", "3");
	receive_arp(l, ARP_REQUEST, "10.0.0.2", &mac_peer, "10.0.1.1", &mac_bcast);
	sends(l, .to = &mac_peer, .arp_tells = "10.0.1.1");
	set_arp(l, "arp_ignore", "8");
	receive_arp(l, ARP_REQUEST, "10.0.0.5", &mac_peer, "10.0.0.1", &mac_bcast);
	sends_nothing(l);
	assert_int_equal(state_of(l, "10.0.0.5"), 0);      /* nor is anything learnt of who gets no answer */
}

/* As whom the host asks for 10.0.0.77. */
static const char *asker(struct lab *l)
{
	static char text[ADDR_TEXT_MAX];
	struct arp_hdr h = {0};
	const struct packet *p = sends(l, .to = &mac_bcast, .arp_asks = "10.0.0.77");

	assert_true(arp_parse(&h, p->data + ETH_HDR_LEN, p->len - ETH_HDR_LEN) > 0);
	return addr_text(text, &h.sender);
}

static void output_from(struct lab *l, const char *src)
{
	struct addr target = lab_addr("10.0.0.77");
	struct ip_out out = {.src = lab_addr(src), .dst = target, .proto = 99};
	struct packet *p = packet_new(PACKET_HEADROOM, 8);

	neigh_flush(l->eth0, false);
	memset(p->data, 0, p->len);
	assert_int_equal(ip_output(l->s, p, &out), 0);
}
/* net.ipv4.conf.*.arp_announce: 1: an address that the neighbour knows, wherever it is; 2: one of the interface's own; any other is none. */
static void arp_asks_as_who_it_is_told_to(void **state)
{
	static const struct { const char *level, *src, *asks; } rows[] = {
		{"0", "10.0.0.50", "10.0.0.50"}, {"0", "10.7.0.1", "10.7.0.1"}, {"1", "10.0.0.50", "10.0.0.50"}, {"1", "10.7.0.1", "10.0.0.1"},
		{"2", "10.0.0.50", "10.0.0.1"}, {"2", "10.7.0.1", "10.0.0.1"}, {"3", "10.0.0.50", "10.0.0.50"},
	};
	struct lab *l = *state;
	struct addr near = lab_addr("10.0.0.50"), far = lab_addr("10.7.0.1");

	assert_int_equal(netif_addr_add(l->lo, &near, 32), 0);
	assert_int_equal(netif_addr_add(l->lo, &far, 32), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		set_arp(l, "arp_announce", rows[i].level);
		output_from(l, rows[i].src);
		assert_string_equal(asker(l), rows[i].asks);
	}
}

/* net.ipv4.conf.*.arp_filter, arp_accept, drop_gratuitous_arp */
static void arp_heeds_its_settings(void **state)
{
	struct lab *l = *state;

	set_arp(l, "arp_filter", "1");
	receive_arp(l, ARP_REQUEST, "10.0.1.7", &mac_peer, "10.0.0.1", &mac_bcast);     /* who is behind eth1 */
	sends_nothing(l);
	assert_int_equal(state_of(l, "10.0.1.7"), 0);
	receive_arp(l, ARP_REQUEST, "10.0.0.2", &mac_peer, "10.0.0.1", &mac_bcast);
	sends(l, .to = &mac_peer, .arp_tells = "10.0.0.1");
	receive_arp(l, ARP_REQUEST, "0.0.0.0", &mac_peer, "10.0.0.1", &mac_bcast);
	sends(l, .to = &mac_peer, .arp_tells = "10.0.0.1");
	receive_arp(l, ARP_REQUEST, "10.0.0.9", &mac_peer, "10.0.0.9", &mac_bcast);
	assert_int_equal(state_of(l, "10.0.0.9"), 0);
	set_arp(l, "arp_accept", "2");
	receive_arp(l, ARP_REQUEST, "10.7.0.9", &mac_peer, "10.7.0.9", &mac_bcast);
	assert_int_equal(state_of(l, "10.7.0.9"), 0);
	receive_arp(l, ARP_REQUEST, "10.0.0.9", &mac_peer, "10.0.0.9", &mac_bcast);
	assert_int_equal(state_of(l, "10.0.0.9"), NUD_STALE);
	set_arp(l, "drop_gratuitous_arp", "1");
	receive_arp(l, ARP_REQUEST, "10.0.0.8", &mac_peer, "10.0.0.8", &mac_bcast);
	assert_int_equal(state_of(l, "10.0.0.8"), 0);
}

/* RFC 826 (826-3); RFC 5227 (5227-3). */
static void arp_that_is_not_believed(void **state)
{
	static const struct mac group = {{1, 2, 3, 4, 5, 6}};
	struct lab *l = *state;

	receive_arp(l, 3, "10.0.0.2", &mac_peer, "10.0.0.1", &mac_bcast);
	drops(l, DROP_ARP_BAD);
	receive_arp(l, ARP_REQUEST, "10.0.0.1", &mac_peer, "10.0.0.1", &mac_bcast);     /* says it is us */
	drops(l, DROP_ARP_BAD);
	receive_arp(l, ARP_REQUEST, "224.0.0.1", &mac_peer, "10.0.0.1", &mac_bcast);
	drops(l, DROP_ARP_BAD);
	receive_arp(l, ARP_REQUEST, "10.0.0.2", &mac_peer, "127.0.0.1", &mac_bcast);
	drops(l, DROP_ARP_BAD);
	for (size_t n = 0; n < ARP_LEN; n++) {
		static const uint8_t zeros[ETH_HDR_LEN + ARP_LEN];
		struct packet *p = packet_new(PACKET_HEADROOM, ETH_HDR_LEN + n);
		struct eth_hdr eth = {.dst = mac_us, .src = mac_peer, .type = ETH_TYPE_ARP};
		memcpy(p->data, zeros, p->len);
		eth_emit(&eth, p->data);
		lab_receive(l, l->eth0, p);
		drops(l, DROP_ARP_BAD);
	}
	sends_nothing(l);
	/* An answer that nobody asked for teaches nothing; a group is nobody's mac. */
	receive_arp(l, ARP_REPLY, "10.0.0.2", &mac_peer, "10.0.0.1", &mac_us);
	assert_int_equal(state_of(l, "10.0.0.2"), 0);
	output(l, "10.0.0.2");
	sends(l, .arp_asks = "10.0.0.2");
	struct addr a = lab_addr("10.0.0.2");
	neigh_learn(l->eth0, &a, &group, NEIGH_OVERRIDE | NEIGH_CONFIRM);
	assert_int_equal(state_of(l, "10.0.0.2"), NUD_INCOMPLETE);
}

/* RFC 826 (826-5). */
static void first_of_two_rivals_wins_for_a_second(void **state)
{
	struct lab *l = *state;

	output(l, "10.0.0.2");
	sends(l, .arp_asks = "10.0.0.2");
	receive_arp(l, ARP_REPLY, "10.0.0.2", &mac_peer, "10.0.0.1", &mac_us);
	sends(l, .to = &mac_peer, .dst = "10.0.0.2");
	receive_arp(l, ARP_REPLY, "10.0.0.2", &mac_rival, "10.0.0.1", &mac_us);
	output(l, "10.0.0.2");
	sends(l, .to = &mac_peer, .dst = "10.0.0.2");
	lab_pass(l, 2 * NS_PER_S);
	receive_arp(l, ARP_REPLY, "10.0.0.2", &mac_rival, "10.0.0.1", &mac_us);
	output(l, "10.0.0.2");
	sends(l, .to = &mac_rival, .dst = "10.0.0.2");
}

/* RFC 6583 (6583-1). */
static void a_scan_does_not_push_out_who_answers(void **state)
{
	struct lab *l = *state;
	char text[32];

	lab_acquaint(l);
	for (int i = 0; i < 2000; i++) {
		struct ip_out out = {.proto = 99, .oif = l->eth0};
		snprintf(text, sizeof text, "10.9.%d.%d", i / 250, i % 250 + 1);
		out.dst = lab_addr(text);
		ip_output(l->s, packet_new(PACKET_HEADROOM, 8), &out);
	}
	assert_true(l->s->drops[DROP_NEIGH_QUEUE] >= 2000 - NEIGH_MAX / 2);
	size_t n = 0;
	for (const struct neigh *at = neigh_walk(l->s, NULL); at; at = neigh_walk(l->s, at))
		n++;
	assert_true(n <= NEIGH_MAX);
	assert_int_equal(state_of(l, "10.0.0.2"), NUD_REACHABLE);
}

/* ---- neighbour discovery ---- */

/* RFC 4861 (4861-8). */
static void nd_asks_the_solicited_node_group(void **state)
{
	struct lab *l = *state;

	output(l, "2001:db8::2");
	struct packet *p = sends(l, .by = l->eth0, .src = "2001:db8::1", .dst = "ff02::1:ff00:2", .ttl = 255, .icmp = {ICMP6_NS, 0},
				 .nd_target = "2001:db8::2");
	assert_int_equal(p->data[0], 0x33);
	assert_int_equal(p->data[5], 2);
	hears(l, .type = ICMP6_NA, .src = "2001:db8::2", .dst = "2001:db8::1", .target = "2001:db8::2", .mac = &mac_peer, .solicited = true, .override = true);
	sends(l, .to = &mac_peer, .dst = "2001:db8::2", .proto = 99);
	assert_int_equal(state_of(l, "2001:db8::2"), NUD_REACHABLE);
	/* Link-local, on the interface that is named. */
	struct ip_out out = {.dst = lab_addr("fe80::2"), .proto = 99, .oif = l->eth1};
	ip_output(l->s, packet_new(PACKET_HEADROOM, 8), &out);
	sends(l, .src = "fe80::ff:fe00:101", .dst = "ff02::1:ff00:2", .icmp = {ICMP6_NS, 0}, .by = l->eth1);
	drops_nothing(l);
}

/* RFC 4861 (4861-9, 4861-10). */
static void nd_silence_ends_in_address_unreachable(void **state)
{
	struct lab *l = *state;

	output(l, "2001:db8::2");
	lab_pass(l, 3100 * NS_PER_MS);
	for (int i = 0; i < 3; i++)
		sends(l, .icmp = {ICMP6_NS, 0});
	drops(l, DROP_NEIGH_FAILED);
	assert_int_equal(l->lo->rx_packets, 1);
	sends_nothing(l);
}

/* RFC 4861 (4861-12, 4861-13, 4861-14, 4861-15). */
static void nd_answers(void **state)
{
	struct lab *l = *state;

	hears(l, .type = ICMP6_NS, .src = "2001:db8::2", .dst = "ff02::1:ff00:1", .target = "2001:db8::1", .mac = &mac_peer);
	sends(l, .to = &mac_peer, .src = "2001:db8::1", .dst = "2001:db8::2", .ttl = 255, .icmp = {ICMP6_NA, 0}, .rest = 0x60000000, .len = 40 + 32);
	assert_int_equal(state_of(l, "2001:db8::2"), NUD_DELAY);       /* learnt as STALE, and used for the answer */
	/* A probe of a known neighbour: no mac needed in the answer. */
	hears(l, .type = ICMP6_NS, .src = "2001:db8::2", .dst = "2001:db8::1", .target = "2001:db8::1");
	sends(l, .to = &mac_peer, .icmp = {ICMP6_NA, 0}, .rest = 0x40000000, .len = 40 + 24);
	/* Somebody is about to take our address: all are told that it is ours. */
	hears(l, .type = ICMP6_NS, .src = "::", .dst = "ff02::1:ff00:1", .target = "2001:db8::1");
	sends(l, .dst = "ff02::1", .icmp = {ICMP6_NA, 0}, .rest = 0x20000000);
	drops_nothing(l);
	/* Not ours, or ours on another link. */
	hears(l, .type = ICMP6_NS, .src = "2001:db8::2", .dst = "2001:db8::1", .target = "2001:db8::77", .mac = &mac_peer);
	drops(l, DROP_ND_BAD);
	hears(l, .type = ICMP6_NS, .src = "2001:db8::2", .dst = "2001:db8::1", .target = "2001:db8:1::1", .mac = &mac_peer);
	drops(l, DROP_ND_BAD);
	sends_nothing(l);
}

/* RFC 4861 §7.1.1, §7.1.2, one clause after the other. RFC 4861 (4861-1, 4861-2, 4861-3, 4861-4, 4861-5, 4861-6, 4861-7). */
static void nd_that_is_not_valid(void **state)
{
	static const struct nd bad[] = {
		{.type = ICMP6_NS, .src = "2001:db8::2", .dst = "2001:db8::1", .target = "2001:db8::1", .mac = &mac_peer, .hops = 254},
		{.type = ICMP6_NS, .src = "2001:db8::2", .dst = "2001:db8::1", .target = "ff02::1", .mac = &mac_peer},
		{.type = ICMP6_NS, .src = "::", .dst = "2001:db8::1", .target = "2001:db8::1"},
		{.type = ICMP6_NS, .src = "::", .dst = "ff02::1:ff00:1", .target = "2001:db8::1", .mac = &mac_peer},
		{.type = ICMP6_NA, .src = "2001:db8::2", .dst = "ff02::1", .target = "2001:db8::2", .mac = &mac_rival, .solicited = true, .override = true},
		{.type = ICMP6_NA, .src = "2001:db8::2", .dst = "2001:db8::1", .target = "2001:db8::2", .mac = &mac_rival, .override = true, .hops = 64},
	};
	struct lab *l = *state;
	struct addr peer = lab_addr("2001:db8::2"), us = lab_addr("2001:db8::1");
	uint8_t buf[40] = {0};
	struct icmp_hdr h = {.type = ICMP6_NS};

	lab_acquaint(l);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		receive_nd(l, &bad[i]);
		drops(l, DROP_ND_BAD);
	}
	/* Options: length 0, one longer than the message. Then a code, and a message cut short. */
	memcpy(buf + 8, us.b, 16);
	for (uint8_t len = 0; len < 4; len++) {
		if (len == 1) continue;
		buf[24] = 1, buf[25] = len;
		icmp_emit(&h, buf, 32, &peer, &us);
		receives(l, .src = "2001:db8::2", .dst = "2001:db8::1", .proto = IP_PROTO_ICMP6, .ttl = 255, .data = buf, .len = 32);
		drops(l, DROP_ND_BAD);
	}
	h.code = 1;
	icmp_emit(&h, buf, 24, &peer, &us);
	receives(l, .src = "2001:db8::2", .dst = "2001:db8::1", .proto = IP_PROTO_ICMP6, .ttl = 255, .data = buf, .len = 24);
	drops(l, DROP_ND_BAD);
	h.code = 0;
	icmp_emit(&h, buf, 20, &peer, &us);
	receives(l, .src = "2001:db8::2", .dst = "2001:db8::1", .proto = IP_PROTO_ICMP6, .ttl = 255, .data = buf, .len = 20);
	drops(l, DROP_ND_BAD);
	sends_nothing(l);
	output(l, "2001:db8::2");
	sends(l, .to = &mac_peer, .dst = "2001:db8::2");
}

/* RFC 4861 §7.2.5. RFC 4861 (4861-16, 4861-17, 4861-18). */
static void nd_learns_by_its_flags(void **state)
{
	struct lab *l = *state;

	lab_acquaint(l);
	hears(l, .type = ICMP6_NA, .src = "2001:db8::2", .dst = "ff02::1", .target = "2001:db8::2", .mac = &mac_rival);
	assert_int_equal(state_of(l, "2001:db8::2"), NUD_STALE);       /* no override: the mac stays, the trust goes */
	output(l, "2001:db8::2");
	sends(l, .to = &mac_peer, .dst = "2001:db8::2");
	hears(l, .type = ICMP6_NA, .src = "2001:db8::2", .dst = "ff02::1", .target = "2001:db8::2", .mac = &mac_rival, .override = true);
	assert_int_equal(state_of(l, "2001:db8::2"), NUD_STALE);
	output(l, "2001:db8::2");
	sends(l, .to = &mac_rival, .dst = "2001:db8::2");
	hears(l, .type = ICMP6_NA, .src = "2001:db8::2", .dst = "2001:db8::1", .target = "2001:db8::2", .solicited = true);
	assert_int_equal(state_of(l, "2001:db8::2"), NUD_REACHABLE);
	drops_nothing(l);
	/* Unknown neighbours are not learnt from advertisements. */
	hears(l, .type = ICMP6_NA, .src = "2001:db8::9", .dst = "ff02::1", .target = "2001:db8::9", .mac = &mac_rival, .override = true);
	drops(l, DROP_ICMP_TYPE);
	assert_int_equal(state_of(l, "2001:db8::9"), 0);
}

#define on_bench(t) cmocka_unit_test_setup_teardown(t, lab_open, lab_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_bench(arp_asks_once_and_sends_what_waited), on_bench(silence_ends_in_host_unreachable), on_bench(waiting_queue_is_bounded),
		on_bench(probes_go_by_the_settings), on_bench(reachable_as_long_as_drawn),
		on_bench(stale_neighbour_is_used_then_asked_alone), on_bench(confirmation_spares_the_probe),
		on_bench(arp_answers_for_every_address_of_the_host), on_bench(arp_ignores_whom_it_is_told_to), on_bench(arp_asks_as_who_it_is_told_to),
		on_bench(arp_heeds_its_settings), on_bench(arp_that_is_not_believed), on_bench(first_of_two_rivals_wins_for_a_second),
		on_bench(a_scan_does_not_push_out_who_answers), on_bench(nd_asks_the_solicited_node_group),
		on_bench(nd_silence_ends_in_address_unreachable), on_bench(nd_answers), on_bench(nd_that_is_not_valid), on_bench(nd_learns_by_its_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
