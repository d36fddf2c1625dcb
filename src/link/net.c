/*
 * The network as a whole: its hosts, and its time.
 *
 * One heap holds everything that is due, frames and stacks' timers alike, ordered by time and then by the order in which
 * it was set. That makes a run a function of the seed and of what the programs do, and nothing else: what is due at one
 * instant happens in the order in which it was caused.
 */
#include "link/private.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct net *net_new(uint64_t seed, const struct net_ops *ops, void *user, time_ns now)
{
	struct net *n = calloc(1, sizeof *n);
	if (!n) return NULL;
	*n = (struct net){.ops = ops, .user = user, .seed = seed, .now = now};
	heap_init(&n->events);
	list_init(&n->links);
	list_init(&n->cuts);
	return n;
}

void net_free(struct net *n)
{
	if (!n) return;
	net_heal(n, 0);
	for (size_t i = 0; i < n->n_hosts; i++) {
		heap_remove(&n->events, &n->hosts[i]->deadline.node);
		stack_free(n->hosts[i]->stack);
		free(n->hosts[i]);
	}
	list_each (struct net_link, l, &n->links, node) {
		port_clear(&l->ends[0]);
		port_clear(&l->ends[1]);
	}
	/* What is left are frames that would have arrived. */
	for (struct heap_node *node; (node = heap_min(&n->events));) {
		heap_remove(&n->events, node);
		transit_free(container_of(container_of(node, struct event, node), struct transit, event));
	}
	list_each (struct net_link, l, &n->links, node)
		link_free(l);
	heap_free(&n->events);
	free(n->hosts);
	free(n);
}

/* ---- what a stack asks of the world ---- */

static void host_transmit(void *host, struct netif *nif, struct packet *p)
{
	if (nif->link) port_send(nif->link, host, p);
	else packet_free(p);
}

static void host_ready(void *host, struct sock *sk)
{
	struct net *n = ((struct net_host *)host)->net;
	if (n->ops->ready) n->ops->ready(n->user, sk);
}

static void host_random(void *host, void *buf, size_t len) { random_fill(&((struct net_host *)host)->random, buf, len); }

static void host_waiting(void *host, const struct sock *sk, uint32_t *in, uint32_t *out)
{
	struct net *n = ((struct net_host *)host)->net;
	if (n->ops->waiting) n->ops->waiting(n->user, sk, in, out);
}

static bool host_held(void *host, const struct sock *sk)
{
	struct net *n = ((struct net_host *)host)->net;
	return !n->ops->held || n->ops->held(n->user, sk);
}

static bool host_sleeps(void *host, const struct sock *sk)
{
	struct net *n = ((struct net_host *)host)->net;
	return !n->ops->sleeps || n->ops->sleeps(n->user, sk);
}

static const struct sock *host_ahead(void *host, const struct sock *listener)
{
	struct net *n = ((struct net_host *)host)->net;
	return n->ops->ahead ? n->ops->ahead(n->user, listener) : NULL;
}

static void host_tcp_info(void *host, const struct sock *sk, void *info, size_t len)
{
	struct net *n = ((struct net_host *)host)->net;
	if (n->ops->tcp_info) n->ops->tcp_info(n->user, sk, info, len);
}

static int host_share(void *host, const struct sock *sk, struct shared_memory *m)
{
	struct net *n = ((struct net_host *)host)->net;
	return n->ops->share ? n->ops->share(n->user, sk, m) : -ENOMEM;
}

static void host_unshare(void *host, struct shared_memory *m)
{
	struct net *n = ((struct net_host *)host)->net;
	n->ops->unshare(n->user, m);
}

static const struct crypto *crypto_of(void *host)
{
	struct net *n = ((struct net_host *)host)->net;
	return n->ops->crypto ? n->ops->crypto() : NULL;
}

static const struct host_ops host_ops = {
	.transmit = host_transmit, .ready = host_ready, .random = host_random, .waiting = host_waiting, .held = host_held, .sleeps = host_sleeps,
	.ahead = host_ahead, .tcp_info = host_tcp_info, .changed = host_changed, .join = host_join, .part = host_part, .share = host_share,
	.unshare = host_unshare, .crypto = crypto_of,
};

/* ---- hosts ---- */

static void host_fire(struct net *n, struct event *e)
{
	struct net_host *h = container_of(e, struct net_host, deadline);
	stack_advance(h->stack, n->now);
	net_host_touch(h);
}

static struct net_host *host_new(struct net *n, const char *name)
{
	struct net_host *h = calloc(1, sizeof *h);
	if (!h) return NULL;
	char stream[80];
	snprintf(stream, sizeof stream, "host %s", name);
	*h = (struct net_host){.net = n, .index = n->n_hosts, .deadline = {.fire = host_fire}, .random = random_seeded(n->seed, stream)};
	h->stack = stack_new(name, &host_ops, h, n->now);
	if (h->stack && link_add_loopback(h) == 0) return h;
	if (h->stack) stack_free(h->stack);
	free(h);
	return NULL;
}

static int reserve_host(struct net *n)
{
	if (n->n_hosts < n->cap_hosts) return 0;
	size_t cap = n->cap_hosts ? n->cap_hosts * 2 : 8;
	struct net_host **hosts = realloc(n->hosts, cap * sizeof *hosts);
	if (!hosts) return -ENOMEM;
	n->hosts = hosts;
	n->cap_hosts = cap;
	return 0;
}

static struct net_host *find_host(struct net *n, const char *name)
{
	for (size_t i = 0; i < n->n_hosts; i++)
		if (strcmp(n->hosts[i]->stack->name, name) == 0) return n->hosts[i];
	return NULL;
}

int net_add_host(struct net *n, const char *name, struct net_host **ret)
{
	if (find_host(n, name)) return -EEXIST;
	struct net_host *h = reserve_host(n) == 0 ? host_new(n, name) : NULL;
	if (!h) return -ENOMEM;
	n->hosts[n->n_hosts++] = h;
	net_host_touch(h);
	*ret = h;
	return 0;
}

struct stack *net_stack(struct net_host *h) { return h->stack; }
struct net_host *net_host_of(struct stack *s) { return s->host; }
size_t net_host_count(const struct net *n) { return n->n_hosts; }
struct net_host *net_host_at(struct net *n, size_t i) { return n->hosts[i]; }
size_t net_host_index(const struct net_host *h) { return h->index; }

/* ---- time ---- */

void net_host_touch(struct net_host *h)
{
	struct heap_node *node = &h->deadline.node;
	time_ns due = stack_deadline(h->stack);
	if (due == TIME_NEVER) heap_remove(&h->net->events, node);
	else if (heap_due(&h->net->events, node) != due) heap_insert(&h->net->events, node, due);
}

void net_touch(struct net *n, struct stack *s)
{
	(void)n;
	net_host_touch(s->host);
}

time_ns net_deadline(const struct net *n) { return heap_min_due(&n->events); }

bool net_advance(struct net *n, time_ns now, unsigned budget)
{
	for (unsigned done = 0; net_deadline(n) <= now && net_deadline(n) != TIME_NEVER; done++) {
		if (budget && done == budget) return true;
		struct event *e = container_of(heap_min(&n->events), struct event, node);
		n->now = MAX(n->now, net_deadline(n));
		heap_remove(&n->events, &e->node);
		e->fire(n, e);
	}
	n->now = MAX(n->now, now);
	return false;
}
