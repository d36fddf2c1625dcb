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

struct refusal { struct list node; const char *call, *err; char program[]; };   /* three texts, one behind the other */

static bool is_known(const struct engine *e, const char *program, const char *call, const char *err)
{
	list_each(struct refusal, r, &e->refusals, node)
		if (strcmp(r->program, program) == 0 && strcmp(r->call, call) == 0 && strcmp(r->err, err) == 0) return true;
	return false;
}

void refused_add(struct engine *e, const char *program, const char *text, int err)
{
	char number[32];
	const char *name = strerrorname_np(err);
	snprintf(number, sizeof number, "errno %d", err);
	if (!name) name = number;
	if (e->n_refusals == REFUSALS_MAX || is_known(e, program, text, name)) return;
	struct refusal *r = malloc(sizeof *r + strlen(program) + strlen(text) + strlen(name) + 3);
	if (!r) return;
	r->call = stpcpy(r->program, program) + 1;
	r->err = stpcpy((char *)r->call, text) + 1;
	strcpy((char *)r->err, name);
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
	list_each(struct refusal, r, &e->refusals, node) text_add(t, "%s: %s: %s\n", r->program, r->call, r->err);
}

void refused_show(struct engine *e, struct page *p)
{
	list_each(struct refusal, r, &e->refusals, node)
		if (page_takes(p)) text_add(p->t, "refused\tprogram=%s\tcall=%s\terrno=%s\n", r->program, r->call, r->err);
}

void refused_free(struct engine *e) { list_each(struct refusal, r, &e->refusals, node) free(r); }
