/*
 * SO_TIMESTAMPING of what is sent: which flags are taken, what comes back on the error queue of datagrams, numbered, whole or alone, and the control
 * messages of a send that choose.
 */
#include "say.h"
#include <linux/errqueue.h>

#define TX_HARDWARE 1
#define TX_SOFTWARE 2
#define SOFTWARE 0x10
#define OPT_ID 0x80
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

static void entries(int fd)
{
	unsigned char data[256], control[512];
	union name from;

	for (;;) {
		struct iovec iov = { data, sizeof(data) };
		struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
				    .msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);
		if (n < 0)
			break;
		say("entry", "%zd octets ending in '%.*s', name %u, flags %x", n, n > 5 ? 5 : 0, (char *)data + (n > 5 ? n - 5 : 0), m.msg_namelen,
		    m.msg_flags);
		if (n > 14)
			say("type", "%02x%02x version %x", data[12], data[13], data[14] >> 4);
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
			struct sock_extended_err e;
			say("control", "level %d type %d len %zu", c->cmsg_level, c->cmsg_type, c->cmsg_len);
			if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPING)
				say_stamp(c);
			if (c->cmsg_level == SOL_SOCKET)
				continue;
			memcpy(&e, CMSG_DATA(c), sizeof(e));
			say("error", "%s origin %u type %u code %u info %u data %u", say_errno((int)e.ee_errno), e.ee_origin, e.ee_type, e.ee_code,
			    e.ee_info, e.ee_data);
		}
	}
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

int main(void)
{
	say_start();
	datagrams(AF_INET);
	datagrams(AF_INET6);
	return 0;
}
