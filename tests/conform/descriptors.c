/*
 * Descriptors as such: what the kernel says of a socket's, calls that are not for sockets, numbers and their limits, and what a program sees of itself
 * in /proc.
 */
#include "say.h"
#include <dirent.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <linux/close_range.h>
#include <linux/fiemap.h>
#include <linux/fs.h>

static char buf[4096];

static int make(int kind)
{
	int fd[2];

	if (kind == 0)
		return MUST(socket(AF_INET, SOCK_STREAM, 0));
	if (kind == 1)
		return MUST(socket(AF_INET6, SOCK_DGRAM, 0));
	tcp_pair(AF_INET, fd);
	close(fd[1]);
	return fd[0];
}

static void for_files(int fd, int kind)
{
	struct iovec iov = { buf, 1 };

	say_rc("lseek", lseek(fd, 0, SEEK_CUR));
	say_rc("pread", pread(fd, buf, 1, 0));
	say_rc("pwrite", pwrite(fd, buf, 1, 0));
	say_rc("preadv", preadv(fd, &iov, 1, 0));
	say_rc("pwritev", pwritev(fd, &iov, 1, 0));
	say_rc("ftruncate", ftruncate(fd, 10));
	say_rc("fsync", fsync(fd));
	say_rc("fdatasync", fdatasync(fd));
	if (kind == 1)   /* TCP's can be mapped, for zero-copy */
		say_rc("mmap", mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
	say_rc("mmap of nothing", mmap(NULL, 0, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
	if (!kernel_is_older())
		say_rc("RWF_NOAPPEND", preadv2(fd, &iov, 1, -1, RWF_NOWAIT | 0x20));
	say_rc("fallocate", fallocate(fd, 0, 0, 10));
	say("fadvise", "%s", say_errno(posix_fadvise(fd, 0, 10, POSIX_FADV_WILLNEED)));
	say_rc("readahead", readahead(fd, 0, 10));
	say_rc("sync_file_range", sync_file_range(fd, 0, 1, 0));
	say_rc("syncfs", syncfs(fd));
	say_rc("getdents", syscall(SYS_getdents64, fd, buf, sizeof(buf)));
	say_rc("fchdir", fchdir(fd));
	say_rc("flock", syscall(SYS_flock, fd, 2));
	say_rc("FICLONE", ioctl(fd, FICLONE, 0));
	say_rc("FIDEDUPERANGE", ioctl(fd, FIDEDUPERANGE, 0));
	say_rc("FS_IOC_FIEMAP", ioctl(fd, FS_IOC_FIEMAP, buf));
	say_rc("FIFREEZE", ioctl(fd, FIFREEZE, 0));
	say_rc("more than 32 bits of a number", ioctl(fd, FIONBIO | 1ul << 32, &(int){ 0 }));
}

/* Sockets of each kind have one attribute, the name of their protocol. */
static void attributes(void)
{
	static const struct { int domain, type; } kinds[] = {
		{ AF_INET, SOCK_STREAM }, { AF_INET6, SOCK_STREAM }, { AF_INET, SOCK_DGRAM }, { AF_INET6, SOCK_DGRAM }, { AF_UNIX, SOCK_STREAM },
		{ AF_UNIX, SOCK_DGRAM }, { AF_UNIX, SOCK_SEQPACKET }, { AF_NETLINK, SOCK_RAW },
	};
	static const char name[] = "system.sockprotoname";

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		char value[32] = "";
		int fd = MUST(socket(kinds[i].domain, kinds[i].type, 0));
		say_about("attribute, %d/%d", kinds[i].domain, kinds[i].type);
		long len = say_rc("length", fgetxattr(fd, name, NULL, 0));
		say_rc("too short", fgetxattr(fd, name, value, 1));
		say_rc("nowhere", fgetxattr(fd, name, (void *)1, sizeof(value)));
		say_rc("exactly", fgetxattr(fd, name, value, (size_t)len));
		say("value", "%s", value);
		say_rc("of nobody's", fgetxattr(fd, "user.name", value, sizeof(value)));
		close(fd);
	}
}

static void about_inodes(int fd)
{
	struct flock lock = { .l_type = F_WRLCK };
	struct statfs fs;
	struct statvfs vfs;

	say_rc("getlk", fcntl(fd, F_GETLK, &lock));
	lock.l_type = F_WRLCK;
	say_rc("setlk", fcntl(fd, F_SETLK, &lock));
	say_rc("lease", fcntl(fd, F_SETLEASE, F_RDLCK));
	say_rc("get lease", fcntl(fd, F_GETLEASE));
	say_rc("notify", fcntl(fd, F_NOTIFY, 0));
	say_rc("pipe size", fcntl(fd, F_GETPIPE_SZ));
	say_rc("seals", fcntl(fd, F_GET_SEALS));
	say_rc("bad fcntl", fcntl(fd, 9999));
	say_rc("fchmod", fchmod(fd, 0600));
	say_rc("fchown", fchown(fd, (uid_t)-1, (gid_t)-1));
	say_rc("futimens", futimens(fd, NULL));
	say_rc("fstatfs", fstatfs(fd, &fs));
	say("magic", "%#lx", (long)fs.f_type);
	say_rc("fstatvfs", fstatvfs(fd, &vfs));
	say_rc("fgetxattr", syscall(SYS_fgetxattr, fd, "user.x", buf, 10));
}

static void for_devices(int fd)
{
	say_rc("isatty", isatty(fd) ? 1 : -1);
	say_rc("ttyname", ttyname_r(fd, buf, sizeof(buf)));
	say_rc("openat below it", openat(fd, "x", O_RDONLY));
	say_rc("openat of itself", openat(fd, "", O_RDONLY));
	say_rc("bad ioctl", ioctl(fd, 0x12345678, buf));
	say_rc("TIOCGWINSZ", ioctl(fd, 0x5413, buf));
	say_rc("FIGETBSZ", ioctl(fd, 2, buf));
	say_rc("FIONREAD bad", ioctl(fd, FIONREAD, (void *)8));
	say_rc("FIONBIO bad", ioctl(fd, FIONBIO, (void *)8));
}

static void copying(int fd, int kind)
{
	struct iovec iov = { buf, 1 };
	loff_t loff = 0;
	off_t off = -1;
	int p[2];

	MUST(pipe(p));
	say_rc("copy_file_range from", copy_file_range(fd, NULL, p[1], NULL, 10, 0));
	say_rc("copy_file_range to", copy_file_range(p[0], NULL, fd, NULL, 10, 0));
	if (kind == 0)
		say_rc("sendfile from it", sendfile(p[1], fd, NULL, 10));
	say_rc("tee from it", tee(fd, p[1], 10, SPLICE_F_NONBLOCK));
	say_rc("tee to it", tee(p[0], fd, 10, SPLICE_F_NONBLOCK));
	say_rc("vmsplice", vmsplice(fd, &iov, 1, 0));
	say_rc("splice with an offset", splice(fd, &loff, p[1], NULL, 10, SPLICE_F_NONBLOCK));
	say_rc("splice to itself", splice(fd, NULL, fd, NULL, 10, SPLICE_F_NONBLOCK));
	say_rc("splice bad flags", splice(fd, NULL, p[1], NULL, 10, 0x1000));
	say_rc("sendfile with a bad offset", sendfile(fd, fd, (off_t *)8, 10));
	say_rc("sendfile with a negative offset", sendfile(fd, p[0], &off, 10));
	say_rc("sendfile from a pipe", sendfile(fd, p[0], NULL, 0));
	close(p[0]);
	close(p[1]);
}

static void as_a_file(int fd)
{
	struct stat st;

	MUST(fstat(fd, &st));
	say("mode", "%o", st.st_mode);
	say("size", "%ld blocks %ld links %ld blksize %ld", (long)st.st_size, (long)st.st_blocks, (long)st.st_nlink, (long)st.st_blksize);
	say("owner", "%d", st.st_uid == getuid() && st.st_gid == getgid());
	say_rc("getfl", fcntl(fd, F_GETFL));
	say_rc("setfl all", fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK | O_NOATIME));
	say_rc("getfl", fcntl(fd, F_GETFL));
	say_rc("setfl direct", fcntl(fd, F_SETFL, O_DIRECT));
	say_rc("setfl 0", fcntl(fd, F_SETFL, 0));
	say_rc("getfl", fcntl(fd, F_GETFL));
	say_rc("getfd", fcntl(fd, F_GETFD));
	say_rc("setfd", fcntl(fd, F_SETFD, FD_CLOEXEC));
	say_rc("getfd", fcntl(fd, F_GETFD));
}

static void not_for_sockets(int kind)
{
	int fd = make(kind);

	say_about("not for sockets, kind %d", kind);
	for_files(fd, kind);
	about_inodes(fd);
	for_devices(fd);
	copying(fd, kind);
	as_a_file(fd);
	close(fd);
}

static void in_proc(int kind)
{
	int fd = make(kind), d = MUST(dup(fd)), other = make(kind), got;
	struct stat st, st2, st3;
	char path[64], link[128], want[64], line[256];
	ssize_t n;

	say_about("in /proc, kind %d", kind);
	MUST(fstat(fd, &st));
	MUST(fstat(d, &st2));
	MUST(fstat(other, &st3));
	say("same inode for the duplicate", "%d", st.st_ino == st2.st_ino && st.st_dev == st2.st_dev);
	say("another for another", "%d", st.st_ino != st3.st_ino && st.st_dev == st3.st_dev);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, link, sizeof(link) - 1);
	link[n < 0 ? 0 : n] = 0;
	snprintf(want, sizeof(want), "socket:[%lu]", (unsigned long)st.st_ino);
	say("link", "%d", strcmp(link, want) == 0);
	say_rc("stat by path", stat(path, &st2));
	say("the same", "%d", st2.st_ino == st.st_ino && S_ISSOCK(st2.st_mode));
	say_rc("lstat", lstat(path, &st2));
	say("a link", "%d", S_ISLNK(st2.st_mode));
	say_rc("open", got = open(path, O_RDWR));
	say_rc("open for reading", open(path, O_RDONLY));
	got = open(path, O_PATH);
	say("open a path", "%s", got < 0 ? say_errno(errno) : "fd");
	if (got >= 0) {
		say_rc("send on it", send(got, "x", 1, 0));
		say_rc("read of it", read(got, buf, 1));
		say_rc("getsockname of it", getsockname(got, NULL, NULL));
		say_rc("ioctl of it", ioctl(got, FIONREAD, &n));
		say_rc("poll of it", poll(&(struct pollfd){ got, POLLIN, 0 }, 1, 0));
		say_rc("listen of it", listen(got, 1));
		close(got);
	}
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	say_rc("open /dev/fd", open(path, O_RDWR));
	say_rc("chmod", chmod(path, 0600));
	say_rc("access", access(path, R_OK | W_OK));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, "ino:", 4) == 0)
			say("ino line", "%d", strtoul(line + 4, NULL, 10) == st.st_ino);
		else if (strncmp(line, "mnt_id:", 7) != 0 && strncmp(line, "scm_fds:", 8) != 0)   /* of Unix sockets, which ours are below */
			say("fdinfo", "%s", line);
	}
	if (f)
		fclose(f);
	close(fd);
	close(d);
	close(other);
}

