/* Reassembly of fragments: reassembly.h says how. */
#include "stack/inet/reassembly.h"
#include <stdlib.h>
#include "stack/core/netif.h"
#include "stack/core/sysctl.h"
#include "stack/inet/inet_private.h"
#include "stack/inet/mib.h"

#define WORD_BITS 64

/* What fragments have to agree on to be of one datagram. */
struct key { struct addr src, dst; uint32_t id; int ifindex; uint8_t proto; char pad[7]; };

struct datagram {
	struct hash_node hash;
	struct list node;             /* frag_table.oldest */
	struct stack *stack;
	struct key key;
	struct timer timer;
	struct list fragments;        /* struct piece.node */
	struct piece *first;          /* the one at offset 0 */
	size_t end;                   /* octets of data, once the last fragment is there; else 0 */
	size_t highest;               /* end of the fragment that reaches the farthest */
	uint32_t blocks_have, mem_bytes;
	uint8_t ecn_seen;             /* bit n: a fragment with ECN field n */
	bool dead;                    /* overlapped: what still comes is dropped too (RFC 5722 §4) */
	uint64_t have[FRAG_BLOCKS / WORD_BITS];
};

struct piece { struct list node; struct packet *p; struct frag f; size_t len; };

void frag_table_init(struct frag_table *t)
{
	hash_init(&t->by_id);
	list_init(&t->oldest);
}

/* ---- memory ---- */

static void charge(struct datagram *d, size_t bytes)
{
	d->mem_bytes += (uint32_t)bytes;
	d->stack->inet->frags.mem_bytes += bytes;
}

static size_t piece_mem(const struct piece *pc)
{
	return sizeof *pc + sizeof *pc->p + pc->p->cap;
}

/* Lets the fragments go; the datagram itself stays. */
static void drop_pieces(struct datagram *d, enum drop_reason why)
{
	while (!list_empty(&d->fragments)) {
		struct piece *pc = list_entry(list_pop(&d->fragments), struct piece, node);
		size_t mem = piece_mem(pc);
		d->mem_bytes -= (uint32_t)mem;
		d->stack->inet->frags.mem_bytes -= mem;
		if (why == DROP_NONE) packet_free(pc->p);
		else stack_drop(d->stack, pc->p, why);
		free(pc);
	}
	d->first = NULL;
}

static void forget(struct datagram *d, enum drop_reason why)
{
	struct frag_table *t = &d->stack->inet->frags;

	drop_pieces(d, why);
	timer_clear(d->stack, &d->timer);
	t->mem_bytes -= d->mem_bytes;
	hash_remove(&t->by_id, &d->hash);
	list_remove(&d->node);
	free(d);
}

void frag_table_free(struct stack *s)
{
	struct frag_table *t = &s->inet->frags;

	while (!list_empty(&t->oldest))
		forget(list_first(&t->oldest, struct datagram, node), DROP_NONE);
	hash_free(&t->by_id);
}

static void make_room(struct stack *s)
{
	struct frag_table *t = &s->inet->frags;

	while (t->mem_bytes > (uint64_t)s->sysctl->ipfrag_high_thresh && !list_empty(&t->oldest))
		forget(list_first(&t->oldest, struct datagram, node), DROP_FRAG_LIMIT);
}

/* ---- datagrams in the making ---- */

static void expire(struct timer *t)
{
	struct datagram *d = container_of(t, struct datagram, timer);

	/* RFC 792, RFC 8200 §4.5: the sender is told only if the first fragment came. */
	if (d->first) icmp_complain(d->stack, d->first->p, ICMP_PROBLEM_REASSEMBLY, 0);
	forget(d, DROP_FRAG_TIMEOUT);
}

static struct datagram *find(struct frag_table *t, const struct key *k, uint64_t h)
{
	for (struct hash_node *n = hash_first(&t->by_id, h); n; n = hash_next(n)) {
		struct datagram *d = container_of(n, struct datagram, hash);
		if (memcmp(&d->key, k, sizeof *k) == 0) return d;
	}
	return NULL;
}

