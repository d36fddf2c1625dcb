/*
 * Who somebody is, and says he is: credentials that are another's, which only root may send, and ids that change while a process lives. Needs root, on both
 * sides.
 */
#include <sched.h>
#include <sys/prctl.h>
#include "unix.h"

#define NOBODYS_PID 0x3fffffff

static pid_t root;

static const char *who(pid_t pid)
{
	return pid == getpid() ? "own pid" : pid == root ? "root's pid" : pid == 1 ? "first pid" : pid == 0 ? "no pid" : "another's pid";
}

static void say_ucred(const char *what, const struct ucred *u) { say(what, "%s, uid %u gid %u", who(u->pid), u->uid, u->gid); }

static void say_peercred(const char *what, int fd)
{
	struct ucred u = { 0 };
	socklen_t len = sizeof u;

	MUST(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &len));
	say_ucred(what, &u);
}

static void receive(int fd)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(struct ucred))]; } c;
	char in[9];
	struct iovec v = { in, sizeof in };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c };
	struct ucred u;

	if (recvmsg(fd, &m, MSG_DONTWAIT) < 0) {
		say("recv", "%s", say_errno(errno));
		return;
	}
	memcpy(&u, CMSG_DATA(&c.h), sizeof u);
	say_ucred("recv", &u);
}

static void send_as(const char *what, int fd[2], pid_t pid, uid_t uid, gid_t gid)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(struct ucred))]; } c = { .h = { CMSG_LEN(sizeof(struct ucred)), SOL_SOCKET, SCM_CREDENTIALS } };
	struct ucred u = { pid, uid, gid };
	struct iovec v = { "x", 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c };

	memcpy(CMSG_DATA(&c.h), &u, sizeof u);
	if (say_rc(what, sendmsg(fd[0], &m, MSG_NOSIGNAL)) == 1) receive(fd[1]);
}

static void says(int type)
{
	int fd[2], on = 1;
	uid_t uid = getuid();
	gid_t gid = getgid();
	pid_t pid = getpid();

	upair(type, fd);
	MUST(setsockopt(fd[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
	MUST(send(fd[0], "x", 1, 0));
	receive(fd[1]);
	say_peercred("peer of a pair", fd[1]);
	send_as("as oneself", fd, pid, uid, gid);
	send_as("first pid", fd, 1, uid, gid);
	send_as("a pid that is not there", fd, NOBODYS_PID, uid, gid);
	send_as("no pid", fd, 0, uid, gid);
	send_as("less than no pid", fd, -1, uid, gid);
	for (unsigned id = 1000; id < 1004; id++) send_as("a uid", fd, pid, id, gid), send_as("a gid", fd, pid, uid, id);
	send_as("no uid", fd, pid, (uid_t)-1, gid);
	send_as("no gid", fd, pid, uid, (gid_t)-1);
	send_as("all of another's", fd, 1, 1000, 1000);
	close2(fd);
}

/* What the other end sees of who connected, and who connected of who listens. */
static void meets(int type, int l)
{
	int own = ulisten(type, "@own", 1), c = uconnected(type, "@l"), a = MUST(accept(l, NULL, NULL)), to_own = uconnected(type, "@own");

	say_peercred("who connected", a);
	say_peercred("who listens", c);
	say_peercred("who listened as that", to_own);
	close(own), close(c), close(a), close(to_own);
}

static void write_to(const char *path, const char *text)
{
	int fd = MUST(open(path, O_WRONLY));
	MUST(write(fd, text, strlen(text)));
	close(fd);
}

/* Who has all capabilities in a user namespace of his own may say no more than before. */
static void apart(int type)
{
	int fd[2], on = 1;

	MUST(prctl(PR_SET_DUMPABLE, 1));            /* or the files below are root's */
	if (say_rc("apart", unshare(CLONE_NEWUSER)) < 0) return;
	write_to("/proc/self/uid_map", "1001 1001 1");
	write_to("/proc/self/setgroups", "deny");
	write_to("/proc/self/gid_map", "1001 1001 1");
	upair(type, fd);
	MUST(setsockopt(fd[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
	send_as("apart, as oneself", fd, getpid(), 1001, 1001);
	send_as("apart, first pid", fd, 1, 1001, 1001);
	close2(fd);
}

int main(void)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET };
	unix_start();
	if (getuid() != 0) {
		say_about("ids");
		puts("root only may be somebody else");
		return 77;
	}
	root = getpid();
	for (int i = 0; i < 2; i++) {
		int type = types[i], l = ulisten(type, "@l", 9);
		say_about("%s, root", type_text(type));
		says(type);
		meets(type, l);
		fflush(stdout);
		pid_t pid = fork();
		if (pid == 0) {
			say_about("%s, who changes", type_text(type));
			meets(type, l);
			MUST(setresgid(1001, 1002, 1003)), MUST(setresuid(0, 1002, 1003));
			say_about("%s, who has changed", type_text(type));
			meets(type, l);
			says(type);
			MUST(setresuid(-1, 0, -1)), MUST(setresuid(1001, 1001, 1001));
			say_about("%s, who is somebody else", type_text(type));
			says(type);
			meets(type, l);
			MUST(setresgid(1001, 1001, 1001));
			apart(type);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
		close(l);
	}
	unix_end();
	return 0;
}
