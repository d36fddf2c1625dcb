/* Both sides of a channel against each other, in one process: every octet, growth, recycling, and what a hostile program may write there. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <cmocka.h>
#include "channel/channel.h"
#include "channel/engine_side.h"

static struct handover told;

struct both { struct arena *a; struct seg_pool p; struct channel *c; struct rx_side rx; struct tx_side tx; uint64_t punched; };

static void punch(void *user, uint64_t offset, uint64_t len)
{
	struct both *b = user;
	assert_true(offset >= ARENA_DATA_OFF && offset + len <= ARENA_SIZE);
	b->punched += len;
}

static int both_new(void **state)
{
	struct both *b = calloc(1, sizeof *b);
	b->a = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(b->a != MAP_FAILED);
	assert_int_equal(pool_init(&b->p, b->a, punch, b), 0);
	b->c = arena_channel(b->a, 1);
	*state = b;
	return 0;
}

static int both_free(void **state)
{
	struct both *b = *state;
	rx_release(&b->p, &b->rx);
	tx_release(&b->p, &b->tx);
	assert_int_equal(b->p.in_use, 0);
	pool_destroy(&b->p);
	munmap(b->a, ARENA_SIZE);
	free(b);
	return 0;
}

static uint8_t octet(uint64_t i) { return (uint8_t)(i * 2654435761u >> 13); }

/* Moves up to n octets of the pattern into rx; how many there was room for. */
static size_t engine_fill(struct both *b, uint64_t from, size_t n)
{
	size_t done = 0, len;
	uint8_t *at;
	while (done < n && rx_span(&b->p, &b->c->rx, &b->rx, &at, &len) == 0) {
		len = MIN(len, n - done);
		for (size_t i = 0; i < len; i++) at[i] = octet(from + done + i);
		rx_commit(&b->p, &b->rx, len);
		done += len;
	}
	return done;
}

static void program_check(struct both *b, uint64_t from, size_t n)
{
	uint8_t *buf = malloc(n + 1);
	assert_int_equal(chan_read(b->a, b->c, buf, n, 0, false, &told), n);
	for (size_t i = 0; i < n; i++) assert_int_equal(buf[i], octet(from + i));
	free(buf);
}

static void test_rx_grows_and_recycles(void **state)
{
	struct both *b = *state;
	uint64_t in = 0, out = 0;
	srand(1);
	assert_int_equal(chan_rx_used(b->a, b->c), 0);
	for (int i = 0; i < 3000; i++) {
		in += engine_fill(b, in, (size_t)rand() % (i % 100 == 0 ? 900000 : 40000));
		assert_int_equal(chan_rx_used(b->a, b->c), in - out);
		size_t n = (size_t)((in - out) * (uint64_t)(rand() % 3) / 2);
		program_check(b, out, n);
		out += n;
		assert_int_equal(rx_progress(&b->p, &b->c->rx, &b->rx), n);
		assert_int_equal(rx_used(&b->p, &b->rx), in - out);
		if (in - out > 4000000) {
			program_check(b, out, (size_t)(in - out));
			assert_int_equal(rx_progress(&b->p, &b->c->rx, &b->rx), in - out);
			out = in;
		}
	}
	program_check(b, out, (size_t)(in - out));
	rx_progress(&b->p, &b->c->rx, &b->rx);
	assert_int_equal(b->p.in_use, 1);
}

static void test_peek_sees_past_segments(void **state)
{
	struct both *b = *state;
	uint8_t buf[5000];
	engine_fill(b, 0, 300000);
	for (size_t at = 0; at + sizeof buf < 300000; at += 1777) {
		assert_int_equal(chan_read(b->a, b->c, buf, sizeof buf, at, true, &told), sizeof buf);
		for (size_t i = 0; i < sizeof buf; i++) assert_int_equal(buf[i], octet(at + i));
	}
	assert_int_equal(chan_read(b->a, b->c, buf, sizeof buf, 299990, true, &told), 10);
	assert_int_equal(chan_rx_used(b->a, b->c), 300000);
}

/* Takes all that is in tx, checking it. */
static uint64_t engine_drain(struct both *b, uint64_t from, uint64_t max)
{
	uint64_t done = 0;
	const uint8_t *at;
	size_t len;
	uint32_t used;
	for (;;) {
		assert_int_equal(tx_span(&b->p, &b->c->tx, &b->tx, &at, &len, &used), 0);
		len = MIN(len, max - done);
		if (len == 0) return done;
		for (size_t i = 0; i < len; i++) assert_int_equal(at[i], octet(from + done + i));
		tx_consume(&b->p, &b->tx, len);
		done += len;
	}
}

