/*
 * The rows of SOL_SOCKET. Read first: socket(7).
 *
 * What asks for CAP_NET_ADMIN or CAP_NET_RAW on Linux is -EPERM on a host whose programs have not got them. What Linux knows and this stack
 * does not do is refused, each with an errno that Linux gives where it cannot do it either.
 */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include "stack/core/netif.h"
#include "stack/core/sysctl.h"
#include "stack/socket/filter.h"
#include "stack/socket/option_rows.h"
#include "stack/socket/stamping.h"

/* Numbers of <asm-generic/socket.h>: glibc's header gives some names to the old and some to the new layout. */
enum {
	TIMESTAMP_OLD = 29, TIMESTAMPNS_OLD = 35, TIMESTAMPING_OLD = 37, RCVTIMEO_OLD = 20, SNDTIMEO_OLD = 21,
	TIMESTAMP_NEW = 63, TIMESTAMPNS_NEW = 64, TIMESTAMPING_NEW = 65, RCVTIMEO_NEW = 66, SNDTIMEO_NEW = 67,
	NETNS_COOKIE = 71, BUF_LOCK = 72, RCVMARK = 75, RCVPRIORITY = 82,
};
#define RCVBUF_MIN 2304      /* Linux's SOCK_MIN_RCVBUF and SOCK_MIN_SNDBUF on 64 bits */
#define SNDBUF_MIN 4608

static int get_one(struct sock *sk, void *val, socklen_t *len)
{
	(void)sk, (void)len;
	*(int *)val = 1;
	return 0;
}

static int set_zerocopy(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val;
	bool has = sk->type == SOCK_STREAM ? sk->protocol == IPPROTO_TCP : sk->type == SOCK_DGRAM && sk->protocol == IPPROTO_UDP;

	(void)len;
	if ((sk->domain != AF_INET && sk->domain != AF_INET6) || !has) return -EOPNOTSUPP;
	if (v < 0 || v > 1) return -EINVAL;
	sk->zerocopy = v;
	return 0;
}

static int set_reuseport(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val;

	(void)len;
	if (v && sk->domain != AF_INET && sk->domain != AF_INET6) return -EOPNOTSUPP;
	sk->reuseport = v;
	return 0;
}

static int set_debug(struct sock *sk, const void *val, socklen_t len)
{
	(void)len;
	if (*(const int *)val && !sock_is_privileged(sk)) return -EACCES;
	sk->debug = *(const int *)val != 0;
	return 0;
}

static int get_error(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	*(int *)val = sock_take_error(sk);
	return 0;
}

/* ---- buffers ---- */

static uint32_t buffer_size(int asked, int max, uint32_t least)
{
	/* As Linux: a negative number is a huge one, and the double pays for the bookkeeping. */
	uint32_t v = MIN((uint32_t)asked, (uint32_t)max);

	return MAX(MIN(v, (uint32_t)INT_MAX / 2) * 2, least);
}

static int rcvbuf_set(struct sock *sk, uint32_t octets)
{
	sk->rcvbuf = octets;
	sk->rcvbuf_locked = true;
	return 0;
}

static int sndbuf_set(struct sock *sk, uint32_t octets)
{
	sk->sndbuf = octets;
	sk->sndbuf_locked = true;
	sock_ready(sk);
	return 0;
}

static int set_rcvbuf(struct sock *sk, const void *val, socklen_t len)
{
	(void)len;
	return rcvbuf_set(sk, buffer_size(*(const int *)val, sk->stack->sysctl->core_rmem_max, RCVBUF_MIN));
}

static int set_sndbuf(struct sock *sk, const void *val, socklen_t len)
{
	(void)len;
	return sndbuf_set(sk, buffer_size(*(const int *)val, sk->stack->sysctl->core_wmem_max, SNDBUF_MIN));
}

/* Past net.core.rmem_max; here a negative size is the least one. */
static int set_rcvbuf_force(struct sock *sk, const void *val, socklen_t len)
{
	(void)len;
	return rcvbuf_set(sk, buffer_size(MAX(*(const int *)val, 0), INT_MAX, RCVBUF_MIN));
}

