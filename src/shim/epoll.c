/*
 * epoll: members come, change and go. The program's epoll descriptor is a real one, and the kernel's descriptors in its set are the kernel's business, data and
 * all. The virtual ones stand in a set of ours that all holders of the epoll file share, with a bell; epoll_wait.c tells how the two are waited for
 * together.
 */
#include "shim/epoll.h"
#include "shim/unix.h"

#define WITH_EXCLUSIVE (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

/* ---- members; the set's lock is held ---- */

static uint32_t slot_take(struct epoll_set *s)
{
	uint32_t i = s->free;
	if (i != 0) {
		s->free = shared_get32(&s->slot[i].next);
		return i;
	}
	if (s->top == 0) s->top = 1;
	return s->top < MEMBERS_MAX ? s->top++ : 0;
}

void member_free(struct epoll_set *s, _Atomic uint32_t *link)
{
	uint32_t i = shared_get32(link);
	shared_set32(link, shared_get32(&s->slot[i].next));
	s->slot[i].generation = 0;
	shared_set32(&s->slot[i].next, s->free);
	s->free = i;
	atomic_fetch_sub(&s->members, 1);
}

/* The link that leads to the member, or NULL. Members of a channel's earlier life are swept on the way. */
static _Atomic uint32_t *member_find(struct epoll_set *set, const struct sock *s)
{
	_Atomic uint32_t *link = &set->of_channel[s->index];
	for (uint32_t i; (i = shared_get32(link)) != 0;) {
		struct epoll_member *m = &set->slot[i];
		if (m->generation != s->generation) {
			member_free(set, link);
			continue;
		}
		if (m->fd == s->fd) return link;
		link = &m->next;
	}
	return NULL;
}

static long member_add(struct instance *e, const struct sock *s, const struct epoll_event *ev)
{
	struct epoll_set *set = e->set;
	if (ev->events & EPOLLEXCLUSIVE && ev->events & ~(uint32_t)WITH_EXCLUSIVE) return -EINVAL;
	if (member_find(set, s)) return -EEXIST;
	uint32_t i = slot_take(set);
	if (i == 0) return -ENOSPC;
	struct epoll_member *m = &set->slot[i];
	*m = (struct epoll_member){.fd = s->fd, .index = s->index, .generation = s->generation, .events = ev->events,
				   .next = shared_get32(&set->of_channel[s->index]), .client = atomic_load(&shim.client), .data = ev->data.u64, .edge = true};
	atomic_fetch_add(&set->members, 1);
	shared_set32(&set->of_channel[s->index], i);
	int r = instance_watch(e, s);
	if (r < 0) member_free(set, &set->of_channel[s->index]);
	return r;
}

static long member_modify(struct instance *e, const struct sock *s, const struct epoll_event *ev)
{
	if (ev->events & EPOLLEXCLUSIVE) return -EINVAL;
	_Atomic uint32_t *link = member_find(e->set, s);
	if (!link) return -ENOENT;
	struct epoll_member *m = &e->set->slot[shared_get32(link)];
	if (m->events & EPOLLEXCLUSIVE) return -EINVAL;
	m->events = ev->events;
	m->data = ev->data.u64;
	m->off = false;
	m->edge = true;
	return 0;
}

static long member_delete(struct instance *e, const struct sock *s)
{
	_Atomic uint32_t *link = member_find(e->set, s);
	if (!link) return -ENOENT;
	member_free(e->set, link);   /* the watch stays: programs take out and put in again, and a stray bit ends it (epoll_look.c) */
	instance_forget(e, s->index);
	return 0;
}

/* ---- the calls ---- */

