/*
 * io_uring_register: a row for each thing that can be registered. What has no row is refused as a kernel refuses what it does not know: busy
 * polling and what it receives without a copy among them.
 */
#include <fcntl.h>
#include <stdio.h>
#include "shim/uring/uring.h"

typedef long register_fn(struct ring *g, void *arg, unsigned n);

/* ---- buffers and files ---- */

static const uint64_t *tags_at(uint64_t at) { return (const uint64_t *)(uintptr_t)at; }
static const int *fds_at(uint64_t at) { return (const int *)(uintptr_t)at; }
static const struct iovec *iov_at(uint64_t at) { return (const struct iovec *)(uintptr_t)at; }

static long reg_buffers(struct ring *g, void *arg, unsigned n) { return arg ? buffers_register(g, arg, NULL, n) : -EFAULT; }
static long unreg_buffers(struct ring *g, void *arg, unsigned n) { return arg || n ? -EINVAL : buffers_unregister(g); }
static long reg_files(struct ring *g, void *arg, unsigned n) { return arg ? files_register(g, arg, NULL, n) : -EFAULT; }
static long unreg_files(struct ring *g, void *arg, unsigned n) { return arg || n ? -EINVAL : files_unregister(g); }

/* The newer forms' struct; `n` is its size. */
static int resource_get(struct io_uring_rsrc_register *rr, const void *arg, unsigned n)
{
	if (n != sizeof *rr) return -EINVAL;
	if (user_get(*rr, (const struct io_uring_rsrc_register *)arg) != 0) return -EFAULT;
	if (rr->nr == 0 || rr->resv2 || rr->flags & ~IORING_RSRC_REGISTER_SPARSE) return -EINVAL;
	return rr->flags & IORING_RSRC_REGISTER_SPARSE && rr->data ? -EINVAL : 0;
}

static long reg_files2(struct ring *g, void *arg, unsigned n)
{
	struct io_uring_rsrc_register rr;
	int err = resource_get(&rr, arg, n);
	return err < 0 ? err : files_register(g, fds_at(rr.data), tags_at(rr.tags), rr.nr);
}

static long reg_buffers2(struct ring *g, void *arg, unsigned n)
{
	struct io_uring_rsrc_register rr;
	int err = resource_get(&rr, arg, n);
	return err < 0 ? err : buffers_register(g, iov_at(rr.data), tags_at(rr.tags), rr.nr);
}

static long files_change(struct ring *g, void *arg, unsigned n)
{
	struct io_uring_files_update u;
	if (n == 0) return -EINVAL;
	if (user_get(u, (const struct io_uring_files_update *)arg) != 0) return -EFAULT;
	return u.resv ? -EINVAL : files_update(g, u.offset, fds_at(u.fds), NULL, n);
}

static int update_get(struct io_uring_rsrc_update2 *u, const void *arg, unsigned n)
{
	if (n != sizeof *u) return -EINVAL;
	if (user_get(*u, (const struct io_uring_rsrc_update2 *)arg) != 0) return -EFAULT;
	return u->nr == 0 || u->resv || u->resv2 ? -EINVAL : 0;
}

static long files_change2(struct ring *g, void *arg, unsigned n)
{
	struct io_uring_rsrc_update2 u;
	int err = update_get(&u, arg, n);
	return err < 0 ? err : files_update(g, u.offset, fds_at(u.data), tags_at(u.tags), u.nr);
}

static long buffers_change(struct ring *g, void *arg, unsigned n)
{
	struct io_uring_rsrc_update2 u;
	int err = update_get(&u, arg, n);
	return err < 0 ? err : buffers_update(g, u.offset, iov_at(u.data), tags_at(u.tags), u.nr);
}

static long clone_buffers(struct ring *g, void *arg, unsigned n) { return !arg || n != 1 ? -EINVAL : buffers_clone(g, arg); }

static long file_range(struct ring *g, void *arg, unsigned n)
{
	struct io_uring_file_index_range range;
	if (!arg || n) return -EINVAL;
	if (user_get(range, (const struct io_uring_file_index_range *)arg) != 0) return -EFAULT;
	return range.resv ? -EINVAL : files_range(g, range.off, range.len);
}

