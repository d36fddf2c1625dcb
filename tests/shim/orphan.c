/* Processes that outlive the one they were forked from: what they inherited of it must not end with it. */
#include "shim_test.h"

/* Runs fn in a grandchild whose parent is gone by then; it says how it ended over a pipe. */
static void orphaned(void (*fn)(int fd[2]), int fd[2])
{
	int p[2];
	char octet = 'x';
	pid_t pid;

	MUST(pipe(p));
	pid = MUST(fork());
	if (pid == 0) {
		send(fd[0], "p", 1, 0);            /* this one has its own connection to the engine, too */
		if (MUST(fork()) != 0)
			_exit(0);
		close(p[0]);
		send(fd[0], "c", 1, 0);            /* and so has this one, while its parent may still live */
		pause_ms(100);
		fn(fd);
		MUST(write(p[1], "k", 1));
		_exit(0);
	}
	MUST(waitpid(pid, NULL, 0));
	close(p[1]);
	CHECK(read(p[0], &octet, 1) == 1 && octet == 'k', "the orphan failed");
}

/* Sends without any call but send: the engine sleeps in between and must be woken each time. */
static void sends(int fd[2])
{
	for (int i = 0; i < 5; i++) {
		MUST(send(fd[0], "d", 1, 0));
		pause_ms(50);
	}
	_exit(write(2, "", 0) == 0 ? 0 : 1);
}

static void sends_and_tells(int fd[2])
{
	char buf[64];
	pid_t reader = MUST(fork());

	if (reader == 0) {
		ssize_t got = 0, n;

		while (got < 7 && (n = recv(fd[1], buf, sizeof(buf), 0)) > 0)
			got += n;
		_exit(got == 7 ? 0 : 1);
	}
	int status;
	long t = now_ms();

	for (int i = 0; i < 5; i++) {
		MUST(send(fd[0], "d", 1, 0));
		pause_ms(50);
	}
	MUST(waitpid(reader, &status, 0));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0 && now_ms() - t < 2000, "what was sent came late");
}

static void sending(void)
{
	int fd[2];

	(void)sends;
	tcp_pair(AF_INET, fd);
	orphaned(sends_and_tells, fd);
}

int main(void)
{
	static const struct test tests[] = { { "sending", sending } };

	return tests_run("orphan", tests, sizeof(tests) / sizeof(*tests), 10);
}
