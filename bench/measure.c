/* The side that counts: operations in the time given, and the processor that they took, here and in the processes named. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/time.h>
#include "sockbench.h"

static char buffer[SIZE_MAX_BYTES];

struct task {
	struct place base;
	const char *what;
	size_t size;
	uint64_t end;                      /* on the monotonic clock */
	int fd, ep;
	uint64_t operations, octets;
};

/* Of a process with one thread, as all of ours and the engine are. 0: it is gone. */
static uint64_t processor_of(const char *pid)
{
	char path[64];
	unsigned long long ns = 0;

	snprintf(path, sizeof path, "/proc/%s/schedstat", pid);
	FILE *f = fopen(path, "r");
	if (f && fscanf(f, "%llu", &ns) != 1) ns = 0;
	if (f) fclose(f);
	return ns;
}

static uint64_t processor_all(int n, char **pids)
{
	uint64_t ns = processor_of("self");

	for (int i = 0; i < n; i++) ns += processor_of(pids[i]);
	return ns;
}

/* ---- what is measured ---- */

static void await(const struct task *t)
{
	struct epoll_event ev;

	if (t->ep >= 0 && epoll_wait(t->ep, &ev, 1, -1) != 1) err(1, "epoll_wait");
}

static void epoll_open(struct task *t)
{
	struct epoll_event ev = {.events = EPOLLIN};

	t->ep = epoll_create1(EPOLL_CLOEXEC);
	if (t->ep < 0 || epoll_ctl(t->ep, EPOLL_CTL_ADD, t->fd, &ev) < 0) err(1, "epoll");
}

static void streams_open(struct task *t, uint32_t way)
{
	struct opening o = {way, (uint32_t)t->size};
	struct place p = place_of(&t->base, SERVE_STREAM);
	int one = 1;

	t->fd = place_connect(&p);
	if (way != WAY_SWALLOW && t->base.addr.ss_family != AF_UNIX) setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	write_all(t->fd, &o, sizeof o);
}

static void round_trip(struct task *t)
{
	if (place_has_peers(&t->base)) {
		write_all(t->fd, buffer, t->size);
		await(t);
		read_all(t->fd, buffer, t->size);
		return;
	}
	if (send(t->fd, buffer, t->size, 0) < 0) err(1, "send");
	await(t);
	if (recv(t->fd, buffer, sizeof buffer, 0) != (ssize_t)t->size) err(1, "recv");
}

static void echo_open(struct task *t)
{
	bool polled = strcmp(t->what, "echo-epoll") == 0;
	struct place p = place_of(&t->base, polled ? SERVE_ECHO_EPOLL : SERVE_ECHO);

	if (place_has_peers(&t->base)) streams_open(t, polled ? WAY_ECHO_EPOLL : WAY_ECHO);
	else t->fd = place_connect(&p);
	if (polled) epoll_open(t);
	for (int i = 0; i < 20; i++) round_trip(t);
}

/* A socket of datagrams has no other end than an empty one. */
static void peer_finish(struct task *t)
{
	if (t->base.type != SOCK_DGRAM) shutdown(t->fd, SHUT_WR);
	else if (send(t->fd, "", 0, 0) < 0) err(1, "send");
}

static void echo_run(struct task *t)
{
	for (; now() < t->end; t->operations++) round_trip(t);
	if (place_has_peers(&t->base)) peer_finish(t);
}

static void stream_open(struct task *t)
{
	struct place p = place_of(&t->base, SERVE_SINK);
	struct timeval patience = {.tv_usec = 200000};

	if (place_has_peers(&t->base)) {
		streams_open(t, WAY_SWALLOW);
		return;
	}
	t->fd = place_connect(&p);
	setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

/* Of datagrams only those count that arrived. */
static uint64_t datagrams_arrived(struct task *t)
{
	uint64_t sum;

	for (int i = 0; i < 20; i++)
		if (send(t->fd, "", 1, 0) == 1 && recv(t->fd, &sum, sizeof sum, 0) == sizeof sum) return sum;
	errx(1, "the server does not say what has arrived");
}

static void stream_run(struct task *t)
{
	uint64_t arrived;

	while (now() < t->end) {
		if (place_has_peers(&t->base)) write_all(t->fd, buffer, t->size);
		else if (send(t->fd, buffer, t->size, 0) < 0 && errno != ENOBUFS) err(1, "send");
		t->octets += t->size;
	}
	if (place_has_peers(&t->base)) {
		peer_finish(t);
		read_all(t->fd, &arrived, sizeof arrived);
		/* The opening was read before. */
		if (arrived != t->octets) errx(1, "%llu octets of %llu arrived", (unsigned long long)arrived, (unsigned long long)t->octets);
	} else arrived = datagrams_arrived(t);
	t->octets = arrived;
	t->operations = arrived / t->size;
}

static void connect_open(struct task *t) { t->fd = -1; }

static void connect_run(struct task *t)
{
	struct place p = place_of(&t->base, SERVE_CLOSE);

	for (; now() < t->end; t->operations++) {
		int fd = place_connect(&p);

		if (read(fd, buffer, 1) != 0) err(1, "the end of a connection");
		close(fd);
	}
}

static const struct kind { const char *name; void (*open)(struct task *); void (*run)(struct task *); } kinds[] = {
	{"echo", echo_open, echo_run}, {"echo-epoll", echo_open, echo_run}, {"stream", stream_open, stream_run}, {"connect", connect_open, connect_run},
};

int measure(const char *place, const char *what, size_t size, double seconds, int n_pids, char **pids)
{
	struct task t = {.base = place_parse(place), .what = what, .size = size, .ep = -1};
	const struct kind *k = kinds;

	while (k < kinds + sizeof kinds / sizeof *kinds && strcmp(k->name, what) != 0) k++;
	if (k == kinds + sizeof kinds / sizeof *kinds || size > sizeof buffer) errx(2, "%s %zu: nothing that could be measured", what, size);
	k->open(&t);
	uint64_t processor = processor_all(n_pids, pids), start = now();
	t.end = start + (uint64_t)(seconds * 1e9);
	k->run(&t);
	printf("%llu %llu %llu %llu\n", (unsigned long long)t.operations, (unsigned long long)t.octets, (unsigned long long)(now() - start),
	       (unsigned long long)(processor_all(n_pids, pids) - processor));
	return 0;
}

/* One connection first, so that what the first one costs is not taken for what each does; then, at a word, the others; then until the end of input. */
int hold(const char *place, int n)
{
	struct place p = place_parse(place);
	char line[16];

	place_connect(&p);
	puts("one");
	fflush(stdout);
	if (!fgets(line, sizeof line, stdin)) return 1;
	for (int i = 1; i < n; i++) place_connect(&p);
	puts("all");
	fflush(stdout);
	while (fgets(line, sizeof line, stdin)) {}
	return 0;
}
