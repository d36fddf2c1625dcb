/*
 * What the shim's own tests share: each program is plain sockets, passes on the kernel as it does under sockland, and prints a line a test.
 * A test runs in a process of its own with a time limit, so that one that hangs is only itself.
 */
#pragma once
#include "../conform/say.h"
#include <pthread.h>

struct test { const char *name; void (*run)(void); };

static const char *test_program;

/* Ends the test's process: the line that says so is the parent's. */
__attribute__((format(printf, 1, 2), noreturn)) static inline void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "# ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	_exit(1);
}

#define CHECK(cond, fmt, ...) do { if (!(cond)) fail("line %d: " fmt, __LINE__, ##__VA_ARGS__); } while (0)

static inline void pause_ms(long ms) { nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL); }

static inline pthread_t thread(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	CHECK(pthread_create(&t, NULL, fn, arg) == 0, "no thread");
	return t;
}

static inline int tests_run(const char *program, const struct test *tests, size_t n, int seconds)
{
	int bad = 0, status;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			signal(SIGPIPE, SIG_IGN);
			alarm((unsigned)seconds);
			tests[i].run();
			_exit(0);
		}
		if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
			printf("ok %s/%s\n", program, tests[i].name);
			continue;
		}
		printf("not ok %s/%s: %s %d\n", program, tests[i].name, WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		bad = 1;
	}
	return bad;
}
