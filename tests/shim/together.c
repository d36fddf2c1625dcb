/*
 * Signals that arrive together: the kernel then starts the second handler on top of the first, before its first instruction. Neither may run inside
 * a critical section, and none may be lost.
 */
#include <signal.h>
#include <sys/mman.h>
#include "check.h"

#define ROUNDS 3000

static int pair[2];
static volatile sig_atomic_t came[2], inside;
static volatile long *taken;       /* shared with the nagger: rounds that are through */

/* The same connection, the same locks as below. */
static void on_signal(int sig)
{
	int saved = errno;
	char c;
	inside++;
	CHECK(write(pair[0], "h", 1) == 1);
	CHECK(recv(pair[1], &c, 1, MSG_PEEK | MSG_DONTWAIT) >= -1);
	inside--;
	came[sig == SIGUSR2]++;
	if (came[0] == came[1]) *taken = came[0];
	errno = saved;
}

static void nag(pid_t whom)
{
	for (long i = 0; i < ROUNDS; i++) {
		kill(whom, SIGUSR1);
		kill(whom, SIGUSR2);
		for (int k = 0; *taken <= i; k++) {
			CHECK(k < 100000);
			usleep(20);
		}
	}
	_exit(0);
}

int main(void)
{
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	static char out[3000], in[200000];
	taken = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	tcp_pair(pair);
	CHECK(sigaction(SIGUSR1, &act, NULL) == 0 && sigaction(SIGUSR2, &act, NULL) == 0);
	alarm(40);
	pid_t self = getpid(), nagger = fork();
	if (nagger == 0) nag(self);
	while (*taken < ROUNDS) {
		CHECK(write(pair[0], out, sizeof out) == sizeof out);
		for (size_t got = 0; got < sizeof out;) {
			ssize_t n = read(pair[1], in, sizeof in);
			CHECK(n > 0);
			got += (size_t)n;
		}
	}
	CHECK(came[0] == ROUNDS && came[1] == ROUNDS && inside == 0);
	child_ends_well(nagger);
	return 0;
}
