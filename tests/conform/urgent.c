/*
 * Urgent data: the octet apart from the stream and in it, the mark, and who is told. And the signals of sockets: SIGIO and SIGURG, their owner and their
 * kind.
 */
#include "say.h"

static char buf[64];
static volatile sig_atomic_t count[65];
static volatile int last_fd[65], last_code[65];
static volatile long last_band[65];

static void say_recv(const char *name, int fd, size_t len, int flags)
{
	ssize_t n = recv(fd, buf, len, flags);

	if (n < 0)
		say(name, "%s", say_errno(errno));
	else
		say(name, "%zd '%.*s'", n, (int)n, buf);
}

static void say_mark(int fd)
{
	int mark = -1, unread = -1;

	say_rc("ATMARK", ioctl(fd, SIOCATMARK, &mark));
	say("mark", "%d", mark);
	ioctl(fd, FIONREAD, &unread);
	say("unread", "%d", unread);
	say_poll("poll", fd);
}

static void arrived(int fd, int octets)
{
	int unread = 0;

	while (ioctl(fd, FIONREAD, &unread) == 0 && unread < octets)
		usleep(1000);
}

static void apart(int family, bool take_first)
{
	int fd[2];

	say_about("%s urgent, %s", family_text(family), take_first ? "taken before the mark" : "taken at the mark");
	tcp_pair(family, fd);
	say_recv("none", fd[0], 10, MSG_OOB);
	say_mark(fd[0]);
	MUST(send(fd[1], "abc", 3, 0));
	say_rc("send", send(fd[1], "X", 1, MSG_OOB));
	MUST(send(fd[1], "def", 3, 0));
	wait_for(fd[0], POLLPRI);
	say_mark(fd[0]);
	if (take_first)
		say_recv("urgent", fd[0], 10, MSG_OOB);
	say_recv("peek", fd[0], 10, MSG_PEEK);
	say_recv("some", fd[0], 2, 0);
	say_recv("to the mark", fd[0], 10, 0);
	say_mark(fd[0]);
	if (!take_first) {
		say_recv("urgent, peeked", fd[0], 10, MSG_OOB | MSG_PEEK);
		say_recv("urgent", fd[0], 10, MSG_OOB);
		say_mark(fd[0]);
	}
	say_recv("urgent again", fd[0], 10, MSG_OOB);
	say_recv("peek", fd[0], 10, MSG_PEEK);
	say_recv("behind the mark", fd[0], 10, 0);
	say_mark(fd[0]);
	say_recv("urgent", fd[0], 10, MSG_OOB);
	MUST(send(fd[1], "gh", 2, 0));
	MUST(send(fd[1], "12Y", 3, MSG_OOB));
	MUST(send(fd[1], "ij", 2, 0));
	wait_for(fd[0], POLLPRI);
	say_recv("all stops at the mark", fd[0], 10, MSG_WAITALL);
	say_recv("the rest", fd[0], 10, 0);
	say_mark(fd[0]);
	MUST(send(fd[1], "Z", 1, MSG_OOB));
	wait_for(fd[0], POLLPRI);
	say_recv("nothing but urgent", fd[0], 10, MSG_DONTWAIT);
	say_mark(fd[0]);
	close(fd[1]);
	wait_for(fd[0], POLLRDHUP);
	say_recv("end", fd[0], 10, 0);
	close(fd[0]);
}

