/*
 * SO_TIMESTAMPING of what is sent: which flags are taken, what comes back on the error queue of datagrams and of streams, numbered, whole or alone,
 * the control messages of a send that choose, and those that come back with it.
 */
#include "say.h"
#include <linux/errqueue.h>

#define TX_HARDWARE 1
#define TX_SOFTWARE 2
#define SOFTWARE 0x10
#define OPT_ID 0x80
#define OPT_CMSG 0x400
#define OPT_STATS 0x1000
#define OPT_ID_TCP 0x10000
#define TX_COMPLETION 0x40000
#define OPT_STATS_TYPE 54
#define ACKED 2
#define TX_SCHED 0x100
#define TX_ACK 0x200
#define OPT_TSONLY 0x800
#define TS_OPT_ID 81

static int set(int fd, int flags)
{
	char what[32];

	snprintf(what, sizeof(what), "set %x", (unsigned)flags);
	return (int)say_rc(what, setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof(flags)));
}

static void say_stamp(const struct cmsghdr *c)
{
	struct timespec ts[3], now;

	memcpy(ts, CMSG_DATA(c), sizeof(ts));
	clock_gettime(CLOCK_REALTIME, &now);
	say("stamp", "of now %d, others %ld %ld", now.tv_sec - ts[0].tv_sec < 5, ts[1].tv_sec, ts[2].tv_sec);
}

/* Which figures there are, and how long they are. */
static void say_stats(const struct cmsghdr *c)
{
	size_t len = c->cmsg_len - CMSG_LEN(0);
	char text[512] = "";

	for (size_t at = 0; at + 4 <= len;) {
		uint16_t head[2];
		memcpy(head, CMSG_DATA(c) + at, sizeof(head));
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %u:%u", head[1], head[0]);
		at += (head[0] + 3u) & ~3u;
	}
	say("stats", "%s", text);
}

static void say_octets(const struct cmsghdr *c)
{
	char text[128] = "";

	for (size_t i = 0; i < c->cmsg_len - CMSG_LEN(0) && i < 40; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%02x", CMSG_DATA(c)[i]);
	say("octets", "%s", text);
}

static void say_control(struct cmsghdr *c, uint32_t *which)
{
	union name offender = { 0 };
	struct sock_extended_err e;

	say("control", "level %d type %d len %zu", c->cmsg_level, c->cmsg_type, c->cmsg_len);
	if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == OPT_STATS_TYPE)
		say_stats(c);
	else if (c->cmsg_level == SOL_SOCKET)
		say_stamp(c);
	else if (c->cmsg_level == SOL_IP ? c->cmsg_type != IP_RECVERR : c->cmsg_type != IPV6_RECVERR)
		say_octets(c);
	else {
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		say("error", "%s origin %u type %u code %u info %u data %u", say_errno((int)e.ee_errno), e.ee_origin, e.ee_type, e.ee_code,
		    e.ee_info, e.ee_data);
		memcpy(&offender, CMSG_DATA(c) + sizeof(e), c->cmsg_len - CMSG_LEN(sizeof(e)));
		say_name("offender", &offender, name_len(c->cmsg_level == SOL_IP ? AF_INET : AF_INET6));
		*which = e.ee_info;
	}
}

/* The next entry; -1 when there is none. Which stamp it is. */
static int entry(int fd)
{
	unsigned char data[512], control[768];
	union name from;
	struct iovec iov = { data, sizeof(data) };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);
	uint32_t which = 0;

	if (n < 0)
		return -1;
	struct cmsghdr *first = CMSG_FIRSTHDR(&m), *second = first ? CMSG_NXTHDR(&m, first) : NULL;
	bool stats = second && second->cmsg_level == SOL_SOCKET && second->cmsg_type == OPT_STATS_TYPE;
	say("entry", "%zd octets ending in '%.*s', name %u, flags %x", n, n > 5 && !stats ? 5 : 0, (char *)data + (n > 5 ? n - 5 : 0), m.msg_namelen,
	    m.msg_flags);
	if (n > 14 && !stats)
		say("type", "%02x%02x version %x", data[12], data[13], data[14] >> 4);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		say_control(c, &which);
	return (int)which;
}

static void entries(int fd)
{
	while (entry(fd) >= 0)
		;
	say_error("SO_ERROR", fd);
	say_poll("poll", fd);
}

