/*
 * Datagrams sent again and again: what holds for the first one to a name holds for those after it. So everything here begins with some that arrive,
 * and then something about the sender, the receiver or their port is changed.
 */
#include "say.h"
#include <pthread.h>

static char buf[70000];

static union name loopback(int family, int fd) { return name_lo(family, port_of(fd)); }

static void give(int from, int to, int family)
{
	union name n = loopback(family, to);

	for (int i = 0; i < 4; i++) {
		MUST(sendto(from, "warm", 4, 0, &n.sa, name_len(family)));
		MUST(recv(to, buf, sizeof(buf), 0));
	}
}

/* a sends to r, connected; b by name. */
static int r, a, b;
static void trio(int family)
{
	r = bound(family, SOCK_DGRAM);
	a = connected_to(family, SOCK_DGRAM, port_of(r));
	b = bound(family, SOCK_DGRAM);
	for (int i = 0; i < 4; i++) {
		MUST(send(a, "warm", 4, 0));
		MUST(recv(r, buf, sizeof(buf), 0));
	}
	give(b, r, family);
}

static void trio_end(void)
{
	close(r);
	close(a);
	close(b);
}

static long by_name(int family, const char *text)
{
	union name n = loopback(family, r);

	return sendto(b, text, strlen(text), 0, &n.sa, name_len(family));
}

static void say_next(const char *name, int fd)
{
	long n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0)
		say(name, "%s", say_errno(errno));
	else
		say(name, "%ld '%.*s'", n, (int)(n < 20 ? n : 20), buf);
}

static void lengths(int family)
{
	static const size_t length[] = { 0, 1, 999, 1500, 16300, 20000, 65000, 65507, 65508, 65527, 65528, 66000 };
	struct msghdr m = { 0 };
	char small[4];
	struct iovec v = { small, sizeof(small) };
	int waiting;

	trio(family);
	for (size_t i = 0; i < sizeof(length) / sizeof(*length); i++) {
		say_about("%s length %zu", family_text(family), length[i]);
		say_rc("send", send(a, buf, length[i], 0));
		say_rc("FIONREAD", ioctl(r, FIONREAD, &waiting));
		say("waiting", "%d", waiting);
		say_rc("peek", recv(r, small, sizeof(small), MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT));
		m.msg_iov = &v;
		m.msg_iovlen = 1;
		say_rc("recvmsg", recvmsg(r, &m, MSG_DONTWAIT));
		say("truncated", "%d", !!(m.msg_flags & MSG_TRUNC));
		say_next("then", r);
	}
	trio_end();
}

static void order(int family)
{
	char text[8];

	say_about("%s order", family_text(family));
	trio(family);
	for (int i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), "%c%d", i % 3 ? 'a' : 'b', i);
		if (i % 3)
			MUST(send(a, text, strlen(text), 0));
		else
			MUST(by_name(family, text));
	}
	for (int i = 0; i < 41; i++) say_next("next", r);
	trio_end();
}

/* How many fit, of which length; and again when all were read. (Linux gives room back in quarters of the buffer, so that how many fit after a few were
 * read is its own business.) */
static void full(int family, int rcvbuf, size_t len)
{
	say_about("%s full %d %zu", family_text(family), rcvbuf, len);
	trio(family);
	if (rcvbuf) set_int(r, SOL_SOCKET, SO_RCVBUF, rcvbuf);
	for (int round = 0; round < 3; round++) {
		int n = 0;
		for (int i = 0; i < 600; i++) MUST(send(a, buf, len, 0));
		while (recv(r, buf, sizeof(buf), MSG_DONTWAIT) >= 0) n++;
		say("taken", "%d", n);
	}
	trio_end();
}

/* What the sender is told once the receiver has gone. */
static void say_gone(int family)
{
	say_rc("1st", send(a, "x", 1, 0));
	say_rc("2nd", send(a, "x", 1, 0));
	say_rc("3rd", send(a, "x", 1, 0));
	say_error("SO_ERROR", a);
	say_rc("by name", by_name(family, "x"));
	say_rc("again", by_name(family, "x"));
	close(a);
	close(b);
}

