/*
 * Anycast addresses: who may join which, what comes to them, that they are no source, when they end. Runs as root, on a veth pair of its own.
 */
#include "say.h"
#include <net/if.h>

#define JOIN 27                                        /* IPV6_JOIN_ANYCAST, IPV6_LEAVE_ANYCAST of <linux/in6.h> */
#define LEAVE 28
#define SKIPPED 77

static const char *change(int fd, int option, const char *addr, unsigned ifindex)
{
	struct ipv6_mreq m = { .ipv6mr_interface = ifindex };

	MUST(inet_pton(AF_INET6, addr, &m.ipv6mr_multiaddr));
	return setsockopt(fd, IPPROTO_IPV6, option, &m, sizeof(m)) < 0 ? say_errno(errno) : "ok";
}

static void joining(unsigned veth)
{
	static const char *const all[] = { "fd00:7::5", "fd00:7::1", "fd00:7::", "fe80::1234", "2001:db8::1", "ff02::1", "::1", "::" };
	int fd = MUST(socket(AF_INET6, SOCK_DGRAM, 0)), other = MUST(socket(AF_INET6, SOCK_STREAM, 0)), v = 0;

	say_rc("short", setsockopt(fd, IPPROTO_IPV6, JOIN, &v, sizeof(v)));
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		for (unsigned on = 0; on < 3; on++) {
			unsigned index = on == 0 ? 0 : on == 1 ? veth : 7777;
			say(all[i], "on %u: %s %s", on, change(fd, JOIN, all[i], index), change(fd, JOIN, all[i], index));
			say(all[i], "left: %s by another, %s %s %s", change(other, LEAVE, all[i], index), change(fd, LEAVE, all[i], index),
			    change(fd, LEAVE, all[i], 0), change(fd, LEAVE, all[i], 0));
		}
	close(fd), close(other);
}

static void say_list(const char *what)
{
	char line[256];
	FILE *f = fopen("/proc/net/anycast6", "r");
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "fd000007"))
			say(what, "%s", strstr(line, "fd000007")), n++;
	say(what, "%d", n);
	if (f)
		fclose(f);
}

static void used(unsigned veth)
{
	int fd = MUST(socket(AF_INET6, SOCK_DGRAM, 0)), to = MUST(socket(AF_INET6, SOCK_DGRAM, 0)), l = MUST(socket(AF_INET6, SOCK_STREAM, 0));
	int tcp = MUST(socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0));
	union name any = name_of(AF_INET6, "::", 9997), at = name_of(AF_INET6, "fd00:7::5", 9997), from;
	socklen_t len = sizeof(from);
	char text[INET6_ADDRSTRLEN], in[16];

	MUST(bind(to, &any.sa, name_len(AF_INET6)));
	MUST(bind(l, &any.sa, name_len(AF_INET6)));
	MUST(listen(l, 1));
	say("join", "%s", change(fd, JOIN, "fd00:7::5", veth));
	say_list("listed");
	say_rc("bind to it", bind(tcp, &at.sa, name_len(AF_INET6)));
	say_rc("send to it", sendto(fd, "hello", 5, 0, &at.sa, name_len(AF_INET6)));
	say_rc("arrives", recvfrom(to, in, sizeof(in), MSG_DONTWAIT, &from.sa, &len));
	say("from", "%s", inet_ntop(AF_INET6, &from.in6.sin6_addr, text, sizeof(text)));
	say_rc("TCP", connect(tcp, &at.sa, name_len(AF_INET6)));
	say_poll("no connection", l);
	say_rc("connect", connect(fd, &at.sa, name_len(AF_INET6)));
	len = sizeof(from);
	MUST(getsockname(fd, &from.sa, &len));
	say("name", "%s", inet_ntop(AF_INET6, &from.in6.sin6_addr, text, sizeof(text)));
	close(fd);
	say_list("listed no more");
	/* What a listener has joined is not what it accepts. */
	at = name_of(AF_INET6, "::1", 9997);
	say("join", "%s", change(l, JOIN, "fd00:7::6", veth));
	int c = MUST(socket(AF_INET6, SOCK_STREAM, 0));
	MUST(connect(c, &at.sa, name_len(AF_INET6)));
	int a = MUST(accept(l, NULL, NULL));
	say("by the accepted", "%s", change(a, LEAVE, "fd00:7::6", veth));
	close(a), close(c);
	say_list("listed still");
	close(to), close(l), close(tcp);
}

int main(void)
{
	say_start();
	if (system("ip link add v7 type veth peer name w7 2>/dev/null") != 0) {
		printf("no veth\n");
		return SKIPPED;
	}
	MUST(system("ip link set v7 up; ip link set w7 up; ip addr add fd00:7::1/64 dev v7 nodad"));
	for (int tries = 500; tries && system("ip -6 addr show dev v7 | grep -q tentative") == 0; tries--)
		usleep(10000);
	say_about("joining"), joining(if_nametoindex("v7"));
	say_about("used"), used(if_nametoindex("v7"));
	return 0;
}
