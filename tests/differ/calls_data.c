/* Octets and messages, out and in. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>
#include "calls.h"

int flags_send(struct program *p)
{
	static const int some[] = {0, 0, 0, MSG_OOB, MSG_EOR, MSG_DONTROUTE, MSG_CONFIRM, MSG_PEEK, MSG_TRUNC};
	return MSG_DONTWAIT | MSG_NOSIGNAL | some[number(&p->n, sizeof some / sizeof *some)];
}

int flags_recv(struct program *p)
{
	static const int some[] = {0, 0, 0, MSG_PEEK, MSG_PEEK | MSG_TRUNC, MSG_TRUNC, MSG_WAITALL, MSG_OOB, MSG_ERRQUEUE, MSG_CMSG_CLOEXEC};
	return MSG_DONTWAIT | some[number(&p->n, sizeof some / sizeof *some)];
}

size_t size_any(struct program *p)
{
	static const size_t some[] = {0, 1, 2, 5, 100, 1000};
	return chance(&p->n, 70) ? some[number(&p->n, sizeof some / sizeof *some)] : number(&p->n, OCTETS);
}

void octets_fill(struct program *p, uint8_t *to, size_t n)
{
	for (size_t i = 0; i < n; i++) to[i] = (uint8_t)number(&p->n, 256);
}

void octets_say(struct program *p, const uint8_t *at, ssize_t n)
{
	uint32_t sum = 0;
	if (p->type == SOCK_RAW) return;      /* headers with numbers that nobody chose */
	for (ssize_t i = 0; i < n; i++) sum = sum * 31 + at[i];
	if (n > 0) say(p, " sum %08x", sum);
}

void do_send(struct program *p)
{
	uint8_t octets[OCTETS];
	int slot = slot_any(p), flags = flags_send(p);
	size_t len = size_any(p);
	octets_fill(p, octets, len);
	say(p, "send(%d, %zu, %#x)", slot, len, flags);
	say_result(p, send(p->fd[slot], octets, len, flags));
}

void do_sendto(struct program *p)
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

void do_writev(struct program *p)
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

void do_recv(struct program *p)
{
	uint8_t octets[OCTETS] = {0};
	int slot = slot_any(p), flags = flags_recv(p);
	size_t len = size_any(p);
	say(p, "recv(%d, %zu, %#x)", slot, len, flags);
	ssize_t n = recv(p->fd[slot], octets, len, flags);
	say_result(p, n);
	octets_say(p, octets, n < (ssize_t)len ? n : (ssize_t)len);
}

void do_recvmsg(struct program *p)
{
	uint8_t octets[OCTETS] = {0}, control[200];
	int slot = slot_any(p), flags = flags_recv(p);
	union name n;
	struct iovec iov[2] = {{octets, number(&p->n, 50)}, {octets + 50, size_any(p) % 2000}};
	struct msghdr m = {.msg_name = chance(&p->n, 70) ? &n : NULL, .msg_namelen = sizeof n, .msg_iov = iov, .msg_iovlen = number(&p->n, 3),
			   .msg_control = control, .msg_controllen = sizeof control};
	memset(&n, 0, sizeof n);
	say(p, "recvmsg(%d, %#x)", slot, flags);
	ssize_t r = recvmsg(p->fd[slot], &m, flags);
	say_result(p, r);
	if (r < 0) return;
	octets_say(p, octets, sizeof octets);
	say(p, " flags %#x control %zu", m.msg_flags, m.msg_controllen);
	if (m.msg_name) name_say(p, &n, m.msg_namelen);
}

void do_readv(struct program *p)
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

