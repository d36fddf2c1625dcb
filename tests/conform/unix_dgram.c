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
	union uname none;
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
	say_rc("to a path that is not there", sendto(fd[0], "x", 1, MSG_NOSIGNAL, &none.sa, uname_of(&none, "none")));
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

/* The next message: its length, its first octet, and what came with it. */
static void next_of(const char *what, int fd)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))]; } c;
	struct iovec v = { in, sizeof in };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c };
	int rights = 0, creds = 0, file;
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

	if (n < 0) {
		say(what, "%s", say_errno(errno));
		return;
	}
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
		struct ucred u;
		if (h->cmsg_type == SCM_RIGHTS) {
			memcpy(&file, CMSG_DATA(h), sizeof file);
			close(file);
			rights++;
		} else {
			memcpy(&u, CMSG_DATA(h), sizeof u);
			creds += u.pid == getpid() ? 10 : 1;
		}
	}
	say(what, "%zd octets of %c, flags %#x, rights %d, credentials %d", n, n > 0 ? in[0] : '-', m.msg_flags, rights, creds);
}

static void send_fd(int fd, const char *text)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } c = { .h = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec v = { (char *)text, strlen(text) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c };

	memcpy(CMSG_DATA(&c.h), &fd, sizeof fd);
	MUST(sendmsg(fd, &m, 0));
}

static void say_queue(const char *what, const int fd[2])
{
	int in_queue = -1, out_queue = -1;

	MUST(ioctl(fd[1], FIONREAD, &in_queue)), MUST(ioctl(fd[0], SIOCOUTQ, &out_queue));
	say(what, "FIONREAD %d, SIOCOUTQ %s", in_queue, out_queue == 0 ? "none" : out_queue >= 1 ? "some" : "?");
}

