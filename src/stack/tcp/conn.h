/*
 * A TCP connection, and what the files of this directory share.
 *
 *     usercall.c   what the program asks: connect, listen, accept, send, recv, shutdown, close, poll
 *     listen.c     listening sockets, their SYN queue and accept queue
 *     input.c      SEGMENT ARRIVES, a function for each step of RFC 9293 §3.10.7; ack.c is its fifth step
 *     output.c     the one place that decides to send; segment.c builds what it decided
 *     window.c     the receive window and the two buffers' sizes
 *     timers.c     retransmission, probes, delayed ACK, keepalive, FIN-WAIT-2
 *     timewait.c   what is left of a connection in TIME-WAIT
 *     reassembly.c sack.c recovery.c congestion.c rtt.c urgent.c isn.c reset.c error.c options.c
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
enum tcp_use { TCP_UNCONNECTED, TCP_CONNECTING, TCP_CONNECTED };

#define MSS_DEFAULT 536u
#define MSS_MIN 48u                       /* Linux's TCP_MIN_SND_MSS: options of 40 octets leave 8 for data */
#define TCP_RTO_MIN (200 * NS_PER_MS)         /* RFC 6298 says 1 s; Linux's floor */
#define TCP_RTO_MAX (120 * NS_PER_S)
#define TCP_RTO_INIT (1 * NS_PER_S)
#define TCP_RTO_FALLBACK (3 * NS_PER_S)
#define TCP_DELACK (40 * NS_PER_MS)
#define TCP_TIMEWAIT (60 * NS_PER_S)
#define TCP_DUPACKS 3
#define TCP_INIT_CWND 10u                     /* RFC 6928 */
#define TCP_WSCALE_MAX 14
#define TCP_MAX_ORPHANS 16384
#define TCP_OOW_INTERVAL (500 * NS_PER_MS)    /* between two answers to unacceptable segments */

/* Octets [start, end) of sequence space. */
struct seq_range { seq32 start, end; };

/* A run of out-of-order octets, as packets chained by node.next. reassembly.c */
struct tcp_run { struct seq_range range; struct packet *first, *last; };
struct tcp_runs { struct tcp_run *at; uint32_t n, cap, mem_bytes; struct seq_range latest[TCP_SACK_MAX]; uint8_t n_latest; };

/* recovery.c explains the fields. */
enum tcp_phase { TCP_OPEN, TCP_FAST_RECOVERY, TCP_LOSS };
struct tcp_recovery {
	uint8_t phase;
	bool force;                           /* the next retransmission goes whatever cwnd says */
	uint16_t dupacks;
	seq32 point, rtx, lost;
	struct seq_range *sacked;             /* scoreboard: sorted, disjoint, all above una. sack.c */
	uint16_t n_sacked, cap_sacked;
	uint32_t sacked_bytes;
};

enum tcp_ack_need { TCP_ACK_NONE, TCP_ACK_DELAYED, TCP_ACK_NOW };
enum tcp_rtx_role { TCP_TIMER_RETRANSMIT, TCP_TIMER_PROBE };
enum tcp_urg_state { TCP_URG_NONE, TCP_URG_AWAITED, TCP_URG_VALID, TCP_URG_READ };

struct tcp_listener;
struct timewait;
struct tcp_cc;

