/*
 * How many descriptors a user may have in flight: as many as the process may have open that sends the next ones, unless it has a capability for more. What
 * comes before that refusal, what comes after it, and what ends it. Needs root, on both sides: to be a user who has nothing else in flight.
 */
#include "unix.h"
#include <grp.h>
#include <sys/resource.h>

#define LIMIT 450
#define EACH 100

/* EACH of them, all the same one. */
static ssize_t send_many(int fd, const struct iovec *v, const char *to)
{
	char control[CMSG_SPACE(EACH * sizeof(int))] = { 0 };
	union uname n;
	struct msghdr m = { .msg_iov = (struct iovec *)v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	int zero[EACH] = { 0 };

	if (to) {
		m.msg_namelen = uname_of(&n, to);
		m.msg_name = &n;
	}
	*h = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(zero)) };
	memcpy(CMSG_DATA(h), zero, sizeof(zero));
	return sendmsg(fd, &m, MSG_DONTWAIT);
}

static void limit_set(rlim_t to)
{
	struct rlimit r;

	MUST(getrlimit(RLIMIT_NOFILE, &r));
	r.rlim_cur = to;
	MUST(setrlimit(RLIMIT_NOFILE, &r));
}

static const struct iovec one = { "x", 1 };

static void fill(int fd)
{
	int n = 0;

	while (n < 20 && send_many(fd, &one, NULL) == 1)
		n++;
	say("messages that went", "%d", n);
	say_rc("one more", send_many(fd, &one, NULL));
}

static void receive(int fd)
{
	char control[CMSG_SPACE(EACH * sizeof(int))], text[8];
	struct iovec v = { text, sizeof(text) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *h;

	say_rc("recvmsg", recvmsg(fd, &m, MSG_DONTWAIT));
	h = CMSG_FIRSTHDR(&m);
	for (size_t i = 0; h && i < (h->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++)
		close(((int *)(void *)CMSG_DATA(h))[i]);
}

/* Another process of this user's, which may have more open. */
static void by_another(int fd)
{
	fflush(stdout);
	if (fork() == 0) {
		limit_set(LIMIT + EACH);
		say_rc("of one who may have more open", send_many(fd, &one, NULL));
		exit(0);
	}
	wait(NULL);
	say_rc("of one who may not", send_many(fd, &one, NULL));
}

static void limited(int type)
{
	static const size_t large = 1 << 20;
	struct iovec long_one = { calloc(1, large), large }, unreadable = { (void *)1, 1 };
	int fd[2], other[2];

	say_about("%s", type_text(type));
	upair(type, fd);
	upair(type, other);
	limit_set(LIMIT);
	fill(fd[0]);
	say_rc("on another socket", send_many(other[0], &one, NULL));
	say_rc("without any", send(fd[0], "y", 1, MSG_DONTWAIT));
	say_rc("what can't be read", send_many(other[0], &unreadable, NULL));
	if (type == SOCK_DGRAM) {
		say_rc("too long", send_many(other[0], &long_one, NULL));
		say_rc("to nobody", send_many(other[0], &one, "@nobody"));
	}
	receive(fd[1]);
	say_rc("when one was received", send_many(fd[0], &one, NULL));
	say_rc("and then", send_many(fd[0], &one, NULL));
	by_another(fd[0]);
	MUST(shutdown(other[0], SHUT_WR));
	say_rc("where nothing is sent any more", send_many(other[0], &one, NULL));
	close2(fd);
	upair(type, fd);
	say_rc("when the others are gone", send_many(fd[0], &one, NULL));
	free(long_one.iov_base);
	close2(fd);
	close2(other);
}

/* Root has them counted, too, but may send more. */
static void privileged(void)
{
	struct rlimit before;
	int fd[2];

	say_about("root");
	MUST(getrlimit(RLIMIT_NOFILE, &before));
	upair(SOCK_STREAM, fd);
	limit_set(LIMIT);
	for (int i = 0; i < 6; i++)
		say_rc("send", send_many(fd[0], &one, NULL));
	MUST(setrlimit(RLIMIT_NOFILE, &before));
	close2(fd);
}

int main(void)
{
	uid_t nobody_else = 100000 + (uid_t)getpid();

	say_start();
	if (getuid() != 0) {
		puts("being another user is for root");
		return 77;
	}
	privileged();
	MUST(setgroups(0, NULL));
	MUST(setresuid(nobody_else, nobody_else, nobody_else));
	each_type(t)
		limited(*t);
	return 0;
}