/* What is open, by each way to find out. */
static void say_open(const char *name)
{
	char text[512] = "";
	struct stat st;
	DIR *d;
	struct dirent *e;

	for (int fd = 3; fd < 5000; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " %d", fd);
	say(name, "fcntl%s", text);
	*text = 0;
	for (int fd = 3; fd < 5000; fd++)
		if (fstat(fd, &st) >= 0)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " %d", fd);
	say(name, "fstat%s", text);
	*text = 0;
	for (int fd = 3; fd < 5000; fd++) {
		struct pollfd p = { fd, 0, 0 };
		if (poll(&p, 1, 0) == 0)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " %d", fd);
	}
	say(name, "poll%s", text);
	int n = 0;
	d = opendir("/proc/self/fd");
	while (d && (e = readdir(d)))
		n += *e->d_name != '.' && atoi(e->d_name) > 2 && atoi(e->d_name) != dirfd(d);
	closedir(d);
	say(name, "/proc %d", n);
	n = 0;
	d = opendir("/dev/fd");
	while (d && (e = readdir(d)))
		n += *e->d_name != '.' && atoi(e->d_name) > 2 && atoi(e->d_name) != dirfd(d);
	if (d)
		closedir(d);
	say(name, "/dev/fd %d", n);
}

static void visible(void)
{
	int fd[4];

	say_about("visible");
	say_open("nothing");
	fd[0] = make(0);
	fd[1] = make(1);
	fd[2] = make(2);
	fd[3] = MUST(epoll_create1(0));
	struct pollfd p[] = { { fd[2], POLLIN, 0 }, { fd[0], POLLIN, 0 } };
	poll(p, 2, 10);
	struct epoll_event ev = { EPOLLIN, { 0 } };
	MUST(epoll_ctl(fd[3], EPOLL_CTL_ADD, fd[2], &ev));
	epoll_wait(fd[3], &ev, 1, 10);
	say_open("some");
	say_rc("close_range", close_range(3, UINT32_MAX, 0));
	say_open("closed");
	fd[0] = make(0);
	say("lowest again", "%d", fd[0]);
	say_rc("close_range, cloexec", close_range(3, UINT32_MAX, CLOSE_RANGE_CLOEXEC));
	say_rc("getfd", fcntl(fd[0], F_GETFD));
	say_rc("close_range, backwards", close_range(10, 3, 0));
	say_rc("close_range, bad flag", close_range(3, 10, 64));
	say_rc("close_range, unshare", close_range(fd[0], fd[0], CLOSE_RANGE_UNSHARE));
	say_open("unshared");
	fd[0] = make(0);
	closefrom(3);
	say_open("closefrom");
	for (int i = 3; i < 5000; i++)
		close(i);
	fd[0] = make(2);
	say("lowest again", "%d", fd[0]);
	say_rc("works", send(fd[0], "x", 1, MSG_NOSIGNAL) == 1 || errno == EPIPE || errno == ECONNRESET ? 0 : -1);
	close(fd[0]);
}

