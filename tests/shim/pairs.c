/* Socketpairs up to the program's own limit of descriptors, which is more than the engine has to give: each works, and is like any other. */
#include <poll.h>
#include <sys/resource.h>
#include <sys/un.h>
#include "check.h"

#define PAIRS_MAX 1000
#define OTHERS 40                 /* descriptors that the program may have besides */

static void one_works(const int pair[2])
{
	struct sockaddr_un un;
	socklen_t len = sizeof un;
	struct pollfd p = {pair[1], POLLIN, 0};
	CHECK(poll(&p, 1, 0) == 0);
	CHECK(write(pair[0], "q", 1) == 1 && poll(&p, 1, 1000) == 1 && p.revents == POLLIN);
	char c;
	CHECK(read(pair[1], &c, 1) == 1 && c == 'q');
	talk(pair[0], pair[1]);
	CHECK(getpeername(pair[0], (struct sockaddr *)&un, &len) == 0 && len == sizeof(sa_family_t) && un.sun_family == AF_UNIX);
}

static void ends(const int pair[2])
{
	char c;
	CHECK(close(pair[0]) == 0 && read(pair[1], &c, 1) == 0 && close(pair[1]) == 0);
}

int main(void)
{
	static int pairs[PAIRS_MAX][2];
	struct rlimit r;
	int n = 0;
	CHECK(getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < PAIRS_MAX);
	while (n < PAIRS_MAX && socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[n]) == 0) n++;
	CHECK(errno == EMFILE && n >= ((int)r.rlim_cur - OTHERS) / 2);
	for (int i = 0; i < n; i++) one_works(pairs[i]);
	for (int i = 0; i < n; i++) ends(pairs[i]);
	return 0;
}
