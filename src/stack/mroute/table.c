/* Tables of multicast routing: their birth, and the one daemon that each may have. */
#include <errno.h>
#include <stdlib.h>
#include "stack/core/sysctl.h"
#include "stack/mroute/private.h"

#define TABLES_MOST 64           /* of a family: memory of ours */

static struct list *tables_of(const struct stack *s, bool v4) { return v4 ? &s->mroute->tables4 : &s->mroute->tables6; }
const struct list *mroute_tables(const struct stack *s, bool v4) { return tables_of(s, v4); }

int mroute_new(struct stack *s)
{
	s->mroute = calloc(1, sizeof *s->mroute);
	if (!s->mroute) return -ENOMEM;
	list_init(&s->mroute->tables4);
	list_init(&s->mroute->tables6);
	return mroute_table_make(s, true, MROUTE_TABLE4) && mroute_table_make(s, false, MROUTE_TABLE6) ? 0 : -ENOMEM;
}

static void tables_free(struct list *tables)
{
	while (!list_empty(tables)) {
		struct mroute_table *t = list_entry(list_pop(tables), struct mroute_table, node);
		mroute_entries_flush(t, true, true);
		hash_free(&t->entries);
		free(t);
	}
}

void mroute_free(struct stack *s)
{
	tables_free(&s->mroute->tables4);
	tables_free(&s->mroute->tables6);
	free(s->mroute);
	s->mroute = NULL;
}

struct mroute_table *mroute_table_find(const struct stack *s, bool v4, uint32_t id)
{
	list_each(struct mroute_table, t, tables_of(s, v4), node)
		if (t->id == id) return t;
	return NULL;
}

struct mroute_table *mroute_table_make(struct stack *s, bool v4, uint32_t id)
{
	struct mroute_table *t = mroute_table_find(s, v4, id);
	size_t n = 0;

	if (t) return t;
	list_each(struct mroute_table, other, tables_of(s, v4), node)
		n++;
	t = n < TABLES_MOST ? calloc(1, sizeof *t) : NULL;
	if (!t) return NULL;
	*t = (struct mroute_table){.stack = s, .v4 = v4, .id = id, .register_vif = -1, .expiry = {.fire = mroute_expire}};
	hash_init(&t->entries);
	list_init(&t->resolved);
	list_init(&t->unresolved);
	list_append(tables_of(s, v4), &t->node);
	return t;
}

struct mroute_table *mroute_default(const struct stack *s, bool v4) { return list_first(tables_of(s, v4), struct mroute_table, node); }

struct mroute_table *mroute_table_of(const struct raw_sock *rs)
{
	const struct sock *sk = &rs->ds.is.sk;
	bool v4 = sk->domain == AF_INET;

	return rs->mroute_table ? mroute_table_find(sk->stack, v4, rs->mroute_table) : mroute_default(sk->stack, v4);
}

struct raw_sock *mroute_daemon4(const struct stack *s) { return mroute_default(s, true)->daemon; }

/* ---- the daemon ---- */

/* As Linux: a daemon of IPv4 gets router alerts, too, as if it had asked by IP_ROUTER_ALERT; who has is refused. */
int mroute_daemon_begin(struct mroute_table *t, struct raw_sock *rs)
{
	if (t->daemon || (t->v4 && rs->alert4)) return -EADDRINUSE;
	if (t->v4) rs->alert4 = true;
	t->daemon = rs;
	++*(t->v4 ? &t->stack->sysctl->all.mc_forwarding : &t->stack->sysctl->all.mc_forwarding6);
	return 0;
}

static struct mroute_table *led_by(const struct raw_sock *rs)
{
	const struct sock *sk = &rs->ds.is.sk;

	list_each(struct mroute_table, t, tables_of(sk->stack, sk->domain == AF_INET), node)
		if (t->daemon == rs) return t;
	return NULL;
}

void mroute_sock_done(struct raw_sock *rs)
{
	struct mroute_table *t = led_by(rs);

	if (!t) return;
	rs->alert4 = false;
	t->daemon = NULL;
	--*(t->v4 ? &t->stack->sysctl->all.mc_forwarding : &t->stack->sysctl->all.mc_forwarding6);
	mroute_flush(t, MRT_FLUSH_VIFS | MRT_FLUSH_MFC);
}

void mroute_flush(struct mroute_table *t, int what)
{
	for (unsigned i = 0; i < MROUTE_VIFS; i++)
		if (mroute_vif_exists(t, i) && what & (t->vifs[i].fixed ? MRT_FLUSH_VIFS_STATIC : MRT_FLUSH_VIFS)) (void)mroute_vif_del(t, i);
	mroute_entries_flush(t, what & MRT_FLUSH_MFC_STATIC, what & MRT_FLUSH_MFC);
}
