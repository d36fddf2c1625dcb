/*
 * Linux AIO (io_submit) on sockets of ours. The kernel knows our sockets by their anchors, on which there is nothing to read; so in its context we put a
 * poll of an eventfd in the place of what was asked for, under the same name, and io_getevents gives the event the true result:
 *
 *     io_submit     iocb -> poll of an eventfd      what was asked for is done: at once, or, of polls, by a ring's thread (uring/park.c)
 *     settled       result kept, eventfd written    the kernel's event comes
 *     io_getevents  event, by its iocb -> result
 *
 * Reads and writes wait in io_submit, as they do in Linux. Everything about other files goes to the kernel as it is. It is libaio's functions and libc's
 * syscall() that lead here; nobody traps a program's own instruction, which sees the kernel's context only.
 */
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <sys/eventfd.h>
#include "shim/aio.h"
#include "shim/internal.h"
#include "shim/shim.h"
#include "shim/uring/uring.h"

#define PENDING_MAX 4096u

/* One that we have in hand, from its submission until its event is read; abandoned: that came first, for it was cancelled. */
struct pending { bool used, settled, abandoned; unsigned long context; uint64_t iocb; long result; int eventfd; };
static struct pending *pending;            /* PENDING_MAX */
static _Atomic uint32_t pendings, top;     /* how many are used; none is from there on */
static struct lock lock;
static struct ring *polls;                 /* has no descriptor, and nobody else knows it */

/* ---- what is in hand ---- */

/* Under the lock. */
static void pending_free(struct pending *p)
{
	p->used = false;
	atomic_fetch_sub(&pendings, 1);
}

/* Under the lock. One of the same name has ended, and its event was read past us. */
static struct pending *place_for(unsigned long context, uint64_t iocb)
{
	struct pending *empty = NULL;
	for (uint32_t i = 0; pending && i < PENDING_MAX && (i < atomic_load(&top) || !empty); i++) {
		struct pending *p = &pending[i];
		if (p->used && p->settled && p->context == context && p->iocb == iocb) pending_free(p);
		if (!p->used && !empty) empty = p;
	}
	return empty;
}

static struct pending *pending_new(unsigned long context, uint64_t iocb)
{
	int fd = (int)sys(SYS_eventfd2, 0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd < 0) return NULL;
	fd = hide_fd(fd, false);
	lock_enter(&lock);
	if (!pending) pending = uring_pages(PENDING_MAX * sizeof *pending);
	struct pending *p = place_for(context, iocb);
	if (p) {
		*p = (struct pending){.used = true, .context = context, .iocb = iocb, .eventfd = fd};
		atomic_fetch_add(&pendings, 1);
		atomic_store(&top, MAX(atomic_load(&top), (uint32_t)(p - pending) + 1));
	}
	lock_leave(&lock);
	if (!p) hidden_close(&fd);
	return p;
}

static void settle(struct pending *p, long result)
{
	lock_enter(&lock);
	p->result = result;
	p->settled = true;
	int fd = p->eventfd;
	p->eventfd = -1;
	if (p->abandoned) pending_free(p);
	lock_leave(&lock);
	eventfd_add(fd);
	hidden_close(&fd);
}

/* ---- submitting ---- */

/* The kernel reads the program's entry: so that is changed for the moment. */
static long place_take(struct pending *p, struct iocb *at, const struct iocb *was)
{
	struct iocb poll = {.aio_data = was->aio_data, .aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = (uint32_t)p->eventfd, .aio_buf = POLLIN,
			    .aio_flags = was->aio_flags, .aio_resfd = was->aio_resfd, .aio_reserved2 = was->aio_reserved2};
	if (user_put(at, poll) != 0) return -EFAULT;
	long r = sys(SYS_io_submit, p->context, 1, &at);
	if (user_put(at, *was) != 0) return -EFAULT;
	return r == 0 ? -EAGAIN : r;
}

static long transfer(const struct sock *s, const struct iocb *c)
{
	bool writes = c->aio_lio_opcode == IOCB_CMD_PWRITE || c->aio_lio_opcode == IOCB_CMD_PWRITEV;
	bool vector = c->aio_lio_opcode == IOCB_CMD_PREADV || c->aio_lio_opcode == IOCB_CMD_PWRITEV;
	struct iovec one = {(void *)(uintptr_t)c->aio_buf, c->aio_nbytes};
	struct msghdr m = {.msg_iov = vector ? (struct iovec *)(uintptr_t)c->aio_buf : &one, .msg_iovlen = vector ? c->aio_nbytes : 1};
	int flags = c->aio_rw_flags & RWF_NOWAIT ? MSG_DONTWAIT : 0;
	if (c->aio_offset != 0) return -ESPIPE;
	if (!vector && !writes && one.iov_len == 0) return 0;
	return writes ? sock_sendmsg(s, &m, flags) : sock_recvmsg(s, &m, flags);
}

/* A poll that has waited answers in Linux what the wake-up says, which names more than was asked for; one that has not, or at the end, what there is. */
static short told_by(const struct request *r, short found)
{
	bool ends = file_poll(&r->file, POLLRDHUP) != 0;
	if (r->done == 0 || ends) return found;
	if (found & POLLIN) return POLLIN | POLLPRI | POLLRDNORM | POLLRDBAND;
	return found & POLLOUT ? POLLOUT | POLLWRNORM | POLLWRBAND : found;
}

static long poll_issue(struct request *r)
{
	short found = file_poll(&r->file, (short)r->events);
	if (found != 0) settle((struct pending *)(uintptr_t)r->sqe.user_data, told_by(r, found));
	r->done = 1;
	return found != 0 ? 0 : -EAGAIN;
}

static const struct op poll_op = {.flags = OP_FILE, .issue = poll_issue};

