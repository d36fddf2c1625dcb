/*
 * TCP Fast Open: data in the SYN, on the word of a cookie that the server gave an earlier time.
 *
 *     client   first    SYN, cookie request ──►  ◄── SYN ACK, cookie          the cookie goes into the cache
 *              later    SYN, cookie, data   ──►  ◄── SYN ACK of the data      a round trip is saved
 *
 *     fastopen.c          the client, and what the program asks
 *     fastopen_listen.c   the server: its queue of connections that nobody has proven yet
 *     fastopen_cookie.c   keys and the cookies that they make; the client's cache of them, and its memory of black holes
 *
 * Read first: RFC 7413.
 */
#pragma once
#include <sys/types.h>
#include "base/hash.h"
#include "base/list.h"
#include "base/types.h"
#include "wire/wire.h"

struct segment;
struct sock_msg;
struct stack;
struct tcp_listener;
struct tcp_sock;

/* net.ipv4.tcp_fastopen */
enum { FASTOPEN_CLIENT = 1, FASTOPEN_SERVER = 2, FASTOPEN_CLIENT_NO_COOKIE = 4, FASTOPEN_SERVER_NO_COOKIE = 0x200, FASTOPEN_EVERY_LISTENER = 0x400 };

/* Linux's numbers: TCP_INFO shows them. */
enum fastopen_fail { FASTOPEN_FINE, FASTOPEN_NO_COOKIE_YET, FASTOPEN_DATA_NOT_ACKED, FASTOPEN_SYN_REPEATED };

/* Of one connection. */
struct fastopen {
	bool deferred : 1;                    /* client: connect() only promised; the first send sends the SYN */
	bool asked : 1, experimental : 1;     /* client: our SYN had the option */
	bool data : 1, data_acked : 1;        /* there was data in the SYN, and it was taken */
	bool on_trial : 1;                    /* client: the first since a pause */
	bool unproven : 1;                    /* server: our SYN and ACK is not acknowledged, and yet octets flow */
	bool server : 1;                      /* it was such a connection */
	uint8_t fail;                         /* client: enum fastopen_fail */
};

/* Of one host, as a client. */
struct fastopen_cache {
	struct hash by_pair;                  /* struct known */
	struct list oldest;
	uint32_t n;
	time_ns paused_at;                    /* SYNs with data vanished: RFC 7413 §7.1 */
	uint32_t pauses;                      /* in a row */
};

/* fastopen.c */
bool fastopen_wanted(const struct tcp_sock *conn, int flags);          /* a send with these flags opens the connection */
/* As sendto with MSG_FASTOPEN: octets that went with the SYN, or -EINPROGRESS: none; 0: the connection is open, send as ever. */
ssize_t fastopen_send(struct tcp_sock *conn, const struct sock_msg *m);
bool fastopen_defers(struct tcp_sock *conn);                           /* connect() of a socket with TCP_FASTOPEN_CONNECT: may it wait for data? */
int fastopen_send_syn(struct tcp_sock *conn);                          /* connect()'s own SYN */
bool fastopen_answered(struct tcp_sock *conn, struct segment *g);      /* SYN and ACK came. true: data goes again, and that is the ACK */
void fastopen_syn_timeout(struct tcp_sock *conn, bool expired);
void fastopen_reset_astray(struct tcp_sock *conn);                     /* a reset that is not the next octet's came */
void fastopen_end(struct tcp_sock *conn);                              /* of the connection: what does it tell of the path? */

/* fastopen_listen.c */
void fastopen_listen(struct tcp_sock *conn, uint32_t backlog);
/* A SYN came: the cookie to answer with, NULL: none. *ret_open: its data may be taken at once. */
const struct tcp_cookie *fastopen_judge(struct tcp_sock *conn, struct tcp_sock *child, const struct segment *g, struct tcp_cookie *buf, bool *ret_open);
void fastopen_open(struct tcp_sock *child, struct segment *g);         /* child is in the accept queue before its SYN is proven; takes g's text */
void fastopen_proven(struct tcp_sock *child);                          /* our SYN and ACK was acknowledged */
void fastopen_reset(struct tcp_sock *child);                           /* or the peer knows of nothing */
void fastopen_listen_free(struct tcp_listener *l);

/* fastopen_cookie.c */
void fastopen_keys_need(struct stack *s);                              /* the host has a key from now on */
int fastopen_set_keys(struct tcp_sock *conn, const uint8_t *keys, size_t len);   /* -EINVAL, -ENOMEM */
size_t fastopen_get_keys(const struct tcp_sock *conn, uint8_t ret[32]);          /* octets */
/* The cookie of that client in *ret; whether c is it: 0, or 1 + the key that made it. */
int fastopen_prove(const struct tcp_sock *listener, const struct addr *client, const struct addr *us, const struct tcp_cookie *c, struct tcp_cookie *ret);
void fastopen_recall(const struct tcp_sock *conn, struct tcp_cookie *ret, uint16_t *mss);      /* *mss stays when nothing is known */
void fastopen_learn(struct tcp_sock *conn, uint16_t mss, const struct tcp_cookie *c, int try_experimental);   /* c NULL: none */
void fastopen_pause(struct tcp_sock *conn);
bool fastopen_is_paused(struct tcp_sock *conn);
void fastopen_trial_passed(struct tcp_sock *conn);
void fastopen_cache_init(struct fastopen_cache *c);
void fastopen_cache_free(struct fastopen_cache *c);
