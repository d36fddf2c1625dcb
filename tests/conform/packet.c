/*
 * AF_PACKET: making, binding, names, what loopback's frames look like in both directions and by both types, sending, filters, auxiliary data,
 * statistics, the ring. Runs as root, on loopback.
 */
#include "say.h"
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/mman.h>

static int lo;

static int sock(int type, int protocol) { return MUST(socket(AF_PACKET, type, htons((uint16_t)protocol))); }

static struct sockaddr_ll on(int ifindex, int protocol)
{
	return (struct sockaddr_ll){ .sll_family = AF_PACKET, .sll_ifindex = ifindex, .sll_protocol = htons((uint16_t)protocol) };
}

static int bind_to(int fd, int ifindex, int protocol)
{
	struct sockaddr_ll a = on(ifindex, protocol);

	return bind(fd, (struct sockaddr *)&a, sizeof(a));
}

static void say_ll(const char *what, const struct sockaddr_ll *a, socklen_t len)
{
	say(what, "len %u family %d protocol %x on %s hatype %d pkttype %d halen %d", len, a->sll_family, ntohs(a->sll_protocol),
	    a->sll_ifindex == lo ? "lo" : a->sll_ifindex ? "another" : "none", a->sll_hatype, a->sll_pkttype, a->sll_halen);
}

static void say_ll_name(const char *what, int fd)
{
	struct sockaddr_ll a = { 0 };
	socklen_t len = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		say(what, "%s", say_errno(errno));
	else
		say_ll(what, &a, len);
}

/* A frame: how long, from whom, and how it begins. */
static bool say_frame(const char *what, int fd, int flags)
{
	unsigned char data[2048];
	struct sockaddr_ll from = { 0 };
	socklen_t len = sizeof(from);
	char line[200] = "";
	ssize_t n = recvfrom(fd, data, sizeof(data), flags | MSG_DONTWAIT, (struct sockaddr *)&from, &len);
	int at = 0;

	if (n < 0) {
		say(what, "%s", say_errno(errno));
		return false;
	}
	for (int i = 0; i < 18 && i < n; i++)
		at += snprintf(line + at, sizeof(line) - (size_t)at, " %02x", i >= 4 && i < 14 && data[0] == 0x45 ? 0 : data[i]);   /* not the identification */
	say(what, "%zd:%s", n, line);
	say_ll("from", &from, len);
	return true;
}

static void udp_send(const char *text)
{
	int fd = MUST(socket(AF_INET, SOCK_DGRAM, 0));
	union name to = name_lo(AF_INET, 9999);

	say_rc("send", sendto(fd, text, strlen(text), 0, &to.sa, name_len(AF_INET)));
	close(fd);
}

static void creation(void)
{
	static const int types[] = { SOCK_RAW, SOCK_DGRAM, SOCK_STREAM, SOCK_SEQPACKET, SOCK_RDM, SOCK_PACKET };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		int fd = socket(AF_PACKET, types[i], htons(ETH_P_ALL)), v = -1;
		socklen_t len = sizeof(v);

		say("made", "type %d %s", types[i], fd < 0 ? say_errno(errno) : "ok");
		if (fd < 0)
			continue;
		getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &v, &len);
		say("SO_PROTOCOL", "%d", v);
		if (types[i] != SOCK_PACKET)
			say_ll_name("name", fd);
		close(fd);
	}
}

