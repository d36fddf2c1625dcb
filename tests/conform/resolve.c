/* Names and interfaces by libc: getaddrinfo, gethostbyname and the rest for localhost and numbers; the loopback that getifaddrs and if_* show. */
#include "say.h"
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>

/* A hosts file that names localhost for both families makes libc give 127.0.0.1 twice. */
static bool is_repeated(const struct addrinfo *list, const struct addrinfo *ai)
{
	for (; list != ai; list = list->ai_next)
		if (list->ai_socktype == ai->ai_socktype && list->ai_addrlen == ai->ai_addrlen && memcmp(list->ai_addr, ai->ai_addr, ai->ai_addrlen) == 0)
			return true;
	return false;
}

static void look_up(const char *node, const char *service, int family, int socktype, int flags)
{
	struct addrinfo hints = { .ai_family = family, .ai_socktype = socktype, .ai_flags = flags }, *list, *ai;
	int rc = getaddrinfo(node, service, &hints, &list), n = 0;

	say_about("getaddrinfo(%s, %s, %d, %d, %#x)", node ? node : "NULL", service ? service : "NULL", family, socktype, flags);
	say("result", "%s", rc ? gai_strerror(rc) : "0");
	if (rc)
		return;
	for (ai = list; ai; ai = ai->ai_next) {
		char text[64] = "?", name[16];
		union name a = { 0 };

		if (is_repeated(list, ai))
			continue;

		memcpy(&a, ai->ai_addr, ai->ai_addrlen);
		inet_ntop(ai->ai_family, ai->ai_family == AF_INET6 ? (void *)&a.in6.sin6_addr : (void *)&a.in.sin_addr, text, sizeof(text));
		snprintf(name, sizeof(name), "%d", n++);
		say(name, "%s port %u type %d protocol %d", text, name_port(&a), ai->ai_socktype, ai->ai_protocol);
	}
	freeaddrinfo(list);
}

static void hosts(void)
{
	struct hostent *h = gethostbyname("localhost");
	union name n = name_lo(AF_INET, 80);
	char host[64], service[32];

	say_about("netdb");
	say("gethostbyname localhost", "%s", h && h->h_addrtype == AF_INET ? inet_ntoa(*(struct in_addr *)h->h_addr_list[0]) : "none");
	say("gethostbyname of nothing", "%s", gethostbyname("no-such-host.invalid") ? "found" : "none");
	say("getnameinfo numeric", "%d", getnameinfo(&n.sa, sizeof(n.in), host, sizeof(host), service, sizeof(service), NI_NUMERICHOST | NI_NUMERICSERV));
	say("it", "%s %s", host, service);
	say("getnameinfo", "%d", getnameinfo(&n.sa, sizeof(n.in), host, sizeof(host), service, sizeof(service), NI_NUMERICSERV));
	say("it", "%s", host);
	struct servent *s = getservbyname("http", "tcp");
	say("getservbyname", "%d", s ? ntohs((uint16_t)s->s_port) : -1);
}

static void interfaces(void)
{
	struct ifaddrs *list, *i;
	char text[64];

	say_about("getifaddrs");
	if (say_rc("getifaddrs", getifaddrs(&list)) < 0)
		return;
	for (i = list; i; i = i->ifa_next) {
		if (strcmp(i->ifa_name, "lo") != 0)
			continue;
		snprintf(text, sizeof(text), "lo family %d", i->ifa_addr ? i->ifa_addr->sa_family : -1);
		say(text, "flags %#x netmask %d", i->ifa_flags, i->ifa_netmask != NULL);
		if (i->ifa_addr && (i->ifa_addr->sa_family == AF_INET || i->ifa_addr->sa_family == AF_INET6)) {
			union name n = { 0 };

			memcpy(&n, i->ifa_addr, name_len(i->ifa_addr->sa_family));
			say_name("address", &n, name_len(i->ifa_addr->sa_family));
			memcpy(&n, i->ifa_netmask, name_len(i->ifa_addr->sa_family));
			say_name("mask", &n, name_len(i->ifa_addr->sa_family));
		}
	}
	freeifaddrs(list);
	say("if_nametoindex lo", "%u", if_nametoindex("lo"));
	say("if_nametoindex nonesuch", "%u %s", if_nametoindex("nonesuch"), say_errno(errno));
	say("if_indextoname 1", "%s", if_indextoname(1, text) ? text : "none");
	say("if_indextoname 999", "%s %s", if_indextoname(999, text) ? text : "none", say_errno(errno));
	struct if_nameindex *names = if_nameindex();
	say("if_nameindex first", "%u %s", names ? names[0].if_index : 0, names ? names[0].if_name : "none");
	bool agree = true;
	for (struct if_nameindex *n = names; n && n->if_name; n++)
		agree = agree && if_nametoindex(n->if_name) == n->if_index && if_indextoname(n->if_index, text) && strcmp(text, n->if_name) == 0;
	say("names and indices agree", "%d", agree);
	if_freenameindex(names);
}

