/* An inbox from both sides, in one process: one line for all datagrams, what fits, tickets that are no good any more, writers that die or stand still. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <cmocka.h>
#include "base/charge.h"
#include "channel/channel.h"
#include "channel/inbox.h"
#include "channel/inbox_side.h"

#define READER 1u
#define BEHIND 1000u       /* a limit in charges of empty datagrams */

struct inbox { struct arena *a; struct seg_pool p; struct channel *c; struct rx_side rx; struct inbox_place place; uint64_t punched; };

static void punch(void *user, uint64_t offset, uint64_t len)
{
	(void)offset;
	((struct inbox *)user)->punched += len;
}

static void open_with(struct inbox *b, uint32_t size, uint32_t limit, uint32_t before)
{
	struct inbox_terms terms = {size, limit, before};
	assert_int_equal(inbox_open(&b->p, &b->c->rx, &b->rx, READER, &terms, &b->place), 0);
}

static int inbox_new(void **state)
{
	struct inbox *b = calloc(1, sizeof *b);
	b->a = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(b->a != MAP_FAILED);
	assert_int_equal(pool_init(&b->p, b->a, punch, b), 0);
	b->c = arena_channel(b->a, READER);
	b->c->domain = AF_INET;
	open_with(b, SEGMENT_SMALL, BEHIND * datagram_charge(false, 0), 0);
	*state = b;
	return 0;
}

static int inbox_free(void **state)
{
	struct inbox *b = *state;
	rx_release(&b->p, &b->rx);
	assert_int_equal(b->p.in_use, 0);
	pool_destroy(&b->p);
	munmap(b->a, ARENA_SIZE);
	free(b);
	return 0;
}

/* A datagram whose octets are all `what`. */
static enum inbox_answer put(struct inbox *b, struct inbox_place to, uint32_t client, uint8_t what, size_t len)
{
	static uint8_t data[70000];
	struct record r = {.data_len = (uint32_t)len, .name_len = 1, .sender = client};
	struct inbox_slot slot;
	memset(data, what, sizeof data);
	enum inbox_answer answer = inbox_begin(b->a, to.segment, to.serial, client, &r, &slot);
	if (answer != INBOX_MINE) return answer;
	inbox_write(b->a, &slot, "n", 1);
	inbox_write(b->a, &slot, data, len);
	assert_true(inbox_end(&slot, true));
	return INBOX_MINE;
}

static void engine_put(struct inbox *b, uint8_t what)
{
	struct record r = {.data_len = 1};
	uint8_t rest[8] = {what};
	struct part parts[] = {{&r, sizeof r}, {rest, sizeof rest}};
	assert_int_equal(rx_put(&b->p, &b->c->rx, &b->rx, parts, 2, record_size(0, 0, 1)), 0);
}

/* The next datagram begins with `what` and has that length. */
static void takes(struct inbox *b, uint8_t what, size_t len)
{
	static uint8_t data[70000];
	struct record r;
	uint8_t name, control;
	assert_true(chan_read_record(b->a, b->c, &r, &name, 1, &control, 0, data, sizeof data, false));
	assert_int_equal(r.data_len, len);
	for (size_t i = 0; i < len; i++) assert_int_equal(data[i], what);
}

static void takes_nothing(struct inbox *b)
{
	struct record r;
	assert_false(chan_peek_record(b->a, b->c, &r));
	assert_int_equal(chan_rx_used(b->a, b->c), 0);
}

static void shut(struct inbox *b)
{
	uint32_t dropped;
	inbox_close(&b->p, &b->rx, &dropped);
}