static void names(void)
{
	int fd = sock(SOCK_RAW, 0);
	struct sockaddr_ll a = on(lo, ETH_P_IP);
	socklen_t len = sizeof(a);

	say_rc("short", bind(fd, (struct sockaddr *)&a, sizeof(a) - 1));
	a.sll_family = AF_INET;
	say_rc("another family", bind(fd, (struct sockaddr *)&a, sizeof(a)));
	say_rc("no such interface", bind_to(fd, 7777, ETH_P_IP));
	say_rc("bind", bind_to(fd, lo, ETH_P_IP));
	say_ll_name("name", fd);
	say_rc("protocol left out", bind_to(fd, lo, 0));
	say_ll_name("name", fd);
	say_rc("any interface", bind_to(fd, 0, ETH_P_ALL));
	say_ll_name("name", fd);
	say_rc("connect", connect(fd, (struct sockaddr *)&a, sizeof(a)));
	say_rc("listen", listen(fd, 1));
	say_rc("accept", accept(fd, NULL, NULL));
	say_rc("getpeername", getpeername(fd, (struct sockaddr *)&a, &len));
	say_rc("shutdown", shutdown(fd, SHUT_RDWR));
	say_rc("send without an interface", send(fd, "0123456789abcdef", 16, 0));
	say_rc("strange flags", recv(fd, &a, 1, MSG_OOB | MSG_DONTWAIT));
	say_rc("error queue", recv(fd, &a, 1, MSG_ERRQUEUE | MSG_DONTWAIT));
	say_rc("socketpair", socketpair(AF_PACKET, SOCK_RAW, 0, (int[2]){ 0 }));
	close(fd);
}

static void directions(int type)
{
	int all = sock(type, ETH_P_ALL), ip = sock(type, ETH_P_IP), none = sock(type, 0), arp = sock(type, ETH_P_ARP);

	bind_to(all, lo, 0);
	udp_send("hello");
	say_poll("readable", all);
	for (int i = 0; i < 3 && say_frame("of all", all, 0); i++)
		continue;
	for (int i = 0; i < 3 && say_frame("of IP's", ip, 0); i++)
		continue;
	say_frame("of none's", none, 0);
	say_frame("of ARP's", arp, 0);
	close(all), close(ip), close(none), close(arp);
}

static void parts(void)
{
	int fd = sock(SOCK_RAW, ETH_P_IP);
	char buf[8];
	int n = 0;

	udp_send("hello");
	say_frame("peeked", fd, MSG_PEEK);
	say_rc("short, MSG_TRUNC", recv(fd, buf, sizeof(buf), MSG_TRUNC | MSG_PEEK));
	MUST(ioctl(fd, FIONREAD, &n));
	say("FIONREAD", "%d", n);
	say_rc("short", recv(fd, buf, sizeof(buf), 0));
	say_frame("the same again", fd, 0);
	close(fd);
}

static void sending(void)
{
	static const unsigned char frame[] = { [12] = 8, 0, 0x45, 0, 0, 24, 0, 0, 0, 0, 64, 253, 0x3c, 0xde - 5, 127, 0, 0, 1, 127, 0, 0, 1, 'd',
					       'a', 't', 'a' };
	int tx = sock(SOCK_RAW, ETH_P_IP), rx = sock(SOCK_RAW, ETH_P_ALL), cooked = sock(SOCK_DGRAM, ETH_P_IP);
	struct sockaddr_ll a = on(lo, ETH_P_IP);

	bind_to(rx, lo, 0);
	say_rc("to an interface", sendto(tx, frame, sizeof(frame), 0, (struct sockaddr *)&a, sizeof(a)));
	for (int i = 0; i < 3 && say_frame("seen", rx, 0); i++)
		continue;
	say_rc("less than a header", sendto(tx, frame, 13, 0, (struct sockaddr *)&a, sizeof(a)));
	say_rc("a short name", sendto(tx, frame, sizeof(frame), 0, (struct sockaddr *)&a, 12));
	a.sll_ifindex = 7777;
	say_rc("no such interface", sendto(tx, frame, sizeof(frame), 0, (struct sockaddr *)&a, sizeof(a)));
	a.sll_ifindex = lo;
	a.sll_halen = 6;
	say_rc("without the header", sendto(cooked, frame + 14, sizeof(frame) - 14, 0, (struct sockaddr *)&a, sizeof(a)));
	for (int i = 0; i < 3 && say_frame("seen", rx, 0); i++)
		continue;
	a.sll_halen = 3;
	say_rc("half an address", sendto(cooked, frame + 14, sizeof(frame) - 14, 0, (struct sockaddr *)&a, sizeof(a)));
	MUST(bind_to(tx, lo, ETH_P_IP));
	say_rc("bound", send(tx, frame, sizeof(frame), 0));
	static char big[70000];
	say_rc("too large", send(tx, big, sizeof(big), 0));
	close(tx), close(rx), close(cooked);
}

