/*
 * Octets from a writer to a reader, while the engine leads the flow from the stack to the direct path, back, and in again, and lets it grow. The reader
 * sleeps on its direction, as in recv, or on a bell, as in epoll_wait. Once for each step that the writer makes, and once for each of the reader's, that
 * one is killed there, and another process goes on with the socket. The same again with an engine that takes the pages of whatever is drained in each of
 * its turns, and a writer who holds his lock against that; and as Unix streams have it, where what goes by the stack is asked for, and what was not read
 * comes back into its queue. At the end:
 *
 *     all octets have arrived, once and in order (of a killed writer: a beginning of them; with a killed reader: what it had read is gone)
 *     nobody sleeps while there is something for him: no wake-up is lost
 *     no segment is left over
 */
#include <stdio.h>
#include <sys/mman.h>
#include "channel/channel.h"
#include "channel/engine_side.h"
#include "ends.h"
#include "plays.h"

#define PIECE 9000          /* two fill a small segment */
#define PIECES 4
#define RINGS 3
#define WIRE_MAX (PIECES * 2 * PIECE)

/* The heirs go on with what another has left: the writer's when that one is dead or done, the reader's when that one is dead. */
enum { WRITER, HEIR, READER, READERS_HEIR, ENGINE };
static const char *const names[] = {"writer", "heir", "reader", "reader's heir", "engine"};

static bool by_bell;                       /* how the reader waits */
static bool rests;                         /* the engine takes pages */
static bool asks;                          /* wire is the stack's queue, which the reader asks for */

static struct {
	struct arena *arena;
	struct seg_pool pool;
	struct channel *from, *to;
	struct tx_side tx;
	struct rx_side rx;
	uint8_t wire[WIRE_MAX];
	uint32_t wire_len, wire_done;
	struct chan_lock turn;                 /* the engine is in the middle of a turn, or serves a call */
	_Atomic uint32_t rung;                 /* the engine's doorbell */
	_Atomic uint32_t rung_by[2];           /* what it finds marked then: of the writing socket, of the reading one */
	_Atomic uint32_t box[2], gone;         /* with a bell alone: what was rung for; who is dead, + 1 */
	uint32_t got, got_of_writer;
	bool heirs, dead, made_good;           /* the heir's octets have begun; one was killed; the engine has seen to that */
} net;

static struct bell *bell(void) { return arena_bell(net.arena, 1); }

static void ring(void)
{
	atomic_fetch_add(&net.rung, 1);
	wake_actor(ENGINE, &net.rung);
}

/* Its hang-up. */
static void killed(void)
{
	net.dead = true;
	ring();
}

static void bell_ring_as(uint32_t client)
{
	uint64_t claim;
	bell_set(bell(), 2, BELL_IN);
	if (!(bell_ring(bell(), client, &claim) & BELL_FUTEX)) return;
	wake_all(&bell()->seq);
	bell_rung(bell(), claim);
}

static void wake_reader(uint32_t client)
{
	bump(&net.to->rx);
	if (by_bell) bell_ring_as(client);
}

static void wait_on_bell(void)
{
	uint32_t seen = shared_get32(&bell()->seq);
	bell_arm(bell(), BELL_FUTEX);
	if (shared_get64(&bell()->summary[0]) == 0) sleep_on(&bell()->seq, seen);
}

static void hand_over(int reading)
{
	shared_set32(&net.rung_by[reading], 1);
	ring();
}

/* ---- the programs: as stream.c and direct.c of the shim ---- */

static void write_pieces(uint8_t mark)
{
	static uint8_t data[ACTORS][PIECE];
	uint8_t *piece = data[sim.current];
	memset(piece, mark, PIECE);
	for (uint32_t done = 0; done < PIECES * PIECE;) {
		struct handover h = {0};
		uint32_t seq = shared_get32(&net.from->tx.seq);
		if (rests || asks) chan_lock(&net.from->tx.lock, 1 + (uint32_t)sim.current, futex);
		size_t n = chan_write(net.arena, net.from, piece, MIN(PIECE - done % PIECE, PIECE), &h);
		if (rests || asks) chan_unlock(&net.from->tx.lock, futex);
		done += (uint32_t)n;
		if (h.peer != 0) wake_reader(1 + (uint32_t)sim.current);
		if (h.engine > 0 || h.warmed || h.left || (n == 0 && h.wants_room)) hand_over(0);
		if (n == 0) wait_on(&net.from->tx, seq);
	}
}

