/*
 * The model under construction: arrays that grow, names that are checked once here, so that nothing behind needs to ask again whether a name is
 * unique, printable, and short enough for the kernel's structures that programs see.
 */
#include "topo/build.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "stack/core/sysctl.h"

int topo_fail(const struct topo_err *e, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(e->text, e->size, format, ap);
	va_end(ap);
	/* One line, whatever the file calls its things. */
	for (char *c = e->text; e->size > 0 && *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127) *c = '?';
	return -EINVAL;
}

void topo_init(struct topo *t, const char *name)
{
	*t = (struct topo){0};
	snprintf(t->name, sizeof t->name, "%s", name);
}

void topo_free(struct topo *t)
{
	free(t->hosts);
	free(t->networks);
	free(t->ifs);
	free(t->trunks);
	free(t->routes);
	free(t->settings);
	*t = (struct topo){0};
}

/* NULL also when there is no end to it. */
static void *grow(void *array, size_t *n, size_t size) { return *n < TOPO_ITEMS_MAX ? array_grow(array, n, size) : NULL; }
static int no_room(size_t n, const struct topo_err *e) { return n < TOPO_ITEMS_MAX ? -ENOMEM : topo_fail(e, "more than %u of a kind", TOPO_ITEMS_MAX); }

size_t topo_find_host(const struct topo *t, const char *name)
{
	for (size_t i = 0; i < t->n_hosts; i++)
		if (strcmp(t->hosts[i].name, name) == 0) return i;
	return TOPO_NONE;
}

size_t topo_find_network(const struct topo *t, const char *name)
{
	for (size_t i = 0; i < t->n_networks; i++)
		if (strcmp(t->networks[i].name, name) == 0) return i;
	return TOPO_NONE;
}

/* Names appear in host names, in file names and in the words of the command line ("web--lan", "a / b"). */
static int name_check(const char *name, size_t max, const char *what, const struct topo_err *e)
{
	size_t len = strlen(name);

	if (len == 0) return topo_fail(e, "the name of %s is empty", what);
	if (len >= max) return topo_fail(e, "\"%.40s\" is too long for %s: at most %zu characters", name, what, max - 1);
	if (!isalnum((unsigned char)name[0])) return topo_fail(e, "\"%s\": the name of %s begins with a letter or digit", name, what);
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
			return topo_fail(e, "\"%s\": the name of %s is letters, digits, - _ and .", name, what);
	return 0;
}

bool topo_name_ok(const char *name)
{
	char text[160];
	struct topo_err e = {text, sizeof text};

	return name_check(name, TOPO_NAME_MAX, "a net", &e) == 0;
}

static int name_free_check(const struct topo *t, const char *name, const struct topo_err *e)
{
	if (topo_find_host(t, name) != TOPO_NONE) return topo_fail(e, "there is a host named %s already", name);
	if (topo_find_network(t, name) != TOPO_NONE) return topo_fail(e, "there is a network named %s already", name);
	return 0;
}

int topo_add_host(struct topo *t, const char *name, bool router, const struct topo_err *e)
{
	int r = name_check(name, TOPO_NAME_MAX, "a host", e);
	struct topo_host *h;
	struct in_addr address;

	if (r == 0 && strstr(name, "--")) return topo_fail(e, "\"%s\": -- stands between the two ends in the name of a link", name);
	if (r == 0 && strcmp(name, "localhost") == 0) return topo_fail(e, "every host calls itself localhost: choose another name");
	if (r == 0 && inet_aton(name, &address)) return topo_fail(e, "\"%s\" is an address to programs: choose another name", name);
	if (r == 0) r = name_free_check(t, name, e);
	if (r < 0) return r;
	h = grow(&t->hosts, &t->n_hosts, sizeof *h);
	if (!h) return no_room(t->n_hosts, e);
	snprintf(h->name, sizeof h->name, "%s", name);
	h->router = router;
	return (int)(t->n_hosts - 1);
}

/* Most of sysctl.c's names are Linux's, below net; of our own there is one for users. */
static bool setting_is_for_users(const char *name)
{
	return strncmp(name, "net.", 4) == 0 || strcmp(name, "sockland.router_advertisements") == 0;
}

/* Tried on settings that nobody uses: 0, or why not. own: the name of one that each interface has, or NULL */
static int setting_try(const char *name, const char *own, const char *value, const struct topo_err *e)
{
	struct sysctl *scratch = sysctl_new();
	char now[160];
	int known = own ? 0 : -ENOENT, r = 0;

	if (!scratch) return -ENOMEM;
	if (!own && setting_is_for_users(name)) known = sysctl_get(scratch, name, now, sizeof now);
	if (known >= 0) r = own ? netconf_set(scratch, &scratch->initial, own, value) : sysctl_set(scratch, name, value);
	free(scratch);
	if (known < 0) return topo_fail(e, "there is no setting named %s", name);
	if (r == -EACCES) return topo_fail(e, "%s cannot be set", name);
	return r < 0 ? topo_fail(e, "%s does not take \"%s\"", name, value) : 0;
}

