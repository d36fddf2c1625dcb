/*
 * Multipath TCP: one stream of octets over several connections of TCP, its subflows. What the files of this directory share.
 *
 *     program ── send ──► snd.queue ── scheduler ──┬─► subflow ═══════► subflow ─┬─ maps ──► rcv.queue ── recv ──► program
 *                         data sequence numbers    └─► subflow ═══════► subflow ─┘ (early: what came before its turn)
 *
 * A subflow is a whole struct tcp_sock that no program holds; it does not know what it carries. Its options say which octets of the stream are where
 * in it (DSS), and how far the stream has come: what one subflow loses for good goes again by another.
 *
 *     sock.c      what the program asks; subflow.c: birth and end of subflows
 *     open.c      the handshake of the first subflow, and of those that join; key.c: keys, tokens, proofs
 *     input.c     options that come; output.c: options that go
 *     recv.c      maps, and the stream in order; send.c: which octets go where; again.c: what has to go again
 *     close.c     DATA_FIN, fast close, and how it all ends
 *     pm.c        which subflows there are to be
 *     options.c   socket options; info.c: those of SOL_MPTCP
 *
 * A peer that knows nothing of this, or a middlebox that takes options away, leaves plain TCP: `fallback`, where the one subflow's octets are the stream.
 *
 * Read first: RFC 8684.
 */
#pragma once
#include "stack/mptcp/mptcp.h"
#include "stack/tcp/conn.h"
#include "wire/mptcp.h"

#define MPTCP_SUBFLOWS_MAX 8u               /* as Linux: ids that endpoints may have at once, and extra subflows */
#define MPTCP_MAPS_MAX 1024u                /* of one subflow, not used up yet */
#define MPTCP_EARLY_MAX 2048u               /* runs of the stream before their turn */

enum msk_state { MSK_NEW, MSK_LISTEN, MSK_OPENING, MSK_OPEN, MSK_CLOSED };

/* Octets [seq, seq + len) of a subflow are those of the stream from dsn on. fin: DATA_FIN stood behind it, and in its checksum. */
struct map { seq32 seq; uint32_t len; uint64_t dsn; uint16_t csum; bool has_csum, checked, fin; };
struct maps { struct map *at; uint32_t first, n, cap; };

struct subflow {
	struct list node;                   /* in msk->subflows, while there is a msk */
	struct mptcp_sock *msk;             /* NULL: none yet, or it is done with this one */
	struct tcp_sock *conn;
	bool listener, join, active;        /* active: our side sent the SYN */
	bool asks;                          /* our SYN has the option */
	bool agreed, fully;                 /* both sides know; the peer is known to know it */
	bool checksum;                      /* agreed on; the msk's own after the handshake */
	bool backup, peer_backup;           /* by whose wish it is for need only */
	bool stale;                         /* nothing arrives: others are used */
	bool doomed;                        /* to be reset by the next turn */
	bool fastclose;                     /* its reset says that the whole connection is over */
	bool prio_due, fail_due, dead;      /* MP_PRIO, MP_FAIL are to be said; dead: its end is taken note of */
	bool leaving;                       /* to be closed by the next turn */
	bool ack_due;                       /* at the end of the segment */
	bool mapped;                        /* the peer has used a map */
	uint8_t local_id, remote_id, rst_reason, rst_flags, stale_ticks;
	uint64_t local_key, remote_key;     /* before there is a msk */
	uint32_t token, local_nonce, remote_nonce;
	uint64_t fail_dsn;
	seq32 stale_una;
	struct maps in, out;
};

struct early { uint64_t dsn; struct ring data; };

/* ADD_ADDR and REMOVE_ADDR that wait for a segment. pm.c */
struct msk_pm {
	bool started;                       /* fully established: the path manager knows it */
	uint8_t extra, accepted, announced; /* subflows besides the first, addresses of the peer taken, our own told */
	uint32_t told[8];                   /* a bit for each id: announced */
	uint32_t used[8];                   /* … a subflow was made from it */
	bool fresh;                         /* endpoints are to be looked at */
	bool add_due, echo_due, join_due; struct mptcp_add_addr add, echo;
	uint8_t remove[MPTCP_IDS_MAX], n_remove;
	uint8_t adds_sent;                  /* how often the current one went without an echo */
	struct timer timer;                 /* until it goes again */
};

