/*
 * epoll. The program's epoll descriptor is a real one, and the kernel's descriptors in its set are the kernel's business, data and all. The virtual
 * ones stand in a table of ours, with a bell for the instance:
 *
 *     epoll_wait:  bits of the bell -> members of that channel -> channel_poll(), filtered   (level-triggered ones put their bit back)
 *                  and epoll_wait(E, 0) when the kernel has members
 *     sleep:       on the bell's futex; with kernel members in ppoll on {E, the bell's eventfd, the control socket}
 *
 * An edge is a bit that was set since the last look. A member belongs to (channel, descriptor) as the kernel's belongs to (file, descriptor); it
 * goes when the process has closed every descriptor of the channel. Several threads may wait on one instance: the ringer
 * disarms the bell and wakes, so a thread that goes to work arms it again for those that still sleep.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include "shim/poll.h"
#include "shim/signal.h"

#define INSTANCES 4096
#define MEMBERS_FIRST 64u
#define PRIVATE_BITS (EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP)
#define WITH_EXCLUSIVE (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

/* generation 0: a free slot. next: of the same channel, or free. off: one-shot, and fired. */
struct member { int fd; uint32_t index, generation, events, next; epoll_data_t data; bool off; };

struct instance {
	struct lock lock;
	_Atomic uint32_t refs;                     /* descriptors */
	bool used;
	int kick;                                  /* eventfd for those who sleep while no virtual member gives the instance a bell; 0: none */
	uint32_t bell, members, free, top, room;   /* member slots: in use, first free one, ever used, there are */
	_Atomic uint32_t kernel_members;           /* never too low */
	_Atomic uint32_t sleepers;
	uint32_t turn;                             /* the channel to look at first, so that all get theirs */
	struct member *slot;                       /* from 1 */
	uint32_t *of_channel;                      /* first member, by channel; 0: none */
};

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
	bell_drop(e->bell);
	if (e->kick > 0) hidden_close(&e->kick);
	e->slot = NULL;
	e->of_channel = NULL;
	e->bell = 0;
	e->used = false;
}

int epoll_adopt(int fd)
{
	int i = instance_new();
	if (i > 0) table_set_epoll(fd, (uint32_t)i);
	return i;
}

static struct instance *instance_of(int fd) { return table_peek(fd) == FD_EPOLL ? &instances[table_epoll(fd)] : NULL; }

static void instance_lock(struct instance *e)
{
	critical_enter();
	lock_take(&e->lock);
}

static void instance_unlock(struct instance *e)
{
	lock_drop(&e->lock);
	critical_leave();
}

/* ---- members ---- */

/* A new bell, told of all members: the first, or the first after a fork. */
static int bell_ready(struct instance *e)
{
	if (e->bell != 0) return 0;
	e->bell = bell_new();
	if (e->bell == 0) return -ENOMEM;
	for (uint32_t i = 1; i < e->top; i++) {
		struct sock s = {-1, e->slot[i].index, e->slot[i].generation, NULL};
		if (s.generation != 0) bell_watch(e->bell, &s);
	}
	return 0;
}

static int instance_ready(struct instance *e)
{
	if (!e->of_channel) e->of_channel = pages(CHANNEL_MAX * sizeof *e->of_channel);
	if (!e->slot) {
		e->slot = pages(MEMBERS_FIRST * sizeof *e->slot);
		e->room = MEMBERS_FIRST;
		e->top = 1;
	}
	return e->of_channel && e->slot ? bell_ready(e) : -ENOMEM;
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

static void member_free(struct instance *e, uint32_t *link)
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
	bool first = e->of_channel[s->index] == 0;
	uint32_t i = slot_take(e);
	if (i == 0) return -ENOMEM;
	e->slot[i] = (struct member){s->fd, s->index, s->generation, ev->events, e->of_channel[s->index], ev->data, false};
	e->of_channel[s->index] = i;
	e->members++;
	int r = first ? bell_watch(e->bell, s) : 0;   /* sets the bit, too */
	if (r < 0) {
		member_free(e, &e->of_channel[s->index]);
		return r;
	}
	return 0;
}

static long member_modify(struct instance *e, const struct sock *s, const struct epoll_event *ev)
{
	uint32_t *link = member_find(e, s);
	if (!link) return -ENOENT;
	struct member *m = &e->slot[*link];
	if ((m->events | ev->events) & EPOLLEXCLUSIVE) return -EINVAL;
	m->events = ev->events;
	m->data = ev->data;
	m->off = false;
	return 0;
}

