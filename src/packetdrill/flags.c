/*
 * What `--so_flags` says: NAME=VALUE,… A name is a sysctl's, `mtu`, or `address`, which replaces the default of its family. All there is
 * beyond the prefix goes out by the same interface, which asks nobody for a link address.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include "packetdrill/world.h"
#include "stack/core/route.h"
#include "stack/core/sysctl.h"

#define TSO_BYTES 65280           /* as Linux: the largest packet, less its headers */
#define METRIC6 1024             /* Linux's, of a route that names none */

struct local { struct addr addr; unsigned plen; };
struct settings { struct local local4, local6; uint32_t mtu_bytes; };

static int mtu_set(struct settings *s, const char *value)
{
	char *end;
	long v = strtol(value, &end, 10);

	if (end == value || *end || v < 68 || v > PACKET_MAX) return -EINVAL;
	s->mtu_bytes = (uint32_t)v;
	return 0;
}

static int address_set(struct settings *s, const char *value)
{
	struct local l;
	int r = addr_parse_prefix(&l.addr, &l.plen, value);

	if (r < 0) return r;
	*(addr_is_v4(&l.addr) ? &s->local4 : &s->local6) = l;
	return 0;
}

static int word_apply(struct world *w, struct settings *s, char *word)
{
	char *value = strchr(word, '=');

	if (!value) return -EINVAL;
	*value++ = 0;
	if (strcmp(word, "mtu") == 0) return mtu_set(s, value);
	if (strcmp(word, "address") == 0) return address_set(s, value);
	return sysctl_set(w->stack->sysctl, word, value);
}

static int local_add(struct world *w, const struct local *l)
{
	bool v4 = addr_is_v4(&l->addr);
	struct route all = {
		.dst = v4 ? addr_any4 : addr_any6, .netif = w->wire, .type = RTN_UNICAST, .protocol = RTPROT_BOOT, .table = RT_TABLE_MAIN,
		.scope = v4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE, .metric = v4 ? 0 : METRIC6,
	};
	int r = netif_addr_add(w->wire, &l->addr, l->plen);

	return r < 0 ? r : route_add(w->stack, &all, NULL);
}

int flags_apply(struct world *w, const char *flags, char *ret_word, size_t size)
{
	struct settings s = {.mtu_bytes = 1500};
	struct netif *lo;
	int r = 0;

	address_set(&s, "192.168.0.1/16");
	address_set(&s, "fd3d:0a0b:17d6::1/48");
	while (*flags && r >= 0) {
		size_t len = strcspn(flags, ",");
		snprintf(ret_word, size, "%.*s", (int)len, flags);
		r = len < size ? word_apply(w, &s, ret_word) : -ENAMETOOLONG;
		flags += len + (flags[len] == ',');
	}
	if (r >= 0) r = netif_add(w->stack, "lo", NETIF_LOOPBACK, NULL, 65536, &lo);
	if (r >= 0) r = netif_add(w->stack, "tun0", NETIF_RAW_IP, NULL, s.mtu_bytes, &w->wire);
	/* packetdrill's own device on Linux offers segmentation offload, and scripts show what leaves the stack before it is cut. */
	if (r >= 0) w->wire->tso_bytes = TSO_BYTES;
	if (r >= 0) r = local_add(w, &s.local4);
	return r < 0 ? r : local_add(w, &s.local6);
}
