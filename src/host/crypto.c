/*
 * Cryptography by libcrypto (OpenSSL 3), which has all that protocols here ask for but HChaCha20; libsodium has that, and no BLAKE2s. The library is loaded
 * when the first key is set, since loading it takes as long as all the rest of a program's start. Its configuration file is left alone: what a host does is
 * not to depend on it.
 *
 * Of hashes each has one context, which every call sets anew: a call allocates next to nothing. Authenticated encryption is aead.c's.
 */
#include "host/crypto.h"
#include <dlfcn.h>
#include <openssl/core.h>
#include <openssl/core_names.h>
#include "host/libcrypto.h"

struct libcrypto libcrypto;

static struct { EVP_MD *blake2s, *sha256; EVP_MD_CTX *digest; EVP_MAC_CTX *blake2s_mac, *hmac; } made;

/* ---- X25519 ---- */

static bool derive(EVP_PKEY *own, EVP_PKEY *peer, uint8_t *ret)
{
	EVP_PKEY_CTX *c = own && peer ? libcrypto.EVP_PKEY_CTX_new(own, NULL) : NULL;
	size_t len = X25519_LEN;
	bool ok = c && libcrypto.EVP_PKEY_derive_init(c) > 0 && libcrypto.EVP_PKEY_derive_set_peer(c, peer) > 0 && libcrypto.EVP_PKEY_derive(c, ret, &len) > 0;

	libcrypto.EVP_PKEY_CTX_free(c);
	return ok;
}

static bool x25519(uint8_t ret[X25519_LEN], const uint8_t secret[X25519_LEN], const uint8_t point[X25519_LEN])
{
	EVP_PKEY *own = libcrypto.EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, X25519_LEN);
	EVP_PKEY *peer = libcrypto.EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, point, X25519_LEN);
	bool ok = derive(own, peer, ret);

	libcrypto.EVP_PKEY_free(own);
	libcrypto.EVP_PKEY_free(peer);
	return ok;
}

/* ---- hashes ---- */

static bool digest(uint8_t *ret, const EVP_MD *of, struct octets data)
{
	return libcrypto.EVP_DigestInit_ex2(made.digest, of, NULL) > 0 && libcrypto.EVP_DigestUpdate(made.digest, data.at, data.len) > 0 &&
	       libcrypto.EVP_DigestFinal_ex(made.digest, ret, NULL) > 0;
}

static bool mac(EVP_MAC_CTX *by, uint8_t *ret, size_t ret_len, struct octets key, struct octets data, const OSSL_PARAM *params)
{
	static const uint8_t none[1];
	size_t n;

	return libcrypto.EVP_MAC_init(by, key.len ? key.at : none, key.len, params) > 0 && libcrypto.EVP_MAC_update(by, data.at, data.len) > 0 &&
	       libcrypto.EVP_MAC_final(by, ret, &n, ret_len) > 0;
}

/* Without a key OpenSSL has it as a digest, of 32 octets only; with one as a MAC. */
static bool blake2s(uint8_t *ret, size_t ret_len, struct octets key, struct octets data)
{
	OSSL_PARAM params[] = {{.key = OSSL_MAC_PARAM_SIZE, .data_type = OSSL_PARAM_UNSIGNED_INTEGER, .data = &ret_len, .data_size = sizeof ret_len}, {0}};

	if (!key.len) return ret_len == BLAKE2S_LEN && digest(ret, made.blake2s, data);
	return mac(made.blake2s_mac, ret, ret_len, key, data, params);
}

static bool sha256(uint8_t ret[SHA256_LEN], struct octets data) { return digest(ret, made.sha256, data); }

static bool hmac(char *name, uint8_t *ret, size_t ret_len, struct octets key, struct octets data)
{
	const OSSL_PARAM params[] = {{.key = OSSL_MAC_PARAM_DIGEST, .data_type = OSSL_PARAM_UTF8_STRING, .data = name, .data_size = strlen(name)}, {0}};

	return mac(made.hmac, ret, ret_len, key, data, params);
}

static bool hmac_sha1(uint8_t ret[SHA1_LEN], struct octets key, struct octets data) { return hmac((char[]){"SHA1"}, ret, SHA1_LEN, key, data); }
static bool hmac_sha256(uint8_t ret[SHA256_LEN], struct octets key, struct octets data) { return hmac((char[]){"SHA256"}, ret, SHA256_LEN, key, data); }

/* ---- loading ---- */

static bool functions_find(void *library)
{
	static const struct { const char *name; size_t at; } functions[] = {
#define X(name) {#name, offsetof(struct libcrypto, name)},
		LIBCRYPTO_FUNCTIONS
#undef X
	};

	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		void *function = dlsym(library, functions[i].name);
		memcpy((char *)&libcrypto + functions[i].at, &function, sizeof function);
		if (!function) return false;
	}
	return true;
}

static bool contexts_make(void)
{
	EVP_MAC *blake2s_mac = libcrypto.EVP_MAC_fetch(NULL, "BLAKE2SMAC", NULL), *hmac = libcrypto.EVP_MAC_fetch(NULL, "HMAC", NULL);

	made.blake2s = libcrypto.EVP_MD_fetch(NULL, "BLAKE2S-256", NULL);
	made.sha256 = libcrypto.EVP_MD_fetch(NULL, "SHA256", NULL);
	made.digest = libcrypto.EVP_MD_CTX_new();
	made.blake2s_mac = blake2s_mac ? libcrypto.EVP_MAC_CTX_new(blake2s_mac) : NULL;
	made.hmac = hmac ? libcrypto.EVP_MAC_CTX_new(hmac) : NULL;
	return made.blake2s && made.sha256 && made.digest && made.blake2s_mac && made.hmac;
}

static bool load(void)
{
	void *library = dlopen("libcrypto.so.3", RTLD_NOW);

	return library && functions_find(library) && libcrypto.OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) > 0 &&
	       contexts_make();
}

const struct crypto *host_crypto(void)
{
	static enum { UNTRIED, THERE, MISSING } state;
	static struct crypto crypto = {.x25519 = x25519, .blake2s = blake2s, .sha256 = sha256, .hmac_sha1 = hmac_sha1,
				       .hmac_sha256 = hmac_sha256};

	if (state == UNTRIED) {
		state = load() ? THERE : MISSING;
		crypto.aead = libcrypto_aead;
	}
	return state == THERE ? &crypto : NULL;
}
