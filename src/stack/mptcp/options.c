/*
 * Socket options. Those of SOL_SOCKET are the socket's own, and all its subflows'; those of TCP and IP are its subflows', the few that Linux lets
 * through. The rest is refused as Linux does: a wish it knows of with -EOPNOTSUPP (of TCP with -ENOPROTOOPT, when it is an int), others with
 * -ENOPROTOOPT.
 *
 * Read first: Linux's Documentation/networking/mptcp.rst, "Socket options".
 */
#include <errno.h>
#include <linux/mptcp.h>
#include <linux/tcp.h>
#include "stack/mptcp/msk.h"
#include "stack/socket/option.h"

#ifndef SOL_MPTCP
#define SOL_MPTCP 284
#endif
#define IS_MPTCP 43                        /* TCP_IS_MPTCP, newer than the headers */

/* Runs of numbers, both ends included; the last has from < 0. */
struct range { int16_t from, to; };
static bool is_in(const struct range *r, int name)
{
	for (; r->from >= 0; r++)
		if (name >= r->from && name <= r->to) return true;
	return false;
}

static const struct range sock_unset[] = {{0, 0}, {3, 4}, {10, 10}, {17, 17}, {19, 19}, {22, 24}, {26, 28}, {30, 31}, {38, 39}, {42, 42}, {44, 44},
					  {47, 48}, {50, 61}, {68, 68}, {71, 75}, {77, 99}, {-1, 0}};
/* Taken, whatever they are, and that is all. */
static const struct range sock_nothing[] = {{5, 6}, {11, 11}, {14, 14}, {16, 16}, {34, 34}, {40, 41}, {43, 43}, {45, 45}, {76, 76}, {-1, 0}};
static const struct range sock_fresh[] = {{2, 2}, {15, 15}, {25, 25}, {62, 62}, {-1, 0}};   /* of a socket that is not connected */
static const struct range sock_ungot[] = {{42, 42}, {74, 74}, {-1, 0}};
static const struct range tcp_set[] = {{1, 6}, {9, 9}, {13, 13}, {23, 23}, {25, 25}, {30, 30}, {33, 34}, {36, 36}, {-1, 0}};
static const struct range tcp_get[] = {{1, 6}, {9, 9}, {11, 11}, {13, 13}, {23, 23}, {25, 26}, {30, 31}, {33, 34}, {36, 36}, {43, 43}, {-1, 0}};
static const struct range tcp_int[] = {{1, 6}, {25, 25}, {36, 36}, {43, 43}, {-1, 0}};      /* of which an octet is told, where there is room for no more */
static const struct range tcp_fresh[] = {{23, 23}, {30, 30}, {33, 34}, {-1, 0}};           /* of a socket that is not connected */
static const struct range tcp_wish[] = {{7, 8}, {10, 10}, {12, 12}, {16, 18}, {24, 24}, {27, 27}, {37, 37}, {-1, 0}};
static const struct range ip_known[] = {{1, 1}, {15, 15}, {19, 19}, {24, 24}, {51, 51}, {-1, 0}};
static const struct range ip_wish[] = {{2, 2}, {6, 8}, {10, 13}, {18, 18}, {20, 21}, {23, 23}, {25, 26}, {-1, 0}};
static const struct range ip6_known[] = {{26, 26}, {75, 75}, {78, 78}, {-1, 0}};
static const struct range ip6_wish[] = {{2, 6}, {8, 8}, {11, 11}, {16, 16}, {23, 25}, {31, 33}, {49, 51}, {53, 53}, {56, 56}, {58, 58}, {60, 60},
					{62, 62}, {66, 67}, {70, 70}, {73, 74}, {77, 77}, {-1, 0}};

/* What may be asked of a level, and what is refused as a wish. */
struct level { int level; const struct range *set, *get, *wish; };
static const struct level levels[] = {
	{IPPROTO_TCP, tcp_set, tcp_get, tcp_wish}, {IPPROTO_IP, ip_known, ip_known, ip_wish}, {IPPROTO_IPV6, ip6_known, ip6_known, ip6_wish},
};

static const struct level *level_of(int level)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (levels[i].level == level) return &levels[i];
	return NULL;
}

void options_inherit(struct tcp_sock *to, const struct tcp_sock *from)
{
	struct inet_sock *is = &to->inet;

	conn_inherit(to, from);
	is->sk.shut = 0;
	is->addr_bound = is->port_bound = false;
	is->rport = 0;
	is->scope = 0;
	is->raddr = is->sk.domain == AF_INET6 ? addr_any6 : addr_any4;
	inet_sock_reset_addr(is);
}

static struct sock *first_of(struct mptcp_sock *msk) { return &msk->first->conn->inet.sk; }

/* The first says whether it is right. */
static int set_all(struct mptcp_sock *msk, int level, int name, const void *val, socklen_t len)
{
	int r = sock_setsockopt(first_of(msk), level, name, val, len);

	if (r < 0) return r;
	list_each(struct subflow, sub, &msk->subflows, node)
		if (sub != msk->first) sock_setsockopt(&sub->conn->inet.sk, level, name, val, len);
	return r;
}

/* Before there is more than the first subflow. */
static bool is_fresh(const struct mptcp_sock *msk) { return msk->state == MSK_NEW || msk->state == MSK_LISTEN; }

