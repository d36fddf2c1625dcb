/*
 * The two MACs of a handshake message. The first one shows that its sender knows our public key: without it we are silent. The second one is made with a
 * cookie, which under load we ask for: it shows that the sender is where it says. A cookie is a MAC over the address, made with a secret that we change
 * every two minutes; nothing is kept for one that was given.
 *
 *     | the message            | mac1 | mac2 |        mac1 = MAC(hash(label, receiver's key), message)
 *                                                    mac2 = MAC(cookie, message and mac1), or zeros
 *
 * Read first: the paper, §5.3, §5.4.4, §5.4.7; draft-irtf-cfrg-xchacha §2.2.
 */
#include "stack/wireguard/private.h"

static const char mac1_label[] = "mac1----", cookie_label[] = "cookie--";

#define LABEL_LEN 8

static bool labelled(const struct wg_device *w, const char *label, const struct wg_key *key, uint8_t ret[BLAKE2S_LEN])
{
	uint8_t data[LABEL_LEN + WG_KEY_OCTETS];

	memcpy(data, label, LABEL_LEN);
	memcpy(data + LABEL_LEN, key->b, sizeof key->b);
	return w->crypto->blake2s(ret, BLAKE2S_LEN, (struct octets){NULL, 0}, (struct octets){data, sizeof data});
}

bool wg_cookie_keys(const struct wg_device *w, const struct wg_key *key, uint8_t mac1_key[BLAKE2S_LEN], uint8_t cookie_key[BLAKE2S_LEN])
{
	return labelled(w, mac1_label, key, mac1_key) && labelled(w, cookie_label, key, cookie_key);
}

static bool mac_of(const struct wg_device *w, uint8_t ret[WG_MAC_LEN], struct octets key, const void *data, size_t len)
{
	return w->crypto->blake2s(ret, WG_MAC_LEN, key, (struct octets){data, len});
}

/* ---- on what we send ---- */

bool wg_macs_put(struct wg_peer *peer, void *message, size_t len)
{
	const struct wg_device *w = peer->device;
	struct wg_cookie *c = &peer->cookie;
	struct wg_macs macs = {0};
	size_t before = len - sizeof macs;
	uint8_t *at = (uint8_t *)message + before;

	if (!mac_of(w, macs.mac1, (struct octets){c->mac1_key, sizeof c->mac1_key}, message, before)) return false;
	memcpy(at, &macs, sizeof macs);
	memcpy(c->mac1, macs.mac1, sizeof c->mac1);
	c->awaited = true;
	if (c->until <= wg_stack(w)->now) return true;
	if (!mac_of(w, macs.mac2, (struct octets){c->cookie, sizeof c->cookie}, message, before + WG_MAC_LEN)) return false;
	memcpy(at, &macs, sizeof macs);
	return true;
}

/* ---- on what we get ---- */

static void secret_renew(struct wg_device *w)
{
	struct stack *s = wg_stack(w);

	if (w->cookie_until > s->now) return;
	s->ops->random(s->host, w->cookie_secret, sizeof w->cookie_secret);
	w->cookie_until = s->now + COOKIE_SECRET_AGE;
}

/* The cookie of who sent p. */
static bool cookie_of(struct wg_device *w, const struct packet *p, uint16_t sport, uint8_t ret[WG_MAC_LEN])
{
	uint8_t from[sizeof p->src + 2];

	memcpy(from, p->src.b, sizeof p->src);
	write16(from + sizeof p->src, sport);
	secret_renew(w);
	return mac_of(w, ret, (struct octets){w->cookie_secret, sizeof w->cookie_secret}, from, sizeof from);
}

enum wg_mac wg_macs_check(struct wg_device *w, const struct packet *p, uint16_t sport, bool both)
{
	size_t before = p->len - sizeof(struct wg_macs);
	uint8_t mac[WG_MAC_LEN], cookie[WG_MAC_LEN];
	struct wg_macs macs;

