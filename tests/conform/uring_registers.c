/*
 * io_uring_register, what newer kernels have, and what programs ask for seldom: restrictions, tags, clones, regions, messages between rings.
 * On a kernel without them the program ends with 77.
 */
#include "say_uring.h"

struct clone { unsigned src_fd, flags, src_off, dst_off, nr, pad[3]; };
struct region { unsigned long long user_addr, size; unsigned flags, id; unsigned long long mmap_offset, resv[4]; };
struct region_reg { unsigned long long region, flags, resv[2]; };
struct wait_arg {
	struct __kernel_timespec ts;
	unsigned min_wait_usec, flags;
	unsigned long long sigmask;
	unsigned sigmask_size, pad[3];
	unsigned long long pad2[2];
};
enum { REGISTER_CLOCK = 29, CLONE_BUFFERS = 30, SEND_MSG_RING = 31, MEM_REGION = 34 };
enum { ENTER_ABS_TIMER = 1 << 5, ENTER_EXT_ARG_REG = 1 << 6 };
#define GETEVENTS_EXT (IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG)

/* ---- restrictions ---- */

static void enter_one(struct rawring *r, const char *name, int opcode, int flags)
{
	struct io_uring_cqe c = { 0 };
	char b;
	struct io_uring_sqe *e = ring_sqe(r, opcode, 0, 1);
	e->flags = (unsigned char)flags;
	e->addr = (unsigned long)&b;
	say_result(name, ring_submit(r, 1));
	ring_take(r, &c);
	say(name, "%s", c.res < 0 ? say_errno(-c.res) : "0");
}

static void restrictions(void)
{
	struct rawring r;
	struct io_uring_params p = { .flags = IORING_SETUP_R_DISABLED };
	struct io_uring_restriction some[5] = { { .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP },
						{ .opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED, .sqe_flags = IOSQE_IO_LINK },
						{ .opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED, .sqe_flags = IOSQE_ASYNC },
						{ .opcode = IORING_RESTRICTION_REGISTER_OP, .register_op = IORING_REGISTER_IOWQ_MAX_WORKERS } };
	struct io_uring_restriction wrong = { .opcode = 77 }, op = { .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = 250 };
	unsigned workers[2] = { 0, 0 };
	say_about("restrictions");
	say_result("of an enabled ring", raw_register(ring.fd, IORING_REGISTER_RESTRICTIONS, some, 4));
	MUST(ring_open(&r, 4, &p));
	say_result("no such", raw_register(r.fd, IORING_REGISTER_RESTRICTIONS, &wrong, 1));
	say_result("no such operation", raw_register(r.fd, IORING_REGISTER_RESTRICTIONS, &op, 1));
	say_result("nowhere", raw_register(r.fd, IORING_REGISTER_RESTRICTIONS, (void *)8, 1));
	say_result("NULL", raw_register(r.fd, IORING_REGISTER_RESTRICTIONS, NULL, 1));
	say_result("too many", raw_register(r.fd, IORING_REGISTER_RESTRICTIONS, some, 4000));
	say_result("register", raw_register(r.fd, IORING_REGISTER_RESTRICTIONS, some, 4));
	say_result("again", raw_register(r.fd, IORING_REGISTER_RESTRICTIONS, some, 4));
	say_result("submit before", raw_enter(r.fd, 1, 0, 0, NULL, 0));
	say_result("enable", raw_register(r.fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0));
	enter_one(&r, "allowed", IORING_OP_NOP, IOSQE_ASYNC);
	enter_one(&r, "flag allowed", IORING_OP_NOP, IOSQE_ASYNC | IOSQE_CQE_SKIP_SUCCESS);
	enter_one(&r, "flag missing", IORING_OP_NOP, 0);
	enter_one(&r, "operation forbidden", IORING_OP_READ, IOSQE_ASYNC);
	say_result("register allowed", raw_register(r.fd, IORING_REGISTER_IOWQ_MAX_WORKERS, workers, 2));
	say_result("register forbidden", raw_register(r.fd, IORING_REGISTER_EVENTFD, &r.fd, 1));
	say_result("enable again", raw_register(r.fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0));
	ring_close(&r);
}

