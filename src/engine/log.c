/* What the engine has to say to whoever runs it: on its standard error, and kept for the report at the end and for `show log`. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "engine/private.h"

#define LOG_MAX 200

struct log_line { struct list node; char text[]; };

void engine_log(struct engine *e, const char *format, ...)
{
	char buf[512];
	va_list ap;
	if (e->n_log == LOG_MAX) return;
	va_start(ap, format);
	int n = vsnprintf(buf, sizeof buf, format, ap);
	va_end(ap);
	dprintf(STDERR_FILENO, "sockland engine: %s\n", buf);
	struct log_line *l = malloc(sizeof *l + MIN((size_t)n, sizeof buf - 1) + 1);
	if (!l) return;
	strcpy(l->text, buf);
	list_append(&e->log, &l->node);
	e->n_log++;
}

void engine_log_print(struct engine *e, struct text *t)
{
	list_each(struct log_line, l, &e->log, node) text_add(t, "%s\n", l->text);
}

void engine_log_show(struct engine *e, struct page *p)
{
	list_each(struct log_line, l, &e->log, node)
		if (page_takes(p)) text_add(p->t, "log\ttext=%s\n", l->text);
}

void engine_log_free(struct engine *e)
{
	list_each(struct log_line, l, &e->log, node) free(l);
}
