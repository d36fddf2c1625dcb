/*
 * Spare anchors. A TCP socket, or a Unix stream, that nobody else has (no dup, fork, exec or SCM_RIGHTS: CHF_SHARED) is closed by moving its anchor to
 * a hidden number and by saying so in the channel; the engine then ends the socket as if the anchor had hung up, and keeps its own end too. The anchor
 * serves again:
 *
 *     close      fcntl(fd, F_DUPFD, high) ─ close(fd) ─ CHF_CLOSED ─ ring            the kernel makes and destroys nothing
 *     socket     the engine has made another of the same kind meanwhile: fcntl(hidden, F_DUPFD, 0) ─ close(hidden), and no control call
 *     accept     the anchor is lent for the call, which then passes no descriptor; or it has been offered to the listener before, and there is the
 *                connection, with no call (channel/offer.h)
 *
 * The number is taken before the call, so that there is nothing to undo when none is free. A process that ends, or is killed between any two steps,
 * closes them all, and the engine sees them hang up. None is left over a fork: the child's copy would keep what the parent closes. Nor in a program
 * that makes system calls of its own: it may have duplicated with one what we take to be held once. (One that does so, and makes none that is
 * trapped, is not found out.)
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include "channel/offer.h"
#include "shim/internal.h"
#include "shim/shim.h"

#define SPARES_MAX 32u

enum spare_state { EMPTY, KEPT, LENT, OFFERED };
struct spare {
	enum spare_state state;
	int fd, number;                    /* hidden; what the program gets, while it is lent */
	uint32_t channel, closed;          /* the generation that was closed: another one is a new socket, ready for use */
	struct { uint32_t index, generation; } listener;   /* to which it is offered */
	bool nonblock;                     /* as the open file stands */
};

static struct spare spares[SPARES_MAX];
static unsigned hand, room;                /* where the next one is looked for: the oldest comes first. room 0: not known yet */
static _Atomic bool forbidden;
static int base;                           /* hidden numbers from here on */
static struct lock lock;
static _Atomic uint32_t *born;             /* by channel: the generation that this process has made */

