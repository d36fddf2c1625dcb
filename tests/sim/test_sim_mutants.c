/*
 * Mutants: a segment that would be right, sent by b to a in each state of the connection, with up to three of its fields
 * changed. First all single changes, then pairs and triples drawn from the seed (EmNetTest found with that what random
 * octets had missed). Whatever a makes of it, it survives, it answers little, and in the end nothing is left.
 *
 * And what RFC 5961 promises about segments from somebody who has to guess.
 */
#include "sim.h"
#include <netinet/tcp.h>
#include "base/random.h"
#include "wire/wire.h"

#define RTT (20 * NS_PER_MS)
#define PAYLOAD 10
#define ANSWERS_MAX 12
#define DRAWN 1500

/* ---- the states ---- */

struct stage { struct sim *sim; struct sim_pair p; struct sock *opening; };

static void shut(struct sim_stream *st, time_ns then) { sim_stream_send(st, 0, true); sim_run(st->sim, then); }

static void to_established(struct stage *g) { sim_stream_send(&g->p.a, 100, false); sim_run(g->sim, NS_PER_S); }
static void to_fin_wait_1(struct stage *g) { shut(&g->p.a, RTT / 4); }
static void to_fin_wait_2(struct stage *g) { shut(&g->p.a, NS_PER_S); }
static void to_close_wait(struct stage *g) { shut(&g->p.b, NS_PER_S); }
static void to_last_ack(struct stage *g) { to_close_wait(g); shut(&g->p.a, RTT / 4); }

static void to_closing(struct stage *g)
{
	sim_stream_send(&g->p.a, 0, true);
	shut(&g->p.b, 3 * RTT / 4);
}

static void to_time_wait(struct stage *g)
{
	to_fin_wait_2(g);
	shut(&g->p.b, NS_PER_S);
	sim_stream_close(&g->p.a);
}

static void to_orphan(struct stage *g)
{
	sim_stream_close(&g->p.a);
	sim_run(g->sim, NS_PER_S);
}

static void to_zero_window(struct stage *g)
{
	g->p.a.paused = true;
	sim_stream_send(&g->p.b, 1 << 20, false);
	sim_run(g->sim, 20 * NS_PER_S);
}

/* a's SYN is on its way to nobody: b says nothing by itself. */
static void to_syn_sent(struct stage *g)
{
	sim_impair(g->sim, "loss 100%");
	g->opening = sim_socket(g->sim, g->sim->a, AF_INET, SOCK_STREAM, 0);
	sim_connect_start(g->sim, g->sim->a, g->opening, g->sim->b, 4000);
	sim_impair(g->sim, "delay 10ms");
}

/* a listens, and has b's SYN from a port of which b knows nothing. */
static void to_syn_received(struct stage *g)
{
	g->opening = sim_listener(g->sim, g->sim->a, AF_INET, 4001);
	struct sock *sk = sim_socket(g->sim, g->sim->b, AF_INET, SOCK_STREAM, 0);
	sim_connect_start(g->sim, g->sim->b, sk, g->sim->a, 4001);
	sim_run(g->sim, RTT * 3 / 4);
	sim_close(g->sim, sk);
}

static const struct state { const char *name; void (*reach)(struct stage *); } states[] = {
	{"SYN-SENT", to_syn_sent}, {"SYN-RECEIVED", to_syn_received}, {"ESTABLISHED", to_established}, {"FIN-WAIT-1", to_fin_wait_1},
	{"FIN-WAIT-2", to_fin_wait_2},
	{"CLOSING", to_closing}, {"CLOSE-WAIT", to_close_wait}, {"LAST-ACK", to_last_ack}, {"TIME-WAIT", to_time_wait},
	{"orphaned FIN-WAIT-2", to_orphan}, {"window closed", to_zero_window},
};

