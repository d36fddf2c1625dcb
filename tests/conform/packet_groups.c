/*
 * PACKET_FANOUT: who may join what, and who gets which frame; PACKET_ROLLOVER_STATS. And what else packet sockets leave to the kernel: virtio headers,
 * SOCK_PACKET, frames of protocols of one's own over loopback, VLAN tags. Runs as root, on loopback.
 */
#include "say.h"
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/udp.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sys/mman.h>

#define OWN 0x88b5                                     /* for local experiments */
#define UDP_L4 5                                       /* VIRTIO_NET_HDR_GSO_UDP_L4 of newer headers */

static int lo;

static struct sockaddr_ll ll(int protocol)
{
	return (struct sockaddr_ll){ .sll_family = AF_PACKET, .sll_ifindex = lo, .sll_protocol = htons((uint16_t)protocol), .sll_halen = 6 };
}

static int on_lo(int type, int protocol)
{
	struct sockaddr_ll a = ll(protocol);
	int fd = MUST(socket(AF_PACKET, type, 0));

	MUST(bind(fd, (struct sockaddr *)&a, sizeof(a)));
	return fd;
}

static void udp_send(int from, size_t octets)
{
	static char data[2000];
	int fd = MUST(socket(AF_INET, SOCK_DGRAM, 0));
	union name to = name_lo(AF_INET, 9999);
	union name at = name_lo(AF_INET, (uint16_t)from);

	MUST(bind(fd, &at.sa, name_len(AF_INET)));
	MUST(sendto(fd, data, octets, 0, &to.sa, name_len(AF_INET)));
	close(fd);
}

static int frames_of(int fd)
{
	char data[100];
	int n = 0;

	while (recv(fd, data, sizeof(data), MSG_DONTWAIT) >= 0)
		n++;
	return n;
}

/* ---- groups ---- */

static int join(int fd, int id, int type_flags)
{
	int v = id | type_flags << 16;

	return setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &v, sizeof(v));
}

static void say_group(const char *what, int fd)
{
	unsigned v = 0;
	socklen_t len = sizeof(v);

	MUST(getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &v, &len));
	say(what, "type %u flags %x", v >> 16 & 0xff, v >> 24);
}

static void joining(void)
{
	int a = on_lo(SOCK_RAW, ETH_P_IP), b = on_lo(SOCK_DGRAM, ETH_P_IP), other = on_lo(SOCK_RAW, ETH_P_ALL), fresh = MUST(socket(AF_PACKET, SOCK_RAW, 0));
	struct fanout_args args = { .id = 9, .type_flags = PACKET_FANOUT_LB, .max_num_members = 1 };
	struct tpacket_rollover_stats st;
	socklen_t len = sizeof(st);

	say_rc("no such type", join(a, 7, 8));
	say_rc("rolling over twice", join(a, 7, PACKET_FANOUT_ROLLOVER | PACKET_FANOUT_FLAG_ROLLOVER));
	say_rc("no protocol", join(fresh, 7, PACKET_FANOUT_HASH));
	say_rc("no statistics", getsockopt(a, SOL_PACKET, PACKET_ROLLOVER_STATS, &st, &len));
	say_group("none", a);
	say_rc("the first", join(a, 7, PACKET_FANOUT_HASH));
	say_group("in", a);
	say_rc("again", join(a, 7, PACKET_FANOUT_HASH));
	say_rc("another type", join(b, 7, PACKET_FANOUT_LB));
	say_rc("other flags", join(b, 7, PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_ROLLOVER));
	say_rc("another protocol", join(other, 7, PACKET_FANOUT_HASH));
	say_rc("the second", join(b, 7, PACKET_FANOUT_HASH));
	struct sockaddr_ll to = ll(ETH_P_IP);
	say_rc("bound elsewhere", bind(a, (struct sockaddr *)&to, sizeof(to)));
	args.max_num_members = 70000;
	say_rc("too many", setsockopt(other, SOL_PACKET, PACKET_FANOUT, &args, sizeof(args)));
	args.max_num_members = 1;
	say_rc("for one", setsockopt(other, SOL_PACKET, PACKET_FANOUT, &args, sizeof(args)));
	close(b);
	b = on_lo(SOCK_RAW, ETH_P_ALL);
	say_rc("it is full", setsockopt(b, SOL_PACKET, PACKET_FANOUT, &args, sizeof(args)));
	args.max_num_members = 2;
	say_rc("of another size", setsockopt(b, SOL_PACKET, PACKET_FANOUT, &args, sizeof(args)));
	say_rc("a number of its own", join(b, 0, PACKET_FANOUT_CPU | PACKET_FANOUT_FLAG_UNIQUEID));
	say_group("in", b);
	close(b);
	b = on_lo(SOCK_RAW, ETH_P_ALL);
	say_rc("a number of its own, given", join(b, 3, PACKET_FANOUT_CPU | PACKET_FANOUT_FLAG_UNIQUEID));
	say_rc("rolling over", join(b, 3, PACKET_FANOUT_ROLLOVER));
	say_rc("statistics", getsockopt(b, SOL_PACKET, PACKET_ROLLOVER_STATS, &st, &len));
	say("are", "%llu %llu %llu", (unsigned long long)st.tp_all, (unsigned long long)st.tp_huge, (unsigned long long)st.tp_failed);
	close(a), close(b), close(other), close(fresh);
}

