/*
 * UDP_GRO: datagrams that one send made (UDP_SEGMENT) come as one message to who asked for that, with their size beside it, as Linux leaves them whole
 * between its devices. The pieces know each other by what the sender's stack wrote into the packets; those that are lost on the way are missing in the
 * message, and a piece that is smaller than the others ends it. SO_RCVBUF takes all of a message or nothing.
 */
#include "stack/inet/udp.h"

static struct packet *last_of(const struct dgram_sock *ds) { return list_empty(&ds->queue) ? NULL : list_last(&ds->queue, struct packet, node); }

static bool follows(const struct dgram_sock *ds, const struct packet *last, const struct packet *p)
{
	if (p->gso_first || p->gso_size != last->gso_size || last->len % p->gso_size || last->len + p->len > PACKET_MAX) return false;
	return addr_eq(&p->src, &last->src) && addr_eq(&p->dst, &last->dst) && dgram_port_at(ds, p, 0) == dgram_port_at(ds, last, 0);
}

/* The last message with room for more, perhaps elsewhere; NULL: no memory. */
static struct packet *with_room(struct packet *last, uint32_t more)
{
	uint16_t off = packet_off(last);
	struct packet *q;
	uint32_t cap;

	if (off + last->len + more <= last->cap) return last;
	q = packet_new(off, PACKET_MAX);
	if (!q) return NULL;
	cap = q->cap;
	memcpy(q, last, sizeof *q + off + last->len);
	q->cap = cap;
	q->data = q->head + off;
	list_init(&q->node);
	list_insert_before(&last->node, &q->node);
	list_remove(&last->node);
	packet_free(last);
	return q;
}

static void join(struct udp_sock *us, struct packet *last, struct packet *p)
{
	struct dgram_sock *ds = &us->ds;
	struct stack *s = ds->is.sk.stack;
	uint32_t before = dgram_charge(ds, last), after = datagram_charge_of_pieces(last->len + p->len);
	uint64_t others = (uint64_t)ds->queued + ds->is.sk.lent - before;
	bool fits = !others || others + after <= ds->is.sk.rcvbuf;

	if (fits) last = with_room(last, p->len);
	if (!fits || !last) {
		us->gro_dropping = true;
		ds->drops++;
		if (last) dgram_dequeue(ds, last), stack_drop(s, last, DROP_SOCK_RCVBUF);
		stack_drop(s, p, DROP_SOCK_RCVBUF);
		return;
	}
	memcpy(last->data + last->len, p->data, p->len);
	last->len += p->len;
	ds->queued += after - before;
	packet_free(p);
	sock_ready(&ds->is.sk);
}

void udp_enqueue(struct udp_sock *us, struct packet *p)
{
	struct dgram_sock *ds = &us->ds;
	struct packet *last = us->gro && p->gso_size ? last_of(ds) : NULL;
	bool piece = us->gro && p->gso_size && !p->gso_first;
	uint32_t drops = ds->drops;

	if (us->gro_dropping && piece) {
		stack_drop(ds->is.sk.stack, p, DROP_SOCK_RCVBUF);
		return;
	}
	us->gro_dropping = false;
	if (last && follows(ds, last, p)) {
		join(us, last, p);
		return;
	}
	dgram_enqueue(ds, p);
	us->gro_dropping = ds->drops != drops;
}
