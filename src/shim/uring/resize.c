/*
 * IORING_REGISTER_RESIZE_RINGS: queues of other sizes, with what is in them. They stay where they are in the ring's file, so what is in them is taken out,
 * and put in again at its places by the new masks. Only rings whose one thread does all have it (DEFER_TASKRUN): nobody else reads meanwhile. Our own
 * mapping was made as large as queues can become.
 */
#include <sys/mman.h>
#include "shim/uring/uring.h"

struct kept { uint8_t *at; uint32_t from, n; };

/* Entries from..from+n of a queue of `entries`. */
static int keep(struct kept *k, const uint8_t *queue, uint32_t entries, uint32_t size, uint32_t from, uint32_t n)
{
	*k = (struct kept){NULL, from, n};
	if (n == 0) return 0;
	if (!(k->at = uring_pages((size_t)n * size))) return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) memcpy(k->at + (size_t)i * size, queue + (size_t)((from + i) & (entries - 1)) * size, size);
	return 0;
}

static void put_back(const struct kept *k, uint8_t *queue, uint32_t entries, uint32_t size)
{
	for (uint32_t i = 0; i < k->n; i++) memcpy(queue + (size_t)((k->from + i) & (entries - 1)) * size, k->at + (size_t)i * size, size);
}

static void kept_free(const struct kept *k, uint32_t size)
{
	if (k->at) sys(SYS_munmap, k->at, (size_t)k->n * size);
}

/* Under ring.lock and shared.cq_lock. */
static int resize(struct ring *g, struct io_uring_params *p)
{
	uint32_t taken = atomic_load(&g->shared->sq_taken), posted = atomic_load(&g->shared->cq_posted), head = shared_get32(g->cq_head);
	uint32_t queued = shared_get32(g->sq_tail) - taken, ready = posted - head;
	struct kept sqes = {0}, cqes = {0};
	if (queued > p->sq_entries || ready > p->cq_entries) return -EOVERFLOW;
	int err = keep(&sqes, g->sqes, g->sq_entries, g->sqe_size, taken, MIN(queued, g->sq_entries));
	if (err == 0) err = keep(&cqes, g->cqes, g->cq_entries, g->cqe_size, head, MIN(ready, g->cq_entries));
	if (err == 0) err = ring_layout(g, p);
	if (err == 0) {
		put_back(&sqes, g->sqes, g->sq_entries, g->sqe_size);
		put_back(&cqes, g->cqes, g->cq_entries, g->cqe_size);
	}
	kept_free(&sqes, g->sqe_size);
	kept_free(&cqes, g->cqe_size);
	return err;
}

long ring_resize(struct ring *g, struct io_uring_params *arg)
{
	struct io_uring_params p;
	if (!(g->setup_flags & IORING_SETUP_DEFER_TASKRUN) || g->memory_is_theirs) return -EINVAL;
	if (user_get(p, arg) != 0) return -EFAULT;
	if (p.flags & ~(uint32_t)(IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP)) return -EINVAL;
	p.flags |= g->setup_flags & RING_LAYOUT_FLAGS;
	int err = ring_entries_choose(p.sq_entries, &p);
	if (err < 0) return err;
	ring_lock(g);
	shared_lock(&g->shared->cq_lock);
	err = resize(g, &p);
	shared_unlock(&g->shared->cq_lock);
	ring_unlock(g);
	return err < 0 ? err : user_put(arg, p);
}
