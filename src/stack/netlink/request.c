/*
 * What a program sent: a datagram of messages, each one a request. A dump answers with messages and NLMSG_DONE, a get with one message,
 * a failure with NLMSG_ERROR, and NLM_F_ACK asks for one (with error 0) also of success.
 */
#include <errno.h>
#include "stack/netlink/private.h"

#define DUMPS_MAX ((size_t)64 << 20)      /* octets of all that a host has not read */

#define NL_WHY_MAX 256             /* of an acknowledgment: what explains an error */

static const struct nl_kind *const kinds[] = {&nl_link, &nl_link_prop, &nl_address, &nl_mroute, &nl_mroute6, &nl_route, &nl_neigh, &nl_rule, &nl_netconf};

static const struct nl_kind *kind_find(uint16_t type, uint8_t family)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i]->get == type && (!kinds[i]->family || kinds[i]->family == family)) return kinds[i];
	return NULL;
}

static bool dump_is_unread(const struct netlink_sock *ns)
{
	list_each(struct nl_datagram, d, &ns->queue, node)
		if (d->dump) return true;
	return false;
}

/* NETLINK_EXT_ACK: what is wrong in words, and where. As Linux what did no harm is told, too, but not where. */
static size_t explain(uint8_t *at, size_t room, const struct netlink *nl, int err)
{
	size_t len = nl->why ? strlen(nl->why) + 1 : 0, used = 0;

	if (len && sizeof(struct nlattr) + NLMSG_ALIGN(len) <= room) {
		struct nlattr a = {.nla_len = (uint16_t)(sizeof a + len), .nla_type = NLMSGERR_ATTR_MSG};
		memset(at, 0, sizeof a + NLMSG_ALIGN(len));
		memcpy(at, &a, sizeof a);
		memcpy(at + sizeof a, nl->why, len);
		used = sizeof a + NLMSG_ALIGN(len);
	}
	if (err && nl->why_offset && used + sizeof(struct nlattr) + sizeof nl->why_offset <= room) {
		struct nlattr a = {.nla_len = sizeof a + sizeof nl->why_offset, .nla_type = NLMSGERR_ATTR_OFFS};
		memcpy(at + used, &a, sizeof a);
		memcpy(at + used + sizeof a, &nl->why_offset, sizeof nl->why_offset);
		used += a.nla_len;
	}
	return used;
}

/* -EINTR tells that the dump is its own acknowledgment. */
int nl_serve_dump(struct netlink_sock *ns, const struct nl_request *q, int (*dump)(struct nl_writer *, const struct nl_request *), bool end_apart)
{
	uint8_t why[NL_WHY_MAX];
	struct nl_writer w;
	size_t told;
	int done;

	/* Linux writes a dump while it is read, one at a time. This one is written at once, so no other may wait unread. */
	if (dump_is_unread(ns) || !netlink_has_room(ns)) return -EBUSY;
	if (ns->sk.stack->netlink->dumped >= DUMPS_MAX) return -ENOBUFS;
	nl_writer_init(&w, ns, q, true);
	done = dump(&w, q);
	if (end_apart) nl_flush(&w);
	told = ns->ext_ack ? explain(why, sizeof why, ns->sk.stack->netlink, done) : 0;
	if (told) w.flags |= NLM_F_ACK_TLVS;
	nl_begin(&w, NLMSG_DONE, &done, sizeof done);
	nl_append(&w, why, told);
	nl_end(&w);
	nl_flush(&w);
	return -EINTR;
}

int nl_serve_one(struct netlink_sock *ns, const struct nl_request *q, int (*one)(struct nl_writer *, const struct nl_request *))
{
	struct nl_writer w;
	int r;

	nl_writer_init(&w, ns, q, false);
	r = one(&w, q);
	nl_flush(&w);
	return r;
}

static int serve_change(struct netlink_sock *ns, const struct nl_request *q, nl_change *change)
{
	return change ? change(ns->sk.stack, q) : -EOPNOTSUPP;
}

static bool ends_apart(const struct nl_kind *k, uint8_t family)
{
	if (k->end == END_APART_BUT_IPV6) return family != AF_INET6;
	return k->end == END_APART || (k->end == END_APART_OF_ALL && family == AF_UNSPEC);
}

