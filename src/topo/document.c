/* The document helpers on libyaml: see document.h. A document is a flat array of nodes that name each other by index; nothing here recurses. */
#include "topo/document.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX (1u << 20)

int doc_read(const char *path, char **ret_text, size_t *ret_len, char *err, size_t err_size)
{
	struct topo_err e = {err, err_size};
	FILE *f = fopen(path, "re");
	char *text;
	size_t len;
	int r;

	if (!f) return topo_fail(&e, "%s: %s", path, strerror(errno));
	text = malloc(FILE_MAX);
	len = text ? fread(text, 1, FILE_MAX, f) : 0;
	r = !text ? -ENOMEM : ferror(f) ? topo_fail(&e, "%s: %s", path, strerror(errno)) : 0;
	if (r == 0 && len == FILE_MAX) r = topo_fail(&e, "%s: too big for a topology", path);
	fclose(f);
	if (r < 0) return free(text), r;
	*ret_text = text;
	*ret_len = len;
	return 0;
}

int doc_fail(const struct doc *d, const yaml_node_t *at, const char *format, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	return topo_fail(&d->err, "%s:%zu:%zu: %s", d->file, at->start_mark.line + 1, at->start_mark.column + 1, text);
}

int doc_place(const struct doc *d, const yaml_node_t *at, int r)
{
	char text[256];

	if (r != -EINVAL) return r;
	snprintf(text, sizeof text, "%s", d->err.text);
	return doc_fail(d, at, "%s", text);
}

/* Of what is no text there is an offset, no mark. */
static int octet_fail(const struct doc *d, const yaml_parser_t *p)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < p->problem_offset && p->input.string.start + i < p->input.string.end; i++) {
		bool end = p->input.string.start[i] == '\n';
		line += end;
		column = end ? 1 : column + 1;
	}
	return topo_fail(&d->err, "%s:%zu:%zu: %s", d->file, line, column, p->problem);
}

static int parser_fail(const struct doc *d, const yaml_parser_t *p)
{
	if (p->error == YAML_MEMORY_ERROR) return -ENOMEM;
	if (p->error == YAML_READER_ERROR) return octet_fail(d, p);
	return topo_fail(&d->err, "%s:%zu:%zu: %s", d->file, p->problem_mark.line + 1, p->problem_mark.column + 1,
			 p->problem ? p->problem : "not YAML");
}

/* Nothing may follow the document: a second one would silently be left out. */
static int end_check(struct doc *d, yaml_parser_t *p)
{
	yaml_document_t rest;
	yaml_node_t *root;
	int r = 0;

	if (!yaml_parser_load(p, &rest)) return parser_fail(d, p);
	root = yaml_document_get_root_node(&rest);
	if (root) r = doc_fail(d, root, "a topology is one document");
	yaml_document_delete(&rest);
	return r;
}

int doc_parse(struct doc *d, const char *file, const char *text, size_t len, char *err, size_t err_size)
{
	yaml_parser_t p;
	int r = 0;

	*d = (struct doc){.file = file, .err = {err, err_size}};
	if (!yaml_parser_initialize(&p)) return -ENOMEM;
	yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
	if (!yaml_parser_load(&p, &d->yaml)) {
		r = parser_fail(d, &p);
	} else {
		if (!doc_root(d)) r = topo_fail(&d->err, "%s:1:1: empty: a topology names hosts and links", file);
		else r = end_check(d, &p);
		if (r < 0) doc_free(d);
	}
	yaml_parser_delete(&p);
	return r;
}

void doc_free(struct doc *d)
{
	yaml_document_delete(&d->yaml);
}

yaml_node_t *doc_root(struct doc *d)
{
	return yaml_document_get_root_node(&d->yaml);
}

const char *doc_text(const yaml_node_t *n)
{
	if (n->type != YAML_SCALAR_NODE) return NULL;
	/* a NUL inside would hide what follows it */
	return strlen((const char *)n->data.scalar.value) == n->data.scalar.length ? (const char *)n->data.scalar.value : NULL;
}

bool doc_is_null(const yaml_node_t *n)
{
	const char *text = doc_text(n);

	return text && n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && (!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

int doc_bool(const struct doc *d, const yaml_node_t *n, bool *ret)
{
	const char *text = doc_text(n);

	if (!text || (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)) return doc_fail(d, n, "true or false is expected here");
	*ret = text[0] == 't';
	return 0;
}

/* Its place among keys, or -EINVAL. */
static int key_place(struct doc *d, yaml_node_t *key, const char *const *keys, size_t n_keys)
{
	const char *name = doc_text(key);
	char known[256] = "";

	if (!name) return doc_fail(d, key, "a key is expected here");
	for (size_t i = 0; i < n_keys; i++) {
		if (strcmp(name, keys[i]) == 0) return (int)i;
		snprintf(known + strlen(known), sizeof known - strlen(known), " %s", keys[i]);
	}
	return doc_fail(d, key, "unknown key \"%.40s\"; known here:%s", name, known);
}

int doc_keys(struct doc *d, yaml_node_t *n, const char *const *keys, size_t n_keys, yaml_node_t **values)
{
	memset(values, 0, n_keys * sizeof *values);
	if (doc_is_null(n)) return 0;
	if (n->type != YAML_MAPPING_NODE) return doc_fail(d, n, "\"key: value\" is expected here");
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		yaml_node_t *key = yaml_document_get_node(&d->yaml, p->key);
		int i = key_place(d, key, keys, n_keys);

		if (i < 0) return i;
		if (values[i]) return doc_fail(d, key, "\"%s\" stands here twice", keys[i]);
		values[i] = yaml_document_get_node(&d->yaml, p->value);
	}
	return 0;
}

int doc_named(struct doc *d, yaml_node_t *n, const char *what, int (*each)(void *user, yaml_node_t *name, yaml_node_t *value), void *user)
{
	int r = 0;

	if (n->type == YAML_MAPPING_NODE) {
		yaml_node_pair_t *p = n->data.mapping.pairs.start;

		for (; p < n->data.mapping.pairs.top && r >= 0; p++) {
			yaml_node_t *name = yaml_document_get_node(&d->yaml, p->key);

			if (!doc_text(name)) return doc_fail(d, name, "the name of a %s is expected here", what);
			r = each(user, name, yaml_document_get_node(&d->yaml, p->value));
		}
		return MIN(r, 0);
	}
	if (n->type != YAML_SEQUENCE_NODE) return doc_fail(d, n, "names of %ss are expected here: {a: {}, b: {}} or [a, b]", what);
	for (size_t i = 0; r >= 0; i++) {
		yaml_node_t *name = doc_item(d, n, i);

		if (!name) break;
		if (!doc_text(name)) return doc_fail(d, name, "the name of a %s is expected here", what);
		r = each(user, name, NULL);
	}
	return MIN(r, 0);
}

yaml_node_t *doc_item(struct doc *d, yaml_node_t *n, size_t i)
{
	if (n->type != YAML_SEQUENCE_NODE || i >= (size_t)(n->data.sequence.items.top - n->data.sequence.items.start)) return NULL;
	return yaml_document_get_node(&d->yaml, n->data.sequence.items.start[i]);
}
