/* Memory that is not there, and lengths that can't be: in every call that carries data, by family and by the iovec that is bad. */
#include "say.h"
#include <limits.h>
#include <sys/mman.h>

#define BAD ((void *)8)
static char buf[1 << 17];

static int pair_of(int type, int *fd)
{
	if (type == SOCK_STREAM)
		tcp_pair(AF_INET, fd);
	else
		udp_pair(AF_INET, fd);
	return type;
}

/* What the other side has got. */
static void say_arrived(int fd)
{
	char text[64];
	ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);

	if (n < 0)
		say("arrived", "%s", say_errno(errno));
	else
		say("arrived", "%zd '%.*s'", n, (int)n, text);
}

static void sending_bad_pieces(int type)
{
	int fd[2];
	char a[] = "abc", b[] = "defg";

	for (int bad = 0; bad < 3; bad++) {
		for (int call = 0; call < 2; call++) {
			struct iovec iov[3] = { { a, 3 }, { b, 4 }, { a, 3 } };
			struct msghdr m = { .msg_iov = iov, .msg_iovlen = 3 };
			iov[bad].iov_base = BAD;
			pair_of(type, fd);
			say_about("%s %s, iovec %d bad", type == SOCK_STREAM ? "tcp" : "udp", call ? "sendmsg" : "writev", bad);
			say_rc("result", call ? sendmsg(fd[0], &m, 0) : writev(fd[0], iov, 3));
			say_arrived(fd[1]);
			iov[bad].iov_len = 0;
			say_rc("empty", call ? sendmsg(fd[0], &m, 0) : writev(fd[0], iov, 3));
			say_arrived(fd[1]);
			close(fd[0]);
			close(fd[1]);
		}
	}
}

static void send_arguments(const int fd[2])
{
	say_rc("send bad", send(fd[0], BAD, 3, 0));
	say_rc("send bad, nothing", send(fd[0], BAD, 0, 0));
	say_arrived(fd[1]);
	say_rc("write bad", write(fd[0], BAD, 3));
	say_rc("write negative", write(fd[0], buf, (size_t)-1));
	say_arrived(fd[1]);
	say_rc("sendto bad address", sendto(fd[0], buf, 1, 0, BAD, 16));
	say_arrived(fd[1]);
	say_rc("sendto NULL address with a length", sendto(fd[0], "n", 1, 0, NULL, 16));
	say_arrived(fd[1]);
	say_rc("sendto long address", sendto(fd[0], "l", 1, 0, (void *)buf, 200));
	say_arrived(fd[1]);
	say_rc("sendto negative length", sendto(fd[0], "l", 1, 0, (void *)buf, (socklen_t)-1));
	say_arrived(fd[1]);
}

static void sendmsg_arguments(const int fd[2])
{
	struct iovec one = { "m", 1 };
	struct msghdr m = { .msg_iov = BAD, .msg_iovlen = 1 };

	say_rc("sendmsg NULL", sendmsg(fd[0], NULL, 0));
	say_rc("sendmsg bad", sendmsg(fd[0], BAD, 0));
	say_rc("bad iov", sendmsg(fd[0], &m, 0));
	m.msg_iovlen = 0;
	say_rc("bad iov of none", sendmsg(fd[0], &m, 0));
	say_arrived(fd[1]);
	m = (struct msghdr){ .msg_iov = &one, .msg_iovlen = 1025 };
	say_rc("too many", sendmsg(fd[0], &m, 0));
	m.msg_iovlen = (size_t)-1;
	say_rc("minus one", sendmsg(fd[0], &m, 0));
	m = (struct msghdr){ .msg_iov = &one, .msg_iovlen = 1, .msg_control = BAD, .msg_controllen = 64 };
	say_rc("bad control", sendmsg(fd[0], &m, 0));
	say_arrived(fd[1]);
	m.msg_controllen = 8;
	say_rc("short bad control", sendmsg(fd[0], &m, 0));
	say_arrived(fd[1]);
	m.msg_control = NULL;
	m.msg_controllen = 64;
	say_rc("NULL control with a length", sendmsg(fd[0], &m, 0));
	say_arrived(fd[1]);
	m = (struct msghdr){ .msg_iov = &one, .msg_iovlen = 1, .msg_name = BAD, .msg_namelen = 16 };
	say_rc("bad name", sendmsg(fd[0], &m, 0));
	say_arrived(fd[1]);
	m.msg_namelen = (socklen_t)-1;
	say_rc("negative name", sendmsg(fd[0], &m, 0));
	m.msg_namelen = 500;
	m.msg_name = buf;
	say_rc("long name", sendmsg(fd[0], &m, 0));
	say_arrived(fd[1]);
	m.msg_name = NULL;
	say_rc("NULL name with a length", sendmsg(fd[0], &m, 0));
	say_arrived(fd[1]);
}

