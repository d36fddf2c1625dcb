/*
 * A TCP connection, and what the files of this directory share.
 *
 *     usercall.c   what the program asks: listen, accept, send, recv, shutdown, close, poll; connect.c: connect
 *     fastopen.h   connections that begin with data
 *     ulp.h        upper protocols, which come between TCP and the program
 *     listen.c     listening sockets, their SYN queue and accept queue
 *     input.c      SEGMENT ARRIVES, a function for each step of RFC 9293 §3.10.7; ack.c is its fifth step
 *     output.c     the one place that decides to send what is new; resend.c: what is lost; tso.c: for a device that cuts; segment.c builds
 *     acking.c     when ACKs go
 *     window.c     the receive window and the two buffers' sizes; rmem.c: what fills the receive buffer
 *     timers.c     retransmission, probes, delayed ACK, keepalive, FIN-WAIT-2; what the roles do: tlp.c, rack.c
 *     rtxq.c       what is in flight; recovery.c, rack.c, undo.c, prr.c: what of it is lost; congestion.c, cubic.c, hystart.c, ecn.c: how much may be
 *     timewait.c   what is left of a connection in TIME-WAIT
 *     reassembly.c sack.c rtt.c urgent.c cuts.c stamps.c isn.c reset.c error.c options.c saved_syn.c
 *     repair.c     TCP_REPAIR: connections taken down and set up again
 *     info.c       TCP_INFO; rate.c, chrono.c: the delivery rate, and what the time went by with
 *     conn.c       birth and end; tcp_stack.c: per-host state and demultiplexing
 *
 * The two sequence spaces, in RFC 9293's words:
 *
 *     sent:      una ........ nxt ........ una + wnd             data = seq of queue's first octet
 *                 | in flight  | may be sent |                   data + queue.len = where a FIN goes
 *
 *     received:  wup ... nxt ............ wup + wnd              wup = nxt when we last sent an ACK
 *                 | new   | the peer may send |
 *
 * Read first: RFC 9293.
 */
#pragma once
#include "base/ring.h"
#include "stack/core/sysctl.h"
#include "stack/inet/mib.h"
#include "stack/tcp/fastopen.h"
#include "stack/tcp/flight.h"
#include "stack/tcp/tcp.h"
#include "wire/wire.h"

/* Linux's numbers: TCP_INFO, diag and /proc/net/tcp show them. */
enum tcp_state {
	TCPS_ESTABLISHED = 1, TCPS_SYN_SENT, TCPS_SYN_RECEIVED, TCPS_FIN_WAIT_1, TCPS_FIN_WAIT_2, TCPS_TIME_WAIT,
	TCPS_CLOSED, TCPS_CLOSE_WAIT, TCPS_LAST_ACK, TCPS_LISTEN, TCPS_CLOSING,
};
#define IN_STATES(conn, set) ((1u << (conn)->state & (set)) != 0)
#define S_(name) (1u << TCPS_##name)
/* The peer's SYN and ours are acknowledged, and the connection is not over. */
#define STATES_SYNCED (S_(ESTABLISHED) | S_(FIN_WAIT_1) | S_(FIN_WAIT_2) | S_(CLOSE_WAIT) | S_(CLOSING) | S_(LAST_ACK))

/* What connect() has to answer next, which is not the same as the state: Linux's socket_state. */
enum tcp_use { TCP_UNCONNECTED, TCP_CONNECTING, TCP_CONNECTED, TCP_DISCONNECTING };

#define MSS_DEFAULT 536u
#define MSS_DEFAULT_IPV6 1220u
#define TCP_MSS_RCV_MIN 88u                /* Linux's TCP_MIN_MSS */
#define TCP_TICK (4 * NS_PER_MS)
#define TCP_RTO_INIT (1 * NS_PER_S)
#define TCP_RTO_FALLBACK (3 * NS_PER_S)
#define TCP_DELACK (40 * NS_PER_MS)           /* at first; acking.c adapts it, up to */
#define TCP_DELACK_MAX (200 * NS_PER_MS)
#define TCP_TIMEWAIT (60 * NS_PER_S)
#define TCP_DUPACKS 3u
#define TCP_INIT_CWND 10u                     /* RFC 6928 */
#define TCP_WSCALE_MAX 14
#define TCP_PAWS_IDLE_MAX (24 * 24 * 3600 * NS_PER_S)   /* RFC 7323 §5.5 */
#define TCP_QUICK_ACKS 16u
#define TCP_TS_DELTA_MAX_MS (INT32_MAX / 1000)   /* Linux's: an echo from before that is none */
#define TS_SPACE 12u                          /* of the timestamps in each segment, with their padding */

/* Octets [start, end) of sequence space. */
struct seq_range { seq32 start, end; };

/* A run of out-of-order octets, as packets chained by node.next, and all such runs, which are never none. reassembly.c */
struct tcp_run { struct seq_range range; struct packet *first, *last; };
struct tcp_runs { struct tcp_run *at; uint32_t n, cap, cost; struct seq_range latest[TCP_SACK_MAX]; uint8_t n_latest; };

enum tcp_ack_need { TCP_ACK_NONE, TCP_ACK_DELAYED, TCP_ACK_NOW };
enum tcp_timer_role { TCP_TIMER_IDLE, TCP_TIMER_RETRANSMIT, TCP_TIMER_PROBE, TCP_TIMER_TAIL, TCP_TIMER_REORDER };
/* What the time goes by with while there is something to send: chrono.c. The higher one counts when two hold. */
enum tcp_chrono { TCP_CHRONO_NONE, TCP_CHRONO_BUSY, TCP_CHRONO_RWND, TCP_CHRONO_SNDBUF, TCP_CHRONO_END };
enum tcp_urg_state { TCP_URG_NONE, TCP_URG_AWAITED, TCP_URG_VALID, TCP_URG_READ };
/* RFC 3168, ecn.c. DEMAND: the peer is told of congestion until it says CWR; CWR: our next new segment says it. SEEN: ECT arrived once. */
enum tcp_ecn { TCP_ECN_OK = 1, TCP_ECN_CWR = 2, TCP_ECN_DEMAND = 4, TCP_ECN_SEEN = 8, TCP_ECN_NO_ECT_ON_RETRANS = 16 };

