/*
 * The path manager: which subflows there are to be, and which addresses the peer is told. Endpoints and limits are the host's (`ip mptcp`).
 *
 *     endpoint `subflow`    who connected joins from there to where it connected to
 *     endpoint `signal`     the peer is told, once; ADD_ADDR goes again until it is echoed
 *     the peer's ADD_ADDR   echoed, and joined within the limits: from every endpoint `fullmesh`, else from wherever the route begins
 *     REMOVE_ADDR           what goes to that address ends
 *
 * Read first: RFC 8684 §3.4, and ip-mptcp(8).
 */
#include <errno.h>
#include <linux/mptcp.h>
#include <stdlib.h>
#include "stack/mptcp/msk.h"
#include "stack/mptcp/pm.h"

#define ADDS_MAX 4                        /* the first, and three more */

static bool bit(const uint32_t *set, uint8_t id) { return set[id / 32] >> (id % 32) & 1; }
static void bit_set(uint32_t *set, uint8_t id, bool on)
{
	if (on) set[id / 32] |= 1u << (id % 32);
	else set[id / 32] &= ~(1u << (id % 32));
}

static bool ready(const struct mptcp_sock *msk) { return msk->pm.started && msk->state == MSK_OPEN && !msk->fallback && msk->first; }

bool pm_takes_join(const struct mptcp_sock *msk)
{
	return msk->state == MSK_OPEN && !msk->fallback && msk->pm.started && msk->pm.extra < msk_stack(msk)->mptcp->max_subflows;
}

/* ---- what is to be said ---- */

static void say(struct mptcp_sock *msk)
{
	struct msk_pm *pm = &msk->pm;

	list_each(struct subflow, sub, &msk->subflows, node) {
		if (!subflow_is_open(sub) || !sub->fully) continue;
		/* One word a segment; what finds no room is not said, as with Linux. */
		for (int i = pm->echo_due + pm->add_due + (pm->n_remove != 0); i; i--)
			segment_send_ack(sub->conn);
		break;
	}
	pm->echo_due = pm->add_due = false;
	pm->n_remove = 0;
}

void pm_work(struct mptcp_sock *msk)
{
	if (msk->pm.echo_due || msk->pm.add_due || msk->pm.n_remove) say(msk);
}

static size_t put_addr(uint8_t *buf, size_t room, const struct mptcp_add_addr *a)
{
	uint8_t all[MPTCP_OPTS_MAX];
	size_t n = mptcp_put_add_addr(all, a);

	if (((n + 3) & ~(size_t)3) > room) return 0;
	memcpy(buf, all, n);
	return n;
}

size_t pm_options(struct mptcp_sock *msk, uint8_t *buf, size_t room)
{
	struct msk_pm *pm = &msk->pm;
	uint8_t n_remove = pm->n_remove;

	if (pm->echo_due) {
		pm->echo_due = false;
		return put_addr(buf, room, &pm->echo);
	}
	if (pm->add_due) {
		pm->add_due = false;
		return put_addr(buf, room, &pm->add);
	}
	if (!n_remove || room < MPTCP_IDS_MAX + 4u) return 0;
	pm->n_remove = 0;
	return mptcp_put_remove_addr(buf, pm->remove, n_remove);
}

/* ---- our addresses ---- */

static struct mptcp_endpoint *endpoint_of(struct stack *s, const struct addr *a)
{
	list_each(struct mptcp_endpoint, e, &s->mptcp->endpoints, node)
		if (addr_eq(&e->addr, a)) return e;
	return NULL;
}

static uint8_t id_new(struct mptcp_stack *m)
{
	for (unsigned tries = 0; tries < 256; tries++) {
		bool taken = ++m->last_id == 0;
		list_each(const struct mptcp_endpoint, e, &m->endpoints, node)
			taken |= e->id == m->last_id;
		if (!taken) return m->last_id;
	}
	return 0;
}

/* As Linux: an address that nobody spoke of gets an id all the same, when a subflow uses it. */
uint8_t pm_local_id(struct stack *s, const struct mptcp_sock *msk, const struct addr *a, bool *ret_backup)
{
	struct mptcp_endpoint *e = endpoint_of(s, a), implicit = {.addr = *a, .flags = MPTCP_PM_ADDR_FLAG_IMPLICIT};
	uint8_t id;

	if (addr_eq(a, &msk->inet.laddr)) return 0;
	if (e) *ret_backup = e->flags & MPTCP_PM_ADDR_FLAG_BACKUP;
	if (e) return e->id;
	return pm_endpoint_add(s, &implicit, &id) < 0 ? 0 : id;
}

static void join_from(struct mptcp_sock *msk, const struct mptcp_endpoint *e)
{
	const struct inet_sock *first = &msk->first->conn->inet;

	if (msk->server || bit(msk->pm.used, e->id) || msk->pm.extra >= msk_stack(msk)->mptcp->max_subflows || msk->deny_id0) return;
	bit_set(msk->pm.used, e->id, true);
	if (subflow_join(msk, &e->addr, e->if_index, &first->raddr, first->rport, e->id, 0, e->flags & MPTCP_PM_ADDR_FLAG_BACKUP) == 0) msk->pm.extra++;
}

