/*
 * Datagrams from program to program, without the engine.
 *
 * An *inbox* is the last segment of a datagram socket's rx chain, while it is open: every program whose way to the socket is clear puts its datagrams
 * there as the records that the engine would have put. So all datagrams of a socket stand in one line, whoever sent them and whichever way they came:
 *
 *     R.rx   .. 8 (engine) ── follow ──► 9 inbox ◄── A, B, C          the engine has a datagram for R: it ends 9, and goes on in 12
 *
 * The writers take turns by a lock in the segment that is only tried for: one that stands still in there sends the others the slow way, by the
 * engine, and with its next datagram for R the inbox is at its end. A writer publishes by compare-and-exchange on `head`, as on every shared segment: ending is
 * immediate whoever holds the lock, and one that is killed before has written nothing. A segment whose lock is held is not recycled.
 *
 * Whoever wants to put something there shows a *ticket*, which the engine gives with the answer to a SEND: the segment, with the serial number of
 * this use, and the sender's own number (channel.ticket). Nothing else says that the way is clear; so the engine ends the inbox, or changes that
 * number, before it lets anything change that they were given for.
 *
 * The receive buffer is counted as Linux does (base/charge.h), by sums that only grow: `charged` by the writers, `discharged` by the reader, who takes
 * it out of the record. What was unread before the segment began counts until the reader has come to it.
 *
 * Of a Unix socket it is the messages that are counted, for net.unix.max_dgram_qlen, and one that finds no room waits. Who sleeps in the call leaves
 * his channel's number (`waiting`), and the reader wakes one for each message that he reads, as Linux, and all when there are no more, as one who was
 * woken may have given up. Who polls, or does not wait, says so (`wanted`), and the reader then tells the engine, once, which knows those who are
 * connected to it. What a message takes of its sender's send buffer is added up in the sender's channel (posted.unread), before it is published and
 * until after it was read: it is never less than the truth, and there is no ticket for so much that it could matter to who sends or polls. A program
 * that is killed in the middle leaves it larger by one message.
 */
#pragma once
#include "channel/arena.h"

struct inbox_slot {
	struct segment *s;
	uint32_t head, at;                 /* where it begins, and how far it has come */
	uint32_t charge, size;             /* `charged`, and the octets in the ring, with this one */
	uint32_t reader;                   /* the channel that reads it */
	uint32_t tail;                     /* as it was when there was no room */
};
enum inbox_answer {
	INBOX_MINE,                        /* write, and end */
	INBOX_FULL,                        /* the receive buffer is; Linux would drop it: then inbox_dropped */
	INBOX_BUSY,                        /* somebody else writes */
	INBOX_ELSEWHERE,                   /* the ticket is no good any more, or there is too little room in the ring: the engine knows */
};

/* For a record r (without its charge) of these lengths. MINE has the lock and has written r; the parts follow in their order, then inbox_end. */
enum inbox_answer inbox_begin(struct arena *a, uint32_t segment, uint32_t serial, uint32_t client, struct record *r, struct inbox_slot *ret);
void inbox_write(struct arena *a, struct inbox_slot *slot, const void *data, size_t len);
bool inbox_end(struct inbox_slot *slot, bool publish);     /* false: not published; the inbox was ended meanwhile */
void inbox_dropped(struct inbox_slot *slot);               /* counts it; the slot is one that was FULL */

/* ---- of Unix sockets ---- */
bool inbox_charge(struct channel *sender, uint32_t data_len, uint32_t max);   /* a message of so much is about to be put somewhere. false: that is too much */
void inbox_discharge(struct channel *sender, uint32_t data_len);              /* it was read, or was not put there */
/*
 * One was read there. Is its sender to hear of that, since it waits for room in its send buffer, or is polled, and the inbox was full: as Linux, each message
 * that is read is an edge then. *ret_tell: somebody waits for room here, and the engine is to hear of it.
 */
bool inbox_read(struct arena *a, struct segment *s, const struct record *r, bool *ret_tell);
bool inbox_is_full(struct segment *s);
/* The same before it is said that there is no room: whoever makes some will tell the engine. */
bool inbox_stays_full(struct segment *s);
bool inbox_wait(struct segment *s, uint32_t sender);       /* before a last try, and sleep. false: too many do so already */
void inbox_waits_no_more(struct segment *s, uint32_t sender);   /* it sends, or has given up; others of the same socket have to be told */
/* One to be woken for a message that was read, which is handed back to inbox_woken when that is done; 0: there is none. more: another one, too. */
uint32_t inbox_wakes(struct segment *s, bool *ret_more);
void inbox_woken(struct segment *s, uint32_t sender);
/* What a connected socket of datagrams writes to is an inbox, and that is full. */
bool inbox_bars(struct arena *a, struct channel *c);
