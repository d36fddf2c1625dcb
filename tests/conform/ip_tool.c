/*
 * What `ip` shows and changes: addresses, interfaces, routes, rules, neighbours. Each command runs on a host with one pair of interfaces made for it
 * (veth), and a line says what it prints, and how it ends.
 */
#include "say.h"

/* " uid 0": it is root on the kernel only. */
static void leave_out_uid(char *line)
{
	char *uid = strstr(line, " uid ");
	size_t len;

	if (!uid || strstr(line, "uidrange"))
		return;
	len = 5 + strspn(uid + 5, "0123456789");
	memmove(uid, uid + len, strlen(uid + len) + 1);
}

/* The first words of what it prints, its lines joined by " | ", and its exit status. What the kernel draws at random is left out by the commands. */
static void ip(const char *words)
{
	char command[512], text[4096], line[512];
	size_t used = 0;
	int status;
	FILE *f;

	snprintf(command, sizeof(command), "ip %s 2>&1", words);
	f = popen(command, "r");
	assert(f);
	text[0] = '\0';
	while (fgets(line, sizeof(line), f)) {
		int number = 0;

		line[strcspn(line, "\n")] = '\0';
		/* "3: v0@v1:": sockland's host has an interface more. */
		if (sscanf(line, "%*d: %n", &number) == 0 && number && strstr(line, " mtu "))
			memmove(line, line + number, strlen(line + number) + 1);
		leave_out_uid(line);
		for (size_t n = strlen(line); n && line[n - 1] == ' '; n--)
			line[n - 1] = '\0';
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? " | " : "", line);
		assert(used < sizeof(text));
	}
	status = pclose(f);
	say(words, "%d %s", WEXITSTATUS(status), text);
}

/* The kernel looks at carriers a while after they change. */
static void await_state(const char *dev, const char *state)
{
	char command[128];

	snprintf(command, sizeof(command), "ip link show %s | grep -q 'state %s '", dev, state);
	for (int tries = 500; tries && system(command) != 0; tries--)
		usleep(10000);
}

/* "UP", "V0 DOWN", "V1 DOWN": waits until both are, or the one that is up has seen that the other one is not. */
static void each(const char *const *commands)
{
	for (; *commands; commands++) {
		if (strcmp(*commands, "UP") == 0) {
			await_state("v0", "UP");
			await_state("v1", "UP");
		} else if (strcmp(*commands, "V0 DOWN") == 0) {
			await_state("v1", "LOWERLAYERDOWN");
		} else if (strcmp(*commands, "V1 DOWN") == 0) {
			await_state("v0", "LOWERLAYERDOWN");
		} else {
			ip(*commands);
		}
	}
}

#define EACH(...) each((const char *const[]){ __VA_ARGS__, NULL })

static void links(void)
{
	say_about("link");
	EACH("link set v0 address 02:00:00:00:00:01", "link set v1 address 02:00:00:00:00:02", "link show v0", "link set v0 up",
	     "V1 DOWN", "link show v0", "link set v1 up", "UP", "link show v0", "link set v0 mtu 1400", "link set v0 txqueuelen 7",
	     "link set v0 alias wire", "link show v0",
	     "link set v0 mtu 60", "link set v0 mtu 70000", "link set v0 address 01:00:00:00:00:01", "link set v0 name lo", "link set v0 name w0",
	     "link show w0", "link set w0 name v0", "link set v0 promisc on", "link show v0", "link set v0 promisc off", "link set v0 allmulticast on",
	     "link set v0 allmulticast off", "link set v0 group 7", "link show group 7", "link set v0 group 0", "link set v0 alias \"\"", "link show v0",
	     "link add v0 type veth peer name v7", "link add x0 type nosuch", "link del lo", "link del nosuch", "link show nosuch", "link set v1 down",
	     "V1 DOWN", "link show v0", "link set v1 up", "UP", "link set v0 mtu 1500", "link set v0 txqueuelen 1000", "link show type veth");
	/* Names that number themselves: each takes the first number that is free. */
	EACH("link add n%d type veth peer name m%d", "link add n%d type veth peer name m7", "link add n2 type veth peer name m%d",
	     "link add n%d type veth peer name m%d",
	     "link add n%s type veth", "link add n%d%d type veth", "link add n%% type veth", "link set n3 name m%d", "link set n0 name n0",
	     "link del n0", "link del n1", "link del n2", "link del m3", "link del m2", "link del n4");
}

