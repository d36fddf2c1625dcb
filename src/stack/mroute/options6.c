/* MRT6_*: the daemon's options of IPv6. Longer values than Linux's structs are taken, as there. Read first: <linux/mroute6.h>. */
#include <errno.h>
#include "stack/mroute/private.h"

/* ---- interfaces ---- */

static int unread_as(const struct sock *sk, socklen_t len, size_t least)
{
	int r = mroute_may_set(sk, false);

	return r == 0 && len < least ? -EINVAL : r;
}

static int unread_mif(const struct sock *sk, socklen_t len) { return unread_as(sk, len, sizeof(struct mif6ctl)); }
static int unread_number(const struct sock *sk, socklen_t len) { return unread_as(sk, len, sizeof(mifi_t)); }
static int unread_mfc(const struct sock *sk, socklen_t len) { return unread_as(sk, len, sizeof(struct mf6cctl)); }

static int add_mif(struct sock *sk, const void *val, socklen_t len)
{
	struct mroute_table *t;
	struct mif6ctl c;
	int r = unread_mif(sk, len);

	if (r < 0) return r;
	memcpy(&c, val, sizeof c);
	if (c.mif6c_mifi >= MROUTE_VIFS) return -ENFILE;
	t = mroute_table_of(mroute_raw(sk));
	if (mroute_vif_exists(t, c.mif6c_mifi)) return -EADDRINUSE;
	if (c.mif6c_flags != 0 && c.mif6c_flags != MIFF_REGISTER) return -EINVAL;
	return mroute_vif_add(t, &(struct mroute_vif_want){.number = c.mif6c_mifi, .flags = c.mif6c_flags, .registers = c.mif6c_flags == MIFF_REGISTER,
				.netif = netif_by_index(sk->stack, c.mif6c_pifi)},
			      t->daemon == mroute_raw(sk));
}

static int del_mif(struct sock *sk, const void *val, socklen_t len)
{
	mifi_t number;
	int r = unread_number(sk, len);

	if (r < 0) return r;
	memcpy(&number, val, sizeof number);
	return mroute_vif_del(mroute_table_of(mroute_raw(sk)), number);
}

/* ---- entries ---- */

/* IPv6 has no thresholds: who is in the set gets it. */
int mroute6_want_read(const struct sock *sk, const void *val, socklen_t len, struct mroute_want *ret)
{
	struct mf6cctl c;
	int r = unread_mfc(sk, len);

	if (r < 0) return r;
	memcpy(&c, val, sizeof c);
	*ret = (struct mroute_want){.source = addr_v6_octets(c.mf6cc_origin.sin6_addr.s6_addr), .group = addr_v6_octets(c.mf6cc_mcastgrp.sin6_addr.s6_addr),
				    .parent = c.mf6cc_parent};
	for (unsigned i = 0; i < MROUTE_VIFS; i++)
		ret->ttls[i] = c.mf6cc_ifset.ifs_bits[i / NIFBITS] >> i % NIFBITS & 1 ? 1 : MROUTE_NONE;   /* IF_ISSET shifts into the sign */
	return 0;
}

/* ---- rows ---- */

#define OURS .level = IPPROTO_IPV6, .domain = AF_INET6, .note = "of raw sockets of ICMPv6: others EOPNOTSUPP as on Linux"

const struct sockopt mroute6_options[] = {
	MROUTE_SET(OURS, MRT6_INIT, mroute_option_init, mroute_unread_init),
	MROUTE_SET(OURS, MRT6_DONE, mroute_option_done, mroute_unread_any),
	MROUTE_SET(OURS, MRT6_ADD_MIF, add_mif, unread_mif),
	MROUTE_SET(OURS, MRT6_DEL_MIF, del_mif, unread_number),
	MROUTE_SET(OURS, MRT6_ADD_MFC, mroute_option_add_mfc, unread_mfc),
	MROUTE_SET(OURS, MRT6_DEL_MFC, mroute_option_del_mfc, unread_mfc),
	MROUTE_GET(OURS, MRT6_VERSION, mroute_option_get_version, mroute_option_unknown, mroute_unread_unknown),
	MROUTE_GET(OURS, MRT6_ASSERT, mroute_option_get_assert, mroute_option_assert, mroute_unread_int),
	MROUTE_GET(OURS, MRT6_PIM, mroute_option_get_pim, mroute_option_pim, mroute_unread_int),
	MROUTE_SET(OURS, MRT6_TABLE, mroute_option_table, mroute_unread_int),
	MROUTE_SET(OURS, MRT6_ADD_MFC_PROXY, mroute_option_add_mfc_proxy, unread_mfc),
	MROUTE_SET(OURS, MRT6_DEL_MFC_PROXY, mroute_option_del_mfc_proxy, unread_mfc),
	MROUTE_SET(OURS, MRT6_FLUSH, mroute_option_flush, mroute_unread_int),
	{.text = NULL},
};
