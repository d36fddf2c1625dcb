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

/* A shutdown of what came to nothing: it connects no more. */
static void shut_when_refused(int family)
{
	int fd = MUST(socket(family, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_MPTCP)), l = listener_of(family, IPPROTO_TCP);
	union name n = name_lo(family, port_of(l));

	say_about("%s shut when refused", family_text(family));
	close(l);
	say_rc("connect", connect(fd, &n.sa, name_len(family)));
	await(fd, POLLOUT);
	say_rc("shutdown", shutdown(fd, SHUT_WR));
	say_rc("connect again", connect(fd, &n.sa, name_len(family)));
	say_rc("and again", connect(fd, &n.sa, name_len(family)));
	close(fd);
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

/* Options that are too short, too long or can't be read, and what is told of them in little room. */
static void lengths(int fd, int level, int last)
{
	static const socklen_t lens[] = { 0, 1, 3, 4, 16, (socklen_t)-1 };

	for (int name = 0; name < last; name++) {
		char what[64], text[400] = "";
		bool own = level == IPPROTO_TCP && (name == 11 || name == 13 || name == 26 || name == 33);      /* TCP_INFO and others whose length is the kernel's */
		for (size_t i = 0; !own && i < sizeof(lens) / sizeof(*lens); i++) {
			char value[64] = { 1 };
			socklen_t len = lens[i];
			int got = getsockopt(fd, level, name, value, &len) < 0 ? errno : 0;
			int bad = name == TCP_FASTOPEN || name == TCP_FASTOPEN_CONNECT ? 0 : setsockopt(fd, level, name, (void *)1, lens[i]) < 0 ? errno : 0;
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s %d %s", say_errno(got), got ? 0 : (int)len, say_errno(bad));
		}
		snprintf(what, sizeof(what), "level %d name %d", level, name);
		say(what, "%s", text);
	}
}

/* Some are taken, whatever they are, and change nothing. */
static void socket_lengths(int fd)
{
	static const int names[] = { SO_DONTROUTE, SO_BROADCAST, SO_NO_CHECK, SO_PASSCRED, SO_RXQ_OVFL, SO_WIFI_STATUS, SO_NOFCS, SO_SELECT_ERR_QUEUE, SO_KEEPALIVE, SO_MARK, 73, 83 };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char what[64], text[200] = "";
		for (int len = -1; len < 5; len += 2) {
			int one = 1, bad = setsockopt(fd, SOL_SOCKET, names[i], (void *)1, (socklen_t)len) < 0 ? errno : 0;
			int good = setsockopt(fd, SOL_SOCKET, names[i], &one, (socklen_t)len) < 0 ? errno : 0;
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s %s", say_errno(bad), say_errno(good));
		}
		snprintf(what, sizeof(what), "socket's %d", names[i]);
		say(what, "%s", text);
		say_option(what, fd, SOL_SOCKET, names[i]);
	}
}

static void all_lengths(int family)
{
	int fds[2], fresh = MUST(socket(family, SOCK_STREAM, IPPROTO_MPTCP)), on = 1;

	pair(family, IPPROTO_MPTCP, IPPROTO_MPTCP, fds);
	for (int i = 0; i < 2; i++) {
		int fd = i ? fds[0] : fresh;
		say_about("%s %s lengths", family_text(family), i ? "connected" : "fresh");
		socket_lengths(fd);
		lengths(fd, IPPROTO_TCP, 44);
		lengths(fd, IPPROTO_IP, 52);
		lengths(fd, IPPROTO_IPV6, 80);
		say_rc("IPV6_V6ONLY", setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)));
		say_option("then", fd, IPPROTO_IPV6, IPV6_V6ONLY);
		say_option("accepted", fds[1], IPPROTO_IPV6, IPV6_V6ONLY);
		say_rc("IPV6_TCLASS", setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &on, sizeof(on)));
		say_rc("IP_FREEBIND", setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)));
		say_rc("SO_REUSEPORT", setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)));
		say_rc("TCP_USER_TIMEOUT", setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &on, sizeof(on)));
		say_rc("TCP_DEFER_ACCEPT of nothing", setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, 0));
		say_rc("of its own, unread", getsockopt(fd, 284, 2, NULL, &(socklen_t){ 28 }));
		say_rc("of its own, unknown", getsockopt(fd, 284, 7, buf, &(socklen_t){ 28 }));
		say_rc("bound to a short name", bind(fd, (struct sockaddr *)buf, 2));
	}
	close(fds[0]), close(fds[1]), close(fresh);
}

