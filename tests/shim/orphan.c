/*
 * Processes that outlive the one they were forked from: what they inherited of it must not end with it. Here the engine must still be woken at once
 * by what they send.
 */
#include <time.h>
#include "check.h"

static long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void echo(int fd)
{
	char c;
	while (read(fd, &c, 1) == 1) CHECK(write(fd, &c, 1) == 1);
	_exit(0);
}

/* In between the network sleeps: nothing but the octet's own doorbell can wake it. */
static void ask(int fd)
{
	for (int i = 0; i < 5; i++) {
		char c;
		usleep(300000);
		long t = now_ms();
		CHECK(write(fd, "x", 1) == 1 && read(fd, &c, 1) == 1);
		CHECK(now_ms() - t < 100);
	}
}

/* The first of the family to have sockets; it is gone when its child goes on. */
static void parent(int tell)
{
	int pair[2];
	tcp_pair(pair);
	talk(pair[0], pair[1]);
	if (fork() == 0) {
		close(pair[0]);
		echo(pair[1]);
	}
	close(pair[1]);
	if (fork() != 0) _exit(0);
	usleep(100000);
	ask(pair[0]);
	CHECK(write(tell, "k", 1) == 1);
	_exit(0);
}

int main(void)
{
	int told[2];
	char c;
	CHECK(pipe(told) == 0);
	pid_t pid = fork();
	if (pid == 0) parent(told[1]);
	child_ends_well(pid);
	close(told[1]);
	CHECK(read(told[0], &c, 1) == 1);
	return 0;
}
