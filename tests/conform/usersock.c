/*
 * NETLINK_USERSOCK: messages from program to program. Port ids and who has them, one receiver and groups, connect, credentials, full queues; and which
 * protocols of AF_NETLINK there are.
 */
#include "say.h"
#include <linux/netlink.h>

static struct sockaddr_nl nl_name(unsigned pid, unsigned groups)
{
	return (struct sockaddr_nl){ .nl_family = AF_NETLINK, .nl_pid = pid, .nl_groups = groups };
}

static int nl_bind(int fd, unsigned pid, unsigned groups)
{
	struct sockaddr_nl n = nl_name(pid, groups);

	return bind(fd, (struct sockaddr *)&n, sizeof(n));
}

static int nl_connect(int fd, unsigned pid, unsigned groups)
{
	struct sockaddr_nl n = nl_name(pid, groups);

	return connect(fd, (struct sockaddr *)&n, sizeof(n));
}

static ssize_t nl_send(int fd, const char *text, unsigned pid, unsigned groups)
{
	struct sockaddr_nl n = nl_name(pid, groups);

	return sendto(fd, text, strlen(text), MSG_DONTWAIT, (struct sockaddr *)&n, sizeof(n));
}

static int user(int type) { return MUST(socket(AF_NETLINK, type, NETLINK_USERSOCK)); }

static unsigned port_id(int fd)
{
	struct sockaddr_nl n = { 0 };
	socklen_t len = sizeof(n);

	MUST(getsockname(fd, (struct sockaddr *)&n, &len));
	return n.nl_pid;
}

/* The system chooses among the negative ones. */
static const char *pid_text(unsigned pid)
{
	static char text[4][16];
	static int at;
	char *t = text[at++ % 4];

	if (pid == (unsigned)getpid())
		return "own pid";
	if ((int)pid < 0)
		return (int)pid < -4096 ? "below -4096" : "negative";
	snprintf(t, sizeof(text[0]), "%u", pid);
	return t;
}

static void say_names(const char *name, int fd)
{
	struct sockaddr_nl own = { 0 }, peer = { 0 };
	socklen_t len = sizeof(own), peer_len = sizeof(peer);

	MUST(getsockname(fd, (struct sockaddr *)&own, &len));
	MUST(getpeername(fd, (struct sockaddr *)&peer, &peer_len));
	say(name, "%s groups %x len %u, peer %s groups %x len %u", pid_text(own.nl_pid), own.nl_groups, len, pid_text(peer.nl_pid), peer.nl_groups, peer_len);
}

/* What waits there: the text, the sender, and the control messages. */
static void say_recv(const char *name, int fd)
{
	struct sockaddr_nl from = { 0 };
	char text[256] = "", control[256], extra[128] = "";
	struct iovec iov = { text, sizeof(text) - 1 };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

	if (n < 0) {
		say(name, "%s", say_errno(errno));
		return;
	}
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		struct ucred u;
		struct nl_pktinfo p;
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&u, CMSG_DATA(c), sizeof(u));
			snprintf(extra + strlen(extra), sizeof(extra) - strlen(extra), ", credentials own %d %d %d", u.pid == getpid(), u.uid == getuid(),
				 u.gid == getgid());
		}
		if (c->cmsg_level == SOL_NETLINK && c->cmsg_type == NETLINK_PKTINFO) {
			memcpy(&p, CMSG_DATA(c), sizeof(p));
			snprintf(extra + strlen(extra), sizeof(extra) - strlen(extra), ", group %u", p.group);
		}
	}
	say(name, "'%.40s' %zd from %s groups %x len %u flags %x%s", text, n, pid_text(from.nl_pid), from.nl_groups, m.msg_namelen, m.msg_flags, extra);
}

