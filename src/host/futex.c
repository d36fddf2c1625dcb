/* Waking sleepers. */
#include "host/futex.h"
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

void futex_wake(_Atomic uint32_t *word, int n) { syscall(SYS_futex, word, FUTEX_WAKE, n, NULL, NULL, 0); }
