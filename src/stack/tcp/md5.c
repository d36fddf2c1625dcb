/*
 * TCP's MD5 signatures, which BGP speakers use: with a key for the peer every segment bears the digest of itself and the
 * key, and what comes without, or with another, is dropped unread; a signed segment that nobody has a key for as well.
 *
 *     listener   keys of peers and of networks  ──SYN──►  connection   the one key that fits its peer best
 *
 * As with Linux there are no timestamps in a SYN that is signed, and in the answer to one only instead of SACK: an
 * option field of 40 octets has not room for all.
 *
 * Read first: RFC 2385, tcp(7).
 */
#include <errno.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include "base/md5.h"
#include "base/secret.h"
#include "stack/tcp/conn.h"

struct tcp_key {
	struct list node;                     /* tcp_sock.md5_keys */
	struct addr addr;
	uint8_t prefix;                       /* bits of it that count, of 128 or 32 */
	struct tcp_secret secret;
};

static unsigned width(const struct addr *a) { return addr_is_v4(a) ? 32 : 128; }

static bool covers(const struct tcp_key *k, const struct addr *a)
{
	return addr_is_v4(a) == addr_is_v4(&k->addr) && addr_in_prefix(a, &k->addr, k->prefix);
}

const struct tcp_secret *md5_find(const struct tcp_sock *conn, const struct addr *peer)
{
	const struct tcp_key *best = NULL;

	if (!conn->md5_keys) return NULL;
	list_each(struct tcp_key, k, conn->md5_keys, node)
		if (covers(k, peer) && (!best || k->prefix > best->prefix)) best = k;
	return best ? &best->secret : NULL;
}

static struct tcp_key *find_exact(struct tcp_sock *conn, const struct addr *a, unsigned prefix)
{
	if (!conn->md5_keys) return NULL;
	list_each(struct tcp_key, k, conn->md5_keys, node)
		if (k->prefix == prefix && addr_eq(&k->addr, a)) return k;
	return NULL;
}

static int add(struct tcp_sock *conn, const struct addr *a, unsigned prefix, const uint8_t *key, size_t len)
{
	struct tcp_key *k = find_exact(conn, a, prefix);

	if (!conn->md5_keys) {
		conn->md5_keys = malloc(sizeof *conn->md5_keys);
		if (!conn->md5_keys) return -ENOMEM;
		list_init(conn->md5_keys);
	}
	if (!k) {
		k = calloc(1, sizeof *k);
		if (!k) return -ENOMEM;
		k->addr = *a;
		k->prefix = (uint8_t)prefix;
		list_append(conn->md5_keys, &k->node);
	}
	k->secret.len = (uint8_t)len;
	memcpy(k->secret.key, key, len);
	return 0;
}

static int drop(struct tcp_sock *conn, const struct addr *a, unsigned prefix)
{
	struct tcp_key *k = find_exact(conn, a, prefix);

	if (!k) return -ENOENT;
	list_remove(&k->node);
	free(k);
	return 0;
}

int md5_set(struct tcp_sock *conn, const void *val, size_t len, bool extended)
{
	struct tcp_md5sig cmd;
	struct addr a;
	uint16_t port;
	uint32_t scope;
	unsigned prefix;

	if (len < sizeof cmd) return -EINVAL;
	memcpy(&cmd, val, sizeof cmd);
	if (inet_sockaddr_parse(&conn->inet, (const struct sockaddr *)&cmd.tcpm_addr, sizeof cmd.tcpm_addr, &a, &port, &scope) < 0) return -EINVAL;
	prefix = width(&a);
	if (extended && (cmd.tcpm_flags & TCP_MD5SIG_FLAG_PREFIX)) prefix = cmd.tcpm_prefixlen;
	if (prefix > width(&a) || cmd.tcpm_keylen > TCP_SECRET_MOST) return -EINVAL;
	return cmd.tcpm_keylen ? add(conn, &a, prefix, cmd.tcpm_key, cmd.tcpm_keylen) : drop(conn, &a, prefix);
}

/* As Linux: what fits the peer best becomes its only one. Without memory it is not to be had unsigned. */
int md5_inherit(struct tcp_sock *child, const struct tcp_sock *parent)
{
	const struct tcp_secret *s = md5_find(parent, &child->inet.raddr);

	return s ? add(child, &child->inet.raddr, width(&child->inet.raddr), s->key, s->len) : 0;
}

void md5_free(struct tcp_sock *conn)
{
	struct list *n;

	while (conn->md5_keys && (n = list_pop(conn->md5_keys)))
		free(list_entry(n, struct tcp_key, node));
	free(conn->md5_keys);
	conn->md5_keys = NULL;
}

/* RFC 2385 §2: without an answer that would tell why. */
bool md5_accepts(const struct tcp_sock *conn, struct segment *g)
{
	const struct packet *p = g->p;
	size_t hdr_len = (size_t)(packet_off(p) - p->trans_off);
	uint8_t digest[MD5_LEN];

	g->sign = md5_find(conn, &p->src);
	if (!g->sign && !g->h.opts.has_md5) return true;
	if (!g->sign || !g->h.opts.has_md5) {
		conn_mib(conn, g->sign ? TCPEXT_TCPMD5NotFound : TCPEXT_TCPMD5Unexpected);
		return false;
	}
	tcp_signature(p->data - hdr_len, hdr_len, p->len, &p->src, &p->dst, g->sign, digest);
	if (secret_equal(digest, g->h.opts.md5, sizeof digest)) return true;
	conn_mib(conn, TCPEXT_TCPMD5Failure);
	return false;
}
