/* From one socket to others of the same protocol and host: to the one with a port id, and to those who listen to a group. Port id 0 is the stack. */
#include <errno.h>
#include "stack/netlink/private.h"

static ssize_t to_stack(struct netlink_sock *ns, const void *data, size_t len)
{
	if (!ns->protocol->serve) return -ECONNREFUSED;
	netlink_serve(ns, data, len);
	return (ssize_t)len;
}

ssize_t nl_unicast(struct netlink_sock *ns, uint32_t pid, const struct nl_origin *from, const void *data, size_t len)
{
	struct netlink_sock *to;
	int r;

	if (pid == 0) return to_stack(ns, data, len);
	to = nl_port_find(ns->sk.stack, ns->sk.protocol, pid);
	/* Who is connected hears only its peer. */
	if (!to || (to->state == NL_CONNECTED && to->peer_pid != ns->pid)) return -ECONNREFUSED;
	if (!netlink_has_room(to)) {
		list_remove(&ns->of_waited);
		list_append(&to->waiting, &ns->of_waited);
		return -EAGAIN;
	}
	r = nl_queue_put(to, from, data, len);
	return r < 0 ? r : (ssize_t)len;
}

static bool listens(const struct netlink_sock *ns, uint32_t group) { return ns->groups >> (group - 1) & 1; }

void nl_broadcast_to(struct netlink_sock *to, const struct nl_origin *from, const void *data, size_t len)
{
	if (!listens(to, from->group)) return;
	if (!netlink_has_room(to) || nl_queue_put(to, from, data, len) < 0) nl_queue_lost(to);
}

void nl_broadcast(struct netlink_sock *ns, uint32_t but, const struct nl_origin *from, const void *data, size_t len)
{
	list_each(struct netlink_sock, to, &ns->sk.stack->netlink->socks, node)
		if (to != ns && to->protocol == ns->protocol && to->pid != but) nl_broadcast_to(to, from, data, len);
}
