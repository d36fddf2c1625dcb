/*
 * The engine serves others while a client does its worst: hostile [SECONDS [SEED]]
 *
 *     good      two hosts, a datagram and a stream exchange after another, every octet checked
 *     wild      overwrites the shared words of its own sockets, bells and segments while it uses them, and sends control messages that are random,
 *               half right or cut, with descriptors of any kind; it comes back each time the engine has ended it
 *     vandal    in the last third, when nobody uses shared memory for good: overwrites the arena anywhere; only calls are expected to go on
 *
 * The engine must outlive all of them, go on answering, and end as it should, with nothing of theirs left. Run under ASan and UBSan in CI.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "channel/atomic.h"
#include "channel/desk.h"
#include "channel/inbox.h"
#include "channel/offer.h"
#include "../unit/draw.h"
#include "../unit-channel/client.h"

#define WILD_SOCKETS 8
#define HANG_S 30             /* no bar: who waits so long waits for ever */

static uint64_t rng;

static uint32_t rnd(void)
{
	return (uint32_t)(draw_next(&rng) >> 32);
}

static uint32_t below(uint32_t n) { return rnd() % n; }

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(bool ok, const char *what)
{
	if (ok) return;
	fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* ---- good ---- */

static void datagram_round(struct tclient *c)
{
	struct tsock a = t_socket(c, AF_INET, SOCK_DGRAM), b = t_socket(c, AF_INET, SOCK_DGRAM);
	uint8_t data[1000], got[1000];
	must(t_bind(&b, "127.0.0.1", 5300) == 0, "bind");
	for (int i = 0; i < 20; i++) {
		memset(data, i, sizeof data);
		must(t_sendto(&a, "127.0.0.1", 5300, data, sizeof data) == sizeof data, "sendto");
		must(t_recv_now(&b, got, sizeof got) == sizeof got && memcmp(data, got, sizeof got) == 0, "a datagram was not there, or another one");
	}
	t_close(&a);
	t_close(&b);
}

static void stream_round(struct tclient *c)
{
	struct tsock l = t_socket(c, AF_INET, SOCK_STREAM), a = t_socket(c, AF_INET, SOCK_STREAM), b;
	static uint8_t data[60000], got[60000];
	must(t_call(&l, RPC_SETSOCKOPT, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == 0, "SO_REUSEADDR");
	must(t_bind(&l, "127.0.0.1", 8000) == 0 && t_call(&l, RPC_LISTEN, 5, 0, NULL, 0) == 0, "listen");
	must(t_connect(&a, "127.0.0.1", 8000) == 0, "connect");
	must(t_accept(&l, &b) == 0, "accept");
	for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)rnd();
	must(t_write(&a, data, sizeof data) == sizeof data, "write");
	for (size_t n = 0; n < sizeof got;) {
		ssize_t r = t_recv(&b, got + n, sizeof got - n);
		must(r > 0, "recv");
		n += (size_t)r;
	}
	must(memcmp(data, got, sizeof got) == 0, "octets changed on the way");
	t_close(&a);
	must(t_recv(&b, got, 1) == 0, "no end of stream");
	t_close(&b);
	t_close(&l);
}

static void good_run(const struct lab *l, double end)
{
	struct tclient c;
	int rounds = 0;
	t_hello(&c, l, 1);
	for (; now_s() < end; rounds++) {
		double began = now_s();
		datagram_round(&c);
		stream_round(&c);
		must(now_s() - began < HANG_S, "others are not served");
	}
	printf("hostile: %d good rounds\n", rounds);
	fflush(stdout);
	_exit(0);
}

/* ---- wild ---- */

struct own_segment { uint32_t i, serial; };
struct wild { struct tclient c; struct tsock socks[WILD_SOCKETS]; struct own_segment rx[WILD_SOCKETS], tx[WILD_SOCKETS]; int64_t bell; struct tsock spare; };
#define WILD_LISTENER 4       /* of its sockets; the spare is offered to it */
#define WILD_CALLER 6

static void word_spoil(_Atomic uint32_t *w)
{
	switch (below(4)) {
	case 0: shared_set32(w, rnd()); break;
	case 1: shared_set32(w, shared_get32(w) + below(5) - 2); break;
	case 2: shared_set32(w, below(300)); break;
	default: shared_set32(w, shared_get32(w) ^ 1u << below(32)); break;
	}
}

static struct own_segment own_segment(struct arena *a, uint32_t i)
{
	return (struct own_segment){i, i != 0 ? shared_get32(&arena_segment(a, i)->serial) : 0};
}

/* Any word but the one that says whose it is. */
static void segment_spoil(struct segment *s)
{
	_Atomic uint32_t *word = (_Atomic uint32_t *)s + below(below(2) ? 5 : sizeof *s / 4);
	if (word != &s->serial) word_spoil(word);
}

/* A segment is somebody else's once the engine has ended us, and then its serial is another. */
static void direction_spoil(struct arena *a, struct direction *d, struct own_segment own)
{
	_Atomic uint32_t *words = (_Atomic uint32_t *)d;
	if (below(2)) word_spoil(&words[below(sizeof *d / 4)]);
	else if (own.i != 0 && own_segment(a, own.i).serial == own.serial) segment_spoil(arena_segment(a, own.i));
}

static void offer_spoil(struct wild *w)
{
	_Atomic uint64_t *word = &arena_offer(w->c.arena, w->socks[WILD_LISTENER].channel)->word;
	if (w->spare.channel == 0) return;
	if (below(4) != 0) shared_set64(word, offer_word((enum offer_state)below(4), w->spare.channel, w->spare.generation));
	else if (below(2)) shared_set64(word, offer_word(OFFER_OPEN, w->socks[below(WILD_SOCKETS)].channel, w->spare.generation + below(3)));
	else shared_set64(word, (uint64_t)rnd() << 32 | rnd());
	arena_mark_dirty(w->c.arena, w->socks[WILD_LISTENER].channel);
}

/* Its own words only: what it shares with nobody. The segments' numbers are taken before they are spoilt. */
static void own_spoil(struct wild *w, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t s = below(WILD_SOCKETS);
		struct channel *ch = arena_channel(w->c.arena, w->socks[s].channel);
		direction_spoil(w->c.arena, &ch->rx, w->rx[s]);
		direction_spoil(w->c.arena, &ch->tx, w->tx[s]);
		if (below(8) == 0) word_spoil(&ch->generation + below(3));
		if (below(32) == 0) shared_set32(&ch->flags, rnd() & ~CHF_CLOSED);   /* what it has closed is not its own any more */
		arena_mark_dirty(w->c.arena, w->socks[s].channel);
	}
	if (below(4) == 0) offer_spoil(w);
	if (w->bell > 0) {
		struct bell *b = arena_bell(w->c.arena, (uint32_t)w->bell);
		shared_set64(&b->bits[below(CHANNEL_MAX / 64)], (uint64_t)rnd() << 32 | rnd());
		atomic_store(&b->armed, below(4));
	}
	if (arena_ring(w->c.arena, false)) must(write(w->c.doorbell, &(uint64_t){1}, 8) == 8, "doorbell");
}

