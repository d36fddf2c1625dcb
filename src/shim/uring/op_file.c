/* Files by descriptor and by path: each is the system call of its name, made at once. What may stand still, as opening a FIFO, goes to a thread. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include "shim/uring/uring.h"

static const char *path_at(uint64_t at) { return (const char *)(uintptr_t)at; }
/* Descriptors of directories are the program's own numbers. */
static int paths_check(const struct io_uring_sqe *e) { return e->buf_index || e->splice_fd_in ? -EINVAL : e->flags & IOSQE_FIXED_FILE ? -EBADF : 0; }

/* ---- open and close ---- */

int prepare_openat(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	if (e->buf_index) return -EINVAL;
	if (e->flags & IOSQE_FIXED_FILE) return -EBADF;
	return e->file_index && e->open_flags & O_CLOEXEC ? -EINVAL : 0;
}

static long open_now(struct request *r, const struct open_how *how)
{
	const struct io_uring_sqe *e = &r->sqe;
	long fd = how->resolve ? sys(SYS_openat2, e->fd, path_at(e->addr), how, sizeof *how)
			       : do_openat(e->fd, path_at(e->addr), (int)how->flags, (mode_t)how->mode);
	if (fd >= 0 && how->resolve) table_set_kernel((int)fd);
	return fd >= 0 && e->file_index ? files_install(r->ring, e->file_index, (int)fd) : fd;
}

static int how_of(const struct request *r, struct open_how *how)
{
	const struct io_uring_sqe *e = &r->sqe;
	*how = (struct open_how){.flags = e->open_flags, .mode = e->len};
	return e->opcode == IORING_OP_OPENAT2 ? user_copy(how, path_at(e->addr2), sizeof *how) : 0;
}

long block_open(struct request *r)
{
	struct open_how how;
	int err = how_of(r, &how);
	return err < 0 ? err : open_now(r, &how);
}

long issue_openat(struct request *r)
{
	struct open_how how;
	struct stat st;
	int err = how_of(r, &how);
	if (err < 0) return err;
	bool waits = !(how.flags & O_NONBLOCK) && sys(SYS_newfstatat, r->sqe.fd, path_at(r->sqe.addr), &st, 0) == 0 && S_ISFIFO(st.st_mode);
	return waits ? request_block(r) : open_now(r, &how);
}

int prepare_openat2(struct request *r)
{
	struct open_how how;
	if (r->sqe.buf_index) return -EINVAL;
	if (r->sqe.flags & IOSQE_FIXED_FILE) return -EBADF;
	if (r->sqe.len < sizeof how) return -EINVAL;
	if (r->sqe.len > sizeof how) return -E2BIG;
	int err = how_of(r, &how);
	return err < 0 ? err : r->sqe.file_index && how.flags & O_CLOEXEC ? -EINVAL : 0;
}

long issue_openat2(struct request *r) { return issue_openat(r); }

int prepare_close(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	if (e->off || e->addr || e->len || e->rw_flags || e->buf_index) return -EINVAL;
	if (e->flags & IOSQE_FIXED_FILE) return -EBADF;
	return e->file_index && e->fd ? -EINVAL : 0;
}

long issue_close(struct request *r)
{
	struct sock s;
	if (r->sqe.file_index) return files_remove(r->ring, r->sqe.file_index - 1);
	return table_kind(r->sqe.fd, &s) == FD_URING ? -EBADF : do_close(r->sqe.fd);
}

/* A registered file gets a number. */
int prepare_fixed_fd_install(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	if (e->off || e->addr || e->len || e->buf_index || e->splice_fd_in || e->addr3) return -EINVAL;
	if (!(e->flags & IOSQE_FIXED_FILE)) return -EBADF;
	return e->rw_flags & ~URING_INSTALL_NO_CLOEXEC ? -EINVAL : 0;
}

long issue_fixed_fd_install(struct request *r) { return file_number(&r->file, !(r->sqe.rw_flags & URING_INSTALL_NO_CLOEXEC)); }

