/*
 * /proc/net: the lists of sockets, with those that this program has found by their inodes as fstat tells them, and the heads of the other lists. The
 * kernel's are full of others' sockets and devices: of those nothing is said.
 */
#include "say.h"
#include <ctype.h>
#include <sys/stat.h>

#define LINE 512
#define FIELDS 32

struct line { char text[LINE]; char *field[FIELDS]; int n; size_t len; };

/* The line of a list of sockets in whose column `at` stands inode; columns count as awk's. */
static bool line_find(const char *list, int at, ino_t inode, struct line *ret)
{
	char path[64], text[LINE];
	bool found = false;

	snprintf(path, sizeof(path), "%s%s", *list == '/' ? "" : "/proc/net/", list);
	FILE *f = fopen(path, "r");
	while (f && !found && fgets(text, sizeof(text), f)) {
		strcpy(ret->text, text);
		ret->len = strlen(text);
		ret->n = 0;
		for (char *w = strtok(ret->text, " \t\n"); w && ret->n < FIELDS; w = strtok(NULL, " \t\n"))
			ret->field[ret->n++] = w;
		found = ret->n > at && strtoul(ret->field[at], NULL, 10) == inode;
	}
	if (f)
		fclose(f);
	return found;
}

static ino_t inode_of(int fd)
{
	struct stat st;

	MUST(fstat(fd, &st));
	return st.st_ino;
}

/* Ports that the system chose differ. */
static const char *end_text(char *end)
{
	char *port = strrchr(end, ':');

	if (port && strtoul(port + 1, NULL, 16) >= 1024)
		strcpy(port + 1, "PORT");
	return end;
}

#define INODE 9                   /* the column of it in the lists of tcp, udp and raw */

static void say_line(const char *name, const char *list, int fd)
{
	struct line l;

	if (!line_find(list, INODE, inode_of(fd), &l)) {
		say(name, "not there");
		return;
	}
	say(name, "%s %s %s %s, own uid %d, probes %s, filled up %d", end_text(l.field[1]), end_text(l.field[2]), l.field[3], l.field[4],
	    strtoul(l.field[7], NULL, 10) == getuid(), l.field[8], l.len == 150 || l.len == 128);
}

/* The same once its column of queues is as wanted, 5 s at most: ACKs take their time. */
static void say_settled(const char *name, const char *list, int fd, const char *queues)
{
	struct line l;

	for (long end = now_ms() + 5000; now_ms() < end; poll(NULL, 0, 5))
		if (line_find(list, INODE, inode_of(fd), &l) && strcmp(l.field[4], queues) == 0)
			break;
	say_line(name, list, fd);
}

static void say_head(const char *list)
{
	char path[64], text[LINE] = "";

	snprintf(path, sizeof(path), "/proc/net/%s", list);
	FILE *f = fopen(path, "r");
	if (!f || !fgets(text, sizeof(text), f))
		strcpy(text, "nothing");
	if (f)
		fclose(f);
	text[strcspn(text, "\n")] = 0;
	say(list, "'%s'", text);
}

static void heads(void)
{
	static const char *const lists[] = { "arp", "dev", "icmp", "icmp6", "igmp", "mcfilter", "mcfilter6", "netlink", "packet", "protocols", "psched", "ptype", "raw",
					     "raw6", "route", "rt_cache", "tcp", "tcp6", "udp", "udp6",
					     "udplite", "udplite6", "unix" };

	say_about("first line of");
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		say_head(lists[i]);
}

