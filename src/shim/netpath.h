/* Files that tell of the network, in /proc and sysfs: their names, and what they are. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define NET_PATH_MAX 256

/* Is path, relative to dir, a name of theirs, perhaps one that only a directory can have? Its plain form then stands in ret: below /proc/net,
 * /proc/sys/net, /sys/class/net or /sys/devices/virtual/net. follow: of what a link at its end leads to. */
enum net_name { NET_NONE, NET_ANY, NET_DIRECTORY };
enum net_name net_path(int dir, const char *path, bool follow, char ret[NET_PATH_MAX]);
bool net_path_of(int fd, char ret[NET_PATH_MAX]);          /* does fd, open in the machine's, have such a name? By a link that led there */

/* ---- netdir.c: directories that were opened ---- */
int netdir_open(const char *path, int flags);
bool netdir_of(int fd, char ret[NET_PATH_MAX]);           /* is fd one? Its path */
void netdir_copied(int from, int to);                     /* by dup */
void netdir_closed(int fd);
long netdir_read(int fd, const char *path, void *to, size_t size);   /* getdents64 */

/* ---- netfile.c ---- */
/* The type and permissions of what a plain name names; entries of a directory, or where a link leads, go to out, size octets. -ENOENT */
long netfile_look(const char *path, void *out, size_t size, size_t *ret_len);
long netfile_fstat(int fd, struct stat *ret);
bool netfile_of(int fd, char ret[NET_PATH_MAX]);              /* the name of the memory file that stands for one */
bool nettable_is(int fd, const struct stat *st);              /* … of /proc/net */
void nettable_read(int fd, off_t at);                         /* is about to be, at a position or, with SETTING_HERE, where it stands */
void netfile_stat(const char *path, mode_t mode, struct stat *ret);
