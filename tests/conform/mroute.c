/*
 * Multicast routing as its daemon sees it, in both families: who may set it up, every wrong use of the socket's options, the counters; what the host itself
 * sends routed from one interface to another, upcalls and what waits for them; what /proc/net, the sysctls and `ip mroute` show of it. Runs as root, on two
 * pairs of interfaces made for it, of which each host is both ends.
 */
#include "say.h"
#include <linux/icmpv6.h>
#include <linux/mroute.h>
#include <linux/mroute6.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#define SKIPPED 77
#define VIFS 4

static int as, bs;                                     /* indices of mra and mrb */

struct family { int domain, level, protocol; const char *name, *from, *group; };
static const struct family v4 = { AF_INET, IPPROTO_IP, IPPROTO_IGMP, "v4", "10.91.0.1", "239.1.2.3" };
static const struct family v6 = { AF_INET6, IPPROTO_IPV6, IPPROTO_ICMPV6, "v6", "fd00:91::1", "ff0e::123" };

static void shell(const char *what, const char *command)
{
	char line[512];
	FILE *f = popen(command, "r");

	assert(f);
	for (int n = 0; fgets(line, sizeof(line), f); n++) {
		char *index = strstr(line, "8 0000000");

		line[strcspn(line, "\n")] = '\0';
		if (index)      /* of an interface: sockland's host has one more */
			memcpy(index + 2, "XXXXXXXX", 8);
		say(what, "%s|", line);
	}
	pclose(f);
}

static void say_shown(const char *when)
{
	char what[64];

	snprintf(what, sizeof(what), "%s: shown", when);
	shell(what, "cat /proc/net/ip_mr_vif /proc/net/ip_mr_cache /proc/net/ip6_mr_vif /proc/net/ip6_mr_cache; ip mroute show; ip -6 mroute show; "
		    "n=/proc/sys/net; cat $n/ipv4/conf/all/mc_forwarding $n/ipv4/conf/default/mc_forwarding "
		    "$n/ipv4/conf/mra/mc_forwarding $n/ipv6/conf/all/mc_forwarding $n/ipv6/conf/mra/mc_forwarding");
}

static int daemon_of(const struct family *f) { return MUST(socket(f->domain, SOCK_RAW, f->protocol)); }

/* ---- values ---- */

static struct vifctl vif4(unsigned number, int flags, const char *addr, int ifindex)
{
	struct vifctl c = { .vifc_vifi = (vifi_t)number, .vifc_flags = (unsigned char)flags, .vifc_threshold = 1 };

	if (addr)
		MUST(inet_pton(AF_INET, addr, &c.vifc_lcl_addr));
	else
		c.vifc_lcl_ifindex = ifindex;
	return c;
}

static struct mif6ctl mif6(unsigned number, int flags, int ifindex)
{
	return (struct mif6ctl){ .mif6c_mifi = (mifi_t)number, .mif6c_flags = (unsigned char)flags, .mif6c_pifi = (__u16)ifindex };
}

static int add_vif(const struct family *f, int fd, unsigned number, int ifindex)
{
	struct vifctl c = vif4(number, VIFF_USE_IFINDEX, NULL, ifindex);
	struct mif6ctl c6 = mif6(number, 0, ifindex);

	return f == &v4 ? setsockopt(fd, f->level, MRT_ADD_VIF, &c, sizeof(c)) : setsockopt(fd, f->level, MRT6_ADD_MIF, &c6, sizeof(c6));
}

static int add_register(const struct family *f, int fd, unsigned number)
{
	struct vifctl c = vif4(number, VIFF_REGISTER, NULL, 0);
	struct mif6ctl c6 = mif6(number, MIFF_REGISTER, 0);

	return f == &v4 ? setsockopt(fd, f->level, MRT_ADD_VIF, &c, sizeof(c)) : setsockopt(fd, f->level, MRT6_ADD_MIF, &c6, sizeof(c6));
}

static int del_vif(const struct family *f, int fd, unsigned number)
{
	struct vifctl c = vif4(number, 0, NULL, 0);
	mifi_t c6 = (mifi_t)number;

	return f == &v4 ? setsockopt(fd, f->level, MRT_DEL_VIF, &c, sizeof(c)) : setsockopt(fd, f->level, MRT6_DEL_MIF, &c6, sizeof(c6));
}

