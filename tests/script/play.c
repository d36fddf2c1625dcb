/*
 * Plays a script: each verb with its parser and what it does on the bench.
 *
 * The peer's side of the talk is tracked for what segment lines leave out: `peer` is where the octets that it sent in order end, `ours` where those
 * end that we were seen to send.
 */
#include "lang.h"
#include <stdio.h>
#include <string.h>

static void wrong(const struct play *p, const struct script_step *step, const char *what, const char *got, const char *want)
{
	printf("%s:%d: %s is %s, not %s\n", p->script->path, step->line, what, got, want);
	fail();
}

static void is(const struct play *p, const struct script_step *step, const char *what, long got, long want)
{
	char texts[2][32];

	if (p->tells) {
		snprintf(texts[0], 32, "%ld", got);
		return tell_answer(p, step, texts[0]);
	}
	if (got == want) return;
	snprintf(texts[0], 32, "%ld%s%s", got, got < 0 ? " " : "", got < 0 ? number_name(errnos, (int)-got) : "");
	snprintf(texts[1], 32, "%ld%s%s", want, want < 0 ? " " : "", want < 0 ? number_name(errnos, (int)-want) : "");
	wrong(p, step, what, texts[0], texts[1]);
}

/* The same of what has names. */
static void is_named(const struct play *p, const struct script_step *step, const char *what, const struct word_number *rows, int got)
{
	if (p->tells) tell_answer(p, step, number_name(rows, got));
	else if (got != step->named->number) wrong(p, step, what, number_name(rows, got), step->named->name);
}

/* ---- segments ---- */

static bool reaches(seq32 end, seq32 start, seq32 known) { return seq_le(start, known) && seq_gt(end, known); }
static seq32 end_of(seq32 seq, uint32_t len, uint8_t flags) { return seq + len + !!(flags & SYN) + !!(flags & FIN); }

static void run_inject(struct play *p, const struct script_step *step)
{
	struct seg g = step->seg;

	if (!step->seq_given) g.seq = g.flags & SYN ? 0 : p->peer;
	if ((g.flags & ACK) && !step->ack_given) g.ack = p->ours;
	if (g.ts && !step->ecr_given && (g.flags & ACK)) g.ts_ecr = p->ts_seen;
	bench_inject(p->b, &g);
	if (!g.bad_csum && reaches(end_of(g.seq, g.len, g.flags), g.seq, p->peer)) p->peer = end_of(g.seq, g.len, g.flags);
}

static void check_absences(struct play *p, const struct script_step *step)
{
	const struct tcp_opts *o = &p->b->last.opts;

	if (step->no_mss) is(p, step, "the MSS option", o->has_mss, 0);
	if (step->no_ts) is(p, step, "the timestamp option", o->has_ts, 0);
	if (step->no_wscale) is(p, step, "the window scale option", o->has_wscale, 0);
	if (step->no_psh) is(p, step, "the flag PSH", p->b->last.flags & PSH, 0);
	if (step->no_sack) is(p, step, "the number of SACK blocks, or SACK permitted", o->n_sack + o->sack_ok, 0);
}

void play_saw(struct play *p, uint32_t len)
{
	const struct tcp_hdr *h = &p->b->last;
	seq32 end = end_of(h->seq, len, h->flags);

	if (reaches(end, h->seq, p->ours)) p->ours = end;
	if (h->opts.has_ts) p->ts_seen = h->opts.ts_val;
}

static void run_expect(struct play *p, const struct script_step *step)
{
	struct seg g = step->seg;

	if (!step->seq_given) g.seq = g.flags & SYN ? 0 : p->ours;
	if (!step->ack_given) g.ack = p->peer;
	bench_expect(p->b, &g, p->script->path, step->line);
	if (step->tos) is(p, step, "the TOS or traffic class", p->b->tos, step->tos - 1);
	if (step->ttl) is(p, step, "the TTL or hop limit", p->b->ttl, step->ttl - 1);
	check_absences(p, step);
	if (g.ecn && p->b->ecn != g.ecn) is(p, step, "the ECN field", p->b->ecn, g.ecn);
	play_saw(p, g.len);
}

static bool parse_expect_nothing(struct script_step *step, struct words *w)
{
	if (!words_take_if(w, "no") || !words_take_if(w, "segment")) return words_take(w), words_fail(w, "expect no segment");
	return !words_take_if(w, "for") || words_take_time(w, &step->ns);
}