/* A setting of 0 is Linux's for once and not again. */
static void await_echo(struct mptcp_sock *msk)
{
	int timeout_s = msk_sysctl(msk)->mptcp_add_addr_timeout_s;

	if (timeout_s == 0) msk->pm.adds_sent = ADDS_MAX;
	timer_set(msk_stack(msk), &msk->pm.timer, msk_stack(msk)->now + MAX(timeout_s * NS_PER_S, TCP_TICK));
}

static void tell(struct mptcp_sock *msk, const struct mptcp_endpoint *e)
{
	struct msk_pm *pm = &msk->pm;

	if (bit(pm->told, e->id) || timer_is_set(&pm->timer)) return;
	pm->add = (struct mptcp_add_addr){.id = e->id, .addr = e->addr, .port = e->port};
	if (!key_addr_hmac(msk_stack(msk), msk->local_key, msk->remote_key, &pm->add, &pm->add.hmac)) return;
	bit_set(pm->told, e->id, true);
	pm->announced++;
	pm->add_due = true;
	pm->adds_sent = 1;
	await_echo(msk);
}

/* What the endpoints ask for and is not there yet. */
static void consider(struct mptcp_sock *msk)
{
	if (!ready(msk)) return;
	list_each(const struct mptcp_endpoint, e, &msk_stack(msk)->mptcp->endpoints, node) {
		if (addr_eq(&e->addr, &msk->inet.laddr)) continue;
		if (e->flags & MPTCP_PM_ADDR_FLAG_SIGNAL) tell(msk, e);
		if (e->flags & MPTCP_PM_ADDR_FLAG_SUBFLOW) join_from(msk, e);
	}
}

void pm_established(struct mptcp_sock *msk)
{
	msk->pm.started = msk->pm.fresh = true;
}

void pm_begin(struct mptcp_sock *msk)
{
	if (!msk->pm.fresh) return;
	msk->pm.fresh = false;
	consider(msk);
}

void pm_fire(struct timer *t)
{
	struct mptcp_sock *msk = container_of(t, struct mptcp_sock, pm.timer);
	struct msk_pm *pm = &msk->pm;

	if (pm->adds_sent++ < ADDS_MAX && ready(msk)) {
		pm->add_due = true;
		await_echo(msk);
	} else {
		consider(msk);
	}
	msk_schedule(msk);
}

/* ---- the peer's ---- */

static bool is_known(const struct mptcp_sock *msk, const struct mptcp_add_addr *a)
{
	list_each(const struct subflow, sub, &msk->subflows, node)
		if (addr_eq(&sub->conn->inet.raddr, &a->addr) && (!a->port || sub->conn->inet.rport == a->port)) return true;
	return false;
}

static void join_to(struct mptcp_sock *msk, const struct mptcp_add_addr *a)
{
	struct mptcp_stack *m = msk_stack(msk)->mptcp;
	uint16_t port = a->port ? a->port : msk->inet.rport;
	const struct addr any = addr_is_v4(&a->addr) ? addr_any4 : addr_any6;
	bool mesh = false, made = false;

	list_each(const struct mptcp_endpoint, e, &m->endpoints, node) {
		if (!(e->flags & MPTCP_PM_ADDR_FLAG_FULLMESH) || addr_is_v4(&e->addr) != addr_is_v4(&a->addr)) continue;
		mesh = true;
		if (msk->pm.extra >= m->max_subflows) break;
		if (subflow_join(msk, &e->addr, e->if_index, &a->addr, port, e->id, a->id, e->flags & MPTCP_PM_ADDR_FLAG_BACKUP) < 0) continue;
		msk->pm.extra++;
		made = true;
	}
	if (!mesh && msk->pm.extra < m->max_subflows && subflow_join(msk, &any, 0, &a->addr, port, 0, a->id, false) == 0) {
		msk->pm.extra++;
		made = true;
	}
	if (made) msk->pm.accepted++;
}

static void heard_echo(struct mptcp_sock *msk, const struct mptcp_add_addr *a)
{
	struct msk_pm *pm = &msk->pm;

	if (!timer_is_set(&pm->timer) || a->id != pm->add.id || !addr_eq(&a->addr, &pm->add.addr) || a->port != pm->add.port) return;
	timer_clear(msk_stack(msk), &pm->timer);
	pm->fresh = true;
	msk_schedule(msk);
}

void pm_add_addr(struct subflow *sub, const struct mptcp_add_addr *a)
{
	struct mptcp_sock *msk = sub->msk;
	uint64_t hmac;

	if (!ready(msk)) return;
	if (a->echo) {
		heard_echo(msk, a);
		return;
	}
	/* RFC 8684 §3.4.1: without the right proof it is passed over. */
	if (!key_addr_hmac(msk_stack(msk), msk->remote_key, msk->local_key, a, &hmac) || a->hmac != hmac) return;
	msk->pm.echo = *a;
	msk->pm.echo.echo = true;
	msk->pm.echo_due = msk->pm.join_due = true;
	msk_schedule(msk);
}

