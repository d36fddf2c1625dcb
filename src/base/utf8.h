/* Characters of UTF-8. */
#pragma once
#include "types.h"

/* How many octets the character at text has; 0: there is none (RFC 3629 §4). The octets up to the NUL are looked at, and no more. */
size_t utf8_character(const char *text);
