/*
 * Datagrams of Unix sockets from many to one, where messages of one kind go another way than those before them, and what they were sent under changes before
 * they are read: the order, the names, the credentials, what the queue and the send buffers hold.
 */
#include "unix.h"
#include <linux/sockios.h>
#include <sys/ioctl.h>

#define FEW 5

static union uname name;

static void send_to(int fd, const char *text, const char *what)
{
	if (sendto(fd, what, strlen(what), MSG_DONTWAIT | MSG_NOSIGNAL, &name.sa, uname_of(&name, text)) < 0) say("send", "%s: %s", what, say_errno(errno));
}

static void send_right(int fd, const char *text, const char *what)
{
	char control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec v = { (char *)what, strlen(what) };
	struct msghdr m = { .msg_name = &name, .msg_namelen = uname_of(&name, text), .msg_iov = &v, .msg_iovlen = 1,
			    .msg_control = control, .msg_controllen = sizeof control };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_RIGHTS, h->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(h), &fd, sizeof fd);
	MUST(sendmsg(fd, &m, 0));
}

static void say_number(const char *what, int fd, unsigned long request)
{
	int n = -1;

	say(what, "%d of %s", ioctl(fd, request, &n), n == 0 ? "0" : n > 0 ? "some" : "none");
}

/* One message: what it is, whose, and what beside it. */
static void take(int fd, int flags)
{
	union uname from;
	char data[64] = "", control[256];
	struct iovec v = { data, sizeof data - 1 };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof control };
	struct ucred u;
	ssize_t n = recvmsg(fd, &m, flags | MSG_DONTWAIT);

	if (n < 0) {
		say("recv", "%s", say_errno(errno));
		return;
	}
	say("recv", "%zd %s flags %#x", n, data, m.msg_flags);
	if (m.msg_namelen > PATH_AT) say_uname("from", &from, m.msg_namelen);
	else say("from", "len %u", m.msg_namelen);
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
		memcpy(&u, CMSG_DATA(h), sizeof u);
		if (h->cmsg_type == SCM_CREDENTIALS) say("credentials", "%s", u.pid == getpid() ? "ours" : u.pid == 0 ? "nobody's" : "another's");
		else say("a descriptor", "%d", close((int)u.pid));
	}
}

static void take_all(int fd)
{
	for (int n = -1; ioctl(fd, FIONREAD, &n) == 0 && n > 0;) take(fd, 0);
	take(fd, 0);
}

static int unnamed(const char *peer)
{
	int fd = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));

	if (peer) MUST(uconnect(fd, peer));
	return fd;
}

static void mixed(void)
{
	int to = ubound(SOCK_DGRAM, "@to"), a = unnamed(NULL), b = unnamed("@to"), c = ubound(SOCK_DGRAM, "@c");

	say_about("one after another");
	send_to(a, "@to", "1"), send_to(b, "@to", "2"), send_to(c, "@to", "3");
	say_number("FIONREAD", to, FIONREAD);
	take(to, MSG_PEEK);
	send_right(a, "@to", "4");
	send_to(b, "@to", "5");
	MUST(send(b, "6", 1, 0));
	take(to, 0), take(to, MSG_PEEK);
	send_to(a, "@to", "7");
	take_all(to);
	send_to(a, "@to", "8"), send_to(c, "@to", "9");
	take_all(to);
	say_number("SIOCOUTQ", a, SIOCOUTQ);
	close(to), close(a), close(b), close(c);
}

/* What was sent before a name was given shows it; one that has gone keeps it. */
static void names(void)
{
	int to = ubound(SOCK_DGRAM, "@to"), a = unnamed(NULL), b = unnamed("@to"), c = ubound(SOCK_DGRAM, "c");

	say_about("names");
	send_to(a, "@to", "1"), send_to(b, "@to", "2"), send_to(c, "@to", "3");
	MUST(bind(a, &name.sa, uname_of(&name, "@a")));
	close(c);
	send_to(a, "@to", "4"), send_to(b, "@to", "5");
	MUST(bind(b, &name.sa, sizeof(sa_family_t)));
	close(b);
	take_all(to);
	unlink("c");
	close(to), close(a);
}

static void changes(int option)
{
	int to = ubound(SOCK_DGRAM, "@to"), a = unnamed(NULL), b = unnamed("@to");

	say_about("option %d", option);
	send_to(a, "@to", "1"), send_to(b, "@to", "2");
	set_int(to, SOL_SOCKET, option, 1);
	send_to(a, "@to", "3"), send_to(b, "@to", "4");
	take(to, 0);
	set_int(to, SOL_SOCKET, option, option == SO_PEEK_OFF ? -1 : 0);
	send_to(a, "@to", "5"), send_to(b, "@to", "6");
	take_all(to);
	set_int(a, SOL_SOCKET, option == SO_PEEK_OFF ? SO_PASSCRED : option, 1);
	send_to(b, "@to", "7"), send_to(a, "@to", "8");
	take_all(to);
	close(to), close(a), close(b);
}

