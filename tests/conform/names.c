/* Names: which binds go together (both families, wildcards, V6ONLY, REUSEADDR, REUSEPORT), automatic ports, what getsockname says, who gets a connection. */
#include "say.h"

struct how { int family; const char *addr; bool v6only, reuseaddr, reuseport, listens; };

static void how_text(const struct how *h, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s%s%s", h->addr, h->v6only ? " V6ONLY" : "", h->reuseaddr ? " REUSEADDR" : "", h->reuseport ? " REUSEPORT" : "",
		 h->listens ? " listening" : "");
}

static int make(const struct how *h, int type)
{
	int fd = MUST(socket(h->family, type, 0));

	if (h->family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, h->v6only);
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, h->reuseaddr);
	set_int(fd, SOL_SOCKET, SO_REUSEPORT, h->reuseport);
	return fd;
}

/* The second bind's error, and that of listen where b listens; 0: none. */
static int meet(const struct how *a, const struct how *b, int type, int *ret_listen)
{
	int fa = make(a, type), fb = make(b, type), err;
	union name na = name_of(a->family, a->addr, 0), nb;

	MUST(bind(fa, &na.sa, name_len(a->family)));
	nb = name_of(b->family, b->addr, port_of(fa));
	if (a->listens && type == SOCK_STREAM)
		MUST(listen(fa, 1));
	err = bind(fb, &nb.sa, name_len(b->family)) < 0 ? errno : 0;
	*ret_listen = err == 0 && type == SOCK_STREAM && b->listens && listen(fb, 1) < 0 ? errno : 0;
	close(fa);
	close(fb);
	return err;
}

/* Programs beside this one may have the port, too, by another address: that is another port the next time. */
static void pair(const struct how *a, const struct how *b, int type)
{
	char ta[64], tb[64], text[192];
	int err = EADDRINUSE, listens = 0;

	how_text(a, ta, sizeof(ta));
	how_text(b, tb, sizeof(tb));
	for (int tries = 0; tries < 4 && (err == EADDRINUSE || listens == EADDRINUSE); tries++)
		err = meet(a, b, type, &listens);
	snprintf(text, sizeof(text), "%s + %s", ta, tb);
	say(text, "%s%s%s", say_errno(err), b->listens && err == 0 ? " listen " : "", b->listens && err == 0 ? say_errno(listens) : "");
}

static void matrix(int type)
{
	static const struct { int family; const char *addr; bool only; } at[] = {
		{ AF_INET, "0.0.0.0", false }, { AF_INET, "127.0.0.1", false }, { AF_INET, "127.0.0.2", false }, { AF_INET6, "::", false },
		{ AF_INET6, "::", true }, { AF_INET6, "::1", false }, { AF_INET6, "::ffff:127.0.0.1", false },
	};
	static const struct { bool reuseaddr, reuseport, listens; } with[] = {
		{ false, false, false }, { true, false, false }, { false, true, false }, { true, false, true }, { false, true, true },
	};

	for (size_t w = 0; w < sizeof(with) / sizeof(*with); w++) {
		if (with[w].listens && type == SOCK_DGRAM)
			continue;
		for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++)
			for (size_t j = 0; j < sizeof(at) / sizeof(*at); j++) {
				struct how a = { at[i].family, at[i].addr, at[i].only, with[w].reuseaddr, with[w].reuseport, with[w].listens };
				struct how b = { at[j].family, at[j].addr, at[j].only, with[w].reuseaddr, with[w].reuseport, with[w].listens };

				pair(&a, &b, type);
			}
	}
	static const struct how mixed[] = {
		{ AF_INET, "127.0.0.1", false, true, false, false }, { AF_INET, "127.0.0.1", false, false, true, false },
		{ AF_INET, "127.0.0.1", false, true, true, false }, { AF_INET, "127.0.0.1", false, false, false, false },
		{ AF_INET, "127.0.0.1", false, true, false, true }, { AF_INET, "127.0.0.1", false, true, true, true },
		{ AF_INET6, "::", false, true, true, true }, { AF_INET, "0.0.0.0", false, true, true, true },
	};
	for (size_t i = 0; i < sizeof(mixed) / sizeof(*mixed); i++)
		for (size_t j = 0; j < sizeof(mixed) / sizeof(*mixed); j++)
			pair(&mixed[i], &mixed[j], type);
}

