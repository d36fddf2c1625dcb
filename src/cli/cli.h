/* What the verbs share: the table row of a verb, and how a verb speaks to its user. */
#pragma once
#include <stdio.h>

#include "base/types.h"

/* Exit statuses, as a shell's: of the program that was run, or our own. */
enum { EXIT_OWN_FAILURE = 1, EXIT_USAGE = 2, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127, EXIT_SIGNAL = 128 };

struct verb {
	const char *name, *usage, *help;
	int (*run)(const struct verb *v, int argc, char **argv);   /* argv[0] is the verb; the exit status */
};

int verb_run(const struct verb *v, int argc, char **argv);
int verb_up(const struct verb *v, int argc, char **argv);
int verb_down(const struct verb *v, int argc, char **argv);
int verb_exec(const struct verb *v, int argc, char **argv);
int verb_plot(const struct verb *v, int argc, char **argv);
int verb_cap(const struct verb *v, int argc, char **argv);
int verb_tell(const struct verb *v, int argc, char **argv);     /* set, cut: the engine knows the words */
int verb_show(const struct verb *v, int argc, char **argv);

/* "sockland: …" on stderr; returns EXIT_OWN_FAILURE. */
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void cli_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The usage line of v on stderr; returns EXIT_USAGE. */
int cli_usage(const struct verb *v);
/* A number of an option, whole; false after a message. */
bool cli_number(const char *option, const char *text, uint64_t *ret);
