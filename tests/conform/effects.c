/*
 * What options of sockets bring about that are easily kept and never obeyed: what of a packet is told with it, which queue it is sent by, how much memory
 * there is of it. Who asks has CAP_NET_ADMIN, as marks and priorities need it.
 */
#include <linux/filter.h>
#include "say.h"

enum { RCVMARK = 75, RCVPRIORITY = 82, NETNS_COOKIE = 71, CNX_ADVICE = 53, TXTIME = 61, BUF_LOCK = 72, LOCAL_PORT_RANGE = 51 };

/* The control messages of the next one, which are ints. */
static void say_told(const char *name, int fd)
{
	char data[100], control[400], text[200] = "";
	struct iovec iov = { data, sizeof(data) };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };

	if (!wait_for(fd, POLLIN) || recvmsg(fd, &h, MSG_DONTWAIT) < 0) {
		say(name, "%s", say_errno(errno));
		return;
	}
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c))
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %d.%d=%d", c->cmsg_level, c->cmsg_type, *(int *)CMSG_DATA(c));
	say(name, "%s", text);
}

static long send_with(int fd, int type, const void *value, size_t len)
{
	union { struct cmsghdr h; char octets[CMSG_SPACE(64)]; } c = { .h = { .cmsg_level = SOL_SOCKET, .cmsg_type = type, .cmsg_len = CMSG_LEN(len) } };
	struct iovec iov = { "x", 1 };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = CMSG_SPACE(len) };

	memcpy(CMSG_DATA(&c.h), value, len);
	return sendmsg(fd, &h, 0);
}

static void marks(int family)
{
	int fd[2], mark = 77, priority = 3;

	say_about("%s marks", family_text(family));
	udp_pair(family, fd);
	say_set_option("told", fd[1], SOL_SOCKET, RCVMARK, 1);
	say_set_option("told of priorities", fd[1], SOL_SOCKET, RCVPRIORITY, 1);
	MUST(send(fd[0], "x", 1, 0));
	say_told("neither", fd[1]);
	say_set_option("mark", fd[0], SOL_SOCKET, SO_MARK, 5);
	say_set_option("priority", fd[0], SOL_SOCKET, SO_PRIORITY, 4);
	MUST(send(fd[0], "x", 1, 0));
	say_told("both", fd[1]);
	say_set_option("higher priority", fd[0], SOL_SOCKET, SO_PRIORITY, 9);
	say_rc("send with a mark", send_with(fd[0], SO_MARK, &mark, sizeof(mark)));
	say_told("its mark", fd[1]);
	say_rc("send with a priority", send_with(fd[0], SO_PRIORITY, &priority, sizeof(priority)));
	say_told("its priority", fd[1]);
	say_rc("send with a short mark", send_with(fd[0], SO_MARK, &mark, 3));
	set_int(fd[1], SOL_SOCKET, RCVMARK, 0);
	MUST(send(fd[0], "x", 1, 0));
	say_told("priority only", fd[1]);
	close(fd[0]);
	close(fd[1]);
}

/* A queue that waits for times is none of these interfaces'. */
static void times(int family)
{
	struct { int clock; unsigned flags; } how = { CLOCK_MONOTONIC, 0 };
	uint64_t when = 1;
	int fd[2];

	say_about("%s times", family_text(family));
	udp_pair(family, fd);
	say_rc("not asked for", send_with(fd[0], TXTIME, &when, sizeof(when)));
	say_rc("asked for", setsockopt(fd[0], SOL_SOCKET, TXTIME, &how, sizeof(how)));
	say_rc("short", send_with(fd[0], TXTIME, &when, 4));
	say_rc("long", send_with(fd[0], TXTIME, &when, 16));
	say_rc("long ago", send_with(fd[0], TXTIME, &when, sizeof(when)));
	say_told("it", fd[1]);
	when = UINT64_MAX / 4;
	say_rc("not for years", send_with(fd[0], TXTIME, &when, sizeof(when)));
	say_told("it", fd[1]);
	close(fd[0]);
	close(fd[1]);
	tcp_pair(family, fd);
	say_rc("of a stream, not asked for", send_with(fd[0], TXTIME, &when, sizeof(when)));
	say_rc("asked for", setsockopt(fd[0], SOL_SOCKET, TXTIME, &how, sizeof(how)));
	say_rc("of a stream", send_with(fd[0], TXTIME, &when, sizeof(when)));
	close(fd[0]);
	close(fd[1]);
}

static void say_memory(const char *name, int fd)
{
	unsigned m[9] = { 0 };
	socklen_t len = sizeof(m);

	MUST(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, m, &len));
	say(name, "received %u of %u, sent %u of %u, queued %u, options %u, backlog %u, dropped %u, %u octets", m[0], m[1], m[2], m[3], m[5],
	    m[6], m[7], m[8], len);
}

static void memory(int family)
{
	int fd[2];
	char buf[3000] = "";

	say_about("%s memory", family_text(family));
	udp_pair(family, fd);
	set_int(fd[1], SOL_SOCKET, SO_RCVBUF, 4000);
	say_memory("of none", fd[1]);
	MUST(send(fd[0], buf, 1, 0));
	wait_for(fd[1], POLLIN);
	say_memory("of a small one", fd[1]);
	MUST(send(fd[0], buf, sizeof(buf), 0));
	say_memory("and a large one", fd[1]);
	for (int i = 0; i < 5; i++)
		MUST(send(fd[0], buf, sizeof(buf), 0));
	say_memory("of too many", fd[1]);
	MUST(recv(fd[1], buf, sizeof(buf), 0));
	MUST(recv(fd[1], buf, sizeof(buf), 0));
	say_memory("of those that are read", fd[1]);
	say_memory("of the sender", fd[0]);
	close(fd[0]);
	close(fd[1]);
}

