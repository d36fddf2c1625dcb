/*
 * Authenticated encryption (RFC 5116), as the core asks for it: it has no code of its own for that, nor a library. Who drives the core lends it
 * (crypto.h). Data is changed in place; nonces are of 12 octets, tags of 16.
 */
#pragma once
#include "base/types.h"

#define AEAD_NONCE 12
#define AEAD_TAG 16

struct aead;      /* a key, for one direction, and what the library keeps with it */

struct aead_text {
	const uint8_t *nonce;
	const void *aad; size_t aad_len;           /* what is authenticated beside the data */
	uint8_t *data; size_t len;
	uint8_t *tag;                              /* seal writes it */
};

struct aead_ops {
	/* cipher is a name such as "AES-128-GCM", whose key has the length that its name says. 0, -ENOENT when it is not known, or -ENOMEM. */
	int (*new)(const char *cipher, const uint8_t *key, bool seals, struct aead **ret);
	void (*free)(struct aead *a);              /* NULL allowed */
	bool (*seal)(struct aead *a, const struct aead_text *t);
	bool (*open)(struct aead *a, const struct aead_text *t);       /* false: it is not what was sealed */
};
