/* The life of a TCP socket: every state, what each call answers in it, every way to the end. */
#include "say.h"

static char buf[65536];

static void fresh(int family)
{
	int fd = MUST(socket(family, SOCK_STREAM, 0)), v;
	socklen_t len;
	static const int names[] = { SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ACCEPTCONN, SO_ERROR };

	say_about("%s fresh", family_text(family));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		len = sizeof(v);
		say_rc("getsockopt", getsockopt(fd, SOL_SOCKET, names[i], &v, &len));
		say("value", "%d len %u", v, len);
	}
	say_state("state", fd);
	say_io("it", fd);
	say_sockname("sockname", fd);
	say_peername("peername", fd);
	say_rc("shutdown RD", shutdown(fd, SHUT_RD));
	say_rc("shutdown WR", shutdown(fd, SHUT_WR));
	say_rc("shutdown 7", shutdown(fd, 7));
	say_rc("accept", accept(fd, NULL, NULL));
	say_rc("write", write(fd, "x", 1));
	say_rc("write 0", write(fd, "x", 0));
	say_rc("send 0", send(fd, "x", 0, MSG_NOSIGNAL));
	say_rc("read", read(fd, buf, 1));
	say_rc("read 0", read(fd, buf, 0));
	say_rc("FIONREAD", ioctl(fd, FIONREAD, &v));
	say_io("after", fd);
	close(fd);
}

static void listener(int family)
{
	int fd = bound(family, SOCK_STREAM), v = 0, c;
	union name n = name_lo(family, port_of(fd));
	socklen_t len = sizeof(v);

	say_about("%s listener", family_text(family));
	say_poll("bound poll", fd);
	say_rc("bind again", bind(fd, &n.sa, name_len(family)));
	say_rc("listen", listen(fd, 5));
	say_state("state", fd);
	say_rc("listen again", listen(fd, 0));
	say_rc("listen -1", listen(fd, -1));
	getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &v, &len);
	say("SO_ACCEPTCONN", "%d", v);
	say_io("it", fd);
	say_rc("connect to itself", connect(fd, &n.sa, name_len(family)));
	say_rc("FIONREAD", ioctl(fd, FIONREAD, &v));
	say_peername("peername", fd);
	say_rc("bind", bind(fd, &n.sa, name_len(family)));
	set_nonblocking(fd);
	say_rc("accept", accept(fd, NULL, NULL));
	c = connected_to(family, SOCK_STREAM, port_of(fd));
	say_poll("pending poll", fd);
	say_rc("shutdown WR", shutdown(fd, SHUT_WR));
	say_poll("after shutdown WR", fd);
	say_rc("shutdown RD", shutdown(fd, SHUT_RD));
	say_state("after shutdown RD", fd);
	say_poll("after shutdown RD", fd);
	say_rc("accept after", accept(fd, NULL, NULL));
	say("client sees", "%d", wait_for(c, POLLIN));
	say_io("client", c);
	say_rc("listen after", listen(fd, 5));
	say_state("state", fd);
	say_poll("poll", fd);
	close(c);
	close(fd);
}

static void autobind(int family)
{
	int fd = MUST(socket(family, SOCK_STREAM, 0));

	say_about("%s listen without bind", family_text(family));
	say_rc("listen", listen(fd, 1));
	say_sockname("sockname", fd);
	close(connected_to(family, SOCK_STREAM, port_of(fd)));
	close(fd);
}

