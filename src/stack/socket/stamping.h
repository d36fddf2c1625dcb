/*
 * SO_TIMESTAMPING: what a socket asks for (sock.timestamping, Linux's flags), and what one send asks for by the control messages of SOL_SOCKET.
 * Stamps are by software: no device here has a clock. Those of what is sent come back on the error queue (inet/errqueue.h).
 * Read first: Linux's Documentation/networking/timestamping.rst.
 */
#pragma once
#include "stack/socket/ancillary.h"

/* SOF_TIMESTAMPING_*, of <linux/net_tstamp.h>. */
#define STAMPS_SENT 2u              /* _TX_SOFTWARE */
#define STAMPS_OF_RECEIVED 8u       /* _RX_SOFTWARE */
#define STAMPS_REPORTED 0x10u       /* _SOFTWARE */
#define STAMPS_ID 0x80u             /* _OPT_ID */
#define STAMPS_SCHED 0x100u         /* _TX_SCHED */
#define STAMPS_ACK 0x200u           /* _TX_ACK */
#define STAMPS_CMSG 0x400u          /* _OPT_CMSG */
#define STAMPS_ONLY 0x800u          /* _OPT_TSONLY */
#define STAMPS_STATS 0x1000u        /* _OPT_STATS */
#define STAMPS_PHC 0x8000u          /* _BIND_PHC */
#define STAMPS_ID_TCP 0x10000u      /* _OPT_ID_TCP */
#define STAMPS_OF_SENT 0x40303u     /* all of _TX_* */
#define STAMPS_ALL 0x7ffffu

/* The rows' functions. Flags that can't be are -EINVAL; a clock of hardware is -EOPNOTSUPP. A protocol says what its numbers begin with. */
int stamping_set(struct sock *sk, const void *val, socklen_t len, bool new_layout, uint32_t first_id);
int stamping_get(struct sock *sk, void *val, socklen_t *len, bool new_layout);

/* What a send goes with: the socket's own, and then what its control messages say. */
struct send_control { uint32_t mark, priority, stamps, stamp_id; bool numbered; };
struct send_control send_control_of(const struct sock *sk);
/* c is of SOL_SOCKET. -EINVAL, -EPERM (SO_MARK, a high SO_PRIORITY) */
int send_control_read(const struct sock *sk, const struct cmsg_in *c, struct send_control *ret);
/* All of m's: those of other levels are passed over. */
int send_control_read_all(const struct sock *sk, const struct sock_msg *m, struct send_control *ret);
