/*
 * Every call that takes a name, a message or a number, on sockets of every kind and state, with arguments of which most are wrong: pointers that lead
 * nowhere, lengths around each limit, every bit of flags alone. A line is one argument swept; what is written back is said, too.
 */
#pragma once
#include "kinds.h"
#include <sys/un.h>

#define N(a) (sizeof(a) / sizeof(*(a)))
#define BAD ((void *)1)

/* ---- a line of answers ---- */

static char line[4096];
static size_t at;

__attribute__((format(printf, 1, 2))) static void add(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	at += (size_t)vsnprintf(line + at, sizeof(line) - at, fmt, ap);
	va_end(ap);
}

static void add_rc(long rc)
{
	if (rc < 0)
		add(" %s", say_errno(errno));
	else
		add(" %ld", rc);
}

static void add_fd(long rc)
{
	if (rc >= 0)
		close((int)rc);
	add(" %s", rc < 0 ? say_errno(errno) : "fd");
}

static void flush(const char *what)
{
	say(what, "%s", line);
	at = 0;
	line[0] = 0;
}

/* Leaves no TIME-WAIT behind: there are thousands of connections. */
static void end(int fd, int other)
{
	struct linger now = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	close(other);
}

/* ---- names ---- */

static const struct { const char *text; union { struct sockaddr sa; struct sockaddr_in in; struct sockaddr_in6 in6; char room[256]; } n; } names[] = {
	{ "unspec", { .sa = { .sa_family = AF_UNSPEC } } },
	{ "v4", { .in = { .sin_family = AF_INET, .sin_addr.s_addr = 0x0100007f } } },
	{ "v4 group", { .in = { .sin_family = AF_INET, .sin_addr.s_addr = 0x010000e0 } } },
	{ "v6", { .in6 = { .sin6_family = AF_INET6, .sin6_addr = { .s6_addr = { [15] = 1 } } } } },
	{ "v6 mapped", { .in6 = { .sin6_family = AF_INET6, .sin6_addr = { .s6_addr = { [10] = 255, [11] = 255, [12] = 127, [15] = 1 } } } } },
	{ "v6 link-local", { .in6 = { .sin6_family = AF_INET6, .sin6_addr = { .s6_addr = { 0xfe, 0x80, [15] = 1 } } } } },
	{ "v6 group", { .in6 = { .sin6_family = AF_INET6, .sin6_addr = { .s6_addr = { 0xff, 0x02, [15] = 1 } } } } },
	{ "unix", { .sa = { .sa_family = AF_UNIX } } },
	{ "packet", { .sa = { .sa_family = 17 } } },
	{ "77", { .sa = { .sa_family = 77 } } },
};
static const socklen_t lens[] = { 0, 1, 2, 3, 7, 8, 15, 16, 17, 23, 24, 27, 28, 29, 110, 111, 128, 129, 4096, INT32_MAX, (socklen_t)INT32_MIN, (socklen_t)-1 };

typedef int name_call(int, const struct sockaddr *, socklen_t);

static void sweep_name(const struct kind *k, const char *text, name_call *call)
{
	char what[64];

	for (size_t i = 0; i < N(names) + 2; i++) {
		const void *name = i < N(names) ? (const void *)&names[i].n : i == N(names) ? NULL : BAD;
		for (size_t j = 0; j < N(lens); j++) {
			int other, fd = kind_make_nonblocking(k, &other);
			add_rc(call(fd, name, lens[j]));
			end(fd, other);
		}
		snprintf(what, sizeof(what), "%s %s", text, i < N(names) ? names[i].text : name ? "bad" : "none");
		flush(what);
	}
}

/* ---- names that come back ---- */

typedef int told_call(int, struct sockaddr *, socklen_t *);

static int accept_(int fd, struct sockaddr *name, socklen_t *len) { return accept(fd, name, len); }

static void sweep_told(const struct kind *k, const char *text, told_call *call, bool fds)
{
	char name[256];
	char what[64];

	for (int i = 0; i < 3; i++) {
		void *to = i == 0 ? (void *)name : i == 1 ? NULL : BAD;
		for (size_t j = 0; j < N(lens) + 2; j++) {
			socklen_t len = j < N(lens) ? lens[j] : 0;
			int other, fd = kind_make_nonblocking(k, &other);
			int c = k->state == LISTENING ? kind_call(k, fd) : -1;
			if (c >= 0)
				wait_for(fd, POLLIN);
			memset(name, 0xee, sizeof(name));
			int rc = call(fd, to, j < N(lens) ? &len : j == N(lens) ? NULL : BAD);
			if (fds)
				add_fd(rc);
			else
				add_rc(rc);
			add("/%d", (int)len);
			if (rc >= 0 && i == 0) {
				size_t n = sizeof(name);
				while (n > 0 && name[n - 1] == (char)0xee)
					n--;
				add("/%zu", n >= 2 && n <= 4 ? 4 : n);   /* a port may have any octet */
			}
			end(fd, other);
			end(c, -1);
		}
		snprintf(what, sizeof(what), "%s %s", text, i == 0 ? "" : i == 1 ? "none" : "bad");
		flush(what);
	}
}

