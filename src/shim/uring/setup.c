/*
 * io_uring_setup: a memory file laid out as the kernel lays out its ring. liburing maps it with system calls of its own, which nobody catches; so the
 * offsets that io_uring has agreed with programs are offsets in this file:
 *
 *     0            heads and tails, CQEs, SQ array
 *     0x10000000   SQEs
 *     0x20000000   arguments of waits, if registered (region.c)
 *     0x80000000   rings of provided buffers, if registered (groups.c)
 *
 * The program's descriptor is another open file of the same inode than the one that we map. So its last close, by whatever call, after the last
 * unmapping, is an event for inotify (ring.c). The file is sealed: it never shrinks.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "shim/uring/uring.h"

#define SQ_MAX 32768u
#define CQ_MAX (2 * SQ_MAX)
#define FLAGS_DONE \
	(IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN | \
	 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SQE128 | IORING_SETUP_CQE32 | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | \
	 URING_SETUP_NO_SQARRAY | IORING_SETUP_ATTACH_WQ | IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF | IORING_SETUP_IOPOLL | \
	 URING_SETUP_HYBRID_IOPOLL | URING_SETUP_NO_MMAP | URING_SETUP_REGISTERED_FD_ONLY)
#define FEATURES \
	(IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_RW_CUR_POS | IORING_FEAT_CUR_PERSONALITY | \
	 IORING_FEAT_FAST_POLL | IORING_FEAT_POLL_32BITS | IORING_FEAT_EXT_ARG | IORING_FEAT_NATIVE_WORKERS | IORING_FEAT_CQE_SKIP | \
	 IORING_FEAT_LINKED_FILE | IORING_FEAT_RSRC_TAGS | IORING_FEAT_SQPOLL_NONFIXED | \
	 URING_FEAT_REG_REG_RING | URING_FEAT_RECVSEND_BUNDLE | URING_FEAT_MIN_TIMEOUT | URING_FEAT_NO_IOWAIT)

/* As the kernel's struct io_rings; the CQEs follow. */
struct rings {
	_Atomic uint32_t sq_head __attribute__((aligned(64))), sq_tail;
	_Atomic uint32_t cq_head __attribute__((aligned(64))), cq_tail;
	uint32_t sq_mask, cq_mask, sq_entries, cq_entries;
	_Atomic uint32_t sq_dropped, sq_flags, cq_flags, cq_overflow;
	uint8_t cqes[] __attribute__((aligned(64)));
};

