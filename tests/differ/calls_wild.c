/*
 * Messages with what most programs never give: any bits of the flags, control messages of every level, a name, a vector or a header that is not there or
 * is too long; and all that a receiver can be told beside the octets.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include "calls.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define BAD ((void *)1)

/* Without MSG_MORE of a stream, whose octets go when a timer says so, or of ICMPv6, of whose odd parts Linux makes a wrong sum, and MSG_FASTOPEN, whose cookies are the machine's. */
static int flags_wild(struct program *p, int fd, bool out)
{
	static const int some[] = {MSG_OOB, MSG_PEEK, MSG_DONTROUTE, MSG_CTRUNC, MSG_PROXY, MSG_TRUNC, MSG_EOR, MSG_WAITALL, MSG_FIN, MSG_SYN, MSG_CONFIRM,
				   MSG_RST, MSG_ERRQUEUE, MSG_MORE, MSG_WAITFORONE, 0x20000, 0x40000, MSG_CMSG_CLOEXEC, INT_MIN};
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	for (size_t i = 0; i < COUNT(some); i++)
		if (chance(&p->n, 12)) flags |= some[i];
	if (out && (type_of(fd) == SOCK_STREAM || p->protocol == IPPROTO_ICMPV6)) flags &= ~MSG_MORE;
	return flags;
}

void do_send_wild(struct program *p)
{
	uint8_t octets[OCTETS];
	int slot = slot_any(p), flags = flags_wild(p, p->fd[slot], true);
	size_t len = size_any(p);
	octets_fill(p, octets, len);
	say(p, "send(%d, %zu, %#x)", slot, len, flags);
	say_result(p, send(p->fd[slot], octets, len, flags));
}

void do_recv_wild(struct program *p)
{
	uint8_t octets[OCTETS] = {0};
	int slot = slot_any(p), flags = flags_wild(p, p->fd[slot], false);
	size_t len = size_any(p);
	say(p, "recv(%d, %zu, %#x)", slot, len, flags);
	ssize_t n = recv(p->fd[slot], octets, len, flags);
	say_result(p, n);
	octets_say(p, octets, n < (ssize_t)len ? n : (ssize_t)len);
}

/* ---- what is told beside the octets ---- */

/* A stamp is when it is; a number of a descriptor, or a process, is the run's. */
static bool is_said(const struct cmsghdr *c)
{
	if (c->cmsg_level != SOL_SOCKET) return true;
	return c->cmsg_type != SO_TIMESTAMP && c->cmsg_type != SO_TIMESTAMPNS && c->cmsg_type != SO_TIMESTAMPING && c->cmsg_type != 63 && c->cmsg_type != 64 &&
	       c->cmsg_type != 65 && c->cmsg_type != SCM_RIGHTS && c->cmsg_type != SCM_CREDENTIALS;
}

static void rights_close(const struct cmsghdr *c)
{
	int fd;
	for (size_t at = 0; c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && CMSG_LEN(at + sizeof fd) <= c->cmsg_len; at += sizeof fd) {
		memcpy(&fd, CMSG_DATA(c) + at, sizeof fd);
		close(fd);
	}
}

/* Ports are the run's, and so the addresses that carry them are said as names. */
static bool control_is_name(const struct cmsghdr *c)
{
	return (c->cmsg_level == IPPROTO_IP && (c->cmsg_type == IP_ORIGDSTADDR || c->cmsg_type == IP_RECVERR)) ||
	       (c->cmsg_level == IPPROTO_IPV6 && (c->cmsg_type == IPV6_ORIGDSTADDR || c->cmsg_type == IPV6_RECVERR));
}

static bool has_address(const struct cmsghdr *c)
{
	return c->cmsg_level == IPPROTO_IP && (c->cmsg_type == IP_PKTINFO || c->cmsg_type == IP_RECVOPTS || c->cmsg_type == IP_RETOPTS);
}

