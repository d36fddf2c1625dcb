/* stack-cost [SECONDS]: the figures of stackcost.h, a line each: "name = ns a packet, ns a segment of text, MB/s of processor time". */
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "stackcost.h"
#include "stackcost_other.h"

#define ROUNDS 5

static const struct other_ops *other;         /* NULL: there is none */

static void must(bool ok, const char *what)
{
	if (ok) return;
	fprintf(stderr, "stack-cost: %s\n", what);
	exit(1);
}

time_ns cost_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* ---- the network ---- */

static void on_ready(void *user, struct sock *sk) { (void)user, (void)sk; }

static void on_frame(void *user, const struct net_frame *f)
{
	struct cost *c = user;

	if (f->sent) c->packets++;
	if (!f->sent && c->frame && f->nif == c->b_if && f->dropped == DROP_NONE) c->frame(c->arg, f->p);
}

static void address(struct netif *nif, const char *text)
{
	struct addr a;

	must(addr_parse(&a, text) == 0 && netif_addr_add(nif, &a, 24) == 0, "address");
}

void cost_open(struct cost *c, uint32_t mtu_bytes, bool to_wire)
{
	static const struct net_ops ops = {.ready = on_ready, .tap = on_frame};
	struct net_link *l = NULL;

	c->now = NS_PER_S;
	c->net = net_new(1, &ops, c, c->now);
	must(c->net && net_add_host(c->net, "a", &c->a) == 0 && net_add_host(c->net, "b", &c->b) == 0 && net_add_pair(c->net, "a--b", &l) == 0, "network");
	must(net_attach(c->net, l, c->a, "eth0", mtu_bytes, &c->a_if) == 0 && net_attach(c->net, l, c->b, "eth0", mtu_bytes, &c->b_if) == 0, "link");
	address(c->a_if, "10.0.0.1");
	if (to_wire)
		netif_set_flags(c->b_if, 0);
	else
		address(c->b_if, "10.0.0.2");
}

void cost_close(struct cost *c) { net_free(c->net); }

void cost_settle(struct cost *c)
{
	net_touch(c->net, net_stack(c->a));
	net_touch(c->net, net_stack(c->b));
	net_advance(c->net, c->now, 0);
}

static struct sock *new_socket(struct stack *s, uint32_t mss)
{
	struct sock *sk;
	int size = 1 << 20, most = (int)mss;

	must(sock_create(s, AF_INET, SOCK_STREAM, 0, &sk) == 0, "socket");
	sock_setsockopt(sk, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	sock_setsockopt(sk, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
	/* Larger ones follow from the MTU: the option takes no more. */
	if (mss <= 32767) must(sock_setsockopt(sk, IPPROTO_TCP, TCP_MAXSEG, &most, sizeof most) == 0, "TCP_MAXSEG");
	return sk;
}

struct sock *cost_listen(struct net_host *h, uint32_t mss)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(COST_PORT)};
	struct sock *sk = new_socket(net_stack(h), mss);

	must(sock_bind(sk, (struct sockaddr *)&at, sizeof at) == 0 && sock_listen(sk, 1) == 0, "listen");
	return sk;
}

struct sock *cost_connect(struct cost *c, uint32_t mss)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(COST_PORT), .sin_addr.s_addr = htonl(0x0a000002)};
	struct sock *sk = new_socket(net_stack(c->a), mss);

	must(sock_connect(sk, (struct sockaddr *)&to, sizeof to) == -EINPROGRESS, "connect");
	return sk;
}

void cost_send(struct sock *sk)
{
	static char out[COST_CHUNK];

	while (sock_send(sk, &(struct sock_msg){.data = out, .len = sizeof out}) > 0) {}
}

uint64_t cost_recv(struct sock *sk)
{
	static char in[COST_CHUNK];
	uint64_t came = 0;

	for (ssize_t n; (n = sock_recv(sk, &(struct sock_msg){.data = in, .len = sizeof in})) > 0;)
		came += (uint64_t)n;
	return came;
}

/* ---- ours at both ends ---- */

static uint64_t carry(struct cost *c, struct sock *from, struct sock *to, uint64_t octets)
{
	uint64_t came = 0;

	while (came < octets) {
		cost_send(from);
		cost_settle(c);
		came += cost_recv(to);
		c->now += 10 * NS_PER_US;
	}
	return came;
}

static struct cost_figure ours(uint32_t mtu_bytes, uint32_t mss, double seconds)
{
	struct cost c = {0};
	struct sock *listener, *from, *to;
	uint64_t octets = 0;
	time_ns start;
	double spent;

	cost_open(&c, mtu_bytes, false);
	listener = cost_listen(c.b, mss);
	from = cost_connect(&c, mss);
	cost_settle(&c);
	must(sock_accept(listener, &to) == 0, "accept");
	carry(&c, from, to, 8 << 20);
	c.packets = 0;
	start = cost_cpu_ns();
	do octets += carry(&c, from, to, 16 << 20); while ((double)(cost_cpu_ns() - start) < seconds * 1e9);
	spent = (double)(cost_cpu_ns() - start);
	cost_close(&c);
	return (struct cost_figure){spent / (double)c.packets, spent / ((double)octets / mss), (double)octets / spent * 1e3};
}

