/*
 * Judging a scenario when it is over. What goes without saying is judged as well: a process ends with status 0, a daemon does not end, and what was
 * to happen could be done.
 */
#include "cli/judge.h"

#include <inttypes.h>
#include <regex.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "topo/build.h"

char *text_new(const char *format, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	return n < 0 ? NULL : text;
}

const char *status_text(char *to, size_t size, int status)
{
	if (WIFSIGNALED(status)) snprintf(to, size, "killed by SIG%s", sigabbrev_np(WTERMSIG(status)) ?: "?");
	else snprintf(to, size, "exit status %d", WEXITSTATUS(status));
	return to;
}

const char *host_name(const struct run *r, size_t host)
{
	return r->s.topo.hosts[host].name;
}

bool is_reach(const struct scenario_expect *x)
{
	return x->kind == EXPECT_REACHABLE || x->kind == EXPECT_UNREACHABLE;
}

/* ---- what came of it: each judge returns why not, or NULL ---- */

/* A process that was there until we ended it: fine for a daemon. */
static char *judge_end(const struct run *r, size_t i, const char *wanted)
{
	char text[64];

	if (r->tasks[i].pid <= 0) return text_new("it never started");
	if (r->cut_short[i] && !r->s.processes[i].daemon) return text_new("it still ran after %.1f s", (double)(r->tasks[i].ended - r->tasks[i].started) / 1e9);
	return text_new("%s, wanted %s", status_text(text, sizeof text, r->tasks[i].status), wanted);
}

static char *judge_process(const struct run *r, const struct scenario_expect *x, const char *output)
{
	const struct task *t = &r->tasks[x->process];
	bool over = t->pid > 0 && (!r->cut_short[x->process] || r->s.processes[x->process].daemon);
	time_ns took = t->ended - t->started;
	char wanted[64];
	regex_t regex;
	bool met;

	switch (x->kind) {
	case EXPECT_EXIT:
		if (over && WIFEXITED(t->status) && WEXITSTATUS(t->status) == x->number) return NULL;
		return judge_end(r, x->process, status_text(wanted, sizeof wanted, (int)x->number << 8));
	case EXPECT_SIGNAL:
		if (over && WIFSIGNALED(t->status) && WTERMSIG(t->status) == x->number) return NULL;
		return judge_end(r, x->process, status_text(wanted, sizeof wanted, (int)x->number));
	case EXPECT_UNDER: return over && took < x->limit ? NULL : text_new("it took %.3f s", (double)took / 1e9);
	case EXPECT_OVER: return took > x->limit ? NULL : text_new("it took %.3f s", (double)took / 1e9);
	case EXPECT_OUTPUT: return strstr(output, x->text) ? NULL : text_new("its output has no such thing");
	case EXPECT_NO_OUTPUT: return strstr(output, x->text) ? text_new("its output has it") : NULL;
	default:
		if (regcomp(&regex, x->text, REG_EXTENDED | REG_NEWLINE | REG_NOSUB) != 0) return text_new("no memory");
		met = regexec(&regex, output, 0, NULL, 0) == 0;
		regfree(&regex);
		return met ? NULL : text_new("its output has no such thing");
	}
}

static void report_process(struct run *r, const struct scenario_expect *x)
{
	static const char *const words[] = {"exit", "signal", "output", "no-output", "matches", "under", "over"};
	const char *name = r->s.processes[x->process].name;
	char *output = task_output(&r->tasks[x->process]);
	char *why = judge_process(r, x, output ? output : "");

	if (x->text) report_add(&r->report, why, output, "%s: %s \"%s\"", name, words[x->kind], x->text);
	else if (x->kind == EXPECT_SIGNAL) report_add(&r->report, why, output, "%s: signal %s", name, sigabbrev_np((int)x->number) ?: "?");
	else if (x->limit || x->kind >= EXPECT_UNDER) report_add(&r->report, why, output, "%s: %s %g s", name, words[x->kind], (double)x->limit / 1e9);
	else report_add(&r->report, why, output, "%s: %s %" PRId64, name, words[x->kind], x->number);
}

/* What goes without saying: a process ends well, a daemon does not end. */
static void report_silent(struct run *r, size_t i)
{
	const struct scenario_process *p = &r->s.processes[i];
	const struct task *t = &r->tasks[i];

	for (size_t k = 0; k < r->s.n_expects; k++)
		if (r->s.expects[k].kind <= EXPECT_SIGNAL && r->s.expects[k].process == i) return;
	if (t->pid == -1) return;      /* told already */
	if (p->daemon) report_add(&r->report, r->cut_short[i] ? NULL : judge_end(r, i, "to run until the end"), task_output(t), "%s: runs", p->name);
	else if (t->pid > 0 && !r->cut_short[i] && t->status == 0) report_add(&r->report, NULL, NULL, "%s: exit 0", p->name);
	else report_add(&r->report, judge_end(r, i, "exit status 0"), task_output(t), "%s: exit 0", p->name);
}

static void report_reach(struct run *r, size_t i)
{
	const struct scenario_expect *x = &r->s.expects[i];
	const struct task *t = &r->reaches[i];
	bool wanted = x->kind == EXPECT_REACHABLE, asked = t->pid > 0 && !t->running && WIFEXITED(t->status) && WEXITSTATUS(t->status) <= 2;
	char *why = NULL, when[40] = "";

	if (x->at != TIME_NEVER) snprintf(when, sizeof when, " at %g s", (double)x->at / 1e9);
	if (!asked) why = text_new("it could not be tried");
	else if ((t->status == 0) != wanted) why = text_new(wanted ? "no answer within " REACHABLE_SECONDS " s" : "there was an answer");
	report_add(&r->report, why, why ? task_output(t) : NULL, "%s %s %s%s", wanted ? "reachable" : "unreachable", host_name(r, x->from),
		   host_name(r, x->to), when);
}

static void report_retransmits(struct run *r, const struct scenario_expect *x)
{
	const char *host = x->from == TOPO_NONE ? "" : host_name(r, x->from);
	int64_t count = 0;
	bool known = false;
	char bounds[80], *why = NULL;

	for (size_t i = 0; i < r->net.n; i++) {
		const struct item *d = &r->net.at[i];

		if (!item_is(d, "host") || (*host && strcmp(item_text(&r->net, d, "name"), host) != 0)) continue;
		count += (int64_t)item_number(&r->net, d, "retransmits");
		known = true;
	}
	if (x->most == INT64_MAX) snprintf(bounds, sizeof bounds, "at least %" PRId64, x->number);
	else snprintf(bounds, sizeof bounds, "%s%" PRId64, x->number == x->most ? "" : "at most ", x->most);
	if (!known) why = text_new("nobody could be asked");
	else if (count < x->number || count > x->most) why = text_new("there were %" PRId64, count);
	report_add(&r->report, why, NULL, "retransmits%s%s %s", *host ? " of " : "", host, bounds);
}

void report_all(struct run *r)
{
	if (r->engine_gone) report_add(&r->report, text_new("its engine ended"), NULL, "the network lives");
	for (size_t i = 0; i < r->s.n_processes; i++) report_silent(r, i);
	for (size_t i = 0; i < r->s.n_expects; i++) {
		const struct scenario_expect *x = &r->s.expects[i];

		if (is_reach(x)) report_reach(r, i);
		else if (x->kind == EXPECT_RETRANSMITS) report_retransmits(r, x);
		else report_process(r, x);
	}
}
