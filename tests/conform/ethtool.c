/*
 * SIOCETHTOOL, as an ordinary user, about the loopback interface and one that is not there: what each command answers and what it leaves in its struct,
 * by every kind of socket; and pointers that lead nowhere.
 */
#include "say.h"
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>

#define COMMANDS 0x60

static int ask(int fd, const char *name, void *data)
{
	struct ifreq r = { 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	r.ifr_data = data;
	return ioctl(fd, SIOCETHTOOL, &r);
}

/* Numbers that errno has no name for come out, too. */
static const char *result(int rc)
{
	static char text[32];

	snprintf(text, sizeof(text), "%s", rc >= 0 ? "0" : strerrorname_np(errno) ? strerrorname_np(errno) : "nameless");
	return text;
}

static void command(int fd, uint32_t cmd, uint32_t second, uint32_t third)
{
	uint32_t data[2048] = { cmd, second, third };
	char what[32], hex[129] = "";
	const char *r = result(ask(fd, "lo", data));

	for (int i = 0; i < 16; i++)
		snprintf(hex + 8 * i, 9, "%08x", data[i]);
	snprintf(what, sizeof(what), "%02x %x %x", cmd, second, third);
	say(what, "%s %s", r, hex);
	data[0] = cmd;
	say(what, "nosuch %s", result(ask(fd, "nosuch", data)));
}

static void pointers(int fd)
{
	uint32_t *end = (uint32_t *)0x7ffffffff000;

	say("no ifreq", "%s", result(ioctl(fd, SIOCETHTOOL, NULL)));
	say("NULL", "%s", result(ask(fd, "lo", NULL)));
	say("bad", "%s", result(ask(fd, "lo", end)));
	say("bad of nosuch", "%s", result(ask(fd, "nosuch", end)));
	say("no name", "%s", result(ask(fd, "", &(uint32_t){ ETHTOOL_GLINK })));
	say("alias", "%s", result(ask(fd, "lo:1", (uint32_t[2]){ ETHTOOL_GLINK })));
}

int main(void)
{
	static const struct { int family, type; } kinds[] = { { AF_INET, SOCK_DGRAM }, { AF_INET6, SOCK_STREAM }, { AF_NETLINK, SOCK_RAW },
							      { AF_UNIX, SOCK_STREAM } };

	say_start();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		int fd = MUST(socket(kinds[i].family, kinds[i].type, 0));
		say_about("by %d", kinds[i].family);
		command(fd, ETHTOOL_GLINK, 0, 0);
		pointers(fd);
		close(fd);
	}
	int fd = MUST(socket(AF_INET, SOCK_DGRAM, 0));
	say_about("all");
	for (uint32_t cmd = 0; cmd < COMMANDS; cmd++)
		command(fd, cmd, 0, 0);
	command(fd, ETHTOOL_GPERMADDR, 32, 0);
	command(fd, ETHTOOL_GPERMADDR, 5, 0);
	command(fd, ETHTOOL_GSSET_INFO, 0, 1 << ETH_SS_STATS);
	command(fd, ETHTOOL_GLINKSETTINGS, 0, 4u << 24);
	return 0;
}
