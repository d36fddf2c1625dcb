/* The shim's own descriptors survive everything a program does to close what it does not know, and stay out of its sight. */
#include "check.h"
#include <linux/auxvec.h>
#include <sys/resource.h>

static int usable(void)
{
	struct sockaddr_in a;
	int fd = bound(SOCK_DGRAM, &a), more = socket(AF_INET6, SOCK_STREAM, 0);
	CHECK(fd >= 0 && more >= 0);
	close(more);
	close(fd);
	return fd;
}

static void out_of_sight(void)
{
	CHECK(!getenv("SOCKLAND_DOOR") && !getenv("SOCKLAND_SHIM") && !getenv("LD_PRELOAD"));
	int first = usable();
	CHECK(first == dup(0) && close(first) == 0);   /* the lowest free number, as ever */
}

/* Who goes from the environment on, as Go's runtime does in a library, comes to the auxiliary vector, or to one that says where it ends. */
static void nothing_before_the_vector(void)
{
	extern char **environ;
	char **end = environ;
	while (*end) end++;
	unsigned long first = (unsigned long)end[1];
	CHECK(first <= AT_MINSIGSTKSZ);
}

static void closed_one_by_one(void)
{
	for (int fd = 3; fd < 5000; fd++) close(fd);
	usable();
}

static void closed_by_range(void)
{
	CHECK(close_range(3, ~0u, 0) == 0);
	usable();
	closefrom(3);
	usable();
}

static void written_over(void)
{
	int pair[2];
	tcp_pair(pair);
	for (int fd = 100; fd < 4200; fd++) CHECK(dup2(0, fd) == fd);
	talk(pair[0], pair[1]);
	for (int fd = 100; fd < 4200; fd++) close(fd);
	talk(pair[0], pair[1]);
	usable();
	close(pair[0]);
	close(pair[1]);
}

static void used_by_the_program(void)
{
	char c;
	int found = 0;
	usable();
	for (int fd = 3; fd < 5000; fd++) {
		if (syscall(SYS_fcntl, fd, F_GETFD) >= 0) found++;
		CHECK(read(fd, &c, 1) == -1 && write(fd, "x", 1) == -1 && dup(fd) == -1);
	}
	CHECK(found == 0);
}

static void with_few_numbers(void)
{
	struct rlimit few = {64, 64};
	CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
	usable();
	int n = 0, fd;
	while ((fd = socket(AF_INET, SOCK_DGRAM, 0)) >= 0) n++;
	CHECK(errno == EMFILE && n > 40);
	closed_by_range();
}

int main(void)
{
	nothing_before_the_vector();
	out_of_sight();
	closed_one_by_one();
	closed_by_range();
	written_over();
	used_by_the_program();
	with_few_numbers();
	return 0;
}