static void test_tx_grows(void **state)
{
	struct both *b = *state;
	static uint8_t buf[400000];
	uint64_t in = 0, out = 0;
	srand(2);
	assert_int_equal(chan_write(b->a, b->c, buf, 1, &told), 0);
	assert_int_equal(tx_start(&b->p, &b->c->tx, &b->tx), 0);
	assert_int_equal(chan_tx_room(b->a, b->c), SEGMENT_SMALL);
	for (int i = 0; i < 2000; i++) {
		size_t n = (size_t)rand() % sizeof buf;
		for (size_t j = 0; j < n; j++) buf[j] = octet(in + j);
		in += chan_write(b->a, b->c, buf, n, &told);
		if (i == 10) assert_true(tx_grow(&b->p, &b->c->tx, &b->tx));
		assert_true(in - out <= SEGMENT_SMALL + SEGMENT_LARGE);
		out += engine_drain(b, out, (uint64_t)rand() % 500000);
	}
	out += engine_drain(b, out, UINT64_MAX);
	assert_false(tx_grow(&b->p, &b->c->tx, &b->tx));
	assert_int_equal(in, out);
	assert_int_equal(b->p.in_use, 1);
	assert_int_equal(chan_tx_room(b->a, b->c), SEGMENT_LARGE);
}

/* What came before lies there until the engine hears of it. */
static void test_writer_tells_what_it_left(void **state)
{
	struct both *b = *state;
	const uint8_t data[] = {octet(0), octet(1), octet(2)};
	struct handover h = {0};
	assert_int_equal(tx_start(&b->p, &b->c->tx, &b->tx), 0);
	assert_int_equal(chan_write(b->a, b->c, data, 1, &h), 1);
	assert_true(tx_grow(&b->p, &b->c->tx, &b->tx));
	assert_false(h.left);
	assert_int_equal(engine_drain(b, 0, UINT64_MAX), 1);
	assert_int_equal(b->p.in_use, 2);
	assert_int_equal(chan_write(b->a, b->c, data + 1, 1, &h), 1);
	assert_true(h.left);
	h.left = false;
	assert_int_equal(engine_drain(b, 1, UINT64_MAX), 1);
	assert_int_equal(b->p.in_use, 1);
	assert_int_equal(chan_write(b->a, b->c, data + 2, 1, &h), 1);
	assert_false(h.left);                      /* said once */
}

static void test_tx_limit(void **state)
{
	struct both *b = *state;
	static uint8_t buf[20000];
	b->c->tx.limit = 4608;
	b->c->state = CHS_STREAM | CHS_SENDABLE;
	tx_start(&b->p, &b->c->tx, &b->tx);
	for (size_t j = 0; j < sizeof buf; j++) buf[j] = octet(j);
	assert_true(channel_poll(b->a, b->c) & EPOLLOUT);
	assert_int_equal(chan_write(b->a, b->c, buf, sizeof buf, &told), 4608);
	assert_int_equal(chan_write(b->a, b->c, buf, sizeof buf, &told), 0);
	assert_false(channel_poll(b->a, b->c) & EPOLLOUT);
	engine_drain(b, 0, 1000);
	assert_false(channel_poll(b->a, b->c) & EPOLLOUT);   /* less than a third is free */
	engine_drain(b, 1000, 1000);
	assert_true(channel_poll(b->a, b->c) & EPOLLOUT);
}

/* Writes from where the last one ended, as a part of something of `whole` octets. */
static size_t write_of_whole(struct both *b, uint64_t *in, size_t len, size_t whole)
{
	static uint8_t buf[SEGMENT_SMALL];
	struct handover h = {.whole = whole};
	for (size_t j = 0; j < len; j++) buf[j] = octet(*in + j);
	size_t n = chan_write(b->a, b->c, buf, len, &h);
	*in += n;
	return n;
}

