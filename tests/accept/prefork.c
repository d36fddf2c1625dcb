/* Forked children share a listening socket: prefork CHILDREN CONNECTIONS. Each connection asks a number and gets it back changed. */
#include "accept.h"

#define CLIENTS 20
#define MASK 0x5a5a5a5a5a5a5a5aull

static void serve(int l)
{
	uint64_t v;

	for (;;) {
		int a = accept(l, NULL, NULL);

		if (a < 0)
			_exit(1);
		if (recv_all(a, &v, sizeof(v)) == sizeof(v)) {
			v ^= MASK;
			send_all(a, &v, sizeof(v));
		}
		close(a);
	}
}

static void ask(unsigned port, int family, uint64_t from, uint64_t count)
{
	for (uint64_t i = from; i < from + count; i++) {
		int c = connected_to(family, SOCK_STREAM, port);
		uint64_t v = i;

		if (!send_all(c, &v, sizeof(v)) || recv_all(c, &v, sizeof(v)) != sizeof(v) || v != (i ^ MASK))
			fail("connection %lu got no or a wrong answer", i);
		if (recv(c, &v, 1, 0) != 0)
			fail("connection %lu does not end", i);
		close(c);
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	long children = argument(argc, argv, 1, 200), connections = argument(argc, argv, 2, 2000), status;
	int l = listening(AF_INET, 512), bad = 0, ends;
	pid_t *server = calloc((size_t)children, sizeof(*server)), client[CLIENTS];

	alarm(300);
	for (long i = 0; i < children; i++)
		if ((server[i] = fork()) == 0)
			serve(l);
	for (int i = 0; i < CLIENTS; i++)
		if ((client[i] = fork()) == 0)
			ask(port_of(l), AF_INET, (uint64_t)(i * connections / CLIENTS), (uint64_t)(connections / CLIENTS));
	for (int i = 0; i < CLIENTS; i++) {
		waitpid(client[i], &ends, 0);
		bad += ends != 0;
	}
	status = 0;
	for (long i = 0; i < children; i++) {
		kill(server[i], SIGKILL);
		waitpid(server[i], &ends, 0);
		status += !WIFSIGNALED(ends);
	}
	free(server);
	if (bad || status)
		fail("%d of %d clients failed, %ld of %ld servers had ended", bad, CLIENTS, status, children);
	return 0;
}
