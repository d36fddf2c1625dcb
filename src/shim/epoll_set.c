/*
 * Which set an epoll descriptor leads to (channel/epoll_set.h). The program's descriptor is a real one of the kernel's; its open file holds a lock on the octet
 * that stands for its set. A descriptor that this process has not made, but got by exec or from another process, is known by that again.
 *
 * The engine keeps a set for those who have said that they use it, and for a file that is still open. So a forked child says so at its first call.
 */
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include "shim/epoll.h"

static struct instance *_Atomic instances;     /* by bell; BELL_MAX, touched lazily */
static _Atomic uint32_t instances_high;

static int instances_start(void)
{
	struct instance *none = NULL;
	if (atomic_load(&instances)) return 0;
	long p = sys(SYS_mmap, NULL, BELL_MAX * sizeof *none, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p < 0 && p > -4096) return (int)p;
	if (!atomic_compare_exchange_strong(&instances, &none, (struct instance *)p)) sys(SYS_munmap, p, BELL_MAX * sizeof *none);
	return 0;
}

/* ---- the file's lock ---- */

static bool file_lock(int fd, int cmd, uint32_t bell)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)(shim.arena->set_locks + bell), .l_len = 1};
	return sys(SYS_fcntl, fd, cmd, &l) == 0 && (cmd == F_OFD_SETLK || l.l_type != F_UNLCK);
}

/* The doorbell is of the same inode as all epoll files, and none of them: for it every lock is another's. */
static bool file_is_open(uint32_t bell) { return file_lock(shim.doorbell, F_OFD_GETLK, bell); }
static bool file_is(int fd, uint32_t bell) { return !file_lock(fd, F_OFD_GETLK, bell) && file_is_open(bell); }

/* ---- sets ---- */

static int instance_fill(uint32_t bell, uint32_t generation)
{
	struct instance *e = &instances[bell];
	uint32_t high = atomic_load(&instances_high);
	while (bell >= high && !atomic_compare_exchange_weak(&instances_high, &high, bell + 1)) {}
	e->bell = bell;
	e->generation = generation;
	e->set = arena_set(shim.arena, bell);
	return (int)bell;
}

/* Where the kernel has no such locks, the set serves this process and its forked children all the same. */
int epoll_adopt(int fd)
{
	int r = instances_start();
	int64_t bell = r < 0 ? r : control_simple(RPC_BELL, NULL, BELL_OF_SET, 0, 0);
	if (bell <= 0 || bell >= BELL_MAX) return bell < 0 ? (int)bell : -ENOSPC;
	file_lock(fd, F_OFD_SETLK, (uint32_t)bell);
	instance_fill((uint32_t)bell, shared_get32(&arena_bell(shim.arena, (uint32_t)bell)->generation));
	atomic_store(&instances[bell].client, atomic_load(&shim.client));
	table_set_epoll(fd, (uint32_t)bell);
	return (int)bell;
}

/* The kernel looks for a member only in what is an epoll file. */
static bool is_epoll(int fd) { return sys(SYS_epoll_ctl, fd, EPOLL_CTL_DEL, shim.door, NULL) == -ENOENT; }

int epoll_identify(int fd)
{
	if (!is_epoll(fd) || attach() != 0 || instances_start() != 0) return -ENOENT;
	uint32_t used = shared_get32(&shim.arena->bells_used);
	for (uint32_t i = 1; i <= used && i < BELL_MAX; i++) {
		if (!file_is(fd, i)) continue;
		int64_t generation = control_simple(RPC_SET_JOIN, NULL, i, 0, 0);
		if (generation <= 0) return -ENOENT;
		instance_fill(i, (uint32_t)generation);
		atomic_store(&instances[i].client, atomic_load(&shim.client));
		shared_set32(&instances[i].set->shared, 1);
		return (int)i;
	}
	return -ENOENT;
}

void epoll_ref(uint32_t i) { atomic_fetch_add(&instances[i].refs, 1); }

