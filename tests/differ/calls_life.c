/* Sockets come and go: made, bound, connected, accepted, duplicated, shut, closed. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>
#include "calls.h"

/* What Nagle holds back comes when acknowledgements happen to. */
static void nagle_off(int fd)
{
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void do_socket(struct program *p)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RDM, 77};
	static const int families[] = {AF_INET, AF_INET6, AF_UNIX, 77};
	int family = chance(&p->n, 85) ? p->family : families[number(&p->n, 4)];
	int type = chance(&p->n, 80) ? p->type : types[number(&p->n, 5)];
	if ((family == AF_INET || family == AF_INET6) && type == SOCK_SEQPACKET) type = SOCK_RDM;      /* it is SCTP's, which not every kernel has */
	int protocol = chance(&p->n, 90) ? family == p->family && type == p->type ? p->protocol : 0 : (int)number(&p->n, 20);
	if (family == AF_PACKET) protocol = p->protocol;      /* any other is all that loopback carries, or a kind of it that comes when a timer says so */
	int slot = slot_free(p);
	say(p, "%d = socket(%d, %d, %d)", slot, family, type, protocol);
	p->fd[slot] = socket(family, type | SOCK_NONBLOCK, protocol);
	say_result(p, p->fd[slot] < 0 ? -1 : 0);
	nagle_off(p->fd[slot]);
}

void do_socketpair(struct program *p)
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

void do_bind(struct program *p) { do_named(p, "bind", bind); }
void do_connect(struct program *p) { do_named(p, "connect", connect); }

void do_listen(struct program *p)
{
	int slot = slot_any(p), backlog = (int)number(&p->n, 4) - 1;
	say(p, "listen(%d, %d)", slot, backlog);
	say_result(p, listen(p->fd[slot], backlog));
}

void do_accept(struct program *p)
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
void do_connected(struct program *p)
{
	int family = p->family, protocol = p->type == SOCK_STREAM ? p->protocol : 0, c, l;
	union name n;
	socklen_t len = sizeof n;
	if (family != AF_INET && family != AF_INET6) {
		do_socketpair(p);
		return;
	}
	l = socket(family, SOCK_STREAM, protocol);
	memset(&n, 0, sizeof n);
	n.sa.sa_family = (sa_family_t)family;
	if (family == AF_INET) n.in.sin_addr.s_addr = htonl(p->host);
	else n.in6.sin6_addr = p->mapped ? in6addr_any : in6addr_loopback;
	c = socket(family, SOCK_STREAM, protocol);
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

void do_close(struct program *p)
{
	int slot = slot_any(p);
	if (ends_by_itself(p)) return;
	say(p, "close(%d)", slot);
	say_result(p, close(p->fd[slot]));
	p->fd[slot] = -1;
}

void do_shutdown(struct program *p)
{
	int slot = slot_any(p), how = (int)number(&p->n, 4);
	if (ends_by_itself(p)) return;
	say(p, "shutdown(%d, %d)", slot, how);
	say_result(p, shutdown(p->fd[slot], how));
}

void do_dup(struct program *p)
{
	int from = slot_any(p), to = (int)number(&p->n, SLOTS);
	if (ends_by_itself(p)) return;
	say(p, "dup(%d, %d)", from, to);
	int fd = p->fd[to] >= 0 && chance(&p->n, 50) ? dup2(p->fd[from], p->fd[to]) : dup(p->fd[from]);
	say_result(p, fd < 0 ? -1 : 0);
	if (fd < 0 || fd == p->fd[to]) return;
	if (p->fd[to] >= 0) close(p->fd[to]);
	p->fd[to] = fd;
}

/* Two that only dup3 and fcntl do: O_CLOEXEC, and a number from which on to look. */
void do_dup_flags(struct program *p)
{
	int from = slot_any(p), to = slot_free(p), fd, flag = chance(&p->n, 50) ? FD_CLOEXEC : 0;
	say(p, "dup(%d, %d, %d)", from, to, flag);
	if (chance(&p->n, 50)) fd = fcntl(p->fd[from], flag ? F_DUPFD_CLOEXEC : F_DUPFD, 100);
	else fd = dup3(p->fd[from], 90, flag ? O_CLOEXEC : 0);
	say_result(p, fd < 0 ? -1 : 0);
	if (fd < 0) return;
	say(p, " %d", fcntl(fd, F_GETFD));
	p->fd[to] = fcntl(fd, F_DUPFD, 3);
	close(fd);
}

/* To be connected to. */
void do_listener(struct program *p)
{
	int slot = slot_free(p), family = p->family == AF_INET6 ? AF_INET6 : AF_INET, backlog = (int)number(&p->n, 3), on = chance(&p->n, 30);
	union name n = {0};
	say(p, "%d listens", slot);
	p->fd[slot] = socket(family, SOCK_STREAM | SOCK_NONBLOCK, p->protocol == IPPROTO_MPTCP ? IPPROTO_MPTCP : 0);
	nagle_off(p->fd[slot]);
	setsockopt(p->fd[slot], SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	name_own(p, family, &n);
	say_result(p, bind(p->fd[slot], &n.sa, family == AF_INET ? sizeof n.in : sizeof n.in6) || listen(p->fd[slot], backlog) ? -1 : 0);
}

void do_disconnect(struct program *p)
{
	int slot = slot_any(p);
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	if (p->mapped || ends_by_itself(p)) return;
	say(p, "connect(%d, nobody)", slot);
	say_result(p, connect(p->fd[slot], &none, sizeof none));
}
