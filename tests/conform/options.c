/*
 * The matrix of socket options: for each kind of socket and each option what it is at first, which lengths get and set take, and what
 * comes of a value. Rows of a table; a value that depends on the machine's settings (buffer sizes) is said as "some".
 */
#include "say.h"
#include <linux/filter.h>
#include <linux/in6.h>
#include <linux/sockios.h>

#define O(level, name, kind) { level, name, #name, kind }
/* MACHINE: values depend on the machine's settings: they are compared with what was there before. INDEX: of an interface. */
enum kind { INT, MACHINE, INDEX };
static const struct option { int level, name; const char *text; enum kind kind; } options[] = {
	O(SOL_SOCKET, SO_DEBUG, INT), O(SOL_SOCKET, SO_REUSEADDR, INT), O(SOL_SOCKET, SO_TYPE, INT), O(SOL_SOCKET, SO_ERROR, INT),
	O(SOL_SOCKET, SO_DONTROUTE, INT), O(SOL_SOCKET, SO_BROADCAST, INT), O(SOL_SOCKET, SO_SNDBUF, MACHINE), O(SOL_SOCKET, SO_RCVBUF, MACHINE),
	O(SOL_SOCKET, SO_KEEPALIVE, INT), O(SOL_SOCKET, SO_OOBINLINE, INT), O(SOL_SOCKET, SO_NO_CHECK, INT), O(SOL_SOCKET, SO_PRIORITY, INT),
	O(SOL_SOCKET, SO_REUSEPORT, INT), O(SOL_SOCKET, SO_RCVLOWAT, MACHINE), O(SOL_SOCKET, SO_SNDLOWAT, INT), O(SOL_SOCKET, SO_TIMESTAMP, INT),
	O(SOL_SOCKET, SO_TIMESTAMPNS, INT), O(SOL_SOCKET, SO_ACCEPTCONN, INT), O(SOL_SOCKET, SO_PROTOCOL, INT), O(SOL_SOCKET, SO_DOMAIN, INT),
	O(SOL_SOCKET, SO_RXQ_OVFL, INT), O(SOL_SOCKET, SO_PEEK_OFF, INT), O(SOL_SOCKET, SO_MARK, INT), O(SOL_SOCKET, SO_SELECT_ERR_QUEUE, INT),
	O(SOL_SOCKET, SO_BUSY_POLL, INT), O(SOL_SOCKET, SO_INCOMING_CPU, MACHINE), O(SOL_SOCKET, SO_ZEROCOPY, INT), O(SOL_SOCKET, 9999, INT),
	O(IPPROTO_IP, IP_TOS, INT), O(IPPROTO_IP, IP_TTL, INT), O(IPPROTO_IP, IP_HDRINCL, INT), O(IPPROTO_IP, IP_RECVOPTS, INT),
	O(IPPROTO_IP, IP_RETOPTS, INT), O(IPPROTO_IP, IP_PKTINFO, INT), O(IPPROTO_IP, IP_MTU_DISCOVER, INT), O(IPPROTO_IP, IP_RECVERR, INT),
	O(IPPROTO_IP, IP_RECVTTL, INT), O(IPPROTO_IP, IP_RECVTOS, INT), O(IPPROTO_IP, IP_MTU, INT), O(IPPROTO_IP, IP_FREEBIND, INT),
	O(IPPROTO_IP, IP_MULTICAST_TTL, INT), O(IPPROTO_IP, IP_MULTICAST_LOOP, INT), O(IPPROTO_IP, IP_MULTICAST_ALL, INT),
	O(IPPROTO_IP, IP_RECVORIGDSTADDR, INT), O(IPPROTO_IP, IP_MINTTL, INT), O(IPPROTO_IP, IP_NODEFRAG, INT), O(IPPROTO_IP, IP_TRANSPARENT, INT),
	O(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, INT), O(IPPROTO_IP, IP_RECVFRAGSIZE, INT), O(IPPROTO_IP, IP_UNICAST_IF, INT),
	O(IPPROTO_IP, IP_CHECKSUM, INT), O(IPPROTO_IP, 9999, INT),
	O(IPPROTO_IPV6, IPV6_V6ONLY, INT), O(IPPROTO_IPV6, IPV6_UNICAST_HOPS, INT), O(IPPROTO_IPV6, IPV6_MULTICAST_HOPS, INT),
	O(IPPROTO_IPV6, IPV6_MULTICAST_LOOP, INT), O(IPPROTO_IPV6, IPV6_MULTICAST_IF, INDEX), O(IPPROTO_IPV6, IPV6_MTU_DISCOVER, INT),
	O(IPPROTO_IPV6, IPV6_MTU, INT), O(IPPROTO_IPV6, IPV6_RECVERR, INT), O(IPPROTO_IPV6, IPV6_RECVPKTINFO, INT),
	O(IPPROTO_IPV6, IPV6_RECVHOPLIMIT, INT), O(IPPROTO_IPV6, IPV6_RECVTCLASS, INT), O(IPPROTO_IPV6, IPV6_TCLASS, INT),
	O(IPPROTO_IPV6, IPV6_RECVRTHDR, INT), O(IPPROTO_IPV6, IPV6_RECVHOPOPTS, INT), O(IPPROTO_IPV6, IPV6_RECVDSTOPTS, INT),
	O(IPPROTO_IPV6, IPV6_DONTFRAG, INT), O(IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, INT), O(IPPROTO_IPV6, IPV6_MINHOPCOUNT, INT),
	O(IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, INT), O(IPPROTO_IPV6, IPV6_TRANSPARENT, INT), O(IPPROTO_IPV6, IPV6_FREEBIND, INT),
	O(IPPROTO_IPV6, IPV6_ADDRFORM, INT), O(IPPROTO_IPV6, IPV6_UNICAST_IF, INT), O(IPPROTO_IPV6, 9999, INT),
	O(IPPROTO_TCP, TCP_NODELAY, INT), O(IPPROTO_TCP, TCP_MAXSEG, INT), O(IPPROTO_TCP, TCP_CORK, INT), O(IPPROTO_TCP, TCP_KEEPIDLE, INT),
	O(IPPROTO_TCP, TCP_KEEPINTVL, INT), O(IPPROTO_TCP, TCP_KEEPCNT, INT), O(IPPROTO_TCP, TCP_SYNCNT, INT), O(IPPROTO_TCP, TCP_LINGER2, INT),
	O(IPPROTO_TCP, TCP_DEFER_ACCEPT, INT), O(IPPROTO_TCP, TCP_WINDOW_CLAMP, MACHINE), O(IPPROTO_TCP, TCP_QUICKACK, INT),
	O(IPPROTO_TCP, TCP_USER_TIMEOUT, INT), O(IPPROTO_TCP, TCP_FASTOPEN, INT), O(IPPROTO_TCP, TCP_FASTOPEN_CONNECT, INT),
	O(IPPROTO_TCP, TCP_NOTSENT_LOWAT, INT), O(IPPROTO_TCP, TCP_SAVE_SYN, INT), O(IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, INT),
	O(IPPROTO_TCP, TCP_TIMESTAMP, MACHINE), O(IPPROTO_TCP, TCP_INQ, INT), O(IPPROTO_TCP, TCP_REPAIR, INT),
	O(IPPROTO_TCP, TCP_THIN_DUPACK, INT), O(IPPROTO_TCP, 37 /* TCP_TX_DELAY */, INT), O(IPPROTO_TCP, 9999, INT),
	O(IPPROTO_UDP, 1 /* UDP_CORK */, INT), O(IPPROTO_UDP, 100 /* UDP_ENCAP */, INT), O(IPPROTO_UDP, 103 /* UDP_SEGMENT */, INT),
	O(IPPROTO_UDP, 104 /* UDP_GRO */, INT), O(IPPROTO_UDP, 9999, INT),
	O(4242, 1, INT), O(IPPROTO_RAW, 1, INT), O(IPPROTO_ICMP, 1, INT),
};
#define N(a) (sizeof(a) / sizeof(*(a)))

