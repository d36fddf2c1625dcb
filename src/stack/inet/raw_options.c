/* The rows that only raw sockets have. Read first: raw(7), RFC 3542 §3. */
#include <errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include "stack/inet/raw.h"
#include "stack/socket/option_rows.h"

#define HDRINCL6 36          /* IPV6_HDRINCL of <linux/in6.h> */
#define FILTER4 1            /* ICMP_FILTER */
#define FILTER6 1            /* ICMPV6_FILTER */

static struct raw_sock *raw_of(struct sock *sk) { return (struct raw_sock *)sk; }

/* ---- filters: as much of the mask as the program gives, the rest stays ---- */

static int set_filter4(struct sock *sk, const void *val, socklen_t len)
{
	if (sk->protocol != IPPROTO_ICMP) return -EOPNOTSUPP;
	memcpy(&raw_of(sk)->filter4, val, MIN(len, sizeof raw_of(sk)->filter4));
	return 0;
}

static int get_filter4(struct sock *sk, void *val, socklen_t *len)
{
	if (sk->protocol != IPPROTO_ICMP) return -EOPNOTSUPP;
	return opt_copy_out(val, len, &raw_of(sk)->filter4, sizeof raw_of(sk)->filter4);
}

static int set_filter6(struct sock *sk, const void *val, socklen_t len)
{
	if (sk->protocol != IPPROTO_ICMPV6) return -EOPNOTSUPP;
	memcpy(raw_of(sk)->filter6, val, MIN(len, sizeof raw_of(sk)->filter6));
	return 0;
}

static int get_filter6(struct sock *sk, void *val, socklen_t *len)
{
	if (sk->protocol != IPPROTO_ICMPV6) return -EOPNOTSUPP;
	return opt_copy_out(val, len, raw_of(sk)->filter6, sizeof raw_of(sk)->filter6);
}

/* ---- IPV6_CHECKSUM ---- */

/* Any negative number is "none"; an odd place can't be one (as Linux). */
static int set_checksum(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val;

	(void)len;
	if (v > 0 && v & 1) return -EINVAL;
	raw_of(sk)->checksum = v < 0 ? RAW_NO_CHECKSUM : v;
	return 0;
}

/* RFC 3542 §3.1: not at this level for ICMPv6, whose checksum has its place. Linux allows it at IPPROTO_RAW. */
static int set_checksum_ipv6(struct sock *sk, const void *val, socklen_t len)
{
	return sk->protocol == IPPROTO_ICMPV6 ? -EINVAL : set_checksum(sk, val, len);
}

/* Its number, which is its protocol's, binds it: too late for a choice. */
static int set_v6only(struct sock *sk, const void *val, socklen_t len)
{
	(void)sk, (void)val, (void)len;
	return -EINVAL;
}

#define IS(f) OPT_FIELD(struct raw_sock, ds.is.f)

const struct sockopt raw4_options[] = {
	{.level = IPPROTO_RAW, .name = FILTER4, .text = "ICMP_FILTER", .type = OPT_BLOB, BOTH, .get = get_filter4, .set = set_filter4},
	{.level = IPPROTO_IP, .name = IP_HDRINCL, .text = "IP_HDRINCL", .type = OPT_BYTE_OR_BOOL, BOTH, IS(hdrincl)},
	{.level = IPPROTO_IP, .name = IP_ROUTER_ALERT, .text = "IP_ROUTER_ALERT", .type = OPT_BYTE_OR_INT, BOTH, OPT_FIELD(struct raw_sock, alert4_shown),
	 .set = raw_set_alert4, .note = "of raw sockets: others, and those of IPPROTO_RAW, EINVAL as on Linux"},
	{.level = IPPROTO_IP, .name = IP_NODEFRAG, .text = "IP_NODEFRAG", .type = OPT_BYTE_OR_BOOL, BOTH, OPT_FIELD(struct raw_sock, nodefrag)},
	{.text = NULL},
};

const struct sockopt raw6_options[] = {
	{.level = IPPROTO_RAW, .name = IPV6_CHECKSUM, .text = "IPV6_CHECKSUM", .type = OPT_INT, BOTH, OPT_FIELD(struct raw_sock, checksum),
	 .set = set_checksum},
	{.level = IPPROTO_IPV6, .name = IPV6_CHECKSUM, .text = "IPV6_CHECKSUM", .type = OPT_INT, BOTH, OPT_FIELD(struct raw_sock, checksum),
	 .set = set_checksum_ipv6},
	{.level = IPPROTO_IPV6, .name = IPV6_V6ONLY, .text = "IPV6_V6ONLY", .type = OPT_INT, BOTH, .get = opt_get_zero, .set = set_v6only},
	{.level = IPPROTO_IPV6, .name = HDRINCL6, .text = "IPV6_HDRINCL", .type = OPT_BOOL, BOTH, IS(hdrincl)},
	{.level = IPPROTO_IPV6, .name = IPV6_ROUTER_ALERT, .text = "IPV6_ROUTER_ALERT", .type = OPT_INT, BOTH, OPT_FIELD(struct raw_sock, alert6_shown),
	 .set = raw_set_alert6, .note = "of sockets of IPPROTO_RAW: others ENOPROTOOPT as on Linux"},
	{.level = IPPROTO_ICMPV6, .name = FILTER6, .text = "ICMPV6_FILTER", .type = OPT_BLOB, BOTH, .get = get_filter6, .set = set_filter6},
	{.text = NULL},
};
