/*
 * Netlink messages: built in `message`, moved to `datagram` when complete, queued when the next one does not fit.
 *
 *     | nlmsghdr | header of the kind | attribute | attribute [ | nested … ] |      everything aligned to 4, host order
 */
#include "stack/netlink/private.h"

void nl_writer_init(struct nl_writer *w, struct netlink_sock *ns, const struct nl_request *q, bool dump)
{
	w->ns = ns;
	w->stack = ns->sk.stack;
	w->group = 0;
	w->seq = q->h.nlmsg_seq;
	w->pid = ns->pid;
	w->flags = dump ? NLM_F_MULTI : 0;
	w->used = w->len = 0;
}

/* Who asked for the change knows it by the numbers of the request. */
void nl_writer_for_group(struct nl_writer *w, struct stack *s, unsigned group)
{
	const struct netlink *nl = s->netlink;

	w->ns = NULL;
	w->stack = s;
	w->group = group;
	w->no_echo = false;
	w->seq = nl->request ? nl->request->h.nlmsg_seq : 0;
	w->pid = nl->asker ? nl->asker->pid : 0;
	w->flags = 0;
	w->used = w->len = 0;
}

/* Appends octets with padding; what does not fit a message is our mistake, and leaves the message shorter. */
void nl_append(struct nl_writer *w, const void *data, size_t len)
{
	size_t room = NLMSG_ALIGN(len);

	if (w->len + room > sizeof w->message) return;
	memset(w->message + w->len, 0, room);
	if (len) memcpy(w->message + w->len, data, len);
	w->len += room;
}

void nl_begin(struct nl_writer *w, uint16_t type, const void *header, size_t len)
{
	struct nlmsghdr h = {.nlmsg_type = type, .nlmsg_flags = w->flags, .nlmsg_seq = w->seq, .nlmsg_pid = w->pid};

	w->len = 0;
	nl_append(w, &h, sizeof h);
	nl_append(w, header, len);
}

void nl_put(struct nl_writer *w, uint16_t type, const void *data, size_t len)
{
	struct nlattr a = {.nla_len = (uint16_t)(sizeof a + len), .nla_type = type};

	if (w->len + sizeof a + NLMSG_ALIGN(len) > sizeof w->message) return;
	nl_append(w, &a, sizeof a);
	nl_append(w, data, len);
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
	if (w->used && w->ns) netlink_enqueue(w->ns, w->datagram, w->used, w->flags & NLM_F_MULTI);
	else if (w->used) netlink_broadcast(w);
	w->used = 0;
}

void nl_put_rows(struct nl_writer *w, const struct nl_row *rows, const void *object)
{
	for (const struct nl_row *r = rows; r->text; r++)
		r->put(w, r->type, object);
}
