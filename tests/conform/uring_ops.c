/*
 * Operations of io_uring that came with kernels after 6.1, or are asked for seldom: what each answers, and for which entries it is refused. On an older
 * kernel the program ends with 77.
 */
#include "say_uring.h"
#include <sys/syscall.h>
#include <sys/xattr.h>

static void nops(void)
{
	static char room[64];
	struct iovec iov = { room, sizeof(room) };
	int fd = MUST(open("/dev/null", O_RDWR));
	say_about("nop");
	struct io_uring_sqe *e = sqe(IORING_OP_NOP, -1, 1);
	e->rw_flags = 1;
	e->len = 42;
	run(1);
	e = sqe(IORING_OP_NOP, -1, 1);
	e->rw_flags = 1;
	e->len = (unsigned)-EILSEQ;
	e->flags = IOSQE_IO_LINK;
	sqe(IORING_OP_NOP, -1, 2);
	run(2);
	sqe(IORING_OP_NOP, fd, 1)->rw_flags = 2;
	run(1);
	sqe(IORING_OP_NOP, 999, 1)->rw_flags = 2;
	run(1);
	sqe(IORING_OP_NOP, 0, 1)->rw_flags = 2 | 4;
	run(1);
	sqe(IORING_OP_NOP, -1, 1)->rw_flags = 8;
	run(1);
	say_result("register", raw_register(ring.fd, IORING_REGISTER_BUFFERS, &iov, 1));
	say_result("register files", raw_register(ring.fd, IORING_REGISTER_FILES, &fd, 1));
	sqe(IORING_OP_NOP, -1, 1)->rw_flags = 8;
	run(1);
	sqe(IORING_OP_NOP, 0, 1)->rw_flags = 2 | 4;
	run(1);
	sqe(IORING_OP_NOP, -1, 1)->rw_flags = 1 << 20;
	run(1);
	raw_register(ring.fd, IORING_UNREGISTER_BUFFERS, NULL, 0);
	raw_register(ring.fd, IORING_UNREGISTER_FILES, NULL, 0);
	close(fd);
}

static struct io_uring_sqe *xattr(int opcode, int fd, const char *path, const char *name, void *value, unsigned len)
{
	struct io_uring_sqe *e = data(opcode, fd, name, len, 1);
	e->addr2 = (unsigned long)value;
	e->addr3 = (unsigned long)path;
	return e;
}

static void xattrs(void)
{
	char path[] = "/tmp/conform-uring-XXXXXX", got[16] = "";
	int fd = MUST(mkstemp(path));
	say_about("extended attributes");
	xattr(IORING_OP_FSETXATTR, fd, NULL, "user.a", (void *)"one", 3);
	run(1);
	xattr(IORING_OP_SETXATTR, 0, path, "user.b", (void *)"seven", 5);
	run(1);
	xattr(IORING_OP_SETXATTR, 0, path, "user.b", (void *)"more", 4)->xattr_flags = XATTR_CREATE;
	run(1);
	xattr(IORING_OP_GETXATTR, 0, path, "user.a", got, sizeof(got));
	run(1);
	say("value", "%.3s", got);
	xattr(IORING_OP_FGETXATTR, fd, NULL, "user.b", got, sizeof(got));
	run(1);
	say("value", "%.5s", got);
	xattr(IORING_OP_FGETXATTR, fd, NULL, "user.b", got, 2);
	run(1);
	xattr(IORING_OP_FGETXATTR, fd, NULL, "user.b", NULL, 0);
	run(1);
	xattr(IORING_OP_FGETXATTR, fd, NULL, "user.none", got, sizeof(got));
	run(1);
	xattr(IORING_OP_GETXATTR, 0, "/nowhere", "user.a", got, sizeof(got));
	run(1);
	xattr(IORING_OP_FGETXATTR, 999, NULL, "user.b", got, sizeof(got));
	run(1);
	xattr(IORING_OP_FSETXATTR, fd, NULL, "user.a", (void *)"one", 3)->xattr_flags = 64;
	run(1);
	xattr(IORING_OP_GETXATTR, 0, path, "user.a", got, sizeof(got))->xattr_flags = XATTR_CREATE;
	run(1);
	xattr(IORING_OP_GETXATTR, 0, path, "user.a", got, sizeof(got))->flags = IOSQE_FIXED_FILE;
	run(1);
	close(fd);
	unlink(path);
}

