/*
 * NETLINK_KOBJECT_UEVENT: what a listener hears of interfaces that a program makes and takes away again, on a network of its own; and what it may not send. The
 * kernel also tells of each interface's queues, which are no devices here.
 */
#include "say.h"
#include <linux/netlink.h>

/* A message's texts, without the numbers that differ; false: of something else */
static bool say_event(const char *text, size_t n)
{
	char line[512] = "";
	bool of_net = false;

	for (size_t i = 0; i < n; i += strlen(text + i) + 1) {
		const char *word = text + i;
		of_net |= strcmp(word, "SUBSYSTEM=net") == 0;
		if (strncmp(word, "SEQNUM=", 7) != 0 && strncmp(word, "IFINDEX=", 8) != 0)
			snprintf(line + strlen(line), sizeof(line) - strlen(line), " %s", word);
	}
	if (of_net)
		say("heard", "%s", line);
	return of_net;
}

/* As many events of interfaces as there are to be, and from whom they come. */
static void say_events(int fd, int count)
{
	while (count > 0 && wait_for(fd, POLLIN)) {
		char text[4096];
		struct sockaddr_nl from = { 0 };
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, text, sizeof(text) - 1, 0, (struct sockaddr *)&from, &len);
		if (n <= 0)
			break;
		text[n] = 0;
		if (!say_event(text, (size_t)n))
			continue;
		say("from", "%u groups %x, ends with a NUL %d", from.nl_pid, from.nl_groups, text[n - 1] == 0);
		count--;
	}
	say("not heard", "%d", count);
}

static void say_run(const char *command) { say(command, "%d", system(command)); }

int main(void)
{
	struct sockaddr_nl n = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd, deaf;

	say_start();
	if (system("ip link show lo >/dev/null 2>&1") != 0) {
		puts("there is no ip here");
		return 77;
	}
	fd = MUST(socket(AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT));
	deaf = MUST(socket(AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT));
	say_about("uevents");
	say_rc("bind", bind(fd, (struct sockaddr *)&n, sizeof(n)));
	n.nl_groups = 0;
	say_rc("bind to no group", bind(deaf, (struct sockaddr *)&n, sizeof(n)));
	say_run("ip link add v0 type veth peer name v1");
	say_events(fd, 2);
	say_run("ip link del v0");
	say_events(fd, 2);
	say_poll("who is in no group", deaf);
	return 0;
}
