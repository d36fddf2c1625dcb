/*
 * The kernel's TCP on the link of throughput.c: two network namespaces, a TUN device in each, and this program between them, which paces, delays and
 * loses packets in real time. It needs root, and touches nothing outside its namespaces.
 *
 *     kernel-throughput LOSS_PERCENT SEED [SECONDS [CONTROLLER [--episode]]]     with --episode instead the segments around one loss: episode.h
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "base/types.h"
#include "episode.h"

#define DELAY_NS (20 * NS_PER_MS)
#define RATE_BITS 100000000ll
#define LIMIT_PACKETS 1000
#define QUEUE 4096
#define CHUNK (1 << 16)

struct pkt { time_ns due; ssize_t len; uint8_t data[1600]; };
struct direction { struct pkt *queue; unsigned head, tail; time_ns free_at; int in, out; struct episode *sent, *acked; };

static uint64_t state;

static double uniform(void)
{
	state ^= state << 13, state ^= state >> 7, state ^= state << 17;
	return (double)(state >> 11) / 9007199254740992.0;
}

static time_ns now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* A namespace of its own, and a device in it. The process stays there. */
static int open_tun(const char *ours, const char *theirs)
{
	struct ifreq r = {.ifr_name = "t0", .ifr_flags = IFF_TUN | IFF_NO_PI};
	char line[300];
	if (unshare(CLONE_NEWNET) < 0) fail("unshare");
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0) fail("/dev/net/tun");
	snprintf(line, sizeof line, "ip addr add %s peer %s dev t0 && ip link set t0 txqueuelen 10000 up && "
		 "echo 4096 131072 6291456 >/proc/sys/net/ipv4/tcp_rmem", ours, theirs);
	if (system(line) != 0) fail("ip");
	return fd;
}

/* A segment of TCP over IPv4, without options in the IP header. */
static void note(const struct direction *d, const struct pkt *p, time_ns at, bool lost)
{
	const uint8_t *tcp = p->data + 20;
	ssize_t text = p->len - 20 - 4 * (p->len > 40 ? tcp[12] >> 4 : 5);

	if (p->len < 40 || p->data[0] != 0x45 || p->data[9] != 6) return;
	if (d->sent) episode_data(d->sent, at, read32(tcp + 4), (uint32_t)text, lost);
	if (d->acked) episode_ack(d->acked, at, read32(tcp + 8));
}

static void take(struct direction *d, double loss)
{
	while (d->tail - d->head < QUEUE) {
		struct pkt *p = &d->queue[d->tail % QUEUE];
		time_ns start = MAX(d->free_at, now_ns());
		p->len = read(d->in, p->data, sizeof p->data);
		if (p->len <= 0) return;
		bool full = (start - now_ns()) * RATE_BITS / 8 / NS_PER_S > LIMIT_PACKETS * 1514ll;
		bool lost = full || uniform() < loss;
		if (d->sent) note(d, p, now_ns(), lost);
		if (lost) continue;
		d->free_at = start + (p->len + 14) * 8 * NS_PER_S / RATE_BITS;
		p->due = d->free_at + DELAY_NS;
		d->tail++;
	}
}

static void give(struct direction *d)
{
	for (; d->head != d->tail && d->queue[d->head % QUEUE].due <= now_ns(); d->head++) {
		struct pkt *p = &d->queue[d->head % QUEUE];
		if (write(d->out, p->data, (size_t)p->len) < 0) continue;   /* as good as lost */
		if (d->acked) note(d, p, now_ns(), false);
	}
}

static time_ns next_due(const struct direction *d, time_ns most)
{
	return d->head == d->tail ? most : MIN(most, d->queue[d->head % QUEUE].due);
}

/* Octets that arrived in so many seconds from the first on. */
static long long move(struct direction way[2], int client, int listener, double loss, int seconds)
{
	static uint8_t buf[CHUNK];
	long long got = 0;
	time_ns end = 0;
	int server = -1;
	while (!end || now_ns() < end) {
		struct pollfd f[] = {{way[0].in, POLLIN, 0}, {way[1].in, POLLIN, 0}, {client, POLLOUT, 0}, {server < 0 ? listener : server, POLLIN, 0}};
		time_ns now = now_ns(), wait = MAX(next_due(&way[0], next_due(&way[1], now + 100 * NS_PER_MS)) - now, 0);
		ppoll(f, 4, &(struct timespec){0, wait}, NULL);
		for (int i = 0; i < 2; i++)
			take(&way[i], loss), give(&way[i]);
		if (f[2].revents & POLLOUT)
			while (write(client, buf, sizeof buf) > 0) {}
		if (server < 0) {
			server = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
			end = server < 0 ? 0 : now_ns() + seconds * NS_PER_S;
			continue;
		}
		for (ssize_t n; (n = read(server, buf, sizeof buf)) > 0;)
			got += n;
	}
	return got;
}

int main(int argc, char **argv)
{
	if (argc < 3) return 2;
	int seconds = argc > 3 ? atoi(argv[3]) : 60;
	const char *controller = argc > 4 ? argv[4] : "cubic";
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(5000)};
	state = strtoull(argv[2], NULL, 10) * 0x9e3779b97f4a7c15ull + 1;
	signal(SIGPIPE, SIG_IGN);
	int here = open_tun("10.9.0.1", "10.9.0.2"), client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (setsockopt(client, IPPROTO_TCP, TCP_CONGESTION, controller, (socklen_t)strlen(controller)) < 0) fail(controller);
	int there = open_tun("10.9.0.2", "10.9.0.1"), listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	inet_aton("10.9.0.2", &a.sin_addr);
	if (bind(listener, (struct sockaddr *)&a, sizeof a) < 0 || listen(listener, 5) < 0) fail("listen");
	connect(client, (struct sockaddr *)&a, sizeof a);
	struct direction way[2] = {{.queue = calloc(QUEUE, sizeof(struct pkt)), .in = here, .out = there},
				   {.queue = calloc(QUEUE, sizeof(struct pkt)), .in = there, .out = here}};
	if (!way[0].queue || !way[1].queue) fail("memory");
	if (argc > 5 && strcmp(argv[5], "--episode") == 0) {
		way[0].sent = way[1].acked = calloc(1, sizeof(struct episode));
		move(way, client, listener, atof(argv[1]) / 100, seconds);
		episode_print(way[0].sent);
		return 0;
	}
	printf("kernel, %s, loss %s%%: %.2f Mbit/s\n", controller, argv[1],
	       (double)move(way, client, listener, atof(argv[1]) / 100, seconds) * 8 / 1e6 / seconds);
	return 0;
}
