/* Authenticated encryption by libcrypto. Read first: EVP_EncryptInit(3ssl). */
#include <errno.h>
#include <stdlib.h>
#include "host/libcrypto.h"

struct aead {
	EVP_CIPHER_CTX *context;
	bool whole;            /* CCM: the length comes first, and the data in one piece */
};

static void aead_free(struct aead *a)
{
	if (!a) return;
	libcrypto.EVP_CIPHER_CTX_free(a->context);
	free(a);
}

static bool key_set(struct aead *a, const EVP_CIPHER *cipher, const uint8_t *key, bool seals)
{
	a->context = libcrypto.EVP_CIPHER_CTX_new();
	if (!a->context || !libcrypto.EVP_CipherInit_ex(a->context, cipher, NULL, NULL, NULL, seals)) return false;
	a->whole = libcrypto.EVP_CIPHER_get_mode(cipher) == EVP_CIPH_CCM_MODE;
	if (libcrypto.EVP_CIPHER_CTX_ctrl(a->context, EVP_CTRL_AEAD_SET_IVLEN, AEAD_NONCE, NULL) <= 0) return false;
	if (a->whole && libcrypto.EVP_CIPHER_CTX_ctrl(a->context, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG, NULL) <= 0) return false;
	return libcrypto.EVP_CipherInit_ex(a->context, NULL, NULL, key, NULL, seals) > 0;
}

static int aead_new(const char *name, const uint8_t *key, bool seals, struct aead **ret)
{
	EVP_CIPHER *cipher = libcrypto.EVP_CIPHER_fetch(NULL, name, NULL);
	struct aead *a = cipher ? calloc(1, sizeof *a) : NULL;
	int r = !cipher ? -ENOENT : a && key_set(a, cipher, key, seals) ? 0 : -ENOMEM;

	libcrypto.EVP_CIPHER_free(cipher);
	if (r == 0) *ret = a;
	else aead_free(a);
	return r;
}

/* All but the tag. */
static bool run(struct aead *a, const struct aead_text *t, bool seals)
{
	int n, len = (int)t->len;

	if (libcrypto.EVP_CipherInit_ex(a->context, NULL, NULL, NULL, t->nonce, seals) <= 0) return false;
	if (!seals && libcrypto.EVP_CIPHER_CTX_ctrl(a->context, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG, t->tag) <= 0) return false;
	if (a->whole && libcrypto.EVP_CipherUpdate(a->context, NULL, &n, NULL, len) <= 0) return false;
	if (t->aad_len && libcrypto.EVP_CipherUpdate(a->context, NULL, &n, t->aad, (int)t->aad_len) <= 0) return false;
	if ((len || a->whole) && libcrypto.EVP_CipherUpdate(a->context, t->data, &n, t->data, len) <= 0) return false;
	/* CCM has compared the tag by now, and has no end of its own when it opens. */
	return (a->whole && !seals) || libcrypto.EVP_CipherFinal_ex(a->context, t->data + len, &n) > 0;
}

static bool aead_seal(struct aead *a, const struct aead_text *t)
{
	return run(a, t, true) && libcrypto.EVP_CIPHER_CTX_ctrl(a->context, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG, t->tag) > 0;
}

static bool aead_open(struct aead *a, const struct aead_text *t) { return run(a, t, false); }

const struct aead_ops libcrypto_aead = {.new = aead_new, .free = aead_free, .seal = aead_seal, .open = aead_open};
