/*
 * A peer that does not read: what its sender has sent in vain shows in SIOCOUTQ, also after the sender has finished, and holds a close with SO_LINGER up.
 * And a receive that can't say where its message came from costs the message.
 */
#include "say.h"
#include <linux/sockios.h>

static char much[1 << 20];

/* A connection that takes no more. */
static void fill(int family, int fd[2])
{
	tcp_pair(family, fd);
	set_int(fd[0], SOL_SOCKET, SO_SNDBUF, 50000);
	set_int(fd[1], SOL_SOCKET, SO_RCVBUF, 50000);
	set_nonblocking(fd[0]);
	while (write(fd[0], much, sizeof(much)) > 0 || (poll(NULL, 0, 20) == 0 && write(fd[0], much, sizeof(much)) > 0))
		;
}

static void say_queued(const char *name, int fd)
{
	int n = -1;

	MUST(ioctl(fd, SIOCOUTQ, &n));
	say(name, "%s", n > 30000 ? "much" : n > 0 ? "some" : "nothing");
}

static void finishes(int family)
{
	int fd[2];

	say_about("%s, a sender that has finished", family_text(family));
	fill(family, fd);
	say_queued("queued", fd[0]);
	MUST(shutdown(fd[0], SHUT_WR));
	say_queued("after SHUT_WR", fd[0]);
	while (recv(fd[1], much, sizeof(much), 0) > 0)
		;
	for (int n = 1, tries = 0; n > 0 && tries < 500; tries++, poll(NULL, 0, 10))   /* the ACK of the FIN may be delayed */
		MUST(ioctl(fd[0], SIOCOUTQ, &n));
	say_queued("when all is read", fd[0]);
	say_state("state", fd[0]);
	close(fd[0]);
	close(fd[1]);
}

static void lingers(int family, int seconds, int flags)
{
	struct linger l = { 1, seconds };
	int fd[2];
	long begun;
	ssize_t n;

	say_about("%s, a close that lingers, %d s, flags %#x", family_text(family), seconds, flags);
	fill(family, fd);
	MUST(fcntl(fd[0], F_SETFL, flags));
	MUST(setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	begun = now_ms();
	say_rc("close", close(fd[0]));
	say("waited", "%s", now_ms() - begun >= 1000 * seconds ? "yes" : "no");
	while ((n = recv(fd[1], much, sizeof(much), 0)) > 0)
		;
	say_rc("the peer reads all, and then", n);
	close(fd[1]);
}

static void no_name(int family)
{
	int fd[2];
	char c[8];
	union name n;
	socklen_t len = (socklen_t)-1;

	say_about("%s, a message whose sender can't be told", family_text(family));
	udp_pair(family, fd);
	for (int i = 0; i < 3; i++)
		MUST(send(fd[1], "abc", 3, 0));
	wait_for(fd[0], POLLIN);
	say_rc("a negative length", recvfrom(fd[0], c, sizeof(c), MSG_DONTWAIT, &n.sa, &len));
	say_rc("no length", recvfrom(fd[0], c, sizeof(c), MSG_DONTWAIT, &n.sa, NULL));
	say_rc("the third", recv(fd[0], c, sizeof(c), MSG_DONTWAIT));
	say_rc("and no more", recv(fd[0], c, sizeof(c), MSG_DONTWAIT));
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	static const int families[] = { AF_INET, AF_INET6 };

	say_start();
	for (int i = 0; i < 2; i++) {
		finishes(families[i]);
		no_name(families[i]);
	}
	lingers(AF_INET, 1, 0);
	lingers(AF_INET6, 1, O_NONBLOCK);
	return 0;
}
