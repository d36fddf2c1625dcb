/* What changes a socket: it is made, named, connected, accepted, shut, asked. */
#include "shim/internal.h"
#include "shim/unix.h"
#include "shim/uring/uring.h"

/* A new descriptor goes to the program, or into the table of registered files. */
static long hand_out(struct request *r, long fd)
{
	return fd >= 0 && r->sqe.file_index ? files_install(r->ring, r->sqe.file_index, (int)fd) : fd;
}

static int flags_check(const struct io_uring_sqe *e, int flags)
{
	if (flags & ~TYPE_FLAGS) return -EINVAL;
	return e->file_index && flags & SOCK_CLOEXEC ? -EINVAL : 0;
}

/* ---- accept ---- */

static bool is_multishot(const struct request *r) { return r->sqe.ioprio & IORING_ACCEPT_MULTISHOT; }

int prepare_accept(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	if (e->len || e->buf_index) return -EINVAL;
	if (e->ioprio & ~(IORING_ACCEPT_MULTISHOT | URING_ACCEPT_DONTWAIT | URING_ACCEPT_POLL_FIRST)) return -EINVAL;
	int err = flags_check(e, (int)e->accept_flags);
	if (err == 0 && is_multishot(r) && e->file_index && e->file_index != IORING_FILE_INDEX_ALLOC) err = -EINVAL;
	r->nowait = e->ioprio & URING_ACCEPT_DONTWAIT;
	return err;
}

/* Of the kernel's: one that does not listen answers an error at once. */
static bool would_wait(const struct file *f)
{
	int listens = 0;
	socklen_t len = sizeof listens;
	return gate(SYS_getsockopt, f->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens && file_poll(f, POLLIN) == 0;
}

static long accept_one(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	struct sockaddr *addr = (struct sockaddr *)(uintptr_t)e->addr;
	socklen_t *len = (socklen_t *)(uintptr_t)e->addr2;
	if (r->file.virtual) return hand_out(r, sock_accept(&r->file.sock, addr, len, (int)e->accept_flags));
	if (!is_socket(r->file.fd)) return -ENOTSOCK;
	if (would_wait(&r->file)) return -EAGAIN;
	return hand_out(r, kernel_accept4(r->file.fd, addr, len, (int)e->accept_flags));
}

long issue_accept(struct request *r)
{
	for (;;) {
		long n = accept_one(r);
		if (n < 0 || !is_multishot(r) || !request_more(r, n, 0)) return n;
	}
}

/* ---- connect, socket, bind, listen, shutdown ---- */

int prepare_connect(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	if (e->len || e->buf_index || e->rw_flags || e->splice_fd_in) return -EINVAL;
	if (e->addr2 > sizeof r->name) return -EINVAL;
	return user_copy(&r->name, (const void *)(uintptr_t)e->addr, e->addr2);
}

/* Asked again until it is settled; what was under way before us is not ours to wait for. */
long issue_connect(struct request *r)
{
	const struct sockaddr *name = (const struct sockaddr *)&r->name;
	if (!r->file.virtual) return do_connect(r->file.fd, name, (socklen_t)r->sqe.addr2);
	long n = sock_connect(&r->file.sock, name, (socklen_t)r->sqe.addr2, r->done == 0);
	bool waits = n == -EINPROGRESS || (n == -EALREADY && r->done > 0);
	r->done = 1;
	return waits ? -EAGAIN : n;
}

int prepare_socket(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	if (e->addr || e->rw_flags || e->buf_index) return -EINVAL;
	return flags_check(e, (int)e->off & ~0xf);
}

long issue_socket(struct request *r) { return hand_out(r, do_socket(r->sqe.fd, (int)r->sqe.off, (int)r->sqe.len)); }

int prepare_bind(struct request *r) { return prepare_connect(r); }

long issue_bind(struct request *r)
{
	const struct sockaddr *name = (const struct sockaddr *)&r->name;
	socklen_t len = (socklen_t)r->sqe.addr2;
	return r->file.virtual ? sock_bind(&r->file.sock, name, len) : kernel_bind(r->file.fd, name, len);
}

int prepare_listen(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	return e->addr || e->buf_index || e->rw_flags || e->splice_fd_in || e->addr2 ? -EINVAL : 0;
}

long issue_listen(struct request *r)
{
	int backlog = (int)r->sqe.len;
	return r->file.virtual ? sock_listen(&r->file.sock, backlog) : gate(SYS_listen, r->file.fd, backlog);
}

int prepare_shutdown(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	return e->off || e->addr || e->rw_flags || e->buf_index || e->splice_fd_in ? -EINVAL : 0;
}

long issue_shutdown(struct request *r)
{
	int how = (int)r->sqe.len;
	return r->file.virtual ? (long)control_simple(RPC_SHUTDOWN, &r->file.sock, how, 0, 0) : gate(SYS_shutdown, r->file.fd, how);
}

/* ---- commands ---- */

/* level and optname lie in addr, the value's place in addr3, its length in splice_fd_in. */
struct option { int level, name; void *value; socklen_t len; };

static struct option option_of(const struct io_uring_sqe *e)
{
	return (struct option){(int)(e->addr & UINT32_MAX), (int)(e->addr >> 32), (void *)(uintptr_t)e->addr3, (socklen_t)e->splice_fd_in};
}

int prepare_cmd(struct request *r) { return r->sqe.__pad1 || r->sqe.uring_cmd_flags ? -EINVAL : 0; }

static long cmd_ioctl(const struct file *f, unsigned long request)
{
	int n = 0;
	long err = f->virtual ? sock_ioctl(&f->sock, request, &n) : sys(SYS_ioctl, f->fd, request, &n);
	return err < 0 ? err : n;
}

static long cmd_getsockopt(const struct file *f, struct option o)
{
	if (o.level != SOL_SOCKET) return -EOPNOTSUPP;
	long err = f->virtual ? sock_getsockopt(&f->sock, o.level, o.name, o.value, &o.len) : kernel_getsockopt(f->fd, o.level, o.name, o.value, &o.len);
	return err < 0 ? err : (long)o.len;
}

long issue_cmd(struct request *r)
{
	const struct file *f = &r->file;
	struct option o = option_of(&r->sqe);
	if (r->ring->setup_flags & IORING_SETUP_IOPOLL || (!f->virtual && !is_socket(f->fd))) return -EOPNOTSUPP;
	switch (r->sqe.cmd_op) {
	case URING_SIOCINQ: return cmd_ioctl(f, 0x541b /* FIONREAD */);
	case URING_SIOCOUTQ: return cmd_ioctl(f, 0x5411 /* TIOCOUTQ */);
	case URING_GETSOCKOPT: return cmd_getsockopt(f, o);
	case URING_SETSOCKOPT:
		if (f->virtual) return sock_setsockopt(&f->sock, o.level, o.name, o.value, o.len);
		return kernel_setsockopt(f->fd, o.level, o.name, o.value, o.len);
	default: return -EOPNOTSUPP;
	}
}
