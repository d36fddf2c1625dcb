/*
 * Cryptography, as the core asks for it: it has no code of its own for that, nor a library. Who drives the core lends it (host_ops.crypto). Functions
 * touch nothing but what they are given; each says false where the library fails, which is out of memory, or what stands with it.
 */
#pragma once
#include "base/aead.h"

#define X25519_LEN 32
#define BLAKE2S_LEN 32
#define BLAKE2S_BLOCK 64
#define SHA1_LEN 20
#define SHA256_LEN 32

/* Octets that are there, not owned. */
struct octets { const uint8_t *at; size_t len; };

struct crypto {
	struct aead_ops aead;
	/* RFC 7748 §5. False also when the product is zero: the point is of small order. */
	bool (*x25519)(uint8_t ret[X25519_LEN], const uint8_t secret[X25519_LEN], const uint8_t point[X25519_LEN]);
	/* RFC 7693. Without a key ret_len is 32; with one, of 1 to 32 octets, 1 to 32, and part of what is hashed. */
	bool (*blake2s)(uint8_t *ret, size_t ret_len, struct octets key, struct octets data);
	bool (*sha256)(uint8_t ret[SHA256_LEN], struct octets data);
	/* RFC 2104 */
	bool (*hmac_sha1)(uint8_t ret[SHA1_LEN], struct octets key, struct octets data);
	bool (*hmac_sha256)(uint8_t ret[SHA256_LEN], struct octets key, struct octets data);
};
