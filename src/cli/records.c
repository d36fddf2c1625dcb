/* Records: see records.h. Fields point into the answers, which are cut in place. */
#include "cli/records.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/utf8.h"
#include "cli/cli.h"

#define COLUMNS_MAX 16
#define CELL_MAX 80

static int item_parse(struct records *r, char *line)
{
	struct item *d = array_grow(&r->at, &r->n, sizeof *d);
	char *rest;

	if (!d) return -ENOMEM;
	*d = (struct item){strtok_r(line, "\t", &rest), r->n_fields, 0};
	if (!d->kind) d->kind = "";
	for (char *at; (at = strtok_r(NULL, "\t", &rest)) != NULL; d->n++) {
		struct field *f = array_grow(&r->fields, &r->n_fields, sizeof *f);
		char *type = at + strcspn(at, "=#?");

		if (!f) return -ENOMEM;
		*f = (struct field){at, *type ? type + 1 : type, *type};
		*type = 0;
	}
	return 0;
}

/* Takes text over. */
static int text_parse(struct records *r, char *text)
{
	char **kept = array_grow(&r->texts, &r->n_texts, sizeof *kept), *rest;
	int err = 0;

	if (!kept) return free(text), -ENOMEM;
	*kept = text;
	for (char *line = strtok_r(text, "\n", &rest); line && err == 0; line = strtok_r(NULL, "\n", &rest)) err = item_parse(r, line);
	return err;
}

int records_get(struct records *r, struct client *c, const char *kind)
{
	char from[24] = "0", *text = NULL;
	int err;

	for (;;) {
		err = client_verb(c, 3, (char *[]){"show", (char *)kind, from}, &text);
		if (err < 0) {
			cli_warn("%s", client_why(text, err));
			return free(text), err;
		}
		err = text ? text_parse(r, text) : -ENOMEM;
		if (err < 0 || r->n == 0 || !item_is(&r->at[r->n - 1], "more")) return err;
		snprintf(from, sizeof from, "%s", item_text(r, &r->at[r->n - 1], "from"));
		r->n--;
	}
}

int records_add(struct records *r, const char *format, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	return n < 0 ? -ENOMEM : text_parse(r, text);
}

void records_free(struct records *r)
{
	for (size_t i = 0; i < r->n_texts; i++) free(r->texts[i]);
	free(r->texts);
	free(r->fields);
	free(r->at);
	*r = (struct records){0};
}

bool item_is(const struct item *d, const char *kind)
{
	return strcmp(d->kind, kind) == 0;
}

const char *item_text(const struct records *r, const struct item *d, const char *key)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(r->fields[d->first + i].key, key) == 0) return r->fields[d->first + i].value;
	return "";
}

uint64_t item_number(const struct records *r, const struct item *d, const char *key)
{
	return strtoull(item_text(r, d, key), NULL, 10);
}

/* ---- tables ---- */

static void cell(const struct records *r, const struct item *d, const struct column *k, char *to)
{
	const char *value = item_text(r, d, k->key);

	if (!*value) strcpy(to, "-");
	else if (k->text) k->text(to, CELL_MAX, value);
	else snprintf(to, CELL_MAX, "%s", value);
}

static void cell_print(FILE *to, const char *text, size_t width, bool right, bool last)
{
	int blanks = (int)(width - strlen(text));

	if (right) fprintf(to, "%*s%s", blanks, "", text);
	else fprintf(to, "%s%*s", text, last ? 0 : blanks, "");
	fputs(last ? "\n" : "  ", to);
}

void records_table(const struct records *r, const char *kind, const struct column *columns, size_t n, FILE *to)
{
	size_t width[COLUMNS_MAX] = {0};
	char text[CELL_MAX];

	for (size_t k = 0; k < n; k++) {
		width[k] = strlen(columns[k].title);
		for (size_t i = 0; i < r->n; i++) {
			if (!item_is(&r->at[i], kind)) continue;
			cell(r, &r->at[i], &columns[k], text);
			width[k] = MAX(width[k], strlen(text));
		}
	}
	for (size_t k = 0; k < n; k++) cell_print(to, columns[k].title, width[k], columns[k].right, k == n - 1);
	for (size_t i = 0; i < r->n; i++) {
		if (!item_is(&r->at[i], kind)) continue;
		for (size_t k = 0; k < n; k++) {
			cell(r, &r->at[i], &columns[k], text);
			cell_print(to, text, width[k], columns[k].right, k == n - 1);
		}
	}
}

/* ---- JSON ---- */

/* RFC 8259 §7. What is not UTF-8 (a program's name may be anything) becomes a question mark. */
static void json_string(const char *text, FILE *to)
{
	fputc('"', to);
	for (size_t n; *text; text += n ? n : 1) {
		n = utf8_character(text);
		if (*text == '"' || *text == '\\') fprintf(to, "\\%c", *text);
		else if (n == 1 && *text < ' ') fprintf(to, "\\u%04x", *text);
		else if (n == 0) fputc('?', to);
		else fwrite(text, 1, n, to);
	}
	fputc('"', to);
}

void records_json(const struct records *r, FILE *to)
{
	fputc('[', to);
	for (size_t i = 0; i < r->n; i++) {
		const struct item *d = &r->at[i];

		fputs(i ? ",\n {\"kind\": " : "\n {\"kind\": ", to);
		json_string(d->kind, to);
		for (size_t k = 0; k < d->n; k++) {
			const struct field *f = &r->fields[d->first + k];

			fputs(", ", to);
			json_string(f->key, to);
			fputs(": ", to);
			if (f->type == '#') fputs(f->value, to);
			else if (f->type == '?') fputs(*f->value == '1' ? "true" : "false", to);
			else json_string(f->value, to);
		}
		fputc('}', to);
	}
	fputs(r->n ? "\n]\n" : "]\n", to);
}