static void test_one_line_for_all(void **state)
{
	struct inbox *b = *state;
	assert_int_equal(put(b, b->place, 7, 'a', 10), INBOX_MINE);
	assert_int_equal(put(b, b->place, 8, 'b', 0), INBOX_MINE);
	assert_int_equal(put(b, b->place, 7, 'c', 3000), INBOX_MINE);
	struct inbox_place first = b->place;
	shut(b);
	engine_put(b, 'd');
	engine_put(b, 'e');
	open_with(b, SEGMENT_LARGE, BEHIND * datagram_charge(false, 0), 0);
	assert_int_equal(put(b, b->place, 8, 'f', 65507), INBOX_MINE);
	assert_int_equal(put(b, first, 7, 'x', 1), INBOX_ELSEWHERE);
	takes(b, 'a', 10), takes(b, 'b', 0), takes(b, 'c', 3000), takes(b, 'd', 1), takes(b, 'e', 1), takes(b, 'f', 65507);
	takes_nothing(b);
	assert_true(rx_progress(&b->p, &b->c->rx, &b->rx) >= 0);
	assert_int_equal(b->p.in_use, 1);
}

/* The ring goes round many times, and what doesn't fit in what is left is for the engine. */
static void test_goes_round(void **state)
{
	struct inbox *b = *state;
	for (int i = 0; i < 500; i++) {
		assert_int_equal(put(b, b->place, 7, (uint8_t)i, (size_t)(i * 37 % 5000)), INBOX_MINE);
		assert_int_equal(put(b, b->place, 7, (uint8_t)~i, 5000), INBOX_MINE);
		assert_int_equal(put(b, b->place, 7, 'x', SEGMENT_SMALL - 5000), INBOX_ELSEWHERE);
		takes(b, (uint8_t)i, (size_t)(i * 37 % 5000)), takes(b, (uint8_t)~i, 5000);
	}
	takes_nothing(b);
}

static void test_counts_the_receive_buffer(void **state)
{
	struct inbox *b = *state;
	uint32_t one = datagram_charge(false, 1), dropped;
	shut(b);
	open_with(b, SEGMENT_SMALL, 4 * one, 2 * one);
	/* What was unread before is known to the engine alone. */
	assert_int_equal(put(b, b->place, 7, 'a', 1), INBOX_MINE);
	assert_int_equal(put(b, b->place, 7, 'b', 1), INBOX_MINE);
	assert_int_equal(put(b, b->place, 7, 'x', 1), INBOX_ELSEWHERE);
	assert_int_equal(inbox_unread(&b->p, &b->rx), 2 * one);
	/* The reader has come here: there is nothing before. */
	takes(b, 'a', 1);
	for (int i = 0; i < 3; i++) assert_int_equal(put(b, b->place, 7, 'c', 1), INBOX_MINE);
	assert_int_equal(put(b, b->place, 7, 'x', 1), INBOX_FULL);
	assert_int_equal(inbox_unread(&b->p, &b->rx), 4 * one);
	takes(b, 'b', 1);
	assert_int_equal(put(b, b->place, 7, 'c', 1), INBOX_MINE);
	for (int i = 0; i < 4; i++) takes(b, 'c', 1);
	/* One fits an empty buffer, however small that is. */
	assert_int_equal(put(b, b->place, 7, 'd', 10000), INBOX_MINE);
	assert_int_equal(put(b, b->place, 7, 'x', 0), INBOX_FULL);
	inbox_dropped(&(struct inbox_slot){.s = arena_segment(b->a, b->place.segment)});
	takes(b, 'd', 10000);
	inbox_close(&b->p, &b->rx, &dropped);
	assert_int_equal(dropped, 1);
	assert_int_equal(inbox_unread(&b->p, &b->rx), 0);
}

/* One that is killed after it has counted and before it has published leaves nothing behind: what is empty is free. */
static void test_a_killed_writer_takes_no_room(void **state)
{
	struct inbox *b = *state;
	struct record r = {.data_len = 10000};
	struct inbox_slot slot;
	shut(b);
	open_with(b, SEGMENT_SMALL, 2000, 0);
	assert_int_equal(inbox_begin(b->a, b->place.segment, b->place.serial, 7, &r, &slot), INBOX_MINE);
	shared_set32(&slot.s->in.charged, slot.charge);
	assert_int_equal(put(b, b->place, 8, 'x', 1), INBOX_BUSY);
	inbox_release_dead(&b->p, 9);
	assert_int_equal(put(b, b->place, 8, 'x', 1), INBOX_BUSY);
	inbox_release_dead(&b->p, 7);
	assert_int_equal(put(b, b->place, 8, 'a', 1), INBOX_MINE);
	takes(b, 'a', 1);
	assert_int_equal(put(b, b->place, 8, 'b', 1), INBOX_MINE);
	takes(b, 'b', 1);
}

