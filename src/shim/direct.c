/*
 * Two programs that share a segment wake each other, without the engine: it made the segment, and whoever reads or writes there is named in it.
 *
 *     what was written     the reader's rx.seq moves; its sleepers, and its bell
 *     what was read        if the writer had found too little room and now there is enough: the same of its tx
 *
 * A bell that a futex sleeps on, or none at all, is rung at once. An eventfd is asked of the engine when it is first needed, and kept. Where there are
 * several bells the engine rings them: it takes our own channel's mark as a word about the peer's.
 */
#include <limits.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include "channel/inbox.h"
#include "shim/shim.h"

/* Eventfds of others' bells. The bell's generation that fd belongs to; 0: none. */
struct ringer { int fd; uint32_t generation; };
static struct ringer *ringers;             /* BELL_MAX, touched lazily */
static struct lock lock;

static struct ringer *ringer_of(uint32_t bell)
{
	if (!ringers) {
		long p = sys(SYS_mmap, NULL, BELL_MAX * sizeof *ringers, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p < 0 && p > -4096) return NULL;
		ringers = (struct ringer *)p;
	}
	return &ringers[bell];
}

/* -1: it can't be had. */
static int ringer_fetch(uint32_t bell, struct ringer *r)
{
	struct call c = {.op = RPC_BELL_FD, .arg = {bell}, .want_fd = true, .cloexec = true};
	if (shim.sandboxed) return -1;
	if (r->fd > 0) hidden_close(&r->fd);
	r->generation = 0;
	int64_t generation = control(&c);
	if (generation <= 0 || c.fd_count != 1) return -1;
	r->fd = hide_fd(c.fds[0], false);
	r->generation = (uint32_t)generation;
	return r->fd;
}

static int ringer_fd(uint32_t bell, uint32_t generation)
{
	lock_enter(&lock);
	struct ringer *r = ringer_of(bell);
	int fd = !r ? -1 : r->generation == generation ? r->fd : ringer_fetch(bell, r);
	lock_leave(&lock);
	return fd;
}

int *ringer_slot(int fd)
{
	for (uint32_t i = 1; ringers && i < BELL_MAX; i++)
		if (ringers[i].generation != 0 && ringers[i].fd == fd) return &ringers[i].fd;
	return NULL;
}

void ringers_forked(void) { atomic_store(&lock.word, 0); }

/* Wakes those who sleep on bell i in one of these ways. false: the engine must, and finds the bell armed. */
static bool bell_wake(uint32_t i, uint32_t armed)
{
	struct bell *b = arena_bell(shim.arena, i);
	uint64_t one = 1;
	if (armed & BELL_FUTEX) sys(SYS_futex, &b->seq, FUTEX_WAKE, INT_MAX);
	if (!(armed & BELL_EVENTFD)) return true;
	int fd = ringer_fd(i, shared_get32(&b->generation));
	if (fd > 0 && sys(SYS_write, fd, &one, sizeof one) == sizeof one) return true;
	bell_arm(b, BELL_EVENTFD);
	return false;
}

/* false: the engine must. */
static bool bell_ring_of(struct channel *c, uint32_t index, uint32_t edges)
{
	uint32_t i = atomic_load(&c->bell);
	uint64_t claim;
	if (i == 0) return true;
	if (i >= BELL_MAX) {
		atomic_fetch_or(&c->flags, CHF_RING(edges));
		return false;
	}
	struct bell *b = arena_bell(shim.arena, i);
	bell_set(b, index, edges);
	uint32_t armed = bell_ring(b, lock_name(), &claim);
	if (armed == 0) return true;
	bool woken = bell_wake(i, armed);
	bell_rung(b, claim);
	return woken;
}

/* A sleeper arms and then looks at seq; we move seq and then look whether somebody is armed. */
static void direction_wake(struct direction *d)
{
	atomic_fetch_add(&d->seq, 1);
	if (atomic_load(&d->waiters) != 0) sys(SYS_futex, &d->seq, FUTEX_WAKE, INT_MAX);
}

