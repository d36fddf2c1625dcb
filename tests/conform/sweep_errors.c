/* What calls with wrong arguments answer on sockets of IPv4 and IPv6: sweep.h. */
#include "sweep.h"

int main(void)
{
	static const struct kind all[] = {
		{ "tcp4", AF_INET, SOCK_STREAM, FRESH }, { "tcp4 listening", AF_INET, SOCK_STREAM, LISTENING }, { "tcp4 pair", AF_INET, SOCK_STREAM, PAIR },
		{ "tcp4 data", AF_INET, SOCK_STREAM, DATA }, { "tcp4 ended", AF_INET, SOCK_STREAM, ENDED }, { "tcp4 shut", AF_INET, SOCK_STREAM, SHUT },
		{ "tcp4 gone", AF_INET, SOCK_STREAM, GONE }, { "udp4 gone", AF_INET, SOCK_DGRAM, GONE }, { "udp6 gone", AF_INET6, SOCK_DGRAM, GONE },
		{ "tcp6", AF_INET6, SOCK_STREAM, FRESH }, { "tcp6 listening", AF_INET6, SOCK_STREAM, LISTENING }, { "tcp6 data", AF_INET6, SOCK_STREAM, DATA },
		{ "udp4", AF_INET, SOCK_DGRAM, FRESH }, { "udp4 pair", AF_INET, SOCK_DGRAM, PAIR }, { "udp4 data", AF_INET, SOCK_DGRAM, DATA },
		{ "udp4 shut", AF_INET, SOCK_DGRAM, SHUT }, { "udp6", AF_INET6, SOCK_DGRAM, FRESH }, { "udp6 data", AF_INET6, SOCK_DGRAM, DATA },
		{ "netlink", AF_NETLINK, SOCK_RAW, FRESH },
	};

	say_start();
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	for (size_t i = 0; i < N(all); i++)
		sweep(&all[i]);
	return 0;
}