static struct ring *polls_ring(void)
{
	lock_enter(&lock);
	if (!polls) polls = ring_of_ours();
	lock_leave(&lock);
	return polls;
}

static void poll_begin(struct pending *p, const struct sock *s, unsigned events)
{
	struct ring *g = polls_ring();
	struct request *r = NULL;
	if (g) {
		ring_lock(g);
		if ((r = request_new(g))) g->outstanding++;
		ring_unlock(g);
	}
	if (!r) {
		settle(p, -ENOMEM);
		return;
	}
	r->op = &poll_op;
	r->sqe.user_data = (uintptr_t)p;
	r->sqe.flags = IOSQE_CQE_SKIP_SUCCESS;
	r->events = events | POLLERR | POLLHUP;
	r->file = (struct file){.virtual = true, .fd = s->fd, .number = s->fd, .sock = *s};
	int err = file_hold(&r->file);
	if (err < 0) {
		settle(p, err);
		r->invalid = true;
	}
	request_issue(r);
}

/* As the kernel finds them wrong. */
static int entry_check(const struct iocb *c)
{
	if (c->aio_reserved2 || (ssize_t)c->aio_nbytes < 0) return -EINVAL;
	switch (c->aio_lio_opcode) {
	case IOCB_CMD_PREAD:
	case IOCB_CMD_PWRITE:
	case IOCB_CMD_PREADV:
	case IOCB_CMD_PWRITEV:
		if (c->aio_rw_flags & ~RWF_NOWAIT) return -EOPNOTSUPP;
		return c->aio_offset < 0 ? -EINVAL : 0;
	case IOCB_CMD_POLL: return c->aio_buf > UINT16_MAX || c->aio_offset || c->aio_nbytes || c->aio_rw_flags ? -EINVAL : 0;
	default: return -EINVAL;
	}
}

static long submit_ours(unsigned long context, struct iocb *at, const struct iocb *c, const struct sock *s)
{
	int err = entry_check(c);
	if (err < 0) return err;
	struct pending *p = pending_new(context, (uintptr_t)at);
	if (!p) return -EAGAIN;
	long r = place_take(p, at, c);
	if (r < 0) {
		hidden_close(&p->eventfd);
		lock_enter(&lock);
		pending_free(p);
		lock_leave(&lock);
		return r;
	}
	if (c->aio_lio_opcode == IOCB_CMD_POLL) poll_begin(p, s, (unsigned)c->aio_buf);
	else settle(p, transfer(s, c));
	return 1;
}

/* The entry at list[i], if it is on a socket of ours. */
static bool is_ours(struct iocb **list, long i, struct iocb **ret_at, struct iocb *ret, struct sock *s)
{
	return user_get(*ret_at, list + i) == 0 && user_get(*ret, *ret_at) == 0 && sock_of((int)ret->aio_fildes, s);
}

long do_io_submit(unsigned long context, long n, struct iocb **list)
{
	struct iocb *at, c;
	struct sock s;
	long done = 0, r = 1;
	if (!shim.active || n <= 0 || !list) return sys(SYS_io_submit, context, n, list);
	while (done < n && r > 0) {
		long others = 0;
		while (done + others < n && !is_ours(list, done + others, &at, &c, &s)) others++;
		r = others > 0 ? sys(SYS_io_submit, context, others, list + done) : submit_ours(context, at, &c, &s);
		if (r > 0) done += r;
		if (others > 0 && r < others) break;
	}
	return done > 0 ? done : r;
}

/* ---- events ---- */

static void event_mend(unsigned long context, struct io_event *e)
{
	lock_enter(&lock);
	for (uint32_t i = 0; i < atomic_load(&top); i++) {
		struct pending *p = &pending[i];
		if (!p->used || p->abandoned || p->context != context || p->iocb != e->obj) continue;
		if (p->settled) {
			e->res = p->result;
			pending_free(p);
		} else p->abandoned = true;
		break;
	}
	lock_leave(&lock);
}

static long events_mend(unsigned long context, struct io_event *events, long n)
{
	struct io_event e;
	for (long i = 0; i < n && atomic_load(&pendings) > 0; i++) {
		if (user_get(e, events + i) != 0) return -EFAULT;
		event_mend(context, &e);
		if (user_put(events + i, e) != 0) return -EFAULT;
	}
	return n;
}

long do_io_getevents(unsigned long context, long min, long max, struct io_event *events, struct timespec *timeout)
{
	uint32_t handled = atomic_load_explicit(&self.handled, memory_order_relaxed);
	long n = cancellable(sleep_call(SYS_io_getevents, (long)context, min, max, (long)events, (long)timeout, 0, &self.handled, handled));
	return shim.active ? events_mend(context, events, n) : n;
}

long do_io_pgetevents(unsigned long context, long min, long max, struct io_event *events, struct timespec *timeout, void *mask)
{
	uint32_t handled = atomic_load_explicit(&self.handled, memory_order_relaxed);
	long n = cancellable(
		sleep_call(SYS_io_pgetevents, (long)context, min, max, (long)events, (long)timeout, (long)mask, &self.handled, handled));
	return shim.active ? events_mend(context, events, n) : n;
}

/* A context is its process's alone. */
void aio_forked(void)
{
	atomic_store(&lock.word, 0);
	for (uint32_t i = 0; i < atomic_load(&top); i++) {
		if (pending[i].used) hidden_close(&pending[i].eventfd);
		pending[i] = (struct pending){0};
	}
	atomic_store(&pendings, 0);
	atomic_store(&top, 0);
	polls = NULL;
}

int *aio_slot(int fd)
{
	for (uint32_t i = 0; i < atomic_load(&top); i++)
		if (pending[i].used && pending[i].eventfd == fd) return &pending[i].eventfd;
	return NULL;
}
