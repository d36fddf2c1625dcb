/*
 * When the octets of a stream came: SO_TIMESTAMP, SO_TIMESTAMPNS and SO_TIMESTAMPING on TCP, with each way to receive, before and behind TCP_INQ, and on what
 * accept gives. The kernel stamps nothing before somebody has asked for a while, so that is waited for first; what came before is not looked at.
 */
#include "say.h"

#define TIMESTAMP_NEW 63
#define TIMESTAMPNS_NEW 64
#define TIMESTAMPING_NEW 65
#define BY_SOFTWARE 0x18

static void say_control(struct msghdr *m)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	say("flags", "%x", (unsigned)m->msg_flags);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		long long when = 0;
		int inq = 0;

		say("control", "level %d type %d len %zu", c->cmsg_level, c->cmsg_type, c->cmsg_len);
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_len >= CMSG_LEN(sizeof(when))) {
			memcpy(&when, CMSG_DATA(c), sizeof(when));
			say("of now", "%d", now.tv_sec - when < 30 && when <= now.tv_sec + 1);
		} else if (c->cmsg_level == SOL_TCP) {
			memcpy(&inq, CMSG_DATA(c), sizeof(inq));
			say("left", "%d", inq);
		}
	}
}

static long receive(int fd, size_t len, int flags, size_t room, struct msghdr *m)
{
	static char data[64], control[256];
	static struct iovec iov;

	iov = (struct iovec){ data, len };
	*m = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room };
	memset(data, 0, sizeof(data));
	return recvmsg(fd, m, flags);
}

static void say_receive(const char *how, int fd, size_t len, int flags, size_t room)
{
	struct msghdr m;
	long n = say_rc(how, receive(fd, len, flags | MSG_DONTWAIT, room, &m));

	if (n >= 0)
		say_control(&m);
	if (n > 0)
		say("octets", "%.*s", (int)n, *(char *)m.msg_iov->iov_base ? (char *)m.msg_iov->iov_base : "none");
}

/* All of it is there. */
static void bring(int from, int to, const char *text)
{
	struct pollfd p = { .fd = to, .events = POLLIN };
	int n = 0;

	MUST(send(from, text, strlen(text), 0));
	while (n < (int)strlen(text)) {
		MUST(poll(&p, 1, 1000));
		MUST(ioctl(to, FIONREAD, &n));
	}
}

static void all_ways(int from, int to)
{
	int on = 1;

	bring(from, to, "abcdefghijklmnop");
	say_receive("peek", to, 64, MSG_PEEK, 256);
	say_receive("two", to, 2, 0, 256);
	say_receive("no room", to, 1, 0, 0);
	say_receive("little room", to, 1, 0, 20);
	say_receive("truncated", to, 1, MSG_TRUNC, 256);
	say_receive("waiting for all", to, 2, MSG_WAITALL, 256);
	say_receive("nothing", to, 0, 0, 256);
	MUST(setsockopt(to, IPPROTO_TCP, TCP_INQ, &on, sizeof(on)));
	say_receive("with what is left", to, 2, 0, 256);
	say_receive("the rest", to, 64, 0, 256);
	say_receive("none", to, 64, 0, 256);
	bring(from, to, "xyz");
	say("read", "%zd", read(to, &(char[8]){ 0 }, 8));
}

static void set(int fd, int option)
{
	int v = option == SO_TIMESTAMPING || option == TIMESTAMPING_NEW ? BY_SOFTWARE : 1;

	say_rc("set", setsockopt(fd, SOL_SOCKET, option, &v, sizeof(v)));
}

/* Until stamps come; the socket stays open, so that they go on. */
static int stamping(void)
{
	int fd[2], on = 1;
	struct msghdr m;

	tcp_pair(AF_INET, fd);
	MUST(setsockopt(fd[1], SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)));
	for (int tries = 0; tries < 3000; tries++) {
		bring(fd[0], fd[1], "x");
		MUST(receive(fd[1], 1, 0, 256, &m));
		if (m.msg_controllen > 0)
			return fd[1];
		MUST(usleep(1000));
	}
	return -1;
}

static void one(int family, int option)
{
	int fd[2], l, off = 0;

	say_about("%s %d", family_text(family), option);
	tcp_pair(family, fd);
	set(fd[1], option);
	all_ways(fd[0], fd[1]);
	say_rc("off", setsockopt(fd[1], SOL_SOCKET, option, &off, sizeof(off)));
	bring(fd[0], fd[1], "abc");
	say_receive("off", fd[1], 8, 0, 256);
	set(fd[1], option);
	bring(fd[1], fd[0], "back");
	say_receive("the other way", fd[0], 8, 0, 256);
	bring(fd[0], fd[1], "last");
	MUST(shutdown(fd[0], SHUT_WR));
	say("ended", "%d", wait_for(fd[1], POLLRDHUP));
	say_receive("the last", fd[1], 8, 0, 256);
	close(fd[0]);
	close(fd[1]);

	say_about("%s %d, of a listener's", family_text(family), option);
	l = listening(family, 1);
	set(l, option);
	fd[0] = connected_to(family, SOCK_STREAM, port_of(l));
	fd[1] = MUST(accept(l, NULL, NULL));
	all_ways(fd[0], fd[1]);
	close(fd[0]);
	close(fd[1]);
	close(l);
}

int main(void)
{
	static const int options[] = { SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMPING, TIMESTAMP_NEW, TIMESTAMPNS_NEW, TIMESTAMPING_NEW };

	say_start();
	say("stamps come", "%d", stamping() >= 0);
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		one(AF_INET, options[i]);
		one(AF_INET6, options[i]);
	}
	return 0;
}
