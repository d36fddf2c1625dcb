/*
 * A channel's two ends with real threads: test-threads [OCTETS [SEED]]. Two writers share the tx direction and two readers the rx direction of a flow that
 * the engine, a thread, too, leads in and out of the direct path, lets grow, and takes the pages of whenever nothing is unread, as often as it can. One
 * reader sleeps on its direction, the other on a bell. Every octet must arrive in its place and nobody may sleep for ever: an alarm ends that.
 * `tests/run tsan` runs it under ThreadSanitizer.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "channel/channel.h"
#include "channel/engine_side.h"

#define PIECE_MAX 20000
#define UNREAD_MAX (4 * SEGMENT_LARGE)

static struct {
	struct arena *arena;
	struct seg_pool pool;
	struct channel *from, *to;
	struct tx_side tx;
	struct rx_side rx;
	uint64_t total, written, read;         /* under the locks of tx and rx */
	_Atomic uint32_t over, work;           /* work: the engine's doorbell */
} net;

static long futex(_Atomic uint32_t *word, int op, uint32_t val, const void *timeout) { return syscall(SYS_futex, word, op, val, timeout, NULL, 0); }

static uint32_t number(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 32);
}

static uint8_t octet(uint64_t i) { return (uint8_t)(i * 0x9e3779b97f4a7c15u >> 41); }

/* ---- waking and sleeping, as the shim does ---- */

static struct bell *bell(void) { return arena_bell(net.arena, 1); }

static void direction_wake(struct direction *d)
{
	shared_add32(&d->seq, 1);
	if (shared_load32(&d->waiters) != 0) futex(&d->seq, FUTEX_WAKE, INT32_MAX, NULL);
}

static void reader_wake(uint32_t client)
{
	uint64_t claim;
	direction_wake(&net.to->rx);
	bell_set(bell(), 2, BELL_IN);
	if (bell_ring(bell(), client, &claim) == 0) return;
	futex(&bell()->seq, FUTEX_WAKE, INT32_MAX, NULL);
	bell_rung(bell(), claim);
}

static void engine_ring(void)
{
	shared_add32(&net.work, 1);
	futex(&net.work, FUTEX_WAKE, 1, NULL);
}

static void sleep_on(struct direction *d, uint32_t seq)
{
	shared_add32(&d->waiters, 1);
	futex(&d->seq, FUTEX_WAIT, seq, NULL);
	shared_add32(&d->waiters, UINT32_MAX);
}

static void sleep_on_bell(void)
{
	uint32_t seq = shared_get32(&bell()->seq);
	bell_arm(bell(), BELL_FUTEX);
	if (shared_get64(&bell()->summary[0]) == 0) futex(&bell()->seq, FUTEX_WAIT, seq, NULL);
}

/* ---- the programs ---- */

static void *writer(void *arg)
{
	uint64_t dice = (uintptr_t)arg * 7919 + 1;
	uint32_t client = (uint32_t)(uintptr_t)arg;
	uint8_t *piece = malloc(PIECE_MAX);
	for (bool more = true; more;) {
		struct handover h = {0};
		uint32_t seq = shared_get32(&net.from->tx.seq);
		chan_lock(&net.from->tx.lock, client, futex);
		size_t wanted = 1 + number(&dice) % PIECE_MAX, n = MIN(wanted, net.total - net.written);
		for (size_t i = 0; i < n; i++) piece[i] = octet(net.written + i);
		size_t done = chan_write(net.arena, net.from, piece, n, &h);
		net.written += done;
		more = net.written < net.total;
		chan_unlock(&net.from->tx.lock, futex);
		if (h.peer != 0) reader_wake(client);
		if (h.engine > 0 || h.wants_room) engine_ring();
		if (done == 0 && more) sleep_on(&net.from->tx, seq);
	}
	direction_wake(&net.from->tx);         /* the other one: there is nothing more to write */
	free(piece);
	return NULL;
}

static void check(const uint8_t *at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (at[i] == octet(net.read + i)) continue;
		printf("a wrong octet at %llu\n", (unsigned long long)(net.read + i));
		_exit(1);
	}
}

static void *reader(void *arg)
{
	uint64_t dice = (uintptr_t)arg * 104729 + 1;
	uint32_t client = (uint32_t)(uintptr_t)arg;
	bool by_bell = client == 4;
	uint8_t *piece = malloc(PIECE_MAX);
	for (bool more = true; more;) {
		struct handover h = {0};
		if (by_bell) bell_take(bell(), 1);
		uint32_t seq = shared_get32(&net.to->rx.seq);
		chan_lock(&net.to->rx.lock, client, futex);
		size_t n = chan_read(net.arena, net.to, piece, 1 + number(&dice) % PIECE_MAX, 0, false, &h);
		check(piece, n);
		net.read += n;
		more = net.read < net.total;
		chan_unlock(&net.to->rx.lock, futex);
		if (h.peer != 0 && chan_tx_relieve(net.arena, net.from)) direction_wake(&net.from->tx);
		if (h.engine > 0) engine_ring();
		if (n == 0 && more && by_bell) sleep_on_bell();
		else if (n == 0 && more) sleep_on(&net.to->rx, seq);
	}
	shared_set32(&net.over, 1);
	reader_wake(client);
	engine_ring();
	free(piece);
	return NULL;
}

