/*
 * io_uring, by raw system calls: what submissions answer, and what completions say. Only what kernels from 6.1 on agree about. Where the kernel refuses
 * io_uring the program ends with 77.
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
	say(name, "sq %u cq %u single mmap %d nodrop %d", r.entries, r.cq_size, !!(r.p.features & IORING_FEAT_SINGLE_MMAP), !!(r.p.features & IORING_FEAT_NODROP));
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

/* ---- files ---- */

static void files(void)
{
	char path[] = "/tmp/conform-uring-XXXXXX", other[64], buf[16] = "";
	int fd = MUST(mkstemp(path));
	struct iovec two[2] = { { (void *)"hello", 5 }, { (void *)" world", 6 } };
	snprintf(other, sizeof other, "%s.b", path);
	say_about("files");
	data(IORING_OP_WRITEV, fd, two, 2, 1);
	run(1);
	data(IORING_OP_READ, fd, buf, 5, 1)->off = 6;
	run(1);
	say("read", "%.5s", buf);
	data(IORING_OP_WRITE, fd, "!", 1, 1);
	run(1);
	say("place", "%ld", (long)lseek(fd, 0, SEEK_CUR));
	sqe(IORING_OP_FSYNC, fd, 1);
	run(1);
	data(IORING_OP_READ, fd, buf, 5, 1)->off = 100;
	run(1);
	data(IORING_OP_READ, fd, (void *)8, 5, 1)->off = 0;
	run(1);
	data(IORING_OP_READ, 999, buf, 5, 1);
	run(1);
	data(IORING_OP_READV, fd, two, 2000, 1);
	run(1);
	struct io_uring_sqe *e = data(IORING_OP_FALLOCATE, fd, (void *)4096, 0, 1);
	e->off = 0;
	run(1);
	struct statx st = { 0 };
	e = data(IORING_OP_STATX, AT_FDCWD, path, STATX_SIZE, 1);
	e->off = (unsigned long)&st;
	run(1);
	say("size", "%llu", (unsigned long long)st.stx_size);
	e = data(IORING_OP_RENAMEAT, AT_FDCWD, path, (unsigned)AT_FDCWD, 1);
	e->addr2 = (unsigned long)other;
	run(1);
	data(IORING_OP_OPENAT, AT_FDCWD, path, 0, 1);
	run(1);
	data(IORING_OP_UNLINKAT, AT_FDCWD, other, 0, 1);
	run(1);
	sqe(IORING_OP_CLOSE, fd, 1);
	run(1);
	sqe(IORING_OP_CLOSE, fd, 1);
	run(1);
	sqe(IORING_OP_CLOSE, ring.fd, 1);
	run(1);
}

static void pipes_and_polls(void)
{
	char c;
	int p[2];
	MUST(pipe(p));
	say_about("polls");
	sqe(IORING_OP_POLL_ADD, p[1], 1)->poll_events = POLLOUT;
	run(1);
	sqe(IORING_OP_POLL_ADD, p[0], 1)->poll_events = POLLIN;
	say_result("submitted", ring_submit(&ring, 0));
	MUST(write(p[1], "a", 1));
	say_cqes(1);
	MUST(read(p[0], &c, 1));
	sqe(IORING_OP_POLL_ADD, p[0], 1)->poll_events = POLLIN;
	data(IORING_OP_POLL_REMOVE, -1, (void *)1, 0, 2);
	run(2);
	data(IORING_OP_POLL_REMOVE, -1, (void *)1, 0, 2);
	run(1);
	struct io_uring_sqe *e = sqe(IORING_OP_POLL_ADD, p[0], 1);
	e->poll_events = POLLIN;
	e->len = IORING_POLL_ADD_MULTI;
	say_result("submitted", ring_submit(&ring, 0));
	for (int i = 0; i < 3; i++) {
		MUST(write(p[1], "a", 1));
		say_cqes(1);
		MUST(read(p[0], &c, 1));
	}
	data(IORING_OP_POLL_REMOVE, -1, (void *)1, 0, 2);
	run_to_end(2);
	sqe(IORING_OP_POLL_ADD, 999, 1)->poll_events = POLLIN;
	run(1);
	sqe(IORING_OP_POLL_ADD, p[0], 1)->poll_events = POLLIN;
	say_result("submitted", ring_submit(&ring, 0));
	close(p[1]);
	say_cqes(1);
	close(p[0]);
}

