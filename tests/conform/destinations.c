/*
 * Where a datagram goes that is sent to nobody in particular (0.0.0.0, ::, ::ffff:0.0.0.0), to any address of loopback or to a group, and from whom it comes:
 * by what its sender is bound to. And that of a connection.
 */
#include "say.h"
#include <net/if.h>

static const char *const from4[] = { NULL, "0.0.0.0", "127.0.0.1", "127.7.7.7", "127.255.255.255", "255.255.255.255", "224.0.0.5" };
static const char *const from6[] = { NULL, "::", "::1", "::ffff:0.0.0.0", "::ffff:127.0.0.5", "::ffff:224.0.0.5", "ff02::1" };
static const char *const to4[] = { "0.0.0.0", "127.0.0.0", "127.0.0.1", "127.9.9.9", "127.255.255.255" };
static const char *const to6[] = { "::", "::1", "::ffff:0.0.0.0", "::ffff:127.0.0.1", "::ffff:127.9.9.9", "ff01::1", "ff02::1", "fe80::1" };
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static int receiver;

/* An address of a scope is meant on loopback. */
static union name name_here(int family, const char *text, unsigned port)
{
	union name n = name_of(family, text, port);

	if (family == AF_INET6 && (IN6_IS_ADDR_MULTICAST(&n.in6.sin6_addr) || IN6_IS_ADDR_LINKLOCAL(&n.in6.sin6_addr)))
		n.in6.sin6_scope_id = if_nametoindex("lo");
	return n;
}

static void say_arrival(void)
{
	union name n;
	socklen_t len = sizeof(n);
	char octet;
	long r = recvfrom(receiver, &octet, 1, MSG_DONTWAIT, &n.sa, &len);

	say_rc("arrives", r);
	if (r >= 0)
		say_name("from", &n, len);
}

static void udp(int family, const char *from, const char *to)
{
	int fd = MUST(socket(family, SOCK_DGRAM, 0));
	union name n = name_here(family, from ? from : family == AF_INET6 ? "::" : "0.0.0.0", 0);

	say_about("%s from %s to %s", family_text(family), from ? from : "nowhere", to);
	if (from && say_rc("bind", bind(fd, &n.sa, name_len(family))) < 0) {
		close(fd);
		return;
	}
	n = name_here(family, to, port_of(receiver));
	say_rc("sendto", sendto(fd, "x", 1, 0, &n.sa, name_len(family)));
	say_arrival();
	if (say_rc("connect", connect(fd, &n.sa, name_len(family))) == 0) {
		say_sockname("here", fd);
		say_peername("there", fd);
		say_rc("send", send(fd, "x", 1, 0));
		say_arrival();
	}
	close(fd);
}

static void tcp(int family, const char *to, unsigned port)
{
	int fd = MUST(socket(family, SOCK_STREAM, 0));
	union name n = name_here(family, to, port);

	say_about("%s connection to %s", family_text(family), to);
	if (say_rc("connect", connect(fd, &n.sa, name_len(family))) == 0) {
		say_sockname("here", fd);
		say_peername("there", fd);
	}
	close(fd);
}

/* An interface that is not there: by connect, by the name of a message, and on sockets that are bound. */
static void unknown_link(int type, const char *from, bool on_lo)
{
	int fd = MUST(socket(AF_INET6, type, 0));
	union name n = name_of(AF_INET6, from, 0);

	say_about("%s from %s%s to a link that is not there", type == SOCK_DGRAM ? "udp" : "tcp", from, on_lo ? " on lo" : "");
	MUST(bind(fd, &n.sa, sizeof(n.in6)));
	if (on_lo)
		MUST(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
	n = name_of(AF_INET6, "fe80::1", port_of(receiver));
	n.in6.sin6_scope_id = 0x7fffff;
	if (type == SOCK_DGRAM)
		say_rc("sendto", sendto(fd, "x", 1, 0, &n.sa, sizeof(n.in6)));
	say_rc("connect", connect(fd, &n.sa, sizeof(n.in6)));
	close(fd);
}

static void each(int family, const char *const *from, size_t n_from, const char *const *to, size_t n_to, unsigned port)
{
	for (size_t i = 0; i < n_from; i++)
		for (size_t k = 0; k < n_to; k++)
			udp(family, from[i], to[k]);
	for (size_t k = 0; k < n_to; k++)
		tcp(family, to[k], port);
}

int main(void)
{
	int listener;
	union name n = name_any(AF_INET6, 0);

	say_start();
	receiver = MUST(socket(AF_INET6, SOCK_DGRAM, 0));
	listener = MUST(socket(AF_INET6, SOCK_STREAM, 0));
	MUST(bind(receiver, &n.sa, sizeof(n.in6)));
	MUST(bind(listener, &n.sa, sizeof(n.in6)));
	MUST(listen(listener, 64));
	each(AF_INET, from4, COUNT(from4), to4, COUNT(to4), port_of(listener));
	each(AF_INET6, from6, COUNT(from6), to6, COUNT(to6), port_of(listener));
	for (int i = 0; i < 8; i++)
		unknown_link(i & 1 ? SOCK_STREAM : SOCK_DGRAM, i & 2 ? "::1" : "::", i & 4);
	return 0;
}
