/*
 * SCTP inside. A socket has associations (one-to-one: at most one), an association has paths: the peer's addresses.
 *
 *     sctp_stack ── endpoints: sockets that listen          ── assocs by id
 *                └─ flows: (our port, peer's port, peer's address) -> path ─► assoc ─► sctp_sock
 *
 *     send():  message ─► pieces ─► snd.queue ──(TSN)──► snd.flight ──SACK──► gone
 *     packet:  input ─► DATA ─► rcv.pieces ─► whole message ─► [rcv.early, until its turn] ─► sctp_sock.rcvq ─► recv()
 *
 * An association can end while it is worked on (an ABORT, a limit that is passed): functions that may do that say so, and answer
 * false when it is gone.
 *
 * Read first: RFC 9260; RFC 6458 for what programs see; <linux/sctp.h>.
 */
#pragma once
#include <stdint.h>
#include <sys/socket.h>
#include <linux/sctp.h>                /* wants the two before it */
#include "stack/inet/inet.h"
#include "stack/sctp/asconf.h"
#include "stack/sctp/auth.h"
#include "stack/sctp/reconfig.h"
#include "stack/sctp/sctp.h"
#include "wire/wire.h"

#define SCTP_ADDRS_MAX 16u        /* of an end: what more is told is passed over */
#define TSN_WINDOW 4096u          /* TSNs beyond the cumulative one that are kept, as many as Linux does */
#define DUPS_MAX 16u
#define SCTP_RWND_LEAST 1500u     /* RFC 9260 §3.3.2 */

struct sctp_addrs { uint32_t n; struct addr at[SCTP_ADDRS_MAX]; };

struct sctp_stack {
	struct stack *stack;
	struct hash flows;             /* struct path.flow_node */
	struct list endpoints;         /* struct sctp_sock.endpoint_node */
	sctp_assoc_t last_id;
	uint32_t out_of_the_blue;      /* packets that belonged to nobody */
};

/* Of a destination: its own, or those that new ones begin with. */
struct path_settings {
	uint32_t hb_interval_ms;
	uint16_t max_retrans, pf_retrans, ps_retrans;
	bool hb, pmtud;
	uint32_t mtu_bytes;
	uint8_t dscp;
	bool has_dscp;
};
/* Of Linux 6.4, which the header that we build with may not know. */
enum { SCHEDULE_FAIR = 3, SCHEDULE_WEIGHTED };
enum { PF_EXPOSE_UNSET, PF_EXPOSE_OFF, PF_EXPOSE_ON };
/* What a socket gives the associations it begins, and each may change for itself. */
struct assoc_settings {
	struct sctp_initmsg init;
	uint32_t rto_initial_ms, rto_min_ms, rto_max_ms;
	uint16_t max_retrans;
	uint32_t cookie_life_ms, sack_delay_ms, sack_freq, max_burst, max_seg;
	struct path_settings path;
	struct { uint16_t stream, flags; uint32_t ppid, context, lifetime_ms; } send;
	uint16_t pr_policy;
	uint32_t pr_value, rcv_context, adaptation;
	struct auth_settings auth;
	uint8_t scheduler;             /* SCTP_SS_…, SCHEDULE_… */
	uint8_t pf_expose;             /* PF_EXPOSE_… */
	bool reconfig, asconf, ecn;    /* RFC 6525, RFC 5061, ECN are offered */
	uint32_t reset_allowed;        /* SCTP_ENABLE_… of the peer, and of the program */
	uint32_t events;               /* a bit for each type of notification: 1 << (type - SCTP_SN_TYPE_BASE) */
};

struct sctp_sock {
	struct inet_sock inet;
	struct assoc_settings set;
	struct auth_keys keys;         /* that new associations begin with */
	struct list assocs;            /* struct assoc.node */
	uint32_t n_assocs;
	struct sctp_addrs bound;       /* none: any address */
	struct list endpoint_node;
	struct list accepting, accept_node;     /* a listener's connections, and being one of them */
	uint32_t n_accepting, backlog;
	struct sctp_sock *parent;
	struct list rcvq;              /* struct in_msg.node */
	uint32_t queued;               /* sum of the associations' snd.queued */
	bool many, peeled;             /* one-to-many; one of its associations by itself */
	bool established, was_connected;        /* of one-to-one: Linux's SCTP_SS_ESTABLISHED; it has had an association */
	bool nodelay, no_fragments, mapped_off, rcvinfo, nxtinfo, reuse_port;
	uint8_t interleave;
	uint32_t autoclose_s, pd_point;
	sctp_assoc_t connecting;       /* the association whose beginning a connect() waits for; 0: none */
	int connect_err;               /* what became of it, for the next one */
};

