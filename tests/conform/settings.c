/*
 * Settings of the network, below /proc/sys/net, as files: what is written is there at once, for whoever has the file open and however it was opened, and
 * is written at its beginning or not at all. All names of a file lead to it.
 */
#include "say.h"
#include <sched.h>
#include <sys/mount.h>

#define NET "/proc/sys/net"
#define SETTING NET "/core/somaxconn"

/* What a read at a position finds, up to the end of its line. */
static void say_text(const char *name, int fd, off_t at)
{
	char got[64] = "";
	long n = pread(fd, got, sizeof(got) - 1, at);

	if (n < 0) {
		say_rc(name, n);
		return;
	}
	got[strcspn(got, "\n")] = 0;
	say(name, "%ld '%s'", n, got);
}

static void say_file(const char *name, int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY);

	if (fd < 0) {
		say_rc(name, fd);
		return;
	}
	say_text(name, fd, 0);
	close(fd);
}

static void write_and_look(void)
{
	int fd = MUST(open(SETTING, O_RDWR)), copy = MUST(dup(fd)), other = MUST(open(SETTING, O_RDONLY)), writer = MUST(open(SETTING, O_WRONLY));
	struct iovec v[2] = { { "8", 1 }, { "3\n", 2 } };
	char c;

	say_about("somaxconn");
	say_text("at first", other, 0);
	say_rc("write", write(fd, "71\n", 3));
	say_text("a copy", copy, 0);
	say_text("another", other, 0);
	say_rc("write behind the beginning", write(copy, "72\n", 3));
	say_text("another", other, 0);
	say_rc("where it stands", lseek(fd, 0, SEEK_CUR));
	say_rc("pwrite", pwrite(fd, "73\n", 3, 0));
	say_text("another", other, 0);
	say_rc("pwrite at 1", pwrite(fd, "74\n", 3, 1));
	say_text("another", other, 0);
	say_text("another, at 1", other, 1);
	say_rc("where it stands", lseek(fd, 0, SEEK_CUR));
	say_rc("read one octet", read(other, &c, 1));
	say_rc("and another", read(other, &c, 1));
	say_rc("pwritev", pwritev(fd, v, 2, 0));
	say_text("another", other, 0);
	say_rc("pwritev2", pwritev2(fd, v, 1, 0, 0));
	say_text("another", other, 0);
	say_rc("pwrite nothing", pwrite(fd, "", 0, 0));
	say_rc("pwrite at -1", pwrite(fd, "75", 2, -1));
	say_rc("pwrite no number", pwrite(fd, "x", 1, 0));
	say_rc("pwrite too little", pwrite(fd, "-1", 2, 0));
	say_rc("write to one that is read", write(other, "76\n", 3));
	say_rc("read one that is written", read(writer, &c, 1));
	say_rc("write there", write(writer, "77\n", 3));
	say_text("another", other, 0);
	say_rc("as it is open", fcntl(writer, F_GETFL) & O_ACCMODE);
	say_rc("as it is open", fcntl(other, F_GETFL) & O_ACCMODE);
	close(fd);
	close(copy);
	close(other);
	close(writer);
}

static void spliced(void)
{
	int fd = MUST(open(SETTING, O_RDWR)), p[2];
	loff_t at = 0;
	char left[8];

	say_about("splice");
	MUST(pipe2(p, O_NONBLOCK));
	MUST(write(p[1], "81\n", 3));
	say_rc("to it", splice(p[0], NULL, fd, NULL, 16, 0));
	say_text("then", fd, 0);
	MUST(write(p[1], "82\n", 3));
	say_rc("to its beginning", splice(p[0], NULL, fd, &at, 16, 0));
	say("which is then", "%ld", (long)at);
	say_text("then", fd, 0);
	MUST(write(p[1], "x", 1));
	at = 0;
	say_rc("no number", splice(p[0], NULL, fd, &at, 16, 0));
	say_rc("which stays in the pipe", read(p[0], left, sizeof(left)));
	say_rc("nothing", splice(p[0], NULL, fd, &at, 16, 0));
	close(fd);
	close(p[0]);
	close(p[1]);
}

