/* How a stream ends: orderly, by a reset, and for one who goes on writing. */
#include <errno.h>
#include <signal.h>

#include "must.h"

static volatile sig_atomic_t pipes;
static void on_sigpipe(int signal) { (void)signal, pipes++; }

int main(void)
{
	struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	char text[10];
	int fd[2];

	tcp_pair(fd);
	must(write(fd[1], "bye", 3));
	must(close(fd[1]));
	printf("closed by the peer: read %d octets,", must(read(fd[0], text, sizeof text)));
	printf(" then %d, the end of file\n", must(read(fd[0], text, sizeof text)));
	must(close(fd[0]));

	tcp_pair(fd);
	must(setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
	must(close(fd[1]));                                            /* linger 0: a reset instead of a farewell */
	printf("reset by the peer: read: %s\n", read(fd[0], text, sizeof text) < 0 ? strerror(errno) : "works");

	printf("write with MSG_NOSIGNAL: %s, %d signals\n", send(fd[0], "x", 1, MSG_NOSIGNAL) < 0 ? strerror(errno) : "works", pipes);
	signal(SIGPIPE, on_sigpipe);                                   /* by default it ends the program */
	printf("plain write: %s,", write(fd[0], "x", 1) < 0 ? strerror(errno) : "works");
	printf(" %d signal\n", pipes);
	return 0;
}
