/* Numbers random enough for a test, and the same in each run that begins with the same state. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* The upper bits are the better ones. */
static inline uint64_t draw_next(uint64_t *state)
{
	return *state = *state * 6364136223846793005u + 1442695040888963407u;
}

static inline void draw_octets(uint64_t *state, void *buf, size_t len)
{
	for (size_t i = 0; i < len; i++) ((uint8_t *)buf)[i] = (uint8_t)(draw_next(state) >> 56);
}
