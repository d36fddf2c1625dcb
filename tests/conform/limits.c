/*
 * How much fits: datagrams of each size into each SO_RCVBUF, again after they were read, and what SO_SNDBUF refuses; SO_RCVLOWAT, and when a stream that
 * nobody reads takes no more and takes some again. How many octets that are depends on how each side sets up its buffers and is not said.
 */
#include "say.h"
#include <pthread.h>

static char octets[70000];

static int drained(int fd)
{
	int n = 0;

	while (recv(fd, octets, sizeof(octets), MSG_DONTWAIT) >= 0)
		n++;
	return n;
}

static void datagrams(int family, int rcvbuf, size_t size)
{
	int fd[2], sent = 0;

	udp_pair(family, fd);
	if (rcvbuf)
		set_int(fd[1], SOL_SOCKET, SO_RCVBUF, rcvbuf);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 300; i++)
			sent += send(fd[0], octets, size, 0) == (ssize_t)size;
		say_about("udp %s SO_RCVBUF %d, %zu octets", family_text(family), rcvbuf, size);
		say("fit", "%d", drained(fd[1]));
	}
	say("sent", "%d", sent);
	close(fd[0]);
	close(fd[1]);
}

static void sndbuf(int family)
{
	static const size_t sizes[] = { 0, 1, 4608, 20000, 60000, 65463, 65464, 65507, 65508, 65527, 65528 };
	int fd[2];

	udp_pair(family, fd);
	for (int v = 1; v < 100000; v += 40000) {
		set_int(fd[0], SOL_SOCKET, SO_SNDBUF, v);
		say_about("udp %s SO_SNDBUF %d", family_text(family), v);
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			char what[32];
			snprintf(what, sizeof(what), "%zu", sizes[i]);
			say_rc(what, send(fd[0], octets, sizes[i], 0));
			say_poll("poll", fd[0]);
			drained(fd[1]);
		}
	}
	close(fd[0]);
	close(fd[1]);
}

static void lowat(int family)
{
	struct timeval soon = { 0, 20000 };
	int fd[2], udp[2];

	say_about("SO_RCVLOWAT %s", family_text(family));
	tcp_pair(family, fd);
	set_int(fd[1], SOL_SOCKET, SO_RCVLOWAT, 10);
	MUST(setsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)));
	MUST(send(fd[0], octets, 5, 0));
	say_poll("five", fd[1]);
	say_rc("peek", recv(fd[1], octets, 100, MSG_PEEK | MSG_DONTWAIT));
	say_rc("five", recv(fd[1], octets, 100, 0));
	MUST(send(fd[0], octets, 10, 0));
	say_poll("ten", fd[1]);
	say_rc("three of them", recv(fd[1], octets, 3, 0));
	say_poll("seven left", fd[1]);
	say_rc("seven", recv(fd[1], octets, 100, MSG_DONTWAIT));
	MUST(send(fd[0], octets, 5, 0));
	MUST(shutdown(fd[0], SHUT_WR));
	say("end", "%d", wait_for(fd[1], POLLRDHUP));
	say_poll("five and the end", fd[1]);
	say_rc("five and the end", recv(fd[1], octets, 100, 0));
	say_rc("the end", recv(fd[1], octets, 100, 0));
	udp_pair(family, udp);
	set_int(udp[1], SOL_SOCKET, SO_RCVLOWAT, 100);
	MUST(send(udp[0], octets, 1, 0));
	say_poll("of datagrams", udp[1]);
	say_rc("of datagrams", recv(udp[1], octets, 100, MSG_DONTWAIT));
	for (int i = 0; i < 2; i++) {
		close(fd[i]);
		close(udp[i]);
	}
}

/* Until there is room again, reading what has come: false if there never is. */
static bool room_comes(int from, int to)
{
	for (long end = now_ms() + 10000; now_ms() < end;) {
		struct pollfd p = { .fd = from, .events = POLLOUT };
		if (poll(&p, 1, 0) == 1)
			return true;
		wait_for(to, POLLIN);
		MUST(recv(to, octets, sizeof(octets), MSG_DONTWAIT));
	}
	return false;
}

/* Until it takes no more: octets. The kernel's segments may arrive a moment later, and then there is some room again. */
static long fill(int fd)
{
	long total = 0, n;

	while ((n = send(fd, octets, sizeof(octets), MSG_DONTWAIT)) > 0)
		total += n;
	say_rc("full", n);
	return total;
}

static void stream(int family, int size)
{
	long total;
	int fd[2], unread, unsent;

	say_about("tcp %s SO_SNDBUF %d", family_text(family), size);
	tcp_pair(family, fd);
	if (size)
		set_int(fd[0], SOL_SOCKET, SO_SNDBUF, size);
	set_nonblocking(fd[0]);
	total = fill(fd[0]);
	say("as much as SO_SNDBUF", "%d", total >= size);
	MUST(ioctl(fd[1], FIONREAD, &unread));
	MUST(ioctl(fd[0], TIOCOUTQ, &unsent));
	say("some here, some there", "%d %d", unread > 0, unsent > 0);
	say("room comes", "%d", room_comes(fd[0], fd[1]));
	say("takes some", "%d", send(fd[0], octets, 1, 0) == 1);
	close(fd[0]);
	close(fd[1]);
}

/* Whoever waits for room has it when SO_SNDBUF grows. */
static void *blocked_send(void *fd)
{
	return (void *)send(*(int *)fd, octets, 20000, 0);
}

static void raised(int family)
{
	int l = bound(family, SOCK_STREAM), fd = MUST(socket(family, SOCK_STREAM, 0)), peer;
	union name n;
	pthread_t thread;
	void *sent;

	say_about("tcp %s raised", family_text(family));
	set_int(l, SOL_SOCKET, SO_RCVBUF, 4096);
	set_int(fd, SOL_SOCKET, SO_SNDBUF, 4096);
	MUST(listen(l, 1));
	n = name_lo(family, port_of(l));
	MUST(connect(fd, &n.sa, name_len(family)));
	peer = MUST(accept(l, NULL, NULL));
	fill(fd);
	MUST(pthread_create(&thread, NULL, blocked_send, &fd));
	set_int(fd, SOL_SOCKET, SO_SNDBUF, 200000);
	MUST(pthread_join(thread, &sent));
	say("sent", "%ld", (long)sent);
	say("room", "%d", wait_for(fd, POLLOUT));
	close(fd);
	close(peer);
	close(l);
}

int main(void)
{
	static const int families[] = { AF_INET, AF_INET6 }, rcvbufs[] = { 0, 1, 5000, 20000 };
	static const size_t sizes[] = { 0, 1, 100, 300, 1000, 4000, 20000, 60000 };

	say_start();
	for (int f = 0; f < 2; f++) {
		for (size_t i = 0; i < sizeof(rcvbufs) / sizeof(*rcvbufs); i++)
			for (size_t j = 0; j < sizeof(sizes) / sizeof(*sizes); j++)
				datagrams(families[f], rcvbufs[i], sizes[j]);
		sndbuf(families[f]);
		lowat(families[f]);
		stream(families[f], 0);
		stream(families[f], 1);
		stream(families[f], 20000);
		raised(families[f]);
	}
	return 0;
}
