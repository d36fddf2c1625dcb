/* epoll beyond one set and one socket: all that is ready at once, duplicates, nesting, and its errors. Sets of several processes: epoll_shared.c. */
#include "say_epoll.h"

static char buf[4096];

/* Everything that has happened before the call is in its answer, whatever is ready already. */
static void all_at_once(void)
{
	int a[2], b[2], u[2], pipes[2], e = MUST(epoll_create1(0));
	struct linger linger = { 1, 0 };
	struct timeval zero = { 0, 0 };
	fd_set r, w;

	say_about("all at once");
	for (int i = 0; i < 3; i++) {
		tcp_pair(AF_INET, a);
		tcp_pair(AF_INET6, b);
		udp_pair(AF_INET, u);
		MUST(pipe(pipes));
		MUST(ctl(e, EPOLL_CTL_ADD, a[0], EPOLLIN | EPOLLRDHUP, 1));
		MUST(ctl(e, EPOLL_CTL_ADD, b[0], EPOLLIN | EPOLLRDHUP, 2));
		MUST(ctl(e, EPOLL_CTL_ADD, u[0], EPOLLIN, 3));
		MUST(ctl(e, EPOLL_CTL_ADD, pipes[0], EPOLLIN, 4));
		MUST(write(pipes[1], "x", 1));
		send_one(u[1]);
		send_one(b[1]);
		shutdown(b[1], SHUT_WR);
		send_one(a[1]);
		if (i == 1)
			setsockopt(a[1], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
		if (i > 0)
			close(a[1]);
		if (i < 2) {
			say_wait_for("epoll", e, 16, -1);
		} else {
			FD_ZERO(&r);
			FD_ZERO(&w);
			FD_SET(a[0], &r);
			FD_SET(a[0], &w);
			FD_SET(b[0], &r);
			FD_SET(u[0], &r);
			FD_SET(pipes[0], &r);
			say_rc("select", select(64, &r, &w, NULL, &zero));
		}
		struct pollfd p[] = { { pipes[0], POLLIN, 0 }, { a[0], SAY_POLL_ALL, 0 }, { b[0], SAY_POLL_ALL, 0 }, { u[0], SAY_POLL_ALL, 0 } };
		MUST(send(u[1], "y", 1, 0));
		say_rc("poll", poll(p, 4, -1));
		for (int j = 0; j < 4; j++)
			say_bits("revents", p[j].revents);
		CLOSE(a[0], a[1], b[0], b[1], u[0], u[1], pipes[0], pipes[1]);
	}
	close(e);
}

static void duplicates(unsigned how, const char *text)
{
	int fd[2], e = MUST(epoll_create1(0)), d;

	say_about("%s on duplicates", text);
	tcp_pair(AF_INET, fd);
	d = MUST(dup(fd[0]));
	say_rc("add", ctl(e, EPOLL_CTL_ADD, fd[0], EPOLLIN | how, 1));
	say_rc("add the other", ctl(e, EPOLL_CTL_ADD, d, EPOLLIN | how, 2));
	say_wait("nothing", e);
	send_one(fd[1]);
	say_wait("data", e);
	say_wait("again", e);
	send_one(fd[1]);
	say_wait("more data", e);
	say_rc("mod one", ctl(e, EPOLL_CTL_MOD, d, EPOLLIN | EPOLLOUT | how, 2));
	say_wait("after mod", e);
	say_wait("again", e);
	say_rc("mod the other", ctl(e, EPOLL_CTL_MOD, fd[0], EPOLLIN | EPOLLOUT | how, 1));
	say_wait("after mod", e);
	MUST(recv(fd[0], buf, 10, 0));
	say_wait("read", e);
	send_one(fd[1]);
	say_wait("new data", e);
	say_rc("delete one", ctl(e, EPOLL_CTL_DEL, fd[0], 0, 0));
	send_one(fd[1]);
	say_wait("of the rest", e);
	shutdown(fd[1], SHUT_WR);
	say_wait("end", e);
	say_wait("again", e);
	CLOSE(fd[0], fd[1], d, e);
}

/* One socket in several sets: each has its own edges. */
static void several_sets(void)
{
	int fd[2], e[3];

	say_about("several sets");
	tcp_pair(AF_INET6, fd);
	for (int i = 0; i < 3; i++) {
		e[i] = MUST(epoll_create1(0));
		say_rc("add", ctl(e[i], EPOLL_CTL_ADD, fd[0], EPOLLIN | (i == 1 ? EPOLLET : i == 2 ? EPOLLONESHOT : 0), (unsigned)i + 1));
	}
	for (int round = 0; round < 3; round++) {
		send_one(fd[1]);
		for (int i = 0; i < 3; i++)
			say_wait("data", e[i]);
		for (int i = 0; i < 3; i++)
			say_wait("again", e[i]);
		if (round == 1)
			MUST(recv(fd[0], buf, 10, 0));
	}
	say_rc("rearm", ctl(e[2], EPOLL_CTL_MOD, fd[0], EPOLLIN | EPOLLONESHOT, 7));
	say_wait("rearmed", e[2]);
	close(fd[0]);
	for (int i = 0; i < 3; i++)
		say_wait("closed", e[i]);
	CLOSE(fd[1], e[0], e[1], e[2]);
}

static void nested(unsigned how, const char *text, bool with_pipe)
{
	int fd[2], in = MUST(epoll_create1(0)), out = MUST(epoll_create1(0)), pipes[2];

	say_about("%s around %s", text, with_pipe ? "a socket and a pipe" : "a socket");
	tcp_pair(AF_INET, fd);
	MUST(pipe(pipes));
	MUST(ctl(in, EPOLL_CTL_ADD, fd[0], EPOLLIN, 1));
	if (with_pipe)
		MUST(ctl(in, EPOLL_CTL_ADD, pipes[0], EPOLLIN, 2));
	say_rc("add", ctl(out, EPOLL_CTL_ADD, in, EPOLLIN | how, 9));
	say_wait("nothing", out);
	send_one(fd[1]);
	say_wait("data", out);
	say_wait("again", out);
	send_one(fd[1]);
	say_wait("more data", out);
	say_wait("again", out);
	say_wait("inner", in);
	say_wait("outer after", out);
	MUST(recv(fd[0], buf, 10, 0));
	say_wait("read", out);
	say_wait("inner, read", in);
	send_one(fd[1]);
	say_wait("new data", out);
	if (with_pipe) {
		MUST(write(pipes[1], "x", 1));
		say_wait("pipe", out);
		say_wait("again", out);
	}
	say_rc("mod", ctl(out, EPOLL_CTL_MOD, in, EPOLLIN | how, 8));
	say_wait("after mod", out);
	say_wait("again", out);
	say_poll("poll of outer", out);
	say_rc("del", ctl(out, EPOLL_CTL_DEL, in, 0, 0));
	say_wait("deleted", out);
	CLOSE(fd[0], fd[1], in, out, pipes[0], pipes[1]);
}

static void inside_others(void)
{
	int fd[2], e = MUST(epoll_create1(0)), u[2];
	struct pollfd p[2];
	struct timeval zero = { 0, 0 };
	fd_set r;

	say_about("a set inside poll and select");
	tcp_pair(AF_INET, fd);
	udp_pair(AF_INET, u);
	MUST(ctl(e, EPOLL_CTL_ADD, fd[0], EPOLLIN, 1));
	say_poll("empty", e);
	send_one(fd[1]);
	send_one(u[1]);
	p[0] = (struct pollfd){ e, SAY_POLL_ALL, 0 };
	p[1] = (struct pollfd){ u[0], POLLIN, 0 };
	say_rc("poll", poll(p, 2, -1));
	say_bits("set", p[0].revents);
	say_bits("socket", p[1].revents);
	FD_ZERO(&r);
	FD_SET(e, &r);
	FD_SET(u[0], &r);
	say_rc("select", select(64, &r, NULL, NULL, &zero));
	MUST(recv(fd[0], buf, 1, 0));
	say_rc("poll", poll(p, 2, -1));
	say_bits("set", p[0].revents);
	MUST(ctl(e, EPOLL_CTL_MOD, fd[0], EPOLLOUT, 1));
	say_poll("writable", e);
	close(fd[0]);
	say_poll("closed", e);
	CLOSE(fd[1], e, u[0], u[1]);
}

static void errors(void)
{
	int fd[2], e = MUST(epoll_create1(0)), closed = 900, chain[8];
	struct epoll_event ev[4];

	say_about("errors");
	tcp_pair(AF_INET, fd);
	say_rc("add to a closed one", ctl(closed, EPOLL_CTL_ADD, fd[0], EPOLLIN, 1));
	say_rc("add to -1", ctl(-1, EPOLL_CTL_ADD, fd[0], EPOLLIN, 1));
	say_rc("add to a pipe's kind", ctl(1, EPOLL_CTL_ADD, fd[0], EPOLLIN, 1));
	say_rc("add -1", ctl(e, EPOLL_CTL_ADD, -1, EPOLLIN, 1));
	say_rc("a socket to itself", ctl(fd[0], EPOLL_CTL_ADD, fd[0], EPOLLIN, 1));
	say_rc("bad op on a closed one", ctl(e, 9, closed, EPOLLIN, 1));
	say_rc("bad op", ctl(e, 0, fd[0], EPOLLIN, 1));
	say_rc("bad pointer", epoll_ctl(e, EPOLL_CTL_ADD, fd[0], (void *)8));
	say_rc("bad pointer, bad op", epoll_ctl(e, 9, fd[0], (void *)8));
	say_rc("bad pointer, deleting", epoll_ctl(e, EPOLL_CTL_DEL, fd[0], (void *)8));
	say_rc("wait on a closed one", epoll_wait(closed, ev, 1, 0));
	say_rc("wait on a socket", epoll_wait(fd[0], ev, 1, 0));
	say_rc("wait for -1", epoll_wait(e, ev, -1, 0));
	say_rc("wait for many", epoll_wait(e, ev, 1 << 30, 0));
	say_rc("exclusive and oneshot", ctl(e, EPOLL_CTL_ADD, fd[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, 1));
	say_rc("exclusive and rdhup", ctl(e, EPOLL_CTL_ADD, fd[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLRDHUP, 1));
	say_rc("exclusive mod", ctl(e, EPOLL_CTL_MOD, fd[0], EPOLLIN | EPOLLEXCLUSIVE, 1));
	say_rc("exclusive and edge", ctl(e, EPOLL_CTL_ADD, fd[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLET, 1));
	say_rc("plain mod of it", ctl(e, EPOLL_CTL_MOD, fd[0], EPOLLIN, 1));
	say_rc("del of it", ctl(e, EPOLL_CTL_DEL, fd[0], 0, 0));
	say_rc("wakeup", ctl(e, EPOLL_CTL_ADD, fd[0], EPOLLOUT | EPOLLWAKEUP, 1));
	say_wait("with wakeup", e);
	say_rc("nothing asked", ctl(e, EPOLL_CTL_MOD, fd[0], 0, 1));
	say_wait("nothing", e);
	say_rc("all bits", ctl(e, EPOLL_CTL_MOD, fd[0], 0xffffffffu & ~(EPOLLEXCLUSIVE | EPOLLONESHOT | EPOLLET), 1));
	say_wait("all", e);
	for (int i = 0; i < 8; i++)
		chain[i] = MUST(epoll_create1(0));
	say_rc("socket into the chain", ctl(chain[0], EPOLL_CTL_ADD, fd[0], EPOLLOUT, 1));
	for (int i = 1; i < 8; i++)
		say_rc("link", ctl(chain[i], EPOLL_CTL_ADD, chain[i - 1], EPOLLIN, 1));
	say_wait("its second", chain[1]);
	say_wait("its fourth", chain[3]);
	say_rc("loop", ctl(chain[0], EPOLL_CTL_ADD, chain[2], EPOLLIN, 1));
	say_rc("exclusive nest", ctl(e, EPOLL_CTL_ADD, chain[0], EPOLLIN | EPOLLEXCLUSIVE, 1));
	for (int i = 0; i < 8; i++)
		close(chain[i]);
	CLOSE(fd[0], fd[1], e);
}

enum kind { TCP, UDP, UNIX_STREAM, UNIX_DGRAM, KINDS };

static void pair_of(enum kind k, int fd[2])
{
	if (k == UDP) udp_pair(AF_INET, fd);
	else if (k >= UNIX_STREAM) MUST(socketpair(AF_UNIX, k == UNIX_STREAM ? SOCK_STREAM : SOCK_DGRAM, 0, fd));
	else tcp_pair(AF_INET, fd);
}

/* What comes in is no edge for who asks for room alone. The end is one for all. */
static void directions(enum kind k, const char *text, unsigned events)
{
	int fd[2], e = MUST(epoll_create1(0));

	say_about("edges of %s, asked for %#x", text, events);
	pair_of(k, fd);
	MUST(ctl(e, EPOLL_CTL_ADD, fd[0], events | EPOLLET, 1));
	say_wait("at first", e);
	for (int i = 0; i < 2; i++) {
		send_one(fd[1]);
		wait_for(fd[0], POLLIN);
		say_wait("something has come", e);
	}
	if (k == TCP || k == UNIX_STREAM) {
		MUST(shutdown(fd[1], SHUT_WR));
		wait_for(fd[0], POLLRDHUP);
		say_wait("the end", e);
	}
	CLOSE(fd[0], fd[1], e);
}

static void other_calls(void)
{
	int fd[2], e = MUST(epoll_create1(EPOLL_CLOEXEC));
	struct epoll_event ev[4];
	struct timespec t = { 0, 0 }, bad = { 0, -1 }, bad2 = { 0, 1000000000 }, neg = { -1, 0 };
	sigset_t mask;

	say_about("epoll_pwait, epoll_pwait2");
	sigemptyset(&mask);
	tcp_pair(AF_INET, fd);
	MUST(ctl(e, EPOLL_CTL_ADD, fd[0], EPOLLOUT, 1));
	say_rc("pwait", epoll_pwait(e, ev, 4, 0, &mask));
	say_rc("pwait2", epoll_pwait2(e, ev, 4, &t, &mask));
	say_rc("pwait2 NULL", epoll_pwait2(e, ev, 4, NULL, NULL));
	say_rc("pwait2 bad time", epoll_pwait2(e, ev, 4, &bad, NULL));
	say_rc("pwait2 bad time 2", epoll_pwait2(e, ev, 4, &bad2, NULL));
	say_rc("pwait2 negative", epoll_pwait2(e, ev, 4, &neg, NULL));
	say_rc("pwait2 bad pointer", epoll_pwait2(e, ev, 4, (void *)8, NULL));
	say_rc("pwait bad mask", epoll_pwait(e, ev, 4, 0, (void *)8));
	say_rc("cloexec", fcntl(e, F_GETFD));
	say_rc("getfl", fcntl(e, F_GETFL));
	say_rc("read", read(e, buf, 8));
	say_rc("write", write(e, buf, 8));
	say_rc("lseek", lseek(e, 0, SEEK_SET));
	int d = MUST(dup(e));
	MUST(ctl(d, EPOLL_CTL_MOD, fd[0], EPOLLOUT, 2));
	say_wait("changed by the copy", e);
	close(e);
	say_wait("the copy", d);
	CLOSE(fd[0], fd[1], d);
}

int main(void)
{
	say_start();
	all_at_once();
	duplicates(0, "level");
	duplicates(EPOLLET, "edge");
	duplicates(EPOLLONESHOT, "oneshot");
	several_sets();
	nested(0, "level", false);
	nested(EPOLLET, "edge", false);
	nested(EPOLLONESHOT, "oneshot", false);
	nested(EPOLLET, "edge", true);
	inside_others();
	errors();
	static const char *const kinds[KINDS] = { "tcp", "udp", "unix streams", "unix datagrams" };
	static const unsigned asked[] = { EPOLLIN, EPOLLOUT, EPOLLIN | EPOLLOUT, EPOLLRDHUP, EPOLLOUT | EPOLLRDHUP, EPOLLWRNORM, EPOLLRDNORM, 0 };
	for (int k = 0; k < KINDS; k++)
		for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) directions((enum kind)k, kinds[k], asked[i]);
	other_calls();
	return 0;
}