static void writer(void) { write_pieces('w'); }
static void heir(void) { write_pieces('h'); }

static void count(const uint8_t *octets, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (octets[i] == 'h') net.heirs = true;
		else if (octets[i] != 'w' || net.heirs) die("a wrong octet");
		if (net.heirs) net.got++;
		else net.got_of_writer++;
	}
}

static bool all_read(void) { return net.heirs && net.got >= PIECES * PIECE; }

static size_t asked(uint8_t *to);

/* As unix_sock.c of the shim: the ring, and then the engine, unless there can be nothing. */
static size_t take(uint8_t *to, struct handover *h)
{
	if (!asks) return chan_read(net.arena, net.to, to, PIECE, 0, false, h);
	chan_lock(&net.to->rx.lock, 1 + (uint32_t)sim.current, futex);
	size_t n = chan_read(net.arena, net.to, to, PIECE, 0, false, h);
	chan_unlock(&net.to->rx.lock, futex);
	return n > 0 || shared_get32(&net.to->state) & CHS_DIRECT ? n : asked(to);
}

static void reader(void)
{
	static uint8_t buf[ACTORS][PIECE];
	uint8_t *to = buf[sim.current];
	if (by_bell) bell_set(bell(), 2, BELL_IN);      /* a new member of an epoll is looked at */
	while (!all_read()) {
		struct handover h = {0};
		if (by_bell && bell_take(bell(), 1) == 0) {
			wait_on_bell();
			continue;
		}
		uint32_t seq = shared_get32(&net.to->rx.seq);
		size_t n = take(to, &h);
		count(to, n);
		if (h.peer != 0 && chan_tx_relieve(net.arena, net.from)) bump(&net.from->tx);
		if (h.engine > 0) hand_over(1);
		if (n == 0 && !by_bell) wait_on(&net.to->rx, seq);
		if (n > 0 && by_bell) bell_set(bell(), 2, BELL_IN);   /* level-triggered: looked at again */
	}
	ring();
}

/* ---- the engine: as pump.c and direct.c ---- */

static bool pump(void)
{
	const uint8_t *at;
	uint8_t *to;
	size_t len;
	uint32_t used;
	bool moved = false;
	for (;;) {
		if (tx_span(&net.pool, &net.from->tx, &net.tx, &at, &len, &used) < 0) die("a send ring that can't be");
		if (len == 0) break;
		memcpy(net.wire + net.wire_len, at, len);
		net.wire_len += (uint32_t)len;
		tx_consume(&net.pool, &net.tx, len);
	}
	if (rx_progress(&net.pool, &net.to->rx, &net.rx) < 0) die("a receive ring that can't be");
	if (asks) return net.wire_len > net.wire_done;
	while (net.wire_done < net.wire_len) {
		if (rx_span(&net.pool, &net.to->rx, &net.rx, &to, &len) < 0) die("no room to receive");
		len = MIN(len, net.wire_len - net.wire_done);
		memcpy(to, net.wire + net.wire_done, len);
		rx_commit(&net.pool, &net.rx, len);
		net.wire_done += (uint32_t)len;
		moved = true;
	}
	return moved;
}

/* As call_data.c: what the ring holds is read there first. */
static size_t asked(uint8_t *to)
{
	chan_lock(&net.turn, 1 + (uint32_t)sim.current, futex);
	pump();
	size_t n = rx_used(&net.pool, &net.rx) > 0 ? 0 : MIN(net.wire_len - net.wire_done, PIECE);
	memcpy(to, net.wire + net.wire_done, n);
	net.wire_done += (uint32_t)n;
	chan_unlock(&net.turn, futex);
	return n;
}