/* What the receiver does with messages unread. */
static void ends(const char *what)
{
	int to = ubound(SOCK_DGRAM, "@to"), other = ubound(SOCK_DGRAM, "@other"), a = unnamed(NULL), b = unnamed("@to");

	say_about("%s", what);
	send_to(a, "@to", "1"), send_to(b, "@to", "2");
	say_number("SIOCOUTQ", a, SIOCOUTQ);
	if (strcmp(what, "closes") == 0) close(to), to = -1;
	else if (strcmp(what, "shuts") == 0) shutdown(to, SHUT_RD);
	else MUST(uconnect(to, "@other"));
	say_number("SIOCOUTQ after", a, SIOCOUTQ);
	send_to(a, "@to", "3"), send_to(b, "@to", "4"), send_to(other, "@to", "5");
	say_poll("not connected", a), say_poll("connected", b);
	if (to >= 0) take(to, 0), take(to, 0), take(to, 0), take(to, 0);
	close(to), close(other), close(a), close(b);
}

/* It hears nobody else, and its sender only the limit of its own buffer. */
static void to_a_connected_one(void)
{
	int server = ubound(SOCK_DGRAM, "@to"), a = ubound(SOCK_DGRAM, "@a"), b = unnamed(NULL), n = 0;

	say_about("to one that is connected to us");
	MUST(uconnect(a, "@to"));
	set_int(server, SOL_SOCKET, SO_SNDBUF, 20000);
	send_to(server, "@a", "1"), send_to(b, "@a", "2"), send_to(a, "@to", "3");
	take_all(server), take_all(a);
	while (sendto(server, "x", 1, MSG_DONTWAIT, &name.sa, uname_of(&name, "@a")) == 1) n++;
	say("so many", "%d, %s", n, say_errno(errno));
	say_poll("the sender", server);
	for (int i = 0; i < n; i++) MUST(recv(a, (char[2]){ 0 }, 2, MSG_DONTWAIT));
	say_poll("all was read", server);
	send_to(server, "@a", "4");
	take_all(a);
	close(server), close(a), close(b);
}

/* The limit of a send buffer is for all receivers together. */
static void to_many(int size)
{
	int to[FEW], fd = unnamed(NULL), n = 0;
	char text[8], data[9000] = "";

	say_about("to many, %d each", size);
	set_int(fd, SOL_SOCKET, SO_SNDBUF, 30000);
	for (int i = 0; i < FEW; i++) {
		snprintf(text, sizeof text, "@%d", i);
		to[i] = ubound(SOCK_DGRAM, text);
		while (sendto(fd, data, (size_t)size, MSG_DONTWAIT, &name.sa, uname_of(&name, text)) == size) n++;
		say("after the next one", "%d, %s", n, say_errno(errno));
		say_poll("poll", fd);
	}
	for (int i = 0; i < FEW; i++) {
		for (n = 0; recv(to[i], data, sizeof data, MSG_DONTWAIT) == size; n++) {}
		say("read", "%d", n);
		say_poll("poll", fd);
		close(to[i]);
	}
	say_number("SIOCOUTQ", fd, SIOCOUTQ);
	close(fd);
}

/* Others fill the queue; who is connected sees that there is no room. */
static void filled(void)
{
	int to = ubound(SOCK_DGRAM, "@to"), a = unnamed(NULL), b = unnamed("@to"), n = 0;

	say_about("filled by others");
	send_to(a, "@to", "1"), send_to(b, "@to", "2");
	take_all(to);
	for (; n < 40; n++) {
		if (sendto(a, "x", 1, MSG_DONTWAIT, &name.sa, uname_of(&name, "@to")) < 0) break;
		say_poll("connected", b);
	}
	say("so many", "%d, %s", n, say_errno(errno));
	say_poll("not connected", a);
	MUST(recv(to, (char[2]){ 0 }, 2, MSG_DONTWAIT));
	say_poll("connected, one was read", b);
	close(to), close(a), close(b);
}

int main(void)
{
	unix_start();
	mixed();
	names();
	changes(SO_PASSCRED);
	changes(SO_TIMESTAMP);
	changes(SO_PEEK_OFF);
	ends("closes");
	ends("shuts");
	ends("connects");
	to_a_connected_one();
	to_many(1);
	to_many(4000);
	filled();
	unix_end();
	return 0;
}
