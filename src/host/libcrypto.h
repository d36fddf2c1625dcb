/* What is used of libcrypto, for crypto.c and aead.c: a pointer to each function, by its name. */
#pragma once
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include "base/crypto.h"

#define LIBCRYPTO_FUNCTIONS \
	X(OPENSSL_init_crypto) \
	X(EVP_CIPHER_fetch) X(EVP_CIPHER_free) X(EVP_CIPHER_get_mode) X(EVP_CIPHER_CTX_new) X(EVP_CIPHER_CTX_free) X(EVP_CIPHER_CTX_ctrl) \
	X(EVP_CipherInit_ex) X(EVP_CipherUpdate) X(EVP_CipherFinal_ex) \
	X(EVP_PKEY_new_raw_private_key) X(EVP_PKEY_new_raw_public_key) X(EVP_PKEY_free) X(EVP_PKEY_CTX_new) X(EVP_PKEY_CTX_free) \
	X(EVP_PKEY_derive_init) X(EVP_PKEY_derive_set_peer) X(EVP_PKEY_derive) \
	X(EVP_MD_fetch) X(EVP_MD_CTX_new) X(EVP_DigestInit_ex2) X(EVP_DigestUpdate) X(EVP_DigestFinal_ex) \
	X(EVP_MAC_fetch) X(EVP_MAC_CTX_new) X(EVP_MAC_init) X(EVP_MAC_update) X(EVP_MAC_final)

#define X(name) typeof(name) *name;
struct libcrypto { LIBCRYPTO_FUNCTIONS };
#undef X
extern struct libcrypto libcrypto;

extern const struct aead_ops libcrypto_aead;       /* aead.c */
