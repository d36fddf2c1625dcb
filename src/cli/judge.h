/* A scenario as it was run, and what is to be said of it. */
#pragma once
#include <signal.h>

#include "cli/lab.h"
#include "cli/records.h"
#include "cli/report.h"
#include "cli/task.h"
#include "topo/scenario.h"

/* How long an answer may take, and how long we look for one that is not to come. */
#define REACHABLE_SECONDS "3"
#define UNREACHABLE_SECONDS "1"

struct run {
	struct scenario s;
	const char *file;
	struct lab lab;
	struct client c;
	time_ns begin;
	struct task *tasks, *reaches;  /* by process, by expectation */
	bool *cut_short;               /* by process: we ended it */
	size_t next_event;
	struct records net;            /* as it was when all else was over */
	struct report report;
	sigset_t waited;
	int interrupted;               /* the signal */
	bool engine_gone;
};

/* Allocated; free() it, or give it to report_add. NULL without memory. */
char *text_new(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *status_text(char *to, size_t size, int status);          /* "exit status 3", "killed by SIGTERM" */
const char *host_name(const struct run *r, size_t host);
bool is_reach(const struct scenario_expect *x);
/* Adds all of it to r->report. */
void report_all(struct run *r);
