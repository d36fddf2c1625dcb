/*
 * TCP_ZEROCOPY_RECEIVE, and the mapping of a TCP socket. Linux maps pages of what came into the program's memory; what is no whole page at a page's edge it
 * copies to a buffer that the program names, or leaves to recv and says so (recv_skip_hint). Of what lies in rings nothing is ever such a page: here it is
 * one of the latter two, always.
 *
 * Read first: <linux/tcp.h>, struct tcp_zerocopy_receive.
 */
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include "shim/shim.h"

#define PAGE 4096u
#define MADV_POPULATE_READ 22              /* of newer headers */
#define FLAGS_KNOWN 2u                     /* TCP_CMSG_TS */
#define TO_END_OF(field) (offsetof(struct tcp_zerocopy_receive, field) + sizeof(((struct tcp_zerocopy_receive *)0)->field))

/* ---- mapping ---- */

/* As there, a page that nothing was put into is not to be touched (SIGBUS), and never written to: so are those beyond the end of a sealed file. */
long zerocopy_map(void *addr, size_t len, int prot, int flags, off_t offset)
{
	if ((flags & MAP_TYPE) == MAP_PRIVATE) flags ^= MAP_PRIVATE ^ MAP_SHARED;      /* of such a file it could be written */
	if (len > 0 && prot & (PROT_WRITE | PROT_EXEC)) return -EPERM;
	critical_enter();
	long fd = sys(SYS_memfd_create, "sockland-tcp", MFD_CLOEXEC | MFD_ALLOW_SEALING), r = fd;
	if (fd >= 0) r = sys(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL);
	if (r == 0) r = sys(SYS_mmap, addr, len, prot, flags, fd, offset);
	if (fd >= 0) sys(SYS_close, fd);
	critical_leave();
	return r;
}

/* Its pages are there, and can't be read. A kernel before 5.14 does not say. */
static bool is_mapped(uint64_t address)
{
	long r = sys(SYS_madvise, (void *)(uintptr_t)address, PAGE, MADV_POPULATE_READ);
	return r == -EFAULT || r == -EINVAL;
}

/* ---- receiving ---- */

/* To the program's buffer. Octets, or the error. */
static long copy(const struct sock *s, struct tcp_zerocopy_receive *z, uint32_t most)
{
	struct iovec iov = {(void *)(uintptr_t)z->copybuf_address, most};
	struct message m = {.iov = &iov, .count = 1, .total = most, .flags = MSG_DONTWAIT,
			    .control = (void *)(uintptr_t)z->msg_control, .control_len = z->msg_controllen};
	long r = sock_recv(s, &m);
	if (r <= 0) return r;
	if (m.control_len > 0 || m.ret_flags & MSG_CTRUNC) {
		z->msg_control += m.control_len;
		z->msg_controllen -= MIN(m.control_len, z->msg_controllen);
		z->msg_flags = (uint32_t)m.ret_flags & MSG_CTRUNC;
	}
	return r;
}

/* What there is, which is for recv but for as much as the program's buffer takes. Of less than a page nothing is copied unless that takes all. */
static long receive(const struct sock *s, struct tcp_zerocopy_receive *z)
{
	uint32_t room = z->copybuf_len > 0 ? (uint32_t)z->copybuf_len : 0, left = z->recv_skip_hint;
	bool all = z->inq > 0 && z->inq <= room;
	z->copybuf_len = 0;
	if (!all && z->inq < PAGE) return 0;
	if (!all && !is_mapped(z->address)) return -EINVAL;
	if (!all && room == 0) return 0;
	long n = copy(s, z, all ? z->inq : MIN(room, left));
	if (n < 0 && all) return n;
	z->copybuf_len = (int32_t)n;
	if (n < 0) return 0;
	z->recv_skip_hint = all ? 0 : left - (uint32_t)n;
	z->inq -= MIN(z->inq, (uint32_t)n);
	return 0;
}

/* As Linux: a program that knows fewer fields gets those, one that knows more may have nothing in them. */
static long request_in(struct tcp_zerocopy_receive *z, const void *val, socklen_t *len)
{
	uint8_t beyond[64];
	if ((int)*len < (int)TO_END_OF(length)) return -EINVAL;
	for (size_t at = sizeof *z; at < *len; at += sizeof beyond) {
		size_t n = MIN(*len - at, sizeof beyond);
		if (user_copy(beyond, (const uint8_t *)val + at, n) != 0) return -EFAULT;
		for (size_t i = 0; i < n; i++)
			if (beyond[i] != 0) return -EINVAL;
	}
	*len = MIN(*len, (socklen_t)sizeof *z);
	if (user_copy(z, val, *len) != 0) return -EFAULT;
	return z->reserved || z->msg_flags & ~FLAGS_KNOWN ? -EINVAL : 0;
}

/* How much there is, in rings and with the stack, which also knows what is wrong with the socket or the address. */
static long look(const struct sock *s, struct tcp_zerocopy_receive *z)
{
	uint32_t length = z->length;
	if (chan_rx_used(shim.arena, s->c) == 0) engine_catch_up();
	z->inq = chan_rx_used(shim.arena, s->c);
	struct call c = {.op = RPC_GETSOCKOPT, .sock = s, .arg = {IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, TO_END_OF(inq)}, .in = {{z, TO_END_OF(inq)}},
			 .out = z, .out_cap = TO_END_OF(inq)};
	int64_t r = control(&c);
	if (r < 0) return (long)r;
	if (z->inq >= PAGE && length < PAGE) z->recv_skip_hint = length;
	z->msg_flags = 0;
	return receive(s, z);
}

/* As Linux: where a length ends at no field's end, those from inq on are not for it. */
static size_t known(socklen_t len)
{
	static const uint8_t ends[] = {TO_END_OF(inq), TO_END_OF(err), TO_END_OF(copybuf_address), TO_END_OF(copybuf_len), TO_END_OF(flags),
				       TO_END_OF(msg_control), TO_END_OF(msg_controllen)};
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (ends[i] == len) return len;
	return len >= TO_END_OF(msg_flags) ? len : 0;
}

long zerocopy_receive(const struct sock *s, void *val, socklen_t *len)
{
	struct tcp_zerocopy_receive z = {0};
	socklen_t room;
	if (user_get(room, len) != 0) return -EFAULT;
	long r = request_in(&z, val, &room);
	if (r < 0) return r;
	if (user_put(len, room) != 0) return -EFAULT;
	r = look(s, &z);
	if (r < 0) return r;
	uint32_t state = shared_get32(&s->c->state);
	if (known(room) >= TO_END_OF(err) && state & CHS_ERROR) z.err = (int32_t)-control_simple(RPC_TAKE_ERROR, s, 0, 0, 0);
	if (z.inq == 0 && state & CHS_DONE) z.inq = 1;      /* the end */
	if (known(room) < TO_END_OF(inq)) z.inq = 0;
	return user_copy(val, &z, room) != 0 ? -EFAULT : 0;
}
