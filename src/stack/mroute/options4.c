/* MRT_*: the daemon's options of IPv4. Read first: <linux/mroute.h>. */
#include <errno.h>
#include "stack/mroute/private.h"

/* ---- interfaces ---- */

static int unread_as(const struct sock *sk, socklen_t len, size_t size)
{
	int r = mroute_may_set(sk, false);

	return r == 0 && len != size ? -EINVAL : r;
}

static int unread_vif(const struct sock *sk, socklen_t len) { return unread_as(sk, len, sizeof(struct vifctl)); }
static int unread_mfc(const struct sock *sk, socklen_t len) { return unread_as(sk, len, sizeof(struct mfcctl)); }

static int vif_read(const struct sock *sk, const void *val, socklen_t len, struct vifctl *ret)
{
	int r = unread_vif(sk, len);

	if (r < 0) return r;
	memcpy(ret, val, sizeof *ret);
	return ret->vifc_vifi < MROUTE_VIFS ? 0 : -ENFILE;
}

static struct netif *named(const struct stack *s, const struct vifctl *c)
{
	struct addr a = addr_v4_octets((const uint8_t *)&c->vifc_lcl_addr);
	const struct netif_addr *ia;

	if (c->vifc_flags == VIFF_USE_IFINDEX) return netif_by_index(s, c->vifc_lcl_ifindex);
	ia = netif_addr_find(s, &a, NULL);
	return ia ? ia->netif : NULL;
}

static int add_vif(struct sock *sk, const void *val, socklen_t len)
{
	struct mroute_table *t;
	struct vifctl c;
	int r = vif_read(sk, val, len, &c);

	if (r < 0) return r;
	t = mroute_table_of(mroute_raw(sk));
	if (mroute_vif_exists(t, c.vifc_vifi)) return -EADDRINUSE;
	if (c.vifc_flags == VIFF_TUNNEL) return -ENOBUFS;      /* as a kernel without tunnels of IP in IP */
	if (c.vifc_flags != 0 && c.vifc_flags != VIFF_REGISTER && c.vifc_flags != VIFF_USE_IFINDEX) return -EINVAL;
	return mroute_vif_add(t, &(struct mroute_vif_want){.number = c.vifc_vifi, .flags = c.vifc_flags, .registers = c.vifc_flags == VIFF_REGISTER,
				.local = c.vifc_lcl_addr.s_addr, .remote = c.vifc_rmt_addr.s_addr, .netif = named(sk->stack, &c)},
			      t->daemon == mroute_raw(sk));
}

static int del_vif(struct sock *sk, const void *val, socklen_t len)
{
	struct vifctl c;
	int r = vif_read(sk, val, len, &c);

	return r < 0 ? r : mroute_vif_del(mroute_table_of(mroute_raw(sk)), c.vifc_vifi);
}

/* ---- entries ---- */

int mroute4_want_read(const struct sock *sk, const void *val, socklen_t len, struct mroute_want *ret)
{
	struct mfcctl c;
	int r = unread_mfc(sk, len);

	if (r < 0) return r;
	memcpy(&c, val, sizeof c);
	*ret = (struct mroute_want){.source = addr_v4_octets((const uint8_t *)&c.mfcc_origin), .group = addr_v4_octets((const uint8_t *)&c.mfcc_mcastgrp),
				    .parent = c.mfcc_parent};
	memcpy(ret->ttls, c.mfcc_ttls, sizeof ret->ttls);
	return 0;
}

/* ---- rows ---- */

#define OURS .level = IPPROTO_IP, .note = "of raw sockets of IGMP: others EOPNOTSUPP as on Linux"

const struct sockopt mroute4_options[] = {
	MROUTE_SET(OURS, MRT_INIT, mroute_option_init, mroute_unread_init),
	MROUTE_SET(OURS, MRT_DONE, mroute_option_done, mroute_unread_any),
	MROUTE_SET(OURS, MRT_ADD_VIF, add_vif, unread_vif),
	MROUTE_SET(OURS, MRT_DEL_VIF, del_vif, unread_vif),
	MROUTE_SET(OURS, MRT_ADD_MFC, mroute_option_add_mfc, unread_mfc),
	MROUTE_SET(OURS, MRT_DEL_MFC, mroute_option_del_mfc, unread_mfc),
	MROUTE_GET(OURS, MRT_VERSION, mroute_option_get_version, mroute_option_unknown, mroute_unread_unknown),
	MROUTE_GET(OURS, MRT_ASSERT, mroute_option_get_assert, mroute_option_assert, mroute_unread_int),
	MROUTE_GET(OURS, MRT_PIM, mroute_option_get_pim, mroute_option_pim, mroute_unread_int),
	MROUTE_SET(OURS, MRT_TABLE, mroute_option_table, mroute_unread_int),
	MROUTE_SET(OURS, MRT_ADD_MFC_PROXY, mroute_option_add_mfc_proxy, unread_mfc),
	MROUTE_SET(OURS, MRT_DEL_MFC_PROXY, mroute_option_del_mfc_proxy, unread_mfc),
	MROUTE_SET(OURS, MRT_FLUSH, mroute_option_flush, mroute_unread_int),
	{.text = NULL},
};
