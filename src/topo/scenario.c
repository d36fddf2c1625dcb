/*
 * Reading scenarios. Whatever can be wrong before anything has started is told here, with line and column: hosts and processes that do not exist,
 * words that are not netem's, expressions that are none. Strings live as long as the scenario.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/duration.h"
#include "topo/scenario_load.h"

#define TIMEOUT_DEFAULT (60 * NS_PER_S)
#define SCENARIO_KEYS "topo", "seed", "timeout", "processes", "scenario", "expect"
enum { KEY_TOPO = TOPO_KEY_COUNT, KEY_SEED, KEY_TIMEOUT, KEY_PROCESSES, KEY_SCENARIO, KEY_EXPECT, KEY_COUNT };

/* ---- memory ---- */

void *scenario_keep(struct scenario *s, size_t size)
{
	void **more = realloc(s->kept, (s->n_kept + 1) * sizeof *more), *p = more ? calloc(1, size) : NULL;

	if (more) s->kept = more;
	if (p) s->kept[s->n_kept++] = p;
	return p;
}

char *scenario_keep_text(struct scenario *s, const char *text)
{
	char *to = scenario_keep(s, strlen(text) + 1);

	return to ? strcpy(to, text) : NULL;
}

void scenario_free(struct scenario *s)
{
	for (size_t i = 0; i < s->n_kept; i++) free(s->kept[i]);
	free(s->kept);
	free(s->processes);
	free(s->events);
	free(s->expects);
	topo_free(&s->topo);
	*s = (struct scenario){0};
}

size_t scenario_find_process(const struct scenario *s, const char *name)
{
	size_t i = 0;

	while (i < s->n_processes && strcmp(s->processes[i].name, name) != 0) i++;
	return i;
}

int scenario_signal(const char *name)
{
	char *end;
	long number = strtol(name, &end, 10);

	if (end != name && !*end) return number > 0 && number < NSIG ? (int)number : -1;
	if (strncmp(name, "SIG", 3) == 0) name += 3;
	for (int i = 1; i < NSIG; i++)
		if (sigabbrev_np(i) && strcmp(sigabbrev_np(i), name) == 0) return i;
	return -1;
}

/* ---- values ---- */

int read_duration(struct load *l, const yaml_node_t *n, time_ns *ret)
{
	time_ns t = doc_text(n) ? duration_parse(doc_text(n)) : -1;

	if (t < 0) return doc_fail(&l->d, n, "a duration is expected here, such as 200ms, 5s, 1m");
	*ret = t;
	return 0;
}

int read_time(struct load *l, const yaml_node_t *n, const char *text, time_ns *ret)
{
	time_ns t = text ? duration_parse(text) : -1;

	if (t < 0) return doc_fail(&l->d, n, "a time is expected here, such as 200ms, 5s, 1m");
	if (t >= l->s->timeout) return doc_fail(&l->d, n, "all is over after %g s: see timeout", (double)l->s->timeout / 1e9);
	*ret = t;
	return 0;
}

int read_number(struct load *l, const yaml_node_t *n, int64_t most, int64_t *ret)
{
	const char *text = doc_text(n);
	char *end;
	long long v;

	errno = 0;
	v = text ? strtoll(text, &end, 10) : 0;
	if (!text || errno || end == text || *end || v < 0 || v > most) return doc_fail(&l->d, n, "a number from 0 to %lld is expected here", (long long)most);
	*ret = v;
	return 0;
}

int read_host(struct load *l, const yaml_node_t *n, size_t *ret)
{
	const char *text = doc_text(n);

	*ret = text ? topo_find_host(&l->s->topo, text) : TOPO_NONE;
	return *ret == TOPO_NONE ? doc_fail(&l->d, n, "no host named %.60s", text ? text : "that") : 0;
}

int read_process(struct load *l, const yaml_node_t *n, size_t *ret)
{
	const char *text = doc_text(n);

	*ret = text ? scenario_find_process(l->s, text) : l->s->n_processes;
	return *ret == l->s->n_processes ? doc_fail(&l->d, n, "no process named %.60s", text ? text : "that") : 0;
}

