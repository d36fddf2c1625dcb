/* An epoll set with more that is ready than one call reports, of both kinds: everybody gets his turn. */
#include <sys/epoll.h>
#include "check.h"

static void all_get_their_turn(int max, const int *fds, int n)
{
	int e = epoll_create1(0), seen[16] = {0};
	struct epoll_event ev[16];
	for (int i = 0; i < n; i++) {
		ev[0] = (struct epoll_event){.events = EPOLLIN, .data.u32 = (uint32_t)i};
		CHECK(epoll_ctl(e, EPOLL_CTL_ADD, fds[i], &ev[0]) == 0);
	}
	for (int i = 0; i < 4 * n; i++) {
		int got = epoll_wait(e, ev, max, 1000);
		CHECK(got == (max < n ? max : n));
		for (int k = 0; k < got; k++) {
			seen[ev[k].data.u32]++;
			for (int j = 0; j < k; j++) CHECK(ev[j].data.u32 != ev[k].data.u32);
		}
	}
	for (int i = 0; i < n; i++) CHECK(seen[i] > 0);
	close(e);
}

int main(void)
{
	int pair[2], other[2], p[2], q[2];
	tcp_pair(pair);
	tcp_pair(other);
	CHECK(pipe(p) == 0 && pipe(q) == 0);
	CHECK(write(pair[0], "x", 1) == 1 && write(other[0], "x", 1) == 1 && write(p[1], "x", 1) == 1 && write(q[1], "x", 1) == 1);
	const int fds[] = {pair[1], p[0], other[1], q[0]};
	for (int n = 2; n <= 4; n++)
		for (int max = 1; max <= 5; max++) all_get_their_turn(max, fds, n);
	return 0;
}
