/* sock_diag of TCP, UDP, UDP-Lite and raw sockets: which of them a request means. */
#include <errno.h>
#include <netinet/tcp.h>
#include "stack/netlink/diag.h"
#include "stack/tcp/tcp.h"

#define STATE_UNUSED 13           /* asks for sockets that are bound and no more, which are shown as closed; since Linux 6.8 */

static bool is_served(int protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE || protocol == IPPROTO_RAW;
}

static struct inet_diag_req_v2 request_of(const struct nl_request *q)
{
	struct inet_diag_req_v2 h;

	nl_header(q, &h, sizeof h);
	return h;
}

/* ---- all ---- */

struct dump { struct nl_writer *w; struct inet_diag_req_v2 q; const uint8_t *filter; size_t filter_len; };

static bool is_wanted(const struct dump *d, const struct inet_facts *f)
{
	const struct inet_diag_sockid *id = &d->q.id;

	if (!(d->q.idiag_states & 1u << (f->unused ? STATE_UNUSED : f->state))) return false;
	if (d->q.sdiag_family != AF_UNSPEC && d->q.sdiag_family != f->domain) return false;
	if (id->idiag_sport && id->idiag_sport != htons(f->lport)) return false;
	if (id->idiag_dport && id->idiag_dport != htons(f->rport)) return false;
	return !d->filter || diag_filter_run(d->filter, d->filter_len, f);
}

static void visit(void *arg, const struct inet_facts *f)
{
	struct dump *d = arg;

	if (is_wanted(d, f)) diag_inet_write(d->w, &d->q, f);
}

static int check(const struct netlink_sock *ns, const struct nl_request *q)
{
	size_t len;
	const uint8_t *filter = nl_find(q, sizeof(struct inet_diag_req_v2), INET_DIAG_REQ_BYTECODE, &len);

	return filter ? diag_filter_check(filter, len, sock_is_privileged(&ns->sk)) : 0;
}

static int dump(struct nl_writer *w, const struct nl_request *q)
{
	struct dump d = {.w = w, .q = request_of(q)};

	if (!is_served(d.q.sdiag_protocol)) return -ENOENT;
	d.filter = nl_find(q, sizeof d.q, INET_DIAG_REQ_BYTECODE, &d.filter_len);
	inet_facts_walk(nl_stack(w), d.q.sdiag_protocol, visit, &d);
	return 0;
}

/* ---- one ---- */

struct wanted { struct addr laddr, raddr; uint16_t lport, rport; int ifindex; uint16_t domain; };

static struct addr address_of(uint8_t family, const uint32_t a[4])
{
	return family == AF_INET ? addr_v4_octets((const uint8_t *)a) : addr_v6_octets((const uint8_t *)a);
}

static struct wanted wanted_of(const struct inet_diag_req_v2 *q)
{
	struct wanted want = {.laddr = address_of(q->sdiag_family, q->id.idiag_src), .raddr = address_of(q->sdiag_family, q->id.idiag_dst),
			      .lport = ntohs(q->id.idiag_sport), .rport = ntohs(q->id.idiag_dport), .ifindex = (int)q->id.idiag_if};
	struct addr a = want.laddr;

	/* Linux: of UDP the two ends are named the other way round. */
	if (q->sdiag_protocol != IPPROTO_UDP && q->sdiag_protocol != IPPROTO_UDPLITE) return want;
	want.laddr = want.raddr;
	want.raddr = a;
	want.lport = ntohs(q->id.idiag_dport);
	want.rport = ntohs(q->id.idiag_sport);
	return want;
}

struct search { struct wanted want; struct inet_facts best; int score; };

/* The connection itself, else who would get what comes from there. */
static int score(const struct wanted *want, const struct inet_facts *f)
{
	bool open = addr_is_any(&f->raddr) && f->rport == 0, any = addr_is_any(&f->laddr);

	if (f->unused || f->lport != want->lport || (f->ifindex && f->ifindex != want->ifindex)) return 0;
	if (!any && !addr_eq(&f->laddr, &want->laddr)) return 0;
	if (!open) return addr_eq(&f->raddr, &want->raddr) && f->rport == want->rport ? 4 : 0;
	if (any && f->domain == AF_INET && !addr_is_v4(&want->laddr)) return 0;
	if (f->protocol == IPPROTO_TCP && f->state != TCP_LISTEN) return 0;
	return any ? 2 : 3;
}

static void compare(void *arg, const struct inet_facts *f)
{
	struct search *s = arg;
	int n = score(&s->want, f);

	if (n <= s->score) return;
	s->score = n;
	s->best = *f;
}

static int find(struct stack *s, const struct inet_diag_req_v2 *q, struct inet_facts *ret)
{
	struct search search = {.want = wanted_of(q)};

	if (!is_served(q->sdiag_protocol)) return -ENOENT;
	inet_facts_walk(s, q->sdiag_protocol, compare, &search);
	if (search.score == 0) return -ENOENT;
	if (!diag_is_cookie(q->id.idiag_cookie, search.best.cookie)) return q->sdiag_protocol == IPPROTO_TCP ? -ENOENT : -ESTALE;
	*ret = search.best;
	return 0;
}

static int one(struct nl_writer *w, const struct nl_request *q)
{
	struct inet_diag_req_v2 h = request_of(q);
	struct inet_facts f;
	int r = find(nl_stack(w), &h, &f);

	if (r == 0) diag_inet_write(w, &h, &f);
	return r;
}

static int destroy(struct netlink_sock *ns, const struct nl_request *q)
{
	struct inet_diag_req_v2 h = request_of(q);
	struct inet_facts f;
	int r = find(ns->sk.stack, &h, &f);

	if (r < 0) return r;
	if (!sock_is_privileged(&ns->sk)) return -EPERM;
	if (!f.sk || f.protocol != IPPROTO_TCP) return -EOPNOTSUPP;
	tcp_abort(f.sk);
	return 0;
}

const struct diag_family diag_inet = {AF_INET, sizeof(struct inet_diag_req_v2), check, dump, one, destroy, true};
const struct diag_family diag_inet6 = {AF_INET6, sizeof(struct inet_diag_req_v2), check, dump, one, destroy, true};
