/*
 * Abstract names of Unix sockets that are too long to stand behind their host's tag in the kernel's table (shim/unix_name.c): known by number
 * there, and by number here, as long as the network lives; there can be only so many.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "engine/private.h"
#include "host/process.h"

#define NAMES_MAX 4096u

struct unix_name { struct list node; size_t host; uint32_t number, len; char name[]; };

/* Hosts of one net follow each other; another net starts where nobody can tell. */
void unix_tag(const struct engine *e, size_t host, char tag[UNIX_TAG_LEN])
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint64_t n = e->unix_token + host;
	for (size_t i = UNIX_TAG_LEN; i-- > 0; n >>= 5) tag[i] = digits[n & 31];
}

int64_t serve_unix_name(struct call *k)
{
	list_each(struct unix_name, n, &k->e->unix_names, node)
		if (n->host == k->c->host && n->len == k->q->in_len && memcmp(n->name, k->in, n->len) == 0) return n->number;
	struct unix_name *n = k->e->n_unix_names < NAMES_MAX ? malloc(sizeof *n + k->q->in_len) : NULL;
	if (!n) return -ENOSPC;
	*n = (struct unix_name){.host = k->c->host, .number = k->e->n_unix_names++, .len = k->q->in_len};
	memcpy(n->name, k->in, n->len);
	list_append(&k->e->unix_names, &n->node);
	return n->number;
}

int64_t serve_unix_named(struct call *k)
{
	list_each(struct unix_name, n, &k->e->unix_names, node) {
		if (n->host != k->c->host || (int64_t)n->number != k->q->arg[0]) continue;
		call_out(k, n->name, n->len);
		return 0;
	}
	return -ENOENT;
}

void unix_names_start(struct engine *e)
{
	list_init(&e->unix_names);
	e->unix_token = process_token();
}

void unix_names_free(struct engine *e)
{
	list_each(struct unix_name, n, &e->unix_names, node) free(n);
}