/* By this file Java finds IPv6 addresses, and that there are any. */
static void if_inet6(void)
{
	FILE *f = fopen("/proc/net/if_inet6", "r");
	char line[100];

	say_about("if_inet6");
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, " lo\n"))
			say("lo", "%.*s", (int)strcspn(line, "\n"), line);
	if (f)
		fclose(f);
}

static void requests(void)
{
	static const struct { unsigned long request; const char *text; } q[] = {
		{ SIOCGIFFLAGS, "SIOCGIFFLAGS" }, { SIOCGIFMTU, "SIOCGIFMTU" }, { SIOCGIFINDEX, "SIOCGIFINDEX" }, { SIOCGIFADDR, "SIOCGIFADDR" },
		{ SIOCGIFNETMASK, "SIOCGIFNETMASK" },
	};
	int fd = MUST(socket(AF_INET, SOCK_DGRAM, 0));

	say_about("ioctl lo");
	for (size_t i = 0; i < sizeof(q) / sizeof(*q); i++) {
		struct ifreq r = { .ifr_name = "lo" };

		if (say_rc(q[i].text, ioctl(fd, q[i].request, &r)) < 0)
			continue;
		if (q[i].request == SIOCGIFADDR || q[i].request == SIOCGIFNETMASK)
			say("address", "%s", inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr));
		else
			say("value", "%d", q[i].request == SIOCGIFFLAGS ? r.ifr_flags : r.ifr_mtu);
	}
	struct ifreq r = { .ifr_name = "nonesuch" };
	say_rc("nonesuch", ioctl(fd, SIOCGIFFLAGS, &r));
	r = (struct ifreq){ .ifr_ifindex = 1 };
	say_rc("SIOCGIFNAME 1", ioctl(fd, SIOCGIFNAME, &r));
	say("name", "%s", r.ifr_name);
	struct ifconf c = { 0 };
	say_rc("SIOCGIFCONF", ioctl(fd, SIOCGIFCONF, &c));
	say("size", "%d", c.ifc_len >= (int)sizeof(struct ifreq) && c.ifc_len % (int)sizeof(struct ifreq) == 0);
	say_rc("bad pointer", ioctl(fd, SIOCGIFFLAGS, (void *)8));
	close(fd);
}

int main(void)
{
	say_start();
	look_up("localhost", "80", AF_INET, SOCK_STREAM, 0);
	look_up("localhost", NULL, AF_INET, 0, 0);
	look_up("127.0.0.1", "http", AF_UNSPEC, SOCK_STREAM, 0);
	look_up("::1", "53", AF_UNSPEC, SOCK_DGRAM, AI_NUMERICHOST);
	look_up("::1", "53", AF_INET, SOCK_DGRAM, AI_NUMERICHOST);
	look_up("127.0.0.1", "53", AF_INET6, SOCK_DGRAM, AI_V4MAPPED);
	look_up(NULL, "8080", AF_UNSPEC, SOCK_STREAM, AI_PASSIVE);
	look_up(NULL, "8080", AF_UNSPEC, SOCK_STREAM, 0);
	look_up("not a name!", "80", AF_UNSPEC, SOCK_STREAM, AI_NUMERICHOST);
	look_up("localhost", "no-such-service", AF_UNSPEC, SOCK_STREAM, 0);
	look_up(NULL, NULL, AF_UNSPEC, 0, 0);
	hosts();
	interfaces();
	if_inet6();
	requests();
	return 0;
}
