/*
 * Idle connections: idle ENGINE COUNT SECONDS. COUNT connections are made after a few that warm up, an octet goes each way on each, and then nothing
 * happens for SECONDS. Says what the engine (a pid) and the two programs grew by in user memory (PSS) for each connection, what processor time they used
 * meanwhile, and what the kernel's slabs grew by, which is the whole machine's. The script judges.
 */
#include "accept.h"

static long number_in(const char *path, const char *key)
{
	char line[256];
	long n = -1;
	FILE *f = fopen(path, "r");

	if (!f)
		fail("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			n = atol(line + strlen(key));
	fclose(f);
	return n;
}

struct sum { long pss_kib, ticks, slab_kib; };

static struct sum measure(const pid_t *pid, int n)
{
	struct sum s = { 0, 0, number_in("/proc/meminfo", "Slab:") };

	for (int i = 0; i < n; i++) {
		char path[64];
		long user, system;

		snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid[i]);
		s.pss_kib += number_in(path, "Pss:");
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid[i]);
		FILE *f = fopen(path, "r");
		if (!f || fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system) != 2)
			fail("%s can't be read", path);
		fclose(f);
		s.ticks += user + system;
	}
	return s;
}

/* Waits in epoll for all of them, as a server does. */
static void serve(int l)
{
	int e = MUST(epoll_create1(0));
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = l };
	char c;

	MUST(epoll_ctl(e, EPOLL_CTL_ADD, l, &ev));
	for (;;) {
		MUST(epoll_wait(e, &ev, 1, -1));
		if (ev.data.fd == l) {
			ev.data.fd = MUST(accept(l, NULL, NULL));
			MUST(epoll_ctl(e, EPOLL_CTL_ADD, ev.data.fd, &ev));
		} else if (recv(ev.data.fd, &c, 1, 0) != 1 || send(ev.data.fd, &c, 1, MSG_NOSIGNAL) != 1) {
			_exit(0);
		}
	}
}

static void connections(int n, unsigned port)
{
	char c = 'x';

	for (int i = 0; i < n; i++) {
		int fd = connected_to(AF_INET, SOCK_STREAM, port);

		MUST(send(fd, &c, 1, 0));
		MUST(recv(fd, &c, 1, 0));
	}
}

int main(int argc, char **argv)
{
	long count = argument(argc, argv, 2, 1000), seconds = argument(argc, argv, 3, 10), quiet;
	pid_t pid[3] = { (pid_t)argument(argc, argv, 1, 0), getpid() };
	struct sum before, after, later;
	int l;

	descriptors_raise((rlim_t)count + 200);
	l = listening(AF_INET, 128);
	pid[2] = MUST(fork());
	if (pid[2] == 0)
		serve(l);
	connections(20, port_of(l));
	before = measure(pid, 3);
	connections((int)count, port_of(l));
	after = measure(pid, 3);
	poll(NULL, 0, 500);
	quiet = measure(pid, 3).ticks;
	poll(NULL, 0, (int)seconds * 1000);
	later = measure(pid, 3);
	printf("octets %ld ticks %ld slab %ld\n", (after.pss_kib - before.pss_kib) * 1024 / count, later.ticks - quiet,
	       (after.slab_kib - before.slab_kib) * 1024 / count);
	fflush(stdout);
	kill(pid[2], SIGKILL);
	return 0;
}
