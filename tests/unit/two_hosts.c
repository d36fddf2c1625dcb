/* See two_hosts.h. */
#include "unit.h"
#include "two_hosts.h"
#include "draw.h"
#include "stack/inet/inet.h"
#include <netinet/in.h>

struct frame { struct list node; time_ns due; struct netif *to; struct packet *p; };

/* ---- the world of a stack ---- */

static void on_transmit(void *host, struct netif *nif, struct packet *p)
{
	struct two_hosts *t = host;
	int me = nif->stack == t->s[1], wire = nif == t->wire[me][1];
	bool loop = nif->kind == NETIF_LOOPBACK, lost = !loop && (t->look(t, me, wire, p) || t->cut[wire]);
	struct frame *f;

	if (lost) {
		packet_free(p);
		return;
	}
	f = malloc(sizeof *f);
	*f = (struct frame){.due = t->now + (loop ? 0 : WIRE_NS), .to = loop ? nif : t->wire[!me][wire], .p = p};
	list_append(&t->frames, &f->node);
}

static void on_ready(void *host, struct sock *sk) { (void)host, (void)sk; }
static void on_random(void *host, void *buf, size_t len) { draw_octets(&((struct two_hosts *)host)->random, buf, len); }
static const struct crypto *on_crypto(void *host) { return ((struct two_hosts *)host)->crypto; }

static const struct host_ops ops = {.transmit = on_transmit, .ready = on_ready, .random = on_random, .crypto = on_crypto};

void give_address(struct netif *nif, const char *prefix)
{
	struct addr a;
	unsigned plen;

	assert_int_equal(addr_parse_prefix(&a, &plen, prefix), 0);
	assert_int_equal(netif_addr_add(nif, &a, plen), 0);
}

void two_hosts_open(struct two_hosts *t)
{
	static const char *const addrs[2][2] = {{"10.0.0.1/24", "10.1.0.1/24"}, {"10.0.0.2/24", "10.1.0.2/24"}};
	static const char *const addrs6[2] = {"fd00::1/64", "fd00::2/64"};
	struct netif *lo;

	t->now = NS_PER_S;
	list_init(&t->frames);
	for (int i = 0; i < 2; i++) {
		t->s[i] = stack_new(i ? "b" : "a", &ops, t, t->now);
		assert_int_equal(netif_add(t->s[i], "lo", NETIF_LOOPBACK, NULL, 65536, &lo), 0);
		for (int w = 0; w < 2; w++) {
			assert_int_equal(netif_add(t->s[i], w ? "w1" : "w0", NETIF_RAW_IP, NULL, 1500, &t->wire[i][w]), 0);
			give_address(t->wire[i][w], addrs[i][w]);
		}
		give_address(t->wire[i][0], addrs6[i]);
	}
}

void two_hosts_close(struct two_hosts *t)
{
	for (int i = 0; i < 2; i++) stack_free(t->s[i]);
	while (!list_empty(&t->frames)) {
		struct frame *f = list_entry(list_pop(&t->frames), struct frame, node);
		packet_free(f->p);
		free(f);
	}
}

/* ---- time ---- */

static time_ns next_event(const struct two_hosts *t)
{
	time_ns next = MIN(stack_deadline(t->s[0]), stack_deadline(t->s[1]));

	list_each(const struct frame, f, &t->frames, node) next = MIN(next, f->due);
	return MAX(next, t->now);
}

/* The first frame that is due, taken out, or NULL. What it brings about may put others in. */
static struct frame *take_due(struct two_hosts *t)
{
	list_each(struct frame, f, &t->frames, node) {
		if (f->due > t->now) continue;
		list_remove(&f->node);
		return f;
	}
	return NULL;
}

static void deliver_due(struct two_hosts *t)
{
	for (struct frame *f; (f = take_due(t)); free(f)) {
		stack_set_now(f->to->stack, t->now);
		stack_receive(f->to->stack, f->to, f->p);
	}
}

void two_hosts_pass(struct two_hosts *t, time_ns ns)
{
	time_ns end = t->now + ns;

	for (time_ns next; (next = next_event(t)) <= end;) {
		t->now = next;
		deliver_due(t);
		for (int i = 0; i < 2; i++) stack_advance(t->s[i], t->now);
		deliver_due(t);
	}
	t->now = end;
	for (int i = 0; i < 2; i++) stack_advance(t->s[i], t->now);
}

/* ---- calls ---- */

struct sockaddr_storage at(const char *addr, uint16_t port)
{
	struct sockaddr_storage ss;
	struct addr a;
	socklen_t len;

	assert_int_equal(addr_parse(&a, addr), 0);
	memset(&ss, 0, sizeof ss);
	sockaddr_emit(addr_is_v4(&a) ? AF_INET : AF_INET6, &a, port, 0, &ss, &len);
	return ss;
}

socklen_t at_len(const struct sockaddr_storage *ss)
{
	return ss->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

int call_bind(struct sock *sk, const char *addr, uint16_t port)
{
	struct sockaddr_storage ss = at(addr, port);

	return sock_bind(sk, (struct sockaddr *)&ss, at_len(&ss));
}

int call_connect(struct sock *sk, const char *addr, uint16_t port)
{
	struct sockaddr_storage ss = at(addr, port);

	return sock_connect(sk, (struct sockaddr *)&ss, at_len(&ss));
}

ssize_t call_send(struct sock *sk, const void *data, size_t len)
{
	return sock_send(sk, &(struct sock_msg){.data = (void *)data, .len = len});
}
