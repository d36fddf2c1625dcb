/* Every target in turn: bad-packets [--all] [SEED] [NAME of a target] */
#include "mangle.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALL = 5000000, SAMPLE = 400000 };

static size_t count(const struct target *t)
{
	size_t n = 0;

	while (t[n].name)
		n++;
	return n;
}

static bool run(const struct target *t, const char *only, unsigned long each, bool all, uint64_t seed, struct runs *sum)
{
	bool ok = true;

	for (; t->name; t++) {
		struct runs r = {0};
		if (only && strcmp(only, t->name) != 0) continue;
		ok &= mangle(t, each, all, seed, &r);
		printf("%-28s %lu with one change, %lu pairs, %lu drawn\n", t->name, r.singles, r.pairs, r.drawn);
		sum->singles += r.singles;
		sum->pairs += r.pairs;
		sum->drawn += r.drawn;
	}
	return ok;
}

int main(int argc, char **argv)
{
	bool all = argc > 1 && strcmp(argv[1], "--all") == 0, ok;
	uint64_t seed = argc > 1 + all ? strtoull(argv[1 + all], NULL, 10) : 1;
	const char *only = argc > 2 + all ? argv[2 + all] : NULL;
	struct runs sum = {0};
	unsigned long each = (all ? ALL : SAMPLE) / (count(tcp_targets) + count(host_targets));

	ok = run(tcp_targets, only, each, all, seed, &sum);
	ok &= run(host_targets, only, each, all, seed, &sum);
	printf("%lu bad packets, seed %llu: %lu with one change, %lu pairs, %lu drawn pairs and triples\n", sum.singles + sum.pairs + sum.drawn,
	       (unsigned long long)seed, sum.singles, sum.pairs, sum.drawn);
	return !ok;
}
