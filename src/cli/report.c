/* Reports: see report.h. JUnit's XML has no standard; what is written here is what all of its readers know. */
#include "cli/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/utf8.h"

#define LINES_SHOWN 15

void report_add(struct report *r, char *why, char *output, const char *format, ...)
{
	struct verdict *more = realloc(r->at, (r->n + 1) * sizeof *more), v = {.why = why, .output = output};
	va_list ap;

	r->failed += why != NULL;
	va_start(ap, format);
	if (!more || vasprintf(&v.name, format, ap) < 0) {
		free(why);
		free(output);
	} else {
		more[r->n++] = v;
	}
	va_end(ap);
	if (more) r->at = more;
}

void report_free(struct report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->at[i].name);
		free(r->at[i].why);
		free(r->at[i].output);
	}
	free(r->at);
	*r = (struct report){0};
}

/* The octets of the character at text, 0: it is none of XML 1.0 §2.2. */
static size_t character(const char *text)
{
	if (strncmp(text, "\xef\xbf\xbe", 3) == 0 || strncmp(text, "\xef\xbf\xbf", 3) == 0) return 0;
	return (unsigned char)*text >= ' ' || *text == '\n' || *text == '\t' ? utf8_character(text) : 0;
}

/* The end of it, each line set off. What would be a command to a terminal becomes a question mark. */
static void output_print(const char *output, FILE *to)
{
	const char *at = output + strlen(output);
	size_t lines = 0;

	while (at > output && (lines += at[-1] == '\n' && at[0]) < LINES_SHOWN) at--;
	while (*at) {
		fputs("    | ", to);
		for (size_t n; *at && *at != '\n'; at += n ? n : 1) {
			n = character(at);
			if (n > 0) fwrite(at, 1, n, to);
			else fputc('?', to);
		}
		at += *at == '\n';
		fputc('\n', to);
	}
}

void report_line(const char *text, FILE *to)
{
	for (size_t n; *text; text += n ? n : 1) {
		n = *text == '\n' ? 0 : character(text);
		if (n > 0) fwrite(text, 1, n, to);
		else fputc('?', to);
	}
}

void report_print(const struct report *r, FILE *to)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct verdict *v = &r->at[i];

		fputs(v->why ? "not ok " : "ok ", to);
		report_line(v->name, to);
		if (v->why) fputs(": ", to), report_line(v->why, to);
		fputc('\n', to);
		if (v->why && v->output) output_print(v->output, to);
	}
	fprintf(to, "%zu passed, %zu failed\n", r->n - r->failed, r->failed);
}

/* What is no character of XML's becomes a question mark. */
static void xml(const char *text, FILE *to)
{
	for (size_t n; *text; text += n ? n : 1) {
		n = character(text);
		if (*text == '<') fputs("&lt;", to);
		else if (*text == '>') fputs("&gt;", to);
		else if (*text == '&') fputs("&amp;", to);
		else if (*text == '"') fputs("&quot;", to);
		else if (n == 0) fputc('?', to);
		else fwrite(text, 1, n, to);
	}
}

static void xml_attribute(const char *name, const char *value, FILE *to)
{
	fprintf(to, " %s=\"", name);
	xml(value, to);
	fputc('"', to);
}

bool report_possible(const char *path)
{
	FILE *f = fopen(path, "ae");

	return f && fclose(f) == 0;
}

int report_junit(const struct report *r, const char *suite, double seconds, uint64_t seed, const char *path)
{
	FILE *to = fopen(path, "we");
	bool failed;

	if (!to) return -errno;
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite", to);
	xml_attribute("name", suite, to);
	fprintf(to, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"0\" time=\"%.3f\">\n", r->n, r->failed, seconds);
	fprintf(to, "  <properties><property name=\"seed\" value=\"%" PRIu64 "\"/></properties>\n", seed);
	for (size_t i = 0; i < r->n; i++) {
		const struct verdict *v = &r->at[i];

		fputs("  <testcase", to);
		xml_attribute("classname", suite, to);
		xml_attribute("name", v->name, to);
		if (!v->why) {
			fputs("/>\n", to);
			continue;
		}
		fputs(">\n    <failure", to);
		xml_attribute("message", v->why, to);
		fputs(">", to);
		xml(v->output ? v->output : "", to);
		fputs("</failure>\n  </testcase>\n", to);
	}
	fputs("</testsuite>\n", to);
	failed = ferror(to) != 0;
	if (fclose(to) != 0) return -errno;
	return failed ? -EIO : 0;
}