struct tcp_sock {
	struct inet_sock inet;
	uint8_t state, use;
	struct {
		seq32 una, nxt, wl1, wl2, iss;
		seq32 data;                   /* of queue's first octet */
		seq32 sml;                    /* end of the last small segment sent (Minshall) */
		seq32 up;                     /* urgent pointer: the octet after the urgent one */
		uint32_t wnd, max_wnd;
		uint16_t mss;                 /* of the path and the peer, before options */
		uint16_t peer_mss;
		uint8_t wscale;
		bool fin;                     /* a FIN follows the queue */
		bool urgent;                  /* up is ahead of una */
		bool more;                    /* during a send with MSG_MORE */
		struct ring queue;
	} snd;
	struct {
		seq32 nxt, irs, wup;
		seq32 fin_seq;
		seq32 up;                     /* the urgent octet itself */
		uint32_t wnd;                 /* last advertised, from wup */
		uint32_t queued, mem_bytes;   /* in queue: octets, and what they cost */
		uint32_t clamp;               /* TCP_WINDOW_CLAMP */
		uint16_t mss;                 /* estimate of what the peer sends */
		uint16_t adv_mss;
		uint8_t wscale;
		uint8_t urg, urg_octet;       /* enum tcp_urg_state */
		bool fin, done;               /* fin_seq is known; FIN was reached: nothing follows */
		struct list queue;            /* packets in order, data = payload not yet read */
		struct tcp_runs ooo;
		/* auto-tuning: since when, from which count of octets taken, and how many were taken in the round before */
		time_ns tune_since;
		seq32 tune_from;
		uint32_t tune_last;
	} rcv;
	struct { uint8_t need, quick; bool pingpong, pushed; } ack;   /* need: enum tcp_ack_need; pingpong: answers carry our ACKs */
	struct { bool wscale, ts, sack; uint32_t recent, offset; time_ns recent_when; } opt; /* agreed; ts_recent and our clock's offset */
	struct {
		time_ns srtt, rttvar, rto, since;
		seq32 seq;
		uint8_t backoff;
		bool timing;
	} rtt;
	struct tcp_recovery rec;
	const struct tcp_cc *cc;
	uint32_t cwnd, ssthresh;              /* octets */
	uint32_t cwnd_acked;                  /* octets acknowledged towards the next step of cwnd */
	bool cwnd_limited;
	/* timers */
	struct timer rtx, delack, keep;
	uint8_t rtx_role, retries, probes;    /* retransmissions or probes since something was acknowledged; keepalives unanswered */
	time_ns stuck_since;                  /* first retransmission or probe of this trouble; 0: none */
	time_ns heard, sent_data, got_data, last_oow;
	int soft_err;
	/* TCP_* options; 0 = the sysctl's */
	bool nodelay, cork, thin_linear;
	uint16_t fastopen_qlen;
	int keepidle_s, keepintvl_s, keepcnt, syncnt, linger2_s;
	uint8_t defer_accept;                 /* in retransmissions of the SYN and ACK */
	uint32_t user_timeout_ms, notsent_lowat;
	int user_mss;
	/* listening */
	struct tcp_listener *listener;        /* of a listening socket */
	struct tcp_sock *parent;              /* of one not yet accepted */
	struct list queue_node;               /* in one of parent's queues */
	bool embryo;                          /* which one: the SYN queue */
	bool acked;                           /* TCP_DEFER_ACCEPT: the handshake is done but for data */
	bool nospace;                         /* a writer found no room */
	bool peer_mss_known;
	bool orphan;                          /* counted in tcp_stack.n_orphans */
	/* figures for TCP_INFO */
	uint64_t bytes_acked, bytes_received, bytes_sent, bytes_retrans;
	uint32_t segs_out, segs_in, data_segs_out, data_segs_in, total_retrans;
};

struct tcp_listener {
	struct list embryos, ready;           /* SYN queue and accept queue */
	uint32_t n_embryos, n_ready, backlog;
};

struct tcp_stack {
	struct port_space *ports;
	struct hash tw_flows, tw_ports;       /* struct timewait */
	struct list tw_order;
	struct timer tw_timer;
	struct stack *stack;
	uint32_t n_tw, n_orphans;
};