static long member_delete(struct instance *e, const struct sock *s)
{
	uint32_t *link = member_find(e, s);
	if (!link) return -ENOENT;
	member_free(e, link);
	if (e->of_channel[s->index] == 0) {
		struct rpc_watch w = {s->index, s->generation};
		struct call c = {.op = RPC_UNWATCH, .arg = {e->bell}, .in = {{&w, sizeof w}}};
		control(&c);
	}
	return 0;
}

/* Those who sleep on the instance must look: a new or changed member may be ready already. */
static void instance_wake(struct instance *e, uint32_t channel)
{
	struct bell *b = arena_bell(shim.arena, e->bell);
	uint64_t one = 1;
	bell_set(b, channel);
	uint32_t armed = bell_ring(b);
	if (armed & BELL_FUTEX) sys(SYS_futex, &b->seq, FUTEX_WAKE, INT_MAX);
	if (armed & BELL_EVENTFD) sys(SYS_write, bell_eventfd(e->bell), &one, sizeof one);
	if (e->kick > 0) sys(SYS_write, e->kick, &one, sizeof one);
}

static long control_virtual(struct instance *e, int op, const struct sock *s, const struct epoll_event *ev)
{
	if (op != EPOLL_CTL_DEL && op != EPOLL_CTL_ADD && op != EPOLL_CTL_MOD) return -EINVAL;
	struct epoll_event event;
	if (op != EPOLL_CTL_DEL && user_copy(&event, ev, sizeof event) != 0) return -EFAULT;
	ev = &event;
	instance_lock(e);
	long r = instance_ready(e);
	if (r == 0 && op == EPOLL_CTL_ADD) r = member_add(e, s, ev);
	if (r == 0 && op == EPOLL_CTL_MOD) r = member_modify(e, s, ev);
	if (r == 0 && op == EPOLL_CTL_DEL) r = member_delete(e, s);
	if (r == 0 && op != EPOLL_CTL_DEL) instance_wake(e, s->index);
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
			long r = sys(SYS_epoll_ctl, epfd, EPOLL_CTL_MOD, epfd == fd ? -1 : fd, &none);
			if (r != -ENOENT) return r;
			int adopted = epoll_adopt(epfd);
			if (adopted < 0) return adopted;
			atomic_store(&instances[adopted].kernel_members, 1);   /* nobody knows what is in it */
		}
		return control_virtual(instance_of(epfd), op, &s, event);
	}
	long r = sys(SYS_epoll_ctl, epfd, op, fd, event);
	struct instance *e = instance_of(epfd);
	if (r == 0 && op == EPOLL_CTL_ADD && e) atomic_fetch_add(&e->kernel_members, 1);
	if (r == 0 && op == EPOLL_CTL_DEL && e && atomic_load(&e->kernel_members) > 0) atomic_fetch_sub(&e->kernel_members, 1);
	return r;
}

static long created(long fd)
{
	if (fd >= 0 && shim.active && !spawned() && epoll_adopt((int)fd) < 0) table_set_kernel((int)fd);
	return fd;
}

long do_epoll_create(int size) { return created(sys(SYS_epoll_create, size)); }
long do_epoll_create1(int flags) { return created(sys(SYS_epoll_create1, flags)); }

/* ---- looking ---- */

static uint32_t member_events(const struct member *m)
{
	struct channel *c = arena_channel(shim.arena, m->index);
	if (m->off) return 0;
	if (engine_dead()) return (EPOLLIN | EPOLLERR | EPOLLHUP) & (m->events | EPOLLERR | EPOLLHUP);
	return channel_poll(shim.arena, c) & (m->events | EPOLLERR | EPOLLHUP) & ~(uint32_t)PRIVATE_BITS;
}

/* Members whose channel, or whose every descriptor, is gone. */
static bool member_gone(const struct member *m)
{
	return shared_get32(&arena_channel(shim.arena, m->index)->generation) != m->generation || table_refs(m->index) == 0;
}

struct harvest { struct epoll_event *to; int n, max; };

/* Reports the members of one channel; true: its bit must be put back, for there is or may be more to report. */
static bool channel_harvest(struct instance *e, uint32_t channel, struct harvest *h)
{
	bool again = false;
	for (uint32_t *link = &e->of_channel[channel]; *link;) {
		struct member *m = &e->slot[*link];
		if (member_gone(m)) {
			member_free(e, link);
			continue;
		}
		uint32_t events = member_events(m);
		link = &m->next;
		if (events == 0) continue;
		if (h->n == h->max) return true;
		h->to[h->n++] = (struct epoll_event){events, m->data};
		if (m->events & EPOLLONESHOT) m->off = true;
		else if (!(m->events & EPOLLET)) again = true;
	}
	return again;
}

