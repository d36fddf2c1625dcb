/*
 * Path MTUs that "too big" messages taught: per destination, forgotten after ten minutes (Linux's mtu_expires), so that a larger
 * path is found again. Read first: RFC 1191 §6, RFC 8201 §4.
 */
#pragma once
#include "stack/core/stack.h"
#include "wire/wire.h"

/* IPv4 has net.ipv4.route.min_pmtu for it, 552 at first; RFC 1191 would allow 68, which a forger would love. */
#define PMTU_MIN6 IP6_MTU_LEAST            /* RFC 8201 §4: nothing below is believed */

uint32_t pmtu_find(struct stack *s, const struct addr *dst);      /* 0: nothing learnt */
/* The path is narrower than we believe: routers have to cut, as Linux has it, or nothing would pass (IPv4). */
bool pmtu_is_locked(struct stack *s, const struct addr *dst);