static void bad_names(int family, int type)
{
	union name n = name_lo(family, 0), odd;
	struct { const char *name; const char *addr; } none[] = { { "not ours", family == AF_INET ? "8.8.8.8" : "2001:db8::1" },
								  { "multicast", family == AF_INET ? "224.0.0.1" : "ff02::1" },
								  { "broadcast", family == AF_INET ? "255.255.255.255" : "ff02::2" },
								  { "127.9.9.9", family == AF_INET ? "127.9.9.9" : "::ffff:127.9.9.9" },
								  { "link-local", family == AF_INET ? "169.254.1.1" : "fe80::1234" } };
	int fd;

	say_about("%s %s bind", family_text(family), type == SOCK_STREAM ? "tcp" : "udp");
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		fd = MUST(socket(family, type, 0));
		odd = name_of(family, none[i].addr, 0);
		say_rc(none[i].name, bind(fd, &odd.sa, name_len(family)));
		close(fd);
	}
	fd = MUST(socket(family, type, 0));
	say_rc("short", bind(fd, &n.sa, name_len(family) - 1));
	say_rc("length 2", bind(fd, &n.sa, 2));
	say_rc("length 0", bind(fd, &n.sa, 0));
	say_rc("24 octets", bind(fd, &n.sa, 24));
	say_sockname("sockname", fd);
	close(fd);
	fd = MUST(socket(family, type, 0));
	say_rc("too long", bind(fd, &n.sa, 1000));
	say_rc("negative", bind(fd, &n.sa, (socklen_t)-1));
	say_rc("bad pointer", bind(fd, (void *)8, name_len(family)));
	odd = n;
	odd.sa.sa_family = AF_UNIX;
	say_rc("family UNIX", bind(fd, &odd.sa, name_len(family)));
	odd.sa.sa_family = family == AF_INET ? AF_INET6 : AF_INET;
	say_rc("the other family", bind(fd, &odd.sa, sizeof(odd)));
	close(fd);
	fd = MUST(socket(family, type, 0));
	odd = name_any(family, 0);
	odd.sa.sa_family = AF_UNSPEC;
	say_rc("family UNSPEC, any", bind(fd, &odd.sa, name_len(family)));
	say_sockname("sockname", fd);
	close(fd);
	fd = MUST(socket(family, type, 0));
	odd = n;
	odd.sa.sa_family = AF_UNSPEC;
	say_rc("family UNSPEC, loopback", bind(fd, &odd.sa, name_len(family)));
	say_rc("bind", bind(fd, &n.sa, name_len(family)));
	say_rc("bind twice", bind(fd, &n.sa, name_len(family)));
	close(fd);
}

static void low_port(void)
{
	int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
	union name n = name_lo(AF_INET, 80);

	say_about("port 80");
	say_rc("bind", bind(fd, &n.sa, sizeof(n.in)));
	close(fd);
}

static void lengths(int family)
{
	static const socklen_t lens[] = { 0, 1, 2, 8, 15, 16, 27, 28, 64, 128, (socklen_t)-1 };
	int fd[2];

	tcp_pair(family, fd);
	for (int peer = 0; peer < 2; peer++)
		for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
			unsigned char room[128];
			socklen_t len = lens[i];
			int rc, touched = 0;

			memset(room, 0xee, sizeof(room));
			rc = peer ? getpeername(fd[0], (void *)room, &len) : getsockname(fd[0], (void *)room, &len);
			for (int k = 0; k < 128; k++)
				touched += room[k] != 0xee;
			say_about("%s %s length %d", family_text(family), peer ? "getpeername" : "getsockname", (int)lens[i]);
			say("it", "%s len %d within %d", rc < 0 ? say_errno(errno) : "0", (int)len, touched <= (int)lens[i]);
		}
	socklen_t len = 128;
	say_about("%s names, bad arguments", family_text(family));
	say_rc("getsockname bad pointer", getsockname(fd[0], (void *)8, &len));
	say_rc("getsockname bad length", getsockname(fd[0], (void *)&len, (void *)8));
	say_rc("getpeername bad pointer", getpeername(fd[0], (void *)8, &len));
	say_rc("getpeername bad length", getpeername(fd[0], (void *)&len, NULL));
	close(fd[0]);
	close(fd[1]);
}

