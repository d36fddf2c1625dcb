/*
 * Restrictions: what a ring may do once it is enabled, told while it is not. Afterwards nothing lifts them, so that a ring can be given to those who are
 * trusted less.
 */
#include "shim/uring/uring.h"

#define RESTRICTIONS_MAX (IORING_RESTRICTION_LAST + URING_REGISTER_OPS + URING_OPS)

static int add(struct restrictions *to, const struct io_uring_restriction *r)
{
	switch (r->opcode) {
	case IORING_RESTRICTION_REGISTER_OP:
		if (r->register_op >= URING_REGISTER_OPS) return -EINVAL;
		to->register_ops |= (uint64_t)1 << r->register_op;
		return 0;
	case IORING_RESTRICTION_SQE_OP:
		if (r->sqe_op >= URING_OPS) return -EINVAL;
		to->sqe_ops |= (uint64_t)1 << r->sqe_op;
		return 0;
	case IORING_RESTRICTION_SQE_FLAGS_ALLOWED: to->flags_allowed = r->sqe_flags; return 0;
	case IORING_RESTRICTION_SQE_FLAGS_REQUIRED: to->flags_required = r->sqe_flags; return 0;
	default: return -EINVAL;
	}
}

long restrictions_register(struct ring *g, const struct io_uring_restriction *at, unsigned n)
{
	struct restrictions all = {.given = true};
	struct io_uring_restriction r;
	if (!atomic_load(&g->disabled)) return -EBADFD;
	if (g->restrictions.given) return -EBUSY;
	if (!at || n > RESTRICTIONS_MAX) return -EINVAL;
	for (unsigned i = 0; i < n; i++) {
		if (user_get(r, at + i) != 0) return -EFAULT;
		int err = add(&all, &r);
		if (err < 0) return err;
	}
	g->restrictions = all;
	return 0;
}

bool restrictions_allow_register(const struct ring *g, unsigned opcode)
{
	const struct restrictions *r = &g->restrictions;
	return !r->given || atomic_load(&g->disabled) || (opcode < 64 && r->register_ops >> opcode & 1);
}

bool restrictions_allow_entry(const struct ring *g, const struct io_uring_sqe *e)
{
	const struct restrictions *r = &g->restrictions;
	if (!r->given) return true;
	if (!(r->sqe_ops >> e->opcode & 1) || (e->flags & r->flags_required) != r->flags_required) return false;
	return !(e->flags & ~(unsigned)(r->flags_allowed | r->flags_required));
}
