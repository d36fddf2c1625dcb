/*
 * sockland plot: the time-sequence graph of a captured connection, as tcptrace draws it, in SVG.
 *
 *     octets │            ╷ window               ┃ segment   ┃ sent again   × lost by the link
 *            │       ╭────╯     ┃  ┃             ━ acknowledged and window, as steps
 *            │  ─────╯  ┃  ╭───────              ┃ selectively acknowledged, at the ACK that says so
 *            └───────────────────── seconds
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/sequence.h"

#define WIDTH 1000
#define HEIGHT 600
#define LEFT 90
#define TOP 50
#define RIGHT 20
#define BOTTOM 45
#define TICKS 8
#define CROSS 3
#define FILTER_MAX 4096

struct plot { const struct sequence *s; FILE *to; double t_max, seq_max; };

static double x_of(const struct plot *p, double t) { return LEFT + t / p->t_max * (WIDTH - LEFT - RIGHT); }
static double y_of(const struct plot *p, double seq) { return HEIGHT - BOTTOM - seq / p->seq_max * (HEIGHT - TOP - BOTTOM); }

/* ---- axes ---- */

/* 1, 2 or 5 times a power of ten, so that about TICKS of them make max. */
static double tick_step(double max)
{
	double step = 1e-9;

	for (int i = 0; max / step > TICKS; i++) step *= i % 3 == 1 ? 2.5 : 2;
	return step;
}