/* Over exec it is known again. */
static void inherited(void)
{
	int fd = MUST(open(SETTING, O_RDWR));
	pid_t child = MUST(fork());

	say_about("inherited");
	if (child == 0) {
		MUST(dup2(fd, 3));
		execl("/bin/sh", "sh", "-c", "echo 91 >&3", (char *)NULL);
		_exit(1);
	}
	MUST(waitpid(child, NULL, 0));
	say_text("what a shell has written", fd, 0);
	close(fd);
}

static void by_other_names(void)
{
	char link[64], below[96];
	int dir;

	say_about("by another name");
	dir = MUST(open("/proc/sys", O_RDONLY | O_DIRECTORY));
	say_file("below /proc/sys", dir, "net/core/somaxconn");
	close(dir);
	dir = MUST(open("/", O_PATH));
	say_file("below /", dir, "proc/sys/net/core/somaxconn");
	close(dir);
	dir = MUST(open("/etc", O_RDONLY | O_DIRECTORY));
	say_file("beside /etc", dir, "../proc/sys/net/core/somaxconn");
	close(dir);
	say_file("by /proc/self/root", AT_FDCWD, "/proc/self/root" SETTING);
	MUST(chdir("/etc"));
	say_file("beside the working directory", AT_FDCWD, ".." SETTING);
	snprintf(link, sizeof(link), "/tmp/settings.%d", getpid());
	MUST(symlink(SETTING, link));
	say_file("by a link", AT_FDCWD, link);
	int fd = MUST(open(link, O_WRONLY | O_TRUNC));
	say_rc("write by a link", write(fd, "92\n", 3));
	close(fd);
	say_file("then", AT_FDCWD, SETTING);
	say_rc("a link that is not followed", open(link, O_RDONLY | O_NOFOLLOW));
	MUST(unlink(link));
	MUST(symlink(NET, link));
	snprintf(below, sizeof(below), "%s/core/somaxconn", link);
	say_file("below a link", AT_FDCWD, below);
	MUST(unlink(link));
}

/* Writes octets to a file below /proc/sys/net. */
static void put_octets(const char *path, const char *value, size_t len)
{
	char whole[128], name[160];
	int fd;

	snprintf(whole, sizeof(whole), NET "/%s", path);
	snprintf(name, sizeof(name), "%.*s to %s", (int)strcspn(value, "\n"), value, path);
	fd = open(whole, O_WRONLY);
	say_rc(name, fd < 0 ? fd : write(fd, value, len));
	if (fd >= 0)
		close(fd);
}

static void put(const char *path, const char *value) { put_octets(path, value, strlen(value)); }

static void put_and_look(const char *path, const char *value, size_t len)
{
	char whole[128];

	put_octets(path, value, len);
	snprintf(whole, sizeof(whole), NET "/%s", path);
	say_file("then", AT_FDCWD, whole);
}

/* How numbers may be written, and what may stand behind them. */
static void notations(void)
{
	static const char *const ttl[] = { "0x20", "077", "  33", "33 ", "33x", "0x", "34 44", "33,44", "+33", "-1", "300", "\n", "09", "0X1F",
					   "99999999999999999999", "- 3", "33\r", "33\t", "35\n44\n", "0000000000000000000044", "00000000000000000000045" };
	static const char *const rmem[] = { "0x1000 010000 99999", "1 2", "5", "6,7", "8 9x", "10\n11\n12", "1 2 -3", "4096\t131072\t6291456" };
	static const char *const range[] = { "0x2000 60000", "9000", "50000 40000", "0 5", "40000 70000", "32768 60999" };
	static const char *const filter[] = { "-0x1", "2147483648", "-2147483648", "-2147483649", "010", "0" };
	static const char *const words[] = { "reno\n", " reno", "reno ", "Reno" };

	say_about("notation");
	for (size_t i = 0; i < sizeof(ttl) / sizeof(*ttl); i++)
		put_and_look("ipv4/ip_default_ttl", ttl[i], strlen(ttl[i]));
	put_and_look("ipv4/ip_default_ttl", "36\0", 3);
	put_and_look("ipv4/ip_default_ttl", "37\n\0", 4);
	for (size_t i = 0; i < sizeof(rmem) / sizeof(*rmem); i++)
		put_and_look("ipv4/tcp_rmem", rmem[i], strlen(rmem[i]));
	for (size_t i = 0; i < sizeof(range) / sizeof(*range); i++)
		put_and_look("ipv4/ip_local_port_range", range[i], strlen(range[i]));
	for (size_t i = 0; i < sizeof(filter) / sizeof(*filter); i++)
		put_and_look("ipv4/conf/lo/rp_filter", filter[i], strlen(filter[i]));
	put_and_look("ipv4/tcp_notsent_lowat", "0x10 1", 6);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		put_and_look("ipv4/tcp_congestion_control", words[i], strlen(words[i]));
	put_and_look("ipv4/tcp_congestion_control", "reno\0x", 6);
}

