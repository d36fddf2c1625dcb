/*
 * /proc/sys/net: the settings of a host's stack as files, each named by its row (stack/core/sysctl.c). What each interface has of its own stands in a directory
 * of its name, beside those of "all", where there is one, and of "default"; in the row's name all of these are "*".
 */
#include <errno.h>
#include <sys/stat.h>
#include "engine/proc/proc.h"
#include "engine/proc/tree.h"
#include "stack/core/netif.h"
#include "stack/core/sysctl.h"

#define ROOT "net."
#define SETTABLE 0644
#define READ_ONLY 0444
#define PART_MAX 64

/* conf: of an interface, of "all" or of "default"; NULL: it is none of those. */
struct setting { char name[FILE_PATH_MAX + sizeof ROOT]; struct netconf *conf; };

/* A directory of interfaces. */
static bool is_neigh(const char *directory) { return strcmp(directory, "neigh") == 0; }
static bool has_interfaces(const char *directory) { return strcmp(directory, "conf") == 0 || is_neigh(directory); }

/* Of the neighbour cache there is nothing for all. */
static struct netconf *conf_of(const struct stack *s, const char *directory, const char *part)
{
	if (strcmp(part, "all") == 0) return is_neigh(directory) ? NULL : &s->sysctl->all;
	if (strcmp(part, "default") == 0) return &s->sysctl->initial;
	struct netif *nif = netif_by_own_name(s, part);
	return nif ? &nif->conf : NULL;
}

/* The name that a path below the root stands for. false: it is too long, or there is no such interface. */
static bool name_of(const struct stack *s, const char *path, struct setting *ret)
{
	char part[PART_MAX] = "", above[PART_MAX] = "";
	size_t at = sizeof ROOT - 1;
	*ret = (struct setting){.name = ROOT};
	while (*path) {
		size_t n = strcspn(path, "/");
		if (n == 0 || n >= sizeof part) return false;
		memset(part, 0, sizeof part);
		memcpy(part, path, n);
		path += n + (path[n] == '/');
		bool of_one = !ret->conf && has_interfaces(above);
		if (of_one) ret->conf = conf_of(s, above, part);
		if (of_one ? !ret->conf : strpbrk(part, ".*") != NULL) return false;
		const char *word = of_one ? "*" : part;
		if (at + strlen(word) + 2 > sizeof ret->name) return false;
		if (ret->name[at - 1] != '.') ret->name[at++] = '.';
		strcpy(ret->name + at, word);
		at += strlen(word);
		memcpy(above, part, sizeof above);
	}
	return true;
}

static int value_of(const struct stack *s, const struct setting *d, char *buf, size_t size)
{
	return d->conf ? netconf_get(d->conf, d->name, buf, size) : sysctl_get(s->sysctl, d->name, buf, size);
}

/* What follows a directory's name and a dot in a row's; NULL: it is not below that. */
static const char *row_below(const char *row, const char *directory)
{
	size_t n = strlen(directory);
	if (strncmp(row, directory, n) != 0) return NULL;
	if (directory[n - 1] == '.') return row + n;
	return row[n] == '.' ? row + n + 1 : NULL;
}

static bool seen_before(const char *directory, size_t i, const char *part, size_t n)
{
	while (i-- > 0) {
		const char *other = row_below(sysctl_name(i), directory);
		if (other && strncmp(other, part, n) == 0 && (other[n] == 0 || other[n] == '.')) return true;
	}
	return false;
}

static void interfaces(const struct stack *s, struct text *t, bool has_all)
{
	if (has_all) tree_entry(t, S_IFDIR, "all");
	tree_entry(t, S_IFDIR, "default");
	list_each(struct netif, nif, &s->netifs, node) tree_entry(t, S_IFDIR, nif->name);
}

/* Each name that follows the directory's in some row, once. */
static int directory(const struct stack *s, const struct setting *d, struct text *t)
{
	const char *row, *last = strrchr(d->name, '.') + 1;
	bool any = false;
	for (size_t i = 0; (row = sysctl_name(i)); i++) {
		const char *rest = row_below(row, d->name);
		if (!rest) continue;
		char part[PART_MAX] = "";
		size_t n = MIN(strcspn(rest, "."), sizeof part - 1);
		any = true;
		if (*rest == '*' || seen_before(d->name, i, rest, n)) continue;
		memcpy(part, rest, n);
		tree_entry(t, rest[n] ? S_IFDIR : S_IFREG, part);
	}
	if (any && has_interfaces(last)) interfaces(s, t, !is_neigh(last));
	return any ? S_IFDIR | 0555 : -ENOENT;
}

int setting_look(const struct stack *s, const char *path, struct text *t)
{
	struct setting d;
	char value[SYSCTL_TEXT_MAX];
	if (!name_of(s, path, &d)) return -ENOENT;
	if (value_of(s, &d, value, sizeof value) < 0) return directory(s, &d, t);
	return S_IFREG | (sysctl_is_fixed(d.name) ? READ_ONLY : SETTABLE);
}

int setting_read(const struct stack *s, const char *path, struct text *t)
{
	struct setting d;
	char value[SYSCTL_TEXT_MAX];
	int r = name_of(s, path, &d) ? value_of(s, &d, value, sizeof value) : -ENOENT;
	if (r >= 0) text_add(t, "%s\n", value);
	return MIN(r, 0);
}

static int setting_write(struct stack *s, const char *path, const char *text, size_t len)
{
	struct setting d;
	if (!s->sysctl->privileged) return -EACCES;
	if (!name_of(s, path, &d)) return -ENOENT;
	int r = sysctl_write(s->sysctl, d.conf, d.name, text, len);
	if (r == 0) stack_ways_changed(s, NULL);
	return r;
}

/* The path, its NUL, and what was written there. */
int64_t serve_setting(struct call *k)
{
	static const char sysctl[] = "/proc/sys/net/", device[] = "/sys/devices/virtual/net/";
	struct stack *s = net_stack(net_host_at(k->e->net, k->c->host));
	char text[RPC_SETTING_MAX + 1] = "";
	size_t len = MIN(k->q->in_len, RPC_SETTING_MAX);
	memcpy(text, k->in, len);
	const char *value = memchr(text, 0, len);
	if (!value++) return -ENOENT;
	stack_set_now(s, k->e->now);
	if (strncmp(text, sysctl, sizeof sysctl - 1) == 0) return setting_write(s, text + sizeof sysctl - 1, value, (size_t)(text + len - value));
	return strncmp(text, device, sizeof device - 1) == 0 ? sysfs_device_write(s, text + sizeof device - 1, value) : -ENOENT;
}