/* ---- sockets ---- */

static void connections(int family)
{
	union name n = { 0 };
	socklen_t len = sizeof(n);
	int l = listening(family, 5), c = MUST(socket(family, SOCK_STREAM, 0));
	struct io_uring_cqe e;
	say_about("connections %s", family_text(family));
	struct io_uring_sqe *a = data(IORING_OP_ACCEPT, l, &n, 0, 1);
	a->addr2 = (unsigned long)&len;
	a->accept_flags = SOCK_CLOEXEC;
	say_result("accept waits", ring_submit(&ring, 0));
	union name to = name_lo(family, port_of(l));
	data(IORING_OP_CONNECT, c, &to, 0, 2)->off = name_len(family);
	say_result("connect", ring_submit(&ring, 2));
	int s = -1, connected = -1;
	for (int i = 0; i < 2; i++) {
		ring_take(&ring, &e);
		*(e.user_data == 1 ? &s : &connected) = e.res;
	}
	say("accepted", "%d connected %d", s >= 0, connected);
	say_name("peer", &n, len);
	say("close on exec", "%d", fcntl(s, F_GETFD));
	char buf[64] = "";
	data(IORING_OP_SEND, c, "hello", 5, 1);
	data(IORING_OP_RECV, s, buf, sizeof(buf), 2);
	run(2);
	data(IORING_OP_RECV, s, buf, sizeof(buf), 1);
	say_result("submitted", ring_submit(&ring, 0));
	MUST(send(c, "later", 5, 0));
	say_cqes(1);
	say("read", "%.5s", buf);
	data(IORING_OP_RECV, s, buf, sizeof(buf), 1)->msg_flags = MSG_DONTWAIT;
	run(1);
	data(IORING_OP_RECV, s, buf, 6, 1)->msg_flags = MSG_WAITALL;
	say_result("submitted", ring_submit(&ring, 0));
	MUST(send(c, "one", 3, 0));
	MUST(send(c, "two", 3, 0));
	say_cqes(1);
	say("read", "%.6s", buf);
	data(IORING_OP_READ, s, buf, sizeof(buf), 1);
	data(IORING_OP_WRITE, c, "written", 7, 2);
	run(2);
	set_nonblocking(s);
	data(IORING_OP_RECV, s, buf, sizeof(buf), 1);
	data(IORING_OP_SHUTDOWN, c, NULL, SHUT_WR, 2);
	run(2);
	data(IORING_OP_RECV, s, buf, sizeof(buf), 1);
	run(1);
	sqe(IORING_OP_CLOSE, s, 1);
	run(1);
	data(IORING_OP_RECV, s, buf, sizeof(buf), 1);
	run(1);
	close(c);
	/* Nobody listens. */
	c = MUST(socket(family, SOCK_STREAM, 0));
	to = name_lo(family, port_closed(family, SOCK_STREAM));
	data(IORING_OP_CONNECT, c, &to, 0, 1)->off = name_len(family);
	run(1);
	close(c);
	close(l);
}