struct tcp_cuts;
struct tcp_cut { seq32 at; bool eor, push; };
struct subflow;
struct mtu_probe;
struct tcp_listener;
struct timewait;
struct tcp_cc;
struct tcp_upper;

/* What the program set, which accept() hands on. 0: the sysctl counts. */
struct tcp_set {
	bool nodelay, cork, thin_linear, inq, fastopen_connect, fastopen_no_cookie;
	uint8_t defer_accept;                 /* in retransmissions of the SYN and ACK */
	uint16_t fastopen_qlen;
	uint8_t keepcnt, syncnt, save_syn;
	uint8_t rto_min, delack_max;          /* in ticks of 4 ms, as of a Linux that ticks 250 times a second */
	uint16_t rto_max;
	uint16_t keepidle_s, keepintvl_s;
	int16_t linger2_s;
	uint32_t user_timeout_ms, notsent_lowat;
	uint32_t clamp;                       /* TCP_WINDOW_CLAMP */
	int mss, tx_delay_us;
	const struct tcp_cc *cc;
};

struct tcp_sock {
	struct inet_sock inet;
	uint8_t state, use;
	uint8_t timer_role;                   /* of timer.rtx: enum tcp_timer_role */
	bool nospace : 1;                     /* a program found no room, or waits for some: Linux's SOCK_NOSPACE */
	bool unwritable : 1;                  /* … or somebody was told that there is none, and is to be told otherwise */
	bool orphan : 1;                      /* counted in tcp_stack.n_orphans */
	bool embryo : 1;                      /* in the SYN queue of wait.parent, */
	bool deferred : 1;                    /* where its handshake is done but for data: TCP_DEFER_ACCEPT */
	bool accepted : 1;                    /* and yet in the parent's `unproven`: Fast Open */
	struct fastopen fastopen;             /* of one connection, too */
	struct { uint8_t on : 1, queue : 2; } repair;   /* repair.c */
	struct tcp_set set;
	struct tcp_listener *listener;        /* of a listening socket */
	struct {
		struct tcp_sock *parent;
		struct list node;             /* in one of parent's queues */
	} wait;                               /* not yet accepted */
	struct list *md5_keys;                /* struct tcp_key (md5.c); NULL: none */
	struct subflow *mptcp;                /* of a connection of Multipath TCP (stack/mptcp); NULL: of none */
	struct fastopen_keys *fastopen_keys;  /* TCP_FASTOPEN_KEY; NULL: the host's */
	struct tcp_upper *upper;              /* TCP_ULP: ulp.h; NULL: none */
	struct { struct timer rtx, delack, keep, pace; } timer;

	/* From here on of one connection: forget_connection clears it. */
	struct {
		seq32 una, nxt, wl1, wl2, iss;
		seq32 data;                   /* of queue's first octet */
		seq32 sml;                    /* end of the last small segment sent (Minshall) */
		seq32 up;                     /* urgent pointer: the octet after the urgent one */
		uint32_t wnd, max_wnd;
		uint16_t mss;                 /* of the path and the peer, before options */
		uint16_t peer_mss;            /* 0: not known yet */
		uint32_t tso_bytes;           /* the device cuts: tso.c */
		uint32_t path_mtu;            /* which mss is of */
		seq32 pushed;                 /* to where octets were pushed; what follows waits for more (MSG_MORE) */
		uint8_t wscale;
		bool fin;                     /* a FIN follows the queue */
		bool urgent;                  /* up is ahead of una */
		bool more;                    /* during a send with MSG_MORE */
		bool passed;                  /* octets went past us */
		uint16_t run_mss;             /* while several segments leave: as Linux, what the first may carry, though its SACK blocks go with it; else 0 */
		struct tcp_cuts *cuts;        /* cuts.c; NULL: none */
		struct ring queue;
	} snd;
	struct {
		seq32 nxt, irs, wup;
		seq32 edge;                   /* the furthest right edge that was told: a zero window may have taken it back */
		seq32 fin_seq;
		seq32 up;                     /* the urgent octet itself */
		uint32_t urgents;             /* how often one was announced */
		uint32_t wnd;                 /* last advertised, from wup */
		uint32_t ssthresh, clamp;     /* what may be advertised: grows while data comes, up to clamp (Linux's rcv_ssthresh, window_clamp) */
		uint32_t queued;              /* octets in queue */
		uint8_t scaling;              /* how much of the buffer is window, in 256ths: learnt from what packets take (Linux's scaling_ratio) */
		bool full;                    /* nothing fits: the next ACK closes the window */
		uint16_t mss, last_len;       /* estimate of what the peer sends; the last segment smaller than that */
		uint16_t adv_mss;
		uint8_t wscale;
		uint8_t urg, urg_octet;       /* enum tcp_urg_state */
		bool fin : 1, done : 1;       /* fin_seq is known; FIN was reached: nothing follows */
		struct tcp_charges *charges;  /* what those take that are not read yet: rmem.c; NULL: all are */
		struct list queue;            /* packets in order, data = payload not yet read */
		struct tcp_runs *ooo;         /* NULL: nothing came too early */
		struct seq_range dup;         /* to be reported by D-SACK in the next ACK; empty: nothing */
	} rcv;
	/* receive buffer auto-tuning: round trip as the receiver sees it; since when, from which octet taken, how many in the best round;
	 * the last echo of a timestamp that was made use of */
	struct { time_ns rtt, since, rtt_since; seq32 from, rtt_edge; uint32_t space, echo_used; } tune;
	struct {
		uint8_t need, quick;          /* enum tcp_ack_need; ACKs to be sent at once */
		uint8_t pushed;               /* small segments since the last ACK: none, one, more */
		uint8_t pingpong;             /* answers carry our ACKs, once there were net.ipv4.tcp_pingpong_thresh of them */
		bool always;                  /* at once: the route says so (RTAX_QUICKACK) */
		uint8_t dups, compressed;     /* ACKs of disorder sent at once, and held back */
		seq32 dups_nxt;
		time_ns ato;                  /* delay of the next delayed ACK */
	} ack;
	/* agreed; ts_recent, our clock's offset, and what the peer has echoed last of it */
	struct { bool wscale, ts, sack; uint8_t ecn; uint32_t recent, offset, echo; time_ns recent_when; } opt;
	struct {
		time_ns srtt, var, mdev, mdev_max, rto, min, min_at, syn_first, syn_at;
		seq32 round;
		uint8_t backoff;
		uint16_t route_min_ms;        /* the least RTO that the route says (RTAX_RTO_MIN); 0: nothing */
	} rtt;
	struct mtu_probe *mtu_probe;          /* mtuprobe.c; NULL: there is no search */
	struct tcp_rtxq rtxq;
	struct tcp_recovery rec;
	struct tcp_rack rack;
	struct tcp_congestion cc;
	struct tcp_figures *figures;          /* NULL: nothing was sent yet */
	struct saved_syn *saved_syn;          /* saved_syn.c; NULL: nobody wanted it, or it was read */
	/* retransmissions or probes since something was acknowledged; keepalives unanswered; when the first of them was; the last ICMP error */
	struct { time_ns since; int soft_err; uint8_t retries, probes; } trouble;
	time_ns pace_next;                    /* pacing.c: nothing leaves before, and */
	uint64_t pace_rate;                   /* octets a second; 0: not known yet */
	struct { time_ns heard, sent_data, got_data, oow; } when;
	/* figures for TCP_INFO */
	struct {
		uint64_t bytes_acked, bytes_received, bytes_sent, bytes_retrans;
		uint32_t segs_out, segs_in, data_segs_out, data_segs_in, total_retrans, reord, ooo, dsack_dups;
	} count;
};

