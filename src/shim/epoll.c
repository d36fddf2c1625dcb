/*
 * epoll. The program's epoll descriptor is a real one, and the kernel's descriptors in its set are the kernel's business, data and all. The virtual
 * ones stand in a table of ours, with a bell for the instance; epoll_wait.c tells how the two are waited for together.
 *
 * A member belongs to (channel, descriptor) as the kernel's belongs to (file, descriptor); it goes when the process has closed every
 * descriptor of the channel.
 */
#include <fcntl.h>
#include <limits.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include "shim/epoll.h"

#define INSTANCES 4096
#define MEMBERS_FIRST 64u
#define WITH_EXCLUSIVE (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

static struct instance *instances;             /* INSTANCES, from 1; touched lazily */
static struct lock instances_lock;

static void *pages(size_t size)
{
	long p = sys(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p < 0 && p > -4096 ? NULL : (void *)p;
}

/* ---- instances ---- */

static int instance_new(void)
{
	int found = -ENOMEM;
	critical_enter();
	lock_take(&instances_lock);
	if (!instances) instances = pages(INSTANCES * sizeof *instances);
	for (int i = 1; instances && i < INSTANCES; i++) {
		if (instances[i].used) continue;
		instances[i] = (struct instance){.used = true};
		found = i;
		break;
	}
	lock_drop(&instances_lock);
	critical_leave();
	return found;
}

void epoll_ref(uint32_t i) { atomic_fetch_add(&instances[i].refs, 1); }

void epoll_unref(uint32_t i)
{
	struct instance *e = &instances[i];
	if (atomic_fetch_sub(&e->refs, 1) != 1) return;
	if (e->slot) sys(SYS_munmap, e->slot, e->room * sizeof *e->slot);
	if (e->of_channel) sys(SYS_munmap, e->of_channel, CHANNEL_MAX * sizeof *e->of_channel);
	if (e->watched) sys(SYS_munmap, e->watched, CHANNEL_MAX * sizeof *e->watched);
	if (e->own) sys(SYS_munmap, e->own, sizeof *e->own);
	bell_drop(e->bell);
	if (e->kick > 0) hidden_close(&e->kick);
	nest_free(e);
	e->slot = NULL;
	e->of_channel = e->watched = NULL;
	e->own = NULL;
	e->bell = 0;
	e->used = false;
}

struct instance *instance_of(int fd) { return table_peek(fd) == FD_EPOLL ? &instances[table_epoll(fd)] : NULL; }

/* A call on the instance begins: it stays, whoever closes its descriptor meanwhile. NULL: not an epoll descriptor that we know. */
struct instance *instance_hold(int fd)
{
	struct instance *e = instance_of(fd);
	uint32_t refs = e ? atomic_load(&e->refs) : 0;
	while (refs != 0 && !atomic_compare_exchange_weak(&e->refs, &refs, refs + 1)) {}
	return refs != 0 ? e : NULL;
}

void instance_release(struct instance *e) { epoll_unref((uint32_t)(e - instances)); }

int epoll_adopt(int fd)
{
	int i = instance_new();
	if (i > 0) table_set_epoll(fd, (uint32_t)i);
	return i;
}

void instance_lock(struct instance *e)
{
	critical_enter();
	lock_take(&e->lock);
}

void instance_unlock(struct instance *e)
{
	lock_drop(&e->lock);
	critical_leave();
}

/* ---- members ---- */

/* A new bell, told of all members: the first, or the first after a fork. */
int instance_bell(struct instance *e)
{
	if (e->bell != 0) return 0;
	e->bell = bell_new();
	if (e->bell == 0) return -ENOMEM;
	if (e->watched) sys(SYS_madvise, e->watched, CHANNEL_MAX * sizeof *e->watched, MADV_DONTNEED);
	for (uint32_t i = 1; i < e->top; i++) {
		struct sock s = {-1, e->slot[i].index, e->slot[i].generation, NULL};
		if (s.generation != 0) instance_watch(e, &s);
	}
	return 0;
}

int instance_watch(struct instance *e, const struct sock *s)
{
	if (e->watched[s->index] == s->generation) {
		bell_set(e->own, s->index);
		return 0;
	}
	int r = bell_watch(e->bell, s);
	if (r == 0) e->watched[s->index] = s->generation;
	return r;
}

void instance_unwatch(struct instance *e, uint32_t channel)
{
	struct rpc_watch w = {channel, e->watched[channel]};
	struct call c = {.op = RPC_UNWATCH, .arg = {e->bell}, .in = {{&w, sizeof w}}};
	if (w.generation == 0) return;
	e->watched[channel] = 0;
	control(&c);
}

static int tables_ready(struct instance *e)
{
	if (!e->of_channel) e->of_channel = pages(CHANNEL_MAX * sizeof *e->of_channel);
	if (!e->own) e->own = pages(sizeof *e->own);
	if (!e->watched) e->watched = pages(CHANNEL_MAX * sizeof *e->watched);
	if (!e->slot) {
		e->slot = pages(MEMBERS_FIRST * sizeof *e->slot);
		e->room = MEMBERS_FIRST;
		e->top = 1;
	}
	return e->of_channel && e->watched && e->own && e->slot ? instance_bell(e) : -ENOMEM;
}

static uint32_t slot_take(struct instance *e)
{
	uint32_t i = e->free;
	if (i != 0) {
		e->free = e->slot[i].next;
		return i;
	}
	if (e->top == e->room) {
		long p = sys(SYS_mremap, e->slot, e->room * sizeof *e->slot, 2 * e->room * sizeof *e->slot, MREMAP_MAYMOVE);
		if (p < 0 && p > -4096) return 0;
		e->slot = (struct member *)p;
		e->room *= 2;
	}
	return e->top++;
}

void member_free(struct instance *e, uint32_t *link)
{
	uint32_t i = *link;
	*link = e->slot[i].next;
	e->slot[i].next = e->free;
	e->slot[i].generation = 0;
	e->free = i;
	e->members--;
}

/* The link that leads to the member, or NULL. Members of a channel's earlier life are swept on the way. */
static uint32_t *member_find(struct instance *e, const struct sock *s)
{
	uint32_t *link = &e->of_channel[s->index];
	while (*link) {
		struct member *m = &e->slot[*link];
		if (m->generation != s->generation) {
			member_free(e, link);
			continue;
		}
		if (m->fd == s->fd) return link;
		link = &m->next;
	}
	return NULL;
}

static long member_add(struct instance *e, const struct sock *s, const struct epoll_event *ev)
{
	if (ev->events & EPOLLEXCLUSIVE && ev->events & ~(uint32_t)WITH_EXCLUSIVE) return -EINVAL;
	if (member_find(e, s)) return -EEXIST;
	uint32_t i = slot_take(e);
	if (i == 0) return -ENOMEM;
	e->slot[i] = (struct member){s->fd, s->index, s->generation, ev->events, e->of_channel[s->index], ev->data, false, true};
	e->of_channel[s->index] = i;
	e->members++;
	int r = instance_watch(e, s);
	if (r < 0) {
		member_free(e, &e->of_channel[s->index]);
		return r;
	}
	return 0;
}

static long member_modify(struct instance *e, const struct sock *s, const struct epoll_event *ev)
{
	if (ev->events & EPOLLEXCLUSIVE) return -EINVAL;
	uint32_t *link = member_find(e, s);
	if (!link) return -ENOENT;
	struct member *m = &e->slot[*link];
	if (m->events & EPOLLEXCLUSIVE) return -EINVAL;
	m->events = ev->events;
	m->data = ev->data;
	m->off = false;
	m->edge = true;
	return 0;
}

static long member_delete(struct instance *e, const struct sock *s)
{
	uint32_t *link = member_find(e, s);
	if (!link) return -ENOENT;
	member_free(e, link);   /* the watch stays: programs take out and put in again, and a stray bit ends it (epoll_wait.c) */
	return 0;
}

void instance_wake(struct instance *e)
{
	uint64_t one = 1;
	if (e->bell != 0) bell_ring_own(e->bell, INT_MAX);
	if (e->kick > 0) sys(SYS_write, e->kick, &one, sizeof one);
}

static long control_virtual(struct instance *e, int op, const struct sock *s, const struct epoll_event *ev)
{
	struct epoll_event event;
	if (op != EPOLL_CTL_DEL && user_copy(&event, ev, sizeof event) != 0) return -EFAULT;
	if (op != EPOLL_CTL_DEL && op != EPOLL_CTL_ADD && op != EPOLL_CTL_MOD) return -EINVAL;
	ev = &event;
	instance_lock(e);
	long r = tables_ready(e);
	if (r == 0 && op == EPOLL_CTL_ADD) r = member_add(e, s, ev);
	if (r == 0 && op == EPOLL_CTL_MOD) r = member_modify(e, s, ev);
	if (r == 0 && op == EPOLL_CTL_DEL) r = member_delete(e, s);
	if (r == 0 && op != EPOLL_CTL_DEL) {   /* a new or changed member may be ready already */
		bell_set(e->own, s->index);
		instance_wake(e);
	}
	instance_unlock(e);
	return r;
}

long do_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	struct sock s;
	if (!shim.active) return sys(SYS_epoll_ctl, epfd, op, fd, event);
	if (table_peek(fd) == FD_HIDDEN) return -EBADF;
	if (sock_of(fd, &s)) {
		/* Was it an epoll descriptor at all? The kernel knows; a member that can't be found is its answer to the question. */
		struct epoll_event none = {0};
		if (!instance_of(epfd)) {
			long r = sys(SYS_epoll_ctl, epfd, EPOLL_CTL_MOD, fd, &none);
			if (r != -ENOENT) return r;
			int adopted = epoll_adopt(epfd);
			if (adopted < 0) return adopted;
			atomic_store(&instances[adopted].kernel_members, 1);   /* nobody knows what is in it */
		}
		struct instance *e = instance_hold(epfd);
		long r = e ? control_virtual(e, op, &s, event) : -EBADF;
		if (e) instance_release(e);
		return r;
	}
	struct instance *e = instance_of(epfd);
	if (e && instance_of(fd)) return nest_control(e, epfd, op, fd, event);
	long r = sys(SYS_epoll_ctl, epfd, op, fd, event);
	if (r == 0 && op == EPOLL_CTL_ADD && e && atomic_fetch_add(&e->kernel_members, 1) == 0) instance_wake(e);
	if (r == 0 && op == EPOLL_CTL_DEL && e && atomic_load(&e->kernel_members) > 0) atomic_fetch_sub(&e->kernel_members, 1);
	return r;
}

