/*
 * The inside of WireGuard.
 *
 *     device.c     the interface: up and down, what goes in        peer.c       peers, and their sessions
 *     send.c       what leaves: handshakes, data, keep-alives      receive.c    what the port gets
 *     noise.c      the handshake's messages; session.c: its keys   timers.c     when something is to be said again
 *     cookie.c     the two MACs, and cookies under load            load.c       what load is, and who asks too often
 *     allowed.c    addresses -> peers                              replay.c     counters that have been seen
 *
 * Read first: the paper, §5 and §6. Its constants are named as in its §6.1.
 */
#pragma once
#include "base/hash.h"
#include "base/secret.h"
#include "stack/inet/udp_tunnel.h"
#include "stack/wireguard/message.h"
#include "stack/wireguard/wireguard.h"

#define REKEY_AFTER_MESSAGES (UINT64_C(1) << 60)
#define REJECT_AFTER_MESSAGES (UINT64_MAX - WG_REPLAY_WINDOW - 1)
#define REKEY_AFTER_TIME (120 * NS_PER_S)
#define REJECT_AFTER_TIME (180 * NS_PER_S)
#define REKEY_ATTEMPT_TIME (90 * NS_PER_S)
#define REKEY_TIMEOUT (5 * NS_PER_S)
#define REKEY_JITTER (NS_PER_S / 3)
#define KEEPALIVE_TIMEOUT (10 * NS_PER_S)
#define HANDSHAKE_ATTEMPTS (REKEY_ATTEMPT_TIME / REKEY_TIMEOUT)
#define INITIATIONS_PER_SECOND 50     /* that a peer is listened to */
#define COOKIE_SECRET_AGE (120 * NS_PER_S)
#define COOKIE_LATENCY (5 * NS_PER_S)
enum { ECN_ECT1 = 1, ECN_ECT0, ECN_CE, ECN_MASK = 3 };

#define STAGED_MAX 128                /* datagrams that wait for a session */
#define ARRIVED_MAX 4096              /* that were opened and wait for the stack */

/* ---- replay.c ---- */
#define REPLAY_BITS 8192
#define WG_REPLAY_WINDOW (REPLAY_BITS - 64)
struct wg_replay { uint64_t above, seen[REPLAY_BITS / 64]; };       /* above: the highest counter and one */
bool wg_replay_fresh(struct wg_replay *r, uint64_t counter);        /* and from now on it is not */

/* ---- allowed.c ---- */
struct wg_allowed {
	struct list of_peer;
	struct wg_peer *peer;          /* NULL: only a fork of the tree */
	struct wg_allowed *child[2], *parent;
	struct addr addr;              /* masked */
	uint8_t bits;                  /* of the sixteen octets: an IPv4 prefix has 96 more than its length */
};
struct wg_tree { struct wg_allowed *v4, *v6; uint32_t nodes; };
struct wg_peer *wg_tree_find(const struct wg_tree *t, const struct addr *a);

/* ---- sessions ---- */
struct wg_session {
	uint32_t remote_index;
	bool initiator;                /* we are */
	bool sends, receives;          /* its keys are good for that still */
	time_ns born;
	uint64_t sent;                 /* the next counter */
	struct aead *seal, *open;
	struct wg_replay replay;
	struct wg_index *index;
};

/* The number by which the other side names a handshake of ours, or the session that came of it. session NULL: it is the
 * handshake's. The hash is the number. */
struct wg_index { struct hash_node node; struct wg_peer *peer; struct wg_session *session; };

enum wg_state { WG_IDLE, WG_INITIATION_SENT, WG_INITIATION_TAKEN, WG_RESPONSE_SENT, WG_RESPONSE_TAKEN };

struct wg_handshake {
	enum wg_state state;
	uint8_t hash[BLAKE2S_LEN], chain[BLAKE2S_LEN];
	struct wg_key own_ephemeral, ephemeral;            /* secret; the other side's */
	uint32_t remote_index;
	struct wg_index *index;                            /* NULL: none */
	uint8_t stamp[WG_STAMP_LEN];                       /* the newest that was seen of an initiation */
	time_ns taken;                                     /* when the last initiation was */
};