/* A message of the program's, as long as a piece of it is there. */
struct out_msg {
	uint32_t refs, context, ppid;
	uint16_t stream, flags, policy;
	uint32_t policy_value;
	time_ns dies_at;               /* TIME_NEVER: it is sent, however long that takes */
	struct addr to;                /* SCTP_ADDR_OVER; any: as paths are chosen */
	bool over, failed;             /* failed: its program has been told */
	bool begun, delayable;         /* a piece has a TSN; small enough to wait for more (Nagle) */
	uint16_t ssn, key;             /* key: of RFC 4895 */
};

/* A DATA chunk of ours. */
struct out_piece {
	struct list node;
	struct out_msg *msg;
	seq32 tsn;
	struct path *path;             /* where it went last; NULL: that path is gone, or it never went */
	time_ns sent_at;
	uint32_t sent, missing;        /* how often; by how many SACKs */
	uint8_t flags;                 /* CHUNK_DATA_B, _E, _U, _I */
	bool flying;                   /* counts as being on its way */
	bool gap_acked, again, fast, abandoned;   /* again: to be retransmitted; fast: was, by fast retransmit */
	bool timed;                    /* its acknowledgment measures the round trip */
	uint32_t len;
	uint8_t data[];
};

/* A DATA chunk of the peer's, or a notification. */
struct in_piece { struct list node; seq32 tsn; uint16_t stream, ssn; uint8_t flags; uint32_t ppid, len; uint8_t data[]; };
/* What one or several recv() return: all pieces have come unless it is partly delivered. */
struct in_msg {
	struct list node, pieces;
	struct assoc *assoc;           /* NULL when that is gone */
	sctp_assoc_t assoc_id;
	struct addr from; uint16_t from_port;
	uint16_t stream, ssn, flags;
	uint32_t ppid, context, len, taken, charge;
	seq32 tsn, cum;
	time_ns when;
	bool notification, whole;
};

struct path {
	struct list node;
	struct hash_node flow_node;
	struct assoc *assoc;
	struct addr addr, src;         /* src: ours towards it */
	struct path_settings set;
	int state;                     /* SCTP_ACTIVE, SCTP_INACTIVE, SCTP_UNCONFIRMED */
	uint32_t mtu_bytes;            /* of a datagram */
	uint32_t cwnd, ssthresh, partial_acked, flight;
	time_ns rto_ns, srtt_ns, rttvar_ns;
	uint32_t errors;
	struct timer t3, heartbeat;
	uint64_t nonce; time_ns asked_at;       /* of the last HEARTBEAT; 0: it was answered */
	bool timing;                   /* a round trip is being measured with DATA */
};

/* Messages that were given up (RFC 7496), by policy. */
struct given_up { uint32_t unsent[4], sent[4]; };
/* held: what is queued for it stays so. value: its priority or weight. given_up: NULL: none was */
struct out_stream { uint16_t ssn, value; bool held; uint64_t served; struct given_up *given_up; };

