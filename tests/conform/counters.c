/*
 * What /proc/net/snmp, snmp6 and netstat count: how columns grow by one thing that happens. On a network of its own, where nobody else adds to them. Datagrams that
 * sockland takes past the stack are not counted there, so each socket here sends but one.
 */
#include "say.h"

#define LINE 8192

/* The number under a name, of a group of its list: "Tcp", "ActiveOpens". -1: there is none */
static long column(const char *group, const char *name)
{
	char names[LINE], numbers[LINE], prefix[32], *a, *b;
	long found = -1;
	FILE *f = fopen(strstr(group, "Ext") ? "/proc/net/netstat" : "/proc/net/snmp", "r");

	snprintf(prefix, sizeof(prefix), "%s: ", group);
	while (f && found < 0 && fgets(names, sizeof(names), f) && fgets(numbers, sizeof(numbers), f)) {
		if (strncmp(names, prefix, strlen(prefix)) != 0)
			continue;
		char *n = strtok_r(names, " \n", &a), *v = strtok_r(numbers, " \n", &b);
		while (n && v && strcmp(n, name) != 0) {
			n = strtok_r(NULL, " \n", &a);
			v = strtok_r(NULL, " \n", &b);
		}
		if (n && v)
			found = atol(v);
	}
	if (f)
		fclose(f);
	return found;
}

static long column6(const char *name)
{
	char line[LINE], word[64];
	long n, found = -1;
	FILE *f = fopen("/proc/net/snmp6", "r");

	while (f && found < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %ld", word, &n) == 2 && strcmp(word, name) == 0)
			found = n;
	if (f)
		fclose(f);
	return found;
}

struct counter { const char *group, *name; long was; };
static struct counter counters[] = {
	{ "Ip", "InReceives", 0 }, { "Ip", "InDelivers", 0 }, { "Ip", "OutRequests", 0 }, { "Ip", "FragCreates", 0 },
	{ "Ip", "ReasmOKs", 0 }, { "Icmp", "InMsgs", 0 }, { "Icmp", "OutMsgs", 0 }, { "Icmp", "InEchos", 0 },
	{ "Icmp", "OutEchoReps", 0 }, { "Icmp", "InDestUnreachs", 0 }, { "Icmp", "OutDestUnreachs", 0 }, { "Tcp", "ActiveOpens", 0 },
	{ "Tcp", "PassiveOpens", 0 }, { "Tcp", "AttemptFails", 0 }, { "Tcp", "EstabResets", 0 }, { "Tcp", "CurrEstab", 0 },
	{ "Tcp", "RetransSegs", 0 }, { "Tcp", "OutRsts", 0 }, { "Tcp", "InErrs", 0 }, { "Udp", "InDatagrams", 0 },
	{ "Udp", "NoPorts", 0 }, { "Udp", "InErrors", 0 }, { "Udp", "OutDatagrams", 0 }, { NULL, "Udp6InDatagrams", 0 },
	{ NULL, "Udp6NoPorts", 0 }, { NULL, "Udp6OutDatagrams", 0 }, { NULL, "Icmp6OutDestUnreachs", 0 },
	{ "Ip", "OutNoRoutes", 0 }, { "IpExt", "InOctets", 0 }, { "IpExt", "OutOctets", 0 }, { "IpExt", "InNoECTPkts", 0 },
	{ "IpExt", "InECT0Pkts", 0 }, { "IpExt", "OutMcastPkts", 0 }, { "IpExt", "InMcastPkts", 0 }, { "IpExt", "InMcastOctets", 0 },
	{ "TcpExt", "TCPAbortOnClose", 0 }, { "TcpExt", "TCPAbortOnData", 0 }, { "TcpExt", "TCPTimeouts", 0 }, { "TcpExt", "TCPDelivered", 0 },
	{ "TcpExt", "TCPKeepAlive", 0 }, { "TcpExt", "ListenDrops", 0 }, { "TcpExt", "ListenOverflows", 0 }, { "TcpExt", "TW", 0 },
	{ NULL, "Ip6InECT0Pkts", 0 },
};
#define N (sizeof(counters) / sizeof(*counters))

static long now(const struct counter *c) { return c->group ? column(c->group, c->name) : column6(c->name); }

static void begin(void)
{
	for (size_t i = 0; i < N; i++)
		counters[i].was = now(&counters[i]);
}

/* Of all those that have grown. */
static void say_grown(const char *name)
{
	char text[1024] = "";

	for (size_t i = 0; i < N; i++) {
		long by = now(&counters[i]) - counters[i].was;
		if (by)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s%s+%ld", counters[i].group ? counters[i].group : "",
				 counters[i].name, by);
	}
	say(name, "%s", text);
}

static void datagrams(int family)
{
	int to = bound(family, SOCK_DGRAM), from = MUST(socket(family, SOCK_DGRAM, 0));
	union name n = name_lo(family, port_of(to)), nobody = name_lo(family, port_closed(family, SOCK_DGRAM));
	char buf[16];

	say_about("udp %s", family_text(family));
	begin();
	MUST(sendto(from, "hello", 5, 0, &n.sa, name_len(family)));
	MUST(recv(to, buf, sizeof(buf), 0));
	say_grown("one that is received");
	close(from);
	from = MUST(socket(family, SOCK_DGRAM, 0));
	begin();
	MUST(sendto(from, "hello", 5, 0, &nobody.sa, name_len(family)));
	say_grown("one to nobody");
	close(from);
	close(to);
}

