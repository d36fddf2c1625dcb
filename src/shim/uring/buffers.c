/*
 * Registered buffers, which the kernel pins for speed and we only check: a request may use what lies wholly inside the one that it names. A slot may be
 * empty, or change while requests are on what was there.
 */
#include <sys/mman.h>
#include "shim/uring/uring.h"

#define BUFFER_SIZE_MAX ((size_t)1 << 30)

static int buffer_check(const struct iovec *v)
{
	if (!v->iov_base) return v->iov_len ? -EFAULT : 0;
	if (v->iov_len == 0 || v->iov_len > BUFFER_SIZE_MAX) return -EFAULT;
	return user_there(v->iov_base, v->iov_len) ? 0 : -EFAULT;
}

/* The i-th that the program names. from NULL: empty; tags NULL: none has a tag. */
static int buffer_make(struct ring *g, const struct iovec *from, const uint64_t *tags, uint32_t i, struct buffer *ret)
{
	struct buffer b = {0};
	uint64_t tag = 0;
	if (from && user_get(b.v, from + i) != 0) return -EFAULT;
	int err = buffer_check(&b.v);
	if (err == 0 && tags) err = user_get(tag, tags + i);
	if (err == 0 && tag != 0 && !b.v.iov_base) err = -EINVAL;
	if (err == 0) err = tag_new(g, tag, &b.tag);
	if (err == 0) *ret = b;
	return err;
}

/* Those who registered them are told, where they have given tags. */
void buffer_table_free(struct buffer_table *t)
{
	for (uint32_t i = 0; i < t->n; i++) tag_end(t->at[i].tag);
	if (t->at) sys(SYS_munmap, t->at, t->n * sizeof *t->at);
}

long buffers_register(struct ring *g, const struct iovec *iov, const uint64_t *tags, uint32_t n)
{
	struct buffer_table t = {.n = n};
	int err = 0;
	if (g->buffers.at) return -EBUSY;
	if (n == 0 || n > BUFFERS_MAX) return -EINVAL;
	if (!(t.at = uring_pages(n * sizeof *t.at))) return -ENOMEM;
	for (uint32_t i = 0; i < n && err == 0; i++) err = buffer_make(g, iov, tags, i, &t.at[i]);
	if (err < 0) {
		for (uint32_t i = 0; i < n; i++) {
			tag_forget(t.at[i].tag);
			t.at[i].tag = NULL;
		}
		buffer_table_free(&t);
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
	buffer_table_free(&t);
	return 0;
}

long buffers_update(struct ring *g, uint32_t offset, const struct iovec *iov, const uint64_t *tags, uint32_t n)
{
	uint32_t i = 0, end;
	int err = 0;
	if (__builtin_add_overflow(offset, n, &end)) return -EOVERFLOW;
	if (!g->buffers.at) return -ENXIO;
	if (end > g->buffers.n) return -EINVAL;
	for (; i < n; i++) {
		struct buffer b;
		if ((err = buffer_make(g, iov, tags, i, &b)) < 0) break;
		ring_lock(g);
		struct buffer old = g->buffers.at[offset + i];
		g->buffers.at[offset + i] = b;
		tag_drop(old.tag);
		ring_unlock(g);
	}
	return i > 0 ? (long)i : err;
}

/* The request's, which holds it to its end. */
int buffer_fixed(struct request *r, unsigned index)
{
	struct ring *g = r->ring;
	ring_lock(g);
	struct buffer b = index < g->buffers.n ? g->buffers.at[index] : (struct buffer){0};
	if (b.v.iov_base && !r->fixed) tag_hold(r->buffer_tag = b.tag);
	ring_unlock(g);
	if (!b.v.iov_base) return -EFAULT;
	if (!r->fixed) r->fixed_buffer = b.v;
	r->fixed = true;
	for (size_t i = 0; i < r->msg.msg_iovlen; i++) {
		uintptr_t from = (uintptr_t)r->fixed_buffer.iov_base, wanted = (uintptr_t)r->msg.msg_iov[i].iov_base;
		size_t len = r->msg.msg_iov[i].iov_len, size = r->fixed_buffer.iov_len;
		if (wanted < from || len > size || wanted - from > size - len) return -EFAULT;
	}
	return 0;
}
