/*
 * A listener whose program has closed connections and has found that no other waits: what sockland then accepts before it is asked for. Each part begins
 * with such a listener, and what comes next still waits, for whoever asks: it counts, is shown, comes in its turn, goes to another when the first
 * asker stands still or dies, and is reset with the listener.
 */
#include "unix.h"
#include <pthread.h>
#include <sys/resource.h>

static int domain;
static char buf[64];

static const char *text(void) { return domain == AF_UNIX ? "unix" : family_text(domain); }

/* ---- listeners and callers ---- */

static socklen_t place_of(int l, union name *n)
{
	socklen_t len = sizeof n->ss;

	MUST(getsockname(l, &n->sa, &len));
	return len;
}

static int dial_with(int l, int flags)
{
	union name n;
	socklen_t len = place_of(l, &n);
	int fd = MUST(socket(domain, SOCK_STREAM | flags, 0));

	if (connect(fd, &n.sa, len) < 0 && errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

static int dial(int l) { return MUST(dial_with(l, 0)); }

static void once(int l)
{
	int c = dial(l), a = MUST(accept(l, NULL, NULL));

	close(a), close(c);
}

/* Non-blocking, and it stands as the head of this file says. */
static int standing(int backlog)
{
	union name n = { .sa.sa_family = AF_UNIX };
	int l = MUST(socket(domain, SOCK_STREAM, 0));
	socklen_t len = sizeof(sa_family_t);

	if (domain != AF_UNIX)
		n = name_lo(domain, 0), len = name_len(domain);
	MUST(bind(l, &n.sa, len));
	MUST(listen(l, backlog));
	for (int i = 0; i < 3; i++)
		once(l);
	set_nonblocking(l);
	say_rc("nobody waits", accept(l, NULL, NULL));
	return l;
}

static void say_data(const char *what, int fd)
{
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);

	if (n < 0)
		say(what, "%s", say_errno(errno));
	else
		say(what, "%.*s", (int)n, buf);
}

static void say_next(const char *what, int l)
{
	int a = accept(l, NULL, NULL);

	if (a < 0) {
		say(what, "%s", say_errno(errno));
		return;
	}
	say_data(what, a);
	close(a);
}

/* ---- one process ---- */

static void plain(void)
{
	int l, c[3], a;
	union name n;
	socklen_t len;

	say_about("%s plain", text());
	l = standing(5);
	for (int round = 0; round < 2; round++) {
		c[0] = dial(l);
		say_poll("poll with one", l);
		len = sizeof n.ss;
		a = MUST(accept(l, &n.sa, &len));
		say("who calls", "family %d len %u", n.sa.sa_family, len);
		say_poll("poll with none", l);
		say_rc("one more", accept(l, NULL, NULL));
		MUST(send(c[0], "there", 5, 0));
		say_data("recv", a);
		MUST(send(a, "back", 4, 0));
		say_data("recv at the caller", c[0]);
		say("flags", "%#x %#x", fcntl(a, F_GETFL), fcntl(a, F_GETFD));
		close(a);
		say_data("end", c[0]);
		close(c[0]);
	}
	for (int i = 0; i < 3; i++) {
		c[i] = dial(l);
		MUST(send(c[i], &"abc"[i], 1, 0));
	}
	for (int i = 0; i < 4; i++)
		say_next("in turn", l);
	for (int i = 0; i < 3; i++)
		close(c[i]);
	c[0] = dial(l);
	a = MUST(accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
	say("flags asked for", "%#x %#x", fcntl(a, F_GETFL), fcntl(a, F_GETFD));
	close(a), close(c[0]);
	c[0] = dial(l);
	say_rc("a bad place for the name", accept(l, (struct sockaddr *)8, &len));
	say_data("recv then", c[0]);
	close(c[0]), close(l);
}

static void backlog(void)
{
	int l, c[8], n;

	for (int most = 0; most < 3; most++) {
		say_about("%s backlog %d", text(), most);
		l = standing(most);
		for (int round = 0; round < 2; round++) {
			for (n = 0; n < 6; n++) {
				c[n] = dial_with(l, SOCK_NONBLOCK);
				struct pollfd p = { .fd = c[n], .events = POLLOUT };
				if (c[n] < 0 || poll(&p, 1, 0) != 1)
					break;
			}
			say("fit", "%d", n);
			if (domain != AF_UNIX) {
				struct tcp_info info;
				socklen_t len = sizeof(info);
				MUST(getsockopt(l, IPPROTO_TCP, TCP_INFO, &info, &len));
				say("wait", "%u of %u", info.tcpi_unacked, info.tcpi_sacked);
			}
			for (int i = 0; i <= n; i++)
				if (c[i] >= 0)
					close(c[i]);
			for (int i = 0, a; i <= n; i++) {
				a = accept(l, NULL, NULL);
				say("accept", "%s", a < 0 ? say_errno(errno) : "fd");
				if (a >= 0)
					close(a);
			}
		}
		close(l);
	}
}

/* With one that waits. */
static void over(void)
{
	int l, c, d;
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	say_about("%s over", text());
	l = standing(5);
	c = dial(l);
	MUST(send(c, "x", 1, 0));
	close(l);
	say_data("recv after close", c);
	close(c);
	l = standing(5);
	c = dial(l), d = dial(l);
	say_rc("shutdown", shutdown(l, SHUT_RD));
	say_rc("accept", accept(l, NULL, NULL) < 0 ? -1 : 0);
	if (domain != AF_UNIX) {
		say_data("recv after shutdown", c);
		say_data("recv after shutdown", d);
	}
	close(l), close(c), close(d);
	l = standing(5);
	c = dial(l), d = dup(l);
	close(l);
	MUST(send(c, "dup", 3, 0));
	say_next("by a duplicate", d);
	close(c), close(d);
	if (domain == AF_UNIX)
		return;
	l = standing(5);
	c = dial(l);
	say_rc("connect to nobody", connect(l, &none, sizeof none));
	say_rc("accept", accept(l, NULL, NULL));
	say_data("recv then", c);
	close(c);
	say_rc("listen again", listen(l, 5));
	say_rc("accept again", accept(l, NULL, NULL));
	c = dial(l);
	say_poll("poll again", l);
	close(c), close(l);
}

static void numbers(void)
{
	struct rlimit was, less;
	int l, c, lowest, a;

	say_about("%s numbers", text());
	l = standing(5);
	c = dial(l);
	lowest = MUST(dup(l));
	close(lowest);
	MUST(getrlimit(RLIMIT_NOFILE, &was));
	less = was;
	less.rlim_cur = (rlim_t)lowest;
	MUST(setrlimit(RLIMIT_NOFILE, &less));
	say_rc("none is left", accept(l, NULL, NULL));
	say_poll("it waits", l);
	MUST(setrlimit(RLIMIT_NOFILE, &was));
	a = accept(l, NULL, NULL);
	say("then", "%s", a == lowest ? "the lowest" : a < 0 ? say_errno(errno) : "another");
	close(a), close(c), close(l);
}

static void edges(void)
{
	int l, e = MUST(epoll_create1(0)), c;
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };

	say_about("%s edges", text());
	l = standing(5);
	MUST(epoll_ctl(e, EPOLL_CTL_ADD, l, &ev));
	for (int i = 0; i < 3; i++) {
		say_rc("before", epoll_wait(e, &ev, 1, 0));
		c = dial(l);
		say_rc("with one", epoll_wait(e, &ev, 1, 0));
		say_rc("the same", epoll_wait(e, &ev, 1, 0));
		close(MUST(accept(l, NULL, NULL)));
		close(c);
		say_rc("none", accept(l, NULL, NULL));
	}
	close(e), close(l);
}

/* ---- threads ---- */

static void *accept_one(void *l)
{
	int a = accept(*(int *)l, NULL, NULL);

	if (a >= 0)
		close(a);
	return a >= 0 ? l : NULL;
}

static void threads(void)
{
	int l, c[4], got = 0;
	pthread_t t[4];

	say_about("%s threads", text());
	l = standing(5);
	MUST(fcntl(l, F_SETFL, 0));
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, accept_one, &l);
	for (int i = 0; i < 4; i++)
		c[i] = dial(l);
	for (int i = 0; i < 4; i++) {
		void *r;
		pthread_join(t[i], &r);
		got += r != NULL;
		close(c[i]);
	}
	say("accepted", "%d", got);
	close(l);
}

