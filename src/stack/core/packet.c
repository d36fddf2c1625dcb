/* Packet buffers: packet.h has the drawing. */
#include "stack/core/packet.h"
#include <assert.h>
#include <stdlib.h>

struct packet *packet_new(size_t headroom, size_t len)
{
	struct packet *p = malloc(sizeof *p + headroom + len);

	if (!p) return NULL;
	memset(p, 0, sizeof *p);
	list_init(&p->node);
	p->data = p->head + headroom;
	p->len = (uint32_t)len;
	p->cap = (uint32_t)(headroom + len);
	return p;
}

struct packet *packet_copy(const struct packet *p)
{
	struct packet *copy = malloc(sizeof *copy + p->cap);

	if (!copy) return NULL;
	/* The octets behind the current data are nobody's any more: only those up to its end are copied. */
	memcpy(copy, p, sizeof *p + (size_t)(p->data - p->head) + p->len);
	list_init(&copy->node);
	copy->data = copy->head + (p->data - p->head);
	return copy;
}

void packet_free(struct packet *p)
{
	free(p);
}

uint8_t *packet_push(struct packet *p, size_t n)
{
	assert(n <= (size_t)(p->data - p->head));
	p->data -= n;
	p->len += (uint32_t)n;
	return p->data;
}

uint8_t *packet_pull(struct packet *p, size_t n)
{
	assert(n <= p->len);
	p->data += n;
	p->len -= (uint32_t)n;
	return p->data;
}

void packet_trim(struct packet *p, size_t len)
{
	if (len < p->len) p->len = (uint32_t)len;
}
