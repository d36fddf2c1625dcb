/* io_uring on files and pipes; buffers that it chooses from; files and buffers that are registered. */
#include "say_uring.h"

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

int main(void)
{
	say_start();
	say_about("io_uring");
	need_ring();
	files();
	pipes_and_polls();
	provided();
	buffer_rings();
	registered();
	ring_close(&ring);
	return 0;
}