static void locks(int family)
{
	struct sock_filter all[] = { BPF_STMT(BPF_RET | BPF_K, 0xffff) };
	struct sock_fprog prog = { 1, all };
	int fd = MUST(socket(family, SOCK_DGRAM, 0));

	say_about("%s locks", family_text(family));
	say_rc("attach", setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
	say_set_option("lock", fd, SOL_SOCKET, SO_LOCK_FILTER, 1);
	say_set_option("unlock", fd, SOL_SOCKET, SO_LOCK_FILTER, 0);
	say_rc("attach another", setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
	say_set_option("detach", fd, SOL_SOCKET, SO_DETACH_FILTER, 0);
	say_set_option("detach from a group", fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0);
	set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	say_set_option("detach from one's own group", fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0);
	for (int v = -1; v < 5; v++) {
		say_about("%s locks of buffers, %d", family_text(family), v);
		say_set_option("set", fd, SOL_SOCKET, BUF_LOCK, v);
		say_option("get", fd, SOL_SOCKET, BUF_LOCK);
	}
	say_about("%s advice", family_text(family));
	for (int v = -1; v < 3; v++)
		say_set_option("set", fd, SOL_SOCKET, CNX_ADVICE, v);
	uint64_t cookies[2] = { 0 };
	socklen_t len = sizeof(*cookies);
	int other = MUST(socket(family, SOCK_STREAM, 0));
	say_rc("network", getsockopt(fd, SOL_SOCKET, NETNS_COOKIE, cookies, &len));
	say_rc("network", getsockopt(other, SOL_SOCKET, NETNS_COOKIE, cookies + 1, &len));
	say("the same", "%d %d", cookies[0] != 0, cookies[0] == cookies[1]);
	len = 4;
	say_rc("network into too little", getsockopt(fd, SOL_SOCKET, NETNS_COOKIE, cookies, &len));
	close(other);
	close(fd);
}

/* ---- of IP ---- */

static void hops(int family)
{
	int level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP, least = family == AF_INET6 ? 73 : IP_MINTTL,
		own = family == AF_INET6 ? IPV6_UNICAST_HOPS : IP_TTL, fd[2];
	struct pollfd p = { .events = POLLIN };

	say_about("%s hops", family_text(family));
	tcp_pair(family, fd);
	say_set_option("least", fd[1], level, least, 60);
	say_set_option("fewer", fd[0], level, own, 59);
	MUST(send(fd[0], "x", 1, 0));
	p.fd = fd[1];
	say("heard", "%d", poll(&p, 1, 30));
	say_set_option("enough", fd[0], level, own, 60);
	say("heard then", "%d", poll(&p, 1, 5000));
	say_set_option("not a number of hops", fd[1], level, least, 256);
	close(fd[0]);
	close(fd[1]);
}

static void ports(int family)
{
	unsigned range = 40100u << 16 | 40000;
	int fd = MUST(socket(family, SOCK_STREAM, 0)), late = MUST(socket(family, SOCK_STREAM, 0)), l = listening(family, 1);
	union name n = name_lo(family, 0), to = name_lo(family, port_of(l));

	say_about("%s ports", family_text(family));
	say_rc("range", setsockopt(fd, IPPROTO_IP, LOCAL_PORT_RANGE, &range, sizeof(range)));
	say_rc("bind", bind(fd, &n.sa, name_len(family)));
	say("within", "%d", port_of(fd) >= 40000 && port_of(fd) <= 40100);
	range = 40000u << 16 | 40100;
	say_rc("upside down", setsockopt(fd, IPPROTO_IP, LOCAL_PORT_RANGE, &range, sizeof(range)));
	say_set_option("later", late, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	say_rc("bind later", bind(late, &n.sa, name_len(family)));
	say("port", "%d", port_of(late) != 0);
	say_rc("connect", connect(late, &to.sa, name_len(family)));
	say("port then", "%d", port_of(late) != 0);
	close(fd);
	close(late);
	close(l);
}

static void elsewhere(int family)
{
	int level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP, transparent = family == AF_INET6 ? 75 : IP_TRANSPARENT,
		free_bind = family == AF_INET6 ? 78 : IP_FREEBIND;
	union name n = family == AF_INET6 ? name_of(family, "2001:db8::77", 0) : name_of(family, "192.0.2.77", 0);

	say_about("%s elsewhere", family_text(family));
	for (int i = 0; i < 3; i++) {
		int fd = MUST(socket(family, SOCK_DGRAM, 0));
		if (i)
			say_set_option(i == 1 ? "transparent" : "free", fd, level, i == 1 ? transparent : free_bind, 1);
		say_rc("bind", bind(fd, &n.sa, name_len(family)));
		close(fd);
	}
}

int main(void)
{
	static void (*const parts[])(int family) = { marks, times, memory, locks, hops, ports, elsewhere };

	say_start();
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		parts[i](AF_INET);
		parts[i](AF_INET6);
	}
	return 0;
}