/* A second urgent octet before the first was read, after octets of whose reading TCP knows less than of others'. */
static void twice(size_t before, size_t between, size_t read_first)
{
	int fd[2];
	char some[300];

	say_about("%zu, urgent, %zu, urgent, %zu read before", before, between, read_first);
	memset(some, 'a', sizeof(some));
	tcp_pair(AF_INET, fd);
	set_int(fd[1], IPPROTO_TCP, TCP_NODELAY, 1);
	MUST(send(fd[1], some, before, 0));
	MUST(send(fd[1], "X", 1, MSG_OOB));
	memset(some, 'b', sizeof(some));
	if (between)
		MUST(send(fd[1], some, between, 0));
	wait_for(fd[0], POLLPRI);
	if (read_first)
		say_recv("some", fd[0], read_first, 0);
	MUST(send(fd[1], "YZ", 2, MSG_OOB));
	for (int mark = 0; recv(fd[0], some, 1, MSG_OOB | MSG_PEEK) != 1 || *some != 'Z';)
		MUST(ioctl(fd[0], SIOCATMARK, &mark));
	say_mark(fd[0]);
	say_recv("to the mark", fd[0], 60, MSG_DONTWAIT);
	say_recv("then", fd[0], 60, MSG_DONTWAIT);
	say_recv("urgent", fd[0], 1, MSG_OOB);
	close(fd[0]);
	close(fd[1]);
}

static void in_line(void)
{
	int fd[2];

	say_about("urgent in line");
	tcp_pair(AF_INET, fd);
	set_int(fd[0], SOL_SOCKET, SO_OOBINLINE, 1);
	MUST(send(fd[1], "abc", 3, 0));
	MUST(send(fd[1], "X", 1, MSG_OOB));
	MUST(send(fd[1], "def", 3, 0));
	arrived(fd[0], 7);
	say_mark(fd[0]);
	say_recv("urgent", fd[0], 10, MSG_OOB);
	say_recv("to the mark", fd[0], 10, 0);
	say_mark(fd[0]);
	say_recv("the rest", fd[0], 10, 0);
	say_mark(fd[0]);
	close(fd[0]);
	close(fd[1]);
}

/* ---- signals ---- */

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	last_fd[sig] = info->si_fd;
	last_code[sig] = info->si_code;
	last_band[sig] = info->si_band;
	count[sig]++;
}

/* Signals come from another process, so a short while may pass. */
static void say_signal(const char *name, int sig, int fd)
{
	for (int i = 0; i < 200 && !count[sig]; i++)
		usleep(1000);
	if (!count[sig])
		say(name, "no signal");
	else if (sig >= SIGRTMIN)
		say(name, "signal, code %d, band %#lx, its fd %d", last_code[sig], last_band[sig], last_fd[sig] == fd);
	else
		say(name, "signal");
	count[sig] = 0;
}

static void say_no_signal(const char *name, int sig)
{
	usleep(20000);
	say(name, "%s", count[sig] ? "signal" : "none");
	count[sig] = 0;
}

