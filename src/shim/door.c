/* What the shim offers by name to the sockland command when that runs on a virtual host itself: a door of the same host, pairs to talk over. */
#include <fcntl.h>
#include "shim/shim.h"

/* A descriptor for the caller to use and close, or -1 outside any net. The door itself stays hidden. */
__attribute__((visibility("default"))) int sockland_door(void)
{
	int fd = shim.active ? (int)sys(SYS_fcntl, shim.door, F_DUPFD_CLOEXEC, 3) : -1;
	if (fd < 0) return -1;
	table_set_kernel(fd);
	return fd;
}

/* The caller is about to become a program of another host: it takes no door of this one along. */
__attribute__((visibility("default"))) void sockland_leave(void)
{
	if (shim.active) sys(SYS_fcntl, shim.door, F_SETFD, FD_CLOEXEC);
}

/* The caller meets engines, and passes ends of its socketpairs to them and to programs of other networks: its Unix sockets are to be the kernel's. */
__attribute__((visibility("default"))) void sockland_plain_unix(void) { shim.plain_unix = true; }