/* What a socket calls itself after each kind of beginning. */
static void local_names(void)
{
	static const struct { int family; const char *bind_to, *connect_to; } b[] = {
		{ AF_INET, NULL, "127.0.0.1" }, { AF_INET, "0.0.0.0", "127.0.0.1" }, { AF_INET, "127.0.0.5", "127.0.0.1" }, { AF_INET, NULL, "0.0.0.0" },
		{ AF_INET, NULL, "127.0.0.9" }, { AF_INET6, NULL, "::1" }, { AF_INET6, "::", "::1" }, { AF_INET6, NULL, "::ffff:127.0.0.1" },
		{ AF_INET6, NULL, "::" }, { AF_INET6, "::1", "::ffff:127.0.0.1" }, { AF_INET6, "::ffff:127.0.0.1", "::1" },
		{ AF_INET6, "::ffff:127.0.0.1", "::ffff:127.0.0.2" },
	};
	int l = MUST(socket(AF_INET6, SOCK_STREAM, 0)), u = MUST(socket(AF_INET6, SOCK_DGRAM, 0));
	union name any = name_any(AF_INET6, 0);

	MUST(bind(l, &any.sa, sizeof(any.in6)));
	MUST(listen(l, 10));
	any.in6.sin6_port = 0;
	MUST(bind(u, &any.sa, sizeof(any.in6)));
	for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++)
		for (size_t i = 0; i < sizeof(b) / sizeof(*b); i++) {
			int fd = MUST(socket(b[i].family, type, 0)), a;
			union name to = name_of(b[i].family, b[i].connect_to, port_of(type == SOCK_STREAM ? l : u));

			say_about("%s bound to %s connects to %s", type == SOCK_STREAM ? "tcp" : "udp", b[i].bind_to ? b[i].bind_to : "nothing",
				  b[i].connect_to);
			if (b[i].bind_to) {
				union name n = name_of(b[i].family, b[i].bind_to, 0);

				say_rc("bind", bind(fd, &n.sa, name_len(b[i].family)));
			}
			if (say_rc("connect", connect(fd, &to.sa, name_len(b[i].family))) == 0) {
				say_sockname("sockname", fd);
				say_peername("peername", fd);
				if (type == SOCK_STREAM) {
					a = MUST(accept(l, NULL, NULL));
					say_sockname("accepted sockname", a);
					say_peername("accepted peername", a);
					close(a);
				}
			}
			close(fd);
		}
	close(l);
	close(u);
}

/* Of two sockets that could take it, which one does. */
static void best_match(void)
{
	struct how any4 = { AF_INET, "0.0.0.0", false, true, false, false }, lo4 = { AF_INET, "127.0.0.1", false, true, false, false };
	struct how only6 = { AF_INET6, "::", true, true, false, false };
	int fd[3] = { make(&any4, SOCK_DGRAM), make(&lo4, SOCK_DGRAM), make(&only6, SOCK_DGRAM) }, s = MUST(socket(AF_INET, SOCK_DGRAM, 0));
	union name n = name_of(AF_INET, "0.0.0.0", 0);
	char buf[16];

	say_about("best match");
	MUST(bind(fd[0], &n.sa, sizeof(n.in)));
	unsigned port = port_of(fd[0]);
	n = name_of(AF_INET, "127.0.0.1", port);
	say_rc("bind specific", bind(fd[1], &n.sa, sizeof(n.in)));
	say_rc("send to 127.0.0.1", sendto(s, "x", 1, 0, &n.sa, sizeof(n.in)));
	say_rc("wildcard has it", recv(fd[0], buf, 1, MSG_DONTWAIT));
	say_rc("specific has it", recv(fd[1], buf, 1, MSG_DONTWAIT));
	n = name_of(AF_INET, "127.0.0.2", port);
	say_rc("send to 127.0.0.2", sendto(s, "x", 1, 0, &n.sa, sizeof(n.in)));
	say_rc("wildcard has it", recv(fd[0], buf, 1, MSG_DONTWAIT));
	say_rc("specific has it", recv(fd[1], buf, 1, MSG_DONTWAIT));
	n = name_of(AF_INET6, "::", port);
	say_rc("bind v6 only", bind(fd[2], &n.sa, sizeof(n.in6)));
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	close(s);
}

