/*
 * UDP_SEGMENT and UDP_GRO: one send of many datagrams, as they come one by one and as one message with their size, of each size and number; how many fit,
 * and how the two kinds follow each other.
 */
#include "say.h"
#include <netinet/udp.h>

static char octets[70000];

/* All that is there: lengths, and the size that comes with them. */
static void say_messages(const char *what, int fd)
{
	char text[1024] = "";
	union { struct cmsghdr h; char octets[256]; } control;
	ssize_t n;

	for (;;) {
		struct iovec iov = { octets, sizeof(octets) };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
		size_t at = strlen(text);
		if ((n = recvmsg(fd, &m, MSG_DONTWAIT)) < 0)
			break;
		snprintf(text + at, sizeof(text) - at, " %zd", n);
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
			at = strlen(text);
			snprintf(text + at, sizeof(text) - at, "[%d %d %zu: %d]", c->cmsg_level, c->cmsg_type, c->cmsg_len, *(int *)CMSG_DATA(c));
		}
	}
	say(what, "%s, then %s", text, say_errno(errno));
}

static void send_of(int fd, int segment, size_t len)
{
	char what[48];

	set_int(fd, IPPROTO_UDP, UDP_SEGMENT, segment);
	snprintf(what, sizeof(what), "%zu octets by %d", len, segment);
	say_rc(what, send(fd, octets, len, 0));
}

static void sizes(int fd[2])
{
	static const struct { int segment; size_t len; } rows[] = {
		{ 1000, 3500 }, { 1000, 3000 }, { 1000, 1000 }, { 1000, 500 }, { 1000, 1001 }, { 1, 64 }, { 1, 65 }, { 100, 12800 }, { 100, 12801 },
		{ 1000, 60000 }, { 9000, 65460 }, { 9000, 65466 }, { 9000, 65467 }, { 9000, 65486 }, { 9000, 65487 }, { 9000, 65507 }, { 1400, 65535 },
		{ 0, 3000 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		send_of(fd[0], rows[i].segment, rows[i].len);
		say_messages("come", fd[1]);
	}
}

static void together(int fd[2])
{
	send_of(fd[0], 0, 100);
	send_of(fd[0], 0, 100);
	say_messages("alone", fd[1]);
	send_of(fd[0], 1000, 2500);
	send_of(fd[0], 1000, 2500);
	say_messages("two", fd[1]);
	send_of(fd[0], 1000, 2000);
	send_of(fd[0], 1000, 2000);
	send_of(fd[0], 0, 1000);
	say_messages("of whole pieces", fd[1]);
	send_of(fd[0], 1000, 2500);
	say_rc("peek", recv(fd[1], octets, 1500, MSG_PEEK | MSG_DONTWAIT));
	say_rc("cut", recv(fd[1], octets, 1500, MSG_TRUNC | MSG_DONTWAIT));
	say_messages("the rest is gone", fd[1]);
	set_int(fd[1], IPPROTO_UDP, UDP_GRO, 0);
	send_of(fd[0], 1000, 2500);
	set_int(fd[1], IPPROTO_UDP, UDP_GRO, 1);
	say_messages("came before", fd[1]);
}

static void fit(int fd[2])
{
	for (int rcvbuf = 1; rcvbuf < 100000; rcvbuf += 30000) {
		int n = 0;
		set_int(fd[1], SOL_SOCKET, SO_RCVBUF, rcvbuf);
		set_int(fd[0], IPPROTO_UDP, UDP_SEGMENT, 1000);
		for (int i = 0; i < 60; i++)
			MUST(send(fd[0], octets, 6000, 0));
		while (recv(fd[1], octets, sizeof(octets), MSG_DONTWAIT) == 6000)
			n++;
		say("fit", "SO_RCVBUF %d: %d", rcvbuf, n);
		say_messages("and no part of one", fd[1]);
	}
}

/* What is asked of a datagram that UDP_SEGMENT leaves whole. */
static void alone(int family, int protocol)
{
	static const struct { int segment; size_t len; } rows[] = {
		{ 100, 100 }, { 65500, 65400 }, { 65535, 65507 }, { 65507, 65508 }, { 65535, 65535 }, { 1, 129 },
	};
	union name to = name_lo(family, 9);

	for (int bare = 0; bare < 2; bare++) {
		int fd = MUST(socket(family, SOCK_DGRAM, protocol));

		say_about("%s %s%s", family_text(family), protocol == IPPROTO_UDPLITE ? "udplite" : "udp", bare ? ", no checksum" : "");
		set_int(fd, SOL_SOCKET, SO_NO_CHECK, bare);
		set_int(fd, IPPROTO_UDP, UDP_NO_CHECK6_TX, bare);
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
			char what[48];

			set_int(fd, IPPROTO_UDP, UDP_SEGMENT, rows[i].segment);
			snprintf(what, sizeof(what), "%zu octets by %d", rows[i].len, rows[i].segment);
			say_rc(what, sendto(fd, octets, rows[i].len, 0, &to.sa, name_len(family)));
		}
		close(fd);
	}
}

int main(void)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int fd[2];

	say_start();
	for (int i = 0; i < 2; i++) {
		udp_pair(families[i], fd);
		say_about("%s one by one", family_text(families[i])), sizes(fd);
		set_int(fd[1], IPPROTO_UDP, UDP_GRO, 1);
		say_about("%s joined", family_text(families[i])), sizes(fd);
		set_int(fd[1], IPPROTO_IP, IP_RECVTTL, 1);
		if (families[i] == AF_INET6)
			set_int(fd[1], IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
		say_about("%s together", family_text(families[i])), together(fd);
		say_about("%s limits", family_text(families[i])), fit(fd);
		close(fd[0]);
		close(fd[1]);
	}
	for (int i = 0; i < 4 && !kernel_is_older(); i++)
		alone(i & 1 ? AF_INET6 : AF_INET, i & 2 ? IPPROTO_UDPLITE : 0);
	return 0;
}
