/*
 * The start of a process. The library is linked -z initfirst, so this constructor runs before any other, with one thread and nothing set up
 * but the loader. It reads the door's number from the environment and takes our variables out of the program's sight (process.c puts
 * them back at each exec). Without a door nothing is changed: the wrappers then pass every call on.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include "shim/internal.h"
#include "shim/shim.h"

struct shim shim = {.door = -1, .control = -1, .doorbell = -1};
__thread struct self self __attribute__((tls_model("initial-exec")));

static const char *value_of(const char *var, const char *name)
{
	size_t n = strlen(name);
	return strncmp(var, name, n) == 0 && var[n] == '=' ? var + n + 1 : NULL;
}

/* Takes our library out of the list "LD_PRELOAD=a:b"; true when nothing is left of it. */
static bool preload_strip(char *var)
{
	char *to = strchr(var, '=') + 1, *start = to;
	for (char *from = to; *from;) {
		size_t n = strcspn(from, ": ");
		if (n != 0 && (n != strlen(shim.path) || strncmp(from, shim.path, n) != 0)) {
			if (to != start) *to++ = ':';
			memmove(to, from, n);
			to += n;
		}
		from += n + (from[n] != 0);
	}
	*to = 0;
	return to == start;
}

/*
 * Where the auxiliary vector begins: what is taken out of the environment leaves a gap before it, of zeroes. Who walks there from the environment, as Go's
 * runtime does in a library, then finds an empty vector, and reads /proc/self/auxv.
 */
Elf64_auxv_t *auxiliary_vector;

static void environment_take(char **envp)
{
	const char *door = NULL, *v;
	for (char **e = envp; *e; e++) {
		if ((v = value_of(*e, ENV_DOOR))) door = v;
		if ((v = value_of(*e, ENV_UNIX))) shim.kernel_unix = strcmp(v, "kernel") == 0;
		if ((v = value_of(*e, ENV_SHIM))) strncpy(shim.path, v, sizeof shim.path - 1);
	}
	char **end = envp;
	while (*end) end++;
	if (!auxiliary_vector) auxiliary_vector = (Elf64_auxv_t *)(end + 1);
	if (!door) return;
	char **to = envp;
	for (char **e = envp; *e; e++) {
		if (value_of(*e, ENV_DOOR) || value_of(*e, ENV_SHIM) || value_of(*e, ENV_UNIX)) continue;
		if (value_of(*e, "LD_PRELOAD") && preload_strip(*e)) continue;
		*to++ = *e;
	}
	while (to < end) *to++ = NULL;
	shim.door = (int)strtol(door, NULL, 10);
	shim.active = true;
}

static void door_keep(void)
{
	if (sys(SYS_fcntl, shim.door, F_GETFD) < 0) {
		shim.door = -1;   /* every socket call answers ENETDOWN: nothing is let out */
		return;
	}
	shim.door = hide_fd(shim.door, true);
}

static void program_name(const char *arg0)
{
	const char *base = arg0 ? strrchr(arg0, '/') : NULL;
	strncpy(shim.program, base ? base + 1 : arg0 ? arg0 : "?", sizeof shim.program - 1);
}

__attribute__((constructor)) void shim_start(int argc, char **argv, char **envp)
{
	if (shim.active) return;
	environment_take(envp);
	if (!shim.active) return;
	shim.pid = (int)sys(SYS_getpid);
	program_name(argc > 0 ? argv[0] : NULL);
	if (table_start() != 0 || pin_start() != 0) abort();
	gate_open();
	door_keep();
	patch_all();
	signal_start();
	sigsys_install();
	process_start();
}
