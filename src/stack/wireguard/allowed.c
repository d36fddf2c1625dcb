/*
 * Crypto-key routing: which peer an address belongs to, by the longest prefix. A binary tree for each family, whose nodes are prefixes; where two of
 * them part, there is a fork that is nobody's.
 *
 *                 10.0.0.0/8 A
 *                 /          \
 *          10.0.0.0/24 B   10.128.0.0/9 (fork)
 *                           /            \
 *                    10.128.0.0/16 A   10.200.0.1/32 C
 */
#include <errno.h>
#include <stdlib.h>
#include "stack/wireguard/private.h"

#define V4_BITS 96                   /* that all IPv4 addresses have in common */
#define NODES_MAX (1u << 18)         /* of an interface: memory of ours */

static unsigned bit_of(const struct addr *a, unsigned n) { return a->b[n / 8] >> (7 - n % 8) & 1; }

/* How many leading bits a and b share, at most `most`. */
static unsigned shared_bits(const struct addr *a, const struct addr *b, unsigned most)
{
	unsigned n = 0;

	while (n + 8 <= most && a->b[n / 8] == b->b[n / 8]) n += 8;
	while (n < most && bit_of(a, n) == bit_of(b, n)) n++;
	return n;
}

static bool covers(const struct wg_allowed *n, const struct addr *a) { return shared_bits(&n->addr, a, n->bits) == n->bits; }

static struct wg_allowed **root_of(struct wg_tree *t, const struct addr *a) { return addr_is_v4(a) ? &t->v4 : &t->v6; }

struct wg_peer *wg_tree_find(const struct wg_tree *t, const struct addr *a)
{
	const struct wg_allowed *n = addr_is_v4(a) ? t->v4 : t->v6;
	struct wg_peer *found = NULL;

	while (n && covers(n, a)) {
		if (n->peer) found = n->peer;
		n = n->bits < 128 ? n->child[bit_of(a, n->bits)] : NULL;
	}
	return found;
}

/* Where n hangs. */
static struct wg_allowed **place_of(struct wg_tree *t, struct wg_allowed *n)
{
	return n->parent ? &n->parent->child[bit_of(&n->addr, n->parent->bits)] : root_of(t, &n->addr);
}

static void put_below(struct wg_allowed *parent, struct wg_allowed *n)
{
	parent->child[bit_of(&n->addr, parent->bits)] = n;
	n->parent = parent;
}

static struct wg_allowed *node_new(struct wg_tree *t, const struct addr *a, unsigned bits)
{
	struct wg_allowed *n = t->nodes < NODES_MAX ? calloc(1, sizeof *n) : NULL;

	if (!n) return NULL;
	t->nodes++;
	list_init(&n->of_peer);
	n->addr = *a;
	for (unsigned i = bits; i < 128; i++) n->addr.b[i / 8] &= (uint8_t)~(0x80 >> i % 8);
	n->bits = (uint8_t)bits;
	return n;
}

/* The node of that very prefix, made if need be. */
static struct wg_allowed *node_at(struct wg_tree *t, const struct addr *a, unsigned bits)
{
	struct wg_allowed **root = root_of(t, a), *up = NULL, *n = *root, *made, *fork;
	unsigned same;

	while (n && n->bits <= bits && covers(n, a)) {
		if (n->bits == bits) return n;
		up = n;
		n = n->child[bit_of(a, n->bits)];
	}
	made = node_new(t, a, bits);
	if (!made) return NULL;
	same = n ? shared_bits(&n->addr, a, MIN(bits, (unsigned)n->bits)) : bits;
	fork = same < bits ? node_new(t, a, same) : made;
	if (!fork) {
		free(made);
		t->nodes--;
		return NULL;
	}
	fork->parent = up;
	*place_of(t, fork) = fork;
	if (fork != made) put_below(fork, made);
	if (n) put_below(fork, n);
	return made;
}

/* A node that is nobody's and has not two children to keep apart goes, and its parent may then be such a one. */
static void tidy(struct wg_tree *t, struct wg_allowed *n)
{
	while (n && !n->peer && !(n->child[0] && n->child[1])) {
		struct wg_allowed *up = n->parent, *only = n->child[0] ? n->child[0] : n->child[1];
		*place_of(t, n) = only;
		if (only) only->parent = up;
		free(n);
		t->nodes--;
		n = up;
	}
}

int wg_allow(struct wg_peer *peer, const struct wg_prefix *p)
{
	unsigned most = addr_is_v4(&p->addr) ? 32 : 128, before = 128 - most;
	struct wg_allowed *n;

	if (p->plen > most) return -EINVAL;
	n = node_at(&peer->device->tree, &p->addr, before + p->plen);
	if (!n) return -ENOMEM;
	list_remove(&n->of_peer);
	list_append(&peer->allowed, &n->of_peer);
	n->peer = peer;
	return 0;
}

void wg_disallow_all(struct wg_peer *peer)
{
	while (!list_empty(&peer->allowed)) {
		struct wg_allowed *n = list_entry(list_pop(&peer->allowed), struct wg_allowed, of_peer);
		n->peer = NULL;
		tidy(&peer->device->tree, n);
	}
}

const struct wg_allowed *wg_allowed_next(const struct wg_peer *peer, const struct wg_allowed *after)
{
	const struct list *next = after ? after->of_peer.next : peer->allowed.next;

	return next == &peer->allowed ? NULL : list_entry(next, const struct wg_allowed, of_peer);
}

struct wg_prefix wg_allowed_prefix(const struct wg_allowed *a)
{
	return (struct wg_prefix){a->addr, (uint8_t)(a->bits - (addr_is_v4(&a->addr) ? V4_BITS : 0))};
}