/* As client_clean(): the lock that the dead one held, and those whom it was about to wake. */
static void make_good(void)
{
	net.made_good = true;
	free_of_victim(&net.from->tx.lock);
	if (rests || asks) wake_all(&net.from->tx.lock.word);
	if (bell_claimant(shared_get64(&bell()->armed)) == 1 + (uint32_t)sim.victim) {
		shared_add32(&bell()->seq, 1);
		wake_all(&bell()->seq);
	}
	atomic_store(&net.rung_by[sim.victim == READER], 1);
}

static void turn(void)
{
	bool direct = net.tx.held, grown = false;
	if (net.dead && !net.made_good) make_good();
	bool rung[2] = {shared_swap32(&net.rung_by[0], 0), shared_swap32(&net.rung_by[1], 0)};
	if (pump()) wake_reader(0);
	if (direct && shared_get32(&net.from->tx.starved) != 0 && direct_full(&net.pool, &net.tx))
		grown = direct_grow(&net.pool, &net.from->tx, &net.tx, 1, &net.to->rx, &net.rx, 2) == 0;
	if (grown || (direct && rung[1]) || (!direct && shared_swap32(&net.from->tx.starved, 0) != 0)) bump(&net.from->tx);
	if (direct && rung[0]) wake_reader(0);
	if (rests) rest_ends(&net.pool, &net.from->tx, &net.tx, &net.rx);
}

static void woken_for_unread(void)
{
	if (direct_unread(&net.pool, &net.rx) > 0) wake_reader(0);
}

static bool keep(void *user, const struct recalled *what)
{
	const struct iovec *data = what->data;
	(void)user;
	for (int i = 0; i < 2; net.wire_len += (uint32_t)data[i++].iov_len) memcpy(net.wire + net.wire_len, data[i].iov_base, data[i].iov_len);
	return true;
}

static void take_back(void)
{
	if (!chan_trylock(&net.to->rx.lock, LOCK_ENGINE)) return;
	direct_recall(&net.pool, &net.to->rx, &net.rx, &(struct recall){false, keep, NULL});
	chan_unlock(&net.to->rx.lock, futex);
}

static void enter(void)
{
	if (asks && (net.tx.held || pump() || !chains_are_short(&net.pool, &net.from->tx, &net.tx, &net.rx))) return;
	net.tx.held = true;
	pump();
	direct_link(&net.pool, net.tx.last, 1, &net.to->rx, &net.rx, 2);
	shared_set32(&net.to->state, CHS_DIRECT);
	woken_for_unread();
	shared_fence();
	if (shared_get32(&net.from->tx.starved) != 0 && shared_swap32(&net.from->tx.starved, 0) != 0) bump(&net.from->tx);
}

static void leave(void)
{
	if (!net.tx.held) return;
	shared_set32(&net.to->state, 0);
	if (direct_unlink(&net.pool, &net.from->tx, &net.tx) < 0) die("no segment");
	woken_for_unread();
	if (asks) take_back();
	bump(&net.from->tx);
}

/* Between two of them calls are served. */
static void turn_take(void (*what)(void))
{
	if (asks) chan_lock(&net.turn, LOCK_ENGINE, futex);
	what();
	if (asks) chan_unlock(&net.turn, futex);
}

static void engine(void)
{
	void (*const script[])(void) = {turn, enter, turn, leave, turn, enter, turn};
	for (size_t i = 0; i < ARRAY_SIZE(script); i++) turn_take(script[i]);
	for (;;) {
		uint32_t seen = shared_get32(&net.rung);
		turn_take(turn);
		if (has_ended(READER) && (!net.dead || net.made_good) && all_read()) return;
		sleep_on(&net.rung, seen);
	}
}

/* ---- the same of a bell alone: few steps, so that the search can go deeper ---- */

static void ringer(void)
{
	for (int i = 0; i < RINGS; i++) {
		shared_add32(&net.box[sim.current], 1);
		bell_ring_as(1 + (uint32_t)sim.current);
	}
}

static bool boxes_full(void)
{
	for (int i = WRITER; i <= HEIR; i++)
		if (shared_get32(&net.box[i]) != RINGS && shared_get32(&net.gone) != 1 + (uint32_t)i) return false;
	return true;
}

static void listener(void)
{
	while (!boxes_full())
		if (bell_take(bell(), 1) == 0) wait_on_bell();
}

