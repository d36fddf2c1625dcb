/* Waking those who sleep on a word of the arena, in whichever process. */
#pragma once
#include <stdatomic.h>
#include "base/types.h"

void futex_wake(_Atomic uint32_t *word, int n);
