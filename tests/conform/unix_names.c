/* Names of Unix sockets: paths, abstract ones of every length, names that are chosen for the program, and where each of them is told. */
#include "unix.h"
#ifndef SO_PEERNAME
#define SO_PEERNAME 28
#endif

static char buf[256];

/* ---- binding and connecting ---- */

static void bind_raw(const char *what, int type, const void *addr, socklen_t len)
{
	int fd = MUST(socket(AF_UNIX, type, 0));

	say_rc(what, bind(fd, addr, len));
	say_usock("then its name", fd);
	close(fd);
}

static void lengths(int type)
{
	union uname n;
	static const int used[] = { 0, 1, 2, 8, 90, 97, 98, 99, 100, 106, 107 };

	say_about("%s length", type_text(type));
	uname_of(&n, "@");
	for (socklen_t len = 0; len < 2; len++)
		bind_raw("bind 0 or 1 octets", type, &n, len);
	bind_raw("bind 109 of abstract", type, &n, 109);
	bind_raw("bind 110 of abstract", type, &n, 110);
	bind_raw("bind 111 of abstract", type, &n, 111);
	bind_raw("bind 128 of abstract", type, &n, 128);
	for (size_t i = 0; i < sizeof used / sizeof *used; i++) {
		uname_of(&n, "@");
		size_t from = 1 + strlen(uname_base);
		for (size_t at = from; at <= (size_t)used[i]; at++)
			n.un.sun_path[at] = 'x';
		say_about("%s abstract of %d and NULs", type_text(type), used[i]);
		if (used[i] > 8) {
			bind_raw("exactly", type, &n, (socklen_t)(PATH_AT + 1 + (size_t)used[i]));
			bind_raw("one NUL", type, &n, (socklen_t)(PATH_AT + MIN((size_t)used[i] + 2, 108)));
		}
		bind_raw("whole", type, &n, sizeof n.un);
	}
	say_about("%s empty abstract", type_text(type));
	memset(n.un.sun_path, 0, sizeof n.un.sun_path);
	n.un.sun_path[1] = 0;
	bind_raw("105 NULs", type, &n, PATH_AT + 105);
}

static void paths(int type)
{
	union uname n;
	struct stat st;
	char far[120];

	say_about("%s path", type_text(type));
	int a = ubound(type, "sock"), b = MUST(socket(AF_UNIX, type, 0));
	say_usock("name", a);
	say_rc("stat", stat("sock", &st));
	say("mode", "%#o", st.st_mode & (S_IFMT | 0777));
	socklen_t len = uname_of(&n, "sock");
	say_rc("bind again", bind(b, &n.sa, len));
	say_rc("bind a bound one", bind(a, &n.sa, len));
	len = uname_of(&n, "other");
	say_rc("bind a bound one elsewhere", bind(a, &n.sa, len));
	say_rc("no such directory", bind(b, &n.sa, uname_of(&n, "none/sock")));
	say_rc("open", open("sock", O_RDONLY));
	close(a);
	say_rc("connect to a closed one's", uconnect(b, "sock"));
	say_rc("it is still there", access("sock", F_OK));
	say_rc("bind over it", bind(b, &n.sa, uname_of(&n, "sock")));
	unlink("sock");
	say_rc("bind after unlink", bind(b, &n.sa, uname_of(&n, "sock")));
	say_rc("rename", rename("sock", "moved"));
	say_usock("name after rename", b);
	int c = MUST(socket(AF_UNIX, type, 0));
	say_rc("connect to what is no more", uconnect(c, "sock"));
	say_rc("connect to where it is", uconnect(c, "moved"));
	unlink("moved");
	say_rc("connect to nothing", uconnect(c, "moved"));
	MUST(close(open("file", O_CREAT | O_WRONLY, 0600)));
	say_rc("connect to a file", uconnect(c, "file"));
	say_rc("bind a file", bind(c, &n.sa, uname_of(&n, "file")));
	unlink("file");
	memset(far, 'x', sizeof far);
	far[107] = 0;
	say_rc("107 octets", bind(c, &n.sa, uname_of(&n, far)));
	say_usock("its name", c);
	unlink(far);
	close(b), close(c);
	c = MUST(socket(AF_UNIX, type, 0));
	memset(n.un.sun_path, 'y', sizeof n.un.sun_path);
	say_rc("108 octets without an end", bind(c, &n.sa, sizeof n.un));
	say_usock("its name", c);
	far[107] = 'x', memset(far, 'y', 108), far[108] = 0;
	say_rc("unlink", unlink(far));
	close(c);
	int fd = MUST(socket(AF_UNIX, type, 0));
	MUST(fchmod(fd, 0642));
	MUST(bind(fd, &n.sa, uname_of(&n, "changed")));
	MUST(stat("changed", &st));
	say("mode of a socket with another", "%#o", st.st_mode & 0777);
	MUST(fchmod(fd, 0700));
	MUST(stat("changed", &st));
	say("changed later", "%#o", st.st_mode & 0777);
	close(fd);
	unlink("changed");
	mode_t old = umask(0177);
	c = ubound(type, "masked");
	umask(old);
	MUST(stat("masked", &st));
	say("mode under umask 177", "%#o", st.st_mode & 0777);
	MUST(chmod("masked", 0));
	b = MUST(socket(AF_UNIX, type, 0));
	say_rc("connect without permission", uconnect(b, "masked"));
	unlink("masked");
	close(b), close(c);
}

