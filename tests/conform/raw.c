/*
 * Raw IP sockets of both families: who may make them, their names, which datagrams they get, which fields of a header the system fills in,
 * filters and checksums. Runs as root, on loopback.
 */
#include "say.h"
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/in6.h>
#include <netinet/ip.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#define OWN 253              /* RFC 3692: for experiments */

static int to(int (*call)(int, const struct sockaddr *, socklen_t), int fd, int family, const char *text, unsigned port)
{
	union name n = name_of(family, text, port);

	return call(fd, &n.sa, name_len(family));
}

static ssize_t send_to(int fd, const void *data, size_t len, int family, const char *text, unsigned port)
{
	union name n = name_of(family, text, port);

	return sendto(fd, data, len, MSG_DONTWAIT, &n.sa, name_len(family));
}

/* With its "port", which say_sockname hides. */
static void say_whole_name(const char *what, int fd, int (*call)(int, struct sockaddr *, socklen_t *))
{
	union name n = { 0 };
	socklen_t len = sizeof(n);
	char text[64] = "";

	if (call(fd, &n.sa, &len) < 0) {
		say(what, "%s", say_errno(errno));
		return;
	}
	inet_ntop(n.sa.sa_family, n.sa.sa_family == AF_INET ? (void *)&n.in.sin_addr : (void *)&n.in6.sin6_addr, text, sizeof(text));
	say(what, "%s %u", text, name_port(&n));
}

static int raw(int family, int protocol) { return MUST(socket(family, SOCK_RAW, protocol)); }

/* ---- making and naming ---- */

static void creation(int family)
{
	static const int protocols[] = { 0, 1, 2, 6, 17, 58, 59, 132, 253, 255, 256, 262, 263, -1 };

	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++) {
		int fd = socket(family, SOCK_RAW, protocols[i]);
		char what[32];

		snprintf(what, sizeof(what), "protocol %d", protocols[i]);
		say(what, "%s", fd < 0 ? say_errno(errno) : "made");
		if (fd < 0)
			continue;
		say_whole_name("its name", fd, getsockname);
		close(fd);
	}
}

static void names(int family, const char *here, const char *there, const char *elsewhere)
{
	int fd = raw(family, OWN);

	say_whole_name("peer at first", fd, getpeername);
	say_rc("send without peer", send(fd, "data", 4, 0));
	say_rc("bind elsewhere", to(bind, fd, family, elsewhere, 0));
	say_rc("bind", to(bind, fd, family, here, 77));
	say_whole_name("bound", fd, getsockname);
	say_rc("bind again", to(bind, fd, family, here, 0));
	say_rc("connect", to(connect, fd, family, there, 9));
	say_whole_name("connected", fd, getsockname);
	say_whole_name("its peer", fd, getpeername);
	say_rc("bind when connected", to(bind, fd, family, here, 0));
	say_rc("send", send(fd, "data", 4, 0));
	say_rc("connect to port 0", to(connect, fd, family, there, 0));
	say_whole_name("peer then", fd, getpeername);
	say_rc("listen", listen(fd, 1));
	say_rc("accept", accept(fd, NULL, NULL));
	say_rc("out-of-band", send(fd, "data", 4, MSG_OOB));
	say_rc("shutdown", shutdown(fd, SHUT_RDWR));
	close(fd);
}

/* ---- what comes in ---- */