static void control_say(struct program *p, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		say(p, " [%d %d %zu", c->cmsg_level, c->cmsg_type, (size_t)c->cmsg_len);
		rights_close(c);
		if (is_said(c) && !control_is_name(c) && !has_address(c)) {
			say(p, ":");
			for (size_t i = 0; i < 24 && CMSG_LEN(i) < c->cmsg_len; i++) say(p, "%02x", CMSG_DATA(c)[i]);
		}
		say(p, "]");
	}
}

/* All that the socket was told to tell, into as much room as is drawn. */
void do_recv_control(struct program *p)
{
	static const size_t rooms[] = {512, 512, 512, 0, 1, 15, 16, 17, 20, 24, 28, 32, 40, 60};
	uint8_t octets[OCTETS] = {0};
	union { struct cmsghdr h; uint8_t at[512]; } control;
	int slot = slot_any(p), flags = chance(&p->n, 40) ? flags_wild(p, p->fd[slot], false) : flags_recv(p);
	struct iovec iov = {octets, size_any(p)};
	union name n;
	struct msghdr m = {.msg_name = &n, .msg_namelen = sizeof n, .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			   .msg_controllen = rooms[number(&p->n, COUNT(rooms))], .msg_flags = -1};
	memset(&n, 0, sizeof n);
	memset(&control, 0, sizeof control);
	say(p, "recvmsg(%d, %zu, %zu, %#x)", slot, iov.iov_len, (size_t)m.msg_controllen, flags);
	ssize_t r = recvmsg(p->fd[slot], &m, flags);
	say_result(p, r);
	if (r < 0) return;
	octets_say(p, octets, r < (ssize_t)iov.iov_len ? r : (ssize_t)iov.iov_len);
	say(p, " flags %#x control %zu", m.msg_flags, (size_t)m.msg_controllen);
	control_say(p, &m);
	name_say(p, &n, m.msg_namelen);
}

/* What recvmsg is to tell; of streams no stamps, which Linux begins to make some time after it was asked to. */
void do_tell_all(struct program *p)
{
	static const struct { int level, name; } some[] = {
		{SOL_SOCKET, SO_TIMESTAMP}, {SOL_SOCKET, SO_TIMESTAMPNS}, {SOL_SOCKET, SO_RXQ_OVFL}, {SOL_SOCKET, 75 /* SO_RCVMARK */},
		{SOL_SOCKET, 82 /* SO_RCVPRIORITY */}, {SOL_SOCKET, SO_PASSCRED}, {IPPROTO_IP, IP_PKTINFO}, {IPPROTO_IP, IP_RECVTTL}, {IPPROTO_IP, IP_RECVTOS},
		{IPPROTO_IP, IP_RECVOPTS}, {IPPROTO_IP, IP_RETOPTS}, {IPPROTO_IP, IP_RECVORIGDSTADDR}, {IPPROTO_IP, IP_RECVERR}, {IPPROTO_IP, IP_RECVFRAGSIZE},
		{IPPROTO_IPV6, IPV6_RECVPKTINFO}, {IPPROTO_IPV6, IPV6_RECVHOPLIMIT}, {IPPROTO_IPV6, IPV6_RECVTCLASS}, {IPPROTO_IPV6, IPV6_RECVERR},
		{IPPROTO_IPV6, 11 /* IPV6_FLOWINFO */}, {IPPROTO_IPV6, IPV6_2292PKTINFO}, {IPPROTO_IPV6, IPV6_2292HOPLIMIT}, {IPPROTO_IPV6, IPV6_RECVORIGDSTADDR},
		{IPPROTO_TCP, 36 /* TCP_INQ */}, {IPPROTO_UDP, UDP_GRO},
	};
	int slot = slot_any(p), on = 1;
	uint32_t told = 0;
	if (is_filled(p->fd[slot])) return;
	for (size_t i = 0; i < COUNT(some); i++)
		if (chance(&p->n, 40) && (i > 1 || type_of(p->fd[slot]) != SOCK_STREAM) && setsockopt(p->fd[slot], some[i].level, some[i].name, &on, sizeof on) == 0) told |= 1u << i;
	say(p, "tell_all(%d) %#x", slot, told);
}

