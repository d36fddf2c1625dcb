/*
 * Reading and writing of whatever file. A file with places is read at once, as if it could not block; anything else without waiting, and parked
 * when there is nothing. Where the kernel knows no such read (RWF_NOWAIT), poll is asked first.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include "shim/unix.h"
#include "shim/uring/uring.h"

/* The program's pieces, copied: it may forget them when the entry has been submitted. */
int iov_take(struct request *r, const struct iovec *from, uint32_t n)
{
	if (n > IOV_MAX) return -EINVAL;
	r->iov = r->iov_here;
	if (n > ARRAY_SIZE(r->iov_here)) {
		r->iov_mapped = n * sizeof *from;
		if (!(r->iov = uring_pages(r->iov_mapped))) r->iov_mapped = 0;
	}
	if (!r->iov) return -ENOMEM;
	if (user_copy(r->iov, from, n * sizeof *from) != 0) return -EFAULT;
	r->msg.msg_iov = r->iov;
	r->msg.msg_iovlen = n;
	ssize_t total = iov_total(r->iov, (int)n);
	return total < 0 ? (int)total : 0;
}

void iov_one(struct request *r, uint64_t addr, size_t len)
{
	r->iov = r->iov_here;
	r->iov[0] = (struct iovec){(void *)(uintptr_t)addr, MIN(len, (size_t)INT_MAX & ~(size_t)4095)};
	r->msg.msg_iov = r->iov;
	r->msg.msg_iovlen = 1;
}

void iov_advance(struct request *r, size_t n)
{
	while (n > 0 && r->msg.msg_iovlen > 0) {
		size_t part = MIN(n, r->msg.msg_iov->iov_len);
		r->msg.msg_iov->iov_base = (char *)r->msg.msg_iov->iov_base + part;
		r->msg.msg_iov->iov_len -= part;
		n -= part;
		if (r->msg.msg_iov->iov_len > 0) break;
		r->msg.msg_iov++;
		r->msg.msg_iovlen--;
	}
}

size_t iov_length(const struct request *r)
{
	size_t n = 0;
	for (size_t i = 0; i < r->msg.msg_iovlen; i++) n += r->msg.msg_iov[i].iov_len;
	return n;
}

/* ---- one attempt ---- */

static bool has_places(int fd)
{
	struct stat st;
	return sys(SYS_fstat, fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode) || S_ISDIR(st.st_mode));
}

static long transfer(const struct request *r, bool writes, uint64_t off, int flags)
{
	long call = writes ? SYS_pwritev2 : SYS_preadv2;
	return sys(call, r->file.fd, r->msg.msg_iov, r->msg.msg_iovlen, off, 0, flags);
}

/* What poll found there another thread, or process, may take before us: so a read that cannot be asked not to wait is made in a thread of its own. */
static long transfer_stream(struct request *r, bool writes)
{
	int flags = (int)r->sqe.rw_flags;
	long n = transfer(r, writes, (uint64_t)-1, flags | RWF_NOWAIT);
	if (n != -EOPNOTSUPP || r->nowait) return n;
	if (file_poll(&r->file, writes ? POLLOUT : POLLIN) == 0) return -EAGAIN;
	return r->sqe.flags & IOSQE_BUFFER_SELECT ? transfer(r, writes, (uint64_t)-1, flags) : request_block(r);
}

static long block_transfer(struct request *r, long number)
{
	size_t wanted = iov_length(r);
	const long call[7] = {number, r->file.fd, (long)r->msg.msg_iov, (long)r->msg.msg_iovlen, -1, 0, r->sqe.rw_flags};
	long n = request_sleep(r, call);
	r->failed = n >= 0 && (size_t)n < wanted;
	return n;
}

long block_read(struct request *r) { return block_transfer(r, SYS_preadv2); }
long block_write(struct request *r) { return block_transfer(r, SYS_pwritev2); }

/* Polled are files that bypass the page cache, on a filesystem above a device. */
static bool can_be_polled(const struct file *f)
{
	struct statfs fs;
	long flags = f->virtual || !has_places(f->fd) ? -1 : sys(SYS_fcntl, f->fd, F_GETFL);
	if (flags < 0 || !(flags & O_DIRECT) || sys(SYS_fstatfs, f->fd, &fs) < 0) return false;
	return fs.f_type != TMPFS_MAGIC && fs.f_type != OVERLAYFS_SUPER_MAGIC && fs.f_type != RAMFS_MAGIC;
}

