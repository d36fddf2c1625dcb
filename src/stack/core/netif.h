/* Interfaces and their addresses. */
#pragma once
#include "stack/core/netconf.h"
#include "stack/core/stack.h"

/* RAW_IP: datagrams without link header (packetdrill, TUN); ABSENT: see netif_absent. */
enum netif_kind { NETIF_ETHERNET, NETIF_LOOPBACK, NETIF_RAW_IP, NETIF_ABSENT };

struct netif_addr {
	struct list node;
	struct netif *netif;
	struct addr addr, peer;       /* peer: whose prefix it is; the address itself where there is no other end */
	struct addr broadcast;        /* IPv4; any: none */
	char label[16];               /* IPv4: of the interface, or an alias of it */
	uint8_t plen;
	uint8_t scope;                /* RT_SCOPE_UNIVERSE, _LINK, _HOST */
	uint8_t protocol;             /* IFAPROT_*, as its maker said */
	uint32_t route_metric;        /* of the connected route; 0: the family's default */
	uint32_t flags;               /* IFA_F_TENTATIVE, IFA_F_PERMANENT … */
	struct timer dad;             /* duplicate address detection, where it runs */
	int dad_asked;                /* so often */
	time_ns preferred_until, valid_until; /* its timer also ends its being preferred */
	time_ns created, updated;
	struct timer life;
};

/* What an interface's talk with multicast routers needs, besides its groups: stack/inet/mcast.h. */
struct netif_mcast { struct timer general4, general6; time_ns igmp1_until, igmp2_until, mld1_until; };

/* What is behind an interface that leads to no cable, but to a device of the stack's own. */
struct netif_ops {
	int (*open)(struct netif *);                        /* it is to go up: 0, or why it can't */
	void (*stop)(struct netif *);                       /* it has gone down */
	int (*transmit)(struct netif *, struct packet *);   /* takes a datagram. 0, or the errno that its sender hears of */
	void (*remove)(struct netif *);                     /* it goes for good, down already: frees device */
};

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
	uint32_t flags;               /* IFF_UP, IFF_RUNNING, IFF_LOOPBACK, IFF_BROADCAST, IFF_MULTICAST … */
	bool was_up;                  /* ever: it has a queue discipline since */
	bool no_carrier;              /* up, and nobody at the other end: not running */
	const char *made;             /* the kind that a program made it as ("dummy", "veth" …), or NULL: it is the host's own */
	struct netif *twin;           /* veth: the other end */
	uint32_t group;
	struct netconf conf;           /* settings of its own: net.ipv4.conf and the like. mc_forwarding: how many tables of multicast routes have it */
	char *alias;                  /* IFLA_IFALIAS; NULL: none */
	struct list altnames;         /* netif_altname.c */
	struct list addrs;            /* struct netif_addr, in order of addition */
	struct list groups;           /* multicast memberships: stack/inet/mcast.h */
	struct netif_mcast mcast;
	struct list learnt;           /* routes from advertisements: stack/inet/autoconf.c */
	struct timer advertise;       /* our own advertisements */
	struct { struct timer timer; time_ns interval; uint32_t sent; bool answered; } solicit;   /* asking for others': stack/inet/solicit.c */
	bool pim_register;            /* it stands for PIM Registers: stack/mroute/pim.c */
	void *link;                   /* the host's: which link end this is */
	const struct netif_ops *ops;  /* NULL: the host's transmit takes what goes out */
	void *device;                 /* theirs */
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, rx_dropped, tx_dropped;
};