struct assoc {
	struct list node;
	struct sctp_sock *sock;
	sctp_assoc_t id;
	enum sctp_sstat_state state;
	uint16_t lport, rport;
	uint32_t my_tag, peer_tag;
	struct sctp_addrs local;
	struct list paths; uint32_t n_paths;
	struct path *primary, *heard;  /* heard: where the last packet with DATA came from */
	struct assoc_settings set;
	uint32_t errors;
	uint16_t out_streams, in_streams;
	bool peer_forwards;            /* it knows FORWARD TSN (RFC 3758) */
	uint32_t peer_adaptation; bool has_peer_adaptation;
	struct { uint32_t attempts, rto_ms, preserve_ms; uint8_t *cookie; uint16_t cookie_len; uint8_t errors_len; uint8_t errors[64]; } open;
	struct timer t1, t2, guard, sack_timer, autoclose;
	struct reconfig reconfig;
	struct auth auth;
	struct auth_keys keys;
	struct asconf asconf;
	/* echo: the peer is told of a mark until it answers. reduced: what was sent up to here has slowed us down */
	struct { bool able, echo; seq32 marked, reduced; } ecn;
	struct {
		struct list queue, flight;
		/* acked: cumulatively; advanced: what the peer may be told to forget up to; recover: where fast recovery ends */
		seq32 next_tsn, acked, iss, advanced, recover;
		bool recovering;
		uint32_t queued, unsent, in_flight, peer_rwnd; /* octets: with bookkeeping, until acknowledged; without a TSN; flying */
		struct out_stream *streams;    /* out_streams of them */
		uint16_t last_stream;          /* that began a message */
		uint64_t virtual_now;          /* schedule.c */
		bool was_dry, mortal;          /* mortal: a message was queued that may be given up */
	} snd;
	struct {
		seq32 cum, highest, irs;
		uint64_t map[TSN_WINDOW / 64];          /* which TSNs beyond cum are there, by their remainder */
		struct list pieces, early;     /* by TSN; struct in_msg whose turn has not come, by stream and number */
		struct in_msg *partial;        /* in the socket's queue, more to come */
		seq32 partial_next;
		uint16_t *ssn; uint32_t n_ssn;
		uint32_t held;                 /* octets of memory, until they are read */
		uint32_t rwnd_told, packets;   /* packets with DATA since the last SACK */
		seq32 dups[DUPS_MAX]; uint32_t n_dups;
		bool sack_now;
	} rcv;
	struct {
		uint64_t isacks, osacks, opackets, ipackets, rtxchunks, outofseqtsns, idupchunks, gapcnt, ouodchunks, iuodchunks, oodchunks, iodchunks,
			octrlchunks, ictrlchunks;
		time_ns rto_most; struct addr rto_most_of;
		uint64_t abandoned_unsent[4], abandoned_sent[4];
	} stats;
};

static inline struct sctp_sock *sctp_of(const struct sock *sk) { return (struct sctp_sock *)sk; }
static inline struct stack *assoc_stack(const struct assoc *a) { return a->sock->inet.sk.stack; }
static inline time_ns assoc_now(const struct assoc *a) { return assoc_stack(a)->now; }
#define SCTP_S_(x) (1u << SCTP_##x)
static inline bool assoc_in(const struct assoc *a, unsigned states) { return states >> a->state & 1; }
#define SCTP_UP (SCTP_S_(ESTABLISHED) | SCTP_S_(SHUTDOWN_PENDING) | SCTP_S_(SHUTDOWN_SENT) | SCTP_S_(SHUTDOWN_RECEIVED) | SCTP_S_(SHUTDOWN_ACK_SENT))
#define SCTP_OPENING (SCTP_S_(COOKIE_WAIT) | SCTP_S_(COOKIE_ECHOED))
#define SCTP_SENDS_DATA (SCTP_S_(ESTABLISHED) | SCTP_S_(SHUTDOWN_PENDING) | SCTP_S_(SHUTDOWN_RECEIVED))
#define SCTP_TAKES_DATA (SCTP_S_(ESTABLISHED) | SCTP_S_(SHUTDOWN_PENDING) | SCTP_S_(SHUTDOWN_SENT))

/* ---- addresses (addrs.c) ---- */
bool sctp_addrs_have(const struct sctp_addrs *s, const struct addr *a);
void sctp_addrs_add(struct sctp_addrs *s, const struct addr *a);        /* once, and while there is room */
void sctp_addrs_remove(struct sctp_addrs *s, const struct addr *a);
/* Those of the socket's that somebody at `peer` can reach. */
void sctp_addrs_towards(const struct sctp_sock *so, const struct addr *peer, struct sctp_addrs *ret);
bool sctp_addr_can_be_peer(const struct sctp_sock *so, const struct addr *a);
/* Reads `len` octets of packed sockaddrs: all of one port. 0, -EINVAL */
int sctp_addrs_parse(const struct sctp_sock *so, const uint8_t *p, size_t len, struct sctp_addrs *ret, uint16_t *ret_port);
/* -EINVAL; ret any: AF_UNSPEC or the wildcard. */
int sctp_addr_read(const struct sctp_sock *so, const struct sockaddr_storage *a, struct addr *ret, uint16_t *ret_port);
void sctp_addr_show(const struct sctp_sock *so, const struct addr *a, uint16_t port, struct sockaddr_storage *ret, socklen_t *ret_len);
int sctp_bindx(struct sctp_sock *so, const uint8_t *p, size_t len, bool add);

