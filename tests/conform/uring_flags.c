/*
 * Flags of io_uring that are seldom used: vectors to send, registered files to splice from, places in what has none, cancellation without an entry. On an
 * older kernel the program ends with 77.
 */
#include "say_uring.h"

enum { SEND_VECTORIZED = 1 << 5 };

static int fd[2], pipes[2];
static char buf[32];

static void vectors(void)
{
	struct iovec v[2] = { { (void *)"abc", 3 }, { (void *)"defg", 4 } };
	say_about("vectors");
	data(IORING_OP_SEND, fd[0], v, 2, 1)->ioprio = SEND_VECTORIZED;
	run(1);
	say("read", "%zd %.7s", recv(fd[1], buf, sizeof(buf), MSG_DONTWAIT), buf);
	data(IORING_OP_SEND_ZC, fd[0], v, 1, 1)->ioprio = SEND_VECTORIZED;
	run(2);
	say("read", "%zd", recv(fd[1], buf, sizeof(buf), MSG_DONTWAIT));
	data(IORING_OP_SEND, fd[0], v, 2000, 1)->ioprio = SEND_VECTORIZED;
	run(1);
	data(IORING_OP_SEND, fd[0], (void *)8, 2, 1)->ioprio = SEND_VECTORIZED;
	run(1);
	data(IORING_OP_SEND, fd[0], "x", 1, 1)->ioprio = 1 << 9;
	run(1);
}

static void spliced(const char *name, unsigned from, int to, unsigned flags, unsigned sqe_flags)
{
	struct io_uring_sqe *e = sqe(IORING_OP_SPLICE, to, 1);
	e->off = e->splice_off_in = (unsigned long)-1;
	e->splice_fd_in = (int)from;
	e->len = 10;
	e->splice_flags = flags;
	e->flags = (unsigned char)sqe_flags;
	say_about("splice, %s", name);
	run(1);
}

static void splices(void)
{
	int set[4] = { fd[0], fd[1], pipes[0], pipes[1] };
	spliced("no such registered", 0, pipes[1], SPLICE_F_FD_IN_FIXED, 0);
	say_result("register", raw_register(ring.fd, IORING_REGISTER_FILES, set, 4));
	MUST(send(fd[0], "there", 5, 0));
	spliced("from a registered socket", 1, pipes[1], SPLICE_F_FD_IN_FIXED, 0);
	say("read", "%zd", read(pipes[0], buf, sizeof(buf)));
	MUST(write(pipes[1], "back", 4));
	spliced("all registered", 2, 0, SPLICE_F_FD_IN_FIXED, IOSQE_FIXED_FILE);
	say("read", "%zd", recv(fd[1], buf, sizeof(buf), MSG_DONTWAIT));
	spliced("beyond", 9, 0, SPLICE_F_FD_IN_FIXED, IOSQE_FIXED_FILE);
	spliced("no such flag", (unsigned)fd[1], pipes[1], 64, 0);
	say_result("unregister", raw_register(ring.fd, IORING_UNREGISTER_FILES, NULL, 0));
}

static void places(void)
{
	say_about("places");
	MUST(send(fd[0], "x", 1, 0));
	data(IORING_OP_READ, fd[1], buf, 1, 1)->off = 5;
	run(1);
	data(IORING_OP_WRITE, fd[1], buf, 1, 1)->off = 5;
	run(1);
	data(IORING_OP_READ, fd[1], buf, 1, 1)->off = 0;
	run(1);
	sqe(IORING_OP_SYNC_FILE_RANGE, fd[1], 1);
	run(1);
	sqe(IORING_OP_FSYNC, fd[1], 1);
	run(1);
	sqe(IORING_OP_FADVISE, fd[1], 1);
	run(1);
}

static void cancel(const char *name, unsigned long user_data, unsigned flags, unsigned char op, unsigned char pad)
{
	struct io_uring_sync_cancel_reg c = { .addr = user_data, .flags = flags, .timeout = { -1, -1 } };
	((unsigned char *)&c)[32] = op;
	((unsigned char *)&c)[33] = pad;
	say_result(name, raw_register(ring.fd, IORING_REGISTER_SYNC_CANCEL, &c, 1));
}

static void cancels(void)
{
	say_about("cancellation without an entry");
	cancel("nothing", 77, 0, 0, 0);
	cancel("padding", 77, 0, 0, 1);
	data(IORING_OP_RECV, fd[1], buf, 1, 1);
	say_result("submitted", ring_submit(&ring, 0));
	cancel("another operation", 1, IORING_ASYNC_CANCEL_OP, IORING_OP_SEND, 0);
	cancel("by operation", 1, IORING_ASYNC_CANCEL_OP, IORING_OP_RECV, 0);
	say_cqes(1);
	data(IORING_OP_RECV, fd[1], buf, 1, 1);
	say_result("submitted", ring_submit(&ring, 0));
	cancel("by name", 1, 0, 0, 0);
	say_cqes(1);
}

int main(void)
{
	say_start();
	say_about("io_uring");
	need_new_kernel();
	tcp_pair(AF_INET, fd);
	MUST(pipe(pipes));
	vectors();
	splices();
	places();
	cancels();
	ring_close(&ring);
	return 0;
}
