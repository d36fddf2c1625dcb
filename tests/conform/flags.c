/* The flags of send and recv on a stream: PEEK, TRUNC, WAITALL, DONTWAIT, MORE, NOSIGNAL, the ones that mean nothing; lengths and pieces. */
#include "say.h"
#include <pthread.h>

static char buf[1 << 20];
static int fd[2];

static void fill(const char *text)
{
	MUST(send(fd[0], text, strlen(text), 0));
	while (true) {
		int n = 0;

		MUST(ioctl(fd[1], FIONREAD, &n));
		if (n >= (int)strlen(text))
			return;
		wait_for(fd[1], POLLIN);
	}
}

static void say_recv(const char *name, size_t len, int flags)
{
	memset(buf, '.', 16);
	long n = recv(fd[1], buf, len, flags);

	if (n < 0)
		say(name, "%s", say_errno(errno));
	else
		say(name, "%ld %.12s", n, buf);
}

static void peek(int family)
{
	int n = 0;
	struct iovec iov[2] = { { buf, 2 }, { buf + 8, 3 } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2, .msg_flags = 0x7777, .msg_controllen = 5 };

	say_about("%s peek and trunc", family_text(family));
	tcp_pair(family, fd);
	say_recv("empty", 4, MSG_DONTWAIT);
	say_recv("empty peek", 4, MSG_DONTWAIT | MSG_PEEK);
	fill("0123456789");
	say_recv("peek 4", 4, MSG_PEEK);
	say_recv("peek 100", 100, MSG_PEEK);
	say_recv("peek waitall 4", 4, MSG_PEEK | MSG_WAITALL);
	say_recv("waitall dontwait 100", 100, MSG_PEEK | MSG_WAITALL | MSG_DONTWAIT);
	say_recv("length 0", 0, 0);
	say_recv("trunc 3", 3, MSG_TRUNC);
	MUST(ioctl(fd[1], FIONREAD, &n));
	say("left", "%d", n);
	say_recv("peek trunc 3", 3, MSG_TRUNC | MSG_PEEK);
	MUST(ioctl(fd[1], FIONREAD, &n));
	say("left", "%d", n);
	say_rc("recvmsg", recvmsg(fd[1], &m, MSG_PEEK));
	say("fields", "flags %#x controllen %zu %.2s %.3s", m.msg_flags, (size_t)m.msg_controllen, buf, buf + 8);
	say_rc("recvmsg trunc", recvmsg(fd[1], &m, MSG_TRUNC));
	say("fields", "flags %#x", m.msg_flags);
	say_rc("trunc all", recv(fd[1], NULL, 100, MSG_TRUNC));
	say_recv("empty", 4, MSG_DONTWAIT);
	close(fd[0]);
	say("gone", "%d", wait_for(fd[1], POLLRDHUP));
	say_recv("eof", 4, MSG_WAITALL);
	say_recv("eof peek", 4, MSG_PEEK);
	say_recv("eof length 0", 0, 0);
	close(fd[1]);
}

static void odd_flags(int family)
{
	static const struct { int flag; const char *text; } f[] = {
		{ MSG_OOB, "OOB" }, { MSG_DONTROUTE, "DONTROUTE" }, { MSG_CTRUNC, "CTRUNC" }, { MSG_EOR, "EOR" }, { MSG_CONFIRM, "CONFIRM" },
		{ MSG_ERRQUEUE, "ERRQUEUE" }, { MSG_MORE, "MORE" }, { MSG_CMSG_CLOEXEC, "CMSG_CLOEXEC" }, { MSG_WAITFORONE, "WAITFORONE" },
		{ MSG_TRUNC, "TRUNC" }, { MSG_PEEK, "PEEK" }, { MSG_WAITALL, "WAITALL" }, { MSG_PROXY, "PROXY" }, { 0x400000, "0x400000" },
		{ (int)0x80000000, "0x80000000" }, { MSG_FIN, "FIN" }, { MSG_SYN, "SYN" }, { MSG_RST, "RST" },
	};

	tcp_pair(family, fd);
	for (size_t i = 0; i < sizeof(f) / sizeof(*f); i++) {
		say_about("%s flag %s", family_text(family), f[i].text);
		if (f[i].flag != MSG_OOB)
			say_rc("send", send(fd[0], "abc", 3, f[i].flag | MSG_DONTWAIT));
		say_rc("recv empty", recv(fd[0], buf, 3, f[i].flag | MSG_DONTWAIT));
		say_rc("send to unsent", send(fd[0], "", 0, 0));
		int total = 0, n = 0;
		MUST(send(fd[0], "z", 1, 0));
		while (total < (f[i].flag == MSG_OOB ? 1 : 4)) {
			if (!wait_for(fd[1], POLLIN))
				break;
			n = MUST(recv(fd[1], buf, sizeof(buf), 0));
			total += n;
		}
		say("arrived", "%d", total);
	}
	close(fd[0]);
	close(fd[1]);
}

