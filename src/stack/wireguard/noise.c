/*
 * The handshake, Noise_IKpsk2 with X25519, ChaCha20-Poly1305 and BLAKE2s: one message each way.
 *
 *     initiator                                                          responder
 *         | ephemeral, sealed identity, sealed time                        |
 *         |--------------------------------------------------------------->|   initiation_make, _take
 *         |                                      ephemeral, sealed nothing |
 *         |<---------------------------------------------------------------|   response_make, _take
 *
 * Both mix what they send and receive into a hash, and what they compute into a chaining key, which at the end yields the session's. A message is worked
 * out on a copy of that state and kept only if all of it was right: a forger changes nothing.
 *
 * Read first: the paper, §5.4.1 to §5.4.3; noiseprotocol.org, "The Noise Protocol Framework", §5.
 */
#include "stack/wireguard/private.h"

static const char construction[] = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s", identifier[] = "WireGuard v1 zx2c4 Jason@zx2c4.com";

/* The state of the mixing. */
struct mixing { const struct crypto *c; uint8_t hash[BLAKE2S_LEN], chain[BLAKE2S_LEN], key[SEAL_KEY_LEN]; };

#define MIX_MOST 64                  /* octets that are mixed into the hash at once */
#define NO_KEY ((struct octets){NULL, 0})

static bool mix_hash(struct mixing *m, const void *data, size_t len)
{
	uint8_t both[BLAKE2S_LEN + MIX_MOST];

	memcpy(both, m->hash, BLAKE2S_LEN);
	memcpy(both + BLAKE2S_LEN, data, len);
	return m->c->blake2s(m->hash, BLAKE2S_LEN, NO_KEY, (struct octets){both, BLAKE2S_LEN + len});
}

/* data goes into the chaining key, and a key for sealing comes out. */
static bool mix_key(struct mixing *m, const uint8_t data[BLAKE2S_LEN])
{
	return wg_hkdf(m->c, m->chain, (struct octets){data, BLAKE2S_LEN}, (uint8_t *[]){m->chain, m->key}, 2);
}

static bool mix_dh(struct mixing *m, const struct wg_key *secret, const uint8_t point[X25519_LEN])
{
	struct wg_key product;
	bool ok = m->c->x25519(product.b, secret->b, point) && mix_key(m, product.b);

	secret_wipe(&product, sizeof product);
	return ok;
}

static bool mix_shared(struct mixing *m, const struct wg_key *shared)
{
	uint8_t hash[BLAKE2S_LEN];

	return wg_hkdf(m->c, m->chain, (struct octets){shared->b, sizeof shared->b}, (uint8_t *[]){m->chain, hash, m->key}, 3) &&
	       mix_hash(m, hash, sizeof hash);
}

static bool mix_ephemeral(struct mixing *m, const uint8_t point[X25519_LEN])
{
	return mix_hash(m, point, X25519_LEN) && wg_hkdf(m->c, m->chain, (struct octets){point, X25519_LEN}, (uint8_t *[]){m->chain}, 1);
}

static const uint8_t first_nonce[AEAD_NONCE];

/* len octets become len + AEAD_TAG. */
static bool seal(struct mixing *m, uint8_t *to, const void *from, size_t len)
{
	if (len) memcpy(to, from, len);
	return wg_seal_once(m->c, m->key, &(struct aead_text){first_nonce, m->hash, BLAKE2S_LEN, to, len, to + len}) && mix_hash(m, to, len + AEAD_TAG);
}

/* And back, len being that of what was sealed. */
static bool unseal(struct mixing *m, uint8_t *to, const uint8_t *from, size_t len)
{
	uint8_t tag[AEAD_TAG];

	memcpy(tag, from + len, sizeof tag);
	if (len) memcpy(to, from, len);
	return wg_open_once(m->c, m->key, &(struct aead_text){first_nonce, m->hash, BLAKE2S_LEN, to, len, tag}) && mix_hash(m, from, len + AEAD_TAG);
}

/* ---- keys ---- */

