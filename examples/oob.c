/* Out-of-band data: one octet that overtakes the stream, and a mark at the place where it was sent. */
#include <sys/select.h>

#include "must.h"

static void read_on(int fd)
{
	char text[100];
	int n = must(read(fd, text, sizeof text));              /* never goes past the mark in one call */

	printf("read \"%.*s\", at the mark: %s\n", n, text, must(sockatmark(fd)) ? "yes" : "no");
}

int main(void)
{
	int fd[2];
	fd_set urgent;
	char octet;

	tcp_pair(fd);
	must(send(fd[0], "slowly", 6, 0));
	must(send(fd[0], "!", 1, MSG_OOB));
	must(send(fd[0], "goes on", 7, 0));

	FD_ZERO(&urgent);
	FD_SET(fd[1], &urgent);
	must(select(fd[1] + 1, NULL, NULL, &urgent, NULL));     /* the third set is for this */
	must(recv(fd[1], &octet, 1, MSG_OOB));
	printf("urgent: '%c'\n", octet);
	read_on(fd[1]);
	must(recv(fd[1], &octet, 1, MSG_PEEK));                 /* the octet after the mark has come */
	read_on(fd[1]);
	return 0;
}
