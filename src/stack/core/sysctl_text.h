/* The texts of settings, inside core. */
#pragma once
#include <stddef.h>
#include "stack/core/sysctl.h"

/* Up to max numbers: how many. -EINVAL: there is something else, behind so many of them. What follows the last is of no account. */
int sysctl_read_longs(const char *text, size_t len, long *ret, int max, int *ret_good);
int sysctl_read_keys(const char *text, struct fastopen_keys *ret);            /* 0, or -EINVAL: then *ret is as it was */
int sysctl_write_keys(const struct fastopen_keys *keys, char *buf, size_t size);   /* the length of the text, all of it */
