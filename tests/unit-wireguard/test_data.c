/* Datagrams through the tunnel: what waits, order and replay, whose addresses, where a peer is, what the outside shows. */
#include <linux/rtnetlink.h>
#include "bench.h"
#include "../unit/draw.h"
#include "stack/core/route.h"

static void talk(struct bench *b, int from, uint8_t mark)
{
	assert_int_equal(say(b, from, mark, 10), 10);
	settle(b);
	assert_int_equal(heard(b, !from), mark);
}

/* Until there is a session the newest 128 wait. */
static void test_staged(void **state)
{
	struct bench *b = *state;

	b->net.cut[0] = true;
	for (int i = 0; i < STAGED_MAX + 10; i++) assert_int_equal(say(b, 0, (uint8_t)i, 10), 10);
	assert_int_equal(drops(b, 0, DROP_WG_QUEUE), 10);
	b->net.cut[0] = false;
	bench_pass(b, 6 * NS_PER_S);
	for (int i = 10; i < STAGED_MAX + 10; i++) assert_int_equal(heard(b, 1), i);
	assert_int_equal(heard(b, 1), -1);
}

/* ---- replay ---- */

static void test_replay(void **state)
{
	struct bench *b = *state;
	struct message first;

	talk(b, 0, 1);
	first = b->last[0][WG_DATA];
	replay(b, 1, &first);
	settle(b);
	assert_int_equal(heard(b, 1), -1);
	assert_int_equal(drops(b, 1, DROP_WG_REPLAY), 1);
	/* One octet another, and nobody knows who has sent it. */
	assert_int_equal(say(b, 0, 2, 10), 10);
	first = b->last[0][WG_DATA];
	first.octets[40] ^= 1;
	replay(b, 1, &first);
	assert_int_equal(drops(b, 1, DROP_WG_NO_SESSION), 1);
	settle(b);
	assert_int_equal(heard(b, 1), 2);
}

#define KEPT 64
static struct message kept[KEPT];
static bool keep_data(struct bench *b, struct seen *v)
{
	if (v->type != WG_DATA || b->count >= KEPT) return false;
	kept[b->count].len = v->len;
	memcpy(kept[b->count++].octets, v->at, v->len);
	return true;
}

/* Backwards, each once. */
static void test_reordered(void **state)
{
	struct bench *b = *state;

	talk(b, 0, 1);
	b->lose = keep_data;
	for (int i = 0; i < KEPT; i++) assert_int_equal(say(b, 0, (uint8_t)(100 + i), 10), 10);
	for (int i = KEPT; i-- > 0;) replay(b, 1, &kept[i]);
	for (int i = 0; i < KEPT; i++) replay(b, 1, &kept[i]);
	settle(b);
	for (int i = KEPT; i-- > 0;) assert_int_equal(heard(b, 1), 100 + i);
	assert_int_equal(heard(b, 1), -1);
	assert_int_equal(drops(b, 1, DROP_WG_REPLAY), KEPT);
}

/* The window by itself, against a plain list of what was seen. */
static void test_window(void **state)
{
	enum { SPAN = 4 * REPLAY_BITS, STEPS = 200000 };
	static bool seen[SPAN];
	static struct wg_replay r;
	uint64_t above = 0, random = 1;

	(void)state;
	for (int i = 0; i < STEPS; i++) {
		uint64_t top = MIN(above + 200, (uint64_t)SPAN), c;
		draw_next(&random);
		c = i % 3 ? (random >> 33) % top : top - 1 - (random >> 33) % MIN(top, UINT64_C(400));
		assert_int_equal(wg_replay_fresh(&r, c), !seen[c] && c + 1 + WG_REPLAY_WINDOW >= above);
		if (c + 1 + WG_REPLAY_WINDOW >= above) seen[c] = true;
		above = MAX(above, c + 1);
	}
	assert_int_equal(above, SPAN);
	/* The edges: from nothing to the last counter that there is. */
	memset(&r, 0, sizeof r);
	assert_true(wg_replay_fresh(&r, 0));
	assert_false(wg_replay_fresh(&r, 0));
	assert_true(wg_replay_fresh(&r, REJECT_AFTER_MESSAGES - 1));
	assert_false(wg_replay_fresh(&r, REJECT_AFTER_MESSAGES - 1));
	assert_true(wg_replay_fresh(&r, REJECT_AFTER_MESSAGES - 2));
	assert_false(wg_replay_fresh(&r, REJECT_AFTER_MESSAGES));
	assert_false(wg_replay_fresh(&r, UINT64_MAX));
	assert_false(wg_replay_fresh(&r, 1));
}

/* ---- whose addresses ---- */

static void test_source_is_not_the_peers(void **state)
{
	struct bench *b = *state;

	talk(b, 0, 1);
	wg_disallow_all(b->peer[1]);
	assert_int_equal(say(b, 0, 2, 10), 10);
	settle(b);
	assert_int_equal(heard(b, 1), -1);
	assert_int_equal(drops(b, 1, DROP_WG_SOURCE), 1);
	/* And the other way: nobody is there to be sent to. */
	assert_int_equal(say(b, 1, 3, 10), -ENOKEY);
	allow(b->peer[1], "192.168.9.0/24");
	talk(b, 0, 4);
}

