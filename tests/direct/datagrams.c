/*
 * Checksummed datagrams, each answered, while somebody changes the links underneath in ways that lose none:
 * datagrams serve PORT PROCESSES | datagrams ADDRESS PORT SEED SECONDS CLIENTS [ordered]
 *
 * A client sends a few of all lengths, and every one must come back, once and whole; where links don't change, and one process serves, also in its place.
 * Of two that share the server's socket one polls. Between bursts a client does what costs it its tickets (src/channel/inbox.h): other options, another
 * connect, another socket. Beside each runs a child that sends and is killed in the middle, again and again.
 */
#include "../accept/accept.h"
#include <netinet/ip.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#define PATIENCE_MS 30000
#define BURST_MAX 24
#define LENGTH_MAX 20000

struct letter { uint64_t seed; uint32_t number, len; };            /* before the octets; number: in the burst */

static unsigned char octet_of(uint64_t seed, uint32_t i) { return (unsigned char)((seed + i) * 0x9e3779b97f4a7c15ull >> 56); }

static size_t letter_make(unsigned char *buf, uint64_t seed, uint32_t number, uint32_t len)
{
	struct letter l = {seed, number, len};
	memcpy(buf, &l, sizeof l);
	for (uint32_t i = 0; i < len; i++) buf[sizeof l + i] = octet_of(seed + number, i);
	return sizeof l + len;
}

static struct letter letter_check(const unsigned char *buf, ssize_t n, const char *who)
{
	struct letter l;
	if (n < (ssize_t)sizeof l) fail("%s: a datagram of %zd octets: %s", who, n, strerror(errno));
	memcpy(&l, buf, sizeof l);
	if ((size_t)n != sizeof l + l.len) fail("%s: %zd octets instead of %zu", who, n, sizeof l + l.len);
	for (uint32_t i = 0; i < l.len; i++)
		if (buf[sizeof l + i] != octet_of(l.seed + l.number, i)) fail("%s: a wrong octet at %u of %u", who, i, l.len);
	return l;
}

/* ---- the server ---- */

static void answer(int fd, bool polls)
{
	static unsigned char buf[LENGTH_MAX + 1000];
	struct epoll_event ev = {.events = EPOLLIN};
	int e = epoll_create1(0);
	if (epoll_ctl(e, EPOLL_CTL_ADD, fd, &ev) < 0) fail("epoll: %s", strerror(errno));
	for (;;) {
		struct sockaddr_in from;
		socklen_t len = sizeof from;
		if (polls) epoll_wait(e, &ev, 1, -1);
		ssize_t n = recvfrom(fd, buf, sizeof buf, polls ? MSG_DONTWAIT : 0, (struct sockaddr *)&from, &len);
		if (n < 0 && errno == EAGAIN) continue;
		letter_check(buf, n, "server");
		if (sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&from, len) != n) fail("server: sendto: %s", strerror(errno));
	}
}

static int serve(int port, int processes)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), room = 8 << 20;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0) fail("SO_RCVBUFFORCE: %s", strerror(errno));
	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0) fail("bind: %s", strerror(errno));
	for (int i = 0; i < processes; i++)
		if (fork() == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0) answer(fd, i == 1);
	int status = 0;
	wait(&status);
	fail("a server ended with %#x", (unsigned)status);
}

/* ---- the client ---- */

struct client { struct sockaddr_in to; int fd; bool named, ordered; uint64_t dice; };

static void client_open(struct client *c)
{
	c->fd = socket(AF_INET, SOCK_DGRAM, 0);
	c->named = number(&c->dice) % 2;
	if (!c->named && connect(c->fd, (struct sockaddr *)&c->to, sizeof c->to) < 0) fail("connect: %s", strerror(errno));
}

static void client_change(struct client *c)
{
	int tos = (int)(number(&c->dice) % 2) * IPTOS_LOWDELAY;
	switch (number(&c->dice) % 12) {
	case 0: setsockopt(c->fd, IPPROTO_IP, IP_TOS, &tos, sizeof tos); break;
	case 1: if (!c->named && connect(c->fd, (struct sockaddr *)&c->to, sizeof c->to) < 0) fail("connect again: %s", strerror(errno)); break;
	case 2:
		close(c->fd);
		client_open(c);
		break;
	case 3: if (number(&c->dice) % 40 == 0) usleep(1300000); break;   /* rings that nothing happens in give their pages back */
	default: break;
	}
}

