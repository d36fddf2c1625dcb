/*
 * What the engine has to show, and how it is printed. A record, or item, is a kind and typed fields (engine/show.c says how they travel); tables and JSON are
 * made of nothing else, so that whatever one can read the other holds as well.
 */
#pragma once
#include <stdio.h>

#include "cli/client.h"

struct field { const char *key, *value; char type; };      /* '=' text, '#' number, '?' 0 or 1 */
struct item { const char *kind; size_t first, n; };       /* of records.fields */
struct records {
	struct item *at; size_t n;
	struct field *fields; size_t n_fields;
	char **texts; size_t n_texts;                       /* what all of them point into */
};

/* Adds what the net has of a kind, however many answers that takes. 0, -errno, or what the engine said (a message was given). */
int records_get(struct records *r, struct client *c, const char *kind);
/* Adds one record of our own making, in the same form: "kind\tkey=value\t…". -ENOMEM */
int records_add(struct records *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void records_free(struct records *r);

bool item_is(const struct item *d, const char *kind);
const char *item_text(const struct records *r, const struct item *d, const char *key);         /* "" when there is none */
uint64_t item_number(const struct records *r, const struct item *d, const char *key);          /* 0 likewise */

/* A table of the records of a kind. */
struct column {
	const char *key, *title;
	bool right;
	void (*text)(char *to, size_t size, const char *value);   /* NULL: as it is */
};
void records_table(const struct records *r, const char *kind, const struct column *columns, size_t n, FILE *to);
/* One array of objects, each with its "kind". */
void records_json(const struct records *r, FILE *to);
