/* NETLINK_ROUTE as getifaddrs and ip use it, and the ioctls about interfaces. */
#include <linux/ethtool.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include "stack/core/sysctl.h"
#include "world.h"

struct request {
	struct nlmsghdr h;
	union { struct rtgenmsg gen; struct ifinfomsg link; struct rtmsg route; struct ifaddrmsg addr; } u;
	uint8_t attrs[64];
};

static struct sock *netlink(struct stack *s) { return sock_make(s, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); }

static struct request request(uint16_t type, uint16_t flags, size_t body)
{
	uint32_t len = (uint32_t)(NLMSG_HDRLEN + NLMSG_ALIGN(body));

	return (struct request){.h = {.nlmsg_len = len, .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = 42}};
}

static void attribute(struct request *q, uint16_t type, const void *data, size_t len)
{
	struct nlattr a = {.nla_len = (uint16_t)(sizeof a + len), .nla_type = type};
	uint8_t *p = (uint8_t *)q + q->h.nlmsg_len;

	memcpy(p, &a, sizeof a);
	memcpy(p + sizeof a, data, len);
	q->h.nlmsg_len += NLMSG_ALIGN(sizeof a + (uint32_t)len);
}

static void ask(struct sock *sk, const struct request *q)
{
	assert_int_equal(do_send(sk, q, q->h.nlmsg_len), q->h.nlmsg_len);
}

/* Reads all of a dump and counts its messages of this type; NULL or called for each. */
static int dump_read(struct sock *sk, uint16_t type, void (*each)(const struct nlmsghdr *, void *), void *arg)
{
	static uint8_t buf[4096];
	int n = 0;

	for (;;) {
		struct sock_msg m = {.data = buf, .len = sizeof buf};
		ssize_t len = sock_recv(sk, &m);
		unsigned left = (unsigned)len;
		assert_true(len > 0);
		assert_false(m.flags & MSG_TRUNC);                       /* glibc reads with a page */
		for (const struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			assert_int_equal(h->nlmsg_seq, 42);
			assert_true(h->nlmsg_flags & NLM_F_MULTI);
			if (h->nlmsg_type == NLMSG_DONE) return n;
			assert_int_equal(h->nlmsg_type, type);
			if (each) each(h, arg);
			n++;
		}
	}
}

static int error_of(struct sock *sk)
{
	static uint8_t buf[4096];
	const struct nlmsghdr *h = (void *)buf;

	assert_true(do_recv(sk, buf, sizeof buf, 0) >= (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)));
	assert_int_equal(h->nlmsg_type, NLMSG_ERROR);
	assert_int_equal(h->nlmsg_seq, 42);
	return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
}

static const void *attr_of(const struct nlmsghdr *h, size_t header, int type)
{
	const struct rtattr *a = (const void *)((const uint8_t *)NLMSG_DATA(h) + NLMSG_ALIGN(header));
	unsigned left = h->nlmsg_len - (unsigned)NLMSG_SPACE(header);

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == type) return RTA_DATA(a);
	return NULL;
}

static void check_link(const struct nlmsghdr *h, void *arg)
{
	const struct ifinfomsg *link = NLMSG_DATA(h);
	struct world *w = arg;

	assert_int_equal(link->ifi_family, AF_UNSPEC);
	if (link->ifi_index != w->a_if->index) return;
	assert_string_equal(attr_of(h, sizeof *link, IFLA_IFNAME), "eth0");
	assert_int_equal(*(const uint32_t *)attr_of(h, sizeof *link, IFLA_MTU), 1500);
	assert_memory_equal(attr_of(h, sizeof *link, IFLA_ADDRESS), &w->a_if->mac, 6);
	assert_true(link->ifi_flags & IFF_UP);
}

static void test_links(void **state)
{
	struct world *w = *state;
	struct sock *sk = netlink(w->a);
	struct request q = request(RTM_GETLINK, NLM_F_DUMP, sizeof q.u.gen);

	ask(sk, &q);
	assert_int_equal(dump_read(sk, RTM_NEWLINK, check_link, w), 2);
	q = request(RTM_GETLINK, 0, sizeof q.u.link);
	attribute(&q, IFLA_IFNAME, "eth0", 5);
	ask(sk, &q);
	struct sock_msg m;
	assert_true(do_recvmsg(sk, 0, &m) > 0);
	assert_int_equal(((struct nlmsghdr *)m.data)->nlmsg_type, RTM_NEWLINK);
	assert_int_equal(((struct nlmsghdr *)m.data)->nlmsg_flags, 0);
	check_link(m.data, w);
	assert_int_equal(m.name_len, sizeof(struct sockaddr_nl));
	assert_int_equal(((struct sockaddr_nl *)m.name)->nl_pid, 0);
	q = request(RTM_GETLINK, 0, sizeof q.u.link);
	q.u.link.ifi_index = 99;
	ask(sk, &q);
	assert_int_equal(error_of(sk), -ENODEV);
}

