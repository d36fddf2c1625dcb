/* Readiness: what poll, select and epoll say of one socket in every state; and epoll's own rules with sockets in it. */
#include "say_epoll.h"
#include <sys/eventfd.h>
#include <sys/timerfd.h>

static char buf[1 << 20];

static void say_select(int fd)
{
	fd_set r, w, x;
	struct timeval zero = { 0, 0 };

	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&x);
	FD_SET(fd, &r);
	FD_SET(fd, &w);
	FD_SET(fd, &x);
	int n = select(fd + 1, &r, &w, &x, &zero);
	if (n < 0)
		say("select", "%s", say_errno(errno));
	else
		say("select", "%d%s%s%s", n, FD_ISSET(fd, &r) ? " r" : "", FD_ISSET(fd, &w) ? " w" : "", FD_ISSET(fd, &x) ? " x" : "");
}

static void say_epoll(const char *name, int fd, unsigned events)
{
	int e = MUST(epoll_create1(0));
	struct epoll_event ev = { .events = events };

	if (epoll_ctl(e, EPOLL_CTL_ADD, fd, &ev) < 0) {
		say(name, "%s", say_errno(errno));
	} else {
		ev.events = 0;
		int n = epoll_wait(e, &ev, 1, 0);
		say_bits(name, n == 1 ? (int)ev.events : 0);
	}
	close(e);
}

static void say_ready(int fd)
{
	struct pollfd none = { .fd = fd, .events = 0 }, in = { .fd = fd, .events = POLLIN };

	say_poll("poll", fd);
	poll(&none, 1, 0);
	say_bits("poll for nothing", none.revents);
	poll(&in, 1, 0);
	say_bits("poll IN", in.revents);
	say_select(fd);
	say_epoll("epoll", fd, SAY_POLL_ALL);
	say_epoll("epoll edge", fd, SAY_POLL_ALL | EPOLLET);
	say_epoll("epoll for nothing", fd, 0);
}

static void before_streams_are_open(int family)
{
	const char *f = family_text(family);
	int l, c;

	say_about("%s tcp fresh", f);
	c = MUST(socket(family, SOCK_STREAM, 0));
	say_ready(c);
	close(c);
	say_about("%s tcp bound", f);
	l = bound(family, SOCK_STREAM);
	say_ready(l);
	say_about("%s tcp listening", f);
	MUST(listen(l, 1));
	say_ready(l);
	say_about("%s tcp listening, one waits", f);
	c = connected_to(family, SOCK_STREAM, port_of(l));
	say_ready(l);
	say_about("%s tcp connected, not accepted", f);
	say_ready(c);
	close(c);
	close(l);
}

