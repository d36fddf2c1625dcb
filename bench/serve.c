/* The side that is measured against: one process for each service of each place, so that each waits in the way that its clients expect. */
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <signal.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>
#include "sockbench.h"

static char buffer[SIZE_MAX_BYTES];

/* false: the other side has ended the connection. */
static bool read_message(int fd, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = read(fd, buffer + done, size - done);

		if (n <= 0) return false;
		done += (size_t)n;
	}
	return true;
}

static int epoll_of(int fd)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) < 0) err(1, "epoll");
	return ep;
}

static void epoll_one(int ep)
{
	struct epoll_event ev;

	if (epoll_wait(ep, &ev, 1, -1) != 1) err(1, "epoll_wait");
}

static void swallow(int fd)
{
	uint64_t sum = 0;
	ssize_t n;

	while ((n = read(fd, buffer, sizeof buffer)) > 0) sum += (uint64_t)n;
	write_all(fd, &sum, sizeof sum);
}

static void echo(int fd, const struct opening *o)
{
	int ep = o->way == WAY_ECHO_EPOLL ? epoll_of(fd) : -1;

	for (;;) {
		if (ep >= 0) epoll_one(ep);
		if (!read_message(fd, o->size)) break;
		write_all(fd, buffer, o->size);
	}
	if (ep >= 0) close(ep);
}

static void opened_serve(int fd, const struct opening *o)
{
	if (o->size > sizeof buffer) return;
	if (o->way == WAY_SWALLOW) swallow(fd);
	else echo(fd, o);
}

static void stream_serve(int fd)
{
	struct opening o;
	int one = 1;

	if (!read_message(fd, sizeof o)) return;
	memcpy(&o, buffer, sizeof o);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);   /* AF_UNIX has it anyway */
	opened_serve(fd, &o);
}

/* Datagrams of AF_UNIX: a pair with one client after the other. */
static void pairs_serve(int fd)
{
	for (;;) {
		struct sockaddr_un client = {.sun_family = AF_UNIX};
		struct sockaddr nobody = {.sa_family = AF_UNSPEC};
		struct opening o;
		socklen_t len = sizeof client;

		if (recvfrom(fd, &o, sizeof o, 0, (struct sockaddr *)&client, &len) != sizeof o) continue;
		if (connect(fd, (struct sockaddr *)&client, len) < 0) continue;
		opened_serve(fd, &o);
		connect(fd, &nobody, sizeof nobody);
	}
}

static void streams_serve(int listener, bool closes)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0) err(1, "accept");
		if (!closes) stream_serve(fd);
		close(fd);
	}
}

static void datagrams_echo(int fd, int ep)
{
	for (;;) {
		struct sockaddr_storage from;
		socklen_t len = sizeof from;

		if (ep >= 0) epoll_one(ep);
		ssize_t n = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&from, &len);
		if (n >= 0) sendto(fd, buffer, (size_t)n, 0, (struct sockaddr *)&from, len);
	}
}

/* What came since the last datagram of one octet, which asks for it. */
static void datagrams_count(int fd)
{
	for (uint64_t sum = 0;;) {
		struct sockaddr_storage from;
		socklen_t len = sizeof from;
		ssize_t n = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&from, &len);

		if (n > 1) sum += (uint64_t)n;
		if (n != 1) continue;
		sendto(fd, &sum, sizeof sum, 0, (struct sockaddr *)&from, len);
		sum = 0;
	}
}

static void service_run(int fd, const struct place *p, enum service s)
{
	switch (s) {
	case SERVE_STREAM: p->type == SOCK_DGRAM ? pairs_serve(fd) : streams_serve(fd, false); break;
	case SERVE_CLOSE: streams_serve(fd, true); break;
	case SERVE_ECHO: datagrams_echo(fd, -1); break;
	case SERVE_ECHO_EPOLL: datagrams_echo(fd, epoll_of(fd)); break;
	default: datagrams_count(fd);
	}
}

static void service_start(const struct place *base, enum service s)
{
	struct place p = place_of(base, s);
	int fd = place_bind(&p);
	pid_t pid = fork();

	if (pid < 0) err(1, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_IGN);
		service_run(fd, base, s);
	}
	close(fd);
	printf("%d ", pid);
}

int serve(int n, char **places)
{
	setvbuf(stdout, NULL, _IOFBF, BUFSIZ);
	for (int i = 0; i < n; i++) {
		struct place p = place_parse(places[i]);
		bool peers = place_has_peers(&p);
		enum service end = !peers ? SERVICES : p.type == SOCK_DGRAM ? SERVE_CLOSE : SERVE_ECHO;

		for (enum service s = peers ? SERVE_STREAM : SERVE_ECHO; s < end; s++) service_start(&p, s);
	}
	printf("\n");
	fflush(stdout);
	for (;;) pause();
}

int keep(const char *place, int n)
{
	struct place p = place_parse(place);
	int listener = place_bind(&p);

	printf("ready %d\n", getpid());
	fflush(stdout);
	for (int i = 0; i < n; i++)
		if (accept(listener, NULL, NULL) < 0) err(1, "accept");
	for (;;) pause();
}