static void owners(void)
{
	int fd[2], value = -1;
	struct f_owner_ex own = { 0 };

	say_about("owner");
	tcp_pair(AF_INET, fd);
	say_rc("get", fcntl(fd[0], F_GETOWN));
	say_rc("set", fcntl(fd[0], F_SETOWN, getpid()));
	say("get", "%d", fcntl(fd[0], F_GETOWN) == getpid());
	say_rc("ioctl get", ioctl(fd[0], FIOGETOWN, &value));
	say("value", "%d", value == getpid());
	say_rc("ioctl get", ioctl(fd[0], SIOCGPGRP, &value));
	say_rc("group", fcntl(fd[0], F_SETOWN, -getpgrp()));
	say_rc("ioctl get", ioctl(fd[0], SIOCGPGRP, &value));
	say("value", "%d", value == -getpgrp());
	say_rc("get ex", fcntl(fd[0], F_GETOWN_EX, &own));
	say("type", "%d", own.type);
	own = (struct f_owner_ex){ F_OWNER_TID, getpid() };
	say_rc("set ex", fcntl(fd[0], F_SETOWN_EX, &own));
	own.type = 9;
	say_rc("set ex, bad type", fcntl(fd[0], F_SETOWN_EX, &own));
	say_rc("set ex, bad pointer", fcntl(fd[0], F_SETOWN_EX, (void *)8));
	say_rc("nobody", fcntl(fd[0], F_SETOWN, 99999999));
	value = 99999999;
	say_rc("ioctl nobody", ioctl(fd[0], FIOSETOWN, &value));
	value = 0;
	say_rc("ioctl none", ioctl(fd[0], SIOCSPGRP, &value));
	say_rc("ioctl bad pointer", ioctl(fd[0], SIOCSPGRP, (void *)8));
	say_rc("get", fcntl(fd[0], F_GETOWN));
	say_rc("sig", fcntl(fd[0], F_GETSIG));
	say_rc("set sig", fcntl(fd[0], F_SETSIG, SIGUSR1));
	say_rc("sig", fcntl(fd[0], F_GETSIG));
	say_rc("set sig, bad", fcntl(fd[0], F_SETSIG, 99));
	say_rc("set sig 0", fcntl(fd[0], F_SETSIG, 0));
	say_rc("async", fcntl(fd[0], F_SETFL, O_ASYNC));
	say_rc("flags", fcntl(fd[0], F_GETFL));
	value = 0;
	say_rc("ioctl off", ioctl(fd[0], FIOASYNC, &value));
	say_rc("flags", fcntl(fd[0], F_GETFL));
	value = 1;
	say_rc("ioctl on", ioctl(fd[0], FIOASYNC, &value));
	say_rc("flags", fcntl(fd[0], F_GETFL));
	say_rc("ioctl bad pointer", ioctl(fd[0], FIOASYNC, (void *)8));
	close(fd[0]);
	close(fd[1]);
}

static void signals_of(int sig, int async, int family)
{
	int fd[2], l, c;

	say_about("%s signal %s%s", family_text(family), sig == SIGIO ? "SIGIO" : "chosen", async ? "" : ", not asked for");
	tcp_pair(family, fd);
	MUST(fcntl(fd[0], F_SETOWN, getpid()));
	if (sig != SIGIO)
		MUST(fcntl(fd[0], F_SETSIG, sig));
	MUST(fcntl(fd[0], F_SETFL, async));
	MUST(send(fd[1], "x", 1, 0));
	if (!async) {
		say_no_signal("data", sig);
		close(fd[0]);
		close(fd[1]);
		return;
	}
	say_signal("data", sig, fd[0]);
	MUST(send(fd[1], "y", 1, 0));
	say_signal("more data", sig, fd[0]);
	say_recv("read", fd[0], 10, 0);
	say_no_signal("reading", sig);
	set_int(fd[1], IPPROTO_TCP, TCP_NODELAY, 1);
	for (int i = 0; i < 600; i++) {
		MUST(send(fd[1], "z", 1, 0));
		MUST(recv(fd[0], buf, 1, 0));
	}
	count[sig] = 0;
	MUST(send(fd[1], "y", 1, 0));
	say_signal("after many", sig, fd[0]);
	close(fd[1]);
	say_signal("end", sig, fd[0]);
	close(fd[0]);

	say_about("%s signal %s of others", family_text(family), sig == SIGIO ? "SIGIO" : "chosen");
	udp_pair(family, fd);
	MUST(fcntl(fd[0], F_SETOWN, getpid()));
	if (sig != SIGIO)
		MUST(fcntl(fd[0], F_SETSIG, sig));
	MUST(fcntl(fd[0], F_SETFL, O_ASYNC));
	MUST(send(fd[1], "x", 1, 0));
	say_signal("datagram", sig, fd[0]);
	MUST(fcntl(fd[0], F_SETFL, 0));
	MUST(send(fd[1], "x", 1, 0));
	say_no_signal("turned off", sig);
	close(fd[0]);
	close(fd[1]);
	l = listening(family, 5);
	MUST(fcntl(l, F_SETOWN, getpid()));
	if (sig != SIGIO)
		MUST(fcntl(l, F_SETSIG, sig));
	MUST(fcntl(l, F_SETFL, O_ASYNC));
	c = connected_to(family, SOCK_STREAM, port_of(l));
	say_signal("connection", sig, l);
	close(c);
	close(l);
}