/* Whom ping_group_range lets have a ping socket. */
static void pinging(void)
{
	static const char *const range[] = { "1 0", "0 4294967295", "0 4294967296", "-1 5", "7 3", "5", "", "0x10 020", "0 2147483647" };
	unsigned own = getegid();
	char text[64];

	say_about("ping_group_range");
	for (size_t i = 0; i < sizeof(range) / sizeof(*range); i++)
		put_and_look("ipv4/ping_group_range", range[i], strlen(range[i]));
	for (unsigned i = 0; i < 4; i++) {
		int fd = MUST(open(NET "/ipv4/ping_group_range", O_WRONLY));
		snprintf(text, sizeof(text), "%u %u", own + i / 2, own + i);
		say_rc("write", write(fd, text, strlen(text)) > 0);
		say("for v4", "%s", say_errno(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP) < 0 ? errno : 0));
		say("for v6", "%s", say_errno(socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6) < 0 ? errno : 0));
		close(fd);
	}
}

/* What a setting is, for each whose it can be. A network namespace's neighbours have no "default". */
static void say_each(const char *directory, const char *setting)
{
	static const char *const whose[] = { "all", "default", "lo", "first", "second" };
	char path[128], text[128] = "";

	for (int i = strstr(directory, "neigh") ? 2 : 0; i < 5; i++) {
		char value[32] = "-";
		snprintf(path, sizeof(path), NET "/%s/%s/%s", directory, whose[i], setting);
		int fd = open(path, O_RDONLY);
		long n = fd < 0 ? -1 : read(fd, value, sizeof(value) - 1);
		value[n < 0 ? 1 : n - 1] = 0;
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s", value);
		if (fd >= 0)
			close(fd);
	}
	say(setting, "%s", text + 1);
}

static void link_made(const char *name)
{
	char command[128];

	snprintf(command, sizeof(command), "ip link add %s type veth peer name %s-peer", name, name);
	say_rc(command, system(command));
}

