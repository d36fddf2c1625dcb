/* RTM_NEWNEIGH and RTM_DELNEIGH: `ip neigh add`, `change`, `replace`, `del`. */
#include <errno.h>
#include <linux/if.h>
#include "stack/inet/neigh.h"
#include "stack/netlink/private.h"

#define KNOWN (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE)

struct wanted { struct ndmsg h; struct nl_attr tb[NDA_MAX + 1]; struct netif *nif; struct addr dst; };

static int wanted_read(const struct stack *s, const struct nl_request *q, struct wanted *ret)
{
	bool v4;
	int err = nl_parse(s, q, sizeof ret->h, nl_neigh_policy, NDA_MAX + 1, ret->tb);

	if (err < 0) return err;
	nl_header(q, &ret->h, sizeof ret->h);
	if (!ret->tb[NDA_DST].at) return netlink_refuse(s, -EINVAL, "Network address not specified");
	ret->nif = ret->h.ndm_ifindex ? netif_by_index(s, ret->h.ndm_ifindex) : NULL;
	if (ret->h.ndm_ifindex && !ret->nif) return -ENODEV;
	if (ret->h.ndm_family != AF_INET && ret->h.ndm_family != AF_INET6) return -EAFNOSUPPORT;
	v4 = ret->h.ndm_family == AF_INET;
	if (ret->tb[NDA_DST].len < (v4 ? 4U : 16U)) return netlink_refuse(s, -EINVAL, "Invalid network address");
	ret->dst = nl_addr(&ret->tb[NDA_DST], v4);
	return addr_is_v4(&ret->dst) == v4 ? 0 : -EINVAL;          /* a mapped one is IPv4's here */
}

int nl_neigh_make(struct stack *s, const struct nl_request *q)
{
	const struct nl_attr *lladdr;
	struct wanted w;
	struct neigh *n;
	struct mac mac;
	int err = wanted_read(s, q, &w);

	if (err < 0) return err;
	lladdr = &w.tb[NDA_LLADDR];
	if (w.nif && w.nif->conf.disable_ipv6 && !addr_is_v4(&w.dst)) return netlink_refuse(s, -EINVAL, "IPv6 is disabled on this device");
	if (lladdr->at && lladdr->len < sizeof mac.b) return netlink_refuse(s, -EINVAL, "Invalid link address");
	if (w.h.ndm_flags & NTF_PROXY) return w.nif ? neigh_proxy_add(w.nif, &w.dst) : netlink_refuse(s, -EINVAL, "Device not specified");
	if (!w.nif) return netlink_refuse(s, -EINVAL, "Device not specified");
	if (w.nif->kind != NETIF_ETHERNET) return netlink_refuse(s, -EINVAL, "Device does not keep neighbours");
	if (lladdr->at) memcpy(mac.b, lladdr->at, sizeof mac.b);
	n = neigh_find(w.nif, &w.dst);
	if (!n && !(q->h.nlmsg_flags & NLM_F_CREATE)) return -ENOENT;
	if (n && q->h.nlmsg_flags & NLM_F_EXCL) return -EEXIST;
	if (n && !(q->h.nlmsg_flags & NLM_F_REPLACE) && lladdr->at && neigh_state(n) & KNOWN) lladdr = NULL;
	/* As Linux: to be known it takes an address of the link, given now or before. */
	if (w.h.ndm_state & KNOWN && (!lladdr || !lladdr->at) && (!n || !(neigh_state(n) & KNOWN)))
		return netlink_refuse(s, -EINVAL, "No link layer address given");
	return neigh_set(w.nif, &w.dst, lladdr && lladdr->at ? &mac : NULL, (uint8_t)w.h.ndm_state);
}

int nl_neigh_del(struct stack *s, const struct nl_request *q)
{
	struct wanted w;
	struct neigh *n;
	int err = wanted_read(s, q, &w);

	if (err < 0) return err;
	if (w.h.ndm_flags & NTF_PROXY) return w.nif && neigh_proxy_del(w.nif, &w.dst) ? 0 : -ENOENT;
	if (!w.nif) return -EINVAL;
	n = neigh_find(w.nif, &w.dst);
	if (!n) return -ENOENT;
	/* As Linux: it fails before it goes, which listeners hear. */
	if (neigh_state(n) != NUD_FAILED) (void)neigh_set(w.nif, &w.dst, NULL, NUD_FAILED);
	(void)neigh_forget(w.nif, &w.dst);
	return 0;
}
