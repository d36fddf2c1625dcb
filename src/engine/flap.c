/*
 * Links that go up and down by themselves. A flap is a moment at which its link goes down next; then it sets a timed "down" (fault.c), which ends by itself.
 *
 *     next                 next
 *      ├─ down ─┤── up ────├─ down ─┤── up ── …        each stay as long as flap_stay draws it
 *
 * Read first: link/flap.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "engine/private.h"
#include "link/flap.h"

struct flapping {
	struct list node;                  /* engine.flaps */
	char name[200];                    /* of the link or host */
	struct flap flap;
	struct random random;
	time_ns next, due;                 /* when it goes down next; when all is over */
};

static void flapping_free(struct engine *e, struct flapping *f)
{
	list_remove(&f->node);
	faults_end_of(e, f);
	free(f);
}

/* Down, now; the draw of both stays comes first, so that how long they are depends on nothing else. */
static int go_down(struct engine *e, struct flapping *f)
{
	time_ns down = flap_stay(&f->flap, true, &f->random), up = flap_stay(&f->flap, false, &f->random);
	time_ns end = MIN(f->next + down, f->due);
	/* Who slept through a whole stay makes up for none of it. */
	if (end > e->now) {
		int err = fault_name_set(e, f->name, &(struct fault_words){1, (char *[]){"down"}, end, f});
		if (err < 0) return err;
		direct_look_again(e);
	}
	f->next = MAX(f->next + down + up, e->now);
	return 0;
}

/* Another flap of the same name takes the place of the one before. */
static void replace(struct engine *e, const char *name)
{
	list_each(struct flapping, f, &e->flaps, node)
		if (strcmp(f->name, name) == 0) flapping_free(e, f);
}

static int flap_add(struct engine *e, const char *name, const struct flap *flap, time_ns due)
{
	char stream[220];
	struct flapping *f = calloc(1, sizeof *f);
	if (!f) return -ENOMEM;
	snprintf(stream, sizeof stream, "flap %s", name);
	*f = (struct flapping){.flap = *flap, .random = random_seeded(e->config->seed, stream), .next = e->now, .due = due};
	snprintf(f->name, sizeof f->name, "%s", name);
	replace(e, name);
	list_append(&e->flaps, &f->node);
	if (!flap->begins_down) f->next += flap_stay(flap, false, &f->random);
	else return go_down(e, f);
	return 0;
}

int flap_begin(struct engine *e, size_t n, char **words, struct text *t)
{
	struct flap flap;
	size_t wrong = 0;
	time_ns due = fault_ending(e, &n, words, t);
	if (due < 0) return -EINVAL;
	if (n < 2) {
		text_add(t, "flap LINK|HOST up TIME down TIME [jitter PERCENT] [for DURATION]\n");
		return -EINVAL;
	}
	if (flap_parse(&flap, n - 1, words + 1, &wrong) < 0) {
		text_add(t, "not understood: %s (up 2s down 500ms [jitter 20%%])\n", wrong + 1 < n ? words[wrong + 1] : "the end");
		return -EINVAL;
	}
	/* Nothing changes by this; it says whether there is such a name. */
	bool fits = strlen(words[0]) < sizeof ((struct flapping *)0)->name;
	int err = fits ? fault_name_set(e, words[0], &(struct fault_words){0, NULL, TIME_NEVER, NULL}) : -ENOENT;
	if (err == 0) err = flap_add(e, words[0], &flap, due);
	if (err == -ENOENT) text_add(t, "no link or host named %.200s\n", words[0]);
	return err;
}

time_ns flaps_deadline(const struct engine *e)
{
	time_ns due = TIME_NEVER;
	list_each(struct flapping, f, &e->flaps, node) due = MIN(due, MIN(f->next, f->due));
	return due;
}

void flaps_advance(struct engine *e)
{
	list_each(struct flapping, f, &e->flaps, node)
		if (f->due <= e->now || (f->next <= e->now && go_down(e, f) < 0)) flapping_free(e, f);
}

void flaps_show(struct engine *e, struct page *p)
{
	list_each(struct flapping, f, &e->flaps, node) {
		if (!page_takes(p)) continue;
		text_add(p->t, "flap\tname=%s\tup_ms#%lld\tdown_ms#%lld\tjitter_percent#%.12g", f->name, (long long)(f->flap.up_ns / NS_PER_MS),
			 (long long)(f->flap.down_ns / NS_PER_MS), f->flap.jitter * 100);
		if (f->due != TIME_NEVER) text_add(p->t, "\tends_in_ms#%lld", (long long)(MAX(f->due - e->now, 0) / NS_PER_MS));
		text_add(p->t, "\n");
	}
}

void flaps_free(struct engine *e) { list_each(struct flapping, f, &e->flaps, node) flapping_free(e, f); }
