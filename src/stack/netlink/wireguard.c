/*
 * The generic family "wireguard": `wg show`. Setting is wireguard_set.c's.
 *
 *     message:  the interface … { peer … { allowed ip }… }…      a dump; what does not fit goes on in the next one, whose first peer may be the
 *     message:                  { peer   { allowed ip }… }…      last of the one before, with nothing but its key
 *
 * Read first: <linux/wireguard.h>.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/if.h>
#include <linux/wireguard.h>
#include "stack/inet/inet.h"
#include "stack/netlink/private.h"
#include "stack/wireguard/wireguard.h"

#define PEER_OCTETS 240              /* of a peer's attributes without its allowed IPs, and the nests around them */
#define ALLOWED_OCTETS 40            /* of one allowed IP */

static const struct nl_policy policy[WGDEVICE_A_MAX + 1] = {
	[WGDEVICE_A_IFINDEX] = {NL_FIXED, 4}, [WGDEVICE_A_IFNAME] = {NL_TEXT, IFNAMSIZ - 1}, [WGDEVICE_A_PRIVATE_KEY] = {NL_FIXED, WG_KEY_LEN},
	[WGDEVICE_A_FLAGS] = {NL_FIXED, 4}, [WGDEVICE_A_LISTEN_PORT] = {NL_FIXED, 2}, [WGDEVICE_A_FWMARK] = {NL_FIXED, 4}, [WGDEVICE_A_PEERS] = {NL_NEST, 0},
};

int nl_wireguard_device(const struct stack *s, const struct nl_request *q, struct nl_attr *tb, struct wg_device **ret)
{
	char name[IFNAMSIZ];
	struct netif *nif;
	int err = nl_parse(s, q, GENL_HDRLEN, policy, WGDEVICE_A_MAX + 1, tb);

	if (err < 0) return err;
	if (!tb[WGDEVICE_A_IFINDEX].at == !tb[WGDEVICE_A_IFNAME].at) return -EBADR;
	if (tb[WGDEVICE_A_IFNAME].at) nl_text(&tb[WGDEVICE_A_IFNAME], name, sizeof name);
	nif = tb[WGDEVICE_A_IFNAME].at ? netif_by_name(s, name) : netif_by_index(s, (int)nl_u32(&tb[WGDEVICE_A_IFINDEX]));
	if (!nif) return -ENODEV;
	*ret = wg_device_of(nif);
	return *ret ? 0 : -EOPNOTSUPP;
}

/* ---- writing ---- */

static void put_u16(struct nl_writer *w, uint16_t type, uint16_t v) { nl_put(w, type, &v, sizeof v); }

static void begin(struct nl_writer *w)
{
	struct genlmsghdr h = {.cmd = WG_CMD_GET_DEVICE, .version = WG_GENL_VERSION};

	nl_begin(w, GENL_START_ALLOC, &h, sizeof h);
}

static void put_device(struct nl_writer *w, const struct wg_device *d, const struct netif *nif)
{
	put_u16(w, WGDEVICE_A_LISTEN_PORT, wg_port(d));
	nl_put_u32(w, WGDEVICE_A_FWMARK, wg_mark(d));
	nl_put_u32(w, WGDEVICE_A_IFINDEX, (uint32_t)nif->index);
	nl_put_text(w, WGDEVICE_A_IFNAME, nif->name);
	if (!wg_private_key(d)) return;
	nl_put(w, WGDEVICE_A_PRIVATE_KEY, wg_private_key(d)->b, WG_KEY_LEN);
	nl_put(w, WGDEVICE_A_PUBLIC_KEY, wg_public_key(d)->b, WG_KEY_LEN);
}

static void put_endpoint(struct nl_writer *w, const struct wg_endpoint *e)
{
	struct sockaddr_storage ss = {0};
	socklen_t len;

	if (!e->port) return;
	sockaddr_emit(addr_is_v4(&e->addr) ? AF_INET : AF_INET6, &e->addr, e->port, (uint32_t)e->scope, &ss, &len);
	nl_put(w, WGPEER_A_ENDPOINT, &ss, len);
}