static void broken(void)
{
	int fd[2];
	tcp_pair(AF_INET, fd);
	say_about("broken connection");
	close(fd[1]);
	MUST(send(fd[0], "x", 1, MSG_NOSIGNAL));
	wait_for(fd[0], POLLHUP);
	data(IORING_OP_SEND, fd[0], "hello", 5, 1);
	run(1);
	data(IORING_OP_SEND, fd[0], "hello", 5, 1);
	run(1);
	close(fd[0]);
	say_about("not a socket");
	int p[2];
	MUST(pipe(p));
	data(IORING_OP_SEND, p[1], "hello", 5, 1);
	run(1);
	data(IORING_OP_RECV, p[0], p, 5, 1);
	run(1);
	data(IORING_OP_ACCEPT, p[0], NULL, 0, 1);
	run(1);
	sqe(IORING_OP_SHUTDOWN, p[0], 1);
	run(1);
	close(p[0]);
	close(p[1]);
	int s = MUST(socket(AF_INET, SOCK_STREAM, 0));
	data(IORING_OP_ACCEPT, s, NULL, 0, 1);
	run(1);
	data(IORING_OP_RECV, s, p, 5, 1);
	run(1);
	close(s);
	data(IORING_OP_SOCKET, AF_INET, NULL, 0, 1)->off = 99;
	run(1);
	data(IORING_OP_SOCKET, AF_INET, NULL, 0, 1)->off = SOCK_STREAM | 0x10000000;
	run(1);
}

