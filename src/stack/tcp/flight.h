/*
 * What a connection knows of what it has in flight: the records of segments, the state of loss recovery and of congestion control, and what one ACK
 * tells of them. rtxq.c, rack.c, recovery.c, undo.c, prr.c, tlp.c and the controllers work on these.
 */
#pragma once
#include "base/types.h"

/* ---- what was sent and is not acknowledged: rtxq.c ---- */

enum tcp_tag {
	TAG_SACKED = 1,                       /* the peer has it */
	TAG_LOST = 2,                         /* deemed lost */
	TAG_RETRANS = 4,                      /* sent again, and that is in the network */
	TAG_EVER = 8,                         /* was sent again at some time */
	TAG_PUSH = 16,                        /* it left with PSH */
	TAG_EOR = 64,                         /* MSG_EOR: nothing goes with what follows */
	TAG_HEAD = 32,                        /* the first of those that left in one packet, for the device to cut */
	TAG_APP_LIMITED = 128,                /* it left while the program had too little to send. rate.c */
};
struct tcp_sent {
	seq32 seq, end;
	time_ns at;                           /* sent last */
	uint32_t delivered;                   /* conn->cc.delivered then */
	uint32_t since_first_us, since_delivered_us;   /* `at`, from tcp_rate's two moments. rate.c */
	uint8_t tag;
};
struct tcp_rtxq {
	struct tcp_sent *at;                  /* at[first] is the oldest */
	uint32_t first, n, cap;
	uint32_t sacked, lost, retrans, heads;         /* how many have the tag. Without SACK, `sacked` counts duplicate ACKs */
	seq32 sacked_to;                      /* end of the highest one that is sacked */
};

/* ---- loss recovery: recovery.c explains the fields ---- */

/* Linux's numbers: TCP_INFO shows them. Disorder: duplicate ACKs or SACK blocks, nothing lost yet. Reducing, which is Linux's
 * CWR: cwnd comes down for another reason than loss. */
enum tcp_phase { TCP_OPEN, TCP_DISORDER, TCP_REDUCING, TCP_RECOVERY, TCP_LOSS };
struct tcp_recovery {
	time_ns retrans_at;                   /* first retransmission of this episode; 0: none */
	uint8_t phase;
	bool frto : 1;                        /* LOSS: the time-out may have been spurious (RFC 5682) */
	bool reneged : 1;                     /* the peer dropped what it had sacked */
	bool reord_seen : 1;                  /* reordering was observed on this connection */
	bool tlp_resent : 1;                  /* the tail probe was a retransmission */
	bool dsack_seen : 1;                  /* of the peer, ever: TCP_INFO */
	bool can_undo : 1;                    /* undo_from is valid */
	uint16_t reordering;                  /* duplicate ACKs that mean loss: grows with the reordering seen */
	seq32 point;                          /* nxt when the phase was entered */
	seq32 tlp_end;                        /* nxt when a tail loss probe left, 0: none is out. tlp.c */
	seq32 undo_from;                      /* una when cwnd was cut; undo.c */
	int32_t undo_retrans;                 /* retransmissions not yet known to have been needless */
	uint32_t retrans_ts;                  /* its timestamp option */
	uint32_t prior_cwnd, prior_ssthresh;  /* what undoing gives back; prior_ssthresh 0: nothing */
	uint32_t prr_delivered, prr_out;      /* segments since the reduction began; prr.c */
};

/* RFC 8985's variables. rack.c */
struct tcp_rack {
	time_ns sent_at, rtt;                 /* of the segment sent last among those delivered (RACK.xmit_ts, RACK.rtt) */
	seq32 end;                            /* RACK.end_seq */
	bool advanced, dsack_seen;
	uint8_t steps, persist;               /* RACK.reo_wnd_mult, RACK.reo_wnd_persist */
	uint32_t last_delivered;
};

/* rate.c */
struct tcp_rate {
	time_ns first_sent_at;                /* when what was delivered last had left: the send phase of what leaves now begins there */
	time_ns delivered_at;                 /* when cc.delivered moved last: its ACK phase */
	uint32_t app_limited;                 /* up to this cc.delivered the program, not the path, set the pace; 0: it does not */
	uint32_t delivered, interval_us;      /* the sample that TCP_INFO shows; interval 0: none yet */
	bool by_path;                         /* it is of a time when the program had enough to send */
};

/* What one segment's ACK and SACK told, as ack.c and sack.c find it out and recovery.c uses it. */
struct tcp_acked {
	uint32_t octets, segments;            /* cumulatively acknowledged */
	uint32_t prior_delivered, prior_lost;
	seq32 prior_una, prior_fack;
	seq32 reord;                          /* lowest sequence number that came out of order */
	time_ns first_acked, last_acked, first_sacked, last_sacked;   /* when these were sent, never retransmitted; 0: none */
	uint32_t sample_delivered;            /* cc.delivered when the youngest of what was delivered left; 0: nothing was delivered */
	struct { time_ns from; uint32_t delivered, send_us; seq32 end; bool any, limited; } rate;   /* of the youngest; rate.c */
	time_ns rtt;                          /* this ACK's sample, -1: none */
	bool has_text, wnd_news, una_moved, data_acked, syn_acked, sacked_new, orig_delivered, retrans_acked, retrans_lost;
	bool dsack, dsack_of_probe, ece, reneged;
	bool has_ecr; uint32_t ecr;           /* the timestamp that it echoes */
	bool set_timer;                       /* the retransmission timer is to start anew */
};

/* ---- congestion control: congestion.c ---- */

#define HYSTART_LOW_WINDOW 16u           /* below it there is nothing to be gained; Linux's hystart_low_window */
struct hystart {
	seq32 round_end;
	time_ns last_min, now_min, css_baseline;
	uint8_t samples, css_rounds;
	bool started, css, done;
	uint8_t css_part;
};
struct cubic {
	uint32_t w_max, origin, w_est;        /* segments */
	uint32_t count, ack_cnt, last_cwnd;
	uint32_t k_ms;
	time_ns epoch, last_time, delay_min;  /* epoch 0: begins with the next step */
	struct hystart hystart;
};
struct tcp_congestion {
	struct cubic *cubic;                  /* cubic.c's: NULL until there is something to remember */
	time_ns stamp;                        /* when cwnd was last full, set, or free to grow */
	uint32_t cwnd, ssthresh;              /* segments */
	uint32_t cnt;                         /* segments acknowledged towards the next step of cwnd */
	uint32_t delivered, lost;             /* segments, ever */
	uint32_t delivered_ce;
	uint32_t max_out, used;               /* RFC 7661's pipeACK, as Linux has it: most in flight in this round; since the last time cwnd was full */
	seq32 usage_end;
	bool limited;                         /* cwnd was what held us back in the round that ended last */
};
