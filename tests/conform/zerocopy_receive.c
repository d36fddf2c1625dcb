/*
 * TCP_ZEROCOPY_RECEIVE and mappings of TCP sockets: what is refused, and what there is for small reads. Which octets are mapped and which are left to recv
 * depends on how they came; that a program gets all of them by what the structure says holds for either.
 */
#include <linux/tcp.h>
#define _NETINET_TCP_H 1
#include <sys/mman.h>
#include "say.h"

#define PAGE 4096
#define ROOM (16 * PAGE)

static void say_map(const char *name, int fd, int prot, int flags, off_t offset)
{
	void *at = mmap(NULL, ROOM, prot, flags, fd, offset);

	say_rc(name, at == MAP_FAILED ? -1 : 0);
	if (at != MAP_FAILED)
		munmap(at, ROOM);
}

static long receive(int fd, struct tcp_zerocopy_receive *z, socklen_t *len) { return getsockopt(fd, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, z, len); }

static void say_receive(const char *name, int fd, struct tcp_zerocopy_receive z, socklen_t len)
{
	long rc = receive(fd, &z, &len);

	if (rc < 0)
		say_rc(name, rc);
	else
		say(name, "length %u, left %u, inq %u, error %s, copied %d, flags %x, %u octets", z.length, z.recv_skip_hint, z.inq,
		    say_errno(-z.err), z.copybuf_len,
		    z.msg_flags, len);
}

static void mappings(int family)
{
	int fd[2], l = listening(family, 1), udp = bound(family, SOCK_DGRAM), closed = MUST(socket(family, SOCK_STREAM, 0)), status;

	say_about("%s mappings", family_text(family));
	tcp_pair(family, fd);
	say_map("to read", fd[0], PROT_READ, MAP_SHARED, 0);
	say_map("to write", fd[0], PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	say_map("to run", fd[0], PROT_READ | PROT_EXEC, MAP_SHARED, 0);
	say_map("of one's own", fd[0], PROT_READ, MAP_PRIVATE, 0);
	say_map("of one's own to write", fd[0], PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	say_map("for nothing", fd[0], PROT_NONE, MAP_SHARED, 0);
	say_map("from further on", fd[0], PROT_READ, MAP_SHARED, 5 * PAGE);
	say_map("from within a page", fd[0], PROT_READ, MAP_SHARED, 5);
	say_map("neither", fd[0], PROT_READ, 0, 0);
	say_map("of a listener", l, PROT_READ, MAP_SHARED, 0);
	say_map("unconnected", closed, PROT_READ, MAP_SHARED, 0);
	say_map("of datagrams", udp, PROT_READ, MAP_SHARED, 0);
	char *at = mmap(NULL, ROOM, PROT_READ, MAP_SHARED, fd[0], 0);
	say_rc("to be written later", mprotect(at, PAGE, PROT_READ | PROT_WRITE));
	if (fork() == 0)
		_exit(*(volatile char *)at);
	wait(&status);
	say("touched", "%s", WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : "no signal");
	close(fd[0]);
	say_rc("unmapped after close", munmap(at, ROOM));
	close(fd[1]);
	close(l);
	close(udp);
	close(closed);
}

/* Of a request that is z but for one thing: little is there. */
static void odd_requests(int fd, struct tcp_zerocopy_receive z)
{
	struct { struct tcp_zerocopy_receive z; char beyond[100]; } more = {.z = z};
	socklen_t len = sizeof(more);

	say_rc("more than is known", receive(fd, &more.z, &len));
	say("its length", "%u", len);
	len = sizeof(more);
	more.beyond[99] = 1;
	say_rc("something in what is not known", receive(fd, &more.z, &len));
	len = sizeof(z);
	say_rc("nowhere", receive(fd, NULL, &len));
	say_rc("no length", receive(fd, &z, NULL));
	z.reserved = 1;
	say_receive("reserved", fd, z, sizeof(z));
	z.reserved = 0;
	z.msg_flags = 1;
	say_receive("a known flag", fd, z, sizeof(z));
	z.msg_flags = 2;
	say_receive("another flag", fd, z, sizeof(z));
	z.msg_flags = 0;
	z.address++;
	say_receive("within a page", fd, z, sizeof(z));
	z.address = 0;
	say_receive("no mapping", fd, z, sizeof(z));
}

static void small_buffers(int fd, struct tcp_zerocopy_receive z, char *buf, size_t size)
{
	z.copybuf_address = (uintptr_t)buf;
	z.copybuf_len = 50;
	say_receive("a small buffer", fd, z, sizeof(z));
	z.copybuf_len = -1;
	say_receive("a buffer of less than nothing", fd, z, sizeof(z));
	z.copybuf_len = (int)size;
	z.copybuf_address = 0;
	say_receive("a buffer nowhere", fd, z, sizeof(z));
	z.copybuf_address = (uintptr_t)buf;
	say_receive("a buffer", fd, z, sizeof(z));
	say_receive("nothing left", fd, z, sizeof(z));
}

static void requests(int family)
{
	static const socklen_t lengths[] = {0, 8, 11, 12, 15, 16, 18, 20, 22, 24, 28, 32, 36, 40, 48, 56, 58, 60, 62, 64};
	int fd[2], l = listening(family, 1), closed = MUST(socket(family, SOCK_STREAM, 0)), on = 1;
	char buf[8192];

	say_about("%s requests", family_text(family));
	tcp_pair(family, fd);
	char *at = mmap(NULL, ROOM, PROT_READ, MAP_SHARED, fd[1], 0);
	struct tcp_zerocopy_receive z = {.address = (uintptr_t)at, .length = ROOM};
	say_receive("nothing there", fd[1], z, sizeof(z));
	say_receive("unconnected", closed, z, sizeof(z));
	say_receive("of a listener", l, z, sizeof(z));
	say_rc("set", setsockopt(fd[1], IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &on, sizeof(on)));
	MUST(write(fd[0], buf, 100));
	wait_for(fd[1], POLLIN);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		say_about("%s requests of %u octets", family_text(family), lengths[i]);
		say_receive("little there", fd[1], z, lengths[i]);
	}
	say_about("%s requests", family_text(family));
	odd_requests(fd[1], z);
	small_buffers(fd[1], z, buf, sizeof(buf));
	for (size_t n = 0; n < ROOM; n += sizeof(buf))
		MUST(write(fd[0], buf, sizeof(buf)));
	for (int n = 0; n < ROOM;)
		MUST(ioctl(fd[1], FIONREAD, &n));
	z.length = 100;
	say_receive("less than a page", fd[1], z, sizeof(z));
	z.length = 0;
	say_receive("no length", fd[1], z, sizeof(z));
	z.length = PAGE;
	z.address = (uintptr_t)buf & ~(uintptr_t)(PAGE - 1);
	say_receive("ordinary memory", fd[1], z, sizeof(z));
	z.address = 0;
	say_receive("no memory", fd[1], z, sizeof(z));
	shutdown(fd[0], SHUT_WR);
	while (read(fd[1], buf, sizeof(buf)) > 0) {
	}
	z.address = (uintptr_t)at;
	say_receive("the end", fd[1], z, sizeof(z));
	close(fd[0]);
	close(fd[1]);
	close(closed);
	close(l);
}

static void errors(int family)
{
	struct linger hard = {1, 0};
	struct tcp_zerocopy_receive z = {0};
	char buf[100];
	int fd[2];

	say_about("%s errors", family_text(family));
	tcp_pair(family, fd);
	MUST(setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)));
	close(fd[0]);
	wait_for(fd[1], POLLIN);
	say_receive("short", fd[1], z, 20);
	say_receive("reset", fd[1], z, sizeof(z));
	say_error("its error", fd[1]);
	close(fd[1]);
	tcp_pair(family, fd);
	MUST(write(fd[0], "the end", 7));
	close(fd[0]);
	wait_for(fd[1], POLLRDHUP);
	while (recv(fd[1], buf, 100, MSG_PEEK | MSG_WAITALL) < 7) {
	}
	z.copybuf_address = (uintptr_t)buf;
	z.copybuf_len = sizeof(buf);
	say_receive("the last", fd[1], z, sizeof(z));
	say_receive("and none", fd[1], z, sizeof(z));
	close(fd[1]);
}

