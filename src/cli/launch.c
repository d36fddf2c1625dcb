/*
 * From door to program:
 *
 *     door ── copied high, kept open over exec ──► SOCKLAND_DOOR=n
 *     libsockland.so beside us or installed ─────► SOCKLAND_SHIM, LD_PRELOAD (a sanitizer's runtime first, the user's own last)
 *     no_new_privs, the seccomp filter ──────────► once, before the first exec; what is started on a host from a host has it already
 *     the program itself, or ld.so --preload ────► execve
 */
#include "cli/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/filter.h"
#include "cli/program.h"
#include "cli/rendezvous.h"
#include "shim/elf.h"
#include "shim/gate.h"
#include "shim/sys.h"

extern char **environ;

struct start {
	const char *name;              /* as the user called it */
	char path[PATH_MAX], shim[PATH_MAX];
	struct elf elf;
	char *const *argv;
	char **env;
};

/* ---- the shim and the environment ---- */

/* The one named in the environment (tests of an instrumented engine), the one beside us, or the one installed with us. */
static bool shim_find(char *to, size_t size)
{
	static const char *const places[] = {"/libsockland.so", "/../" LIBDIR "/libsockland.so"};
	const char *named = getenv(ENV_SHIM);
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

	if (named && *named == '/') return snprintf(to, size, "%s", named), access(to, R_OK) == 0;
	exe[MAX(n, 0)] = 0;
	if (!strrchr(exe, '/')) return false;
	*strrchr(exe, '/') = 0;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if ((size_t)snprintf(to, size, "%s%s", exe, places[i]) < size && access(to, R_OK) == 0) return true;
	return false;
}

static bool is_ours(const char *variable)
{
	static const char *const names[] = {ENV_DOOR "=", ENV_SHIM "=", "LD_PRELOAD="};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strncmp(variable, names[i], strlen(names[i])) == 0) return true;
	return false;
}

static char *format_new(const char *format, const char *a, const char *b, const char *c)
{
	char *text;

	return asprintf(&text, format, a, b, c) < 0 ? NULL : text;
}

/* environ with our three variables. Lives until exec. */
static int environment(struct start *s, int door)
{
	const char *preload = getenv("LD_PRELOAD");
	char number[16];
	size_t n = 0;

	while (environ[n]) n++;
	s->env = calloc(n + 4, sizeof *s->env);
	if (!s->env) return -ENOMEM;
	snprintf(number, sizeof number, "%d", door);
	n = 0;
	for (char **e = environ; *e; e++)
		if (!is_ours(*e)) s->env[n++] = *e;
	s->env[n++] = format_new(ENV_DOOR "=%s%s%s", number, "", "");
	s->env[n++] = format_new(ENV_SHIM "=%s%s%s", s->shim, "", "");
	s->env[n] = format_new("LD_PRELOAD=%s%s%s", s->elf.sanitizer, s->elf.sanitizer[0] ? ":" : "", s->shim);
	if (preload && *preload && s->env[n]) s->env[n] = format_new("%s:%s%s", s->env[n], preload, "");
	return s->env[n] && s->env[n - 1] && s->env[n - 2] ? 0 : -ENOMEM;
}

/* A copy that survives exec, out of the way of numbers that programs choose themselves (2>&9, select). */
static int door_raise(int door)
{
	struct rlimit limit;
	rlim_t top = getrlimit(RLIMIT_NOFILE, &limit) == 0 ? MIN(limit.rlim_cur, 1024) : 256;
	int fd = fcntl(door, F_DUPFD, (int)(top > 64 ? top - 64 : 0));

	return fd < 0 ? -errno : fd;
}

/* ---- exec ---- */

/* Past the libc, whose execve is the shim's when this runs on a host already: it would put the variables of that host back. */
static int exec_raw(const char *path, char *const *argv, char *const *env)
{
	return (int)sys(SYS_execve, path, argv, env);
}

static size_t argv_count(char *const *argv)
{
	size_t n = 0;

	while (argv[n]) n++;
	return n;
}

