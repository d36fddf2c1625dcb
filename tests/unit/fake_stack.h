/*
 * A stack that only remembers: what arrived, when and where. It stands in for src/stack in the tests of src/link, so that
 * those say something about links alone.
 */
#pragma once
#include "stack/core/netif.h"
#include "stack/core/stack.h"

#define SEEN_MAX 4096
struct seen { time_ns when; const struct netif *nif; uint32_t len; uint8_t octets[64]; };

struct inet {                                /* the fake's own, in the place of the real one */
	struct seen seen[SEEN_MAX];
	size_t n_seen;
	time_ns deadline;                    /* what stack_deadline says */
	unsigned fired;                      /* calls of stack_advance */
	time_ns fired_at;
	void (*on_receive)(struct stack *, struct netif *, const struct packet *);   /* NULL: nothing more */
};

struct netif_addr *fake_addr_add(struct netif *nif, const char *text);
/* An Ethernet frame between two stations, len octets in all, with a 16-bit mark as payload. */
struct packet *fake_frame(const struct mac *dst, const struct mac *src, size_t len, uint16_t mark);
uint16_t fake_mark(const struct seen *s);
