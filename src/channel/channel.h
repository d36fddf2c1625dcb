/*
 * What both ends do with a channel. Functions with a `struct span` view are for the program's side, which may believe what the engine wrote;
 * the engine's side (which believes nothing) is in engine_side.h.
 */
#pragma once
#include <sys/uio.h>
#include "channel/arena.h"
#include "channel/atomic.h"

/* ---- program's side; the direction's lock is held by the caller (chan_lock) ---- */
uint32_t chan_rx_used(struct arena *a, struct channel *c);            /* octets readable, over the chain (for datagrams: of ring, not data). Lock not needed */
bool chan_rx_enough(struct arena *a, struct channel *c);              /* as many as SO_RCVLOWAT asks for. Lock not needed */
uint32_t chan_tx_room(struct arena *a, struct channel *c);            /* octets that chan_write would take now. Lock not needed */
/* Who has to hear of a copy: added up over several calls. */
struct handover {
	size_t done;                       /* octets that are published, or read: also where a fault in the program's memory ended the copying */
	size_t whole;                      /* writing: octets to come that go at once or not at all, unless they are many; 0: as many as fit */
	uint32_t peer;                     /* the channel that shares a segment that was used; 0: none */
	struct segment *inbox;             /* in which a datagram was read, and others may wait for room; NULL: none */
	uint32_t relieved;                 /* the sender of what was read in an inbox, when it is to hear of that; 0: nobody is */
	uint32_t engine;                   /* octets that were written for the engine, or came from it */
	bool left;                         /* a segment was left, which the engine may recycle; or it is to hear of room in an inbox */
	bool wants_room;                   /* writing: the segment shared with the peer is full, and the engine may grow it */
	bool outgrown;                     /* … and is the first, small one */
	bool warmed;                       /* writing: a segment has pages again, which the engine is to take back some day */
};
/* Has the peer sent nothing but what was in rx when that was looked at before? So it is where its program itself writes, has not begun to close, and has
 * the socket alone. */
bool chan_rx_told_all(struct arena *a, struct channel *c);
/* Has the peer's program closed it, so that after what is in rx there comes the end, and no reset? That of a TCP socket which goes directly both ways. */
bool chan_rx_ends(struct arena *a, struct channel *c);
uint32_t chan_tx_reader(struct arena *a, struct channel *c);          /* the channel whose program reads what is written now; 0: the engine. Lock not needed */
/* Copies into tx, from segment to segment; how many octets were taken (0: full). */
size_t chan_write(struct arena *a, struct channel *c, const void *data, size_t len, struct handover *h);
/* Copies from rx; consumes unless peek. offset skips octets (with peek). */
size_t chan_read(struct arena *a, struct channel *c, void *to, size_t len, size_t offset, bool peek, struct handover *h);
bool chan_tx_relieve(struct arena *a, struct channel *c);             /* has a writer missed room that is there now? Taken: wake it. Any process */
/* The next datagram: fills r, and name, control, data up to the capacities given; consumes unless peek. false when there is none. */
bool chan_read_record(struct arena *a, struct channel *c, struct record *r, void *name, size_t name_cap, void *control, size_t control_cap,
		      void *data, size_t data_cap, bool peek);
/* The same peek of the first one that reaches beyond *offset octets of data, those of the datagrams before it counted; *offset becomes the place in it. */
bool chan_peek_record_at(struct arena *a, struct channel *c, struct record *r, uint32_t *offset, void *name, size_t name_cap, void *control,
			 size_t control_cap, void *data, size_t data_cap);
bool chan_peek_record(struct arena *a, struct channel *c, struct record *r);   /* header only */
/* The next message that a peer has posted, or another sender (inbox.h), which has a name then, but never control; consumes unless peek. */
bool chan_read_posted(struct arena *a, struct channel *c, struct record *r, void *name, size_t name_cap, void *data, size_t data_cap, bool peek,
		      struct handover *h);
/* A message of len octets, of a Unix socket, to where its peer reads it. */
enum post_answer {
	POST_DONE,
	POST_FULL,                         /* SO_SNDBUF is: the reader makes room */
	POST_ROOM,                         /* the segment is: he does, or the engine gives a further one */
	POST_LARGE,                        /* there can be no room in this one */
	POST_ELSEWHERE,                    /* it has to be told to the engine */
};
enum post_answer chan_post(struct arena *a, struct channel *c, const struct iovec *v, int count, size_t len, struct handover *h);
/* What was charged and not discharged yet. A record is published before its charge, which may thus be behind: that is nothing. */
static inline uint32_t posted_beyond(struct channel *reader, uint32_t charged)
{
	uint32_t n = charged - shared_get32(&reader->posted.discharged);
	return n <= INT32_MAX ? n : 0;
}
uint32_t chan_posted(struct arena *a, struct channel *c);             /* what is posted and unread takes of SO_SNDBUF. Lock not needed */

/* EPOLL* bits of a channel, from rings and published state; the one place that decides readiness. */
uint32_t channel_poll(struct arena *a, struct channel *c);

/* ---- locks of the program's side ---- */
bool chan_trylock(struct chan_lock *l, uint32_t client);
void chan_lock(struct chan_lock *l, uint32_t client, long (*futex)(_Atomic uint32_t *, int op, uint32_t val, const void *timeout));
void chan_unlock(struct chan_lock *l, long (*futex)(_Atomic uint32_t *, int op, uint32_t val, const void *timeout));

/* ---- handing over work, both sides of the doorbell ---- */
void arena_mark_dirty(struct arena *a, uint32_t channel);
bool arena_ring(struct arena *a, bool local);      /* rung + 1; true: the engine sleeps, write its doorbell */
bool arena_sleeps(struct arena *a);                /* … which it does until somebody has */
void arena_rang(struct arena *a, uint64_t asleep); /* the doorbell was rung, and is heard, in the sleep of this number: it need not be once more */
bool arena_synced(struct arena *a);                /* done == rung */
bool arena_synced_locally(struct arena *a);        /* the same of what stays on its host: all that must be there at once */

/* ---- bells ---- */
void bell_set(struct bell *b, uint32_t channel, uint32_t edges);   /* sets the bit; BELL_IN and BELL_OUT: an edge for whom, if for anybody */
/* Disarms, and says how the caller has to wake; with 0 there is nothing to do. What stands in *ret_claim is handed back to bell_rung when that is done. */
uint32_t bell_ring(struct bell *b, uint32_t client, uint64_t *ret_claim);
void bell_rung(struct bell *b, uint64_t claim);
void bell_arm(struct bell *b, uint32_t how);       /* BELL_FUTEX and, or BELL_EVENTFD. Then look at the bits, then sleep */
void bell_disarm(struct bell *b);                  /* by its only sleeper */
uint32_t bell_take(struct bell *b, uint32_t from); /* the next set channel >= from, its bit cleared; 0 = none left */
uint32_t bell_take_edges(struct bell *b, uint32_t channel);   /* of a bit that was taken: since the last time */
uint32_t bell_when(struct bell *b, uint32_t channel);            /* by the order of these bits that are taken became ready */
bool bell_any(struct bell *b);                     /* is one set? */