struct mptcp_sock {
	struct inet_sock inet;              /* of the program: options, errors; its names are those of the first subflow */
	struct hash_node by_token;
	struct list subflows;
	struct subflow *first;
	uint8_t state;                      /* enum msk_state */
	bool accepted;                      /* by a program, or its own */
	bool fallback, checksum, hashed, ack64, fastclosed, server, deny_id0;
	bool ack_all;                       /* an ACK is due by every subflow */
	bool finishing;                     /* both directions are over: subflows end */
	uint64_t local_key, remote_key;
	uint32_t token, remote_token;
	struct {
		uint64_t una, nxt, wnd_end; /* una = of queue's first octet */
		uint64_t again, again_end;  /* sent once already, and on a subflow that is of no use now */
		bool fin, fin_acked;        /* DATA_FIN follows the queue */
		struct ring queue;
	} snd;
	struct {
		uint64_t begin, nxt, edge;  /* begin: of the first octet; edge: of what was ever offered */
		uint64_t fin_at;
		bool fin, done;
		struct ring queue;
		struct early *early; uint32_t n_early; uint32_t early_octets;
	} rcv;
	struct { struct timer work, again, end; } timer;
	struct msk_pm pm;
	struct { uint64_t sent, received, acked, retrans; uint32_t retransmits; } count;
};

/* An address of this host's that subflows may use, or be told to the peer: `ip mptcp endpoint`. */
struct mptcp_endpoint { struct list node; struct addr addr; uint16_t port; uint8_t id; uint32_t flags; int if_index; };
struct mptcp_stack {
	struct hash tokens;
	struct list endpoints;
	uint32_t n_endpoints, max_subflows, max_accepted;
	uint8_t last_id;
};

static inline struct mptcp_sock *msk_of(const struct sock *sk) { return (struct mptcp_sock *)container_of(sk, struct mptcp_sock, inet.sk); }
static inline struct stack *msk_stack(const struct mptcp_sock *msk) { return msk->inet.sk.stack; }
static inline struct sysctl *msk_sysctl(const struct mptcp_sock *msk) { return msk->inet.sk.stack->sysctl; }
static inline uint64_t msk_end(const struct mptcp_sock *msk) { return msk->snd.una + msk->snd.queue.len; }    /* where DATA_FIN goes */
static inline bool dsn_lt(uint64_t a, uint64_t b) { return (int64_t)(a - b) < 0; }
static inline bool subflow_is_open(const struct subflow *sub) { return IN_STATES(sub->conn, S_(ESTABLISHED) | S_(CLOSE_WAIT)) && !sub->conn->snd.fin; }

/* key.c */
/* false, where it says so: the host's ciphers fail, which is out of memory, or there are none. */
uint64_t key_new(struct stack *s);                 /* no other connection's token comes of it; 0: there is none to be had */
bool key_digest(struct stack *s, uint64_t key, uint32_t *ret_token, uint64_t *ret_idsn);
bool key_join_hmac(struct stack *s, uint64_t own, uint64_t other, uint32_t own_nonce, uint32_t other_nonce, uint8_t ret[32]);
bool key_addr_hmac(struct stack *s, uint64_t own, uint64_t other, const struct mptcp_add_addr *a, uint64_t *ret);
struct mptcp_sock *token_find(struct stack *s, uint32_t token);

/* sock.c */
int msk_new(struct stack *s, const struct mptcp_sock *parent, struct mptcp_sock **ret);    /* with the options of its listener */
void msk_free(struct mptcp_sock *msk);
int msk_first(struct mptcp_sock *msk);             /* makes the first subflow if there is none: 0, or -ENOBUFS */
void msk_mirror(struct mptcp_sock *msk);           /* the first subflow's names */
void msk_unopened(struct mptcp_sock *msk);      /* to connect has come to nothing: it is as before */