static void letter_send(struct client *c, const unsigned char *buf, size_t n)
{
	ssize_t r = c->named ? sendto(c->fd, buf, n, 0, (struct sockaddr *)&c->to, sizeof c->to) : send(c->fd, buf, n, 0);
	if (r != (ssize_t)n) fail("client: send: %s", strerror(errno));
}

static ssize_t letter_recv(struct client *c, unsigned char *buf, size_t size)
{
	struct pollfd p = {c->fd, POLLIN, 0};
	if (number(&c->dice) % 2) return recv(c->fd, buf, size, 0);
	if (poll(&p, 1, PATIENCE_MS) == 0) fail("client: a datagram is lost, or nobody was woken");
	return recv(c->fd, buf, size, MSG_DONTWAIT);
}

/* How many come back: all of them, in any order. */
static void burst(struct client *c, uint64_t *done)
{
	static unsigned char buf[LENGTH_MAX + 1000];
	uint32_t n = 1 + (uint32_t)number(&c->dice) % BURST_MAX, seen = 0;
	uint64_t seed = number(&c->dice);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t len = (uint32_t)number(&c->dice) % (number(&c->dice) % 8 ? 1400u : number(&c->dice) % 4 ? 3000u : LENGTH_MAX);
		letter_send(c, buf, letter_make(buf, seed, i, len));
	}
	for (uint32_t i = 0; i < n; i++) {
		struct letter l = letter_check(buf, letter_recv(c, buf, sizeof buf), "client");
		if (l.seed != seed || l.number >= n || seen & 1u << l.number) fail("client: a datagram came twice, or another's");
		if (c->ordered && l.number != i) fail("client: %u came instead of %u", l.number, i);
		seen |= 1u << l.number;
	}
	*done += n;
}

/* Sends, and hears of it, until it is killed. */
static pid_t victim(const struct client *of)
{
	pid_t pid = fork();
	if (pid != 0) return pid;
	struct client c = *of;
	client_open(&c);
	for (uint64_t done = 0;;) burst(&c, &done);
}

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void client(struct client *c, double end, _Atomic uint64_t *sum)
{
	uint64_t done = 0;
	double kill_at = 0;
	pid_t pid = 0;
	alarm((unsigned)(end - now_s()) + 2 * PATIENCE_MS / 1000);
	client_open(c);
	while (now_s() < end) {
		if (now_s() > kill_at) {
			if (pid > 0) {
				kill(pid, SIGKILL);
				waitpid(pid, NULL, 0);
			}
			c->dice += 2;
			pid = victim(c);
			kill_at = now_s() + (double)(number(&c->dice) % 100) / 1000;
		}
		client_change(c);
		burst(c, &done);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	*sum += done;
	_exit(0);
}

/* The server is being started, too: until something comes back. */
static void server_wait(const struct sockaddr_in *to)
{
	unsigned char buf[100], back[100];
	size_t n = letter_make(buf, 0, 0, 10);
	for (int tries = 0; tries < 500; tries++) {
		int fd = socket(AF_INET, SOCK_DGRAM, 0);
		struct pollfd p = {fd, POLLIN, 0};
		bool there = connect(fd, (const struct sockaddr *)to, sizeof *to) == 0 && send(fd, buf, n, 0) == (ssize_t)n && poll(&p, 1, 20) == 1
			&& recv(fd, back, sizeof back, 0) == (ssize_t)n;
		close(fd);
		if (there) return;
		usleep(10000);
	}
	fail("no server is there");
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "serve") == 0) return serve(atoi(argv[2]), atoi(argv[3]));
	if (argc < 6) fail("usage: datagrams serve PORT PROCESSES | datagrams ADDRESS PORT SEED SECONDS CLIENTS [ordered]");
	struct client c = {.to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))}, .ordered = argc > 6};
	_Atomic uint64_t *sum = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, failed = 0;
	inet_pton(AF_INET, argv[1], &c.to.sin_addr);
	server_wait(&c.to);
	double end = now_s() + atof(argv[4]);
	for (int i = 0; i < atoi(argv[5]); i++) {
		c.dice = number_seed((uint64_t)(atoll(argv[3]) * 1000 + i));
		if (fork() == 0) client(&c, end, sum);
	}
	while (wait(&status) > 0) failed |= status;
	printf("%llu datagrams answered\n", (unsigned long long)*sum);
	return failed != 0;
}
