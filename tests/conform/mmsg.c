/*
 * sendmmsg and recvmmsg: how many messages a call counts, what ends it before the last one, where the error of a later message goes, the lengths that
 * are told, times and bad pointers; and every flag of send and receive, bit by bit, on sockets in each state.
 */
#include "kinds.h"

#define BAD ((void *)1)
#define MANY 1100

static struct mmsghdr vec[MANY];
static struct iovec iov[4];
static char buf[4][16];

static void prepare(size_t len)
{
	memset(vec, 0, sizeof(vec));
	for (int i = 0; i < 4; i++) {
		iov[i] = (struct iovec){ buf[i], len + (size_t)i };
		strcpy(buf[i], "message");
		vec[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &iov[i], .msg_iovlen = 1 }, .msg_len = 77 };
	}
}

static void lens(void)
{
	say("lengths", "%u %u %u %u", vec[0].msg_len, vec[1].msg_len, vec[2].msg_len, vec[3].msg_len);
}

static void sends(int s)
{
	prepare(4);
	say_rc("none", sendmmsg(s, BAD, 0, 0));
	say_rc("bad pointer", sendmmsg(s, BAD, 1, 0));
	say_rc("three", sendmmsg(s, vec, 3, 0));
	lens();
	vec[1].msg_hdr.msg_iov = BAD;
	say_rc("the second bad", sendmmsg(s, vec, 3, 0));
	say_error("its error", s);
	vec[1].msg_hdr.msg_iov = &iov[1];
	vec[1].msg_hdr.msg_iovlen = 5000;
	say_rc("the second of too many pieces", sendmmsg(s, vec, 3, 0));
	vec[0].msg_hdr.msg_iov = BAD;
	say_rc("the first bad", sendmmsg(s, vec, 3, 0));
	prepare(0);
	say_rc("more than are taken", sendmmsg(s, vec, MANY, 0));
	say_rc("a flag of 32-bit programs", sendmmsg(s, vec, 1, (int)0x80000000));
}

static void feed(int other, int s)
{
	while (other >= 0 && recv(s, buf[0], sizeof(buf[0]), MSG_DONTWAIT) >= 0)
		;
	for (int i = 0; other >= 0 && i < 3; i++)
		send(other, "abcdefgh", (size_t)i + 3, MSG_NOSIGNAL);
	if (other >= 0)
		wait_for(s, POLLIN);
}

static void receives(int s, int other)
{
	struct timespec soon = { 0, 1000000 }, far = { 100, 0 }, endless = { INT64_MAX, 0 }, bad = { 0, 2000000000 }, negative = { -1, 0 };

	feed(other, s);
	prepare(8);
	say_rc("bad time", recvmmsg(s, vec, 3, 0, &bad));
	say_rc("negative time", recvmmsg(s, vec, 3, 0, &negative));
	say_rc("bad pointer to a time", recvmmsg(s, vec, 3, 0, BAD));
	say_rc("none", recvmmsg(s, BAD, 0, 0, NULL));
	say_rc("bad pointer", recvmmsg(s, BAD, 1, 0, NULL));
	say_rc("a flag of 32-bit programs", recvmmsg(s, vec, 1, (int)0x80000000, NULL));
	feed(other, s);
	say_rc("two", recvmmsg(s, vec, 2, MSG_WAITFORONE, NULL));
	lens();
	say_rc("the rest", recvmmsg(s, vec, 4, 0, &soon));
	lens();
	feed(other, s);
	say_rc("with time left", recvmmsg(s, vec, 2, 0, &far));
	say("left", "%d", far.tv_sec < 100);
	say_rc("endless", recvmmsg(s, vec, 4, 0, &endless));
	feed(other, s);
	prepare(8);
	vec[1].msg_hdr.msg_iov = BAD;
	say_rc("the second bad", recvmmsg(s, vec, 3, 0, NULL));
	say_error("its error", s);
	say_error("its error is gone", s);
}

static const struct kind kinds[] = {
	{ "tcp", AF_INET, SOCK_STREAM, FRESH },	       { "tcp listening", AF_INET6, SOCK_STREAM, LISTENING },
	{ "tcp ended", AF_INET, SOCK_STREAM, ENDED },  { "tcp shut", AF_INET6, SOCK_STREAM, SHUT },
	{ "udp", AF_INET, SOCK_DGRAM, FRESH },	       { "udp pair", AF_INET, SOCK_DGRAM, PAIR },
	{ "udp6 pair", AF_INET6, SOCK_DGRAM, PAIR },   { "udp shut", AF_INET, SOCK_DGRAM, SHUT },
};

static void flag(const struct kind *k, int flags)
{
	char to[32] = "", control[64];
	struct iovec part = { to, 3 };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control), .msg_flags = 0x1234 };
	int other, s = kind_make_nonblocking(k, &other);

	say_about("%s, flag %x", k->text, (unsigned)flags);
	say_rc("send", send(s, "sending", 7, flags));
	say_rc("send nothing", send(s, "", 0, flags));
	if (k->state == PAIR)
		MUST(send(other, "hello", 5, 0));
	if (k->state == PAIR)
		wait_for(s, POLLIN);
	say_rc("recvmsg", recvmsg(s, &m, flags));
	say("out", "%s %x %zu", to, m.msg_flags, m.msg_controllen);
	say_rc("recv", recv(s, to, sizeof(to), 0));
	say_error("SO_ERROR", s);
	close(s);
	close(other);
}

int main(void)
{
	say_start();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		int other, s = kind_make_nonblocking(&kinds[i], &other);
		say_about("%s", kinds[i].text);
		sends(s);
		receives(s, kinds[i].type == SOCK_DGRAM && kinds[i].state == PAIR ? other : -1);
		close(s);
		close(other);
		for (unsigned bit = 0; bit < 32; bit++)
			if (bit != 29)   /* MSG_FASTOPEN, which connects */
				flag(&kinds[i], (int)(1u << bit));
	}
	return 0;
}
