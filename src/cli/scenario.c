/*
 * Running a scenario. One loop waits for the next moment of the file, for the end of a process, or for a signal to us:
 *
 *     processes start ─┐                                        ┌─ at the end: who reaches whom, retransmissions
 *     set, cut, kill   ├─ until all but the daemons are over ──┤
 *     who reaches whom ┘   (or the timeout, or ^C)              └─ daemons end ── report
 *
 * Reaching is ping's word for it: one answer within a few seconds, of those that are asked for.
 */
#include "cli/scenario.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/judge.h"

#define PATIENCE (2 * NS_PER_S)       /* of a process with SIGTERM */
#define LOOK (5 * NS_PER_MS)

/* ---- time and talk ---- */

static time_ns clock_since(time_ns begin)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec - begin;
}

static time_ns now(const struct run *r)
{
	return clock_since(r->begin);
}

/* Whoever read our output may have left, which is no failure: nothing more is said then. */
static void output_flush(void)
{
	if (fflush(stdout) != 0 && errno == EPIPE && !freopen("/dev/null", "w", stdout)) cli_warn("/dev/null: %s", strerror(errno));
}

__attribute__((format(printf, 2, 3))) static void say(const struct run *r, const char *format, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0) return;
	printf("%9.3f  ", (double)now(r) / (double)NS_PER_S);
	report_line(text, stdout);
	putchar('\n');
	free(text);
	output_flush();
}

/* ---- what is due ---- */

static int start_process(struct run *r, size_t i)
{
	const struct scenario_process *p = &r->s.processes[i];
	bool shell = strcmp(p->argv[0], "sh") == 0 && p->argv[1] && p->argv[2];
	const char *words = shell ? p->argv[2] : p->argv[0];
	int len = (int)strcspn(words, "\n");

	say(r, "%s on %s: %.*s%s", p->name, host_name(r, p->host), len, words, words[len] || (!shell && p->argv[1]) ? " …" : "");
	return task_start(&r->tasks[i], &r->c, host_name(r, p->host), p->argv, p->env, now(r));
}

static void start_due(struct run *r, size_t i)
{
	int err = start_process(r, i);

	if (err == 0) return;
	r->tasks[i].pid = -1;
	report_add(&r->report, text_new("%s", strerror(-err)), NULL, "%s starts", r->s.processes[i].name);
}

static void start_reach(struct run *r, size_t i)
{
	const struct scenario_expect *x = &r->s.expects[i];
	char *seconds = x->kind == EXPECT_REACHABLE ? REACHABLE_SECONDS : UNREACHABLE_SECONDS;
	char *argv[] = {"ping", "-q", "-c", "1", "-i", "0.2", "-w", seconds, (char *)host_name(r, x->to), NULL};

	if (task_start(&r->reaches[i], &r->c, host_name(r, x->from), argv, NULL, now(r)) < 0) r->reaches[i].pid = -1;
}

/* Why it could not be done, or NULL. */
static char *happen_to_process(struct run *r, const struct scenario_event *e)
{
	size_t i = scenario_find_process(&r->s, e->words[e->n_words - 1]);
	int signal = e->kind == EVENT_STOP ? SIGSTOP : e->kind == EVENT_CONTINUE ? SIGCONT : e->n_words == 3 ? scenario_signal(e->words[1] + 1) : SIGTERM;
	int err;

	if (e->kind == EVENT_START) {
		err = r->tasks[i].running ? -EBUSY : start_process(r, i);
		return err == -EBUSY ? text_new("it still runs") : err < 0 ? text_new("%s", strerror(-err)) : NULL;
	}
	if (!r->tasks[i].running) return text_new(r->tasks[i].pid == 0 ? "it has not started" : "it is over already");
	task_signal(&r->tasks[i], signal);
	return NULL;
}

static char *happen_to_net(struct run *r, const struct scenario_event *e)
{
	char *heal[] = {"cut", "--heal"}, *text = NULL, *why;
	bool healing = e->kind == EVENT_HEAL;
	int err = client_verb(&r->c, healing ? ARRAY_SIZE(heal) : e->n_words, healing ? heal : e->words, &text);

	if (err == 0) return free(text), NULL;
	why = text_new("%s", client_why(text, err));
	free(text);
	return why;
}

static void happen(struct run *r, const struct scenario_event *e)
{
	char *why;

	say(r, "%s", e->text);
	why = e->kind <= EVENT_HEAL ? happen_to_net(r, e) : happen_to_process(r, e);
	if (why) report_add(&r->report, why, NULL, "%s:%zu:%zu: %s", r->file, e->line, e->column, e->text);
}