/* An entry: its interfaces are those with a threshold. */
static int mfc(const struct family *f, int fd, int option, const char *from, const char *group, unsigned parent, const unsigned char ttls[VIFS])
{
	struct mfcctl c = { .mfcc_parent = (vifi_t)parent };
	struct mf6cctl c6 = { .mf6cc_parent = (mifi_t)parent };

	if (f == &v4) {
		MUST(inet_pton(AF_INET, from, &c.mfcc_origin));
		MUST(inet_pton(AF_INET, group, &c.mfcc_mcastgrp));
		memcpy(c.mfcc_ttls, ttls, VIFS);
		return setsockopt(fd, f->level, option, &c, sizeof(c));
	}
	MUST(inet_pton(AF_INET6, from, &c6.mf6cc_origin.sin6_addr));
	MUST(inet_pton(AF_INET6, group, &c6.mf6cc_mcastgrp.sin6_addr));
	for (int i = 0; i < VIFS; i++)
		if (ttls[i])
			IF_SET(i, &c6.mf6cc_ifset);
	return setsockopt(fd, f->level, option, &c6, sizeof(c6));
}

static int put_int(const struct family *f, int fd, int option, int v) { return setsockopt(fd, f->level, option, &v, sizeof(v)); }

static void say_int(const char *what, const struct family *f, int fd, int option)
{
	int v = -1;
	socklen_t len = sizeof(v);

	if (getsockopt(fd, f->level, option, &v, &len) < 0)
		say(what, "%s", say_errno(errno));
	else
		say(what, "%#x in %u", v, len);
}

/* ---- wrong sockets, wrong order, wrong lengths ---- */

static void other_sockets(const struct family *f)
{
	const struct { const char *name; int type, protocol; } kinds[] = {
		{ "udp", SOCK_DGRAM, 0 }, { "tcp", SOCK_STREAM, 0 }, { "raw udp", SOCK_RAW, IPPROTO_UDP }, { "raw", SOCK_RAW, IPPROTO_RAW },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		int fd = MUST(socket(f->domain, kinds[i].type, kinds[i].protocol));

		for (int option = MRT_BASE; option <= MRT_MAX + 1; option++) {
			char what[64];

			snprintf(what, sizeof(what), "%s %d", kinds[i].name, option);
			say_rc(what, put_int(f, fd, option, 1));
			say_int(what, f, fd, option);
		}
		close(fd);
	}
}

/* Each option with a value of each length, and where there is none, of a socket that is no daemon and of one that is. */
static void lengths(const struct family *f)
{
	static const socklen_t lens[] = { 0, 1, 2, 4, 8, 12, 16, 60, 100, 128 };
	char zeros[128] = { 0 }, what[64];

	for (int option = MRT_BASE; option <= MRT_MAX + 1; option++)
		for (int begun = 0; begun < 2; begun++)
			for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
				int fd = daemon_of(f), v = 1;

				if (begun)
					MUST(setsockopt(fd, f->level, MRT_INIT, &v, sizeof(v)));
				snprintf(what, sizeof(what), "%d of %d, %u octets", option, begun, lens[i]);
				say_rc(what, setsockopt(fd, f->level, option, zeros, lens[i]));
				if (option != MRT_DONE && option != MRT_INIT)
					say_rc("none", setsockopt(fd, f->level, option, (void *)16, lens[i]));
				close(fd);
			}
}

static void gets(const struct family *f)
{
	int fd = daemon_of(f), v;
	socklen_t len;

	for (int option = MRT_BASE; option <= MRT_MAX + 1; option++) {
		char what[64];

		snprintf(what, sizeof(what), "get %d", option);
		say_int(what, f, fd, option);
	}
	for (len = 0; len < 9; len += 1) {
		socklen_t room = len;

		v = -1;
		say_rc("room", getsockopt(fd, f->level, MRT_VERSION, &v, &room));
		say("room", "%#x in %u", v, room);
	}
	len = (socklen_t)-1;
	if (f == &v4)
		say_rc("negative room", getsockopt(fd, f->level, MRT_VERSION, &v, &len));
	close(fd);
}

