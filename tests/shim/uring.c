/*
 * Rings of io_uring where no kernel is to be compared with: operations that older kernels lack, many rings that come and go, many
 * threads, and ring memory that somebody scribbles over.
 */
#include "check.h"
#include "../tools/rawring.h"
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

enum { FTRUNCATE = 55, BIND, LISTEN };                 /* operations newer than some headers */
enum { CMD_SIOCINQ, CMD_SIOCOUTQ, CMD_GETSOCKOPT, CMD_SETSOCKOPT };

static struct io_uring_cqe wait_one(struct rawring *r)
{
	struct io_uring_cqe c;
	while (!ring_take(r, &c)) {
		long n = raw_enter(r->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
		CHECK(n == 0 || n == -EINTR);
	}
	return c;
}

/* What the queued entry comes to. */
static int result(struct rawring *r)
{
	CHECK(ring_submit(r, 1) == 1);
	return wait_one(r).res;
}

static struct io_uring_sqe *entry(struct rawring *r, int opcode, int fd, const void *at, unsigned len)
{
	struct io_uring_sqe *e = ring_sqe(r, opcode, fd, 1);
	e->addr = (unsigned long)at;
	e->len = len;
	return e;
}

/* ---- operations ---- */

static int command(struct rawring *r, int fd, unsigned cmd, int level, int name, void *value, unsigned len)
{
	struct io_uring_sqe *e = ring_sqe(r, IORING_OP_URING_CMD, fd, 1);
	e->cmd_op = cmd;
	e->addr = (unsigned long)(unsigned)level | (unsigned long)(unsigned)name << 32;
	e->addr3 = (unsigned long)value;
	e->file_index = len;
	return result(r);
}

static void newer_operations(void)
{
	struct rawring r;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int on = 1, got = 0, fd[2], s = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(ring_open(&r, 8, NULL) == 0);
	entry(&r, BIND, s, &a, 0)->addr2 = sizeof a;
	CHECK(result(&r) == 0);
	entry(&r, LISTEN, s, NULL, 3);
	CHECK(result(&r) == 0);
	socklen_t len = sizeof got;
	CHECK(getsockopt(s, SOL_SOCKET, SO_ACCEPTCONN, &got, &len) == 0 && got == 1);
	CHECK(command(&r, s, CMD_SETSOCKOPT, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) == 0);
	CHECK(command(&r, s, CMD_GETSOCKOPT, SOL_SOCKET, SO_KEEPALIVE, &got, sizeof got) == sizeof got && got == 1);
	CHECK(command(&r, s, CMD_GETSOCKOPT, IPPROTO_TCP, 1, &got, sizeof got) == -EOPNOTSUPP);
	CHECK(command(&r, r.fd, CMD_SIOCINQ, 0, 0, NULL, 0) == -EINVAL);
	close(s);
	tcp_pair(fd);
	CHECK(send(fd[0], "12345", 5, 0) == 5);
	CHECK(command(&r, fd[1], CMD_SIOCINQ, 0, 0, NULL, 0) == 5);
	CHECK(command(&r, fd[1], 99, 0, 0, NULL, 0) == -EOPNOTSUPP);
	close(fd[0]);
	close(fd[1]);
	FILE *f = tmpfile();
	CHECK(f);
	ring_sqe(&r, FTRUNCATE, fileno(f), 1)->off = 100;
	CHECK(result(&r) == 0 && lseek(fileno(f), 0, SEEK_END) == 100);
	fclose(f);
	ring_close(&r);
}

/* The probe tells of what is there and of nothing else. */
static void probe_is_true(void)
{
	struct io_uring_probe *p = calloc(1, sizeof *p + 256 * sizeof p->ops[0]);
	struct rawring r;
	CHECK(ring_open(&r, 4, NULL) == 0);
	CHECK(p && raw_register(r.fd, IORING_REGISTER_PROBE, p, 256) == 0);
	for (int i = 0; i < 256; i++) {
		struct io_uring_sqe *e = ring_sqe(&r, i, -1, 1);
		bool there = i < p->ops_len && p->ops[i].flags & IO_URING_OP_SUPPORTED;
		e->buf_index = 77;             /* wrong for most, so that nothing is done */
		e->len = 2;
		CHECK(ring_submit(&r, 1) == 1);
		int res = wait_one(&r).res;
		CHECK(there || res == -EINVAL);
	}
	CHECK(p->ops[IORING_OP_RECV].flags && p->ops[IORING_OP_ACCEPT].flags && p->ops[IORING_OP_FSETXATTR].flags && p->last_op == 62);
	free(p);
	ring_close(&r);
}

/* ---- processes ---- */

static int entries_of(const char *path)
{
	int n = 0;
	DIR *d = opendir(path);
	CHECK(d);
	while (readdir(d)) n++;
	closedir(d);
	return n;
}

/* What ends behind us takes a moment. */
static void settle_at(const char *path, int most)
{
	struct timespec moment = {.tv_nsec = 1000000};
	for (int i = 0; i < 20000 && entries_of(path) > most; i++) nanosleep(&moment, NULL);
	CHECK(entries_of(path) <= most);
}

/* More rings than a process may have at a time, closed as liburing closes them, some with requests on them: threads and descriptors come back. */
static void rings_come_and_go(void)
{
	struct rawring r;
	char buf[8];
	int fd[2], p[2];
	settle_at("/proc/self/task", 3);
	int before = entries_of("/proc/self/fd");
	for (int i = 0; i < 1200; i++) {
		CHECK(ring_open(&r, 4, NULL) == 0);
		if (i % 20 == 0) {
			tcp_pair(fd);
			CHECK(pipe(p) == 0);
			entry(&r, IORING_OP_RECV, fd[1], buf, sizeof buf);
			entry(&r, IORING_OP_READ, p[0], buf, 1);
			CHECK(ring_submit(&r, 0) == 2);
			for (int k = 0; k < 2; k++) close(fd[k]), close(p[k]);
		}
		ring_close(&r);
		if (i % 20 == 0) settle_at("/proc/self/task", 3);   /* ".", ".." and ours */
	}
	settle_at("/proc/self/fd", before);
}

/* ---- threads ---- */

#define THREADS 4
#define ROUNDS 150

/* A receive that may be answered, taken back, or run out of time: each has one end, and no octet is lost. */
static void one_round(struct rawring *r, int fd[2], unsigned kind)
{
	struct __kernel_timespec soon = {.tv_nsec = 200000};
	char buf[4];
	int got = 0, ended = 0, expected = 1 + (kind == 1) + (kind == 2);
	struct io_uring_sqe *e = entry(r, IORING_OP_RECV, fd[1], buf, 1);
	if (kind == 2) {
		e->flags = IOSQE_IO_LINK;
		ring_sqe(r, IORING_OP_LINK_TIMEOUT, -1, 2)->addr = (unsigned long)&soon;
		((struct io_uring_sqe *)(r->sqes + ((size_t)((*r->sq_tail - 1) & *r->sq_mask) << r->sqe_shift)))->len = 1;
	}
	CHECK(ring_submit(r, 0) == (kind == 2 ? 2 : 1));
	CHECK(send(fd[0], "x", 1, 0) == 1);
	if (kind == 1) {
		e = ring_sqe(r, IORING_OP_ASYNC_CANCEL, -1, 3);
		e->addr = 1;
		CHECK(ring_submit(r, 0) == 1);
	}
	for (; ended < expected; ended++) {
		struct io_uring_cqe c = wait_one(r);
		if (c.user_data != 1) continue;
		CHECK(c.res == 1 || (kind != 0 && c.res == -ECANCELED));
		got = c.res == 1;
	}
	if (!got) CHECK(recv(fd[1], buf, 1, 0) == 1);
	CHECK(recv(fd[1], buf, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
}

static void *rounds(void *arg)
{
	struct rawring r;
	unsigned seed = (unsigned)(size_t)arg;
	int fd[2];
	CHECK(ring_open(&r, 8, NULL) == 0);
	tcp_pair(fd);
	for (int i = 0; i < ROUNDS; i++) one_round(&r, fd, (unsigned)rand_r(&seed) % 3);
	ring_close(&r);
	close(fd[0]);
	close(fd[1]);
	return NULL;
}

static void threads(void)
{
	pthread_t t[THREADS];
	for (size_t i = 0; i < THREADS; i++) CHECK(pthread_create(&t[i], NULL, rounds, (void *)(i + 1)) == 0);
	for (int i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
}

/* ---- one who comes too late ---- */

static int terminal(int *ret_slave)
{
	struct termios t;
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0 || (*ret_slave = open(ptsname(master), O_RDWR | O_NOCTTY)) < 0) return -1;
	CHECK(tcgetattr(*ret_slave, &t) == 0);
	cfmakeraw(&t);
	CHECK(tcsetattr(*ret_slave, TCSANOW, &t) == 0);
	return master;
}

/* The ring goes on, whatever becomes of its read. */
static void is_alive(struct rawring *r)
{
	struct __kernel_timespec soon = {.tv_nsec = 100000};
	ring_sqe(r, IORING_OP_TIMEOUT, -1, 2)->addr = (unsigned long)&soon;
	((struct io_uring_sqe *)(r->sqes + ((size_t)((*r->sq_tail - 1) & *r->sq_mask) << r->sqe_shift)))->len = 1;
	CHECK(ring_submit(r, 0) == 1);
}

/* Two rings read from a terminal, whose reads cannot be asked not to wait: both see each octet come, and one gets it. */
static void too_late(void)
{
	struct rawring r[2];
	char buf[2];
	int slave, master = terminal(&slave);
	if (master < 0) return;   /* no terminals here */
	for (int i = 0; i < 2; i++) {
		CHECK(ring_open(&r[i], 8, NULL) == 0);
		entry(&r[i], IORING_OP_READ, slave, &buf[i], 1)->off = (unsigned long)-1;
		CHECK(ring_submit(&r[i], 0) == 1);
	}
	for (int round = 0; round < 200; round++) {
		int got = 0;
		CHECK(write(master, "x", 1) == 1);
		for (int i = 0; i < 2; i++) is_alive(&r[i]);
		for (int i = 0, timeouts = 0; timeouts < 2 || got < 1; i ^= 1) {
			struct io_uring_cqe c;
			if (!ring_take(&r[i], &c)) {
				sched_yield();
				continue;
			}
			timeouts += c.user_data == 2;
			if (c.user_data == 2) continue;
			CHECK(c.res == 1 && ++got == 1);
			entry(&r[i], IORING_OP_READ, slave, &buf[i], 1)->off = (unsigned long)-1;
			CHECK(ring_submit(&r[i], 0) == 1);
		}
	}
	for (int i = 0; i < 2; i++) ring_close(&r[i]);
	close(slave);
	close(master);
}

/* ---- hostile memory ---- */

static struct rawring torn;
static _Atomic bool torn_enough;

static void *scribble(void *arg)
{
	unsigned seed = (unsigned)(size_t)arg;
	while (!torn_enough) {
		unsigned *words[] = {torn.sq_head, torn.sq_tail, torn.sq_flags, torn.cq_head, torn.cq_tail, torn.sq_mask, torn.cq_mask, torn.sq_array};
		*words[(unsigned)rand_r(&seed) % 8] = (unsigned)rand_r(&seed);
		((unsigned *)torn.sqes)[(unsigned)rand_r(&seed) % 8 * 16] = (unsigned)rand_r(&seed) % 4;   /* opcodes that harm nothing: NOP … FSYNC */
	}
	return NULL;
}

/* Whatever the words say, calls return, and other rings work. */
static void hostile(void)
{
	pthread_t t;
	CHECK(ring_open(&torn, 8, NULL) == 0);
	CHECK(pthread_create(&t, NULL, scribble, (void *)7) == 0);
	for (int i = 0; i < 3000; i++) {
		long n = raw_enter(torn.fd, 8, 0, IORING_ENTER_GETEVENTS, NULL, 0);
		CHECK(n >= -4095 && n <= 8);
	}
	torn_enough = true;
	pthread_join(t, NULL);
	ring_close(&torn);
	struct rawring r;
	CHECK(ring_open(&r, 4, NULL) == 0);
	ring_sqe(&r, IORING_OP_NOP, -1, 1);
	CHECK(result(&r) == 0);
	ring_close(&r);
}

int main(void)
{
	newer_operations();
	probe_is_true();
	rings_come_and_go();
	threads();
	too_late();
	hostile();
	return 0;
}
