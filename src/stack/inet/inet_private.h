/* The parts of IP that keep state, one set for each stack. */
#pragma once
#include "stack/inet/dst_cache.h"
#include "stack/inet/icmp.h"
#include "stack/inet/inet.h"
#include "stack/inet/ip.h"
#include "stack/inet/neigh.h"
#include "stack/inet/pmtu.h"
#include "stack/inet/port.h"
#include "stack/inet/reassembly.h"
#include "stack/inet/redirect.h"

struct inet {
	struct stack *stack;
	struct port_space *tcp_ports, *sctp_ports, *udp_ports, *udplite_ports, *ping_ids;
	struct list raws;                 /* struct raw_sock.node */
	struct list anycasts;             /* anycast.c */
	struct list flow_labels;          /* flowlabel.c */
	uint32_t n_flow_labels;
	uint32_t flow_given;              /* the label that the last request left to us; 0: it did not */
	struct neigh_table neigh;
	struct frag_table frags;
	struct dst_cache pmtu, redirects;
	struct redirect_limits redirect_limits;
	struct ip_idents idents;
	struct icmp_limits icmp_limits;
	/* Our own copies of what we sent to groups and broadcast: received again at once, but not from inside the sending call */
	struct list looped;
	struct timer loop_timer;
};

void ip_loop_fire(struct timer *t);   /* ip_output.c: receives what is in looped */
