/* A program that puts a strict seccomp filter on itself, as sshd's child does, goes on using the sockets it has. */
#include "check.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define ALLOW(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static void shut_in(void)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(read), ALLOW(write), ALLOW(futex), ALLOW(poll), ALLOW(ppoll), ALLOW(close), ALLOW(exit_group), ALLOW(clock_gettime),
		ALLOW(getpid), ALLOW(mmap), ALLOW(munmap), ALLOW(rt_sigprocmask),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog p = {sizeof program / sizeof *program, program};
	struct rlimit none = {1, 1};
	CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p) == 0);
}

static void shut_in_child(int fd, int pipe_end)
{
	static char buf[40000];
	size_t got = 0;
	shut_in();
	struct pollfd p[2] = {{fd, POLLIN, 0}, {pipe_end, POLLIN, 0}};
	for (ssize_t n; (n = read(fd, buf, sizeof buf)) > 0; got += (size_t)n)
		CHECK(write(fd, buf, (size_t)n) == n);
	CHECK(poll(p, 1, 0) == 1 && poll(p, 2, 1000) >= 1);
	CHECK(got == 4000000);
	close(fd);
	_exit(0);
}

int main(void)
{
	static char buf[40000];
	int pair[2], pipes[2];
	tcp_pair(pair);
	CHECK(pipe(pipes) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		shut_in_child(pair[1], pipes[0]);
	}
	close(pair[1]);
	for (int i = 0; i < 100; i++) {
		CHECK(write(pair[0], buf, sizeof buf) == sizeof buf);
		CHECK(recv(pair[0], buf, sizeof buf, MSG_WAITALL) == sizeof buf);
	}
	shutdown(pair[0], SHUT_WR);
	child_ends_well(pid);
	return 0;
}