/* One message, with everything that is known about it but what differs from run to run (identification, checksum). */
static void say_message(const char *what, int fd, int flags)
{
	unsigned char data[2048];
	struct sockaddr_storage from = { 0 };
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(fd, data, sizeof(data), flags | MSG_DONTWAIT, (struct sockaddr *)&from, &len);
	const struct iphdr *h = (const struct iphdr *)data;
	size_t hdr = 0;
	char line[400];
	int at, protocol = 0;
	socklen_t protocol_len = sizeof(protocol);

	if (n < 0) {
		say(what, "%s", say_errno(errno));
		return;
	}
	at = snprintf(line, sizeof(line), "%zd octets, port %d", n, ntohs(((struct sockaddr_in *)&from)->sin_port));
	if (from.ss_family == AF_INET) {
		hdr = (size_t)h->ihl * 4;
		at += snprintf(line + at, sizeof(line) - (size_t)at, ", version %d ihl %d tos %d total %d off %x ttl %d proto %d src %x dst %x",
			       h->version, h->ihl,
			       h->tos, ntohs(h->tot_len), ntohs(h->frag_off), h->ttl, h->protocol, ntohl(h->saddr), ntohl(h->daddr));
	}
	at += snprintf(line + at, sizeof(line) - (size_t)at, ":");
	getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &protocol_len);
	if (protocol == IPPROTO_UDP && (size_t)n > hdr + 8)
		data[hdr + 6] = data[hdr + 7] = 0;    /* the kernel leaves it to a device, which loopback has not */
	for (size_t i = hdr; i < (size_t)n && i < hdr + 24; i++)
		at += snprintf(line + at, sizeof(line) - (size_t)at, " %02x", data[i]);
	say(what, "%s", line);
}

static void copies(int family, const char *here)
{
	int out = raw(family, OWN), all = raw(family, OWN), bound = raw(family, OWN), elsewhere = raw(family, OWN), connected = raw(family, OWN),
	    other = raw(family, OWN + 1);
	char buf[4];

	to(bind, bound, family, here, 0);
	if (family == AF_INET)
		to(bind, elsewhere, family, "127.0.0.9", 0);
	to(connect, connected, family, here, 0);
	say_rc("send", send_to(out, "0123456789", 10, family, here, 0));
	say_message("to the sender, too", out, 0);
	say_message("to one that is not bound", all, MSG_PEEK);
	say_rc("short, MSG_TRUNC", recv(all, buf, sizeof(buf), MSG_TRUNC | MSG_PEEK));
	say_rc("short", recv(all, buf, sizeof(buf), 0));
	say_message("only once", all, 0);
	say_message("to one that is bound", bound, 0);
	say_message("to one bound to another address", elsewhere, 0);
	say_message("to one connected to the source", connected, 0);
	say_message("to another protocol", other, 0);
	say_rc("an empty one", send_to(out, "", 0, family, here, 0));
	say_message("arrives", all, 0);
	close(out), close(all), close(bound), close(elsewhere), close(connected), close(other);
}

static void udp_copied(int family, const char *here)
{
	int spy = raw(family, IPPROTO_UDP), rx = MUST(socket(family, SOCK_DGRAM, 0)), tx = MUST(socket(family, SOCK_DGRAM, 0));

	MUST(to(bind, rx, family, here, 7777));
	MUST(to(bind, tx, family, here, 7778));
	say_rc("send", send_to(tx, "hello", 5, family, here, 7777));
	say_message("a copy of UDP's", spy, 0);
	say_rc("UDP has it as well", recv(rx, (char[9]){ 0 }, 9, MSG_DONTWAIT));
	close(spy), close(rx), close(tx);
}

