/*
 * How long a datagram may be: by each kind of path MTU discovery, IPV6_MTU and IPV6_DONTFRAG, in one send and in two that MSG_MORE joins; and what the
 * error queue hears of one that is too long.
 */
#include "say.h"
#include <linux/errqueue.h>

static char data[70000];

static void say_queue(int fd)
{
	char control[512];
	struct iovec v = { data, sizeof(data) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	long r = recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);
	struct sock_extended_err e;

	if (r < 0) {
		say_rc("error queue", r);
		return;
	}
	memcpy(&e, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(e));
	say("error queue", "%ld octets, %s, origin %u, info %u", r, say_errno((int)e.ee_errno), e.ee_origin, e.ee_info);
}

static void send_each(int fd, const int *lengths, const union name *to, socklen_t len)
{
	for (; *lengths; lengths++) {
		char name[32];

		snprintf(name, sizeof(name), "%d", *lengths);
		say_rc(name, sendto(fd, data, (size_t)*lengths, 0, &to->sa, len));
		say_queue(fd);
		say_rc("MSG_MORE", sendto(fd, data, (size_t)*lengths, MSG_MORE, &to->sa, len));
		say_queue(fd);
		say_rc("ten more", sendto(fd, data, 10, 0, &to->sa, len));
		say_queue(fd);
	}
}

static void v4(int discovery)
{
	/* Longer ones wrap round in Linux where the interface's own size counts, which for loopback is more than a packet can say. */
	static const int lengths[] = { 1472, 65489, 65497, 65498, 65507, 65508, 65535, 65536, 66000, 0 };
	static const int below[] = { 1472, 65489, 65497, 65536, 66000, 0 };
	int to = bound(AF_INET, SOCK_DGRAM), fd = MUST(socket(AF_INET, SOCK_DGRAM, 0));
	union name n = name_lo(AF_INET, port_of(to));

	say_about("v4 discovery %d", discovery);
	set_int(fd, SOL_SOCKET, SO_SNDBUF, 200000);
	set_int(fd, IPPROTO_IP, IP_RECVERR, 1);
	set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, discovery);
	send_each(fd, discovery >= IP_PMTUDISC_PROBE ? below : lengths, &n, sizeof(n.in));
	close(fd);
	close(to);
}

static void v6(int discovery, int mtu, int dontfrag)
{
	static const int lengths[] = { 1222, 1223, 1232, 1233, 65478, 65479, 65488, 65489, 65517, 65518, 65527, 65528, 65536, 66000, 0 };
	int to = bound(AF_INET6, SOCK_DGRAM), fd = MUST(socket(AF_INET6, SOCK_DGRAM, 0));
	union name n = name_lo(AF_INET6, port_of(to));

	say_about("v6 discovery %d, IPV6_MTU %d, IPV6_DONTFRAG %d", discovery, mtu, dontfrag);
	set_int(fd, SOL_SOCKET, SO_SNDBUF, 200000);
	set_int(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
	set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, discovery);
	set_int(fd, IPPROTO_IPV6, IPV6_MTU, mtu);
	set_int(fd, IPPROTO_IPV6, IPV6_DONTFRAG, dontfrag);
	send_each(fd, lengths, &n, sizeof(n.in6));
	close(fd);
	close(to);
}

int main(void)
{
	say_start();
	for (int discovery = IP_PMTUDISC_DONT; discovery <= IP_PMTUDISC_OMIT; discovery++) {
		v4(discovery);
		for (int which = 0; which < 4; which++)
			v6(discovery, which & 1 ? 1280 : 0, which >> 1);
	}
	return 0;
}
