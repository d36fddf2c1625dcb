/* Unix datagrams: to names and to peers, queues and their limits, ends; and out-of-band octets of Unix streams. */
#include "unix.h"
#include <linux/sockios.h>

static char buf[1 << 20], in[1 << 20];

static void peers(void)
{
	union uname n = { .sa.sa_family = AF_UNSPEC };
	int a = ubound(SOCK_DGRAM, "@a"), b = ubound(SOCK_DGRAM, "@b"), c = ubound(SOCK_DGRAM, "@c"), d = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));

	say_about("peers");
	say_poll("poll new", d);
	say_rc("send to nobody", send(d, "x", 1, 0));
	say_rc("recv nothing", recv(d, in, 9, MSG_DONTWAIT));
	say_rc("listen", listen(a, 1));
	say_rc("accept", accept(a, NULL, NULL));
	say_rc("connect a to b", uconnect(a, "@b"));
	say_rc("c sends to a", sendto(c, "x", 1, 0, &n.sa, uname_of(&n, "@a")));
	say_rc("c connects to a", uconnect(c, "@a"));
	say_rc("b sends to a", sendto(b, "x", 1, 0, &n.sa, uname_of(&n, "@a")));
	say_rc("a sends", send(a, "to b", 4, 0));
	say_rc("a sends elsewhere", sendto(a, "to c", 4, 0, &n.sa, uname_of(&n, "@c")));
	say_rc("b gets", recv(b, in, 9, MSG_DONTWAIT));
	say_rc("c gets", recv(c, in, 9, MSG_DONTWAIT));
	say_upeer("a's peer", a);
	say_upeer("b's peer", b);
	say_rc("a connects to c", uconnect(a, "@c"));
	say_rc("what b sent is lost or not", recv(a, in, 9, MSG_DONTWAIT));
	n.sa.sa_family = AF_UNSPEC;
	say_rc("a dissolves", connect(a, &n.sa, sizeof n.sa));
	say_upeer("a's peer", a);
	say_rc("send then", send(a, "x", 1, 0));
	say_rc("dissolve again", connect(a, &n.sa, sizeof(sa_family_t)));
	say_rc("connect to itself", uconnect(a, "@a"));
	say_rc("send to itself", send(a, "self", 4, 0));
	say_rc("recv", recv(a, in, 9, 0));
	MUST(uconnect(d, "@b"));
	close(b);
	say_poll("poll, peer gone", d);
	say_rc("send, peer gone", send(d, "x", 1, MSG_NOSIGNAL));
	say_rc("again", send(d, "x", 1, MSG_NOSIGNAL));
	say_upeer("peer's name", d);
	say_rc("sendto the name", sendto(d, "x", 1, 0, &n.sa, uname_of(&n, "@b")));
	close(a), close(c), close(d);
}

