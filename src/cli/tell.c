/* sockland set, cut, flap and fault: words for the engine, which knows hosts and links and answers with a text. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/rendezvous.h"

int verb_tell(const struct verb *v, int argc, char **argv)
{
	const char *net = NULL;
	bool link_first = strcmp(argv[0], "set") == 0 || strcmp(argv[0], "flap") == 0;
	char *verb = argv[0], *text = NULL;
	struct client c;
	int r;

	if (argc > 2 && strcmp(argv[1], "--net") == 0) {
		net = argv[2];
		argc -= 2;
		argv += 2;
		argv[0] = verb;
	} else if (argc > 1 && strncmp(argv[1], "--net=", 6) == 0) {
		net = argv[1] + 6;
		argc--;
		argv++;
		argv[0] = verb;
	}
	if (argc < (link_first ? 3 : 2) || strcmp(argv[1], "--net") == 0 || (link_first && argv[1][0] == '-')) return cli_usage(v);
	if (rendezvous_find(&c, net) < 0) return EXIT_OWN_FAILURE;
	r = client_verb(&c, (size_t)argc, argv, &text);
	if (r < 0) cli_warn("%s", client_why(text, r));
	else if (text) fputs(text, stdout);
	free(text);
	client_close(&c);
	return r < 0 ? EXIT_OWN_FAILURE : 0;
}
