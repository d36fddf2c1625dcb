/* PACKET_FANOUT: packet sockets that share what one of them would get; each frame comes to one member. */
#pragma once
#include "stack/packet/packet_sock.h"

#define FANOUT_HISTORY 16

/* Of a member whose group passes on what it has no room for. The counts are PACKET_ROLLOVER_STATS. */
struct rollover { uint64_t all, huge, failed; uint32_t next, history[FANOUT_HISTORY]; };

int fanout_join(struct sock *sk, const void *val, socklen_t len);
int fanout_get(struct sock *sk, void *val, socklen_t *len);
int fanout_set_data(struct sock *sk, const void *val, socklen_t len);
int fanout_get_rollover(struct sock *sk, void *val, socklen_t *len);
void fanout_leave(struct packet_sock *ps);

bool fanout_is_first(const struct packet_sock *ps);          /* of its group */
bool fanout_sees(const struct fanout *f, const struct netif *nif, const struct sight *v, const struct sock *sender);
/* Who is to have the frame. */
struct packet_sock *fanout_pick(struct fanout *f, const struct netif *nif, const struct sight *v);
/* The same for both directions of a flow. */
uint32_t fanout_flow_hash(const struct stack *s, const uint8_t *datagram, size_t len);
