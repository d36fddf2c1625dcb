/* protocols: which there are, and how many sockets each has. What Linux says of its own inside (sizes, calls) is what a Linux 6.18 says there. */
#include <netinet/in.h>
#include "engine/proc/proc.h"
#include "stack/inet/facts.h"
#include "stack/socket/family.h"

/* calls: a letter for each of the columns of cl to em. */
struct row { const char *name; unsigned object_bytes; uint16_t domain; int protocol, max_header; bool has_memory, has_pressure, slab; const char *calls; };

#define NO_CALLS "n n n n n n n n n n n n n n n n n n n"
#define ONLY_CLOSE "y n n n n n n n n n n n n n n n n n n"
#define MPTCP_CALLS "y y y n y y y y y y y y n n y y y n"
#define PING_CALLS "y y y n n y n n y y y y y y n y y n"
#define RAW_CALLS "y y y n y y y n y y y y y y y y n n"
#define UDP_CALLS "y y y n y y y n y y y y n n y y y n"
#define TCP_CALLS "y y y y y y y y y y y y n y y y y y"

static const struct row rows[] = {
	{"PACKET", 1600, AF_PACKET, 0, 0, false, false, false, NO_CALLS},
	{"MPTCPv6", 2064, AF_INET6, IPPROTO_MPTCP, 0, true, true, true, MPTCP_CALLS},
	{"PINGv6", 1344, AF_INET6, IPPROTO_ICMP, 0, false, false, true, PING_CALLS},
	{"RAWv6", 1344, AF_INET6, IPPROTO_RAW, 0, false, false, true, RAW_CALLS},
	{"UDPLITEv6", 1472, AF_INET6, IPPROTO_UDPLITE, 0, true, false, true, UDP_CALLS},
	{"UDPv6", 1472, AF_INET6, IPPROTO_UDP, 0, true, false, true, UDP_CALLS},
	{"TCPv6", 2432, AF_INET6, IPPROTO_TCP, 192, true, true, true, TCP_CALLS},
	{"UNIX-STREAM", 1152, AF_UNIX, SOCK_STREAM, 0, false, false, true, ONLY_CLOSE},
	{"UNIX", 1152, AF_UNIX, 0, 0, false, false, true, ONLY_CLOSE},
	{"UDP-Lite", 1344, AF_INET, IPPROTO_UDPLITE, 0, true, false, true, UDP_CALLS},
	{"MPTCP", 1936, AF_INET, IPPROTO_MPTCP, 0, true, true, true, MPTCP_CALLS},
	{"PING", 1016, AF_INET, IPPROTO_ICMP, 0, false, false, true, PING_CALLS},
	{"RAW", 1152, AF_INET, IPPROTO_RAW, 0, false, false, true, RAW_CALLS},
	{"UDP", 1344, AF_INET, IPPROTO_UDP, 0, true, false, true, UDP_CALLS},
	{"TCP", 2304, AF_INET, IPPROTO_TCP, 192, true, true, true, TCP_CALLS},
	{"NETLINK", 1096, AF_NETLINK, 0, 0, false, false, false, NO_CALLS},
};

static bool is_of(const struct sock *sk, const struct row *r)
{
	if (sk->domain != r->domain || sk->closed || sk->inode == 0) return false;
	if (r->domain == AF_PACKET || r->domain == AF_NETLINK) return true;
	if (r->domain == AF_UNIX) return (sk->type == SOCK_STREAM) == (r->protocol == SOCK_STREAM);
	if (r->protocol == IPPROTO_RAW) return sk->type == SOCK_RAW;
	if (r->protocol == IPPROTO_ICMP) return sk->ops == &ping_ops;
	return sk->type != SOCK_RAW && sk->protocol == r->protocol;
}

static unsigned sockets(const struct stack *s, const struct row *r)
{
	unsigned n = 0;
	list_each(struct sock, sk, &s->socks, node) n += is_of(sk, r);
	return n;
}

static void protocols(struct stack *s, struct page *p)
{
	if (page_takes(p))
		text_add(p->t, "protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re bi br ha uh gp em\n");
	for (const struct row *r = rows; r < rows + ARRAY_SIZE(rows); r++) {
		if (!page_takes(p)) continue;
		text_add(p->t, "%-9s %4u %6u  %6d   %-3s %6u   %-3s  %-10s ", r->name, r->object_bytes, sockets(s, r), r->has_memory ? 0 : -1,
			 r->has_pressure ? "no" : "NI", r->max_header, r->slab ? "yes" : "no", "kernel");
		for (const char *c = r->calls; *c; c++) text_add(p->t, "%*c", *c == ' ' ? 1 : 2, *c);
		text_add(p->t, "\n");
	}
}

const struct proc_file proc_protocols_files[] = {{"protocols", protocols}, {NULL, NULL}};