static void closed(int family)
{
	int copy;

	say_about("%s closed", family_text(family));
	trio(family);
	MUST(send(a, "unread", 6, 0));
	unsigned port = port_of(r);
	close(r);
	r = MUST(socket(family, SOCK_DGRAM, 0));   /* so that its port can still be asked for */
	say_rc("1st", send(a, "x", 1, 0));
	say_rc("2nd", send(a, "x", 1, 0));
	say_rc("3rd", send(a, "x", 1, 0));
	say_error("SO_ERROR", a);
	say("port", "%d", port != 0);
	trio_end();

	say_about("%s closed twice", family_text(family));
	trio(family);
	copy = dup(r);
	give(b, r, family);
	close(r);
	say_rc("one is left", send(a, "x", 1, 0));
	r = copy;
	say_next("which has it", r);
	dup2(b, copy);
	say_gone(family);
	close(copy);
}

static int child_with_receiver(int family, int go[2], bool reads)
{
	trio(family);
	MUST(pipe(go));
	int pid = fork();
	if (pid == 0) {
		char c;
		close(go[1]);
		if (reads) recv(r, buf, sizeof(buf), 0);
		_exit(read(go[0], &c, 1) == 0 ? 0 : 1);
	}
	close(go[0]);
	return pid;
}

static void child(int family)
{
	int go[2], status, pid = child_with_receiver(family, go, true), copy = dup(b);

	say_about("%s a child has it", family_text(family));
	close(r);
	r = copy;
	say_rc("send", send(a, "x", 1, 0));
	close(go[1]);
	MUST(waitpid(pid, &status, 0));
	say("child", "%d", status);
	say_error("all is known of its end", a);
	say_rc("1st", send(a, "x", 1, 0));
	say_rc("2nd", send(a, "x", 1, 0));
	say_rc("3rd", send(a, "x", 1, 0));
	trio_end();

	say_about("%s the child is killed", family_text(family));
	pid = child_with_receiver(family, go, false);
	close(r);
	r = dup(b);
	kill(pid, SIGKILL);
	MUST(waitpid(pid, &status, 0));
	say_rc("send", send(a, "x", 1, 0));
	say("an error comes", "%d", wait_for(a, POLLIN));
	say_error("SO_ERROR", a);
	close(go[1]);
	trio_end();
}

static void peers(int family)
{
	union name n;

	say_about("%s peers", family_text(family));
	trio(family);
	n = loopback(family, a);
	say_rc("send before", by_name(family, "before"));
	say_rc("connect", connect(r, &n.sa, name_len(family)));
	say_next("what came before", r);
	say_rc("the peer's", send(a, "peer", 4, 0));
	say_rc("another's", by_name(family, "other"));
	say_next("next", r);
	say_next("next", r);
	n.sa.sa_family = AF_UNSPEC;
	say_rc("disconnect", connect(r, &n.sa, sizeof(n.sa)));
	say_rc("another's", by_name(family, "other"));
	say_next("next", r);
	trio_end();
}

/* Somebody else on the same port, with a better claim. */
static void claims(int family)
{
	union name any = name_any(family, 0), own;
	int one = 1, better;

	say_about("%s claims", family_text(family));
	r = MUST(socket(family, SOCK_DGRAM, 0));
	set_int(r, SOL_SOCKET, SO_REUSEADDR, one);
	MUST(bind(r, &any.sa, name_len(family)));
	a = connected_to(family, SOCK_DGRAM, port_of(r));
	b = bound(family, SOCK_DGRAM);
	for (int i = 0; i < 4; i++) {
		MUST(send(a, "warm", 4, 0));
		MUST(recv(r, buf, sizeof(buf), 0));
	}
	better = MUST(socket(family, SOCK_DGRAM, 0));
	set_int(better, SOL_SOCKET, SO_REUSEADDR, one);
	own = loopback(family, r);
	MUST(bind(better, &own.sa, name_len(family)));
	say_rc("send", send(a, "better", 6, 0));
	say_next("the first", r);
	say_next("the better", better);
	close(better);
	say_rc("send", send(a, "back", 4, 0));
	say_next("the first", r);
	trio_end();
}