/* Does what is due by now; the moment of what comes next, TIME_NEVER when nothing does. */
static time_ns do_due(struct run *r)
{
	time_ns t = now(r), next = TIME_NEVER;

	for (; r->next_event < r->s.n_events && r->s.events[r->next_event].at <= t; r->next_event++) happen(r, &r->s.events[r->next_event]);
	if (r->next_event < r->s.n_events) next = r->s.events[r->next_event].at;
	for (size_t i = 0; i < r->s.n_processes; i++) {
		if (r->tasks[i].pid != 0) continue;
		if (r->s.processes[i].at <= t) start_due(r, i);
		else next = MIN(next, r->s.processes[i].at);
	}
	for (size_t i = 0; i < r->s.n_expects; i++) {
		if (!is_reach(&r->s.expects[i]) || r->s.expects[i].at == TIME_NEVER || r->reaches[i].pid != 0) continue;
		if (r->s.expects[i].at <= t) start_reach(r, i);
		else next = MIN(next, r->s.expects[i].at);
	}
	return next;
}

/* ---- waiting ---- */

static void ended(struct run *r, pid_t pid, int status)
{
	char text[64];

	if (pid == r->lab.engine) r->engine_gone = true;
	for (size_t i = 0; i < r->s.n_expects; i++)
		if (r->reaches[i].pid == pid && r->reaches[i].running) task_over(&r->reaches[i], status, now(r));
	for (size_t i = 0; i < r->s.n_processes; i++) {
		if (r->tasks[i].pid != pid || !r->tasks[i].running) continue;
		task_over(&r->tasks[i], status, now(r));
		say(r, "%s ended: %s", r->s.processes[i].name, status_text(text, sizeof text, status));
	}
}

static void wait_until(struct run *r, time_ns until)
{
	time_ns left = MAX(until - now(r), 0);
	struct timespec t = {left / NS_PER_S, left % NS_PER_S};
	int signal = sigtimedwait(&r->waited, NULL, &t), status;
	pid_t pid;

	if (signal > 0 && signal != SIGCHLD) r->interrupted = signal;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) ended(r, pid, status);
}

static bool is_waited_for(const struct run *r)
{
	for (size_t i = 0; i < r->s.n_processes; i++)
		if (r->tasks[i].running && !r->s.processes[i].daemon) return true;
	for (size_t i = 0; i < r->s.n_expects; i++)
		if (r->reaches[i].running) return true;
	return false;
}

static void play(struct run *r)
{
	while (!r->interrupted && !r->engine_gone) {
		time_ns next = do_due(r);

		if (next == TIME_NEVER && !is_waited_for(r)) return;
		if (now(r) >= r->s.timeout) break;
		wait_until(r, MIN(next, r->s.timeout));
	}
	if (!r->interrupted && !r->engine_gone) say(r, "the time is over");
}

/* What is looked at when all else is over; daemons are still there. */
static void look_back(struct run *r)
{
	if (r->interrupted || r->engine_gone) return;
	for (size_t i = 0; i < r->s.n_expects; i++)
		if (is_reach(&r->s.expects[i]) && r->s.expects[i].at == TIME_NEVER) start_reach(r, i);
	for (time_ns end = now(r) + 5 * PATIENCE; !r->interrupted && now(r) < end;) {
		bool any = false;

		for (size_t i = 0; i < r->s.n_expects; i++) any |= r->reaches[i].running;
		if (!any) break;
		wait_until(r, end);
	}
	records_get(&r->net, &r->c, "net");
}

static bool any_running(const struct run *r)
{
	for (size_t i = 0; i < r->s.n_processes; i++)
		if (r->tasks[i].running) return true;
	return false;
}

/* Who leads a group may be gone before the others in it, which were told to end as well. */
static void groups_wait(struct run *r)
{
	bool any = true;

	for (time_ns end = now(r) + PATIENCE; any && now(r) < end;) {
		any = false;
		for (size_t i = 0; i < r->s.n_processes; i++) any |= r->cut_short[i] && task_group_lives(&r->tasks[i]);
		if (any) wait_until(r, now(r) + LOOK);
	}
}