/* ---- tags ---- */

static void tagged_files(void)
{
	int p[2], q[2], none = -1, skip = IORING_REGISTER_FILES_SKIP;
	unsigned long long tags[2] = { 51, 52 }, tag = 53;
	char b;
	MUST(pipe(p));
	MUST(pipe(q));
	struct io_uring_rsrc_register reg = { .nr = 2, .data = (unsigned long)p, .tags = (unsigned long)tags };
	struct io_uring_rsrc_update2 up = { .nr = 1, .offset = 0, .data = (unsigned long)q, .tags = (unsigned long)&tag };
	int bad[2] = { p[0], 999 }, sparse[2] = { p[0], -1 };
	say_about("tagged files");
	reg.data = (unsigned long)bad;
	say_result("a bad one", raw_register(ring.fd, IORING_REGISTER_FILES2, &reg, sizeof(reg)));
	reg.data = (unsigned long)sparse;
	say_result("an empty one", raw_register(ring.fd, IORING_REGISTER_FILES2, &reg, sizeof(reg)));
	reg.data = (unsigned long)p;
	say_result("size", raw_register(ring.fd, IORING_REGISTER_FILES2, &reg, sizeof(reg) - 1));
	say_result("register", raw_register(ring.fd, IORING_REGISTER_FILES2, &reg, sizeof(reg)));
	say("nothing yet", "%u", ring_ready(&ring));
	say_result("update", raw_register(ring.fd, IORING_REGISTER_FILES_UPDATE2, &up, sizeof(up)));
	say_cqes(1);
	/* One that a request is on. */
	data(IORING_OP_READ, 0, &b, 1, 1)->flags = IOSQE_FIXED_FILE;
	say_result("submitted", ring_submit(&ring, 0));
	up.data = (unsigned long)&none;
	say_result("tag for nothing", raw_register(ring.fd, IORING_REGISTER_FILES_UPDATE2, &up, sizeof(up)));
	up.tags = 0;
	say_result("taken out", raw_register(ring.fd, IORING_REGISTER_FILES_UPDATE2, &up, sizeof(up)));
	say("in use", "%u", ring_ready(&ring));
	MUST(write(q[1], "a", 1));
	say_cqes(2);
	up.data = (unsigned long)&skip;
	up.offset = 1;
	say_result("skipped", raw_register(ring.fd, IORING_REGISTER_FILES_UPDATE2, &up, sizeof(up)));
	up.nr = 0;
	say_result("none", raw_register(ring.fd, IORING_REGISTER_FILES_UPDATE2, &up, sizeof(up)));
	up.nr = 3;
	say_result("beyond", raw_register(ring.fd, IORING_REGISTER_FILES_UPDATE2, &up, sizeof(up)));
	sqe(IORING_OP_CLOSE, 0, 2)->file_index = 2;
	run(2);
	say_result("unregister", raw_register(ring.fd, IORING_UNREGISTER_FILES, NULL, 0));
	say("left", "%u", ring_ready(&ring));
	say_result("register", raw_register(ring.fd, IORING_REGISTER_FILES2, &reg, sizeof(reg)));
	sqe(IORING_OP_ASYNC_CANCEL, 0, 3)->cancel_flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_FD_FIXED;
	run(1);
	say_result("unregister", raw_register(ring.fd, IORING_UNREGISTER_FILES, NULL, 0));
	say_cqes(2);
	for (int i = 0; i < 2; i++) {
		close(p[i]);
		close(q[i]);
	}
}

