/* Files of one value: settings of the network, and what sysfs says of an interface. */
#pragma once
#include <sys/stat.h>
#include <sys/uio.h>
#include "shim/netpath.h"

#define SETTING_HERE ((off_t)-1)

bool setting_named(const char *path);                              /* is that the plain name of one? */
bool setting_may(const char *path);                                /* … and the program's to change? */
int setting_open(const char *path, mode_t mode, int flags);       /* to write it. mode: what the engine says of it. -EACCES */
bool setting_is(int fd, const struct stat *st);                    /* one that was opened by us, or by who ran here before exec */
/* At a position, or where the file stands, which goes on. iov: the program's. */
long setting_read(int fd, const struct iovec *iov, int n, off_t at);
long setting_write(int fd, const struct iovec *iov, int n, off_t at);
