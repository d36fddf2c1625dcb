/*
 * Control calls into a living engine. The input is a list of calls of one client: which call, about which of its sockets, three numbers, and octets. A
 * socket that a call makes takes the place of one that was there, so that the next calls find it; a verb's octets choose words of the command line. The
 * engine may refuse a call and may end the client for it, but must answer another client after every input, and end as it should.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "../unit-channel/client.h"

#define SLOTS 6
#define CALLS_MAX 60
#define VERB_WORDS_MAX 12
#define HANG_S 60             /* no bar: an engine that takes so long for an input answers never */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input { const uint8_t *p; size_t left; };

static struct lab lab;

static uint8_t take8(struct input *in)
{
	if (!in->left) return 0;
	in->left--;
	return *in->p++;
}

/* Mostly small or a constant that calls know; sometimes anything. */
static int64_t take_number(struct input *in)
{
	static const int64_t known[] = {-1, AF_INET, AF_INET6, AF_UNIX, 16, 17, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_IPV6, 58,
					INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 65535, 65536, 0x8912, 0x8913, 0x8915, 0x8927, 0x541b, 0x5411, 0x8905};
	uint8_t kind = take8(in);
	if (kind < 160) return kind % 40;
	if (kind < 224) return known[take8(in) % ARRAY_SIZE(known)];
	uint64_t v = 0;
	for (int i = 0; i < 1 + kind % 8; i++) v = v << 8 | take8(in);
	return (int64_t)v;
}

static void must(bool ok, const char *what)
{
	if (ok) return;
	fprintf(stderr, "fuzz-calls: %s\n", what);
	abort();
}

static void hung(int sig)
{
	static const char text[] = "fuzz-calls: the engine does not answer\n";
	(void)sig;
	if (write(STDERR_FILENO, text, sizeof text - 1) < 0) _exit(1);
	abort();
}

static void stop(void)
{
	if (lab_end(&lab) == 0) return;
	fprintf(stderr, "fuzz-calls: the engine did not end well\n");
	_exit(1);
}

static void start(void)
{
	static bool started;
	if (started) return;
	started = true;
	signal(SIGALRM, hung);
	lab_start(&lab, "single,2");
	atexit(stop);
}

/* ---- one call ---- */

/* Words of the command line, each ended by NUL; none that ends the net. */
static size_t verb_words(struct input *in, uint8_t *to, size_t room)
{
	static const char *const verbs[] = {"set", "cut", "flap", "fault", "show", "report", "refused"};
	static const char *const words[] = {
		"h1", "h2", "s1", "h1--s1", "h1:eth0", "/", "delay", "1ms", "0", "loss", "1%", "gemodel", "state", "rate", "1mbit", "limit", "3",
		"pfifo", "codel",
		"fq_codel", "red", "min", "max", "ecn", "target", "interval", "flows", "quantum", "burst", "reorder", "gap", "corrupt",
		"duplicate", "down", "up",
		"clear", "for", "jitter", "--heal", "--one-way", "--majority", "--ring", "--node", "--bridge", "all", "send", "recv", "connect", "socket,bind",
		"errno", "EIO", "EPIPE", "short", "reset", "after", "64k", "first", "every", "p", "50%", "port", "80", "net", "conns", "links",
		"programs", "faults",
		"counts", "log", "-1", "99999999999999999999", "",
	};
	size_t len = 0, n = 1 + take8(in) % VERB_WORDS_MAX;
	for (size_t i = 0; i < n; i++) {
		const char *word = i == 0 ? verbs[take8(in) % ARRAY_SIZE(verbs)] : words[take8(in) % ARRAY_SIZE(words)];
		size_t size = strlen(word) + 1;
		if (size > room - len) break;
		memcpy(to + len, word, size);
		len += size;
	}
	return len;
}

static size_t octets(struct input *in, uint8_t *to, size_t room)
{
	size_t len = take8(in);
	if (len > 250) len = (len - 250) * 4000;
	len = MIN(len, room);
	for (size_t i = 0; i < len; i++) to[i] = in->left ? take8(in) : (uint8_t)i;
	return len;
}

/* False when the client has been ended. */
static bool call(struct tclient *c, struct tsock *socks, struct input *in)
{
	static uint8_t payload[RPC_IN_MAX], out[RPC_OUT_MAX];
	struct tsock *s = &socks[0];
	struct rpc_reply reply = {0};
	int fd = -1;
	uint32_t op = take8(in) % RPC_OP_COUNT;
	s += take8(in) % SLOTS;
	struct rpc_request q = {.op = op, .channel = s->channel, .generation = s->generation};
	if (op == RPC_HELLO) q.op = RPC_SYNC;
	for (int i = 0; i < 3; i++) q.arg[i] = take_number(in);
	size_t len = op == RPC_VERB ? verb_words(in, payload, 2000) : octets(in, payload, rpc_rows[q.op].in_max);
	if (len < rpc_rows[q.op].in_min) {
		memset(payload + len, 0, rpc_rows[q.op].in_min - len);
		len = rpc_rows[q.op].in_min;
	}
	int64_t r = t_request(c, &q, payload, len, &reply, out, &fd);
	bool made = (op == RPC_SOCKET || op == RPC_ACCEPT) && r >= 0 && fd >= 0;
	if (made) {
		t_close(s);
		*s = (struct tsock){c, fd, reply.channel, reply.generation};
	} else if (fd >= 0) {
		close(fd);
	}
	return r != -EPIPE && r != -ECONNRESET;
}

/* ---- an input ---- */

/* The net as it was; another client is answered. */
static void put_right(void)
{
	static const char *const verbs[] = {"cut --heal", "fault --heal", "set h1 clear", "set h2 clear", "set s1 clear"};
	struct tclient c;
	char text[2000];
	t_hello(&c, &lab, 1);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) must(t_verb(&c, text, sizeof text, verbs[i]) == 0, verbs[i]);
	t_end(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct tclient c;
	struct tsock socks[SLOTS];
	start();
	alarm(HANG_S);
	t_hello(&c, &lab, 0);
	for (int i = 0; i < SLOTS; i++) socks[i] = t_socket(&c, i % 3 ? AF_INET : AF_INET6, i % 2 ? SOCK_DGRAM : SOCK_STREAM);
	for (int i = 0; i < CALLS_MAX && in.left > 0 && call(&c, socks, &in); i++) continue;
	for (int i = 0; i < SLOTS; i++) t_close(&socks[i]);
	t_end(&c);
	put_right();
	alarm(0);
	return 0;
}
