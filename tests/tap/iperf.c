/*
 * The server side of iperf3, one stream that sends to us, so that its own client can be run against `us`.
 *
 *     control:   cookie →   ← 9 parameters   JSON →   ← 10 create streams                ← 1 start, 2 running
 *     stream:                                            cookie →   octets …… →
 *     control:   4 end →   ← 13 results   JSON →   ← JSON   ← 14 display   16 done →
 *
 * JSON stands behind its length in four octets.
 */
#include <stdio.h>
#include <stdlib.h>
#include "conn.h"

#define COOKIE 37
enum { TEST_START = 1, TEST_RUNNING = 2, TEST_END = 4, PARAM_EXCHANGE = 9, CREATE_STREAMS = 10, EXCHANGE_RESULTS = 13, DISPLAY_RESULTS = 14 };
enum phase { AWAIT_COOKIE, AWAIT_PARAMETERS, AWAIT_STREAM, AWAIT_END, AWAIT_RESULTS, AWAIT_CLOSE, STREAM };

static void say(struct conn *c, char state) { conn_give(c, &state, 1); }

/* So many octets are in buf: true when they are there. */
static bool have(struct conn *c, size_t n)
{
	while (c->len < n) {
		ssize_t r = conn_take(c, c->buf + c->len, n - c->len);
		if (r <= 0) return false;
		c->len += (size_t)r;
	}
	return true;
}

/* A message of JSON, whatever it says. */
static bool have_json(struct conn *c)
{
	size_t len;

	if (!have(c, 4)) return false;
	len = read32(c->buf);
	if (len > CHUNK - 4 || !have(c, 4 + len)) return false;
	c->len = 0;
	return true;
}

static void give_results(struct conn *c)
{
	char text[400];
	int n = snprintf(text + 4, sizeof text - 4,
		"{\"cpu_util_total\":0,\"cpu_util_user\":0,\"cpu_util_system\":0,\"sender_has_retransmits\":0,\"streams\":[{\"id\":1,"
			 "\"bytes\":%llu,\"retransmits\":-1,\"jitter\":0,\"errors\":0,\"packets\":0,\"start_time\":0,\"end_time\":1}]}",
			 (unsigned long long)c->want);

	write32((uint8_t *)text, (uint32_t)n);
	conn_give(c, text, (size_t)n + 4);
}

static struct conn *find(struct tap *t, enum phase phase)
{
	list_each(struct conn, c, &t->conns, node)
		if (c->step == iperf_step && c->phase == (int)phase) return c;
	return NULL;
}

/* A connection says by its cookie that it is one of the test; the first is the control, the next a stream. */
static void greet(struct tap *t, struct conn *c)
{
	struct conn *control = find(t, AWAIT_STREAM);

	c->len = 0;
	if (!control) {
		c->phase = AWAIT_PARAMETERS;
		say(c, PARAM_EXCHANGE);
		return;
	}
	c->phase = STREAM;
	control->phase = AWAIT_END;
	say(control, TEST_START);
	say(control, TEST_RUNNING);
}

static bool drain(struct tap *t, struct conn *c)
{
	ssize_t n;

	while ((n = conn_take(c, c->buf, CHUNK)) > 0) {
		struct conn *control = find(t, AWAIT_END);
		if (control) control->want += (uint64_t)n;
	}
	return !c->eof && !conn_is_lost(n);
}

/* The words of the control connection, each once it is whole; true while there may be more. */
static bool hear(struct conn *c)
{
	switch ((enum phase)c->phase) {
	case AWAIT_PARAMETERS:
		if (!have_json(c)) return false;
		c->phase = AWAIT_STREAM;
		say(c, CREATE_STREAMS);
		return false;
	case AWAIT_END:
		if (!have(c, 1) || c->buf[0] != TEST_END) return false;
		c->len = 0;
		c->phase = AWAIT_RESULTS;
		say(c, EXCHANGE_RESULTS);
		return true;
	case AWAIT_RESULTS:
		if (!have_json(c)) return false;
		give_results(c);
		say(c, DISPLAY_RESULTS);
		c->phase = AWAIT_CLOSE;
		return true;
	case AWAIT_CLOSE:
		conn_take(c, c->buf, CHUNK);
		return false;
	default:
		return false;
	}
}

bool iperf_step(struct tap *t, struct conn *c)
{
	if (c->phase == STREAM) return drain(t, c);
	if (c->phase == AWAIT_COOKIE && have(c, COOKIE)) greet(t, c);
	while (hear(c)) {}
	return !c->eof;
}