static void tagged_buffers(void)
{
	static char room[3][16];
	struct iovec iov[3] = { { room[0], 16 }, { room[1], 16 }, { NULL, 0 } };
	unsigned long long tags[3] = { 61, 62, 0 }, tag = 63;
	struct io_uring_rsrc_register reg = { .nr = 3, .data = (unsigned long)iov, .tags = (unsigned long)tags };
	struct iovec other = { room[2], 16 };
	struct io_uring_rsrc_update2 up = { .nr = 1, .offset = 0, .data = (unsigned long)&other, .tags = (unsigned long)&tag };
	int p[2];
	MUST(pipe(p));
	say_about("tagged buffers");
	say_result("update of none", raw_register(ring.fd, IORING_REGISTER_BUFFERS_UPDATE, &up, sizeof(up)));
	say_result("register", raw_register(ring.fd, IORING_REGISTER_BUFFERS2, &reg, sizeof(reg)));
	say_result("again", raw_register(ring.fd, IORING_REGISTER_BUFFERS2, &reg, sizeof(reg)));
	data(IORING_OP_READ_FIXED, p[0], room[0], 4, 1);
	say_result("submitted", ring_submit(&ring, 0));
	say_result("update", raw_register(ring.fd, IORING_REGISTER_BUFFERS_UPDATE, &up, sizeof(up)));
	say("in use", "%u", ring_ready(&ring));
	MUST(write(p[1], "a", 1));
	say_cqes(2);
	data(IORING_OP_READ_FIXED, p[0], room[0], 4, 1);
	run(1);
	up.offset = 2;
	other.iov_base = NULL;
	other.iov_len = 0;
	say_result("tag for nothing", raw_register(ring.fd, IORING_REGISTER_BUFFERS_UPDATE, &up, sizeof(up)));
	up.offset = 7;
	say_result("beyond", raw_register(ring.fd, IORING_REGISTER_BUFFERS_UPDATE, &up, sizeof(up)));
	up.offset = 1;
	up.tags = 0;
	say_result("emptied", raw_register(ring.fd, IORING_REGISTER_BUFFERS_UPDATE, &up, sizeof(up)));
	say_cqes(1);
	say_result("unregister", raw_register(ring.fd, IORING_UNREGISTER_BUFFERS, NULL, 0));
	say_cqes(1);
	reg = (struct io_uring_rsrc_register){ .nr = 2, .flags = IORING_RSRC_REGISTER_SPARSE };
	say_result("sparse", raw_register(ring.fd, IORING_REGISTER_BUFFERS2, &reg, sizeof(reg)));
	data(IORING_OP_READ_FIXED, p[0], room[0], 4, 1);
	run(1);
	say_result("unregister", raw_register(ring.fd, IORING_UNREGISTER_BUFFERS, NULL, 0));
	close(p[0]);
	close(p[1]);
}

static void clones(void)
{
	static char room[4][16];
	struct iovec iov[4] = { { room[0], 16 }, { room[1], 16 }, { NULL, 0 }, { room[3], 16 } };
	struct rawring other;
	struct clone c = { .src_fd = (unsigned)ring.fd };
	int p[2];
	MUST(pipe(p));
	MUST(ring_open(&other, 4, NULL));
	say_about("clones");
	say_result("of nothing", raw_register(other.fd, CLONE_BUFFERS, &c, 1));
	say_result("register", raw_register(ring.fd, IORING_REGISTER_BUFFERS2,
					    &(struct io_uring_rsrc_register){ .nr = 4, .data = (unsigned long)iov }, sizeof(struct io_uring_rsrc_register)));
	say_result("two arguments", raw_register(other.fd, CLONE_BUFFERS, &c, 2));
	c.flags = 8;
	say_result("no such flag", raw_register(other.fd, CLONE_BUFFERS, &c, 1));
	c = (struct clone){ .src_fd = (unsigned)p[0] };
	say_result("of a pipe", raw_register(other.fd, CLONE_BUFFERS, &c, 1));
	c = (struct clone){ .src_fd = (unsigned)ring.fd, .src_off = 1 };
	say_result("offset without number", raw_register(other.fd, CLONE_BUFFERS, &c, 1));
	c.nr = 9;
	say_result("too many", raw_register(other.fd, CLONE_BUFFERS, &c, 1));
	c.nr = 4;
	say_result("beyond", raw_register(other.fd, CLONE_BUFFERS, &c, 1));
	c = (struct clone){ .src_fd = (unsigned)ring.fd };
	say_result("all", raw_register(other.fd, CLONE_BUFFERS, &c, 1));
	say_result("again", raw_register(other.fd, CLONE_BUFFERS, &c, 1));
	c = (struct clone){ .src_fd = (unsigned)ring.fd, .flags = 2, .src_off = 3, .dst_off = 2, .nr = 1 };
	say_result("replaced", raw_register(other.fd, CLONE_BUFFERS, &c, 1));
	for (int i = 0; i < 4; i++) {
		struct io_uring_cqe q = { 0 };
		struct io_uring_sqe *e = ring_sqe(&other, IORING_OP_WRITE_FIXED, p[1], 1);
		e->addr = (unsigned long)(i == 2 ? room[3] : room[i]);
		e->len = 16;
		e->buf_index = (unsigned short)i;
		ring_submit(&other, 1);
		ring_take(&other, &q);
		say("write from it", "%d", q.res);
	}
	say_result("unregister", raw_register(ring.fd, IORING_UNREGISTER_BUFFERS, NULL, 0));
	say_result("unregister the clone", raw_register(other.fd, IORING_UNREGISTER_BUFFERS, NULL, 0));
	ring_close(&other);
	close(p[0]);
	close(p[1]);
}