int prepare_pipe(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	const unsigned known = O_CLOEXEC | O_NONBLOCK | O_DIRECT | O_EXCL /* O_NOTIFICATION_PIPE */;
	if (e->fd || e->off || e->addr3) return -EINVAL;
	return (unsigned)e->rw_flags & ~known ? -EINVAL : 0;
}

/* Two slots side by side, where one is named. */
static long pipe_register(struct request *r, int fds[2])
{
	uint32_t slot = r->sqe.file_index, next = slot == IORING_FILE_INDEX_ALLOC ? slot : slot + 1;
	long first = files_install(r->ring, slot, fds[0]);
	if (first < 0) {
		do_close(fds[1]);
		return first;
	}
	long second = files_install(r->ring, next, fds[1]);
	if (second < 0) {
		files_remove(r->ring, slot == next ? (uint32_t)first : slot - 1);
		return second;
	}
	fds[0] = slot == next ? (int)first : (int)slot - 1;
	fds[1] = slot == next ? (int)second : (int)slot;
	return 0;
}

long issue_pipe(struct request *r)
{
	int fds[2], *to = (int *)(uintptr_t)r->sqe.addr;
	if (r->sqe.file_index && r->sqe.rw_flags & O_CLOEXEC) return -EINVAL;
	if (!user_writable(to, sizeof fds)) return -EFAULT;
	long err = sys(SYS_pipe2, fds, r->sqe.rw_flags);
	if (err < 0) return err;
	for (int i = 0; i < 2; i++) table_set_kernel(fds[i]);
	err = r->sqe.file_index ? pipe_register(r, fds) : 0;
	return err < 0 ? err : user_put(to, *(int(*)[2])fds);
}

/* ---- by descriptor ---- */

int prepare_fsync(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	return e->addr || e->buf_index || e->splice_fd_in || e->fsync_flags & ~IORING_FSYNC_DATASYNC ? -EINVAL : 0;
}

long issue_fsync(struct request *r) { return sys(r->sqe.fsync_flags & IORING_FSYNC_DATASYNC ? SYS_fdatasync : SYS_fsync, r->file.fd); }

int prepare_sync_range(struct request *r) { return r->sqe.addr || r->sqe.buf_index || r->sqe.splice_fd_in ? -EINVAL : 0; }
long issue_sync_range(struct request *r) { return sys(SYS_sync_file_range, r->file.fd, r->sqe.off, r->sqe.len, r->sqe.sync_range_flags); }

int prepare_fallocate(struct request *r) { return r->sqe.buf_index || r->sqe.rw_flags || r->sqe.splice_fd_in ? -EINVAL : 0; }
long issue_fallocate(struct request *r) { return sys(SYS_fallocate, r->file.fd, r->sqe.len, r->sqe.off, r->sqe.addr); }

int prepare_fadvise(struct request *r) { return r->sqe.buf_index || r->sqe.splice_fd_in ? -EINVAL : 0; }

long issue_fadvise(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	return sys(SYS_fadvise64, r->file.fd, e->off, e->addr ? e->addr : e->len, e->fadvise_advice);
}

int prepare_madvise(struct request *r) { return r->sqe.buf_index || r->sqe.splice_fd_in ? -EINVAL : 0; }

long issue_madvise(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	return sys(SYS_madvise, e->addr, e->off ? e->off : e->len, e->fadvise_advice);
}

int prepare_ftruncate(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	return e->rw_flags || e->addr || e->len || e->buf_index || e->splice_fd_in || e->addr3 ? -EINVAL : 0;
}

long issue_ftruncate(struct request *r) { return sys(SYS_ftruncate, r->file.fd, r->sqe.off); }

/* ---- by path ---- */

int prepare_statx(struct request *r) { return r->sqe.buf_index || r->sqe.splice_fd_in ? -EINVAL : r->sqe.flags & IOSQE_FIXED_FILE ? -EBADF : 0; }

long issue_statx(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	if (table_peek(e->fd) == FD_HIDDEN) return -EBADF;
	return sys(SYS_statx, e->fd, e->addr, e->statx_flags, e->len, e->off);
}