static void stage_set(struct stage *g, const struct state *state, int domain)
{
	*g = (struct stage){.sim = sim_new(SIM_PAIR, 9)};
	sim_impair(g->sim, "delay 10ms");
	sim_connect(g->sim, domain, 8192, &g->p);
	sim_run(g->sim, NS_PER_S);
	g->p.a.careless = g->p.b.careless = true;
	state->reach(g);
}

/* Everybody closes; a forgets the connection, however it stood. */
static void stage_strike(struct stage *g)
{
	sim_pair_close(&g->p);
	if (g->opening) sim_close(g->sim, g->opening);
	sim_run(g->sim, 2000 * NS_PER_S);
	assert_true(list_empty(&net_stack(g->sim->a)->socks));
	sim_free(g->sim);
}

/* ---- the segment ---- */

static struct tcp_hdr right_segment(const struct sim *sim)
{
	const struct sim_count *a = &sim->count_a, *b = &sim->count_b;
	/* The initial answer to a SYN that b has not seen has no sequence number to follow. */
	bool follows = b->peer_port == a->port && b->port == a->peer_port;
	return (struct tcp_hdr){
		.src = a->peer_port, .dst = a->port, .seq = follows ? a->ack : 1000, .ack = a->max_end, .wnd = 1000,
		.flags = follows ? TCP_ACK : TCP_SYN | TCP_ACK,
		.opts = {.has_ts = a->has_ts, .ts_val = follows ? b->ts_val + 100 : 1, .ts_ecr = a->ts_val},
	};
}

static const struct addr *address_of(const struct netif *nif, int domain)
{
	list_each (struct netif_addr, ia, (struct list *)&nif->addrs, node)
		if (addr_is_v4(&ia->addr) == (domain == AF_INET) && !addr_is_linklocal(&ia->addr)) return &ia->addr;
	return NULL;
}

/* Ethernet, IP and TCP with PAYLOAD octets behind them; where the transport header begins is in trans_off. */
static struct packet *frame_of(const struct sim *sim, int domain, const struct tcp_hdr *h)
{
	const struct addr *src = address_of(sim->nif_b, domain), *dst = address_of(sim->nif_a, domain);
	size_t ip_len = domain == AF_INET ? IP4_HDR_MIN : IP6_HDR_LEN, tcp_len = tcp_hdr_len(h) + PAYLOAD;
	struct packet *p = packet_new(PACKET_HEADROOM, ETH_HDR_LEN + ip_len + tcp_len);
	uint8_t *ip = p->data + ETH_HDR_LEN;
	struct eth_hdr eth = {sim->nif_a->mac, sim->nif_b->mac, domain == AF_INET ? ETH_TYPE_IP4 : ETH_TYPE_IP6};
	eth_emit(&eth, p->data);
	if (domain == AF_INET)
		ip4_emit(&(struct ip4_hdr){.src = *src, .dst = *dst, .total_len = (uint16_t)(ip_len + tcp_len), .ttl = 64, .proto = IP_PROTO_TCP}, ip);
	else
		ip6_emit(&(struct ip6_hdr){.src = *src, .dst = *dst, .payload_len = (uint16_t)tcp_len, .next = IP_PROTO_TCP, .hops = 64}, ip);
	memset(ip + ip_len + tcp_len - PAYLOAD, 'x', PAYLOAD);
	tcp_emit(h, ip + ip_len, PAYLOAD, src, dst);
	p->trans_off = (uint16_t)(packet_off(p) + ETH_HDR_LEN + ip_len);
	return p;
}

/* Checksums that fit what the octets have become, so that the mutant is not dropped for them. */
static void mend_checksums(struct packet *p, const struct sim *sim, int domain)
{
	uint8_t *tcp = packet_at(p, p->trans_off), *ip = p->data + ETH_HDR_LEN;
	uint32_t len = p->len - (uint32_t)(tcp - p->data);
	write16(tcp + 16, 0);
	uint32_t sum = csum_pseudo(address_of(sim->nif_b, domain), address_of(sim->nif_a, domain), IP_PROTO_TCP, len);
	write16(tcp + 16, csum_fold(csum_add(sum, tcp, len)));
	if (domain != AF_INET) return;
	write16(ip + 10, 0);
	write16(ip + 10, csum_fold(csum_add(0, ip, IP4_HDR_MIN)));
}

