/*
 * A thread that is cancelled in a call on a Unix socket which has come to wait for a program outside leaves no descriptor behind. With --serve it is that
 * program: it receives nothing and accepts nobody.
 */
#include "check.h"
#include <dirent.h>
#include <stddef.h>
#include <sys/un.h>

#define ROUNDS 20

static struct sockaddr_un name = {.sun_family = AF_UNIX};
static int mine[64], n_mine, type;

static void name_set(const char *path, const char *end) { snprintf(name.sun_path, sizeof name.sun_path, "%s.%s", path, end); }

static void serve(const char *path)
{
	int d = socket(AF_UNIX, SOCK_DGRAM, 0), l = socket(AF_UNIX, SOCK_STREAM, 0);
	name_set(path, "d");
	CHECK(bind(d, (struct sockaddr *)&name, sizeof name) == 0);
	name_set(path, "l");
	CHECK(bind(l, (struct sockaddr *)&name, sizeof name) == 0 && listen(l, 0) == 0);
	puts("ready");
	fflush(stdout);
	for (;;) pause();
}

static int descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;
	while (readdir(d)) n++;
	closedir(d);
	return n;
}

/* Until it waits: there is room for so many connections only, and datagrams fill what they are sent from. */
static void *insist(void *arg)
{
	for (int i = 0; type == SOCK_DGRAM || i < 32; i++) {
		if (i == 0 || type == SOCK_STREAM) mine[n_mine++] = socket(AF_UNIX, type, 0);
		if (type == SOCK_STREAM) connect(mine[i], (struct sockaddr *)&name, sizeof name);
		else sendto(mine[0], "x", 1, 0, (struct sockaddr *)&name, sizeof name);
	}
	return arg;
}

/* The library keeps a few for itself. */
static void cancelled_ones(int of, const char *path, const char *end)
{
	int before = descriptors();
	type = of;
	name_set(path, end);
	for (int i = 0; i < ROUNDS; i++) {
		pthread_t t;
		void *result;
		CHECK(pthread_create(&t, NULL, insist, NULL) == 0);
		usleep(10000);
		CHECK(pthread_cancel(t) == 0 && pthread_join(t, &result) == 0 && result == PTHREAD_CANCELED);
		while (n_mine > 0) close(mine[--n_mine]);
	}
	CHECK(descriptors() < before + ROUNDS / 2);
}

int main(int argc, char **argv)
{
	if (argc > 2) serve(argv[2]);
	CHECK(argc == 2);
	cancelled_ones(SOCK_DGRAM, argv[1], "d");
	cancelled_ones(SOCK_STREAM, argv[1], "l");
	return 0;
}
