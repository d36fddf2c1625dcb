/* Closing what another thread uses: the call under way keeps its open file, gets what it would have got, and touches nothing that comes after. */
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include "check.h"

#define ROUNDS 2000

static pthread_t start(void *(*fn)(void *), void *arg)
{
	pthread_t t;
	CHECK(pthread_create(&t, NULL, fn, arg) == 0);
	return t;
}

/* Closes fd, and puts something else in its place before another socket could come there: a call that begins too late finds no socket. */
static void replace(int fd)
{
	static int null;
	if (null == 0) null = open("/dev/null", O_RDWR);
	close(fd);
	CHECK(dup2(null, fd) == fd);
}

static bool too_late(ssize_t got, int err) { return got == -1 && (err == EBADF || err == ENOTSOCK); }

struct reading { int fd; ssize_t got; int err; char buf[100000]; };

static void *read_once(void *arg)
{
	struct reading *r = arg;
	r->got = recv(r->fd, r->buf, sizeof r->buf, 0);
	r->err = errno;
	return NULL;
}

/* New sockets in place of the old, at once, and a wait on them: whoever leaves the old ones late must not disturb it. */
static void *answer(void *arg)
{
	char c;
	int fd = *(int *)arg;
	CHECK(read(fd, &c, 1) == 1 && write(fd, &c, 1) == 1);
	return NULL;
}

static void successors(void)
{
	int pair[2];
	char c;
	tcp_pair(pair);
	pthread_t t = start(answer, &pair[1]);
	CHECK(write(pair[0], "s", 1) == 1 && read(pair[0], &c, 1) == 1);
	pthread_join(t, NULL);
	close(pair[0]);
	close(pair[1]);
}

/* The usual way to end a thread that reads. */
static void shutdown_and_close(void)
{
	static struct reading r;
	for (int i = 0; i < ROUNDS; i++) {
		int pair[2];
		tcp_pair(pair);
		r.fd = pair[0];
		pthread_t t = start(read_once, &r);
		usleep((useconds_t)(i % 200));
		shutdown(pair[0], SHUT_RDWR);
		replace(pair[0]);
		successors();
		pthread_join(t, NULL);
		CHECK(r.got == 0 || too_late(r.got, r.err));
		close(pair[0]);
		close(pair[1]);
	}
}

static void close_alone(void)
{
	static struct reading r;
	for (int i = 0; i < 200; i++) {
		int pair[2];
		tcp_pair(pair);
		r.fd = pair[0];
		pthread_t t = start(read_once, &r);
		usleep(2000);
		replace(pair[0]);
		if (i % 2) successors();
		if (write(pair[1], "hello", 5) == 5) {
			pthread_join(t, NULL);
			CHECK(too_late(r.got, r.err) || (r.got == 5 && memcmp(r.buf, "hello", 5) == 0));
		} else {
			pthread_join(t, NULL);
			CHECK(too_late(r.got, r.err));
		}
		char c;
		CHECK(read(pair[1], &c, 1) <= 0);   /* only now it is closed for the other side */
		close(pair[0]);
		close(pair[1]);
	}
}

/* Reads and writes that are in the middle of copying when the close comes; beside them connections that must not notice. */
static void *pour(void *arg)
{
	static char buf[200000];
	int fd = *(int *)arg;
	while (send(fd, buf, sizeof buf, MSG_NOSIGNAL) > 0) {}
	return NULL;
}

static void *drain(void *arg)
{
	char buf[50000];
	int fd = *(int *)arg;
	while (recv(fd, buf, sizeof buf, 0) > 0) {}
	return NULL;
}

static void close_in_the_middle(void)
{
	for (int i = 0; i < ROUNDS / 4; i++) {
		int pair[2];
		tcp_pair(pair);
		int a = pair[0], b = pair[1];
		pthread_t t[2] = {start(pour, &a), start(drain, &b)};
		usleep((useconds_t)(i % 17 * 50));
		replace(i % 2 ? pair[0] : pair[1]);
		successors();
		usleep(100);
		shutdown(i % 2 ? pair[1] : pair[0], SHUT_RDWR);
		pthread_join(t[0], NULL);
		pthread_join(t[1], NULL);
		close(pair[0]);
		close(pair[1]);
	}
}

static void *accept_once(void *arg)
{
	struct reading *r = arg;
	r->got = accept(r->fd, NULL, NULL);
	r->err = errno;
	return NULL;
}

static void listener(void)
{
	static struct reading r;
	for (int i = 0; i < 200; i++) {
		struct sockaddr_in a;
		r.fd = bound(SOCK_STREAM, &a);
		pthread_t t = start(accept_once, &r);
		usleep(1000);
		shutdown(r.fd, SHUT_RDWR);
		replace(r.fd);
		successors();
		pthread_join(t, NULL);
		CHECK((r.got == -1 && r.err == EINVAL) || too_late(r.got, r.err));
		close(r.fd);
	}
}

/* A poll holds what it polls. */
static void *poll_once(void *arg)
{
	struct reading *r = arg;
	struct pollfd p = {r->fd, POLLIN, 0};
	r->got = poll(&p, 1, 20);
	r->err = p.revents;
	return NULL;
}

static void polled(void)
{
	static struct reading r;
	for (int i = 0; i < 200; i++) {
		int pair[2];
		tcp_pair(pair);
		r.fd = pair[0];
		pthread_t t = start(poll_once, &r);
		usleep(1000);
		replace(pair[0]);
		successors();
		pthread_join(t, NULL);
		close(pair[0]);
		close(pair[1]);
	}
}

static int epfd;
static void *wait_some(void *arg)
{
	struct epoll_event ev[4];
	(void)arg;
	CHECK(epoll_wait(epfd, ev, 4, 30) >= -1);
	return NULL;
}

static void epoll_closed(void)
{
	for (int i = 0; i < 200; i++) {
		int pair[2];
		tcp_pair(pair);
		epfd = epoll_create1(0);
		struct epoll_event ev = {.events = EPOLLIN};
		CHECK(epoll_ctl(epfd, EPOLL_CTL_ADD, pair[0], &ev) == 0);
		pthread_t t[2] = {start(wait_some, NULL), start(wait_some, NULL)};
		usleep((useconds_t)(i % 50 * 20));
		replace(epfd);
		CHECK(write(pair[1], "x", 1) == 1);
		successors();
		pthread_join(t[0], NULL);
		pthread_join(t[1], NULL);
		close(epfd);
		close(pair[0]);
		close(pair[1]);
	}
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(void); } all[] = {
		{"shutdown_and_close", shutdown_and_close}, {"close_alone", close_alone}, {"close_in_the_middle", close_in_the_middle},
		{"listener", listener}, {"polled", polled}, {"epoll_closed", epoll_closed},
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (argc > 1 && strcmp(argv[1], all[i].name) != 0) continue;
		alarm(30);
		dprintf(2, "%s\n", all[i].name);
		all[i].run();
	}
	return 0;
}
