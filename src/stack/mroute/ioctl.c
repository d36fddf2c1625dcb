/* SIOCGETVIFCNT, SIOCGETSGCNT and IPv6's: what an interface or an entry has counted. Any raw socket may ask. */
#include <errno.h>
#include "stack/mroute/private.h"

static int vif_of(const struct mroute_table *t, unsigned number, const struct mroute_vif **ret)
{
	if (number >= t->n_vifs) return -EINVAL;
	*ret = &t->vifs[number];
	return (*ret)->netif ? 0 : -EADDRNOTAVAIL;
}

/* IPv6's request has the same fields in the same places. */
_Static_assert(sizeof(struct sioc_mif_req6) == sizeof(struct sioc_vif_req) &&
	       offsetof(struct sioc_mif_req6, icount) == offsetof(struct sioc_vif_req, icount), "one request for both families");

static int count_vif(const struct mroute_table *t, void *arg, size_t len)
{
	const struct mroute_vif *v;
	struct sioc_vif_req r;
	int err;

	if (len < sizeof r) return -EFAULT;
	memcpy(&r, arg, sizeof r);
	err = vif_of(t, r.vifi, &v);
	if (err < 0) return err;
	r.icount = v->packets_in;
	r.ocount = v->packets_out;
	r.ibytes = v->octets_in;
	r.obytes = v->octets_out;
	memcpy(arg, &r, sizeof r);
	return 0;
}

/* What a request of either family ends with. */
struct counts { unsigned long packets, octets, wrong_vif; };

static int count_group(const struct mroute_table *t, struct addr source, struct addr group, uint8_t *ret)
{
	const struct mroute_entry *e = mroute_entry_find(t, &source, &group, -1);

	if (!e) return -EADDRNOTAVAIL;
	memcpy(ret, &(struct counts){e->packets, e->octets, e->wrong_vif}, sizeof(struct counts));
	return 0;
}

static int count_group4(const struct mroute_table *t, void *arg, size_t len)
{
	struct sioc_sg_req r;

	if (len < sizeof r) return -EFAULT;
	memcpy(&r, arg, sizeof r);
	return count_group(t, addr_v4_octets((const uint8_t *)&r.src), addr_v4_octets((const uint8_t *)&r.grp),
			   (uint8_t *)arg + offsetof(struct sioc_sg_req, pktcnt));
}

static int count_group6(const struct mroute_table *t, void *arg, size_t len)
{
	struct sioc_sg_req6 r;

	if (len < sizeof r) return -EFAULT;
	memcpy(&r, arg, sizeof r);
	return count_group(t, addr_v6_octets(r.src.sin6_addr.s6_addr), addr_v6_octets(r.grp.sin6_addr.s6_addr),
			   (uint8_t *)arg + offsetof(struct sioc_sg_req6, pktcnt));
}

int mroute_ioctl(struct sock *sk, unsigned long request, void *arg, size_t len)
{
	const struct mroute_table *t = mroute_table_of(mroute_raw(sk));

	switch (request) {
	case SIOCGETVIFCNT: return count_vif(t, arg, len);
	case SIOCGETSGCNT: return (t->v4 ? count_group4 : count_group6)(t, arg, len);
	default: return -NO_IOCTL_CMD;
	}
}