/* One that stands still in the middle has its segment kept for it, and finds that it came too late. */
static void test_a_stopped_writer_harms_nobody(void **state)
{
	struct inbox *b = *state;
	struct record r = {.data_len = 100}, other = {.data_len = 5};
	struct inbox_slot slot, later;
	struct inbox_place old = b->place;
	assert_int_equal(inbox_begin(b->a, old.segment, old.serial, 7, &r, &slot), INBOX_MINE);
	shut(b);
	engine_put(b, 'e');
	takes(b, 'e', 1);
	assert_true(rx_progress(&b->p, &b->c->rx, &b->rx) >= 0);
	for (int i = 0; i < 20; i++) {
		open_with(b, SEGMENT_SMALL, 100000, 0);
		assert_int_not_equal(b->place.segment, old.segment);
		shut(b);
		takes_nothing(b);
		assert_true(rx_progress(&b->p, &b->c->rx, &b->rx) >= 0);
	}
	open_with(b, SEGMENT_SMALL, 100000, 0);
	inbox_write(b->a, &slot, "y", 1);
	assert_false(inbox_end(&slot, true));
	takes_nothing(b);
	/* Now it serves again, and the old ticket is no good for it. */
	for (bool again = false; !again; again = b->place.segment == old.segment) {
		shut(b);
		open_with(b, SEGMENT_SMALL, 100000, 0);
		takes_nothing(b);
		assert_true(rx_progress(&b->p, &b->c->rx, &b->rx) >= 0);
		assert_true(b->p.in_use < 100);
	}
	assert_int_equal(inbox_begin(b->a, old.segment, old.serial, 7, &other, &later), INBOX_ELSEWHERE);
	assert_int_equal(put(b, b->place, 8, 'z', 1), INBOX_MINE);
	takes(b, 'z', 1);
}

static void test_who_goes_elsewhere(void **state)
{
	struct inbox *b = *state;
	struct inbox_place none = {0, 0}, beyond = {SEGMENT_MAX, 1}, wrong = {b->place.segment, b->place.serial + 1};
	assert_int_equal(put(b, none, 7, 'x', 1), INBOX_ELSEWHERE);
	assert_int_equal(put(b, beyond, 7, 'x', 1), INBOX_ELSEWHERE);
	assert_int_equal(put(b, wrong, 7, 'x', 1), INBOX_ELSEWHERE);
	assert_int_equal(put(b, b->place, 0, 'x', 1), INBOX_ELSEWHERE);
	shared_set32(&b->c->flags, CHF_CLOSING);
	assert_int_equal(put(b, b->place, 7, 'x', 1), INBOX_ELSEWHERE);
	shared_set32(&b->c->flags, CHF_ASYNC);
	assert_int_equal(put(b, b->place, 7, 'x', 1), INBOX_ELSEWHERE);
	shared_set32(&b->c->flags, 0);
	assert_int_equal(put(b, b->place, 7, 'a', 1), INBOX_MINE);
	takes(b, 'a', 1);
}

/* Where one reads nothing, the engine's datagrams and others' by turns take no segment each for ever. */
static void test_far_behind(void **state)
{
	struct inbox *b = *state;
	struct inbox_terms terms = {SEGMENT_SMALL, 10000000, 0};
	int opened = 1, err = 0;
	for (; err == 0; opened++) {
		assert_int_equal(put(b, b->place, 7, 'a', 1), INBOX_MINE);
		shut(b);
		engine_put(b, 'b');
		err = inbox_open(&b->p, &b->c->rx, &b->rx, READER, &terms, &b->place);
	}
	assert_int_equal(err, -EBUSY);
	assert_in_range(opened, 4, 20);
	for (int i = 1; i < opened; i++) takes(b, 'a', 1), takes(b, 'b', 1);
	takes_nothing(b);
	assert_true(rx_progress(&b->p, &b->c->rx, &b->rx) >= 0);
	open_with(b, SEGMENT_SMALL, 100000, 0);
}

