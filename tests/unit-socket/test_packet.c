/*
 * Packet sockets where time and the link decide, and with a ring whose words change under our hands: when a block is given to the program, what a cable carries
 * of tags and of what is cut, transmit rings that lie.
 */
#include <linux/if_ether.h>
#include <linux/virtio_net.h>
#include "stack/packet/packet_sock.h"
#include "world.h"

#define BLOCK 4096u

static struct sock *packet_on(struct stack *s, int type, int protocol)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_ifindex = netif_by_name(s, "eth0")->index, .sll_protocol = htons((uint16_t)protocol)};
	struct sock *sk = sock_make(s, AF_PACKET, type, 0);

	assert_int_equal(sock_bind(sk, (struct sockaddr *)&ll, sizeof ll), 0);
	return sk;
}

static void frame_send(struct sock *sk, int type, size_t octets)
{
	uint8_t frame[2000] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, [12] = (uint8_t)(type >> 8), (uint8_t)type};

	assert_int_equal(do_send(sk, frame, octets), octets);
}

static struct tpacket_block_desc *block_of(struct sock *sk, unsigned i) { return (void *)(packet_ring_memory(sk, false)->at + i * BLOCK); }
static uint32_t status_of(struct sock *sk, unsigned i) { return block_of(sk, i)->hdr.bh1.block_status; }
static bool readable(struct sock *sk) { return sock_poll(sk) & EPOLLIN; }

static struct sock *ring_of_blocks(struct stack *s, uint32_t retire_ms)
{
	struct tpacket_req3 q = {BLOCK, 2, 2048, 4, retire_ms, 0, 0};
	struct sock *sk = packet_on(s, SOCK_RAW, 0x88b5);

	assert_int_equal(set_int(sk, SOL_PACKET, PACKET_VERSION, TPACKET_V3), 0);
	assert_int_equal(sock_setsockopt(sk, SOL_PACKET, PACKET_RX_RING, &q, sizeof q), 0);
	return sk;
}

/* settle() lets 100 ms pass. */
static void a_block_waits_for_its_time(void **state)
{
	struct world *w = *state;
	struct sock *rx = ring_of_blocks(w->b, 250), *tx = packet_on(w->a, SOCK_RAW, 0x88b5);

	frame_send(tx, 0x88b5, 60);
	settle(w);
	assert_false(readable(rx));
	settle(w);
	assert_false(readable(rx));
	frame_send(tx, 0x88b5, 60);
	settle(w);
	assert_true(readable(rx));
	assert_int_equal(status_of(rx, 0), TP_STATUS_USER | TP_STATUS_BLK_TMO);
	assert_int_equal(block_of(rx, 0)->hdr.bh1.num_pkts, 2);
	settle(w);
	settle(w);
	settle(w);
	assert_int_equal(status_of(rx, 1), TP_STATUS_KERNEL);   /* an empty one waits for ever */
	sock_close(rx);
	sock_close(tx);
}

/* A socket that is closed while a block waits leaves no timer behind. */
static void closed_while_a_block_waits(void **state)
{
	struct world *w = *state;
	struct sock *rx = ring_of_blocks(w->b, 250), *tx = packet_on(w->a, SOCK_RAW, 0x88b5);

	frame_send(tx, 0x88b5, 60);
	settle(w);
	sock_close(rx);
	assert_int_equal(stack_deadline(w->b), TIME_NEVER);
	sock_close(tx);
}

/* Whatever the program writes into a block, we go on where we were. */
static void words_of_a_block_lie(void **state)
{
	struct world *w = *state;
	struct sock *rx = ring_of_blocks(w->b, 50), *tx = packet_on(w->a, SOCK_RAW, 0x88b5);

	for (int i = 0; i < 40; i++) {
		memset(packet_ring_memory(rx, false)->at, 0xff, 2 * BLOCK);
		for (unsigned b = 0; b < 2; b++) block_of(rx, b)->hdr.bh1.block_status = i & 1 ? TP_STATUS_KERNEL : 0xfffffffe;
		frame_send(tx, 0x88b5, 1400);
		frame_send(tx, 0x88b5, 1400);
		frame_send(tx, 0x88b5, 1400);
		settle(w);
	}
	for (unsigned b = 0; b < 2; b++) block_of(rx, b)->hdr.bh1.block_status = TP_STATUS_KERNEL;
	frame_send(tx, 0x88b5, 60);
	settle(w);
	assert_int_equal(status_of(rx, 0) | status_of(rx, 1), TP_STATUS_USER | TP_STATUS_BLK_TMO);
	sock_close(rx);
	sock_close(tx);
}

static struct sock *transmit_ring(struct stack *s, int version)
{
	struct tpacket_req3 q = {BLOCK, 1, 2048, 2, 0, 0, 0};
	struct sock *sk = packet_on(s, SOCK_RAW, 0x88b5);

	assert_int_equal(set_int(sk, SOL_PACKET, PACKET_VERSION, version), 0);
	assert_int_equal(set_int(sk, SOL_PACKET, PACKET_TX_HAS_OFF, 1), 0);
	assert_int_equal(sock_setsockopt(sk, SOL_PACKET, PACKET_TX_RING, &q, sizeof q), 0);
	return sk;
}

