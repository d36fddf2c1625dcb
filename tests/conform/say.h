/*
 * What the conform programs share: each prints what a family of socket calls answers, a line a fact, in the form
 *
 *     context: name = result
 *
 * A result is a number, an errno's name or a text, with nothing in it that differs from run to run (ephemeral port numbers become
 * "PORT"). tests/conform/run lets the kernel and sockland print and compares the lines. Nothing here judges: the kernel is the oracle.
 */
#pragma once
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REFUSED 77             /* exit status where the kernel does not let a program do what it is about; its last line says why */

static char say_context[128];

/* Every program begins with this: it ends after 60 s whatever happens, and a lost pipe is an errno. */
static inline void say_start(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	alarm(60);
}

/* Texts, flags and options are those of one kernel; earlier ones have less, or say otherwise. */
static inline bool kernel_is_older(void)
{
	struct utsname u;
	int major = 0, minor = 0;

	return uname(&u) < 0 || sscanf(u.release, "%d.%d", &major, &minor) != 2 || major < 6 || (major == 6 && minor < 18);
}

/* What the lines from here on are about. */
__attribute__((format(printf, 1, 2))) static inline void say_about(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(say_context, sizeof(say_context), fmt, ap);
	va_end(ap);
}

__attribute__((format(printf, 2, 3))) static inline void say(const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("%s: %s = ", say_context, name);
	vprintf(fmt, ap);
	putchar('\n');
	va_end(ap);
}

static inline const char *say_errno(int e)
{
	const char *name = e ? strerrorname_np(e) : "0";

	return name ? name : "?";
}

/* The result of a call: its value, or the name of its errno. Gives the result back. */
static inline long say_rc(const char *name, long rc)
{
	int e = errno;

	if (rc < 0)
		say(name, "%s", say_errno(e));
	else
		say(name, "%ld", rc);
	errno = e;
	return rc;
}

/* The same for a call that makes a descriptor: its number is not said. */
static inline int say_fd(const char *name, int fd)
{
	int e = errno;

	say(name, "%s", fd < 0 ? say_errno(e) : "fd");
	errno = e;
	return fd;
}

static inline void say_bits(const char *name, int events)
{
	static const struct { int bit; const char *text; } bits[] = {
		{ POLLIN, "IN" }, { POLLPRI, "PRI" }, { POLLOUT, "OUT" }, { POLLERR, "ERR" }, { POLLHUP, "HUP" }, { POLLNVAL, "NVAL" },
		{ POLLRDNORM, "RDNORM" }, { POLLRDBAND, "RDBAND" }, { POLLWRNORM, "WRNORM" }, { POLLWRBAND, "WRBAND" }, { POLLRDHUP, "RDHUP" },
	};
	char text[128] = "";

	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++)
		if (events & bits[i].bit)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", *text ? "|" : "", bits[i].text);
	say(name, "%s", *text ? text : "none");
}

/* All that poll tells of fd right now. */
#define SAY_POLL_ALL (POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLRDBAND | POLLWRNORM | POLLWRBAND | POLLRDHUP)
static inline void say_poll(const char *name, int fd)
{
	struct pollfd p = { .fd = fd, .events = SAY_POLL_ALL };

	if (poll(&p, 1, 0) < 0)
		say(name, "%s", say_errno(errno));
	else
		say_bits(name, p.revents);
}

/* What the data calls say of fd; without waiting. */
static inline void say_io(const char *who, int fd)
{
	static char data[1 << 16];
	char name[64];

	snprintf(name, sizeof(name), "%s poll", who);
	say_poll(name, fd);
	snprintf(name, sizeof(name), "%s recv", who);
	say_rc(name, recv(fd, data, sizeof(data), MSG_DONTWAIT));
	snprintf(name, sizeof(name), "%s send", who);
	say_rc(name, send(fd, "abc", 3, MSG_DONTWAIT | MSG_NOSIGNAL));
}

/* What setting an option to an int answers, and what it is then. */
static inline void say_set_option(const char *name, int fd, int level, int option, int value)
{
	say_rc(name, setsockopt(fd, level, option, &value, sizeof(value)));
}

static inline void say_option(const char *name, int fd, int level, int option)
{
	int v = -1;
	socklen_t len = sizeof(v);
	long rc = getsockopt(fd, level, option, &v, &len);

	if (rc < 0)
		say_rc(name, rc);
	else
		say(name, "%d, %u octets", v, len);
}

/* SO_ERROR, which clears it. */
static inline void say_error(const char *name, int fd)
{
	int e = 0;
	socklen_t len = sizeof(e);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0)
		say(name, "getsockopt %s", say_errno(errno));
	else
		say(name, "%s", say_errno(e));
}

/* The state of RFC 9293 by TCP_INFO. */
static inline void say_state(const char *name, int fd)
{
	static const char *const states[] = { "?", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE",
					      "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING" };
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		say(name, "getsockopt %s", say_errno(errno));
	else
		say(name, "%s", info.tcpi_state < 12 ? states[info.tcpi_state] : "??");
}

/* ---- addresses ---- */
union name {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_storage ss;
};

static inline socklen_t name_len(int family) { return family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in); }

