/*
 * The shared memory of one virtual network, and the ABI between engine and shim.
 *
 *     arena (one memfd: made, sized and sealed by the engine, mapped whole by every client)
 *     +--------+----------------+------------+-----------------+------------+---------------+------------------------+------------------+
 *     | header | channel[65536] | bell[2048] | segment[131072] | desk[1024] | wishes[65536] | data of the segments … | epoll sets[2048] |
 *     +--------+----------------+------------+-----------------+------------+---------------+------------------------+------------------+
 *
 * Pages are touched lazily: what isn't used costs nothing. Every shared word is read once, through the accessors of
 * atomic.h, into a local; the engine checks the local and never trusts what it wrote itself (its own indices live in
 * private memory). Index 0 of channel, bell and segment is never used: 0 means none.
 *
 * A socket has one channel, and a channel two directions. A direction is a chain of ring segments:
 *
 *     consumer reads here                      producer writes here
 *     segment 7 --next--> segment 9 --next--> segment 12
 *
 * Exactly one producer and one consumer at a time: on the program's side the direction's lock sees to that, on the engine's side
 * there is one thread. In rx the engine produces, in tx the program does. The producer copies, then publishes head; the consumer copies, then
 * publishes tail.
 *
 * Only the engine links, ends and recycles segments. It *ends* one by naming the next and then setting SEG_ENDED in head: from then on head stands
 * still. A program publishes head by compare-and-exchange, so it either comes before the end, or fails, and writes the same octets to the next
 * segment. A consumer goes on when it has drained a segment that is ended. That one act serves growing, and entering and leaving the direct path,
 * where the tx segment of one socket is the rx segment of another:
 *
 *     A.tx  .. 7 ══════════ 9 ── next ──► 12 ..           what A writes to 7 and 12 the engine carries through the stack,
 *                            ║                             what it writes to 9, B reads
 *     B.rx  .. 8 ─ follow ► 9 ─ follow ─► 13 ..           `next` is where the writing program goes on, `follow` the reading one
 *
 * A segment is recycled when the reading program has left it (read_seg) and the writing one, too (write_seg).
 * What other programs write datagrams to (inbox.h) is a segment of the rx chain as well, and shared in the same way.
 *
 * The pages of a segment in which nothing has happened for a while, and nothing is unread, are given back (*cold*): src/engine/idle.c.
 */
#pragma once
#include <stdatomic.h>
#include "base/types.h"

#define ARENA_MAGIC 0x736f636bu
#define ARENA_VERSION 8u

#define CHANNEL_MAX 65536u
#define BELL_MAX 2048u
#define SEGMENT_MAX 131072u
#define DESK_MAX 1024u                             /* clients beyond these do without */
#define SEGMENT_DATA_MAX ((uint64_t)16 << 30)      /* address space, not memory */
#define SEGMENT_SMALL 16384u                       /* the first of a direction */
#define SEGMENT_LARGE 262144u                      /* the next ones */
#define EPOLL_SET_SIZE ((uint64_t)4 << 20)         /* of each bell: address space, too. epoll_set.h says what lies there */

struct chan_lock { _Atomic uint32_t word; };       /* 0 free; else client id | LOCK_CONTENDED. The program's side waits for it, the engine never */
#define LOCK_CONTENDED 0x80000000u
#define LOCK_ENGINE 0x7fffffffu                     /* no client's id */

struct direction {
	struct chan_lock lock;
	_Atomic uint32_t read_seg, write_seg;      /* segment the consumer reads, the producer writes; 0 = no segment yet. Of a Unix socket of
	                                            * datagrams whose peer others send to as well: the peer's inbox (inbox.h) */
	_Atomic uint32_t seq;                      /* futex word: grows with every change that may end a wait */
	_Atomic uint32_t waiters;                  /* armed: number of sleepers on seq, or about to */
	_Atomic uint32_t limit;                    /* tx: octets that may be in the chain at once (0: no limit but the segments).
	                                            * rx: octets read that the program's side must tell of at the latest (0: its own choice) */
	_Atomic uint32_t starved;                  /* tx: the program's side found too little room. Whoever makes room takes it, and wakes.
	                                            * rx of a stream: the peer waits for an ACK that reading sends. Who empties the ring takes
	                                            * it, and tells the engine.
	                                            * rx of datagrams: a peer has put one there and could not wake the reader itself: the engine does */
	_Atomic uint32_t owing;                    /* the client that moves octets here past the engine, until it has woken the peer: of shared sockets */
};

/* What was written past the stack, for those who ask the stack: counted by the writer, under tx's lock. */
struct direct_sent {
	_Atomic uint64_t octets;
	_Atomic uint32_t writes, last_ms;          /* last_ms: CLOCK_MONOTONIC at the last one */
};