static void filters(void)
{
	struct sock_filter only[] = { BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_AD_OFF + SKF_AD_PKTTYPE),
				      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1), BPF_STMT(BPF_RET | BPF_K, 20), BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog prog = { 4, only };
	int fd = sock(SOCK_RAW, ETH_P_ALL), on_ = 1;

	bind_to(fd, lo, 0);
	say_rc("detach nothing", setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &on_, sizeof(on_)));
	say_rc("a short program", setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog) - 1));
	prog.len = 0;
	say_rc("an empty program", setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
	prog.len = 3;
	say_rc("a jump too far", setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
	prog.len = 4;
	prog.filter = NULL;
	say_rc("a program nowhere", setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
	prog.filter = only;
	say_rc("attach", setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
	udp_send("hello");
	for (int i = 0; i < 3 && say_frame("left", fd, MSG_TRUNC); i++)
		continue;
	say_rc("lock", setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on_, sizeof(on_)));
	say_rc("detach", setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &on_, sizeof(on_)));
	close(fd);
}

static void auxiliary(void)
{
	int fd = sock(SOCK_RAW, ETH_P_IP), yes = 1;
	struct tpacket_stats st = { 0 };
	socklen_t len = sizeof(st);
	struct tpacket_auxdata aux = { 0 };
	char data[64], control[256];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };

	say_rc("PACKET_AUXDATA", setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &yes, sizeof(yes)));
	udp_send("hello");
	say_rc("recvmsg", recvmsg(fd, &m, 0));
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA)
			memcpy(&aux, CMSG_DATA(c), sizeof(aux));
	say("auxdata", "user %d len %u snap %u mac %d net %d", aux.tp_status & TP_STATUS_USER, aux.tp_len, aux.tp_snaplen, aux.tp_mac, aux.tp_net);
	udp_send("hello");
	say_rc("statistics", getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &len));
	say("counted", "%u %u", st.tp_packets, st.tp_drops);
	say_rc("statistics", getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &len));
	say("counted", "%u %u", st.tp_packets, st.tp_drops);
	close(fd);
}

static void memberships(void)
{
	int fd = sock(SOCK_RAW, ETH_P_ALL);
	struct packet_mreq q = { .mr_ifindex = lo, .mr_type = PACKET_MR_PROMISC };

	say_rc("promiscuous", setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &q, sizeof(q)));
	say_rc("twice", setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &q, sizeof(q)));
	say_rc("short", setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &q, sizeof(q) - 1));
	for (int i = 0; i < 3; i++)
		say_rc("drop", setsockopt(fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &q, sizeof(q)));
	q.mr_ifindex = 7777;
	say_rc("nowhere", setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &q, sizeof(q)));
	q = (struct packet_mreq){ .mr_ifindex = lo, .mr_type = PACKET_MR_MULTICAST, .mr_alen = 8 };
	say_rc("a long address", setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &q, sizeof(q)));
	close(fd);
}