static void open_streams(int family)
{
	const char *f = family_text(family);
	int fd[2], on = 1;

	say_about("%s tcp established", f);
	tcp_pair(family, fd);
	say_ready(fd[0]);
	say_about("%s tcp with data", f);
	MUST(send(fd[1], "x", 1, 0));
	wait_for(fd[0], POLLIN);
	say_ready(fd[0]);
	say_about("%s tcp full", f);
	while (send(fd[0], buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	say_ready(fd[0]);
	close(fd[0]);
	close(fd[1]);
	say_about("%s tcp keepalive set", f);
	tcp_pair(family, fd);
	setsockopt(fd[0], SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	say_ready(fd[0]);
	close(fd[0]);
	close(fd[1]);
}

static void closing_streams(int family)
{
	const char *f = family_text(family);
	int fd[2];

	say_about("%s tcp peer shut WR", f);
	tcp_pair(family, fd);
	shutdown(fd[1], SHUT_WR);
	wait_for(fd[0], POLLRDHUP);
	say_ready(fd[0]);
	say_about("%s tcp shut WR", f);
	wait_for(fd[0], POLLRDHUP);
	say_ready(fd[1]);
	say_about("%s tcp both shut WR", f);
	shutdown(fd[0], SHUT_WR);
	wait_for(fd[1], POLLHUP);
	say_ready(fd[0]);
	close(fd[0]);
	close(fd[1]);
	say_about("%s tcp shut RD", f);
	tcp_pair(family, fd);
	shutdown(fd[0], SHUT_RD);
	say_ready(fd[0]);
	close(fd[0]);
	close(fd[1]);
}

static void streams_with_errors(int family)
{
	const char *f = family_text(family);
	struct linger linger = { 1, 0 };
	union name n;
	int fd[2], c;

	say_about("%s tcp reset", f);
	tcp_pair(family, fd);
	setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd[1]);
	wait_for(fd[0], POLLHUP);
	say_ready(fd[0]);
	close(fd[0]);
	say_about("%s tcp refused", f);
	n = name_lo(family, port_closed(family, SOCK_STREAM));
	c = MUST(socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0));
	connect(c, &n.sa, name_len(family));
	wait_for(c, POLLOUT);
	say_ready(c);
	close(c);
}

static void datagram_states(int family)
{
	const char *f = family_text(family);
	int fd[2], c;

	say_about("%s udp fresh", f);
	c = MUST(socket(family, SOCK_DGRAM, 0));
	say_ready(c);
	close(c);
	udp_pair(family, fd);
	say_about("%s udp connected", f);
	say_ready(fd[0]);
	say_about("%s udp with data", f);
	MUST(send(fd[1], "x", 1, 0));
	say_ready(fd[0]);
	say_about("%s udp refused", f);
	MUST(recv(fd[0], buf, 10, 0));
	close(fd[1]);
	MUST(send(fd[0], "x", 1, 0));
	say_ready(fd[0]);
	close(fd[0]);
}

static void epoll_modes(int family)
{
	int fd[2], e = MUST(epoll_create1(0));

	say_about("%s epoll level", family_text(family));
	tcp_pair(family, fd);
	say_rc("add", ctl(e, EPOLL_CTL_ADD, fd[0], EPOLLIN, 1));
	say_wait("empty", e);
	send_one(fd[1]);
	say_wait("data", e);
	say_wait("still", e);
	MUST(recv(fd[0], buf, 10, 0));
	say_wait("read", e);
	say_rc("mod", ctl(e, EPOLL_CTL_MOD, fd[0], EPOLLIN | EPOLLOUT, 2));
	say_wait("writable", e);
	say_about("%s epoll edge", family_text(family));
	say_rc("mod", ctl(e, EPOLL_CTL_MOD, fd[0], EPOLLIN | EPOLLET, 3));
	say_wait("nothing", e);
	send_one(fd[1]);
	say_wait("first", e);
	say_wait("not again", e);
	send_one(fd[1]);
	say_wait("more data", e);
	say_wait("not again", e);
	say_rc("mod arms", ctl(e, EPOLL_CTL_MOD, fd[0], EPOLLIN | EPOLLET, 3));
	say_wait("after mod", e);
	MUST(recv(fd[0], buf, 1, 0));
	say_wait("partly read", e);
	MUST(recv(fd[0], buf, 10, 0));
	send_one(fd[1]);
	say_wait("new", e);
	shutdown(fd[1], SHUT_WR);
	wait_for(fd[0], POLLRDHUP);
	say_wait("fin", e);
	say_wait("not again", e);
	say_about("%s epoll oneshot", family_text(family));
	say_rc("mod", ctl(e, EPOLL_CTL_MOD, fd[0], EPOLLIN | EPOLLONESHOT, 4));
	say_wait("once", e);
	say_wait("no more", e);
	say_rc("rearm", ctl(e, EPOLL_CTL_MOD, fd[0], EPOLLIN | EPOLLONESHOT, 5));
	say_wait("again", e);
	say_rc("del", ctl(e, EPOLL_CTL_DEL, fd[0], 0, 0));
	say_wait("deleted", e);
	close(fd[0]);
	close(fd[1]);
	close(e);
}

static void epoll_rules(void)
{
	int fd[2], e = MUST(epoll_create1(0)), e2 = MUST(epoll_create1(0)), file = MUST(open("/proc/self/exe", O_RDONLY)), d, pipes[2];
	struct epoll_event ev;

	say_about("epoll rules");
	tcp_pair(AF_INET, fd);
	MUST(pipe(pipes));
	say_rc("add", ctl(e, EPOLL_CTL_ADD, fd[0], EPOLLIN, 1));
	say_rc("add again", ctl(e, EPOLL_CTL_ADD, fd[0], EPOLLIN, 1));
	say_rc("mod unknown", ctl(e, EPOLL_CTL_MOD, fd[1], EPOLLIN, 1));
	say_rc("del unknown", ctl(e, EPOLL_CTL_DEL, fd[1], EPOLLIN, 1));
	say_rc("add file", ctl(e, EPOLL_CTL_ADD, file, EPOLLIN, 1));
	say_rc("add closed", ctl(e, EPOLL_CTL_ADD, 999, EPOLLIN, 1));
	say_rc("add itself", ctl(e, EPOLL_CTL_ADD, e, EPOLLIN, 1));
	say_rc("ctl on a socket", ctl(fd[0], EPOLL_CTL_ADD, fd[1], EPOLLIN, 1));
	say_rc("wait on a socket", epoll_wait(fd[0], &ev, 1, 0));
	say_rc("wait for 0", epoll_wait(e, &ev, 0, 0));
	say_rc("wait bad pointer", epoll_wait(e, (void *)8, 1, 0));
	say_rc("unknown op", ctl(e, 77, fd[1], EPOLLIN, 1));
	say_rc("add NULL", epoll_ctl(e, EPOLL_CTL_ADD, fd[1], NULL));
	say_rc("del NULL", epoll_ctl(e, EPOLL_CTL_DEL, fd[0], NULL));
	say_rc("exclusive", ctl(e, EPOLL_CTL_ADD, fd[0], EPOLLIN | EPOLLEXCLUSIVE, 1));
	say_rc("exclusive mod", ctl(e, EPOLL_CTL_MOD, fd[0], EPOLLIN, 1));
	say_rc("exclusive oneshot", ctl(e, EPOLL_CTL_ADD, fd[1], EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, 1));
	say_rc("create 0", epoll_create(0));
	say_rc("create flags", epoll_create1(1));
	MUST(epoll_ctl(e, EPOLL_CTL_DEL, fd[0], NULL));

	say_about("epoll duplicates");
	d = MUST(dup(fd[0]));
	say_rc("add", ctl(e, EPOLL_CTL_ADD, fd[0], EPOLLIN, 1));
	say_rc("add dup", ctl(e, EPOLL_CTL_ADD, d, EPOLLIN, 2));
	send_one(fd[1]);
	say_wait("both", e);
	close(d);
	say_wait("one closed, file open", e);
	close(fd[0]);
	say_wait("all closed", e);
	say_rc("del closed", ctl(e, EPOLL_CTL_DEL, fd[0], 0, 0));
	close(fd[1]);

	say_about("epoll mixed and nested");
	tcp_pair(AF_INET6, fd);
	int ev_fd = MUST(eventfd(0, 0)), timer = MUST(timerfd_create(CLOCK_MONOTONIC, 0));
	struct itimerspec soon = { .it_value.tv_nsec = 1 };
	say_rc("add pipe", ctl(e, EPOLL_CTL_ADD, pipes[0], EPOLLIN, 1));
	say_rc("add socket", ctl(e, EPOLL_CTL_ADD, fd[0], EPOLLIN, 2));
	say_rc("add eventfd", ctl(e, EPOLL_CTL_ADD, ev_fd, EPOLLIN, 3));
	say_rc("add timer", ctl(e, EPOLL_CTL_ADD, timer, EPOLLIN, 4));
	say_rc("nest", ctl(e2, EPOLL_CTL_ADD, e, EPOLLIN, 9));
	say_rc("nest the other way", ctl(e, EPOLL_CTL_ADD, e2, EPOLLIN, 9));
	say_wait("none", e);
	say_wait("outer none", e2);
	say_poll("poll of epoll, none", e);
	send_one(fd[1]);
	say_wait("outer, socket", e2);
	say_poll("poll of epoll", e);
	MUST(write(pipes[1], "x", 1));
	say_wait("pipe too", e);
	MUST(eventfd_write(ev_fd, 1));
	MUST(timerfd_settime(timer, 0, &soon, NULL));
	wait_for(timer, POLLIN);
	say_wait("all", e);
	say_wait("outer", e2);
	MUST(recv(fd[0], buf, 1, 0));
	say_wait("socket read", e);
	say_rc("maxevents 1", epoll_wait(e, &ev, 1, 0));
	int all[] = { fd[0], fd[1], e, e2, pipes[0], pipes[1], ev_fd, timer, file };
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		close(all[i]);
}

/* A member with news is taken out, and the set waits on for what is the kernel's. */
static void epoll_leftover(void)
{
	int fd[2], e = MUST(epoll_create1(0)), ev_fd = MUST(eventfd(0, 0));
	struct epoll_event ev;

	say_about("epoll, one with news is out");
	tcp_pair(AF_INET, fd);
	MUST(ctl(e, EPOLL_CTL_ADD, ev_fd, EPOLLIN, 1));
	MUST(ctl(e, EPOLL_CTL_ADD, fd[0], EPOLLIN, 2));
	send_one(fd[1]);
	MUST(epoll_ctl(e, EPOLL_CTL_DEL, fd[0], NULL));
	say_wait("nothing", e);
	MUST(eventfd_write(ev_fd, 1));
	say_rc("wait without end", epoll_wait(e, &ev, 1, -1));
	say("which", "%u", ev.data.u32);
	close(fd[0]);
	close(fd[1]);
	close(ev_fd);
	close(e);
}

static void mixed_poll(void)
{
	int fd[2], u[2], pipes[2];
	struct pollfd p[6];
	struct timespec zero = { 0, 0 };
	sigset_t none;

	say_about("poll mixed");
	tcp_pair(AF_INET, fd);
	udp_pair(AF_INET6, u);
	MUST(pipe(pipes));
	send_one(fd[1]);
	send_one(u[1]);
	MUST(write(pipes[1], "x", 1));
	p[0] = (struct pollfd){ .fd = fd[0], .events = POLLIN };
	p[1] = (struct pollfd){ .fd = -1, .events = POLLIN };
	p[2] = (struct pollfd){ .fd = 999, .events = POLLIN };
	p[3] = (struct pollfd){ .fd = u[0], .events = POLLIN | POLLOUT };
	p[4] = (struct pollfd){ .fd = pipes[0], .events = POLLIN };
	p[5] = (struct pollfd){ .fd = fd[0], .events = POLLOUT };
	say_rc("poll", poll(p, 6, -1));
	say("revents", "%x %x %x %x %x %x", p[0].revents, p[1].revents, p[2].revents, p[3].revents, p[4].revents, p[5].revents);
	sigemptyset(&none);
	say_rc("ppoll", ppoll(p, 6, &zero, &none));
	say_rc("poll 0", poll(p, 0, 0));
	say_rc("poll bad pointer", poll((void *)8, 1, 0));
	zero.tv_nsec = -1;
	say_rc("ppoll bad time", ppoll(p, 1, &zero, NULL));

	say_about("select mixed");
	fd_set r, w;
	struct timeval t = { 5, 0 };
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(fd[0], &r);
	FD_SET(fd[1], &r);
	FD_SET(u[0], &r);
	FD_SET(pipes[0], &r);
	FD_SET(fd[0], &w);
	say_rc("select", select(100, &r, &w, NULL, &t));
	say("sets", "%d %d %d %d %d", FD_ISSET(fd[0], &r), FD_ISSET(fd[1], &r), FD_ISSET(u[0], &r), FD_ISSET(pipes[0], &r), FD_ISSET(fd[0], &w));
	FD_SET(200, &r);
	say_rc("select closed", select(201, &r, NULL, NULL, &t));
	say_rc("select -1", select(-1, NULL, NULL, NULL, &t));
	t = (struct timeval){ 0, -1 };
	say_rc("select bad time", select(0, NULL, NULL, NULL, &t));
	t = (struct timeval){ 0, 20000 };
	FD_ZERO(&r);
	FD_SET(fd[1], &r);
	say_rc("select timeout", select(fd[1] + 1, &r, NULL, NULL, &t));
	say("time left", "%ld", (long)t.tv_usec);
	say("set cleared", "%d", FD_ISSET(fd[1], &r));
	long before = now_ms();
	p[0] = (struct pollfd){ .fd = fd[1], .events = POLLIN };
	say_rc("poll timeout", poll(p, 1, 30));
	say("waited", "%d", now_ms() - before >= 30);
	int all[] = { fd[0], fd[1], u[0], u[1], pipes[0], pipes[1] };
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		close(all[i]);
}

/* A peer that this process has closed is gone for the very next look, also for one that finds all that it asked for at once. */
static void closed_before(int family)
{
	int gone = 0, fd[2];

	say_about("%s closed before", family_text(family));
	for (int i = 0; i < 200; i++) {
		tcp_pair(family, fd);
		MUST(send(fd[0], "unread", 6, 0));
		close(fd[1]);
		struct pollfd p = { .fd = fd[0], .events = POLLOUT };
		gone += poll(&p, 1, 0) == 1 && p.revents == (POLLOUT | POLLERR | POLLHUP);
		close(fd[0]);
	}
	say("seen", "%d", gone);
}

int main(void)
{
	static const int families[] = { AF_INET, AF_INET6 };

	say_start();
	for (int i = 0; i < 2; i++) {
		before_streams_are_open(families[i]);
		open_streams(families[i]);
		closing_streams(families[i]);
		streams_with_errors(families[i]);
		datagram_states(families[i]);
		epoll_modes(families[i]);
		closed_before(families[i]);
	}
	epoll_rules();
	epoll_leftover();
	mixed_poll();
	return 0;
}