/* ---- waiting ---- */

static void clocks(void)
{
	unsigned clock[4] = { CLOCK_BOOTTIME };
	struct timespec now;
	struct __kernel_timespec ts;
	struct io_uring_getevents_arg arg = { .ts = (unsigned long)&ts };
	unsigned min_wait = 3000;
	say_about("waits by a clock");
	say_result("boot time", raw_register(ring.fd, REGISTER_CLOCK, clock, 0));
	clock_gettime(CLOCK_BOOTTIME, &now);
	ts = (struct __kernel_timespec){ now.tv_sec, now.tv_nsec };
	say_result("until now", raw_enter(ring.fd, 0, 1, GETEVENTS_EXT | ENTER_ABS_TIMER, &arg, sizeof(arg)));
	clock[0] = CLOCK_REALTIME;
	say_result("another", raw_register(ring.fd, REGISTER_CLOCK, clock, 0));
	clock[0] = CLOCK_MONOTONIC;
	say_result("with a number", raw_register(ring.fd, REGISTER_CLOCK, clock, 1));
	say_result("nowhere", raw_register(ring.fd, REGISTER_CLOCK, (void *)8, 0));
	say_result("back", raw_register(ring.fd, REGISTER_CLOCK, clock, 0));
	/* A wait for two that is content with one after a while. */
	memcpy((char *)&arg + 12, &min_wait, sizeof(min_wait));
	ts = (struct __kernel_timespec){ 30, 0 };
	sqe(IORING_OP_NOP, -1, 1);
	ring.queued = 0;
	say_result("one of two", raw_enter(ring.fd, 1, 2, GETEVENTS_EXT, &arg, sizeof(arg)));
	say_cqes(1);
}

