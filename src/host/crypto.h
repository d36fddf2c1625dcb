/* Ciphers, from libcrypto: see crypto.c. */
#pragma once
#include "base/crypto.h"

const struct crypto *host_crypto(void);            /* NULL: the library is not here */
