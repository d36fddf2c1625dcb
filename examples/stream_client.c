/*
 * A stream client: sends a line, says that no more comes, and prints the answer to its end.
 *
 *     socket ─► connect ─► write ─► shutdown ─► read … ─► close
 *
 * stream_client PORT
 */
#include "must.h"

int main(int argc, char **argv)
{
	static const char question[] = "to err is human\n";
	struct sockaddr_in there = loopback(argc > 1 ? atoi(argv[1]) : 0);
	int fd = must(socket(AF_INET, SOCK_STREAM, 0));
	char answer[100];
	ssize_t n;

	must(connect(fd, (struct sockaddr *)&there, sizeof there));    /* this gives our side a port, too */
	must(write(fd, question, sizeof question - 1));
	must(shutdown(fd, SHUT_WR));
	printf("client: ");
	while ((n = must(read(fd, answer, sizeof answer))) > 0) printf("%.*s", (int)n, answer);   /* a stream: any number of pieces */
	must(close(fd));
	return 0;
}
