/*
 * exec: the shim's variables, hidden from the program since its start, go back into whatever environment it hands on (sshd and `env -i`
 * make new ones), and the file is looked at first (elf.c): some programs need another start, some cannot be put on the network at all.
 * Runs in forked children and in posix_spawn's, so: no memory but the stack.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "shim/shim.h"

static void warn(const char *path, const struct elf *e)
{
	char line[512] = "sockland: ";
	size_t n = strlen(line);
	n += newprog_trouble(line + n, sizeof line - n - 1, path, e);
	line[n++] = '\n';
	sys(SYS_write, 2, line, n);
}

/*
 * Programs with file capabilities start in a mode in which the loader drops LD_PRELOAD: so the loader is started, and loads them. Or we do. `held`: our
 * descriptor of the program, or -1.
 */
static long exec_by_loader(const char *path, int held, char *const *argv, char *const *env, const struct elf *e)
{
	const char *list[newprog_count(argv) + NEWPROG_LOADER + 1];
	newprog_loader(list, e, shim.path, path, argv);
	long r = sys_wait(SYS_execve, newprog_starter(e), list, env);
	if (held >= 0) sys(SYS_close, held);
	return r;
}

static bool leads_to(const char *path, int fd)
{
	struct stat a, b;
	return sys(SYS_newfstatat, AT_FDCWD, path, &a, 0) == 0 && sys(SYS_fstat, fd, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* What no path leads to, as a memory file, is handed on open: the program's own descriptor may end with the exec. */
static bool path_of_open(char *to, size_t size, int fd, int *ret_held)
{
	char link[NEWPROG_OPEN_MAX];
	snprintf(link, sizeof link, NEWPROG_OPEN "%d", fd);
	long n = sys(SYS_readlink, link, to, size - 1);
	if (n <= 0) return false;
	to[n] = 0;
	if (leads_to(to, fd)) return true;
	int held = (int)sys(SYS_fcntl, fd, F_DUPFD, hidden_base());
	if (held < 0) return false;
	*ret_held = held;
	snprintf(to, size, NEWPROG_OPEN "%d", held);
	return true;
}

/* The loader is told a path. */
static bool path_of(char *to, size_t size, int dir, const char *path, int flags, int *ret_held)
{
	int fd = newprog_descriptor(path);
	if (flags & AT_EMPTY_PATH && !*path) fd = dir;
	if (fd >= 0) return path_of_open(to, size, fd, ret_held);
	long n = 0;
	if (dir != AT_FDCWD && *path != '/') {
		char link[NEWPROG_OPEN_MAX];
		snprintf(link, sizeof link, NEWPROG_OPEN "%d", dir);
		n = sys(SYS_readlink, link, to, size - 1);
		if (n <= 0) return false;
		to[n] = 0;
	}
	return (size_t)snprintf(to + n, size - (size_t)n, "%s%s", n > 0 ? "/" : "", path) < size - (size_t)n;
}

/* In a root of its own neither ld.so nor we may be there: then a program is started as any other. */
static bool loader_is_here(void)
{
	return sys(SYS_faccessat, AT_FDCWD, NEWPROG_LD_SO, X_OK) == 0 && sys(SYS_faccessat, AT_FDCWD, shim.path, R_OK) == 0;
}

/* What may not is started as any other, for the kernel knows why. */
static bool may_start(int dir, const char *path, int flags)
{
	char link[NEWPROG_OPEN_MAX];
	bool here = flags & AT_EMPTY_PATH && !*path;
	if (here) snprintf(link, sizeof link, NEWPROG_OPEN "%d", dir);
	return (here ? sys(SYS_faccessat, AT_FDCWD, link, X_OK) : sys(SYS_faccessat, dir, path, X_OK)) == 0;
}

static long exec_common(int dir, const char *path, char *const *argv, char *const *envp, int flags)
{
	struct elf e;
	struct newprog v;
	struct newhost h = {spawned() && self.spawn_door ? self.spawn_door : shim.door, shim.kernel_unix};
	char *env[newprog_count(envp) + NEWPROG_ENV], whole[PATH_MAX];
	int held = -1;
	elf_look(&e, dir, path, flags);
	bool loads = newprog_starter(&e) && may_start(dir, path, flags) && loader_is_here() && path_of(whole, sizeof whole, dir, path, flags, &held);
	if (!loads) e.foreign = false;
	char preload[newprog_preload_size(&e, shim.path, envp)];
	newprog_env(env, &v, preload, &e, &h, shim.path, envp);
	if (e.trouble && !e.foreign) warn(path, &e);
	if (loads) return exec_by_loader(whole, held, argv, env, &e);
	if (dir == AT_FDCWD && flags == 0) return sys_wait(SYS_execve, path, argv, env);
	return sys_wait(SYS_execveat, dir, path, argv, env, flags);
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
