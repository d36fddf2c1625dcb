/*
 * Flow labels: a lease gives a socket a label of 20 bits for some destination, alone or with others who say the same about it. What nobody holds any more
 * lingers for a while, so that no other flow takes it for its own at once.
 *
 *     host     label ── label ── label …            each with its destination, its way of sharing, its time
 *     socket   lease ── lease …   -> label
 *
 * Options for the label's datagrams, which Linux takes behind the request, are refused.
 * Read first: RFC 6437; Linux's struct in6_flowlabel_req.
 */
#include "stack/inet/flowlabel.h"
#include <errno.h>
#include <stdlib.h>
#include "stack/inet/inet_private.h"

/* Of <linux/in6.h>, which does not go together with libc's. */
struct request { uint8_t dst[16]; be32 label; uint8_t action, share; uint16_t flags, expires_s, linger_s; uint32_t pad; };
enum { ACTION_GET, ACTION_PUT, ACTION_RENEW };
enum { FLAG_CREATE = 1, FLAG_EXCL = 2, FLAG_REFLECT = 4, FLAG_REMOTE = 8 };
enum { SHARE_NONE, SHARE_EXCL, SHARE_PROCESS, SHARE_USER, SHARE_ANY = 255 };

#define LABEL_MASK 0xfffffu
#define LINGER_LEAST_S 6
#define LINGER_MOST_S 150                  /* for those without rights */
#define LABELS_MAX 4096
#define LABELS_OF_SOCKET 32

struct flow_label {
	struct list node;                  /* inet.flow_labels */
	struct addr dst;
	uint32_t label, users, owner;      /* owner: a process or a user, by how it is shared */
	uint8_t share;
	time_ns linger, used, expires;
};
struct flow_lease { struct list node; struct flow_label *label; };

static struct inet_sock *inet_of(struct sock *sk) { return (struct inet_sock *)sk; }

/* ---- the host's labels ---- */

static void label_free(struct stack *s, struct flow_label *f)
{
	list_remove(&f->node);
	s->inet->n_flow_labels--;
	free(f);
}

/* Those that have lingered for long enough end when somebody looks. */
static void labels_sweep(struct stack *s)
{
	struct list *n = s->inet->flow_labels.next;

	while (n != &s->inet->flow_labels) {
		struct flow_label *f = list_entry(n, struct flow_label, node);
		n = n->next;
		if (f->users == 0 && s->now >= MAX(f->expires, f->used + f->linger)) label_free(s, f);
	}
}

static struct flow_label *label_find(const struct stack *s, uint32_t label)
{
	list_each(struct flow_label, f, &s->inet->flow_labels, node)
		if (f->label == label) return f;
	return NULL;
}

static uint32_t label_choose(struct stack *s)
{
	uint32_t label;

	do label = stack_random32(s) & LABEL_MASK;
	while (label == 0 || label_find(s, label));
	return label;
}

/* 0: longer than the program may ask for. */
static time_ns linger_of(const struct sock *sk, uint16_t seconds)
{
	if (seconds > LINGER_MOST_S && !sock_is_privileged(sk)) return 0;
	return MAX(seconds, LINGER_LEAST_S) * (time_ns)NS_PER_S;
}

static int renew(const struct sock *sk, struct flow_label *f, const struct request *q)
{
	time_ns linger = linger_of(sk, q->linger_s), expires = linger_of(sk, q->expires_s);

	if (!linger || !expires) return -EPERM;
	f->used = sk->stack->now;
	f->linger = MAX(f->linger, linger);
	f->expires = MAX(f->expires, f->used + MAX(expires, f->linger));
	return 0;
}

/* ---- leases ---- */

static struct flow_lease *lease_find(const struct inet_sock *is, uint32_t label)
{
	if (!is->flow_leases) return NULL;
	list_each(struct flow_lease, l, is->flow_leases, node)
		if (l->label->label == label) return l;
	return NULL;
}