static void run_expect_nothing(struct play *p, const struct script_step *step)
{
	if (step->ns) pass(p->b, step->ns);
	bench_expect_nothing(p->b, p->script->path, step->line);
}

static void run_forget(struct play *p, const struct script_step *step)
{
	(void)step;
	while (bench_next(p->b) >= 0)
		p->ours = tcp_of(p->b->sk)->snd.nxt - p->b->iss;
}

static bool parse_wait(struct script_step *step, struct words *w) { return words_take_time(w, &step->ns); }
static void run_wait(struct play *p, const struct script_step *step) { pass(p->b, step->ns); }

/* ---- connections ---- */

static bool parse_syn(struct script_step *step, struct words *w)
{
	return segment_parse(step, w) && (!step->seg.flags || words_fail(w, "the flags are not for you to choose here"));
}

static void opened(struct play *p) { p->peer = p->ours = 1; }

static void run_established(struct play *p, const struct script_step *step)
{
	bench_passive(p->b, &step->seg);
	opened(p);
	if (p->b->last.opts.has_ts) p->ts_seen = p->b->last.opts.ts_val;
}

static void run_connected(struct play *p, const struct script_step *step)
{
	bench_active(p->b, &step->seg);
	opened(p);
	if (p->b->last.opts.has_ts) p->ts_seen = p->b->last.opts.ts_val;
}

static bool parse_gives(struct script_step *step, struct words *w)
{
	step->gives = step->n;
	if (words_take_if(w, "gives")) return words_take_number(w, 1 << 30, &step->gives);
	if (!words_take_if(w, "fails")) return true;
	if (!words_take_named(w, errnos, "errno", &step->named)) return false;
	step->gives = -step->named->number;
	return true;
}

static bool parse_listen(struct script_step *step, struct words *w)
{
	bool taken;

	step->n = 5;
	return words_take_number_if(w, 4096, &step->n, &taken);
}
static void run_listen(struct play *p, const struct script_step *step) { bench_listen(p->b, (int)step->n); }

static void run_socket(struct play *p, const struct script_step *step)
{
	(void)step;
	p->b->sk = bench_socket(p->b);
}

static void run_accept(struct play *p, const struct script_step *step)
{
	struct sock *sk;
	int r = p->b->listener ? sock_accept(p->b->listener, &sk) : -EINVAL;

	is(p, step, "what accept returned", r, step->gives);
	if (r < 0) return;
	sk->user = p->b;
	p->b->sk = sk;
}

/* "connect" alone is a beginning. */
static bool parse_connect(struct script_step *step, struct words *w)
{
	if (!parse_gives(step, w)) return false;
	if (!step->named && step->gives == 0 && strcmp(w->word[w->at - 1].text, "connect") == 0) step->gives = -EINPROGRESS;
	return true;
}

static void run_connect(struct play *p, const struct script_step *step)
{
	if (!p->b->sk) p->b->sk = bench_socket(p->b);
	is(p, step, "what connect returned", bench_connect(p->b, p->b->sk), step->gives);
}

static bool parse_peer(struct script_step *step, struct words *w)
{
	return (words_take_if(w, "port") || (words_take(w), words_fail(w, "peer port N"))) && words_take_number(w, 65535, &step->n);
}

static void run_peer(struct play *p, const struct script_step *step)
{
	p->b->peer_port = (uint16_t)step->n;
	p->b->iss_known = false;
	p->peer = p->ours = 0;
}

/* ---- calls ---- */

static bool parse_transfer(struct script_step *step, struct words *w)
{
	static const struct word_number flags[] = {{"oob", 0, MSG_OOB}, {"more", 0, MSG_MORE}, {"peek", 0, MSG_PEEK}, {0}};

	if (!words_take_number(w, 1 << 24, &step->n)) return false;
	for (const struct word_number *f = flags; f->name; f++)
		if (words_take_if(w, f->name)) step->flags |= f->number;
	return parse_gives(step, w);
}

static void run_send(struct play *p, const struct script_step *step)
{
	is(p, step, "what send returned", p->b->sk ? bench_send(p->b, (size_t)step->n, step->flags) : -EBADF, step->gives);
}

