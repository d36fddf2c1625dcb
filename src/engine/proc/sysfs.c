/*
 * /sys/class/net and /sys/devices/virtual/net: an interface is a directory of files, each of which holds one value. What is written
 * there is sysfs_set.c's business.
 */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <sys/stat.h>
#include "engine/proc/proc.h"
#include "engine/proc/tree.h"
#include "stack/core/netif.h"

#define SPEED_MBIT 10000              /* as ethtool's ioctls say */
#define SETTABLE 0644
#define READ_ONLY 0444

typedef unsigned long long ull;
struct value { const char *name; mode_t mode; int (*write)(const struct netif *, struct text *); };

static bool is_up(const struct netif *nif) { return nif->flags & IFF_UP; }

static int one_number(struct text *t, long n)
{
	text_add(t, "%ld\n", n);
	return 0;
}

static int one_text(struct text *t, const char *word)
{
	text_add(t, "%s\n", word);
	return 0;
}

static int one_mac(const struct netif *nif, struct text *t, const struct mac *m)
{
	char buf[MAC_TEXT_MAX];
	if (nif->kind == NETIF_RAW_IP) return one_text(t, "");
	return one_text(t, mac_text(buf, m));
}

static int zero(const struct netif *nif, struct text *t) { return (void)nif, one_number(t, 0); }
static int addr_len(const struct netif *nif, struct text *t) { return one_number(t, nif->kind == NETIF_RAW_IP ? 0 : 6); }
static int address(const struct netif *nif, struct text *t) { return one_mac(nif, t, &nif->mac); }
static int ifindex(const struct netif *nif, struct text *t) { return one_number(t, nif->index); }
static int mtu(const struct netif *nif, struct text *t) { return one_number(t, (long)nif->mtu_bytes); }
static int queue_len(const struct netif *nif, struct text *t) { return one_number(t, nif->txqlen); }
static int type(const struct netif *nif, struct text *t) { return one_number(t, netif_hatype(nif)); }
static int no_id(const struct netif *nif, struct text *t) { return (void)nif, one_text(t, "0x0"); }
static int named_by(const struct netif *nif, struct text *t) { return one_number(t, nif->kind == NETIF_LOOPBACK ? 2 : 3); }

static int broadcast(const struct netif *nif, struct text *t)
{
	static const struct mac none;
	return one_mac(nif, t, nif->kind == NETIF_LOOPBACK ? &none : &mac_bcast);
}

/* What Linux computes when it is asked, and does not keep, is not among them. */
static int flags(const struct netif *nif, struct text *t)
{
	text_add(t, "0x%x\n", nif->flags & ~(uint32_t)(IFF_RUNNING | IFF_LOWER_UP | IFF_DORMANT));
	return 0;
}

static int carrier(const struct netif *nif, struct text *t) { return is_up(nif) ? one_number(t, (nif->flags & IFF_RUNNING) != 0) : -EINVAL; }

static int operstate(const struct netif *nif, struct text *t)
{
	static const char *const states[] = {"unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"};
	return one_text(t, states[netif_operstate(nif)]);
}

static bool has_speed(const struct netif *nif) { return nif->kind == NETIF_ETHERNET && !netif_is_dummy(nif) && is_up(nif); }
static int speed(const struct netif *nif, struct text *t) { return has_speed(nif) ? one_number(t, SPEED_MBIT) : -EINVAL; }
static int duplex(const struct netif *nif, struct text *t) { return has_speed(nif) ? one_text(t, "full") : -EINVAL; }
static int group(const struct netif *nif, struct text *t) { return one_number(t, nif->group); }
static int alias(const struct netif *nif, struct text *t) { return nif->alias ? one_text(t, nif->alias) : 0; }
static int linked_to(const struct netif *nif, struct text *t) { return one_number(t, nif->twin ? nif->twin->index : nif->index); }

static int uevent(const struct netif *nif, struct text *t)
{
	text_add(t, "INTERFACE=%s\nIFINDEX=%d\n", nif->name, nif->index);
	return 0;
}

static const struct value values[] = {
	{"addr_assign_type", READ_ONLY, zero}, {"addr_len", READ_ONLY, addr_len}, {"address", READ_ONLY, address}, {"broadcast", READ_ONLY, broadcast},
	{"carrier", SETTABLE, carrier}, {"carrier_changes", READ_ONLY, zero}, {"carrier_down_count", READ_ONLY, zero},
	{"carrier_up_count", READ_ONLY, zero}, {"dev_id", READ_ONLY, no_id}, {"dev_port", READ_ONLY, zero}, {"dormant", READ_ONLY, zero},
	{"duplex", READ_ONLY, duplex}, {"flags", SETTABLE, flags}, {"gro_flush_timeout", SETTABLE, zero}, {"ifalias", SETTABLE, alias},
	{"ifindex", READ_ONLY, ifindex}, {"iflink", READ_ONLY, linked_to}, {"link_mode", READ_ONLY, zero}, {"mtu", SETTABLE, mtu},
	{"name_assign_type", READ_ONLY, named_by}, {"netdev_group", SETTABLE, group}, {"operstate", READ_ONLY, operstate}, {"proto_down", SETTABLE, zero},
	{"speed", READ_ONLY, speed}, {"testing", READ_ONLY, zero}, {"tx_queue_len", SETTABLE, queue_len}, {"type", READ_ONLY, type},
	{"uevent", SETTABLE, uevent},
};

