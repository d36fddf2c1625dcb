/* What the attributes of NETLINK_ROUTE's objects have to be, a table for each kind, as Linux has them: it checks before it looks at a request. */
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include "stack/core/netif.h"
#include "stack/netlink/private.h"

#define LINK_ADDRESS_MAX 32       /* MAX_ADDR_LEN */

const struct nl_policy nl_link_policy[IFLA_MAX + 1] = {
	[IFLA_ADDRESS] = {NL_MOST, LINK_ADDRESS_MAX}, [IFLA_BROADCAST] = {NL_MOST, LINK_ADDRESS_MAX}, [IFLA_IFNAME] = {NL_TEXT, IFNAMSIZ - 1},
	[IFLA_MTU] = {NL_FIXED, 4}, [IFLA_LINK] = {NL_FIXED, 4}, [IFLA_MASTER] = {NL_FIXED, 4}, [IFLA_TXQLEN] = {NL_FIXED, 4},
	[IFLA_MAP] = {NL_FIXED, sizeof(struct rtnl_link_ifmap)}, [IFLA_WEIGHT] = {NL_FIXED, 4}, [IFLA_OPERSTATE] = {NL_FIXED, 1},
	[IFLA_LINKMODE] = {NL_FIXED, 1}, [IFLA_LINKINFO] = {NL_NEST, 0}, [IFLA_NET_NS_PID] = {NL_FIXED, 4}, [IFLA_VFINFO_LIST] = {NL_NEST, 0},
	[IFLA_VF_PORTS] = {NL_NEST, 0}, [IFLA_PORT_SELF] = {NL_NEST, 0}, [IFLA_AF_SPEC] = {NL_NEST, 0}, [IFLA_GROUP] = {NL_FIXED, 4},
	[IFLA_NET_NS_FD] = {NL_FIXED, 4}, [IFLA_EXT_MASK] = {NL_FIXED, 4}, [IFLA_PROMISCUITY] = {NL_FIXED, 4}, [IFLA_NUM_TX_QUEUES] = {NL_FIXED, 4},
	[IFLA_NUM_RX_QUEUES] = {NL_FIXED, 4}, [IFLA_CARRIER] = {NL_FIXED, 1}, [IFLA_PHYS_PORT_ID] = {NL_MOST, LINK_ADDRESS_MAX},
	[IFLA_CARRIER_CHANGES] = {NL_FIXED, 4}, [IFLA_PHYS_SWITCH_ID] = {NL_MOST, LINK_ADDRESS_MAX}, [IFLA_LINK_NETNSID] = {NL_FIXED, 4},
	[IFLA_PROTO_DOWN] = {NL_FIXED, 1}, [IFLA_GSO_MAX_SEGS] = {NL_FIXED, 4}, [IFLA_GSO_MAX_SIZE] = {NL_FIXED, 4}, [IFLA_XDP] = {NL_NEST, 0},
	[IFLA_EVENT] = {NL_FIXED, 4}, [IFLA_IF_NETNSID] = {NL_FIXED, 4}, [IFLA_CARRIER_UP_COUNT] = {NL_FIXED, 4}, [IFLA_CARRIER_DOWN_COUNT] = {NL_FIXED, 4},
	[IFLA_NEW_IFINDEX] = {NL_FIXED, 4}, [IFLA_MIN_MTU] = {NL_FIXED, 4}, [IFLA_MAX_MTU] = {NL_FIXED, 4}, [IFLA_PROP_LIST] = {NL_NEST, 0},
	[IFLA_ALT_IFNAME] = {NL_TEXT, NETIF_ALTNAME_MAX}, [IFLA_PERM_ADDRESS] = {NL_REJECTED, 0}, [IFLA_PROTO_DOWN_REASON] = {NL_NEST, 0},
};

