/* The calls: each takes its arguments from the program's numbers, and says what came of it. None of them waits. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>
#include "differ.h"

#define OCTETS 3000

/* A slot: one with a descriptor in it most of the time. */
static int slot_any(struct program *p)
{
	int i = (int)number(&p->n, SLOTS);
	for (int n = 0; n < SLOTS && p->fd[i] < 0 && !chance(&p->n, 5); n++) i = (i + 1) % SLOTS;
	return i;
}

static int slot_free(struct program *p)
{
	int i = (int)number(&p->n, SLOTS);
	for (int n = 0; n < SLOTS && p->fd[i] >= 0; n++) i = (i + 1) % SLOTS;
	if (p->fd[i] >= 0) close(p->fd[i]);
	p->fd[i] = -1;
	return i;
}

static int flags_send(struct program *p)
{
	static const int some[] = {0, 0, 0, MSG_OOB, MSG_EOR, MSG_DONTROUTE, MSG_CONFIRM, MSG_PEEK, MSG_TRUNC};
	return MSG_DONTWAIT | MSG_NOSIGNAL | some[number(&p->n, sizeof some / sizeof *some)];
}

static int flags_recv(struct program *p)
{
	static const int some[] = {0, 0, 0, MSG_PEEK, MSG_PEEK | MSG_TRUNC, MSG_TRUNC, MSG_WAITALL, MSG_OOB, MSG_ERRQUEUE, MSG_CMSG_CLOEXEC};
	return MSG_DONTWAIT | some[number(&p->n, sizeof some / sizeof *some)];
}

static size_t size_any(struct program *p)
{
	static const size_t some[] = {0, 1, 2, 5, 100, 1000};
	return chance(&p->n, 70) ? some[number(&p->n, sizeof some / sizeof *some)] : number(&p->n, OCTETS);
}

static void octets_fill(struct program *p, uint8_t *to, size_t n)
{
	for (size_t i = 0; i < n; i++) to[i] = (uint8_t)number(&p->n, 256);
}

static void octets_say(struct program *p, const uint8_t *at, ssize_t n)
{
	uint32_t sum = 0;
	for (ssize_t i = 0; i < n; i++) sum = sum * 31 + at[i];
	if (n > 0) say(p, " sum %08x", sum);
}

/* ---- sockets come and go ---- */

/* What Nagle holds back comes when acknowledgements happen to. */
static void nagle_off(int fd)
{
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void do_socket(struct program *p)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RDM, 77};
	static const int families[] = {AF_INET, AF_INET6, AF_UNIX, 77};
	int family = chance(&p->n, 85) ? p->family : families[number(&p->n, 4)];
	int type = chance(&p->n, 80) ? p->type : types[number(&p->n, 5)];
	int protocol = chance(&p->n, 90) ? 0 : (int)number(&p->n, 20);
	int slot = slot_free(p);
	say(p, "%d = socket(%d, %d, %d)", slot, family, type, protocol);
	p->fd[slot] = socket(family, type | SOCK_NONBLOCK, protocol);
	say_result(p, p->fd[slot] < 0 ? -1 : 0);
	nagle_off(p->fd[slot]);
}

static void do_socketpair(struct program *p)
{
	int fd[2] = {-1, -1}, family = chance(&p->n, 90) ? AF_UNIX : p->family, a = slot_free(p);
	int r = socketpair(family, p->type | SOCK_NONBLOCK, 0, fd);
	say(p, "socketpair(%d, %d)", family, p->type);
	say_result(p, r);
	if (r < 0) return;      /* Linux has written numbers nevertheless */
	p->fd[a] = fd[0];
	p->fd[slot_free(p)] = fd[1];
}

static void do_named(struct program *p, const char *text, int (*call)(int, const struct sockaddr *, socklen_t))
{
	int slot = slot_any(p);
	union name n;
	socklen_t len;
	name_any(p, p->fd[slot], &n, &len);
	say(p, "%s(%d,", text, slot);
	name_say(p, &n, len);
	say(p, ")");
	say_result(p, call(p->fd[slot], &n.sa, len));
}

static void do_bind(struct program *p) { do_named(p, "bind", bind); }
static void do_connect(struct program *p) { do_named(p, "connect", connect); }

static void do_listen(struct program *p)
{
	int slot = slot_any(p), backlog = (int)number(&p->n, 4) - 1;
	say(p, "listen(%d, %d)", slot, backlog);
	say_result(p, listen(p->fd[slot], backlog));
}

