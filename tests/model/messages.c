/*
 * Messages of a Unix pair from a writer to a reader (src/channel/record.c), while the engine leads them to the direct path, back, and in again, lets the
 * chain grow and rest, and carries what finds no way. Two fit the send buffer, though not always the segment. Once for each step that the writer makes,
 * and once for each of the reader's, that one is killed there, and another process goes on with the socket. At the end:
 *
 *     all have arrived, each once, whole and in order (of a killed writer: a beginning of them; a killed reader may have taken one along)
 *     nobody sleeps while there is something for him, and no lock and no segment is left over
 */
#include <string.h>
#include <sys/socket.h>
#include "channel/channel.h"
#include "channel/engine_side.h"
#include "ends.h"
#include "plays.h"

#define OF_EACH 4                          /* the writer's, and his heir's */
#define ALL (2 * OF_EACH)
#define LONG 9000
#define LIMIT 20000                        /* of which a long one takes 16640 */

enum { WRITER, HEIR, READER, READERS_HEIR, ENGINE };
static const char *const names[] = {"writer", "heir", "reader", "reader's heir", "engine"};

/* A control call of an actor's: a message to carry, or the next one in the queue asked for. */
struct asking { _Atomic uint32_t asked, done; uint8_t number; bool got; };

static struct {
	struct arena *arena;
	struct seg_pool pool;
	struct channel *from, *to;
	struct tx_side tx;
	struct rx_side rx;
	bool direct;
	uint8_t queue[ALL];                    /* the stack's */
	uint32_t queued, received;
	struct asking asking[ACTORS];
	_Atomic uint32_t rung, rung_by[2];     /* the doorbell; what is marked then: the writing socket, the reading one */
	uint32_t next, gone;                   /* the number that the reader expects; those that a dead one took along */
	bool dead, made_good;
} net;

static size_t length_of(uint32_t number) { return number % 2 ? 40 : LONG; }

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

static void hand_over(int reading)
{
	shared_set32(&net.rung_by[reading], 1);
	ring();
}

static struct asking *ask(uint8_t number)
{
	struct asking *a = &net.asking[sim.current];
	uint32_t before = shared_get32(&a->done);
	a->number = number;
	shared_add32(&a->asked, 1);
	ring();
	while (shared_get32(&a->done) == before) sleep_on(&a->done, before);
	return a;
}

/* ---- the programs: as unix_post.c and unix_sock.c of the shim ---- */

static enum post_answer post(const struct iovec *v, struct handover *h)
{
	uint32_t client = 1 + (uint32_t)sim.current;
	chan_lock(&net.from->tx.lock, client, futex);
	enum post_answer answer = chan_post(net.arena, net.from, v, 1, v->iov_len, h);
	chan_unlock(&net.from->tx.lock, futex);
	if (h->peer != 0) bump(&net.to->rx);
	if (h->warmed || h->left || answer == POST_ROOM || answer == POST_LARGE) hand_over(0);
	return answer;
}

static void send_one(uint8_t number)
{
	static uint8_t data[ACTORS][LONG];
	struct iovec v = {data[sim.current], length_of(number)};
	memset(v.iov_base, number, v.iov_len);
	for (;;) {
		struct handover h = {0};
		uint32_t seq = shared_get32(&net.from->tx.seq);
		enum post_answer answer = shared_get32(&net.from->state) & CHS_SENDABLE ? post(&v, &h) : POST_ELSEWHERE;
		if (answer == POST_DONE || (answer == POST_ELSEWHERE && ask(number))) return;
		wait_on(&net.from->tx, seq);
	}
}

static void writer(void)
{
	for (uint8_t i = 0; i < OF_EACH; i++) send_one((uint8_t)(i + (sim.current == HEIR ? OF_EACH : 0)));
}