static void one_daemon(const struct family *f)
{
	int a = daemon_of(f), b = daemon_of(f), c, v = 1, shown;
	socklen_t len = sizeof(shown);

	say_rc("init", put_int(f, a, MRT_INIT, 1));
	say_rc("again", put_int(f, a, MRT_INIT, 1));
	say_rc("another", put_int(f, b, MRT_INIT, 1));
	say_rc("done by another", put_int(f, b, MRT_DONE, 1));
	say_rc("alert of another", setsockopt(b, IPPROTO_IP, IP_ROUTER_ALERT, &v, sizeof(v)));
	if (f == &v4) {
		MUST(getsockopt(a, IPPROTO_IP, IP_ROUTER_ALERT, &shown, &len));
		say("alert shown", "%d", shown);
		say_rc("alert", setsockopt(a, IPPROTO_IP, IP_ROUTER_ALERT, &v, sizeof(v)));
		v = 0;
		say_rc("alert ends", setsockopt(a, IPPROTO_IP, IP_ROUTER_ALERT, &v, sizeof(v)));
		say_rc("and with it", put_int(f, a, MRT_DONE, 1));
		say_rc("init after", put_int(f, a, MRT_INIT, 1));
		say_rc("init with alert", put_int(f, b, MRT_INIT, 1));
	}
	say_rc("done", put_int(f, a, MRT_DONE, 1));
	say_rc("done twice", put_int(f, a, MRT_DONE, 1));
	say_rc("a third", put_int(f, c = daemon_of(f), MRT_INIT, 0));
	close(c);
	say_rc("after close", put_int(f, a, MRT_INIT, 1));
	close(a), close(b);
}

static void tables(const struct family *f)
{
	static const int ids[] = { 0, 1, 7, 253, 254, 255, 256, 99999999, 100000000, 999999999, 1000000000, -1 };
	int a = daemon_of(f), b = daemon_of(f);

	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
		say_rc("table", put_int(f, a, MRT_TABLE, ids[i]));
	say_rc("table", put_int(f, a, MRT_TABLE, 7));
	say_rc("init there", put_int(f, a, MRT_INIT, 1));
	say_rc("move", put_int(f, a, MRT_TABLE, 8));
	say_rc("init here", put_int(f, b, MRT_INIT, 1));
	say_rc("interface there", add_vif(f, a, 0, as));
	say_rc("interface here", add_vif(f, b, 0, as));
	say_rc("register there", add_register(f, a, 1));
	say_rc("register here", add_register(f, b, 1));
	shell("registers", "ip -o link | grep pim | sed 's/^[0-9]*: //' | sort");
	say_shown("two tables");
	shell("dump", f == &v4 ? "ip mroute show table 7; ip mroute show table all" : "ip -6 mroute show table 7");
	close(a), close(b);
}

/* ---- interfaces and entries ---- */

static void interfaces(const struct family *f)
{
	static const int flags[] = { 0x1, 0x2, 0x3, 0x4, 0x5, 0x8, 0xc, 0x10, 0x80 };
	int fd = daemon_of(f), other = daemon_of(f);

	MUST(put_int(f, fd, MRT_INIT, 1));
	say_rc("add", add_vif(f, fd, 0, as));
	say_rc("again", add_vif(f, fd, 0, bs));
	say_rc("the same twice", add_vif(f, fd, 3, as));
	say_rc("no such", add_vif(f, fd, 1, 7777));
	say_rc("none", add_vif(f, fd, 1, 0));
	say_rc("too high", add_vif(f, fd, 32, as));
	say_rc("far too high", add_vif(f, fd, 65535, as));
	say_rc("last", add_vif(f, fd, 31, bs));
	say_rc("loopback", add_vif(f, fd, 30, (int)if_nametoindex("lo")));
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		struct vifctl c = vif4(5, flags[i], NULL, as);
		struct mif6ctl c6 = mif6(5, flags[i], as);
		char what[32];

		snprintf(what, sizeof(what), "flags %#x", (unsigned)flags[i]);
		say_rc(what, f == &v4 ? setsockopt(fd, f->level, MRT_ADD_VIF, &c, sizeof(c)) : setsockopt(fd, f->level, MRT6_ADD_MIF, &c6, sizeof(c6)));
		say_rc("and gone", del_vif(f, fd, 5));
	}
	if (f == &v4) {
		static const char *const addrs[] = { "10.91.0.1", "10.91.0.9", "0.0.0.0", "127.0.0.1", "127.0.0.9", "239.1.1.1", "255.255.255.255" };

		for (size_t i = 0; i < sizeof(addrs) / sizeof(*addrs); i++) {
			struct vifctl c = vif4(5, 0, addrs[i], 0);

			say_rc(addrs[i], setsockopt(fd, f->level, MRT_ADD_VIF, &c, sizeof(c)));
			say_rc("and gone", del_vif(f, fd, 5));
		}
	}
	say_shown("interfaces");
	say_rc("register", add_register(f, fd, 7));
	say_rc("another register", add_register(f, fd, 8));
	shell("register", f == &v4 ? "ip -o link show pimreg | sed 's/^[0-9]*: //'" : "ip -o link show pim6reg | sed 's/^[0-9]*: //'");
	say_rc("gone", del_vif(f, fd, 7));
	shell("register gone", "ip -o link | grep -c pim");
	say_rc("not there", del_vif(f, fd, 7));
	say_rc("never there", del_vif(f, fd, 29));
	say_rc("can't be", del_vif(f, fd, 32));
	say_rc("by another", add_vif(f, other, 9, as));
	say_rc("deleted by another", del_vif(f, other, 0));
	say_shown("of another");
	MUST(put_int(f, fd, MRT_DONE, 1));
	say_shown("done");
	say_rc("flush", put_int(f, other, MRT_FLUSH, MRT_FLUSH_VIFS));
	say_shown("flushed");
	say_rc("flush", put_int(f, other, MRT_FLUSH, MRT_FLUSH_VIFS_STATIC));
	say_shown("flushed, too");
	close(fd), close(other);
}