static void echo(int family, const char *here)
{
	bool v6 = family == AF_INET6;
	int fd = raw(family, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	unsigned char request[12] = { v6 ? 128 : 8, 0, 0, 0, 0x12, 0x34, 0, 1, 'p', 'i', 'n', 'g' };
	uint32_t mask[8];

	memset(mask, 0xff, sizeof(mask));
	if (!v6)
		request[2] = 0x04, request[3] = 0xf4;
	say_rc("request", send_to(fd, request, sizeof(request), family, here, 0));
	say_message("first", fd, 0);
	say_message("second", fd, 0);
	say_message("no third", fd, 0);
	for (size_t len = 1; len <= 8; len++) {      /* of a kind that nobody answers */
		say_rc("a short one", send_to(fd, (const unsigned char[8]){ 200 }, len, family, here, 0));
		say_message("arrives", fd, 0);
	}
	say_rc("filter", v6 ? setsockopt(fd, IPPROTO_ICMPV6, ICMPV6_FILTER, mask, 32) : setsockopt(fd, IPPROTO_RAW, ICMP_FILTER, mask, 4));
	say_rc("request", send_to(fd, request, sizeof(request), family, here, 0));
	say_message("filtered", fd, 0);
	mask[v6 ? 4 : 0] &= v6 ? ~2u : ~1u;
	say_rc("all but replies", v6 ? setsockopt(fd, IPPROTO_ICMPV6, ICMPV6_FILTER, mask, 32) : setsockopt(fd, IPPROTO_RAW, ICMP_FILTER, mask, 4));
	say_rc("request", send_to(fd, request, sizeof(request), family, here, 0));
	say_message("the reply", fd, 0);
	say_message("and no more", fd, 0);
	say_rc("a message without a header", send_to(fd, "", 0, family, here, 0));
	close(fd);
}

/* Nobody here speaks the protocol: the answer is an ICMP error. */
static void nobody(int family, const char *here)
{
	int fd = raw(family, IPPROTO_RAW), tx = raw(family, OWN), v6 = family == AF_INET6, off = 0;

	MUST(setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_HDRINCL : IP_HDRINCL, &off, sizeof(off)));
	close(tx);
	tx = raw(family, v6 ? IPPROTO_RAW : OWN + 1);
	MUST(setsockopt(tx, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_HDRINCL : IP_HDRINCL, &off, sizeof(off)));
	MUST(to(connect, fd, family, here, 0));
	say_rc("send", v6 ? send_to(tx, "datadata", 8, family, here, OWN) : send(fd, "datadata", 8, MSG_DONTWAIT));
	say_rc("error", recv(fd, (char[9]){ 0 }, 9, MSG_DONTWAIT));
	close(fd), close(tx);
}

/* ---- the program's own header ---- */

static void own_header(void)
{
	int fd = raw(AF_INET, IPPROTO_RAW), spy = raw(AF_INET, OWN);
	struct { struct iphdr h; char data[8]; } d = { .h = { .version = 4, .ihl = 5, .ttl = 33, .protocol = OWN, .tos = 8 }, .data = "payload" };

	d.h.daddr = htonl(INADDR_LOOPBACK);
	d.h.tot_len = 9;
	d.h.check = 0x1234;
	say_rc("source left out", send_to(fd, &d, sizeof(d), AF_INET, "127.0.0.1", 0));
	say_message("arrives", spy, 0);
	d.h.saddr = htonl(0x7f000305);
	say_rc("source given", send_to(fd, &d, sizeof(d), AF_INET, "127.0.0.1", 0));
	say_message("arrives", spy, 0);
	say_rc("less than a header", send_to(fd, &d, 19, AF_INET, "127.0.0.1", 0));
	d.h.ihl = 4;
	say_rc("header too short", send_to(fd, &d, sizeof(d), AF_INET, "127.0.0.1", 0));
	d.h.ihl = 15;
	say_rc("header longer than all", send_to(fd, &d, sizeof(d), AF_INET, "127.0.0.1", 0));
	close(fd), close(spy);
}

static void own_header6(void)
{
	int fd = raw(AF_INET6, IPPROTO_RAW), spy = raw(AF_INET6, OWN);
	unsigned char d[44] = { 0x60, 0, 0, 0, 0, 4, OWN, 9, [23] = 1, [39] = 1, 'd', 'a', 't', 'a' };

	say_rc("a whole datagram", send_to(fd, d, sizeof(d), AF_INET6, "::1", 0));
	say_message("arrives", spy, 0);
	say_rc("less than a header", send_to(fd, d, 39, AF_INET6, "::1", 0));
	close(fd), close(spy);
}