static void tcp_lists(int family, const char *list)
{
	int pair[2], l = listening(family, 7), lonely = bound(family, SOCK_STREAM), fresh = MUST(socket(family, SOCK_STREAM, 0));

	say_about("%s", list);
	say_line("of a new socket", list, fresh);
	say_line("of a bound one", list, lonely);
	say_line("of a listener", list, l);
	int waiting = connected_to(family, SOCK_STREAM, port_of(l));
	say_settled("of a listener with somebody waiting", list, l, "00000000:00000001");
	tcp_pair(family, pair);
	say_line("of a connection", list, pair[0]);
	say_line("of its other end", list, pair[1]);
	MUST(send(pair[0], "hello", 5, 0));
	say_settled("of it with octets read by nobody", list, pair[1], "00000000:00000005");
	say_settled("of who sent them", list, pair[0], "00000000:00000000");
	char buf[8];
	MUST(recv(pair[1], buf, 2, 0));
	say_line("when two are read", list, pair[1]);
	MUST(recv(pair[1], buf, 8, 0));
	say_line("when all are read", list, pair[1]);
	close(fresh);
	close(lonely);
	close(waiting);
	close(l);
	close(pair[1]);
	MUST(recv(pair[0], buf, 8, 0));
	struct line line;
	bool found = line_find(list, INODE, inode_of(pair[0]), &line);
	say("when the other end is closed", "%s", found ? line.field[3] : "nothing");
	close(pair[0]);
}

static void mapped(void)
{
	int l = MUST(socket(AF_INET6, SOCK_STREAM, 0));
	union name n = name_any(AF_INET6, 0);

	say_about("a listener of both families");
	MUST(bind(l, &n.sa, sizeof(n.in6)));
	MUST(listen(l, 1));
	int c = connected_to(AF_INET, SOCK_STREAM, port_of(l)), a = MUST(accept(l, NULL, NULL));
	say_line("itself", "tcp6", l);
	say_line("in the other list", "tcp", l);
	say_line("a caller by IPv4", "tcp", c);
	say_line("what it accepted", "tcp6", a);
	close(c);
	close(a);
	close(l);
}

static void udp_lists(int family, const char *list)
{
	int pair[2], fresh = MUST(socket(family, SOCK_DGRAM, 0)), b = bound(family, SOCK_DGRAM);

	say_about("%s", list);
	say_line("of a new socket", list, fresh);
	say_line("of a bound one", list, b);
	udp_pair(family, pair);
	say_line("of a connected one", list, pair[0]);
	MUST(send(pair[0], "hello", 5, 0));
	struct line l;
	bool found = line_find(list, INODE, inode_of(pair[1]), &l);
	say("with a datagram that nobody has read", "%d", found && strcmp(l.field[4], "00000000:00000000") != 0);
	close(pair[0]);
	close(pair[1]);
	close(fresh);
	close(b);
}

/* By whichever name: the same sockets. */
static void other_names(void)
{
	int l = listening(AF_INET, 1);
	char path[64];

	say_about("a listener by the list of");
	say_line("self", "/proc/self/net/tcp", l);
	say_line("thread-self", "/proc/thread-self/net/tcp", l);
	snprintf(path, sizeof(path), "/proc/%d/net/tcp", (int)getpid());
	say_line("its own process", path, l);
	snprintf(path, sizeof(path), "/proc/self/task/%d/net/tcp", (int)getpid());
	say_line("its thread", path, l);
	close(l);
}

static void loopback(void)
{
	char text[LINE];
	int n = 0, inet6 = 0;
	FILE *f = fopen("/proc/net/dev", "r");

	say_about("the line of lo");
	while (f && fgets(text, sizeof(text), f)) {
		char *colon = strchr(text, ':');
		if (!colon || strncmp(text, "    lo", 6) != 0)
			continue;
		for (char *w = strtok(colon + 1, " \n"); w; w = strtok(NULL, " \n"))
			n += isdigit((unsigned char)*w) != 0;
	}
	say("columns in dev", "%d", n);
	if (f)
		fclose(f);
	f = fopen("/proc/net/if_inet6", "r");
	while (f && fgets(text, sizeof(text), f))
		inet6 += strcmp(text, "00000000000000000000000000000001 01 80 10 80       lo\n") == 0;
	say("in if_inet6", "%d", inet6);
	if (f)
		fclose(f);
}

/* The lines of a list that have this in them, without what differs. */
static void say_lines(const char *list, const char *with)
{
	char path[64], text[LINE];
	int n = 0;

	snprintf(path, sizeof(path), "/proc/net/%s", list);
	FILE *f = fopen(path, "r");
	while (f && fgets(text, sizeof(text), f)) {
		if (!strstr(text, with))
			continue;
		text[strcspn(text, "\n")] = 0;
		say(list, "'%s'", text);
		n++;
	}
	if (f)
		fclose(f);
	say(list, "%d", n);
}