/* What only TCP_INFO asks for. It is made when there is something to count, so that an idle connection does not hold it; conn_figures. */
struct tcp_figures {
	struct tcp_rate rate;
	struct { time_ns since, spent[TCP_CHRONO_END]; uint8_t what; bool refused; } chrono;   /* refused: a writer was given less room than it wanted */
	uint32_t rehashes;                    /* time-outs after which the flow got another label */
	uint32_t timeout_ms;                  /* how long the peer did not get on because of them */
	time_ns timeout_since;                /* and since when now; 0: it does */
	uint16_t timeouts, timeout_runs;
};

struct tcp_listener {
	struct list embryos, ready;           /* SYN queue and accept queue */
	struct list unproven, resets;         /* Fast Open: accepted, and their SYN not proven; struct reset_note */
	uint32_t n_embryos, n_ready, n_unproven, backlog;
	time_ns cookies_at;                   /* when the last SYN cookie was given out; 0: never */
};

struct tcp_stack {
	struct port_space *ports;
	struct hash tw_flows, tw_ports;       /* struct timewait */
	struct list tw_order;
	struct timer tw_timer;
	struct fastopen_cache fastopen;
	struct stack *stack;
	uint32_t n_tw, n_orphans;
};

/* A segment being processed. Steps shorten it; the payload is p->data, seq is of its first octet (or of the SYN). */
struct segment {
	struct tcp_hdr h;
	struct packet *p;                     /* NULL once something has taken it */
	uint32_t len, wnd;
	uint32_t whole;                       /* len as it came */
	struct packet_weight weight;          /* of p, and */
	uint8_t ecn;                          /* what its IP header had: the packet may be gone before it is looked at */
	enum drop_reason why;
	seq32 iss;                            /* a SYN that may end a TIME-WAIT: where the new connection starts; else 0 */
	struct timewait *tw;                  /* that TIME-WAIT, or NULL */
	const struct tcp_secret *sign;        /* for an answer; NULL: none */
};
static inline seq32 segment_end(const struct segment *g)
{
	return g->h.seq + g->len + (g->h.flags & TCP_SYN ? 1u : 0u) + (g->h.flags & TCP_FIN ? 1u : 0u);
}

static inline struct tcp_sock *tcp_of(const struct sock *sk) { return (struct tcp_sock *)container_of(sk, struct tcp_sock, inet.sk); }
static inline struct stack *conn_stack(const struct tcp_sock *conn) { return conn->inet.sk.stack; }
static inline struct sysctl *conn_sysctl(const struct tcp_sock *conn) { return conn->inet.sk.stack->sysctl; }
static inline time_ns conn_now(const struct tcp_sock *conn) { return conn->inet.sk.stack->now; }
static inline seq32 snd_end(const struct tcp_sock *conn) { return conn->snd.data + (seq32)conn->snd.queue.len; }
/* Counts something for all connections of the host (nstat), or it several times. */
static inline void conn_mib_add(const struct tcp_sock *conn, enum mib_tcp_ext what, uint32_t n) { conn_stack(conn)->mib->tcp_ext[what] += n; }
static inline void conn_mib(const struct tcp_sock *conn, enum mib_tcp_ext what) { conn_mib_add(conn, what, 1); }

static inline uint32_t snd_flight(const struct tcp_sock *conn) { return conn->snd.nxt - conn->snd.una; }
static inline bool snd_fin_sent(const struct tcp_sock *conn) { return conn->snd.fin && seq_gt(conn->snd.nxt, snd_end(conn)); }
static inline uint32_t snd_unsent(const struct tcp_sock *conn)
{
	return seq_gt(snd_end(conn), conn->snd.nxt) ? snd_end(conn) - conn->snd.nxt : 0;
}
/* Linux's TCP_MIN_SND_MSS: options of 40 octets leave 8 for data. */
static inline uint16_t conn_mss_least(const struct tcp_sock *conn) { return (uint16_t)conn_sysctl(conn)->tcp_min_snd_mss; }
/* RFC 6298 §2 (2.4) says 1 s; Linux's floor is 200 ms. (2.5): a minute or more. */
static inline time_ns conn_rto_min(const struct tcp_sock *conn)
{
	if (conn->rtt.route_min_ms) return conn->rtt.route_min_ms * NS_PER_MS;
	return conn->set.rto_min ? conn->set.rto_min * TCP_TICK : conn_sysctl(conn)->tcp_rto_min_us * NS_PER_US;
}
static inline time_ns conn_rto_max(const struct tcp_sock *conn)
{
	return conn->set.rto_max ? conn->set.rto_max * TCP_TICK : conn_sysctl(conn)->tcp_rto_max_ms * NS_PER_MS;
}
static inline uint32_t conn_notsent_lowat(const struct tcp_sock *conn)
{
	return conn->set.notsent_lowat ? conn->set.notsent_lowat : conn_sysctl(conn)->tcp_notsent_lowat;
}
static inline bool conn_answers(const struct tcp_sock *conn) { return conn->ack.pingpong >= conn_sysctl(conn)->tcp_pingpong_thresh; }
static inline void conn_set_answers(struct tcp_sock *conn, bool on) { conn->ack.pingpong = on ? (uint8_t)conn_sysctl(conn)->tcp_pingpong_thresh : 0; }
/* Right edge of what we offered: the peer may send below it. */
static inline seq32 rcv_edge(const struct tcp_sock *conn) { return conn->rcv.wup + conn->rcv.wnd; }

