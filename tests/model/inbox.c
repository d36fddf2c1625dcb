/*
 * Datagrams from two senders to a reader's inbox (src/channel/inbox.h), while the engine ends it, puts one of its own in between, lets it rest and opens
 * another. Each actor may be killed at each of its steps (the engine not); the reader's heir goes on with the socket. At the end:
 *
 *     of each sender those that it was told of as sent, and of the engine all, have arrived once and in their order (with a killed reader: or are gone)
 *     nobody sleeps while there is something for him, and no lock and no segment is left over
 */
#include "channel/channel.h"
#include "channel/inbox.h"
#include "channel/inbox_side.h"
#include "ends.h"
#include "plays.h"
#include <string.h>
#include <sys/socket.h>

#define LETTERS 2
#define LENGTH 40
#define OWN 4                              /* of the engine's */
#define LIMIT 5000                         /* six of these in the receive buffer */
#define TRIES 4                            /* then it goes by the engine */

enum { ANNA, BERT, READER, READERS_HEIR, ENGINE };
static const char *const names[] = {"anna", "bert", "reader", "reader's heir", "engine"};

static struct {
	struct arena *arena;
	struct seg_pool pool;
	struct channel *to;
	struct rx_side rx;
	bool open;
	_Atomic uint32_t segment, serial;      /* the ticket */
	_Atomic uint32_t rung;                 /* the engine's doorbell */
	_Atomic uint32_t asked[2], carried[2]; /* how many a sender has given to the engine, and the engine has put */
	uint8_t by_engine[2][LETTERS];         /* which */
	uint32_t sent[2], engines, got[3], gone;        /* the engine's own come as a third's; gone: with a killed reader */
	bool dead, made_good;
} net;

static void ring(void)
{
	atomic_fetch_add(&net.rung, 1);
	wake_actor(ENGINE, &net.rung);
}

static void killed(void)
{
	net.dead = true;
	ring();
}

/* ---- the senders: as ticket.c of the shim ---- */

static bool put(uint8_t number)
{
	uint8_t octets[LENGTH];
	struct record r = {.data_len = LENGTH, .sender = (uint32_t)sim.current};
	struct inbox_slot slot;
	uint32_t segment = shared_get32(&net.segment), serial = shared_get32(&net.serial);
	memset(octets, number + 1, sizeof octets);
	for (int tries = 0; tries < TRIES; tries++) {
		enum inbox_answer answer = inbox_begin(net.arena, segment, serial, 1 + (uint32_t)sim.current, &r, &slot);
		if (answer == INBOX_FULL) die("the receive buffer is full");
		if (answer == INBOX_ELSEWHERE) return false;
		if (answer == INBOX_BUSY) continue;
		inbox_write(net.arena, &slot, octets, LENGTH);
		return inbox_end(&slot, true);
	}
	return false;
}

/* What goes by the engine is there when the call is over. */
static void sender(void)
{
	int who = sim.current;
	for (uint8_t n = 0; n < LETTERS; n++) {
		if (put(n)) {
			net.sent[who]++;
			bump(&net.to->rx);
			continue;
		}
		uint32_t call = shared_get32(&net.asked[who]);
		net.by_engine[who][call] = n;
		shared_add32(&net.asked[who], 1);
		ring();
		while (shared_get32(&net.carried[who]) == call) sleep_on(&net.carried[who], call);
		net.sent[who]++;
	}
}

/* ---- the reader ---- */

/* What a killed one had taken and not told is gone, of one datagram. */
static void reader(void)
{
	uint8_t octets[LENGTH], none;
	struct record r;
	for (;;) {
		uint32_t seq = shared_get32(&net.to->rx.seq);
		if (!chan_read_record(net.arena, net.to, &r, &none, 0, &none, 0, octets, LENGTH, false)) {
			wait_on(&net.to->rx, seq);
			continue;
		}
		if (r.sender > 2 || r.data_len != LENGTH) die("a wrong datagram");
		for (int i = 0; i < LENGTH; i++)
			if (octets[i] != octets[0]) die("a wrong octet");
		uint32_t number = octets[0] - 1u;
		if (number > net.got[r.sender] && net.dead && sim.victim == READER) net.gone += number - net.got[r.sender], net.got[r.sender] = number;
		if (number != net.got[r.sender] || net.gone > 1) die("a datagram is lost, repeated or in the wrong place");
		net.got[r.sender]++;
		ring();
	}
}