static int set_of_socket(struct mptcp_sock *msk, int name, const void *val, socklen_t len)
{
	int r;

	if (is_in(sock_unset, name)) return -EOPNOTSUPP;
	if (is_in(sock_fresh, name) && !is_fresh(msk)) return -EINVAL;
	if (is_in(sock_nothing, name)) return 0;
	r = option_set(&msk->inet.sk, SOL_SOCKET, name, val, len);
	return r < 0 ? r : set_all(msk, SOL_SOCKET, name, val, len);
}

/* What is said of a wish before its value is looked at, which of some is never done. 0: nothing. */
static int judge(const struct mptcp_sock *msk, const struct level *l, int name, socklen_t len)
{
	if (!l) return -ENOPROTOOPT;
	if (msk->fallback) return 0;
	if (is_in(l->wish, name)) return l->level != IPPROTO_TCP ? -EOPNOTSUPP : len < sizeof(int) ? -EINVAL : 0;
	if (!is_in(l->set, name)) return -ENOPROTOOPT;
	if (l->level == IPPROTO_IPV6 && !is_fresh(msk)) return -EINVAL;
	if (l->level == IPPROTO_IPV6 && msk->inet.sk.domain == AF_INET) return -ENOPROTOOPT;
	if (l->level == IPPROTO_TCP && is_in(tcp_fresh, name) && !is_fresh(msk)) return -EINVAL;
	return l->level == IPPROTO_TCP && is_in(tcp_int, name) && len < sizeof(int) ? -EINVAL : 0;
}

int mptcp_setsockopt(struct sock *sk, int level, int name, const void *val, socklen_t len)
{
	struct mptcp_sock *msk = msk_of(sk);
	const struct level *l = level_of(level);
	int r = msk_first(msk);

	if (r < 0) return r;
	if ((int)len < 0) return -EINVAL;
	if (level == SOL_SOCKET) return set_of_socket(msk, name, val, len);
	r = judge(msk, l, name, len);
	if (r < 0) return r;
	if (!msk->fallback && is_in(l->wish, name)) return -ENOPROTOOPT;
	r = set_all(msk, level, name, val, len);
	if (r == 0 && level == IPPROTO_IPV6 && name == IPV6_V6ONLY) msk->inet.v6only = msk->first->conn->inet.v6only;
	/* As Linux, which lets a subflow decide when to accept, whatever it says, and sets of IP what it refuses then. */
	if (level == IPPROTO_TCP && name == TCP_DEFER_ACCEPT && !msk->fallback) return 0;
	return r == 0 && level == IPPROTO_IP && name != IP_TOS && !msk->fallback && !is_fresh(msk) ? -EINVAL : r;
}

int mptcp_setsockopt_unread(const struct sock *sk, int level, int name, socklen_t len)
{
	struct mptcp_sock *msk = msk_of(sk);
	int r;

	if (level == SOL_SOCKET) return is_in(sock_unset, name) ? -EOPNOTSUPP : is_in(sock_nothing, name) ? 0 : OPT_AS_OTHERS;
	r = (int)len < 0 ? -EINVAL : judge(msk, level_of(level), name, len);
	if (r < 0 || (level == IPPROTO_TCP && name == TCP_DEFER_ACCEPT && !msk->fallback)) return r;
	return msk->first ? sock_setsockopt_unread(first_of(msk), level, name, len) : -EFAULT;
}

/* As Linux: V6ONLY is what a program has set, not what bind() did; the others both families have. */
static int get_ip6(struct mptcp_sock *msk, int name, int *ret)
{
	socklen_t len = sizeof *ret;

	*ret = msk->inet.v6only;
	return name == IPV6_V6ONLY ? 0 : sock_getsockopt(first_of(msk), IPPROTO_IP, name == IPV6_FREEBIND ? IP_FREEBIND : IP_TRANSPARENT, ret, &len);
}

static int int_out(void *val, socklen_t *len, int v)
{
	uint8_t octet = (uint8_t)v;

	return *len > 0 && *len < sizeof v && v >= 0 && v <= UINT8_MAX ? opt_copy_out(val, len, &octet, 1) : opt_copy_out(val, len, &v, sizeof v);
}

static int get_int(struct mptcp_sock *msk, int level, int name, void *val, socklen_t *len)
{
	socklen_t whole = sizeof(int);
	int v = 1, r = 0;

	if (level == IPPROTO_IPV6) r = get_ip6(msk, name, &v);
	else if (name != IS_MPTCP) r = sock_getsockopt(first_of(msk), level, name, &v, &whole);
	return r < 0 ? r : int_out(val, len, v);
}

int mptcp_getsockopt(struct sock *sk, int level, int name, void *val, socklen_t *len)
{
	static const char ulp[16] = "mptcp";
	struct mptcp_sock *msk = msk_of(sk);
	const struct level *l = level_of(level);
	int r = msk_first(msk);

	if (r < 0) return r;
	if (level == SOL_SOCKET) return is_in(sock_ungot, name) ? -EOPNOTSUPP : option_get(sk, level, name, val, len);
	if (level == SOL_MPTCP) return mptcp_get_own(sk, name, val, len);
	if (level == IPPROTO_TCP && name == TCP_ULP) return opt_copy_out(val, len, ulp, sizeof ulp);
	if (!l || (!msk->fallback && !is_in(l->get, name))) return -EOPNOTSUPP;
	if (!msk->fallback && (level == IPPROTO_IPV6 || (level == IPPROTO_TCP && is_in(tcp_int, name)))) return get_int(msk, level, name, val, len);
	return sock_getsockopt(first_of(msk), level, name, val, len);
}
