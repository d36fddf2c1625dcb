/* What the acceptance programs share: sockets of tests/conform/say.h, one way to fail, seeded numbers, octets that can be checked. */
#pragma once
#include "../conform/say.h"
#include <stdint.h>
#include <sys/resource.h>

/* Ends with one line that says why. */
__attribute__((noreturn, format(printf, 1, 2))) static inline void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	_exit(1);
}

/* xorshift64*: the same from run to run. */
static inline uint64_t number(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

static inline uint64_t number_seed(uint64_t seed) { return seed * 0x9e3779b97f4a7c15ull | 1; }

static inline void octets_fill(unsigned char *p, size_t n, uint64_t seed)
{
	uint64_t s = number_seed(seed);

	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(number(&s) >> 32);
}

static inline bool send_all(int fd, const void *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = send(fd, (const char *)data + at, len - at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

/* As many of len octets as came before the end. */
static inline size_t recv_all(int fd, void *data, size_t len)
{
	size_t at = 0;

	while (at < len) {
		ssize_t n = recv(fd, (char *)data + at, len - at, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	return at;
}

/* More descriptors than a shell gives. */
static inline void descriptors_raise(rlim_t n)
{
	struct rlimit r;

	getrlimit(RLIMIT_NOFILE, &r);
	if (r.rlim_cur < n) {
		r.rlim_cur = n < r.rlim_max ? n : r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static inline long argument(int argc, char **argv, int i, long otherwise) { return argc > i ? atol(argv[i]) : otherwise; }
