/* TLS as an upper protocol: how it comes to a connection and goes with it, when that is readable, and what lists of sockets tell of it. */
#include "stack/tls/tls.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include "stack/inet/mib.h"
#include "stack/socket/family.h"

static int attach(struct tcp_sock *conn, struct tcp_upper **ret)
{
	struct tls *t;

	if (conn->state != TCPS_ESTABLISHED) return -ENOTCONN;
	t = calloc(1, sizeof *t);
	if (!t) return -ENOMEM;
	t->upper.ulp = &tls_ulp;
	t->conn = conn;
	list_init(&t->rx.opened);
	*ret = &t->upper;
	return 0;
}

/* As Linux: a record that is open is not sent at the end. */
static void detach(struct tcp_sock *conn)
{
	struct tls *t = tls_of(conn);
	struct mib *mib = conn_stack(conn)->mib;
	struct list *n;

	mib->tls.now[0] -= t->rx.keys.cipher != NULL;
	mib->tls.now[1] -= t->tx.keys.cipher != NULL;
	while ((n = list_pop(&t->rx.opened)))
		free(list_entry(n, struct tls_record, node));
	tls_keys_clear(&t->tx.keys, t->aead);
	tls_keys_clear(&t->rx.keys, t->aead);
	free(t->tx.record);
	free(t->rx.gathered);
	free(t);
}

/* A part of a record is nothing to read, but the end is. */
static uint32_t poll(struct tcp_sock *conn, uint32_t ready)
{
	const uint32_t readable = EPOLLIN | EPOLLRDNORM;
	struct tls *t = tls_of(conn);

	if (!t->rx.keys.cipher || conn->state != TCPS_ESTABLISHED || conn->inet.sk.shut & 1) return ready;
	return tls_is_readable(t) ? ready | readable : ready & ~readable;
}

bool tls_facts(const struct sock *sk, struct tls_facts *ret)
{
	const struct tls *t;
	const struct tls_keys *k;

	if (!tcp_is(sk) || !tcp_of(sk)->upper || tcp_of(sk)->upper->ulp != &tls_ulp) return false;
	t = tls_of(tcp_of(sk));
	k = t->tx.keys.cipher ? &t->tx.keys : &t->rx.keys;
	*ret = (struct tls_facts){.version = k->version, .cipher = k->cipher ? k->cipher->type : 0, .tx = t->tx.keys.cipher, .rx = t->rx.keys.cipher,
				  .zerocopy_ro = t->zerocopy_ro, .expect_no_pad = t->expect_no_pad};
	return true;
}

const struct tcp_ulp tls_ulp = {
	.name = "tls", .attach = attach, .detach = detach, .send = tls_send, .recv = tls_recv, .poll = poll, .arrived = tls_arrived,
};
