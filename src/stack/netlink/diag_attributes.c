/* What sock_diag tells of a socket over IP: struct inet_diag_msg, and the attributes that were asked for, in Linux's order. */
#include <errno.h>
#include <netinet/tcp.h>
#include "stack/netlink/diag.h"
#include "stack/tls/tls.h"

struct subject { const struct inet_diag_req_v2 *q; const struct inet_facts *f; const struct inet_sock *is; };

static const struct subject *of(const void *o) { return o; }
static struct sock *sock_of(const void *o) { return of(o)->f->sk; }
static bool asked(const void *o, unsigned extension) { return of(o)->q->idiag_ext & 1u << (extension - 1); }
static bool is_tcp(const void *o) { return of(o)->f->protocol == IPPROTO_TCP; }

static void put_shutdown(struct nl_writer *w, uint16_t type, const void *o) { nl_put_u8(w, type, sock_of(o)->shut); }

static void put_tos(struct nl_writer *w, uint16_t type, const void *o)
{
	if (asked(o, type)) nl_put_u8(w, type, of(o)->is->tos);
}

static void put_tclass(struct nl_writer *w, uint16_t type, const void *o)
{
	if (asked(o, type) && of(o)->f->domain == AF_INET6) nl_put_u8(w, type, of(o)->is->tclass);
}

/* Only where it still decides something. */
static void put_v6only(struct nl_writer *w, uint16_t type, const void *o)
{
	uint8_t state = of(o)->f->state;

	if (of(o)->f->domain == AF_INET6 && (state == TCP_LISTEN || state == TCP_CLOSE)) nl_put_u8(w, type, of(o)->is->v6only);
}

static void put_mark(struct nl_writer *w, uint16_t type, const void *o)
{
	if (sock_is_privileged(&w->ns->sk)) nl_put_u32(w, type, sock_of(o)->mark);
}

static void put_class(struct nl_writer *w, uint16_t type, const void *o)
{
	/* It has no bit of its own in the request. */
	if (asked(o, INET_DIAG_TCLASS)) nl_put_u32(w, type, (uint32_t)sock_of(o)->priority);
}

static void put_sockopt(struct nl_writer *w, uint16_t type, const void *o)
{
	const struct inet_sock *is = of(o)->is;
	struct inet_diag_sockopt opt = {.recverr = is->recverr, .is_icsk = is_tcp(o), .freebind = is->freebind, .hdrincl = is->hdrincl,
					.mc_loop = is->mcast_loop, .transparent = is->transparent, .mc_all = is->mcast_all,
					.bind_address_no_port = is->bind_no_port, .recverr_rfc4884 = is->recverr_rfc4884};

	nl_put(w, type, &opt, sizeof opt);
}

static void put_meminfo(struct nl_writer *w, uint16_t type, const void *o)
{
	struct inet_diag_meminfo m = {.idiag_rmem = of(o)->f->in_memory, .idiag_tmem = is_tcp(o) ? 0 : of(o)->f->out,
				      .idiag_wmem = is_tcp(o) && !sock_of(o)->listening ? of(o)->f->out : 0};

	if (asked(o, type)) nl_put(w, type, &m, sizeof m);
}

void diag_put_meminfo(struct nl_writer *w, uint16_t type, const struct sock *sk, uint32_t in, uint32_t out, uint32_t drops)
{
	uint32_t m[SK_MEMINFO_VARS] = {[SK_MEMINFO_RMEM_ALLOC] = in, [SK_MEMINFO_RCVBUF] = sk->rcvbuf, [SK_MEMINFO_SNDBUF] = sk->sndbuf,
				       [SK_MEMINFO_WMEM_QUEUED] = out, [SK_MEMINFO_DROPS] = drops};

	nl_put(w, type, m, sizeof m);
}

static void put_skmeminfo(struct nl_writer *w, uint16_t type, const void *o)
{
	const struct inet_facts *f = of(o)->f;

	if (asked(o, type)) diag_put_meminfo(w, type, f->sk, f->in_memory, f->sk->listening ? 0 : f->out, f->drops);
}

static void put_protocol(struct nl_writer *w, uint16_t type, const void *o)
{
	if (sock_of(o)->type == SOCK_RAW) nl_put_u8(w, type, (uint8_t)sock_of(o)->protocol);
}

/* An option of TCP's, as getsockopt shows it. */
static void put_option(struct nl_writer *w, uint16_t type, const void *o, int name)
{
	struct sock *sk = sock_of(o);
	uint8_t value[512];
	socklen_t len = sizeof value;

	if (!asked(o, type) || !is_tcp(o) || sock_getsockopt(sk, IPPROTO_TCP, name, value, &len) < 0) return;
	if (name == TCP_INFO && sk->user && sk->stack->ops->tcp_info) sk->stack->ops->tcp_info(sk->stack->host, sk, value, len);
	/* A name ends with one NUL; getsockopt gives as many as fit. */
	nl_put(w, type, value, name == TCP_CONGESTION ? strnlen((char *)value, len) + 1 : len);
}