/* ---- registered files: numbers for them, pipes among them ---- */

static void installs(void)
{
	int fd[2];
	struct io_uring_cqe c;
	tcp_pair(AF_INET, fd);
	say_about("fixed fd install");
	say_result("register", raw_register(ring.fd, IORING_REGISTER_FILES, fd, 2));
	close(fd[0]);
	for (unsigned flags = 0; flags < 2; flags++) {
		struct io_uring_sqe *e = sqe(OP_FIXED_FD_INSTALL, 0, 1);
		e->flags = IOSQE_FIXED_FILE;
		e->rw_flags = (int)flags;
		say_result("submitted", ring_submit(&ring, 1));
		ring_take(&ring, &c);
		say("a number", "%d close on exec %d", c.res >= 0, fcntl(c.res, F_GETFD));
		if (flags == 0)
			close(c.res);
	}
	say_result("unregister", raw_register(ring.fd, IORING_UNREGISTER_FILES, NULL, 0));
	char buf[8] = "";
	MUST(send(c.res, "still", 5, 0));
	say("the peer reads", "%zd %.5s", recv(fd[1], buf, sizeof(buf), 0), buf);
	close(c.res);
	say("the peer sees the end", "%d", wait_for(fd[1], POLLIN));
	sqe(OP_FIXED_FD_INSTALL, 0, 1);
	run(1);
	sqe(OP_FIXED_FD_INSTALL, 0, 1)->flags = IOSQE_FIXED_FILE;
	run(1);
	struct io_uring_sqe *e = sqe(OP_FIXED_FD_INSTALL, 0, 1);
	e->flags = IOSQE_FIXED_FILE;
	e->rw_flags = 2;
	run(1);
	close(fd[1]);
}

static void pipes(void)
{
	int p[2] = { -7, -7 };
	char buf[8] = "";
	struct io_uring_rsrc_register sparse = { .nr = 4, .flags = IORING_RSRC_REGISTER_SPARSE };
	say_about("pipe");
	data(OP_PIPE, 0, p, 0, 1)->rw_flags = O_NONBLOCK | O_CLOEXEC;
	run(1);
	say("written", "%zd", write(p[1], "abc", 3));
	say("read", "%zd %.3s", read(p[0], buf, sizeof(buf)), buf);
	say("empty", "%zd %d", read(p[0], buf, sizeof(buf)), fcntl(p[0], F_GETFD));
	close(p[0]);
	close(p[1]);
	data(OP_PIPE, 0, p, 0, 1)->rw_flags = 1;
	run(1);
	data(OP_PIPE, 0, (void *)8, 0, 1);
	run(1);
	data(OP_PIPE, 3, p, 0, 1);
	run(1);
	data(OP_PIPE, 0, p, 0, 1)->file_index = 1;
	run(1);
	say_result("register", raw_register(ring.fd, IORING_REGISTER_FILES2, &sparse, sizeof(sparse)));
	data(OP_PIPE, 0, p, 0, 1)->file_index = 2;
	run(1);
	say("slots", "%d %d", p[0], p[1]);
	data(IORING_OP_WRITE, 2, "direct", 6, 1)->flags = IOSQE_FIXED_FILE;
	data(IORING_OP_READ, 1, buf, sizeof(buf), 2)->flags = IOSQE_FIXED_FILE;
	run(2);
	data(OP_PIPE, 0, p, 0, 1)->file_index = IORING_FILE_INDEX_ALLOC;
	run(1);
	say("slots", "%d %d", p[0], p[1]);
	data(OP_PIPE, 0, p, 0, 1)->file_index = IORING_FILE_INDEX_ALLOC;
	run(1);
	struct io_uring_sqe *e = data(OP_PIPE, 0, p, 0, 1);
	e->file_index = 1;
	e->rw_flags = O_CLOEXEC;
	run(1);
	data(OP_PIPE, 0, p, 0, 1)->file_index = 4;
	run(1);
	say_result("unregister", raw_register(ring.fd, IORING_UNREGISTER_FILES, NULL, 0));
}

