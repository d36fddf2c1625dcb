/* What happens during a scenario: words for the engine, checked as far as they can be without one, and what is done to processes. A verb is a row. */
#include <errno.h>
#include <stdio.h>

#include "base/duration.h"
#include "link/flap.h"
#include "rpc/call_fault.h"
#include "topo/cut.h"
#include "topo/scenario_load.h"

#define WORDS_MAX 4200        /* as the engine's: a cut may name every host, with a slash after each */

static int check_set(struct load *l, yaml_node_t *at, const struct scenario_event *e, size_t n)
{
	struct impairment trial = {0};
	size_t wrong = 0;

	if (n < 3) return doc_fail(&l->d, at, "set LINK|HOST WORDS… [for DURATION]");
	if (!topo_has_link(&l->s->topo, e->words[1])) return doc_fail(&l->d, at, "no link or host named %.60s", e->words[1]);
	if (impair_parse(&trial, n - 2, e->words + 2, &wrong) == 0) return 0;
	return doc_fail(&l->d, at, "not understood: %.60s", wrong + 2 < n ? e->words[wrong + 2] : "the end");
}

static int check_cut(struct load *l, yaml_node_t *at, const struct scenario_event *e, size_t n)
{
	struct cut_words c;
	char why[200];
	int r = cut_read(&c, &l->s->topo, n - 1, e->words + 1, n < e->n_words, why, sizeof why);

	cut_free(&c);
	return r == -EINVAL ? doc_fail(&l->d, at, "%s", why) : r;
}

static int check_flap(struct load *l, yaml_node_t *at, const struct scenario_event *e, size_t n)
{
	struct flap trial;
	size_t wrong = 0;

	if (n < 3) return doc_fail(&l->d, at, "flap LINK|HOST up TIME down TIME [jitter PERCENT] [for DURATION]");
	if (!topo_has_link(&l->s->topo, e->words[1])) return doc_fail(&l->d, at, "no link or host named %.60s", e->words[1]);
	if (flap_parse(&trial, n - 2, e->words + 2, &wrong) == 0) return 0;
	return doc_fail(&l->d, at, "not understood: %.60s (up 2s down 500ms)", wrong + 2 < n ? e->words[wrong + 2] : "the end");
}

static int check_fault(struct load *l, yaml_node_t *at, const struct scenario_event *e, size_t n)
{
	char host[TOPO_NAME_MAX] = "";
	struct call_fault trial;
	size_t wrong = 0;

	if (n == 2 && strcmp(e->words[1], "--heal") == 0) return 0;
	if (n < 3) return doc_fail(&l->d, at, "fault HOST[:PROGRAM] CALL ACTION … [for DURATION]");
	if (strcspn(e->words[1], ":") < sizeof host) snprintf(host, sizeof host, "%.*s", (int)strcspn(e->words[1], ":"), e->words[1]);
	if (topo_find_host(&l->s->topo, host) == TOPO_NONE) return doc_fail(&l->d, at, "no host named %.60s", e->words[1]);
	if (call_fault_parse(&trial, n - 2, e->words + 2, &wrong) == 0) return 0;
	return doc_fail(&l->d, at, "not understood: %.60s", wrong + 2 < n ? e->words[wrong + 2] : "the end");
}

static int check_heal(struct load *l, yaml_node_t *at, const struct scenario_event *e, size_t n)
{
	(void)e;
	return n == 1 ? 0 : doc_fail(&l->d, at, "heal stands alone: it ends every cut and flap");
}

static int check_process(struct load *l, yaml_node_t *at, const char *name)
{
	return scenario_find_process(l->s, name) < l->s->n_processes ? 0 : doc_fail(&l->d, at, "no process named %.60s", name);
}

static int check_kill(struct load *l, yaml_node_t *at, const struct scenario_event *e, size_t n)
{
	bool named = n == 3 && e->words[1][0] == '-';

	if (n != 2 && !named) return doc_fail(&l->d, at, "kill [-SIGNAL] PROCESS");
	if (named && scenario_signal(e->words[1] + 1) < 0) return doc_fail(&l->d, at, "no signal named %.60s", e->words[1] + 1);
	return check_process(l, at, e->words[n - 1]);
}

