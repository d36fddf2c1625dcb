/* A stream within one machine: the server's name is a file, so that its directory and mode say who may connect. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "must.h"

static void client(const struct sockaddr_un *there)
{
	char answer[100];
	int fd = must(socket(AF_UNIX, SOCK_STREAM, 0)), n;

	must(connect(fd, (const struct sockaddr *)there, sizeof *there));
	must(write(fd, "hello", 5));
	n = must(read(fd, answer, sizeof answer));
	printf("client: \"%.*s\"\n", n, answer);
	exit(0);
}

int main(void)
{
	char directory[] = "/tmp/example-XXXXXX", text[100];
	struct sockaddr_un here = {.sun_family = AF_UNIX};
	int listener = must(socket(AF_UNIX, SOCK_STREAM, 0)), fd;
	struct stat st;
	ssize_t n;

	if (!mkdtemp(directory)) must(-1);
	snprintf(here.sun_path, sizeof here.sun_path, "%s/server", directory);
	must(bind(listener, (struct sockaddr *)&here, sizeof here));         /* makes the file */
	must(listen(listener, 5));
	must(stat(here.sun_path, &st));
	printf("in the file system: %s, %ld octets\n", S_ISSOCK(st.st_mode) ? "a socket" : "something else", (long)st.st_size);
	fflush(stdout);
	if (must(fork()) == 0) client(&here);

	fd = must(accept(listener, NULL, NULL));
	n = must(read(fd, text, sizeof text));                               /* in memory all the time, never in the file */
	printf("server: \"%.*s\"\n", (int)n, text);
	fflush(stdout);
	must(write(fd, "hello client", 12));
	must(wait(NULL));

	must(close(listener));
	fd = must(socket(AF_UNIX, SOCK_STREAM, 0));
	printf("the server is gone, its file is not: connect: %s", connect(fd, (struct sockaddr *)&here, sizeof here) < 0 ? strerror(errno) : "works");
	printf(", bind: %s\n", bind(fd, (struct sockaddr *)&here, sizeof here) < 0 ? strerror(errno) : "works");
	must(unlink(here.sun_path));
	must(rmdir(directory));
	return 0;
}