/* TIME-WAIT keeps a port, but not from SO_REUSEADDR. */
static void time_wait(void)
{
	int l = bound(AF_INET, SOCK_STREAM), c, a;
	unsigned port = port_of(l);
	union name n = name_lo(AF_INET, port);

	say_about("time-wait");
	MUST(listen(l, 1));
	c = connected_to(AF_INET, SOCK_STREAM, port);
	a = MUST(accept(l, NULL, NULL));
	close(a);
	wait_for(c, POLLRDHUP);
	close(c);
	close(l);
	l = MUST(socket(AF_INET, SOCK_STREAM, 0));
	say_rc("bind", bind(l, &n.sa, sizeof(n.in)));
	set_int(l, SOL_SOCKET, SO_REUSEADDR, 1);
	say_rc("bind with REUSEADDR", bind(l, &n.sa, sizeof(n.in)));
	say_rc("listen", listen(l, 1));
	close(l);
}

/* Listeners of one port by REUSEPORT share the connections. */
static void shares(void)
{
	struct how h = { AF_INET, "127.0.0.1", false, false, true, false };
	int l[2] = { make(&h, SOCK_STREAM), make(&h, SOCK_STREAM) }, got[2] = { 0, 0 }, fds[64];
	union name n = name_lo(AF_INET, 0);

	say_about("REUSEPORT listeners");
	MUST(bind(l[0], &n.sa, sizeof(n.in)));
	n = name_lo(AF_INET, port_of(l[0]));
	say_rc("second bind", bind(l[1], &n.sa, sizeof(n.in)));
	for (int i = 0; i < 2; i++) {
		MUST(listen(l[i], 128));
		set_nonblocking(l[i]);
	}
	for (int i = 0; i < 64; i++)
		fds[i] = connected_to(AF_INET, SOCK_STREAM, port_of(l[0]));
	for (int i = 0, a; i < 2; i++)
		while ((a = accept(l[i], NULL, NULL)) >= 0) {
			got[i]++;
			close(a);
		}
	say("all came", "%d", got[0] + got[1] == 64);
	say("both had some", "%d", got[0] > 0 && got[1] > 0);
	for (int i = 0; i < 64; i++)
		close(fds[i]);
	close(l[0]);
	close(l[1]);
}

/* While the connection stands its ends have names, and the call that follows another's end knows of it. */
static void names_of_ends(int family)
{
	static const char *const ends[] = { "nothing", "shutdown", "close", "reset", "own shutdown", "both halves", "disconnect" };
	struct linger now = { 1, 0 };
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	for (int how = 0; how < 7; how++) {
		int fd[2];
		struct sockaddr_storage a;
		socklen_t len;

		say_about("%s names after %s", family_text(family), ends[how]);
		tcp_pair(family, fd);
		if (how == 1)
			shutdown(fd[1], SHUT_WR);
		if (how == 3)
			setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		if (how == 2 || how == 3)
			close(fd[1]);
		if (how == 4 || how == 5)
			shutdown(fd[0], how == 4 ? SHUT_WR : SHUT_RDWR);
		if (how == 6)
			say_rc("disconnect", connect(fd[0], &none, sizeof(none)));
		for (int peer = 0; peer < 2; peer++) {
			len = 5;
			say_rc(peer ? "getpeername, short" : "getsockname, short", (peer ? getpeername : getsockname)(fd[0], (struct sockaddr *)&a, &len));
			say("length", "%u", len);
			len = sizeof(a);
			memset(&a, 0, sizeof(a));
			say_rc(peer ? "getpeername" : "getsockname", (peer ? getpeername : getsockname)(fd[0], (struct sockaddr *)&a, &len));
			say("family", "%d", a.ss_family);
			say("length", "%u", len);
			say_rc("no room", (peer ? getpeername : getsockname)(fd[0], NULL, &len));
		}
		close(fd[0]);
		if (how != 2 && how != 3)
			close(fd[1]);
	}
}

