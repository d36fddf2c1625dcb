/*
 * The filter programs of sock_diag: operations one behind the other, each a question about a socket. yes is how far the next operation is when the
 * answer is yes, no when it is no; both lead forward, so every program ends. A socket passes if the program's end is reached exactly.
 *
 *     | code | yes |    no    | operand of the operation … |
 */
#include <errno.h>
#include "stack/netlink/diag.h"

#define HOST_HEADER sizeof(struct inet_diag_hostcond)

/* The operand of a question about an address, which follows it. */
struct host { uint8_t family, prefix_len; int port; const uint8_t *addr; };

struct step { struct inet_diag_bc_op op; const uint8_t *operand; size_t room; };

static bool step_read(const uint8_t *at, size_t len, struct step *ret)
{
	if (len < sizeof ret->op) return false;
	memcpy(&ret->op, at, sizeof ret->op);
	ret->operand = at + sizeof ret->op;
	ret->room = len - sizeof ret->op;
	return true;
}

static uint32_t operand32(const struct step *s, size_t i)
{
	uint32_t v;

	memcpy(&v, s->operand + 4 * i, sizeof v);
	return v;
}

/* A port to compare with lies in the place of another operation's "no". */
static uint16_t operand_port(const struct step *s)
{
	struct inet_diag_bc_op op;

	memcpy(&op, s->operand, sizeof op);
	return op.no;
}

static struct host operand_host(const struct step *s)
{
	struct inet_diag_hostcond c;

	memcpy(&c, s->operand, sizeof c);
	return (struct host){c.family, c.prefix_len, c.port, s->operand + sizeof c};
}

/* ---- is it a program? ---- */

static size_t address_size(uint8_t family)
{
	return family == AF_INET6 ? 16 : family == AF_INET ? 4 : 0;
}

/* The octets of a question about an address; 0: it is none. */
static size_t host_size(const struct step *s)
{
	struct host c;
	size_t size;

	if (s->room < HOST_HEADER) return 0;
	c = operand_host(s);
	if (c.family != AF_UNSPEC && c.family != AF_INET && c.family != AF_INET6) return 0;
	size = address_size(c.family);
	if (c.prefix_len > 8 * size || s->room < HOST_HEADER + size) return 0;
	return sizeof s->op + HOST_HEADER + size;
}

static size_t with_operand(const struct step *s, size_t size) { return s->room < size ? 0 : sizeof s->op + size; }

/* The octets that an operation needs, at least; 0: it is none. */
static size_t step_size(const struct step *s)
{
	switch (s->op.code) {
	case INET_DIAG_BC_NOP:
	case INET_DIAG_BC_JMP:
	case INET_DIAG_BC_AUTO: return sizeof s->op;
	case INET_DIAG_BC_S_COND:
	case INET_DIAG_BC_D_COND: return host_size(s);
	case INET_DIAG_BC_DEV_COND: return with_operand(s, sizeof(uint32_t));
	case INET_DIAG_BC_MARK_COND: return with_operand(s, sizeof(struct inet_diag_markcond));
	case INET_DIAG_BC_S_GE:
	case INET_DIAG_BC_S_LE:
	case INET_DIAG_BC_D_GE:
	case INET_DIAG_BC_D_LE:
	case INET_DIAG_BC_S_EQ:
	case INET_DIAG_BC_D_EQ: return with_operand(s, sizeof(struct inet_diag_bc_op));
	default: return 0;
	}
}

/* Does the place that far from the end begin an operation, or is it the end? */
static bool is_place(const uint8_t *program, size_t len, size_t left)
{
	struct step s;

	while (left < len) {
		if (!step_read(program, len, &s) || s.op.yes < sizeof s.op || s.op.yes % 4 || s.op.yes > len) return false;
		program += s.op.yes;
		len -= s.op.yes;
	}
	return left == len;
}

static bool leads_on(size_t by, size_t least, size_t len) { return by >= least && by <= len + 4 && by % 4 == 0; }

