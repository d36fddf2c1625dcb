/* Options set without a call: see wish.h. */
#include "channel/wish.h"
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include "channel/atomic.h"
#include "channel/bitmap.h"
#include "channel/channel.h"

/* Linux takes each of these on any socket of TCP, in any state. */
static const struct row { int level, name, min, max; unsigned shift, bits; } rows[WISHES] = {
	{IPPROTO_TCP, TCP_NODELAY, INT_MIN, INT_MAX, 5, 1}, {SOL_SOCKET, SO_KEEPALIVE, INT_MIN, INT_MAX, 6, 1}, {IPPROTO_TCP, TCP_KEEPIDLE, 1, 32767, 16, 15},
	{IPPROTO_TCP, TCP_KEEPINTVL, 1, 32767, 32, 15},     {IPPROTO_TCP, TCP_KEEPCNT, 1, 127, 48, 7},
};

static uint64_t field(const struct row *r) { return (((uint64_t)1 << r->bits) - 1) << r->shift; }

int wish_find(int level, int name, int value)
{
	for (int i = 0; i < (int)WISHES; i++)
		if (rows[i].level == level && rows[i].name == name) return value >= rows[i].min && value <= rows[i].max ? i : -1;
	return -1;
}

static struct bitmap wishing(struct arena *a) { return (struct bitmap){a->wishing_summary, a->wishing}; }

bool wish_leave(struct arena *a, uint32_t channel, int wish, int value)
{
	const struct row *r = &rows[wish];
	uint64_t v = r->bits == 1 ? value != 0 : (uint64_t)value, was = shared_load64(arena_wish(a, channel));
	while (!shared_replace64(arena_wish(a, channel), &was, (was & ~field(r)) | v << r->shift | (uint64_t)1 << wish)) {}
	/* Sequentially consistent against the engine, which says that it sleeps and then looks at the bits once more. */
	bitmap_set(wishing(a), channel);
	return arena_sleeps(a);
}

bool wishes_any(struct arena *a)
{
	for (uint32_t w = 0; w < ARRAY_SIZE(a->wishing_summary); w++)
		if (shared_load64(&a->wishing_summary[w]) != 0) return true;
	return false;
}

uint32_t wishes_next(struct arena *a, uint32_t from) { return bitmap_take(wishing(a), from); }

void wishes_find_lost(struct arena *a)
{
	for (uint32_t w = 0; w < CHANNEL_MAX / 64; w++)
		if (shared_get64(&a->wishing[w]) != 0) shared_or64(&a->wishing_summary[w / 64], (uint64_t)1 << w % 64);
}

uint64_t wishes_take(struct arena *a, uint32_t channel) { return shared_and64(arena_wish(a, channel), 0); }

void wishes_forget(struct arena *a, uint32_t channel)
{
	if (shared_get64(&a->wishing[channel / 64]) >> channel % 64 & 1) wishes_take(a, channel);
}

bool wish_read(uint64_t word, uint32_t wish, int *ret_level, int *ret_name, int *ret_value)
{
	const struct row *r = &rows[wish];
	if (!(word >> wish & 1)) return false;
	*ret_level = r->level;
	*ret_name = r->name;
	*ret_value = (int)((word & field(r)) >> r->shift);
	return true;
}