static void accepting(int family)
{
	int l = listening(family, 5), c[6], a, v = 0;
	union name n = { 0 };
	socklen_t len = sizeof(n);

	say_about("%s accept", family_text(family));
	for (int i = 0; i < 6; i++)
		c[i] = connected_to(family, SOCK_STREAM, port_of(l));
	a = say_fd("accept", accept(l, &n.sa, &len));
	say_name("peer", &n, len);
	say("ports agree", "%d", name_port(&n) == port_of(c[0]));
	say_sockname("sockname", a);
	say_peername("peername", a);
	say("F_GETFL", "%#x", fcntl(a, F_GETFL));
	say("F_GETFD", "%#x", fcntl(a, F_GETFD));
	close(a);
	memset(&n, 0xee, sizeof(n));
	len = 4;
	a = say_fd("short", accept4(l, &n.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC));
	say("short len", "%u byte 4 %#x", len, ((unsigned char *)&n)[4]);
	say("F_GETFL", "%#x", fcntl(a, F_GETFL));
	say("F_GETFD", "%#x", fcntl(a, F_GETFD));
	close(a);
	say_rc("bad flags", accept4(l, NULL, NULL, 1));
	say_rc("bad address", accept(l, (void *)8, &len));
	len = (socklen_t)-1;
	say_rc("negative length", accept(l, &n.sa, &len));
	set_nonblocking(l);
	a = say_fd("nonblocking listener", accept(l, NULL, NULL));
	say("F_GETFL", "%#x", fcntl(a, F_GETFL));
	while ((v = accept(l, NULL, NULL)) >= 0)
		close(v);
	say_rc("empty", v);
	for (int i = 0; i < 6; i++)
		close(c[i]);
	close(a);
	close(l);
}

