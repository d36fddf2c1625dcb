/*
 * Provided buffers of io_uring as newer kernels have them: rings that the kernel makes, buffers that are consumed bit by bit, bundles of several, and sends
 * out of them. On an older kernel the program ends with 77.
 */
#include "say_uring.h"

struct group { unsigned long long ring_addr; unsigned entries; unsigned short bgid, flags; unsigned long long resv[3]; };
struct group_status { unsigned group, head, resv[8]; };
enum { PBUF_STATUS = 26, BUNDLE = 1 << 4 };

static void fill(struct io_uring_buf_ring *br, char *room, unsigned short n, unsigned size)
{
	for (unsigned short i = 0; i < n; i++) {
		br->bufs[i].addr = (unsigned long)room + i * size;
		br->bufs[i].len = size;
		br->bufs[i].bid = (unsigned short)(i + 40);
	}
	__atomic_store_n(&br->tail, n, __ATOMIC_RELEASE);
}

static void recv_from_group(int fd, unsigned short group, unsigned len)
{
	struct io_uring_sqe *e = data(IORING_OP_RECV, fd, NULL, len, 1);
	e->flags = IOSQE_BUFFER_SELECT;
	e->buf_group = group;
	run(1);
}

static void say_head(unsigned group)
{
	struct group_status s = { .group = group };
	say_result("status", raw_register(ring.fd, PBUF_STATUS, &s, 1));
	say("head", "%u", s.head);
}

static void groups(void)
{
	static char room[4][32];
	struct group reg = { .entries = 4, .bgid = 7, .flags = 1 };
	struct group_status s = { .group = 99 };
	int fd[2];
	tcp_pair(AF_INET, fd);
	say_about("mapped buffer ring");
	reg.ring_addr = 4096;
	say_result("with an address", raw_register(ring.fd, IORING_REGISTER_PBUF_RING, &reg, 1));
	reg.ring_addr = 0;
	say_result("register", raw_register(ring.fd, IORING_REGISTER_PBUF_RING, &reg, 1));
	struct io_uring_buf_ring *br = (void *)ring_map(ring.fd, 4096, 0x80000000ul | 7ul << 16);
	fill(br, room[0], 2, 32);
	MUST(send(fd[0], "mapped", 6, 0));
	recv_from_group(fd[1], 7, 0);
	say("room", "%.6s", room[0]);
	say_head(7);
	say_head(99);
	s.resv[3] = 1;
	say_result("status, reserved", raw_register(ring.fd, PBUF_STATUS, &s, 1));
	reg = (struct group){ .bgid = 7 };
	say_result("unregister", raw_register(ring.fd, IORING_UNREGISTER_PBUF_RING, &reg, 1));
	munmap(br, 4096);
	say_about("buffers consumed bit by bit");
	br = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg = (struct group){ .ring_addr = (unsigned long)br, .entries = 4, .bgid = 8, .flags = 2 };
	say_result("register", raw_register(ring.fd, IORING_REGISTER_PBUF_RING, &reg, 1));
	fill(br, room[0], 2, 32);
	MUST(send(fd[0], "0123456789", 10, 0));
	recv_from_group(fd[1], 8, 4);
	recv_from_group(fd[1], 8, 0);
	say("left", "%u at %ld", br->bufs[0].len, (long)(br->bufs[0].addr - (unsigned long)room));
	say("room", "%.10s", room[0]);
	say_head(8);
	MUST(send(fd[0], "abcdefghijklmnopqrstuvwxyz", 26, 0));
	recv_from_group(fd[1], 8, 0);
	say_head(8);
	recv_from_group(fd[1], 8, 0);
	MUST(send(fd[0], "+", 1, 0));
	recv_from_group(fd[1], 8, 1);
	say("left", "%u", br->bufs[1].len);
	reg.flags = 4;
	say_result("no such flag", raw_register(ring.fd, IORING_REGISTER_PBUF_RING, &reg, 1));
	reg = (struct group){ .bgid = 8 };
	say_result("unregister", raw_register(ring.fd, IORING_UNREGISTER_PBUF_RING, &reg, 1));
	close(fd[0]);
	close(fd[1]);
}

/* ---- bundles ---- */

