/*
 * Rings of io_uring and forks: the child submits to its parent's ring and takes completions from it, together with the parent, after it has closed the
 * ring, and after it has ended. Where the kernel refuses io_uring the program ends with 77.
 */
#include "say_uring.h"

#define EACH 12

/* The child says what it has to say while the parent waits for it. */
static void in_child(void (*what)(void))
{
	int status;
	fflush(stdout);
	pid_t pid = MUST(fork());
	if (pid == 0) {
		alarm(30);
		what();
		fflush(stdout);
		_exit(0);
	}
	MUST(waitpid(pid, &status, 0));
	say("the child ends", "%d", status);
}

static int fd[2], pipes[2], ends[2 * EACH][2];

static void uses_it(void)
{
	char buf[8] = "";
	struct __kernel_timespec soon = { .tv_nsec = 2000000 };
	sqe(IORING_OP_NOP, -1, 1);
	run(1);
	data(IORING_OP_RECV, fd[1], buf, sizeof(buf), 1);
	say_result("submitted", ring_submit(&ring, 0));
	data(IORING_OP_SEND, fd[0], "child", 5, 2);
	run(2);
	say("read", "%.5s", buf);
	data(IORING_OP_TIMEOUT, -1, &soon, 1, 1);
	run(1);
	data(IORING_OP_READ, pipes[0], buf, 1, 1);
	data(IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 2);
	run(2);
}

/* What was under way stays the parent's; what the child has done stands in the queue of both. */
static void takes_part(void)
{
	char b;
	say_about("a child takes part");
	data(IORING_OP_READ, pipes[0], &b, 1, 7);
	say_result("submitted", ring_submit(&ring, 0));
	in_child(uses_it);
	say("left", "%u", ring_ready(&ring));
	MUST(write(pipes[1], "a", 1));
	say_cqes(1);
	sqe(IORING_OP_NOP, -1, 1);
	run(1);
}

static void leaves_one(void)
{
	sqe(IORING_OP_NOP, -1, 5);
	say_result("submitted", ring_submit(&ring, 0));
}

static void for_the_parent(void)
{
	say_about("a completion for the parent");
	in_child(leaves_one);
	say_cqes(1);
}

static void uses_registered(void)
{
	char buf[8] = "";
	data(IORING_OP_SEND, 0, "kept", 4, 1)->flags = IOSQE_FIXED_FILE;
	data(IORING_OP_RECV, 1, buf, sizeof(buf), 2)->flags = IOSQE_FIXED_FILE;
	run(2);
	say("read", "%.4s", buf);
}

static void registered(void)
{
	int own[2];
	tcp_pair(AF_INET, own);
	say_about("registered before the fork");
	say_result("register", raw_register(ring.fd, IORING_REGISTER_FILES, own, 2));
	close(own[0]);
	close(own[1]);
	in_child(uses_registered);
	uses_registered();
	say_result("unregister", raw_register(ring.fd, IORING_UNREGISTER_FILES, NULL, 0));
}

/* Both have requests under way, which a third answers. */
static void submit_reads(int from)
{
	static char b[2 * EACH];
	for (int i = from; i < from + EACH; i++)
		data(IORING_OP_READ, ends[i][0], &b[i], 1, (unsigned long)i);
	MUST(ring_submit(&ring, 0));
}

static void both_at_once(void)
{
	int told[2], hold[2];
	char c;
	MUST(pipe(told));
	MUST(pipe(hold));
	say_about("both at once");
	for (int i = 0; i < 2 * EACH; i++)
		MUST(pipe(ends[i]));
	submit_reads(0);
	pid_t pid = MUST(fork());
	if (pid == 0) {
		close(hold[1]);
		alarm(30);
		submit_reads(EACH);
		MUST(write(told[1], "a", 1));
		read(hold[0], &c, 1);
		_exit(0);
	}
	MUST(read(told[0], &c, 1));
	pid_t writer = MUST(fork());
	if (writer == 0) {
		for (int i = 0; i < EACH; i++) {
			MUST(write(ends[i][1], "a", 1));
			MUST(write(ends[i + EACH][1], "a", 1));
		}
		_exit(0);
	}
	say_cqes(2 * EACH);
	close(hold[1]);
	MUST(waitpid(pid, NULL, 0));
	MUST(waitpid(writer, NULL, 0));
	for (int i = 0; i < 2 * EACH; i++) {
		close(ends[i][0]);
		close(ends[i][1]);
	}
	close(told[0]);
	close(told[1]);
	close(hold[0]);
}

/* As a daemon that has made its ring before it goes into the background. */
static void outlives(void)
{
	int gone[2];
	char b;
	MUST(pipe(gone));
	say_about("a child outlives its parent");
	fflush(stdout);
	pid_t pid = MUST(fork());
	if (pid == 0) {
		struct rawring made;
		MUST(ring_open(&made, 8, NULL));
		ring = made;
		pid_t parent = getpid(), daemon = MUST(fork());
		if (daemon != 0)
			_exit(0);
		alarm(30);
		while (getppid() == parent)
			usleep(100);
		uses_it();
		fflush(stdout);
		close(gone[1]);
		_exit(0);
	}
	MUST(waitpid(pid, NULL, 0));
	close(gone[1]);
	say("the daemon has ended", "%zd", read(gone[0], &b, 1));
	close(gone[0]);
}

int main(void)
{
	say_start();
	say_about("io_uring");
	int err = ring_open(&ring, 32, NULL);
	if (err < 0) {
		printf("the kernel refuses io_uring: %s\n", say_errno(-err));
		return 77;
	}
	tcp_pair(AF_INET, fd);
	MUST(pipe(pipes));
	takes_part();
	for_the_parent();
	registered();
	both_at_once();
	outlives();
	/* The parent lets go of it first. */
	say_about("closed by the parent");
	int go[2];
	char b;
	MUST(pipe(go));
	fflush(stdout);
	pid_t pid = MUST(fork());
	if (pid == 0) {
		alarm(30);
		MUST(read(go[0], &b, 1));
		uses_it();
		fflush(stdout);
		_exit(0);
	}
	ring_close(&ring);
	MUST(write(go[1], "a", 1));
	MUST(waitpid(pid, NULL, 0));
	return 0;
}
