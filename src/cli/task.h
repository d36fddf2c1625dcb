/* A process of a scenario: started on a host, its output kept, its end remembered. */
#pragma once
#include <stdio.h>
#include <sys/types.h>

#include "cli/client.h"

struct task {
	pid_t pid;                     /* 0: not started */
	bool running;
	int status;                    /* as waitpid gives it, when it has run and is over */
	time_ns started, ended;
	FILE *output;
};

/* In a process group of its own, with nothing on its standard input. env may be NULL. 0 or -errno; the output stays until task_free. */
int task_start(struct task *t, struct client *c, const char *host, char *const *argv, char *const *env, time_ns now);
void task_over(struct task *t, int status, time_ns now);
void task_signal(const struct task *t, int signal);           /* the whole group */
bool task_group_lives(const struct task *t);                  /* or a part of it, the process itself may be over */
char *task_output(const struct task *t);                      /* all of it; free() it. NULL when there is none */
void task_free(struct task *t);
