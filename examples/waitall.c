/* MSG_WAITALL: fill the whole buffer before returning. Without it a receive returns what there is. */
#include <sys/wait.h>
#include <time.h>

#include "must.h"

static void sender(int fd)
{
	static const char *const pieces[] = {"wait ", "for it ", "all"};
	struct timespec pause = {.tv_nsec = 20000000};
	char go;

	must(send(fd, "some", 4, 0));
	must(recv(fd, &go, 1, 0));
	for (int i = 0; i < 3; i++) {
		must(send(fd, pieces[i], strlen(pieces[i]), 0));
		nanosleep(&pause, NULL);
	}
	exit(0);                                       /* the end of the stream: WAITALL waits for no more */
}

int main(void)
{
	char text[100];
	int fd[2];

	tcp_pair(fd);
	if (must(fork()) == 0) {
		must(close(fd[0]));
		sender(fd[1]);
	}
	must(close(fd[1]));
	printf("recv of %zu: \"%.*s\"\n", sizeof text, must(recv(fd[0], text, sizeof text, 0)), text);
	must(send(fd[0], "!", 1, 0));
	printf("MSG_WAITALL of 12: \"%.*s\"\n", must(recv(fd[0], text, 12, MSG_WAITALL)), text);
	printf("MSG_WAITALL of %zu: \"%.*s\", as the stream ends here\n", sizeof text, must(recv(fd[0], text, sizeof text, MSG_WAITALL)), text);
	must(wait(NULL));
	return 0;
}
