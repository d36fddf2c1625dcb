/*
 * TCP_SAVE_SYN and TCP_SAVED_SYN: what a listener's program learns of its peers' SYNs, how often, and with how large a buffer.
 */
#include <linux/tcp.h>
#define _NETINET_TCP_H 1
#include "say.h"

static unsigned read_16(const unsigned char *p) { return (unsigned)p[0] << 8 | p[1]; }

static void say_options(const unsigned char *p, size_t len)
{
	char kinds[200] = "";

	for (size_t i = 0; i < len && p[i] != 0; i += p[i] == 1 || i + 1 >= len || p[i + 1] == 0 ? 1 : p[i + 1]) {
		size_t at = strlen(kinds);
		snprintf(kinds + at, sizeof(kinds) - at, " %d", p[i]);
		if (p[i] == 2 && i + 4 <= len)
			snprintf(kinds + strlen(kinds), sizeof(kinds) - strlen(kinds), "(%u)", read_16(p + i + 2));
	}
	say("options", "%s", kinds);
}

static void say_syn(int fd, size_t room, int link)
{
	unsigned char syn[256] = { 0 };
	socklen_t len = (socklen_t)room;
	long rc = getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, syn, &len);

	say_rc("TCP_SAVED_SYN", rc);
	say("its length", "%d", (int)len);
	if (rc < 0)
		return;
	if (len < 54u)
		return;
	if (link)
		say("link header's type", "%x", read_16(syn + 12));
	unsigned char *ip = syn + link, *tcp = ip + (ip[0] >> 4 == 4 ? 20 : 40);
	say("version and hops", "%d %d", ip[0] >> 4, ip[0] >> 4 == 4 ? ip[8] : ip[7]);
	say("ports", "%d %d", read_16(tcp) != 0, read_16(tcp + 2) != 0);
	say("flags and header", "%x %d", tcp[13], tcp[12] >> 4);
	say_options(tcp + 20, len - (size_t)(tcp + 20 - syn));
}

static void one(int family, int mode)
{
	int l = listening(family, 5), client, fd;

	say_about("%s %d", family_text(family), mode);
	say_rc("TCP_SAVE_SYN", setsockopt(l, IPPROTO_TCP, TCP_SAVE_SYN, &mode, sizeof(mode)));
	client = connected_to(family, SOCK_STREAM, port_of(l));
	fd = MUST(accept(l, NULL, NULL));
	say_about("%s %d listener", family_text(family), mode);
	say_syn(l, 256, 0);
	say_about("%s %d client", family_text(family), mode);
	say_syn(client, 256, 0);
	say_about("%s %d too short", family_text(family), mode);
	say_syn(fd, 50, 0);
	say_about("%s %d", family_text(family), mode);
	say_syn(fd, 256, mode == 2 ? 14 : 0);
	say_about("%s %d again", family_text(family), mode);
	say_syn(fd, 256, 0);
	close(client);
	close(fd);
	close(l);
}

int main(void)
{
	say_start();
	for (int mode = 0; mode < 3; mode++) {
		one(AF_INET, mode);
		one(AF_INET6, mode);
	}
	for (int v = -1; v < 5; v += 4) {
		int l = listening(AF_INET, 5);
		say_about("mode %d", v);
		say_rc("TCP_SAVE_SYN", setsockopt(l, IPPROTO_TCP, TCP_SAVE_SYN, &v, sizeof(v)));
		say_rc("TCP_SAVED_SYN", setsockopt(l, IPPROTO_TCP, TCP_SAVED_SYN, &v, sizeof(v)));
		close(l);
	}
	return 0;
}