static int lease_add(struct inet_sock *is, struct flow_label *f)
{
	struct flow_lease *l = malloc(sizeof *l);

	if (l && !is->flow_leases) {
		is->flow_leases = malloc(sizeof *is->flow_leases);
		if (is->flow_leases) list_init(is->flow_leases);
	}
	if (!l || !is->flow_leases) {
		free(l);
		return -ENOMEM;
	}
	l->label = f;
	f->users++;
	list_append(is->flow_leases, &l->node);
	return 0;
}

static void lease_end(struct inet_sock *is, struct flow_lease *l)
{
	l->label->users--;
	l->label->used = is->sk.stack->now;
	list_remove(&l->node);
	free(l);
}

void flowlabel_release_all(struct inet_sock *is)
{
	if (!is->flow_leases) return;
	while (!list_empty(is->flow_leases)) lease_end(is, list_first(is->flow_leases, struct flow_lease, node));
	free(is->flow_leases);
	is->flow_leases = NULL;
}

void flowlabels_free(struct stack *s)
{
	while (!list_empty(&s->inet->flow_labels)) label_free(s, list_first(&s->inet->flow_labels, struct flow_label, node));
}

/* As Linux: no socket has more than its share of what the host has room for. */
static int room_check(const struct inet_sock *is)
{
	uint32_t used = is->sk.stack->inet->n_flow_labels, room = LABELS_MAX - MIN(used, LABELS_MAX), own = 0;
	bool scarce;

	if (room > LABELS_MAX - LABELS_OF_SOCKET) return 0;
	if (is->flow_leases) list_each(struct flow_lease, l, is->flow_leases, node) own += l != NULL;
	scarce = own >= LABELS_OF_SOCKET || (own > 0 && room < LABELS_MAX / 2) || room < LABELS_MAX / 4;
	return room == 0 || (scarce && !sock_is_privileged(&is->sk)) ? -ENOBUFS : 0;
}

/* ---- what a program asks for ---- */

/* The label that is asked for, before it is the host's. */
static int draft(const struct sock *sk, const struct request *q, struct flow_label *ret)
{
	struct flow_label f = {.label = read32((const uint8_t *)&q->label), .share = q->share, .dst = addr_v6_octets(q->dst), .expires = sk->stack->now};
	int r = renew(sk, &f, q);

	if (r < 0) return r;
	if (addr_is_v4(&f.dst) || addr_is_any(&f.dst)) return -EINVAL;
	if (f.share != SHARE_EXCL && f.share != SHARE_PROCESS && f.share != SHARE_USER && f.share != SHARE_ANY) return -EINVAL;
	if (f.share == SHARE_PROCESS) f.owner = ((const struct inet_sock *)sk)->pid;
	if (f.share == SHARE_USER) f.owner = sk->uid;
	*ret = f;
	return 0;
}

static int join(struct inet_sock *is, struct flow_label *f, const struct flow_label *want)
{
	int r;

	if (f->share == SHARE_EXCL || f->share != want->share || f->owner != want->owner) return -EPERM;
	r = lease_add(is, f);
	if (r < 0) return r;
	f->linger = MAX(f->linger, want->linger);
	f->expires = MAX(f->expires, want->expires);
	return 0;
}

static int create(struct inet_sock *is, struct flow_label *want)
{
	struct stack *s = is->sk.stack;
	struct flow_label *f;
	int r = room_check(is);

	if (r < 0) return r;
	f = malloc(sizeof *f);
	if (!f) return -ENOMEM;
	if (!want->label) s->inet->flow_given = want->label = label_choose(s);
	*f = *want;
	list_append(&s->inet->flow_labels, &f->node);
	s->inet->n_flow_labels++;
	return lease_add(is, f);
}