static void *dial_one(void *l)
{
	int c = dial_with(*(int *)l, 0);

	if (c >= 0)
		close(c);
	return c >= 0 ? l : NULL;
}

/* Who waits for room in the queue has it when one is accepted. */
static void room(void)
{
	int l, c[8], n = 0;
	pthread_t t;
	void *r;

	if (domain != AF_UNIX)
		return;
	for (int most = 0; most < 3; most++) {
		say_about("%s room %d", text(), most);
		l = standing(most);
		for (n = 0; n < 8 && (c[n] = dial_with(l, SOCK_NONBLOCK)) >= 0; n++)
			;
		pthread_create(&t, NULL, dial_one, &l);
		say_next("accept", (close(c[0]), l));
		pthread_join(t, &r);
		say("connected", "%d", r != NULL);
		for (int i = 1; i < n; i++)
			close(c[i]);
		close(l);
	}
}

/* ---- processes ---- */

/* A child that waits in accept with a listener that stands; it says so by a byte when it has begun, and answers what it accepts. */
static pid_t waiter(int l)
{
	int ready[2];
	pid_t pid;

	MUST(pipe(ready));
	pid = MUST(fork());
	if (pid == 0) {
		MUST(fcntl(l, F_SETFL, 0));
		for (int i = 0; i < 3; i++)
			once(l);
		MUST(write(ready[1], "", 1));
		for (int a; (a = accept(l, NULL, NULL)) >= 0; close(a))
			MUST(send(a, "child", 5, 0));
		_exit(1);
	}
	MUST(read(ready[0], buf, 1));
	close2(ready);
	return pid;
}