static void abstracts(int type)
{
	union uname n;
	int a = ubound(type, "@one"), b = MUST(socket(AF_UNIX, type, 0));

	say_about("%s abstract", type_text(type));
	say_rc("the same again", bind(b, &n.sa, uname_of(&n, "@one")));
	say_usock("name after that", b);
	say_rc("with a NUL more is another", bind(b, &n.sa, uname_of(&n, "@one") + 1));
	say_usock("its name", b);
	say_rc("bind a bound one", bind(b, &n.sa, uname_of(&n, "@two")));
	for (int *t = (int *)unix_types; t < (int *)unix_types + 3; t++) {
		int c = MUST(socket(AF_UNIX, *t, 0));
		say_about("%s abstract, %s", type_text(type), type_text(*t));
		say_rc("bind the same name", bind(c, &n.sa, uname_of(&n, "@one")));
		say_rc("connect to it", uconnect(c, "@one"));
		say_rc("connect to nobody's", uconnect(c, "@none"));
		close(c);
	}
	close(a);
	say_about("%s abstract", type_text(type));
	a = MUST(socket(AF_UNIX, type, 0));
	say_rc("free when it is closed", bind(a, &n.sa, uname_of(&n, "@one")));
	int d = dup(a);
	close(a);
	a = MUST(socket(AF_UNIX, type, 0));
	say_rc("taken while a duplicate lives", bind(a, &n.sa, uname_of(&n, "@one")));
	close(d);
	say_rc("free then", bind(a, &n.sa, uname_of(&n, "@one")));
	close(a), close(b);
}

static void autobinds(int type)
{
	union uname n = { .sa.sa_family = AF_UNIX }, m;
	int a = MUST(socket(AF_UNIX, type, 0)), b = MUST(socket(AF_UNIX, type, 0));
	socklen_t len = sizeof m;

	say_about("%s autobind", type_text(type));
	say_rc("bind", bind(a, &n.sa, sizeof(sa_family_t)));
	say_usock("name", a);
	MUST(getsockname(a, &m.sa, &len));
	say_rc("again", bind(a, &n.sa, sizeof(sa_family_t)));
	say_rc("elsewhere", bind(a, &n.sa, uname_of(&n, "@x")));
	say_rc("its name taken", bind(b, &m.sa, len));
	n.sa.sa_family = AF_INET;
	say_rc("AF_INET", bind(b, &n.sa, sizeof(sa_family_t)));
	n.sa.sa_family = AF_UNIX;
	if (type == SOCK_STREAM || type == SOCK_SEQPACKET) {
		say_rc("listen", listen(a, 1));
		say_rc("connect to it", connect(b, &m.sa, len));
		say_upeer("peer's name", b);
	} else {
		say_rc("connect to it", connect(b, &m.sa, len));
		say_rc("send", send(b, "x", 1, 0));
		say_rc("recv", recv(a, buf, 9, 0));
	}
	close(a), close(b);
}

