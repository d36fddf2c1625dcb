/* Waiting with a time, or beside other things: recvmmsg's time-out, select's sets and times, odd polls, and files of every kind in one poll with sockets. */
#include "say.h"
#include <mqueue.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#define VECS 4

static char bufs[VECS][64];
static struct iovec iovs[VECS];
static struct mmsghdr vec[VECS];

static void vec_clear(void)
{
	memset(vec, 0, sizeof(vec));
	for (int i = 0; i < VECS; i++) {
		iovs[i] = (struct iovec){ bufs[i], sizeof(bufs[i]) };
		vec[i].msg_hdr.msg_iov = &iovs[i];
		vec[i].msg_hdr.msg_iovlen = 1;
	}
}

static void say_many(const char *name, int fd, int flags, long sec, long nsec)
{
	struct timespec t = { sec, nsec };

	vec_clear();
	say_rc(name, recvmmsg(fd, vec, VECS, flags, &t));
	say("left", "%s", t.tv_sec == sec && t.tv_nsec == nsec ? "as it was" : t.tv_sec == 0 && t.tv_nsec == 0 ? "none" : "less");
	say("lengths", "%u %u %u %u", vec[0].msg_len, vec[1].msg_len, vec[2].msg_len, vec[3].msg_len);
}

static void many_messages(int family)
{
	int u[2], fd[2];
	struct timeval limit = { 0, 30000 };

	say_about("%s recvmmsg", family_text(family));
	udp_pair(family, u);
	for (int i = 0; i < 7; i++)
		MUST(send(u[1], "message", (size_t)i, 0));
	wait_for(u[0], POLLIN);
	say_many("negative time", u[0], 0, -1, 0);
	say_many("bad time", u[0], 0, 0, 1000000000);
	say_many("no time", u[0], 0, 0, 0);
	say_many("all at once", u[0], 0, 10, 0);
	say_many("the rest, one waited for", u[0], MSG_WAITFORONE, 10, 0);
	say_many("nothing", u[0], MSG_DONTWAIT, 10, 0);
	vec_clear();
	say_rc("bad pointer", recvmmsg(u[0], vec, VECS, MSG_DONTWAIT, (void *)8));
	say_rc("none", recvmmsg(u[0], vec, 0, MSG_DONTWAIT, NULL));
	MUST(setsockopt(u[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	say_many("the socket's own limit", u[0], 0, 10, 0);
	MUST(send(u[1], "one", 3, 0));
	say_many("one, then the limit", u[0], 0, 0, 20000000);
	say_rc("bad vector", recvmmsg(u[0], (void *)8, VECS, MSG_DONTWAIT, NULL));
	close(u[0]);
	close(u[1]);

	say_about("%s recvmmsg of a stream", family_text(family));
	tcp_pair(family, fd);
	MUST(send(fd[1], "octets", 6, 0));
	wait_for(fd[0], POLLIN);
	iovs[0].iov_len = 2;
	vec_clear();
	iovs[0].iov_len = iovs[1].iov_len = 2;
	say_rc("pieces", recvmmsg(fd[0], vec, 2, 0, NULL));
	say_many("the rest", fd[0], MSG_WAITFORONE, 0, 500000000);
	MUST(shutdown(fd[1], SHUT_WR));
	wait_for(fd[0], POLLRDHUP);
	say_many("end", fd[0], MSG_WAITFORONE, 10, 0);
	close(fd[0]);
	close(fd[1]);
}

/* ---- select ---- */

#define BIG 6000
typedef struct { unsigned long words[BIG / 64 + 1]; } big_set;

static void big_on(big_set *s, int fd) { s->words[fd / 64] |= 1ul << fd % 64; }
static int big_is(const big_set *s, int fd) { return s->words[fd / 64] >> fd % 64 & 1; }

static void beyond_fd_setsize(void)
{
	struct rlimit limit;
	int fd[2], high[2];
	big_set r = { 0 }, w = { 0 };
	struct timeval zero = { 0, 0 };

	say_about("select beyond FD_SETSIZE");
	MUST(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max < BIG ? limit.rlim_max : BIG;
	MUST(setrlimit(RLIMIT_NOFILE, &limit));
	tcp_pair(AF_INET, fd);
	high[0] = fcntl(fd[0], F_DUPFD, 2000);
	high[1] = fcntl(fd[1], F_DUPFD, 3000);
	if (high[0] < 0 || high[1] < 0)
		return;
	big_on(&r, high[0]);
	big_on(&r, fd[1]);
	big_on(&w, high[1]);
	big_on(&w, 1);
	MUST(send(fd[1], "x", 1, 0));
	wait_for(fd[0], POLLIN);
	say_rc("select", syscall(SYS_select, 3001, &r, &w, NULL, &zero));
	say("sets", "%d %d %d", big_is(&r, high[0]), big_is(&r, fd[1]), big_is(&w, high[1]));
	big_on(&r, fd[1]);
	say_rc("select, libc's", select(2001, (fd_set *)&r, NULL, NULL, NULL));
	say("sets", "%d %d", big_is(&r, high[0]), big_is(&r, fd[1]));
	close(high[0]);
	close(high[1]);
	close(fd[0]);
	close(fd[1]);
}

static void handler(int sig) { (void)sig; }

static void times(void)
{
	int fd[2];
	fd_set r;
	struct timeval t = { 10, 0 }, over = { 0, 1500000 }, bad = { 0, -1 }, neg = { -1, 0 };
	struct timespec ts = { 10, 0 };
	struct sigaction sa = { .sa_handler = handler };
	struct itimerspec soon = { .it_value.tv_nsec = 20000000 };
	struct sigevent se = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct pollfd p;
	timer_t timer;

	say_about("times");
	tcp_pair(AF_INET, fd);
	MUST(sigaction(SIGUSR1, &sa, NULL));
	MUST(timer_create(CLOCK_MONOTONIC, &se, &timer));
	FD_ZERO(&r);
	FD_SET(fd[0], &r);
	MUST(timer_settime(timer, 0, &soon, NULL));
	say_rc("interrupted", select(fd[0] + 1, &r, NULL, NULL, &t));
	say("time left", "%d", t.tv_sec == 9);
	say("the set", "%d", FD_ISSET(fd[0], &r) != 0);
	MUST(timer_settime(timer, 0, &soon, NULL));
	say_rc("pselect", pselect(fd[0] + 1, &r, NULL, NULL, &ts, NULL));
	say("time", "%d", ts.tv_sec == 10);
	MUST(timer_settime(timer, 0, &soon, NULL));
	say_rc("pselect6", syscall(SYS_pselect6, fd[0] + 1, &r, NULL, NULL, &ts, NULL));
	say("time left", "%d", ts.tv_sec == 9);
	p = (struct pollfd){ fd[0], POLLIN, 99 };
	MUST(timer_settime(timer, 0, &soon, NULL));
	say_rc("poll", poll(&p, 1, -7));
	say_bits("revents", p.revents);
	say_rc("negative", select(fd[0] + 1, &r, NULL, NULL, &neg));
	say_rc("bad", select(fd[0] + 1, &r, NULL, NULL, &bad));
	say_rc("bad pointer", syscall(SYS_select, fd[0] + 1, &r, NULL, NULL, (void *)8));
	say_rc("bad set", select(fd[0] + 1, (void *)8, NULL, NULL, &t));
	MUST(send(fd[1], "x", 1, 0));
	wait_for(fd[0], POLLIN);
	say_rc("many microseconds", select(fd[0] + 1, &r, NULL, NULL, &over));
	say("time left", "%ld", (long)over.tv_sec);
	ts = (struct timespec){ 1l << 60, 0 };
	say_rc("a long time", ppoll(&p, 1, &ts, NULL));
	ts = (struct timespec){ INT64_MAX, 999999999 };
	say_rc("the longest", ppoll(&p, 1, &ts, NULL));
	say_rc("pselect", pselect(fd[0] + 1, &r, NULL, NULL, &ts, NULL));
	timer_delete(timer);
	close(fd[0]);
	close(fd[1]);
}

/* ---- poll ---- */

static void odd_polls(void)
{
	int fd[2];
	struct rlimit limit, few;
	static struct pollfd p[300];

	say_about("odd polls");
	tcp_pair(AF_INET, fd);
	for (int i = 0; i < 300; i++)
		p[i] = (struct pollfd){ fd[i % 2], i % 3 ? POLLIN : POLLOUT, 77 };
	say_rc("the same again and again", poll(p, 300, 0));
	say("revents", "%d %d %d", p[0].revents, p[1].revents, p[299].revents);
	p[0] = (struct pollfd){ fd[0], 0, 77 };
	p[1] = (struct pollfd){ -fd[0], POLLIN, 77 };
	p[2] = (struct pollfd){ 5999, POLLIN, 77 };
	p[3] = (struct pollfd){ fd[0], POLLRDBAND | POLLWRBAND | POLLMSG | POLLRDHUP | POLLPRI, 77 };
	p[4] = (struct pollfd){ fd[0], POLLNVAL | POLLERR | POLLHUP, 77 };
	p[5] = (struct pollfd){ fd[1], POLLWRNORM | POLLRDNORM, 77 };
	say_rc("poll", poll(p, 6, 0));
	for (int i = 0; i < 6; i++)
		say_bits("revents", p[i].revents);
	MUST(getrlimit(RLIMIT_NOFILE, &limit));
	few = limit;
	few.rlim_cur = 100;
	MUST(setrlimit(RLIMIT_NOFILE, &few));
	say_rc("more than there may be", poll(p, 101, 0));
	say_rc("as many", poll(p, 100, 0) > 0);
	say_rc("ppoll of more", ppoll(p, 101, NULL, NULL));
	MUST(setrlimit(RLIMIT_NOFILE, &limit));
	say_rc("too many for an int", syscall(SYS_poll, p, 1ul << 33, 0));
	say_rc("none", poll(NULL, 0, 0));
	say_rc("bad pointer", poll((void *)8, 1, 0));
	close(fd[0]);
	close(fd[1]);
}

/* ---- files of every kind ---- */

static void kinds(void)
{
	int fd[2], ev = MUST(eventfd(0, 0)), timer = MUST(timerfd_create(CLOCK_MONOTONIC, 0)), in = MUST(inotify_init()), set = MUST(epoll_create1(0));
	int pid_fd = (int)syscall(SYS_pidfd_open, getpid(), 0), null = MUST(open("/dev/null", O_RDWR)), file = MUST(open("/etc/passwd", O_RDONLY)), sig;
	char name[32];
	sigset_t mask;
	struct itimerspec soon = { .it_value.tv_nsec = 1 };
	struct mq_attr attr = { .mq_maxmsg = 2, .mq_msgsize = 8 };

	say_about("all kinds");
	snprintf(name, sizeof(name), "/conform-%d", getpid());
	mqd_t mq = MUST(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr));
	mq_unlink(name);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	MUST(sigprocmask(SIG_BLOCK, &mask, NULL));
	sig = MUST(signalfd(-1, &mask, 0));
	tcp_pair(AF_INET, fd);
	struct pollfd p[] = { { fd[0], POLLIN, 0 }, { ev, SAY_POLL_ALL, 0 }, { timer, POLLIN, 0 }, { in, POLLIN, 0 }, { set, POLLIN, 0 }, { pid_fd, POLLIN, 0 },
			      { null, SAY_POLL_ALL, 0 }, { file, SAY_POLL_ALL, 0 }, { mq, SAY_POLL_ALL, 0 }, { sig, POLLIN, 0 },
			      { fd[1], POLLIN | POLLOUT, 0 } };
	enum { KINDS = sizeof(p) / sizeof(p[0]) };
	struct epoll_event e = { .events = EPOLLIN };
	MUST(epoll_ctl(set, EPOLL_CTL_ADD, ev, &e));
	MUST(epoll_ctl(set, EPOLL_CTL_ADD, fd[0], &e));
	say_rc("poll", poll(p, KINDS, 0));
	for (int i = 0; i < KINDS; i++)
		say_bits("revents", p[i].revents);
	MUST(eventfd_write(ev, 1));
	MUST(timerfd_settime(timer, 0, &soon, NULL));
	wait_for(timer, POLLIN);
	MUST(mq_send(mq, "x", 1, 0));
	MUST(kill(getpid(), SIGUSR2));
	MUST(send(fd[1], "x", 1, 0));
	say_rc("poll, ready", poll(p, KINDS, -1));
	for (int i = 0; i < KINDS; i++)
		say_bits("revents", p[i].revents);
	for (int i = 0; i < KINDS; i++)
		close(p[i].fd);
}

/* select for exceptional news of a socket that has only hung up goes on waiting. */
static void hung_up(void)
{
	struct linger hard = { 1, 0 };
	struct timeval t = { 0, 50000 };
	int fd[2], p[2];
	fd_set ex;

	say_about("select beside a hang-up");
	tcp_pair(AF_INET, fd);
	MUST(pipe(p));
	MUST(setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)));
	close(fd[1]);
	close(p[1]);
	wait_for(fd[0], POLLHUP);
	FD_ZERO(&ex);
	FD_SET(fd[0], &ex);
	FD_SET(p[0], &ex);
	long begun = now_ms();
	say_rc("rc", select(FD_SETSIZE, NULL, NULL, &ex, &t));
	say("waited", "%s", now_ms() - begun >= 50 ? "yes" : "no");
	say("set", "%d %d", FD_ISSET(fd[0], &ex), FD_ISSET(p[0], &ex));
	close(fd[0]);
	close(p[0]);
}

/* RLIMIT_NOFILE, which bounds what a poll takes, and no select or epoll_wait. */
static void few_numbers(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int u = bound(AF_INET, SOCK_DGRAM), e = MUST(epoll_create1(0)), p[2];
	struct timeval t = { 0, 20000 };
	struct rlimit was, few;
	fd_set in;

	say_about("a limit of no descriptors");
	MUST(pipe(p));
	MUST(epoll_ctl(e, EPOLL_CTL_ADD, u, &ev));
	MUST(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev));
	MUST(getrlimit(RLIMIT_NOFILE, &was));
	few = (struct rlimit){ 0, was.rlim_max };
	MUST(setrlimit(RLIMIT_NOFILE, &few));
	FD_ZERO(&in);
	FD_SET(u, &in);
	FD_SET(p[0], &in);
	say_rc("select", select(FD_SETSIZE, &in, NULL, NULL, &t));
	say_rc("epoll_wait", epoll_wait(e, &ev, 1, 20));
	MUST(write(p[1], "x", 1));
	say_rc("epoll_wait, ready", epoll_wait(e, &ev, 1, -1));
	MUST(setrlimit(RLIMIT_NOFILE, &was));
	close(u);
	close(e);
	close(p[0]);
	close(p[1]);
}

/* A connect that waits, and another process that shuts the socket. */
static void shut_while_connecting(void)
{
	int l = listening(AF_INET, 0), s, first = connected_to(AF_INET, SOCK_STREAM, port_of(l)), more[3];
	union name n = name_lo(AF_INET, port_of(l));

	say_about("connect");
	for (int i = 0; i < 3; i++) {
		more[i] = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
		connect(more[i], &n.sa, sizeof(n.in));
	}
	s = MUST(socket(AF_INET, SOCK_STREAM, 0));
	if (fork() == 0) {
		poll(NULL, 0, 200);
		shutdown(s, SHUT_RDWR);
		_exit(0);
	}
	say_rc("shut meanwhile", connect(s, &n.sa, sizeof(n.in)));
	wait(NULL);
	for (int i = 0; i < 3; i++)
		close(more[i]);
	close(first);
	close(s);
	close(l);
}

int main(void)
{
	say_start();
	many_messages(AF_INET);
	many_messages(AF_INET6);
	beyond_fd_setsize();
	times();
	odd_polls();
	kinds();
	hung_up();
	few_numbers();
	shut_while_connecting();
	return 0;
}