int diag_filter_check(const uint8_t *program, size_t len, bool privileged)
{
	const uint8_t *at = program;
	size_t left = len;
	struct step s;

	if (len < sizeof s.op) return -EINVAL;
	while (left > 0) {
		size_t least = step_read(at, left, &s) ? step_size(&s) : 0;
		if (least && s.op.code == INET_DIAG_BC_MARK_COND && !privileged) return -EPERM;
		if (!least || !leads_on(s.op.yes, least, left) || s.op.yes > left) return -EINVAL;
		/* A way out that goes four octets past the end says no. */
		if (s.op.code != INET_DIAG_BC_NOP && !leads_on(s.op.no, least, left)) return -EINVAL;
		if (s.op.code != INET_DIAG_BC_NOP && s.op.no < left && !is_place(program, len, left - s.op.no)) return -EINVAL;
		at += s.op.yes;
		left -= s.op.yes;
	}
	return 0;
}

/* ---- what does it say? ---- */

/* All sixteen octets, of what is an IPv4 address, too. */
static bool bits_match(const struct addr *a, const struct addr *b, unsigned n)
{
	unsigned rest = n % 8;

	if (memcmp(a->b, b->b, n / 8) != 0) return false;
	return rest == 0 || (a->b[n / 8] ^ b->b[n / 8]) >> (8 - rest) == 0;
}

static bool host_matches(const struct step *s, const struct inet_facts *f, bool source)
{
	struct host c = operand_host(s);
	const struct addr *a = source ? &f->laddr : &f->raddr;
	struct addr want;
	bool v6 = c.family == AF_INET6;

	if (c.port != -1 && c.port != (source ? f->lport : f->rport)) return false;
	/* A socket of IPv6 that talks IPv4 is found by either. */
	if (c.family == AF_INET && f->domain == AF_INET6 && !addr_is_v4(a)) return false;
	if (v6 && f->domain == AF_INET) return false;
	if (c.family == AF_UNSPEC || c.prefix_len == 0) return true;
	want = v6 ? addr_v6_octets(c.addr) : addr_v4_octets(c.addr);
	return v6 ? bits_match(a, &want, c.prefix_len) : addr_in_prefix(a, &want, c.prefix_len);
}

static bool mark_matches(const struct step *s, const struct inet_facts *f)
{
	return f->sk && (f->sk->mark & operand32(s, 1)) == operand32(s, 0);
}

static bool port_is_chosen(const struct inet_facts *f) { return !f->sk || !((const struct inet_sock *)f->sk)->port_bound; }

static bool step_answer(const struct step *s, const struct inet_facts *f)
{
	switch (s->op.code) {
	case INET_DIAG_BC_JMP: return false;
	case INET_DIAG_BC_S_EQ: return f->lport == operand_port(s);
	case INET_DIAG_BC_S_GE: return f->lport >= operand_port(s);
	case INET_DIAG_BC_S_LE: return f->lport <= operand_port(s);
	case INET_DIAG_BC_D_EQ: return f->rport == operand_port(s);
	case INET_DIAG_BC_D_GE: return f->rport >= operand_port(s);
	case INET_DIAG_BC_D_LE: return f->rport <= operand_port(s);
	case INET_DIAG_BC_AUTO: return port_is_chosen(f);
	case INET_DIAG_BC_S_COND: return host_matches(s, f, true);
	case INET_DIAG_BC_D_COND: return host_matches(s, f, false);
	case INET_DIAG_BC_DEV_COND: return operand32(s, 0) == (uint32_t)f->ifindex;
	case INET_DIAG_BC_MARK_COND: return mark_matches(s, f);
	default: return true;
	}
}

bool diag_filter_run(const uint8_t *program, size_t len, const struct inet_facts *f)
{
	struct step s;

	while (len > 0) {
		size_t by = step_read(program, len, &s) ? (step_answer(&s, f) ? s.op.yes : s.op.no) : len + 1;
		if (by > len) return false;
		program += by;
		len -= by;
	}
	return true;
}
