/*
 * Reading a small YAML document by its nodes: each error is one line "file:line:column: what is wrong", each mapping names the keys it allows.
 */
#pragma once
#include <yaml.h>

#include "topo/build.h"

struct doc {
	yaml_document_t yaml;
	const char *file;
	struct topo_err err;
};

/* A whole file, at most 1 MiB of it; free(*ret_text). 0, -EINVAL (err), -ENOMEM */
int doc_read(const char *path, char **ret_text, size_t *ret_len, char *err, size_t err_size);
/* Parses text of one document. 0, -EINVAL (err), -ENOMEM. Then doc_free. */
int doc_parse(struct doc *d, const char *file, const char *text, size_t len, char *err, size_t err_size);
void doc_free(struct doc *d);
yaml_node_t *doc_root(struct doc *d);
/* "file:line:column: message"; -EINVAL. */
int doc_fail(const struct doc *d, const yaml_node_t *at, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Puts file, line and column before a message that is in err already; passes r on. */
int doc_place(const struct doc *d, const yaml_node_t *at, int r);

/* The text of a scalar; NULL for anything else. Empty and "~" mappings are written {} or left out: doc_is_null. */
const char *doc_text(const yaml_node_t *n);
bool doc_is_null(const yaml_node_t *n);
int doc_bool(const struct doc *d, const yaml_node_t *n, bool *ret);

/* Checks that n is a mapping whose keys are among `keys` and come once each; values[i] becomes the node of keys[i], or NULL. */
int doc_keys(struct doc *d, yaml_node_t *n, const char *const *keys, size_t n_keys, yaml_node_t **values);
/* Walks a mapping, or a list of plain names: calls each(name node, value node or NULL). Stops at the first negative result. */
int doc_named(struct doc *d, yaml_node_t *n, const char *what, int (*each)(void *user, yaml_node_t *name, yaml_node_t *value), void *user);
/* Item i of a sequence, or NULL. */
yaml_node_t *doc_item(struct doc *d, yaml_node_t *n, size_t i);

/* The topology in a document that may hold more: v are the values of TOPO_KEYS, from doc_keys. Planned. t is empty on failure. */
#define TOPO_KEYS "hosts", "networks", "links", "name"
enum { TOPO_HOSTS, TOPO_NETWORKS, TOPO_LINKS, TOPO_NAME, TOPO_KEY_COUNT };
int topo_from_doc(struct topo *t, struct doc *d, yaml_node_t *const *v);
void topo_name_from_path(struct topo *t, const char *path);           /* the file's, without directory and ending, unless it has one */
