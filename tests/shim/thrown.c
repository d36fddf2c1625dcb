/*
 * A thread that is thrown out of its sleep, by longjmp or by cancellation, is not counted as a sleeper for ever: once it sleeps again, or has ended, a send
 * makes no system call to wake anybody. A tracer counts the wakes.
 */
#include "check.h"
#include <linux/futex.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/user.h>

static int pair[2], set;
static sigjmp_buf out;

static void on_alarm(int sig)
{
	(void)sig;
	siglongjmp(out, 1);
}

static void read_blocked(void)
{
	char c;
	read(pair[1], &c, 1);
}

static void wait_blocked(void)
{
	struct epoll_event ev;
	epoll_wait(set, &ev, 1, -1);
}

static void thrown_out(void (*sleeps)(void))
{
	struct itimerval soon = {.it_value.tv_usec = 2000};
	if (sigsetjmp(out, 1) == 0) {
		CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
		sleeps();
		CHECK(false);
	}
}

static void *cancelled(void *sleeps)
{
	(*(void (**)(void))sleeps)();
	return NULL;
}

static void cancel(void (*sleeps)(void))
{
	struct timespec moment = {.tv_nsec = 2000000};
	pthread_t t;
	void *result;
	CHECK(pthread_create(&t, NULL, cancelled, &sleeps) == 0);
	nanosleep(&moment, NULL);
	CHECK(pthread_cancel(t) == 0 && pthread_join(t, &result) == 0 && result == PTHREAD_CANCELED);
}

/* Sleeps once more and is woken as it should be; from then on nobody sleeps. */
static void sleep_well(void)
{
	struct timeval moment = {.tv_usec = 2000};
	struct epoll_event ev;
	char c;
	CHECK(setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment) == 0);
	CHECK(read(pair[1], &c, 1) == -1 && errno == EAGAIN && epoll_wait(set, &ev, 1, 2) == 0);
	moment.tv_usec = 0;
	CHECK(setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment) == 0);
}

static void send_one(void)
{
	struct epoll_event ev;
	char c;
	CHECK(write(pair[0], "x", 1) == 1);
	CHECK(epoll_wait(set, &ev, 1, 0) == 1 && read(pair[1], &c, 1) == 1 && epoll_wait(set, &ev, 1, 0) == 0);
}

/* Between two calls of getppid, which the tracer looks for. The one before disarms the set's bell, which the last sleep has left armed. */
static void send_unheard(void)
{
	send_one();
	syscall(SYS_getppid);
	for (int i = 0; i < 3; i++) send_one();
	syscall(SYS_getppid);
}

static void traced(void)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct sigaction sa = {.sa_handler = on_alarm};
	CHECK(sigaction(SIGALRM, &sa, NULL) == 0);
	tcp_pair(pair);
	set = epoll_create1(0);
	CHECK(set >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, pair[1], &ev) == 0);
	talk(pair[0], pair[1]);
	sleep_well();
	send_unheard();
	for (int i = 0; i < 3; i++) {
		thrown_out(read_blocked);
		thrown_out(wait_blocked);
	}
	sleep_well();
	send_unheard();
	cancel(read_blocked);
	cancel(wait_blocked);
	sleep_well();
	send_unheard();
	_exit(0);
}

/* Runs the child from one stop to the next; false: it has ended. */
static bool step(pid_t pid, int signal, int *ret_status)
{
	CHECK(ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)signal) == 0 && waitpid(pid, ret_status, __WALL) == pid);
	return WIFSTOPPED(*ret_status);
}

int main(void)
{
	int status, signal = 0, marks = 0, wakes[3] = {0}, calls = 0;
	struct user_regs_struct r;
	pid_t pid = fork();
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME) != 0) _exit(77);
		raise(SIGSTOP);
		traced();
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) return 77;
	CHECK(WIFSTOPPED(status) && ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(long)PTRACE_O_TRACESYSGOOD) == 0);
	while (step(pid, signal, &status)) {
		signal = WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status);
		if (signal != 0 || calls++ % 2 != 0) continue;   /* every other stop is a call's end */
		CHECK(ptrace(PTRACE_GETREGS, pid, NULL, &r) == 0);
		marks += r.orig_rax == SYS_getppid;
		if (marks % 2 != 1 || marks > 5) continue;
		wakes[marks / 2] += r.orig_rax == SYS_futex && (r.rsi & FUTEX_CMD_MASK) == FUTEX_WAKE;
		wakes[marks / 2] += r.orig_rax == SYS_write;
	}
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0 && marks == 6);
	for (int i = 0; i < 3; i++) CHECK(wakes[i] == 0);
	return 0;
}
