/*
 * Provided buffers, in groups: a request takes the next one when it has something to put there. A group is a list given by PROVIDE_BUFFERS, or a ring in
 * the program's memory, read word by word, with an end that the program moves; that memory is the program's own, or a part of the ring's file, which the
 * program maps.
 *
 * A ring's buffers may be consumed bit by bit: then what is left of one is written back, and it is taken again until nothing is.
 */
#include <sys/mman.h>
#include "shim/uring/uring.h"

#define ENTRIES_MAX 32768u

/* ---- under ring.selecting ---- */

static struct buffer_group *group_of(struct ring *g, uint16_t id)
{
	for (uint32_t i = 0; g->groups && i < GROUPS_MAX; i++)
		if (g->groups[i].used && g->groups[i].id == id) return &g->groups[i];
	return NULL;
}

static struct buffer_group *group_new(struct ring *g, uint16_t id)
{
	if (!g->groups) g->groups = uring_pages(GROUPS_MAX * sizeof *g->groups);
	for (uint32_t i = 0; g->groups && i < GROUPS_MAX; i++) {
		if (g->groups[i].used) continue;
		g->groups[i] = (struct buffer_group){.id = id, .used = true};
		return &g->groups[i];
	}
	return NULL;
}

static void group_free(struct buffer_group *b)
{
	if (b->room > 0) sys(SYS_munmap, b->at, b->room * sizeof *b->at);
	if (b->mapped > 0) sys(SYS_munmap, b->at, b->mapped);
	b->used = false;
}

void groups_free(struct ring *g)
{
	for (uint32_t i = 0; g->groups && i < GROUPS_MAX; i++)
		if (g->groups[i].used) group_free(&g->groups[i]);
	if (g->groups) sys(SYS_munmap, g->groups, GROUPS_MAX * sizeof *g->groups);
	g->groups = NULL;
}

/* How many a group has. */
static long group_left(const struct buffer_group *b)
{
	uint16_t tail;
	if (!b->is_ring) return b->count;
	if (user_copy(&tail, &((struct io_uring_buf_ring *)b->at)->tail, sizeof tail) != 0) return -EFAULT;
	return (uint16_t)(tail - (uint16_t)b->head);
}

/* The i-th next. */
static int group_peek(const struct buffer_group *b, uint32_t i, struct io_uring_buf *ret)
{
	if (b->is_ring) return user_get(*ret, &b->at[(b->head + i) & b->mask]);
	*ret = b->at[b->count - 1 - i];
	return 0;
}

int buffers_select(struct request *r, size_t len, struct iovec *to, int max)
{
	struct io_uring_buf buf = {0};
	size_t room = len == 0 ? SIZE_MAX : len;
	lock_enter(&r->ring->selecting);
	struct buffer_group *b = group_of(r->ring, r->sqe.buf_group);
	long left = b ? group_left(b) : 0, n = 0;
	if (left <= 0) return left < 0 ? (int)left : -ENOBUFS;
	for (long most = b->is_ring ? MIN(left, (long)max) : 1; n < most && room > 0; n++) {
		if (group_peek(b, (uint32_t)n, &buf) != 0) return -EFAULT;
		to[n] = (struct iovec){(void *)(uintptr_t)buf.addr, MIN(room, buf.len)};
		room -= to[n].iov_len;
		if (n == 0) r->flags = IORING_CQE_F_BUFFER | (unsigned)buf.bid << IORING_CQE_BUFFER_SHIFT;
	}
	return (int)n;
}

/* What n octets have used up of a ring's buffers: does the last one touched have room left? */
static bool ring_consume(struct buffer_group *b, size_t n)
{
	struct io_uring_buf buf;
	for (; n > 0 && user_get(buf, &b->at[b->head & b->mask]) == 0; b->head++) {
		size_t part = MIN(n, buf.len);
		n -= part;
		buf.len -= (uint32_t)part;
		if (buf.len > 0 && part > 0) buf.addr += part;
		if (user_copy(&b->at[b->head & b->mask], &buf, offsetof(struct io_uring_buf, bid)) != 0 || buf.len > 0 || part == 0) return true;
	}
	return false;
}

bool buffers_settle(struct request *r, long n, const struct iovec *from)
{
	struct buffer_group *b = group_of(r->ring, r->sqe.buf_group);
	if (n <= 0) r->flags = 0;
	else if (!b->is_ring) b->count--;
	else if (!b->incremental)
		for (size_t left = (size_t)n; left > 0; from++, b->head++) left -= MIN(left, from->iov_len);
	else if (ring_consume(b, (size_t)n)) r->flags |= URING_CQE_BUF_MORE;
	bool more = b && group_left(b) > 0;
	lock_leave(&r->ring->selecting);
	return more;
}

