/*
 * What IP offers to the protocols above it, and what inet sockets have in common.
 *
 *     in:   netif -> ip4_receive, ip6_receive -> reassembly -> ip_proto.receive
 *     out:  protocol -> ip_output -> route -> fragmentation -> neighbour -> netif
 *     errors in ICMP: icmp_error_receive -> ip_proto.error of the protocol that sent the quoted datagram
 */
#pragma once
#include <netinet/in.h>
#include "stack/core/netif.h"
#include "stack/core/route.h"
#include "stack/socket/option.h"

struct inet;   /* per stack: private to stack/inet (inet_private.h) */
int inet_new(struct stack *s);       /* called by stack_new, after sysctl and routes */
void inet_free(struct stack *s);

/* ---- IP ---- */
#define IP4_OPTIONS_MAX 40
enum { IP_EXT_HOP, IP_EXT_DST, IP_EXT_COUNT };                    /* IPv6's extension headers, in their order */
struct ip_ext { const uint8_t *at; uint16_t len; };               /* a whole header; its first octet is filled in */
struct ip_out {
	struct addr src, dst;            /* src any: chosen by the route */
	uint8_t proto;
	uint8_t ttl;                     /* 0: the default (multicast: 1) */
	uint8_t tos;
	uint32_t flow;
	bool df;                         /* IPv4: don't fragment; IPv6: never fragment at the source */
	bool link_mtu;                   /* the link's MTU counts, whatever was learnt of the path */
	struct netif *oif;               /* bound interface, or NULL */
	bool mcast_loop;                 /* copy to our own members */
	bool host_only;                  /* a group's datagram with TTL 0: our own members get it, the link does not */
	uint32_t mark, priority, uid;
	uint32_t cut_bytes;              /* the transport message will be cut by the device in pieces of so many octets, headers included; 0: it won't */
	const uint8_t *opt; uint8_t opt_len;      /* IPv4: options, a multiple of 4 octets */
	struct ip_ext ext[IP_EXT_COUNT];
	bool no_flow;                    /* IPv6: no label, unless flow has one */
	uint32_t flow_salt;              /* another one: another label for the same flow */
	struct packet **ret_copy;        /* the datagram with its header, as it goes out, for who wants it back; NULL: nobody does */
	uint32_t mtu_bytes;              /* not larger than that, where it may be cut; 0: as the path allows */
};
/* Takes p, whose data is the transport message with PACKET_HEADROOM-sized headroom left. 0, -ENETUNREACH, -EHOSTUNREACH, -EMSGSIZE (df and too large),
 * -ENOBUFS, -EACCES … What happens after the neighbour queue is not reported. */
int ip_output(struct stack *s, struct packet *p, const struct ip_out *out);
uint8_t ip_default_hops(const struct route_hop *hop);   /* IPv6: of what goes that way */
uint32_t ip_mtu(struct stack *s, const struct addr *dst, const struct route_hop *hop);   /* with what path MTU discovery learnt */
uint32_t ip_out_mtu(struct stack *s, const struct ip_out *out, const struct route_hop *hop);        /* what out allows on that way */
struct ip_error;
struct redirect;
/* For ip_proto.error, when e->mtu_bytes != 0 and the quote was proven to be of a datagram we sent (TCP: sequence in window, RFC 5927;
 * UDP: a socket matches): the destination's path MTU shrinks, for ten minutes. Call it before asking ip_mtu again. */
void ip_pmtu_learn(struct stack *s, const struct ip_error *e);

/* An error quoted by ICMP, translated: err is the positive errno Linux would report. */
struct ip_error {
	struct addr src, dst;            /* of the quoted datagram: src is ours */
	uint8_t proto, icmp_type, icmp_code;
	struct addr from;                /* who sent the ICMP message */
	const struct packet *message;    /* that message: data = after the IP header. NULL: there is none */
	int err;
	bool hard;                       /* fatal for a connection being opened or without IP_RECVERR: port or protocol unreachable … */
	uint32_t mtu_bytes;              /* of "too big", else 0: see ip_pmtu_learn */
	const struct redirect *redirect; /* it is one, and no error at all: see redirect_take (redirect.h). Else NULL */
	const uint8_t *quote; size_t quote_len;  /* transport header of the quoted datagram, at least 8 octets */
};
struct ip_proto {
	uint8_t proto;
	/* Takes it; data = transport message, src, dst, proto, ttl, tos, netif, net_off, trans_off set */
	void (*receive)(struct stack *, struct packet *);
	void (*error)(struct stack *, const struct ip_error *);  /* NULL allowed */
};
/* Rows of the table in inet/proto.c. */
extern const struct ip_proto tcp_proto, sctp_proto, udp_proto, udplite_proto, icmp_proto, igmp_proto, icmp6_proto, pim_proto;