static void told(int fd, const char *what)
{
	union { struct cmsghdr h; char room[64]; } c = { .room = { 0 } };
	struct iovec v = { buf, 3 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };
	int left = -1;

	say_rc(what, recvmsg(fd, &m, MSG_DONTWAIT));
	memcpy(&left, CMSG_DATA(&c.h), sizeof(left));
	say("left", "%zu %d", (size_t)m.msg_controllen, left);
	say_rc("FIONREAD", ioctl(fd, FIONREAD, &left));
	say("unread", "%d", left);
}

/* There are no marks, no errors that wait; who asks for nothing has it; the end is an octet, when it is all that is left. */
static void reads(int family)
{
	int fds[2], fresh = MUST(socket(family, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_MPTCP)), n;
	union name name = name_lo(family, port_closed(family, SOCK_STREAM));

	pair(family, IPPROTO_MPTCP, IPPROTO_MPTCP, fds);
	say_about("%s reads", family_text(family));
	set_int(fds[0], IPPROTO_TCP, 36 /* TCP_INQ */, 1);
	for (int i = 0; i < 2; i++) {
		int fd = i ? fds[0] : fresh;
		say_rc("MSG_OOB", recv(fd, buf, 1, MSG_OOB | MSG_DONTWAIT));
		say_rc("MSG_ERRQUEUE", recv(fd, buf, 1, MSG_ERRQUEUE | MSG_DONTWAIT));
		say_rc("nothing", recv(fd, buf, 0, MSG_DONTWAIT));
		say_rc("SIOCATMARK", ioctl(fd, 0x8905, &n));
		say_rc("SIOCATMARK, bad", ioctl(fd, 0x8905, (void *)1));
		say_rc("FIONREAD", ioctl(fd, FIONREAD, &n));
		say("unread", "%d", n);
	}
	MUST(send(fds[1], "hello", 5, 0));
	await(fds[0], POLLIN);
	told(fds[0], "told beside it");
	MUST(shutdown(fds[1], SHUT_WR));
	await(fds[0], POLLRDHUP);
	told(fds[0], "the last");
	told(fds[0], "the end");
	n = connect(fresh, &name.sa, name_len(family));
	say_rc("connects", n);
	await(fresh, POLLHUP);
	say_error("refused", fresh);
	say_io("then", fresh);
	say_rc("connects again", connect(fresh, &name.sa, name_len(family)));
	say_sockname("as", fresh);
	say_rc("shutdown", shutdown(fresh, SHUT_RD));
	close(fds[0]), close(fds[1]), close(fresh);
}

/* Who connects to himself speaks TCP. */
static void to_itself(int family)
{
	int fd = MUST(socket(family, SOCK_STREAM, IPPROTO_MPTCP));
	union name n = name_lo(family, 0);
	socklen_t len = sizeof(n);

	say_about("%s itself", family_text(family));
	MUST(bind(fd, &n.sa, name_len(family)));
	MUST(getsockname(fd, &n.sa, &len));
	say_rc("connect", connect(fd, &n.sa, len));
	say_rc("send", send(fd, "abc", 3, 0));
	say_option("TCP_IS_MPTCP", fd, IPPROTO_TCP, IS_MPTCP);
	close(fd);
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
		shut_when_refused(f);
		info(f);
		all_lengths(f);
		reads(f);
		to_itself(f);
		options(f, SOL_SOCKET, "SOL_SOCKET");
		options(f, IPPROTO_TCP, "TCP");
		options(f, IPPROTO_IP, "IP");
	}
	options(AF_INET6, IPPROTO_IPV6, "IPv6");
	return 0;
}
