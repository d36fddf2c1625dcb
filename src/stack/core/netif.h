/* Interfaces and their addresses. */
#pragma once
#include "stack/core/stack.h"

enum netif_kind { NETIF_ETHERNET, NETIF_LOOPBACK, NETIF_RAW_IP };   /* RAW_IP: datagrams without link header (packetdrill, TUN) */

struct netif_addr {
	struct list node;
	struct netif *netif;
	struct addr addr;
	uint8_t plen;
	uint8_t scope;                /* RT_SCOPE_UNIVERSE, _LINK, _HOST */
	uint32_t flags;               /* IFA_F_TENTATIVE, IFA_F_PERMANENT … */
	struct timer dad;             /* duplicate address detection, where it runs */
	bool dad_asked;
	time_ns preferred_until, valid_until; /* of an address that a router's advertisement made; its timer also ends its being preferred */
	struct timer life;
};

/* What an interface's talk with multicast routers needs, besides its groups: stack/inet/mcast.h. */
struct netif_mcast { struct timer general4, general6; time_ns igmp1_until, igmp2_until, mld1_until; };

struct netif {
	struct list node;
	struct stack *stack;
	int index;
	char name[16];                /* IFNAMSIZ */
	enum netif_kind kind;
	struct mac mac;
	uint32_t mtu_bytes;           /* of the IP datagram */
	uint32_t tso_bytes;           /* the device cuts TCP segments of up to so many octets itself (segmentation offload); 0: it does not */
	int txqlen;                   /* kept: the link has its own bound */
	uint32_t flags;               /* IFF_UP, IFF_RUNNING, IFF_LOOPBACK, IFF_BROADCAST, IFF_MULTICAST */
	struct list addrs;            /* struct netif_addr, in order of addition */
	struct list groups;           /* multicast memberships: stack/inet/mcast.h */
	struct netif_mcast mcast;
	struct list learnt;           /* routes from advertisements: stack/inet/autoconf.c */
	struct timer advertise;       /* our own advertisements */
	struct { struct timer timer; time_ns interval; uint32_t sent; bool answered; } solicit;   /* asking for others': stack/inet/solicit.c */
	void *link;                   /* the host's: which link end this is */
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, rx_dropped, tx_dropped;
};

/* Adds an interface that is up; loopback gets 127.0.0.1/8 and ::1/128, Ethernet its IPv6 link-local address (from the mac, EUI-64). */
int netif_add(struct stack *s, const char *name, enum netif_kind kind, const struct mac *mac, uint32_t mtu_bytes, struct netif **ret);
void netif_remove(struct netif *nif);                      /* with its addresses, routes, neighbours; the struct stays readable, down, until stack_free */
void netif_free_gone(struct stack *s);                     /* the structs of removed interfaces; called by stack_free */
struct netif *netif_by_index(const struct stack *s, int index);
struct netif *netif_by_name(const struct stack *s, const char *name);
/* Adds the address with its connected route. -EEXIST, -ENOMEM. Without DAD the address is usable at once. */
int netif_addr_add(struct netif *nif, const struct addr *a, unsigned plen);
/* The same with flags of its own (IFA_F_*): without _PERMANENT it may end, and with _TENTATIVE an IPv6 one is looked for on the link first. */
int netif_addr_add_flags(struct netif *nif, const struct addr *a, unsigned plen, uint32_t flags);
struct addr netif_addr_of(const struct netif *nif, const struct addr *prefix);   /* the prefix's first 64 bits with the interface's identifier */
int netif_addr_del(struct netif *nif, const struct addr *a, unsigned plen);
/* The host is set up: routers begin to advertise, hosts ask for it, as netif_set_flags has it of an interface that comes up. */
void netif_start(struct netif *nif);
int netif_set_flags(struct netif *nif, uint32_t flags);    /* IFF_UP off: flushes routes and neighbours as Linux */
/* The local address a, or NULL; nif limits to one interface (link-local addresses), NULL means any. 127/8 is local as a whole. */
struct netif_addr *netif_addr_find(const struct stack *s, const struct addr *a, const struct netif *nif);
const struct netif_addr *netif_linklocal(const struct netif *nif);   /* its IPv6 link-local address, if that is ours already; else NULL */
bool netif_addr_is_tentative(const struct netif_addr *ia);   /* not ours to use yet: being looked for elsewhere, or found there */
bool stack_is_local(const struct stack *s, const struct addr *a);
/* Counts and hands p to the host: a frame on Ethernet, a datagram elsewhere. Takes p. */
void netif_transmit(struct netif *nif, struct packet *p);
void netif_transmit_from(struct netif *nif, struct packet *p, const struct sock *sender);   /* of a packet socket, which does not see it again */
uint16_t netif_hatype(const struct netif *nif);           /* ARPHRD_* */
