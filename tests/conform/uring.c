/*
 * io_uring, by raw system calls: rings, what submissions answer, and what completions say. Only what kernels from 6.1 on agree about. Where the kernel
 * refuses io_uring the program ends with 77.
 */
#include "say_uring.h"

/* ---- setting up ---- */

static void setup_once(const char *name, unsigned entries, unsigned flags, unsigned cq_entries)
{
	struct rawring r;
	struct io_uring_params p = { .flags = flags, .cq_entries = cq_entries };
	int err = ring_open(&r, entries, &p);

	if (err < 0) {
		say(name, "%s", say_errno(-err));
		return;
	}
	say(name, "sq %u cq %u single mmap %d nodrop %d", r.entries, r.cq_size, !!(r.p.features & IORING_FEAT_SINGLE_MMAP),
	    !!(r.p.features & IORING_FEAT_NODROP));
	ring_close(&r);
}

static void setups(void)
{
	say_about("setup");
	setup_once("none", 0, 0, 0);
	setup_once("one", 1, 0, 0);
	setup_once("five", 5, 0, 0);
	setup_once("too many", 40000, 0, 0);
	setup_once("clamped", 40000, IORING_SETUP_CLAMP, 0);
	setup_once("cq size", 4, IORING_SETUP_CQSIZE, 33);
	setup_once("cq size 0", 4, IORING_SETUP_CQSIZE, 0);
	setup_once("cq too small", 8, IORING_SETUP_CQSIZE, 4);
	setup_once("large entries", 4, IORING_SETUP_SQE128 | IORING_SETUP_CQE32, 0);
	setup_once("taskrun flag alone", 4, IORING_SETUP_TASKRUN_FLAG, 0);
	setup_once("defer without single", 4, IORING_SETUP_DEFER_TASKRUN, 0);
	setup_once("no such flag", 4, 1u << 30, 0);
	say_result("params nowhere", raw_setup(4, (void *)8));
	say_result("enter on no descriptor", raw_enter(-1, 0, 0, 0, NULL, 0));
	int pipes[2];
	MUST(pipe(pipes));
	say_result("enter on a pipe", raw_enter(pipes[0], 0, 0, 0, NULL, 0));
	close(pipes[0]);
	close(pipes[1]);
	say_result("no such enter flag", raw_enter(ring.fd, 0, 0, 1u << 20, NULL, 0));
	say_result("no such register", raw_register(ring.fd, 900, NULL, 0));
}

static void disabled(void)
{
	struct rawring r;
	struct io_uring_params p = { .flags = IORING_SETUP_R_DISABLED };
	say_about("disabled ring");
	MUST(ring_open(&r, 4, &p));
	ring_sqe(&r, IORING_OP_NOP, -1, 1);
	say_result("submit", ring_submit(&r, 0));
	say_result("enable", raw_register(r.fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0));
	say_result("enable again", raw_register(r.fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0));
	r.queued = 1;
	say_result("submit", ring_submit(&r, 1));
	ring_close(&r);
}

/* ---- entries, chains, drains ---- */

static void entries(void)
{
	say_about("entries");
	sqe(IORING_OP_NOP, -1, 1);
	sqe(IORING_OP_NOP, -1, 2);
	run(2);
	sqe(IORING_OP_NOP, -1, 1);
	sqe(250, -1, 2);
	sqe(IORING_OP_NOP, -1, 3);
	run(2);
	ring.queued = 1;
	run(1);
	sqe(IORING_OP_NOP, -1, 1)->flags = 0x80;
	run(1);
	sqe(IORING_OP_NOP, -1, 1)->personality = 7;
	run(1);
	sqe(IORING_OP_NOP, -1, 1)->flags = IOSQE_BUFFER_SELECT;
	run(1);
	sqe(IORING_OP_NOP, -1, 1)->flags = IOSQE_CQE_SKIP_SUCCESS;
	sqe(IORING_OP_NOP, -1, 2);
	run(1);
	sqe(IORING_OP_NOP, -1, 1)->flags = IOSQE_CQE_SKIP_SUCCESS | IOSQE_IO_DRAIN;
	run(1);
	*(ring.sq_array + (*ring.sq_tail & *ring.sq_mask)) = 9999;
	__atomic_store_n(ring.sq_tail, *ring.sq_tail + 1, __ATOMIC_RELEASE);
	say_result("index beyond", raw_enter(ring.fd, 1, 0, 0, NULL, 0));
	say("dropped", "%u", *ring.sq_dropped);
}

