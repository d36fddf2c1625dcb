/*
 * A scenario: a network, programs that start on it, what happens to it meanwhile, and what is expected of all that. The file is a topology with
 * `processes`, `scenario` and `expect`; sockland.yaml(5) describes it. This is what it says; cli/scenario.c does it.
 */
#pragma once
#include "topo/topo.h"

struct scenario_process {
	const char *name;
	size_t host;
	char **argv, **env;                    /* NULL-ended; env: NAME=VALUE, in addition to ours */
	time_ns at;                            /* after the network is up, as all times here */
	bool daemon;                           /* nobody waits for it: it is ended with the scenario, and must run until then */
};

/* Words for the engine (set, cut), heal, or what is done to a process, which the last word names: kill [-SIGNAL], stop, continue, start. */
enum event_kind { EVENT_ENGINE, EVENT_HEAL, EVENT_KILL, EVENT_STOP, EVENT_CONTINUE, EVENT_START };
struct scenario_event { enum event_kind kind; time_ns at; char **words; size_t n_words; const char *text; size_t line, column; };

enum expect_kind {
	EXPECT_EXIT, EXPECT_SIGNAL, EXPECT_OUTPUT, EXPECT_NO_OUTPUT, EXPECT_MATCHES, EXPECT_UNDER, EXPECT_OVER,
	EXPECT_REACHABLE, EXPECT_UNREACHABLE, EXPECT_RETRANSMITS,
};
struct scenario_expect {
	enum expect_kind kind;
	size_t process;                        /* of the first seven kinds */
	const char *text;                      /* OUTPUT, NO_OUTPUT: contained; MATCHES: an extended regular expression */
	int64_t number, most;                  /* EXIT, SIGNAL; RETRANSMITS: at least, at most (INT64_MAX: any) */
	time_ns limit;                         /* UNDER, OVER */
	size_t from, to;                       /* (UN)REACHABLE: hosts. RETRANSMITS: from is the host, TOPO_NONE for all */
	time_ns at;                            /* (UN)REACHABLE: when; TIME_NEVER: when all else is over */
};

struct scenario {
	struct topo topo;
	struct scenario_process *processes; size_t n_processes;
	struct scenario_event *events; size_t n_events;      /* by time */
	struct scenario_expect *expects; size_t n_expects;
	bool has_seed;
	uint64_t seed;
	time_ns timeout;                       /* of the whole; 60 s unless the file says otherwise */
	void **kept; size_t n_kept;            /* what the pointers above lead to */
};

/* 0 or -errno; -EINVAL with a line in err, as for topo_load. */
int scenario_load(struct scenario *s, const char *path, char *err, size_t err_size);
int scenario_load_text(struct scenario *s, const char *name, const char *text, size_t len, char *err, size_t err_size);
void scenario_free(struct scenario *s);
int scenario_signal(const char *name);                         /* "TERM", "SIGTERM", "15": its number, or -1 */
size_t scenario_find_process(const struct scenario *s, const char *name);   /* or n_processes */