static void test_addresses(void **state)
{
	struct world *w = *state;
	struct sock *sk = netlink(w->a);
	struct request q = request(RTM_GETADDR, NLM_F_DUMP, sizeof q.u.gen);

	ask(sk, &q);
	assert_int_equal(dump_read(sk, RTM_NEWADDR, NULL, NULL), 5);     /* 127.0.0.1 ::1 10.0.0.1 fd00::1 fe80:: */
	q.u.gen.rtgen_family = AF_INET;
	ask(sk, &q);
	assert_int_equal(dump_read(sk, RTM_NEWADDR, NULL, NULL), 2);
	assert_int_equal(set_int(sk, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1), 0);
	q = request(RTM_GETADDR, NLM_F_DUMP, sizeof q.u.addr);
	q.u.addr.ifa_index = (uint32_t)w->a_if->index;
	ask(sk, &q);
	assert_int_equal(dump_read(sk, RTM_NEWADDR, NULL, NULL), 3);
}

static void test_routes(void **state)
{
	struct world *w = *state;
	struct sock *sk = netlink(w->a);
	struct request q = request(RTM_GETROUTE, NLM_F_DUMP, sizeof q.u.route);
	struct sock_msg m;

	q.u.route.rtm_family = AF_INET;
	ask(sk, &q);
	assert_true(dump_read(sk, RTM_NEWROUTE, NULL, NULL) >= 1);
	q = request(RTM_GETROUTE, 0, sizeof q.u.route);
	q.u.route.rtm_family = AF_INET;
	q.u.route.rtm_dst_len = 32;
	attribute(&q, RTA_DST, "\x0a\0\0\x02", 4);
	ask(sk, &q);
	assert_true(do_recvmsg(sk, 0, &m) > 0);
	const struct nlmsghdr *h = m.data;
	assert_int_equal(h->nlmsg_type, RTM_NEWROUTE);
	assert_memory_equal(attr_of(h, sizeof(struct rtmsg), RTA_PREFSRC), "\x0a\0\0\x01", 4);
	assert_int_equal(*(const int *)attr_of(h, sizeof(struct rtmsg), RTA_OIF), w->a_if->index);
	q = request(RTM_GETROUTE, 0, sizeof q.u.route);
	q.u.route.rtm_family = AF_INET;
	attribute(&q, RTA_DST, "\x08\x08\x08\x08", 4);
	ask(sk, &q);
	assert_int_equal(error_of(sk), -ENETUNREACH);
}

static void test_rules_and_neighbours(void **state)
{
	struct world *w = *state;
	struct sock *sk = netlink(w->a), *cli = udp(w->a, AF_INET);
	struct request q = request(RTM_GETRULE, NLM_F_DUMP, sizeof q.u.route);

	q.u.route.rtm_family = AF_INET;
	ask(sk, &q);
	assert_int_equal(dump_read(sk, RTM_NEWRULE, NULL, NULL), 3);
	do_sendto(cli, "x", 1, name4("10.0.0.2", 9));
	settle(w);
	q = request(RTM_GETNEIGH, NLM_F_DUMP, 12);
	ask(sk, &q);
	assert_true(dump_read(sk, RTM_NEWNEIGH, NULL, NULL) >= 1);
	q = request(RTM_GETNEIGH, 0, 12);
	q.u.addr = (struct ifaddrmsg){.ifa_family = AF_INET, .ifa_index = (uint32_t)w->a_if->index};   /* struct ndmsg begins like it */
	attribute(&q, NDA_DST, "\x0a\0\0\x02", 4);
	ask(sk, &q);
	struct sock_msg m;
	assert_true(do_recvmsg(sk, 0, &m) > 0);
	assert_int_equal(((struct nlmsghdr *)m.data)->nlmsg_type, RTM_NEWNEIGH);
	memcpy((uint8_t *)&q + q.h.nlmsg_len - 4, "\x0a\0\0\x63", 4);
	ask(sk, &q);
	assert_int_equal(error_of(sk), -ENOENT);
}