/* Numbers that are the machine's become words. */
static const char *value_text(const struct option *o, int v, int before)
{
	static char text[32];

	if (o->name == TCP_TIMESTAMP && o->level == IPPROTO_TCP)
		return "a clock";
	if (o->kind == MACHINE && v == before)
		return "as before";
	if (o->kind == MACHINE && v > 200000)
		return "some";
	snprintf(text, sizeof(text), "%d", v);
	return text;
}

static int get(int fd, const struct option *o, int *ret)
{
	socklen_t len = sizeof(*ret);

	return getsockopt(fd, o->level, o->name, ret, &len);
}

static void say_get(int fd, const struct option *o)
{
	static const socklen_t lens[] = { 0, 1, 2, 3, 5, 8, (socklen_t)-1 };
	char text[256] = "";
	unsigned char v[16];
	int value = 0, rc = get(fd, o, &value);

	say("get", "%s %s", rc < 0 ? say_errno(errno) : "0", rc < 0 ? "" : o->kind == MACHINE ? "some" : value_text(o, value, 0));
	if (rc < 0)
		return;
	for (size_t i = 0; i < N(lens); i++) {
		socklen_t len = lens[i];

		memset(v, 0xee, sizeof(v));
		rc = getsockopt(fd, o->level, o->name, v, &len);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %d:%s,%d,%d", (int)lens[i], rc < 0 ? say_errno(errno) : "ok", (int)len,
			 v[lens[i] < 8 ? lens[i] : 8] == 0xee);
	}
	say("get by length", "%s", text);
}

