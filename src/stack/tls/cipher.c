/*
 * Keys, and one record in memory. What stands before and behind the text depends on the version and the cipher:
 *
 *     1.2   | type 3.3 length | nonce, 8 | text ................ | tag |     CHACHA20-POLY1305 sends no nonce
 *     1.3   | 23   3.3 length |          | text | type | zeros   | tag |     we pad with nothing
 *
 * RFC 5288 §3, RFC 6655 §3: the nonce is salt and iv, where the iv goes with the record and, as on Linux, counts up. RFC 8446 §5.3, RFC 7905 §2: it is
 * salt and iv, with the record's number added by xor.
 */
#include "stack/tls/tls.h"
#include <errno.h>
#include "base/secret.h"

#define ROW(name, version, type, text, ...) {TLS_CIPHER_##type, sizeof(struct tls12_crypto_info_##name), text, TLS_CIPHER_##type##_IV_SIZE, \
	TLS_CIPHER_##type##_KEY_SIZE, TLS_CIPHER_##type##_SALT_SIZE, version}
#define BOTH false
#define ONLY_1_2 true
static const struct tls_cipher ciphers[] = {
	ROW(aes_gcm_128, BOTH, AES_GCM_128, "AES-128-GCM"),
	ROW(aes_gcm_256, BOTH, AES_GCM_256, "AES-256-GCM"),
	ROW(aes_ccm_128, BOTH, AES_CCM_128, "AES-128-CCM"),
	ROW(chacha20_poly1305, BOTH, CHACHA20_POLY1305, "ChaCha20-Poly1305"),
	ROW(sm4_gcm, BOTH, SM4_GCM, "SM4-GCM"),
	ROW(sm4_ccm, BOTH, SM4_CCM, "SM4-CCM"),
	ROW(aria_gcm_128, ONLY_1_2, ARIA_GCM_128, "ARIA-128-GCM"),
	ROW(aria_gcm_256, ONLY_1_2, ARIA_GCM_256, "ARIA-256-GCM"),
};

static const struct tls_cipher *cipher_find(uint16_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(ciphers); i++)
		if (ciphers[i].type == type) return &ciphers[i];
	return NULL;
}

/* ---- keys ---- */

static bool is_1_3(const struct tls_keys *k) { return k->version == TLS_1_3_VERSION; }

int tls_keys_set(struct tls_keys *k, const struct aead_ops *ops, const void *info, socklen_t len, bool seals)
{
	struct tls_keys new = {0};
	struct tls_crypto_info head;
	const uint8_t *at = new.info + sizeof head;
	int r;

	memcpy(&head, info, sizeof head);
	new.cipher = cipher_find(head.cipher_type);
	new.version = head.version;
	if (head.version != TLS_1_2_VERSION && !is_1_3(&new)) return -EINVAL;
	if (!new.cipher || (new.cipher->only_1_2 && is_1_3(&new)) || len != new.cipher->info_size) return -EINVAL;
	if (!ops) return -ENOENT;
	memcpy(new.info, info, len);
	memcpy(new.nonce + new.cipher->salt, at, new.cipher->iv);
	at += new.cipher->iv;
	r = ops->new(new.cipher->name, at, seals, &new.aead);
	at += new.cipher->key;
	memcpy(new.nonce, at, new.cipher->salt);
	memcpy(new.seq, at + new.cipher->salt, sizeof new.seq);
	if (r == 0) {
		tls_keys_clear(k, ops);
		*k = new;
	}
	secret_wipe(&new, sizeof new);
	return r;
}

void tls_keys_show(const struct tls_keys *k, void *info)
{
	uint8_t *at = (uint8_t *)info + sizeof(struct tls_crypto_info);

	memcpy(info, k->info, k->cipher->info_size);
	memcpy(at, k->nonce + k->cipher->salt, k->cipher->iv);
	memcpy(at + k->cipher->iv + k->cipher->key + k->cipher->salt, k->seq, sizeof k->seq);
}

void tls_keys_clear(struct tls_keys *k, const struct aead_ops *ops)
{
	if (k->aead) ops->free(k->aead);
	secret_wipe(k, sizeof *k);
}

/* ---- what surrounds the text ---- */

/* The iv goes with the record. */
static bool sends_nonce(const struct tls_keys *k) { return !is_1_3(k) && k->cipher->salt > 0; }

size_t tls_before(const struct tls_keys *k) { return TLS_HEADER + (sends_nonce(k) ? k->cipher->iv : 0); }

