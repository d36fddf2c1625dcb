/* WireGuard's messages, octet by octet. Numbers are little-endian. Read first: the paper, §5.4. */
#pragma once
#include "base/crypto.h"

typedef struct { uint8_t b[4]; } le32;
typedef struct { uint8_t b[8]; } le64;

static inline uint32_t le32_get(le32 v) { return (uint32_t)v.b[3] << 24 | (uint32_t)v.b[2] << 16 | (uint32_t)v.b[1] << 8 | v.b[0]; }
static inline le32 le32_of(uint32_t v) { return (le32){{(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)}}; }

static inline uint64_t le64_get(le64 v)
{
	uint64_t n = 0;

	for (int i = 7; i >= 0; i--) n = n << 8 | v.b[i];
	return n;
}

static inline le64 le64_of(uint64_t n)
{
	le64 v;

	for (int i = 0; i < 8; i++) v.b[i] = (uint8_t)(n >> 8 * i);
	return v;
}

enum { WG_INITIATION = 1, WG_RESPONSE = 2, WG_COOKIE = 3, WG_DATA = 4 };

#define SEAL_KEY_LEN 32
#define WG_MAC_LEN 16
#define WG_STAMP_LEN 12              /* TAI64N */
#define WG_COOKIE_NONCE_LEN 24

struct wg_macs { uint8_t mac1[WG_MAC_LEN], mac2[WG_MAC_LEN]; };

struct wg_initiation {
	le32 type, sender;
	uint8_t ephemeral[X25519_LEN];
	uint8_t identity[X25519_LEN + AEAD_TAG];       /* sealed */
	uint8_t stamp[WG_STAMP_LEN + AEAD_TAG];        /* sealed */
	struct wg_macs macs;
};

struct wg_response {
	le32 type, sender, receiver;
	uint8_t ephemeral[X25519_LEN];
	uint8_t nothing[AEAD_TAG];                     /* sealed: what proves the key */
	struct wg_macs macs;
};

struct wg_cookie_reply {
	le32 type, receiver;
	uint8_t nonce[WG_COOKIE_NONCE_LEN];
	uint8_t cookie[WG_MAC_LEN + AEAD_TAG];         /* sealed */
};

/* A datagram follows, padded to a multiple of 16 and sealed; a keep-alive is an empty one. */
struct wg_data { le32 type, receiver; le64 counter; };

#define WG_DATA_LEN_LEAST (sizeof(struct wg_data) + AEAD_TAG)

_Static_assert(sizeof(struct wg_initiation) == 148 && sizeof(struct wg_response) == 92 && sizeof(struct wg_cookie_reply) == 64 &&
	       sizeof(struct wg_data) == 16, "the messages have no padding");
