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

int header_options_set4(struct sock *sk, const void *val, socklen_t len)
{
	struct inet_sock *is = inet_of(sk);
	uint8_t opt[40] = {0};
	struct ip4_hdr h = {.opt = opt, .opt_len = (uint8_t)((len + 3) & ~3u)};
	bool source_route = false;

	if (len > sizeof opt) return -EINVAL;
	if (len) memcpy(opt, val, len);
	if (ip4_options_check(&h, &source_route) || source_route) return -EINVAL;
	ip4_options_clear_rest(opt, h.opt_len);
	memcpy(is->ip_opt, opt, sizeof opt);
	is->ip_opt_len = h.opt_len;
	return 0;
}

int header_options_get4(struct sock *sk, void *val, socklen_t *len)
{
	return opt_copy_out(val, len, inet_of(sk)->ip_opt, inet_of(sk)->ip_opt_len);
}

/* Linux: privileged, a multiple of 8 octets, of which as many count as it says; nothing takes it back. */
static int set_ext(const struct sock *sk, struct ip_ext *e, const void *val, socklen_t len)
{
	if (!sock_is_privileged(sk)) return -EPERM;
	if (len && (len < 8 || len % 8 || len > EXT_MAX || 8 * (((const uint8_t *)val)[1] + 1u) > len)) return -EINVAL;
	if (len) len = 8 * (((const uint8_t *)val)[1] + 1u);
	if (len && !e->at) e->at = malloc(EXT_MAX);
	if (len && !e->at) return -ENOBUFS;
	if (len) memcpy((void *)e->at, val, len);
	e->len = (uint16_t)len;
	return 0;
}

static int get_ext(const struct ip_ext *e, void *val, socklen_t *len)
{
	*len = MIN(*len, e->len);
	if (*len) memcpy(val, e->at, *len);
	return 0;
}

int header_options_set_hop(struct sock *sk, const void *val, socklen_t len) { return set_ext(sk, &inet_of(sk)->ext6[IP_EXT_HOP], val, len); }
int header_options_get_hop(struct sock *sk, void *val, socklen_t *len) { return get_ext(&inet_of(sk)->ext6[IP_EXT_HOP], val, len); }
int header_options_set_dst(struct sock *sk, const void *val, socklen_t len) { return set_ext(sk, &inet_of(sk)->ext6[IP_EXT_DST], val, len); }
int header_options_get_dst(struct sock *sk, void *val, socklen_t *len) { return get_ext(&inet_of(sk)->ext6[IP_EXT_DST], val, len); }
int header_options_set_rthdrdst(struct sock *sk, const void *val, socklen_t len) { return set_ext(sk, &inet_of(sk)->rthdrdst6, val, len); }
int header_options_get_rthdrdst(struct sock *sk, void *val, socklen_t *len) { return get_ext(&inet_of(sk)->rthdrdst6, val, len); }