static void axes_draw(const struct plot *p)
{
	double t_step = tick_step(p->t_max), seq_step = MAX(tick_step(p->seq_max), 1);

	fputs("<g stroke=\"#ddd\" fill=\"#444\" font-size=\"12\">\n", p->to);
	for (double t = 0; t <= p->t_max; t += t_step) {
		fprintf(p->to, "<path d=\"M%.1f %dV%d\"/>", x_of(p, t), TOP, HEIGHT - BOTTOM);
		fprintf(p->to, "<text stroke=\"none\" text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">%.6g</text>\n", x_of(p, t), HEIGHT - BOTTOM + 16, t);
	}
	for (double seq = 0; seq <= p->seq_max; seq += seq_step) {
		fprintf(p->to, "<path d=\"M%d %.1fH%d\"/>", LEFT, y_of(p, seq), WIDTH - RIGHT);
		fprintf(p->to, "<text stroke=\"none\" text-anchor=\"end\" x=\"%d\" y=\"%.1f\">%.0f</text>\n", LEFT - 6, y_of(p, seq) + 4, seq);
	}
	fprintf(p->to, "<text stroke=\"none\" text-anchor=\"middle\" x=\"%d\" y=\"%d\">seconds</text>\n</g>\n", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8);
}

/* ---- what happened ---- */

static const struct style { const char *name, *label, *colour; } styles[] = {
	[MARK_DATA] = {"data", "segment", "#1f4e9c"}, [MARK_AGAIN] = {"again", "sent again", "#d02020"}, [MARK_LOST] = {"lost", "lost by the link", "#d02020"},
	[MARK_SACK] = {"sack", "selectively acknowledged", "#9040b0"}, {"ack", "acknowledged", "#208040"}, {"window", "window", "#c09000"},
};
enum { STYLE_ACK = MARKS, STYLE_WINDOW };

static void path_begin(const struct plot *p, int style, double width)
{
	fprintf(p->to, "<path class=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"%g\" d=\"", styles[style].name, styles[style].colour, width);
}

static void spans_draw(const struct plot *p, enum mark m)
{
	path_begin(p, (int)m, m == MARK_SACK ? 1 : m == MARK_AGAIN ? 4 : 2);
	for (size_t i = 0; i < p->s->marks[m].n; i++) {
		const struct span *s = &p->s->marks[m].at[i];

		fprintf(p->to, "M%.2f %.2fV%.2f", x_of(p, s->t), y_of(p, (double)s->from), y_of(p, (double)s->to));
	}
	fputs("\"/>\n", p->to);
}

static void crosses_draw(const struct plot *p)
{
	path_begin(p, MARK_LOST, 1.5);
	for (size_t i = 0; i < p->s->marks[MARK_LOST].n; i++) {
		const struct span *s = &p->s->marks[MARK_LOST].at[i];
		double x = x_of(p, s->t), y = y_of(p, (double)(s->from + s->to) / 2);

		fprintf(p->to, "M%.2f %.2fl%d %dm0 %dl%d %d", x - CROSS, y - CROSS, 2 * CROSS, 2 * CROSS, -2 * CROSS, -2 * CROSS, 2 * CROSS);
	}
	fputs("\"/>\n", p->to);
}

static void steps_draw(const struct plot *p, bool window)
{
	path_begin(p, window ? STYLE_WINDOW : STYLE_ACK, 1);
	for (size_t i = 0; i < p->s->n_steps; i++) {
		const struct step *s = &p->s->steps[i];
		double y = y_of(p, MIN((double)(window ? s->window : s->ack), p->seq_max));

		if (i == 0) fprintf(p->to, "M%.2f %.2f", x_of(p, s->t), y);
		else fprintf(p->to, "H%.2fV%.2f", x_of(p, s->t), y);
	}
	fputs("\"/>\n", p->to);
}

static void notes_draw(const struct plot *p)
{
	fputs("<g class=\"flags\" fill=\"#000\" font-size=\"11\" text-anchor=\"middle\">\n", p->to);
	for (size_t i = 0; i < p->s->n_notes; i++) {
		const struct note *n = &p->s->notes[i];

		fprintf(p->to, "<text x=\"%.2f\" y=\"%.2f\">%c</text>\n", x_of(p, n->t), y_of(p, (double)n->seq) - 4, n->flag);
	}
	fputs("</g>\n", p->to);
}

static void legend_draw(const struct plot *p)
{
	double x = LEFT;

	fputs("<g font-size=\"12\">\n", p->to);
	fprintf(p->to, "<text x=\"%d\" y=\"18\" font-weight=\"bold\">%s to %s</text>\n", LEFT, p->s->from, p->s->to);
	for (size_t i = 0; i < ARRAY_SIZE(styles); i++) {
		fprintf(p->to, "<rect x=\"%.0f\" y=\"29\" width=\"10\" height=\"10\" fill=\"%s\"/>", x, styles[i].colour);
		fprintf(p->to, "<text x=\"%.0f\" y=\"38\">%s%s</text>\n", x + 15, i == MARK_LOST ? "× " : "", styles[i].label);
		x += 45 + 7 * (double)strlen(styles[i].label);
	}
	fputs("</g>\n", p->to);
}

/* The window is shown as far as a fifth above what was sent: it may be much larger than all that happened. */
static void plot_draw(const struct sequence *s, FILE *to)
{
	struct plot p = {s, to, MAX(s->duration, 1e-6) * 1.02, (double)MAX(s->highest, 1) * 1.2};

	fprintf(to, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\">\n", WIDTH, HEIGHT);
	fprintf(to, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", WIDTH, HEIGHT);
	axes_draw(&p);
	steps_draw(&p, true);
	steps_draw(&p, false);
	spans_draw(&p, MARK_SACK);
	spans_draw(&p, MARK_DATA);
	spans_draw(&p, MARK_AGAIN);
	crosses_draw(&p);
	notes_draw(&p);
	legend_draw(&p);
	fputs("</svg>\n", to);
}

/* ---- the verb ---- */

/* The whole file; NULL after a message. */
static uint8_t *file_read(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	uint8_t *data = f && fstat(fileno(f), &st) == 0 ? malloc((size_t)st.st_size + 1) : NULL;

	if (data) *ret_len = fread(data, 1, (size_t)st.st_size, f);
	if (!data || ferror(f)) cli_warn("%s: %s", path, strerror(errno));
	if (data && ferror(f)) free(data), data = NULL;
	if (f) fclose(f);
	return data;
}

static int svg_write(const struct sequence *s, const char *path)
{
	FILE *to = path ? fopen(path, "we") : stdout;
	bool failed;

	if (!to) return cli_fail("%s: %s", path, strerror(errno));
	plot_draw(s, to);
	if (!path) return 0;
	failed = ferror(to) != 0;
	if (fclose(to) != 0 || failed) return cli_fail("%s: %s", path, strerror(errno));
	return 0;
}

static int plot(const char *path, const char *filter, const char *out)
{
	struct sequence s;
	size_t len = 0;
	uint8_t *capture = file_read(path, &len);
	int err = capture ? sequence_read(&s, capture, len, filter) : -EIO, status;

	free(capture);
	if (err == -EPROTO) return cli_fail("%s is no capture of sockland cap", path);
	if (err == -ENOENT) return cli_fail("%s has no TCP connection%s", path, filter ? " that the filter lets by" : "");
	if (err == -ENOMEM) return cli_fail("no memory");
	if (err < 0) return EXIT_OWN_FAILURE;
	status = svg_write(&s, out);
	sequence_free(&s);
	return status;
}

int verb_plot(const struct verb *v, int argc, char **argv)
{
	const char *path = NULL, *out = NULL;
	char filter[FILTER_MAX] = "";

	for (int c; (c = getopt(argc, argv, "-o:")) >= 0;) {
		size_t len = strlen(filter);

		if (c == 'o') out = optarg;
		else if (c != 1) return cli_usage(v);
		else if (!path) path = optarg;
		else if (strlen(optarg) + 2 > sizeof filter - len) return cli_fail("the filter is too long");
		else snprintf(filter + len, sizeof filter - len, "%s%s", len ? " " : "", optarg);
	}
	return path ? plot(path, *filter ? filter : NULL, out) : cli_usage(v);
}