/*
 * Of a socket of messages, which go past the stack. charged, discharged: what those in the ring between two (record.c) took of their sender's send buffer:
 * what its own did; those of its peer that its program has read.
 */
struct posted {
	_Atomic uint32_t ticket;                   /* what a ticket (inbox.h) must say to be good. Changes with what it was given for */
	_Atomic uint32_t unread;                   /* what those of a Unix socket's that lie in inboxes take of its send buffer */
	_Atomic uint32_t charged, discharged;
};

struct channel {
	_Atomic uint32_t generation;               /* 0: slot free. Changes with each use of the slot */
	uint16_t domain, type, protocol, host;     /* constant while the generation is */
	_Atomic uint32_t flags;                    /* CHF_*: the program's side writes */
	_Atomic uint32_t state;                    /* CHS_*: the engine writes */
	_Atomic uint32_t poll;                     /* EPOLL* bits for reasons that are not in the rings: see channel_poll() */
	_Atomic int32_t rcvlowat;
	_Atomic int32_t linger_s;                  /* what a close waits at most; 0: it does not; < 0: it resets the connection */
	_Atomic int32_t peek_off;                  /* SO_PEEK_OFF: where the next peek begins; < 0: it is off. The program's side moves it */
	_Atomic int32_t rcvtimeo_ms, sndtimeo_ms;  /* as the options say: 0: for ever; < 0: not at all; TIMEO_LONG: that or more */
	_Atomic uint32_t bell;                     /* the only bell that watches it; 0: none; BELL_MANY: the engine knows them */
	union {
		struct direct_sent sent;           /* of a stream */
		struct posted posted;
	};
	struct direction rx, tx;
} __attribute__((aligned(64)));
#define TIMEO_LONG INT32_MAX     /* 24 days: as good as for ever */

#define STARVED_WRITER 1u    /* of tx: a write found too little room */
#define STARVED_POLLER 2u    /* a look found that it is not writable, which takes more */
#define STARVED_ROOM 3u      /* a message found that it does not fit the segment, whatever the limit allows */

#define CHF_NONBLOCK 1u      /* O_NONBLOCK of the open file description */
#define CHF_SHARED 2u        /* dup, fork, exec or SCM_RIGHTS happened: the anchor can't be recycled. Sticky */
#define CHF_CLOSED 4u        /* the program has closed it, and keeps the anchor for another socket */
#define CHF_ASYNC 8u         /* O_ASYNC: signals for what happens here */
#define CHF_OWNED 16u        /* an owner was set once: a signal for urgent data */
#define CHF_TAKEN 64u        /* one that was kept for the next socket() was given to the program: the engine hears of it with its first call */
#define CHF_LEFT 128u        /* beside CHF_CLOSED, and after the engine was told: where its peer left nothing unread here, what is to come there is a FIN */
#define CHF_TOLD 256u        /* its program was told of that FIN, ahead of the engine */
#define CHF_OUT_EDGES 512u   /* somebody asks epoll for edges of room: as in Linux each datagram that leaves is one. Sticky */
#define CHF_RING(edges) ((edges) << 10)   /* of BELL_MANY, BELL_IN and BELL_OUT: for whom the engine is to ring, which takes it away */
#define CHF_CLOSING 32u      /* its only descriptor is being closed: what comes now comes too late, and its end is on the way */

#define CHS_STREAM 1u        /* octets; else each ring entry is a struct record */
#define CHS_SENDABLE 2u      /* a stream or a Unix pair, connected, send side open: data may be put into tx. Otherwise sending is a control call */
#define CHS_EOF 4u           /* after what is in rx comes end of stream: recv answers 0. Of a Unix socket nothing else is left then */
#define CHS_ERROR 8u         /* an error is pending: when rx is empty (or before sending) ask with RPC_TAKE_ERROR */
#define CHS_LISTENING 16u
#define CHS_CONNECTING 32u
#define CHS_SHUT_WR 64u
#define CHS_LOCAL 256u       /* connected to an address of its own host: what is sent there is there at once */
#define CHS_MARK 512u        /* after what is in rx comes urgent data's mark: the stack has what lies behind, and RPC_RECV passes it */
#define CHS_DONE 2048u       /* beside CHS_EOF: the peer has ended it, so nothing can come after (as it can after SHUT_RD) */
#define CHS_INQ 1024u        /* TCP_INQ: each recvmsg says what is left */
#define CHS_DIRECT 4096u     /* a Unix socket: what is not in rx the peer has not sent. Otherwise, when rx is empty, RPC_RECV knows */
#define CHS_RING 8192u       /* a packet socket with a receive ring: only a look into that, which is the engine's, says whether it can be read */
#define CHS_ASKED 16384u     /* octets with more than their order, from an upper protocol (TCP_ULP) or with stamps: each send and receive is a control call */
#define CHS_GONE 128u        /* the engine has closed it (violation, host removed): everything answers ENETDOWN */

