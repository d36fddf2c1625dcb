/*
 * The inside of AF_NETLINK.
 *
 *     socket.c    the calls: bind, connect, send, recv, options        queue.c     what waits to be read, and from whom
 *     port.c      port ids, and who may name whom                      deliver.c   from socket to socket: to one, and to a group
 *     protocol.c  the protocols, a row each
 *     request.c   what was sent to the stack: header by header, to its protocol's handler, and the acknowledgment
 *     diag.h      NETLINK_SOCK_DIAG          generic.c   NETLINK_GENERIC          uevent.c   NETLINK_KOBJECT_UEVENT
 *                                            wireguard.c and wireguard_set.c, mptcp.c: families of it
 *
 * NETLINK_ROUTE's handlers:
 *
 *     message.c   messages and attributes, written;  attr.c: read;  policy.c: what they have to be
 *     form.c      what a dump or a get may ask
 *     notify.c    what has changed, to the groups
 *     link.c address.c route.c mroute.c neigh.c rule.c netconf.c   a kind of object each: rows of attributes, the dump, the single get
 *     route_get.c the way to one destination
 *     link_set.c link_make.c link_prop.c address_set.c route_set.c neigh_set.c rule_set.c   what changes them
 *
 * Read first: netlink(7), rtnetlink(7).
 */
#pragma once
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include "base/addr.h"
#include "stack/netlink/netlink.h"
#include "stack/netlink/notify.h"
#include "stack/socket/option.h"

#define NL_DATAGRAM_MAX 3776        /* of a dump: NLMSG_GOODSIZE, what a page holds on Linux; libraries read with a page */
#define NL_MESSAGE_MAX 3072         /* of one object */

struct nl_request;
struct netlink_sock;

struct netlink {
	struct list socks;
	int32_t last_free_port;
	/* While a request is served: whose, and what is wrong with it. */
	const struct nl_request *request;
	struct netlink_sock *asker;
	const char *why;              /* NULL: nobody said */
	uint32_t why_offset;          /* of the attribute in the message; 0: none */
	uint64_t uevents;             /* told so far */
	size_t dumped;                /* octets of dumps that wait to be read */
};

/* Who sent a message: 0 and nobody: the stack. */
struct nl_origin { uint32_t pid, group; struct ucred cred; };

struct nl_datagram { struct list node; uint32_t len; bool dump; struct nl_origin from; uint8_t data[]; };

struct nl_writer;
struct nl_protocol {
	int number;
	uint32_t groups;                                                       /* highest one */
	bool anyone_sends, anyone_listens;                                     /* to others than the stack; to groups: without CAP_NET_ADMIN */
	/* One request. 0, or the errno of the acknowledgment. NULL: the stack takes none. */
	int (*serve)(struct netlink_sock *, const struct nl_request *);
};

/* Linux's numbers, which sock_diag shows. */
enum nl_state { NL_UNCONNECTED, NL_CONNECTED, NL_NEVER_CONNECTED = 7 };

struct netlink_sock {
	struct sock sk;
	struct list node;             /* netlink.socks */
	const struct nl_protocol *protocol;
	bool bound;
	enum nl_state state;
	bool congested;               /* something was lost: nothing more comes until all that waits is read */
	uint32_t pid;
	uint32_t peer_pid, peer_group;
	struct list waiting;          /* struct netlink_sock.of_waited: those who want room in our queue */
	struct list of_waited;
	struct ucred caller;          /* of the call at hand */
	uint32_t drops;
	uint64_t groups;              /* bit n - 1: group n */
	struct list queue;            /* struct nl_datagram */
	uint32_t queued;              /* sock_charge of all in it */
	bool pktinfo, broadcast_error, no_enobufs, cap_ack, ext_ack, strict, passcred, passsec;
};

extern const struct sockopt netlink_options[];
int netlink_setsockopt_unread(const struct sock *sk, int level, int name, socklen_t len);
const struct nl_protocol *nl_protocol_find(int number);
bool nl_may_listen(const struct netlink_sock *ns);
bool nl_may_send(const struct netlink_sock *ns);

/* ---- port.c ---- */
int nl_port_take(struct netlink_sock *ns, uint32_t pid);               /* -EADDRINUSE */
void nl_port_choose(struct netlink_sock *ns);
struct netlink_sock *nl_port_find(const struct stack *s, int protocol, uint32_t pid);