static void test_acknowledgments(void **state)
{
	struct world *w = *state;
	struct sock *sk = netlink(w->a);
	struct request q = request(RTM_NEWADDR, NLM_F_ACK, sizeof q.u.addr);
	uint8_t buf[256];

	w->a->sysctl->privileged = 0;
	ask(sk, &q);
	assert_int_equal(error_of(sk), -EPERM);
	w->a->sysctl->privileged = 1;
	q = request(RTM_GETSTATS, 0, 12);
	ask(sk, &q);
	assert_int_equal(error_of(sk), -EOPNOTSUPP);
	q = request(1000, 0, 12);
	ask(sk, &q);
	assert_int_equal(error_of(sk), -EOPNOTSUPP);
	q = request(NLMSG_NOOP, NLM_F_ACK, 0);
	ask(sk, &q);
	assert_int_equal(error_of(sk), 0);
	q = request(RTM_GETLINK, NLM_F_DUMP, sizeof q.u.gen);
	ask(sk, &q);
	ask(sk, &q);                                                     /* while the first is unread */
	assert_int_equal(dump_read(sk, RTM_NEWLINK, NULL, NULL), 2);
	assert_int_equal(error_of(sk), -EBUSY);
	assert_int_equal(do_send(sk, buf, 0), -ENODATA);
	q.h.nlmsg_len = 9999;                                            /* longer than what was sent: nothing happens */
	assert_int_equal(do_send(sk, &q, 40), 40);
	assert_int_equal(do_recv(sk, buf, sizeof buf, 0), -EAGAIN);
}

static void test_names(void **state)
{
	struct world *w = *state;
	struct sock *one = netlink(w->a), *two = netlink(w->a);
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK}, got;
	struct name n;
	struct ucred cred;
	struct sock_msg m;

	assert_int_equal(sock_bind(one, (struct sockaddr *)&nl, 11), -EINVAL);
	assert_int_equal(sock_bind(one, (struct sockaddr *)&nl, sizeof nl), 0);
	n = local_name(one);
	memcpy(&got, &n.ss, sizeof got);
	assert_int_equal(n.len, sizeof got);
	assert_int_not_equal(got.nl_pid, 0);
	assert_int_equal(sock_bind(two, (struct sockaddr *)&got, sizeof got), -EADDRINUSE);
	got.nl_pid++;
	assert_int_equal(sock_bind(one, (struct sockaddr *)&got, sizeof got), -EINVAL);
	assert_int_equal(sock_connect(one, (struct sockaddr *)&got, sizeof got), 0);
	w->a->sysctl->privileged = 0;
	assert_int_equal(sock_connect(one, (struct sockaddr *)&got, sizeof got), -EPERM);
	assert_int_equal(sock_connect(one, (struct sockaddr *)&nl, sizeof nl), 0);
	assert_int_equal(set_int(one, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, RTNLGRP_LINK), 0);
	assert_int_equal(set_int(one, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, 0), -EINVAL);
	assert_int_equal(set_int(one, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, 1000), -EINVAL);
	assert_int_equal(set_int(one, SOL_NETLINK, NETLINK_EXT_ACK, 1), 0);
	assert_int_equal(set_int(one, SOL_NETLINK, 99, 1), -ENOPROTOOPT);
	assert_int_equal(set_int(one, SOL_SOCKET, SO_PASSCRED, 1), 0);
	struct request q = request(NLMSG_NOOP, NLM_F_ACK, 0);
	ask(one, &q);
	assert_true(do_recvmsg(one, 0, &m) > 0);
	assert_int_equal(control_of(&m, SOL_SOCKET, SCM_CREDENTIALS, &cred, sizeof cred), sizeof cred);
	assert_int_equal(cred.pid, 0);
}

