/*
 * SO_ATTACH_REUSEPORT_CBPF: a program that chooses among the members of a SO_REUSEPORT group by what a datagram says, or for a connection by number; who may
 * attach one, and what becomes of a choice that nobody answers to.
 */
#include "say.h"
#include <linux/filter.h>

#define MEMBERS 3
#define DETACH_BPF 68

/* The first octet of the data, or `fixed`. */
static int attach(int fd, int fixed)
{
	struct sock_filter by_octet[] = { BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_STMT(BPF_RET | BPF_A, 0) };
	struct sock_filter always[] = { BPF_STMT(BPF_RET | BPF_K, (unsigned)fixed) };
	struct sock_fprog prog = { fixed < 0 ? 2 : 1, fixed < 0 ? by_octet : always };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog));
}

static int detach(int fd)
{
	int v = 0;

	return setsockopt(fd, SOL_SOCKET, DETACH_BPF, &v, sizeof(v));
}

static int member(int family, int type, unsigned port)
{
	int fd = MUST(socket(family, type, 0)), on = 1;
	union name n = name_lo(family, port);

	MUST(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)));
	MUST(bind(fd, &n.sa, name_len(family)));
	if (type == SOCK_STREAM)
		MUST(listen(fd, 8));
	return fd;
}

/* Which of them has something to read? */
static int who(const int *fd)
{
	struct pollfd p[MEMBERS];

	for (int i = 0; i < MEMBERS; i++)
		p[i] = (struct pollfd){ .fd = fd[i], .events = POLLIN };
	if (poll(p, MEMBERS, 2000) != 1)
		return -1;
	for (int i = 0; i < MEMBERS; i++)
		if (p[i].revents)
			return i;
	return -1;
}

static void datagrams(int family)
{
	static const char texts[][3] = { "\0a", "\1b", "\2c", "\0d", "\2e" };
	int fd[MEMBERS], s = MUST(socket(family, SOCK_DGRAM, 0));
	char buf[8];

	say_about("udp %d", family);
	fd[0] = member(family, SOCK_DGRAM, 0);
	for (int i = 1; i < MEMBERS; i++)
		fd[i] = member(family, SOCK_DGRAM, port_of(fd[0]));
	say_rc("detach none", detach(fd[0]));
	say_rc("attach", attach(fd[1], -1));
	union name to = name_lo(family, port_of(fd[0]));
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		MUST(sendto(s, texts[i], 2, 0, &to.sa, name_len(family)));
		int w = who(fd);
		say("goes to", "%d", w);
		say_rc("recv", w < 0 ? -1 : recv(fd[w], buf, sizeof(buf), 0));
	}
	MUST(sendto(s, "\7f", 2, 0, &to.sa, name_len(family)));
	int w = who(fd);
	say("nobody's goes to somebody", "%d", w >= 0);
	say_rc("recv", w < 0 ? -1 : recv(fd[w], buf, sizeof(buf), 0));
	say_rc("attach another", attach(fd[0], 2));
	MUST(sendto(s, texts[0], 2, 0, &to.sa, name_len(family)));
	say("goes to", "%d", who(fd));
	say_rc("detach", detach(fd[2]));
	say_rc("detach again", detach(fd[0]));
	close(s);
	for (int i = 0; i < MEMBERS; i++)
		close(fd[i]);
}

static void streams(int family)
{
	int fd[MEMBERS];

	say_about("tcp %d", family);
	fd[0] = member(family, SOCK_STREAM, 0);
	for (int i = 1; i < MEMBERS; i++)
		fd[i] = member(family, SOCK_STREAM, port_of(fd[0]));
	for (int i = MEMBERS - 1; i >= 0; i--) {
		say_rc("attach", attach(fd[0], i));
		int c = connected_to(family, SOCK_STREAM, port_of(fd[0])), w = who(fd);
		say("goes to", "%d", w);
		close(w < 0 ? -1 : accept(fd[w], NULL, NULL));
		close(c);
	}
	for (int i = 0; i < MEMBERS; i++)
		close(fd[i]);
}

static void refusals(void)
{
	int fd = MUST(socket(AF_INET, SOCK_DGRAM, 0)), on = 1, ebpf = 999;
	struct sock_fprog none = { 0, NULL };

	say_about("refused");
	say_rc("without SO_REUSEPORT", attach(fd, 0));
	say_rc("detach", detach(fd));
	MUST(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)));
	say_rc("empty", setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &none, sizeof(none)));
	say_rc("not bound", attach(fd, 0));
	say_rc("detach", detach(fd));
	say_rc("no descriptor", setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &ebpf, sizeof(ebpf)));
	say_rc("lock", setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)));
	say_rc("locked", attach(fd, 0));
	close(fd);
}

int main(void)
{
	say_start();
	datagrams(AF_INET);
	datagrams(AF_INET6);
	streams(AF_INET);
	streams(AF_INET6);
	refusals();
	return 0;
}
