/*
 * splice, sendfile, tee and the positioned reads and writes with a socket at one end: which errors come, and in which order, what of a message is
 * moved, and what is left on either side. Nothing here waits: sockets and pipes are nonblocking, but where the flags are the subject.
 */
#include "kinds.h"
#include <sys/sendfile.h>

#define BAD ((void *)1)

static int pipes[2], file, null_in, null_out, zero, by_path, stream;

static const struct kind kinds[] = {
	{ "tcp", AF_INET, SOCK_STREAM, FRESH },	     { "tcp listening", AF_INET, SOCK_STREAM, LISTENING }, { "tcp pair", AF_INET6, SOCK_STREAM, PAIR },
	{ "tcp data", AF_INET, SOCK_STREAM, DATA },  { "tcp ended", AF_INET, SOCK_STREAM, ENDED },	   { "udp", AF_INET6, SOCK_DGRAM, FRESH },
	{ "udp pair", AF_INET, SOCK_DGRAM, PAIR },   { "udp data", AF_INET, SOCK_DGRAM, DATA },		   { "unix ended", AF_UNIX, SOCK_STREAM, ENDED },
};

/* What the pipe holds, which is then empty. */
static void drain(const char *name)
{
	char buf[64];
	ssize_t n = read(pipes[0], buf, sizeof(buf));

	say(name, "pipe has %zd '%.*s'", n, n > 0 ? (int)n : 0, buf);
}

static void errors(int s)
{
	loff_t at = 0;

	say_rc("in to nothing", splice(s, NULL, -1, NULL, 4, 0));
	say_rc("from nothing", splice(-1, NULL, s, NULL, 4, 0));
	say_rc("length 0", splice(s, NULL, -1, NULL, 0, 0));
	say_rc("flag", splice(s, NULL, -1, NULL, 4, 0x100));
	say_rc("to the reading end", splice(s, NULL, pipes[0], NULL, 4, 0));
	say_rc("from the writing end", splice(pipes[1], NULL, s, NULL, 4, 0));
	say_rc("position of the pipe", splice(s, NULL, pipes[1], &at, 4, 0));
	say_rc("position of the socket", splice(s, &at, pipes[1], NULL, 4, 0));
	say_rc("bad position of the socket", splice(pipes[0], NULL, s, BAD, 4, 0));
	say_rc("to a file", splice(s, NULL, file, NULL, 4, 0));
	say_rc("to itself", splice(s, NULL, s, NULL, 4, 0));
	say_rc("by path", splice(by_path, NULL, s, NULL, 4, 0));
	say_rc("by path, from a socket", splice(s, NULL, by_path, NULL, 4, 0));
	say_rc("tee from", tee(s, pipes[1], 4, 0));
	say_rc("tee to", tee(pipes[0], s, 4, 0));
}

static void splices(int s)
{
	say_rc("empty pipe", splice(pipes[0], NULL, s, NULL, 4, 0));
	MUST(write(pipes[1], "pipedata", 8));
	say_rc("four octets", splice(pipes[0], NULL, s, NULL, 4, SPLICE_F_MORE));
	drain("after it");
	say_rc("out, three", splice(s, NULL, pipes[1], NULL, 3, SPLICE_F_NONBLOCK));
	drain("after it");
	say_rc("out, the rest", splice(s, NULL, pipes[1], NULL, 100, 0));
	drain("after it");
	say_rc("out, nothing", splice(s, NULL, pipes[1], NULL, 100, 0));
	say_rc("out, a negative length", splice(s, NULL, pipes[1], NULL, (size_t)-1, 0));
	MUST(write(pipes[1], "p", 1));
	say_rc("in, a negative length", splice(pipes[0], NULL, s, NULL, (size_t)-1, 0));
	drain("after it");
}

static void sendfiles(int s)
{
	off_t at = 5;

	say_rc("sendfile", sendfile(s, file, &at, 10));
	say("position", "%ld", (long)at);
	at = -1;
	say_rc("negative position", sendfile(s, file, &at, 10));
	say_rc("bad position", sendfile(s, file, BAD, 10));
	at = 0;
	say_rc("too much", sendfile(s, file, &at, (size_t)-1));
	say_rc("much", sendfile(s, file, &at, (size_t)1 << 62));
	say_rc("at the end", sendfile(s, file, &at, 10));
	say_rc("of no length", sendfile(s, file, &at, 0));
	say_rc("from a device", sendfile(s, null_in, NULL, 5));
	say_rc("from a device that can be spliced", sendfile(s, zero, NULL, 5));
	at = 5;
	say_rc("from a device, at 5", sendfile(s, zero, &at, 5));
	say("position", "%ld", (long)at);
	say_rc("from what has no positions, at 5", sendfile(s, stream, &at, 5));
	say_rc("from what can't be read", sendfile(s, by_path, NULL, 5));
	say_rc("from what is to be written", sendfile(s, null_out, NULL, 5));
	say_rc("from a pipe", sendfile(s, pipes[0], NULL, 5));
	say_rc("from itself", sendfile(s, s, NULL, 5));
	say_rc("to a file", sendfile(file, s, NULL, 5));
	say_rc("from nothing", sendfile(s, -1, NULL, 5));
	say_rc("nothing from nothing", sendfile(s, -1, NULL, 0));
}

