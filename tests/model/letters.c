/*
 * Datagrams of Unix sockets from two senders to a reader's inbox (src/channel/inbox.h) that has room for one, while the engine ends it, takes back what was
 * not read, lets messages of its own go by the queue, and opens it again. Each actor may be killed at each of its steps (the engine not); the reader's heir
 * goes on with the socket. At the end:
 *
 *     of each sender those that it was told of as sent, and of the engine all, have arrived once and in their order (with a killed reader: or one is gone)
 *     nobody sleeps while there is something or room for him, no lock and no segment is left over, and nothing takes room of a send buffer
 */
#include <string.h>
#include <sys/socket.h>
#include "base/charge.h"
#include "channel/channel.h"
#include "channel/inbox.h"
#include "channel/inbox_side.h"
#include "ends.h"
#include "plays.h"

#define LETTERS 2
#define LENGTH 40
#define OWN 2                              /* of the engine's */
#define ALL (2 * LETTERS + OWN)
#define ROOM 1

enum { ANNA, BERT, READER, READERS_HEIR, ENGINE };
static const char *const names[] = {"anna", "bert", "reader", "reader's heir", "engine"};

/* A control call of an actor's: a message that has to be carried, or has a way of its own (retry); or the next one in the queue asked for. */
struct asking { _Atomic uint32_t asked, done; bool carry, retry, got; uint8_t number; uint32_t sender; };
struct letter { uint32_t sender; uint8_t number; };

static struct {
	struct arena *arena;
	struct seg_pool pool;
	struct channel *from[3], *to;          /* the third is the engine's own */
	struct rx_side rx;
	bool open;
	_Atomic uint32_t segment, serial;      /* the ticket */
	struct letter queue[2 * ALL];          /* the stack's */
	uint32_t queued, received;
	struct asking asking[ACTORS];
	_Atomic uint32_t rung;
	uint32_t sent[2], engines, got[3], gone;
	bool dead, made_good;
} net;

static uint32_t channel_of(int sender) { return 2 + (uint32_t)sender; }

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

static struct asking *ask(bool carry, uint8_t number)
{
	struct asking *a = &net.asking[sim.current];
	uint32_t before = shared_get32(&a->done);
	a->carry = carry;
	a->number = number;
	shared_add32(&a->asked, 1);
	ring();
	while (shared_get32(&a->done) == before) sleep_on(&a->done, before);
	return a;
}

/* ---- the senders: as ticket.c of the shim ---- */

static enum inbox_answer put(uint8_t number)
{
	uint8_t octets[LENGTH];
	int who = sim.current;
	struct record r = {.data_len = LENGTH, .sender = channel_of(who), .generation = 1};
	struct inbox_slot slot;
	uint32_t segment = shared_get32(&net.segment), serial = shared_get32(&net.serial);
	memset(octets, number + 1, sizeof octets);
	if (!inbox_charge(net.from[who], LENGTH, INT32_MAX)) die("there is no room in the send buffer");
	enum inbox_answer answer = inbox_begin(net.arena, segment, serial, 1 + (uint32_t)who, &r, &slot);
	if (answer == INBOX_MINE) {
		inbox_write(net.arena, &slot, octets, LENGTH);
		if (!inbox_end(&slot, true)) answer = INBOX_ELSEWHERE;
	}
	if (answer == INBOX_MINE) bump(&net.to->rx);
	else inbox_discharge(net.from[who], LENGTH);
	return answer;
}

static enum inbox_answer put_or_wait(uint8_t number)
{
	enum inbox_answer answer = put(number);
	if (answer != INBOX_FULL) return answer;
	return inbox_wait(arena_segment(net.arena, shared_get32(&net.segment)), channel_of(sim.current)) ? put(number) : INBOX_ELSEWHERE;
}

/* false: he may wait. */
static bool letter_send(uint8_t number)
{
	enum inbox_answer answer = put_or_wait(number);
	if (answer != INBOX_MINE && answer != INBOX_FULL) {
		if (!ask(false, number)->retry) return true;
		answer = put_or_wait(number);
	}
	if (answer == INBOX_MINE || answer == INBOX_FULL) return answer == INBOX_MINE;
	ask(true, number);
	return true;
}