static struct datagram *find_or_make(struct stack *s, const struct packet *p, const struct frag *f, bool v4)
{
	struct key k;
	struct datagram *d;
	uint64_t h;

	memset(&k, 0, sizeof k);         /* the padding is hashed too */
	k.src = p->src;
	k.dst = p->dst;
	k.id = f->id;
	k.proto = v4 ? f->proto : 0;     /* IPv6 leaves the protocol to the first fragment: RFC 8200 §4.5 */
	if (v4 || addr_is_linklocal(&p->src) || addr_is_multicast(&p->dst)) k.ifindex = p->netif ? p->netif->index : 0;
	h = stack_hash(s, &k, sizeof k);
	d = find(&s->inet->frags, &k, h);
	if (d) return d;
	d = calloc(1, sizeof *d);
	if (!d) return NULL;
	if (hash_insert(&s->inet->frags.by_id, &d->hash, h) < 0) {
		free(d);
		return NULL;
	}
	d->stack = s;
	d->key = k;
	list_init(&d->fragments);
	list_append(&s->inet->frags.oldest, &d->node);
	charge(d, sizeof *d);
	d->timer.fire = expire;
	/* RFC 1122 §3.3.2, RFC 8200 §4.5: how long the first piece waits for the others. */
	timer_set(s, &d->timer, s->now + (v4 ? s->sysctl->ipfrag_time_s : s->sysctl->ip6frag_time_s) * NS_PER_S);
	return d;
}

/* ---- the bitmap ---- */

static uint32_t count_bits(uint64_t w)
{
	uint32_t n = 0;

	for (; w; w &= w - 1)
		n++;
	return n;
}

/* How many of blocks [from, to) are there already; sets them all when set is true. At most 128 words are touched. */
static uint32_t count_blocks(struct datagram *d, size_t from, size_t to, bool set)
{
	uint32_t n = 0;

	while (from < to) {
		size_t word = from / WORD_BITS, bit = from % WORD_BITS, bits = MIN(WORD_BITS - bit, to - from);
		uint64_t mask = (bits == WORD_BITS ? ~(uint64_t)0 : ((uint64_t)1 << bits) - 1) << bit;
		n += count_bits(d->have[word] & mask);
		if (set) d->have[word] |= mask;
		from += bits;
	}
	return n;
}

static size_t blocks(size_t octets)
{
	return (octets + 7) / 8;
}

enum fit { FIT_NEW, FIT_DUPLICATE, FIT_WRONG };

/* Does a fragment of len octets agree with those before it? */
static enum fit check_fit(struct datagram *d, const struct frag *f, size_t len)
{
	size_t end = f->offset + len, from = f->offset / 8, to = blocks(end);
	uint32_t have = count_blocks(d, from, to, false);

	/* Two ends, or data beyond the end: they can't all be of one datagram. */
	if (d->end && (end > d->end || (!f->more && end != d->end))) return FIT_WRONG;
	if (!f->more && end < d->highest) return FIT_WRONG;
	/* RFC 8200 §4.5: exact duplicates are dropped alone, as in Linux also what is wholly there; other overlap ends the datagram. */
	if (have == to - from) return FIT_DUPLICATE;
	return have ? FIT_WRONG : FIT_NEW;
}

static bool take(struct datagram *d, struct packet *p, const struct frag *f, size_t len)
{
	struct piece *pc = malloc(sizeof *pc);

	if (!pc) return false;
	*pc = (struct piece){.p = p, .f = *f, .len = len};
	list_append(&d->fragments, &pc->node);
	charge(d, piece_mem(pc));
	count_blocks(d, f->offset / 8, blocks(f->offset + len), true);
	d->blocks_have += (uint32_t)(blocks(f->offset + len) - f->offset / 8);
	d->highest = MAX(d->highest, f->offset + len);
	if (!f->more) d->end = f->offset + len;
	if (f->offset == 0) d->first = pc;
	d->ecn_seen |= (uint8_t)(1 << (p->tos & 3));
	return true;
}

/* ---- the whole ---- */

