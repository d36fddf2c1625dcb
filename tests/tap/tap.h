/*
 * Hosts of ours beside the kernel, on real time: a TAP device is the far end of a link.
 *
 *     kernel ── t0 ── [link, impaired as told] ── us ──────── far
 *        10.77.0.1       10.77.0.2   10.78.0.1   10.78.0.2
 *        fd77::1         fd77::2     fd78::1     fd78::2
 *
 * `us` is a router too, and serves (services.c). The end at the device is held by a host without a life of its own, whose interface is down: what
 * arrives there goes into the device, and what the device gives leaves from there.
 */
#pragma once
#include "link/net.h"
#include "stack/socket/sock.h"

struct tap {
	struct net *net;
	struct net_host *us, *far, *wire;
	struct net_link *link;
	struct netif *wire_if;
	int fd;
	struct list conns;                    /* struct conn of services.c */
};

void services_start(struct tap *t);           /* listeners on us */
void services_pump(struct tap *t);            /* all that can be done now */
/* A WireGuard interface of us. words: its secret key, the peer's public one and the preshared one, in hexadecimal; and 1 if we are to know where the peer is,
 * and begin, else 0. It is 10.79.0.2 and fd79::2, the peer 10.79.0.1 and fd79::1; both speak by port 51820 of the device's addresses. */
void tunnel_make(struct stack *us, const char *words);
