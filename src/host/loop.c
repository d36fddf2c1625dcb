/* What the engine waits on: see loop.h. */
#include "host/loop.h"
#include <errno.h>
#include <limits.h>
#include <time.h>
#include <unistd.h>
#include "host/clock.h"

int loop_init(struct loop *l)
{
	l->coarse = false;
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	return l->epfd < 0 ? -errno : 0;
}

void loop_end(struct loop *l)
{
	if (l->epfd >= 0) close(l->epfd);
}

int loop_add(struct loop *l, int fd, uint32_t events, void *object)
{
	struct epoll_event ev = {.events = events, .data.ptr = object};
	return epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

void loop_remove(struct loop *l, int fd) { epoll_ctl(l->epfd, EPOLL_CTL_DEL, fd, NULL); }

/* Rounded up: waking a little late costs nothing, waking too early a turn for nothing. */
static int wait_coarse(struct loop *l, struct epoll_event *ret, time_ns left)
{
	time_ns ms = left / NS_PER_MS + (left % NS_PER_MS != 0);
	return epoll_wait(l->epfd, ret, LOOP_BATCH, left == TIME_NEVER ? -1 : (int)MIN(ms, (time_ns)INT_MAX));
}

static int wait_fine(struct loop *l, struct epoll_event *ret, time_ns left)
{
	struct timespec t = {.tv_sec = (time_t)(left / NS_PER_S), .tv_nsec = (long)(left % NS_PER_S)};
	return epoll_pwait2(l->epfd, ret, LOOP_BATCH, left == TIME_NEVER ? NULL : &t, NULL);
}

int loop_wait(struct loop *l, struct epoll_event ret[LOOP_BATCH], time_ns until)
{
	time_ns left = until;
	if (until != 0 && until != TIME_NEVER) {
		left = until - clock_now();
		if (left < 0) left = 0;
	}
	int n = left == 0 ? epoll_wait(l->epfd, ret, LOOP_BATCH, 0) : l->coarse ? wait_coarse(l, ret, left) : wait_fine(l, ret, left);
	if (n < 0 && (errno == ENOSYS || errno == EPERM)) {
		l->coarse = true;
		n = wait_coarse(l, ret, left);
	}
	return MAX(n, 0);
}