/* conn.c */
int conn_init(struct sock *sk);
void conn_inherit(struct tcp_sock *child, const struct tcp_sock *parent);
void conn_inherit_sock(struct inet_sock *is, const struct inet_sock *parent);   /* … as far as that is no matter of TCP */
int conn_open(struct tcp_sock *conn, const struct route_hop *hop);      /* addresses are set: ISN, MSS, windows, timestamps' offset */
/* As Linux: TCP_MAXSEG bounds what the peer's SYN says; where that says nothing, only who connects goes by it. */
void conn_bound_mss(const struct tcp_sock *conn, struct tcp_opts *o);
void conn_synced(struct tcp_sock *conn, const struct tcp_opts *o);      /* options of the peer's SYN */
void conn_stamps_agreed(struct tcp_sock *conn);  /* the SYNs are over: time stamps take their part of each segment to come */
void conn_ready_to_send(struct tcp_sock *conn);  /* windows and congestion control start */
void conn_established(struct tcp_sock *conn);
/* Octets may go: the handshake is over, or this is a Fast Open whose SYN is still to be proven. */
static inline bool conn_may_send(const struct tcp_sock *conn) { return IN_STATES(conn, STATES_SYNCED) || conn->fastopen.unproven; }
void conn_enter(struct tcp_sock *conn, enum tcp_state state);
void conn_done(struct tcp_sock *conn);           /* CLOSED; frees it when the program has let go: conn is dead for the caller */
void conn_fail(struct tcp_sock *conn, int err);  /* conn_done with a pending error */
void conn_disconnect(struct tcp_sock *conn);     /* back to where connect or listen can start again */
void conn_free(struct tcp_sock *conn);           /* frees it in any state, without a packet */
void conn_time_wait(struct tcp_sock *conn);      /* leaves a struct timewait behind, then conn_done */
const struct route *conn_route(struct tcp_sock *conn);          /* NULL: none, or no peer yet */
uint32_t conn_metric(struct tcp_sock *conn, unsigned metric);   /* what the route says, by RTAX_*; 0: nothing */
int conn_path(struct tcp_sock *conn, const struct addr *src, struct route_hop *ret); /* route to the peer */
bool conn_is_narrower(const struct tcp_sock *conn, uint32_t mtu);        /* would such a path make segments smaller? */
void conn_update_mss(struct tcp_sock *conn);     /* after the path MTU changed */

/* isn.c */
seq32 isn_new(const struct tcp_sock *conn);
uint32_t ts_offset(const struct stack *s, const struct addr *laddr, const struct addr *raddr);
uint32_t ts_clock(time_ns now, uint32_t offset);

/* Of processing a segment. QUIET: the ACK that is owed waits for its timer; GONE: the connection must not be touched any more. */
enum step { STEP_NEXT, STEP_STOP, STEP_QUIET, STEP_REFUSED, STEP_GONE };

/* listen.c */
int listen_start(struct tcp_sock *conn, int backlog);
uint32_t listen_waiting(const struct tcp_sock *conn);   /* connections for accept() */
void listen_stop(struct tcp_sock *conn);
void listen_receive(struct tcp_sock *conn, struct segment *g);
enum step listen_promote(struct tcp_sock *child, struct segment *g);  /* the handshake is done: STEP_NEXT when the accept queue takes it */
void listen_forget(struct tcp_sock *child);                           /* takes it out of its parent's queues */
int listen_accept(struct tcp_sock *conn, struct tcp_sock **ret);

/* syncookie.c */
bool syncookie_wanted(const struct tcp_sock *conn, const struct segment *g);
void syncookie_send(struct tcp_sock *conn, struct tcp_sock *child, const struct segment *g);   /* child is all that the SYN says, and needed no more */
/* Is it the ACK of a cookie? Then the options of the SYN that drew it. */
bool syncookie_read(const struct tcp_sock *conn, const struct segment *g, struct tcp_opts *ret, bool *ret_ecn);

/* input.c, ack.c */
void tcp_input(struct tcp_sock *conn, struct segment *g);
enum step input_ack(struct tcp_sock *conn, struct segment *g);
void ack_challenge(struct tcp_sock *conn);       /* RFC 5961: answers with an ACK, within the limit */
bool ack_is_window_news(const struct tcp_sock *conn, const struct segment *g);
void ack_syn_acked(struct tcp_sock *conn, const struct segment *g);
static inline enum step step_drop(struct segment *g, enum drop_reason why) { g->why = why; return STEP_STOP; }

void input_syn_text(struct tcp_sock *conn, struct segment *g);   /* text and FIN on a SYN; may take g->p */
void ack_syn_data(struct tcp_sock *conn, const struct segment *g);

/* connect.c */
int tcp_connect(struct sock *sk, const struct sockaddr *a, socklen_t len);
int conn_connect(struct tcp_sock *conn, const struct sockaddr *a, socklen_t len, bool silent);  /* silent: -EINPROGRESS, and the SYN is the caller's to send */

/* syn_sent.c */
enum step input_syn_sent(struct tcp_sock *conn, struct segment *g);

/* acking.c */
void tcp_need_ack(struct tcp_sock *conn, enum tcp_ack_need need);
void tcp_enter_quickack(struct tcp_sock *conn, unsigned max);  /* the next few ACKs are not delayed */
void acking_measure(struct tcp_sock *conn, const struct segment *g);       /* text came: what it says of the peer's segments */
void acking_guess(struct tcp_sock *conn);                  /* before anything came */
void acking_data(struct tcp_sock *conn, const struct segment *g);  /* new text came, in order */
void acking_check(struct tcp_sock *conn);        /* at the end of a segment: sends or delays the ACK that is owed */
void acking_sent(struct tcp_sock *conn);         /* a segment with ACK left */
void acking_data_sent(struct tcp_sock *conn);
void acking_delay_handshake(struct tcp_sock *conn);
void acking_timeout(struct tcp_sock *conn);