/* Adds an interface that is up; loopback gets 127.0.0.1/8 and ::1/128, Ethernet its IPv6 link-local address (from the mac, EUI-64). */
int netif_add(struct stack *s, const char *name, enum netif_kind kind, const struct mac *mac, uint32_t mtu_bytes, struct netif **ret);
/* Adds one that is down and has no addresses, as a program makes it; who makes it tells (netlink_tell_link). -ENOBUFS: there were too many. */
int netif_make(struct stack *s, const char *name, enum netif_kind kind, const struct mac *mac, uint32_t mtu_bytes, struct netif **ret);
void netif_remove(struct netif *nif);                      /* with its addresses, routes, neighbours; the struct stays readable, down, until stack_free */
void netif_free_gone(struct stack *s);                     /* the structs of removed interfaces; called by stack_free */
struct netif *netif_by_index(const struct stack *s, int index);
/* What stands for the interface of an index that there is none of, or no more, so that sockets can be bound to it. NULL: no memory, or too many of them. */
struct netif *netif_absent(struct stack *s, int index);
bool netif_is_gone(const struct netif *nif);               /* removed, or never there */
struct netif *netif_by_name(const struct stack *s, const char *name);      /* by an alternative one, too */
struct netif *netif_by_own_name(const struct stack *s, const char *name);  /* as files are called */
#define NETIF_ALTNAME_MAX 127
int netif_altname_add(struct netif *nif, const char *name);                /* -EEXIST, -ENOMEM */
int netif_altname_del(struct netif *nif, const char *name);                /* -ENOENT; -EINVAL: another interface's, or no alternative one */
bool netif_has_altname(const struct netif *nif, const char *name);
const char *netif_altname(const struct netif *nif, size_t i);              /* of all in turn; NULL: there are no more */
void netif_altnames_free(struct netif *nif);
/* Adds the address with its connected route. -EEXIST, -ENOMEM. Without DAD the address is usable at once. */
int netif_addr_add(struct netif *nif, const struct addr *a, unsigned plen);
/* The same with flags of its own (IFA_F_*): without _PERMANENT it may end, and with _TENTATIVE an IPv6 one is looked for on the link first. */
int netif_addr_add_flags(struct netif *nif, const struct addr *a, unsigned plen, uint32_t flags);
struct addr netif_addr_of(const struct netif *nif, const struct addr *prefix);   /* the prefix's first 64 bits with the interface's identifier */
/* The same with all that the caller fills in but netif, timers and times, which is checked already. -EEXIST, -EINVAL (another scope in the subnet), -ENOMEM */
int netif_addr_put(struct netif *nif, const struct netif_addr *want, struct netif_addr **ret);
void netif_addr_set_life(struct netif_addr *ia, time_ns preferred_until, time_ns valid_until);   /* TIME_NEVER: for ever */
void netif_addr_set_metric(struct netif_addr *ia, uint32_t metric);   /* of its connected route; 0: the default */
int netif_addr_del(struct netif *nif, const struct addr *a, unsigned plen);
void netif_addr_remove(struct netif_addr *ia);             /* with its routes, and the secondary ones of its subnet */
int netif_addr_routes_add(const struct netif_addr *ia);    /* those that are missing; inside core */
/* The host is set up: routers begin to advertise, hosts ask for it, as netif_set_flags has it of an interface that comes up. */
void netif_start(struct netif *nif);
int netif_set_flags(struct netif *nif, uint32_t flags);    /* those that are not the device's own; IFF_UP off: flushes routes and neighbours as Linux */
void netif_set_carrier(struct netif *nif, bool on);        /* somebody is at the other end, or nobody any more */
void netif_ipv6_switched(struct netif *nif);               /* conf.disable_ipv6 has become the other of on and off */
uint32_t netif_mtu_least(const struct netif *nif);
uint32_t netif_mtu_most(const struct netif *nif);          /* 0: there is no bound */
int netif_set_mtu(struct netif *nif, uint32_t mtu_bytes);  /* -EINVAL */
int netif_set_name(struct netif *nif, const char *name);   /* -EINVAL, -EEXIST */
#define NETIF_ALIAS_MAX 255       /* octets: IFALIASZ less its end */
int netif_set_alias(struct netif *nif, const char *text, size_t len);        /* 0 octets: none. -EINVAL, -ENOMEM */
int netif_set_txqlen(struct netif *nif, uint32_t len);     /* -ERANGE */
void netif_set_group(struct netif *nif, uint32_t group);
bool netif_mac_ok(const struct mac *mac);                                    /* one that an interface may have: not a group's, not zero */
int netif_set_mac(struct netif *nif, const struct mac *mac);        /* -EADDRNOTAVAIL */
/* A name for a new or renamed interface: the one that is wanted, or with "%d" in it the first number that makes it new. -EINVAL, -EEXIST, -ENFILE */
int netif_name_choose(const struct stack *s, const char *wanted, char ret[16]);
/* The local address a, or NULL; nif limits to one interface (link-local addresses), NULL means any. 127/8 is local as a whole. */
struct netif_addr *netif_addr_find(const struct stack *s, const struct addr *a, const struct netif *nif);
const struct netif_addr *netif_linklocal(const struct netif *nif);   /* its IPv6 link-local address, if that is ours already; else NULL */
bool netif_addr_is_tentative(const struct netif_addr *ia);   /* not ours to use yet: being looked for elsewhere, or found there */
bool stack_is_local(const struct stack *s, const struct addr *a);
/* Counts and hands p to the host, or the device: a frame on Ethernet, a datagram elsewhere. Takes p. 0, or what the device says against it. */
int netif_transmit(struct netif *nif, struct packet *p);
int netif_transmit_from(struct netif *nif, struct packet *p, const struct sock *sender);   /* of a packet socket, which does not see it again */
void netif_devices_end(struct stack *s);                  /* the stack ends: devices let go of what they have, sockets above all */
bool netif_is_dummy(const struct netif *nif);             /* nobody is at its other end, nor can be */
uint8_t netif_operstate(const struct netif *nif);          /* IF_OPER_* */
uint16_t netif_hatype(const struct netif *nif);           /* ARPHRD_* */
