/*
 * The structures in which programs name groups and sources: struct ip_mreq_source and ip_msfilter of IPv4 alone, struct group_req,
 * group_source_req and group_filter of both families. Read first: RFC 3678, ip(7).
 */
#include <errno.h>
#include "stack/inet/membership.h"

#define FILTER_MAX 64                        /* sources that a struct can name: more is -ENOBUFS in either family */
#define SLIST4 offsetof(struct ip_msfilter, imsf_slist)
#define SLIST offsetof(struct group_filter, gf_slist)

static struct inet_sock *inet_of(struct sock *sk) { return (struct inet_sock *)sk; }

/* An address of the option's family; any port. */
static int address_of(int family, const struct sockaddr_storage *ss, struct addr *ret)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	memcpy(&in, ss, sizeof in);
	memcpy(&in6, ss, sizeof in6);
	if (ss->ss_family != family) return -EADDRNOTAVAIL;
	*ret = family == AF_INET ? addr_v4_octets((const uint8_t *)&in.sin_addr) : addr_v6_octets(in6.sin6_addr.s6_addr);
	return 0;
}

static int netif_of(const struct sock *sk, uint32_t index, struct netif **ret)
{
	*ret = index ? netif_by_index(sk->stack, (int)index) : NULL;
	return index && !*ret ? -ENODEV : 0;
}

/* ---- a group ---- */

static int change(struct sock *sk, int family, const void *val, membership_step *step)
{
	struct group_req req;
	struct netif *nif;
	struct addr group;
	int r;

	memcpy(&req, val, sizeof req);
	/* As Linux, whose two families disagree here. */
	if (family == AF_INET && req.gr_group.ss_family != AF_INET) return -EINVAL;
	r = address_of(family, &req.gr_group, &group);
	if (r < 0) return r;
	r = netif_of(sk, req.gr_interface, &nif);
	return r < 0 ? membership_nowhere(&group, step, r) : step(inet_of(sk), &group, nif);
}

int membership_set_join(struct sock *sk, const void *val, socklen_t len) { return (void)len, change(sk, AF_INET, val, membership_join); }
int membership_set_leave(struct sock *sk, const void *val, socklen_t len) { return (void)len, change(sk, AF_INET, val, membership_leave); }
int membership_set_join6(struct sock *sk, const void *val, socklen_t len) { return (void)len, change(sk, AF_INET6, val, membership_join); }
int membership_set_leave6(struct sock *sk, const void *val, socklen_t len) { return (void)len, change(sk, AF_INET6, val, membership_leave); }

/* ---- a source of a group ---- */

static int set_source(struct sock *sk, int family, enum membership_change how, const void *val)
{
	struct group_source_req q;
	struct addr group, source;
	struct netif *nif;
	int r;

	memcpy(&q, val, sizeof q);
	r = address_of(family, &q.gsr_group, &group);
	if (r == 0) r = address_of(family, &q.gsr_source, &source);
	if (r == 0 && !addr_is_multicast(&group)) return -EINVAL;
	if (r == 0) r = netif_of(sk, q.gsr_interface, &nif);
	return r < 0 ? r : membership_source(inet_of(sk), how, &group, &source, nif);
}

int membership_set_block(struct sock *sk, const void *val, socklen_t len) { return (void)len, set_source(sk, AF_INET, SOURCE_BLOCK, val); }
int membership_set_unblock(struct sock *sk, const void *val, socklen_t len) { return (void)len, set_source(sk, AF_INET, SOURCE_UNBLOCK, val); }
int membership_set_join_source(struct sock *sk, const void *val, socklen_t len) { return (void)len, set_source(sk, AF_INET, SOURCE_JOIN, val); }
int membership_set_leave_source(struct sock *sk, const void *val, socklen_t len) { return (void)len, set_source(sk, AF_INET, SOURCE_LEAVE, val); }
int membership_set_block6(struct sock *sk, const void *val, socklen_t len) { return (void)len, set_source(sk, AF_INET6, SOURCE_BLOCK, val); }
int membership_set_unblock6(struct sock *sk, const void *val, socklen_t len) { return (void)len, set_source(sk, AF_INET6, SOURCE_UNBLOCK, val); }
int membership_set_join_source6(struct sock *sk, const void *val, socklen_t len) { return (void)len, set_source(sk, AF_INET6, SOURCE_JOIN, val); }
int membership_set_leave_source6(struct sock *sk, const void *val, socklen_t len) { return (void)len, set_source(sk, AF_INET6, SOURCE_LEAVE, val); }

