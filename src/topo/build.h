/*
 * Adding to a topology, for those who make one (the YAML loader, the named shapes). Each function refuses what could not be a network and
 * explains it in one line in err: the loader puts file, line and column before it.
 */
#pragma once
#include "base/array.h"
#include "topo/topo.h"

#define TOPO_MTU_DEFAULT 1500u
#define TOPO_ITEMS_MAX 4096u         /* of one kind: beyond it a file is a mistake */
#define TOPO_NONE ((size_t)-1)

struct topo_err { char *text; size_t size; };
/* Writes the line and returns -EINVAL. */
int topo_fail(const struct topo_err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool topo_name_ok(const char *name);
void topo_init(struct topo *t, const char *name);
/* Results are indices; -EINVAL with err set, -ENOMEM. */
int topo_add_host(struct topo *t, const char *name, bool router, const struct topo_err *e);
int topo_check_settings(const struct topo *t, const struct topo_err *e);       /* once all interfaces are known: 0, or one names none of them */
int topo_add_setting(struct topo *t, size_t host, const char *name, const char *value, const struct topo_err *e);   /* 0 */
int topo_add_network(struct topo *t, const char *name, bool is_switch, const struct topo_err *e);
int topo_add_if(struct topo *t, size_t host, const char *ifname, size_t network, const struct topo_err *e);
int topo_add_trunk(struct topo *t, size_t a, size_t b, const struct topo_err *e);
size_t topo_find_host(const struct topo *t, const char *name);        /* index or TOPO_NONE */
size_t topo_find_network(const struct topo *t, const char *name);
/* Does sockland set know it: a host, one interface as "host:eth0", a network, a host's cable to a switch or a trunk? */
bool topo_has_link(const struct topo *t, const char *name);
/* Two names with "--" between, as links are called. -EINVAL when it is too long. */
int topo_link_name(char *to, size_t size, const char *a, const char *b, const struct topo_err *e);

/* The set of networks that trunks make one: named by its first network. domain[] has an entry for each network. */
void topo_domains(const struct topo *t, size_t *domain);
int topo_plan_routes(struct topo *t);                                  /* second half of topo_plan */
