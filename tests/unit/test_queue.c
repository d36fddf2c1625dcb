/* Queue disciplines, one frame at a time: when frames leave, which are dropped or marked, and what the drops are called. */
#include "unit.h"
#include "fake_stack.h"
#include "link/net.h"
#include "wire/wire.h"

#define FRAME 1000                          /* octets: 8 ms at WIRE */
#define WIRE "rate 1mbit "
#define FRAME_NS (8 * NS_PER_MS)

static const struct net_ops no_ops;

struct lab { struct net *net; struct net_host *a, *b; struct netif *from, *to; struct net_link *link; time_ns now; };

static void impair(struct lab *lab, const char *line)
{
	char copy[200], *words[30], *save;
	struct impairment i = {0};
	size_t n = 0, bad;
	snprintf(copy, sizeof copy, "%s", line);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	assert_int_equal(impair_parse(&i, n, words, &bad), 0);
	assert_int_equal(net_impair(lab->link, lab->from, &i), 0);
}

static struct lab lab_new(const char *line)
{
	struct lab lab = {.net = net_new(1, &no_ops, NULL, 0)};
	assert_int_equal(net_add_host(lab.net, "a", &lab.a) | net_add_host(lab.net, "b", &lab.b) | net_add_pair(lab.net, "wire", &lab.link), 0);
	assert_int_equal(net_attach(lab.net, lab.link, lab.a, "eth0", 1500, &lab.from) | net_attach(lab.net, lab.link, lab.b, "eth0", 1500, &lab.to), 0);
	impair(&lab, line);
	return lab;
}

static struct inet *seen_at(const struct net_host *h) { return net_stack((struct net_host *)h)->inet; }
static const struct link_counts *counts(const struct lab *lab) { return net_link_counts(lab->link, 0); }

static void run(struct lab *lab, time_ns until)
{
	lab->now = until;
	net_advance(lab->net, until, 0);
}

/* A UDP datagram of flow `port`, FRAME octets with all headers unless said otherwise, and a mark that says which one it is. */
static void send_sized(struct lab *lab, uint16_t port, uint8_t tos, uint16_t mark, size_t len)
{
	struct stack *s = net_stack(lab->a);
	struct packet *p = fake_frame(&lab->to->mac, &lab->from->mac, len, mark);
	struct ip4_hdr ip = {.total_len = (uint16_t)(len - ETH_HDR_LEN), .tos = tos, .ttl = 64, .proto = IP_PROTO_UDP, .id = mark};
	addr_parse(&ip.src, "10.0.0.1");
	addr_parse(&ip.dst, "10.0.0.2");
	eth_emit(&(struct eth_hdr){lab->to->mac, lab->from->mac, ETH_TYPE_IP4}, p->data);
	ip4_emit(&ip, p->data + ETH_HDR_LEN);
	p->data[ETH_HDR_LEN + IP4_HDR_MIN] = (uint8_t)(port >> 8);
	p->data[ETH_HDR_LEN + IP4_HDR_MIN + 1] = (uint8_t)port;
	s->now = lab->now;
	s->ops->transmit(s->host, lab->from, p);
}

static void send(struct lab *lab, uint16_t port, uint8_t tos, uint16_t mark) { send_sized(lab, port, tos, mark, FRAME); }

static uint16_t mark_of(const struct seen *s) { return (uint16_t)(s->octets[ETH_HDR_LEN + 4] << 8 | s->octets[ETH_HDR_LEN + 5]); }
static uint8_t tos_of(const struct seen *s) { return s->octets[ETH_HDR_LEN + 1]; }

static void accounts_close(const struct lab *lab)
{
	const struct link_counts *c = counts(lab);
	uint64_t dropped = 0;
	for (size_t i = 0; i < DROP_COUNT; i++) dropped += c->dropped[i];
	assert_int_equal(c->packets, c->delivered + dropped);
	assert_int_equal(net_link_waiting(lab->link, 0), 0);
}

/* ---- pfifo, and the wire ---- */

