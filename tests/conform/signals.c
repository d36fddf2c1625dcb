/* Signals and time limits: EINTR, SA_RESTART, SO_RCVTIMEO and SO_SNDTIMEO, masks of ppoll and pselect, SIGPIPE, socket calls in handlers. */
#include "say.h"
#include <pthread.h>
#include <setjmp.h>
#include <sys/syscall.h>
#include <sys/time.h>

static char buf[1 << 20];
static volatile sig_atomic_t caught;
static int handler_fd = -1;

static void on_alarm(int sig)
{
	(void)sig;
	caught++;
	if (handler_fd >= 0)
		write(handler_fd, "!", 1);
}

static void handle(int flags)
{
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = flags };

	sigaction(SIGUSR1, &sa, NULL);
}

/* SIGUSR1 to this thread every 20 ms until told to stop, so that no single one can be lost between check and sleep. */
static pthread_t target, nagger;
static volatile bool nagging;
static void *nag(void *unused)
{
	struct timespec t = { 0, 20000000 };

	while (nagging) {
		nanosleep(&t, NULL);
		pthread_kill(target, SIGUSR1);
	}
	return unused;
}

static void nag_start(void)
{
	target = pthread_self();
	nagging = true;
	pthread_create(&nagger, NULL, nag, NULL);
}

static void nag_stop(void)
{
	nagging = false;
	pthread_join(nagger, NULL);
}

enum call { RECV, READ, RECVMSG, RECVFROM_UDP, ACCEPT, SEND_FULL, WRITE_FULL, POLL, SELECT, EPOLL, PPOLL, CONNECT, CALLS };
static const char *const call_text[] = { "recv", "read", "recvmsg", "recvfrom udp", "accept", "send full", "write full", "poll", "select", "epoll_wait",
					 "ppoll", "connect" };

struct stand { int fd[2], u[2], l, full[2], e, busy, waiting, conn; };

