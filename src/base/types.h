/* Scalars that the whole tree shares: time, wire integers, sequence numbers, and the few macros that C lacks. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Nanoseconds on the monotonic clock of whoever drives the stack (the engine's, or a simulation's). */
typedef int64_t time_ns;
#define NS_PER_US ((time_ns)1000)
#define NS_PER_MS ((time_ns)1000000)
#define NS_PER_S ((time_ns)1000000000)
#define TIME_NEVER INT64_MAX

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
/* An argument may be evaluated twice: never a call with an effect, nor a word that another process changes. */
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Integers in network order. They are byte arrays, so that a forgotten swap does not compile. */
typedef struct { uint8_t b[2]; } be16;
typedef struct { uint8_t b[4]; } be32;

static inline uint16_t be16_get(be16 v) { return (uint16_t)(v.b[0] << 8 | v.b[1]); }
static inline uint32_t be32_get(be32 v)
{
	return (uint32_t)v.b[0] << 24 | (uint32_t)v.b[1] << 16 | (uint32_t)v.b[2] << 8 | v.b[3];
}
static inline be16 be16_of(uint16_t v) { return (be16){{(uint8_t)(v >> 8), (uint8_t)v}}; }
static inline be32 be32_of(uint32_t v)
{
	return (be32){{(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v}};
}

/* The same for octets at any address. */
static inline uint16_t read16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static inline uint32_t read32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline void write16(uint8_t *p, uint16_t v) { p[0] = (uint8_t)(v >> 8); p[1] = (uint8_t)v; }
static inline void write32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24); p[1] = (uint8_t)(v >> 16); p[2] = (uint8_t)(v >> 8); p[3] = (uint8_t)v;
}

/* A number in TCP's sequence space; comparison is modulo 2^32 (RFC 9293 §3.4). */
typedef uint32_t seq32;
static inline bool seq_lt(seq32 a, seq32 b) { return (int32_t)(a - b) < 0; }
static inline bool seq_le(seq32 a, seq32 b) { return (int32_t)(a - b) <= 0; }
static inline bool seq_gt(seq32 a, seq32 b) { return (int32_t)(a - b) > 0; }
static inline bool seq_ge(seq32 a, seq32 b) { return (int32_t)(a - b) >= 0; }
