/*
 * Edges: what epoll with EPOLLET tells again, and what it does not; and in which order all is told. As Linux has them: news of data for those who ask for
 * data, of room for those who ask for room, of another state for all, even if poll says what it said before. What is level-triggered: ready.c and epolls.c.
 */
#include "say_epoll.h"
#include "kinds.h"

static char buf[65536];
static const struct kind pairs[] = {
	{ "tcp", AF_INET, SOCK_STREAM, PAIR },	    { "tcp6", AF_INET6, SOCK_STREAM, PAIR },	 { "udp", AF_INET, SOCK_DGRAM, PAIR },
	{ "unix stream", AF_UNIX, SOCK_STREAM, PAIR }, { "unix dgram", AF_UNIX, SOCK_DGRAM, PAIR }, { "unix seqpacket", AF_UNIX, SOCK_SEQPACKET, PAIR },
};

static int watched(int fd, unsigned events)
{
	int e = MUST(epoll_create1(0));

	MUST(ctl(e, EPOLL_CTL_ADD, fd, events | EPOLLET, 1));
	say_wait("first", e);
	return e;
}

static int watch_all(int fd) { return watched(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI); }

static void data(const struct kind *k)
{
	int p[2] = { kind_make_nonblocking(k, &p[1]) }, all, in, out;

	say_about("%s, data", k->text);
	all = watch_all(p[0]);
	in = watched(p[0], EPOLLIN);
	out = watched(p[0], EPOLLOUT);
	for (int i = 0; i < 3; i++) {
		send_one(p[1]);
		say_wait("data", all);
		say_wait("data, for data", in);
		say_wait("data, for room", out);
		say_wait("again", all);
	}
	say_rc("read one", recv(p[0], buf, 1, 0));
	say_wait("after it", all);
	while (recv(p[0], buf, sizeof(buf), 0) > 0)
		;
	say_wait("all read", all);
	CLOSE(p[0], p[1], all, in, out);
}

/* What is sent is an edge of room: for a datagram when it has left, for a message when the peer has read it. */
static void room(const struct kind *k)
{
	int p[2] = { kind_make_nonblocking(k, &p[1]) }, all, in;

	say_about("%s, room", k->text);
	send_one(p[1]);
	all = watch_all(p[0]);
	in = watched(p[0], EPOLLIN);
	for (int i = 0; i < 3; i++) {
		send_one(p[0]);
		say_wait("sent", all);
		say_rc("read", recv(p[1], buf, sizeof(buf), 0));
		say_wait("read", all);
		say_wait("for data", in);
	}
	CLOSE(p[0], p[1], all, in);
}

static void lowat(const struct kind *k)
{
	int p[2] = { kind_make_nonblocking(k, &p[1]) }, e;

	say_about("%s, SO_RCVLOWAT", k->text);
	set_int(p[0], SOL_SOCKET, SO_RCVLOWAT, 5);
	e = watch_all(p[0]);
	for (int i = 0; i < 6; i++) {
		send_one(p[1]);
		say_wait("one more", e);
	}
	set_int(p[0], SOL_SOCKET, SO_RCVLOWAT, 100);
	say_wait("raised", e);
	set_int(p[0], SOL_SOCKET, SO_RCVLOWAT, 2);
	say_wait("lowered", e);
	CLOSE(p[0], p[1], e);
}

/* Of each state that follows another, and of a shutdown that changes nothing. */
static void shutdowns(const struct kind *k, int how, int side)
{
	int p[2] = { kind_make_nonblocking(k, &p[1]) }, e;

	say_about("%s, shutdown %d at end %d", k->text, how, side);
	e = watch_all(p[0]);
	for (int i = 0; i < 2; i++) {
		say_rc("shutdown", shutdown(p[side], how));
		say_wait("after it", e);
	}
	for (int i = 0; i < 2; i++) {
		say_rc("the other end", shutdown(p[!side], how));
		say_wait("after it", e);
	}
	for (int i = 0; i < 2; i++) {
		say_rc("both halves", shutdown(p[side], SHUT_RDWR));
		say_wait("after it", e);
	}
	say_rc("recv", recv(p[0], buf, 10, 0));
	say_rc("send", k->type == SOCK_DGRAM ? 0 : send(p[0], "x", 1, MSG_NOSIGNAL));
	say_wait("after both", e);
	say_error("error", p[0]);
	say_wait("taken", e);
	CLOSE(p[0], p[1], e);
}

