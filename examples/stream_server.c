/*
 * A stream server: gives each client its lines back in capitals.
 *
 *     socket ─► bind ─► listen ─► accept ─► read, write … ─► close
 *                                   ▲                          │
 *                                   └───── the next client ────┘
 *
 * stream_server [CLIENTS]: ends after so many (1). Its port is the line that begins with "~ port".
 */
#include <ctype.h>

#include "must.h"

static int serve(int client)
{
	char text[512];
	ssize_t n;
	int total = 0;

	while ((n = must(read(client, text, sizeof text))) > 0) {      /* 0: the client has closed its side */
		for (ssize_t i = 0; i < n; i++) text[i] = (char)toupper((unsigned char)text[i]);
		must(write(client, text, (size_t)n));
		total += (int)n;
	}
	return total;
}

int main(int argc, char **argv)
{
	int clients = argc > 1 ? atoi(argv[1]) : 1;
	int listener = bound_socket(SOCK_STREAM);

	must(listen(listener, 5));
	printf("~ port %d\n", ntohs(address_of(listener).sin_port));
	fflush(stdout);
	for (int i = 1; i <= clients; i++) {
		int client = must(accept(listener, NULL, NULL));       /* a new socket; the listener goes on listening */

		printf("server: client %d sent %d octets\n", i, serve(client));
		must(close(client));
	}
	return 0;
}
