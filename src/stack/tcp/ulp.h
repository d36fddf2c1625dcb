/*
 * An upper protocol on a connection (TCP_ULP). It comes between the program and TCP: it has the program's sends, receives and polls, and makes its own of
 * the functions below. A connection without one does not know of it: one with it has other sock_ops (tcp_upper_ops), by which the host sees that each
 * send and receive is to be asked.
 */
#pragma once
#include "stack/tcp/conn.h"

struct tcp_ulp {
	const char *name;
	int (*attach)(struct tcp_sock *conn, struct tcp_upper **ret);  /* -ENOTCONN … */
	void (*detach)(struct tcp_sock *conn);                         /* frees it; the connection is over */
	ssize_t (*send)(struct tcp_sock *conn, const struct sock_msg *m);
	ssize_t (*recv)(struct tcp_sock *conn, struct sock_msg *m);
	uint32_t (*poll)(struct tcp_sock *conn, uint32_t ready);       /* what TCP finds ready, made its own */
	void (*arrived)(struct tcp_sock *conn);                        /* octets have come in order; before the program is told */
};

/* What a connection has of it: the beginning of the protocol's own struct. */
struct tcp_upper { const struct tcp_ulp *ulp; };

extern const struct tcp_ulp tls_ulp;
extern const struct sockopt tls_options[];        /* of tcp_upper_ops */

/* ulp.c: rows of the options, and the calls of tcp_upper_ops */
int ulp_get(struct sock *sk, void *val, socklen_t *len);
int ulp_set(struct sock *sk, const void *val, socklen_t len);
ssize_t ulp_send(struct sock *sk, const struct sock_msg *m);
ssize_t ulp_recv(struct sock *sk, struct sock_msg *m);
uint32_t ulp_poll(const struct sock *sk);
void ulp_detach(struct tcp_sock *conn);
static inline void ulp_arrived(struct tcp_sock *conn)
{
	if (conn->upper) conn->upper->ulp->arrived(conn);
}

/* usercall.c: TCP's own */
ssize_t tcp_send(struct sock *sk, const struct sock_msg *m);
ssize_t tcp_recv(struct sock *sk, struct sock_msg *m);
uint32_t tcp_poll(const struct sock *sk);
bool tcp_has_room(struct tcp_sock *conn);         /* to send; false: the socket will be told when there is */
int tcp_put(struct tcp_sock *conn, const void *data, size_t len, bool more);   /* sends all of it, however full the buffer is: 0, or the error */
void tcp_look(const struct tcp_sock *conn, void *to, size_t len);              /* at the next octets received, of which so many are there */