/* argv with n_first words in place of the first. NULL without memory. */
static char **argv_with(char *const *argv, size_t n_first, const char *const *first)
{
	size_t n = argv_count(argv);
	char **to = calloc(n + n_first, sizeof *to);

	if (!to) return NULL;
	memcpy(to, first, n_first * sizeof *to);
	memcpy(to + n_first, argv + 1, (n - 1) * sizeof *to);
	return to;
}

/* The kernel starts programs with file capabilities in a mode in which ld.so drops LD_PRELOAD: so ld.so is started, and loads them. */
static int exec_by_loader(const struct start *s)
{
	const char *first[] = {s->elf.interpreter, "--preload", s->shim, "--argv0", s->name, s->path};
	char **argv = argv_with(s->argv, ARRAY_SIZE(first), first);

	return argv ? exec_raw(first[0], argv, s->env) : -ENOMEM;
}

/* A script without #! is the shell's, as for execvp. */
static int exec_by_shell(const struct start *s)
{
	const char *first[] = {"/bin/sh", s->path};
	char **argv = argv_with(s->argv, ARRAY_SIZE(first), first);

	return argv ? exec_raw(first[0], argv, s->env) : -ENOMEM;
}

static int cannot_run(const char *name, int r)
{
	cli_warn("%s: %s", name, r == -ENOENT ? "command not found" : strerror(-r));
	return r == -ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
}

int launch_exec(int door, char *const *argv)
{
	struct start s = {.name = argv[0], .argv = argv};
	int r = program_find(s.name, s.path, sizeof s.path);

	if (r < 0) return cannot_run(s.name, r);
	elf_look(&s.elf, AT_FDCWD, s.path, 0);
	if (s.elf.trouble) cli_warn("%s %s: it cannot be put on the network, and its first socket call will end it", s.name, s.elf.trouble);
	if (!shim_find(s.shim, sizeof s.shim)) return cli_warn("libsockland.so is neither beside me nor in ../" LIBDIR), EXIT_CANNOT_RUN;
	if (strpbrk(s.shim, ": ")) return cli_warn("%s: LD_PRELOAD takes no path with a space or colon", s.shim), EXIT_CANNOT_RUN;
	door = door_raise(door);
	r = door < 0 ? door : environment(&s, door);
	if (r < 0) return cannot_run(s.name, r);
	if (!rendezvous_inside()) r = filter_install();
	if (r < 0) cli_warn("seccomp is refused here (%s): socket calls that bypass libc will not be caught", strerror(-r));
	r = s.elf.has_caps && s.elf.interpreter[0] ? exec_by_loader(&s) : exec_raw(s.path, argv, s.env);
	if (r == -ENOEXEC) r = exec_by_shell(&s);
	return cannot_run(s.name, r);
}

/* ---- waiting ---- */

/* Signals that would end us, or that we pass on. TSTP is not among them: a stopped job stops as a whole. */
static const int passed_on[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};

static int wait_for(pid_t child, const sigset_t *waited)
{
	siginfo_t info;
	int status;

	while (waitpid(child, &status, WNOHANG) != child) {
		/* What the terminal sends (SI_KERNEL) the whole foreground group has got; what a process sent us was meant for the program. */
		if (sigwaitinfo(waited, &info) > 0 && info.si_signo != SIGCHLD && info.si_code <= 0) kill(child, info.si_signo);
	}
	return WIFSIGNALED(status) ? EXIT_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

int launch_wait(int door, char *const *argv)
{
	struct sigaction before, normal = {.sa_handler = SIG_DFL};
	sigset_t waited, mask;
	pid_t child;
	int status;

	sigemptyset(&waited);
	sigaddset(&waited, SIGCHLD);
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++) sigaddset(&waited, passed_on[i]);
	sigaction(SIGCHLD, &normal, &before);        /* ignored (by our parent's choice) there would be no status to fetch */
	sigprocmask(SIG_BLOCK, &waited, &mask);
	fflush(NULL);
	child = fork();
	if (child == 0) {
		sigaction(SIGCHLD, &before, NULL);
		sigprocmask(SIG_SETMASK, &mask, NULL);
		_exit(launch_exec(door, argv));
	}
	status = child < 0 ? cannot_run(argv[0], -errno) : wait_for(child, &waited);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return status;
}