/* output.c */
void tcp_output(struct tcp_sock *conn);          /* sends all the new that may be sent now */
void output_full(struct tcp_sock *conn);                   /* a packet was filled, and more comes */
void output_new(struct tcp_sock *conn);          /* the same, small or not */
bool output_one_new(struct tcp_sock *conn);      /* one segment, whatever cwnd says */
bool output_syn_data(struct tcp_sock *conn, uint32_t len, const struct tcp_cookie *c);   /* the SYN, with so much of the queue. false: no memory */
void output_lost(struct tcp_sock *conn);         /* sends again what is lost, as far as cwnd goes. resend.c */
int output_repeat(struct tcp_sock *conn, uint32_t i); /* sends that record of the rtxq again, as a probe. 0 or why not */
int output_resend(struct tcp_sock *conn, uint32_t i); /* the same because it is lost */
uint32_t snd_in_window(const struct tcp_sock *conn, uint32_t len);   /* never more than half of the largest window seen */
uint32_t snd_mss(const struct tcp_sock *conn);   /* payload of a full segment now */
uint16_t snd_mss_any(const struct tcp_sock *conn);         /* what everybody takes */
uint32_t snd_mss_plain(const struct tcp_sock *conn);       /* without SACK blocks; before the peer has said what it takes, what everybody does */
bool output_whole(struct tcp_sock *conn, uint32_t len);    /* new octets in one segment, though it is longer than snd_mss */
void output_probe(struct tcp_sock *conn);        /* what the persist timer sends */

/* tso.c */
uint32_t tso_segments(const struct tcp_sock *conn);        /* most that leave in one packet; 1: nobody cuts them */
uint32_t tso_goal(const struct tcp_sock *conn, bool urgent);
uint32_t tso_quota(const struct tcp_sock *conn);           /* most that may now, by cwnd */
bool tso_should_defer(const struct tcp_sock *conn, uint32_t len);   /* wait for the next ACK, to send more at once */

/* md5.c */
int md5_set(struct tcp_sock *conn, const void *val, size_t len, bool extended);       /* TCP_MD5SIG, TCP_MD5SIG_EXT */
const struct tcp_secret *md5_find(const struct tcp_sock *conn, const struct addr *peer);   /* NULL: segments are not signed */
int md5_inherit(struct tcp_sock *child, const struct tcp_sock *parent);               /* 0, -ENOMEM */
void md5_free(struct tcp_sock *conn);
bool md5_accepts(const struct tcp_sock *conn, struct segment *g);                     /* signed as it has to be; sets g->sign */

/* cuts.c */
uint32_t cuts_room(struct tcp_sock *conn, bool urgent);    /* of the last packet, for octets to be queued now: a full one is cut off first */
uint32_t cuts_tail_room(const struct tcp_sock *conn, bool urgent);         /* of the last packet, if there is one that is not full */
uint32_t cuts_packets(const struct tcp_sock *conn);        /* of what is not sent */
void cuts_grow(struct tcp_sock *conn, uint32_t by);
void cuts_eor(struct tcp_sock *conn);
uint32_t cuts_unsent(const struct tcp_sock *conn);
struct tcp_cut cuts_at(const struct tcp_sock *conn, seq32 end);
void cuts_reached(struct tcp_sock *conn, seq32 end);
bool cuts_eor_is_after(const struct tcp_sock *conn, seq32 seq);
void cuts_free(struct tcp_sock *conn);

/* mtuprobe.c */
void mtuprobe_established(struct tcp_sock *conn);
uint32_t mtuprobe_limit(struct tcp_sock *conn, uint32_t path_mtu);     /* the MTU of segments now */
void mtuprobe_black_hole(struct tcp_sock *conn);
bool mtuprobe_send(struct tcp_sock *conn);                 /* before new segments: a probe, if it is time. false: nothing else should leave */
void mtuprobe_acked(struct tcp_sock *conn);                /* una moved */
bool mtuprobe_lost(struct tcp_sock *conn);                 /* something is: true, if it was the probe, and repaired */
void mtuprobe_forget(struct tcp_sock *conn);

/* rate.c */
void rate_sent(struct tcp_sock *conn, struct tcp_sent *s);                 /* s leaves, and is not in the rtxq yet unless it is sent again */
void rate_delivered(struct tcp_sock *conn, const struct tcp_sent *s, struct tcp_acked *a);
void rate_acked(struct tcp_sock *conn, const struct tcp_acked *a);         /* the ACK is wholly taken in */
void rate_check_program(struct tcp_sock *conn);            /* before it sends: had it too little to send so far? */
uint64_t rate_of(const struct tcp_sock *conn);             /* octets a second; 0: not known */

/* chrono.c */
void chrono_queued(struct tcp_sock *conn);                 /* there is something to send */
void chrono_drained(struct tcp_sock *conn);                /* something was acknowledged: all of it, perhaps */
void chrono_window(struct tcp_sock *conn, bool holds_back);
void chrono_refused(struct tcp_sock *conn, bool refused);  /* a writer was given less room than it wants, or there is some again */
void chrono_sent(struct tcp_sock *conn, bool limited);     /* something new left, and cwnd is full by it or not */
void chrono_stop(struct tcp_sock *conn);
uint64_t chrono_us(const struct tcp_sock *conn, enum tcp_chrono what);

/* info.c */
struct tcp_figures *conn_figures(struct tcp_sock *conn);   /* made if need be; NULL: no memory, and nothing is counted */
int get_info(struct sock *sk, void *val, socklen_t *len);

/* saved_syn.c */
void saved_syn_keep(struct tcp_sock *child, const struct packet *syn);    /* if its listener wants that; data = what follows the TCP header */
void saved_syn_forget(struct tcp_sock *conn);
int get_saved_syn(struct sock *sk, void *val, socklen_t *len);

