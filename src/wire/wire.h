/*
 * Octets <-> host-order structs, one file a protocol. Every protocol offers the same three things:
 *
 *     struct x_hdr            the header in host order; nothing further in sees network order
 *     int  x_parse(&h, p, n)  the header's length in octets, or -EBADMSG when the n octets at p can't be one.
 *                             Checks lengths and structure, never checksums. Pointers in h point into p.
 *     void x_emit(&h, p)      writes it; p has room for x_hdr_len(&h) (or the named constant) octets
 *
 * Pure functions: no allocation, no state. Checksums: *_csum_ok over a whole datagram, and emitters of checksummed
 * protocols take what they need to fill it in.
 */
#pragma once
#include "base/addr.h"
#include "base/checksum.h"
#include "base/types.h"

#define IP_PROTO_HOPOPTS 0
#define IP_PROTO_ICMP 1
#define IP_PROTO_IGMP 2
#define IP_PROTO_TCP 6
#define IP_PROTO_UDP 17
#define IP_PROTO_SCTP 132
#define IP_PROTO_UDPLITE 136
#define IP_PROTO_ROUTING 43
#define IP_PROTO_FRAGMENT 44
#define IP_PROTO_ICMP6 58
#define IP_PROTO_NONE 59
#define IP_PROTO_DSTOPTS 60
#define IP_PROTO_PIM 103

/* Ethernet II */
#define ETH_HDR_LEN 14
#define VLAN_TAG_LEN 4              /* what a tag adds to it */
#define ETH_TYPE_IP4 0x0800
#define ETH_TYPE_ARP 0x0806
#define ETH_TYPE_IP6 0x86dd
struct eth_hdr { struct mac dst, src; uint16_t type; };
int eth_parse(struct eth_hdr *ret, const uint8_t *p, size_t n);
void eth_emit(const struct eth_hdr *h, uint8_t *p);

/* ARP for Ethernet and IPv4, RFC 826 */
#define ARP_LEN 28
#define ARP_REQUEST 1
#define ARP_REPLY 2
struct arp_hdr { uint16_t op; struct mac sender_mac, target_mac; struct addr sender, target; };
int arp_parse(struct arp_hdr *ret, const uint8_t *p, size_t n);
void arp_emit(const struct arp_hdr *h, uint8_t *p);

/* IPv4, RFC 791. The header's checksum is verified by ip4_csum_ok and filled in by ip4_emit. */
#define IP4_HDR_MIN 20
#define IP4_FRAG_OFFSET_MASK 0x1fff   /* of the 16 bits that end with it, in units of eight octets */
#define IP4_SIZE_LEAST 576            /* a datagram that every host takes */
#define IP4_HDR_MAX 60
struct ip4_hdr {
	struct addr src, dst;
	uint16_t total_len, id, frag_off;   /* frag_off in octets */
	uint8_t tos, ttl, proto;
	bool df, mf;
	uint8_t opt_len;                    /* multiple of 4 */
	const uint8_t *opt;                 /* emitters pad nothing */
};
int ip4_parse(struct ip4_hdr *ret, const uint8_t *p, size_t n); /* also checks version, ihl, total_len within n and >= header */
bool ip4_csum_ok(const uint8_t *p, size_t hdr_len);
void ip4_emit(const struct ip4_hdr *h, uint8_t *p);
static inline size_t ip4_hdr_len(const struct ip4_hdr *h) { return IP4_HDR_MIN + (size_t)h->opt_len; }

/* IPv6, RFC 8200. Extension headers are walked with ip6_ext_parse. */
#define IP6_HDR_LEN 40
#define IP6_FLOW_MASK 0xfffffu         /* of the first word, which RFC 3542 calls flowinfo: the flow label */
#define IP6_CLASS_MASK 0xff00000u      /* the traffic class */
#define IP6_MTU_LEAST 1280             /* of every link */
struct ip6_hdr { struct addr src, dst; uint16_t payload_len; uint32_t flow; uint8_t tclass, next, hops; };
int ip6_parse(struct ip6_hdr *ret, const uint8_t *p, size_t n);
void ip6_emit(const struct ip6_hdr *h, uint8_t *p);
struct ip6_ext { uint8_t next; uint16_t len; const uint8_t *body; }; /* hop-by-hop, routing, destination options; len octets at body follow the first two */
int ip6_ext_parse(struct ip6_ext *ret, const uint8_t *p, size_t n);
#define IP6_FRAG_LEN 8
struct ip6_frag { uint8_t next; uint16_t offset; bool more; uint32_t id; }; /* offset in octets */
int ip6_frag_parse(struct ip6_frag *ret, const uint8_t *p, size_t n);
void ip6_frag_emit(const struct ip6_frag *h, uint8_t *p);

