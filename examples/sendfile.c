/* sendfile: from a file into a socket without a way through the program; beside it the loop of read and write that it replaces. */
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <time.h>

#include "must.h"

enum { SIZE = 32 << 20, PIECE = 1 << 16 };

static void by_sendfile(int file, int fd)
{
	off_t at = 0;

	while (at < SIZE) must(sendfile(fd, file, &at, (size_t)(SIZE - at)));       /* may do less than asked; moves `at` */
}

static void by_read_and_write(int file, int fd)
{
	static char block[PIECE];
	ssize_t n;

	must(lseek(file, 0, SEEK_SET));
	while ((n = must(read(file, block, sizeof block))) > 0)
		for (ssize_t done = 0; done < n;) done += must(write(fd, block + done, (size_t)(n - done)));
}

/* The number of octets, and a sum that depends on their order. */
static void receive(int fd)
{
	static unsigned char block[PIECE];
	unsigned sum = 0;
	long total = 0;
	ssize_t n;

	for (; (n = must(read(fd, block, sizeof block))) > 0; total += n)
		for (ssize_t i = 0; i < n; i++) sum = sum * 31 + block[i];
	printf("%ld octets, sum %08x\n", total, sum);
	fflush(stdout);
	exit(0);
}

static void measure(const char *how, void (*send_all)(int, int), int file)
{
	struct timespec from, to;
	double seconds;
	int fd[2];

	tcp_pair(fd);
	printf("%s: ", how);
	fflush(stdout);
	clock_gettime(CLOCK_MONOTONIC, &from);
	if (must(fork()) == 0) {
		must(close(fd[0]));
		receive(fd[1]);
	}
	must(close(fd[1]));
	send_all(file, fd[0]);
	must(close(fd[0]));
	must(wait(NULL));
	clock_gettime(CLOCK_MONOTONIC, &to);
	seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	printf("~ %.0f MiB a second\n", SIZE / seconds / (1 << 20));
}

int main(void)
{
	FILE *file = tmpfile();

	if (!file) must(-1);
	for (unsigned i = 0; i < SIZE / sizeof i; i++) fwrite(&(unsigned){i * 2654435761u}, sizeof i, 1, file);
	fflush(file);
	measure("read and write", by_read_and_write, fileno(file));
	measure("sendfile", by_sendfile, fileno(file));
	return 0;
}
