/*
 * The engine's side of a channel: it produces rx and consumes tx, and believes nothing that stands in shared memory. What it needs to know of a
 * segment (place, size, its own index, how far the other side may be) it keeps here, in private memory; each shared word is read once, checked
 * against that, and a word that can't be is a violation: -EPROTO.
 *
 *     pool      all segments of the arena: free lists of two sizes, pages given back when much lies idle
 *     rx_side   the chain that the program reads:   first (it is there) .. last (we write, or a peer does)
 *     tx_side   the chain that the program writes:  oldest (it may still be there) .. first (we drain) .. last (it writes or will)
 *
 * A shared segment is in a tx chain and in an rx chain, and lives until it is in neither.
 */
#pragma once
#include <sys/uio.h>
#include "channel/arena.h"
#include "channel/atomic.h"

struct pool_seg {
	uint32_t page, size;
	uint32_t next, follow;                     /* in a tx chain or a free list; in an rx chain */
	uint32_t serial;                           /* of this use of the number */
	uint32_t head, tail;                       /* positions: ours where we write and read, the last ones known where the program does */
	uint8_t refs;                              /* chains that it is in */
	bool inbox;                                /* many programs write there: see inbox.h. It is shared, too */
	bool shared, ended;                        /* shared: a program reads what another writes, and head and tail here mean nothing */
};

struct seg_pool {
	struct arena *arena;
	struct pool_seg *segs;                     /* by index; SEGMENT_MAX of them, touched lazily */
	uint32_t n_segs, max_segs, in_use;
	uint64_t next_page;                        /* of the data area */
	uint32_t carve_page, carve_left;           /* a large segment's pages being cut into small ones */
	struct { uint32_t warm, cold, n_warm; } free[2];   /* small, large; cold: pages were given back */
	uint32_t held;                             /* inboxes that nobody has any more, but for a program in the middle of writing there */
	void (*punch)(void *user, uint64_t offset, uint64_t len);   /* gives pages of the arena back */
	void *user;
};

struct rx_side { uint32_t first, last; };
struct tx_side { uint32_t oldest, first, last; bool held; };   /* held: what comes now is not for us */
struct part { const void *data; size_t len; };

int pool_init(struct seg_pool *p, struct arena *a, void (*punch)(void *user, uint64_t offset, uint64_t len), void *user);   /* -ENOMEM */
void pool_destroy(struct seg_pool *p);

/* What the program has read since the last look, with its segments recycled: octets, or -EPROTO. */
int64_t rx_progress(struct seg_pool *p, struct direction *d, struct rx_side *rx);
uint32_t rx_used(struct seg_pool *p, const struct rx_side *rx);   /* octets that the program has not read, as of the last progress */
/* Contiguous room at the end of the chain, which grows if need be. 0, -ENOBUFS, or -EBUSY while a peer writes there. */
int rx_span(struct seg_pool *p, struct direction *d, struct rx_side *rx, uint8_t **ret_at, size_t *ret_len);
void rx_commit(struct seg_pool *p, struct rx_side *rx, size_t n);       /* n octets at the span are there */
/* A whole record, its parts one after the other, in one segment. 0, or -ENOBUFS. */
int rx_put(struct seg_pool *p, struct direction *d, struct rx_side *rx, const struct part *parts, size_t n_parts, size_t total);
void rx_release(struct seg_pool *p, struct rx_side *rx);

/* Gives the direction its first segment. 0, or -ENOBUFS. */
int tx_start(struct seg_pool *p, struct direction *d, struct tx_side *tx);
/* The next octets that the program wrote: contiguous ones in len, all of the segment in used (both 0: none). 0, or -EPROTO.
 * They can change while they are looked at. */
int tx_span(struct seg_pool *p, struct direction *d, struct tx_side *tx, const uint8_t **ret_at, size_t *ret_len, uint32_t *ret_used);
int tx_retire(struct seg_pool *p, struct direction *d, struct tx_side *tx);   /* recycles what was drained and the program has left: 0, or -EPROTO */
void tx_consume(struct seg_pool *p, struct tx_side *tx, size_t n);      /* n <= the span's len */
bool tx_grow(struct seg_pool *p, struct direction *d, struct tx_side *tx);   /* the program goes on in a large segment, if it writes to a small one */
uint32_t tx_size(const struct seg_pool *p, const struct tx_side *tx);   /* of the segment being written, when it is the one being drained; else 0 */
uint32_t tx_pending(struct seg_pool *p, struct tx_side *tx);            /* octets written and not consumed, in the segment being drained */
void tx_release(struct seg_pool *p, struct tx_side *tx);

/*
 * The direct path from one program's tx to another's rx: the segment being written, i = tx.last, is appended to what the other reads. tx is held,
 * and all that was drained of it has come to rx.
 */
void direct_link(struct seg_pool *p, uint32_t i, uint32_t writer, struct direction *to, struct rx_side *rx, uint32_t reader);
/* The writer goes on in a fresh segment for us; the reader drains the shared one, and what we put behind it. 0, or -ENOBUFS. */
int direct_unlink(struct seg_pool *p, struct direction *from, struct tx_side *tx);
/* Both go on in a fresh large segment: 0, or -ENOBUFS. */
int direct_grow(struct seg_pool *p, struct direction *from, struct tx_side *tx, uint32_t writer, struct direction *to, struct rx_side *rx, uint32_t reader);
/*
 * What is not read in the shared segments, which are ended, is handed to keep, in its order, until that is false: a segment's octets, or the data of each
 * of its records. The caller has the reader's lock.
 */
struct recalled { struct record r; struct iovec name[2], data[2]; };      /* of octets: data alone */
struct recall { bool records; bool (*keep)(void *user, const struct recalled *what); void *user; };
void direct_recall(struct seg_pool *p, struct direction *to, struct rx_side *rx, const struct recall *how);
/* The same of all there is, what the engine put there included; no segment is shared with one who still writes. rx_progress tells how much of it was that. */
void rx_recall(struct seg_pool *p, struct direction *to, struct rx_side *rx, const struct recall *how);
/* Of the records that a peer has posted those that are not read. */
void posted_see(struct seg_pool *p, const struct rx_side *rx, void (*see)(void *user, const struct record *r), void *user);
void tx_skip(struct direction *d, const struct tx_side *tx);   /* the program, whose lock the caller has, writes to the last segment next */
bool direct_full(struct seg_pool *p, const struct tx_side *tx);         /* little room is left where the program writes */
uint32_t direct_unread(struct seg_pool *p, const struct rx_side *rx);   /* octets in shared segments that the program has not read */

/*
 * Idle flows hold no pages: what is drained is given back, false when something is not. rx: no program writes there, or the one that did has
 * gone on. tx: the caller has its lock, so nobody is in the middle of a write.
 */
bool rx_rest(struct seg_pool *p, const struct rx_side *rx);
bool tx_rest(struct seg_pool *p, const struct tx_side *tx);
uint32_t flow_stand(struct seg_pool *p, const struct rx_side *rx, const struct tx_side *tx);   /* another one when something was written or read */
void pool_rest(struct seg_pool *p);                                     /* the same of all segments that nobody has */