static void sender(void)
{
	int who = sim.current;
	for (uint8_t n = 0; n < LETTERS;) {
		uint32_t seq = shared_get32(&net.from[who]->tx.seq);
		if (letter_send(n)) net.sent[who]++, n++;
		else wait_on(&net.from[who]->tx, seq);
	}
}

/* ---- the reader: as unix_sock.c ---- */

/* What a killed one had taken and not told is gone, of one datagram. */
static void count(uint32_t who, uint32_t number)
{
	if (who > 2) die("a wrong datagram");
	if (number > net.got[who] && net.dead && sim.victim == READER) net.gone += number - net.got[who], net.got[who] = number;
	if (number != net.got[who] || net.gone > 1) die("a datagram is lost, repeated or in the wrong place");
	net.got[who]++;
}

static bool take(void)
{
	uint8_t octets[LENGTH];
	struct handover h = {0};
	struct record r;
	bool more = true;
	chan_lock(&net.to->rx.lock, 1 + (uint32_t)sim.current, futex);
	bool got = chan_rx_used(net.arena, net.to) > 0 && chan_read_posted(net.arena, net.to, &r, NULL, 0, octets, LENGTH, false, &h);
	chan_unlock(&net.to->rx.lock, futex);
	for (uint32_t who; h.inbox && more && (who = inbox_wakes(h.inbox, &more)) != 0; inbox_woken(h.inbox, who)) bump(&arena_channel(net.arena, who)->tx);
	if (h.left) ring();
	if (got) {
		if (r.data_len != LENGTH) die("a datagram of another length");
		count(r.sender - 2, octets[0] - 1u);
		return true;
	}
	if (shared_get32(&net.to->state) & CHS_DIRECT) return false;
	struct asking *a = ask(false, 0);
	if (a->got) count(a->sender, a->number);
	return a->got;
}

static void reader(void)
{
	for (;;) {
		uint32_t seq = shared_get32(&net.to->rx.seq);
		if (!take()) wait_on(&net.to->rx, seq);
	}
}

/* ---- the engine: as inbox_unix.c and idle.c ---- */

static void progress(void)
{
	if (rx_progress(&net.pool, &net.to->rx, &net.rx) < 0) die("a receive ring that can't be");
}

static void enqueue(uint32_t who, uint8_t number)
{
	if (net.queued == ARRAY_SIZE(net.queue)) die("there are more messages than were sent");
	net.queue[net.queued++] = (struct letter){who, number};
	bump(&net.to->rx);
}

static bool keep(void *user, const struct recalled *what)
{
	(void)user;
	enqueue(what->r.sender - 2, (uint8_t)(*(uint8_t *)what->data[what->data[0].iov_len == 0].iov_base - 1));
	inbox_discharge(net.from[what->r.sender - 2], what->r.data_len);
	return true;
}

static void waiting_wake(void)
{
	struct segment *s = arena_segment(net.arena, shared_get32(&net.segment));
	for (uint32_t w = 0; w < INBOX_WAITING; w++) {
		uint32_t who = shared_swap32(&s->waiting[w], 0) & ~INBOX_WAKES;
		if (who != 0) bump(&arena_channel(net.arena, who)->tx);
	}
}

static void leave(void)
{
	const struct recall how = {true, keep, NULL};
	uint32_t dropped;
	if (!net.open) return;
	net.open = false;
	shared_set32(&net.to->state, 0);
	inbox_close(&net.pool, &net.rx, &dropped);
	if (chan_trylock(&net.to->rx.lock, LOCK_ENGINE)) {
		direct_recall(&net.pool, &net.to->rx, &net.rx, &how);
		chan_unlock(&net.to->rx.lock, futex);
	}
	waiting_wake();
	bump(&net.to->rx);
}

static void enter(void)
{
	struct inbox_terms terms = {SEGMENT_SMALL, ROOM, (uint32_t)inbox_unread(&net.pool, &net.rx)};
	struct inbox_place place;
	if (inbox_open(&net.pool, &net.to->rx, &net.rx, 1, &terms, &place) < 0) die("no segment");
	net.open = true;
	shared_set32(&net.segment, place.segment);
	shared_set32(&net.serial, place.serial);
	shared_set32(&net.to->state, CHS_DIRECT);
}

