/*
 * Plays scripts over both families, each as a test of its own: play FILE, or all of a directory: play DIRECTORY. play --tell ipv4|ipv6 FILE judges
 * nothing, and prints what was seen.
 */
#include "lang.h"
#include <glob.h>
#include <stdio.h>
#include <string.h>

struct played { struct script script; bool v6; };

static void play(void **state)
{
	const struct played *played = *state;

	script_play(&played->script, played->v6);
}

static bool read_script(struct script *s, const char *path)
{
	char text[32768];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

	if (f) fclose(f);
	text[n] = 0;
	s->path = path;
	if (n && script_parse(s, text)) return true;
	printf("%s:%s\n", path, n ? s->error : " cannot be read");
	return false;
}

/* The tests that a script is: one for each family. Returns how many. */
static size_t tests_of(const char *path, struct played *all, struct CMUnitTest *tests)
{
	const char *slash = strrchr(path, '/');
	struct script *s = &all[0].script;
	size_t n = 0;

	if (!read_script(s, path)) return 0;
	all[1] = all[0];
	for (int v6 = 0; v6 < 2; v6++) {
		if (v6 ? !s->ipv6 : !s->ipv4) continue;
		all[n].v6 = v6;
		tests[n] = (struct CMUnitTest){.name = slash ? slash + 1 : path, .test_func = play, .initial_state = &all[n]};
		n++;
	}
	return n;
}

static int play_all(const glob_t *found)
{
	struct played *all = calloc(2 * found->gl_pathc, sizeof *all);
	struct CMUnitTest *tests = calloc(2 * found->gl_pathc, sizeof *tests);
	size_t n = 0, bad = 0;

	for (size_t i = 0; i < found->gl_pathc; i++) {
		size_t made = tests_of(found->gl_pathv[i], all + n, tests + n);
		bad += !made;
		n += made;
	}
	if (n) bad += (size_t)_cmocka_run_group_tests("script", tests, n, NULL, NULL);
	printf("%zu scripts, played %zu times\n", found->gl_pathc, n);
	free(tests);
	free(all);
	return bad > 0;
}

static int tell(const char *family, const char *path)
{
	static struct script script;

	if (!read_script(&script, path)) return 1;
	setvbuf(stdout, NULL, _IOLBF, 1 << 16);
	script_tell(&script, strcmp(family, "ipv6") == 0);
	return 0;
}

int main(int argc, char **argv)
{
	char pattern[4096];
	glob_t found;
	int status;

	if (argc == 4 && strcmp(argv[1], "--tell") == 0) return tell(argv[2], argv[3]);
	snprintf(pattern, sizeof pattern, "%s/*.tcp", argc == 2 ? argv[1] : ".");
	if (argc != 2 || (glob(pattern, 0, NULL, &found) != 0 && glob(argv[1], GLOB_NOMAGIC, NULL, &found) != 0)) {
		printf("usage: play FILE|DIRECTORY | play --tell ipv4|ipv6 FILE\n");
		return 2;
	}
	status = play_all(&found);
	globfree(&found);
	return status;
}