static long attempt(struct request *r, bool writes)
{
	if (r->file.is_ring) return -EINVAL;
	bool polls = r->ring->setup_flags & IORING_SETUP_IOPOLL;
	if (polls && !can_be_polled(&r->file)) return -EOPNOTSUPP;
	if (!polls && r->sqe.rw_flags & RWF_HIPRI) return -EINVAL;
	bool at_place = r->sqe.off != 0 && r->sqe.off != (uint64_t)-1;   /* which a socket has not */
	if (r->file.virtual && at_place) return -ESPIPE;
	if (r->file.virtual) return writes ? file_send(&r->file, &r->msg, MSG_DONTWAIT | MSG_NOSIGNAL) : file_recv(&r->file, &r->msg, MSG_DONTWAIT);
	if (has_places(r->file.fd)) return transfer(r, writes, r->sqe.off, (int)r->sqe.rw_flags);
	if (at_place && is_socket(r->file.fd)) return -ESPIPE;
	if (writes) kernel_sends(r->file.fd, NULL, 0);
	return transfer_stream(r, writes);
}

static long issue(struct request *r, bool writes)
{
	size_t wanted = iov_length(r);
	if (wanted == 0 && r->file.virtual && !writes) return 0;
	long n = attempt(r, writes);
	if (n == -EINTR) n = -EAGAIN;
	if (n >= 0 && (size_t)n < wanted) r->failed = true;   /* for its chain */
	return n;
}

static int prepare(struct request *r)
{
	r->nowait = r->sqe.rw_flags & RWF_NOWAIT;
	return r->sqe.splice_fd_in ? -EINVAL : 0;
}

/* ---- the operations ---- */

static int prepare_pieces(struct request *r)
{
	int err = prepare(r);
	return err < 0 ? err : iov_take(r, (const struct iovec *)(uintptr_t)r->sqe.addr, r->sqe.len);
}

int prepare_readv(struct request *r) { return prepare_pieces(r); }
int prepare_writev(struct request *r) { return prepare_pieces(r); }
long issue_readv(struct request *r) { return issue(r, false); }
long issue_writev(struct request *r) { return issue(r, true); }

static int prepare_plain(struct request *r)
{
	iov_one(r, r->sqe.addr, r->sqe.len);
	return prepare(r);
}

int prepare_read(struct request *r) { return prepare_plain(r); }
int prepare_write(struct request *r) { return prepare_plain(r); }
long issue_write(struct request *r) { return issue(r, true); }

long issue_read(struct request *r)
{
	if (!(r->sqe.flags & IOSQE_BUFFER_SELECT)) return issue(r, false);
	r->msg.msg_iov = r->iov;
	r->msg.msg_iovlen = 1;
	struct iovec buffer;
	long n = buffers_select(r, r->sqe.len, &buffer, 1);
	r->iov[0] = buffer;
	if (n > 0) n = issue(r, false);
	buffers_settle(r, n, &buffer);
	return n;
}

int prepare_read_multishot(struct request *r)
{
	if (!(r->sqe.flags & IOSQE_BUFFER_SELECT)) return -EINVAL;
	int err = prepare_plain(r);
	return err == 0 && (r->sqe.addr || r->sqe.len) ? -EINVAL : err;
}

/* A completion for each buffer that is filled. Only what can be waited for has a next time. */
long issue_read_multishot(struct request *r)
{
	if (!r->file.virtual && has_places(r->file.fd)) return -EBADFD;
	for (;;) {
		long n = issue_read(r);
		if (n <= 0 || !request_more(r, n, r->flags)) return n;
		r->failed = false;
	}
}

int prepare_read_fixed(struct request *r) { return prepare_plain(r); }
int prepare_write_fixed(struct request *r) { return prepare_plain(r); }

static long issue_fixed(struct request *r, bool writes)
{
	int err = buffer_fixed(r, r->sqe.buf_index);
	return err < 0 ? err : issue(r, writes);
}

long issue_read_fixed(struct request *r) { return issue_fixed(r, false); }
long issue_write_fixed(struct request *r) { return issue_fixed(r, true); }
int prepare_readv_fixed(struct request *r) { return prepare_pieces(r); }
int prepare_writev_fixed(struct request *r) { return prepare_pieces(r); }
long issue_readv_fixed(struct request *r) { return issue_fixed(r, false); }
long issue_writev_fixed(struct request *r) { return issue_fixed(r, true); }
