/* What a socket says of itself, and what it is told to be. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "calls.h"

void do_getname(struct program *p)
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
	{IPPROTO_IP, IP_RECVERR, "IP_RECVERR", true},       {IPPROTO_IP, IP_PKTINFO, "IP_PKTINFO", true},
	{IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY", true},   {IPPROTO_IPV6, IPV6_UNICAST_HOPS, "IPV6_UNICAST_HOPS", true},
	{IPPROTO_IPV6, IPV6_TCLASS, "IPV6_TCLASS", true},   {IPPROTO_IPV6, IPV6_RECVERR, "IPV6_RECVERR", true},
	{SOL_SOCKET, SO_DONTROUTE, "SO_DONTROUTE", true},   {SOL_SOCKET, SO_NO_CHECK, "SO_NO_CHECK", true},
	{SOL_SOCKET, SO_DOMAIN, "SO_DOMAIN", true},         {SOL_SOCKET, SO_SNDLOWAT, "SO_SNDLOWAT", true},
	{IPPROTO_IP, IP_MTU_DISCOVER, "IP_MTU_DISCOVER", true}, {IPPROTO_IP, IP_FREEBIND, "IP_FREEBIND", true},
	{IPPROTO_IP, IP_MULTICAST_LOOP, "IP_MULTICAST_LOOP", true}, {IPPROTO_IPV6, IPV6_DONTFRAG, "IPV6_DONTFRAG", true},
	{IPPROTO_TCP, TCP_DEFER_ACCEPT, "TCP_DEFER_ACCEPT", false}, {IPPROTO_TCP, TCP_LINGER2, "TCP_LINGER2", true},
	{IPPROTO_IP, IP_RECVTTL, "IP_RECVTTL", true},       {IPPROTO_IP, IP_RECVTOS, "IP_RECVTOS", true},
	{IPPROTO_IP, IP_MULTICAST_TTL, "IP_MULTICAST_TTL", true}, {IPPROTO_IP, IP_HDRINCL, "IP_HDRINCL", true},
	{IPPROTO_IP, IP_TRANSPARENT, "IP_TRANSPARENT", true}, {IPPROTO_IP, IP_MINTTL, "IP_MINTTL", true},
	{IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, "IP_BIND_ADDRESS_NO_PORT", true}, {IPPROTO_IP, IP_RECVORIGDSTADDR, "IP_RECVORIGDSTADDR", true},
	{IPPROTO_IP, IP_RECVOPTS, "IP_RECVOPTS", true},
	{IPPROTO_IPV6, IPV6_RECVPKTINFO, "IPV6_RECVPKTINFO", true}, {IPPROTO_IPV6, IPV6_RECVHOPLIMIT, "IPV6_RECVHOPLIMIT", true},
	{IPPROTO_IPV6, IPV6_RECVTCLASS, "IPV6_RECVTCLASS", true}, {IPPROTO_IPV6, IPV6_MULTICAST_HOPS, "IPV6_MULTICAST_HOPS", true},
	{IPPROTO_IPV6, IPV6_MTU_DISCOVER, "IPV6_MTU_DISCOVER", true},
	{IPPROTO_IPV6, IPV6_MINHOPCOUNT, "IPV6_MINHOPCOUNT", true},
	{IPPROTO_IPV6, IPV6_FREEBIND, "IPV6_FREEBIND", true}, {IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, "IPV6_AUTOFLOWLABEL", true},
	{SOL_SOCKET, SO_DEBUG, "SO_DEBUG", true},           {SOL_SOCKET, SO_MARK, "SO_MARK", true},
	{SOL_SOCKET, SO_RXQ_OVFL, "SO_RXQ_OVFL", false},    {SOL_SOCKET, SO_LOCK_FILTER, "SO_LOCK_FILTER", true},
	{SOL_SOCKET, SO_SELECT_ERR_QUEUE, "SO_SELECT_ERR_QUEUE", true}, {SOL_SOCKET, SO_ZEROCOPY, "SO_ZEROCOPY", true},
	{SOL_SOCKET, SO_BUSY_POLL, "SO_BUSY_POLL", false},  {SOL_SOCKET, SO_BUF_LOCK, "SO_BUF_LOCK", false},
	{IPPROTO_TCP, TCP_KEEPIDLE, "TCP_KEEPIDLE", true},  {IPPROTO_TCP, TCP_KEEPINTVL, "TCP_KEEPINTVL", true},
	{IPPROTO_TCP, TCP_SYNCNT, "TCP_SYNCNT", true},
	{IPPROTO_TCP, TCP_NOTSENT_LOWAT, "TCP_NOTSENT_LOWAT", false},
	{IPPROTO_TCP, TCP_INQ, "TCP_INQ", true},            {IPPROTO_TCP, TCP_FASTOPEN, "TCP_FASTOPEN", false},
	{IPPROTO_TCP, TCP_REPAIR, "TCP_REPAIR", true},
	{IPPROTO_UDP, 1 /* UDP_CORK */, "UDP_CORK", true},  {IPPROTO_UDP, 103 /* UDP_SEGMENT */, "UDP_SEGMENT", true},
};