static void group_make(int fd[3], int type, int id, int protocol)
{
	for (int i = 0; i < 3; i++) {
		fd[i] = on_lo(SOCK_DGRAM, protocol);
		say_rc("join", join(fd[i], id, type));
	}
}

static void group_close(int fd[3])
{
	for (int i = 0; i < 3; i++)
		close(fd[i]);
}

/* How many each has, where the kernel's choice is to be foreseen. */
static void say_shares(int fd[3])
{
	int n[3];

	for (int i = 0; i < 3; i++)
		n[i] = frames_of(fd[i]);
	say("shares", "%d %d %d", n[0], n[1], n[2]);
}

static void sharing(void)
{
	int fd[3], with_any = 0;

	group_make(fd, PACKET_FANOUT_LB, 20, ETH_P_IP);
	for (int i = 0; i < 9; i++)
		udp_send(0, 10);
	say_shares(fd);
	group_close(fd);
	group_make(fd, PACKET_FANOUT_HASH, 21, ETH_P_IP);
	for (int i = 0; i < 6; i++)
		udp_send(40001, 10);
	for (int i = 0; i < 3; i++) {
		int n = frames_of(fd[i]);
		with_any += n > 0;
		if (n > 0)
			say("one has", "%d", n);
	}
	say("members with frames", "%d", with_any);
	group_close(fd);
	group_make(fd, PACKET_FANOUT_RND, 22, ETH_P_IP);
	for (int i = 0; i < 30; i++)
		udp_send(0, 10);
	say("of all", "%d", frames_of(fd[0]) + frames_of(fd[1]) + frames_of(fd[2]));
	group_close(fd);
	group_make(fd, PACKET_FANOUT_QM, 23, ETH_P_IP);
	udp_send(0, 10);
	say_shares(fd);
	group_close(fd);
}

/* A program's result says who. */
static void programmed(void)
{
	struct sock_filter by_length[] = { BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_RET | BPF_A, 0) },
		bad[] = { BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0) };
	struct sock_fprog prog = { 2, by_length }, wrong = { 1, bad };
	int fd[3], none = -1, lone = on_lo(SOCK_RAW, ETH_P_IP);

	say_rc("no group", setsockopt(lone, SOL_PACKET, PACKET_FANOUT_DATA, &prog, sizeof(prog)));
	close(lone);
	group_make(fd, PACKET_FANOUT_CBPF, 30, ETH_P_IP);
	udp_send(0, 30), udp_send(0, 31);
	say_shares(fd);
	say_rc("short", setsockopt(fd[1], SOL_PACKET, PACKET_FANOUT_DATA, &prog, sizeof(prog) - 1));
	say_rc("nowhere", setsockopt(fd[1], SOL_PACKET, PACKET_FANOUT_DATA, (void *)8, sizeof(prog)));
	say_rc("without an end", setsockopt(fd[1], SOL_PACKET, PACKET_FANOUT_DATA, &wrong, sizeof(wrong)));
	say_rc("a program", setsockopt(fd[1], SOL_PACKET, PACKET_FANOUT_DATA, &prog, sizeof(prog)));
	udp_send(0, 30), udp_send(0, 31), udp_send(0, 33), udp_send(0, 34);
	say_shares(fd);
	group_close(fd);
	group_make(fd, PACKET_FANOUT_EBPF, 31, ETH_P_IP);
	say_rc("no descriptor", setsockopt(fd[0], SOL_PACKET, PACKET_FANOUT_DATA, &none, sizeof(none) - 1));
	udp_send(0, 30);
	say_shares(fd);
	group_close(fd);
	group_make(fd, PACKET_FANOUT_LB, 32, ETH_P_IP);
	say_rc("of another kind", setsockopt(fd[0], SOL_PACKET, PACKET_FANOUT_DATA, &prog, sizeof(prog)));
	group_close(fd);
}

