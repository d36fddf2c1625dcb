/*
 * The generic family "mptcp_pm": endpoints and limits of Multipath TCP's path manager, as `ip mptcp` asks for them. What userspace path managers ask for
 * besides is refused, as there are none here.
 *
 * Read first: <linux/mptcp.h>, ip-mptcp(8).
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/mptcp.h>
#include "stack/mptcp/pm.h"
#include "stack/netlink/private.h"

#define LIMIT_MOST 8u
#define ALL_FLAGS 0x1fu                  /* MPTCP_PM_ADDR_FLAG_* */

static const struct nl_policy policy[MPTCP_PM_ATTR_MAX + 1] = {
	[MPTCP_PM_ATTR_ADDR] = {NL_NEST, 0}, [MPTCP_PM_ATTR_RCV_ADD_ADDRS] = {NL_FIXED, 4}, [MPTCP_PM_ATTR_SUBFLOWS] = {NL_FIXED, 4},
	[MPTCP_PM_ATTR_TOKEN] = {NL_FIXED, 4}, [MPTCP_PM_ATTR_LOC_ID] = {NL_FIXED, 1}, [MPTCP_PM_ATTR_ADDR_REMOTE] = {NL_NEST, 0},
};
static const struct nl_policy addr_policy[MPTCP_PM_ADDR_ATTR_MAX + 1] = {
	[MPTCP_PM_ADDR_ATTR_FAMILY] = {NL_FIXED, 2}, [MPTCP_PM_ADDR_ATTR_ID] = {NL_FIXED, 1}, [MPTCP_PM_ADDR_ATTR_ADDR4] = {NL_FIXED, 4},
	[MPTCP_PM_ADDR_ATTR_ADDR6] = {NL_FIXED, 16}, [MPTCP_PM_ADDR_ATTR_PORT] = {NL_FIXED, 2}, [MPTCP_PM_ADDR_ATTR_FLAGS] = {NL_FIXED, 4},
	[MPTCP_PM_ADDR_ATTR_IF_IDX] = {NL_FIXED, 4},
};

/* ---- reading ---- */

/* An address may be missing where an id says which endpoint is meant. */
static int read_address(const struct stack *s, const struct nl_attr *tb, bool needed, struct mptcp_endpoint *e)
{
	uint16_t family = tb[MPTCP_PM_ADDR_ATTR_FAMILY].at ? nl_u16(&tb[MPTCP_PM_ADDR_ATTR_FAMILY]) : 0;
	const struct nl_attr *a = &tb[family == AF_INET ? MPTCP_PM_ADDR_ATTR_ADDR4 : MPTCP_PM_ADDR_ATTR_ADDR6];

	if (!family) return needed ? netlink_refuse(s, -EINVAL, "missing family") : 0;
	if (family != AF_INET && family != AF_INET6) return netlink_refuse(s, -EINVAL, "unknown address family");
	if (!a->at) return netlink_refuse(s, -EINVAL, "missing address info");
	e->addr = nl_addr(a, family == AF_INET);
	return 0;
}

static int read_endpoint(const struct stack *s, const struct nl_request *q, bool needed, struct mptcp_endpoint *ret)
{
	struct nl_attr all[MPTCP_PM_ATTR_MAX + 1], tb[MPTCP_PM_ADDR_ATTR_MAX + 1];
	int r = nl_parse(s, q, GENL_HDRLEN, policy, ARRAY_SIZE(all), all);

	*ret = (struct mptcp_endpoint){.addr = addr_any4};
	if (r < 0) return r;
	if (!all[MPTCP_PM_ATTR_ADDR].at) return netlink_refuse(s, -EINVAL, "missing address info");
	r = nl_parse_nest(s, &all[MPTCP_PM_ATTR_ADDR], addr_policy, ARRAY_SIZE(tb), tb);
	if (r == 0) r = read_address(s, tb, needed, ret);
	if (r < 0) return r;
	if (tb[MPTCP_PM_ADDR_ATTR_ID].at) ret->id = nl_u8(&tb[MPTCP_PM_ADDR_ATTR_ID]);
	if (tb[MPTCP_PM_ADDR_ATTR_FLAGS].at) ret->flags = nl_u32(&tb[MPTCP_PM_ADDR_ATTR_FLAGS]);
	if (tb[MPTCP_PM_ADDR_ATTR_PORT].at) ret->port = nl_u16(&tb[MPTCP_PM_ADDR_ATTR_PORT]);
	if (tb[MPTCP_PM_ADDR_ATTR_IF_IDX].at) ret->if_index = (int)nl_u32(&tb[MPTCP_PM_ADDR_ATTR_IF_IDX]);
	return 0;
}