/* The interface that has this address; none when it is 0. */
static int netif_with(const struct sock *sk, const struct in_addr *in, struct netif **ret)
{
	struct addr a = addr_v4_octets((const uint8_t *)in);
	const struct netif_addr *na = in->s_addr ? netif_addr_find(sk->stack, &a, NULL) : NULL;

	*ret = na ? na->netif : NULL;
	return in->s_addr && !na ? -ENODEV : 0;
}

static int set_source4(struct sock *sk, enum membership_change how, const void *val, socklen_t len)
{
	struct ip_mreq_source q;
	struct addr group, source;
	struct netif *nif;
	int r;

	(void)len;
	memcpy(&q, val, sizeof q);
	group = addr_v4_octets((const uint8_t *)&q.imr_multiaddr);
	source = addr_v4_octets((const uint8_t *)&q.imr_sourceaddr);
	if (!addr_is_multicast(&group)) return -EINVAL;
	r = netif_with(sk, &q.imr_interface, &nif);
	return r < 0 ? r : membership_source(inet_of(sk), how, &group, &source, nif);
}

int membership_set_block4(struct sock *sk, const void *val, socklen_t len) { return set_source4(sk, SOURCE_BLOCK, val, len); }
int membership_set_unblock4(struct sock *sk, const void *val, socklen_t len) { return set_source4(sk, SOURCE_UNBLOCK, val, len); }
int membership_set_join_source4(struct sock *sk, const void *val, socklen_t len) { return set_source4(sk, SOURCE_JOIN, val, len); }
int membership_set_leave_source4(struct sock *sk, const void *val, socklen_t len) { return set_source4(sk, SOURCE_LEAVE, val, len); }

/* ---- whole filters ---- */

static int mode_read(uint32_t mode, bool *ret_exclude)
{
	*ret_exclude = mode == MCAST_EXCLUDE;
	return mode == MCAST_EXCLUDE || mode == MCAST_INCLUDE ? 0 : -EINVAL;
}

int membership_set_filter4(struct sock *sk, const void *val, socklen_t len)
{
	struct addr group, sources[FILTER_MAX];
	struct ip_msfilter f = {0};
	struct netif *nif;
	bool exclude;
	int r;

	memcpy(&f, val, SLIST4);
	if (f.imsf_numsrc > FILTER_MAX) return -ENOBUFS;
	if (len < SLIST4 + 4 * (size_t)f.imsf_numsrc) return -EINVAL;
	group = addr_v4_octets((const uint8_t *)&f.imsf_multiaddr);
	for (uint32_t i = 0; i < f.imsf_numsrc; i++)
		sources[i] = addr_v4_octets((const uint8_t *)val + SLIST4 + 4 * i);
	if (!addr_is_multicast(&group)) return -EINVAL;
	r = mode_read(f.imsf_fmode, &exclude);
	if (r == 0) r = netif_with(sk, &f.imsf_interface, &nif);
	return r < 0 ? r : membership_filter_set(inet_of(sk), &group, nif, exclude, sources, f.imsf_numsrc);
}