/* It waits for its place, unless it is more than a third of the room that there can be. */
static void test_whole(void **state)
{
	struct both *b = *state;
	uint64_t in = 0, out = 0;
	tx_start(&b->p, &b->c->tx, &b->tx);
	assert_int_equal(write_of_whole(b, &in, SEGMENT_SMALL - 99, 0), SEGMENT_SMALL - 99);
	assert_int_equal(write_of_whole(b, &in, 60, 100), 0);       /* its first piece would fit */
	assert_int_equal(b->c->tx.starved, STARVED_WRITER);
	assert_int_equal(write_of_whole(b, &in, 60, 99), 60);
	assert_int_equal(write_of_whole(b, &in, 39, 0), 39);
	out += engine_drain(b, out, 50);
	assert_int_equal(write_of_whole(b, &in, SEGMENT_SMALL / 3, SEGMENT_SMALL / 3), 0);
	assert_int_equal(write_of_whole(b, &in, SEGMENT_SMALL / 3 + 1, SEGMENT_SMALL / 3 + 1), 50);
	out += engine_drain(b, out, UINT64_MAX);
	b->c->tx.limit = 300;
	assert_int_equal(write_of_whole(b, &in, 250, 250), 250);
	assert_int_equal(write_of_whole(b, &in, 100, 100), 0);
	assert_int_equal(write_of_whole(b, &in, 101, 101), 50);
	out += engine_drain(b, out, UINT64_MAX);
	assert_int_equal(in, out);
}

static void test_records(void **state)
{
	struct both *b = *state;
	static uint8_t data[65536], got[65536], name[16] = "name", name_got[16];
	uint64_t ring = 0;
	for (uint32_t i = 0; i < 2000; i++) {
		struct record r = {.data_len = i * 37 % 65536, .name_len = sizeof name, .flags = i}, s;
		for (uint32_t j = 0; j < r.data_len; j++) data[j] = octet(i + j);
		uint64_t total = record_size(r.name_len, 0, r.data_len);
		static const uint8_t zero[8];
		const struct part parts[] = {{&r, sizeof r}, {name, sizeof name}, {data, r.data_len}, {zero, total - sizeof r - sizeof name - r.data_len}};
		assert_int_equal(rx_put(&b->p, &b->c->rx, &b->rx, parts, 4, total), 0);
		ring += total;
		if (i % 3 == 2) continue;      /* let some queue up */
		for (int peek = 1; peek >= 0; peek--) {
			assert_true(chan_read_record(b->a, b->c, &s, name_got, sizeof name_got, NULL, 0, got, sizeof got, peek));
			assert_memory_equal(name_got, name, sizeof name);
			for (uint32_t j = 0; j < s.data_len; j++) assert_int_equal(got[j], octet(s.flags + j));
		}
		ring -= record_size(s.name_len, 0, s.data_len);
		rx_progress(&b->p, &b->c->rx, &b->rx);
		assert_int_equal(rx_used(&b->p, &b->rx), ring);
	}
}

static void test_idle_pages_go_back(void **state)
{
	struct both *b = *state;
	engine_fill(b, 0, 64 << 20);
	program_check(b, 0, 64 << 20);
	assert_int_equal(rx_progress(&b->p, &b->c->rx, &b->rx), 64 << 20);
	assert_true(b->punched >= 40 << 20);
}

static void test_hostile_rx_words(void **state)
{
	struct both *b = *state;
	engine_fill(b, 0, 100000);
	uint32_t first = b->c->rx.read_seg;
	struct segment *s = arena_segment(b->a, first);
	s->tail = s->head + 1;
	assert_int_equal(rx_progress(&b->p, &b->c->rx, &b->rx), -EPROTO);
	s->tail = 10;
	assert_int_equal(rx_progress(&b->p, &b->c->rx, &b->rx), 10);
	s->tail = 9;
	assert_int_equal(rx_progress(&b->p, &b->c->rx, &b->rx), -EPROTO);
	s->tail = 10;
	b->c->rx.read_seg = 77777;
	assert_int_equal(rx_progress(&b->p, &b->c->rx, &b->rx), -EPROTO);
	b->c->rx.read_seg = 0;
	assert_int_equal(rx_progress(&b->p, &b->c->rx, &b->rx), -EPROTO);
	b->c->rx.read_seg = first;
	s->size = 0;                       /* words that the engine wrote are never read back */
	s->page = 0xffffffff;
	assert_int_equal(engine_fill(b, 100000, 500000), 500000);
}

