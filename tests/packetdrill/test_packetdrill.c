/*
 * The library that packetdrill loads, loaded as it does: each test is a script, played on virtual time. Blocking calls are made by a
 * second thread, which notes by gettimeofday when they returned.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <cmocka.h>
#include "packetdrill/interface.h"
#include "wire/wire.h"

#define FIN TCP_FIN
#define SYN TCP_SYN
#define RST TCP_RST
#define PSH TCP_PSH
#define ACK TCP_ACK
#define PORT 8080
#define TOLERANCE_US 4000

static const char *library;

struct script {
	struct packetdrill_interface i;
	void *u;
	bool v6;
	struct addr us, peer;
	uint16_t us_port, peer_port;
	struct tcp_hdr got;              /* the last segment, and its payload's length and time */
	uint32_t got_len;
	long long got_us;
};

/* ---- the stage ---- */

static void *load(void)
{
	void *lib = dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | RTLD_DEEPBIND);

	if (!lib) fail_msg("%s", dlerror());
	return dlsym(lib, "packetdrill_interface_init");
}

static struct script *script_new(const char *flags, bool v6)
{
	struct script *t = calloc(1, sizeof *t);
	void (*init)(const char *, struct packetdrill_interface *) = load();

	assert_non_null(init);
	init(flags, &t->i);
	t->u = t->i.userdata;
	t->v6 = v6;
	t->us_port = PORT;
	t->peer_port = 40000;
	addr_parse(&t->us, v6 ? "fd3d:0a0b:17d6::1" : "192.168.0.1");
	addr_parse(&t->peer, v6 ? "fd3d:fa7b:d17d::1" : "192.0.2.1");
	return t;
}

static void script_end(struct script *t)
{
	t->i.free(t->u);
	free(t);
}

static long long now_us(struct script *t)
{
	struct timeval tv;

	assert_int_equal(t->i.gettimeofday(t->u, &tv, NULL), 0);
	return tv.tv_sec * 1000000LL + tv.tv_usec;
}

static socklen_t name_of(struct script *t, const struct addr *a, uint16_t port, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof *ret);
	if (t->v6) {
		struct sockaddr_in6 *in = (struct sockaddr_in6 *)ret;
		in->sin6_family = AF_INET6;
		in->sin6_port = htons(port);
		memcpy(&in->sin6_addr, a, sizeof *a);
		return sizeof *in;
	}
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	in->sin_addr.s_addr = htonl(addr_to_v4(a));
	return sizeof *in;
}

static int open_socket(struct script *t, int type) { return t->i.socket(t->u, t->v6 ? AF_INET6 : AF_INET, type, 0); }

static void bind_us(struct script *t, int fd)
{
	struct sockaddr_storage a;
	socklen_t len = name_of(t, &t->us, PORT, &a);

	assert_int_equal(t->i.bind(t->u, fd, (struct sockaddr *)&a, len), 0);
}

static int connect_peer(struct script *t, int fd)
{
	struct sockaddr_storage a;
	socklen_t len = name_of(t, &t->peer, t->peer_port, &a);

	return t->i.connect(t->u, fd, (struct sockaddr *)&a, len);
}

/* ---- packets ---- */

static void send_ip(struct script *t, uint8_t *packet, size_t len, uint8_t proto)
{
	size_t hdr = t->v6 ? IP6_HDR_LEN : IP4_HDR_MIN;
	struct ip4_hdr ip4 = {.src = t->peer, .dst = t->us, .total_len = (uint16_t)(hdr + len), .ttl = 64, .proto = proto};
	struct ip6_hdr ip6 = {.src = t->peer, .dst = t->us, .payload_len = (uint16_t)len, .next = proto, .hops = 64};

	if (t->v6) ip6_emit(&ip6, packet);
	else ip4_emit(&ip4, packet);
	assert_int_equal(t->i.netdev_send(t->u, packet, hdr + len), 0);
}

/* A segment of the peer's. */
static void in(struct script *t, uint8_t flags, seq32 seq, seq32 ack, const char *data)
{
	uint8_t packet[2000], *p = packet + (t->v6 ? IP6_HDR_LEN : IP4_HDR_MIN);
	struct tcp_hdr h = {.src = t->peer_port, .dst = t->us_port, .seq = seq, .ack = ack, .flags = flags, .wnd = 32000};

	h.opts.has_mss = flags & SYN;
	h.opts.mss = 1000;
	memcpy(p + tcp_hdr_len(&h), data, strlen(data));
	tcp_emit(&h, p, strlen(data), &t->peer, &t->us);
	send_ip(t, packet, tcp_hdr_len(&h) + strlen(data), IP_PROTO_TCP);
}