static int odd_fd(void)
{
	int p[2];
	switch (below(5)) {
	case 0: return open("/dev/zero", O_RDWR);
	case 1: return eventfd(0, 0);
	case 2: return epoll_create1(0);
	case 3: return socket(AF_UNIX, SOCK_DGRAM, 0);
	default:
		if (pipe(p) < 0) return -1;
		close(p[0]);
		return p[1];
	}
}

static void raw_send(int fd, const void *data, size_t len, bool with_fds)
{
	int fds[3], n = with_fds ? 1 + (int)below(3) : 0;
	union { struct cmsghdr align; char room[CMSG_SPACE(sizeof fds)]; } control = {0};
	struct iovec iov = {(void *)data, len};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	for (int i = 0; i < n; i++) fds[i] = odd_fd();
	if (n > 0) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)n);
		control.align = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int) * (size_t)n), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.align), fds, sizeof(int) * (size_t)n);
	}
	if (sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) errno = 0;
	for (int i = 0; i < n; i++) close(fds[i]);
}

/* On its desk, without waiting for the answer to the last. */
static void desk_lay(struct wild *w, const void *data, size_t len)
{
	uint32_t seen;
	memcpy(arena_desk(w->c.arena, w->c.desk)->text, data, len);
	if (desk_ask(w->c.arena, w->c.desk, below(100) ? (uint32_t)len : rnd(), &seen) && write(w->c.doorbell, &(uint64_t){1}, 8) != 8) errno = 0;
}