static long reg_group(struct ring *g, void *arg, unsigned n)
{
	struct uring_group_reg reg;
	if (!arg || n != 1) return -EINVAL;
	return user_get(reg, (const struct uring_group_reg *)arg) != 0 ? -EFAULT : group_ring_register(g, &reg);
}

static long unreg_group(struct ring *g, void *arg, unsigned n)
{
	struct uring_group_reg reg;
	if (!arg || n != 1) return -EINVAL;
	if (user_get(reg, (const struct uring_group_reg *)arg) != 0) return -EFAULT;
	if (reg.flags || reg.resv[0] || reg.resv[1] || reg.resv[2]) return -EINVAL;
	return group_ring_unregister(g, reg.bgid);
}

static long ask_group(struct ring *g, void *arg, unsigned n)
{
	struct uring_group_status s, clean = {0};
	if (!arg || n != 1) return -EINVAL;
	if (user_get(s, (const struct uring_group_status *)arg) != 0) return -EFAULT;
	if (memcmp(s.resv, clean.resv, sizeof s.resv) != 0) return -EINVAL;
	long err = group_status(g, s.buf_group, &s.head);
	return err < 0 ? err : user_put(arg, s);
}

/* ---- eventfds ---- */

static int eventfd_check(int fd)
{
	char path[32], target[32] = "";
	if (fd < 0 || table_peek(fd) == FD_HIDDEN || sys(SYS_fcntl, fd, F_GETFD) < 0) return -EBADF;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	sys(SYS_readlink, path, target, sizeof target - 1);
	return strcmp(target, "anon_inode:[eventfd]") == 0 ? 0 : -EINVAL;
}

static long eventfd_register(struct ring *g, const void *arg, unsigned n, bool async)
{
	int fd;
	if (n != 1) return -EINVAL;
	if (g->eventfd >= 0) return -EBUSY;
	if (user_get(fd, (const int *)arg) != 0) return -EFAULT;
	int err = eventfd_check(fd);
	if (err == 0) err = (int)sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 0);
	if (err < 0) return err;
	g->eventfd_async = async;
	g->eventfd = hide_fd(err, false);
	return 0;
}

static long reg_eventfd(struct ring *g, void *arg, unsigned n) { return eventfd_register(g, arg, n, false); }
static long reg_eventfd_async(struct ring *g, void *arg, unsigned n) { return eventfd_register(g, arg, n, true); }

static long unreg_eventfd(struct ring *g, void *arg, unsigned n)
{
	if (arg || n) return -EINVAL;
	if (g->eventfd < 0) return -ENXIO;
	ring_lock(g);
	hidden_close(&g->eventfd);
	ring_unlock(g);
	return 0;
}

/* ---- the ring itself ---- */

#define PROBED_MAX 256

static long probe(struct ring *g, void *arg, unsigned n)
{
	uint64_t room[(sizeof(struct io_uring_probe) + PROBED_MAX * sizeof(struct io_uring_probe_op)) / sizeof(uint64_t)];
	struct io_uring_probe *p = (struct io_uring_probe *)room;
	size_t size = sizeof *p + n * sizeof p->ops[0];
	(void)g;
	if (!arg || n > PROBED_MAX) return -EINVAL;
	if (user_copy(p, arg, size) != 0) return -EFAULT;
	for (size_t i = 0; i < size / sizeof *room; i++)
		if (room[i] != 0) return -EINVAL;
	n = MIN(n, (unsigned)URING_OPS);
	p->last_op = URING_OPS - 1;
	p->ops_len = (uint8_t)n;
	for (unsigned i = 0; i < n; i++) p->ops[i] = (struct io_uring_probe_op){.op = (uint8_t)i, .flags = op_of(i) ? IO_URING_OP_SUPPORTED : 0};
	return user_copy(arg, p, size);
}

static long restrict_ring(struct ring *g, void *arg, unsigned n) { return restrictions_register(g, arg, n); }
static long reg_region(struct ring *g, void *arg, unsigned n) { return !arg || n != 1 ? -EINVAL : region_register(g, arg); }

