/*
 * Every request number of sockets and of terminals, on every kind of socket, as an ordinary user: what is answered to no pointer, to one that leads
 * nowhere, to zeros, to the name of an interface that is there, to one that is not; and the struct that comes back.
 */
#include "kinds.h"
#include <linux/sockios.h>
#include <net/if.h>

#define BAD ((void *)1)

static const struct kind kinds[] = {
	{ "tcp4", AF_INET, SOCK_STREAM, FRESH },	{ "tcp6", AF_INET6, SOCK_STREAM, FRESH },	{ "udp4", AF_INET, SOCK_DGRAM, FRESH },
	{ "udp6", AF_INET6, SOCK_DGRAM, FRESH },	{ "tcp4 listening", AF_INET, SOCK_STREAM, LISTENING },
	{ "tcp4 pair", AF_INET, SOCK_STREAM, PAIR },	{ "udp6 pair", AF_INET6, SOCK_DGRAM, PAIR },	{ "netlink", AF_NETLINK, SOCK_RAW, FRESH },
};

/* What depends on the modules that a machine has (bridges), and the list of all interfaces. */
static bool machines(unsigned long request) { return request == SIOCGIFCONF || request == SIOCGIFBR || request == SIOCSIFBR; }

static const char *answer(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? say_errno(errno) : "0";
}

static void sweep(const struct kind *k, unsigned long request)
{
	char zero[256] = "", lo[256] = "lo", none[256] = "nosuch", what[32], hex[65] = "";
	int other, fd = kind_make(k, &other);
	const char *to_null = answer(fd, request, NULL), *to_bad = answer(fd, request, BAD), *to_zero = answer(fd, request, zero);
	const char *to_lo = answer(fd, request, lo), *to_none = answer(fd, request, none);

	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned char)lo[i]);
	snprintf(what, sizeof(what), "%lx", request);
	say(what, "NULL %s, bad %s, zeros %s, lo %s, nosuch %s: %s", to_null, to_bad, to_zero, to_lo, to_none, hex);
	close(fd);
	close(other);
}

int main(void)
{
	say_start();
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		say_about("%s", kinds[i].text);
		for (unsigned long request = 0x8900; request < 0x8a00; request++)
			if (!machines(request))
				sweep(&kinds[i], request);
		for (unsigned long request = 0x5400; request < 0x5470; request++)
			sweep(&kinds[i], request);
		sweep(&kinds[i], 0x80108906);
		sweep(&kinds[i], 0x12345678);
	}
	return 0;
}