static void regions(void)
{
	struct rawring r;
	struct io_uring_params p = { .flags = IORING_SETUP_R_DISABLED };
	struct wait_arg *w = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct region d = { .user_addr = (unsigned long)w, .size = 4096, .flags = 1 };
	struct region_reg reg = { .region = (unsigned long)&d, .flags = 1 };
	say_about("wait regions");
	say_result("of an enabled ring", raw_register(ring.fd, MEM_REGION, &reg, 1));
	MUST(ring_open(&r, 4, &p));
	d.size = 100;
	say_result("part of a page", raw_register(r.fd, MEM_REGION, &reg, 1));
	d.size = 0;
	say_result("empty", raw_register(r.fd, MEM_REGION, &reg, 1));
	d.size = 4096;
	d.flags = 0;
	say_result("address without flag", raw_register(r.fd, MEM_REGION, &reg, 1));
	d.flags = 1;
	reg.flags = 2;
	say_result("no such flag", raw_register(r.fd, MEM_REGION, &reg, 1));
	reg.flags = 1;
	say_result("nowhere", raw_register(r.fd, MEM_REGION, (void *)8, 1));
	say_result("register", raw_register(r.fd, MEM_REGION, &reg, 1));
	say_result("again", raw_register(r.fd, MEM_REGION, &reg, 1));
	say_result("enable", raw_register(r.fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0));
	w[1] = (struct wait_arg){ .ts = { 0, 2000000 }, .flags = 1 };
	say_result("a time", raw_enter(r.fd, 0, 1, GETEVENTS_EXT | ENTER_EXT_ARG_REG, (void *)sizeof(*w), sizeof(*w)));
	w[1].flags = 2;
	say_result("no such flag", raw_enter(r.fd, 0, 1, GETEVENTS_EXT | ENTER_EXT_ARG_REG, (void *)sizeof(*w), sizeof(*w)));
	say_result("size", raw_enter(r.fd, 0, 1, GETEVENTS_EXT | ENTER_EXT_ARG_REG, (void *)0, 8));
	say_result("beyond", raw_enter(r.fd, 0, 1, GETEVENTS_EXT | ENTER_EXT_ARG_REG, (void *)4096, sizeof(*w)));
	say_result("uneven", raw_enter(r.fd, 0, 1, GETEVENTS_EXT | ENTER_EXT_ARG_REG, (void *)3, sizeof(*w)));
	say_result("of a ring without", raw_enter(ring.fd, 0, 1, GETEVENTS_EXT | ENTER_EXT_ARG_REG, (void *)0, sizeof(*w)));
	ring_close(&r);
	munmap(w, 4096);
	/* The ring's own memory. */
	MUST(ring_open(&r, 4, &p));
	d = (struct region){ .size = 4096 };
	say_result("the ring's", raw_register(r.fd, MEM_REGION, &reg, 1));
	say("lies at", "%llx", d.mmap_offset);
	w = (void *)ring_map(r.fd, 4096, d.mmap_offset);
	say_result("enable", raw_register(r.fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0));
	w[0] = (struct wait_arg){ .ts = { 0, 2000000 }, .flags = 1 };
	say_result("a time", raw_enter(r.fd, 0, 1, GETEVENTS_EXT | ENTER_EXT_ARG_REG, (void *)0, sizeof(*w)));
	munmap(w, 4096);
	ring_close(&r);
}

/* ---- from ring to ring ---- */

static struct io_uring_sqe *message(const struct rawring *to, int command)
{
	struct io_uring_sqe *e = data(IORING_OP_MSG_RING, to->fd, (void *)(long)command, 0, 1);
	e->off = 4711;
	return e;
}

static void say_at(struct rawring *r)
{
	struct io_uring_cqe c;
	say("there", "%u", ring_ready(r));
	while (ring_take(r, &c))
		say("message", "%d for %u flags %x", c.res, (unsigned)c.user_data, c.flags);
}