int membership_get_filter4(struct sock *sk, void *val, socklen_t *len)
{
	struct addr group, sources[FILTER_MAX];
	struct ip_msfilter f = {0};
	uint32_t n = FILTER_MAX;
	struct netif *nif;
	bool exclude;
	int r;

	if (*len < SLIST4) return -EINVAL;
	memcpy(&f, val, SLIST4);
	group = addr_v4_octets((const uint8_t *)&f.imsf_multiaddr);
	r = netif_with(sk, &f.imsf_interface, &nif);
	if (r == 0) r = membership_filter_get(inet_of(sk), &group, nif, &exclude, sources, &n);
	if (r < 0) return r;
	for (uint32_t i = 0; i < MIN(n, f.imsf_numsrc) && SLIST4 + 4 * (i + 1) <= *len; i++)
		memcpy((uint8_t *)val + SLIST4 + 4 * i, sources[i].b + 12, 4);
	*len = (socklen_t)MIN((size_t)*len, SLIST4 + 4 * (size_t)MIN(n, f.imsf_numsrc));
	f.imsf_fmode = exclude ? MCAST_EXCLUDE : MCAST_INCLUDE;
	f.imsf_numsrc = n;
	memcpy(val, &f, SLIST4);
	return 0;
}

static int set_filter(struct sock *sk, int family, const void *val, socklen_t len)
{
	struct addr group, sources[FILTER_MAX];
	struct group_filter f = {0};
	struct netif *nif;
	bool exclude;
	int r;

	memcpy(&f, val, SLIST);
	if (f.gf_numsrc > FILTER_MAX) return -ENOBUFS;
	if (len < SLIST + sizeof(struct sockaddr_storage) * f.gf_numsrc) return -EINVAL;
	if (family == AF_INET6) f.gf_group.ss_family = AF_INET6;    /* as Linux, which looks at it for IPv4 alone */
	r = address_of(family, &f.gf_group, &group);
	for (uint32_t i = 0; i < f.gf_numsrc && r == 0; i++) {
		struct sockaddr_storage ss;
		memcpy(&ss, (const uint8_t *)val + SLIST + i * sizeof ss, sizeof ss);
		if (family == AF_INET6) ss.ss_family = AF_INET6;
		r = address_of(family, &ss, &sources[i]);
	}
	if (r < 0) return r;
	if (!addr_is_multicast(&group)) return -EINVAL;
	r = mode_read(f.gf_fmode, &exclude);
	if (r == 0) r = netif_of(sk, f.gf_interface, &nif);
	return r < 0 ? r : membership_filter_set(inet_of(sk), &group, nif, exclude, sources, f.gf_numsrc);
}

int membership_set_filter(struct sock *sk, const void *val, socklen_t len) { return set_filter(sk, AF_INET, val, len); }
int membership_set_filter6(struct sock *sk, const void *val, socklen_t len) { return set_filter(sk, AF_INET6, val, len); }

static int get_filter(struct sock *sk, int family, void *val, socklen_t *len)
{
	struct addr group, sources[FILTER_MAX];
	struct group_filter f = {0};
	uint32_t n = FILTER_MAX, given;
	struct sockaddr_storage ss;
	struct netif *nif;
	bool exclude;
	socklen_t ss_len;
	int r;

	if (*len < SLIST) return -EINVAL;
	memcpy(&f, val, SLIST);
	if (family == AF_INET && f.gf_group.ss_family != AF_INET) return -EINVAL;
	r = address_of(family, &f.gf_group, &group);
	if (r == 0) r = netif_of(sk, f.gf_interface, &nif);
	if (r == 0) r = membership_filter_get(inet_of(sk), &group, nif, &exclude, sources, &n);
	if (r < 0) return r;
	given = MIN(MIN(n, f.gf_numsrc), (uint32_t)((*len - SLIST) / sizeof ss));
	for (uint32_t i = 0; i < given; i++) {
		memset(&ss, 0, sizeof ss);
		inet_sockaddr_emit(inet_of(sk), &sources[i], 0, 0, &ss, &ss_len);
		memcpy((uint8_t *)val + SLIST + i * sizeof ss, &ss, sizeof ss);
	}
	f.gf_fmode = exclude ? MCAST_EXCLUDE : MCAST_INCLUDE;
	f.gf_numsrc = n;
	memcpy(val, &f, SLIST);
	*len = (socklen_t)(SLIST + given * sizeof ss);
	return 0;
}

int membership_get_filter(struct sock *sk, void *val, socklen_t *len) { return get_filter(sk, AF_INET, val, len); }
int membership_get_filter6(struct sock *sk, void *val, socklen_t *len) { return get_filter(sk, AF_INET6, val, len); }