static void sending_lengths(int type, const int fd[2])
{
	struct iovec one = { "m", 1 }, huge[2] = { { buf, SSIZE_MAX }, { buf, SSIZE_MAX } };
	struct msghdr m = { .msg_iov = huge, .msg_iovlen = 2 };

	if (type == SOCK_DGRAM) {
		say_rc("lengths that overflow", writev(fd[0], huge, 2));
		say_rc("lengths that overflow, sendmsg", sendmsg(fd[0], &m, 0));
	}
	huge[0].iov_len = (size_t)-1;
	m.msg_iovlen = 1;
	say_rc("a negative length", writev(fd[0], huge, 1));
	say_rc("a negative length, sendmsg", sendmsg(fd[0], &m, 0));
	say_rc("writev -1", writev(fd[0], &one, -1));
	say_rc("writev 1025", writev(fd[0], &one, 1025));
	say_rc("writev 0", writev(fd[0], &one, 0));
	say_arrived(fd[1]);
	say_rc("writev bad", writev(fd[0], BAD, 1));
	say_rc("writev bad, 0", writev(fd[0], BAD, 0));
	say_arrived(fd[1]);
}

static void sending(int type)
{
	int fd[2];

	sending_bad_pieces(type);
	say_about("%s sending", type == SOCK_STREAM ? "tcp" : "udp");
	pair_of(type, fd);
	send_arguments(fd);
	sendmsg_arguments(fd);
	sending_lengths(type, fd);
	close(fd[0]);
	close(fd[1]);
}

static void receiving_bad_pieces(int type)
{
	int fd[2];
	char a[8], b[8];

	for (int bad = 0; bad < 3; bad++) {
		for (int call = 0; call < 3; call++) {
			struct iovec iov[3] = { { a, 2 }, { b, 2 }, { buf, 2 } };
			struct msghdr m = { .msg_iov = iov, .msg_iovlen = 3 };
			iov[bad].iov_base = BAD;
			memset(a, '.', sizeof(a));
			memset(b, '.', sizeof(b));
			pair_of(type, fd);
			say_about("%s %s, iovec %d bad", type == SOCK_STREAM ? "tcp" : "udp", call == 2 ? "peek" : call ? "recvmsg" : "readv", bad);
			MUST(send(fd[1], "abcdef", 6, 0));
			MUST(send(fd[1], "ghijkl", 6, 0));
			wait_for(fd[0], POLLIN);
			say_rc("result", call ? recvmsg(fd[0], &m, call == 2 ? MSG_PEEK : 0) : readv(fd[0], iov, 3));
			say("got", "%.2s %.2s", a, b);
			say_arrived(fd[0]);
			say_arrived(fd[0]);
			close(fd[0]);
			close(fd[1]);
		}
	}
}

