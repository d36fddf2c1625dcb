/* sockland down: ends a net, and what still runs on it. */
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/remains.h"
#include "cli/rendezvous.h"

int verb_down(const struct verb *v, int argc, char **argv)
{
	struct client c;
	char *text = NULL;
	int r;

	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) return cli_usage(v);
	if (rendezvous_find(&c, argc == 2 ? argv[1] : NULL) < 0) return EXIT_OWN_FAILURE;
	remains_end(&c, stdout, "");
	r = client_verb(&c, 1, (char *[]){"down"}, &text);
	free(text);
	if (r >= 0) client_wait_end(&c);
	client_close(&c);
	if (r >= 0 && argc == 2) rendezvous_forget(argv[1]);
	return r < 0 ? cli_fail("the net did not end: %s", strerror(-r)) : 0;
}
