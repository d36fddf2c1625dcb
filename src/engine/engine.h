/* The engine: the process that holds the stacks of one virtual network and serves its clients. Single-threaded; one epoll loop. */
#pragma once
#include "topo/topo.h"

struct engine_config {
	const struct topo *topo;
	uint64_t seed;
	const int *doors;          /* the engine's end of each host's door, by host, or -1; owned by the engine from now on */
	int listener;              /* listening AF_UNIX socket whose connections are doors of host 0 (`up -d`), or -1 */
	int owner;                 /* a stream: the engine ends when it hangs up, unless an octet has come that lets it go on; -1: nobody's */
	int ready_fd;              /* gets one octet when the engine serves, then closed */
	uint32_t segments;         /* of shared memory, at most; 0: as many as it has numbers for */
	bool unprivileged;         /* programs have no CAP_NET_RAW and CAP_NET_ADMIN over their hosts */
	bool kernel_unix;          /* sockets of AF_UNIX are the kernel's, not the net's own */
	bool keep;                 /* `up -d`: stay until `down`, else end when every door has hung up */
};
/* Runs until the end; the process's exit status. Called in a process of its own, whose standard streams may be anything. */
int engine_run(const struct engine_config *c);
