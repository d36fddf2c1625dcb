/*
 * An inbox with real threads: test-inbox-threads [DATAGRAMS [SEED]]. Three writers, one reader that sleeps when there is nothing, and the engine, a
 * thread, too, which ends the inbox, puts datagrams of its own in between and opens another one, as often as it can. Of each writer, those that were put
 * there arrive once and in their order, whole; those that were not had found no room. `tests/run tsan` runs it under ThreadSanitizer.
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "channel/atomic.h"
#include "channel/channel.h"
#include "channel/inbox.h"
#include "channel/inbox_side.h"

#define WRITERS 3
#define LENGTH_MAX 3000
#define LIMIT 100000

static struct {
	struct arena *arena;
	struct seg_pool pool;
	struct channel *to;
	struct rx_side rx;
	uint64_t total;                        /* that each writer tries to send */
	_Atomic uint64_t ticket;               /* segment << 32 | serial; 0: there is no inbox */
	_Atomic uint64_t put, of_engine, read;
	_Atomic uint32_t writing, over;
} net;

struct letter { uint32_t writer, check; uint64_t number; uint8_t octets[LENGTH_MAX]; };

static long futex(_Atomic uint32_t *word, int op, uint32_t val, const void *timeout) { return syscall(SYS_futex, word, op, val, timeout, NULL, 0); }

static void must(bool ok, const char *what)
{
	if (ok) return;
	printf("%s\n", what);
	_exit(1);
}

static uint32_t number(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 32);
}

static void reader_wake(void)
{
	shared_add32(&net.to->rx.seq, 1);
	if (shared_load32(&net.to->rx.waiters) != 0) futex(&net.to->rx.seq, FUTEX_WAKE, INT32_MAX, NULL);
}

static size_t letter_fill(struct letter *l, uint32_t writer, uint64_t n, uint64_t *dice)
{
	size_t len = number(dice) % LENGTH_MAX;
	l->writer = writer;
	l->number = n;
	l->check = (uint32_t)(writer * 31 + n);
	memset(l->octets, (int)l->check, len);
	return offsetof(struct letter, octets) + len;
}

static enum inbox_answer letter_put(const struct letter *l, size_t len)
{
	uint64_t ticket = atomic_load(&net.ticket);
	struct record r = {.data_len = (uint32_t)len, .sender = l->writer};
	struct inbox_slot slot;
	enum inbox_answer answer = inbox_begin(net.arena, (uint32_t)(ticket >> 32), (uint32_t)ticket, l->writer, &r, &slot);
	if (answer != INBOX_MINE) return answer;
	inbox_write(net.arena, &slot, l, len);
	if (!inbox_end(&slot, true)) return INBOX_ELSEWHERE;
	atomic_fetch_add(&net.put, 1);
	reader_wake();
	return INBOX_MINE;
}

static void *writer(void *arg)
{
	uint32_t client = (uint32_t)(uintptr_t)arg;
	uint64_t dice = client * 7919u + 1;
	struct letter l;
	for (uint64_t n = 0; n < net.total; n++) {
		size_t len = letter_fill(&l, client, n, &dice);
		enum inbox_answer answer;
		while ((answer = letter_put(&l, len)) == INBOX_BUSY || answer == INBOX_ELSEWHERE) sched_yield();
		if (answer == INBOX_FULL) sched_yield();
	}
	shared_add32(&net.writing, UINT32_MAX);
	return NULL;
}

static bool letter_take(uint64_t next[WRITERS + 1])
{
	struct letter l;
	struct record r;
	uint8_t none;
	if (!chan_read_record(net.arena, net.to, &r, &none, 0, &none, 0, &l, sizeof l, false)) return false;
	must(l.writer <= WRITERS && l.number >= next[l.writer] && l.check == (uint32_t)(l.writer * 31 + l.number), "a wrong datagram, or in the wrong place");
	for (size_t i = 0; i + offsetof(struct letter, octets) < r.data_len; i++) must(l.octets[i] == (uint8_t)l.check, "a wrong octet");
	next[l.writer] = l.number + 1;
	atomic_fetch_add(&net.read, 1);
	return true;
}

