/*
 * The socket: what every family and protocol has in common, and the calls a program makes.
 *
 * A protocol is one struct sock_ops; a family is one row in family.c. Data calls never block: -EAGAIN says "not now",
 * and host_ops.ready says when to ask again. Results are >= 0 or a negative Linux errno.
 * Addresses, options and control messages cross this interface in Linux's own layouts (struct sockaddr_in, cmsghdr …);
 * inside, both IP families use struct addr.
 */
#pragma once
#include <sys/socket.h>
#include "base/charge.h"
#include "stack/core/stack.h"

struct netif;

/* Descriptors of the host's in flight: what they are is its business, the core counts who holds them. err: why the host has them not sent, negative; 0. */
struct sock_rights { uint32_t refs; void (*free)(struct sock_rights *); int err; };
static inline void sock_rights_unref(struct sock_rights *r)
{
	if (r && --r->refs == 0) r->free(r);
}

/* One message, out or in. Data is one contiguous span. */
struct sock_msg {
	void *data; size_t len;                    /* out, streams: NULL when octets were thrown away instead (MSG_TRUNC) */
	bool unread;                               /* in: the program's memory can't be read: -EFAULT, but not before what is wrong otherwise. data is NULL */
	void *name; socklen_t name_len;            /* in: destination or NULL. out: capacity in, length out (as Linux: the full length) */
	void *control; size_t control_len;         /* out: capacity in, length out */
	struct sock_rights *rights;                /* AF_UNIX. in: a reference of the caller's, which keeps it. out: one that is the caller's now, or NULL */
	pid_t pidfd_of;                            /* AF_UNIX. out: whose pidfd the host adds (SO_PASSPIDFD), 0: nobody's; -1: none is wanted */
	int flags;                                 /* MSG_* of the call; out: MSG_TRUNC, MSG_CTRUNC, MSG_EOR … are returned here */
	time_ns arrival;                           /* out: of a datagram, for SIOCGSTAMP; untouched where that is not known */
	size_t call_len;                           /* in, streams: what the program's call has left to send, of which this is all or a part; 0: it ends here.
						      A peek: what it has room for, of which this is a part */
	size_t offset;                             /* a stream's peek: how many octets are passed over */
};

#define NO_IOCTL_CMD 515     /* the kernel's ENOIOCTLCMD: "not mine, ask the next" */

struct sock_ops {
	const char *name;
	size_t size;                               /* of the protocol's struct, which begins with struct sock */
	bool datagram;                             /* messages, not a byte stream */
	bool asked;                                /* the host reads nothing ahead and writes nothing behind: each send and receive asks */
	int (*init)(struct sock *);
	void (*close)(struct sock *);              /* the program's last reference is gone; the struct lives until sock_free */
	int (*bind)(struct sock *, const struct sockaddr *, socklen_t);
	int (*connect)(struct sock *, const struct sockaddr *, socklen_t);
	int (*listen)(struct sock *, int backlog);
	int (*accept)(struct sock *, struct sock **ret);
	ssize_t (*send)(struct sock *, const struct sock_msg *);
	ssize_t (*recv)(struct sock *, struct sock_msg *);
	void (*consumed)(struct sock *);           /* sk->lent went down: more room to advertise. NULL allowed */
	int (*shutdown)(struct sock *, int how);
	uint32_t (*poll)(const struct sock *);     /* EPOLL* bits */
	void (*waited)(struct sock *);             /* a program will wait for what poll does not tell; NULL: that means nothing */
	bool (*has_room)(const struct sock *);     /* for what send refused last with -EAGAIN, where poll does not tell. NULL: EPOLLOUT does */
	int (*name_of)(const struct sock *, bool peer, struct sockaddr_storage *ret, socklen_t *ret_len);
	int (*ioctl)(struct sock *, unsigned long request, void *arg, size_t len);  /* SIOCINQ, SIOCOUTQ, … ; -NO_IOCTL_CMD passes on */
	/* Instead of the tables, for options that are not the socket's alone. NULL allowed */
	int (*setsockopt)(struct sock *, int level, int name, const void *val, socklen_t len);
	int (*setsockopt_unread)(const struct sock *, int level, int name, socklen_t len);   /* sock_setsockopt_unread, or OPT_AS_OTHERS */
	int (*getsockopt)(struct sock *, int level, int name, void *val, socklen_t *len);
	const struct sockopt *const *options;      /* tables of rows, NULL-terminated: option.h */
};

#define REUSE_FORCED 2                             /* nobody else's port is in the way (TCP_REPAIR) */