/* pacing.c */
uint64_t pacing_most(const struct tcp_sock *conn);         /* what the program allows; UINT64_MAX: anything */
uint64_t pacing_rate(const struct tcp_sock *conn);         /* octets a second */
void pacing_update(struct tcp_sock *conn, uint32_t mss);   /* of segments of that size */
bool pacing_must_wait(struct tcp_sock *conn);              /* true: a timer will call for output */
void pacing_sent(struct tcp_sock *conn, uint32_t octets);

/* segment.c */
int segment_send(struct tcp_sock *conn, seq32 seq, uint32_t len, uint8_t flags);  /* builds, hands to IP, counts */
void segment_send_ack(struct tcp_sock *conn);
int segment_send_syn(struct tcp_sock *conn);     /* SYN, or SYN and ACK in SYN-RECEIVED */
int segment_send_syn_with(struct tcp_sock *conn, uint32_t len, const struct tcp_cookie *c);   /* the first, with text and a cookie */
void segment_send_reset(struct tcp_sock *conn);
uint32_t segment_opt_len(const struct tcp_sock *conn);
uint32_t segment_fixed_len(const struct tcp_sock *conn);   /* of a header without SACK blocks */

/* reset.c: segments that belong to no connection */
void reset_answer(struct stack *s, const struct packet *p, const struct segment *g);
void reset_answer_header(struct stack *s, const struct packet *p, const struct tcp_hdr *h);   /* h without a connection, back to where p came from */

/* window.c */
#define TCP_SCALING 128u                                   /* until a packet shows better */
uint32_t window_of_space(const struct tcp_sock *conn, uint32_t space);    /* octets that are expected to fit in so much of the buffer */
uint32_t window_to_space(const struct tcp_sock *conn, uint32_t octets);
uint32_t window_full(const struct tcp_sock *conn);         /* octets that fit in an empty buffer */
void window_scaling(struct tcp_sock *conn, uint32_t len, uint32_t cost);  /* a segment of a new size says how much of the buffer is window */
void window_clamp(struct tcp_sock *conn, uint32_t most);   /* TCP_WINDOW_CLAMP */
void window_init(struct tcp_sock *conn, uint32_t mss, const struct route *r);     /* offered at first, in whole segments of that size: */
void window_start(struct tcp_sock *conn, seq32 nxt);      /* the peer's first number is known: the window stands from there */
uint32_t window_wanted(struct tcp_sock *conn);             /* what could be offered if nothing had been */
uint32_t window_select(struct tcp_sock *conn);             /* what to offer now, from rcv.nxt */
uint32_t window_left(const struct tcp_sock *conn);         /* what the peer may still send of what was offered */
uint32_t window_once(const struct tcp_sock *conn);         /* what it may believe to be left: an ACK that took some back may be lost */
void window_told(struct tcp_sock *conn, uint32_t wnd);     /* a segment that offers this leaves */
void window_grow(struct tcp_sock *conn, uint32_t len, uint32_t cost);     /* text of this length came, in a packet that took so much: more may be offered */
void window_early(struct tcp_sock *conn);                  /* text came too early: room for it, too */
void window_established(struct tcp_sock *conn);
void window_measure_stamp(struct tcp_sock *conn, const struct segment *g);
void window_measure(struct tcp_sock *conn);      /* the round trip as the receiver sees it */
void window_consumed(struct tcp_sock *conn);               /* the program took octets: tunes the buffer, tells the peer */
bool window_read_acks(const struct tcp_sock *conn);        /* an ACK is owed for something small, and goes when all is read */

/* wmem.c */
bool wmem_has_memory(const struct tcp_sock *conn);          /* for another packet */
size_t wmem_room(struct tcp_sock *conn, bool urgent);      /* octets that may be queued next, in one packet if the device cuts */
void wmem_expand(struct tcp_sock *conn);
bool wmem_writable(const struct tcp_sock *conn);
void wmem_freed(struct tcp_sock *conn);                    /* octets left the queue, or its unsent part: wakes a writer that waits */

/* rmem.c */
void rmem_weigh(const struct tcp_sock *conn, struct packet *p);    /* a segment, its headers just taken off */
void rmem_charge(struct tcp_sock *conn, const struct packet *p);   /* which is next in order */
uint32_t rmem_held(struct tcp_sock *conn);                 /* of rcvbuf */
seq32 rmem_first_read(const struct tcp_sock *conn);        /* what the program read last: to where, or to the end of the first packet that it finished */
bool rmem_unread(struct tcp_sock *conn);                   /* something in order is not read */
bool rmem_pressure(struct tcp_sock *conn);                 /* seven eighths are full */
bool rmem_takes(struct tcp_sock *conn, seq32 seq, uint32_t len);   /* is there room? It may be made, also of what came too early and behind seq */
void rmem_forget(struct tcp_sock *conn);

/* timers.c */
void timers_init(struct tcp_sock *conn);
void timers_clear(struct tcp_sock *conn);
void timers_after_output(struct tcp_sock *conn);           /* nothing is in flight: probes the window or rests */
void timers_set_rtx(struct tcp_sock *conn, enum tcp_timer_role role, time_ns in);
void timers_rearm(struct tcp_sock *conn);                  /* the retransmission timeout, from now or from when the first was sent */
void timers_stop_rtx(struct tcp_sock *conn);
void timers_syn_sent(struct tcp_sock *conn);
void timers_window_news(struct tcp_sock *conn);            /* an ACK came while nothing was in flight */
void timers_recovered(struct tcp_sock *conn);              /* no time-out waits to be made good */
time_ns timers_rto_left(const struct tcp_sock *conn);      /* until the first in flight times out */
void timers_set_delack(struct tcp_sock *conn, time_ns at);
void timers_keepalive(struct tcp_sock *conn);              /* after SO_KEEPALIVE or its times changed */
void timers_fin_wait_2(struct tcp_sock *conn);
int conn_fin_timeout_s(const struct tcp_sock *conn);

