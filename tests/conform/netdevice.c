/*
 * What root sets by ioctl on an interface, its addresses, routes and neighbours, read back by ioctl; and when a message arrived (SIOCGSTAMP). All on
 * the loopback interface, which every host has.
 */
#include "say.h"
#include <net/if.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <net/route.h>

static int ask(int fd, unsigned long request, struct ifreq *r)
{
	snprintf(r->ifr_name, sizeof(r->ifr_name), "lo");
	return ioctl(fd, request, r);
}

static void say_ifreq_name(const char *name, int fd, unsigned long request)
{
	struct ifreq r = { 0 };
	char text[64];

	if (ask(fd, request, &r) < 0) {
		say(name, "%s", say_errno(errno));
		return;
	}
	inet_ntop(AF_INET, &((struct sockaddr_in *)&r.ifr_addr)->sin_addr, text, sizeof(text));
	say(name, "family %d %s", r.ifr_addr.sa_family, text);
}

static void say_addresses(int fd)
{
	say_ifreq_name("address", fd, SIOCGIFADDR);
	say_ifreq_name("netmask", fd, SIOCGIFNETMASK);
	say_ifreq_name("broadcast", fd, SIOCGIFBRDADDR);
	say_ifreq_name("peer", fd, SIOCGIFDSTADDR);
}

static void set_address(const char *name, int fd, unsigned long request, int family, const char *text)
{
	struct ifreq r = { 0 };
	union name n = name_of(AF_INET, text, 0);

	n.sa.sa_family = (sa_family_t)family;
	memcpy(&r.ifr_addr, &n.sa, sizeof(r.ifr_addr));
	say_rc(name, ask(fd, request, &r));
}

static void set_number(const char *name, int fd, unsigned long set, unsigned long get, int v)
{
	struct ifreq r = { 0 };

	r.ifr_mtu = v;
	say_rc(name, ask(fd, set, &r));
	r.ifr_mtu = -1;
	MUST(ask(fd, get, &r));
	say(name, "now %d", r.ifr_mtu);
}

static void flags(int fd, short v)
{
	struct ifreq r = { 0 };

	r.ifr_flags = v;
	say_rc("SIOCSIFFLAGS", ask(fd, SIOCSIFFLAGS, &r));
	MUST(ask(fd, SIOCGIFFLAGS, &r));
	say("flags", "%x", (unsigned short)r.ifr_flags);
}

static void device(int fd)
{
	static const char *const names[] = { "", ".", "a/b", "a:b", "a b", "lo", "ring0" };

	say_about("device");
	set_number("MTU", fd, SIOCSIFMTU, SIOCGIFMTU, 1500);
	set_number("MTU", fd, SIOCSIFMTU, SIOCGIFMTU, -1);
	set_number("MTU", fd, SIOCSIFMTU, SIOCGIFMTU, 65536);
	set_number("queue", fd, SIOCSIFTXQLEN, SIOCGIFTXQLEN, 7);
	set_number("queue", fd, SIOCSIFTXQLEN, SIOCGIFTXQLEN, -7);
	set_number("queue", fd, SIOCSIFTXQLEN, SIOCGIFTXQLEN, 1000);
	flags(fd, 0);
	flags(fd, IFF_UP | IFF_DEBUG | IFF_LOOPBACK);
	flags(fd, IFF_UP);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct ifreq r = { 0 };

		snprintf(r.ifr_newname, sizeof(r.ifr_newname), "%s", names[i]);
		say_rc(names[i], ask(fd, SIOCSIFNAME, &r));
	}
	struct ifreq back = { .ifr_name = "ring0", .ifr_newname = "lo" };
	say_rc("its index", if_nametoindex("ring0"));
	say_rc("back", ioctl(fd, SIOCSIFNAME, &back));
	struct ifreq alias = { .ifr_name = "lo:1" };
	say_rc("alias's index", ioctl(fd, SIOCGIFINDEX, &alias));
	say_rc("alias's address", ioctl(fd, SIOCGIFADDR, &alias));
}

static void addresses(int fd)
{
	say_about("addresses");
	say_addresses(fd);
	set_address("no family", fd, SIOCSIFADDR, AF_UNSPEC, "10.1.2.3");
	set_address("a group", fd, SIOCSIFADDR, AF_INET, "224.1.2.3");
	set_address("mask with a hole", fd, SIOCSIFNETMASK, AF_INET, "255.0.255.0");
	set_address("class A", fd, SIOCSIFADDR, AF_INET, "10.1.2.3");
	say_addresses(fd);
	set_address("the same", fd, SIOCSIFADDR, AF_INET, "10.1.2.3");
	set_address("class C", fd, SIOCSIFADDR, AF_INET, "192.168.7.3");
	say_addresses(fd);
	set_address("mask", fd, SIOCSIFNETMASK, AF_INET, "255.255.0.0");
	say_addresses(fd);
	set_address("none", fd, SIOCSIFADDR, AF_INET, "0.0.0.0");
	say_addresses(fd);
	set_address("mask of none", fd, SIOCSIFNETMASK, AF_INET, "255.0.0.0");
	set_address("loopback", fd, SIOCSIFADDR, AF_INET, "127.0.0.1");
	say_addresses(fd);
	set_address("other end of no class", fd, SIOCSIFDSTADDR, AF_INET, "240.1.2.3");
	set_address("other end, all", fd, SIOCSIFDSTADDR, AF_INET, "255.255.255.255");
	set_address("no class", fd, SIOCSIFADDR, AF_INET, "240.1.2.3");
	say_addresses(fd);
	set_address("loopback again", fd, SIOCSIFADDR, AF_INET, "127.0.0.1");
}

