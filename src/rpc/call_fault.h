/*
 * Faults of calls, in words: what happens to which calls, and when.
 *
 *     CALL[,CALL…] ACTION [CONDITION…]
 *
 *     CALL        socket bind listen connect accept send recv, or all. send and recv are all calls that do that, write and readv as well
 *     ACTION      errno NAME      the call fails
 *                 short OCTETS    a stream's send or recv moves that many at most
 *                 delay TIME      the call takes so much longer
 *                 reset           the connection is reset
 *     CONDITION   p PERCENT, first N, every N     of the calls that all else is true for; after OCTETS: once the connection has moved so many, which
 *                 send and recv count exactly; port N: of either end
 */
#pragma once
#include "base/types.h"

enum fault_call { FAULT_SOCKET, FAULT_BIND, FAULT_LISTEN, FAULT_CONNECT, FAULT_ACCEPT, FAULT_SEND, FAULT_RECV, FAULT_CALLS };
#define FAULT_BIT(call) (1u << (call))

enum fault_action { FAULT_NONE, FAULT_ERRNO, FAULT_SHORT, FAULT_DELAY, FAULT_RESET };
struct call_fault {
	uint32_t calls;                         /* FAULT_BIT(…) */
	enum fault_action action;
	int err;
	uint64_t octets;                        /* FAULT_SHORT */
	time_ns delay_ns;
	double p;                               /* 0..1 */
	uint64_t first, every;                  /* 0: no such condition */
	uint64_t after;
	bool has_after;
	uint16_t port;                          /* 0: any */
};

/* 0 or -EINVAL: then *ret_err_word is the word that is wrong, or n_words when something is missing. */
int call_fault_parse(struct call_fault *ret, size_t n_words, char *const *words, size_t *ret_err_word);