/* When the first is full the next has its turn. */
static void rolling(int type_flags)
{
	struct tpacket_req q = { 4096, 1, 2048, 2 };
	struct tpacket_rollover_stats st;
	socklen_t len = sizeof(st);
	int fd[3], v = TPACKET_V2;

	for (int i = 0; i < 3; i++) {
		fd[i] = on_lo(SOCK_DGRAM, ETH_P_IP);
		MUST(setsockopt(fd[i], SOL_PACKET, PACKET_VERSION, &v, sizeof(v)));
		MUST(setsockopt(fd[i], SOL_PACKET, PACKET_RX_RING, &q, sizeof(q)));
		say_rc("join", join(fd[i], 40, type_flags));
	}
	for (int i = 0; i < 8; i++)
		udp_send(40003, 10);
	for (int i = 0; i < 3; i++) {
		struct tpacket_stats count;
		socklen_t size = sizeof(count);
		MUST(getsockopt(fd[i], SOL_PACKET, PACKET_STATISTICS, &count, &size));
		MUST(getsockopt(fd[i], SOL_PACKET, PACKET_ROLLOVER_STATS, &st, &len));
		say("member", "%u frames %u dropped; rolled over %llu, in vain %llu", count.tp_packets, count.tp_drops, (unsigned long long)st.tp_all,
		    (unsigned long long)st.tp_failed);
	}
	group_close(fd);
}

/* A member's own frames come to nobody of the group. */
static void own_frames(void)
{
	static const unsigned char frame[60] = { [12] = OWN >> 8, OWN & 0xff };
	int fd[3], all = on_lo(SOCK_RAW, ETH_P_ALL), ignoring[3];
	struct sockaddr_ll to = ll(OWN);

	group_make(fd, PACKET_FANOUT_LB, 50, ETH_P_ALL);
	group_make(ignoring, PACKET_FANOUT_LB | 0x4000, 51, ETH_P_ALL);
	say_group("ignoring what goes out", ignoring[0]);
	MUST(sendto(fd[0], frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)));
	say_shares(fd);
	say_shares(ignoring);
	say("others", "%d", frames_of(all));
	group_close(fd), group_close(ignoring);
	close(all);
}

/* ---- frames that are no IP, and tags ---- */

static void say_frame(const char *what, int fd)
{
	unsigned char data[200] = { 0 };
	struct sockaddr_ll from;
	char control[256];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = 256 };
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

	if (n < 0) {
		say(what, "%s", say_errno(errno));
		return;
	}
	say(what, "%zd octets %02x%02x %02x%02x protocol %x kind %d", n, data[12], data[13], data[14], data[15], ntohs(from.sll_protocol), from.sll_pkttype);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		struct tpacket_auxdata aux;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		say("beside it", "tag %d %d: %x %x, %u of %u, net %u", !!(aux.tp_status & TP_STATUS_VLAN_VALID), !!(aux.tp_status & TP_STATUS_VLAN_TPID_VALID),
		    aux.tp_vlan_tci, aux.tp_vlan_tpid, aux.tp_snaplen, aux.tp_len, aux.tp_net);
	}
}