static void say_control(const char *name, int fd)
{
	char control[256];
	struct iovec v = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	long n = recvmsg(fd, &m, MSG_DONTWAIT);

	say_rc(name, n);
	for (struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		int v = *(unsigned char *)CMSG_DATA(c);
		say(name, "level %d type %d first octet %d", c->cmsg_level, c->cmsg_type, c->cmsg_level == SOL_SOCKET ? -1 : v);
	}
}

static void wishes(int family)
{
	bool six = family == AF_INET6;
	int level = six ? IPPROTO_IPV6 : IPPROTO_IP, hops = six ? IPV6_UNICAST_HOPS : IP_TTL, tos = six ? IPV6_TCLASS : IP_TOS;

	say_about("%s wishes", family_text(family));
	trio(family);
	set_int(r, level, six ? IPV6_RECVHOPLIMIT : IP_RECVTTL, 1);
	say_rc("send", send(a, "x", 1, 0));
	say_control("ttl", r);
	set_int(a, level, hops, 7);
	say_rc("send", send(a, "x", 1, 0));
	say_control("ttl 7", r);
	set_int(r, level, six ? IPV6_RECVTCLASS : IP_RECVTOS, 1);
	set_int(a, level, tos, 0x20);
	say_rc("send", send(a, "x", 1, 0));
	say_control("tos", r);
	trio_end();
	trio(family);
	say_rc("send", send(a, "early", 5, 0));
	set_int(r, SOL_SOCKET, SO_TIMESTAMP, 1);
	say_rc("send", send(a, "late", 4, 0));
	recv(r, buf, sizeof(buf), MSG_DONTWAIT);
	say_control("timestamp", r);
	trio_end();
}

static void corks(int family)
{
	say_about("%s corks", family_text(family));
	trio(family);
	say_rc("more", send(a, "ab", 2, MSG_MORE));
	say_next("nothing yet", r);
	say_rc("send", send(a, "cd", 2, 0));
	say_next("both", r);
	say_rc("send", send(a, "ef", 2, 0));
	say_next("one", r);
	trio_end();
}

static void shuts(int family)
{
	say_about("%s shut", family_text(family));
	trio(family);
	say_rc("shutdown", shutdown(a, SHUT_WR));
	say_rc("send", send(a, "x", 1, MSG_NOSIGNAL));
	say_rc("shutdown r", shutdown(r, SHUT_RD));
	say_rc("by name", by_name(family, "x"));
	say_next("next", r);
	say_poll("poll", r);
	trio_end();
}

static int edges(int e)
{
	struct epoll_event ev;

	return epoll_wait(e, &ev, 1, 0);
}

static void polls(int family)
{
	int e[2];

	trio(family);
	for (int n = 1; n <= 2; n++) {
		say_about("%s %d epolls", family_text(family), n);
		e[n - 1] = MUST(epoll_create1(0));
		struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
		MUST(epoll_ctl(e[n - 1], EPOLL_CTL_ADD, r, &ev));
		for (int i = 0; i < n; i++) say("nothing", "%d", edges(e[i]));
		for (int k = 0; k < 3; k++) {
			say_rc("send", send(a, "x", 1, 0));
			for (int i = 0; i < n; i++) {
				say("edge", "%d", edges(e[i]));
				say("no other", "%d", edges(e[i]));
			}
		}
		say_poll("poll", r);
		for (int k = 0; k < 4; k++) say_next("next", r);
		for (int i = 0; i < n; i++) say("nothing", "%d", edges(e[i]));
	}
	close(e[0]);
	close(e[1]);
	trio_end();
}

