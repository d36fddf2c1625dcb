/*
 * What the files of AF_UNIX share.
 *
 *     name.c      names, and who has them
 *     socket.c    life: bind, listen, connect, accept, shutdown, close; readiness and options
 *     data.c      messages: a queue at the receiver, accounted to the sender
 *     recv.c      reading them
 *     direct.c    what a host has to know that carries the messages of a pair itself
 *     post.c      the same of datagrams to one to whom many send
 *     facts.c     what lists of sockets show
 *     outside.c   those who are none of the network's
 *
 *     a ── peer ──► b        a stream or sequenced packets: both ways; datagrams: as each has connected
 *     b.pointing = {a}       so that b, when it goes, takes itself out of a
 *     b.queue ∋ m, m.sender = a, a.sent ∋ m, a.wmem += charge(m)
 */
#pragma once
#include <sys/un.h>
#include "base/hash.h"
#include "stack/unix/unix.h"

#define UNIX_PATH_AT ((socklen_t)offsetof(struct sockaddr_un, sun_path))

struct unix_sock;

struct unix_name {
	uint32_t refs;                     /* the owner, sockets it has accepted, messages, peers that remember it */
	struct hash_node by_key;           /* in one of the stack's tables, while owner is set */
	struct unix_sock *owner;
	struct inode node;             /* of a path */
	socklen_t len;
	struct sockaddr_un un;
	char end;                          /* a path of 108 octets ends here */
};

struct unix_msg {
	struct list node, of_sender;
	struct unix_sock *sender;          /* NULL: gone */
	struct unix_name *from;            /* the sender's when it went: until then it is the one that it has */
	struct sock_rights *rights;
	struct ucred cred;
	uint32_t len, at, charge;          /* at: octets of a stream that were read */
	bool cut;                          /* descriptors are lost */
	time_ns sent;
	uint8_t data[];
};

enum unix_state { UNIX_NEW, UNIX_LISTENING, UNIX_CONNECTED };

struct unix_sock {
	struct sock sk;
	enum unix_state state;
	struct unix_name *name, *peer_name;        /* peer_name: of a peer that is gone */
	struct unix_sock *peer;
	bool lost;                                 /* had a peer, which is gone */
	struct list pointing, of_peer;             /* those whose peer we are; and us in that list of our peer's */
	struct list queue, sent;
	uint32_t n_queued, wmem, queue_max;        /* queue_max: datagrams */
	uint32_t posted;                           /* beside wmem: what the host carries */
	struct unix_msg *oob;                      /* the newest out-of-band octet in queue; NULL: none, or taken */
	struct list backlog, of_listener;          /* connections that wait for accept; us in that list */
	struct unix_sock *listener;
	uint32_t n_backlog, backlog_max;
	bool outside;                              /* somebody from outside waits for accept */
	struct list waiting, of_waited;            /* those who want room in our queue or backlog; us in that list */
	struct unix_caller caller;
	struct ucred own, peer_cred;               /* when we listened or connected; the peer's then */
	bool passcred, passpidfd, passsec, passrights;   /* SO_PASSCRED, …; no message has a security label */
	int peek_off;                              /* SO_PEEK_OFF; -1: off */
};

/* Abstract names are the stack's own, paths lead anywhere: unix_share_paths(). */
struct unix_paths { uint32_t refs; struct hash names; };
struct unix_stack { struct hash names; struct unix_paths *paths; bool unlisted; };

static inline struct unix_sock *unix_of(const struct sock *sk) { return (struct unix_sock *)sk; }
/* It is told who sends; Linux names such a socket when it connects or sends. */
static inline bool unix_wants_sender(const struct unix_sock *us) { return us->passcred || us->passpidfd; }
static inline bool unix_stamps(const struct unix_sock *us) { return us->sk.type != SOCK_STREAM && (us->sk.timestamp || us->sk.timestamp_ns); }
/* More than a quarter of its send buffer is taken: it is not writable. */
static inline bool unix_is_crowded(const struct unix_sock *us) { return ((uint64_t)us->wmem + us->posted) * 4 > us->sk.sndbuf; }
static inline bool unix_is_dgram(const struct unix_sock *us) { return us->sk.type == SOCK_DGRAM; }

/* ---- name.c ---- */
/* Reads a name of a call: -EINVAL. ret->refs is 0: it lies in the caller's memory. */
int unix_name_parse(const struct sockaddr *a, socklen_t len, struct unix_name *ret);
struct unix_sock *unix_name_find(const struct unix_sock *who, const struct unix_name *n);   /* a path: of any type; an abstract name: of who's */
int unix_name_take(struct unix_sock *us, const struct unix_name *n);                        /* -EADDRINUSE, -ENOMEM */
int unix_name_auto(struct unix_sock *us);
struct unix_name *unix_name_new(const struct sockaddr_un *un, socklen_t len);               /* of nobody here, to be shown. NULL: no memory */
struct unix_name *unix_name_ref(struct unix_name *n);                                       /* NULL allowed */
void unix_name_unref(struct unix_name *n);
bool unix_name_is_path(const struct unix_name *n);
void unix_name_leave(struct unix_sock *us);                                                 /* others may have it now */
void unix_name_put(const struct unix_name *n, struct sockaddr_storage *ret, socklen_t *ret_len);   /* NULL: of an unnamed socket */

/* ---- socket.c ---- */
void unix_peer_set(struct unix_sock *us, struct unix_sock *peer);                           /* NULL: none */
int unix_find(struct unix_sock *us, const struct sockaddr *a, socklen_t len, struct unix_sock **ret);   /* to send or connect to; names us if that is due */
bool unix_hears(const struct unix_sock *us, const struct unix_sock *from);
void unix_wait_for(struct unix_sock *us, struct unix_sock *other);
void unix_wake_one(struct unix_sock *us);
void unix_wake_connected(struct unix_sock *us);
/* All who sleep on it, or were refused, and those who are connected to it. */
void unix_wake_waiting(struct unix_sock *us);
/* One message was read: there is room for one of them, and when it was the last one for all, since one who was woken may have given up. As Linux: who polls
 * for room hears of it when the queue was full. */
void unix_wake_for_room(struct unix_sock *us);

/* ---- data.c ---- */
ssize_t unix_send(struct sock *sk, const struct sock_msg *m);
extern const struct ucred unix_nobody;                                                      /* of a message that has no credentials to show */
/* A message to the end of to's queue: where its octets are to be put; NULL: no memory. */
uint8_t *unix_enqueue(struct unix_sock *us, struct unix_sock *to, uint32_t len, struct sock_rights *rights, const struct ucred *cred);
/* One that nobody here has sent: it is charged to nobody. */
struct unix_msg *unix_msg_new(struct unix_sock *to, uint32_t len);
bool unix_is_full(const struct unix_sock *us, const struct unix_sock *sender);
bool unix_has_unread(const struct unix_sock *us);                                           /* as Linux: but for an empty message at the front */
struct unix_msg *unix_first(const struct unix_sock *us);                                    /* of those that wait; NULL: none */
struct unix_msg *unix_next(const struct unix_sock *us, const struct unix_msg *q);
void unix_dequeue(struct unix_sock *us, struct unix_msg *m);                                /* and frees it */
void unix_queue_drop(struct unix_sock *us);
void unix_sent_forget(struct unix_sock *us);

/* ---- recv.c ---- */
ssize_t unix_recv(struct sock *sk, struct sock_msg *m);
uint32_t unix_unread(const struct unix_sock *us);                                           /* octets; of datagrams the first one's */
int unix_ioctl(struct sock *sk, unsigned long request, void *arg, size_t len);
