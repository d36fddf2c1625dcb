/*
 * A signal while a call waits: before anything was transferred the call says EINTR, or starts again after a handler with SA_RESTART; afterwards
 * it returns how much it has done. The signal is a timer's that goes on ticking, so that none can come too early.
 */
#include <errno.h>
#include <signal.h>
#include <sys/time.h>

#include "must.h"

static int peer;                  /* the handler writes here, when it is to */

static void on_alarm(int signal)
{
	int kept = errno;

	(void)signal;
	if (peer > 0 && write(peer, "data", 4) < 0) _exit(1);
	errno = kept;
}

static void tick(int flags, int milliseconds)
{
	struct sigaction a = {.sa_handler = on_alarm, .sa_flags = flags};
	struct itimerval every = {.it_interval.tv_usec = milliseconds * 1000, .it_value.tv_usec = milliseconds * 1000};

	must(sigaction(SIGALRM, &a, NULL));
	must(setitimer(ITIMER_REAL, &every, NULL));
}

int main(void)
{
	static char block[64 << 20];
	ssize_t n;
	int fd[2];

	tcp_pair(fd);
	tick(0, 50);
	printf("read, nothing there: %s\n", read(fd[0], block, sizeof block) < 0 ? strerror(errno) : "data");
	n = write(fd[0], block, sizeof block);        /* blocks when the buffers are full, and nobody reads */
	printf("write, half done: %s\n", n < 0 ? strerror(errno) : n < (ssize_t)sizeof block ? "the number of octets that it took" : "all");

	tick(0, 0);
	tcp_pair(fd);
	peer = fd[1];
	tick(SA_RESTART, 50);
	n = read(fd[0], block, 4);
	tick(0, 0);
	if (n < 0) printf("read, with SA_RESTART: %s\n", strerror(errno));
	else printf("read, with SA_RESTART: \"%.*s\", from the handler\n", (int)n, block);
	return 0;
}