/* timewait.c */
void timewait_add(struct tcp_sock *conn);
struct timewait *timewait_find(struct stack *s, const struct addr *laddr, uint16_t lport, const struct addr *raddr, uint16_t rport);
/* For whoever has the hash of the flow. */
struct timewait *timewait_at(struct stack *s, uint64_t hash, const struct addr *laddr, uint16_t lport, const struct addr *raddr, uint16_t rport);
/* Answers or ignores the segment; true when it is a SYN that may open a new connection: the TIME-WAIT ends if somebody listens, g->iss is set. */
bool timewait_receive(struct stack *s, struct timewait *tw, struct segment *g);
void timewait_answer(struct stack *s, struct timewait *tw, const struct segment *g);  /* an ACK, within the limit */
void timewait_end(struct stack *s, struct timewait *tw);
void timewait_free_all(struct stack *s);
bool timewait_blocks_bind(struct stack *s, const struct inet_sock *is);
int timewait_reuse(struct tcp_sock *conn, bool bound);   /* connect to a tuple in TIME-WAIT: 0 (snd.iss and ts_recent may be set) or -EADDRNOTAVAIL */

/* reassembly.c */
enum drop_reason runs_insert(struct tcp_sock *conn, struct segment *g);  /* takes g->p unless it has a reason to drop it */
void runs_note_fin(struct tcp_sock *conn);       /* a FIN that came too early is told of as text is */
void runs_drain(struct tcp_sock *conn);          /* moves what is in order now to rcv.queue */
void runs_free(struct tcp_sock *conn);
bool runs_prune(struct tcp_sock *conn, seq32 seq, uint32_t goal);   /* gives up the last, of this cost together, but none before seq. false: there are none */
seq32 runs_end(const struct tcp_runs *r);        /* the highest sequence number */
void rcv_queue_append(struct tcp_sock *conn, struct packet *p);          /* takes p, in order; rcv.nxt moves */

/* sack.c */
bool sack_reports(const struct tcp_sock *conn);   /* would sack_report() find any? */
uint8_t sack_report(const struct tcp_sock *conn, struct tcp_opts *o, uint8_t max);
void sack_note_duplicate(struct tcp_sock *conn, seq32 start, seq32 end);   /* came twice: to be told by D-SACK */
void sack_extend_duplicate(struct tcp_sock *conn, seq32 start, seq32 end);
void sack_learn(struct tcp_sock *conn, const struct segment *g, seq32 prior_una, struct tcp_acked *a);

/* rtxq.c */
struct tcp_sent *rtxq_at(const struct tcp_rtxq *q, uint32_t i);
bool rtxq_reserve(struct tcp_rtxq *q, uint32_t more);      /* room for so many more. false: no memory */
void rtxq_append(struct tcp_rtxq *q, const struct tcp_sent *sent);         /* after rtxq_reserve */
void rtxq_forget(struct tcp_rtxq *q);                      /* the records; as Linux what became of them stays told: TCP_INFO */
void rtxq_tag(struct tcp_rtxq *q, struct tcp_sent *s, unsigned tag);
void rtxq_pop(struct tcp_rtxq *q);
/* How many are left of the first packet, if all are in the same case; else 0. And how long they are. */
uint32_t rtxq_packet(const struct tcp_rtxq *q, uint32_t *ret_mss);
uint32_t rtxq_find(const struct tcp_rtxq *q, seq32 seq);   /* the first record that ends above seq */
bool rtxq_split(struct tcp_rtxq *q, uint32_t i, seq32 at);
void rtxq_join(struct tcp_rtxq *q, uint32_t i);            /* with the next one */
uint32_t rtxq_in_flight(const struct tcp_rtxq *q);         /* segments in the network, as far as we know */
seq32 rtxq_sacked_to(const struct tcp_sock *conn);

/* rack.c, tlp.c */
void rack_advance(struct tcp_sock *conn, const struct tcp_sent *s);        /* s was delivered */
void rack_note_reordering(struct tcp_sock *conn, seq32 low, enum mib_tcp_ext how);
void rack_update_window(struct tcp_sock *conn, const struct tcp_acked *a);
void rack_window_was_right(struct tcp_sock *conn);         /* a recovery ended without undoing */
void rack_window_was_small(struct tcp_sock *conn);
time_ns rack_remaining(const struct tcp_sock *conn, const struct tcp_sent *s);
bool rack_mark_lost(struct tcp_sock *conn);                /* true: the reorder timer was set */
void rack_timeout(struct tcp_sock *conn);
bool tlp_schedule(struct tcp_sock *conn, bool advancing);  /* false: no probe is due */
void tlp_timeout(struct tcp_sock *conn);
void tlp_acked(struct tcp_sock *conn, const struct segment *g, const struct tcp_acked *a);

/* recovery.c */
enum tcp_resend { RESEND_NONE, RESEND_LOST, RESEND_NEW };
void recovery_init(struct tcp_sock *conn);
void recovery_opened(struct tcp_sock *conn);               /* the SYN and ACK came */
enum tcp_resend recovery_ack(struct tcp_sock *conn, bool duplicate, struct tcp_acked *a);
void recovery_eat_duplicates(struct tcp_sock *conn, uint32_t segments);
void recovery_enter(struct tcp_sock *conn, bool ece);
void recovery_reduce(struct tcp_sock *conn);               /* cwnd comes down though nothing is lost: CWR */
void recovery_keep_open(struct tcp_sock *conn);
void recovery_mark_lost(struct tcp_sock *conn, struct tcp_sent *s);
bool recovery_any_resent(const struct tcp_sock *conn);
void recovery_timeout(struct tcp_sock *conn);
void recovery_resegment(struct tcp_sock *conn);
void recovery_resend_all(struct tcp_sock *conn);           /* what is in flight goes again, with no blame on the network */

/* undo.c, prr.c */
void undo_begin(struct tcp_sock *conn);
void undo_resent(struct tcp_sock *conn);
void undo_count(struct tcp_sock *conn, seq32 end, uint32_t segments);
bool undo_at_end(struct tcp_sock *conn, const struct tcp_acked *a);
bool undo_by_dsack(struct tcp_sock *conn);
bool undo_partial(struct tcp_sock *conn, struct tcp_acked *a);
bool undo_timeout(struct tcp_sock *conn, const struct tcp_acked *a, bool frto);
void prr_begin(struct tcp_sock *conn);
bool prr_is_active(const struct tcp_sock *conn);
void prr_reduce(struct tcp_sock *conn, uint32_t delivered, uint32_t lost, bool una_moved);
void prr_end(struct tcp_sock *conn);

