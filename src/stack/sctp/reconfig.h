/*
 * Stream reconfiguration (RFC 6525): streams whose numbers begin anew, more streams, and all of it for a whole association. One packet of requests
 * is on its way at a time, at most; it is repeated until each of them is answered. The peer's are numbered, and the last two answers kept for who asks again.
 *
 *     reconfig.c   what the program asks for: requests, their timer, and their end
 *     reconfig_in.c   what the peer asks for, and its answers
 */
#pragma once
#include "stack/inet/inet.h"
#include "wire/wire.h"

#define RECONFIG_KEPT 2u               /* answers */
#define RECONFIG_OUT_FIXED 12u         /* of parameters, before the list of streams: request, response, TSN */
#define RECONFIG_IN_FIXED 4u

enum reconfig_result { RECONFIG_NOTHING, RECONFIG_PERFORMED, RECONFIG_DENIED, RECONFIG_WRONG_STREAM, RECONFIG_BUSY, RECONFIG_BAD_NUMBER, RECONFIG_IN_PROGRESS };

struct reconfig {
	bool able;                     /* both ends know RE-CONFIG */
	seq32 next, peers_next;        /* numbers of requests: of ours, and of the peer's */
	uint32_t answers[RECONFIG_KEPT];        /* to the peer's last, the latest first */
	uint8_t *asked; size_t asked_len;       /* our requests that are not answered: the value of their chunk. NULL: none */
	struct path *to;               /* where they went last; NULL: that path is gone */
	struct timer timer;
};
/* Streams by number; none named: all. */
struct streams { const uint16_t *at; uint32_t n; };

/* The same, to look one up. */
struct stream_set { uint64_t bits[65536 / 64]; };
static inline bool stream_set_has(const struct stream_set *s, uint16_t stream) { return s->bits[stream / 64] >> stream % 64 & 1; }
static inline void stream_set_of(struct stream_set *ret, struct streams which)
{
	memset(ret, which.n ? 0 : 0xff, sizeof *ret);
	for (uint32_t i = 0; i < which.n; i++) ret->bits[which.at[i] / 64] |= (uint64_t)1 << which.at[i] % 64;
}

struct assoc;
void reconfig_begin(struct assoc *a);                                   /* the association is established, or begins anew */
void reconfig_free(struct assoc *a);
/* What the program asks for. 0; -ENOPROTOOPT: the peer can't, or SCTP_ENABLE_STREAM_RESET does not let it; -EINPROGRESS, -EAGAIN, -EINVAL, -ENOMEM */
int reconfig_reset_streams(struct assoc *a, unsigned flags, struct streams which);
int reconfig_reset_assoc(struct assoc *a);
int reconfig_add_streams(struct assoc *a, uint16_t in, uint16_t out);
bool reconfig_receive(struct assoc *a, struct path *from, const struct sctp_chunk *c);      /* false: the association is gone */

/* ---- between the two files ---- */
bool reconfig_all_below(struct streams which, uint16_t limit);
bool reconfig_unsent(const struct assoc *a, struct streams which);      /* is something of theirs still without a TSN? */
int reconfig_ask_reset(struct assoc *a, bool out, bool in, struct streams which);
int reconfig_ask_more(struct assoc *a, uint16_t in, uint16_t out);      /* out: streams that there are already, closed */
bool reconfig_find(const struct assoc *a, seq32 number, struct sctp_param *ret);            /* one of our requests that is not answered */
void reconfig_answered(struct assoc *a, const struct sctp_param *request);
