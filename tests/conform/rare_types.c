/*
 * Types and families that few kernels have (Linux 6.16 took DCCP out; TIPC and RDS are modules): sockland refuses them as a kernel without them does. Where
 * the kernel has one there is nothing to compare with.
 */
#include "say.h"

#define SKIPPED 77

int main(void)
{
	static const struct { const char *what; int domain, type, protocol; } all[] = {
		{ "rdm", AF_INET, SOCK_RDM, 0 }, { "rdm6", AF_INET6, SOCK_RDM, 0 }, { "rdm udp", AF_INET, SOCK_RDM, IPPROTO_UDP },
		{ "rdm raw", AF_INET, SOCK_RDM, IPPROTO_RAW }, { "rdm unix", AF_UNIX, SOCK_RDM, 0 }, { "dccp", AF_INET, SOCK_DCCP, IPPROTO_DCCP },
		{ "dccp6", AF_INET6, SOCK_DCCP, IPPROTO_DCCP }, { "dccp 0", AF_INET, SOCK_DCCP, 0 }, { "dccp udp", AF_INET, SOCK_DCCP, IPPROTO_UDP },
		{ "stream dccp", AF_INET, SOCK_STREAM, IPPROTO_DCCP }, { "tipc", AF_TIPC, SOCK_RDM, 0 }, { "tipc stream", AF_TIPC, SOCK_STREAM, 0 },
		{ "tipc seqpacket", AF_TIPC, SOCK_SEQPACKET, 0 }, { "rds", AF_RDS, SOCK_SEQPACKET, 0 }, { "rds rdm", AF_RDS, SOCK_RDM, 0 },
	};

	say_start();
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		int fd = socket(all[i].domain, all[i].type, all[i].protocol);
		if (fd >= 0) {
			printf("the kernel has %s\n", all[i].what);
			return SKIPPED;
		}
		say(all[i].what, "%s", say_errno(errno));
	}
	return 0;
}