static int64_t odd_number(void)
{
	static const int64_t some[] = {0, 1, -1, 2, 6, 16, 17, 41, 255, 65535, 65536, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 0x8906, 0x8907,
				       0x8910, 0x8912, 0x8933, 0x541b};
	return below(2) ? some[below(sizeof some / sizeof *some)] : (int64_t)below(100);
}

/* A capture of something that is there: it sees what everybody else does, and may never be read. */
static void capture_send(struct wild *w)
{
	static const char *const names[] = {"h1:lo", "h1:eth0", "h2:eth0", "s1", "h1--s1", "none"};
	struct { struct rpc_request q; char name[16]; } m = {.q = {.op = RPC_CAPTURE, .in_len = sizeof m.name}};
	strcpy(m.name, names[below(6)]);
	raw_send(w->c.fd, &m, sizeof m.q + sizeof m.name, false);
}

/* Two streams joined, so that their rings are in use, in the first place and in the third. */
static void streams_join(struct wild *w, uint16_t port)
{
	struct tsock lsn = t_socket(&w->c, AF_INET, SOCK_STREAM);
	t_close(&w->socks[0]);
	t_close(&w->socks[2]);
	w->socks[0] = t_socket(&w->c, AF_INET, SOCK_STREAM);
	if (t_bind(&lsn, "127.0.0.1", port) == 0 && t_call(&lsn, RPC_LISTEN, 5, 0, NULL, 0) == 0 && t_connect(&w->socks[0], "127.0.0.1", port) == 0) {
		if (t_accept(&lsn, &w->socks[2]) < 0) w->socks[2] = lsn;
		t_write(&w->socks[0], "some octets that wait", 21);
	} else w->socks[2] = lsn;
	if (w->socks[2].fd != lsn.fd) t_close(&lsn);
}

/* A listener with a connection that was accepted ahead, where its spare is. */
static void offer_make(struct wild *w, uint16_t port)
{
	struct tsock *l = &w->socks[WILD_LISTENER], *c = &w->socks[WILD_CALLER];
	w->spare = (struct tsock){.fd = -1};
	t_close(l);
	t_close(c);
	*l = t_socket(&w->c, AF_INET, SOCK_STREAM);
	*c = t_socket(&w->c, AF_INET, SOCK_STREAM);
	if (t_bind(l, "127.0.0.1", port) != 0 || t_call(l, RPC_LISTEN, 5, 0, NULL, 0) != 0 || t_connect(c, "127.0.0.1", port) != 0) return;
	if (t_accept(l, &w->spare) != 0) return;
	atomic_fetch_or(&arena_channel(w->c.arena, w->spare.channel)->flags, CHF_CLOSED);
	arena_mark_dirty(w->c.arena, w->spare.channel);
	shared_set64(&arena_offer(w->c.arena, l->channel)->word, offer_word(OFFER_OPEN, w->spare.channel, w->spare.generation));
	t_close(c);
	*c = t_socket(&w->c, AF_INET, SOCK_STREAM);
	t_connect(c, "127.0.0.1", port);
}

/* The same of Unix sockets, of each type. */
static void unix_pair(struct wild *w)
{
	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
	int type = types[below(ARRAY_SIZE(types))];
	struct tsock pair[2];
	struct iovec v = {"some octets that wait", 21};
	t_close(&w->socks[0]);
	t_close(&w->socks[2]);
	t_pair(&w->c, type, pair);
	w->socks[0] = pair[0];
	w->socks[2] = pair[1];
	if (type == SOCK_STREAM) t_write(&w->socks[0], v.iov_base, v.iov_len);
	else chan_post(w->c.arena, arena_channel(w->c.arena, pair[0].channel), &v, 1, v.iov_len, &(struct handover){0});
}

