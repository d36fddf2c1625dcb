/* What there is of the files that tell of the network: names, kinds, entries of directories. */
#pragma once
#include <sys/types.h>
#include "engine/private.h"

/* An entry of a directory: a digit, which stands for its kind as in struct dirent, the name, and NUL. */
void tree_entry(struct text *t, mode_t kind, const char *name);

/* The kind and permissions of what a path names, "" being the directory itself; in t its entries, or what a link leads to. -ENOENT */
int sysfs_class_look(const struct stack *s, const char *path, struct text *t);
int sysfs_device_look(const struct stack *s, const char *path, struct text *t);
int setting_look(const struct stack *s, const char *path, struct text *t);
/* The interface that a path below /sys/devices/virtual/net begins with, and what follows its name. NULL: there is none */
struct netif *sysfs_netif_of(const struct stack *s, const char *path, const char **ret_rest);
/* Writes into a file: 0, or why Linux refuses. */
int sysfs_device_write(const struct stack *s, const char *path, const char *text);
/* The text of a file. -ENOENT, or why Linux can't read it */
int sysfs_device_read(const struct stack *s, const char *path, struct text *t);
int setting_read(const struct stack *s, const char *path, struct text *t);
