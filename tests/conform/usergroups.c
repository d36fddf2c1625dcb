/*
 * Groups of NETLINK_USERSOCK, which only the mighty may listen to: who hears what is sent to one, what the sender is told, and how those who do not read
 * learn that they have missed something.
 */
#include "say.h"
#include <linux/netlink.h>

static int user(unsigned pid, unsigned groups)
{
	int fd = MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK));
	struct sockaddr_nl n = { .nl_family = AF_NETLINK, .nl_pid = pid, .nl_groups = groups };

	MUST(bind(fd, (struct sockaddr *)&n, sizeof(n)));
	return fd;
}

static ssize_t nl_send(int fd, const char *text, unsigned pid, unsigned groups)
{
	struct sockaddr_nl n = { .nl_family = AF_NETLINK, .nl_pid = pid, .nl_groups = groups };

	return sendto(fd, text, strlen(text), MSG_DONTWAIT, (struct sockaddr *)&n, sizeof(n));
}

static void say_recv(const char *name, int fd)
{
	struct sockaddr_nl from = { 0 };
	char text[64] = "", control[64];
	struct iovec iov = { text, sizeof(text) - 1 };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
	unsigned group = 0;

	for (struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_NETLINK && c->cmsg_type == NETLINK_PKTINFO)
			memcpy(&group, CMSG_DATA(c), sizeof(group));
	if (n < 0)
		say(name, "%s", say_errno(errno));
	else
		say(name, "'%s' from %u groups %x, group %u", text, from.nl_pid, from.nl_groups, group);
}

static void heard(void)
{
	int a = user(10, 0), b = user(11, 4), c = user(12, 6), d = user(13, 0), one = 1, group = 3, high = 32;
	unsigned mask[2] = { 0 };
	socklen_t len = sizeof(mask);

	say_about("groups");
	MUST(setsockopt(c, SOL_NETLINK, NETLINK_PKTINFO, &one, sizeof(one)));
	say_rc("to group 3", nl_send(a, "three", 0, 4));
	say_recv("who is in it", b);
	say_recv("who is in two", c);
	say_recv("who is in none", d);
	say_recv("the sender", a);
	say_rc("to group 3 and a port", nl_send(a, "both", 13, 4));
	say_recv("the port", d);
	say_recv("the group", b);
	say_recv("the other in it", c);
	say_rc("to group 3 and a port in it", nl_send(a, "once", 11, 4));
	say_recv("that port", b);
	say_recv("and no more", b);
	say_recv("the other in it", c);
	say_rc("to two groups", nl_send(a, "lowest", 13, 6));
	say_recv("who is in both", c);
	say_recv("who is in the higher", b);
	say_rc("from one who is in it", nl_send(b, "own", 13, 4));
	say_recv("itself", b);
	say_recv("the other", c);
	say_rc("join", setsockopt(d, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)));
	say_rc("join the highest", setsockopt(d, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &high, sizeof(high)));
	say_rc("list", getsockopt(d, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, mask, &len));
	say("listed", "%x, %u octets", mask[0], len);
	while (recv(d, mask, sizeof(mask), MSG_DONTWAIT) > 0)
		;
	nl_send(a, "joined", 10, 4);
	say_recv("who joined", d);
	say_rc("leave", setsockopt(d, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &group, sizeof(group)));
	nl_send(a, "left", 10, 4);
	say_recv("who left", d);
	close(a);
	close(b);
	close(c);
	close(d);
}

/* How many fit is the kernel's to say. */
static void overrun(bool quiet)
{
	int a = user(20, 0), b = user(21, 1), one = 1, least = 1, n = 0;
	char text[1001];

	say_about(quiet ? "a full queue, NETLINK_NO_ENOBUFS" : "a full queue");
	memset(text, 'x', 1000);
	text[1000] = 0;
	MUST(setsockopt(b, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)));
	if (quiet)
		MUST(setsockopt(b, SOL_NETLINK, NETLINK_NO_ENOBUFS, &one, sizeof(one)));
	for (int i = 0; i < 20; i++)
		nl_send(a, text, 20, 1);
	say_poll("the receiver", b);
	ssize_t r = recv(b, text, sizeof(text), MSG_DONTWAIT);
	say("the first read", "%s", r < 0 ? say_errno(errno) : "a message");
	nl_send(a, "while it is full", 20, 1);
	while (recv(b, text, sizeof(text) - 1, MSG_DONTWAIT) > 0)
		n++;
	say("fewer than were sent", "%d, and no more of the last %d", n > 0 && n < 20, text[0] != 'w');
	nl_send(a, "after", 20, 1);
	say_recv("after all is read", b);
	say_error("error", b);
	close(a);
	close(b);
}

int main(void)
{
	say_start();
	heard();
	overrun(false);
	overrun(true);
	return 0;
}
