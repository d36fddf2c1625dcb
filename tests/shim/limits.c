/* A program limits its address space, as vsftpd does: what the library maps does not count, and the program reads what it has set. */
#include <sys/mman.h>
#include <sys/resource.h>
#include "check.h"

#define LIMIT ((size_t)200 << 20)

static bool maps(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p != MAP_FAILED) munmap(p, size);
	return p != MAP_FAILED;
}

static void limited(void)
{
	struct rlimit r = {LIMIT, LIMIT + 1};
	CHECK(setrlimit(RLIMIT_AS, &r) == 0);
	CHECK(getrlimit(RLIMIT_AS, &r) == 0 && r.rlim_cur == LIMIT && r.rlim_max == LIMIT + 1);
	int pair[2];
	tcp_pair(pair);
	talk(pair[0], pair[1]);
	CHECK(maps(LIMIT / 4));
	CHECK(!maps(2 * LIMIT) && errno == ENOMEM);
	r = (struct rlimit){LIMIT, LIMIT - 1};
	CHECK(setrlimit(RLIMIT_AS, &r) == -1 && errno == EINVAL);
	CHECK(prlimit(0, RLIMIT_AS, NULL, &r) == 0 && r.rlim_cur == LIMIT);
}

int main(void)
{
	struct rlimit r;
	CHECK(getrlimit(RLIMIT_AS, &r) == 0 && r.rlim_cur == RLIM_INFINITY);
	for (int attached = 0; attached < 2; attached++) {   /* before and after the library has mapped its own */
		pid_t pid = fork();
		if (pid == 0) {
			limited();
			_exit(0);
		}
		child_ends_well(pid);
		int pair[2];
		tcp_pair(pair);
	}
	return 0;
}