static void receiving(int type)
{
	int fd[2];
	char a[8];

	receiving_bad_pieces(type);
	say_about("%s receiving", type == SOCK_STREAM ? "tcp" : "udp");
	pair_of(type, fd);
	for (int i = 0; i < 12; i++)
		MUST(send(fd[1], "abcdef", 6, 0));
	wait_for(fd[0], POLLIN);
	socklen_t len = 16;
	union name n;
	say_rc("recv bad", recv(fd[0], BAD, 3, 0));
	say_rc("read bad, nothing", read(fd[0], BAD, 0));
	say_rc("read", read(fd[0], a, 2));
	say_rc("recvfrom bad address", recvfrom(fd[0], a, 2, 0, BAD, &len));
	say_rc("then", read(fd[0], a, 2));
	say_rc("recvfrom bad length", recvfrom(fd[0], a, 2, 0, &n.sa, BAD));
	say_rc("then", read(fd[0], a, 2));
	len = (socklen_t)-1;
	say_rc("recvfrom negative length", recvfrom(fd[0], a, 2, 0, &n.sa, &len));
	say_rc("then", read(fd[0], a, 2));
	say_rc("recvfrom NULL length", recvfrom(fd[0], a, 2, 0, &n.sa, NULL));
	say_rc("recvmsg NULL", recvmsg(fd[0], NULL, 0));
	say_rc("recvmsg bad", recvmsg(fd[0], BAD, 0));
	struct iovec one = { a, 2 };
	struct msghdr m = { .msg_iov = BAD, .msg_iovlen = 1 };
	say_rc("bad iov", recvmsg(fd[0], &m, 0));
	m = (struct msghdr){ .msg_iov = &one, .msg_iovlen = 1025 };
	say_rc("too many", recvmsg(fd[0], &m, 0));
	m = (struct msghdr){ .msg_iov = &one, .msg_iovlen = 1, .msg_control = BAD, .msg_controllen = 64 };
	say_rc("bad control", recvmsg(fd[0], &m, 0));
	say("control length", "%zu", (size_t)m.msg_controllen);
	m = (struct msghdr){ .msg_iov = &one, .msg_iovlen = 1, .msg_name = BAD, .msg_namelen = 16 };
	say_rc("bad name", recvmsg(fd[0], &m, 0));
	say("name length", "%u", m.msg_namelen);
	m.msg_namelen = (socklen_t)-1;
	say_rc("negative name", recvmsg(fd[0], &m, MSG_DONTWAIT));
	m = (struct msghdr){ .msg_iov = &one, .msg_iovlen = 1, .msg_namelen = 77 };
	say_rc("NULL name with a length", recvmsg(fd[0], &m, MSG_DONTWAIT));
	say("name length", "%u", m.msg_namelen);
	say_rc("readv -1", readv(fd[0], &one, -1));
	say_rc("readv 1025", readv(fd[0], &one, 1025));
	say_rc("readv 0", readv(fd[0], &one, 0));
	say_rc("readv bad", readv(fd[0], BAD, 1));
	one.iov_len = (size_t)-1;
	say_rc("a negative length", readv(fd[0], &one, 1));
	close(fd[0]);
	close(fd[1]);
}

/* A pipe of many pieces, one at a time and all together. */
static void many_pieces(int type)
{
	struct iovec iov[1024];
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 1024 };
	int fd[2];

	say_about("%s 1024 pieces", type == SOCK_STREAM ? "tcp" : "udp");
	pair_of(type, fd);
	for (int i = 0; i < 1024; i++)
		iov[i] = (struct iovec){ buf + i * 50, 50 };
	say_rc("sendmsg", sendmsg(fd[0], &m, 0));
	wait_for(fd[1], POLLIN);
	say_rc("recvmsg", recvmsg(fd[1], &m, MSG_DONTWAIT | MSG_TRUNC * 0));
	say_rc("writev", writev(fd[0], iov, 1024));
	say_rc("readv", readv(fd[1], iov, 1024));
	for (int i = 0; i < 1024; i++)
		iov[i] = (struct iovec){ buf, 65 };
	say_rc("longer than a datagram", type == SOCK_DGRAM ? sendmsg(fd[0], &m, 0) : 0);
	close(fd[0]);
	close(fd[1]);
}

