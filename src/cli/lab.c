/*
 * Starting an engine. It needs nothing but socketpairs and fork:
 *
 *     we ──fork──► engine (own session, no stream of ours, no descriptor but its end of the door)
 *      ├─ a door to a host ─ inherited by whatever runs there ─ the engine ends when the last one hangs up
 *      └─ a socket that nobody else has ─ when it hangs up before lab_end() has let go, we were killed, and nothing shall be left behind
 */
#include "cli/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/remains.h"
#include "engine/engine.h"

#define LEAVE_MS 100

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

static _Noreturn void engine_process(const struct lab *l, const struct lab_options *o, const int *doors, int owner, int ready)
{
	struct engine_config c = {.topo = &l->topo, .seed = o->seed, .doors = doors, .listener = o->listener, .owner = owner, .ready_fd = ready,
				  .keep = o->keep, .unprivileged = o->unprivileged, .kernel_unix = o->kernel_unix};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	_exit(chdir("/") < 0 ? EXIT_OWN_FAILURE : engine_run(&c));
}

/* It goes on without us. */
static void lab_release(struct lab *l)
{
	if (l->hold < 0) return;
	if (send(l->hold, "", 1, MSG_NOSIGNAL) < 0 && errno != EPIPE) cli_warn("the network ends with me: %s", strerror(errno));
	close(l->hold);
	l->hold = -1;
}

static int engine_fork(struct lab *l, const struct lab_options *o, const int *doors)
{
	int ready[2], hold[2];
	ssize_t n;
	char octet;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, hold) < 0) return -errno;
	if (pipe2(ready, O_CLOEXEC) < 0) {
		int err = -errno;

		close(hold[0]);
		close(hold[1]);
		return err;
	}
	fflush(NULL);
	l->hold = hold[1];
	if (o->released) lab_release(l);
	l->engine = fork();
	if (l->engine == 0) engine_process(l, o, doors, hold[0], ready[1]);
	close(hold[0]);
	close(ready[1]);
	do n = l->engine < 0 ? -1 : read(ready[0], &octet, 1);
	while (n < 0 && l->engine > 0 && errno == EINTR);
	close(ready[0]);
	if (n == 1) return 0;
	lab_release(l);
	if (l->engine < 0) return -EAGAIN;
	waitpid(l->engine, NULL, 0);
	return -ECONNRESET;
}

/* The engine's ends of the doors: of one host there is one, others make theirs when they are entered. */
static int *doors_of_one(const struct topo *t, size_t host, int end)
{
	int *doors = calloc(t->n_hosts, sizeof *doors);

	for (size_t i = 0; doors && i < t->n_hosts; i++) doors[i] = i == host ? end : -1;
	return doors;
}

int lab_start(struct lab *l, size_t host, const struct lab_options *o)
{
	int pair[2], *doors = NULL;
	int r = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ? -errno : 0;

	if (r == 0) {
		doors = doors_of_one(&l->topo, host, pair[1]);
		r = doors ? engine_fork(l, o, doors) : -ENOMEM;
		free(doors);
		close(pair[1]);
		if (r < 0) close(pair[0]);
		else l->door = pair[0];
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

void lab_report(const struct lab *l)
{
	struct client c;
	char *text = NULL, *rest;

	if (client_open(&c, l->door) < 0) return;
	client_verb(&c, 1, (char *[]){"report"}, &text);
	for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest)) cli_warn("%s", line);
	free(text);
	client_close(&c);
}

void lab_down(const struct lab *l)
{
	struct client c;
	char *text = NULL;

	if (client_open(&c, l->door) < 0) return;
	remains_end(&c, stderr, "sockland: still running on ");
	client_verb(&c, 1, (char *[]){"down"}, &text);
	free(text);
	client_close(&c);
}

void lab_end(struct lab *l)
{
	int pidfd = (int)syscall(SYS_pidfd_open, l->engine, 0);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	close(l->door);
	lab_release(l);
	if (pidfd >= 0) {
		poll(&p, 1, LEAVE_MS);
		close(pidfd);
	}
	waitpid(l->engine, NULL, WNOHANG);
	topo_free(&l->topo);
}