static void queues(void)
{
	int a = ubound(SOCK_DGRAM, "@a"), b = MUST(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)), pair[2], count = 0, queued = 0, n = 20000;
	union uname name;

	say_about("queues");
	MUST(uconnect(b, "@a"));
	while (send(b, buf, 10, 0) == 10)
		count++;
	say_rc("full", send(b, buf, 10, 0));
	say("fit", "%d", count);
	say_poll("poll full", b);
	struct pollfd p = { .fd = b, .events = POLLOUT };
	pid_t pid = fork();
	if (pid == 0) {
		usleep(50000);
		while (recv(a, in, 99, MSG_DONTWAIT) > 0) {}
		_exit(0);
	}
	say_rc("poll for room", poll(&p, 1, 5000));
	waitpid(pid, NULL, 0);
	say_rc("send then", send(b, buf, 10, 0));
	int c = MUST(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
	for (count = 0; sendto(c, buf, 10, 0, &name.sa, uname_of(&name, "@a")) == 10;)
		count++;
	say("fit besides, unconnected", "%d", count);
	say_rc("full", sendto(c, buf, 10, 0, &name.sa, uname_of(&name, "@a")));
	say_poll("poll of one that is not connected", c);
	MUST(fcntl(c, F_SETFL, 0));
	if ((pid = fork()) == 0) {
		usleep(50000);
		recv(a, in, 99, MSG_DONTWAIT);
		_exit(0);
	}
	say_rc("a sender that waits", sendto(c, buf, 10, 0, &name.sa, uname_of(&name, "@a")));
	waitpid(pid, NULL, 0);
	if ((pid = fork()) == 0) {
		close(a), close(b);
		long r = sendto(c, buf, 10, 0, &name.sa, uname_of(&name, "@a"));
		_exit(r < 0 ? errno : 0);
	}
	usleep(50000);
	close(a);
	int status = 0;
	waitpid(pid, &status, 0);
	say("a sender that waits for one who closes", "%s", say_errno(WEXITSTATUS(status)));
	close(b), close(c);
	upair(SOCK_DGRAM, pair);
	set_nonblocking(pair[0]);
	say_rc("too large", send(pair[0], buf, sizeof buf, 0));
	MUST(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &n, sizeof n));
	say_rc("as large as the buffer", send(pair[0], buf, 40000, 0));
	say_rc("half", send(pair[0], buf, 20000, 0));
	say_rc("another half", send(pair[0], buf, 20000, 0));
	MUST(ioctl(pair[1], FIONREAD, &queued));
	say("FIONREAD", "%d", queued);
	MUST(ioctl(pair[0], SIOCOUTQ, &queued));
	say("SIOCOUTQ", "%d", queued >= 20000);
	close2(pair);
}

static void records(void)
{
	int fd[2];
	struct iovec v[2] = { { in, 3 }, { in + 10, 4 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	say_about("records");
	upair(SOCK_DGRAM, fd);
	say_rc("empty", send(fd[0], "", 0, 0));
	MUST(send(fd[0], "a longer one", 12, 0)), MUST(send(fd[0], "b", 1, 0));
	say_poll("poll", fd[1]);
	say_rc("recv empty", recv(fd[1], in, 9, 0));
	say_rc("peek", recvmsg(fd[1], &m, MSG_PEEK));
	say("flags", "%#x", m.msg_flags);
	say_rc("whole length", recvmsg(fd[1], &m, MSG_PEEK | MSG_TRUNC));
	say_rc("cut", recvmsg(fd[1], &m, 0));
	say("flags", "%#x, %.3s %.4s", m.msg_flags, in, in + 10);
	say_rc("next", recv(fd[1], in, 9, MSG_WAITALL));
	say_rc("none", recv(fd[1], in, 9, MSG_DONTWAIT));
	say_rc("MSG_OOB", send(fd[0], "x", 1, MSG_OOB));
	say_rc("recv MSG_OOB", recv(fd[1], in, 1, MSG_OOB));
	say_rc("recv MSG_ERRQUEUE", recv(fd[1], in, 1, MSG_ERRQUEUE | MSG_DONTWAIT));
	say_rc("shutdown", shutdown(fd[0], SHUT_WR));
	say_rc("send then", send(fd[0], "x", 1, MSG_NOSIGNAL));
	say_rc("recv at the peer", recv(fd[1], in, 9, MSG_DONTWAIT));
	say_poll("poll own", fd[0]);
	say_poll("poll peer", fd[1]);
	say_rc("shutdown", shutdown(fd[1], SHUT_RD));
	say_rc("recv of shut one", recv(fd[1], in, 9, 0));
	close(fd[0]);
	say_poll("poll, peer closed", fd[1]);
	say_rc("send, peer closed", send(fd[1], "x", 1, MSG_NOSIGNAL));
	close(fd[1]);
	upair(SOCK_DGRAM, fd);
	MUST(send(fd[0], "last", 4, 0));
	close(fd[0]);
	say_rc("recv after the peer closed", recv(fd[1], in, 9, 0));
	say_rc("recv again", recv(fd[1], in, 9, MSG_DONTWAIT));
	say_error("SO_ERROR", fd[1]);
	close(fd[1]);
}

/* Who sleeps is woken: by data, by a close. */
static void wakes(int type)
{
	int fd[2], ep = MUST(epoll_create1(0));
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };

	say_about("%s epoll", type_text(type));
	upair(type, fd);
	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fd[1], &ev));
	say_rc("wait", epoll_wait(ep, &ev, 1, 0));
	say_bits("events", (int)ev.events);
	say_rc("edge is over", epoll_wait(ep, &ev, 1, 0));
	pid_t pid = fork();
	if (pid == 0) {
		usleep(30000);
		send(fd[0], "x", 1, 0);
		_exit(0);
	}
	say_rc("data from another process", epoll_wait(ep, &ev, 1, 5000));
	say_bits("events", (int)ev.events);
	waitpid(pid, NULL, 0);
	MUST(recv(fd[1], in, 9, 0));
	if ((pid = fork()) == 0) {
		close(fd[1]);
		usleep(30000);
		_exit(0);
	}
	close(fd[0]);
	if (type != SOCK_DGRAM) {
		say_rc("its end", epoll_wait(ep, &ev, 1, 5000));
		say_bits("events", (int)ev.events);
	}
	waitpid(pid, NULL, 0);
	close(ep), close(fd[1]);
}