/* Sends "destination unreachable, port unreachable" (or the v6 code) about p, rate-limited; p stays the caller's. */
void icmp_send_port_unreachable(struct stack *s, const struct packet *p);

/* ---- sockets ---- */
struct path_mtu { struct addr dst; uint32_t mtu_bytes; };         /* 0 octets: none */
/* Headers that the program wants sent with its datagrams, and what else few sockets have; header_options.c */
struct header_opts {
	uint8_t ip[40], ip_len;          /* IP_OPTIONS */
	struct ip_ext ext6[IP_EXT_COUNT]; /* IPV6_HOPOPTS, IPV6_DSTOPTS: in memory of their own that stays until the socket is gone */
	struct ip_ext rthdrdst6;         /* IPV6_RTHDRDSTOPTS: kept, as there is no routing header to go before */
	struct addr pktinfo_addr6; int pktinfo_if6; /* IPV6_PKTINFO: datagrams leave by the interface; the address is only kept, as on Linux */
	struct path_mtu path_mtu;        /* IPV6_RECVPATHMTU: to be told; pathmtu.c */
};
struct inet_sock {
	struct sock sk;
	struct addr laddr, raddr;        /* any of the right kind when not bound or connected */
	uint16_t lport, rport;           /* host order, 0 = none */
	bool bound;                      /* lport belongs to us */
	bool addr_bound, port_bound;     /* bound by the program (bind), not by connect: survives disconnect */
	bool v6only;
	uint32_t scope;                  /* ifindex of a link-local peer or address */
	/* IP_* and IPV6_* */
	int16_t ttl, hops;               /* IP_TTL, IPV6_UNICAST_HOPS; -1: default */
	uint8_t mcast_ttl, mcast_hops;
	uint8_t tos;
	bool mcast_loop, mcast_all, recverr, recverr6, pktinfo, recvttl, recvtos, pktinfo6, recvhops6, recvtclass6, freebind, hdrincl, recvorigdst;
	bool recvopts, retopts, recvfragsize, passsec, checksum, transparent;
	bool recvhopopts6, recvdstopts6, recvrthdr6, recvflowinfo6, sendflow6, autoflowlabel6, recvfragsize6, alert_isolate6;
	bool old_pktinfo6, old_hops6, old_hopopts6, old_dstopts6, old_rthdr6;   /* RFC 2292's */
	uint8_t min_ttl, min_hops;       /* IP_MINTTL, IPV6_MINHOPCOUNT: TCP's */
	/* IPv6's own: an AF_INET6 socket keeps both sets, and the destination says which one counts */
	uint8_t tclass;
	bool mcast_loop6, mcast_all6, recvorigdst6, dontfrag6;
	bool bind_no_port;               /* bind with port 0 takes the address only: connect chooses the port */
	bool in_flows, recvpathmtu6;
	uint8_t opening_tos;             /* of the segment that opened a connection; pktoptions.c */
	uint8_t srcprefs6;               /* IPV6_ADDR_PREFERENCES */
	uint8_t pmtudisc, pmtudisc6;     /* IP_PMTUDISC_*, IPV6_PMTUDISC_* */
	bool recverr_rfc4884, recverr_rfc4884_6;
	int mcast_if, mcast_if6;
	int unicast_if, unicast_if6;     /* IP_UNICAST_IF, IPV6_UNICAST_IF: index, for datagrams that are bound to no interface */
	uint16_t port_low, port_high;    /* IP_LOCAL_PORT_RANGE; 0: the host's */
	uint32_t mtu6;                   /* IPV6_MTU: cut to that size; 0: the path's */
	uint32_t flow_salt;              /* changes when the flow is to take another path */
	uint32_t flowinfo6;              /* of the peer's name, with IPV6_FLOWINFO_SEND: traffic class and flow label */
	uint32_t pid;                    /* of an IPv6 socket: its creator, for labels that only one process may have */
	struct anycast_join *anycasts;   /* anycast.c */
	struct list *flow_leases;        /* NULL until there is one */
	struct header_opts *header;      /* NULL: none was ever set */
	struct filter *chooser;          /* SO_ATTACH_REUSEPORT_CBPF; NULL: none */
	struct errqueue *errqueue;       /* MSG_ERRQUEUE: inet/errqueue.h; NULL until there is something */
	struct list port_node;           /* in the port's list of owners */
	struct hash_node flow_node;      /* in the table of connected sockets */
	struct membership *memberships;  /* membership.c */
};

