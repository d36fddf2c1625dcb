/* What a scenario expects: of its processes, of who reaches whom, of TCP. */
#include <errno.h>
#include <regex.h>
#include <stdlib.h>

#include "topo/scenario_load.h"

static struct scenario_expect *expect_new(struct load *l, enum expect_kind kind)
{
	struct scenario_expect *x = array_grow(&l->s->expects, &l->s->n_expects, sizeof *x);

	if (x) *x = (struct scenario_expect){.kind = kind, .at = TIME_NEVER};
	return x;
}

static int expect_regex(struct load *l, yaml_node_t *n, const char *text)
{
	char why[120];
	regex_t regex;
	int r = regcomp(&regex, text, REG_EXTENDED | REG_NEWLINE | REG_NOSUB);

	if (r == 0) return regfree(&regex), 0;
	regerror(r, &regex, why, sizeof why);
	return doc_fail(&l->d, n, "no regular expression: %s", why);
}

/* One thing that is expected of a process. */
static int expect_of_process(struct load *l, size_t process, enum expect_kind kind, yaml_node_t *n)
{
	struct scenario_expect *x = expect_new(l, kind);
	int r = x ? 0 : -ENOMEM;

	if (r < 0) return r;
	x->process = process;
	switch (kind) {
	case EXPECT_EXIT: return read_number(l, n, 255, &x->number);
	case EXPECT_SIGNAL:
		x->number = doc_text(n) ? scenario_signal(doc_text(n)) : -1;
		return x->number < 0 ? doc_fail(&l->d, n, "a signal is expected here, such as TERM") : 0;
	case EXPECT_UNDER: case EXPECT_OVER: return read_duration(l, n, &x->limit);
	default:
		r = read_text(l, n, &x->text);
		return r == 0 && kind == EXPECT_MATCHES ? expect_regex(l, n, x->text) : r;
	}
}

static int expect_hosts(struct load *l, enum expect_kind kind, yaml_node_t *n, yaml_node_t *at)
{
	time_ns when = TIME_NEVER;
	size_t from, to;
	int r = at ? read_time(l, at, doc_text(at), &when) : 0;

	if (r == 0 && !doc_item(&l->d, n, 1)) return doc_fail(&l->d, n, "two hosts or more are expected here: [a, b]");
	if (r == 0) r = read_host(l, doc_item(&l->d, n, 0), &from);
	for (size_t i = 1; r == 0 && doc_item(&l->d, n, i); i++) {
		struct scenario_expect *x = expect_new(l, kind);

		r = x ? read_host(l, doc_item(&l->d, n, i), &to) : -ENOMEM;
		if (r < 0) break;
		x->from = from;
		x->to = to;
		x->at = when;
	}
	return r;
}

/* "at most 5", "at least 1", "0" */
static int expect_retransmits(struct load *l, yaml_node_t *n, yaml_node_t *host)
{
	struct scenario_expect *x = expect_new(l, EXPECT_RETRANSMITS);
	const char *text = doc_text(n);
	bool most = text && strncmp(text, "at most ", 8) == 0, least = text && strncmp(text, "at least ", 9) == 0;
	char *end;

	if (!x) return -ENOMEM;
	errno = 0;
	x->from = TOPO_NONE;
	if (text) text += most ? 8 : least ? 9 : 0;
	x->number = text ? strtoll(text, &end, 10) : -1;
	if (x->number < 0 || errno || end == text || *end) return doc_fail(&l->d, n, "\"at most 5\", \"at least 1\" or a number is expected here");
	x->most = least ? INT64_MAX : x->number;
	if (most) x->number = 0;
	return host ? read_host(l, host, &x->from) : 0;
}

int load_expect(struct load *l, yaml_node_t *n)
{
	static const char *const keys[] = {"exit", "signal", "output", "no-output", "matches", "under", "over", "reachable", "unreachable", "retransmits",
					   "process", "at", "host"};
	enum { PROCESS = EXPECT_RETRANSMITS + 1, AT, HOST };
	yaml_node_t *v[ARRAY_SIZE(keys)];
	size_t process = 0, found = 0, of_process = 0;
	int r = doc_keys(&l->d, n, keys, ARRAY_SIZE(keys), v);

	if (r == 0 && v[PROCESS]) r = read_process(l, v[PROCESS], &process);
	if (r == 0 && v[AT] && !v[EXPECT_REACHABLE] && !v[EXPECT_UNREACHABLE]) return doc_fail(&l->d, v[AT], "at is for reachable and unreachable");
	if (r == 0 && v[HOST] && !v[EXPECT_RETRANSMITS]) return doc_fail(&l->d, v[HOST], "host is for retransmits");
	for (enum expect_kind k = EXPECT_EXIT; r == 0 && k <= EXPECT_RETRANSMITS; k++) {
		if (!v[k]) continue;
		found++;
		of_process += k <= EXPECT_OVER;
		if (k <= EXPECT_OVER && !v[PROCESS]) return doc_fail(&l->d, v[k], "of which process? process: NAME is missing");
		if (k <= EXPECT_OVER) r = expect_of_process(l, process, k, v[k]);
		else r = k == EXPECT_RETRANSMITS ? expect_retransmits(l, v[k], v[HOST]) : expect_hosts(l, k, v[k], v[AT]);
	}
	if (r == 0 && found > 0 && v[PROCESS] && !of_process) return doc_fail(&l->d, v[PROCESS], "what is expected of this process?");
	return r == 0 && found == 0 ? doc_fail(&l->d, n, "nothing is expected here") : r;
}