/* Messages of all lengths, with and without something beside them, in their order. */
static void pair_of(int type)
{
	int fd[2], on = 1, off = 0, sent = 0;
	static const int lens[] = { 1, 0, 4000, 16360, 16384, 70000, 200000 };

	say_about("%s pair", type_text(type));
	upair(type, fd);
	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		memset(buf, 'a' + (int)i, (size_t)lens[i]);
		say_rc("send", send(fd[0], buf, (size_t)lens[i], MSG_DONTWAIT));
		say_queue("queued", fd);
		next_of("recv", fd[1]);
	}
	MUST(send(fd[0], "a", 1, 0)), MUST(send(fd[0], "", 0, 0)), MUST(send(fd[0], "bbb", 3, MSG_EOR | MSG_MORE));
	say_queue("three", fd);
	send_fd(fd[0], "with");
	MUST(send(fd[0], "c", 1, 0));
	MUST(setsockopt(fd[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
	MUST(send(fd[0], "dd", 2, 0));
	MUST(setsockopt(fd[1], SOL_SOCKET, SO_PASSCRED, &off, sizeof off));
	MUST(send(fd[0], "eee", 3, 0));
	say_queue("seven", fd);
	for (int i = 0; i < 8; i++)
		next_of("next", fd[1]);
	say_rc("send from nowhere", send(fd[0], (void *)1, 5, 0));
	say_rc("nothing came", recv(fd[1], in, 9, MSG_DONTWAIT));
	MUST(send(fd[0], "lost", 4, 0)), MUST(send(fd[0], "kept", 4, 0));
	say_rc("recv to nowhere", recv(fd[1], (void *)1, 5, 0));
	next_of("the next", fd[1]);
	say_rc("as many", 0);
	while (send(fd[0], "ff", 2, MSG_DONTWAIT) == 2)
		sent++;
	say_poll("poll full", fd[0]);
	MUST(recv(fd[1], in, 9, 0));
	say_rc("one more", send(fd[0], "ff", 2, MSG_DONTWAIT));
	for (; sent > 0 && recv(fd[1], in, 9, MSG_DONTWAIT) == 2; sent--)
		if (sent % 100 == 0)
			say("left", "%d, poll %s", sent, poll(&(struct pollfd) { .fd = fd[0], .events = POLLOUT }, 1, 0) ? "writable" : "full");
	say("then left", "%d", sent);
	MUST(send(fd[0], "h", 1, 0));
	MUST(shutdown(fd[0], SHUT_WR));
	next_of("before the end", fd[1]);
	say_poll("poll at the end", fd[1]);
	say_rc("the other way", send(fd[1], "i", 1, 0));
	next_of("comes", fd[0]);
	close2(fd);
}

/* Two names that connect to each other, one after the other. */
static void pair_by_name(void)
{
	int a = ubound(SOCK_DGRAM, "@a"), b = ubound(SOCK_DGRAM, "@b"), c = ubound(SOCK_DGRAM, "@c");
	union uname n;
	socklen_t len;

	say_about("datagrams, connected both ways");
	MUST(sendto(c, "from c", 6, 0, &n.sa, uname_of(&n, "@b")));
	MUST(uconnect(a, "@b"));
	MUST(send(a, "1", 1, 0));
	MUST(uconnect(b, "@a"));
	MUST(send(a, "22", 2, 0));
	for (int i = 0; i < 3; i++) {
		memset(&n, 0, len = sizeof n);
		say_rc("recvfrom", recvfrom(b, in, 9, 0, &n.sa, &len));
		say_uname("from", &n, len);
	}
	MUST(send(a, "333", 3, 0));
	memset(&n, 0, len = sizeof n);
	say_rc("recvfrom", recvfrom(b, in, 9, 0, &n.sa, &len));
	say_uname("from", &n, len);
	say_rc("c sends no more", sendto(c, "x", 1, 0, &n.sa, uname_of(&n, "@b")));
	MUST(send(a, "4444", 4, 0));
	say_rc("b sends to c", sendto(b, "x", 1, 0, &n.sa, uname_of(&n, "@c")));
	MUST(send(b, "to a", 4, 0));
	next_of("b gets", b), next_of("c gets", c), next_of("a gets", a);
	MUST(send(a, "left", 4, 0));
	n.sa.sa_family = AF_UNSPEC;
	say_rc("b dissolves", connect(b, &n.sa, sizeof n.sa));
	MUST(uconnect(b, "@a"));
	MUST(send(b, "then", 4, 0));
	next_of("a learns that it was left unread", a), next_of("and then", a), next_of("b has", b);
	MUST(send(a, "55555", 5, 0));
	close(a);
	next_of("from one that is gone", b);
	say_rc("send to it", send(b, "x", 1, MSG_NOSIGNAL));
	close(b), close(c);
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

/* As long as the sender's buffer takes, and one octet more: to a name, and in what is no pair or no longer just octets. */
static void long_ones(void)
{
	static char control[8192];
	static const int bufs[] = { 106496, 212992 };
	int to = ubound(SOCK_DGRAM, "@to"), from = MUST(socket(AF_UNIX, SOCK_DGRAM, 0)), fd[2], on = 1;
	union uname n;

	upair(SOCK_SEQPACKET, fd);
	MUST(setsockopt(fd[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
	for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++) {
		int len = 2 * bufs[i] - 400;
		say_about("long ones, SO_SNDBUF %d", bufs[i]);
		MUST(setsockopt(from, SOL_SOCKET, SO_SNDBUF, &bufs[i], sizeof bufs[i]));
		MUST(setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &bufs[i], sizeof bufs[i]));
		memset(buf, 'x' + (int)i, (size_t)len);
		say_rc("sendto", sendto(from, buf, (size_t)len, 0, &n.sa, uname_of(&n, "@to")));
		say_rc("recv", recv(to, in, sizeof in, MSG_DONTWAIT));
		say("the same", "%d", memcmp(buf, in, (size_t)len) == 0);
		say_rc("send", send(fd[0], buf, (size_t)len, 0));
		say_rc("recv", recv(fd[1], in, sizeof in, MSG_DONTWAIT));
		say("the same", "%d", memcmp(buf, in, (size_t)len) == 0);
		struct iovec v = { in, sizeof in };
		struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
		say_rc("send more", send(fd[0], buf, (size_t)len - 1000, 0));
		say_rc("recv beside much room", recvmsg(fd[1], &m, MSG_DONTWAIT));
		say("flags", "%x", m.msg_flags);
		say_rc("too long to a name", sendto(from, buf, (size_t)len + 400, 0, &n.sa, uname_of(&n, "@to")));
		say_rc("too long", send(fd[0], buf, (size_t)len + 400, 0));
	}
	close(to), close(from), close(fd[0]), close(fd[1]);
}

int main(void)
{
	unix_start();
	long_ones();
	peers();
	queues();
	pair_of(SOCK_SEQPACKET);
	pair_of(SOCK_DGRAM);
	pair_by_name();
	records();
	each_type(t)
		wakes(*t);
	oob();
	unix_end();
	return 0;
}
