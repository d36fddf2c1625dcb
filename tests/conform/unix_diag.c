/*
 * NETLINK_SOCK_DIAG of Unix sockets, as ss asks, and /proc/net/unix: what both tell of this program's own, which it finds by their inodes, in each state that
 * they can be in; which of them a dump shows; one by its inode and cookie; and what is no request.
 */
#include "netlink.h"
#include "unix.h"
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/sysmacros.h>

#define ALL 0xffffffffu
#define SHOW_ALL (UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER | UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN | UDIAG_SHOW_MEMINFO | UDIAG_SHOW_UID)
#define NONE 0xffffffffu          /* no cookie */

struct ask { struct nlmsghdr h; struct unix_diag_req q; };

/* What is told of one socket. size: of an attribute, -1: it is not there. */
struct found { bool is; struct unix_diag_msg m; int size[UNIX_DIAG_MAX + 1]; unsigned char at[UNIX_DIAG_MAX + 1][128]; };

/* The sockets whose inodes stand for themselves in what is said. */
static struct { const char *name; unsigned inode; } known[16];
static unsigned n_known;

static unsigned inode_of(int fd)
{
	struct stat st;

	MUST(fstat(fd, &st));
	return (unsigned)st.st_ino;
}

static void know(const char *name, int fd)
{
	known[n_known].name = name;
	known[n_known++].inode = inode_of(fd);
}

static const char *known_name(unsigned inode)
{
	for (unsigned i = n_known; i-- > 0;)
		if (known[i].inode == inode)
			return known[i].name;
	return inode ? "another" : "nobody";
}

static struct ask ask_of(unsigned inode, unsigned show, unsigned states, int flags)
{
	struct ask a = { .h = { sizeof(a), SOCK_DIAG_BY_FAMILY, (__u16)(NLM_F_REQUEST | flags), 1, 0 },
			 .q = { .sdiag_family = AF_UNIX, .udiag_states = states, .udiag_ino = inode, .udiag_show = show, .udiag_cookie = { NONE, NONE } } };

	return a;
}

static void found_read(const struct nlmsghdr *h, struct found *ret)
{
	const char *at = NLMSG_DATA(h), *end = (const char *)h + h->nlmsg_len;

	memset(ret, 0, sizeof(*ret));
	memset(ret->size, -1, sizeof(ret->size));
	ret->is = true;
	memcpy(&ret->m, at, sizeof(ret->m));
	for (at += NLMSG_ALIGN(sizeof(ret->m)); at < end;) {
		struct nlattr a;
		memcpy(&a, at, sizeof(a));
		if (a.nla_type <= UNIX_DIAG_MAX) {
			ret->size[a.nla_type] = (int)(a.nla_len - sizeof(a));
			memcpy(ret->at[a.nla_type], at + sizeof(a), MIN(a.nla_len - sizeof(a), sizeof(ret->at[0])));
		}
		at += NLA_ALIGN(a.nla_len);
	}
}

struct search { unsigned inode; struct found *ret; };

static void look_at(const struct nlmsghdr *h, void *arg)
{
	const struct search *s = arg;
	struct found f;

	found_read(h, &f);
	if (!s->ret->is && f.m.udiag_ino == s->inode)
		*s->ret = f;
}

/* Of all that the answer tells, what it tells of inode. The result: 0, or the errno that ends it. */
static int answered(const struct ask *a, size_t len, unsigned inode, struct found *ret)
{
	memset(ret, 0, sizeof(*ret));
	return nl_ask(NETLINK_SOCK_DIAG, a, len, look_at, &(struct search){ inode, ret });
}

/* ---- one socket ---- */

static __u32 word(const struct found *f, int type, int i)
{
	__u32 w;

	memcpy(&w, f->at[type] + 4 * i, 4);
	return w;
}

static void say_found_name(const struct found *f)
{
	union uname n = { .un.sun_family = AF_UNIX };

	if (f->size[UNIX_DIAG_NAME] < 0)
		return;
	memcpy(n.un.sun_path, f->at[UNIX_DIAG_NAME], MIN((size_t)f->size[UNIX_DIAG_NAME], sizeof(n.un.sun_path)));
	say_uname("  name", &n, (socklen_t)PATH_AT + (socklen_t)f->size[UNIX_DIAG_NAME]);
}