static bool hash_of_names(struct mixing *m)
{
	if (!m->c->blake2s(m->chain, BLAKE2S_LEN, NO_KEY, (struct octets){(const uint8_t *)construction, sizeof construction - 1})) return false;
	memcpy(m->hash, m->chain, sizeof m->hash);
	return mix_hash(m, identifier, sizeof identifier - 1);
}

/* How a handshake to the owner of this key begins. */
static bool begin(struct mixing *m, const struct crypto *c, const struct wg_key *to)
{
	m->c = c;
	return hash_of_names(m) && mix_hash(m, to->b, sizeof to->b);
}

bool wg_noise_prepare(struct wg_device *w)
{
	struct mixing m;
	bool ok = begin(&m, w->crypto, &w->key);

	if (ok) memcpy(w->identity_hash, m.hash, sizeof w->identity_hash);
	return ok;
}

bool wg_noise_key(const struct wg_device *w, const struct wg_key *secret, struct wg_key *ret)
{
	static const uint8_t base[X25519_LEN] = {9};

	return w->crypto->x25519(ret->b, secret->b, base);
}

static bool ephemeral_draw(const struct wg_device *w, struct wg_key *secret, uint8_t ret_point[X25519_LEN])
{
	struct stack *s = wg_stack(w);
	struct wg_key point;

	s->ops->random(s->host, secret->b, sizeof secret->b);
	if (!wg_noise_key(w, secret, &point)) return false;
	memcpy(ret_point, point.b, X25519_LEN);
	return true;
}

/* ---- the initiation ---- */

/* TAI64N, its last 24 bits gone: how fast the clock and the machine are is nobody's business (the paper, §5.4.2). */
static void stamp_put(const struct stack *s, uint8_t at[WG_STAMP_LEN])
{
	time_ns now = s->now + s->realtime_offset;
	uint64_t seconds = UINT64_C(0x400000000000000a) + (uint64_t)(now / NS_PER_S);

	write32(at, (uint32_t)(seconds >> 32));
	write32(at + 4, (uint32_t)seconds);
	write32(at + 8, (uint32_t)(now % NS_PER_S) & 0xff000000);
}

static void keep(struct wg_handshake *h, const struct mixing *m, enum wg_state state)
{
	memcpy(h->hash, m->hash, sizeof h->hash);
	memcpy(h->chain, m->chain, sizeof h->chain);
	h->state = state;
}

bool wg_initiation_make(struct wg_peer *peer, struct wg_initiation *msg)
{
	struct wg_device *w = peer->device;
	struct wg_handshake *h = &peer->handshake;
	uint8_t stamp[WG_STAMP_LEN];
	struct mixing m;
	bool ok;

	if (!wg_peer_product(peer) || wg_index_take(peer) < 0) return false;
	stamp_put(wg_stack(w), stamp);
	ok = begin(&m, w->crypto, &peer->key) && ephemeral_draw(w, &h->own_ephemeral, msg->ephemeral) && mix_ephemeral(&m, msg->ephemeral) &&
	     mix_dh(&m, &h->own_ephemeral, peer->key.b) && seal(&m, msg->identity, w->key.b, sizeof w->key.b) &&
	     mix_key(&m, peer->product.b) && seal(&m, msg->stamp, stamp, sizeof stamp);
	if (ok) {
		msg->type = le32_of(WG_INITIATION);
		msg->sender = le32_of(wg_index_number(h->index));
		keep(h, &m, WG_INITIATION_SENT);
	}
	secret_wipe(&m, sizeof m);
	return ok;
}

/* The paper, §5.1: one that is not newer was recorded; and no peer is listened to more than fifty times a second. */
static bool is_new(const struct wg_peer *peer, const uint8_t stamp[WG_STAMP_LEN])
{
	const struct wg_handshake *h = &peer->handshake;
	const struct stack *s = wg_stack(peer->device);

	return memcmp(stamp, h->stamp, WG_STAMP_LEN) > 0 && (!h->taken || s->now - h->taken >= NS_PER_S / INITIATIONS_PER_SECOND);
}