static void messages(void)
{
	struct rawring other;
	struct io_uring_sqe alone = { .opcode = IORING_OP_MSG_RING, .len = 9, .off = 12 };
	struct io_uring_rsrc_register sparse = { .nr = 2, .flags = IORING_RSRC_REGISTER_SPARSE };
	int p[2];
	char buf[8] = "";
	MUST(pipe(p));
	MUST(ring_open(&other, 4, NULL));
	say_about("messages between rings");
	struct io_uring_sqe *e = message(&other, 0);
	e->len = 3;
	e->msg_ring_flags = 2;
	e->file_index = 0x40;
	run(1);
	say_at(&other);
	message(&other, 0)->file_index = 5;
	run(1);
	message(&other, 0)->msg_ring_flags = 8;
	run(1);
	message(&other, 7);
	run(1);
	message(&other, 1);
	run(1);
	say_result("register", raw_register(ring.fd, IORING_REGISTER_FILES, p, 2));
	message(&other, 1)->file_index = 1;
	run(1);
	say_result("sparse", raw_register(other.fd, IORING_REGISTER_FILES2, &sparse, sizeof(sparse)));
	message(&other, 1);
	run(1);
	message(&other, 1)->file_index = 2;
	run(1);
	say_at(&other);
	e = message(&other, 1);
	e->file_index = IORING_FILE_INDEX_ALLOC;
	e->addr3 = 1;
	e->msg_ring_flags = IORING_MSG_RING_CQE_SKIP;
	run(1);
	say_at(&other);
	message(&other, 1)->file_index = IORING_FILE_INDEX_ALLOC;
	run(1);
	message(&ring, 1)->file_index = 1;
	run(1);
	MUST(write(p[1], "passed", 6));
	e = ring_sqe(&other, IORING_OP_READ, 1, 1);
	e->flags = IOSQE_FIXED_FILE;
	e->addr = (unsigned long)buf;
	e->len = sizeof(buf);
	say_result("read there", ring_submit(&other, 1));
	say_at(&other);
	say("read", "%.6s", buf);
	raw_register(ring.fd, IORING_UNREGISTER_FILES, NULL, 0);
	alone.fd = other.fd;
	say_result("without a ring", raw_register(-1, SEND_MSG_RING, &alone, 1));
	say_at(&other);
	alone.addr = 1;
	say_result("a file without a ring", raw_register(-1, SEND_MSG_RING, &alone, 1));
	alone.addr = 0;
	alone.flags = IOSQE_ASYNC;
	say_result("with flags", raw_register(-1, SEND_MSG_RING, &alone, 1));
	alone.flags = 0;
	alone.fd = p[0];
	say_result("to a pipe", raw_register(-1, SEND_MSG_RING, &alone, 1));
	say_result("nothing else without a ring", raw_register(-1, IORING_REGISTER_PROBE, &alone, 1));
	ring_close(&other);
	close(p[0]);
	close(p[1]);
}

/* ---- whose memory, which number, as whom, where ---- */

enum { SETUP_NO_MMAP = 1 << 14, SETUP_REGISTERED_FD_ONLY = 1 << 15 };

static struct io_uring_params with_memory(unsigned flags, char *rings, char *sqes)
{
	struct io_uring_params p = { .flags = flags };
	unsigned long at[2] = { (unsigned long)sqes, (unsigned long)rings };
	memcpy((char *)&p.sq_off + sizeof(p.sq_off) - 8, &at[0], 8);
	memcpy((char *)&p.cq_off + sizeof(p.cq_off) - 8, &at[1], 8);
	return p;
}

static void memory_of_ones_own(void)
{
	char *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct io_uring_params p = with_memory(SETUP_NO_MMAP, NULL, NULL);
	struct io_uring_cqe c = { 0 };
	struct rawring r = { 0 };
	say_about("memory of one's own");
	say_result("nowhere", raw_setup(4, &p));
	p = with_memory(SETUP_NO_MMAP, at + 8, at + 4096);
	say_result("uneven", raw_setup(4, &p));
	p = with_memory(SETUP_REGISTERED_FD_ONLY, at, at + 4096);
	say_result("only registered, mapped", raw_setup(4, &p));
	p = with_memory(SETUP_NO_MMAP, at, at + 4096);
	r.fd = (int)MUST(raw_setup(4, &p));
	ring_place(&r, &p, at, at + 4096);
	ring_sqe(&r, IORING_OP_NOP, -1, 3);
	say_result("submitted", ring_submit(&r, 1));
	ring_take(&r, &c);
	say("taken", "%d for %u", c.res, (unsigned)c.user_data);
	close(r.fd);
	memset(at, 0, 8192);
	p = with_memory(SETUP_NO_MMAP | SETUP_REGISTERED_FD_ONLY, at, at + 4096);
	r.fd = (int)raw_setup(4, &p);
	say_result("only registered", r.fd);
	ring_place(&r, &p, at, at + 4096);
	ring_sqe(&r, IORING_OP_NOP, -1, 4);
	say_result("submitted", raw_enter(r.fd, 1, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_REGISTERED_RING, NULL, 0));
	ring_take(&r, &c);
	say("taken", "%d for %u", c.res, (unsigned)c.user_data);
	struct io_uring_rsrc_update up = { .offset = (unsigned)r.fd };
	say_result("unregister", raw_register(ring.fd, IORING_UNREGISTER_RING_FDS, &up, 1));
	say_result("gone", raw_enter(r.fd, 0, 0, IORING_ENTER_REGISTERED_RING, NULL, 0));
	munmap(at, 8192);
}

