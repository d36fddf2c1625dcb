/*
 * Counters that have been seen: a window behind the highest one, as a ring of words. The word that the window moves into is cleared whole, so it is
 * never shifted; a word less than the ring has is the window. Read first: RFC 6479.
 */
#include "stack/wireguard/private.h"

#define WORD_BITS 64
#define WORDS (REPLAY_BITS / WORD_BITS)

static void move_to(struct wg_replay *r, uint64_t counter)
{
	uint64_t from = r->above / WORD_BITS, to = counter / WORD_BITS, n = MIN(to - from, (uint64_t)WORDS);

	for (uint64_t i = 1; i <= n; i++) r->seen[(from + i) % WORDS] = 0;
	r->above = counter;
}

bool wg_replay_fresh(struct wg_replay *r, uint64_t counter)
{
	uint64_t *word, bit;

	if (counter >= REJECT_AFTER_MESSAGES) return false;
	counter++;                    /* so that 0 is below all of them */
	if (counter + WG_REPLAY_WINDOW < r->above) return false;
	if (counter > r->above) move_to(r, counter);
	word = &r->seen[counter / WORD_BITS % WORDS];
	bit = UINT64_C(1) << counter % WORD_BITS;
	if (*word & bit) return false;
	*word |= bit;
	return true;
}