static void initiation_keep(struct wg_peer *peer, const struct wg_initiation *msg, const struct mixing *m, const uint8_t stamp[WG_STAMP_LEN])
{
	struct wg_handshake *h = &peer->handshake;

	memcpy(h->ephemeral.b, msg->ephemeral, sizeof h->ephemeral.b);
	memcpy(h->stamp, stamp, WG_STAMP_LEN);
	h->remote_index = le32_get(msg->sender);
	h->taken = wg_stack(peer->device)->now;
	keep(h, m, WG_INITIATION_TAKEN);
}

/* Is it really from that peer, and has it just been made? */
static bool proves(struct mixing *m, struct wg_peer *peer, const struct wg_initiation *msg, uint8_t ret_stamp[WG_STAMP_LEN])
{
	return wg_peer_product(peer) && mix_key(m, peer->product.b) && unseal(m, ret_stamp, msg->stamp, WG_STAMP_LEN) && is_new(peer, ret_stamp);
}

struct wg_peer *wg_initiation_take(struct wg_device *w, const struct wg_initiation *msg)
{
	struct mixing m = {.c = w->crypto};
	uint8_t stamp[WG_STAMP_LEN];
	struct wg_peer *peer = NULL;
	struct wg_key who;

	if (!w->has_key || !hash_of_names(&m)) return NULL;
	memcpy(m.hash, w->identity_hash, sizeof m.hash);
	if (mix_ephemeral(&m, msg->ephemeral) && mix_dh(&m, &w->secret, msg->ephemeral) && unseal(&m, who.b, msg->identity, sizeof who.b))
		peer = wg_peer_find(w, &who);
	if (peer && !proves(&m, peer, msg, stamp)) peer = NULL;
	if (peer) initiation_keep(peer, msg, &m, stamp);
	secret_wipe(&m, sizeof m);
	return peer;
}

/* ---- the response ---- */

bool wg_response_make(struct wg_peer *peer, struct wg_response *msg)
{
	struct wg_device *w = peer->device;
	struct wg_handshake *h = &peer->handshake;
	struct mixing m = {.c = w->crypto};
	bool ok;

	if (h->state != WG_INITIATION_TAKEN || wg_index_take(peer) < 0) return false;
	memcpy(m.hash, h->hash, sizeof m.hash);
	memcpy(m.chain, h->chain, sizeof m.chain);
	ok = ephemeral_draw(w, &h->own_ephemeral, msg->ephemeral) && mix_ephemeral(&m, msg->ephemeral) && mix_dh(&m, &h->own_ephemeral, h->ephemeral.b) &&
	     mix_dh(&m, &h->own_ephemeral, peer->key.b) && mix_shared(&m, &peer->shared) && seal(&m, msg->nothing, NULL, 0);
	if (ok) {
		msg->type = le32_of(WG_RESPONSE);
		msg->sender = le32_of(wg_index_number(h->index));
		msg->receiver = le32_of(h->remote_index);
		keep(h, &m, WG_RESPONSE_SENT);
	}
	secret_wipe(&m, sizeof m);
	return ok;
}

struct wg_peer *wg_response_take(struct wg_device *w, const struct wg_response *msg)
{
	struct wg_index *i = wg_index_find(w, le32_get(msg->receiver));
	struct mixing m = {.c = w->crypto};
	struct wg_handshake *h;
	bool ok;

	if (!i || i->session || i->peer->handshake.state != WG_INITIATION_SENT) return NULL;
	h = &i->peer->handshake;
	memcpy(m.hash, h->hash, sizeof m.hash);
	memcpy(m.chain, h->chain, sizeof m.chain);
	ok = mix_ephemeral(&m, msg->ephemeral) && mix_dh(&m, &h->own_ephemeral, msg->ephemeral) && mix_dh(&m, &w->secret, msg->ephemeral) &&
	     mix_shared(&m, &i->peer->shared) && unseal(&m, NULL, msg->nothing, 0);
	if (ok) {
		memcpy(h->ephemeral.b, msg->ephemeral, sizeof h->ephemeral.b);
		h->remote_index = le32_get(msg->sender);
		keep(h, &m, WG_RESPONSE_TAKEN);
	}
	secret_wipe(&m, sizeof m);
	return ok ? i->peer : NULL;
}