/* The order leaves no holes: there are two of these for each connection. */
struct sock {
	struct list node;                          /* stack->socks */
	struct stack *stack;
	const struct sock_ops *ops;
	void *user;                                /* the host's; NULL until it sets it */
	uint64_t cookie;
	uint64_t inode;                            /* by which programs know it (fstat): the host's. 0: they can't */
	int err;                                   /* pending error (positive), taken by the next call or SO_ERROR */
	uint16_t domain, type, protocol;
	bool closed;                               /* the program let go */
	bool listening;                            /* SO_ACCEPTCONN; kept by the protocol */
	bool stirred;                              /* sock_stir() was called; the host takes it back */
	bool ahead;                                /* the host has accepted one that its program has not asked for yet: it counts as waiting */
	uint8_t shut;                              /* SHUT_RD + 1 = 1, SHUT_WR + 1 = 2, both 3 */
	/* SOL_SOCKET */
	bool rcvbuf_locked : 1, sndbuf_locked : 1; /* set by the program: no auto-tuning */
	bool filter_locked;
	uint8_t reuseaddr;                         /* or REUSE_FORCED */
	bool reuseport, keepalive, broadcast, oobinline, timestamp, timestamp_ns, timestamp_new, dontroute, rxq_ovfl, no_check, debug, prefer_busy_poll;
	bool wifi_status, nofcs, rcvmark, rcvpriority, select_err_queue;
	bool zerocopy;                             /* SO_ZEROCOPY */
	bool no_txrehash, txtime_on;               /* SO_TXREHASH, off; SO_TXTIME was set */
	uint8_t txtime_clock, txtime_flags;
	/* Octets that recv handed to the host with MSG_LEND and that the program has not read yet: they still fill the buffer. */
	uint32_t lent;
	uint32_t beside;                           /* octets that came past us, before those we know of, and that the program has not read */
	uint32_t rcvbuf, sndbuf;                   /* as getsockopt shows them (doubled) */
	int rcvlowat;
	uint32_t mark; int priority;
	int incoming_cpu, busy_poll;               /* SO_INCOMING_CPU, SO_BUSY_POLL: kept, mean nothing here */
	uint32_t zerocopy_id;                      /* the number of the next send with MSG_ZEROCOPY */
	uint32_t timestamping, stamp_id;           /* SO_TIMESTAMPING: flags, and the number of the next datagram that is stamped as it goes */
	struct linger linger;
	int peek_off;                              /* SO_PEEK_OFF: as set. The host obeys it, and moves its own */
	uint32_t uid;                              /* of the creator: for diag, and for what only one user may have */
	uint64_t no_pacing_to;                     /* all ones less SO_MAX_PACING_RATE: 0 = no bound */
	struct netif *bound_if;                    /* SO_BINDTODEVICE */
	int64_t rcvtimeo_us, sndtimeo_us;          /* kept here, obeyed by the host. 0: none, < 0: don't wait */
	struct filter *filter;                     /* socket/filter.h; NULL: none */
};

/* recv, for a host only */
#define MSG_LEND 0x01000000                        /* see sock.lent */
#define MSG_GO_ON 0x02000000                       /* of a Unix stream: it has something already, and ends where a mark is */
#define MSG_PAST_PEEK_OFF 0x00800000               /* SO_PEEK_OFF is not for it */

/* The calls. */
int sock_create(struct stack *s, int domain, int type, int protocol, struct sock **ret); /* type without SOCK_NONBLOCK and _CLOEXEC */
void sock_close(struct sock *sk);                  /* the pointer is dead for the caller; protocol state may linger */
int sock_bind(struct sock *sk, const struct sockaddr *a, socklen_t len);
/* Streams: -EINPROGRESS, then -EALREADY, then 0 once, then -EISCONN; or the error. */
int sock_connect(struct sock *sk, const struct sockaddr *a, socklen_t len);
int sock_listen(struct sock *sk, int backlog);
int sock_accept(struct sock *sk, struct sock **ret);      /* -EAGAIN when none is there */
ssize_t sock_send(struct sock *sk, const struct sock_msg *m);  /* streams: partial counts; -EPIPE (SIGPIPE is the host's) */
ssize_t sock_recv(struct sock *sk, struct sock_msg *m);        /* datagrams: data length, or the full one with MSG_TRUNC; 0 = end of stream */
void sock_consumed(struct sock *sk, uint32_t n);          /* n of the lent octets were read */
int sock_shutdown(struct sock *sk, int how);
uint32_t sock_poll(const struct sock *sk);
/* The same for a program, which waits for what it does not find. As Linux: a send buffer grows when somebody does. */
uint32_t sock_poll_waiting(struct sock *sk);
bool sock_has_room(const struct sock *sk);         /* a send that was refused may be tried again */
int sock_getsockname(const struct sock *sk, struct sockaddr_storage *ret, socklen_t *ret_len);
int sock_getpeername(const struct sock *sk, struct sockaddr_storage *ret, socklen_t *ret_len);
int sock_setsockopt(struct sock *sk, int level, int name, const void *val, socklen_t len);
/* The error of a set whose value can't be read: -EFAULT, or what comes before. */
#define OPT_AS_OTHERS 1
int sock_setsockopt_unread(const struct sock *sk, int level, int name, socklen_t len);
/* The same, to IPPROTO_IPV6, of a null pointer. 0: it is an int of 0 there. */
int sock_setsockopt_none(const struct sock *sk, int level, int name, socklen_t len);
int sock_getsockopt(struct sock *sk, int level, int name, void *val, socklen_t *len); /* len in and out; truncates as Linux */
int sock_ioctl(struct sock *sk, unsigned long request, void *arg, size_t len);  /* -ENOTTY when nobody knows it */
int sock_take_error(struct sock *sk);                     /* 0 or the positive pending error, cleared */

/* What a message of data_len octets takes of rcvbuf, and MSG_LEND adds to lent: octets of a stream as they are. */
static inline uint32_t sock_charge(const struct sock *sk, uint32_t data_len)
{
	return sk->ops->datagram ? datagram_charge(sk->domain == AF_INET6, data_len) : data_len;
}

/* ---- for protocols ---- */
/* As sock_create, protocol chosen: for accept. */
int sock_alloc(struct stack *s, const struct sock_ops *ops, int domain, int type, int protocol, struct sock **ret);
void sock_free(struct sock *sk);                          /* the protocol is done with a closed socket */
void sock_ready(struct sock *sk);                         /* tells the host, if it has set user and not closed */
void sock_stir(struct sock *sk);                          /* the same of another state: as in Linux all who poll are told, even if poll does not show it */
void sock_set_error(struct sock *sk, int err);            /* positive errno; also ready */