static const struct option *option_any(struct program *p) { return &options[number(&p->n, sizeof options / sizeof *options)]; }

void do_getsockopt(struct program *p)
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

void do_setsockopt(struct program *p)
{
	int slot = slot_any(p), value = chance(&p->n, 80) ? (int)number(&p->n, 2) : (int)number(&p->n, 600) - 20;
	const struct option *o = option_any(p);
	socklen_t len = chance(&p->n, 85) ? sizeof value : number(&p->n, sizeof value);
	if (!o->can_set || is_filled(p->fd[slot]) || (p->rights && o->name == TCP_REPAIR && o->level == IPPROTO_TCP)) return;
	say(p, "setsockopt(%d, %s, %d, %u)", slot, o->text, value, len);
	say_result(p, setsockopt(p->fd[slot], o->level, o->name, &value, len));
}

/* Whether the ACK of a FIN goes at once or 40 ms later Linux decides by what the frames before it cost the receiver in memory: nobody's promise. */
void do_tcp_state(struct program *p)
{
	int slot = slot_any(p);
	uint8_t info[8] = {0};
	socklen_t len = 1;
	say(p, "TCP_INFO(%d)", slot);
	int r = getsockopt(p->fd[slot], IPPROTO_TCP, TCP_INFO, info, &len);
	say_result(p, r);
	if (r == 0) say(p, " state %d", info[0] == TCP_FIN_WAIT2 ? TCP_FIN_WAIT1 : info[0]);
}

void do_ioctl(struct program *p)
{
	static const struct { unsigned long request; const char *text; } some[] = {{FIONREAD, "FIONREAD"}, {SIOCATMARK, "SIOCATMARK"}};
	int slot = slot_any(p), i = (int)number(&p->n, 2), value = -7;
	say(p, "ioctl(%d, %s)", slot, some[i].text);
	int r = ioctl(p->fd[slot], some[i].request, &value);
	say_result(p, r);
	if (r == 0) say(p, " %d", value);
}

void do_fcntl(struct program *p)
{
	int slot = slot_any(p);
	say(p, "fcntl(%d, F_GETFL)", slot);
	say_result(p, fcntl(p->fd[slot], F_GETFL));
}

void do_poll(struct program *p)
{
	struct pollfd at[SLOTS];
	short events = chance(&p->n, 50) ? POLLIN | POLLOUT | POLLPRI | POLLRDHUP : (short)number(&p->n, 0x400);
	for (int i = 0; i < SLOTS; i++) at[i] = (struct pollfd){p->fd[i], events, 0};
	say(p, "poll(%#x)", events);
	say_result(p, poll(at, SLOTS, 0));
	for (int i = 0; i < SLOTS; i++) say(p, " %#x", at[i].revents);
}

void do_epoll(struct program *p)
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

/* SO_LINGER with a time would wait. */
void do_linger(struct program *p)
{
	int slot = slot_any(p);
	struct linger l = {.l_onoff = chance(&p->n, 70)};
	say(p, "linger(%d, %d)", slot, l.l_onoff);
	say_result(p, setsockopt(p->fd[slot], SOL_SOCKET, SO_LINGER, &l, sizeof l));
}

/* ---- an epoll that stays ---- */

void do_epoll_ctl(struct program *p)
{
	static const int ops[] = {EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL, 9};
	int op = ops[number(&p->n, 6)], slot = slot_any(p);
	struct epoll_event ev = {.events = chance(&p->n, 60) ? EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI : number(&p->n, 0x400)};
	if (chance(&p->n, 30)) ev.events |= EPOLLONESHOT;
	if (op == EPOLL_CTL_ADD) p->watched[slot]++;
	ev.data.u64 = (uint64_t)slot * 100 + p->watched[slot];
	if (p->epoll < 0) p->epoll = epoll_create1(EPOLL_CLOEXEC);
	say(p, "epoll_ctl(%d, %d, %#x)", op, slot, ev.events);
	say_result(p, epoll_ctl(p->epoll, op, p->fd[slot], &ev));
}

static int by_data(const void *a, const void *b)
{
	const struct epoll_event *x = a, *y = b;
	return x->data.u64 < y->data.u64 ? -1 : x->data.u64 > y->data.u64;
}

/* In which order it tells is nobody's promise. */
void do_epoll_wait(struct program *p)
{
	struct epoll_event ev[SLOTS * 4];
	if (p->epoll < 0) return;
	say(p, "epoll_wait()");
	int n = epoll_wait(p->epoll, ev, SLOTS * 4, 0);
	say_result(p, n);
	qsort(ev, n < 0 ? 0 : (size_t)n, sizeof *ev, by_data);
	for (int i = 0; i < n; i++) say(p, " %d: %#x", (int)ev[i].data.u64, ev[i].events);
}