/* Credentials wanted: a name comes with connecting or sending. */
static void credentials_name(int type)
{
	int on = 1, l = type == SOCK_DGRAM ? ubound(type, "@l") : ulisten(type, "@l", 5), a = MUST(socket(AF_UNIX, type, 0)), pair[2];
	union uname n;
	socklen_t len = sizeof n;

	say_about("%s SO_PASSCRED", type_text(type));
	MUST(setsockopt(a, SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
	say_usock("name at first", a);
	say_rc("connect to nobody", uconnect(a, "@nobody"));
	say_usock("name then", a);
	say_rc("connect", uconnect(a, "@l"));
	say_usock("name connected", a);
	close(a);
	a = MUST(socket(AF_UNIX, type, 0));
	MUST(setsockopt(a, SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
	say_rc("connect to a path that is not there", uconnect(a, "none"));
	say_usock("name then", a);
	close(a);
	upair(type, pair);
	MUST(setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
	say_usock("pair before", pair[0]);
	say_rc("write", write(pair[0], "x", 1));
	say_usock("pair after write", pair[0]);
	memset(&n, 0, sizeof n);
	say_rc("recvfrom", recvfrom(pair[1], buf, 9, 0, &n.sa, &len));
	say_uname("from", &n, len);
	close2(pair);
	close(l);
	if (type != SOCK_DGRAM)
		return;
	l = ubound(type, "@l");
	a = MUST(socket(AF_UNIX, type, 0));
	MUST(setsockopt(a, SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
	say_rc("sendto", sendto(a, "x", 1, 0, &n.sa, uname_of(&n, "@l")));
	say_usock("name after sendto", a);
	len = sizeof n;
	say_rc("recvfrom", recvfrom(l, buf, 9, 0, &n.sa, &len));
	say_uname("from", &n, len);
	say_rc("answer", sendto(l, "y", 1, 0, &n.sa, len));
	say_rc("arrives", recv(a, buf, 9, MSG_DONTWAIT));
	close(a), close(l);
}

/* A send that Linux refuses early gives no name; one that it refuses late does. */
static void unnamed(int type, bool pair)
{
	static char much[400000];
	int fd[2];
	union uname n;
	struct msghdr m = { 0 };
	struct iovec v = { "x", 1 };
	union { struct cmsghdr h; char room[CMSG_LEN(sizeof(int))]; } bad = { .h = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET } };
	int none = 9999;

	memcpy(CMSG_DATA(&bad.h), &none, sizeof(none));

	for (int i = 0; i < 14; i++) {
		static const char *const text[] = { "plain", "urgent", "no data", "too much", "family", "short", "long", "nobody", "bad vector",
						    "no vector", "writev", "writev none", "bad control", "bad rights" };

		say_about("%s%s SO_PASSCRED, %s", type_text(type), pair ? " pair" : "", text[i]);
		if (pair)
			upair(type, fd);
		else
			fd[0] = MUST(socket(AF_UNIX, type, 0)), fd[1] = -1;
		set_int(fd[0], SOL_SOCKET, SO_PASSCRED, 1);
		uname_of(&n, "@nobody");
		if (i == 4)
			n.sa.sa_family = 77;
		m.msg_iov = i == 8 ? (void *)1 : &v;
		m.msg_iovlen = i != 9;
		m.msg_control = i >= 12 ? (void *)&bad : NULL;
		m.msg_controllen = i >= 12 ? sizeof bad : 0;
		bad.h.cmsg_type = i == 12 ? 77 : SCM_RIGHTS;
		if (i < 4)
			say_rc("send", send(fd[0], i == 2 ? (void *)1 : much, i == 3 ? sizeof much : 1, MSG_DONTWAIT | (i == 1 ? MSG_OOB : 0)));
		else if (i < 8)
			say_rc("sendto", sendto(fd[0], "x", 1, MSG_DONTWAIT, &n.sa, i == 5 ? 2 : i == 6 ? 111 : 20));
		else if (i < 10 || i >= 12)
			say_rc("sendmsg", sendmsg(fd[0], &m, MSG_DONTWAIT));
		else
			say_rc("writev", writev(fd[0], &v, i == 10));
		say_usock("name", fd[0]);
		close2(fd);
	}
}

/* ---- where a name is told, and cut ---- */

static void told(int type, const char *text)
{
	int l = ulisten(type, text, 5), c = MUST(socket(AF_UNIX, type, 0)), a;
	union uname n;
	socklen_t len = sizeof n, room;

	say_about("%s told of %s", type_text(type), text);
	MUST(bind(c, &n.sa, uname_of(&n, "@client")));
	say_upeer("before connect", c);
	MUST(uconnect(c, text));
	memset(&n, 0, sizeof n);
	a = MUST(accept(l, &n.sa, &len));
	say_uname("accept", &n, len);
	say_usock("accepted's own", a);
	say_upeer("accepted's peer", a);
	say_usock("client's own", c);
	say_upeer("client's peer", c);
	for (room = 0; room < 12; room += 3) {
		say_ucall("own in little room", getsockname, a, room);
		say_ucall("peer in little room", getpeername, a, room);
	}
	len = sizeof n;
	say_rc("no room's length", getsockname(a, &n.sa, NULL));
	say_rc("nowhere to", getsockname(a, NULL, &len));
	len = (socklen_t)-1;
	say_rc("negative room", getpeername(a, &n.sa, &len));
	memset(&n, 0, sizeof n);
	len = (socklen_t)(PATH_AT + 2);
	if (getsockopt(c, SOL_SOCKET, SO_PEERNAME, &n, &len) == 0)
		say_uname("SO_PEERNAME", &n, len);
	len = sizeof n;
	say_rc("SO_PEERNAME of too much", getsockopt(c, SOL_SOCKET, SO_PEERNAME, &n, &len));
	MUST(send(c, "data", 4, 0));
	len = sizeof n;
	memset(&n, 0, sizeof n);
	say_rc("recvfrom", recvfrom(a, buf, 9, 0, &n.sa, &len));
	say_uname("from", &n, len);
	MUST(send(a, "data", 4, 0));
	len = sizeof n;
	say_rc("recvfrom", recvfrom(c, buf, 9, 0, &n.sa, &len));
	say_uname("from", &n, len);
	close(c);
	say_upeer("peer gone", a);
	int d = MUST(socket(AF_UNIX, type, 0));
	MUST(uconnect(d, text));
	len = 5;
	memset(&n, 0, sizeof n);
	close(a);
	a = MUST(accept(l, &n.sa, &len));
	say_uname("accept an unnamed one", &n, len);
	say_upeer("its name", a);
	close(a), close(d), close(l);
	unlink(text);
}

static void message(struct msghdr *m, struct iovec *v, union uname *n, socklen_t room)
{
	memset(n, 0, sizeof *n);
	*v = (struct iovec){ buf, sizeof buf };
	*m = (struct msghdr){ .msg_name = n, .msg_namelen = room, .msg_iov = v, .msg_iovlen = 1 };
}

static void datagrams(void)
{
	int a = ubound(SOCK_DGRAM, "@a"), b = ubound(SOCK_DGRAM, "@b"), u = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
	union uname n[3], to;
	struct iovec v[3];
	struct mmsghdr mm[3];
	struct msghdr m;
	socklen_t to_len = uname_of(&to, "@b"), len;

	say_about("datagram names");
	for (socklen_t room = 0; room < 128; room += 9) {
		MUST(sendto(a, "x", 1, 0, &to.sa, to_len));
		message(&m, v, n, room);
		say_rc("recvmsg", recvmsg(b, &m, 0));
		if (room == 0)
			say("name length", "%u", m.msg_namelen > 0);
		else
			say_uname("from", n, m.msg_namelen);
	}
	MUST(sendto(u, "x", 1, 0, &to.sa, to_len));
	message(&m, v, n, sizeof *n);
	say_rc("recvmsg from an unnamed one", recvmsg(b, &m, 0));
	say("name length", "%u", m.msg_namelen);
	MUST(sendto(u, "x", 1, 0, &to.sa, to_len));
	len = sizeof *n;
	say_rc("recvfrom an unnamed one", recvfrom(b, buf, 9, 0, &n->sa, &len));
	say("name length", "%u", len);
	message(&m, v, &to, to_len);
	uname_of(&to, "@b");
	say_rc("sendmsg", sendmsg(a, &m, 0));
	for (int i = 0; i < 3; i++) {
		message(&mm[i].msg_hdr, &v[i], &n[i], 0);
		mm[i].msg_hdr.msg_namelen = uname_of(&n[i], i < 2 ? "@b" : "@nobody");
		v[i].iov_len = (size_t)i + 2;
	}
	say_rc("sendmmsg, the third to nobody", sendmmsg(a, mm, 3, 0));
	say("lengths", "%u %u", mm[0].msg_len, mm[1].msg_len);
	for (int i = 0; i < 3; i++)
		message(&mm[i].msg_hdr, &v[i], &n[i], sizeof n[i]);
	say_rc("recvmmsg", recvmmsg(b, mm, 3, MSG_WAITFORONE, NULL));
	for (int i = 0; i < 3; i++) {
		say("length", "%u", mm[i].msg_len);
		say_uname("from", &n[i], mm[i].msg_hdr.msg_namelen);
	}
	say_rc("recvmmsg of nothing", recvmmsg(b, mm, 3, MSG_DONTWAIT, NULL));
	say_rc("to nobody", sendto(a, "x", 1, 0, &to.sa, uname_of(&to, "@nobody")));
	say_rc("to no name", sendto(a, "x", 1, 0, &to.sa, PATH_AT));
	say_rc("to too long a name", sendto(a, "x", 1, 0, &to.sa, 111));
	close(a), close(b), close(u);
}

/* ---- /proc/net/unix ---- */

static void table_line(const char *what, const char *wanted)
{
	char line[512];
	FILE *f = fopen("/proc/net/unix", "re");
	int found = 0;
	unsigned type = 0, state = 0;

	while (f && fgets(line, sizeof line, f)) {
		char *path = strchr(line, '@');
		unsigned long long at;
		unsigned refs, protocol, flags;

		line[strcspn(line, "\n")] = 0;
		if (!path || strncmp(path + 1, uname_base, strlen(uname_base)) || strcmp(path + 1 + strlen(uname_base), wanted))
			continue;
		found++;
		sscanf(line, "%llx: %x %x %x %x %x", &at, &refs, &protocol, &flags, &type, &state);
	}
	say(what, "%d times, type %u state %u", found, type, state);
	if (f)
		fclose(f);
}

static void table(void)
{
	char line[512];
	union uname n;
	FILE *f = fopen("/proc/net/unix", "re");

	say_about("/proc/net/unix");
	say("opens", "%d", f != NULL);
	say("first line", "%s", f && fgets(line, sizeof line, f) ? line : "none");
	if (f)
		fclose(f);
	table_line("not there", "tab");
	int a = ulisten(SOCK_STREAM, "@tab", 5), b = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
	MUST(bind(b, &n.sa, uname_of(&n, "@nul") + 2));
	table_line("there", "tab");
	table_line("with NULs", "nul@@");
	close(a), close(b);
	table_line("gone", "tab");
}

int main(void)
{
	unix_start();
	each_type(t) {
		lengths(*t);
		paths(*t);
		abstracts(*t);
		autobinds(*t);
		credentials_name(*t);
		if (*t == SOCK_STREAM)
			continue;
		unnamed(*t, false);
		unnamed(*t, true);
	}
	told(SOCK_STREAM, "@name");
	told(SOCK_STREAM, "path");
	told(SOCK_SEQPACKET, "@name");
	told(SOCK_SEQPACKET, "path");
	datagrams();
	table();
	unix_end();
	return 0;
}
