/*
 * Pictures of a net. Hosts, routers and switches are nodes; an interface on a switch, a link between two interfaces and a trunk between two
 * switches are edges, with the interfaces' names and addresses at their ends and the impairments in the middle.
 */
#include "cli/picture.h"

/* ---- text ---- */

static void text_host(const struct records *r, const struct item *host, FILE *to)
{
	const char *name = item_text(r, host, "name");

	fprintf(to, "%s%s\n", name, item_number(r, host, "router") ? " (router)" : "");
	for (size_t i = 0; i < r->n; i++) {
		const struct item *d = &r->at[i];
		const char *v4 = item_text(r, d, "v4"), *v6 = item_text(r, d, "v6");

		if (strcmp(item_text(r, d, "host"), name) != 0) continue;
		if (item_is(d, "if"))
			fprintf(to, "    %s on %s%s%s%s%s\n", item_text(r, d, "name"), item_text(r, d, "network"), *v4 ? "  " : "", v4, *v6 ? "  " : "", v6);
		if (item_is(d, "program")) fprintf(to, "    runs %s (%s)\n", item_text(r, d, "name"), item_text(r, d, "pid"));
	}
}

static void text_flap(const struct records *r, const struct item *d, FILE *to)
{
	const char *jitter = item_text(r, d, "jitter_percent");

	fprintf(to, "flap %s up %sms down %sms", item_text(r, d, "name"), item_text(r, d, "up_ms"), item_text(r, d, "down_ms"));
	if (strcmp(jitter, "0") != 0) fprintf(to, " jitter %s%%", jitter);
}

static void text_line(const struct records *r, const struct item *d, FILE *to)
{
	const char *out = item_text(r, d, "out"), *in = item_text(r, d, "in"), *both = item_text(r, d, "impairment");
	const char *host = item_text(r, d, "host"), *name = item_text(r, d, "name");

	if (*out) fprintf(to, "%s:%s out  %s\n", host, name, out);
	if (*in) fprintf(to, "%s:%s in   %s\n", host, name, in);
	if (item_is(d, "flap")) text_flap(r, d, to);
	if (item_is(d, "trunk")) fprintf(to, "%s%s%s\n", name, *both ? "  " : "", both);
	if (item_is(d, "cut")) fprintf(to, "cut %s", item_text(r, d, "sides"));
	if (!item_is(d, "cut") && !item_is(d, "flap")) return;
	if (*item_text(r, d, "ends_in_ms")) fprintf(to, ", for %.1f s more", (double)item_number(r, d, "ends_in_ms") / 1000);
	fputc('\n', to);
}

void picture_text(const struct records *r, FILE *to)
{
	for (size_t i = 0; i < r->n; i++)
		if (item_is(&r->at[i], "net")) fprintf(to, "net %s, seed %s\n", item_text(r, &r->at[i], "name"), item_text(r, &r->at[i], "seed"));
	for (size_t i = 0; i < r->n; i++)
		if (item_is(&r->at[i], "host")) text_host(r, &r->at[i], to);
	for (size_t i = 0; i < r->n; i++) text_line(r, &r->at[i], to);
}

/* ---- graphs ---- */

struct edge { const char *a, *b, *a_label, *b_label; char middle[600]; };

static bool is_switch(const struct records *r, const char *network)
{
	for (size_t i = 0; i < r->n; i++)
		if (item_is(&r->at[i], "network") && strcmp(item_text(r, &r->at[i], "name"), network) == 0) return item_number(r, &r->at[i], "switch");
	return false;
}

/* The other interface on a link of two, behind `after`; NULL when `after` is the second one. */
static const struct item *far_end(const struct records *r, const struct item *after)
{
	const char *network = item_text(r, after, "network");

	for (const struct item *d = after + 1; d < r->at + r->n; d++)
		if (item_is(d, "if") && strcmp(item_text(r, d, "network"), network) == 0) return d;
	return NULL;
}

static void middle_text(const struct records *r, const struct item *d, struct edge *e)
{
	const char *out = item_text(r, d, "out"), *in = item_text(r, d, "in"), *both = item_text(r, d, "impairment");

	if (*both) snprintf(e->middle, sizeof e->middle, "%s", both);
	else if (*out && strcmp(out, in) == 0) snprintf(e->middle, sizeof e->middle, "%s", out);
	else snprintf(e->middle, sizeof e->middle, "%s%s%s%s%s", *out ? "out " : "", out, *out && *in ? ", " : "", *in ? "in " : "", in);
}