/* Room to send again, after there was none. */
static void room_signal(int sig)
{
	static char much[65536];
	int fd[2], c, l;

	say_about("room, signal %s", sig == SIGIO ? "SIGIO" : "chosen");
	tcp_pair(AF_INET, fd);
	MUST(fcntl(fd[0], F_SETOWN, getpid()));
	if (sig != SIGIO)
		MUST(fcntl(fd[0], F_SETSIG, sig));
	MUST(fcntl(fd[0], F_SETFL, O_ASYNC | O_NONBLOCK));
	MUST(fcntl(fd[1], F_SETFL, O_NONBLOCK));
	for (int i = 0; i < 2; i++) {
		MUST(send(fd[0], "x", 1, 0));
		say_no_signal("sent", sig);
		while (send(fd[0], much, sizeof(much), 0) > 0)
			continue;
		while (recv(fd[1], much, sizeof(much), 0) > 0 || poll(&(struct pollfd){ fd[1], POLLIN, 0 }, 1, 20) > 0)
			continue;
		say_signal("room again", sig, fd[0]);
	}
	close(fd[0]);
	close(fd[1]);

	say_about("connecting, signal %s", sig == SIGIO ? "SIGIO" : "chosen");
	l = listening(AF_INET, 5);
	c = MUST(socket(AF_INET, SOCK_STREAM, 0));
	MUST(fcntl(c, F_SETOWN, getpid()));
	if (sig != SIGIO)
		MUST(fcntl(c, F_SETSIG, sig));
	MUST(fcntl(c, F_SETFL, O_ASYNC));
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);
	MUST(getsockname(l, (void *)&name, &len));
	say_rc("connect", connect(c, (void *)&name, len));
	say_signal("connected", sig, c);
	close(c);
	close(l);
}

static void urgent_signal(void)
{
	int fd[2];

	say_about("SIGURG");
	tcp_pair(AF_INET, fd);
	MUST(send(fd[1], "X", 1, MSG_OOB));
	say_no_signal("without an owner", SIGURG);
	wait_for(fd[0], POLLPRI);
	say_recv("urgent", fd[0], 1, MSG_OOB);
	MUST(fcntl(fd[0], F_SETOWN, getpid()));
	say_no_signal("an owner", SIGURG);
	MUST(send(fd[1], "a", 1, 0));
	say_no_signal("data", SIGURG);
	MUST(send(fd[1], "Y", 1, MSG_OOB));
	say_signal("urgent", SIGURG, fd[0]);
	say_recv("urgent", fd[0], 1, MSG_OOB);
	MUST(send(fd[1], "Z", 1, MSG_OOB));
	say_signal("urgent again", SIGURG, fd[0]);
	MUST(send(fd[1], "Q", 1, MSG_OOB));
	say_signal("urgent while one is unread", SIGURG, fd[0]);
	say_recv("data", fd[0], 10, 0);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };

	say_start();
	apart(AF_INET, false);
	apart(AF_INET, true);
	apart(AF_INET6, false);
	for (size_t i = 0; i < 8; i++)
		twice(i & 1 ? 20 : 1, i & 2 ? 9 : 0, i & 4 ? (i & 1 ? 20 : 1) : 0);
	twice(20, 9, 5);
	in_line();
	owners();
	MUST(sigaction(SIGIO, &sa, NULL));
	MUST(sigaction(SIGURG, &sa, NULL));
	MUST(sigaction(SIGRTMIN + 3, &sa, NULL));
	signals_of(SIGIO, O_ASYNC, AF_INET);
	signals_of(SIGIO, O_ASYNC, AF_INET6);
	signals_of(SIGIO, 0, AF_INET);
	signals_of(SIGRTMIN + 3, O_ASYNC, AF_INET);
	room_signal(SIGIO);
	room_signal(SIGRTMIN + 3);
	urgent_signal();
	return 0;
}
