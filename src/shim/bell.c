/*
 * Bells: what a polling thread or an epoll instance sleeps on (arena.h). The engine makes them and their eventfds; here are the watch sets. A
 * watch, once set, stays until the channel's generation ends: a thread that polls the same sockets again and again asks the engine once.
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include "shim/shim.h"

static _Atomic int eventfds[BELL_MAX];     /* by bell; 0: not one of ours, or not asked for yet */
static struct lock lock;
static pthread_key_t thread_key;           /* its destructor gives a thread's bell back */

uint32_t bell_new(void)
{
	struct call c = {.op = RPC_BELL, .want_fd = true, .cloexec = true};
	int64_t r = control(&c);
	if (r <= 0 || r >= BELL_MAX || c.fd_count != 1) {
		for (int i = 0; i < c.fd_count; i++) sys(SYS_close, c.fds[i]);
		return 0;
	}
	atomic_store(&eventfds[r], hide_fd(c.fds[0], false));
	return (uint32_t)r;
}

void bell_forget(uint32_t bell)
{
	int fd = atomic_exchange(&eventfds[bell], 0);
	if (fd > 0) hidden_close(&fd);
}

void bell_drop(uint32_t bell)
{
	if (bell == 0) return;
	bell_forget(bell);
	control_simple(RPC_BELL_FREE, NULL, bell, 0, 0);
}

int bell_eventfd(uint32_t bell)
{
	struct call c = {.op = RPC_BELL_FD, .arg = {bell}, .want_fd = true, .cloexec = true};
	int fd = atomic_load(&eventfds[bell]);
	if (fd > 0 || shim.sandboxed) return fd > 0 ? fd : -1;
	if (control(&c) <= 0 || c.fd_count != 1) return -1;
	lock_enter(&lock);
	fd = atomic_load(&eventfds[bell]);
	if (fd > 0) sys(SYS_close, c.fds[0]);
	else atomic_store(&eventfds[bell], fd = hide_fd(c.fds[0], false));
	lock_leave(&lock);
	return fd;
}

void bell_ring_own(uint32_t bell, int sleepers)
{
	struct bell *b = arena_bell(shim.arena, bell);
	uint64_t one = 1, claim;
	uint32_t armed = bell_ring(b, 0, &claim);
	if (armed & BELL_FUTEX) sys(SYS_futex, &b->seq, FUTEX_WAKE, sleepers);
	if (armed & BELL_EVENTFD) sys(SYS_write, bell_eventfd(bell), &one, sizeof one);
}

static uint32_t bells_used(void) { return shim.arena ? MIN(shared_get32(&shim.arena->bells_used), BELL_MAX - 1) : 0; }

int *bell_slot(int fd)
{
	for (uint32_t i = 1; i <= bells_used(); i++)
		if (atomic_load(&eventfds[i]) == fd) return (int *)&eventfds[i];
	return NULL;
}

void bell_drain(uint32_t bell)
{
	uint64_t n;
	int fd = atomic_load(&eventfds[bell]);
	if (fd > 0) sys(SYS_read, fd, &n, sizeof n);
}

int bell_watch(uint32_t bell, const struct sock *s)
{
	struct rpc_watch w = {s->index, s->generation};
	struct call c = {.op = RPC_WATCH, .arg = {bell}, .in = {{&w, sizeof w}}};
	int64_t r = control(&c);
	return r < 0 ? (int)r : 0;
}

/* ---- the polling thread's ---- */

static void thread_end(void *map)
{
	bell_drop(self.bell);
	self.bell = 0;
	sys(SYS_munmap, map, CHANNEL_MAX * sizeof *self.watched);
	self.watched = NULL;
}

void bell_start(void) { pthread_key_create(&thread_key, thread_end); }

uint32_t bell_of_thread(void)
{
	if (self.bell != 0) return self.bell;
	if (!self.watched) {
		long p = sys(SYS_mmap, NULL, CHANNEL_MAX * sizeof *self.watched, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (p < 0 && p > -4096) return 0;
		self.watched = (uint32_t *)p;
		pthread_setspecific(thread_key, self.watched);
	}
	self.bell = bell_new();
	return self.bell;
}

static int flush(struct watch_list *l)
{
	struct call c = {.op = RPC_WATCH, .arg = {self.bell}, .in = {{l->at, l->n * sizeof *l->at}}};
	int64_t r = l->n > 0 ? control(&c) : 0;
	for (uint32_t i = 0; r >= 0 && i < l->n; i++) self.watched[l->at[i].channel] = l->at[i].generation;
	l->n = 0;
	return r < 0 ? (int)r : 0;
}

int bell_watch_thread(struct watch_list *l, const struct sock *s)
{
	if (!s) return flush(l);
	if (self.watched[s->index] == s->generation) return 0;
	l->at[l->n++] = (struct rpc_watch){s->index, s->generation};
	return l->n == ARRAY_SIZE(l->at) ? flush(l) : 0;
}

/* The child's only thread starts anew; the parent's bells ring for the parent. */
void bells_forked(void)
{
	atomic_store(&lock.word, 0);
	for (uint32_t i = 1; i <= bells_used(); i++) bell_forget(i);
	self.bell = 0;
	if (self.watched) sys(SYS_madvise, self.watched, CHANNEL_MAX * sizeof *self.watched, MADV_DONTNEED);
}
