/*
 * Keys, what is derived of them, and the proofs of those who join. The hashes are the host's (base/crypto.h).
 *
 * Read first: RFC 8684 §3.1, §3.2, §3.4.1.
 */
#include "base/crypto.h"
#include "stack/mptcp/msk.h"

#define HASH_LEN SHA256_LEN

static const struct crypto *crypto(struct stack *s) { return s->ops->crypto ? s->ops->crypto(s->host) : NULL; }

bool mptcp_possible(struct stack *s) { return crypto(s) != NULL; }

static void put64(uint8_t *p, uint64_t v)
{
	write32(p, (uint32_t)(v >> 32));
	write32(p + 4, (uint32_t)v);
}

static uint64_t last64(const uint8_t hash[HASH_LEN]) { return (uint64_t)read32(hash + 24) << 32 | read32(hash + 28); }

/* RFC 8684 §3.1: the token is the first 32 bits of the key's hash, the number before the stream's first octet the last 64. */
bool key_digest(struct stack *s, uint64_t key, uint32_t *ret_token, uint64_t *ret_idsn)
{
	uint8_t octets[8], hash[HASH_LEN];

	put64(octets, key);
	if (!crypto(s) || !crypto(s)->sha256(hash, (struct octets){octets, sizeof octets})) return false;
	*ret_token = read32(hash);
	*ret_idsn = last64(hash);
	return true;
}

static bool hmac(struct stack *s, uint64_t first, uint64_t second, const void *text, size_t len, uint8_t ret[HASH_LEN])
{
	uint8_t key[16];

	put64(key, first);
	put64(key + 8, second);
	return crypto(s) && crypto(s)->hmac_sha256(ret, (struct octets){key, sizeof key}, (struct octets){text, len});
}

/* RFC 8684 §3.2: the keys and the nonces of both, the prover's first. */
bool key_join_hmac(struct stack *s, uint64_t own, uint64_t other, uint32_t own_nonce, uint32_t other_nonce, uint8_t ret[HASH_LEN])
{
	uint8_t text[8];

	write32(text, own_nonce);
	write32(text + 4, other_nonce);
	return hmac(s, own, other, text, sizeof text, ret);
}

/* RFC 8684 §3.4.1: of id, address and port, which is 0 where none is told; the last 64 bits. */
bool key_addr_hmac(struct stack *s, uint64_t own, uint64_t other, const struct mptcp_add_addr *a, uint64_t *ret)
{
	size_t n = addr_is_v4(&a->addr) ? 4 : 16;
	uint8_t text[19], hash[HASH_LEN];

	text[0] = a->id;
	memcpy(text + 1, a->addr.b + 16 - n, n);
	write16(text + 1 + n, a->port);
	if (!hmac(s, own, other, text, n + 3, hash)) return false;
	*ret = last64(hash);
	return true;
}

struct mptcp_sock *token_find(struct stack *s, uint32_t token)
{
	struct hash_node *n = hash_first(&s->mptcp->tokens, stack_hash(s, &token, sizeof token));

	for (; n; n = hash_next(n)) {
		struct mptcp_sock *msk = container_of(n, struct mptcp_sock, by_token);
		if (msk->token == token) return msk;
	}
	return NULL;
}

uint64_t key_new(struct stack *s)
{
	uint64_t key, idsn;
	uint32_t token;

	/* RFC 8684 §3.1: the token is unique on this host. */
	do {
		s->ops->random(s->host, &key, sizeof key);
		if (!key_digest(s, key, &token, &idsn)) return 0;
	} while (!key || !token || token_find(s, token));
	return key;
}
