/*
 * A byte queue in one circular buffer, whose capacity is a power of two.
 *
 *     |.....=======|      start = 5, len = 7
 *     |==.......===|      the same after wrapping: start = 9, len = 5
 */
#include "base/ring.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define RING_MIN_CAP 4096

void ring_init(struct ring *r) { *r = (struct ring){0}; }

void ring_free(struct ring *r)
{
	free(r->buf);
	ring_init(r);
}

static int reserve(struct ring *r, size_t need)
{
	if (need <= r->cap) return 0;
	uint32_t cap = r->cap ? r->cap : RING_MIN_CAP;
	while (cap < need) {
		if (cap > UINT32_MAX / 2) return -ENOMEM;
		cap *= 2;
	}
	uint8_t *buf = malloc(cap);
	if (!buf) return -ENOMEM;
	ring_peek(r, 0, buf, r->len);
	free(r->buf);
	*r = (struct ring){buf, cap, 0, r->len};
	return 0;
}

int ring_append(struct ring *r, const void *data, size_t len)
{
	if (len == 0) return 0;
	if (len > SIZE_MAX - r->len) return -ENOMEM;
	int err = reserve(r, r->len + len);
	if (err < 0) return err;
	size_t end = (r->start + r->len) & (r->cap - 1);
	size_t first = MIN(len, r->cap - end);
	memcpy(r->buf + end, data, first);
	memcpy(r->buf, (const uint8_t *)data + first, len - first);
	r->len += (uint32_t)len;
	return 0;
}

void ring_peek(const struct ring *r, size_t offset, void *to, size_t len)
{
	assert(offset <= r->len && len <= r->len - offset);
	if (len == 0) return;
	size_t from = (r->start + offset) & (r->cap - 1);
	size_t first = MIN(len, r->cap - from);
	memcpy(to, r->buf + from, first);
	memcpy((uint8_t *)to + first, r->buf, len - first);
}

void ring_consume(struct ring *r, size_t len)
{
	assert(len <= r->len);
	if (len == r->len) {
		ring_free(r);
		return;
	}
	r->start = (r->start + (uint32_t)len) & (r->cap - 1);
	r->len -= (uint32_t)len;
}