static void inherits(int family)
{
	static const struct { int level, name, value; const char *text; } o[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1, "SO_KEEPALIVE" }, { IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY" },
		{ SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR" },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 77, "TCP_KEEPIDLE" }, { IPPROTO_IP, IP_TOS, 0x10, "IP_TOS" }, { IPPROTO_IP, IP_TTL, 33, "IP_TTL" },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 5000, "TCP_USER_TIMEOUT" }, { SOL_SOCKET, SO_RCVLOWAT, 3, "SO_RCVLOWAT" },
		{ SOL_SOCKET, SO_PRIORITY, 3, "SO_PRIORITY" }, { SOL_SOCKET, SO_RCVBUF, 40000, "SO_RCVBUF" }, { SOL_SOCKET, SO_SNDBUF, 50000, "SO_SNDBUF" },
	};
	int l = bound(family, SOCK_STREAM), c, a, v;
	struct linger linger = { 1, 7 };
	socklen_t len;

	say_about("%s accepted inherits", family_text(family));
	for (size_t i = 0; i < sizeof(o) / sizeof(*o); i++)
		setsockopt(l, o[i].level, o[i].name, &o[i].value, sizeof(int));
	MUST(setsockopt(l, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	MUST(listen(l, 1));
	c = connected_to(family, SOCK_STREAM, port_of(l));
	a = MUST(accept(l, NULL, NULL));
	for (size_t i = 0; i < sizeof(o) / sizeof(*o); i++) {
		len = sizeof(v);
		v = -1;
		getsockopt(a, o[i].level, o[i].name, &v, &len);
		say(o[i].text, "%d", v);
	}
	len = sizeof(linger);
	getsockopt(a, SOL_SOCKET, SO_LINGER, &linger, &len);
	say("SO_LINGER", "%d %d", linger.l_onoff, linger.l_linger);
	linger.l_onoff = 0;
	setsockopt(a, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(a);
	close(c);
	close(l);
}

static void refused(int family)
{
	unsigned port = port_closed(family, SOCK_STREAM);
	union name n = name_lo(family, port);
	int fd = MUST(socket(family, SOCK_STREAM, 0));

	say_about("%s refused", family_text(family));
	say_rc("connect", connect(fd, &n.sa, name_len(family)));
	say_state("state", fd);
	say_error("SO_ERROR", fd);
	say_io("after", fd);
	say_peername("peername", fd);
	say_rc("connect again", connect(fd, &n.sa, name_len(family)));
	close(fd);

	say_about("%s refused, nonblocking", family_text(family));
	fd = MUST(socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0));
	say_rc("connect", connect(fd, &n.sa, name_len(family)));
	say("becomes ready", "%d", wait_for(fd, POLLOUT));
	say_poll("poll", fd);
	say_error("SO_ERROR", fd);
	say_error("SO_ERROR again", fd);
	say_io("after", fd);
	say_rc("connect again", connect(fd, &n.sa, name_len(family)));
	say("becomes ready", "%d", wait_for(fd, POLLOUT));
	say_rc("connect tells", connect(fd, &n.sa, name_len(family)));
	say_rc("connect starts anew", connect(fd, &n.sa, name_len(family)));
	wait_for(fd, POLLOUT);
	say_rc("send tells", send(fd, "x", 1, MSG_NOSIGNAL));
	say_rc("send then", send(fd, "x", 1, MSG_NOSIGNAL));
	say_rc("connect anew", connect(fd, &n.sa, name_len(family)));
	wait_for(fd, POLLOUT);
	say_rc("recv tells", recv(fd, buf, 1, 0));
	say_rc("recv then", recv(fd, buf, 1, 0));
	close(fd);
}

static void reconnect(int family)
{
	int l = listening(family, 5), fd = MUST(socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0)), a;
	union name n = name_lo(family, port_of(l)), none = { .sa.sa_family = AF_UNSPEC };

	say_about("%s nonblocking connect", family_text(family));
	say_rc("connect", connect(fd, &n.sa, name_len(family)));
	say("becomes ready", "%d", wait_for(fd, POLLOUT));
	say_poll("poll", fd);
	say_error("SO_ERROR", fd);
	say_rc("second", connect(fd, &n.sa, name_len(family)));
	say_rc("third", connect(fd, &n.sa, name_len(family)));
	say_rc("listen", listen(fd, 1));
	say_rc("accept", accept(fd, NULL, NULL));
	say_rc("bind", bind(fd, &n.sa, name_len(family)));
	a = MUST(accept(l, NULL, NULL));
	say_rc("AF_UNSPEC", connect(fd, &none.sa, sizeof(none.in)));
	say_state("state", fd);
	say("peer sees", "%d", wait_for(a, POLLIN));
	say_io("peer", a);
	say_io("after", fd);
	say_sockname("sockname", fd);
	say_rc("connect again", connect(fd, &n.sa, name_len(family)));
	say("becomes ready", "%d", wait_for(fd, POLLOUT));
	say_state("state", fd);
	close(a);
	close(fd);
	close(l);
}

/* A full queue swallows the SYN, so that the connection stays in SYN-SENT for a second. */
static void syn_sent(int family)
{
	int l = listening(family, 0), c[4], fd, v = 0;
	union name n = name_lo(family, port_of(l)), none = { .sa.sa_family = AF_UNSPEC };

	say_about("%s syn-sent", family_text(family));
	c[0] = connected_to(family, SOCK_STREAM, port_of(l));
	fd = MUST(socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0));
	say_rc("connect", connect(fd, &n.sa, name_len(family)));
	say_state("state", fd);
	say_rc("connect again", connect(fd, &n.sa, name_len(family)));
	say_io("it", fd);
	say_rc("FIONREAD", ioctl(fd, FIONREAD, &v));
	say_rc("listen", listen(fd, 1));
	say_peername("peername", fd);
	say_sockname("sockname", fd);
	say_error("SO_ERROR", fd);
	say_rc("AF_UNSPEC", connect(fd, &none.sa, sizeof(none.in)));
	say_state("then", fd);
	say_rc("connect", connect(fd, &n.sa, name_len(family)));
	say_rc("shutdown WR", shutdown(fd, SHUT_WR));
	say_state("after shutdown", fd);
	say_io("after shutdown", fd);
	close(fd);
	fd = MUST(socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0));
	say_rc("connect", connect(fd, &n.sa, name_len(family)));
	say_rc("shutdown RDWR", shutdown(fd, SHUT_RDWR));
	say_state("after shutdown", fd);
	say_io("after shutdown", fd);
	close(fd);
	close(c[0]);
	close(l);
}

static void connect_timeout(int family)
{
	int l = listening(family, 0), c = connected_to(family, SOCK_STREAM, port_of(l)), fd = MUST(socket(family, SOCK_STREAM, 0));
	union name n = name_lo(family, port_of(l));
	struct timeval t = { .tv_usec = 100000 };

	say_about("%s connect with SO_SNDTIMEO", family_text(family));
	MUST(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)));
	say_rc("connect", connect(fd, &n.sa, name_len(family)));
	say_rc("again", connect(fd, &n.sa, name_len(family)));
	say_state("state", fd);
	close(fd);
	close(c);
	close(l);
}

static const char *const how_text[] = { "RD", "WR", "RDWR", "none" };