/* ---- the engine ---- */

static void must(bool ok, const char *what)
{
	if (ok) return;
	printf("%s\n", what);
	_exit(1);
}

static bool pump(void)
{
	static uint8_t wire[SEGMENT_LARGE];
	const uint8_t *at;
	uint8_t *to;
	size_t len, room;
	uint32_t used;
	bool moved = false;
	must(rx_progress(&net.pool, &net.to->rx, &net.rx) >= 0, "a receive ring that can't be");
	for (;;) {
		must(tx_span(&net.pool, &net.from->tx, &net.tx, &at, &len, &used) == 0, "a send ring that can't be");
		if (len == 0 || rx_used(&net.pool, &net.rx) > UNREAD_MAX) return moved;
		must(rx_span(&net.pool, &net.to->rx, &net.rx, &to, &room) == 0, "no room to receive");
		len = MIN(MIN(len, room), sizeof wire);
		memcpy(wire, at, len);
		tx_consume(&net.pool, &net.tx, len);
		memcpy(to, wire, len);
		rx_commit(&net.pool, &net.rx, len);
		moved = true;
	}
}

/* Back to the stack, or on to the direct path if all that the stack had has arrived. */
static void path_change(bool *direct)
{
	if (*direct) must(direct_unlink(&net.pool, &net.from->tx, &net.tx) == 0, "no segment");
	else if (net.tx.first != net.tx.last) return;
	else {
		net.tx.held = true;
		direct_link(&net.pool, net.tx.last, 1, &net.to->rx, &net.rx, 2);
	}
	*direct = !*direct;
	direction_wake(&net.from->tx);
	reader_wake(0);
}

static void room_make(bool direct)
{
	bool starved = shared_load32(&net.from->tx.starved) != 0;
	if (!starved) return;
	if (direct && (!direct_full(&net.pool, &net.tx) || direct_unread(&net.pool, &net.rx) > UNREAD_MAX)) return;
	if (direct) must(direct_grow(&net.pool, &net.from->tx, &net.tx, 1, &net.to->rx, &net.rx, 2) == 0, "no segment");
	else tx_grow(&net.pool, &net.from->tx, &net.tx);
	shared_swap32(&net.from->tx.starved, 0);
	direction_wake(&net.from->tx);
}

static unsigned rests;

/* As the engine does with an idle flow. */
static void rest(void)
{
	rx_rest(&net.pool, &net.rx);
	if (!chan_trylock(&net.from->tx.lock, LOCK_ENGINE)) return;
	tx_rest(&net.pool, &net.tx);
	chan_unlock(&net.from->tx.lock, futex);
}

static unsigned engine(uint64_t dice)
{
	struct timespec moment = {.tv_nsec = 200000};
	bool direct = false;
	unsigned changes = 0;
	while (shared_get32(&net.over) == 0) {
		uint32_t seen = shared_get32(&net.work);
		if (pump()) reader_wake(0);
		room_make(direct);
		rest();
		if (number(&dice) % 4 == 0) {
			path_change(&direct);
			changes++;
		}
		futex(&net.work, FUTEX_WAIT, seen, &moment);
	}
	return changes;
}

static void punch(void *user, uint64_t offset, uint64_t len)
{
	(void)user;
	memset((uint8_t *)net.arena + offset, 0, len);
	rests++;
}

int main(int argc, char **argv)
{
	pthread_t threads[4];
	net.total = argc > 1 ? strtoull(argv[1], NULL, 0) : 30000000;
	net.arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	must(net.arena != MAP_FAILED && pool_init(&net.pool, net.arena, punch, NULL) == 0, "no memory");
	net.from = arena_channel(net.arena, 1);
	net.to = arena_channel(net.arena, 2);
	must(tx_start(&net.pool, &net.from->tx, &net.tx) == 0, "no segment");
	alarm(100);
	for (uintptr_t i = 0; i < 4; i++) pthread_create(&threads[i], NULL, i < 2 ? writer : reader, (void *)(i + 1));
	unsigned changes = engine(argc > 2 ? strtoull(argv[2], NULL, 0) * 0x9e3779b97f4a7c15u | 1 : 1);
	for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
	must(net.written == net.total && net.read == net.total, "octets are lost");
	rx_release(&net.pool, &net.rx);
	tx_release(&net.pool, &net.tx);
	must(net.pool.in_use == 0, "segments are left");
	must(rests > 0, "the ring never rested");
	printf("%llu octets, the path changed %u times, %u rests\n", (unsigned long long)net.total, changes, rests);
	pool_destroy(&net.pool);
	return 0;
}
