/*
 * From door to program:
 *
 *     door ── copied high, kept open over exec ──► SOCKLAND_DOOR=n
 *      │  HELLO: has the network its own Unix sockets? ► SOCKLAND_UNIX
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
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/filter.h"
#include "cli/program.h"
#include "cli/rendezvous.h"
#include "shim/gate.h"
#include "shim/newprog.h"
#include "shim/sys.h"

extern char **environ;

struct start {
	const char *name;              /* as the user called it */
	char path[PATH_MAX], shim[PATH_MAX];
	struct elf elf;
	char *const *argv;
};

/* ---- the shim and the environment ---- */

/* The one named in the environment (tests of an instrumented engine), the one beside us, or the one installed with us. */
static bool shim_find(char *to, size_t size)
{
	static const char *const places[] = {"/libsockland.so", "/../" LIBRARIES "/libsockland.so"};
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

bool launch_shim_found(void)
{
	char path[PATH_MAX];

	return shim_find(path, sizeof path);
}

/* A copy that survives exec, out of the way of numbers that programs choose themselves (2>&9, select). */
static int door_raise(int door)
{
	struct rlimit limit;
	rlim_t top = getrlimit(RLIMIT_NOFILE, &limit) == 0 ? MIN(limit.rlim_cur, 1024) : 256;
	int fd = fcntl(door, F_DUPFD, (int)(top > 64 ? top - 64 : 0));

	return fd < 0 ? -errno : fd;
}

static int host_ask(int door, struct newhost *ret)
{
	struct client c;
	int r = client_open(&c, door);

	if (r < 0) return r;
	client_close(&c);
	r = door_raise(door);
	if (r < 0) return r;
	*ret = (struct newhost){r, c.hello.kernel_unix};
	return 0;
}

/* ---- exec ---- */

/* Past the libc, whose execve is the shim's when this runs on a host already: it would put the variables of that host back. */
static int exec_raw(const char *path, char *const *argv, char *const *env)
{
	return (int)sys(SYS_execve, path, argv, env);
}

/* The kernel starts programs with file capabilities in a mode in which ld.so drops LD_PRELOAD: so ld.so is started, and loads them. */
static int exec_by_loader(const struct start *s, char *const *env)
{
	const char *argv[newprog_count(s->argv) + NEWPROG_LOADER + 1];

	newprog_loader(argv, &s->elf, s->shim, s->path, s->argv);
	return exec_raw(newprog_starter(&s->elf), (char *const *)argv, env);
}

/* A script without #! is the shell's, as for execvp. */
static int exec_by_shell(const struct start *s, char *const *env)
{
	const char *const first[] = {"/bin/sh", s->path};
	const char *argv[newprog_count(s->argv) + ARRAY_SIZE(first)];

	newprog_argv(argv, first, ARRAY_SIZE(first), s->argv);
	return exec_raw(first[0], (char *const *)argv, env);
}

/* -errno, for when it succeeds we are no more. */
static int exec_on(const struct start *s, const struct newhost *h)
{
	char preload[newprog_preload_size(&s->elf, s->shim, environ)], *env[newprog_count(environ) + NEWPROG_ENV];
	struct newprog v;
	int r;

	newprog_env(env, &v, preload, &s->elf, h, s->shim, environ);
	r = newprog_starter(&s->elf) ? exec_by_loader(s, env) : exec_raw(s->path, s->argv, env);
	return r == -ENOEXEC ? exec_by_shell(s, env) : r;
}

static int cannot_run(const char *name, int r)
{
	cli_warn("%s: %s", name, r == -ENOENT ? "command not found" : strerror(-r));
	return r == -ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
}

static bool shim_ready(struct start *s)
{
	if (!shim_find(s->shim, sizeof s->shim)) return cli_warn("libsockland.so is neither beside me nor in ../" LIBRARIES), false;
	if (strpbrk(s->shim, ": ")) return cli_warn("%s: LD_PRELOAD takes no path with a space or colon", s->shim), false;
	if (strlen(s->shim) >= SHIM_PATH_MAX) return cli_warn("%s: a path of at most %d octets can be preloaded", s->shim, SHIM_PATH_MAX - 1), false;
	return true;
}

int launch_exec(int door, char *const *argv)
{
	struct start s = {.name = argv[0], .argv = argv};
	struct newhost host;
	char trouble[PATH_MAX];
	int r = program_find(s.name, s.path, sizeof s.path);

	if (r < 0) return cannot_run(s.name, r);
	elf_look(&s.elf, AT_FDCWD, s.path, 0);
	if (s.elf.trouble && !s.elf.foreign) cli_warn("%.*s", (int)newprog_trouble(trouble, sizeof trouble, s.name, &s.elf), trouble);
	if (!shim_ready(&s)) return EXIT_CANNOT_RUN;
	r = host_ask(door, &host);
	if (r < 0) return cannot_run(s.name, r);
	if (!rendezvous_inside()) r = filter_install();
	if (r < 0) cli_warn("seccomp is refused here (%s): socket calls that bypass libc will not be caught", strerror(-r));
	rendezvous_leave();
	return cannot_run(s.name, exec_on(&s, &host));
}

/* ---- waiting ---- */

/* Signals that would end us, or that we pass on. TSTP is not among them: a stopped job stops as a whole. */
static const int passed_on[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};

static int wait_for(pid_t child, const sigset_t *waited, int *ret_signal)
{
	siginfo_t info;
	int status;

	while (waitpid(child, &status, WNOHANG) != child) {
		/* What the terminal sends (SI_KERNEL) the whole foreground group has got; what a process sent us was meant for the program. */
		if (sigwaitinfo(waited, &info) <= 0 || info.si_signo == SIGCHLD || (info.si_code > 0 && info.si_signo != SIGHUP)) continue;
		kill(child, info.si_signo);
		if (ret_signal) *ret_signal = info.si_signo;
	}
	return WIFSIGNALED(status) ? EXIT_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

int launch_wait(int door, char *const *argv, int *ret_signal)
{
	struct sigaction before, normal = {.sa_handler = SIG_DFL};
	sigset_t waited, mask;
	pid_t child, us = getpid();
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
		prctl(PR_SET_PDEATHSIG, SIGKILL);    /* whoever kills us means the program, too */
		if (getppid() != us) _exit(EXIT_SIGNAL + SIGKILL);
		_exit(launch_exec(door, argv));
	}
	status = child < 0 ? cannot_run(argv[0], -errno) : wait_for(child, &waited, ret_signal);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return status;
}