static void do_accept(struct program *p)
{
	int from = slot_any(p);
	union name n;
	socklen_t len = sizeof n;
	int fd = accept4(p->fd[from], &n.sa, &len, SOCK_NONBLOCK);
	int slot = slot_free(p);
	say(p, "%d = accept(%d)", slot, from);
	say_result(p, fd < 0 ? -1 : 0);
	if (fd >= 0) name_say(p, &n, len);
	p->fd[slot] = fd;
}

/* What most programs do, so that there is something to send over. */
static void do_connected(struct program *p)
{
	int family = p->family, c, l;
	union name n;
	socklen_t len = sizeof n;
	if (family == AF_UNIX) {
		do_socketpair(p);
		return;
	}
	l = socket(family, SOCK_STREAM, 0);
	memset(&n, 0, sizeof n);
	n.sa.sa_family = (sa_family_t)family;
	if (family == AF_INET) n.in.sin_addr.s_addr = htonl(p->host);
	else n.in6.sin6_addr = p->mapped ? in6addr_any : in6addr_loopback;
	c = socket(family, SOCK_STREAM, 0);
	int r = bind(l, &n.sa, family == AF_INET ? sizeof n.in : sizeof n.in6) || listen(l, 1) || getsockname(l, &n.sa, &len);
	if (family == AF_INET6 && p->mapped) name_map(p, &n.in6.sin6_addr);
	r = r || connect(c, &n.sa, len);
	int a = r ? -1 : accept4(l, NULL, NULL, SOCK_NONBLOCK);
	nagle_off(a);
	nagle_off(c);
	fcntl(c, F_SETFL, O_NONBLOCK);
	close(l);
	int slot = slot_free(p);
	p->fd[slot] = c;
	int other = slot_free(p);
	p->fd[other] = a;
	say(p, "%d, %d connected", slot, other);
	say_result(p, r);
}

static void do_close(struct program *p)
{
	int slot = slot_any(p);
	say(p, "close(%d)", slot);
	say_result(p, close(p->fd[slot]));
	p->fd[slot] = -1;
}

static void do_shutdown(struct program *p)
{
	int slot = slot_any(p), how = (int)number(&p->n, 4);
	say(p, "shutdown(%d, %d)", slot, how);
	say_result(p, shutdown(p->fd[slot], how));
}

static void do_dup(struct program *p)
{
	int from = slot_any(p), to = (int)number(&p->n, SLOTS);
	say(p, "dup(%d, %d)", from, to);
	int fd = p->fd[to] >= 0 && chance(&p->n, 50) ? dup2(p->fd[from], p->fd[to]) : dup(p->fd[from]);
	say_result(p, fd < 0 ? -1 : 0);
	if (fd < 0 || fd == p->fd[to]) return;
	if (p->fd[to] >= 0) close(p->fd[to]);
	p->fd[to] = fd;
}

/* ---- octets ---- */

static void do_send(struct program *p)
{
	uint8_t octets[OCTETS];
	int slot = slot_any(p), flags = flags_send(p);
	size_t len = size_any(p);
	octets_fill(p, octets, len);
	say(p, "send(%d, %zu, %#x)", slot, len, flags);
	say_result(p, send(p->fd[slot], octets, len, flags));
}

static void do_sendto(struct program *p)
{
	uint8_t octets[OCTETS];
	int slot = slot_any(p), flags = flags_send(p);
	size_t len = size_any(p);
	union name n;
	socklen_t name_len;
	octets_fill(p, octets, len);
	name_any(p, p->fd[slot], &n, &name_len);
	say(p, "sendto(%d, %zu, %#x,", slot, len, flags);
	name_say(p, &n, name_len);
	say(p, ")");
	say_result(p, sendto(p->fd[slot], octets, len, flags, &n.sa, name_len));
}

static void do_writev(struct program *p)
{
	uint8_t octets[3][40];
	struct iovec iov[3];
	int slot = slot_any(p), count = (int)number(&p->n, 4);
	for (int i = 0; i < 3; i++) {
		octets_fill(p, octets[i], sizeof octets[i]);
		iov[i] = (struct iovec){octets[i], number(&p->n, sizeof octets[i])};
	}
	say(p, "writev(%d, %d)", slot, count);
	say_result(p, writev(p->fd[slot], iov, count));
}

static void do_recv(struct program *p)
{
	uint8_t octets[OCTETS] = {0};
	int slot = slot_any(p), flags = flags_recv(p);
	size_t len = size_any(p);
	say(p, "recv(%d, %zu, %#x)", slot, len, flags);
	ssize_t n = recv(p->fd[slot], octets, len, flags);
	say_result(p, n);
	octets_say(p, octets, n < (ssize_t)len ? n : (ssize_t)len);
}

