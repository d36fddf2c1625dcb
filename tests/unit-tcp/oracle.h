/*
 * What RFC 9293 says that one segment brings about: SEGMENT ARRIVES written a second time, as short as it can be and without a look at the
 * stack. No time, no congestion, no options: the state, the sequence numbers, the one answer. Where Linux deliberately does something
 * else, and the stack with it, the rule says so.
 *
 * Sequence numbers are relative as in bench.h.
 */
#pragma once
#include "bench.h"

/* What a peer can know of a connection. */
struct tcb {
	enum tcp_state state;
	seq32 una, nxt;                   /* ours */
	seq32 rcv_nxt, edge;              /* the next expected, and the first beyond the window that was told */
	uint32_t max_wnd;                 /* the largest window that the peer told */
	bool fin_sent;                    /* the octet before nxt is our FIN */
};

enum answer { ANSWER_NONE, ANSWER_ACK, ANSWER_MAY_ACK, ANSWER_RST, ANSWER_RST_ACK, ANSWER_SYN_ACK };

struct verdict {
	enum answer answer;
	seq32 seq, ack;                   /* of the answer; ANY: not foretold */
	struct tcb after;
	int err;                          /* the socket's pending error */
	bool syn_again;                   /* and our SYN follows it */
};

struct verdict oracle(const struct tcb *t, const struct seg *g);
