/*
 * The loader against damaged files: a good one with a few octets changed, doubled, cut or moved, many times, all from one seed. It must come back
 * with a whole topology or with one line that names the file; the sanitizers watch for the rest.
 *
 *     mutate-topo topology|scenario SEED ROUNDS FILE…        the files as they are, and then so many mutants of them
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "topo/scenario.h"

#define TEXT_MAX 8192

static uint64_t draw(uint64_t *state, uint64_t below)
{
	*state ^= *state << 13;        /* xorshift64 */
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state % below;
}

static size_t mutate(uint64_t *state, char *text, size_t len)
{
	static const char marks[] = "{}[]:,-\"' \n\t&*!|>%@#~0a\x80\xff";
	size_t at = draw(state, len), n = 1 + draw(state, 40), to;

	switch (draw(state, 5)) {
	case 0:
		text[at] = marks[draw(state, sizeof marks)];
		return len;
	case 1:
		text[at] = (char)draw(state, 256);
		return len;
	case 2:                        /* a piece is lost */
		n = MIN(n, len - at);
		memmove(text + at, text + at + n, len - at - n);
		return len - n ? len - n : 1;
	case 3:                        /* a piece comes twice */
		n = MIN(n, MIN(len - at, TEXT_MAX - len));
		memmove(text + at + n, text + at, len - at);
		return len + n;
	default:                       /* a piece overwrites another */
		to = draw(state, len);
		n = MIN(n, MIN(len - at, len - to));
		memmove(text + to, text + at, n);
		return len;
	}
}

static int check(const struct topo *t, int r, const char *err)
{
	if (r == -ENOMEM) return 0;
	if (r == -EINVAL) return strncmp(err, "mutant:", 7) == 0 && !strchr(err, '\n') ? 0 : -1;
	if (r != 0 || t->n_hosts == 0) return -1;
	for (size_t i = 0; i < t->n_ifs; i++)
		if (t->ifs[i].host >= t->n_hosts || t->ifs[i].network >= t->n_networks || !addr_is_v4(&t->ifs[i].v4.addr)) return -1;
	for (size_t i = 0; i < t->n_routes; i++)
		if (t->routes[i].host >= t->n_hosts || t->routes[i].iface >= t->n_ifs) return -1;
	return 0;
}

static int load_topo(const char *text, size_t len, char *err, size_t size)
{
	struct topo t = {0};
	int r = topo_load_text(&t, "mutant", text, len, err, size), wrong = check(&t, r, err);

	if (r == 0) topo_free(&t);
	return wrong < 0 ? 1 : r;
}

static int load_scenario(const char *text, size_t len, char *err, size_t size)
{
	struct scenario s;
	int r = scenario_load_text(&s, "mutant", text, len, err, size), wrong = check(&s.topo, r, err);

	for (size_t i = 0; r == 0 && i < s.n_processes; i++)
		if (s.processes[i].host >= s.topo.n_hosts || !s.processes[i].argv[0] || !s.processes[i].name) wrong = -1;
	for (size_t i = 1; r == 0 && i < s.n_events; i++)
		if (s.events[i].at < s.events[i - 1].at || s.events[i].n_words == 0) wrong = -1;
	for (size_t i = 0; r == 0 && i < s.n_expects; i++)
		if (s.expects[i].kind <= EXPECT_OVER && s.expects[i].process >= s.n_processes) wrong = -1;
	if (r == 0) scenario_free(&s);
	return wrong < 0 ? 1 : r;
}

static size_t read_file(const char *path, char *text)
{
	FILE *f = fopen(path, "r");
	size_t len = f ? fread(text, 1, TEXT_MAX, f) : 0;

	if (f) fclose(f);
	if (len > 0) return len;
	perror(path);
	exit(2);
}

int main(int argc, char **argv)
{
	char text[TEXT_MAX], err[400];
	uint64_t state = argc > 4 ? strtoull(argv[2], NULL, 10) * 0x9e3779b97f4a7c15u | 1 : 1;
	unsigned long rounds = argc > 4 ? strtoul(argv[3], NULL, 10) : 0, files = argc > 4 ? (unsigned long)argc - 4 : 0, good = 0;
	int (*load)(const char *, size_t, char *, size_t) = argc > 4 && strcmp(argv[1], "scenario") == 0 ? load_scenario : load_topo;

	if (files == 0) return 2;
	for (unsigned long i = 0; i < files + rounds; i++) {
		bool plain = i < files;
		size_t len = read_file(argv[4 + (plain ? i : draw(&state, files))], text);
		int r;

		for (uint64_t k = 0, n = 1 + draw(&state, 4); k < n && !plain; k++) len = mutate(&state, text, len);
		err[0] = 0;
		r = load(text, len, err, sizeof err);
		if (r > 0) {
			printf("round %lu: result %d, \"%s\", of:\n%.*s\n", i, r, err, (int)len, text);
			return 1;
		}
		good += r == 0;
	}
	printf("%lu inputs, %lu still whole\n", files + rounds, good);
	return good > 0 && good < files + rounds ? 0 : 1;
}