static void entries(const struct family *f)
{
	static const unsigned char both[VIFS] = { 1, 2 }, one[VIFS] = { 0, 1 }, none[VIFS] = { 0 }, missing[VIFS] = { 0, 0, 3, 255 };
	const char *any = f == &v4 ? "0.0.0.0" : "::", *unicast = f == &v4 ? "10.91.0.77" : "fd00:91::77";
	int fd = daemon_of(f), other = daemon_of(f);

	MUST(put_int(f, fd, MRT_INIT, 1));
	MUST(add_vif(f, fd, 0, as));
	MUST(add_vif(f, fd, 1, bs));
	say_rc("add", mfc(f, fd, MRT_ADD_MFC, unicast, f->group, 0, both));
	say_rc("again", mfc(f, fd, MRT_ADD_MFC, unicast, f->group, 1, one));
	say_rc("no group", mfc(f, fd, MRT_ADD_MFC, unicast, unicast, 0, both));
	say_rc("parent 31", mfc(f, fd, MRT_ADD_MFC, unicast, f == &v4 ? "239.1.2.4" : "ff0e::124", 31, missing));
	say_rc("parent 32", mfc(f, fd, MRT_ADD_MFC, unicast, f->group, 32, both));
	say_rc("no source", mfc(f, fd, MRT_ADD_MFC, any, f->group, 0, none));
	say_rc("nothing", mfc(f, fd, MRT_ADD_MFC, any, any, 0, one));
	say_rc("proxy", mfc(f, fd, MRT_ADD_MFC_PROXY, any, any, 0, one));
	say_rc("proxy", mfc(f, fd, MRT_ADD_MFC_PROXY, any, any, 1, one));
	say_rc("link-local", mfc(f, fd, MRT_ADD_MFC, unicast, f == &v4 ? "224.0.0.5" : "ff02::5", 0, both));
	say_rc("by another", mfc(f, other, MRT_ADD_MFC, unicast, f == &v4 ? "239.9.9.9" : "ff0e::999", 0, both));
	say_shown("entries");
	shell("by interface", f == &v4 ? "ip mroute show iif mrb" : "ip -6 mroute show iif mrb");
	shell("all routes", "ip route show table all type multicast | grep -v ff00::/8; ip -6 route show table all type multicast | grep -v ff00::/8");
	say_rc("delete proxy", mfc(f, fd, MRT_DEL_MFC_PROXY, any, any, 1, none));
	say_rc("delete proxy again", mfc(f, fd, MRT_DEL_MFC_PROXY, any, any, 1, none));
	say_rc("delete", mfc(f, fd, MRT_DEL_MFC, unicast, f->group, 77, none));
	say_rc("delete again", mfc(f, fd, MRT_DEL_MFC, unicast, f->group, 0, none));
	del_vif(f, fd, 1);
	say_shown("without an interface");
	close(fd);
	say_shown("closed");
	say_rc("flush", put_int(f, other, MRT_FLUSH, MRT_FLUSH_MFC_STATIC));
	say_shown("flushed");
	close(other);
}

