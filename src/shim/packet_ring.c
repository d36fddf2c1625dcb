/*
 * The receive ring of packet sockets (PACKET_RX_RING with TPACKET_V1 and _V2), which libpcap insists on: frames in memory that the program maps.
 *
 *     engine --record--> channel's rx ring --here, when the program looks--> frame, status = USER ... the program reads it, status = KERNEL
 *
 * The kernel fills such a ring at any time; we fill it when the program polls, which is what programs do once the next frame is not there. The memory is
 * a memfd's: the program's mapping of it is the program's to keep or lose, ours stays until the socket is gone.
 */
#include <linux/if_packet.h>
#include <sys/mman.h>
#include <time.h>
#include "shim/shim.h"
#include "shim/uring/abi.h"

#define RINGS_MAX 64
#define CONTROL_MAX 256
#define FRAME_MAX 65536
#define MAC_ROOM 16u                       /* Linux leaves at least so much for the link header */

struct ring {
	_Atomic uint32_t generation;       /* of the channel; 0: free */
	uint32_t channel, head;
	int fd, version, reserve;
	bool raw;
	uint8_t *at;
	size_t size;
	struct tpacket_req req;
};

static struct ring rings[RINGS_MAX];
static _Atomic uint32_t rings_used;        /* slots that were ever taken */
static struct lock lock;

static struct ring *ring_of(const struct sock *s)
{
	for (uint32_t i = 0; i < atomic_load(&rings_used); i++)
		if (rings[i].channel == s->index && atomic_load(&rings[i].generation) == s->generation) return &rings[i];
	return NULL;
}

/* ---- setting it up ---- */

static void ring_free(struct ring *r)
{
	sys(SYS_munmap, r->at, r->size);
	hidden_close(&r->fd);
	atomic_store(&r->generation, 0);
}

/* A free slot; sockets that are gone leave theirs. */
static struct ring *slot_take(void)
{
	for (uint32_t i = 0; i < RINGS_MAX; i++) {
		struct ring *r = &rings[i];
		uint32_t generation = atomic_load(&r->generation);
		if (generation && shared_get32(&arena_channel(shim.arena, r->channel)->generation) != generation) ring_free(r);
		if (atomic_load(&r->generation) != 0) continue;
		if (i >= atomic_load(&rings_used)) atomic_store(&rings_used, i + 1);
		return r;
	}
	return NULL;
}

static int option_of(const struct sock *s, int name)
{
	int v = 0;
	struct call c = {.op = RPC_GETSOCKOPT, .sock = s, .arg = {SOL_PACKET, name, sizeof v}, .out = &v, .out_cap = sizeof v};
	return control(&c) < 0 ? 0 : v;
}

static long memory_make(struct ring *r)
{
	long fd = sys(SYS_memfd_create, "sockland-ring", MFD_CLOEXEC);
	if (fd < 0) return fd;
	long at = sys(SYS_ftruncate, fd, r->size);
	if (at == 0) at = sys(SYS_mmap, NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at < 0 && at > -4096) {
		sys(SYS_close, fd);
		return at;
	}
	r->at = (uint8_t *)at;
	r->fd = hide_fd((int)fd, false);
	return 0;
}

static long ring_make(const struct sock *s, const struct tpacket_req *q)
{
	struct ring *r = slot_take();
	if (!r) return -ENOMEM;
	*r = (struct ring){.channel = s->index, .version = option_of(s, PACKET_VERSION), .reserve = option_of(s, PACKET_RESERVE), .fd = -1,
			   .raw = s->c->type == SOCK_RAW, .size = (size_t)q->tp_block_size * q->tp_block_nr, .req = *q};
	long err = memory_make(r);
	if (err == 0) atomic_store(&r->generation, s->generation);
	return err;
}

/* After the engine took the option. */
long packet_ring_set(const struct sock *s, const void *val)
{
	struct tpacket_req q;
	if (user_get(q, val) != 0) return -EFAULT;
	critical_enter();
	lock_take(&lock);
	struct ring *r = ring_of(s);
	if (r) ring_free(r);
	long err = q.tp_block_nr == 0 ? 0 : ring_make(s, &q);
	lock_drop(&lock);
	critical_leave();
	return err;
}

long do_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	struct sock s;
	struct ring *r = NULL;
	/* A ring of io_uring has its two parts at both places (uring/setup.c). */
	if (fd >= 0 && !(flags & MAP_ANONYMOUS) && offset == IORING_OFF_CQ_RING && table_peek(fd) == FD_URING) offset = IORING_OFF_SQ_RING;
	if (fd < 0 || flags & MAP_ANONYMOUS || table_peek(fd) != FD_CHANNEL) return sys(SYS_mmap, addr, len, prot, flags, fd, offset);
	if (sock_of(fd, &s) && s.c->domain == AF_PACKET) r = ring_of(&s);
	if (!r) return s.c && s.c->domain == AF_PACKET ? -EINVAL : -ENODEV;
	if (offset != 0 || len != r->size) return -EINVAL;
	return sys(SYS_mmap, addr, len, prot, flags, r->fd, 0);
}

/* ---- filling it ---- */

struct facts { struct tpacket_auxdata aux; struct timespec when; };

