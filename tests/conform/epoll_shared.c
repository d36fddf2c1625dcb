/*
 * An epoll file is an open file: forked processes share it, and what one of its holders changes the others have. Members whose descriptor a holder has not
 * got, or has under another number, are reported to it all the same.
 */
#include "say_epoll.h"
#include <pthread.h>

#define WORKERS 3

static char buf[4096];

/* The set is one open file: what one process changes the other has. */
static void shared_over_fork(void)
{
	int a[2], b[2], e = MUST(epoll_create1(0)), go[2], back[2];
	char c;

	say_about("shared over fork");
	tcp_pair(AF_INET, a);
	tcp_pair(AF_INET, b);
	MUST(pipe(go));
	MUST(pipe(back));
	MUST(ctl(e, EPOLL_CTL_ADD, a[0], EPOLLIN, 1));
	fflush(stdout);
	pid_t pid = MUST(fork());
	if (pid == 0) {
		say_about("shared over fork, child");
		say_wait("nothing", e);
		MUST(write(back[1], "1", 1));
		MUST(read(go[0], &c, 1));
		say_wait("what the parent added", e);
		say_rc("delete what the parent added", ctl(e, EPOLL_CTL_DEL, b[0], 0, 0));
		say_rc("mod what was there", ctl(e, EPOLL_CTL_MOD, a[0], EPOLLIN | EPOLLOUT, 5));
		fflush(stdout);
		_exit(0);
	}
	MUST(read(back[0], &c, 1));
	say_rc("add", ctl(e, EPOLL_CTL_ADD, b[0], EPOLLIN, 2));
	send_one(b[1]);
	MUST(write(go[1], "1", 1));
	MUST(waitpid(pid, NULL, 0));
	say_wait("after the child's changes", e);
	say_rc("add what it deleted", ctl(e, EPOLL_CTL_ADD, b[0], EPOLLIN, 3));
	say_wait("again", e);
	CLOSE(a[0], a[1], b[0], b[1], e, go[0], go[1], back[0], back[1]);
}

/* A member that the process has closed, but another still has open, is reported on. */
static void closed_but_open(void)
{
	int fd[2], e = MUST(epoll_create1(0)), go[2];
	char c;

	say_about("closed here, open in a child");
	tcp_pair(AF_INET, fd);
	MUST(pipe(go));
	MUST(ctl(e, EPOLL_CTL_ADD, fd[0], EPOLLIN, 1));
	fflush(stdout);
	pid_t pid = MUST(fork());
	if (pid == 0) {
		MUST(read(go[0], &c, 1));
		_exit(0);
	}
	close(fd[0]);
	send_one(fd[1]);
	say_wait("still", e);
	say_rc("del", ctl(e, EPOLL_CTL_DEL, fd[0], 0, 0));
	MUST(write(go[1], "1", 1));
	MUST(waitpid(pid, NULL, 0));
	say_wait("gone", e);
	CLOSE(fd[1], e, go[0], go[1]);
}

/* What a holder has under a number that is another's in the set, or not at all. */
static void other_numbers(void)
{
	int a[2], b[2], e = MUST(epoll_create1(0)), go[2], back[2];

	say_about("other numbers");
	MUST(pipe(go));
	MUST(pipe(back));
	pid_t pid = begin();
	if (pid == 0) {
		say_about("other numbers, child");
		hear(go[0]);
		tcp_pair(AF_INET6, b);   /* the numbers that the parent's pair has */
		say_wait("a member without a descriptor", e);
		say_rc("mod under its number", ctl(e, EPOLL_CTL_MOD, b[0], EPOLLIN | EPOLLOUT, 2));
		say_rc("del under its number", ctl(e, EPOLL_CTL_DEL, b[0], 0, 0));
		say_rc("add under its number", ctl(e, EPOLL_CTL_ADD, b[0], EPOLLIN, 2));
		send_one(b[1]);
		say_wait("both", e);
		tell(back[1]);
		hear(go[0]);
		say_wait("the parent's is closed", e);
		leave();
	}
	tcp_pair(AF_INET, a);
	MUST(ctl(e, EPOLL_CTL_ADD, a[0], EPOLLIN, 1));
	send_one(a[1]);
	tell(go[1]);
	hear(back[0]);
	say_wait("both", e);
	say_rc("mod of one's own", ctl(e, EPOLL_CTL_MOD, a[0], EPOLLIN | EPOLLOUT, 3));
	say_wait("both, changed", e);
	close(a[0]);
	say_wait("the child's", e);
	tell(go[1]);
	end(pid);
	say_wait("all closed", e);
	CLOSE(a[1], e, go[0], go[1], back[0], back[1]);
}

