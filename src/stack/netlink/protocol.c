/* The protocols of AF_NETLINK: a row each. What is not here a host's kernel was built without. */
#include <errno.h>
#include "stack/netlink/private.h"

#define GROUPS_LEAST 32           /* Linux gives every protocol as many */
#define ROUTE_GROUPS 39           /* RTNLGRP_IPV6_ACADDR, the last of Linux 6.18 */

/* What programs send here would tell the host's devices what happened to them, which asks for more than anybody has. */
static int uevent_serve(struct netlink_sock *ns, const struct nl_request *q)
{
	(void)ns, (void)q;
	return -EPERM;
}

static const struct nl_protocol protocols[] = {
	{NETLINK_ROUTE, ROUTE_GROUPS, .anyone_listens = true, .serve = nl_route_serve},
	{NETLINK_USERSOCK, GROUPS_LEAST, .anyone_sends = true},
	{NETLINK_SOCK_DIAG, GROUPS_LEAST, .anyone_listens = true, .serve = nl_diag_serve},
	{NETLINK_KOBJECT_UEVENT, GROUPS_LEAST, .anyone_listens = true, .serve = uevent_serve},
	{NETLINK_GENERIC, GROUPS_LEAST, .anyone_listens = true, .serve = nl_generic_serve},
};

const struct nl_protocol *nl_protocol_find(int number)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (protocols[i].number == number) return &protocols[i];
	return NULL;
}

bool netlink_is_served(int protocol)
{
	const struct nl_protocol *p = nl_protocol_find(protocol);

	return p && p->serve;
}

bool nl_may_listen(const struct netlink_sock *ns) { return ns->protocol->anyone_listens || sock_is_privileged(&ns->sk); }
bool nl_may_send(const struct netlink_sock *ns) { return ns->protocol->anyone_sends || sock_is_privileged(&ns->sk); }