static void checksums(void)
{
	int fd = raw(AF_INET6, OWN), at;
	static const int places[] = { -1, 0, 2, 3, 4, 6, 7, 100 };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		socklen_t len = sizeof(at);
		char what[32];

		snprintf(what, sizeof(what), "place %d", places[i]);
		say_rc(what, setsockopt(fd, IPPROTO_IPV6, IPV6_CHECKSUM, &places[i], sizeof(int)));
		MUST(getsockopt(fd, IPPROTO_IPV6, IPV6_CHECKSUM, &at, &len));
		say("is at", "%d", at);
		say_rc("send", send_to(fd, "\1\2\3\4\5\6\7\10", 8, AF_INET6, "::1", 0));
		say_message("arrives", fd, 0);
	}
	at = 2;
	MUST(setsockopt(fd, IPPROTO_IPV6, IPV6_CHECKSUM, &at, sizeof(at)));
	say_rc("an odd length", send_to(fd, "\1\2\3\4\5", 5, AF_INET6, "::1", 0));
	say_message("arrives", fd, 0);
	int plain = raw(AF_INET6, OWN);
	say_rc("a wrong checksum", send_to(plain, "\1\2\3\4\5", 5, AF_INET6, "::1", 0));
	say_message("does not arrive", fd, 0);
	close(fd), close(plain);
	fd = raw(AF_INET6, OWN);
	say_rc("to a port that is the protocol", send_to(fd, "data", 4, AF_INET6, "::1", OWN));
	say_rc("to a port that is another", send_to(fd, "data", 4, AF_INET6, "::1", 5));
	say_rc("to a port that is none", send_to(fd, "data", 4, AF_INET6, "::1", 256));
	close(fd);
}

/* ---- options ---- */

static void one_option(int fd, int level, int name, const char *text)
{
	unsigned char v[64];
	char line[200] = "";
	int at = 0;

	for (socklen_t len = 0; len <= 40; len = len == 0 ? 1 : len * 2 + len % 2) {
		memset(v, 0, sizeof(v));
		v[0] = 2;
		at += snprintf(line + at, sizeof(line) - (size_t)at, " %d:%s", (int)len, setsockopt(fd, level, name, v, len) < 0 ? say_errno(errno) : "ok");
		socklen_t room = len;
		at += snprintf(line + at, sizeof(line) - (size_t)at, ",%s", getsockopt(fd, level, name, v, &room) < 0 ? say_errno(errno) : "ok");
		at += snprintf(line + at, sizeof(line) - (size_t)at, ",%d", (int)room);
	}
	say(text, "%s", line);
}

static void options(int family, int protocol)
{
	int fd = raw(family, protocol);

	one_option(fd, IPPROTO_RAW, 1, "SOL_RAW 1");
	one_option(fd, IPPROTO_RAW, 7, "SOL_RAW 7");
	one_option(fd, IPPROTO_ICMPV6, ICMPV6_FILTER, "SOL_ICMPV6 1");
	one_option(fd, IPPROTO_IPV6, IPV6_CHECKSUM, "IPV6_CHECKSUM");
	one_option(fd, IPPROTO_IPV6, IPV6_HDRINCL, "IPV6_HDRINCL");
	one_option(fd, IPPROTO_IP, IP_HDRINCL, "IP_HDRINCL");
	one_option(fd, IPPROTO_IP, IP_NODEFRAG, "IP_NODEFRAG");
	one_option(fd, IPPROTO_IP, IP_TTL, "IP_TTL");
	one_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY");
	close(fd);
}

static void limits(void)
{
	static char big[66000];
	int fd = raw(AF_INET, OWN), fd6 = raw(AF_INET6, OWN), on = 1;

	say_rc("65536 octets", send_to(fd, big, 65536, AF_INET, "127.0.0.1", 0));
	say_rc("65516 octets", send_to(fd, big, 65516, AF_INET, "127.0.0.1", 0));
	say_rc("65515 octets", send_to(fd, big, 65515, AF_INET, "127.0.0.1", 0));
	say_rc("v6 65536 octets", send_to(fd6, big, 65536, AF_INET6, "::1", 0));
	say_rc("v6 65535 octets", send_to(fd6, big, 65535, AF_INET6, "::1", 0));
	say_rc("to an IPv6 name", send_to(fd, "data", 4, AF_INET6, "::1", 0));
	say_rc("to an IPv4 name", send_to(fd6, "data", 4, AF_INET, "127.0.0.1", 0));
	say_rc("SO_MARK", setsockopt(fd, SOL_SOCKET, SO_MARK, &on, sizeof(on)));
	say_rc("SO_RCVBUFFORCE", setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &on, sizeof(on)));
	on = 7;
	say_rc("SO_PRIORITY 7", setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &on, sizeof(on)));
	close(fd), close(fd6);
}

