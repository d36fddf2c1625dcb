/*
 * A client that has more to ask than a connection at a time can answer: its questions lie in a POSIX message queue, and each of its
 * processes, with a connection of its own, takes the next one as soon as it is free. Who is slow delays nobody else.
 *
 *                         ┌─► process 1 ══ connection ══►┐
 *     questions ─► queue ─┼─► process 2 ══ connection ══►┼ server: squares
 *                         └─► process 3 ══ connection ══►┘
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sys/wait.h>

#include "must.h"

enum { CONNECTIONS = 3, QUESTIONS = 60, ENOUGH = 0 };

static void serve(int fd)
{
	int number;

	while (must(recv(fd, &number, sizeof number, MSG_WAITALL)) == sizeof number) {
		number *= number;
		must(send(fd, &number, sizeof number, 0));
	}
	exit(0);
}

static void server(int listener)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		int fd = must(accept(listener, NULL, NULL));

		if (must(fork()) == 0) serve(fd);
		must(close(fd));
	}
	while (wait(NULL) > 0) continue;
	exit(0);
}

/* Writes the sum of its answers, and how many they were, into the pipe. */
static void client(mqd_t queue, struct sockaddr_in there, int result)
{
	int fd = must(socket(AF_INET, SOCK_STREAM, 0)), number, sum[2] = {0};

	must(connect(fd, (struct sockaddr *)&there, sizeof there));
	while (must(mq_receive(queue, (char *)&number, sizeof number, NULL)) == sizeof number && number != ENOUGH) {
		must(send(fd, &number, sizeof number, 0));
		must(recv(fd, &number, sizeof number, MSG_WAITALL));
		sum[0] += number;
		sum[1]++;
	}
	must(write(result, sum, sizeof sum));
	exit(0);
}

int main(void)
{
	struct mq_attr shape = {.mq_maxmsg = 10, .mq_msgsize = sizeof(int)};
	int listener = bound_socket(SOCK_STREAM), result[2], sum[2], total = 0, answers = 0;
	char name[40];
	mqd_t queue;

	snprintf(name, sizeof name, "/magic-client-%d", (int)getpid());
	queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &shape);
	if (queue == (mqd_t)-1) return printf("NOT RUN: no message queues here: %s\n", strerror(errno)), 0;
	must(mq_unlink(name));                                 /* those who have it open keep it */
	must(listen(listener, CONNECTIONS));
	must(pipe(result));
	if (must(fork()) == 0) server(listener);
	for (int i = 0; i < CONNECTIONS; i++)
		if (must(fork()) == 0) client(queue, address_of(listener), result[1]);
	for (int i = 1; i <= QUESTIONS + CONNECTIONS; i++) {   /* waits when ten are not taken yet */
		int number = i <= QUESTIONS ? i : ENOUGH;

		must(mq_send(queue, (char *)&number, sizeof number, 0));
	}
	for (int i = 1; i <= CONNECTIONS; i++) {
		must(read(result[0], sum, sizeof sum));
		printf("~ one connection answered %d\n", sum[1]);
		total += sum[0], answers += sum[1];
	}
	while (wait(NULL) > 0) continue;
	printf("%d questions over %d connections, the sum of all answers is %d\n", answers, CONNECTIONS, total);
	return 0;
}