/* What a killed writer has not sent is left out, and what a killed reader had taken. */
static void count(uint32_t number)
{
	uint32_t skipped = number - net.next;
	if (number >= ALL || number < net.next) die("a message is repeated, or none of ours");
	if (net.dead && sim.victim == WRITER && number == OF_EACH) skipped = 0;
	net.gone += skipped;
	if (net.gone > (net.dead && sim.victim == READER)) die("a message is lost, or in the wrong place");
	net.next = number + 1;
}

/* The ring first, and then the engine, unless there can be nothing. -1: nothing. */
static int take(void)
{
	static uint8_t data[ACTORS][LONG];
	uint8_t *at = data[sim.current];
	struct handover h = {0};
	struct record r;
	chan_lock(&net.to->rx.lock, 1 + (uint32_t)sim.current, futex);
	bool got = chan_rx_used(net.arena, net.to) > 0 && chan_read_posted(net.arena, net.to, &r, NULL, 0, at, LONG, false, &h);
	chan_unlock(&net.to->rx.lock, futex);
	if (h.peer != 0 && chan_tx_relieve(net.arena, net.from)) bump(&net.from->tx);
	if (h.left) hand_over(1);
	if (!got) {
		if (shared_get32(&net.to->state) & CHS_DIRECT) return -1;
		struct asking *a = ask(0);
		return a->got ? a->number : -1;
	}
	if (r.data_len != length_of(at[0])) die("a message of another length");
	for (size_t i = 0; i < r.data_len; i++)
		if (at[i] != at[0]) die("a wrong octet");
	return at[0];
}

static void reader(void)
{
	while (net.next < ALL) {
		uint32_t seq = shared_get32(&net.to->rx.seq);
		int number = take();
		if (number >= 0) count((uint32_t)number);
		else wait_on(&net.to->rx, seq);
	}
	ring();
}

/* ---- the engine: as direct.c, direct_unix.c and call_data.c ---- */

static bool keep(void *user, const struct recalled *what)
{
	const struct iovec *data = what->data;
	(void)user;
	const uint8_t *first = data[data[0].iov_len == 0].iov_base;
	if (data[0].iov_len + data[1].iov_len != length_of(*first)) die("a message of another length comes back");
	net.queue[net.queued++] = *first;
	return true;
}

static void leave(void)
{
	const struct recall how = {true, keep, NULL};
	if (!net.direct) return;
	net.direct = false;
	shared_set32(&net.to->state, 0);
	if (direct_unlink(&net.pool, &net.from->tx, &net.tx) < 0) die("no segment");
	net.tx.held = true;
	if (chan_trylock(&net.to->rx.lock, LOCK_ENGINE)) {
		direct_recall(&net.pool, &net.to->rx, &net.rx, &how);
		chan_unlock(&net.to->rx.lock, futex);
	}
	shared_set32(&net.from->state, 0);
	bump(&net.from->tx);
	bump(&net.to->rx);
}

static void progress(void)
{
	if (rx_progress(&net.pool, &net.to->rx, &net.rx) < 0) die("a receive ring that can't be");
}

static void enter(void)
{
	progress();
	if (net.direct || net.received < net.queued || !chains_are_short(&net.pool, &net.from->tx, &net.tx, &net.rx)) return;
	shared_set32(&net.to->posted.discharged, shared_get32(&net.from->posted.charged));
	direct_link(&net.pool, net.tx.last, 1, &net.to->rx, &net.rx, 2);
	net.direct = true;
	shared_set32(&net.to->state, CHS_DIRECT);
	shared_set32(&net.from->state, CHS_SENDABLE);
	shared_swap32(&net.from->tx.starved, 0);
	bump(&net.from->tx);
}

static void serve(int who)
{
	struct asking *a = &net.asking[who];
	uint32_t done = shared_get32(&a->done);
	if (done == shared_get32(&a->asked)) return;
	if (who == WRITER || who == HEIR) {
		leave();
		net.queue[net.queued++] = a->number;
		bump(&net.to->rx);
	} else {
		progress();
		a->got = rx_used(&net.pool, &net.rx) == 0 && net.received < net.queued;
		if (a->got) a->number = net.queue[net.received++];
	}
	shared_set32(&a->done, done + 1);
	wake_all(&a->done);
}

