/* Octets through sockets whose two ends wait in every way there is, in threads and processes: nothing is lost, and nobody sleeps for ever. */
#include "check.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/eventfd.h>

#define OCTETS (6 << 20)
enum mode { BLOCKING, POLL, POLL_MIXED, SELECT, EPOLL, EPOLL_EDGE, EPOLL_MIXED, WITH_TIMEOUT, MODES };

static void wait_polling(int fd, short events, bool mixed)
{
	struct pollfd p[2] = {{fd, events, 0}, {-1, POLLIN, 0}};
	if (mixed) p[1].fd = eventfd(0, 0);
	CHECK(poll(p, 2, 20000) == 1 && p[0].revents & events);
	if (mixed) close(p[1].fd);
}

static void wait_selecting(int fd, short events)
{
	fd_set set;
	FD_ZERO(&set);
	FD_SET(fd, &set);
	struct timeval t = {20, 0};
	CHECK(select(fd + 1, events == POLLIN ? &set : NULL, events == POLLOUT ? &set : NULL, NULL, &t) == 1);
}

struct end { int fd, epfd, extra; enum mode mode; short events; unsigned seed; uint8_t next; };

static void end_start(struct end *e)
{
	struct timeval t = {20, 0};
	struct epoll_event ev = {.events = (unsigned)e->events | (e->mode == EPOLL_EDGE ? EPOLLET : 0)};
	if (e->mode == WITH_TIMEOUT) setsockopt(e->fd, SOL_SOCKET, e->events == POLLIN ? SO_RCVTIMEO : SO_SNDTIMEO, &t, sizeof t);
	if (e->mode != BLOCKING && e->mode != WITH_TIMEOUT) fcntl(e->fd, F_SETFL, O_NONBLOCK);
	if (e->mode < EPOLL || e->mode > EPOLL_MIXED) return;
	e->epfd = epoll_create1(0);
	CHECK(epoll_ctl(e->epfd, EPOLL_CTL_ADD, e->fd, &ev) == 0);
	e->extra = eventfd(0, 0);
	ev.data.u32 = 1;
	if (e->mode == EPOLL_MIXED) CHECK(epoll_ctl(e->epfd, EPOLL_CTL_ADD, e->extra, &ev) == 0 || e->events == POLLOUT);
	if (e->mode == EPOLL_MIXED && e->events == POLLOUT) CHECK(epoll_ctl(e->epfd, EPOLL_CTL_DEL, e->extra, NULL) == 0);
}

static void end_wait(struct end *e)
{
	struct epoll_event ev;
	switch (e->mode) {
	case POLL: wait_polling(e->fd, e->events, false); break;
	case POLL_MIXED: wait_polling(e->fd, e->events, true); break;
	case SELECT: wait_selecting(e->fd, e->events); break;
	case EPOLL: case EPOLL_EDGE: case EPOLL_MIXED: CHECK(epoll_wait(e->epfd, &ev, 1, 20000) == 1); break;
	default: CHECK(e->mode != BLOCKING);   /* a blocking call never answers EAGAIN */
	}
}

static size_t some(struct end *e) { return (size_t)rand_r(&e->seed) % 5 == 0 ? 1 + (size_t)rand_r(&e->seed) % 60000 : 1 + (size_t)rand_r(&e->seed) % 700; }

static void *send_all(void *arg)
{
	struct end *e = arg;
	static __thread uint8_t buf[65536];
	end_start(e);
	for (size_t done = 0; done < OCTETS;) {
		size_t n = some(e) % (OCTETS - done) + 1;
		for (size_t i = 0; i < n; i++) buf[i] = (uint8_t)((done + i) * 131 >> 3);
		ssize_t r = write(e->fd, buf, n);
		if (r < 0 && errno == EAGAIN) end_wait(e);
		else {
			CHECK(r > 0);
			done += (size_t)r;
		}
	}
	CHECK(shutdown(e->fd, SHUT_WR) == 0);
	return NULL;
}

static void *receive_all(void *arg)
{
	struct end *e = arg;
	static __thread uint8_t buf[65536];
	size_t done = 0;
	end_start(e);
	for (;;) {
		ssize_t r = read(e->fd, buf, some(e));
		if (r < 0 && errno == EAGAIN) {
			end_wait(e);
			continue;
		}
		CHECK(r >= 0);
		if (r == 0) break;
		for (ssize_t i = 0; i < r; i++) CHECK(buf[i] == (uint8_t)((done + (size_t)i) * 131 >> 3));
		done += (size_t)r;
	}
	CHECK(done == OCTETS);
	return NULL;
}

int main(void)
{
	pthread_t t[MODES * 2];
	static struct end ends[MODES * 2], others[MODES];
	pid_t children[MODES];
	for (int m = 0; m < MODES; m++) {   /* threads of one process */
		int pair[2];
		tcp_pair(pair);
		ends[2 * m] = (struct end){.fd = pair[0], .mode = (enum mode)m, .events = POLLOUT, .seed = (unsigned)m};
		ends[2 * m + 1] = (struct end){.fd = pair[1], .mode = (enum mode)((m + 3) % MODES), .events = POLLIN, .seed = (unsigned)m + 99};
		CHECK(pthread_create(&t[2 * m], NULL, send_all, &ends[2 * m]) == 0);
		CHECK(pthread_create(&t[2 * m + 1], NULL, receive_all, &ends[2 * m + 1]) == 0);
	}
	for (int m = 0; m < MODES; m++) {   /* processes */
		int pair[2];
		tcp_pair(pair);
		others[m] = (struct end){.fd = pair[1], .mode = (enum mode)m, .events = POLLIN, .seed = (unsigned)m};
		children[m] = fork();
		if (children[m] == 0) {
			struct end e = {.fd = pair[0], .mode = (enum mode)((m + 5) % MODES), .events = POLLOUT, .seed = (unsigned)m + 50};
			send_all(&e);
			_exit(0);
		}
		close(pair[0]);
		receive_all(&others[m]);
		child_ends_well(children[m]);
	}
	for (int i = 0; i < MODES * 2; i++) pthread_join(t[i], NULL);
	return 0;
}