/* ---- messages ---- */

static long via_send(int fd, void *b, size_t n, int flags) { return send(fd, b, n, flags); }
static long via_sendto(int fd, void *b, size_t n, int flags) { return sendto(fd, b, n, flags, BAD, 0); }
static long via_recv(int fd, void *b, size_t n, int flags) { return recv(fd, b, n, flags); }

static long via_sendmsg(int fd, void *b, size_t n, int flags)
{
	struct iovec v = { b, n };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_flags = -1 };

	return sendmsg(fd, &m, flags);
}

static long via_recvmsg(int fd, void *b, size_t n, int flags)
{
	struct iovec v = { b, n };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_flags = -1 };
	long rc = recvmsg(fd, &m, flags);

	if (rc >= 0)
		add(" [%x]", m.msg_flags);
	return rc;
}

static long via_sendmmsg(int fd, void *b, size_t n, int flags)
{
	struct iovec v = { b, n };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &v, .msg_iovlen = 1 }, .msg_len = 99 };
	long rc = sendmmsg(fd, &m, 1, flags);

	add(" [%u]", m.msg_len);
	return rc;
}

static long via_recvmmsg(int fd, void *b, size_t n, int flags)
{
	struct iovec v = { b, n };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &v, .msg_iovlen = 1, .msg_flags = -1 }, .msg_len = 99 };
	long rc = recvmmsg(fd, &m, 1, flags, NULL);

	if (rc >= 0)
		add(" [%u %x]", m.msg_len, m.msg_hdr.msg_flags);
	return rc;
}

static const struct carrier { const char *text; long (*call)(int, void *, size_t, int); } carriers[] = {
	{ "send", via_send }, { "sendto", via_sendto }, { "sendmsg", via_sendmsg }, { "sendmmsg", via_sendmmsg },
	{ "recv", via_recv }, { "recvmsg", via_recvmsg }, { "recvmmsg", via_recvmmsg },
};

/* Each bit of the flags alone, then pairs that programs use. */
static void sweep_flags(const struct kind *k, const struct carrier *c)
{
	static char b[64];
	char what[64];

	for (int bit = 0; bit < 32; bit++) {
		int other, fd = kind_make_nonblocking(k, &other), flag = (int)(1u << bit);
		add_rc(c->call(fd, b, 5, flag));
		add_rc(c->call(fd, b, 0, flag));
		add_rc(c->call(fd, BAD, 5, flag));
		snprintf(what, sizeof(what), "%s %#x", c->text, flag);
		flush(what);
		end(fd, other);
	}
}

static void sweep_lengths(const struct kind *k, const struct carrier *c)
{
	static const size_t sizes[] = { 0, 1, 4096, 65507, 65508, 65527, 65528, 65536, 1u << 31, SIZE_MAX / 2, SIZE_MAX };
	static char b[70000];
	char what[64];

	for (int bad = 0; bad < 3; bad++) {
		for (size_t i = 0; i < N(sizes); i++) {
			int other, fd = kind_make_nonblocking(k, &other);
			if (bad || sizes[i] <= sizeof(b))
				add_rc(c->call(fd, bad == 0 ? b : bad == 1 ? NULL : BAD, sizes[i], 0));
			end(fd, other);
		}
		snprintf(what, sizeof(what), "%s %s", c->text, bad == 0 ? "lengths" : bad == 1 ? "none" : "bad");
		flush(what);
	}
}

