/*
 * Starting an engine. It needs nothing but socketpairs and fork:
 *
 *     we ──fork──► engine (own session, no stream of ours, no descriptor but its ends of the doors)
 *      └─ a door for each host ─ inherited by whatever runs there ─ the engine ends when the last one hangs up
 *
 * The engine holds none of our streams, so that `sockland run … | cat` ends with the command. What it logs goes to the file that SOCKLAND_LOG names.
 */
#include "cli/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "engine/engine.h"

#define LEAVE_MS 1000

uint64_t lab_seed(void)
{
	uint32_t seed = 0;

	return getrandom(&seed, sizeof seed, 0) == sizeof seed ? seed : (uint32_t)getpid();
}

bool lab_topology(struct topo *t, const char *file_or_shape)
{
	char err[400] = "";
	bool is_shape = strchr(file_or_shape, ',') && access(file_or_shape, F_OK) < 0;
	int r = is_shape ? topo_shape(t, file_or_shape, err, sizeof err) : topo_load(t, file_or_shape, err, sizeof err);

	if (r < 0) cli_warn("%s", err[0] ? err : strerror(-r));
	return r == 0;
}

static void doors_close(int *ends, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ends[i] >= 0) close(ends[i]);
	free(ends);
}

/* ---- the engine's process ---- */

static int compare_int(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Everything above the standard streams that is not in keep goes: pipes of our parent would otherwise never see their end. */
static void close_others(int *keep, size_t n)
{
	unsigned from = STDERR_FILENO + 1;

	qsort(keep, n, sizeof *keep, compare_int);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] < (int)from) continue;
		if (keep[i] > (int)from) syscall(SYS_close_range, from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	syscall(SYS_close_range, from, ~0u, 0);
}

static void streams_replace(void)
{
	const char *log = getenv("SOCKLAND_LOG");
	int null = open("/dev/null", O_RDWR), to = log && *log ? open(log, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;

	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(to >= 0 ? to : null, STDERR_FILENO);
}

static void limits_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
	limit.rlim_cur = limit.rlim_max;             /* an anchor for each socket of the whole net */
	setrlimit(RLIMIT_NOFILE, &limit);
}

static _Noreturn void engine_process(const struct lab *l, const struct lab_options *o, const int *doors, int ready)
{
	struct engine_config c = {.topo = &l->topo, .seed = o->seed, .doors = doors, .listener = o->listener, .ready_fd = ready, .keep = o->keep};
	size_t n = l->topo.n_hosts;
	int *keep = calloc(n + 2, sizeof *keep);
	sigset_t none;

	if (!keep) _exit(EXIT_OWN_FAILURE);
	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 1; i < NSIG; i++) signal(i, SIG_DFL);
	memcpy(keep, doors, n * sizeof *keep);
	keep[n] = ready;
	keep[n + 1] = o->listener;
	streams_replace();
	close_others(keep, n + 2);
	free(keep);
	limits_raise();
	umask(077);
	if (chdir("/") < 0) _exit(EXIT_OWN_FAILURE);
	_exit(engine_run(&c));
}

/* ---- ours ---- */

/* Both ends of a door for each host. */
static int doors_open(size_t n, int **ret_ours, int **ret_engines)
{
	int *ours = calloc(n, sizeof *ours), *engines = calloc(n, sizeof *engines);
	int r = ours && engines ? 0 : -ENOMEM, pair[2];
	size_t i = 0;

	for (; r == 0 && i < n; i++) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
			r = -errno;
			break;
		}
		ours[i] = pair[0];
		engines[i] = pair[1];
	}
	if (r < 0) {
		doors_close(ours, ours ? i : 0);
		doors_close(engines, engines ? i : 0);
		return r;
	}
	*ret_ours = ours;
	*ret_engines = engines;
	return 0;
}

static int engine_fork(struct lab *l, const struct lab_options *o, const int *engines)
{
	int ready[2];
	ssize_t n;
	char octet;

	if (pipe2(ready, O_CLOEXEC) < 0) return -errno;
	fflush(NULL);
	l->engine = fork();
	if (l->engine == 0) engine_process(l, o, engines, ready[1]);
	close(ready[1]);
	do n = l->engine < 0 ? -1 : read(ready[0], &octet, 1);
	while (n < 0 && l->engine > 0 && errno == EINTR);
	close(ready[0]);
	if (n == 1) return 0;
	if (l->engine < 0) return -EAGAIN;
	waitpid(l->engine, NULL, 0);
	return -ECONNRESET;
}

int lab_start(struct lab *l, const struct lab_options *o)
{
	int *engines = NULL;
	int r = doors_open(l->topo.n_hosts, &l->doors, &engines);

	if (r == 0) {
		r = engine_fork(l, o, engines);
		doors_close(engines, l->topo.n_hosts);
		if (r < 0) doors_close(l->doors, l->topo.n_hosts);
	}
	if (o->listener >= 0) close(o->listener);
	if (r < 0) cli_warn("cannot start the engine: %s", r == -ECONNRESET ? "it ended (SOCKLAND_LOG=FILE tells why)" : strerror(-r));
	return r;
}

int lab_host(const struct lab *l, const char *name)
{
	for (size_t i = 0; i < l->topo.n_hosts; i++)
		if (!name || strcmp(l->topo.hosts[i].name, name) == 0) return (int)i;
	cli_warn("no host named %s", name);
	return -1;
}

int lab_tell(const struct lab *l, FILE *to, size_t n, char *const *words)
{
	struct client c;
	char *text = NULL;
	int r = client_open(&c, l->doors[0]);

	if (r < 0) return r;
	r = client_verb(&c, n, words, &text);
	if (to && text) fputs(text, to);
	free(text);
	client_close(&c);
	return r;
}

void lab_end(struct lab *l)
{
	int pidfd = (int)syscall(SYS_pidfd_open, l->engine, 0);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	doors_close(l->doors, l->topo.n_hosts);
	if (pidfd >= 0) {
		poll(&p, 1, LEAVE_MS);
		close(pidfd);
	}
	waitpid(l->engine, NULL, WNOHANG);
	topo_free(&l->topo);
}
