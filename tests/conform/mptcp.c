/* Multipath TCP: what sockets of it say in every state, and which options they take. */
#include <linux/sockios.h>
#include "say.h"

#define IS_MPTCP 43

static char buf[1 << 20];

static void about(int fd)
{
	say_option("protocol", fd, SOL_SOCKET, SO_PROTOCOL);
	say_option("type", fd, SOL_SOCKET, SO_TYPE);
	say_option("accepts", fd, SOL_SOCKET, SO_ACCEPTCONN);
	say_option("error", fd, SOL_SOCKET, SO_ERROR);
	say_option("TCP_IS_MPTCP", fd, IPPROTO_TCP, IS_MPTCP);
}

static void kinds(int family)
{
	int fd;

	say_about("%s kinds", family_text(family));
	say_rc("dgram", socket(family, SOCK_DGRAM, IPPROTO_MPTCP));
	fd = MUST(socket(family, SOCK_STREAM, 0));
	say_option("TCP_IS_MPTCP of TCP", fd, IPPROTO_TCP, IS_MPTCP);
	close(fd);
}

static void fresh(int family)
{
	int fd = MUST(socket(family, SOCK_STREAM, IPPROTO_MPTCP));

	say_about("%s fresh", family_text(family));
	about(fd);
	say_io("it", fd);
	say_sockname("sockname", fd);
	say_peername("peername", fd);
	say_rc("accept", accept(fd, NULL, NULL));
	say_rc("shutdown RD", shutdown(fd, SHUT_RD));
	say_rc("shutdown 7", shutdown(fd, 7));
	say_rc("read", read(fd, buf, 1));
	say_rc("write", send(fd, "x", 1, MSG_NOSIGNAL));
	close(fd);
}

static int listener_of(int family, int protocol)
{
	int fd = MUST(socket(family, SOCK_STREAM, protocol));
	union name n = name_lo(family, 0);

	MUST(bind(fd, &n.sa, name_len(family)));
	MUST(listen(fd, 5));
	return fd;
}

static void listener(int family)
{
	int fd = listener_of(family, IPPROTO_MPTCP), v;
	union name n = name_lo(family, port_of(fd));

	say_about("%s listener", family_text(family));
	about(fd);
	say_io("it", fd);
	say_rc("bind again", bind(fd, &n.sa, name_len(family)));
	say_rc("listen again", listen(fd, 0));
	say_rc("connect", connect(fd, &n.sa, name_len(family)));
	say_rc("FIONREAD", ioctl(fd, FIONREAD, &v));
	say_rc("SIOCOUTQ", ioctl(fd, SIOCOUTQ, &v));
	say_peername("peername", fd);
	close(fd);
}

static void say_queue(const char *what, int fd, unsigned long request)
{
	int v = -1, r = ioctl(fd, request, &v);

	if (r < 0) say_rc(what, r);
	else say(what, "%d", v);
}

/* A pair by these protocols. */
static void pair(int family, int server, int client, int fds[2])
{
	int l = listener_of(family, server);
	union name n = name_lo(family, port_of(l));

	fds[0] = MUST(socket(family, SOCK_STREAM, client));
	say_rc("connect", connect(fds[0], &n.sa, name_len(family)));
	fds[1] = MUST(accept(l, NULL, NULL));
	close(l);
}

static void await(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	poll(&p, 1, 10000);
}

