/*
 * exec: the shim's variables, hidden from the program since its start, go back into whatever environment it hands on (sshd and `env -i`
 * make new ones), and the file is looked at first (elf.c): some programs need another start, some cannot be put on the network at all.
 * Runs in forked children and in posix_spawn's, so: no memory but the stack.
 */
#include <fcntl.h>
#include <stdio.h>
#include "shim/elf.h"
#include "shim/shim.h"

#define EXEC_BY_LOADER 6   /* words that stand before the program's own arguments */

struct environment { char door[40], shim[sizeof shim.path + 32]; };

static size_t count(char *const *list)
{
	size_t n = 0;
	while (list && list[n]) n++;
	return n;
}

static bool is_named(const char *var, const char *name) { return strncmp(var, name, strlen(name)) == 0 && var[strlen(name)] == '='; }

static const char *preload_of(char *const *envp)
{
	for (; envp && *envp; envp++)
		if (is_named(*envp, "LD_PRELOAD")) return *envp + sizeof "LD_PRELOAD";
	return "";
}

/* to has room for all of envp and four more. */
static void environment_fill(char **to, char *const *envp, struct environment *v, char *preload)
{
	int door = spawned() && self.spawn_door ? self.spawn_door : shim.door;
	snprintf(v->door, sizeof v->door, ENV_DOOR "=%d", door);
	snprintf(v->shim, sizeof v->shim, ENV_SHIM "=%s", shim.path);
	for (; envp && *envp; envp++)
		if (!is_named(*envp, "LD_PRELOAD") && !is_named(*envp, ENV_DOOR) && !is_named(*envp, ENV_SHIM)) *to++ = *envp;
	*to++ = preload;
	*to++ = v->door;
	*to++ = v->shim;
	*to = NULL;
}

/* "LD_PRELOAD=[sanitizer:]shim[:the program's own]" */
static size_t preload_size(const struct elf *e, const char *own) { return sizeof "LD_PRELOAD=::" + strlen(e->sanitizer) + strlen(shim.path) + strlen(own); }

static void preload_fill(char *to, size_t size, const struct elf *e, const char *own)
{
	snprintf(to, size, "LD_PRELOAD=%s%s%s%s%s", e->sanitizer, e->sanitizer[0] ? ":" : "", shim.path, *own ? ":" : "", own);
}

static void warn(const char *path, const struct elf *e)
{
	char line[512];
	int n = snprintf(line, sizeof line, "sockland: %s %s: it cannot be put on the network, and its first socket call will end it\n", path, e->trouble);
	sys(SYS_write, 2, line, MIN((size_t)n, sizeof line - 1));
}

/* Programs with file capabilities start in a mode in which the loader drops LD_PRELOAD: so the loader is started, and loads them. */
static long exec_by_loader(const char *path, char *const *argv, char *const *env, const struct elf *e)
{
	size_t n = count(argv);
	const char *list[n + EXEC_BY_LOADER + 1];
	const char *first[EXEC_BY_LOADER] = {e->interpreter, "--preload", shim.path, "--argv0", n > 0 ? argv[0] : path, path};
	memcpy(list, first, sizeof first);
	for (size_t i = 1; i < n; i++) list[EXEC_BY_LOADER + i - 1] = argv[i];
	list[EXEC_BY_LOADER + (n > 0 ? n - 1 : 0)] = NULL;
	return sys(SYS_execve, e->interpreter, list, env);
}

static long exec_common(int dir, const char *path, char *const *argv, char *const *envp, int flags)
{
	struct elf e;
	struct environment v;
	char *env[count(envp) + 4];
	elf_look(&e, dir, path, flags);
	const char *own = preload_of(envp);
	char preload[preload_size(&e, own)];
	preload_fill(preload, sizeof preload, &e, own);
	environment_fill(env, envp, &v, preload);
	if (e.trouble) warn(path, &e);
	if (e.has_caps && e.interpreter[0] && dir == AT_FDCWD) return exec_by_loader(path, argv, env, &e);
	if (dir == AT_FDCWD && flags == 0) return sys(SYS_execve, path, argv, env);
	return sys(SYS_execveat, dir, path, argv, env, flags);
}

long do_execve(const char *path, char *const *argv, char *const *envp)
{
	if (!shim.active || !path) return sys(SYS_execve, path, argv, envp);
	return exec_common(AT_FDCWD, path, argv, envp, 0);
}

long do_execveat(int dir, const char *path, char *const *argv, char *const *envp, int flags)
{
	if (!shim.active || !path) return sys(SYS_execveat, dir, path, argv, envp, flags);
	return exec_common(dir, path, argv, envp, flags);
}
