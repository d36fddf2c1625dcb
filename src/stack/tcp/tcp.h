/* TCP's face to the rest of the stack. The inside is in conn.h. */
#pragma once
#include "stack/inet/inet.h"

/* RTAX_CC_ALGO as a route keeps it; 0: there is no such controller */
uint32_t tcp_congestion_metric(const char *name);
const char *tcp_congestion_name(uint32_t metric);

int tcp_new(struct stack *s);        /* called by stack_new */
void tcp_free(struct stack *s);

/* For a host that carries octets past the stack. The other end of a connection, which stack s owns; NULL when there is none, or unless both are
 * plainly established: no half closed, nothing urgent about, no error pending, and none that is asked for each message. */
struct sock *tcp_other_end(const struct sock *sk, struct stack *s);
/* Has `to` received and handed out all that `from` was given to send? */
bool tcp_all_arrived(const struct sock *from, const struct sock *to);
/* Does recv stand at the mark of urgent data? Such octets come apart from those before, and the next recv passes the mark. */
bool tcp_at_mark(const struct sock *sk);
/* What recv would say if nothing were there to be read: 0 at the end, -EAGAIN, or the pending error, which it takes. */
int tcp_nothing_to_read(struct sock *sk);
/* Does the peer wait for an ACK that goes once the program has read all there is? */
bool tcp_owes_ack(const struct sock *sk);
/* Has its program asked to be told with each message what is left (TCP_INQ)? */
bool tcp_tells_inq(const struct sock *sk);
/* Is each send to have stamps (SO_TIMESTAMPING)? Then the stack must see where they end. */
bool tcp_sends_stamped(const struct sock *sk);
/* Is each receive to tell when its octets came (SO_TIMESTAMP and the like)? */
bool tcp_stamps_received(const struct sock *sk);
/* So it is, or both queues are to be looked into (TCP_REPAIR)? Then tcp_ask: from then on the host is to ask for each send and receive. */
bool tcp_wants_asking(const struct sock *sk);
void tcp_ask(struct sock *sk);
bool tcp_ask_no_more(struct sock *sk);              /* unless something of that still is: upper protocols stay. false: nothing has changed */
bool tcp_is_asked(const struct sock *sk);           /* so it is, or by an upper protocol (TCP_ULP) */
/* Has its program asked for what only segments have: how far they have come (IP_MINTTL, IPV6_MINHOPCOUNT), or that few octets wait for theirs
 * (TCP_NOTSENT_LOWAT)? */
bool tcp_needs_stack(const struct sock *sk);
/* TCP_CORK: what is no full segment waits, as long as that is set. */
bool tcp_is_corked(const struct sock *sk);
/* The peer's FIN has come, and all before it: nothing will ever come after that. */
bool tcp_is_done(const struct sock *sk);
unsigned tcp_timewaits(const struct stack *s);                      /* how many connections wait there */
uint32_t tcp_urgents(const struct sock *sk);                       /* how often urgent data was announced: a signal for each */
/* Octets were carried past the stack: its ACKs wait for more, as those of a connection that has had any, and it counts as one that has sent some. */
void tcp_passed(struct sock *sk, bool in, bool out);
/* Octets that recv handed out or that came past the stack, and that the program has not read: recv has them again, before all others. lent of them were
 * lent. 0, or -ENOMEM. */
int tcp_take_back(struct sock *sk, const uint8_t *octets, size_t len, size_t lent);
/* What was carried past the stack is lost: the other end is reset, and so is this one. */
void tcp_break(struct sock *sk);
/* Ends it from outside, as SOCK_DESTROY does: the peer is reset, the program finds ECONNABORTED. */
void tcp_abort(struct sock *sk);
/* tcp_ops (socket/family.h) and tcp_proto (inet/inet.h) are defined here. */