/* ICMP (RFC 792, 1191) and ICMPv6 (RFC 4443, 4861). rest = the second 32-bit word: id and sequence, MTU, pointer … */
#define ICMP_HDR_LEN 8
#define ICMP4_ECHO_REPLY 0
#define ICMP4_UNREACH 3
#define ICMP4_REDIRECT 5
#define ICMP4_ECHO 8
#define ICMP4_TIME_EXCEEDED 11
#define ICMP4_PARAM_PROBLEM 12
#define ICMP6_UNREACH 1
#define ICMP6_TOO_BIG 2
#define ICMP6_TIME_EXCEEDED 3
#define ICMP6_PARAM_PROBLEM 4
#define ICMP6_ECHO 128
#define ICMP6_ECHO_REPLY 129
#define ICMP6_MLD_QUERY 130
#define ICMP6_MLD_REPORT 131
#define ICMP6_MLD_DONE 132
#define ICMP6_MLD_REPORT2 143
#define ICMP6_RS 133
#define ICMP6_RA 134
#define ICMP6_NS 135
#define ICMP6_NA 136
#define ICMP6_REDIRECT 137
struct icmp_hdr { uint8_t type, code; uint32_t rest; };
int icmp_parse(struct icmp_hdr *ret, const uint8_t *p, size_t n);
/* p holds header room and then the body already; len is the whole message. v6 needs the addresses, v4 passes NULL. */
void icmp_emit(const struct icmp_hdr *h, uint8_t *p, size_t len, const struct addr *src6, const struct addr *dst6);
bool icmp_csum_ok(const uint8_t *p, size_t len, const struct addr *src6, const struct addr *dst6);

/* Neighbour discovery bodies (after the 8 octets of icmp_hdr). */
struct nd_msg { struct addr target; bool has_lladdr; struct mac lladdr; bool router, solicited, override; };
int nd_parse(struct nd_msg *ret, const struct icmp_hdr *h, const uint8_t *body, size_t n); /* NS and NA */
size_t nd_emit(const struct nd_msg *m, uint8_t type, uint8_t *p, const struct addr *src, const struct addr *dst); /* whole ICMP message; at most 32 octets */

/* Redirects. quote: what was redirected, with its IPv6 header; NULL: the message does not say. */
struct nd_rd { struct addr target, dst; bool has_lladdr; struct mac lladdr; const uint8_t *quote; size_t quote_len; };
int nd_rd_parse(struct nd_rd *ret, const struct icmp_hdr *h, const uint8_t *body, size_t n);
/* Whole ICMP message, of `most` octets (56 at least): as much of the quote as fits. */
size_t nd_rd_emit(const struct nd_rd *r, uint8_t *p, size_t most, const struct addr *src, const struct addr *dst);

/* Router advertisements. Of more prefixes than fit the rest is passed over. */
#define ND_PREFIXES_MAX 8
struct nd_prefix { struct addr prefix; uint8_t plen; bool on_link, autonomous; uint32_t valid_s, preferred_s; };   /* 0xffffffff: for ever */
struct nd_ra {
	uint8_t hops;
	uint16_t lifetime_s;
	uint32_t mtu_bytes;
	bool has_lladdr;
	struct mac lladdr;
	size_t n_prefixes;
	struct nd_prefix prefixes[ND_PREFIXES_MAX];
};
int nd_ra_parse(struct nd_ra *ret, const struct icmp_hdr *h, const uint8_t *body, size_t n);
size_t nd_ra_emit(const struct nd_ra *ra, uint8_t *p, const struct addr *src, const struct addr *dst);   /* whole ICMP message; at most 32 + 32 a prefix */

#define ND_RS_LEN 16
void nd_rs_emit(const struct mac *lladdr, uint8_t *p, const struct addr *src, const struct addr *dst);   /* whole ICMP message */