static void connections(void)
{
	int l = listening(AF_INET, 4), c = MUST(socket(AF_INET, SOCK_STREAM, 0)), a, one = 1;
	union name n = name_lo(AF_INET, port_of(l)), nobody = name_lo(AF_INET, port_closed(AF_INET, SOCK_STREAM));
	struct linger at_once = { 1, 0 };
	char names[256];

	say_about("tcp");
	MUST(setsockopt(c, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	begin();
	MUST(connect(c, &n.sa, sizeof(n.in)));
	a = MUST(accept(l, NULL, NULL));
	struct { const char *group, *name; } some[] = { { "Tcp", "ActiveOpens" }, { "Tcp", "PassiveOpens" }, { "Tcp", "CurrEstab" }, { "Tcp", "InErrs" } };
	long was[4];
	for (int i = 0; i < 4; i++)
		was[i] = column(some[i].group, some[i].name);
	snprintf(names, sizeof(names), "%ld %ld %ld %ld", was[0] - counters[11].was, was[1] - counters[12].was, was[2] - counters[15].was,
		 was[3] - counters[18].was);
	say("a connection: active, passive, established, errors", "%s", names);
	begin();
	MUST(setsockopt(c, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)));
	close(c);
	wait_for(a, POLLIN);
	say_grown("one end is closed at once");
	close(a);
	c = MUST(socket(AF_INET, SOCK_STREAM, 0));
	begin();
	say_rc("connect to nobody", connect(c, &nobody.sa, sizeof(nobody.in)));
	say_grown("which was refused");
	close(c);
	close(l);
}

static void large(void)
{
	static char text[20000];
	char buf[64];
	int to = MUST(socket(AF_INET, SOCK_RAW, 253)), from = MUST(socket(AF_INET, SOCK_RAW, 253));
	union name n = name_lo(AF_INET, 0);

	say_about("raw");
	begin();
	MUST(sendto(from, text, sizeof(text), 0, &n.sa, sizeof(n.in)));
	MUST(recv(to, buf, sizeof(buf), 0));
	say_grown("a datagram of no protocol that there is");
	close(to);
	close(from);
}

/* The bits of RFC 3168, a group, and where no way leads. */
static void marked(void)
{
	int to = bound(AF_INET, SOCK_DGRAM), from = MUST(socket(AF_INET, SOCK_DGRAM, 0)), from6 = MUST(socket(AF_INET6, SOCK_DGRAM, 0)), ect0 = 2;
	union name n = name_lo(AF_INET, port_of(to)), far = name_of(AF_INET, "192.0.2.1", 9), six = name_lo(AF_INET6, 9);
	char buf[16];

	say_about("ip");
	MUST(setsockopt(from, IPPROTO_IP, IP_TOS, &ect0, sizeof(ect0)));
	MUST(setsockopt(from6, IPPROTO_IPV6, IPV6_TCLASS, &ect0, sizeof(ect0)));
	begin();
	MUST(sendto(from, "hello", 5, 0, &n.sa, sizeof(n.in)));
	MUST(recv(to, buf, sizeof(buf), 0));
	say_grown("one that can be marked");
	begin();
	MUST(sendto(from6, "hello", 5, 0, &six.sa, sizeof(six.in6)));
	say_grown("another, by IPv6");
	MUST(system("ip route flush table main"));
	begin();
	say_rc("to nowhere", sendto(from, "hello", 5, 0, &far.sa, sizeof(far.in)));
	say_grown("which is counted");
	close(from);
	close(from6);
	close(to);
}

/* Those for whom the queue has no room. They go on trying. */
static void overflow(void)
{
	int l = listening(AF_INET, 0), c[3];
	union name n = name_lo(AF_INET, port_of(l));

	say_about("a full queue");
	begin();
	for (int i = 0; i < 3; i++) {
		c[i] = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
		connect(c[i], &n.sa, sizeof(n.in));
	}
	say("drops", "%d", column("TcpExt", "ListenDrops") >= 2);
	say("overflows", "%d", column("TcpExt", "ListenOverflows") >= 2);
	for (int i = 0; i < 3; i++)
		close(c[i]);
	close(l);
}

/* A connection that is closed with octets unread, and one that is idle. */
static void ends(void)
{
	int pair[2], on = 1;
	long was = column("TcpExt", "TCPKeepAlive");

	say_about("a connection");
	tcp_pair(AF_INET, pair);
	MUST(send(pair[0], "hello", 5, 0));
	wait_for(pair[1], POLLIN);
	was = column("TcpExt", "TCPAbortOnClose");
	close(pair[1]);
	say("unread", "%ld", column("TcpExt", "TCPAbortOnClose") - was);
	close(pair[0]);
	tcp_pair(AF_INET, pair);
	was = column("TcpExt", "TCPKeepAlive");
	MUST(setsockopt(pair[0], IPPROTO_TCP, TCP_KEEPIDLE, &on, sizeof(on)));
	MUST(setsockopt(pair[0], SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)));
	for (long end = now_ms() + 5000; column("TcpExt", "TCPKeepAlive") == was && now_ms() < end;)
		poll(NULL, 0, 20);
	say("idle", "%d", column("TcpExt", "TCPKeepAlive") > was);
	was = column("TcpExt", "TW");
	close(pair[0]);
	wait_for(pair[1], POLLIN);       /* or both would have closed at once */
	close(pair[1]);
	say("over", "%ld", column("TcpExt", "TW") - was);
}

int main(void)
{
	say_start();
	datagrams(AF_INET);
	datagrams(AF_INET6);
	connections();
	large();
	overflow();
	ends();
	marked();
	return 0;
}
