/* A request over netlink, and all that answers it. */
#pragma once
#include "say.h"
#include <linux/netlink.h>

/* each gets every message but the one that ends the answer. The result: 0, or the errno in that one. */
static inline int nl_ask(int protocol, const void *request, size_t len, void (*each)(const struct nlmsghdr *h, void *arg), void *arg)
{
	static char buf[65536];
	int fd = MUST(socket(AF_NETLINK, SOCK_RAW, protocol)), end = 1;
	struct timeval soon = { .tv_sec = 5 };

	MUST(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)));
	MUST(send(fd, request, len, 0));
	while (end > 0) {
		unsigned n = (unsigned)MUST(recv(fd, buf, sizeof(buf), 0));
		for (struct nlmsghdr *h = (struct nlmsghdr *)buf; end > 0 && NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
				memcpy(&end, NLMSG_DATA(h), sizeof(end));
				continue;
			}
			each(h, arg);
			if (!(h->nlmsg_flags & NLM_F_MULTI))
				end = 0;
		}
	}
	close(fd);
	return -end;
}