static void protocols(void)
{
	say_about("socket(AF_NETLINK)");
	static const int some[] = { NETLINK_ROUTE, 1, NETLINK_USERSOCK, NETLINK_FIREWALL, NETLINK_SOCK_DIAG, 14, NETLINK_KOBJECT_UEVENT,
				    NETLINK_GENERIC, 30, 31, 32,
				    33, 255, -1 };
	for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++) {
		char name[32];
		snprintf(name, sizeof(name), "protocol %d", some[i]);
		int fd = say_fd(name, socket(AF_NETLINK, SOCK_RAW, some[i]));
		close(fd);
	}
	static const int types[] = { SOCK_DGRAM, SOCK_STREAM, SOCK_SEQPACKET, SOCK_RDM };
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		char name[32];
		snprintf(name, sizeof(name), "type %d", types[i]);
		close(say_fd(name, socket(AF_NETLINK, types[i], NETLINK_USERSOCK)));
	}
}

static void ports(void)
{
	int a = user(SOCK_RAW), b = user(SOCK_DGRAM), c = user(SOCK_RAW);
	struct sockaddr_nl n = nl_name(0, 0);

	say_about("port ids");
	say_names("at first", a);
	say_rc("bind to 0", nl_bind(a, 0, 0));
	say_names("after that", a);
	say_rc("bind to 0 again", nl_bind(a, 0, 0));
	say_rc("bind to what it has", nl_bind(a, port_id(a), 0));
	say_rc("bind to another", nl_bind(a, 4711, 0));
	say_rc("the second to 0", nl_bind(b, 0, 0));
	say_names("which makes it", b);
	say_rc("bind to one that is taken", nl_bind(c, port_id(a), 0));
	say_rc("bind to one of its own", nl_bind(c, 1234567, 0));
	say_names("which it has", c);
	int other = MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	say_rc("the same of another protocol", nl_bind(other, 1234567, 0));
	close(c);
	c = user(SOCK_RAW);
	say_rc("the same when its owner is gone", nl_bind(c, 1234567, 0));
	say_rc("too short a name", bind(c, (struct sockaddr *)&n, sizeof(n) - 1));
	n.nl_family = AF_INET;
	say_rc("another family", bind(c, (struct sockaddr *)&n, sizeof(n)));
	say_rc("bind with groups", nl_bind(c, 1234567, 5));
	close(a);
	close(b);
	close(c);
	close(other);
}

