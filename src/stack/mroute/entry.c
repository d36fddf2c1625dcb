/*
 * Entries of a table: where datagrams from a source to a group go. A source or a group of zeros stands for any: (*, G) and (*, *) are what proxies use.
 *
 * A datagram that there is no entry for waits while the daemon is asked, once, for one; with others of its kind, and for a while:
 *
 *     mroute_wait -> entry in t->unresolved --(mroute_entry_put)--> forwarded
 *                                            \-(10 s)-------------> dropped
 *
 * Anybody on a link can make up sources and groups, so that what waits is bounded, in entries and in octets.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include "stack/mroute/private.h"
#include "stack/netlink/notify.h"

#define ENTRIES_MOST 32768                    /* of a table: memory of ours */
#define UNRESOLVED_MOST 1024                  /* Linux: as many as the daemon's receive buffer holds upcalls, and more if it reads them and does nothing */
#define WAITING_MOST 4                        /* datagrams for one of them, as Linux */
#define OCTETS_MOST (4u << 20)                /* of all that wait */
#define UNRESOLVED_FOR (10 * NS_PER_S)

static uint64_t hash_of(const struct mroute_table *t, const struct addr *source, const struct addr *group)
{
	struct { struct addr source, group; } key = {*source, *group};

	return stack_hash(t->stack, &key, sizeof key);
}

static const struct addr *any_of(const struct mroute_table *t) { return t->v4 ? &addr_any4 : &addr_any6; }

/* ---- looking up ---- */

/* The next entry for (source, group) after e; NULL begins. */
static struct mroute_entry *next_of(const struct mroute_table *t, const struct mroute_entry *e, const struct addr *source, const struct addr *group)
{
	struct hash_node *n = e ? hash_next(&e->by_key) : hash_first(&t->entries, hash_of(t, source, group));

	for (; n; n = hash_next(n)) {
		struct mroute_entry *found = container_of(n, struct mroute_entry, by_key);
		if (addr_eq(&found->source, source) && addr_eq(&found->group, group)) return found;
	}
	return NULL;
}

struct mroute_entry *mroute_entry_find(const struct mroute_table *t, const struct addr *source, const struct addr *group, int parent)
{
	for (struct mroute_entry *e = NULL; (e = next_of(t, e, source, group));)
		if (parent < 0 || parent == e->parent) return e;
	return NULL;
}

struct mroute_entry *mroute_entry_any(const struct mroute_table *t, unsigned vif)
{
	const struct addr *any = any_of(t);

	for (struct mroute_entry *e = NULL; vif < MROUTE_VIFS && (e = next_of(t, e, any, any));)
		if (e->ttls[vif] < MROUTE_NONE) return e;
	return NULL;
}

/* (*, G): vif is one of its interfaces, or one that (*, *) takes for G's parent. */
static struct mroute_entry *any_source(const struct mroute_table *t, const struct addr *group, unsigned vif)
{
	for (struct mroute_entry *e = NULL; (e = next_of(t, e, any_of(t), group));) {
		const struct mroute_entry *up = mroute_entry_any(t, e->parent);
		if (e->ttls[vif] < MROUTE_NONE || (up && up->ttls[vif] < MROUTE_NONE)) return e;
	}
	return mroute_entry_any(t, vif);
}

struct mroute_entry *mroute_entry_for(const struct mroute_table *t, const struct packet *p, int vif)
{
	struct mroute_entry *e = mroute_entry_find(t, &p->src, &p->dst, -1);

	return e || vif < 0 ? e : any_source(t, &p->dst, (unsigned)vif);
}

/* ---- making and ending ---- */

static struct mroute_entry *entry_new(const struct mroute_table *t, const struct addr *source, const struct addr *group, uint16_t parent)
{
	struct mroute_entry *e = calloc(1, sizeof *e);

	if (!e) return NULL;
	e->source = *source;
	e->group = *group;
	e->parent = parent;
	e->last_assert = t->stack->now - ASSERT_EVERY - 1;
	list_init(&e->node);
	list_init(&e->waiting);
	return e;
}

static void entry_end(struct mroute_table *t, struct mroute_entry *e)
{
	list_remove(&e->node);
	hash_remove(&t->entries, &e->by_key);
	t->n_entries--;
	netlink_tell_mroute(t, e, RTM_DELROUTE);
	free(e);
}

static struct packet *waiting_pop(struct mroute_table *t, struct mroute_entry *e)
{
	struct list *l = list_pop(&e->waiting);
	struct packet *p = l ? list_entry(l, struct packet, node) : NULL;

	if (p) t->octets_waiting -= p->len;
	return p;
}

static void unresolved_remove(struct mroute_table *t, struct mroute_entry *e)
{
	list_remove(&e->node);
	if (--t->n_unresolved == 0) timer_clear(t->stack, &t->expiry);
}

static void unresolved_end(struct mroute_table *t, struct mroute_entry *e)
{
	unresolved_remove(t, e);
	netlink_tell_mroute(t, e, RTM_DELROUTE);
	for (struct packet *p; (p = waiting_pop(t, e));) stack_drop(t->stack, p, DROP_MROUTE_UNRESOLVED);
	free(e);
}