/* subflow.c */
struct subflow *subflow_new(struct tcp_sock *conn);        /* NULL: no memory */
void subflow_attach(struct subflow *sub, struct mptcp_sock *msk);
int subflow_make(struct mptcp_sock *msk, struct subflow **ret);    /* with a connection of its own, which has the options of the first one */
void subflow_reset(struct subflow *sub, uint8_t reason);   /* now, and it is over */
void subflow_leave(struct subflow *sub);           /* it closes as TCP does, by itself */
void maps_free(struct maps *m);
bool maps_add(struct maps *m, const struct map *add);      /* behind all others, or a part of the last. false: no memory */
void maps_drop(struct maps *m, seq32 to);          /* those that end at or before it */
const struct map *maps_find(const struct maps *m, seq32 seq);

/* open.c */
int msk_token_take(struct mptcp_sock *msk);
void msk_fall_back(struct mptcp_sock *msk);
void subflow_established_fully(struct subflow *sub);
int subflow_join(struct mptcp_sock *msk, const struct addr *from, int if_index, const struct addr *to, uint16_t port, uint8_t local_id,
		 uint8_t remote_id, bool backup);

/* recv.c */
ssize_t mptcp_recv(struct sock *sk, struct sock_msg *m);
void msk_deliver(struct mptcp_sock *msk, uint64_t dsn, const uint8_t *data, uint32_t len);
void msk_fin_received(struct mptcp_sock *msk, uint64_t at);
void early_free(struct mptcp_sock *msk);
void mptcp_consumed(struct sock *sk);
bool subflow_map(struct subflow *sub, const struct map *m);        /* false: no more can be kept in mind */

/* send.c */
ssize_t mptcp_send(struct sock *sk, const struct sock_msg *m);
void msk_push(struct mptcp_sock *msk);
bool msk_writable(const struct mptcp_sock *msk);
bool subflow_usable(struct subflow *sub);          /* for new octets of the stream */
bool subflow_give(struct subflow *sub, uint64_t dsn, uint32_t len);
void msk_acked(struct mptcp_sock *msk, uint64_t ack, uint32_t wnd);
void msk_ack_all(struct mptcp_sock *msk);          /* an ACK leaves by every subflow */

/* again.c */
void again_arm(struct mptcp_sock *msk);
void again_fire(struct timer *t);
void again_all(struct mptcp_sock *msk);            /* what is not acknowledged goes again */

/* close.c */
void msk_send_fin(struct mptcp_sock *msk);
void msk_work(struct mptcp_sock *msk);             /* looks at everything; msk may be gone afterwards */
void msk_schedule(struct mptcp_sock *msk);
void mptcp_close(struct sock *sk);
void work_fire(struct timer *t);
void end_fire(struct timer *t);

/* pm.c */
void pm_established(struct mptcp_sock *msk);
void pm_begin(struct mptcp_sock *msk);             /* these three of msk_work */
void pm_join(struct mptcp_sock *msk);
void pm_work(struct mptcp_sock *msk);
void pm_add_addr(struct subflow *sub, const struct mptcp_add_addr *a);
void pm_remove_addr(struct mptcp_sock *msk, const uint8_t *ids, uint8_t n);
void pm_subflow_closed(struct mptcp_sock *msk, const struct subflow *sub);
bool pm_takes_join(const struct mptcp_sock *msk);
size_t pm_options(struct mptcp_sock *msk, uint8_t *buf, size_t room);      /* of a bare ACK */
uint8_t pm_local_id(struct stack *s, const struct mptcp_sock *msk, const struct addr *a, bool *ret_backup);
void pm_fire(struct timer *t);
void pm_free(struct stack *s);

/* options.c, info.c */
int mptcp_setsockopt(struct sock *sk, int level, int name, const void *val, socklen_t len);
int mptcp_setsockopt_unread(const struct sock *sk, int level, int name, socklen_t len);
int mptcp_get_own(struct sock *sk, int name, void *val, socklen_t *len);      /* info.c: SOL_MPTCP */
int mptcp_getsockopt(struct sock *sk, int level, int name, void *val, socklen_t *len);
void options_inherit(struct tcp_sock *to, const struct tcp_sock *from);
extern const struct sockopt mptcp_options_own[];
