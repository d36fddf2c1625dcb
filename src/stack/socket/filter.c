/*
 * Classic BPF: an accumulator A, an index X and 16 words of memory; jumps go forward only, so every program ends.
 *
 *     check:  each operation is known, each jump stays inside, no word of memory is read before every way there has written it, the end is a return
 *     run:    a load beyond the packet ends the program: the packet is dropped
 *
 * Read first: McCanne and Jacobson, "The BSD Packet Filter" (1993); socket(7); Linux's Documentation/networking/filter.rst.
 */
#include "stack/socket/filter.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include "stack/core/netif.h"

struct filter { unsigned refs; size_t count; struct sock_filter insns[]; };

/* ---- the check ---- */

/* What an operation's constant must be. */
enum constant { ANY, NOT_ZERO, SHIFT, MEMORY, LOAD };

static const struct { uint16_t code; enum constant k; } operations[] = {
	{BPF_LD | BPF_W | BPF_ABS, LOAD}, {BPF_LD | BPF_H | BPF_ABS, LOAD}, {BPF_LD | BPF_B | BPF_ABS, LOAD},
	{BPF_LD | BPF_W | BPF_IND, ANY}, {BPF_LD | BPF_H | BPF_IND, ANY}, {BPF_LD | BPF_B | BPF_IND, ANY},
	{BPF_LD | BPF_W | BPF_LEN, ANY}, {BPF_LD | BPF_IMM, ANY}, {BPF_LD | BPF_MEM, MEMORY},
	{BPF_LDX | BPF_W | BPF_LEN, ANY}, {BPF_LDX | BPF_IMM, ANY}, {BPF_LDX | BPF_MEM, MEMORY}, {BPF_LDX | BPF_B | BPF_MSH, ANY},
	{BPF_ST, MEMORY}, {BPF_STX, MEMORY},
	{BPF_ALU | BPF_ADD | BPF_K, ANY}, {BPF_ALU | BPF_ADD | BPF_X, ANY}, {BPF_ALU | BPF_SUB | BPF_K, ANY}, {BPF_ALU | BPF_SUB | BPF_X, ANY},
	{BPF_ALU | BPF_MUL | BPF_K, ANY}, {BPF_ALU | BPF_MUL | BPF_X, ANY}, {BPF_ALU | BPF_DIV | BPF_K, NOT_ZERO}, {BPF_ALU | BPF_DIV | BPF_X, ANY},
	{BPF_ALU | BPF_MOD | BPF_K, NOT_ZERO}, {BPF_ALU | BPF_MOD | BPF_X, ANY}, {BPF_ALU | BPF_AND | BPF_K, ANY}, {BPF_ALU | BPF_AND | BPF_X, ANY},
	{BPF_ALU | BPF_OR | BPF_K, ANY}, {BPF_ALU | BPF_OR | BPF_X, ANY}, {BPF_ALU | BPF_XOR | BPF_K, ANY}, {BPF_ALU | BPF_XOR | BPF_X, ANY},
	{BPF_ALU | BPF_LSH | BPF_K, SHIFT}, {BPF_ALU | BPF_LSH | BPF_X, ANY}, {BPF_ALU | BPF_RSH | BPF_K, SHIFT}, {BPF_ALU | BPF_RSH | BPF_X, ANY},
	{BPF_ALU | BPF_NEG, ANY}, {BPF_MISC | BPF_TAX, ANY}, {BPF_MISC | BPF_TXA, ANY}, {BPF_RET | BPF_K, ANY}, {BPF_RET | BPF_A, ANY},
	{BPF_JMP | BPF_JA, ANY}, {BPF_JMP | BPF_JEQ | BPF_K, ANY}, {BPF_JMP | BPF_JEQ | BPF_X, ANY}, {BPF_JMP | BPF_JGE | BPF_K, ANY},
	{BPF_JMP | BPF_JGE | BPF_X, ANY}, {BPF_JMP | BPF_JGT | BPF_K, ANY}, {BPF_JMP | BPF_JGT | BPF_X, ANY}, {BPF_JMP | BPF_JSET | BPF_K, ANY},
	{BPF_JMP | BPF_JSET | BPF_X, ANY},
};