#define INBOX_WAITING 8u
#define INBOX_WAKES 0x80000000u

/* Positions count octets modulo 2^31: used = (head - tail) & SEG_POS <= size. What is written and what is read lie in lines of their own. */
struct segment {
	uint32_t size;                             /* power of two; written by the engine before it is linked */
	uint32_t page;                             /* first 4 KiB page in the data area */
	_Atomic uint32_t head;                     /* position, and SEG_ENDED */
	_Atomic uint32_t next;                     /* where the program that writes carries on when this is ended; 0: not known yet */
	_Atomic uint32_t reader;                   /* the channel whose program reads what is written here; 0: the engine does */
	_Atomic uint32_t cold;                     /* holds no pages: the program that writes here next clears it, and tells the engine */
	_Atomic uint32_t serial;                   /* changes with each use of the number */
	struct {                                   /* of an inbox, see inbox.h */
		struct chan_lock lock;             /* never waited for; the engine recycles no segment while it is held */
		_Atomic uint32_t charged;          /* what all that was put here took of the receive buffer; `discharged`: what was read of it */
		_Atomic uint32_t limit, before;    /* of the receive buffer; what was unread when this segment began */
		_Atomic uint32_t dropped;
		_Atomic uint32_t wanted;           /* INBOX_WANTED, INBOX_TOLD: somebody waits until there is room; the engine has been told that there is */
		_Atomic uint32_t filled;           /* somebody found no room since it was empty */
	} in;
	_Atomic uint32_t tail __attribute__((aligned(64)));
	_Atomic uint32_t follow;                   /* where the program that reads carries on when this is ended and drained; 0: not known yet */
	_Atomic uint32_t writer;                   /* the channel whose program writes here; 0: the engine does, or many do */
	_Atomic uint32_t discharged;
	_Atomic uint32_t waiting[INBOX_WAITING];   /* channels whose senders sleep until there is room, or, with INBOX_WAKES, are being woken; 0: none */
} __attribute__((aligned(128)));
#define INBOX_WANTED 1u
#define INBOX_TOLD 2u
#define SEG_ENDED 0x80000000u
#define SEG_POS 0x7fffffffu

/* In a datagram channel's rx. Followed by name, control, data, padded to 8 octets. Never split over two segments. */
struct record {
	uint32_t data_len, flags;                  /* flags: MSG_TRUNC … of the message */
	uint16_t name_len, control_len;
	uint32_t charge;                           /* in an inbox, and of a Unix socket: `charged` with this one. 0: it came from the engine */
	uint32_t sender;                           /* in an inbox: the channel it was sent by */
	uint32_t generation;                       /* that channel's, of a Unix socket */
};
static inline uint64_t record_size(uint32_t name_len, uint32_t control_len, uint32_t data_len)
{
	return (sizeof(struct record) + (uint64_t)name_len + control_len + data_len + 7) & ~(uint64_t)7;
}

/*
 * A bell is what one epoll instance or one polling thread sleeps on: a bitmap of channels that may have become ready, and a way to wake
 * the sleeper. Bits may be set spuriously, never lost. Whoever changes a channel sets its bit in every bell that watches it.
 *
 *     sleeper   reads seq; says how it is going to sleep; looks at the bits once more; sleeps while seq stands, or on the eventfd
 *     ringer    sets a bit; takes the sleeper's word and leaves its own name for it; moves seq; wakes; takes its name back
 *
 * seq moves after the word was taken: a sleeper that says it anew before that sees seq move and does not sleep, and one that says it after
 * has seen the bit. In the other order a ringer that lost the processor in between would take the word of a later sleep, and nobody would end that one.
 * A name that stands when its bearer is dead tells the engine whom to wake in its place.
 */
struct bell {
	_Atomic uint64_t armed;                    /* client that is about to wake << 32 | claims so far << 2 | BELL_FUTEX (sleeps on seq), BELL_EVENTFD */
	_Atomic uint32_t seq;
	_Atomic uint32_t generation;               /* changes with each use of the slot */
	_Atomic uint64_t summary[CHANNEL_MAX / 64 / 64];
	_Atomic uint64_t bits[CHANNEL_MAX / 64];
	struct { _Atomic uint64_t in, out; } edge[CHANNEL_MAX / 64];    /* beside a bit, and set before it: for whom it is an edge */
	_Atomic uint32_t rings, when[CHANNEL_MAX]; /* … and which ring it was that set it first: so epoll tells */
} __attribute__((aligned(4096)));
#define BELL_IN 1u           /* something is there to be read */
#define BELL_OUT 2u          /* there is room; both: the state is another, which all are told of */
#define BELL_FUTEX 1u
#define BELL_EVENTFD 2u
#define BELL_ARMED (BELL_FUTEX | BELL_EVENTFD)
static inline uint32_t bell_claimant(uint64_t armed) { return (uint32_t)(armed >> 32); }
#define BELL_MANY UINT32_MAX

