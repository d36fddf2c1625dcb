/*
 * Socket filters: classic BPF programs (SO_ATTACH_FILTER), checked when they are attached, so that running one needs no care.
 * A program answers how many octets of a packet its socket is to have; none: the packet is dropped.
 */
#pragma once
#include "stack/socket/sock.h"

struct filter;

/* What a program sees. Absolute loads count from data; those relative to SKF_NET_OFF and SKF_LL_OFF from the headers, where they are there. */
struct filter_view {
	const uint8_t *data; size_t len;
	const uint8_t *net, *mac;            /* NULL: not there */
	uint16_t protocol;                   /* Ethernet's */
	uint8_t pkttype;                     /* PACKET_HOST … */
	int ifindex;
	uint16_t hatype;
	uint32_t mark;
	uint16_t vlan_tci, vlan_tpid;        /* of a tag that was taken out; tpid 0: there was none */
};

/* Checks and keeps a program of octets / 8 instructions (struct sock_filter). -EINVAL, -ENOMEM */
int filter_new(const void *insns, size_t octets, struct filter **ret);
struct filter *filter_ref(struct filter *f);               /* one more socket has it: each frees it once. NULL is fine */
void filter_free(struct filter *f);                        /* NULL is fine */
uint32_t filter_run(const struct filter *f, const struct filter_view *v, struct stack *s);

/* Runs sk's filter, if it has one, over a packet as it lies; shortens it to what the program leaves, but not below `least`. False: not for sk. */
bool sock_filter_allows(struct sock *sk, struct packet *p, size_t least);
/* The options. A value is the array of instructions: the host passes what struct sock_fprog points to. */
int filter_set(struct sock *sk, const void *val, socklen_t len);
int filter_get(struct sock *sk, void *val, socklen_t *len);   /* SO_GET_FILTER, which counts instructions where this counts octets */
int filter_detach(struct sock *sk, const void *val, socklen_t len);
int filter_lock(struct sock *sk, const void *val, socklen_t len);