/* Every option by values of every length. */
static void lengths(int type)
{
	static const socklen_t sizes[] = { 0, 3, 4, 5, 15, 16, 17, 64, (socklen_t)-1 };

	for (int name = 0; name < 27; name++) {
		char what[32], text[512] = "";
		int fd = sock(type, 0);

		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			int v[16] = { 0 }, got[16] = { 0 };
			socklen_t len = sizes[i];
			for (int value = 0; value < 2; value++) {
				v[0] = value;
				snprintf(text + strlen(text), 32, " %s", setsockopt(fd, SOL_PACKET, name, v, sizes[i]) < 0 ? say_errno(errno) : "ok");
			}
			snprintf(text + strlen(text), 32, "/%s", setsockopt(fd, SOL_PACKET, name, (void *)8, sizes[i]) < 0 ? say_errno(errno) : "ok");
			snprintf(text + strlen(text), 32, "/%s", getsockopt(fd, SOL_PACKET, name, got, &len) < 0 ? say_errno(errno) : "ok");
			snprintf(text + strlen(text), 32, "/%d,%x", (int)len, got[0]);
		}
		snprintf(what, sizeof(what), "option %d", name);
		say(what, "%s", text);
		close(fd);
	}
	int fd = sock(type, 0), on = 1;
	say_rc("SO_REUSEPORT", setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)));
	say_rc("of another level", getsockopt(fd, IPPROTO_IP, 1, &on, NULL));
	close(fd);
}

static void hdrlen(void)
{
	int fd = sock(SOCK_RAW, ETH_P_ALL);

	for (int version = 0; version < 4; version++) {
		int v = version;
		socklen_t len = sizeof(v);

		say_rc("PACKET_HDRLEN", getsockopt(fd, SOL_PACKET, PACKET_HDRLEN, &v, &len));
		say("is", "%d, %u", v, len);
		say_rc("PACKET_VERSION", setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)));
	}
	close(fd);
}