/* ---- endpoints ---- */

static int add(struct stack *s, const struct nl_request *q)
{
	struct mptcp_endpoint e;
	int r = read_endpoint(s, q, true, &e);

	if (r < 0) return r;
	if (addr_is_any(&e.addr)) return netlink_refuse(s, -EINVAL, "invalid addr");
	if (e.flags & ~ALL_FLAGS) return -EINVAL;
	if (e.port && !(e.flags & MPTCP_PM_ADDR_FLAG_SIGNAL)) return netlink_refuse(s, -EINVAL, "flags must have signal when using port");
	/* A listener of its own, that joins come to, is not made here. */
	if (e.port) return -EOPNOTSUPP;
	if ((e.flags & MPTCP_PM_ADDR_FLAG_SIGNAL) && (e.flags & MPTCP_PM_ADDR_FLAG_FULLMESH)) {
		return netlink_refuse(s, -EINVAL, "flags mustn't have both signal and fullmesh");
	}
	if (e.flags & MPTCP_PM_ADDR_FLAG_IMPLICIT) return netlink_refuse(s, -EINVAL, "can't create IMPLICIT endpoint");
	r = pm_endpoint_add(s, &e, NULL);
	if (r < 0) return netlink_refuse(s, r, r == -EEXIST ? "too many addresses or duplicate one: -17" :
				       r == -EBUSY ? "too many addresses or duplicate one: -16" : "too many addresses or duplicate one: -34");
	return 0;
}

static int del(struct stack *s, const struct nl_request *q)
{
	struct mptcp_endpoint e, *found;
	int r = read_endpoint(s, q, false, &e);

	if (r < 0) return r;
	found = pm_endpoint_find(s, e.id);
	if (!found) return netlink_refuse(s, -EINVAL, "address not found");
	pm_endpoint_del(s, found);
	return 0;
}

static int flush(struct stack *s)
{
	while (!list_empty(&s->mptcp->endpoints))
		pm_endpoint_del(s, list_first(&s->mptcp->endpoints, struct mptcp_endpoint, node));
	s->mptcp->last_id = 0;
	return 0;
}

static struct mptcp_endpoint *by_address(struct stack *s, const struct addr *a)
{
	list_each(struct mptcp_endpoint, e, &s->mptcp->endpoints, node)
		if (addr_eq(&e->addr, a)) return e;
	return NULL;
}

static int set_flags(struct stack *s, const struct nl_request *q)
{
	struct mptcp_endpoint e, *found;
	int r = read_endpoint(s, q, false, &e);

	if (r < 0) return r;
	found = e.id ? pm_endpoint_find(s, e.id) : by_address(s, &e.addr);
	if (!found) return netlink_refuse(s, -EINVAL, "address not found");
	if ((e.flags & MPTCP_PM_ADDR_FLAG_FULLMESH) && (found->flags & (MPTCP_PM_ADDR_FLAG_SIGNAL | MPTCP_PM_ADDR_FLAG_IMPLICIT))) {
		return netlink_refuse(s, -EINVAL, "invalid addr flags");
	}
	pm_endpoint_flags(s, found, e.flags);
	return 0;
}

static void put_endpoint(struct nl_writer *w, const struct nl_request *q, const struct mptcp_endpoint *e)
{
	struct genlmsghdr h = {.cmd = MPTCP_PM_CMD_GET_ADDR, .version = MPTCP_PM_VER};
	bool v4 = addr_is_v4(&e->addr);
	uint16_t family = v4 ? AF_INET : AF_INET6;
	size_t nest;

	nl_begin(w, q->h.nlmsg_type, &h, sizeof h);
	nest = nl_nest_begin(w, MPTCP_PM_ATTR_ADDR);
	nl_put(w, MPTCP_PM_ADDR_ATTR_FAMILY, &family, sizeof family);
	if (e->port) nl_put(w, MPTCP_PM_ADDR_ATTR_PORT, &e->port, sizeof e->port);
	nl_put_u8(w, MPTCP_PM_ADDR_ATTR_ID, e->id);
	if (e->flags) nl_put_u32(w, MPTCP_PM_ADDR_ATTR_FLAGS, e->flags);
	if (e->if_index) nl_put_u32(w, MPTCP_PM_ADDR_ATTR_IF_IDX, (uint32_t)e->if_index);
	nl_put_addr(w, v4 ? MPTCP_PM_ADDR_ATTR_ADDR4 : MPTCP_PM_ADDR_ATTR_ADDR6, &e->addr);
	nl_nest_end(w, nest);
	nl_end(w);
}

