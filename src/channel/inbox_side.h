/* The engine's side of an inbox: inbox.h says what that is. */
#pragma once
#include "channel/engine_side.h"

struct inbox_place { uint32_t segment, serial; };
struct inbox_terms { uint32_t size, limit, before; };      /* of the ring; of the receive buffer, and what is unread now */

/* Appends an inbox to what channel `reader` reads. 0, -ENOBUFS, or -EBUSY when the reader is far behind. It stands there until inbox_close. */
int inbox_open(struct seg_pool *p, struct direction *d, struct rx_side *rx, uint32_t reader, const struct inbox_terms *terms, struct inbox_place *ret);
/* Nothing comes any more. Was it rather too small? *ret_dropped: what found the receive buffer full. */
bool inbox_close(struct seg_pool *p, const struct rx_side *rx, uint32_t *ret_dropped);
uint64_t inbox_unread(struct seg_pool *p, const struct rx_side *rx);    /* octets of the receive buffer that unread datagrams from inboxes take */
/* Who has sent what was not read: channels, as the programs say. */
void inbox_senders(struct seg_pool *p, const struct rx_side *rx, void (*see)(void *user, const struct record *r), void *user);
void inbox_release_dead(struct seg_pool *p, uint32_t client);          /* locks that a client held when it died */
