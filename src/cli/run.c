/* sockland run: a network for one command and what it starts, or for a scenario. */
#include <getopt.h>

#include "cli/cli.h"
#include "cli/lab.h"
#include "cli/launch.h"
#include "cli/scenario.h"

/* The default: one host with an address besides 127.0.0.1, so that programs that look for one find it. */
static int topology(struct topo *t, const char *net, const char *on)
{
	if (net) return lab_topology(t, net) ? 0 : -1;
	if (topo_one_host(t, on ? on : "h1") < 0) return cli_fail("%s cannot be the name of a host", on ? on : "h1"), -1;
	return 0;
}

int verb_run(const struct verb *v, int argc, char **argv)
{
	static const struct option options[] = {
		{"seed", required_argument, NULL, 's'}, {"on", required_argument, NULL, 'o'}, {"net", required_argument, NULL, 'n'},
		{"unprivileged", no_argument, NULL, 'u'}, {"kernel-unix", no_argument, NULL, 'k'}, {"junit", required_argument, NULL, 'j'}, {0}};
	struct lab_options how = {.seed = lab_seed(), .listener = -1};
	const char *on = NULL, *net = NULL, *junit = NULL;
	bool seeded = false;
	struct lab l = {0};
	int status = EXIT_OWN_FAILURE, host, c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
		if (c == 's' && cli_number("--seed", optarg, &how.seed)) seeded = true;
		else if (c == 'o') on = optarg;
		else if (c == 'u') how.unprivileged = true;
		else if (c == 'k') how.kernel_unix = true;
		else if (c == 'j') junit = optarg;
		else if (c == 'n') net = optarg;
		else return cli_usage(v);
	}
	if (optind == argc) return cli_usage(v);
	if (optind == argc - 1 && strcmp(argv[optind - 1], "--") != 0 && scenario_is_file(argv[optind])) {
		if (on || net) return cli_usage(v);        /* the file says both */
		return scenario_run(argv[optind], &how, seeded, junit);
	}
	if (junit) return cli_usage(v);
	if (topology(&l.topo, net, on) < 0) return EXIT_OWN_FAILURE;
	host = lab_host(&l, on);
	if (host < 0 || lab_start(&l, (size_t)host, &how) < 0) return topo_free(&l.topo), EXIT_OWN_FAILURE;
	status = launch_wait(l.door, argv + optind, NULL);
	lab_report(&l);
	lab_end(&l);
	return status;
}