/* Who waits already hears of what another process adds: its first socket, and its first file of the kernel's. */
static void added_while_waiting(bool first_is_socket)
{
	int a[2], pipes[2], e = MUST(epoll_create1(0)), back[2];
	struct epoll_event ev;

	say_about("added while a child waits, %s first", first_is_socket ? "socket" : "pipe");
	tcp_pair(AF_INET, a);
	MUST(pipe(pipes));
	MUST(pipe(back));
	pid_t pid = begin();
	if (pid == 0) {
		for (int i = 0; i < 2; i++) {
			int n = epoll_wait(e, &ev, 1, -1);
			say("woken", "%d %d", n, (int)ev.data.u64);
			MUST(ctl(e, EPOLL_CTL_DEL, ev.data.u64 == 1 ? a[0] : pipes[0], 0, 0));
			tell(back[1]);
		}
		leave();
	}
	send_one(a[1]);
	tell(pipes[1]);
	MUST(ctl(e, EPOLL_CTL_ADD, first_is_socket ? a[0] : pipes[0], EPOLLIN, first_is_socket ? 1 : 2));
	hear(back[0]);
	MUST(ctl(e, EPOLL_CTL_ADD, first_is_socket ? pipes[0] : a[0], EPOLLIN, first_is_socket ? 2 : 1));
	hear(back[0]);
	end(pid);
	say_wait("nothing left", e);
	CLOSE(a[0], a[1], pipes[0], pipes[1], back[0], back[1], e);
}

/* A waiter is killed, or ends; those who stay lose nothing. */
static void waiter_dies(bool killed)
{
	int a[2], b[2], e = MUST(epoll_create1(0)), go[2];
	struct epoll_event ev;

	say_about("a waiter %s", killed ? "is killed" : "ends");
	tcp_pair(AF_INET, a);
	tcp_pair(AF_INET6, b);
	MUST(pipe(go));
	MUST(ctl(e, EPOLL_CTL_ADD, a[0], EPOLLIN | EPOLLONESHOT, 1));
	MUST(ctl(e, EPOLL_CTL_ADD, b[0], EPOLLIN, 2));
	pid_t pid = begin();
	if (pid == 0) {
		int n = epoll_wait(e, &ev, 1, -1);
		if (n != 1 || ev.data.u64 != 1)
			_exit(1);
		tell(go[1]);
		if (killed)
			epoll_wait(e, &ev, 1, -1);
		_exit(0);
	}
	send_one(a[1]);
	hear(go[0]);
	if (killed)
		kill(pid, SIGKILL);
	end(pid);
	say_wait("oneshot", e);
	send_one(b[1]);
	say_wait_for("level", e, 16, -1);
	say_rc("rearm", ctl(e, EPOLL_CTL_MOD, a[0], EPOLLIN | EPOLLET, 3));
	say_wait_for("both", e, 16, -1);
	send_one(a[1]);
	say_wait_for("edge", e, 16, -1);
	CLOSE(a[0], a[1], b[0], b[1], go[0], go[1], e);
}

/* Two waiters, one event. */
static void one_of_two(unsigned how, const char *text)
{
	int fd[2], e = MUST(epoll_create1(0)), go[2], woken = 0;
	pid_t pid[2];

	say_about("%s", text);
	tcp_pair(AF_INET, fd);
	MUST(pipe(go));
	MUST(ctl(e, EPOLL_CTL_ADD, fd[0], EPOLLIN | how, 1));
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		pid[i] = MUST(fork());
		if (pid[i] == 0) {
			struct epoll_event ev;
			_exit(epoll_wait(e, &ev, 1, 400) == 1 ? 1 : 0);
		}
	}
	usleep(100000);
	send_one(fd[1]);
	for (int i = 0; i < 2; i++) {
		int status = 0;
		MUST(waitpid(pid[i], &status, 0));
		woken += WEXITSTATUS(status);
	}
	say("of two processes, woken", "%d", woken);
	CLOSE(fd[0], fd[1], e, go[0], go[1]);
}