static void test_hostile_tx_words(void **state)
{
	struct both *b = *state;
	const uint8_t *at;
	size_t len;
	uint32_t used;
	tx_start(&b->p, &b->c->tx, &b->tx);
	struct segment *s = arena_segment(b->a, b->c->tx.write_seg);
	s->head = SEGMENT_SMALL + 1;
	assert_int_equal(tx_span(&b->p, &b->c->tx, &b->tx, &at, &len, &used), -EPROTO);
	s->head = SEG_ENDED;               /* only we end a segment */
	assert_int_equal(tx_span(&b->p, &b->c->tx, &b->tx, &at, &len, &used), -EPROTO);
	s->head = 0;
	s->next = 12345;                   /* a word that we write and never read back */
	assert_int_equal(tx_span(&b->p, &b->c->tx, &b->tx, &at, &len, &used), 0);
	s->next = 0;
	assert_true(tx_grow(&b->p, &b->c->tx, &b->tx));
	for (uint32_t seg = 3; seg < 100; seg++) {
		b->c->tx.write_seg = seg * 12345;
		assert_int_equal(tx_span(&b->p, &b->c->tx, &b->tx, &at, &len, &used), -EPROTO);
	}
	b->c->tx.write_seg = b->tx.last;
	assert_int_equal(tx_span(&b->p, &b->c->tx, &b->tx, &at, &len, &used), 0);
	assert_int_equal(len, 0);
}

static void test_bell_takes_each_once(void **state)
{
	struct both *b = *state;
	struct bell *bell = arena_bell(b->a, 1);
	static const uint32_t set[] = {1, 2, 63, 64, 4095, 4096, 65535};
	for (size_t i = 0; i < ARRAY_SIZE(set); i++) bell_set(bell, set[i], BELL_IN);
	assert_int_equal(bell_take(bell, 3), 63);
	bell_set(bell, 63, BELL_IN);
	uint32_t at = 0;
	for (size_t i = 0; i < ARRAY_SIZE(set); i++) assert_int_equal(at = bell_take(bell, at), set[i]);
	assert_int_equal(bell_take(bell, 0), 0);
	for (size_t i = 0; i < 16; i++) assert_int_equal(bell->summary[i], 0);
}

/* What was armed is one ringer's to wake; whose, stands there until he has, or until another has taken it over with a later sleep. */
static void test_bell_names_its_ringer(void **state)
{
	struct both *b = *state;
	struct bell *bell = arena_bell(b->a, 1);
	uint64_t first, second, third;
	assert_int_equal(bell_ring(bell, 7, &first), 0);
	assert_int_equal(bell->seq, 0);
	bell_arm(bell, BELL_EVENTFD);
	assert_int_equal(bell_ring(bell, 7, &first), BELL_EVENTFD);
	assert_int_equal(bell->seq, 1);
	assert_int_equal(bell_ring(bell, 8, &second), 0);
	assert_int_equal(bell_claimant(bell->armed), 7);
	bell_rung(bell, first);
	assert_int_equal(bell_claimant(bell->armed), 0);
	bell_arm(bell, BELL_FUTEX);
	assert_int_equal(bell_ring(bell, 7, &first), BELL_FUTEX);
	bell_arm(bell, BELL_FUTEX);
	assert_int_equal(bell_ring(bell, 7, &second), BELL_ARMED);     /* the first may not have come to it */
	bell_arm(bell, BELL_FUTEX);
	bell_rung(bell, first);
	assert_int_equal(bell_claimant(bell->armed), 7);
	bell_rung(bell, second);
	assert_int_equal(bell_claimant(bell->armed), 0);
	assert_int_equal(bell_ring(bell, 8, &third), BELL_FUTEX);
}