/* ---- the engine: as inbox.c and idle.c of the engine ---- */

static void shut(void)
{
	uint32_t dropped;
	if (net.open) inbox_close(&net.pool, &net.rx, &dropped);
	net.open = false;
}

static void open_anew(void)
{
	struct inbox_terms terms = {SEGMENT_SMALL, LIMIT, 0};
	struct inbox_place place;
	shut();
	if (inbox_open(&net.pool, &net.to->rx, &net.rx, 1, &terms, &place) < 0) die("no segment");
	net.open = true;
	shared_set32(&net.segment, place.segment);
	shared_set32(&net.serial, place.serial);
}

static void carry(uint32_t sender, uint8_t number)
{
	struct record r = {.data_len = LENGTH, .sender = sender};
	uint8_t octets[LENGTH + 8] = {0};
	memset(octets, number + 1, LENGTH);
	struct part parts[] = {{&r, sizeof r}, {octets, record_size(0, 0, LENGTH) - sizeof r}};
	shut();
	if (rx_progress(&net.pool, &net.to->rx, &net.rx) < 0) die("a receive ring that can't be");
	if (rx_put(&net.pool, &net.to->rx, &net.rx, parts, 2, record_size(0, 0, LENGTH)) < 0) die("no room to receive");
	bump(&net.to->rx);
}

static void turn(void)
{
	if (net.dead && !net.made_good) {
		net.made_good = true;
		inbox_release_dead(&net.pool, 1 + (uint32_t)sim.victim);
		if (inbox_unread(&net.pool, &net.rx) > 0) bump(&net.to->rx);
	}
	for (uint32_t who = 0; who < 2; who++) {
		uint32_t done = shared_get32(&net.carried[who]);
		if (done == shared_get32(&net.asked[who])) continue;
		carry(who, net.by_engine[who][done]);
		shared_set32(&net.carried[who], done + 1);
		wake_all(&net.carried[who]);
	}
}

static void rest(void)
{
	if (rx_used(&net.pool, &net.rx) == 0) shut();
	rx_rest(&net.pool, &net.rx);
}

/* Segments that were left serve again soon, for others. */
static void engine(void)
{
	for (;;) {
		uint32_t seen = shared_get32(&net.rung);
		turn();
		rest();
		for (int i = 0; i < 2 && net.engines < OWN; i++) {
			carry(2, (uint8_t)net.engines++);
			open_anew();
		}
		sleep_on(&net.rung, seen);
	}
}

/* ---- one schedule ---- */

static bool may_run(int i) { return i != READERS_HEIR || (net.dead && sim.victim == READER); }

static void start(void)
{
	struct seg_pool pool = net.pool;
	struct arena *arena = net.arena;
	memset(&net, 0, sizeof net);
	net.pool = pool;
	net.arena = arena;
	net.to = arena_channel(arena, 1);
	memset(net.to, 0, sizeof *net.to);
	net.to->domain = AF_INET;
	open_anew();
}

static void check(void)
{
	bool robbed = net.dead && sim.victim == READER;
	for (int who = 0; who < 2; who++) {
		bool dead = net.dead && sim.victim == who;
		if (!has_ended(who)) die("a sender waits for ever");
		if (!dead && net.sent[who] != LETTERS) die("not all was sent");
		if (!robbed && net.got[who] < net.sent[who]) die("a datagram is lost, or a reader's wake-up");
	}
	if (!robbed && net.got[2] != OWN) die("one of the engine's is lost");
	if (chan_rx_used(net.arena, net.to) != 0) die("a reader's wake-up is lost");
	shut();
	rx_release(&net.pool, &net.rx);
	open_anew();                           /* looks at those that a sender was in when they were given back */
	shut();
	rx_release(&net.pool, &net.rx);
	if (net.pool.in_use != 0) die("segments are left");
}

static void (*const bodies[ACTORS])(void) = {sender, sender, reader, reader, engine};
static const struct play play = {names, bodies, may_run, start, check, killed};

void play_inbox(struct arena *arena, int preemptions, long max)
{
	net.arena = arena;
	pool_begin(&net.pool, arena, 0);
	search(&play, "an inbox", ANNA, preemptions, max * 25);
	search(&play, "an inbox", READER, preemptions, max);
	pool_destroy(&net.pool);
}