/* The loads that look beside the packet. Those of netlink attributes and of the payload's offset are not there. */
static bool ancillary_is_known(uint32_t k)
{
	switch (k - (uint32_t)SKF_AD_OFF) {
	case SKF_AD_PROTOCOL: case SKF_AD_PKTTYPE: case SKF_AD_IFINDEX: case SKF_AD_MARK: case SKF_AD_QUEUE: case SKF_AD_HATYPE:
	case SKF_AD_RXHASH: case SKF_AD_CPU: case SKF_AD_ALU_XOR_X: case SKF_AD_VLAN_TAG: case SKF_AD_VLAN_TAG_PRESENT: case SKF_AD_VLAN_TPID:
	case SKF_AD_RANDOM:
		return true;
	default:
		return false;
	}
}

static bool constant_fits(enum constant want, uint32_t k)
{
	switch (want) {
	case NOT_ZERO: return k != 0;
	case SHIFT: return k < 32;
	case MEMORY: return k < BPF_MEMWORDS;
	case LOAD: return k < (uint32_t)SKF_AD_OFF || ancillary_is_known(k);
	default: return true;
	}
}

static bool operation_is_valid(const struct sock_filter *i)
{
	for (size_t n = 0; n < ARRAY_SIZE(operations); n++)
		if (operations[n].code == i->code) return constant_fits(operations[n].k, i->k);
	return false;
}

static bool jump_is_inside(const struct sock_filter *i, size_t left)
{
	if (BPF_CLASS(i->code) != BPF_JMP) return true;
	if (i->code == (BPF_JMP | BPF_JA)) return i->k < left;
	return i->jt < left && i->jf < left;
}

/* written[n]: the words of memory that every way to n has written. */
static bool memory_is_written_first(const struct filter *f, uint16_t *written)
{
	uint16_t now = 0;

	memset(written, 0xff, f->count * sizeof *written);
	for (size_t n = 0; n < f->count; n++) {
		const struct sock_filter *i = &f->insns[n];
		now &= written[n];
		switch (i->code) {
		case BPF_ST: case BPF_STX:
			now |= (uint16_t)(1u << i->k);
			break;
		case BPF_LD | BPF_MEM: case BPF_LDX | BPF_MEM:
			if (!(now & 1u << i->k)) return false;
			break;
		case BPF_JMP | BPF_JA:
			written[n + 1 + i->k] &= now;
			now = 0xffff;
			break;
		default:
			if (BPF_CLASS(i->code) != BPF_JMP) break;
			written[n + 1 + i->jt] &= now;
			written[n + 1 + i->jf] &= now;
			now = 0xffff;
		}
	}
	return true;
}

static int check(const struct filter *f)
{
	const struct sock_filter *last = &f->insns[f->count - 1];
	uint16_t *written;
	bool ok;

	for (size_t n = 0; n < f->count; n++)
		if (!operation_is_valid(&f->insns[n]) || !jump_is_inside(&f->insns[n], f->count - n - 1)) return -EINVAL;
	if (last->code != (BPF_RET | BPF_K) && last->code != (BPF_RET | BPF_A)) return -EINVAL;
	written = malloc(f->count * sizeof *written);
	if (!written) return -ENOMEM;
	ok = memory_is_written_first(f, written);
	free(written);
	return ok ? 0 : -EINVAL;
}

int filter_new(const void *insns, size_t octets, struct filter **ret)
{
	size_t n = octets / sizeof(struct sock_filter);
	struct filter *f;
	int r;

	if (n == 0 || n > BPF_MAXINSNS || octets % sizeof(struct sock_filter)) return -EINVAL;
	f = malloc(sizeof *f + octets);
	if (!f) return -ENOMEM;
	f->refs = 1;
	f->count = n;
	memcpy(f->insns, insns, octets);
	r = check(f);
	if (r < 0)
		free(f);
	else
		*ret = f;
	return r;
}