static void talk(int family, int server, int client)
{
	int fds[2];
	ssize_t n;

	say_about("%s client %d of server %d", family_text(family), client, server);
	pair(family, server, client, fds);
	for (int i = 0; i < 2; i++) about(fds[i]);
	say_rc("connect again", connect(fds[0], &(struct sockaddr){.sa_family = (sa_family_t)family}, sizeof(struct sockaddr_in6)));
	say_rc("send", send(fds[0], "hallo", 5, 0));
	await(fds[1], POLLIN);
	say_queue("FIONREAD", fds[1], FIONREAD);
	say_rc("peek", recv(fds[1], buf, 3, MSG_PEEK));
	say_rc("recv", recv(fds[1], buf, 3, 0));
	say_queue("FIONREAD", fds[1], FIONREAD);
	say_rc("recv", recv(fds[1], buf, 9, 0));
	say_rc("recv", recv(fds[1], buf, 9, MSG_DONTWAIT));
	say_rc("shutdown WR", shutdown(fds[0], SHUT_WR));
	await(fds[1], POLLIN);
	say_poll("after FIN", fds[1]);
	say_rc("recv", recv(fds[1], buf, 9, 0));
	say_rc("send", send(fds[0], "x", 1, MSG_NOSIGNAL));
	say_rc("answer", send(fds[1], "welt", 4, 0));
	await(fds[0], POLLIN);
	say_rc("recv", recv(fds[0], buf, 9, 0));
	close(fds[1]);
	n = recv(fds[0], buf, 9, 0);
	say_rc("end", n);
	usleep(50000);
	say_poll("after both", fds[0]);
	say_rc("recv", recv(fds[0], buf, 9, MSG_DONTWAIT));
	close(fds[0]);
}

/* All arrives, in order, by two who write at once. */
static void bulk(int family)
{
	int fds[2], pid;
	size_t got = 0, wrong = 0;
	ssize_t n;

	say_about("%s bulk", family_text(family));
	pair(family, IPPROTO_MPTCP, IPPROTO_MPTCP, fds);
	pid = MUST(fork());
	if (pid == 0) {
		close(fds[1]);
		for (size_t i = 0; i < sizeof(buf); i++) buf[i] = (char)(i * 7 + i / 251);
		for (size_t off = 0; off < sizeof(buf); off += (size_t)n) {
			n = write(fds[0], buf + off, sizeof(buf) - off);
			if (n <= 0) _exit(1);
		}
		_exit(0);
	}
	close(fds[0]);
	while ((n = read(fds[1], buf, 65536)) > 0)
		for (ssize_t i = 0; i < n; i++, got++)
			wrong += buf[i] != (char)(got * 7 + got / 251);
	say("got", "%zu wrong %zu end %zd", got, wrong, n);
	close(fds[1]);
}

