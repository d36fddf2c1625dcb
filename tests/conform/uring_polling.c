/*
 * Rings of io_uring that poll: IORING_SETUP_SQPOLL, whose thread takes entries by itself, and IORING_SETUP_IOPOLL. On an older kernel the program ends
 * with 77.
 */
#include "say_uring.h"
#include <sched.h>

enum { SETUP_HYBRID_IOPOLL = 1 << 17 };

static void setup_once(const char *name, struct io_uring_params p)
{
	struct rawring r;
	int err = ring_open(&r, 4, &p);
	say(name, "%s", err < 0 ? say_errno(-err) : "0");
	if (err >= 0)
		ring_close(&r);
}

static void setups(void)
{
	say_about("setup");
	setup_once("sqpoll", (struct io_uring_params){ .flags = IORING_SETUP_SQPOLL });
	setup_once("sqpoll, one issuer", (struct io_uring_params){ .flags = IORING_SETUP_SQPOLL | IORING_SETUP_SINGLE_ISSUER });
	setup_once("sqpoll and cooperative", (struct io_uring_params){ .flags = IORING_SETUP_SQPOLL | IORING_SETUP_COOP_TASKRUN });
	setup_once("sqpoll and deferred", (struct io_uring_params){ .flags = IORING_SETUP_SQPOLL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN });
	setup_once("affinity alone", (struct io_uring_params){ .flags = IORING_SETUP_SQ_AFF });
	setup_once("no such processor", (struct io_uring_params){ .flags = IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF, .sq_thread_cpu = 100000 });
	setup_once("iopoll", (struct io_uring_params){ .flags = IORING_SETUP_IOPOLL });
	setup_once("iopoll, hybrid", (struct io_uring_params){ .flags = IORING_SETUP_IOPOLL | SETUP_HYBRID_IOPOLL });
	setup_once("hybrid alone", (struct io_uring_params){ .flags = SETUP_HYBRID_IOPOLL });
}

/* As liburing submits: entries are there, and the thread is woken if it says that it sleeps. */
static void hand_over(void)
{
	ring.queued = 0;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(ring.sq_flags, __ATOMIC_RELAXED) & IORING_SQ_NEED_WAKEUP)
		MUST(raw_enter(ring.fd, 0, 0, IORING_ENTER_SQ_WAKEUP, NULL, 0));
}

static void finish(unsigned n)
{
	hand_over();
	say_cqes(n);
}

/* The thread tells that places are free when it has submitted, which may be after the completions. */
static void awaits_room(void)
{
	while (__atomic_load_n(ring.sq_head, __ATOMIC_ACQUIRE) != *ring.sq_tail)
		sched_yield();
}

static void awaits_flag(void)
{
	while (!(__atomic_load_n(ring.sq_flags, __ATOMIC_ACQUIRE) & IORING_SQ_NEED_WAKEUP))
		sched_yield();
}

static void polled_submission(unsigned flags, const char *name)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQPOLL | flags, .sq_thread_idle = 5 };
	char buf[8] = "";
	int fd[2], pi[2];
	tcp_pair(AF_INET, fd);
	MUST(pipe(pi));
	say_about("sqpoll%s", name);
	MUST(ring_open(&ring, 8, &p));
	sqe(IORING_OP_NOP, -1, 1);
	sqe(IORING_OP_NOP, -1, 2);
	finish(2);
	data(IORING_OP_SEND, fd[0], "by self", 7, 1);
	data(IORING_OP_RECV, fd[1], buf, sizeof(buf), 2);
	finish(2);
	say("read", "%.7s", buf);
	data(IORING_OP_READ, pi[0], buf, 1, 1)->flags = IOSQE_IO_LINK;
	sqe(IORING_OP_NOP, -1, 2);
	hand_over();
	MUST(write(pi[1], "a", 1));
	say_cqes(2);
	awaits_flag();
	sqe(IORING_OP_NOP, -1, 3);
	say_result("as many as are told", raw_enter(ring.fd, 77, 0, 0, NULL, 0));
	finish(1);
	awaits_room();
	for (unsigned i = 0; i < 8; i++)
		sqe(IORING_OP_NOP, -1, i);
	ring.queued = 0;
	say_result("wakes, and waits for room", raw_enter(ring.fd, 8, 0, IORING_ENTER_SQ_WAKEUP | IORING_ENTER_SQ_WAIT, NULL, 0));
	say_cqes(8);
	awaits_room();
	sqe(250, -1, 1);
	sqe(IORING_OP_NOP, -1, 2);
	finish(2);
	data(IORING_OP_RECV, fd[1], buf, sizeof(buf), 1);
	hand_over();
	MUST(send(fd[0], "later", 5, 0));
	say_cqes(1);
	ring_close(&ring);
	for (int i = 0; i < 2; i++) {
		close(fd[i]);
		close(pi[i]);
	}
}

static void starts_disabled(void)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQPOLL | IORING_SETUP_R_DISABLED };
	say_about("sqpoll, disabled at first");
	MUST(ring_open(&ring, 8, &p));
	sqe(IORING_OP_NOP, -1, 1);
	say_result("enter", raw_enter(ring.fd, 1, 0, IORING_ENTER_SQ_WAKEUP, NULL, 0));
	say_result("enable", raw_register(ring.fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0));
	finish(1);
	ring_close(&ring);
}

/* Only what a device can be asked for again and again. */
static void polled_completion(void)
{
	struct io_uring_params p = { .flags = IORING_SETUP_IOPOLL };
	static char buf[4096] __attribute__((aligned(4096)));
	char path[] = "/tmp/conform-uring-XXXXXX";
	struct __kernel_timespec soon = { .tv_nsec = 1 };
	int fd[2], file = MUST(mkstemp(path));
	tcp_pair(AF_INET, fd);
	say_about("iopoll");
	MUST(ring_open(&ring, 8, &p));
	say_result("nothing to wait for", raw_enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
	sqe(IORING_OP_NOP, -1, 1);
	run(1);
	data(IORING_OP_READ, file, buf, sizeof(buf), 1)->off = 0;
	run(1);
	data(IORING_OP_READ, fd[0], buf, sizeof(buf), 1)->off = 0;
	run(1);
	data(IORING_OP_RECV, fd[0], buf, sizeof(buf), 1);
	run(1);
	sqe(IORING_OP_FSYNC, file, 1);
	run(1);
	sqe(IORING_OP_POLL_ADD, fd[0], 1)->poll_events = POLLOUT;
	run(1);
	data(IORING_OP_TIMEOUT, -1, &soon, 1, 1);
	run(1);
	sqe(IORING_OP_URING_CMD, fd[0], 1);
	run(1);
	data(IORING_OP_PROVIDE_BUFFERS, 1, buf, 64, 1);
	run(1);
	ring_close(&ring);
	say_about("priority without polling");
	MUST(ring_open(&ring, 8, NULL));
	data(IORING_OP_READ, file, buf, sizeof(buf), 1)->rw_flags = 1 /* RWF_HIPRI */;
	run(1);
	ring_close(&ring);
	close(file);
	unlink(path);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	say_start();
	say_about("io_uring");
	need_new_kernel();
	ring_close(&ring);
	setups();
	polled_submission(0, "");
	polled_submission(IORING_SETUP_SUBMIT_ALL, ", submits all");
	starts_disabled();
	polled_completion();
	return 0;
}
