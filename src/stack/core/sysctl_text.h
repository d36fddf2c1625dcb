/* The texts of settings, inside core. */
#pragma once
#include <stddef.h>
#include "stack/core/sysctl.h"

int sysctl_read_longs(const char *text, long *ret, int max);                  /* how many, or -EINVAL */
int sysctl_read_keys(const char *text, struct fastopen_keys *ret);            /* 0, or -EINVAL: then *ret is as it was */
int sysctl_write_keys(const struct fastopen_keys *keys, char *buf, size_t size);   /* the length of the text, all of it */