static int set_sndbuf_force(struct sock *sk, const void *val, socklen_t len)
{
	(void)len;
	return sndbuf_set(sk, buffer_size(MAX(*(const int *)val, 0), INT_MAX, SNDBUF_MIN));
}

static int get_buf_lock(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	*(int *)val = (sk->sndbuf_locked ? 1 : 0) | (sk->rcvbuf_locked ? 2 : 0);
	return 0;
}

static int set_buf_lock(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val;

	(void)len;
	if (v & ~3) return -EINVAL;
	sk->sndbuf_locked = v & 1;
	sk->rcvbuf_locked = v & 2;
	return 0;
}

static int set_rcvlowat(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val;

	(void)len;
	sk->rcvlowat = v < 0 ? INT_MAX : MAX(v, 1);
	return 0;
}

/* ---- times ---- */

static int set_timeout(int64_t *ret, const void *val, socklen_t len)
{
	struct timeval tv;

	if (len < sizeof tv) return -EINVAL;
	memcpy(&tv, val, sizeof tv);
	if (tv.tv_usec < 0 || tv.tv_usec >= 1000000) return -EDOM;
	if (tv.tv_sec < 0)
		*ret = -1;   /* a wait that is over at once; 0 is none */
	else
		*ret = tv.tv_sec > INT64_MAX / 2000000 ? 0 : (int64_t)tv.tv_sec * 1000000 + tv.tv_usec;
	return 0;
}

static int get_timeout(int64_t us, void *val, socklen_t *len)
{
	struct timeval tv = {.tv_sec = us < 0 ? 0 : us / 1000000, .tv_usec = us < 0 ? 0 : us % 1000000};

	return opt_copy_out(val, len, &tv, sizeof tv);
}

static int set_rcvtimeo(struct sock *sk, const void *val, socklen_t len) { return set_timeout(&sk->rcvtimeo_us, val, len); }
static int set_sndtimeo(struct sock *sk, const void *val, socklen_t len) { return set_timeout(&sk->sndtimeo_us, val, len); }
static int get_rcvtimeo(struct sock *sk, void *val, socklen_t *len) { return get_timeout(sk->rcvtimeo_us, val, len); }
static int get_sndtimeo(struct sock *sk, void *val, socklen_t *len) { return get_timeout(sk->sndtimeo_us, val, len); }

static int set_linger(struct sock *sk, const void *val, socklen_t len)
{
	struct linger l;

	if (len < sizeof l) return -EINVAL;
	memcpy(&l, val, sizeof l);
	sk->linger.l_onoff = l.l_onoff != 0;
	if (l.l_onoff) sk->linger.l_linger = l.l_linger;
	return 0;
}

static int get_linger(struct sock *sk, void *val, socklen_t *len)
{
	return opt_copy_out(val, len, &sk->linger, sizeof sk->linger);
}

/* One kind of timestamp in one layout is on at a time; the last one set wins. */
#define TIMESTAMP(which, is_ns, is_new) \
	static int set_##which(struct sock *sk, const void *val, socklen_t len) \
	{ \
		bool on = *(const int *)val != 0; \
		(void)len; \
		sk->timestamp = on && !(is_ns); \
		sk->timestamp_ns = on && (is_ns); \
		if (on) sk->timestamp_new = (is_new); \
		return 0; \
	} \
	static int get_##which(struct sock *sk, void *val, socklen_t *len) \
	{ \
		(void)len; \
		*(int *)val = ((is_ns) ? sk->timestamp_ns : sk->timestamp) && sk->timestamp_new == (is_new); \
		return 0; \
	}
TIMESTAMP(ts_old, false, false)
TIMESTAMP(ts_new, false, true)
TIMESTAMP(tsns_old, true, false)
TIMESTAMP(tsns_new, true, true)