static void sent(int fd, int flags)
{
	set(fd, flags);
	say_rc("send", send(fd, "hello", 5, 0));
	say_rc("send", send(fd, "world", 5, 0));
	entries(fd);
}

/* A send with one control message of four octets. */
static void with(const char *what, int fd, int type, uint32_t v)
{
	char control[CMSG_SPACE(sizeof(v))] = "";
	struct iovec iov = { "hello", 5 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(sizeof(v));
	memcpy(CMSG_DATA(c), &v, sizeof(v));
	say_rc(what, sendmsg(fd, &m, 0));
	entries(fd);
}

static void datagrams(int family)
{
	static const int flags[] = { 0x20000, 0x40000, 0x80000, 0x10000, 0x10080, 0x1000, 0x1800, 0x8000, 0x4000 };
	int fd[2];

	say_about("udp %d", family);
	udp_pair(family, fd);
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		set(fd[0], flags[i]);
	sent(fd[0], TX_SOFTWARE);
	sent(fd[0], TX_SOFTWARE | SOFTWARE);
	sent(fd[0], TX_SOFTWARE | SOFTWARE | OPT_TSONLY);
	sent(fd[0], TX_SOFTWARE | TX_SCHED | TX_ACK | SOFTWARE | OPT_TSONLY | OPT_ID);
	sent(fd[0], TX_SCHED | SOFTWARE | OPT_TSONLY | OPT_ID);
	sent(fd[0], TX_HARDWARE | SOFTWARE);
	with("nothing asked for", fd[0], SO_TIMESTAMPING, 0);
	with("by the message", fd[0], SO_TIMESTAMPING, TX_SOFTWARE);
	with("of more than is sent", fd[0], SO_TIMESTAMPING, TX_SOFTWARE | OPT_ID);
	with("a number, unasked", fd[0], TS_OPT_ID, 77);
	set(fd[0], TX_SOFTWARE | SOFTWARE | OPT_TSONLY | OPT_ID);
	with("a number", fd[0], TS_OPT_ID, 77);
	with("not this one", fd[0], SO_TIMESTAMPING, 0);
	with("a priority", fd[0], SO_PRIORITY, 3);
	with("a high priority", fd[0], SO_PRIORITY, 7);
	with("a time without SO_TXTIME", fd[0], SCM_TXTIME, 7);
	with("another", fd[0], 1234, 7);
	close(fd[0]);
	close(fd[1]);
}

static void told(int family)
{
	int fd[2];

	say_about("told %d", family);
	udp_pair(family, fd);
	if (family == AF_INET6) {
		set_int(fd[0], IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
		set_int(fd[0], IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
		set_int(fd[0], IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
	} else {
		set_int(fd[0], IPPROTO_IP, IP_PKTINFO, 1);
		set_int(fd[0], IPPROTO_IP, IP_RECVTTL, 1);
		set_int(fd[0], IPPROTO_IP, IP_RECVTOS, 1);
	}
	sent(fd[0], TX_SOFTWARE | SOFTWARE);
	sent(fd[0], TX_SOFTWARE | SOFTWARE | OPT_CMSG);
	sent(fd[0], TX_SOFTWARE | SOFTWARE | OPT_CMSG | OPT_TSONLY);
	close(fd[0]);
	close(fd[1]);
}

/* ---- streams ---- */

/* Of each send as many entries as it asks for; with TX_ACK that of the acknowledgement is the last. */
static void stream_entries(int fd, int flags)
{
	bool more = flags & (TX_SOFTWARE | TX_SCHED | TX_ACK);

	while (more && wait_for(fd, 0)) {
		int which = entry(fd);
		if (which < 0)
			break;
		more = flags & TX_ACK ? which != ACKED : which != 0;
	}
	entries(fd);
}

/* Each on a connection of its own, whose first segments are acknowledged at once: what waits for a late ACK may be sent, and stamped, again. */
static void stream_sent(int family, const char *what, int flags)
{
	char in[64];
	int fd[2];

	tcp_pair(family, fd);
	set_int(fd[0], IPPROTO_IP, IP_PKTINFO, 1);
	if (family == AF_INET6)
		set_int(fd[0], IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	set(fd[0], flags);
	for (int i = 0; i < 2; i++) {
		say_rc(what, send(fd[0], "hello", 5, 0));
		stream_entries(fd[0], flags);
		MUST(recv(fd[1], in, sizeof(in), 0));
	}
	close(fd[0]);
	close(fd[1]);
}

/* Flags that change between sends: numbers go on or begin again. */
static void changes(int fd[2])
{
	static const int flags[] = { OPT_ID, 0, OPT_ID | OPT_ID_TCP, OPT_ID };
	char in[64];

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		set(fd[0], TX_SOFTWARE | SOFTWARE | OPT_TSONLY | flags[i]);
		say_rc("numbered", send(fd[0], "hello", 5, 0));
		stream_entries(fd[0], TX_SOFTWARE);
		MUST(recv(fd[1], in, sizeof(in), 0));
	}
}

/* One stamp of three sends that go as one. */
static void together(int fd[2])
{
	char in[64];

	set(fd[0], SOFTWARE | TX_ACK | OPT_ID | OPT_TSONLY);
	say_rc("more", send(fd[0], "hello", 5, MSG_MORE));
	say_rc("more", send(fd[0], "hello", 5, MSG_MORE));
	entries(fd[0]);
	say_rc("last", send(fd[0], "hello", 5, 0));
	stream_entries(fd[0], TX_ACK);
	MUST(recv(fd[1], in, 15, MSG_WAITALL));
}

/* A send of many segments has one stamp, at its end. (When it left may be stamped more than once: a tail that waits is sent again.) */
static void large(int fd[2])
{
	static char out[100000], in[100000];

	set(fd[0], SOFTWARE | TX_ACK | OPT_ID | OPT_TSONLY);
	say_rc("large", send(fd[0], out, sizeof(out), 0));
	say_rc("read", recv(fd[1], in, sizeof(in), MSG_WAITALL));
	stream_entries(fd[0], TX_ACK);
}

static void unconnected(int family)
{
	int fd = MUST(socket(family, SOCK_STREAM, 0)), l = listening(family, 1);

	say_about("unconnected %d", family);
	set(fd, TX_SOFTWARE);
	set(fd, OPT_ID);
	set(fd, OPT_ID | OPT_ID_TCP);
	set(fd, OPT_ID_TCP);
	set(fd, OPT_STATS);
	set(fd, OPT_STATS | OPT_TSONLY);
	set(l, OPT_ID);
	set(l, TX_ACK);
	close(fd);
	close(l);
}

static void by_message(int fd[2])
{
	set(fd[0], SOFTWARE | OPT_TSONLY);
	with("nothing asked for", fd[0], SO_TIMESTAMPING, 0);
	with("by the message", fd[0], SO_TIMESTAMPING, TX_SOFTWARE);
	with("of more than is sent", fd[0], SO_TIMESTAMPING, TX_SOFTWARE | OPT_ID);
	with("a number", fd[0], TS_OPT_ID, 77);
	with("a mark", fd[0], SO_MARK, 77);
	with("another", fd[0], 1234, 7);
	set(fd[0], 0);
	say_rc("without again", send(fd[0], "hello", 5, 0));
	entries(fd[0]);
}

static void streams(int family)
{
	static void (*const all[])(int fd[2]) = { changes, together, large, by_message };
	int fd[2];

	say_about("tcp %d", family);
	stream_sent(family, "sent", TX_SOFTWARE | SOFTWARE);
	stream_sent(family, "alone", TX_SOFTWARE | SOFTWARE | OPT_TSONLY);
	stream_sent(family, "all", TX_SOFTWARE | TX_SCHED | TX_ACK | SOFTWARE | OPT_TSONLY | OPT_ID);
	stream_sent(family, "all whole", TX_SOFTWARE | TX_SCHED | TX_ACK | SOFTWARE | OPT_ID);
	stream_sent(family, "completion", TX_COMPLETION | TX_SOFTWARE | SOFTWARE | OPT_TSONLY);
	stream_sent(family, "unreported", TX_SOFTWARE);
	stream_sent(family, "stats", TX_SOFTWARE | TX_ACK | SOFTWARE | OPT_TSONLY | OPT_ID | OPT_STATS);
	stream_sent(family, "told", TX_SOFTWARE | TX_ACK | SOFTWARE | OPT_CMSG);
	stream_sent(family, "none", SOFTWARE);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		tcp_pair(family, fd);
		all[i](fd);
		close(fd[0]);
		close(fd[1]);
	}
}

int main(void)
{
	say_start();
	datagrams(AF_INET);
	datagrams(AF_INET6);
	told(AF_INET);
	told(AF_INET6);
	unconnected(AF_INET);
	streams(AF_INET);
	streams(AF_INET6);
	return 0;
}
