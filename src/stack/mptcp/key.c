/*
 * Keys, what is derived of them, and the proofs of those who join. The one file that calls the library of ciphers.
 *
 * Read first: RFC 8684 §3.1, §3.2, §3.4.1.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include "stack/mptcp/msk.h"

static void put64(uint8_t *p, uint64_t v)
{
	write32(p, (uint32_t)(v >> 32));
	write32(p + 4, (uint32_t)v);
}

/* RFC 8684 §3.1: the token is the first 32 bits of the key's hash, the number before the stream's first octet the last 64. */
void key_digest(uint64_t key, uint32_t *ret_token, uint64_t *ret_idsn)
{
	uint8_t octets[8], hash[SHA256_DIGEST_LENGTH];

	put64(octets, key);
	SHA256(octets, sizeof octets, hash);
	*ret_token = read32(hash);
	*ret_idsn = (uint64_t)read32(hash + 24) << 32 | read32(hash + 28);
}

void key_hmac(uint64_t first, uint64_t second, const void *text, size_t len, uint8_t ret[32])
{
	uint8_t key[16];
	unsigned n = 32;

	put64(key, first);
	put64(key + 8, second);
	HMAC(EVP_sha256(), key, sizeof key, text, len, ret, &n);
}

void key_join_hmac(uint64_t own, uint64_t other, uint32_t own_nonce, uint32_t other_nonce, uint8_t ret[32])
{
	uint8_t text[8];

	write32(text, own_nonce);
	write32(text + 4, other_nonce);
	key_hmac(own, other, text, sizeof text, ret);
}

/* RFC 8684 §3.4.1: of id, address and port, which is 0 where none is told; the last 64 bits. */
uint64_t key_addr_hmac(uint64_t own, uint64_t other, const struct mptcp_add_addr *a)
{
	bool v4 = addr_is_v4(&a->addr);
	size_t n = v4 ? 4 : 16;
	uint8_t text[19], hash[32];

	text[0] = a->id;
	memcpy(text + 1, a->addr.b + 16 - n, n);
	write16(text + 1 + n, a->port);
	key_hmac(own, other, text, n + 3, hash);
	return (uint64_t)read32(hash + 24) << 32 | read32(hash + 28);
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
		key_digest(key, &token, &idsn);
	} while (!key || !token || token_find(s, token));
	return key;
}
