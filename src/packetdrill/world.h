/* What lies behind the interface: one stack, a virtual clock, the packets that left, and a table of descriptors, all under one lock. */
#pragma once
#include <pthread.h>
#include "base/random.h"
#include "packetdrill/interface.h"
#include "stack/core/netif.h"
#include "stack/socket/sock.h"

#define DESC_FIRST 3             /* below are a program's standard streams */
#define DESC_MAX 1024

struct desc {
	struct sock *sk;         /* either of the two; neither: free */
	struct list *epoll;      /* its head: struct interest.node (ready.c) */
	int status, cloexec;     /* F_GETFL, F_GETFD */
};

struct world {
	struct stack *stack;
	struct netif *wire;      /* where packets go that packetdrill sees */
	struct random random;
	struct list sent;        /* struct packet.node, .when = the time it left */
	struct list looped;      /* on loopback, still to be received */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct list waiters;     /* struct waiter.node: calls asleep */
	bool stirred;            /* the thread below was woken, and has neither fallen asleep again nor looked at the clock */
	pthread_t stirred_thread;
	struct desc descs[DESC_MAX];
};

/* Every call stands between these two. leave turns a negative errno into -1 and errno. */
struct world *world_enter(void *userdata);
ssize_t world_leave(struct world *w, ssize_t r);
/* Sleeps until a socket or the time may have changed something; -EAGAIN once `until` has come. */
int world_wait(struct world *w, time_ns until);
static inline time_ns world_until(const struct world *w, int timeout_ms)
{
	return timeout_ms < 0 ? TIME_NEVER : w->stack->now + timeout_ms * NS_PER_MS;
}

/* From `--so_flags`: sets sysctls and puts the interface up. 0, or a negative errno with the word that is wrong. */
int flags_apply(struct world *w, const char *flags, char *ret_word, size_t size);

/* Descriptors (calls.c): -EBADF, -ENOTSOCK, -EMFILE. */
int desc_find(struct world *w, int fd, struct desc **ret);
int desc_sock(struct world *w, int fd, struct sock **ret);
int desc_add(struct world *w, const struct desc *d);

/* A call that may wait for a socket. */
struct blocking { struct world *w; int fd; struct sock *sk; uint64_t cookie; time_ns until; };
int block_begin(struct blocking *b, struct world *w, int fd, bool dont_wait, bool sending);
int block_wait(struct blocking *b);      /* -EAGAIN: time is up or the call must not wait; -EBADF: closed meanwhile */

void ready_forget(struct world *w, int fd);                  /* before fd is closed */
void ready_mark(struct world *w, const struct sock *sk);     /* an edge, for EPOLLET */

void calls_fill(struct packetdrill_interface *i);
void data_fill(struct packetdrill_interface *i);
void ready_fill(struct packetdrill_interface *i);