/* ---- life (assoc.c, child.c) ---- */
struct assoc *assoc_new(struct sctp_sock *so, const struct addr *peer, uint16_t rport);     /* NULL: no memory */
void assoc_free(struct assoc *a);                                       /* without a word to anybody */
struct assoc *assoc_find(const struct sctp_sock *so, sctp_assoc_t id);  /* of a one-to-one socket: whatever the id is */
struct assoc *assoc_to(const struct sctp_sock *so, const struct addr *peer, uint16_t rport);
struct path *assoc_path(const struct assoc *a, const struct addr *peer);
struct path *assoc_add_path(struct assoc *a, const struct addr *peer, int state);           /* the one there is, or NULL */
void assoc_remove_path(struct assoc *a, struct path *p);                /* of several: what was sent there goes another way */
struct path *sctp_flow_find(const struct stack *s, const struct addr *laddr, uint16_t lport, const struct addr *raddr, uint16_t rport);
int assoc_streams_set(struct assoc *a, uint16_t out, uint16_t in);      /* -ENOMEM */
int assoc_streams_add(struct assoc *a, uint16_t out);                   /* more of them, held. -ENOMEM */
void assoc_streams_drop(struct assoc *a, uint16_t keep);                /* with what is queued for the others */
void assoc_peer_begins(struct assoc *a, seq32 tsn, uint32_t rwnd);      /* the peer's first TSN and window are known */
void assoc_established(struct assoc *a);                                /* tells the program */
void assoc_lost(struct assoc *a, int err, enum sctp_sac_state how, uint16_t cause);          /* tells the program; the association is gone */
void assoc_move(struct assoc *a, struct sctp_sock *to);
struct sctp_sock *sctp_child(struct sctp_sock *so, const struct addr *peer, uint16_t rport); /* a socket of one association, with the settings of so */
void sctp_sock_done(struct sctp_sock *so);                              /* closed and without associations: it goes */

/* ---- opening (open.c, listen.c, init.c, cookie.c) ---- */
struct init_read {
	struct sctp_init h;
	struct sctp_addrs addrs;
	bool forwards, has_adaptation, reconfigures, readdresses, marks;
	uint32_t adaptation, preserve_ms;
	struct sctp_param random, chunks, hmacs;   /* RFC 4895, where they lie */
	bool authenticates;
	struct auth_vector auth;                   /* made of these; empty: it is not agreed upon */
	const uint8_t *cookie; uint16_t cookie_len;
	uint8_t errors[64]; uint8_t errors_len;    /* parameters to be reported, padded */
};
/* 0, or the cause of an ABORT: CAUSE_… */
int init_read(const struct sctp_sock *so, const struct sctp_chunk *c, const struct addr *from, struct init_read *ret);
size_t init_write(uint8_t *p, size_t room, const struct sctp_init *h, const struct sctp_addrs *local, const struct sctp_sock *so,
		  const struct auth_vector *auth);   /* the value of INIT and INIT ACK, but for what is theirs alone */
#define COOKIE_MOST 768u
size_t cookie_len(void);
struct cookie_made { uint32_t my_tag, my_tsn, my_tie, peer_tie; uint32_t life_ms; struct auth auth; };
void cookie_write(struct stack *s, uint8_t *p, const struct sctp_hdr *h, const struct init_read *r, const struct cookie_made *m, uint16_t out_streams,
		  uint16_t in_streams);