static inline union name name_of(int family, const char *text, unsigned port)
{
	union name n = { .sa.sa_family = (sa_family_t)family };

	if (family == AF_INET6)
		n.in6.sin6_port = htons((uint16_t)port);
	else
		n.in.sin_port = htons((uint16_t)port);
	int ok = inet_pton(family, text, family == AF_INET6 ? (void *)&n.in6.sin6_addr : (void *)&n.in.sin_addr);
	assert(ok == 1);
	return n;
}

static inline union name name_lo(int family, unsigned port) { return name_of(family, family == AF_INET6 ? "::1" : "127.0.0.1", port); }
static inline union name name_any(int family, unsigned port) { return name_of(family, family == AF_INET6 ? "::" : "0.0.0.0", port); }
static inline unsigned name_port(const union name *n) { return ntohs(n->sa.sa_family == AF_INET6 ? n->in6.sin6_port : n->in.sin_port); }

/* The port that fd is bound to. */
static inline unsigned port_of(int fd)
{
	union name n = { 0 };
	socklen_t len = sizeof(n);

	return getsockname(fd, &n.sa, &len) < 0 ? 0 : name_port(&n);
}

/* An address with its length; ports from 1024 up are "PORT". */
static inline void say_name(const char *name, const union name *n, socklen_t len)
{
	char text[64] = "?";
	unsigned port = name_port(n);

	if (len == 0) {
		say(name, "no address");
		return;
	}
	if (n->sa.sa_family != AF_INET && n->sa.sa_family != AF_INET6) {
		say(name, "family %d len %u", n->sa.sa_family, len);
		return;
	}
	inet_ntop(n->sa.sa_family, n->sa.sa_family == AF_INET6 ? (const void *)&n->in6.sin6_addr : (const void *)&n->in.sin_addr, text, sizeof(text));
	if (port >= 1024)
		say(name, "%s PORT len %u", text, len);
	else
		say(name, "%s %u len %u", text, port, len);
}

static inline void say_sockname(const char *name, int fd)
{
	union name n = { 0 };
	socklen_t len = sizeof(n);

	if (getsockname(fd, &n.sa, &len) < 0)
		say(name, "%s", say_errno(errno));
	else
		say_name(name, &n, len);
}

static inline void say_peername(const char *name, int fd)
{
	union name n = { 0 };
	socklen_t len = sizeof(n);

	if (getpeername(fd, &n.sa, &len) < 0)
		say(name, "%s", say_errno(errno));
	else
		say_name(name, &n, len);
}

/* ---- sockets in a given state; what is not the subject must work ---- */
#define MUST(x) must((x), #x, __LINE__)
static inline int must(long rc, const char *what, int line)
{
	if (rc < 0) {
		printf("%s: line %d: %s failed = %s\n", say_context, line, what, say_errno(errno));
		exit(1);
	}
	return (int)rc;
}

/* Until one of the events stands, 5 s at most; false if it never did. */
static inline bool wait_for(int fd, int events)
{
	struct pollfd p = { .fd = fd, .events = (short)events };

	return poll(&p, 1, 5000) == 1 && (p.revents & (events | POLLERR | POLLHUP));
}

static inline int bound(int family, int type)
{
	int fd = MUST(socket(family, type, 0));
	union name n = name_lo(family, 0);

	MUST(bind(fd, &n.sa, name_len(family)));
	return fd;
}

static inline int listening(int family, int backlog)
{
	int fd = bound(family, SOCK_STREAM);

	MUST(listen(fd, backlog));
	return fd;
}

static inline int connected_to(int family, int type, unsigned port)
{
	int fd = MUST(socket(family, type, 0));
	union name n = name_lo(family, port);

	MUST(connect(fd, &n.sa, name_len(family)));
	return fd;
}

/* fd[0] connected, fd[1] accepted. */
static inline void tcp_pair(int family, int fd[2])
{
	int l = listening(family, 1);

	fd[0] = connected_to(family, SOCK_STREAM, port_of(l));
	fd[1] = MUST(accept(l, NULL, NULL));
	close(l);
}

/* Two datagram sockets connected to each other. */
static inline void udp_pair(int family, int fd[2])
{
	union name a = name_lo(family, 0), b = name_lo(family, 0);

	fd[0] = bound(family, SOCK_DGRAM);
	fd[1] = bound(family, SOCK_DGRAM);
	a = name_lo(family, port_of(fd[1]));
	b = name_lo(family, port_of(fd[0]));
	MUST(connect(fd[0], &a.sa, name_len(family)));
	MUST(connect(fd[1], &b.sa, name_len(family)));
}

/* A port on which nobody listens. */
static inline unsigned port_closed(int family, int type)
{
	int fd = bound(family, type);
	unsigned port = port_of(fd);

	close(fd);
	return port;
}

static inline void set_nonblocking(int fd) { MUST(fcntl(fd, F_SETFL, O_NONBLOCK)); }
static inline void set_int(int fd, int level, int name, int value) { MUST(setsockopt(fd, level, name, &value, sizeof(value))); }
static inline const char *family_text(int family) { return family == AF_INET6 ? "v6" : "v4"; }

/* Monotonic milliseconds. */
static inline long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