/* Of a sender: there is a way for it, where the queue is empty. Of the reader: what the ring holds comes first. */
static void serve(int who)
{
	struct asking *a = &net.asking[who];
	uint32_t done = shared_get32(&a->done);
	if (done == shared_get32(&a->asked)) return;
	progress();
	if (who == READER || who == READERS_HEIR) {
		a->got = rx_used(&net.pool, &net.rx) == 0 && net.received < net.queued;
		if (a->got) a->sender = net.queue[net.received].sender, a->number = net.queue[net.received].number, net.received++;
	} else {
		a->retry = !a->carry && (net.open || net.received == net.queued);
		if (a->retry && !net.open) enter();
		if (!a->retry) {
			leave();
			enqueue((uint32_t)who, a->number);
		}
	}
	shared_set32(&a->done, done + 1);
	wake_all(&a->done);
}

static void turn(void)
{
	if (net.dead && !net.made_good) {
		net.made_good = true;
		free_of_victim(&net.to->rx.lock);
		wake_all(&net.to->rx.lock.word);
		inbox_release_dead(&net.pool, 1 + (uint32_t)sim.victim);
		waiting_wake();
		bump(&net.to->rx);
	}
	for (int i = ANNA; i <= READERS_HEIR; i++) serve(i);
	progress();
	rx_rest(&net.pool, &net.rx);
}

static void own(void)
{
	leave();
	enqueue(2, (uint8_t)net.engines++);
}

static void engine(void)
{
	for (;;) {
		uint32_t seen = shared_get32(&net.rung);
		turn();
		if (net.engines < OWN) own();
		sleep_on(&net.rung, seen);
	}
}

/* ---- one schedule ---- */

/* A call that the dead one had made is over by then. */
static bool may_run(int i)
{
	const struct asking *a = &net.asking[READER];
	return i != READERS_HEIR || (net.dead && sim.victim == READER && atomic_load(&a->asked) == atomic_load(&a->done));
}

static void start(void)
{
	struct seg_pool pool = net.pool;
	struct arena *arena = net.arena;
	memset(&net, 0, sizeof net);
	net.pool = pool;
	net.arena = arena;
	memset(arena_channel(arena, 1), 0, 4 * sizeof(struct channel));
	net.to = arena_channel(arena, 1);
	net.to->domain = AF_UNIX;
	for (int i = 0; i < 3; i++) {
		net.from[i] = arena_channel(arena, channel_of(i));
		net.from[i]->domain = AF_UNIX;
		shared_set32(&net.from[i]->generation, 1);
	}
	enter();
}

static void check(void)
{
	bool robbed = net.dead && sim.victim == READER;
	uint32_t unread = 0;
	for (int who = 0; who < 2; who++) {
		bool dead = net.dead && sim.victim == who;
		if (!has_ended(who)) die("a sender waits for ever");
		if (!dead && net.sent[who] != LETTERS) die("not all was sent");
		if (!robbed && net.got[who] < net.sent[who]) die("a datagram is lost, or a reader's wake-up");
		unread += shared_get32(&net.from[who]->posted.unread);
	}
	if (unread > (net.dead ? unix_charge(LENGTH) : 0)) die("what was read still takes room of a send buffer");
	if (!robbed && net.got[2] != OWN) die("one of the engine's is lost");
	if (chan_rx_used(net.arena, net.to) != 0 || net.received != net.queued) die("a reader's wake-up is lost");
	leave();
	rx_release(&net.pool, &net.rx);
	enter();                               /* looks at those that a sender was in when they were given back */
	leave();
	rx_release(&net.pool, &net.rx);
	if (net.pool.in_use != 0) die("segments are left");
}

static void (*const bodies[ACTORS])(void) = {sender, sender, reader, reader, engine};
static const struct play play = {names, bodies, may_run, start, check, killed};

void play_letters(struct arena *arena, int preemptions, long max)
{
	net.arena = arena;
	pool_begin(&net.pool, arena, 0);
	search(&play, "a Unix inbox", ANNA, preemptions, max);
	search(&play, "a Unix inbox", READER, preemptions, max);
	pool_destroy(&net.pool);
}
