/*
 * Shared words that change under the engine's eyes. The input is a list of what the engine does with the two directions of two channels, and of what
 * a program writes into a word at the moment when the engine is about to read it: anything, or something near what stands there. The engine must
 * find that it can't be (-EPROTO), or go on; the memory that it is led to must be its segments' own.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include "channel/channel.h"
#include "channel/inbox.h"
#include "channel/inbox_side.h"

#define COMMANDS_MAX 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct { const uint8_t *p; size_t left; } in;
static bool hostile;                       /* the engine is at work: words may change */

static struct end { struct channel *c; struct rx_side rx; struct tx_side tx; bool direct, open; struct inbox_place inbox; } ends[2];
static struct seg_pool pool;
static struct arena *arena;

static uint8_t take8(void)
{
	if (!in.left) return 0;
	in.left--;
	return *in.p++;
}

static uint32_t take_value(uint32_t is)
{
	uint8_t kind = take8();
	switch (kind & 7) {
	case 0: return is + take8();
	case 1: return is - take8();
	case 2: return is ^ SEG_ENDED;
	case 3: return take8() % 16u;      /* a number of a segment */
	case 4: return 0;
	case 5: return UINT32_MAX - take8();
	default: return (uint32_t)take8() << 24 | (uint32_t)take8() << 16 | (uint32_t)take8() << 8 | take8();
	}
}

/* Before each look at a shared word: in one of eight cases it is another by then. */
void words_step(const volatile void *word);
void words_step(const volatile void *word)
{
	_Atomic uint32_t *w = (_Atomic uint32_t *)word;
	if (hostile && in.left && take8() % 8 == 0) atomic_store(w, take_value(atomic_load(w)));
}

static void in_arena(const uint8_t *at, size_t len)
{
	const uint8_t *data = arena_data(arena, 0);
	if (len > SEGMENT_LARGE || at < data || at + len > (uint8_t *)arena + ARENA_SIZE) abort();
}

static int shut(struct end *e)
{
	uint32_t dropped;
	if (e->open) inbox_close(&pool, &e->rx, &dropped);
	e->open = false;
	return 0;
}

/* What is written behind an inbox ends it; here nothing else is in that direction then. */
static int open_inbox(struct end *e)
{
	struct inbox_terms terms = {take8() % 2 ? SEGMENT_LARGE : SEGMENT_SMALL, take8() * 1000u, take8() * 100u};
	if (!e->open) e->open = inbox_open(&pool, &e->c->rx, &e->rx, 1, &terms, &e->inbox) == 0;
	return 0;
}

static void see(void *user, const struct record *r) { *(uint32_t *)user += r->sender; }

static int look_at_inbox(struct end *e)
{
	uint32_t sum = 0;
	inbox_senders(&pool, &e->rx, see, &sum);
	inbox_release_dead(&pool, take8());
	return inbox_unread(&pool, &e->rx) > (uint64_t)INT32_MAX * SEGMENT_MAX ? -1 : 0;
}

/* A program that has a ticket, good or not. */
static int letter(struct end *e)
{
	static const uint8_t data[30000];
	struct record r = {.data_len = take8() * 100u, .sender = take8()};
	struct inbox_slot slot;
	hostile = false;
	if (inbox_begin(arena, e->inbox.segment, e->inbox.serial, 1 + take8() % 2u, &r, &slot) == INBOX_MINE) {
		inbox_write(arena, &slot, data, r.data_len);
		if (take8() % 8) inbox_end(&slot, true);   /* else it is killed, or stands still */
	}
	hostile = true;
	return 0;
}

static int receive(struct end *e)
{
	uint8_t *at;
	size_t len;
	if (rx_span(&pool, &e->c->rx, &e->rx, &at, &len) < 0) return 0;
	in_arena(at, len);
	len = MIN(len, take8() * 100u);
	memset(at, 1, len);
	rx_commit(&pool, &e->rx, len);
	return 0;
}

static int record(struct end *e)
{
	static const uint8_t data[60000];
	struct part parts[2] = {{data, take8()}, {data, take8() * 200u}};
	shut(e);
	rx_put(&pool, &e->c->rx, &e->rx, parts, 2, parts[0].len + parts[1].len);
	return 0;
}

static int progress(struct end *e)
{
	int64_t n = rx_progress(&pool, &e->c->rx, &e->rx);
	return n < 0 ? -1 : rx_used(&pool, &e->rx) > UINT32_MAX / 2 ? -1 : 0;
}

static int send_on(struct end *e)
{
	const uint8_t *at;
	size_t len;
	uint32_t used;
	if (tx_span(&pool, &e->c->tx, &e->tx, &at, &len, &used) < 0) return -1;
	if (len == 0) return 0;
	in_arena(at, len);
	tx_consume(&pool, &e->tx, MIN(len, take8() * 100u));
	return 0;
}