/* The lock that the dead one held, and those whom it was about to wake. */
static void make_good(void)
{
	struct direction *both[] = {&net.from->tx, &net.to->rx};
	net.made_good = true;
	for (int i = 0; i < 2; i++) {
		free_of_victim(&both[i]->lock);
		wake_all(&both[i]->lock.word);
		bump(both[i]);
	}
}

static void turn(void)
{
	if (net.dead && !net.made_good) make_good();
	bool rung[2] = {shared_swap32(&net.rung_by[0], 0), shared_swap32(&net.rung_by[1], 0)};
	for (int i = WRITER; i <= READERS_HEIR; i++) serve(i);
	progress();
	if (tx_retire(&net.pool, &net.from->tx, &net.tx) < 0) die("a send ring that can't be");
	if (net.direct && shared_get32(&net.from->tx.starved) == STARVED_ROOM) {
		if (direct_grow(&net.pool, &net.from->tx, &net.tx, 1, &net.to->rx, &net.rx, 2) < 0) die("no segment to grow by");
		shared_set32(&net.from->tx.starved, 0);
		bump(&net.from->tx);
	}
	if (net.direct && rung[0]) bump(&net.to->rx);
	if (net.direct && rung[1]) bump(&net.from->tx);
	enter();
	rest_ends(&net.pool, &net.from->tx, &net.tx, &net.rx);
}

/* The way is left for nothing, too. */
static void engine(void)
{
	void (*const script[])(void) = {turn, leave, turn, turn, leave, turn};
	for (size_t i = 0; i < ARRAY_SIZE(script); i++) script[i]();
	while (net.next < ALL) {
		uint32_t seen = shared_get32(&net.rung);
		turn();
		sleep_on(&net.rung, seen);
	}
	turn();
}

/* ---- one schedule ---- */

static bool is_served(int who) { return atomic_load(&net.asking[who].asked) == atomic_load(&net.asking[who].done); }

/* A call that the dead one had made is over by then. */
static bool may_run(int i)
{
	if (i == HEIR) return has_ended(WRITER) && is_served(WRITER);
	return i != READERS_HEIR || (net.dead && sim.victim == READER && is_served(READER));
}

static void start(void)
{
	struct seg_pool pool = net.pool;
	struct arena *arena = net.arena;
	memset(&net, 0, sizeof net);
	net.pool = pool;
	net.arena = arena;
	memset(arena_channel(arena, 1), 0, 2 * sizeof(struct channel));
	net.from = arena_channel(arena, 1);
	net.to = arena_channel(arena, 2);
	net.from->domain = net.to->domain = AF_UNIX;
	net.from->type = net.to->type = SOCK_SEQPACKET;
	shared_set32(&net.from->tx.limit, LIMIT);
	if (tx_start(&net.pool, &net.from->tx, &net.tx) < 0) die("no segment");
	net.tx.held = true;
	enter();
}

static void check(void)
{
	bool robbed = net.dead && sim.victim == READER;
	if (!has_ended(WRITER) || !has_ended(HEIR)) die("a writer's wake-up is lost");
	if (chan_rx_used(net.arena, net.to) != 0 || net.received != net.queued) die("a reader's wake-up is lost");
	if (!robbed && net.next != ALL) die("messages are lost");
	rx_release(&net.pool, &net.rx);
	tx_release(&net.pool, &net.tx);
	if (net.pool.in_use != 0) die("segments are left");
}

static void (*const bodies[ACTORS])(void) = {writer, writer, reader, reader, engine};
static const struct play play = {names, bodies, may_run, start, check, killed};

void play_messages(struct arena *arena, int preemptions, long max)
{
	net.arena = arena;
	pool_begin(&net.pool, arena, 0xff);
	search(&play, "messages of a Unix pair", WRITER, preemptions, max);
	search(&play, "messages of a Unix pair", READER, preemptions, max);
	pool_destroy(&net.pool);
}
