/*
 * Authenticated encryption by libcrypto (OpenSSL 3). The library is loaded when the first key is set, since loading it takes as long as all the rest of
 * a program's start. Its configuration file is left alone: what a host does is not to depend on it.
 *
 * Read first: EVP_EncryptInit(3ssl).
 */
#include "host/crypto.h"
#include <dlfcn.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define FUNCTIONS \
	X(OPENSSL_init_crypto) X(EVP_CIPHER_fetch) X(EVP_CIPHER_free) X(EVP_CIPHER_get_mode) X(EVP_CIPHER_CTX_new) X(EVP_CIPHER_CTX_free) \
	X(EVP_CIPHER_CTX_ctrl) X(EVP_CipherInit_ex) X(EVP_CipherUpdate) X(EVP_CipherFinal_ex)

#define X(name) typeof(name) *name;
static struct { void *library; FUNCTIONS } evp;
#undef X

struct aead {
	EVP_CIPHER_CTX *context;
	bool whole;            /* CCM: the length comes first, and the data in one piece */
};

static bool evp_load(void)
{
	static const struct { const char *name; size_t at; } functions[] = {
#define X(name) {#name, (size_t)((char *)&evp.name - (char *)&evp)},
		FUNCTIONS
#undef X
	};

	if (evp.library) return true;
	evp.library = dlopen("libcrypto.so.3", RTLD_NOW);
	for (size_t i = 0; evp.library && i < ARRAY_SIZE(functions); i++) {
		void *function = dlsym(evp.library, functions[i].name);
		memcpy((char *)&evp + functions[i].at, &function, sizeof function);
		if (function) continue;
		dlclose(evp.library);
		evp.library = NULL;
	}
	if (evp.library) evp.OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
	return evp.library != NULL;
}

static void aead_free(struct aead *a)
{
	if (!a) return;
	evp.EVP_CIPHER_CTX_free(a->context);
	free(a);
}

static bool key_set(struct aead *a, const EVP_CIPHER *cipher, const uint8_t *key, bool seals)
{
	a->context = evp.EVP_CIPHER_CTX_new();
	if (!a->context || !evp.EVP_CipherInit_ex(a->context, cipher, NULL, NULL, NULL, seals)) return false;
	a->whole = evp.EVP_CIPHER_get_mode(cipher) == EVP_CIPH_CCM_MODE;
	if (evp.EVP_CIPHER_CTX_ctrl(a->context, EVP_CTRL_AEAD_SET_IVLEN, AEAD_NONCE, NULL) <= 0) return false;
	if (a->whole && evp.EVP_CIPHER_CTX_ctrl(a->context, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG, NULL) <= 0) return false;
	return evp.EVP_CipherInit_ex(a->context, NULL, NULL, key, NULL, seals) > 0;
}

static int aead_new(const char *name, const uint8_t *key, bool seals, struct aead **ret)
{
	EVP_CIPHER *cipher = evp.EVP_CIPHER_fetch(NULL, name, NULL);
	struct aead *a = cipher ? calloc(1, sizeof *a) : NULL;
	int r = !cipher ? -ENOENT : a && key_set(a, cipher, key, seals) ? 0 : -ENOMEM;

	evp.EVP_CIPHER_free(cipher);
	if (r == 0) *ret = a;
	else aead_free(a);
	return r;
}

/* All but the tag. */
static bool run(struct aead *a, const struct aead_text *t, bool seals)
{
	int n, len = (int)t->len;

	if (evp.EVP_CipherInit_ex(a->context, NULL, NULL, NULL, t->nonce, seals) <= 0) return false;
	if (!seals && evp.EVP_CIPHER_CTX_ctrl(a->context, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG, t->tag) <= 0) return false;
	if (a->whole && evp.EVP_CipherUpdate(a->context, NULL, &n, NULL, len) <= 0) return false;
	if (evp.EVP_CipherUpdate(a->context, NULL, &n, t->aad, (int)t->aad_len) <= 0) return false;
	if ((len || a->whole) && evp.EVP_CipherUpdate(a->context, t->data, &n, t->data, len) <= 0) return false;
	/* CCM has compared the tag by now, and has no end of its own when it opens. */
	return (a->whole && !seals) || evp.EVP_CipherFinal_ex(a->context, t->data + len, &n) > 0;
}

static bool aead_seal(struct aead *a, const struct aead_text *t)
{
	return run(a, t, true) && evp.EVP_CIPHER_CTX_ctrl(a->context, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG, t->tag) > 0;
}

static bool aead_open(struct aead *a, const struct aead_text *t) { return run(a, t, false); }

const struct aead_ops *crypto_aead(void)
{
	static const struct aead_ops ops = {.new = aead_new, .free = aead_free, .seal = aead_seal, .open = aead_open};

	return evp_load() ? &ops : NULL;
}
