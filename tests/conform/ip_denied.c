/* An ordinary user may look at addresses, links, routes, rules and neighbours, and change none. */
#include "say.h"

static void ip(const char *words)
{
	char command[256], text[256] = "";
	FILE *f;

	snprintf(command, sizeof(command), "ip %s 2>&1", words);
	f = popen(command, "r");
	assert(f);
	if (fgets(text, sizeof(text), f))
		text[strcspn(text, "\n")] = '\0';
	say(words, "%s", text);
	say_rc(words, WEXITSTATUS(pclose(f)));
}

int main(void)
{
	static const char *const commands[] = { "addr add 10.66.0.1/24 dev lo", "addr del 127.0.0.1/8 dev lo", "link set lo down", "link add x type dummy",
						"link del lo", "route add 10.66.0.0/16 dev lo", "-6 route add fd00::/64 dev lo", "route del 127.0.0.0/8",
						"rule add table 9", "rule del pref 32766", "neigh add 10.66.0.9 dev lo lladdr 2:2:2:2:2:2" };

	say_start();
	say_about("ordinary");
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		ip(commands[i]);
	return 0;
}