/* ---- reading and writing ---- */

static void fixed_vectors(void)
{
	static char room[64];
	struct iovec all = { room, sizeof(room) }, parts[2] = { { room + 8, 3 }, { room + 60, 4 } }, beyond[2] = { { room, 3 }, { room + 60, 5 } };
	int p[2];
	MUST(pipe(p));
	say_about("vectors of a registered buffer");
	say_result("register", raw_register(ring.fd, IORING_REGISTER_BUFFERS, &all, 1));
	memcpy(room + 8, "abc", 3);
	memcpy(room + 60, "defg", 4);
	data(OP_WRITEV_FIXED, p[1], parts, 2, 1);
	run(1);
	memset(room, 0, sizeof(room));
	data(OP_READV_FIXED, p[0], parts, 2, 1);
	run(1);
	say("read", "%.3s %.4s", room + 8, room + 60);
	data(OP_WRITEV_FIXED, p[1], beyond, 2, 1);
	run(1);
	data(OP_WRITEV_FIXED, p[1], parts, 2, 1)->buf_index = 3;
	run(1);
	data(OP_WRITEV_FIXED, p[1], (void *)8, 2, 1);
	run(1);
	say_result("unregister", raw_register(ring.fd, IORING_UNREGISTER_BUFFERS, NULL, 0));
	close(p[0]);
	close(p[1]);
}

static struct io_uring_sqe *selecting(int opcode, int fd, unsigned group, unsigned long user_data)
{
	struct io_uring_sqe *e = sqe(opcode, fd, user_data);
	e->flags = IOSQE_BUFFER_SELECT;
	e->buf_group = (unsigned short)group;
	return e;
}

static void read_stream(void)
{
	static char room[3][8];
	char path[] = "/tmp/conform-uring-XXXXXX";
	int p[2], fd = MUST(mkstemp(path));
	MUST(pipe(p));
	say_about("multishot read");
	struct io_uring_sqe *e = data(IORING_OP_PROVIDE_BUFFERS, 3, room, 8, 1);
	e->buf_group = 21;
	run(1);
	selecting(OP_READ_MULTISHOT, p[0], 21, 1);
	say_result("submitted", ring_submit(&ring, 0));
	for (int i = 0; i < 3; i++) {
		MUST(write(p[1], "more", 4));
		say_cqes(1);
	}
	say("read", "%.4s", room[2]);
	MUST(write(p[1], "none", 4));
	say_cqes(1);
	e = data(IORING_OP_PROVIDE_BUFFERS, 3, room, 8, 1);
	e->buf_group = 21;
	run(1);
	selecting(OP_READ_MULTISHOT, p[0], 21, 1);
	close(p[1]);
	run(2);
	sqe(OP_READ_MULTISHOT, p[0], 1);
	run(1);
	selecting(OP_READ_MULTISHOT, p[0], 21, 1)->len = 4;
	run(1);
	selecting(OP_READ_MULTISHOT, fd, 21, 1);
	run(1);
	close(p[0]);
	close(fd);
	unlink(path);
}

/* ---- futexes ---- */

enum { FUTEX_U32 = 2, FUTEX_PRIVATE_32 = 128 | 2 };