/* ---- out-of-band octets of streams ---- */

static void mark(const char *what, int fd)
{
	int at = -1;

	if (ioctl(fd, SIOCATMARK, &at) < 0)
		say(what, "%s", say_errno(errno));
	else
		say(what, "%d", at);
}

static void oob(void)
{
	int fd[2], on = 1;

	say_about("MSG_OOB");
	upair(SOCK_STREAM, fd);
	say_rc("recv none", recv(fd[1], in, 1, MSG_OOB));
	say_rc("send nothing", send(fd[0], "", 0, MSG_OOB));
	say_rc("send", send(fd[0], "abc!", 4, MSG_OOB));
	say_poll("poll", fd[1]);
	mark("at mark", fd[1]);
	say_rc("recv up to the mark", recv(fd[1], in, 9, 0));
	mark("at mark then", fd[1]);
	say_rc("peek it", recv(fd[1], in, 1, MSG_OOB | MSG_PEEK));
	say_rc("recv it", recv(fd[1], in, 1, MSG_OOB));
	say("octet", "%c", *in);
	say_rc("recv it again", recv(fd[1], in, 1, MSG_OOB));
	say_poll("poll then", fd[1]);
	mark("at mark then", fd[1]);
	say_rc("recv the rest", recv(fd[1], in, 9, MSG_DONTWAIT));
	MUST(send(fd[0], "12", 2, MSG_OOB)), MUST(send(fd[0], "34", 2, MSG_OOB)), MUST(send(fd[0], "56", 2, 0));
	say_rc("with two marks", recv(fd[1], in, 9, 0));
	say("octets", "%.3s", in);
	say_rc("past the mark", recv(fd[1], in, 9, 0));
	say("octets", "%.2s", in);
	say_rc("the mark's is gone", recv(fd[1], in, 1, MSG_OOB));
	MUST(setsockopt(fd[1], SOL_SOCKET, SO_OOBINLINE, &on, sizeof on));
	MUST(send(fd[0], "in!", 3, MSG_OOB)), MUST(send(fd[0], "line", 4, 0));
	say_rc("inline, MSG_OOB", recv(fd[1], in, 1, MSG_OOB));
	say_poll("inline, poll", fd[1]);
	say_rc("inline up to the mark", recv(fd[1], in, 9, 0));
	mark("at mark", fd[1]);
	say_rc("inline from the mark on", recv(fd[1], in, 9, 0));
	close(fd[0]);
	say_rc("end", recv(fd[1], in, 9, 0));
	close(fd[1]);
	upair(SOCK_STREAM, fd);
	MUST(send(fd[0], "!", 1, MSG_OOB));
	close(fd[0]);
	say_poll("poll, closed after it", fd[1]);
	say_rc("recv it", recv(fd[1], in, 1, MSG_OOB));
	say_rc("end", recv(fd[1], in, 9, 0));
	close(fd[1]);
}

int main(void)
{
	unix_start();
	peers();
	queues();
	records();
	each_type(t)
		wakes(*t);
	oob();
	unix_end();
	return 0;
}