static long resize(struct ring *g, void *arg, unsigned n) { return !arg || n != 1 ? -EINVAL : ring_resize(g, arg); }

static long reg_clock(struct ring *g, void *arg, unsigned n)
{
	struct uring_clock c;
	if (!arg || n) return -EINVAL;
	if (user_get(c, (const struct uring_clock *)arg) != 0) return -EFAULT;
	if (c.resv[0] || c.resv[1] || c.resv[2]) return -EINVAL;
	if (c.clockid != CLOCK_MONOTONIC && c.clockid != CLOCK_BOOTTIME) return -EINVAL;
	g->clock = (int)c.clockid;
	return 0;
}

static long enable(struct ring *g, void *arg, unsigned n)
{
	if (arg || n) return -EINVAL;
	if (!atomic_load(&g->disabled)) return -EBADFD;
	if (g->setup_flags & IORING_SETUP_SINGLE_ISSUER) atomic_store(&g->issuer, (int)sys(SYS_gettid));
	atomic_store(&g->disabled, false);
	sqpoll_wake(g);
	return 0;
}

static long reg_personality(struct ring *g, void *arg, unsigned n) { return arg || n ? -EINVAL : personality_add(g); }
static long unreg_personality(struct ring *g, void *arg, unsigned n) { return arg ? -EINVAL : personality_remove(g, n); }

/* For threads that come from now on. */
static long worker_cpus(struct ring *g, void *arg, unsigned n)
{
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	if (!arg || n == 0) return -EINVAL;
	if (user_copy(&cpus, arg, MIN((size_t)n, sizeof cpus)) != 0) return -EFAULT;
	ring_lock(g);
	g->worker_cpus = cpus;
	ring_unlock(g);
	return 0;
}

static long any_worker_cpus(struct ring *g, void *arg, unsigned n)
{
	cpu_set_t none;
	CPU_ZERO(&none);
	return arg || n ? -EINVAL : worker_cpus(g, &none, sizeof none);
}

/* Threads come as they are needed: the limits are kept to be told again. */
static long worker_limits(struct ring *g, void *arg, unsigned n)
{
	uint32_t wanted[2], before[2];
	if (!arg || n != 2) return -EINVAL;
	if (user_get(wanted, (uint32_t(*)[2])arg) != 0) return -EFAULT;
	for (int i = 0; i < 2; i++) {
		before[i] = g->worker_limits[i];
		if (wanted[i] > INT32_MAX) return -EINVAL;
		if (wanted[i] > 0) g->worker_limits[i] = wanted[i];
	}
	return user_put(arg, before);
}

static long sync_cancel(struct ring *g, void *arg, unsigned n)
{
	struct io_uring_sync_cancel_reg sc;
	if (!arg || n != 1) return -EINVAL;
	if (user_get(sc, (struct io_uring_sync_cancel_reg *)arg) != 0) return -EFAULT;
	/* The first octet of what older headers call padding is an operation. */
	if (sc.pad[0] > UINT8_MAX || sc.pad[1] || sc.pad[2] || sc.pad[3] || cancel_check(sc.flags) < 0) return -EINVAL;
	struct cancel c = {.user_data = sc.addr, .flags = sc.flags, .opcode = (uint8_t)sc.pad[0]};
	int err = cancel_file(g, &c, sc.fd);
	long r = err < 0 ? err : cancel_by(g, &c);
	file_release(&c.file);
	return r;
}

static long rings_change(struct ring *g, void *arg, unsigned n, bool add)
{
	struct io_uring_rsrc_update u, *at = arg;
	unsigned done = 0;
	long r = 0;
	(void)g;
	if (n == 0 || n > 16) return -EINVAL;
	for (; done < n && r >= 0; done++) {
		if (user_get(u, at + done) != 0) r = -EFAULT;
		else if (u.resv || (!add && u.data)) r = -EINVAL;
		else r = add ? registered_ring_add((int)u.offset, (int)u.data) : registered_ring_remove(u.offset);
		if (r < 0) break;
		u.offset = (uint32_t)r;
		if (add && user_put(at + done, u) != 0) {
			registered_ring_remove(u.offset);
			r = -EFAULT;
			break;
		}
	}
	return done > 0 ? (long)done : r;
}

