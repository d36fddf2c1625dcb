/*
 * What waits for more: datagrams of several sends (MSG_MORE, UDP_CORK), what a probe does to them, a file that is shorter than was asked for, and
 * UDP_SEGMENT of what was sent in parts.
 */
#include "say.h"
#include <netinet/udp.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#define PROBE 0x10           /* MSG_PROBE */

static int family;

/* fd[1] hears fd[0]. */
static void pair(int protocol, int fd[2])
{
	union name n = name_lo(family, 0);
	socklen_t len = sizeof(n);

	for (int i = 0; i < 2; i++)
		fd[i] = MUST(socket(family, SOCK_DGRAM | SOCK_NONBLOCK, protocol));
	MUST(bind(fd[1], &n.sa, name_len(family)));
	MUST(getsockname(fd[1], &n.sa, &len));
	MUST(connect(fd[0], &n.sa, len));
}

/* All that has come, and away with the pair. */
static void come(const char *what, int fd[2])
{
	char text[256] = "", octets[3000];
	ssize_t n;

	while ((n = recv(fd[1], octets, sizeof(octets), 0)) >= 0)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %zd", n);
	say(what, "%s", text);
	close(fd[0]), close(fd[1]);
}

static void probes(int protocol)
{
	static const struct { int flags[3]; const char *text; } rows[] = {
		{ { PROBE | MSG_MORE, 0, 0 }, "a probe of the first part" }, { { PROBE, PROBE, 0 }, "probes" }, { { MSG_MORE, PROBE, 0 }, "a probe of the last part" },
		{ { MSG_MORE, PROBE | MSG_MORE, 0 }, "a probe of one between" }, { { PROBE | MSG_MORE, PROBE, PROBE | MSG_MORE }, "nothing but probes" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int fd[2];
		pair(protocol, fd);
		for (int j = 0; j < 3; j++)
			say_rc(rows[i].text, send(fd[0], "abcdef", 2 + (size_t)j, rows[i].flags[j]));
		come("come", fd);
	}
}

static void files(int protocol)
{
	int file = MUST(memfd_create("corks", MFD_CLOEXEC));
	char octets[100] = "octets";

	MUST(write(file, octets, sizeof(octets)));
	for (size_t ask = 99; ask < 102; ask++)
		for (int pending = 0; pending < 2; pending++) {
			int fd[2];
			off_t at = 0;
			pair(protocol, fd);
			if (pending)
				say_rc("before the file", send(fd[0], "ab", 2, MSG_MORE));
			say_rc("of 100", sendfile(fd[0], file, &at, ask));
			say_rc("after it", send(fd[0], "abc", 3, 0));
			come("come", fd);
		}
	close(file);
}

static void segments(int protocol)
{
	static const int sizes[] = { 1, 3, 100, 1500 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (int bare = 0; bare < 2; bare++) {
			int fd[2];
			pair(protocol, fd);
			set_int(fd[0], IPPROTO_UDP, UDP_SEGMENT, sizes[i]);
			set_int(fd[0], SOL_SOCKET, SO_NO_CHECK, bare);
			say_rc("of none", send(fd[0], "", 0, 0));
			say_rc("of one", send(fd[0], "a", 1, 0));
			say_rc("of five", send(fd[0], "abcde", 5, 0));
			say_rc("its first part", send(fd[0], "abcd", 4, MSG_MORE));
			say_rc("its last", send(fd[0], "efg", 3, 0));
			come("come", fd);
		}
}

int main(void)
{
	static const int protocols[] = { IPPROTO_UDP, IPPROTO_UDPLITE };

	say_start();
	for (int i = 0; i < 4; i++) {
		family = i & 1 ? AF_INET6 : AF_INET;
		say_about("%s of protocol %d", family_text(family), protocols[i / 2]);
		probes(protocols[i / 2]);
		files(protocols[i / 2]);
		segments(protocols[i / 2]);
	}
	return 0;
}