/* Who shut what, with or without data under way: what each side then may do. */
static void shutdown_matrix(int family, int how0, int how1, bool data)
{
	int fd[2];

	say_about("%s shutdown %s/%s %s", family_text(family), how_text[how0], how_text[how1], data ? "data" : "empty");
	tcp_pair(family, fd);
	if (data) {
		MUST(send(fd[0], "12345", 5, 0));
		MUST(send(fd[1], "123", 3, 0));
		wait_for(fd[0], POLLIN);
		wait_for(fd[1], POLLIN);
	}
	if (how0 < 3)
		say_rc("first", shutdown(fd[0], how0));
	if (how0 == SHUT_WR || how0 == SHUT_RDWR)
		wait_for(fd[1], POLLRDHUP);
	if (how1 < 3)
		say_rc("second", shutdown(fd[1], how1));
	if (how1 == SHUT_WR || how1 == SHUT_RDWR)
		wait_for(fd[0], POLLRDHUP);
	say_poll("a poll", fd[0]);
	say_poll("b poll", fd[1]);
	say_rc("a recv", recv(fd[0], buf, sizeof(buf), MSG_DONTWAIT));
	say_rc("b recv", recv(fd[1], buf, sizeof(buf), MSG_DONTWAIT));
	say_rc("a recv again", recv(fd[0], buf, sizeof(buf), MSG_DONTWAIT));
	say_rc("b recv again", recv(fd[1], buf, sizeof(buf), MSG_DONTWAIT));
	say_rc("a send", send(fd[0], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT));
	say_rc("a again RD", shutdown(fd[0], SHUT_RD));
	say_rc("a again WR", shutdown(fd[0], SHUT_WR));
	say_rc("b again WR", shutdown(fd[1], SHUT_WR));
	wait_for(fd[0], POLLHUP);
	say_poll("a poll at the end", fd[0]);
	say_error("a SO_ERROR", fd[0]);
	close(fd[0]);
	close(fd[1]);
}

static void states(int family)
{
	int fd[2];

	say_about("%s states", family_text(family));
	tcp_pair(family, fd);
	say_state("a", fd[0]);
	say_state("b", fd[1]);
	MUST(shutdown(fd[0], SHUT_WR));
	wait_for(fd[1], POLLRDHUP);
	say_state("a after FIN", fd[0]);
	say_state("b after FIN", fd[1]);
	say_rc("b to a", send(fd[1], "abc", 3, 0));
	wait_for(fd[0], POLLIN);
	say_rc("a recv", recv(fd[0], buf, 10, 0));
	MUST(shutdown(fd[1], SHUT_WR));
	wait_for(fd[0], POLLRDHUP);
	wait_for(fd[1], POLLHUP);
	say_state("a at the end", fd[0]);
	say_state("b at the end", fd[1]);
	say_peername("a peername", fd[0]);
	say_peername("b peername", fd[1]);
	say_sockname("a sockname", fd[0]);
	say_io("a", fd[0]);
	say_io("b", fd[1]);
	close(fd[0]);
	close(fd[1]);
}

/* The peer ends in one of several ways; what this side meets. */
enum ending { END_CLOSE, END_CLOSE_UNREAD, END_LINGER0, END_SHUT_RDWR, END_SHUT_CLOSE };
static const char *const ending_text[] = { "closes", "closes with data unread", "closes with linger 0", "shuts RDWR", "shuts WR and closes" };

