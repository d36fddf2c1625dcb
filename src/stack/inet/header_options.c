/*
 * Header options that a socket sends with every datagram: IP_OPTIONS, IPV6_HOPOPTS, IPV6_DSTOPTS. They are checked when they are set and sent as they
 * are; source routes are refused, as they are on arrival. Read first: RFC 791 §3.1, RFC 3542 §8, §9.
 */
#include "stack/inet/header_options.h"
#include <errno.h>
#include <stdlib.h>
#include "stack/inet/ip.h"

#define EXT_MAX 2048                     /* RFC 8200 §4.3: 8 * 256 octets */

static struct inet_sock *inet_of(struct sock *sk) { return (struct inet_sock *)sk; }

struct header_opts *header_options_of(struct inet_sock *is)
{
	if (!is->header) is->header = calloc(1, sizeof *is->header);
	return is->header;
}

void header_options_free(struct inet_sock *is)
{
	if (!is->header) return;
	for (size_t i = 0; i < IP_EXT_COUNT; i++) free((void *)is->header->ext6[i].at);
	free((void *)is->header->rthdrdst6.at);
	free(is->header);
}

/* As Linux: only who has CAP_NET_RAW may send others than these. */
static bool has_uncommon(const uint8_t *opt, size_t len)
{
	enum { END = 0, NOP = 1, RECORD_ROUTE = 7, TIMESTAMP = 68, ROUTER_ALERT = 148 };

	for (size_t at = 0; at < len && opt[at] != END; at += opt[at] == NOP ? 1 : opt[at + 1])
		if (opt[at] != NOP && opt[at] != RECORD_ROUTE && opt[at] != TIMESTAMP && opt[at] != ROUTER_ALERT) return true;
	return false;
}

int header_options_read4(const struct sock *sk, const void *val, size_t len, uint8_t ret[static IP4_OPTIONS_MAX])
{
	struct ip4_hdr h = {.opt = ret, .opt_len = (uint8_t)((len + 3) & ~3u)};
	bool source_route = false;

	if (len > IP4_OPTIONS_MAX) return -EINVAL;
	memset(ret, 0, IP4_OPTIONS_MAX);
	if (len) memcpy(ret, val, len);
	if (ip4_options_check(&h, &source_route) || source_route) return -EINVAL;
	if (!sock_is_privileged(sk) && has_uncommon(ret, h.opt_len)) return -EINVAL;
	ip4_options_clear_rest(ret, h.opt_len);
	return h.opt_len;
}

/* As Linux: their length is looked at before they are. */
int header_options_unread4(const struct sock *sk, socklen_t len)
{
	(void)sk;
	return len > IP4_OPTIONS_MAX ? -EINVAL : 0;
}

int header_options_set4(struct sock *sk, const void *val, socklen_t len)
{
	struct inet_sock *is = inet_of(sk);
	uint8_t opt[IP4_OPTIONS_MAX];
	int r = header_options_read4(sk, val, len, opt);

	if (r < 0) return r;
	if (!header_options_of(is)) return -ENOBUFS;
	memcpy(is->header->ip, opt, sizeof opt);
	is->header->ip_len = (uint8_t)r;
	return 0;
}

int header_options_get4(struct sock *sk, void *val, socklen_t *len)
{
	const struct header_opts *o = inet_of(sk)->header;

	return o ? opt_copy_out(val, len, o->ip, o->ip_len) : opt_copy_out(val, len, "", 0);
}

/* Linux: privileged, a multiple of 8 octets, of which as many count as it says; nothing takes it back. */
static int set_ext(struct sock *sk, struct ip_ext *(*which)(struct header_opts *), const void *val, socklen_t len)
{
	struct ip_ext *e;

	if (!sock_is_privileged(sk)) return -EPERM;
	if (len && (len < 8 || len % 8 || len > EXT_MAX || 8 * (((const uint8_t *)val)[1] + 1u) > len)) return -EINVAL;
	if (len) len = 8 * (((const uint8_t *)val)[1] + 1u);
	e = header_options_of(inet_of(sk)) ? which(inet_of(sk)->header) : NULL;
	if (e && len && !e->at) e->at = malloc(EXT_MAX);
	if (!e || (len && !e->at)) return -ENOBUFS;
	if (len) memcpy((void *)e->at, val, len);
	e->len = (uint16_t)len;
	return 0;
}

static int get_ext(struct sock *sk, struct ip_ext *(*which)(struct header_opts *), void *val, socklen_t *len)
{
	const struct ip_ext none = {0}, *e = inet_of(sk)->header ? which(inet_of(sk)->header) : &none;

	*len = MIN(*len, e->len);
	if (*len) memcpy(val, e->at, *len);
	return 0;
}

static struct ip_ext *hop(struct header_opts *o) { return &o->ext6[IP_EXT_HOP]; }
static struct ip_ext *dst(struct header_opts *o) { return &o->ext6[IP_EXT_DST]; }
static struct ip_ext *rthdrdst(struct header_opts *o) { return &o->rthdrdst6; }

int header_options_set_hop(struct sock *sk, const void *val, socklen_t len) { return set_ext(sk, hop, val, len); }
int header_options_get_hop(struct sock *sk, void *val, socklen_t *len) { return get_ext(sk, hop, val, len); }
int header_options_set_dst(struct sock *sk, const void *val, socklen_t len) { return set_ext(sk, dst, val, len); }
int header_options_get_dst(struct sock *sk, void *val, socklen_t *len) { return get_ext(sk, dst, val, len); }
int header_options_set_rthdrdst(struct sock *sk, const void *val, socklen_t len) { return set_ext(sk, rthdrdst, val, len); }
int header_options_get_rthdrdst(struct sock *sk, void *val, socklen_t *len) { return get_ext(sk, rthdrdst, val, len); }