/* Groups that nobody else asks for, on the interface that is the same everywhere. */
static void groups(void)
{
	int a = MUST(socket(AF_INET, SOCK_DGRAM, 0)), b = MUST(socket(AF_INET, SOCK_DGRAM, 0)), c = MUST(socket(AF_INET6, SOCK_DGRAM, 0));
	struct ip_mreqn any = { .imr_multiaddr.s_addr = htonl(0xef4d4e4f), .imr_ifindex = 1 };
	struct ip_mreq_source from = { .imr_multiaddr.s_addr = htonl(0xef4d4e50), .imr_interface.s_addr = htonl(INADDR_LOOPBACK),
				       .imr_sourceaddr.s_addr = htonl(0x0a010203) };
	struct group_source_req from6 = { .gsr_interface = 1 };
	union name group6 = name_of(AF_INET6, "ff12::4d4e:4f50", 0), source6 = name_of(AF_INET6, "fd00::77", 0);

	say_about("groups");
	MUST(setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP, &any, sizeof(any)));
	MUST(setsockopt(b, IPPROTO_IP, IP_ADD_MEMBERSHIP, &any, sizeof(any)));
	MUST(setsockopt(a, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &from, sizeof(from)));
	from6.gsr_group = group6.ss;
	from6.gsr_source = source6.ss;
	MUST(setsockopt(c, IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP, &from6, sizeof(from6)));
	say_lines("igmp", "4F4E4DEF");
	say_lines("igmp", "504E4DEF");
	say_lines("mcfilter", "0xef4d4e50");
	say_lines("mcfilter6", "ff12000000000000000000004d4e4f50");
	say_lines("igmp6", "ff12000000000000000000004d4e4f50");
	close(a);
	close(b);
	close(c);
	say_lines("igmp", "4F4E4DEF");
}

static void say_open(const char *path, int flags)
{
	int fd = open(path, flags);

	say_fd(path, fd);
	if (fd < 0)
		return;
	struct stat st;
	MUST(fstat(fd, &st));
	say("mode", "%#o", st.st_mode);
	close(fd);
}

/* A file that is kept open tells, from its start on, what is now. */
static int lines_of(int fd, bool at_a_position)
{
	static char text[1 << 16];
	off_t at = 0;
	int lines = 0;

	for (;;) {
		ssize_t n = MUST(at_a_position ? pread(fd, text, sizeof(text), at) : read(fd, text, sizeof(text)));
		if (n == 0)
			return lines;
		for (ssize_t i = 0; i < n; i++)
			lines += text[i] == '\n';
		at += n;
	}
}

static void kept_open(void)
{
	int fd = MUST(open("/proc/net/packet", O_RDONLY)), other = MUST(open("/proc/net/raw6", O_RDONLY | O_CLOEXEC));
	int tcp = MUST(open("/proc/net/tcp6", O_RDONLY | O_CLOEXEC)), before = lines_of(tcp, false), l = listening(AF_INET6, 1);

	say_about("kept open");
	say("lines", "%d, %d", lines_of(fd, false), lines_of(other, true));
	MUST(lseek(tcp, 0, SEEK_SET));
	say("one more", "%d", lines_of(tcp, false) > before);
	close(l);
	say("by position", "%d", lines_of(tcp, true) > 0);
	say("and by its own", "%d", lines_of(tcp, false));
	say_rc("flags", fcntl(tcp, F_GETFD));
	close(fd);
	close(other);
	close(tcp);
}

static void opened(void)
{
	say_about("open");
	say_open("/proc/net/tcp", O_RDONLY);
	say_open("/proc/net/nowhere", O_RDONLY);
	say_open("/proc/self/net/nowhere", O_RDONLY);
	say_about("open to write");
	say_open("/proc/net/tcp", O_WRONLY);
	say_open("/proc/net/tcp", O_RDWR);
}

int main(void)
{
	say_start();
	heads();
	tcp_lists(AF_INET, "tcp");
	tcp_lists(AF_INET6, "tcp6");
	mapped();
	udp_lists(AF_INET, "udp");
	udp_lists(AF_INET6, "udp6");
	loopback();
	groups();
	other_names();
	kept_open();
	opened();
	return 0;
}
