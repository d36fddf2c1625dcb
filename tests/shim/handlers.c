/* Signal handlers that use sockets themselves, at any moment, while the program and its threads are busy with theirs; and handlers that never return. */
#include "check.h"
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>

#define OCTETS (64 << 20)

static int own[2];                 /* the handler's datagram sockets: to itself */
static struct sockaddr_in own_name;
static volatile long handled;

static void on_alarm(int sig)
{
	char c;
	int saved = errno;
	(void)sig;
	CHECK(sendto(own[1], "a", 1, MSG_DONTWAIT, (struct sockaddr *)&own_name, sizeof own_name) == 1);
	CHECK(recv(own[0], &c, 1, MSG_DONTWAIT) == 1);
	handled++;
	errno = saved;
}

static void *send_much(void *arg)
{
	static char buf[30000];
	sigset_t alarm;
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, NULL);   /* the other thread gets them */
	for (size_t done = 0; done < OCTETS;) {
		ssize_t n = send(*(int *)arg, buf, sizeof buf, 0);
		CHECK(n > 0);
		done += (size_t)n;
	}
	shutdown(*(int *)arg, SHUT_WR);
	return NULL;
}

static void busy_all_around(void)
{
	struct sigaction act = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	struct itimerval fast = {{0, 150}, {0, 150}}, none = {{0, 0}, {0, 0}};
	static char buf[50000];
	int pair[2];
	pthread_t t;
	size_t got = 0;
	own[0] = bound(SOCK_DGRAM, &own_name);
	own[1] = socket(AF_INET, SOCK_DGRAM, 0);
	tcp_pair(pair);
	CHECK(sigaction(SIGALRM, &act, NULL) == 0);
	CHECK(pthread_create(&t, NULL, send_much, &pair[0]) == 0);
	setitimer(ITIMER_REAL, &fast, NULL);
	for (ssize_t n; (n = recv(pair[1], buf, sizeof buf, 0)) != 0; got += (size_t)n) CHECK(n > 0);
	setitimer(ITIMER_REAL, &none, NULL);
	pthread_join(t, NULL);
	CHECK(got >= OCTETS && handled > 10);
	close(pair[0]);
	close(pair[1]);
}

static sigjmp_buf back;
static void leap(int sig) { siglongjmp(back, sig); }

static void never_returning(void)
{
	struct itimerval once = {{0, 0}, {0, 3000}};
	int pair[2];
	char c;
	tcp_pair(pair);
	signal(SIGALRM, leap);
	for (volatile int i = 0; i < 50; i++) {
		if (sigsetjmp(back, 1) != 0) continue;
		setitimer(ITIMER_REAL, &once, NULL);
		CHECK(recv(pair[0], &c, 1, 0) == -2);
	}
	signal(SIGALRM, SIG_DFL);
	talk(pair[0], pair[1]);
	close(pair[0]);
	close(pair[1]);
}

/* The program's own fault handler is its own; without one a fault still ends the program as such. */
static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (sig == SIGSEGV && info->si_addr == (void *)24) siglongjmp(back, 1);
}

static void faults(void)
{
	struct sigaction act = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER}, old;
	volatile int *volatile bad = (int *)24;
	int pair[2], status;
	CHECK(sigaction(SIGSEGV, &act, &old) == 0 && old.sa_handler == SIG_DFL);
	if (sigsetjmp(back, 1) == 0) *bad = 1;
	tcp_pair(pair);
	CHECK(send(pair[0], (void *)24, 10, 0) == -1 && errno == EFAULT);
	CHECK(write(pair[0], "abc", 3) == 3 && recv(pair[1], (void *)24, 10, 0) == -1 && errno == EFAULT);
	char buf[3];
	CHECK(recv(pair[1], buf, 3, MSG_WAITALL) == 3 && memcmp(buf, "abc", 3) == 0);
	talk(pair[1], pair[0]);
	signal(SIGSEGV, SIG_DFL);
	pid_t pid = fork();
	if (pid == 0) *bad = 1;
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

int main(void)
{
	busy_all_around();
	never_returning();
	faults();
	return 0;
}