static long reg_rings(struct ring *g, void *arg, unsigned n) { return rings_change(g, arg, n, true); }
static long unreg_rings(struct ring *g, void *arg, unsigned n) { return rings_change(g, arg, n, false); }

static register_fn *const rows[URING_REGISTER_OPS] = {
	[IORING_REGISTER_BUFFERS] = reg_buffers,
	[IORING_UNREGISTER_BUFFERS] = unreg_buffers,
	[IORING_REGISTER_FILES] = reg_files,
	[IORING_UNREGISTER_FILES] = unreg_files,
	[IORING_REGISTER_EVENTFD] = reg_eventfd,
	[IORING_UNREGISTER_EVENTFD] = unreg_eventfd,
	[IORING_REGISTER_FILES_UPDATE] = files_change,
	[IORING_REGISTER_EVENTFD_ASYNC] = reg_eventfd_async,
	[IORING_REGISTER_PROBE] = probe,
	[IORING_REGISTER_ENABLE_RINGS] = enable,
	[IORING_REGISTER_FILES2] = reg_files2,
	[IORING_REGISTER_FILES_UPDATE2] = files_change2,
	[IORING_REGISTER_BUFFERS2] = reg_buffers2,
	[IORING_REGISTER_PERSONALITY] = reg_personality,
	[IORING_UNREGISTER_PERSONALITY] = unreg_personality,
	[IORING_REGISTER_IOWQ_AFF] = worker_cpus,
	[IORING_UNREGISTER_IOWQ_AFF] = any_worker_cpus,
	[IORING_REGISTER_IOWQ_MAX_WORKERS] = worker_limits,
	[IORING_REGISTER_RING_FDS] = reg_rings,
	[IORING_UNREGISTER_RING_FDS] = unreg_rings,
	[IORING_REGISTER_PBUF_RING] = reg_group,
	[IORING_UNREGISTER_PBUF_RING] = unreg_group,
	[IORING_REGISTER_SYNC_CANCEL] = sync_cancel,
	[IORING_REGISTER_FILE_ALLOC_RANGE] = file_range,
	[IORING_REGISTER_BUFFERS_UPDATE] = buffers_change,
	[IORING_REGISTER_RESTRICTIONS] = restrict_ring,
	[URING_PBUF_STATUS] = ask_group,
	[URING_CLOCK] = reg_clock,
	[URING_CLONE_BUFFERS] = clone_buffers,
	[URING_RESIZE_RINGS] = resize,
	[URING_MEM_REGION] = reg_region,
};

static long register_on(struct ring *g, unsigned opcode, void *arg, unsigned n)
{
	int issuer = atomic_load(&g->issuer);
	register_fn *row = rows[opcode];
	if (issuer != 0 && issuer != (int)sys(SYS_gettid)) return -EEXIST;
	if (!restrictions_allow_register(g, opcode)) return -EACCES;
	if (!row) return -EINVAL;
	lock_enter(&g->submitting);
	long r = row(g, arg, n);
	lock_leave(&g->submitting);
	return r;
}

/* Without a ring. */
static long register_blind(unsigned opcode, const void *arg, unsigned n)
{
	struct io_uring_sqe e;
	if (opcode != URING_SEND_MSG_RING || !arg || n != 1) return -EINVAL;
	return user_get(e, (const struct io_uring_sqe *)arg) != 0 ? -EFAULT : msg_ring_send(&e);
}

long do_io_uring_register(int fd, unsigned opcode, void *arg, unsigned n)
{
	long err;
	if (!shim.active) return sys(SYS_io_uring_register, fd, opcode, arg, n);
	bool by_slot = opcode & URING_REGISTER_USE_REGISTERED;
	opcode &= ~(unsigned)URING_REGISTER_USE_REGISTERED;
	if (opcode >= URING_REGISTER_OPS) return -EINVAL;
	if (fd == -1) return register_blind(opcode, arg, n);
	struct ring *g = ring_hold(fd, by_slot, &err);
	if (!g) return err;
	long r = register_on(g, opcode, arg, n);
	ring_release(g);
	return r;
}
