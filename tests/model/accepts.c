/*
 * A listener's connections (src/channel/offer.h): a program that offers and accepts two, one that asks the engine and accepts one, and one that dials more.
 * The offerer may be killed at each of its steps; then an heir accepts what there is. At the end:
 *
 *     each connection was accepted once (or: taken by the killed one), by each of the two in the order of their coming
 *     nobody sleeps while a connection waits, and nobody waits for room in the queue while there is some
 */
#include "channel/offer.h"
#include "channel/atomic.h"
#include "plays.h"
#include <string.h>

#define CALLS 4
#define BACKLOG 1                          /* two wait at most */

enum { OFFERER, ASKER, HEIR, DIALLER, ENGINE };
static const char *const names[] = {"offerer", "asker", "heir", "dialler", "engine"};

static struct {
	struct arena *arena;
	struct offer *o;
	_Atomic uint32_t seq, poll, dirty, rung;       /* of the listener; the engine's doorbell */
	struct { _Atomic uint32_t asked, answered, answer; } call[3];   /* 0: none waits, else the connection + 1 */
	_Atomic uint32_t dialled, connected;
	uint32_t spare, held;                          /* the offerer's next, and what the engine put into the one it had */
	uint32_t arrived, given, accepted[CALLS], next[3];      /* the engine's: 0 to given are accepted or ahead, to arrived wait behind */
	uint64_t ahead;                                /* as esock.offer */
	bool dead, hung_up, told, room;
} net;

static void ring(void)
{
	shared_add32(&net.rung, 1);
	wake_actor(ENGINE, &net.rung);
}

static void killed(void)
{
	net.dead = true;
	ring();
}

static void accepted(uint32_t i)
{
	uint32_t *next = &net.next[sim.current];
	if (i >= CALLS || net.accepted[i]++ != 0) die("a connection was accepted twice");
	if (i < *next) die("a connection was accepted after its turn");
	*next = i;
}

/* ---- programs: as spare.c and socket.c of the shim ---- */

/* 0: none waits, else the connection + 1. */
static uint32_t ask(void)
{
	_Atomic uint32_t *answered = &net.call[sim.current].answered;
	uint32_t seen = shared_get32(answered);
	shared_add32(&net.call[sim.current].asked, 1);
	ring();
	while (shared_get32(answered) == seen) sleep_on(answered, seen);
	return shared_get32(&net.call[sim.current].answer);
}

static bool none_waits(void) { return shared_get32(&net.poll) == 0 && !offer_waits(net.o); }

static bool take(void)
{
	uint64_t word = offer_look(net.o);
	uint32_t held = net.held;
	if (offer_state(word) != OFFER_FULL || offer_closed(word) != net.spare) return false;
	if (!offer_change(net.o, word, 0)) return false;
	net.spare++;
	accepted(held);
	shared_set32(&net.dirty, 1);
	shared_fence();
	if (shared_get32(&net.poll) != 0) ring();
	return true;
}

static bool accept_once(bool offers)
{
	uint32_t i;
	if (offers && take()) return true;
	if (none_waits()) {
		if (offers) offer_change(net.o, 0, offer_word(OFFER_OPEN, 1, net.spare));
		return false;
	}
	if (offers) offer_change(net.o, offer_word(OFFER_OPEN, 1, net.spare), 0);
	if ((i = ask()) == 0) return false;
	accepted(i - 1);
	return true;
}

static void accept_on(bool offers, uint32_t count)
{
	while (count > 0) {
		uint32_t seq = shared_get32(&net.seq);
		if (accept_once(offers)) count--;
		else sleep_on(&net.seq, seq);
	}
}

static void offerer(void) { accept_on(true, 2); }
static void asker(void) { accept_on(false, 1); }
static void heir(void) { accept_on(false, UINT32_MAX); }

/* The first one by itself, the others together. */
static void dialler(void)
{
	for (uint32_t i = 1, seen; i <= CALLS; i += 3) {
		shared_set32(&net.dialled, i);
		ring();
		while ((seen = shared_get32(&net.connected)) != i) sleep_on(&net.connected, seen);
	}
}

/* ---- the engine: as ahead.c ---- */

static void tell(void)
{
	shared_add32(&net.seq, 1);
	wake_all(&net.seq);
}

