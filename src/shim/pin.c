/*
 * A socket that one thread uses and another closes. In Linux the call under way holds the open file: it goes on, and gets what still comes. Here
 * the last close of the anchor would end the socket and leave the call on a channel, and its rings, that soon serve another. So each thread shows
 * in a place of its own which channel its call is on; a close of the last descriptor that finds its channel shown keeps the anchor open under
 * a hidden number, until the last call has ended.
 *
 *     call    show the channel, then look whether the process still has a descriptor of it
 *     close   take the descriptor out of the table, then look whether the channel is shown
 *
 * A thread that is thrown out of a call by longjmp leaves its place marked; its next call, or its end, corrects that.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include "shim/internal.h"
#include "shim/shim.h"

#define PLACES 32768u

static _Atomic uint32_t *places;           /* by thread: 0 free, PLACE_IDLE, or the channel */
static _Atomic int *orphans;               /* by channel: number of the anchor kept open, 0: none */
static _Atomic uint32_t *holds;            /* by channel: what outlasts calls, as requests of io_uring do */
static _Atomic uint32_t places_high, orphans_kept;
static pthread_key_t place_key;

#define PLACE_IDLE UINT32_MAX

static void *pages(size_t size)
{
	long p = sys(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p < 0 && p > -4096 ? NULL : (void *)p;
}

static void place_end(void *place)
{
	unpin();
	atomic_store((_Atomic uint32_t *)place, 0);
	self.place = NULL;
}

int pin_start(void)
{
	places = pages(PLACES * sizeof *places);
	orphans = pages(CHANNEL_MAX * sizeof *orphans);
	holds = pages(CHANNEL_MAX * sizeof *holds);
	pthread_key_create(&place_key, place_end);
	return places && orphans && holds ? 0 : -ENOMEM;
}

static _Atomic uint32_t *place_take(void)
{
	for (uint32_t i = 0; i < PLACES; i++) {
		uint32_t empty = 0, high = atomic_load(&places_high);
		if (!atomic_compare_exchange_strong(&places[i], &empty, PLACE_IDLE)) continue;
		while (i >= high && !atomic_compare_exchange_weak(&places_high, &high, i + 1)) {}
		pthread_setspecific(place_key, (void *)&places[i]);
		return &places[i];
	}
	return NULL;
}

static bool held(uint32_t channel) { return atomic_load(&holds[channel]) != 0; }

static bool pinned(uint32_t channel)
{
	if (held(channel)) return true;
	for (uint32_t i = 0; i < atomic_load(&places_high); i++)
		if (&places[i] != self.place && atomic_load(&places[i]) == channel) return true;
	return false;
}

static void orphan_close(uint32_t channel)
{
	int fd = atomic_exchange(&orphans[channel], 0);
	if (fd == 0) return;
	atomic_fetch_sub(&orphans_kept, 1);
	hidden_close(&fd);
	rung_by_close();
}

static void show(uint32_t channel)
{
	uint32_t before = atomic_exchange(self.place, channel);
	if (before == PLACE_IDLE || before == channel || atomic_load(&orphans_kept) == 0) return;
	if (!pinned(before)) orphan_close(before);
}

/* Is the socket still open, by a descriptor or by what is kept for others? */
static bool is_open(const struct sock *s)
{
	return (table_refs(s->index) > 0 || atomic_load(&orphans[s->index]) != 0) && shared_get32(&s->c->generation) == s->generation;
}

int channel_hold(const struct sock *s)
{
	atomic_fetch_add(&holds[s->index], 1);
	if (is_open(s)) return 0;
	channel_release(s->index);
	return -EBADF;
}

void channel_release(uint32_t channel)
{
	if (atomic_fetch_sub(&holds[channel], 1) == 1 && !pinned(channel)) orphan_close(channel);
}

/* The close of a descriptor begins in the table: one that still stands there after the dup was open before it. */
int channel_dup(const struct sock *s, bool cloexec)
{
	struct sock now;
	int cmd = cloexec ? F_DUPFD_CLOEXEC : F_DUPFD, orphan = atomic_load(&orphans[s->index]);
	int to = orphan > 0 ? (int)sys(SYS_fcntl, orphan, cmd, 0) : -EBADF;
	for (int fd = 0; to < 0 && fd < table_high(); fd++) {
		if (!table_channel(fd, &now) || now.index != s->index || now.generation != s->generation) continue;
		if ((to = (int)sys(SYS_fcntl, fd, cmd, 0)) < 0) return to;
		if (table_channel(fd, &now) && now.index == s->index) break;
		sys(SYS_close, to);
		to = -EBADF;
	}
	if (to >= 0) channel_flag(s, CHF_SHARED, true);
	return to;
}

int pin(const struct sock *s)
{
	if (__libc_single_threaded) return 0;
	if (!self.place) self.place = place_take();
	if (!self.place) return 0;
	show(s->index);
	if (is_open(s)) return 0;
	unpin();
	return engine_dead() ? -ENETDOWN : -EBADF;
}

void unpin(void)
{
	if (self.place) show(PLACE_IDLE);
}

void pin_closing(int fd, uint32_t channel)
{
	if ((__libc_single_threaded && !held(channel)) || !pinned(channel)) return;
	int to = (int)sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 0);
	if (to < 0) return;
	to = hide_fd(to, false);
	atomic_fetch_add(&orphans_kept, 1);
	int before = atomic_exchange(&orphans[channel], to);   /* of an earlier last descriptor, after which there was another (channel_dup) */
	if (before != 0) {
		atomic_fetch_sub(&orphans_kept, 1);
		hidden_close(&before);
	}
	if (!pinned(channel)) orphan_close(channel);   /* the last one left meanwhile */
}

bool pin_kept(uint32_t channel)
{
	if (__libc_single_threaded) return held(channel);
	return pinned(channel) || atomic_load(&orphans[channel]) != 0;
}

/* The child has one thread, which isn't asleep, and shares no orphan's fate but of those that a ring of io_uring has registered. */
void pins_forked(void)
{
	for (uint32_t i = 0; i < atomic_load(&places_high); i++)
		if (&places[i] != self.place) atomic_store(&places[i], 0);
	for (uint32_t i = 0; atomic_load(&orphans_kept) > 0 && i < CHANNEL_MAX; i++)
		if (!held(i)) orphan_close(i);
}