/* Its pages go back when all is read and nobody can be writing. */
static void test_rests(void **state)
{
	struct inbox *b = *state;
	struct record r = {.data_len = 100};
	struct inbox_slot slot;
	assert_int_equal(put(b, b->place, 7, 'a', 1), INBOX_MINE);
	takes(b, 'a', 1);
	assert_false(rx_rest(&b->p, &b->rx));
	assert_int_equal(inbox_begin(b->a, b->place.segment, b->place.serial, 7, &r, &slot), INBOX_MINE);
	shut(b);
	assert_false(rx_rest(&b->p, &b->rx));
	assert_false(inbox_end(&slot, true));
	assert_int_equal(b->punched, 0);
	assert_true(rx_rest(&b->p, &b->rx));
	assert_int_equal(b->punched, SEGMENT_SMALL);
	open_with(b, SEGMENT_SMALL, 100000, 0);
	assert_int_equal(put(b, b->place, 7, 'b', 1), INBOX_MINE);
	takes(b, 'b', 1);
}

static void note(void *user, const struct record *r) { *(uint64_t *)user = *(uint64_t *)user * 16 + r->sender; }

static void test_who_was_not_read(void **state)
{
	struct inbox *b = *state;
	uint64_t seen = 0;
	assert_int_equal(put(b, b->place, 7, 'a', 1), INBOX_MINE);
	assert_int_equal(put(b, b->place, 8, 'b', 100), INBOX_MINE);
	assert_int_equal(put(b, b->place, 9, 'c', 0), INBOX_MINE);
	takes(b, 'a', 1);
	shut(b);
	inbox_senders(&b->p, &b->rx, note, &seen);
	assert_int_equal(seen, 0x89);
}

/* ---- of Unix sockets ---- */

#define SENDER 7
#define MOST 3             /* messages */