static void peer_ends(int family, enum ending how, bool queued)
{
	int fd[2];
	struct linger linger = { 1, 0 };

	say_about("%s peer %s%s", family_text(family), ending_text[how], queued ? ", data queued" : "");
	tcp_pair(family, fd);
	if (queued) {
		MUST(send(fd[1], "queued", 6, 0));
		wait_for(fd[0], POLLIN);
	}
	if (how == END_CLOSE_UNREAD) {
		MUST(send(fd[0], "unread", 6, 0));
		wait_for(fd[1], POLLIN);
	}
	if (how == END_LINGER0)
		MUST(setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	if (how == END_SHUT_RDWR)
		MUST(shutdown(fd[1], SHUT_RDWR));
	if (how == END_SHUT_CLOSE)
		MUST(shutdown(fd[1], SHUT_WR));
	if (how != END_SHUT_RDWR)
		MUST(close(fd[1]));
	say("noticed", "%d", wait_for(fd[0], POLLRDHUP));
	say_poll("poll", fd[0]);
	say_state("state", fd[0]);
	say_rc("peek", recv(fd[0], buf, 3, MSG_PEEK | MSG_DONTWAIT));
	say_rc("recv", recv(fd[0], buf, sizeof(buf), MSG_DONTWAIT));
	say_rc("recv again", recv(fd[0], buf, sizeof(buf), MSG_DONTWAIT));
	say_poll("poll", fd[0]);
	say_error("SO_ERROR", fd[0]);
	say_rc("send", send(fd[0], "x", 1, MSG_NOSIGNAL));
	if (how == END_CLOSE || how == END_SHUT_CLOSE)
		say("reset comes", "%d", wait_for(fd[0], POLLHUP));
	say_poll("poll", fd[0]);
	say_rc("send again", send(fd[0], "x", 1, MSG_NOSIGNAL));
	say_rc("recv", recv(fd[0], buf, sizeof(buf), MSG_DONTWAIT));
	say_rc("recv again", recv(fd[0], buf, sizeof(buf), MSG_DONTWAIT));
	say_error("SO_ERROR", fd[0]);
	say_state("state", fd[0]);
	say_peername("peername", fd[0]);
	say_rc("shutdown", shutdown(fd[0], SHUT_RDWR));
	close(fd[0]);
	if (how == END_SHUT_RDWR)
		close(fd[1]);
}

/* Which of the calls is told of a reset, once. */
static void reset_told_to(int family)
{
	static const char *const calls[] = { "recv", "send", "read", "write", "SO_ERROR", "connect", "sendmsg", "recvmsg" };
	struct linger linger = { 1, 0 };
	struct iovec iov = { buf, 4 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	say_about("%s reset is told to", family_text(family));
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		int fd[2];
		union name n = name_lo(family, 9);

		tcp_pair(family, fd);
		MUST(setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
		close(fd[1]);
		wait_for(fd[0], POLLHUP);
		switch (i) {
		case 0: say_rc(calls[i], recv(fd[0], buf, 4, 0)); break;
		case 1: say_rc(calls[i], send(fd[0], buf, 4, MSG_NOSIGNAL)); break;
		case 2: say_rc(calls[i], read(fd[0], buf, 4)); break;
		case 3: say_rc(calls[i], write(fd[0], buf, 4)); break;
		case 4: say_error(calls[i], fd[0]); break;
		case 5: say_rc(calls[i], connect(fd[0], &n.sa, name_len(family))); break;
		case 6: say_rc(calls[i], sendmsg(fd[0], &m, MSG_NOSIGNAL)); break;
		case 7: say_rc(calls[i], recvmsg(fd[0], &m, 0)); break;
		default: break;
		}
		say_rc("then recv", recv(fd[0], buf, 4, 0));
		say_rc("then send", send(fd[0], buf, 4, MSG_NOSIGNAL));
		say_poll("then poll", fd[0]);
		close(fd[0]);
	}
}

static void listener_closes(int family)
{
	int l = listening(family, 5), c = connected_to(family, SOCK_STREAM, port_of(l));
	union name n = name_lo(family, port_of(l));

	say_about("%s listener closes with one pending", family_text(family));
	close(l);
	say("noticed", "%d", wait_for(c, POLLIN));
	say_io("client", c);
	close(c);
	c = MUST(socket(family, SOCK_STREAM, 0));
	say_rc("connect", connect(c, &n.sa, name_len(family)));
	close(c);
}

static void pending_gone(int family)
{
	int l = listening(family, 5), c = connected_to(family, SOCK_STREAM, port_of(l)), a;
	struct linger linger = { 1, 0 };

	say_about("%s pending connection that ended", family_text(family));
	MUST(send(c, "hello", 5, 0));
	close(c);
	a = say_fd("accept", accept(l, NULL, NULL));
	wait_for(a, POLLRDHUP);
	say_rc("recv", recv(a, buf, 10, 0));
	say_rc("recv", recv(a, buf, 10, 0));
	close(a);
	c = connected_to(family, SOCK_STREAM, port_of(l));
	MUST(setsockopt(c, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(c);
	say_poll("reset: poll", l);
	a = say_fd("reset: accept", accept(l, NULL, NULL));
	say_peername("reset: peername", a);
	say_rc("reset: recv", recv(a, buf, 10, 0));
	close(a);
	close(l);
}

static void self_connect(int family)
{
	int fd = bound(family, SOCK_STREAM);
	union name n = name_lo(family, port_of(fd));

	say_about("%s connects to itself", family_text(family));
	say_rc("connect", connect(fd, &n.sa, name_len(family)));
	say_state("state", fd);
	say_rc("send", send(fd, "mirror", 6, 0));
	say_rc("recv", recv(fd, buf, 10, 0));
	say_rc("shutdown", shutdown(fd, SHUT_WR));
	wait_for(fd, POLLRDHUP);
	say_rc("recv", recv(fd, buf, 10, 0));
	close(fd);
}

/* The same with nothing between: what was sent before the close is unread there, what is sent after it meets nobody. */
static void at_once(int family)
{
	int fd[2];

	say_about("%s send, then the peer closes at once", family_text(family));
	tcp_pair(family, fd);
	MUST(send(fd[0], "x", 1, 0));
	close(fd[1]);
	wait_for(fd[0], POLLRDHUP);
	say_poll("poll", fd[0]);
	say_rc("recv", recv(fd[0], buf, 10, 0));
	say_rc("recv again", recv(fd[0], buf, 10, 0));
	close(fd[0]);
	say_about("%s the peer closes, then send at once", family_text(family));
	tcp_pair(family, fd);
	close(fd[1]);
	say_rc("send", send(fd[0], "x", 1, MSG_NOSIGNAL));
	say("reset comes", "%d", wait_for(fd[0], POLLHUP));
	say_poll("poll", fd[0]);
	say_rc("recv", recv(fd[0], buf, 10, 0));
	say_rc("send again", send(fd[0], "x", 1, MSG_NOSIGNAL));
	say_error("SO_ERROR", fd[0]);
	close(fd[0]);
}

/* Told the end by its own shutdown, a socket still tells a reset first. */
static void reset_after_shutdown(int family, int how)
{
	int fd[2];
	struct linger now = { 1, 0 };

	say_about("%s shutdown %s, then reset", family_text(family), how_text[how]);
	tcp_pair(family, fd);
	MUST(shutdown(fd[0], how));
	MUST(setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	close(fd[1]);
	wait_for(fd[0], POLLERR);
	say_poll("poll", fd[0]);
	say_rc("recv", recv(fd[0], buf, 10, MSG_DONTWAIT));
	say_rc("recv again", recv(fd[0], buf, 10, MSG_DONTWAIT));
	say_rc("send", send(fd[0], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT));
	say_error("SO_ERROR", fd[0]);
	close(fd[0]);
}

static void lingering(int family)
{
	int fd[2];
	struct linger linger = { 1, 5 };
	long before;

	say_about("%s close with linger 5", family_text(family));
	tcp_pair(family, fd);
	MUST(setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	MUST(send(fd[0], "last", 4, 0));
	before = now_ms();
	say_rc("close", close(fd[0]));
	say("quick", "%d", now_ms() - before < 2000);
	say_rc("recv", recv(fd[1], buf, 10, 0));
	say_rc("recv", recv(fd[1], buf, 10, 0));
	close(fd[1]);
}

int main(void)
{
	static const int families[] = { AF_INET, AF_INET6 };

	say_start();
	for (int i = 0; i < 2; i++) {
		int f = families[i];

		fresh(f);
		listener(f);
		autobind(f);
		accepting(f);
		inherits(f);
		refused(f);
		reconnect(f);
		syn_sent(f);
		connect_timeout(f);
		states(f);
		for (int m = 0; m < 32; m++)
			shutdown_matrix(f, m % 4, m / 4 % 4, m / 16);
		for (int m = 0; m < 10; m++)
			peer_ends(f, (enum ending)(m / 2), m % 2);
		reset_told_to(f);
		listener_closes(f);
		pending_gone(f);
		self_connect(f);
		at_once(f);
		reset_after_shutdown(f, SHUT_RD);
		reset_after_shutdown(f, SHUT_WR);
		lingering(f);
	}
	return 0;
}
