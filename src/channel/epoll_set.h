/*
 * The virtual members of one epoll file, for all processes that have it open; the kernel's members are in the kernel's own set beneath.
 *
 * An epoll file is an open file like any other: dup, fork, exec and SCM_RIGHTS hand it on with its members. So they stand here, beside the bell of the
 * same number, and every holder of the file reads and changes them under the set's lock. What the programs' shims write here the engine never
 * reads, but for the lock, which it releases when its holder is dead.
 *
 * Which set belongs to a file, and whether the file is still open anywhere, the kernel answers: a shim puts an open file description's lock (F_OFD_SETLK)
 * on the octet arena.set_locks + number of the inode that all epoll files share. It goes when the last reference does, wherever that is. A
 * holder of the file does not conflict with its own lock, and everybody else does.
 *
 * A holder may be killed between any two steps: each leaves lists that can be walked, and at worst a slot that is lost until the file is closed. `doubt`
 * then has the next one look at all members.
 */
#pragma once
#include <assert.h>
#include "channel/arena.h"

#define MEMBERS_MAX 65536u
#define NEST_MAX 64

/*
 * A member is a descriptor's number and the socket that it was when it was added, as Linux's is (file, number). generation 0: a free slot. next: of the same
 * channel, or free. off: one-shot, and fired. edge: its channel was rung, or it was changed, since it was looked at last.
 */
struct epoll_member {
	int32_t fd;
	uint32_t index, generation, events;
	_Atomic uint32_t next;
	uint32_t client;                           /* who added it */
	uint64_t data;
	bool off, edge;
};

/* An epoll file in the set. fd: + 1; 0: a free place. seen: where its bell stood at the last report, for edges. */
struct epoll_nested { int32_t fd; uint32_t set, generation, events, seen; uint64_t data; bool off; };

struct epoll_set {
	struct chan_lock lock;
	_Atomic uint32_t shared;                   /* more than one process has the file open. Sticky */
	_Atomic uint32_t members, nests;           /* never too low */
	_Atomic uint32_t kernel_members;           /* the same */
	_Atomic uint32_t tells_ends;               /* one of these tells of the end of processes. Sticky */
	_Atomic uint32_t on_futex, on_eventfd;     /* sleepers, by what wakes them; never too low */
	_Atomic uint32_t kernel_owed;              /* the last report had no room left for the kernel's members */
	_Atomic uint32_t kernel_ready;             /* a sleeper has seen that the kernel's members are */
	_Atomic uint32_t doubt;                    /* whoever held the lock is dead */
	uint32_t free, top;                        /* member slots: the first free one; ever used */
	_Atomic uint32_t first;                    /* of the queue of channels to look at (again), in the order in which they became ready; 0: it is empty */
	uint32_t last;
	struct { uint16_t before, after; } queue[CHANNEL_MAX];   /* channels, by channel */
	uint64_t queued[CHANNEL_MAX / 64];         /* a bit for each channel that is in the queue */
	struct epoll_nested nested[NEST_MAX];
	_Atomic uint32_t of_channel[CHANNEL_MAX];  /* first member, by channel; 0: none */
	uint32_t watched[CHANNEL_MAX];             /* by channel: the generation that the bell watches, if only since a member that went */
	struct epoll_member slot[MEMBERS_MAX];     /* from 1 */
};
static_assert(sizeof(struct epoll_set) <= EPOLL_SET_SIZE, "a set has outgrown its place");

static inline struct epoll_set *arena_set(struct arena *a, uint32_t i) { return (struct epoll_set *)((char *)a + ARENA_SETS_OFF + i * EPOLL_SET_SIZE); }