int read_text(struct load *l, const yaml_node_t *n, const char **ret)
{
	if (!doc_text(n)) return doc_fail(&l->d, n, "a text is expected here");
	*ret = scenario_keep_text(l->s, doc_text(n));
	return *ret ? 0 : -ENOMEM;
}

/* ---- the whole ---- */

static int load_list(struct load *l, yaml_node_t *n, const char *what, int (*each)(struct load *, yaml_node_t *))
{
	yaml_node_t *item;
	int r = 0;

	if (doc_is_null(n)) return 0;
	if (n->type != YAML_SEQUENCE_NODE) return doc_fail(&l->d, n, "%s is a list", what);
	for (size_t i = 0; r == 0 && (item = doc_item(&l->d, n, i)) != NULL; i++) r = each(l, item);
	return r;
}

static int load_topology(struct load *l, yaml_node_t *const *v)
{
	yaml_node_t *shape = v[KEY_TOPO], *name = v[TOPO_NAME];
	char why[200] = "";
	int r;

	if (!shape) return topo_from_doc(&l->s->topo, &l->d, v);
	if (v[TOPO_HOSTS] || v[TOPO_NETWORKS] || v[TOPO_LINKS])
		return doc_fail(&l->d, shape, "topo is a network by itself: leave it or hosts, networks, links out");
	if (name && (!doc_text(name) || !topo_name_ok(doc_text(name)))) return doc_fail(&l->d, name, "this cannot be the name of a net");
	r = topo_shape(&l->s->topo, doc_text(shape) ? doc_text(shape) : "", why, sizeof why);
	if (r == 0) snprintf(l->s->topo.name, sizeof l->s->topo.name, "%s", name ? doc_text(name) : "");      /* the file's, if none */
	return r == -EINVAL ? doc_fail(&l->d, shape, "%s", why) : r;
}

static int load_all(struct load *l)
{
	static const char *const keys[] = {TOPO_KEYS, SCENARIO_KEYS};
	yaml_node_t *v[KEY_COUNT];
	int64_t seed = 0;
	int r = doc_keys(&l->d, doc_root(&l->d), keys, KEY_COUNT, v);

	if (r == 0) r = load_topology(l, v);
	if (r < 0) return r;
	if (v[KEY_SEED]) r = read_number(l, v[KEY_SEED], INT64_MAX, &seed);
	if (r == 0 && v[KEY_TIMEOUT]) r = read_duration(l, v[KEY_TIMEOUT], &l->s->timeout);
	if (r == 0 && !v[KEY_PROCESSES] && !v[KEY_EXPECT]) return doc_fail(&l->d, doc_root(&l->d), "a scenario has processes, or expects something");
	if (r == 0 && v[KEY_PROCESSES]) r = load_list(l, v[KEY_PROCESSES], "processes", load_process);
	if (r == 0 && v[KEY_SCENARIO]) r = load_list(l, v[KEY_SCENARIO], "scenario", load_events);
	if (r == 0 && v[KEY_EXPECT]) r = load_list(l, v[KEY_EXPECT], "expect", load_expect);
	l->s->has_seed = v[KEY_SEED] != NULL;
	l->s->seed = (uint64_t)seed;
	events_sort(l->s);
	return r;
}

int scenario_load_text(struct scenario *s, const char *name, const char *text, size_t len, char *err, size_t err_size)
{
	struct load l = {.s = s};
	int r = doc_parse(&l.d, name, text, len, err, err_size);

	*s = (struct scenario){.timeout = TIMEOUT_DEFAULT};
	if (r < 0) return r;
	r = load_all(&l);
	doc_free(&l.d);
	if (r < 0) scenario_free(s);
	return r;
}

int scenario_load(struct scenario *s, const char *path, char *err, size_t err_size)
{
	char *text;
	size_t len;
	int r = doc_read(path, &text, &len, err, err_size);

	if (r < 0) return r;
	r = scenario_load_text(s, path, text, len, err, err_size);
	if (r == 0) topo_name_from_path(&s->topo, path);
	free(text);
	return r;
}
