/* Forks out of a program whose threads are busy with sockets: the child, with one thread and copies of our tables, uses them at once. */
#include "check.h"
#include <poll.h>
#include <sys/epoll.h>

/* Each leaves a port behind for a minute, and all of a slow machine's runs must find one. */
#define PAIRS_MAX 4000

static volatile bool stop;

static void *busy(void *arg)
{
	int pair[2];
	(void)arg;
	for (int n = 0; n < PAIRS_MAX && !stop; n++) {
		tcp_pair(pair);
		for (int i = 0; i < 50; i++) talk(pair[0], pair[1]);
		close(pair[0]);
		close(pair[1]);
	}
	return NULL;
}

static void child(int fd, int epfd)
{
	struct sockaddr_in a;
	struct epoll_event ev;
	char c;
	CHECK(epoll_wait(epfd, &ev, 1, 5000) == 1 && ev.data.u64 == 77);
	CHECK(read(fd, &c, 1) == 1 && write(fd, "c", 1) == 1);
	struct pollfd p[2] = {{fd, POLLIN, 0}, {bound(SOCK_DGRAM, &a), POLLIN, 0}};
	CHECK(poll(p, 2, 5) == 0);
	_exit(0);
}

int main(void)
{
	pthread_t t[3];
	for (int i = 0; i < 3; i++) CHECK(pthread_create(&t[i], NULL, busy, NULL) == 0);
	for (int i = 0; i < 100; i++) {
		int pair[2], epfd = epoll_create1(0);
		char c;
		struct epoll_event ev = {.events = EPOLLIN, .data.u64 = 77};
		tcp_pair(pair);
		CHECK(epoll_ctl(epfd, EPOLL_CTL_ADD, pair[1], &ev) == 0);
		pid_t pid = fork();
		if (pid == 0) child(pair[1], epfd);
		CHECK(write(pair[0], "p", 1) == 1 && read(pair[0], &c, 1) == 1 && c == 'c');
		child_ends_well(pid);
		close(pair[0]);
		close(pair[1]);
		close(epfd);
	}
	stop = true;
	for (int i = 0; i < 3; i++) pthread_join(t[i], NULL);
	return 0;
}
