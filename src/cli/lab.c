/*
 * Starting an engine. It needs nothing but socketpairs and fork:
 *
 *     we ──fork──► engine (own session, no stream of ours, no descriptor but its ends of the doors)
 *      └─ a door for each host ─ inherited by whatever runs there ─ the engine ends when the last one hangs up
 */
#include "cli/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
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

static _Noreturn void engine_process(const struct lab *l, const struct lab_options *o, const int *doors, int ready)
{
	struct engine_config c = {.topo = &l->topo, .seed = o->seed, .doors = doors, .listener = o->listener, .ready_fd = ready, .keep = o->keep};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	_exit(chdir("/") < 0 ? EXIT_OWN_FAILURE : engine_run(&c));
}

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
	if (r < 0) cli_warn("cannot start the engine: %s", r == -ECONNRESET ? "it ended (SOCKLAND_DEBUG=1 shows more)" : strerror(-r));
	return r;
}

int lab_host(const struct lab *l, const char *name)
{
	for (size_t i = 0; i < l->topo.n_hosts; i++)
		if (!name || strcmp(l->topo.hosts[i].name, name) == 0) return (int)i;
	cli_warn("no host named %s", name);
	return -1;
}

void lab_tell(const struct lab *l, const char *verb, const char *prefix)
{
	struct client c;
	char *text = NULL, *rest;

	if (client_open(&c, l->doors[0]) < 0) return;
	client_verb(&c, 1, (char *[]){(char *)verb}, &text);
	for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest)) cli_warn("%s%s", prefix, line);
	free(text);
	client_close(&c);
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