static void frames_leave_as_the_wire_lets_them_and_the_delay_comes_after(void **state)
{
	(void)state;
	struct lab lab = lab_new(WIRE "delay 100ms pfifo limit 3");
	for (uint16_t i = 0; i < 6; i++) send(&lab, 1, 0, i);
	assert_int_equal(net_link_waiting(lab.link, 0), 3);                  /* one is on the wire */
	assert_int_equal(counts(&lab)->dropped[DROP_LINK_QUEUE], 2);
	run(&lab, FRAME_NS);
	assert_int_equal(net_link_waiting(lab.link, 0), 2);                  /* what is delayed takes no room */
	send(&lab, 1, 0, 6);
	run(&lab, NS_PER_S);
	const struct inet *log = seen_at(lab.b);
	static const uint16_t marks[] = {0, 1, 2, 3, 6};
	assert_int_equal(log->n_seen, ARRAY_SIZE(marks));
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		assert_int_equal(mark_of(&log->seen[i]), marks[i]);
		assert_int_equal(log->seen[i].when, (time_ns)(i + 1) * FRAME_NS + 100 * NS_PER_MS);
	}
	accounts_close(&lab);
	net_free(lab.net);
}

static void another_discipline_takes_over_what_waits(void **state)
{
	(void)state;
	static const char *const lines[] = {WIRE "codel", WIRE "fq_codel", WIRE "red", WIRE "fq_codel flows 4", WIRE "pfifo", WIRE, "pfifo", ""};
	struct lab lab = lab_new(WIRE "pfifo");
	for (uint16_t i = 0; i < 40; i++) {
		send(&lab, 1, 0, i);
		if (i % 5 == 4) impair(&lab, lines[i / 5]);
		if (i == 29) assert_int_equal(net_link_waiting(lab.link, 0), 0);   /* netem's own way: they are all under way */
		run(&lab, lab.now + NS_PER_MS);
	}
	run(&lab, NS_PER_S);
	assert_int_equal(seen_at(lab.b)->n_seen, 40);
	accounts_close(&lab);
	net_free(lab.net);
}

static void what_waits_at_the_end_is_freed(void **state)
{
	(void)state;
	static const char *const lines[] = {WIRE "pfifo", WIRE "codel", WIRE "fq_codel", WIRE "red"};
	for (size_t l = 0; l < ARRAY_SIZE(lines); l++) {
		struct lab lab = lab_new(lines[l]);
		for (uint16_t i = 0; i < 10; i++) send(&lab, i, 0, i);
		assert_int_equal(net_link_waiting(lab.link, 0), 9);
		net_free(lab.net);
	}
}

static void a_figure_that_can_not_be_is_refused(void **state)
{
	(void)state;
	struct lab lab = lab_new(WIRE "codel");
	assert_int_equal(net_impair(lab.link, NULL, &(struct impairment){.queueing = {.kind = QUEUE_RED, .min = 5, .max = 5}}), -EINVAL);
	assert_int_equal(net_impairment(lab.link, lab.from)->queueing.kind, QUEUE_CODEL);
	net_free(lab.net);
}

/* ---- codel ---- */

/* A standing queue of `depth` frames: one comes for each that leaves. Sent marks count from 0. */
static void stand(struct lab *lab, uint16_t depth, unsigned rounds, uint8_t tos)
{
	uint16_t mark = 0;
	for (; mark < depth; mark++) send(lab, 1, tos, mark);
	for (unsigned i = 0; i < rounds; i++) {
		run(lab, lab->now + FRAME_NS);
		send(lab, 1, tos, mark++);
	}
}

/* Frames leave at multiples of 8 ms. One that waited 5 ms is seen first at 8 ms, so that the first goes at 112 ms, the first time at or past 8 + 100;
 * then at 112 + 100, + 100 / √2, + 100 / √3 …, each at the next time that a frame leaves. */
static void codel_drops_by_its_law(void **state)
{
	(void)state;
	struct lab lab = lab_new(WIRE "codel");
	static const time_ns at_ms[] = {112, 216, 288, 344, 392, 440, 480};   /* 112+100=212, +70.7=282.7, +57.7=340.4, +50=390.4, +44.7=435.1, +40.8=475.9 */
	size_t seen = 0;
	for (uint16_t i = 0; i < 90; i++) send(&lab, 1, 0, i);
	for (time_ns t = 0; t <= 480 * NS_PER_MS; t += FRAME_NS) {
		run(&lab, t);
		if (counts(&lab)->dropped[DROP_LINK_AQM] == seen) continue;
		assert_int_equal(counts(&lab)->dropped[DROP_LINK_AQM], seen + 1);
		assert_int_equal(t / NS_PER_MS, at_ms[seen]);
		if (++seen == ARRAY_SIZE(at_ms)) break;
	}
	assert_int_equal(seen, ARRAY_SIZE(at_ms));
	net_free(lab.net);
}