static int set_stamping_old(struct sock *sk, const void *val, socklen_t len) { return stamping_set(sk, val, len, false, 0); }
static int set_stamping_new(struct sock *sk, const void *val, socklen_t len) { return stamping_set(sk, val, len, true, 0); }
static int get_stamping_old(struct sock *sk, void *val, socklen_t *len) { return stamping_get(sk, val, len, false); }
static int get_stamping_new(struct sock *sk, void *val, socklen_t *len) { return stamping_get(sk, val, len, true); }

/* ---- interface ---- */

static int bound_if_set(struct sock *sk, struct netif *nif)
{
	/* Since Linux 5.7 anyone may bind a socket to an interface, but only CAP_NET_RAW may do so again. */
	if (sk->bound_if && !sock_is_privileged(sk)) return -EPERM;
	sk->bound_if = nif;
	return 0;
}

static int set_bindtodevice(struct sock *sk, const void *val, socklen_t len)
{
	char name[16] = "";
	struct netif *nif = NULL;

	memcpy(name, val, MIN(len, sizeof name - 1));
	if (name[0] && !(nif = netif_by_name(sk->stack, name))) return -ENODEV;
	return bound_if_set(sk, nif);
}

static int get_bindtodevice(struct sock *sk, void *val, socklen_t *len)
{
	if (!sk->bound_if) {
		*len = 0;
		return 0;
	}
	if (*len < sizeof sk->bound_if->name) return -EINVAL;
	if (netif_is_gone(sk->bound_if)) return -ENODEV;
	return opt_copy_out(val, len, sk->bound_if->name, strlen(sk->bound_if->name) + 1);
}

static int set_bindtoifindex(struct sock *sk, const void *val, socklen_t len)
{
	int index = *(const int *)val;
	struct netif *nif = index > 0 ? netif_by_index(sk->stack, index) : NULL;

	(void)len;
	if (sk->bound_if && !sock_is_privileged(sk)) return -EPERM;
	if (index < 0) return -EINVAL;
	/* As Linux: nobody asks whether there is one. */
	if (index && !nif) nif = netif_absent(sk->stack, index);
	return index && !nif ? -ENOMEM : bound_if_set(sk, nif);
}

static int get_bindtoifindex(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	*(int *)val = sk->bound_if ? sk->bound_if->index : 0;
	return 0;
}

/* ---- the rest ---- */

static int set_priority(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val;

	(void)len;
	if ((v < 0 || v > 6) && !sock_is_privileged(sk)) return -EPERM;
	sk->priority = v;
	return 0;
}

static int get_cookie(struct sock *sk, void *val, socklen_t *len)
{
	if (*len < sizeof sk->cookie) return -EINVAL;
	return opt_copy_out(val, len, &sk->cookie, sizeof sk->cookie);
}

/* Nobody is at the other end whose credentials the kernel would know. */
static int get_peercred(struct sock *sk, void *val, socklen_t *len)
{
	static const struct ucred nobody = {.pid = 0, .uid = (uid_t)-1, .gid = (gid_t)-1};

	(void)sk;
	return opt_copy_out(val, len, &nobody, sizeof nobody);
}

/* Linux's order: what is in the receive queue, its bound, the same of the send queue, and five more that are 0 here. */
static int get_meminfo(struct sock *sk, void *val, socklen_t *len)
{
	const uint32_t v[9] = {sk->lent, sk->rcvbuf, 0, sk->sndbuf};

	return opt_copy_out(val, len, v, sizeof v);
}

static int get_netns_cookie(struct sock *sk, void *val, socklen_t *len)
{
	uint64_t v = stack_hash(sk->stack, "netns", 5);

	return *len == sizeof v ? opt_copy_out(val, len, &v, sizeof v) : -EINVAL;
}

/* Linux has it for sockets that a program can connect. */
static bool peeks_at_offset(const struct sock *sk)
{
	bool pings = sk->type == SOCK_DGRAM && (sk->protocol == IPPROTO_ICMP || sk->protocol == IPPROTO_ICMPV6);
	return sk->domain != AF_NETLINK && sk->domain != AF_PACKET && sk->type != SOCK_RAW && !pings;
}