static void put_facts(struct nl_writer *w, const struct wg_peer_facts *f)
{
	struct { int64_t tv_sec, tv_nsec; } when = {f->handshake_ns / NS_PER_S, f->handshake_ns % NS_PER_S};

	nl_put(w, WGPEER_A_PRESHARED_KEY, f->shared.b, WG_KEY_LEN);
	nl_put(w, WGPEER_A_LAST_HANDSHAKE_TIME, &when, sizeof when);
	put_u16(w, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, f->keepalive_s);
	nl_put(w, WGPEER_A_TX_BYTES, &f->tx_bytes, sizeof f->tx_bytes);
	nl_put(w, WGPEER_A_RX_BYTES, &f->rx_bytes, sizeof f->rx_bytes);
	nl_put_u32(w, WGPEER_A_PROTOCOL_VERSION, 1);
	put_endpoint(w, &f->endpoint);
}

static void put_allowed(struct nl_writer *w, const struct wg_prefix *p)
{
	size_t one = nl_nest_begin(w, 0);

	nl_put_u8(w, WGALLOWEDIP_A_CIDR_MASK, p->plen);
	put_u16(w, WGALLOWEDIP_A_FAMILY, nl_family(&p->addr));
	nl_put_addr(w, WGALLOWEDIP_A_IPADDR, &p->addr);
	nl_nest_end(w, one);
}

static bool has_room(const struct nl_writer *w, size_t octets) { return w->len + octets <= sizeof w->message; }

/* The peer with as many of its prefixes from *at on as the message holds; *at is then the first that did not fit, or NULL. */
static void put_peer(struct nl_writer *w, const struct wg_peer *peer, bool whole, const struct wg_allowed **at)
{
	size_t one = nl_nest_begin(w, 0), all;
	struct wg_peer_facts f = wg_peer_facts(peer);

	nl_put(w, WGPEER_A_PUBLIC_KEY, f.key.b, WG_KEY_LEN);
	if (whole) put_facts(w, &f);
	if (*at) {
		all = nl_nest_begin(w, WGPEER_A_ALLOWEDIPS);
		for (; *at && has_room(w, ALLOWED_OCTETS); *at = wg_allowed_next(peer, *at)) {
			struct wg_prefix p = wg_allowed_prefix(*at);
			put_allowed(w, &p);
		}
		nl_nest_end(w, all);
	}
	nl_nest_end(w, one);
}

/* ---- the dump ---- */

/* Where a dump is: the peer, and the prefix of it that comes next. */
struct place { const struct wg_peer *peer; const struct wg_allowed *at; bool whole; };

static struct place place_of(const struct wg_peer *peer) { return (struct place){peer, peer ? wg_allowed_next(peer, NULL) : NULL, true}; }

static void put_peers(struct nl_writer *w, const struct wg_device *d, struct place *here)
{
	size_t all = nl_nest_begin(w, WGDEVICE_A_PEERS);

	while (here->peer && has_room(w, PEER_OCTETS + ALLOWED_OCTETS)) {
		put_peer(w, here->peer, here->whole, &here->at);
		if (here->at)
			here->whole = false;
		else
			*here = place_of(wg_peer_next(d, here->peer));
	}
	nl_nest_end(w, all);
}

static int dump(struct nl_writer *w, const struct nl_request *q)
{
	struct nl_attr tb[WGDEVICE_A_MAX + 1];
	struct wg_device *d;
	struct place here;
	int err = nl_wireguard_device(nl_stack(w), q, tb, &d);
	bool first = true;

	if (err < 0) return err;
	here = place_of(wg_peer_next(d, NULL));
	while (first || here.peer) {
		begin(w);
		if (first) put_device(w, d, wg_netif(d));
		first = false;
		if (here.peer) put_peers(w, d, &here);
		nl_end(w);
	}
	return 0;
}

int nl_wireguard_serve(struct netlink_sock *ns, const struct nl_request *q, uint8_t command)
{
	struct nl_attr tb[WGDEVICE_A_MAX + 1];
	struct wg_device *d;
	bool dumps = (q->h.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	int err;

	if (command > WG_CMD_MAX) return -EOPNOTSUPP;
	if (dumps != (command == WG_CMD_GET_DEVICE)) return -EOPNOTSUPP;
	if (!sock_is_privileged(&ns->sk)) return -EPERM;
	if (command == WG_CMD_SET_DEVICE) return nl_wireguard_set(ns->sk.stack, q);
	err = nl_wireguard_device(ns->sk.stack, q, tb, &d);
	return err < 0 ? err : nl_serve_dump(ns, q, dump, false);
}
