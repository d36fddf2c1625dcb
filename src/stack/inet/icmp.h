/*
 * ICMP of both families, towards the rest of IP: problems are named once, a table turns them into type and code.
 *
 * Read first: RFC 792, RFC 1122 §3.2.2, RFC 4443.
 */
#pragma once
#include "stack/inet/ip.h"

enum icmp_problem {
	ICMP_PROBLEM_NET,               /* no route */
	ICMP_PROBLEM_HOST,              /* the neighbour does not answer */
	ICMP_PROBLEM_ADMIN,             /* a prohibit route */
	ICMP_PROBLEM_SCOPE,             /* IPv6: link-local source, destination beyond the link */
	ICMP_PROBLEM_PORT,
	ICMP_PROBLEM_PROTO,             /* IPv6: rest = pointer to the next-header octet */
	ICMP_PROBLEM_TOO_BIG,           /* rest = MTU */
	ICMP_PROBLEM_TTL,
	ICMP_PROBLEM_REASSEMBLY,
	ICMP_PROBLEM_HEADER,            /* rest = pointer */
	ICMP_PROBLEM_OPTION,            /* rest = pointer; answers multicast too (IPv6) */
	ICMP_PROBLEM_OPTION_UNICAST,    /* the same, not to multicast */
	ICMP_PROBLEM_CHAIN,             /* IPv6: first fragment without the whole header chain */
	ICMP_PROBLEM_REDIRECT,          /* IPv4: no problem, but there is a better first hop; rest = it */
};
/* Complains to p's source, where the rules let it (icmp_error.c); p stays the caller's, its net_off set. rest: MTU or pointer, else 0. */
void icmp_complain(struct stack *s, struct packet *p, enum icmp_problem problem, uint32_t rest);

/* May a message that nobody asked for go to dst now, if one an interval is enough, and six at once? */
bool icmp_within_rate(struct stack *s, const struct addr *dst, time_ns interval);

/* Answers p (data = the ICMP message) with its body under another type, to where it came from. p stays the caller's. */
void icmp_answer_echo(struct stack *s, const struct packet *p, uint8_t reply_type);

/* Reads the datagram quoted by an error (icmp_quote.c) into src, dst, proto, quote. False when it is not one that we can have sent. */
bool icmp_quote_parse(const struct stack *s, const uint8_t *quote, size_t len, bool v4, struct ip_error *ret);
/* Hands the error to the protocol that it is about; e as icmp_quote_parse left it, and the rest filled in. */
void icmp_quote_deliver(struct stack *s, const struct ip_error *e);
/* Takes an error, p: what its type and code mean translate fills in, unless they mean nothing. */
void icmp_error_receive(struct stack *s, struct packet *p, const struct icmp_hdr *h, bool v4, bool (*translate)(const struct icmp_hdr *h, struct ip_error *e));

/* Who was complained to lately: a token bucket for each hash of a destination. */
struct icmp_limits { struct { time_ns when; int64_t credit_ns; } bucket[256]; };