static int drained(int fd)
{
	static char in[70000];
	int n = 0;

	while (recv(fd, in, sizeof(in), MSG_DONTWAIT) >= 0)
		n++;
	return n;
}

/* How many datagrams of one size a buffer holds, of raw sockets and of those that see all that passes. */
static void fit(int family, const char *here, int rcvbuf, size_t size)
{
	static const char out[20000];
	uint16_t seen = htons(family == AF_INET6 ? 0x86dd : 0x0800);
	int fd[3] = { raw(family, OWN), MUST(socket(AF_PACKET, SOCK_RAW, seen)), MUST(socket(AF_PACKET, SOCK_DGRAM, seen)) };

	for (int i = 0; i < 3; i++)
		set_int(fd[i], SOL_SOCKET, SO_RCVBUF, rcvbuf);
	for (int i = 0; i < 100; i++)
		send_to(fd[0], out, size, family, here, 0);
	say("SO_RCVBUF", "%d, %zu octets: %d %d %d", rcvbuf, size, drained(fd[0]), drained(fd[1]), drained(fd[2]));
	for (int i = 0; i < 3; i++)
		close(fd[i]);
}

static void all_fits(int family, const char *here)
{
	static const size_t sizes[] = { 0, 1, 100, 300, 1000, 4000, 20000 };

	for (int rcvbuf = 1; rcvbuf < 20000; rcvbuf += 6000)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
			fit(family, here, rcvbuf, sizes[i]);
}

/* Who parts from his peer hears nothing more; who has shut his sending goes on; nothing is urgent, also by UDP's number. */
static void odd(int family, const char *here)
{
	int fd = raw(family, OWN), of_udp = raw(family, IPPROTO_UDP);
	union name nobody_ = { .sa = { .sa_family = AF_UNSPEC } };
	char b[100];

	say_rc("MSG_OOB", recv(of_udp, b, sizeof(b), MSG_OOB | MSG_DONTWAIT));
	say_rc("MSG_OOB of errors", recv(of_udp, b, sizeof(b), MSG_OOB | MSG_ERRQUEUE | MSG_DONTWAIT));
	say_rc("shutdown", shutdown(fd, SHUT_WR));
	send_to(fd, "hello", 5, family, here, 0);
	say_rc("arrives", recv(fd, b, sizeof(b), MSG_DONTWAIT));
	say_rc("parts", connect(fd, &nobody_.sa, sizeof(nobody_)));
	send_to(fd, "hello", 5, family, here, 0);
	say_rc("arrives", recv(fd, b, sizeof(b), MSG_DONTWAIT));
	say_rc("parts again", connect(fd, &nobody_.sa, sizeof(nobody_)));
	if (family == AF_INET) {
		int whole = raw(AF_INET, IPPROTO_RAW);
		static const uint8_t header[20] = { 0x45, [8] = 64, [9] = OWN, [16] = 127, [19] = 1 };
		say_rc("a header of its own", send_to(whole, header, sizeof(header), AF_INET, here, 0));
		say_rc("options", setsockopt(whole, IPPROTO_IP, IP_OPTIONS, "\1\1\1", 4));
		say_rc("a header of its own beside options", send_to(whole, header, sizeof(header), AF_INET, here, 0));
		say_rc("to nowhere", send_to(whole, header, sizeof(header), AF_INET, "240.0.0.1", 0));
		close(whole);
	}
	close(fd);
	close(of_udp);
}