/* ---- queue.c ---- */
bool netlink_has_room(const struct netlink_sock *ns);
/* Copies data of the stack's into the queue. A message that finds no room is lost, and the socket told by ENOBUFS. */
void netlink_enqueue(struct netlink_sock *ns, const void *data, size_t len, bool dump);
int nl_queue_put(struct netlink_sock *ns, const struct nl_origin *from, const void *data, size_t len);   /* -ENOBUFS: no memory */
void nl_queue_take(struct netlink_sock *ns, struct nl_datagram *d);
void nl_queue_lost(struct netlink_sock *ns);                           /* a message found no room */
void nl_queue_wake(struct netlink_sock *ns);                           /* there may be room for those who wait for it */

/* ---- deliver.c ---- */
ssize_t nl_unicast(struct netlink_sock *ns, uint32_t pid, const struct nl_origin *from, const void *data, size_t len);
/* To from->group, less ns and the port `but`. */
void nl_broadcast(struct netlink_sock *ns, uint32_t but, const struct nl_origin *from, const void *data, size_t len);

void nl_broadcast_to(struct netlink_sock *to, const struct nl_origin *from, const void *data, size_t len);   /* if it listens to from->group */

/* ---- notify.c ---- */
/* What w has written to all members of its group of NETLINK_ROUTE's (RTNLGRP_*), from the stack. */
void netlink_broadcast(const struct nl_writer *w);

/* ---- request.c ---- */
/* Works off what a program sent to the stack. */
void netlink_serve(struct netlink_sock *ns, const uint8_t *data, size_t len);
/* end_apart: the end of it comes in a datagram of its own, as programs that read without libraries expect of Linux's older dumps. */
int nl_serve_dump(struct netlink_sock *ns, const struct nl_request *q, int (*dump)(struct nl_writer *, const struct nl_request *), bool end_apart);
int nl_serve_one(struct netlink_sock *ns, const struct nl_request *q, int (*one)(struct nl_writer *, const struct nl_request *));
int nl_route_serve(struct netlink_sock *ns, const struct nl_request *q);
int nl_generic_serve(struct netlink_sock *ns, const struct nl_request *q);
int nl_mptcp_serve(struct netlink_sock *ns, const struct nl_request *q, uint8_t command);
int nl_diag_serve(struct netlink_sock *ns, const struct nl_request *q);

/* ---- the family "wireguard" ---- */
int nl_wireguard_serve(struct netlink_sock *ns, const struct nl_request *q, uint8_t command);
int nl_wireguard_set(struct stack *s, const struct nl_request *q);
struct wg_device;
/* The interface that a request names, by index or by name, and what else it says: tb has WGDEVICE_A_MAX + 1. -EBADR, -ENODEV, -EOPNOTSUPP … */
struct nl_attr;
int nl_wireguard_device(const struct stack *s, const struct nl_request *q, struct nl_attr *tb, struct wg_device **ret);

/* ---- messages (message.c) ---- */

/* One message of a request: its header, host order as all of netlink, and what follows. */
struct nl_request { struct nlmsghdr h; const uint8_t *body; size_t len; };

/* Writes messages in answer to a request, several to a datagram, or one for a group. */
struct nl_writer {
	struct netlink_sock *ns;      /* NULL: the group's members get it */
	struct stack *stack;
	unsigned group;
	bool no_echo;                 /* of its group: not for who asked (NLM_F_ECHO) */
	uint32_t seq, pid;
	uint16_t flags;               /* NLM_F_MULTI in a dump */
	size_t used;                  /* of datagram */
	size_t len;                   /* of the message at hand; 0 = none */
	uint8_t datagram[NL_DATAGRAM_MAX];
	uint8_t message[NL_MESSAGE_MAX];
};
void nl_writer_init(struct nl_writer *w, struct netlink_sock *ns, const struct nl_request *q, bool dump);
void nl_begin(struct nl_writer *w, uint16_t type, const void *header, size_t len);
void nl_put(struct nl_writer *w, uint16_t type, const void *data, size_t len);   /* an attribute */
void nl_put_u8(struct nl_writer *w, uint16_t type, uint8_t v);
void nl_put_u32(struct nl_writer *w, uint16_t type, uint32_t v);
void nl_put_text(struct nl_writer *w, uint16_t type, const char *text);
void nl_put_addr(struct nl_writer *w, uint16_t type, const struct addr *a);      /* 4 or 16 octets */
void nl_append(struct nl_writer *w, const void *data, size_t len);               /* octets as they are, with padding */
size_t nl_nest_begin(struct nl_writer *w, uint16_t type);
void nl_nest_end(struct nl_writer *w, size_t nest);
void nl_end(struct nl_writer *w);
void nl_flush(struct nl_writer *w);                                              /* queues what is there */