/* What a cookie of ours says. */
struct cookie_read {
	uint32_t my_tag, peer_tag, my_tsn, peer_tsn, peer_rwnd, my_tie, peer_tie, adaptation;
	uint16_t out_streams, in_streams;
	bool forwards, has_adaptation, reconfigures, readdresses, marks, stale;
	uint32_t late_us;
	struct sctp_addrs addrs;
	struct auth auth;
};
bool cookie_read(struct stack *s, const struct sctp_chunk *c, const struct packet *in, const struct sctp_hdr *h, struct cookie_read *ret);
int open_begin(struct assoc *a);                                        /* sends INIT */
void open_receive_init(struct stack *s, struct packet *p, const struct sctp_hdr *h, const struct sctp_chunk *c, struct assoc *a);
bool open_receive_init_ack(struct assoc *a, struct path *from, const struct sctp_chunk *c);
/* The association that the cookie makes, renews or confirms; NULL: none, and the rest of the packet is for nobody. auth: stands before it, or NULL. */
struct assoc *open_receive_cookie(struct stack *s, struct packet *p, const struct sctp_hdr *h, const struct sctp_chunk *c, const struct sctp_chunk *auth,
				  struct assoc *a);
void open_receive_cookie_ack(struct assoc *a);
bool open_stale_cookie(struct assoc *a, uint32_t late_us);

/* ---- packets out (packet_out.c) ---- */
struct sctp_out { struct packet *p; uint32_t room; bool has_data; uint16_t key; };   /* has_data: which wants that key */
bool out_begin(struct sctp_out *o, uint32_t room);                      /* room: octets of the whole SCTP packet */
uint8_t *out_chunk(struct sctp_out *o, uint8_t type, uint8_t flags, size_t len);   /* room for the value, zeroed; NULL: there is none */
int out_send(struct sctp_out *o, struct assoc *a, struct path *to);     /* takes it */
void out_answer(struct stack *s, struct sctp_out *o, const struct packet *in, const struct sctp_hdr *h, uint32_t vtag);   /* to where it came from */
void out_control(struct assoc *a, struct path *to, uint8_t type, uint8_t flags, const void *value, size_t len);
void out_error(struct assoc *a, struct path *to, uint16_t cause, const void *info, size_t len);
void out_abort(struct assoc *a, uint16_t cause, const void *info, size_t len);   /* cause 0: none is told */
uint32_t path_packet_room(const struct path *p);                        /* octets of an SCTP packet that fit the path */
uint32_t assoc_fragment_point(const struct assoc *a);                   /* octets of a message in a DATA chunk, at most */

/* ---- paths (path.c, heartbeat.c) ---- */
void path_route(struct path *p);                                        /* source and MTU, as routes have it now */
void path_begin(struct path *p);                                        /* congestion control starts anew */
void path_rtt_sample(struct path *p, time_ns rtt);
void path_backoff(struct path *p);
bool path_error(struct path *p);                                        /* one more; false: the association is over */
void path_works(struct path *p, enum sctp_sn_error why);                /* it has answered */
void path_set_state(struct path *p, int state, enum sctp_sn_error why);
struct path *assoc_path_to_send(const struct assoc *a, const struct path *but);     /* but: another if there is one */
bool path_may_fail(const struct path *p);                               /* RFC 7829: potentially failed */
void path_make_primary(struct path *p);
void path_reduce(struct path *p);                                       /* half the window: something was lost or marked */
void path_mtu_shrank(struct path *p, uint32_t mtu);
void heartbeat_send(struct path *p);
void heartbeat_schedule(struct path *p);
void heartbeat_fire(struct timer *t);
void heartbeat_receive_ack(struct assoc *a, const struct sctp_chunk *c);

