/*
 * NETLINK_GENERIC: families by name. There is the one that tells of families, nlctrl, and so of itself, those of the kinds of interfaces that ask for
 * more than a link's attributes, and that of Multipath TCP's path manager; whoever asks for another is told that there is none, and goes the way that
 * programs have for kernels without it.
 *
 * Read first: <linux/genetlink.h>.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/mptcp.h>
#include <linux/wireguard.h>
#include "stack/netlink/private.h"

#define NLCTRL_VERSION 2
#define COMMANDS_MAX 7
#define MPTCP_PM_ID (GENL_START_ALLOC + 1)
#define CHANGES (GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO | GENL_CMD_CAP_HASPOL)

/* A command of a family's, and who may give it how: GENL_CMD_CAP_*. */
struct command { uint32_t number, flags; };
struct group { uint32_t id; const char *name; };
struct generic {
	const char *name;
	uint16_t id;
	uint32_t version, header, attributes;
	struct command commands[COMMANDS_MAX]; size_t n_commands;
	struct group group;                                                       /* without a name: none */
	int (*serve)(struct netlink_sock *, const struct nl_request *, uint8_t command);
};

static int serve_control(struct netlink_sock *ns, const struct nl_request *q, uint8_t command);

/* Linux gives out the other numbers as modules are loaded: behind those that it keeps for old ones. */
static const struct generic families[] = {
	{"nlctrl", GENL_ID_CTRL, NLCTRL_VERSION, 0, CTRL_ATTR_MAX, {{CTRL_CMD_GETFAMILY, GENL_CMD_CAP_DO | GENL_CMD_CAP_DUMP | GENL_CMD_CAP_HASPOL}}, 1,
	 {GENL_ID_CTRL, "notify"}, serve_control},
	{WG_GENL_NAME, GENL_START_ALLOC, WG_GENL_VERSION, 0, WGDEVICE_A_MAX,
	 {{WG_CMD_GET_DEVICE, GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DUMP | GENL_CMD_CAP_HASPOL},
	  {WG_CMD_SET_DEVICE, GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO | GENL_CMD_CAP_HASPOL}}, 2, {0, NULL}, nl_wireguard_serve},
	{MPTCP_PM_NAME, MPTCP_PM_ID, MPTCP_PM_VER, 0, MPTCP_PM_ATTR_MAX,
	 {{MPTCP_PM_CMD_ADD_ADDR, CHANGES}, {MPTCP_PM_CMD_DEL_ADDR, CHANGES}, {MPTCP_PM_CMD_GET_ADDR, CHANGES | GENL_CMD_CAP_DUMP},
	  {MPTCP_PM_CMD_FLUSH_ADDRS, CHANGES}, {MPTCP_PM_CMD_SET_LIMITS, CHANGES},
	  {MPTCP_PM_CMD_GET_LIMITS, GENL_CMD_CAP_DO | GENL_CMD_CAP_HASPOL}, {MPTCP_PM_CMD_SET_FLAGS, CHANGES}}, 7, {0, NULL}, nl_mptcp_serve},
};

static void put_commands(struct nl_writer *w, const struct generic *f)
{
	size_t all = nl_nest_begin(w, CTRL_ATTR_OPS);

	for (size_t i = 0; i < f->n_commands; i++) {
		size_t one = nl_nest_begin(w, (uint16_t)(i + 1));
		nl_put_u32(w, CTRL_ATTR_OP_ID, f->commands[i].number);
		nl_put_u32(w, CTRL_ATTR_OP_FLAGS, f->commands[i].flags);
		nl_nest_end(w, one);
	}
	nl_nest_end(w, all);
}

static void put_group(struct nl_writer *w, const struct group *g)
{
	size_t all = nl_nest_begin(w, CTRL_ATTR_MCAST_GROUPS), one = nl_nest_begin(w, 1);

	nl_put_u32(w, CTRL_ATTR_MCAST_GRP_ID, g->id);
	nl_put_text(w, CTRL_ATTR_MCAST_GRP_NAME, g->name);
	nl_nest_end(w, one);
	nl_nest_end(w, all);
}

static void family_write(struct nl_writer *w, const struct generic *f)
{
	struct genlmsghdr h = {.cmd = CTRL_CMD_NEWFAMILY, .version = NLCTRL_VERSION};

	nl_begin(w, GENL_ID_CTRL, &h, sizeof h);
	nl_put_text(w, CTRL_ATTR_FAMILY_NAME, f->name);
	nl_put(w, CTRL_ATTR_FAMILY_ID, &f->id, sizeof f->id);
	nl_put_u32(w, CTRL_ATTR_VERSION, f->version);
	nl_put_u32(w, CTRL_ATTR_HDRSIZE, f->header);
	nl_put_u32(w, CTRL_ATTR_MAXATTR, f->attributes);
	put_commands(w, f);
	if (f->group.name) put_group(w, &f->group);
	nl_end(w);
}

static int dump(struct nl_writer *w, const struct nl_request *q)
{
	(void)q;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		family_write(w, &families[i]);
	return 0;
}

static const struct nl_policy policy[CTRL_ATTR_MAX + 1] = {
	[CTRL_ATTR_FAMILY_ID] = {NL_FIXED, 2}, [CTRL_ATTR_FAMILY_NAME] = {NL_NAME, GENL_NAMSIZ - 1},
};

static int wanted(const struct stack *s, const struct nl_request *q, const struct generic **ret)
{
	struct nl_attr tb[CTRL_ATTR_MAX + 1];
	const struct nl_attr *id = &tb[CTRL_ATTR_FAMILY_ID], *name = &tb[CTRL_ATTR_FAMILY_NAME];
	int err = nl_parse(s, q, GENL_HDRLEN, policy, CTRL_ATTR_MAX + 1, tb);

	if (err < 0) return err;
	if (!id->at && !name->at) return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const struct generic *f = &families[i];
		if (name->at ? strcmp(f->name, (const char *)name->at) != 0 : f->id != nl_u16(id)) continue;
		*ret = f;
		return 0;
	}
	return -ENOENT;
}

static int one(struct nl_writer *w, const struct nl_request *q)
{
	const struct generic *f;
	int r = wanted(nl_stack(w), q, &f);

	if (r == 0) family_write(w, f);
	return r;
}

static int serve_control(struct netlink_sock *ns, const struct nl_request *q, uint8_t command)
{
	if (command != CTRL_CMD_GETFAMILY) return -EOPNOTSUPP;
	return (q->h.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP ? nl_serve_dump(ns, q, dump, false) : nl_serve_one(ns, q, one);
}

int nl_generic_serve(struct netlink_sock *ns, const struct nl_request *q)
{
	struct genlmsghdr h;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		if (families[i].id != q->h.nlmsg_type) continue;
		if (q->len < sizeof h) return -EINVAL;
		nl_header(q, &h, sizeof h);
		return families[i].serve(ns, q, h.cmd);
	}
	return -ENOENT;
}
