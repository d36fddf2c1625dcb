/* PACKET_FANOUT: which member of a group is to have a frame. */
#include <stdlib.h>
#include "stack/packet/fanout_private.h"

/* ---- flows ---- */

struct flow { uint8_t addr[16]; uint16_t port; };

static int flow_compare(const struct flow *a, const struct flow *b) { return memcmp(a, b, sizeof *a); }

/* The protocol, and where its header begins; 0: that is not to be seen. */
static size_t transport_of(const uint8_t *p, size_t len, struct flow ends[2], uint8_t *ret_proto)
{
	struct ip4_hdr h4;
	struct ip6_hdr h6;

	if (ip4_parse(&h4, p, len) > 0) {
		memcpy(ends[0].addr, p + 12, 4);
		memcpy(ends[1].addr, p + 16, 4);
		*ret_proto = h4.proto;
		return h4.frag_off || h4.mf ? 0 : ip4_hdr_len(&h4);
	}
	if (ip6_parse(&h6, p, len) < 0) return 0;
	memcpy(ends[0].addr, p + 8, 16);
	memcpy(ends[1].addr, p + 24, 16);
	*ret_proto = h6.next;
	return IP6_HDR_LEN;
}

static bool has_ports(uint8_t proto) { return proto == IP_PROTO_TCP || proto == IP_PROTO_UDP || proto == IP_PROTO_UDPLITE || proto == IP_PROTO_SCTP; }

uint32_t fanout_flow_hash(const struct stack *s, const uint8_t *datagram, size_t len)
{
	struct { struct flow ends[2]; uint8_t proto; } key;
	size_t at;

	memset(&key, 0, sizeof key);
	at = transport_of(datagram, len, key.ends, &key.proto);
	if (at && has_ports(key.proto) && len >= at + 4) {
		key.ends[0].port = read16(datagram + at);
		key.ends[1].port = read16(datagram + at + 2);
	}
	if (flow_compare(&key.ends[0], &key.ends[1]) > 0) {
		struct flow other = key.ends[0];
		key.ends[0] = key.ends[1];
		key.ends[1] = other;
	}
	return (uint32_t)stack_hash(s, &key, sizeof key);
}

/* ---- members ---- */

static struct packet_sock *member(const struct fanout *f, uint32_t i)
{
	list_each(struct packet_sock, ps, &f->members, fanout_node)
		if (i-- == 0) return ps;
	return NULL;
}

static uint32_t by_program(const struct fanout *f, const struct netif *nif, const struct sight *v)
{
	struct filter_view view = {.data = v->net, .len = v->net_len, .net = v->net, .mac = v->macs, .protocol = v->protocol, .pkttype = v->pkttype,
				   .ifindex = nif->index, .hatype = netif_hatype(nif), .mark = v->mark, .vlan_tci = v->vlan_tci, .vlan_tpid = v->vlan_tpid};

	return f->program ? filter_run(f->program, &view, nif->stack) : 0;
}

/* One processor, and one queue: the numbers of both are 0. */
static uint32_t choose(struct fanout *f, const struct netif *nif, const struct sight *v)
{
	switch (f->type) {
	case PACKET_FANOUT_HASH: return (uint32_t)((uint64_t)fanout_flow_hash(nif->stack, v->net, v->net_len) * f->count >> 32);
	case PACKET_FANOUT_LB: return ++f->turn % f->count;
	case PACKET_FANOUT_RND: return stack_random32(nif->stack) % f->count;
	case PACKET_FANOUT_CBPF: return by_program(f, nif, v) % f->count;
	default: return 0;
	}
}

/* ---- rolling over to a member that has room ---- */

/* Has more than half of what came lately been of this flow? */
static bool flow_is_huge(struct packet_sock *ps, const struct sight *v)
{
	struct rollover *r = ps->rollover;
	uint32_t hash = fanout_flow_hash(ps->sk.stack, v->net, v->net_len), same = 0;

	for (size_t i = 0; i < FANOUT_HISTORY; i++) same += r->history[i] == hash;
	r->history[stack_random32(ps->sk.stack) % FANOUT_HISTORY] = hash;
	return same > FANOUT_HISTORY / 2;
}

static uint32_t roll_over(const struct fanout *f, uint32_t at, const struct sight *v, bool stays)
{
	struct packet_sock *ps = member(f, at), *other;
	enum room room = stays ? packet_room(ps) : ROOM_NONE;
	uint32_t first = MIN(ps->rollover->next, f->count - 1), i = first;

	if (room == ROOM_NORMAL || (room == ROOM_LOW && !flow_is_huge(ps, v))) return at;
	other = member(f, i);
	do {
		if ((!stays || other != ps) && packet_room(other) == ROOM_NORMAL) {
			ps->rollover->next = i;
			ps->rollover->all++;
			ps->rollover->huge += room == ROOM_LOW;
			return i;
		}
		i = (i + 1) % f->count;
		other = i ? list_entry(other->fanout_node.next, struct packet_sock, fanout_node) : list_first(&f->members, struct packet_sock, fanout_node);
	} while (i != first);
	ps->rollover->failed++;
	return at;
}

struct packet_sock *fanout_pick(struct fanout *f, const struct netif *nif, const struct sight *v)
{
	uint32_t i = choose(f, nif, v);

	if (f->type == PACKET_FANOUT_ROLLOVER) i = roll_over(f, 0, v, false);
	if (f->flags & PACKET_FANOUT_FLAG_ROLLOVER >> 8) i = roll_over(f, i, v, true);
	return member(f, i);
}
