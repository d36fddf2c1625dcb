/*
 * What programs asked for and is not done here: each call with its program and errno once, for the report at the end of a run, so that nobody has to
 * wonder. Only results that say "not done" are counted, and only of what Linux would do: a wrong address, a full queue, an option of TCP on a UDP socket,
 * a number that means nothing are the program's own affair.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "engine/private.h"

#define REFUSALS_MAX 1000

struct refusal { struct list node; char line[]; };

void refused_add(struct engine *e, const char *program, const char *text, int err)
{
	char line[400];
	const char *name = strerrorname_np(err);
	int n = name ? snprintf(line, sizeof line, "%s: %s: %s", program, text, name) : snprintf(line, sizeof line, "%s: %s: errno %d", program, text, err);
	list_each(struct refusal, r, &e->refusals, node)
		if (strcmp(r->line, line) == 0) return;
	struct refusal *r = e->n_refusals < REFUSALS_MAX ? malloc(sizeof *r + (size_t)n + 1) : NULL;
	if (!r) return;
	strcpy(r->line, line);
	list_append(&e->refusals, &r->node);
	e->n_refusals++;
}

static bool means_not_done(int64_t err)
{
	return err == -EAFNOSUPPORT || err == -ESOCKTNOSUPPORT || err == -EPROTONOSUPPORT || err == -ENOPROTOOPT || err == -EOPNOTSUPP || err == -ENOTTY;
}

int64_t refuse(struct call *k, int64_t result, const char *format, ...)
{
	char text[200];
	va_list ap;
	if (!means_not_done(result)) return result;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	refused_add(k->e, k->c->name, text, (int)-result);
	return result;
}

void refused_print(struct engine *e, struct text *t)
{
	list_each(struct refusal, r, &e->refusals, node) text_add(t, "%s\n", r->line);
}

void refused_free(struct engine *e) { list_each(struct refusal, r, &e->refusals, node) free(r); }
