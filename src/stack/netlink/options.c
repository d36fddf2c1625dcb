/* The rows of SOL_NETLINK. Read first: netlink(7). */
#include <errno.h>
#include "stack/netlink/private.h"
#include "stack/socket/option_rows.h"

static struct netlink_sock *netlink_of(struct sock *sk) { return (struct netlink_sock *)sk; }

static int group_bit(const struct netlink_sock *ns, const void *val, uint64_t *ret)
{
	uint32_t group = *(const uint32_t *)val;

	if (!nl_may_listen(ns)) return -EPERM;
	if (group == 0 || group > ns->protocol->groups) return -EINVAL;
	*ret = (uint64_t)1 << (group - 1);
	return 0;
}

static int set_add(struct sock *sk, const void *val, socklen_t len)
{
	uint64_t bit;
	int r = group_bit(netlink_of(sk), val, &bit);

	(void)len;
	if (r == 0) netlink_of(sk)->groups |= bit;
	return r;
}

static int set_drop(struct sock *sk, const void *val, socklen_t len)
{
	uint64_t bit;
	int r = group_bit(netlink_of(sk), val, &bit);

	(void)len;
	if (r == 0) netlink_of(sk)->groups &= ~bit;
	return r;
}

/* There are no other network namespaces to hear of. Linux asks for CAP_NET_BROADCAST, also of who wants none. */
static int set_all_nsid(struct sock *sk, const void *val, socklen_t len)
{
	return sock_is_privileged(sk) ? opt_set_eperm_if_on(sk, val, len) : -EPERM;
}

/* As Linux: a value is read before its option is looked for, and one of less than an int is 0: no group's number. */
int netlink_setsockopt_unread(const struct sock *sk, int level, int name, socklen_t len)
{
	(void)sk;
	if (level == SOL_SOCKET) return OPT_AS_OTHERS;
	if (level == SOL_NETLINK && len >= sizeof(int)) return -EFAULT;
	for (const struct sockopt *o = netlink_options; o->text; o++)
		if (o->level == level && o->name == name && o->access & OPT_SET) return o->set == set_add || o->set == set_drop ? -EINVAL : 0;
	return -ENOPROTOOPT;
}

/* As many words as hold the protocol's, those of them for which there is room. As Linux: the length says how many there are. */
static int get_memberships(struct sock *sk, void *val, socklen_t *len)
{
	socklen_t all = (netlink_of(sk)->protocol->groups + 31) / 32 * sizeof(uint32_t);

	memcpy(val, &netlink_of(sk)->groups, MIN(all, *len) & ~(sizeof(uint32_t) - 1));
	*len = all;
	return 0;
}

#define ROW(l, n) .level = l, .name = n, .text = #n
#define FLAG(n, f) {ROW(SOL_NETLINK, n), .type = OPT_BOOL, .short_is_zero = true, .whole = true, BOTH, OPT_FIELD(struct netlink_sock, f)}

const struct sockopt netlink_options[] = {
	{ROW(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP), .type = OPT_INT, .short_is_zero = true, .access = OPT_SET, .set = set_add},
	{ROW(SOL_NETLINK, NETLINK_DROP_MEMBERSHIP), .type = OPT_INT, .short_is_zero = true, .access = OPT_SET, .set = set_drop},
	{ROW(SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS), .type = OPT_BLOB, .access = OPT_GET, .get = get_memberships},
	FLAG(NETLINK_PKTINFO, pktinfo),
	FLAG(NETLINK_BROADCAST_ERROR, broadcast_error),
	FLAG(NETLINK_NO_ENOBUFS, no_enobufs),
	FLAG(NETLINK_CAP_ACK, cap_ack),
	FLAG(NETLINK_EXT_ACK, ext_ack),
	FLAG(NETLINK_GET_STRICT_CHK, strict),
	{ROW(SOL_NETLINK, NETLINK_LISTEN_ALL_NSID), .type = OPT_INT, .short_is_zero = true, .whole = true, BOTH,
	 .get = opt_get_zero, .set = set_all_nsid},
	{ROW(SOL_SOCKET, SO_PASSCRED), .type = OPT_BOOL, BOTH, OPT_FIELD(struct netlink_sock, passcred)},
	{ROW(SOL_SOCKET, SO_PASSSEC), .type = OPT_BOOL, BOTH, OPT_FIELD(struct netlink_sock, passsec), .note = "there are no labels to tell"},
	{.text = NULL},
};