static void run_recv(struct play *p, const struct script_step *step)
{
	if (p->tells) tell_recv(p, step);
	else is(p, step, "what recv returned", bench_recv(p->b, (size_t)step->n, step->flags), step->gives);
}

static bool parse_shutdown(struct script_step *step, struct words *w)
{
	static const struct word_number ways[] = {{"read", 0, SHUT_RD}, {"write", 0, SHUT_WR}, {"both", 0, SHUT_RDWR}, {0}};

	if (!words_take_named(w, ways, "way to shut", &step->named)) return false;
	step->n = step->named->number;
	step->gives = 0;
	return !words_take_if(w, "fails") || (words_take_named(w, errnos, "errno", &step->named) && (step->gives = -step->named->number));
}
static void run_shutdown(struct play *p, const struct script_step *step)
{
	is(p, step, "what shutdown returned", sock_shutdown(play_subject(p), (int)step->n), step->gives);
}

static void run_close(struct play *p, const struct script_step *step)
{
	(void)step;
	bench_close_sk(p->b);
	p->closed = true;
}

static bool parse_option(struct script_step *step, struct words *w)
{
	return words_take_named(w, script_options, "option", &step->option) && words_take_number(w, 1 << 30, &step->n);
}

static bool parse_set(struct script_step *step, struct words *w)
{
	long value;

	if (!parse_option(step, w)) return false;
	value = step->n;
	step->n = 0;
	if (!parse_gives(step, w)) return false;
	step->n = value;
	return true;
}

struct sock *play_subject(const struct play *p) { return p->b->sk ? p->b->sk : p->b->listener; }

static void run_set(struct play *p, const struct script_step *step)
{
	int value = (int)step->n;

	is(p, step, step->option->name, sock_setsockopt(play_subject(p), step->option->level, step->option->number, &value, sizeof value), step->gives);
}

static void run_get(struct play *p, const struct script_step *step)
{
	int value = 0, r;
	socklen_t len = sizeof value;

	r = sock_getsockopt(play_subject(p), step->option->level, step->option->number, &value, &len);
	is(p, step, step->option->name, r < 0 ? r : value, step->n);
}

/* "info" alone has them all told. */
static bool parse_info(struct script_step *step, struct words *w)
{
	return words_over(w) || (words_take_named(w, info_fields, "field of TCP_INFO", &step->option) && words_take_number(w, 0x7fffffff, &step->n));
}