int topo_add_setting(struct topo *t, size_t host, const char *name, const char *value, const struct topo_err *e)
{
	struct topo_setting *s;
	char ifname[sizeof s->ifname] = "";
	const char *own = sysctl_of_interface(name, ifname, sizeof ifname);
	int r = setting_try(name, own, value, e);

	if (r < 0) return r;
	if (strlen(name) >= sizeof s->name || strlen(value) >= sizeof s->value) return topo_fail(e, "too long for %s", name);
	s = grow(&t->settings, &t->n_settings, sizeof *s);
	if (!s) return no_room(t->n_settings, e);
	s->host = host;
	snprintf(s->name, sizeof s->name, "%s", own ? own : name);
	snprintf(s->value, sizeof s->value, "%s", value);
	if (own) memcpy(s->ifname, ifname, sizeof s->ifname);
	return 0;
}

static bool has_interface(const struct topo *t, size_t host, const char *name)
{
	for (size_t i = 0; i < t->n_ifs; i++)
		if (t->ifs[i].host == host && strcmp(t->ifs[i].name, name) == 0) return true;
	return strcmp(name, "lo") == 0;
}

int topo_check_settings(const struct topo *t, const struct topo_err *e)
{
	for (size_t i = 0; i < t->n_settings; i++) {
		const struct topo_setting *s = &t->settings[i];
		if (s->ifname[0] && !has_interface(t, s->host, s->ifname))
			return topo_fail(e, "host %s has no interface %s, of which %s is set", t->hosts[s->host].name, s->ifname, s->name);
	}
	return 0;
}

int topo_add_network(struct topo *t, const char *name, bool is_switch, const struct topo_err *e)
{
	int r = name_check(name, TOPO_NAME_MAX, is_switch ? "a network" : "a link", e);
	struct topo_network *n;

	if (r == 0 && is_switch && strstr(name, "--")) return topo_fail(e, "\"%s\": -- stands between the two ends in the name of a link", name);
	if (r == 0) r = name_free_check(t, name, e);
	if (r < 0) return r;
	n = grow(&t->networks, &t->n_networks, sizeof *n);
	if (!n) return no_room(t->n_networks, e);
	snprintf(n->name, sizeof n->name, "%s", name);
	n->is_switch = is_switch;
	return (int)(t->n_networks - 1);
}

int topo_add_if(struct topo *t, size_t host, const char *ifname, size_t network, const struct topo_err *e)
{
	int r = name_check(ifname, sizeof t->ifs->name, "an interface", e);
	struct topo_if *f;

	if (r < 0) return r;
	if (strcmp(ifname, "lo") == 0) return topo_fail(e, "lo is the loopback interface, which every host has");
	for (size_t i = 0; i < t->n_ifs; i++) {
		if (t->ifs[i].host != host) continue;
		if (strcmp(t->ifs[i].name, ifname) == 0) return topo_fail(e, "%s:%s has a link already", t->hosts[host].name, ifname);
		if (t->ifs[i].network == network)      /* its link could not be named, nor would Linux answer from both */
			return topo_fail(e, "%s is on %s already, with %s", t->hosts[host].name, t->networks[network].name, t->ifs[i].name);
	}
	f = grow(&t->ifs, &t->n_ifs, sizeof *f);
	if (!f) return no_room(t->n_ifs, e);
	snprintf(f->name, sizeof f->name, "%s", ifname);
	f->host = host;
	f->network = network;
	f->mtu_bytes = TOPO_MTU_DEFAULT;
	return (int)(t->n_ifs - 1);
}

int topo_link_name(char *to, size_t size, const char *a, const char *b, const struct topo_err *e)
{
	int n = snprintf(to, size, "%s--%s", a, b);

	return n < 0 || (size_t)n >= size ? topo_fail(e, "the link's name %s--%s is too long: at most %zu characters", a, b, size - 1) : 0;
}

bool topo_has_link(const struct topo *t, const char *name)
{
	char text[3 * TOPO_NAME_MAX];

	if (topo_find_host(t, name) != TOPO_NONE || topo_find_network(t, name) != TOPO_NONE) return true;
	for (size_t i = 0; i < t->n_trunks; i++)
		if (strcmp(t->trunks[i].name, name) == 0) return true;
	for (size_t i = 0; i < t->n_ifs; i++) {
		const char *host = t->hosts[t->ifs[i].host].name;
		const struct topo_network *n = &t->networks[t->ifs[i].network];

		snprintf(text, sizeof text, "%s:%s", host, t->ifs[i].name);
		if (strcmp(text, name) == 0) return true;
		snprintf(text, sizeof text, "%s--%s", host, n->name);
		if (n->is_switch && strcmp(text, name) == 0) return true;
	}
	return false;
}

int topo_add_trunk(struct topo *t, size_t a, size_t b, const struct topo_err *e)
{
	size_t *domain = calloc(t->n_networks, sizeof *domain);
	struct topo_trunk *k;
	bool joined;

	if (!domain) return -ENOMEM;
	topo_domains(t, domain);
	joined = domain[a] == domain[b];
	free(domain);
	/* Switches here know no spanning tree: a second way would let one broadcast circulate for ever. */
	if (joined)
		return topo_fail(e, a == b ? "%s cannot be linked to itself" : "%s and %s are joined already: frames would circle for ever",
				 t->networks[a].name, t->networks[b].name);
	k = grow(&t->trunks, &t->n_trunks, sizeof *k);
	if (!k) return no_room(t->n_trunks, e);
	k->a = a;
	k->b = b;
	return topo_link_name(k->name, sizeof k->name, t->networks[a].name, t->networks[b].name, e);
}
