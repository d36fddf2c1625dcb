/* The words of the command line: set, cut, flap, fault, show, down and what they answer. */
#include <errno.h>
#include "engine/private.h"

#define WORDS_MAX 4200        /* a cut may name every host, with a slash after each */

struct verb { const char *name; int (*serve)(struct call *k, size_t n, char **words, struct text *t); };

static int verb_set(struct call *k, size_t n, char **words, struct text *t) { return fault_set(k->e, n, words, t); }
static int verb_cut(struct call *k, size_t n, char **words, struct text *t) { return fault_cut(k->e, n, words, t); }
static int verb_flap(struct call *k, size_t n, char **words, struct text *t) { return flap_begin(k->e, n, words, t); }

static int verb_fault(struct call *k, size_t n, char **words, struct text *t) { return call_fault_set(k->e, n, words, t); }

static int verb_show(struct call *k, size_t n, char **words, struct text *t) { return show(k->e, k->c, n, words, t); }

static int verb_refused(struct call *k, size_t n, char **words, struct text *t)
{
	(void)n, (void)words;
	refused_print(k->e, t);
	return 0;
}

static int verb_report(struct call *k, size_t n, char **words, struct text *t)
{
	engine_log_print(k->e, t);
	return verb_refused(k, n, words, t);
}

/* The reply still leaves, then the engine ends. */
static int verb_down(struct call *k, size_t n, char **words, struct text *t)
{
	(void)n, (void)words, (void)t;
	k->e->ending = true;
	return 0;
}

static const struct verb verbs[] = {
	{"set", verb_set}, {"cut", verb_cut}, {"flap", verb_flap}, {"fault", verb_fault}, {"show", verb_show}, {"down", verb_down},
	{"report", verb_report}, {"refused", verb_refused},
};

/* Cuts in into its words; the last one is ended here, whatever the sender did. 0: there are too many. */
static size_t words_read(struct call *k, char *words[WORDS_MAX])
{
	char *at = (char *)k->in, *end = at + k->q->in_len;
	size_t n = 0;
	end[-1] = 0;
	for (; at < end && n < WORDS_MAX; at += strlen(at) + 1) words[n++] = at;
	return at < end ? 0 : n;
}

int64_t serve_verb(struct call *k)
{
	char *words[WORDS_MAX];
	size_t n = words_read(k, words);
	struct text t = {(char *)k->out, RPC_TEXT_MAX, 0};
	if (n == 0) return -E2BIG;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(verbs[i].name, words[0]) != 0) continue;
		int result = verbs[i].serve(k, n - 1, words + 1, &t);
		k->reply.out_len = (uint32_t)t.len;
		return result;
	}
	text_add(&t, "no such verb: %s\n", words[0]);
	k->reply.out_len = (uint32_t)t.len;
	return -EINVAL;
}