#define SIN6_LEN_MIN 24      /* RFC 2133: without sin6_scope_id */
/* Reads sockaddr_in / sockaddr_in6 for a socket of this domain. 0, -EINVAL (too short), -EAFNOSUPPORT. v4-mapped addresses become IPv4. */
int inet_sockaddr_parse(const struct inet_sock *is, const struct sockaddr *a, socklen_t len, struct addr *ret, uint16_t *ret_port, uint32_t *ret_scope);
/* Writes the address as a family shows it (v4-mapped on AF_INET6), and as the socket's own does. */
void sockaddr_emit(int domain, const struct addr *a, uint16_t port, uint32_t scope, struct sockaddr_storage *ret, socklen_t *ret_len);
void inet_sockaddr_emit(const struct inet_sock *is, const struct addr *a, uint16_t port, uint32_t scope, struct sockaddr_storage *ret, socklen_t *ret_len);

/* Common parts of every inet protocol, to be put straight into sock_ops or called from there. */
int inet_sock_init(struct sock *sk);
/* Checks the address is local, takes the port: -EADDRNOTAVAIL, -EADDRINUSE, -EACCES, -EINVAL when bound already. */
int inet_bind(struct sock *sk, const struct sockaddr *a, socklen_t len);
/* The address that a bind names, if it may be bound to: the first half of inet_bind. A link-local one binds is to its interface. */
int inet_bind_address(struct inet_sock *is, const struct sockaddr *a, socklen_t len, struct addr *ret, uint16_t *ret_port);
int inet_name_of(const struct sock *sk, bool peer, struct sockaddr_storage *ret, socklen_t *ret_len);
int inet_ioctl(struct sock *sk, unsigned long request, void *arg, size_t len);   /* SIOCGIF* and kin */
extern const struct sockopt ip_options[], ipv6_options[];
/* The choice of IP_UNICAST_IF and IPV6_UNICAST_IF, an index in network order, into *ret. -EINVAL, -EADDRNOTAVAIL */
int inet_unicast_if_read(const struct sock *sk, const void *val, socklen_t len, int *ret);
/* The path MTU of a connection, as IP_MTU and IPV6_MTU show it. -ENOTCONN */
int inet_path_mtu(const struct inet_sock *is);
struct netif *inet_sock_oif(const struct inet_sock *is);                   /* bound_if, or the one of scope */
/* SO_DONTROUTE, or MSG_DONTROUTE in flags: that way stays on the link. -ENETUNREACH */
int inet_check_link(const struct sock *sk, int flags, const struct addr *dst, const struct route_hop *hop);
uint32_t inet_priority_of(uint8_t tos);
/* Of what a connected socket sends from src; src any: not chosen yet. */
struct route_flow inet_sock_flow(const struct inet_sock *is, const struct addr *src);
/* Fills ret from the socket's options for a datagram to dst: ttl, tos, df, oif, loop, mark, priority, uid. */
void inet_sock_out(const struct inet_sock *is, const struct addr *src, const struct addr *dst, uint8_t proto, struct ip_out *ret);
bool inet_needs_scope(const struct addr *a);                               /* it means something on one link only */
bool inet_addr_is_broadcast(const struct stack *s, const struct addr *a);   /* 255.255.255.255 or that of a subnet of ours */
/* Binds is to the interface that a link-local IPv6 address means (scope: sin6_scope_id); any other address: nothing. -EINVAL, -ENODEV */
int inet_scope_bind(struct inet_sock *is, const struct addr *a, uint32_t scope);
int inet_scope_connect(struct inet_sock *is, const struct addr *a, uint32_t scope);   /* the same for a peer's address. -EINVAL, -ENETUNREACH */
void inet_sock_reset_addr(struct inet_sock *is);                           /* laddr back to "any" of its kind; AF_UNSPEC and failed binds */
void inet_sock_ext(const struct inet_sock *is, struct ip_out *ret);        /* the extension headers that the socket sends always */
void inet_sock_done(struct sock *sk);                                      /* before sock_free: port, flow, memberships, error queue */

