/* What the parts of the loader of scenarios share: scenario.c reads the whole, and a file each its processes, its events and what it expects. */
#pragma once
#include "base/array.h"
#include "topo/document.h"
#include "topo/scenario.h"

struct load { struct scenario *s; struct doc d; };

/* Memory that lives as long as the scenario, zeroed; NULL when there is none. */
void *scenario_keep(struct scenario *s, size_t size);
char *scenario_keep_text(struct scenario *s, const char *text);

/* 0 or -errno, as doc_fail's. */
int read_duration(struct load *l, const yaml_node_t *n, time_ns *ret);
int read_time(struct load *l, const yaml_node_t *n, const char *text, time_ns *ret);     /* a moment of the scenario: before its timeout */
int read_number(struct load *l, const yaml_node_t *n, int64_t most, int64_t *ret);
int read_host(struct load *l, const yaml_node_t *n, size_t *ret);
int read_process(struct load *l, const yaml_node_t *n, size_t *ret);
int read_text(struct load *l, const yaml_node_t *n, const char **ret);

/* An item of each list. */
int load_process(struct load *l, yaml_node_t *n);
int load_events(struct load *l, yaml_node_t *n);
int load_expect(struct load *l, yaml_node_t *n);
void events_sort(struct scenario *s);