const struct nl_policy nl_address4_policy[IFA_MAX + 1] = {
	[IFA_LOCAL] = {NL_FIXED, 4}, [IFA_ADDRESS] = {NL_FIXED, 4}, [IFA_BROADCAST] = {NL_FIXED, 4}, [IFA_LABEL] = {NL_TEXT, IFNAMSIZ - 1},
	[IFA_CACHEINFO] = {NL_FIXED, sizeof(struct ifa_cacheinfo)}, [IFA_FLAGS] = {NL_FIXED, 4}, [IFA_RT_PRIORITY] = {NL_FIXED, 4},
	[IFA_TARGET_NETNSID] = {NL_FIXED, 4}, [IFA_PROTO] = {NL_FIXED, 1},
};
const struct nl_policy nl_address6_policy[IFA_MAX + 1] = {
	[IFA_LOCAL] = {NL_FIXED, 16}, [IFA_ADDRESS] = {NL_FIXED, 16}, [IFA_CACHEINFO] = {NL_FIXED, sizeof(struct ifa_cacheinfo)}, [IFA_FLAGS] = {NL_FIXED, 4},
	[IFA_RT_PRIORITY] = {NL_FIXED, 4}, [IFA_TARGET_NETNSID] = {NL_FIXED, 4}, [IFA_PROTO] = {NL_FIXED, 1},
};

#define ROUTE_BOTH \
	[RTA_IIF] = {NL_FIXED, 4}, [RTA_OIF] = {NL_FIXED, 4}, [RTA_PRIORITY] = {NL_FIXED, 4}, [RTA_METRICS] = {NL_NEST, 0}, \
	[RTA_MULTIPATH] = {NL_FIXED, sizeof(struct rtnexthop)}, [RTA_TABLE] = {NL_FIXED, 4}, [RTA_MARK] = {NL_FIXED, 4}, [RTA_ENCAP_TYPE] = {NL_FIXED, 2}, \
	[RTA_ENCAP] = {NL_NEST, 0}, [RTA_UID] = {NL_FIXED, 4}, [RTA_IP_PROTO] = {NL_FIXED, 1}, [RTA_SPORT] = {NL_FIXED, 2}, [RTA_DPORT] = {NL_FIXED, 2}, \
	[RTA_NH_ID] = {NL_EXACT, 4}

const struct nl_policy nl_route4_policy[RTA_MAX + 1] = {
	ROUTE_BOTH, [RTA_DST] = {NL_FIXED, 4}, [RTA_SRC] = {NL_FIXED, 4}, [RTA_GATEWAY] = {NL_FIXED, 4}, [RTA_PREFSRC] = {NL_FIXED, 4},
	[RTA_FLOW] = {NL_FIXED, 4},
};
/* How long a prefix is, the header says. */
const struct nl_policy nl_route6_policy[RTA_MAX + 1] = {
	ROUTE_BOTH, [RTA_GATEWAY] = {NL_FIXED, 16}, [RTA_PREFSRC] = {NL_FIXED, 16}, [RTA_PREF] = {NL_FIXED, 1}, [RTA_EXPIRES] = {NL_FIXED, 4},
};

const struct nl_policy nl_neigh_policy[NDA_MAX + 1] = {
	[NDA_DST] = {NL_MOST, LINK_ADDRESS_MAX}, [NDA_LLADDR] = {NL_MOST, LINK_ADDRESS_MAX}, [NDA_CACHEINFO] = {NL_FIXED, sizeof(struct nda_cacheinfo)},
	[NDA_PROBES] = {NL_FIXED, 4}, [NDA_VLAN] = {NL_FIXED, 2}, [NDA_PORT] = {NL_FIXED, 2}, [NDA_VNI] = {NL_FIXED, 4}, [NDA_IFINDEX] = {NL_FIXED, 4},
	[NDA_MASTER] = {NL_FIXED, 4}, [NDA_PROTOCOL] = {NL_FIXED, 1}, [NDA_NH_ID] = {NL_EXACT, 4}, [NDA_FDB_EXT_ATTRS] = {NL_NEST_ONLY, 0},
	[NDA_FLAGS_EXT] = {NL_EXACT, 4}, [NDA_NDM_STATE_MASK] = {NL_UNSUPPORTED, 0}, [NDA_NDM_FLAGS_MASK] = {NL_UNSUPPORTED, 0},
};
