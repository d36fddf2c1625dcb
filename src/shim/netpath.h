/* Names of what tells of the network: /proc/net by whichever of its names. */
#pragma once
#include <stdbool.h>

#define NET_PATH_MAX 256

/* Is path a file below /proc/net? Its plain name then stands in ret. */
bool net_path(const char *path, char ret[NET_PATH_MAX]);