static void undertaker(void)
{
	if (sim.kill_at == 0) return;
	sleep_on(&net.rung, 0);
	shared_set32(&net.gone, 1 + (uint32_t)sim.victim);
	make_good();
	bell_ring_as(0);
}

static bool octets_may_run(int i)
{
	if (i == HEIR) return has_ended(WRITER);
	return i != READERS_HEIR || (net.dead && sim.victim == READER);
}

static bool bell_may_run(int i) { return i != READERS_HEIR || (net.dead && sim.victim == READER); }

static void net_start(void)
{
	memset(arena_channel(net.arena, 1), 0, 2 * sizeof(struct channel));
	memset(bell(), 0, sizeof *bell());
	net.from = arena_channel(net.arena, 1);
	net.to = arena_channel(net.arena, 2);
	net.wire_len = net.wire_done = net.got = net.got_of_writer = 0;
	net.heirs = net.dead = net.made_good = false;
	atomic_store(&net.turn.word, 0);
	atomic_store(&net.rung, 0);
	atomic_store(&net.rung_by[0], 0);
	atomic_store(&net.rung_by[1], 0);
	atomic_store(&net.box[0], 0);
	atomic_store(&net.box[1], 0);
	atomic_store(&net.gone, 0);
	if (tx_start(&net.pool, &net.from->tx, &net.tx) < 0) die("no segment");
}

/* With a killed reader nobody knows how much it had taken: then whoever still sleeps must have nothing to wake for. */
static void outcome_check(void)
{
	const uint8_t *at;
	size_t len;
	uint32_t used;
	bool robbed = net.dead && sim.victim == READER;
	if (!has_ended(WRITER) || !has_ended(HEIR)) die("a writer's wake-up is lost");
	if (tx_span(&net.pool, &net.from->tx, &net.tx, &at, &len, &used) < 0 || len > 0) die("octets are left with the engine");
	if (chan_rx_used(net.arena, net.to) != 0 || net.wire_done != net.wire_len) die("a reader's wake-up is lost");
	if (!robbed && (!has_ended(READER) || !has_ended(ENGINE))) die("octets are lost");
	if (net.got > PIECES * PIECE || net.got_of_writer > PIECES * PIECE) die("octets are repeated");
	if (!net.dead && net.got_of_writer != PIECES * PIECE) die("octets are lost");
}

static void octets_end(void)
{
	outcome_check();
	rx_release(&net.pool, &net.rx);
	tx_release(&net.pool, &net.tx);
	if (net.pool.in_use != 0) die("segments are left");
}

static void bell_end(void)
{
	if (!has_ended(READER)) die("the wake-up by a bell is lost");
	tx_release(&net.pool, &net.tx);
}

static void (*const octets_bodies[ACTORS])(void) = {writer, heir, reader, reader, engine};
static void (*const bell_bodies[ACTORS])(void) = {ringer, ringer, listener, listener, undertaker};
static const struct play octets = {names, octets_bodies, octets_may_run, net_start, octets_end, killed};
static const struct play two_ring = {names, bell_bodies, bell_may_run, net_start, bell_end, killed};

static void both_killed(const char *name, int preemptions, long max)
{
	search(&octets, name, WRITER, preemptions, max);
	search(&octets, name, READER, preemptions, max);
}

void play_stream(struct arena *arena, int preemptions, long max)
{
	net.arena = arena;
	pool_begin(&net.pool, arena, 0);
	/* No bit that we use is in the rest of a bell's summary. */
	sim.skip_from = &bell()->summary[1];
	sim.skip_to = &bell()->summary[ARRAY_SIZE(bell()->summary)];
	by_bell = rests = false;
	both_killed("the reader waits on its direction", preemptions, max);
	by_bell = true;
	both_killed("the reader waits on a bell", preemptions, max);
	by_bell = false;
	rests = true;
	both_killed("rings rest, the reader waits on its direction", preemptions, max / 2);
	rests = false;
	asks = true;
	search(&octets, "what goes by the stack is asked for", WRITER, preemptions, max / 2);
	asks = false;
	by_bell = true;
	search(&two_ring, "two ring for one", WRITER, preemptions + 1, max * 100);
	pool_destroy(&net.pool);
}
