/* MD5 (RFC 1321): good for nothing but protocols that ask for it, such as TCP's signature option (RFC 2385). */
#pragma once
#include "base/types.h"

#define MD5_LEN 16
struct md5 { uint32_t state[4]; uint64_t len; uint8_t block[64]; };
void md5_begin(struct md5 *m);
void md5_add(struct md5 *m, const void *data, size_t len);
void md5_end(struct md5 *m, uint8_t ret[MD5_LEN]);
