/*
 * Who waits at a Unix socket that is full: many senders to one receiver of datagrams, and connects to a listener's backlog; that they are refused, wait no
 * longer than they may, and hear of room once.
 */
#include "unix.h"
#include <sys/time.h>

#define SENDERS 20

static union uname name;
static char in[99];

static int sender(const char *text, bool connects, long timeout_us)
{
	int fd = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
	struct timeval tv = { 0, timeout_us };

	if (connects) MUST(uconnect(fd, text));
	MUST(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv));
	return fd;
}

static long send_to(int fd, const char *text, int flags) { return sendto(fd, "x", 1, flags | MSG_NOSIGNAL, &name.sa, uname_of(&name, text)); }

static void drain(int fd)
{
	while (recv(fd, in, sizeof in, MSG_DONTWAIT) >= 0) {}
}

static void fill(int fd, const char *text)
{
	while (send_to(fd, text, MSG_DONTWAIT) == 1) {}
}

static void many_to_one(void)
{
	int to = ubound(SOCK_DGRAM, "@to"), fd[SENDERS];

	say_about("many to one");
	for (int i = 0; i < SENDERS; i++) {
		fd[i] = sender("@to", i % 2, 20000);
		say_rc("send", send_to(fd[i], "@to", MSG_DONTWAIT));
		say_poll("poll", fd[i]);
	}
	say_rc("connected, with a timeout", send(fd[1], "x", 1, 0));
	say_rc("connected, by name", send_to(fd[1], "@to", 0));
	say_rc("not connected, with a timeout", send_to(fd[0], "@to", 0));
	MUST(recv(to, in, sizeof in, 0));
	say_rc("room for one", send_to(fd[0], "@to", 0));
	say_rc("and no more", send_to(fd[2], "@to", 0));
	drain(to);
	for (int i = 0; i < SENDERS; i++) {
		say_rc("send again", send_to(fd[i], "@to", MSG_DONTWAIT));
		close(fd[i]);
	}
	close(to);
}

/* One that waited in vain leaves the room to the next. asks: who gives up has set an option since he sent. */
static void gives_up_first(bool connects, bool asks)
{
	int to = ubound(SOCK_DGRAM, "@to"), first = sender("@to", connects, 20000), second = sender("@to", connects, 0), way[2], status = 0;
	struct timeval short_enough = { 0, 10000 }, long_enough = { 3, 0 };
	char go;

	say_about("gives up first, %sconnected%s", connects ? "" : "not ", asks ? ", with another option" : "");
	MUST(setsockopt(second, SOL_SOCKET, SO_SNDTIMEO, &long_enough, sizeof long_enough));
	MUST(pipe(way));
	pid_t pid = fork();
	if (pid == 0) {
		send_to(second, "@to", 0);
		MUST(read(way[0], &go, 1));
		_exit(send_to(second, "@to", 0) < 0 ? errno : 0);
	}
	MUST(recv(to, in, sizeof in, 0));
	fill(first, "@to");
	if (asks) MUST(setsockopt(first, SOL_SOCKET, SO_SNDTIMEO, &short_enough, sizeof short_enough));
	say_rc("the first", send_to(first, "@to", 0));
	MUST(write(way[1], "", 1));
	usleep(50000);
	MUST(recv(to, in, sizeof in, 0));
	waitpid(pid, &status, 0);
	say("the second", "%s", say_errno(WEXITSTATUS(status)));
	close(to), close(first), close(second), close(way[0]), close(way[1]);
}

/* Room is an edge when the queue was full, not with each message that is taken. */
static void edges(void)
{
	int to = ubound(SOCK_DGRAM, "@to"), fd = sender("@to", true, 0), ep = MUST(epoll_create1(0));
	struct epoll_event ev = { .events = EPOLLOUT | EPOLLET };

	say_about("edges");
	fill(fd, "@to");
	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	say_rc("full", epoll_wait(ep, &ev, 1, 0));
	for (int i = 0; i < 4; i++) {
		MUST(recv(to, in, sizeof in, 0));
		say_rc("one was read", epoll_wait(ep, &ev, 1, 0));
	}
	drain(to);
	say_rc("all were read", epoll_wait(ep, &ev, 1, 0));
	fill(fd, "@to");
	say_rc("full again", epoll_wait(ep, &ev, 1, 0));
	drain(to);
	say_rc("all were read again", epoll_wait(ep, &ev, 1, 0));
	close(ep), close(fd), close(to);
}

/* What becomes of a sender that waits for a queue whose owner does `what`. */
static void given_up(const char *what, bool connects)
{
	int to = ubound(SOCK_DGRAM, "@to"), other = ubound(SOCK_DGRAM, "@other"), fd = sender("@to", connects, 0), status = 0;

	say_about("%s, %sconnected", what, connects ? "" : "not ");
	fill(other, "@to");
	MUST(uconnect(other, "@to"));
	pid_t pid = fork();
	if (pid == 0) {
		close(to), close(other);
		long r = connects ? send(fd, "x", 1, MSG_NOSIGNAL) : send_to(fd, "@to", 0);
		_exit(r < 0 ? errno : 0);
	}
	usleep(30000);
	if (strcmp(what, "closes") == 0) close(to);
	if (strcmp(what, "shuts") == 0) MUST(shutdown(to, SHUT_RD));
	if (strcmp(what, "connects") == 0) MUST(uconnect(to, "@other"));
	if (strcmp(what, "closes") != 0) drain(to);
	waitpid(pid, &status, 0);
	say("the sender", "%s", say_errno(WEXITSTATUS(status)));
	if (strcmp(what, "closes") != 0) close(to);
	close(other), close(fd);
}

/* A backlog that is full is said before what is wrong with who connects. */
static void backlogs(int type)
{
	int l = ulisten(type, "@l", 0), first = uconnected(type, "@l"), fd = MUST(socket(AF_UNIX, type, 0));
	struct timeval tv = { 0, 20000 };

	say_about("%s backlog", type_text(type));
	set_nonblocking(first);
	MUST(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv));
	say_rc("full", uconnect(fd, "@l"));
	say_rc("connected already", uconnect(first, "@l"));
	say_rc("a listener connects to itself", (fcntl(l, F_SETFL, O_NONBLOCK), uconnect(l, "@l")));
	close(MUST(accept(l, NULL, NULL)));
	say_rc("connected already, room", uconnect(first, "@l"));
	say_rc("a listener, room", uconnect(l, "@l"));
	say_rc("room", uconnect(fd, "@l"));
	close(l), close(first), close(fd);
}

int main(void)
{
	unix_start();
	many_to_one();
	edges();
	for (int i = 0; i < 4; i++) gives_up_first(i % 2, i / 2);
	for (int connects = 0; connects < 2; connects++) {
		given_up("closes", connects);
		given_up("shuts", connects);
		given_up("connects", connects);
	}
	backlogs(SOCK_STREAM);
	backlogs(SOCK_SEQPACKET);
	unix_end();
	return 0;
}