static void addresses(void)
{
	say_about("address");
	EACH("addr add 10.0.0.1/24 brd + dev v0", "-4 addr show v0", "-4 route show table all", "addr add 10.0.0.1/24 dev v0", "addr add 10.0.0.2/24 dev v0",
	     "addr add 10.0.0.3/16 dev v0 label v0:one", "addr add 10.9.0.1 peer 10.9.0.2/32 dev v0", "-4 addr show v0", "-4 route show table all",
	     "addr add 10.0.1.1/24 dev v0 scope link", "addr add 10.0.1.2/24 dev v0", "addr add 10.2.0.1/24 dev v0 preferred_lft 10 valid_lft 5",
	     "addr add 10.2.0.1/24 dev v0 valid_lft 0", "addr add 10.2.0.1/24 dev nosuch", "addr add 10.2.0.1/24 dev v0 label nosuch",
	     "addr del 10.0.0.9/24 dev v0",
	     "addr del 10.0.0.1/24 dev v0", "-4 addr show v0", "-4 route show table all", "addr change 10.3.0.1/24 dev v0", "addr replace 10.3.0.1/24 dev v0",
	     "addr add 10.4.0.1/24 dev v0 noprefixroute metric 5", "addr add 10.5.0.1/24 dev v0 metric 50", "-4 route show", "addr flush dev v0 scope global",
	     "-4 addr show v0", "addr flush dev v0", "-4 addr show v0", "-4 route show table all");
	EACH("addr add fd00::1/64 dev v0 nodad", "addr add fd00::1/64 dev v0", "addr add ff02::5/64 dev v0", "addr add ::1/128 dev v0",
	     "addr del fd00::2/64 dev v0",
	     "addr add fd01::1 peer fd01::2/64 dev v0 nodad", "-6 addr show v0 scope global", "-6 route show table main root fd00::/8",
	     "addr del fd01::1 peer fd01::2/64 dev v0",
	     "addr del fd00::1/64 dev v0", "-6 addr show v0 scope global", "-6 route show root fd00::/8");
}

static void names(void)
{
	say_about("names");
	EACH("link property add dev v0 altname other altname a-name-of-more-than-fifteen-characters", "link show other",
	     "link property add dev v1 altname other", "link property add dev v1 altname v0", "link property add dev v0 altname v0",
	     "link property del dev v0 altname nosuch", "link property del dev v1 altname other", "link property del dev v0 altname v0",
	     "link property add dev nosuch altname x", "link set v1 name other", "link set v0 name other", "addr add 10.66.0.1/24 dev other", "-4 addr show dev a-name-of-more-than-fifteen-characters",
	     "addr del 10.66.0.1/24 dev other", "link property del dev v0 altname other", "link show dev other", "link show dev v0",
	     "link property del dev other altname a-name-of-more-than-fifteen-characters", "link property del dev v0 altname a-name-of-more-than-fifteen-characters");
}

