/*
 * What a program must find that has no libc of ours: linked statically, against glibc and against musl, by tests/shim/run. Threads, signals
 * in and around calls, masks, stacks of its own, children and exec.
 */
#include "check.h"
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/time.h>

#define CLIENTS 6
#define SA_RESTORER 0x04000000
#define ROUNDS 10

static struct sockaddr_in server;
static volatile int hits;
static volatile bool on_alternate;
static sigjmp_buf out;
static char alternate[32768];

static void hit(int sig) { (void)sig, hits++; }
static void jump(int sig) { siglongjmp(out, sig); }

static void look_at_stack(int sig)
{
	char here;
	(void)sig;
	on_alternate = &here >= alternate && &here < alternate + sizeof alternate;
	CHECK(getppid() > 0);
}

static void on_signal(int sig, void (*handler)(int), int flags)
{
	struct sigaction a = {.sa_handler = handler, .sa_flags = flags};
	CHECK(sigaction(sig, &a, NULL) == 0);
}

static void alarm_in(long us)
{
	struct itimerval t = {.it_value = {.tv_usec = us}};
	CHECK(setitimer(ITIMER_REAL, &t, NULL) == 0);
}

/* ---- threads, each connection a thread, while signals come ---- */

static void *echo(void *arg)
{
	int fd = (int)(long)arg;
	char buf[64];
	for (ssize_t n; (n = read(fd, buf, sizeof buf)) > 0;) CHECK(write(fd, buf, (size_t)n) == n);
	close(fd);
	return NULL;
}

static void *accepts(void *arg)
{
	int l = (int)(long)arg;
	for (int i = 0; i < CLIENTS * ROUNDS; i++) {
		pthread_t t;
		int fd = accept(l, NULL, NULL);
		CHECK(fd >= 0 && pthread_create(&t, NULL, echo, (void *)(long)fd) == 0 && pthread_detach(t) == 0);
	}
	return NULL;
}

static void *client(void *arg)
{
	char buf[64], got[64];
	for (int i = 0; i < ROUNDS; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0), n = snprintf(buf, sizeof buf, "client %ld, round %d", (long)arg, i);
		CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&server, sizeof server) == 0);
		CHECK(write(fd, buf, (size_t)n) == n && recv(fd, got, (size_t)n, MSG_WAITALL) == n && memcmp(buf, got, (size_t)n) == 0);
		CHECK(close(fd) == 0);
	}
	return arg;
}

static void threads(void)
{
	int l = bound(SOCK_STREAM, &server);
	pthread_t listener, t[CLIENTS];
	on_signal(SIGUSR1, hit, SA_RESTART);
	CHECK(pthread_create(&listener, NULL, accepts, (void *)(long)l) == 0);
	for (long i = 0; i < CLIENTS; i++) CHECK(pthread_create(&t[i], NULL, client, (void *)i) == 0);
	for (int i = 0; i < 100; i++) CHECK(kill(getpid(), SIGUSR1) == 0 && usleep(100) == 0);
	for (long i = 0; i < CLIENTS; i++) {
		void *ret;
		CHECK(pthread_join(t[i], &ret) == 0 && ret == (void *)i);
	}
	CHECK(pthread_join(listener, NULL) == 0 && hits > 0 && close(l) == 0);
}

/* ---- signals ---- */

/* It comes once more until it finds us asleep, so that nothing depends on how fast we are. */
static void alarms(long us)
{
	struct itimerval t = {{0, us}, {0, us}};
	hits = 0;
	CHECK(setitimer(ITIMER_REAL, &t, NULL) == 0);
}

static void interrupted(int fd, int epfd)
{
	struct epoll_event ev;
	char c;
	on_signal(SIGALRM, hit, 0);
	alarms(20000);
	CHECK(recv(fd, &c, 1, 0) == -1 && errno == EINTR && hits > 0);
	CHECK(read(fd, &c, 1) == -1 && errno == EINTR);
	CHECK(epoll_wait(epfd, &ev, 1, -1) == -1 && errno == EINTR);
	alarm_in(0);
}

static void *sends_later(void *arg)
{
	struct sockaddr_in *to = arg;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	while (hits < 3) usleep(1000);
	CHECK(sendto(fd, "x", 1, 0, (struct sockaddr *)to, sizeof *to) == 1 && close(fd) == 0);
	return NULL;
}

static void restarted(int fd, struct sockaddr_in *addr)
{
	pthread_t t;
	char c;
	on_signal(SIGALRM, hit, SA_RESTART);
	alarms(5000);
	CHECK(pthread_create(&t, NULL, sends_later, addr) == 0);
	CHECK(recv(fd, &c, 1, 0) == 1 && hits >= 3 && pthread_join(t, NULL) == 0);
	alarm_in(0);
}

static void thrown_out(int fd)
{
	char c;
	on_signal(SIGALRM, jump, SA_RESTART);
	for (volatile int i = 0; i < 50; i++) {
		if (sigsetjmp(out, 1) != 0) continue;
		alarm_in(1000);
		recv(fd, &c, 1, 0);
		CHECK(i < 0);   /* nobody comes here */
	}
}

/* What a call lets in for its own time is blocked again afterwards. */
static void masks(int epfd)
{
	struct epoll_event ev;
	sigset_t alarm, open, now;
	on_signal(SIGALRM, hit, SA_RESTART);
	hits = 0;
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	CHECK(sigprocmask(SIG_BLOCK, &alarm, &open) == 0);
	alarm_in(1000);
	CHECK(usleep(5000) == 0 && hits == 0 && sigsuspend(&open) == -1 && errno == EINTR && hits == 1);
	alarm_in(1000);
	CHECK(epoll_pwait(epfd, &ev, 1, -1, &open) == -1 && errno == EINTR && hits == 2);
	CHECK(sigprocmask(SIG_SETMASK, &open, &now) == 0 && sigismember(&now, SIGALRM) == 1);
}