static int set_peek_off(struct sock *sk, const void *val, socklen_t len)
{
	(void)len;
	if (!peeks_at_offset(sk)) return -EOPNOTSUPP;
	sk->peek_off = *(const int *)val;
	return 0;
}

static int get_peek_off(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	*(int *)val = sk->peek_off;
	return peeks_at_offset(sk) ? 0 : -EOPNOTSUPP;
}

static int get_bpf_extensions(struct sock *sk, void *val, socklen_t *len)
{
	(void)sk, (void)len;
	*(int *)val = 64;            /* SKF_AD_MAX */
	return 0;
}

static int get_peername(struct sock *sk, void *val, socklen_t *len)
{
	struct sockaddr_storage name;
	socklen_t name_len;
	int r = sk->ops->name_of(sk, true, &name, &name_len);

	if (r < 0) return -ENOTCONN;
	if (name_len < *len) return -EINVAL;
	return opt_copy_out(val, len, &name, name_len);
}

#define S(n) .level = SOL_SOCKET, .name = n, .text = #n
#define N(n, t) .level = SOL_SOCKET, .name = n, .text = t
#define FIELD(f) OPT_FIELD(struct sock, f)

const struct sockopt sock_options[] = {
	{S(SO_DEBUG), .type = OPT_INT, BOTH, FIELD(debug), .set = set_debug},
	{S(SO_REUSEADDR), .type = OPT_BOOL, BOTH, FIELD(reuseaddr)},
	{S(SO_REUSEPORT), .type = OPT_BOOL, BOTH, FIELD(reuseport), .set = set_reuseport},
	{S(SO_TYPE), .type = OPT_INT, GET, FIELD(type)},
	{S(SO_DOMAIN), .type = OPT_INT, GET, FIELD(domain)},
	{S(SO_PROTOCOL), .type = OPT_INT, GET, FIELD(protocol)},
	{S(SO_ACCEPTCONN), .type = OPT_INT, GET, FIELD(listening)},
	{S(SO_ERROR), .type = OPT_INT, GET, .get = get_error},
	{S(SO_DONTROUTE), .type = OPT_BOOL, BOTH, FIELD(dontroute)},
	{S(SO_BROADCAST), .type = OPT_BOOL, BOTH, FIELD(broadcast)},
	{S(SO_KEEPALIVE), .type = OPT_BOOL, BOTH, FIELD(keepalive)},
	{S(SO_OOBINLINE), .type = OPT_BOOL, BOTH, FIELD(oobinline)},
	{S(SO_NO_CHECK), .type = OPT_BOOL, BOTH, FIELD(no_check)},
	{S(SO_SELECT_ERR_QUEUE), .type = OPT_BOOL, BOTH, FIELD(select_err_queue)},
	{S(SO_RXQ_OVFL), .type = OPT_BOOL, BOTH, FIELD(rxq_ovfl)},
	{S(SO_SNDBUF), .type = OPT_INT, BOTH, FIELD(sndbuf), .set = set_sndbuf},
	{S(SO_RCVBUF), .type = OPT_INT, BOTH, FIELD(rcvbuf), .set = set_rcvbuf},
	{S(SO_SNDBUFFORCE), .type = OPT_INT, SET, .privileged = true, .set = set_sndbuf_force},
	{S(SO_RCVBUFFORCE), .type = OPT_INT, SET, .privileged = true, .set = set_rcvbuf_force},
	{N(BUF_LOCK, "SO_BUF_LOCK"), .type = OPT_INT, BOTH, .get = get_buf_lock, .set = set_buf_lock},
	{S(SO_RCVLOWAT), .type = OPT_INT, BOTH, FIELD(rcvlowat), .set = set_rcvlowat},
	{S(SO_SNDLOWAT), .type = OPT_INT, GET, .get = get_one},
	{N(RCVTIMEO_OLD, "SO_RCVTIMEO"), .type = OPT_BLOB, BOTH, .get = get_rcvtimeo, .set = set_rcvtimeo},
	{N(SNDTIMEO_OLD, "SO_SNDTIMEO"), .type = OPT_BLOB, BOTH, .get = get_sndtimeo, .set = set_sndtimeo},
	{N(RCVTIMEO_NEW, "SO_RCVTIMEO_NEW"), .type = OPT_BLOB, BOTH, .get = get_rcvtimeo, .set = set_rcvtimeo},
	{N(SNDTIMEO_NEW, "SO_SNDTIMEO_NEW"), .type = OPT_BLOB, BOTH, .get = get_sndtimeo, .set = set_sndtimeo},
	{S(SO_LINGER), .type = OPT_BLOB, BOTH, .get = get_linger, .set = set_linger},
	{N(TIMESTAMP_OLD, "SO_TIMESTAMP"), .type = OPT_BOOL, BOTH, .get = get_ts_old, .set = set_ts_old},
	{N(TIMESTAMP_NEW, "SO_TIMESTAMP_NEW"), .type = OPT_BOOL, BOTH, .get = get_ts_new, .set = set_ts_new},
	{N(TIMESTAMPNS_OLD, "SO_TIMESTAMPNS"), .type = OPT_BOOL, BOTH, .get = get_tsns_old, .set = set_tsns_old},
	{N(TIMESTAMPNS_NEW, "SO_TIMESTAMPNS_NEW"), .type = OPT_BOOL, BOTH, .get = get_tsns_new, .set = set_tsns_new},
	{N(TIMESTAMPING_OLD, "SO_TIMESTAMPING"), .type = OPT_BLOB, BOTH, .get = get_stamping_old, .set = set_stamping_old, .note = "by software"},
	{N(TIMESTAMPING_NEW, "SO_TIMESTAMPING_NEW"), .type = OPT_BLOB, BOTH, .get = get_stamping_new, .set = set_stamping_new, .note = "by software"},
	{S(SO_BINDTODEVICE), .type = OPT_BLOB, BOTH, .get = get_bindtodevice, .set = set_bindtodevice},
	{S(SO_BINDTOIFINDEX), .type = OPT_INT, BOTH, .get = get_bindtoifindex, .set = set_bindtoifindex},
	{S(SO_PRIORITY), .type = OPT_INT, BOTH, FIELD(priority), .set = set_priority},
	{S(SO_MARK), .type = OPT_INT, BOTH, .privileged = true, FIELD(mark)},
	{S(SO_COOKIE), .type = OPT_BLOB, GET, .get = get_cookie},
	{S(SO_PEERCRED), .type = OPT_BLOB, GET, .get = get_peercred},
	{S(SO_PEERNAME), .type = OPT_BLOB, GET, .get = get_peername},
	{S(SO_PEEK_OFF), .type = OPT_INT, BOTH, .get = get_peek_off, .set = set_peek_off},
	{S(SO_ZEROCOPY), .type = OPT_INT, BOTH, FIELD(zerocopy), .set = set_zerocopy},
	{S(SO_ATTACH_FILTER), .type = OPT_BLOB, BOTH, .get = filter_get, .set = filter_set, .note = "get: SO_GET_FILTER"},
	{S(SO_DETACH_FILTER), .type = OPT_INT, SET, .set = filter_detach},
	{S(SO_LOCK_FILTER), .type = OPT_BOOL, BOTH, FIELD(filter_locked), .set = filter_lock},
	{S(SO_MEMINFO), .type = OPT_BLOB, GET, .get = get_meminfo},
	{N(NETNS_COOKIE, "SO_NETNS_COOKIE"), .type = OPT_BLOB, GET, .get = get_netns_cookie},
	{S(SO_BPF_EXTENSIONS), .type = OPT_INT, GET, .get = get_bpf_extensions},
	{N(RCVMARK, "SO_RCVMARK"), .type = OPT_BOOL, BOTH, FIELD(rcvmark)},
	{N(RCVPRIORITY, "SO_RCVPRIORITY"), .type = OPT_BOOL, BOTH, FIELD(rcvpriority)},
	{S(SO_BSDCOMPAT), .type = OPT_INT, BOTH, .get = opt_get_zero, .set = opt_set_nothing},   /* Linux too does nothing */
	{.text = NULL},
};
