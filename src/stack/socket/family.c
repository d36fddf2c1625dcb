/* The table of families: a row for each that this stack speaks. The rest does not exist here: -EAFNOSUPPORT. */
#include "stack/socket/family.h"

static const struct family families[] = {
	{AF_UNIX, "AF_UNIX", unix_choose},
	{AF_INET, "AF_INET", inet_choose},
	{AF_INET6, "AF_INET6", inet6_choose},
	{AF_NETLINK, "AF_NETLINK", netlink_choose},
	{AF_PACKET, "AF_PACKET", packet_choose},
};

const struct family *family_find(int domain)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (families[i].domain == domain) return &families[i];
	return NULL;
}