/* The second sends to the first, whose name it is, and then by a ticket of its own. */
static void unix_inbox(struct wild *w)
{
	struct { struct rpc_send h; struct sockaddr_un un; char data[8]; } m = {.h = {.data_len = sizeof m.data}, .un.sun_family = AF_UNIX, .data = "letters"};
	struct tsock *to = &w->socks[1], *from = &w->socks[3];
	struct rpc_request q = {.op = RPC_SEND, .arg = {1}};
	struct rpc_reply reply;
	static uint8_t out[RPC_OUT_MAX];
	struct rpc_ticket t;
	for (int i = 1; i <= 3; i += 2) {
		t_close(&w->socks[i]);
		w->socks[i] = t_socket(&w->c, AF_UNIX, SOCK_DGRAM);
	}
	m.h.name_len = sizeof m.un;
	snprintf(m.un.sun_path + 1, sizeof m.un.sun_path - 1, "%u", (unsigned)getpid());
	if (t_call(to, RPC_BIND, 0, 0, &m.un, sizeof m.un) != 0) return;
	q.channel = from->channel;
	q.generation = from->generation;
	if (t_request(&w->c, &q, &m, sizeof m.h + m.h.name_len + sizeof m.data, &reply, out, NULL) != RPC_SEND_BY_TICKET) return;
	memcpy(&t, out, sizeof t);
	for (int i = 0; i < 3; i++) {
		struct record r = {.data_len = sizeof m.data, .sender = below(4) ? from->channel : rnd(), .generation = from->generation};
		struct inbox_slot slot;
		if (inbox_begin(w->c.arena, t.segment, t.serial, w->c.id, &r, &slot) != INBOX_MINE) return;
		inbox_write(w->c.arena, &slot, m.data, sizeof m.data);
		inbox_end(&slot, true);
	}
}

/* A message that is half right: an existing call about an existing socket, with odd numbers and odd octets. */
static void message_send_odd(struct wild *w, const int door)
{
	static uint8_t buf[sizeof(struct rpc_request) + RPC_IN_MAX + 100];
	struct tsock *s = &w->socks[below(WILD_SOCKETS)];
	struct rpc_request q = {.op = below(RPC_VERB), .channel = s->channel, .generation = s->generation, .arg = {odd_number(), odd_number(), odd_number()},
				.spare = below(4) ? 0 : below(300)};
	const struct rpc_row *row = &rpc_rows[q.op];
	size_t len = row->in_min + (row->in_max > row->in_min ? below(below(10) ? MIN(row->in_max - row->in_min, 200) : row->in_max - row->in_min) : 0);
	for (size_t i = 0; i < MIN(len, 300); i++) buf[sizeof q + i] = (uint8_t)(below(3) ? below(12) : rnd());
	if (below(2) && len >= 8) buf[sizeof q] = below(2) ? AF_INET : AF_INET6, buf[sizeof q + 1] = 0;
	if (q.op == RPC_SEND && len >= sizeof(struct rpc_send) && below(4)) {
		struct rpc_send h = {.flags = (int)rnd()};
		uint32_t left = (uint32_t)(len - sizeof h);
		h.name_len = MIN(left, below(130));
		h.control_len = MIN(left - h.name_len, below(60));
		h.data_len = left - h.name_len - h.control_len;
		memcpy(buf + sizeof q, &h, sizeof h);
	}
	q.in_len = (uint32_t)len;
	switch (below(40)) {
	case 0: q.op = rnd(); break;
	case 1: q.in_len = rnd(); break;
	case 2: len = below(200); break;
	case 3: q.channel = rnd() % 70000; break;
	case 4: q.generation = below(10); break;
	}
	memcpy(buf, &q, sizeof q);
	if (below(3) == 0 && sizeof q + len <= DESK_ROOM) desk_lay(w, buf, sizeof q + len);
	else raw_send(below(50) ? w->c.fd : door, buf, sizeof q + len, below(30) == 0 || q.op == RPC_HELLO);
}

