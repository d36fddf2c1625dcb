/*
 * What datagram sockets of both IP families share: UDP, ICMP echo and raw IP. A protocol adds its header on the way out and finds the
 * socket on the way in; names, routes, options, queue and errors are done here.
 *
 *     dgram.c        life, connect, shutdown, poll, ioctl, errors from ICMP
 *     dgram_dest.c   name + control messages + options -> struct dgram_dest
 *     dgram_send.c   data -> what goes there
 *     dgram_recv.c   queue -> data, name
 *     dgram_control.c  … and control messages
 */
#pragma once
#include "stack/inet/inet.h"
#include "stack/socket/stamping.h"
#include "wire/wire.h"

struct dgram_sock {
	struct inet_sock is;
	bool connected;               /* also to port 0, which getpeername does not show */
	struct list queue;            /* struct packet: data = what the program gets, trans_off set */
	uint32_t queued;              /* sock_charge of all in the queue */
	uint32_t drops;               /* for want of room: SO_RXQ_OVFL */
	uint32_t mcast_addr;          /* IP_MULTICAST_IF, as addr_v4(): where what is sent to a group comes from; 0: as the interface says */
};

#define DGRAM_PROBE 0x10          /* a flag of send: MSG_PROBE of <linux/socket.h>, all but the sending */

/* ---- dgram.c: slots of sock_ops ---- */
int dgram_init(struct sock *sk);
void dgram_close(struct sock *sk);
int dgram_connect(struct sock *sk, const struct sockaddr *a, socklen_t len);
int dgram_connect_to(struct sock *sk, const struct sockaddr *a, socklen_t len);   /* the same for who has no port to find */
int dgram_shutdown(struct sock *sk, int how);
uint32_t dgram_poll(const struct sock *sk);
int dgram_ioctl(struct sock *sk, unsigned long request, void *arg, size_t len);
/* An ephemeral port when there is none: -EAGAIN, as Linux. */
int dgram_autobind(struct dgram_sock *ds);
/* An ICMP error for a datagram that ds sent to e->dst, port; payload as in errqueue_put_icmp. */
void dgram_error(struct dgram_sock *ds, const struct ip_error *e, uint16_t port, const uint8_t *payload, size_t len);

/* ---- dgram_dest.c ---- */
struct dgram_dest {
	bool named;                   /* by the message itself */
	struct addr dst; uint16_t port; uint32_t scope;
	uint32_t flowinfo;               /* of the name */
	struct send_control control;
	bool dontfrag;                /* IPV6_DONTFRAG, of the socket or the message */
	uint8_t options[IP4_OPTIONS_MAX]; bool own_options;   /* IP_RETOPTS: instead of the socket's */
	uint16_t segment;             /* UDP_SEGMENT, of the socket or the message */
	struct ip_out out;
	struct route_hop hop;
};

/* Several sends, one datagram. The first one says where it goes. */
struct dgram_cork {
	bool pending;
	struct dgram_dest dest;
	uint8_t *data; size_t len;
};

/* Reads an address for sending or connecting; AF_INET is good for an AF_INET6 socket too. -EINVAL, -EAFNOSUPPORT, -ENETUNREACH (v4 and V6ONLY) */
int dgram_name_parse(const struct dgram_sock *ds, const struct sockaddr *a, socklen_t len, struct dgram_dest *ret);
/* The message's own name; ret->named is false when it has none. */
int dgram_name_of(const struct dgram_sock *ds, const struct sock_msg *m, struct dgram_dest *ret);
/* Where a message goes, from its name or the connection. */
int dgram_aim(const struct dgram_sock *ds, const struct sock_msg *m, struct dgram_dest *ret);
/* How it goes, from its control messages and the socket's options. out.src is set. */
int dgram_equip(struct dgram_sock *ds, const struct sock_msg *m, uint8_t proto, struct dgram_dest *d);
/* Both. */
int dgram_dest_of(struct dgram_sock *ds, const struct sock_msg *m, uint8_t proto, struct dgram_dest *ret);
/* The way to ret->dst: fills hop and out.src. -EACCES for broadcast without SO_BROADCAST, and what route_lookup says. */
int dgram_route(struct dgram_sock *ds, struct dgram_dest *ret);

/* ---- dgram_send.c ---- */
/* Gives up when the socket has an error pending (taken) or its sending side is shut: negative, or 0. */
int dgram_may_send(struct dgram_sock *ds);
/* May so many octets of the upper protocol go that way? 0, -EMSGSIZE, -ENOBUFS. Decides whether they may be cut. */
int dgram_fit(struct dgram_sock *ds, struct dgram_dest *d, size_t len);
/* -EMSGSIZE, which the error queue hears of, too, where IP_RECVERR asks for that. */
int dgram_too_long(struct dgram_sock *ds, const struct dgram_dest *d);
/* May a transport message of so many octets be cut for a way of this MTU? -ENOBUFS otherwise */
bool dgram_pieces_find_room(const struct sock *sk, const struct dgram_dest *d, size_t len, uint32_t mtu);
/* What is to go to d waits for more of it. */
void dgram_cork_begin(const struct dgram_sock *ds, struct dgram_cork *c, const struct dgram_dest *d);
int dgram_cork_add(struct dgram_cork *c, const struct sock_msg *m);     /* 0, -EFAULT, -ENOBUFS */
void dgram_cork_drop(struct dgram_cork *c);
/* Sends p, whose data is the transport message. 0 or negative; takes p. */
int dgram_output(struct dgram_sock *ds, struct dgram_dest *d, struct packet *p);

/* ---- dgram_recv.c ---- */
/* What p in the queue takes of SO_RCVBUF. */
uint32_t dgram_charge(const struct dgram_sock *ds, const struct packet *p);
void dgram_dequeue(struct dgram_sock *ds, struct packet *p);
/* Queues p for the program, or drops it when there is no room: false. Takes p: data = what the program gets. */
bool dgram_enqueue(struct dgram_sock *ds, struct packet *p);
ssize_t dgram_recv(struct sock *sk, struct sock_msg *m);
void dgram_flush(struct dgram_sock *ds);

/* ---- dgram_control.c ---- */
void dgram_give_control(const struct dgram_sock *ds, const struct packet *p, struct sock_msg *m);
bool dgram_is_udp(const struct dgram_sock *ds);                                            /* or UDP-Lite */
/* What IP tells is of p, whose data is behind the IP header: addresses, header fields, options. answer_from: of the IPv4 ones the "specific destination". */
void dgram_put_control(struct cmsg_out *o, const struct inet_sock *is, const struct packet *p, const struct addr *answer_from);
uint16_t dgram_port_at(const struct dgram_sock *ds, const struct packet *p, size_t off);   /* of p's transport header; 0 where there are none */
