/*
 * The process's rings, by number. The descriptor table leads from a descriptor to its ring; registered rings are numbers of a thread's own.
 *
 * A ring ends with its last descriptor, seen by the table; or, where the program closes it with a system call that nobody catches, as liburing does,
 * by inotify's word that its file is closed. Then all requests are taken back. Its memory goes when the last call has left it, and its thread.
 */
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include "shim/internal.h"
#include "shim/uring/uring.h"

#define RINGS_MAX 1024u
#define REGISTERED_MAX 16

static struct ring *rings;                 /* RINGS_MAX, from 1; touched lazily */
static struct lock rings_lock;
static _Atomic uint32_t top;
static _Atomic int watcher = -1;           /* inotify; hidden */
static __thread uint32_t registered[REGISTERED_MAX] __attribute__((tls_model("initial-exec")));

static __thread uint32_t entered __attribute__((tls_model("initial-exec")));   /* the ring that this thread's call is in */
static pthread_key_t registered_key;       /* for its end */
static _Atomic bool has_key;

uint32_t rings_top(void) { return atomic_load(&top); }
uint32_t ring_index(const struct ring *g) { return (uint32_t)(g - rings); }

/* ---- coming and going ---- */

void ring_lists_start(struct ring *g)
{
	g->overflow = g->runnable = g->deferred = g->blocking = NULL;
	g->overflow_end = &g->overflow;
	g->runnable_end = &g->runnable;
	g->deferred_end = &g->deferred;
	g->blocking_end = &g->blocking;
}

struct ring *ring_new(void)
{
	struct ring *g = NULL;
	lock_enter(&rings_lock);
	if (!rings) rings = uring_pages(RINGS_MAX * sizeof *rings);
	for (uint32_t i = 1; rings && i < RINGS_MAX && !g; i++)
		if (!rings[i].used) g = &rings[i];
	if (g) {
		*g = (struct ring){.used = true, .refs = 1, .watch = -1, .ready = -1, .eventfd = -1, .kernel_set = -1, .wake = -1, .memory = -1,
				    .clock = CLOCK_MONOTONIC};
		ring_lists_start(g);
	}
	if (g && ring_index(g) > atomic_load(&top)) atomic_store(&top, ring_index(g));
	lock_leave(&rings_lock);
	return g;
}

static void unmap(void *at, size_t size)
{
	if (at) sys(SYS_munmap, at, size);
}

static void ring_free(struct ring *g)
{
	int *own[] = {&g->ready, &g->eventfd, &g->kernel_set, &g->wake, &g->memory};
	files_unregister(g);
	buffers_unregister(g);
	groups_free(g);
	region_free(g);
	bell_drop(g->bell);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) hidden_close(own[i]);
	if (g->watch >= 0 && watcher >= 0) sys(SYS_inotify_rm_watch, watcher, g->watch);
	if (!g->memory_is_theirs) {
		unmap(g->rings, g->rings_size);
		unmap(g->sqes, g->sqes_size);
	}
	unmap(g->shared, PAGE);
	unmap(g->parked_on, CHANNEL_MAX * sizeof *g->parked_on);
	unmap(g->watched, CHANNEL_MAX * sizeof *g->watched);
	for (struct request *c = g->chunks; c;) {
		struct request *next = c->next;
		requests_unmap(c);
		c = next;
	}
	g->used = false;
}

void ring_release(struct ring *g)
{
	if (atomic_fetch_sub(&g->refs, 1) == 1) ring_free(g);
}

/* Every request is taken back. */
static void end(struct ring *g)
{
	ring_lock(g);
	bool ended = g->ended;
	g->ended = true;
	ring_unlock(g);
	if (ended) return;
	cancel_all(g);
	park_end(g);
	sqpoll_wake(g);
}

struct ring *ring_hold_index(uint32_t index)
{
	struct ring *g = rings && index > 0 && index < RINGS_MAX ? &rings[index] : NULL;
	uint32_t refs = g ? atomic_load(&g->refs) : 0;
	while (refs != 0 && !atomic_compare_exchange_weak(&g->refs, &refs, refs + 1)) {}
	return refs != 0 ? g : NULL;
}

/* ---- descriptors ---- */

void uring_ref(uint32_t index)
{
	atomic_fetch_add(&rings[index].refs, 1);
	atomic_fetch_add(&rings[index].descriptors, 1);
}

void uring_unref(uint32_t index)
{
	struct ring *g = &rings[index];
	if (atomic_fetch_sub(&g->descriptors, 1) == 1) end(g);
	ring_release(g);
}

bool uring_is(uint32_t index, uint64_t inode) { return rings[index].inode == inode; }

int ring_install(struct ring *g, int fd)
{
	table_set_uring(fd, ring_index(g));
	return fd;
}