static unsigned char octet(size_t at) { return (unsigned char)(at * 31 / 7); }

static size_t right(const unsigned char *octets, size_t n, size_t from)
{
	for (size_t i = 0; i < n; i++)
		if (octets[i] != octet(from + i))
			return 0;
	return n;
}

static void write_some(int fd, size_t *sent, size_t all)
{
	unsigned char out[10000];
	size_t n = all - *sent < sizeof(out) ? all - *sent : sizeof(out);

	for (size_t i = 0; i < n; i++)
		out[i] = octet(*sent + i);
	long r = n ? write(fd, out, n) : 0;
	*sent += r > 0 ? (size_t)r : 0;
}

/* By what the structure says a program gets every octet. */
static void everything(int family)
{
	static unsigned char buf[PAGE];
	size_t got = 0, sent = 0, all = 1000000, wrong = 0;
	int fd[2];

	say_about("%s everything", family_text(family));
	tcp_pair(family, fd);
	set_nonblocking(fd[0]);
	unsigned char *at = mmap(NULL, ROOM, PROT_READ, MAP_SHARED, fd[1], 0);
	while (got < all) {
		struct tcp_zerocopy_receive z = {.address = (uintptr_t)at, .length = ROOM, .copybuf_address = (uintptr_t)buf, .copybuf_len = PAGE};
		socklen_t len = sizeof(z);
		write_some(fd[0], &sent, all);
		MUST(receive(fd[1], &z, &len));
		wrong += z.length - right(at, z.length, got);
		got += z.length;
		wrong += (size_t)z.copybuf_len - right(buf, (size_t)z.copybuf_len, got);
		got += (size_t)z.copybuf_len;
		while (z.recv_skip_hint > 0) {
			size_t n = (size_t)MUST(recv(fd[1], buf, z.recv_skip_hint < PAGE ? z.recv_skip_hint : PAGE, 0));
			wrong += n - right(buf, n, got);
			got += n;
			z.recv_skip_hint -= (unsigned)n;
		}
	}
	say("octets", "%zu, %zu wrong", got, wrong);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	static void (*const parts[])(int family) = {mappings, requests, errors, everything};

	say_start();
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		parts[i](AF_INET);
		parts[i](AF_INET6);
	}
	return 0;
}
