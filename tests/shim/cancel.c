/* Threads cancelled in blocking calls run their cleanup handlers and leave nothing locked behind. */
#include "check.h"
#include <poll.h>
#include <sys/epoll.h>

static int pair[2], listener, cleaned;
static struct sockaddr_in listener_name;

static void clean(void *arg)
{
	(void)arg;
	__atomic_fetch_add(&cleaned, 1, __ATOMIC_SEQ_CST);
}

static void block(int how)
{
	char buf[65536];
	struct pollfd p = {pair[1], POLLIN, 0};
	struct epoll_event ev = {.events = EPOLLIN};
	int e;
	switch (how) {
	case 0: recv(pair[1], buf, 1, 0); break;
	case 1: read(pair[1], buf, 1); break;
	case 2: accept(listener, NULL, NULL); break;
	case 3: poll(&p, 1, -1); break;
	case 4:
		e = epoll_create1(0);
		epoll_ctl(e, EPOLL_CTL_ADD, pair[1], &ev);
		epoll_wait(e, &ev, 1, -1);
		break;
	default:
		for (;;) send(pair[0], buf, sizeof buf, 0);
	}
}

static void *blocked(void *arg)
{
	pthread_cleanup_push(clean, NULL);
	block((int)(long)arg);
	pthread_cleanup_pop(0);
	return NULL;
}

int main(void)
{
	tcp_pair(pair);
	listener = bound(SOCK_STREAM, &listener_name);
	for (long how = 0; how < 6; how++) {
		pthread_t t;
		void *result;
		CHECK(pthread_create(&t, NULL, blocked, (void *)how) == 0);
		usleep(20000);
		CHECK(pthread_cancel(t) == 0 && pthread_join(t, &result) == 0 && result == PTHREAD_CANCELED);
		CHECK(cleaned == how + 1);
	}
	/* The direction that the last one filled is not locked. */
	static char buf[65536];
	while (recv(pair[1], buf, sizeof buf, MSG_DONTWAIT) > 0 || usleep(1000) == 0) {
		int left = 0;
		if (send(pair[0], "x", 1, MSG_DONTWAIT) == 1 && left == 0) break;
	}
	return 0;
}