/* The next packet that left; the protocol's part of it, or NULL when nothing will come. */
static uint8_t *out_ip(struct script *t, uint8_t packet[2000], size_t *ret_len)
{
	size_t len = 2000, hdr = t->v6 ? IP6_HDR_LEN : IP4_HDR_MIN;

	assert_int_equal(t->i.netdev_receive(t->u, packet, &len, &t->got_us), 0);
	if (!len) return NULL;
	assert_int_equal(packet[0] >> 4, t->v6 ? 6 : 4);
	*ret_len = len - hdr;
	return packet + hdr;
}

/* The next is a segment with these flags. */
static void out(struct script *t, uint8_t flags, const char *data)
{
	uint8_t packet[2000], *p;
	size_t len;
	int hdr;

	p = out_ip(t, packet, &len);
	assert_non_null(p);
	assert_true(tcp_csum_ok(p, len, &t->us, &t->peer));
	hdr = tcp_parse(&t->got, p, len);
	assert_true(hdr > 0);
	t->got_len = (uint32_t)len - (uint32_t)hdr;
	t->us_port = t->got.src;
	assert_int_equal(t->got.flags & (FIN | SYN | RST | ACK), flags);
	assert_int_equal(t->got_len, strlen(data));
	assert_memory_equal(p + hdr, data, t->got_len);
}

static void about(long long us, long long expected) { assert_in_range(us, expected - TOLERANCE_US, expected + TOLERANCE_US); }

/* ---- the second thread ---- */

enum { CONNECT, ACCEPT, READ };
struct second { pthread_t thread; struct script *t; int call, fd; ssize_t r; int err; long long end_us; char buf[64]; _Atomic pid_t tid; };

static void *second_run(void *arg)
{
	struct second *s = arg;
	struct script *t = s->t;

	s->tid = gettid();
	switch (s->call) {
	case CONNECT: s->r = connect_peer(t, s->fd); break;
	case ACCEPT: s->r = t->i.accept(t->u, s->fd, NULL, NULL); break;
	default: s->r = t->i.read(t->u, s->fd, s->buf, sizeof s->buf);
	}
	s->err = errno;
	s->end_us = now_us(t);
	return NULL;
}

static bool asleep(pid_t tid)
{
	char path[64], state = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
	f = fopen(path, "r");
	if (!f) return true;                           /* it has ended */
	if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1) state = 0;
	fclose(f);
	return state == 'S';
}

/* As packetdrill, goes on when the thread sleeps in its call. */
static void second_start(struct second *s, struct script *t, int call, int fd)
{
	*s = (struct second){.t = t, .call = call, .fd = fd};
	assert_int_equal(pthread_create(&s->thread, NULL, second_run, s), 0);
	while (!s->tid || !asleep(s->tid))
		usleep(1000);
}

static ssize_t second_end(struct second *s)
{
	pthread_join(s->thread, NULL);
	return s->r;
}

/* ---- scripts ---- */

/* A connection that the peer opened; the listener is closed. */
static int passive(struct script *t)
{
	int listener = open_socket(t, SOCK_STREAM), fd;

	bind_us(t, listener);
	assert_int_equal(t->i.listen(t->u, listener, 1), 0);
	in(t, SYN, 0, 0, "");
	out(t, SYN | ACK, "");
	assert_int_equal(t->got.ack, 1);
	in(t, ACK, 1, t->got.seq + 1, "");
	fd = t->i.accept(t->u, listener, NULL, NULL);
	assert_int_equal(fd, listener + 1);
	assert_int_equal(t->i.close(t->u, listener), 0);
	return fd;
}

static void play_passive(const char *flags, bool v6)
{
	struct script *t = script_new(flags, v6);
	int fd = passive(t), waiting = 0;
	seq32 iss = t->got.seq;
	char buf[32];

	in(t, PSH | ACK, 1, iss + 1, "question");
	out(t, ACK, "");                               /* at once, as at the beginning of every connection */
	assert_int_equal(t->i.ioctl(t->u, fd, (unsigned long)SIOCINQ, &waiting), 0);
	assert_int_equal(waiting, 8);
	assert_int_equal(t->i.readv(t->u, fd, (struct iovec[]){{buf, 3}, {buf + 10, 20}}, 2), 8);
	assert_memory_equal(buf, "que", 3);
	assert_memory_equal(buf + 10, "stion", 5);
	assert_int_equal(t->i.writev(t->u, fd, (struct iovec[]){{"ans", 3}, {"wer", 3}}, 2), 6);
	out(t, ACK, "answer");
	assert_int_equal(t->got.ack, 9);
	in(t, FIN | ACK, 9, iss + 7, "");
	out(t, ACK, "");
	assert_int_equal(t->i.read(t->u, fd, buf, sizeof buf), 0);
	assert_int_equal(t->i.close(t->u, fd), 0);
	out(t, FIN | ACK, "");
	assert_int_equal(t->got.ack, 10);
	in(t, ACK, 10, iss + 8, "");
	assert_int_equal(t->i.close(t->u, fd), -1);
	assert_int_equal(errno, EBADF);
	uint8_t packet[2000];
	size_t len;
	assert_null(out_ip(t, packet, &len));          /* nothing will come */
	script_end(t);
}

