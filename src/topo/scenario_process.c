/* The processes of a scenario: where, what, when. */
#include <errno.h>
#include <stdio.h>

#include "topo/scenario_load.h"

/* A list of words, or a text for the shell. */
static int read_command(struct load *l, yaml_node_t *n, char ***ret)
{
	const char *text = doc_text(n);
	size_t count = 0;
	yaml_node_t *word;
	char **argv;

	if (text && !*text) return doc_fail(&l->d, n, "a command is expected here");
	while (!text && doc_item(&l->d, n, count)) count++;
	if (!text && count == 0) return doc_fail(&l->d, n, "a command is a text for the shell, or a list of words");
	argv = scenario_keep(l->s, (MAX(count, 3) + 1) * sizeof *argv);
	if (!argv) return -ENOMEM;
	*ret = argv;
	if (text) {
		argv[0] = "sh";
		argv[1] = "-c";
		argv[2] = scenario_keep_text(l->s, text);
		return argv[2] ? 0 : -ENOMEM;
	}
	for (size_t i = 0; (word = doc_item(&l->d, n, i)) != NULL; i++) {
		if (!doc_text(word)) return doc_fail(&l->d, word, "a word is expected here");
		argv[i] = scenario_keep_text(l->s, doc_text(word));
		if (!argv[i]) return -ENOMEM;
	}
	return 0;
}

struct env_load { struct load *l; char **at; size_t n; };

static int env_add(void *user, yaml_node_t *name, yaml_node_t *value)
{
	struct env_load *e = user;
	const char *text = value ? doc_text(value) : NULL;
	size_t size;

	if (!text || !*doc_text(name) || strchr(doc_text(name), '=')) return doc_fail(&e->l->d, name, "env is {NAME: value}");
	size = strlen(doc_text(name)) + strlen(text) + 2;
	e->at[e->n] = scenario_keep(e->l->s, size);
	if (!e->at[e->n]) return -ENOMEM;
	snprintf(e->at[e->n++], size, "%s=%s", doc_text(name), text);
	return 0;
}

static int read_env(struct load *l, yaml_node_t *n, char ***ret)
{
	struct env_load e = {.l = l};

	if (n->type != YAML_MAPPING_NODE) return doc_fail(&l->d, n, "env is {NAME: value}");
	e.at = *ret = scenario_keep(l->s, ((size_t)(n->data.mapping.pairs.top - n->data.mapping.pairs.start) + 1) * sizeof *e.at);
	return e.at ? doc_named(&l->d, n, "variable", env_add, &e) : -ENOMEM;
}

/* Without a name of its own a process is called by the first word of its command, its directory left out. */
static int process_name(struct load *l, yaml_node_t *at, yaml_node_t *name, struct scenario_process *p)
{
	const char *words = strcmp(p->argv[0], "sh") == 0 && p->argv[1] && p->argv[2] ? p->argv[2] : p->argv[0];
	char *own = scenario_keep_text(l->s, words);
	int r = 0;

	if (!own) return -ENOMEM;
	own[strcspn(own, " \t\n;&|<>")] = 0;
	p->name = strrchr(own, '/') ? strrchr(own, '/') + 1 : own;
	if (name) r = read_text(l, name, &p->name);
	if (r < 0) return r;
	if (!*p->name) return doc_fail(&l->d, name ? name : at, "this process needs a name");
	for (const struct scenario_process *other = l->s->processes; other < p; other++)
		if (strcmp(other->name, p->name) == 0)
			return doc_fail(&l->d, name ? name : at, "there is a process named %.60s already: give it a name of its own", p->name);
	return 0;
}

int load_process(struct load *l, yaml_node_t *n)
{
	static const char *const keys[] = {"host", "command", "name", "at", "env", "daemon"};
	yaml_node_t *v[ARRAY_SIZE(keys)];
	struct scenario_process *p = array_grow(&l->s->processes, &l->s->n_processes, sizeof *p);
	int r = p ? doc_keys(&l->d, n, keys, ARRAY_SIZE(keys), v) : -ENOMEM;

	if (r == 0 && (!v[0] || !v[1])) return doc_fail(&l->d, n, "a process has a host and a command");
	if (r == 0) r = read_host(l, v[0], &p->host);
	if (r == 0) r = read_command(l, v[1], &p->argv);
	if (r == 0) r = process_name(l, n, v[2], p);
	if (r == 0 && v[3]) r = read_time(l, v[3], doc_text(v[3]), &p->at);
	if (r == 0 && v[4]) r = read_env(l, v[4], &p->env);
	return r == 0 && v[5] ? doc_bool(&l->d, v[5], &p->daemon) : r;
}