/*
 * From the channel after the last one reported around to it again. Bits that go back are kept apart until then, or the walk would find
 * them again: no member may be reported twice in one call.
 */
static void harvest(struct instance *e, struct harvest *h)
{
	struct bell *b = arena_bell(shim.arena, e->bell);
	uint32_t back[64], n_back = 0, first = MAX(e->turn, 1), from = first;
	for (int pass = 0; pass < 2 && from < CHANNEL_MAX; pass++, from = 1) {
		while (h->n < h->max && n_back < ARRAY_SIZE(back) && from < CHANNEL_MAX) {
			uint32_t i = bell_take(b, from);
			if (i == 0) break;
			if (pass == 1 && i >= first) {
				bell_set(b, i);
				break;
			}
			if (channel_harvest(e, i, h)) back[n_back++] = i;
			e->turn = from = i + 1;
		}
	}
	if (e->turn >= CHANNEL_MAX) e->turn = 1;
	for (uint32_t i = 0; i < n_back; i++) bell_set(b, back[i]);
}

static int look_virtual(struct instance *e, struct epoll_event *to, int max)
{
	struct epoll_event nowhere[1];
	bool there = user_there(to, sizeof *to);
	struct harvest h = {there ? to : nowhere, 0, there ? max : 1};
	if (e->members == 0) return 0;
	instance_lock(e);
	int r = bell_ready(e);
	if (r == 0) harvest(e, &h);
	instance_unlock(e);
	if (r != 0) return r;
	return h.n > 0 && !there ? -EFAULT : h.n;
}

/* Is any member ready? Bits stay as they are. */
static bool any_ready(struct instance *e)
{
	bool ready = false;
	instance_lock(e);
	for (uint32_t i = 1; i < e->top && !ready; i++) {
		struct member *m = &e->slot[i];
		ready = m->generation != 0 && !member_gone(m) && member_events(m) != 0;
	}
	instance_unlock(e);
	return ready;
}

bool epoll_virtual_ready(int fd, uint32_t *ret_bell)
{
	struct instance *e = instance_of(fd);
	*ret_bell = 0;
	if (!e || e->members == 0 || bell_ready(e) != 0) return false;
	*ret_bell = e->bell;
	atomic_fetch_or(&arena_bell(shim.arena, e->bell)->armed, BELL_EVENTFD);   /* whoever asks may go to sleep on it */
	return any_ready(e);
}

/* ---- waiting ---- */

static bool bits_set(struct bell *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(b->summary); i++)
		if (shared_get64(&b->summary[i]) != 0) return true;
	return false;
}

/* Sleeps until something may be ready: 0, -EINTR, -EAGAIN. The bell is armed; bits are looked at once more. */
static long sleep_futex(struct instance *e, struct poll *p)
{
	struct bell *b = arena_bell(shim.arena, e->bell);
	uint32_t seq = shared_get32(&b->seq);
	atomic_fetch_or(&b->armed, BELL_FUTEX);
	if (bits_set(b)) return 0;
	return wait_on_word(&p->wait, &b->seq, seq);
}

static int kick_ready(struct instance *e)
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

static void kick_drain(struct instance *e)
{
	uint64_t n;
	sys(SYS_read, e->kick, &n, sizeof n);
}

int *epoll_slot(int fd)
{
	for (int i = 1; instances && i < INSTANCES; i++)
		if (instances[i].used && instances[i].kick == fd) return &instances[i].kick;
	return NULL;
}

static long sleep_kernel(struct instance *e, int epfd, struct poll *p)
{
	struct bell *b = e->bell ? arena_bell(shim.arena, e->bell) : NULL;
	struct pollfd fds[4] = {{epfd, POLLIN, 0}, {shim.control, 0, 0}, {b ? bell_eventfd(e->bell) : -1, POLLIN, 0}, {e->kick > 0 ? e->kick : -1, POLLIN, 0}};
	time_ns left = p->wait.deadline == TIME_NEVER ? 0 : MAX(p->wait.deadline - now_ns(), 0);
	struct timespec t = {left / NS_PER_S, left % NS_PER_S};
	if (b) atomic_fetch_or(&b->armed, BELL_EVENTFD);
	if (b && bits_set(b)) return 0;
	long r = cancellable(sleep_call(SYS_ppoll, (long)fds, 4, p->wait.deadline == TIME_NEVER ? 0 : (long)&t, (long)p->mask, KERNEL_MASK, 0,
					&self.handled, p->wait.handled));
	if (r > 0 && fds[1].revents & POLLHUP) atomic_store(&shim.cut, true);
	if (b) bell_drain(e->bell);
	if (e->kick > 0 && fds[3].revents) kick_drain(e);
	return r == 0 ? -EAGAIN : MIN(r, 0);
}