/* What is drained gives its pages back once, and again when it was written to since; what is unread keeps them. */
static void test_rest(void **state)
{
	struct both *b = *state;
	uint8_t buf[100] = {1};
	struct handover h = {0};
	assert_int_equal(tx_start(&b->p, &b->c->tx, &b->tx), 0);
	uint32_t stand = flow_stand(&b->p, &b->rx, &b->tx);
	assert_int_equal(chan_write(b->a, b->c, buf, 50, &h), 50);
	assert_false(h.warmed);                    /* nothing was taken back yet */
	assert_int_not_equal(flow_stand(&b->p, &b->rx, &b->tx), stand);
	assert_false(tx_rest(&b->p, &b->tx));
	assert_int_equal(b->punched, 0);
	tx_consume(&b->p, &b->tx, 50);
	for (int i = 0; i < 2; i++) assert_true(tx_rest(&b->p, &b->tx));
	assert_int_equal(b->punched, SEGMENT_SMALL);
	assert_int_equal(chan_write(b->a, b->c, buf, 50, &h), 50);
	assert_true(h.warmed);
	h.warmed = false;
	assert_int_equal(chan_write(b->a, b->c, buf, 50, &h), 50);
	assert_false(h.warmed);                    /* said once */
	tx_consume(&b->p, &b->tx, 100);
	assert_true(tx_rest(&b->p, &b->tx));
	assert_int_equal(b->punched, 2 * SEGMENT_SMALL);

	assert_int_equal(engine_fill(b, 0, SEGMENT_SMALL + 100), SEGMENT_SMALL + 100);
	assert_false(rx_rest(&b->p, &b->rx));
	for (size_t left = SEGMENT_SMALL; left > 0;) left -= chan_read(b->a, b->c, buf, MIN(left, sizeof buf), 0, false, &h);
	assert_false(rx_rest(&b->p, &b->rx));      /* 100 are left, in the second one */
	assert_int_equal(b->punched, 3 * SEGMENT_SMALL);
	assert_int_equal(chan_read(b->a, b->c, buf, sizeof buf, 0, false, &h), 100);
	for (int i = 0; i < 100; i++) assert_int_equal(buf[i], octet(SEGMENT_SMALL + (uint64_t)i));
	for (int i = 0; i < 2; i++) assert_true(rx_rest(&b->p, &b->rx));
	assert_int_equal(b->punched, 3 * SEGMENT_SMALL + SEGMENT_LARGE);
	assert_int_equal(engine_fill(b, 0, 1), 1);
	assert_int_equal(chan_read(b->a, b->c, buf, 1, 0, false, &h), 1);
	assert_true(rx_rest(&b->p, &b->rx));
	assert_int_equal(b->punched, 3 * SEGMENT_SMALL + 2 * SEGMENT_LARGE);
}

/* A shared segment is the writer's to rest, under its lock; the reader's side leaves it alone until the writer has left. */
static void test_rest_of_shared(void **state)
{
	struct both *b = *state;
	struct channel *to = arena_channel(b->a, 2);
	uint8_t buf[8] = {0};
	struct handover h = {0};
	assert_int_equal(tx_start(&b->p, &b->c->tx, &b->tx), 0);
	b->tx.held = true;
	direct_link(&b->p, b->tx.last, 1, &to->rx, &b->rx, 2);
	assert_int_equal(chan_write(b->a, b->c, buf, 8, &h), 8);
	assert_false(tx_rest(&b->p, &b->tx));
	assert_int_equal(chan_read(b->a, to, buf, 8, 0, false, &h), 8);
	assert_true(rx_rest(&b->p, &b->rx));
	assert_int_equal(b->punched, 0);
	assert_true(tx_rest(&b->p, &b->tx));
	assert_int_equal(b->punched, SEGMENT_SMALL);
	assert_int_equal(chan_write(b->a, b->c, buf, 8, &h), 8);
	assert_true(h.warmed);
	assert_int_equal(chan_read(b->a, to, buf, 8, 0, false, &h), 8);
	tx_release(&b->p, &b->tx);
	assert_true(rx_rest(&b->p, &b->rx));
	assert_int_equal(b->punched, 2 * SEGMENT_SMALL);
	rx_release(&b->p, &b->rx);
	for (int i = 0; i < 2; i++) pool_rest(&b->p);
	assert_int_equal(b->punched, 3 * SEGMENT_SMALL);
	assert_int_equal(tx_start(&b->p, &b->c->tx, &b->tx), 0);   /* it serves again */
	assert_int_equal(b->p.n_segs, 2);
}

/* A ring shared with a peer that is full may be asked to grow; the small one at once, however soon the peer reads. */
static void test_outgrown(void **state)
{
	struct both *b = *state;
	struct channel *to = arena_channel(b->a, 2);
	static uint8_t buf[SEGMENT_LARGE + 1];
	struct handover h = {0};
	assert_int_equal(tx_start(&b->p, &b->c->tx, &b->tx), 0);
	b->tx.held = true;
	direct_link(&b->p, b->tx.last, 1, &to->rx, &b->rx, 2);
	assert_int_equal(chan_write(b->a, b->c, buf, SEGMENT_SMALL, &h), SEGMENT_SMALL);
	assert_false(h.wants_room || h.outgrown);
	assert_int_equal(chan_write(b->a, b->c, buf, 1, &h), 0);
	assert_true(h.wants_room && h.outgrown);
	assert_int_equal(direct_grow(&b->p, &b->c->tx, &b->tx, 1, &to->rx, &b->rx, 2), 0);
	h = (struct handover){0};
	assert_int_equal(chan_write(b->a, b->c, buf, sizeof buf, &h), SEGMENT_LARGE);
	assert_true(h.wants_room && !h.outgrown);
}

