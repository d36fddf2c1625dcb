/*
 * posix_spawn, popen and system. Libc's own code does the work; its child shares our memory until it execs. While they run the thread is marked, and
 * what the child (told by its process id) does to its descriptors goes straight to the kernel and leaves our tables alone.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include "shim/internal.h"
#include "shim/shim.h"

#define EXPORT __attribute__((visibility("default")))
#define SPAWN_CLOSE_TOP 4096   /* numbers above this, and above all that we have seen, are not looked for */

void spawn_begin(void)
{
	table_share_all();
	self.spawning++;
}

void spawn_end(void)
{
	self.spawning--;
	self.spawn_door = 0;
}

typedef int spawn_fn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *acts, const posix_spawnattr_t *attr, char *const *argv,
		     char *const *envp);

static int spawn_by(const char *name, pid_t *pid, const char *path, const posix_spawn_file_actions_t *acts, const posix_spawnattr_t *attr,
		    char *const *argv, char *const *envp)
{
	spawn_fn *real = (spawn_fn *)libc_symbol(name);
	spawn_begin();
	int r = real(pid, path, acts, attr, argv, envp);
	spawn_end();
	return r;
}

EXPORT spawn_fn exported_spawn __asm__("posix_spawn");
int exported_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *acts, const posix_spawnattr_t *attr, char *const *argv,
		   char *const *envp)
{
	return spawn_by("posix_spawn", pid, path, acts, attr, argv, envp);
}

EXPORT spawn_fn exported_spawnp __asm__("posix_spawnp");
int exported_spawnp(pid_t *pid, const char *path, const posix_spawn_file_actions_t *acts, const posix_spawnattr_t *attr, char *const *argv,
		    char *const *envp)
{
	return spawn_by("posix_spawnp", pid, path, acts, attr, argv, envp);
}

EXPORT FILE *exported_popen(const char *command, const char *mode) __asm__("popen");
FILE *exported_popen(const char *command, const char *mode)
{
	FILE *(*real)(const char *, const char *) = (FILE * (*)(const char *, const char *)) libc_symbol("popen");
	spawn_begin();
	FILE *f = real(command, mode);
	spawn_end();
	return f;
}

EXPORT int exported_system(const char *command) __asm__("system");
int exported_system(const char *command)
{
	int (*real)(const char *) = (int (*)(const char *))libc_symbol("system");
	spawn_begin();
	int r = real(command);
	spawn_end();
	return r;
}

/*
 * Libc closes the range with a system call of its own, and the door would go with it. So the descriptors that are open now are closed one by one
 * instead; closing what is not open any more when the child comes to it is no error.
 */
EXPORT int exported_addclosefrom(posix_spawn_file_actions_t *acts, int from) __asm__("posix_spawn_file_actions_addclosefrom_np");
int exported_addclosefrom(posix_spawn_file_actions_t *acts, int from)
{
	int (*real)(posix_spawn_file_actions_t *, int) =
		(int (*)(posix_spawn_file_actions_t *, int))libc_symbol("posix_spawn_file_actions_addclosefrom_np");
	if (!shim.active || from < 0) return real(acts, from);
	int top = MAX(table_high(), SPAWN_CLOSE_TOP);
	for (int fd = from; fd < top; fd++) {
		if (table_peek(fd) == FD_HIDDEN || sys(SYS_fcntl, fd, F_GETFD) < 0) continue;
		int r = posix_spawn_file_actions_addclose(acts, fd);
		if (r != 0) return r;
	}
	return 0;
}