static void vectors(int s)
{
	static const int flags[] = { 0, RWF_HIPRI, RWF_DSYNC, RWF_SYNC, RWF_NOWAIT, RWF_APPEND, 0x40, 0x4000 };
	char buf[8] = "vectors";
	struct iovec iov = { buf, 2 };
	char what[32];

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		snprintf(what, sizeof(what), "pwritev2 %x", flags[i]);
		say_rc(what, pwritev2(s, &iov, 1, -1, flags[i]));
		snprintf(what, sizeof(what), "preadv2 %x", flags[i]);
		say_rc(what, preadv2(s, &iov, 1, -1, flags[i]));
	}
	say_rc("pwritev2 at 3", pwritev2(s, &iov, 1, 3, 0));
	say_rc("preadv2 at 3", preadv2(s, &iov, 1, 3, 0));
	say_rc("pread", pread(s, buf, 4, 0));
	say_rc("pwrite", pwrite(s, buf, 4, 0));
}

/* The pipe is looked at first: is there room, and anybody who reads? */
static void refused_by_pipes(int s)
{
	int full[2], left[2];

	MUST(pipe2(full, O_NONBLOCK));
	MUST(pipe2(left, O_NONBLOCK));
	while (write(full[1], "full of it", 10) > 0)
		;
	close(left[0]);
	say_rc("nothing to a pipe", sendfile(pipes[1], s, NULL, 0));
	say_rc("to a full pipe", splice(s, NULL, full[1], NULL, 4, 0));
	say_rc("nothing to a full pipe", sendfile(full[1], s, NULL, 0));
	say_rc("to a pipe that nobody reads", splice(s, NULL, left[1], NULL, 4, 0));
	say_rc("sendfile to a pipe that nobody reads", sendfile(left[1], s, NULL, 4));
	say_rc("nothing to a pipe that nobody reads", sendfile(left[1], s, NULL, 0));
	close(full[0]);
	close(full[1]);
	close(left[1]);
}

/* SPLICE_F_NONBLOCK is the pipe's: a socket that waits does so all the same. */
static void alarmed(int sig) { (void)sig; }

static void waits(void)
{
	struct sigaction on = { .sa_handler = alarmed };
	int fd[2];

	say_about("a socket that waits");
	tcp_pair(AF_INET, fd);
	sigaction(SIGALRM, &on, NULL);
	ualarm(50000, 50000);
	say_rc("out of it", splice(fd[0], NULL, pipes[1], NULL, 4, SPLICE_F_NONBLOCK));
	ualarm(0, 0);
	say_rc("into it", splice(pipes[0], NULL, fd[0], NULL, 4, SPLICE_F_NONBLOCK));
	close(fd[0]);
	close(fd[1]);
}

/* A send's time is that of a splice into a socket, too, whatever the flags; and a pipe keeps what found no room. */
static void no_room(int flags)
{
	struct timeval time = { 0, 50000 };
	int fd[2];
	static char much[1 << 16];

	say_about("a socket without room, flags %x", flags);
	tcp_pair(AF_INET, fd);
	set_nonblocking(fd[0]);
	while (write(fd[0], much, sizeof(much)) > 0 || (poll(NULL, 0, 20) == 0 && write(fd[0], much, sizeof(much)) > 0))
		;
	MUST(fcntl(fd[0], F_SETFL, 0));
	MUST(setsockopt(fd[0], SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time)));
	MUST(write(pipes[1], "pipedata", 8));
	long begun = now_ms();
	say_rc("splice", splice(pipes[0], NULL, fd[0], NULL, 8, flags));
	say("waited", "%s", now_ms() - begun >= 50 ? "yes" : "no");
	drain("after it");
	close(fd[0]);
	close(fd[1]);
}

/* A message socket that is shut down says so, and not that there is nothing yet. */
static void shut(void)
{
	int fd[2];

	say_about("a datagram socket that is shut down");
	udp_pair(AF_INET, fd);
	MUST(shutdown(fd[0], SHUT_RD));
	say_rc("out of it", splice(fd[0], NULL, pipes[1], NULL, 4, 0));
	set_nonblocking(fd[0]);
	say_rc("without waiting", splice(fd[0], NULL, pipes[1], NULL, 4, 0));
	close(fd[0]);
	close(fd[1]);
}