/* Several sends, one datagram; but one with a header of its own goes at once. */
static void corked(int family, const char *here)
{
	static const struct { const char *what; size_t len; int flags; } rows[] = {
		{ "first part", 10, MSG_MORE }, { "between", 0, MSG_MORE }, { "last", 5, 0 }, { "too much", 65000, MSG_MORE }, { "more than too much", 1000, MSG_MORE },
		{ "after that", 7, 0 }, { "again", 3, MSG_MORE }, { "a probe", 9, 0x10 }, { "a probe alone", 9, 0x10 },
	};
	static char octets[66000];
	int fd = raw(family, OWN), whole = raw(family, IPPROTO_RAW), file = MUST(memfd_create("raw", 0));
	char header[50] = { family == AF_INET ? 0x45 : 0x60 };

	MUST(to(connect, fd, family, here, 0));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		say_rc(rows[i].what, send(fd, octets, rows[i].len, rows[i].flags));
		say_rc("arrives", recv(fd, octets, sizeof(octets), MSG_DONTWAIT));
	}
	MUST(write(file, octets, 20));
	say_rc("a file that is too short", sendfile(fd, file, &(off_t){ 0 }, 30));
	say_rc("arrives", recv(fd, octets, sizeof(octets), MSG_DONTWAIT));
	say_rc("a file, whole", sendfile(fd, file, &(off_t){ 0 }, 20));
	say_rc("arrives", recv(fd, octets, sizeof(octets), MSG_DONTWAIT));
	if (family == AF_INET6) {
		MUST(setsockopt(fd, IPPROTO_IPV6, IPV6_CHECKSUM, &(int){ 8 }, sizeof(int)));
		say_rc("no place for a checksum", send(fd, octets, 3, MSG_MORE));
		say_rc("nor now", send(fd, octets, 3, 0));
		say_rc("arrives", recv(fd, octets, sizeof(octets), MSG_DONTWAIT));
	}
	MUST(to(connect, whole, family, here, 0));
	say_rc("its own header", send(whole, header, sizeof(header), MSG_MORE));
	shutdown(whole, SHUT_WR);
	say_rc("shut, too short", send(whole, header, 10, 0));
	say_rc("shut, too long", send(whole, octets, sizeof(octets) - 600, 0));
	say_rc("shut, a probe", send(whole, header, sizeof(header), 0x10));
	say_rc("shut, unread", send(whole, (void *)1, sizeof(header), 0));
	say_rc("shut", send(whole, header, sizeof(header), 0));
	say_rc("cork, unread", send(fd, (void *)1, 10, MSG_MORE));
	close(fd), close(whole), close(file);
}

/* Whom an ICMPv6 socket connects to: a name's family is looked at before its length. */
static void ping_names(void)
{
	int fd = MUST(socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6));

	for (int family = 0; family < 12; family++)
		for (socklen_t len = 2; len < 30; len += 13) {
			union name n = { .sa.sa_family = (sa_family_t)family };
			char what[64];
			snprintf(what, sizeof(what), "family %d of %u", family, len);
			say_rc(what, connect(fd, &n.sa, len));
		}
	close(fd);
}

/* IPv4's addresses, to a raw socket of IPv6: a peer may be one, which nothing is sent to. */
static void mapped(void)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	union name there = name_of(AF_INET6, "::ffff:127.0.0.1", 0), own = name_lo(AF_INET6, 0);
	int fd = MUST(socket(AF_INET6, SOCK_RAW, OWN));

	say_rc("bind", bind(fd, &there.sa, sizeof(there.in6)));
	say_rc("sendto", sendto(fd, "x", 1, 0, &there.sa, sizeof(there.in6)));
	say_rc("connect", connect(fd, &there.sa, sizeof(there.in6)));
	say_sockname("here", fd);
	say_rc("bind then", bind(fd, &there.sa, sizeof(there.in6)));
	say_rc("bind to IPv6 then", bind(fd, &own.sa, sizeof(own.in6)));
	say_rc("send", send(fd, "x", 1, 0));
	say_rc("part", connect(fd, &none, sizeof(none)));
	say_sockname("here then", fd);
	close(fd);
}

