/* sockland up: a network from a file or a shape, for a command (which needs nothing but socketpairs), with a prompt, or to be reached from other shells. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/lab.h"
#include "cli/launch.h"
#include "cli/prompt.h"
#include "cli/rendezvous.h"
#include "topo/build.h"

struct up {
	const char *net, *on, *name;
	char **command;                /* NULL: none */
	bool background;
	struct lab_options how;
};

/* Splits argv at "--", so that options may follow the file. */
static char **command_of(int *argc, char **argv)
{
	for (int i = 1; i < *argc; i++)
		if (strcmp(argv[i], "--") == 0) {
			*argc = i;
			return argv[i + 1] ? argv + i + 1 : NULL;
		}
	return NULL;
}

static bool options_read(struct up *u, int argc, char **argv)
{
	static const struct option options[] = {
		{"seed", required_argument, NULL, 's'}, {"on", required_argument, NULL, 'o'},
		{"topo", required_argument, NULL, 't'}, {"name", required_argument, NULL, 'n'},
		{"unprivileged", no_argument, NULL, 'u'}, {"kernel-unix", no_argument, NULL, 'k'}, {0}};
	int c, whole = argc;

	u->command = command_of(&argc, argv);
	if (!u->command && argc < whole) return false;       /* "--" and nothing */
	while ((c = getopt_long(argc, argv, "d", options, NULL)) >= 0) {
		if (c == 'd') u->background = true;
		else if (c == 'u') u->how.unprivileged = true;
		else if (c == 'k') u->how.kernel_unix = true;
		else if (c == 'o') u->on = optarg;
		else if (c == 't') u->net = optarg;
		else if (c == 'n') u->name = optarg;
		else if (c != 's' || !cli_number("--seed", optarg, &u->how.seed)) return false;
	}
	if (argc - optind + (u->net != NULL) > 1 || (u->background && u->command) || (u->on && !u->command)) return false;
	if (optind < argc) u->net = argv[optind];
	return true;
}

static int up_command(const struct up *u, struct lab *l)
{
	int host = lab_host(l, u->on), status;

	if (host < 0 || lab_start(l, (size_t)host, &u->how) < 0) return topo_free(&l->topo), EXIT_OWN_FAILURE;
	status = launch_wait(l->door, u->command, NULL);
	lab_report(l);
	lab_down(l);
	lab_end(l);
	if (status != 0) cli_warn("seed %" PRIu64, u->how.seed);      /* --seed repeats what led here */
	return status;
}

/* Where there are no commands to read: until a signal asks us to end the net, or somebody else has ended it. */
static void wait_foreground(const struct lab *l, const sigset_t *waited)
{
	int signal;

	do
		if (sigwait(waited, &signal) != 0) return;
	while (signal == SIGCHLD && waitpid(l->engine, NULL, WNOHANG) == 0);
}

static void signals_block(sigset_t *waited)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};

	sigemptyset(waited);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) sigaddset(waited, signals[i]);
	sigprocmask(SIG_BLOCK, waited, NULL);
}

static int up_foreground(struct lab *l, const char *name, bool prompting, const sigset_t *waited)
{
	int status = 0;

	if (prompting) status = prompt(l);
	else wait_foreground(l, waited);
	lab_report(l);
	lab_down(l);
	lab_end(l);
	rendezvous_forget(name);
	return status;
}

/* A prompt does without other shells, where they are refused. */
static int up_reachable(struct up *u, struct lab *l)
{
	bool prompting = !u->background && prompt_possible();
	sigset_t waited;
	char name[TOPO_NAME_MAX];

	snprintf(name, sizeof name, "%s", l->topo.name);
	if (!prompting) signals_block(&waited);
	u->how.keep = true;
	u->how.released = u->background;
	u->how.listener = rendezvous_listen(name);
	if (u->how.listener < 0 && (!prompting || u->how.listener == -EADDRINUSE)) return topo_free(&l->topo), EXIT_OWN_FAILURE;
	if (lab_start(l, 0, &u->how) < 0) return rendezvous_forget(name), topo_free(&l->topo), EXIT_OWN_FAILURE;
	cli_warn("seed %" PRIu64, u->how.seed);
	if (!prompting) puts(name);
	fflush(stdout);
	if (!u->background) return up_foreground(l, name, prompting, &waited);
	topo_free(&l->topo);
	return 0;
}

int verb_up(const struct verb *v, int argc, char **argv)
{
	struct up u = {.how = {.seed = lab_seed(), .listener = -1}};
	struct lab l = {0};

	if (!options_read(&u, argc, argv)) return cli_usage(v);
	if (u.name && !topo_name_ok(u.name)) return cli_fail("%s cannot be the name of a net", u.name);
	if (!lab_topology(&l.topo, u.net ? u.net : "single,2")) return EXIT_OWN_FAILURE;
	if (u.name) snprintf(l.topo.name, sizeof l.topo.name, "%s", u.name);
	return u.command ? up_command(&u, &l) : up_reachable(&u, &l);
}
