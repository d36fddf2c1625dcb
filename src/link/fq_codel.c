/*
 * FQ-CoDel: each flow has a queue of its own with CoDel on it, and flows take turns of a quantum of octets. One that had nothing waiting goes first
 * for one turn, so that sparse traffic passes what fills the link.
 *
 *     frame ─hash of its 5-tuple─► flow ──► new flows ─┐  first; after its quantum, or when empty:
 *                                          old flows ◄─┘  in turn, until empty
 *
 * When the whole is full, the flow with the most octets loses up to half of them from its head.
 *
 * Read first: RFC 8290 §4.
 */
#include "link/queue.h"
#include <errno.h>
#include <stdlib.h>
#include "wire/wire.h"

#define DROP_BATCH 64

struct flow { struct list node; struct fifo frames; struct codel state; int64_t deficit; };
struct fq_codel { struct queue q; struct siphash_key key; struct flow *flows; struct list fresh, old; };

static struct fq_codel *fq_of(struct queue *q) { return container_of(q, struct fq_codel, q); }

static int start(struct queue *q)
{
	struct fq_codel *fq = fq_of(q);
	fq->flows = calloc(q->how.flows, sizeof *fq->flows);
	if (!fq->flows) return -ENOMEM;
	fq->key = (struct siphash_key){random_next(q->random), random_next(q->random)};
	list_init(&fq->fresh);
	list_init(&fq->old);
	for (uint32_t i = 0; i < q->how.flows; i++) {
		list_init(&fq->flows[i].node);
		fifo_init(&fq->flows[i].frames);
	}
	return 0;
}

static void end(struct queue *q) { free(fq_of(q)->flows); }

/* ---- whose a frame is ---- */

struct tuple { struct addr src, dst; uint32_t ports, proto; };

/* Only the first fragment has ports: all of a datagram's go by its addresses. */
static void add_ports(struct tuple *t, uint8_t proto, const uint8_t *p, size_t n)
{
	t->proto = proto;
	if ((proto == IP_PROTO_TCP || proto == IP_PROTO_UDP || proto == IP_PROTO_UDPLITE) && n >= sizeof t->ports) memcpy(&t->ports, p, sizeof t->ports);
}

static struct tuple tuple_of(const struct packet *p)
{
	struct tuple t;
	struct eth_hdr eth;
	struct ip4_hdr h4;
	struct ip6_hdr h6;
	memset(&t, 0, sizeof t);
	if (eth_parse(&eth, p->data, p->len) < 0) return t;
	const uint8_t *ip = p->data + ETH_HDR_LEN;
	size_t n = p->len - ETH_HDR_LEN;
	t.proto = eth.type;
	if (eth.type == ETH_TYPE_IP4 && ip4_parse(&h4, ip, n) >= 0) {
		t.src = h4.src;
		t.dst = h4.dst;
		if (!h4.mf && h4.frag_off == 0) add_ports(&t, h4.proto, ip + ip4_hdr_len(&h4), n - ip4_hdr_len(&h4));
	} else if (eth.type == ETH_TYPE_IP6 && ip6_parse(&h6, ip, n) >= 0) {
		t.src = h6.src;
		t.dst = h6.dst;
		add_ports(&t, h6.next, ip + IP6_HDR_LEN, n - IP6_HDR_LEN);
	}
	return t;
}

static struct flow *flow_of(const struct fq_codel *fq, const struct packet *p)
{
	struct tuple t = tuple_of(p);
	return &fq->flows[siphash(&fq->key, &t, sizeof t) % fq->q.how.flows];
}

/* ---- the queue ---- */

static void shed(struct fq_codel *fq, time_ns now)
{
	struct flow *fat = fq->flows;
	for (uint32_t i = 1; i < fq->q.how.flows; i++)
		if (fq->flows[i].frames.octets > fat->frames.octets) fat = &fq->flows[i];
	uint64_t half = fat->frames.octets / 2;
	for (unsigned n = 0; n < DROP_BATCH && fat->frames.count > 0 && (n == 0 || fat->frames.octets > half); n++)
		queue_drop(&fq->q, fifo_pop(&fat->frames), DROP_LINK_QUEUE, now);
}

static enum drop_reason enqueue(struct queue *q, struct transit *f, time_ns now)
{
	struct fq_codel *fq = fq_of(q);
	struct flow *flow = flow_of(fq, f->p);
	fifo_push(&flow->frames, f);
	if (list_empty(&flow->node)) {
		flow->deficit = q->how.quantum;
		list_append(&fq->fresh, &flow->node);
	}
	if (q->count > q->limit) shed(fq, now);
	return DROP_NONE;
}

static struct transit *dequeue(struct queue *q, time_ns now)
{
	struct fq_codel *fq = fq_of(q);
	while (!list_empty(&fq->fresh) || !list_empty(&fq->old)) {
		bool fresh = !list_empty(&fq->fresh);
		struct flow *flow = list_first(fresh ? &fq->fresh : &fq->old, struct flow, node);
		struct transit *f = flow->deficit > 0 ? codel_dequeue(&flow->state, q, &flow->frames, now) : NULL;
		if (f) {
			flow->deficit -= f->p->len;
			return f;
		}
		bool again = flow->deficit <= 0;
		if (again) flow->deficit += q->how.quantum;
		list_remove(&flow->node);
		/* RFC 8290 §4.2: an empty new flow passes through the old ones, or it would be new again and again. */
		if (again || (fresh && !list_empty(&fq->old))) list_append(&fq->old, &flow->node);
	}
	return NULL;
}

static struct transit *take(struct queue *q)
{
	struct fq_codel *fq = fq_of(q);
	list_each (struct flow, flow, &fq->fresh, node)
		if (flow->frames.count) return fifo_pop(&flow->frames);
	list_each (struct flow, flow, &fq->old, node)
		if (flow->frames.count) return fifo_pop(&flow->frames);
	return NULL;
}

const struct queue_ops fq_codel_queue = {sizeof(struct fq_codel), start, enqueue, dequeue, take, NULL, end};
