/*
 * The prompt, in the manner of mininet's mn. A line is the name of a host and a command for the shell there, or one of the rows below. What the verbs
 * of the command line can do they do here as well: they are started on a host, where they find the net by themselves.
 *
 * ^C is for the command that runs: the terminal sends it to both of us, and we take no notice.
 */
#include "cli/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/launch.h"
#include "cli/lines.h"
#include "cli/picture.h"
#include "cli/pingall.h"
#include "cli/records.h"

#define BLANKS " \t"
#define WORDS_MAX 256
#define HELP_COLUMN 46

struct prompt {
	struct lab *lab;
	char self[PATH_MAX];           /* the command that we are */
	int signal;                    /* that a program took while we waited for it */
	bool ending;
};

/* ---- words ---- */

/* The first word of *at, ended by NUL; *at is moved to what follows. "" when there is none. */
static char *word_take(char **at)
{
	char *word = *at + strspn(*at, BLANKS);

	*at = word + strcspn(word, BLANKS);
	if (**at) *(*at)++ = 0;
	*at += strspn(*at, BLANKS);
	return word;
}

/* How many; words[0] and those before `first` are the caller's. 0: too many. NULL ends them. */
static size_t words_cut(char *rest, char **words, size_t first)
{
	size_t n = first;

	while (*rest && n < WORDS_MAX) words[n++] = word_take(&rest);
	words[n] = NULL;
	return *rest ? 0 : n;
}

/* ---- the commands ---- */

static int on_door(struct prompt *p, int door, char *const *argv)
{
	return launch_wait(door, argv, &p->signal);
}

/* The engine, for a moment: who keeps a client counts as a program of the net. */
static bool engine_ask(struct prompt *p, struct client *ret)
{
	int err = client_open(ret, p->lab->door);

	if (err < 0) cli_warn("the net does not answer: %s", strerror(-err));
	return err == 0;
}

static int on_host(struct prompt *p, const char *host, char *command)
{
	struct client c;
	int door, status;

	if (!*command) return cli_fail("%s COMMAND…", host);
	if (!engine_ask(p, &c)) return EXIT_OWN_FAILURE;
	door = client_door(&c, host);
	client_close(&c);
	if (door < 0) return cli_fail("cannot enter %s: %s", host, strerror(-door));
	status = on_door(p, door, (char *[]){"/bin/sh", "-c", command, NULL});
	close(door);
	return status;
}

/* sockland VERB WORDS… */
static int do_verb(struct prompt *p, const char *verb, char *rest)
{
	char *words[WORDS_MAX + 1] = {p->self, (char *)verb};

	return words_cut(rest, words, 2) == 0 ? cli_fail("too many words") : on_door(p, p->lab->door, words);
}

/* A link is called A--B; which of the two stands first nobody need know. */
static int link_set(struct client *c, const char *a, const char *b, char *state)
{
	char name[2 * TOPO_NAME_MAX + 4], *text = NULL;
	int r;

	snprintf(name, sizeof name, "%.32s--%.32s", b, a);
	r = client_verb(c, 3, (char *[]){"set", name, state}, &text);
	if (r < 0 && r != -ENOENT) cli_warn("%s", client_why(text, r));
	free(text);
	if (r != -ENOENT) return r;
	snprintf(name, sizeof name, "%.32s--%.32s", a, b);
	r = client_verb(c, 3, (char *[]){"set", name, state}, &text);
	if (r < 0) cli_warn("%s", client_why(text, r));
	free(text);
	return r;
}

/* link A--B up, and mn's link A B up. */
static int do_link(struct prompt *p, const char *verb, char *rest)
{
	char *words[WORDS_MAX + 1], *between;
	size_t n = words_cut(rest, words, 0);
	struct client c;
	int r;

	if (n == 2 && (between = strstr(words[0], "--")) != NULL) {
		*between = 0;
		words[2] = words[1];
		words[1] = between + 2;
		n = 3;
	}
	if (n != 3 || (strcmp(words[2], "up") != 0 && strcmp(words[2], "down") != 0)) return cli_fail("%s A--B up|down", verb);
	if (!engine_ask(p, &c)) return EXIT_OWN_FAILURE;
	r = link_set(&c, words[0], words[1], words[2]);
	client_close(&c);
	return r < 0;
}