static void gone(pid_t pid, int l)
{
	int status;

	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	say("child", "%s", WIFSIGNALED(status) ? "killed" : "ended");
	set_nonblocking(l);
}

static void forked(void)
{
	int l, c, a, status;
	pid_t pid;

	say_about("%s forked", text());
	l = standing(5);
	pid = MUST(fork());
	if (pid == 0) {
		c = dial(l);
		a = accept(l, NULL, NULL);
		_exit(a >= 0 && send(a, "ok", 2, 0) == 2 && recv(c, buf, 2, 0) == 2 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	say("a child accepts what the parent stands for", "%d", status);
	say_rc("nothing is left", accept(l, NULL, NULL));
	c = dial(l);
	a = MUST(accept(l, NULL, NULL));
	MUST(send(a, "parent", 6, 0));
	say_data("again", c);
	close(a), close(c);
	pid = waiter(l);
	for (int i = 0; i < 3; i++) {
		c = dial(l);
		say_data("the child answers", c);
		close(c);
	}
	gone(pid, l);
	say_rc("nothing is left", accept(l, NULL, NULL));
	close(l);
}

/* By the time it stands still it waits in accept, or nearly. */
static void stopped(bool killed)
{
	int l, c, a, status;
	pid_t pid;

	say_about("%s %s", text(), killed ? "killed" : "stopped");
	l = standing(5);
	pid = waiter(l);
	set_nonblocking(l);                    /* also for the child's next call, which does not come */
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	c = dial(l);
	MUST(send(c, "hello", 5, 0));
	say_poll("it waits", l);
	if (killed)
		gone(pid, l);
	say_poll("it waits still", l);
	a = MUST(accept(l, NULL, NULL));
	say_data("recv", a);
	MUST(send(a, "parent", 6, 0));
	say_data("recv at the caller", c);
	say_rc("nothing is left", accept(l, NULL, NULL));
	close(a);
	say_data("end", c);
	close(c);
	if (!killed)
		gone(pid, l);
	close(l);
}

/* What only the dead one could have accepted is reset. */
static void killed_alone(void)
{
	int l, c, status;
	pid_t pid;

	say_about("%s killed alone", text());
	l = standing(5);
	pid = waiter(l);
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	c = dial(l);
	close(l);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	say_data("recv", c);
	close(c);
}

int main(void)
{
	static const int domains[] = { AF_INET, AF_INET6, AF_UNIX };

	unix_start();
	for (int i = 0; i < 3; i++) {
		domain = domains[i];
		plain();
		backlog();
		over();
		numbers();
		edges();
		threads();
		room();
		forked();
		stopped(false);
		stopped(true);
		killed_alone();
	}
	unix_end();
	return 0;
}
