/*
 * Control calls between a client (a process) and the engine: one SEQPACKET message each way, or a text on the client's desk in shared memory
 * (channel/desk.h) where it is short and no descriptors come with it; answered at once, never parked.
 * One row a call in rpc.c: name, what it carries, which part of the engine serves it. Results are >= 0 or a negative errno.
 *
 *     client -> engine:  struct rpc_request, in_len octets [, one descriptor]
 *     engine -> client:  struct rpc_reply, out_len octets [, descriptors]
 *
 * A descriptor of each host, its *door*, is inherited by every process that runs on it: the only message a door knows from programs is HELLO,
 * which brings a new pair's end; the rest goes over that pair. The command line uses a door the same way.
 */
#pragma once
#include <sys/socket.h>
#include "base/types.h"

#define RPC_SETTING_MAX 512u      /* octets of a path and what is written there */
#define RPC_OPTION_MAX 65536u     /* octets of an option's value */
#define RPC_ROWS(X) \
	/*  name        in_min in_max  meaning of channel, arg[], in; result, out, fds */ \
	X(HELLO,        0,   256)   /* on a door, with the client's end (also over a pair that fork inherited); arg: pid, uid, gid; in: \
	                             * program name. Answer on the new pair: client id; out: struct rpc_hello; fds: arena, doorbell */ \
	X(SOCKET,       0,   0)     /* arg: domain, type, protocol; spare. channel, generation; fd: anchor, unless the spare one serves */ \
	X(PAIR,         0,   0)     /* of AF_UNIX. arg: type, protocol. channel, generation of the first; out: struct rpc_pair, the \
	                             * second; fds: both anchors */ \
	X(BIND,         0,   128)   /* in: sockaddr, here and below with a struct inode behind a path. One descriptor: the kernel's socket \
	                             * that is bound there, or that inode */ \
	X(CONNECT,      0,   128)   /* arg: whether the caller waits; in: sockaddr. 0, -EINPROGRESS, -EALREADY, … : repeat after sleeping. \
	                             * -EREMOTE: it is none of this network's that is bound there */ \
	X(LISTEN,       0,   0)     /* arg: backlog. fd: the kernel's socket of BIND, to listen, too */ \
	X(ACCEPT,       0,   0)     /* arg: 0, or an SCTP association to be given a socket of its own; spare. channel, generation of the \
	                             * new socket; out: peer sockaddr; fd: as with SOCKET; -EAGAIN. Channel 0: the one to accept comes \
	                             * from outside; fd: the kernel's socket that it waits at */ \
	X(SEND,         16,  RPC_IN_MAX) /* arg: whether a ticket is wanted, what a stream's call has left to send if it goes on, 0; in: struct \
	                                  * rpc_send, name, control, data; on Unix sockets with descriptors. octets sent, or the errno, \
	                                  * -EREMOTE as above; out: struct rpc_ticket, if there is one. RPC_SEND_BY_TICKET: nothing is wrong, \
	                                  * and it is by this that the message goes. Or, last, 1 + the length of data that can't be read: the \
	                                  * error */ \
	X(RECV,         0,   8)     /* arg: flags, data capacity, control capacity: what the ring does not hold (MSG_ERRQUEUE, MSG_OOB, \
	                             * Unix sockets); in: a stream's peek may have a struct rpc_peek. out: struct rpc_recv, name, control, \
	                             * data; fds: descriptors passed */ \
	X(TAKE_ERROR,   0,   0)     /* the pending error, cleared: 0 or a positive errno */ \
	X(KEEP_ERROR,   0,   0)     /* arg: a positive errno, pending from now on: what a call that had succeeded in part met */ \
	X(NOTHING,      0,   0)     /* what RECV would say if nothing were there to be read: 0 at the end of a stream, -EAGAIN, the \
	                             * pending error */ \
	X(SHUTDOWN,     0,   0)     /* arg: how */ \
	X(SETSOCKOPT,   0,   RPC_OPTION_MAX) /* arg: level, name, 0; in: value. Or 1 + the length of a value that can't be read: the error */ \
	X(GETSOCKOPT,   0,   RPC_OPTION_MAX) /* arg: level, name, capacity; in: what the program's buffer holds. out: value; result: length. \
	                             * Capacity -1: how much it takes, where it is refused for want of room */ \
	X(GETSOCKNAME,  0,   0)     /* out: sockaddr */ \
	X(GETPEERNAME,  0,   0)     /* out: sockaddr */ \
	X(IOCTL,        0,   4096)  /* arg: request; in: struct. out: struct */ \
	X(RINGS,        0,   0)     /* of a packet socket. out: struct rpc_rings; fds: a memory for each ring that there is, the receive \
	                             * ring's first */ \
	X(OUTSIDE,      0,   0)     /* of a Unix socket that is to meet the outside. arg: OUTSIDE_… . 0, or why it can't connect; fd: the \
	                             * kernel's socket of BIND, if there is one */ \
	X(IDENTIFY,     0,   0)     /* arg: inode of an anchor. channel, generation; -ENOTSOCK when it is none of ours */ \
	X(SYNC,         0,   0)     /* answers when everything rung before is worked off */ \
	X(WHO,          0,   0)     /* the caller's user or group ids are others now: they are looked at anew */ \
	X(BELL,         0,   0)     /* new bell; arg: 0 or BELL_OF_SET. result: its index; fd: its eventfd, but not of a set's */ \
	X(BELL_FREE,    0,   0)     /* arg: index. A set's: the client uses it no more */ \
	X(SET_JOIN,     0,   0)     /* arg: index of an epoll file's bell that the client uses, too. result: its generation */ \
	X(BELL_FD,      0,   0)     /* arg: index of any bell. result: its generation; fd: its eventfd */ \
	X(WATCH,        8,   65536) /* arg: bell; in: struct rpc_watch[]. Their bits are set at once, so that the first look finds what is \
	                             * ready */ \
	X(UNWATCH,      8,   65536) /* arg: bell; in: struct rpc_watch[] */ \
	X(FILE,         1,   256)   /* arg: 0, then what the last piece's result was; in: path, as /etc/hosts. out: a piece of the text \
	                             * that this host sees, result: 0, or that more follows; -ENOENT: not a virtual file */ \
	X(LOOK,         1,   256)   /* in: path below /proc/net, /proc/sys/net or in sysfs. result: st_mode of what it names; out: a \
	                             * directory's entries (engine/proc/tree.h), or where a link leads; -ENOENT */ \
	X(SETTING,      3,   RPC_SETTING_MAX) /* in: path below /proc/sys/net or in sysfs, NUL, what is written there. -EACCES, … as Linux */ \
	X(HOSTNAME,     0,   0)     /* out: the host's name */ \
	X(UNIX_NAME,    1,   108)   /* in: an abstract name, of its host, that is too long for its tag. result: its number */ \
	X(UNIX_NAMED,   0,   0)     /* arg: number. out: the name */ \
	X(REFUSED,      1,   256)   /* arg: errno; in: the call's text: counted for the report at the end */ \
	X(FAULT,        0,   128)   /* arg: enum fault_call, octets to move; in: the address of a bind or connect. channel 0: a socket() \
	                             * to be. out: struct rpc_fault */ \
	X(FAULT_DONE,   0,   0)     /* after a call whose octets count. arg: enum fault_call, octets it was allowed, octets it moved. \
	                             * -EAGAIN: ask again, with 0 and 0 */ \
	/* for the command line */ \
	X(DOOR,         1,   64)    /* in: host. fd: its door */ \
	X(VERB,         1,   65536) /* in: words of set, cut, flap, fault, show, down …, each ended by NUL. out: text for the user */ \
	X(CAPTURE,      2,   256)   /* in: HOST:IF or a link, ended by NUL. result: link type; fd: a stream socket that brings pcapng, \
	                             * until it is shut; out: what is wrong */