static void numbers(void)
{
	struct rlimit limit, small;
	int fd[64], n = 0, l, c;
	union name peer;
	socklen_t len = sizeof(peer);

	say_about("numbers");
	int s = make(0);
	MUST(getrlimit(RLIMIT_NOFILE, &limit));
	say_rc("dup above the limit", fcntl(s, F_DUPFD, (int)limit.rlim_cur));
	say_rc("dup at -1", fcntl(s, F_DUPFD, -1));
	say_rc("dup above, cloexec", fcntl(s, F_DUPFD_CLOEXEC, 1 << 30));
	say_rc("dup2 above the limit", dup2(s, (int)limit.rlim_cur));
	say_rc("dup2 -1", dup2(s, -1));
	say_rc("dup2 of a closed one", dup2(99, 50));
	say_rc("dup2 of itself", dup2(s, s) == s ? 0 : -1);
	say_rc("dup2 of a closed one to itself", dup2(99, 99));
	say_rc("dup3 of itself", dup3(s, s, 0));
	say_rc("dup3 bad flags", dup3(s, 50, O_NONBLOCK));
	say_rc("dup3 cloexec", dup3(s, 50, O_CLOEXEC));
	say_rc("getfd", fcntl(50, F_GETFD));
	close(50);
	say_rc("dup of a closed one", dup(99));
	say_rc("close of a closed one", close(99));
	say_rc("close -1", close(-1));
	say_rc("dupfd at 20", fcntl(s, F_DUPFD, 20));
	say_rc("again", fcntl(s, F_DUPFD, 20));
	close(20);
	close(21);
	l = listening(AF_INET, 5);
	set_nonblocking(l);
	c = connected_to(AF_INET, SOCK_STREAM, port_of(l));
	small = limit;
	small.rlim_cur = 16;
	say_rc("limit", setrlimit(RLIMIT_NOFILE, &small));
	while (n < 64 && (fd[n] = socket(AF_INET, n % 2 ? SOCK_DGRAM : SOCK_STREAM, 0)) >= 0)
		n++;
	say("sockets until the limit", "%d", n);
	say_rc("the next", socket(AF_INET6, SOCK_STREAM, 0));
	say_rc("accept", accept(l, &peer.sa, &len));
	say_rc("dup", dup(s));
	say_rc("epoll", epoll_create1(0));
	say_rc("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, fd + 40));
	struct pollfd many[17] = { { s, POLLIN, 0 } };
	say_rc("poll of more than the limit", poll(many, 17, 0));
	close(fd[--n]);
	say_rc("accept with room", accept(l, &peer.sa, &len) >= 0 ? 0 : -1);
	say_rc("and no more", accept(l, &peer.sa, &len));
	MUST(setrlimit(RLIMIT_NOFILE, &limit));
	while (n > 0)
		close(fd[--n]);
	close(c);
	close(l);
	close(s);
	closefrom(3);
}

/* 0, 1 and 2 as sockets, and stdio on one. */
static void standard(void)
{
	int fd[2];
	char text[64] = "";

	say_about("standard descriptors");
	fflush(stdout);
	pid_t pid = MUST(fork());
	if (pid == 0) {
		int out = MUST(dup(1));
		tcp_pair(AF_INET, fd);
		dup2(fd[0], 0);
		dup2(fd[0], 1);
		dup2(fd[0], 2);
		close(fd[0]);
		MUST(write(fd[1], "a line\nand another\n", 19));
		char *got = fgets(text, sizeof(text), stdin);
		dprintf(out, "standard descriptors: read = %s", got ? got : "nothing\n");
		printf("printed %d\n", 7);
		fflush(stdout);
		fprintf(stderr, "error\n");
		ssize_t n = recv(fd[1], text, sizeof(text), MSG_WAITALL | MSG_DONTWAIT);
		dprintf(out, "standard descriptors: printed = %.*s", (int)n, text);
		dprintf(out, "standard descriptors: /dev/stdin = %s\n", open("/dev/stdin", O_RDONLY) < 0 ? say_errno(errno) : "fd");
		dprintf(out, "standard descriptors: /dev/stdout = %s\n", open("/dev/stdout", O_WRONLY) < 0 ? say_errno(errno) : "fd");
		close(0);
		int s = socket(AF_INET, SOCK_STREAM, 0);
		dprintf(out, "standard descriptors: lowest = %d\n", s);
		close(0);
		FILE *f = fdopen(dup(1), "r+");
		dprintf(out, "standard descriptors: ftell = %ld %s\n", ftell(f), say_errno(errno));
		dprintf(out, "standard descriptors: fseek = %d %s\n", fseek(f, 3, SEEK_SET), say_errno(errno));
		fclose(f);
		_exit(0);
	}
	MUST(waitpid(pid, NULL, 0));
	tcp_pair(AF_INET, fd);
	FILE *f = fdopen(fd[0], "w");
	say_rc("fprintf", fprintf(f, "text\n"));
	say_rc("fclose", fclose(f));
	say_rc("closed", close(fd[0]));
	say_rc("read", read(fd[1], text, sizeof(text)));
	say_rc("end", read(fd[1], text, sizeof(text)));
	close(fd[1]);
}

int main(void)
{
	say_start();
	closefrom(3);
	for (int kind = 0; kind < 3; kind++) {
		not_for_sockets(kind);
		in_proc(kind);
	}
	visible();
	attributes();
	numbers();
	standard();
	return 0;
}