/* What the metrics of a route mean to a connection that takes it. */
static void metrics_felt(void)
{
	static const char other[] = "cubic";
	union name n = name_of(AF_INET, "127.9.0.1", 0);
	int l = MUST(socket(AF_INET, SOCK_STREAM, 0)), c = MUST(socket(AF_INET, SOCK_STREAM, 0)), a;
	struct tcp_info info;
	socklen_t len = sizeof(n.in);
	char name[16] = "";

	say_about("route felt");
	EACH("route add local 127.9.0.0/16 dev lo table local src 127.0.0.1 rto_min 1s congctl lock reno window 20000 initrwnd 4 initcwnd 5");
	MUST(bind(l, &n.sa, sizeof(n.in)));
	MUST(listen(l, 1));
	MUST(getsockname(l, &n.sa, &len));
	MUST(connect(c, &n.sa, sizeof(n.in)));
	a = MUST(accept(l, NULL, NULL));
	for (int i = 0; i < 2; i++) {
		int fd = i ? a : c;
		len = sizeof(name);
		MUST(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len));
		say(i ? "accepted: reno" : "connected: reno", "%d", strcmp(name, "reno") == 0);
		say_rc("another", setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, other, sizeof(other) - 1));
		len = sizeof(info);
		MUST(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
		say("time-out of a second at least", "%d", info.tcpi_rto >= 1000000);
		say("window", "%u", info.tcpi_snd_cwnd);
	}
	close(a);
	close(c);
	close(l);
	EACH("route del local 127.9.0.0/16 dev lo table local");
}

static void routes(void)
{
	say_about("route");
	EACH("addr add 10.0.0.1/24 dev v0", "route add 10.9.0.0/16 via 10.0.0.1", "route add 10.9.0.0/16 via 10.5.5.5", "route add 10.9.0.0/16 via 10.0.0.255",
	     "route add 10.9.0.0/16", "route add 10.9.0.1/16 dev v0", "route add 10.9.0.0/16 dev nosuch", "route add 10.9.0.0/16 via 10.0.0.2 src 10.0.0.9",
	     "route add 10.9.0.0/16 via 10.0.0.2 scope link", "route add blackhole 10.8.0.0/16 dev v0", "route add 10.9.0.0/16 via 10.77.0.2 onlink",
	     "route add 10.9.0.0/16 via 10.77.0.2 dev v0 onlink", "route add 10.9.0.0/16 dev v0", "route del 10.99.0.0/16", "route change 10.98.0.0/16 dev v0",
	     "route replace 10.9.0.0/16 via 10.0.0.2", "route show 10.9.0.0/16", "route append 10.9.0.0/16 via 10.0.0.3",
	     "route prepend 10.9.0.0/16 via 10.0.0.4",
	     "route show 10.9.0.0/16", "route del 10.9.0.0/16 via 10.0.0.2", "route show 10.9.0.0/16", "route del 10.9.0.0/16",
	     "route del 10.9.0.0/16", "route del 10.9.0.0/16");
	EACH("route add default via 10.0.0.2 metric 5 mtu 1300 advmss 1000 hoplimit 9 initcwnd 3", "route add unreachable 10.7.0.0/16",
	     "route add prohibit 10.7.1.0/24 metric 3",
	     "route add throw 10.7.2.0/24 table 9", "route add 10.7.3.0/24 dev v0 src 10.0.0.1 proto static table 1000", "route add local 10.7.4.0/24 dev v0",
	     "route add 10.6.0.0/16 tos 0x10 dev v0", "-4 route show table all", "route get 10.7.0.1", "route get 10.7.1.1", "route get 10.8.0.1",
	     "route get 10.0.0.1",
	     "route get 10.0.0.7 from 10.0.0.1", "route get 10.0.0.7 from 10.0.0.9", "route get fibmatch 10.8.0.1", "route flush table 9",
	     "route flush table 1000",
	     "route del local 10.7.4.0/24 dev v0", "-4 route show table all");
	EACH("route add 10.3.0.0/16 dev v0 rtt 30ms rttvar 10ms ssthresh 5 cwnd lock 7 reordering 4 quickack 1 congctl lock reno", "route show 10.3.0.0/16",
	     "route change 10.3.0.0/16 dev v0 features ecn window 9000 rto_min 100ms initrwnd 3 fastopen_no_cookie 1", "route show 10.3.0.0/16",
	     "route get 10.3.0.1", "route change 10.3.0.0/16 dev v0 mtu 70000 advmss 70000", "route show 10.3.0.0/16",
	     "route change 10.3.0.0/16 dev v0 congctl nosuch", "route del 10.3.0.0/16 dev v0");
	EACH("route add 10.5.0.0/16 nexthop via 10.0.0.2 weight 2 nexthop via 10.0.0.3", "route show 10.5.0.0/16",
	     "route del 10.5.0.0/16 nexthop via 10.0.0.2 nexthop via 10.0.0.3",
	     "route add 10.5.0.0/16 nexthop via 10.0.0.2 nexthop dev v1", "route show 10.5.0.0/16", "link set v1 down", "V1 DOWN",
	     "route show 10.5.0.0/16", "link set v1 up", "UP",
	     "route show 10.5.0.0/16", "link set v0 down", "V0 DOWN", "-4 route show table all", "link set v0 up", "UP",
	     "-4 route show table all", "addr flush dev v0 scope global", "-4 route show table all");
}

