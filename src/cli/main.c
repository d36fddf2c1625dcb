/*
 * sockland, the command: one row a verb. A verb that works on a running net finds it in rendezvous.c, one that starts a net does so in lab.c,
 * and every program that is started on a host goes through launch.c.
 */
#include "cli/cli.h"
#include "cli/rendezvous.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

static const struct verb verbs[] = {
	{"run", "run [--seed N] [--unprivileged] [--kernel-unix] [--net FILE|SHAPE] [--on HOST] [--] COMMAND… | [--junit FILE] SCENARIO.yaml",
	 "a command on a private network, which ends with it; or a scenario, and what came of it", verb_run},
	{"up", "up [FILE | --topo single,N|linear,N|tree,D,F] [--seed N] [--name NAME] [--unprivileged] [--kernel-unix] [-d | [--on HOST] -- COMMAND…]",
	 "a network as you draw it: with a prompt, in the background, or for a command", verb_up},
	{"down", "down [NAME]", "ends a network, and what still runs on it, by name", verb_down},
	{"exec", "exec [--net NAME] HOST COMMAND…", "a command on a host of a running network", verb_exec},
	{"set", "set [--net NAME] LINK|HOST[:IF] WORDS… [for T]",
	 "makes links slow, lossy, narrow, or good again, in tc-netem's words: delay T [JITTER [CORRELATION%]], distribution uniform|normal|pareto|\n"
	 "        paretonormal, loss P% | gemodel … | state …, duplicate P%, corrupt P%, reorder P% [gap N], rate R, limit N, pfifo, codel …,\n"
	 "        fq_codel …, red …, up, down, clear", verb_tell},
	{"cut", "cut [--net NAME] [--one-way] HOST… [/ HOST…] [for T] | --majority|--halves|--node|--bridge|--ring [HOST…] [for T] | --heal",
	 "parts the network, and heals it: --heal ends flaps, too", verb_tell},
	{"flap", "flap [--net NAME] LINK|HOST[:IF] up T down T [jitter P%] [for T]", "a link that goes down again and again, until cut --heal", verb_tell},
	{"fault", "fault [--net NAME] HOST[:PROGRAM] CALL[,CALL…] errno NAME|short N|delay T|reset [p P%] [first N] [every N] [after OCTETS]\n"
	 "        [port N] [for T] | --heal [HOST]",
	 "calls that fail: socket, bind, listen, connect, accept, send, recv, or all", verb_tell},
	{"cap", "cap [--net NAME] HOST:IF|LINK [-w FILE|-] [-c COUNT] [FILTER]", "what an interface or a link carries, as pcapng; filters are tcpdump's",
	 verb_cap},
	{"plot", "plot FILE.pcapng [-o FILE.svg] [FILTER]", "the sequence numbers of a captured connection against time, as SVG", verb_plot},
	{"show", "show [--net NAME] [--json] net [--dot | --mermaid] | conns | links | programs | refused | faults | hosts | counts | log | doctor | top",
	 "the network, its connections, what its links did; what was refused to programs; what this machine denies", verb_show},
};

static void complain(const char *format, va_list ap)
{
	fputs("sockland: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
}

void cli_warn(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	complain(format, ap);
	va_end(ap);
}

int cli_fail(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	complain(format, ap);
	va_end(ap);
	return EXIT_OWN_FAILURE;
}

int cli_usage(const struct verb *v)
{
	fprintf(stderr, "usage: sockland %s\n", v->usage);
	return EXIT_USAGE;
}

bool cli_number(const char *option, const char *text, uint64_t *ret)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(text, &end, 0);
	if (errno || *text < '0' || *text > '9' || *end) {
		cli_warn("%s wants a number, not %s", option, text);
		return false;
	}
	*ret = v;
	return true;
}

static int help(FILE *to, int status)
{
	fputs("sockland: unmodified programs on a network of their own\n\n", to);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) fprintf(to, "  sockland %s\n        %s\n", verbs[i].usage, verbs[i].help);
	return status;
}

/* What is closed stays closed for reading and writing, and for what we become, but no socket of ours gets its number. */
static void streams_hold(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC) < 0) return;
}

/* A status that says so when what we had to say could not be written. */
static int streams_flush(int status)
{
	bool failed = ferror(stdout) != 0;

	if (fflush(stdout) == 0 && !failed) return status;
	cli_warn("standard output: %s", strerror(failed ? EIO : errno));
	return status ? status : EXIT_OWN_FAILURE;
}

int main(int argc, char **argv)
{
	streams_hold();
	rendezvous_start();
	if (argc < 2) return help(stderr, EXIT_USAGE);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(argv[1], verbs[i].name) == 0) return streams_flush(verbs[i].run(&verbs[i], argc - 1, argv + 1));
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) return streams_flush(help(stdout, 0));
	if (strcmp(argv[1], "--version") == 0) return puts("sockland " SOCKLAND_VERSION), streams_flush(0);
	cli_warn("no verb %s", argv[1]);
	return help(stderr, EXIT_USAGE);
}
