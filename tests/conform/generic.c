/*
 * NETLINK_GENERIC: asking for families by name and by number, all of them, and what is refused. What a family's attributes are worth differs between
 * kernels.
 */
#include "netlink.h"
#include <linux/genetlink.h>

struct ask { struct nlmsghdr h; struct genlmsghdr g; struct nlattr a; char value[32]; };

static struct ask getfamily(int attribute, const void *value, size_t len)
{
	struct ask a = { .h = { .nlmsg_type = GENL_ID_CTRL, .nlmsg_flags = NLM_F_REQUEST, .nlmsg_seq = 1 }, .g = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 },
			 .a = { (__u16)(sizeof(a.a) + len), (__u16)attribute } };

	memcpy(a.value, value, len);
	a.h.nlmsg_len = (__u32)(sizeof(a.h) + sizeof(a.g) + (attribute ? NLA_ALIGN(a.a.nla_len) : 0));
	return a;
}

/* Of one message: what nlctrl says of itself. */
static void say_family(const char *name, const struct nlmsghdr *h)
{
	const struct genlmsghdr *g = NLMSG_DATA(h);
	const struct nlattr *a = (const void *)((const char *)g + GENL_HDRLEN);
	size_t left = h->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN);
	char text[256] = "";

	while (left >= sizeof(*a) && a->nla_len >= sizeof(*a) && a->nla_len <= left) {
		size_t step = (size_t)NLA_ALIGN(a->nla_len) < left ? (size_t)NLA_ALIGN(a->nla_len) : left, at = strlen(text);
		const char *data = (const char *)(a + 1);
		__u32 v = 0;
		memcpy(&v, data, a->nla_len - sizeof(*a) < sizeof(v) ? a->nla_len - sizeof(*a) : sizeof(v));
		if (a->nla_type == CTRL_ATTR_FAMILY_NAME)
			snprintf(text + at, sizeof(text) - at, " name %s", data);
		else if (a->nla_type == CTRL_ATTR_FAMILY_ID || a->nla_type == CTRL_ATTR_VERSION || a->nla_type == CTRL_ATTR_HDRSIZE)
			snprintf(text + at, sizeof(text) - at, " %d: %u", a->nla_type, v);
		else
			snprintf(text + at, sizeof(text) - at, " %d", a->nla_type & NLA_TYPE_MASK);
		left -= step;
		a = (const void *)((const char *)a + step);
	}
	say(name, "command %d version %d%s", g->cmd, g->version, text);
}

static void look_at(const struct nlmsghdr *h, void *arg)
{
	const char *first = (const char *)NLMSG_DATA(h) + GENL_HDRLEN;

	if (strcmp(first + sizeof(struct nlattr), "nlctrl") == 0)
		say_family(arg, h);
}

static void say_answer(const char *name, struct ask a)
{
	say(name, "end %s", say_errno(nl_ask(NETLINK_GENERIC, &a, a.h.nlmsg_len, look_at, (void *)name)));
}

int main(void)
{
	__u16 id = GENL_ID_CTRL, other = 0xfff0;
	struct ask a = getfamily(0, "", 0);

	say_start();
	say_about("the family");
	say_answer("by name", getfamily(CTRL_ATTR_FAMILY_NAME, "nlctrl", 7));
	say_answer("by number", getfamily(CTRL_ATTR_FAMILY_ID, &id, sizeof(id)));
	say_answer("of another name", getfamily(CTRL_ATTR_FAMILY_NAME, "sockland-none", 14));
	say_answer("of another number", getfamily(CTRL_ATTR_FAMILY_ID, &other, sizeof(other)));
	say_answer("of a name without an end", getfamily(CTRL_ATTR_FAMILY_NAME, "nlctrl", 6));
	say_answer("of a name too long", getfamily(CTRL_ATTR_FAMILY_NAME, "a-name-that-is-too-long", 24));
	say_answer("of a number too short", getfamily(CTRL_ATTR_FAMILY_ID, "x", 1));
	say_answer("of nothing", a);
	a.h.nlmsg_flags |= NLM_F_DUMP;
	say_answer("among all", a);
	say_about("requests");
	a = getfamily(CTRL_ATTR_FAMILY_NAME, "nlctrl", 7);
	a.g.cmd = 99;
	say_answer("of no command", a);
	a.h.nlmsg_type = other;
	say_answer("of no family", a);
	a = getfamily(CTRL_ATTR_FAMILY_NAME, "nlctrl", 7);
	a.h.nlmsg_len = sizeof(a.h);
	say_answer("too short", a);
	return 0;
}