void do_sendmmsg(struct program *p)
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
void do_recvmmsg(struct program *p)
{
	uint8_t octets[3][60] = {{0}};
	struct iovec iov[3];
	struct mmsghdr m[3] = {0};
	int slot = slot_any(p), flags = flags_recv(p);
	for (int i = 0; i < 3; i++) {
		iov[i] = (struct iovec){octets[i], number(&p->n, sizeof octets[i])};
		m[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	if (type_of(p->fd[slot]) != SOCK_DGRAM) return;
	say(p, "recvmmsg(%d, %#x)", slot, flags);
	say_result(p, recvmmsg(p->fd[slot], m, 3, flags, NULL));
	for (int i = 0; i < 3; i++) say(p, " %u", m[i].msg_len);
	octets_say(p, octets[0], sizeof octets);
}

void do_splice_out(struct program *p)
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

void do_splice_in(struct program *p)
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

void do_sendfile(struct program *p)
{
	uint8_t octets[200];
	int slot = slot_any(p), file = memfd_create("differ", MFD_CLOEXEC);
	off_t at = number(&p->n, 190), *where = chance(&p->n, 50) ? &at : NULL;
	size_t len = number(&p->n, 250);
	if (p->protocol == IPPROTO_ICMPV6) len = len < sizeof octets - (size_t)at ? len : 0;     /* see flags_wild */
	octets_fill(p, octets, sizeof octets);
	if (write(file, octets, sizeof octets) < 0) return;
	lseek(file, at, SEEK_SET);
	say(p, "sendfile(%d, %zu)", slot, len);
	say_result(p, sendfile(p->fd[slot], file, where, len));
	say(p, " at %ld, %ld", (long)at, (long)lseek(file, 0, SEEK_CUR));
	close(file);
}

/* No Unix socket, which might be in its own queue then: when such circles end, Linux chooses. */
static int passable(int fd)
{
	int domain = 0;
	socklen_t len = sizeof domain;

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX ? STDIN_FILENO : fd;
}

/* With one control message, right or wrong. */
void do_sendmsg(struct program *p)
{
	static const struct { int level, type; } some[] = {
		{IPPROTO_IP, IP_TTL}, {IPPROTO_IP, IP_TOS}, {IPPROTO_IP, IP_PKTINFO}, {IPPROTO_IPV6, IPV6_HOPLIMIT}, {IPPROTO_IPV6, IPV6_TCLASS},
		{IPPROTO_IPV6, IPV6_PKTINFO}, {IPPROTO_IPV6, IPV6_DONTFRAG}, {SOL_SOCKET, SCM_RIGHTS}, {SOL_SOCKET, 77}, {IPPROTO_UDP, 103 /* UDP_SEGMENT */},
	};
	uint8_t octets[OCTETS];
	union { struct cmsghdr h; uint8_t at[64]; } c = {0};
	int slot = slot_any(p), flags = flags_send(p), which = (int)number(&p->n, sizeof some / sizeof *some);
	int value = (int)number(&p->n, 300) - 20;
	size_t len = size_any(p), data = chance(&p->n, 70) ? sizeof(int) : number(&p->n, 24);
	struct iovec iov = {octets, len};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c};
	union name n;
	m.msg_controllen = chance(&p->n, 90) ? CMSG_SPACE(data) : number(&p->n, 24);
	if (chance(&p->n, 50)) {
		name_any(p, p->fd[slot], &n, &m.msg_namelen);
		m.msg_name = &n;
	}
	octets_fill(p, octets, len);
	c.h = (struct cmsghdr){.cmsg_len = CMSG_LEN(data), .cmsg_level = some[which].level, .cmsg_type = some[which].type};
	memcpy(CMSG_DATA(&c.h), &value, sizeof value);
	if (c.h.cmsg_type == SCM_RIGHTS && c.h.cmsg_level == SOL_SOCKET) {
		int passed = passable(p->fd[slot_any(p)]);
		memcpy(CMSG_DATA(&c.h), &passed, sizeof passed);
	}
	say(p, "sendmsg(%d, %zu, %#x, level %d type %d,", slot, len, flags, some[which].level, some[which].type);
	say(p, " %zu of %d in %zu", data, value, (size_t)m.msg_controllen);
	if (m.msg_name) name_say(p, &n, m.msg_namelen);
	say(p, ")");
	say_result(p, sendmsg(p->fd[slot], &m, flags));
}
