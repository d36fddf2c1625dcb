/*
 * What an interface learns from routers: a way out, prefixes of the link, addresses made of them; and, on a router that is told to, the advertisements
 * themselves. Read first: RFC 4861 §6, RFC 4862 §5.5.
 */
#pragma once
#include "stack/core/netif.h"
#include "wire/wire.h"

void ra_receive(struct netif *nif, const struct nd_ra *ra, const struct packet *p);   /* checked by RFC 4861 §6.1.2 */
void ra_forget(struct netif *nif);                                                    /* routers and prefixes, when the interface goes */
void ra_advertise_start(struct netif *nif);                                           /* if the host is such a router: now, and again and again */
void rs_start(struct netif *nif);                                                     /* if it is a host that takes advertisements: asks for them */
void rs_answered(struct netif *nif);
void rs_receive(struct netif *nif);                                                   /* a host asks */
