/* Intrusive doubly linked list. A list head is a node that links to itself; a node outside any list does too. */
#pragma once
#include "base/types.h"

struct list { struct list *next, *prev; };

#define LIST_INIT(l) ((struct list){&(l), &(l)})
static inline void list_init(struct list *l) { l->next = l->prev = l; }
static inline bool list_empty(const struct list *l) { return l->next == l; }
static inline void list_insert_before(struct list *at, struct list *n)
{
	n->next = at; n->prev = at->prev; at->prev->next = n; at->prev = n;
}
static inline void list_append(struct list *l, struct list *n) { list_insert_before(l, n); }
static inline void list_prepend(struct list *l, struct list *n) { list_insert_before(l->next, n); }
/* Leaves n linked to itself, so removing twice is harmless. */
static inline void list_remove(struct list *n)
{
	n->prev->next = n->next; n->next->prev = n->prev; list_init(n);
}
static inline struct list *list_pop(struct list *l)
{
	struct list *n = l->next;
	if (n == l) return NULL;
	list_remove(n);
	return n;
}
#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_first(l, type, member) list_entry((l)->next, type, member)
#define list_last(l, type, member) list_entry((l)->prev, type, member)
/* Walks a list; the current entry may be removed (and freed) by the body, no other may. */
#define list_each(type, var, l, member) \
	for (type *var = list_first(l, type, member), *var##_next = list_first(&var->member, type, member); \
	     &var->member != (l); var = var##_next, var##_next = list_first(&var->member, type, member))