/* congestion.c, cubic.c, hystart.c */
#define CC_INFINITE 0x7fffffffu                            /* ssthresh before the first loss */
enum cc_event { CC_SEND, CC_TIMEOUT };                     /* sending after nothing was in flight */
struct tcp_cc {
	const char *name;
	void (*init)(struct tcp_sock *);                           /* the last three may be NULL, and this */
	uint32_t (*ssthresh)(struct tcp_sock *);                   /* after a loss */
	void (*acked)(struct tcp_sock *, uint32_t segments);       /* nothing is lost, and cwnd holds us back */
	uint32_t (*undo)(struct tcp_sock *);                       /* cwnd after a reduction that was a mistake */
	void (*event)(struct tcp_sock *, enum cc_event);
	void (*sample)(struct tcp_sock *, time_ns rtt);
};
extern const struct tcp_cc cc_cubic;
const struct tcp_cc *cc_find(const char *name, size_t len);
const struct tcp_cc *cc_of_metric(uint32_t metric);        /* tcp_congestion_metric()'s */
const struct tcp_cc *cc_default(const struct sysctl *sys);
void cc_init(struct tcp_sock *conn);
void cc_start(struct tcp_sock *conn);                      /* another controller takes over */
void cc_set_cwnd(struct tcp_sock *conn, uint32_t segments);
uint32_t cc_current_ssthresh(const struct tcp_sock *conn);
uint32_t cc_undo_cwnd(struct tcp_sock *conn);
void cc_acked(struct tcp_sock *conn, uint32_t segments);
void cc_validate(struct tcp_sock *conn, bool limited);     /* after sending */
void cc_restart_idle(struct tcp_sock *conn);
bool cc_in_slow_start(const struct tcp_sock *conn);
uint32_t cc_slow_start(struct tcp_sock *conn, uint32_t segments);          /* returns what is left for avoidance */
void cc_avoid(struct tcp_sock *conn, uint32_t every, uint32_t segments);   /* cwnd + 1 for each `every` acknowledged */
void hystart_init(struct tcp_sock *conn);
uint32_t hystart_limit(struct tcp_sock *conn, uint32_t segments);
void hystart_sample(struct tcp_sock *conn, time_ns rtt);

/* ecn.c */
uint8_t ecn_syn_flags(struct tcp_sock *conn, uint8_t flags);
void ecn_syn_received(struct tcp_sock *conn, const struct segment *g);
void ecn_syn_answered(struct tcp_sock *conn, const struct segment *g);
void ecn_seen(struct tcp_sock *conn, const struct segment *g);
void ecn_cwr_received(struct tcp_sock *conn, const struct segment *g);
void ecn_data_received(struct tcp_sock *conn, const struct segment *g);
bool ecn_echoed(const struct tcp_sock *conn, const struct segment *g);
uint8_t ecn_flags(struct tcp_sock *conn, bool is_new, uint8_t *ret_field);
void ecn_reduced(struct tcp_sock *conn);
void ecn_reduction_undone(struct tcp_sock *conn);

/* rtt.c */
void rtt_init(struct tcp_sock *conn);
bool rtt_acked(struct tcp_sock *conn, struct tcp_acked *a);
void rtt_established(struct tcp_sock *conn);
void rtt_shift(struct tcp_sock *conn, time_ns by);         /* the round trip is going to be so much longer, as far as anybody knows */
time_ns rtt_measured(const struct tcp_sock *conn);         /* RTO without back-off */
time_ns rtt_timeout(const struct tcp_sock *conn);          /* with it */
void rtt_back_off(struct tcp_sock *conn);
void rtt_back_off_no_more(struct tcp_sock *conn);
time_ns rtt_first_probe_delay(const struct tcp_sock *conn);                /* until the window is probed, and */
time_ns rtt_probe_delay(const struct tcp_sock *conn);      /* … again */
void rtt_probe_back_off(struct tcp_sock *conn);

/* usercall.c */
void conn_take_out(struct tcp_sock *conn, size_t len);     /* the next octets of the receive queue are read, or passed over */
/* urgent.c */
void urgent_receive(struct tcp_sock *conn, const struct segment *g);
void urgent_send(struct tcp_sock *conn);
int urgent_read(struct tcp_sock *conn, struct sock_msg *m);
uint32_t urgent_span(const struct tcp_sock *conn);         /* octets readable before the mark */
bool urgent_at_mark(const struct tcp_sock *conn);
void urgent_passed(struct tcp_sock *conn);                 /* the program read on: the mark may be behind it now */

/* stamps.c */
void stamps_note(struct tcp_sock *conn, uint32_t flags);   /* a send that asked for stamps ends with what is queued */
bool stamps_due(const struct tcp_sock *conn, seq32 seq, uint32_t len);    /* a send that waits for its stamp ends in these octets */
void stamps_left(struct tcp_sock *conn, seq32 seq, uint32_t len, const struct packet *frame);
void stamps_acked(struct tcp_sock *conn, const struct segment *g);        /* before the octets are gone */
void stamps_forget(struct tcp_sock *conn);
extern const struct sockopt stamps_options[];
/* stamps_stats.c */
#define STAMPS_STATS_MAX 256u
size_t stamps_stats(const struct tcp_sock *conn, const struct segment *g, uint8_t ret[STAMPS_STATS_MAX]);   /* g: the acknowledgement, or NULL. Octets */

/* repair.c */
struct repair_numbers { seq32 sent, received; uint32_t offset; };  /* which a connection goes on from: the next to be sent and to come, the stamps' offset */
struct repair_numbers repair_numbers(const struct tcp_sock *conn);
void repair_restore(struct tcp_sock *conn, const struct repair_numbers *n);   /* connect() failed: they wait for the next */
void repair_connect(struct tcp_sock *conn, const struct repair_numbers *n);   /* addresses are set: established, with no word to the peer */
bool repair_send(struct tcp_sock *conn, const struct sock_msg *m, ssize_t *ret);   /* false: as ever */
bool repair_recv(struct tcp_sock *conn, struct sock_msg *m, int flags, ssize_t *ret);
bool repair_keeps(const struct tcp_sock *conn);            /* what is queued counts as sent, and is not */
extern const struct sockopt repair_options[];

/* error.c */
void tcp_error(struct stack *s, const struct ip_error *e);

extern const struct sockopt tcp_options[];