static int do_heal(struct prompt *p, const char *verb, char *rest)
{
	(void)verb, (void)rest;
	return do_verb(p, "cut", (char[]){"--heal"});
}

static int do_nodes(struct prompt *p, const char *verb, char *rest)
{
	const struct topo *t = &p->lab->topo;

	(void)verb, (void)rest;
	for (size_t i = 0; i < t->n_hosts; i++) printf("%s%s", i ? " " : "", t->hosts[i].name);
	for (size_t i = 0; i < t->n_networks; i++)
		if (t->networks[i].is_switch) printf(" %s", t->networks[i].name);
	putchar('\n');
	return 0;
}

/* A line a host: its interfaces, and where they lead. */
static int do_net(struct prompt *p, const char *verb, char *rest)
{
	const struct topo *t = &p->lab->topo;

	(void)verb, (void)rest;
	for (size_t host = 0; host < t->n_hosts; host++) {
		fputs(t->hosts[host].name, stdout);
		for (size_t i = 0; i < t->n_ifs; i++)
			if (t->ifs[i].host == host) printf(" %s:%s", t->ifs[i].name, t->networks[t->ifs[i].network].name);
		putchar('\n');
	}
	for (size_t i = 0; i < t->n_trunks; i++) printf("%s\n", t->trunks[i].name);
	return 0;
}

static int do_dump(struct prompt *p, const char *verb, char *rest)
{
	struct records r = {0};
	struct client c;
	int err;

	(void)verb, (void)rest;
	if (!engine_ask(p, &c)) return EXIT_OWN_FAILURE;
	err = records_get(&r, &c, "net");
	if (err == 0) picture_text(&r, stdout);
	records_free(&r);
	client_close(&c);
	return err < 0;
}

static int do_pingall(struct prompt *p, const char *verb, char *rest)
{
	struct client c;
	int status;

	(void)verb, (void)rest;
	if (!engine_ask(p, &c)) return EXIT_OWN_FAILURE;
	status = pingall(&c, &p->lab->topo);
	client_close(&c);
	return status;
}

static int do_exit(struct prompt *p, const char *verb, char *rest)
{
	(void)verb, (void)rest;
	p->ending = true;
	return 0;
}

static int do_help(struct prompt *p, const char *verb, char *rest);

static const struct command {
	const char *name, *words, *help;
	bool alone;                    /* takes no words */
	int (*run)(struct prompt *p, const char *verb, char *rest);
} commands[] = {
	{"pingall", "", "every host pings every other one", true, do_pingall},
	{"nodes", "", "hosts and switches", true, do_nodes},
	{"net", "", "hosts, their interfaces and where these lead", true, do_net},
	{"dump", "", "addresses, impairments, cuts, programs", true, do_dump},
	{"link", "A--B up|down", "takes a link down, or up again", false, do_link},
	{"set", "LINK|HOST WORDS… [for T]", "as sockland set does", false, do_verb},
	{"cut", "HOST… [/ HOST…] [for T]", "as sockland cut does, with --majority and the others", false, do_verb},
	{"flap", "LINK|HOST up T down T [for T]", "as sockland flap does", false, do_verb},
	{"fault", "HOST[:PROGRAM] CALL… ACTION [for T]", "as sockland fault does", false, do_verb},
	{"heal", "", "ends every cut and every flap", true, do_heal},
	{"show", "conns|links|programs|refused|log|top…", "as sockland show does", false, do_verb},
	{"cap", "HOST:IF|LINK -w FILE", "captures until ^C, as sockland cap does", false, do_verb},
	{"exec", "HOST COMMAND…", "for a host that is called as a command here", false, do_verb},
	{"help", "", "this", true, do_help},
	{"exit", "", "ends the network, as ^D does", true, do_exit},
	{"quit", "", "the same", true, do_exit},
};