/* What is counted of an interface; the rest of Linux's figures are of devices that can fail in more ways. */
#define STATISTICS(X) \
	X(collisions, 0) X(multicast, 0) X(rx_bytes, nif->rx_bytes) X(rx_compressed, 0) X(rx_crc_errors, 0) X(rx_dropped, nif->rx_dropped) \
	X(rx_errors, 0) X(rx_fifo_errors, 0) X(rx_frame_errors, 0) X(rx_length_errors, 0) X(rx_missed_errors, 0) X(rx_nohandler, 0) \
	X(rx_over_errors, 0) X(rx_packets, nif->rx_packets) X(tx_aborted_errors, 0) X(tx_bytes, nif->tx_bytes) X(tx_carrier_errors, 0) \
	X(tx_compressed, 0) X(tx_dropped, nif->tx_dropped) X(tx_errors, 0) X(tx_fifo_errors, 0) X(tx_heartbeat_errors, 0) \
	X(tx_packets, nif->tx_packets) X(tx_window_errors, 0)

#define X(name, n) \
	static int count_##name(const struct netif *nif, struct text *t) { return (void)nif, text_add(t, "%llu\n", (ull)(n)), 0; }
STATISTICS(X)
#undef X
#define X(name, n) {#name, READ_ONLY, count_##name},
static const struct value statistics[] = {STATISTICS(X)};
#undef X

static const struct value *value_find(const struct value *all, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].name, name) == 0) return &all[i];
	return NULL;
}

/* The value that a path below an interface's directory names: "mtu", "statistics/rx_bytes". */
static const struct value *value_of(const char *path)
{
	static const char below[] = "statistics/";
	if (strncmp(path, below, sizeof below - 1) == 0) return value_find(statistics, ARRAY_SIZE(statistics), path + sizeof below - 1);
	return value_find(values, ARRAY_SIZE(values), path);
}

/* The interface that a path begins with, and what follows its name: "" or what stands behind the slash. */
struct netif *sysfs_netif_of(const struct stack *s, const char *path, const char **ret_rest)
{
	size_t n = strcspn(path, "/");
	char name[IFNAMSIZ] = "";
	if (n == 0 || n >= sizeof name) return NULL;
	memcpy(name, path, n);
	*ret_rest = path + n + (path[n] == '/');
	return netif_by_own_name(s, name);
}

static int interfaces(const struct stack *s, struct text *t, mode_t kind)
{
	list_each(struct netif, nif, &s->netifs, node) tree_entry(t, kind, nif->name);
	return S_IFDIR | 0755;
}

static int directory(struct text *t, const struct value *all, size_t n)
{
	for (size_t i = 0; i < n; i++) tree_entry(t, S_IFREG, all[i].name);
	return S_IFDIR | 0755;
}

static int interface_directory(struct text *t)
{
	tree_entry(t, S_IFDIR, "statistics");
	tree_entry(t, S_IFLNK, "subsystem");
	return directory(t, values, ARRAY_SIZE(values));
}

int sysfs_class_look(const struct stack *s, const char *path, struct text *t)
{
	const char *rest;
	if (*path == 0) return interfaces(s, t, S_IFLNK);
	if (!sysfs_netif_of(s, path, &rest) || *rest != 0) return -ENOENT;
	text_add(t, "../../devices/virtual/net/%s", path);
	return S_IFLNK | 0777;
}

int sysfs_device_look(const struct stack *s, const char *path, struct text *t)
{
	const char *rest;
	if (*path == 0) return interfaces(s, t, S_IFDIR);
	if (!sysfs_netif_of(s, path, &rest)) return -ENOENT;
	if (*rest == 0) return interface_directory(t);
	if (strcmp(rest, "statistics") == 0) return directory(t, statistics, ARRAY_SIZE(statistics));
	if (strcmp(rest, "subsystem") == 0) {
		text_add(t, "../../../../class/net");
		return S_IFLNK | 0777;
	}
	const struct value *v = value_of(rest);
	return v ? (int)(S_IFREG | v->mode) : -ENOENT;
}

int sysfs_device_read(const struct stack *s, const char *path, struct text *t)
{
	const char *rest;
	const struct netif *nif = sysfs_netif_of(s, path, &rest);
	const struct value *v = nif ? value_of(rest) : NULL;
	return v ? v->write(nif, t) : -ENOENT;
}
