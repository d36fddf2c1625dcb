/*
 * The live view. Rates are the difference of two looks, a second apart; a connection is known again by its host and its two ends. The busiest stand on
 * top, and what does not fit on the screen is left out.
 */
#include "cli/top.h"

#include <curses.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/records.h"
#include "cli/rendezvous.h"

#define LOOK_MS 1000

struct look { struct records net, links, conns; time_ns at; };
struct row { const struct item *now, *before; double rate; };      /* before: NULL when it is new */

static void look_free(struct look *l)
{
	records_free(&l->net);
	records_free(&l->links);
	records_free(&l->conns);
}

static int look_take(struct look *l, struct client *c)
{
	struct timespec t;
	int err;

	*l = (struct look){0};
	clock_gettime(CLOCK_MONOTONIC, &t);
	l->at = t.tv_sec * NS_PER_S + t.tv_nsec;
	err = records_get(&l->net, c, "net");
	if (err == 0) err = records_get(&l->links, c, "links");
	if (err == 0) err = records_get(&l->conns, c, "conns");
	return err;
}

/* The same thing a look ago. */
static const struct item *earlier(const struct records *now, const struct item *d, const struct records *before, size_t n_keys, const char *const *keys)
{
	for (size_t i = 0; i < before->n; i++) {
		size_t same = 0;

		while (same < n_keys && strcmp(item_text(now, d, keys[same]), item_text(before, &before->at[i], keys[same])) == 0) same++;
		if (same == n_keys) return &before->at[i];
	}
	return NULL;
}

static double rate_of(const struct records *now, const struct records *before, const struct row *r, const char *key, double seconds)
{
	uint64_t was = r->before ? item_number(before, r->before, key) : 0, is = item_number(now, r->now, key);

	return is > was && seconds > 0 ? (double)(is - was) / seconds : 0;
}

static int busier(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return (x->rate < y->rate) - (x->rate > y->rate);
}

/* Rows for every record, the busiest first; free() them. NULL without memory. */
static struct row *rows_make(const struct records *now, const struct records *before, double seconds, size_t n_keys, const char *const *keys,
			     const char *one, const char *other)
{
	struct row *rows = calloc(now->n + 1, sizeof *rows);

	for (size_t i = 0; rows && i < now->n; i++) {
		rows[i].now = &now->at[i];
		rows[i].before = earlier(now, &now->at[i], before, n_keys, keys);
		rows[i].rate = rate_of(now, before, &rows[i], one, seconds) + rate_of(now, before, &rows[i], other, seconds);
	}
	if (rows) qsort(rows, now->n, sizeof *rows, busier);
	return rows;
}

/* "12.3 Mbit/s" of octets a second. */
static const char *rate_text(char *to, size_t size, double octets)
{
	static const char *const units[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s"};
	double bits = octets * 8;
	size_t unit = 0;

	for (; bits >= 1000 && unit < ARRAY_SIZE(units) - 1; unit++) bits /= 1000;
	snprintf(to, size, unit ? "%.1f %s" : "%.0f %s", bits, units[unit]);
	return to;
}

/* One line of the screen, cut at its edge (curses itself would go on in the next). */
__attribute__((format(printf, 2, 3))) static void line(int y, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	mvaddnstr(y, 0, text, COLS);
}

static size_t kind_count(const struct records *r, const char *kind)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) n += item_is(&r->at[i], kind);
	return n;
}

static int draw_links(const struct look *now, const struct look *before, double seconds, int y)
{
	static const char *const keys[] = {"name", "from"};
	const struct records *l = &now->links;
	struct row *rows = rows_make(l, &before->links, seconds, ARRAY_SIZE(keys), keys, "octets", "octets");
	char rate[32];

	attron(A_REVERSE);
	line(y++, "%-24s %-16s %12s %10s %8s %9s", "LINK", "FROM", "RATE", "PACKETS", "DROPPED", "REORDERED");
	attroff(A_REVERSE);
	for (size_t i = 0; rows && i < l->n && y < LINES / 2; i++) {
		const struct item *d = rows[i].now;

		line(y++, "%-24.24s %-16.16s %12s %10s %8s %9s", item_text(l, d, "name"), item_text(l, d, "from"),
		     rate_text(rate, sizeof rate, rate_of(l, &before->links, &rows[i], "octets", seconds)), item_text(l, d, "packets"),
		     item_text(l, d, "dropped"), item_text(l, d, "reordered"));
	}
	free(rows);
	return y + 1;
}

static void draw_conns(const struct look *now, const struct look *before, double seconds, int y)
{
	static const char *const keys[] = {"host", "local", "peer"};
	const struct records *c = &now->conns;
	struct row *rows = rows_make(c, &before->conns, seconds, ARRAY_SIZE(keys), keys, "sent", "received");

	attron(A_REVERSE);
	line(y++, "%-8s %-11s %-21s %-21s %12s %12s %8s %5s %5s  %s", "HOST", "STATE", "LOCAL", "PEER", "SENDS", "RECEIVES", "RTT us", "CWND", "RETR",
	     "PROGRAM");
	attroff(A_REVERSE);
	for (size_t i = 0; rows && i < c->n && y < LINES; i++) {
		const struct item *d = rows[i].now;
		char sent[32], received[32];

		rate_text(sent, sizeof sent, rate_of(c, &before->conns, &rows[i], "sent", seconds));
		rate_text(received, sizeof received, rate_of(c, &before->conns, &rows[i], "received", seconds));
		line(y++, "%-8.8s %-11.11s %-21.21s %-21.21s %12s %12s %8s %5s %5s  %s", item_text(c, d, "host"), item_text(c, d, "state"),
		     item_text(c, d, "local"), item_text(c, d, "peer"), sent, received, item_text(c, d, "rtt_us"), item_text(c, d, "cwnd"),
		     item_text(c, d, "retransmits"), item_text(c, d, "program"));
	}
	free(rows);
}

static void draw(const struct look *now, const struct look *before)
{
	double seconds = (double)(now->at - before->at) / (double)NS_PER_S;
	const struct records *n = &now->net;

	erase();
	line(0, "net %s  %zu hosts  %zu programs  %zu sockets  %zu cuts   (q ends this)", n->n ? item_text(n, n->at, "name") : "",
		 kind_count(n, "host"), kind_count(n, "program"), now->conns.n, kind_count(n, "cut"));
	draw_conns(now, before, seconds, draw_links(now, before, seconds, 2));
	refresh();
}

/* Until q, or until the net is no more: then why. */
static int watch(struct client *c)
{
	struct look before, now;
	int err = look_take(&before, c), key = 0;

	while (err == 0 && key != 'q') {
		err = look_take(&now, c);
		if (err == 0) draw(&now, &before);
		look_free(&before);
		before = now;
		if (err == 0) key = getch();
	}
	look_free(&before);
	return err;
}

int top(const char *net)
{
	struct client c;
	SCREEN *screen;
	int err;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) return cli_fail("top needs a terminal; show conns and show links do not");
	if (rendezvous_find(&c, net) < 0) return EXIT_OWN_FAILURE;
	screen = newterm(NULL, stdout, stdin);
	if (!screen) return client_close(&c), cli_fail("this terminal is of a kind that curses does not know: see TERM");
	cbreak();
	noecho();
	curs_set(0);
	timeout(LOOK_MS);
	err = watch(&c);
	endwin();
	delscreen(screen);
	client_close(&c);
	return err == -ECONNRESET ? cli_fail("the net has ended") : err < 0 ? EXIT_OWN_FAILURE : 0;
}