static long instance_sleep(struct instance *e, int epfd, struct poll *p)
{
	bool futex = atomic_load(&e->kernel_members) == 0 && !p->mask && e->members > 0;
	atomic_fetch_add(&e->sleepers, 1);
	long r = futex ? sleep_futex(e, p) : sleep_kernel(e, epfd, p);
	/* The ringer has disarmed the bell; the others' sleep must be armed again, and what is there by now is theirs. */
	if (atomic_fetch_sub(&e->sleepers, 1) > 1 && e->bell) {
		struct bell *b = arena_bell(shim.arena, e->bell);
		atomic_fetch_or(&b->armed, futex ? BELL_FUTEX : BELL_EVENTFD);
	}
	return r;
}

/* Bits are left over and others sleep: one of them takes the next. */
static void pass_on(struct instance *e)
{
	uint64_t one = 1;
	if (e->bell == 0 || atomic_load(&e->sleepers) == 0) return;
	struct bell *b = arena_bell(shim.arena, e->bell);
	if (!bits_set(b)) return;
	uint32_t armed = bell_ring(b);
	if (armed & BELL_FUTEX) sys(SYS_futex, &b->seq, FUTEX_WAKE, 1);
	if (armed & BELL_EVENTFD) sys(SYS_write, bell_eventfd(e->bell), &one, sizeof one);
}

static long wait_step(struct instance *e, int epfd, struct epoll_event *to, int max, struct poll *p)
{
	int n = look_virtual(e, to, max);
	if (n < 0) return n;
	/* Half of the room for each side when both have much. */
	if (n < max && (atomic_load(&e->kernel_members) > 0 || e->members == 0)) {
		long k = sys(SYS_epoll_wait, epfd, to + n, max - n, 0);
		if (k < 0 && n == 0) return k;
		if (k > 0) n += (int)k;
	}
	if (n > 0) return n;
	if (e->members > 0 && synced_late()) return 0;
	if (p->wait.deadline == 0 || (p->wait.deadline != TIME_NEVER && now_ns() >= p->wait.deadline)) return -EAGAIN;
	return instance_sleep(e, epfd, p);
}

static long epoll_run(struct instance *e, int epfd, struct epoll_event *to, int max, struct poll *p)
{
	long r;
	do r = wait_step(e, epfd, to, max, p);
	while (r == 0);
	pass_on(e);
	return r == -EAGAIN ? 0 : r;
}

long do_epoll_pwait2(int epfd, struct epoll_event *events, int max, const struct timespec *timeout, const sigset_t *mask, size_t mask_size)
{
	struct poll p;
	struct instance *e = shim.active && !spawned() ? instance_of(epfd) : NULL;
	if (!shim.active) return cancellable(sys(SYS_epoll_pwait2, epfd, events, max, timeout, mask, mask_size));
	time_ns wait = !timeout ? TIME_NEVER : timeout->tv_sec > INT32_MAX ? TIME_NEVER : timeout->tv_sec * NS_PER_S + timeout->tv_nsec;
	poll_begin(&p, wait, mask);
	if (!e || e->members == 0) {
		/* Another thread may add the first virtual member while we sleep: then the kernel alone would not wake us. */
		if (!e || __libc_single_threaded || wait == 0) return cancellable(sys(SYS_epoll_pwait2, epfd, events, max, timeout, p.mask, KERNEL_MASK));
		int r = kick_ready(e);
		if (r != 0) return r;
	}
	if (max <= 0 || max > INT_MAX / (int)sizeof *events) return -EINVAL;
	return epoll_run(e, epfd, events, max, &p);
}

long do_epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout_ms, const sigset_t *mask, size_t mask_size)
{
	struct timespec t = {timeout_ms / 1000, timeout_ms % 1000 * 1000000};
	if (!shim.active) return cancellable(sys(SYS_epoll_pwait, epfd, events, max, timeout_ms, mask, mask_size));
	return do_epoll_pwait2(epfd, events, max, timeout_ms < 0 ? NULL : &t, mask, mask_size);
}

long do_epoll_wait(int epfd, struct epoll_event *events, int max, int timeout_ms)
{
	if (!shim.active) return cancellable(sys(SYS_epoll_wait, epfd, events, max, timeout_ms));
	return do_epoll_pwait(epfd, events, max, timeout_ms, NULL, KERNEL_MASK);
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
