/* Extended attributes, by descriptor and by path: the kernel's calls, made at once. */
#include <sys/xattr.h>
#include "shim/uring/uring.h"

#define SET_FLAGS (XATTR_CREATE | XATTR_REPLACE)

static int prepare(const struct io_uring_sqe *e, unsigned known)
{
	return e->buf_index || e->splice_fd_in || e->xattr_flags & ~known ? -EINVAL : 0;
}

/* addr: the name; addr2: the value; addr3: the path. */
int prepare_fsetxattr(struct request *r) { return prepare(&r->sqe, SET_FLAGS); }
int prepare_fgetxattr(struct request *r) { return prepare(&r->sqe, 0); }
int prepare_setxattr(struct request *r) { return r->sqe.flags & IOSQE_FIXED_FILE ? -EBADF : prepare(&r->sqe, SET_FLAGS); }
int prepare_getxattr(struct request *r) { return r->sqe.flags & IOSQE_FIXED_FILE ? -EBADF : prepare(&r->sqe, 0); }

long issue_fsetxattr(struct request *r) { return sys(SYS_fsetxattr, r->file.fd, r->sqe.addr, r->sqe.addr2, r->sqe.len, (int)r->sqe.xattr_flags); }
long issue_fgetxattr(struct request *r) { return do_fgetxattr(r->file.fd, (const char *)r->sqe.addr, (void *)r->sqe.addr2, r->sqe.len); }
long issue_setxattr(struct request *r) { return sys(SYS_setxattr, r->sqe.addr3, r->sqe.addr, r->sqe.addr2, r->sqe.len, (int)r->sqe.xattr_flags); }
long issue_getxattr(struct request *r) { return sys(SYS_getxattr, r->sqe.addr3, r->sqe.addr, r->sqe.addr2, r->sqe.len); }