static void chains(void)
{
	char c;
	int pipes[2];
	MUST(pipe(pipes));
	say_about("chains");
	sqe(IORING_OP_NOP, -1, 1)->flags = IOSQE_IO_LINK;
	sqe(IORING_OP_NOP, -1, 2)->flags = IOSQE_IO_LINK;
	sqe(IORING_OP_NOP, -1, 3);
	run(3);
	data(IORING_OP_READ, -1, &c, 1, 1)->flags = IOSQE_IO_LINK;
	sqe(IORING_OP_NOP, -1, 2)->flags = IOSQE_IO_LINK;
	sqe(IORING_OP_NOP, -1, 3);
	sqe(IORING_OP_NOP, -1, 4);
	run(4);
	data(IORING_OP_READ, -1, &c, 1, 1)->flags = IOSQE_IO_HARDLINK;
	sqe(IORING_OP_NOP, -1, 2);
	run(2);
	sqe(IORING_OP_NOP, -1, 1)->flags = IOSQE_IO_LINK;
	sqe(250, -1, 2)->flags = IOSQE_IO_LINK;
	sqe(IORING_OP_NOP, -1, 3);
	run(3);
	sqe(250, -1, 1)->flags = IOSQE_IO_HARDLINK;
	sqe(IORING_OP_NOP, -1, 2);
	run(2);
	data(IORING_OP_READ, -1, &c, 1, 1)->flags = IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
	sqe(IORING_OP_NOP, -1, 2);
	sqe(IORING_OP_NOP, -1, 3);
	run(2);
	/* A chain that waits, and a short read that breaks one. */
	char two[2];
	data(IORING_OP_READ, pipes[0], two, 1, 1)->flags = IOSQE_IO_LINK;
	sqe(IORING_OP_NOP, -1, 2);
	say_result("submitted", ring_submit(&ring, 0));
	MUST(write(pipes[1], "a", 1));
	say_cqes(2);
	MUST(write(pipes[1], "a", 1));
	data(IORING_OP_READ, pipes[0], two, 2, 1)->flags = IOSQE_IO_LINK;
	sqe(IORING_OP_NOP, -1, 2);
	run(2);
	close(pipes[0]);
	close(pipes[1]);
}

static void drains(void)
{
	char c;
	int pipes[2];
	MUST(pipe(pipes));
	say_about("drain");
	sqe(IORING_OP_NOP, -1, 1)->flags = IOSQE_IO_DRAIN;
	run(1);
	ring_close(&ring);
	MUST(ring_open(&ring, 16, NULL));
	data(IORING_OP_READ, pipes[0], &c, 1, 1);
	sqe(IORING_OP_NOP, -1, 2)->flags = IOSQE_IO_DRAIN;
	sqe(IORING_OP_NOP, -1, 3);
	say_result("submitted", ring_submit(&ring, 0));
	say("before", "%u", ring_ready(&ring));
	MUST(write(pipes[1], "a", 1));
	say_cqes(3);
	/* What follows waits for what drained. */
	data(IORING_OP_READ, pipes[0], &c, 1, 1)->flags = IOSQE_IO_DRAIN;
	sqe(IORING_OP_NOP, -1, 2);
	sqe(IORING_OP_NOP, -1, 3);
	say_result("submitted", ring_submit(&ring, 0));
	say("before", "%u", ring_ready(&ring));
	MUST(write(pipes[1], "a", 1));
	say_cqes(3);
	sqe(IORING_OP_NOP, -1, 1);
	run(1);
	close(pipes[0]);
	close(pipes[1]);
}

/* ---- timeouts ---- */

static struct io_uring_sqe *timeout(int opcode, const struct __kernel_timespec *t, unsigned long count, unsigned long user_data)
{
	struct io_uring_sqe *e = data(opcode, -1, t, 1, user_data);
	e->off = count;
	return e;
}

