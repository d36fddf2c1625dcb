/*
 * Rings of packet sockets: blocks of TPACKET_V3 and when they are given to the program, transmit rings of all versions with what is wrong in them, what a
 * slot cuts, statistics, epoll. Runs as root, on loopback.
 */
#include "say.h"
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#define BLOCK 65536u

static int lo;

static int sock(int type, int protocol) { return MUST(socket(AF_PACKET, type, htons((uint16_t)protocol))); }

static int on_lo(int type, int protocol)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_ifindex = lo, .sll_protocol = htons((uint16_t)protocol) };
	int fd = sock(type, 0);

	MUST(bind(fd, (struct sockaddr *)&a, sizeof(a)));
	return fd;
}

static void udp_send(size_t octets)
{
	static char data[65000];
	int fd = MUST(socket(AF_INET, SOCK_DGRAM, 0));
	union name to = name_lo(AF_INET, 9999);

	memset(data, 'd', sizeof(data));
	MUST(sendto(fd, data, octets, 0, &to.sa, name_len(AF_INET)));
	close(fd);
}

static void version_set(int fd, int version) { MUST(setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version))); }

static void *mapped(int fd, size_t octets)
{
	void *at = mmap(NULL, octets, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		say("mmap", "%s", say_errno(errno)), exit(1);
	return at;
}

/* ---- blocks ---- */

static void say_block(const char *what, const struct tpacket_block_desc *d)
{
	const struct tpacket_hdr_v1 *h = &d->hdr.bh1;
	const struct tpacket3_hdr *p = (const void *)((const char *)d + h->offset_to_first_pkt);

	say(what, "status %x version %u private at %u, %u frames from %u, %u octets, number %llu", h->block_status & ~(unsigned)TP_STATUS_LOSING, d->version,
	    d->offset_to_priv, h->num_pkts, h->offset_to_first_pkt, h->blk_len, (unsigned long long)h->seq_num);
	for (unsigned i = 0; i < h->num_pkts && i < 4; i++) {
		say("frame", "next %u snap %u len %u user %u mac %u net %u hash %d vlan %x %x", p->tp_next_offset, p->tp_snaplen, p->tp_len, p->tp_status & 1,
		    p->tp_mac, p->tp_net, p->hv1.tp_rxhash != 0, p->hv1.tp_vlan_tci, p->hv1.tp_vlan_tpid);
		p = (const void *)((const char *)p + p->tp_next_offset);
	}
	say("stamps", "%s", h->ts_first_pkt.ts_sec && h->ts_last_pkt.ts_sec >= h->ts_first_pkt.ts_sec ? "in order" : "wrong");
}

static void say_stats(int fd)
{
	struct tpacket_stats_v3 st = { 0 };
	socklen_t len = sizeof(st);

	MUST(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &len));
	say("statistics", "%u: %u frames %u dropped %u frozen", len, st.tp_packets, st.tp_drops, st.tp_freeze_q_cnt);
}