static void test_ioctls(void **state)
{
	struct world *w = *state;
	struct sock *s = udp(w->a, AF_INET);
	struct ifreq r = {.ifr_name = "eth0"}, all[8];

	assert_int_equal(sock_ioctl(s, SIOCGIFADDR, &r, sizeof r), 0);
	assert_int_equal(((struct sockaddr_in *)&r.ifr_addr)->sin_addr.s_addr, htonl(0x0a000001));
	assert_int_equal(sock_ioctl(s, SIOCGIFNETMASK, &r, sizeof r), 0);
	assert_int_equal(((struct sockaddr_in *)&r.ifr_netmask)->sin_addr.s_addr, htonl(0xffffff00));
	assert_int_equal(sock_ioctl(s, SIOCGIFBRDADDR, &r, sizeof r), 0);
	assert_int_equal(((struct sockaddr_in *)&r.ifr_broadaddr)->sin_addr.s_addr, htonl(0x0a0000ff));
	assert_int_equal(sock_ioctl(s, SIOCGIFHWADDR, &r, sizeof r), 0);
	assert_int_equal(r.ifr_hwaddr.sa_family, ARPHRD_ETHER);
	assert_memory_equal(r.ifr_hwaddr.sa_data, &w->a_if->mac, 6);
	assert_int_equal(sock_ioctl(s, SIOCGIFMTU, &r, sizeof r), 0);
	assert_int_equal(r.ifr_mtu, 1500);
	assert_int_equal(sock_ioctl(s, SIOCGIFINDEX, &r, sizeof r), 0);
	assert_int_equal(r.ifr_ifindex, w->a_if->index);
	memset(r.ifr_name, 0, sizeof r.ifr_name);
	assert_int_equal(sock_ioctl(netlink(w->a), SIOCGIFNAME, &r, sizeof r), 0);
	assert_string_equal(r.ifr_name, "eth0");
	r.ifr_mtu = 67;
	assert_int_equal(sock_ioctl(s, SIOCSIFMTU, &r, sizeof r), -EINVAL);
	r.ifr_mtu = 1400;
	assert_int_equal(sock_ioctl(s, SIOCSIFMTU, &r, sizeof r), 0);
	r.ifr_mtu = 0;
	assert_int_equal(sock_ioctl(s, SIOCGIFMTU, &r, sizeof r), 0);
	assert_int_equal(r.ifr_mtu, 1400);
	w->a->sysctl->privileged = 0;
	assert_int_equal(sock_ioctl(s, SIOCSIFMTU, &r, sizeof r), -EPERM);
	strcpy(r.ifr_name, "eth9");
	assert_int_equal(sock_ioctl(s, SIOCGIFFLAGS, &r, sizeof r), -ENODEV);
	assert_int_equal(sock_ioctl(s, 0x12345678, &r, sizeof r), -ENOTTY);
	assert_int_equal(sock_ioctl(s, SIOCGIFCONF, NULL, 0), 2 * sizeof r);
	assert_int_equal(sock_ioctl(s, SIOCGIFCONF, all, sizeof all), 2 * sizeof r);
	assert_string_equal(all[0].ifr_name, "lo");
	assert_int_equal(sock_ioctl(s, SIOCGIFCONF, all, sizeof r + 1), sizeof r);
}

/* A device with a wire answers as Linux's veth; of the loopback interface tests/conform/ethtool tells. */
static void test_ethtool(void **state)
{
	struct world *w = *state;
	struct sock *s = udp(w->a, AF_INET);
	struct { struct ifreq r; union { uint32_t cmd; struct ethtool_drvinfo driver; struct ethtool_cmd old; struct ethtool_link_settings link;
					 struct ethtool_value value; struct ethtool_channels channels; uint8_t octets[256]; }; } v = {.r.ifr_name = "eth0"};

	v.cmd = ETHTOOL_GDRVINFO;
	assert_int_equal(sock_ioctl(s, SIOCETHTOOL, &v, sizeof v), sizeof v.driver);
	assert_string_equal(v.driver.driver, "veth");
	v.cmd = ETHTOOL_GSET;
	assert_int_equal(sock_ioctl(s, SIOCETHTOOL, &v, sizeof v), sizeof v.old);
	assert_int_equal(v.old.speed, 10000);
	v.link = (struct ethtool_link_settings){.cmd = ETHTOOL_GLINKSETTINGS};
	assert_int_equal(sock_ioctl(s, SIOCETHTOOL, &v, sizeof v), sizeof v.link);
	assert_int_equal(v.link.link_mode_masks_nwords, -4);
	assert_int_equal(v.link.speed, 0);
	v.link.link_mode_masks_nwords = 4;
	assert_int_equal(sock_ioctl(s, SIOCETHTOOL, &v, sizeof v), sizeof v.link + 48);
	assert_int_equal(v.link.speed, 10000);
	assert_int_equal(v.link.duplex, DUPLEX_FULL);
	v.cmd = ETHTOOL_GCHANNELS;
	assert_int_equal(sock_ioctl(s, SIOCETHTOOL, &v, sizeof v), sizeof v.channels);
	v.cmd = ETHTOOL_GGRO;
	assert_int_equal(sock_ioctl(s, SIOCETHTOOL, &v, sizeof v), sizeof v.value);
	assert_int_equal(v.value.data, 0);
	v.cmd = ETHTOOL_GLINK;
	assert_int_equal(sock_ioctl(s, SIOCETHTOOL, &v, sizeof v), sizeof v.value);
	assert_int_equal(v.value.data, 1);
	v.cmd = ETHTOOL_SSET;
	assert_int_equal(sock_ioctl(s, SIOCETHTOOL, &v, sizeof v), -EOPNOTSUPP);
	w->a->sysctl->privileged = 0;
	assert_int_equal(sock_ioctl(s, SIOCETHTOOL, &v, sizeof v), -EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_links),
		WORLD_TEST(test_addresses),
		WORLD_TEST(test_routes),
		WORLD_TEST(test_rules_and_neighbours),
		WORLD_TEST(test_acknowledgments),
		WORLD_TEST(test_names),
		WORLD_TEST(test_ioctls), WORLD_TEST(test_ethtool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