static void *reader(void *arg)
{
	uint64_t next[WRITERS + 1] = {0};
	(void)arg;
	for (;;) {
		uint32_t seq = shared_get32(&net.to->rx.seq), over = shared_load32(&net.over);
		if (letter_take(next)) continue;
		if (over != 0) return NULL;
		shared_add32(&net.to->rx.waiters, 1);
		futex(&net.to->rx.seq, FUTEX_WAIT, seq, NULL);
		shared_add32(&net.to->rx.waiters, UINT32_MAX);
	}
}

/* ---- the engine ---- */

static void engine_put(uint64_t *dice)
{
	static uint64_t n;
	static const uint8_t zero[8];
	struct letter l;
	size_t len = letter_fill(&l, 0, n++, dice);
	struct record r = {.data_len = (uint32_t)len};
	struct part parts[] = {{&r, sizeof r}, {&l, len}, {zero, record_size(0, 0, (uint32_t)len) - sizeof r - len}};
	must(rx_put(&net.pool, &net.to->rx, &net.rx, parts, 3, record_size(0, 0, (uint32_t)len)) == 0, "no room to receive");
	atomic_fetch_add(&net.of_engine, 1);
	reader_wake();
}

static void engine_turn(uint64_t *dice)
{
	struct inbox_terms terms = {number(dice) % 2 ? SEGMENT_LARGE : SEGMENT_SMALL, LIMIT, 0};
	struct inbox_place place;
	uint32_t dropped;
	must(rx_progress(&net.pool, &net.to->rx, &net.rx) >= 0, "a receive ring that can't be");
	int err = inbox_open(&net.pool, &net.to->rx, &net.rx, 1, &terms, &place);
	must(err == 0 || err == -EBUSY, "no segment");
	if (err < 0) {
		sched_yield();         /* the reader is far behind */
		return;
	}
	atomic_store(&net.ticket, (uint64_t)place.segment << 32 | place.serial);
	usleep(number(dice) % 300);
	must(inbox_unread(&net.pool, &net.rx) <= INT32_MAX, "more is unread than can be");
	inbox_close(&net.pool, &net.rx, &dropped);
	for (uint32_t i = number(dice) % 3; i > 0; i--) engine_put(dice);
	must(rx_progress(&net.pool, &net.to->rx, &net.rx) >= 0, "a receive ring that can't be");
}

static void punch(void *user, uint64_t offset, uint64_t len) { (void)user, (void)offset, (void)len; }

int main(int argc, char **argv)
{
	pthread_t threads[WRITERS + 1];
	uint64_t dice = (argc > 2 ? strtoull(argv[2], NULL, 0) : 1) * 0x9e3779b97f4a7c15u | 1;
	net.total = argc > 1 ? strtoull(argv[1], NULL, 0) : 30000;
	net.arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	must(net.arena != MAP_FAILED && pool_init(&net.pool, net.arena, punch, NULL) == 0, "no memory");
	net.to = arena_channel(net.arena, 1);
	net.to->domain = AF_INET;
	net.writing = WRITERS;
	alarm(100);
	pthread_create(&threads[0], NULL, reader, NULL);
	for (uintptr_t i = 1; i <= WRITERS; i++) pthread_create(&threads[i], NULL, writer, (void *)i);
	unsigned turns = 0;
	for (; shared_get32(&net.writing) != 0; turns++) engine_turn(&dice);
	shared_set32(&net.over, 1);
	reader_wake();
	for (int i = 0; i <= WRITERS; i++) pthread_join(threads[i], NULL);
	must(net.read == net.put + net.of_engine, "datagrams are lost or repeated");
	engine_turn(&dice);                    /* looks at those that a writer was in when they were given back */
	rx_release(&net.pool, &net.rx);
	must(net.pool.in_use == 0 && net.pool.held == 0, "segments are left");
	printf("%llu of %llu datagrams had room, and %llu of the engine's; %u inboxes\n", (unsigned long long)net.put,
	       (unsigned long long)(net.total * WRITERS), (unsigned long long)net.of_engine, turns);
	pool_destroy(&net.pool);
	return 0;
}