static void route(const char *name, int fd, unsigned long request, const char *to, const char *mask, const char *via, const char *dev, int more)
{
	struct rtentry e = { .rt_flags = (unsigned short)(RTF_UP | more), .rt_dev = (char *)dev };
	union name dst = name_of(AF_INET, to, 0), genmask = name_of(AF_INET, mask, 0), gateway = name_of(AF_INET, via ? via : "0.0.0.0", 0);

	memcpy(&e.rt_dst, &dst.sa, sizeof(e.rt_dst));
	memcpy(&e.rt_genmask, &genmask.sa, sizeof(e.rt_genmask));
	if (via)
		memcpy(&e.rt_gateway, &gateway.sa, sizeof(e.rt_gateway));
	say_rc(name, ioctl(fd, request, &e));
}

/* Does a datagram find a way there? */
static void reaches(int fd, const char *to)
{
	union name n = name_of(AF_INET, to, 9);
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	say_rc(to, connect(fd, &n.sa, name_len(AF_INET)));
	connect(fd, &none, sizeof(none));
}

static void routes(int fd)
{
	say_about("routes");
	reaches(fd, "10.9.8.7");
	route("mask with a hole", fd, SIOCADDRT, "10.0.0.0", "255.0.255.0", NULL, "lo", 0);
	route("more than the mask", fd, SIOCADDRT, "10.0.0.1", "255.0.0.0", NULL, "lo", 0);
	route("no interface", fd, SIOCADDRT, "10.0.0.0", "255.0.0.0", NULL, NULL, 0);
	route("no such interface", fd, SIOCADDRT, "10.0.0.0", "255.0.0.0", NULL, "nosuch", 0);
	route("no gateway", fd, SIOCADDRT, "10.0.0.0", "255.0.0.0", NULL, "lo", RTF_GATEWAY);
	route("a net", fd, SIOCADDRT, "10.0.0.0", "255.0.0.0", NULL, "lo", 0);
	route("again", fd, SIOCADDRT, "10.0.0.0", "255.0.0.0", NULL, "lo", 0);
	route("a host", fd, SIOCADDRT, "11.0.0.1", "0.0.0.0", NULL, "lo", RTF_HOST);
	route("a closed net", fd, SIOCADDRT, "12.0.0.0", "255.0.0.0", NULL, NULL, RTF_REJECT);
	reaches(fd, "10.9.8.7");
	reaches(fd, "11.0.0.1");
	reaches(fd, "11.0.0.2");
	reaches(fd, "12.0.0.1");
	route("away", fd, SIOCDELRT, "10.0.0.0", "255.0.0.0", NULL, "lo", 0);
	route("away again", fd, SIOCDELRT, "10.0.0.0", "255.0.0.0", NULL, "lo", 0);
	route("away", fd, SIOCDELRT, "11.0.0.1", "0.0.0.0", NULL, NULL, RTF_HOST);
	route("away", fd, SIOCDELRT, "12.0.0.0", "255.0.0.0", NULL, NULL, RTF_REJECT);
	reaches(fd, "10.9.8.7");
	reaches(fd, "12.0.0.1");
	say_rc("bad pointer", ioctl(fd, SIOCADDRT, (void *)1));
}

static void neighbours(int fd)
{
	struct arpreq r = { .arp_dev = "lo" };

	say_about("neighbours");
	say_rc("no family", ioctl(fd, SIOCGARP, &r));
	r.arp_pa.sa_family = AF_INET;
	say_rc("none", ioctl(fd, SIOCGARP, &r));
	r.arp_flags = ATF_NETMASK;
	say_rc("mask", ioctl(fd, SIOCGARP, &r));
	memset(r.arp_dev, 0, sizeof(r.arp_dev));
	r.arp_flags = 0;
	say_rc("no interface", ioctl(fd, SIOCGARP, &r));
	snprintf(r.arp_dev, sizeof(r.arp_dev), "nosuch");
	say_rc("no such interface", ioctl(fd, SIOCGARP, &r));
}

static void stamps(int family)
{
	struct timespec now, ts = { 0 };
	struct timeval tv = { 0 };
	char buf[8];
	int fd[2];

	say_about("stamps %d", family);
	udp_pair(family, fd);
	say_rc("before", ioctl(fd[1], SIOCGSTAMP_OLD, &tv));
	MUST(send(fd[0], "abc", 3, 0));
	wait_for(fd[1], POLLIN);
	say_rc("unread", ioctl(fd[1], SIOCGSTAMP_OLD, &tv));
	say_rc("recv", recv(fd[1], buf, sizeof(buf), 0));
	say_rc("bad pointer", ioctl(fd[1], SIOCGSTAMP_OLD, (void *)1));
	say_rc("after", ioctl(fd[1], SIOCGSTAMP_OLD, &tv));
	say_rc("after", ioctl(fd[1], SIOCGSTAMPNS_NEW, &ts));
	clock_gettime(CLOCK_REALTIME, &now);
	say("of now", "%d %d", now.tv_sec - tv.tv_sec < 5, now.tv_sec - ts.tv_sec < 5);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	say_start();
	int fd = MUST(socket(AF_INET, SOCK_DGRAM, 0));
	device(fd);
	addresses(fd);
	routes(fd);
	neighbours(fd);
	stamps(AF_INET);
	stamps(AF_INET6);
	return 0;
}
