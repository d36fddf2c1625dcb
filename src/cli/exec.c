/* sockland exec: becomes a program on a host of a running net. No process stays in between, so signals and status are the program's own. */
#include <errno.h>
#include <getopt.h>

#include "cli/cli.h"
#include "cli/launch.h"
#include "cli/rendezvous.h"

int verb_exec(const struct verb *v, int argc, char **argv)
{
	static const struct option options[] = {{"net", required_argument, NULL, 'n'}, {0}};
	const char *net = NULL;
	struct client c;
	int door, o;

	while ((o = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
		if (o != 'n') return cli_usage(v);
		net = optarg;
	}
	if (argc - optind >= 2 && strcmp(argv[optind + 1], "--") == 0) {
		argv[optind + 1] = argv[optind];     /* HOST -- COMMAND: as it is for run */
		optind++;
	}
	if (argc - optind < 2) return cli_usage(v);
	if (rendezvous_find(&c, net) < 0) return EXIT_OWN_FAILURE;
	door = client_door(&c, argv[optind]);
	client_close(&c);
	if (door == -ENOENT) return cli_fail("no host named %s", argv[optind]);
	if (door < 0) return cli_fail("cannot enter %s: %s", argv[optind], strerror(-door));
	return launch_exec(door, argv + optind + 1);
}
