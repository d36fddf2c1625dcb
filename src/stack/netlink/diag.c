/* NETLINK_SOCK_DIAG's requests: a family's dump, one of its sockets, and the end of one. */
#include "stack/netlink/diag.h"
#include <errno.h>

static const struct diag_family *const families[] = {&diag_inet, &diag_inet6, &diag_packet, &diag_netlink, &diag_unix};

void diag_put_cookie(uint32_t ret[2], const struct sock *sk)
{
	ret[0] = (uint32_t)sk->cookie;
	ret[1] = (uint32_t)(sk->cookie >> 32);
}

bool diag_is_cookie(const uint32_t asked[2], uint64_t cookie)
{
	uint64_t any = (uint64_t)-1, wanted = asked[0] | (uint64_t)asked[1] << 32;

	return wanted == any || wanted == cookie;
}

static const struct diag_family *family_of(uint8_t family)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (families[i]->family == family) return families[i];
	return NULL;
}

static int dump(struct netlink_sock *ns, const struct nl_request *q, const struct diag_family *f)
{
	int r = f->check ? f->check(ns, q) : 0;

	return r < 0 ? r : nl_serve_dump(ns, q, f->dump, f->end_apart);
}

static int destroy(struct netlink_sock *ns, const struct nl_request *q, const struct diag_family *f)
{
	return f->destroy ? f->destroy(ns, q) : -EOPNOTSUPP;
}

int nl_diag_serve(struct netlink_sock *ns, const struct nl_request *q)
{
	struct sock_diag_req h;
	const struct diag_family *f;

	if (q->h.nlmsg_type != SOCK_DIAG_BY_FAMILY && q->h.nlmsg_type != SOCK_DESTROY) return -EINVAL;
	if (q->len < sizeof h) return -EINVAL;
	nl_header(q, &h, sizeof h);
	if (h.sdiag_family >= AF_MAX) return -EINVAL;
	f = family_of(h.sdiag_family);
	if (!f) return -ENOENT;
	if (q->len < f->header) return -EINVAL;
	if (q->h.nlmsg_type == SOCK_DESTROY) return destroy(ns, q, f);
	if (q->h.nlmsg_flags & NLM_F_DUMP) return dump(ns, q, f);
	return f->one ? nl_serve_one(ns, q, f->one) : -EOPNOTSUPP;
}