static void run_info(struct play *p, const struct script_step *step)
{
	struct tcp_info i;
	socklen_t len = sizeof i;
	uint64_t value = 0;

	if (!step->option) {
		tell_info(p, step);
		return;
	}
	is(p, step, "what getsockopt returned", sock_getsockopt(play_subject(p), IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	memcpy(&value, (const uint8_t *)&i + step->option->number, (size_t)step->option->level);
	is(p, step, step->option->name, (long)value, step->n);
}

/* Packets leave as the device takes them that cuts segments itself. */
static void run_offload(struct play *p, const struct script_step *step)
{
	(void)step;
	p->b->eth->tso_bytes = TSO_BYTES;
}

static bool parse_sysctl(struct script_step *step, struct words *w)
{
	const char *name = words_take(w);

	if (!name || strlen(name) >= sizeof step->text) return words_fail(w, "a setting such as net.ipv4.tcp_ecn is missing");
	strcpy(step->text, name);
	return words_take_number(w, 1 << 30, &step->n);
}

static void run_sysctl(struct play *p, const struct script_step *step)
{
	char value[16];

	snprintf(value, sizeof value, "%ld", step->n);
	is(p, step, step->text, sysctl_set(p->b->s->sysctl, step->text, value), 0);
}

/* ---- what can be seen ---- */

static bool parse_state(struct script_step *step, struct words *w) { return words_take_named(w, tcp_states, "state", &step->named); }

static void run_state(struct play *p, const struct script_step *step)
{
	struct bench *b = p->b;
	bool waits = timewait_find(b->s, &b->us, b->us_port, &b->peer, b->peer_port) != NULL;
	struct inet_sock *left = flow_lookup(b->s->tcp->ports, &b->us, b->us_port, &b->peer, b->peer_port);
	int now = TCPS_CLOSED;

	if (waits) now = TCPS_TIME_WAIT;
	else if (p->closed) now = left ? tcp_of(&left->sk)->state : TCPS_CLOSED;
	else if (play_subject(p)) now = bench_state(play_subject(p));
	is_named(p, step, "the state", tcp_states, now);
}

static bool parse_error(struct script_step *step, struct words *w) { return words_take_named(w, errnos, "errno", &step->named); }

static void run_error(struct play *p, const struct script_step *step)
{
	is_named(p, step, "the error", errnos, bench_error(p->b->sk));
}

static bool parse_flight(struct script_step *step, struct words *w) { return words_take_number(w, 1 << 30, &step->n); }
static void run_flight(struct play *p, const struct script_step *step) { is(p, step, "what is in flight", snd_flight(tcp_of(p->b->sk)), step->n); }

static bool parse_poll(struct script_step *step, struct words *w)
{
	static const struct word_number bits[] = {{"in", 0, EPOLLIN}, {"out", 0, EPOLLOUT}, {"pri", 0, EPOLLPRI}, {"hup", 0, EPOLLHUP},
		{"err", 0, EPOLLERR}, {0}};

	while (!words_over(w) && !words_take_if(w, "nothing")) {
		if (!words_take_named(w, bits, "thing to poll for", &step->named)) return false;
		step->flags |= step->named->number;
	}
	return true;
}

static void run_poll(struct play *p, const struct script_step *step)
{
	is(p, step, "what poll says", (int)(sock_poll_waiting(play_subject(p)) & (EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLHUP | EPOLLERR)), step->flags);
}

static bool parse_sockets(struct script_step *step, struct words *w) { return words_take_number(w, 100000, &step->n); }
static void run_sockets(struct play *p, const struct script_step *step) { is(p, step, "the number of sockets", (long)bench_socks(p->b), step->n); }

/* ICMPv4's numbers; the bench translates. */
static bool parse_icmp(struct script_step *step, struct words *w)
{
	static const struct word_number kinds[] = {{"net-unreachable", 3, 0}, {"host-unreachable", 3, 1}, {"port-unreachable", 3, 3}, {"too-big", 3, 4},
						   {"source-quench", 4, 0}, {"time-exceeded", 11, 0}, {"parameter-problem", 12, 0}, {0}};

	if (!words_take_named(w, kinds, "ICMP error", &step->named)) return false;
	if (words_take_if(w, "mtu") && !words_take_number(w, 65535, &step->n)) return false;
	step->seq_given = words_take_if(w, "seq");
	return !step->seq_given || words_take_number(w, 0xfffffffe, &step->gives);
}

static void run_icmp(struct play *p, const struct script_step *step)
{
	bench_icmp(p->b, (unsigned)step->named->level, (unsigned)step->named->number, (uint32_t)step->n, step->seq_given ? (seq32)step->gives : p->ours);
}

const struct verb verbs[] = {
	{">", segment_parse, run_expect}, {"<", segment_parse, run_inject}, {"expect", parse_expect_nothing, run_expect_nothing}, {"forget", NULL, run_forget},
	{"wait", parse_wait, run_wait}, {"established", parse_syn, run_established}, {"connected", parse_syn, run_connected},
	{"listen", parse_listen, run_listen},
	{"socket", NULL, run_socket}, {"accept", parse_gives, run_accept}, {"connect", parse_connect, run_connect}, {"peer", parse_peer, run_peer},
	{"send", parse_transfer, run_send}, {"recv", parse_transfer, run_recv}, {"shutdown", parse_shutdown, run_shutdown}, {"close", NULL, run_close},
	{"set", parse_set, run_set}, {"get", parse_option, run_get}, {"sysctl", parse_sysctl, run_sysctl}, {"state", parse_state, run_state},
	{"error", parse_error, run_error}, {"flight", parse_flight, run_flight}, {"poll", parse_poll, run_poll},
	{"sockets", parse_sockets, run_sockets}, {"info", parse_info, run_info}, {"offload", NULL, run_offload},
	{"icmp", parse_icmp, run_icmp}, {0},
};

void script_play(const struct script *s, bool v6)
{
	void *made;
	struct play p = {.script = s};

	assert_int_equal(v6 ? bench_open6(&made) : bench_open4(&made), 0);
	p.b = made;
	for (int i = 0; i < s->n_steps; i++)
		s->steps[i].verb->run(&p, &s->steps[i]);
	bench_expect_nothing(p.b, s->path, s->n_steps ? s->steps[s->n_steps - 1].line : 0);
	bench_close(&made);
}