static int dump(struct nl_writer *w, const struct nl_request *q)
{
	list_each(const struct mptcp_endpoint, e, &nl_stack(w)->mptcp->endpoints, node)
		put_endpoint(w, q, e);
	return 0;
}

static int one(struct nl_writer *w, const struct nl_request *q)
{
	struct mptcp_endpoint e, *found;
	int r = read_endpoint(nl_stack(w), q, false, &e);

	if (r < 0) return r;
	found = pm_endpoint_find(nl_stack(w), e.id);
	if (!found) return netlink_refuse(nl_stack(w), -EINVAL, "address not found");
	put_endpoint(w, q, found);
	return 0;
}

/* ---- limits ---- */

static int set_limits(struct stack *s, const struct nl_request *q)
{
	struct nl_attr tb[MPTCP_PM_ATTR_MAX + 1];
	int r = nl_parse(s, q, GENL_HDRLEN, policy, ARRAY_SIZE(tb), tb);
	uint32_t accepted, subflows;

	if (r < 0) return r;
	accepted = tb[MPTCP_PM_ATTR_RCV_ADD_ADDRS].at ? nl_u32(&tb[MPTCP_PM_ATTR_RCV_ADD_ADDRS]) : s->mptcp->max_accepted;
	subflows = tb[MPTCP_PM_ATTR_SUBFLOWS].at ? nl_u32(&tb[MPTCP_PM_ATTR_SUBFLOWS]) : s->mptcp->max_subflows;
	if (accepted > LIMIT_MOST) return nl_refuse_attr(s, &tb[MPTCP_PM_ATTR_RCV_ADD_ADDRS], -EINVAL, "limit greater than maximum (8)");
	if (subflows > LIMIT_MOST) return nl_refuse_attr(s, &tb[MPTCP_PM_ATTR_SUBFLOWS], -EINVAL, "limit greater than maximum (8)");
	s->mptcp->max_accepted = accepted;
	s->mptcp->max_subflows = subflows;
	return 0;
}

static int get_limits(struct nl_writer *w, const struct nl_request *q)
{
	struct genlmsghdr h = {.cmd = MPTCP_PM_CMD_GET_LIMITS, .version = MPTCP_PM_VER};

	nl_begin(w, q->h.nlmsg_type, &h, sizeof h);
	nl_put_u32(w, MPTCP_PM_ATTR_RCV_ADD_ADDRS, nl_stack(w)->mptcp->max_accepted);
	nl_put_u32(w, MPTCP_PM_ATTR_SUBFLOWS, nl_stack(w)->mptcp->max_subflows);
	nl_end(w);
	return 0;
}

int nl_mptcp_serve(struct netlink_sock *ns, const struct nl_request *q, uint8_t command)
{
	struct stack *s = ns->sk.stack;

	if (command == MPTCP_PM_CMD_GET_LIMITS) return nl_serve_one(ns, q, get_limits);
	if (!sock_is_privileged(&ns->sk)) return -EPERM;
	switch (command) {
	case MPTCP_PM_CMD_ADD_ADDR: return add(s, q);
	case MPTCP_PM_CMD_DEL_ADDR: return del(s, q);
	case MPTCP_PM_CMD_GET_ADDR: return (q->h.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP ? nl_serve_dump(ns, q, dump, false) : nl_serve_one(ns, q, one);
	case MPTCP_PM_CMD_FLUSH_ADDRS: return flush(s);
	case MPTCP_PM_CMD_SET_LIMITS: return set_limits(s, q);
	case MPTCP_PM_CMD_SET_FLAGS: return set_flags(s, q);
	default: return -EOPNOTSUPP;
	}
}
