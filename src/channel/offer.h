/*
 * Connections that the engine accepts ahead of the program, so that accept() finds one in shared memory.
 *
 * A program that has a closed socket's anchor to spare *offers* it to its listener, one at a time. The engine that sees a connection come accepts it there:
 * the channel is the spare's, ready for use. Until the program *takes* it, it is one that waits, for everybody: poll says so, the backlog counts it, and
 * the engine gives it to whoever asks for one by a control call, be it that the offerer stands still or is dead.
 *
 *     none ── program: offer ──► OPEN ── engine ──► BUSY ── engine ──► FULL ── program: take ──► none
 *                 program: withdraw ◄┘                ▲──── engine ────┘
 *
 * The word says whose offer it is by the spare's channel and the generation that was closed there, which no other can have.
 */
#pragma once
#include "channel/arena.h"

enum offer_state { OFFER_NONE, OFFER_OPEN, OFFER_BUSY, OFFER_FULL };

static inline uint64_t offer_word(enum offer_state state, uint32_t spare, uint32_t closed)
{
	return (uint64_t)closed << 32 | (uint64_t)spare << 2 | (uint64_t)state;
}
static inline enum offer_state offer_state(uint64_t word) { return (enum offer_state)(word & 3); }
static inline uint32_t offer_spare(uint64_t word) { return (uint32_t)word >> 2; }
static inline uint32_t offer_closed(uint64_t word) { return (uint32_t)(word >> 32); }

uint64_t offer_look(struct offer *o);
/* What stands there is changed from one to the other; false: somebody was before us. */
bool offer_change(struct offer *o, uint64_t was, uint64_t word);
/* Does a connection wait there? */
bool offer_waits(struct offer *o);
