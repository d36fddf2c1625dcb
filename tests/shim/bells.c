/* More threads that poll than one program gets bells (tests/unit-channel, test_shares): who has none is woken, too, if a little later. */
#include <poll.h>
#include <sys/resource.h>
#include "check.h"

#define THREADS 600

static int fds[2];
static _Atomic int started;

static void *poller(void *arg)
{
	struct pollfd p[2] = {{.fd = fds[0], .events = POLLIN}, {.fd = fds[1], .events = POLLIN}};
	(void)arg;
	started++;
	CHECK(poll(p, 2, -1) == 1 && p[0].revents == 0 && p[1].revents == POLLIN);
	return NULL;
}

static void descriptors_raise(void)
{
	struct rlimit r;
	CHECK(getrlimit(RLIMIT_NOFILE, &r) == 0);
	r.rlim_cur = r.rlim_max;
	CHECK(setrlimit(RLIMIT_NOFILE, &r) == 0);
}

int main(void)
{
	static pthread_t t[THREADS];
	struct sockaddr_in a;
	pthread_attr_t small;
	descriptors_raise();
	fds[0] = bound(SOCK_DGRAM, &a);
	fds[1] = bound(SOCK_DGRAM, &a);
	CHECK(pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, 128 << 10) == 0);
	for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&t[i], &small, poller, NULL) == 0);
	while (started < THREADS) sched_yield();
	CHECK(sendto(fds[0], "x", 1, 0, (struct sockaddr *)&a, sizeof a) == 1);
	for (int i = 0; i < THREADS; i++) CHECK(pthread_join(t[i], NULL) == 0);
	return 0;
}