static void help_line(const char *name, const char *words, const char *help)
{
	int columns = printf("%s ", name);

	for (const char *c = words; *c; c += utf8_character(c)) columns++;
	printf("%s%*s%s\n", words, HELP_COLUMN - columns, "", help);
}

static int do_help(struct prompt *p, const char *verb, char *rest)
{
	(void)p, (void)verb, (void)rest;
	help_line("HOST", "COMMAND…", "a command for the shell on a host: h1 ping -c1 h2");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) help_line(commands[i].name, commands[i].words, commands[i].help);
	return 0;
}

static int line_do(struct prompt *p, char *line)
{
	char *rest = line, *word = word_take(&rest);
	const struct topo *t = &p->lab->topo;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, word) != 0) continue;
		if (commands[i].alone && *rest) return cli_fail("%s stands alone", word);
		return commands[i].run(p, commands[i].name, rest);
	}
	for (size_t i = 0; i < t->n_hosts; i++)
		if (strcmp(t->hosts[i].name, word) == 0) return on_host(p, word, rest);
	cli_warn("no host and no command is called %s; help names them", word);
	return EXIT_NOT_FOUND;
}

/* ---- the prompt ---- */

/* Commands and hosts begin a line; hosts and links go on with it. */
static const char *word_at(void *user, const char *before, size_t i)
{
	static char name[2 * TOPO_NAME_MAX + 4];
	const struct topo *t = &((const struct prompt *)user)->lab->topo;
	bool first = before[strspn(before, BLANKS)] == 0;

	if (i < t->n_hosts) return t->hosts[i].name;
	i -= t->n_hosts;
	if (first) return i < ARRAY_SIZE(commands) ? commands[i].name : NULL;
	if (i >= t->n_ifs) return i - t->n_ifs < t->n_trunks ? t->trunks[i - t->n_ifs].name : NULL;
	snprintf(name, sizeof name, "%s--%s", t->hosts[t->ifs[i].host].name, t->networks[t->ifs[i].network].name);
	return name;
}

bool prompt_possible(void)
{
	struct stat st;

	return isatty(STDIN_FILENO) || (fstat(STDIN_FILENO, &st) == 0 && !S_ISCHR(st.st_mode));
}

static int lines_do(struct prompt *p, struct lines *in)
{
	int status = 0;
	const char *line;
	enum line what = LINE_READ;

	while (!p->ending && (what = lines_read(in, &line)) != LINE_END && what != LINE_STOP && what != LINE_TOO_LONG) {
		char *copy = what == LINE_READ ? strndup(line, strcspn(line, "\r\n")) : NULL;

		if (copy && copy[strspn(copy, BLANKS)] && copy[strspn(copy, BLANKS)] != '#') status = line_do(p, copy);
		free(copy);
		fflush(stdout);
		p->ending |= p->signal == SIGTERM || p->signal == SIGHUP;
	}
	return what == LINE_TOO_LONG ? cli_fail("a line is too long: it and what follows it were not done") : status;
}

int prompt(struct lab *l)
{
	struct prompt p = {.lab = l};
	int ended = (int)syscall(SYS_pidfd_open, l->engine, 0), status = EXIT_OWN_FAILURE;
	ssize_t n = readlink("/proc/self/exe", p.self, sizeof p.self - 1);
	struct lines *in = n > 0 ? lines_open(ended) : NULL;

	if (in) {
		lines_complete(in, word_at, &p);
		if (lines_terminal(in)) puts("help names the commands; ^D ends the network");
		status = lines_do(&p, in);
		lines_close(in);
	}
	if (ended >= 0) close(ended);
	return waitpid(l->engine, NULL, WNOHANG) == l->engine ? cli_fail("the net has ended") : status;
}