/* What was set is what is told, the way back from a handler too: valgrind looks at it. */
static void told_as_set(void)
{
	struct { void (*handler)(int); unsigned long flags; void *restorer; uint64_t mask; } set = {SIG_IGN, SA_RESTORER, alternate, 1u << SIGUSR1}, got;
	CHECK(syscall(SYS_rt_sigaction, SIGUSR2, &set, NULL, sizeof set.mask) == 0);
	CHECK(syscall(SYS_rt_sigaction, SIGUSR2, NULL, &got, sizeof got.mask) == 0);
	CHECK(got.handler == SIG_IGN && got.flags == SA_RESTORER && got.restorer == set.restorer && got.mask == set.mask);
}

static void signals(void)
{
	struct sockaddr_in a;
	struct epoll_event ev = {.events = EPOLLIN};
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate}, told;
	int fd = bound(SOCK_DGRAM, &a), epfd = epoll_create1(0);
	CHECK(epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) == 0);
	told_as_set();
	interrupted(fd, epfd);
	restarted(fd, &a);
	thrown_out(fd);
	masks(epfd);
	CHECK(sigaltstack(&stack, NULL) == 0 && sigaltstack(NULL, &told) == 0 && told.ss_sp == alternate && told.ss_flags == 0);
	on_signal(SIGUSR2, look_at_stack, SA_ONSTACK);
	CHECK(raise(SIGUSR2) == 0 && on_alternate);
	CHECK(close(fd) == 0 && close(epfd) == 0);
}

/* ---- children ---- */

static void ends_with(pid_t pid, int wanted)
{
	int status;
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == wanted);
}

static void children(char *self)
{
	char *args[] = {"child", NULL}, *none[] = {NULL};
	int pair[2];
	char c;
	pid_t pid;
	for (int i = 0; i < 10; i++) {
		tcp_pair(pair);
		pid = fork();
		if (pid == 0) {
			echo((void *)(long)pair[1]);
			_exit(3);
		}
		CHECK(close(pair[1]) == 0 && write(pair[0], "x", 1) == 1 && read(pair[0], &c, 1) == 1 && shutdown(pair[0], SHUT_WR) == 0);
		ends_with(pid, 3);
		close(pair[0]);
	}
	if ((pid = fork()) == 0) _exit(execve("/proc/self/exe", args, none));
	ends_with(pid, 7);
	if ((pid = vfork()) == 0) _exit(execve(self, args, none));
	ends_with(pid, 7);
	CHECK(posix_spawn(&pid, self, NULL, NULL, args, none) == 0);
	ends_with(pid, 7);
	CHECK(posix_spawn(&pid, "/nonexistent", NULL, NULL, args, none) == ENOENT);
	CHECK(system("exit 5") == 5 << 8);
}

/* A copy of this program that no path leads to, and that ends with an exec; the second child starts itself again from there. */
static void from_memory(const char *self)
{
	char *child[] = {"child", NULL}, *again[] = {"again", NULL}, *none[] = {NULL}, path[32];
	int file = open(self, O_RDONLY), memory = memfd_create("copy", MFD_CLOEXEC);
	struct stat st;
	pid_t pid;
	CHECK(file >= 0 && memory >= 0 && fstat(file, &st) == 0 && sendfile(memory, file, NULL, (size_t)st.st_size) == st.st_size && close(file) == 0);
	if ((pid = fork()) == 0) _exit(fexecve(memory, child, none));
	ends_with(pid, 7);
	snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
	if ((pid = vfork()) == 0) _exit(execve(path, again, none));
	ends_with(pid, 7);
	CHECK(close(memory) == 0);
}

static int starts_again(void)
{
	char *child[] = {"child", NULL}, *none[] = {NULL}, exe[64] = "";
	struct stat st, of;
	CHECK(readlink("/proc/self/exe", exe, sizeof exe - 1) > 0 && strncmp(exe, "/memfd:copy", 11) == 0);
	CHECK(stat("/proc/self/exe", &st) == 0 && S_ISREG(st.st_mode));
	for (int fd = 3; fd < 5000; fd++) CHECK(fstat(fd, &of) == -1 || of.st_ino != st.st_ino);   /* it is open nowhere */
	return execve("/proc/self/exe", child, none);
}

static void *waits(void *arg)
{
	char c;
	read((int)(long)arg, &c, 1);
	return NULL;
}

static void cancels(void)
{
	int pair[2];
	pthread_t t;
	void *ret;
	tcp_pair(pair);
	CHECK(pthread_create(&t, NULL, waits, (void *)(long)pair[0]) == 0 && pthread_cancel(t) == 0);
	CHECK(pthread_join(t, &ret) == 0 && ret == PTHREAD_CANCELED);
}

int main(int argc, char **argv)
{
	char exe[4096] = "", *last;
	if (argc == 1 && strcmp(argv[0], "child") == 0) return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 7 : 1;   /* on the network still */
	if (argc == 1 && strcmp(argv[0], "again") == 0) return starts_again();
	CHECK(readlink("/proc/self/exe", exe, sizeof exe - 1) > 0 && (last = strrchr(argv[0], '/')) && strstr(exe, last));
	threads();
	signals();
	children(argv[0]);
	from_memory(argv[0]);
	cancels();
	return 0;
}