static void stand_up(struct stand *s)
{
	struct epoll_event ev = { .events = EPOLLIN };

	tcp_pair(AF_INET, s->fd);
	udp_pair(AF_INET6, s->u);
	tcp_pair(AF_INET, s->full);
	while (send(s->full[0], buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	s->l = listening(AF_INET, 5);
	s->busy = listening(AF_INET, 0);
	s->waiting = connected_to(AF_INET, SOCK_STREAM, port_of(s->busy));
	s->conn = MUST(socket(AF_INET, SOCK_STREAM, 0));
	s->e = MUST(epoll_create1(0));
	MUST(epoll_ctl(s->e, EPOLL_CTL_ADD, s->fd[0], &ev));
}

static void stand_down(struct stand *s)
{
	int all[] = { s->fd[0], s->fd[1], s->u[0], s->u[1], s->full[0], s->full[1], s->l, s->busy, s->waiting, s->conn, s->e };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		close(all[i]);
}

/* A call that would wait for ever. */
static long blocks(enum call call, struct stand *s)
{
	struct iovec iov = { buf, 10 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct pollfd p = { .fd = s->fd[0], .events = POLLIN };
	struct epoll_event ev;
	struct timeval t = { 10, 0 };
	union name n = name_lo(AF_INET, port_of(s->busy));
	fd_set r;

	FD_ZERO(&r);
	FD_SET(s->fd[0], &r);
	switch (call) {
	case RECV: return recv(s->fd[0], buf, 10, 0);
	case READ: return read(s->fd[0], buf, 10);
	case RECVMSG: return recvmsg(s->fd[0], &m, 0);
	case RECVFROM_UDP: return recvfrom(s->u[0], buf, 10, 0, NULL, NULL);
	case ACCEPT: return accept(s->l, NULL, NULL);
	case SEND_FULL: return send(s->full[0], buf, 10, 0);
	case WRITE_FULL: return write(s->full[0], buf, 10);
	case POLL: return poll(&p, 1, 10000);
	case SELECT: return select(s->fd[0] + 1, &r, NULL, NULL, &t);
	case EPOLL: return epoll_wait(s->e, &ev, 1, 10000);
	case PPOLL: return ppoll(&p, 1, NULL, NULL);
	case CONNECT: return connect(s->conn, &n.sa, sizeof(n.in));
	default: return -2;
	}
}

static void interrupted(void)
{
	for (int c = 0; c < CALLS; c++) {
		struct stand s;

		stand_up(&s);
		handle(0);
		say_about("interrupted %s", call_text[c]);
		nag_start();
		say_rc("without SA_RESTART", blocks((enum call)c, &s));
		nag_stop();
		stand_down(&s);
	}
}

/* With SA_RESTART the call goes on until something comes, after a few signals; what cannot be restarted says EINTR at the first. */
static volatile bool begun;
static void *feeder(void *arg)
{
	struct stand *s = arg;
	struct timespec t = { 0, 1000000 };

	while (!begun)
		nanosleep(&t, NULL);
	for (int before = caught; nagging && caught < before + 4;)
		nanosleep(&t, NULL);
	send(s->fd[1], "fed", 3, 0);
	send(s->u[1], "fed", 3, 0);
	recv(s->full[1], buf, sizeof(buf), 0);
	for (int i = 0; i < 8 && recv(s->full[1], buf, sizeof(buf), MSG_DONTWAIT) > 0; i++)
		;
	return NULL;
}

static void restarted(void)
{
	static const enum call calls[] = { RECV, READ, RECVMSG, RECVFROM_UDP, SEND_FULL, WRITE_FULL, POLL, SELECT, EPOLL, PPOLL };

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		struct stand s;
		pthread_t t;

		stand_up(&s);
		handle(SA_RESTART);
		say_about("restarted %s", call_text[calls[i]]);
		begun = false;
		nag_start();
		pthread_create(&t, NULL, feeder, &s);
		begun = true;
		say_rc("with SA_RESTART", blocks(calls[i], &s));
		nag_stop();
		pthread_join(t, NULL);
		stand_down(&s);
	}
}

static void limited(void)
{
	static const enum call calls[] = { RECV, READ, RECVMSG, RECVFROM_UDP, ACCEPT, SEND_FULL, WRITE_FULL, CONNECT };
	struct timeval t = { 0, 60000 };

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		struct stand s;

		stand_up(&s);
		int all[] = { s.fd[0], s.u[0], s.l, s.full[0], s.conn };
		for (size_t k = 0; k < sizeof(all) / sizeof(*all); k++) {
			MUST(setsockopt(all[k], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)));
			MUST(setsockopt(all[k], SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)));
		}
		say_about("time limit %s", call_text[calls[i]]);
		long before = now_ms();
		say_rc("result", blocks(calls[i], &s));
		say("waited", "%d", now_ms() - before >= 55 && now_ms() - before < 1000);
		handle(SA_RESTART);
		t.tv_sec = 5;
		if (calls[i] == RECV) {
			MUST(setsockopt(s.fd[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)));
			nag_start();
			say_rc("with a limit SA_RESTART does not", blocks(calls[i], &s));
			nag_stop();
		}
		t.tv_sec = 0;
		stand_down(&s);
	}
}

/* The least limit is one, and so is a year: no handler has the call restarted. */
static void odd_limits(void)
{
	static const struct { const char *name; struct timeval t; } limits[] = {
		{ "a microsecond", { 0, 1 } }, { "less than a millisecond", { 0, 999 } }, { "less than nothing", { -1, 0 } }, { "a year", { 365 * 86400, 0 } },
	};
	int fd[2];

	say_about("odd time limits");
	tcp_pair(AF_INET, fd);
	handle(SA_RESTART);
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		bool is_long = limits[i].t.tv_sec > 0;

		MUST(setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &limits[i].t, sizeof(limits[i].t)));
		if (is_long) nag_start();
		say_rc(limits[i].name, recv(fd[0], buf, 10, 0));
		if (is_long) nag_stop();
	}
	close(fd[0]);
	close(fd[1]);
}

