/*
 * Runs a fuzz target without libFuzzer, under any compiler: sample [-runs N] [-seed S] [FILE…]
 * First the files as they are, then N inputs made up: random octets, or a file (or the input before) with a few octets
 * changed, doubled or cut. The same seed gives the same inputs. On a crash the input stands in crash-sample.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/random.h"

#define INPUT_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t input[INPUT_MAX];
static size_t input_len;

static void save_and_die(int sig)
{
	FILE *f = fopen("crash-sample", "wb");

	if (f) {
		fwrite(input, 1, input_len, f);
		fclose(f);
	}
	signal(sig, SIG_DFL);
	raise(sig);
}

static bool load(const char *path)
{
	FILE *f = fopen(path, "rb");

	if (!f) {
		perror(path);
		return false;
	}
	input_len = fread(input, 1, sizeof input, f);
	fclose(f);
	return true;
}

static void make_up(struct random *r)
{
	input_len = random_next(r) % 1500;
	random_fill(r, input, input_len);
}

static void change(struct random *r)
{
	for (int n = 1 + (int)(random_next(r) % 8); n > 0 && input_len; n--) {
		size_t at = random_next(r) % input_len, len = random_next(r) % 64;
		switch (random_next(r) % 4) {
		case 0: input[at] = (uint8_t)random_next(r); break;
		case 1: input[at] ^= (uint8_t)(1 << random_next(r) % 8); break;
		case 2:                                           /* a piece once more */
			len = MIN(len, MIN(input_len - at, INPUT_MAX - input_len));
			memmove(input + at + len, input + at, input_len - at);
			input_len += len;
			break;
		default:                                          /* a piece less */
			len = MIN(len, input_len - at);
			memmove(input + at, input + at + len, input_len - at - len);
			input_len -= len;
		}
	}
}

static void run(void)
{
	uint8_t *exact = malloc(input_len ? input_len : 1);

	if (!exact) exit(2);
	memcpy(exact, input, input_len);
	LLVMFuzzerTestOneInput(exact, input_len);
	free(exact);
}

int main(int argc, char **argv)
{
	unsigned long runs = 1000, seed = 1;
	int first = 1;

	for (; first + 1 < argc && argv[first][0] == '-'; first += 2) {
		if (strcmp(argv[first], "-runs") == 0) runs = strtoul(argv[first + 1], NULL, 10);
		else if (strcmp(argv[first], "-seed") == 0) seed = strtoul(argv[first + 1], NULL, 10);
		else break;
	}
	signal(SIGABRT, save_and_die);
	signal(SIGSEGV, save_and_die);
	for (int i = first; i < argc; i++)
		if (load(argv[i])) run();
	struct random r = random_seeded(seed, "sample");
	for (unsigned long i = 0; i < runs; i++) {
		unsigned kind = (unsigned)(random_next(&r) % 4);
		if (kind == 0 || !input_len) make_up(&r);
		else if (kind == 1 && argc > first) load(argv[first + (int)(random_next(&r) % (unsigned)(argc - first))]);
		if (kind) change(&r);
		run();
	}
	printf("%lu inputs, seed %lu\n", runs, seed);
	return 0;
}
