/*
 * Futexes: the kernel's own calls. One that waits does so in a thread; it has come to sleep before the submission is over, for the program may wake it at
 * once. Sizes and flags are those of the newer calls (FUTEX2_*), of which the kernel has 32 bits, private or shared.
 */
#include <linux/futex.h>
#include "shim/uring/uring.h"

enum { FUTEX_SIZE_MASK = 3, FUTEX_SIZE_32 = 2, FUTEX_PRIVATE = 128 };
#define WAITERS_MAX 128u
struct waiter { uint64_t val, uaddr; uint32_t flags, reserved; };

static bool flags_valid(unsigned flags) { return (flags & ~(unsigned)FUTEX_PRIVATE) == FUTEX_SIZE_32; }
static long private_flag(const struct io_uring_sqe *e) { return e->fd & FUTEX_PRIVATE ? FUTEX_PRIVATE_FLAG : 0; }

/* addr: the word; addr2: its value, or how many to wake; addr3: the mask. */
static int prepare(const struct io_uring_sqe *e)
{
	if (e->len || e->rw_flags || e->buf_index || e->file_index || !flags_valid((unsigned)e->fd)) return -EINVAL;
	return e->addr2 > UINT32_MAX || e->addr3 > UINT32_MAX ? -EINVAL : 0;
}

int prepare_futex_wait(struct request *r) { return prepare(&r->sqe); }
int prepare_futex_wake(struct request *r) { return prepare(&r->sqe); }

static long sleep_begin(struct request *r)
{
	struct ring *g = r->ring;
	uint64_t ticket = r->ticket = atomic_fetch_add(&g->tickets, 1);
	long err = request_block(r);
	if (err == PARKED) request_await_sleep(g, ticket);
	return err;
}

/* Does the word still have the value? */
static int word_check(uint64_t at, uint64_t value)
{
	uint32_t now;
	if (at % sizeof now) return -EINVAL;
	if (user_get(now, (const uint32_t *)(uintptr_t)at) != 0) return -EFAULT;
	return now == (uint32_t)value ? 0 : -EAGAIN;
}

long issue_futex_wait(struct request *r)
{
	if (r->sqe.addr3 == 0) return -EINVAL;
	int err = word_check(r->sqe.addr, r->sqe.addr2);
	return err < 0 ? err : sleep_begin(r);
}

long block_futex_wait(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	const long call[7] = {SYS_futex, (long)e->addr, FUTEX_WAIT_BITSET | private_flag(e), (long)e->addr2, 0, 0, (long)e->addr3};
	return request_sleep(r, call);
}

long issue_futex_wake(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	if (e->addr3 == 0) return -EINVAL;
	if (e->addr2 == 0) return 0;
	return sys(SYS_futex, e->addr, FUTEX_WAKE_BITSET | private_flag(e), (uint32_t)e->addr2, 0, 0, e->addr3);
}

static int waiter_check(const struct waiter *w)
{
	return w->reserved || !flags_valid(w->flags) || w->val > UINT32_MAX ? -EINVAL : 0;
}

int prepare_futex_waitv(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	if (e->fd || e->buf_index || e->file_index || e->addr2 || e->rw_flags || e->addr3) return -EINVAL;
	if (e->len == 0 || e->len > WAITERS_MAX) return -EINVAL;
	int err = extra_take(r, (const void *)(uintptr_t)e->addr, e->len * sizeof(struct waiter));
	const struct waiter *w = r->extra;
	for (uint32_t i = 0; i < e->len && err == 0; i++) err = waiter_check(&w[i]);
	return err;
}

long issue_futex_waitv(struct request *r)
{
	const struct waiter *w = r->extra;
	int err = 0;
	for (uint32_t i = 0; i < r->sqe.len && err == 0; i++) err = word_check(w[i].uaddr, w[i].val);
	return err < 0 ? err : sleep_begin(r);
}

long block_futex_waitv(struct request *r)
{
	const long call[7] = {449 /* SYS_futex_waitv */, (long)r->extra, r->sqe.len};
	return request_sleep(r, call);
}