static void refusals(void)
{
	static const struct { const char *what; struct tpacket_req3 q; bool tx; } all[] = {
		{ "no room for a frame", { BLOCK, 2, 48, BLOCK / 48 * 2, 0, 0, 0 }, false },
		{ "a block full of private room", { BLOCK, 2, 2048, 64, 0, BLOCK, 0 }, false },
		{ "no whole pages", { 100, 2, 96, 2, 0, 0, 0 }, false },
		{ "frames without blocks", { BLOCK, 0, 2048, 64, 0, 0, 0 }, false },
		{ "sent after a time", { BLOCK, 2, 2048, 64, 10, 0, 0 }, true },
		{ "sent with private room", { BLOCK, 2, 2048, 64, 0, 8, 0 }, true },
		{ "sent with features", { BLOCK, 2, 2048, 64, 0, 0, 1 }, true },
		{ "sent", { BLOCK, 2, 2048, 64, 0, 0, 0 }, true },
		{ "sent again", { BLOCK, 2, 2048, 64, 0, 0, 0 }, true },
		{ "received", { BLOCK, 2, 2048, 64, 0, 0, 0 }, false },
		{ "received again", { BLOCK, 2, 2048, 64, 0, 0, 0 }, false },
	};
	int fd = sock(SOCK_RAW, ETH_P_IP), v = 0;

	version_set(fd, TPACKET_V3);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		say_rc(all[i].what, setsockopt(fd, SOL_PACKET, all[i].tx ? PACKET_TX_RING : PACKET_RX_RING, &all[i].q, sizeof(all[i].q)));
		say_rc("as of V2", setsockopt(fd, SOL_PACKET, all[i].tx ? PACKET_TX_RING : PACKET_RX_RING, &all[i].q, sizeof(struct tpacket_req)));
	}
	say_rc("both mapped", mmap(NULL, 4 * BLOCK, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
	say_rc("one mapped", mmap(NULL, 2 * BLOCK, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
	say_rc("from the second page", mmap(NULL, 4 * BLOCK, PROT_READ, MAP_SHARED, fd, 4096) == MAP_FAILED ? -1 : 0);
	say_rc("another version", setsockopt(fd, SOL_PACKET, PACKET_VERSION, &v, sizeof(v)));
	say_rc("PACKET_RESERVE", setsockopt(fd, SOL_PACKET, PACKET_RESERVE, &v, sizeof(v)));
	say_rc("PACKET_LOSS", setsockopt(fd, SOL_PACKET, PACKET_LOSS, &v, sizeof(v)));
	say_rc("PACKET_VNET_HDR", setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &v, sizeof(v)));
	say_rc("PACKET_TX_HAS_OFF", setsockopt(fd, SOL_PACKET, PACKET_TX_HAS_OFF, &v, sizeof(v)));
	close(fd);
}

/* Frames that come alone are given after the time; those that fill a block at once. */
static void blocks(int type, unsigned private, unsigned features)
{
	struct tpacket_req3 q = { BLOCK, 3, 2048, 96, 500, private, features };
	int fd = sock(type, ETH_P_IP);
	struct pollfd p = { fd, POLLIN, 0 };
	unsigned char *map;

	version_set(fd, TPACKET_V3);
	say_rc("ring", setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, sizeof(q)));
	map = mapped(fd, 3 * BLOCK);
	say_rc("nothing yet", poll(&p, 1, 0));
	udp_send(5);
	udp_send(6);
	say_rc("after a time", poll(&p, 1, 5000));
	say_block("first", (void *)map);
	((struct tpacket_block_desc *)map)->hdr.bh1.block_status = 0;
	say_rc("given back", poll(&p, 1, 0));
	for (int i = 0; i < 4; i++)
		udp_send(20000);
	say_rc("full", poll(&p, 1, 5000));
	say_block("second", (void *)(map + BLOCK));
	say_stats(fd);
	munmap(map, 3 * BLOCK);
	close(fd);
}

/* What the program does not give back is not filled again. */
static void frozen(void)
{
	struct tpacket_req3 q = { 4096, 2, 2048, 4, 60000, 0, 0 };
	int fd = sock(SOCK_RAW, ETH_P_IP);
	unsigned char *map;

	version_set(fd, TPACKET_V3);
	MUST(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, sizeof(q)));
	map = mapped(fd, 8192);
	for (int i = 0; i < 6; i++)
		udp_send(1500);
	say_block("first", (void *)map);
	say_block("second", (void *)(map + 4096));
	say_stats(fd);
	((struct tpacket_block_desc *)map)->hdr.bh1.block_status = 0;
	for (int i = 0; i < 3; i++)
		udp_send(1000 + i);
	say_block("first again", (void *)map);
	udp_send(9000);
	say_stats(fd);
	munmap(map, 8192);
	close(fd);
}

/* ---- slots ---- */

static void slots(int version)
{
	struct tpacket_req q = { 4096, 1, 1024, 4 };
	int fd = sock(SOCK_RAW, ETH_P_IP), thresh = 1;
	struct pollfd p = { fd, POLLIN, 0 };
	char data[4096];
	unsigned char *map;

	version_set(fd, version);
	say_rc("PACKET_COPY_THRESH", setsockopt(fd, SOL_PACKET, PACKET_COPY_THRESH, &thresh, sizeof(thresh)));
	udp_send(3);
	MUST(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, sizeof(q)));
	map = mapped(fd, 4096);
	say_rc("what came before is gone", poll(&p, 1, 0));
	udp_send(2000);
	say_rc("cut", poll(&p, 1, 5000));
	if (version == TPACKET_V1)
		say("frame", "copied %d len %u snap %u", !!(((struct tpacket_hdr *)map)->tp_status & TP_STATUS_COPY), ((struct tpacket_hdr *)map)->tp_len,
		    ((struct tpacket_hdr *)map)->tp_snaplen);
	else
		say("frame", "copied %d len %u snap %u", !!(((struct tpacket2_hdr *)map)->tp_status & TP_STATUS_COPY), ((struct tpacket2_hdr *)map)->tp_len,
		    ((struct tpacket2_hdr *)map)->tp_snaplen);
	say_rc("the whole", recv(fd, data, sizeof(data), MSG_DONTWAIT));
	for (int i = 0; i < 5; i++)
		udp_send(10);
	say_stats(fd);
	for (int i = 0; i < 4; i++)
		say("slot", "%d", *(unsigned *)(map + i * 1024) & 1);
	munmap(map, 4096);
	close(fd);
}