/* Workers that were forked with the listener in their set: each connection is accepted once. */
static void workers(unsigned how, const char *text)
{
	int l = listening(AF_INET, 32), e = MUST(epoll_create1(0)), stop[2], served = 0;
	pid_t pid[WORKERS];

	say_about("workers, %s", text);
	MUST(fcntl(l, F_SETFL, O_NONBLOCK));
	MUST(pipe(stop));
	MUST(ctl(e, EPOLL_CTL_ADD, l, EPOLLIN | how, 1));
	MUST(ctl(e, EPOLL_CTL_ADD, stop[0], EPOLLIN, 2));
	for (int i = 0; i < WORKERS; i++) {
		pid[i] = begin();
		if (pid[i] != 0)
			continue;
		close(stop[1]);
		for (int n = 0, c;;) {
			struct epoll_event ev = { 0 };

			if (epoll_wait(e, &ev, 1, -1) != 1 || ev.data.u64 == 2)
				_exit(n);
			while ((c = accept(l, NULL, NULL)) >= 0) {
				n++;
				MUST(write(c, "ok", 2));
				close(c);
			}
			if (how & EPOLLONESHOT)
				MUST(ctl(e, EPOLL_CTL_MOD, l, EPOLLIN | how, 1));
		}
	}
	for (int i = 0; i < 40; i++) {
		int c = connected_to(AF_INET, SOCK_STREAM, port_of(l));
		served += recv(c, buf, 2, MSG_WAITALL) == 2;
		close(c);
	}
	say("answers", "%d", served);
	close(stop[1]);
	served = 0;
	for (int i = 0; i < WORKERS; i++) {
		int status = 0;
		MUST(waitpid(pid[i], &status, 0));
		served += WEXITSTATUS(status);
	}
	say("accepted", "%d", served);
	CLOSE(l, e, stop[0]);
}

static void *wait_for_change(void *arg)
{
	struct epoll_event ev = { 0 };

	while (ev.data.u64 != 2)
		if (epoll_wait(*(int *)arg, &ev, 1, -1) != 1)
			return (void *)1;
	return NULL;
}

/* A thread waits while another forks; the child uses the set at once. */
static void threads_and_forks(void)
{
	int a[2], e = MUST(epoll_create1(0));
	pthread_t t;
	void *r;

	say_about("a thread waits, another forks");
	tcp_pair(AF_INET, a);
	MUST(ctl(e, EPOLL_CTL_ADD, a[0], EPOLLIN, 1));
	pthread_create(&t, NULL, wait_for_change, &e);
	pid_t pid = begin();
	if (pid == 0) {
		send_one(a[1]);
		say_rc("mod", ctl(e, EPOLL_CTL_MOD, a[0], EPOLLIN, 2));
		leave();
	}
	end(pid);
	pthread_join(t, &r);
	say("thread", "%d", r != NULL);
	CLOSE(a[0], a[1], e);
}

/* A set in a set, and both in another process. */
static void nested_over_fork(unsigned how, const char *text)
{
	int a[2], in = MUST(epoll_create1(0)), out = MUST(epoll_create1(0)), go[2], back[2];

	say_about("nested over fork, %s", text);
	tcp_pair(AF_INET, a);
	MUST(pipe(go));
	MUST(pipe(back));
	MUST(ctl(in, EPOLL_CTL_ADD, a[0], EPOLLIN, 1));
	MUST(ctl(out, EPOLL_CTL_ADD, in, EPOLLIN | how, 9));
	pid_t pid = begin();
	if (pid == 0) {
		say_about("nested over fork, %s, child", text);
		say_wait("nothing", out);
		close(in);
		tell(back[1]);
		hear(go[0]);
		say_wait_for("data", out, 16, -1);
		leave();
	}
	hear(back[0]);
	send_one(a[1]);
	tell(go[1]);
	end(pid);
	say_wait("parent", out);
	say_wait("inner", in);
	say_rc("del", ctl(out, EPOLL_CTL_DEL, in, 0, 0));
	CLOSE(a[0], a[1], in, out, go[0], go[1], back[0], back[1]);
}

int main(void)
{
	say_start();
	shared_over_fork();
	closed_but_open();
	other_numbers();
	added_while_waiting(true);
	added_while_waiting(false);
	waiter_dies(false);
	waiter_dies(true);
	one_of_two(EPOLLET, "edge, one set");
	one_of_two(EPOLLONESHOT, "oneshot, one set");
	one_of_two(0, "level, one set");
	workers(0, "level");
	workers(EPOLLET, "edge");
	workers(EPOLLONESHOT, "oneshot");
	workers(EPOLLEXCLUSIVE, "exclusive");
	threads_and_forks();
	nested_over_fork(0, "level");
	nested_over_fork(EPOLLET, "edge");
	return 0;
}