static void unicast(void)
{
	int a = user(SOCK_RAW), b = user(SOCK_DGRAM), one = 1;
	struct sockaddr_nl n = nl_name(0, 0);

	say_about("to one");
	MUST(nl_bind(b, 77, 0));
	say_rc("from an unbound one", nl_send(a, "hello", 77, 0));
	say_names("which has a name now", a);
	say_poll("the receiver", b);
	say_recv("it gets", b);
	say_recv("and then", b);
	MUST(setsockopt(b, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
	MUST(setsockopt(b, SOL_NETLINK, NETLINK_PKTINFO, &one, sizeof(one)));
	say_rc("again", nl_send(a, "who?", 77, 0));
	say_recv("with credentials", b);
	say_rc("back", nl_send(b, "you", port_id(a), 0));
	say_recv("which arrives", a);
	say_rc("to itself", nl_send(b, "me", 77, 0));
	say_recv("which arrives, too", b);
	say_rc("to nobody", nl_send(a, "x", 78, 0));
	say_rc("to the kernel", nl_send(a, "x", 0, 0));
	say_rc("nothing", sendto(a, "", 0, 0, (struct sockaddr *)&n, sizeof(n)));
	say_rc("without a name", send(a, "x", 1, 0));
	say_rc("out of band", send(a, "x", 1, MSG_OOB));
	say_rc("too short a name", sendto(a, "x", 1, 0, (struct sockaddr *)&n, 8));
	n.nl_family = AF_UNIX;
	say_rc("another family", sendto(a, "x", 1, 0, (struct sockaddr *)&n, sizeof(n)));
	close(b);
	say_rc("to one who is gone", nl_send(a, "x", 77, 0));
	close(a);
}

static void connected(void)
{
	int a = user(SOCK_RAW), b = user(SOCK_RAW), c = user(SOCK_RAW);
	struct sockaddr_nl n = nl_name(0, 0);
	struct sockaddr nothing = { .sa_family = AF_UNSPEC };

	say_about("connected");
	MUST(nl_bind(b, 100, 0));
	MUST(nl_bind(c, 101, 0));
	say_rc("to a port", nl_connect(a, 100, 0));
	say_names("names", a);
	say_rc("send", send(a, "hello", 5, 0));
	say_recv("arrives", b);
	say_rc("from the peer", nl_send(b, "hi", port_id(a), 0));
	say_recv("the peer's", a);
	say_rc("from another", nl_send(c, "psst", port_id(a), 0));
	say_recv("another's", a);
	say_rc("to another by name", nl_send(a, "you", 101, 0));
	say_recv("there", c);
	say_rc("to groups", nl_connect(a, 0, 6));
	say_names("names of that", a);
	say_rc("to a port that nobody has", nl_connect(a, 4242, 0));
	say_rc("send there", send(a, "x", 1, 0));
	say_rc("too short", connect(a, (struct sockaddr *)&n, sizeof(n) - 1));
	say_rc("to nothing", connect(a, &nothing, sizeof(nothing)));
	say_names("names at the end", a);
	say_rc("listen", listen(a, 1));
	say_rc("accept", accept(a, NULL, NULL));
	say_rc("shutdown", shutdown(a, SHUT_RD));
	close(a);
	close(b);
	close(c);
}

/* Only the mighty listen here: an ordinary user is told so, and nobody hears. */
static void groups(void)
{
	int a = user(SOCK_RAW), b = user(SOCK_RAW), group = 3, none = 0, high = 33;
	unsigned mask[2] = { 0 };
	socklen_t len = sizeof(mask);

	say_about("groups");
	say_rc("bind", nl_bind(b, 55, 4));
	say_rc("join", setsockopt(b, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)));
	say_rc("join none", setsockopt(b, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &none, sizeof(none)));
	say_rc("join one too high", setsockopt(b, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &high, sizeof(high)));
	say_names("name", b);
	say_rc("list", getsockopt(b, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, mask, &len));
	say("listed", "%x", mask[0]);
	say_rc("send to the group", nl_send(a, "all", 0, 4));
	say_recv("gets", b);
	say_rc("leave", setsockopt(b, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &group, sizeof(group)));
	close(a);
	close(b);
}

static void credentials(void)
{
	int a = user(SOCK_RAW), b = user(SOCK_RAW), one = 1;
	struct ucred u = { .pid = getpid(), .uid = getuid(), .gid = getgid() };
	union { char buf[CMSG_SPACE(sizeof(u))]; struct cmsghdr h; } control = { .h = { CMSG_LEN(sizeof(u)), SOL_SOCKET, SCM_CREDENTIALS } };
	struct sockaddr_nl n = nl_name(66, 0);
	struct iovec iov = { "me", 2 };
	struct msghdr m = { .msg_name = &n, .msg_namelen = sizeof(n), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control) };

	say_about("credentials sent");
	MUST(nl_bind(b, 66, 0));
	MUST(setsockopt(b, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
	memcpy(CMSG_DATA(&control.h), &u, sizeof(u));
	say_rc("one's own", sendmsg(a, &m, 0));
	say_recv("arrive", b);
	u.pid = 1;
	memcpy(CMSG_DATA(&control.h), &u, sizeof(u));
	say_rc("another's", sendmsg(a, &m, 0));
	close(a);
	close(b);
}

/* How many fit is the kernel's to say; that some do, and then no more, and that there is room again. */
static void full(void)
{
	int a = user(SOCK_RAW), b = user(SOCK_RAW), least = 1, n = 0;
	char text[1001];

	say_about("a full queue");
	memset(text, 'x', 1000);
	text[1000] = 0;
	MUST(nl_bind(b, 88, 0));
	MUST(setsockopt(b, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)));
	while (n < 100 && nl_send(a, text, 88, 0) > 0)
		n++;
	say("some fit", "%d, then %s", n > 0 && n < 100, say_errno(errno));
	say_poll("the sender", a);
	say_error("error of the receiver", b);
	while (n > 0 && recv(b, text, 1000, MSG_DONTWAIT) > 0)
		n--;
	say("all that fitted were there", "%d", n == 0);
	say_rc("and again", nl_send(a, "more", 88, 0));
	struct timeval soon = { .tv_usec = 50000 };
	MUST(setsockopt(a, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon)));
	while (nl_send(a, text, 88, 0) > 0)
		;
	struct sockaddr_nl to = nl_name(88, 0);
	say_rc("a send that waits a while", sendto(a, text, 1000, 0, (struct sockaddr *)&to, sizeof(to)));
	soon.tv_usec = 0;
	MUST(setsockopt(a, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon)));
	pid_t child = MUST(fork());
	if (child == 0) {
		poll(NULL, 0, 50);
		while (recv(b, text, sizeof(text), MSG_DONTWAIT) > 0)
			;
		_exit(0);
	}
	say_rc("a send that waits until there is room", sendto(a, text, 1000, 0, (struct sockaddr *)&to, sizeof(to)));
	waitpid(child, NULL, 0);
	close(a);
	close(b);
}