size_t tls_behind(const struct tls_keys *k) { return AEAD_TAG + (is_1_3(k) ? 1 : 0); }

ssize_t tls_record_size(const struct tls_keys *k, const uint8_t *header)
{
	size_t len = read16(header + 3), least = tls_before(k) - TLS_HEADER + AEAD_TAG;

	if (len > TLS_TEXT_MAX + least + is_1_3(k)) return -EMSGSIZE;
	if (len < least) return -EBADMSG;
	/* RFC 8446 §5.1: of 1.3, too, it is what 1.2 had. */
	if (read16(header + 1) != TLS_1_2_VERSION) return -EINVAL;
	return (ssize_t)(TLS_HEADER + len);
}

/* false: it has come round. */
static bool count_up(uint8_t *number, size_t size)
{
	while (size > 0)
		if (++number[--size]) return true;
	return false;
}

static void next_number(struct tls_keys *k)
{
	k->spent = !count_up(k->seq, sizeof k->seq);
	if (sends_nonce(k)) count_up(k->nonce + k->cipher->salt, k->cipher->iv);
}

static void nonce_of(const struct tls_keys *k, const uint8_t *record, uint8_t ret[AEAD_NONCE])
{
	memcpy(ret, k->nonce, AEAD_NONCE);
	if (sends_nonce(k))
		memcpy(ret + k->cipher->salt, record + TLS_HEADER, k->cipher->iv);
	else
		for (size_t i = 0; i < sizeof k->seq; i++) ret[AEAD_NONCE - sizeof k->seq + i] ^= k->seq[i];
}

#define AAD_MAX 13

/* RFC 8446 §5.2: the header. RFC 5246 §6.2.3.3: the number, and a header with the length of the text. */
static size_t aad_of(const struct tls_keys *k, const uint8_t *record, size_t len, uint8_t ret[AAD_MAX])
{
	if (is_1_3(k)) {
		memcpy(ret, record, TLS_HEADER);
		return TLS_HEADER;
	}
	memcpy(ret, k->seq, sizeof k->seq);
	memcpy(ret + sizeof k->seq, record, 3);
	write16(ret + sizeof k->seq + 3, (uint16_t)len);
	return AAD_MAX;
}

/* ---- records ---- */

int tls_seal(struct tls_keys *k, const struct aead_ops *ops, uint8_t type, uint8_t *record, size_t len)
{
	size_t before = tls_before(k), inside = len + (is_1_3(k) ? 1 : 0);
	uint8_t nonce[AEAD_NONCE], aad[AAD_MAX];
	struct aead_text t = {.nonce = nonce, .aad = aad, .data = record + before, .len = inside, .tag = record + before + inside};

	if (k->spent) return -EBADMSG;
	record[0] = is_1_3(k) ? TLS_DATA : type;
	write16(record + 1, TLS_1_2_VERSION);
	write16(record + 3, (uint16_t)(before - TLS_HEADER + inside + AEAD_TAG));
	if (is_1_3(k)) record[before + len] = type;
	if (sends_nonce(k)) memcpy(record + TLS_HEADER, k->nonce + k->cipher->salt, k->cipher->iv);
	nonce_of(k, record, nonce);
	t.aad_len = aad_of(k, record, inside, aad);
	if (!ops->seal(k->aead, &t)) return -EBADMSG;
	next_number(k);
	/* As Linux: the record that would use the last number is not sent. */
	return k->spent ? -EBADMSG : 0;
}

/* RFC 8446 §5.4: zeros behind the type. Nothing but zeros is no record. */
static bool unpad(struct tls_text *text)
{
	size_t whole = text->len;

	while (text->len && !text->at[text->len - 1])
		text->len--;
	if (!text->len) return false;
	text->padded = text->len < whole;
	text->type = text->at[--text->len];
	return true;
}

int tls_open(struct tls_keys *k, const struct aead_ops *ops, uint8_t *record, size_t size, struct tls_text *ret)
{
	size_t before = tls_before(k), inside = size - before - AEAD_TAG;
	uint8_t nonce[AEAD_NONCE], aad[AAD_MAX];
	struct aead_text t = {.nonce = nonce, .aad = aad, .data = record + before, .len = inside, .tag = record + before + inside};
	struct tls_text text = {.type = record[0], .at = record + before, .len = inside};

	nonce_of(k, record, nonce);
	t.aad_len = aad_of(k, record, inside, aad);
	if (k->spent || !ops->open(k->aead, &t) || (is_1_3(k) && !unpad(&text))) return -EBADMSG;
	next_number(k);
	*ret = text;
	return 0;
}