/* Sends in pieces from another thread. */
static void *piecewise(void *arg)
{
	for (int i = 0; i < 10; i++) {
		struct timespec t = { 0, 5000000 };

		nanosleep(&t, NULL);
		send(fd[0], "0123456789", 10, 0);
	}
	if (arg)
		shutdown(fd[0], SHUT_WR);
	return NULL;
}

static void waitall(int family)
{
	pthread_t t;
	struct timeval tv = { 0, 100000 };
	struct iovec iov[3] = { { buf, 10 }, { buf + 10, 0 }, { buf + 20, 30 } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 3 };

	say_about("%s waitall", family_text(family));
	tcp_pair(family, fd);
	pthread_create(&t, NULL, piecewise, NULL);
	say_rc("60", recv(fd[1], buf, 60, MSG_WAITALL));
	say_rc("recvmsg 40", recvmsg(fd[1], &m, MSG_WAITALL));
	pthread_join(t, NULL);
	pthread_create(&t, NULL, piecewise, "end");
	say_rc("100 of 90", recv(fd[1], buf, 95, MSG_WAITALL));
	say_rc("200", recv(fd[1], buf, 200, MSG_WAITALL));
	say_rc("200 at end", recv(fd[1], buf, 200, MSG_WAITALL));
	pthread_join(t, NULL);
	close(fd[0]);
	close(fd[1]);
	say_about("%s waitall with timeout", family_text(family));
	tcp_pair(family, fd);
	MUST(setsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	fill("abc");
	say_rc("10 of 3", recv(fd[1], buf, 10, MSG_WAITALL));
	say_rc("10 of 0", recv(fd[1], buf, 10, MSG_WAITALL));
	close(fd[0]);
	close(fd[1]);
}

static void lowat(int family)
{
	pthread_t t;

	say_about("%s SO_RCVLOWAT", family_text(family));
	tcp_pair(family, fd);
	set_int(fd[1], SOL_SOCKET, SO_RCVLOWAT, 5);
	fill("abc");
	say_poll("below", fd[1]);
	say_recv("below", 100, MSG_DONTWAIT);
	fill("abcde");
	say_poll("at", fd[1]);
	say_recv("at", 100, 0);
	pthread_create(&t, NULL, piecewise, NULL);
	set_int(fd[1], SOL_SOCKET, SO_RCVLOWAT, 25);
	long n = recv(fd[1], buf, 100, 0);
	say("blocks for enough", "%d", n >= 25);
	pthread_join(t, NULL);
	close(fd[0]);
	close(fd[1]);
}

static void pieces(int family)
{
	struct iovec iov[4] = { { "ab", 2 }, { NULL, 0 }, { "cde", 3 }, { "f", 1 } }, in[3] = { { buf, 1 }, { buf + 10, 0 }, { buf + 20, 9 } };

	say_about("%s pieces", family_text(family));
	tcp_pair(family, fd);
	say_rc("writev", writev(fd[0], iov, 4));
	wait_for(fd[1], POLLIN);
	memset(buf, 0, 32);
	say_rc("readv", readv(fd[1], in, 3));
	say("text", "%s %s", buf, buf + 20);
	say_rc("writev 0", writev(fd[0], iov, 0));
	say_rc("writev -1", writev(fd[0], iov, -1));
	say_rc("writev 1025", writev(fd[0], iov, 1025));
	say_rc("readv 1025", readv(fd[1], in, 1025));
	iov[0].iov_len = (size_t)-1;
	say_rc("writev huge", writev(fd[0], iov, 1));
	iov[0] = (struct iovec){ (void *)8, 4 };
	say_rc("writev bad", writev(fd[0], iov, 2));
	iov[0] = (struct iovec){ "ok", 2 };
	iov[1] = (struct iovec){ (void *)8, 4 };
	say_rc("pwrite", pwrite(fd[0], "x", 1, 0));
	say_rc("pread", pread(fd[1], buf, 1, 0));
	say_rc("lseek", lseek(fd[0], 0, SEEK_SET));
	close(fd[0]);
	close(fd[1]);
}

/* A sender that does not wait fills the buffers; what is accepted arrives, no more and no less. */
static void fill_up(int family)
{
	long sent = 0, got = 0, n;

	say_about("%s full", family_text(family));
	tcp_pair(family, fd);
	while ((n = send(fd[0], buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		sent += n;
	say_rc("at last", n);
	say("some went", "%d", sent > 100000);
	say_poll("writer", fd[0]);
	say_poll("reader", fd[1]);
	while (got < sent && (n = recv(fd[1], buf, sizeof(buf), 0)) > 0)
		got += n;
	say("all came", "%d", got == sent);
	say("room again", "%d", wait_for(fd[0], POLLOUT));
	say_recv("nothing more", 10, MSG_DONTWAIT);
	close(fd[0]);
	close(fd[1]);
}

/* What is less than a segment waits in a corked socket for the cork to go, or for 200 ms, within which all of this must be said. */
static bool corked_once(int family, char text[256])
{
	long begin = now_ms(), got[3];
	bool there;

	tcp_pair(family, fd);
	send(fd[0], "ab", 2, 0);
	got[0] = wait_for(fd[1], POLLIN) ? recv(fd[1], buf, 10, MSG_DONTWAIT) : -1;
	set_int(fd[0], IPPROTO_TCP, TCP_CORK, 1);
	send(fd[0], "cd", 2, 0);
	send(fd[0], "ef", 2, 0);
	got[1] = recv(fd[1], buf, 10, MSG_DONTWAIT);
	long took = now_ms() - begin;
	set_int(fd[0], IPPROTO_TCP, TCP_CORK, 0);
	got[2] = wait_for(fd[1], POLLIN) ? recv(fd[1], buf, 10, MSG_DONTWAIT) : -1;
	send(fd[0], "gh", 2, 0);
	there = wait_for(fd[1], POLLIN);
	snprintf(text, 256, "%ld, corked %ld, then %ld, then %d", got[0], got[1], got[2], there);
	close(fd[0]);
	close(fd[1]);
	return took < 100;
}

static void corked(int family)
{
	char text[256] = "";

	say_about("%s corked", family_text(family));
	for (int tries = 0; tries < 50 && !corked_once(family, text); tries++) {}
	say("octets", "%s", text);
}

/* MSG_TRUNC throws away what came; all of it with MSG_WAITALL. */
static void thrown_away(int family)
{
	say_about("%s thrown away", family_text(family));
	tcp_pair(family, fd);
	if (fork() == 0) {
		send(fd[0], buf, sizeof(buf), 0);
		_exit(0);
	}
	say_rc("MSG_WAITALL|MSG_TRUNC", recv(fd[1], NULL, sizeof(buf), MSG_WAITALL | MSG_TRUNC));
	wait(NULL);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	static const int families[] = { AF_INET, AF_INET6 };

	say_start();
	for (int i = 0; i < 2; i++) {
		peek(families[i]);
		odd_flags(families[i]);
		waitall(families[i]);
		lowat(families[i]);
		pieces(families[i]);
		fill_up(families[i]);
		corked(families[i]);
		thrown_away(families[i]);
	}
	return 0;
}
