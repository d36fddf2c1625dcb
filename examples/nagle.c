/*
 * Nagle's algorithm holds a short segment back while another is not acknowledged. That saves packets, and hurts who asks in two writes:
 *
 *     client: "GET " ──────────►  server: half a question, nothing to answer: the ACK is delayed in the hope of one
 *             "/index\n" waits for the ACK of the first …
 *
 * TCP_NODELAY turns it off. Times are on the lines with ~; they are as different as the systems that this runs on.
 */
#include <netinet/tcp.h>
#include <sys/wait.h>
#include <time.h>

#include "must.h"

enum { QUESTIONS = 30, LENGTH = 8 };

static void answer(int fd)
{
	char question[LENGTH];

	for (int i = 0; i < QUESTIONS; i++) {
		must(recv(fd, question, LENGTH, MSG_WAITALL));
		must(write(fd, "!", 1));
	}
}

static double ask(int fd)
{
	struct timespec from, to;
	char mark;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < QUESTIONS; i++) {
		must(write(fd, "GET ", 4));
		must(write(fd, "it?\n", LENGTH - 4));
		must(read(fd, &mark, 1));
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	return (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
}

static void measure(const char *how, int nodelay)
{
	socklen_t len = sizeof nodelay;
	double ms;
	int fd[2];

	tcp_pair(fd);
	must(setsockopt(fd[0], IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof nodelay));
	must(getsockopt(fd[0], IPPROTO_TCP, TCP_NODELAY, &nodelay, &len));
	fflush(stdout);
	if (must(fork()) == 0) {
		answer(fd[1]);
		exit(0);
	}
	ms = ask(fd[0]);
	must(wait(NULL));
	printf("%s (TCP_NODELAY is %d): %d questions in two writes each, %d answers\n", how, nodelay, QUESTIONS, QUESTIONS);
	printf("~ %.3f ms for each\n", ms / QUESTIONS);
	must(close(fd[0]));
	must(close(fd[1]));
}

int main(void)
{
	measure("with Nagle", 0);
	measure("without", 1);
	return 0;
}
