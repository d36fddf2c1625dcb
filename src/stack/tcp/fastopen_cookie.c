/*
 * Fast Open's cookies: those that a server makes, and those that a client has been given.
 *
 *     cookie = SipHash(key, client's address, ours)      as Linux makes it, so that a cluster may share keys and mix hosts
 *
 * The client keeps, for each pair of addresses, the cookie, the MSS that bounds what a SYN carries, and which option the
 * server knows. It also remembers that SYNs with data vanish on the way here: then no SYN carries any for a while, twice
 * as long each time, up to 64 times.
 *
 * Read first: RFC 7413 §4.1.2, §4.1.3 and §7.1.
 */
#include <errno.h>
#include <stdlib.h>
#include "stack/tcp/conn.h"

#define COOKIE_LEN 8u
#define KNOWN_MAX 1024u
#define PAUSES_DOUBLED 6u

/* ---- keys ---- */

static uint64_t load_le64(const uint8_t *p)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static void store_le64(uint8_t *p, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

void fastopen_keys_need(struct stack *s)
{
	struct fastopen_keys *k = &s->sysctl->tcp_fastopen_keys;

	if (k->n) return;
	s->ops->random(s->host, &k->key[0], sizeof k->key[0]);
	k->n = 1;
}

int fastopen_set_keys(struct tcp_sock *conn, const uint8_t *keys, size_t len)
{
	if (len != 16 && len != 32) return -EINVAL;
	if (!conn->fastopen_keys) conn->fastopen_keys = calloc(1, sizeof *conn->fastopen_keys);
	if (!conn->fastopen_keys) return -ENOMEM;
	conn->fastopen_keys->n = (uint32_t)(len / 16);
	for (size_t i = 0; i < len / 16; i++)
		conn->fastopen_keys->key[i] = (struct siphash_key){load_le64(keys + 16 * i), load_le64(keys + 16 * i + 8)};
	return 0;
}

static const struct fastopen_keys *keys_of(const struct tcp_sock *conn)
{
	return conn->fastopen_keys ? conn->fastopen_keys : &conn_sysctl(conn)->tcp_fastopen_keys;
}

size_t fastopen_get_keys(const struct tcp_sock *conn, uint8_t ret[32])
{
	const struct fastopen_keys *k = keys_of(conn);

	for (uint32_t i = 0; i < k->n; i++) {
		store_le64(ret + 16 * i, k->key[i].k0);
		store_le64(ret + 16 * i + 8, k->key[i].k1);
	}
	return 16 * (size_t)k->n;
}

static void make(const struct siphash_key *key, const struct addr *client, const struct addr *us, struct tcp_cookie *ret)
{
	uint8_t pair[32];
	size_t len = addr_is_v4(client) ? 4 : 16;

	memcpy(pair, (const uint8_t *)client + 16 - len, len);
	memcpy(pair + len, (const uint8_t *)us + 16 - len, len);
	store_le64(ret->val, siphash(key, pair, 2 * len));
	ret->len = COOKIE_LEN;
}

/* RFC 7413 §4.1.2: bound to the client's address, and the server keeps nothing. */
int fastopen_prove(const struct tcp_sock *listener, const struct addr *client, const struct addr *us, const struct tcp_cookie *c, struct tcp_cookie *ret)
{
	const struct fastopen_keys *k = keys_of(listener);
	struct tcp_cookie other;
	int proven = 0;

	*ret = (struct tcp_cookie){0};
	for (uint32_t i = 0; i < k->n && !proven; i++) {
		make(&k->key[i], client, us, i ? &other : ret);
		if (c->len == COOKIE_LEN && memcmp(c->val, i ? other.val : ret->val, COOKIE_LEN) == 0) proven = (int)i + 1;
	}
	return proven;
}

/* ---- what a client knows of servers ---- */

struct known {
	struct hash_node hash;
	struct list node;                     /* fastopen_cache.oldest */
	struct addr laddr, raddr;
	uint16_t mss;
	uint8_t try_experimental;             /* 0: not tried, 1: next time, 2: it was in vain */
	struct tcp_cookie cookie;
};

void fastopen_cache_init(struct fastopen_cache *c)
{
	hash_init(&c->by_pair);
	list_init(&c->oldest);
}

static void forget(struct fastopen_cache *c, struct known *k)
{
	hash_remove(&c->by_pair, &k->hash);
	list_remove(&k->node);
	c->n--;
	free(k);
}

void fastopen_cache_free(struct fastopen_cache *c)
{
	while (!list_empty(&c->oldest))
		forget(c, list_first(&c->oldest, struct known, node));
	hash_free(&c->by_pair);
}

static struct fastopen_cache *cache_of(const struct tcp_sock *conn) { return &conn_stack(conn)->tcp->fastopen; }

static uint64_t pair_hash(const struct tcp_sock *conn) { return flow_hash(conn_stack(conn), &conn->inet.laddr, 0, &conn->inet.raddr, 0); }

static struct known *find(const struct tcp_sock *conn)
{
	struct fastopen_cache *c = cache_of(conn);

	for (struct hash_node *n = c->n ? hash_first(&c->by_pair, pair_hash(conn)) : NULL; n; n = hash_next(n)) {
		struct known *k = container_of(n, struct known, hash);
		if (addr_eq(&k->laddr, &conn->inet.laddr) && addr_eq(&k->raddr, &conn->inet.raddr)) return k;
	}
	return NULL;
}

static struct known *find_or_add(const struct tcp_sock *conn)
{
	struct fastopen_cache *c = cache_of(conn);
	struct known *k = find(conn);

	if (k) return k;
	if (c->n >= KNOWN_MAX) forget(c, list_first(&c->oldest, struct known, node));
	k = calloc(1, sizeof *k);
	if (!k) return NULL;
	if (hash_insert(&c->by_pair, &k->hash, pair_hash(conn)) < 0) {
		free(k);
		return NULL;
	}
	k->laddr = conn->inet.laddr;
	k->raddr = conn->inet.raddr;
	list_append(&c->oldest, &k->node);
	c->n++;
	return k;
}

void fastopen_recall(const struct tcp_sock *conn, struct tcp_cookie *ret, uint16_t *mss)
{
	const struct known *k = find(conn);

	*ret = (struct tcp_cookie){0};
	if (!k) return;
	*ret = k->cookie;
	if (k->mss) *mss = k->mss;
	if (!ret->len && k->try_experimental == 1) ret->experimental = true;
}

/* RFC 7413 §4.1.3: the cookie and the MSS are cached. */
void fastopen_learn(struct tcp_sock *conn, uint16_t mss, const struct tcp_cookie *c, int try_experimental)
{
	struct known *k = find_or_add(conn);

	if (!k) return;
	if (mss) k->mss = mss;
	if (c && c->len)
		k->cookie = *c;
	else if (try_experimental > k->try_experimental && !k->cookie.len)
		k->try_experimental = (uint8_t)try_experimental;
}

/* ---- black holes ---- */

void fastopen_pause(struct tcp_sock *conn)
{
	struct fastopen_cache *c = cache_of(conn);

	if (!conn_sysctl(conn)->tcp_fastopen_blackhole_timeout_s) return;
	conn_mib(conn, TCPEXT_TCPFastOpenBlackhole);
	c->paused_at = conn_now(conn);
	c->pauses++;
}

/* RFC 7413 §7.1: "clients should … disable Fast Open on paths" where it fails; as Linux on all, for some time. */
bool fastopen_is_paused(struct tcp_sock *conn)
{
	const struct fastopen_cache *c = cache_of(conn);
	time_ns pause = conn_sysctl(conn)->tcp_fastopen_blackhole_timeout_s * NS_PER_S;

	if (!pause || !c->pauses) return false;
	if (conn_now(conn) < c->paused_at + (pause << MIN(c->pauses - 1, PAUSES_DOUBLED))) return true;
	conn->fastopen.on_trial = true;
	return false;
}

void fastopen_trial_passed(struct tcp_sock *conn)
{
	if (conn->fastopen.on_trial && !addr_is_loopback(&conn->inet.raddr)) cache_of(conn)->pauses = 0;
}