static void many_accepts(void)
{
	int l = listening(AF_INET, 8), c[3];
	struct io_uring_cqe e;
	say_about("multishot accept");
	sqe(IORING_OP_ACCEPT, l, 1)->ioprio = IORING_ACCEPT_MULTISHOT;
	say_result("submitted", ring_submit(&ring, 0));
	for (int i = 0; i < 3; i++)
		c[i] = connected_to(AF_INET, SOCK_STREAM, port_of(l));
	for (int i = 0; i < 3; i++) {
		while (!ring_take(&ring, &e))
			MUST(raw_enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
		say("accepted", "%d flags %x", e.res >= 0, e.flags);
		close(e.res);
		close(c[i]);
	}
	data(IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 2);
	run(2);
	close(l);
}

static void datagrams(void)
{
	int fd[2];
	char buf[16] = "", control[64];
	union name from = { 0 };
	udp_pair(AF_INET, fd);
	struct iovec iov = { buf, sizeof(buf) }, out = { (void *)"message", 7 };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct msghdr o = { .msg_iov = &out, .msg_iovlen = 1 };
	say_about("messages");
	data(IORING_OP_RECVMSG, fd[1], &m, 1, 1);
	data(IORING_OP_SENDMSG, fd[0], &o, 1, 2);
	run(2);
	say_name("from", &from, m.msg_namelen);
	say("control", "%zu flags %x", m.msg_controllen, m.msg_flags);
	iov.iov_len = 3;
	m.msg_namelen = sizeof(from);
	data(IORING_OP_SENDMSG, fd[0], &o, 1, 1);
	data(IORING_OP_RECVMSG, fd[1], &m, 1, 2);
	run(2);
	say("flags", "%x", m.msg_flags);
	data(IORING_OP_SENDMSG, fd[0], (void *)8, 1, 1);
	run(1);
	struct io_uring_sqe *e = data(IORING_OP_SEND_ZC, fd[0], "zero copy", 9, 1);
	e->flags = 0;
	data(IORING_OP_RECV, fd[1], buf, sizeof(buf), 2);
	run(3);
	data(IORING_OP_RECV, fd[1], buf, sizeof(buf), 1);
	data(IORING_OP_RECV, fd[1], buf, sizeof(buf), 2);
	say_result("submitted", ring_submit(&ring, 0));
	data(IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 3);
	run(2);
	e = sqe(IORING_OP_ASYNC_CANCEL, fd[1], 3);
	e->cancel_flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL;
	run(2);
	data(IORING_OP_ASYNC_CANCEL, -1, (void *)77, 0, 3);
	run(1);
	sqe(IORING_OP_ASYNC_CANCEL, -1, 3)->cancel_flags = IORING_ASYNC_CANCEL_ANY;
	run(1);
	close(fd[0]);
	close(fd[1]);
}

/* What a request waits on stays open whatever the program closes. */
static void closed_meanwhile(void)
{
	int fd[2];
	char buf[16] = "";
	tcp_pair(AF_INET, fd);
	say_about("closed meanwhile");
	data(IORING_OP_RECV, fd[1], buf, sizeof(buf), 1);
	say_result("submitted", ring_submit(&ring, 0));
	close(fd[1]);
	say_poll("the peer", fd[0]);
	MUST(send(fd[0], "still", 5, 0));
	say_cqes(1);
	say("read", "%.5s", buf);
	say("the peer sees the end", "%d", wait_for(fd[0], POLLIN));
	close(fd[0]);
}

static void socket_polls(void)
{
	int fd[2];
	char buf[16];
	tcp_pair(AF_INET, fd);
	say_about("polls of sockets");
	sqe(IORING_OP_POLL_ADD, fd[0], 1)->poll_events = POLLIN | POLLOUT;
	run(1);
	struct io_uring_sqe *e = sqe(IORING_OP_POLL_ADD, fd[1], 1);
	e->poll_events = POLLIN;
	e->len = IORING_POLL_ADD_MULTI;
	say_result("submitted", ring_submit(&ring, 0));
	for (int i = 0; i < 3; i++) {
		MUST(send(fd[0], "a", 1, 0));
		say_cqes(1);
		MUST(recv(fd[1], buf, sizeof(buf), 0));
	}
	e = data(IORING_OP_POLL_REMOVE, -1, (void *)1, IORING_POLL_UPDATE_USER_DATA | IORING_POLL_ADD_MULTI, 2);
	e->off = 5;
	run_to_end(1);
	MUST(send(fd[0], "a", 1, 0));
	say_cqes(1);
	data(IORING_OP_POLL_REMOVE, -1, (void *)5, 0, 2);
	run_to_end(2);
	sqe(IORING_OP_POLL_ADD, fd[1], 1)->poll_events = POLLRDHUP;
	say_result("submitted", ring_submit(&ring, 0));
	MUST(shutdown(fd[0], SHUT_WR));
	say_cqes(1);
	close(fd[0]);
	close(fd[1]);
}

/* A whole conversation in one chain. */
static void conversation(void)
{
	int l = listening(AF_INET, 5), c = MUST(socket(AF_INET, SOCK_STREAM, 0));
	union name to = name_lo(AF_INET, port_of(l));
	char buf[16] = "", sent[4096];
	memset(sent, 'x', sizeof(sent));
	struct __kernel_timespec t = { .tv_nsec = 10000000 };
	struct io_uring_getevents_arg a_while = { .ts = (unsigned long)&t };
	say_about("conversation");
	struct io_uring_sqe *e = data(IORING_OP_CONNECT, c, &to, 0, 1);
	e->off = name_len(AF_INET);
	e->flags = IOSQE_IO_LINK;
	data(IORING_OP_SEND, c, "ask", 3, 2)->flags = IOSQE_IO_LINK;
	data(IORING_OP_RECV, c, buf, 6, 3)->flags = IOSQE_IO_LINK;
	data(IORING_OP_SHUTDOWN, c, NULL, SHUT_WR, 4);
	say_result("submitted", ring_submit(&ring, 0));
	int s = MUST(accept(l, NULL, NULL));
	char got[16];
	MUST(recv(s, got, 3, MSG_WAITALL));
	MUST(send(s, "answer", 6, 0));
	say_cqes(4);
	say("read", "%.6s then %zd", buf, recv(s, got, sizeof(got), 0));
	/* Full until the peer reads. */
	set_nonblocking(s);
	set_nonblocking(c);
	while (send(s, sent, sizeof(sent), 0) > 0)
		continue;
	data(IORING_OP_SEND, s, sent, sizeof(sent), 1);
	say_result("submitted", ring_submit(&ring, 0));
	say("full", "%u", ring_ready(&ring));
	struct io_uring_cqe q;
	while (ring_ready(&ring) == 0) {
		while (recv(c, sent, sizeof(sent), 0) > 0)
			continue;
		raw_enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &a_while, sizeof(a_while));
	}
	ring_take(&ring, &q);
	say("sent", "%d", q.res > 0);
	close(c);
	close(s);
	close(l);
}

