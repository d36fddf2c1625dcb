/* The generic family "wireguard": `wg set`, `wg setconf`. A request that fails half-way has done what stands before, as on Linux. */
#include <errno.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include "base/secret.h"
#include "stack/netlink/private.h"
#include "stack/wireguard/wireguard.h"

static const struct nl_policy peer_policy[WGPEER_A_MAX + 1] = {
	[WGPEER_A_PUBLIC_KEY] = {NL_FIXED, WG_KEY_LEN}, [WGPEER_A_PRESHARED_KEY] = {NL_FIXED, WG_KEY_LEN}, [WGPEER_A_FLAGS] = {NL_FIXED, 4},
	[WGPEER_A_ENDPOINT] = {NL_FIXED, sizeof(struct sockaddr_in)}, [WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL] = {NL_FIXED, 2},
	[WGPEER_A_ALLOWEDIPS] = {NL_NEST, 0}, [WGPEER_A_PROTOCOL_VERSION] = {NL_FIXED, 4},
};
static const struct nl_policy allowed_policy[WGALLOWEDIP_A_MAX + 1] = {
	[WGALLOWEDIP_A_FAMILY] = {NL_FIXED, 2}, [WGALLOWEDIP_A_IPADDR] = {NL_FIXED, 4}, [WGALLOWEDIP_A_CIDR_MASK] = {NL_FIXED, 1},
};

static int key_of(const struct nl_attr *a, struct wg_key *ret)
{
	if (a->len != sizeof ret->b) return -EINVAL;
	memcpy(ret->b, a->at, sizeof ret->b);
	return 0;
}

/* ---- allowed IPs ---- */

static int set_allowed(struct stack *s, struct wg_peer *peer, const struct nl_attr *nest)
{
	struct nl_attr tb[WGALLOWEDIP_A_MAX + 1];
	struct wg_prefix p;
	uint16_t family;
	int err = nl_parse_nest(s, nest, allowed_policy, WGALLOWEDIP_A_MAX + 1, tb);

	if (err < 0) return err;
	if (!tb[WGALLOWEDIP_A_FAMILY].at || !tb[WGALLOWEDIP_A_IPADDR].at || !tb[WGALLOWEDIP_A_CIDR_MASK].at) return -EINVAL;
	family = nl_u16(&tb[WGALLOWEDIP_A_FAMILY]);
	p.plen = nl_u8(&tb[WGALLOWEDIP_A_CIDR_MASK]);
	if (family == AF_INET && tb[WGALLOWEDIP_A_IPADDR].len == 4)
		p.addr = nl_addr(&tb[WGALLOWEDIP_A_IPADDR], true);
	else if (family == AF_INET6 && tb[WGALLOWEDIP_A_IPADDR].len == 16)
		p.addr = nl_addr(&tb[WGALLOWEDIP_A_IPADDR], false);
	else
		return -EINVAL;
	/* An IPv4 address that is written as an IPv6 one is, to IPv6, nobody's. */
	if (family == AF_INET6 && addr_is_v4(&p.addr)) return -EINVAL;
	return wg_allow(peer, &p);
}

static int set_all_allowed(struct stack *s, struct wg_peer *peer, const struct nl_attr *nest)
{
	struct nl_step step = {nest->at, nest->len};
	struct nl_attr a;
	uint16_t type;
	int err = 0;

	while (err == 0 && nl_next(&step, &type, &a)) err = set_allowed(s, peer, &a);
	return err;
}

/* ---- a peer ---- */

/* As Linux: what is neither of the two is passed over. */
static void set_endpoint(struct wg_peer *peer, const struct nl_attr *a)
{
	struct wg_endpoint e = {.src = addr_any6};
	struct sockaddr_in6 six;
	struct sockaddr_in four;

	if (a->len == sizeof four) {
		memcpy(&four, a->at, sizeof four);
		if (four.sin_family != AF_INET) return;
		e.addr = addr_v4_octets((const uint8_t *)&four.sin_addr);
		e.port = ntohs(four.sin_port);
	} else if (a->len == sizeof six) {
		memcpy(&six, a->at, sizeof six);
		if (six.sin6_family != AF_INET6) return;
		e.addr = addr_v6_octets(six.sin6_addr.s6_addr);
		e.port = ntohs(six.sin6_port);
		e.scope = (int)six.sin6_scope_id;
	} else {
		return;
	}
	wg_peer_set_endpoint(peer, &e);
}

