/* Netlink: messages between programs and the kernel. This asks which links there are, and prints what the answer says about lo. */
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "must.h"

struct request { struct nlmsghdr head; struct ifinfomsg body; };

static void print_link(struct nlmsghdr *h)
{
	struct ifinfomsg *link = NLMSG_DATA(h);
	int left = (int)IFLA_PAYLOAD(h);
	const char *name = "?";
	unsigned mtu = 0;

	for (struct rtattr *a = IFLA_RTA(link); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == IFLA_IFNAME) name = RTA_DATA(a);
		if (a->rta_type == IFLA_MTU) memcpy(&mtu, RTA_DATA(a), sizeof mtu);
	}
	if (strcmp(name, "lo") == 0) printf("link %d: %s, mtu %u, %s\n", link->ifi_index, name, mtu, link->ifi_flags & IFF_UP ? "up" : "down");
	else printf("~ link %d: %s, mtu %u\n", link->ifi_index, name, mtu);
}

int main(void)
{
	struct request ask = {.head = {.nlmsg_len = sizeof ask, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = 1}};
	static _Alignas(NLMSG_ALIGNTO) char answer[1 << 16];
	int fd = must(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)), done = 0;

	must(send(fd, &ask, sizeof ask, 0));
	while (!done) {
		int left = must(recv(fd, answer, sizeof answer, 0));

		for (struct nlmsghdr *h = (void *)answer; NLMSG_OK(h, (unsigned)left); h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) done = 1;
			else print_link(h);
		}
	}
	printf("that is all\n");
	return 0;
}