static void do_recvmsg(struct program *p)
{
	uint8_t octets[OCTETS] = {0}, control[200];
	int slot = slot_any(p), flags = flags_recv(p);
	union name n;
	struct iovec iov[2] = {{octets, number(&p->n, 50)}, {octets + 50, size_any(p) % 2000}};
	struct msghdr m = {.msg_name = chance(&p->n, 70) ? &n : NULL, .msg_namelen = sizeof n, .msg_iov = iov, .msg_iovlen = number(&p->n, 3), .msg_control = control,
			   .msg_controllen = sizeof control};
	memset(&n, 0, sizeof n);
	say(p, "recvmsg(%d, %#x)", slot, flags);
	ssize_t r = recvmsg(p->fd[slot], &m, flags);
	say_result(p, r);
	if (r < 0) return;
	octets_say(p, octets, sizeof octets);
	say(p, " flags %#x control %zu", m.msg_flags, m.msg_controllen);
	if (m.msg_name) name_say(p, &n, m.msg_namelen);
}

static void do_readv(struct program *p)
{
	uint8_t octets[2][100] = {{0}};
	int slot = slot_any(p);
	struct iovec iov[2] = {{octets[0], number(&p->n, 100)}, {octets[1], number(&p->n, 100)}};
	say(p, "readv(%d)", slot);
	ssize_t n = fcntl(p->fd[slot], F_GETFL) & O_NONBLOCK ? readv(p->fd[slot], iov, (int)number(&p->n, 3)) : 0;
	say_result(p, n);
	octets_say(p, octets[0], sizeof octets);
}

/* ---- several messages, and pipes ---- */

static void do_sendmmsg(struct program *p)
{
	uint8_t octets[3][40];
	struct iovec iov[3];
	struct mmsghdr m[3] = {0};
	int slot = slot_any(p), flags = flags_send(p);
	for (int i = 0; i < 3; i++) {
		octets_fill(p, octets[i], sizeof octets[i]);
		iov[i] = (struct iovec){octets[i], number(&p->n, sizeof octets[i])};
		m[i].msg_hdr = (struct msghdr){.msg_iov = chance(&p->n, 95) ? &iov[i] : (void *)1, .msg_iovlen = 1};
	}
	say(p, "sendmmsg(%d, %#x)", slot, flags);
	say_result(p, sendmmsg(p->fd[slot], m, 3, flags));
	for (int i = 0; i < 3; i++) say(p, " %u", m[i].msg_len);
}