/* A segment being processed. Steps shorten it; the payload is p->data, seq is of its first octet (or of the SYN). */
struct segment {
	struct tcp_hdr h;
	struct packet *p;                     /* NULL once something has taken it */
	uint32_t len, wnd;
	enum drop_reason why;
	seq32 iss;                            /* a SYN that may end a TIME-WAIT: where the new connection starts; else 0 */
	struct timewait *tw;                  /* that TIME-WAIT, or NULL */
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
static inline uint32_t snd_flight(const struct tcp_sock *conn) { return conn->snd.nxt - conn->snd.una; }
static inline bool snd_fin_sent(const struct tcp_sock *conn) { return conn->snd.fin && seq_gt(conn->snd.nxt, snd_end(conn)); }
static inline uint32_t snd_unsent(const struct tcp_sock *conn)
{
	return seq_gt(snd_end(conn), conn->snd.nxt) ? snd_end(conn) - conn->snd.nxt : 0;
}
/* Right edge of what we offered: the peer may send below it. */
static inline seq32 rcv_edge(const struct tcp_sock *conn) { return conn->rcv.wup + conn->rcv.wnd; }

/* conn.c */
int conn_init(struct sock *sk);
void conn_inherit(struct tcp_sock *child, const struct tcp_sock *parent);
int conn_open(struct tcp_sock *conn, const struct route_hop *hop);      /* addresses are set: ISN, MSS, windows, timestamps' offset */
void conn_synced(struct tcp_sock *conn, const struct tcp_opts *o);      /* options of the peer's SYN */
void conn_established(struct tcp_sock *conn);
void conn_enter(struct tcp_sock *conn, enum tcp_state state);
void conn_done(struct tcp_sock *conn);           /* CLOSED; frees it when the program has let go: conn is dead for the caller */
void conn_fail(struct tcp_sock *conn, int err);  /* conn_done with a pending error */
void conn_disconnect(struct tcp_sock *conn);     /* back to where connect or listen can start again */
void conn_free(struct tcp_sock *conn);           /* frees it in any state, without a packet */
void conn_purge(struct tcp_sock *conn);          /* drops both queues */
void conn_time_wait(struct tcp_sock *conn);      /* leaves a struct timewait behind, then conn_done */
int conn_path(struct tcp_sock *conn, const struct addr *src, struct route_hop *ret); /* route to the peer */
void conn_update_mss(struct tcp_sock *conn);     /* after the path MTU changed */

/* isn.c */
seq32 isn_new(const struct tcp_sock *conn);
uint32_t ts_offset(const struct stack *s, const struct addr *laddr, const struct addr *raddr);
uint32_t ts_clock(time_ns now, uint32_t offset);

enum step { STEP_NEXT, STEP_STOP, STEP_GONE };   /* of processing a segment. GONE: the connection must not be touched any more */

/* listen.c */
int listen_start(struct tcp_sock *conn, int backlog);
void listen_stop(struct tcp_sock *conn);
void listen_receive(struct tcp_sock *conn, struct segment *g);
enum step listen_promote(struct tcp_sock *child, struct segment *g);  /* the handshake is done: STEP_NEXT when the accept queue takes it */
void listen_forget(struct tcp_sock *child);                           /* takes it out of its parent's queues */
int listen_accept(struct tcp_sock *conn, struct tcp_sock **ret);

/* input.c, ack.c */
void tcp_input(struct tcp_sock *conn, struct segment *g);
enum step input_ack(struct tcp_sock *conn, struct segment *g);
void ack_challenge(struct tcp_sock *conn);       /* RFC 5961: answers with an ACK, within the limit */
void ack_unacceptable(struct tcp_sock *conn, const struct segment *g);
bool ack_update_window(struct tcp_sock *conn, const struct segment *g);   /* true when the window changed */
static inline enum step step_drop(struct segment *g, enum drop_reason why) { g->why = why; return STEP_STOP; }

/* syn_sent.c */
enum step input_syn_sent(struct tcp_sock *conn, struct segment *g);

/* output.c */
void tcp_output(struct tcp_sock *conn);          /* sends all that may be sent now, and the ACK that is owed */
uint32_t snd_mss(const struct tcp_sock *conn);   /* payload of a full segment now */
void tcp_need_ack(struct tcp_sock *conn, enum tcp_ack_need need);
void tcp_quick_ack(struct tcp_sock *conn, unsigned max);   /* the next few ACKs are not delayed */
void output_probe(struct tcp_sock *conn);        /* what the persist timer sends */

/* segment.c */
int segment_send(struct tcp_sock *conn, seq32 seq, uint32_t len, uint8_t flags);  /* builds, hands to IP, counts */
void segment_send_ack(struct tcp_sock *conn);
int segment_send_syn(struct tcp_sock *conn);     /* SYN, or SYN and ACK in SYN-RECEIVED */
void segment_send_reset(struct tcp_sock *conn);
uint32_t segment_opt_len(const struct tcp_sock *conn);

/* reset.c: segments that belong to no connection */
void reset_answer(struct stack *s, const struct packet *p, const struct segment *g);
void reset_answer_header(struct stack *s, const struct packet *p, const struct tcp_hdr *h);   /* h without a connection, back to where p came from */

/* window.c */
uint32_t window_full(const struct tcp_sock *conn);         /* octets that fit in an empty buffer */
void window_init(struct tcp_sock *conn);
uint32_t window_select(const struct tcp_sock *conn);
void window_consumed(struct tcp_sock *conn);               /* the program took octets: tunes the buffer, tells the peer */
void sndbuf_expand(struct tcp_sock *conn);
bool sndbuf_writable(const struct tcp_sock *conn);
void sndbuf_freed(struct tcp_sock *conn);                  /* octets left the queue, or its unsent part: wakes a writer that waits */

/* timers.c */
void timers_init(struct tcp_sock *conn);
void timers_clear(struct tcp_sock *conn);
void timers_after_output(struct tcp_sock *conn);           /* the one retransmission timer follows what is outstanding */
void timers_restart_rtx(struct tcp_sock *conn);            /* something new was acknowledged */
void timers_delack(struct tcp_sock *conn);
void timers_keepalive(struct tcp_sock *conn);              /* after SO_KEEPALIVE or its times changed */
void timers_fin_wait_2(struct tcp_sock *conn);
int conn_fin_timeout_s(const struct tcp_sock *conn);

/* timewait.c */
void timewait_add(struct tcp_sock *conn);
struct timewait *timewait_find(struct stack *s, const struct addr *laddr, uint16_t lport, const struct addr *raddr, uint16_t rport);
/* Answers or ignores the segment; true when it is a SYN that may open a new connection: the TIME-WAIT ends if somebody listens, g->iss is set. */
bool timewait_receive(struct stack *s, struct timewait *tw, struct segment *g);
void timewait_answer(struct stack *s, struct timewait *tw, const struct packet *p);   /* an ACK, within the limit */
void timewait_end(struct stack *s, struct timewait *tw);
void timewait_free_all(struct stack *s);
bool timewait_blocks_bind(struct stack *s, const struct inet_sock *is);
int timewait_reuse(struct tcp_sock *conn);       /* connect to a tuple in TIME-WAIT: 0 (snd.iss and ts_recent may be set) or -EADDRNOTAVAIL */

/* reassembly.c */
enum drop_reason runs_insert(struct tcp_sock *conn, struct segment *g);  /* takes g->p unless it has a reason to drop it */
void runs_drain(struct tcp_sock *conn);          /* moves what is in order now to rcv.queue */
void runs_free(struct tcp_runs *r);
void rcv_queue_append(struct tcp_sock *conn, struct packet *p);          /* takes p, in order; rcv.nxt moves */

/* sack.c */
uint8_t sack_report(const struct tcp_sock *conn, struct tcp_opts *o, uint8_t max);
bool sack_learn(struct tcp_sock *conn, const struct segment *g);         /* true when something new was sacked */
void sack_advance(struct tcp_sock *conn);        /* una moved */
void sack_clear(struct tcp_sock *conn);
uint32_t sack_bytes_between(const struct tcp_sock *conn, seq32 from, seq32 to);
seq32 sack_lost_edge(const struct tcp_sock *conn);   /* everything unsacked below is lost (RFC 6675 IsLost); una when nothing is */
struct seq_range sack_hole(const struct tcp_sock *conn, seq32 from, seq32 to); /* first unsacked range in [from, to) */

/* recovery.c */
void recovery_init(struct tcp_sock *conn);
void recovery_ack(struct tcp_sock *conn, uint32_t acked, bool duplicate, bool new_sack);
void recovery_timeout(struct tcp_sock *conn);
void recovery_resegment(struct tcp_sock *conn);  /* path MTU shrank: send again what is in flight, with no blame on the network */
uint32_t recovery_pipe(const struct tcp_sock *conn);

/* congestion.c */
struct tcp_cc {
	const char *name;
	uint32_t (*ssthresh)(const struct tcp_sock *);             /* after a loss */
	void (*acked)(struct tcp_sock *, uint32_t octets);         /* in order, nothing lost */
};
extern const struct tcp_cc cc_reno;
const struct tcp_cc *cc_find(const char *name, size_t len);
void cc_init(struct tcp_sock *conn);
void cc_restart_idle(struct tcp_sock *conn);

/* rtt.c */
void rtt_init(struct tcp_sock *conn);
void rtt_start(struct tcp_sock *conn, seq32 seq);          /* seq is sent now, for the first time */
void rtt_retransmitted(struct tcp_sock *conn, seq32 seq);
void rtt_acked(struct tcp_sock *conn, const struct segment *g);
time_ns rtt_timeout(const struct tcp_sock *conn);          /* RTO with back-off */

/* urgent.c */
void urgent_receive(struct tcp_sock *conn, const struct segment *g);
void urgent_send(struct tcp_sock *conn);
int urgent_read(struct tcp_sock *conn, struct sock_msg *m);
uint32_t urgent_span(const struct tcp_sock *conn);         /* octets readable before the mark */
bool urgent_at_mark(const struct tcp_sock *conn);
void urgent_passed(struct tcp_sock *conn);                 /* the program read on: the mark may be behind it now */

/* error.c */
void tcp_error(struct stack *s, const struct ip_error *e);

extern const struct sockopt tcp_options[];
