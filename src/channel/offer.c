/* Connections that are accepted ahead: see offer.h. */
#include "channel/offer.h"
#include "channel/atomic.h"

uint64_t offer_look(struct offer *o) { return shared_load64(&o->word); }

bool offer_change(struct offer *o, uint64_t was, uint64_t word) { return shared_replace64(&o->word, &was, word); }

bool offer_waits(struct offer *o)
{
	enum offer_state state = offer_state(shared_get64(&o->word));
	return state == OFFER_BUSY || state == OFFER_FULL;
}
