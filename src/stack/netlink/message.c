/*
 * Netlink messages: built in `message`, moved to `datagram` when complete, queued when the next one does not fit.
 *
 *     | nlmsghdr | header of the kind | attribute | attribute [ | nested … ] |      everything aligned to 4, host order
 */
#include "stack/netlink/private.h"

void nl_writer_init(struct nl_writer *w, struct netlink_sock *ns, const struct nl_request *q, bool dump)
{
	w->ns = ns;
	w->seq = q->h.nlmsg_seq;
	w->flags = dump ? NLM_F_MULTI : 0;
	w->used = w->len = 0;
}

/* Appends octets with padding; what does not fit a message is our mistake, and leaves the message shorter. */
static void append(struct nl_writer *w, const void *data, size_t len)
{
	size_t room = NLMSG_ALIGN(len);

	if (w->len + room > sizeof w->message) return;
	memset(w->message + w->len, 0, room);
	if (len) memcpy(w->message + w->len, data, len);
	w->len += room;
}

void nl_begin(struct nl_writer *w, uint16_t type, const void *header, size_t len)
{
	struct nlmsghdr h = {.nlmsg_type = type, .nlmsg_flags = w->flags, .nlmsg_seq = w->seq, .nlmsg_pid = w->ns->pid};

	w->len = 0;
	append(w, &h, sizeof h);
	append(w, header, len);
}

void nl_put(struct nl_writer *w, uint16_t type, const void *data, size_t len)
{
	struct nlattr a = {.nla_len = (uint16_t)(sizeof a + len), .nla_type = type};

	if (w->len + sizeof a + NLMSG_ALIGN(len) > sizeof w->message) return;
	append(w, &a, sizeof a);
	append(w, data, len);
}

void nl_put_u8(struct nl_writer *w, uint16_t type, uint8_t v) { nl_put(w, type, &v, sizeof v); }
void nl_put_u32(struct nl_writer *w, uint16_t type, uint32_t v) { nl_put(w, type, &v, sizeof v); }
void nl_put_text(struct nl_writer *w, uint16_t type, const char *text) { nl_put(w, type, text, strlen(text) + 1); }

void nl_put_addr(struct nl_writer *w, uint16_t type, const struct addr *a)
{
	if (addr_is_v4(a))
		nl_put(w, type, a->b + 12, 4);
	else
		nl_put(w, type, a->b, 16);
}

size_t nl_nest_begin(struct nl_writer *w, uint16_t type)
{
	size_t at = w->len;

	nl_put(w, type, NULL, 0);
	return at;
}

void nl_nest_end(struct nl_writer *w, size_t nest)
{
	uint16_t len = (uint16_t)(w->len - nest);

	if (w->len > nest) memcpy(w->message + nest, &len, sizeof len);
}

void nl_end(struct nl_writer *w)
{
	uint32_t len = (uint32_t)w->len;

	memcpy(w->message, &len, sizeof len);
	if (w->used + w->len > sizeof w->datagram) nl_flush(w);
	memcpy(w->datagram + w->used, w->message, w->len);
	w->used += w->len;
	w->len = 0;
}

void nl_flush(struct nl_writer *w)
{
	if (w->used) netlink_enqueue(w->ns, w->datagram, w->used, w->flags & NLM_F_MULTI);
	w->used = 0;
}

void nl_put_rows(struct nl_writer *w, const struct nl_row *rows, const void *object)
{
	for (const struct nl_row *r = rows; r->text; r++)
		r->put(w, r->type, object);
}

/* ---- reading ---- */

const uint8_t *nl_find(const struct nl_request *q, size_t hdr_len, uint16_t type, size_t *ret_len)
{
	size_t at = NLMSG_ALIGN(hdr_len);
	struct nlattr a;

	while (at + sizeof a <= q->len) {
		memcpy(&a, q->body + at, sizeof a);
		if (a.nla_len < sizeof a || a.nla_len > q->len - at) return NULL;
		if ((a.nla_type & NLA_TYPE_MASK) == type) {
			*ret_len = a.nla_len - sizeof a;
			return q->body + at + sizeof a;
		}
		at += NLMSG_ALIGN(a.nla_len);
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