static void routes6(void)
{
	say_about("route 6");
	EACH("addr add fd00::1/64 dev v0 nodad", "-6 route add fd01::/64 via fd00::1", "-6 route add fd01::/64 via fd07::1",
	     "-6 route add fd01::/64 via fe80::1",
	     "-6 route add fd01::/64", "-6 route add fd01::1/64 dev v0", "-6 route add fd01::/64 dev v0", "-6 route show fd01::/64", "-6 route del fd01::/64",
	     "-6 route add fd01::/64 via fd00::5", "-6 route add fd01::/64 via fd00::6", "-6 route append fd01::/64 via fd00::6",
	     "-6 route append fd01::/64 via fd00::6",
	     "-d -6 route get fd00::9", "-d -6 route get ::1", "-6 route show fd01::/64", "-6 route del fd01::/64 via fd00::5", "-6 route show fd01::/64", "-6 route replace fd01::/64 via fd00::7 metric 9",
	     "-6 route show fd01::/64", "-6 route add unreachable fd02::/64", "-6 route add blackhole fd03::/64 metric 7", "-6 route show root fd00::/8",
	     "-6 route get fd02::1", "-6 route get fd03::1", "-6 route get fd01::1", "-6 route del fd09::/64", "-6 route flush root fd00::/8",
	     "-6 route show root fd00::/8");
}

static void rules(void)
{
	say_about("rule");
	EACH("rule add pref 100 table 100", "rule add pref 100 table 100", "rule del pref 200", "rule add table 7", "rule add pref 50 goto 10",
	     "rule add pref 50 goto 60",
	     "rule add pref 60 from 10.0.0.0/8 to 10.1.0.0/16 iif v0 fwmark 0x5/0xf lookup 300",
	     "rule add pref 70 oif nosuch ipproto tcp sport 5 dport 10-20 uidrange 3-9 table 8",
	     "rule add pref 80 not from 10.0.0.1 prohibit", "rule add pref 90 tos 0x10 blackhole", "rule add pref 91 table main suppress_prefixlength 0",
	     "rule add pref 92 unreachable", "rule show", "rule del pref 92", "rule del pref 90",
	     "rule del from 10.0.0.0/8 to 10.1.0.0/16 fwmark 0x5/0xf", "rule del not from 10.0.0.1",
	     "rule show", "rule del pref 0", "rule del pref 32767", "rule show", "rule add pref 0 table local", "rule flush", "rule show",
	     "rule add table main",
	     "rule add pref 32767 table default", "rule show", "rule del pref 0 table main", "rule add pref 32766 table main", "rule show",
	     "-6 rule add pref 9 from fd00::/8 table 5", "-6 rule show", "-6 rule del pref 9", "-6 rule show");
}

/* The source that a socket gets says which table chose its way. */
static void source_of(const char *name, int type, int mark, int port, const char *to)
{
	union name n = name_of(AF_INET, to, port), own;
	socklen_t len = sizeof(own);
	char text[INET_ADDRSTRLEN];
	int fd = MUST(socket(AF_INET, type, 0));

	MUST(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)));
	if (connect(fd, &n.sa, name_len(AF_INET)) < 0) {
		say(name, "%s", say_errno(errno));
	} else {
		MUST(getsockname(fd, &own.sa, &len));
		say(name, "%s", inet_ntop(AF_INET, &own.in.sin_addr, text, sizeof(text)));
	}
	close(fd);
}