/* UDP, RFC 768 */
#define UDP_HDR_LEN 8
struct udp_hdr { uint16_t src, dst, len, csum, coverage; };   /* coverage: octets under the checksum; UDP-Lite only */
int udp_parse(struct udp_hdr *ret, const uint8_t *p, size_t n);
/* Header in front of a payload that is in place already; fills in the checksum (never 0). */
void udp_emit(const struct udp_hdr *h, uint8_t *p, const struct addr *src, const struct addr *dst);
bool udp_csum_ok(const uint8_t *p, size_t len, const struct addr *src, const struct addr *dst); /* 0 is fine over IPv4 only */
/* UDP-Lite, RFC 3828: where UDP has the length stands the coverage, and the length is IP's. ret->coverage is the number of octets, also where 0 says all. */
int udplite_parse(struct udp_hdr *ret, const uint8_t *p, size_t n);
void udplite_emit(const struct udp_hdr *h, uint8_t *p, const struct addr *src, const struct addr *dst);   /* h->coverage: 0, or 8 to len */
bool udplite_csum_ok(const struct udp_hdr *h, const uint8_t *p, const struct addr *src, const struct addr *dst);

/* TCP, RFC 9293, 7323, 2018 */
#define TCP_HDR_MIN 20
#define TCP_HDR_MAX 60
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_URG 0x20
#define TCP_ECE 0x40
#define TCP_CWR 0x80
#define TCP_SACK_MAX 4
/* RFC 7413 §4.1.1. A SYN without octets asks for a cookie. */
#define TCP_COOKIE_LEAST 4u
#define TCP_COOKIE_MOST 16u
struct tcp_cookie {
	uint8_t len, val[TCP_COOKIE_MOST];
	bool experimental;                    /* as option 254 of RFC 6994, which came first */
};
/* RFC 2385: what both ends know. */
#define TCP_SECRET_MOST 80u
struct tcp_secret { uint8_t len, key[TCP_SECRET_MOST]; };
struct tcp_opts {
	bool has_md5; uint8_t md5[16];        /* as it came */
	const struct tcp_secret *sign;        /* what goes is signed with it; NULL: not */
	bool has_mss, has_wscale, has_ts, sack_ok, has_cookie, bad_cookie;   /* bad: of a length that no cookie has */
	struct tcp_cookie cookie;
	uint16_t mss;
	uint8_t wscale;                       /* as on the wire; the reader clamps to 14 */
	uint32_t ts_val, ts_ecr;
	uint8_t n_sack;
	struct { seq32 start, end; } sack[TCP_SACK_MAX];
	const uint8_t *mptcp; uint8_t mptcp_len;      /* in: from the first option of Multipath TCP to the end of all; out: all of these, padded. mptcp.h */
};
struct tcp_hdr {
	uint16_t src, dst;
	seq32 seq, ack;
	uint8_t flags;
	uint16_t wnd, urg;
	struct tcp_opts opts;
};
int tcp_parse(struct tcp_hdr *ret, const uint8_t *p, size_t n);
size_t tcp_hdr_len(const struct tcp_hdr *h);
/* Header in front of a payload in place; len = payload octets. Fills in the checksum. */
void tcp_emit(const struct tcp_hdr *h, uint8_t *p, size_t len, const struct addr *src, const struct addr *dst);
/* RFC 2385 §2.0, of a segment: header and len octets of data. */
void tcp_signature(const uint8_t *p, size_t hdr_len, size_t len, const struct addr *src, const struct addr *dst, const struct tcp_secret *s, uint8_t ret[16]);
bool tcp_csum_ok(const uint8_t *p, size_t len, const struct addr *src, const struct addr *dst);

/*
 * SCTP, RFC 9260: a header, then chunks. A chunk, and each parameter or error cause inside of one, tells its length without the padding to four
 * octets that follows it.
 */