static struct io_uring_buf_ring *provide(unsigned short group, char *room, unsigned short n, unsigned size, unsigned short flags)
{
	struct io_uring_buf_ring *br = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct group reg = { .ring_addr = (unsigned long)br, .entries = 8, .bgid = group, .flags = flags };
	say_result("register", raw_register(ring.fd, IORING_REGISTER_PBUF_RING, &reg, 1));
	fill(br, room, n, size);
	return br;
}

static void take_back(struct io_uring_buf_ring *br, unsigned short group)
{
	struct group reg = { .bgid = group };
	say_result("unregister", raw_register(ring.fd, IORING_UNREGISTER_PBUF_RING, &reg, 1));
	munmap(br, 4096);
}

static struct io_uring_sqe *bundle(int opcode, int fd, unsigned short group, unsigned len)
{
	struct io_uring_sqe *e = data(opcode, fd, NULL, len, 1);
	e->flags = IOSQE_BUFFER_SELECT;
	e->buf_group = group;
	e->ioprio = BUNDLE;
	return e;
}

/* How many buffers a completion spans is the kernel's to choose; what they hold together is not. */
static void receive_all(int fd, unsigned short group, const char *room, int total)
{
	char all[64] = "";
	int have = 0;
	while (have < total) {
		struct io_uring_cqe c;
		bundle(IORING_OP_RECV, fd, group, 0);
		MUST(ring_submit(&ring, 1));
		if (!ring_take(&ring, &c) || c.res <= 0 || !(c.flags & IORING_CQE_F_BUFFER) || have + c.res > total)
			break;
		memcpy(all + have, room + ((c.flags >> 16) - 40) * 4, (size_t)c.res);
		have += c.res;
	}
	say("received", "%d: %s", have, all);
}

static void bundles(void)
{
	static char room[8][4];
	char got[64] = "";
	int fd[2];
	tcp_pair(AF_INET, fd);
	say_about("bundle of receives");
	struct io_uring_buf_ring *br = provide(11, room[0], 7, 4, 0);
	MUST(send(fd[0], "0123456789", 10, 0));
	receive_all(fd[1], 11, room[0], 10);
	bundle(IORING_OP_RECVMSG, fd[1], 11, 0);
	run(1);
	take_back(br, 11);
	say_about("bundle of sends");
	memcpy(room, "aaaabbbbccccdddd", 16);
	br = provide(12, room[0], 3, 4, 0);
	bundle(IORING_OP_SEND, fd[1], 12, 0);
	run(1);
	say("read", "%zd %.12s", recv(fd[0], got, sizeof(got), 0), got);
	say_head(12);
	bundle(IORING_OP_SEND, fd[1], 12, 0);
	run(1);
	fill(br, room[0], 5, 4);
	bundle(IORING_OP_SEND, fd[1], 12, 0)->ioprio = 0;
	run(1);
	say("read", "%zd %.4s", recv(fd[0], got, sizeof(got), 0), got);
	say_head(12);
	bundle(IORING_OP_SENDMSG, fd[1], 12, 0);
	run(1);
	bundle(IORING_OP_SEND_ZC, fd[1], 12, 0);
	run(1);
	take_back(br, 12);
	close(fd[0]);
	close(fd[1]);
}

static void limited(void)
{
	static char room[8][16];
	int fd[2];
	tcp_pair(AF_INET, fd);
	say_about("multishot receive with limits");
	struct io_uring_buf_ring *br = provide(13, room[0], 7, 16, 0);
	struct io_uring_sqe *e = bundle(IORING_OP_RECV, fd[1], 13, 4);
	e->ioprio = IORING_RECV_MULTISHOT;
	MUST(send(fd[0], "0123456789", 10, 0));
	say_result("submitted", ring_submit(&ring, 0));
	say_cqes(3);
	data(IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 2);
	run(2);
	say_head(13);
	e = bundle(IORING_OP_RECV, fd[1], 13, 4);
	e->ioprio = IORING_RECV_MULTISHOT;
	e->file_index = 8;
	MUST(send(fd[0], "0123456789", 10, 0));
	say_result("submitted", ring_submit(&ring, 0));
	say_cqes(2);
	say_head(13);
	e = bundle(IORING_OP_RECV, fd[1], 13, 4);
	e->ioprio = 0;
	e->file_index = 8;
	run(1);
	take_back(br, 13);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	say_start();
	say_about("io_uring");
	need_new_kernel();
	groups();
	bundles();
	limited();
	ring_close(&ring);
	return 0;
}