static int ask(struct inet_sock *is, const struct request *q)
{
	struct flow_label want, *there;
	int r;

	if (q->flags & FLAG_REFLECT) return -EPERM;   /* net.ipv6.flowlabel_consistency, which is on by default */
	if (read32((const uint8_t *)&q->label) & ~LABEL_MASK) return -EINVAL;
	r = draft(&is->sk, q, &want);
	if (r < 0) return r;
	there = want.label ? label_find(is->sk.stack, want.label) : NULL;
	if (there && (there->users || q->flags & FLAG_CREATE)) return q->flags & FLAG_EXCL ? -EEXIST : join(is, there, &want);
	return q->flags & FLAG_CREATE ? create(is, &want) : -ENOENT;
}

static int put(struct inet_sock *is, const struct request *q)
{
	struct flow_lease *l = lease_find(is, read32((const uint8_t *)&q->label));

	if (q->flags & FLAG_REFLECT) return is->sk.protocol == IPPROTO_TCP ? -ESRCH : -ENOPROTOOPT;
	if (!l) return -ESRCH;
	if ((is->flowinfo6 & LABEL_MASK) == l->label->label) is->flowinfo6 &= ~LABEL_MASK;
	lease_end(is, l);
	return 0;
}

static int renew_leased(struct inet_sock *is, const struct request *q)
{
	uint32_t label = read32((const uint8_t *)&q->label);
	struct flow_lease *l = lease_find(is, label);
	struct flow_label *f = l ? l->label : NULL;

	if (!f && q->share == SHARE_NONE && sock_is_privileged(&is->sk)) f = label_find(is->sk.stack, label);
	return f ? renew(&is->sk, f, q) : -ESRCH;
}

int flowlabel_set(struct sock *sk, const void *val, socklen_t len)
{
	struct request q;

	if (len < sizeof q) return -EINVAL;
	memcpy(&q, val, sizeof q);
	labels_sweep(sk->stack);
	sk->stack->inet->flow_given = 0;
	switch (q.action) {
	case ACTION_GET: return len > sizeof q ? -EINVAL : ask(inet_of(sk), &q);
	case ACTION_PUT: return put(inet_of(sk), &q);
	case ACTION_RENEW: return renew_leased(inet_of(sk), &q);
	default: return -EINVAL;
	}
}

/* Of the label that the socket is connected with. */
int flowlabel_get(struct sock *sk, void *val, socklen_t *len)
{
	const struct inet_sock *is = inet_of(sk);
	const struct flow_lease *l = lease_find(is, is->flowinfo6 & LABEL_MASK);
	struct request q, out = {0};

	if (*len < sizeof q) return -EINVAL;
	memcpy(&q, val, sizeof q);
	if (q.action != ACTION_GET) return -EINVAL;
	if (!(q.flags & FLAG_REMOTE)) {
		if (!l) return -ENOENT;
		memcpy(out.dst, l->label->dst.b, sizeof out.dst);
		out.label = be32_of(l->label->label);
		out.share = l->label->share;
		out.expires_s = (uint16_t)((l->label->expires - sk->stack->now) / NS_PER_S);
		out.linger_s = (uint16_t)(l->label->linger / NS_PER_S);
	}
	return opt_copy_out(val, len, &out, sizeof out);
}

void flowlabel_owner(struct sock *sk, uint32_t pid)
{
	if (sk->domain == AF_INET6) inet_of(sk)->pid = pid;
}

uint32_t flowlabel_given(const struct stack *s) { return s->inet->flow_given; }

uint32_t flowlabel_of_name(const struct inet_sock *is, const struct sockaddr *a)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)a;

	if (is->sk.domain != AF_INET6 || !is->sendflow6 || a->sa_family != AF_INET6) return 0;
	return read32((const uint8_t *)&in6->sin6_flowinfo) & (IP6_CLASS_MASK | IP6_FLOW_MASK);
}

bool flowlabel_may_use(const struct inet_sock *is, uint32_t label)
{
	bool exclusive = false;

	if (!label || lease_find(is, label)) return true;
	list_each(struct flow_label, f, &is->sk.stack->inet->flow_labels, node)
		exclusive |= f->share != SHARE_ANY;
	return !exclusive;
}