/* Of datagrams: how a stream's octets part is nobody's promise. */
static void do_recvmmsg(struct program *p)
{
	uint8_t octets[3][60] = {{0}};
	struct iovec iov[3];
	struct mmsghdr m[3] = {0};
	int slot = slot_any(p), flags = flags_recv(p), type = 0;
	socklen_t len = sizeof type;
	getsockopt(p->fd[slot], SOL_SOCKET, SO_TYPE, &type, &len);
	for (int i = 0; i < 3; i++) {
		iov[i] = (struct iovec){octets[i], number(&p->n, sizeof octets[i])};
		m[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	if (type != SOCK_DGRAM) return;
	say(p, "recvmmsg(%d, %#x)", slot, flags);
	say_result(p, recvmmsg(p->fd[slot], m, 3, flags, NULL));
	for (int i = 0; i < 3; i++) say(p, " %u", m[i].msg_len);
	octets_say(p, octets[0], sizeof octets);
}

static void do_splice_out(struct program *p)
{
	uint8_t octets[200] = {0};
	int slot = slot_any(p), fd[2];
	if (pipe2(fd, O_NONBLOCK) < 0) return;
	size_t len = number(&p->n, sizeof octets);
	say(p, "splice(%d, pipe, %zu)", slot, len);
	say_result(p, fcntl(p->fd[slot], F_GETFL) & O_NONBLOCK ? splice(p->fd[slot], NULL, fd[1], NULL, len, 0) : 0);
	ssize_t n = read(fd[0], octets, sizeof octets);
	octets_say(p, octets, n);
	close(fd[0]);
	close(fd[1]);
}

static void do_splice_in(struct program *p)
{
	uint8_t octets[200];
	int slot = slot_any(p), fd[2];
	if (pipe2(fd, O_NONBLOCK) < 0) return;
	octets_fill(p, octets, sizeof octets);
	if (write(fd[1], octets, sizeof octets) < 0) return;
	size_t len = number(&p->n, sizeof octets);
	say(p, "splice(pipe, %d, %zu)", slot, len);
	say_result(p, splice(fd[0], NULL, p->fd[slot], NULL, len, chance(&p->n, 50) ? SPLICE_F_NONBLOCK : 0));
	say(p, " left %zd", read(fd[0], octets, sizeof octets));
	close(fd[0]);
	close(fd[1]);
}

/* ---- what a socket says of itself ---- */

static void do_getname(struct program *p)
{
	int slot = slot_any(p);
	bool peer = chance(&p->n, 50);
	union name n;
	socklen_t len = chance(&p->n, 90) ? sizeof n : number(&p->n, 20);
	memset(&n, 0, sizeof n);
	say(p, "get%sname(%d)", peer ? "peer" : "sock", slot);
	int r = peer ? getpeername(p->fd[slot], &n.sa, &len) : getsockname(p->fd[slot], &n.sa, &len);
	say_result(p, r);
	if (r == 0) name_say(p, &n, len);
}

struct option { int level, name; const char *text; bool can_set; };
static const struct option options[] = {
	{SOL_SOCKET, SO_ERROR, "SO_ERROR", true},           {SOL_SOCKET, SO_TYPE, "SO_TYPE", true},
	{SOL_SOCKET, SO_ACCEPTCONN, "SO_ACCEPTCONN", true}, {SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR", true},
	{SOL_SOCKET, SO_REUSEPORT, "SO_REUSEPORT", true},   {SOL_SOCKET, SO_BROADCAST, "SO_BROADCAST", true},
	{SOL_SOCKET, SO_KEEPALIVE, "SO_KEEPALIVE", true},   {SOL_SOCKET, SO_OOBINLINE, "SO_OOBINLINE", true},
	{SOL_SOCKET, SO_RCVLOWAT, "SO_RCVLOWAT", true},     {SOL_SOCKET, SO_PASSCRED, "SO_PASSCRED", true},
	{SOL_SOCKET, SO_PROTOCOL, "SO_PROTOCOL", false},    {SOL_SOCKET, SO_PEEK_OFF, "SO_PEEK_OFF", true},
	{SOL_SOCKET, SO_TIMESTAMP, "SO_TIMESTAMP", false},  {SOL_SOCKET, SO_PRIORITY, "SO_PRIORITY", true},
	{IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY", true},    {IPPROTO_TCP, TCP_CORK, "TCP_CORK", false},
	{IPPROTO_TCP, TCP_KEEPCNT, "TCP_KEEPCNT", true},    {IPPROTO_TCP, TCP_USER_TIMEOUT, "TCP_USER_TIMEOUT", true},
	{IPPROTO_IP, IP_TTL, "IP_TTL", true},               {IPPROTO_IP, IP_TOS, "IP_TOS", true},
	{IPPROTO_IP, IP_RECVERR, "IP_RECVERR", true},       {IPPROTO_IP, IP_PKTINFO, "IP_PKTINFO", false},
	{IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY", true},   {IPPROTO_IPV6, IPV6_UNICAST_HOPS, "IPV6_UNICAST_HOPS", true},
	{IPPROTO_IPV6, IPV6_TCLASS, "IPV6_TCLASS", true},   {IPPROTO_IPV6, IPV6_RECVERR, "IPV6_RECVERR", true},
	{SOL_SOCKET, SO_DONTROUTE, "SO_DONTROUTE", true},   {SOL_SOCKET, SO_NO_CHECK, "SO_NO_CHECK", true},
	{SOL_SOCKET, SO_DOMAIN, "SO_DOMAIN", true},         {SOL_SOCKET, SO_SNDLOWAT, "SO_SNDLOWAT", true},
	{IPPROTO_IP, IP_MTU_DISCOVER, "IP_MTU_DISCOVER", true}, {IPPROTO_IP, IP_FREEBIND, "IP_FREEBIND", true},
	{IPPROTO_IP, IP_MULTICAST_LOOP, "IP_MULTICAST_LOOP", true}, {IPPROTO_IPV6, IPV6_DONTFRAG, "IPV6_DONTFRAG", true},
	{IPPROTO_TCP, TCP_DEFER_ACCEPT, "TCP_DEFER_ACCEPT", false}, {IPPROTO_TCP, TCP_LINGER2, "TCP_LINGER2", true},
};

static const struct option *option_any(struct program *p) { return &options[number(&p->n, sizeof options / sizeof *options)]; }

static void do_getsockopt(struct program *p)
{
	int slot = slot_any(p), value = 0;
	const struct option *o = option_any(p);
	socklen_t len = chance(&p->n, 85) ? sizeof value : number(&p->n, 10);
	if (len > sizeof value) len = sizeof value;
	say(p, "getsockopt(%d, %s, %u)", slot, o->text, len);
	int r = getsockopt(p->fd[slot], o->level, o->name, &value, &len);
	say_result(p, r);
	if (r == 0) say(p, " %d %u", value, len);
}

static void do_setsockopt(struct program *p)
{
	int slot = slot_any(p), value = chance(&p->n, 80) ? (int)number(&p->n, 2) : (int)number(&p->n, 600) - 20;
	const struct option *o = option_any(p);
	socklen_t len = chance(&p->n, 85) ? sizeof value : number(&p->n, sizeof value);
	if (!o->can_set) return;
	say(p, "setsockopt(%d, %s, %d, %u)", slot, o->text, value, len);
	say_result(p, setsockopt(p->fd[slot], o->level, o->name, &value, len));
}

/* Whether the ACK of a FIN goes at once or 40 ms later Linux decides by what the frames before it cost the receiver in memory: nobody's promise. */
static void do_tcp_state(struct program *p)
{
	int slot = slot_any(p);
	uint8_t info[8] = {0};
	socklen_t len = 1;
	say(p, "TCP_INFO(%d)", slot);
	int r = getsockopt(p->fd[slot], IPPROTO_TCP, TCP_INFO, info, &len);
	say_result(p, r);
	if (r == 0) say(p, " state %d", info[0] == TCP_FIN_WAIT2 ? TCP_FIN_WAIT1 : info[0]);
}

static void do_ioctl(struct program *p)
{
	static const struct { unsigned long request; const char *text; } some[] = {{FIONREAD, "FIONREAD"}, {SIOCATMARK, "SIOCATMARK"}};
	int slot = slot_any(p), i = (int)number(&p->n, 2), value = -7;
	say(p, "ioctl(%d, %s)", slot, some[i].text);
	int r = ioctl(p->fd[slot], some[i].request, &value);
	say_result(p, r);
	if (r == 0) say(p, " %d", value);
}

static void do_fcntl(struct program *p)
{
	int slot = slot_any(p);
	say(p, "fcntl(%d, F_GETFL)", slot);
	say_result(p, fcntl(p->fd[slot], F_GETFL));
}

static void do_poll(struct program *p)
{
	struct pollfd at[SLOTS];
	short events = chance(&p->n, 50) ? POLLIN | POLLOUT | POLLPRI | POLLRDHUP : (short)number(&p->n, 0x400);
	for (int i = 0; i < SLOTS; i++) at[i] = (struct pollfd){p->fd[i], events, 0};
	say(p, "poll(%#x)", events);
	say_result(p, poll(at, SLOTS, 0));
	for (int i = 0; i < SLOTS; i++) say(p, " %#x", at[i].revents);
}

static void do_epoll(struct program *p)
{
	int e = epoll_create1(0), slot = slot_any(p);
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | (chance(&p->n, 30) ? EPOLLET : 0)};
	say(p, "epoll(%d)", slot);
	say_result(p, epoll_ctl(e, EPOLL_CTL_ADD, p->fd[slot], &ev));
	int n = epoll_wait(e, &ev, 1, 0);
	say(p, " %d", n);
	if (n == 1) say(p, " %#x", ev.events);
	close(e);
}

/* ---- one of them ---- */

static const struct { void (*run)(struct program *); uint32_t weight; } calls[] = {
	{do_socket, 12},  {do_connected, 8}, {do_socketpair, 2}, {do_bind, 10},    {do_listen, 7},     {do_connect, 12},   {do_accept, 10},
	{do_close, 5},    {do_shutdown, 6},  {do_dup, 2},        {do_send, 12},    {do_sendto, 7},     {do_writev, 3},     {do_recv, 12},
	{do_recvmsg, 6},  {do_readv, 3},     {do_getname, 6},    {do_ioctl, 4},    {do_getsockopt, 6}, {do_setsockopt, 6}, {do_tcp_state, 4},
	{do_fcntl, 1},    {do_poll, 8},      {do_epoll, 3},      {do_sendmmsg, 3},  {do_recvmmsg, 3},   {do_splice_out, 3}, {do_splice_in, 3},
};

void call_any(struct program *p)
{
	uint32_t total = 0;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) total += calls[i].weight;
	uint32_t at = number(&p->n, total);
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		if (at < calls[i].weight) {
			calls[i].run(p);
			return;
		}
		at -= calls[i].weight;
	}
}

/* Connections end by RST: nothing lingers for the next program. */
void program_close(struct program *p)
{
	struct linger l = {.l_onoff = 1};
	for (int i = 0; i < SLOTS; i++) {
		if (p->fd[i] < 0) continue;
		setsockopt(p->fd[i], SOL_SOCKET, SO_LINGER, &l, sizeof l);
		close(p->fd[i]);
	}
}
