/* sockland show: the engine's records as tables, pictures, or JSON. A thing to show is a row. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/doctor.h"
#include "cli/picture.h"
#include "cli/records.h"
#include "cli/rendezvous.h"
#include "cli/top.h"

static void time_text(char *to, size_t size, const char *us)
{
	double v = strtod(us, NULL);

	if (v == 0) snprintf(to, size, "-");
	else if (v < 1000) snprintf(to, size, "%.0f us", v);
	else if (v < 1e6) snprintf(to, size, "%.1f ms", v / 1e3);
	else snprintf(to, size, "%.2f s", v / 1e6);
}

static void yes_text(char *to, size_t size, const char *value)
{
	snprintf(to, size, "%s", !*value ? "-" : *value == '1' ? "yes" : "no");
}

static const struct column conn_columns[] = {
	{"host", "HOST", false, NULL}, {"protocol", "PROTO", false, NULL}, {"local", "LOCAL", false, NULL}, {"peer", "PEER", false, NULL},
	{"state", "STATE", false, NULL}, {"direct", "DIRECT", false, yes_text}, {"rtt_us", "RTT", true, time_text}, {"cwnd", "CWND", true, NULL},
	{"retransmits", "RETR", true, NULL},
	{"recvq", "RECV-Q", true, NULL}, {"sendq", "SEND-Q", true, NULL}, {"pid", "PID", true, NULL}, {"program", "PROGRAM", false, NULL},
};
static const struct column link_columns[] = {
	{"name", "LINK", false, NULL}, {"from", "FROM", false, NULL}, {"packets", "PACKETS", true, NULL}, {"octets", "OCTETS", true, NULL},
	{"delivered", "DELIVERED", true, NULL}, {"LINK_LOSS", "LOST", true, NULL}, {"LINK_QUEUE", "QUEUE-FULL", true, NULL},
	{"LINK_AQM", "MANAGED", true, NULL}, {"marked", "MARKED", true, NULL}, {"LINK_CUT", "CUT", true, NULL}, {"LINK_DOWN", "DOWN", true, NULL},
	{"duplicated", "DUPLICATED", true, NULL}, {"corrupted", "CORRUPTED", true, NULL}, {"reordered", "REORDERED", true, NULL},
};
static const struct column program_columns[] = {{"host", "HOST", false, NULL}, {"pid", "PID", true, NULL}, {"name", "PROGRAM", false, NULL}};

static const struct column fault_columns[] = {
	{"host", "HOST", false, NULL}, {"program", "PROGRAM", false, NULL}, {"calls", "CALLS", true, NULL}, {"struck", "STRUCK", true, NULL},
	{"fault", "FAULT", false, NULL},
};

static void print_conns(const struct records *r) { records_table(r, "conn", conn_columns, ARRAY_SIZE(conn_columns), stdout); }
static void print_links(const struct records *r) { records_table(r, "link", link_columns, ARRAY_SIZE(link_columns), stdout); }
static void print_programs(const struct records *r) { records_table(r, "program", program_columns, ARRAY_SIZE(program_columns), stdout); }
static void print_faults(const struct records *r) { records_table(r, "fault", fault_columns, ARRAY_SIZE(fault_columns), stdout); }
static void print_net(const struct records *r) { picture_text(r, stdout); }

/* One line a record: the values of some fields, with something between them. */
static void print_lines(const struct records *r, const char *kind, const char *between, size_t n, const char *const *keys)
{
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; item_is(&r->at[i], kind) && k < n; k++)
			printf("%s%s", item_text(r, &r->at[i], keys[k]), k < n - 1 ? between : "\n");
}
static void print_hosts(const struct records *r) { print_lines(r, "host", "", 1, (const char *[]){"name"}); }
static void print_counts(const struct records *r) { print_lines(r, "count", " ", 2, (const char *[]){"name", "value"}); }
static void print_log(const struct records *r) { print_lines(r, "log", "", 1, (const char *[]){"text"}); }
static void print_refused(const struct records *r) { print_lines(r, "refused", ": ", 3, (const char *[]){"program", "call", "errno"}); }

static const struct thing {
	const char *name, *kind;       /* kind: what the engine is asked for */
	void (*print)(const struct records *);
} things[] = {
	{"net", "net", print_net}, {"conns", "conns", print_conns}, {"links", "links", print_links}, {"programs", "programs", print_programs},
	{"refused", "refused", print_refused}, {"hosts", "net", print_hosts}, {"counts", "counts", print_counts}, {"log", "log", print_log},
	{"faults", "faults", print_faults},
};

static const struct thing *thing_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(things); i++)
		if (strcmp(things[i].name, name) == 0) return &things[i];
	return NULL;
}

struct options { const char *net, *form; };

static bool options_read(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {{"net", required_argument, NULL, 'n'}, {"json", no_argument, NULL, 'j'}, {"dot", no_argument, NULL, 'd'},
						{"mermaid", no_argument, NULL, 'm'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == 'n') o->net = optarg;
		else if (c == '?' || o->form) return false;
		else o->form = c == 'j' ? "json" : c == 'd' ? "dot" : "mermaid";
	}
	return true;
}

static void print(const struct records *r, const struct thing *t, const char *form)
{
	if (!form) t->print(r);
	else if (*form == 'j') records_json(r, stdout);
	else if (*form == 'd') picture_dot(r, stdout);
	else picture_mermaid(r, stdout);
}

int verb_show(const struct verb *v, int argc, char **argv)
{
	struct options o = {0};
	const struct thing *t;
	struct records r = {0};
	struct client c;
	int err;

	if (!options_read(&o, argc, argv) || optind != argc - 1) return cli_usage(v);
	if (strcmp(argv[optind], "doctor") == 0 && (!o.form || *o.form == 'j')) return doctor(o.form != NULL);
	if (strcmp(argv[optind], "top") == 0 && !o.form) return top(o.net);
	t = thing_find(argv[optind]);
	if (!t || (o.form && *o.form != 'j' && t->print != print_net)) return cli_usage(v);
	if (rendezvous_find(&c, o.net) < 0) return EXIT_OWN_FAILURE;
	err = records_get(&r, &c, t->kind);
	if (err == 0) print(&r, t, o.form);
	records_free(&r);
	client_close(&c);
	return err < 0 ? EXIT_OWN_FAILURE : 0;
}