struct filter *filter_ref(struct filter *f)
{
	if (f) f->refs++;
	return f;
}

void filter_free(struct filter *f)
{
	if (f && --f->refs == 0) free(f);
}

/* ---- running ---- */

struct machine { const struct filter_view *v; struct stack *s; uint32_t a, x, m[BPF_MEMWORDS]; };

static uint32_t ancillary(const struct machine *vm, uint32_t which)
{
	switch (which) {
	case SKF_AD_PROTOCOL: return vm->v->protocol;
	case SKF_AD_PKTTYPE: return vm->v->pkttype;
	case SKF_AD_IFINDEX: return (uint32_t)vm->v->ifindex;
	case SKF_AD_HATYPE: return vm->v->hatype;
	case SKF_AD_MARK: return vm->v->mark;
	case SKF_AD_ALU_XOR_X: return vm->a ^ vm->x;
	case SKF_AD_RANDOM: return stack_random32(vm->s);
	case SKF_AD_VLAN_TAG: return vm->v->vlan_tci;
	case SKF_AD_VLAN_TAG_PRESENT: return vm->v->vlan_tpid != 0;
	case SKF_AD_VLAN_TPID: return vm->v->vlan_tpid;
	default: return 0;                   /* one processor, one queue */
	}
}

/* The n octets at k, which may be below zero: relative to a header. NULL: they are not there. */
static const uint8_t *octets_at(const struct filter_view *v, int64_t k, size_t n)
{
	const uint8_t *from = v->data, *end = v->data + v->len;

	if (k < 0) {
		from = k >= SKF_NET_OFF ? v->net : v->mac;
		k -= k >= SKF_NET_OFF ? SKF_NET_OFF : SKF_LL_OFF;
	}
	if (!from || k < 0 || k > end - from || (size_t)(end - from - k) < n) return NULL;
	return from + k;
}

static bool load(struct machine *vm, uint16_t code, uint32_t k)
{
	bool indexed = BPF_MODE(code) == BPF_IND;
	size_t n = BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
	const uint8_t *p;

	if (!indexed && k >= (uint32_t)SKF_AD_OFF) {
		vm->a = ancillary(vm, k - (uint32_t)SKF_AD_OFF);
		return true;
	}
	p = octets_at(vm->v, (int32_t)(indexed ? k + vm->x : k), n);
	if (!p) return false;
	vm->a = n == 4 ? read32(p) : n == 2 ? read16(p) : *p;
	return true;
}

static bool compute(struct machine *vm, uint16_t code, uint32_t by)
{
	switch (BPF_OP(code)) {
	case BPF_ADD: vm->a += by; break;
	case BPF_SUB: vm->a -= by; break;
	case BPF_MUL: vm->a *= by; break;
	case BPF_DIV: case BPF_MOD:
		if (by == 0) return false;
		vm->a = BPF_OP(code) == BPF_DIV ? vm->a / by : vm->a % by;
		break;
	case BPF_AND: vm->a &= by; break;
	case BPF_OR: vm->a |= by; break;
	case BPF_XOR: vm->a ^= by; break;
	case BPF_LSH: vm->a <<= by & 31; break;
	case BPF_RSH: vm->a >>= by & 31; break;
	default: vm->a = -vm->a;             /* BPF_NEG */
	}
	return true;
}

static bool holds(const struct machine *vm, uint16_t code, uint32_t with)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ: return vm->a == with;
	case BPF_JGT: return vm->a > with;
	case BPF_JGE: return vm->a >= with;
	default: return vm->a & with;        /* BPF_JSET */
	}
}

static bool load_x(struct machine *vm, const struct sock_filter *i)
{
	const uint8_t *p;

	switch (BPF_MODE(i->code)) {
	case BPF_IMM: vm->x = i->k; return true;
	case BPF_MEM: vm->x = vm->m[i->k]; return true;
	case BPF_LEN: vm->x = (uint32_t)vm->v->len; return true;
	default:                             /* BPF_MSH: the length of an IPv4 header */
		p = octets_at(vm->v, (int32_t)i->k, 1);
		if (p) vm->x = 4 * (*p & 15u);
		return p;
	}
}

