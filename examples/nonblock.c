/* O_NONBLOCK: a call that would have to wait says EAGAIN instead, and select tells when to come back. */
#include <errno.h>
#include <fcntl.h>
#include <sys/select.h>

#include "must.h"

static int is_writable(int fd, int seconds)
{
	struct timeval limit = {.tv_sec = seconds};
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	return must(select(fd + 1, NULL, &set, NULL, &limit)) == 1;
}

int main(void)
{
	static char block[65536];
	long sent = 0, received = 0;
	ssize_t n;
	int fd[2];

	tcp_pair(fd);
	must(fcntl(fd[0], F_SETFL, must(fcntl(fd[0], F_GETFL)) | O_NONBLOCK));
	printf("nothing to read: %s\n", read(fd[0], block, sizeof block) < 0 ? strerror(errno) : "something");
	printf("writable: %s\n", is_writable(fd[0], 0) ? "yes" : "no");

	while (is_writable(fd[0], 1))                          /* until both ends' buffers are full */
		while ((n = write(fd[0], block, sizeof block)) > 0) sent += n;
	printf("no room to write: %s\n~ after %ld octets\n", strerror(errno), sent);

	while (received < sent) received += must(read(fd[1], block, sizeof block));
	printf("the peer has read %s\n", received == sent ? "all of it" : "something else");
	printf("writable: %s\n", is_writable(fd[0], 10) ? "yes" : "no");
	return 0;
}
