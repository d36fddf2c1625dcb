/*
 * io_uring by raw system calls, as liburing makes them: inline, so that no library stands between. For tests; a call that must work and does not ends
 * the program.
 */
#pragma once
#include <errno.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "raw.h"

struct rawring {
	int fd;
	unsigned flags, entries, cq_size, sqe_shift, cqe_shift;
	unsigned *sq_head, *sq_tail, *sq_mask, *sq_flags, *sq_dropped, *sq_array, *cq_head, *cq_tail, *cq_mask, *cq_overflow;
	char *rings, *sqes, *cqes;
	size_t rings_size, sqes_size;
	unsigned queued;
	struct io_uring_params p;
};

static inline long raw_setup(unsigned entries, struct io_uring_params *p) { return raw6(SYS_io_uring_setup, entries, (long)p, 0, 0, 0, 0); }
static inline long raw_enter(int fd, unsigned n, unsigned wait, unsigned flags, const void *arg, size_t size)
{
	return raw6(SYS_io_uring_enter, fd, n, wait, flags, (long)arg, (long)size);
}
static inline long raw_register(int fd, unsigned op, const void *arg, unsigned n) { return raw6(SYS_io_uring_register, fd, op, (long)arg, n, 0, 0); }

static inline char *ring_map(int fd, size_t size, unsigned long offset)
{
	long at = raw6(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, (long)offset);
	if (at < 0 && at > -4096) {
		printf("the ring cannot be mapped = %ld\n", at);
		exit(1);
	}
	return (char *)at;
}

static inline void ring_sizes(struct rawring *r, const struct io_uring_params *p)
{
	r->p = *p;
	r->cqe_shift = p->flags & IORING_SETUP_CQE32 ? 5 : 4;
	r->sqe_shift = p->flags & IORING_SETUP_SQE128 ? 7 : 6;
	r->entries = p->sq_entries;
	r->cq_size = p->cq_entries;
	r->rings_size = p->cq_off.cqes + ((size_t)p->cq_entries << r->cqe_shift);
	if (p->sq_off.array && p->sq_off.array + p->sq_entries * 4 > r->rings_size)
		r->rings_size = p->sq_off.array + p->sq_entries * 4;
	r->sqes_size = (size_t)p->sq_entries << r->sqe_shift;
}

/* By what *p says of its parts. */
static inline void ring_place(struct rawring *r, const struct io_uring_params *p, char *rings, char *sqes)
{
	ring_sizes(r, p);
	r->rings = rings;
	r->sqes = sqes;
#define AT(field, part, name) r->field = (unsigned *)(r->rings + p->part.name)
	AT(sq_head, sq_off, head), AT(sq_tail, sq_off, tail), AT(sq_mask, sq_off, ring_mask), AT(sq_flags, sq_off, flags);
	AT(sq_dropped, sq_off, dropped), AT(sq_array, sq_off, array);
	AT(cq_head, cq_off, head), AT(cq_tail, cq_off, tail), AT(cq_mask, cq_off, ring_mask), AT(cq_overflow, cq_off, overflow);
#undef AT
	r->cqes = r->rings + p->cq_off.cqes;
	if (!p->sq_off.array)
		r->sq_array = NULL;
}

static inline void ring_map_all(struct rawring *r, const struct io_uring_params *p)
{
	ring_sizes(r, p);
	char *rings = ring_map(r->fd, r->rings_size, IORING_OFF_SQ_RING), *sqes = ring_map(r->fd, r->sqes_size, IORING_OFF_SQES);
	ring_place(r, p, rings, sqes);
}

/* 0, or the negative errno of io_uring_setup. */
static inline int ring_open(struct rawring *r, unsigned entries, const struct io_uring_params *wanted)
{
	struct io_uring_params p = { 0 };
	memset(r, 0, sizeof(*r));
	if (wanted)
		p = *wanted;
	r->fd = (int)raw_setup(entries, &p);
	if (r->fd < 0)
		return r->fd;
	ring_map_all(r, &p);
	return 0;
}

static inline void ring_unmap(struct rawring *r)
{
	raw6(SYS_munmap, (long)r->rings, (long)r->rings_size, 0, 0, 0, 0);
	raw6(SYS_munmap, (long)r->sqes, (long)r->sqes_size, 0, 0, 0, 0);
}

/* After it has been resized. */
static inline void ring_map_again(struct rawring *r, const struct io_uring_params *p)
{
	ring_unmap(r);
	ring_map_all(r, p);
}

/* As liburing: unmapped, then closed by an inline call. */
static inline void ring_close(struct rawring *r)
{
	ring_unmap(r);
	raw6(SYS_close, r->fd, 0, 0, 0, 0, 0);
}

/* The next entry, cleared; it is queued. */
static inline struct io_uring_sqe *ring_sqe(struct rawring *r, int opcode, int fd, unsigned long user_data)
{
	unsigned tail = *r->sq_tail, at = tail & *r->sq_mask;
	struct io_uring_sqe *e = (struct io_uring_sqe *)(r->sqes + ((size_t)at << r->sqe_shift));

	if (tail - __atomic_load_n(r->sq_head, __ATOMIC_ACQUIRE) >= r->entries) {
		printf("no room for an entry = %u\n", tail);
		exit(1);
	}
	memset(e, 0, sizeof(*e));
	e->opcode = (unsigned char)opcode;
	e->fd = fd;
	e->user_data = user_data;
	if (r->sq_array)
		r->sq_array[at] = at;
	__atomic_store_n(r->sq_tail, tail + 1, __ATOMIC_RELEASE);
	r->queued++;
	return e;
}

static inline long ring_submit(struct rawring *r, unsigned wait)
{
	unsigned n = r->queued;

	r->queued = 0;
	return raw_enter(r->fd, n, wait, wait ? IORING_ENTER_GETEVENTS : 0, NULL, 0);
}

static inline unsigned ring_ready(struct rawring *r) { return __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE) - *r->cq_head; }

/* Takes one completion; false: there is none. */
static inline int ring_take(struct rawring *r, struct io_uring_cqe *ret)
{
	if (ring_ready(r) == 0)
		return 0;
	memcpy(ret, r->cqes + ((size_t)(*r->cq_head & *r->cq_mask) << r->cqe_shift), sizeof(*ret));
	__atomic_store_n(r->cq_head, *r->cq_head + 1, __ATOMIC_RELEASE);
	return 1;
}