static long created(long n, long arg)
{
	long fd = sys(n, arg);
	if (shim.active && spares_give_way(fd)) fd = sys(n, arg);
	if (fd >= 0 && shim.active && !spawned() && epoll_adopt((int)fd) < 0) table_set_kernel((int)fd);
	return fd;
}

long do_epoll_create(int size) { return created(SYS_epoll_create, size); }
long do_epoll_create1(int flags) { return created(SYS_epoll_create1, flags); }

int instance_kick(struct instance *e)
{
	if (e->kick > 0) return 0;
	int fd = (int)sys(SYS_eventfd2, 0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd < 0) return fd;
	instance_lock(e);
	if (e->kick > 0) sys(SYS_close, fd);
	else e->kick = hide_fd(fd, false);
	instance_unlock(e);
	return 0;
}

int *epoll_slot(int fd)
{
	for (int i = 1; instances && i < INSTANCES; i++)
		if (instances[i].used && instances[i].kick == fd) return &instances[i].kick;
	return NULL;
}

/* The child has copies of the tables; bells are the parent's. New ones are made, and everything watched, at the next use. */
void epolls_forked(void)
{
	for (int i = 1; instances && i < INSTANCES; i++) {
		struct instance *e = &instances[i];
		if (!e->used) continue;
		e->bell = 0;
		if (e->kick > 0) hidden_close(&e->kick);
		e->kick = 0;
		atomic_store(&e->lock.word, 0);
		atomic_store(&e->sleepers, 0);
	}
	atomic_store(&instances_lock.word, 0);
}
