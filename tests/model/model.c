/*
 * Every order in which the steps of a writer, a reader and the engine can interleave: model [PREEMPTIONS [SCHEDULES_MAX]]
 *
 * The real functions of the channel run here as actors of one process. Before each access to shared memory an actor may be changed for another. Left
 * alone, one runs until it sleeps or ends, and then the next in line; the search goes depth first through all schedules with at most PREEMPTIONS
 * deviations from that (one less with a kill). In each of them the engine leads the flow from the stack to the direct path, back, and in again, and lets it grow; in half of them the writer is
 * killed at one of the steps, and another process goes on with the socket. At the end:
 *
 *     all octets have arrived, once and in order (of the killed writer: a beginning of them)
 *     nobody sleeps while there is something for him: no wake-up is lost
 *     no segment is left over
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include "channel/channel.h"
#include "channel/engine_side.h"

#define STACK_SIZE 65536
#define DEPTH_MAX 4000
#define PIECE 9000          /* two fill a small segment */
#define PIECES 4
#define WIRE_MAX (PIECES * 2 * PIECE)

enum { WRITER, HEIR, READER, ENGINE, ACTORS };
static const char *const names[] = {"writer", "heir", "reader", "engine"};

struct actor { ucontext_t context; char stack[STACK_SIZE]; bool ended; _Atomic uint32_t *sleeps_on; };

/* One run of a schedule: which choices were made, and which others there were. */
struct choice { uint8_t taken, from; };

static struct {
	struct actor actor[ACTORS];
	ucontext_t scheduler;
	int current;
	struct choice choices[DEPTH_MAX];
	int depth, replay, preemptions, limit;
	int kill_at, step;                     /* the writer's step at which it is killed; 0: never */
	bool running;
} sim;

static struct {
	struct arena *arena;
	struct seg_pool pool;
	struct channel *from, *to;
	struct tx_side tx;
	struct rx_side rx;
	uint32_t lock;                         /* of tx: who writes */
	uint8_t wire[WIRE_MAX];
	uint32_t wire_len, wire_done;
	_Atomic uint32_t rung, asleep;         /* the engine's doorbell */
	uint32_t got, got_of_writer, wanted;
	bool writing_over;
} net;

static void die(const char *what)
{
	printf("model: %s (kill at %d; choices", what, sim.kill_at);
	for (int i = 0; i < sim.depth; i++)
		if (sim.choices[i].from > 1) printf(" %d:%d/%d", i, sim.choices[i].taken, sim.choices[i].from);
	printf(")\n");
	for (int i = 0; i < ACTORS; i++) printf("  %s: %s\n", names[i], sim.actor[i].ended ? "ended" : sim.actor[i].sleeps_on ? "sleeps" : "runs");
	exit(1);
}

static void give_way(void) { swapcontext(&sim.actor[sim.current].context, &sim.scheduler); }

/* The hook: here somebody else may come in between. */
void model_step(const volatile void *word)
{
	(void)word;
	if (!sim.running) return;
	if (sim.current == WRITER && ++sim.step == sim.kill_at) {
		sim.actor[WRITER].ended = true;
		net.writing_over = true;
	}
	give_way();
}

/* ---- futexes ---- */

static void sleep_on(_Atomic uint32_t *word, uint32_t seen)
{
	if (shared_get32(word) != seen) return;
	sim.actor[sim.current].sleeps_on = word;
	give_way();
}

static void bump(struct direction *d)
{
	model_step(&d->seq);
	atomic_fetch_add(&d->seq, 1);
	if (shared_load32(&d->waiters) == 0) return;
	for (int i = 0; i < ACTORS; i++)
		if (sim.actor[i].sleeps_on == &d->seq) sim.actor[i].sleeps_on = NULL;
}

static void wait_on(struct direction *d, uint32_t seen)
{
	model_step(&d->waiters);
	atomic_fetch_add(&d->waiters, 1);
	sleep_on(&d->seq, seen);
	atomic_fetch_sub(&d->waiters, 1);
}

static void ring(void)
{
	model_step(&net.rung);
	atomic_fetch_add(&net.rung, 1);
	if (sim.actor[ENGINE].sleeps_on == &net.rung) sim.actor[ENGINE].sleeps_on = NULL;
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
		size_t n = chan_write(net.arena, net.from, piece, MIN(PIECE - done % PIECE, PIECE), &h);
		done += (uint32_t)n;
		if (h.peer != 0) bump(&net.to->rx);
		if (h.engine > 0 || (n == 0 && h.wants_room)) ring();
		if (n == 0) wait_on(&net.from->tx, seq);
	}
}

static void writer(void)
{
	write_pieces('w');
	net.writing_over = true;
	ring();
}

/* Waits for the lock, that is for the writer's end, however it comes. */
static void heir(void)
{
	write_pieces('h');
	ring();
}