void *uring_pages(size_t size)
{
	long p = sys(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p < 0 && p > -4096 ? NULL : (void *)p;
}

static uint32_t power_of_two(uint32_t n)
{
	uint32_t p = 1;
	while (p < n) p *= 2;
	return p;
}

/* How many entries there are to be: 0, or -EINVAL. */
int ring_entries_choose(uint32_t entries, struct io_uring_params *p)
{
	bool clamp = p->flags & IORING_SETUP_CLAMP;
	if (entries == 0 || (entries > SQ_MAX && !clamp)) return -EINVAL;
	p->sq_entries = power_of_two(MIN(entries, SQ_MAX));
	if (!(p->flags & IORING_SETUP_CQSIZE)) {
		p->cq_entries = 2 * p->sq_entries;
		return 0;
	}
	if (p->cq_entries == 0 || (p->cq_entries > CQ_MAX && !clamp)) return -EINVAL;
	p->cq_entries = power_of_two(MIN(p->cq_entries, CQ_MAX));
	return p->cq_entries < p->sq_entries ? -EINVAL : 0;
}

static int flags_check(const struct io_uring_params *p)
{
	uint32_t f = p->flags;
	if (p->resv[0] || p->resv[1] || p->resv[2]) return -EINVAL;
	if (f & ~(uint32_t)FLAGS_DONE) return -EINVAL;
	if (f & URING_SETUP_REGISTERED_FD_ONLY && !(f & URING_SETUP_NO_MMAP)) return -EINVAL;
	if (f & IORING_SETUP_TASKRUN_FLAG && !(f & (IORING_SETUP_COOP_TASKRUN | IORING_SETUP_DEFER_TASKRUN))) return -EINVAL;
	if (f & URING_SETUP_HYBRID_IOPOLL && !(f & IORING_SETUP_IOPOLL)) return -EINVAL;
	return f & IORING_SETUP_DEFER_TASKRUN && !(f & IORING_SETUP_SINGLE_ISSUER) ? -EINVAL : 0;
}

static size_t rings_need(const struct io_uring_params *p, uint32_t sq, uint32_t cq)
{
	return whole_pages(sizeof(struct rings) + (size_t)cq * (p->flags & IORING_SETUP_CQE32 ? 32 : 16) + sq * sizeof(uint32_t));
}

static size_t sqes_need(const struct io_uring_params *p, uint32_t sq) { return whole_pages((size_t)sq * (p->flags & IORING_SETUP_SQE128 ? 128 : 64)); }

/* The program's own memory, whose addresses stand where older headers have nothing. */
static int memory_use_theirs(struct ring *g, const struct io_uring_params *p)
{
	uint64_t rings, sqes;
	memcpy(&rings, (const char *)&p->cq_off + sizeof p->cq_off - sizeof rings, sizeof rings);
	memcpy(&sqes, (const char *)&p->sq_off + sizeof p->sq_off - sizeof sqes, sizeof sqes);
	if (rings == 0 || sqes == 0) return -EFAULT;
	if (rings % PAGE != 0 || sqes % PAGE != 0) return -EINVAL;
	g->rings_size = rings_need(p, p->sq_entries, p->cq_entries);
	g->sqes_size = sqes_need(p, p->sq_entries);
	if (!user_writable((void *)(uintptr_t)rings, g->rings_size) || !user_writable((void *)(uintptr_t)sqes, g->sqes_size)) return -EFAULT;
	g->rings = (uint8_t *)(uintptr_t)rings;
	g->sqes = (uint8_t *)(uintptr_t)sqes;
	g->memory_is_theirs = true;
	return 0;
}

/* Our mapping of a ring that may be resized is as large as it can become. */
static int memory_map(struct ring *g, const struct io_uring_params *p, int fd)
{
	bool grows = p->flags & IORING_SETUP_DEFER_TASKRUN;
	uint32_t sq = grows ? SQ_MAX : p->sq_entries, cq = grows ? CQ_MAX : p->cq_entries;
	g->rings_size = rings_need(p, sq, cq);
	g->sqes_size = sqes_need(p, sq);
	struct { uint8_t **at; size_t size; off_t offset; } parts[2] = {
		{&g->rings, g->rings_size, IORING_OFF_SQ_RING}, {&g->sqes, g->sqes_size, IORING_OFF_SQES}};
	long r = sys(SYS_ftruncate, fd, IORING_OFF_SQES + sqes_need(p, p->sq_entries));
	if (r == 0) r = sys(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL);
	for (int i = 0; r == 0 && i < 2; i++) {
		long at = sys(SYS_mmap, NULL, parts[i].size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, parts[i].offset);
		if (at < 0 && at > -4096) r = at;
		else *parts[i].at = (uint8_t *)at;
	}
	return (int)r;
}

static int memory_grow(struct ring *g, uint64_t size)
{
	struct stat st;
	if (g->memory < 0 || sys(SYS_fstat, g->memory, &st) != 0) return -ENOMEM;
	return (uint64_t)st.st_size < size && sys(SYS_ftruncate, g->memory, size) != 0 ? -ENOMEM : 0;
}

int ring_memory_map(struct ring *g, uint64_t offset, size_t size, void **ret)
{
	int err = memory_grow(g, offset + size);
	if (err < 0) return err;
	long p = sys(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, g->memory, offset);
	if (p < 0 && p > -4096) return (int)p;
	*ret = (void *)p;
	return 0;
}

/* By the memory's name: the program's descriptor is another open file of it. */
void ring_watch(struct ring *g)
{
	char path[32];
	int watcher = g->memory >= 0 ? rings_watch_fd() : -1;
	snprintf(path, sizeof path, "/proc/self/fd/%d", g->memory);
	if (watcher >= 0) g->watch = (int)sys(SYS_inotify_add_watch, watcher, path, 8 /* IN_CLOSE_WRITE */);
}

/* Another open file of the same memory. Where there is no /proc it is the same one, and its closing goes unseen. */
static int descriptor_reopen(struct ring *g, int fd)
{
	char path[32];
	struct stat st;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int again = (int)sys(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
	if (again >= 0) {
		g->memory = hide_fd(fd, false);
		ring_watch(g);
		fd = again;
	}
	if (sys(SYS_fstat, fd, &st) == 0) g->inode = st.st_ino;
	return fd;
}

static void offsets_tell(const struct ring *g, struct io_uring_params *p)
{
	uint32_t array = g->sq_array ? (uint32_t)((uint8_t *)g->sq_array - g->rings) : 0;
	p->sq_off = (struct io_sqring_offsets){
		.head = offsetof(struct rings, sq_head), .tail = offsetof(struct rings, sq_tail), .ring_mask = offsetof(struct rings, sq_mask),
		.ring_entries = offsetof(struct rings, sq_entries), .flags = offsetof(struct rings, sq_flags),
		.dropped = offsetof(struct rings, sq_dropped), .array = array};
	p->cq_off = (struct io_cqring_offsets){
		.head = offsetof(struct rings, cq_head), .tail = offsetof(struct rings, cq_tail), .ring_mask = offsetof(struct rings, cq_mask),
		.ring_entries = offsetof(struct rings, cq_entries), .overflow = offsetof(struct rings, cq_overflow), .cqes = sizeof(struct rings),
		.flags = offsetof(struct rings, cq_flags)};
}

int ring_layout(struct ring *g, struct io_uring_params *p)
{
	struct rings *s = (struct rings *)g->rings;
	int err = g->memory < 0 ? 0 : memory_grow(g, IORING_OFF_SQES + sqes_need(p, p->sq_entries));
	if (err < 0) return err;
	g->sq_entries = p->sq_entries;
	g->cq_entries = p->cq_entries;
	s->sq_mask = g->sq_entries - 1, s->cq_mask = g->cq_entries - 1, s->sq_entries = g->sq_entries, s->cq_entries = g->cq_entries;
	g->sq_head = &s->sq_head, g->sq_tail = &s->sq_tail, g->cq_head = &s->cq_head, g->cq_tail = &s->cq_tail;
	g->sq_dropped = &s->sq_dropped, g->sq_flags = &s->sq_flags, g->cq_flags = &s->cq_flags, g->cq_overflow = &s->cq_overflow;
	g->cqes = s->cqes;
	g->sq_array = p->flags & URING_SETUP_NO_SQARRAY ? NULL : (_Atomic uint32_t *)(s->cqes + (size_t)g->cq_entries * g->cqe_size);
	offsets_tell(g, p);
	return 0;
}

static int ring_lists_make(struct ring *g)
{
	int r = shared_make(g);
	if (r < 0) return r;
	g->parked_on = uring_pages(CHANNEL_MAX * sizeof(struct request *));
	g->watched = uring_pages(CHANNEL_MAX * sizeof *g->watched);
	return g->parked_on && g->watched ? 0 : -ENOMEM;
}

/* One without queues, for requests of the shim's own: none of them may have a completion. */
struct ring *ring_of_ours(void)
{
	struct ring *g = ring_new();
	if (!g || ring_lists_make(g) == 0) return g;
	ring_release(g);
	return NULL;
}

static int ring_make(struct ring *g, struct io_uring_params *p)
{
	g->setup_flags = p->flags;
	g->worker_limits[0] = g->worker_limits[1] = 64;
	g->sqe_size = p->flags & IORING_SETUP_SQE128 ? 128 : 64;
	g->cqe_size = p->flags & IORING_SETUP_CQE32 ? 32 : 16;
	int r = ring_lists_make(g);
	if (r < 0) return r;
	atomic_store(&g->disabled, p->flags & IORING_SETUP_R_DISABLED);
	if (p->flags & IORING_SETUP_SINGLE_ISSUER && !(p->flags & IORING_SETUP_R_DISABLED)) atomic_store(&g->issuer, (int)sys(SYS_gettid));
	int fd = (int)sys(SYS_memfd_create, "io_uring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0) return fd;
	r = p->flags & URING_SETUP_NO_MMAP ? memory_use_theirs(g, p) : memory_map(g, p, fd);
	if (r == 0) r = ring_layout(g, p);
	if (r < 0) {
		sys(SYS_close, fd);
		return r;
	}
	return descriptor_reopen(g, fd);
}

/* ATTACH_WQ: whose threads are to be shared. Each ring has its own here; that it names a ring is checked. */
static int attach_check(const struct io_uring_params *p)
{
	long err;
	if (!(p->flags & IORING_SETUP_ATTACH_WQ)) return 0;
	struct ring *other = ring_hold((int)p->wq_fd, false, &err);
	if (!other) return err == -EBADF ? -ENXIO : -EINVAL;
	ring_release(other);
	return 0;
}

/* Number of the ring in the thread's own table, which is all that is left of its descriptor. */
static long register_only(int fd)
{
	long slot = registered_ring_add(-1, fd);
	do_close(fd);
	return slot;
}

static long ring_open(struct ring *g, struct io_uring_params *p)
{
	int fd = ring_make(g, p);
	if (fd < 0) return fd;
	ring_install(g, fd);
	p->features = FEATURES;
	int err = sqpoll_start(g, p);
	if (err < 0) do_close(fd);
	return err < 0 ? err : p->flags & URING_SETUP_REGISTERED_FD_ONLY ? register_only(fd) : fd;
}

long do_io_uring_setup(unsigned entries, void *params)
{
	struct io_uring_params p;
	if (!shim.active) return sys(SYS_io_uring_setup, entries, params);
	if (shim.sandboxed || spawned()) return -ENOSYS;   /* few calls are left to us: no threads, no memory files */
	if (user_get(p, (struct io_uring_params *)params) != 0) return -EFAULT;
	int r = flags_check(&p);
	if (r == 0) r = ring_entries_choose(entries, &p);
	if (r == 0) r = attach_check(&p);
	if (r == 0) r = sqpoll_check(&p);
	if (r < 0) return r;
	rings_sweep();
	struct ring *g = ring_new();
	if (!g) return -ENOMEM;
	long fd = ring_open(g, &p);
	if (fd >= 0 && user_put(params, p) != 0) {
		if (p.flags & URING_SETUP_REGISTERED_FD_ONLY) registered_ring_remove((unsigned)fd);
		else do_close((int)fd);
		fd = -EFAULT;
	}
	ring_release(g);
	return fd;
}
