/*
 * The stack as packetdrill drives it: packets in and out, and a clock that only moves when it is asked to.
 *
 *     first thread:   usleep, gettimeofday, netdev_receive ──► the clock ──► timers ──┐
 *                     netdev_send ──► stack_receive ──► ready ──► wakes               ├─► transmit ──► sent, stamped
 *     second thread:  connect(…) ──► asleep in world_wait ◄───────┘                   ┘
 *
 * The second thread notes when its call returned by gettimeofday. So once it was woken, the clock stands still until it has done that or
 * has fallen asleep again: that wait is in real time, and bounded, since its thread may have other business.
 */
#include "packetdrill/world.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define START_NS (1000 * NS_PER_S)
#define SETTLE_NS (100 * NS_PER_MS)      /* real time: for a woken thread to say what it does */
#define BEGIN_NS (10 * NS_PER_MS)        /* real time: for a call of the second thread to begin */

struct waiter { struct list node; struct world *w; time_ns until; pthread_t thread; bool woken; };

/* ---- what the stack asks ---- */

static void host_transmit(void *host, struct netif *nif, struct packet *p)
{
	struct world *w = host;

	p->when = w->stack->now;
	list_append(nif == w->wire ? &w->sent : &w->looped, &p->node);
	pthread_cond_broadcast(&w->changed);
}

static void wake(struct world *w, struct waiter *waiter)
{
	waiter->woken = true;
	list_remove(&waiter->node);
	w->stirred = true;
	w->stirred_thread = waiter->thread;
	pthread_cond_broadcast(&w->changed);
}

static void host_ready(void *host, struct sock *sk)
{
	struct world *w = host;

	ready_mark(w, sk);
	list_each(struct waiter, waiter, &w->waiters, node)
		wake(w, waiter);
}

static void host_random(void *host, void *buf, size_t len) { random_fill(&((struct world *)host)->random, buf, len); }

static const struct host_ops host_ops = {.transmit = host_transmit, .ready = host_ready, .random = host_random};

/* ---- calls ---- */

static void loopback_deliver(struct world *w)
{
	struct list *n;

	while ((n = list_pop(&w->looped))) {
		struct packet *p = list_entry(n, struct packet, node);
		stack_receive(w->stack, netif_by_name(w->stack, "lo"), p);
	}
}

struct world *world_enter(void *userdata)
{
	struct world *w = userdata;

	pthread_mutex_lock(&w->lock);
	return w;
}

ssize_t world_leave(struct world *w, ssize_t r)
{
	loopback_deliver(w);
	pthread_mutex_unlock(&w->lock);
	if (r >= 0) return r;
	errno = (int)-r;
	return -1;
}

/* packetdrill cancels a call that still waits at the end of a script, and goes on to close its descriptors. */
static void wait_cancelled(void *arg)
{
	struct waiter *me = arg;

	list_remove(&me->node);
	pthread_mutex_unlock(&me->w->lock);
}

int world_wait(struct world *w, time_ns until)
{
	struct waiter me = {.w = w, .until = until, .thread = pthread_self()};

	if (until <= w->stack->now) return -EAGAIN;
	if (pthread_equal(w->stirred_thread, me.thread)) w->stirred = false;
	list_append(&w->waiters, &me.node);
	loopback_deliver(w);
	pthread_cond_broadcast(&w->changed);
	pthread_cleanup_push(wait_cancelled, &me);
	while (!me.woken)
		pthread_cond_wait(&w->changed, &w->lock);
	pthread_cleanup_pop(0);
	return 0;
}

/* ---- the clock ---- */

/* Waits in real time; false when it is over. */
static bool real_wait(struct world *w, const struct timespec *end)
{
	return pthread_cond_clockwait(&w->changed, &w->lock, CLOCK_MONOTONIC, end) == 0;
}

static struct timespec real_in(time_ns ns)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	ns += t.tv_nsec;
	return (struct timespec){t.tv_sec + ns / NS_PER_S, ns % NS_PER_S};
}

static void settle(struct world *w)
{
	struct timespec end = real_in(SETTLE_NS);

	while (w->stirred && real_wait(w, &end))
		;
	w->stirred = false;
}

static time_ns clock_next(const struct world *w)
{
	time_ns next = stack_deadline(w->stack);

	list_each(struct waiter, waiter, &w->waiters, node)
		next = MIN(next, waiter->until);
	return MAX(next, w->stack->now);
}

