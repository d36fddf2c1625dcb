/* From text to steps. A line begins with a verb of play.c's table; "only", "ipv4" and comments are the rest. */
#include "lang.h"
#include <stdio.h>
#include <string.h>

/* Splits in place; # starts a comment. */
static bool split(struct words *w, char *line)
{
	int i = 0;

	for (w->n = w->at = 0;;) {
		while (line[i] == ' ' || line[i] == '\t')
			i++;
		if (!line[i] || line[i] == '#') return true;
		if (w->n == SCRIPT_WORDS) return words_fail(w, "a line of more than %d words", SCRIPT_WORDS);
		w->word[w->n].text = line + i;
		w->word[w->n++].column = i + 1;
		while (line[i] && line[i] != ' ' && line[i] != '\t')
			i++;
		if (line[i]) line[i++] = 0;
	}
}

static bool parse_only(struct script *s, struct words *w)
{
	s->ipv4 = words_take_if(w, "ipv4");
	s->ipv6 = !s->ipv4 && words_take_if(w, "ipv6");
	return s->ipv4 || s->ipv6 || (words_take(w), words_fail(w, "only ipv4, or only ipv6"));
}

static bool parse_step(struct script *s, struct words *w)
{
	struct script_step *step = &s->steps[s->n_steps];
	const char *name = words_take(w);
	const struct verb *v = verbs;

	while (v->name && strcmp(v->name, name) != 0)
		v++;
	if (!v->name) return words_fail(w, "\"%s\" is nothing that a script does", name);
	if (s->n_steps == SCRIPT_LINES) return words_fail(w, "more than %d steps", SCRIPT_LINES);
	*step = (struct script_step){.verb = v, .line = w->line};
	s->n_steps++;
	return !v->parse || v->parse(step, w);
}

static bool parse_line(struct script *s, int number, char *line)
{
	struct words w = {.script = s, .line = number};

	if (!split(&w, line)) return false;
	if (!w.n) return true;
	if (!(words_take_if(&w, "only") ? parse_only(s, &w) : parse_step(s, &w))) return false;
	return words_over(&w) || (words_take(&w), words_fail(&w, "\"%s\" is too much", w.word[w.at - 1].text));
}

bool script_parse(struct script *s, const char *text)
{
	char line[512];
	int number = 1;

	s->ipv4 = s->ipv6 = true;
	s->n_steps = 0;
	s->error[0] = 0;
	for (const char *at = text, *end; *at; at = end + (*end == '\n'), number++) {
		end = at + strcspn(at, "\n");
		if (end - at >= (long)sizeof line) return words_fail(&(struct words){.script = s, .line = number},
			"a line of over %zu octets", sizeof line - 1);
		memcpy(line, at, (size_t)(end - at));
		line[end - at] = 0;
		if (!parse_line(s, number, line)) return false;
	}
	return s->n_steps > 0 || words_fail(&(struct words){.script = s, .line = number}, "no step at all");
}