/* ---- datagrams ---- */

static int sender_of(const struct family *f)
{
	int fd = MUST(socket(f->domain, SOCK_DGRAM, 0)), hops = 8;
	union name from = name_of(f->domain, f->from, 9911);
	struct ip_mreqn m = { .imr_ifindex = as };

	MUST(bind(fd, &from.sa, name_len(f->domain)));
	if (f == &v4) {
		MUST(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &m, sizeof(m)));
		MUST(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof(hops)));
	} else {
		MUST(setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &as, sizeof(as)));
		MUST(setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)));
	}
	return fd;
}

static void send_to(const struct family *f, int fd, const char *group, const char *text)
{
	union name to = name_of(f->domain, group, 9912);

	say_rc(text, sendto(fd, text, strlen(text), 0, &to.sa, name_len(f->domain)));
}

/* What the daemon hears: its header, that of the datagram but for identification and checksum. */
static void say_upcalls(const struct family *f, int fd)
{
	for (;;) {
		unsigned char in[512];
		union name from;
		socklen_t from_len = sizeof(from);
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char text[INET6_ADDRSTRLEN], hex[256] = "";
		ssize_t n = poll(&p, 1, 0) == 1 ? recvfrom(fd, in, sizeof(in), MSG_DONTWAIT, &from.sa, &from_len) : -1;

		if (n < 0)
			break;
		inet_ntop(f->domain, f == &v4 ? (void *)&from.in.sin_addr : (void *)&from.in6.sin6_addr, text, sizeof(text));
		if (f == &v4)
			in[4] = in[5] = 0;
		for (ssize_t i = 0; i < 40 && i < (f == &v4 ? 20 : 40); i++)
			snprintf(hex + 2 * i, sizeof(hex) - (size_t)(2 * i), "%02x", in[i]);
		say("upcall", "%zd from %s: %s", n, text, hex);
		if (f == &v4)
			say("upcall", "behind: type %d", in[20]);
	}
	say("upcalls", "no more");
}

/* Of the datagrams on an interface those to f's groups, with the hops that are left. */
static int watch(const struct family *f, int ifindex)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(f == &v4 ? ETH_P_IP : ETH_P_IPV6), .sll_ifindex = ifindex };
	int fd = MUST(socket(AF_PACKET, SOCK_DGRAM, 0)), all = htons(ETH_P_ALL);

	ll.sll_protocol = (__be16)all;
	MUST(bind(fd, (struct sockaddr *)&ll, sizeof(ll)));
	return fd;
}

static void say_frames(const struct family *f, const char *what, int fd)
{
	unsigned char in[2048];
	ssize_t n;

	while ((n = recv(fd, in, sizeof(in), MSG_DONTWAIT)) >= 0) {
		bool udp = f == &v4 ? in[0] >> 4 == 4 && in[9] == IPPROTO_UDP : in[0] >> 4 == 6 && in[6] == IPPROTO_UDP;

		if (udp)
			say(what, "%zd octets, %d hops, %.*s", n, f == &v4 ? in[8] : in[7], (int)n - (f == &v4 ? 28 : 48), in + (f == &v4 ? 28 : 48));
	}
	say(what, "no more");
}

static void say_counts(const struct family *f, int fd, const char *from, const char *group)
{
	struct sioc_vif_req v = { 0 };
	struct sioc_mif_req6 m = { 0 };
	struct sioc_sg_req s = { 0 };
	struct sioc_sg_req6 s6 = { 0 };
	long rc;

	for (unsigned i = 0; i < 3; i++) {
		v.vifi = m.mifi = (vifi_t)i;
		rc = ioctl(fd, SIOCGETVIFCNT, f == &v4 ? (void *)&v : (void *)&m);
		say("interface", "%s", say_errno(rc < 0 ? errno : 0));
		if (rc == 0 && f == &v4)
			say("interface", "%lu %lu %lu %lu", v.icount, v.ibytes, v.ocount, v.obytes);
		else if (rc == 0)
			say("interface", "%lu %lu %lu %lu", m.icount, m.ibytes, m.ocount, m.obytes);
	}
	MUST(inet_pton(f->domain, from, f == &v4 ? (void *)&s.src : (void *)&s6.src.sin6_addr));
	MUST(inet_pton(f->domain, group, f == &v4 ? (void *)&s.grp : (void *)&s6.grp.sin6_addr));
	rc = ioctl(fd, SIOCGETSGCNT, f == &v4 ? (void *)&s : (void *)&s6);
	say("entry", "%s", say_errno(rc < 0 ? errno : 0));
	if (rc == 0)
		say("entry", "%lu %lu %lu", f == &v4 ? s.pktcnt : s6.pktcnt, f == &v4 ? s.bytecnt : s6.bytecnt, f == &v4 ? s.wrong_if : s6.wrong_if);
	say_rc("nowhere", ioctl(fd, SIOCGETVIFCNT, (void *)16));
	say_rc("RPF", ioctl(fd, SIOCGETRPF, &s6));
}