/* For all sockets of the group; begin, put and end follow. */
void nl_writer_for_group(struct nl_writer *w, struct stack *s, unsigned group);

/* A row: an attribute of an object, and how it is written. */
struct nl_row { uint16_t type; const char *text; void (*put)(struct nl_writer *, uint16_t type, const void *object); };
void nl_put_rows(struct nl_writer *w, const struct nl_row *rows, const void *object);   /* ends with text == NULL */

/* ---- attributes of a request (attr.c) ---- */

struct nl_attr { const uint8_t *at; size_t len; bool nested; };    /* at == NULL: it is not there. nested: it says so (NLA_F_NESTED) */

/*
 * What an attribute has to be, by its type: Linux's nla_policy. NL_FIXED: at least len octets. NL_MOST: at most len. NL_TEXT: at most len characters.
 * NL_NAME: the same, and its end.
 * Those that Linux has had for less long are checked more closely: NL_EXACT: len octets. NL_NEST_ONLY: says that it is a nest. NL_UNSUPPORTED: not asked
 * by anybody. NL_REJECTED: for answers only.
 */
struct nl_policy { enum { NL_ANY, NL_FIXED, NL_MOST, NL_TEXT, NL_NAME, NL_NEST, NL_EXACT, NL_NEST_ONLY, NL_UNSUPPORTED, NL_REJECTED } is; uint16_t len; };

/* Finds the attributes of types below n behind a header of hdr_len octets, or within another one: the last of each type. -EINVAL, -ERANGE */
int nl_parse(const struct stack *s, const struct nl_request *q, size_t hdr_len, const struct nl_policy *policy, size_t n, struct nl_attr *ret);
/* The same, of nothing else: -EINVAL */
int nl_parse_strict(const struct stack *s, const struct nl_request *q, size_t hdr_len, const struct nl_policy *policy, size_t n, struct nl_attr *ret);
int nl_parse_nest(const struct stack *s, const struct nl_attr *nest, const struct nl_policy *policy, size_t n, struct nl_attr *ret);
int nl_refuse_attr(const struct stack *s, const struct nl_attr *a, int err, const char *text);
uint8_t nl_u8(const struct nl_attr *a);                       /* of an attribute that is there, checked by its policy */
uint16_t nl_u16(const struct nl_attr *a);
uint32_t nl_u32(const struct nl_attr *a);
struct addr nl_addr(const struct nl_attr *a, bool v4);
void nl_text(const struct nl_attr *a, char *ret, size_t size);
/* Steps through attributes that follow each other: false at the end, or where one is malformed. */
struct nl_step { const uint8_t *at; size_t len; };
bool nl_next(struct nl_step *step, uint16_t *ret_type, struct nl_attr *ret);

/* The attribute of this type behind a header of hdr_len octets: its data, or NULL. */
const uint8_t *nl_find(const struct nl_request *q, size_t hdr_len, uint16_t type, size_t *ret_len);
bool nl_find_u32(const struct nl_request *q, size_t hdr_len, uint16_t type, uint32_t *ret);
bool nl_find_addr(const struct nl_request *q, size_t hdr_len, uint16_t type, struct addr *ret);
/* The header of a request, zero where the request is shorter (libraries send struct rtgenmsg alone). */
void nl_header(const struct nl_request *q, void *ret, size_t len);

/* ---- policy.c ---- */
extern const struct nl_policy nl_link_policy[], nl_address4_policy[], nl_address6_policy[], nl_route4_policy[], nl_route6_policy[], nl_neigh_policy[];

/* ---- what a dump or a get may ask (form.c) ---- */
struct nl_form {
	size_t header;
	const void *free;             /* a header with bits where a question may say something */
	const struct nl_policy *policy; size_t n;             /* 0: nothing may follow the header */
	uint64_t attributes;          /* bit t: of type t */
	const char *bad_header, *bad_value, *bad_attribute;   /* what is said of a header that is too short, that says more, and of another attribute */
	bool get;                     /* about one: what is wrong is always told. Of a dump only who set NETLINK_GET_STRICT_CHK hears it */
	bool strict;                  /* whether it is set or not */
	bool loose;                   /* a dump looks at attributes also where it is not set */
	bool silent;                  /* … and says nothing of what is wrong with them */
};
#define NL_TYPE(type) ((uint64_t)1 << (type))
/* ret_header: f->header octets. tb: f->n */
int nl_form_read(const struct nl_writer *w, const struct nl_request *q, const struct nl_form *f, void *ret_header, struct nl_attr *tb);

