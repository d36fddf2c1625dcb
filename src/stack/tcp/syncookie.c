/*
 * SYN cookies: when the SYN queue is full, the SYN and ACK goes out and nothing is kept. Our sequence number says what
 * must be known when its ACK comes back, and a timestamp, where the peer has them, the rest:
 *
 *     ISN         hash(4-tuple) + peer's ISN + minute << 24 + (hash(4-tuple, minute) + which MSS) % 2^24
 *     timestamp   our clock, with its last six bits replaced:   ECN, SACK, window scale (15: none)
 *
 * A cookie is good for two minutes, and only while this listener has given some out. Without timestamps a connection has
 * no SACK and no scaling. This is Linux's encoding.
 *
 * Read first: RFC 4987 §3.6, RFC 9293 §3.10.7.2.
 */
#include "stack/tcp/conn.h"

#define MINUTE (60 * NS_PER_S)
#define MINUTES_GOOD 2u
#define DATA_BITS 24
#define DATA_MASK ((1u << DATA_BITS) - 1)
#define TS_BITS 6
#define TS_NO_WSCALE 15u
#define TS_SACK 16u
#define TS_ECN 32u

static const uint16_t sizes4[] = {536, 1300, 1440, 1460}, sizes6[] = {1220, 1420, 1440, 8940};

/* ---- the sequence number ---- */

static uint32_t hash(const struct tcp_sock *conn, const struct packet *p, const struct tcp_hdr *h, uint32_t minute, uint32_t use)
{
	struct { struct addr src, dst; uint32_t ports, minute, use; } key = {p->src, p->dst, (uint32_t)h->src << 16 | h->dst, minute, use};

	return (uint32_t)stack_hash(conn_stack(conn), &key, sizeof key);
}

static uint32_t minute_now(const struct tcp_sock *conn) { return (uint32_t)(conn_now(conn) / MINUTE); }

static seq32 make(const struct tcp_sock *conn, const struct packet *p, const struct tcp_hdr *h, uint32_t data)
{
	uint32_t minute = minute_now(conn);

	return hash(conn, p, h, 0, 1) + h->seq + (minute << DATA_BITS) + ((hash(conn, p, h, minute, 2) + data) & DATA_MASK);
}

/* What was put into the cookie that h acknowledges; anything above the table: it is none of ours. */
static uint32_t data_of(const struct tcp_sock *conn, const struct packet *p, const struct tcp_hdr *h)
{
	uint32_t cookie = h->ack - 1 - hash(conn, p, h, 0, 1) - (h->seq - 1);
	uint32_t age = (minute_now(conn) - (cookie >> DATA_BITS)) & (UINT32_MAX >> DATA_BITS);

	if (age >= MINUTES_GOOD) return UINT32_MAX;
	return (cookie - hash(conn, p, h, minute_now(conn) - age, 2)) & DATA_MASK;
}

static uint32_t size_index(const uint16_t *sizes, uint32_t n, uint16_t mss)
{
	while (--n && mss < sizes[n])
		;
	return n;
}

/* ---- the timestamp ---- */

static uint32_t options_of(const struct tcp_sock *child)
{
	return (child->opt.wscale ? child->snd.wscale : TS_NO_WSCALE) | (child->opt.sack ? TS_SACK : 0) | (child->opt.ecn & TCP_ECN_OK ? TS_ECN : 0);
}

/* Our clock says the options in its last bits, and is not ahead of itself. */
static void set_clock(struct tcp_sock *child, uint32_t options)
{
	uint32_t now = ts_clock(conn_now(child), 0), ts = (now >> TS_BITS << TS_BITS) | options;

	if (ts > now) ts -= 1u << TS_BITS;
	child->opt.offset += ts - now;
}

/* The options that the peer's SYN had. false: such as we never agreed to. */
static bool read_clock(const struct tcp_sock *conn, const struct packet *p, const struct tcp_opts *o, struct tcp_opts *ret, bool *ret_ecn)
{
	const struct sysctl *sys = conn_sysctl(conn);
	uint32_t options = o->has_ts && o->ts_ecr ? o->ts_ecr - ts_offset(conn_stack(conn), &p->dst, &p->src) : 0;

	if (!o->has_ts) return true;
	ret->has_ts = true;
	ret->ts_val = o->ts_val;
	ret->sack_ok = options & TS_SACK;
	ret->has_wscale = (options & TS_NO_WSCALE) != TS_NO_WSCALE;
	ret->wscale = options & TS_NO_WSCALE;
	*ret_ecn = options & TS_ECN;
	return sys->tcp_timestamps && (sys->tcp_sack || !ret->sack_ok) && (sys->tcp_window_scaling || !ret->has_wscale);
}

/* ---- both ways ---- */

bool syncookie_wanted(const struct tcp_sock *conn, const struct segment *g)
{
	/* The peer of a TIME-WAIT is who it says. */
	return !g->iss && (conn_sysctl(conn)->tcp_syncookies == 2 || conn->listener->n_embryos > conn->listener->backlog);
}

void syncookie_send(struct tcp_sock *conn, struct tcp_sock *child, const struct segment *g)
{
	bool v4 = addr_is_v4(&g->p->src);
	uint32_t size = v4 ? size_index(sizes4, ARRAY_SIZE(sizes4), child->snd.peer_mss) : size_index(sizes6, ARRAY_SIZE(sizes6), child->snd.peer_mss);

	if (!child->opt.ts) child->opt.wscale = child->opt.sack = false;
	if (!child->opt.ts) child->opt.ecn = 0;
	child->snd.iss = child->snd.nxt = make(conn, g->p, &g->h, size);
	if (child->opt.ts) set_clock(child, options_of(child));
	conn->listener->cookies_at = conn_now(conn);
	conn_mib(conn, TCPEXT_SyncookiesSent);
	segment_send_syn(child);
}

bool syncookie_read(const struct tcp_sock *conn, const struct segment *g, struct tcp_opts *ret, bool *ret_ecn)
{
	bool v4 = addr_is_v4(&g->p->src);
	time_ns last = conn->listener->cookies_at;
	uint32_t i;

	*ret = (struct tcp_opts){.has_mss = true};
	*ret_ecn = false;
	if (!conn_sysctl(conn)->tcp_syncookies || !last || conn_now(conn) - last > MINUTES_GOOD * MINUTE) return false;
	i = data_of(conn, g->p, &g->h);
	conn_mib(conn, i < (v4 ? ARRAY_SIZE(sizes4) : ARRAY_SIZE(sizes6)) ? TCPEXT_SyncookiesRecv : TCPEXT_SyncookiesFailed);
	if (i >= (v4 ? ARRAY_SIZE(sizes4) : ARRAY_SIZE(sizes6))) return false;
	ret->mss = v4 ? sizes4[i] : sizes6[i];
	return read_clock(conn, g->p, &g->h.opts, ret, ret_ecn);
}