static void timeouts(void)
{
	struct __kernel_timespec soon = { .tv_nsec = 5000000 }, late = { .tv_sec = 3600 }, wrong = { .tv_sec = -1 };
	char c;
	int pipes[2];
	MUST(pipe(pipes));
	say_about("timeouts");
	timeout(IORING_OP_TIMEOUT, &soon, 0, 1);
	run(1);
	timeout(IORING_OP_TIMEOUT, &soon, 0, 1)->timeout_flags = IORING_TIMEOUT_ETIME_SUCCESS;
	run(1);
	timeout(IORING_OP_TIMEOUT, &wrong, 0, 1);
	run(1);
	timeout(IORING_OP_TIMEOUT, (void *)8, 0, 1);
	run(1);
	timeout(IORING_OP_TIMEOUT, &soon, 0, 1)->len = 2;
	run(1);
	timeout(IORING_OP_TIMEOUT, &late, 2, 1);
	sqe(IORING_OP_NOP, -1, 2);
	sqe(IORING_OP_NOP, -1, 3);
	run(3);
	timeout(IORING_OP_TIMEOUT, &late, 0, 1);
	data(IORING_OP_TIMEOUT_REMOVE, -1, (void *)1, 0, 2);
	run(2);
	data(IORING_OP_TIMEOUT_REMOVE, -1, (void *)1, 0, 2);
	run(1);
	timeout(IORING_OP_TIMEOUT, &late, 0, 1);
	struct io_uring_sqe *e = data(IORING_OP_TIMEOUT_REMOVE, -1, (void *)1, 0, 2);
	e->addr2 = (unsigned long)&soon;
	e->timeout_flags = IORING_TIMEOUT_UPDATE;
	run(2);
	say_about("link timeouts");
	data(IORING_OP_READ, pipes[0], &c, 1, 1)->flags = IOSQE_IO_LINK;
	timeout(IORING_OP_LINK_TIMEOUT, &soon, 0, 2);
	run(2);
	data(IORING_OP_READ, pipes[0], &c, 1, 1)->flags = IOSQE_IO_LINK;
	timeout(IORING_OP_LINK_TIMEOUT, &late, 0, 2);
	say_result("submitted", ring_submit(&ring, 0));
	MUST(write(pipes[1], "a", 1));
	say_cqes(2);
	sqe(IORING_OP_NOP, -1, 1)->flags = IOSQE_IO_LINK;
	timeout(IORING_OP_LINK_TIMEOUT, &late, 0, 2)->flags = IOSQE_IO_LINK;
	sqe(IORING_OP_NOP, -1, 3);
	run(3);
	timeout(IORING_OP_LINK_TIMEOUT, &late, 0, 1);
	run(1);
	timeout(IORING_OP_TIMEOUT, &late, 0, 1)->flags = IOSQE_IO_LINK;
	timeout(IORING_OP_LINK_TIMEOUT, &soon, 0, 2);
	run(2);
	close(pipes[0]);
	close(pipes[1]);
}

/* ---- waiting ---- */

static void caught(int sig) { (void)sig; }

static void waits(void)
{
	struct __kernel_timespec soon = { .tv_nsec = 5000000 };
	struct io_uring_getevents_arg arg = { .ts = (unsigned long)&soon };
	struct sigaction sa = { .sa_handler = caught, .sa_flags = SA_RESTART };
	sigset_t usr1, none;
	say_about("waits");
	say_result("for a time", raw_enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof(arg)));
	say_result("wrong size", raw_enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, 8));
	say_result("argument nowhere", raw_enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, (void *)8, sizeof(arg)));
	say_result("for nothing", raw_enter(ring.fd, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0));
	sqe(IORING_OP_NOP, -1, 1);
	ring.queued = 0;
	say_result("with one of two", raw_enter(ring.fd, 1, 2, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof(arg)));
	say_cqes(1);
	/* A signal that only the wait lets in. */
	sigemptyset(&none);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigaction(SIGUSR1, &sa, NULL);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	raise(SIGUSR1);
	say_result("a signal is let in", raw_enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, &none, 8));
	say_result("mask of a wrong size", raw_enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, &none, 4));
	sigprocmask(SIG_UNBLOCK, &usr1, NULL);
}

/* ---- being told ---- */