/* The low two bits of a type say what is wanted: new, delete, get, set. */
int nl_route_serve(struct netlink_sock *ns, const struct nl_request *q)
{
	uint16_t type = q->h.nlmsg_type, verb = type & 3;
	const struct nl_kind *k;

	if (type > RTM_MAX) return -EOPNOTSUPP;
	if (q->len < sizeof(struct rtgenmsg)) return 0;
	if (verb != (RTM_GETLINK & 3) && !sock_is_privileged(&ns->sk)) return -EPERM;
	k = kind_find((uint16_t)((type & ~3) | (RTM_GETLINK & 3)), q->body[0]);
	if (!k) return -EOPNOTSUPP;
	if (verb == (RTM_DELLINK & 3) && q->h.nlmsg_flags & NLM_F_BULK) return netlink_refuse(ns->sk.stack, -EOPNOTSUPP, "Bulk delete is not supported");
	switch (verb) {
	case RTM_NEWLINK & 3: return serve_change(ns, q, k->make);
	case RTM_DELLINK & 3: return serve_change(ns, q, k->del);
	case RTM_SETLINK & 3: return serve_change(ns, q, k->set);
	default: break;
	}
	if (q->h.nlmsg_flags & NLM_F_DUMP) return k->dump ? nl_serve_dump(ns, q, k->dump, ends_apart(k, q->body[0])) : -EOPNOTSUPP;
	return k->one ? nl_serve_one(ns, q, k->one) : -EOPNOTSUPP;
}

/* ---- the acknowledgment ---- */

/* An error quotes the whole request, unless NETLINK_CAP_ACK cuts it to the header. */
static void acknowledge(struct netlink_sock *ns, const struct nl_request *q, int err)
{
	const struct netlink *nl = ns->sk.stack->netlink;
	bool whole = err && !ns->cap_ack;
	struct nlmsghdr h = {.nlmsg_type = NLMSG_ERROR, .nlmsg_seq = q->h.nlmsg_seq, .nlmsg_pid = ns->pid};
	struct nlmsgerr e = {.error = err, .msg = q->h};
	uint8_t buf[sizeof h + sizeof e + NL_MESSAGE_MAX + NL_WHY_MAX];
	size_t quote = whole ? MIN(q->len, NL_MESSAGE_MAX) : 0, used = sizeof h + sizeof e + NLMSG_ALIGN(quote), told = 0;

	memset(buf, 0, used);
	if (ns->ext_ack) told = explain(buf + used, NL_WHY_MAX, nl, err);
	h.nlmsg_flags = (uint16_t)((whole ? 0 : NLM_F_CAPPED) | (told ? NLM_F_ACK_TLVS : 0));
	h.nlmsg_len = (uint32_t)(used + told);
	memcpy(buf, &h, sizeof h);
	memcpy(buf + sizeof h, &e, sizeof e);
	if (quote) memcpy(buf + sizeof h + sizeof e, q->body, quote);
	netlink_enqueue(ns, buf, h.nlmsg_len, false);
}

static void serve_and_answer(struct netlink_sock *ns, const struct nl_request *q)
{
	struct netlink *nl = ns->sk.stack->netlink;
	int err = 0;

	nl->request = q;
	nl->asker = ns;
	nl->why = NULL;
	nl->why_offset = 0;
	/* Messages of netlink's own ask for nothing but the acknowledgment. */
	if (q->h.nlmsg_flags & NLM_F_REQUEST && q->h.nlmsg_type >= NLMSG_MIN_TYPE) err = ns->protocol->serve(ns, q);
	nl->request = NULL;
	nl->asker = NULL;
	if (err != -EINTR && (err || q->h.nlmsg_flags & NLM_F_ACK)) acknowledge(ns, q, err);
}

void netlink_serve(struct netlink_sock *ns, const uint8_t *data, size_t len)
{
	struct nl_request q;

	while (len >= sizeof q.h) {
		size_t step;
		memcpy(&q.h, data, sizeof q.h);
		if (q.h.nlmsg_len < sizeof q.h || q.h.nlmsg_len > len) return;
		q.body = data + sizeof q.h;
		q.len = q.h.nlmsg_len - sizeof q.h;
		serve_and_answer(ns, &q);
		step = MIN(len, NLMSG_ALIGN((size_t)q.h.nlmsg_len));
		data += step;
		len -= step;
	}
}