static void codel_leaves_a_short_queue_alone(void **state)
{
	(void)state;
	struct lab burst = lab_new(WIRE "codel"), one = lab_new(WIRE "codel");
	for (uint16_t i = 0; i < 13; i++) send(&burst, 1, 0, i);             /* gone after 104 ms, and 8 + 100 would be the first to go */
	run(&burst, NS_PER_S);
	assert_int_equal(seen_at(burst.b)->n_seen, 13);
	stand(&one, 2, 100, 0);                                              /* 8 ms is above the target, and one frame is no queue */
	assert_int_equal(counts(&one)->dropped[DROP_LINK_AQM], 0);
	net_free(burst.net);
	net_free(one.net);
}

static void codel_marks_what_can_be_marked(void **state)
{
	(void)state;
	struct lab lab = lab_new(WIRE "codel ecn");
	unsigned marked = 0;
	stand(&lab, 20, 100, 2);
	assert_int_equal(counts(&lab)->dropped[DROP_LINK_AQM], 0);
	for (size_t i = 0; i < seen_at(lab.b)->n_seen; i++) {
		const struct seen *s = &seen_at(lab.b)->seen[i];
		assert_true(ip4_csum_ok(s->octets + ETH_HDR_LEN, IP4_HDR_MIN));
		assert_true(tos_of(s) == 2 || tos_of(s) == 3);
		marked += tos_of(s) == 3;
	}
	assert_true(marked > 10);
	assert_true(counts(&lab)->marked - marked <= 1);                     /* one is on its way */
	struct lab plain = lab_new(WIRE "codel ecn");
	stand(&plain, 20, 100, 0);
	assert_int_equal(counts(&plain)->marked, 0);
	assert_true(counts(&plain)->dropped[DROP_LINK_AQM] > 10);
	net_free(lab.net);
	net_free(plain.net);
}

/* ---- fq_codel ---- */

static void a_sparse_flow_passes_one_that_fills_the_link(void **state)
{
	(void)state;
	struct lab lab = lab_new(WIRE "fq_codel");
	for (uint16_t i = 0; i < 12; i++) send(&lab, 1, 0, i);
	run(&lab, NS_PER_MS);
	send_sized(&lab, 2, 0, 100, 60);
	run(&lab, 3 * FRAME_NS);
	assert_int_equal(mark_of(&seen_at(lab.b)->seen[2]), 100);            /* behind what is left of the first one's quantum */
	run(&lab, NS_PER_S);
	accounts_close(&lab);
	net_free(lab.net);
}

/* Frames of 1,000 octets and of 250: in the same time as many octets of each. */
static void flows_share_the_link_by_octets(void **state)
{
	(void)state;
	struct lab lab = lab_new(WIRE "fq_codel target 4s interval 4s");
	uint64_t octets[2] = {0};
	for (uint16_t i = 0; i < 100; i++) send(&lab, 1, 0, i);
	for (uint16_t i = 0; i < 400; i++) send_sized(&lab, 2, 0, (uint16_t)(1000 + i), 250);
	run(&lab, 400 * NS_PER_MS);
	for (size_t i = 0; i < seen_at(lab.b)->n_seen; i++) octets[mark_of(&seen_at(lab.b)->seen[i]) >= 1000] += seen_at(lab.b)->seen[i].len;
	assert_true(octets[0] + octets[1] >= 48000);
	assert_true(octets[0] < octets[1] + 4000 && octets[1] < octets[0] + 4000);
	net_free(lab.net);
}