/* A header of its own that is too short, or too long, once sending was shut. */
static void short_header(void)
{
	static char much[65536];
	static const size_t lens[] = {0, 5, 19, 20, sizeof(much)};
	union name n = name_lo(AF_INET, 0);
	int fd = MUST(socket(AF_INET, SOCK_RAW, IPPROTO_RAW));

	MUST(connect(fd, &n.sa, sizeof(n.in)));
	MUST(shutdown(fd, SHUT_RDWR));
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++)
		say_rc("send", send(fd, much, lens[i], MSG_NOSIGNAL));
	close(fd);
}

/* Ping sockets: which errors come first, and names of no family. */
static void ping(int family)
{
	static const char *const names6[] = {"::ffff:127.0.0.1", "2001:db8::1", "fe80::1", "ff02::1", "::1"};
	static const char *const names4[] = {"224.0.0.1", "255.255.255.255", "192.0.2.1", "127.0.0.1", "0.0.0.0"};
	static const char echo_of[2][9] = {"\10\0\0\0\0\0\0\1", "\200\0\0\0\0\0\0\1"};
	int fd = socket(family, SOCK_DGRAM, family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	union name n = name_lo(family, 0);

	if (say_fd("made", fd) < 0)
		return;
	for (int again = 0; again < 2; again++)
		for (int i = 0; i < 5; i++) {
			const char *text = family == AF_INET6 ? names6[i] : names4[i];
			union name to = name_of(family, text, 0);

			if (again || i < 4 - (family == AF_INET))
				say_rc(text, bind(fd, &to.sa, name_len(family)));
			to.sa.sa_family = AF_UNSPEC;
			say_rc("of no family", sendto(fd, echo_of[family == AF_INET6], 8, 0, &to.sa, name_len(family)));
			if (again)
				say_rc("bind to one of no family", bind(fd, &to.sa, name_len(family)));
			else if (i == 4)
				say_rc("bind", bind(fd, &n.sa, name_len(family)));
		}
	MUST(connect(fd, &n.sa, name_len(family)));
	MUST(shutdown(fd, SHUT_WR));
	say_rc("shut", send(fd, echo_of[family == AF_INET6], 8, MSG_NOSIGNAL));
	say_rc("shut, probing", send(fd, echo_of[family == AF_INET6], 8, MSG_NOSIGNAL | MSG_PROXY));
	close(fd);
}

/* In a network of its own nobody may have ping sockets; under sockland everybody may. */
static void allow_ping(void)
{
	int fd = open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY);

	if (fd >= 0 && write(fd, "0 2147483647", 12) < 0)
		say("ping_group_range", "%s", say_errno(errno));
	close(fd);
}

int main(void)
{
	say_start();
	allow_ping();
	for (int i = 0; i < 2; i++) {
		int family = i ? AF_INET6 : AF_INET;
		const char *v = i ? "v6" : "v4", *here = i ? "::1" : "127.0.0.1";

		say_about("%s creation", v), creation(family);
		say_about("%s names", v), names(family, here, i ? "::1" : "127.0.0.2", i ? "2001:db8::1" : "192.0.2.1");
		say_about("%s copies", v), copies(family, here);
		say_about("%s udp", v), udp_copied(family, here);
		say_about("%s echo", v), echo(family, here);
		say_about("%s nobody", v), nobody(family, here);
		say_about("%s fits", v), all_fits(family, here);
		say_about("%s options of icmp", v), options(family, i ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
		say_about("%s options of others", v), options(family, OWN);
		say_about("%s odd", v), odd(family, here);
		say_about("%s corked", v), corked(family, here);
	}
	say_about("own header"), own_header();
	say_about("own header v6"), own_header6();
	say_about("checksum"), checksums();
	say_about("limits"), limits();
	say_about("ping names"), ping_names();
	say_about("mapped"), mapped();
	say_about("short header"), short_header();
	say_about("ping v4"), ping(AF_INET);
	say_about("ping v6"), ping(AF_INET6);
	return 0;
}