static void epolled(uint32_t how)
{
	struct tpacket_req q = { 4096, 2, 2048, 4 };
	int fd = sock(SOCK_RAW, ETH_P_IP), ep = MUST(epoll_create1(0));
	struct epoll_event ev = { .events = EPOLLIN | how };
	unsigned char *map;

	version_set(fd, TPACKET_V2);
	MUST(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, sizeof(q)));
	map = mapped(fd, 8192);
	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	say_rc("nothing", epoll_wait(ep, &ev, 1, 0));
	udp_send(1);
	say_rc("one", epoll_wait(ep, &ev, 1, 5000));
	*(unsigned *)map = 0;
	say_rc("taken", epoll_wait(ep, &ev, 1, 0));
	udp_send(2);
	say_rc("another", epoll_wait(ep, &ev, 1, 5000));
	udp_send(3);
	say_rc("and another", epoll_wait(ep, &ev, 1, 5000));
	munmap(map, 8192);
	close(ep), close(fd);
}

/* ---- sending ---- */

struct slot { unsigned *status; unsigned *len; unsigned short *mac, *net; unsigned *next; };

static struct slot slot_of(int version, void *at)
{
	static unsigned none;
	struct tpacket_hdr *h1 = at;
	struct tpacket2_hdr *h2 = at;
	struct tpacket3_hdr *h3 = at;

	switch (version) {
	case TPACKET_V1: return (struct slot){ (unsigned *)&h1->tp_status, &h1->tp_len, &h1->tp_mac, &h1->tp_net, &none };
	case TPACKET_V2: return (struct slot){ &h2->tp_status, &h2->tp_len, &h2->tp_mac, &h2->tp_net, &none };
	default: return (struct slot){ &h3->tp_status, &h3->tp_len, &h3->tp_mac, &h3->tp_net, &h3->tp_next_offset };
	}
}

static size_t data_at(int version)
{
	return (version == TPACKET_V1 ? TPACKET_HDRLEN : version == TPACKET_V2 ? TPACKET2_HDRLEN : TPACKET3_HDRLEN) - sizeof(struct sockaddr_ll);
}

static void slot_put(int version, unsigned char *slot, int number, unsigned len)
{
	struct slot s = slot_of(version, slot);
	unsigned char *frame = slot + data_at(version);

	memset(frame, number, len);
	memset(frame, 0, len < 12 ? len : 12);
	frame[12] = 0x88, frame[13] = 0xb5;                    /* for local experiments */
	*s.len = len;
	*s.status = TP_STATUS_SEND_REQUEST;
}

static void say_seen(int fd)
{
	unsigned char data[4096];
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	ssize_t n;

	while ((n = recvfrom(fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&from, &len)) >= 0)
		say("seen", "%zd octets, %02x%02x %02x, protocol %x kind %d", n, data[12], data[13], data[n - 1], ntohs(from.sll_protocol), from.sll_pkttype);
}