	memcpy(&macs, p->data + before, sizeof macs);
	if (!w->has_key || !mac_of(w, mac, (struct octets){w->mac1_key, sizeof w->mac1_key}, p->data, before)) return WG_MAC_WRONG;
	if (!secret_equal(mac, macs.mac1, sizeof mac)) return WG_MAC_WRONG;
	if (!both || !cookie_of(w, p, sport, cookie)) return WG_MAC_ONE;
	if (!mac_of(w, mac, (struct octets){cookie, sizeof cookie}, p->data, before + WG_MAC_LEN)) return WG_MAC_ONE;
	return secret_equal(mac, macs.mac2, sizeof mac) ? WG_MAC_BOTH : WG_MAC_ONE;
}

/* ---- XChaCha20-Poly1305: the nonce's first part makes a key, by HChaCha20, which OpenSSL does not have ---- */

static uint32_t turn(uint32_t v, int n) { return v << n | v >> (32 - n); }

static void quarter(uint32_t x[16], int a, int b, int c, int d)
{
	x[a] += x[b], x[d] = turn(x[d] ^ x[a], 16);
	x[c] += x[d], x[b] = turn(x[b] ^ x[c], 12);
	x[a] += x[b], x[d] = turn(x[d] ^ x[a], 8);
	x[c] += x[d], x[b] = turn(x[b] ^ x[c], 7);
}

static uint32_t word(const uint8_t *at) { return le32_get((le32){{at[0], at[1], at[2], at[3]}}); }

void wg_hchacha20(uint8_t ret[32], const uint8_t key[32], const uint8_t nonce[16])
{
	uint32_t x[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

	for (int i = 0; i < 8; i++) x[4 + i] = word(key + 4 * i);
	for (int i = 0; i < 4; i++) x[12 + i] = word(nonce + 4 * i);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 4; i++) quarter(x, i, 4 + i, 8 + i, 12 + i);
		for (int i = 0; i < 4; i++) quarter(x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
	}
	for (int i = 0; i < 8; i++) {
		le32 v = le32_of(x[i < 4 ? i : i + 8]);
		memcpy(ret + 4 * i, v.b, sizeof v.b);
	}
	secret_wipe(x, sizeof x);
}

static void split(const uint8_t nonce[WG_COOKIE_NONCE_LEN], const uint8_t key[SEAL_KEY_LEN], uint8_t ret_nonce[AEAD_NONCE], uint8_t ret_key[SEAL_KEY_LEN])
{
	wg_hchacha20(ret_key, key, nonce);
	memset(ret_nonce, 0, 4);
	memcpy(ret_nonce + 4, nonce + 16, 8);
}

/* ---- cookie replies ---- */

bool wg_cookie_make(struct wg_device *w, const struct packet *p, uint16_t sport, uint32_t receiver, struct wg_cookie_reply *m)
{
	const uint8_t *mac1 = p->data + p->len - sizeof(struct wg_macs);
	uint8_t cookie[WG_MAC_LEN], nonce[AEAD_NONCE], key[SEAL_KEY_LEN];
	struct stack *s = wg_stack(w);

	m->type = le32_of(WG_COOKIE);
	m->receiver = le32_of(receiver);
	s->ops->random(s->host, m->nonce, sizeof m->nonce);
	split(m->nonce, w->cookie_key, nonce, key);
	if (!cookie_of(w, p, sport, cookie)) return false;
	memcpy(m->cookie, cookie, sizeof cookie);
	return wg_seal_once(w->crypto, key, &(struct aead_text){nonce, mac1, WG_MAC_LEN, m->cookie, WG_MAC_LEN, m->cookie + WG_MAC_LEN});
}

void wg_cookie_take(struct wg_device *w, const struct wg_cookie_reply *m)
{
	struct wg_index *i = wg_index_find(w, le32_get(m->receiver));
	uint8_t cookie[sizeof m->cookie], nonce[AEAD_NONCE], key[SEAL_KEY_LEN];
	struct wg_cookie *c = i ? &i->peer->cookie : NULL;

	if (!c || !c->awaited) return;
	split(m->nonce, c->open_key, nonce, key);
	memcpy(cookie, m->cookie, sizeof cookie);
	if (!wg_open_once(w->crypto, key, &(struct aead_text){nonce, c->mac1, sizeof c->mac1, cookie, WG_MAC_LEN, cookie + WG_MAC_LEN})) return;
	memcpy(c->cookie, cookie, sizeof c->cookie);
	c->until = wg_stack(w)->now + COOKIE_SECRET_AGE - COOKIE_LATENCY;
	c->awaited = false;
}
