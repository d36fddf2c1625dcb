/*
 * Processes that share an epoll file are killed in the middle of using it: those who stay can use it on, and every octet that is there is reported to one of
 * them. After each kill every socket gets an octet, and all are read in the end.
 */
#include "check.h"
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <time.h>

#define PAIRS 6
#define WORKERS 3
#define KILLS 600

static int set, pairs[PAIRS][2];
static pid_t workers[WORKERS];
static uint32_t seed = 1;

static uint32_t chance(uint32_t n) { return (seed = seed * 1664525 + 1013904223) / 65536 % n; }

static int control(int op, int fd, uint32_t events, uint32_t data)
{
	struct epoll_event ev = {.events = events, .data.u32 = data};
	return epoll_ctl(set, op, fd, &ev);
}

/* Each worker also has a socket of its own in the set, and changes the members that it reads. */
static void work(void)
{
	struct epoll_event ev[4];
	char buf[64];
	seed = (uint32_t)getpid();
	for (;;) {
		int mine = socket(AF_INET, SOCK_DGRAM, 0), n;
		CHECK(control(EPOLL_CTL_ADD, mine, EPOLLIN, PAIRS) == 0);
		CHECK((n = epoll_wait(set, ev, 4, -1)) > 0);
		for (int i = 0; i < n; i++) {
			uint32_t at = ev[i].data.u32;
			if (at >= PAIRS) continue;
			CHECK(recv(pairs[at][0], buf, sizeof buf, MSG_DONTWAIT) > 0 || errno == EAGAIN);
			CHECK(control(EPOLL_CTL_MOD, pairs[at][0], EPOLLIN | EPOLLONESHOT, at) == 0);
		}
		CHECK(chance(2) == 0 || control(EPOLL_CTL_DEL, mine, 0, 0) == 0);
		CHECK(close(mine) == 0);
	}
}

static void start(int i)
{
	workers[i] = fork();
	CHECK(workers[i] >= 0);
	if (workers[i] == 0) work();
}

static void stop(int i)
{
	int status;
	CHECK(kill(workers[i], SIGKILL) == 0 && waitpid(workers[i], &status, 0) == workers[i]);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void octets_to_all(void)
{
	for (int i = 0; i < PAIRS; i++) CHECK(send(pairs[i][1], "x", 1, 0) == 1);
}

/* What a killed worker had taken, one-shot, nobody else is told of: as on Linux. Whoever restarts it says so. */
static void members_again(void)
{
	for (uint32_t i = 0; i < PAIRS; i++) CHECK(control(EPOLL_CTL_MOD, pairs[i][0], EPOLLIN | EPOLLONESHOT, i) == 0);
}

static int unread(void)
{
	int all = 0, n;
	for (int i = 0; i < PAIRS; i++) {
		CHECK(ioctl(pairs[i][0], FIONREAD, &n) == 0);
		all += n;
	}
	return all;
}

static void all_is_read(void)
{
	struct timespec moment = {.tv_nsec = 200000};
	for (int i = 0; i < 100000 && unread() > 0; i++) nanosleep(&moment, NULL);
	CHECK(unread() == 0);
}

int main(void)
{
	set = epoll_create1(0);
	CHECK(set >= 0);
	for (uint32_t i = 0; i < PAIRS; i++) {
		tcp_pair(pairs[i]);
		CHECK(control(EPOLL_CTL_ADD, pairs[i][0], EPOLLIN | EPOLLONESHOT, i) == 0);
	}
	for (int i = 0; i < WORKERS; i++) start(i);
	for (int k = 0; k < KILLS; k++) {
		struct timespec soon = {.tv_nsec = chance(600) * 1000};
		int i = (int)chance(WORKERS);
		octets_to_all();
		nanosleep(&soon, NULL);
		stop(i);
		start(i);
		members_again();
		octets_to_all();
		all_is_read();
	}
	for (int i = 0; i < WORKERS; i++) stop(i);
	return 0;
}