/* Who is meant by "all", by "default", and by a name. */
static void each_its_own(void)
{
	static const char *const switches[] = { "accept_redirects", "secure_redirects", "shared_media", "send_redirects" };
	char path[128];

	say_about("each its own");
	put("ipv4/conf/all/forwarding", "1");
	put("ipv4/conf/all/forwarding", "0");
	put("ipv4/conf/default/forwarding", "0");
	link_made("first");
	say_each("ipv4/conf", "forwarding");
	put("ipv4/conf/lo/forwarding", "1");
	say_each("ipv4/conf", "forwarding");
	put("ipv4/conf/default/forwarding", "2");
	link_made("second");
	say_each("ipv4/conf", "forwarding");
	put("ipv4/ip_forward", "1");
	say_each("ipv4/conf", "forwarding");
	say_each("ipv4/conf", "accept_redirects");
	put("ipv4/conf/first/forwarding", "0");
	put("ipv4/ip_forward", "1");
	say_each("ipv4/conf", "forwarding");
	put("ipv4/conf/all/forwarding", "0");
	say_each("ipv4/conf", "accept_redirects");
	say_each("ipv4/conf", "forwarding");
	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "ipv4/conf/first/%s", switches[i]);
		put(path, i ? "0" : "7");
		snprintf(path, sizeof(path), "ipv4/conf/default/%s", switches[i]);
		put(path, "0");
		say_each("ipv4/conf", switches[i]);
	}
	put("ipv6/conf/second/forwarding", "1");
	say_each("ipv6/conf", "forwarding");
	put("ipv6/conf/all/forwarding", "0");
	say_each("ipv6/conf", "forwarding");
	put("ipv6/conf/all/accept_ra", "0");
	put("ipv6/conf/lo/accept_ra", "2");
	say_each("ipv6/conf", "accept_ra");
	put("ipv6/conf/first/router_solicitations", "-2");
	put("ipv6/conf/first/router_solicitations", "-1");
	put("ipv6/conf/first/router_solicitation_delay", "5");
	say_each("ipv6/conf", "router_solicitation_delay");
	put("ipv4/neigh/first/ucast_solicit", "5");
	put("ipv4/neigh/all/ucast_solicit", "5");
	say_each("ipv4/neigh", "ucast_solicit");
	say_each("ipv6/neigh", "ucast_solicit");
	put("ipv4/conf/first/arp_ignore", "8");
	put("ipv4/conf/default/arp_ignore", "1");
	say_each("ipv4/conf", "arp_ignore");
	put("ipv6/conf/first/hop_limit", "256");
	put("ipv6/conf/first/hop_limit", "0");
	put("ipv6/conf/first/hop_limit", "33");
	say_each("ipv6/conf", "hop_limit");
	put("ipv6/conf/second/dad_transmits", "0");
	say_each("ipv6/conf", "dad_transmits");
	put("ipv4/neigh/first/locktime", "0");
	say_each("ipv4/neigh", "locktime");
	put("ipv4/conf/none/forwarding", "1");
	put("ipv4/conf/first/mc_forwarding", "1");
	say_each("ipv4/conf", "mc_forwarding");
}

/* What sockets begin with. */
static void begun_with(void)
{
	union name lo = name_lo(AF_INET6, 9);
	int fd, v;
	socklen_t len = sizeof(v);

	say_about("a socket's");
	put("ipv6/conf/all/hop_limit", "44");
	put("ipv6/conf/lo/hop_limit", "55");
	put("ipv4/ip_no_pmtu_disc", "1");
	fd = MUST(socket(AF_INET6, SOCK_DGRAM, 0));
	MUST(getsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &v, &len));
	say("hops", "%d", v);
	MUST(connect(fd, &lo.sa, sizeof(lo.in6)));
	MUST(getsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &v, &len));
	say("hops to lo", "%d", v);
	close(fd);
	fd = MUST(socket(AF_INET, SOCK_DGRAM, 0));
	MUST(getsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &v, &len));
	say("path MTU discovery", "%d", v);
	close(fd);
	put("ipv4/ip_no_pmtu_disc", "0");
}

/* How many addresses of IPv6 two interfaces have, and what a socket finds. */
static void say_six(const char *when)
{
	union name lo = name_lo(AF_INET6, 0);
	int of_lo = 0, of_first = 0, fd = MUST(socket(AF_INET6, SOCK_DGRAM, 0));
	char line[128];
	FILE *f = fopen("/proc/net/if_inet6", "r");

	while (f && fgets(line, sizeof(line), f)) {
		of_lo += strstr(line, " lo\n") != NULL;
		of_first += strstr(line, " first\n") != NULL;
	}
	fclose(f);
	say(when, "lo %d, first %d", of_lo, of_first);
	say_rc("bind to ::1", bind(fd, &lo.sa, sizeof(lo.in6)));
	close(fd);
}

