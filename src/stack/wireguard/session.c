/*
 * Sessions: the keys that a handshake leaves, and which of them are used.
 *
 *     initiator:  the response proves the keys     ->  current; the one before -> previous
 *     responder:  only data prove them  ->  next   ->  current, as soon as one such has come
 *
 * The previous one still opens what was under way. Read first: the paper, §5.4.5 and §6.2.
 */
#include <stdlib.h>
#include "stack/wireguard/private.h"

/* ---- HKDF of RFC 5869 over HMAC-BLAKE2s: the paper, §5.4 ---- */

#define HMAC_DATA_MOST 64

static bool hmac(const struct crypto *c, uint8_t ret[BLAKE2S_LEN], const uint8_t key[BLAKE2S_LEN], struct octets data)
{
	uint8_t inner[BLAKE2S_BLOCK + HMAC_DATA_MOST], outer[BLAKE2S_BLOCK + BLAKE2S_LEN];
	bool ok;

	if (data.len > HMAC_DATA_MOST) return false;
	memset(inner, 0x36, BLAKE2S_BLOCK);
	memset(outer, 0x5c, BLAKE2S_BLOCK);
	for (size_t i = 0; i < BLAKE2S_LEN; i++) {
		inner[i] ^= key[i];
		outer[i] ^= key[i];
	}
	if (data.len) memcpy(inner + BLAKE2S_BLOCK, data.at, data.len);
	ok = c->blake2s(outer + BLAKE2S_BLOCK, BLAKE2S_LEN, (struct octets){NULL, 0}, (struct octets){inner, BLAKE2S_BLOCK + data.len}) &&
	     c->blake2s(ret, BLAKE2S_LEN, (struct octets){NULL, 0}, (struct octets){outer, sizeof outer});
	secret_wipe(inner, sizeof inner);
	secret_wipe(outer, sizeof outer);
	return ok;
}

bool wg_hkdf(const struct crypto *c, const uint8_t chain[BLAKE2S_LEN], struct octets data, uint8_t *const ret[], size_t n)
{
	uint8_t secret[BLAKE2S_LEN], round[BLAKE2S_LEN + 1];
	bool ok = hmac(c, secret, chain, data);

	for (size_t i = 0; i < n && ok; i++) {
		size_t before = i ? BLAKE2S_LEN : 0;
		round[before] = (uint8_t)(i + 1);
		ok = hmac(c, round, secret, (struct octets){round, before + 1});
		if (ok) memcpy(ret[i], round, BLAKE2S_LEN);
	}
	secret_wipe(secret, sizeof secret);
	secret_wipe(round, sizeof round);
	return ok;
}

/* ---- sealing ---- */

static const char cipher[] = "ChaCha20-Poly1305";

bool wg_seal_once(const struct crypto *c, const uint8_t key[SEAL_KEY_LEN], const struct aead_text *t)
{
	struct aead *a;
	bool ok = c->aead.new(cipher, key, true, &a) == 0;

	if (!ok) return false;
	ok = c->aead.seal(a, t);
	c->aead.free(a);
	return ok;
}

bool wg_open_once(const struct crypto *c, const uint8_t key[SEAL_KEY_LEN], const struct aead_text *t)
{
	struct aead *a;
	bool ok = c->aead.new(cipher, key, false, &a) == 0;

	if (!ok) return false;
	ok = c->aead.open(a, t);
	c->aead.free(a);
	return ok;
}

/* ---- which session ---- */

static void session_free(struct wg_peer *peer, struct wg_session **x)
{
	const struct crypto *c = peer->device->crypto;

	if (!*x) return;
	wg_index_drop(&(*x)->index);
	c->aead.free((*x)->seal);
	c->aead.free((*x)->open);
	free(*x);
	*x = NULL;
}

void wg_sessions_clear(struct wg_peer *peer)
{
	session_free(peer, &peer->current);
	session_free(peer, &peer->previous);
	session_free(peer, &peer->next);
}

/* As Linux: an initiator that has an unproven one, too, keeps that for what comes by it. */
static void use(struct wg_peer *peer, struct wg_session *x)
{
	session_free(peer, &peer->previous);
	if (!x->initiator) {
		session_free(peer, &peer->next);
		peer->next = x;
		return;
	}
	if (peer->next) {
		peer->previous = peer->next;
		peer->next = NULL;
		session_free(peer, &peer->current);
	} else {
		peer->previous = peer->current;
	}
	peer->current = x;
}

static bool keys_make(struct wg_session *x, const struct crypto *c, const struct wg_handshake *h)
{
	uint8_t first[SEAL_KEY_LEN], second[SEAL_KEY_LEN];
	const uint8_t *ours = x->initiator ? first : second, *theirs = x->initiator ? second : first;
	bool ok = wg_hkdf(c, h->chain, (struct octets){NULL, 0}, (uint8_t *[]){first, second}, 2) && c->aead.new(cipher, ours, true, &x->seal) == 0 &&
		  c->aead.new(cipher, theirs, false, &x->open) == 0;

	secret_wipe(first, sizeof first);
	secret_wipe(second, sizeof second);
	return ok;
}

bool wg_session_begin(struct wg_peer *peer)
{
	struct wg_handshake *h = &peer->handshake;
	struct wg_session *x = calloc(1, sizeof *x);

	if (!x) return false;
	x->initiator = h->state == WG_RESPONSE_TAKEN;
	if (!keys_make(x, peer->device->crypto, h)) {
		session_free(peer, &x);
		return false;
	}
	x->remote_index = h->remote_index;
	x->sends = x->receives = true;
	x->born = wg_stack(peer->device)->now;
	x->index = h->index;
	x->index->session = x;
	h->index = NULL;
	wg_handshake_clear(peer);
	use(peer, x);
	return true;
}

bool wg_session_confirmed(struct wg_peer *peer, struct wg_session *x)
{
	if (x != peer->next) return false;
	session_free(peer, &peer->previous);
	peer->previous = peer->current;
	peer->current = x;
	peer->next = NULL;
	return true;
}
