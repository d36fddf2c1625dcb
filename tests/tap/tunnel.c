/* The end of a tunnel, for whoever speaks WireGuard beside us: see tap.h. */
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include "stack/wireguard/wireguard.h"
#include "tap.h"

#define PORT 51820

static void must(bool done, const char *what)
{
	if (done) return;
	fprintf(stderr, "tunnel: %s\n", what);
	exit(1);
}

static struct wg_key key_of(const char *hex)
{
	struct wg_key k;
	unsigned v;

	for (size_t i = 0; i < sizeof k.b; i++) {
		must(sscanf(hex + 2 * i, "%2x", &v) == 1, "no key");
		k.b[i] = (uint8_t)v;
	}
	return k;
}

static void address(struct netif *nif, const char *text)
{
	struct addr a;
	unsigned plen;

	must(addr_parse_prefix(&a, &plen, text) == 0 && netif_addr_add(nif, &a, plen) == 0, text);
}

static void allow(struct wg_peer *peer, const char *text)
{
	struct wg_prefix p;
	unsigned plen;

	must(addr_parse_prefix(&p.addr, &plen, text) == 0, text);
	p.plen = (uint8_t)plen;
	must(wg_allow(peer, &p) == 0, text);
}

void tunnel_make(struct stack *us, const char *words)
{
	struct wg_endpoint e = {.addr = addr_v4(0x0a4d0001), .src = addr_any6, .port = PORT};
	char secret[80], peers[80], shared[80];
	int begins;
	struct wg_device *w;
	struct wg_peer *peer;
	struct netif *nif;
	struct wg_key key;

	must(sscanf(words, "%79s %79s %79s %d", secret, peers, shared, &begins) == 4, words);
	must(netif_make(us, "wg0", NETIF_RAW_IP, NULL, WG_MTU, &nif) == 0 && wg_device_make(nif) == 0, "no interface");
	w = wg_device_of(nif);
	key = key_of(secret);
	must(wg_set_private_key(w, &key) == 0 && wg_set_port(w, PORT) == 0, "no port");
	key = key_of(peers);
	must(wg_peer_add(w, &key, &peer) == 0, "no peer");
	key = key_of(shared);
	wg_peer_set_shared(peer, &key);
	if (begins) wg_peer_set_endpoint(peer, &e);
	allow(peer, "10.79.0.1/32");
	allow(peer, "fd79::1/128");
	must(netif_set_flags(nif, nif->flags | IFF_UP) == 0, "not up");
	address(nif, "10.79.0.2/24");
	address(nif, "fd79::2/64");
	if (begins) wg_peer_set_keepalive(peer, 1);
}