static void passive_open_and_close(void **state) { (void)state; play_passive("", false); }
static void passive_open_over_ip6(void **state) { (void)state; play_passive(NULL, true); }

static void active_open_waits_in_a_second_thread(void **state)
{
	struct script *t = script_new("", false);
	int fd = open_socket(t, SOCK_STREAM);
	long long start = now_us(t);
	struct second s;

	(void)state;
	second_start(&s, t, CONNECT, fd);
	out(t, SYN, "");
	about(t->got_us, start);
	out(t, SYN, "");                               /* again after a second */
	about(t->got_us, start + 1000000);
	t->i.usleep(t->u, 500000);
	in(t, SYN | ACK, 0, t->got.seq + 1, "");
	t->i.usleep(t->u, 3000000);
	assert_int_equal(second_end(&s), 0);
	about(s.end_us, start + 1500000);              /* though the clock had leave to go on */
	out(t, ACK, "");
	about(t->got_us, start + 1500000);
	script_end(t);
}

static void refused(void **state)
{
	struct script *t = script_new("", false);
	struct second s;

	(void)state;
	second_start(&s, t, CONNECT, open_socket(t, SOCK_STREAM));
	out(t, SYN, "");
	in(t, RST | ACK, 0, t->got.seq + 1, "");
	assert_int_equal(second_end(&s), -1);
	assert_int_equal(s.err, ECONNREFUSED);
	script_end(t);
}

static void lost_data_is_sent_again_on_time(void **state)
{
	struct script *t = script_new("", false);
	int fd = passive(t);
	long long first;

	(void)state;
	assert_int_equal(t->i.send(t->u, fd, "lost", 4, 0), 4);
	out(t, ACK, "lost");
	first = t->got_us;
	out(t, ACK, "lost");
	about(t->got_us, first + 200000);              /* Linux's least RTO, as the round trip took no time */
	t->i.usleep(t->u, 10000000);                   /* stamped when it left, not when it is asked for */
	out(t, ACK, "lost");
	about(t->got_us, first + 600000);
	script_end(t);
}