static void own_datagrams(const struct family *f)
{
	static const unsigned char out_b[VIFS] = { 0, 3 }, out_a[VIFS] = { 1, 0 }, far[VIFS] = { 0, 8 }, whole[VIFS] = { 0, 1, 1 };
	int fd = daemon_of(f), tx = sender_of(f), b = watch(f, bs), off = 0, one = 1;
	const char *local = f == &v4 ? "224.0.0.77" : "ff02::77", *second = f == &v4 ? "239.1.2.9" : "ff0e::129";

	MUST(put_int(f, fd, MRT_INIT, 1));
	if (f == &v6) {                        /* what MLD says is nothing of ours */
		unsigned filter[8];

		memset(filter, 0xff, sizeof(filter));
		MUST(setsockopt(fd, IPPROTO_ICMPV6, ICMPV6_FILTER, filter, sizeof(filter)));
	}
	MUST(add_vif(f, fd, 0, as));
	MUST(add_vif(f, fd, 1, bs));
	say_frames(f, "before", b);
	send_to(f, tx, f->group, "one");
	send_to(f, tx, f->group, "two");
	say_upcalls(f, fd);
	say_shown("waiting");
	say_frames(f, "waiting", b);
	say_rc("entry", mfc(f, fd, MRT_ADD_MFC, f->from, f->group, 0, out_b));
	say_frames(f, "what waited", b);
	send_to(f, tx, f->group, "three");
	say_frames(f, "forwarded", b);
	say_upcalls(f, fd);
	say_rc("threshold", mfc(f, fd, MRT_ADD_MFC, f->from, f->group, 0, far));
	send_to(f, tx, f->group, "four");
	say_frames(f, "threshold", b);
	say_counts(f, fd, f->from, f->group);
	send_to(f, tx, local, "local");
	say_frames(f, "link-local", b);
	say_upcalls(f, fd);
	MUST(setsockopt(tx, f->level, f == &v4 ? IP_MULTICAST_LOOP : IPV6_MULTICAST_LOOP, &off, sizeof(off)));
	send_to(f, tx, second, "not looped");
	say_upcalls(f, fd);
	MUST(setsockopt(tx, f->level, f == &v4 ? IP_MULTICAST_LOOP : IPV6_MULTICAST_LOOP, &one, sizeof(one)));
	/* From the wrong interface. */
	say_rc("assert", put_int(f, fd, MRT_ASSERT, 1));
	say_int("assert", f, fd, MRT_ASSERT);
	say_rc("the other way", mfc(f, fd, MRT_ADD_MFC, f->from, f->group, 1, out_a));
	send_to(f, tx, f->group, "wrong way");
	say_upcalls(f, fd);
	say_frames(f, "wrong way", b);
	/* Into a Register. */
	say_rc("pim", put_int(f, fd, MRT_PIM, 1));
	say_int("pim", f, fd, MRT_PIM);
	say_rc("register", add_register(f, fd, 2));
	say_rc("to it", mfc(f, fd, MRT_ADD_MFC, f->from, f->group, 0, whole));
	send_to(f, tx, f->group, "register me");
	say_upcalls(f, fd);
	say_frames(f, "with register", b);
	say_counts(f, fd, f->from, f->group);
	say_counts(f, fd, f->from, second);
	say_shown("end");
	shell("statistics", f == &v4 ? "ip -s mroute show | sed 's/, *Age.*//'" : "ip -6 -s mroute show | sed 's/, *Age.*//'");
	/* Hops run out. */
	MUST(setsockopt(tx, f->level, f == &v4 ? IP_MULTICAST_TTL : IPV6_MULTICAST_HOPS, &one, sizeof(one)));
	send_to(f, tx, f->group, "one hop");
	say_frames(f, "one hop", b);
	say_upcalls(f, fd);
	close(fd), close(tx), close(b);
}