static void tagged(void)
{
	unsigned char frame[64] = { [12] = 0x81, 0, 0x20, 7, OWN >> 8, OWN & 0xff, 'd' }, plain[64] = { [12] = OWN >> 8, OWN & 0xff, 'e' };
	struct sock_filter has_tag[] = { BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT)), BPF_STMT(BPF_RET | BPF_A, 0) };
	struct sock_fprog prog = { 2, has_tag };
	int tx = on_lo(SOCK_RAW, OWN), own = on_lo(SOCK_RAW, OWN), all = on_lo(SOCK_RAW, ETH_P_ALL), only = on_lo(SOCK_RAW, ETH_P_ALL), yes = 1;

	MUST(setsockopt(all, SOL_PACKET, PACKET_AUXDATA, &yes, sizeof(yes)));
	MUST(setsockopt(only, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
	say_rc("plain", send(tx, plain, sizeof(plain), 0));
	say_frame("own", own);
	say_frame("all", all), say_frame("all", all), say_frame("all", all);
	say_rc("tagged", send(tx, frame, sizeof(frame), 0));
	say_frame("own", own);
	say_frame("all", all), say_frame("all", all), say_frame("all", all);
	say_rc("with a tag, one octet", recv(only, frame, sizeof(frame), MSG_DONTWAIT | MSG_TRUNC));
	say_rc("with a tag", recv(only, frame, sizeof(frame), MSG_DONTWAIT | MSG_TRUNC));
	plain[0] = 2;
	say_rc("for another station", send(tx, plain, sizeof(plain), 0));
	say_frame("own", own);
	memset(plain, 0xff, 6);
	say_rc("for all stations", send(tx, plain, sizeof(plain), 0));
	say_frame("own", own);
	plain[12] = 0, plain[13] = 50;
	say_rc("of IEEE 802.3", send(tx, plain, sizeof(plain), 0));
	while (frames_of(all) > 0)
		continue;
	close(tx), close(own), close(all), close(only);
}

/* ---- virtio headers ---- */

static void sum16(uint32_t *sum, const unsigned char *at, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		*sum += (uint32_t)(at[i] << 8 | at[i + 1]);
}

static uint16_t folded(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* A frame with a UDP datagram whose sum is that of the pseudo-header only, behind a virtio header that says so. Its length. */
static size_t vnet_frame(unsigned char *at, size_t header, uint16_t port, size_t octets)
{
	struct virtio_net_hdr *h = (void *)at;
	unsigned char *ip = at + header + 14, *udp = ip + 20;
	uint32_t sum = 17 + 8 + (uint32_t)octets;

	memset(at, 0, header + 42 + octets);
	*h = (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 6 };
	at[header + 12] = 8;
	memcpy(ip, (unsigned char[]){ 0x45, 0, (unsigned char)((28 + octets) >> 8), (unsigned char)(28 + octets), 0, 1, 0, 0, 64, 17, 0, 0, 127,
				      0, 0, 1, 127, 0, 0, 1 }, 20);
	uint32_t head = 0;
	sum16(&head, ip, 20);
	head = (uint16_t)~folded(head);
	ip[10] = (unsigned char)(head >> 8), ip[11] = (unsigned char)head;
	memcpy(udp, (unsigned char[]){ 0x9c, 0x40, (unsigned char)(port >> 8), (unsigned char)port, (unsigned char)((8 + octets) >> 8),
				       (unsigned char)(8 + octets) }, 6);
	sum16(&sum, ip + 12, 8);
	sum = folded(sum);
	udp[6] = (unsigned char)(sum >> 8), udp[7] = (unsigned char)sum;
	for (size_t i = 0; i < octets; i++)
		udp[8 + i] = (unsigned char)('a' + i % 26);
	return header + 42 + octets;
}

static void virtual_headers(size_t header)
{
	unsigned char out[4000], in[4000];
	struct virtio_net_hdr *h = (void *)out;
	int fd = on_lo(SOCK_RAW, ETH_P_IP), to = MUST(socket(AF_INET, SOCK_DGRAM, 0)), v = (int)header;
	union name at = name_lo(AF_INET, 9998);
	socklen_t len = sizeof(v);

	MUST(bind(to, &at.sa, name_len(AF_INET)));
	say_rc("PACKET_VNET_HDR_SZ", setsockopt(fd, SOL_PACKET, 24, &v, sizeof(v)));
	v = 0;
	MUST(getsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &v, &len));
	say("PACKET_VNET_HDR", "%d", v);
	size_t n = vnet_frame(out, header, 9998, 100);
	say_rc("summed", send(fd, out, n, 0));
	say_rc("arrives", recv(to, in, sizeof(in), MSG_DONTWAIT));
	say_rc("seen", recv(fd, in, sizeof(in), MSG_DONTWAIT));
	say_rc("no whole header", send(fd, out, header - 1, 0));
	h->csum_start = 200;
	say_rc("a sum behind the end", send(fd, out, n, 0));
	h->csum_start = 34, h->hdr_len = 400;
	say_rc("headers behind the end", send(fd, out, n, 0));
	n = vnet_frame(out, header, 9998, 1000);
	h->gso_type = UDP_L4, h->gso_size = 300, h->hdr_len = 42;
	say_rc("to be cut", send(fd, out, n, 0));
	for (int i = 0; i < 5; i++) {
		ssize_t got = recv(to, in, sizeof(in), MSG_DONTWAIT);
		say("arrives", "%zd %c", got, got > 0 ? in[0] : '-');
	}
	h->gso_size = 0;
	say_rc("to be cut into nothing", send(fd, out, n, 0));
	h->gso_size = 300, h->gso_type = 9;
	say_rc("to be cut strangely", send(fd, out, n, 0));
	close(fd), close(to);
}

/* ---- SOCK_PACKET ---- */

static void old(void)
{
	static const unsigned char frame[60] = { [12] = OWN >> 8, OWN & 0xff, 'o' };
	int fd = MUST(socket(AF_INET, SOCK_PACKET, htons(OWN))), tx = MUST(socket(AF_PACKET, SOCK_PACKET, 0)), v = 1;
	struct sockaddr_pkt to = { .spkt_family = AF_PACKET, .spkt_device = "lo", .spkt_protocol = htons(OWN) }, from;
	struct sockaddr at = { .sa_family = AF_PACKET, .sa_data = "lo" }, got;
	socklen_t len = sizeof(v);
	unsigned char in[200];

	MUST(getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &len));
	say("SO_TYPE", "%d", v);
	MUST(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &v, &len));
	say("SO_DOMAIN", "%d", v);
	say_rc("an option", setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &v, sizeof(v)));
	say_rc("an option asked", getsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &v, &len));
	say_rc("mapped", mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
	say_rc("short", bind(fd, &at, sizeof(at) - 1));
	say_rc("long", bind(fd, (struct sockaddr *)&to, sizeof(to)));
	memcpy(at.sa_data, "nowhere", 8);
	say_rc("nowhere", bind(fd, &at, sizeof(at)));
	memcpy(at.sa_data, "lo", 3);
	say_rc("bind", bind(fd, &at, sizeof(at)));
	len = sizeof(got);
	say_rc("name", getsockname(fd, &got, &len));
	say("is", "%u: %d %s", len, got.sa_family, got.sa_data);
	say_rc("nameless", send(tx, frame, sizeof(frame), 0));
	say_rc("a short name", sendto(tx, frame, sizeof(frame), 0, (struct sockaddr *)&to, 15));
	say_rc("send", sendto(tx, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)));
	len = sizeof(from);
	ssize_t n = recvfrom(fd, in, sizeof(in), MSG_DONTWAIT, (struct sockaddr *)&from, &len);
	say("received", "%zd %c, from %u: family %d %s %x", n, in[14], len, from.spkt_family, (char *)from.spkt_device, ntohs(from.spkt_protocol));
	strcpy((char *)to.spkt_device, "nowhere");
	say_rc("to nowhere", sendto(tx, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)));
	close(fd), close(tx);
}

int main(void)
{
	int to = MUST(socket(AF_INET, SOCK_DGRAM, 0));         /* so that nobody complains of our datagrams */
	union name at = name_lo(AF_INET, 9999);

	say_start();
	MUST(bind(to, &at.sa, name_len(AF_INET)));
	lo = (int)if_nametoindex("lo");
	say_about("joining"), joining();
	say_about("sharing"), sharing();
	say_about("programmed"), programmed();
	say_about("rolling"), rolling(PACKET_FANOUT_ROLLOVER);
	say_about("rolling by turns"), rolling(PACKET_FANOUT_LB | PACKET_FANOUT_FLAG_ROLLOVER);
	say_about("own frames"), own_frames();
	say_about("tagged"), tagged();
	say_about("virtual headers"), virtual_headers(sizeof(struct virtio_net_hdr));
	say_about("larger ones"), virtual_headers(sizeof(struct virtio_net_hdr_mrg_rxbuf));
	say_about("old"), old();
	return 0;
}