/* Of a listener, beside its channel: the connection that was accepted ahead, and who calls (offer.h). */
struct offer { _Atomic uint64_t word; uint32_t name_len; uint8_t name[116]; };

/* Where a client's short control calls lie, and the answers: desk.h. */
#define DESK_ROOM 496u
struct desk {
	_Atomic uint32_t owner;                    /* client; 0: nobody. The engine writes */
	_Atomic uint32_t answered;                 /* futex word: moves with each answer, and when none will come */
	_Atomic uint32_t armed;                    /* the owner sleeps on it, or is about to */
	_Atomic uint32_t len;                      /* of the call, then of the answer; 0: that comes over the pair */
	uint8_t text[DESK_ROOM];
} __attribute__((aligned(64)));

struct arena {
	uint32_t magic, version;
	uint64_t size;
	uint64_t set_locks;                        /* the epoll file of set i holds a lock on this octet + i: see epoll_set.h */
	_Atomic uint32_t dead;                     /* the engine is gone: every call answers ENETDOWN */
	_Atomic uint32_t faults;                   /* FAULT_BIT(…) of rpc/call_fault.h: calls with faults set on, which the engine is asked about */
	_Atomic uint64_t asleep;                   /* odd, and another number each time: the engine sleeps, or is about to: ring its doorbell (eventfd)
	                                            * after work. Even: it is awake, or somebody has rung */
	_Atomic uint64_t rung;                     /* work handed over: +1 by the client after each piece */
	_Atomic uint64_t rung_local;               /* the last of it that was about a socket whose peer is on its own host: see arena_synced_locally() */
	_Atomic uint64_t done;                     /* the engine has worked off everything rung up to here */
	_Atomic uint32_t channels_used, bells_used, desks_used; /* no index above these was ever in use: what the guard walks */
	_Atomic uint64_t dirty_summary[CHANNEL_MAX / 64 / 64];  /* which channels have new tx data, or rx that was drained */
	_Atomic uint64_t dirty[CHANNEL_MAX / 64];
	_Atomic uint64_t wishing_summary[CHANNEL_MAX / 64 / 64];  /* for which channels options were left (wish.h) */
	_Atomic uint64_t wishing[CHANNEL_MAX / 64];
	_Atomic uint64_t asks[DESK_MAX / 64];      /* desks on which a call lies */
};

#define ARENA_CHANNELS_OFF 65536u
#define ARENA_BELLS_OFF (ARENA_CHANNELS_OFF + (uint64_t)CHANNEL_MAX * sizeof(struct channel))
#define ARENA_SEGMENTS_OFF (ARENA_BELLS_OFF + (uint64_t)BELL_MAX * sizeof(struct bell))
#define ARENA_DESKS_OFF (ARENA_SEGMENTS_OFF + (uint64_t)SEGMENT_MAX * sizeof(struct segment))
#define ARENA_WISHES_OFF (ARENA_DESKS_OFF + (uint64_t)DESK_MAX * sizeof(struct desk))
#define ARENA_OFFERS_OFF (ARENA_WISHES_OFF + (uint64_t)CHANNEL_MAX * sizeof(uint64_t))
#define ARENA_DATA_OFF (ARENA_OFFERS_OFF + (uint64_t)CHANNEL_MAX * sizeof(struct offer))
#define ARENA_SETS_OFF (ARENA_DATA_OFF + SEGMENT_DATA_MAX)
#define ARENA_SIZE (ARENA_SETS_OFF + BELL_MAX * EPOLL_SET_SIZE)

static inline struct channel *arena_channel(struct arena *a, uint32_t i)
{
	return (struct channel *)((char *)a + ARENA_CHANNELS_OFF) + i;
}
static inline struct bell *arena_bell(struct arena *a, uint32_t i) { return (struct bell *)((char *)a + ARENA_BELLS_OFF) + i; }
static inline struct segment *arena_segment(struct arena *a, uint32_t i)
{
	return (struct segment *)((char *)a + ARENA_SEGMENTS_OFF) + i;
}
static inline struct desk *arena_desk(struct arena *a, uint32_t i) { return (struct desk *)((char *)a + ARENA_DESKS_OFF) + i; }
static inline _Atomic uint64_t *arena_wish(struct arena *a, uint32_t i) { return (_Atomic uint64_t *)((char *)a + ARENA_WISHES_OFF) + i; }
static inline struct offer *arena_offer(struct arena *a, uint32_t i) { return (struct offer *)((char *)a + ARENA_OFFERS_OFF) + i; }
static inline uint8_t *arena_data(struct arena *a, uint32_t page) { return (uint8_t *)a + ARENA_DATA_OFF + (uint64_t)page * 4096; }