static void end_all(struct run *r)
{
	time_ns end = now(r) + PATIENCE;

	for (size_t i = 0; i < r->s.n_processes; i++) {
		r->cut_short[i] = r->tasks[i].running;
		task_signal(&r->tasks[i], SIGCONT);
		task_signal(&r->tasks[i], SIGTERM);
	}
	for (size_t i = 0; i < r->s.n_expects; i++) task_signal(&r->reaches[i], SIGKILL);
	while (any_running(r) && now(r) < end) wait_until(r, end);
	for (size_t i = 0; i < r->s.n_processes; i++) task_signal(&r->tasks[i], SIGKILL);
	for (end = now(r) + PATIENCE; any_running(r) && now(r) < end;) wait_until(r, end);
	groups_wait(r);
}

/* ---- the whole ---- */

static bool run_begin(struct run *r, const struct lab_options *how)
{
	static const int signals[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP};
	struct sigaction normal = {.sa_handler = SIG_DFL};

	sigemptyset(&r->waited);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) sigaddset(&r->waited, signals[i]);
	sigaction(SIGCHLD, &normal, NULL);
	signal(SIGPIPE, SIG_IGN);      /* who reads our output may leave; what we started is still to be ended */
	sigprocmask(SIG_BLOCK, &r->waited, NULL);
	r->tasks = calloc(r->s.n_processes + 1, sizeof *r->tasks);
	r->cut_short = calloc(r->s.n_processes + 1, sizeof *r->cut_short);
	r->reaches = calloc(r->s.n_expects + 1, sizeof *r->reaches);
	if (!r->tasks || !r->cut_short || !r->reaches) return cli_fail("no memory"), false;
	r->lab.topo = r->s.topo;       /* lent: lab_end frees it */
	r->s.topo = (struct topo){0};
	if (lab_start(&r->lab, 0, how) < 0) return false;
	r->s.topo = r->lab.topo;
	if (client_open(&r->c, r->lab.door) < 0) return cli_fail("the net does not answer"), false;
	r->begin = clock_since(0);
	return true;
}

static void run_end(struct run *r)
{
	for (size_t i = 0; r->tasks && i < r->s.n_processes; i++) task_free(&r->tasks[i]);
	for (size_t i = 0; r->reaches && i < r->s.n_expects; i++) task_free(&r->reaches[i]);
	free(r->tasks);
	free(r->cut_short);
	free(r->reaches);
	records_free(&r->net);
	report_free(&r->report);
	scenario_free(&r->s);
}

/* The same run once more, for a shell. */
static void again_print(const struct run *r, const struct lab_options *how)
{
	const char *quote = strpbrk(r->file, " \t\n\"'\\$`*?[]{}()<>|&;#~!") ? "'" : "";

	printf("again: sockland run --seed %" PRIu64 "%s%s %s", how->seed, how->unprivileged ? " --unprivileged" : "",
	       how->kernel_unix ? " --kernel-unix" : "", quote);
	for (const char *at = r->file; *at; at++) {
		if (*at == '\'') fputs("'\\''", stdout);
		else putchar(*at);
	}
	puts(quote);
}

static int finish(struct run *r, const struct lab_options *how, const char *junit)
{
	double seconds = (double)now(r) / 1e9;
	int err;

	client_close(&r->c);
	lab_report(&r->lab);
	lab_down(&r->lab);
	report_all(r);
	report_print(&r->report, stdout);
	err = junit ? report_junit(&r->report, r->s.topo.name, seconds, how->seed, junit) : 0;
	if (err < 0) cli_warn("%s: %s", junit, strerror(-err));
	if (r->report.failed) again_print(r, how);
	output_flush();
	r->s.topo = (struct topo){0};
	lab_end(&r->lab);
	if (r->interrupted) return EXIT_SIGNAL + r->interrupted;
	return r->report.failed || err < 0 ? EXIT_OWN_FAILURE : 0;
}

bool scenario_is_file(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

int scenario_run(const char *path, const struct lab_options *how, bool seeded, const char *junit)
{
	struct run r = {.file = path};
	struct lab_options options = *how;
	char err[400] = "";
	int status = scenario_load(&r.s, path, err, sizeof err);

	if (status < 0) return cli_fail("%s", err[0] ? err : strerror(-status));
	if (junit && !report_possible(junit)) return scenario_free(&r.s), cli_fail("%s: %s", junit, strerror(errno));
	if (!seeded && r.s.has_seed) options.seed = r.s.seed;
	status = EXIT_OWN_FAILURE;
	if (run_begin(&r, &options)) {
		printf("%s: %zu hosts, %zu processes, seed %" PRIu64 "\n", r.s.topo.name, r.s.topo.n_hosts, r.s.n_processes, options.seed);
		play(&r);
		look_back(&r);
		end_all(&r);
		status = finish(&r, &options, junit);
	}
	run_end(&r);
	return status;
}
