/*
 * Buffers that the program hands over beforehand: groups of provided ones, of which a request takes the next when it has something to put there; and
 * registered ones, which the kernel pins for speed and we only check. A group is a list given by PROVIDE_BUFFERS, or a ring in the program's
 * memory, read word by word, with an end that the program moves.
 */
#include <sys/mman.h>
#include "shim/uring/uring.h"

#define ENTRIES_MAX 32768u
#define BUFFERS_MAX 16384u
#define BUFFER_SIZE_MAX ((size_t)1 << 30)
#define PAGE 4096u

/* ---- groups; under ring.selecting ---- */

static void select_lock(struct ring *g)
{
	critical_enter();
	lock_take(&g->selecting);
}

static void select_unlock(struct ring *g)
{
	lock_drop(&g->selecting);
	critical_leave();
}

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
	b->used = false;
}

void groups_free(struct ring *g)
{
	for (uint32_t i = 0; g->groups && i < GROUPS_MAX; i++)
		if (g->groups[i].used) group_free(&g->groups[i]);
	if (g->groups) sys(SYS_munmap, g->groups, GROUPS_MAX * sizeof *g->groups);
	g->groups = NULL;
}

static int ring_next(struct buffer_group *b, struct io_uring_buf *ret)
{
	uint16_t tail;
	if (user_copy(&tail, &((struct io_uring_buf_ring *)b->at)->tail, sizeof tail) != 0) return -EFAULT;
	if (tail == (uint16_t)b->head) return -ENOBUFS;
	return user_get(*ret, &b->at[b->head & b->mask]);
}

int buffer_select(struct request *r, size_t len, struct iovec *ret)
{
	struct io_uring_buf buf = {0};
	select_lock(r->ring);
	struct buffer_group *b = group_of(r->ring, r->sqe.buf_group);
	int err = -ENOBUFS;
	if (b && b->is_ring) err = ring_next(b, &buf);
	else if (b && b->count > 0) {
		buf = b->at[b->count - 1];
		err = 0;
	}
	if (err < 0) return err;
	*ret = (struct iovec){(void *)(uintptr_t)buf.addr, len == 0 ? buf.len : MIN(len, buf.len)};
	r->flags = IORING_CQE_F_BUFFER | (unsigned)buf.bid << IORING_CQE_BUFFER_SHIFT;
	return 0;
}

void buffer_settle(struct request *r, bool taken)
{
	struct buffer_group *b = group_of(r->ring, r->sqe.buf_group);
	if (!taken) r->flags = 0;
	else if (b->is_ring) b->head++;
	else b->count--;
	select_unlock(r->ring);
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
	select_lock(g);
	struct buffer_group *b = group_of(g, id);
	if (!b) b = group_new(g, id);
	int err = !b ? -ENOMEM : b->is_ring ? -EINVAL : group_grow(b, n);
	if (err == 0) group_add(b, addr, len, n, bid);
	select_unlock(g);
	return err;
}

long group_remove(struct ring *g, uint16_t id, uint32_t n)
{
	select_lock(g);
	struct buffer_group *b = group_of(g, id);
	long r = !b ? -ENOENT : b->is_ring ? -EINVAL : (long)MIN(n, b->count);
	if (r > 0) b->count -= (uint32_t)r;
	select_unlock(g);
	return r;
}

long group_ring_register(struct ring *g, const struct io_uring_buf_reg *reg)
{
	uint32_t n = reg->ring_entries;
	if (reg->pad || reg->resv[0] || reg->resv[1] || reg->resv[2]) return -EINVAL;
	if (reg->ring_addr == 0) return -EFAULT;
	if (reg->ring_addr % PAGE != 0 || n == 0 || (n & (n - 1)) != 0 || n > ENTRIES_MAX) return -EINVAL;
	if (!user_there((void *)(uintptr_t)reg->ring_addr, n * sizeof(struct io_uring_buf))) return -EFAULT;
	select_lock(g);
	struct buffer_group *b = group_of(g, reg->bgid);
	int err = b && (b->is_ring || b->count > 0) ? -EEXIST : 0;
	if (err == 0 && b) group_free(b);
	if (err == 0 && !(b = group_new(g, reg->bgid))) err = -ENOMEM;
	if (err == 0) {
		b->is_ring = true;
		b->mask = n - 1;
		b->at = (struct io_uring_buf *)(uintptr_t)reg->ring_addr;
	}
	select_unlock(g);
	return err;
}

long group_ring_unregister(struct ring *g, uint16_t id)
{
	select_lock(g);
	struct buffer_group *b = group_of(g, id);
	int err = !b ? -ENOENT : !b->is_ring ? -EINVAL : 0;
	if (err == 0) group_free(b);
	select_unlock(g);
	return err;
}

/* ---- registered ---- */

static int buffer_check(const struct iovec *v)
{
	if (!v->iov_base) return v->iov_len ? -EFAULT : 0;
	if (v->iov_len == 0 || v->iov_len > BUFFER_SIZE_MAX) return -EFAULT;
	return user_there(v->iov_base, v->iov_len) ? 0 : -EFAULT;
}

long buffers_register(struct ring *g, const struct iovec *iov, uint32_t n)
{
	struct buffer_table t = {.n = n};
	int err = 0;
	if (g->buffers.at) return -EBUSY;
	if (n == 0 || n > BUFFERS_MAX) return -EINVAL;
	if (!(t.at = uring_pages(n * sizeof *t.at))) return -ENOMEM;
	for (uint32_t i = 0; i < n && iov && err == 0; i++) {
		err = user_get(t.at[i], iov + i);
		if (err == 0) err = buffer_check(&t.at[i]);
	}
	if (err < 0) {
		sys(SYS_munmap, t.at, n * sizeof *t.at);
		return err;
	}
	ring_lock(g);
	g->buffers = t;
	ring_unlock(g);
	return 0;
}

long buffers_unregister(struct ring *g)
{
	ring_lock(g);
	struct buffer_table t = g->buffers;
	g->buffers = (struct buffer_table){0};
	ring_unlock(g);
	if (!t.at) return -ENXIO;
	sys(SYS_munmap, t.at, t.n * sizeof *t.at);
	return 0;
}

int buffer_fixed(struct ring *g, unsigned index, const void *at, size_t len)
{
	ring_lock(g);
	struct iovec v = index < g->buffers.n ? g->buffers.at[index] : (struct iovec){0};
	ring_unlock(g);
	if (!v.iov_base) return -EFAULT;
	uintptr_t from = (uintptr_t)v.iov_base, wanted = (uintptr_t)at;
	return wanted < from || len > v.iov_len || wanted - from > v.iov_len - len ? -EFAULT : 0;
}