int prepare_renameat(struct request *r) { return paths_check(&r->sqe); }
long issue_renameat(struct request *r) { return sys(SYS_renameat2, r->sqe.fd, r->sqe.addr, (int)r->sqe.len, r->sqe.addr2, r->sqe.rename_flags); }

int prepare_unlinkat(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	if (e->off || e->len || e->unlink_flags & ~(unsigned)AT_REMOVEDIR) return -EINVAL;
	return paths_check(e);
}

long issue_unlinkat(struct request *r) { return sys(SYS_unlinkat, r->sqe.fd, r->sqe.addr, r->sqe.unlink_flags); }

int prepare_mkdirat(struct request *r) { return r->sqe.off || r->sqe.rw_flags ? -EINVAL : paths_check(&r->sqe); }
long issue_mkdirat(struct request *r) { return sys(SYS_mkdirat, r->sqe.fd, r->sqe.addr, r->sqe.len); }

int prepare_symlinkat(struct request *r) { return r->sqe.len || r->sqe.rw_flags ? -EINVAL : paths_check(&r->sqe); }
long issue_symlinkat(struct request *r) { return sys(SYS_symlinkat, r->sqe.addr, r->sqe.fd, r->sqe.addr2); }

int prepare_linkat(struct request *r) { return r->sqe.buf_index ? -EINVAL : paths_check(&r->sqe); }
long issue_linkat(struct request *r) { return sys(SYS_linkat, r->sqe.fd, r->sqe.addr, (int)r->sqe.len, r->sqe.addr2, r->sqe.hardlink_flags); }

/* ---- between two ---- */

int prepare_splice(struct request *r)
{
	const unsigned known = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT | SPLICE_F_FD_IN_FIXED;
	return r->sqe.splice_flags & ~known ? -EINVAL : 0;
}

/* What is registered has no number: it gets one for the time of the call. */
static long number_for(struct ring *g, uint32_t index)
{
	struct file f;
	int err = file_fixed(g, index, &f);
	long number = err < 0 ? err : file_number(&f, true);
	file_release(&f);
	return number;
}

static long between(struct request *r, long (*move)(const struct io_uring_sqe *e, int in, int out))
{
	const struct io_uring_sqe *e = &r->sqe;
	bool in_fixed = e->splice_flags & SPLICE_F_FD_IN_FIXED, out_fixed = e->flags & IOSQE_FIXED_FILE;
	long in = in_fixed ? number_for(r->ring, (uint32_t)e->splice_fd_in) : e->splice_fd_in;
	long out = in_fixed && in < 0 ? -EBADF : out_fixed ? number_for(r->ring, (uint32_t)e->fd) : r->file.virtual ? r->file.number : r->file.fd;
	long n = in < 0 || out < 0 ? -EBADF : move(e, (int)in, (int)out);
	if (in_fixed && in >= 0) do_close((int)in);
	if (out_fixed && out >= 0) do_close((int)out);
	return n;
}

static long splice_move(const struct io_uring_sqe *e, int in, int out)
{
	off_t in_at = (off_t)e->splice_off_in, out_at = (off_t)e->off;
	return do_splice(in, in_at == -1 ? NULL : &in_at, out, out_at == -1 ? NULL : &out_at, e->len, e->splice_flags & ~SPLICE_F_FD_IN_FIXED);
}

static long tee_move(const struct io_uring_sqe *e, int in, int out) { return sys(SYS_tee, in, out, e->len, e->splice_flags & ~SPLICE_F_FD_IN_FIXED); }

long block_splice(struct request *r) { return between(r, splice_move); }
long issue_splice(struct request *r) { return r->sqe.len ? request_block(r) : 0; }

int prepare_tee(struct request *r) { return r->sqe.splice_off_in || r->sqe.off ? -EINVAL : prepare_splice(r); }
long block_tee(struct request *r) { return between(r, tee_move); }
long issue_tee(struct request *r) { return issue_splice(r); }
