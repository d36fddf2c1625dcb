/*
 * Linux AIO (io_submit) on sockets, by libc's syscall(): what a submission answers, and the events. Where the kernel has no AIO the program ends with 77.
 */
#include "say.h"
#include <linux/aio_abi.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

static aio_context_t context;

static void say_result(const char *name, long r)
{
	if (r < 0)
		say(name, "%s", say_errno(errno));
	else
		say(name, "%ld", r);
}

static struct iocb entry(int opcode, int fd, const void *at, size_t len, unsigned data)
{
	return (struct iocb){ .aio_lio_opcode = (unsigned short)opcode, .aio_fildes = (unsigned)fd, .aio_buf = (unsigned long)at,
			      .aio_nbytes = len, .aio_data = data };
}

static long submit(struct iocb *c)
{
	return syscall(SYS_io_submit, context, 1L, &c);
}

/* n events, in the order of their data. */
static void say_events(long n)
{
	struct io_event e[8];
	for (long have = 0; have < n;) {
		long r = MUST((int)syscall(SYS_io_getevents, context, 1L, n - have, e + have, NULL));
		have += r;
	}
	for (long i = 1; i < n; i++)
		for (long k = i; k > 0 && e[k - 1].data > e[k].data; k--) {
			struct io_event t = e[k];
			e[k] = e[k - 1];
			e[k - 1] = t;
		}
	for (long i = 0; i < n; i++)
		say("event", "%u: %s%lld, %lld", (unsigned)e[i].data, e[i].res < 0 ? say_errno((int)-e[i].res) : "",
		    e[i].res < 0 ? 0 : (long long)e[i].res, (long long)e[i].res2);
}

static void one(const char *name, struct iocb c)
{
	struct iocb as_it_was = c;
	long r = submit(&c);
	say_result(name, r);
	as_it_was.aio_key = c.aio_key;
	if (memcmp(&c, &as_it_was, sizeof(c)) != 0)
		say("the entry", "has changed");
	if (r == 1)
		say_events(1);
}

static void say_none(void)
{
	struct io_event e;
	struct timespec now = { 0, 0 };
	say_result("events", syscall(SYS_io_getevents, context, 0L, 1L, &e, &now));
}

static void transfers(int family)
{
	char buf[32] = "", two[32] = "";
	int fd[2];
	tcp_pair(family, fd);
	say_about("transfers %s", family_text(family));
	one("write", entry(IOCB_CMD_PWRITE, fd[0], "hello", 5, 1));
	one("read", entry(IOCB_CMD_PREAD, fd[1], buf, sizeof(buf), 2));
	say("read", "%.5s", buf);
	struct iovec in[2] = { { buf, 3 }, { two, sizeof(two) } }, out[2] = { { (void *)"abc", 3 }, { (void *)"defg", 4 } };
	one("writev", entry(IOCB_CMD_PWRITEV, fd[0], out, 2, 3));
	one("readv", entry(IOCB_CMD_PREADV, fd[1], in, 2, 4));
	say("read", "%.3s %.4s", buf, two);
	struct iocb c = entry(IOCB_CMD_PREAD, fd[1], buf, sizeof(buf), 5);
	c.aio_offset = 7;
	one("at a place", c);
	one("nothing to read", entry(IOCB_CMD_PREAD, fd[1], buf, 0, 6));
	set_nonblocking(fd[1]);
	one("non-blocking", entry(IOCB_CMD_PREAD, fd[1], buf, sizeof(buf), 7));
	one("sync", entry(IOCB_CMD_FSYNC, fd[1], NULL, 0, 8));
	one("no such operation", entry(77, fd[1], NULL, 0, 9));
	MUST(send(fd[0], "x", 1, 0));
	wait_for(fd[1], POLLIN);
	one("nowhere", entry(IOCB_CMD_PREAD, fd[1], (void *)8, 5, 10));
	MUST(recv(fd[1], buf, 1, 0));
	MUST(shutdown(fd[0], SHUT_WR));
	wait_for(fd[1], POLLIN);
	one("the end", entry(IOCB_CMD_PREAD, fd[1], buf, sizeof(buf), 11));
	one("after one's own end", entry(IOCB_CMD_PWRITE, fd[0], "x", 1, 12));
	MUST(send(fd[1], "unread", 6, 0));
	wait_for(fd[0], POLLIN);
	close(fd[0]);
	wait_for(fd[1], POLLERR);
	one("reset", entry(IOCB_CMD_PREAD, fd[1], buf, sizeof(buf), 13));
	close(fd[1]);
	int alone = MUST(socket(family, SOCK_STREAM, 0));
	one("not connected", entry(IOCB_CMD_PREAD, alone, buf, sizeof(buf), 14));
	close(alone);
}