/* What this host sends by the interface that makes Registers. */
static void own_register(const struct family *f)
{
	int fd = daemon_of(f), tx = sender_of(f), off = 0, index;
	struct ip_mreqn m = { 0 };

	MUST(put_int(f, fd, MRT_INIT, 1));
	if (f == &v6) {                        /* what MLD says is nothing of ours */
		unsigned filter[8];

		memset(filter, 0xff, sizeof(filter));
		MUST(setsockopt(fd, IPPROTO_ICMPV6, ICMPV6_FILTER, filter, sizeof(filter)));
	}
	MUST(add_register(f, fd, 0));
	if (f == &v6)                          /* it has no route for groups of its own */
		shell("route", "ip -6 route add ff0e::/16 dev pim6reg table local");
	index = m.imr_ifindex = (int)if_nametoindex(f == &v4 ? "pimreg" : "pim6reg");
	say_rc("by it", f == &v4 ? setsockopt(tx, IPPROTO_IP, IP_MULTICAST_IF, &m, sizeof(m))
				 : setsockopt(tx, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof(index)));
	/* Without the copy for this host, which may be there sooner or later. */
	MUST(setsockopt(tx, f->level, f == &v4 ? IP_MULTICAST_LOOP : IPV6_MULTICAST_LOOP, &off, sizeof(off)));
	send_to(f, tx, f->group, "register my own");
	say_upcalls(f, fd);
	close(fd), close(tx);
}

/* (*, G) and (*, *), as proxies have them. */
static void proxies(const struct family *f)
{
	static const unsigned char a_b[VIFS] = { 1, 1 }, out_b[VIFS] = { 0, 1 };
	int fd = daemon_of(f), tx = sender_of(f), b = watch(f, bs);
	const char *any = f == &v4 ? "0.0.0.0" : "::";

	MUST(put_int(f, fd, MRT_INIT, 1));
	MUST(add_vif(f, fd, 0, as));
	MUST(add_vif(f, fd, 1, bs));
	say_rc("star group", mfc(f, fd, MRT_ADD_MFC_PROXY, any, f->group, 0, a_b));
	send_to(f, tx, f->group, "from the parent");
	say_frames(f, "from the parent", b);
	say_rc("gone", mfc(f, fd, MRT_DEL_MFC_PROXY, any, f->group, 0, a_b));
	say_rc("star star", mfc(f, fd, MRT_ADD_MFC_PROXY, any, any, 1, a_b));
	send_to(f, tx, f->group, "upstream");
	say_frames(f, "upstream", b);
	say_rc("another group", mfc(f, fd, MRT_ADD_MFC_PROXY, any, f->group, 1, out_b));
	send_to(f, tx, f->group, "with both");
	say_frames(f, "with both", b);
	say_counts(f, fd, any, f->group);
	say_counts(f, fd, any, any);
	close(fd), close(tx), close(b);
}

/* What netlink's groups are told: entries that come, change and go, and what the daemon hears (RTM_NEWCACHEREPORT). */
static void say_told(const char *what, int nl)
{
	unsigned char in[8192];
	ssize_t n;

	while ((n = recv(nl, in, sizeof(in), MSG_DONTWAIT)) > 0) {
		struct nlmsghdr h;
		char text[512] = "";
		size_t header;

		memcpy(&h, in, sizeof(h));
		header = h.nlmsg_type == RTM_NEWCACHEREPORT ? NLMSG_ALIGN(sizeof(struct rtgenmsg)) : sizeof(struct rtmsg);
		for (size_t at = sizeof(h) + header; at + sizeof(struct nlattr) <= h.nlmsg_len;) {
			struct nlattr a;

			memcpy(&a, in + at, sizeof(a));
			assert(a.nla_len >= sizeof(a));
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " %d:%d", a.nla_type, a.nla_len);
			at += NLMSG_ALIGN(a.nla_len);
		}
		say(what, "type %d flags %#x from %d:%d family %d length %u:%s", h.nlmsg_type, h.nlmsg_flags, h.nlmsg_seq, h.nlmsg_pid, in[sizeof(h)],
		    h.nlmsg_len, text);
	}
	say(what, "no more");
}