/* ---- another stack at the far end, on the real time that it has ---- */

static time_ns real_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static void from_other(void *arg, const void *frame, size_t len)
{
	struct cost *c = arg;
	struct stack *wire = net_stack(c->b);
	struct packet *p = packet_new(PACKET_HEADROOM, len);

	must(p, "memory");
	memcpy(p->data, frame, len);
	wire->ops->transmit(wire->host, c->b_if, p);
}

static void to_other(void *arg, const struct packet *p)
{
	(void)arg;
	other->take(p->data, p->len);
}

static void settle_in_real_time(struct cost *c)
{
	c->now = real_ns();
	cost_settle(c);
}

/* Octets that came, one way or the other, in so many rounds. */
static uint64_t carry_between(struct cost *c, struct sock *sk, bool other_sends, int rounds)
{
	uint64_t came = 0, before = other->came();

	for (int i = 0; i < rounds; i++) {
		if (other_sends) other->send();
		else cost_send(sk);
		settle_in_real_time(c);
		came += cost_recv(sk);
	}
	return other_sends ? came : other->came() - before;
}

static struct sock *meet(struct cost *c, bool other_sends, uint32_t mss)
{
	struct sock *listener = NULL, *sk = NULL;

	if (other_sends) listener = cost_listen(c->a, mss), other->connect(COST_PORT);
	else other->listen(COST_PORT), sk = cost_connect(c, mss);
	for (time_ns end = real_ns() + 5 * NS_PER_S; real_ns() < end && (!other->is_connected() || (listener && !sk));) {
		settle_in_real_time(c);
		if (listener && !sk) sock_accept(listener, &sk);
	}
	must(sk && other->is_connected(), "no connection with the other stack");
	return sk;
}

static struct cost_figure with_other(bool other_sends, uint32_t mss, double seconds)
{
	struct cost c = {.frame = to_other};
	struct sock *sk;
	uint64_t octets = 0;
	time_ns start;
	double spent;

	cost_open(&c, 1500, true);
	other->start(c.b_if->mac.b, from_other, &c);
	other->lock();
	sk = meet(&c, other_sends, mss);
	carry_between(&c, sk, other_sends, 500);
	c.packets = 0;
	start = cost_cpu_ns();
	do octets += carry_between(&c, sk, other_sends, 100); while ((double)(cost_cpu_ns() - start) < seconds * 1e9);
	spent = (double)(cost_cpu_ns() - start);
	other->stop();
	cost_close(&c);
	other->unlock();
	must(octets > 0, "nothing came");
	return (struct cost_figure){spent / (double)c.packets, spent / ((double)octets / mss), (double)octets / spent * 1e3};
}

/* The module beside the program. */
static void load_other(const char *program)
{
	const char *slash = strrchr(program, '/');
	char path[4096];
	void *module;

	snprintf(path, sizeof path, "%.*s/libstack-cost-lwip.so", slash ? (int)(slash - program) : 1, slash ? program : ".");
	module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (module) other = dlsym(module, "other_ops");
}

/* ---- figures ---- */

static int by_packet(const void *a, const void *b)
{
	double x = ((const struct cost_figure *)a)->ns_segment, y = ((const struct cost_figure *)b)->ns_segment;

	return (x > y) - (x < y);
}

static struct cost_figure median(struct cost_figure *f)
{
	qsort(f, ROUNDS, sizeof *f, by_packet);
	return f[ROUNDS / 2];
}

static void say(const char *name, const struct cost_figure *f)
{
	printf("%s = %.0f ns a packet, %.0f ns a segment, %.0f MB/s\n", name, f->ns_packet, f->ns_segment, f->mbyte_s);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 0.5;
	struct cost_figure small[ROUNDS], large[ROUNDS], out[ROUNDS], in[ROUNDS], m[4];

	load_other(argv[0]);
	/* By turns, so that what else the machine does meets all. */
	for (int i = 0; i < ROUNDS; i++) {
		small[i] = ours(1500, 1448, seconds);
		large[i] = ours(65535, 65000, seconds);
		if (!other) continue;
		out[i] = with_other(true, 1448, seconds);
		in[i] = with_other(false, 1448, seconds);
	}
	m[0] = median(small), m[1] = median(large);
	say("ours to ours, 1448", &m[0]);
	say("ours to ours, 65000", &m[1]);
	if (!other) {
		printf("lwIP: NOT RUN: it was not there when this was built (liblwip-dev)\n");
		return 0;
	}
	m[2] = median(out), m[3] = median(in);
	say("lwIP to ours, 1448", &m[2]);
	say("ours to lwIP, 1448", &m[3]);
	printf("lwIP to lwIP, reckoned = %.0f ns a segment\n", m[2].ns_segment + m[3].ns_segment - m[0].ns_segment);
	return 0;
}
