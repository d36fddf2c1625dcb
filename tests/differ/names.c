/* The names of a program: ports and Unix names that are its own, and how they are said. */
#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "differ.h"

void name_own(struct program *p, int family, union name *ret)
{
	uint16_t port = htons(p->port[number(&p->n, NAMES)]);
	if (family == AF_INET) ret->in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(p->host)};
	else ret->in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = in6addr_loopback};
}

static void name_in(struct program *p, union name *ret, socklen_t *ret_len)
{
	uint32_t which = number(&p->n, 20);
	ret->in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(p->port[number(&p->n, NAMES)]), .sin_addr.s_addr = htonl(p->host)};
	*ret_len = sizeof ret->in;
	if (which == 0) ret->in.sin_addr.s_addr = htonl(INADDR_ANY);
	if (which == 1) ret->in.sin_port = 0;
	if (which == 2) *ret_len = number(&p->n, sizeof ret->in);
	if (which == 3) ret->in.sin_addr.s_addr = htonl(p->host ^ 0x800000);        /* nobody listens there */
}

void name_map(const struct program *p, struct in6_addr *ret)
{
	uint32_t v4 = htonl(p->host);
	*ret = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
	memcpy(&ret->s6_addr[12], &v4, sizeof v4);
}

static void name_in6(struct program *p, bool stream, union name *ret, socklen_t *ret_len)
{
	uint32_t which = number(&p->n, 20);
	ret->in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(p->port[number(&p->n, NAMES)]), .sin6_addr = in6addr_loopback};
	*ret_len = sizeof ret->in6;
	if (which == 0) ret->in6.sin6_addr = in6addr_any;
	if (which == 1) ret->in6.sin6_port = 0;
	if (which == 2) *ret_len = number(&p->n, sizeof ret->in6);
	/* On Linux a stream that was connected so, or would have been, never connects otherwise. */
	if ((which == 3 || which == 4) && !stream) name_map(p, &ret->in6.sin6_addr);
}

static void name_un(struct program *p, union name *ret, socklen_t *ret_len)
{
	uint32_t which = number(&p->n, 20);
	ret->un = (struct sockaddr_un){.sun_family = AF_UNIX};
	int n = snprintf(ret->un.sun_path + 1, sizeof ret->un.sun_path - 1, "differ-%08d-%llu-%u", (int)getpid(), (unsigned long long)p->id,
			 number(&p->n, NAMES));
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
	if (which == 0) *ret_len = offsetof(struct sockaddr_un, sun_path);  /* bind: takes a name of its own */
	if (which == 1) *ret_len = number(&p->n, 3);
}

/* Loopback is interface 1. */
static void name_ll(struct program *p, union name *ret, socklen_t *ret_len)
{
	uint32_t which = number(&p->n, 20);
	ret->ll = (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_protocol = htons((uint16_t)(FRAMES + number(&p->n, 2))), .sll_ifindex = 1, .sll_halen = 6};
	*ret_len = sizeof ret->ll;
	if (which == 0) ret->ll.sll_ifindex = 0;
	if (which == 1) ret->ll.sll_ifindex = 99;
	if (which == 2) *ret_len = number(&p->n, sizeof ret->ll);
	if (which == 3) ret->ll.sll_protocol = 0;
	if (which == 4) ret->ll.sll_halen = (unsigned char)number(&p->n, 20);
}

/* The kernel, a group, or oneself. */
static void name_nl(struct program *p, union name *ret, socklen_t *ret_len)
{
	uint32_t which = number(&p->n, 10);
	ret->nl = (struct sockaddr_nl){.nl_family = AF_NETLINK};
	*ret_len = sizeof ret->nl;
	if (which == 0) ret->nl.nl_groups = 1;
	if (which == 1) ret->nl.nl_groups = number(&p->n, 8);
	if (which < 4) ret->nl.nl_pid = (uint32_t)getpid();
	if (which == 4) *ret_len = number(&p->n, sizeof ret->nl);
	if (which == 5) ret->nl.nl_pid = 1 << 30;
}