static void transmitted(int version, int loss)
{
	struct tpacket_req3 q = { 16384, 1, 4096, 4, 0, 0, 0 };
	int fd = on_lo(SOCK_RAW, 0x88b5), see = on_lo(SOCK_RAW, 0x88b5);
	unsigned char *map;

	version_set(fd, version);
	MUST(setsockopt(fd, SOL_PACKET, PACKET_LOSS, &loss, sizeof(loss)));
	MUST(setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &q, sizeof(q)));
	map = mapped(fd, 16384);
	say_rc("nothing to send", send(fd, NULL, 0, MSG_DONTWAIT));
	say_rc("data is not looked at", send(fd, "0123456789abcdef", 16, MSG_DONTWAIT));
	slot_put(version, map, 1, 60);
	slot_put(version, map + 4096, 2, 100);
	say_rc("two", send(fd, NULL, 0, MSG_DONTWAIT));
	say_seen(see);
	for (int i = 0; i < 3; i++)
		say("slot", "%x", *slot_of(version, map + i * 4096).status & 7);
	slot_put(version, map + 8192, 3, 13);
	slot_put(version, map + 12288, 4, 80);
	say_rc("too short", send(fd, NULL, 0, MSG_DONTWAIT));
	for (int i = 2; i < 4; i++)
		say("slot", "%x", *slot_of(version, map + i * 4096).status & 7);
	slot_put(version, map + (loss ? 0 : 8192), 5, 80);
	say_rc("mended", send(fd, NULL, 0, MSG_DONTWAIT));
	say_seen(see);
	slot_put(version, map + (loss ? 4096 : 0), 6, 80);
	*slot_of(version, map + (loss ? 4096 : 0)).len = 5000;
	say_rc("too long", send(fd, NULL, 0, MSG_DONTWAIT));
	say("slot", "%x", *slot_of(version, map + (loss ? 4096 : 0)).status & 7);
	say_poll("poll", fd);
	say_seen(see);
	munmap(map, 16384);
	close(fd), close(see);
}

static void offsets(int version, int type)
{
	struct tpacket_req3 q = { 8192, 1, 4096, 2, 0, 0, 0 };
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = lo, .sll_protocol = htons(0x88b5), .sll_halen = 6 };
	int fd = sock(type, 0), see = on_lo(SOCK_RAW, 0x88b5), yes = 1;
	static const unsigned short at[] = { 0, 31, 32, 48, 200, 4000, 4036, 4037 };
	unsigned char *map;

	version_set(fd, version);
	MUST(setsockopt(fd, SOL_PACKET, PACKET_TX_HAS_OFF, &yes, sizeof(yes)));
	MUST(setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &q, sizeof(q)));
	map = mapped(fd, 8192);
	say_rc("to nowhere", send(fd, NULL, 0, MSG_DONTWAIT));
	for (size_t i = 0, slot = 0; i < sizeof(at) / sizeof(*at); i++) {
		struct slot s = slot_of(version, map + slot * 4096);
		memset(map + slot * 4096 + data_at(version), 0x40 + (int)i, 4096 - data_at(version));
		memset(map + slot * 4096 + at[i] + 64 * (at[i] < 64), 0x50 + (int)i, at[i] < 4000 ? 60 : 4096u - at[i]);
		*s.mac = *s.net = at[i];
		*s.len = 60;
		*s.next = 0;
		*s.status = TP_STATUS_SEND_REQUEST;
		ssize_t n = sendto(fd, NULL, 0, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
		say("sent", "%d: %s", at[i], n < 0 ? say_errno(errno) : "ok");
		say("slot", "%x", *s.status & 7);
		slot ^= n >= 0;
		if (type == SOCK_DGRAM)
			say_seen(see);             /* now: the kernel's frame is still in the slot */
	}
	if (version == TPACKET_V3) {
		*slot_of(version, map).next = 8;
		slot_put(version, map, 1, 60), slot_put(version, map + 4096, 1, 60);
		*slot_of(version, map + 4096).next = 8;
		say_rc("one that goes on", sendto(fd, NULL, 0, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)));
	}
	munmap(map, 8192);
	close(fd), close(see);
}

int main(void)
{
	say_start();
	lo = (int)if_nametoindex("lo");
	say_about("refusals"), refusals();
	say_about("blocks"), blocks(SOCK_RAW, 0, 0);
	say_about("blocks dgram"), blocks(SOCK_DGRAM, 13, 0);
	say_about("blocks hashed"), blocks(SOCK_RAW, 0, TP_FT_REQ_FILL_RXHASH);
	say_about("frozen"), frozen();
	say_about("slots 1"), slots(TPACKET_V1);
	say_about("slots 2"), slots(TPACKET_V2);
	say_about("epoll"), epolled(0);
	say_about("epoll edges"), epolled(EPOLLET);
	for (int version = TPACKET_V1; version <= TPACKET_V3; version++) {
		say_about("sent %d", version + 1), transmitted(version, 0);
		say_about("sent with loss %d", version + 1), transmitted(version, 1);
		say_about("offsets %d", version + 1), offsets(version, SOCK_RAW);
		say_about("offsets dgram %d", version + 1), offsets(version, SOCK_DGRAM);
	}
	return 0;
}
