/* Threads on one epoll instance: each event is reported to one of them (one-shot), none is lost, and nobody sleeps for ever. */
#include "check.h"
#include <sys/epoll.h>

#define PAIRS 40
#define THREADS 6
#define ROUNDS 300

static int pairs[PAIRS][2], epfd;
static int seen[PAIRS];
static long total;

static void *wait_and_answer(void *arg)
{
	struct epoll_event ev[8];
	char c;
	(void)arg;
	for (;;) {
		int n = epoll_wait(epfd, ev, 8, -1);
		CHECK(n > 0);
		for (int i = 0; i < n; i++) {
			int k = (int)ev[i].data.u32;
			if (k == PAIRS) return NULL;
			CHECK(__atomic_exchange_n(&seen[k], 1, __ATOMIC_SEQ_CST) == 0);   /* one-shot: nobody else has it */
			CHECK(read(pairs[k][1], &c, 1) == 1);
			__atomic_fetch_add(&total, 1, __ATOMIC_SEQ_CST);
			__atomic_store_n(&seen[k], 0, __ATOMIC_SEQ_CST);
			struct epoll_event again = {.events = EPOLLIN | EPOLLONESHOT, .data.u32 = ev[i].data.u32};
			CHECK(epoll_ctl(epfd, EPOLL_CTL_MOD, pairs[k][1], &again) == 0);
			CHECK(write(pairs[k][1], "r", 1) == 1);
		}
	}
}

static void run(bool with_pipe)
{
	pthread_t t[THREADS];
	int pipes[2], stop[2];
	char c;
	total = 0;
	epfd = epoll_create1(0);
	CHECK(pipe(pipes) == 0 && pipe(stop) == 0);
	struct epoll_event ev = {.events = EPOLLIN, .data.u32 = PAIRS};
	if (with_pipe) CHECK(epoll_ctl(epfd, EPOLL_CTL_ADD, pipes[0], &ev) == 0);
	for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&t[i], NULL, wait_and_answer, NULL) == 0);
	for (int i = 0; i < PAIRS; i++) {
		tcp_pair(pairs[i]);
		struct epoll_event e = {.events = EPOLLIN | EPOLLONESHOT, .data.u32 = (uint32_t)i};
		CHECK(epoll_ctl(epfd, EPOLL_CTL_ADD, pairs[i][1], &e) == 0);
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < PAIRS; i++) CHECK(write(pairs[i][0], "q", 1) == 1);
		for (int i = 0; i < PAIRS; i++) CHECK(read(pairs[i][0], &c, 1) == 1);
	}
	CHECK(total == PAIRS * ROUNDS);
	CHECK(epoll_ctl(epfd, EPOLL_CTL_ADD, stop[0], &ev) == 0 && write(stop[1], "s", 1) == 1);
	for (int i = 0; i < THREADS; i++) CHECK(pthread_join(t[i], NULL) == 0);
	for (int i = 0; i < PAIRS; i++) close(pairs[i][0]), close(pairs[i][1]);
	close(epfd);
}

int main(void)
{
	run(false);
	run(true);
	return 0;
}