/* Flags of every bit, on a quiet pair. */
static void flags(int type)
{
	int fd[2];
	char name[32];

	for (int bit = 0; bit < 32; bit++) {
		unsigned f = 1u << bit;
		say_about("%s flag %#x", type == SOCK_STREAM ? "tcp" : "udp", f);
		pair_of(type, fd);
		if (f != MSG_ZEROCOPY)
			say_rc("send", send(fd[0], "x", 1, (int)f));
		snprintf(name, sizeof(name), "recv");
		MUST(send(fd[0], "yz", 2, 0));
		wait_for(fd[1], POLLIN);
		if (f != MSG_WAITALL && f != MSG_OOB && f != MSG_ERRQUEUE)
			say_rc("recv", recv(fd[1], buf, 10, (int)f));
		struct iovec iov = { buf, 10 };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_flags = -1 };
		MUST(send(fd[0], "abc", 3, 0));
		say_rc("recvmsg", recvmsg(fd[1], &m, (int)(f | MSG_DONTWAIT)));
		say("flags", "%#x", m.msg_flags);
		close(fd[0]);
		close(fd[1]);
	}
}

/* The last page before nothing: what lies over its end can't be copied. */
static void over_the_end(int type)
{
	int fd[2];
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(munmap(page + 4096, 4096));
	memset(page, 'p', 4096);
	say_about("%s over the end of memory", type == SOCK_STREAM ? "tcp" : "udp");
	pair_of(type, fd);
	say_rc("send", send(fd[0], page + 4090, 12, 0));
	say_arrived(fd[1]);
	struct iovec iov[2] = { { "front", 5 }, { page + 4090, 12 } };
	say_rc("writev", writev(fd[0], iov, 2));
	say_arrived(fd[1]);
	MUST(send(fd[1], "0123456789abcdef", 16, 0));
	wait_for(fd[0], POLLIN);
	say_rc("recv", recv(fd[0], page + 4090, 12, 0));
	say_arrived(fd[0]);
	MUST(munmap(page, 4096));
	close(fd[0]);
	close(fd[1]);
}

/*
 * A long buffer that is not there to its end. How much goes is the implementation's (so many octets are copied at a time); that what is told is what has
 * gone, and what has not been told is still there, is not.
 */
static void long_over_the_end(size_t good)
{
	int fd[2];
	char *at = mmap(NULL, 1 << 18, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *end = at + (1 << 18) - 4096;
	ssize_t got, n, rest = 0;

	MUST(mprotect(end, 4096, PROT_NONE));
	say_about("tcp, %zu octets and then nothing", good);
	tcp_pair(AF_INET, fd);
	got = send(fd[0], end - good, good + 10, 0);
	MUST(shutdown(fd[0], SHUT_WR));
	while ((n = recv(fd[1], buf, sizeof(buf), 0)) > 0)
		rest += n;
	say("sent", "%s, and %s", got < 0 ? say_errno(errno) : got <= (ssize_t)good ? "some" : "more than is there",
	    rest == (got > 0 ? got : 0) ? "arrived" : "not so");
	rest = 0;
	MUST(send(fd[1], buf, good + 10, 0));
	MUST(shutdown(fd[1], SHUT_WR));
	wait_for(fd[0], POLLRDHUP);
	got = recv(fd[0], end - good, good + 10, MSG_DONTWAIT);
	while ((n = recv(fd[0], buf, sizeof(buf), 0)) > 0)
		rest += n;
	say("received", "%s, and %s", got < 0 ? say_errno(errno) : got <= (ssize_t)good ? "some" : "more than is there",
	    rest + (got > 0 ? got : 0) == (ssize_t)good + 10 ? "the rest is there" : "not so");
	MUST(munmap(at, 1 << 18));
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM };

	say_start();
	for (int i = 0; i < 2; i++) {
		sending(types[i]);
		receiving(types[i]);
		many_pieces(types[i]);
		flags(types[i]);
		over_the_end(types[i]);
	}
	long_over_the_end(10000);
	long_over_the_end(20000);
	long_over_the_end(50000);
	return 0;
}
