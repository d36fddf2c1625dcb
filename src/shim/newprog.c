/*
 * Starting a program on a host:
 *
 *     SOCKLAND_DOOR=n, SOCKLAND_SHIM=path      how the shim finds its host, and itself at the next exec
 *     SOCKLAND_UNIX=kernel                     on a net whose Unix sockets are the kernel's
 *     LD_PRELOAD=[sanitizer:]shim[:own]        a sanitizer's runtime insists on being first; what the program had itself comes last
 *     ld.so --preload shim --argv0 name path   for programs with file capabilities, started in a mode in which LD_PRELOAD is dropped
 *     ld.so --argv0 name shim path             for those that the shim itself loads (foreign/load.c)
 *
 * Runs in forked children and in posix_spawn's, so: no memory but the caller's.
 */
#include "shim/newprog.h"
#include <limits.h>
#include <stdio.h>
#include "shim/gate.h"

static bool is_named(const char *var, const char *name) { return strncmp(var, name, strlen(name)) == 0 && var[strlen(name)] == '='; }

static bool is_ours(const char *var) { return is_named(var, ENV_DOOR) || is_named(var, ENV_SHIM) || is_named(var, ENV_UNIX); }

static const char *preload_of(char *const *envp)
{
	for (; envp && *envp; envp++)
		if (is_named(*envp, "LD_PRELOAD")) return *envp + sizeof "LD_PRELOAD";
	return "";
}

size_t newprog_count(char *const *list)
{
	size_t n = 0;
	while (list && list[n]) n++;
	return n;
}

static int number_below(const char *path, const char *directory)
{
	size_t n = strlen(directory);
	int fd = 0;
	if (strncmp(path, directory, n) != 0 || !path[n]) return -1;
	for (path += n; *path; path++) {
		if (*path < '0' || *path > '9' || fd > INT_MAX / 10 - 1) return -1;
		fd = fd * 10 + (*path - '0');
	}
	return fd;
}

int newprog_descriptor(const char *path)
{
	int fd = number_below(path, NEWPROG_OPEN);
	return fd >= 0 ? fd : number_below(path, "/dev/fd/");
}

size_t newprog_preload_size(const struct elf *e, const char *shim, char *const *envp)
{
	return sizeof "LD_PRELOAD=::" + strlen(e->sanitizer) + strlen(shim) + strlen(preload_of(envp));
}

void newprog_env(char **to, struct newprog *v, char *preload, const struct elf *e, const struct newhost *h, const char *shim, char *const *envp)
{
	const char *own = preload_of(envp);
	snprintf(v->door, sizeof v->door, ENV_DOOR "=%d", h->door);
	snprintf(v->shim, sizeof v->shim, ENV_SHIM "=%s", shim);
	if (e->foreign) shim = "";   /* it is the program that ld.so starts, and would be there twice */
	snprintf(preload, newprog_preload_size(e, shim, envp), "LD_PRELOAD=%s%s%s%s%s", e->sanitizer, e->sanitizer[0] ? ":" : "", shim, *own ? ":" : "", own);
	for (; envp && *envp; envp++)
		if (!is_named(*envp, "LD_PRELOAD") && !is_ours(*envp)) *to++ = *envp;
	*to++ = preload;
	*to++ = v->door;
	*to++ = v->shim;
	if (h->kernel_unix) *to++ = (char *)ENV_UNIX "=kernel";
	*to = NULL;
}

void newprog_argv(const char **to, const char *const *first, size_t n, char *const *argv)
{
	memcpy(to, first, n * sizeof *to);
	to += n;
	for (size_t i = 1; i < newprog_count(argv); i++) *to++ = argv[i];
	*to = NULL;
}

const char *newprog_starter(const struct elf *e)
{
	if (e->foreign) return NEWPROG_LD_SO;
	return e->has_caps && e->interpreter[0] ? e->interpreter : NULL;
}

void newprog_loader(const char **to, const struct elf *e, const char *shim, const char *path, char *const *argv)
{
	const char *name = argv && argv[0] ? argv[0] : path;
	const char *const preload[] = {e->interpreter, "--preload", shim, "--argv0", name, path};
	const char *const foreign[] = {NEWPROG_LD_SO, "--argv0", name, shim, path};
	const char *by = e->script_by, *argument = e->script_argument[0] ? e->script_argument : path;
	const char *const script[NEWPROG_LOADER] = {NEWPROG_LD_SO, "--argv0", by, shim, by, argument, path};
	if (e->foreign && *by) newprog_argv(to, script, ARRAY_SIZE(script) - (argument == path), argv);
	else if (e->foreign) newprog_argv(to, foreign, ARRAY_SIZE(foreign), argv);
	else newprog_argv(to, preload, ARRAY_SIZE(preload), argv);
}

size_t newprog_trouble(char *to, size_t size, const char *name, const struct elf *e)
{
	int n = snprintf(to, size, "%s %s: it cannot be put on the network, and its first socket call will end it", name, e->trouble);
	return MIN((size_t)MAX(n, 0), size - 1);
}