/* The parts of a struct msghdr, one wrong at a time. */
static void sweep_header(const struct kind *k, bool in)
{
	static const size_t counts[] = { 0, 1, 2, 1024, 1025, UINT32_MAX, SIZE_MAX };
	static const size_t controls[] = { 0, 1, 15, 16, 17, 24, 32, 20000, 21000, INT32_MAX, (size_t)INT32_MAX + 1, UINT32_MAX, SIZE_MAX };
	static char b[8];
	static struct iovec v[1025];
	static char control[32768] __attribute__((aligned(8)));
	char name[256] = "";

	for (size_t i = 0; i < N(v); i++)
		v[i] = (struct iovec){ b, 1 };
	for (int part = 0; part < 10; part++) {
		size_t n = part < 3 ? N(counts) : part < 6 ? N(controls) : part < 9 ? N(lens) : 2;
		for (size_t i = 0; i < n; i++) {
			struct msghdr m = { .msg_iov = v, .msg_iovlen = 1 };
			int other, fd = kind_make_nonblocking(k, &other);
			if (part < 3) {
				m.msg_iovlen = counts[i];
				m.msg_iov = part == 0 && counts[i] <= N(v) ? v : part == 1 ? NULL : BAD;
			} else if (part < 6) {
				m.msg_controllen = controls[i];
				m.msg_control = part == 3 && controls[i] <= sizeof(control) ? control : part == 4 ? NULL : BAD;
			} else if (part < 9) {
				m.msg_namelen = lens[i];
				m.msg_name = part == 6 && lens[i] <= sizeof(name) ? name : part == 7 ? NULL : BAD;
			}
			struct msghdr *h = part < 9 ? &m : i ? BAD : NULL;
			add_rc(in ? recvmsg(fd, h, MSG_DONTWAIT) : sendmsg(fd, h, MSG_DONTWAIT));
			if (part < 9 && in)
				add("/%d,%zu,%x", part >= 6 ? (int)m.msg_namelen : 0, part >= 3 && part < 6 ? m.msg_controllen : 0, m.msg_flags);
			end(fd, other);
		}
		static const char *const parts[] = { "iov", "iov none", "iov bad", "control", "control none", "control bad", "name", "name none",
						     "name bad", "header" };
		char what[64];
		snprintf(what, sizeof(what), "%s %s", in ? "recvmsg" : "sendmsg", parts[part]);
		flush(what);
	}
}

static void sweep_many(const struct kind *k)
{
	static const unsigned counts[] = { 0, 1, 2, 1025, INT32_MAX, UINT32_MAX };
	static const struct timespec times[] = { { 0, 0 }, { -1, 0 }, { 0, -1 }, { 0, 1000000000 }, { 1, 0 } };
	static struct mmsghdr m[2];
	static char b[8];
	static struct iovec v = { b, 1 };

	for (int bad = 0; bad < 3; bad++) {
		for (size_t i = 0; i < N(counts); i++) {
			int other, fd = kind_make_nonblocking(k, &other);
			m[0] = m[1] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &v, .msg_iovlen = 1 } };
			if (bad || counts[i] <= 2) {
				struct mmsghdr *at_ = bad == 0 ? m : bad == 1 ? NULL : BAD;
				add_rc(sendmmsg(fd, at_, counts[i], 0));
				add_rc(recvmmsg(fd, at_, counts[i], MSG_DONTWAIT, NULL));
			}
			end(fd, other);
		}
		flush(bad == 0 ? "mmsg" : bad == 1 ? "mmsg none" : "mmsg bad");
	}
	for (size_t i = 0; i <= N(times); i++) {
		int other, fd = kind_make_nonblocking(k, &other);
		struct timespec t = i < N(times) ? times[i] : (struct timespec){ 0, 0 };
		m[0] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &v, .msg_iovlen = 1 } };
		add_rc(recvmmsg(fd, m, 1, MSG_DONTWAIT, i < N(times) ? &t : BAD));
		end(fd, other);
	}
	flush("recvmmsg times");
}

/* ---- numbers ---- */

static void sweep_numbers(const struct kind *k)
{
	static const int values[] = { INT32_MIN, -1, 0, 1, 2, 3, 4, 4096, INT32_MAX };

	for (size_t i = 0; i < N(values); i++) {
		int other, fd = kind_make_nonblocking(k, &other);
		add_rc(shutdown(fd, values[i]));
		end(fd, other);
	}
	flush("shutdown");
	for (size_t i = 0; i < N(values); i++) {
		int other, fd = kind_make_nonblocking(k, &other);
		add_rc(listen(fd, values[i]));
		end(fd, other);
	}
	flush("listen");
	for (int bit = 0; bit < 32; bit++) {
		int other, fd = kind_make_nonblocking(k, &other);
		add_fd(accept4(fd, NULL, NULL, (int)(1u << bit)));
		end(fd, other);
	}
	flush("accept4");
}

static void sweep(const struct kind *k)
{
	say_about("%s", k->text);
	sweep_name(k, "bind", bind);
	sweep_name(k, "connect", connect);
	sweep_told(k, "getsockname", getsockname, false);
	sweep_told(k, "getpeername", getpeername, false);
	sweep_told(k, "accept", accept_, true);
	for (size_t i = 0; i < N(carriers); i++) {
		sweep_flags(k, &carriers[i]);
		sweep_lengths(k, &carriers[i]);
	}
	sweep_header(k, false);
	sweep_header(k, true);
	sweep_many(k);
	sweep_numbers(k);
}
