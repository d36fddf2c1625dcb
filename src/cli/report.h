/* What came of a scenario: a line for each thing that was expected, and the same for machines. */
#pragma once
#include <stdio.h>

#include "base/types.h"

struct verdict { char *name, *why, *output; };      /* why NULL: it was as expected; output: of the process concerned, NULL: none */
struct report { struct verdict *at; size_t n, failed; };

/* Takes why (NULL: passed) and output, both allocated or NULL. name is copied. */
void report_add(struct report *r, char *why, char *output, const char *format, ...) __attribute__((format(printf, 4, 5)));
void report_free(struct report *r);
void report_print(const struct report *r, FILE *to);
void report_line(const char *text, FILE *to);         /* text on one line, with nothing in it that a terminal would take for a command */
bool report_possible(const char *path);               /* can one be written there? errno */
/* As Jenkins, GitLab and the like read it. 0 or -errno */
int report_junit(const struct report *r, const char *suite, double seconds, uint64_t seed, const char *path);