static struct io_uring_sqe *futex(int opcode, unsigned *word, unsigned long value, unsigned long mask, unsigned long user_data)
{
	struct io_uring_sqe *e = data(opcode, FUTEX_PRIVATE_32, word, 0, user_data);
	e->addr2 = value;
	e->addr3 = mask;
	return e;
}

static void futexes(void)
{
	unsigned words[2] = { 5, 6 };
	struct __kernel_timespec soon = { .tv_nsec = 5000000 };
	struct { unsigned long long val, addr; unsigned flags, reserved; } v[2] = { { 5, (unsigned long)&words[0], FUTEX_PRIVATE_32, 0 },
										 { 6, (unsigned long)&words[1], FUTEX_PRIVATE_32, 0 } };
	say_about("futex");
	futex(OP_FUTEX_WAIT, words, 5, ~0u, 1);
	say_result("submitted", ring_submit(&ring, 0));
	say("woken", "%ld", syscall(SYS_futex, words, 129 /* FUTEX_WAKE_PRIVATE */, 10, NULL, NULL, 0));
	say_cqes(1);
	for (unsigned long i = 1; i <= 3; i++)
		futex(OP_FUTEX_WAIT, words, 5, i, i);
	say_result("submitted", ring_submit(&ring, 0));
	futex(OP_FUTEX_WAKE, words, 10, 1, 9);
	say_result("submitted", ring_submit(&ring, 0));
	say_cqes(3);
	futex(OP_FUTEX_WAKE, words, 0, 2, 9);
	run(1);
	futex(OP_FUTEX_WAKE, words, 1, 2, 9);
	run(2);
	futex(OP_FUTEX_WAIT, words, 7, ~0u, 1);
	run(1);
	futex(OP_FUTEX_WAIT, words, 5, 0, 1);
	run(1);
	futex(OP_FUTEX_WAKE, words, 5, 0, 1);
	run(1);
	futex(OP_FUTEX_WAIT, words, 1ul << 40, ~0u, 1);
	run(1);
	futex(OP_FUTEX_WAIT, words, 5, ~0u, 1)->fd = 1;
	run(1);
	futex(OP_FUTEX_WAIT, words, 5, ~0u, 1)->fd = 64 | 2;
	run(1);
	futex(OP_FUTEX_WAIT, (void *)8, 5, ~0u, 1);
	run(1);
	futex(OP_FUTEX_WAIT, words, 5, ~0u, 1)->len = 1;
	run(1);
	/* Taken back, and out of time. */
	futex(OP_FUTEX_WAIT, words, 5, 4, 1);
	say_result("submitted", ring_submit(&ring, 0));
	data(IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 2);
	run(2);
	futex(OP_FUTEX_WAIT, words, 5, ~0u, 1)->flags = IOSQE_IO_LINK;
	data(IORING_OP_LINK_TIMEOUT, -1, &soon, 1, 2);
	run(2);
	say_about("futex vectors");
	data(OP_FUTEX_WAITV, 0, v, 2, 1);
	say_result("submitted", ring_submit(&ring, 0));
	futex(OP_FUTEX_WAKE, &words[1], 1, ~0u, 9);
	run(2);
	data(OP_FUTEX_WAITV, 0, v, 2, 1);
	say_result("submitted", ring_submit(&ring, 0));
	data(IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 2);
	run(2);
	words[1] = 0;
	data(OP_FUTEX_WAITV, 0, v, 2, 1);
	run(1);
	data(OP_FUTEX_WAITV, 0, v, 0, 1);
	run(1);
	data(OP_FUTEX_WAITV, 0, v, 200, 1);
	run(1);
	data(OP_FUTEX_WAITV, 0, (void *)8, 2, 1);
	run(1);
	v[1].flags = 1;
	data(OP_FUTEX_WAITV, 0, v, 2, 1);
	run(1);
}

/* ---- children ---- */

