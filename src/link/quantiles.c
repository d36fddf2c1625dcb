/*
 * Computes netem's delay distributions, when sockland is built: the quantiles of each, as multiples of the jitter in units of 1/8192, evenly spaced.
 * A uniform number picks one, and delay + jitter * quantile is distributed like that.
 *
 *     normal         mean 0, standard deviation 1, cut at ±4
 *     pareto         shape 3 from 1 up, moved by its mean of 1.5 and stretched by 4/3: many small values, few large ones, cut at +4
 *     paretonormal   a quarter of the first and three quarters of the second: what measured networks look like
 *
 * Only + - * /, so that every machine computes the same tables and a seed means the same everywhere.
 *
 * Read first: tc-netem(8) "distribution".
 */
#include <stdio.h>

#define N 4096
#define SCALE 8192
#define LARGEST 32767.0
#define STEP (1.0 / 4096)
#define PHI_0 0.39894228040143267794   /* the normal density at 0 */

static double middle(int i) { return (i + 0.5) / N; }

/*
 * Walks up the density from 0 and notes where the area below reaches each table entry's. From one step to the next the density changes by the
 * factor e^(-x h - h²/2), and that by e^(-h²): both are followed by multiplying.
 */
static void normal_fill(double *table)
{
	const double h2 = STEP * STEP, shrink = 1 - h2 + h2 * h2 / 2;
	double x = 0, area = 0.5, density = PHI_0, factor = 1 - h2 / 2 + h2 * h2 / 8;
	for (int i = N / 2; i < N; i++) {
		double slice = 0;
		while (area < middle(i)) {
			slice = (density + density * factor) / 2 * STEP;
			area += slice;
			density *= factor;
			factor *= shrink;
			x += STEP;
		}
		table[i] = slice > 0 ? x - (area - middle(i)) / slice * STEP : x;
		table[N - 1 - i] = -table[i];
	}
}

/* By Newton; v in 0..1. */
static double cube_root(double v)
{
	double r = 1;
	for (int i = 0; i < 60; i++) r = (2 * r + v / (r * r)) / 3;
	return r;
}

static double pareto(int i) { return (1 / cube_root(1 - middle(i)) - 1.5) * 4 / 3; }

static void print(const char *name, const double *table)
{
	printf("static const int16_t %s[%d] = {", name, N);
	for (int i = 0; i < N; i++) {
		double v = table[i] * SCALE;
		v = v > LARGEST ? LARGEST : v;
		printf("%s%d,", i % 16 ? "" : "\n\t", (int)(v < 0 ? v - 0.5 : v + 0.5));
	}
	printf("\n};\n");
}

int main(void)
{
	static double normal[N], heavy[N], mixed[N];
	normal_fill(normal);
	for (int i = 0; i < N; i++) {
		heavy[i] = pareto(i);
		mixed[i] = 0.25 * normal[i] + 0.75 * heavy[i];
	}
	printf("/* Written by quantiles.c. */\n#include <stdint.h>\n#define QUANTILES %d\n#define QUANTILE_SCALE %d\n", N, SCALE);
	print("normal", normal);
	print("pareto", heavy);
	print("paretonormal", mixed);
	return 0;
}
