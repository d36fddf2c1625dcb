/* Reading the attributes of a request, which are hostile: each length is checked against what is there before anything is looked at. */
#include <errno.h>
#include "stack/netlink/private.h"

bool nl_next(struct nl_step *step, uint16_t *ret_type, struct nl_attr *ret)
{
	struct nlattr a;
	size_t room;

	if (step->len < sizeof a) return false;
	memcpy(&a, step->at, sizeof a);
	if (a.nla_len < sizeof a || a.nla_len > step->len) return false;
	*ret_type = a.nla_type & NLA_TYPE_MASK;
	*ret = (struct nl_attr){step->at + sizeof a, a.nla_len - sizeof a, a.nla_type & NLA_F_NESTED};
	room = MIN(step->len, NLMSG_ALIGN((size_t)a.nla_len));
	step->at += room;
	step->len -= room;
	return true;
}

static struct nl_step behind(const struct nl_request *q, size_t hdr_len)
{
	size_t at = MIN(q->len, NLMSG_ALIGN(hdr_len));

	return (struct nl_step){q->body + at, q->len - at};
}

int nl_refuse_attr(const struct stack *s, const struct nl_attr *a, int err, const char *text)
{
	struct netlink *nl = s->netlink;

	/* As Linux: from the message's header to the attribute's. */
	if (nl->request && a->at) nl->why_offset = (uint32_t)(a->at - sizeof(struct nlattr) - nl->request->body + sizeof(struct nlmsghdr));
	return netlink_refuse(s, err, text);
}

static bool is_sound(const struct nl_policy *p, const struct nl_attr *a)
{
	size_t len = a->len;

	if (p->is == NL_FIXED) return len >= p->len;
	if (p->is == NL_MOST) return len <= p->len;
	if (p->is == NL_NEST || p->is == NL_NEST_ONLY) return len == 0 || len >= sizeof(struct nlattr);
	if (p->is != NL_TEXT && p->is != NL_NAME) return true;
	if (len && a->at[len - 1] == '\0') len--;
	return a->len && len <= p->len;
}

static int check(const struct stack *s, const struct nl_policy *p, const struct nl_attr *a)
{
	if (p->is == NL_UNSUPPORTED) return nl_refuse_attr(s, a, -EINVAL, "Unsupported attribute");
	if (p->is == NL_REJECTED || (p->is == NL_NAME && !memchr(a->at, 0, MIN(a->len, p->len + 1U))))
		return nl_refuse_attr(s, a, -EINVAL, "Attribute failed policy validation");
	if (p->is == NL_EXACT && a->len != p->len) return nl_refuse_attr(s, a, -EINVAL, "invalid attribute length");
	if (p->is == NL_EXACT && a->nested) return nl_refuse_attr(s, a, -EINVAL, "NLA_F_NESTED not expected");
	if (p->is == NL_NEST_ONLY && !a->nested) return nl_refuse_attr(s, a, -EINVAL, "NLA_F_NESTED is missing");
	return is_sound(p, a) ? 0 : nl_refuse_attr(s, a, -ERANGE, "Attribute failed policy validation");
}

static int parse(const struct stack *s, struct nl_step step, const struct nl_policy *policy, size_t n, struct nl_attr *ret, bool strict)
{
	struct nl_attr a;
	uint16_t type;
	int err;

	memset(ret, 0, n * sizeof *ret);
	while (nl_next(&step, &type, &a)) {
		if (strict && (type == 0 || type >= n)) return nl_refuse_attr(s, &a, -EINVAL, "Unknown attribute type");
		if (type == 0 || type >= n) continue;
		err = check(s, &policy[type], &a);
		if (err < 0) return err;
		ret[type] = a;
	}
	/* As Linux: it is said, also where it does no harm. */
	if (step.len) err = netlink_refuse(s, -EINVAL, "bytes leftover after parsing attributes");
	return step.len && strict ? err : 0;
}

int nl_parse(const struct stack *s, const struct nl_request *q, size_t hdr_len, const struct nl_policy *policy, size_t n, struct nl_attr *ret)
{
	if (q->len < hdr_len) return netlink_refuse(s, -EINVAL, "Invalid header length");
	return parse(s, behind(q, hdr_len), policy, n, ret, false);
}

int nl_parse_strict(const struct stack *s, const struct nl_request *q, size_t hdr_len, const struct nl_policy *policy, size_t n, struct nl_attr *ret)
{
	return parse(s, behind(q, hdr_len), policy, n, ret, true);
}

int nl_parse_nest(const struct stack *s, const struct nl_attr *nest, const struct nl_policy *policy, size_t n, struct nl_attr *ret)
{
	return parse(s, (struct nl_step){nest->at, nest->len}, policy, n, ret, false);
}

uint8_t nl_u8(const struct nl_attr *a) { return a->at[0]; }

uint16_t nl_u16(const struct nl_attr *a)
{
	uint16_t v;

	memcpy(&v, a->at, sizeof v);
	return v;
}

uint32_t nl_u32(const struct nl_attr *a)
{
	uint32_t v;

	memcpy(&v, a->at, sizeof v);
	return v;
}

struct addr nl_addr(const struct nl_attr *a, bool v4) { return v4 ? addr_v4_octets(a->at) : addr_v6_octets(a->at); }

void nl_text(const struct nl_attr *a, char *ret, size_t size)
{
	size_t len = MIN(a->len, size - 1);

	memcpy(ret, a->at, len);
	ret[len] = '\0';
}

const uint8_t *nl_find(const struct nl_request *q, size_t hdr_len, uint16_t type, size_t *ret_len)
{
	struct nl_step step = behind(q, hdr_len);
	struct nl_attr a;
	uint16_t t;

	while (nl_next(&step, &t, &a))
		if (t == type) {
			*ret_len = a.len;
			return a.at;
		}
	return NULL;
}

bool nl_find_u32(const struct nl_request *q, size_t hdr_len, uint16_t type, uint32_t *ret)
{
	size_t len;
	const uint8_t *p = nl_find(q, hdr_len, type, &len);

	if (!p || len < sizeof *ret) return false;
	memcpy(ret, p, sizeof *ret);
	return true;
}

bool nl_find_addr(const struct nl_request *q, size_t hdr_len, uint16_t type, struct addr *ret)
{
	size_t len;
	const uint8_t *p = nl_find(q, hdr_len, type, &len);

	if (!p || (len != 4 && len != 16)) return false;
	*ret = len == 4 ? addr_v4_octets(p) : addr_v6_octets(p);
	return true;
}

void nl_header(const struct nl_request *q, void *ret, size_t len)
{
	memset(ret, 0, len);
	memcpy(ret, q->body, MIN(len, q->len));
}