/* A dual-stack socket's address, as the other family sees it: what a connection leaves of a wildcard, and IPv4's wildcard itself. */
static void dual_stack(void)
{
	static const char *const others[] = {"0.0.0.0", "127.0.0.1", "::", "::1", "::ffff:0.0.0.0"};
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	int listener = listening(AF_INET6, 1), fd = MUST(socket(AF_INET6, SOCK_STREAM, 0));
	union name n = name_any(AF_INET6, 0), there = name_lo(AF_INET6, port_of(listener));

	say_about("beside a connection from ::");
	MUST(bind(fd, &n.sa, sizeof(n.in6)));
	MUST(connect(fd, &there.sa, sizeof(there.in6)));
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		int family = strchr(others[i], ':') ? AF_INET6 : AF_INET, other = MUST(socket(family, SOCK_STREAM, 0));

		n = name_of(family, others[i], port_of(fd));
		say_rc(others[i], bind(other, &n.sa, name_len(family)));
		close(other);
	}
	close(fd), close(listener);

	say_about("bound to IPv4's wildcard");
	fd = MUST(socket(AF_INET6, SOCK_DGRAM, 0));
	n = name_of(AF_INET6, "::ffff:0.0.0.0", 0);
	MUST(bind(fd, &n.sa, sizeof(n.in6)));
	n = name_of(AF_INET6, "::ffff:127.0.0.1", 9);
	say_rc("connect", connect(fd, &n.sa, sizeof(n.in6)));
	say_rc("part", connect(fd, &none, sizeof(none)));
	say_sockname("here", fd);
	n = name_lo(AF_INET6, 9);
	say_rc("connect to IPv6", connect(fd, &n.sa, sizeof(n.in6)));
	close(fd);
}

/*
 * Binds to one port, one after the other: what is remembered of those before is less than what there is. A, P: with SO_REUSEADDR, SO_REUSEPORT; a, p: put
 * off when it is bound; V: with IPV6_V6ONLY; l: listens.
 */
#define STEPS 5

static int step(const char *what, int type, unsigned port)
{
	char addr[32];
	size_t len = strcspn(what, " ");
	const char *how = what + len;

	snprintf(addr, sizeof(addr), "%.*s", (int)len, what);
	int family = strchr(addr, ':') ? AF_INET6 : AF_INET, fd = MUST(socket(family, type, 0));
	union name at = name_of(family, addr, port);

	if (family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, strchr(how, 'V') != NULL);
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, strpbrk(how, "aA") != NULL);
	set_int(fd, SOL_SOCKET, SO_REUSEPORT, strpbrk(how, "pP") != NULL);
	if (say_rc(what, bind(fd, &at.sa, name_len(family))) == 0 && strchr(how, 'l'))
		say_rc("listen", listen(fd, 1));
	if (strchr(how, 'a'))
		set_int(fd, SOL_SOCKET, SO_REUSEADDR, 0);
	if (strchr(how, 'p'))
		set_int(fd, SOL_SOCKET, SO_REUSEPORT, 0);
	return fd;
}