/* ---- ports and demux: one table for both families, a pair (UDP, TCP) of spaces ---- */
struct port_space;                                                        /* stack->inet->udp_ports, ->udplite_ports, ->tcp_ports, ->ping_ids */
struct port_space *port_space_of(struct stack *s, int ip_proto);          /* IPPROTO_TCP, _UDP, _ICMP */
/* Takes (laddr, port) for is under the rules of REUSEADDR, REUSEPORT, V6ONLY and bound_if (TCP: a listener conflicts with REUSEADDR).
 * port 0: a free ephemeral one. Sets laddr, lport, bound. -EADDRINUSE. */
int port_bind(struct inet_sock *is, const struct addr *laddr, uint16_t port);
/* For connect without bind: an ephemeral port that makes the 4-tuple unique, chosen by keyed hash (RFC 6056 §3.3.3 algorithm 3), and that fits, which
 * is asked when it is taken. -EADDRNOTAVAIL. */
int port_autobind(struct inet_sock *is, const struct addr *laddr, const struct addr *raddr, uint16_t rport, bool (*fits)(struct inet_sock *is));
void port_release(struct inet_sock *is);                                  /* gives up port and flow; harmless when there is none */
/* listening sockets conflict with others on the port unless REUSEPORT; called by listen. -EADDRINUSE */
int port_listen_check(struct inet_sock *is);
/* Puts a connected socket (4-tuple set) into the flow table. -EADDRNOTAVAIL / -EADDRINUSE when the tuple is taken. */
int flow_add(struct inet_sock *is);
void flow_remove(struct inet_sock *is);
/* An accepted socket shares its listener's port: joins the port's owners without checks. */
int port_inherit(struct inet_sock *child, const struct inet_sock *listener);
/* The keyed hash of a 4-tuple: of a flow, and of what is left of one. */
uint64_t flow_hash(const struct stack *s, const struct addr *laddr, uint16_t lport, const struct addr *raddr, uint16_t rport);
/* The flow with this 4-tuple, else NULL. flow_at, for whoever has the hash. */
struct inet_sock *flow_at(struct port_space *ps, uint64_t hash, const struct addr *laddr, uint16_t lport, const struct addr *raddr, uint16_t rport);
struct inet_sock *flow_lookup(struct port_space *ps, const struct addr *laddr, uint16_t lport, const struct addr *raddr, uint16_t rport);
/* The best bound socket for a packet that matches no flow: scores address, interface, family as Linux does; REUSEPORT groups are spread by a hash
 * of the 4-tuple, or by their program, where there is a packet that it can look at (payload, else NULL). raddr NULL: the peer does not matter (ICMP
 * identifiers); nif NULL: nor does the interface (errors). filter (NULL: any) filters, e.g. TCP: only listeners. */
struct inet_sock *port_lookup(struct port_space *ps, const struct addr *laddr, uint16_t lport, const struct addr *raddr, uint16_t rport,
			      const struct netif *nif, bool (*filter)(const struct inet_sock *), const struct packet *payload);
int port_chooser_set(struct sock *sk, const void *val, socklen_t len);     /* SO_ATTACH_REUSEPORT_CBPF */
int port_chooser_detach(struct sock *sk, const void *val, socklen_t len);  /* SO_DETACH_REUSEPORT_BPF */
/* All bound sockets that get a copy of a multicast or broadcast datagram: start with NULL. */
struct inet_sock *port_each(struct port_space *ps, struct inet_sock *after, const struct addr *laddr, uint16_t lport, const struct addr *raddr,
			    uint16_t rport, const struct netif *nif);
