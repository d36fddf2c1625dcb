/*
 * AF_UNIX inside one stack. Read first: unix(7).
 *
 * A path is what the file system makes of it, which the core can't ask: the host resolves it, and hands in where it leads. Credentials and
 * descriptors in flight are the host's, too: the core carries them.
 */
#pragma once
#include <sys/un.h>
#include "base/inode.h"
#include "stack/socket/sock.h"

/* The octets of a sockaddr_un with a path are followed by a struct inode, in every call that has one. */
int unix_new(struct stack *s);
void unix_free(struct stack *s);
/* Paths name the same sockets on both from now on; s has none yet. */
void unix_share_paths(struct stack *s, struct stack *with);
/* Those of all messages that whoever has sk can receive, now or when it accepts a connection. */
void unix_each_rights(struct sock *sk, void (*each)(void *user, struct sock_rights *r), void *user);
/*
 * On whose behalf the next calls on sk are made: by effective ids, which a peer is shown (SO_PEERCRED), and by real ones, which go beside messages. Whether it
 * may say that it is somebody else the host knows: 0, -EPERM, or -ESRCH for a process that is not there; NULL: it may not.
 */
struct unix_caller { struct ucred effective, real; int (*may_say)(void *host, const struct ucred *who); void *host; };
void unix_act_as(struct sock *sk, const struct unix_caller *who);
/* The two are connected to each other. Both new, of one type, and acting as whoever makes them. */
void unix_pair(struct sock *a, struct sock *b);

/* ---- what lists tell of a socket: /proc/net/unix, and sock_diag (stack/netlink/diag) ---- */
struct unix_facts {
	uint8_t state;             /* TCP's numbers: TCP_ESTABLISHED, TCP_CLOSE, TCP_LISTEN */
	bool held;                 /* by a program; others are connections that nobody has accepted */
	uint32_t refs;             /* as Linux counts them: itself, its place in the table, those whose peer it is */
	bool has_peer;
	uint64_t peer;             /* its inode; 0: it is gone, or nobody has accepted it */
	const struct inode *node;  /* of a path; NULL: its name is none */
};
/* The host has others, too, of which the stack knows nothing: there is no list of them here. */
void unix_unlist(struct stack *s);
bool unix_is_listed(const struct stack *s);
/* false: the list does not show it, for it is there for who asks next. */
bool unix_facts_of(const struct sock *sk, struct unix_facts *ret);
/* Octets not read, of datagrams the first one's, and what was sent and not read takes of SO_SNDBUF; of a listener: who waits, and how many may. */
void unix_queues(const struct sock *sk, uint32_t *ret_in, uint32_t *ret_out);
/* The inodes of those who wait to be accepted, 0 for who is gone: as many as fit. How many there are. */
uint32_t unix_callers(const struct sock *listener, uint32_t *ret, uint32_t max);

/* ---- the outside: other programs, which find sk by path, and which the host meets ---- */
void unix_outside_waits(struct sock *sk, bool waits);                       /* to be accepted */
bool unix_outside_is_waiting(const struct sock *sk);
bool unix_has_backlog(const struct sock *sk);                               /* does anybody else wait for that? */
/* Datagrams. Is there room for one, and would it be heard? Then it may go to the end of sk's queue; takes a reference of rights. -ENOMEM */
struct unix_outside_message {
	const struct sockaddr_un *from; socklen_t from_len;
	const void *data; uint32_t len;
	struct sock_rights *rights;
	struct ucred cred;
	bool cut;                  /* descriptors that belonged to it are lost */
};
bool unix_outside_may_send(const struct sock *sk);
int unix_outside_send(struct sock *sk, const struct unix_outside_message *m);
int unix_may_connect(const struct sock *sk);                                /* 0, or why not */

uint32_t unix_backlog(const struct sock *sk);     /* of one that listens */
void unix_accepted(struct sock *sk);              /* sk->ahead is no more: there is room for another connection */

/* ---- for a host that carries octets past the stack (direct.c): from and to are the ends of a pair ---- */
struct sock *unix_other_end(const struct sock *sk);                         /* NULL: it is no such end */
bool unix_goes_past(const struct sock *from, const struct sock *to);        /* nothing but octets can be sent, as far as the two have to do with that */
bool unix_is_read(const struct sock *from, const struct sock *to);          /* nothing waits in to's queue, and nothing of from's in any */
bool unix_awaits_accept(const struct sock *sk);                             /* nobody has its other end yet, so nothing has come from there */
bool unix_is_over(const struct sock *sk);                                   /* it reads nothing any more but the end */
int unix_recall(struct sock *from, struct sock *to, const struct iovec data[2]);   /* went past and was not read: to the end of the queue. -ENOBUFS */
/* ---- the same of datagrams to one to whom many send ---- */
int unix_recall_orphan(struct sock *to, const struct sockaddr_un *from, socklen_t from_len, const struct iovec data[2]);   /* whose sender is gone. -ENOBUFS */
struct sock *unix_receiver(const struct sock *from, const struct sockaddr *name, socklen_t name_len);   /* name_len 0: its peer. NULL: there is none */
/* Nothing is wrong with an ordinary message of len octets, but perhaps for want of room: none waits in to's queue, nor of from's in any. */
bool unix_may_post(const struct sock *from, const struct sock *to, uint32_t len);
uint32_t unix_queue_most(const struct sock *to);                           /* so many may be unread */
void unix_posted(struct sock *from, uint32_t unread);                       /* so much of its send buffer is taken by what the host carries */
uint32_t unix_posted_now(const struct sock *from);                          /* as it was said last */
void unix_awaits_room(struct sock *from, struct sock *to);                  /* the host has found that there is none with it */
bool unix_has_room(struct sock *to, uint32_t n);                            /* for n messages: who waits is woken. Does anybody still? */
void unix_each_pointing(struct sock *to, void (*each)(void *user, struct sock *from), void *user);      /* those whose peer it is */
void unix_break(struct sock *sk);                                           /* octets are lost: ECONNRESET, and the end */