static void put_info(struct nl_writer *w, uint16_t type, const void *o) { put_option(w, type, o, TCP_INFO); }
static void put_congestion(struct nl_writer *w, uint16_t type, const void *o) { put_option(w, type, o, TCP_CONGESTION); }

static void put_u16(struct nl_writer *w, uint16_t type, uint16_t v) { nl_put(w, type, &v, sizeof v); }

/* As Linux: last. */
static void put_ulp(struct nl_writer *w, uint16_t type, const void *o)
{
	const struct sock *sk = sock_of(o);
	struct tls_facts t;
	size_t outer, inner;

	if (!is_tcp(o) || !sock_is_privileged(&w->ns->sk) || !tls_facts(sk, &t)) return;
	outer = nl_nest_begin(w, type);
	nl_put_text(w, INET_ULP_INFO_NAME, "tls");
	inner = nl_nest_begin(w, INET_ULP_INFO_TLS);
	put_u16(w, TLS_INFO_VERSION, t.version);
	put_u16(w, TLS_INFO_CIPHER, t.cipher);
	put_u16(w, TLS_INFO_TXCONF, t.tx ? TLS_CONF_SW : TLS_CONF_BASE);
	put_u16(w, TLS_INFO_RXCONF, t.rx ? TLS_CONF_SW : TLS_CONF_BASE);
	if (t.zerocopy_ro) nl_put(w, TLS_INFO_ZC_RO_TX, NULL, 0);
	if (t.expect_no_pad) nl_put(w, TLS_INFO_RX_NO_PAD, NULL, 0);
	nl_nest_end(w, inner);
	nl_nest_end(w, outer);
}

#define ROW(type, put) {type, #type, put}
static const struct nl_row rows[] = {
	ROW(INET_DIAG_SHUTDOWN, put_shutdown),
	ROW(INET_DIAG_TOS, put_tos),
	ROW(INET_DIAG_TCLASS, put_tclass),
	ROW(INET_DIAG_SKV6ONLY, put_v6only),
	ROW(INET_DIAG_MARK, put_mark),
	ROW(INET_DIAG_CLASS_ID, put_class),
	ROW(INET_DIAG_SOCKOPT, put_sockopt),
	ROW(INET_DIAG_MEMINFO, put_meminfo),
	ROW(INET_DIAG_SKMEMINFO, put_skmeminfo),
	ROW(INET_DIAG_PROTOCOL, put_protocol),
	ROW(INET_DIAG_INFO, put_info),
	ROW(INET_DIAG_CONG, put_congestion),
	ROW(INET_DIAG_ULP_INFO, put_ulp),
	{.text = NULL},
};

static void end_write(uint32_t ret[4], uint16_t domain, const struct addr *a)
{
	if (domain == AF_INET) memcpy(ret, a->b + 12, 4);
	else memcpy(ret, a->b, 16);
}

static struct inet_diag_msg message_of(const struct inet_facts *f)
{
	bool counted = f->timer == FACTS_PROBE || f->timer == FACTS_KEEPALIVE;
	struct inet_diag_msg m = {.idiag_family = (uint8_t)f->domain, .idiag_state = f->state, .idiag_timer = f->timer,
				  .idiag_retrans = (uint8_t)(counted ? f->probes : f->retransmits), .idiag_expires = (uint32_t)(f->due_in / NS_PER_MS),
				  .idiag_rqueue = f->in, .idiag_wqueue = f->out, .idiag_uid = f->uid, .idiag_inode = (uint32_t)f->inode};
	uint64_t cookie = f->cookie;

	m.id.idiag_sport = htons(f->lport);
	m.id.idiag_dport = htons(f->rport);
	m.id.idiag_if = (uint32_t)f->ifindex;
	m.id.idiag_cookie[0] = (uint32_t)cookie;
	m.id.idiag_cookie[1] = (uint32_t)(cookie >> 32);
	end_write(m.id.idiag_src, f->domain, &f->laddr);
	end_write(m.id.idiag_dst, f->domain, &f->raddr);
	return m;
}

void diag_inet_write(struct nl_writer *w, const struct inet_diag_req_v2 *q, const struct inet_facts *f)
{
	struct inet_diag_msg m = message_of(f);

	/* No socket stands for what only waits, or is no connection yet. */
	bool bare = !f->sk || f->embryo || f->timer == FACTS_TIME_WAIT;
	if (bare) m.idiag_rqueue = m.idiag_wqueue = m.idiag_uid = m.idiag_inode = 0;
	nl_begin(w, SOCK_DIAG_BY_FAMILY, &m, sizeof m);
	if (!bare) nl_put_rows(w, rows, &(struct subject){q, f, (const struct inet_sock *)f->sk});
	nl_end(w);
}
