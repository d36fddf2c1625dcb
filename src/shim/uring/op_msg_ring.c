/*
 * MSG_RING: a completion, or a registered file, for another ring of the process. By an entry of a ring's, or by io_uring_register without one.
 */
#include "shim/uring/uring.h"

int prepare_msg_ring(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	if (e->buf_index || e->personality) return -EINVAL;
	return e->msg_ring_flags & ~(unsigned)(IORING_MSG_RING_CQE_SKIP | URING_MSG_PASS_FLAGS) ? -EINVAL : 0;
}

static long send_data(struct ring *to, const struct io_uring_sqe *e)
{
	bool passes = e->msg_ring_flags & URING_MSG_PASS_FLAGS;
	if (e->addr3 || e->msg_ring_flags & ~(unsigned)URING_MSG_PASS_FLAGS || (!passes && e->file_index)) return -EINVAL;
	if (atomic_load(&to->disabled)) return -EBADFD;
	ring_lock(to);
	cq_post(to, e->off, (int)e->len, passes ? e->file_index : 0);
	ring_unlock(to);
	return 0;
}

/* addr3: where the file lies with us; file_index: where it is to lie there. */
static long send_file(struct ring *from, struct ring *to, const struct io_uring_sqe *e)
{
	struct file f;
	if (e->len || from == to) return -EINVAL;
	if (atomic_load(&to->disabled)) return -EBADFD;
	int err = file_fixed(from, (uint32_t)e->addr3, &f);
	if (err < 0) return err;
	struct request *tag = f.tag;
	f.tag = NULL;
	long slot = files_put(to, e->file_index, &f);
	tag_end(tag);
	if (slot < 0 || e->msg_ring_flags & IORING_MSG_RING_CQE_SKIP) return slot;
	ring_lock(to);
	cq_post(to, e->off, (int)slot, 0);
	ring_unlock(to);
	return slot;
}

long issue_msg_ring(struct request *r)
{
	long err;
	struct ring *to = r->file.is_ring ? ring_hold(r->file.number, false, &err) : NULL;
	if (!to) return r->file.is_ring ? err : -EBADFD;
	switch (r->sqe.addr) {
	case IORING_MSG_DATA: err = send_data(to, &r->sqe); break;
	case IORING_MSG_SEND_FD: err = send_file(r->ring, to, &r->sqe); break;
	default: err = -EINVAL;
	}
	ring_release(to);
	return err;
}

/* Without a ring of one's own there is no file to send. */
long msg_ring_send(const struct io_uring_sqe *e)
{
	long err;
	if (e->flags || e->opcode != IORING_OP_MSG_RING || e->buf_index || e->personality) return -EINVAL;
	if (e->addr != IORING_MSG_DATA) return -EINVAL;
	struct ring *to = ring_hold(e->fd, false, &err);
	if (!to) return err == -EOPNOTSUPP ? -EBADFD : err;
	err = send_data(to, e);
	ring_release(to);
	return err;
}
