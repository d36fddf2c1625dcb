/* Ciphers, from libcrypto: see crypto.c. */
#pragma once
#include "base/aead.h"

const struct aead_ops *crypto_aead(void);          /* NULL: the library is not here */
