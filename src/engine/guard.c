/*
 * The guard: a child that sleeps on a pipe whose other end only the engine has. When the engine is gone, however it went, the guard marks the arena
 * dead and wakes everybody who sleeps on a word of it; those who sleep in a kernel call see their control socket hang up.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/wait.h>
#include <unistd.h>
#include "channel/desk.h"
#include "engine/private.h"
#include "host/futex.h"
#include "host/process.h"

static void direction_wake(struct direction *d)
{
	atomic_fetch_add(&d->seq, 1);
	futex_wake(&d->seq, INT_MAX);
}

/* The engine may have died over a moment with it: no client's id stands there. */
static void lock_open(struct chan_lock *l)
{
	for (int tries = 0; tries < 8; tries++) {
		uint32_t held = shared_get32(&l->word);
		if ((held & ~LOCK_CONTENDED) != LOCK_ENGINE || shared_replace32(&l->word, held, 0)) break;
	}
	futex_wake(&l->word, INT_MAX);
}

static void arena_die(struct arena *a)
{
	atomic_store(&a->dead, 1);
	uint32_t n_channels = shared_get32(&a->channels_used), n_bells = shared_get32(&a->bells_used), n_desks = shared_get32(&a->desks_used);
	n_channels = MIN(n_channels, CHANNEL_MAX - 1);
	n_bells = MIN(n_bells, BELL_MAX - 1);
	n_desks = MIN(n_desks, DESK_MAX - 1);
	for (uint32_t i = 1; i <= n_channels; i++) {
		direction_wake(&arena_channel(a, i)->rx);
		direction_wake(&arena_channel(a, i)->tx);
		lock_open(&arena_channel(a, i)->rx.lock);
		lock_open(&arena_channel(a, i)->tx.lock);
	}
	for (uint32_t i = 1; i <= n_bells; i++) {
		atomic_fetch_add(&arena_bell(a, i)->seq, 1);
		futex_wake(&arena_bell(a, i)->seq, INT_MAX);
	}
	for (uint32_t i = 1; i <= n_desks; i++)
		if (desk_move(a, i)) futex_wake(&arena_desk(a, i)->answered, INT_MAX);
}

static void guard_run(struct arena *a, int pipe_end, int ready)
{
	char octet;
	int kept[] = {pipe_end, ready};
	process_keep_only(kept, ARRAY_SIZE(kept));
	close(ready);
	process_settle("sockland-guard");
	process_quiet();
	while (read(pipe_end, &octet, 1) < 0 && errno == EINTR) {}
	arena_die(a);
	_exit(0);
}

/* Not before the guard has let go of what else we have: by the listener a net would seem to run that has ended. */
int guard_start(struct engine *e)
{
	int p[2], ready[2];
	char octet;
	if (pipe2(p, O_CLOEXEC) < 0) return -errno;
	int err = pipe2(ready, O_CLOEXEC) < 0 ? -errno : 0;
	if (err < 0) {
		close(p[0]);
		close(p[1]);
		return err;
	}
	e->guard = fork();
	if (e->guard == 0) guard_run(e->arena, p[0], ready[1]);
	if (e->guard < 0) err = -errno;
	close(p[0]);
	close(ready[1]);
	while (read(ready[0], &octet, 1) < 0 && errno == EINTR) {}
	close(ready[0]);
	e->guard_pipe = p[1];
	return err;
}

void guard_end(struct engine *e)
{
	if (e->guard_pipe < 0) return;
	close(e->guard_pipe);
	if (e->guard > 0) waitpid(e->guard, NULL, 0);
}
