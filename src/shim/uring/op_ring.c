/* Operations on rings and on what rings know: no data of files. */
#include <fcntl.h>
#include "shim/uring/uring.h"

#define NOP_FLAGS (URING_NOP_RESULT | URING_NOP_FILE | URING_NOP_FIXED_FILE | URING_NOP_FIXED_BUFFER | URING_NOP_TASK_WORK)

int prepare_nop(struct request *r) { return r->sqe.rw_flags & ~NOP_FLAGS ? -EINVAL : 0; }

/* Nothing, unless it is asked to look at a file or a buffer first, as those do that really use them. */
long issue_nop(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	unsigned flags = (unsigned)e->rw_flags;
	if (flags & URING_NOP_FILE) {
		if (flags & URING_NOP_FIXED_FILE) r->sqe.flags |= IOSQE_FIXED_FILE;
		if (file_of_request(r) < 0 || (!r->file.virtual && sys(SYS_fcntl, r->file.fd, F_GETFD) < 0)) return -EBADF;
	}
	if (flags & URING_NOP_FIXED_BUFFER && buffer_fixed(r, e->buf_index) < 0) return -EFAULT;
	return flags & URING_NOP_RESULT ? (int)e->len : 0;
}

/* ---- poll ---- */

#define POLL_ASKED (EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDNORM | EPOLLRDBAND | EPOLLWRNORM | EPOLLWRBAND | EPOLLMSG | EPOLLRDHUP | EPOLLERR | EPOLLHUP)

int prepare_poll_add(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	if (e->buf_index || e->off || e->addr || e->len & ~IORING_POLL_ADD_MULTI) return -EINVAL;
	if (e->len & IORING_POLL_ADD_MULTI && e->flags & IOSQE_CQE_SKIP_SUCCESS) return -EINVAL;
	r->events = (e->poll32_events & POLL_ASKED) | POLLERR | POLLHUP;
	return 0;
}

/* An epoll descriptor with sockets of ours in its set: its readiness can't be waited for by a descriptor alone. */
static bool has_sockets(const struct file *f)
{
	uint32_t bell = 0;
	return !f->virtual && table_peek(f->number) == FD_EPOLL && (epoll_virtual_ready(f->number, &bell) || bell != 0);
}

/* A multishot one is told of each change: what is there when it begins, and what is there whenever the file has stirred. */
long issue_poll_add(struct request *r)
{
	if (!r->file.held && has_sockets(&r->file)) return r->sqe.len & IORING_POLL_ADD_MULTI ? -EOPNOTSUPP : request_block(r);
	bool first_by_epoll = r->sqe.len & IORING_POLL_ADD_MULTI && !r->file.virtual && !r->in_kernel_set;
	short found = first_by_epoll ? 0 : file_poll(&r->file, (short)r->events);
	if (found & POLLNVAL) return -EBADF;
	if (!(r->sqe.len & IORING_POLL_ADD_MULTI)) return found ? found : -EAGAIN;
	if (r->file.virtual && r->told == r->seen && r->done == (size_t)found) return -EAGAIN;
	r->told = r->seen;
	r->done = (size_t)found;
	if (found && !request_more(r, found, 0)) return found;
	return -EAGAIN;
}

int prepare_poll_remove(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	const unsigned updates = IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA;
	if (e->buf_index || e->splice_fd_in || e->len & ~(updates | IORING_POLL_ADD_MULTI)) return -EINVAL;
	if (e->len == IORING_POLL_ADD_MULTI || (!(e->len & IORING_POLL_UPDATE_USER_DATA) && e->off)) return -EINVAL;
	return !(e->len & IORING_POLL_UPDATE_EVENTS) && e->poll32_events ? -EINVAL : 0;
}

static bool is_poll_of(const struct request *p, const void *user_data)
{
	return p->sqe.opcode == IORING_OP_POLL_ADD && p->sqe.user_data == *(const uint64_t *)user_data;
}