struct ring *ring_hold(int fd, bool by_slot, long *ret_err)
{
	struct sock s;
	uint32_t index = 0;
	if (by_slot) {
		*ret_err = fd < 0 || fd >= REGISTERED_MAX ? -EINVAL : -EBADF;
		index = fd >= 0 && fd < REGISTERED_MAX ? registered[fd] : 0;
	} else {
		enum fd_kind kind = table_kind(fd, &s);
		if (kind == FD_URING) index = table_uring(fd);
		else *ret_err = kind == FD_HIDDEN || sys(SYS_fcntl, fd, F_GETFD) < 0 ? -EBADF : -EOPNOTSUPP;
	}
	struct ring *g = index ? ring_hold_index(index) : NULL;
	if (!g || !g->ended) return g;
	*ret_err = -EOPNOTSUPP;   /* on its way out */
	ring_release(g);
	return NULL;
}

struct ring *ring_enter(int fd, bool by_slot, long *ret_err)
{
	struct ring *g = ring_hold(fd, by_slot, ret_err);
	if (g) atomic_fetch_add(&g->descriptors, 1);
	if (g && entered == 0) entered = ring_index(g);
	return g;
}

void ring_leave(void *ring)
{
	struct ring *g = ring;
	if (entered == ring_index(g)) entered = 0;
	if (atomic_fetch_sub(&g->descriptors, 1) == 1) end(g);
	ring_release(g);
}

/* A thread's registered rings end with it. */
static void registered_end(void *unused)
{
	(void)unused;
	for (unsigned i = 0; i < REGISTERED_MAX; i++) registered_ring_remove(i);
}

static void registered_note(void)
{
	lock_enter(&rings_lock);
	if (!atomic_load(&has_key) && pthread_key_create(&registered_key, registered_end) == 0) atomic_store(&has_key, true);
	lock_leave(&rings_lock);
	if (atomic_load(&has_key)) pthread_setspecific(registered_key, registered);
}

static int slot_free(void)
{
	int i = 0;
	while (i < REGISTERED_MAX && registered[i] != 0) i++;
	return i < REGISTERED_MAX ? i : -EBUSY;
}

long registered_ring_add(int slot, int fd)
{
	long err;
	if (slot >= REGISTERED_MAX) return -EINVAL;
	struct ring *g = ring_hold(fd, false, &err);
	if (!g) return err;
	long r = slot < 0 ? slot_free() : registered[slot] != 0 ? -EBUSY : slot;
	if (r >= 0) {
		registered[r] = ring_index(g);
		uring_ref(registered[r]);
		registered_note();
	}
	ring_release(g);
	return r;
}

long registered_ring_remove(unsigned slot)
{
	if (slot >= REGISTERED_MAX) return -EINVAL;
	uint32_t index = registered[slot];
	registered[slot] = 0;
	if (index) uring_unref(index);
	return 0;
}

/* ---- those closed past us ---- */

int rings_watch_fd(void)
{
	lock_enter(&rings_lock);
	if (watcher < 0) {
		int fd = (int)sys(SYS_inotify_init1, IN_NONBLOCK | IN_CLOEXEC);
		if (fd >= 0) watcher = hide_fd(fd, false);
	}
	lock_leave(&rings_lock);
	return watcher;
}

static void closed_past_us(int watch)
{
	for (uint32_t i = 1; i <= rings_top(); i++) {
		struct ring *g = ring_hold_index(i);
		if (!g) continue;
		if (g->watch == watch) table_forget_uring(i);   /* it may go on under a registered number */
		ring_release(g);
	}
}

void rings_sweep(void)
{
	struct inotify_event e[16];
	long n;
	while (watcher >= 0 && (n = sys(SYS_read, watcher, e, sizeof e)) > 0)
		for (long i = 0; i < n / (long)sizeof *e; i++)
			if (e[i].mask & IN_CLOSE_WRITE) closed_past_us(e[i].wd);
}

static int *held_slot(struct ring *g, int fd)
{
	for (struct request *r = g->parked; r; r = r->next)
		if (r->file.held && !r->file.virtual && r->file.fd == fd) return &r->file.fd;
	for (uint32_t i = 0; i < g->files.n; i++)
		if (g->files.at[i].held && !g->files.at[i].virtual && g->files.at[i].fd == fd) return &g->files.at[i].fd;
	return NULL;
}

int *uring_slot(int fd)
{
	if (watcher == fd) return (int *)&watcher;
	for (uint32_t i = 1; i <= rings_top(); i++) {
		struct ring *g = &rings[i];
		int *own[] = {&g->ready, &g->eventfd, &g->kernel_set, &g->wake, &g->memory};
		for (size_t k = 0; g->used && k < ARRAY_SIZE(own); k++)
			if (*own[k] == fd) return own[k];
		int *held = g->used ? held_slot(g, fd) : NULL;
		if (held) return held;
	}
	return NULL;
}

/* Which rings are registered is known to the thread alone; so the child knows nothing of it. */
void urings_forked(void)
{
	int fd = watcher;
	hidden_close(&fd);
	atomic_store(&watcher, -1);
	atomic_store(&rings_lock.word, 0);
	memset(registered, 0, sizeof registered);
	for (uint32_t i = 1; i <= rings_top(); i++) {
		struct ring *g = &rings[i];
		if (!g->used) continue;
		ring_forked(g, i == entered ? 1 : 0);
		if (atomic_load(&g->descriptors) > 0) continue;
		atomic_store(&g->refs, 1);     /* the parent's affair */
		ring_release(g);
	}
}