/* A ring whose number the thread has registered lives on without its descriptor, and what waits on it does. */
static void without_descriptor(void)
{
	struct rawring r;
	struct io_uring_cqe c = { 0 };
	char b;
	int p[2];
	MUST(pipe(p));
	say_about("without a descriptor");
	MUST(ring_open(&r, 4, NULL));
	struct io_uring_rsrc_update up = { .offset = -1U, .data = (unsigned long)r.fd };
	say_result("register", raw_register(r.fd, IORING_REGISTER_RING_FDS, &up, 1));
	struct io_uring_sqe *e = ring_sqe(&r, IORING_OP_READ, p[0], 5);
	e->addr = (unsigned long)&b;
	e->len = 1;
	say_result("submitted", ring_submit(&r, 0));
	raw6(SYS_close, r.fd, 0, 0, 0, 0, 0);
	struct rawring other;   /* the making of one looks for those that were closed */
	MUST(ring_open(&other, 4, NULL));
	ring_close(&other);
	MUST(write(p[1], "a", 1));
	say_result("waited for", raw_enter((int)up.offset, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_REGISTERED_RING, NULL, 0));
	ring_take(&r, &c);
	say("taken", "%d for %u", c.res, (unsigned)c.user_data);
	up.data = 0;
	say_result("unregister", raw_register(ring.fd, IORING_UNREGISTER_RING_FDS, &up, 1));
	ring_unmap(&r);
	close(p[0]);
	close(p[1]);
}

static void as_whom(void)
{
	unsigned long cpus[2] = { 1, 0 };
	say_about("personalities");
	say_result("register", raw_register(ring.fd, IORING_REGISTER_PERSONALITY, NULL, 0));
	say_result("another", raw_register(ring.fd, IORING_REGISTER_PERSONALITY, NULL, 0));
	say_result("with an argument", raw_register(ring.fd, IORING_REGISTER_PERSONALITY, &ring, 0));
	sqe(IORING_OP_NOP, -1, 1)->personality = 2;
	run(1);
	sqe(IORING_OP_NOP, -1, 1)->personality = 9;
	run(1);
	say_result("unregister", raw_register(ring.fd, IORING_UNREGISTER_PERSONALITY, NULL, 2));
	say_result("again", raw_register(ring.fd, IORING_UNREGISTER_PERSONALITY, NULL, 2));
	sqe(IORING_OP_NOP, -1, 1)->personality = 2;
	run(1);
	say_result("the next", raw_register(ring.fd, IORING_REGISTER_PERSONALITY, NULL, 0));
	say_about("workers' processors");
	say_result("register", raw_register(ring.fd, IORING_REGISTER_IOWQ_AFF, cpus, sizeof(cpus)));
	say_result("none", raw_register(ring.fd, IORING_REGISTER_IOWQ_AFF, cpus, 0));
	say_result("NULL", raw_register(ring.fd, IORING_REGISTER_IOWQ_AFF, NULL, 8));
	say_result("nowhere", raw_register(ring.fd, IORING_REGISTER_IOWQ_AFF, (void *)8, 8));
	say_result("unregister", raw_register(ring.fd, IORING_UNREGISTER_IOWQ_AFF, NULL, 0));
}

int main(void)
{
	say_start();
	say_about("io_uring");
	need_new_kernel();
	restrictions();
	tagged_files();
	tagged_buffers();
	clones();
	clocks();
	regions();
	messages();
	memory_of_ones_own();
	without_descriptor();
	as_whom();
	ring_close(&ring);
	return 0;
}
