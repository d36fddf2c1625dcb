/*
 * What a dump or a get may ask. A question is a header, most of which has no meaning in it, and attributes, of which few have. Linux took no notice of the
 * others once, and still does not, unless a program wants to hear of it (NETLINK_GET_STRICT_CHK), or the question is younger than that.
 */
#include <errno.h>
#include "stack/netlink/private.h"

static bool says_more(const struct nl_form *f, const void *header)
{
	const uint8_t *h = header, *free = f->free;

	for (size_t i = 0; i < f->header; i++)
		if (h[i] & ~free[i]) return true;
	return false;
}

static int check_attributes(const struct stack *s, const struct nl_form *f, const struct nl_attr *tb)
{
	for (size_t t = 0; t < f->n; t++)
		if (tb[t].at && !(t < 64 && f->attributes >> t & 1)) return netlink_refuse(s, -EINVAL, f->bad_attribute);
	return 0;
}

int nl_form_read(const struct nl_writer *w, const struct nl_request *q, const struct nl_form *f, void *ret_header, struct nl_attr *tb)
{
	const struct stack *s = nl_stack(w);
	bool strict = w->ns->strict || f->strict;
	int err;

	nl_header(q, ret_header, f->header);
	if (f->n) memset(tb, 0, f->n * sizeof *tb);
	if (!strict && !f->get) {
		if (f->loose && nl_parse(s, q, f->header, f->policy, f->n, tb) < 0) memset(tb, 0, f->n * sizeof *tb);
		if (f->silent) s->netlink->why = NULL;
		return 0;
	}
	if (q->len < f->header) return netlink_refuse(s, -EINVAL, f->bad_header);
	if (!strict) return nl_parse(s, q, f->header, f->policy, f->n, tb);
	if (says_more(f, ret_header)) return netlink_refuse(s, -EINVAL, f->bad_value);
	if (!f->n) return q->len != NLMSG_ALIGN(f->header) ? netlink_refuse(s, -EINVAL, f->bad_attribute) : 0;
	err = nl_parse_strict(s, q, f->header, f->policy, f->n, tb);
	return err < 0 ? err : check_attributes(s, f, tb);
}