/* What the engine says about a frame in control messages. */
static struct facts facts_of(const uint8_t *control, size_t len)
{
	struct facts f = {0};
	struct cmsghdr h;
	for (size_t at = 0; len - at >= sizeof h; at += CMSG_ALIGN(h.cmsg_len)) {
		memcpy(&h, control + at, sizeof h);
		if (h.cmsg_len < sizeof h || h.cmsg_len > len - at) break;
		const uint8_t *data = control + at + sizeof h;
		size_t n = h.cmsg_len - sizeof h;
		if (h.cmsg_level == SOL_PACKET && h.cmsg_type == PACKET_AUXDATA) memcpy(&f.aux, data, MIN(n, sizeof f.aux));
		if (h.cmsg_level == SOL_SOCKET && h.cmsg_type == SCM_TIMESTAMPNS) memcpy(&f.when, data, MIN(n, sizeof f.when));
		if (CMSG_ALIGN(h.cmsg_len) > len - at) break;
	}
	return f;
}

static uint8_t *frame_at(const struct ring *r, uint32_t i)
{
	uint32_t of_block = r->req.tp_block_size / r->req.tp_frame_size;
	return r->at + (size_t)(i / of_block) * r->req.tp_block_size + (size_t)(i % of_block) * r->req.tp_frame_size;
}

/* tp_status is a long in version 1, a word in version 2: little-endian, the low word is at the same place. */
static _Atomic uint32_t *status_of(const struct ring *r, uint32_t i) { return (_Atomic uint32_t *)frame_at(r, i); }

static void header_put(const struct ring *r, uint8_t *frame, const struct facts *f, uint32_t snap, uint16_t mac, uint16_t net)
{
	if (r->version == TPACKET_V1) {
		struct tpacket_hdr h = {.tp_len = f->aux.tp_len, .tp_snaplen = snap, .tp_mac = mac, .tp_net = net, .tp_sec = (unsigned)f->when.tv_sec,
					.tp_usec = (unsigned)(f->when.tv_nsec / 1000)};
		memcpy(frame + sizeof(uint32_t), (uint8_t *)&h + sizeof(uint32_t), sizeof h - sizeof(uint32_t));
	} else {
		struct tpacket2_hdr h = {.tp_len = f->aux.tp_len, .tp_snaplen = snap, .tp_mac = mac, .tp_net = net, .tp_sec = (uint32_t)f->when.tv_sec,
					 .tp_nsec = (uint32_t)f->when.tv_nsec};
		memcpy(frame + sizeof(uint32_t), (uint8_t *)&h + sizeof(uint32_t), sizeof h - sizeof(uint32_t));
	}
}

static void frame_put(struct ring *r, const struct facts *f, const struct sockaddr_ll *from, const uint8_t *data, uint32_t len)
{
	uint8_t *frame = frame_at(r, r->head);
	uint32_t link = r->raw ? f->aux.tp_net : 0, hdr = TPACKET2_HDRLEN;   /* as long as version 1's */
	uint32_t net = (r->raw ? TPACKET_ALIGN(hdr + MAX(link, MAC_ROOM)) : TPACKET_ALIGN(hdr) + MAC_ROOM) + (uint32_t)r->reserve, mac = net - link;
	uint32_t snap = mac < r->req.tp_frame_size ? MIN(len, r->req.tp_frame_size - mac) : 0;
	memcpy(frame + TPACKET_ALIGN(sizeof(struct tpacket2_hdr)), from, sizeof *from);
	memcpy(frame + mac, data, snap);
	header_put(r, frame, f, snap, (uint16_t)mac, (uint16_t)net);
	atomic_store_explicit(status_of(r, r->head), TP_STATUS_USER, memory_order_release);
	r->head = (r->head + 1) % r->req.tp_frame_nr;
}

static bool fill_one(struct ring *r, const struct sock *s, uint8_t *data)
{
	uint8_t control[CONTROL_MAX];
	struct sockaddr_ll from = {0};
	struct record rec;
	if (atomic_load_explicit(status_of(r, r->head), memory_order_acquire) != TP_STATUS_KERNEL || chan_rx_used(shim.arena, s->c) == 0) return false;
	if (chan_read_record(shim.arena, s->c, &rec, &from, sizeof from, control, sizeof control, data, FRAME_MAX, false) <= 0) return false;
	struct facts f = facts_of(control, MIN(rec.control_len, sizeof control));
	frame_put(r, &f, &from, data, MIN(rec.data_len, FRAME_MAX));
	consumed(s, rec.data_len + 64);
	return true;
}

bool packet_ring_fill(const struct sock *s, bool *ret_readable)
{
	if (atomic_load(&rings_used) == 0) return false;
	uint8_t *data = scratch_take();
	critical_enter();
	lock_take(&lock);
	struct ring *r = ring_of(s);
	if (r && data) {
		chan_lock(&s->c->rx.lock, lock_name(), futex_shared);
		while (fill_one(r, s, data)) continue;
		chan_unlock(&s->c->rx.lock, futex_shared);
	}
	uint32_t last = r ? (r->head + r->req.tp_frame_nr - 1) % r->req.tp_frame_nr : 0;
	if (r) *ret_readable = atomic_load(status_of(r, last)) != TP_STATUS_KERNEL;
	lock_drop(&lock);
	critical_leave();
	scratch_give(data);
	return r;
}
