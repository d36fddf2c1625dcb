/* Sockets are file descriptors: numbers, dup, fcntl, close-on-exec, fstat, read and write, ioctl, stdio, sendfile, close in another place. */
#include "say.h"
#include <linux/close_range.h>
#include <pthread.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

static char buf[65536];

static void numbers(void)
{
	int a, b, c, low = MUST(dup(0));

	say_about("numbers");
	close(low);
	a = MUST(socket(AF_INET, SOCK_STREAM, 0));
	b = MUST(socket(AF_INET6, SOCK_DGRAM, 0));
	c = MUST(socket(AF_INET, SOCK_STREAM, 0));
	say("lowest free", "%d %d %d", a == low, b == low + 1, c == low + 2);
	close(b);
	b = MUST(open("/dev/null", O_RDONLY));
	say("file fills the gap", "%d", b == low + 1);
	close(a);
	a = MUST(socket(AF_INET6, SOCK_STREAM, 0));
	say("socket fills the gap", "%d", a == low);
	say_rc("close", close(a));
	say_rc("close again", close(a));
	say_rc("send closed", send(a, "x", 1, 0));
	close(0);
	a = MUST(socket(AF_INET, SOCK_STREAM, 0));
	say("descriptor 0", "%d", a);
	close(a);
	MUST(open("/dev/null", O_RDONLY));
	close(b);
	close(c);
}

static void kind(int family, int type)
{
	int fd = MUST(socket(family, type, 0));
	struct stat st, again;

	say_about("%s %s fstat", family_text(family), type == SOCK_STREAM ? "tcp" : "udp");
	MUST(fstat(fd, &st));
	say("type", "%#o", st.st_mode & S_IFMT);
	say("mode", "%#o size %ld nlink %ld blksize %ld", st.st_mode & 0777, (long)st.st_size, (long)st.st_nlink, (long)st.st_blksize);
	say("owner", "%d", st.st_uid == geteuid() && st.st_gid == getegid());
	MUST(fstat(fd, &again));
	say("inode stays", "%d", st.st_ino == again.st_ino);
	snprintf(buf, sizeof(buf), "/proc/self/fd/%d", fd);
	char link[64] = { 0 };
	MUST(readlink(buf, link, sizeof(link) - 1));
	say("link", "%.8s", link);
	say_rc("open by /proc", open(buf, O_RDWR));
	say_rc("isatty", isatty(fd) - 1);
	say_rc("fsync", fsync(fd));
	say_rc("ftruncate", ftruncate(fd, 0));
	say_rc("lseek", lseek(fd, 0, SEEK_CUR));
	say_rc("fchmod", fchmod(fd, 0600));
	say_rc("mmap-like pread", pread(fd, buf, 1, 0));
	close(fd);
}

