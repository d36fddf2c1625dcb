/*
 * What is written to the files that sysfs has of an interface. Most take a number as the kernel's kstrtoul() does: in any base that its first octets
 * tell, and a newline behind it. What has nothing behind it here refuses, as Linux does for a device that can't.
 */
#include <errno.h>
#include <linux/if.h>
#include <stdlib.h>
#include "engine/proc/proc.h"
#include "engine/proc/tree.h"
#include "stack/core/netif.h"
#include "stack/core/sysctl.h"
#include "stack/netlink/netlink.h"

static int number_of(const char *text, unsigned long *ret)
{
	char *end;
	text += *text == '+';
	if (*text < '0' || *text > '9') return -EINVAL;
	errno = 0;
	unsigned long n = strtoul(text, &end, 0);
	if (end[*end == '\n'] != 0) return -EINVAL;
	if (errno == ERANGE) return -ERANGE;
	*ret = n;
	return 0;
}

static int set_mtu(struct netif *nif, unsigned long n) { return netif_set_mtu(nif, (uint32_t)n); }
static int set_flags(struct netif *nif, unsigned long n) { return netif_set_flags(nif, (uint32_t)n); }
static int set_queue_len(struct netif *nif, unsigned long n) { return n > UINT32_MAX ? -ERANGE : netif_set_txqlen(nif, (uint32_t)n); }
static int set_group(struct netif *nif, unsigned long n) { return netif_set_group(nif, (uint32_t)n), 0; }
static int stay_zero(struct netif *nif, unsigned long n) { return (void)nif, n != 0 ? -EOPNOTSUPP : 0; }

static int set_carrier(struct netif *nif, unsigned long n)
{
	if (!(nif->flags & IFF_UP)) return -EINVAL;
	netif_set_carrier(nif, n != 0);
	return 0;
}

static const struct { const char *name; int (*set)(struct netif *, unsigned long); } numbers[] = {
	{"mtu", set_mtu}, {"flags", set_flags}, {"tx_queue_len", set_queue_len}, {"netdev_group", set_group}, {"carrier", set_carrier},
	{"gro_flush_timeout", stay_zero},
};

static int set_alias(struct netif *nif, const char *text)
{
	size_t len = strlen(text);
	return netif_set_alias(nif, text, len - (len > 0 && text[len - 1] == '\n'));
}

/* Tells once more of what has happened to it, for those who listen (udevadm trigger). */
static int announce(const struct netif *nif, const char *text)
{
	static const char *const actions[] = {"add", "remove", "change", "move", "online", "offline", "bind", "unbind"};
	size_t len = strcspn(text, "\n");
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (strlen(actions[i]) != len || memcmp(actions[i], text, len) != 0) continue;
		netlink_uevent(nif, actions[i]);
		return 0;
	}
	return -EINVAL;
}

int sysfs_device_write(const struct stack *s, const char *path, const char *text)
{
	const char *what;
	unsigned long n;
	struct netif *nif = sysfs_netif_of(s, path, &what);
	if (!s->sysctl->privileged) return -EACCES;
	if (!nif) return -ENODEV;
	if (strcmp(what, "proto_down") == 0 || (strcmp(what, "carrier") == 0 && !netif_is_dummy(nif))) return -EOPNOTSUPP;
	if (strcmp(what, "ifalias") == 0) return set_alias(nif, text);
	if (strcmp(what, "uevent") == 0) return announce(nif, text);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (strcmp(what, numbers[i].name) != 0) continue;
		int r = number_of(text, &n);
		return r < 0 ? r : numbers[i].set(nif, n);
	}
	return -EACCES;
}
