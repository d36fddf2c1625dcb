/*
 * SIOCETHTOOL: what a device's driver tells. Ours answer as Linux's loopback and veth do: there is a link, of 10 Gbit/s in name, and no hardware behind
 * it that could be set. What veth would keep without a meaning here (offloads, channels) is refused as by a driver that has no such setting.
 *
 *     | struct ifreq | the command's struct ... |      in and out; the answer is how many octets of the latter the program is to get
 *
 * Read first: <linux/ethtool.h>.
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <net/if.h>
#include "stack/core/netif.h"
#include "stack/inet/ioctl.h"
#include "stack/socket/option.h"
#include "stack/socket/stamping.h"

#define TOO_SMALL 525            /* Linux's ETOOSMALL, which is not for programs, and yet this one gets out */
#define WORDS 4                  /* of 32 bits in a set of link modes */
#define SPEED 10000

static bool is_ether(const struct netif *nif) { return nif->kind == NETIF_ETHERNET; }

static int get_settings(const struct netif *nif, void *data)
{
	struct ethtool_cmd *c = data;

	if (!is_ether(nif)) return -EOPNOTSUPP;
	*c = (struct ethtool_cmd){.cmd = ETHTOOL_GSET, .speed = SPEED, .duplex = DUPLEX_FULL};
	return sizeof *c;
}

/* Asked first with another number of words, it says how many there are, as a negative number. */
static int get_link_settings(const struct netif *nif, void *data)
{
	struct ethtool_link_settings *l = data;
	bool known = l->link_mode_masks_nwords == WORDS;

	if (!is_ether(nif)) return -EOPNOTSUPP;
	*l = (struct ethtool_link_settings){.cmd = ETHTOOL_GLINKSETTINGS, .link_mode_masks_nwords = (int8_t)(known ? WORDS : -WORDS)};
	if (!known) return sizeof *l;
	l->speed = SPEED;
	l->duplex = DUPLEX_FULL;
	memset(l + 1, 0, 3 * WORDS * sizeof(uint32_t));
	return sizeof *l + 3 * WORDS * sizeof(uint32_t);
}

static int get_driver(const struct netif *nif, void *data)
{
	struct ethtool_drvinfo *d = data;

	if (!is_ether(nif)) return -EOPNOTSUPP;
	*d = (struct ethtool_drvinfo){.cmd = ETHTOOL_GDRVINFO, .driver = "veth", .version = "1.0"};
	return sizeof *d;
}

static int value(void *data, uint32_t v)
{
	((struct ethtool_value *)data)->data = v;
	return sizeof(struct ethtool_value);
}

static int get_link(const struct netif *nif, void *data) { return value(data, (nif->flags & IFF_RUNNING) != 0); }
static int get_on(const struct netif *nif, void *data) { return (void)nif, value(data, 1); }
static int get_tso(const struct netif *nif, void *data) { return value(data, !is_ether(nif) || nif->tso_bytes); }
static int get_gro(const struct netif *nif, void *data) { return value(data, !is_ether(nif)); }
static int get_flags(const struct netif *nif, void *data) { return (void)nif, value(data, 0); }

static int get_permanent_address(const struct netif *nif, void *data)
{
	struct ethtool_perm_addr *a = data;

	if (a->size < sizeof(struct mac)) return -TOO_SMALL;
	a->size = sizeof(struct mac);
	memset(a->data, 0, sizeof(struct mac));
	(void)nif;
	return sizeof *a + sizeof(struct mac);
}

static int get_stamping(const struct netif *nif, void *data)
{
	struct ethtool_ts_info *t = data;

	(void)nif;
	*t = (struct ethtool_ts_info){.cmd = ETHTOOL_GET_TS_INFO, .so_timestamping = STAMPS_SENT | STAMPS_OF_RECEIVED | STAMPS_REPORTED, .phc_index = -1};
	return sizeof *t;
}

