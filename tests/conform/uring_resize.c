/* io_uring whose queues change their sizes: what is in them stays, and what would not fit is refused. On an older kernel the program ends with 77. */
#include "say_uring.h"

enum { RESIZE_RINGS = 33, SETUP_NO_SQARRAY = 1 << 16 };
#define RESIZABLE (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

/* As liburing: what was mapped is let go, and mapped again. */
static void resize(const char *name, unsigned sq, unsigned flags, unsigned cq)
{
	struct io_uring_params p = { .sq_entries = sq, .flags = flags, .cq_entries = cq };
	long err = raw_register(ring.fd, RESIZE_RINGS, &p, 1);
	say_result(name, err);
	if (err < 0)
		return;
	say("sizes", "sq %u cq %u flags %x", p.sq_entries, p.cq_entries, p.flags);
	p.flags |= ring.p.flags;
	ring_map_again(&ring, &p);
	say("told in the queues", "%u %u", *ring.sq_mask, *ring.cq_mask);
}

static void nops(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		sqe(IORING_OP_NOP, -1, i);
	run(n);
}

static void sizes(unsigned flags, const char *name)
{
	struct io_uring_params p = { .flags = RESIZABLE | flags };
	char b;
	int pipes[2];
	MUST(pipe(pipes));
	MUST(ring_open(&ring, 4, &p));
	say_about("resize%s", name);
	nops(3);
	resize("larger", 16, 0, 0);
	nops(16);
	resize("smaller", 2, 0, 0);
	nops(2);
	nops(2);
	resize("cq alone", 2, IORING_SETUP_CQSIZE, 64);
	resize("cq too small", 8, IORING_SETUP_CQSIZE, 4);
	resize("none", 0, 0, 0);
	resize("too many", 100000, 0, 0);
	resize("no such flag", 4, IORING_SETUP_SQPOLL, 0);
	/* Completions that are there, and a request under way. */
	resize("eight", 8, 0, 0);
	for (unsigned i = 0; i < 5; i++)
		sqe(IORING_OP_NOP, -1, i);
	data(IORING_OP_READ, pipes[0], &b, 1, 9);
	say_result("submitted", ring_submit(&ring, 0));
	resize("does not fit", 1, 0, 0);
	resize("with completions", 32, 0, 0);
	say("there", "%u", ring_ready(&ring));
	MUST(write(pipes[1], "a", 1));
	say_cqes(6);
	nops(32);
	ring_close(&ring);
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
	struct io_uring_params p = { .sq_entries = 8 };
	say_start();
	say_about("io_uring");
	need_new_kernel();
	say_result("not deferred", raw_register(ring.fd, RESIZE_RINGS, &p, 1));
	ring_close(&ring);
	sizes(SETUP_NO_SQARRAY, ", no array");
	sizes(SETUP_NO_SQARRAY | IORING_SETUP_SQE128 | IORING_SETUP_CQE32, ", large entries");
	return 0;
}