/* ---- data out (send.c, output.c, sack_in.c, timers.c, partial.c) ---- */
void out_msg_unref(struct out_msg *m);
void piece_free(struct assoc *a, struct out_piece *q);                  /* out of whatever list */
void piece_lands(struct out_piece *q);                                  /* no longer in flight */
void sctp_output(struct assoc *a);
bool sack_receive(struct assoc *a, const struct sctp_chunk *c);
bool sack_cumulative(struct assoc *a, seq32 cum);                       /* of SHUTDOWN: all up to cum has come */
void t3_start(struct path *p);                                          /* or anew */
void t3_fire(struct timer *t);
void snd_fail_all(struct assoc *a, uint32_t err);                       /* tells of each message that won't arrive */
struct out_piece *schedule_next(const struct assoc *a);                 /* of those without a TSN; NULL: none may leave */
void schedule_sent(struct assoc *a, const struct out_piece *q);
void schedule_set(struct assoc *a, uint8_t scheduler);                  /* all values begin anew */
int schedule_value_set(struct assoc *a, uint16_t stream, uint16_t value);      /* -EINVAL */
int schedule_value(const struct assoc *a, uint16_t stream);
void ecn_begin(struct assoc *a);
uint8_t ecn_tos(const struct assoc *a, uint8_t tos);                    /* of packets with DATA */
void ecn_data_came(struct assoc *a, uint8_t tos, seq32 tsn);
void ecn_echo_write(struct assoc *a, struct sctp_out *o);               /* if there is something to be told, and room */
static inline uint32_t ecn_echo_room(const struct assoc *a) { return a->ecn.echo ? SCTP_CHUNK_HDR + 4 : 0; }
void ecn_receive_echo(struct assoc *a, struct path *from, const struct sctp_chunk *c);
void ecn_receive_reduced(struct assoc *a);
bool prune(struct assoc *a);                                            /* RFC 3758: gives up what has lived its time; is there something to be told? */
void piece_lost(struct out_piece *q);                                   /* to be sent again, or given up */
void forward_send(struct assoc *a);
void forward_receive(struct assoc *a, const struct sctp_chunk *c);

/* ---- data in (data_in.c, reassembly.c, sack_out.c) ---- */
bool data_receive(struct assoc *a, struct path *from, const struct sctp_chunk *c);           /* false: the association is gone */
void data_packet_end(struct assoc *a);                                  /* whether a SACK goes now or later */
bool rcv_has(const struct assoc *a, seq32 tsn);
void rcv_mark(struct assoc *a, seq32 tsn);
void rcv_begin(struct assoc *a, seq32 tsn);                             /* that one comes next, and nothing beyond it has come */
void reassemble(struct assoc *a, struct in_piece *q);                   /* takes it */
void reassembly_forward(struct assoc *a, seq32 cum);                    /* pieces up to cum that are no message won't be */
void reassembly_skip(struct assoc *a, uint16_t stream, uint16_t ssn);
void reassembly_deliver(struct assoc *a);
void reassembly_reset(struct assoc *a, struct streams which);           /* their numbers begin anew: what waited for its turn has it */
void reassembly_reset_all(struct assoc *a);                             /* and no piece of a message has another to come */
bool reassembly_press(struct assoc *a);                                 /* memory is short: begins to deliver a message in part. True: it did */
void reassembly_free(struct assoc *a);
uint32_t assoc_rwnd(const struct assoc *a);
uint8_t *sack_write(struct assoc *a, struct sctp_out *o);               /* NULL: no room */
void sack_send(struct assoc *a);
void sack_fire(struct timer *t);
void rcv_consumed(struct assoc *a, uint32_t charge);                    /* the program has read so much: perhaps the window is to be told */

/* ---- closing (shutdown.c) ---- */
void shutdown_begin(struct assoc *a);                                   /* the program wants it, when all is sent */
void shutdown_when_done(struct assoc *a);                               /* goes on with it once all has arrived */
bool shutdown_receive(struct assoc *a, const struct sctp_chunk *c);
bool shutdown_receive_ack(struct assoc *a, struct path *from);
bool assoc_violated(struct assoc *a);                                   /* the peer breaks the protocol: ABORT, and the association is gone. False */
void assoc_abort(struct assoc *a, const void *why, size_t len);         /* by the program: the association is gone, and nobody is told here but by COMM_LOST */
void t1_fire(struct timer *t);
void t2_fire(struct timer *t);
void reconfig_fire(struct timer *t);
void guard_fire(struct timer *t);
void autoclose_fire(struct timer *t);
void autoclose_touch(struct assoc *a);

