/*
 * An epoll file in the set of another. The kernel would see the inner one's kernel members only, so such members are looked at here, by
 * poll's eyes, which see both kinds. The kernel has them too, with no events to report: that keeps its rules (no cycles, EEXIST, ENOENT).
 *
 * For an edge among the kernel's members of the inner one each process has a scout: a hidden epoll descriptor of its own that watches the inner one.
 */
#include <sys/mman.h>
#include "shim/epoll.h"

struct scout { int fd; uint32_t set, generation; };   /* by place; generation 0: none */

static struct epoll_nested *place_of(struct epoll_set *s, int fd, uint32_t set)
{
	for (int i = 0; i < NEST_MAX; i++)
		if (s->nested[i].fd == fd + 1 && (fd < 0 || s->nested[i].set == set)) return &s->nested[i];
	return NULL;
}

static void place_free(struct epoll_set *s, struct epoll_nested *n)
{
	*n = (struct epoll_nested){0};
	atomic_fetch_sub(&s->nests, 1);
}

/* How often the inner one's bell was rung. */
static uint32_t rings_of(const struct epoll_nested *n) { return shared_get32(&arena_bell(shim.arena, n->set)->seq); }

/* A descriptor of this process that leads to the inner one, or -1. */
static int descriptor_of(const struct epoll_nested *n)
{
	if (table_peek(n->fd - 1) == FD_EPOLL && table_epoll(n->fd - 1) == n->set) return n->fd - 1;
	for (int fd = 0; fd < table_high(); fd++)
		if (table_peek(fd) == FD_EPOLL && table_epoll(fd) == n->set) return fd;
	return -1;
}

/* ---- scouts ---- */

static void scout_free(struct scout *sc)
{
	if (sc->generation != 0) hidden_close(&sc->fd);
	sc->generation = 0;
}

void nest_free(struct instance *e)
{
	if (!e->scouts) return;
	for (int i = 0; i < NEST_MAX; i++) scout_free(&e->scouts[i]);
	sys(SYS_munmap, e->scouts, NEST_MAX * sizeof *e->scouts);
	e->scouts = NULL;
}

static int scout_send(struct scout *sc, const struct epoll_nested *n)
{
	struct epoll_event edge = {.events = EPOLLIN | EPOLLET};
	int at = descriptor_of(n), fd = at < 0 ? at : (int)sys(SYS_epoll_create1, EPOLL_CLOEXEC);
	if (fd < 0) return -1;
	*sc = (struct scout){hide_fd(fd, false), n->set, n->generation};
	sys(SYS_epoll_ctl, sc->fd, EPOLL_CTL_ADD, at, &edge);
	return sc->fd;
}

/* What shows whether the inner one's kernel members are ready, or have become so; -1: this process can't see them. */
static int eyes_on(struct instance *e, const struct epoll_nested *n)
{
	if (!(n->events & EPOLLET)) return descriptor_of(n);
	if (!e->scouts) {
		long p = sys(SYS_mmap, NULL, NEST_MAX * sizeof *e->scouts, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p < 0 && p > -4096) return -1;
		e->scouts = (struct scout *)p;
	}
	struct scout *sc = &e->scouts[n - e->set->nested];
	if (sc->generation == n->generation && sc->set == n->set) return sc->fd;
	scout_free(sc);
	return scout_send(sc, n);
}

/* ---- members ---- */