static int set_settings(struct stack *s, struct wg_peer *peer, const struct nl_attr *tb, uint32_t flags)
{
	struct wg_key shared;
	int err = 0;

	if (tb[WGPEER_A_PRESHARED_KEY].at) {
		err = key_of(&tb[WGPEER_A_PRESHARED_KEY], &shared);
		if (err < 0) return err;
		wg_peer_set_shared(peer, &shared);
		secret_wipe(&shared, sizeof shared);
	}
	if (tb[WGPEER_A_ENDPOINT].at) set_endpoint(peer, &tb[WGPEER_A_ENDPOINT]);
	if (flags & WGPEER_F_REPLACE_ALLOWEDIPS) wg_disallow_all(peer);
	if (tb[WGPEER_A_ALLOWEDIPS].at) err = set_all_allowed(s, peer, &tb[WGPEER_A_ALLOWEDIPS]);
	if (err < 0) return err;
	if (tb[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL].at) wg_peer_set_keepalive(peer, nl_u16(&tb[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL]));
	wg_peer_poke(peer);
	return 0;
}

/* The peer, made if it is to be and is not. *ret NULL: nothing is to be done. */
static int peer_meant(struct wg_device *d, const struct wg_key *key, uint32_t flags, struct wg_peer **ret)
{
	const struct wg_key *own = wg_public_key(d);

	*ret = wg_peer_find(d, key);
	if (*ret || flags & (WGPEER_F_REMOVE_ME | WGPEER_F_UPDATE_ONLY)) return 0;
	/* As Linux: nobody is a peer of itself, and nothing is said. */
	if (own && memcmp(own->b, key->b, sizeof own->b) == 0) return 0;
	return wg_peer_add(d, key, ret);
}

static int set_peer(struct stack *s, struct wg_device *d, const struct nl_attr *nest)
{
	struct nl_attr tb[WGPEER_A_MAX + 1];
	struct wg_peer *peer;
	struct wg_key key;
	uint32_t flags;
	int err = nl_parse_nest(s, nest, peer_policy, WGPEER_A_MAX + 1, tb);

	if (err < 0) return err;
	if (!tb[WGPEER_A_PUBLIC_KEY].at) return -EINVAL;
	err = key_of(&tb[WGPEER_A_PUBLIC_KEY], &key);
	if (err < 0) return err;
	flags = tb[WGPEER_A_FLAGS].at ? nl_u32(&tb[WGPEER_A_FLAGS]) : 0;
	if (flags & ~(uint32_t)__WGPEER_F_ALL) return -EOPNOTSUPP;
	if (tb[WGPEER_A_PROTOCOL_VERSION].at && nl_u32(&tb[WGPEER_A_PROTOCOL_VERSION]) != 1) return -EPFNOSUPPORT;
	err = peer_meant(d, &key, flags, &peer);
	if (err < 0 || !peer) return err;
	if (!(flags & WGPEER_F_REMOVE_ME)) return set_settings(s, peer, tb, flags);
	wg_peer_remove(peer);
	return 0;
}

static int set_peers(struct stack *s, struct wg_device *d, const struct nl_attr *nest)
{
	struct nl_step step = {nest->at, nest->len};
	struct nl_attr a;
	uint16_t type;
	int err = 0;

	while (err == 0 && nl_next(&step, &type, &a)) err = set_peer(s, d, &a);
	return err;
}

/* ---- the interface ---- */

static int set_private_key(struct wg_device *d, const struct nl_attr *a)
{
	struct wg_key key;
	int err = key_of(a, &key);

	if (err == 0) err = wg_set_private_key(d, &key);
	secret_wipe(&key, sizeof key);
	return err;
}

int nl_wireguard_set(struct stack *s, const struct nl_request *q)
{
	struct nl_attr tb[WGDEVICE_A_MAX + 1];
	struct wg_device *d;
	uint32_t flags;
	int err = nl_wireguard_device(s, q, tb, &d);

	if (err < 0) return err;
	flags = tb[WGDEVICE_A_FLAGS].at ? nl_u32(&tb[WGDEVICE_A_FLAGS]) : 0;
	if (flags & ~(uint32_t)__WGDEVICE_F_ALL) return -EOPNOTSUPP;
	if (tb[WGDEVICE_A_FWMARK].at) wg_set_mark(d, nl_u32(&tb[WGDEVICE_A_FWMARK]));
	if (tb[WGDEVICE_A_LISTEN_PORT].at) err = wg_set_port(d, nl_u16(&tb[WGDEVICE_A_LISTEN_PORT]));
	if (err < 0) return err;
	if (flags & WGDEVICE_F_REPLACE_PEERS) wg_peers_remove(d);
	if (tb[WGDEVICE_A_PRIVATE_KEY].at) err = set_private_key(d, &tb[WGDEVICE_A_PRIVATE_KEY]);
	if (err == 0 && tb[WGDEVICE_A_PEERS].at) err = set_peers(s, d, &tb[WGDEVICE_A_PEERS]);
	return err;
}