static int group_grow(struct buffer_group *b, uint32_t more)
{
	uint32_t room = b->room ? b->room : 128;
	if (more > ENTRIES_MAX * 2 - b->count) return -EOVERFLOW;
	while (room < b->count + more) room *= 2;
	if (room == b->room) return 0;
	struct io_uring_buf *at = uring_pages(room * sizeof *at);
	if (!at) return -ENOMEM;
	if (b->room > 0) {
		memcpy(at, b->at, b->count * sizeof *at);
		sys(SYS_munmap, b->at, b->room * sizeof *at);
	}
	b->at = at;
	b->room = room;
	return 0;
}

/* The list is taken from its end: so new ones go below the old, and the first of them is taken first. */
static void group_add(struct buffer_group *b, uint64_t addr, uint32_t len, uint32_t n, uint16_t bid)
{
	memmove(b->at + n, b->at, b->count * sizeof *b->at);
	for (uint32_t i = 0; i < n; i++) b->at[n - 1 - i] = (struct io_uring_buf){.addr = addr + (uint64_t)i * len, .len = len, .bid = (uint16_t)(bid + i)};
	b->count += n;
}

long group_provide(struct ring *g, uint16_t id, uint64_t addr, uint32_t len, uint32_t n, uint16_t bid)
{
	lock_enter(&g->selecting);
	struct buffer_group *b = group_of(g, id);
	if (!b) b = group_new(g, id);
	int err = !b ? -ENOMEM : b->is_ring ? -EINVAL : group_grow(b, n);
	if (err == 0) group_add(b, addr, len, n, bid);
	lock_leave(&g->selecting);
	return err;
}

long group_remove(struct ring *g, uint16_t id, uint32_t n)
{
	lock_enter(&g->selecting);
	struct buffer_group *b = group_of(g, id);
	long r = !b ? -ENOENT : b->is_ring ? -EINVAL : (long)MIN(n, b->count);
	if (r > 0) b->count -= (uint32_t)r;
	lock_leave(&g->selecting);
	return r;
}

static int ring_memory(struct ring *g, const struct uring_group_reg *reg, struct buffer_group *b)
{
	size_t size = whole_pages(reg->ring_entries * sizeof *b->at);
	if (!(reg->flags & URING_PBUF_MMAP)) {
		if (reg->ring_addr == 0) return -EFAULT;
		if (reg->ring_addr % PAGE != 0) return -EINVAL;
		if (!user_there((void *)(uintptr_t)reg->ring_addr, size)) return -EFAULT;
		b->at = (struct io_uring_buf *)(uintptr_t)reg->ring_addr;
		return 0;
	}
	for (uint32_t i = 0; i < GROUPS_MAX; i++) {   /* a large one reaches into its neighbours' places */
		const struct buffer_group *o = &g->groups[i];
		int64_t between = ((int64_t)o->id - reg->bgid) * ((int64_t)1 << URING_PBUF_SHIFT);
		if (o->used && o->mapped > 0 && between < (int64_t)size && -between < (int64_t)o->mapped) return -ENOMEM;
	}
	int err = ring_memory_map(g, URING_OFF_PBUF_RING + ((uint64_t)reg->bgid << URING_PBUF_SHIFT), size, (void **)&b->at);
	if (err == 0) {
		memset(b->at, 0, size);
		b->mapped = size;
	}
	return err;
}

long group_ring_register(struct ring *g, const struct uring_group_reg *reg)
{
	uint32_t n = reg->ring_entries;
	if (reg->resv[0] || reg->resv[1] || reg->resv[2] || reg->flags & ~(URING_PBUF_MMAP | URING_PBUF_INCREMENTAL)) return -EINVAL;
	if (n == 0 || (n & (n - 1)) != 0 || n > ENTRIES_MAX) return -EINVAL;
	lock_enter(&g->selecting);
	struct buffer_group *b = group_of(g, reg->bgid);
	int err = b && (b->is_ring || b->count > 0) ? -EEXIST : 0;
	if (err == 0 && b) group_free(b);
	if (err == 0 && !(b = group_new(g, reg->bgid))) err = -ENOMEM;
	if (err == 0) {
		b->is_ring = true;
		b->incremental = reg->flags & URING_PBUF_INCREMENTAL;
		b->mask = n - 1;
		err = ring_memory(g, reg, b);
		if (err < 0) b->used = false;
	}
	lock_leave(&g->selecting);
	return err;
}

long group_ring_unregister(struct ring *g, uint16_t id)
{
	lock_enter(&g->selecting);
	struct buffer_group *b = group_of(g, id);
	int err = !b ? -ENOENT : !b->is_ring ? -EINVAL : 0;
	if (err == 0) group_free(b);
	lock_leave(&g->selecting);
	return err;
}

long group_status(struct ring *g, uint32_t id, uint32_t *ret_head)
{
	lock_enter(&g->selecting);
	struct buffer_group *b = id <= UINT16_MAX ? group_of(g, (uint16_t)id) : NULL;
	int err = !b ? -ENOENT : !b->is_ring ? -EINVAL : 0;
	if (err == 0) *ret_head = (uint16_t)b->head;
	lock_leave(&g->selecting);
	return err;
}
