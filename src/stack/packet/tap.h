/* Where frames pass by packet sockets. p stays the caller's. */
#pragma once
#include "stack/core/netif.h"

/* A frame came in (data as it lies on the link). */
void packet_tap_in(struct netif *nif, const struct packet *p);
/* A frame is about to leave, sent by the packet socket `sender` or, when that is NULL, by the stack. */
void packet_tap_out(struct netif *nif, const struct packet *p, const struct sock *sender);
/* Who is bound to it hears ENETDOWN; when it is gone, nothing more. */
void packet_netif_down(const struct netif *nif, bool gone);
/* Of a packet socket: the memory of its rings, NULL where there is none. Of others none. */
bool packet_is_mapped(const struct sock *sk);              /* it has a receive ring */
const struct shared_memory *packet_ring_memory(const struct sock *sk, bool tx);
/* Is somebody looking at what the host carries that does not go through the stack when it can be helped? Packet sockets, and raw ones of TCP and UDP. */
bool stack_is_watched(const struct stack *s);
