/*
 * TCP sockets that are used a second time: what the first connection, or a shutdown before any, leaves behind for the next bind, listen and connect.
 */
#include "say.h"

static union name own(int family, int fd) { return name_lo(family, port_of(fd)); }

/* A socket that was shut, and then met itself: the connection goes on to TIME-WAIT by itself, and the socket is unconnected again. */
static int met_itself(int family, const char *option, int name)
{
	int fd = MUST(socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0));
	union name n = name_lo(family, 0);

	say_about("%s met itself%s", family_text(family), option);
	if (name)
		set_int(fd, SOL_SOCKET, name, 1);
	MUST(bind(fd, &n.sa, name_len(family)));
	n = own(family, fd);
	say_rc("shutdown WR", shutdown(fd, SHUT_WR));
	say_rc("connect to itself", connect(fd, &n.sa, name_len(family)));
	wait_for(fd, POLLHUP);
	say_state("state", fd);
	say_rc("connect tells", connect(fd, &n.sa, name_len(family)));
	return fd;
}

static void after_itself(int family)
{
	int fd = met_itself(family, ", then listens", 0);
	union name n;

	say_rc("listen", listen(fd, 1));
	say_state("state", fd);
	close(fd);
	fd = met_itself(family, " with SO_REUSEADDR, then listens", SO_REUSEADDR);
	say_rc("listen", listen(fd, 1));
	close(fd);
	fd = met_itself(family, " with SO_REUSEPORT, then listens", SO_REUSEPORT);
	say_rc("listen", listen(fd, 1));
	close(fd);
	fd = met_itself(family, ", and again", 0);
	n = own(family, fd);
	say_rc("connect to itself", connect(fd, &n.sa, name_len(family)));
	say("becomes ready", "%d", wait_for(fd, POLLOUT));
	say_state("state", fd);
	close(fd);
}