static void say_set(int family, int type, const struct option *o)
{
	static const int values[] = { -2, -1, 0, 1, 2, 3, 64, 255, 256, 65535, 65536, INT32_MAX, INT32_MIN };
	static const socklen_t lens[] = { 0, 1, 2, 3, 5, 8, (socklen_t)-1 };
	char text[512] = "";
	int fd = MUST(socket(family, type, 0)), before = 0, after, rc;

	get(fd, o, &before);
	for (size_t i = 0; i < N(values); i++) {
		if (o->kind == INDEX && values[i] > 1 && values[i] < 255)
			continue;
		rc = setsockopt(fd, o->level, o->name, &values[i], sizeof(int));
		if (rc < 0)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " %d:%s", values[i], say_errno(errno));
		else if (get(fd, o, &after) < 0)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " %d:set", values[i]);
		else
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " %d:%s", values[i], value_text(o, after, before));
	}
	say("set", "%s", text);
	close(fd);
	fd = MUST(socket(family, type, 0));
	*text = 0;
	for (size_t i = 0; i < N(lens); i++) {
		unsigned char v[16] = { 1, 0 };

		after = before;
		rc = setsockopt(fd, o->level, o->name, v, lens[i]);
		const char *result = rc < 0 ? say_errno(errno) : "ok";
		get(fd, o, &after);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %d:%s,%s", (int)lens[i], result, value_text(o, after, before));
	}
	say("set by length", "%s", text);
	say_rc("set NULL", setsockopt(fd, o->level, o->name, NULL, sizeof(int)));
	say_rc("set bad pointer", setsockopt(fd, o->level, o->name, (void *)8, sizeof(int)));
	close(fd);
}

static void matrix(int family, int type)
{
	for (size_t i = 0; i < N(options); i++) {
		const struct option *o = &options[i];
		int fd = MUST(socket(family, type, 0)), v;
		socklen_t len = sizeof(v);

		say_about("%s %s level %d %s", family_text(family), type == SOCK_STREAM ? "tcp" : "udp", o->level, o->text);
		say_get(fd, o);
		say_rc("get bad pointer", getsockopt(fd, o->level, o->name, (void *)8, &len));
		say_rc("get bad length pointer", getsockopt(fd, o->level, o->name, &v, (void *)8));
		close(fd);
		say_set(family, type, o);
	}
}

static void lingers(void)
{
	int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
	static const struct linger values[] = { { 1, 5 }, { 0, 5 }, { 1, 0 }, { 7, 7 }, { 1, 100000 } };
	struct linger l = { 9, 9 };
	socklen_t len = sizeof(l);

	say_about("SO_LINGER");
	say_rc("get", getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len));
	say("value", "%d %d len %u", l.l_onoff, l.l_linger, len);
	for (size_t i = 0; i < N(values); i++) {
		say_rc("set", setsockopt(fd, SOL_SOCKET, SO_LINGER, &values[i], sizeof(l)));
		getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len);
		say("value", "%d %d", l.l_onoff, l.l_linger);
	}
	say_rc("set short", setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, 4));
	say_rc("set long", setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, 8));
	len = 4;
	say_rc("get short", getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len));
	say("len", "%u", len);
	len = 20;
	say_rc("get long", getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len));
	say("len", "%u", len);
	close(fd);
}

static void timeouts(int name, const char *text)
{
	int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
	static const struct timeval values[] = { { 1, 500000 }, { 0, 1 }, { 0, 0 }, { -1, 0 }, { 0, -1 }, { 0, 1000000 }, { 1L << 40, 0 }, { 3, 999999 } };
	struct timeval t = { 9, 9 };
	socklen_t len = sizeof(t);

	say_about("%s", text);
	say_rc("get", getsockopt(fd, SOL_SOCKET, name, &t, &len));
	say("value", "%ld.%06ld len %u", (long)t.tv_sec, (long)t.tv_usec, len);
	for (size_t i = 0; i < N(values); i++) {
		say_rc("set", setsockopt(fd, SOL_SOCKET, name, &values[i], sizeof(t)));
		getsockopt(fd, SOL_SOCKET, name, &t, &len);
		if (i != 1 && i != 7)      /* these are rounded to the machine's tick */
			say("value", "%ld.%06ld", (long)t.tv_sec, (long)t.tv_usec);
	}
	say_rc("set short", setsockopt(fd, SOL_SOCKET, name, &t, 8));
	say_rc("set empty", setsockopt(fd, SOL_SOCKET, name, &t, 0));
	len = 8;
	say_rc("get short", getsockopt(fd, SOL_SOCKET, name, &t, &len));
	say("len", "%u", len);
	close(fd);
}