struct wg_cookie {
	uint8_t mac1_key[BLAKE2S_LEN], open_key[BLAKE2S_LEN];
	uint8_t mac1[WG_MAC_LEN];                          /* of the last message, which a cookie is bound to */
	bool awaited;
	uint8_t cookie[WG_MAC_LEN];
	time_ns until;                                     /* it is good; 0: there is none */
};

struct wg_peer {
	struct list node;
	struct hash_node by_key;
	struct wg_device *device;
	struct wg_key key, shared, product;                /* static; preshared; of static and static */
	enum { WG_UNTRIED, WG_THERE, WG_NONE } has_product;   /* made when it is first needed; none without a key of ours, or with a point of small order */
	struct wg_handshake handshake;
	struct wg_session *current, *previous, *next;
	struct wg_cookie cookie;
	struct wg_endpoint endpoint;
	struct list allowed;
	struct list staged;                                /* struct packet */
	unsigned n_staged;
	struct timer resend, keepalive, rekey, wipe, persistent;
	unsigned attempts;
	bool keepalive_again;                              /* something came while a keep-alive was due already */
	bool last_minute;                                  /* a handshake was begun for what came late in a session */
	time_ns initiated;                                 /* when our last handshake message went; for REKEY_TIMEOUT no initiation follows it */
	uint16_t keepalive_s;
	int64_t handshake_ns;
	uint64_t rx_bytes, tx_bytes;
};

/* ---- the device ---- */
struct wg_limit { time_ns when; time_ns credit; };
#define LIMITS 512

struct wg_device {
	struct netif *nif;
	const struct crypto *crypto;
	bool has_key;
	struct wg_key secret, key;
	uint8_t identity_hash[BLAKE2S_LEN];                /* of the protocol's names and our key: how a handshake to us begins */
	uint32_t mark;
	uint16_t port;                                     /* 0: one is chosen when it goes up */
	struct udp_sock *port4, *port6;                    /* NULL: down */
	struct list peers;
	uint32_t n_peers;
	struct hash by_key, by_index;                      /* struct wg_peer, struct wg_index */
	struct wg_tree tree;
	/* Cookies that we give. */
	uint8_t mac1_key[BLAKE2S_LEN], cookie_key[BLAKE2S_LEN], cookie_secret[BLAKE2S_LEN];
	time_ns cookie_until;                              /* the secret is good; 0: there is none */
	/* Load: load.c */
	time_ns load_since, loaded_until;
	unsigned handshakes;
	struct wg_limit limits[LIMITS];
	/* What was opened: it is received after what brought it is done. */
	struct list arrived;
	unsigned n_arrived;
	struct timer deliver;
};

static inline struct stack *wg_stack(const struct wg_device *w) { return w->nif->stack; }
static inline bool wg_is_up(const struct wg_device *w) { return w->port4 != NULL; }
static inline bool wg_is_past(const struct stack *s, time_ns since, time_ns age) { return s->now - since >= age; }

static inline bool wg_is_zero(const struct wg_key *k) { return secret_equal(k->b, (const uint8_t[WG_KEY_OCTETS]){0}, WG_KEY_OCTETS); }

/* ---- peer.c ---- */
int wg_index_take(struct wg_peer *peer);                           /* a new one for the handshake. -ENOMEM */
void wg_index_drop(struct wg_index **index);
struct wg_index *wg_index_find(const struct wg_device *w, uint32_t number);
static inline uint32_t wg_index_number(const struct wg_index *i) { return (uint32_t)i->node.hash; }
void wg_handshake_clear(struct wg_peer *peer);
void wg_sessions_clear(struct wg_peer *peer);
void wg_staged_drop(struct wg_peer *peer);
bool wg_peer_product(struct wg_peer *peer);                        /* is there */
void wg_peer_renew(struct wg_peer *peer);                          /* the device's key is another one */