/* ---- programs (usercall.c, recv.c, notify.c, options*.c) ---- */
int sctp_connect_to(struct sctp_sock *so, const struct sctp_addrs *peers, uint16_t port, const struct sctp_initmsg *init, struct assoc **ret);
int sctp_connect_all(struct sctp_sock *so, const struct sctp_addrs *peers, uint16_t port, sctp_assoc_t *ret_id);
ssize_t sctp_send(struct sock *sk, const struct sock_msg *m);
ssize_t sctp_recv(struct sock *sk, struct sock_msg *m);
struct in_msg *in_msg_new(struct assoc *a);
struct in_msg *first_readable(const struct sctp_sock *so);              /* NULL: none */
void in_msg_free(struct in_msg *m);
void rcvq_put(struct sctp_sock *so, struct in_msg *m);
void notify_change(struct assoc *a, enum sctp_sac_state state, uint16_t error);
void notify_path(struct path *p, enum sctp_spc_state state, enum sctp_sn_error error);
void notify_failed(struct assoc *a, const struct out_piece *q, bool sent, uint32_t error);
void notify_remote_error(struct assoc *a, const struct sctp_param *cause);
void notify_shutdown(struct assoc *a);
void notify_partial_aborted(struct assoc *a, const struct in_msg *m);
void notify_dry(struct assoc *a);
void notify_adaptation(struct assoc *a);
void notify_key(struct assoc *a, uint16_t key, uint32_t what);          /* SCTP_AUTH_… */
void notify_stream_reset(struct assoc *a, unsigned flags, struct streams which);
void notify_assoc_reset(struct assoc *a, unsigned flags, seq32 peers_next, seq32 my_next);
void notify_stream_change(struct assoc *a, unsigned flags, uint16_t in, uint16_t out);
void sctp_error(struct stack *s, const struct ip_error *e);
void receive_behind_cookie(struct stack *s, struct packet *p, const struct sctp_hdr *h, struct assoc *a, size_t at, bool authentic);
/* Does the packet begin with AUTH and a cookie that it is about (RFC 4895 §6.3)? at: where the cookie stands, then. */
bool auth_before_cookie(const struct packet *p, struct sctp_chunk *ret, size_t *at);
void receive_out_of_the_blue(struct stack *s, struct packet *p, const struct sctp_hdr *h);
/* What a get is about: the association with this id, or the socket itself, whose settings those to come begin with. -EINVAL */
struct opt_target { struct sctp_sock *so; struct assoc *a; struct assoc_settings *set; };
int opt_target(struct sock *sk, sctp_assoc_t id, struct opt_target *ret);
/* What every get begins with: the struct as the program has filled it in; and ends with. */
#define ASKED(v, id) \
	struct opt_target t; \
	int r; \
	if (*len < sizeof(v)) return -EINVAL; \
	memcpy(&(v), val, sizeof(v)); \
	r = opt_target(sk, (v).id, &t); \
	if (r < 0) return r
#define TOLD(v) opt_copy_out(val, len, &(v), sizeof(v))
#define SCTP_ROW(n) .level = IPPROTO_SCTP, .name = n, .text = #n
#define SCTP_BLOB(n) .level = IPPROTO_SCTP, .name = n, .text = #n, .type = OPT_BLOB
/* Sets a flag of the socket's, whichever association is named: as Linux, which offers its extensions so. -EINVAL */
int opt_offer(struct sock *sk, const void *val, socklen_t len, bool *flag);
/* Has a set done for all that the id means: SCTP_FUTURE_ASSOC, _CURRENT_ASSOC, _ALL_ASSOC, one. -EINVAL */
int opt_apply(struct sock *sk, sctp_assoc_t id, void (*apply)(struct assoc_settings *, const void *), const void *v);
void auth_add_asconf(struct assoc_settings *set);
int opt_read(const void *val, socklen_t len, void *to, size_t size);    /* -EINVAL: of another length */
struct path *opt_path(const struct opt_target *t, const struct sockaddr_storage *ss);   /* of the address, or NULL */
extern const struct sockopt sctp_options[], sctp_assoc_options[], sctp_path_options[], sctp_reconfig_options[], sctp_auth_options[],
	sctp_asconf_options[], sctp_stream_options[], sctp_failover_options[], sctp_ecn_options[], sctp_refused_options[];