#define X(name, in_min, in_max) RPC_##name,
enum rpc_op { RPC_ROWS(X) RPC_OP_COUNT };
#undef X
struct rpc_row { const char *name; uint32_t in_min, in_max; };
extern const struct rpc_row rpc_rows[RPC_OP_COUNT];

enum { OUTSIDE_SENDS, OUTSIDE_LEAVES, OUTSIDE_STAYS };   /* LEAVES: connects, and what comes there is its own affair, but if it stays after all */

/* What a Unix message may have where SO_SNDBUF is as large as it gets: a pair takes that when its buffers are. TEXT: what any takes. */
#define RPC_BUFFER 425984
#define RPC_MARGIN 128u            /* for headers, the kernel's and ours */
#define RPC_IN_MAX (RPC_BUFFER - RPC_MARGIN)
#define RPC_OUT_MAX (RPC_BUFFER - RPC_MARGIN)
#define RPC_TEXT_MAX 131072u
#define RPC_FDS_MAX 4
#define RPC_RIGHTS_MAX 253         /* descriptors beside a SEND, and beside what answers a RECV: the kernel's own limit */
#define UNIX_TAG_LEN 8          /* before the abstract names of a host in the kernel's table: see shim/unix_name.c */
struct rpc_request {
	uint32_t op, channel, generation, in_len;
	int64_t arg[3];
	uint32_t spare, pad;                       /* channel of a closed socket whose anchor the caller has kept; 0: none */
};
struct rpc_reply { int64_t result; uint32_t channel, generation, out_len, pad; };
struct rpc_hello { uint32_t client, host, privileged, kernel_unix, desk, pad; uint64_t arena_size; char host_name[64], unix_tag[UNIX_TAG_LEN]; };
struct rpc_rings { uint64_t rx_octets, tx_octets; };       /* 0: there is none */
struct rpc_pair { uint32_t channel, generation; };
struct rpc_send { uint32_t name_len, control_len, data_len; int32_t flags; };
#define RPC_RECV_GO_ON (1ll << 32)          /* beside the flags of a RECV: the call has something already */
#define RPC_RECV_PAST_PEEK_OFF (1ll << 33)  /* SO_PEEK_OFF is not for it */
#define RPC_RECV_CONTROL 8192u              /* of control messages at most */
#define RPC_UNIX_CONTROL 96u                /* of those of a Unix message, beside descriptors: credentials and a stamp */
#define RPC_UNIX_MOST (RPC_OUT_MAX - sizeof(struct rpc_recv) - sizeof(struct sockaddr_storage) - RPC_UNIX_CONTROL)
#define RPC_RECV_MOST (RPC_OUT_MAX - sizeof(struct rpc_recv) - sizeof(struct sockaddr_storage) - RPC_RECV_CONTROL)   /* of data */
struct rpc_peek { uint32_t offset, room; };   /* octets passed over; what the call has room for, of which this is a part */
struct rpc_recv { uint32_t name_len, control_len, data_len; int32_t flags, pidfd_of; };   /* pidfd_of: whose pidfd is to be added; 0: nobody's; -1: none */
/*
 * For more to the same name without us: channel/inbox.h. name: what the receiver is to see. unread_max: of a Unix socket's send buffer, what lies in inboxes
 * may take.
 */
struct rpc_ticket { uint32_t segment, serial, ticket, octets_max, unread_max, name_len; uint8_t name[112]; };
#define RPC_SEND_BY_TICKET (-4096)          /* no errno */
#define BELL_OF_SET 1             /* an epoll file's, with a place for its members */
struct rpc_watch { uint32_t channel, generation; };
/* What happens to a call. err 0: no error; counts: FAULT_DONE wants to know. */
struct rpc_fault { int32_t err; uint32_t counts; int64_t delay_ns; uint64_t limit; };

/* Checks a received request of n octets against its row: 0, or -EPROTO (a violation). */
int rpc_check(const struct rpc_request *q, size_t n);
