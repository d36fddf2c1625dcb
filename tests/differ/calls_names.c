/*
 * Names that are not the program's own: who may bind beside whom, and where a connection or a datagram to nobody, to everybody, to a group or to an
 * address of a scope goes. On sockets that live for the call, of any type, with the options that decide it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "calls.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define SOCKETS 3

struct kind { int family, type, protocol; };
static const struct kind kinds[] = {
	{AF_INET, SOCK_STREAM, 0}, {AF_INET, SOCK_DGRAM, 0}, {AF_INET6, SOCK_STREAM, 0}, {AF_INET6, SOCK_DGRAM, 0}, {AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE},
	{AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE},
};

/* An address in text; own is the program's. Groups, broadcasts and scopes are loopback's, which is there wherever the program runs. */
static socklen_t name_make(struct program *p, int family, const char *text, uint16_t port, union name *ret)
{
	memset(ret, 0, sizeof *ret);
	if (family == AF_INET) {
		ret->in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(p->host)};
		if (strcmp(text, "own") != 0) inet_pton(AF_INET, text, &ret->in.sin_addr);
		return sizeof ret->in;
	}
	ret->in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
	if (strcmp(text, "own") == 0) name_map(p, &ret->in6.sin6_addr);
	else inet_pton(AF_INET6, text, &ret->in6.sin6_addr);
	if (IN6_IS_ADDR_LINKLOCAL(&ret->in6.sin6_addr) || IN6_IS_ADDR_MULTICAST(&ret->in6.sin6_addr)) ret->in6.sin6_scope_id = chance(&p->n, 80);
	return sizeof ret->in6;
}

static const char *const to_bind4[] = {"0.0.0.0", "0.0.0.0", "own", "own", "127.0.0.1", "127.255.255.255", "255.255.255.255", "224.0.0.9", "192.0.2.1"};
static const char *const to_bind6[] = {"::", "::", "::1", "own", "::ffff:0.0.0.0", "::ffff:127.0.0.1", "ff02::9", "fe80::9", "2001:db8::1"};

/* Those that decide whether two may have one port. */
static void options_draw(struct program *p, int fd, int family)
{
	static const struct { int level, name; const char *text; } some[] = {
		{SOL_SOCKET, SO_REUSEADDR, "ADDR"}, {SOL_SOCKET, SO_REUSEPORT, "PORT"}, {IPPROTO_IP, IP_FREEBIND, "FREE"}, {IPPROTO_IPV6, IPV6_V6ONLY, "ONLY"},
		{IPPROTO_IP, IP_TRANSPARENT, "TRANSPARENT"}, {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, "NOPORT"},
	};
	int on = 1;
	for (size_t i = 0; i < COUNT(some); i++) {
		bool set = chance(&p->n, i < 2 ? 40 : 20);
		if (!set || (some[i].level == IPPROTO_IPV6 && family == AF_INET)) continue;
		say(p, " %s", some[i].text);
		if (setsockopt(fd, some[i].level, some[i].name, &on, sizeof on) < 0) say(p, "!");
	}
	if (chance(&p->n, 15)) say(p, " lo%s", setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2) < 0 ? "!" : "");
}

void do_bind_beside(struct program *p)
{
	int fd[SOCKETS], count = 2 + chance(&p->n, 40);
	bool one_type = chance(&p->n, 85);
	size_t type = number(&p->n, 2);
	uint16_t port = p->port[number(&p->n, NAMES)];
	union name n;
	say(p, "bind_beside()");
	for (int i = 0; i < count; i++) {
		const struct kind *k = &kinds[one_type ? 2 * number(&p->n, 2) + type : number(&p->n, COUNT(kinds))];
		const char *text = k->family == AF_INET ? to_bind4[number(&p->n, COUNT(to_bind4))] : to_bind6[number(&p->n, COUNT(to_bind6))];
		fd[i] = socket(k->family, k->type | SOCK_NONBLOCK, k->protocol);
		say(p, " | %d %d %d", k->family, k->type, k->protocol);
		options_draw(p, fd[i], k->family);
		socklen_t len = name_make(p, k->family, text, port, &n);
		say(p, " %s", text);
		if (len == sizeof n.in6 && n.in6.sin6_scope_id) say(p, "%%lo");
		say_result(p, bind(fd[i], &n.sa, len));
		if (k->type == SOCK_STREAM && chance(&p->n, 60)) say_result(p, listen(fd[i], 1));
	}
	for (int i = 0; i < count; i++) close(fd[i]);
}

static const char *const to_reach4[] = {"0.0.0.0", "own", "127.0.0.1", "127.255.255.255", "127.0.0.0", "255.255.255.255", "224.0.0.9"};
static const char *const to_reach6[] = {"::", "::1", "own", "::ffff:0.0.0.0", "::ffff:127.0.0.1", "::ffff:255.255.255.255", "::ffff:224.0.0.9", "ff02::9", "ff01::1", "fe80::9"};

/* Bound to loopback's device, so that the machine's routes have no say. */
void do_reach(struct program *p)
{
	const struct kind *k = &kinds[number(&p->n, COUNT(kinds))];
	const char *text = k->family == AF_INET ? to_reach4[number(&p->n, COUNT(to_reach4))] : to_reach6[number(&p->n, COUNT(to_reach6))];
	int fd = socket(k->family, k->type | SOCK_NONBLOCK, k->protocol), on = 1;
	uint16_t port = chance(&p->n, 90) ? p->port[number(&p->n, NAMES)] : 0;
	union name n, from;
	socklen_t len = name_make(p, k->family, text, port, &n), from_len = sizeof from;
	say(p, "reach(%d %d %d, %s%s, %s)", k->family, k->type, k->protocol, text, len == sizeof n.in6 && n.in6.sin6_scope_id ? "%lo" : "", port ? "port" : "0");
	setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2);
	if (chance(&p->n, 40)) say(p, " broadcast%s", setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on) < 0 ? "!" : "");
	if (k->family == AF_INET6 && chance(&p->n, 20)) say(p, " only%s", setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0 ? "!" : "");
	if (k->type == SOCK_DGRAM) say_result(p, sendto(fd, "x", 1, MSG_DONTWAIT, &n.sa, len));
	say_result(p, connect(fd, &n.sa, len));
	say_result(p, connect(fd, &n.sa, len));
	if (getpeername(fd, &from.sa, &from_len) == 0) name_say(p, &from, from_len);
	say_result(p, send(fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL));
	say_result(p, send(fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL));
	n.sa.sa_family = AF_UNSPEC;
	say_result(p, connect(fd, &n.sa, len));
	from_len = sizeof from;
	if (getsockname(fd, &from.sa, &from_len) == 0) name_say(p, &from, from_len);
	close(fd);
}