static long control_locked(struct instance *e, int epfd, int op, int fd, const struct epoll_event *ev)
{
	struct epoll_event silent = {.events = op == EPOLL_CTL_DEL ? 0 : ev->events & EPOLLEXCLUSIVE};
	struct epoll_set *s = e->set;
	uint32_t set = table_epoll(fd);
	struct epoll_nested *n = place_of(s, -1, 0);
	if (op == EPOLL_CTL_ADD && !n) return -ENOSPC;
	long r = sys(SYS_epoll_ctl, epfd, op, fd, &silent);
	if (r != 0) return r;
	if (op != EPOLL_CTL_ADD) n = place_of(s, fd, set);
	if (!n) return op == EPOLL_CTL_DEL ? 0 : -ENOENT;
	if (e->scouts) scout_free(&e->scouts[n - s->nested]);
	if (op == EPOLL_CTL_ADD) atomic_fetch_add(&s->nests, 1);
	if (op == EPOLL_CTL_DEL) {
		place_free(s, n);
		return 0;
	}
	*n = (struct epoll_nested){.fd = fd + 1, .set = set, .generation = shared_get32(&arena_bell(shim.arena, set)->generation), .events = ev->events,
				   .data = ev->data.u64};
	n->seen = rings_of(n) - 1;
	return 0;
}

long nest_control(struct instance *e, int epfd, int op, int fd, const struct epoll_event *ev)
{
	struct epoll_event event = {0};
	if (op != EPOLL_CTL_DEL && user_copy(&event, ev, sizeof event) != 0) return -EFAULT;
	instance_lock(e);
	long r = control_locked(e, epfd, op, fd, &event);
	instance_unlock(e);
	if (r == 0 && op != EPOLL_CTL_DEL) instance_wake(e);
	return r;
}

/* ---- looking; the outer one's lock is held ---- */

static bool nested_ready(struct instance *e, const struct epoll_nested *n)
{
	struct instance *in = instance_inner(n->set, n->generation);
	if (!(n->events & (EPOLLIN | EPOLLRDNORM)) || n->off || !in) return false;
	if (instance_shows(in) && (!(n->events & EPOLLET) || n->seen != rings_of(n))) return true;
	struct pollfd p = {eyes_on(e, n), POLLIN, 0};
	struct timespec now = {0, 0};
	return p.fd >= 0 && sys(SYS_ppoll, &p, 1, &now, NULL, 0) > 0;
}

/* Reported: what comes from now on is news. */
static void nested_seen(struct instance *e, struct epoll_nested *n)
{
	struct epoll_event ev;
	n->off = n->events & EPOLLONESHOT;
	if (!(n->events & EPOLLET)) return;
	n->seen = rings_of(n);
	sys(SYS_epoll_wait, eyes_on(e, n), &ev, 1, 0);
}

int nest_look(struct instance *e, struct epoll_event *to, int max)
{
	int found = 0;
	bool fault = false;
	instance_lock(e);
	for (int i = 0; i < NEST_MAX && found < max; i++) {
		struct epoll_nested *n = &e->set->nested[i];
		if (n->fd == 0) continue;
		if (!instance_inner(n->set, n->generation)) place_free(e->set, n);   /* closed everywhere: the kernel has forgotten it as well */
		else if (nested_ready(e, n)) {
			struct epoll_event ev = {n->events & (EPOLLIN | EPOLLRDNORM), {.u64 = n->data}};
			fault = user_put(&to[found], ev) != 0;
			if (fault) break;
			found++;
			nested_seen(e, n);
		}
	}
	instance_unlock(e);
	return found == 0 && fault ? -EFAULT : found;
}

bool nest_ready(struct instance *e)
{
	bool ready = false;
	instance_lock(e);
	for (int i = 0; i < NEST_MAX && !ready; i++) ready = e->set->nested[i].fd != 0 && nested_ready(e, &e->set->nested[i]);
	instance_unlock(e);
	return ready;
}

int nest_poll(struct instance *e, struct pollfd *to, int max)
{
	int count = 0;
	instance_lock(e);
	for (int i = 0; i < NEST_MAX && count + 2 <= max; i++) {
		struct epoll_nested *n = &e->set->nested[i];
		struct instance *in = n->fd == 0 || n->off ? NULL : instance_inner(n->set, n->generation);
		if (!in) continue;
		to[count++] = (struct pollfd){eyes_on(e, n), POLLIN, 0};
		instance_shows(in);   /* arms its bell */
		to[count++] = (struct pollfd){bell_eventfd(n->set), POLLIN, 0};
	}
	instance_unlock(e);
	return count;
}
