/* The inside of a port space, for port.c and port_lookup.c. */
#pragma once
#include "stack/inet/port.h"

struct port_memo { bool group, v6only; int domain; uint32_t uid; struct addr laddr; };
struct port {
	struct hash_node node;         /* hash = number */
	struct list owners;            /* struct inet_sock.port_node: who bound it or connected from it, in the order of port_join */
	struct list heirs;             /* the same, of accepted sockets: they keep the port taken, but only their flow finds them */
	uint16_t number;
	bool by_connect;               /* every owner got it by connecting: more connections may share it */
	struct port_memo memo;         /* TCP's; port_memo.c */
};
struct port_space {
	struct hash ports, flows;
	struct stack *stack;           /* whose secret keys the flows; set with the first one */
	uint32_t next_ephemeral;       /* RFC 6056 §3.3.3 */
};
struct port_range { uint32_t min, count; };

struct port_space *port_space_of_sock(const struct inet_sock *is);
struct port *port_find(const struct port_space *ps, uint16_t number);
/* Is b in the SO_REUSEPORT group of a? As Linux: of one family, user, interface and address. */
bool port_same_group(const struct inet_sock *a, const struct inet_sock *b);
/* The program of the SO_REUSEPORT group that `of` is in, or NULL; the number of the member that it chooses for a packet: data = what follows
 * TCP's header, or UDP's header itself. */
struct filter;
const struct filter *port_chooser(const struct port *p, const struct inet_sock *of);
uint32_t port_choice(const struct filter *f, const struct inet_sock *of, const struct packet *p);
/* May is have laddr of the port without a look at its owners? And: it has it now. */
bool port_memo_fits(const struct port *p, const struct inet_sock *is, const struct addr *laddr);
void port_memo_note(struct port *p, const struct inet_sock *is, const struct addr *laddr);
/* It stands behind all others that have its port, in the order in which they came. */
bool port_stands_last(const struct inet_sock *is);
/* a is a wildcard that takes in `other`. */
bool port_addr_covers(const struct addr *a, bool v6only, const struct addr *other);
