/*
 * /proc/net has as many names as there are processes and threads, since each may have a network of its own: /proc/self/net, /proc/thread-self/net,
 * /proc/PID/net, /proc/PID/task/TID/net. All that a program sees by them is its own host.
 */
#include "shim/netpath.h"
#include <string.h>

/* What follows a name of a process; NULL: path does not begin so. */
static const char *after_process(const char *path)
{
	static const char *const selves[] = {"self/", "thread-self/"};
	for (size_t i = 0; i < sizeof selves / sizeof *selves; i++)
		if (strncmp(path, selves[i], strlen(selves[i])) == 0) return path + strlen(selves[i]);
	size_t digits = strspn(path, "0123456789");
	return digits > 0 && path[digits] == '/' ? path + digits + 1 : NULL;
}

bool net_path(const char *path, char ret[NET_PATH_MAX])
{
	if (strncmp(path, "/proc/", 6) != 0) return false;
	const char *rest = path + 6, *after = after_process(rest);
	if (after && strncmp(after, "task/", 5) == 0 && after_process(after + 5)) after = after_process(after + 5);
	if (after) rest = after;
	if (strncmp(rest, "net/", 4) != 0 || strlen(rest) + 7 > NET_PATH_MAX) return false;
	memcpy(ret, "/proc/", 6);
	strcpy(ret + 6, rest);
	return true;
}