static void closes(const struct kind *k, bool unread)
{
	int p[2] = { kind_make_nonblocking(k, &p[1]) }, e;

	say_about("%s, closed %s", k->text, unread ? "with something unread" : "after it sent");
	e = watch_all(p[0]);
	send_one(p[unread ? 0 : 1]);
	if (!unread)
		say_wait("data", e);
	close(p[1]);
	wait_for(p[0], POLLRDHUP);
	say_wait("closed", e);
	say_error("error", p[0]);
	say_wait("taken", e);
	say_rc("recv", recv(p[0], buf, 10, 0));
	say_wait("after it", e);
	say_rc("send", send(p[0], "x", 1, MSG_NOSIGNAL));
	wait_for(p[0], POLLHUP);
	say_rc("send", send(p[0], "x", 1, MSG_NOSIGNAL));
	say_error("error", p[0]);
	say_poll("poll", p[0]);
	CLOSE(p[0], e);
}

static void connects(void)
{
	int listener = listening(AF_INET, 1), c = MUST(socket(AF_INET, SOCK_STREAM, 0)), e;
	union name n = name_lo(AF_INET, port_of(listener)), none = name_lo(AF_INET, port_closed(AF_INET, SOCK_STREAM));

	say_about("connect");
	e = watch_all(c);
	say_rc("connect", connect(c, &n.sa, sizeof(n.in)));
	say_wait("connected", e);
	CLOSE(c, e, listener);
	c = MUST(socket(AF_INET, SOCK_STREAM, 0));
	e = watch_all(c);
	for (int i = 0; i < 2; i++) {
		say_rc("refused", connect(c, &none.sa, sizeof(none.in)));
		say_wait("after it", e);
	}
	CLOSE(c, e);
}

static void errors(void)
{
	int s = bound(AF_INET, SOCK_DGRAM), e;
	union name none = name_lo(AF_INET, port_closed(AF_INET, SOCK_DGRAM));
	struct msghdr m = { 0 };

	say_about("errors");
	set_int(s, SOL_IP, IP_RECVERR, 1);
	e = watched(s, EPOLLIN);
	for (int i = 0; i < 2; i++) {
		MUST(sendto(s, "x", 1, 0, &none.sa, sizeof(none.in)));
		say_wait("refused", e);
		say_error("error", s);
		say_wait("taken", e);
	}
	for (int i = 0; i < 3; i++) {
		say_rc("of the queue", recvmsg(s, &m, MSG_ERRQUEUE | MSG_DONTWAIT));
		say_wait("after it", e);
	}
	CLOSE(s, e);
}

static void say_order(const char *name, int e, int max)
{
	struct epoll_event ev[16];
	char text[128] = "";
	int n = MUST(epoll_wait(e, ev, max, 0));

	for (int i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %u", ev[i].data.u32);
	say(name, "%d:%s", n, text);
}

/* What became ready first is told first; what is ready still comes behind all that is, and what there was no room for before it. */
static void order(const struct kind *k)
{
	int s[6][2], e = MUST(epoll_create1(0));

	say_about("%s, order", k->text);
	for (unsigned i = 0; i < 6; i++) {
		s[i][0] = kind_make_nonblocking(k, &s[i][1]);
		MUST(ctl(e, EPOLL_CTL_ADD, s[i][0], EPOLLIN, i));
	}
	for (int i = 5; i >= 0; i--)
		send_one(s[i][1]);
	say_order("all", e, 16);
	for (int i = 0; i < 4; i++)
		say_order("two of them", e, 2);
	for (int i = 0; i < 6; i++)
		MUST(recv(s[i][0], buf, sizeof(buf), 0));
	say_order("none", e, 16);
	send_one(s[3][1]);
	send_one(s[1][1]);
	send_one(s[4][1]);
	say_order("two of three", e, 2);
	say_order("the third, and again", e, 2);
	MUST(ctl(e, EPOLL_CTL_DEL, s[1][0], 0, 0));
	MUST(ctl(e, EPOLL_CTL_ADD, s[1][0], EPOLLIN, 1));
	say_order("one anew", e, 16);
	for (unsigned i = 0; i < 6; i++)
		MUST(ctl(e, EPOLL_CTL_MOD, s[i][0], EPOLLIN | EPOLLET, i));
	say_order("as edges", e, 16);
	send_one(s[5][1]);
	send_one(s[0][1]);
	send_one(s[2][1]);
	send_one(s[5][1]);
	say_order("two of three edges", e, 2);
	send_one(s[5][1]);
	say_order("the rest", e, 16);
	for (int i = 0; i < 6; i++)
		CLOSE(s[i][0], s[i][1]);
	close(e);
}

int main(void)
{
	say_start();
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		data(&pairs[i]);
		room(&pairs[i]);
		lowat(&pairs[i]);
		order(&pairs[i]);
		for (int how = SHUT_RD; how <= SHUT_RDWR; how++)
			for (int side = 0; side < 2; side++)
				shutdowns(&pairs[i], how, side);
		if (pairs[i].type != SOCK_DGRAM) {
			closes(&pairs[i], false);
			closes(&pairs[i], true);
		}
	}
	connects();
	errors();
	return 0;
}
