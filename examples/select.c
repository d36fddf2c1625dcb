/* One process, many clients, no threads: select says which of its sockets a server can serve without waiting. */
#include <sys/select.h>
#include <sys/wait.h>

#include "must.h"

enum { CLIENTS = 3 };

/* Three connections at a time; the last one to come speaks first. */
static void clients(struct sockaddr_in there)
{
	int fd[CLIENTS];
	char text[100];

	for (int i = 0; i < CLIENTS; i++) {
		fd[i] = must(socket(AF_INET, SOCK_STREAM, 0));
		must(connect(fd[i], (struct sockaddr *)&there, sizeof there));
	}
	for (int i = CLIENTS - 1; i >= 0; i--) {
		dprintf(fd[i], "I am client %d", i + 1);
		printf("client %d was told: %.*s\n", i + 1, must(read(fd[i], text, sizeof text)), text);
	}
	fflush(stdout);
	exit(0);
}

int main(void)
{
	int listener = bound_socket(SOCK_STREAM), highest = listener, open = 0, served = 0;
	fd_set all, ready;

	must(listen(listener, CLIENTS));
	if (must(fork()) == 0) clients(address_of(listener));
	FD_ZERO(&all);
	FD_SET(listener, &all);
	while (served < CLIENTS || open > 0) {
		ready = all;
		must(select(highest + 1, &ready, NULL, NULL, NULL));
		for (int fd = 0; fd <= highest; fd++) {
			char text[100];
			int n;

			if (!FD_ISSET(fd, &ready)) continue;
			if (fd == listener) {
				int client = must(accept(listener, NULL, NULL));

				FD_SET(client, &all);
				highest = client > highest ? client : highest;
				open++, served++;
				continue;
			}
			n = must(read(fd, text, sizeof text));
			if (n > 0) {
				dprintf(fd, "you said \"%.*s\"", n, text);
			} else {
				must(close(fd));
				FD_CLR(fd, &all);
				open--;
			}
		}
	}
	must(wait(NULL));
	printf("server: %d clients, and none left\n", served);
	return 0;
}
