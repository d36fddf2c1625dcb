/* Connected Unix sockets, streams and sequenced packets: how they come to be, carry data and end; and what else may be asked of them. */
#include "unix.h"
#include <linux/sockios.h>
#ifndef SO_DETACH_REUSEPORT_BPF
#define SO_DETACH_REUSEPORT_BPF 68
#endif

static char buf[1 << 20], in[1 << 20];

/* ---- opening ---- */

static void opening(int type)
{
	union uname n;
	int l = ubound(type, "@l"), c = MUST(socket(AF_UNIX, type, 0)), d = MUST(socket(AF_UNIX, type, 0)), a, pair[2];

	say_about("%s opening", type_text(type));
	say_poll("poll new", c);
	say_rc("connect before listen", uconnect(c, "@l"));
	say_rc("accept before listen", accept(l, NULL, NULL));
	say_rc("listen unbound", listen(d, 1));
	say_rc("listen", listen(l, 1));
	say_poll("poll listening", l);
	say_rc("listen again", listen(l, 1));
	say_rc("send before connect", send(c, "x", 1, MSG_NOSIGNAL));
	say_rc("recv before connect", recv(c, in, 1, MSG_DONTWAIT));
	say_rc("shutdown before connect", shutdown(c, SHUT_WR));
	say_upeer("peer before connect", c);
	set_nonblocking(l);
	say_rc("accept nobody", accept(l, NULL, NULL));
	close(c), c = MUST(socket(AF_UNIX, type, 0));
	say_rc("connect", uconnect(c, "@l"));
	say_poll("poll client, not accepted", c);
	say_poll("poll listener with one", l);
	say_rc("connect again", uconnect(c, "@l"));
	say_rc("send before accept", send(c, "early", 5, 0));
	say_rc("listen connected", listen(c, 1));
	say_rc("connect listener", uconnect(l, "@l"));
	say_rc("send on listener", send(l, "x", 1, MSG_NOSIGNAL));
	say_rc("recv on listener", recv(l, in, 1, MSG_DONTWAIT));
	/* With a stream that was just closed, whose number is the lowest. */
	upair(SOCK_STREAM, pair);
	close2(pair);
	a = MUST(accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
	say("accepted one's number is the lowest", "%d", a == pair[0]);
	say("accepted's flags", "%#x %#x", fcntl(a, F_GETFL), fcntl(a, F_GETFD));
	say_rc("recv", recv(a, in, 9, 0));
	say_rc("recv nothing", recv(a, in, 9, 0));
	say_poll("poll accepted", a);
	say_rc("accept on connected", accept(a, NULL, NULL));
	say_rc("accept4 with wrong flags", accept4(l, NULL, NULL, 3));
	n.sa.sa_family = AF_UNSPEC;
	say_rc("connect AF_UNSPEC", connect(c, &n.sa, sizeof n.sa));
	n.sa.sa_family = AF_INET;
	say_rc("connect AF_INET", connect(d, &n.sa, sizeof(struct sockaddr_in)));
	say_rc("bind connected", bind(c, &n.sa, uname_of(&n, "@late")));
	say_upeer("peer's new name", a);
	close(c), close(a);
	/* A full queue. */
	int waiting[8], held = 0;
	for (; held < 8; held++) {
		waiting[held] = MUST(socket(AF_UNIX, type | SOCK_NONBLOCK, 0));
		int r = uconnect(waiting[held], "@l");
		say_rc("connect without accept", r);
		if (r < 0)
			break;
	}
	say("fit", "%d", held);
	say_poll("poll refused one", waiting[held]);
	close(l);
	for (int i = 0; i < held; i++)
		say_rc("recv after the listener closed", recv(waiting[i], in, 1, 0));
	say_poll("poll then", waiting[0]);
	say_rc("connect then", uconnect(waiting[held], "@l"));
	for (int i = 0; i <= held && i < 8; i++)
		close(waiting[i]);
	close(d);
	l = ulisten(type, "@l", 5);
	c = uconnected(type, "@l");
	say_rc("shutdown listener", shutdown(l, SHUT_RD));
	say_rc("connect to it", uconnect(d = MUST(socket(AF_UNIX, type, 0)), "@l"));
	say_poll("poll it", l);
	close(l), close(c), close(d);
}

/* ---- data ---- */

static void stream_data(void)
{
	int fd[2];
	struct iovec v[3] = { { in, 2 }, { in + 2, 0 }, { in + 2, 50 } };

	say_about("stream data");
	upair(SOCK_STREAM, fd);
	MUST(send(fd[0], "abc", 3, 0)), MUST(send(fd[0], "def", 3, 0));
	say_rc("peek", recv(fd[1], in, 4, MSG_PEEK));
	say_rc("peek again", recv(fd[1], in, 40, MSG_PEEK));
	say_rc("trunc", recv(fd[1], NULL, 0, MSG_TRUNC));
	say_rc("one of two", recv(fd[1], in, 1, 0));
	say_rc("readv", readv(fd[1], v, 3));
	say("octets", "%.5s", in);
	say_rc("nothing", recv(fd[1], in, 9, MSG_DONTWAIT));
	say_rc("nothing of no length", recv(fd[1], in, 0, MSG_DONTWAIT));
	say_rc("send nothing", send(fd[0], "", 0, 0));
	say_rc("still nothing", recv(fd[1], in, 9, MSG_DONTWAIT));
	MUST(send(fd[0], "x", 1, MSG_EOR)), MUST(send(fd[0], "y", 1, MSG_MORE));
	say_rc("EOR and MORE", recv(fd[1], in, 9, 0));
	say_rc("sendto a connected one", sendto(fd[0], "x", 1, 0, &(struct sockaddr){ .sa_family = AF_UNIX }, 2));
	union uname n;
	say_rc("sendto another", sendto(fd[0], "x", 1, 0, &n.sa, uname_of(&n, "@other")));
	pid_t pid = fork();
	if (pid == 0) {
		usleep(20000);
		send(fd[0], "12", 2, 0);
		usleep(20000);
		send(fd[0], "345", 3, 0);
		_exit(0);
	}
	say_rc("waitall", recv(fd[1], in, 5, MSG_WAITALL));
	waitpid(pid, NULL, 0);
	set_nonblocking(fd[0]);
	long total = 0, r;
	while ((r = send(fd[0], buf, 4096, 0)) > 0)
		total += r;
	say_rc("full", r);
	say("about as much as its buffer", "%d", total > 60000 && total < 500000);
	say_poll("poll full", fd[0]);
	int queued = 0;
	MUST(ioctl(fd[1], FIONREAD, &queued));
	say("FIONREAD", "%d", queued == total);
	MUST(ioctl(fd[0], SIOCOUTQ, &queued));
	say("SIOCOUTQ", "%d", queued >= total);
	while (total > 0 && (r = recv(fd[1], in, sizeof in, MSG_DONTWAIT)) > 0)
		total -= r;
	say("all back", "%ld", total);
	say_poll("poll drained", fd[0]);
	MUST(ioctl(fd[0], SIOCOUTQ, &queued));
	say("SIOCOUTQ drained", "%d", queued);
	close2(fd);
}

/* A process that held one end has ended: what waitpid says of it the socket knows, too. */
static void ends_with_process(int killed)
{
	int knew[4] = { 0 };

	say_about("ends with its process, %s", killed ? "killed" : "by itself");
	for (int i = 0; i < 20; i++) {
		int fd[2], other[2];
		struct pollfd p = { .events = POLLIN | POLLOUT };
		upair(SOCK_STREAM, fd), upair(SOCK_STREAM, other);
		pid_t pid = fork();
		if (pid == 0) {
			close(fd[0]), close(other[0]);
			if (killed)
				pause();
			_exit(0);
		}
		close(fd[1]), close(other[1]);
		if (killed)
			kill(pid, SIGKILL);
		MUST(waitpid(pid, NULL, 0));
		p.fd = fd[0];
		knew[i % 2] += i % 2 ? recv(fd[0], in, 1, MSG_DONTWAIT) == 0 : send(fd[0], "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE;
		knew[2] += poll(&p, 1, 0) == 1 && p.revents & POLLHUP;
		p.fd = other[0];
		knew[3] += poll(&p, 1, 0) == 1 && p.revents & POLLHUP;
		close(fd[0]), close(other[0]);
	}
	say("send, recv and poll know", "%d %d %d %d", knew[0], knew[1], knew[2], knew[3]);
}

/* One thing larger than the buffers, both ways at once, of a known content. */
static void stream_large(void)
{
	int fd[2];
	long got = 0, r, wrong = 0;

	say_about("stream large");
	upair(SOCK_STREAM, fd);
	for (size_t i = 0; i < sizeof buf; i++)
		buf[i] = (char)(i * 31 + (i >> 9));
	pid_t pid = fork();
	if (pid == 0) {
		long sent = send(fd[0], buf, sizeof buf, 0);
		_exit(sent == (long)sizeof buf ? 0 : 1);
	}
	while (got < (long)sizeof in && (r = recv(fd[1], in + got, 7777, 0)) > 0)
		got += r;
	for (size_t i = 0; i < sizeof in; i++)
		wrong += in[i] != buf[i];
	int status = -1;
	waitpid(pid, &status, 0);
	say("received", "%ld, wrong %ld, sender %d", got, wrong, status);
	close2(fd);
}

#define WRITERS 4
#define RECORD 120L

/* How many of each writer's records came whole. */
static void records_read(int fd, int whole[WRITERS])
{
	char record[RECORD];
	long have = 0, r;

	while ((r = read(fd, record + have, (size_t)(RECORD - have))) > 0) {
		have += r;
		if (have < RECORD)
			continue;
		have = 0;
		int w = record[0] - 'a';
		bool one = w >= 0 && w < WRITERS;
		for (long i = 1; i < RECORD; i++)
			one = one && record[i] == record[0];
		if (one)
			whole[w]++;
	}
}

/* Programs that share an end, and wait for room, write what is little in one piece each, however it is put together. */
static void writers(int pieces)
{
	char record[RECORD];
	int fd[2], whole[WRITERS] = { 0 }, failed = 0, status;

	say_about("writers of %d pieces", pieces);
	upair(SOCK_STREAM, fd);
	for (int w = 0; w < WRITERS; w++)
		if (fork() == 0) {
			struct iovec v[] = { { record, RECORD / pieces }, { record, RECORD - RECORD / pieces } };
			memset(record, 'a' + w, sizeof record);
			for (int i = 0; i < 1000; i++)
				if (writev(fd[0], v, pieces) != RECORD)
					_exit(1);
			_exit(0);
		}
	close(fd[0]);
	records_read(fd[1], whole);
	while (wait(&status) > 0)
		failed += status != 0;
	say("whole", "%d %d %d %d, %d failed", whole[0], whole[1], whole[2], whole[3], failed);
	close(fd[1]);
}

static void packets(void)
{
	int fd[2];
	struct msghdr m = { 0 };
	struct iovec v[2] = { { in, 3 }, { in + 10, 4 } };

	say_about("seqpacket data");
	upair(SOCK_SEQPACKET, fd);
	MUST(send(fd[0], "first one", 9, 0)), MUST(send(fd[0], "", 0, 0)), MUST(send(fd[0], "third", 5, MSG_EOR));
	m.msg_iov = v, m.msg_iovlen = 2;
	say_rc("peek", recvmsg(fd[1], &m, MSG_PEEK));
	say("flags", "%#x", m.msg_flags);
	say_rc("whole length", recv(fd[1], in, 2, MSG_PEEK | MSG_TRUNC));
	say_rc("cut", recvmsg(fd[1], &m, 0));
	say("flags", "%#x", m.msg_flags);
	say("octets", "%.3s %.4s", in, in + 10);
	say_rc("empty", recvmsg(fd[1], &m, 0));
	say("flags", "%#x", m.msg_flags);
	say_rc("third", recvmsg(fd[1], &m, 0));
	say("flags", "%#x", m.msg_flags);
	say_rc("no more", recvmsg(fd[1], &m, MSG_DONTWAIT));
	MUST(send(fd[0], "abc", 3, 0)), MUST(send(fd[0], "def", 3, 0));
	say_rc("waitall takes one", recv(fd[1], in, 6, MSG_WAITALL));
	say_rc("read takes one", read(fd[1], in, 6));
	union uname n;
	say_rc("sendto", sendto(fd[0], "x", 1, 0, &n.sa, uname_of(&n, "@other")));
	say_rc("too large", send(fd[0], buf, sizeof buf, MSG_DONTWAIT));
	say_poll("poll", fd[0]);
	int count = 0, queued = 0;
	set_nonblocking(fd[0]);
	while (send(fd[0], buf, 1000, 0) == 1000)
		count++;
	say_rc("full", send(fd[0], buf, 1000, 0));
	say("fit", "%d", count > 20 && count < 1000);
	say_poll("poll full", fd[0]);
	MUST(ioctl(fd[1], FIONREAD, &queued));
	say("FIONREAD is one packet", "%d", queued);
	for (int i = 0; i < count; i++)
		if (recv(fd[1], in, 2000, 0) != 1000)
			say("wrong packet", "%d", i);
	say_poll("poll drained", fd[0]);
	close2(fd);
}

/* ---- closing ---- */

static void closing(int type)
{
	int fd[2], e = 0;

	say_about("%s closing", type_text(type));
	upair(type, fd);
	MUST(send(fd[0], "last", 4, 0));
	close(fd[0]);
	say_poll("poll, peer closed, data", fd[1]);
	say_rc("recv", recv(fd[1], in, 9, 0));
	say_rc("end", recv(fd[1], in, 9, 0));
	say_rc("end again", recv(fd[1], in, 9, 0));
	say_poll("poll at the end", fd[1]);
	say_rc("send", send(fd[1], "x", 1, MSG_NOSIGNAL));
	say_error("SO_ERROR", fd[1]);
	say_rc("shutdown", shutdown(fd[1], SHUT_RDWR));
	close(fd[1]);
	upair(type, fd);
	MUST(send(fd[1], "unread", 6, 0));
	close(fd[0]);
	say_poll("poll, peer closed with unread", fd[1]);
	say_rc("recv then", recv(fd[1], in, 9, 0));
	say_rc("recv again", recv(fd[1], in, 9, 0));
	say_error("SO_ERROR", fd[1]);
	close(fd[1]);
	upair(type, fd);
	MUST(send(fd[1], "unread", 6, 0));
	close(fd[0]);
	say_rc("send to who closed with unread", send(fd[1], "x", 1, MSG_NOSIGNAL));
	say_rc("send again", send(fd[1], "x", 1, MSG_NOSIGNAL));
	say_error("SO_ERROR", fd[1]);
	close(fd[1]);
	for (int how = SHUT_RD; how <= SHUT_RDWR; how++) {
		say_about("%s shutdown %d", type_text(type), how);
		upair(type, fd);
		MUST(send(fd[1], "before", 6, 0));
		say_rc("shutdown", shutdown(fd[0], how));
		say_poll("poll own", fd[0]);
		say_poll("poll peer", fd[1]);
		say_rc("recv what was there", recv(fd[0], in, 9, MSG_DONTWAIT));
		say_rc("recv own", recv(fd[0], in, 9, MSG_DONTWAIT));
		say_rc("send own", send(fd[0], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT));
		say_rc("recv peer", recv(fd[1], in, 9, MSG_DONTWAIT));
		say_rc("send peer", send(fd[1], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT));
		say_rc("shutdown wrong", shutdown(fd[0], 3));
		close2(fd);
	}
	say_about("%s killed peer", type_text(type));
	upair(type, fd);
	pid_t pid = fork();
	if (pid == 0) {
		close(fd[1]);
		send(fd[0], "said", 4, 0);
		pause();
	}
	close(fd[0]);
	say_rc("recv", recv(fd[1], in, 9, 0));
	kill(pid, SIGKILL);
	say_rc("recv of the killed", recv(fd[1], in, 9, 0));
	waitpid(pid, NULL, 0);
	say_poll("poll", fd[1]);
	close(fd[1]);
	upair(type, fd);
	close(fd[0]);
	signal(SIGPIPE, SIG_DFL);
	if ((pid = fork()) == 0) {
		write(fd[1], "x", 1);
		_exit(0);
	}
	waitpid(pid, &e, 0);
	signal(SIGPIPE, SIG_IGN);
	say("write without a reader", "signal %d", WIFSIGNALED(e) ? WTERMSIG(e) : 0);
	close(fd[1]);
}

/* ---- options ---- */

static void option(const char *what, int fd, int name)
{
	char v[64];
	socklen_t len = sizeof v;
	int value = 0;

	memset(v, 0, sizeof v);
	if (getsockopt(fd, SOL_SOCKET, name, v, &len) < 0) {
		say(what, "%s", say_errno(errno));
		return;
	}
	memcpy(&value, v, sizeof value);
	say(what, "len %u value %d", len, value);
}

static void options(int type)
{
	static const struct { int name; const char *text; int value; } rows[] = {
		{ SO_TYPE, "SO_TYPE", 1 }, { SO_DOMAIN, "SO_DOMAIN", 1 }, { SO_PROTOCOL, "SO_PROTOCOL", 1 }, { SO_ERROR, "SO_ERROR", 1 },
		{ SO_ACCEPTCONN, "SO_ACCEPTCONN", 1 }, { SO_SNDBUF, "SO_SNDBUF", 10000 }, { SO_RCVBUF, "SO_RCVBUF", 10000 }, { SO_KEEPALIVE, "SO_KEEPALIVE", 1 },
		{ SO_REUSEADDR, "SO_REUSEADDR", 1 }, { SO_REUSEPORT, "SO_REUSEPORT", 1 }, { SO_BROADCAST, "SO_BROADCAST", 1 }, { SO_OOBINLINE, "SO_OOBINLINE", 1 },
		{ SO_LINGER, "SO_LINGER", 1 }, { SO_RCVLOWAT, "SO_RCVLOWAT", 5 }, { SO_SNDLOWAT, "SO_SNDLOWAT", 5 }, { SO_PASSCRED, "SO_PASSCRED", 1 },
		{ SO_TIMESTAMP, "SO_TIMESTAMP", 1 }, { SO_PRIORITY, "SO_PRIORITY", 3 }, { SO_MARK, "SO_MARK", 1 }, { SO_PEEK_OFF, "SO_PEEK_OFF", 2 },
		{ SO_DONTROUTE, "SO_DONTROUTE", 1 }, { SO_RXQ_OVFL, "SO_RXQ_OVFL", 1 }, { SO_PEERSEC, "SO_PEERSEC", 1 }, { SO_LOCK_FILTER, "SO_LOCK_FILTER", 0 },
		{ SO_BUSY_POLL, "SO_BUSY_POLL", 0 }, { SO_ZEROCOPY, "SO_ZEROCOPY", 1 }, { 999, "999", 1 },
	};
	int fd[2], v;
	socklen_t len = sizeof v;
	struct timeval tv = { 0, 30000 };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		say_about("%s %s", type_text(type), rows[i].text);
		upair(type, fd);
		option("at first", fd[0], rows[i].name);
		say_rc("set", setsockopt(fd[0], SOL_SOCKET, rows[i].name, &rows[i].value, sizeof(int)));
		option("then", fd[0], rows[i].name);
		close2(fd);
	}
	say_about("%s filter locked", type_text(type));
	upair(type, fd);
	set_int(fd[0], SOL_SOCKET, SO_LOCK_FILTER, 1);
	say_set_option("detach from a group", fd[0], SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0);
	close2(fd);
	say_about("%s timeouts", type_text(type));
	upair(type, fd);
	say_rc("set SO_RCVTIMEO", setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	long from = now_ms();
	say_rc("recv", recv(fd[0], in, 1, 0));
	say("waited", "%d", now_ms() - from >= 28);
	say_rc("set SO_SNDTIMEO", setsockopt(fd[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv));
	long r;
	while ((r = send(fd[0], buf, 3000, MSG_DONTWAIT)) > 0) {}
	from = now_ms();
	say_rc("send", send(fd[0], buf, 3000, 0));
	say("waited", "%d", now_ms() - from >= 28);
	say_rc("other level", getsockopt(fd[0], IPPROTO_TCP, 1, &v, &len));
	say_rc("set at other level", setsockopt(fd[0], 1000, 1, &v, sizeof v));
	close2(fd);
}

static void peek_off(int type)
{
	int fd[2], off = 2;

	say_about("%s SO_PEEK_OFF", type_text(type));
	upair(type, fd);
	MUST(send(fd[0], "abcdef", 6, 0)), MUST(send(fd[0], "ghijkl", 6, 0));
	say_rc("set", setsockopt(fd[1], SOL_SOCKET, SO_PEEK_OFF, &off, sizeof off));
	for (int i = 0; i < 3; i++) {
		memset(in, 0, 20);
		say_rc("peek", recv(fd[1], in, 3, MSG_PEEK));
		say("octets", "%.3s", in);
		option("offset", fd[1], SO_PEEK_OFF);
	}
	say_rc("recv", recv(fd[1], in, 4, 0));
	option("offset", fd[1], SO_PEEK_OFF);
	say_rc("peek", recv(fd[1], in, 9, MSG_PEEK | MSG_DONTWAIT));
	close2(fd);
}

/* ---- creation, and calls that are not for these ---- */

static void creation(void)
{
	static const int types[] = { 0, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET, 6, SOCK_PACKET, 11 };
	int fd[2], v = 1;

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		for (int protocol = 0; protocol < 3; protocol++) {
			say_about("socket(AF_UNIX, %d, %d)", types[i], protocol);
			int s = say_fd("socket", socket(AF_UNIX, types[i], protocol));
			option("SO_TYPE", s, SO_TYPE);
			close(s);
			int r = socketpair(AF_UNIX, types[i], protocol, fd);
			say_rc("socketpair", r);
			if (r == 0)
				close2(fd);
		}
	say_about("PF_LOCAL");
	say("the same numbers", "%d", PF_LOCAL == AF_UNIX && AF_LOCAL == AF_UNIX && PF_INET == AF_INET && PF_INET6 == AF_INET6);
	MUST(socketpair(PF_LOCAL, SOCK_STREAM, 0, fd));
	say_rc("send", send(fd[0], "x", 1, 0));
	say_rc("recv", recv(fd[1], in, 1, 0));
	close2(fd);
	say_about("socketpair");
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd));
	say("flags", "%#x %#x", fcntl(fd[1], F_GETFL), fcntl(fd[1], F_GETFD));
	say_rc("FIONBIO", ioctl(fd[0], FIONBIO, &v));
	say_rc("SIOCATMARK", ioctl(fd[0], SIOCATMARK, &v));
	say_rc("TCGETS", ioctl(fd[0], 0x5401, in));
	say_rc("lseek", lseek(fd[0], 0, SEEK_SET));
	say_rc("pread", pread(fd[0], in, 1, 0));
	struct stat st;
	say_rc("fstat", fstat(fd[0], &st));
	say("is a socket", "%d", S_ISSOCK(st.st_mode));
	close2(fd);
	say_rc("nowhere to", socketpair(AF_UNIX, SOCK_STREAM, 0, NULL));
	say_rc("wrong flags", socketpair(AF_UNIX, SOCK_STREAM | 0x40000, 0, fd));
}

/* A send tells of the error that waits: a packet socket's at once, a datagram socket's before it asks who is to have it. */
static void given_up(void)
{
	say_about("given up");
	for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type += SOCK_SEQPACKET - SOCK_STREAM) {
		int l = ubound(type, "@given-up");
		MUST(listen(l, 1));
		int c = uconnected(type, "@given-up");
		close(l);
		say_rc("send to a listener that closed", send(c, "x", 1, MSG_NOSIGNAL));
		say_rc("send again", send(c, "x", 1, MSG_NOSIGNAL));
		say_error("SO_ERROR", c);
		close(c);
	}
	int a = ubound(SOCK_DGRAM, "@given-up a"), b = ubound(SOCK_DGRAM, "@given-up b"), other = ubound(SOCK_DGRAM, "@given-up other");
	MUST(uconnect(a, "@given-up b")), MUST(uconnect(b, "@given-up a"));
	MUST(send(a, "unread", 6, 0));
	MUST(uconnect(b, "@given-up other"));
	say_rc("send after the peer went elsewhere", send(a, "x", 1, 0));
	say_rc("send again", send(a, "x", 1, 0));
	say_rc("sends elsewhere", send(b, "x", 1, 0));
	close(a), close(b), close(other);
}

int main(void)
{
	static const int connected[] = { SOCK_STREAM, SOCK_SEQPACKET };

	unix_start();
	creation();
	for (int i = 0; i < 2; i++) {
		opening(connected[i]);
		closing(connected[i]);
	}
	given_up();
	stream_data();
	stream_large();
	writers(1);
	writers(2);
	ends_with_process(0);
	ends_with_process(1);
	packets();
	each_type(t) {
		options(*t);
		peek_off(*t);
	}
	unix_end();
	return 0;
}