/* What SO_GET_FILTER gives back of a filter: lengths count instructions. */
static void filter_got(int fd)
{
	static const socklen_t rooms[] = { 0, 1, 2, 3, 100 };
	struct sock_filter program[] = { BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_RET | BPF_A, 0) }, got[100];
	struct sock_fprog all = { 2, program };
	int on = 1;

	for (int attached = 0; attached < 2; attached++) {
		say_about("SO_GET_FILTER %s", attached ? "attached" : "none");
		for (size_t i = 0; i < N(rooms); i++) {
			socklen_t len = rooms[i];
			memset(got, 0, sizeof(got));
			say_rc("get", getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, got, &len));
			say("len", "%u of %u, first %x, second %x", len, rooms[i], got[0].code, got[1].code);
		}
		if (!attached)
			MUST(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &all, sizeof(all)));
	}
	say_rc("lock", setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)));
	say_rc("detach", setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof(on)));
	say_rc("another", setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &all, sizeof(all)));
	on = 0;
	say_rc("unlock", setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)));
}

static void blobs(void)
{
	int fd[2], u = MUST(socket(AF_INET, SOCK_DGRAM, 0));
	char v[512] = { 0 };
	socklen_t len = sizeof(v);

	say_about("TCP_CONGESTION");
	tcp_pair(AF_INET, fd);
	say_rc("set reno", setsockopt(fd[0], IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	say_rc("get", getsockopt(fd[0], IPPROTO_TCP, TCP_CONGESTION, v, &len));
	say("value", "%s len %u", v, len);
	len = 2;
	memset(v, 0, sizeof(v));
	say_rc("get short", getsockopt(fd[0], IPPROTO_TCP, TCP_CONGESTION, v, &len));
	say("value", "%.2s len %u", v, len);
	say_rc("set unknown", setsockopt(fd[0], IPPROTO_TCP, TCP_CONGESTION, "nonesuch", 8));
	say_rc("set empty", setsockopt(fd[0], IPPROTO_TCP, TCP_CONGESTION, "", 0));

	say_about("TCP_INFO");
	len = 10;
	say_rc("get 10", getsockopt(fd[0], IPPROTO_TCP, TCP_INFO, v, &len));
	say("len", "%u", len);
	len = 104;
	say_rc("get 104", getsockopt(fd[0], IPPROTO_TCP, TCP_INFO, v, &len));
	say("len", "%u state %d", len, v[0]);
	say_rc("set", setsockopt(fd[0], IPPROTO_TCP, TCP_INFO, v, 104));

	say_about("SO_PEERCRED on inet");
	len = sizeof(v);
	say_rc("get", getsockopt(fd[0], SOL_SOCKET, SO_PEERCRED, v, &len));
	say("len", "%u", len);
	say_about("SO_PEERNAME");
	len = sizeof(v);
	say_rc("get", getsockopt(fd[0], SOL_SOCKET, SO_PEERNAME, v, &len));
	len = sizeof(v);
	say_rc("get unconnected", getsockopt(u, SOL_SOCKET, SO_PEERNAME, v, &len));
	say_about("SO_BINDTODEVICE");
	len = sizeof(v);
	say_rc("get", getsockopt(u, SOL_SOCKET, SO_BINDTODEVICE, v, &len));
	say("len", "%u", len);
	say_rc("set lo", setsockopt(u, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
	len = sizeof(v);
	say_rc("get", getsockopt(u, SOL_SOCKET, SO_BINDTODEVICE, v, &len));
	say("value", "%s len %u", len ? v : "", len);
	say_rc("set lo again", setsockopt(u, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
	say_rc("set nonesuch", setsockopt(u, SOL_SOCKET, SO_BINDTODEVICE, "nonesuch", 9));
	say_rc("clear", setsockopt(u, SOL_SOCKET, SO_BINDTODEVICE, "", 0));
	for (size_t i = 0; i < 2; i++) {
		int none = 7777, family = i ? AF_INET6 : AF_INET, d = MUST(socket(family, SOCK_DGRAM, 0)), s = MUST(socket(family, SOCK_STREAM, 0));
		union name at = name_lo(family, 0), to = name_lo(family, 9);

		say_about("SO_BINDTOIFINDEX, of none, v%d", i ? 6 : 4);
		say_rc("set", setsockopt(d, SOL_SOCKET, SO_BINDTOIFINDEX, &none, sizeof(none)));
		MUST(setsockopt(s, SOL_SOCKET, SO_BINDTOIFINDEX, &none, sizeof(none)));
		none = 0;
		len = sizeof(none);
		say_rc("get", getsockopt(d, SOL_SOCKET, SO_BINDTOIFINDEX, &none, &len));
		say("is", "%d", none);
		len = sizeof(v);
		say_rc("its name", getsockopt(d, SOL_SOCKET, SO_BINDTODEVICE, v, &len));
		say_rc("bind", bind(d, &at.sa, name_len(family)));
		say_rc("send", sendto(d, "x", 1, 0, &to.sa, name_len(family)));
		say_rc("connect", connect(s, &to.sa, name_len(family)));
		close(d);
		close(s);
	}
	say_about("SO_ATTACH_FILTER");
	say_rc("short", setsockopt(u, SOL_SOCKET, SO_ATTACH_FILTER, v, 3));
	say_rc("detach none", setsockopt(u, SOL_SOCKET, SO_DETACH_FILTER, v, 4));
	filter_got(u);
	close(fd[0]);
	close(fd[1]);
	close(u);
}

/* On a connection some options say more. */
static void connected(int family)
{
	static const struct option o[] = {
		O(IPPROTO_IP, IP_MTU, INT), O(IPPROTO_IPV6, IPV6_MTU, INT), O(IPPROTO_TCP, TCP_MAXSEG, INT), O(SOL_SOCKET, SO_ACCEPTCONN, INT),
		O(IPPROTO_TCP, TCP_QUICKACK, INT), O(IPPROTO_IPV6, IPV6_V6ONLY, INT), O(IPPROTO_TCP, TCP_NODELAY, INT),
	};
	int fd[2], v, on = 1;

	tcp_pair(family, fd);
	for (size_t i = 0; i < N(o); i++) {
		say_about("%s connected %s", family_text(family), o[i].text);
		v = -1;
		if (say_rc("get", get(fd[0], &o[i], &v)) == 0 && o[i].name != TCP_QUICKACK)
			say("value", "%d", v);
		say_rc("set", setsockopt(fd[0], o[i].level, o[i].name, &on, sizeof(on)));
	}
	say_about("%s ioctl", family_text(family));
	v = -1;
	say_rc("SIOCOUTQ", ioctl(fd[0], SIOCOUTQ, &v));
	say("value", "%d", v);
	say_rc("SIOCOUTQNSD", ioctl(fd[0], SIOCOUTQNSD, &v));
	say_rc("SIOCATMARK", ioctl(fd[0], SIOCATMARK, &v));
	say("value", "%d", v);
	say_rc("unknown", ioctl(fd[0], 0x8bff, &v));
	say_rc("TCGETS", ioctl(fd[0], 0x5401, &v));
	close(fd[0]);
	close(fd[1]);
}

/* What has come too far is dropped, also on one host and on a connection that stands. */
static void hops(int family, int level, int name)
{
	int fd[2];
	char c[4];

	say_about("%s %s", family_text(family), name == IP_MINTTL ? "IP_MINTTL" : "IPV6_MINHOPCOUNT");
	tcp_pair(family, fd);
	MUST(send(fd[0], "a", 1, 0));
	say_rc("before", recv(fd[1], c, sizeof(c), 0));
	set_int(fd[1], level, name, 200);
	MUST(send(fd[0], "b", 1, 0));
	say_rc("from 64", recv(fd[1], c, sizeof(c), MSG_DONTWAIT));
	MUST(send(fd[1], "c", 1, 0));
	say_rc("the other way", recv(fd[0], c, sizeof(c), 0));
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	say_start();
	matrix(AF_INET, SOCK_STREAM);
	matrix(AF_INET, SOCK_DGRAM);
	matrix(AF_INET6, SOCK_STREAM);
	matrix(AF_INET6, SOCK_DGRAM);
	lingers();
	timeouts(SO_RCVTIMEO, "SO_RCVTIMEO");
	timeouts(SO_SNDTIMEO, "SO_SNDTIMEO");
	blobs();
	connected(AF_INET);
	connected(AF_INET6);
	hops(AF_INET, IPPROTO_IP, IP_MINTTL);
	hops(AF_INET6, IPPROTO_IPV6, IPV6_MINHOPCOUNT);
	return 0;
}