/* false: the engine must do the rest. */
static bool woken(uint32_t peer, struct direction *d, uint32_t edges)
{
	direction_wake(d);
	return bell_ring_of(arena_channel(shim.arena, peer), peer, edges);
}

static void wake(const struct sock *own, uint32_t peer, struct direction *d, uint32_t edges)
{
	if (!woken(peer, d, edges)) handed_over(own);
}

/*
 * Between moving octets and waking the peer we may be killed. Those who share the socket go on, and the engine wakes the peer in our place: but only if
 * that is owed, for a wake without news is an edge that Linux does not have.
 */
void owe(const struct sock *s, struct direction *d)
{
	if (shared_get32(&s->c->flags) & CHF_SHARED) shared_set32(&d->owing, lock_name());
}

void owe_no_more(const struct sock *s, struct direction *d)
{
	if (shared_get32(&s->c->flags) & CHF_SHARED) shared_replace32(&d->owing, lock_name(), 0);
}

void direct_wrote(const struct sock *own, uint32_t peer)
{
	if (peer >= CHANNEL_MAX) return;
	struct channel *c = arena_channel(shim.arena, peer);
	bool all = atomic_load_explicit(&c->rcvlowat, memory_order_relaxed) <= 1;   /* as Linux: of less than SO_RCVLOWAT nobody is told */
	wake(own, peer, &c->rx, all || chan_rx_enough(shim.arena, c) ? BELL_IN : 0);
}

/* As Linux: a Unix socket's message that was read, or all that its stream held, is an edge for a writer who asks for such. */
static bool room_is_edge(const struct sock *own, struct channel *c)
{
	if (c->domain != AF_UNIX || !(shared_get32(&c->flags) & CHF_OUT_EDGES)) return false;
	return (c->type != SOCK_STREAM || chan_rx_used(shim.arena, own->c) == 0) && channel_poll(shim.arena, c) & EPOLLOUT;
}

void direct_read(const struct sock *own, uint32_t peer)
{
	struct channel *c = arena_channel(shim.arena, peer);
	if (peer >= CHANNEL_MAX) return;
	bool relieved = chan_tx_relieve(shim.arena, c);
	if (relieved || room_is_edge(own, c)) wake(own, peer, &c->tx, BELL_OUT);
}

void direct_left(const struct sock *own) { woken(own->index, &own->c->tx, BELL_OUT); }

/* Whoever sleeps in a read of the peer's. Who has heard by a bell so far does so again, when the engine has seen the end. */
void direct_ended(uint32_t peer)
{
	struct channel *c = arena_channel(shim.arena, peer);
	if (peer < CHANNEL_MAX && shared_get32(&c->bell) == 0) direction_wake(&c->rx);
}

/* A sender of datagrams has no one peer that the engine would look at: it is told of the receiver. */
void direct_delivered(uint32_t peer)
{
	struct sock to = {.index = peer, .c = arena_channel(shim.arena, peer)};
	if (woken(peer, &to.c->rx, BELL_IN)) return;
	shared_set32(&to.c->rx.starved, 1);
	handed_over(&to);
}

void direct_made_room(struct segment *inbox)
{
	bool more = true;
	for (uint32_t i = 0, sender; i < INBOX_WAITING && more && (sender = inbox_wakes(inbox, &more)) != 0; i++) {
		if (sender < CHANNEL_MAX) direction_wake(&arena_channel(shim.arena, sender)->tx);
		inbox_woken(inbox, sender);
	}
}

void direct_stirred(const struct sock *s) { direction_wake(&s->c->tx); }

/* Whether there is room enough for one that waits in the engine only that knows. */
void direct_relieved(uint32_t sender)
{
	struct sock from = {.index = sender, .c = arena_channel(shim.arena, sender)};
	if (shared_get32(&from.c->tx.starved) == 0 && woken(sender, &from.c->tx, BELL_OUT)) return;
	shared_set32(&from.c->tx.starved, STARVED_WRITER);
	handed_over(&from);
}