static void without_ipv6(void)
{
	static const char up[] = "ip link set first up && ip link set first-peer up", add[] = "ip addr add 2001:db8::1/64 dev first 2>/dev/null";

	say_about("without IPv6");
	say_rc(up, system(up));
	say_rc(add, system(add));
	say_six("before");
	say_rc("a neighbour", system("ip neigh add 2001:db8::2 lladdr 02:00:00:00:00:02 dev first"));
	put("ipv6/conf/lo/disable_ipv6", "1");
	say_six("lo is off");
	put("ipv6/conf/all/disable_ipv6", "1");
	say_six("all are off");
	say_each("ipv6/conf", "disable_ipv6");
	say_rc(add, system(add));
	say_rc("a route", system("ip route add 2001:db8:7::/64 dev first 2>/dev/null"));
	say_rc("a neighbour", system("ip neigh add 2001:db8::2 lladdr 02:00:00:00:00:02 dev first 2>/dev/null"));
	put("ipv6/conf/first/disable_ipv6", "0");
	say_six("first is on");
	put("ipv6/conf/all/disable_ipv6", "0");
	say_six("all are on");
	say_rc(add, system(add));
	say_rc("the neighbour is there", system("ip -6 neigh show 2001:db8::2 dev first | grep -q lladdr"));
	say_each("ipv6/conf", "disable_ipv6");
}

/* On the kernel the directory of interfaces belongs to the network that it was mounted in. */
static void own_sysfs(void)
{
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return;
	mount("sysfs", "/sys", "sysfs", 0, NULL);
}

/* Writes to a file of an interface, and reads it. */
static void set(const char *file, const char *value)
{
	char path[96], name[400], got[512] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/class/net/%s", file);
	snprintf(name, sizeof(name), "'%.*s' to %s", (int)strcspn(value, "\n"), value, file);
	fd = open(path, O_RDWR);
	if (say_rc(name, fd < 0 ? fd : write(fd, value, strlen(value))) >= 0) {
		say_rc("read on from there", read(fd, got, sizeof(got)));
		lseek(fd, 0, SEEK_SET);
	}
	if (fd >= 0 && !strstr(file, "uevent") && say_rc("read", read(fd, got, sizeof(got) - 1)) > 0) {
		for (char *at = got; *at; at++)
			*at = *at == '\n' ? '|' : *at;
		say("which is", "'%s'", got);
	}
	if (fd >= 0)
		close(fd);
}

static void devices(void)
{
	static const char *const values[][2] = {
		{ "first/mtu", "1400" }, { "first/mtu", "0x500" }, { "first/mtu", "010000" }, { "first/mtu", " 1400" }, { "first/mtu", "1400 " },
		{ "first/mtu", "1500\n" }, { "first/mtu", "1500\n\n" }, { "first/mtu", "x" }, { "first/mtu", "10" }, { "first/mtu", "70000" },
		{ "first/mtu", "-1" }, { "first/mtu", "+1300" }, { "first/mtu", "99999999999999999999" }, { "first/tx_queue_len", "77" },
		{ "first/tx_queue_len", "4294967296" }, { "first/flags", "0x1003" }, { "first/flags", "3" }, { "first/flags", "0x100001002" },
		{ "first/carrier", "0" }, { "first/carrier", "x" }, { "first/ifalias", "of mine" }, { "first/ifalias", "with an end\n" },
		{ "first/ifalias", "\n" }, { "first/ifalias", "a\nb" }, { "first/netdev_group", "5" }, { "first/netdev_group", "0" },
		{ "first/netdev_group", "default" }, { "first/proto_down", "1" }, { "first/uevent", "xx" }, { "first/address", "02:00:00:00:00:01" },
		{ "first/operstate", "up" }, { "lo/mtu", "1" }, { "lo/mtu", "4294967295" }, { "lo/mtu", "65536" }, { "lo/flags", "9" }, { "lo/carrier", "1" },
		{ "lo/speed", "1" }, { "none/mtu", "1500" },
	};
	char alias[300];

	own_sysfs();
	say_about("a device");
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		set(values[i][0], values[i][1]);
	memset(alias, 'a', sizeof(alias) - 1);
	alias[256] = 0;
	set("first/ifalias", alias);
	alias[255] = 0;
	set("first/ifalias", alias);
}

int main(void)
{
	say_start();
	if (access(SETTING, W_OK) != 0) {
		puts("settings can't be written here");
		return REFUSED;
	}
	write_and_look();
	spliced();
	inherited();
	by_other_names();
	notations();
	pinging();
	each_its_own();
	begun_with();
	without_ipv6();
	devices();
	return 0;
}
