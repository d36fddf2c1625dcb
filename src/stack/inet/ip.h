/*
 * Inside IP: what its files ask of each other.
 *
 *     ip4_receive, ip6_receive --ours--> [reassembly] -> ip_deliver -> ip_proto.receive
 *              \--not ours--> ip_forward --\
 *     ip_output -> header -> [fragment] ----+-> ip_link_output -> neighbour -> netif_transmit
 *
 * A packet that waits for a neighbour, is forwarded or quoted by ICMP has net_off set: its own header is what tells IPv4
 * from IPv6.
 */
#pragma once
#include "stack/inet/inet.h"
#include "wire/wire.h"

/* Both take p, whose data is the datagram (with link padding behind it perhaps). */
void ip4_receive(struct stack *s, struct packet *p);
void ip6_receive(struct stack *s, struct packet *p);
/* A datagram that is not for us, ttl not yet taken down. Takes p, data = the datagram; src, dst, ttl set. */
void ip_forward(struct stack *s, struct packet *p);
bool rp_filter_refuses(struct stack *s, const struct packet *p);   /* IPv4: is it from whom no datagram may come in here? (rp_filter.c) */
void ip_take_hop(struct packet *p);      /* one hop less, and the checksum with it: it is forwarded */
/* Takes a datagram that came out of another one: it is received from p->netif in a round of its own, so that what is nested takes no room of ours. */
void ip_receive_later(struct stack *s, struct packet *p);
void ip_loop_copy(struct stack *s, const struct packet *p, const struct route_hop *hop);   /* for our own members where it goes out */

/* Takes one that raw sockets want to look at instead (router_alert.c); false: nobody does, and p stays the caller's. */
bool router_alert4(struct stack *s, struct packet *p, struct ip4_hdr *h);
bool router_alert6(struct stack *s, struct packet *p);
int router_alert6_value(const struct packet *p);           /* of its option; -1: there is none */
/* The datagram that p is, or that it completes as a fragment; NULL: taken, others are missing. */
struct packet *ip4_whole(struct stack *s, struct packet *p, struct ip4_hdr *h);

/* The protocol's row, or NULL. ICMP belongs to IPv4 only, ICMPv6 to IPv6 only. */
const struct ip_proto *ip_proto_find(uint8_t proto, bool v4);
/* Pulls the headers in front of offset `at` and gives the message to the protocol. Raw sockets get copies. Takes p.
 * False when nobody wants proto: p stays the caller's. */
bool ip_deliver(struct stack *s, struct packet *p, size_t at, uint8_t proto);

/* Octets of the headers that ip_output puts in front. */
size_t ip_header_len(const struct ip_out *out);
/* As ip_output, with the way known already: neighbour discovery and answers that must not be routed. */
int ip_output_via(struct stack *s, struct packet *p, const struct ip_out *out, const struct route_hop *hop);
/* A datagram with a header of the program's own (data = IP header) that fits the link, to where out and hop say. Takes p. */
int ip_output_whole(struct stack *s, struct packet *p, const struct ip_out *out, const struct route_hop *hop);
/* A whole datagram that fits the link, data = IP header, net_off set. Takes p. 0, or what the interface's device says against it. */
int ip_link_output(struct stack *s, struct packet *p, const struct route_hop *hop);
/* Cuts a datagram (data = IP header, net_off set) into pieces of at most mtu octets and sends them. Takes p. 0, -EMSGSIZE, -ENOBUFS. */
int ip_fragment(struct stack *s, struct packet *p, uint32_t mtu, const struct route_hop *hop);

/* The ports of a flow whose transport message begins so, where its protocol has some. */
static inline void ip_flow_ports(struct route_flow *f, const uint8_t *msg, size_t len)
{
	if ((f->proto != IP_PROTO_TCP && f->proto != IP_PROTO_UDP && f->proto != IPPROTO_UDPLITE && f->proto != IPPROTO_SCTP) || len < 4) return;
	f->sport = read16(msg);
	f->dport = read16(msg + 2);
}

/* Octets from a packet's IP header to its end. */
static inline size_t ip_len(const struct packet *p) { return (size_t)(p->data - p->head) + p->len - p->net_off; }
static inline bool packet_is_v4(struct packet *p) { return *packet_at(p, p->net_off) >> 4 == 4; }

/* IPv4 options (ip4_options.c): 0, or the offset in the header of the octet that is wrong; *ret_source_route when one is there. */
uint8_t ip4_options_check(const struct ip4_hdr *h, bool *ret_source_route);
void ip4_options_clear_rest(uint8_t *opt, size_t len);     /* of options that were checked */
/* Turns the options that belong into the first fragment only to no-operations (RFC 791 §3.1, "copied flag"). */
void ip4_options_for_fragment(uint8_t *opt, size_t len);

/*
 * A walk along the headers of an IPv6 datagram (ip6_ext.c). off: of the header at hand; next: what it is;
 * next_at: where the octet stands that says so.
 */
struct ip6_walk { size_t off, next_at; uint8_t next; unsigned count; };
#define IP6_EXT_MAX 8            /* headers of extension that one datagram may have */
static inline struct ip6_walk ip6_walk_start(uint8_t next) { return (struct ip6_walk){.off = IP6_HDR_LEN, .next_at = 6, .next = next}; }
/* Takes the walk over the extension headers of a quoted or hostile datagram, none of them obeyed: false when it ends before a transport header,
 * or the datagram is a fragment other than the first. */
bool ip6_walk_to_transport(struct ip6_walk *w, const uint8_t *dgram, size_t len);
/* What the options of a hop-by-hop or destination header demand (RFC 8200 §4.2). */
enum ip6_opt_verdict { IP6_OPT_PASS, IP6_OPT_DROP, IP6_OPT_COMPLAIN, IP6_OPT_COMPLAIN_UNICAST };
enum ip6_opt_verdict ip6_options_check(const struct ip6_ext *ext, size_t *ret_at); /* *ret_at: offset in body of the option refused */

/* Identification of datagrams that may be fragmented (ident.c). */
struct ip_idents { uint32_t counter[256]; };
uint32_t ip_ident(struct stack *s, const struct addr *src, const struct addr *dst, uint8_t proto);