static void message_stream(void)
{
	static char room[4][128];
	int fd[2];
	struct io_uring_cqe c;
	struct msghdr m = { .msg_namelen = sizeof(struct sockaddr_in) };
	udp_pair(AF_INET, fd);
	say_about("multishot recvmsg");
	struct io_uring_sqe *e = data(IORING_OP_PROVIDE_BUFFERS, 4, room, 128, 1);
	e->buf_group = 8;
	run(1);
	e = data(IORING_OP_RECVMSG, fd[1], &m, 1, 1);
	e->flags = IOSQE_BUFFER_SELECT;
	e->buf_group = 8;
	e->ioprio = IORING_RECV_MULTISHOT;
	say_result("submitted", ring_submit(&ring, 0));
	for (int i = 0; i < 2; i++) {
		MUST(send(fd[0], "datagram", 8, 0));
		while (!ring_take(&ring, &c))
			MUST(raw_enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
		struct io_uring_recvmsg_out *o = (struct io_uring_recvmsg_out *)room[c.flags >> 16];
		say("cqe", "%d flags %x: name %u control %u payload %u flags %x", c.res, c.flags & 3, o->namelen, o->controllen, o->payloadlen, o->flags);
		say("payload", "%.8s", room[c.flags >> 16] + sizeof(*o) + sizeof(struct sockaddr_in));
	}
	data(IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 2);
	run(2);
	close(fd[0]);
	close(fd[1]);
}

static void spliced(void)
{
	int fd[2], p[2];
	char buf[16] = "";
	tcp_pair(AF_INET, fd);
	MUST(pipe(p));
	say_about("splice");
	MUST(send(fd[0], "through", 7, 0));
	struct io_uring_sqe *e = sqe(IORING_OP_SPLICE, p[1], 1);
	e->off = e->splice_off_in = (unsigned long)-1;
	e->splice_fd_in = fd[1];
	e->len = 100;
	run(1);
	say("read", "%zd %.7s", read(p[0], buf, sizeof(buf)), buf);
	e = sqe(IORING_OP_SPLICE, fd[0], 1);
	e->off = e->splice_off_in = (unsigned long)-1;
	e->splice_fd_in = p[0];
	e->len = 100;
	say_result("submitted", ring_submit(&ring, 0));
	MUST(write(p[1], "back", 4));
	say_cqes(1);
	say("read", "%zd %.4s", recv(fd[1], buf, sizeof(buf), 0), buf);
	close(p[0]);
	close(p[1]);
	close(fd[0]);
	close(fd[1]);
}

/* Unix sockets are the kernel's, and are waited for as such. */
static void local(void)
{
	int fd[2];
	char buf[16] = "";
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	say_about("unix");
	data(IORING_OP_RECV, fd[1], buf, sizeof(buf), 1);
	data(IORING_OP_READ, fd[0], buf, sizeof(buf), 2);
	say_result("submitted", ring_submit(&ring, 0));
	data(IORING_OP_SEND, fd[0], "one", 3, 3);
	data(IORING_OP_WRITE, fd[1], "two", 3, 4);
	run(4);
	data(IORING_OP_RECV, fd[1], buf, 6, 1)->msg_flags = MSG_WAITALL;
	say_result("submitted", ring_submit(&ring, 0));
	MUST(send(fd[0], "abc", 3, 0));
	close(fd[0]);
	say_cqes(1);
	close(fd[1]);
}

/* ---- buffers and registered files ---- */

static void provided(void)
{
	static char room[4][32];
	int fd[2];
	tcp_pair(AF_INET, fd);
	say_about("provided buffers");
	struct io_uring_sqe *e = data(IORING_OP_PROVIDE_BUFFERS, 4, room, 32, 1);
	e->off = 10;
	e->buf_group = 3;
	run(1);
	e = data(IORING_OP_RECV, fd[1], NULL, 0, 1);
	e->flags = IOSQE_BUFFER_SELECT;
	e->buf_group = 3;
	MUST(send(fd[0], "first", 5, 0));
	run(1);
	say("room", "%.5s", room[0]);
	e = data(IORING_OP_RECV, fd[1], NULL, 0, 1);
	e->flags = IOSQE_BUFFER_SELECT;
	e->buf_group = 3;
	e->ioprio = IORING_RECV_MULTISHOT;
	say_result("submitted", ring_submit(&ring, 0));
	for (int i = 0; i < 3; i++) {
		MUST(send(fd[0], "more", 4, 0));
		say_cqes(1);
	}
	MUST(send(fd[0], "last", 4, 0));
	say_cqes(1);
	e = data(IORING_OP_RECV, fd[1], NULL, 0, 1);
	e->flags = IOSQE_BUFFER_SELECT;
	e->buf_group = 99;
	run(1);
	e = sqe(IORING_OP_REMOVE_BUFFERS, 4, 1);
	e->buf_group = 99;
	run(1);
	close(fd[0]);
	close(fd[1]);
}

static void buffer_rings(void)
{
	static char room[4][32];
	int fd[2];
	struct io_uring_buf_ring *br = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct io_uring_buf_reg reg = { .ring_addr = (unsigned long)br, .ring_entries = 4, .bgid = 5 };
	tcp_pair(AF_INET, fd);
	say_about("buffer ring");
	say_result("register", raw_register(ring.fd, IORING_REGISTER_PBUF_RING, &reg, 1));
	say_result("again", raw_register(ring.fd, IORING_REGISTER_PBUF_RING, &reg, 1));
	reg.bgid = 6, reg.ring_entries = 3;
	say_result("not a power of two", raw_register(ring.fd, IORING_REGISTER_PBUF_RING, &reg, 1));
	for (unsigned short i = 0; i < 4; i++) {
		br->bufs[i].addr = (unsigned long)room[i];
		br->bufs[i].len = 32;
		br->bufs[i].bid = i;
	}
	__atomic_store_n(&br->tail, 2, __ATOMIC_RELEASE);
	struct io_uring_sqe *e = data(IORING_OP_RECV, fd[1], NULL, 0, 1);
	e->flags = IOSQE_BUFFER_SELECT;
	e->buf_group = 5;
	e->ioprio = IORING_RECV_MULTISHOT;
	say_result("submitted", ring_submit(&ring, 0));
	for (int i = 0; i < 2; i++) {
		MUST(send(fd[0], "abc", 3, 0));
		say_cqes(1);
	}
	MUST(send(fd[0], "abc", 3, 0));
	say_cqes(1);
	__atomic_store_n(&br->tail, 4, __ATOMIC_RELEASE);
	e = data(IORING_OP_RECV, fd[1], NULL, 2, 1);
	e->flags = IOSQE_BUFFER_SELECT;
	e->buf_group = 5;
	run(1);
	e = data(IORING_OP_RECV, fd[1], NULL, 0, 1);
	e->flags = IOSQE_BUFFER_SELECT;
	e->buf_group = 5;
	e->ioprio = IORING_RECV_MULTISHOT;
	close(fd[0]);
	run(2);
	reg = (struct io_uring_buf_reg){ .bgid = 5 };
	say_result("unregister", raw_register(ring.fd, IORING_UNREGISTER_PBUF_RING, &reg, 1));
	say_result("again", raw_register(ring.fd, IORING_UNREGISTER_PBUF_RING, &reg, 1));
	close(fd[1]);
	munmap(br, 4096);
}

static void registered(void)
{
	int fd[2], set[3];
	char buf[16] = "";
	struct io_uring_cqe c;
	tcp_pair(AF_INET, fd);
	set[0] = fd[0], set[1] = -1, set[2] = fd[1];
	say_about("registered files");
	say_result("unregister none", raw_register(ring.fd, IORING_UNREGISTER_FILES, NULL, 0));
	int bad = 999;
	say_result("register bad", raw_register(ring.fd, IORING_REGISTER_FILES, &bad, 1));
	say_result("register", raw_register(ring.fd, IORING_REGISTER_FILES, set, 3));
	say_result("again", raw_register(ring.fd, IORING_REGISTER_FILES, set, 3));
	close(fd[0]);
	close(fd[1]);
	data(IORING_OP_SEND, 0, "kept", 4, 1)->flags = IOSQE_FIXED_FILE;
	data(IORING_OP_RECV, 2, buf, sizeof(buf), 2)->flags = IOSQE_FIXED_FILE;
	run(2);
	data(IORING_OP_SEND, 1, "none", 4, 1)->flags = IOSQE_FIXED_FILE;
	run(1);
	data(IORING_OP_SEND, 7, "beyond", 4, 1)->flags = IOSQE_FIXED_FILE;
	run(1);
	int none = -1;
	struct io_uring_files_update u = { .offset = 0, .fds = (unsigned long)&none };
	say_result("update", raw_register(ring.fd, IORING_REGISTER_FILES_UPDATE, &u, 1));
	data(IORING_OP_RECV, 2, buf, sizeof(buf), 2)->flags = IOSQE_FIXED_FILE;
	run(1);
	/* Descriptors that the program never has a number for. */
	int l = listening(AF_INET, 3), cl = connected_to(AF_INET, SOCK_STREAM, port_of(l));
	sqe(IORING_OP_ACCEPT, l, 1)->file_index = 2;
	run(1);
	MUST(send(cl, "direct", 6, 0));
	data(IORING_OP_RECV, 1, buf, sizeof(buf), 1)->flags = IOSQE_FIXED_FILE;
	run(1);
	sqe(IORING_OP_CLOSE, 0, 1)->file_index = 2;
	run(1);
	sqe(IORING_OP_CLOSE, 0, 1)->file_index = 2;
	run(1);
	data(IORING_OP_SOCKET, AF_INET, NULL, 0, 1)->off = SOCK_DGRAM;
	say_result("submitted", ring_submit(&ring, 1));
	ring_take(&ring, &c);
	say("a socket", "%d", c.res >= 0);
	close(c.res);
	say_result("unregister", raw_register(ring.fd, IORING_UNREGISTER_FILES, NULL, 0));
	close(l);
	close(cl);
	say_about("registered buffers");
	static char room[64];
	struct iovec iov = { room, sizeof(room) };
	int p[2];
	MUST(pipe(p));
	say_result("register", raw_register(ring.fd, IORING_REGISTER_BUFFERS, &iov, 1));
	data(IORING_OP_WRITE_FIXED, p[1], room + 60, 4, 1);
	run(1);
	data(IORING_OP_READ_FIXED, p[0], room, 64, 1);
	run(1);
	data(IORING_OP_READ_FIXED, p[0], room + 1, 64, 1);
	run(1);
	data(IORING_OP_READ_FIXED, p[0], room, 64, 1)->buf_index = 1;
	run(1);
	say_result("unregister", raw_register(ring.fd, IORING_UNREGISTER_BUFFERS, NULL, 0));
	close(p[0]);
	close(p[1]);
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
	int err = ring_open(&ring, 16, NULL);
	if (err < 0) {
		printf("the kernel refuses io_uring: %s\n", say_errno(-err));
		return 77;
	}
	setups();
	disabled();
	entries();
	chains();
	drains();
	timeouts();
	waits();
	files();
	pipes_and_polls();
	connections(AF_INET);
	connections(AF_INET6);
	broken();
	many_accepts();
	datagrams();
	closed_meanwhile();
	socket_polls();
	conversation();
	message_stream();
	spliced();
	local();
	provided();
	buffer_rings();
	registered();
	told();
	overflow();
	rings();
	ring_close(&ring);
	return 0;
}