/* A device gives less at a time than was asked for, and goes on. */
static void much_of_a_device(void)
{
	static char much[1 << 16];
	int fd[2];

	say_about("a device");
	tcp_pair(AF_INET, fd);
	if (fork() == 0) {
		close(fd[0]);
		while (read(fd[1], much, sizeof(much)) > 0)
			;
		_exit(0);
	}
	say_rc("sendfile", sendfile(fd[0], zero, NULL, 300000));
	close(fd[0]);
	close(fd[1]);
	wait(NULL);
}

static void ends(void)
{
	int fd[2], p[2];
	char c;

	say_about("ends");
	tcp_pair(AF_INET, fd);
	MUST(pipe(p));
	close(p[1]);
	say_rc("a pipe that has ended", splice(p[0], NULL, fd[0], NULL, 4, 0));
	close(p[0]);
	MUST(pipe(p));
	close(p[0]);
	MUST(send(fd[1], "x", 1, 0));
	wait_for(fd[0], POLLIN);
	say_rc("a pipe that nobody reads", splice(fd[0], NULL, p[1], NULL, 4, 0));
	say_rc("left", recv(fd[0], &c, 1, MSG_DONTWAIT));
	close(p[1]);
	close(fd[0]);
	close(fd[1]);
}

/* It stops at the mark of urgent data, and there tells whatever else there is to tell. */
static void marks(int flags, bool inline_, int ending)
{
	static const char *const text[] = { "open", "shut", "closed", "reset", "shut here" };
	int fd[2];
	struct linger now = { 1, 0 };

	say_about("urgent%s, %s%s", inline_ ? " in line" : "", text[ending], flags ? "" : ", waits");
	tcp_pair(AF_INET, fd);
	MUST(fcntl(fd[0], F_SETFL, flags));
	set_int(fd[0], SOL_SOCKET, SO_OOBINLINE, inline_);
	MUST(send(fd[1], "abc", 3, 0));
	MUST(send(fd[1], "X", 1, MSG_OOB));
	MUST(send(fd[1], "def", 3, 0));
	wait_for(fd[0], POLLPRI);
	say_rc("to the mark", splice(fd[0], NULL, pipes[1], NULL, 60, 0));
	drain("after it");
	if (ending == 1)
		MUST(shutdown(fd[1], SHUT_WR));
	if (ending == 3)
		MUST(setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	if (ending == 2 || ending == 3)
		close(fd[1]);
	if (ending == 4)
		say_rc("shutdown", shutdown(fd[0], SHUT_RD));
	if (ending)
		wait_for(fd[0], POLLRDHUP);
	for (int i = 0; i < 2; i++) {
		say_rc("at the mark", splice(fd[0], NULL, pipes[1], NULL, 60, 0));
		drain("after it");
	}
	say_error("SO_ERROR", fd[0]);
	close(fd[0]);
	if (ending != 2 && ending != 3)
		close(fd[1]);
}

/* SO_PEEK_OFF is for peeks: splice takes from the beginning, and moves it. */
static void peeked(int family, bool stream)
{
	int fd[2], off = 2;
	socklen_t len = sizeof(off);

	say_about("%s%s with SO_PEEK_OFF", family == AF_INET6 ? "v6 " : "", stream ? "tcp" : "udp");
	if (stream)
		tcp_pair(family, fd);
	else
		udp_pair(family, fd);
	MUST(send(fd[1], "abcdef", 6, 0));
	wait_for(fd[0], POLLIN);
	set_int(fd[0], SOL_SOCKET, SO_PEEK_OFF, off);
	say_rc("splice", splice(fd[0], NULL, pipes[1], NULL, 4, 0));
	drain("after it");
	say_rc("getsockopt", getsockopt(fd[0], SOL_SOCKET, SO_PEEK_OFF, &off, &len));
	say("offset", "%d", off);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	char name[] = "/tmp/splices.XXXXXX";

	say_start();
	MUST(pipe2(pipes, O_NONBLOCK));
	file = MUST(mkstemp(name));
	unlink(name);
	MUST(write(file, "0123456789abcdefghij", 20));
	null_in = MUST(open("/dev/null", O_RDWR));
	zero = MUST(open("/dev/zero", O_RDONLY));
	by_path = MUST(open("/dev/zero", O_PATH));
	null_out = MUST(open("/dev/null", O_WRONLY));
	stream = MUST(epoll_create1(0));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		static void (*const parts[])(int) = { errors, splices, sendfiles, vectors, refused_by_pipes };
		for (size_t j = 0; j < sizeof(parts) / sizeof(*parts); j++) {
			int other, s = kind_make_nonblocking(&kinds[i], &other);
			say_about("%s", kinds[i].text);
			parts[j](s);
			close(s);
			close(other);
		}
	}
	waits();
	no_room(0);
	no_room(SPLICE_F_NONBLOCK);
	shut();
	ends();
	much_of_a_device();
	for (int i = 0; i < 20; i++)
		marks(i & 1 ? O_NONBLOCK : 0, i & 2, i / 4);
	peeked(AF_INET, true);
	peeked(AF_INET, false);
	peeked(AF_INET6, false);
	return 0;
}