static void inject(struct sim *sim, struct packet *p)
{
	struct stack *b = net_stack(sim->b);
	b->ops->transmit(b->host, sim->nif_b, p);
}

/* ---- the mutations ---- */

struct mutation { uint8_t octet, value; };

static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff};

static void mutate(struct packet *p, size_t n_octets, struct mutation m)
{
	p->data[ETH_HDR_LEN + m.octet % n_octets] = m.value;
}

static void try_mutant(const struct state *state, int domain, const struct mutation *m, size_t n)
{
	struct stage g;
	stage_set(&g, state, domain);
	struct tcp_hdr h = right_segment(g.sim);
	struct packet *p = frame_of(g.sim, domain, &h);
	for (size_t i = 0; i < n; i++)
		mutate(p, p->len - ETH_HDR_LEN - PAYLOAD, m[i]);
	mend_checksums(p, g.sim, domain);
	uint64_t before = g.sim->count_a.segments;
	inject(g.sim, p);
	sim_run(g.sim, 3 * NS_PER_S);
	if (g.sim->count_a.segments - before > ANSWERS_MAX)
		fail_msg("%s: %llu answers to octet %u = %u: %s", state->name, (unsigned long long)(g.sim->count_a.segments - before), m[0].octet,
			 m[0].value, g.sim->wire);
	stage_strike(&g);
}

static void every_single_change_is_survived(void **state)
{
	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(states); s++)
		for (uint8_t octet = 0; octet < IP4_HDR_MIN + 32; octet++)
			for (size_t v = 0; v < ARRAY_SIZE(values); v++)
				try_mutant(&states[s], AF_INET, &(struct mutation){octet, values[v]}, 1);
	print_message("%zu mutants with one octet changed, in %zu states\n", ARRAY_SIZE(states) * (IP4_HDR_MIN + 32) * ARRAY_SIZE(values), ARRAY_SIZE(states));
}

static void pairs_and_triples_are_survived(void **state)
{
	(void)state;
	struct random r = random_seeded(1, "mutants");
	for (int i = 0; i < DRAWN; i++) {
		struct mutation m[3];
		int domain = i % 2 ? AF_INET : AF_INET6;
		/* SYN-SENT and SYN-RECEIVED are staged for IPv4 only. */
		size_t first = domain == AF_INET ? 0 : 2;
		const struct state *st = &states[first + random_next(&r) % (ARRAY_SIZE(states) - first)];
		for (size_t k = 0; k < 3; k++) {
			uint64_t bits = random_next(&r);
			m[k] = (struct mutation){(uint8_t)bits, bits >> 8 & 1 ? values[(bits >> 16) % ARRAY_SIZE(values)] : (uint8_t)(bits >> 24)};
		}
		try_mutant(st, domain, m, 2 + (size_t)i / 2 % 2);
	}
	print_message("%d mutants with two or three octets changed, of both families\n", DRAWN);
}

/* ---- who has to guess ---- */

static int state_after(struct stage *g, const struct tcp_hdr *h)
{
	inject(g->sim, frame_of(g->sim, AF_INET, h));
	sim_wire_clear(g->sim);
	sim_run(g->sim, RTT * 2);
	return sim_tcp_state(g->sim, g->p.a.sk);
}

static const struct state *established = &states[2];

/* RFC 5961 §3.2 */
static void only_the_exact_reset_resets(void **state)
{
	(void)state;
	static const struct { int32_t off; const char *wire; int state; } rows[] = {
		{0, "", TCP_CLOSE}, {1, "a:A", TCP_ESTABLISHED}, {1000, "a:A", TCP_ESTABLISHED},      /* in the window: a challenge */
		{-100, "", TCP_ESTABLISHED}, {1 << 20, "", TCP_ESTABLISHED}, {INT32_MIN, "", TCP_ESTABLISHED},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct stage g;
		stage_set(&g, established, AF_INET);
		struct tcp_hdr h = right_segment(g.sim);
		h.flags = TCP_RST;
		h.seq += (seq32)rows[i].off;
		assert_int_equal(state_after(&g, &h), rows[i].state);
		assert_string_equal(g.sim->wire, rows[i].wire);
		stage_strike(&g);
	}
}

