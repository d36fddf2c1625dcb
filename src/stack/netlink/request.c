/*
 * What a program sent: a datagram of messages, each one a request. A dump answers with messages and NLMSG_DONE, a get with one message,
 * a failure with NLMSG_ERROR, and NLM_F_ACK asks for one (with error 0) also of success.
 */
#include <errno.h>
#include "stack/netlink/private.h"

static const struct nl_kind *const kinds[] = {&nl_link, &nl_address, &nl_route, &nl_neigh, &nl_rule};

static const struct nl_kind *kind_find(uint16_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i]->get == type) return kinds[i];
	return NULL;
}

static bool dump_is_unread(const struct netlink_sock *ns)
{
	list_each(struct nl_datagram, d, &ns->queue, node)
		if (d->dump) return true;
	return false;
}

/* -EINTR tells that the dump is its own acknowledgment. */
int nl_serve_dump(struct netlink_sock *ns, const struct nl_request *q, int (*dump)(struct nl_writer *, const struct nl_request *))
{
	struct nl_writer w;
	int done;

	/* Linux writes a dump while it is read, one at a time. This one is written at once, so no other may wait unread. */
	if (dump_is_unread(ns) || !netlink_has_room(ns)) return -EBUSY;
	nl_writer_init(&w, ns, q, true);
	done = dump(&w, q);
	nl_begin(&w, NLMSG_DONE, &done, sizeof done);
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

/* The low two bits of a type say new, delete, get, set. */
static bool is_get(uint16_t type) { return (type & 3) == (RTM_GETLINK & 3); }

int nl_route_serve(struct netlink_sock *ns, const struct nl_request *q)
{
	const struct nl_kind *k;

	if (q->h.nlmsg_type > RTM_MAX) return -EOPNOTSUPP;
	if (q->len < sizeof(struct rtgenmsg)) return 0;
	/* Whatever changes something asks for CAP_NET_ADMIN. */
	if (!is_get(q->h.nlmsg_type)) return -EPERM;
	k = kind_find(q->h.nlmsg_type);
	if (!k) return -EOPNOTSUPP;
	if (q->h.nlmsg_flags & NLM_F_DUMP) return k->dump ? nl_serve_dump(ns, q, k->dump) : -EOPNOTSUPP;
	return k->one ? nl_serve_one(ns, q, k->one) : -EOPNOTSUPP;
}

/* An error quotes the whole request, unless NETLINK_CAP_ACK cuts it to the header. */
static void acknowledge(struct netlink_sock *ns, const struct nl_request *q, int err)
{
	bool whole = err && !ns->cap_ack;
	struct nlmsghdr h = {.nlmsg_type = NLMSG_ERROR, .nlmsg_seq = q->h.nlmsg_seq, .nlmsg_pid = ns->pid};
	struct nlmsgerr e = {.error = err, .msg = q->h};
	uint8_t buf[sizeof h + sizeof e + NL_MESSAGE_MAX];
	size_t quote = whole ? MIN(q->len, NL_MESSAGE_MAX) : 0;

	if (!whole) h.nlmsg_flags = NLM_F_CAPPED;
	h.nlmsg_len = (uint32_t)(sizeof h + sizeof e + quote);
	memcpy(buf, &h, sizeof h);
	memcpy(buf + sizeof h, &e, sizeof e);
	if (quote) memcpy(buf + sizeof h + sizeof e, q->body, quote);
	netlink_enqueue(ns, buf, h.nlmsg_len, false);
}

void netlink_serve(struct netlink_sock *ns, const uint8_t *data, size_t len)
{
	struct nl_request q;

	while (len >= sizeof q.h) {
		size_t step;
		int err = 0;
		memcpy(&q.h, data, sizeof q.h);
		if (q.h.nlmsg_len < sizeof q.h || q.h.nlmsg_len > len) return;
		q.body = data + sizeof q.h;
		q.len = q.h.nlmsg_len - sizeof q.h;
		/* Messages of netlink's own ask for nothing but the acknowledgment. */
		if (q.h.nlmsg_flags & NLM_F_REQUEST && q.h.nlmsg_type >= NLMSG_MIN_TYPE) err = ns->protocol->serve(ns, &q);
		if (err != -EINTR && (err || q.h.nlmsg_flags & NLM_F_ACK)) acknowledge(ns, &q, err);
		step = MIN(len, NLMSG_ALIGN((size_t)q.h.nlmsg_len));
		data += step;
		len -= step;
	}
}
