/* Small sets of source addresses, kept sorted: what multicast filters are made of. */
#pragma once
#include "base/addr.h"

struct sources { uint32_t n; struct addr *at; };

bool sources_has(const struct sources *s, const struct addr *a);
int sources_add(struct sources *s, const struct addr *a);              /* 0, also when it is there; -ENOMEM */
void sources_remove(struct sources *s, const struct addr *a);
void sources_free(struct sources *s);
bool sources_eq(const struct sources *a, const struct sources *b);
/* What a and b make of each other, in a new set. -ENOMEM */
int sources_union(struct sources *ret, const struct sources *a, const struct sources *b);
int sources_minus(struct sources *ret, const struct sources *a, const struct sources *b);
int sources_intersect(struct sources *ret, const struct sources *a, const struct sources *b);