/* Who of those that are bound to one port gets a datagram. */
static void say_taker(const int *fds, const char *to)
{
	int family = strchr(to, ':') ? AF_INET6 : AF_INET, from = MUST(socket(family, SOCK_DGRAM, 0));
	union name n = name_of(family, to, port_of(fds[0]));
	char octet;

	MUST(sendto(from, "x", 1, 0, &n.sa, name_len(family)));
	for (int i = 0; i < STEPS; i++)
		if (fds[i] >= 0 && recv(fds[i], &octet, 1, MSG_DONTWAIT) == 1)
			say(to, "%d", i);
	close(from);
}

static void sequence(int type, const char *const *steps, bool send)
{
	int fds[STEPS];
	unsigned port = 0;

	say_about("%s, %s first", type == SOCK_STREAM ? "tcp" : "udp", steps[0]);
	for (int i = 0; i < STEPS; i++) {
		fds[i] = steps[i] ? step(steps[i], type, port) : -1;
		if (i == 0)
			port = port_of(fds[0]);
	}
	if (send)
		say_taker(fds, "127.0.0.1"), say_taker(fds, "127.0.0.5"), say_taker(fds, "::1");
	for (int i = 0; i < STEPS && steps[i]; i++)
		close(fds[i]);
}

static void sequences(void)
{
	static const char *const binds[][STEPS] = {
		{ "127.0.0.1 A", "0.0.0.0 AP", "127.0.0.1 P" },
		{ "127.0.0.1 p", "127.0.0.1 P", "127.0.0.2 P", "0.0.0.0 P" },
		{ "127.0.0.1 a", "127.0.0.1 A" },
		{ ":: A", "::ffff:0.0.0.0 AP", "127.0.0.1 P", ":: P" },
		{ "0.0.0.0 p", "127.0.0.1 P", "0.0.0.0 P", ":: P", "::ffff:127.0.0.1 P" },
		{ "127.0.0.1 Ap", "0.0.0.0 AP", "127.0.0.1 Pl", "127.0.0.1 Al" },
		{ "::1 AP", ":: A", "::1 A" },
	};
	static const char *const groups[][STEPS] = {
		{ ":: P", "::ffff:0.0.0.0 AP", "127.0.0.1 AP" },
		{ ":: PV", ":: AP", "::ffff:0.0.0.0 AP", "::ffff:127.0.0.1 A" },
		{ "0.0.0.0 AP", ":: AP", "0.0.0.0 A" },
		{ "127.0.0.1 A", ":: A", "127.0.0.1 A", "::ffff:127.0.0.1 A", ":: A" },
	};

	for (size_t i = 0; i < sizeof(binds) / sizeof(*binds); i++)
		sequence(SOCK_STREAM, binds[i], false), sequence(SOCK_DGRAM, binds[i], false);
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		sequence(SOCK_DGRAM, groups[i], true);
}

/* What the name of a group on a link says. */
static void scoped_group(const char *group, unsigned scope)
{
	int fd = MUST(socket(AF_INET6, SOCK_DGRAM, 0));
	union name n = name_of(AF_INET6, group, 0);
	socklen_t len = sizeof(n);

	say_about("%s%%%u", group, scope);
	n.in6.sin6_scope_id = scope;
	if (say_rc("bind", bind(fd, &n.sa, sizeof(n.in6))) == 0) {
		MUST(getsockname(fd, &n.sa, &len));
		say("scope", "%u", n.in6.sin6_scope_id);
	}
	close(fd);
}

int main(void)
{
	say_start();
	say_about("tcp binds");
	matrix(SOCK_STREAM);
	say_about("udp binds");
	matrix(SOCK_DGRAM);
	bad_names(AF_INET, SOCK_STREAM);
	bad_names(AF_INET6, SOCK_STREAM);
	bad_names(AF_INET, SOCK_DGRAM);
	bad_names(AF_INET6, SOCK_DGRAM);
	low_port();
	lengths(AF_INET);
	lengths(AF_INET6);
	names_of_ends(AF_INET);
	names_of_ends(AF_INET6);
	local_names();
	best_match();
	time_wait();
	shares();
	dual_stack();
	sequences();
	scoped_group("ff01::5", 1), scoped_group("ff02::5", 1), scoped_group("ff05::5", 1), scoped_group("ff02::5", 0);
	return 0;
}