/* Only while the peer's program alone writes where we read, and has not begun to close, is what is not there not sent. */
static void test_told_all(void **state)
{
	static const uint32_t not_all[] = {CHF_SHARED, CHF_CLOSING, CHF_CLOSED};
	struct both *b = *state;
	struct channel *to = arena_channel(b->a, 2);
	assert_false(chan_rx_told_all(b->a, to));
	assert_int_equal(tx_start(&b->p, &b->c->tx, &b->tx), 0);
	b->tx.held = true;
	assert_int_equal(rx_put(&b->p, &to->rx, &b->rx, &(struct part){"x", 1}, 1, 1), 0);
	assert_false(chan_rx_told_all(b->a, to));  /* the engine brings what is read here */
	direct_link(&b->p, b->tx.last, 1, &to->rx, &b->rx, 2);
	assert_false(chan_rx_told_all(b->a, to));
	assert_int_equal(chan_read(b->a, to, (uint8_t[1]){0}, 1, 0, false, &told), 1);
	assert_true(chan_rx_told_all(b->a, to));
	for (size_t i = 0; i < ARRAY_SIZE(not_all); i++) {
		atomic_store(&b->c->flags, not_all[i]);
		assert_false(chan_rx_told_all(b->a, to));
	}
	atomic_store(&b->c->flags, CHF_NONBLOCK);
	assert_true(chan_rx_told_all(b->a, to));
	assert_int_equal(direct_unlink(&b->p, &b->c->tx, &b->tx), 0);
	assert_false(chan_rx_told_all(b->a, to));
}

/* Only where the peer has closed, alone, and both ways are direct with nothing unread at its end, can what comes be nothing but a FIN. */
static void test_ends(void **state)
{
	static const uint32_t not_ends[] = {0, CHF_CLOSING, CHF_CLOSED, CHF_CLOSED | CHF_LEFT | CHF_SHARED};
	struct both *b = *state;
	struct channel *to = arena_channel(b->a, 2);
	struct rx_side back_rx = {0};
	struct tx_side back_tx = {0};
	assert_false(chan_rx_ends(b->a, to));
	assert_int_equal(tx_start(&b->p, &b->c->tx, &b->tx), 0);
	assert_int_equal(tx_start(&b->p, &to->tx, &back_tx), 0);
	b->tx.held = back_tx.held = true;
	direct_link(&b->p, b->tx.last, 1, &to->rx, &b->rx, 2);
	atomic_store(&b->c->flags, CHF_CLOSED | CHF_LEFT);
	assert_false(chan_rx_ends(b->a, to));      /* what we write the engine carries: who knows what has come there */
	direct_link(&b->p, back_tx.last, 2, &b->c->rx, &back_rx, 1);
	assert_true(chan_rx_ends(b->a, to));
	for (size_t i = 0; i < ARRAY_SIZE(not_ends); i++) {
		atomic_store(&b->c->flags, not_ends[i]);
		assert_false(chan_rx_ends(b->a, to));
	}
	atomic_store(&b->c->flags, CHF_CLOSED | CHF_LEFT);
	assert_int_equal(chan_write(b->a, to, "x", 1, &told), 1);
	assert_false(chan_rx_ends(b->a, to));
	assert_int_equal(chan_read(b->a, b->c, (uint8_t[1]){0}, 1, 0, false, &told), 1);
	assert_true(chan_rx_ends(b->a, to));
	assert_int_equal(direct_unlink(&b->p, &b->c->tx, &b->tx), 0);
	assert_false(chan_rx_ends(b->a, to));
	rx_release(&b->p, &back_rx);
	tx_release(&b->p, &back_tx);
}

/* The doorbell is rung once for each sleep of the engine's; that somebody rang in the last one says nothing of this one. */
static void test_doorbell(void **state)
{
	struct arena *a = ((struct both *)*state)->a;
	assert_false(arena_ring(a, false));
	shared_set64(&a->asleep, 5);
	assert_true(arena_ring(a, false));
	assert_true(arena_ring(a, true));
	arena_rang(a, 5);
	assert_false(arena_ring(a, false));
	shared_set64(&a->asleep, 7);
	arena_rang(a, 5);
	assert_true(arena_ring(a, false));
	arena_rang(a, 7);
	shared_set64(&a->asleep, 0);
	arena_rang(a, 7);
	assert_false(arena_ring(a, false));
}

