/* What calls with wrong arguments answer on raw sockets: sweep.h. */
#include "sweep.h"

int main(void)
{
	static const struct { struct kind kind; int protocol; } all[] = {
		{ { "raw4", AF_INET, SOCK_RAW, FRESH }, 99 }, { { "raw4 icmp", AF_INET, SOCK_RAW, FRESH }, IPPROTO_ICMP },
		{ { "raw4 whole", AF_INET, SOCK_RAW, FRESH }, IPPROTO_RAW }, { { "raw6", AF_INET6, SOCK_RAW, FRESH }, 99 },
		{ { "raw6 icmp", AF_INET6, SOCK_RAW, FRESH }, IPPROTO_ICMPV6 }, { { "raw6 whole", AF_INET6, SOCK_RAW, FRESH }, IPPROTO_RAW },
	};

	say_start();
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	for (size_t i = 0; i < N(all); i++) {
		kind_protocol = all[i].protocol;
		sweep(&all[i].kind);
	}
	return 0;
}
