/*
 * What the conform programs about io_uring share: a ring, and ways to say what comes of its entries. Completions may come in an order that nobody has
 * promised, so they are said in the order of their user_data.
 */
#pragma once
#include "say.h"
#include "../tools/rawring.h"
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/utsname.h>

/* Newer than some <linux/io_uring.h>. */
enum {
	OP_READ_MULTISHOT = 49, OP_WAITID = 50, OP_FUTEX_WAIT = 51, OP_FUTEX_WAKE = 52, OP_FUTEX_WAITV = 53, OP_FIXED_FD_INSTALL = 54, OP_EPOLL_WAIT = 59,
	OP_READV_FIXED = 60, OP_WRITEV_FIXED = 61, OP_PIPE = 62,
};

static struct rawring ring;
static bool skips_more;

/* Waits for n completions and says them. */
static inline void say_cqes(unsigned n)
{
	struct io_uring_cqe got[64];
	char name[32];
	unsigned have = 0;

	while (have < n) {
		if (ring_take(&ring, &got[have]))
			have += !(skips_more && got[have].flags & IORING_CQE_F_MORE);
		else
			MUST(raw_enter(ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
	}
	for (unsigned i = 1; i < n; i++)
		for (unsigned k = i; k > 0 && got[k - 1].user_data > got[k].user_data; k--) {
			struct io_uring_cqe t = got[k];
			got[k] = got[k - 1];
			got[k - 1] = t;
		}
	for (unsigned i = 0; i < n; i++) {
		unsigned flags = got[i].flags & ~IORING_CQE_F_SOCK_NONEMPTY;
		snprintf(name, sizeof name, "cqe %u", (unsigned)got[i].user_data);
		if (got[i].res < 0)
			say(name, "%s flags %x", say_errno(-got[i].res), flags);
		else
			say(name, "%d flags %x", got[i].res, flags);
	}
}

static inline void say_result(const char *name, long r)
{
	if (r < 0)
		say(name, "%s", say_errno((int)-r));
	else
		say(name, "%ld", r);
}

/* Submits what is queued, and says what n completions come to. */
static inline void run(unsigned n)
{
	say_result("submitted", ring_submit(&ring, 0));
	say_cqes(n);
	say("completions left", "%u", ring_ready(&ring));
}

/* The same after a multishot poll, which may say a thing twice: what it has said on the way is left out. */
static inline void run_to_end(unsigned n)
{
	skips_more = true;
	say_result("submitted", ring_submit(&ring, 0));
	say_cqes(n);
	skips_more = false;
}

static inline struct io_uring_sqe *sqe(int opcode, int fd, unsigned long user_data) { return ring_sqe(&ring, opcode, fd, user_data); }

static inline struct io_uring_sqe *data(int opcode, int fd, const void *at, unsigned len, unsigned long user_data)
{
	struct io_uring_sqe *e = sqe(opcode, fd, user_data);
	e->addr = (unsigned long)at;
	e->len = len;
	if (opcode == IORING_OP_READ || opcode == IORING_OP_WRITE)
		e->off = (unsigned long)-1;
	return e;
}

/* A ring is opened: else the program ends, for there is nothing to compare with. */
static inline void need_ring(void)
{
	int err = ring_open(&ring, 16, NULL);
	if (err == 0)
		return;
	printf("the kernel refuses io_uring: %s\n", say_errno(-err));
	exit(77);
}

/* And all that came until Linux 6.17 is there. */
static inline void need_new_kernel(void)
{
	struct utsname name;
	int major = 0, minor = 0;
	need_ring();
	uname(&name);
	sscanf(name.release, "%d.%d", &major, &minor);
	if (major > 6 || (major == 6 && minor >= 17))
		return;
	printf("the kernel is older than all of this: %s\n", name.release);
	exit(77);
}