/* A connection comes, if there is room for it. */
static bool dial(void)
{
	uint32_t want = shared_get32(&net.dialled), waiting = net.arrived - net.given + (net.ahead != 0);
	if (want == net.arrived || waiting > BACKLOG) return false;
	net.arrived++;
	shared_set32(&net.connected, net.arrived);
	wake_all(&net.connected);
	return net.told = true;
}

static void settle(void)
{
	net.ahead = 0;
	net.room = true;
}

static bool fill(void)
{
	uint64_t word = offer_look(net.o);
	if (offer_state(word) != OFFER_OPEN || net.arrived == net.given || net.hung_up) return false;
	if (!offer_change(net.o, word, offer_word(OFFER_BUSY, 1, offer_closed(word)))) return false;
	net.held = net.given++;
	net.ahead = offer_word(OFFER_FULL, 1, offer_closed(word));
	shared_set64(&net.o->word, net.ahead);
	return true;
}

static void pump(void)
{
	do {
		shared_set32(&net.poll, net.arrived != net.given);
		shared_fence();
		if (net.ahead != 0 && offer_look(net.o) != net.ahead) settle();
	} while (net.ahead == 0 && fill());
	if (net.told) tell();
	net.told = false;
}

static bool claim(void)
{
	if (net.ahead == 0) return false;
	if (offer_change(net.o, net.ahead, offer_word(OFFER_BUSY, 1, offer_closed(net.ahead)))) return true;
	settle();
	return false;
}

static uint32_t accept_called(void)
{
	if (claim()) {
		uint32_t i = net.held;
		shared_set64(&net.o->word, 0);
		settle();
		return i + 1;
	}
	return net.arrived != net.given ? ++net.given : 0;
}

static void hang_up(void)
{
	net.hung_up = true;
	if (!claim()) return;
	net.ahead = offer_word(OFFER_FULL, 1, 0);
	shared_set64(&net.o->word, net.ahead);
}

static void serve(int who)
{
	if (shared_get32(&net.call[who].asked) == shared_get32(&net.call[who].answered)) return;
	pump();
	shared_set32(&net.call[who].answer, accept_called());
	pump();
	shared_add32(&net.call[who].answered, 1);
	wake_all(&net.call[who].answered);
}

static void engine(void)
{
	for (;;) {
		uint32_t seen = shared_get32(&net.rung);
		if (net.dead && !net.hung_up) hang_up();
		if (shared_swap32(&net.dirty, 0)) pump();
		for (int i = OFFERER; i <= HEIR; i++) serve(i);
		/* Who waits for room asks again when there is some. */
		for (bool more = true; more; more |= net.room) {
			net.room = false;
			if ((more = dial())) pump();
		}
		sleep_on(&net.rung, seen);
	}
}

/* ---- one schedule ---- */

static bool alone;                         /* the offerer is */
static bool may_run(int i) { return i == HEIR ? net.dead : i != ASKER || !alone; }

static void start(void)
{
	struct arena *arena = net.arena;
	memset(&net, 0, sizeof net);
	net.arena = arena;
	net.o = arena_offer(arena, 1);
	net.spare = 1;
	memset(net.o, 0, sizeof *net.o);
}

static void check(void)
{
	uint32_t n = 0, taken = net.given - (offer_waits(net.o) ? 1 : 0);
	for (uint32_t i = 0; i < CALLS; i++) n += net.accepted[i];
	bool answered = net.dead && shared_get32(&net.call[OFFERER].asked) != 0;     /* and perhaps killed before it had the answer */
	if (taken - n > answered) die("a connection is lost");
	if (net.arrived < MIN(taken + 1 + BACKLOG, (uint32_t)CALLS)) die("the dialler waits for room that there is");
	if (net.dead ? !has_ended(DIALLER) || taken < CALLS : !has_ended(OFFERER) || (!alone && !has_ended(ASKER)))
		die("a connection waits, and everybody sleeps");
}

static void (*const bodies[ACTORS])(void) = {offerer, asker, heir, dialler, engine};
static const struct play play = {names, bodies, may_run, start, check, killed};

void play_accepts(struct arena *arena, int preemptions, long max)
{
	net.arena = arena;
	sim.skip_from = sim.skip_to = NULL;
	for (int i = 0; i < 2; i++) {
		alone = i == 0;
		search(&play, alone ? "a listener" : "a listener of two", OFFERER, preemptions, max);
	}
}