/* Keeps a few for a while, unread. */
static void descriptor_drop(int fd)
{
	static int held[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
	int *place = &held[below(8)];
	if (*place >= 0) close(*place);
	*place = fd;
}

/* Takes what was answered, most of the time: one that never reads must be ended too. */
static bool replies_drop(struct wild *w)
{
	static uint8_t buf[RPC_OUT_MAX + 100];
	union { struct cmsghdr align; char room[CMSG_SPACE(sizeof(int) * 8)]; } control;
	struct iovec iov = {buf, sizeof buf};
	for (;;) {
		struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
		ssize_t n = recvmsg(w->c.fd, &m, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN) return true;
		if (n <= 0) return false;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
			for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= c->cmsg_len; i++) {
				int fd;
				memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
				descriptor_drop(fd);
			}
	}
}

static void wild_start(struct wild *w, const struct lab *l)
{
	struct rpc_request q = {.op = RPC_BELL};
	struct rpc_reply reply;
	struct rpc_watch watch[WILD_SOCKETS];
	int fd;
	t_hello(&w->c, l, 0);
	for (int i = 0; i < WILD_SOCKETS; i++) {
		static const int types[] = {SOCK_STREAM, SOCK_DGRAM};
		w->socks[i] = t_socket(&w->c, below(4) ? AF_INET : AF_INET6, types[i % 2]);
		watch[i] = (struct rpc_watch){w->socks[i].channel, w->socks[i].generation};
	}
	uint16_t port = (uint16_t)(1024 + below(60000));
	if (below(2)) unix_pair(w);
	else streams_join(w, port);
	offer_make(w, (uint16_t)(port + 2));
	for (int i = WILD_LISTENER; i <= WILD_CALLER; i += 2) watch[i] = (struct rpc_watch){w->socks[i].channel, w->socks[i].generation};
	if (below(2)) unix_inbox(w);
	else {
		t_bind(&w->socks[1], "127.0.0.1", (uint16_t)(port + 1));
		for (int i = 0; i < 5; i++) t_sendto(&w->socks[3], "127.0.0.1", (uint16_t)(port + 1), "datagram", 8);
	}
	w->bell = t_request(&w->c, &q, NULL, 0, &reply, NULL, &fd);
	close(fd);
	q = (struct rpc_request){.op = RPC_WATCH, .arg = {w->bell}};
	t_request(&w->c, &q, watch, sizeof watch, &reply, NULL, NULL);
	for (int i = 0; i < WILD_SOCKETS; i++) {
		struct channel *ch = arena_channel(w->c.arena, w->socks[i].channel);
		w->rx[i] = own_segment(w->c.arena, shared_get32(&ch->rx.read_seg));
		w->tx[i] = own_segment(w->c.arena, shared_get32(&ch->tx.write_seg));
	}
}

static void wild_end(struct wild *w)
{
	for (int i = 0; i < WILD_SOCKETS; i++) t_close(&w->socks[i]);
	if (w->spare.fd >= 0) close(w->spare.fd);
	t_end(&w->c);
}

/* One life of a wild client: until the engine ends it, or for a while. */
static void wild_live(const struct lab *l, double end)
{
	static struct wild w;
	wild_start(&w, l);
	bool reads = below(20) != 0, spoils = below(2);
	for (int i = 0; i < 2000 && now_s() < end; i++) {
		if (spoils) own_spoil(&w, below(20));
		if (below(100) == 0) capture_send(&w);
		message_send_odd(&w, l->doors[0]);
		if (reads && !replies_drop(&w)) break;
	}
	wild_end(&w);
}

static void vandal_live(const struct lab *l, double end)
{
	struct tclient c;
	t_hello(&c, l, 0);
	uint64_t regions[][2] = {{16, 20000}, {ARENA_CHANNELS_OFF, 64 * sizeof(struct channel)}, {ARENA_BELLS_OFF, 4 * sizeof(struct bell)},
				 {ARENA_SEGMENTS_OFF, 256 * sizeof(struct segment)}, {ARENA_DESKS_OFF, 16 * sizeof(struct desk)},
				 {ARENA_OFFERS_OFF, 64 * sizeof(struct offer)}, {ARENA_DATA_OFF, 1 << 20}};
	for (int i = 0; i < 20000 && now_s() < end; i++) {
		uint64_t *r = regions[below(ARRAY_SIZE(regions))];
		word_spoil((_Atomic uint32_t *)((char *)c.arena + r[0] + below((uint32_t)r[1] / 4) * 4));
		if (i % 50 == 0 && write(c.doorbell, &(uint64_t){1}, 8) != 8) break;
	}
	t_end(&c);
}

