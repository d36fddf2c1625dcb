/*
 * Unix sockets: the engine's (unix_sock.c); or with --kernel-unix, where no sandbox refuses those, the kernel's, with names of the host's own (unix_name.c)
 * in the calls that carry names (unix_call.c).
 */
#pragma once
#include <sys/epoll.h>
#include <sys/un.h>
#include "shim/shim.h"

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

/* unix_name.c. A name as the kernel is to have it. */
struct unix_name { struct sockaddr_un un; socklen_t len; };
int unix_name_out(const struct sockaddr *addr, socklen_t len, struct unix_name *n);     /* 1: n is it; 0: as the program says; or a negative errno */
void unix_name_in(struct sockaddr_storage *name, socklen_t *len);                       /* the kernel's becomes the program's, in place */
size_t unix_path_in(char *path, size_t len);                                            /* the same of sun_path alone, 108 octets: the new length */
bool unix_name_is_outside(const char *path, size_t len);                                /* an abstract name that is none of this host's */
long unix_autobind(int fd);

/* unix_call.c: calls on the kernel's sockets */
long kernel_socket(int domain, int type, int protocol);
long kernel_bind(int fd, const struct sockaddr *addr, socklen_t len);
long kernel_connect(int fd, const struct sockaddr *addr, socklen_t len);
long kernel_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
long kernel_name(long call, int fd, struct sockaddr *addr, socklen_t *len);             /* SYS_getsockname, SYS_getpeername */
long kernel_getsockopt(int fd, int level, int name, void *val, socklen_t *len);
long kernel_setsockopt(int fd, int level, int name, const void *val, socklen_t len);
long kernel_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr, socklen_t addr_len);
long kernel_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr, socklen_t *addr_len);
long kernel_sendmsg(int fd, const struct msghdr *msg, int flags);
long kernel_recvmsg(int fd, struct msghdr *msg, int flags);
bool kernel_names(const struct mmsghdr *vec, unsigned n);                               /* does one of them carry a name? */
int name_put(const void *name, size_t name_len, struct sockaddr *addr, socklen_t *len); /* to the program, cut as the kernel does */

/* A socket that wants credentials gets a name of its own when it first sends: so it is the shim that gives it (see unix_call.c). */
void kernel_send_prepare(int fd, const struct msghdr *m, int flags);                    /* m: NULL for what write does */
static inline void kernel_sends(int fd, const struct msghdr *m, int flags)
{
	if (table_is_marked(fd)) kernel_send_prepare(fd, m, flags);
}

/* unix_sock.c: the engine's */
/* A name as the engine is to have it. why: a path leads nowhere, and is no inode; what Linux says when it has looked at all else. */
struct unix_target { struct sockaddr_un un; char node[16]; socklen_t len; int why; };
bool unix_is_private(void);                                                             /* they are the engine's, as far as is known */
bool unix_is_refused(int fd);                                                           /* fd: a socket of the kernel's */
int unix_target(const struct sockaddr *addr, socklen_t len, struct unix_target *t);      /* to send to: 0 or a negative errno */
int unix_connect_target(const struct sockaddr *addr, socklen_t len, struct unix_target *t);      /* to connect, also to nobody */
long unix_bind(const struct sock *s, const struct sockaddr *addr, socklen_t len);
long unix_send(const struct sock *s, struct message *m);
long unix_recv(const struct sock *s, struct message *m);
/* unix_post.c: a message, by the ring if it can. seq: tx.seq before it. */
long unix_post(const struct sock *s, struct message *m, uint32_t seq);
long unix_waiting(const struct sock *s, int *ret);

/* unix_outside.c: who is none of the network's */
long outside_connect(const struct sock *s, const struct sockaddr *addr, socklen_t len, bool waits);
long outside_listen(const struct sock *s, int backlog);
long outside_accept(const struct sock *s, int k, struct sockaddr *addr, socklen_t *len, int flags);   /* from k, which it takes */
long outside_send(const struct sock *s, const struct message *m);
bool outside_is_resolver(const struct sockaddr *addr, socklen_t len);                   /* which nobody is to ask */

/* epoll.c: a socket that becomes one of the kernel's, in the sets of this process */
#define MOVES_MAX 16
struct moves { struct { int epfd; struct epoll_event event; } at[MOVES_MAX]; int n; };
void epolls_leave(const struct sock *s, struct moves *ret);                             /* have it no more */
void epolls_enter(const struct moves *m, int fd);                                       /* have what fd is by now */

/* unix_peer.c: what the kernel knows of the process at the other end */
bool unix_peer_has(const struct sock *s, int level, int name);
void unix_pidfd_put(struct message *m, size_t room);                                   /* m->pidfd_of's behind what came beside m, in room octets */
long unix_peer_get(const struct sock *s, int name, void *val, socklen_t *len);

/* unix_table.c */
#define UNIX_TABLE "/proc/net/unix"
long unix_table_open(int flags);                                   /* a descriptor, or a negative errno */