void epoll_unref(uint32_t i)
{
	struct instance *e = &instances[i];
	if (atomic_fetch_sub(&e->refs, 1) != 1) return;
	nest_free(e);
	uint32_t known_as = atomic_exchange(&e->client, 0);
	bell_forget(i);
	if (known_as != 0 && known_as == atomic_load(&shim.client)) control_simple(RPC_BELL_FREE, NULL, i, 0, 0);
}

struct instance *instance_of(int fd) { return table_peek(fd) == FD_EPOLL ? &instances[table_epoll(fd)] : NULL; }

/* After a fork: the same set, if the engine has kept it. An engine that is dead has taken nothing away. */
static bool instance_join(struct instance *e)
{
	int64_t r = control_simple(RPC_SET_JOIN, NULL, e->bell, 0, 0);
	if (r == e->generation) atomic_store(&e->client, atomic_load(&shim.client));
	return r == e->generation || engine_dead();
}

struct instance *instance_hold(int fd)
{
	struct sock s;
	if (table_kind(fd, &s) != FD_EPOLL) return NULL;
	struct instance *e = &instances[table_epoll(fd)];
	uint32_t refs = atomic_load(&e->refs);
	while (refs != 0 && !atomic_compare_exchange_weak(&e->refs, &refs, refs + 1)) {}
	if (refs == 0) return NULL;
	if (atomic_load(&e->client) == atomic_load(&shim.client) || instance_join(e)) return e;
	instance_release(e);
	table_set_kernel(fd);
	return NULL;
}

void instance_release(struct instance *e) { epoll_unref(e->bell); }

struct instance *instance_inner(uint32_t bell, uint32_t generation)
{
	struct instance *e = &instances[bell];
	if (shared_get32(&arena_bell(shim.arena, bell)->generation) != generation) return NULL;
	if (atomic_load(&e->refs) == 0) {
		if (!file_is_open(bell)) return NULL;
		instance_fill(bell, generation);
	}
	return e;
}

/* ---- what is done to one ---- */

void instance_lock(struct instance *e)
{
	critical_enter();
	chan_lock(&e->set->lock, lock_name(), futex_shared);
}

void instance_unlock(struct instance *e)
{
	chan_unlock(&e->set->lock, futex_shared);
	critical_leave();
}

int instance_watch(struct instance *e, const struct sock *s)
{
	/* The engine may have guessed it (src/engine/bell.c). */
	bool done = e->set->watched[s->index] == s->generation || shared_get32(&s->c->bell) == e->bell;
	int r = done ? 0 : bell_watch(e->bell, s);
	if (r == 0) e->set->watched[s->index] = s->generation;
	return r;
}

/*
 * The watches of a socket that is closed end with it, and its last ring is nobody's fault. A ring of one that was never put here tells that the engine has
 * guessed wrong.
 */
void instance_unwatch(struct instance *e, uint32_t channel)
{
	struct channel *ch = arena_channel(shim.arena, channel);
	struct rpc_watch w = {channel, shared_get32(&ch->generation)};
	struct call c = {.op = RPC_UNWATCH, .arg = {e->bell}, .in = {{&w, sizeof w}}};
	uint32_t known = e->set->watched[channel], bell = shared_get32(&ch->bell);
	bool guessed = known == 0 && (bell == e->bell || bell == BELL_MANY);
	e->set->watched[channel] = 0;
	if (w.generation == 0 || shared_get32(&ch->flags) & CHF_CLOSED) return;
	if (known == w.generation || guessed) control(&c);
}

void instance_wake(struct instance *e) { bell_ring_own(e->bell, INT_MAX); }

/* ---- processes ---- */

void epoll_share(int fd)
{
	struct instance *e = instance_of(fd);
	if (e) shared_set32(&e->set->shared, 1);
}

void epolls_before_fork(void)
{
	for (uint32_t i = 1; i < atomic_load(&instances_high); i++)
		if (atomic_load(&instances[i].refs) != 0) shared_set32(&instances[i].set->shared, 1);
}

/* While descriptors can still be received. */
void epolls_prepare(void)
{
	for (uint32_t i = 1; i < atomic_load(&instances_high); i++)
		if (atomic_load(&instances[i].refs) != 0) bell_eventfd(i);
}