static void told(const struct family *f)
{
	static const unsigned char both[VIFS] = { 1, 1 };
	int fd = daemon_of(f), tx = sender_of(f), nl = MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	int groups[] = { f == &v4 ? RTNLGRP_IPV4_MROUTE : RTNLGRP_IPV6_MROUTE, f == &v4 ? RTNLGRP_IPV4_MROUTE_R : RTNLGRP_IPV6_MROUTE_R };

	struct sockaddr_nl any = { .nl_family = AF_NETLINK };

	MUST(bind(nl, (struct sockaddr *)&any, sizeof(any)));
	for (int i = 0; i < 2; i++)
		MUST(setsockopt(nl, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof(int)));
	MUST(put_int(f, fd, MRT_INIT, 1));
	MUST(add_vif(f, fd, 0, as));
	MUST(add_vif(f, fd, 1, bs));
	send_to(f, tx, f->group, "tell");
	say_told("waits", nl);
	MUST(mfc(f, fd, MRT_ADD_MFC, f->from, f->group, 0, both));
	say_told("comes", nl);
	MUST(mfc(f, fd, MRT_ADD_MFC, f->from, f->group, 1, both));
	say_told("changes", nl);
	MUST(mfc(f, fd, MRT_DEL_MFC, f->from, f->group, 1, both));
	say_told("goes", nl);
	send_to(f, tx, f->group, "again");
	MUST(mfc(f, fd, MRT_ADD_MFC, f->from, f == &v4 ? "239.1.2.9" : "ff0e::129", 0, both));
	say_told("waits again", nl);
	close(fd);
	say_told("the daemon ends", nl);
	close(tx), close(nl);
}

/* An interface that is removed is one of its tables no more. */
static void interface_goes(const struct family *f)
{
	static const unsigned char both[VIFS] = { 1, 1 };
	int fd = daemon_of(f);

	MUST(system("ip link add mrc type veth peer name mrd && ip link set mrc up") == 0 ? 0 : -1);
	MUST(put_int(f, fd, MRT_INIT, 1));
	MUST(add_vif(f, fd, 0, as));
	MUST(add_vif(f, fd, 1, (int)if_nametoindex("mrc")));
	MUST(mfc(f, fd, MRT_ADD_MFC, f->from, f->group, 0, both));
	MUST(system("ip link del mrc"));
	say_shown("an interface gone");
	say_rc("its number", add_vif(f, fd, 1, bs));
	close(fd);
}

/* The kernel looks at carriers a while after they change. */
static void await_up(const char *dev)
{
	char command[96];

	snprintf(command, sizeof(command), "ip link show %s | grep -q 'state UP '", dev);
	for (int tries = 500; tries && system(command) != 0; tries--)
		usleep(10000);
}

int main(void)
{
	const struct family *const families[] = { &v4, &v6 };

	say_start();
	say_about("setup");
	if (system("ip link add mra type veth peer name mrx && ip link add mrb type veth peer name mry && "
		   "for i in mra mrb mrx mry; do ip link set $i up || exit 1; done; "
		   "ip addr add 10.91.0.1/24 dev mra && ip addr add 10.92.0.1/24 dev mrb && "
		   "ip addr add fd00:91::1/64 dev mra nodad && ip addr add fd00:92::1/64 dev mrb nodad") != 0) {
		printf("needs root, and pairs of interfaces\n");
		return SKIPPED;
	}
	await_up("mra");
	await_up("mrb");
	as = (int)if_nametoindex("mra");
	bs = (int)if_nametoindex("mrb");
	for (int i = 0; i < 2; i++) {
		static const struct { const char *name; void (*run)(const struct family *); } parts[] = {
			{ "other sockets", other_sockets }, { "lengths", lengths }, { "gets", gets }, { "one daemon", one_daemon }, { "tables", tables },
			{ "interfaces", interfaces }, { "entries", entries }, { "own datagrams", own_datagrams },
			{ "own register", own_register }, { "proxies", proxies }, { "told", told },
			{ "interface goes", interface_goes },
		};

		for (size_t k = 0; k < sizeof(parts) / sizeof(*parts); k++) {
			say_about("%s %s", families[i]->name, parts[k].name);
			parts[k].run(families[i]);
		}
	}
	return 0;
}