static bool load_a(struct machine *vm, const struct sock_filter *i)
{
	switch (BPF_MODE(i->code)) {
	case BPF_IMM: vm->a = i->k; return true;
	case BPF_MEM: vm->a = vm->m[i->k]; return true;
	case BPF_LEN: vm->a = (uint32_t)vm->v->len; return true;
	default: return load(vm, i->code, i->k);
	}
}

uint32_t filter_run(const struct filter *f, const struct filter_view *v, struct stack *s)
{
	struct machine vm = {.v = v, .s = s};

	for (size_t n = 0; n < f->count; n++) {
		const struct sock_filter *i = &f->insns[n];
		uint32_t operand = BPF_SRC(i->code) == BPF_X ? vm.x : i->k;
		bool on = true;
		switch (BPF_CLASS(i->code)) {
		case BPF_LD: on = load_a(&vm, i); break;
		case BPF_LDX: on = load_x(&vm, i); break;
		case BPF_ST: vm.m[i->k] = vm.a; break;
		case BPF_STX: vm.m[i->k] = vm.x; break;
		case BPF_ALU: on = compute(&vm, i->code, operand); break;
		case BPF_JMP: n += i->code == (BPF_JMP | BPF_JA) ? i->k : holds(&vm, i->code, operand) ? i->jt : i->jf; break;
		case BPF_RET: return BPF_RVAL(i->code) == BPF_A ? vm.a : i->k;
		default:
			if (BPF_MISCOP(i->code) == BPF_TAX) vm.x = vm.a;
			else vm.a = vm.x;
		}
		if (!on) return 0;
	}
	return 0;
}

/* ---- on sockets ---- */

bool sock_filter_allows(struct sock *sk, struct packet *p, size_t least)
{
	struct filter_view v = {.data = p->data, .len = p->len, .mark = p->mark};
	uint32_t n;

	if (!sk->filter) return true;
	if (p->net_off) v.net = p->head + p->net_off;
	if (p->mac_off) v.mac = p->head + p->mac_off;
	v.protocol = addr_is_v4(&p->dst) ? ETH_P_IP : ETH_P_IPV6;
	v.pkttype = p->broadcast ? PACKET_BROADCAST : p->multicast ? PACKET_MULTICAST : PACKET_HOST;
	if (p->netif) {
		v.ifindex = p->netif->index;
		v.hatype = netif_hatype(p->netif);
	}
	n = filter_run(sk->filter, &v, sk->stack);
	if (n) packet_trim(p, MAX(n, least));
	return n;
}

int filter_set(struct sock *sk, const void *val, socklen_t len)
{
	struct filter *f;
	int r = sk->filter_locked ? -EPERM : filter_new(val, len, &f);

	if (r < 0) return r;
	filter_free(sk->filter);
	sk->filter = f;
	return 0;
}

/* Without room for one instruction it says how much there is. */
int filter_get(struct sock *sk, void *val, socklen_t *len)
{
	size_t octets = sk->filter ? sk->filter->count * sizeof *sk->filter->insns : 0;

	if (*len && *len < octets) return -EINVAL;
	if (*len && octets) memcpy(val, sk->filter->insns, octets);
	*len = (socklen_t)octets;
	return 0;
}

int filter_detach(struct sock *sk, const void *val, socklen_t len)
{
	(void)val, (void)len;
	if (sk->filter_locked) return -EPERM;
	if (!sk->filter) return -ENOENT;
	filter_free(sk->filter);
	sk->filter = NULL;
	return 0;
}

int filter_lock(struct sock *sk, const void *val, socklen_t len)
{
	bool on = *(const int *)val != 0;

	(void)len;
	if (sk->filter_locked && !on) return -EPERM;
	sk->filter_locked = on;
	return 0;
}