/* ---- what is given beside the octets ---- */

static const struct { int level, type; size_t len; } controls[] = {
	{IPPROTO_IP, IP_TTL, 4}, {IPPROTO_IP, IP_TOS, 4}, {IPPROTO_IP, IP_TOS, 1}, {IPPROTO_IP, IP_PKTINFO, sizeof(struct in_pktinfo)}, {IPPROTO_IP, IP_RETOPTS, 4},
	{IPPROTO_IP, IP_RECVERR, 4}, {IPPROTO_IP, 52 /* IP_PROTOCOL */, 4}, {IPPROTO_IPV6, IPV6_HOPLIMIT, 4}, {IPPROTO_IPV6, IPV6_TCLASS, 4},
	{IPPROTO_IPV6, IPV6_PKTINFO, sizeof(struct in6_pktinfo)}, {IPPROTO_IPV6, IPV6_2292PKTINFO, sizeof(struct in6_pktinfo)},
	{IPPROTO_IPV6, IPV6_2292HOPLIMIT, 4}, {IPPROTO_IPV6, IPV6_DONTFRAG, 4}, {IPPROTO_IPV6, 11 /* IPV6_FLOWINFO */, 4}, {IPPROTO_IPV6, IPV6_HOPOPTS, 8},
	{IPPROTO_IPV6, IPV6_DSTOPTS, 8}, {IPPROTO_IPV6, IPV6_RTHDR, 8}, {IPPROTO_IPV6, IPV6_RTHDRDSTOPTS, 8}, {SOL_SOCKET, SO_MARK, 4},
	{SOL_SOCKET, SO_PRIORITY, 4}, {SOL_SOCKET, 81 /* SCM_TS_OPT_ID */, 4}, {SOL_SOCKET, 61 /* SCM_TXTIME */, 8},
	{SOL_SOCKET, SCM_CREDENTIALS, sizeof(struct ucred)}, {IPPROTO_UDP, UDP_SEGMENT, 2}, {IPPROTO_UDP, UDP_GRO, 4}, {IPPROTO_TCP, 36, 4}, {77, 1, 4},
};

/* One control message after the other, of the length that it is to have, mostly; the first's header may lie about it. */
static size_t controls_put(struct program *p, uint8_t *to, size_t room)
{
	static const int values[] = {0, 1, 3, 64, 255, 256, -1, INT_MAX};
	size_t at = 0, count = 1 + number(&p->n, 8) / 6;
	for (size_t i = 0; i < count; i++) {
		size_t which = number(&p->n, COUNT(controls)), len = chance(&p->n, 85) ? controls[which].len : number(&p->n, 24);
		int value = chance(&p->n, 40) ? 1 : values[number(&p->n, COUNT(values))];
		struct cmsghdr h = {.cmsg_len = chance(&p->n, 95) ? CMSG_LEN(len) : number(&p->n, 100), .cmsg_level = controls[which].level,
				    .cmsg_type = controls[which].type};
		if (at + CMSG_SPACE(len) > room) break;
		memcpy(to + at, &h, sizeof h);
		memcpy(to + at + CMSG_LEN(0), &value, len < sizeof value ? len : sizeof value);
		say(p, " [%d %d %zu: %d", h.cmsg_level, h.cmsg_type, (size_t)h.cmsg_len, value);
		say(p, "]");
		at += CMSG_SPACE(len);
	}
	return at;
}

void do_send_control(struct program *p)
{
	uint8_t octets[OCTETS];
	union { struct cmsghdr h; uint8_t at[256]; } c = {0};
	int slot = slot_any(p), flags = flags_send(p);
	struct iovec iov = {octets, size_any(p)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c};
	union name n;
	octets_fill(p, octets, iov.iov_len);
	say(p, "sendmsg(%d, %zu, %#x,", slot, iov.iov_len, flags);
	m.msg_controllen = controls_put(p, c.at, sizeof c.at);
	if (chance(&p->n, 60)) {
		name_any(p, p->fd[slot], &n, &m.msg_namelen);
		m.msg_name = &n;
		name_say(p, &n, m.msg_namelen);
	}
	say(p, ")");
	say_result(p, sendmsg(p->fd[slot], &m, flags));
}