static int grow(struct end *e)
{
	struct end *to = &ends[e == ends];
	shut(to);
	if (e->direct) direct_grow(&pool, &e->c->tx, &e->tx, 1, &to->c->rx, &to->rx, 2);
	else tx_grow(&pool, &e->c->tx, &e->tx);
	return 0;
}

static int enter(struct end *e)
{
	struct end *to = &ends[e == ends];
	if (e->direct || e->tx.first == 0 || e->tx.first != e->tx.last) return 0;
	shut(to);
	e->direct = e->tx.held = true;
	direct_link(&pool, e->tx.last, 1, &to->c->rx, &to->rx, 2);
	return 0;
}

static int leave(struct end *e)
{
	if (e->direct && direct_unlink(&pool, &e->c->tx, &e->tx) == 0) e->direct = false;
	return 0;
}

static bool keep(void *user, const struct recalled *what)
{
	const struct iovec *data = what->data;
	(void)user;
	for (int i = 0; i < 2; i++) in_arena(data[i].iov_base, data[i].iov_len);
	return take8() % 8 != 0;
}

/* What was not read comes back, and programs are brought to where their chains end. */
static int recall(struct end *e)
{
	const struct recall how = {take8() % 2, keep, NULL};
	direct_recall(&pool, &e->c->rx, &e->rx, &how);
	if (e->tx.first == e->tx.last) tx_skip(&e->c->tx, &e->tx);
	return tx_retire(&pool, &e->c->tx, &e->tx) < 0 ? -1 : progress(e);
}

static int ask(struct end *e)
{
	direct_full(&pool, &e->tx);
	direct_unread(&pool, &e->rx);
	tx_pending(&pool, &e->tx);
	return 0;
}

static int rest(struct end *e)
{
	flow_stand(&pool, &e->rx, &e->tx);
	rx_rest(&pool, &e->rx);
	tx_rest(&pool, &e->tx);
	return 0;
}

/* A program that plays by the rules, as far as the words let it. */
static int program(struct end *e)
{
	static uint8_t buf[30000];
	struct handover h = {0};
	hostile = false;
	chan_write(arena, e->c, buf, take8() * 100u, &h);
	chan_read(arena, e->c, buf, take8() * 100u, 0, false, &h);
	channel_poll(arena, e->c);
	hostile = true;
	return 0;
}

/* The same with messages. */
static int messages(struct end *e)
{
	static uint8_t data[60000], buf[sizeof data], name[128];
	struct iovec v = {data, take8() * 200u};
	struct handover h = {0};
	struct record r;
	hostile = false;
	chan_post(arena, e->c, &v, 1, v.iov_len, &h);
	chan_read_posted(arena, e->c, &r, name, sizeof name, buf, take8() * 200u, take8() % 2, &h);
	chan_posted(arena, e->c);
	hostile = true;
	return 0;
}

static int look_at_posted(struct end *e)
{
	uint32_t sum = 0;
	posted_see(&pool, &e->rx, see, &sum);
	return 0;
}

static int (*const commands[])(struct end *) = {receive, receive, record, progress, send_on, send_on, grow, enter, leave, ask, rest, program, program,
						open_inbox, open_inbox, shut, look_at_inbox, letter, letter, letter, recall, messages, messages,
						look_at_posted};

static void punch(void *user, uint64_t offset, uint64_t len)
{
	(void)user;
	in_arena((uint8_t *)arena + offset, len);
}

static void end_start(struct end *e, uint32_t channel)
{
	*e = (struct end){.c = arena_channel(arena, channel)};
	memset(e->c, 0, sizeof *e->c);
	atomic_store(&e->c->tx.limit, SEGMENT_LARGE / 2);
	if (tx_start(&pool, &e->c->tx, &e->tx) < 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool over[2] = {0};
	in.p = data;
	in.left = size;
	hostile = false;
	if (!arena) arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (arena == MAP_FAILED || pool_init(&pool, arena, punch, NULL) < 0) abort();
	end_start(&ends[0], 1);
	end_start(&ends[1], 2);
	hostile = true;
	for (int n = 0; in.left && n < COMMANDS_MAX; n++) {
		uint8_t what = take8();
		int i = what >> 7;
		/* A violation is the end of that socket. */
		if (!over[i] && commands[(what & 127) % ARRAY_SIZE(commands)](&ends[i]) < 0) over[i] = true;
	}
	/* Nobody stands in an inbox any more. */
	hostile = false;
	for (uint32_t i = 1; i < pool.n_segs; i++) atomic_store(&arena_segment(arena, i)->in.lock.word, 0);
	for (int i = 0; i < 2; i++) {
		shut(&ends[i]);
		rx_release(&pool, &ends[i].rx);
		tx_release(&pool, &ends[i].tx);
	}
	while (pool.held != 0 && open_inbox(&ends[0]) == 0) {
		shut(&ends[0]);
		rx_release(&pool, &ends[0].rx);
	}
	if (pool.in_use != 0) abort();
	pool_destroy(&pool);
	return 0;
}
