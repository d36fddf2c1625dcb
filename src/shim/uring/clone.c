/* IORING_REGISTER_CLONE_BUFFERS: buffers that another ring has registered are registered here, too, in part or all. */
#include "shim/uring/uring.h"

/* How large the table is to be: or -errno. */
static long range_check(const struct ring *g, const struct ring *from, struct uring_clone *c)
{
	uint32_t end;
	if (c->nr == 0 && (c->dst_off || c->src_off)) return -EINVAL;
	if (from->buffers.n == 0) return -ENXIO;
	if (c->nr == 0) c->nr = from->buffers.n;
	if (c->nr > from->buffers.n) return -EINVAL;
	if (__builtin_add_overflow(c->nr, c->src_off, &end) || end > from->buffers.n) return -EOVERFLOW;
	if (__builtin_add_overflow(c->nr, c->dst_off, &end)) return -EOVERFLOW;
	if (end > BUFFERS_MAX) return -EINVAL;
	return MAX(end, g->buffers.n);
}

static long table_clone(struct ring *g, struct ring *from, struct uring_clone *c)
{
	ring_lock(from);
	long n = range_check(g, from, c);
	struct buffer *at = n < 0 ? NULL : uring_pages((size_t)n * sizeof *at);
	for (uint32_t i = 0; at && i < c->nr; i++) at[c->dst_off + i] = (struct buffer){.v = from->buffers.at[c->src_off + i].v};
	ring_unlock(from);
	if (n < 0) return n;
	if (!at) return -ENOMEM;
	ring_lock(g);
	struct buffer_table old = g->buffers;
	for (uint32_t i = 0; i < old.n; i++) {
		bool replaced = i >= c->dst_off && i - c->dst_off < c->nr;
		if (replaced) continue;
		at[i] = old.at[i];
		old.at[i].tag = NULL;
	}
	g->buffers = (struct buffer_table){at, (uint32_t)n};
	ring_unlock(g);
	buffer_table_free(&old);
	return 0;
}

long buffers_clone(struct ring *g, const struct uring_clone *arg)
{
	struct uring_clone c;
	long err;
	if (user_get(c, arg) != 0) return -EFAULT;
	if (c.flags & ~(uint32_t)(URING_CLONE_SRC_REGISTERED | URING_CLONE_DST_REPLACE)) return -EINVAL;
	if (!(c.flags & URING_CLONE_DST_REPLACE) && g->buffers.at) return -EBUSY;
	if (c.pad[0] || c.pad[1] || c.pad[2]) return -EINVAL;
	struct ring *from = ring_hold((int)c.src_fd, c.flags & URING_CLONE_SRC_REGISTERED, &err);
	if (!from) return err;
	int issuer = atomic_load(&from->issuer);
	err = issuer != 0 && issuer != (int)sys(SYS_gettid) ? -EEXIST : table_clone(g, from, &c);
	ring_release(from);
	return err;
}
