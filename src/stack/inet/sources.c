/* Sets of addresses: see sources.h. */
#include "stack/inet/sources.h"
#include <errno.h>
#include <stdlib.h>

/* Where a is, or would be. */
static uint32_t place_of(const struct sources *s, const struct addr *a)
{
	uint32_t i = 0;

	while (i < s->n && addr_cmp(&s->at[i], a) < 0)
		i++;
	return i;
}

bool sources_has(const struct sources *s, const struct addr *a)
{
	uint32_t i = place_of(s, a);

	return i < s->n && addr_eq(&s->at[i], a);
}

int sources_add(struct sources *s, const struct addr *a)
{
	uint32_t i = place_of(s, a);
	struct addr *at;

	if (i < s->n && addr_eq(&s->at[i], a)) return 0;
	at = realloc(s->at, (s->n + 1) * sizeof *at);
	if (!at) return -ENOMEM;
	memmove(at + i + 1, at + i, (s->n - i) * sizeof *at);
	at[i] = *a;
	s->at = at;
	s->n++;
	return 0;
}

void sources_remove(struct sources *s, const struct addr *a)
{
	uint32_t i = place_of(s, a);

	if (i == s->n || !addr_eq(&s->at[i], a)) return;
	s->n--;
	memmove(s->at + i, s->at + i + 1, (s->n - i) * sizeof *s->at);
}

void sources_free(struct sources *s)
{
	free(s->at);
	*s = (struct sources){0};
}

bool sources_eq(const struct sources *a, const struct sources *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->at, b->at, a->n * sizeof *a->at) == 0);
}

/* Adds to ret those of from that are (wanted) or are not in the other set; other NULL: all. */
static int add_some(struct sources *ret, const struct sources *from, const struct sources *other, bool wanted)
{
	for (uint32_t i = 0; i < from->n; i++) {
		if (other && sources_has(other, &from->at[i]) != wanted) continue;
		if (sources_add(ret, &from->at[i]) < 0) {
			sources_free(ret);
			return -ENOMEM;
		}
	}
	return 0;
}

static int copy(struct sources *ret, const struct sources *a)
{
	*ret = (struct sources){0};
	return add_some(ret, a, NULL, true);
}

int sources_union(struct sources *ret, const struct sources *a, const struct sources *b)
{
	int r = copy(ret, a);

	return r < 0 ? r : add_some(ret, b, NULL, true);
}

int sources_minus(struct sources *ret, const struct sources *a, const struct sources *b)
{
	*ret = (struct sources){0};
	return add_some(ret, a, b, false);
}

int sources_intersect(struct sources *ret, const struct sources *a, const struct sources *b)
{
	*ret = (struct sources){0};
	return add_some(ret, a, b, true);
}
