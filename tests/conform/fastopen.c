/* Fast Open as a program sees it, with net.ipv4.tcp_fastopen = 1: connections that a send opens. */
#include "say.h"

static const char text[] = "hello, this goes with the SYN or behind it";

static void say_received(int server)
{
	char buf[100];
	int fd = MUST(accept(server, NULL, NULL));

	say("received", "%.*s", (int)MUST(recv(fd, buf, sizeof(buf), 0)), buf);
	close(fd);
}

static void say_send(const char *name, int fd, const union name *to, int family, int flags)
{
	say_rc(name, sendto(fd, text, sizeof(text) - 1, flags | MSG_FASTOPEN | MSG_NOSIGNAL, &to->sa, name_len(family)));
}

static void opens(int family)
{
	int server = listening(family, 5), fd = MUST(socket(family, SOCK_STREAM, 0));
	union name to = name_lo(family, port_of(server));

	say_about("%s blocking", family_text(family));
	say_send("send", fd, &to, family, 0);
	say_state("state", fd);
	say_received(server);
	say_send("again", fd, &to, family, 0);
	say_rc("connect", connect(fd, &to.sa, name_len(family)));
	close(fd);

	say_about("%s non-blocking", family_text(family));
	fd = MUST(socket(family, SOCK_STREAM, 0));
	set_nonblocking(fd);
	say_send("send", fd, &to, family, 0);
	wait_for(fd, POLLOUT);
	say_error("error", fd);
	say_rc("connect", connect(fd, &to.sa, name_len(family)));
	say_send("again", fd, &to, family, 0);
	say_rc("send", send(fd, text, sizeof(text) - 1, 0));
	say_received(server);
	close(fd);
	close(server);
}

static void refused(int family)
{
	int fd = MUST(socket(family, SOCK_STREAM, 0));
	union name to = name_lo(family, port_closed(family, SOCK_STREAM));

	say_about("%s refused", family_text(family));
	say_send("send", fd, &to, family, 0);
	say_error("error", fd);
	say_state("state", fd);
	say_send("again", fd, &to, family, 0);
	close(fd);

	say_about("%s wrong", family_text(family));
	fd = MUST(socket(family, SOCK_STREAM, 0));
	say_rc("no name", send(fd, text, 5, MSG_FASTOPEN | MSG_NOSIGNAL));
	say_rc("short name", sendto(fd, text, 5, MSG_FASTOPEN | MSG_NOSIGNAL, &to.sa, 4));
	to.sa.sa_family = AF_UNSPEC;
	say_send("AF_UNSPEC", fd, &to, family, 0);
	say_state("state", fd);
	close(fd);
}

static void options(int family)
{
	static const int values[] = { -1, 0, 1, 2, 70000 };
	static const int lens[] = { 0, 8, 15, 16, 17, 32, 33 };
	static const int names[] = { TCP_FASTOPEN, TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_NO_COOKIE };
	unsigned char key[40];
	socklen_t len;

	for (size_t n = 0; n < sizeof(names) / sizeof(*names); n++) {
		int fd = MUST(socket(family, SOCK_STREAM, 0)), got;
		say_about("%s option %d", family_text(family), names[n]);
		for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
			say_rc("set", setsockopt(fd, IPPROTO_TCP, names[n], &values[i], sizeof(int)));
			len = sizeof(got);
			say_rc("get", getsockopt(fd, IPPROTO_TCP, names[n], &got, &len));
			say("value", "%d", got);
		}
		close(fd);
	}
	say_about("%s key", family_text(family));
	int fd = MUST(socket(family, SOCK_STREAM, 0));
	memset(key, 'k', sizeof(key));
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++)
		say_rc("set", setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_KEY, key, (socklen_t)lens[i]));
	for (int room = 0; room <= 40; room += 8) {
		len = (socklen_t)room;
		memset(key, 0, sizeof(key));
		say_rc("get", getsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_KEY, key, &len));
		say("key", "%u octets, %02x %02x", len, key[0], key[31]);
	}
	close(fd);
}

/* A connect that may wait for data, and one that has no cookie to do so with. */
static void connects(int family)
{
	int server = listening(family, 5), fd = MUST(socket(family, SOCK_STREAM, 0));
	union name to = name_lo(family, port_of(server));

	say_about("%s connect", family_text(family));
	set_int(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1);
	set_int(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
	say_rc("connect", connect(fd, &to.sa, name_len(family)));
	say_poll("poll", fd);
	say_peername("peername", fd);
	set_nonblocking(fd);               /* or Linux waits for a SYN that nobody sends */
	say_rc("again", connect(fd, &to.sa, name_len(family)));
	say_rc("recv", recv(fd, &to, 1, 0));
	say_rc("write", write(fd, text, sizeof(text) - 1));
	say_received(server);
	say_state("state", fd);
	close(fd);
	close(server);
}

/* What of a listener's options its connections have not. */
static void inherited(int family)
{
	int zero = 0, listener = MUST(socket(family, SOCK_STREAM, 0)), fd[2];
	union name n = name_lo(family, 0);

	say_about("%s inherits", family_text(family));
	set_int(listener, IPPROTO_TCP, TCP_QUICKACK, zero);
	say_option("TCP_QUICKACK", listener, IPPROTO_TCP, TCP_QUICKACK);
	MUST(bind(listener, &n.sa, name_len(family)));
	MUST(listen(listener, 4));
	set_int(listener, IPPROTO_TCP, TCP_FASTOPEN, 3);
	fd[0] = connected_to(family, SOCK_STREAM, port_of(listener));
	fd[1] = MUST(accept(listener, NULL, NULL));
	say_option("TCP_QUICKACK, listening", listener, IPPROTO_TCP, TCP_QUICKACK);
	say_option("TCP_QUICKACK, accepted", fd[1], IPPROTO_TCP, TCP_QUICKACK);
	say_option("TCP_FASTOPEN, listening", listener, IPPROTO_TCP, TCP_FASTOPEN);
	say_option("TCP_FASTOPEN, accepted", fd[1], IPPROTO_TCP, TCP_FASTOPEN);
	close(fd[0]), close(fd[1]), close(listener);
}

int main(void)
{
	static const int families[] = { AF_INET, AF_INET6 };

	say_start();
	for (int i = 0; i < 2; i++) {
		opens(families[i]);
		refused(families[i]);
		options(families[i]);
		connects(families[i]);
		inherited(families[i]);
	}
	return 0;
}