static void *answer(void *arg)
{
	char c[4];
	(void)arg;
	for (int i = 0; i < 100; i++) {
		union name n;
		socklen_t len = sizeof(n);
		long got = recvfrom(r, c, sizeof(c), 0, &n.sa, &len);
		if (got < 0 || sendto(r, c, (size_t)got, 0, &n.sa, len) != got) return "lost";
	}
	return "answered";
}

static void blocking(int family)
{
	pthread_t t;
	void *said;
	int sum = 0, status;

	say_about("%s blocking", family_text(family));
	trio(family);
	pthread_create(&t, NULL, answer, NULL);
	for (int i = 0; i < 50; i++) {
		sum += send(a, "ping", 4, 0) == 4;
		sum += recv(a, buf, sizeof(buf), 0) == 4;
	}
	union name n = loopback(family, r);
	for (int i = 0; i < 50; i++) {
		sum += sendto(b, "ping", 4, 0, &n.sa, name_len(family)) == 4;
		sum += wait_for(b, POLLIN) && recv(b, buf, sizeof(buf), 0) == 4;
	}
	pthread_join(t, &said);
	say("thread", "%s", (char *)said);
	say("pings", "%d", sum);
	int pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 20; i++)
			if (send(a, "child", 5, 0) != 5) _exit(1);
		_exit(0);
	}
	for (int i = 0; i < 20; i++) MUST(send(a, "parent", 6, 0));
	MUST(waitpid(pid, &status, 0));
	say("child", "%d", status);
	for (sum = 0; recv(r, buf, sizeof(buf), MSG_DONTWAIT) > 0; sum++) {}
	say("of both", "%d", sum);
	trio_end();
}

static void memory(int family)
{
	struct iovec v[3] = { { "ab", 2 }, { "", 0 }, { "cde", 3 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 3 };
	union name self;

	say_about("%s memory", family_text(family));
	trio(family);
	say_rc("pieces", sendmsg(a, &m, 0));
	say_next("whole", r);
	say_rc("bad buffer", send(a, (void *)16, 10, 0));
	v[1] = (struct iovec){ (void *)16, 10 };
	say_rc("bad piece", sendmsg(a, &m, 0));
	say_rc("good", send(a, "good", 4, 0));
	say_next("next", r);
	say_next("next", r);
	self = loopback(family, r);
	say_rc("self", sendto(r, "self", 4, 0, &self.sa, name_len(family)));
	give(r, r, family);
	say_next("from itself", r);
	trio_end();
}

/* A socket of both families shows whom it hears in its own way. */
static void mapped(void)
{
	union name any = name_any(AF_INET6, 0), from;
	socklen_t len;

	say_about("mapped");
	r = MUST(socket(AF_INET6, SOCK_DGRAM, 0));
	MUST(bind(r, &any.sa, name_len(AF_INET6)));
	a = connected_to(AF_INET, SOCK_DGRAM, port_of(r));
	b = connected_to(AF_INET6, SOCK_DGRAM, port_of(r));
	for (int i = 0; i < 6; i++) {
		MUST(send(i % 2 ? a : b, "x", 1, 0));
		len = sizeof(from);
		MUST(recvfrom(r, buf, sizeof(buf), 0, &from.sa, &len));
		say_name("from", &from, len);
		say_rc("answer", sendto(r, "y", 1, 0, &from.sa, len));
		say_next("answered", i % 2 ? a : b);
	}
	trio_end();
}

int main(void)
{
	static const int families[] = { AF_INET, AF_INET6 };

	say_start();
	for (int i = 0; i < 2; i++) {
		int family = families[i];
		lengths(family);
		order(family);
		full(family, 0, 1);
		full(family, 0, 1000);
		full(family, 0, 30000);
		full(family, 10000, 1);
		full(family, 10000, 5000);
		full(family, 1, 2000);
		closed(family);
		child(family);
		peers(family);
		claims(family);
		wishes(family);
		corks(family);
		shuts(family);
		polls(family);
		blocking(family);
		memory(family);
	}
	mapped();
	return 0;
}
