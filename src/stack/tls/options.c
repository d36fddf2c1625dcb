/* SOL_TLS: keys, and what is known about them. Read first: Linux's tls.rst, <linux/tls.h>. */
#include "stack/tls/tls.h"
#include <errno.h>
#include "stack/inet/mib.h"

enum way { RX, TX };

static struct tls_keys *keys_of(struct tls *t, enum way way) { return way == TX ? &t->tx.keys : &t->rx.keys; }

static struct mib *mib_of(const struct tls *t) { return conn_stack(t->conn)->mib; }

/* Both ways have the same version and cipher, and so have all keys of one. */
static bool fits(const struct tls_keys *k, const struct tls_crypto_info *info)
{
	return !k->cipher || (k->version == info->version && k->cipher->type == info->cipher_type);
}

static const struct aead_ops *ciphers_of(const struct stack *s)
{
	const struct crypto *c = s->ops->crypto ? s->ops->crypto(s->host) : NULL;

	return c ? &c->aead : NULL;
}

static int set_keys(struct tls *t, enum way way, const void *val, socklen_t len)
{
	struct tls_keys *k = keys_of(t, way);
	struct tls_crypto_info info;

	/* RFC 8446 §4.6.3: only 1.3 has a change of keys. */
	if (k->cipher && k->version != TLS_1_3_VERSION) return -EBUSY;
	memcpy(&info, val, sizeof info);
	if (!fits(k, &info) || !fits(keys_of(t, !way), &info)) return -EINVAL;
	if (!t->aead) t->aead = ciphers_of(conn_stack(t->conn));
	return tls_keys_set(k, t->aead, val, len, way == TX);
}

static int set(struct sock *sk, enum way way, const void *val, socklen_t len)
{
	struct tls *t = tls_of(tcp_of(sk));
	struct mib *mib = mib_of(t);
	bool again = keys_of(t, way)->cipher != NULL;
	int r = len < sizeof(struct tls_crypto_info) ? -EINVAL : 0;

	if (r < 0) return r;
	/* What was written before goes by the old keys. */
	if (way == TX && again) r = tls_flush(t);
	if (r == 0) r = set_keys(t, way, val, len);
	if (again) (r < 0 ? mib->tls.rekey_errors : mib->tls.rekeyed)[way]++;
	if (r < 0) return r;
	if (!again) {
		mib->tls.now[way]++;
		mib->tls.set[way]++;
	}
	if (way == TX) return 0;
	t->rx.rekey = false;
	tls_arrived(t->conn);
	sock_ready(sk);
	return 0;
}

static int get(struct sock *sk, enum way way, void *val, const socklen_t *len)
{
	const struct tls_keys *k = keys_of(tls_of(tcp_of(sk)), way);

	if (*len < sizeof(struct tls_crypto_info)) return -EINVAL;
	if (!k->cipher) return -EBUSY;
	if (*len == sizeof(struct tls_crypto_info)) {
		memcpy(val, k->info, *len);
		return 0;
	}
	if (*len != k->cipher->info_size) return -EINVAL;
	tls_keys_show(k, val);
	return 0;
}

static int set_tx(struct sock *sk, const void *val, socklen_t len) { return set(sk, TX, val, len); }
static int set_rx(struct sock *sk, const void *val, socklen_t len) { return set(sk, RX, val, len); }
static int get_tx(struct sock *sk, void *val, socklen_t *len) { return get(sk, TX, val, len); }
static int get_rx(struct sock *sk, void *val, socklen_t *len) { return get(sk, RX, val, len); }

/* ---- flags ---- */

static int set_zerocopy_ro(struct sock *sk, const void *val, socklen_t len)
{
	uint32_t v;

	if (len != sizeof v) return -EINVAL;
	memcpy(&v, val, sizeof v);
	if (v > 1) return -EINVAL;
	tls_of(tcp_of(sk))->zerocopy_ro = v;
	return 0;
}

static int get_zerocopy_ro(struct sock *sk, void *val, socklen_t *len)
{
	uint32_t v = tls_of(tcp_of(sk))->zerocopy_ro;

	if (*len != sizeof v) return -EINVAL;
	return opt_copy_out(val, len, &v, sizeof v);
}

/* As Linux: octets behind the first four have to be 0. */
static int set_expect_no_pad(struct sock *sk, const void *val, socklen_t len)
{
	struct tls *t = tls_of(tcp_of(sk));
	uint32_t v;

	if (t->rx.keys.version != TLS_1_3_VERSION || len < sizeof v) return -EINVAL;
	memcpy(&v, val, sizeof v);
	for (socklen_t i = sizeof v; i < len; i++)
		if (((const uint8_t *)val)[i]) return -EINVAL;
	if (v > 1) return -EINVAL;
	t->expect_no_pad = v;
	return 0;
}

static int get_expect_no_pad(struct sock *sk, void *val, socklen_t *len)
{
	const struct tls *t = tls_of(tcp_of(sk));
	uint32_t v = t->expect_no_pad;

	if (t->rx.keys.version != TLS_1_3_VERSION || *len < sizeof v) return -EINVAL;
	return opt_copy_out(val, len, &v, sizeof v);
}

#define T(n) .level = SOL_TLS, .name = n, .text = #n, .type = OPT_BLOB, .access = OPT_GET | OPT_SET
#define INFO_LEAST .least = sizeof(struct tls_crypto_info)

const struct sockopt tls_options[] = {
	{T(TLS_TX), INFO_LEAST, .get = get_tx, .set = set_tx, .note = "AES-GCM, AES-CCM, CHACHA20-POLY1305, ARIA-GCM, and SM4 where libcrypto has it"},
	{T(TLS_RX), INFO_LEAST, .get = get_rx, .set = set_rx, .note = "again with 1.3: the next keys"},
	{T(TLS_TX_ZEROCOPY_RO), .get = get_zerocopy_ro, .set = set_zerocopy_ro, .note = "sendfile copies all the same"},
	{T(TLS_RX_EXPECT_NO_PAD), .get = get_expect_no_pad, .set = set_expect_no_pad},
	{.text = NULL},
};