/* As in Linux what leaves a socket is an edge for whoever asks for edges of room: those who carry it have to know. */
static void edges_wanted(const struct sock *s, uint32_t events)
{
	bool wanted = events & EPOLLET && events & (EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	if (wanted && !(shared_get32(&s->c->flags) & CHF_OUT_EDGES)) atomic_fetch_or(&s->c->flags, CHF_OUT_EDGES);
}

static long control_virtual(struct instance *e, int op, const struct sock *s, const struct epoll_event *ev)
{
	struct epoll_event event;
	if (op != EPOLL_CTL_DEL && user_copy(&event, ev, sizeof event) != 0) return -EFAULT;
	if (op != EPOLL_CTL_DEL && op != EPOLL_CTL_ADD && op != EPOLL_CTL_MOD) return -EINVAL;
	if (op != EPOLL_CTL_DEL) edges_wanted(s, event.events);
	instance_lock(e);
	long r = op == EPOLL_CTL_ADD ? member_add(e, s, &event) : op == EPOLL_CTL_MOD ? member_modify(e, s, &event) : member_delete(e, s);
	if (r == 0 && op != EPOLL_CTL_DEL) {   /* a new or changed member may be ready already */
		instance_note(e, s->index);
		instance_wake(e);
	}
	instance_unlock(e);
	return r;
}

static long control_kernel(struct instance *e, int epfd, int op, int fd, struct epoll_event *event)
{
	_Atomic uint32_t *count = &e->set->kernel_members;
	long r = sys(SYS_epoll_ctl, epfd, op, fd, event);
	if (r == 0 && table_tells_ends(fd)) shared_set32(&e->set->tells_ends, 1);
	if (r == 0 && op == EPOLL_CTL_ADD && atomic_fetch_add(count, 1) == 0) instance_wake(e);
	uint32_t n = atomic_load(count);
	if (r == 0 && op == EPOLL_CTL_DEL)
		while (n > 0 && !atomic_compare_exchange_weak(count, &n, n - 1)) {}
	return r;
}

/* What a set has of s, if it has it, is taken out: true. */
static bool member_take(struct instance *e, const struct sock *s, struct epoll_event *ret)
{
	instance_lock(e);
	_Atomic uint32_t *link = member_find(e->set, s);
	if (link) {
		const struct epoll_member *m = &e->set->slot[shared_get32(link)];
		*ret = (struct epoll_event){m->events, {.u64 = m->data}};
		member_free(e->set, link);
	}
	instance_unlock(e);
	return link != NULL;
}

/* A set under two numbers gives its member up once. */
void epolls_leave(const struct sock *s, struct moves *ret)
{
	ret->n = 0;
	for (int epfd = 0; epfd < table_high() && ret->n < MOVES_MAX; epfd++) {
		struct instance *e = table_peek(epfd) == FD_EPOLL ? instance_hold(epfd) : NULL;
		if (!e) continue;
		if (member_take(e, s, &ret->at[ret->n].event)) ret->at[ret->n++].epfd = epfd;
		instance_release(e);
	}
}

void epolls_enter(const struct moves *m, int fd)
{
	for (int i = 0; i < m->n; i++) {
		struct epoll_event ev = m->at[i].event;
		do_epoll_ctl(m->at[i].epfd, EPOLL_CTL_ADD, fd, &ev);
	}
}

/*
 * An epoll descriptor without a set gets its first virtual member. Is it one at all? The kernel knows; a member that can't be found is its answer to
 * the question.
 */
static struct instance *instance_late(int epfd, int fd, long *ret_err)
{
	struct epoll_event none = {0};
	long r = sys(SYS_epoll_ctl, epfd, EPOLL_CTL_MOD, fd, &none);
	if (r == -ENOENT) r = epoll_adopt(epfd);
	*ret_err = r < 0 ? r : -EBADF;
	struct instance *e = r > 0 ? instance_hold(epfd) : NULL;
	if (e) atomic_store(&e->set->kernel_members, 1);   /* nobody knows what is in it */
	return e;
}

long do_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	struct sock s;
	long r = -EBADF;
	if (!shim.active) return sys(SYS_epoll_ctl, epfd, op, fd, event);
	if (table_peek(fd) == FD_HIDDEN) return -EBADF;
	bool ours = sock_of(fd, &s);
	if (!ours && table_kind(fd, &s) == FD_URING && (fd = uring_poll_fd(fd)) < 0) return fd;
	struct instance *e = instance_hold(epfd);
	if (!e && ours) e = instance_late(epfd, fd, &r);
	if (!e) return ours ? r : sys(SYS_epoll_ctl, epfd, op, fd, event);
	if (ours) r = control_virtual(e, op, &s, event);
	else if (table_kind(fd, &s) == FD_EPOLL) r = nest_control(e, epfd, op, fd, event);
	else r = control_kernel(e, epfd, op, fd, event);
	instance_release(e);
	return r;
}

/* A set from the start: another process may have the file before its first virtual member comes. Where none is to be had, the kernel has the file alone. */
static long created(long n, long arg)
{
	long fd = sys(n, arg);
	if (shim.active && spares_give_way(fd)) fd = sys(n, arg);
	if (fd >= 0 && shim.active && !spawned() && epoll_adopt((int)fd) < 0) table_set_kernel((int)fd);
	return fd;
}

long do_epoll_create(int size) { return created(SYS_epoll_create, size); }
long do_epoll_create1(int flags) { return created(SYS_epoll_create1, flags); }