static int get_channels(const struct netif *nif, void *data)
{
	struct ethtool_channels *c = data;

	if (!is_ether(nif)) return -EOPNOTSUPP;
	*c = (struct ethtool_channels){.cmd = ETHTOOL_GCHANNELS, .max_rx = 1, .max_tx = 1, .rx_count = 1, .tx_count = 1};
	return sizeof *c;
}

/* Of none of the sets of strings that it asks for there are any. */
static int get_string_sets(const struct netif *nif, void *data)
{
	struct ethtool_sset_info *i = data;

	(void)nif;
	i->sset_mask = 0;
	return sizeof *i;
}

/* Linux's list of what anyone may ask; all else is for who may set it. serve NULL: refused. */
struct command { uint32_t cmd; int (*serve)(const struct netif *, void *data); };

static const struct command commands[] = {
	{ETHTOOL_GSET, get_settings}, {ETHTOOL_GDRVINFO, get_driver}, {ETHTOOL_GMSGLVL, NULL}, {ETHTOOL_GLINK, get_link}, {ETHTOOL_GCOALESCE, NULL},
	{ETHTOOL_GRINGPARAM, NULL}, {ETHTOOL_GPAUSEPARAM, NULL}, {ETHTOOL_GRXCSUM, get_on}, {ETHTOOL_GTXCSUM, get_on}, {ETHTOOL_GSG, get_on},
	{ETHTOOL_GSTRINGS, NULL}, {ETHTOOL_GSTATS, NULL}, {ETHTOOL_GTSO, get_tso}, {ETHTOOL_GPERMADDR, get_permanent_address}, {ETHTOOL_GUFO, NULL},
	{ETHTOOL_GGSO, get_on}, {ETHTOOL_GFLAGS, get_flags}, {ETHTOOL_GPFLAGS, NULL}, {ETHTOOL_GRXFH, NULL}, {ETHTOOL_GGRO, get_gro},
	{ETHTOOL_GRXRINGS, NULL}, {ETHTOOL_GRXCLSRLCNT, NULL}, {ETHTOOL_GRXCLSRULE, NULL}, {ETHTOOL_GRXCLSRLALL, NULL},
	{ETHTOOL_GSSET_INFO, get_string_sets}, {ETHTOOL_GRXFHINDIR, NULL}, {ETHTOOL_GFEATURES, NULL}, {ETHTOOL_GCHANNELS, get_channels},
	{ETHTOOL_GET_TS_INFO, get_stamping}, {ETHTOOL_GEEE, NULL}, {ETHTOOL_GRSSH, NULL}, {ETHTOOL_GTUNABLE, NULL}, {ETHTOOL_GPHYSTATS, NULL},
	{ETHTOOL_GLINKSETTINGS, get_link_settings}, {ETHTOOL_PHY_GTUNABLE, NULL}, {ETHTOOL_GFECPARAM, NULL},
};

int ioctl_ethtool(struct sock *sk, void *arg, size_t len)
{
	union { uint32_t cmd; uint8_t octets[ETHTOOL_DATA]; } data;
	const struct command *c = NULL;
	const struct netif *nif;
	struct ifreq r;
	int n;

	if (len < sizeof r + sizeof data) return -EOPNOTSUPP;
	memcpy(&r, arg, sizeof r);
	memcpy(&data, (uint8_t *)arg + sizeof r, sizeof data);
	nif = ioctl_netif(sk->stack, &r);
	if (!nif) return -ENODEV;
	for (size_t i = 0; i < ARRAY_SIZE(commands) && !c; i++)
		if (commands[i].cmd == data.cmd) c = &commands[i];
	if (!c) return sock_is_privileged(sk) ? -EOPNOTSUPP : -EPERM;
	n = c->serve ? c->serve(nif, &data) : -EOPNOTSUPP;
	if (n > 0) memcpy((uint8_t *)arg + sizeof r, &data, sizeof data);
	return n;
}
