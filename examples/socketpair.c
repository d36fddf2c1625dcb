/* socketpair: a pipe that goes both ways, between a parent and its child. */
#include <sys/wait.h>

#include "must.h"

static void child(int fd)
{
	int a, b;

	while (must(read(fd, &a, sizeof a)) == sizeof a && must(read(fd, &b, sizeof b)) == sizeof b) {
		a *= b;
		must(write(fd, &a, sizeof a));
	}
	exit(0);
}

int main(void)
{
	int fd[2], product, status;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	if (must(fork()) == 0) {
		must(close(fd[0]));                   /* each keeps one end: or nobody would see the other's close */
		child(fd[1]);
	}
	must(close(fd[1]));
	for (int i = 6; i <= 8; i++) {
		must(write(fd[0], &i, sizeof i));
		must(write(fd[0], &i, sizeof i));
		must(read(fd[0], &product, sizeof product));
		printf("%d times %d is %d\n", i, i, product);
	}
	must(close(fd[0]));
	must(wait(&status));
	printf("the child saw the end and left with status %d\n", WEXITSTATUS(status));
	return 0;
}
