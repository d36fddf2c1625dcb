/*
 * AF_UNIX inside one stack. Read first: unix(7).
 *
 * A path is what the file system makes of it, which the core can't ask: the host resolves it, and hands in where it leads. Credentials and
 * descriptors in flight are the host's, too: the core carries them.
 */
#pragma once
#include "base/inode.h"
#include "stack/socket/sock.h"

/* The octets of a sockaddr_un with a path are followed by a struct inode, in every call that has one. */
int unix_new(struct stack *s);
void unix_free(struct stack *s);
/* Paths name the same sockets on both from now on; s has none yet. */
void unix_share_paths(struct stack *s, struct stack *with);
/* Those of all messages that whoever has sk can receive, now or when it accepts a connection. */
void unix_each_rights(struct sock *sk, void (*each)(void *user, struct sock_rights *r), void *user);
/* On whose behalf the next calls on sk are made. */
void unix_act_as(struct sock *sk, const struct ucred *who);
/* The two are connected to each other. Both new, of one type, and acting as whoever makes them. */
void unix_pair(struct sock *a, struct sock *b);

uint32_t unix_backlog(const struct sock *sk);     /* of one that listens */
void unix_accepted(struct sock *sk);              /* sk->ahead is no more: there is room for another connection */

/* ---- for a host that carries octets past the stack (direct.c): from and to are the ends of a pair ---- */
struct sock *unix_other_end(const struct sock *sk);                         /* NULL: it is no such end */
bool unix_goes_past(const struct sock *from, const struct sock *to);        /* nothing but octets can be sent, as far as the two have to do with that */
bool unix_is_read(const struct sock *from, const struct sock *to);          /* nothing waits in to's queue, and nothing of from's in any */
bool unix_awaits_accept(const struct sock *sk);                             /* nobody has its other end yet, so nothing has come from there */
bool unix_is_over(const struct sock *sk);                                   /* it reads nothing any more but the end */
int unix_recall(struct sock *from, struct sock *to, const struct iovec data[2]);   /* went past and was not read: to the end of the queue. -ENOBUFS */
void unix_break(struct sock *sk);                                           /* octets are lost: ECONNRESET, and the end */