struct kept { uint8_t octets[40000]; size_t n, room; };

static bool keep(void *user, const struct recalled *what)
{
	const struct iovec *data = what->data;
	struct kept *k = user;
	size_t len = data[0].iov_len + data[1].iov_len;
	if (len > k->room) return false;
	memcpy(k->octets + k->n, data[0].iov_base, data[0].iov_len);
	memcpy(k->octets + k->n + data[0].iov_len, data[1].iov_base, data[1].iov_len);
	k->n += len;
	k->room -= len;
	return true;
}

/* What was not read of shared segments, one of them gone round, is taken back in its order, as far as it can be kept; then nothing is left to walk through. */
static void test_recall(void **state)
{
	struct both *b = *state;
	struct channel *to = arena_channel(b->a, 2);
	static uint8_t buf[SEGMENT_SMALL + 20000];
	struct kept k = {.room = 0};
	const struct recall how = {false, keep, &k};
	uint8_t out[9];
	for (size_t i = 0; i < sizeof buf; i++) buf[i] = octet(i);
	assert_int_equal(tx_start(&b->p, &b->c->tx, &b->tx), 0);
	b->tx.held = true;
	direct_link(&b->p, b->tx.last, 1, &to->rx, &b->rx, 2);
	assert_int_equal(chan_tx_reader(b->a, b->c), 2);
	assert_int_equal(chan_write(b->a, b->c, buf, 10000, &told), 10000);
	for (int i = 0; i < 1000; i++) assert_int_equal(chan_read(b->a, to, out, 9, 0, false, &told), 9);
	assert_int_equal(chan_write(b->a, b->c, buf + 10000, sizeof buf - 10000, &told), 9000 + SEGMENT_SMALL - 10000);
	assert_int_equal(direct_grow(&b->p, &b->c->tx, &b->tx, 1, &to->rx, &b->rx, 2), 0);
	assert_int_equal(chan_write(b->a, b->c, buf + 9000 + SEGMENT_SMALL, 11000, &told), 11000);
	direct_recall(&b->p, &to->rx, &b->rx, &how);           /* no further than to the one that is written to */
	assert_int_equal(k.n, 0);
	k.room = SEGMENT_SMALL;                                    /* all of the one segment, and not the next */
	assert_int_equal(direct_unlink(&b->p, &b->c->tx, &b->tx), 0);
	assert_int_equal(chan_tx_reader(b->a, b->c), 0);
	direct_recall(&b->p, &to->rx, &b->rx, &how);
	assert_int_equal(k.n, SEGMENT_SMALL);
	assert_int_equal(chan_rx_used(b->a, to), 11000);
	assert_int_equal(chan_read(b->a, to, out, 9, 0, false, &told), 9);
	assert_int_equal(out[0], octet(9000 + SEGMENT_SMALL));
	k.room = sizeof k.octets - k.n;
	direct_recall(&b->p, &to->rx, &b->rx, &how);
	assert_int_equal(k.n, sizeof buf - 9000 - 9);
	for (size_t i = 0; i < k.n; i++) assert_int_equal(k.octets[i], octet(9000 + i + (i >= SEGMENT_SMALL ? 9 : 0)));
	assert_int_equal(chan_rx_used(b->a, to), 0);
	tx_skip(&b->c->tx, &b->tx);
	assert_int_equal(tx_retire(&b->p, &b->c->tx, &b->tx), 0);
	assert_int_equal(rx_progress(&b->p, &to->rx, &b->rx), 0);
	assert_int_equal(b->p.in_use, 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, both_new, both_free)
	const struct CMUnitTest tests[] = {
		T(test_rx_grows_and_recycles), T(test_peek_sees_past_segments), T(test_tx_grows), T(test_writer_tells_what_it_left),
		T(test_tx_limit), T(test_whole), T(test_records),
		T(test_idle_pages_go_back), T(test_hostile_rx_words), T(test_hostile_tx_words), T(test_bell_takes_each_once), T(test_bell_names_its_ringer),
		T(test_rest), T(test_rest_of_shared), T(test_outgrown), T(test_told_all), T(test_ends), T(test_doorbell), T(test_recall),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
