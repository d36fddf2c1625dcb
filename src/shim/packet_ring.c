/*
 * The rings of packet sockets (PACKET_RX_RING, PACKET_TX_RING) on the program's side. The engine makes their memory and fills it; here it is mapped.
 *
 * That a frame has come the engine says. That the program has taken it, and stored so in the ring, nobody hears: who asks whether there is one has the
 * engine look again.
 */
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include "shim/shim.h"
#include "shim/uring/abi.h"

#define PAGE 4096ul

void packet_ring_begins(const struct sock *s)
{
	struct record rec;
	critical_enter();
	chan_lock(&s->c->rx.lock, lock_name(), futex_shared);
	while (chan_rx_used(shim.arena, s->c) > 0 && chan_read_record(shim.arena, s->c, &rec, NULL, 0, NULL, 0, NULL, 0, false) > 0)
		consumed(s, rec.data_len + 64);
	chan_unlock(&s->c->rx.lock, futex_shared);
	critical_leave();
}

uint32_t sock_events(const struct sock *s)
{
	uint32_t events = channel_poll(shim.arena, s->c);
	if (!(events & POLLIN) || !(shared_get32(&s->c->state) & CHS_RING)) return events;
	handed_over(s);
	engine_catch_up();
	return channel_poll(shim.arena, s->c);
}

/* ---- mapping ---- */

struct memories { struct rpc_rings octets; int fds[2]; int n; };

static long memories_get(const struct sock *s, struct memories *ret)
{
	struct call c = {.op = RPC_RINGS, .sock = s, .out = &ret->octets, .out_cap = sizeof ret->octets, .want_fd = true, .cloexec = true};
	long r = (long)control(&c);
	if (r < 0) return r;
	ret->n = MIN(c.fd_count, 2);
	memcpy(ret->fds, c.fds, sizeof ret->fds);
	return 0;
}

/* One mapping of the receive ring with the transmit ring behind it. */
static long map_both(const struct memories *m, void *addr, size_t len, int prot, int flags)
{
	size_t first = m->octets.rx_octets;
	long at = sys(SYS_mmap, addr, len, prot, flags, m->fds[0], 0);
	if (m->n < 2 || (at < 0 && at > -4096)) return at;
	long rest = sys(SYS_mmap, (uint8_t *)at + first, len - first, prot, (flags & ~MAP_FIXED_NOREPLACE) | MAP_FIXED, m->fds[1], 0);
	if (rest > 0 || rest < -4095) return at;
	sys(SYS_munmap, at, len);
	return rest;
}

static long ring_map(const struct sock *s, void *addr, size_t len, int prot, int flags, off_t offset)
{
	struct memories m = {0};
	if (offset != 0) return -EINVAL;
	critical_enter();
	long r = memories_get(s, &m);
	if (r == 0) {
		bool fits = m.n > 0 && ((len + PAGE - 1) & ~(PAGE - 1)) == m.octets.rx_octets + m.octets.tx_octets;
		r = fits ? map_both(&m, addr, len, prot, flags) : -EINVAL;
	}
	for (int i = 0; i < m.n; i++) sys(SYS_close, m.fds[i]);
	critical_leave();
	return r;
}

long do_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	struct sock s;
	/* A ring of io_uring has its two parts at both places (uring/setup.c). */
	if (fd >= 0 && !(flags & MAP_ANONYMOUS) && offset == IORING_OFF_CQ_RING && table_peek(fd) == FD_URING) offset = IORING_OFF_SQ_RING;
	if (fd < 0 || flags & MAP_ANONYMOUS || table_peek(fd) != FD_CHANNEL) return sys(SYS_mmap, addr, len, prot, flags, fd, offset);
	if (!sock_of(fd, &s) || !s.c) return -ENODEV;
	if (s.c->type == SOCK_STREAM && s.c->protocol == IPPROTO_TCP) return zerocopy_map(addr, len, prot, flags, offset);
	if (s.c->domain != AF_PACKET || s.c->type == SOCK_PACKET) return sys(SYS_mmap, addr, len, prot, flags, fd, offset);   /* refused of the anchor, too */
	return ring_map(&s, addr, len, prot, flags, offset);
}