static pid_t start(const struct lab *l, double end, uint64_t seed, void (*live)(const struct lab *, double))
{
	pid_t pid = fork();
	if (pid != 0) return pid;
	rng = seed;
	while (now_s() < end) live(l, end);
	_exit(0);
}

/* One call; false when the engine has ended us, as it may: who spoilt our sockets' words it can't know. */
static bool ask(struct tclient *c, struct rpc_request q, struct rpc_reply *reply, int *ret_fd)
{
	static uint8_t out[RPC_OUT_MAX];
	double began = now_s();
	int64_t r = t_request(c, &q, NULL, 0, reply, out, ret_fd);
	must(now_s() - began < HANG_S, "a call is not answered");
	return r != -EPIPE && r != -ECONNRESET;
}

static bool calls_round(struct tclient *c)
{
	struct rpc_reply reply;
	int fd = -1;
	if (!ask(c, (struct rpc_request){.op = RPC_SOCKET, .arg = {AF_INET, SOCK_STREAM, 0}}, &reply, &fd)) return false;
	must(reply.result == 0 && fd >= 0, "no socket");
	bool ok = ask(c, (struct rpc_request){.op = RPC_LISTEN, .channel = reply.channel, .generation = reply.generation}, &reply, NULL) &&
		  ask(c, (struct rpc_request){.op = RPC_SYNC}, &reply, NULL);
	close(fd);
	return ok;
}

/* Calls must go on whatever is written to shared memory. */
static void calls_run(const struct lab *l, double end)
{
	int rounds = 0, ended = 0;
	for (; now_s() < end; ended++) {
		struct tclient c;
		t_hello(&c, l, 1);
		while (now_s() < end && calls_round(&c)) rounds++;
		t_end(&c);
	}
	printf("hostile: %d rounds of calls among vandals, ended %d times\n", rounds, ended - 1);
	fflush(stdout);
	_exit(0);
}

static int failures;

static void expect_end(pid_t pid, const char *who)
{
	int status;
	waitpid(pid, &status, 0);
	if (status == 0) return;
	fprintf(stderr, "hostile: the %s process ended with %#x\n", who, (unsigned)status);
	failures++;
}

/* What is left of the others when they are gone: nothing but the asker. */
static void leftovers_check(struct lab *l)
{
	struct tclient c;
	char out[4000];
	double end = now_s() + HANG_S;
	bool left;
	t_hello(&c, l, 0);
	do {
		must(t_verb(&c, out, sizeof out, "show programs") == 0, "show");
		left = strstr(out, "program\t");
		if (left) usleep(20000);
	} while (left && now_s() < end);
	if (left) {
		fprintf(stderr, "hostile: left behind:\n%s", out);
		failures++;
	}
	t_end(&c);
}

int main(int argc, char **argv)
{
	struct lab l;
	double seconds = argc > 1 ? atof(argv[1]) : 3, began, third;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
	printf("hostile: seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	setenv("SOCKLAND_DEBUG", "1", 1);
	lab_start(&l, "single,2");
	began = now_s();
	third = began + seconds * 2 / 3;
	pid_t good = fork();
	if (good == 0) good_run(&l, third);
	pid_t wild[2] = {start(&l, third, seed, wild_live), start(&l, third, seed + 1, wild_live)};
	expect_end(good, "good");
	for (int i = 0; i < 2; i++) expect_end(wild[i], "wild");
	pid_t calls = fork();
	if (calls == 0) calls_run(&l, began + seconds);
	pid_t vandal = start(&l, began + seconds, seed + 2, vandal_live);
	expect_end(calls, "calling");
	waitpid(vandal, NULL, 0);         /* it reads what it spoilt: how it ends says nothing */
	leftovers_check(&l);
	int status = lab_end(&l);
	if (status != 0) fprintf(stderr, "hostile: the engine ended with %#x\n", (unsigned)status);
	return status != 0 || failures != 0;
}