static void reader(void)
{
	static uint8_t buf[PIECE];
	bool heirs = false;
	while (!heirs || net.got < PIECES * PIECE) {
		struct handover h = {0};
		uint32_t seq = shared_get32(&net.to->rx.seq);
		size_t n = chan_read(net.arena, net.to, buf, sizeof buf, 0, false, &h);
		for (size_t i = 0; i < n; i++) {
			if (buf[i] == 'h') heirs = true;
			else if (buf[i] != 'w' || heirs) die("a wrong octet");
			if (heirs) net.got++;
			else net.got_of_writer++;
		}
		if (h.peer != 0 && chan_tx_relieve(net.arena, net.from)) bump(&net.from->tx);
		if (h.engine > 0) ring();
		if (n == 0) wait_on(&net.to->rx, seq);
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

static void turn(void)
{
	bool direct = net.tx.held, grown = false;
	if (pump()) bump(&net.to->rx);
	if (direct && shared_get32(&net.from->tx.starved) != 0 && direct_full(&net.pool, &net.tx))
		grown = direct_grow(&net.pool, &net.from->tx, &net.tx, 1, &net.to->rx, &net.rx, 2) == 0;
	if (grown || (!direct && shared_swap32(&net.from->tx.starved, 0) != 0)) bump(&net.from->tx);
	if (direct) bump(&net.to->rx);
}

static void enter(void)
{
	net.tx.held = true;
	pump();
	direct_link(&net.pool, net.tx.last, 1, &net.to->rx, &net.rx, 2);
	bump(&net.to->rx);
	bump(&net.from->tx);
}

static void leave(void)
{
	if (direct_unlink(&net.pool, &net.from->tx, &net.tx) < 0) die("no segment");
	bump(&net.to->rx);
	bump(&net.from->tx);
}

static void engine(void)
{
	void (*const script[])(void) = {turn, enter, turn, leave, turn, enter, turn};
	for (size_t i = 0; i < ARRAY_SIZE(script); i++) script[i]();
	for (;;) {
		uint32_t seen = shared_get32(&net.rung);
		turn();
		if (sim.actor[READER].ended) return;
		sleep_on(&net.rung, seen);
	}
}

/* ---- schedules ---- */

static void (*const bodies[ACTORS])(void) = {writer, heir, reader, engine};

static void body(int i)
{
	bodies[i]();
	sim.actor[i].ended = true;
	give_way();
}

static bool runnable(int i)
{
	const struct actor *a = &sim.actor[i];
	if (a->ended || a->sleeps_on) return false;
	return i != HEIR || net.writing_over;
}

/* Who goes on: the one that runs, if he can, and the others as far as preemptions are left. */
static int choose(void)
{
	int list[ACTORS], n = 0;
	bool forced = sim.current < 0 || !runnable(sim.current);
	if (!forced) list[n++] = sim.current;
	for (int i = 1; i <= ACTORS; i++) {
		int other = (sim.current + i + ACTORS) % ACTORS;
		if (other != sim.current && runnable(other)) list[n++] = other;
	}
	if (n == 0) return -1;
	if (sim.preemptions == sim.limit) n = 1;
	if (sim.depth == DEPTH_MAX) die("too many steps");
	struct choice *c = &sim.choices[sim.depth];
	if (sim.depth >= sim.replay) c->taken = 0;
	c->from = (uint8_t)n;
	sim.depth++;
	if (c->taken != 0) sim.preemptions++;
	return list[c->taken];
}

static void net_start(void)
{
	memset(arena_channel(net.arena, 1), 0, 2 * sizeof(struct channel));
	net.from = arena_channel(net.arena, 1);
	net.to = arena_channel(net.arena, 2);
	net.wire_len = net.wire_done = net.got = net.got_of_writer = 0;
	net.writing_over = false;
	atomic_store(&net.rung, 0);
	if (tx_start(&net.pool, &net.from->tx, &net.tx) < 0) die("no segment");
}

static void run(void)
{
	net_start();
	sim.depth = sim.preemptions = sim.step = 0;
	sim.current = -1;
	for (int i = 0; i < ACTORS; i++) {
		struct actor *a = &sim.actor[i];
		a->ended = false;
		a->sleeps_on = NULL;
		getcontext(&a->context);
		a->context.uc_stack.ss_sp = a->stack;
		a->context.uc_stack.ss_size = STACK_SIZE;
		a->context.uc_link = NULL;
		makecontext(&a->context, (void (*)(void))body, 1, i);
	}
	sim.running = true;
	for (int next; (next = choose()) >= 0;) {
		sim.current = next;
		swapcontext(&sim.scheduler, &sim.actor[next].context);
	}
	sim.running = false;
	for (int i = 0; i < ACTORS; i++)
		if (!sim.actor[i].ended) die("a wake-up is lost");
	if (net.got != PIECES * PIECE || net.got_of_writer > PIECES * PIECE) die("octets are lost or repeated");
	if (sim.kill_at == 0 && net.got_of_writer != PIECES * PIECE) die("octets are lost");
	rx_release(&net.pool, &net.rx);
	tx_release(&net.pool, &net.tx);
	if (net.pool.in_use != 0) die("segments are left");
}

/* The next schedule of the search; false when it is done. */
static bool next_schedule(void)
{
	while (sim.depth > 0) {
		struct choice *c = &sim.choices[sim.depth - 1];
		if (++c->taken < c->from) {
			sim.replay = sim.depth;
			return true;
		}
		sim.depth--;
	}
	return false;
}

static void punch(void *user, uint64_t offset, uint64_t len) { (void)user, (void)offset, (void)len; }

int main(int argc, char **argv)
{
	long done = 0, max = argc > 2 ? atol(argv[2]) : 1000000, whole = 0;
	int preemptions = argc > 1 ? atoi(argv[1]) : 2;
	net.arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (net.arena == MAP_FAILED || pool_init(&net.pool, net.arena, punch, NULL) < 0) return 1;
	int steps = 1;
	for (sim.kill_at = 0; sim.kill_at <= steps; sim.kill_at++) {
		long here = 0;
		sim.replay = 0;
		sim.limit = sim.kill_at == 0 ? preemptions : preemptions - 1;
		do run();
		while (++here < max && next_schedule());
		done += here;
		whole += here < max;
		if (sim.kill_at == 0) steps = sim.step;
	}
	printf("model: %ld schedules, at most %d preemptions, the writer killed at each of %d steps; %ld of %d searches exhaustive\n", done, preemptions, steps,
	       whole, steps + 1);
	pool_destroy(&net.pool);
	return 0;
}