static void poll_change(struct request *p, const struct io_uring_sqe *e)
{
	struct epoll_event none = {0};
	if (p->in_kernel_set) sys(SYS_epoll_ctl, p->ring->kernel_set, EPOLL_CTL_DEL, p->file.fd, &none);
	p->in_kernel_set = false;
	if (e->len & IORING_POLL_UPDATE_EVENTS) {
		p->events = (e->poll32_events & POLL_ASKED) | POLLERR | POLLHUP;
		p->sqe.len = e->len & IORING_POLL_ADD_MULTI;
	}
	if (e->len & IORING_POLL_UPDATE_USER_DATA) p->sqe.user_data = e->off;
}

/* An update ends nothing: the poll goes on with what is new. */
long issue_poll_remove(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	uint64_t user_data = e->addr;
	struct request *p = park_take(r->ring, is_poll_of, &user_data);
	if (!p) return -ENOENT;
	if (!(e->len & (IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA))) {
		request_complete(p, -ECANCELED);
		return 0;
	}
	poll_change(p, e);
	request_issue(p);
	return 0;
}

/* ---- what is registered ---- */

int prepare_files_update(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	if (e->flags & (IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT) || e->rw_flags || e->splice_fd_in) return -EINVAL;
	return e->len == 0 ? -EINVAL : 0;
}

/* Free slots are asked for, and told where the descriptors stood. */
static long files_update_alloc(struct request *r)
{
	int *fds = (int *)(uintptr_t)r->sqe.addr;
	uint32_t done = 0;
	long slot = 0;
	int fd;
	for (; done < r->sqe.len && slot >= 0; done++) {
		if (user_get(fd, fds + done) != 0) slot = -EFAULT;
		else if ((slot = do_dup(fd)) >= 0) slot = files_install(r->ring, IORING_FILE_INDEX_ALLOC, (int)slot);
		if (slot < 0) break;
		fd = (int)slot;
		if (user_put(fds + done, fd) == 0) continue;
		files_remove(r->ring, (uint32_t)slot);
		slot = -EFAULT;
		break;
	}
	return done > 0 ? (long)done : slot;
}

long issue_files_update(struct request *r)
{
	if (r->sqe.off == IORING_FILE_INDEX_ALLOC) return files_update_alloc(r);
	return files_update(r->ring, (uint32_t)r->sqe.off, (const int *)(uintptr_t)r->sqe.addr, NULL, r->sqe.len);
}

int prepare_provide_buffers(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	uint64_t n = (uint32_t)e->fd, size;
	if (e->rw_flags || e->splice_fd_in) return -EINVAL;
	if (n == 0 || n > 65536) return -E2BIG;
	if (e->len == 0) return -EINVAL;
	if (__builtin_mul_overflow(n, (uint64_t)e->len, &size)) return -EOVERFLOW;
	if (!user_there((void *)(uintptr_t)e->addr, 1)) return -EFAULT;
	if (e->off > UINT16_MAX) return -E2BIG;
	return e->off + n > 65536 ? -EINVAL : 0;
}

long issue_provide_buffers(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	return group_provide(r->ring, e->buf_group, e->addr, e->len, (uint32_t)e->fd, (uint16_t)e->off);
}

int prepare_remove_buffers(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	if (e->rw_flags || e->addr || e->len || e->off || e->splice_fd_in) return -EINVAL;
	return e->fd <= 0 || e->fd > 65536 ? -EINVAL : 0;
}

long issue_remove_buffers(struct request *r) { return group_remove(r->ring, r->sqe.buf_group, (uint32_t)r->sqe.fd); }

/* ---- epoll ---- */

int prepare_epoll_ctl(struct request *r) { return r->sqe.buf_index || r->sqe.splice_fd_in ? -EINVAL : 0; }

long issue_epoll_ctl(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	return do_epoll_ctl(e->fd, (int)e->len, (int)e->off, (struct epoll_event *)(uintptr_t)e->addr);
}