static void test_nobody_knows_where(void **state)
{
	struct bench *b = *state;

	assert_int_equal(say(b, 1, 1, 10), -EDESTADDRREQ);
	assert_int_equal(drops(b, 1, DROP_WG_NO_WAY), 1);
	talk(b, 0, 2);
	talk(b, 1, 3);
}

/* What is in it is no datagram, or says that it is longer than it is: an honest peer sends no such thing, but who has the key may. */
static void test_nonsense_inside(void **state)
{
	static const uint8_t inside[][32] = {{0x45, 0, 0, 40}, {0x45, 0, 0, 19}, {0x55}, {0x60, 0, 0, 0, 0, 1}};
	struct bench *b = *state;
	struct wg_session *x;

	talk(b, 0, 1);
	x = b->peer[0]->current;
	for (size_t i = 0; i < ARRAY_SIZE(inside); i++) {
		struct wg_data h = {le32_of(WG_DATA), le32_of(x->remote_index), le64_of(x->sent)};
		uint8_t message[sizeof h + 32 + AEAD_TAG], nonce[AEAD_NONCE] = {0}, *at = message + sizeof h;
		memcpy(message, &h, sizeof h);
		memcpy(at, inside[i], 32);
		memcpy(nonce + 4, h.counter.b, 8);
		x->sent++;
		assert_true(b->w[0]->crypto->aead.seal(x->seal, &(struct aead_text){.nonce = nonce, .data = at, .len = 32, .tag = at + 32}));
		inject(b, 1, "10.0.0.1", PORT, message, sizeof message);
	}
	assert_int_equal(drops(b, 1, DROP_WG_INNER), ARRAY_SIZE(inside));
	talk(b, 0, 2);
}

/* ---- where a peer is ---- */

static const struct wg_endpoint *where(const struct bench *b, int i) { return &b->peer[i]->endpoint; }

/* The newest message that proves itself says where; no other does. */
static void test_roaming(void **state)
{
	struct bench *b = *state;
	struct addr there = addr_v4(0x0a000009);
	struct message m;

	talk(b, 0, 1);
	b->net.cut[0] = true;
	assert_int_equal(say(b, 0, 2, 10), 10);
	m = b->last[0][WG_DATA];
	b->net.cut[0] = false;
	m.octets[20] ^= 1;
	inject(b, 1, "10.0.0.9", 4000, m.octets, m.len);
	assert_int_equal(where(b, 1)->port, PORT);
	m.octets[20] ^= 1;
	inject(b, 1, "10.0.0.9", 4000, m.octets, m.len);
	assert_int_equal(where(b, 1)->port, 4000);
	assert_true(addr_eq(&where(b, 1)->addr, &there));
	settle(b);
	assert_int_equal(heard(b, 1), 2);
	inject(b, 1, "10.0.0.1", PORT, m.octets, m.len);          /* once more: a replay moves nobody */
	assert_int_equal(where(b, 1)->port, 4000);
	talk(b, 0, 3);
	assert_int_equal(where(b, 1)->port, PORT);
}

/* An answer comes from the address that was asked, not from the one that the way would have. */
static void test_answers_from_where_it_was_asked(void **state)
{
	struct bench *b = *state;
	struct addr second = addr_v4(0x0a000003);
	struct wg_endpoint e = {.addr = second, .src = addr_any6, .port = PORT};

	assert_int_equal(netif_addr_add(b->net.wire[1][0], &second, 24), 0);
	wg_peer_set_endpoint(b->peer[0], &e);
	talk(b, 0, 1);
	talk(b, 1, 2);
	assert_true(addr_eq(&where(b, 0)->addr, &second));
	/* Until it has that address no more. */
	assert_int_equal(netif_addr_del(b->net.wire[1][0], &second, 24), 0);
	talk(b, 1, 3);
	assert_false(addr_eq(&where(b, 0)->addr, &second));
}

/* A tunnel whose end lies behind itself. */
static void test_no_loop(void **state)
{
	struct bench *b = *state;
	struct wg_endpoint e = {.addr = addr_v4(0xc0a80902), .src = addr_any6, .port = PORT};

	wg_peer_set_endpoint(b->peer[0], &e);
	assert_int_equal(say(b, 0, 1, 10), 10);
	settle(b);
	assert_int_equal(b->sent[0][WG_INITIATION], 0);
	assert_int_equal(drops(b, 0, DROP_WG_NO_WAY), 1);
}

static void test_mark_chooses_the_way(void **state)
{
	struct bench *b = *state;

	wg_set_mark(b->w[0], 7);
	talk(b, 0, 1);
	assert_int_equal(wg_mark(b->w[0]), 7);
}

/* ---- what the outside shows ---- */

static uint8_t outer_tos;
static bool note_tos(struct bench *b, struct seen *v)
{
	(void)b;
	if (v->from == 0) outer_tos = v->tos;
	return false;
}