static int option_of(int fd, int name, int otherwise)
{
	int value;
	socklen_t len = sizeof value;
	return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : otherwise;
}

static bool peer_is_mapped(int fd)
{
	struct sockaddr_in6 peer = {0};
	socklen_t len = sizeof peer;
	return getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && peer.sin6_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr);
}

void name_any(struct program *p, int fd, union name *ret, socklen_t *ret_len)
{
	int family = option_of(fd, SO_DOMAIN, p->family);
	bool stream = option_of(fd, SO_TYPE, p->type) == SOCK_STREAM;
	memset(ret, 0, sizeof *ret);
	uint32_t which = number(&p->n, 40);
	if (which == 0) family = AF_INET;
	if (which == 1) family = AF_INET6;
	if (which == 2) family = AF_UNIX;
	if (family == AF_INET) name_in(p, ret, ret_len);
	else if (family == AF_INET6) name_in6(p, stream, ret, ret_len);
	else if (family == AF_PACKET) name_ll(p, ret, ret_len);
	else if (family == AF_NETLINK) name_nl(p, ret, ret_len);
	else name_un(p, ret, ret_len);
	/* A datagram to that, from one who has an IPv4 peer, goes where the machine's IPv6 routes lead. */
	if (which == 3 && !p->mapped && !peer_is_mapped(fd) && p->protocol != IPPROTO_MPTCP) ret->sa.sa_family = AF_UNSPEC;
	if (which == 4) ret->sa.sa_family = 77;
}

static void port_say(struct program *p, uint16_t port)
{
	for (int i = 0; i < NAMES; i++)
		if (port == p->port[i]) {
			say(p, ":%d", i);
			return;
		}
	say(p, port == 0 ? ":0" : ":some");
}

static void address_say(struct program *p, int family, const void *address)
{
	char text[INET6_ADDRSTRLEN], own[INET6_ADDRSTRLEN];
	uint32_t host = htonl(p->host);
	inet_ntop(family, address, text, sizeof text);
	inet_ntop(AF_INET, &host, own, sizeof own);
	char *at = strstr(text, own);
	if (at) say(p, "%.*sown", (int)(at - text), text);
	else say(p, "%s", text);
}

void name_say(struct program *p, const union name *n, socklen_t len)
{
	say(p, " [%u", len);
	if (len >= sizeof n->in && n->sa.sa_family == AF_INET) {
		say(p, " ");
		address_say(p, AF_INET, &n->in.sin_addr);
		port_say(p, ntohs(n->in.sin_port));
	} else if (len >= sizeof n->in6 && n->sa.sa_family == AF_INET6) {
		say(p, " ");
		address_say(p, AF_INET6, &n->in6.sin6_addr);
		port_say(p, ntohs(n->in6.sin6_port));
	} else if (len > offsetof(struct sockaddr_un, sun_path) && n->sa.sa_family == AF_UNIX) {
		const char *last = n->un.sun_path[0] == 0 ? n->un.sun_path + len - offsetof(struct sockaddr_un, sun_path) - 1 : "";
		say(p, len > offsetof(struct sockaddr_un, sun_path) + 6 ? " @%c" : " @auto", *last);
	} else if (len >= offsetof(struct sockaddr_ll, sll_addr) && n->sa.sa_family == AF_PACKET) {
		say(p, " %04x on %d, %d %d %d", ntohs(n->ll.sll_protocol), n->ll.sll_ifindex, n->ll.sll_hatype, n->ll.sll_pkttype, n->ll.sll_halen);
	} else if (len >= sizeof n->nl && n->sa.sa_family == AF_NETLINK) {
		say(p, " %s %x", n->nl.nl_pid == 0 ? "kernel" : n->nl.nl_pid == (uint32_t)getpid() ? "self" : "some", n->nl.nl_groups);
	} else if (len >= sizeof(sa_family_t)) {
		say(p, " family %d", n->sa.sa_family);
	}
	say(p, "]");
}