/* The segment that told of an address is done with. */
void pm_join(struct mptcp_sock *msk)
{
	struct mptcp_add_addr a = msk->pm.echo;

	if (!msk->pm.join_due) return;
	msk->pm.join_due = false;
	if (ready(msk) && !is_known(msk, &a) && msk->pm.accepted < msk_stack(msk)->mptcp->max_accepted) join_to(msk, &a);
}

void pm_remove_addr(struct mptcp_sock *msk, const uint8_t *ids, uint8_t n)
{
	list_each(struct subflow, sub, &msk->subflows, node)
		for (uint8_t i = 0; i < n; i++) {
			if (!sub->join || sub->remote_id != ids[i]) continue;
			if (sub->active && !sub->leaving && msk->pm.accepted) msk->pm.accepted--;
			sub->leaving = true;
		}
	msk_schedule(msk);
}

void pm_subflow_closed(struct mptcp_sock *msk, const struct subflow *sub)
{
	if (sub->join && msk->pm.extra) msk->pm.extra--;
}

/* ---- the endpoints ---- */

static void each_msk(struct stack *s, void (*what)(struct mptcp_sock *, const struct mptcp_endpoint *), const struct mptcp_endpoint *e)
{
	list_each(struct sock, sk, &s->socks, node)
		if (mptcp_is(sk) && ready(msk_of(sk))) {
			what(msk_of(sk), e);
			msk_schedule(msk_of(sk));
		}
}

static void renewed(struct mptcp_sock *msk, const struct mptcp_endpoint *e)
{
	(void)e;
	msk->pm.fresh = true;
}

static void withdrawn(struct mptcp_sock *msk, const struct mptcp_endpoint *e)
{
	struct msk_pm *pm = &msk->pm;

	if (bit(pm->told, e->id) || bit(pm->used, e->id)) {
		if (pm->n_remove < MPTCP_IDS_MAX) pm->remove[pm->n_remove++] = e->id;
		if (bit(pm->told, e->id)) pm->announced--;
	}
	if (timer_is_set(&pm->timer) && pm->add.id == e->id) {
		timer_clear(msk_stack(msk), &pm->timer);
		pm->add_due = false;
		pm->fresh = true;
	}
	bit_set(pm->told, e->id, false);
	bit_set(pm->used, e->id, false);
	list_each(struct subflow, sub, &msk->subflows, node)
		if (sub->join && sub->local_id == e->id) sub->leaving = true;
}

static void changed(struct mptcp_sock *msk, const struct mptcp_endpoint *e)
{
	list_each(struct subflow, sub, &msk->subflows, node) {
		if (!addr_eq(&sub->conn->inet.laddr, &e->addr) || !subflow_is_open(sub)) continue;
		sub->backup = e->flags & MPTCP_PM_ADDR_FLAG_BACKUP;
		sub->prio_due = true;
		segment_send_ack(sub->conn);
	}
}

int pm_endpoint_add(struct stack *s, const struct mptcp_endpoint *e, uint8_t *ret_id)
{
	struct mptcp_stack *m = s->mptcp;
	struct mptcp_endpoint *old = endpoint_of(s, &e->addr), *made;

	if (old && !(old->flags & MPTCP_PM_ADDR_FLAG_IMPLICIT)) return -EEXIST;
	if (e->id && pm_endpoint_find(s, e->id)) return -EBUSY;
	if (!old && m->n_endpoints >= MPTCP_SUBFLOWS_MAX) return -ERANGE;
	made = old ? old : calloc(1, sizeof *made);
	if (!made) return -ENOMEM;
	if (old) {
		made->flags = e->flags;
		made->port = e->port;
		made->if_index = e->if_index;
	} else {
		*made = *e;
		if (!made->id) made->id = id_new(m);
		m->last_id = MAX(m->last_id, made->id);
		list_append(&m->endpoints, &made->node);
		m->n_endpoints++;
	}
	if (ret_id) *ret_id = made->id;
	each_msk(s, renewed, made);
	return 0;
}

struct mptcp_endpoint *pm_endpoint_find(struct stack *s, uint8_t id)
{
	list_each(struct mptcp_endpoint, e, &s->mptcp->endpoints, node)
		if (e->id == id) return e;
	return NULL;
}

void pm_endpoint_del(struct stack *s, struct mptcp_endpoint *e)
{
	list_remove(&e->node);
	s->mptcp->n_endpoints--;
	each_msk(s, withdrawn, e);
	free(e);
}

void pm_endpoint_flags(struct stack *s, struct mptcp_endpoint *e, uint32_t flags)
{
	uint32_t kept = MPTCP_PM_ADDR_FLAG_BACKUP | MPTCP_PM_ADDR_FLAG_FULLMESH;

	e->flags = (e->flags & ~kept) | (flags & kept);
	each_msk(s, changed, e);
}

void pm_free(struct stack *s)
{
	struct list *n;

	while ((n = list_pop(&s->mptcp->endpoints)))
		free(list_entry(n, struct mptcp_endpoint, node));
}