static void clock_step(struct world *w, time_ns now)
{
	stack_advance(w->stack, now);
	loopback_deliver(w);
	list_each(struct waiter, waiter, &w->waiters, node)
		if (waiter->until <= now) wake(w, waiter);
}

static int clock_usleep(void *userdata, useconds_t us)
{
	struct world *w = world_enter(userdata);
	time_ns end = w->stack->now + us * NS_PER_US;

	settle(w);
	while (w->stack->now < end) {
		clock_step(w, MIN(clock_next(w), end));
		settle(w);
	}
	return (int)world_leave(w, 0);
}

/* packetdrill spins on this: a microsecond passes with each call. */
static int clock_gettimeofday(void *userdata, struct timeval *tv, struct timezone *tz)
{
	struct world *w = world_enter(userdata);
	bool awaited = w->stirred && pthread_equal(w->stirred_thread, pthread_self());

	(void)tz;
	if (awaited) {
		w->stirred = false;
		pthread_cond_broadcast(&w->changed);
	} else {
		clock_step(w, w->stack->now + NS_PER_US);
	}
	*tv = (struct timeval){w->stack->now / NS_PER_S, w->stack->now % NS_PER_S / NS_PER_US};
	return (int)world_leave(w, 0);
}

/* ---- packets ---- */

static int netdev_send(void *userdata, const void *packet, size_t count)
{
	struct world *w = world_enter(userdata);
	struct packet *p = count <= PACKET_MAX ? packet_new(PACKET_HEADROOM, count) : NULL;

	if (!p) return (int)world_leave(w, count <= PACKET_MAX ? -ENOMEM : -EMSGSIZE);
	memcpy(p->data, packet, count);
	stack_receive(w->stack, w->wire, p);
	return (int)world_leave(w, 0);
}

/* Lets time pass until a packet leaves, or there is nothing more to wait for. */
static void sent_await(struct world *w)
{
	struct timespec end = real_in(BEGIN_NS);

	while (list_empty(&w->sent) && real_wait(w, &end))
		;
	settle(w);
	while (list_empty(&w->sent) && clock_next(w) != TIME_NEVER) {
		clock_step(w, clock_next(w));
		settle(w);
	}
}

static int netdev_receive(void *userdata, void *buf, size_t *count, long long *time_us)
{
	struct world *w = world_enter(userdata);
	size_t room = *count;
	struct packet *p;

	sent_await(w);
	*count = 0;
	if (list_empty(&w->sent)) return (int)world_leave(w, 0);
	p = list_entry(list_pop(&w->sent), struct packet, node);
	*count = MIN(p->len, room);
	*time_us = p->when / NS_PER_US;
	memcpy(buf, p->data, *count);
	packet_free(p);
	return (int)world_leave(w, 0);
}

/* ---- birth and end ---- */

static void list_free(struct list *l)
{
	struct list *n;

	while ((n = list_pop(l)))
		packet_free(list_entry(n, struct packet, node));
}

static void world_free(void *userdata)
{
	struct world *w = userdata;

	for (int fd = 0; fd < DESC_MAX; fd++)
		if (w->descs[fd].epoll) {
			ready_forget(w, fd);
			free(w->descs[fd].epoll);
		}
	stack_free(w->stack);
	list_free(&w->sent);
	list_free(&w->looped);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof *w);

	if (!w) return NULL;
	w->random = random_seeded(1, "packetdrill");
	list_init(&w->sent);
	list_init(&w->looped);
	list_init(&w->waiters);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	w->stack = stack_new("packetdrill", &host_ops, w, START_NS);
	if (w->stack) return w;
	free(w);
	return NULL;
}

static void clock_fill(struct packetdrill_interface *i)
{
	i->free = world_free;
	i->netdev_send = netdev_send;
	i->netdev_receive = netdev_receive;
	i->usleep = clock_usleep;
	i->gettimeofday = clock_gettimeofday;
}

__attribute__((visibility("default")))
void packetdrill_interface_init(const char *flags, struct packetdrill_interface *ret)
{
	struct world *w = world_new();
	char word[128] = "";
	int r = w ? flags_apply(w, flags ? flags : "", word, sizeof word) : -ENOMEM;

	/* There is no result by which to refuse. */
	if (r < 0) {
		fprintf(stderr, "sockland: --so_flags: %s: %s\n", word, strerror(-r));
		exit(EXIT_FAILURE);
	}
	*ret = (struct packetdrill_interface){.userdata = w};
	clock_fill(ret);
	calls_fill(ret);
	data_fill(ret);
	ready_fill(ret);
}
