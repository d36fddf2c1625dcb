/*
 * PACKET_FANOUT: the groups. The first who joins makes one, by number, way of sharing, protocol and interface; who joins later has to say the same.
 * A group sees a frame once, as one socket would, and fanout_pick.c chooses the member.
 */
#include "stack/packet/fanout_private.h"
#include <errno.h>
#include <linux/if_ether.h>
#include <stdlib.h>

#define MEMBERS_DEFAULT 256
#define MEMBERS_MOST 65536
#define FLAG(f) ((f) >> 8)                 /* they stand above the type */
#define FLAG_IGNORE_OUTGOING 0x4000        /* PACKET_FANOUT_FLAG_IGNORE_OUTGOING of newer headers */

static struct fanout *fanout_find(const struct stack *s, uint16_t id)
{
	list_each(struct packet_sock, ps, &s->taps, node)
		if (ps->fanout && ps->fanout->id == id) return ps->fanout;
	return NULL;
}

/* As Linux: the numbers are tried in turn. */
static int id_choose(struct stack *s, uint16_t *ret)
{
	uint16_t first = s->next_fanout;

	do {
		*ret = s->next_fanout++;
		if (!fanout_find(s, *ret)) return 0;
	} while (s->next_fanout != first);
	return -ENOMEM;
}

static int type_check(uint16_t type_flags)
{
	uint8_t type = (uint8_t)type_flags;

	if (type == PACKET_FANOUT_ROLLOVER && type_flags & PACKET_FANOUT_FLAG_ROLLOVER) return -EINVAL;
	if (type_flags & PACKET_FANOUT_FLAG_DEFRAG) return -EINVAL;
	return type <= PACKET_FANOUT_EBPF ? 0 : -EINVAL;
}

static int group_make(const struct packet_sock *ps, const struct fanout_args *q, uint8_t flags, struct fanout **ret)
{
	struct fanout *f;

	if (q->max_num_members > MEMBERS_MOST) return -EINVAL;
	f = calloc(1, sizeof *f);
	if (!f) return -ENOMEM;
	*f = (struct fanout){.id = q->id, .type = (uint8_t)q->type_flags, .flags = flags, .most = q->max_num_members ? q->max_num_members : MEMBERS_DEFAULT,
			     .protocol = ps->protocol, .ifindex = ps->ifindex};
	f->ignore_outgoing = q->type_flags & FLAG_IGNORE_OUTGOING;
	list_init(&f->members);
	*ret = f;
	return 0;
}

static int group_enter(struct packet_sock *ps, struct fanout *f, uint8_t type)
{
	if (!ps->protocol || f->type != type || f->protocol != ps->protocol || f->ifindex != ps->ifindex) return -EINVAL;
	if (f->count >= f->most) return -ENOSPC;
	ps->fanout = f;
	f->count++;
	list_append(&f->members, &ps->fanout_node);
	return 0;
}

static void group_end_if_empty(struct fanout *f)
{
	if (f->count) return;
	filter_free(f->program);
	free(f);
}

static int group_join(struct packet_sock *ps, const struct fanout_args *q, uint8_t flags)
{
	struct fanout *f = fanout_find(ps->sk.stack, q->id);
	int r = 0;

	if (f && (f->flags != flags || (q->max_num_members && q->max_num_members != f->most))) return -EINVAL;
	if (!f) r = group_make(ps, q, flags, &f);
	if (r < 0) return r;
	r = group_enter(ps, f, (uint8_t)q->type_flags);
	group_end_if_empty(f);
	return r;
}

int fanout_join(struct sock *sk, const void *val, socklen_t len)
{
	struct packet_sock *ps = packet_of(sk);
	struct fanout_args q = {0};
	struct rollover *rollover = NULL;
	uint8_t flags;
	int r;

	if (len != sizeof(int) && len != sizeof q) return -EINVAL;
	memcpy(&q, val, len);
	flags = (uint8_t)(q.type_flags >> 8);
	r = type_check(q.type_flags);
	if (r < 0) return r;
	if (ps->fanout) return -EALREADY;
	if (q.type_flags & PACKET_FANOUT_FLAG_UNIQUEID) {
		if (q.id) return -EINVAL;
		r = id_choose(sk->stack, &q.id);
		if (r < 0) return r;
		flags &= (uint8_t)~FLAG(PACKET_FANOUT_FLAG_UNIQUEID);
	}
	if ((uint8_t)q.type_flags == PACKET_FANOUT_ROLLOVER || q.type_flags & PACKET_FANOUT_FLAG_ROLLOVER) {
		rollover = calloc(1, sizeof *rollover);
		if (!rollover) return -ENOMEM;
	}
	r = group_join(ps, &q, flags);
	if (r < 0) free(rollover);
	else ps->rollover = rollover;
	return r;
}

void fanout_leave(struct packet_sock *ps)
{
	struct fanout *f = ps->fanout;

	free(ps->rollover);
	ps->rollover = NULL;
	if (!f) return;
	ps->fanout = NULL;
	list_remove(&ps->fanout_node);
	f->count--;
	group_end_if_empty(f);
}

/* ---- the options ---- */

int fanout_get(struct sock *sk, void *val, socklen_t *len)
{
	const struct fanout *f = packet_of(sk)->fanout;
	uint32_t v = f ? f->id | (uint32_t)f->type << 16 | (uint32_t)f->flags << 24 : 0;

	return opt_copy_out(val, len, &v, sizeof v);
}

/* A program of PACKET_FANOUT_CBPF, whose result says which member. The host passes the instructions. */
int fanout_set_data(struct sock *sk, const void *val, socklen_t len)
{
	struct fanout *f = packet_of(sk)->fanout;
	struct filter *program;
	int r;

	if (!f || f->type != PACKET_FANOUT_CBPF) return -EINVAL;
	if (sk->filter_locked) return -EPERM;
	r = filter_new(val, len, &program);
	if (r < 0) return r;
	filter_free(f->program);
	f->program = program;
	return 0;
}

int fanout_get_rollover(struct sock *sk, void *val, socklen_t *len)
{
	const struct rollover *r = packet_of(sk)->rollover;
	struct tpacket_rollover_stats st;

	if (!r) return -EINVAL;
	st = (struct tpacket_rollover_stats){.tp_all = r->all, .tp_huge = r->huge, .tp_failed = r->failed};
	return opt_copy_out(val, len, &st, sizeof st);
}

/* ---- what a group sees ---- */

bool fanout_is_first(const struct packet_sock *ps) { return list_first(&ps->fanout->members, struct packet_sock, fanout_node) == ps; }

bool fanout_sees(const struct fanout *f, const struct netif *nif, const struct sight *v, const struct sock *sender)
{
	if (sender && sender->domain == AF_PACKET && ((const struct packet_sock *)sender)->fanout == f) return false;
	if (f->ifindex && f->ifindex != nif->index) return false;
	if (v->pkttype == PACKET_OUTGOING && (f->ignore_outgoing || f->protocol != ETH_P_ALL)) return false;
	return f->protocol == ETH_P_ALL || f->protocol == v->protocol;
}
