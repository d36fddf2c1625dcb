/* Sending on when the connection is full: with each flag that has a meaning of its own, waiting in the call, in poll, and for an edge of epoll. */
#include "say.h"
#include <pthread.h>

#define TOTAL (6 << 20)
#define PIECE 50000

enum way { BLOCKING, POLLING, EDGES };
static const char *const ways[] = { "blocking", "poll", "edges" };

static char piece[PIECE];

/* Sends on until TOTAL octets are gone or, with `stop`, there is no room. Octets sent so far. */
static long put(int fd, long sent, int flag, enum way w, int set, bool stop)
{
	while (sent < TOTAL) {
		size_t len = TOTAL - sent < PIECE ? (size_t)(TOTAL - sent) : PIECE;
		long n = send(fd, piece, len, flag | (stop || w != BLOCKING ? MSG_DONTWAIT : 0));
		struct epoll_event ev;

		if (n < 0 && errno != EAGAIN)
			return say_rc("send", n);
		if (n < 0 && stop)
			break;
		if (n > 0)
			sent += n;
		else if (w == POLLING)
			wait_for(fd, POLLOUT);
		else if (MUST(epoll_wait(set, &ev, 1, 20000)) != 1)
			return say_rc("no edge after", sent);
	}
	return sent;
}

/* Reads all in pieces of another size; the number of octets comes back. */
static void *take(void *arg)
{
	static char buf[30000];
	long got = 0, n;

	while ((n = recv(*(int *)arg, buf, sizeof(buf), 0)) > 0)
		got += n;
	return (void *)got;
}

static void full(const char *name, int flag, enum way w)
{
	int fd[2], set = MUST(epoll_create1(0));
	struct epoll_event ev = { .events = EPOLLOUT | EPOLLET };
	pthread_t reader;
	void *got;

	say_about("%s, %s", name, ways[w]);
	tcp_pair(AF_INET, fd);
	set_int(fd[1], SOL_SOCKET, SO_OOBINLINE, 1);
	set_int(fd[0], SOL_SOCKET, SO_SNDBUF, 100000);
	set_int(fd[1], SOL_SOCKET, SO_RCVBUF, 100000);
	MUST(epoll_ctl(set, EPOLL_CTL_ADD, fd[0], &ev));
	long sent = put(fd[0], 0, flag, w, set, true);
	say("is full", "%d", sent < TOTAL);
	MUST(pthread_create(&reader, NULL, take, &fd[1]));
	say_rc("sent", put(fd[0], sent, flag, w, set, false));
	MUST(shutdown(fd[0], SHUT_WR));
	pthread_join(reader, &got);
	say("arrived", "%ld", (long)got);
	close(set);
	close(fd[0]);
	close(fd[1]);
}

/* TCP_NOTSENT_LOWAT: what waits behind a window that is shut counts as much as what would be sent if there were more. */
static void unsent(void)
{
	int fd[2];

	say_about("TCP_NOTSENT_LOWAT");
	tcp_pair(AF_INET, fd);
	set_int(fd[1], SOL_SOCKET, SO_RCVBUF, 4096);
	set_int(fd[0], IPPROTO_TCP, TCP_NOTSENT_LOWAT, 1);
	long sent = put(fd[0], 0, 0, POLLING, -1, true);
	say("not all is taken", "%d", sent > 0 && sent < TOTAL);
	say("room", "%d", poll(&(struct pollfd){ .fd = fd[0], .events = POLLOUT }, 1, 0));
	set_int(fd[0], IPPROTO_TCP, TCP_NOTSENT_LOWAT, 1 << 20);
	say("room with another bound", "%d", wait_for(fd[0], POLLOUT));
	say("more is taken", "%d", put(fd[0], sent, 0, POLLING, -1, true) > sent);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	static const struct { const char *name; int flag; } flags[] = { { "plain", 0 }, { "MORE", MSG_MORE }, { "EOR", MSG_EOR }, { "OOB", MSG_OOB } };

	say_start();
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		for (enum way w = BLOCKING; w <= EDGES; w++)
			full(flags[i].name, flags[i].flag, w);
	unsent();
	return 0;
}