static struct io_uring_sqe *waiting(int which, int id, siginfo_t *info, unsigned options)
{
	struct io_uring_sqe *e = data(OP_WAITID, id, NULL, (unsigned)which, 1);
	e->addr2 = (unsigned long)info;
	e->file_index = options;
	return e;
}

static void children(void)
{
	siginfo_t info = { 0 };
	int hold[2];
	char b;
	MUST(pipe(hold));
	say_about("waitid");
	waiting(P_ALL, 0, &info, WEXITED);
	run(1);
	pid_t pid = fork();
	if (pid == 0) {
		close(hold[1]);
		_exit(read(hold[0], &b, 1) < 0 ? 1 : 42);
	}
	waiting(P_PID, pid, &info, WEXITED | WNOHANG);
	run(1);
	say("nobody", "%d", info.si_pid);
	waiting(P_PID, pid, &info, WEXITED);
	say_result("submitted", ring_submit(&ring, 0));
	data(IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 2);
	run(2);
	waiting(P_PID, pid, &info, WEXITED);
	say_result("submitted", ring_submit(&ring, 0));
	close(hold[1]);
	say_cqes(1);
	say("child", "%d status %d code %d signal %d", info.si_pid == pid, info.si_status, info.si_code, info.si_signo);
	waiting(P_PID, pid, &info, WEXITED);
	run(1);
	waiting(99, pid, &info, WEXITED);
	run(1);
	waiting(P_PID, pid, &info, 0);
	run(1);
	waiting(P_PID, pid, &info, WEXITED)->addr = 7;
	run(1);
	close(hold[0]);
}

/* ---- epoll sets ---- */

static void sets(void)
{
	int fd[2], p[2], ep = MUST(epoll_create1(0));
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = 31 }, got[4];
	char b;
	tcp_pair(AF_INET, fd);
	MUST(pipe(p));
	say_about("epoll wait");
	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fd[1], &ev));
	ev.data.u32 = 32;
	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev));
	data(OP_EPOLL_WAIT, ep, got, 4, 1);
	say_result("submitted", ring_submit(&ring, 0));
	MUST(send(fd[0], "x", 1, 0));
	say_cqes(1);
	say("socket", "%u events %x", got[0].data.u32, got[0].events);
	data(OP_EPOLL_WAIT, ep, got, 4, 1);
	run(1);
	MUST(recv(fd[1], &b, 1, 0));
	data(OP_EPOLL_WAIT, ep, got, 4, 1);
	say_result("submitted", ring_submit(&ring, 0));
	MUST(write(p[1], "x", 1));
	say_cqes(1);
	say("pipe", "%u events %x", got[0].data.u32, got[0].events);
	MUST(read(p[0], &b, 1));
	data(OP_EPOLL_WAIT, ep, got, 4, 1);
	say_result("submitted", ring_submit(&ring, 0));
	data(IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 2);
	run(2);
	sqe(IORING_OP_POLL_ADD, ep, 1)->poll_events = POLLIN;
	say_result("poll", ring_submit(&ring, 0));
	MUST(send(fd[0], "x", 1, 0));
	say_cqes(1);
	sqe(IORING_OP_POLL_ADD, ep, 1)->poll_events = POLLIN;
	run(1);
	data(OP_EPOLL_WAIT, p[0], got, 4, 1);
	run(1);
	data(OP_EPOLL_WAIT, ep, got, 0, 1);
	run(1);
	data(OP_EPOLL_WAIT, ep, got, 4, 1)->off = 3;
	run(1);
	for (int i = 0; i < 2; i++) {
		close(fd[i]);
		close(p[i]);
	}
	close(ep);
}

int main(void)
{
	say_start();
	say_about("io_uring");
	need_new_kernel();
	nops();
	xattrs();
	installs();
	pipes();
	fixed_vectors();
	read_stream();
	futexes();
	children();
	sets();
	ring_close(&ring);
	return 0;
}
