/*
 * Requests of netlink: of any type, mostly of those that a protocol has, whole and cut short. Of what is answered the kind is said, and of errors which;
 * the rest is what a machine has, and tests/conform compares it.
 */
#include <linux/rtnetlink.h>
#include <string.h>
#include "calls.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

struct request { struct nlmsghdr h; uint8_t body[64]; };

static int option_of(int fd, int name)
{
	int value = 0;
	socklen_t len = sizeof value;
	getsockopt(fd, SOL_SOCKET, name, &value, &len);
	return value;
}

/* What would change the host for the programs after this one is not asked for, nor what they have left, nor what depends on the kernel's modules. */
static uint16_t type_any(struct program *p, int protocol)
{
	static const uint16_t some[] = {NLMSG_NOOP, NLMSG_ERROR, NLMSG_DONE, NLMSG_OVERRUN, 15, UINT16_MAX, RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE,
					RTM_GETNETCONF, RTM_GETMDB, 1000};
	return some[number(&p->n, protocol == NETLINK_ROUTE ? COUNT(some) : 6)];
}

void do_netlink_ask(struct program *p)
{
	static const uint16_t flags[] = {0, NLM_F_REQUEST, NLM_F_REQUEST, NLM_F_REQUEST | NLM_F_ACK, NLM_F_REQUEST | NLM_F_DUMP, NLM_F_REQUEST | NLM_F_DUMP | NLM_F_ACK};
	static uint8_t answer[1 << 15];
	int slot = slot_any(p), count = 0;
	uint32_t last = 0;      /* of several of a kind one is said: how many there are is the machine's */
	struct request q = {.h = {.nlmsg_type = type_any(p, option_of(p->fd[slot], SO_PROTOCOL)), .nlmsg_flags = flags[number(&p->n, COUNT(flags))], .nlmsg_seq = 7}};
	size_t len = sizeof q.h + (chance(&p->n, 80) ? 4 * number(&p->n, 10) : number(&p->n, sizeof q.body));
	if (option_of(p->fd[slot], SO_DOMAIN) != AF_NETLINK) return;
	q.h.nlmsg_len = (uint32_t)(chance(&p->n, 90) ? len : number(&p->n, 100));
	if (chance(&p->n, 30)) q.body[0] = (uint8_t)number(&p->n, 130);
	say(p, "netlink_ask(%d, %u %#x, %u of %zu, %u)", slot, q.h.nlmsg_type, q.h.nlmsg_flags, q.h.nlmsg_len, len, q.body[0]);
	say_result(p, send(p->fd[slot], &q, len, MSG_DONTWAIT));
	for (ssize_t n; count < 20 && (n = recv(p->fd[slot], answer, sizeof answer, MSG_DONTWAIT)) >= 0; count++)
		for (struct nlmsghdr *h = (struct nlmsghdr *)answer; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
			if (h->nlmsg_type == NLMSG_ERROR) say(p, " error %d", ((struct nlmsgerr *)NLMSG_DATA(h))->error);
			else if (h->nlmsg_type != last) say(p, " %u", last = h->nlmsg_type);
}
