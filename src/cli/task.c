/* Processes of a scenario: see task.h. */
#include "cli/task.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cli/launch.h"

#define OUTPUT_MAX (16 << 20)

static _Noreturn void become(int door, FILE *output, char *const *argv, char *const *env)
{
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	setpgid(0, 0);
	dup2(null, STDIN_FILENO);
	if (null > STDERR_FILENO) close(null);
	dup2(fileno(output), STDOUT_FILENO);
	dup2(fileno(output), STDERR_FILENO);
	for (; env && *env; env++) putenv(*env);
	_exit(launch_exec(door, argv));
}

/* In memory where no directory for temporary files can be written to. */
static FILE *output_make(void)
{
	FILE *f = tmpfile();
	int fd = f ? -1 : memfd_create("output", 0);

	return fd >= 0 ? fdopen(fd, "w+") : f;
}

int task_start(struct task *t, struct client *c, const char *host, char *const *argv, char *const *env, time_ns now)
{
	int door = client_door(c, host);

	if (door < 0) return door;
	if (!t->output && (t->output = output_make()) != NULL) {       /* what is started again goes on writing */
		fcntl(fileno(t->output), F_SETFD, FD_CLOEXEC);
		fcntl(fileno(t->output), F_SETFL, O_APPEND);
	}
	fflush(NULL);
	t->pid = t->output ? fork() : -1;
	if (t->pid == 0) become(door, t->output, argv, env);
	close(door);
	if (t->pid < 0) return t->pid = 0, t->output ? -EAGAIN : -errno;
	setpgid(t->pid, t->pid);       /* here as well, so that a signal that comes at once finds the group */
	t->running = true;
	t->started = now;
	return 0;
}

void task_over(struct task *t, int status, time_ns now)
{
	t->running = false;
	t->status = status;
	t->ended = now;
}

void task_signal(const struct task *t, int signal)
{
	if (t->running) kill(-t->pid, signal);
}

bool task_group_lives(const struct task *t) { return t->pid > 0 && kill(-t->pid, 0) == 0; }

char *task_output(const struct task *t)
{
	off_t size = t->output ? lseek(fileno(t->output), 0, SEEK_END) : 0;
	size_t want = (size_t)MIN(size, OUTPUT_MAX), have = 0;
	char *text = size > 0 ? malloc(want + 1) : NULL;

	while (text && have < want) {
		ssize_t n = pread(fileno(t->output), text + have, want - have, (off_t)have);

		if (n <= 0) break;
		have += (size_t)n;
	}
	for (size_t i = 0; text && i < have; i++)
		if (!text[i]) text[i] = '?';               /* what follows a NUL would not be looked at */
	if (text) text[have] = 0;
	return text;
}

void task_free(struct task *t)
{
	if (t->output) fclose(t->output);
	*t = (struct task){0};
}