static void polls(void)
{
	char buf[8];
	int fd[2], efd = MUST(eventfd(0, 0));
	unsigned long n = 0;
	tcp_pair(AF_INET, fd);
	say_about("polls");
	one("ready", entry(IOCB_CMD_POLL, fd[0], (void *)POLLOUT, 0, 1));
	struct iocb in = entry(IOCB_CMD_POLL, fd[1], (void *)POLLIN, 0, 2), both = entry(IOCB_CMD_POLL, fd[1], (void *)(POLLIN | POLLRDHUP), 0, 3);
	in.aio_flags = IOCB_FLAG_RESFD;
	in.aio_resfd = (unsigned)efd;
	struct iocb *list[2] = { &in, &both };
	say_result("two", syscall(SYS_io_submit, context, 2L, list));
	say_none();
	MUST(send(fd[0], "x", 1, 0));
	say_events(2);
	say("told", "%zd %lu", read(efd, &n, sizeof(n)), n);
	MUST(recv(fd[1], buf, 1, 0));
	say_result("again", submit(&both));
	close(fd[0]);
	say_events(1);
	one("with an offset", (struct iocb){ .aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = (unsigned)fd[1], .aio_buf = POLLIN, .aio_offset = 3 });
	one("too many events", entry(IOCB_CMD_POLL, fd[1], (void *)0x10001, 0, 4));
	close(fd[1]);
	close(efd);
}

/* What is closed while a poll is under way stays open for it. */
static void closed_meanwhile(void)
{
	int fd[2];
	tcp_pair(AF_INET, fd);
	say_about("closed meanwhile");
	struct iocb in = entry(IOCB_CMD_POLL, fd[1], (void *)POLLIN, 0, 1);
	say_result("poll", submit(&in));
	close(fd[1]);
	MUST(send(fd[0], "x", 1, 0));
	say_events(1);
	close(fd[0]);
}

/* A child has nothing of a poll that is under way: not the socket, either, of which no descriptor is left. */
static void forked_meanwhile(void)
{
	int fd[2], hold[2];
	char b;
	tcp_pair(AF_INET, fd);
	MUST(pipe(hold));
	say_about("forked meanwhile");
	struct iocb in = entry(IOCB_CMD_POLL, fd[1], (void *)POLLIN, 0, 1);
	say_result("poll", submit(&in));
	close(fd[1]);
	fflush(stdout);
	pid_t pid = MUST(fork());
	if (pid == 0) {
		close(hold[1]);
		close(fd[0]);
		_exit(read(hold[0], &b, 1) < 0);
	}
	MUST(send(fd[0], "x", 1, 0));
	say_events(1);
	say("the peer sees the end", "%d", wait_for(fd[0], POLLIN));
	close(hold[0]);
	close(hold[1]);
	MUST(waitpid(pid, NULL, 0));
	close(fd[0]);
}

/* One that is taken back, and whose socket becomes ready afterwards. */
static void taken_back(void)
{
	int fd[2];
	struct io_event e;
	tcp_pair(AF_INET, fd);
	say_about("taken back");
	struct iocb in = entry(IOCB_CMD_POLL, fd[1], (void *)POLLIN, 0, 1), again = entry(IOCB_CMD_POLL, fd[1], (void *)POLLIN, 0, 2);
	say_result("poll", submit(&in));
	say_result("cancel", syscall(SYS_io_cancel, context, &in, &e));
	say_events(1);
	say_result("cancel again", syscall(SYS_io_cancel, context, &in, &e));
	say_result("another", submit(&again));
	MUST(send(fd[0], "x", 1, 0));
	say_events(1);
	say_none();
	close(fd[0]);
	close(fd[1]);
}

static void mixed(void)
{
	char path[] = "/tmp/conform-aio-XXXXXX", buf[3][8] = { "", "", "" };
	int fd[2], file = MUST(mkstemp(path));
	MUST(write(file, "of a file", 9));
	tcp_pair(AF_INET, fd);
	say_about("with a file");
	struct iocb c[4] = { entry(IOCB_CMD_PREAD, file, buf[0], 4, 1), entry(IOCB_CMD_PWRITE, fd[0], "two", 3, 2), entry(IOCB_CMD_PREAD, fd[1], buf[1], 3, 3),
			     entry(IOCB_CMD_PREAD, 999, buf[2], 4, 4) };
	struct iocb *list[4] = { &c[0], &c[1], &c[2], &c[3] };
	say_result("four, one of no file", syscall(SYS_io_submit, context, 4L, list));
	say_events(3);
	say("read", "%.4s %.3s", buf[0], buf[1]);
	say_result("the one of no file", syscall(SYS_io_submit, context, 1L, list + 3));
	list[1] = (struct iocb *)8;
	say_result("an entry nowhere", syscall(SYS_io_submit, context, 2L, list));
	say_events(1);
	say_result("a list nowhere", syscall(SYS_io_submit, context, 1L, (void *)8));
	list[0] = &c[1];
	say_result("no such context", syscall(SYS_io_submit, 4096L, 1L, list));
	close(file);
	unlink(path);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	say_start();
	say_about("aio");
	if (syscall(SYS_io_setup, 16, &context) < 0) {
		printf("no AIO here: %s\n", say_errno(errno));
		return 77;
	}
	transfers(AF_INET);
	transfers(AF_INET6);
	polls();
	closed_meanwhile();
	taken_back();
	forked_meanwhile();
	mixed();
	return 0;
}