/* Who else may have the port that a connection holds in TIME-WAIT. */
static void others(int family)
{
	static const struct { const char *text; int first, second; } o[] = {
		{ "neither", 0, 0 }, { "SO_REUSEADDR", SO_REUSEADDR, SO_REUSEADDR }, { "SO_REUSEPORT", SO_REUSEPORT, SO_REUSEPORT },
		{ "one of each", SO_REUSEADDR, SO_REUSEPORT }, { "SO_REUSEPORT of the second", 0, SO_REUSEPORT },
	};

	for (size_t i = 0; i < sizeof(o) / sizeof(*o); i++) {
		int fd = met_itself(family, ", and another", o[i].first), six = MUST(socket(AF_INET6, SOCK_STREAM, 0)),
			same = MUST(socket(family, SOCK_STREAM, 0));
		union name n = own(family, fd), any = name_any(AF_INET6, port_of(fd));

		close(fd);
		say_about("%s in TIME-WAIT, %s", family_text(family), o[i].text);
		if (o[i].second)
			set_int(same, SOL_SOCKET, o[i].second, 1);
		set_int(six, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		say_rc("the wildcard of IPv6 alone", bind(six, &any.sa, sizeof(any.in6)));
		close(six);
		say_rc("the same", bind(same, &n.sa, name_len(family)));
		close(same);
	}
}

/* What was shut before a socket listened its connections have shut from the beginning. */
static void shut_listener(int family, int how, bool before)
{
	static const char *const text[] = { "RD", "WR", "RDWR" };
	int l = bound(family, SOCK_STREAM), c, a;
	char b[8];

	say_about("%s shut %s %s it listens", family_text(family), text[how], before ? "before" : "while");
	if (before)
		say_rc("shutdown", shutdown(l, how));
	say_rc("listen", listen(l, 1));
	if (!before)
		say_rc("shutdown", shutdown(l, how));
	say_poll("listener", l);
	c = connected_to(family, SOCK_STREAM, port_of(l));
	say("ends at once", "%d", wait_for(c, how == SHUT_RD || !before ? POLLOUT : POLLRDHUP));
	say_poll("client", c);
	a = MUST(accept(l, NULL, NULL));
	say_poll("accepted", a);
	say_rc("send", send(a, "x", 1, MSG_NOSIGNAL));
	say_rc("recv", recv(a, b, sizeof(b), MSG_DONTWAIT));
	say_rc("client recv", recv(c, b, sizeof(b), MSG_DONTWAIT));
	close(a);
	close(c);
	close(l);
}

/* An accepted socket, when its connection is over, has its listener's address, and no port. */
static void accepted(int family, int ending, bool port)
{
	static const char *const text[] = { "disconnected", "reset", "disconnected after its listener" };
	union name none = { .sa.sa_family = AF_UNSPEC }, any = name_any(family, 0), n, second;
	int other = listening(family, 1), fd[2], l = port ? bound(family, SOCK_STREAM) : MUST(socket(family, SOCK_STREAM, 0));
	struct linger now = { 1, 0 };

	say_about("%s accepted by a socket with %s port, %s", family_text(family), port ? "a chosen" : "some", text[ending]);
	if (port) {                         /* asked for by its number */
		unsigned number = port_of(l);
		close(l);
		n = name_lo(family, number);
		l = MUST(socket(family, SOCK_STREAM, 0));
		MUST(bind(l, &n.sa, name_len(family)));
	}
	MUST(listen(l, 1));
	fd[0] = connected_to(family, SOCK_STREAM, port_of(l));
	fd[1] = MUST(accept(l, NULL, NULL));
	n = own(family, l);
	second = own(family, other);
	if (ending == 2)
		close(l);
	if (ending == 1) {
		MUST(setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
		close(fd[0]);
		wait_for(fd[1], POLLHUP);
	} else
		say_rc("AF_UNSPEC", connect(fd[1], &none.sa, sizeof(none)));
	say_sockname("sockname", fd[1]);
	if (ending == 1) {
		say_rc("bind", bind(fd[1], &any.sa, name_len(family)));
	} else {
		say_rc("connect", connect(fd[1], &second.sa, name_len(family)));
		say("the listener's port", "%d", port_of(fd[1]) == name_port(&n));
		close(fd[0]);
	}
	say_sockname("then", fd[1]);
	close(fd[1]);
	close(other);
	if (ending != 2)
		close(l);
}

/* An address that bind gave stays the program's to give: what a later connection chose instead stays, too. */
static void wildcard_after_address(int family)
{
	union name closed = name_lo(family, port_closed(family, SOCK_STREAM)), n = name_lo(family, 0), any;
	int fd = MUST(socket(family, SOCK_STREAM, 0));

	say_about("%s the wildcard after an address", family_text(family));
	MUST(bind(fd, &n.sa, name_len(family)));
	say_rc("connect", connect(fd, &closed.sa, name_len(family)));
	say_sockname("name", fd);
	any = name_any(family, port_closed(family, SOCK_STREAM));
	say_rc("bind", bind(fd, &any.sa, name_len(family)));
	say_sockname("name", fd);
	say_rc("connect", connect(fd, &closed.sa, name_len(family)));
	say_sockname("name", fd);
	close(fd);
}

/* accept tells who called, also when that is over. */
static void called(int family)
{
	union name none = { .sa.sa_family = AF_UNSPEC }, n = { 0 };
	socklen_t len = sizeof(n);
	int l = listening(family, 1), c = connected_to(family, SOCK_STREAM, port_of(l)), a;

	say_about("%s called and gone", family_text(family));
	say_rc("AF_UNSPEC", connect(c, &none.sa, sizeof(none)));
	a = say_fd("accept", accept(l, &n.sa, &len));
	say_name("caller", &n, len);
	say_peername("peername", a);
	say_error("SO_ERROR", a);
	close(a);
	close(c);
	close(l);
}

static void peek_off(int fd, const char *name)
{
	int v = -9;
	socklen_t len = sizeof(v);

	say_rc(name, getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &v, &len));
	say(name, "%d", v);
}

/* SO_PEEK_OFF is forgotten with a connection. */
static void peeks(int family)
{
	union name none = { .sa.sa_family = AF_UNSPEC }, n = name_lo(family, port_closed(family, SOCK_STREAM));
	int fd = MUST(socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0)), pair[2];

	say_about("%s SO_PEEK_OFF", family_text(family));
	set_int(fd, SOL_SOCKET, SO_PEEK_OFF, 0);
	say_rc("connect", connect(fd, &n.sa, name_len(family)));
	wait_for(fd, POLLHUP);
	peek_off(fd, "failed");
	say_rc("connect tells", connect(fd, &n.sa, name_len(family)));
	peek_off(fd, "told");
	close(fd);
	tcp_pair(family, pair);
	set_int(pair[0], SOL_SOCKET, SO_PEEK_OFF, 3);
	say_rc("AF_UNSPEC", connect(pair[0], &none.sa, sizeof(none)));
	peek_off(pair[0], "disconnected");
	close(pair[0]);
	close(pair[1]);
	fd = listening(family, 1);
	set_int(fd, SOL_SOCKET, SO_PEEK_OFF, 3);
	say_rc("shutdown", shutdown(fd, SHUT_RD));
	peek_off(fd, "no listener any more");
	close(fd);
}

/* A peek past all that there is, when the end and an error have come: the end. */
static void peek_past_end(int family)
{
	int fd[2];
	char b[8];

	say_about("%s peek past the end", family_text(family));
	tcp_pair(family, fd);
	MUST(send(fd[1], "x", 1, 0));
	close(fd[1]);
	MUST(send(fd[0], "y", 1, 0));
	say("reset", "%d", wait_for(fd[0], POLLHUP));
	set_int(fd[0], SOL_SOCKET, SO_PEEK_OFF, 1);
	say_rc("peek", recv(fd[0], b, sizeof(b), MSG_PEEK | MSG_DONTWAIT));
	say_rc("send", send(fd[0], "y", 1, MSG_NOSIGNAL));
	say_rc("peek", recv(fd[0], b, sizeof(b), MSG_PEEK | MSG_DONTWAIT));
	say_rc("peek nothing", recv(fd[0], b, 0, MSG_PEEK | MSG_DONTWAIT));
	say_rc("recv", recv(fd[0], b, sizeof(b), MSG_DONTWAIT));
	close(fd[0]);
}

int main(void)
{
	static const int families[] = { AF_INET, AF_INET6 };

	say_start();
	for (int i = 0; i < 2; i++) {
		int f = families[i];

		after_itself(f);
		others(f);
		for (int how = SHUT_RD; how <= SHUT_RDWR; how++)
			shut_listener(f, how, true);
		shut_listener(f, SHUT_WR, false);
		for (int m = 0; m < 6; m++)
			accepted(f, m / 2, m % 2);
		wildcard_after_address(f);
		called(f);
		peeks(f);
		peek_past_end(f);
	}
	return 0;
}
