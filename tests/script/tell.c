/* What a script's play was like, told instead of judged: lang.h says how. */
#include "lang.h"
#include <stdio.h>

static void tell_when(const struct play *p, const struct script_step *step)
{
	printf("%lld %d ", (long long)((p->b->s->now - p->began) / NS_PER_US), step->line);
}

static void tell_octets(const uint8_t *octets, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf("%02x", octets[i]);
	printf("\n");
}

void tell_answer(const struct play *p, const struct script_step *step, const char *answer)
{
	tell_when(p, step);
	printf("= %s\n", answer);
}

void tell_info(const struct play *p, const struct script_step *step)
{
	uint8_t info[256] = {0};
	socklen_t len = sizeof info;

	sock_getsockopt(play_subject(p), IPPROTO_TCP, TCP_INFO, info, &len);
	tell_when(p, step);
	printf("= ");
	tell_octets(info, sizeof info);
}

/* What was received with it, as a sum. */
void tell_recv(struct play *p, const struct script_step *step)
{
	uint8_t *octets = malloc((size_t)step->n + 1);
	struct sock_msg m = {.data = octets, .len = (size_t)step->n, .flags = step->flags};
	ssize_t n = p->b->sk ? sock_recv(p->b->sk, &m) : -EBADF;
	unsigned sum = 0;

	for (ssize_t i = 0; i < n; i++)
		sum = (sum * 31 + octets[i]) & 0xffff;
	tell_when(p, step);
	printf("= %zd sum %u\n", n, sum);
	free(octets);
}

static void tell_packets(struct play *p, const struct script_step *step)
{
	const struct packet *sent;
	int len;

	while ((sent = bench_peek(p->b))) {
		tell_when(p, step);
		printf("> ");
		tell_octets(sent->data, sent->len);
		if ((len = bench_next(p->b)) >= 0) play_saw(p, (uint32_t)len);
	}
}

static void tell_wait(struct play *p, const struct script_step *step)
{
	struct stack *s = p->b->s;
	time_ns until = s->now + step->ns;

	while (stack_deadline(s) <= until) {
		stack_advance(s, MAX(stack_deadline(s), s->now));
		tell_packets(p, step);
	}
	stack_advance(s, until);
}

void script_tell(const struct script *s, bool v6)
{
	void *made;
	struct play p = {.script = s, .tells = true};

	assert_int_equal(v6 ? bench_open6(&made) : bench_open4(&made), 0);
	p.b = made;
	p.began = p.b->s->now;
	for (const struct script_step *step = s->steps; step < s->steps + s->n_steps; step++) {
		if (step->ns) tell_wait(&p, step);
		else step->verb->run(&p, step);
		tell_packets(&p, step);
	}
	bench_close(&made);
}