/* ---- kinds of object ---- */
typedef int nl_change(struct stack *s, const struct nl_request *q);
struct nl_kind {
	uint16_t get;                                                             /* RTM_GETLINK … */
	int (*dump)(struct nl_writer *, const struct nl_request *);               /* NULL: -EOPNOTSUPP */
	int (*one)(struct nl_writer *, const struct nl_request *);                /* NULL: -EOPNOTSUPP */
	nl_change *make, *del, *set;                                              /* RTM_NEW…, RTM_DEL…, RTM_SET…. NULL: -EOPNOTSUPP */
	uint8_t family;                                                           /* only requests of this one; 0: all others */
	enum { END_WITHIN, END_APART, END_APART_BUT_IPV6, END_APART_OF_ALL } end;  /* of a dump; OF_ALL: of all families */
};
extern const struct nl_kind nl_link, nl_link_prop, nl_address, nl_route, nl_mroute, nl_mroute6, nl_neigh, nl_rule, nl_netconf;
nl_change nl_link_make, nl_link_del, nl_link_set, nl_address_make, nl_address_del, nl_route_make, nl_route_del, nl_neigh_make, nl_neigh_del,
	nl_rule_make, nl_rule_del;

/* An object as one message: of answers and of notifications. */
void nl_write_link(struct nl_writer *w, const struct netif *nif, uint16_t type, uint32_t change);
void nl_write_address(struct nl_writer *w, const struct netif_addr *ia, uint16_t type);
void nl_write_route(struct nl_writer *w, const struct route *r, uint16_t type, uint16_t flags);
void nl_put_route_metrics(struct nl_writer *w, const struct route *r);
int nl_route_get(struct nl_writer *w, const struct nl_request *q);    /* route_get.c */
struct mroute_entry;
struct mroute_table;
void nl_write_mroute(struct nl_writer *w, const struct mroute_table *t, const struct mroute_entry *e, uint16_t type);
struct packet;
void nl_write_mroute_upcall(struct nl_writer *w, const struct mroute_table *t, const struct packet *message, unsigned vif, uint8_t type);
void nl_dump_mroutes(struct nl_writer *w, bool v4, uint32_t table);    /* 0: of all tables */
void nl_write_neigh(struct nl_writer *w, const struct neigh *n, uint16_t type);
void nl_write_netconf(struct nl_writer *w, bool v4, int index, const struct netconf *c, int what);   /* what: NETCONFA_*; c: NULL: it is gone */
void nl_write_rule(struct nl_writer *w, const struct rule *r, uint16_t type);

/* link_set.c, for link_make.c: sets what the attributes say of an interface that is there. */
struct ifinfomsg;
/* What else an interface may be told is not there to be told: refused before anything is made or changed. */
int nl_link_refuse(const struct stack *s, const struct nl_attr *tb);
int nl_link_apply(struct stack *s, struct netif *nif, const struct ifinfomsg *h, const struct nl_attr *tb);
int nl_link_parse(const struct stack *s, const struct nl_request *q, struct ifinfomsg *ret, struct nl_attr *tb);
/* The interface that a request means, by its index or a name. -EINVAL: it has neither; -ENODEV */
int nl_link_find(const struct stack *s, const struct ifinfomsg *h, const struct nl_attr *tb, struct netif **ret);
const char *nl_link_kind(const struct stack *s, const struct nl_attr *info);     /* that IFLA_LINKINFO names (link_make.c). NULL: none that there is */

static inline struct stack *nl_stack(const struct nl_writer *w) { return w->stack; }
static inline uint8_t nl_family(const struct addr *a) { return addr_is_v4(a) ? AF_INET : AF_INET6; }
/* AF_UNSPEC, and whatever the stack has no table of its own for, mean both. */
static inline bool nl_family_wanted(uint8_t wanted, uint8_t family)
{
	return (wanted != AF_INET && wanted != AF_INET6) || wanted == family;
}