static void test_tos(void **state)
{
	struct bench *b = *state;
	int ecn = 2 | 0xb8;

	b->lose = note_tos;
	assert_int_equal(sock_setsockopt(b->sock[0], IPPROTO_IP, IP_TOS, &ecn, sizeof ecn), 0);
	assert_int_equal(say(b, 0, 1, 10), 10);
	assert_int_equal(outer_tos, 0x88);
	settle(b);
	/* Of the inner one only what is for the network: RFC 6040. */
	assert_int_equal(outer_tos, 2);
}

/* RFC 6040 §4.2: what congestion the outside has met, the inner datagram tells; and its checksum is still right. */
static bool mark_congestion(struct bench *b, struct seen *v)
{
	struct ip4_hdr ip;

	(void)b;
	if (v->type != WG_DATA || v->from != 0) return false;
	assert_true(ip4_parse(&ip, v->p->data, v->p->len) > 0);
	ip.tos |= 3;
	ip4_emit(&ip, v->p->data);
	return false;
}

static void test_congestion_goes_in(void **state)
{
	struct bench *b = *state;
	int on = 1, ecn = 2;
	uint8_t data[100], control[64];
	struct sock_msg m = {.data = data, .len = sizeof data, .control = control, .control_len = sizeof control};
	struct cmsghdr h;

	talk(b, 0, 1);
	assert_int_equal(sock_setsockopt(b->sock[1], IPPROTO_IP, IP_RECVTOS, &on, sizeof on), 0);
	b->lose = mark_congestion;
	for (int i = 0; i < 2; i++, ecn = 0) {
		assert_int_equal(sock_setsockopt(b->sock[0], IPPROTO_IP, IP_TOS, &ecn, sizeof ecn), 0);
		assert_int_equal(say(b, 0, 2, 10), 10);
		settle(b);
		m.control_len = sizeof control;
		assert_int_equal(sock_recv(b->sock[1], &m), 10);
		memcpy(&h, control, sizeof h);
		assert_int_equal(h.cmsg_type, IP_TOS);
		assert_int_equal(control[CMSG_LEN(0)], ecn ? 3 : 0);
	}
}

/* Lengths are multiples of 16, up to the MTU. */
static void test_padding(void **state)
{
	struct bench *b = *state;

	talk(b, 0, 1);
	for (size_t len = 1; len < 100; len++) {
		size_t inner = len + IP4_HDR_MIN + UDP_HDR_LEN, padded = (inner + 15) & ~(size_t)15;
		assert_int_equal(say(b, 0, 1, len), len);
		assert_int_equal(b->last[0][WG_DATA].len, padded + WG_DATA_LEN_LEAST);
	}
	assert_int_equal(say(b, 0, 1, WG_MTU - IP4_HDR_MIN - UDP_HDR_LEN), WG_MTU - IP4_HDR_MIN - UDP_HDR_LEN);
	assert_int_equal(b->last[0][WG_DATA].len, WG_MTU + WG_DATA_LEN_LEAST);
}

/* More than the tunnel's MTU is cut before it goes in; with a large MTU the outside is cut, and made whole again. */
static void test_large(void **state)
{
	struct bench *b = *state;
	unsigned before;

	talk(b, 0, 1);
	before = b->sent[0][WG_DATA];
	assert_int_equal(say(b, 0, 2, 3000), 3000);
	settle(b);
	assert_int_equal(heard(b, 1), 2);
	assert_int_equal(b->sent[0][WG_DATA], before + 3);
	assert_int_equal(netif_set_mtu(b->tunnel[0], 9000), 0);
	assert_int_equal(say(b, 0, 3, 3000), 3000);
	settle(b);
	assert_int_equal(heard(b, 1), 3);
}

static void test_down(void **state)
{
	struct bench *b = *state;

	talk(b, 0, 1);
	assert_int_equal(netif_set_flags(b->tunnel[1], b->tunnel[1]->flags & ~1u), 0);
	assert_int_equal(say(b, 0, 2, 10), 10);
	settle(b);
	assert_int_equal(heard(b, 1), -1);
	assert_int_equal(drops(b, 1, DROP_UDP_NO_SOCKET), 1);
	/* Its port is somebody else's now. */
	netif_remove(b->tunnel[0]);
	assert_int_equal(netif_set_flags(b->tunnel[1], b->tunnel[1]->flags | 1), 0);
	settle(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_staged), BENCH_TEST(test_replay), BENCH_TEST(test_reordered), BENCH_TEST(test_source_is_not_the_peers),
		BENCH_TEST(test_nobody_knows_where), BENCH_TEST(test_nonsense_inside), BENCH_TEST(test_roaming),
		BENCH_TEST(test_answers_from_where_it_was_asked),
		BENCH_TEST(test_no_loop), BENCH_TEST(test_mark_chooses_the_way), BENCH_TEST(test_tos), BENCH_TEST(test_congestion_goes_in),
		BENCH_TEST(test_padding),
		BENCH_TEST(test_large), BENCH_TEST(test_down), cmocka_unit_test(test_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
