/*
 * Multipath TCP's face to the rest of the stack. The inside is in msk.h.
 *
 * A connection of TCP that is one of its subflows has conn->mptcp; without that nothing here is called.
 */
#pragma once
#include "stack/core/drop.h"
#include "stack/inet/inet.h"

struct segment;
struct tcp_hdr;
struct tcp_sock;

int mptcp_new(struct stack *s);      /* called by stack_new */
void mptcp_free(struct stack *s);    /* before TCP's */
bool mptcp_is(const struct sock *sk);
bool mptcp_tells_inq(const struct sock *sk);      /* TCP_INQ */
bool mptcp_possible(struct stack *s);  /* the host has the hashes that keys need */
/* What recv would say if nothing were there to be read: as tcp_nothing_to_read. */
int mptcp_nothing_to_read(struct sock *sk);

/* ---- opening: called by TCP ---- */

/* A SYN made an embryo of a listener that has conn->mptcp. false: the peer wants a subflow that can't be: it is to be reset, and child freed. */
bool mptcp_syn_received(struct tcp_sock *child, const struct segment *g);
/* The SYN and ACK came. false: it does not prove who sent it; the connection is to be reset. */
bool mptcp_syn_answered(struct tcp_sock *conn, const struct segment *g);
/* The connection stands. */
void mptcp_opened(struct tcp_sock *conn);
/* The third ACK came. QUEUE: the child is a connection of its own; JOINED: of another's, and not to be accepted; REFUSED: as above. */
enum mptcp_third { MPTCP_QUEUE, MPTCP_JOINED, MPTCP_REFUSED };
enum mptcp_third mptcp_third_ack(struct tcp_sock *child, const struct segment *g);

/* ---- segments ---- */

/* The options of a segment that is in order. A reason: its text is not to be taken. */
enum drop_reason mptcp_segment(struct tcp_sock *conn, const struct segment *g);
void mptcp_reset(struct tcp_sock *conn, const struct segment *g);    /* those of one that resets it */
void mptcp_take(struct tcp_sock *conn);            /* octets that are in order may be there: takes them out of the receive queue */
void mptcp_listener_ready(struct tcp_sock *conn);  /* there is somebody to accept */
void mptcp_turn(struct tcp_sock *conn);            /* the segment is done with; conn may be gone afterwards */
/* The options of one that leaves, padded; room: octets that are free. Returns how many it takes. */
uint8_t mptcp_options(struct tcp_sock *conn, const struct tcp_hdr *h, uint32_t len, uint8_t *buf, size_t room);
uint32_t mptcp_options_len(const struct tcp_sock *conn);   /* of one with text */
uint32_t mptcp_held(const struct tcp_sock *conn);  /* of the receive buffer, by what left the subflow's queue and is not read */
bool mptcp_unread(const struct tcp_sock *conn);    /* the program has something to read */

/* ---- the end ---- */
void mptcp_conn_done(struct tcp_sock *conn);       /* it is in CLOSED */
void mptcp_conn_freed(struct tcp_sock *conn);
/* mptcp_ops (socket/family.h) is defined here. */
