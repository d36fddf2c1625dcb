/*
 * A program without the shim: speaks the control calls and moves data through the rings itself, so that the engine can be tested before and without
 * libsockland.so. A lab is an engine in a process of its own; a process may be several clients of it.
 */
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>
#include "channel/channel.h"
#include "rpc/rpc.h"
#include "topo/topo.h"

struct lab { struct topo topo; pid_t engine; int doors[16]; };
struct tclient { int fd, doorbell; struct arena *arena; uint32_t id, desk; };
struct tsock { struct tclient *c; int fd; uint32_t channel, generation; };   /* fd: the anchor */

void lab_start(struct lab *l, const char *shape);     /* "single,2": h1 and h2 on a switch */
void lab_start_small(struct lab *l, const char *shape, uint32_t segments, uint32_t descriptors);   /* with so few of them; 0: as usual */
void lab_start_open(struct lab *l, const char *shape, int listener);   /* who connects there comes in by a door of the first host */
int lab_end(struct lab *l);                           /* closes the doors; the engine's exit status */

void t_hello(struct tclient *c, const struct lab *l, size_t host);
void t_end(struct tclient *c);
/* One control call. out has room for RPC_OUT_MAX octets when out_len is given; fd receives the first descriptor passed. */
int64_t t_request(struct tclient *c, struct rpc_request *q, const void *in, size_t in_len, struct rpc_reply *reply, void *out, int *ret_fd);
int64_t t_verb(struct tclient *c, char *out, size_t size, const char *words);   /* words with single spaces */
long t_futex(_Atomic uint32_t *word, int op, uint32_t val, const void *timeout);   /* for chan_lock */
void t_ring(struct tclient *c, uint32_t channel);
void t_sync(struct tclient *c);                 /* the engine has worked off all that came before, hang-ups too, which ring nothing */

struct tsock t_socket(struct tclient *c, int domain, int type);
void t_pair(struct tclient *c, int type, struct tsock ret[2]);             /* of Unix sockets */
int64_t t_call(struct tsock *s, enum rpc_op op, int64_t arg0, int64_t arg1, const void *in, size_t in_len);
int64_t t_pass(struct tsock *s, enum rpc_op op, const void *in, size_t in_len, const int *fds, size_t n);    /* with descriptors */
int64_t t_bind(struct tsock *s, const char *addr, uint16_t port);
int64_t t_connect(struct tsock *s, const char *addr, uint16_t port);      /* as a blocking one */
int64_t t_accept(struct tsock *s, struct tsock *ret);                      /* does not wait */
int64_t t_sendto(struct tsock *s, const char *addr, uint16_t port, const void *data, size_t len);
ssize_t t_recv_now(struct tsock *s, void *buf, size_t len);               /* stream or datagram; -EAGAIN, 0 at the end, -errno */
ssize_t t_recv(struct tsock *s, void *buf, size_t len);                   /* waits, 10 s at most */
size_t t_write_now(struct tsock *s, const void *data, size_t len);        /* what fits */
size_t t_write(struct tsock *s, const void *data, size_t len);            /* all of it, waiting; short when the socket ends */
uint32_t t_poll(struct tsock *s);
bool t_wait(struct tsock *s, uint32_t events);                             /* until one of them, 10 s at most */
void t_close(struct tsock *s);