static void policy(void)
{
	say_about("policy");
	EACH("addr add 10.0.0.1/24 dev v0", "addr add 10.0.0.5/24 dev v0", "route add default via 10.0.0.2",
	     "route add default via 10.0.0.3 src 10.0.0.5 table 9",
	     "rule add pref 100 fwmark 3 table 9", "rule add pref 101 to 10.44.0.0/16 prohibit", "rule add pref 102 to 10.45.0.0/16 unreachable",
	     "rule add pref 103 ipproto udp dport 53 table 9", "rule add pref 104 fwmark 8/8 goto 32766", "rule add pref 105 tos 0x10 table 9");
	source_of("plain", SOCK_DGRAM, 0, 9, "10.66.0.1");
	source_of("marked", SOCK_DGRAM, 3, 9, "10.66.0.1");
	source_of("marked otherwise", SOCK_DGRAM, 4, 9, "10.66.0.1");
	source_of("by port", SOCK_DGRAM, 0, 53, "10.66.0.1");
	source_of("prohibited", SOCK_DGRAM, 0, 9, "10.44.0.1");
	source_of("unreachable", SOCK_STREAM, 0, 9, "10.45.0.1");
	EACH("route get 10.66.0.1", "route get 10.66.0.1 mark 3", "route get 10.44.0.1", "route get 10.45.0.1", "route get 10.66.0.1 ipproto udp dport 53",
	     "route get 10.66.0.1 ipproto tcp dport 53", "route get 10.66.0.1 tos 0x10", "route get 10.66.0.1 mark 8 tos 0x10",
	     "rule add pref 90 table 9 suppress_prefixlength 0",
	     "route get 10.66.0.1", "route add throw 10.66.0.0/16 table 9", "route get 10.66.0.1 mark 3", "rule flush", "rule add pref 32766 table main",
	     "rule add pref 32767 table default", "route flush table 9", "addr flush dev v0 scope global");
}

static void neighbours(void)
{
	say_about("neigh");
	EACH("addr add 10.0.0.1/24 dev v0", "neigh add 10.0.0.9 dev v0 lladdr 00:11:22:33:44:55",
	     "neigh add 10.0.0.9 dev v0 lladdr 00:11:22:33:44:56", "neigh add 10.0.0.10 dev v0",
	     "neigh del 10.0.0.88 dev v0", "neigh change 10.0.0.88 dev v0 lladdr 00:11:22:33:44:55",
	     "neigh replace 10.0.0.9 dev v0 lladdr 00:11:22:33:44:57 nud stale",
	     "neigh show dev v0 10.0.0.9", "neigh change 10.0.0.9 dev v0 nud permanent", "neigh show dev v0 10.0.0.9",
	     "neigh get 10.0.0.9 dev v0", "neigh get 10.0.0.99 dev v0",
	     "neigh add proxy 10.0.0.50 dev v0", "neigh show proxy", "neigh del proxy 10.0.0.50 dev v0", "neigh del proxy 10.0.0.50 dev v0", "neigh show proxy",
	     "neigh add fd00::9 dev v0 lladdr 00:11:22:33:44:55 nud noarp", "neigh show fd00::9 dev v0 nud noarp", "neigh flush dev v0",
	     "neigh show dev v0 10.0.0.9",
	     "neigh flush dev v0 nud permanent", "neigh show dev v0 10.0.0.9");
}

int main(void)
{
	say_start();
	if (kernel_is_older()) {
		puts("the kernel here is older than 6.18, whose words are compared");
		return REFUSED;
	}
	if (system("ip link add v0 type veth peer name v1 2>/dev/null") != 0) {
		puts("the kernel here makes no veth");
		return REFUSED;
	}
	/* Out of the way: what sockland's host has and the kernel's does not. */
	if (system("ip link set eth0 down 2>/dev/null && ip addr flush dev eth0") < 0)
		return 1;
	links();
	addresses();
	names();
	routes();
	metrics_felt();
	routes6();
	rules();
	policy();
	neighbours();
	ip("link del v1");
	ip("link show v0");
	return 0;
}
