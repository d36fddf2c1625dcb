/*
 * Port ids: a protocol's own, of one host. A socket that asks for none gets its process's id, and where that is taken a negative number that nobody has, from
 * a place on that is drawn once.
 */
#include <errno.h>
#include "stack/netlink/private.h"

#define FREE_PORTS_FROM (-4096)   /* those above are errnos, where somebody mistakes one for the other */

struct netlink_sock *nl_port_find(const struct stack *s, int protocol, uint32_t pid)
{
	list_each(struct netlink_sock, ns, &s->netlink->socks, node)
		if (ns->bound && ns->sk.protocol == protocol && ns->pid == pid) return ns;
	return NULL;
}

int nl_port_take(struct netlink_sock *ns, uint32_t pid)
{
	if (nl_port_find(ns->sk.stack, ns->sk.protocol, pid)) return -EADDRINUSE;
	ns->pid = pid;
	ns->bound = true;
	return 0;
}

void nl_port_choose(struct netlink_sock *ns)
{
	struct netlink *nl = ns->sk.stack->netlink;
	uint32_t pid = (uint32_t)ns->caller.pid;

	if (!nl->last_free_port)
		nl->last_free_port = INT32_MIN + (int32_t)(stack_random32(ns->sk.stack) % (uint32_t)(FREE_PORTS_FROM - (int64_t)INT32_MIN));
	while (pid == 0 || nl_port_take(ns, pid) < 0) {
		nl->last_free_port = nl->last_free_port == INT32_MIN ? FREE_PORTS_FROM - 1 : nl->last_free_port - 1;
		pid = (uint32_t)nl->last_free_port;
	}
}