static void broken_pipe(void)
{
	int fd[2];
	struct sigaction sa = { .sa_handler = on_alarm };
	struct iovec iov = { buf, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	say_about("SIGPIPE");
	sigaction(SIGPIPE, &sa, NULL);
	tcp_pair(AF_INET, fd);
	shutdown(fd[0], SHUT_WR);
	caught = 0;
	say_rc("send", send(fd[0], "x", 1, 0));
	say("signals", "%d", caught);
	say_rc("send NOSIGNAL", send(fd[0], "x", 1, MSG_NOSIGNAL));
	say("signals", "%d", caught);
	say_rc("write", write(fd[0], "x", 1));
	say("signals", "%d", caught);
	say_rc("sendmsg", sendmsg(fd[0], &m, 0));
	say("signals", "%d", caught);
	say_rc("writev", writev(fd[0], &iov, 1));
	say("signals", "%d", caught);
	close(fd[0]);
	fd[0] = MUST(socket(AF_INET, SOCK_STREAM, 0));
	say_rc("unconnected", send(fd[0], "x", 1, 0));
	say("signals", "%d", caught);
	close(fd[0]);
	close(fd[1]);
	udp_pair(AF_INET, fd);
	shutdown(fd[0], SHUT_WR);
	say_rc("udp", send(fd[0], "x", 1, 0));
	say("signals", "%d", caught);
	close(fd[0]);
	close(fd[1]);
	signal(SIGPIPE, SIG_DFL);
	pid_t pid = fork();
	if (pid == 0) {
		tcp_pair(AF_INET, fd);
		shutdown(fd[0], SHUT_WR);
		send(fd[0], "x", 1, 0);
		_exit(0);
	}
	int status;
	waitpid(pid, &status, 0);
	say("kills by default", "%d", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	signal(SIGPIPE, SIG_IGN);
}

/* A blocked signal that only the call's mask lets in. */
static void masks(void)
{
	int fd[2], e = MUST(epoll_create1(0));
	sigset_t block, open;
	struct pollfd p;
	struct epoll_event ev = { .events = EPOLLIN };
	fd_set r;

	say_about("masks");
	handle(0);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &block, &open);
	tcp_pair(AF_INET, fd);
	MUST(epoll_ctl(e, EPOLL_CTL_ADD, fd[0], &ev));
	p = (struct pollfd){ .fd = fd[0], .events = POLLIN };
	caught = 0;
	raise(SIGUSR1);
	say("blocked", "%d", caught);
	say_rc("ppoll", ppoll(&p, 1, NULL, &open));
	say("then", "%d", caught);
	raise(SIGUSR1);
	FD_ZERO(&r);
	FD_SET(fd[0], &r);
	say_rc("pselect", pselect(fd[0] + 1, &r, NULL, NULL, NULL, &open));
	say("then", "%d", caught);
	raise(SIGUSR1);
	say_rc("epoll_pwait", epoll_pwait(e, &ev, 1, -1, &open));
	say("then", "%d", caught);
	struct timespec now = { 0, 0 };
	raise(SIGUSR1);
	say_rc("ppoll without wait", ppoll(&p, 1, &now, &open));
	say("then", "%d", caught);
	raise(SIGUSR1);
	FD_SET(fd[0], &r);
	say_rc("pselect without wait", pselect(fd[0] + 1, &r, NULL, NULL, &now, &open));
	say("then", "%d", caught);
	raise(SIGUSR1);
	say_rc("epoll_pwait without wait", epoll_pwait(e, &ev, 1, 0, &open));
	say("then", "%d", caught);
	raise(SIGUSR1);
	MUST(send(fd[1], "x", 1, 0));
	say_rc("ready before: epoll_pwait", epoll_pwait(e, &ev, 1, -1, &open));
	say("then", "%d", caught);
	say_rc("ready before: ppoll", ppoll(&p, 1, NULL, &open));
	say("then", "%d", caught);
	pthread_sigmask(SIG_SETMASK, &open, NULL);
	say("unblocked", "%d", caught);
	close(fd[0]);
	close(fd[1]);
	close(e);
}

/* A handler may send and receive itself. */
static void in_handler(void)
{
	int fd[2];

	say_about("socket call in a handler");
	handle(0);
	tcp_pair(AF_INET, fd);
	handler_fd = fd[1];
	caught = 0;
	raise(SIGUSR1);
	say_rc("what it wrote", recv(fd[0], buf, 10, 0));
	nag_start();
	say("recv", "%d", recv(fd[0], buf, 1, 0) == 1 || errno == EINTR);
	nag_stop();
	handler_fd = -1;
	close(fd[0]);
	close(fd[1]);
}

static sigjmp_buf back;
static void on_jump(int sig)
{
	(void)sig;
	siglongjmp(back, 1);
}

static void jumps(void)
{
	int fd[2];
	struct sigaction sa = { .sa_handler = on_jump };
	struct itimerval t = { .it_value.tv_usec = 30000 };

	say_about("longjmp out of recv");
	tcp_pair(AF_INET, fd);
	sigaction(SIGVTALRM, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	(void)t;
	if (sigsetjmp(back, 1) == 0) {
		pid_t parent = getpid(), pid = fork();

		if (pid == 0) {
			struct timespec pause = { 0, 30000000 };

			nanosleep(&pause, NULL);
			kill(parent, SIGUSR2);
			_exit(0);
		}
		recv(fd[0], buf, 10, 0);
		say("recv", "came back");
	} else {
		say("jumped", "1");
	}
	while (wait(NULL) > 0)
		;
	MUST(send(fd[1], "abc", 3, 0));
	say_rc("recv works after", recv(fd[0], buf, 10, 0));
	say_rc("send works after", send(fd[0], "abc", 3, 0));
	close(fd[0]);
	close(fd[1]);
}

/* A thread cancelled in recv leaves the socket fit for the next. */
static int cancel_fd;
static void *sleeps(void *unused)
{
	recv(cancel_fd, buf, 10, 0);
	return unused;
}

static void cancelled(void)
{
	int fd[2];
	pthread_t t;
	void *ret;
	struct timespec pause = { 0, 20000000 };

	say_about("cancelled recv");
	tcp_pair(AF_INET, fd);
	cancel_fd = fd[0];
	pthread_create(&t, NULL, sleeps, NULL);
	nanosleep(&pause, NULL);
	pthread_cancel(t);
	pthread_join(t, &ret);
	say("joined", "%s", ret == PTHREAD_CANCELED ? "cancelled" : "returned");
	MUST(send(fd[1], "abc", 3, 0));
	say_rc("recv works after", recv(fd[0], buf, 10, 0));
	close(fd[0]);
	close(fd[1]);
}

static void on_alarm_close(int sig)
{
	(void)sig;
	close(handler_fd);
}

/* A call that is begun anew after the handler finds what the handler has left of its descriptor. */
static void closed_in_handler(void)
{
	struct itimerval soon = { .it_value.tv_usec = 100000 };
	struct sigaction sa = { .sa_handler = on_alarm_close, .sa_flags = SA_RESTART };
	int fd[2];

	say_about("a handler that closes the socket");
	sigaction(SIGALRM, &sa, NULL);
	tcp_pair(AF_INET, fd);
	handler_fd = fd[0];
	setitimer(ITIMER_REAL, &soon, NULL);
	say_rc("recv", recv(fd[0], buf, 1, 0));
	close(fd[1]);
	fd[0] = handler_fd = bound(AF_INET, SOCK_DGRAM);
	setitimer(ITIMER_REAL, &soon, NULL);
	say_rc("recv udp", recv(fd[0], buf, 1, 0));
	fd[0] = handler_fd = listening(AF_INET, 1);
	setitimer(ITIMER_REAL, &soon, NULL);
	say_rc("accept", accept(fd[0], NULL, NULL));
	handler_fd = -1;
	signal(SIGALRM, SIG_DFL);
	alarm(60);
}

static void bad_pointers(void)
{
	struct sigaction sa = { .sa_handler = on_alarm }, old;
	void *bad = (void *)8;

	say_about("bad pointers");
	say_rc("rt_sigaction", syscall(SYS_rt_sigaction, SIGUSR2, bad, NULL, 8));
	say_rc("rt_sigaction, the old one", syscall(SYS_rt_sigaction, SIGUSR2, NULL, bad, 8));
	say_rc("rt_sigprocmask", syscall(SYS_rt_sigprocmask, SIG_BLOCK, bad, NULL, 8));
	say_rc("rt_sigsuspend", syscall(SYS_rt_sigsuspend, bad, 8));
	say_rc("rt_sigsuspend, a wrong size", syscall(SYS_rt_sigsuspend, bad, 4));
	say_rc("SIGKILL", sigaction(SIGKILL, &sa, NULL));
	say_rc("SIGKILL, asked", sigaction(SIGKILL, NULL, &old));
	say("SIGKILL, as it is", "%s", old.sa_handler == SIG_DFL ? "default" : "handled");
}

int main(void)
{
	say_start();
	interrupted();
	restarted();
	limited();
	odd_limits();
	broken_pipe();
	masks();
	in_handler();
	jumps();
	cancelled();
	closed_in_handler();
	bad_pointers();
	return 0;
}
