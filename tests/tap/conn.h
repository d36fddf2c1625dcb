/* A connection of a service: what services.c and iperf.c share. */
#pragma once
#include <errno.h>
#include "tap.h"

#define CHUNK 16384

struct conn;
typedef bool step(struct tap *t, struct conn *c);      /* false: the connection is over for us, and is closed */

struct conn {
	struct list node;
	struct sock *sk;
	step *step;
	int phase;
	uint64_t in, out, want, sum;
	bool eof, told;
	char word[32]; size_t word_len;
	uint8_t buf[CHUNK]; size_t len;
};

ssize_t conn_take(struct conn *c, void *buf, size_t len);
ssize_t conn_give(struct conn *c, const void *buf, size_t len);
static inline bool conn_is_lost(ssize_t n) { return n < 0 && n != -EAGAIN; }
step iperf_step;
