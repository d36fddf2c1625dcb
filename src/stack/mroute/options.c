/*
 * The daemon's options that are alike in both families. As Linux, each looks at the socket first, then at the right to use it, then at the length, and
 * reads the value last.
 */
#include <errno.h>
#include "stack/mroute/private.h"

#define VERSION 0x0305
#define ID_MOST4 1000000000u     /* that fits into the name of an interface behind "pimreg" */
#define ID_MOST6 100000000u

struct raw_sock *mroute_raw(struct sock *sk) { return (struct raw_sock *)sk; }

static int kind_check(const struct sock *sk)
{
	return sk->protocol == (sk->domain == AF_INET ? IPPROTO_IGMP : IPPROTO_ICMPV6) ? 0 : -EOPNOTSUPP;
}

int mroute_may_set(const struct sock *sk, bool inits)
{
	const struct raw_sock *rs = (const struct raw_sock *)sk;
	int r = kind_check(sk);

	if (r < 0) return r;
	return inits || mroute_table_of(rs)->daemon == rs || sock_is_privileged(sk) ? 0 : -EACCES;
}

/* ---- where the value can't be read: what comes before ---- */

static bool fits_int(const struct sock *sk, socklen_t len) { return sk->domain == AF_INET ? len == sizeof(int) : len >= sizeof(int); }

int mroute_unread_init(const struct sock *sk, socklen_t len)
{
	int r = mroute_may_set(sk, true);

	return r == 0 && !fits_int(sk, len) ? -EINVAL : r;
}

int mroute_unread_int(const struct sock *sk, socklen_t len)
{
	int r = mroute_may_set(sk, false);

	return r == 0 && len != sizeof(int) ? -EINVAL : r;
}

int mroute_unread_any(const struct sock *sk, socklen_t len)
{
	(void)len;
	return mroute_may_set(sk, false);
}

int mroute_unread_unknown(const struct sock *sk, socklen_t len)
{
	int r = mroute_may_set(sk, false);

	(void)len;
	return r < 0 ? r : -ENOPROTOOPT;
}

static int int_of(const struct sock *sk, const void *val, socklen_t len, int *ret)
{
	int r = mroute_unread_int(sk, len);

	if (r == 0) memcpy(ret, val, sizeof *ret);
	return r;
}

/* ---- set ---- */

int mroute_option_init(struct sock *sk, const void *val, socklen_t len)
{
	int r = mroute_unread_init(sk, len);

	(void)val;
	return r < 0 ? r : mroute_daemon_begin(mroute_table_of(mroute_raw(sk)), mroute_raw(sk));
}

int mroute_option_done(struct sock *sk, const void *val, socklen_t len)
{
	int r = mroute_may_set(sk, false);

	(void)val, (void)len;
	if (r < 0) return r;
	if (mroute_table_of(mroute_raw(sk))->daemon != mroute_raw(sk)) return -EACCES;
	mroute_sock_done(mroute_raw(sk));
	return 0;
}

int mroute_option_assert(struct sock *sk, const void *val, socklen_t len)
{
	int v = 0, r = int_of(sk, val, len, &v);

	if (r == 0) mroute_table_of(mroute_raw(sk))->assert = v != 0;
	return r;
}

/* As Linux: with PIM on, asserts are, too; and which upcalls it has is said only when that changes. */
int mroute_option_pim(struct sock *sk, const void *val, socklen_t len)
{
	struct mroute_table *t;
	int v = 0, r = int_of(sk, val, len, &v);

	if (r < 0) return r;
	t = mroute_table_of(mroute_raw(sk));
	if (t->pim == (v != 0)) return 0;
	t->pim = t->assert = v != 0;
	t->wrong_whole = v == IGMPMSG_WRVIFWHOLE;
	return 0;
}

int mroute_option_table(struct sock *sk, const void *val, socklen_t len)
{
	struct raw_sock *rs = mroute_raw(sk);
	bool v4 = sk->domain == AF_INET;
	int v = 0, r = int_of(sk, val, len, &v);
	uint32_t id;

	if (r < 0) return r;
	id = (uint32_t)v;
	/* As Linux, which looks at the daemon first in IPv4 and at the number first in IPv6. */
	if (!v4 && id != RT_TABLE_DEFAULT && id >= ID_MOST6) return -EINVAL;
	if (mroute_table_of(rs)->daemon == rs) return -EBUSY;
	if (v4 && id != RT_TABLE_DEFAULT && id >= ID_MOST4) return -EINVAL;
	if (!mroute_table_make(sk->stack, v4, id)) return -ENOMEM;
	rs->mroute_table = id;
	return 0;
}

int mroute_option_flush(struct sock *sk, const void *val, socklen_t len)
{
	int v = 0, r = int_of(sk, val, len, &v);

	if (r == 0) mroute_flush(mroute_table_of(mroute_raw(sk)), v);
	return r;
}

static int want_read(const struct sock *sk, const void *val, socklen_t len, bool proxy, struct mroute_want *ret)
{
	int r = (sk->domain == AF_INET ? mroute4_want_read : mroute6_want_read)(sk, val, len, ret);

	if (r == 0) ret->proxy = proxy;
	return r;
}

static int put(struct sock *sk, const void *val, socklen_t len, bool proxy)
{
	struct mroute_table *t = mroute_table_of(mroute_raw(sk));
	struct mroute_want want;
	int r = want_read(sk, val, len, proxy, &want);

	return r < 0 ? r : mroute_entry_put(t, &want, t->daemon == mroute_raw(sk));
}

static int take(struct sock *sk, const void *val, socklen_t len, bool proxy)
{
	struct mroute_want want;
	int r = want_read(sk, val, len, proxy, &want);

	return r < 0 ? r : mroute_entry_del(mroute_table_of(mroute_raw(sk)), &want);
}

int mroute_option_add_mfc(struct sock *sk, const void *val, socklen_t len) { return put(sk, val, len, false); }
int mroute_option_del_mfc(struct sock *sk, const void *val, socklen_t len) { return take(sk, val, len, false); }
int mroute_option_add_mfc_proxy(struct sock *sk, const void *val, socklen_t len) { return put(sk, val, len, true); }
int mroute_option_del_mfc_proxy(struct sock *sk, const void *val, socklen_t len) { return take(sk, val, len, true); }

int mroute_option_unknown(struct sock *sk, const void *val, socklen_t len)
{
	(void)val;
	return mroute_unread_unknown(sk, len);
}

/* ---- get ---- */

static int get_int(struct sock *sk, void *val, socklen_t *len, int v)
{
	int r = kind_check(sk);

	if (r < 0) return r;
	if ((int)*len < 0) return -EINVAL;
	return opt_copy_out(val, len, &v, sizeof v);
}

int mroute_option_get_assert(struct sock *sk, void *val, socklen_t *len) { return get_int(sk, val, len, mroute_table_of(mroute_raw(sk))->assert); }
int mroute_option_get_pim(struct sock *sk, void *val, socklen_t *len) { return get_int(sk, val, len, mroute_table_of(mroute_raw(sk))->pim); }
int mroute_option_get_version(struct sock *sk, void *val, socklen_t *len) { return get_int(sk, val, len, VERSION); }

int mroute_option_get_unknown(struct sock *sk, void *val, socklen_t *len)
{
	int r = kind_check(sk);

	(void)val, (void)len;
	return r < 0 ? r : -ENOPROTOOPT;
}
