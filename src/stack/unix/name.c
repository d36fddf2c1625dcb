/*
 * Names of Unix sockets: \0 and octets, one such space for each type of socket; or a path, which is an inode whatever leads to it. A name lives
 * on with those who show it when its owner is gone, but then it is nobody's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "stack/unix/private.h"

bool unix_name_is_path(const struct unix_name *n) { return n->un.sun_path[0] != 0; }

int unix_name_parse(const struct sockaddr *a, socklen_t len, struct unix_name *ret)
{
	*ret = (struct unix_name){0};
	if (len <= UNIX_PATH_AT || len > sizeof ret->un + sizeof ret->node || a->sa_family != AF_UNIX) return -EINVAL;
	memcpy(&ret->un, a, MIN(len, sizeof ret->un));
	ret->len = len;
	if (!unix_name_is_path(ret)) return len <= sizeof ret->un ? 0 : -EINVAL;
	if (len <= UNIX_PATH_AT + sizeof ret->node) return -EINVAL;
	len -= (socklen_t)sizeof ret->node;
	memcpy(&ret->node, (const char *)a + len, sizeof ret->node);
	memset((char *)&ret->un + len, 0, sizeof ret->un - len);
	ret->len = UNIX_PATH_AT + (socklen_t)strnlen(ret->un.sun_path, sizeof ret->un.sun_path) + 1;
	return 0;
}

/* Inodes are the machine's numbers, and the table may be other stacks', too: a hash that all agree on. */
static uint64_t key_of(const struct stack *s, int type, const struct unix_name *n)
{
	if (unix_name_is_path(n)) return (n->node.ino ^ n->node.dev << 32) * 0x9e3779b97f4a7c15u;
	return stack_hash(s, &n->un, n->len) + (uint64_t)type;
}

static struct hash *table_of(const struct stack *s, const struct unix_name *n)
{
	return unix_name_is_path(n) ? &s->unix_stack->paths->names : &s->unix_stack->names;
}

static bool same(const struct unix_name *a, const struct unix_name *b)
{
	if (unix_name_is_path(a) != unix_name_is_path(b)) return false;
	if (unix_name_is_path(a)) return a->node.dev == b->node.dev && a->node.ino == b->node.ino;
	return a->len == b->len && memcmp(&a->un, &b->un, a->len) == 0;
}

struct unix_sock *unix_name_find(const struct unix_sock *who, const struct unix_name *n)
{
	const struct stack *s = who->sk.stack;

	for (struct hash_node *h = hash_first(table_of(s, n), key_of(s, who->sk.type, n)); h; h = hash_next(h)) {
		struct unix_name *other = container_of(h, struct unix_name, by_key);
		if (same(other, n) && (unix_name_is_path(n) || other->owner->sk.type == who->sk.type)) return other->owner;
	}
	return NULL;
}

int unix_name_take(struct unix_sock *us, const struct unix_name *n)
{
	struct unix_name *own;

	if (unix_name_find(us, n)) return -EADDRINUSE;
	own = malloc(sizeof *own);
	if (!own) return -ENOMEM;
	*own = *n;
	own->refs = 1;
	own->owner = us;
	if (hash_insert(table_of(us->sk.stack, own), &own->by_key, key_of(us->sk.stack, us->sk.type, own)) < 0) {
		free(own);
		return -ENOMEM;
	}
	us->name = own;
	return 0;
}

int unix_name_auto(struct unix_sock *us)
{
	uint32_t number = stack_random32(us->sk.stack);
	struct unix_name n = {.un.sun_family = AF_UNIX, .len = UNIX_PATH_AT + 6};
	int r = -EADDRINUSE;

	for (uint32_t i = 0; i <= 0xfffff && r == -EADDRINUSE && !us->name; i++) {
		char digits[6];
		snprintf(digits, sizeof digits, "%05x", (number + i) & 0xfffff);
		memcpy(n.un.sun_path + 1, digits, 5);
		r = unix_name_take(us, &n);
	}
	return us->name ? 0 : r == -EADDRINUSE ? -ENOSPC : r;
}

struct unix_name *unix_name_new(const struct sockaddr_un *un, socklen_t len)
{
	struct unix_name *n = calloc(1, sizeof *n);

	if (!n) return NULL;
	n->refs = 1;
	n->len = MIN(len, (socklen_t)sizeof n->un);
	memcpy(&n->un, un, n->len);
	return n;
}

struct unix_name *unix_name_ref(struct unix_name *n)
{
	if (n) n->refs++;
	return n;
}

void unix_name_unref(struct unix_name *n)
{
	if (n && --n->refs == 0) free(n);
}

void unix_name_leave(struct unix_sock *us)
{
	if (us->name && us->name->owner == us) {
		hash_remove(table_of(us->sk.stack, us->name), &us->name->by_key);
		us->name->owner = NULL;
	}
	unix_name_unref(us->name);
	us->name = NULL;
}

void unix_name_put(const struct unix_name *n, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	memset(ret, 0, sizeof *ret);
	ret->ss_family = AF_UNIX;
	*ret_len = UNIX_PATH_AT;
	if (!n) return;
	memcpy(ret, &n->un, MIN(n->len, sizeof n->un));
	*ret_len = n->len;
}
