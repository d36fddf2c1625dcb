/*
 * WireGuard interfaces: what goes into one is sealed into a UDP datagram for the peer that its destination belongs to, what a peer seals for us comes out.
 *
 *     IP -> netif -> wg_device -> [allowed IPs: which peer] -> [session] -> sealed -> UDP port of the host -> IP
 *     IP -> UDP port -> opened -> [session: which peer] -> [allowed IPs: is the source that peer's] -> netif -> IP
 *
 * This is what the rest of the stack sees of it: making an interface, and what netlink asks and sets.
 *
 * Read first: Donenfeld, "WireGuard: Next Generation Kernel Network Tunnel", 2020; <linux/wireguard.h>.
 */
#pragma once
#include "base/crypto.h"
#include "stack/core/netif.h"

#define WG_KEY_OCTETS X25519_LEN
#define WG_MTU 1420                  /* 1500 less what a tunnel over IPv6 takes */

struct wg_device;
struct wg_peer;

struct wg_key { uint8_t b[WG_KEY_OCTETS]; };

/* Where a peer was heard last, or is said to be, and how it reached us. Port 0: nobody knows. */
struct wg_endpoint {
	struct addr addr, src;       /* src any: not known */
	uint16_t port;
	int scope;                   /* interface of a link-local address; 0: none */
	int src_index;               /* interface that it came in by; 0: not known */
};

struct wg_prefix { struct addr addr; uint8_t plen; };

/* ---- interfaces ---- */
/* Makes nif, which has just been made, a WireGuard interface. -EOPNOTSUPP: there are no ciphers here; -ENOMEM */
int wg_device_make(struct netif *nif);
struct wg_device *wg_device_of(const struct netif *nif);       /* NULL: it is another kind */

const struct netif *wg_netif(const struct wg_device *w);

const struct wg_key *wg_private_key(const struct wg_device *w);    /* NULL: it has none */
const struct wg_key *wg_public_key(const struct wg_device *w);
uint16_t wg_port(const struct wg_device *w);
uint32_t wg_mark(const struct wg_device *w);
int wg_set_private_key(struct wg_device *w, const struct wg_key *key);   /* zeros: none. -ENOMEM */
int wg_set_port(struct wg_device *w, uint16_t port);           /* -EADDRINUSE */
void wg_set_mark(struct wg_device *w, uint32_t mark);

/* ---- peers ---- */
struct wg_peer *wg_peer_next(const struct wg_device *w, const struct wg_peer *after);   /* NULL: the first, or there is no more */
struct wg_peer *wg_peer_find(const struct wg_device *w, const struct wg_key *key);
int wg_peer_add(struct wg_device *w, const struct wg_key *key, struct wg_peer **ret);   /* -ENOMEM: no memory, or too many */
void wg_peer_remove(struct wg_peer *peer);
void wg_peers_remove(struct wg_device *w);

struct wg_peer_facts {
	struct wg_key key, shared;
	struct wg_endpoint endpoint;
	uint16_t keepalive_s;
	int64_t handshake_ns;        /* of the last one, since 1970; 0: there was none */
	uint64_t rx_bytes, tx_bytes;
};
struct wg_peer_facts wg_peer_facts(const struct wg_peer *peer);
void wg_peer_set_shared(struct wg_peer *peer, const struct wg_key *key);
void wg_peer_set_endpoint(struct wg_peer *peer, const struct wg_endpoint *e);
void wg_peer_set_keepalive(struct wg_peer *peer, uint16_t seconds);
void wg_peer_poke(struct wg_peer *peer);                       /* all is set: what waits for it may go */

/* ---- which addresses are a peer's ---- */
int wg_allow(struct wg_peer *peer, const struct wg_prefix *prefix);      /* takes it from whoever has it. -ENOMEM, -EINVAL */
void wg_disallow_all(struct wg_peer *peer);
/* The peer's prefixes, one after the other: from NULL to NULL. */
struct wg_allowed;
const struct wg_allowed *wg_allowed_next(const struct wg_peer *peer, const struct wg_allowed *after);
struct wg_prefix wg_allowed_prefix(const struct wg_allowed *a);