/* RFC 3168 §5.3: congestion met by one fragment is met by the datagram; ECT and not-ECT don't mix. */
static bool merge_ecn(uint8_t seen, uint8_t *ecn)
{
	bool not_ect = seen & 1, ce = seen & 8;

	if (not_ect && seen != 1) return false;
	if (ce) *ecn = 3;
	return true;
}

static void write_header4(uint8_t *p, size_t hdr_len, size_t total, uint8_t tos)
{
	p[1] = tos;
	write16(p + 2, (uint16_t)total);
	write16(p + 6, 0);
	write16(p + 10, 0);
	write16(p + 10, csum_fold(csum_add(0, p, hdr_len)));
}

static void write_header6(uint8_t *p, const struct frag *f, size_t total, uint8_t tclass)
{
	p[0] = (uint8_t)(6 << 4 | tclass >> 4);
	p[1] = (uint8_t)((p[1] & 15) | tclass << 4);
	write16(p + 4, (uint16_t)(total - IP6_HDR_LEN));
	p[f->next_at] = f->proto;
}

static struct packet *assemble(struct datagram *d, bool v4)
{
	const struct piece *first = d->first;
	size_t hdr_len = first->f.unfrag_len, total = hdr_len + d->end;
	uint8_t tos = first->p->tos, ecn = tos & 3;
	struct packet *p;

	if ((v4 ? total : total - IP6_HDR_LEN) > UINT16_MAX || !merge_ecn(d->ecn_seen, &ecn)) return NULL;
	p = packet_new(PACKET_HEADROOM, total);
	if (!p) return NULL;
	tos = (uint8_t)((tos & ~3) | ecn);
	p->netif = first->p->netif;
	p->src = first->p->src;
	p->dst = first->p->dst;
	p->ttl = first->p->ttl;
	p->tos = tos;
	p->when = first->p->when;
	p->net_off = packet_off(p);
	memcpy(p->data, first->p->data, hdr_len);
	if (v4)
		write_header4(p->data, hdr_len, total, tos);
	else
		write_header6(p->data, &first->f, total, tos);
	list_each(struct piece, pc, &d->fragments, node) {
		p->frag_size = (uint16_t)MAX(p->frag_size, pc->f.hdr_len + pc->len);
		memcpy(p->data + hdr_len + pc->f.offset, pc->p->data + pc->f.hdr_len, pc->len);
		p->broadcast |= pc->p->broadcast;
		p->multicast |= pc->p->multicast;
		p->looped |= pc->p->looped;
	}
	return p;
}

struct frag_use frag_use(const struct stack *s, bool v4)
{
	struct frag_use use = {0, 0};

	list_each(struct datagram, d, &s->inet->frags.oldest, node) {
		if (addr_is_v4(&d->key.dst) != v4) continue;
		use.n++;
		use.mem_bytes += d->mem_bytes;
	}
	return use;
}

struct packet *frag_receive(struct stack *s, struct packet *p, const struct frag *f)
{
	bool v4 = packet_is_v4(p);
	size_t len = p->len - f->hdr_len;
	struct datagram *d = find_or_make(s, p, f, v4);
	struct packet *whole;
	enum fit fit;

	s->mib->ip[mib_family(v4)].asked_reassembly++;
	if (!d) {
		stack_drop(s, p, DROP_NO_MEMORY);
		return NULL;
	}
	fit = d->dead ? FIT_WRONG : check_fit(d, f, len);
	if (fit != FIT_NEW || !take(d, p, f, len)) {
		/* RFC 5722 §4: the whole datagram goes, with what is still to come of it. */
		if (fit == FIT_WRONG) {
			d->dead = true;
			drop_pieces(d, DROP_FRAG_OVERLAP);
		}
		stack_drop(s, p, fit == FIT_NEW ? DROP_NO_MEMORY : DROP_FRAG_OVERLAP);
		return NULL;
	}
	if (!d->end || d->blocks_have < blocks(d->end)) {
		make_room(s);
		return NULL;
	}
	whole = assemble(d, v4);
	if (whole) s->mib->ip[mib_family(v4)].reassembled++;
	forget(d, whole ? DROP_NONE : DROP_FRAG_BAD);
	return whole;
}
