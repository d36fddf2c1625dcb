/*
 * Ending what still runs. The engine knows who holds a control pair, and says with each process when it started: whoever has that number *and* that
 * time is the process that was meant, and no other that got the number later. The engine lives on meanwhile, so that servers can take
 * their leave of each other, and is asked again, for children that only now show up.
 *
 * We ourselves and those we run under (the shell in which `sockland down` was typed) are left alone.
 */
#include "cli/remains.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/records.h"
#include "host/process.h"

#define PATIENCE_MS 2000
#define LOOK_MS 20
#define NAMED_MAX 4096

struct named { pid_t pid; uint64_t started; };
struct remains {
	struct named named[NAMED_MAX];
	size_t n;
	FILE *to;
	const char *prefix;
};

static pid_t parent_of(pid_t pid)
{
	char path[32], line[1024] = "", *at;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f) return 0;
	at = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
	fclose(f);
	return at && sscanf(at, ") %*c %d", &pid) == 1 ? pid : 0;
}

static bool is_above_us(pid_t pid)
{
	for (pid_t p = getpid(); p > 0; p = parent_of(p))
		if (p == pid) return true;
	return false;
}

/* The signal reaches the process that was looked at, or none: its number is held while we look. */
static void signal_exactly(const struct named *d, int signal)
{
	int fd = (int)syscall(SYS_pidfd_open, d->pid, 0);
	uint64_t started;

	if (process_started(d->pid, &started) == 0 && started == d->started) {
		if (fd >= 0) syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0);
		else if (errno == ENOSYS || errno == EPERM) kill(d->pid, signal);
	}
	if (fd >= 0) close(fd);
}

/* Names it and asks it to end, once. */
static void meet(struct remains *m, const struct records *r, const struct item *d)
{
	struct named p = {(pid_t)item_number(r, d, "pid"), item_number(r, d, "started")};

	for (size_t i = 0; i < m->n; i++)
		if (m->named[i].pid == p.pid && m->named[i].started == p.started) return;
	if (m->n == NAMED_MAX) return;
	m->named[m->n++] = p;
	fprintf(m->to, "%s%s: %s (%d)\n", m->prefix, item_text(r, d, "host"), item_text(r, d, "name"), (int)p.pid);
	signal_exactly(&p, SIGTERM);
}

/* How many are left. Each that is new is met, and with `kill` all are killed. */
static size_t round_once(struct remains *m, struct client *c, bool kill)
{
	struct records r = {0};
	size_t left = 0;

	if (records_get(&r, c, "programs") < 0) return records_free(&r), 0;
	for (size_t i = 0; i < r.n; i++) {
		const struct item *d = &r.at[i];
		struct named p = {(pid_t)item_number(&r, d, "pid"), item_number(&r, d, "started")};

		if (p.started == 0 || is_above_us(p.pid)) continue;
		left++;
		meet(m, &r, d);
		if (kill) signal_exactly(&p, SIGKILL);
	}
	records_free(&r);
	return left;
}

void remains_end(struct client *c, FILE *to, const char *prefix)
{
	struct remains m = {.to = to, .prefix = prefix};

	for (int waited = 0; waited < PATIENCE_MS; waited += LOOK_MS) {
		if (round_once(&m, c, false) == 0) return;
		poll(NULL, 0, LOOK_MS);
	}
	for (int waited = 0; waited < PATIENCE_MS / 4 && round_once(&m, c, true) > 0; waited += LOOK_MS) poll(NULL, 0, LOOK_MS);
}