#define SCTP_HDR_LEN 12
#define SCTP_CHUNK_HDR 4
#define SCTP_DATA_HDR 16                  /* of a DATA chunk: what stands before the octets of the program */
#define SCTP_INIT_FIXED 16
#define SCTP_SACK_FIXED 12
enum sctp_chunk_type {
	CHUNK_DATA, CHUNK_INIT, CHUNK_INIT_ACK, CHUNK_SACK, CHUNK_HEARTBEAT, CHUNK_HEARTBEAT_ACK, CHUNK_ABORT, CHUNK_SHUTDOWN, CHUNK_SHUTDOWN_ACK,
	CHUNK_ERROR, CHUNK_COOKIE_ECHO, CHUNK_COOKIE_ACK, CHUNK_ECNE, CHUNK_CWR, CHUNK_SHUTDOWN_COMPLETE, CHUNK_AUTH,
	CHUNK_ASCONF_ACK = 128, CHUNK_RECONFIG = 130, CHUNK_FORWARD_TSN = 192, CHUNK_ASCONF,
};
#define CHUNK_DATA_E 1                    /* flags of DATA: the last and the first piece of a message, out of order, to be acknowledged at once */
#define CHUNK_DATA_B 2
#define CHUNK_DATA_U 4
#define CHUNK_DATA_I 8
#define CHUNK_T 1                         /* of ABORT and SHUTDOWN COMPLETE: the tag is the receiver's own, sent back */
enum sctp_param_type {
	PARAM_HEARTBEAT_INFO = 1, PARAM_IPV4 = 5, PARAM_IPV6 = 6, PARAM_COOKIE = 7, PARAM_UNRECOGNIZED = 8, PARAM_PRESERVATIVE = 9,
	PARAM_HOST_NAME = 11, PARAM_FAMILIES = 12,
	PARAM_RESET_OUT, PARAM_RESET_IN, PARAM_RESET_TSN, PARAM_RESET_ANSWER, PARAM_ADD_OUT, PARAM_ADD_IN,      /* of RE-CONFIG: RFC 6525 §4 */
	PARAM_ECN = 0x8000, PARAM_RANDOM = 0x8002, PARAM_CHUNKS, PARAM_HMACS,      /* RFC 4895 §3 */
	PARAM_EXTENSIONS = 0x8008, PARAM_FORWARD_TSN = 0xc000,
	PARAM_ADD_IP, PARAM_DEL_IP, PARAM_ASCONF_ERROR, PARAM_SET_PRIMARY, PARAM_ASCONF_DONE,   /* RFC 5061 §4.2 */
	 PARAM_ADAPTATION = 0xc006,
};
enum sctp_cause {
	CAUSE_STREAM = 1, CAUSE_MISSING, CAUSE_STALE_COOKIE, CAUSE_RESOURCE, CAUSE_ADDRESS, CAUSE_CHUNK_TYPE, CAUSE_MANDATORY, CAUSE_PARAMETERS,
	CAUSE_NO_USER_DATA, CAUSE_IN_SHUTDOWN, CAUSE_RESTART, CAUSE_USER_ABORT, CAUSE_PROTOCOL,
	CAUSE_LAST_ADDRESS = 0xa0, CAUSE_ADDRESS_RESOURCE, CAUSE_SOURCE_ADDRESS, CAUSE_ASCONF_ACK, CAUSE_HMAC = 0x105,
};
struct sctp_hdr { uint16_t src, dst; uint32_t vtag; };
int sctp_parse(struct sctp_hdr *ret, const uint8_t *p, size_t n);
bool sctp_csum_ok(const uint8_t *p, size_t len);
void sctp_emit(const struct sctp_hdr *h, uint8_t *p, size_t len);        /* header in front of chunks in place, len octets in all: fills in the checksum */
struct sctp_chunk { uint8_t type, flags; uint16_t len; const uint8_t *value; };   /* len: of the value */
int sctp_chunk_parse(struct sctp_chunk *ret, const uint8_t *p, size_t n);         /* octets it takes, with its padding as far as that is there */
void sctp_chunk_emit(const struct sctp_chunk *c, uint8_t *p);            /* its header alone */
struct sctp_param { uint16_t type, len; const uint8_t *value; };         /* an error cause is one, too */
int sctp_param_parse(struct sctp_param *ret, const uint8_t *p, size_t n);
size_t sctp_param_emit(const struct sctp_param *v, uint8_t *p);          /* with its value and padding; the octets it takes. value NULL: zeroes */
static inline size_t sctp_padded(size_t n) { return (n + 3) & ~(size_t)3; }
/* The fixed parts of chunks, without the chunk's header. INIT and INIT ACK are alike. */
struct sctp_init { uint32_t tag, rwnd; uint16_t out_streams, in_streams; uint32_t tsn; };
int sctp_init_parse(struct sctp_init *ret, const struct sctp_chunk *c);
void sctp_init_emit(const struct sctp_init *h, uint8_t *p);
struct sctp_data { seq32 tsn; uint16_t stream, ssn; uint32_t ppid; };
int sctp_data_parse(struct sctp_data *ret, const struct sctp_chunk *c);
void sctp_data_emit(const struct sctp_data *h, uint8_t *p);
struct sctp_sack { seq32 cum; uint32_t rwnd; uint16_t n_gaps, n_dups; const uint8_t *gaps; };   /* gaps: 4 octets each, then the duplicates */
int sctp_sack_parse(struct sctp_sack *ret, const struct sctp_chunk *c);  /* the lists end where the chunk does */
void sctp_sack_emit(const struct sctp_sack *h, uint8_t *p);              /* without the lists */
