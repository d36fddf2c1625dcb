/* RPC_LOOK: what a path is. Its names are plain: the shim has followed the links that lead on the way. */
#include "engine/proc/tree.h"
#include <errno.h>
#include <sys/stat.h>
#include "engine/proc/proc.h"

void tree_entry(struct text *t, mode_t kind, const char *name) { text_add(t, "%c%s%c", (int)('0' + (kind >> 12 & 15)), name, 0); }

static int proc_look(const struct stack *s, const char *path, struct text *t)
{
	(void)s;
	if (*path != 0) return proc_find(path) || strcmp(path, "unix") == 0 ? S_IFREG | 0444 : -ENOENT;
	proc_each(t, tree_entry);
	tree_entry(t, S_IFREG, "unix");
	return S_IFDIR | 0555;
}

static const struct { const char *path; int (*look)(const struct stack *, const char *path, struct text *); } roots[] = {
	{"/proc/net", proc_look}, {"/sys/class/net", sysfs_class_look}, {"/sys/devices/virtual/net", sysfs_device_look},
	{"/proc/sys/net", setting_look},
};

static int look(const struct stack *s, char *path, struct text *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		size_t n = strlen(roots[i].path);
		if (strncmp(path, roots[i].path, n) != 0 || (path[n] != 0 && path[n] != '/')) continue;
		int r = roots[i].look(s, path + n + (path[n] == '/'), t);
		char *last = strrchr(path + n, '/');
		if (r != -ENOENT || !last || last == path + n) return r;
		*last = 0;
		r = look(s, path, &(struct text){(char[FILE_PATH_MAX]){0}, FILE_PATH_MAX, 0});
		return r >= 0 && S_ISREG(r) ? -ENOTDIR : -ENOENT;
	}
	return -ENOENT;
}

int64_t serve_look(struct call *k)
{
	char path[FILE_PATH_MAX + 1] = "";
	struct text t = {(char *)k->out, RPC_TEXT_MAX, 0};
	memcpy(path, k->in, MIN(k->q->in_len, FILE_PATH_MAX));
	int r = look(net_stack(net_host_at(k->e->net, k->c->host)), path, &t);
	if (r >= 0) k->reply.out_len = (uint32_t)t.len;
	return r;
}