/* RFC 5961 §4.2 */
static void a_syn_is_challenged_and_changes_nothing(void **state)
{
	(void)state;
	static const int32_t offsets[] = {0, 1, -1, 1000, 1 << 20, INT32_MIN};
	for (size_t i = 0; i < ARRAY_SIZE(offsets) * 2; i++) {
		struct stage g;
		stage_set(&g, established, AF_INET);
		struct tcp_hdr h = right_segment(g.sim);
		h.flags = i % 2 ? TCP_SYN : TCP_SYN | TCP_ACK;
		h.seq += (seq32)offsets[i / 2];
		assert_int_equal(state_after(&g, &h), TCP_ESTABLISHED);
		assert_string_equal(g.sim->wire, "a:A");
		stage_strike(&g);
	}
}

/* RFC 5961 §5.2 */
static void data_with_an_impossible_ack_is_not_taken(void **state)
{
	(void)state;
	static const int32_t offsets[] = {1, 1000, 1 << 30, -(1 << 24), -(1 << 30), INT32_MIN};
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		struct stage g;
		stage_set(&g, established, AF_INET);
		struct tcp_hdr h = right_segment(g.sim);
		g.p.a.paused = true;
		h.ack += (seq32)offsets[i];
		assert_int_equal(state_after(&g, &h), TCP_ESTABLISHED);
		char buf[PAYLOAD];
		struct sock_msg m = {.data = buf, .len = sizeof buf, .flags = MSG_DONTWAIT};
		assert_int_equal(sim_call(g.sim, g.sim->a, sock_recv(g.p.a.sk, &m)), -EAGAIN);
		stage_strike(&g);
	}
}

/* RFC 5961 §7, kept for each connection (CVE-2016-5696). */
static void challenges_are_limited(void **state)
{
	(void)state;
	struct stage g;
	stage_set(&g, established, AF_INET);
	struct tcp_hdr h = right_segment(g.sim);
	h.flags = TCP_SYN;
	uint64_t before = g.sim->count_a.segments;
	for (int i = 0; i < 1000; i++) {
		inject(g.sim, frame_of(g.sim, AF_INET, &h));
		sim_run(g.sim, NS_PER_MS);
	}
	assert_in_range(g.sim->count_a.segments - before, 1, 20);
	stage_strike(&g);
}

/* A window full of single octets with a hole between each two: the queue is bounded, and the connection goes on. */
static void holes_everywhere_are_bounded(void **state)
{
	(void)state;
	struct stage g;
	stage_set(&g, established, AF_INET);
	struct tcp_hdr h = right_segment(g.sim), first = h;
	for (uint32_t i = 2; i < 200000; i += 2) {
		h.seq = first.seq + (i * 7919) % 8000 + 11;
		inject(g.sim, frame_of(g.sim, AF_INET, &h));
		if (i % 64 == 0) sim_run(g.sim, NS_PER_MS);
	}
	assert_int_equal(sim_tcp_state(g.sim, g.p.a.sk), TCP_ESTABLISHED);
	stage_strike(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_single_change_is_survived),
		cmocka_unit_test(pairs_and_triples_are_survived),
		cmocka_unit_test(only_the_exact_reset_resets),
		cmocka_unit_test(a_syn_is_challenged_and_changes_nothing),
		cmocka_unit_test(data_with_an_impossible_ack_is_not_taken),
		cmocka_unit_test(challenges_are_limited),
		cmocka_unit_test(holes_everywhere_are_bounded),
	};
	return cmocka_run_group_tests_name("sim-mutants", tests, NULL, NULL);
}