static void say_callers(const struct found *f)
{
	char text[256] = "";

	if (f->size[UNIX_DIAG_ICONS] < 0)
		return;
	for (int i = 0; 4 * i < f->size[UNIX_DIAG_ICONS]; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s", known_name(word(f, UNIX_DIAG_ICONS, i)));
	say("  who waits", "%d octets:%s", f->size[UNIX_DIAG_ICONS], text);
}

static void say_attributes(const struct found *f)
{
	say_found_name(f);
	if (f->size[UNIX_DIAG_VFS] >= 0)
		say("  file", "%d octets", f->size[UNIX_DIAG_VFS]);
	if (f->size[UNIX_DIAG_PEER] >= 0)
		say("  peer", "%s", known_name(word(f, UNIX_DIAG_PEER, 0)));
	say_callers(f);
	if (f->size[UNIX_DIAG_RQLEN] >= 0)
		say("  queues", "%u %u", word(f, UNIX_DIAG_RQLEN, 0), word(f, UNIX_DIAG_RQLEN, 1));
	if (f->size[UNIX_DIAG_MEMINFO] >= 0)
		say("  memory", "%d octets: %u %u, %u %u", f->size[UNIX_DIAG_MEMINFO], word(f, UNIX_DIAG_MEMINFO, SK_MEMINFO_RMEM_ALLOC),
		    word(f, UNIX_DIAG_MEMINFO, SK_MEMINFO_RCVBUF), word(f, UNIX_DIAG_MEMINFO, SK_MEMINFO_WMEM_ALLOC), word(f, UNIX_DIAG_MEMINFO, SK_MEMINFO_SNDBUF));
	if (f->size[UNIX_DIAG_SHUTDOWN] >= 0)
		say("  shut", "%d", f->at[UNIX_DIAG_SHUTDOWN][0]);
	if (f->size[UNIX_DIAG_UID] >= 0)
		say("  own uid", "%d", word(f, UNIX_DIAG_UID, 0) == getuid());
}

static void say_found(const char *name, const struct found *f)
{
	if (!f->is) {
		say(name, "not there");
		return;
	}
	say(name, "family %d type %d state %d pad %d: %s", f->m.udiag_family, f->m.udiag_type, f->m.udiag_state, f->m.pad, known_name(f->m.udiag_ino));
	say_attributes(f);
}

/* Of its line in the list: but for what it is called there. */
static void say_line(int fd)
{
	FILE *list = fopen("/proc/net/unix", "r");
	char line[512], path[256];
	unsigned refs, protocol, flags, type, state, inode;

	while (list && fgets(line, sizeof(line), list)) {
		*path = 0;
		if (sscanf(line, "%*[0-9a-f]: %x %x %x %x %x %u %255s", &refs, &protocol, &flags, &type, &state, &inode, path) < 6 || inode != inode_of(fd))
			continue;
		say("  its line", "%x %x %x %x %x, %s", refs, protocol, flags, type, state, *path == '@' ? "abstract" : *path ? path : "no name");
	}
	fclose(list);
}

static void say_socket(const char *name, int fd)
{
	struct ask a = ask_of(inode_of(fd), SHOW_ALL, 0, 0);
	struct found f;
	int r = answered(&a, sizeof(a), a.q.udiag_ino, &f);

	if (r)
		say(name, "%s", say_errno(r));
	else
		say_found(name, &f);
	say_line(fd);
}

/* ---- in each state ---- */

static void pairs(int type)
{
	int p[2];

	n_known = 0;
	MUST(socketpair(AF_UNIX, type, 0, p));
	know("A", p[0]);
	know("B", p[1]);
	say_socket("an end of a pair", p[0]);
	MUST(send(p[0], "hello", 5, 0));
	say_socket("one that has sent", p[0]);
	say_socket("one that has not read", p[1]);
	if (type != SOCK_STREAM)
		MUST(send(p[0], "and more", 8, 0));
	say_socket("with more to read", p[1]);
	MUST(shutdown(p[0], SHUT_WR));
	say_socket("half closed", p[0]);
	say_socket("the other half", p[1]);
	close(p[0]);
	say_socket("without its peer", p[1]);
	close(p[1]);
}

static void meetings(int type)
{
	int l = ubound(type, "@l"), c = MUST(socket(AF_UNIX, type, 0)), d = MUST(socket(AF_UNIX, type, 0)), s;

	n_known = 0;
	know("L", l);
	know("C", c);
	know("D", d);
	say_socket("a new one", c);
	say_socket("a bound one", l);
	MUST(listen(l, 3));
	say_socket("a listener", l);
	MUST(uconnect(c, "@l"));
	MUST(send(c, "x", 1, 0));
	say_socket("a listener with a caller", l);
	say_socket("a caller", c);
	s = MUST(accept(l, NULL, NULL));
	know("S", s);
	say_socket("an accepted one", s);
	say_socket("a caller that was accepted", c);
	close(s);
	say_socket("a caller that was left", c);
	MUST(uconnect(d, "@l"));
	say_socket("a listener with another caller", l);
	say_socket("the other caller", d);
	close(d);
	say_socket("a listener whose caller is gone", l);
	s = MUST(accept(l, NULL, NULL));
	say_socket("the listener without it", l);
	close(s);
	close(c);
	close(l);
}

static void datagrams(void)
{
	int a = ubound(SOCK_DGRAM, "@a"), b = MUST(socket(AF_UNIX, SOCK_DGRAM, 0)), c = ubound(SOCK_DGRAM, "@c");

	n_known = 0;
	know("A", a);
	know("B", b);
	know("C", c);
	say_socket("a bound one", a);
	MUST(uconnect(b, "@a"));
	say_socket("one that has connected", b);
	say_socket("to which one has connected", a);
	MUST(uconnect(b, "@c"));
	say_socket("from which one has gone elsewhere", a);
	say_socket("there", c);
	MUST(connect(b, &(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(struct sockaddr)));
	say_socket("one that has no peer any more", b);
	say_socket("whose peer it was", c);
	MUST(uconnect(b, "@a"));
	close(a);
	say_socket("whose peer is gone", b);
	say("it is told", "%s", send(b, "x", 1, 0) < 0 ? say_errno(errno) : "no");
	say_socket("when it was told", b);
	close(b);
	close(c);
}

/* A path is an inode and its device, as the kernel writes that. */
static void paths(int type)
{
	int b = ubound(type, "path");
	struct ask a = ask_of(inode_of(b), UDIAG_SHOW_VFS, 0, 0);
	struct unix_diag_vfs v;
	struct found f;
	struct stat st;

	n_known = 0;
	know("B", b);
	say_socket("one with a path", b);
	MUST(stat("path", &st));
	answered(&a, sizeof(a), a.q.udiag_ino, &f);
	memcpy(&v, f.at[UNIX_DIAG_VFS], sizeof(v));
	say("its file", "%d %d", v.udiag_vfs_ino == (__u32)st.st_ino, v.udiag_vfs_dev == (major(st.st_dev) << 20 | minor(st.st_dev)));
	MUST(unlink("path"));
	say_socket("one whose path is gone", b);
	close(b);
}

/* ---- which ---- */

static void selections(void)
{
	static const struct { const char *name; unsigned states; } which[] = {
		{ "those of connections", 1u << 1 }, { "those of no connections", 1u << 7 }, { "those of listeners", 1u << 10 }, { "none", 0 }, { "all", ALL },
	};
	int l = ubound(SOCK_STREAM, "@l"), p[2], n = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), of[3];

	MUST(listen(l, 1));
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	of[0] = p[0], of[1] = n, of[2] = l;
	say_about("a dump by states: of a connection, a new one, and a listener");
	for (size_t i = 0; i < sizeof(which) / sizeof(*which); i++) {
		struct found f[3];
		for (int j = 0; j < 3; j++) {
			struct ask a = ask_of(0, 0, which[i].states, NLM_F_DUMP);
			answered(&a, sizeof(a), inode_of(of[j]), &f[j]);
		}
		say(which[i].name, "%d %d %d", f[0].is, f[1].is, f[2].is);
	}
	close(l);
	close(n);
	close(p[0]);
	close(p[1]);
}

static void say_request(const char *name, const struct ask *a, size_t len)
{
	struct found f;

	say(name, "%s", say_errno(answered(a, len, a->q.udiag_ino, &f)));
}

static void requests(void)
{
	int l = ubound(SOCK_STREAM, "@l"), t = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
	struct ask a = ask_of(inode_of(l), SHOW_ALL, 0, 0);
	struct found f;
	unsigned gone;

	n_known = 0;
	know("L", l);
	MUST(listen(l, 1));
	say_about("one");
	for (unsigned show = 1; show <= SHOW_ALL; show *= 2) {
		char name[32];
		snprintf(name, sizeof(name), "showing %u", show);
		a.q.udiag_show = show;
		answered(&a, sizeof(a), a.q.udiag_ino, &f);
		say_found(name, &f);
	}
	memcpy(a.q.udiag_cookie, f.m.udiag_cookie, sizeof(a.q.udiag_cookie));
	say_request("with its cookie", &a, sizeof(a));
	a.q.udiag_cookie[0]++;
	say_request("with another's cookie", &a, sizeof(a));
	gone = inode_of(t);
	close(t);
	a = ask_of(gone, SHOW_ALL, ALL, 0);
	say_request("that is gone", &a, sizeof(a));
	a = ask_of(0, SHOW_ALL, ALL, 0);
	say_request("without an inode", &a, sizeof(a));
	a = ask_of(inode_of(l), SHOW_ALL, 0, 0);
	a.q.sdiag_protocol = 17;
	say_request("of some protocol", &a, sizeof(a));
	a.h.nlmsg_type = SOCK_DESTROY;
	say_request("to be ended", &a, sizeof(a));
	a = ask_of(inode_of(l), SHOW_ALL, 0, 0);
	a.h.nlmsg_len -= 4;
	say_request("asked for shortly", &a, sizeof(a) - 4);
	close(l);
}

static bool kernel_has(void)
{
	struct ask a = ask_of(0, 0, 0, NLM_F_DUMP);
	struct found f;

	return answered(&a, sizeof(a), 0, &f) == 0;
}

int main(void)
{
	static const struct { int type; const char *name; } types[] = { { SOCK_STREAM, "stream" }, { SOCK_DGRAM, "datagrams" }, { SOCK_SEQPACKET, "records" } };

	unix_start();
	if (!kernel_has()) {
		unix_end();
		puts("the kernel has no unix_diag");
		return 77;
	}
	for (size_t i = 0; i < 3; i++) {
		say_about("a pair, %s", types[i].name);
		pairs(types[i].type);
		say_about("paths, %s", types[i].name);
		paths(types[i].type);
		say_about("names, %s", types[i].name);
		if (types[i].type != SOCK_DGRAM)
			meetings(types[i].type);
		else
			datagrams();
	}
	selections();
	requests();
	unix_end();
	return 0;
}
