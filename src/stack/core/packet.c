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

struct packet *packet_with_headroom(struct packet *p, size_t headroom)
{
	size_t have = (size_t)(p->data - p->head), more = have < headroom ? headroom - have : 0;
	struct packet *q;

	if (!more) return p;
	q = malloc(sizeof *q + p->cap + more);
	if (q) {
		memcpy(q, p, sizeof *p);
		list_init(&q->node);
		memcpy(q->head + more, p->head, have + p->len);
		q->data = q->head + headroom;
		q->cap += (uint32_t)more;
		q->mac_off = (uint16_t)(p->mac_off ? p->mac_off + more : 0);
		q->net_off = (uint16_t)(p->net_off ? p->net_off + more : 0);
		q->trans_off = (uint16_t)(p->trans_off ? p->trans_off + more : 0);
	}
	packet_free(p);
	return q;
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