/* Each process finds its own id free, and none finds another's socket by accident. */
static void processes(void)
{
	int a = user(SOCK_RAW), ready[2];

	say_about("from another process");
	MUST(nl_bind(a, 0, 0));
	MUST(pipe(ready));
	pid_t child = MUST(fork());
	if (child == 0) {
		int b = user(SOCK_RAW);
		unsigned ok = nl_send(b, "child", port_id(a), 0) == 5 && port_id(b) == (unsigned)getpid();
		MUST(write(ready[1], &ok, sizeof(ok)));
		char buf[16];
		ok = recv(b, buf, sizeof(buf), 0) == 6;
		_exit(ok ? 0 : 1);
	}
	unsigned ok = 0;
	MUST(read(ready[0], &ok, sizeof(ok)));
	say("it sent by its own pid", "%u", ok);
	struct sockaddr_nl from = { 0 };
	socklen_t len = sizeof(from);
	char buf[16];
	say_rc("received", recvfrom(a, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len));
	say("from the child", "%d", from.nl_pid == (unsigned)child);
	say_rc("answer", nl_send(a, "parent", from.nl_pid, 0));
	int status = -1;
	waitpid(child, &status, 0);
	say("it was heard", "%d", status);
	close(a);
}

/* Values that are short or can't be read, at its own level and at others; and there is no queue of errors. */
static void odd(void)
{
	static const struct { int level, name; } some[] = { { SOL_NETLINK, NETLINK_PKTINFO }, { SOL_NETLINK, NETLINK_LISTEN_ALL_NSID }, { SOL_NETLINK, 13 }, { SOL_NETLINK, 0 },
							    { SOL_SOCKET, SO_PASSSEC }, { SOL_SOCKET, SO_PASSCRED }, { IPPROTO_IP, IP_TTL }, { IPPROTO_TCP, 1 } };
	static const socklen_t lens[] = { 4, 2, (socklen_t)-1 };
	int fd = user(SOCK_DGRAM), on = 1;
	char buf[16];

	say_about("odd values");
	for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++)
		for (size_t j = 0; j < sizeof(lens) / sizeof(*lens); j++) {
			char what[64];
			snprintf(what, sizeof(what), "level %d name %d of %d", some[i].level, some[i].name, (int)lens[j]);
			say_rc(what, setsockopt(fd, some[i].level, some[i].name, &on, lens[j]));
			if (lens[j] != 2)
				say_rc("unread", setsockopt(fd, some[i].level, some[i].name, (void *)1, lens[j]));
			if (lens[j] != 2 || some[i].name != NETLINK_LISTEN_ALL_NSID)
				say_rc("none", setsockopt(fd, some[i].level, some[i].name, NULL, lens[j]));
			say_rc("get", getsockopt(fd, some[i].level, some[i].name, &on, &(socklen_t){ lens[j] }));
		}
	MUST(nl_bind(fd, 0, 0));
	MUST(nl_send(fd, "hello", port_id(fd), 0));
	say_rc("MSG_ERRQUEUE", recv(fd, buf, sizeof(buf), MSG_ERRQUEUE | MSG_DONTWAIT));
	close(fd);
}

int main(void)
{
	say_start();
	protocols();
	ports();
	unicast();
	connected();
	groups();
	credentials();
	odd();
	full();
	processes();
	return 0;
}