static void flags(int family, int type)
{
	int fd, d;

	say_about("%s %s flags", family_text(family), type == SOCK_STREAM ? "tcp" : "udp");
	fd = MUST(socket(family, type, 0));
	say("plain", "%#x %d", fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
	say_rc("O_NONBLOCK", fcntl(fd, F_SETFL, O_NONBLOCK));
	say("F_GETFL", "%#x", fcntl(fd, F_GETFL));
	d = MUST(dup(fd));
	say("dup shares status", "%#x %d", fcntl(d, F_GETFL), fcntl(d, F_GETFD));
	say_rc("F_SETFD", fcntl(fd, F_SETFD, FD_CLOEXEC));
	say("dup has its own", "%d %d", fcntl(fd, F_GETFD), fcntl(d, F_GETFD));
	say_rc("F_SETFL 0", fcntl(d, F_SETFL, 0));
	say("seen through the other", "%#x", fcntl(fd, F_GETFL));
	say_rc("F_SETFL odd", fcntl(fd, F_SETFL, O_APPEND | O_ASYNC | O_RDONLY | O_CREAT));
	say("F_GETFL", "%#x", fcntl(fd, F_GETFL));
	say_rc("F_SETFL 0", fcntl(fd, F_SETFL, 0));
	close(d);
	int on = 1;
	say_rc("FIONBIO", ioctl(fd, FIONBIO, &on));
	say("F_GETFL", "%#x", fcntl(fd, F_GETFL));
	on = 0;
	say_rc("FIONBIO 0", ioctl(fd, FIONBIO, &on));
	say("F_GETFL", "%#x", fcntl(fd, F_GETFL));
	say_rc("FIOCLEX", ioctl(fd, FIOCLEX));
	say("F_GETFD", "%d", fcntl(fd, F_GETFD));
	say_rc("FIONCLEX", ioctl(fd, FIONCLEX));
	say("F_GETFD", "%d", fcntl(fd, F_GETFD));
	say_rc("F_GETOWN", fcntl(fd, F_GETOWN));
	say_rc("F_SETPIPE_SZ", fcntl(fd, F_SETPIPE_SZ, 4096));
	say_rc("unknown fcntl", fcntl(fd, 4242, 0));
	say_rc("FIONBIO bad pointer", ioctl(fd, FIONBIO, (void *)8));
	close(fd);
	fd = MUST(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	say("with flags", "%#x %d", fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
	close(fd);
}

static void dups(int family)
{
	int fd[2], d, e, devnull = MUST(open("/dev/null", O_RDWR));

	say_about("%s dup", family_text(family));
	tcp_pair(family, fd);
	d = MUST(dup(fd[0]));
	close(fd[0]);
	say_rc("send on dup", send(d, "one", 3, 0));
	say_rc("recv", recv(fd[1], buf, 10, 0));
	e = (int)say_rc("F_DUPFD", fcntl(d, F_DUPFD, 100));
	say_rc("send on it", send(e, "two", 3, 0));
	say_rc("recv", recv(fd[1], buf, 10, 0));
	int ce = (int)say_rc("F_DUPFD_CLOEXEC", fcntl(d, F_DUPFD_CLOEXEC, 200));
	say("F_GETFD", "%d", fcntl(ce, F_GETFD));
	say_rc("dup2 to itself", dup2(d, d) - d);
	say_rc("dup3 to itself", dup3(d, d, 0));
	say_rc("dup3 cloexec", dup3(d, 150, O_CLOEXEC));
	say("F_GETFD", "%d", fcntl(150, F_GETFD));
	say_rc("dup3 bad flags", dup3(d, 151, 1));
	say_rc("dup2 of closed", dup2(999, 151));
	say_rc("dup2 over a socket", dup2(devnull, e) - e);
	say_rc("write goes to the file", write(e, "xyz", 3));
	say_rc("send there", send(e, "x", 1, 0));
	say_rc("dup2 over the file", dup2(d, e) - e);
	say_rc("send there", send(e, "back", 4, 0));
	say_rc("recv", recv(fd[1], buf, 10, 0));
	close(d);
	close(e);
	close(150);
	say_rc("not yet eof", recv(fd[1], buf, 10, MSG_DONTWAIT));
	close(ce);
	say("eof", "%d", wait_for(fd[1], POLLRDHUP));
	say_rc("recv", recv(fd[1], buf, 10, MSG_DONTWAIT));
	close(fd[1]);
	close(devnull);
}

static void files(int family)
{
	int fd[2], n = 0;
	FILE *f, *g;

	say_about("%s read and write", family_text(family));
	tcp_pair(family, fd);
	say_rc("write", write(fd[0], "hello", 5));
	wait_for(fd[1], POLLIN);
	say_rc("FIONREAD", ioctl(fd[1], FIONREAD, &n));
	say("value", "%d", n);
	say_rc("read", read(fd[1], buf, 2));
	say_rc("FIONREAD", ioctl(fd[1], FIONREAD, &n));
	say("value", "%d", n);
	say_rc("read bad pointer", read(fd[1], (void *)8, 2));
	say_rc("read", read(fd[1], buf, 20));
	say_rc("write bad pointer", write(fd[0], (void *)8, 2));
	say_rc("write 0", write(fd[0], NULL, 0));

	say_about("%s stdio", family_text(family));
	f = fdopen(fd[0], "w");
	g = fdopen(dup(fd[1]), "r");
	say_rc("fprintf", fprintf(f, "line %d\nnext\n", 1));
	say_rc("fflush", fflush(f));
	say("fgets", "%.6s", fgets(buf, sizeof(buf), g) ? buf : "none");
	say("fgets", "%.4s", fgets(buf, sizeof(buf), g) ? buf : "none");
	say_rc("dprintf", dprintf(fd[0], "by %s\n", "dprintf"));
	say("fgets", "%.10s", fgets(buf, sizeof(buf), g) ? buf : "none");
	say_rc("fclose", fclose(f));
	say("eof", "%d", fgets(buf, sizeof(buf), g) == NULL && feof(g));
	fclose(g);
	close(fd[1]);
}

static void sends_file(int family)
{
	char path[] = "/tmp/conform-XXXXXX";
	int fd[2], file = MUST(mkstemp(path)), pipes[2];
	off_t off = 100;
	long total = 0, n;

	say_about("%s sendfile", family_text(family));
	unlink(path);
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (char)i;
	MUST(write(file, buf, sizeof(buf)));
	tcp_pair(family, fd);
	say_rc("with offset", sendfile(fd[0], file, &off, 1000));
	say("offset", "%ld", (long)off);
	say_rc("waitall", recv(fd[1], buf, 1000, MSG_WAITALL));
	say("content", "%d", buf[0] == 100 && (unsigned char)buf[999] == (1099 & 255));
	say("file offset", "%ld", (long)lseek(file, 0, SEEK_CUR));
	say_rc("at the end", sendfile(fd[0], file, NULL, 10));
	lseek(file, 65000, SEEK_SET);
	say_rc("past the end", sendfile(fd[0], file, NULL, 10000));
	say("file offset", "%ld", (long)lseek(file, 0, SEEK_CUR));
	while (total < 536 && (n = recv(fd[1], buf, sizeof(buf), 0)) > 0)
		total += n;
	say("came", "%ld", total);
	say_rc("from a socket", sendfile(fd[0], fd[1], NULL, 10));
	say_rc("to a closed one", sendfile(999, file, NULL, 10));
	off = -1;
	say_rc("negative offset", sendfile(fd[0], file, &off, 10));
	MUST(send(fd[1], "tofile", 6, 0));
	wait_for(fd[0], POLLIN);
	MUST(pipe(pipes));
	off = 0;
	say_rc("splice from a socket's offset", splice(fd[0], &off, pipes[1], NULL, 6, 0));
	say_rc("splice to a pipe's offset", splice(fd[0], NULL, pipes[1], &off, 6, 0));
	say_rc("splice nothing from an offset", splice(fd[0], &off, pipes[1], NULL, 0, 0));
	say_rc("splice to a pipe", splice(fd[0], NULL, pipes[1], NULL, 6, 0));
	say_rc("splice to a socket's offset", splice(pipes[0], NULL, fd[0], &off, 6, 0));
	close(pipes[0]);
	close(pipes[1]);
	close(file);
	close(fd[0]);
	close(fd[1]);
}

static void ranges(void)
{
	int fd[2];

	say_about("close_range");
	tcp_pair(AF_INET, fd);
	int low = MUST(fcntl(fd[0], F_DUPFD, 300));
	say_rc("cloexec", close_range(300, 310, CLOSE_RANGE_CLOEXEC));
	say("F_GETFD", "%d", fcntl(low, F_GETFD));
	say_rc("close", close_range(300, 310, 0));
	say_rc("gone", send(low, "x", 1, 0));
	say_rc("others stay", send(fd[0], "x", 1, 0));
	close(fd[0]);
	say_rc("backwards", close_range(310, 300, 0));
	close(fd[1]);
}

/* A thread sleeps in recv while another shuts the socket down: it wakes. */
static int shared[2];
static void *sleeper(void *ret)
{
	*(long *)ret = recv(shared[0], buf, 10, 0);
	return NULL;
}

static void wakes(int family)
{
	pthread_t t;
	long n = -2;
	struct timespec pause = { 0, 20000000 };

	say_about("%s sleeping recv", family_text(family));
	tcp_pair(family, shared);
	pthread_create(&t, NULL, sleeper, &n);
	nanosleep(&pause, NULL);
	shutdown(shared[0], SHUT_RD);
	pthread_join(t, NULL);
	say("shutdown wakes it", "%ld", n);
	pthread_create(&t, NULL, sleeper, &n);
	pthread_join(t, NULL);
	say("and the next", "%ld", n);
	close(shared[0]);
	close(shared[1]);
}

int main(void)
{
	say_start();
	numbers();
	kind(AF_INET, SOCK_STREAM);
	kind(AF_INET6, SOCK_DGRAM);
	flags(AF_INET, SOCK_STREAM);
	flags(AF_INET6, SOCK_DGRAM);
	dups(AF_INET);
	dups(AF_INET6);
	files(AF_INET);
	files(AF_INET6);
	sends_file(AF_INET);
	ranges();
	wakes(AF_INET);
	wakes(AF_INET6);
	return 0;
}
