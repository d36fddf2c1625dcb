/*
 * Addresses that come and go while an association lives (RFC 5061). What is to be told the peer waits in a queue of its own; all of it that there is
 * goes in one ASCONF, and the next when that is acknowledged. Only authenticated ones are taken (auth.h), from either side.
 *
 *     an address of ours: told with ADD, it is there at once for what comes to it, and a source once the peer has agreed;
 *                         told with DEL, it is a source no more, and there until the peer has agreed
 *
 *     asconf.c   what this end tells     asconf_in.c   what the peer does
 */
#pragma once
#include "base/addr.h"
#include "stack/inet/inet.h"
#include "wire/wire.h"

#define ASCONF_OPS_MOST 32u

struct assoc;
struct path;

/* An address that is added or deleted, or shall be what the peer sends to: PARAM_ADD_IP, PARAM_DEL_IP, PARAM_SET_PRIMARY. */
struct asconf_op { uint16_t type; struct addr addr; };
struct asconf {
	bool able;                     /* both ends know ASCONF and AUTH */
	seq32 serial, peers;           /* of our next one; of the peer's last */
	struct asconf_op ops[ASCONF_OPS_MOST];
	uint32_t n_ops, n_asked;       /* the first n_asked of them are on their way */
	uint8_t *asked; size_t asked_len;       /* as the value of a chunk */
	uint8_t *answer; size_t answer_len;     /* to the peer's last one */
	struct path *to;               /* where it went last; NULL: that path is gone */
	struct timer timer;
};

void asconf_begin(struct assoc *a);
void asconf_free(struct assoc *a);
int asconf_tell(struct assoc *a, uint16_t type, const struct addr *addr);      /* -ENOMEM: too much waits already */
bool asconf_is_source(const struct assoc *a, const struct addr *mine);         /* may it be one: nothing about it is on its way */
void asconf_fire(struct timer *t);
bool asconf_receive_ack(struct assoc *a, const struct sctp_chunk *c);          /* false: the association is gone */
bool asconf_receive(struct assoc *a, const struct addr *from, const struct sctp_chunk *c);
bool asconf_read_address(const uint8_t *p, size_t len, struct addr *ret, size_t *ret_took);     /* a parameter that is one */
size_t asconf_write_address(const struct addr *a, uint8_t *p);
