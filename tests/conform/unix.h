/* What the programs about AF_UNIX share. The part of a name that is "BASEBASE" holds the process's number, so that two runs don't meet. */
#pragma once
#include "say.h"
#include <stddef.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <sys/un.h>

#define PATH_AT offsetof(struct sockaddr_un, sun_path)

union uname { struct sockaddr sa; struct sockaddr_un un; struct sockaddr_storage ss; };

static char uname_base[32];

/* A directory of our own, into which we go: paths are short and nobody else's. */
static inline void unix_start(void)
{
	char dir[] = "/tmp/conform-unix-XXXXXX";

	say_start();
	snprintf(uname_base, sizeof uname_base, "b%07d", (int)getpid());
	MUST(mkdtemp(dir) ? 0 : -1);
	MUST(chdir(dir));
}

static inline void unix_end(void)
{
	char dir[4096];

	if (getcwd(dir, sizeof dir) && chdir("/") == 0)
		rmdir(dir);
}

/* "@x": the abstract name BASEBASEx, else a path. */
static inline socklen_t uname_of(union uname *n, const char *text)
{
	memset(n, 0, sizeof *n);
	n->sa.sa_family = AF_UNIX;
	if (*text != '@')
		return (socklen_t)(PATH_AT + (size_t)snprintf(n->un.sun_path, sizeof n->un.sun_path, "%s", text) + 1);
	return (socklen_t)(PATH_AT + 1 + (size_t)snprintf(n->un.sun_path + 1, sizeof n->un.sun_path - 1, "%s%s", uname_base, text + 1));
}

/* How the kernel's choice looks: five hexadecimal digits. */
static inline bool uname_is_auto(const union uname *n, socklen_t len)
{
	if (len != PATH_AT + 6 || n->un.sun_path[0])
		return false;
	for (int i = 1; i < 6; i++)
		if (!strchr("0123456789abcdef", n->un.sun_path[i]))
			return false;
	return true;
}

static inline void say_uname(const char *what, const union uname *n, socklen_t len)
{
	char text[512] = "";
	size_t at = 0, base = strlen(uname_base), room = MIN(len, sizeof n->un);

	if (len < PATH_AT) {
		say(what, "len %u", len);
		return;
	}
	if (uname_is_auto(n, len)) {
		say(what, "family %d autobound", n->sa.sa_family);
		return;
	}
	for (size_t i = 0; PATH_AT + i < room; i++) {
		unsigned char c = (unsigned char)n->un.sun_path[i];
		size_t k = 0;

		while (i == 1 && PATH_AT + i + k < room && k < base && n->un.sun_path[i + k] == uname_base[k])
			k++;
		if (k > 0) {
			at += (size_t)sprintf(text + at, "%.*s", (int)k, "BASEBASE");
			i += k - 1;
		} else
			at += (size_t)sprintf(text + at, c > ' ' && c < 127 ? "%c" : "\\%u", c);
	}
	say(what, "family %d len %u %s", n->sa.sa_family, (unsigned)len, text);
}

/* What getsockname or getpeername says, given so much room. */
static inline void say_ucall(const char *what, int (*call)(int, struct sockaddr *, socklen_t *), int fd, socklen_t room)
{
	union uname n;
	socklen_t len = room;

	memset(&n, 0, sizeof n);
	if (call(fd, &n.sa, &len) < 0)
		say(what, "%s", say_errno(errno));
	else
		say_uname(what, &n, len);
}
#define say_usock(what, fd) say_ucall(what, getsockname, fd, sizeof(union uname))
#define say_upeer(what, fd) say_ucall(what, getpeername, fd, sizeof(union uname))

static inline int ubound(int type, const char *text)
{
	union uname n;
	int fd = MUST(socket(AF_UNIX, type, 0));
	socklen_t len = uname_of(&n, text);

	MUST(bind(fd, &n.sa, len));
	return fd;
}

static inline int ulisten(int type, const char *text, int backlog)
{
	int fd = ubound(type, text);

	MUST(listen(fd, backlog));
	return fd;
}

static inline int uconnect(int fd, const char *text)
{
	union uname n;
	socklen_t len = uname_of(&n, text);

	return connect(fd, &n.sa, len);
}

static inline int uconnected(int type, const char *text)
{
	int fd = MUST(socket(AF_UNIX, type, 0));

	MUST(uconnect(fd, text));
	return fd;
}

/* Two that are connected. With CONFORM_MEET they met by name, for a place where socketpair gives another kind of socket. */
static inline void upair(int type, int fd[2])
{
	union uname n = { .sa.sa_family = AF_UNIX }, peer = n;
	socklen_t len = sizeof peer;

	if (!getenv("CONFORM_MEET")) {
		MUST(socketpair(AF_UNIX, type, 0, fd));
		return;
	}
	int l = MUST(socket(AF_UNIX, type, 0));
	fd[0] = MUST(socket(AF_UNIX, type, 0));
	MUST(bind(l, &n.sa, sizeof(sa_family_t)));
	MUST(getsockname(l, &peer.sa, &len));
	if (type == SOCK_DGRAM) {
		fd[1] = l;
		MUST(bind(fd[0], &n.sa, sizeof(sa_family_t)));
		MUST(connect(fd[0], &peer.sa, len));
		len = sizeof peer;
		MUST(getsockname(fd[0], &peer.sa, &len));
		MUST(connect(fd[1], &peer.sa, len));
		return;
	}
	MUST(listen(l, 1));
	MUST(connect(fd[0], &peer.sa, len));
	fd[1] = MUST(accept(l, NULL, NULL));
	close(l);
}

static inline const char *type_text(int type) { return type == SOCK_STREAM ? "stream" : type == SOCK_DGRAM ? "dgram" : "seqpacket"; }
static const int unix_types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
#define each_type(t) for (const int *t = unix_types; t < unix_types + 3; t++)

static inline void close2(int fd[2])
{
	close(fd[0]);
	close(fd[1]);
}