static void reads_wait_and_time_out(void **state)
{
	struct script *t = script_new("", false);
	int fd = passive(t);
	seq32 iss = t->got.seq;
	struct timeval limit = {.tv_sec = 2};
	long long start = now_us(t);
	struct second s;

	(void)state;
	second_start(&s, t, READ, fd);
	t->i.usleep(t->u, 300000);
	in(t, PSH | ACK, 1, iss + 1, "late");
	t->i.usleep(t->u, 300000);
	assert_int_equal(second_end(&s), 4);
	about(s.end_us, start + 300000);
	assert_int_equal(t->i.setsockopt(t->u, fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
	start = now_us(t);
	second_start(&s, t, READ, fd);
	t->i.usleep(t->u, 5000000);
	assert_int_equal(second_end(&s), -1);
	assert_int_equal(s.err, EAGAIN);
	about(s.end_us, start + 2000000);
	assert_int_equal(t->i.fcntl(t->u, fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	assert_int_equal(t->i.fcntl(t->u, fd, F_GETFL), O_RDWR | O_NONBLOCK);
	assert_int_equal(t->i.read(t->u, fd, s.buf, sizeof s.buf), -1);
	assert_int_equal(errno, EAGAIN);
	script_end(t);
}

static void readiness(void **state)
{
	struct script *t = script_new("", false);
	int fd = passive(t), ep = t->i.epoll_create(t->u, 1);
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = 7}, got;
	struct pollfd p[] = {{.fd = fd, .events = POLLIN | POLLOUT}, {.fd = 99, .events = POLLIN}, {.fd = -1}};

	(void)state;
	assert_int_equal(t->i.epoll_ctl(t->u, ep, EPOLL_CTL_ADD, fd, &event), 0);
	assert_int_equal(t->i.epoll_wait(t->u, ep, &got, 1, 0), 0);
	assert_int_equal(t->i.poll(t->u, p, 3, 0), 2);
	assert_int_equal(p[0].revents, POLLOUT);
	assert_int_equal(p[1].revents, POLLNVAL);
	in(t, PSH | ACK, 1, t->got.seq + 1, "x");
	assert_int_equal(t->i.epoll_wait(t->u, ep, &got, 1, -1), 1);
	assert_int_equal(got.events, EPOLLIN);
	assert_int_equal(got.data.u32, 7);
	assert_int_equal(t->i.epoll_wait(t->u, ep, &got, 1, 0), 0);     /* no new edge */
	assert_int_equal(t->i.poll(t->u, p, 1, -1), 1);
	assert_int_equal(p[0].revents, POLLIN | POLLOUT);
	assert_int_equal(t->i.pipe(t->u, (int[2]){0}), -1);
	assert_int_equal(errno, ENOSYS);
	script_end(t);
}

static void datagrams(void **state)
{
	struct script *t = script_new("", false);
	int fd = open_socket(t, SOCK_DGRAM);
	struct sockaddr_storage a;
	socklen_t len = name_of(t, &t->peer, t->peer_port, &a), got_len = sizeof a;
	struct udp_hdr h = {.src = t->peer_port, .dst = PORT, .len = UDP_HDR_LEN + 4};
	uint8_t packet[2000], *p;
	size_t n;
	char buf[16];

	(void)state;
	bind_us(t, fd);
	assert_int_equal(t->i.sendto(t->u, fd, "ping", 4, 0, (struct sockaddr *)&a, len), 4);
	p = out_ip(t, packet, &n);
	assert_non_null(p);
	assert_int_equal(n, UDP_HDR_LEN + 4);
	assert_memory_equal(p + UDP_HDR_LEN, "ping", 4);
	p = packet + IP4_HDR_MIN;
	memcpy(p + UDP_HDR_LEN, "pong", 4);
	udp_emit(&h, p, &t->peer, &t->us);
	send_ip(t, packet, UDP_HDR_LEN + 4, IP_PROTO_UDP);
	memset(&a, 0, sizeof a);
	assert_int_equal(t->i.recvfrom(t->u, fd, buf, sizeof buf, 0, (struct sockaddr *)&a, &got_len), 4);
	assert_memory_equal(buf, "pong", 4);
	assert_int_equal(got_len, sizeof(struct sockaddr_in));
	assert_int_equal(ntohs(((struct sockaddr_in *)&a)->sin_port), t->peer_port);
	script_end(t);
}

static void settings(void **state)
{
	struct script *t = script_new("net.ipv4.tcp_syn_retries=1,net.ipv4.tcp_timestamps=0,net.ipv4.tcp_rmem=4096 8192 16384,mtu=1200,"
				      "address=10.9.8.7/8", false);
	int fd, value = 0;
	socklen_t len = sizeof value;
	struct second s;

	(void)state;
	addr_parse(&t->us, "10.9.8.7");
	fd = open_socket(t, SOCK_STREAM);
	assert_int_equal(t->i.getsockopt(t->u, fd, SOL_SOCKET, SO_RCVBUF, &value, &len), 0);
	assert_int_equal(value, 8192);
	second_start(&s, t, CONNECT, fd);
	out(t, SYN, "");
	assert_int_equal(t->got.opts.mss, 1160);
	assert_false(t->got.opts.has_ts);
	out(t, SYN, "");
	t->i.usleep(t->u, 10000000);
	assert_int_equal(second_end(&s), -1);
	assert_int_equal(s.err, ETIMEDOUT);
	script_end(t);
}

static void silence(void **state)
{
	struct script *t = script_new("", false);
	struct second s;
	uint8_t packet[2000];
	size_t len;
	int fd = open_socket(t, SOCK_STREAM);

	(void)state;
	bind_us(t, fd);
	assert_int_equal(t->i.listen(t->u, fd, 1), 0);
	assert_null(out_ip(t, packet, &len));
	second_start(&s, t, ACCEPT, fd);               /* a call that waits for ever brings nothing either */
	assert_null(out_ip(t, packet, &len));
	assert_int_equal(t->i.close(t->u, fd), 0);
	in(t, SYN, 0, 0, "");
	out(t, RST | ACK, "");
	pthread_cancel(s.thread);                      /* as packetdrill does at the end */
	second_end(&s);
	script_end(t);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passive_open_and_close), cmocka_unit_test(passive_open_over_ip6), cmocka_unit_test(active_open_waits_in_a_second_thread),
		cmocka_unit_test(refused), cmocka_unit_test(lost_data_is_sent_again_on_time), cmocka_unit_test(reads_wait_and_time_out),
		cmocka_unit_test(readiness), cmocka_unit_test(datagrams), cmocka_unit_test(settings), cmocka_unit_test(silence),
	};

	if (argc < 2) return 2;
	library = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