/* What is not read, or is to be gone at once: the peer hears of it. */
static void abrupt(int family, bool linger)
{
	int fds[2];
	struct linger now = {.l_onoff = 1};

	say_about("%s abrupt %s", family_text(family), linger ? "by linger" : "unread");
	pair(family, IPPROTO_MPTCP, IPPROTO_MPTCP, fds);
	say_rc("send", send(fds[0], "hallo", 5, 0));
	await(fds[1], POLLIN);
	if (linger) {
		say_rc("recv", recv(fds[1], buf, 9, 0));
		say_rc("linger", setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	}
	close(fds[1]);
	await(fds[0], POLLIN);
	usleep(50000);
	say_poll("poll", fds[0]);
	say_rc("recv", recv(fds[0], buf, 9, MSG_DONTWAIT));
	say_rc("recv", recv(fds[0], buf, 9, MSG_DONTWAIT));
	say_rc("send", send(fds[0], "x", 1, MSG_NOSIGNAL));
	close(fds[0]);
}

static void refused(int family)
{
	int fd = MUST(socket(family, SOCK_STREAM, IPPROTO_MPTCP)), l = listener_of(family, IPPROTO_TCP);
	union name n = name_lo(family, port_of(l));

	say_about("%s refused", family_text(family));
	close(l);
	say_rc("connect", connect(fd, &n.sa, name_len(family)));
	say_poll("poll", fd);
	say_option("error", fd, SOL_SOCKET, SO_ERROR);
	l = listener_of(family, IPPROTO_MPTCP);
	n = name_lo(family, port_of(l));
	say_rc("connect elsewhere", connect(fd, &n.sa, name_len(family)));
	say_option("TCP_IS_MPTCP", fd, IPPROTO_TCP, IS_MPTCP);
	close(fd);
	close(l);
}

static void options(int family, int level, const char *text)
{
	say_about("%s options of %s", family_text(family), text);
	for (int name = 1; name < 90; name++) {
		int fd = MUST(socket(family, SOCK_STREAM, IPPROTO_MPTCP)), one = 1, r;
		char what[32];

		if (level == IPPROTO_TCP && name == TCP_MAXSEG) {       /* the kernel looks at its value only once there is a subflow */
			close(fd);
			continue;
		}
		snprintf(what, sizeof(what), "set %d", name);
		r = setsockopt(fd, level, name, &one, sizeof(one));
		if (r < 0 && (errno == EOPNOTSUPP || errno == ENOPROTOOPT)) say_rc(what, r);
		close(fd);
	}
}

static void info(int family)
{
	int fds[2];
	struct { uint8_t small[6]; uint32_t flags, token; uint64_t write_seq, snd_una, rcv_nxt; uint8_t more[200]; } a, b;
	struct { uint32_t head[4]; struct sockaddr_storage ss[4]; } addrs = {.head = {16, 0, 0, 256}};
	socklen_t len = sizeof(a);

	say_about("%s info", family_text(family));
	pair(family, IPPROTO_MPTCP, IPPROTO_MPTCP, fds);
	say_rc("send", send(fds[0], "hallo", 5, 0));
	await(fds[1], POLLIN);
	say_rc("recv", recv(fds[1], buf, 9, 0));
	usleep(100000);
	say_rc("MPTCP_INFO", getsockopt(fds[0], 284, 1, &a, &len));
	len = sizeof(b);
	say_rc("MPTCP_INFO", getsockopt(fds[1], 284, 1, &b, &len));
	say("numbers", "%d %d flags %x %x extra %d", a.write_seq == a.snd_una, a.write_seq == b.rcv_nxt, a.flags, b.flags, a.small[0]);
	say("limits", "%d %d %d %d %d", a.small[1], a.small[2], a.small[3], a.small[4], a.small[5]);
	len = sizeof(addrs);
	say_rc("MPTCP_SUBFLOW_ADDRS", getsockopt(fds[0], 284, 3, &addrs, &len));
	say("subflows", "%u of %u, len %u family %d", addrs.head[1], addrs.head[2], len, addrs.ss[0].ss_family);
	len = 8;
	say_rc("short", getsockopt(fds[0], 284, 3, &addrs, &len));
	len = sizeof(addrs);
	addrs.head[1] = 1;
	say_rc("wrong", getsockopt(fds[0], 284, 3, &addrs, &len));
	close(fds[0]);
	close(fds[1]);
}

/* Which options there are, and what each refuses, changed from version to version: it is those of this one. */
static bool is_another(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);

	close(fd);
	return fd < 0 || kernel_is_older();
}

int main(void)
{
	static const int families[] = {AF_INET, AF_INET6};

	if (is_another()) {
		printf("this kernel has no MPTCP, or is older than 6.18\n");
		return REFUSED;
	}
	for (int i = 0; i < 2; i++) {
		int f = families[i];
		kinds(f);
		fresh(f);
		listener(f);
		talk(f, IPPROTO_MPTCP, IPPROTO_MPTCP);
		talk(f, IPPROTO_MPTCP, IPPROTO_TCP);
		talk(f, IPPROTO_TCP, IPPROTO_MPTCP);
		bulk(f);
		abrupt(f, false);
		abrupt(f, true);
		refused(f);
		info(f);
		options(f, SOL_SOCKET, "SOL_SOCKET");
		options(f, IPPROTO_TCP, "TCP");
		options(f, IPPROTO_IP, "IP");
	}
	options(AF_INET6, IPPROTO_IPV6, "IPv6");
	return 0;
}
