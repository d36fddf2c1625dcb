/*
 * Idle connections: idle ENGINE COUNT SECONDS OCTETS. COUNT connections are made after a few that warm up, so many octets go each way on each, twice,
 * with a rest between, and then nothing happens. Says what the engine (a pid) and the two programs have grown by for each connection when they have
 * settled, what processor time they used in the SECONDS that follow, and what the kernel's slabs grew by, which is the whole machine's. Counted
 * is user memory (PSS) but for pages of files, which grow by what the other programs of the machine do. The script judges.
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
		s.pss_kib += number_in(path, "Pss_Anon:") + number_in(path, "Pss_Shmem:");
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid[i]);
		FILE *f = fopen(path, "r");
		if (!f || fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system) != 2)
			fail("%s can't be read", path);
		fclose(f);
		s.ticks += user + system;
	}
	return s;
}

/* Until it has not become less for two seconds. */
static struct sum settled(const pid_t *pid, int n)
{
	struct sum s = measure(pid, n);

	for (int still = 0; still < 20; still++) {
		poll(NULL, 0, 100);
		struct sum now = measure(pid, n);
		if (now.pss_kib < s.pss_kib)
			still = 0;
		s = now;
	}
	return s;
}

static unsigned char octets[65536];
static long per_connection;                    /* octets each way */

/* How much of this memory of the test's own a call uses is chance: each process has all of it from the first. */
static void own_memory(void) { octets_fill(octets, sizeof(octets), 1); }

static void transfer(int fd, bool sends)
{
	for (long n, done = 0; done < per_connection; done += n) {
		size_t left = (size_t)(per_connection - done);

		n = sends ? send(fd, octets, left, MSG_NOSIGNAL) : recv(fd, octets, left, 0);
		if (n <= 0)
			_exit(sends ? 1 : 0);
	}
}

/* Waits in epoll for all of them, as a server does. */
static void serve(int l)
{
	own_memory();
	int e = MUST(epoll_create1(0));
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = l };

	MUST(epoll_ctl(e, EPOLL_CTL_ADD, l, &ev));
	for (;;) {
		MUST(epoll_wait(e, &ev, 1, -1));
		if (ev.data.fd == l) {
			ev.data.fd = MUST(accept(l, NULL, NULL));
			MUST(epoll_ctl(e, EPOLL_CTL_ADD, ev.data.fd, &ev));
		} else {
			transfer(ev.data.fd, false);
			transfer(ev.data.fd, true);
		}
	}
}

static void exchange(const int *fd, int n)
{
	for (int i = 0; i < n; i++) {
		transfer(fd[i], true);
		transfer(fd[i], false);
	}
}

static void connections(int *fd, int n, unsigned port)
{
	for (int i = 0; i < n; i++) {
		fd[i] = connected_to(AF_INET, SOCK_STREAM, port);
		exchange(fd + i, 1);
	}
}

#define WARM 20

int main(int argc, char **argv)
{
	int count = (int)argument(argc, argv, 2, 1000), *fd = calloc((size_t)(count + WARM), sizeof(*fd)), l;
	long seconds = argument(argc, argv, 3, 10);
	pid_t pid[3] = { (pid_t)argument(argc, argv, 1, 0), getpid() };
	struct sum before, quiet, later;

	per_connection = argument(argc, argv, 4, 1);
	descriptors_raise((rlim_t)count + 200);
	l = listening(AF_INET, 128);
	pid[2] = MUST(fork());
	if (pid[2] == 0)
		serve(l);
	own_memory();
	connections(fd, WARM, port_of(l));
	before = settled(pid, 3);
	connections(fd + WARM, count, port_of(l));
	settled(pid, 3);
	exchange(fd + WARM, count);
	quiet = settled(pid, 3);
	poll(NULL, 0, (int)seconds * 1000);
	later = measure(pid, 3);
	printf("octets %ld ticks %ld slab %ld\n", (quiet.pss_kib - before.pss_kib) * 1024 / count, later.ticks - quiet.ticks,
	       (quiet.slab_kib - before.slab_kib) * 1024 / count);
	fflush(stdout);
	kill(pid[2], SIGKILL);
	free(fd);
	return 0;
}