/* ---- noise.c ---- */
bool wg_noise_prepare(struct wg_device *w);                        /* after w->key has changed */
bool wg_noise_key(const struct wg_device *w, const struct wg_key *secret, struct wg_key *ret);   /* the public key of a secret one */
bool wg_initiation_make(struct wg_peer *peer, struct wg_initiation *m);
struct wg_peer *wg_initiation_take(struct wg_device *w, const struct wg_initiation *m);      /* NULL: it is none */
bool wg_response_make(struct wg_peer *peer, struct wg_response *m);
struct wg_peer *wg_response_take(struct wg_device *w, const struct wg_response *m);

/* ---- session.c ---- */
bool wg_hkdf(const struct crypto *c, const uint8_t chain[BLAKE2S_LEN], struct octets data, uint8_t *const ret[], size_t n);   /* n of 32 octets each */
/* One message under a key of its own. */
bool wg_seal_once(const struct crypto *c, const uint8_t key[SEAL_KEY_LEN], const struct aead_text *t);
bool wg_open_once(const struct crypto *c, const uint8_t key[SEAL_KEY_LEN], const struct aead_text *t);
bool wg_session_begin(struct wg_peer *peer);                       /* of a handshake that is over */
bool wg_session_confirmed(struct wg_peer *peer, struct wg_session *x);   /* x has brought a datagram: true: it was the next one, and is the current one now */

/* ---- cookie.c ---- */
enum wg_mac { WG_MAC_WRONG, WG_MAC_ONE, WG_MAC_BOTH };
bool wg_cookie_keys(const struct wg_device *w, const struct wg_key *key, uint8_t mac1_key[BLAKE2S_LEN], uint8_t cookie_key[BLAKE2S_LEN]);
bool wg_macs_put(struct wg_peer *peer, void *message, size_t len);
enum wg_mac wg_macs_check(struct wg_device *w, const struct packet *p, uint16_t sport, bool both);
bool wg_cookie_make(struct wg_device *w, const struct packet *p, uint16_t sport, uint32_t receiver, struct wg_cookie_reply *m);
void wg_cookie_take(struct wg_device *w, const struct wg_cookie_reply *m);
void wg_hchacha20(uint8_t ret[32], const uint8_t key[32], const uint8_t nonce[16]);

/* ---- load.c ---- */
bool wg_is_loaded(struct wg_device *w);                            /* one more handshake message is there */
bool wg_within_limit(struct wg_device *w, const struct addr *from);

/* ---- send.c ---- */
void wg_initiate(struct wg_peer *peer, bool again);                /* again: the attempt before was not answered */
void wg_respond(struct wg_peer *peer);
void wg_send_cookie(struct wg_device *w, const struct packet *p, uint16_t sport, uint32_t receiver);
void wg_send_keepalive(struct wg_peer *peer);
void wg_send_staged(struct wg_peer *peer);
void wg_stage(struct wg_peer *peer, struct packet *p);             /* takes p, which is the datagram */
void wg_forget_source(struct wg_peer *peer);

/* ---- receive.c ---- */
udp_tunnel_receive wg_receive;
void wg_deliver_fire(struct timer *t);

/* ---- timers.c ---- */
void wg_timers_init(struct wg_peer *peer);
void wg_timers_stop(struct wg_peer *peer);
void wg_timer_data_sent(struct wg_peer *peer);
void wg_timer_data_received(struct wg_peer *peer);
void wg_timer_sent(struct wg_peer *peer);                          /* anything that proves who we are */
void wg_timer_received(struct wg_peer *peer);                      /* anything that proves who it is */
void wg_timer_initiated(struct wg_peer *peer);
void wg_timer_session(struct wg_peer *peer);                       /* one was begun */
void wg_timer_complete(struct wg_peer *peer);                      /* and works both ways */