static void the_fattest_flow_pays_when_the_whole_is_full(void **state)
{
	(void)state;
	struct lab lab = lab_new(WIRE "fq_codel limit 50");
	for (uint16_t i = 0; i < 10; i++) send(&lab, 2, 0, (uint16_t)(1000 + i));
	for (uint16_t i = 0; i < 90; i++) send(&lab, 1, 0, i);
	assert_true(net_link_waiting(lab.link, 0) <= 50);
	assert_true(counts(&lab)->dropped[DROP_LINK_QUEUE] >= 49);
	run(&lab, 10 * NS_PER_S);
	unsigned thin = 0;
	for (size_t i = 0; i < seen_at(lab.b)->n_seen; i++) thin += mark_of(&seen_at(lab.b)->seen[i]) >= 1000;
	assert_true(thin + counts(&lab)->dropped[DROP_LINK_AQM] >= 10);
	assert_true(thin >= 9);
	accounts_close(&lab);
	net_free(lab.net);
}

/* ---- red ---- */

static uint64_t red_drops(const char *words, uint16_t depth, unsigned rounds, uint64_t *ret_marked)
{
	char line[160];
	snprintf(line, sizeof line, WIRE "limit 1000 %s", words);
	struct lab lab = lab_new(line);
	stand(&lab, depth, rounds, 2);
	uint64_t n = counts(&lab)->dropped[DROP_LINK_AQM];
	if (ret_marked) *ret_marked = counts(&lab)->marked;
	net_free(lab.net);
	return n;
}

static void red_drops_by_the_average(void **state)
{
	(void)state;
	uint64_t marked;
	assert_int_equal(red_drops("red min 20000 max 60000 probability 10%", 15, 500, NULL), 0);    /* below min */
	uint64_t some = red_drops("red min 5000 max 45000 probability 10%", 15, 1000, NULL);
	assert_true(some > 4 && some < 15);                                                  /* the queue shrinks with each */
	assert_true(red_drops("red min 3000 max 8000 avpkt 1000 burst 5 probability 2%", 60, 0, NULL) > 20);   /* above max: all */
	assert_int_equal(red_drops("red min 5000 max 45000 probability 10% ecn", 15, 1000, &marked), 0);
	assert_true(marked > 20);
}

/* The chance at 15,000 octets is 5 %; evenly spaced, no two gaps are longer than twice the mean. */
static void red_spaces_its_marks(void **state)
{
	(void)state;
	struct lab lab = lab_new(WIRE "limit 1000 red min 5000 max 25000 avpkt 1000 burst 20 probability 10% ecn");
	size_t last = 0, n = 0;
	stand(&lab, 16, 3000, 2);
	for (size_t i = 500; i < seen_at(lab.b)->n_seen; i++) {
		if (tos_of(&seen_at(lab.b)->seen[i]) != 3) continue;
		if (last) assert_true(i - last <= 45);
		last = i;
		n++;
	}
	assert_true(n > 2500 / 20 * 3 / 2 && n < 2500 / 20 * 5 / 2);          /* between 1 and 1/chance, uniformly: on average every tenth */
	net_free(lab.net);
}

static void an_idle_link_forgets(void **state)
{
	(void)state;
	struct lab lab = lab_new(WIRE "red min 3000 max 8000 avpkt 1000 burst 5");
	for (uint16_t i = 0; i < 60; i++) send(&lab, 1, 0, i);
	assert_true(counts(&lab)->dropped[DROP_LINK_AQM] > 0);
	run(&lab, 10 * NS_PER_S);
	uint64_t before = counts(&lab)->dropped[DROP_LINK_AQM];
	for (uint16_t i = 0; i < 3; i++) send(&lab, 1, 0, i);
	assert_int_equal(counts(&lab)->dropped[DROP_LINK_AQM], before);
	net_free(lab.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_leave_as_the_wire_lets_them_and_the_delay_comes_after),
		cmocka_unit_test(another_discipline_takes_over_what_waits),
		cmocka_unit_test(what_waits_at_the_end_is_freed),
		cmocka_unit_test(a_figure_that_can_not_be_is_refused),
		cmocka_unit_test(codel_drops_by_its_law),
		cmocka_unit_test(codel_leaves_a_short_queue_alone),
		cmocka_unit_test(codel_marks_what_can_be_marked),
		cmocka_unit_test(a_sparse_flow_passes_one_that_fills_the_link),
		cmocka_unit_test(flows_share_the_link_by_octets),
		cmocka_unit_test(the_fattest_flow_pays_when_the_whole_is_full),
		cmocka_unit_test(red_drops_by_the_average),
		cmocka_unit_test(red_spaces_its_marks),
		cmocka_unit_test(an_idle_link_forgets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
