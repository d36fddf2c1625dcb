/* The rows of SOL_NETLINK. Read first: netlink(7). */
#include <errno.h>
#include "stack/netlink/private.h"

static struct netlink_sock *netlink_of(struct sock *sk) { return (struct netlink_sock *)sk; }

static int group_bit(const void *val, uint64_t *ret)
{
	uint32_t group = *(const uint32_t *)val;

	if (group == 0 || group > NL_GROUPS) return -EINVAL;
	*ret = (uint64_t)1 << (group - 1);
	return 0;
}

static int set_add(struct sock *sk, const void *val, socklen_t len)
{
	uint64_t bit;
	int r = group_bit(val, &bit);

	(void)len;
	if (r == 0) netlink_of(sk)->groups |= bit;
	return r;
}

static int set_drop(struct sock *sk, const void *val, socklen_t len)
{
	uint64_t bit;
	int r = group_bit(val, &bit);

	(void)len;
	if (r == 0) netlink_of(sk)->groups &= ~bit;
	return r;
}

static int get_memberships(struct sock *sk, void *val, socklen_t *len)
{
	return opt_copy_out(val, len, &netlink_of(sk)->groups, sizeof netlink_of(sk)->groups);
}

/* Other network namespaces: CAP_NET_BROADCAST. */
static int set_all_nsid(struct sock *sk, const void *val, socklen_t len)
{
	(void)sk, (void)len;
	return *(const int *)val ? -EPERM : 0;
}

static int get_all_nsid(struct sock *sk, void *val, socklen_t *len)
{
	(void)sk, (void)len;
	*(int *)val = 0;
	return 0;
}

#define FLAG(n, f) {.level = SOL_NETLINK, .name = n, .text = #n, .type = OPT_BOOL, .access = OPT_GET | OPT_SET, OPT_FIELD(struct netlink_sock, f)}
#define SET(n, fn) {.level = SOL_NETLINK, .name = n, .text = #n, .type = OPT_INT, .access = OPT_SET, .set = fn}

const struct sockopt netlink_options[] = {
	SET(NETLINK_ADD_MEMBERSHIP, set_add),
	SET(NETLINK_DROP_MEMBERSHIP, set_drop),
	{.level = SOL_NETLINK, .name = NETLINK_LIST_MEMBERSHIPS, .text = "NETLINK_LIST_MEMBERSHIPS", .type = OPT_BLOB, .access = OPT_GET, .get = get_memberships},
	FLAG(NETLINK_PKTINFO, pktinfo),
	FLAG(NETLINK_BROADCAST_ERROR, broadcast_error),
	FLAG(NETLINK_NO_ENOBUFS, no_enobufs),
	FLAG(NETLINK_CAP_ACK, cap_ack),
	FLAG(NETLINK_EXT_ACK, ext_ack),
	FLAG(NETLINK_GET_STRICT_CHK, strict),
	{.level = SOL_NETLINK, .name = NETLINK_LISTEN_ALL_NSID, .text = "NETLINK_LISTEN_ALL_NSID", .type = OPT_INT, .access = OPT_GET | OPT_SET,
	 .get = get_all_nsid, .set = set_all_nsid},
	{.level = SOL_SOCKET, .name = SO_PASSCRED, .text = "SO_PASSCRED", .type = OPT_BOOL, .access = OPT_GET | OPT_SET, OPT_FIELD(struct netlink_sock, passcred)},
	{.text = NULL},
};
