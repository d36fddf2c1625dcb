/* Every host pings every other one, as mn's pingall does; those of a host a few at a time. ^C ends it. */
#include "cli/pingall.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "cli/cli.h"
#include "cli/lines.h"
#include "cli/task.h"

#define AT_ONCE 16
#define PATIENCE_S "2"

struct pings { size_t sent, received, untried; };

/* ^C does not shorten it: a ping is over soon. */
static bool end_wait(pid_t pid, int *ret_status)
{
	pid_t ended;

	do ended = waitpid(pid, ret_status, 0);
	while (ended < 0 && errno == EINTR);
	return ended == pid;
}

/* From host `from` to hosts first … first + n, without itself. */
static void some(struct client *c, const struct topo *t, size_t from, size_t first, size_t n, struct pings *p)
{
	struct task tasks[AT_ONCE] = {0};
	int status;

	for (size_t i = 0; i < n; i++) {
		char *argv[] = {"ping", "-q", "-c", "1", "-i", "0.2", "-w", PATIENCE_S, t->hosts[first + i].name, NULL};

		if (first + i != from) task_start(&tasks[i], c, t->hosts[from].name, argv, NULL, 0);
	}
	for (size_t i = 0; i < n; i++) {
		bool reached = false, tried = false;

		if (first + i == from) continue;
		/* ping's own trouble is more than 2. */
		if (tasks[i].running && end_wait(tasks[i].pid, &status)) tried = WIFEXITED(status) && WEXITSTATUS(status) <= 2, reached = status == 0;
		p->sent++;
		p->untried += !tried;
		p->received += reached;
		printf(" %s", reached ? t->hosts[first + i].name : "X");
		task_free(&tasks[i]);
	}
	fflush(stdout);
}

int pingall(struct client *c, const struct topo *t)
{
	struct pings p = {0};

	for (size_t from = 0; from < t->n_hosts; from++) {
		printf("%s ->", t->hosts[from].name);
		for (size_t to = 0; to < t->n_hosts; to += AT_ONCE) {
			if (lines_interrupted()) return putchar('\n'), EXIT_SIGNAL + lines_interrupted();
			some(c, t, from, to, MIN(t->n_hosts - to, AT_ONCE), &p);
		}
		putchar('\n');
	}
	printf("%zu of %zu arrived\n", p.received, p.sent);
	if (p.untried > 0) cli_warn("%zu of them could not be tried: is there a ping, and room for processes?", p.untried);
	return p.received < p.sent;
}
