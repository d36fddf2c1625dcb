/*
 * Identification of datagrams that may be fragmented: F(source, destination, protocol) + counter[G(same)], both F and G
 * keyed. Numbers repeat as late as a counter can make it, and nobody learns from his own what others get.
 *
 * Read first: RFC 7739 §5.3, RFC 6864.
 */
#include "stack/inet/inet_private.h"

/* RFC 1122 §3.2.1.5, RFC 6864 §4.3, RFC 7739 §4: late to repeat, hard to guess. */
uint32_t ip_ident(struct stack *s, const struct addr *src, const struct addr *dst, uint8_t proto)
{
	struct { struct addr src, dst; uint8_t proto; char use[3]; } key = {*src, *dst, proto, "id"};
	uint64_t h = stack_hash(s, &key, sizeof key);

	return (uint32_t)h + s->inet->idents.counter[h >> 56]++;
}