void mroute_entries_flush(struct mroute_table *t, bool fixed, bool others)
{
	list_each(struct mroute_entry, e, &t->resolved, node)
		if (e->fixed ? fixed : others) entry_end(t, e);
	while (others && !list_empty(&t->unresolved)) unresolved_end(t, list_first(&t->unresolved, struct mroute_entry, node));
}

/* ---- the daemon's words ---- */

static void thresholds_set(const struct mroute_table *t, struct mroute_entry *e, const uint8_t *ttls)
{
	e->least = MROUTE_VIFS;
	e->end = 0;
	memset(e->ttls, MROUTE_NONE, sizeof e->ttls);
	/* As Linux: an interface that there is not is left out, and not remembered. */
	for (unsigned i = 0; i < t->n_vifs; i++) {
		if (!mroute_vif_exists(t, i) || ttls[i] == 0 || ttls[i] == MROUTE_NONE) continue;
		e->ttls[i] = ttls[i];
		e->least = MIN(e->least, (uint8_t)i);
		e->end = (uint8_t)(i + 1);
	}
	e->last_use = t->stack->now;
}

/* What waited for e goes. */
static void resolve(struct mroute_table *t, struct mroute_entry *e)
{
	list_each(struct mroute_entry, u, &t->unresolved, node) {
		if (!addr_eq(&u->source, &e->source) || !addr_eq(&u->group, &e->group)) continue;
		unresolved_remove(t, u);
		for (struct packet *p; (p = waiting_pop(t, u));) {
			mroute_forward(t, p, e);
			packet_free(p);
		}
		free(u);
		return;
	}
}

static int put_new(struct mroute_table *t, const struct mroute_want *want, bool by_daemon)
{
	struct mroute_entry *e;

	if (!addr_is_any(&want->group) && !addr_is_multicast(&want->group)) return -EINVAL;
	if (t->n_entries >= ENTRIES_MOST) return -ENOBUFS;
	e = entry_new(t, &want->source, &want->group, want->parent);
	if (!e) return -ENOMEM;
	if (hash_insert(&t->entries, &e->by_key, hash_of(t, &e->source, &e->group)) < 0) {
		free(e);
		return -ENOMEM;
	}
	e->fixed = !by_daemon;
	thresholds_set(t, e, want->ttls);
	list_append(&t->resolved, &e->node);
	t->n_entries++;
	resolve(t, e);
	netlink_tell_mroute(t, e, RTM_NEWROUTE);
	return 0;
}

int mroute_entry_put(struct mroute_table *t, const struct mroute_want *want, bool by_daemon)
{
	struct mroute_entry *e;

	if (want->parent >= MROUTE_VIFS) return -ENFILE;
	e = mroute_entry_find(t, &want->source, &want->group, want->proxy ? want->parent : -1);
	if (!e) return put_new(t, want, by_daemon);
	e->parent = want->parent;
	thresholds_set(t, e, want->ttls);
	if (!by_daemon) e->fixed = true;
	netlink_tell_mroute(t, e, RTM_NEWROUTE);
	return 0;
}

int mroute_entry_del(struct mroute_table *t, const struct mroute_want *want)
{
	struct mroute_entry *e = mroute_entry_find(t, &want->source, &want->group, want->proxy ? want->parent : -1);

	if (!e) return -ENOENT;
	entry_end(t, e);
	return 0;
}

/* ---- waiting ---- */

static struct mroute_entry *unresolved_find(const struct mroute_table *t, const struct packet *p)
{
	list_each(struct mroute_entry, e, &t->unresolved, node)
		if (addr_eq(&e->source, &p->src) && addr_eq(&e->group, &p->dst)) return e;
	return NULL;
}

/* The daemon is asked: without it nothing waits. */
static struct mroute_entry *unresolved_new(struct mroute_table *t, const struct packet *p, unsigned vif)
{
	struct mroute_entry *e = t->n_unresolved < UNRESOLVED_MOST ? entry_new(t, &p->src, &p->dst, MROUTE_UNRESOLVED) : NULL;

	if (!e || mroute_upcall(t, p, vif, IGMPMSG_NOCACHE) < 0) {
		free(e);
		return NULL;
	}
	e->until = t->stack->now + UNRESOLVED_FOR;
	list_prepend(&t->unresolved, &e->node);
	if (t->n_unresolved++ == 0) timer_set(t->stack, &t->expiry, e->until);
	netlink_tell_mroute(t, e, RTM_NEWROUTE);
	return e;
}

bool mroute_wait(struct mroute_table *t, const struct packet *p, unsigned vif)
{
	struct mroute_entry *e = unresolved_find(t, p);
	struct packet *copy;

	if (!e) e = unresolved_new(t, p, vif);
	if (!e || e->n_waiting >= WAITING_MOST || t->octets_waiting + p->len > OCTETS_MOST) return false;
	copy = packet_copy(p);
	if (!copy) return false;
	list_append(&e->waiting, &copy->node);
	e->n_waiting++;
	t->octets_waiting += copy->len;
	return true;
}

void mroute_expire(struct timer *timer)
{
	struct mroute_table *t = container_of(timer, struct mroute_table, expiry);

	/* The oldest stand last. */
	while (!list_empty(&t->unresolved)) {
		struct mroute_entry *e = list_last(&t->unresolved, struct mroute_entry, node);
		if (e->until > t->stack->now) {
			timer_set(t->stack, &t->expiry, e->until);
			return;
		}
		unresolved_end(t, e);
	}
}