/* No length and no offset takes us outside a slot. */
static void words_of_a_transmit_ring_lie(void **state)
{
	static const uint32_t lies[] = {0, 1, 13, 14, 1996, 2047, 2048, 0x7fffffff, 0x80000000, 0xffffffff};
	struct world *w = *state;

	for (int version = TPACKET_V1; version <= TPACKET_V3; version++) {
		struct sock *sk = transmit_ring(w->a, version);
		uint8_t *slot = packet_ring_memory(sk, true)->at;
		size_t status_at = version == TPACKET_V3 ? offsetof(struct tpacket3_hdr, tp_status) : 0;
		for (size_t i = 0; i < ARRAY_SIZE(lies) * ARRAY_SIZE(lies); i++) {
			uint32_t status = TP_STATUS_SEND_REQUEST;
			for (size_t at = 0; at < 48; at += 4) memcpy(slot + at, &lies[at / 4 % 2 ? i % ARRAY_SIZE(lies) : i / ARRAY_SIZE(lies)], 4);
			memcpy(slot + status_at, &status, sizeof status);
			ssize_t n = do_send(sk, NULL, 0);
			assert_true(n == -EINVAL || n == -EMSGSIZE || (n >= 0 && n <= 1514));
			memset(slot, 0, 2 * 2048);
		}
		sock_close(sk);
	}
}

/* A tag goes over the cable, and is told beside the frame at its other end. */
static void a_tag_over_a_cable(void **state)
{
	struct world *w = *state;
	struct sock *tx = packet_on(w->a, SOCK_RAW, ETH_P_8021Q), *rx = packet_on(w->b, SOCK_RAW, ETH_P_ALL);
	uint8_t frame[64] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, [12] = 0x81, 0, 0x30, 5, 0x88, 0xb5};
	struct tpacket_auxdata aux;
	struct sock_msg m = {0};

	assert_int_equal(set_int(rx, SOL_PACKET, PACKET_AUXDATA, 1), 0);
	assert_int_equal(do_send(tx, frame, sizeof frame), sizeof frame);
	settle(w);
	assert_int_equal(do_recvmsg(rx, 0, &m), 60);
	assert_int_equal(control_of(&m, SOL_PACKET, PACKET_AUXDATA, &aux, sizeof aux), sizeof aux);
	assert_int_equal(aux.tp_status, TP_STATUS_USER | TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID);
	assert_int_equal(aux.tp_vlan_tci, 0x3005);
	assert_int_equal(aux.tp_vlan_tpid, ETH_P_8021Q);
	assert_int_equal(((struct sockaddr_ll *)m.name)->sll_protocol, htons(0x88b5));
	sock_close(tx);
	sock_close(rx);
}

/* 2000 octets of TCP become segments that the link takes: numbers go on, only the last one pushes, sums are right. */
static void segments_are_cut(void **state)
{
	struct world *w = *state;
	struct sock *tx = packet_on(w->a, SOCK_RAW, ETH_P_IP), *rx = packet_on(w->b, SOCK_RAW, ETH_P_IP);
	struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 900, .hdr_len = 54,
				   .csum_start = 34, .csum_offset = 16};
	uint8_t out[10 + 54 + 2000] = {0}, in[2000], *eth = out + 10, *ip = eth + 14, *tcp = ip + 20;
	const struct { size_t len; uint32_t seq; uint8_t flags; } want[] = {{954, 7, 0x90}, {954, 907, 0x10}, {254, 1807, 0x18}};

	memcpy(out, &h, sizeof h);
	memset(eth, 0xff, 6);
	write16(eth + 12, ETH_P_IP);
	memcpy(ip, (uint8_t[]){0x45, 0, (20 + 20 + 2000) >> 8, (20 + 20 + 2000) & 0xff, 0xff, 0xff, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 9}, 20);
	write32(tcp + 4, 7);
	tcp[12] = 0x50;
	tcp[13] = 0x98;
	assert_int_equal(set_int(tx, SOL_PACKET, PACKET_VNET_HDR, 1), 0);
	assert_int_equal(do_send(tx, out, sizeof out), sizeof out);
	settle(w);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		struct ip4_hdr got;
		assert_int_equal(do_recv(rx, in, sizeof in, 0), want[i].len);
		assert_true(ip4_parse(&got, in + 14, want[i].len - 14) > 0 && ip4_csum_ok(in + 14, 20));
		assert_int_equal(got.id, (uint16_t)(0xffff + i));
		assert_int_equal(read32(in + 38), want[i].seq);
		assert_int_equal(in[47], want[i].flags);
		assert_int_equal(csum_fold(csum_add(csum_pseudo(&got.src, &got.dst, IP_PROTO_TCP, (uint32_t)want[i].len - 34), in + 34, want[i].len - 34)), 0);
	}
	assert_int_equal(do_recv(rx, in, sizeof in, 0), -EAGAIN);
	tcp[12] = 0x20;                       /* a header of 8 octets */
	assert_int_equal(do_send(tx, out, sizeof out), -EINVAL);
	tcp[12] = 0x50;
	h.gso_size = UINT16_MAX;              /* no piece of that length has a length */
	memcpy(out, &h, sizeof h);
	assert_int_equal(do_send(tx, out, sizeof out), -EINVAL);
	sock_close(tx);
	sock_close(rx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_block_waits_for_its_time), WORLD_TEST(closed_while_a_block_waits), WORLD_TEST(words_of_a_block_lie),
		WORLD_TEST(words_of_a_transmit_ring_lie), WORLD_TEST(a_tag_over_a_cable), WORLD_TEST(segments_are_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