/* ---- headers of which a part is wrong ---- */

static const char *const faults[] = {"name none", "name bad", "name long", "iov none", "iov bad", "iov many", "iov base bad", "iov huge", "control none", "control bad",
				     "control huge", "header none", "header bad", "nothing"};

static struct msghdr *header_spoil(struct msghdr *m, int fault)
{
	static struct iovec bad = {BAD, 5}, huge[2] = {{BAD, SSIZE_MAX}, {BAD, SSIZE_MAX}};
	if (fault == 0) m->msg_name = NULL, m->msg_namelen = 16;
	if (fault == 1) m->msg_name = BAD, m->msg_namelen = 16;
	if (fault == 2) m->msg_namelen = 4096;
	if (fault == 3) m->msg_iov = NULL;
	if (fault == 4) m->msg_iov = BAD;
	if (fault == 5) m->msg_iovlen = 1025;
	if (fault == 6) m->msg_iov = &bad;
	if (fault == 7) m->msg_iov = huge, m->msg_iovlen = 2;
	if (fault == 8) m->msg_control = NULL, m->msg_controllen = 24;
	if (fault == 9) m->msg_control = BAD, m->msg_controllen = 24;
	if (fault == 10) m->msg_controllen = SIZE_MAX;
	if (fault == 13) m->msg_iovlen = 0;
	return fault == 11 ? NULL : fault == 12 ? BAD : m;
}

/* How many octets a fault leaves of what a stream had is nobody's promise, so none goes into or comes out of what is read later. */
void do_header(struct program *p)
{
	uint8_t octets[100] = {0};
	static uint8_t name[4096];
	union { struct cmsghdr h; uint8_t at[64]; } control = {0};
	struct iovec iov = {octets, number(&p->n, 20)};
	struct msghdr m = {.msg_name = name, .msg_namelen = 128, .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	int slot = slot_any(p), fault = (int)number(&p->n, COUNT(faults)), flags = MSG_DONTWAIT | MSG_NOSIGNAL | (chance(&p->n, 30) ? MSG_PEEK : 0);
	bool out = chance(&p->n, 50);
	if (out) m.msg_namelen = 0, m.msg_controllen = 0, flags &= ~MSG_PEEK;
	memset(name, 0, sizeof name);
	struct msghdr *h = header_spoil(&m, fault);
	say(p, "%smsg(%d, %zu, %s, %#x)", out ? "send" : "recv", slot, iov.iov_len, faults[fault], flags);
	ssize_t r = out ? sendmsg(p->fd[slot], h, flags) : recvmsg(p->fd[slot], h, flags);
	say_result(p, r);
	if (!out && r >= 0) say(p, " flags %#x", m.msg_flags);
}

/* Vectors of readv and writev, and counts of them, as no program has them. */
void do_vector(struct program *p)
{
	static uint8_t octets[64];
	static const int counts[] = {-1, 0, 1, 2, 1024, 1025, INT_MAX};
	static struct iovec iov[1024];
	int slot = slot_any(p), count = counts[number(&p->n, COUNT(counts))], which = (int)number(&p->n, 5);
	bool out = chance(&p->n, 50);
	if (!(fcntl(p->fd[slot], F_GETFL) & O_NONBLOCK)) return;
	memset(iov, 0, sizeof iov);
	iov[0] = (struct iovec){which == 2 ? BAD : octets, which == 3 ? SIZE_MAX : which == 4 ? 0 : 5};
	say(p, "%s(%d, %d, %s)", out ? "writev" : "readv", slot, count, which == 0 ? "none" : which == 1 ? "bad" : which == 2 ? "base" : which == 3 ? "huge" : "empty");
	const struct iovec *v = which == 0 ? NULL : which == 1 ? BAD : iov;
	say_result(p, out ? writev(p->fd[slot], v, count) : readv(p->fd[slot], v, count));
}