/* The ring: what is refused, and a frame in it. */
static void ring(int type, int version)
{
	struct tpacket_req q = { .tp_block_size = 65536, .tp_block_nr = 2, .tp_frame_size = 2048, .tp_frame_nr = 64 };
	int fd = sock(type, ETH_P_IP), reserve = 16;
	struct pollfd p = { fd, POLLIN, 0 };
	unsigned char *map;

	MUST(setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)));
	say_rc("PACKET_RESERVE", setsockopt(fd, SOL_PACKET, PACKET_RESERVE, &reserve, sizeof(reserve)));
	say_rc("mapped too early", mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
	q.tp_frame_nr = 63;
	say_rc("frames that do not fill it", setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, sizeof(q)));
	q.tp_frame_nr = 64;
	q.tp_block_size = 65535;
	say_rc("half a page", setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, sizeof(q)));
	q.tp_block_size = 65536;
	say_rc("short", setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, sizeof(q) - 1));
	say_rc("ring", setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, sizeof(q)));
	say_rc("another", setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, sizeof(q)));
	say_rc("mapped too short", mmap(NULL, 65536, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
	map = mmap(NULL, 131072, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	say("mapped", "%s", map == MAP_FAILED ? say_errno(errno) : "ok");
	say_rc("nothing yet", poll(&p, 1, 0));
	udp_send("hello");
	say_rc("poll", poll(&p, 1, 5000));
	struct tpacket2_hdr h2;
	struct tpacket_hdr h1;
	struct sockaddr_ll from;
	memcpy(&h2, map, sizeof(h2));
	memcpy(&h1, map, sizeof(h1));
	memcpy(&from, map + 32, sizeof(from));
	if (version == TPACKET_V2)
		say("frame", "user %d len %u snap %u mac %u net %u", h2.tp_status & 1, h2.tp_len, h2.tp_snaplen, h2.tp_mac, h2.tp_net);
	else
		say("frame", "user %d len %u snap %u mac %u net %u", (int)(h1.tp_status & 1), h1.tp_len, h1.tp_snaplen, h1.tp_mac, h1.tp_net);
	say_ll("from", &from, 0);
	say("its end", "%.5s", map + (version == TPACKET_V2 ? h2.tp_net : h1.tp_net) + 28);
	memset(map, 0, 8);
	say_rc("given back", poll(&p, 1, 0));
	munmap(map, 131072);
	q.tp_block_nr = q.tp_frame_nr = 0;
	say_rc("no ring", setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, sizeof(q)));
	close(fd);
}

/* Who is bound to an interface hears that it goes down; who is bound to none does not. */
static void down(void)
{
	int bound = sock(SOCK_RAW, ETH_P_ALL), other = sock(SOCK_RAW, ETH_P_ALL), any = MUST(socket(AF_INET, SOCK_DGRAM, 0));
	struct ifreq r = { .ifr_name = "lo" };
	char in[2000];
	MUST(bind_to(bound, lo, ETH_P_ALL));
	MUST(ioctl(any, SIOCGIFFLAGS, &r));
	r.ifr_flags = (short)(r.ifr_flags & ~IFF_UP);
	MUST(ioctl(any, SIOCSIFFLAGS, &r));
	say_poll("poll, down", bound);
	say_rc("recv", recv(bound, in, sizeof(in), MSG_DONTWAIT));
	say_rc("recv again", recv(bound, in, sizeof(in), MSG_DONTWAIT));
	say_poll("poll of all", other);
	r.ifr_flags = (short)(r.ifr_flags | IFF_UP);
	MUST(ioctl(any, SIOCSIFFLAGS, &r));
	close(bound), close(other), close(any);
}

/* What may go with a frame, and what may not. */
static void beside_a_frame(void)
{
	static const struct { int level, type; size_t len; int value; } some[] = {
		{ SOL_SOCKET, SO_MARK, 4, 7 }, { SOL_SOCKET, SO_PRIORITY, 4, 3 }, { SOL_SOCKET, 61 /* SCM_TXTIME */, 8, 1 }, { SOL_SOCKET, 99, 4, 1 },
		{ SOL_SOCKET, SO_MARK, 2, 7 }, { IPPROTO_IP, IP_TTL, 4, 1 }, { SOL_SOCKET, SCM_RIGHTS, 4, 0 },
	};
	int fd = sock(SOCK_DGRAM, 0);

	say_about("beside a frame");
	for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++) {
		union { struct cmsghdr h; char room[CMSG_SPACE(8)]; } c = { .h = { CMSG_LEN(some[i].len), some[i].level, some[i].type } };
		struct sockaddr_ll to = on(lo, 0x88b5);
		struct iovec v = { "x", 1 };
		struct msghdr m = { &to, sizeof(to), &v, 1, &c, CMSG_SPACE(some[i].len), 0 };
		char what[32];
		memcpy(CMSG_DATA(&c.h), &some[i].value, sizeof(int));
		snprintf(what, sizeof(what), "level %d type %d", some[i].level, some[i].type);
		say_rc(what, sendmsg(fd, &m, 0));
	}
	say_rc("a membership of no kind", setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &(struct packet_mreq){ .mr_ifindex = lo, .mr_type = 9 }, sizeof(struct packet_mreq)));
	say_rc("IP_HDRINCL of two octets", setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &lo, 2));
	close(fd);
}

int main(void)
{
	say_start();
	lo = (int)if_nametoindex("lo");
	say_about("creation"), creation();
	say_about("names"), names();
	say_about("raw"), directions(SOCK_RAW);
	say_about("dgram"), directions(SOCK_DGRAM);
	say_about("parts"), parts();
	say_about("sending"), sending();
	say_about("filters"), filters();
	say_about("auxiliary"), auxiliary();
	say_about("memberships"), memberships();
	say_about("raw lengths"), lengths(SOCK_RAW);
	say_about("dgram lengths"), lengths(SOCK_DGRAM);
	say_about("hdrlen"), hdrlen();
	say_about("ring 1"), ring(SOCK_RAW, TPACKET_V1);
	say_about("ring 2"), ring(SOCK_RAW, TPACKET_V2);
	say_about("ring 2 dgram"), ring(SOCK_DGRAM, TPACKET_V2);
	say_about("down"), down();
	beside_a_frame();
	return 0;
}
