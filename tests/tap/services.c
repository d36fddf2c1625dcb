/*
 * What `us` serves, each on a port of its own, for tests that check content and ends of connections:
 *
 *     7   echo      9  sink: counts and sums what comes, says so after the FIN     19  source: "N\n" brings N octets of the pattern
 *     12  caller: "PORT\n" makes us connect there, and echo
 *     5201 iperf3 (iperf.c)
 *     1007 and so on: the same by Multipath TCP
 *     11  closer: the first octet says who closes how: f we first, w the peer first, h our half first, r we reset, u we close with octets unread
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include "conn.h"

#define MULTIPATH 1000             /* how far the ports of those are from those of TCP */

static uint8_t pattern(uint64_t i) { return (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16)); }

ssize_t conn_take(struct conn *c, void *buf, size_t len)
{
	ssize_t n = c->eof ? -EAGAIN : sock_recv(c->sk, &(struct sock_msg){.data = buf, .len = len});

	if (n == 0) c->eof = true;
	if (n > 0) c->in += (uint64_t)n;
	return n;
}

ssize_t conn_give(struct conn *c, const void *buf, size_t len)
{
	ssize_t n = sock_send(c->sk, &(struct sock_msg){.data = (void *)buf, .len = len, .flags = MSG_NOSIGNAL});

	if (n > 0) c->out += (uint64_t)n;
	return n;
}

static bool echo(struct tap *t, struct conn *c)
{
	(void)t;
	for (;;) {
		ssize_t n = c->len ? 0 : conn_take(c, c->buf, CHUNK);
		if (conn_is_lost(n)) return false;
		if (!c->len && n > 0) c->len = (size_t)n;
		if (!c->len) return !c->eof;
		n = conn_give(c, c->buf, c->len);
		if (n < 0) return !conn_is_lost(n);
		c->len -= (size_t)n;
		memmove(c->buf, c->buf + n, c->len);
	}
}

static bool sink(struct tap *t, struct conn *c)
{
	char text[64];
	ssize_t n;

	(void)t;
	while ((n = conn_take(c, c->buf, CHUNK)) > 0)
		for (ssize_t i = 0; i < n; i++)
			c->sum = (c->sum ^ c->buf[i]) * 0x100000001b3u;
	if (conn_is_lost(n)) return false;
	if (!c->eof) return true;
	conn_give(c, text, (size_t)snprintf(text, sizeof text, "%llu %016llx\n", (unsigned long long)c->in, (unsigned long long)c->sum));
	return false;
}

/* The line that says what to do: true when it is there. */
static bool line_came(struct conn *c)
{
	char ch;

	while (!c->told && c->word_len < sizeof c->word - 1 && conn_take(c, &ch, 1) == 1) {
		c->told = ch == '\n';
		c->word[c->word_len++] = ch;
	}
	return c->told;
}

static bool source(struct tap *t, struct conn *c)
{
	(void)t;
	if (!line_came(c)) return !c->eof;
	c->want = strtoull(c->word, NULL, 10);
	while (c->out < c->want) {
		size_t n = MIN((uint64_t)CHUNK, c->want - c->out);
		for (size_t i = 0; i < n; i++)
			c->buf[i] = pattern(c->out + i);
		ssize_t r = conn_give(c, c->buf, n);
		if (r < 0) return !conn_is_lost(r);
	}
	return false;
}

static struct conn *conn_new(struct tap *t, struct sock *sk, step *does)
{
	struct conn *c = calloc(1, sizeof *c);

	c->sk = sk;
	c->step = does;
	c->sum = 0xcbf29ce484222325u;
	sk->user = c;
	list_append(&t->conns, &c->node);
	return c;
}

static bool caller(struct tap *t, struct conn *c)
{
	struct sockaddr_storage peer;
	socklen_t len;
	struct sock *sk;

	if (!line_came(c)) return !c->eof;
	if (sock_getpeername(c->sk, &peer, &len) < 0 || sock_create(net_stack(t->us), peer.ss_family, SOCK_STREAM, c->sk->protocol, &sk) < 0) return false;
	((struct sockaddr_in6 *)&peer)->sin6_port = htons((uint16_t)atoi(c->word));
	conn_new(t, sk, echo);
	sock_connect(sk, (struct sockaddr *)&peer, len);
	return false;
}

static bool closer(struct tap *t, struct conn *c)
{
	struct linger hard = {1, 0};
	ssize_t n = 0;
	char how;

	(void)t;
	if (!c->word_len) {
		if (conn_take(c, &how, 1) != 1) return !c->eof;
		c->word[c->word_len++] = how;
		if (how == 'r') sock_setsockopt(c->sk, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
		if (how == 'f' || how == 'h') conn_give(c, "bye", 3);
		if (how == 'f' || how == 'r') return false;
		if (how == 'h') sock_shutdown(c->sk, SHUT_WR);
	}
	if (c->word[0] == 'u') return sock_poll(c->sk) == 0;          /* with more to read, it closes */
	while ((n = conn_take(c, c->buf, CHUNK)) > 0) {}
	if (c->eof && c->word[0] == 'w') conn_give(c, "bye", 3);
	return !c->eof && !conn_is_lost(n);
}

/* A listener is a connection whose step accepts. */
struct listener { uint16_t port; step *step; };
static const struct listener services[] = {{7, echo}, {9, sink}, {19, source}, {12, caller}, {11, closer}, {5201, iperf_step}};

static bool accept_all(struct tap *t, struct conn *l)
{
	struct sock *sk;

	while (sock_accept(l->sk, &sk) == 0)
		conn_new(t, sk, services[l->want].step);
	return true;
}

static void serve(struct tap *t, size_t service, int protocol, uint16_t port)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sock *sk;

	if (sock_create(net_stack(t->us), AF_INET6, SOCK_STREAM, protocol, &sk) < 0 || sock_bind(sk, (struct sockaddr *)&a, sizeof a) < 0 ||
	    sock_listen(sk, 16) < 0) {
		fprintf(stderr, "cannot listen on %d\n", port);
		exit(1);
	}
	conn_new(t, sk, accept_all)->want = service;
}

void services_start(struct tap *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		serve(t, i, IPPROTO_TCP, services[i].port);
		serve(t, i, IPPROTO_MPTCP, (uint16_t)(services[i].port + MULTIPATH));
	}
}

void services_pump(struct tap *t)
{
	struct list *at = t->conns.next;

	while (at != &t->conns) {
		struct conn *c = list_entry(at, struct conn, node);
		at = at->next;
		if (c->step(t, c)) continue;
		list_remove(&c->node);
		sock_close(c->sk);
		free(c);
	}
	net_touch(t->net, net_stack(t->us));
}