static void told(void)
{
	int efd = MUST(eventfd(0, EFD_NONBLOCK)), ep = MUST(epoll_create1(0)), p[2], not_one = 0;
	unsigned long n = 0;
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = 7 }, got;
	MUST(pipe(p));
	say_about("eventfd");
	say_result("not an eventfd", raw_register(ring.fd, IORING_REGISTER_EVENTFD, &p[0], 1));
	say_result("register", raw_register(ring.fd, IORING_REGISTER_EVENTFD, &efd, 1));
	say_result("again", raw_register(ring.fd, IORING_REGISTER_EVENTFD, &efd, 1));
	sqe(IORING_OP_NOP, -1, 1);
	run(1);
	say("read", "%zd", read(efd, &n, sizeof(n)));
	char c;
	data(IORING_OP_READ, p[0], &c, 1, 1);
	say_result("submitted", ring_submit(&ring, 0));
	say("read", "%zd", read(efd, &n, sizeof(n)));
	MUST(write(p[1], "a", 1));
	say("readable", "%d", wait_for(efd, POLLIN));
	say_cqes(1);
	say_result("unregister", raw_register(ring.fd, IORING_UNREGISTER_EVENTFD, NULL, 0));
	say_result("again", raw_register(ring.fd, IORING_UNREGISTER_EVENTFD, &not_one, 0));
	say_about("the ring in a poll");
	say_poll("idle", ring.fd);
	say_rc("add", epoll_ctl(ep, EPOLL_CTL_ADD, ring.fd, &ev));
	say_rc("add again", epoll_ctl(ep, EPOLL_CTL_ADD, ring.fd, &ev));
	say_rc("wait", epoll_wait(ep, &got, 1, 0));
	sqe(IORING_OP_NOP, -1, 1);
	ring_submit(&ring, 0);
	say_poll("one is there", ring.fd);
	say_rc("wait", epoll_wait(ep, &got, 1, 5000));
	say("data", "%u events %x", got.data.u32, got.events);
	say_cqes(1);
	say_rc("wait", epoll_wait(ep, &got, 1, 0));
	say_poll("taken", ring.fd);
	data(IORING_OP_READ, p[0], &c, 1, 1);
	ring_submit(&ring, 0);
	MUST(write(p[1], "a", 1));
	say_rc("wait", epoll_wait(ep, &got, 1, 5000));
	say_cqes(1);
	say_rc("delete", epoll_ctl(ep, EPOLL_CTL_DEL, ring.fd, &ev));
	close(p[0]);
	close(p[1]);
	close(efd);
	close(ep);
}

static void overflow(void)
{
	struct rawring r;
	struct io_uring_cqe c;
	MUST(ring_open(&r, 4, NULL));
	say_about("overflow");
	for (int i = 0; i < 12; i++) {
		ring_sqe(&r, IORING_OP_NOP, -1, (unsigned long)i);
		say_result("submitted", ring_submit(&r, 0));
	}
	say("ready", "%u flag %u lost %u", ring_ready(&r), *r.sq_flags & IORING_SQ_CQ_OVERFLOW, *r.cq_overflow);
	for (unsigned i = 0; i < 8; i++)
		if (ring_take(&r, &c) && c.user_data != i)
			say("out of order", "%u", i);
	say_result("get events", raw_enter(r.fd, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0));
	say("ready", "%u flag %u", ring_ready(&r), *r.sq_flags & IORING_SQ_CQ_OVERFLOW);
	while (ring_take(&r, &c))
		say("cqe", "%u", (unsigned)c.user_data);
	ring_close(&r);
}

static void rings(void)
{
	struct rawring other;
	struct io_uring_cqe c;
	MUST(ring_open(&other, 4, NULL));
	say_about("ring to ring");
	struct io_uring_sqe *e = sqe(IORING_OP_MSG_RING, other.fd, 1);
	e->len = 42;
	e->off = 4711;
	run(1);
	say("ready", "%u", ring_ready(&other));
	ring_take(&other, &c);
	say("message", "%d for %u", c.res, (unsigned)c.user_data);
	sqe(IORING_OP_MSG_RING, 0, 1);
	run(1);
	struct io_uring_rsrc_update up = { .offset = -1U, .data = (unsigned long)other.fd };
	say_result("register ring", raw_register(other.fd, IORING_REGISTER_RING_FDS, &up, 1));
	say("number", "%u", up.offset);
	ring_sqe(&other, IORING_OP_NOP, -1, 1);
	say_result("enter by it", raw_enter((int)up.offset, 1, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_REGISTERED_RING, NULL, 0));
	say_result("enter by another", raw_enter(5, 0, 0, IORING_ENTER_GETEVENTS | IORING_ENTER_REGISTERED_RING, NULL, 0));
	say_result("enter by one beyond", raw_enter(50, 0, 0, IORING_ENTER_GETEVENTS | IORING_ENTER_REGISTERED_RING, NULL, 0));
	up.data = 0;
	say_result("unregister ring", raw_register(other.fd, IORING_UNREGISTER_RING_FDS, &up, 1));
	ring_close(&other);
	/* What a closed ring has waited with is taken back. */
	int p[2];
	char b;
	MUST(pipe(p));
	MUST(ring_open(&other, 4, NULL));
	e = ring_sqe(&other, IORING_OP_READ, p[0], 1);
	e->addr = (unsigned long)&b;
	e->len = 1;
	say_result("waits", ring_submit(&other, 0));
	ring_close(&other);
	close(p[0]);
	say("the pipe breaks", "%d", wait_for(p[1], POLLERR));
	close(p[1]);
}

int main(void)
{
	say_start();
	say_about("io_uring");
	need_ring();
	setups();
	disabled();
	entries();
	chains();
	drains();
	timeouts();
	waits();
	told();
	overflow();
	rings();
	ring_close(&ring);
	return 0;
}
