/*
 * The error queue of datagram sockets: what of the ICMP message that complained comes beside IP_RECVERR and IPV6_RECVERR, by each option that asks
 * for something, and what setting the option to 0 takes away.
 */
#include "say.h"
#include <linux/errqueue.h>
#ifndef IPV6_RECVFRAGSIZE
#define IPV6_RECVFRAGSIZE 77
#endif

#define N(a) (sizeof(a) / sizeof(*(a)))

static const struct asked { const char *text; int level, name; } all_asked[] = {
	{ "nothing", 0, 0 },
	{ "IP_PKTINFO", IPPROTO_IP, IP_PKTINFO },
	{ "IP_RECVTTL", IPPROTO_IP, IP_RECVTTL },
	{ "IP_RECVTOS", IPPROTO_IP, IP_RECVTOS },
	{ "IP_RECVOPTS", IPPROTO_IP, IP_RECVOPTS },
	{ "IP_RETOPTS", IPPROTO_IP, IP_RETOPTS },
	{ "IP_RECVFRAGSIZE", IPPROTO_IP, IP_RECVFRAGSIZE },
	{ "SO_RXQ_OVFL", SOL_SOCKET, SO_RXQ_OVFL },
	{ "IPV6_RECVPKTINFO", IPPROTO_IPV6, IPV6_RECVPKTINFO },
	{ "IPV6_RECVHOPLIMIT", IPPROTO_IPV6, IPV6_RECVHOPLIMIT },
	{ "IPV6_RECVTCLASS", IPPROTO_IPV6, IPV6_RECVTCLASS },
	{ "IPV6_RECVFRAGSIZE", IPPROTO_IPV6, IPV6_RECVFRAGSIZE },
	{ "IPV6_2292PKTINFO", IPPROTO_IPV6, IPV6_2292PKTINFO },
	{ "IPV6_2292HOPLIMIT", IPPROTO_IPV6, IPV6_2292HOPLIMIT },
};

/* A message's octets. */
static void say_cmsg(const struct cmsghdr *h)
{
	char what[32], text[256] = "";
	size_t len = h->cmsg_len - CMSG_LEN(0);

	for (size_t i = 0; i < len && i < 64; i++)
		snprintf(text + 2 * i, sizeof text - 2 * i, "%02x", CMSG_DATA(h)[i]);
	snprintf(what, sizeof what, "control %d %d", h->cmsg_level, h->cmsg_type);
	say(what, "%zu %s", len, text);
}

static void take(int fd, size_t room)
{
	char data[64], control[512] __attribute__((aligned(8)));
	union name n = { 0 };
	struct iovec v = { data, sizeof data };
	struct msghdr m = { .msg_name = &n, .msg_namelen = sizeof n, .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room };

	if (say_rc("take", recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT)) < 0)
		return;
	say("flags", "%#x, control %zu", m.msg_flags, m.msg_controllen);
	say_name("about", &n, m.msg_namelen);
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
		say_cmsg(h);
}

/* A socket whose datagram nobody wanted. */
static int refused(int family, bool mapped, bool connected, const struct asked *a)
{
	int fd = MUST(socket(family, SOCK_DGRAM, 0));
	union name own = mapped ? name_any(family, 0) : name_lo(family, 0), n;

	MUST(bind(fd, &own.sa, name_len(family)));   /* first, so that the port that is closed is not its own */
	n = mapped ? name_of(AF_INET6, "::ffff:127.0.0.1", port_closed(AF_INET, SOCK_DGRAM)) : name_lo(family, port_closed(family, SOCK_DGRAM));
	if (family == AF_INET || mapped)
		set_int(fd, IPPROTO_IP, IP_RECVERR, 1);
	if (family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
	if (a->name)
		set_int(fd, a->level, a->name, 1);
	if (connected)
		MUST(connect(fd, &n.sa, name_len(family)));
	MUST(sendto(fd, "hello", 5, 0, connected ? NULL : &n.sa, connected ? 0 : name_len(family)));
	wait_for(fd, POLLERR);
	return fd;
}

static void beside(int family, bool mapped)
{
	for (size_t i = 0; i < N(all_asked); i++) {
		if (all_asked[i].level == IPPROTO_IPV6 && family == AF_INET)
			continue;
		say_about("%s%s %s", family_text(family), mapped ? " mapped" : "", all_asked[i].text);
		int fd = refused(family, mapped, false, &all_asked[i]);
		take(fd, 512);
		take(fd, 512);
		close(fd);
	}
	for (size_t room = 0; room < 100; room += 12) {
		int fd = refused(family, mapped, false, &all_asked[1]);
		say_about("%s%s room for %zu", family_text(family), mapped ? " mapped" : "", room);
		take(fd, room);
		close(fd);
	}
}

static void purged(int family, bool connected)
{
	int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, name = family == AF_INET ? IP_RECVERR : IPV6_RECVERR;
	int fd = refused(family, false, connected, &all_asked[0]);

	say_about("%s %s, option off", family_text(family), connected ? "connected" : "by name");
	say_poll("before", fd);
	set_int(fd, level, name, 1);
	say_poll("on again", fd);
	set_int(fd, level, name, 0);
	say_poll("off", fd);
	say_error("error", fd);
	say_poll("without error", fd);
	take(fd, 512);
	close(fd);
	fd = refused(family, false, connected, &all_asked[0]);
	say_error("error", fd);
	say_poll("error taken", fd);
	set_int(fd, level, name, 0);
	say_poll("off", fd);
	take(fd, 512);
	close(fd);
}

/* What is longer than any datagram can be is told of with the MTU as what is longer than the way's, by IPv6 whatever its length. */
static void too_long(int family, bool connected)
{
	static const size_t lengths[] = { 65508, 65527, 65528, 65535, 65536, 127952 };
	static char data[127952];

	for (size_t i = 0; i < N(lengths); i++) {
		for (int discover = IP_PMTUDISC_DONT; discover <= IP_PMTUDISC_DO; discover++) {
			int fd = MUST(socket(family, SOCK_DGRAM, 0)), sink = MUST(socket(family, SOCK_DGRAM, 0));
			union name n = name_lo(family, 0);

			say_about("%s %s, %zu octets, discovery %d", family_text(family), connected ? "connected" : "by name", lengths[i], discover);
			MUST(bind(sink, &n.sa, name_len(family)));
			n = name_lo(family, port_of(sink));
			set_int(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, family == AF_INET ? IP_RECVERR : IPV6_RECVERR, 1);
			set_int(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, family == AF_INET ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, discover);
			if (connected)
				MUST(connect(fd, &n.sa, name_len(family)));
			say_rc("send", sendto(fd, data, lengths[i], 0, connected ? NULL : &n.sa, connected ? 0 : name_len(family)));
			take(fd, 512);
			say_rc("in two", send(fd, data, lengths[i] / 2, MSG_MORE));
			say_rc("in two", send(fd, data, lengths[i] - lengths[i] / 2, 0));
			take(fd, 512);
			close(fd);
			close(sink);
		}
	}
}

int main(void)
{
	say_start();
	beside(AF_INET, false);
	beside(AF_INET6, false);
	beside(AF_INET6, true);
	for (int connected = 0; connected < 2; connected++) {
		purged(AF_INET, connected);
		purged(AF_INET6, connected);
		too_long(AF_INET, connected);
		too_long(AF_INET6, connected);
	}
	return 0;
}