void spare_born(uint32_t channel, uint32_t generation)
{
	if (!born) {
		long p = sys(SYS_mmap, NULL, CHANNEL_MAX * sizeof *born, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (p < 0 && p > -4096) return;
		lock_enter(&lock);
		if (born) sys(SYS_munmap, p, CHANNEL_MAX * sizeof *born);
		else born = (_Atomic uint32_t *)p;
		lock_leave(&lock);
	}
	atomic_store(&born[channel], generation);
}

static void drop(struct spare *sp)
{
	if (sp->state == EMPTY) return;
	hidden_close(&sp->fd);
	sp->state = EMPTY;
}

/* ---- offered to a listener: channel/offer.h ---- */

static struct offer *offer_of(const struct spare *sp) { return arena_offer(shim.arena, sp->listener.index); }

static bool is_of(const struct spare *sp, uint64_t word)
{
	if (sp->state != OFFERED || shared_get32(&arena_channel(shim.arena, sp->listener.index)->generation) != sp->listener.generation) return false;
	return offer_state(word) != OFFER_NONE && offer_spare(word) == sp->channel && offer_closed(word) == sp->closed;
}

static void withdraw(struct spare *sp)
{
	uint64_t open = offer_word(OFFER_OPEN, sp->channel, sp->closed);
	if (sp->state == OFFERED && offer_change(offer_of(sp), open, 0)) sp->state = KEPT;
}

/* Takes back those that the engine did not use. The anchor of one that went to another process has hung up, and is of no use. */
static void offers_look(void)
{
	const struct timespec now = {0};
	for (unsigned i = 0; i < SPARES_MAX; i++) {
		struct spare *sp = &spares[i];
		struct pollfd p = {.fd = sp->fd, .events = POLLRDHUP};
		if (sp->state != OFFERED || is_of(sp, offer_look(offer_of(sp)))) continue;
		sp->state = KEPT;
		if (sys(SYS_ppoll, &p, 1, &now, NULL, 8) != 0) drop(sp);
	}
}

/* ---- closing ---- */

/* Hidden numbers stay few: the program may want all that it is allowed. */
static void room_look(void)
{
	struct rlimit limit;
	if (room != 0 || sys(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) != 0) return;
	room = (unsigned)MIN(limit.rlim_cur / 32, SPARES_MAX);
	base = hidden_base();
}

static struct spare *place_free(void)
{
	room_look();
	offers_look();
	for (unsigned i = 0; i < room; i++)
		if (spares[(hand + i) % room].state == EMPTY) return &spares[(hand + i) % room];
	return NULL;
}

/* Is it the process's own, alone, and still what the table says? Libc closes some descriptors where nobody sees it. */
static bool keepable(int fd, const struct sock *s)
{
	struct stat st;
	if (shim.sandboxed || engine_dead() || atomic_load(&forbidden) || !born || atomic_load(&born[s->index]) != s->generation) return false;
	if (s->c->type != SOCK_STREAM || is_sctp(s) || is_mptcp(s)) return false;
	if (s->c->domain != AF_INET && s->c->domain != AF_INET6 && s->c->domain != AF_UNIX) return false;
	if (shared_get32(&s->c->flags) & CHF_SHARED || shared_get32(&s->c->generation) != s->generation) return false;
	if (table_refs(s->index) != 0 || pin_kept(s->index)) return false;
	return sys(SYS_fstat, fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* A peer that reads what we wrote need not wait for the engine. Where that has seen the close by now, this is another socket, or none. */
static void peer_tell(const struct sock *s, uint32_t flags)
{
	uint32_t peer = chan_tx_reader(shim.arena, s->c);
	if (peer == 0 || s->c->domain == AF_UNIX || atomic_load(&s->c->linger_s) < 0) return;
	if (shared_replace32(&s->c->flags, flags, flags | CHF_LEFT)) direct_ended(peer);
}

bool spare_keep(int fd, const struct sock *s)
{
	if (!keepable(fd, s)) return false;
	lock_enter(&lock);
	struct spare *sp = place_free();
	int to = sp ? (int)sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC, base) : -1;
	if (to >= 0) {
		bool nonblock = shared_get32(&s->c->flags) & CHF_NONBLOCK;
		table_set_hidden(to);
		sys(SYS_close, fd);
		uint32_t flags = atomic_fetch_or(&s->c->flags, CHF_CLOSED) | CHF_CLOSED;
		arena_mark_dirty(shim.arena, s->index);
		peer_tell(s, flags);
		*sp = (struct spare){.state = KEPT, .fd = to, .channel = s->index, .closed = s->generation, .nonblock = nonblock};
	}
	lock_leave(&lock);
	return to >= 0;
}

/* ---- using them again ---- */

static void drop_all(void)
{
	for (unsigned i = 0; i < SPARES_MAX; i++) {
		withdraw(&spares[i]);
		if (spares[i].state == KEPT) drop(&spares[i]);
	}
	room = 0;
}

void spares_drop(void)
{
	lock_enter(&lock);
	drop_all();
	lock_leave(&lock);
}

bool spares_give_way(long r)
{
	bool any = false;
	if (r != -EMFILE || !born || spawned()) return false;
	lock_enter(&lock);
	for (unsigned i = 0; i < SPARES_MAX; i++) any |= spares[i].state == KEPT;
	drop_all();
	lock_leave(&lock);
	return any;
}

/* In the handler of SIGSYS: those that are kept stay, for they were alone when they were closed, as far as anybody can tell. */
void spares_forbid(void) { atomic_store(&forbidden, true); }

/* The lowest number that is free, as the kernel gives it. */
static bool number_take(struct spare *sp, int flags)
{
	sp->number = (int)sys(SYS_fcntl, sp->fd, flags & SOCK_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
	return sp->number >= 0;
}

static struct spare *kept_next(unsigned i)
{
	struct spare *sp = &spares[(hand + i) % SPARES_MAX];
	return sp->state == KEPT ? sp : NULL;
}

static uint32_t generation_of(const struct spare *sp) { return shared_get32(&arena_channel(shim.arena, sp->channel)->generation); }

static bool is_renewed(const struct spare *sp)
{
	uint32_t generation = generation_of(sp);
	return generation != 0 && generation != sp->closed;
}

static bool is_kind(const struct spare *sp, int domain, int type, int protocol)
{
	const struct channel *c = arena_channel(shim.arena, sp->channel);
	return c->domain == domain && c->type == type && (protocol == 0 || c->protocol == protocol);
}

static void open_file_set(struct spare *sp, int flags)
{
	bool nonblock = flags & SOCK_NONBLOCK;
	atomic_fetch_or(&arena_channel(shim.arena, sp->channel)->flags, CHF_TAKEN | (nonblock ? CHF_NONBLOCK : 0));
	if (nonblock != sp->nonblock) sys(SYS_fcntl, sp->number, F_SETFL, O_RDWR | (nonblock ? O_NONBLOCK : 0));
}

/* The program's from now on. */
static int number_give(struct spare *sp, int flags, uint32_t generation)
{
	int fd = sp->number, r = table_set_channel(fd, sp->channel, generation);
	if (r == 0) open_file_set(sp, flags);
	else sys(SYS_close, fd);
	drop(sp);
	hand = (unsigned)(sp - spares + 1) % SPARES_MAX;
	spare_born(sp->channel, generation);
	return r == 0 ? fd : r;
}

long spare_socket(int domain, int type, int protocol, int flags)
{
	long fd = -ENOENT;
	if (!born || shim.sandboxed || engine_dead()) return fd;
	lock_enter(&lock);
	for (unsigned i = 0; i < SPARES_MAX && fd == -ENOENT; i++) {
		struct spare *sp = kept_next(i);
		if (!sp || !is_renewed(sp) || !is_kind(sp, domain, type, protocol)) continue;
		if (!number_take(sp, flags)) break;
		fd = number_give(sp, flags, generation_of(sp));
	}
	lock_leave(&lock);
	return fd;
}

/* Rather one that no socket() waits for: the engine has ended what it was, and made nothing of it. */
struct spare *spare_lend(int flags, bool only_such)
{
	struct spare *best = NULL;
	if (!born || shim.sandboxed) return NULL;
	lock_enter(&lock);
	for (unsigned i = 0; i < SPARES_MAX; i++) {
		struct spare *sp = kept_next(i);
		if (!sp) continue;
		bool such = generation_of(sp) == 0;
		if (such || (!best && !only_such)) best = sp;
		if (such) break;
	}
	if (best && number_take(best, flags)) {
		best->state = LENT;
	} else if (best) {
		drop_all();   /* the program needs every number */
		best = NULL;
	}
	lock_leave(&lock);
	return best;
}

/* Also one whose close the engine has not seen: it will have before it sees the next connection. */
void spare_offer(const struct sock *s)
{
	struct offer *o = arena_offer(shim.arena, s->index);
	if (!born || shim.sandboxed || offer_look(o) != 0 || s->c->type != SOCK_STREAM || is_sctp(s)) return;
	lock_enter(&lock);
	offers_look();
	for (unsigned i = 0; i < SPARES_MAX; i++) {
		struct spare *sp = kept_next(i);
		if (!sp || is_renewed(sp)) continue;
		if (!offer_change(o, 0, offer_word(OFFER_OPEN, sp->channel, sp->closed))) break;
		sp->state = OFFERED;
		sp->listener.index = s->index;
		sp->listener.generation = s->generation;
		break;
	}
	lock_leave(&lock);
}

void spare_withdraw(const struct sock *s)
{
	lock_enter(&lock);
	for (unsigned i = 0; i < SPARES_MAX; i++)
		if (spares[i].listener.index == s->index) withdraw(&spares[i]);
	lock_leave(&lock);
}

/* The lock is held. Whoever takes it reads who calls before: the engine may write another one after. */
static long offered_take(const struct sock *s, struct spare *sp, int flags, struct offer *ret)
{
	struct offer *o = arena_offer(shim.arena, s->index);
	if (!number_take(sp, flags)) return -EMFILE;
	memcpy(ret, o, sizeof *ret);
	if (offer_change(o, offer_word(OFFER_FULL, sp->channel, sp->closed), 0)) return number_give(sp, flags, generation_of(sp));
	sys(SYS_close, sp->number);
	return -ENOENT;
}

long spare_accept(const struct sock *s, int flags, struct offer *ret)
{
	uint64_t word = offer_look(arena_offer(shim.arena, s->index));
	long fd = -ENOENT;
	if (offer_state(word) != OFFER_FULL || shim.sandboxed || engine_dead()) return fd;
	lock_enter(&lock);
	for (unsigned i = 0; i < SPARES_MAX && fd == -ENOENT; i++)
		if (is_of(&spares[i], word) && spares[i].listener.index == s->index) fd = offered_take(s, &spares[i], flags, ret);
	lock_leave(&lock);
	return fd;
}

uint32_t spare_channel(const struct spare *sp) { return sp ? sp->channel : 0; }

int spare_used(struct spare *sp, int flags, uint32_t generation)
{
	lock_enter(&lock);
	int fd = number_give(sp, flags, generation);
	lock_leave(&lock);
	return fd;
}

void spare_return(struct spare *sp, bool refused)
{
	if (!sp) return;
	lock_enter(&lock);
	sys(SYS_close, sp->number);
	sp->state = KEPT;
	if (refused) drop(sp);
	lock_leave(&lock);
}

int *spare_slot(int fd)
{
	for (unsigned i = 0; i < SPARES_MAX; i++)
		if (spares[i].state != EMPTY && spares[i].fd == fd) return &spares[i].fd;
	return NULL;
}

/* ---- fork: in a critical section ---- */

void spares_before_fork(void)
{
	lock_take(&lock);
	drop_all();
}

void spares_after_fork(void) { lock_drop(&lock); }

/* What other threads had in hand. */
void spares_forked(void)
{
	for (unsigned i = 0; i < SPARES_MAX; i++) {
		if (spares[i].state == LENT) sys(SYS_close, spares[i].number);
		drop(&spares[i]);
	}
	atomic_store(&lock.word, 0);
}
