/*
 * TCP_ULP and SOL_TLS where no upper protocol is: names that there are none of, lengths, and what the options answer in each state. "tls" itself depends on
 * how the kernel was built; tests/shim tls has that.
 */
#include "say.h"
#include <linux/tls.h>

static void names(int fd)
{
	static const char *const texts[] = { "nonsense", "tl", "tlss", "TLS", "a name that is longer than sixteen" };
	char name[40] = "";

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		say_rc(texts[i], setsockopt(fd, IPPROTO_TCP, TCP_ULP, texts[i], (socklen_t)strlen(texts[i])));
	say_rc("no octet", setsockopt(fd, IPPROTO_TCP, TCP_ULP, "nonsense", 0));
	say_rc("an empty name", setsockopt(fd, IPPROTO_TCP, TCP_ULP, "", 1));
	say_rc("a negative length", setsockopt(fd, IPPROTO_TCP, TCP_ULP, "nonsense", (socklen_t)-1));
	say_rc("NULL", setsockopt(fd, IPPROTO_TCP, TCP_ULP, NULL, 4));
	say_rc("NULL of no octet", setsockopt(fd, IPPROTO_TCP, TCP_ULP, NULL, 0));
	for (int room = -1; room < 40; room += 8) {
		socklen_t len = (socklen_t)room;
		say("room", "%d", room);
		say_rc("get", getsockopt(fd, IPPROTO_TCP, TCP_ULP, name, &len));
		say("length", "%d", (int)len);
	}
}

static void keys(int fd)
{
	char info[64] = { 4, 3, 51 };

	for (int name = 0; name < 7; name++) {
		socklen_t len = sizeof(info);
		say("SOL_TLS", "%d", name);
		say_rc("set", setsockopt(fd, SOL_TLS, name, info, 40));
		say_rc("set nothing", setsockopt(fd, SOL_TLS, name, NULL, 0));
		say_rc("get", getsockopt(fd, SOL_TLS, name, info, &len));
	}
}

static void all(const char *state, int family, int fd)
{
	say_about("%s %s", family_text(family), state);
	names(fd);
	keys(fd);
}

static void of_family(int family)
{
	int l = listening(family, 5), client, fd, fresh = MUST(socket(family, SOCK_STREAM, 0)), udp = MUST(socket(family, SOCK_DGRAM, 0));

	all("closed", family, fresh);
	all("listening", family, l);
	client = connected_to(family, SOCK_STREAM, port_of(l));
	fd = MUST(accept(l, NULL, NULL));
	all("connected", family, client);
	MUST(shutdown(client, SHUT_WR));
	all("half closed", family, client);
	all("of the other half", family, fd);
	all("udp", family, udp);
	close(fresh);
	close(udp);
	close(l);
	close(client);
	close(fd);
}

int main(void)
{
	say_start();
	of_family(AF_INET);
	of_family(AF_INET6);
	return 0;
}