static struct channel *unix_start(struct inbox *b, uint32_t generation)
{
	struct channel *from = arena_channel(b->a, SENDER);
	shut(b);
	b->c->domain = from->domain = AF_UNIX;
	b->c->type = from->type = SOCK_DGRAM;
	shared_set32(&from->generation, generation);
	open_with(b, SEGMENT_SMALL, MOST, 0);
	shared_set32(&from->tx.write_seg, b->place.segment);
	shared_set32(&from->poll, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	return from;
}

/* As the shim. */
static enum inbox_answer post(struct inbox *b, uint32_t generation, size_t len, uint32_t unread_max)
{
	static uint8_t data[SEGMENT_SMALL];
	struct channel *from = arena_channel(b->a, SENDER);
	struct record r = {.data_len = (uint32_t)len, .name_len = 1, .sender = SENDER, .generation = generation};
	struct inbox_slot slot;
	if (!inbox_charge(from, r.data_len, unread_max)) return INBOX_ELSEWHERE;
	enum inbox_answer answer = inbox_begin(b->a, b->place.segment, b->place.serial, 3, &r, &slot);
	if (answer == INBOX_MINE) {
		inbox_write(b->a, &slot, "n", 1);
		inbox_write(b->a, &slot, data, len);
		assert_true(inbox_end(&slot, true));
	} else inbox_discharge(from, r.data_len);
	return answer;
}

static struct handover posted_take(struct inbox *b, bool peek)
{
	struct handover h = {0};
	struct record r;
	char name = 0;
	assert_true(chan_read_posted(b->a, b->c, &r, &name, 1, NULL, 0, peek, &h));
	assert_int_equal(name, 'n');
	assert_int_equal(h.peer, 0);
	return h;
}

static uint32_t wanted(struct inbox *b) { return shared_get32(&arena_segment(b->a, b->place.segment)->in.wanted); }

/* It is messages that are counted, however long; who finds no room is told of once, by the next read; polled senders of all that is read until it is empty. */
static void test_unix_room(void **state)
{
	struct inbox *b = *state;
	struct channel *from = unix_start(b, 1);
	for (size_t i = 0; i < MOST; i++) assert_int_equal(post(b, 1, i * 1000, 100000), INBOX_MINE);
	assert_int_equal(wanted(b), 0);
	assert_int_equal(post(b, 1, 0, 100000), INBOX_FULL);
	assert_false(channel_poll(b->a, from) & EPOLLOUT);
	assert_int_equal(wanted(b), INBOX_WANTED);
	posted_take(b, true);
	assert_int_equal(wanted(b), INBOX_WANTED);
	shared_set32(&from->bell, 1);
	struct handover h = posted_take(b, false);
	assert_true(h.left);
	assert_int_equal(h.relieved, SENDER);
	assert_int_equal(wanted(b), INBOX_TOLD);
	assert_true(channel_poll(b->a, from) & EPOLLOUT);
	for (size_t i = 1; i < MOST; i++) {
		h = posted_take(b, false);
		assert_false(h.left);
		assert_int_equal(h.relieved, SENDER);
	}
	assert_int_equal(post(b, 1, 1, 100000), INBOX_MINE);
	assert_int_equal(posted_take(b, false).relieved, 0);
	assert_int_equal(shared_get32(&from->posted.unread), 0);
	shut(b);
	assert_true(channel_poll(b->a, from) & EPOLLOUT);
}

static uint32_t woken(struct inbox *b, bool *more)
{
	struct segment *s = arena_segment(b->a, b->place.segment);
	uint32_t sender = inbox_wakes(s, more);
	if (sender != 0) inbox_woken(s, sender);
	return sender;
}

/* One that sleeps is woken for each message, and all when there are no more; who finds no place asks elsewhere. */
static void test_unix_sleepers(void **state)
{
	struct inbox *b = *state;
	bool more;
	unix_start(b, 1);
	struct segment *s = arena_segment(b->a, b->place.segment);
	for (size_t i = 0; i < MOST; i++) assert_int_equal(post(b, 1, 1, 100000), INBOX_MINE);
	for (uint32_t i = 0; i < INBOX_WAITING; i++) assert_true(inbox_wait(s, 10 + i));
	assert_true(inbox_wait(s, 12));
	assert_false(inbox_wait(s, 9));
	assert_ptr_equal(posted_take(b, false).inbox, s);
	assert_int_equal(woken(b, &more), 10);
	assert_false(more);
	for (size_t i = 1; i < MOST; i++) posted_take(b, false);
	for (uint32_t i = 1; i < INBOX_WAITING; i++) {
		assert_int_equal(woken(b, &more), 10 + i);
		assert_true(more);
	}
	assert_int_equal(woken(b, &more), 0);
}

/* What is unread counts against its sender, whose number may be another's when it is read. */
static void test_unix_send_buffer(void **state)
{
	struct inbox *b = *state;
	struct channel *from = unix_start(b, 1);
	uint32_t one = unix_charge(1000);
	assert_int_equal(post(b, 1, 1000, 2 * one), INBOX_MINE);
	assert_int_equal(post(b, 1, 1000, 2 * one), INBOX_MINE);
	assert_int_equal(post(b, 1, 0, 2 * one), INBOX_ELSEWHERE);
	assert_int_equal(shared_get32(&from->posted.unread), 2 * one);
	shared_set32(&from->tx.starved, STARVED_WRITER);
	assert_int_equal(posted_take(b, false).relieved, SENDER);
	assert_int_equal(shared_get32(&from->posted.unread), one);
	shared_set32(&from->generation, 2);
	assert_int_equal(posted_take(b, false).relieved, 0);
	assert_int_equal(shared_get32(&from->posted.unread), one);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, inbox_new, inbox_free)
	const struct CMUnitTest tests[] = {
		T(test_one_line_for_all), T(test_goes_round), T(test_counts_the_receive_buffer), T(test_a_killed_writer_takes_no_room),
		T(test_a_stopped_writer_harms_nobody), T(test_who_goes_elsewhere), T(test_who_was_not_read), T(test_rests), T(test_far_behind),
		T(test_unix_room), T(test_unix_sleepers), T(test_unix_send_buffer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