/* The edge that d stands for; false when it stands for none. */
static bool edge_of(const struct records *r, const struct item *d, struct edge *e)
{
	const struct item *far = NULL;
	const char *network = item_text(r, d, "network");
	bool on_switch = is_switch(r, network);

	*e = (struct edge){.a_label = "", .b_label = ""};
	middle_text(r, d, e);
	if (item_is(d, "trunk")) {
		e->a = item_text(r, d, "a");
		e->b = item_text(r, d, "b");
		return true;
	}
	if (!item_is(d, "if") || (!on_switch && !(far = far_end(r, d)))) return false;
	e->a = item_text(r, d, "host");
	e->a_label = item_text(r, d, "name");
	e->b = on_switch ? network : item_text(r, far, "host");
	if (far) e->b_label = item_text(r, far, "name");
	return true;
}

static const char *node_shape(const struct records *r, const struct item *d, const char *host, const char *router, const char *hub)
{
	if (item_is(d, "host")) return item_number(r, d, "router") ? router : host;
	return item_is(d, "network") && item_number(r, d, "switch") ? hub : NULL;
}

/* Addresses of a host, a line each in the graph's own way of saying so. */
static void node_addresses(const struct records *r, const struct item *node, const char *line_end, FILE *to)
{
	if (item_is(node, "network")) fprintf(to, "%s%s", line_end, item_text(r, node, "v4"));
	for (size_t i = 0; i < r->n; i++) {
		const struct item *d = &r->at[i];

		if (item_is(d, "if") && item_is(node, "host") && strcmp(item_text(r, d, "host"), item_text(r, node, "name")) == 0)
			fprintf(to, "%s%s %s", line_end, item_text(r, d, "name"), item_text(r, d, "v4"));
	}
}

void picture_dot(const struct records *r, FILE *to)
{
	struct edge e;

	fprintf(to, "graph \"%s\" {\n", r->n ? item_text(r, r->at, "name") : "");
	fputs("\tnode [fontname=\"sans-serif\"];\n\tedge [fontname=\"sans-serif\", fontsize=10];\n", to);
	for (size_t i = 0; i < r->n; i++) {
		const char *shape = node_shape(r, &r->at[i], "box", "diamond", "ellipse"), *name = item_text(r, &r->at[i], "name");

		if (!shape) continue;
		fprintf(to, "\t\"%s\" [shape=%s, label=\"%s", name, shape, name);
		node_addresses(r, &r->at[i], "\\n", to);
		fputs("\"];\n", to);
	}
	for (size_t i = 0; i < r->n; i++)
		if (edge_of(r, &r->at[i], &e))
			fprintf(to, "\t\"%s\" -- \"%s\" [taillabel=\"%s\", headlabel=\"%s\", label=\"%s\"];\n", e.a, e.b, e.a_label, e.b_label, e.middle);
	fputs("}\n", to);
}

/* Mermaid's names are letters and digits only: a node is called by its place. */
static size_t node_place(const struct records *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if ((item_is(&r->at[i], "host") || item_is(&r->at[i], "network")) && strcmp(item_text(r, &r->at[i], "name"), name) == 0) return i;
	return r->n;
}

void picture_mermaid(const struct records *r, FILE *to)
{
	struct edge e;

	fputs("graph LR\n", to);
	for (size_t i = 0; i < r->n; i++) {
		const char *shape = node_shape(r, &r->at[i], "[]", "{}", "()");

		if (!shape) continue;
		fprintf(to, "    n%zu%c\"%s", i, shape[0], item_text(r, &r->at[i], "name"));
		node_addresses(r, &r->at[i], "<br>", to);
		fprintf(to, "\"%c\n", shape[1]);
	}
	for (size_t i = 0; i < r->n; i++) {
		if (!edge_of(r, &r->at[i], &e)) continue;
		fprintf(to, "    n%zu ---", node_place(r, e.a));
		if (*e.middle) fprintf(to, "|\"%s\"|", e.middle);
		fprintf(to, " n%zu\n", node_place(r, e.b));
	}
}
