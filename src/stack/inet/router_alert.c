/*
 * Router alerts: datagrams that this host would only pass on, but whose option says that routers shall look. Raw sockets that ask for them (IP_ROUTER_ALERT,
 * IPV6_ROUTER_ALERT) get them instead of the next hop, and send them on themselves if they like.
 *
 * Read first: RFC 2113, RFC 2711.
 */
#include <errno.h>
#include "stack/inet/inet_private.h"
#include "stack/inet/raw.h"
#include "stack/mroute/mroute.h"

#define OPT_END 0
#define OPT_NOP 1
#define OPT_ALERT4 148
#define OPT_PAD1 0
#define OPT_ALERT6 5

static struct raw_sock *raw_of(struct sock *sk) { return (struct raw_sock *)sk; }

/* ---- who asks ---- */

/* To ask twice is as wrong as to end what was never asked. */
static int ask(bool *asked, bool on)
{
	if (on && *asked) return -EADDRINUSE;
	if (!on && !*asked) return -ENOBUFS;
	*asked = on;
	return 0;
}

/* As Linux: a multicast routing daemon, which asks for alerts by that alone, is none any more when it ends this. */
int raw_set_alert4(struct sock *sk, const void *val, socklen_t len)
{
	bool on = *(const int *)val != 0;
	int r;

	(void)len;
	if (sk->protocol == IPPROTO_RAW) return -EINVAL;
	r = ask(&raw_of(sk)->alert4, on);
	if (r < 0) return r;
	raw_of(sk)->alert4_shown = on;
	if (!on) mroute_sock_done(raw_of(sk));
	return 0;
}

/* The value that the option is to have; a negative one ends it. As Linux: only sockets of no protocol may, and what a get shows is whether it was 0. */
int raw_set_alert6(struct sock *sk, const void *val, socklen_t len)
{
	struct raw_sock *rs = raw_of(sk);
	int v = *(const int *)val, r;

	(void)len;
	if (sk->protocol != IPPROTO_RAW) return -ENOPROTOOPT;
	r = ask(&rs->alert6, v >= 0);
	if (r < 0) return r;
	rs->alert6_value = v;
	rs->alert6_shown = v != 0;
	return 0;
}

static bool minds(const struct raw_sock *rs, const struct packet *p) { return !rs->ds.is.sk.bound_if || rs->ds.is.sk.bound_if == p->netif; }

/* ---- IPv4 ---- */

/* The options were checked. */
static bool has_alert4(const struct ip4_hdr *h)
{
	for (size_t at = 0; at < h->opt_len && h->opt[at] != OPT_END; at += h->opt[at] == OPT_NOP ? 1 : h->opt[at + 1])
		if (h->opt[at] == OPT_ALERT4) return true;
	return false;
}

static bool wants4(const struct raw_sock *rs, const struct packet *p, uint8_t proto)
{
	return rs->alert4 && rs->ds.is.sk.domain == AF_INET && rs->ds.is.sk.protocol == proto && minds(rs, p);
}

bool router_alert4(struct stack *s, struct packet *p, struct ip4_hdr *h)
{
	bool wanted = false;

	if (!h->opt_len || !has_alert4(h)) return false;
	list_each(struct raw_sock, rs, &s->inet->raws, node)
		wanted |= wants4(rs, p, h->proto);
	if (!wanted) return false;
	p = ip4_whole(s, p, h);
	if (!p) return true;
	list_each(struct raw_sock, rs, &s->inet->raws, node)
		if (wants4(rs, p, h->proto)) raw_give(rs, p, ip4_hdr_len(h), h->proto);
	packet_free(p);
	return true;
}

/* ---- IPv6 ---- */

/* The value of the option in the hop-by-hop header at body, which was checked; -1: there is none. */
static int alert6_of(const struct ip6_ext *ext)
{
	for (size_t at = 0; at < ext->len; at += ext->body[at] == OPT_PAD1 ? 1 : 2 + (size_t)ext->body[at + 1])
		if (ext->body[at] == OPT_ALERT6 && ext->body[at + 1] == 2) return read16(ext->body + at + 2);
	return -1;
}

int router_alert6_value(const struct packet *p)
{
	struct ip6_ext ext;

	if (p->proto != IP_PROTO_HOPOPTS || ip6_ext_parse(&ext, p->data + IP6_HDR_LEN, p->len - IP6_HDR_LEN) < 0) return -1;
	return alert6_of(&ext);
}

bool router_alert6(struct stack *s, struct packet *p)
{
	int value = router_alert6_value(p);
	bool wanted = false;

	if (value < 0) return false;
	list_each(struct raw_sock, rs, &s->inet->raws, node) {
		if (!rs->alert6 || rs->alert6_value != value || !minds(rs, p)) continue;
		wanted = true;
		raw_give(rs, p, 0, IPPROTO_RAW);   /* with its header, which no protocol has taken off */
	}
	if (wanted) packet_free(p);
	return wanted;
}