static int check_one_process(struct load *l, yaml_node_t *at, const struct scenario_event *e, size_t n)
{
	return n == 2 ? check_process(l, at, e->words[1]) : doc_fail(&l->d, at, "%s PROCESS", e->words[0]);
}

static const struct verb {
	const char *name;
	enum event_kind kind;
	bool lasts;                    /* [for DURATION] may follow */
	int (*check)(struct load *, yaml_node_t *, const struct scenario_event *, size_t n);
} verbs[] = {
	{"set", EVENT_ENGINE, true, check_set}, {"cut", EVENT_ENGINE, true, check_cut}, {"flap", EVENT_ENGINE, true, check_flap},
	{"fault", EVENT_ENGINE, true, check_fault}, {"heal", EVENT_HEAL, false, check_heal},
	{"kill", EVENT_KILL, false, check_kill}, {"stop", EVENT_STOP, false, check_one_process},
	{"continue", EVENT_CONTINUE, false, check_one_process}, {"start", EVENT_START, false, check_one_process},
};

static int check_event(struct load *l, yaml_node_t *at, struct scenario_event *e)
{
	size_t n = e->n_words;

	for (const struct verb *v = verbs; n > 0 && v < verbs + ARRAY_SIZE(verbs); v++) {
		if (strcmp(e->words[0], v->name) != 0) continue;
		if (v->lasts && n > 2 && strcmp(e->words[n - 2], "for") == 0) {
			if (duration_parse(e->words[n - 1]) < 0) return doc_fail(&l->d, at, "no such duration: %.60s (as 200ms, 5s, 1m)", e->words[n - 1]);
			n -= 2;
		}
		e->kind = v->kind;
		return v->check(l, at, e, n);
	}
	return doc_fail(&l->d, at, "what happens is set, cut, flap, fault, heal, kill, stop, continue or start, not %.60s", n > 0 ? e->words[0] : "nothing");
}

static int event_words(struct load *l, yaml_node_t *n, struct scenario_event *e)
{
	char *text, *rest;
	int r = read_text(l, n, &e->text);

	if (r < 0) return r;
	text = scenario_keep_text(l->s, e->text);
	e->words = scenario_keep(l->s, (strlen(e->text) / 2 + 2) * sizeof *e->words);
	if (!text || !e->words) return -ENOMEM;
	for (char *w = strtok_r(text, " \t\n", &rest); w && e->n_words < WORDS_MAX; w = strtok_r(NULL, " \t\n", &rest)) e->words[e->n_words++] = w;
	e->line = n->start_mark.line + 1;
	e->column = n->start_mark.column + 1;
	return 0;
}

/* "at 5s: cut a / b for 10s" */
static int load_event(void *user, yaml_node_t *name, yaml_node_t *value)
{
	struct load *l = user;
	const char *text = doc_text(name);
	struct scenario_event *e = array_grow(&l->s->events, &l->s->n_events, sizeof *e);
	int r = e ? 0 : -ENOMEM;

	if (strncmp(text, "at ", 3) != 0 || !value) return doc_fail(&l->d, name, "\"at 5s: cut a / b\" is expected here");
	if (r == 0) r = read_time(l, name, text + 3, &e->at);
	if (r == 0) r = event_words(l, value, e);
	return r < 0 ? r : check_event(l, value, e);
}

int load_events(struct load *l, yaml_node_t *n)
{
	if (n->type != YAML_MAPPING_NODE) return doc_fail(&l->d, n, "\"at 5s: cut a / b\" is expected here");
	return doc_named(&l->d, n, "moment", load_event, l);
}

/* In order of time, and of the file where that is the same. */
void events_sort(struct scenario *s)
{
	for (size_t i = 1; i < s->n_events; i++)
		for (size_t k = i; k > 0 && s->events[k - 1].at > s->events[k].at; k--) {
			struct scenario_event later = s->events[k - 1];

			s->events[k - 1] = s->events[k];
			s->events[k] = later;
		}
}
